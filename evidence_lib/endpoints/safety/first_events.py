"""Time until the first adverse event: in the window of safety, with death and stopping as competing events."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evidence_lib.endpoints.safety.window import WINDOW_DAYS, follow_up, in_window
from evidence_lib.errors import DataError
from evidence_lib.study import days_of

CENSORED = "censored"
CAUSES = ("event", "discontinuation", "death")
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


def times_to_first(
    events: pd.DataFrame, subjects: pd.DataFrame, *, levels: Sequence[str], window_days: int = WINDOW_DAYS
) -> pd.DataFrame:
    """One row per level and subject: ``event`` (1 where there was one), ``time`` at risk and ``events``.

    ``time`` in days: from the first dose to the first event of the level, else to the first of ``window_days`` after
    the last dose, death and the last day seen. Events count in the same window, so that events and time agree; one of
    unknown day counts with all the subject's time. A subject whose length of treatment is not known has no row.
    """
    people = follow_up(subjects, window_days=window_days)
    people = people[people["end"].notna()]
    first = events[in_window(events, people)].groupby(["subject", *levels], sort=False, observed=True)
    found = first["day"].agg(day="min", events="size").reset_index()
    if len(levels) == 1 and isinstance(events[levels[0]].dtype, pd.CategoricalDtype):
        wanted = pd.DataFrame({levels[0]: list(events[levels[0]].cat.categories)})
    else:
        wanted = events[list(levels)].drop_duplicates()
    for name in levels:
        found[name], wanted[name] = found[name].astype(str), wanted[name].astype(str)
    made = wanted.merge(people[["subject", "arm", "end"]], how="cross").merge(
        found, on=["subject", *levels], how="left"
    )
    made["event"] = made["events"].notna().astype(int)
    made["events"] = made["events"].fillna(0).astype(int)
    made["time"] = made["day"].clip(lower=1).fillna(made["end"])
    return made[[*levels, "subject", "arm", "event", "events", "time"]]


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
    events: pd.DataFrame,
    subjects: pd.DataFrame,
    *,
    terms: str | Sequence[str] | None = None,
    window_days: int = WINDOW_DAYS,
) -> pd.DataFrame:
    """One row per subject: ``time`` (days) to the first of the events, to stopping treatment, to death, or the end.

    ``cause`` is event, discontinuation, death or censored. Day 1 is the day of the first dose. Events count up to
    ``window_days`` after the last dose, as in every count; so treatment that stopped before its planned end competes
    on the last day of that window, or the last day seen in it: censored there, a subject would stand for those who are
    still treated. Death in the window competes on its own day. Who completed treatment or is still treated is censored
    on the last day seen in the window. On one day an event goes first, then death. A subject whose length of treatment
    is not known, and an event without a day, are left out.
    ``attrs["selected"]`` is a frame that says what the events are: ``what`` and, for declared terms, ``term``.
    """
    chosen, selected = selected_events(events, terms)
    people = follow_up(subjects, window_days=window_days)
    people = people[people["end"].notna()].copy()
    counted = chosen[in_window(chosen, people)]
    people["event"] = counted.groupby("subject")["day"].min().clip(lower=1).reindex(people["subject"]).to_numpy()
    # Whoever has an event was seen on its day.
    people[CENSORED] = people[["end", "event"]].max(axis=1).where(people["death"].isna(), people["end"])
    people["discontinuation"] = people[CENSORED].where(people["stopped"])
    times = people[["event", "death", "discontinuation", CENSORED]]
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
