"""``visits``: continuous outcomes measured at visits under the strategies of an estimand."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd

from evidence_lib.endpoints.estimand.days import assumed, column, event_days, first_of, free, order_of, told
from evidence_lib.endpoints.estimand.model import Estimand, IntercurrentEvent, require_estimand
from evidence_lib.endpoints.estimand.visit_grid import Grid, first_affected, grid
from evidence_lib.endpoints.estimand.visit_plan import Imputation, Plan, require_choices
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Counts, Flags, Floats, choice

MADE = ("event", "decided_by", "to_impute")


@dataclass(frozen=True, eq=False)
class Visits:
    """Outcomes at visits of an estimand.

    ``frame`` has one row per subject and visit, in order, with the columns given, the outcome under the estimand and
    ``event`` (the first visit whose missing values ``imputation`` is for; missing for the others: at random; where all
    are at random, the first after an event of treatment policy, or else after a hypothetical one),
    ``decided_by`` (the number of the intercurrent event that the row stands after, 0 for none) and ``to_impute``.
    ``imputation`` is the ``strategy=`` of ``multiple_imputation`` that goes with ``event="event"``. ``counts`` as in
    ``TimeToEvent``. ``messages``: what was done, one per intercurrent event.
    """

    frame: pd.DataFrame
    imputation: str
    counts: pd.DataFrame
    messages: tuple[Message, ...]


def visits(
    frame: pd.DataFrame,
    estimand: Estimand,
    *,
    subject: str = "subject",
    visit: str = "visit",
    day: str = "day",
    value: str = "value",
    response: str | None = None,
    imputation: Imputation = "mar",
    worst: float | Literal["lowest", "highest"] | None = None,
    visit_order: Sequence[Hashable] | None = None,
    planned: Mapping[Any, float] | None = None,
    until: Hashable | None = None,
) -> Visits:
    """Outcomes at visits that an estimand asks for, and how what is missing is to be imputed.

    ICH E9(R1), A.3.2. After an intercurrent event:

    - treatment policy: values stay; those missing are imputed as the subjects of the same arm who were seen after it
      (``retrieved-dropout``, the default), or at random (``impute``).
    - hypothetical: values are set to missing and imputed as ``imputation`` says: at random, as if the event had not
      occurred, or based on the reference arm. The assumption of the study file is repeated.
    - while on treatment: values end; the last one measured up to the event is the outcome at all later visits. It is
      the outcome by definition, not an imputed value.
    - composite: the value is ``worst`` from the event on, or the response is a failure (0) and there is no value.
    - principal stratum: as it is; the stratum is no filter, see ``principal_stratum_effect``.

    A visit on the day of the event stands before it. A visit without a day stands on its planned day. The first event
    of those that end the outcome decides. A treatment-policy event before it still says how values missing between the
    two are imputed, and so does one before a hypothetical event for those after both.

    Misreading: an imputed value says nothing about its subject; and while on treatment, an arm that is left early is
    judged by early values.

    Parameters
    ----------
    frame : DataFrame
        One row per subject and visit after baseline, and for each intercurrent event with a date its day, on the same
        scale as ``day``, in ``ice_<number>`` (see ``Estimand.day_columns``), the same on all rows of a subject and
        missing where it did not occur.
    estimand : Estimand
        From ``read_estimand``.
    subject, visit, day, value : str
        Names of columns: who, which visit, the day of the measurement (missing without a value), the outcome.
    response : str, optional
        Column of a responder status (0, 1, or missing) that follows the same rules; needed for ``failure``.
    imputation : {"mar", "jump-to-reference", "copy-reference", "copy-increments", "last-mean-carried-forward"}
        How values after an event with a hypothetical strategy are imputed.
    worst : float or {"lowest", "highest"}, optional
        The value of a composite strategy by ``worst-value``: a number, or the extreme of all values at the visit.
    visit_order : sequence of visits, optional
        All visits in the order of time; None as ``multiple_imputation`` finds it.
    planned : mapping of visit to day, optional
        When each visit should take place; None takes the median of the days on which it did.
    until : visit, optional
        Events are counted where they come before this visit; None counts those of the whole follow-up. Of several
        events of a subject on one day the one that goes before the others is counted.

    Returns
    -------
    Visits
        Frame, imputation, counts and what was done.

    Raises
    ------
    InvalidInput
        For missing columns, two rows of a subject at a visit, an intercurrent event that changes within a subject, a
        value without a day, and choices that an event needs or that nothing needs.
    StudyError
        For a handling that visits do not have, and events that ask for two ways of imputing at once.
    DataError
        For an intercurrent event before the start, and days that do not follow the order of the visits.
    """
    require_estimand(estimand)
    choice(imputation, Imputation, "imputation")
    event_days(frame, estimand)
    free(frame, MADE)
    plan = Plan(estimand, imputation)
    require_choices(plan, worst=worst, response=response, imputation=imputation)
    made = grid(
        frame,
        subject=subject,
        visit=visit,
        day=day if plan.dated else None,
        value=value,
        fixed=[event.column for event in plan.dated if event.column],
        visits=visit_order,
        planned=planned,
    )
    if response is not None:
        column(frame, response)
        _require_flags(made.wide(response), response)
    days = {event.number: made.of_subjects(event.column) for event in plan.dated if event.column}
    firsts = {number: first_affected(made, one) for number, one in days.items()}
    reach = {number: first < len(made.visits) for number, first in firsts.items()}
    number, when = first_of(days, plan.ending, reach, made.subjects)
    last = None if until is None else made.place(until)
    return _applied(
        made, plan, estimand, days, firsts, number, when, value=value, response=response, worst=worst, last=last
    )


def _require_flags(wide: Floats, name: str) -> None:
    if not np.isin(wide[~np.isnan(wide)], (0.0, 1.0)).all():
        raise InvalidInput(f"{name} cannot be used", expected="0, 1, or nothing", found="another value")


def _applied(
    made: Grid,
    plan: Plan,
    estimand: Estimand,
    days: Mapping[int, Floats],
    firsts: Mapping[int, Counts],
    number: Counts,
    when: Floats,
    *,
    value: str,
    response: str | None,
    worst: float | str | None,
    last: int | None,
) -> Visits:
    visit, n = np.arange(len(made.visits)), made.subjects
    observed = made.value
    outcome = observed.copy()
    answer = None if response is None else made.wide(response)
    seen_answer = None if answer is None else answer.copy()
    decided_by = np.zeros(observed.shape, dtype=np.int64)
    for event in plan.ending:
        after = (number == event.number)[:, None] & (visit >= firsts[event.number][:, None])
        decided_by[after] = event.number
        outcome = np.where(after, _values(plan.way[event.number], event, observed, after, worst), outcome)
        if answer is not None and seen_answer is not None:
            answer = np.where(after, _answers(plan.way[event.number], event, seen_answer, after), answer)
    earliest, _ = first_of(days, plan.policy, {event.number: days[event.number] < np.inf for event in plan.policy}, n)
    for event in plan.policy:
        # An event of treatment policy tells of the rows that no other event has taken.
        after = (earliest == event.number)[:, None] & (visit >= firsts[event.number][:, None]) & (decided_by == 0)
        decided_by[after] = event.number
    first = _first_imputed(plan, days, firsts, number, when, len(made.visits))
    failed = np.isin(decided_by, [event.number for event in plan.ending if plan.way[event.number] == "failure"])
    labels = np.array([*made.visits, None], dtype=object)
    frame = made.frame.assign(**{value: outcome.reshape(-1)})
    if response is not None and answer is not None:
        frame[response] = answer.reshape(-1)
    frame["event"] = pd.Series(np.repeat(labels[first], len(visit)), dtype=object)
    frame["decided_by"] = decided_by.reshape(-1)
    frame["to_impute"] = (np.isnan(outcome) & ~failed).reshape(-1)
    end = len(visit) if last is None else last + 1
    occurred = _occurred(plan, days, firsts, last)
    changed = dict.fromkeys(days, 0)
    changed |= {event.number: int((decided_by[:, :end] == event.number).any(axis=1).sum()) for event in plan.ending}
    by = "" if last is None else message("estimand_endpoints.part.before_visit", visit=str(made.visits[last]))
    said = {
        event.number: _said(event, plan, occurred, changed, by, outcome, observed, decided_by == event.number)
        for event in plan.dated
        if event.strategy != "principal stratum"
    }
    table, messages = told(estimand, occurred, changed, said)
    if last is not None:
        table["until"] = str(made.visits[last])
    return Visits(frame, plan.imputation, table, messages)


def _occurred(plan: Plan, days: Mapping[int, Floats], firsts: Mapping[int, Counts], last: int | None) -> dict[int, int]:
    """How many subjects had each event, before the visit ``last``; of several on one day the first in order."""
    counted = {}
    for event in plan.dated:
        own = days[event.number]
        here = ~np.isnan(own) if last is None else firsts[event.number] <= last
        for other in plan.dated:
            if order_of(other) < order_of(event):
                here = here & (days[other.number] != own)
        counted[event.number] = int(here.sum())
    return counted


def _values(way: str | None, event: IntercurrentEvent, observed: Floats, after: Flags, worst: Any) -> Floats:
    """The outcome (n, J) that an event gives the visits after it."""
    if way == "worst-value":
        if isinstance(worst, str):
            return np.broadcast_to(_extreme(observed, worst), observed.shape)
        return np.full(observed.shape, float(worst))
    if event.strategy == "while on treatment":
        return _last(observed, after)
    return np.full(observed.shape, np.nan)


def _answers(way: str | None, event: IntercurrentEvent, observed: Floats, after: Flags) -> Floats:
    """The responder status (n, J) that an event gives the visits after it."""
    if event.strategy == "composite":
        return np.zeros(observed.shape)
    if event.strategy == "while on treatment":
        return _last(observed, after)
    return np.full(observed.shape, np.nan)


def _last(observed: Floats, after: Flags) -> Floats:
    """The last value of each subject before the visits ``after`` (n, 1); NaN where there is none."""
    kept = ~np.isnan(observed) & ~after
    place = observed.shape[1] - 1 - np.argmax(kept[:, ::-1], axis=1)
    last = observed[np.arange(len(observed)), place]
    return np.broadcast_to(np.where(kept.any(axis=1), last, np.nan)[:, None], observed.shape)


def _extreme(observed: Floats, which: str) -> Floats:
    filled = np.where(np.isnan(observed), np.inf if which == "lowest" else -np.inf, observed)
    found = filled.min(axis=0) if which == "lowest" else filled.max(axis=0)
    return np.where(np.isfinite(found), found, np.nan)


def _first_imputed(
    plan: Plan,
    days: Mapping[int, Floats],
    firsts: Mapping[int, Counts],
    number: Counts,
    when: Floats,
    visits: int,
) -> Counts:
    """The first visit (n,) that the way of imputing is for, J where there is none."""
    first = np.full(number.shape, visits, dtype=np.int64)
    for event in plan.dated:
        if event.number not in plan.imputed:
            continue
        # An event of treatment policy is told unless another event has ended the outcome before it, or on its day.
        told_of = number == event.number if event in plan.ending else days[event.number] < when
        first = np.where(told_of, np.minimum(first, firsts[event.number]), first)
    return first


def _said(
    event: IntercurrentEvent,
    plan: Plan,
    occurred: Mapping[int, int],
    changed: Mapping[int, int],
    by: Message | str,
    outcome: Floats,
    observed: Floats,
    after: Flags,
) -> Message:
    shared: dict[str, Any] = {"event": event.event, "occurred": occurred[event.number], "by": by}
    way = plan.way[event.number]
    if event.strategy == "treatment policy":
        shared["missing"] = int((np.isnan(outcome) & after).sum())
        if plan.how[event.number] == "mar":
            return message("estimand_endpoints.visits.policy_at_random", **shared)
        return message("estimand_endpoints.visits.policy_retrieved", **shared)
    shared["decided"] = changed[event.number]
    if event.strategy == "hypothetical":
        return message(
            "estimand_endpoints.visits.hypothetical",
            **shared,
            removed=int((~np.isnan(observed) & after).sum()),
            how=message(f"estimand_endpoints.imputation.{plan.how[event.number]}"),
            assumption=assumed(event),
        )
    if event.strategy == "while on treatment":
        shared["without"] = int((np.isnan(outcome) & after).any(axis=1).sum())
        return message("estimand_endpoints.visits.while_on_treatment", **shared)
    if way == "failure":
        return message("estimand_endpoints.visits.failure", **shared)
    return message("estimand_endpoints.visits.worst_value", **shared)
