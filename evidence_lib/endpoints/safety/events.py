"""Adverse events as ADAE has them, in one form: what, when, how severe, and what followed."""

from __future__ import annotations

import pandas as pd

from evidence_lib.endpoints.safety.exposure import day_of, treatment_days
from evidence_lib.endpoints.safety.window import WINDOW_DAYS
from evidence_lib.errors import InvalidInput

NOT_CODED = "not_coded"
NOT_RELATED = frozenset(
    ("N", "NO", "NONE", "NOT RELATED", "UNRELATED", "UNLIKELY", "UNLIKELY RELATED", "NOT LIKELY", "REMOTE")
)
SEVERITIES = ("MILD", "MODERATE", "SEVERE", "LIFE THREATENING", "LIFE-THREATENING", "FATAL", "DEATH")
SPECIAL_INTEREST = ("AESIFL", "AESICAT", "AESI", "CQ01NAM", "SMQ01NAM")
CATEGORIES = (
    "any",
    "grade3",
    "severe",
    "serious",
    "related",
    "special_interest",
    "dose_changed",
    "discontinuation",
    "death",
)
# Where ADAE does not say that treatment stopped because of an event, ADSL may say so of the subject.
STOPPED_FLAGS = ("DSRAEFL",)
STOP_REASONS = ("DCTREAS", "DCREASCD", "DCSREAS", "DCDECOD", "EOTREAS")


def adverse_events(
    records: pd.DataFrame,
    subjects: pd.DataFrame,
    *,
    special_interest: str | None = None,
    window_days: int = WINDOW_DAYS,
) -> pd.DataFrame:
    """The treatment-emergent adverse events: one row per event.

    Treatment-emergent are those with TRTEMFL = Y; without that column those that began on or after the first and up to
    ``window_days`` after the last day of treatment, or at an unknown date.

    Returns
    -------
    DataFrame
        ``subject``, ``arm``, ``soc`` (AEBODSYS or AESOC), ``term`` (AEDECOD, else AETERM), ``day`` (1 = first day of
        treatment, missing where unknown), ``grade`` (AETOXGR as text, else AESEV), and one column of booleans per
        category of ``CATEGORIES`` that the data can answer. An event whose relation to treatment is not known counts as
        related. ``special_interest``: a column that is Y or names a group; by default the first of AESIFL, AESICAT,
        AESI, CQ01NAM, SMQ01NAM.

    Raises InvalidInput where ``special_interest`` names no column.
    """
    dates = subjects.set_index("subject").reindex(records["subject"]).reset_index(drop=True)
    start = dates["TRTSDT"] if "TRTSDT" in dates else pd.Series(pd.NaT, index=records.index)
    day = day_of(records["ASTDT"], start) if "ASTDT" in records else _own_days(records)
    made = pd.DataFrame({"subject": records["subject"], "arm": records["arm"]})
    made["soc"] = _text(records, ("AEBODSYS", "AESOC"))
    made["term"] = _text(records, ("AEDECOD", "AETERM"))
    made["day"] = day
    grades = _grades(records)
    made["grade"] = grades if grades is not None else _severities(records)
    made["any"] = True
    if grades is not None:
        made["grade3"] = grades.isin(["3", "4", "5"])
    elif "AESEV" in records:
        made["severe"] = made["grade"].isin(SEVERITIES[2:])
    for name, answer in (
        ("serious", _flag(records, "AESER")),
        ("related", _related(records)),
        ("special_interest", _special(records, special_interest)),
        ("dose_changed", _action(records, ("DOSE REDUCED", "DRUG INTERRUPTED"))),
        ("discontinuation", _action(records, ("DRUG WITHDRAWN",))),
        ("death", _fatal(records, grades)),
    ):
        if answer is not None:
            made[name] = answer
    return made[_emergent(records, day, dates, window_days)].reset_index(drop=True)


def relation_answers(records: pd.DataFrame) -> pd.DataFrame:
    """The answers in the data on relation to treatment, each with whether it counts as related; empty is no answer."""
    answers = _relation(records)
    if answers is None:
        return pd.DataFrame({"answer": pd.Series(dtype=object), "related": pd.Series(dtype=bool)})
    found = sorted(set(answers))
    return pd.DataFrame({"answer": found, "related": [answer not in NOT_RELATED for answer in found]})


def by_category(events: pd.DataFrame, subjects: pd.DataFrame) -> pd.DataFrame:
    """The events once per category that they belong to; a categorical column ``category`` names it.

    Where ADAE says of no event what was done with treatment, who stopped because of one comes from ADSL: a row without
    organ class and term, on the day of the last dose, and not ``known`` as an event.
    """
    there = [name for name in CATEGORIES if name in events]
    parts = [events[events[name]].assign(category=name, known=True) for name in there]
    if "discontinuation" not in there:
        stopped = _stopped(subjects)
        if stopped is not None:
            there = [name for name in CATEGORIES if name in (*there, "discontinuation")]
            parts.append(stopped.assign(category="discontinuation", known=False))
    columns = ["subject", "arm", "soc", "term", "day", "category", "known"]
    made = pd.concat([part.reindex(columns=columns) for part in parts], ignore_index=True)
    made["known"] = made["known"].astype(bool)
    made["category"] = pd.Categorical(made["category"], categories=there)
    return made.sort_values("category", kind="stable").reset_index(drop=True)


def of_note(by_category: pd.DataFrame) -> pd.DataFrame:
    """The events of ``by_category`` that were serious or led to stopping treatment, where the events are known."""
    kept = by_category[by_category["category"].isin(["serious", "discontinuation"]) & by_category["known"]]
    return kept.assign(category=kept["category"].astype(str)).reset_index(drop=True)


def terms_of(of_note: pd.DataFrame, category: str) -> pd.DataFrame:
    """Organ classes (an empty term) and their terms in this category, those with the most subjects first."""
    own = of_note[of_note["category"] == category]
    classes = own.groupby("soc")["subject"].nunique().reset_index(name="n")
    terms = own.groupby(["soc", "term"])["subject"].nunique().reset_index(name="n")
    rows = []
    for soc in classes.sort_values(["n", "soc"], ascending=[False, True])["soc"]:
        inside = terms[terms["soc"] == soc].sort_values(["n", "term"], ascending=[False, True])
        rows += [(soc, ""), *((soc, term) for term in inside["term"])]
    return pd.DataFrame(rows, columns=["soc", "term"])


def among(events: pd.DataFrame, terms: pd.DataFrame) -> pd.DataFrame:
    """The events whose organ class and term are among these, in the order of the terms."""
    return terms[["soc", "term"]].drop_duplicates().merge(events, on=["soc", "term"], how="inner")


def worst_grades(events: pd.DataFrame) -> pd.DataFrame:
    """One row per subject, organ class and term: its worst ``grade``; an event without a grade counts as the lowest."""
    if events.empty:
        return events[["subject", "arm", "soc", "term", "grade"]]
    order = {grade: rank for rank, grade in enumerate(grade_order(events))}
    ranked = events.assign(rank=events["grade"].map(order).astype(int))
    worst = ranked.sort_values("rank", kind="stable").drop_duplicates(["subject", "soc", "term"], keep="last")
    return worst.sort_index()[["subject", "arm", "soc", "term", "grade"]].reset_index(drop=True)


def grade_order(events: pd.DataFrame) -> list[str]:
    """The grades that occur, the lowest first: what is not coded, numbers, then severities."""
    there = set(events["grade"])
    known = [grade for grade in (NOT_CODED, "1", "2", "3", "4", "5", *SEVERITIES) if grade in there]
    return [*known, *sorted(there - set(known))]


def deaths(subjects: pd.DataFrame, *, window_days: int = WINDOW_DAYS) -> pd.DataFrame:
    """Who died: subject, arm, ``category`` (when: on treatment, after, unknown) and ``cause``.

    A death counts as on treatment up to ``window_days`` after the last dose. DTHFL = Y or a DTHDT says that a
    subject died; the cause is DTHCAUS, else DTHCAT.
    """
    died = pd.Series(False, index=subjects.index)
    if "DTHFL" in subjects:
        died |= subjects["DTHFL"] == "Y"
    if "DTHDT" in subjects:
        died |= subjects["DTHDT"].notna()
    dead = subjects[died]
    phase = pd.Series("unknown", index=dead.index, dtype=object)
    if {"DTHDT", "TRTEDT"} <= set(dead):
        after = day_of(dead["DTHDT"], dead["TRTEDT"]) - 1
        phase = phase.mask(after <= window_days, "on_treatment").mask(after > window_days, "after_treatment")
    made = dead[["subject", "arm"]].assign(category=phase, cause=_text(dead, ("DTHCAUS", "DTHCAT")))
    return made.reset_index(drop=True)


def can_tell_deaths(subjects: pd.DataFrame) -> bool:
    """Whether ADSL says who died."""
    return bool({"DTHFL", "DTHDT"} & set(subjects))


def _text(records: pd.DataFrame, names: tuple[str, ...]) -> pd.Series:
    """The first of these columns that has a value in each row; ``NOT_CODED`` where none has."""
    found = pd.Series(None, index=records.index, dtype=object)
    for name in names:
        if name in records:
            found = found.where(found.notna(), records[name])
    return found.where(found.notna(), NOT_CODED).astype(str)


def _own_days(records: pd.DataFrame) -> pd.Series:
    """Days from ASTDY, which has no day 0."""
    if "ASTDY" not in records:
        return pd.Series(float("nan"), index=records.index)
    return records["ASTDY"].astype(float)


def _grades(records: pd.DataFrame) -> pd.Series | None:
    """Toxicity grades as texts "1" to "5"; None without such a column."""
    name = next(
        (n for n in ("AETOXGRN", "AETOXGR", "ATOXGRN", "ATOXGR") if n in records and records[n].notna().any()), None
    )
    if name is None:
        return None
    found = records[name].map(lambda value: None if value is None or value != value else str(value).strip())
    digits = found.astype("string").str.extract(r"(?i)^(?:GRADE\s*)?([0-5])(?:\.0)?$", expand=False)
    return digits.astype(object).where(digits.notna(), NOT_CODED)


def _severities(records: pd.DataFrame) -> pd.Series:
    return _text(records, ("AESEV", "ASEV")).str.upper().replace({NOT_CODED.upper(): NOT_CODED})


def _flag(records: pd.DataFrame, name: str) -> pd.Series | None:
    return records[name].astype(str).str.upper().isin(["Y", "YES"]) if name in records else None


def _related(records: pd.DataFrame) -> pd.Series | None:
    answers = _relation(records)
    return None if answers is None else ~answers.isin(NOT_RELATED)


def _relation(records: pd.DataFrame) -> pd.Series | None:
    """The answers on relation to treatment in capitals; empty where there is none."""
    name = next((n for n in ("AREL", "AEREL") if n in records), None)
    if name is None:
        return None
    # A missing answer is none of the answers, whatever its text looks like.
    return records[name].astype(str).str.strip().str.upper().where(records[name].notna(), "")


def _special(records: pd.DataFrame, name: str | None) -> pd.Series | None:
    if name is not None and name not in records:
        raise InvalidInput(
            "no such column in ADAE", where="special_interest", expected=", ".join(map(str, records)), found=name
        )
    chosen = name or next((n for n in SPECIAL_INTEREST if n in records and records[n].notna().any()), None)
    if chosen is None:
        return None
    values = records[chosen].astype(object).where(records[chosen].notna(), "N").astype(str).str.strip().str.upper()
    return ~values.isin(["N", "NO", ""])


def _action(records: pd.DataFrame, actions: tuple[str, ...]) -> pd.Series | None:
    name = next((n for n in ("AEACN", "AACN") if n in records and records[n].notna().any()), None)
    return None if name is None else records[name].astype(str).str.strip().str.upper().isin(actions)


def _fatal(records: pd.DataFrame, grades: pd.Series | None) -> pd.Series | None:
    answers = [_flag(records, "AESDTH")]
    if "AEOUT" in records:
        answers.append(records["AEOUT"].astype(str).str.upper() == "FATAL")
    if grades is not None:
        answers.append(grades == "5")
    given = [answer for answer in answers if answer is not None]
    if not given:
        return None
    fatal = pd.Series(False, index=records.index)
    for answer in given:
        fatal |= answer
    return fatal


def _emergent(records: pd.DataFrame, day: pd.Series, dates: pd.DataFrame, window_days: int) -> pd.Series:
    if "TRTEMFL" in records:
        return records["TRTEMFL"] == "Y"
    emergent = day.isna() | (day >= 1)
    if {"TRTSDT", "TRTEDT"} <= set(dates):
        last = day_of(dates["TRTEDT"], dates["TRTSDT"])
        emergent &= ~(day > last + window_days)
    return emergent


def _stopped(subjects: pd.DataFrame) -> pd.DataFrame | None:
    """The subjects whose treatment stopped because of an adverse event; None where ADSL does not say."""
    people = subjects[["subject", "arm"]].assign(day=treatment_days(subjects))
    for name in STOPPED_FLAGS:
        if name in subjects:
            return people[subjects[name] == "Y"]
    for name in STOP_REASONS:
        if name in subjects:
            reason = subjects[name].astype(str).str.strip().str.upper()
            return people[reason.isin(["ADVERSE EVENT", "ADVERSE EVENTS"])]
    return None
