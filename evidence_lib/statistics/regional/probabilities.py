"""Probabilities of the criteria of consistency of the MHLW, by deterministic integration.

The overall statistic is Z ~ N(theta, 1). Region j holds the fraction f_j of the information; its part Y_j of Z is
N(f_j theta, f_j), the parts are independent and add up to Z, and its estimate has the sign of Y_j.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr

from evidence_lib.statistics.inputs import Floats

NODES, WEIGHTS = (np.asarray(part, dtype=np.float64) for part in np.polynomial.legendre.leggauss(96))
# Chebyshev points of the density of a sum; they crowd at 0, where a small region makes it change fast.
POINTS = 160
# Standard deviations beyond which nothing is left.
FAR = 9.0


def retains(fraction: float, theta: float, share: float, critical: float | None) -> float:
    """P(D_1 >= share D), together with Z > critical unless that is None.

    D_1 = D + e, e being independent of D with variance (1 / f - 1) Var(D).
    """
    apart = 1 / fraction - 1
    if critical is None:
        return float(ndtr((1 - share) * theta / math.sqrt(apart + (1 - share) ** 2)))
    z, weight = _rule(np.array(max(critical, theta - FAR)), np.array(max(critical, theta) + FAR))
    slope = (1 - share) / math.sqrt(apart) if apart > 0 else math.inf
    return min(float(_density(z - theta) * ndtr(slope * z) @ weight), 1.0)


def all_positive(fractions: Floats, theta: float, critical: float | None) -> float:
    """P(Y_j > 0 for all j), together with their sum Z > critical unless that is None."""
    every = float(ndtr(np.sqrt(fractions) * theta).prod())
    if critical is None:
        return every
    return max(every - _below(np.sort(fractions)[::-1], theta, critical), 0.0)


def _below(fractions: Floats, theta: float, critical: float) -> float:
    """P(all Y_j > 0, sum <= critical), of two fractions or more in falling order: densities folded one by one.

    The density of the sum of the parts so far is kept as its Chebyshev series on [0, critical]; the smallest region,
    whose density is the narrowest, comes last.
    """
    grid = critical * (1 - np.cos(np.pi * (np.arange(POINTS) + 0.5) / POINTS)) / 2
    values = _part(grid, fractions[0], theta)
    for fraction in fractions[1:-1]:
        y, weight = _within(grid[:, None], fraction, theta)
        sum_so_far = _value(_series(values), grid[:, None] - y, critical)
        values = (_part(y, fraction, theta) * sum_so_far * weight).sum(axis=1)
    integral = np.polynomial.chebyshev.chebint(_series(values), scl=critical / 2, lbnd=-1)
    cumulative: Floats = np.asarray(integral, dtype=np.float64)
    y, weight = _within(np.array(critical), fractions[-1], theta)
    return float((_part(y, fractions[-1], theta) * _value(cumulative, critical - y, critical) * weight).sum())


def _part(y: Floats, fraction: float, theta: float) -> Floats:
    """The density of the part of a region."""
    root = math.sqrt(fraction)
    return _density((y - fraction * theta) / root) / root


def _within(total: Floats, fraction: float, theta: float) -> tuple[Floats, Floats]:
    """Nodes and weights where the part of a region has its density, between 0 and each ``total``."""
    middle, reach = fraction * theta, FAR * math.sqrt(fraction)
    return _rule(np.minimum(max(middle - reach, 0.0), total), np.minimum(middle + reach, total))


def _rule(low: Floats, high: Floats) -> tuple[Floats, Floats]:
    """Gauss-Legendre nodes and weights between two numbers, or of many such pairs (m, 1)."""
    half = (high - low) / 2
    return low + half * (1 + NODES), half * WEIGHTS


def _series(values: Floats) -> Floats:
    """The Chebyshev series through the values at the points of the grid."""
    angle = np.pi * (np.arange(POINTS) + 0.5) / POINTS
    order = np.arange(POINTS)[:, None]
    # The grid runs from 0 up, which is from -1 on the series' own axis.
    found: Floats = 2 / POINTS * np.cos(order * (np.pi - angle)) @ values
    found[0] /= 2
    return found


def _value(series: Floats, at: Floats, critical: float) -> Floats:
    return np.asarray(np.polynomial.chebyshev.chebval(2 * at / critical - 1, series), dtype=np.float64)


def _density(z: Floats) -> Floats:
    return np.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
