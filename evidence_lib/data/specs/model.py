"""What a specification is made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evidence_lib.data.findings import Severity

ColumnType = Literal["text", "number", "date", "flag", "censoring", "grade"]
Structure = Literal["subjects", "parameters", "occurrences", "records"]


@dataclass(frozen=True, kw_only=True)
class ColumnSpec:
    """One column.

    ``flag`` is Y, N or empty; ``censoring`` is 0 for an event, else a positive whole number; ``grade`` is a whole
    number from -5 to 5 (CTCAE; a sign tells the direction of a laboratory value). A ``required`` column must be there
    and filled in every record; where an ``expected`` one is missing, that is a warning. ``permitted`` values of a text
    are those of the CDISC controlled terminology that the analyses rely on; others are a warning. ``severity`` is that
    of values which are not of the type.
    """

    name: str
    type: ColumnType
    description: str
    required: bool = False
    expected: bool = False
    permitted: tuple[str, ...] = ()
    severity: Severity = "error"


@dataclass(frozen=True, kw_only=True)
class DatasetSpec:
    """One data set: its columns, the ``key`` that is unique in it, and columns of which ``one_of`` each must be there.

    ``structure``: one record per subject, per subject and parameter and time (BDS), per occurrence (OCCDS), or unknown.
    """

    name: str
    key: tuple[str, ...]
    columns: tuple[ColumnSpec, ...]
    structure: Structure = "records"
    one_of: tuple[tuple[str, ...], ...] = ()

    @property
    def by_name(self) -> Mapping[str, ColumnSpec]:
        """The columns by name."""
        return {column.name: column for column in self.columns}


def column(
    name: str,
    kind: ColumnType,
    description: str,
    *,
    required: bool = False,
    expected: bool = False,
    permitted: tuple[str, ...] = (),
    severity: Severity = "error",
) -> ColumnSpec:
    """A column, written short."""
    return ColumnSpec(
        name=name,
        type=kind,
        description=description,
        required=required,
        expected=expected,
        permitted=("Y", "N") if kind == "flag" else permitted,
        severity=severity,
    )
