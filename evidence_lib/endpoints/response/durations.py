"""How long it takes to respond, and how long responses last."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evidence_lib.endpoints.response.assessments import NewTherapy, Progression, read_assessments
from evidence_lib.endpoints.response.confirmation import Confirmation
from evidence_lib.endpoints.response.rates import responses
from evidence_lib.endpoints.response.records import DayCount, days_in, frame_with, labels, responses_in
from evidence_lib.endpoints.time_to_event.progression import progression_free_survival
from evidence_lib.endpoints.time_to_event.rules import CensoringRules, RuleSet, VisitSchedule
from evidence_lib.endpoints.time_to_event.source import NEVER, Days, refuse_where

_CALENDAR = DayCount("dates")


def time_to_response(
    visits: pd.DataFrame,
    subjects: pd.DataFrame,
    *,
    confirmation: Confirmation | None = None,
    progression: Progression = "visits",
    new_therapy: NewTherapy = "stop",
) -> pd.DataFrame:
    """Days from the start to the first CR or PR of those who responded; the day of the start is day 1.

    Misreading: it is about responders only. A treatment with few and early responders looks faster than one with many.

    Parameters
    ----------
    visits, subjects, confirmation, progression, new_therapy
        See ``objective_response``; ``subjects.start`` is needed for whoever has visits.

    Returns
    -------
    pd.DataFrame
        One row per responder, in the order of ``subjects``: ``subject``, ``aval`` (days, ``adt`` - ``startdt`` + 1),
        ``adt`` (of the first response), ``startdt``.

    Raises
    ------
    InvalidInput, DataError
        See ``best_overall_response``; DataError also where a response is before the start.
    """
    records = read_assessments(visits, subjects, progression=progression, new_therapy=new_therapy)
    records.since_start()
    limits, first = records.limits, records.first(responses(records, confirmation))
    refuse_where(first < limits.start, "a response is before the start", "subjects.start", "the response or earlier")
    who = np.flatnonzero(first < NEVER)
    return pd.DataFrame(
        {
            "subject": limits.label.to_numpy(dtype=object)[who],
            "aval": first[who] - limits.start[who] + 1,
            "adt": limits.counting.column(first[who]),
            "startdt": limits.counting.column(limits.start[who]),
        }
    )


def duration_of_response(
    visits: pd.DataFrame,
    subjects: pd.DataFrame,
    *,
    rules: RuleSet | CensoringRules,
    schedule: VisitSchedule | None = None,
    confirmation: Confirmation | None = None,
    progression: Progression = "visits",
) -> pd.DataFrame:
    """Days from the first CR or PR of those who responded to progression or death; the day of the response is day 1.

    It is ``progression_free_survival`` from the first response on, under the same rules: without an event it is
    censored at the last adequate assessment, which is the response itself where there is no later one. Responses after
    a new anticancer therapy do not count; what the therapy means for the duration, ``rules`` say.

    Misreading: it is about responders only, and who responds is an outcome of the treatment; durations of two arms are
    not a randomised comparison.

    Parameters
    ----------
    visits : pd.DataFrame
        See ``best_overall_response``.
    subjects : pd.DataFrame
        See ``best_overall_response``; ``start`` is needed for a schedule alone. Where they are known: ``death``,
        ``last_alive``, ``cutoff``, ``new_therapy``, ``study_exit``, ``baseline`` (see ``progression_free_survival``).
    rules : {"FDA", "EMA"} or CensoringRules
        What new therapy and missed assessments mean.
    schedule : VisitSchedule, optional
        When assessments were due, in days since ``subjects.start``, whenever the response was; needed by rules that ask
        for missed assessments.
    confirmation : Confirmation, optional
        See ``objective_response``.
    progression : {"visits", "source", "none"}
        Progression is the first PD of the visits from the response on; with ``source``, ``subjects.progression``.

    Returns
    -------
    pd.DataFrame
        One row per responder, in the order of ``subjects``, with the columns of ``progression_free_survival``:
        ``subject``, ``aval``, ``cnsr`` (0 for an event), ``adt``, ``startdt``, ``event``, ``reason``, ``evntdesc``,
        ``cnsdtdsc``.

    Raises
    ------
    InvalidInput, DataError
        See ``best_overall_response`` and ``progression_free_survival``.
    """
    counted = read_assessments(visits, subjects, progression=progression, new_therapy="stop")
    start = counted.first(responses(counted, confirmation))
    people = frame_with(subjects, ("subject",), "subjects")
    death, counting = counted.limits.counting.with_column(people, "death", "subjects")
    refuse_where((death < start) & (start < NEVER), "a response is after the death", "subjects.death", "a later date")
    responders = np.flatnonzero(start < NEVER)
    begun = counted.limits.start
    if schedule is not None:
        unknown = (start < NEVER) & (begun == NEVER)
        refuse_where(unknown, "the start is missing", "subjects.start", "the day from which assessments were due")
        refuse_where(start < begun, "a response is before the start", "subjects.start", "the response or earlier")
    records = _records(visits, people, counting, start=start, death=death, source=progression == "source")
    outcome = progression_free_survival(
        _people(people, counting, begun=begun, start=start, responders=responders),
        records,
        rules=rules,
        schedule=schedule,
    )
    dated = {name: counting.column(_days(outcome[name])) for name in ("adt", "startdt")}
    return outcome.assign(subject=counted.limits.label.to_numpy(dtype=object)[outcome["subject"]], **dated)


def _people(people: pd.DataFrame, counting: DayCount, *, begun: Days, start: Days, responders: Days) -> pd.DataFrame:
    """The responders as ``progression_free_survival`` takes them, labelled by their positions."""
    columns: dict[str, object] = {"subject": responders, "start": _CALENDAR.column(start[responders])}
    columns["schedule_start"] = _CALENDAR.column(np.where(begun <= start, begun, NEVER)[responders])
    for name in ("death", "last_alive", "cutoff", "new_therapy", "study_exit"):
        days, _ = counting.with_column(people, name, "subjects")
        # Whoever responds was alive then, whatever the last contact on file is.
        days = np.maximum(days, start) if name == "last_alive" else days
        columns[name] = _CALENDAR.column(days[responders])
    if "baseline" in people:
        columns["baseline"] = people["baseline"].to_numpy()[responders]
    return pd.DataFrame(columns)


def _records(
    visits: pd.DataFrame, people: pd.DataFrame, counting: DayCount, *, start: Days, death: Days, source: bool
) -> pd.DataFrame:
    """The assessments of the responders from the response on; a PD of the visits is no event beside a ``source``."""
    frame = frame_with(visits, ("subject", "date", "response"), "visits")
    position = {label: place for place, label in enumerate(labels(people, "subjects"))}
    owner = np.array([position[label] for label in labels(frame, "visits")], dtype=np.int64)
    day, _ = days_in(frame, "visits", counting)
    refuse_where(day > death[owner], "an assessment is after the death", "visits.date", "an earlier date")
    response = responses_in(frame, "visits")
    adequate = ~np.isin(response, ("NE", "ND"))
    if source:
        response = np.where(response == "PD", "NE", response)
    kept = day >= start[owner]
    parts = [(owner[kept], day[kept], response[kept], adequate[kept])]
    if source:
        date, _ = counting.with_column(people, "progression", "subjects")
        who = np.flatnonzero((start < NEVER) & (date < NEVER))
        parts.append((who, date[who], np.full(who.size, "PD", dtype=object), np.ones(who.size, dtype=bool)))
    columns = [np.concatenate(column) for column in zip(*parts, strict=True)]
    return pd.DataFrame(
        {
            "subject": columns[0],
            "date": _CALENDAR.column(columns[1]),
            "response": columns[2],
            "adequate": columns[3],
        }
    )


def _days(dates: pd.Series) -> Days:
    return dates.to_numpy().astype("datetime64[D]").astype(np.int64)
