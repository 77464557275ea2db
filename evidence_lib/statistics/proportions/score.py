"""Score tests of two binomial proportions and the limits they give: differences, ratios and odds ratios.

z compares the observed effect with a hypothetical one, with the variance at the maximum-likelihood proportions that
have the hypothetical effect (Miettinen & Nurminen 1985, Stat Med 4:213; Farrington & Manning 1990, Stat Med 9:1447).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Literal

import numpy as np

from evidence_lib.statistics.inputs import Floats
from evidence_lib.statistics.proportions.inputs import Tables

Weights = Literal["mh", "mn"]
Effect = Literal["ratio", "odds"]
# A z beyond this stands for an infinite one where a root is sought.
FAR = 1e8
# The widest ratios that are sought, on the log scale.
WIDEST = 300.0
ROUNDS, SAME = 500, 1e-14
# Iterated weights that change by less than this share have settled; they do within some 40 rounds, up to rounding.
WEIGHT_ROUNDS, SETTLED = 100, 1e-12
# What is left of a difference after this share of its terms has cancelled is rounding: the difference is 0.
ROUNDING = 1e-13


def restricted_by_difference(t: Tables, difference: float) -> tuple[Floats, Floats]:
    """The proportions, treated and reference, of greatest likelihood whose difference is this one.

    Newton's method on the slope of the log-likelihood, which falls from one end of the range to the other, kept
    between the ends: the root of the usual cubic, without its loss of digits where two of its roots are close.
    """
    ends = max(0.0, -difference), min(1.0, 1 - difference)
    low, high = np.full(t.used, ends[0]), np.full(t.used, ends[1])
    events = np.stack([t.x1, t.x0, t.n1 - t.x1, t.n0 - t.x0])
    # At an end of the range a slope is infinite; at a difference of 1 or -1, where the ends meet, it is undefined.
    with np.errstate(divide="ignore", invalid="ignore"):
        at_low, at_high = _slope(events, low, difference)[0] <= 0, _slope(events, high, difference)[0] >= 0
        # Not from an end: steps away from a pole only double the distance, and begin below the last digit.
        inside = (ends[1] - ends[0]) / 100
        at = np.clip((t.x1 + t.x0 - t.n1 * difference) / t.total, low + inside, high - inside)
        for _ in range(ROUNDS):
            slope, curvature = _slope(events, at, difference)
            low, high = np.where(slope >= 0, at, low), np.where(slope <= 0, at, high)
            new = at + slope / curvature
            # Past an end, or at one, the middle is tried instead.
            new = np.where((new > low) & (new < high), new, (low + high) / 2)
            done = np.abs(new - at) <= SAME * new
            at = new
            if (done | at_low | at_high).all():
                break
    control = np.where(at_low, ends[0], np.where(at_high, ends[1], at))
    return np.clip(control + difference, 0, 1), control


def _slope(events: Floats, control: Floats, difference: float) -> tuple[Floats, Floats]:
    """First derivative of the log-likelihood in the reference proportion, and minus the second."""
    treated = control + difference
    p = np.maximum(np.stack([treated, control, 1 - treated, 1 - control]), 0)
    part = np.divide(events, p, out=np.zeros_like(p), where=events > 0)
    curvature = np.divide(part, p, out=np.zeros_like(p), where=events > 0)
    return part[0] + part[1] - part[2] - part[3], curvature.sum(axis=0)


def difference_z(t: Tables, difference: float, *, bias: bool, weights: Weights = "mh") -> float:
    """Score statistic of a hypothetical difference, over all tables; ``bias`` multiplies variances by N / (N - 1)."""
    treated, control = restricted_by_difference(t, difference)
    spread = treated * (1 - treated) / t.n1 + control * (1 - control) / t.n0
    if bias:
        spread = spread * t.total / (t.total - 1)
    w = _mantel_haenszel(t) if weights == "mh" else _iterated(t, treated, control)
    each = t.x1 / t.n1 - t.x0 / t.n0
    return _divided(summed(w * each, -w * difference), float(w**2 @ spread))


def weighted_difference(t: Tables, weights: Weights) -> float:
    """The difference at which z is 0: with Mantel-Haenszel weights a weighted mean."""
    each = t.x1 / t.n1 - t.x0 / t.n0
    low, high = float(each.min()), float(each.max())
    if low == high:
        return low
    if weights == "mh":
        w = _mantel_haenszel(t)
        return summed(w * each) / float(w.sum())
    if difference_z(t, 0.0, bias=True, weights=weights) == 0:
        return 0.0
    return _root(lambda value: difference_z(t, value, bias=True, weights=weights), low, high)


def difference_limits(t: Tables, at: float, z: float, *, bias: bool, weights: Weights = "mh") -> tuple[float, float]:
    """The differences on either side of the estimate whose z is this far from 0."""

    def beyond(target: float) -> Callable[[float], float]:
        return lambda value: difference_z(t, value, bias=bias, weights=weights) - target

    low = -1.0 if at <= -1 else _root(beyond(z), -1.0, at)
    high = 1.0 if at >= 1 else _root(beyond(-z), at, 1.0)
    return low, high


def effect_z(t: Tables, value: float, effect: Effect, *, bias: bool) -> float:
    """Score statistic of a hypothetical ratio or odds ratio, of one table; for odds, with events and some without."""
    x1, n1, x0, n0 = (float(cell[0]) for cell in (t.x1, t.n1, t.x0, t.n0))
    n, x = n1 + n0, x1 + x0
    factor = n / (n - 1) if bias else 1.0
    if effect == "ratio":
        # The smaller root of n r p^2 - b p + x = 0, written so that nothing cancels.
        b = value * (n1 + x0) + x1 + n0
        control = min(2 * x / (b + math.sqrt(max(b**2 - 4 * n * value * x, 0))), 1.0)
        treated = min(value * control, 1.0)
        spread = treated * (1 - treated) / n1 + value**2 * control * (1 - control) / n0
        return _divided(summed(x1 / n1, -value * x0 / n0), spread * factor)
    # The reference odds w with n1 v w / (1 + v w) + n0 w / (1 + w) = x, v being the odds ratio: a quadratic again.
    a, b = value * (n - x), value * (n1 - x) + n0 - x
    root = math.sqrt(b**2 + 4 * a * x)
    odds = 2 * x / (b + root) if b >= 0 else (root - b) / (2 * a)
    treated, spared = value * odds / (1 + value * odds), 1 / (1 + value * odds)
    information = n1 * treated * spared, n0 * odds / (1 + odds) ** 2
    # Observed minus expected events, in the form that keeps its digits where the proportion is near 1.
    distance = summed(x1 * spared, -(n1 - x1) * treated)
    if min(information) <= 0:
        return _divided(distance, 0.0)
    return _divided(distance, factor / (1 / information[0] + 1 / information[1]))


def effect_limits(
    t: Tables, at: float | None, z: float, effect: Effect, *, bias: bool
) -> tuple[float | None, float | None]:
    """The ratios whose z is this far from 0. ``at`` is the estimate, None where it is infinite; so is its limit."""

    def beyond(target: float) -> Callable[[float], float]:
        return lambda log: effect_z(t, math.exp(log), effect, bias=bias) - target

    middle = WIDEST if at is None else -WIDEST if at == 0 else math.log(at)
    low = 0.0 if at == 0 else math.exp(_root(beyond(z), -WIDEST, middle))
    high = None if at is None else math.exp(_root(beyond(-z), middle, WIDEST))
    return low, high


def _mantel_haenszel(t: Tables) -> Floats:
    return t.n1 * t.n0 / t.total


def _iterated(t: Tables, treated: Floats, control: Floats) -> Floats:
    """Miettinen & Nurminen's weights: 1 / (V1 / n1 + V0 / n0) up to a constant, V being p (1 - p).

    The p are the proportions standardised over the strata, which needs the weights again: they are iterated.
    """
    w = _mantel_haenszel(t)
    for _ in range(WEIGHT_ROUNDS):
        p1, p0 = float(w @ treated / w.sum()), float(w @ control / w.sum())
        v1, v0 = p1 * (1 - p1), p0 * (1 - p0)
        if v1 + v0 <= 0:
            return _mantel_haenszel(t)
        share = v1 / (v1 + v0)
        new = 1 / (share / t.n1 + (1 - share) / t.n0)
        if np.allclose(new / new.sum(), w / w.sum(), rtol=SETTLED, atol=0):
            break
        w = new
    return w


def summed(*terms: Floats | float) -> float:
    """The sum of all terms; exactly 0 where what is left of them is rounding, so that no effect is no effect."""
    flat = np.concatenate([np.atleast_1d(term) for term in terms])
    total = float(flat.sum())
    return 0.0 if abs(total) <= ROUNDING * float(np.abs(flat).sum()) else total


def _divided(distance: float, variance: float) -> float:
    """z, with 0 / 0 taken as 0: an effect that is met exactly is no distance away."""
    if distance == 0:
        return 0.0
    return distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance)


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    def bounded(value: float) -> float:
        return min(max(function(value), -FAR), FAR)

    return float(brentq(bounded, low, high, xtol=1e-16, rtol=1e-15, maxiter=2000))
