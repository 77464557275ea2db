"""How much the estimates of regions vary by chance alone: what a trial with one true effect everywhere would show."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtri

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.distributions import normal_quantile
from evidence_lib.statistics.inputs import Floats, checked_level, numbers
from evidence_lib.statistics.regional.inputs import Effects, Scale, back, checked_effects
from evidence_lib.statistics.regional.planning import checked_fractions, checked_share, number_between
from evidence_lib.statistics.regional.shares import every_region_keeps, region_keeps

# Probabilities below this are given as this: no reader needs less, and the second calculation ends there.
LEAST = 1e-6
# In standard errors; beyond, every probability is what it is without chance.
LARGEST = 1e4


def pattern_probability(
    fractions: ArrayLike,
    region: ArrayLike,
    *,
    power: float | None = None,
    effect: float | None = None,
    std_error: float | None = None,
    alpha: float = 0.025,
    retained: float = 0.5,
    observed: ArrayLike | None = None,
) -> Estimates:
    """Probability of patterns among the regions of a trial whose true effect is the same everywhere.

    The parts Y_r ~ N(f_r theta, f_r) of the overall statistic Z = sum of Y_r ~ N(theta, 1) are independent, and region
    r keeps the share (Y_r / f_r) / Z of the overall estimate. ``.same_side``: all regions point to the same side,
    prod Phi(sqrt(f_r) theta) + prod Phi(-sqrt(f_r) theta); ``.other_way``: at least one points to the other side than
    the trial as a whole, which is 1 minus that; ``.below_share``: at least one keeps less than ``retained``. With
    ``observed``, the shares that the regions kept: ``.as_small``, that the smallest is as small as the observed one or
    smaller, and by region ``.region_as_small``, that this region's is. How much regions vary by chance is what to
    expect before any regional result is read (ICH E17 2017; Quan et al. 2010, Pharm Stat 9:100). Deterministic
    integrals over the factor that the U_r = Y_r - share f_r Z have in common, whose covariance is
    f_r [r = s] - share (2 - share) f_r f_s.

    Misreading: none of these is the probability that the regions are alike. A pattern that chance produces often speaks
    neither for nor against equal effects; one that chance hardly produces was picked because it was seen.

    Parameters
    ----------
    fractions : array of k numbers above 0
        The share of each region in the information (inverse variances, events or patients); they add up to 1.
    region : array of k labels
        The regions, each once.
    power : float
        The power of the whole trial, from which theta = z(1 - alpha) + z(power); or ``effect`` and ``std_error``.
    effect, std_error : float
        The true effect on the scale on which effects add, of either sign or 0, and the standard error of the overall
        estimate; theta is their ratio.
    alpha : float
        The one-sided level that ``power`` is for, between 0 and 0.5.
    retained : float
        A share from 0 to below 1.
    observed : array of k numbers
        The share of the overall effect that each region kept; a smallest one above 0.99 is extrapolated to 1.

    Returns
    -------
    Estimates
        ``regional.pattern.*`` in the order above; with one region ``not_estimable``.

    Raises
    ------
    InvalidInput
        For fractions that are not above 0 or do not add up to 1, a region that stands twice, neither or both of power
        and effect, observed shares that are not finite or do not fit, and numbers outside their range.
    """
    shares, names = checked_fractions(fractions, region, at_least=1)
    theta = _true_effect(power, effect, std_error, alpha)
    kept = checked_share(retained)
    seen = None if observed is None else _checked_observed(observed, shares.size)
    method = message("regional_statistics.method.pattern", theta=abs(theta))
    if shares.size < 2:
        return _alone(names[0], seen, method)
    one = float(np.exp(log_ndtr(np.sqrt(shares) * theta).sum()))
    other = float(np.exp(log_ndtr(-np.sqrt(shares) * theta).sum()))
    # 1 minus the larger, exact where it is close to 1.
    apart = -math.expm1(float(log_ndtr(np.sqrt(shares) * abs(theta)).sum())) - min(one, other)
    found = [("same_side", one + other), ("other_way", apart)]
    found.append(("below_share", apart if kept == 0 else 1 - every_region_keeps(shares, theta, kept)))
    if seen is not None:
        found.append(("as_small", 1 - every_region_keeps(shares, theta, float(seen.min()))))
    items = [_probability(kind, value, method) for kind, value in found]
    if seen is not None:
        for name, share, own in zip(names, shares, seen, strict=True):
            value = 1 - region_keeps(float(share), theta, float(own))
            items.append(_probability("region_as_small", value, method, region=name))
    return Estimates(tuple(items))


def expected_range(
    estimate: ArrayLike, std_error: ArrayLike, region: ArrayLike, *, scale: Scale = "identity", conf_level: float = 0.95
) -> Estimates:
    """Range in which a region's estimate falls by chance if the overall effect holds in every region.

    With the inverse-variance mean D and its variance V the deviation D_r - D is N(0, V_r - V) where all regions have
    one effect, independent of D; the range is D +- z sqrt(V_r - V), back on the scale of the estimates.

    Misreading: it is no confidence interval of a region's effect; among twenty regions one outside its 95 % range is
    to be expected.

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
    conf_level : float
        The share of trials in which the estimate falls into the range, between 0 and 1.

    Returns
    -------
    Estimates
        ``regional.expected.difference`` or ``.ratio`` per region: the overall effect, and the range as limits. With one
        region ``not_estimable``.

    Raises
    ------
    InvalidInput
        As ``regional_effects``.
    """
    found = checked_effects(estimate, std_error, region, scale)
    level = checked_level(conf_level)
    precision: Floats = (found.std_error.min() / found.std_error) ** 2
    share = precision / precision.sum()
    whole = float(share @ found.effect)
    items = []
    for name, part, variance in zip(found.region, share, found.variance, strict=True):
        facts: dict[str, Any] = {
            "analysis": f"regional.expected.{found.variant}",
            "unit": found.variant,
            "groups": {"region": name},
            "conf_level": level,
            "scale": scale,
            "method": message("regional_statistics.method.expected"),
        }
        half = normal_quantile(level) * math.sqrt(float(variance) * (1 - float(part)))
        limits = [back(found.scale, value) for value in (whole, whole - half, whole + half)]
        if len(found.region) < 2 or None in limits:
            why = "one_region" if len(found.region) < 2 else "not_finite"
            reason = message(f"regional_statistics.reason.{why}")
            items.append(Estimate(**facts, status="not_estimable", reason=reason))
            continue
        items.append(Estimate(**facts, estimate=limits[0], conf_low=limits[1], conf_high=limits[2]))
    return Estimates(tuple(items))


def sign_agreement(
    estimate: ArrayLike,
    std_error: ArrayLike,
    region: ArrayLike,
    *,
    scale: Scale = "identity",
    overall: float | None = None,
) -> Estimates:
    """Number of regions whose estimate lies on the same side of no effect as the overall one.

    A region without any effect (a difference of exactly 0) is on neither side and does not agree.

    Misreading: agreement of all regions does not show that they are alike, and a region on the other side does not
    show that the treatment fails there; see ``pattern_probability`` for how often either comes by chance.

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
    overall : float
        The overall effect, as ``estimate``; None stands for the inverse-variance mean of the regions.

    Returns
    -------
    Estimates
        ``regional.sign_agreement``, the number that agrees, and ``regional.regions``, the number of regions.

    Raises
    ------
    InvalidInput
        As ``regional_effects``.
    """
    found = checked_effects(estimate, std_error, region, scale)
    whole = _whole(found) if overall is None else float(checked_effects([overall], [1.0], ["all"], scale).effect[0])
    agrees = np.sign(found.effect) * np.sign(whole) > 0
    return Estimates(
        tuple(
            Estimate(
                analysis=f"regional.{name}",
                unit="regions",
                estimate=value,
                method=message(f"regional_statistics.method.{name}"),
            )
            for name, value in (("sign_agreement", int(agrees.sum())), ("regions", agrees.size))
        )
    )


def _whole(found: Effects) -> float:
    precision: Floats = (found.std_error.min() / found.std_error) ** 2
    return float(precision @ found.effect / precision.sum())


def _probability(kind: str, value: float, method: Message, region: Any = None) -> Estimate:
    return Estimate(
        analysis=f"regional.pattern.{kind}",
        unit="probability",
        groups={} if region is None else {"region": region},
        estimate=min(max(value, LEAST), 1.0),
        method=method,
    )


def _alone(name: Any, seen: Floats | None, method: Message) -> Estimates:
    """What one region, which is the whole trial, answers: nothing."""
    kinds = ["same_side", "other_way", "below_share", *(["as_small"] if seen is not None else [])]
    named: list[tuple[str, dict[str, Any]]] = [(kind, {}) for kind in kinds]
    named += [("region_as_small", {"region": name})] if seen is not None else []
    return Estimates(
        tuple(
            Estimate(
                analysis=f"regional.pattern.{kind}",
                unit="probability",
                groups=groups,
                method=method,
                status="not_estimable",
                reason=message("regional_statistics.reason.one_region"),
            )
            for kind, groups in named
        )
    )


def _true_effect(power: float | None, effect: float | None, std_error: float | None, alpha: float) -> float:
    """The true effect in standard errors of the overall estimate."""
    if (power is None) == (effect is None and std_error is None) or (effect is None) != (std_error is None):
        raise InvalidInput("the true effect is not clear", expected="either power, or effect and std_error")
    level = number_between("alpha", alpha, 0.0, 0.5)
    if power is not None:
        return float(-ndtri(level)) + float(ndtri(number_between("power", power, level, 1.0)))
    if isinstance(effect, bool) or not isinstance(effect, int | float) or not math.isfinite(effect):
        raise InvalidInput("effect is no number", expected="a finite number", found=repr(effect))
    error = number_between("std_error", std_error, 0.0, math.inf)
    return min(max(float(effect) / error, -LARGEST), LARGEST)


def _checked_observed(observed: ArrayLike, size: int) -> Floats:
    found = numbers(observed, "observed")
    if found.size != size or not np.isfinite(found).all():
        raise InvalidInput("observed does not fit", expected="one finite share per region", found=f"{found.size}")
    return found
