"""How a table is made to fit its specification: each column in its type, and findings for what does not fit."""

from __future__ import annotations

import re
from dataclasses import replace
from typing import TYPE_CHECKING

from evidence_lib.data.content import refuse_headings
from evidence_lib.data.files import Table
from evidence_lib.data.findings import Finding, finding, shown
from evidence_lib.data.specs.model import ColumnSpec, DatasetSpec
from evidence_lib.data.values import Converted, each_value, to_dates, to_numbers

if TYPE_CHECKING:
    import pandas as pd

SAS_SUFFIXES = (".xpt", ".sas7bdat")
GRADES = frozenset(range(-5, 6))
LEADING_ZERO = re.compile(r"0\d+")
GRADE_WORD = re.compile(r"^\s*grade\s*", re.I)


def is_sas(table: Table) -> bool:
    """Whether bare numbers in a date column count days from 1960-01-01."""
    return table.fingerprint.file.lower().endswith(SAS_SUFFIXES)


def with_adam_headings(table: Table) -> Table:
    """The table with upper-case headings, as ADaM has them. Raises DataError where two become the same."""
    upper = [str(heading).upper() for heading in table.frame.columns]
    refuse_headings(upper, where=table.fingerprint.file)
    frame = table.frame.set_axis(upper, axis="columns")
    labels = {name.upper(): label for name, label in table.labels.items()}
    return replace(table, frame=frame, labels=labels, padded={name.upper(): at for name, at in table.padded.items()})


def conform(frame: pd.DataFrame, spec: DatasetSpec, *, sas: bool = False) -> tuple[pd.DataFrame, list[Finding]]:
    """The columns of ``frame`` in the types of ``spec``, and what does not fit.

    Described columns become text, float64 (in ADSL int64 where all are whole), datetime64 (midnight) or, for CNSR and
    grades, float64 with whole numbers; the others are typed by ``infer``, those named ...DT as dates. What cannot be
    converted is missing in the result and named in a finding. With ``sas`` a bare number in a date column counts days
    from 1960-01-01.
    """
    import pandas as pd

    found: list[Finding] = []
    typed: dict[str, pd.Series] = {}
    for name in frame.columns:
        column = spec.by_name.get(name)
        if column is None:
            typed[name], problems = _undescribed(frame[name], spec.name, sas=sas)
        else:
            typed[name], problems = _typed(frame[name], column, spec.name, sas=sas)
            if spec.structure == "subjects" and column.type == "number":
                typed[name] = _whole(typed[name])
        found += problems
    found += _missing_columns(frame, spec)
    return pd.DataFrame(typed, index=frame.index), found


def _missing_columns(frame: pd.DataFrame, spec: DatasetSpec) -> list[Finding]:
    there = tuple(str(name) for name in frame.columns[:12])
    absent = [column for column in spec.columns if column.name not in frame.columns]
    needed = [column.name for column in absent if column.required]
    needed += [" or ".join(names) for names in spec.one_of if not set(names) & set(frame.columns)]
    found = [finding(spec.name, "missing_column", "error", column=name, columns=there) for name in needed]
    expected = [column for column in absent if column.expected]
    return found + [
        finding(spec.name, "absent_column", "warning", column=column.name, description=column.description)
        for column in expected
    ]


def infer(column: pd.Series) -> pd.Series:
    """A column typed by its values: numbers where all are plain numbers, else text.

    Identifiers (a heading that ends in ID) and numbers with leading zeros stay text. Whole numbers become int64 where
    none is missing, else float64.
    """
    import pandas as pd

    name = str(column.name).upper()
    if pd.api.types.is_datetime64_any_dtype(column) or column.dropna().empty:
        return column
    distinct = column.dropna().unique()
    if name.endswith("ID") or any(LEADING_ZERO.fullmatch(str(value)) for value in distinct):
        return each_value(column, as_text)
    if pd.api.types.is_bool_dtype(column):
        return column.map({True: "Y", False: "N"})
    numbers = to_numbers(column)
    if numbers.invalid or numbers.limits:
        return each_value(column, as_text)
    return _whole(numbers.values)


def _whole(numbers: pd.Series) -> pd.Series:
    """int64 where all numbers are whole and none is missing, else as they are."""
    whole = bool((numbers == numbers.round()).all()) and bool((numbers.abs() < 2**53).all())
    return numbers.astype("int64") if whole else numbers


def _undescribed(column: pd.Series, dataset: str, *, sas: bool) -> tuple[pd.Series, list[Finding]]:
    """A column that no specification describes: by ADaM's naming ...DT is a date and ...FL a flag."""
    name = str(column.name)
    if name.endswith("FL"):
        return _typed(column, ColumnSpec(name=name, type="flag", description="", severity="warning"), dataset, sas=sas)
    if name.endswith("DT") and column.notna().any():
        dates = to_dates(column, numbers="sas" if sas else "refuse")
        if not dates.invalid:
            return dates.values, _conversion(dates, ColumnSpec(name=name, type="date", description=""), dataset)
    return infer(column), []


def _typed(column: pd.Series, spec: ColumnSpec, dataset: str, *, sas: bool) -> tuple[pd.Series, list[Finding]]:
    if spec.type == "text":
        values = each_value(column, as_text)
        return values, [*_missing_values(values, spec, dataset), *_other_values(values, spec, dataset)]
    if spec.type == "flag":
        values = each_value(column, as_text)
        wrong = column.index[values.notna() & ~values.isin(("Y", "N"))]
        return values, [finding(dataset, "not_permitted", spec.severity, wrong, column=spec.name)] if len(wrong) else []
    if spec.type == "date":
        dates = to_dates(column, numbers="sas" if sas else "refuse")
        return dates.values, _conversion(dates, spec, dataset)
    if spec.type == "censoring":
        return _censoring(column, spec, dataset)
    if spec.type == "grade":
        return _grades(column, spec, dataset)
    numbers = to_numbers(column)
    return numbers.values, [*_conversion(numbers, spec, dataset), *_missing_values(column, spec, dataset)]


def _conversion(converted: Converted, spec: ColumnSpec, dataset: str) -> list[Finding]:
    rule = "not_a_date" if spec.type == "date" else "not_a_number"
    problems = []
    if converted.invalid:
        problems.append(finding(dataset, rule, spec.severity, converted.invalid, column=spec.name))
    if converted.limits:
        problems.append(finding(dataset, "detection_limit", spec.severity, converted.limits, column=spec.name))
    if converted.partial:
        problems.append(finding(dataset, "partial_date", "warning", converted.partial, column=spec.name))
    return problems


def _other_values(values: pd.Series, spec: ColumnSpec, dataset: str) -> list[Finding]:
    """Texts outside the controlled terminology; the case of letters is looked at."""
    if not spec.permitted:
        return []
    other = values.notna() & ~values.isin(spec.permitted)
    if not other.any():
        return []
    return [
        finding(
            dataset,
            "not_in_codelist",
            "warning",
            values.index[other],
            column=spec.name,
            values=shown(values[other]),
            permitted=spec.permitted,
        )
    ]


def _grades(column: pd.Series, spec: ColumnSpec, dataset: str) -> tuple[pd.Series, list[Finding]]:
    """Whole numbers from -5 to 5, also written ``Grade 3``; other texts are a warning, other numbers an error."""
    plain = each_value(column, lambda value: GRADE_WORD.sub("", value) if isinstance(value, str) else value)
    numbers = to_numbers(plain)
    outside = numbers.values.notna() & ~numbers.values.isin(GRADES)
    found = []
    if outside.any():
        found.append(finding(dataset, "grade_range", "error", column.index[outside], column=spec.name))
    if numbers.invalid or numbers.limits:
        rows = (*numbers.invalid, *numbers.limits)
        found.append(finding(dataset, "grade_text", "warning", rows, column=spec.name))
    return numbers.values.mask(outside), found


def _missing_values(column: pd.Series, spec: ColumnSpec, dataset: str) -> list[Finding]:
    blank = column.index[column.isna()]
    if not spec.required or blank.empty:
        return []
    return [finding(dataset, "missing_value", "error", blank, column=spec.name)]


def _censoring(column: pd.Series, spec: ColumnSpec, dataset: str) -> tuple[pd.Series, list[Finding]]:
    """CNSR with each way of being wrong in a finding of its own: the reader knows then what to look for."""
    converted = to_numbers(column)
    numbers = converted.values
    wrong: dict[str, list[int]] = {
        "censoring_text": [*converted.invalid, *converted.limits],
        "censoring_missing": list(column.index[column.isna()]),
        "censoring_negative": list(column.index[numbers < 0]),
        "censoring_fraction": list(column.index[numbers.notna() & (numbers >= 0) & (numbers != numbers.round())]),
    }
    return numbers, [finding(dataset, rule, "error", rows, column=spec.name) for rule, rows in wrong.items() if rows]


def as_text(value: object) -> str | None:
    """Text without spaces at its ends; a whole number that a workbook holds as 701.0 is 701."""
    if value is None or value != value:
        return None
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return str(value).strip() or None
