"""What every statistic of recurrent events asks of its arguments."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import Counts, Flags, Floats, labelled, numbers, refuse
from evidence_lib.statistics.survival.inputs import join_ties


@dataclass(frozen=True, eq=False)
class Intervals:
    """Intervals of observation, as given: ``subject`` numbers the subjects from 0; ties of all times are joined."""

    subject: Counts
    start: Floats
    stop: Floats
    event: Flags

    def of(self, rows: Any) -> Intervals:
        """Some of the intervals, with the subjects' numbers as they are."""
        return Intervals(self.subject[rows], self.start[rows], self.stop[rows], self.event[rows])

    @property
    def subjects(self) -> int:
        """How many subjects there are."""
        return int(np.unique(self.subject).size)

    def ordered(self) -> Counts:
        """The places of the intervals by subject and time."""
        return np.lexsort((self.start, self.subject))

    def earlier_events(self) -> Counts:
        """Of each interval: how many events its subject had before it."""
        order = self.ordered()
        subject, event = self.subject[order], self.event[order].astype(np.int64)
        before = np.cumsum(event) - event
        found = np.empty_like(before)
        found[order] = before - before[_starts(subject)]
        return found

    def last_event(self) -> Floats:
        """Of each interval: when its subject last had an event before it; 0 where there was none."""
        order = self.ordered()
        subject, event, stop = self.subject[order], self.event[order], self.stop[order]
        place = np.maximum.accumulate(np.where(event, np.arange(event.size), -1))
        before = np.concatenate([[-1], place[:-1]])[: place.size]
        found = np.empty(stop.size)
        found[order] = np.where(before >= _starts(subject), stop[before], 0.0)
        return found


def checked_intervals(subject: ArrayLike, start: ArrayLike, stop: ArrayLike, event: ArrayLike) -> Intervals:
    """Intervals that can be used. Raises InvalidInput; rows are named by number, from 1, never by subject."""
    begin, end, marks = numbers(start, "start"), numbers(stop, "stop"), numbers(event, "event")
    if not begin.size == end.size == marks.size:
        raise InvalidInput(
            "start, stop and event differ in length",
            expected="one of each per interval",
            found=f"{begin.size}, {end.size} and {marks.size}",
        )
    codes = pd.factorize(labelled(subject, "subject", end.size))[0].astype(np.int64)
    for times, name in ((begin, "start"), (end, "stop")):
        refuse(~np.isfinite(times), name, "a finite number of days", "a missing or infinite time")
        refuse(times < 0, name, "zero or more days", "a negative time")
    refuse(~np.isin(marks, (0.0, 1.0)), "event", "0 (none) or 1 (an event at stop)", "another value")
    joined = join_ties(np.concatenate([begin, end]))
    begin, end = joined[: begin.size], joined[begin.size :]
    refuse(begin >= end, "start", "a start before the stop", "an interval without length")
    found = Intervals(codes, begin, end, marks == 1)
    order = found.ordered()
    same = codes[order][1:] == codes[order][:-1]
    overlap = same & (begin[order][1:] < end[order][:-1])
    if overlap.any():
        first, second = sorted(order[[overlap.argmax(), overlap.argmax() + 1]] + 1)
        raise InvalidInput(
            "intervals of one subject overlap",
            expected="each to start when the one before has stopped, or later",
            found=f"rows {first} and {second}",
        )
    return found


def of_subjects(intervals: Intervals, values: Any, name: str) -> None:
    """Raise InvalidInput where a label or a number changes within a subject."""
    codes = pd.factorize(values)[0]
    first = np.full(int(intervals.subject.max(initial=-1)) + 1, -1)
    order = np.arange(codes.size)[::-1]
    first[intervals.subject[order]] = codes[order]
    refuse(codes != first[intervals.subject], name, "the same value in all rows of a subject", "another value")


def _starts(sorted_subject: Counts) -> Counts:
    """Of each place in sorted subjects: the first place of its subject."""
    new = np.concatenate([[True], sorted_subject[1:] != sorted_subject[:-1]])[: sorted_subject.size]
    places = np.flatnonzero(new)
    return places[np.cumsum(new) - 1] if places.size else places
