"""Probabilities that regions keep a share of the overall estimate, whatever its sign, if all have one true effect.

The parts Y_r ~ N(f_r theta, f_r) are independent and add up to Z ~ N(theta, 1). A region keeps more than a share q
where U_r = Y_r - q f_r Z has the sign of Z. For q below 1 the U_r of all regions add up to (1 - q) Z, so that all
keep more than q where all U_r have one sign.
"""

from __future__ import annotations

import math

import numpy as np
from scipy.special import ndtr, owens_t, wofz

from evidence_lib.statistics.inputs import Floats

NODES, WEIGHTS = (np.asarray(part, dtype=np.float64) for part in np.polynomial.legendre.leggauss(32))
# Standard deviations beyond which nothing is left.
FAR = 9.0
# Above it the factor's integral would need ever more nodes, and the probability goes to 0 as (1 - share)^(k - 1).
LARGEST_SHARE = 0.99
STEP = 0.04


def every_region_keeps(fractions: Floats, theta: float, share: float) -> float:
    """P(every region keeps more than ``share`` of the overall estimate): error below 1e-12, above 0.99 below 1e-3."""
    if share > LARGEST_SHARE:
        left = max(1 - share, 0.0) / (1 - LARGEST_SHARE)
        return every_region_keeps(fractions, theta, LARGEST_SHARE) * left ** (fractions.size - 1)
    one_side = _all_above if share < 0 else _all_above_by_imaginary_factor
    return min(max(one_side(fractions, theta, share) + one_side(fractions, -theta, share), 0.0), 1.0)


def region_keeps(fraction: float, theta: float, share: float) -> float:
    """P(one region keeps more than ``share`` of the overall estimate), for any share."""
    spread = math.sqrt(fraction * (1 - fraction) + (fraction * (1 - share)) ** 2)
    own = fraction * (1 - share) / spread
    return _both_above(own * theta, theta, own) + _both_above(-own * theta, -theta, own)


def _both_above(h: float, k: float, r: float) -> float:
    """P(X > -h, Y > -k) of two standard normal variables with correlation r (Owen 1956, Ann Math Stat 27:1075)."""
    # The formula divides by the limits; next to 0 it has the value at 0. Beyond 40 a limit is no limit.
    h, k = (math.copysign(min(max(abs(x), 1e-100), 40.0), x) for x in (h, k))
    root = max(math.sqrt((1 - r) * (1 + r)), 1e-100)
    opposite = 0.5 if (h < 0) != (k < 0) else 0.0
    owen = owens_t(h, (k - r * h) / (h * root)) + owens_t(k, (h - r * k) / (k * root))
    return float((ndtr(h) + ndtr(k)) / 2 - owen - opposite)


def _all_above(fractions: Floats, theta: float, share: float) -> float:
    """P(all U_r > 0) for a share below 0: independent given a common normal factor W."""
    load = math.sqrt(share * (share - 2))
    root = np.sqrt(fractions)
    # Probabilities change where W takes the mean of the U_r away, within widths of 1 / load and more.
    middle = -(1 - share) * theta / load
    steps = np.geomspace(0.05, 1e6, 60) / load
    even = np.linspace(-FAR, FAR, 13)
    ends = np.unique(np.clip([*even, middle, *(middle - steps), *(middle + steps)], -FAR, FAR))
    half = np.diff(ends)[:, None] / 2
    w = ends[:-1, None] + half * (1 + NODES)
    inside = ndtr(((1 - share) * theta + load * w)[..., None] * root).prod(axis=-1)
    return float((half * WEIGHTS * inside * np.exp(-(w**2) / 2)).sum() / math.sqrt(2 * math.pi))


def _all_above_by_imaginary_factor(fractions: Floats, theta: float, share: float) -> float:
    """P(all U_r > 0) for a share from 0: the covariance is that of a factor with an imaginary load.

    E of prod Phi(sqrt(f_r) ((1 - share) theta + i load W)) over W; the integrand is analytic, so that equal steps
    converge faster than any power of theirs.
    """
    load = math.sqrt(share * (2 - share))
    reach = FAR / (1 - share)
    w = np.arange(-math.ceil(reach / STEP), math.ceil(reach / STEP) + 1) * STEP
    product = np.ones(w.size, dtype=np.complex128)
    for root in np.sqrt(fractions):
        product *= _damped(root * (1 - share) * theta, root * load * w)
    # What was taken out of the factors leaves the density of a wider normal variable.
    return float((product.real * np.exp(-((1 - share) ** 2) * w**2 / 2)).sum() * STEP / math.sqrt(2 * math.pi))


def _damped(a: float, b: Floats) -> np.ndarray:
    """Phi(a + i b) exp(-b^2 / 2), by the scaled complementary error function so that nothing overflows."""
    tail = np.exp(-(a**2) / 2 - 1j * a * b) * wofz((-b + 1j * a if a >= 0 else b - 1j * a) / math.sqrt(2)) / 2
    return np.exp(-(b**2) / 2) - tail if a >= 0 else tail
