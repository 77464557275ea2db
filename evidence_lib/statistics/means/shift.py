"""The shift between two samples: order statistics of all differences of pairs, without making the differences.

With x of the treated and y of the reference arm in each stratum, the weight of the pairs with x - y above d is a step
function of d that jumps at the differences. The rank-sum statistic of x - d against y is this function (with half
weight for pairs at d), so that an estimate and limits by inversion of the test are places of its jumps.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evidence_lib.statistics.inputs import Floats

# Sums of weights that differ by less than this share are the same sum.
SAME = 1e-12


@dataclass(frozen=True, eq=False)
class Pairs:
    """The pairs of one stratum: x and y sorted, and the weight of each pair."""

    x: Floats
    y: Floats
    weight: float


def total(strata: Sequence[Pairs]) -> float:
    """The weight of all pairs."""
    return sum(s.weight * s.x.size * s.y.size for s in strata)


def difference_at(strata: Sequence[Pairs], weight: float) -> float:
    """The smallest difference such that the pairs up to it have at least this weight, which is above 0.

    Bisection over the doubles themselves, whose bit patterns are in the order of their values: 64 steps at most.
    """
    low = min(float(s.x[0] - s.y[-1]) for s in strata)
    high = max(float(s.x[-1] - s.y[0]) for s in strata)
    enough = weight * (1 - SAME)
    # A few doubles beyond the ends, since x less the difference is rounded too.
    below, at = _rank(low) - 4, _rank(high) + 4
    while at - below > 1:
        middle = (below + at) // 2
        if _weight_up_to(strata, _value(middle)) >= enough:
            at = middle
        else:
            below = middle
    return _largest_up_to(strata, _value(at))


def middle_difference(strata: Sequence[Pairs]) -> float:
    """The weighted median of the differences: the Hodges-Lehmann estimate."""
    half = total(strata) / 2
    # Where exactly half of the weight is reached, the step function is flat between two differences.
    return (difference_at(strata, half) + difference_at(strata, half * (1 + 4 * SAME))) / 2


def _weight_up_to(strata: Sequence[Pairs], difference: float) -> float:
    # x - y <= d where y >= x - d: the first such y of each x, y being sorted.
    return sum(s.weight * (s.x.size * s.y.size - int(np.searchsorted(s.y, s.x - difference).sum())) for s in strata)


def _largest_up_to(strata: Sequence[Pairs], difference: float) -> float:
    """The difference of a pair that the bisection has found to the last bits."""
    found = []
    for s in strata:
        place = np.searchsorted(s.y, s.x - difference)
        inside = place < s.y.size
        found += [float((s.x[inside] - s.y[place[inside]]).max())] if inside.any() else []
    return max(found)


def _rank(value: float) -> int:
    """The place of a double among all doubles, counted from 0.0."""
    bits = int(np.float64(value).view(np.int64))
    return bits if bits >= 0 else -(bits & 0x7FFFFFFFFFFFFFFF)


def _value(rank: int) -> float:
    magnitude = float(np.int64(abs(rank)).view(np.float64))
    return magnitude if rank >= 0 else -magnitude
