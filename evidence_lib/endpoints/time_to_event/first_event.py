"""Times to the first of some dated events: overall survival, treatment discontinuation, and any other."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np
import pandas as pd

from evidence_lib.endpoints.time_to_event.outcome import Codes, codes, outcome_frame
from evidence_lib.endpoints.time_to_event.source import (
    NEVER,
    Days,
    Subjects,
    check_flag,
    date_column,
    read_records,
    read_subjects,
    refuse_where,
)
from evidence_lib.errors import InvalidInput
from evidence_lib.study.checking import described, suggestion


def overall_survival(subjects: pd.DataFrame, *, records: pd.DataFrame | None = None) -> pd.DataFrame:
    """Time from the start to death from any cause.

    Those who did not die on or before the cut-off are censored on the last day on which they are known to have been
    alive: the latest of ``last_alive``, ``new_therapy``, ``treatment_end`` and the assessments, or the cut-off where
    that is earlier, or where death came after it.

    Misreading: censored is not the same as alive today; it says how long the subject was seen alive.

    Parameters
    ----------
    subjects : pd.DataFrame
        ``subject``, ``start``, ``death``, ``last_alive``, ``cutoff``, ``study_exit``; see ``read_subjects``.
    records : pd.DataFrame, optional
        Assessments, which show that a subject was alive on their days. With the records of progression-free survival
        that is never longer than overall survival.

    Returns
    -------
    pd.DataFrame
        See ``outcome_frame``.

    Raises
    ------
    InvalidInput
        A column is missing or of the wrong type.
    DataError
        Dates are partial, missing where a flag asks for them, or contradict each other.
    """
    people = read_subjects(subjects)
    seen = people.seen_alive(None if records is None else read_records(records, people, ("PD",)))
    return _outcome(people, people.by_cutoff(people.death), codes(seen.size, "death"), seen, "last_alive")


def treatment_discontinuation(
    subjects: pd.DataFrame,
    *,
    death: Literal["event", "censor"] = "event",
    new_therapy: Literal["ignore", "event"] = "ignore",
) -> pd.DataFrame:
    """Time from the start of treatment to its end for any reason.

    ``start`` is the first day of treatment here. Those still treated are censored on the last day on which they are
    known to have been alive, at the latest on the cut-off.

    Misreading: treatment that ends as planned counts as an event too; the time says nothing about why it ended.

    Parameters
    ----------
    subjects : pd.DataFrame
        ``subject``, ``start``, ``treatment_end``, ``death``, ``last_alive``, ``cutoff``; see ``read_subjects``.
    death : {"event", "censor"}
        Whether death on treatment counts as its end, or censors.
    new_therapy : {"ignore", "event"}
        Whether the start of another anticancer therapy counts as the end of this one.

    Returns
    -------
    pd.DataFrame
        See ``outcome_frame``.

    Raises
    ------
    InvalidInput
        A column is missing or of the wrong type, or a choice is unknown.
    DataError
        As for ``overall_survival``; or treatment ends before it starts.
    """
    for name, given, known in (
        ("death", death, ("event", "censor")),
        ("new_therapy", new_therapy, ("ignore", "event")),
    ):
        if given not in known:
            raise InvalidInput(f"unknown choice for {name}", expected=" or ".join(known), found=described(given))
    people = read_subjects(subjects)
    early = people.treatment_end < people.start
    refuse_where(early, "treatment ends before it starts", "subjects.treatment_end", "the start or later")
    dates = {"discontinuation": people.by_cutoff(people.treatment_end)}
    if new_therapy == "event":
        dates["new_therapy"] = people.by_cutoff(people.new_therapy)
    died = people.by_cutoff(people.death)
    if death == "event":
        dates["death"] = died
    event_at, event = earliest(dates)
    censors = (died < NEVER) & (event_at == NEVER)
    return _outcome(people, event_at, event, np.where(censors, died, people.seen_alive()), "last_known", died=censors)


def first_event(
    subjects: pd.DataFrame, *, events: Sequence[str] | Mapping[str, str], followed_until: str = "last_alive"
) -> pd.DataFrame:
    """Time from the start to the earliest of some dated events.

    Misreading: where death is not among the events it censors, and the time is then one in a world without deaths;
    ask for the cumulative incidence with death competing instead.

    Parameters
    ----------
    subjects : pd.DataFrame
        As for ``overall_survival``, and the columns named below.
    events : sequence of str, or mapping of str to str
        Columns with the dates of the events, such as ``("relapse", "death")``; or from each to a column with the flag
        (yes or no) that it must agree with. Where dates are equal the one named first is the event.
    followed_until : str
        The column with the last day on which each was known to be free of the events. Those without an event on or
        before the cut-off are censored then, or on the cut-off where that is earlier; on the day of death where death
        is not an event.

    Returns
    -------
    pd.DataFrame
        See ``outcome_frame``. ``event`` is the name of the column.

    Raises
    ------
    InvalidInput
        No event is named, a column is missing or of the wrong type.
    DataError
        As for ``overall_survival``; or an event is before the start or after the death.
    """
    people = read_subjects(subjects)
    flags = events if isinstance(events, Mapping) else {}
    if isinstance(events, str) or not events or len(set(events)) < len(events):
        raise InvalidInput("not a list of events", expected="one column name or more, each once")
    for name in (*events, *flags.values(), followed_until):
        if name not in subjects and name != "last_alive":
            near = suggestion(str(name), [str(column) for column in subjects.columns])
            raise InvalidInput("no such column", where="subjects", found=described(name), mend=near)
    found = {name: date_column(subjects, name, "subjects") for name in (*events, followed_until)}
    for name, flag in flags.items():
        check_flag(subjects, flag, name, found[name])
    for name, dates in found.items():
        impossible = (dates < people.start) | ((dates > people.death) & (dates < NEVER))
        refuse_where(impossible, "a date that cannot be", f"subjects.{name}", "a day from the start to the death")
    event_at, event = earliest({name: people.by_cutoff(found[name]) for name in events})
    known = found[followed_until]
    until = np.minimum(np.where(known < NEVER, known, people.start), people.cutoff)
    if followed_until == "last_alive":
        until = people.seen_alive()
    died = people.by_cutoff(people.death)
    censors = (died < NEVER) & (event_at == NEVER)
    return _outcome(people, event_at, event, np.where(censors, died, until), "last_known", died=censors)


def earliest(dates: dict[str, Days]) -> tuple[Days, Codes]:
    """The earliest date of each subject and its code; of equal dates the one named first."""
    names, table = np.array(list(dates), dtype=object), np.array(list(dates.values()))
    first = table.argmin(axis=0)
    return np.take_along_axis(table, first[None, :], axis=0)[0], names[first]


def _outcome(
    people: Subjects, event_at: Days, event: Codes, censored_at: Days, day: str, *, died: np.ndarray | None = None
) -> pd.DataFrame:
    """The outcome frame of those who are censored when they were last seen, or died of something else."""
    size = event_at.size
    at_start = censored_at == people.start
    unknown = at_start & (people.last_alive == NEVER) & (people.cutoff > people.start)
    followed = (people.death > people.cutoff) & (people.death < NEVER)
    left = (people.study_exit <= people.cutoff) & ~followed
    reason = np.where(left, "left_study", codes(size, "no_event"))
    reason = np.where(unknown, "no_follow_up", reason)
    what = np.where(at_start, "start", codes(size, day))
    what = np.where(censored_at == people.cutoff, "cutoff", what)
    if died is not None:
        reason, what = np.where(died, "death", reason), np.where(died, "death", what)
    return outcome_frame(people, event_at=event_at, event=event, censored_at=censored_at, reason=reason, day=what)
