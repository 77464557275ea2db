"""Rules of ADTTE: times, the direction of censoring, times against dates, descriptions of events."""

from __future__ import annotations

from collections.abc import Iterator

from evidence_lib.data.censoring import check_censoring_direction
from evidence_lib.data.checks import check_dates, check_times
from evidence_lib.data.findings import Finding
from evidence_lib.data.rules.material import DataSet, Rule, is_date


def times(data: DataSet) -> Iterator[Finding]:
    """Negative, endless and zero times, and dates before the start."""
    subjects = data.adsl.reset_index(names="USUBJID")
    yield from check_times(data.frame, dataset=data.name)
    if is_date(data.frame.get("ADT")):
        yield from check_dates(subjects, data.frame, dataset=data.name)


def censoring(data: DataSet) -> Iterator[Finding]:
    """CNSR the wrong way round, looked for in each endpoint."""
    if data.has("PARAMCD"):
        for _, events in data.frame.groupby("PARAMCD", sort=False):
            yield from check_censoring_direction(events, data.table.labels, dataset=data.name)


def days(data: DataSet) -> Iterator[Finding]:
    """AVAL in days that is neither ADT - STARTDT + 1 nor ADT - STARTDT."""
    if not data.has("AVAL", "ADT", "STARTDT") or not (is_date(data.frame["ADT"]) and is_date(data.frame["STARTDT"])):
        return
    unit = data.frame["AVALU"] if data.has("AVALU") else None
    in_days = unit.str.upper().isin(("DAYS", "DAY", "D")) if unit is not None else data.frame["AVAL"].notna()
    apart = (data.frame["ADT"] - data.frame["STARTDT"]).dt.days
    for _, part in data.frame.groupby("PARAMCD", sort=False) if data.has("PARAMCD") else ():
        ahead = (data.frame["AVAL"] - apart)[part.index]
        counted = in_days[part.index] & ahead.notna()
        wrong = min((counted & (ahead != offset) for offset in (1, 0)), key=lambda mask: int(mask.sum()))
        yield from data.broken("time_and_dates", "warning", wrong.reindex(data.frame.index, fill_value=False))


def described(data: DataSet) -> Iterator[Finding]:
    """Events without a description, where other events have one."""
    if data.has("CNSR", "EVNTDESC"):
        happened = data.frame["CNSR"] == 0
        if data.frame.loc[happened, "EVNTDESC"].notna().any():
            yield from data.broken("event_not_described", "warning", happened & data.frame["EVNTDESC"].isna())


TIME_TO_EVENT_RULES: tuple[Rule, ...] = (times, censoring, days, described)
