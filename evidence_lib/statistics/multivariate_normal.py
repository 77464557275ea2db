"""Tails of the maximum of correlated standard normal variables, by a rule that gives the same bytes every time.

The derivative of a normal probability in a correlation is the density of the two variables at the limits times the
probability of the others given that they are there (Plackett 1954, Biometrika 41:351). Integrated from independence
to the correlations wanted, it leaves problems with two variables fewer, down to two, which Owen's T function answers.
Nothing is drawn at random, and correlation matrices may be singular.
"""

from __future__ import annotations

import math
from itertools import combinations

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import log_ndtr, ndtr, owens_t

from evidence_lib.statistics.distributions import SMALLEST
from evidence_lib.statistics.inputs import Floats

# More variables would take minutes.
LARGEST = 6
# Terms below this share of the result are left out.
NEGLIGIBLE = 1e-13
# Problems with two variables fewer that are answered together: more would only take more memory.
TOGETHER = 2000


def _rule() -> tuple[Floats, Floats]:
    """Nodes on (0, 1), as distances from 1, and weights, for integrands that may behave at 1 on any small scale.

    With 1 - s = 1 / (1 + exp(y)) a singular end is at y = infinity, where the trapezoidal rule resolves each scale
    alike; y = t - exp(-t) moves the regular end closer.
    """
    step = 0.35
    t = np.arange(-3.0, 45.0, step)
    y = t - np.exp(-t)
    from_one = 1 / (1 + np.exp(y))
    return from_one, step * (1 + np.exp(-t)) * from_one / (1 + np.exp(-y))


FROM_ONE, WEIGHT = _rule()


def upper_tail(bound: float, correlation: ArrayLike) -> float:
    """P(max Z > bound) of standard normal Z with this correlation matrix of 1 to 6 variables; error below 1e-8."""
    matrix = np.asarray(correlation, dtype=float)
    m = len(matrix)
    if math.isinf(bound):
        return SMALLEST if bound > 0 else 1.0
    single = float(ndtr(-bound))
    independent = float(-np.expm1(m * log_ndtr(bound)))
    low, high = np.full((1, m), -np.inf), np.full((1, m), float(bound))
    return _tail(independent, single, low, high, matrix)


def two_sided_tail(bound: float, correlation: ArrayLike) -> float:
    """P(max |Z| > bound) of standard normal Z with this correlation matrix of 1 to 6 variables; error below 1e-8."""
    matrix = np.asarray(correlation, dtype=float)
    m = len(matrix)
    if bound <= 0 or math.isinf(bound):
        return SMALLEST if bound > 0 else 1.0
    single = float(2 * ndtr(-bound))
    independent = float(-np.expm1(m * math.log1p(-single)))
    high = np.full((1, m), float(bound))
    return _tail(independent, single, -high, high, matrix)


def _tail(independent: float, single: float, low: Floats, high: Floats, correlation: Floats) -> float:
    """The tail under independence, changed by the correlations; between that of one variable and the sum of all."""
    m = len(correlation)
    negligible = np.full(1, NEGLIGIBLE * max(single, SMALLEST))
    change = float(_change(low, high, correlation[None], negligible)[0])
    return min(max(independent - change, single, SMALLEST), max(m * single, SMALLEST), 1.0)


def _box(low: Floats, high: Floats, correlation: Floats, negligible: Floats) -> Floats:
    """P(low < Z < high) of B problems: limits (B, m), correlation (B, m, m), and what is too small to count (B,)."""
    m = low.shape[1]
    if m == 2:
        return _rectangle(low, high, correlation[:, 0, 1])
    independent = (ndtr(high) - ndtr(low)).prod(axis=1)
    return independent + _change(low, high, correlation, negligible)


def _change(low: Floats, high: Floats, correlation: Floats, negligible: Floats) -> Floats:
    """What the correlations add to the probability of independent variables, of B problems."""
    size, m = low.shape
    if m < 2:
        return np.zeros(size)
    rows, factors, inner = [], [], []
    for i, j in combinations(range(m), 2):
        others = [k for k in range(m) if k not in (i, j)]
        r = correlation[:, i, j]
        # On the way to r the correlation is r s; differences from 1 and -1 are kept exact.
        less, more = ((1 - side)[:, None] + side[:, None] * FROM_ONE for side in (r, -r))
        scale = r[:, None] * WEIGHT / (2 * math.pi * np.sqrt(less * more))
        for times, first, second in _corners(low, high, i, j):
            middle, half = (first + second) / 2, (first - second) / 2
            with np.errstate(over="ignore", under="ignore"):
                factor = times * scale * np.exp(-(middle[:, None] ** 2) / more - half[:, None] ** 2 / less)
            row, node = np.nonzero(np.abs(factor) > negligible[:, None])
            rows.append(row)
            factors.append(factor[row, node])
            given = _given(correlation[row], i, j, others, 1 - FROM_ONE[node], less[row, node], more[row, node])
            mean = given[0] * middle[row, None] + given[1] * half[row, None]
            inner.append((low[row][:, others] - mean, high[row][:, others] - mean, given[2]))
    row, factor = np.concatenate(rows), np.concatenate(factors)
    if m > 2 and row.size:
        below, above, covariance = (np.concatenate(parts) for parts in zip(*inner, strict=True))
        spread = np.sqrt(np.diagonal(covariance, axis1=1, axis2=2))
        matrix = np.clip(covariance / (spread[:, :, None] * spread[:, None, :]), -1, 1)
        smaller = (below / spread, above / spread, matrix, negligible[row] / np.abs(factor))
        parts = [slice(start, start + TOGETHER) for start in range(0, row.size, TOGETHER)]
        factor *= np.concatenate([_box(*(values[part] for values in smaller)) for part in parts])
    return np.bincount(row, factor, minlength=size).astype(np.float64)


def _corners(low: Floats, high: Floats, i: int, j: int) -> list[tuple[int, Floats, Floats]]:
    """The corners of the limits of i and j, with the factor each has in the difference of the distribution function."""
    if np.isneginf(low).all():
        return [(1, high[:, i], high[:, j])]
    if np.array_equal(low, -high):
        # Opposite corners count the same where all limits are symmetric.
        return [(2, high[:, i], high[:, j]), (-2, high[:, i], low[:, j])]
    return [
        (sign * other, a[:, i], b[:, j]) for sign, a in ((1, high), (-1, low)) for other, b in ((1, high), (-1, low))
    ]


def _given(
    correlation: Floats, i: int, j: int, others: list[int], s: Floats, less: Floats, more: Floats
) -> tuple[Floats, Floats, Floats]:
    """The others given variables i and j, at correlations s times the wanted ones off the diagonal.

    The factors (B, m - 2) of half the sum and of half the difference of the two values in the mean, and the
    covariance (B, m - 2, m - 2). ``less`` and ``more`` are 1 minus and 1 plus the correlation of i and j.
    """
    with_i, with_j = (s[:, None] * correlation[:, k][:, others] for k in (i, j))
    plus, minus = with_i + with_j, with_i - with_j
    covariance = s[:, None, None] * correlation[:, others][:, :, others]
    diagonal = np.arange(len(others))
    covariance[:, diagonal, diagonal] = 1.0
    covariance -= plus[:, :, None] * plus[:, None, :] / (2 * more[:, None, None])
    covariance -= minus[:, :, None] * minus[:, None, :] / (2 * less[:, None, None])
    covariance[:, diagonal, diagonal] = np.maximum(covariance[:, diagonal, diagonal], SMALLEST)
    return plus / more[:, None], minus / less[:, None], covariance


def _rectangle(low: Floats, high: Floats, r: Floats) -> Floats:
    """P(low < Z < high) of two variables with correlation r: limits (B, 2), r (B,)."""
    if np.isneginf(low).all():
        return _below(high[:, 0], high[:, 1], r)
    first = np.concatenate([high[:, 0], high[:, 0], low[:, 0], low[:, 0]])
    second = np.concatenate([high[:, 1], low[:, 1], high[:, 1], low[:, 1]])
    both, left, right, neither = _below(first, second, np.tile(r, 4)).reshape(4, -1)
    return both - left - right + neither


def _below(h: Floats, k: Floats, r: Floats) -> Floats:
    """P(X < h, Y < k) of two standard normal variables with correlation r (Owen 1956, Ann Math Stat 27:1075)."""
    # The formula divides by the limits; next to 0 it has the value at 0. Beyond 40 a limit is no limit.
    h, k = (np.where(np.abs(x) < 1e-100, 1e-100, np.clip(x, -40, 40)) for x in (h, k))
    root = np.maximum(np.sqrt((1 - r) * (1 + r)), 1e-100)
    opposite = np.where((h < 0) != (k < 0), 0.5, 0.0)
    owen = owens_t(h, (k - r * h) / (h * root)) + owens_t(k, (h - r * k) / (k * root))
    return (ndtr(h) + ndtr(k)) / 2 - owen - opposite
