"""The funnel plot of a meta-analysis, tests of its asymmetry, and trim and fill."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.language import message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import SMALLEST, normal_quantile, t_quantile, t_two_sided_p
from evidence_lib.statistics.inputs import Floats, checked_level, choice
from evidence_lib.statistics.meta_analysis.inference import NO_SCATTER, coefficient, facts
from evidence_lib.statistics.meta_analysis.inputs import Scale, Studies, checked
from evidence_lib.statistics.meta_analysis.model import Data, Model, Weighted, between, weighted
from evidence_lib.statistics.meta_analysis.result import Funnel
from evidence_lib.statistics.not_estimable import NotEstimable

# Standard errors at which the region of a figure is given.
PLACES = 51
MOST_ITERATIONS = 100
# Above this many studies the exact distribution of Kendall's tau is its normal one to all digits that are printed.
MOST_EXACT = 170
# Standard errors that differ by less than this share of the largest are one, and say nothing about small studies.
SAME = 1e-9


def funnel(
    estimate: ArrayLike,
    std_error: ArrayLike,
    *,
    scale: Scale,
    studies: ArrayLike | None = None,
    model: Model = "reml",
    conf_level: float = 0.95,
) -> Funnel:
    """Funnel plot of k studies, two tests of its asymmetry, and the pooled effect after trim and fill.

    Egger's test: slope of the regression of the effects on their standard errors with weights w = 1 / se^2 and a
    residual variance of its own, which is the intercept of effect / se on 1 / se; t with k - 2 (Egger et al. 1997, BMJ
    315:629; metafor ``regtest(model = "lm")``). Rank correlation: Kendall's tau of (y - mean) / sqrt(se^2 - 1 / sum w)
    and se^2, with the fixed-effect mean; exact without ties, else normal (Begg & Mazumdar 1994, Biometrics 50:1088;
    ``ranktest``). Trim and fill by the estimator L0 = [4 S - k (k + 1)] / (2 k - 1), S being the sum of the ranks of
    the effects above the mean of the rest; the side is that where small studies lack (Duval & Tweedie 2000, Biometrics
    56:455; ``trimfill``). On scale ``log`` all of it is of the logarithms.

    Assumes independent studies, normal effects, and standard errors that do not depend on the effects, which those of
    odds ratios do.

    Misreading: asymmetry is not publication bias: small studies may be in other patients, or worse, and with fewer than
    ten studies neither test finds much. The filled studies are not data; the effect with them has no interval here for
    that reason, and corrects nothing.

    Parameters
    ----------
    estimate : array of k
        The studies' effects: differences with scale ``identity``, ratios (not their logarithms) with ``log``.
    std_error : array of k
        Their standard errors, of the logarithms with scale ``log``.
    scale : str
        ``identity`` or ``log``.
    studies : array of k labels, or None
        Names of the studies; None numbers them.
    model : str
        That of the pooled effect, also in trim and fill: ``fixed``, ``dersimonian-laird``, ``paule-mandel``, ``reml``
        or ``ml``.
    conf_level : float
        Of the region, the pooled effect and Egger's slope.

    Returns
    -------
    Funnel
        ``centre`` is the pooled effect (``meta.effect.fixed`` or ``.random``); ``egger`` is ``meta.funnel.egger``,
        ``rank_correlation`` ``meta.funnel.rank_correlation`` and ``trim_and_fill`` ``meta.funnel.trim_and_fill``.
        Status ``not_estimable``, but for ``centre``, with fewer than three studies and where all have the same standard
        error.

    Raises
    ------
    InvalidInput
        As ``pool``.
    """
    found, level = checked(estimate, std_error, studies=studies, scale=scale), checked_level(conf_level)
    chosen: Model = choice(model, Model, "model")
    said = message(f"meta_statistics.model.{chosen}")
    kind = "fixed" if chosen == "fixed" else "random"
    method = message("meta_statistics.method.effect.normal", model=said, number=found.y.size)
    shared = facts(found, chosen, level, f"meta.effect.{kind}", method)
    try:
        mean = _mean(found.y, found.v, chosen)
        centre = coefficient(shared, found, float(mean.coefficients[0]), math.sqrt(mean.covariance[0, 0]), math.inf)
        region = _region(found, float(mean.coefficients[0]), level)
    except NotEstimable as gap:
        centre = Estimate(**shared, status="not_estimable", reason=gap.reason)
        region = pd.DataFrame({"std_error": [], "low": [], "high": []}, dtype=float)
    filled, added = _trim_and_fill(found, chosen)
    return Funnel(
        points=_points(found, added),
        region=region,
        centre=centre,
        egger=_egger(found, level),
        rank_correlation=_rank_correlation(found),
        trim_and_fill=filled,
        added=added.y.size,
    )


@dataclass(frozen=True, eq=False)
class _Added:
    """The effects and standard errors that trim and fill adds."""

    y: Floats
    se: Floats


def _mean(y: Floats, v: Floats, model: Model) -> Weighted:
    """The pooled effect. Raises NotEstimable as ``pool``."""
    if y.size == 0:
        raise NotEstimable(message("meta_statistics.reason.no_studies"))
    if y.size == 1 and model != "fixed":
        raise NotEstimable(message("meta_statistics.reason.one_study"))
    return _trimmed_mean(y, v, model)


def _trimmed_mean(y: Floats, v: Floats, model: Model) -> Weighted:
    """As ``_mean``; of one study, that study."""
    data = Data(y, v, np.ones((y.size, 1)))
    return weighted(data, between(data, model))


def _region(studies: Studies, centre: float, level: float) -> pd.DataFrame:
    places = np.linspace(0, float(studies.se.max()), PLACES)
    half = normal_quantile(level) * places
    low, high = studies.column(centre - half), studies.column(centre + half)
    return pd.DataFrame({"std_error": np.ldexp(places, studies.exponent), "low": low, "high": high})


def _points(studies: Studies, added: _Added) -> pd.DataFrame:
    y, se = np.concatenate([studies.y, added.y]), np.concatenate([studies.se, added.se])
    return pd.DataFrame(
        {
            "study": [*studies.names, *[""] * added.y.size],
            "estimate": studies.column(y),
            "std_error": np.ldexp(se, studies.exponent),
            "filled": np.arange(y.size) >= studies.y.size,
        }
    )


def _comparable(studies: Studies) -> None:
    """Raise NotEstimable with few studies, or where all are of one size."""
    if studies.y.size < 3:
        raise NotEstimable(message("meta_statistics.reason.few_studies"))
    if np.ptp(studies.se) <= SAME * studies.se.max():
        raise NotEstimable(message("meta_statistics.reason.same_std_error"))


def _egger(studies: Studies, level: float) -> Estimate:
    shared: dict[str, Any] = {
        "analysis": "meta.funnel.egger",
        "unit": "standard errors",
        "conf_level": level,
        "method": message("meta_statistics.method.egger"),
    }
    try:
        _comparable(studies)
        w, df = 1 / studies.v, studies.y.size - 2
        away = studies.se - float((w * studies.se).sum() / w.sum())
        residual = studies.y - float((w * studies.y).sum() / w.sum())
        spread = float((w * away**2).sum())
        slope = float((w * away * residual).sum()) / spread
        square = float((w * (residual - slope * away) ** 2).sum()) / df
        if square < NO_SCATTER:
            raise NotEstimable(message("meta_statistics.reason.no_scatter"))
    except NotEstimable as gap:
        return Estimate(**shared, status="not_estimable", reason=gap.reason)
    error = math.sqrt(square / spread)
    half = t_quantile(level, df) * error
    return Estimate(
        **shared,
        estimate=slope,
        std_error=error,
        conf_low=slope - half,
        conf_high=slope + half,
        test_statistic=slope / error,
        df=df,
        p_value=t_two_sided_p(slope / error, df),
    )


def _rank_correlation(studies: Studies) -> Estimate:
    from scipy.stats import kendalltau

    shared: dict[str, Any] = {"analysis": "meta.funnel.rank_correlation", "unit": "correlation"}
    normal = message("meta_statistics.method.rank_correlation_normal")
    try:
        _comparable(studies)
    except NotEstimable as gap:
        return Estimate(**shared, method=normal, status="not_estimable", reason=gap.reason)
    w = 1 / studies.v
    away = (studies.y - float((w * studies.y).sum() / w.sum())) / np.sqrt(studies.v - 1 / w.sum())
    if np.ptp(away) == 0:
        reason = message("meta_statistics.reason.no_scatter")
        return Estimate(**shared, method=normal, status="not_estimable", reason=reason)
    untied = all(np.unique(values).size == values.size for values in (away, studies.v))
    exact = untied and studies.y.size <= MOST_EXACT
    found = kendalltau(away, studies.v, method="exact" if exact else "asymptotic")
    method = message("meta_statistics.method.rank_correlation_exact") if exact else normal
    return Estimate(
        **shared, method=method, estimate=float(found.statistic), p_value=max(float(found.pvalue), SMALLEST)
    )


def _trim_and_fill(studies: Studies, model: Model) -> tuple[Estimate, _Added]:
    method = message("meta_statistics.method.trim_and_fill", model=message(f"meta_statistics.model.{model}"))
    shared = facts(studies, model, 0.95, "meta.funnel.trim_and_fill", method)
    del shared["conf_level"]
    try:
        _comparable(studies)
        added = _missing(studies, model)
        se = np.concatenate([studies.se, added.se])
        whole = _mean(np.concatenate([studies.y, added.y]), se**2, model)
        error = math.sqrt(float(whole.covariance[0, 0]))
        value = studies.shown(float(whole.coefficients[0]))
        return Estimate(**shared, estimate=value, std_error=studies.plain(error)), added
    except NotEstimable as gap:
        return Estimate(**shared, status="not_estimable", reason=gap.reason), _Added(np.empty(0), np.empty(0))


def _missing(studies: Studies, model: Model) -> _Added:
    """The mirror images of the studies that have none. Raises NotEstimable where their number keeps changing."""
    side = -1.0 if _slope(studies, model) < 0 else 1.0
    order = np.argsort(side * studies.y, kind="stable")
    y, v, k = (side * studies.y)[order], studies.v[order], studies.y.size
    before, missing, mean = -1, 0, 0.0
    for _ in range(MOST_ITERATIONS):
        if missing == before:
            return _Added(side * (2 * mean - y[k - missing :]), np.sqrt(v[k - missing :]))
        before = missing
        mean = float(_trimmed_mean(y[: k - missing], v[: k - missing], model).coefficients[0])
        away = y - mean
        rank = np.empty(k)
        rank[np.argsort(np.abs(away), kind="stable")] = np.arange(1, k + 1)
        above = float(rank[away > 0].sum())
        missing = max(0, round((4 * above - k * (k + 1)) / (2 * k - 1)))
    raise NotEstimable(message("meta_statistics.reason.no_end"))


def _slope(studies: Studies, model: Model) -> float:
    """How the effect changes with the standard error, in a meta-regression by the same model."""
    away = studies.se - studies.se.mean()
    data = Data(studies.y, studies.v, np.column_stack([np.ones(studies.y.size), away / np.sqrt((away**2).sum())]))
    return float(weighted(data, between(data, model)).coefficients[1])
