"""Win ratio, win odds and net benefit from the wins and losses of the strata, with their variances."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np

from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import Floats
from evidence_lib.statistics.win_statistics.comparison import Stratum

Kind = Literal["ratio", "odds", "net_benefit"]
Weights = Literal["mh", "equal", "size", "mean-by-size", "mean-by-events"]
Variance = Literal["unrestricted", "null"]
# A variance as small as this is rounding: it would take 1e20 patients.
NO_VARIANCE = 1e-20
# Logarithms of ratios beyond this have no number; a net benefit this close to 1 is 1 up to rounding.
WIDEST = 700.0
ROUNDING = 1e-9
EQUAL = 1e-15


@dataclass(frozen=True)
class Effect:
    """A statistic and its variance, of the logarithm for ratios; None where it has no finite one, with the reason."""

    value: float | None
    variance: float | None
    reason: Message | None


@dataclass(frozen=True)
class Moments:
    """Shares of pairs won and lost, their covariance, and ``null``, the variance of won less lost if these are equal.

    Variances are None where an arm has a single patient.
    """

    shares: Floats
    covariance: Floats | None
    null: float | None


def effect(kind: Kind, strata: list[Stratum], weights: Weights, variance: Variance) -> Effect:
    """The statistic over all strata, of which there is one or more."""
    if weights == "mean-by-size" or weights == "mean-by-events":
        size = [stratum.n if weights == "mean-by-size" else stratum.with_event for stratum in strata]
        return _mean(kind, size, [_effect(kind, _moments(stratum), variance) for stratum in strata], variance)
    return _effect(kind, _pooled(strata, weights), variance)


def estimate(kind: Kind, found: Effect, shared: dict[str, Any]) -> Estimate:
    """The statistic with its interval and test."""
    if found.value is None:
        return Estimate(**shared, status="not_estimable", reason=found.reason)
    if found.variance is None:
        return Estimate(**shared, estimate=found.value, reason=found.reason)
    centre, back = (found.value, float) if kind == "net_benefit" else (math.log(found.value), math.exp)
    error = math.sqrt(found.variance)
    half = normal_quantile(shared["conf_level"]) * error
    test: dict[str, Any] = {"estimate": found.value, "std_error": error, "p_value": two_sided_p(centre / error)}
    if kind != "net_benefit" and abs(centre) + half > WIDEST:
        return Estimate(**shared, **test, reason=message("win_statistics.reason.too_wide"))
    low, high = back(centre - half), back(centre + half)
    if kind == "net_benefit":
        low, high = max(low, -1.0), min(high, 1.0)
    return Estimate(**shared, **test, conf_low=low, conf_high=high)


def _pooled(strata: list[Stratum], weights: Literal["mh", "equal", "size"]) -> Moments:
    """The moments of all pairs, which count differently by stratum."""
    pairs = np.array([stratum.tally.all_pairs for stratum in strata], dtype=np.float64)
    n = np.array([stratum.n for stratum in strata], dtype=np.float64)
    weight = {"mh": pairs / n, "equal": pairs, "size": n}[weights]
    weight = weight / weight.sum()
    shares, covariance, null = np.zeros(2), np.zeros((2, 2)), 0.0
    complete = True
    for w, part in zip(weight, map(_moments, strata), strict=True):
        shares = shares + w * part.shares
        if part.covariance is None or part.null is None:
            complete = False
        else:
            covariance, null = covariance + w**2 * part.covariance, null + w**2 * part.null
    return Moments(shares, covariance if complete else None, float(null) if complete else None)


def _moments(stratum: Stratum) -> Moments:
    n1, n0 = stratum.treated.shape[1], stratum.reference.shape[1]
    if min(n1, n0) < 2:
        return Moments(stratum.shares, None, None)
    covariance = stratum.treated @ stratum.treated.T / n1**2 + stratum.reference @ stratum.reference.T / n0**2
    # If shares are equal wins less losses have mean 0; products of a pair with itself are taken out.
    found = stratum.tally
    own = (found.treated_wins - found.treated_losses).sum(axis=0)
    other = (found.reference_wins - found.reference_losses).sum(axis=0)
    decided = float(found.decided.sum())
    null = n0 / (n0 - 1) * (float(own @ own) - decided) + n1 / (n1 - 1) * (float(other @ other) - decided)
    return Moments(stratum.shares, covariance, null / found.all_pairs**2)


def _effect(kind: Kind, moments: Moments, variance: Variance) -> Effect:
    won, lost = (float(share) for share in moments.shares)
    value = _value(kind, won, lost)
    if math.isinf(value):
        return Effect(None, None, _infinite(kind, won))
    if kind != "net_benefit" and value == 0:
        return Effect(value, None, message("win_statistics.reason.ratio_zero"))
    if moments.covariance is None or moments.null is None:
        return Effect(value, None, message("win_statistics.reason.single_patient"))
    slope = _slope(kind, won, lost, variance)
    found = moments.null * slope[0] ** 2 if variance == "null" else float(slope @ moments.covariance @ slope)
    if not found > NO_VARIANCE:
        return Effect(value, None, message("win_statistics.reason.no_variance"))
    return Effect(value, float(found), None)


def _value(kind: Kind, won: float, lost: float) -> float:
    if kind == "net_benefit":
        # Sums of shares over strata that are equal but for their last digit are equal.
        return won - lost if abs(won - lost) > EQUAL else 0.0
    if kind == "ratio":
        return won / lost if lost > 0 else math.inf
    # Half of the ties on each side: [won + (1 - won - lost) / 2] / [lost + (1 - won - lost) / 2]. Weighted shares of a
    # small sample can differ by more than 1.
    benefit = won - lost
    if abs(benefit) > 1 - ROUNDING:
        return math.inf if benefit > 0 else 0.0
    return (1 + benefit) / (1 - benefit)


def _infinite(kind: Kind, won: float) -> Message:
    if kind == "odds":
        return message("win_statistics.reason.odds_infinite")
    return message("win_statistics.reason.no_losses" if won > 0 else "win_statistics.reason.all_ties")


def _slope(kind: Kind, won: float, lost: float, variance: Variance) -> Floats:
    """Derivatives of the statistic, or of a ratio's logarithm, in the shares won and lost; at equal ones for null."""
    if variance == "null":
        won = lost = (won + lost) / 2
    if kind == "net_benefit":
        return np.array([1.0, -1.0])
    if kind == "ratio":
        return np.array([1 / won, -1 / lost])
    return np.array([2.0, -2.0]) / (1 - (won - lost) ** 2)


def _mean(kind: Kind, size: list[int], parts: list[Effect], variance: Variance) -> Effect:
    """The mean of the strata's statistics, by these sizes."""
    if sum(size) == 0:
        return Effect(None, None, message("win_statistics.reason.no_events"))
    value = total = 0.0
    gap: Message | None = None
    for w, part in ((n / sum(size), part) for n, part in zip(size, parts, strict=True) if n > 0):
        if part.value is None:
            return Effect(None, None, message("win_statistics.reason.in_a_stratum", reason=part.reason))
        value += w * part.value
        if part.variance is None:
            gap = message("win_statistics.reason.in_a_stratum", reason=part.reason)
        else:
            # The variance of a ratio from that of its logarithm; for null all ratios are 1.
            total += w**2 * part.variance * (1.0 if kind == "net_benefit" or variance == "null" else part.value**2)
    if gap is not None:
        return Effect(value, None, gap)
    return Effect(value, total if kind == "net_benefit" else total / value**2, None)
