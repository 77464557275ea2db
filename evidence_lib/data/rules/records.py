"""Rules of any data set: keys, subjects, codes and their names, copies of ADSL, texts and labels."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from evidence_lib.data.findings import Finding, finding
from evidence_lib.data.rules.material import DataSet, Rule, is_date, is_number
from evidence_lib.data.specs import as_text
from evidence_lib.data.values import each_value

if TYPE_CHECKING:
    import pandas as pd

LONGEST_LABEL = 40  # characters, in SAS transport version 5
PLACEHOLDERS = (".", "NULL", "NaN", "#N/A", "<NA>", "nan")
# Each name belongs to one number, and each number to one name.
ONE_TO_ONE = (
    ("PARAMCD", "PARAM"),
    ("PARAMCD", "PARAMN"),
    ("AVISIT", "AVISITN"),
    ("TRTP", "TRTPN"),
    ("TRTA", "TRTAN"),
    ("TRT01P", "TRT01PN"),
    ("TRT01A", "TRT01AN"),
)
ARMS = (("TRTP", "TRT01P"), ("TRTA", "TRT01A"))


def duplicates(data: DataSet) -> Iterator[Finding]:
    """Records that are there twice.

    The key of ADSL and of ADTTE must be unique, else a subject counts twice. Elsewhere whole records that are equal
    are an error where a sequence number or a time of day would tell two real ones apart, else a warning; so is a key
    that comes twice with other values.
    """
    frame = data.frame
    named = frame["USUBJID"].notna() if "USUBJID" in frame else None
    again = frame.duplicated([*data.spec.key], keep=False) if data.spec.key and data.has(*data.spec.key) else None
    if again is not None and named is not None and (data.spec.structure == "subjects" or "CNSR" in data.spec.by_name):
        yield from data.broken("duplicate_subject", "error", again & named, columns=data.spec.key)
        return
    whole = data.table.frame.duplicated(keep=False)
    told_apart = any(str(column).endswith(("SEQ", "DTM", "TM")) for column in frame.columns)
    yield from data.broken("duplicate_record", "error" if told_apart else "warning", whole)
    if again is not None and named is not None:
        filled = frame[list(data.spec.key)].notna().all(axis="columns")
        yield from data.broken("duplicate_key", "warning", again & filled & ~whole, columns=data.spec.key)


def strangers(data: DataSet) -> Iterator[Finding]:
    """Records of subjects that ADSL does not have."""
    if data.spec.structure != "subjects" and data.has("USUBJID"):
        subject = data.frame["USUBJID"]
        yield from data.broken("not_in_adsl", "error", subject.notna() & ~subject.isin(data.adsl.index))


def names_and_codes(data: DataSet) -> Iterator[Finding]:
    """A code with two names, or a name with two codes; in ADAE a term in two system organ classes."""
    for code, name in ONE_TO_ONE:
        if data.has(code, name):
            yield from _second(data, code, name)
            yield from _second(data, name, code)
    if data.has("AEDECOD", "AEBODSYS"):
        yield from _second(data, "AEDECOD", "AEBODSYS")


def _second(data: DataSet, of: str, other: str) -> Iterator[Finding]:
    """Records whose ``of`` has a value of ``other`` that is not the most frequent one."""
    pairs = data.frame[[of, other]].dropna()
    counts = pairs.groupby([of, other], sort=True).size()
    several = counts.groupby(level=0).transform("size") > 1
    if several.any():
        usual = counts[several].groupby(level=0).idxmax()
        wanted = pairs[of].map({key: pair[1] for key, pair in usual.items()})
        rows = pairs.index[wanted.notna() & (wanted != pairs[other])]
        yield finding(data.name, "not_one_to_one", "warning", rows, column=of, other=other, count=len(usual))


def copies(data: DataSet) -> Iterator[Finding]:
    """Values copied from ADSL that differ from it, and treatments that are not those of ADSL."""
    if data.spec.structure == "subjects" or not data.has("USUBJID"):
        return
    known = data.frame["USUBJID"].isin(data.adsl.index)
    for column in data.frame.columns:
        origin = data.of_subject(str(column))
        if origin is not None:
            differ = known & _differ(data.frame[column], origin)
            yield from data.broken("differs_from_adsl", "warning", differ, column=str(column))
    for column, origin_name in ARMS:
        origin = data.of_subject(origin_name)
        if data.has(column) and origin is not None:
            differ = known & data.frame[column].notna() & origin.notna() & _differ(data.frame[column], origin)
            yield from data.broken("other_arm", "warning", differ, column=column, origin=origin_name)


def _differ(column: pd.Series, origin: pd.Series) -> pd.Series:
    if (is_number(column) and is_number(origin)) or (is_date(column) and is_date(origin)):
        return (column != origin) & ~(column.isna() & origin.isna())
    return each_value(column, _comparable).fillna("") != each_value(origin, _comparable).fillna("")


def _comparable(value: object) -> str | None:
    return value.date().isoformat() if hasattr(value, "date") else as_text(value)  # type: ignore[attr-defined]


def blanks(data: DataSet) -> Iterator[Finding]:
    """Texts with spaces at their ends, which were removed, and texts that stand for nothing."""
    for column, rows in data.table.padded.items():
        yield finding(data.name, "padded", "warning", rows, column=column)
    for column in data.frame.columns:
        values = data.frame[column]
        if values.dtype == object:
            yield from data.broken("placeholder", "warning", values.isin(PLACEHOLDERS), column=str(column))


def labels(data: DataSet) -> Iterator[Finding]:
    """Labels that a transport file can not hold."""
    long = tuple(column for column, label in data.table.labels.items() if len(label) > LONGEST_LABEL)
    if long:
        yield finding(data.name, "long_label", "warning", columns=long, limit=LONGEST_LABEL)


RECORD_RULES: tuple[Rule, ...] = (duplicates, strangers, names_and_codes, copies, blanks, labels)
