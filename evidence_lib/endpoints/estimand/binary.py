"""``binary``: outcomes that are a response or none, under the strategies of an estimand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.endpoints.estimand.days import assumed, event_days, first_of, free, numbers_of, told
from evidence_lib.endpoints.estimand.model import ENDING, Estimand, IntercurrentEvent, require_estimand
from evidence_lib.errors import InvalidInput, StudyError
from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Flags, Floats, refuse


@dataclass(frozen=True, eq=False)
class Binary:
    """Responses of an estimand.

    ``frame`` is that given, with the same rows: the response under the estimand (1, 0, or missing), ``decided_by`` (the
    number of the intercurrent event whose strategy was applied, 0 for none) and ``to_impute``. ``counts`` as in
    ``TimeToEvent``, where ``decided`` counts only the subjects whose response is another than it would be without the
    strategies: a composite event of someone who had not responded anyway decides nothing. ``messages``: what was done,
    one per intercurrent event.
    """

    frame: pd.DataFrame
    counts: pd.DataFrame
    messages: tuple[Message, ...]


def binary(
    frame: pd.DataFrame,
    estimand: Estimand,
    *,
    response: str = "response",
    day: str = "day",
    on_treatment: str | None = None,
    without: str | None = None,
) -> Binary:
    """Responses that an estimand asks for, from the observed ones and the days of the intercurrent events.

    An intercurrent event matters where it comes before the day on which the response was told: that of the assessment,
    or for a response at any time that of the first one. On the same day the response counts; a response without a day
    was told after every event. Then (ICH E9(R1), A.3.2):

    - treatment policy: the response as it is; one that is missing stays missing.
    - composite: no response.
    - hypothetical: missing, to be imputed; ``handling: impute`` must say so, because a proportion of those left would
      silently drop the subjects with the event.
    - while on treatment: the response at the last assessment up to the event, from ``on_treatment``.
    - principal stratum: as it is; the stratum is no filter, see ``principal_stratum_effect``.

    The first intercurrent event decides.

    Misreading: under a composite strategy a difference may be one of intercurrent events, not of responses.

    Parameters
    ----------
    frame : DataFrame
        One row per subject: ``response``, ``day``, and for each intercurrent event with a date its day on the same
        scale in ``ice_<number>`` (see ``Estimand.day_columns``), missing where it did not occur.
    estimand : Estimand
        From ``read_estimand``.
    response : str
        Column of 1 (response), 0, or missing.
    day : str
        Column with the day on which the response was told, or its absence; missing where it was not assessed.
    on_treatment : str, optional
        Column with the response at the last assessment up to the event; for while on treatment.
    without : str, optional
        Column with the response that there would be without any strategy, to count whose response they change; needed
        where ``response`` was derived from assessments up to an intercurrent event. Without it, ``response`` itself.

    Returns
    -------
    Binary
        The frame, counts and what was done; nothing else in the frame changes.

    Raises
    ------
    InvalidInput
        For missing columns, responses other than 0, 1 and missing, a response without a day, and ``on_treatment`` that
        is missing or that nothing needs.
    StudyError
        For a handling that a response does not have, and a hypothetical strategy without one.
    DataError
        For an intercurrent event before the start.
    """
    require_estimand(estimand)
    days = event_days(frame, estimand)
    free(frame, ("decided_by", "to_impute"))
    ending = [event for event in estimand.intercurrent_events if event.strategy in ENDING and event.date]
    for event in estimand.intercurrent_events:
        event.way("binary")
        _require_imputed(event)
    needed = any(event.strategy == "while on treatment" for event in ending)
    if needed != (on_treatment is not None):
        raise InvalidInput(
            "on_treatment is the response up to the event of a while-on-treatment strategy",
            expected="a column" if needed else "none, without such an event",
            found=repr(on_treatment),
        )
    answer = _flags(frame, response)
    told_on = np.full(answer.shape, np.inf)
    if ending:
        given = numbers_of(frame, day)
        refuse(np.isinf(given), day, "a day, or nothing", "an infinite day")
        refuse(np.isnan(given) & (answer == 1), day, "the day of every response", "a response without a day")
        told_on = np.where(np.isnan(given), np.inf, given)
    before = {event.number: days[event.number] < told_on for event in ending}
    decided, _ = first_of(days, ending, before, len(frame))
    kept = answer if on_treatment is None else _flags(frame, on_treatment)
    new = answer.copy()
    for event in ending:
        own = decided == event.number
        value = {"composite": np.zeros_like(answer), "while on treatment": kept}.get(str(event.strategy))
        new[own] = np.nan if value is None else value[own]
    differs = _differ(new, answer if without is None else _flags(frame, without))
    made = frame.assign(**{response: new, "decided_by": decided, "to_impute": np.isnan(new)})
    occurred = {number: int((~np.isnan(values)).sum()) for number, values in days.items()}
    changed = dict.fromkeys(days, 0) | {
        event.number: int((differs & (decided == event.number)).sum()) for event in ending
    }
    said = {
        event.number: _said(event, occurred[event.number], changed[event.number])
        for event in estimand.intercurrent_events
        if event.date and event.strategy != "principal stratum"
    }
    table, messages = told(estimand, occurred, changed, said)
    return Binary(made, table, messages)


def _require_imputed(event: IntercurrentEvent) -> None:
    if event.strategy == "hypothetical" and event.date is not None and event.handling is None:
        raise StudyError(
            "a hypothetical strategy for a response needs imputation: a proportion of the subjects without the event "
            "is not the proportion that would have responded without it",
            where=f"intercurrent event {event.number} ({event.name})",
            expected="handling: impute, with an analysis that imputes; or another strategy, such as composite",
            found="no handling",
        )


def _flags(frame: pd.DataFrame, name: str) -> Floats:
    values = numbers_of(frame, name)
    refuse(~(np.isnan(values) | np.isin(values, (0.0, 1.0))), name, "0, 1, or nothing", "another value")
    return values


def _differ(new: Floats, old: Floats) -> Flags:
    """Whose response is another one; a missing one is like a missing one."""
    return (new != old) & ~(np.isnan(new) & np.isnan(old))


def _said(event: IntercurrentEvent, occurred: int, decided: int) -> Message:
    shared: dict[str, Any] = {"event": event.event, "occurred": occurred}
    if event.strategy == "treatment policy":
        return message("estimand_endpoints.binary.treatment_policy", **shared)
    if event.strategy == "composite":
        return message("estimand_endpoints.binary.composite", **shared, decided=decided)
    if event.strategy == "while on treatment":
        return message("estimand_endpoints.binary.while_on_treatment", **shared, decided=decided)
    return message("estimand_endpoints.binary.hypothetical", **shared, decided=decided, assumption=assumed(event))
