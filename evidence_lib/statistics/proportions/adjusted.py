"""The risk difference standardised over covariates: g-computation after logistic regression."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import Flags, Floats, checked_level, choice
from evidence_lib.statistics.not_estimable import NotEstimable
from evidence_lib.statistics.proportions.logistic import Patients, logistic_coefficients, patients

Variance = Literal["ye", "ge"]
Consistent = Literal["model", "hc0", "hc1", "hc2", "hc3"]


def adjusted_risk_difference(
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    covariates: pd.DataFrame,
    variance: Variance = "ye",
    hc: Consistent | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    arms: Literal["two", "all"] = "two",
    count: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Risk difference standardised over the covariates of all patients, treated minus reference.

    A logistic regression of the event on arm and covariates predicts for every patient the risk under each arm, m1 and
    m0; the estimate is the mean of m1 - m0 (g-computation). It is about the whole group as treated against the same
    group as not treated, and consistent in a randomised trial even where the model is wrong.

    Variance ``ge`` (Ge et al. 2011, Drug Inf J 45:481): the delta method, D' C D, D being the mean derivative of m1 -
    m0 in the coefficients and C their covariance: ``model`` is the inverse information; ``hc0`` the sandwich with
    squared residuals, ``hc1`` times n / (n - p), ``hc2`` and ``hc3`` each divided by 1 - h and (1 - h)^2, h being the
    leverage. It takes the covariates as fixed.

    Variance ``ye`` (Ye, Bannick, Yi & Shao 2023, Stat Theory Relat Fields 7:159) takes patients as drawn from a
    population and does not need the model: (v11 + v00 - 2 v10) / n with vaa = [S2(y) - 2 S(y, ma) + S2(ma)] / share of
    arm a + 2 S(y, ma) - S2(ma) and v10 = S(y, m0) in arm 1 + S(y, m1) in arm 0 - S(m1, m0), S being sample covariances,
    of y in its arm and of predictions alone over all. ``strata`` of a stratified (permuted-block) randomisation lessen
    it by the spread of mean residuals among strata (Ye, Shao, Yi & Zhao 2023, J Am Stat Assoc 118:2370, equation 18); a
    stratum without both arms lessens nothing. Both variances as in the R package beeca.
    The interval and the p-value are normal; limits stay within -1 and 1.

    Above 0 the event is more frequent in the treated. Assumes independent patients and, for a causal reading, treatment
    given at random or all confounders among the covariates.

    Misreading: it is not the model's odds ratio on another scale, and not the difference for a patient with average
    covariates. Covariates measured after treatment must not be in it.

    Parameters
    ----------
    event : array of n
        1 or True for the event, 0 or False for none; a missing outcome is refused.
    group : array of n
        Labels of arms.
    treatment, reference : str or float
        The labels of the two arms.
    covariates : DataFrame
        n rows. Numbers and booleans enter as they are; columns of any other type become indicators of their levels.
    variance : str
        ``ye`` or ``ge``.
    hc : str, or None
        The covariance of the coefficients, for ``ge`` only; None is ``hc0``.
    strata : array of n labels, or DataFrame of n rows, or None
        The strata of the randomisation, for ``ye`` only; they should be among the covariates too.
    arms : str
        ``two``: patients of other arms are left out. ``all``: they are in the model, and predicted for.
    count : array of n, or None
        How many patients each row stands for; None is one each.
    conf_level : float
        Of the two-sided interval.

    Returns
    -------
    Estimate
        ``rd.adjusted.ye`` or ``rd.adjusted.ge``, unit ``probability``, with ``n`` and ``events`` of the patients in the
        model, ``std_error``, z and the two-sided p-value. Status ``not_estimable`` without patients in an arm, where
        the model has no finite fit because outcomes are separated, for a covariate that is constant or a combination of
        others, and where a leverage is 1 under ``hc2`` and ``hc3``.

    Raises
    ------
    InvalidInput
        For events other than 0 and 1, missing or infinite covariates, unequal lengths, a wrong choice, ``hc`` with
        ``ye``, ``strata`` with ``ge``.
    """
    chosen, level = choice(variance, Variance, "variance"), checked_level(conf_level)
    if chosen == "ye" and hc is not None:
        raise InvalidInput("hc is for the variance ge", found=f"variance={chosen}, hc={hc!r}")
    if chosen == "ge" and strata is not None:
        raise InvalidInput("strata are for the variance ye", found=f"variance={chosen}")
    form = choice(hc or "hc0", Consistent, "hc")
    among = choice(arms, Literal["two", "all"], "arms")
    data = patients(event, group, treatment, reference, covariates, strata, count, among)
    shared: dict[str, Any] = {
        "analysis": f"rd.adjusted.{chosen}",
        "unit": "probability",
        "groups": {"treatment": treatment, "reference": reference},
        "conf_level": level,
        "n": data.n,
        "events": int(data.count[data.event].sum()),
        "method": message(
            "proportions_statistics.method.adjusted",
            covariates=tuple(str(column) for column in covariates.columns),
            arms=message(f"proportions_statistics.arms.{among}"),
            variance=_variance_text(chosen, form, data, strata is not None),
        ),
    }
    try:
        for number, label in ((1, treatment), (0, reference)):
            if not data.count[data.arm == number].sum():
                raise NotEstimable(message("proportions_statistics.reason.no_patients_in", arm=str(label)))
        coefficients = logistic_coefficients(data)
        estimate, spread = _ye(data, coefficients) if chosen == "ye" else _ge(data, coefficients, form)
    except NotEstimable as gap:
        return Estimate(**shared, status="not_estimable", reason=gap.reason)
    if not spread > 0:
        return Estimate(**shared, estimate=estimate, reason=message("proportions_statistics.reason.no_spread"))
    error = math.sqrt(spread)
    half = normal_quantile(level) * error
    return Estimate(
        **shared,
        estimate=estimate,
        std_error=error,
        conf_low=max(estimate - half, -1.0),
        conf_high=min(estimate + half, 1.0),
        test_statistic=estimate / error,
        p_value=two_sided_p(estimate / error),
    )


def _variance_text(variance: str, form: str, data: Patients, stratified: bool) -> Message:
    if variance == "ge":
        return message(f"proportions_statistics.variance.ge_{form}")
    if not stratified:
        return message("proportions_statistics.variance.ye_simple")
    strata = np.unique(data.stratum)
    used = sum(_in_both_arms(data, data.stratum == stratum) for stratum in strata)
    return message("proportions_statistics.variance.ye_stratified", used=used, total=strata.size)


def _predicted(data: Patients, coefficients: Floats) -> tuple[tuple[Floats, Floats], tuple[Floats, Floats]]:
    """Everybody's risk under treatment and under reference, and the rows of ``x`` that they come from."""
    number = max(int(data.arm.max()), 1)
    designs = []
    for arm in (1, 0):
        x = data.x.copy()
        x[:, 1 : number + 1] = 0.0
        if arm:
            x[:, arm] = 1.0
        designs.append(x)
    treated, control = designs
    return (expit(treated @ coefficients), expit(control @ coefficients)), (treated, control)


def _ge(data: Patients, coefficients: Floats, form: str) -> tuple[float, float]:
    (m1, m0), (x1, x0) = _predicted(data, coefficients)
    share = data.count / data.n
    gradient = share @ ((m1 * (1 - m1))[:, None] * x1 - (m0 * (1 - m0))[:, None] * x0)
    risk = expit(data.x @ coefficients)
    inverse = np.linalg.inv(data.x.T @ ((data.count * risk * (1 - risk))[:, None] * data.x))
    along = inverse @ gradient
    if form == "model":
        return float(share @ (m1 - m0)), float(gradient @ along)
    leverage = risk * (1 - risk) * np.einsum("ij,jk,ik->i", data.x, inverse, data.x)
    squares = (data.event - risk) ** 2
    if form in ("hc2", "hc3"):
        if (leverage > 1 - 1e-9).any():
            raise NotEstimable(message("proportions_statistics.reason.leverage"))
        squares = squares / (1 - leverage) ** (1 if form == "hc2" else 2)
    factor = data.n / (data.n - data.x.shape[1]) if form == "hc1" else 1.0
    return float(share @ (m1 - m0)), factor * float((data.count * squares) @ (data.x @ along) ** 2)


def _ye(data: Patients, coefficients: Floats) -> tuple[float, float]:
    (m1, m0), _ = _predicted(data, coefficients)
    y, of_arm = data.event.astype(float), {a: data.arm == a for a in (1, 0)}
    everybody = np.ones(y.size, dtype=bool)
    share = {a: float(data.count[who].sum()) / data.n for a, who in of_arm.items()}

    def covariance(u: Floats, v: Floats, who: Flags) -> float:
        count = data.count[who]
        size = float(count.sum())
        if size < 2:
            raise NotEstimable(message("proportions_statistics.reason.one_patient_in_arm"))
        a, b = u[who] - count @ u[who] / size, v[who] - count @ v[who] / size
        return float(count @ (a * b)) / (size - 1)

    total = 0.0
    for a, m in ((1, m1), (0, m0)):
        both, alone = covariance(y, m, of_arm[a]), covariance(m, m, everybody)
        total += (covariance(y, y, of_arm[a]) - 2 * both + alone) / share[a] + 2 * both - alone
    crosswise = covariance(y, m0, of_arm[1]) + covariance(y, m1, of_arm[0]) - covariance(m1, m0, everybody)
    total -= 2 * crosswise
    total -= _explained_by_strata(data, y - expit(data.x @ coefficients), share)
    return float(data.count @ (m1 - m0)) / data.n, total / data.n


def _explained_by_strata(data: Patients, residual: Floats, share: dict[int, float]) -> float:
    """The part of the variance that permuted blocks within strata take away; 0 with one stratum."""
    total = 0.0
    for stratum in np.unique(data.stratum):
        here = data.stratum == stratum
        if here.all() or not _in_both_arms(data, here):
            continue
        m1, m0 = (
            np.average(residual[who], weights=data.count[who]) for who in (here & (data.arm == a) for a in (1, 0))
        )
        # (1, -1) R (diag(pi) - pi pi') R (1, -1)' with R = diag(mean residual / pi).
        spread = m1**2 / share[1] + m0**2 / share[0] - (m1 - m0) ** 2
        total += spread * float(data.count[here].sum()) / data.n
    return total


def _in_both_arms(data: Patients, here: Flags) -> bool:
    return bool((here & (data.arm == 1)).any() and (here & (data.arm == 0)).any())
