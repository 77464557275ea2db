"""The window of safety: from the first dose to some days after the last, for every count, rate and first event."""

from __future__ import annotations

import pandas as pd

from evidence_lib.endpoints.safety.exposure import day_of, treatment_days

WINDOW_DAYS = 30  # days after the last dose in which an event still counts, unless the study says otherwise
LAST_SEEN = ("EOSDT", "RFENDT", "LSTALVDT", "LSTCNDT")
STATUS = ("EOTSTT", "EOSSTT", "DCDECOD")
# By whose absence, presence or value ADSL says that treatment went on to its planned end, or still goes on.
COMPLETED = ("COMPLETED", "ONGOING", "COMPLETE")
TREATMENT_REASONS = ("DCTREAS", "DCREASCD")


def follow_up(subjects: pd.DataFrame, *, window_days: int = WINDOW_DAYS) -> pd.DataFrame:
    """How long each subject was watched for events: one row per subject, days counted from the first dose as day 1.

    Returns
    -------
    DataFrame
        ``subject``, ``arm``, ``treated`` (the day of the last dose), ``last`` (the last day of the window: so many days
        later), ``end`` (the first of ``last``, death, and the last day seen, which is never before the last dose),
        ``death`` (the day, where it is in the window) and ``stopped`` (whether treatment ended before its planned end).
        All days are missing where the length of treatment is not known.

    Notes
    -----
    The last day seen is EOSDT, else RFENDT, LSTALVDT or LSTCNDT. Without any of them who is still treated was seen
    until the last dose, and everybody else until the end of the window. A death without a day is on the last day seen,
    without that on the day of the last dose.
    """
    treated = treatment_days(subjects)
    last = treated + window_days
    status = _text(subjects, next((name for name in STATUS if name in subjects and subjects[name].notna().any()), ""))
    seen = pd.Series(float("nan"), index=subjects.index)
    for name in LAST_SEEN:
        if name in subjects and "TRTSDT" in subjects:
            seen = seen.fillna(day_of(subjects[name], subjects["TRTSDT"]))
    death = _death_day(subjects, status, seen.fillna(treated))
    death = death.where(death <= last)
    end = seen.clip(lower=treated).fillna(last.mask(status == "ONGOING", treated)).clip(upper=last)
    end = end.where(treated.notna())  # a missing bound would bound nothing
    made = subjects[["subject", "arm"]].assign(treated=treated, last=last, end=death.fillna(end), death=death)
    made["stopped"] = (status != "") & ~status.isin(COMPLETED)
    return made


def in_window(events: pd.DataFrame, people: pd.DataFrame) -> pd.Series:
    """Which of the events began by the last day of the window of ``follow_up``, or on an unknown day."""
    last = people.set_index("subject")["last"].reindex(events["subject"]).set_axis(events.index)
    return ~(events["day"] > last)


def window(events: pd.DataFrame, subjects: pd.DataFrame, *, window_days: int = WINDOW_DAYS) -> pd.DataFrame:
    """What the notes say of the window, in one row: its ``days``, and how many of the events began ``later``."""
    later = ~in_window(events, follow_up(subjects, window_days=window_days))
    return pd.DataFrame({"days": [int(window_days)], "later": [int(later.sum())]})


def _death_day(subjects: pd.DataFrame, status: pd.Series, otherwise: pd.Series) -> pd.Series:
    known = pd.Series(float("nan"), index=subjects.index)
    if {"DTHDT", "TRTSDT"} <= set(subjects):
        known = day_of(subjects["DTHDT"], subjects["TRTSDT"]).clip(lower=1)
    died = status == "DEATH"
    if "DTHFL" in subjects:
        died |= subjects["DTHFL"] == "Y"
    reason = next((name for name in TREATMENT_REASONS if name in subjects), "")
    died |= (_text(subjects, reason) == "DEATH") & (status != "") & ~status.isin(COMPLETED)
    return known.where(known.notna(), otherwise.where(died))


def _text(subjects: pd.DataFrame, name: str) -> pd.Series:
    """The texts of a column in capitals; empty where there is no such column or no value."""
    if name not in subjects:
        return pd.Series("", index=subjects.index)
    return subjects[name].astype(str).str.strip().str.upper().where(subjects[name].notna(), "")
