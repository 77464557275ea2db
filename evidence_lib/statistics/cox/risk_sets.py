"""Who is at risk at which event time: sums over risk sets, and back from event times to rows.

Rows are sorted by stratum and time. The distinct times with an event within a stratum are its "ties", whether one
patient or several have the event; they are numbered through all strata. A row is at risk at a range of ties: those of
its stratum after its entry, up to and including its time.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np

from evidence_lib.statistics.inputs import Counts, Flags, Floats

# Up to this many strata are summed one after the other; more of them all at once.
FEW_STRATA = 50


@dataclass(frozen=True, eq=False)
class RiskSets:
    """Rows that are at risk at an event, and the ties at which they are.

    ``rows`` (n,) are their places in the data given; what follows counts places in ``rows``. ``stratum_starts`` is the
    first row of each stratum, ``stratum_of_row`` its number. ``dead`` (events,) are the rows with an event, ``tie``
    their tie. Of each tie: ``time``, ``stratum`` as given, ``count`` of events, ``first_event`` its first place in
    ``dead``. ``tie_bounds`` are the first tie of each stratum and, last, the number of ties. A row is at risk at the
    ties ``begin`` <= tie <= ``last``; ``begin`` is None without entry times, when it is the stratum's first.
    ``first_row`` are the rows at which ``last`` changes.
    """

    rows: Counts
    stratum_starts: Counts
    stratum_of_row: Counts
    dead: Counts
    tie: Counts
    time: Floats
    stratum: Counts
    count: Counts
    first_event: Counts
    tie_bounds: Counts
    first_row: Counts
    last: Counts
    begin: Counts | None
    cover: Any

    def sums(self, values: Floats) -> Floats:
        """Sums of the values (q, n) of rows over those at risk at each tie: (q, ties)."""
        if self.cover is not None:
            return _down((self.cover @ values.T).T)[:, : self.time.size]
        # The rows whose last tie is the same stand together; who is at risk at a tie is at risk at earlier ones.
        return _accumulate(np.add.reduceat(values, self.first_row, axis=1), self.tie_bounds, backward=True)

    def back(self, values: Floats) -> Floats:
        """Sums of the values (q, ties) over the ties at which each row is at risk: (q, n)."""
        if self.cover is not None:
            return (self.cover.T @ _up(values, self.cover.shape[0]).T).T
        return np.take(accumulated(values, self.tie_bounds, backward=False), self.last, axis=1)

    def of_events(self, values: Floats) -> Floats:
        """Sums of the values (q, n) of rows over those with an event at each tie: (q, ties)."""
        taken = np.take(values, self.dead, axis=1)
        return taken if self.dead.size == self.time.size else np.add.reduceat(taken, self.first_event, axis=1)

    def at_risk(self, tie: int) -> Counts:
        """The rows at risk at one tie."""
        if self.begin is not None:
            return np.flatnonzero((self.begin <= tie) & (tie <= self.last))
        end = np.searchsorted(self.last, self.tie_bounds[np.searchsorted(self.tie_bounds, tie, side="right")])
        return np.arange(np.searchsorted(self.last, tie), end)


def arranged(time: Floats, event: Flags, stratum: Counts, entry: Floats | None = None) -> RiskSets:
    """The risk sets of n rows with one event or more; ``entry`` < ``time`` is when a row comes under observation."""
    order = np.lexsort((time, stratum)) if stratum.any() else np.argsort(time, kind="stable")
    t, e, s = time[order], event[order], stratum[order]
    new_stratum = _changes(s)
    starts = np.flatnonzero(new_stratum | _changes(t))
    has_event = np.logical_or.reduceat(e, starts)
    reached = np.cumsum(has_event)
    repeats = np.diff(np.append(starts, t.size))
    last = np.repeat(reached, repeats) - 1
    before = np.repeat(
        (reached - has_event)[new_stratum[starts]], np.diff(np.append(np.flatnonzero(new_stratum), t.size))
    )
    begin = before if entry is None else _ties_until(entry[order], t, e, s)
    seen = begin <= last
    if not seen.all():
        order, t, e, s = order[seen], t[seen], e[seen], s[seen]
        last, begin = last[seen], begin[seen]
    new_stratum = _changes(s)
    dead = np.flatnonzero(e)
    tie = last[dead]
    first_event = np.flatnonzero(_changes(tie))
    tie_stratum = s[dead[first_event]]
    return RiskSets(
        rows=order,
        stratum_starts=np.flatnonzero(new_stratum),
        stratum_of_row=np.cumsum(new_stratum) - 1,
        dead=dead,
        tie=tie,
        time=t[dead[first_event]],
        stratum=tie_stratum,
        count=np.diff(np.append(first_event, tie.size)),
        first_event=first_event,
        tie_bounds=np.append(np.flatnonzero(_changes(tie_stratum)), first_event.size),
        first_row=np.flatnonzero(_changes(last)),
        last=last,
        begin=None if entry is None else begin,
        cover=None if entry is None else _cover(begin, last + 1, first_event.size),
    )


def accumulated(values: Floats, bounds: Counts, *, backward: bool) -> Floats:
    """Cumulative sums of (q, k) values within each stratum, from its end or from its start.

    Never as a difference of sums over several strata, which would lose the digits of a small last one.
    """
    return _accumulate(np.array(values, order="C"), bounds, backward=backward)


def _accumulate(out: Floats, bounds: Counts, *, backward: bool) -> Floats:
    """The same in place."""
    way = -1 if backward else 1
    if bounds.size - 1 <= FEW_STRATA:
        for start, stop in pairwise(bounds):
            part = out[:, start:stop][:, ::way]
            np.cumsum(part, axis=1, out=part)
        return out
    found = out[:, ::way]
    lengths = np.diff(bounds)[::way]
    place = np.arange(found.shape[1]) - np.repeat(np.cumsum(lengths) - lengths, lengths)
    step = 1
    while step <= place.max():
        # Each sum of up to `step` values is joined with the one before it.
        found[:, step:] += np.where(place[step:] >= step, found[:, :-step], 0.0)
        step *= 2
    return out


def _changes(values: Any) -> Flags:
    return np.concatenate([np.ones(min(values.size, 1), dtype=bool), values[1:] != values[:-1]])


def _ties_until(entry: Floats, time: Floats, event: Flags, stratum: Counts) -> Counts:
    """The number of ties, through all strata, up to each row's entry: the first tie at which it is at risk."""
    place = np.unique(np.concatenate([time, entry]), return_inverse=True)[1].reshape(-1)
    key, entry_key = stratum * (place.max() + 1) + place.reshape(2, -1)
    return np.searchsorted(np.unique(key[event]), entry_key, side="right")


def _cover(begin: Counts, end: Counts, ties: int) -> Any:
    """Each row's range of ties as a union of blocks of 1, 2, 4, ... ties: a sparse matrix (blocks, n) of ones.

    Block 1 is the root; block b joins blocks 2b and 2b + 1; the last row of blocks are the ties. Sums over blocks only
    ever add, so that a large risk that has left, or not yet entered, takes no digits from the others.
    """
    from scipy.sparse import csr_array

    size = 1 << max(int(ties - 1).bit_length(), 0)
    low, high, row = begin + size, end + size, np.arange(begin.size)
    blocks, rows = [], []
    while low.size:
        for odd, block in ((low & 1 == 1, low), (high & 1 == 1, high - 1)):
            blocks.append(block[odd])
            rows.append(row[odd])
        low, high = (low + 1) >> 1, high >> 1
        open_ = low < high
        low, high, row = low[open_], high[open_], row[open_]
    at = (np.concatenate(blocks), np.concatenate(rows))
    return csr_array((np.ones(at[0].size), at), shape=(2 * size, begin.size))


def _down(blocks: Floats) -> Floats:
    """From sums of blocks (q, 2 size) to sums of ties (q, size): each tie takes those of the blocks that hold it."""
    here = blocks[:, 1:2]
    while here.shape[1] < blocks.shape[1] // 2:
        wide = here.shape[1] * 2
        here = np.repeat(here, 2, axis=1) + blocks[:, wide : 2 * wide]
    return here


def _up(values: Floats, blocks: int) -> Floats:
    """From values of ties (q, k) to their sums over blocks (q, blocks)."""
    out = np.zeros((values.shape[0], blocks))
    start = blocks // 2
    out[:, start : start + values.shape[1]] = values
    while start > 1:
        pairs = out[:, start : 2 * start]
        out[:, start // 2 : start] = pairs[:, ::2] + pairs[:, 1::2]
        start //= 2
    return out
