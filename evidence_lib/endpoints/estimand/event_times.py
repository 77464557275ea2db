"""``time_to_event``: times to an event under the strategies of an estimand."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evidence_lib.endpoints.estimand.days import column, event_days, first_of, free, told
from evidence_lib.endpoints.estimand.model import ENDING, Estimand, IntercurrentEvent, require_estimand
from evidence_lib.errors import InvalidInput, StudyError
from evidence_lib.language import Localized, Message, message
from evidence_lib.statistics.inputs import Counts, Flags, Floats, numbers, refuse


@dataclass(frozen=True, eq=False)
class TimeToEvent:
    """Times to the event of an estimand.

    ``frame`` is that given, with the same rows: ``time``, ``event`` (1 for the event of the estimand), ``cause`` (0
    censored, 1 the event of the estimand, 2 and more the competing events of ``causes``) and ``decided_by`` (the number
    of the intercurrent event that decided the row, 0 for none). ``counts``: number, event, strategy, occurred
    (subjects with the event), decided. ``messages``: what was done, one per intercurrent event.
    """

    frame: pd.DataFrame
    counts: pd.DataFrame
    causes: Mapping[int, Localized]
    messages: tuple[Message, ...]


def time_to_event(frame: pd.DataFrame, estimand: Estimand) -> TimeToEvent:
    """Times to the event that an estimand asks for, from the observed ones and the days of the intercurrent events.

    With T the observed time, I the day of an intercurrent event (ICH E9(R1), A.3.2):

    - treatment policy: T as it is, whether or not the event occurred.
    - composite: the event is part of the outcome: time min(T, I), an event.
    - hypothetical: censored at I. Right only where, given what the analysis adjusts for, those who have the
      intercurrent event would otherwise have gone on like the others; the assumption of the study file is repeated.
    - while on treatment: the event competes: time min(T, I) with a cause of its own, for the cumulative incidence.
    - principal stratum: as it is; the stratum is no filter, see ``principal_stratum_effect``.

    The first intercurrent event decides. The event of interest on the same day goes before it; of two intercurrent
    events on one day a composite one goes first, then a competing one, then a censoring one, then the order of the
    file. An intercurrent event after the end of follow-up changes nothing: between the two the event of interest could
    have come unseen.

    Misreading: ``event`` alone, with the competing events as censorings, does not give the probability of the event
    (1 minus Kaplan-Meier lies above it); take ``cause`` and the cumulative incidence.

    Parameters
    ----------
    frame : DataFrame
        One row per subject: ``time`` (days from the start), ``event`` (0 or 1), and for each intercurrent event with a
        date its day on the same scale in ``ice_<number>`` (see ``Estimand.day_columns``), missing where it did not
        occur. ``cause`` where competing events are in the data already: 0, 1 as ``event``, and 2 or more.
    estimand : Estimand
        From ``read_estimand``.

    Returns
    -------
    TimeToEvent
        The frame, counts and what was done; nothing else in the frame changes.

    Raises
    ------
    InvalidInput
        For missing columns, negative, missing or infinite times, events other than 0 and 1, causes that contradict the
        events.
    StudyError
        For a handling that a time to event does not have, and a competing event that neither a date nor ``cause``
        tells.
    DataError
        For an intercurrent event before the start.
    """
    require_estimand(estimand)
    days = event_days(frame, estimand)
    time, happened = _observed(frame)
    given = _given_causes(frame, happened)
    for event in estimand.intercurrent_events:
        event.way("time-to-event")
    _require_competing_told(estimand, given)
    ending = [event for event in estimand.intercurrent_events if event.strategy in ENDING and event.date]
    # At the same time an event of any kind goes before the intercurrent event, and that before the end of follow-up.
    stopped = happened if given is None else given > 0
    counts = {event.number: (days[event.number] < time) | ((days[event.number] == time) & ~stopped) for event in ending}
    decided, day = first_of(days, ending, counts, len(frame))
    code, causes = _codes(ending, given)
    cause = happened.astype(np.int64) if given is None else given.copy()
    for number, one in code.items():
        cause[decided == number] = one
    new_time = np.where(decided > 0, np.minimum(time, day), time)
    made = frame.assign(
        time=_as_days(new_time, frame["time"]),
        event=(cause == 1).astype(np.int64),
        cause=cause,
        decided_by=decided,
    )
    occurred = {number: int((~np.isnan(values)).sum()) for number, values in days.items()}
    changed = {event.number: 0 for event in estimand.intercurrent_events if event.date}
    changed |= {event.number: int((decided == event.number).sum()) for event in ending}
    said = {
        event.number: _said(event, occurred, changed, days, time)
        for event in estimand.intercurrent_events
        if event.date and event.strategy != "principal stratum"
    }
    table, messages = told(estimand, occurred, changed, said)
    return TimeToEvent(made, table, causes, messages)


def _observed(frame: pd.DataFrame) -> tuple[Floats, Flags]:
    free(frame, ["decided_by"])
    time, marks = numbers(column(frame, "time"), "time"), numbers(column(frame, "event"), "event")
    refuse(~np.isfinite(time), "time", "a finite number of days", "a missing or infinite time")
    refuse(time < 0, "time", "zero or more days", "a negative time")
    refuse(~np.isin(marks, (0.0, 1.0)), "event", "0 (censored) or 1 (event)", "another value")
    return time, marks == 1


def _given_causes(frame: pd.DataFrame, happened: Flags) -> Counts | None:
    if "cause" not in frame:
        return None
    values = numbers(column(frame, "cause"), "cause")
    whole = np.isfinite(values) & (np.nan_to_num(values) >= 0) & (np.floor(np.nan_to_num(values)) == values)
    refuse(~whole, "cause", "a whole number: 0 censored, 1 the event, 2 or more competing", "another value")
    refuse((values == 1) != happened, "cause", "1 exactly where event is 1", "another value")
    return values.astype(np.int64)


def _require_competing_told(estimand: Estimand, given: Counts | None) -> None:
    for event in estimand.with_strategy("while on treatment"):
        if event.date is None and given is None:
            raise StudyError(
                "while on treatment needs the day of the intercurrent event: for a time to event it is a competing "
                "event, which the analysis data do not tell",
                where=f"intercurrent event {event.number} ({event.name})",
                expected="date: a column of ADSL",
                found="nothing",
            )


def _codes(ending: list[IntercurrentEvent], given: Counts | None) -> tuple[dict[int, int], dict[int, Localized]]:
    """The cause that each ending event gives a row, and the events behind the causes made here."""
    first = 2 if given is None else max(int(given.max(initial=1)), 1) + 1
    competing = [event for event in ending if event.strategy == "while on treatment"]
    code = {event.number: 1 if event.strategy == "composite" else 0 for event in ending}
    code |= {event.number: first + place for place, event in enumerate(competing)}
    return code, {code[event.number]: event.event for event in competing}


def _as_days(time: Floats, given: pd.Series) -> np.ndarray:
    """Whole days as integers where they were given as such and stayed whole."""
    whole = pd.api.types.is_integer_dtype(given.dtype) and bool((time == np.floor(time)).all())
    return time.astype(np.int64) if whole else time


def _said(
    event: IntercurrentEvent,
    occurred: Mapping[int, int],
    changed: Mapping[int, int],
    days: Mapping[int, Floats],
    time: Floats,
) -> Message:
    shared = {"event": event.event, "occurred": occurred[event.number]}
    if event.strategy == "treatment policy":
        return message("estimand_endpoints.time.treatment_policy", **shared)
    shared |= {
        "decided": changed[event.number],
        "later": int((days[event.number] > time).sum()),
    }
    if event.strategy == "composite":
        return message("estimand_endpoints.time.composite", **shared)
    if event.strategy == "while on treatment":
        return message("estimand_endpoints.time.while_on_treatment", **shared)
    if event.assumption is None:
        raise InvalidInput("a hypothetical strategy without its assumption", found=event.name)
    return message("estimand_endpoints.time.hypothetical", assumption=event.assumption, **shared)
