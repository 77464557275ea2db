"""Exposure to treatment: how long, how much, and how much of what was planned."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

DURATION = ("TRTDURD", "TRTDUR")
# What each measure is called where ADEX has one record per subject and parameter, and in ADSL.
IN_ADEX: Mapping[str, tuple[str, ...]] = {
    "cumulative_dose": ("CUMDOSE", "TOTDOSE", "TDOSE", "DOSECUM", "TNDOSE"),
    "average_dose": ("AVGDD", "AVDDSE", "ADD", "AVGDOSE"),
    "intensity": ("RDI", "RELINT", "DOSEINT", "DI", "TNDOSINT"),
    "cycles": ("NCYCLE", "CYCLES", "NUMCYC", "NDOSES", "TNUMDOS"),
}
IN_ADSL: Mapping[str, tuple[str, ...]] = {
    "average_dose": ("AVGDD",),
    "cumulative_dose": ("CUMDOSE",),
    "intensity": ("RDI",),
}
MEASURES = ("duration", "cycles", "average_dose", "cumulative_dose", "intensity")


def exposure(subjects: pd.DataFrame, records: pd.DataFrame | None = None) -> pd.DataFrame:
    """One row per subject: subject, arm, duration, and those of the other ``MEASURES`` that the data have.

    ``duration`` in days: TRTDURD or TRTDUR of ADSL, else last less first day of treatment, plus 1; a subject without
    either has none. Doses and intensity (percent of the planned dose) come from ADEX where it has one record per
    subject and parameter, else from ADSL.
    """
    made = subjects[["subject", "arm"]].assign(duration=treatment_days(subjects))
    for name in ("cycles", "average_dose", "cumulative_dose", "intensity"):
        values = _of_records(records, IN_ADEX[name], made["subject"])
        if values is None:
            values = next((subjects[c] for c in IN_ADSL.get(name, ()) if _numeric(subjects, c)), None)
        if values is not None and values.notna().any():
            made[name] = values.to_numpy(dtype=float)
    return made


def measures(frame: pd.DataFrame) -> list[str]:
    """The measures that the exposure frame has values of, in their order."""
    return [name for name in MEASURES if name in frame and frame[name].notna().any()]


def treatment_days(subjects: pd.DataFrame) -> pd.Series:
    """The length of treatment of each subject in days; missing where it is not known, or not positive."""
    named = next((name for name in DURATION if _numeric(subjects, name)), None)
    if named is not None:
        days = subjects[named].astype(float)
    elif {"TRTSDT", "TRTEDT"} <= set(subjects):
        days = day_of(subjects["TRTEDT"], subjects["TRTSDT"])
    else:
        days = pd.Series(float("nan"), index=subjects.index)
    return days.where(days > 0)


def day_of(date: pd.Series, start: pd.Series) -> pd.Series:
    """Days from the start, the start itself being day 1; missing where either is."""
    return (dates(date) - dates(start)).dt.days.astype(float) + 1


def dates(column: pd.Series) -> pd.Series:
    """Dates of a column that may hold ISO texts; what is no full date is missing."""
    if pd.api.types.is_datetime64_any_dtype(column):
        return column
    texts = column.map(lambda value: str(value) if value == value and value is not None else "")
    return pd.to_datetime(texts, format="%Y-%m-%d", errors="coerce")


def _numeric(frame: pd.DataFrame, name: str) -> bool:
    return name in frame and pd.api.types.is_numeric_dtype(frame[name])


def _of_records(records: pd.DataFrame | None, codes: tuple[str, ...], subjects: pd.Series) -> pd.Series | None:
    """The one value of each subject under the first of these codes that has one value per subject."""
    if records is None or not {"PARAMCD", "AVAL"} <= set(records):
        return None
    for code in codes:
        of = records[(records["PARAMCD"] == code) & records["AVAL"].notna()]
        if len(of) and not of["subject"].duplicated().any():
            return of.set_index("subject")["AVAL"].reindex(subjects)
    return None
