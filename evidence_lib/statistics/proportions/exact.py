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
# Work, in cells computed, above which tables are too many to be listed.
MOST_WORK = 50_000_000


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


def conditional(x1: float, n1: float, x0: float, n0: float, *, around: float | None = None) -> Conditional:
    """The distribution that the margins of this table leave, near a value: the observed one, unless another is given.

    The variance at any odds ratio is below the smallest of the expected cells, and these below half the smallest
    margin. What is farther than 60 such standard deviations from the value cannot be told from nothing.
    """
    m = x1 + x0
    reach = 200 + 60 * math.sqrt(min(n1, n0, m, n1 + n0 - m) / 2)
    middle = x1 if around is None else around
    low, high = max(0.0, m - n0, math.floor(middle - reach)), min(n1, m, math.ceil(middle + reach))
    values = np.arange(low, high + 1)
    k = values[:-1]
    # Summed ratios of neighbours keep more digits than differences of log factorials of large numbers.
    steps = np.log((n1 - k) * (m - k) / ((k + 1) * (n0 - m + k + 1)))
    return Conditional(values, np.concatenate([[0.0], np.cumsum(steps)]))


def two_sided(x1: float, n1: float, x0: float, n0: float) -> float:
    """The probability of all tables that are no more likely than the observed one, at an odds ratio of 1."""
    d = conditional(x1, n1, x0, n0, around=round(n1 * (x1 + x0) / (n1 + n0)))
    if not d.values[0] <= x1 <= d.values[-1]:
        return 0.0
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
    each row: tables with the same rest are one node, and at each node a length of way is carried once, with the number
    of ways. A way whose most likely completion is rare enough, or whose least likely one is not, is decided at once
    (the network of Mehta & Patel 1983, J Am Stat Assoc 78:427).
    """
    table = table[table.sum(axis=1) > 0][:, table.sum(axis=0) > 0]
    if min(table.shape) < 2:
        return 1.0
    if table.shape[0] > table.shape[1]:
        table = table.T
    if table.shape == (2, 2):
        (x1, y1), (x0, y0) = table.astype(float)
        return two_sided(x1, x1 + y1, x0, x0 + y0)
    if table.sum() > MOST_WORK:
        return None
    observed = float(gammaln(table.sum(axis=0) + 1.0).sum() - gammaln(table + 1.0).sum())
    try:
        # Small columns first: they leave the fewest nodes.
        network = _Network(np.sort(table.sum(axis=0)), np.sort(table.sum(axis=1)))
        return min(network.share_up_to(observed + SAME), 1.0)
    except _TooMany:
        return None


class _TooMany(Exception):
    """There are too many tables to be listed."""


@dataclass(frozen=True)
class _Stage:
    """The nodes before a column is filled: what is left of each row, sorted, and the steps that lead on from each."""

    rest: Counts
    steps: list[Floats]
    following: list[Counts]


class _Network:
    """All ways to fill columns of these totals. The length of a way is the sum of log(column! / product of cells!)."""

    def __init__(self, columns: Counts, rest: Counts) -> None:
        self.columns, self.work = columns, 0
        self.log_factorial = gammaln(np.arange(columns.sum() + 1) + 1.0)
        self.stages: list[_Stage] = []
        nodes = rest[None, :]
        for column in columns[:-2]:
            cells = [self.fillings(column, node) for node in nodes]
            after = np.sort(np.concatenate([node - ways for node, ways in zip(nodes, cells, strict=True)]), axis=1)
            found, place = self.distinct(after)
            ends = np.cumsum([len(ways) for ways in cells])[:-1]
            self.stages.append(_Stage(nodes, [self.log_number(ways) for ways in cells], np.split(place, ends)))
            nodes = found
        self.last = nodes

    def share_up_to(self, length: float) -> float:
        """The probability of all ways that are no longer than this."""
        ends = [np.sort(self.ends(node)) for node in self.last]
        reach = self.reach(ends)
        total, found = float(self.log_number(self.stages[0].rest[0])), 0.0
        node, past, number = np.zeros(1, dtype=np.int64), np.zeros(1), np.ones(1)
        for k, stage in enumerate(self.stages):
            shortest, longest = reach[k + 1]
            rests = self.last if k + 1 == len(self.stages) else self.stages[k + 1].rest
            share = self.log_number(rests) - total
            parts = []
            for here, (first, end) in _runs(node):
                step, child = stage.steps[here], stage.following[here]
                self.count(step.size * (end - first))
                lengths = past[first:end, None] + step
                numbers = np.broadcast_to(number[first:end, None], lengths.shape)
                decided = lengths + longest[child] <= length
                found += float((numbers * np.exp(lengths + share[child]))[decided].sum())
                unsure = ~decided & (lengths + shortest[child] <= length)
                parts.append((np.broadcast_to(child, lengths.shape)[unsure], lengths[unsure], numbers[unsure]))
            node, past, number = _merged(parts)
        for here, (first, end) in _runs(node):
            rest = float(self.log_number(self.last[here]))
            up_to = np.concatenate([[0.0], np.cumsum(np.exp(ends[here] - rest))])
            shares = up_to[np.searchsorted(ends[here], length - past[first:end], side="right")]
            found += float(number[first:end] @ (np.exp(past[first:end] + rest - total) * shares))
        return found

    def reach(self, ends: list[Floats]) -> list[tuple[Floats, Floats]]:
        """The shortest and the longest way to the end from each node of each stage, and from the last nodes."""
        found = [(np.array([e[0] for e in ends]), np.array([e[-1] for e in ends]))]
        for stage in reversed(self.stages):
            low, high = found[0]
            ways = list(zip(stage.steps, stage.following, strict=True))
            shortest = np.array([(step + low[child]).min() for step, child in ways])
            longest = np.array([(step + high[child]).max() for step, child in ways])
            found.insert(0, (shortest, longest))
        return found

    def ends(self, rest: Counts) -> Floats:
        """The lengths of all ways to fill the last two columns."""
        cells = self.fillings(self.columns[-2], rest)
        lengths: Floats = self.log_number(cells) + self.log_number(rest - cells)
        return lengths

    def fillings(self, column: int, rest: Counts) -> Counts:
        """Each way to fill a column of this total: one a row."""
        self.count(math.prod(sorted((np.minimum(rest, column) + 1).tolist())[:-1]))
        return _compositions(int(column), rest)

    def log_number(self, cells: Counts) -> Any:
        """log(sum! / product of cells!) along the last axis: of the ways to hand out a column, or all that is left."""
        return self.log_factorial[cells.sum(axis=-1)] - self.log_factorial[cells].sum(axis=-1)

    def distinct(self, rests: Counts) -> tuple[Counts, Counts]:
        """The different rows among these, and which of them each row is."""
        base = int(self.columns.sum()) + 1
        if base ** (rests.shape[1] - 1) > 2**62:
            raise _TooMany
        # The last of a sorted rest follows from the others, as all have the same sum.
        number = rests[:, :-1] @ base ** np.arange(rests.shape[1] - 1)
        _, first, place = np.unique(number, return_index=True, return_inverse=True)
        return rests[first], place.reshape(-1)

    def count(self, work: int) -> None:
        """Give up where the work is too much for an answer within seconds."""
        self.work += work
        if self.work > MOST_WORK:
            raise _TooMany


def _compositions(total: int, most: Counts) -> Counts:
    """All ways to write a total as a sum of whole numbers, each at most the one given: one way a row."""
    found = np.zeros((1, 0), dtype=np.int64)
    left = np.array([total])
    for position, limit in enumerate(most):
        low, high = np.maximum(left - most[position + 1 :].sum(), 0), np.minimum(left, limit)
        sizes = high - low + 1
        row = np.repeat(np.arange(len(left)), sizes)
        cell = np.arange(sizes.sum()) - np.repeat(np.cumsum(sizes) - sizes, sizes) + low[row]
        found, left = np.column_stack([found[row], cell]), left[row] - cell
    return found


def _runs(node: Counts) -> Iterator[tuple[int, tuple[int, int]]]:
    """Each node of a sorted array, with where its entries begin and end."""
    if not node.size:
        return
    names, first = np.unique(node, return_index=True)
    ends = [*first[1:].tolist(), node.size]
    yield from zip(names.tolist(), zip(first.tolist(), ends, strict=True), strict=True)


def _merged(parts: list[tuple[Counts, Floats, Floats]]) -> tuple[Counts, Floats, Floats]:
    """Ways of the same length to the same node joined, with their numbers added, in order of nodes."""
    none: tuple[Any, ...] = (np.empty(0, dtype=np.int64), np.empty(0), np.empty(0))
    node, lengths, number = (np.concatenate(part) for part in zip(none, *parts, strict=True))
    # Equal lengths differ by rounding only, far less than SAME.
    rounded = np.round(lengths, 9)
    order = np.lexsort((rounded, node))
    node, lengths, rounded, number = node[order], lengths[order], rounded[order], number[order]
    new = np.ones(node.size, dtype=bool)
    new[1:] = (np.diff(node) > 0) | (np.diff(rounded) > 0)
    first = np.flatnonzero(new)
    return node[first], lengths[first], np.add.reduceat(number, first) if first.size else number
