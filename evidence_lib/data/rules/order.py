"""Rules of dates: their order, what is missing, and study days."""

from __future__ import annotations

from collections.abc import Iterator

from evidence_lib.data.findings import Finding, Severity
from evidence_lib.data.rules.material import DataSet, Rule, is_date
from evidence_lib.data.values import to_dates

# Dates of ADSL: the first may not be after the second.
SUBJECT_ORDER: tuple[tuple[str, str, Severity], ...] = (
    ("TRTSDT", "TRTEDT", "error"),
    ("RANDDT", "TRTSDT", "warning"),
    ("RANDDT", "DTHDT", "error"),
    ("TRTSDT", "DTHDT", "error"),
    ("TRTEDT", "DTHDT", "warning"),
    ("RANDDT", "EOSDT", "warning"),
)
DAYS = (("ADT", "ADY"), ("ASTDT", "ASTDY"), ("AENDT", "AENDY"))
AFTER_DEATH = ("ADT", "ASTDT")


def subject_dates(data: DataSet) -> Iterator[Finding]:
    """The order of a subject's dates, and a death without its date or flag."""
    if data.spec.structure != "subjects":
        return
    for first, second, severity in SUBJECT_ORDER:
        yield from _out_of_order(data, first, second, severity)
    if data.has("DTHFL", "DTHDT"):
        died, dated = data.frame["DTHFL"] == "Y", data.frame["DTHDT"].notna()
        yield from data.broken("death_without_date", "warning", died & ~dated)
        yield from data.broken("death_without_flag", "warning", dated & ~died)


def start_and_end(data: DataSet) -> Iterator[Finding]:
    """An end before its start: wrong exposure is an error, a wrong duration of an event a warning."""
    if data.spec.structure != "subjects":
        exposure = data.name.startswith(("ADEX", "ADEC"))
        yield from _out_of_order(data, "ASTDT", "AENDT", "error" if exposure else "warning")


def after_death(data: DataSet) -> Iterator[Finding]:
    """Records that begin after the subject's death."""
    death = data.of_subject("DTHDT")
    if data.spec.structure == "subjects" or not is_date(death):
        return
    for column in data.there(AFTER_DEATH):
        if is_date(data.frame[column]):
            yield from data.broken("after_death", "warning", data.frame[column] > death, column=column)


def unknown_start(data: DataSet) -> Iterator[Finding]:
    """Events without a first day: whether they began under treatment can not be seen. Parameters need none."""
    if data.spec.structure == "occurrences" and data.has("ASTDT") and not data.has("PARAMCD"):
        yield from data.broken("unknown_start", "warning", data.frame["ASTDT"].isna())


def partial_texts(data: DataSet) -> Iterator[Finding]:
    """Partial dates in the ISO texts (...DTC) that dates are made from."""
    for column in data.frame.columns:
        if str(column).endswith("DTC") and data.frame[column].dtype == object:
            partial = data.frame.index.isin(to_dates(data.frame[column]).partial)
            yield from data.broken("partial_text", "warning", data.frame[column].notna() & partial, column=str(column))


def study_days(data: DataSet) -> Iterator[Finding]:
    """Study days that fit neither TRTSDT nor RANDDT, by date - start + 1 from the start on, else date - start."""
    for date, day in DAYS:
        if not data.has(date, day) or not is_date(data.frame[date]):
            continue
        stated = data.frame[day]
        wrong = []
        for start_name in ("TRTSDT", "RANDDT"):
            start = data.own_or_of_subject(start_name)
            if start is not None and is_date(start):
                apart = (data.frame[date] - start).dt.days
                wrong.append(stated.notna() & apart.notna() & (stated != apart + (apart >= 0)))
        if wrong:
            least = min(wrong, key=lambda mask: int(mask.sum()))
            yield from data.broken("study_day", "warning", least, column=day, date=date)


def _out_of_order(data: DataSet, first: str, second: str, severity: Severity) -> Iterator[Finding]:
    if data.has(first, second) and is_date(data.frame[first]) and is_date(data.frame[second]):
        late = data.frame[first] > data.frame[second]
        yield from data.broken("dates_out_of_order", severity, late, first=first, second=second)


DATE_RULES: tuple[Rule, ...] = (
    subject_dates,
    start_and_end,
    after_death,
    unknown_start,
    partial_texts,
    study_days,
)
