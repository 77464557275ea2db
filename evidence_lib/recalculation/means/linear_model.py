"""Recalculation of analysis of variance and of covariance by statsmodels."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.recalculation.means.arms import compared, labels, ordered, outcomes, shown, unanswered
from evidence_lib.recalculation.means.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate, Estimates

# Residuals below this share of the largest outcome are the rounding of normal equations.
NO_SPREAD = 1e-12


def anova(
    outcome: ArrayLike,
    group: ArrayLike,
    *,
    factors: pd.DataFrame | None = None,
    interactions: Sequence[Sequence[str]] = (),
    sum_of_squares: str = "III",
) -> Estimates:
    """Twin of ``statistics.means.anova``: a model formula with sums contrasts, and its table."""
    from statsmodels.formula.api import ols
    from statsmodels.stats.anova import anova_lm

    columns = {"group": labels(group)}
    columns |= {} if factors is None else {str(name): labels(factors[name]) for name in factors.columns}
    names = list(columns)
    frame = pd.DataFrame({f"f{i}": pd.factorize(values)[0] for i, values in enumerate(columns.values())})
    frame["y"], _ = outcomes(outcome)
    frame["y"] -= frame["y"].mean()
    terms: list[tuple[str, ...]] = [(name,) for name in names]
    terms += sorted((tuple(sorted(one, key=names.index)) for one in interactions), key=len)
    coded = {name: f"C(f{i}, Sum)" for i, name in enumerate(names)}
    shared: dict[str, Any] = {"analysis": "anova.test", "unit": "F", "is_test": True, "n": len(frame)}
    shared["method"] = SOURCE["anova"]
    groups = [{"variable": ":".join(term)} for term in terms]
    gap = Estimates(tuple(unanswered({**shared, "groups": group_}, NOT_ESTIMABLE) for group_ in groups))
    if any(len(set(values)) < 2 for values in columns.values()):
        return gap
    model = ols("y ~ " + " + ".join(":".join(coded[name] for name in term) for term in terms), data=frame)
    if np.linalg.matrix_rank(model.exog) < model.exog.shape[1]:
        return gap
    fit = model.fit()
    if not _spread(fit, outcome):
        return gap
    table = anova_lm(fit, typ={"III": 3, "II": 2, "I": 1}[sum_of_squares])
    rows = [table.loc[":".join(coded[name] for name in term)] for term in terms]
    return Estimates(
        tuple(
            Estimate(
                **shared,
                groups=group_,
                test_statistic=float(row["F"]),
                df=float(row["df"]),
                p_value=max(float(row["PR(>F)"]), 2.0**-1022),
            )
            for group_, row in zip(groups, rows, strict=True)
        )
    )


def ancova(
    outcome: ArrayLike,
    group: ArrayLike,
    covariates: pd.DataFrame | None,
    *,
    reference: Any,
    contrasts: str = "reference",
    margins: str = "equal",
    dose: Mapping[Any, float] | None = None,
    trend: str = "regression",
    conf_level: float = 0.95,
) -> Estimates:
    """Twin of ``statistics.means.ancova``: a mean for each arm instead of an intercept, by statsmodels OLS."""
    y, size = outcomes(outcome)
    arm = labels(group)
    present = ordered(group, arm)
    if dose is not None:
        present = sorted(present, key=lambda one: dose[one])
    arms = [one for one in present if one == reference] + [one for one in present if one != reference]
    x, shares = _covariates(covariates, len(y), margins)
    means = np.column_stack([arm == one for one in arms]).astype(float) if arms else np.empty((len(y), 0))
    model = _Model(y, np.hstack([means, x]), size, outcome, conf_level)

    def row(weights: Mapping[Any, float], at: np.ndarray) -> np.ndarray:
        return np.array([*(weights.get(one, 0.0) for one in arms), *at])

    nothing = np.zeros(x.shape[1])
    found = [
        model.estimate("ls_mean", row({one: 1.0}, shares), {"arm": shown(one)}, int((arm == one).sum()), tested=False)
        for one in arms
    ]
    pairs = [(one, reference) for one in arms if one != reference]
    if contrasts == "pairwise":
        order = arms if reference in arms else [reference, *arms]
        pairs = [(later, earlier) for earlier, later in combinations(order, 2)]
    for one, other in pairs:
        known = one in arms and other in arms
        step = row({one: 1.0, other: -1.0}, nothing) if known else None
        found.append(model.estimate("contrast", step, compared(one, other), int(np.isin(arm, [one, other]).sum())))
    if dose is not None and trend == "contrast":
        doses = np.array([dose[one] for one in arms], dtype=float)
        slope = np.linalg.pinv(doses[:, None] - doses.mean())[0] if len(set(doses)) > 1 else None
        step = None if slope is None else row(dict(zip(arms, slope, strict=True)), nothing)
        found.append(model.estimate("dose_trend.contrast", step, {"variable": "dose"}, len(y)))
    elif dose is not None:
        doses = np.array([dose[one] for one in arm], dtype=float)
        largest = float(np.abs(doses).max(initial=0.0)) or 1.0
        by_dose = _Model(y, np.hstack([np.ones((len(y), 1)), doses[:, None] / largest, x]), size, outcome, conf_level)
        step = np.array([0.0, 1.0 / largest, *nothing])
        found.append(by_dose.estimate("dose_trend.regression", step, {"variable": "dose"}, len(y)))
    return Estimates(tuple(found))


class _Model:
    """A model without an intercept of its own; no fit where its columns depend on each other."""

    def __init__(self, y: np.ndarray, x: np.ndarray, size: float, outcome: Any, conf_level: float) -> None:
        from statsmodels.regression.linear_model import OLS

        self.size, self.conf_level, self.fit = size, conf_level, None
        length = np.sqrt((x**2).sum(axis=0))
        if len(y) >= x.shape[1] > 0 and (length > 0).all() and np.linalg.matrix_rank(x / length) == x.shape[1]:
            self.fit = OLS(y, x).fit()
            self.spread = _spread(self.fit, outcome)

    def estimate(
        self, name: str, weights: np.ndarray | None, groups: dict[str, Any], n: int, *, tested: bool = True
    ) -> Estimate:
        """The estimate of one combination of the coefficients."""
        shared: dict[str, Any] = {"analysis": f"ancova.{name}", "unit": "outcome", "groups": groups, "n": n}
        shared |= {"conf_level": self.conf_level, "method": SOURCE["ancova"]}
        if self.fit is None or weights is None:
            return unanswered(shared, NOT_ESTIMABLE)
        if not self.spread:
            value = float(weights @ self.fit.params)
            value = value if abs(value) > 1e-13 else 0.0
            return Estimate(**shared, estimate=value * self.size, reason=NOT_ESTIMABLE)
        found = self.fit.t_test(weights)
        ((low, high),) = found.conf_int(1 - self.conf_level) * self.size
        test: dict[str, Any] = {
            "test_statistic": float(np.squeeze(found.statistic)),
            "p_value": max(float(np.squeeze(found.pvalue)), 2.0**-1022),
        }
        return Estimate(
            **shared,
            estimate=float(found.effect[0]) * self.size,
            std_error=float(np.squeeze(found.sd)) * self.size,
            conf_low=float(low),
            conf_high=float(high),
            df=float(self.fit.df_resid),
            **(test if tested else {}),
        )


def _covariates(covariates: pd.DataFrame | None, n: int, margins: str) -> tuple[np.ndarray, np.ndarray]:
    """Columns of the covariates, numbers in standard units, and the point at which means are taken."""
    if n == 0:
        return np.empty((0, 0)), np.empty(0)
    columns: list[np.ndarray] = []
    shares: list[float] = []
    for name in () if covariates is None else covariates.columns:
        values = covariates[name]  # type: ignore[index]
        if pd.api.types.is_numeric_dtype(values) and not isinstance(values.dtype, pd.CategoricalDtype):
            number = values.to_numpy(dtype=float)
            number = number / (np.abs(number).max(initial=0.0) or 1.0)
            number = np.where(np.ptp(number) > 0, number - number.mean(), 0.0)
            columns.append(number / (number.std() or 1.0))
            shares.append(0.0)
            continue
        levels = list(dict.fromkeys(values))
        indicators = [np.array(values == level, dtype=float) for level in levels[1:]] or [np.zeros(n)]
        columns += indicators
        shares += [1 / len(levels) if margins == "equal" else float(one.mean()) for one in indicators]
    return (np.column_stack(columns) if columns else np.empty((n, 0))), np.array(shares)


def _spread(fit: Any, outcome: Any) -> bool:
    """Whether the residuals are more than rounding."""
    scaled, _ = outcomes(outcome)
    limit = NO_SPREAD * float(np.abs(scaled).max())
    return fit.df_resid > 0 and math.sqrt(fit.ssr / len(scaled)) > limit
