"""The rank-sum statistic of two samples: its distribution, exact and normal, with and without strata."""

from __future__ import annotations

import math
from dataclasses import dataclass
from functools import cached_property, lru_cache

import numpy as np

from evidence_lib.statistics.inputs import Counts, Flags, Floats

# Outcomes that differ by less than this share are tied: 0.1 + 0.2 is 0.3, also after a subtraction of the baseline.
TIE = 1e-9


@dataclass(frozen=True, eq=False)
class Samples:
    """The outcomes of both arms in one stratum."""

    treated: Floats
    control: Floats

    @cached_property
    def ties(self) -> bool:
        """Whether any two outcomes are alike."""
        values = np.concatenate([self.treated, self.control])
        return np.unique(values).size < values.size


@dataclass(frozen=True)
class RankSum:
    """Mann-Whitney's U of the treated less its mean under no difference, and its variance.

    U counts the pairs in which the treated have more, ties by half. ``variance`` allows for ties; ``untied`` is the one
    for samples shifted apart, in which only values of one arm are tied with each other.
    """

    above: float
    variance: float
    untied: float


def joined(values: Floats) -> Floats:
    """Each value replaced by the smallest of those it is tied with through floating-point error."""
    ordered = np.sort(values)
    size = np.maximum(np.abs(ordered[1:]), np.abs(ordered[:-1]))
    starts = np.concatenate([ordered[:1], ordered[1:][np.diff(ordered) > TIE * size]])
    return starts[np.searchsorted(starts, values, side="right") - 1] if values.size else values


def samples(values: Floats, treated: Flags, control: Flags, stratum: Counts) -> list[Samples]:
    """The outcomes of each stratum that has patients in both arms."""
    found = []
    for number in range(int(stratum.max(initial=-1)) + 1):
        here = stratum == number
        one, other = values[treated & here], values[control & here]
        if one.size and other.size:
            found.append(Samples(one, other))
    return found


def rank_sum(stratum: Samples) -> RankSum:
    """The statistic of one stratum."""
    m, n = stratum.treated.size, stratum.control.size
    ranks, ties = _midranks(np.concatenate([stratum.treated, stratum.control]))
    own = sum(_tie_sum(_midranks(values)[1]) for values in (stratum.treated, stratum.control))
    return RankSum(
        above=float(ranks[:m].sum()) - m * (m + 1) / 2 - m * n / 2,
        variance=_variance(m, n, _tie_sum(ties)) if ties.size > 1 else 0.0,
        untied=_variance(m, n, own),
    )


def _midranks(values: Floats) -> tuple[Floats, Counts]:
    """Ranks from 1, the same for ties, and the size of each group of ties."""
    _, place, ties = np.unique(values, return_inverse=True, return_counts=True)
    middle = np.cumsum(ties) - (ties - 1) / 2
    return middle[place], ties


def _tie_sum(ties: Counts) -> float:
    sizes = ties.astype(float)
    return float((sizes**3 - sizes).sum())


def _variance(m: int, n: int, ties: float) -> float:
    size = m + n
    return m * n / 12 * (size + 1 - ties / (size * (size - 1)))


@lru_cache(maxsize=64)
def distribution(m: int, n: int) -> Floats:
    """P(U = 0), ..., P(U = m n) of samples without ties (m, n below 50 or so), all orders being equally likely.

    U + m (m + 1) / 2 is the sum of m of the numbers 1 to m + n: the subsets are counted by adding number after number.
    """
    few, many = min(m, n), max(m, n)
    largest = few * many
    # counts[k, u]: subsets of k numbers whose sum is u above the smallest possible.
    counts = np.zeros((few + 1, largest + 1))
    counts[0, 0] = 1
    for number in range(1, few + many + 1):
        for k in range(min(few, number), 0, -1):
            step = number - k
            if step <= largest:
                counts[k, step:] += counts[k - 1, : largest + 1 - step]
    return counts[few] / math.comb(few + many, few)


def exact_p(u: float, m: int, n: int) -> float:
    """Two-sided p-value of U: twice the smaller tail, at most 1."""
    chances = distribution(m, n)
    at = round(u)
    return min(1.0, 2 * min(float(chances[: at + 1].sum()), float(chances[at:].sum())))


def exact_place(m: int, n: int, tail: float) -> int:
    """The place from either end of the sorted differences whose limit has this error in its tail; 0 where none has.

    As R's ``qwilcox``: the smallest u with P(U <= u) at least ``tail``.
    """
    cumulative = np.cumsum(distribution(m, n))
    place = int(np.searchsorted(cumulative, tail * (1 - 1e-12)))
    return 1 if place == 0 and cumulative[0] <= tail * (1 + 1e-12) else place
