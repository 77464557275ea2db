"""The same endpoint under several sets of rules, so that a reader sees how much hangs on them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from evidence_lib.endpoints.time_to_event.progression import event_free_survival
from evidence_lib.endpoints.time_to_event.rules import RULES, CensoringRules, VisitSchedule
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message

VARIANTS: dict[str, CensoringRules] = {
    "FDA": RULES["FDA"],
    "EMA": RULES["EMA"],
    "therapy_censored": CensoringRules(new_therapy="censor"),
    "therapy_event": CensoringRules(new_therapy="event"),
    "missed_censored": CensoringRules(missed="censor"),
    "backdated": CensoringRules(missed="backdate"),
    "scheduled": CensoringRules(progression_date="scheduled"),
}
LABELS: dict[str, Message] = {name: message(f"tte.rules.{name}") for name in VARIANTS}


def censoring_sensitivity(
    subjects: pd.DataFrame,
    records: pd.DataFrame,
    *,
    schedule: VisitSchedule,
    variants: Mapping[str, CensoringRules] | None = None,
    events: Sequence[str] = ("PD",),
) -> pd.DataFrame:
    """Progression-free (or event-free) survival under each set of rules, one below the other.

    ``FDA`` and ``EMA`` as in ``progression_free_survival``. The others change one thing against ``EMA``: censoring at
    new therapy, new therapy as an event, censoring before missed assessments, progression after two or more missed
    assessments dated at the first of them, and progression dated at the scheduled visit. The labels of all are in
    ``LABELS``.

    Misreading: that the rules agree does not show that censoring was uninformative; all of them take the reasons for
    missing assessments as unrelated to the outcome.

    Parameters
    ----------
    subjects, records : pd.DataFrame
        As for ``progression_free_survival``.
    schedule : VisitSchedule
        When assessments were due.
    variants : mapping of str to CensoringRules, optional
        Other sets of rules by name; ``VARIANTS`` by default.
    events : sequence of str
        The responses that are events.

    Returns
    -------
    pd.DataFrame
        ``rules`` (the name of the set) and the columns of ``outcome_frame``: each subject once per set. Count reasons
        with ``reason_counts(..., by=("rules",))``.

    Raises
    ------
    InvalidInput
        There is no set of rules; else as ``progression_free_survival``.
    DataError
        As for ``progression_free_survival``.
    """
    chosen = VARIANTS if variants is None else variants
    if not isinstance(chosen, Mapping) or not chosen:
        raise InvalidInput("no rules to compare", expected="one set of CensoringRules or more, by name")
    parts = []
    for name, rules in chosen.items():
        found = event_free_survival(subjects, records, events=events, rules=rules, schedule=schedule)
        found.insert(0, "rules", name)
        parts.append(found)
    return pd.concat(parts, ignore_index=True)
