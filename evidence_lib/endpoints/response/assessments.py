"""Responses at the visits of each subject, in the order of time, up to the day after which they do not count."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np
import pandas as pd

from evidence_lib.endpoints.response.records import (
    DayCount,
    Words,
    days_in,
    frame_with,
    labels,
    refuse_repeats,
    responses_in,
)
from evidence_lib.endpoints.time_to_event.source import NEVER, Days, Flags, refuse_where
from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import choice

Progression = Literal["visits", "source", "none"]
NewTherapy = Literal["stop", "ignore"]


@dataclass(frozen=True)
class Limits:
    """Whose records count and until when: the last day of each subject, ``NEVER`` where there is none."""

    label: pd.Series
    start: Days
    last: Days
    counting: DayCount
    position: dict[object, int]

    def owners(self, frame: pd.DataFrame, where: str) -> Days:
        """The positions of the subjects of the rows. Raises DataError for one who is not among the subjects."""
        owner = np.array([self.position.get(label, -1) for label in labels(frame, where)], dtype=np.int64)
        refuse_where(owner < 0, "a subject is not among the subjects", f"{where}.subject", "the subjects' labels")
        return owner


@dataclass(frozen=True)
class Assessments:
    """The records that count, sorted by subject and day; ``owner`` is the position of the subject in ``limits``."""

    limits: Limits
    owner: Days
    day: Days
    response: Words

    @property
    def size(self) -> int:
        """The number of subjects."""
        return len(self.limits.label)

    def since_start(self) -> Days:
        """Days from the start of the subject to each record. Raises DataError where a start is missing."""
        start = self.limits.start
        needed = np.isin(np.arange(self.size), self.owner)
        refuse_where(
            needed & (start == NEVER), "the start is missing", "subjects.start", "a date for whoever has visits"
        )
        return self.day - start[self.owner]

    def first(self, which: Flags) -> Days:
        """The first day of each subject among these records; ``NEVER`` where there is none."""
        found = np.full(self.size, NEVER, dtype=np.int64)
        np.minimum.at(found, self.owner[which], self.day[which])
        return found


def read_limits(subjects: pd.DataFrame, *, progression: Progression, new_therapy: NewTherapy) -> Limits:
    """Read one row per subject and the last day on which its records count.

    Parameters
    ----------
    subjects : pd.DataFrame
        ``subject`` (any label); ``start`` (the day of randomisation or of the first treatment); where they are known,
        ``progression``, ``new_therapy`` (the start of a new anticancer therapy) and ``cutoff``. Records after the
        cut-off never count.
    progression : {"visits", "source", "none"}
        With ``source``, records after the date in ``progression`` do not count.
    new_therapy : {"stop", "ignore"}
        With ``stop``, records after the day of ``new_therapy`` do not count; those of the day do.

    Raises
    ------
    InvalidInput
        A column is missing or of the wrong type, or a choice is unknown.
    DataError
        A subject stands twice or is missing.
    """
    choice(progression, Progression, "progression")
    choice(new_therapy, NewTherapy, "new_therapy")
    frame = frame_with(subjects, ("subject",), "subjects")
    keys = labels(frame, "subjects")
    refuse_repeats(keys, "a subject stands twice", "subjects.subject", "one row per subject")
    if progression == "source" and "progression" not in frame:
        raise InvalidInput("subjects has no column progression", expected="the days of progression, as the source")
    start, counting = DayCount().with_column(frame, "start", "subjects")
    stops = ["cutoff", *(["progression"] if progression == "source" else [])]
    stops += ["new_therapy"] if new_therapy == "stop" else []
    last = np.full(len(frame), NEVER, dtype=np.int64)
    for name in stops:
        days, counting = counting.with_column(frame, name, "subjects")
        last = np.minimum(last, days)
    return Limits(
        label=frame["subject"],
        start=start,
        last=last,
        counting=counting,
        position={key: place for place, key in enumerate(keys)},
    )


def read_assessments(
    visits: pd.DataFrame, subjects: pd.DataFrame, *, progression: Progression, new_therapy: NewTherapy
) -> Assessments:
    """Read one row per visit and keep the records that count.

    Parameters
    ----------
    visits : pd.DataFrame
        ``subject``, ``date``, ``response`` (``RESPONSES``; a missing one, NA and UNK are ND).
    subjects : pd.DataFrame
        See ``read_limits``.
    progression : {"visits", "source", "none"}
        With ``visits``, records after the first PD do not count.
    new_therapy : {"stop", "ignore"}
        See ``read_limits``.

    Raises
    ------
    InvalidInput
        A column is missing or of the wrong type, or a choice is unknown.
    DataError
        A subject or a response is unknown, a date is missing, or two records that count are of one subject and day.
    """
    limits = read_limits(subjects, progression=progression, new_therapy=new_therapy)
    frame = frame_with(visits, ("subject", "date", "response"), "visits")
    owner = limits.owners(frame, "visits")
    day, counting = days_in(frame, "visits", limits.counting)
    response = responses_in(frame, "visits")
    last = limits.last.copy()
    if progression == "visits":
        progressed = response == "PD"
        np.minimum.at(last, owner[progressed], day[progressed])
    counts = day <= last[owner]
    # Which of two records of one day is meant cannot be known, and the worse or the better one would be a guess.
    keys = [
        (int(who), int(at), 0 if kept else row + 1)
        for row, (who, at, kept) in enumerate(zip(owner, day, counts, strict=True))
    ]
    refuse_repeats(keys, "two assessments of one subject and day", "visits.date", "one overall response per day")
    rows = np.flatnonzero(counts)
    order = rows[np.lexsort((day[rows], owner[rows]))]
    limits = replace(limits, counting=counting)
    return Assessments(limits=limits, owner=owner[order], day=day[order], response=response[order])
