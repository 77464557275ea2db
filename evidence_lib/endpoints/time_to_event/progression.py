"""Progression-free and event-free survival from assessments, under the rules of the FDA, the EMA or others."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from evidence_lib.endpoints.time_to_event.first_event import earliest
from evidence_lib.endpoints.time_to_event.outcome import codes, outcome_frame
from evidence_lib.endpoints.time_to_event.rules import RULES, CensoringRules, RuleSet, VisitSchedule
from evidence_lib.endpoints.time_to_event.source import (
    NEVER,
    Days,
    Flags,
    Records,
    Subjects,
    read_records,
    read_subjects,
)
from evidence_lib.errors import InvalidInput
from evidence_lib.study.checking import described


def progression_free_survival(
    subjects: pd.DataFrame,
    records: pd.DataFrame,
    *,
    rules: RuleSet | CensoringRules,
    schedule: VisitSchedule | None = None,
) -> pd.DataFrame:
    """Time from the start to the first progression or to death from any cause, whichever comes first.

    ``rules="FDA"``: an event after a new anticancer therapy is censored at the last adequate assessment on or before
    its start; an event after two or more missed assessments is censored at the last adequate assessment before them;
    without a baseline assessment, or with none afterwards, the subject is censored on the day of the start, unless
    death comes before two assessments were missed. ``rules="EMA"``: events count whenever they occur. Under either,
    those without an event are censored at their last adequate assessment on or before the cut-off.

    Sources: FDA, Guidance for Industry, Clinical Trial Endpoints for the Approval of Cancer Drugs and Biologics (2018)
    and Non-Small Cell Lung Cancer Drugs and Biologics (2015), tables of PFS; EMA/CHMP/27994/2008 Rev.1, Appendix 1 to
    the guideline on the evaluation of anticancer medicinal products in man.

    The first day is day 1. A progression on the day of death counts as progression. Duration of response is this with
    the day of the first response as ``start``, for those who responded; ``schedule_start`` keeps the calendar of their
    assessments, which were due by the start of the study and not by the response.

    Misreading: a censored subject is not one without progression; under the FDA's rules many of them progressed. See
    ``censoring_sensitivity``.

    Parameters
    ----------
    subjects : pd.DataFrame
        ``subject``, ``start``, ``death``, ``last_alive``, ``cutoff``, ``new_therapy``, ``study_exit``, ``baseline``,
        ``schedule_start``;
        see ``read_subjects``.
    records : pd.DataFrame
        ``subject``, ``date``, ``response``, ``adequate``; see ``read_records``. Progression is ``PD``.
    rules : {"FDA", "EMA"} or CensoringRules
        The rules.
    schedule : VisitSchedule, optional
        When assessments were due; needed by rules that ask for missed assessments or scheduled dates.

    Returns
    -------
    pd.DataFrame
        See ``outcome_frame``.

    Raises
    ------
    InvalidInput
        A column is missing or of the wrong type, rules are unknown, or they need a schedule.
    DataError
        Dates are partial, missing where a flag asks for them, or contradict each other.
    """
    return _derived(subjects, records, events=("PD",), rules=rules, schedule=schedule)


def event_free_survival(
    subjects: pd.DataFrame,
    records: pd.DataFrame,
    *,
    events: Sequence[str],
    rules: RuleSet | CensoringRules,
    schedule: VisitSchedule | None = None,
) -> pd.DataFrame:
    """Time from the start to the first of the named events or to death from any cause, whichever comes first.

    As ``progression_free_survival``, with other records than progression as events, such as recurrence, progression
    that rules out surgery, or incomplete resection.

    Misreading: what counts as an event differs between trials; two event-free survivals compare only where the lists
    are the same.

    Parameters
    ----------
    subjects : pd.DataFrame
        As for ``progression_free_survival``.
    records : pd.DataFrame
        As for ``progression_free_survival``; ``response`` may hold the events too.
    events : sequence of str
        The responses that are events, such as ``("PD", "RECURRENCE", "NO SURGERY")``.
    rules : {"FDA", "EMA"} or CensoringRules
        The rules.
    schedule : VisitSchedule, optional
        When assessments were due.

    Returns
    -------
    pd.DataFrame
        See ``outcome_frame``. ``event`` is the response, ``progression`` for ``PD``.

    Raises
    ------
    InvalidInput
        No event is named; else as ``progression_free_survival``.
    DataError
        As for ``progression_free_survival``.
    """
    if isinstance(events, str) or not events or not all(isinstance(kind, str) and kind.strip() for kind in events):
        raise InvalidInput("not a list of events", expected="one response or more, such as PD")
    return _derived(subjects, records, events=tuple(events), rules=rules, schedule=schedule)


def chosen_rules(rules: RuleSet | CensoringRules, schedule: VisitSchedule | None) -> CensoringRules:
    """The rules themselves. Raises InvalidInput for unknown ones, and where they need a schedule and have none."""
    chosen = RULES.get(rules) if isinstance(rules, str) else rules
    if not isinstance(chosen, CensoringRules):
        raise InvalidInput("unknown rules", expected="FDA, EMA or CensoringRules", found=described(rules))
    if schedule is not None and not isinstance(schedule, VisitSchedule):
        raise InvalidInput("not a schedule", expected="a VisitSchedule", found=described(schedule))
    if chosen.needs_schedule and schedule is None:
        raise InvalidInput(
            "the rules need the schedule of assessments",
            expected="schedule=VisitSchedule(interval=..., allowance=...), in days",
        )
    return chosen


def _derived(
    subjects: pd.DataFrame,
    records: pd.DataFrame,
    *,
    events: tuple[str, ...],
    rules: RuleSet | CensoringRules,
    schedule: VisitSchedule | None,
) -> pd.DataFrame:
    chosen = chosen_rules(rules, schedule)
    people = read_subjects(subjects)
    return _outcome(people, read_records(records, people, events), chosen, schedule)


def _outcome(people: Subjects, records: Records, rules: CensoringRules, schedule: VisitSchedule | None) -> pd.DataFrame:
    size, start = people.start.size, people.start
    seen = records.date <= people.cutoff[records.owner]
    adequate = seen & records.adequate & (records.date > start[records.owner])
    therapy, death = people.by_cutoff(people.new_therapy), people.by_cutoff(people.death)
    dates = {
        "progression" if kind == "PD" else kind: records.first(seen & (records.kind == kind), size)
        for kind in records.kinds
    }
    if rules.new_therapy == "event":
        dates["new_therapy"] = therapy
    event_at, event = earliest({**dates, "death": death})
    happened, fatal = event_at < NEVER, event == "death"

    # Who is censored at which assessment: without an event at the last one, with one at the last one before it.
    before = np.where(happened, event_at, people.cutoff + 1)
    censored_at = records.latest(start, adequate & (records.date < before[records.owner]))
    reason = np.where(people.study_exit <= people.cutoff, "left_study", codes(size, "no_event"))
    reason = np.where(censored_at == start, "no_assessment", reason)
    late = np.zeros(size, dtype=bool)
    if schedule is not None and rules.missed != "ignore":
        late = happened & (event_at > schedule.limit(people.schedule_start, censored_at))
        unseen = fatal & (censored_at == start)
        reason = np.where(late, np.where(unseen, "no_assessment", "missed_assessments"), reason)
    censors = late & (rules.missed == "censor")
    dated = _redated(people, records, rules, schedule, event_at=event_at, last=censored_at, late=late & ~fatal)
    dated = np.where(fatal | (event == "new_therapy"), event_at, dated)

    if rules.new_therapy == "censor":
        first = therapy < event_at
        until = records.latest(start, adequate & (records.date <= therapy[records.owner]))
        censored_at, reason = np.where(first, until, censored_at), np.where(first, "new_therapy", reason)
        censors |= first
    if schedule is not None and rules.no_baseline == "censor":
        early = (death <= schedule.limit(people.schedule_start, start)) & ~(
            (rules.new_therapy == "censor") & (therapy < death)
        )
        without = ~people.baseline
        event, dated = np.where(without, "death", event), np.where(without, death, dated)
        censored_at, reason = np.where(without, start, censored_at), np.where(without, "no_baseline", reason)
        censors = np.where(without, ~early, censors)
    return outcome_frame(
        people,
        event_at=np.where(censors, NEVER, dated),
        event=event,
        censored_at=censored_at,
        reason=reason,
        day=np.where(censored_at == start, "start", codes(size, "last_assessment")),
    )


def _redated(
    people: Subjects,
    records: Records,
    rules: CensoringRules,
    schedule: VisitSchedule | None,
    *,
    event_at: Days,
    last: Days,
    late: Flags,
) -> Days:
    """The dates of progressions as the rules assign them, never after death, or the last day seen alive."""
    if schedule is None:
        return event_at
    dated, happened = event_at.copy(), event_at < NEVER
    if rules.progression_date == "scheduled":
        dated[happened] = schedule.visit(people.schedule_start[happened], event_at[happened])
    if rules.missed == "backdate":
        dated = np.where(late, schedule.due_after(people.schedule_start, last), dated)
    death = people.by_cutoff(people.death)
    alive = np.where(death < NEVER, death, people.seen_alive(records))
    return np.where(happened, np.minimum(dated, alive), event_at)
