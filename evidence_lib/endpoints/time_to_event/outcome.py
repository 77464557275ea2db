"""The outcome of each subject as ADTTE holds it, and the closed lists of events and censoring reasons."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evidence_lib.endpoints.time_to_event.source import NEVER, Days, Flags, Subjects
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.study.checking import described, suggestion

Codes = NDArray[np.object_]
# CNSR of each censoring reason; 0 is the event.
REASONS: dict[str, int] = {
    "no_event": 1,
    "left_study": 2,
    "new_therapy": 3,
    "missed_assessments": 4,
    "no_baseline": 5,
    "no_assessment": 6,
    "no_follow_up": 7,
    "death": 8,
}
EVENTS: dict[str, Message] = {
    "death": message("tte.event.death"),
    "progression": message("tte.event.progression"),
    "new_therapy": message("tte.event.new_therapy"),
    "discontinuation": message("tte.event.discontinuation"),
}
CENSORED: dict[str, Message] = {reason: message(f"tte.censored.{reason}") for reason in REASONS}
# What the date of a censored subject is.
DAYS: dict[str, Message] = {
    "start": message("tte.day.start"),
    "last_assessment": message("tte.day.last_assessment"),
    "last_alive": message("tte.day.last_alive"),
    "last_known": message("tte.day.last_known"),
    "cutoff": message("tte.day.cutoff"),
    "death": message("tte.day.death"),
}


def describe(code: str, *, censored: bool) -> Message:
    """What an outcome's ``event`` (or, censored, its ``reason``) means, to be said in any language.

    Raises InvalidInput for a code of no event or reason.
    """
    known = CENSORED if censored else EVENTS
    if code in known:
        return known[code]
    if censored or not isinstance(code, str) or not code:
        raise InvalidInput(
            f"no such {'reason' if censored else 'event'}",
            expected=", ".join(known),
            found=described(code),
            mend=suggestion(str(code), known),
        )
    return message("tte.event.other", event=code)


def outcome_frame(
    subjects: Subjects, *, event_at: Days, event: Codes, censored_at: Days, reason: Codes, day: Codes
) -> pd.DataFrame:
    """One row per subject, in the order given: an event where ``event_at`` has a date, else censored.

    Columns: ``subject``; ``aval`` (days, ``adt`` - ``startdt`` + 1, so that the day of the start is 1); ``cnsr`` (0 for
    an event, else the number of the reason in ``REASONS``); ``adt``, ``startdt``; ``event`` and ``reason`` (codes, one
    of the two is missing); ``evntdesc`` and ``cnsdtdsc`` (the same in words, and what the date of a censored subject
    is, as ADTTE has them).
    """
    happened: Flags = event_at < NEVER
    at = np.where(happened, event_at, censored_at)
    words = [
        str(describe(kind if seen else why, censored=not seen))
        for seen, kind, why in zip(happened, event, reason, strict=True)
    ]
    day_words = [None if seen else str(DAYS[what]) for seen, what in zip(happened, day, strict=True)]
    return pd.DataFrame(
        {
            "subject": subjects.label,
            "aval": at - subjects.start + 1,
            "cnsr": np.array([0 if seen else REASONS[why] for seen, why in zip(happened, reason, strict=True)], int),
            "adt": _dates(at),
            "startdt": _dates(subjects.start),
            "event": _told(event, happened),
            "reason": _told(reason, ~happened),
            "evntdesc": pd.Series(words, dtype=object),
            "cnsdtdsc": pd.Series(day_words, dtype=object),
        }
    )


def reason_counts(outcomes: pd.DataFrame, *, by: Sequence[str] = ()) -> pd.DataFrame:
    """How many subjects have each event and each censoring reason.

    Misreading: counts say who was censored and why, not whether that was related to the outcome.

    Parameters
    ----------
    outcomes : pd.DataFrame
        What the functions of this package give, with any columns to count by added.
    by : sequence of str
        Columns of ``outcomes``, such as ``rules`` or an arm.

    Returns
    -------
    pd.DataFrame
        The columns of ``by``, ``cnsr``, ``code`` (of the event or reason), ``n`` (a count of subjects) and ``of`` (all
        subjects of the group). Codes that do not occur have no row.

    Raises
    ------
    InvalidInput
        A column is missing.
    """
    for name in (*by, "cnsr", "event", "reason"):
        if name not in outcomes:
            near = suggestion(name, [str(column) for column in outcomes.columns])
            raise InvalidInput("no such column", where="outcomes", found=described(name), mend=near)
    coded = outcomes.assign(code=outcomes["event"].where(outcomes["cnsr"] == 0, outcomes["reason"]))
    counts = coded.groupby([*by, "cnsr", "code"], sort=True, observed=True).size().rename("n").reset_index()
    if not by:
        return counts.assign(of=len(outcomes))
    return counts.assign(of=counts.groupby(list(by), observed=True)["n"].transform("sum"))


def codes(size: int, value: str) -> Codes:
    """An array of one code."""
    return np.full(size, value, dtype=object)


def _told(values: Codes, which: Flags) -> pd.Series:
    return pd.Series([value if told else None for value, told in zip(values, which, strict=True)], dtype=object)


def _dates(days: Days) -> pd.Series:
    return pd.Series(pd.to_datetime(days.astype("datetime64[D]").astype("datetime64[ns]")))
