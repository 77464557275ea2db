"""The components of patients as read from a frame, in forms that are fast to compare."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import Counts, Flags, Floats, numbers, refuse
from evidence_lib.statistics.survival.inputs import TIE, join_ties
from evidence_lib.statistics.win_statistics.components import (
    Component,
    Continuous,
    Ordinal,
    Recurrent,
    Then,
    TimeToEvent,
)

Missing = Literal["refuse", "tie"]
# The rank of those who are never beaten.
UNBEATEN = np.iinfo(np.int32).max


@dataclass(frozen=True)
class Ranked:
    """A component whose comparisons are of whole numbers: a beats b where ``rank`` of b is below ``reach`` of a."""

    reach: NDArray[np.int32]
    rank: NDArray[np.int32]
    has_event: Flags

    def block(self, treated: Counts, reference: Counts) -> tuple[Flags, Flags]:
        """Who of the treated wins against whom of the reference patients, and who loses (treated, reference)."""
        wins = self.rank[reference] < self.reach[treated][:, None]
        losses = self.rank[treated][:, None] < self.reach[reference]
        return wins, losses


@dataclass(frozen=True)
class Events:
    """A component of recurrent events: those of patient k are at ``time[start[k] : start[k + 1]]``, in order.

    ``code`` numbers the distinct times; ``known`` are those for whom nothing is missing.
    """

    start: Counts
    time: Floats
    code: Counts
    follow_up: Floats
    known: Flags
    then: Then

    @property
    def has_event(self) -> Flags:
        """Who has an event."""
        return np.diff(self.start) > 0

    def block(self, treated: Counts, reference: Counts) -> tuple[Flags, Flags]:
        """Who of the treated wins against whom of the reference patients, and who loses (treated, reference)."""
        own = self._within(treated, self.follow_up[reference])
        other = self._within(reference, self.follow_up[treated]).T
        both = self.known[treated][:, None] & self.known[reference]
        wins, losses = (own < other) & both, (own > other) & both
        if self.then != "none":
            i, j = np.nonzero((own == other) & (own > 0) & both)
            place = own[i, j] - 1 if self.then == "last" else 0
            mine, theirs = self.code[self.start[treated[i]] + place], self.code[self.start[reference[j]] + place]
            wins[i, j], losses[i, j] = mine > theirs, mine < theirs
        return wins, losses

    def _within(self, patients: Counts, follow_up: Floats) -> Counts:
        """How many events each patient has up to each of these times (patients, times)."""
        size = np.diff(self.start)[patients]
        owner = np.repeat(np.arange(patients.size), size)
        place = np.arange(owner.size) - np.repeat(np.cumsum(size) - size, size)
        time = self.time[self.start[patients][owner] + place]
        order = np.argsort(follow_up, kind="stable")
        # An event counts from the first of the sorted times on that is not before it.
        column = np.searchsorted(follow_up[order] * (1 + TIE), time, side="left")
        width = follow_up.size + 1
        found = np.bincount(owner * width + column, minlength=patients.size * width).reshape(patients.size, width)
        counts = np.empty((patients.size, follow_up.size), dtype=np.int64)
        counts[:, order] = found[:, :-1].cumsum(axis=1)
        return counts


def read(
    component: Component, data: pd.DataFrame, used: Flags, *, tau: float | None, missing: Missing
) -> Ranked | Events:
    """The component of the patients ``used``, in comparable form; errors name rows of the whole frame."""
    if isinstance(component, TimeToEvent):
        time, event, known = times_of(component, data, used, tau=tau, missing=missing)
        return _ranked_times(time, event, known, component)
    if isinstance(component, Recurrent):
        return _events(component, data, used, tau, missing)
    value = _values(component, data)
    known = _known(~np.isnan(value), used, component.value, missing)
    refuse(np.isinf(value) & used, component.value, "finite numbers", "an infinite one")
    signed = value if component.better == "larger" else -value
    margin = component.margin if isinstance(component, Continuous) else 0.0
    return _ranked(signed[used], known[used], float(margin))


def times_of(
    component: TimeToEvent, data: pd.DataFrame, used: Flags, *, tau: float | None, missing: Missing
) -> tuple[Floats, Flags, Flags]:
    """Times up to ``tau``, events and who has both, of the patients ``used``."""
    time, event = (numbers(_column(data, name), name) for name in (component.time, component.event))
    known = _known(~np.isnan(time) & ~np.isnan(event), used, f"{component.time} or {component.event}", missing)
    here = used & known
    refuse(here & ~((time >= 0) & (time < np.inf)), component.time, "zero or more days", "another value")
    refuse(here & ~np.isin(event, (0.0, 1.0)), component.event, "0 (censored) or 1 (event)", "another value")
    time, flags = np.where(here, time, 0.0), here & (event == 1)
    if tau is not None:
        flags = flags & (time <= tau * (1 + TIE))
        time = np.minimum(time, tau)
    return time[used], flags[used], known[used]


def _ranked(value: Floats, known: Flags, margin: float) -> Ranked:
    """Numbers of which the larger wins by more than the margin; equality is up to a relative error of ``TIE``."""
    ordered = np.sort(value[known])
    with np.errstate(over="ignore", invalid="ignore"):
        beaten = value - margin - TIE * np.maximum(np.abs(value), margin)
    reach = np.searchsorted(ordered, beaten, side="left")
    rank = np.searchsorted(ordered, value, side="left")
    return _of_whole_numbers(np.where(known, reach, 0), np.where(known, rank, UNBEATEN), np.zeros_like(known))


def _ranked_times(time: Floats, event: Flags, known: Flags, component: TimeToEvent) -> Ranked:
    """Times that win against the observed events known to be earlier by more than the margin."""
    ordered = np.sort(time[known])
    margin = float(component.margin)
    slack = TIE * np.maximum(time, margin)
    reach = np.where(
        event,
        np.searchsorted(ordered, time - margin - slack, side="left"),
        # Whoever is censored has the event later still, so a difference equal to the margin is above it.
        np.searchsorted(ordered, time - margin + slack, side="right"),
    )
    rank = np.searchsorted(ordered, time, side="left")
    reach, rank = np.where(known, reach, 0), np.where(known & event, rank, UNBEATEN)
    # Earlier is better where the loser wins: rank of a < reach of b, which is -reach of b < -rank of a.
    if component.better == "earlier":
        reach, rank = -rank, -reach
    return _of_whole_numbers(reach, rank, known & event)


def _of_whole_numbers(reach: Counts, rank: Counts, has_event: Flags) -> Ranked:
    return Ranked(reach.astype(np.int32), rank.astype(np.int32), has_event)


def _events(component: Recurrent, data: pd.DataFrame, used: Flags, tau: float | None, missing: Missing) -> Events:
    follow_up = numbers(_column(data, component.follow_up), component.follow_up)
    cells = list(_column(data, component.times))
    absent = np.array([_is_missing(cell) for cell in cells], dtype=bool)
    known = _known(~np.isnan(follow_up) & ~absent, used, f"{component.times} or {component.follow_up}", missing)
    here = used & known
    refuse(here & ~((follow_up >= 0) & (follow_up < np.inf)), component.follow_up, "zero or more days", "another value")
    end = np.where(here, follow_up, 0.0)
    own = [_cell(cells[row], component.times, row) if here[row] else np.empty(0) for row in range(len(cells))]
    outside = [bool(((days < 0) | (days > last * (1 + TIE))).any()) for days, last in zip(own, end, strict=True)]
    refuse(np.array(outside, dtype=bool), component.times, f"days from 0 to {component.follow_up}", "an event outside")
    if tau is not None:
        own = [days[days <= tau * (1 + TIE)] for days in own]
        end = np.minimum(end, tau)
    kept = [days for days, is_used in zip(own, used, strict=True) if is_used]
    start = np.concatenate([[0], np.cumsum([days.size for days in kept])]).astype(np.int64)
    time = join_ties(np.concatenate(kept)) if start[-1] else np.empty(0)
    code = np.unique(time, return_inverse=True)[1].reshape(-1)
    return Events(start, time, code, end[used], known[used], component.then)


def _is_missing(cell: Any) -> bool:
    return cell is None or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell))


def _cell(cell: Any, name: str, row: int) -> Floats:
    """The sorted days of one patient's events."""
    try:
        found = np.asarray(cell)
    except ValueError:
        found = np.empty((0, 0))
    if found.ndim != 1 or (found.size and found.dtype.kind not in "iuf") or not np.isfinite(found.astype(float)).all():
        raise InvalidInput(
            f"{name} cannot be used",
            expected="a list of days for each patient, empty where there are no events",
            found=f"another value in row {row + 1}",
        )
    return np.sort(found.astype(np.float64))


def _values(component: Continuous | Ordinal, data: pd.DataFrame) -> Floats:
    column = _column(data, component.value)
    if isinstance(component, Ordinal) and isinstance(column.dtype, pd.CategoricalDtype):
        if not column.cat.ordered:
            raise InvalidInput(f"{component.value} has no order", expected="an ordered categorical, or numbers")
        codes = column.cat.codes.to_numpy().astype(np.float64)
        return np.where(codes < 0, np.nan, codes)
    return numbers(column, component.value)


def _column(data: pd.DataFrame, name: str) -> pd.Series:
    if name not in data.columns:
        raise InvalidInput("data has no such column", expected=", ".join(map(str, data.columns)), found=repr(name))
    column = data[name]
    if column.ndim != 1:
        raise InvalidInput("data has a column twice", found=repr(name))
    return column


def _known(present: Flags, used: Flags, name: str, missing: Missing) -> Flags:
    if missing == "refuse":
        refuse(used & ~present, name, 'a value for each patient, or missing="tie"', "a missing one")
    return present
