"""Exact distributions given the margins of a table: one 2x2 table at any odds ratio, and tables of any size."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import numpy as np
from scipy.special import gammaln

from evidence_lib.statistics.inputs import Counts, Floats

# Tables whose probabilities differ by less than this share of them count as equally likely (as R's fisher.test).
SAME = 1e-7
# Logarithms of odds ratios are sought up to this size: a limit beyond it is infinite to any reader.
WIDEST = 700.0
# Work, in cells computed, above which tables are too many to be listed; what one step between columns counts for.
MOST_WORK, PER_STEP = 500_000_000, 200

_Rest = tuple[int, ...]


@dataclass(frozen=True)
class Conditional:
    """The events of the treated, given both margins of a 2x2 table: values and their log weights at an odds ratio of 1.

    Fisher's noncentral hypergeometric distribution has weights C(n1, k) C(n0, m - k) psi^k.
    """

    values: Floats
    log_weights: Floats

    def probabilities(self, log_odds: float) -> Floats:
        """The probability of each value at this log odds ratio."""
        weights = self.log_weights + self.values * log_odds
        shares = np.exp(weights - weights.max())
        return shares / shares.sum()


def conditional(x1: float, n1: float, x0: float, n0: float) -> Conditional:
    """The distribution that the margins of this table leave."""
    m = x1 + x0
    values = np.arange(max(0.0, m - n0), min(n1, m) + 1)
    k = values[:-1]
    # Summed ratios of neighbours keep more digits than differences of log factorials of large numbers.
    steps = np.log((n1 - k) * (m - k) / ((k + 1) * (n0 - m + k + 1)))
    return Conditional(values, np.concatenate([[0.0], np.cumsum(steps)]))


def two_sided(d: Conditional, x1: float) -> float:
    """The probability of all tables that are no more likely than the observed one, at an odds ratio of 1."""
    p = d.probabilities(0.0)
    observed = d.log_weights[int(x1 - d.values[0])]
    return float(min(p[d.log_weights <= observed + SAME].sum(), 1.0))


def conditional_estimate(d: Conditional, x1: float) -> float | None:
    """The log odds ratio at which the expected events are the observed: -infinity at the least, None at the most."""
    if x1 == d.values[0]:
        return -math.inf
    if x1 == d.values[-1]:
        return None
    return _root(lambda log: float(d.probabilities(log) @ d.values) - x1)


def conditional_limits(d: Conditional, x1: float, level: float) -> tuple[float, float | None]:
    """The log odds ratios at which the observed or more, and the observed or fewer events have half of 1 - level."""
    tail = (1 - level) / 2
    low, high = -math.inf, None
    if x1 > d.values[0]:
        low = _root(lambda log: float(d.probabilities(log)[d.values >= x1].sum()) - tail)
    if x1 < d.values[-1]:
        high = _root(lambda log: tail - float(d.probabilities(log)[d.values <= x1].sum()))
    return low, high


def _root(rising: Callable[[float], float]) -> float:
    from scipy.optimize import brentq

    return float(brentq(rising, -WIDEST, WIDEST, xtol=1e-13, rtol=1e-14, maxiter=2000))


def exact_p(table: Counts) -> float | None:
    """The probability of all tables with these margins that are no more likely than this one; None for too many.

    The columns are filled one by one. What a partly filled table can still become depends only on what is left of
    each row, so that tables with the same rest are carried together, each length of path once with its number; a
    rest whose most likely completion is rare enough, or whose least likely is not, is decided at once (Mehta & Patel
    1983, J Am Stat Assoc 78:427).
    """
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return 1.0
    if table.shape[0] > table.shape[1]:
        table = table.T
    if table.shape == (2, 2):
        (x1, y1), (x0, y0) = table.astype(float)
        return two_sided(conditional(x1, x1 + y1, x0, x0 + y0), x1)
    columns = tuple(sorted((int(c) for c in table.sum(axis=0)), reverse=True))
    if sum(columns) > MOST_WORK:
        return None
    network = _Network(columns)
    rest = tuple(sorted(int(r) for r in table.sum(axis=1)))
    observed = float(gammaln(np.array(columns) + 1).sum() - gammaln(table + 1.0).sum())
    try:
        return min(network.share_up_to(rest, observed + SAME), 1.0)
    except _TooMany:
        return None


class _TooMany(Exception):
    """There are too many tables to be listed."""


class _Network:
    """All ways to fill columns of these totals. The length of a way is the sum of log(column! / product of cells!)."""

    def __init__(self, columns: tuple[int, ...]) -> None:
        self.columns = columns
        self.work = 0
        self.log_factorial = gammaln(np.arange(sum(columns) + 1) + 1.0)
        self.known: dict[_Rest, tuple[float, float]] = {}
        self.kept: dict[_Rest, tuple[Counts, Floats]] = {}

    def share_up_to(self, rest: _Rest, length: float) -> float:
        """The probability of all ways from here that are no longer than this."""
        total, found = float(self.log_number(np.array(rest))), 0.0
        waiting = {rest: (np.zeros(1), np.ones(1))}
        for stage in range(len(self.columns) - 2):
            following: dict[_Rest, list[tuple[Floats, Floats]]] = {}
            for here, (past, number) in waiting.items():
                for node, step in self.steps(here, stage):
                    shortest, longest = self.reach(node, stage + 1)
                    lengths = past + step
                    decided = lengths + longest <= length
                    found += float(number[decided] @ np.exp(lengths[decided] + self.log_number(np.array(node)) - total))
                    unsure = ~decided & (lengths + shortest <= length)
                    if unsure.any():
                        following.setdefault(node, []).append((lengths[unsure], number[unsure]))
            waiting = {node: _merged(parts) for node, parts in following.items()}
            self.count(sum(lengths.size for lengths, _ in waiting.values()))
        for here, (past, number) in waiting.items():
            ends, of_these = np.sort(self.ends(here)), float(self.log_number(np.array(here)))
            up_to = np.concatenate([[0.0], np.cumsum(np.exp(ends - of_these))])
            share = up_to[np.searchsorted(ends, length - past, side="right")]
            found += float(number @ (np.exp(past + of_these - total) * share))
        return found

    def reach(self, rest: _Rest, stage: int) -> tuple[float, float]:
        """The shortest and the longest way from here to the end."""
        if rest not in self.known:
            if stage == len(self.columns) - 2:
                ends = self.ends(rest)
                self.known[rest] = float(ends.min()), float(ends.max())
            else:
                bounds = [(step, *self.reach(node, stage + 1)) for node, step in self.steps(rest, stage)]
                self.known[rest] = min(s + low for s, low, _ in bounds), max(s + high for s, _, high in bounds)
        return self.known[rest]

    def steps(self, rest: _Rest, stage: int) -> Iterator[tuple[_Rest, float]]:
        """What is left of the rows, by size, after each way to fill one column, and the length of that step."""
        cells, lengths = self.filled(rest, stage)
        self.count(PER_STEP * len(cells))
        after = np.sort(np.array(rest) - cells, axis=1)
        yield from zip(map(tuple, after.tolist()), lengths.tolist(), strict=True)

    def ends(self, rest: _Rest) -> Floats:
        """The lengths of all ways to fill the last two columns."""
        cells = self.fillings_of(rest, len(self.columns) - 2)
        return self.log_number(cells) + self.log_number(np.array(rest) - cells)

    def filled(self, rest: _Rest, stage: int) -> tuple[Counts, Floats]:
        """Each way to fill the column of this stage, and its length; kept, since it is asked for twice."""
        if rest not in self.kept:
            cells = self.fillings_of(rest, stage)
            self.kept[rest] = cells, self.log_number(cells)
        return self.kept[rest]

    def fillings_of(self, rest: _Rest, stage: int) -> Counts:
        """Each way to fill the column of this stage."""
        self.count(math.prod(sorted(min(r, self.columns[stage]) + 1 for r in rest)[:-1]))
        return _compositions(self.columns[stage], rest)

    def log_number(self, cells: Counts) -> Any:
        """log(sum! / product of cells!) along the last axis: of the ways to hand out a column, or all that is left."""
        return self.log_factorial[cells.sum(axis=-1)] - self.log_factorial[cells].sum(axis=-1)

    def count(self, work: int) -> None:
        """Give up where the work is too much for an answer within seconds."""
        self.work += work
        if self.work > MOST_WORK:
            raise _TooMany


def _compositions(total: int, most: tuple[int, ...]) -> Counts:
    """All ways to write a total as a sum of whole numbers, each at most the one given: one way a row."""
    found = np.zeros((1, 0), dtype=np.int64)
    left = np.array([total])
    for position, limit in enumerate(most):
        after = sum(most[position + 1 :])
        low, high = np.maximum(left - after, 0), np.minimum(left, limit)
        sizes = high - low + 1
        row = np.repeat(np.arange(len(left)), sizes)
        cell = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes) + low[row]
        found, left = np.column_stack([found[row], cell]), left[row] - cell
    return found


def _merged(parts: list[tuple[Floats, Floats]]) -> tuple[Floats, Floats]:
    """Ways of the same length joined, with their numbers added."""
    lengths, number = (np.concatenate(part) for part in zip(*parts, strict=True))
    # Equal lengths differ by rounding only, far less than SAME.
    _, first, place = np.unique(np.round(lengths, 9), return_index=True, return_inverse=True)
    return lengths[first], np.bincount(place, weights=number).astype(float)
