"""Source dates as times to events need them: one row per subject, and one row per assessment, in whole days.

Errors name rows by number, counted from 1 in the frame that was given, and never a subject.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evidence_lib.data.values import plain_text, to_dates
from evidence_lib.endpoints.clinical_inputs import unknown_word
from evidence_lib.errors import DataError, InvalidInput
from evidence_lib.study.checking import described, suggestion

Days = NDArray[np.int64]
Flags = NDArray[np.bool_]
# A date that is missing stands after every cut-off, and a missing cut-off after every date.
NEVER = 2**40
NO_CUTOFF = 2**39
FIRST_DAY, LAST_DAY = np.datetime64("1900-01-01"), np.datetime64("2200-01-01")
EVALUABLE = ("CR", "PR", "SD", "NON-CR/NON-PD", "NED", "PD")
NOT_EVALUABLE = ("NE", "ND", "NA", "UNK")
YES_NO = {"Y": True, "N": False, "1": True, "0": False, "True": True, "False": False}
DATES = ("start", "death", "last_alive", "cutoff", "new_therapy", "treatment_end", "study_exit", "schedule_start")
# What the subject was alive for; the end of a study may be filed after a death.
_BY_DEATH = ("last_alive", "new_therapy", "treatment_end")


@dataclass(frozen=True)
class Subjects:
    """The dates of subjects, in days since 1970-01-01, ``NEVER`` where missing; see ``read_subjects``."""

    label: pd.Series
    start: Days
    death: Days
    last_alive: Days
    cutoff: Days
    new_therapy: Days
    treatment_end: Days
    study_exit: Days
    schedule_start: Days
    baseline: Flags

    def by_cutoff(self, dates: Days) -> Days:
        """The dates on or before the cut-off; ``NEVER`` for the others."""
        return np.where(dates <= self.cutoff, dates, NEVER)

    def seen_alive(self, records: Records | None = None) -> Days:
        """The last day on or before the cut-off on which each is known to have been alive; at least the start.

        It is the latest of ``last_alive``, ``new_therapy``, ``treatment_end`` and the assessments. Who died after
        the cut-off was alive on it.
        """
        seen = self.start.copy()
        for dates in (self.last_alive, self.new_therapy, self.treatment_end):
            np.maximum(seen, dates, out=seen, where=dates < NEVER)
        if records is not None:
            seen = np.maximum(seen, records.latest(seen, np.ones(records.date.size, dtype=bool)))
        died_later = (self.death > self.cutoff) & (self.death < NEVER)
        return np.where(died_later, self.cutoff, np.minimum(seen, self.cutoff))


@dataclass(frozen=True)
class Records:
    """Assessments: whose (position of the subject), when, whether adequate, and which of the events (``kinds``)."""

    owner: Days
    date: Days
    adequate: Flags
    kind: NDArray[np.object_]
    kinds: tuple[str, ...]

    def first(self, which: Flags, size: int) -> Days:
        """The first date of each of ``size`` subjects among these records; ``NEVER`` where there is none."""
        found = np.full(size, NEVER, dtype=np.int64)
        np.minimum.at(found, self.owner[which], self.date[which])
        return found

    def latest(self, otherwise: Days, which: Flags) -> Days:
        """The last date of each subject among these records, where it is after ``otherwise``; else that."""
        found = otherwise.copy()
        np.maximum.at(found, self.owner[which], self.date[which])
        return found


def read_subjects(frame: pd.DataFrame) -> Subjects:
    """Read and check one row per subject.

    Parameters
    ----------
    frame : pd.DataFrame
        ``subject`` and ``start`` are needed. Dates (calendar dates, or full dates as text): ``death``, ``last_alive``,
        ``cutoff``, ``new_therapy`` (new anticancer therapy), ``treatment_end``, ``study_exit`` (withdrawal or loss to
        follow-up), ``schedule_start`` (the day from which assessments were due, where it is before ``start``; without
        it, ``start``); a column that is not there has no date. Flags (yes or no): ``died`` and ``discontinued`` say
        that ``death`` and ``treatment_end`` must have a date; ``baseline`` says who has an adequate baseline assessment
        (without the column, everybody).

    Raises
    ------
    InvalidInput
        A column is missing or is of the wrong type.
    DataError
        A subject stands twice, a date is partial, a flag and its date contradict each other, or dates are in an order
        that cannot be.
    """
    _columns(frame, ("subject", "start"), "subjects")
    label = frame["subject"].reset_index(drop=True)
    refuse_where(label.isna().to_numpy(), "a subject is missing", "subjects.subject", "a label in every row")
    refuse_where(label.duplicated().to_numpy(), "a subject stands twice", "subjects.subject", "one row per subject")
    dates = {name: date_column(frame, name, "subjects") for name in DATES}
    refuse_where(dates["start"] == NEVER, "the start is missing", "subjects.start", "a full date in every row")
    for flag, name in (("died", "death"), ("discontinued", "treatment_end")):
        if flag in frame:
            check_flag(frame, flag, name, dates[name])
    dates["schedule_start"] = np.where(dates["schedule_start"] == NEVER, dates["start"], dates["schedule_start"])
    late = dates["schedule_start"] > dates["start"]
    refuse_where(late, "the schedule starts after the start", "subjects.schedule_start", "the start or earlier")
    dates["cutoff"] = np.where(dates["cutoff"] == NEVER, NO_CUTOFF, dates["cutoff"])
    for name in ("death", "last_alive", "cutoff", "new_therapy"):
        refuse_where(
            dates[name] < dates["start"], f"{name} is before the start", f"subjects.{name}", "the start or later"
        )
    for name in _BY_DEATH:
        late = (dates[name] > dates["death"]) & (dates[name] < NEVER)
        refuse_where(late, f"{name} is after the death", f"subjects.{name}", "the day of death or earlier")
    baseline = flag_column(frame, "baseline", "subjects") if "baseline" in frame else np.ones(len(frame), dtype=bool)
    return Subjects(label=label, baseline=baseline, **dates)


def read_records(frame: pd.DataFrame, subjects: Subjects, events: Sequence[str]) -> Records:
    """Read and check one row per assessment.

    Parameters
    ----------
    frame : pd.DataFrame
        ``subject``, ``date``, ``response`` (RECIST words, or one of ``events``) and, where it is known, ``adequate``
        (yes or no). Without a value there, an assessment is adequate where its response is evaluable. An assessment
        with an event counts, adequate or not.
    subjects : Subjects
        Those whom the records are of.
    events : sequence of str
        The responses that are events.

    Raises
    ------
    InvalidInput
        A column is missing or of the wrong type.
    DataError
        A subject or a response is unknown, a date is missing or partial, an event is before the start, or an
        assessment after the death.
    """
    _columns(frame, ("subject", "date", "response"), "records")
    owner = pd.Index(subjects.label).get_indexer(pd.Index(frame["subject"]))
    refuse_where(owner < 0, "a subject is not among the subjects", "records.subject", "the subjects' labels")
    kinds = tuple(dict.fromkeys(kind.strip().upper() for kind in events))
    texts = np.array([(plain_text(value) or "").upper() for value in frame["response"]], dtype=object)
    _known_responses(texts, kinds)
    date = date_column(frame, "date", "records")
    refuse_where(date == NEVER, "an assessment has no date", "records.date", "a full date in every row")
    event = np.isin(texts, kinds)
    refuse_where(event & (date < subjects.start[owner]), "an event is before the start", "records.date", "a later date")
    refuse_where(date > subjects.death[owner], "an assessment is after the death", "records.date", "an earlier date")
    adequate = np.isin(texts, (*EVALUABLE, *kinds))
    if "adequate" in frame:
        stated = frame["adequate"].notna().to_numpy()
        adequate = np.where(stated, flag_column(frame, "adequate", "records", missing=False), adequate)
    return Records(owner=owner.astype(np.int64), date=date, adequate=adequate.astype(bool), kind=texts, kinds=kinds)


def date_column(frame: pd.DataFrame, name: str, where: str) -> Days:
    """A column of dates in days since 1970-01-01, ``NEVER`` where missing or where there is no such column."""
    if name not in frame:
        return np.full(len(frame), NEVER, dtype=np.int64)
    column = frame[name].reset_index(drop=True)
    if column.dtype.kind != "M":
        if column.dtype.kind in "biufc" and not column.isna().all():
            raise InvalidInput("not a column of dates", where=f"{where}.{name}", found=f"type {column.dtype}")
        converted = to_dates(column.astype(object))
        _refuse_rows(converted.partial, "a date is partial", f"{where}.{name}", "year, month and day")
        _refuse_rows(converted.invalid, "not a date", f"{where}.{name}", "a calendar date")
        column = converted.values
    elif getattr(column.dtype, "tz", None) is not None:
        column = column.dt.tz_localize(None)
    days = column.to_numpy().astype("datetime64[D]")
    missing = np.isnat(days)
    far = ~missing & ((days < FIRST_DAY) | (days > LAST_DAY))
    refuse_where(far, "not a date of a study", f"{where}.{name}", f"{FIRST_DAY} to {LAST_DAY}")
    return np.where(missing, NEVER, days.astype(np.int64))


def flag_column(frame: pd.DataFrame, name: str, where: str, *, missing: bool | None = None) -> Flags:
    """A column of yes and no: booleans, 0 and 1, or Y and N. A missing value is ``missing``, or refused."""
    texts = [plain_text(value) for value in frame[name]]
    values = [missing if text is None else YES_NO.get(text) for text in texts]
    wrong = np.array([value is None for value in values], dtype=bool)
    refuse_where(wrong, "neither yes nor no", f"{where}.{name}", "true or false, 1 or 0, Y or N")
    return np.array(values, dtype=bool)


def _known_responses(texts: NDArray[np.object_], kinds: tuple[str, ...]) -> None:
    known = (*EVALUABLE, *NOT_EVALUABLE, *kinds, "")
    unknown = np.flatnonzero(~np.isin(texts, known))
    if unknown.size:
        shown, near = unknown_word(str(texts[unknown[0]]), known[:-1])
        raise DataError(
            "unknown response",
            where="records.response",
            expected=", ".join(dict.fromkeys([*kinds, *EVALUABLE, *NOT_EVALUABLE])),
            found=f"{shown} in {_named(unknown + 1)}",
            mend=near,
        )


def _columns(frame: pd.DataFrame, names: Sequence[str], where: str) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInput(f"{where} is not a frame", expected="a pandas DataFrame", found=described(frame))
    if not frame.columns.is_unique:
        raise InvalidInput(f"{where} has two columns of one name", expected="each column once")
    for name in names:
        if name not in frame:
            near = suggestion(name, [str(column) for column in frame.columns])
            raise InvalidInput(f"{where} has no column {name}", expected=", ".join(names), mend=near)


def check_flag(frame: pd.DataFrame, flag: str, name: str, dates: Days) -> None:
    """Refuse, with DataError, a flag that says yes where there is no date, and a date where it says no."""
    flags, dated = flag_column(frame, flag, "subjects"), dates < NEVER
    refuse_where(flags & ~dated, f"{flag} says yes and there is no date", f"subjects.{name}", "a full date")
    refuse_where(dated & ~flags, f"there is a date and {flag} says no", f"subjects.{name}", "flags that agree")


def refuse_where(wrong: Flags, what: str, where: str, expected: str) -> None:
    """Raise DataError where a flag is set, naming the rows from 1."""
    _refuse_rows(np.flatnonzero(wrong), what, where, expected)


def _refuse_rows(rows: Any, what: str, where: str, expected: str) -> None:
    """Raise DataError where there are rows (positions from 0), naming them from 1."""
    if len(rows):
        raise DataError(what, where=where, expected=expected, found=_named(np.asarray(sorted(set(rows))) + 1))


def _named(rows: Days) -> str:
    shown = ", ".join(str(row) for row in rows[:5])
    more = f" and {rows.size - 5} more" if rows.size > 5 else ""
    return f"row{'s' if rows.size > 1 else ''} {shown}{more}"
