"""The data sets that are read, as code: their columns, types and permitted values, and how a table is made to fit.

ADaM: Analysis Data Model Implementation Guide v1.3 (ADSL) and the Basic Data Structure for Time-to-Event Analyses
v1.0 (ADTTE). Only what the analyses use is described; any other column is allowed and typed by its values.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Literal

from evidence_lib.data.content import refuse_headings
from evidence_lib.data.files import Table
from evidence_lib.data.findings import Finding, finding
from evidence_lib.data.values import Converted, each_value, to_dates, to_numbers

if TYPE_CHECKING:
    import pandas as pd

ColumnType = Literal["text", "number", "date", "flag", "censoring"]


@dataclass(frozen=True, kw_only=True)
class ColumnSpec:
    """One column: ``flag`` is Y, N or empty; ``censoring`` is 0 for an event, else a positive whole number."""

    name: str
    type: ColumnType
    description: str
    required: bool = False
    permitted: tuple[str, ...] = ()


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """One data set: its columns and the ``key`` that is unique in it."""

    name: str
    key: tuple[str, ...]
    columns: tuple[ColumnSpec, ...]

    @property
    def by_name(self) -> Mapping[str, ColumnSpec]:
        """The columns by name."""
        return {column.name: column for column in self.columns}


def _column(name: str, kind: ColumnType, description: str, *, required: bool = False) -> ColumnSpec:
    permitted = ("Y", "N") if kind == "flag" else ()
    return ColumnSpec(name=name, type=kind, description=description, required=required, permitted=permitted)


ADSL = DatasetSpec(
    name="ADSL",
    key=("USUBJID",),
    columns=(
        _column("STUDYID", "text", "Study", required=True),
        _column("USUBJID", "text", "Subject, unique across studies", required=True),
        _column("TRT01P", "text", "Planned treatment; ARM serves where it is absent"),
        _column("ARM", "text", "Planned arm"),
        _column("TRT01A", "text", "Actual treatment"),
        _column("ITTFL", "flag", "In the intention-to-treat population"),
        _column("SAFFL", "flag", "In the safety population"),
        _column("FASFL", "flag", "In the full analysis set"),
        _column("PPROTFL", "flag", "In the per-protocol population"),
        _column("RANDFL", "flag", "Randomised"),
        _column("RANDDT", "date", "Date of randomisation"),
        _column("TRTSDT", "date", "First day of treatment"),
    ),
)
ADTTE = DatasetSpec(
    name="ADTTE",
    key=("USUBJID", "PARAMCD"),
    columns=(
        _column("USUBJID", "text", "Subject, as in ADSL", required=True),
        _column("PARAMCD", "text", "Code of the endpoint", required=True),
        _column("AVAL", "number", "Time to the event or to censoring, in AVALU", required=True),
        _column("CNSR", "censoring", "0 = event; 1, 2, ... = censored, by reason", required=True),
        _column("PARAM", "text", "Name of the endpoint"),
        _column("AVALU", "text", "Unit of AVAL; days where absent"),
        _column("STARTDT", "date", "Day the time counts from"),
        _column("ADT", "date", "Day of the event or of censoring"),
        _column("TRTP", "text", "Planned treatment"),
        _column("EVNTDESC", "text", "What the event was (some sponsors: or the censoring)"),
        _column("CNSDTDSC", "text", "What the censoring date is"),
    ),
)


SAS_SUFFIXES = (".xpt", ".sas7bdat")


def spec_for(name: str) -> DatasetSpec:
    """The specification of a data set by its name; one that is not described has a subject in each record."""
    known = {"ADSL": ADSL, "ADTTE": ADTTE}
    subject = ADTTE.by_name["USUBJID"]
    return known.get(name, DatasetSpec(name=name, key=(), columns=(subject,)))


def is_sas(table: Table) -> bool:
    """Whether bare numbers in a date column count days from 1960-01-01."""
    return table.fingerprint.file.lower().endswith(SAS_SUFFIXES)


def with_adam_headings(table: Table) -> Table:
    """The table with upper-case headings, as ADaM has them. Raises DataError where two become the same."""
    upper = [str(heading).upper() for heading in table.frame.columns]
    refuse_headings(upper, where=table.fingerprint.file)
    frame = table.frame.set_axis(upper, axis="columns")
    return replace(table, frame=frame, labels={name.upper(): label for name, label in table.labels.items()})


def conform(frame: pd.DataFrame, spec: DatasetSpec, *, sas: bool = False) -> tuple[pd.DataFrame, list[Finding]]:
    """The columns of ``frame`` in the types of ``spec``, and what does not fit.

    Described columns become text, float64, datetime64 (midnight) or, for CNSR, float64 with whole numbers; the others
    are typed by ``infer``. What cannot be converted is missing in the result and named in a finding. With ``sas`` a
    bare number in a date column counts days from 1960-01-01.
    """
    import pandas as pd

    found: list[Finding] = []
    typed: dict[str, pd.Series] = {}
    for name in frame.columns:
        column = spec.by_name.get(name)
        if column is None:
            typed[name] = infer(frame[name])
        else:
            typed[name], problems = _typed(frame[name], column, spec.name, sas=sas)
            found += problems
    missing = [column.name for column in spec.columns if column.required and column.name not in frame.columns]
    for name in missing:
        found.append(
            finding(spec.name, "missing_column", "error", column=name, columns=[str(c) for c in frame.columns[:12]])
        )
    return pd.DataFrame(typed, index=frame.index), found


def infer(column: pd.Series) -> pd.Series:
    """A column typed by its values: numbers where all are plain numbers, else text.

    Identifiers (a heading that ends in ID) and numbers with leading zeros stay text. Whole numbers become int64 where
    none is missing, else float64.
    """
    import pandas as pd

    name = str(column.name).upper()
    if pd.api.types.is_datetime64_any_dtype(column) or column.dropna().empty:
        return column
    texts = column.dropna().map(str)
    if name.endswith("ID") or texts.str.fullmatch(r"0\d+").any():
        return each_value(column, as_text)
    if pd.api.types.is_bool_dtype(column):
        return column.map({True: "Y", False: "N"})
    numbers = to_numbers(column)
    if numbers.invalid or numbers.limits:
        return each_value(column, as_text)
    whole = bool((numbers.values == numbers.values.round()).all())
    return numbers.values.astype("int64") if whole and (numbers.values.abs() < 2**53).all() else numbers.values


def _typed(column: pd.Series, spec: ColumnSpec, dataset: str, *, sas: bool) -> tuple[pd.Series, list[Finding]]:
    if spec.type == "text":
        values = each_value(column, as_text)
        problems = _missing_values(values, spec, dataset)
    elif spec.type == "flag":
        values = each_value(column, as_text)
        wrong = column.index[values.notna() & ~values.isin(spec.permitted)]
        problems = [finding(dataset, "not_permitted", "error", wrong, column=spec.name)] if len(wrong) else []
    elif spec.type == "date":
        converted = to_dates(column, numbers="sas" if sas else "refuse")
        values, problems = converted.values, _conversion(converted, spec, dataset, "date")
    elif spec.type == "censoring":
        return _censoring(column, spec, dataset)
    else:
        converted = to_numbers(column)
        values, problems = converted.values, _conversion(converted, spec, dataset, "number")
        problems += _missing_values(column, spec, dataset)
    return values, problems


def _conversion(converted: Converted, spec: ColumnSpec, dataset: str, kind: str) -> list[Finding]:
    problems = []
    if converted.invalid:
        problems.append(finding(dataset, f"not_a_{kind}", "error", converted.invalid, column=spec.name))
    if converted.limits:
        problems.append(finding(dataset, "detection_limit", "error", converted.limits, column=spec.name))
    if converted.partial:
        problems.append(finding(dataset, "partial_date", "warning", converted.partial, column=spec.name))
    return problems


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
