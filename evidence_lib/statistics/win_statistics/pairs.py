"""All pairs of a treated and a reference patient, compared down the hierarchy: one pass that every statistic uses.

Pairs are made in blocks of treated patients, so memory does not grow with the number of pairs.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evidence_lib.statistics.inputs import Counts, Flags, Floats
from evidence_lib.statistics.win_statistics.outcomes import Events, Ranked

# Pairs in a block.
BLOCK = 1 << 20


@dataclass(frozen=True)
class Weight:
    """What a pair decided by one component counts: a number of the treated times one of the reference patient."""

    win: tuple[Floats, Floats]
    loss: tuple[Floats, Floats]


@dataclass(frozen=True)
class Tally:
    """Wins and losses of the treated, by component: of each treated patient (k, n1) and of each reference one (k, n0).

    ``decided`` are the pairs that each component decided, unweighted.
    """

    treated_wins: Floats
    treated_losses: Floats
    reference_wins: Floats
    reference_losses: Floats
    decided: Counts

    @property
    def wins(self) -> Floats:
        """Wins by component."""
        return self.treated_wins.sum(axis=1)

    @property
    def losses(self) -> Floats:
        """Losses by component."""
        return self.treated_losses.sum(axis=1)

    @property
    def all_pairs(self) -> int:
        """Pairs."""
        return self.treated_wins.shape[1] * self.reference_wins.shape[1]


def tally(
    components: Sequence[Ranked | Events],
    treated: Counts,
    reference: Counts,
    weights: Sequence[Weight] | None = None,
) -> Tally:
    """The pairs of these patients, each decided by the first component that is not a tie."""
    k, n1, n0 = len(components), treated.size, reference.size
    own, other = np.zeros((2, k, n1)), np.zeros((2, k, n0))
    found = Tally(own[0], own[1], other[0], other[1], np.zeros(k, dtype=np.int64))
    step = max(BLOCK // n0, 1)
    for start in range(0, n1, step):
        rows = slice(start, min(start + step, n1))
        undecided: Flags | None = None
        left = (rows.stop - rows.start) * n0
        for c, component in enumerate(components):
            wins, losses = component.block(treated[rows], reference)
            if undecided is not None:
                wins &= undecided
                losses &= undecided
            for flags, sums, factors in (
                (wins, (found.treated_wins, found.reference_wins), None if weights is None else weights[c].win),
                (losses, (found.treated_losses, found.reference_losses), None if weights is None else weights[c].loss),
            ):
                part = None if factors is None else (factors[0][rows], factors[1])
                _add(flags, part, sums[0][c, rows], sums[1][c])
            decided = int(np.count_nonzero(wins) + np.count_nonzero(losses))
            found.decided[c] += decided
            left -= decided
            if left == 0 or c + 1 == k:
                break
            ties = ~(wins | losses)
            undecided = ties if undecided is None else undecided & ties
    return found


def _add(flags: Flags, factors: tuple[Floats, Floats] | None, of_treated: Floats, of_reference: Floats) -> None:
    """Add the pairs flagged to the sums of each treated and of each reference patient, which are changed."""
    if factors is None:
        of_treated += np.count_nonzero(flags, axis=1)
        of_reference += np.count_nonzero(flags, axis=0)
        return
    own, other = factors
    counted = flags.astype(np.float64)
    of_treated += own * (counted @ other)
    of_reference += other * (own @ counted)
