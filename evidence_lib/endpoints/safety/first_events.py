"""Time until the first adverse event: at risk during treatment, and with death and stopping as competing events."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evidence_lib.endpoints.safety.events import AFTER_TREATMENT
from evidence_lib.endpoints.safety.exposure import day_of, treatment_days
from evidence_lib.errors import DataError
from evidence_lib.study import days_of

CENSORED = "censored"
CAUSES = ("event", "discontinuation", "death")
# By whose absence, presence or value ADSL says that treatment went on to its planned end, or still goes on.
COMPLETED = ("COMPLETED", "ONGOING", "COMPLETE")
TREATMENT_REASONS = ("DCTREAS", "DCREASCD")
STATUS = ("EOTSTT", "EOSSTT", "DCDECOD")
LAST_SEEN = ("EOSDT", "RFENDT", "LSTALVDT", "LSTCNDT")
SELECTED_BY_DEFAULT = ("special_interest", "grade3", "severe", "serious", "any")
LEAST_SHARE_AT_RISK = 0.1
WEEK = 7
MILESTONE_WEEKS = (12, 4)
STEPS = {
    "days": (7, 14, 28, 56, 84, 168, 336, 728),
    "weeks": (1, 2, 4, 8, 12, 24, 48, 104),
    "months": (1, 2, 3, 6, 12, 24, 60),
    "years": (1, 2, 5, 10),
}
INTERVALS = 10


def times_to_first(events: pd.DataFrame, subjects: pd.DataFrame, *, levels: Sequence[str]) -> pd.DataFrame:
    """One row per level and subject: ``event`` (1 where there was one), ``time`` at risk and ``events``.

    ``time`` in days: from the first dose to the first event of the level, else to the end of treatment. An event after
    the last dose counts, with the time at risk ending there; one of unknown day counts with the whole treatment. A
    subject whose length of treatment is not known has no row.
    """
    days = treatment_days(subjects)
    people = subjects[["subject", "arm"]].assign(exposure=days)[days.notna()]
    first = events.groupby(["subject", *levels], sort=False, observed=True)
    found = first["day"].agg(day="min", events="size").reset_index()
    if len(levels) == 1 and isinstance(events[levels[0]].dtype, pd.CategoricalDtype):
        wanted = pd.DataFrame({levels[0]: list(events[levels[0]].cat.categories)})
    else:
        wanted = events[list(levels)].drop_duplicates()
    for name in levels:
        found[name], wanted[name] = found[name].astype(str), wanted[name].astype(str)
    made = wanted.merge(people, how="cross").merge(found, on=["subject", *levels], how="left")
    made["event"] = made["events"].notna().astype(int)
    made["events"] = made["events"].fillna(0).astype(int)
    made["time"] = made["day"].clip(lower=1).fillna(made["exposure"]).clip(upper=made["exposure"])
    return made[[*levels, "subject", "arm", "event", "events", "time", "exposure"]]


def selected_events(events: pd.DataFrame, terms: str | Sequence[str] | None) -> tuple[pd.DataFrame, str]:
    """The events whose first is looked at, and what they are: ``terms``, or the category that was taken.

    ``terms`` are preferred terms or organ classes; without any it is the first category of special interest, grade 3
    or higher, severe, serious or any that the data have. Raises DataError for a term that no event has.
    """
    if not terms:
        name = next(name for name in SELECTED_BY_DEFAULT if name in events)
        return events[events[name]], name
    terms = [terms] if isinstance(terms, str) else terms
    known = set(events["term"]) | set(events["soc"])
    unknown = [term for term in terms if term not in known]
    if unknown:
        raise DataError(
            "no adverse event has this term",
            where="ADAE",
            expected=f"a preferred term or organ class, such as {', '.join(sorted(set(events['term']))[:5])}",
            found=", ".join(unknown),
        )
    return events[events["term"].isin(terms) | events["soc"].isin(terms)], "terms"


def first_event(
    events: pd.DataFrame, subjects: pd.DataFrame, *, terms: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """One row per subject: ``time`` (days) to the first of the events, to stopping treatment, to death, or the end.

    ``cause`` is event, discontinuation, death or censored. Day 1 is the day of the first dose. Treatment that stopped
    before its planned end competes on the day of the last dose (unless death was why), death on its own day; who
    completed treatment or is still treated is censored at the last day seen, at most 30 days after the last dose, where
    events end to be treatment-emergent. On one day an event goes first (it may be why treatment stopped), then death.
    A subject whose length of treatment is not known, and an event without a day, are left out.
    ``attrs["selected"]`` is a frame that says what the events are: ``what`` and, for declared terms, ``term``.
    """
    chosen, selected = selected_events(events, terms)
    people = subjects[["subject", "arm"]].copy()
    days = treatment_days(subjects)
    seen = pd.Series(float("nan"), index=subjects.index)
    for name in LAST_SEEN:
        if name in subjects and "TRTSDT" in subjects:
            seen = seen.fillna(day_of(subjects[name], subjects["TRTSDT"]))
    end = seen.clip(lower=days, upper=days + AFTER_TREATMENT).fillna(days)
    death = _death_day(subjects, end)
    early, by_death = _stopped(subjects)
    counts = by_death | (death <= days + AFTER_TREATMENT)
    end = end.mask(counts & (death > end), death)
    people["event"] = chosen.groupby("subject")["day"].min().reindex(people["subject"]).to_numpy()
    people["event"] = people["event"].clip(lower=1)
    people["death"] = death
    people["discontinuation"] = days.where(early & ~by_death)
    people["censored"] = end
    order = ["event", "death", "discontinuation", CENSORED]
    people = people[people["censored"].notna()]
    times = people[order]
    first = times.min(axis=1)
    made = people[["subject", "arm"]].assign(time=first)
    made["cause"] = times.eq(first, axis=0).idxmax(axis=1)
    made["event"] = (made["cause"] != CENSORED).astype(int)
    made = made.reset_index(drop=True)
    names = list(terms or []) if selected == "terms" else [""]
    made.attrs["selected"] = pd.DataFrame({"what": selected, "term": names})
    return made


def milestones(frame: pd.DataFrame) -> list[int]:
    """The time to report at where none is declared: the last that leaves every arm a tenth of its subjects at risk.

    A whole multiple of twelve weeks; where these are too long, of four weeks; none where these are too.
    """
    longest = int(frame["time"].max()) if len(frame) else 0
    for weeks in MILESTONE_WEEKS:
        days = range(weeks * WEEK, longest + 1, weeks * WEEK)
        enough = [day for day in days if _least_share(frame, day) >= LEAST_SHARE_AT_RISK]
        if enough:
            return enough[-1:]
    return []


def at_risk_times(frame: pd.DataFrame, unit: str = "days") -> list[int]:
    """About ten even steps from 0 to the longest time, whole in the unit, as days; for the numbers at risk."""
    longest = float(frame["time"].max()) if len(frame) else 0.0
    step = next((step for step in STEPS[unit] if longest / days_of(step, unit) <= INTERVALS), STEPS[unit][-1])
    times = [days_of(step * i, unit) if i else 0 for i in range(INTERVALS * 10)]
    return [time for time in times if time <= longest]


def _least_share(frame: pd.DataFrame, day: int) -> float:
    return float((frame["time"] >= day).groupby(frame["arm"]).mean().min())


def _death_day(subjects: pd.DataFrame, end: pd.Series) -> pd.Series:
    """The day of death; where only the fact is known, the last day seen."""
    known = pd.Series(float("nan"), index=subjects.index)
    if {"DTHDT", "TRTSDT"} <= set(subjects):
        known = day_of(subjects["DTHDT"], subjects["TRTSDT"]).clip(lower=1)
    if "DTHFL" in subjects:
        known = known.where(known.notna(), end.where(subjects["DTHFL"] == "Y"))
    return known


def _stopped(subjects: pd.DataFrame) -> tuple[pd.Series, pd.Series]:
    """Whose treatment stopped before its planned end, and of whom by death."""
    none = pd.Series(False, index=subjects.index)
    name = next((name for name in STATUS if name in subjects and subjects[name].notna().any()), None)
    if name is None:
        return none, none
    status = subjects[name].astype(str).str.strip().str.upper()
    early = subjects[name].notna() & ~status.isin(COMPLETED)
    reason = next((subjects[reason] for reason in TREATMENT_REASONS if reason in subjects), None)
    by_death = status == "DEATH"
    if reason is not None:
        by_death |= reason.astype(str).str.strip().str.upper() == "DEATH"
    return early, early & by_death
