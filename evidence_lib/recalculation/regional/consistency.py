"""Recalculation of the probabilities of consistency."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evidence_lib.recalculation.regional.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate, Estimates

_N = NormalDist()
SENSES = ("unconditional", "joint", "conditional")
# Steps of the coarsest grid on which densities are folded, at least and at most, and how many the narrowest gets.
STEPS, MOST, NARROW = 512, 32_768, 16


def consistency_probability(
    fractions: ArrayLike,
    region: ArrayLike,
    *,
    method: int,
    power: float | None = None,
    effect: float | None = None,
    std_error: float | None = None,
    alpha: float = 0.025,
    retained: float = 0.5,
) -> Estimates:
    """Twin of ``statistics.regional.consistency_probability``: the probabilities."""
    shares = [float(f) for f in np.asarray(fractions, dtype=float)]
    shares = [f / math.fsum(shares) for f in shares]
    theta, critical = _plan(power, effect, std_error, alpha)
    names = list(np.asarray(region, dtype=object)) if method == 1 else [None]
    items = []
    for position, name in enumerate(names):
        for sense in SENSES:
            items.append(
                Estimate(
                    analysis=f"consistency.method_{method}.{sense}",
                    unit="probability",
                    groups={} if name is None else {"region": name},
                    estimate=_probability(method, shares, position, theta, critical, retained, sense),
                    method=SOURCE["consistency_probability"],
                )
            )
    return Estimates(tuple(items))


def smallest_fraction(
    *,
    method: int,
    probability: float = 0.8,
    sense: str = "unconditional",
    power: float | None = None,
    effect: float | None = None,
    std_error: float | None = None,
    alpha: float = 0.025,
    retained: float = 0.5,
    n_regions: int = 2,
) -> Estimate:
    """Twin of ``statistics.regional.smallest_fraction``: the fraction."""
    theta, critical = _plan(power, effect, std_error, alpha)

    def reach(fraction: float) -> float:
        k = n_regions if method == 2 else 2
        shares = [fraction, *[(1 - fraction) / (k - 1)] * (k - 1)]
        return _probability(method, shares, 0, theta, critical, retained, sense)

    shared: dict[str, Any] = {
        "analysis": "consistency.smallest_fraction",
        "unit": "probability",
        "method": SOURCE["smallest_fraction"],
    }
    low, high = 1e-9, 1 / n_regions if method == 2 else 1 - 1e-9
    if not reach(low) < probability < reach(high) - 1e-9:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    while high - low > 1e-10:
        middle = (low + high) / 2
        low, high = (middle, high) if reach(middle) < probability else (low, middle)
    return Estimate(**shared, estimate=(low + high) / 2)


def _plan(power: float | None, effect: float | None, std_error: float | None, alpha: float) -> tuple[float, float]:
    critical = -_N.inv_cdf(alpha)
    if power is not None:
        return critical + _N.inv_cdf(power), critical
    return float(effect or 0) / float(std_error or 1), critical


def _probability(
    method: int, shares: list[float], position: int, theta: float, critical: float, retained: float, sense: str
) -> float:
    if method == 1:
        found = _kept(shares[position], theta, retained, -math.inf if sense == "unconditional" else critical)
    else:
        found = math.prod(_N.cdf(math.sqrt(f) * theta) for f in shares)
        found -= 0.0 if sense == "unconditional" else _below(sorted(shares), theta, critical)
    return found / _N.cdf(theta - critical) if sense == "conditional" else found


def _kept(f: float, theta: float, retained: float, critical: float) -> float:
    """The integral over the region's estimate of what the rest of the trial may be then."""
    from scipy.integrate import quad
    from scipy.special import ndtr

    own, rest = 1 / math.sqrt(f), 1 / math.sqrt(1 - f)

    def inside(x: float) -> float:
        # The rest must not pull the whole above x / retained, and must lift it above the critical value.
        top = math.inf if retained == 0 else (1 - retained * f) * x / (retained * (1 - f))
        if retained == 0 and x < 0:
            return 0.0
        bottom = (critical - f * x) / (1 - f)
        high, low = (top - theta) / rest, (bottom - theta) / rest
        return max(float(ndtr(high) - ndtr(low)), 0.0) * math.exp(-(((x - theta) / own) ** 2) / 2)

    # The integrand has a corner where the two bounds meet, and rises where a bound passes the rest's own mean.
    corners = [retained * critical] if math.isfinite(critical) else [0.0]
    rises = [(retained * (1 - f) * theta / (1 - retained * f), retained * math.sqrt(1 - f) / (1 - retained * f))]
    if math.isfinite(critical):
        rises.append(((critical - (1 - f) * theta) / f, math.sqrt(1 - f) / f))
    corners += [middle + times * width for middle, width in rises for times in (-10, -3, 0, 3, 10)]
    ends = sorted({theta - 9 * own, theta + 9 * own, *(c for c in corners if abs(c - theta) < 9 * own)})
    total = 0.0
    for a, b in zip(ends[:-1], ends[1:], strict=True):
        total += quad(inside, a, b, epsabs=1e-13, epsrel=1e-12, limit=500)[0]
    return min(total / (own * math.sqrt(2 * math.pi)), 1.0)


def _below(shares: list[float], theta: float, critical: float) -> float:
    """P(all parts above 0, sum below the critical value), by Romberg's extrapolation over three grids."""
    steps = min(max(STEPS, int(NARROW * critical / math.sqrt(min(shares)))), MOST)
    rough, middle, fine = (_folded(shares, theta, critical, steps * times) for times in (2, 4, 8))
    once, twice = middle + (middle - rough) / 3, fine + (fine - middle) / 3
    return twice + (twice - once) / 15


def _folded(shares: list[float], theta: float, critical: float, steps: int) -> float:
    """Densities on a grid, folded one by one with the trapezoidal rule."""
    from scipy.signal import fftconvolve

    h = critical / steps
    y = np.arange(steps + 1) * h

    def density(f: float) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.exp(-((y - f * theta) ** 2) / (2 * f)) / math.sqrt(2 * math.pi * f)
        return found

    total = density(shares[0])
    for f in shares[1:]:
        part = density(f)
        both = fftconvolve(total, part)[: steps + 1]
        # The two ends of each integral count half.
        total = h * (both - (total[0] * part + total * part[0]) / 2)
    return float(h * (total.sum() - (total[0] + total[-1]) / 2))
