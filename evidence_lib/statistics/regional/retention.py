"""The share of the overall effect that a region keeps."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.distributions import normal_quantile
from evidence_lib.statistics.inputs import Floats, checked_level, numbers, refuse
from evidence_lib.statistics.regional.inputs import Effects, Scale, checked_effects

RatioInterval = Literal["fieller", "delta"]
# Differences below this share of the terms they come from are rounding errors.
ROUNDING = 1e-12


def retention(
    estimate: ArrayLike,
    std_error: ArrayLike,
    region: ArrayLike,
    *,
    scale: Scale = "identity",
    weights: ArrayLike | None = None,
    overall: float | None = None,
    overall_std_error: float | None = None,
    interval: RatioInterval = "fieller",
    conf_level: float = 0.95,
) -> Estimates:
    """Share of the overall treatment effect that each region keeps: its effect divided by that of the whole trial.

    r = D_r / D on the scale on which effects add (log ratios with ``scale="log"``). The region is part of the whole:
    with D = sum of w_r D_r the covariance is C = w_r V_r, and V = sum of w_r^2 V_r. The weights are inverse variances
    unless given; a D of its own, from the trial's primary analysis, is taken as efficient, so that C = V (a
    difference from an efficient estimate is independent of it). Limits are all r with
    (D_r - r D)^2 <= z^2 (V_r - 2 r C + r^2 V) (Fieller 1954, J R Stat Soc B 16:175), or r +- z se by the delta method,
    se = sqrt(V_r - 2 r C + r^2 V) / |D|, which is also ``std_error``.

    1 where the region has the effect of the whole trial, 0 where it has none, below 0 where it goes the other way.
    Assumes independent, approximately normal estimates of the regions.

    Misreading: a small share in a small region is mostly chance; look at the limits. A share of at least one half is
    the criterion of MHLW method 1, not evidence that regions are equal. On the log scale it is a share of the log
    ratio, not of the risk reduction.

    Parameters
    ----------
    estimate : array of k numbers
        The effect of each region, treated minus reference, or the ratio with ``scale="log"``.
    std_error : array of k numbers above 0
        Their standard errors; of the log ratio with ``scale="log"``.
    region : array of k labels
        The regions, each once.
    scale : "identity" or "log"
        Whether the estimates are differences or ratios.
    weights : array of k numbers above 0
        The weight of each region in the overall effect, such as its number of patients; only their proportions matter.
    overall, overall_std_error : float
        The overall effect and its standard error, as ``estimate``; both or neither, and not with ``weights``.
    interval : "fieller" or "delta"
        The kind of limits.
    conf_level : float
        The level of the limits, between 0 and 1.

    Returns
    -------
    Estimates
        One ``regional.retention`` per region, in ``groups["region"]``. Where the overall effect is not distinguishable
        from 0 at the level, Fieller's limits are unbounded: None, with a reason. Status ``not_estimable`` where the
        overall effect is 0.

    Raises
    ------
    InvalidInput
        For estimates that are not finite (or not above 0 with ``scale="log"``), standard errors or weights that are not
        above 0, a region that stands twice, unequal lengths, a wrong choice, one of ``overall`` and its standard error
        alone or with ``weights``, and an overall standard error above that of a region.
    """
    found = checked_effects(estimate, std_error, region, scale)
    if interval not in get_args(RatioInterval):
        raise InvalidInput("unknown interval", expected=" or ".join(get_args(RatioInterval)), found=repr(interval))
    level = checked_level(conf_level)
    if overall is None and overall_std_error is None:
        kind = "inverse_variance" if weights is None else "weighted"
        share = _shares(found, weights)
        whole, variance = float(share @ found.effect), float(share**2 @ found.variance)
        covariance = share * found.variance
    else:
        kind = "given"
        whole, variance = _given(found, overall, overall_std_error, weights)
        covariance = np.full(found.effect.size, variance)
    method = message(
        "regional_statistics.method.retention",
        interval=message(f"regional_statistics.interval.{interval}"),
        overall=message(f"regional_statistics.overall.{kind}"),
    )
    items = []
    for name, effect, own, shared_part in zip(found.region, found.effect, found.variance, covariance, strict=True):
        facts: dict[str, Any] = {
            "analysis": "regional.retention",
            "unit": "ratio",
            "groups": {"region": name},
            "conf_level": level,
            "method": method,
        }
        items.append(_retained(float(effect), float(own), float(shared_part), whole, variance, interval, level, facts))
    return Estimates(tuple(items))


def _retained(
    effect: float,
    own: float,
    covariance: float,
    whole: float,
    variance: float,
    interval: RatioInterval,
    level: float,
    facts: dict[str, Any],
) -> Estimate:
    """The share of one region: effect and variance of the region, covariance, effect and variance of the whole."""
    share = effect / whole if whole != 0 else math.inf
    if not math.isfinite(share):
        return Estimate(**facts, status="not_estimable", reason=message("regional_statistics.reason.no_overall_effect"))
    spread = own - 2 * share * covariance + share**2 * variance
    if not spread > ROUNDING * (own + share**2 * variance):
        return Estimate(**facts, estimate=share, reason=message("regional_statistics.reason.region_is_whole"))
    error = math.sqrt(spread) / abs(whole)
    z = normal_quantile(level)
    if interval == "delta":
        low, high = share - z * error, share + z * error
        return Estimate(**facts, estimate=share, std_error=error, conf_low=low, conf_high=high)
    # In units of the overall effect, so that nothing overflows.
    g, cross, square = (z / whole) ** 2 * variance, (z / whole) ** 2 * covariance, (z / whole) ** 2 * own
    if g >= 1:
        reason = message("regional_statistics.reason.unbounded")
        return Estimate(**facts, estimate=share, std_error=error, reason=reason)
    middle = share - cross
    half = math.sqrt(max(middle**2 - (1 - g) * (share**2 - square), 0.0))
    low, high = (middle - half) / (1 - g), (middle + half) / (1 - g)
    return Estimate(**facts, estimate=share, std_error=error, conf_low=low, conf_high=high)


def _shares(found: Effects, weights: ArrayLike | None) -> Floats:
    """The weights of the regions in the overall effect, which add up to 1."""
    if weights is None:
        # Relative to the smallest standard error, so that no square overflows.
        precision: Floats = (found.std_error.min() / found.std_error) ** 2
        return precision / precision.sum()
    given = numbers(weights, "weights")
    if given.size != found.effect.size:
        raise InvalidInput("weights do not fit", expected="one per region", found=f"{given.size}")
    refuse(~(np.isfinite(given) & (given > 0)), "weights", "a finite number above 0", "another value")
    return given / given.max() / (given / given.max()).sum()


def _given(
    found: Effects, overall: float | None, std_error: float | None, weights: ArrayLike | None
) -> tuple[float, float]:
    """The overall effect that was given, on the scale on which effects add, and its variance."""
    if overall is None or std_error is None:
        raise InvalidInput("one of overall and overall_std_error is missing", expected="both, or neither")
    if weights is not None:
        raise InvalidInput("weights are for an overall effect that is made of the regions", expected="no weights")
    whole = checked_effects([overall], [std_error], ["overall"], found.scale)
    if (whole.std_error[0] > found.std_error * (1 + ROUNDING)).any():
        raise InvalidInput(
            "overall_std_error is above that of a region, which is part of the whole",
            expected="at most the standard error of each region",
        )
    return float(whole.effect[0]), float(whole.variance[0])
