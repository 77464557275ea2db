"""Analysis of covariance: least-squares means of arms, their differences, and the trend over doses."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.design import Design, design
from evidence_lib.statistics.distributions import t_quantile, t_two_sided_p
from evidence_lib.statistics.inputs import Floats, checked_level, choice, labelled
from evidence_lib.statistics.means.inputs import UNIT, Outcome, label, levels_in_order, measured, pair
from evidence_lib.statistics.means.linear_model import Fit, least_squares
from evidence_lib.statistics.not_estimable import NotEstimable

Contrasts = Literal["reference", "pairwise"]
Margins = Literal["equal", "observed"]
Trend = Literal["regression", "contrast"]
GROUP, DOSE = "group", "dose"
NO_CHANGE = 1e-13


def ancova(
    outcome: ArrayLike,
    group: ArrayLike,
    covariates: pd.DataFrame | None,
    *,
    reference: Hashable,
    contrasts: Contrasts = "reference",
    margins: Margins = "equal",
    dose: Mapping[Any, float] | None = None,
    trend: Trend = "regression",
    conf_level: float = 0.95,
) -> Estimates:
    """Least-squares means of all arms, their differences (treated minus reference) and the dose trend.

    One linear model by least squares: outcome = intercept + arm + covariates + error. The least-squares mean of an arm
    is its mean outcome in this model where every numeric covariate has its overall mean and the levels of a categorical
    one have equal shares, or the shares in the data (``margins="observed"``); see Searle, Speed & Milliken 1980, Am
    Stat 34:216. A difference of two does not depend on the margins. Estimate -+ t s sqrt(l' (X'X)^-1 l), with the
    residual degrees of freedom n - rank X. As R's ``emmeans`` of ``lm`` and SAS LSMEANS.

    The dose trend is the coefficient of the dose as a number, which takes the place of the arms in the model
    (``regression``), or the slope over the doses of the least-squares means, sum (d - mean d) m / sum (d - mean d)^2
    (``contrast``): change of the outcome per unit of dose.

    Assumes independent patients, effects of covariates that are linear and the same in all arms, and errors of one
    variance, normal or many. Covariates must be measured before treatment.

    Misreading: a least-squares mean is not the mean seen in the arm but the model's for patients alike in all arms; the
    difference is between means, and its interval is not the range of patients' benefit. A trend that is not
    significant does not show that the doses are alike, nor a significant one that each dose works.

    Parameters
    ----------
    outcome : array of n
        Numbers in any unit.
    group : array of n
        Arm labels, all of which enter one model.
    covariates : DataFrame of n rows, or None
        Numbers and booleans enter as they are; columns of any other type are categories. None: a one-way model.
    reference : label
        The arm that the others are compared with; its coefficient is in the intercept.
    contrasts : str
        ``reference``: each other arm minus the reference. ``pairwise``: each arm minus each before it, the reference
        being first, then in order of dose where ``dose`` is given, of a categorical's levels, or sorted.
    margins : str
        ``equal`` or ``observed``, for the least-squares means.
    dose : mapping of arm to number, or None
        The dose of every arm in the data, for the trend; None gives none.
    trend : str
        ``regression`` or ``contrast``.
    conf_level : float
        Of the intervals.

    Returns
    -------
    Estimates
        ``ancova.ls_mean`` with ``groups["arm"]``, ``ancova.contrast`` with treatment and reference, and with ``dose``
        one ``ancova.dose_trend.regression`` or ``.contrast`` over all arms; unit ``outcome`` (per unit of dose for the
        trend), ``test_statistic`` t with ``df`` and two-sided ``p_value`` for differences and trend; ``n`` patients of
        the arms concerned. Status ``not_estimable``, naming a covariate in the reason, where it is constant or a
        combination of the others and of the arms; where there are fewer patients than coefficients; without patients
        in the reference. Where nothing is left for the residuals, or nothing varies, there are no limits.

    Raises
    ------
    InvalidInput
        For a missing outcome, label or covariate, a dose that is missing or not a number, or a wrong choice.
    """
    data, level = measured(outcome), checked_level(conf_level)
    labels = labelled(group, GROUP, data.values.size)
    doses = None if dose is None else _doses(dose, labels)
    columns = _covariates(covariates, data.values.size)
    model = _Model(data, labels, _arms(labels, group, reference, doses), columns, level)
    chosen = choice(trend, Trend, "trend")
    compared = _compared(model.arms, reference, choice(contrasts, Contrasts, "contrasts"))
    found = [
        *(_ls_mean(model, arm, choice(margins, Margins, "margins")) for arm in model.arms),
        *(_contrast(model, one, other) for one, other in compared),
        *([] if doses is None else [_trend(model, doses, chosen)]),
    ]
    return Estimates(tuple(found))


@dataclass(frozen=True, eq=False)
class _Model:
    """The patients, their arms in order, and the columns of the covariates."""

    data: Outcome
    labels: NDArray[np.object_]
    arms: list[Any]
    covariates: Design
    level: float

    @property
    def names(self) -> Message | str:
        """The part of ``method`` that names the covariates."""
        used = tuple(dict.fromkeys(self.covariates.variables))
        return message("means_statistics.part.adjusted", names=used) if used else ""

    @cached_property
    def by_arm(self) -> Fit:
        """The model with an indicator of each arm but the first. Raises NotEstimable."""
        indicators = [(self.labels == arm).astype(float)[:, None] for arm in self.arms[1:]]
        return self.fitted(np.hstack([*indicators, self.covariates.matrix]), (GROUP,) * len(indicators))

    def fitted(self, columns: Floats, first: tuple[str, ...]) -> Fit:
        """Least squares on these columns, whose names are ``first`` and the covariates'. Raises NotEstimable."""
        return least_squares(self.data.values, columns, (*first, *self.covariates.variables))

    def point(self, weights: Mapping[Any, float], of_covariates: Floats) -> Floats:
        """Weights of arms and of the covariates' columns as weights of the columns of ``by_arm``."""
        return np.array([*(weights.get(arm, 0.0) for arm in self.arms[1:]), *of_covariates])

    def size(self, *arms: Any) -> int:
        """The patients of these arms."""
        return int(sum((self.labels == arm).sum() for arm in arms))


def _ls_mean(model: _Model, arm: Any, margins: Margins) -> Estimate:
    def found() -> tuple[Fit, float, float]:
        here = {other: (other == arm) - model.size(other) / model.labels.size for other in model.arms}
        return model.by_arm, *model.by_arm.at(model.point(here, _offset(model.covariates, margins)))

    method = message(
        "means_statistics.method.ancova.ls_mean",
        adjusted=model.names,
        margins=message(f"means_statistics.margins.{margins}") if model.names else "",
    )
    shared = {"analysis": "ancova.ls_mean", "groups": {"arm": label(arm)}, "n": model.size(arm), "method": method}
    return _estimate(model, shared, found, tested=False)


def _contrast(model: _Model, treatment: Any, reference: Any) -> Estimate:
    def found() -> tuple[Fit, float, float]:
        for arm in (treatment, reference):
            if arm not in model.arms:
                raise NotEstimable(message("means_statistics.reason.no_patients_in", arm=str(arm)))
        zeros = np.zeros(model.covariates.matrix.shape[1])
        one, other = (model.point({arm: 1.0}, zeros) for arm in (treatment, reference))
        return model.by_arm, *model.by_arm.change(one - other)

    shared = {
        "analysis": "ancova.contrast",
        "groups": pair(treatment, reference),
        "n": model.size(treatment, reference),
        "method": message("means_statistics.method.ancova.contrast", adjusted=model.names),
    }
    return _estimate(model, shared, found, tested=True)


def _trend(model: _Model, doses: Mapping[Any, float], kind: Trend) -> Estimate:
    def regression() -> tuple[Fit, float, float]:
        given = np.array([doses[arm] for arm in model.labels])[:, None]
        fit = model.fitted(np.hstack([given, model.covariates.matrix]), (DOSE,))
        return fit, *fit.change(np.eye(1 + model.covariates.matrix.shape[1])[0])

    def contrast() -> tuple[Fit, float, float]:
        given = np.array([doses[arm] for arm in model.arms])
        away = given - given.mean() if given.size else given
        widest = float(np.abs(away).max(initial=0.0))
        if widest == 0:
            raise NotEstimable(message("means_statistics.reason.constant", term=DOSE))
        slope = away / widest / float(((away / widest) ** 2).sum())
        weights = model.point(dict(zip(model.arms, slope, strict=True)), np.zeros(model.covariates.matrix.shape[1]))
        value, error = model.by_arm.change(weights)
        return model.by_arm, value / widest, error / widest

    shared = {
        "analysis": f"ancova.dose_trend.{kind}",
        "groups": {"variable": DOSE},
        "n": model.data.values.size,
        "method": message(f"means_statistics.method.ancova.trend_{kind}", adjusted=model.names),
    }
    return _estimate(model, shared, regression if kind == "regression" else contrast, tested=True)


def _estimate(
    model: _Model, shared: Mapping[str, Any], found: Callable[[], tuple[Fit, float, float]], *, tested: bool
) -> Estimate:
    """The estimate of a value and its standard error in residual standard deviations, with the fit they are of."""
    fields: dict[str, Any] = {**shared, "unit": UNIT, "conf_level": model.level}
    try:
        fit, value, share = found()
        deviation = fit.deviation
        if deviation is None:
            # Outcomes are 1 at most here: this is the rounding of a zero.
            known = value if abs(value) > NO_CHANGE else 0.0
            return Estimate(**fields, estimate=model.data.back(known), reason=fit.no_deviation)
        error = share * deviation
        half = t_quantile(model.level, fit.df) * error
        limits = {"conf_low": model.data.back(value - half), "conf_high": model.data.back(value + half)}
        fields |= {**limits, "estimate": model.data.back(value), "std_error": model.data.back(error), "df": fit.df}
    except NotEstimable as gap:
        return Estimate(**fields, status="not_estimable", reason=gap.reason)
    if tested:
        fields |= {"test_statistic": value / error, "p_value": t_two_sided_p(value / error, fit.df)}
    return Estimate(**fields)


def _compared(arms: list[Any], reference: Any, contrasts: Contrasts) -> list[tuple[Any, Any]]:
    """Treatment and reference of each difference."""
    if contrasts == "pairwise":
        order = arms if reference in arms else [reference, *arms]
        return [(later, earlier) for earlier, later in combinations(order, 2)]
    return [(arm, reference) for arm in arms if arm != reference]


def _arms(labels: NDArray[np.object_], group: Any, reference: Any, doses: Mapping[Any, float] | None) -> list[Any]:
    """The arms in the data: the reference, then in order of dose, of a categorical's levels, or sorted."""
    levels = levels_in_order(labels, group)
    if doses is not None:
        levels = sorted(levels, key=lambda arm: doses[arm])
    return [arm for arm in levels if arm == reference] + [arm for arm in levels if arm != reference]


def _doses(dose: Any, labels: NDArray[np.object_]) -> dict[Any, float]:
    if not isinstance(dose, Mapping):
        raise InvalidInput("dose is not a mapping", expected="the dose of each arm", found=type(dose).__name__)
    found = {}
    for arm in dict.fromkeys(labels):
        value = dose.get(arm)
        if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not np.isfinite(value):
            raise InvalidInput("an arm has no dose", expected="a finite number", found=f"{value!r} for {arm}")
        found[arm] = float(value)
    return found


def _covariates(covariates: pd.DataFrame | None, size: int) -> Design:
    return Design(np.empty((size, 0)), (), ()) if covariates is None else design(covariates, size)


def _offset(covariates: Design, margins: Margins) -> Floats:
    """How far from its mean each column is taken: a number not at all, a level of a category by its share."""
    offset = np.zeros(covariates.matrix.shape[1])
    for column, (name, variable) in enumerate(zip(covariates.names, covariates.variables, strict=True)):
        # Of a category, whose columns are named by level, the first level has no column.
        if margins == "equal" and name != variable:
            offset[column] = 1 / (covariates.variables.count(variable) + 1) - covariates.matrix[:, column].mean()
    return offset
