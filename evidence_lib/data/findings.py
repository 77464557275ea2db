"""Findings: what a check of the data found, said so that it can be printed and mended."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

from evidence_lib.errors import DataError
from evidence_lib.language import Message, message

Severity = Literal["error", "warning"]
ROWS_SHOWN = VALUES_SHOWN = 5
MOST_DISTINCT = 20
LONGEST_SHOWN = 40


@dataclass(frozen=True)
class Finding:
    """One rule that the data break.

    ``rows`` counts the records; ``example`` gives some of their row numbers (as the file shows them). Subject
    identifiers never appear. An ``error`` stops a run (exit 3), a ``warning`` is printed.
    """

    dataset: str
    rule: str
    severity: Severity
    rows: int
    example: str
    message: Message
    mend: Message

    def __str__(self) -> str:
        where = f"{self.dataset}, {self.example}" if self.example else self.dataset
        return f"{where}: {self.message} {self.mend}"


def finding(dataset: str, rule: str, severity: Severity, rows: Iterable[Any] = (), **values: Any) -> Finding:
    """A finding of this rule; its texts are ``data.rule.<rule>`` and ``data.mend.<rule>`` of the catalogue."""
    numbers = sorted(int(row) for row in rows)
    values = {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}
    return Finding(
        dataset=dataset,
        rule=rule,
        severity=severity,
        rows=len(numbers),
        example=row_text(numbers),
        message=message(f"data.rule.{rule}", rows=len(numbers), **values),
        mend=message(f"data.mend.{rule}", **values),
    )


def shown(values: Iterable[object]) -> tuple[str | Message, ...]:
    """Some of the distinct values, cut to a readable length; only their number where there are many.

    A column with many different texts is no list of codes, and its texts may tell of somebody.
    """
    distinct = sorted({str(value) for value in values})
    if len(distinct) > MOST_DISTINCT:
        return (message("data.many_values", number=len(distinct)),)
    return tuple(
        value if len(value) <= LONGEST_SHOWN else f"{value[: LONGEST_SHOWN - 1]}…" for value in distinct[:VALUES_SHOWN]
    )


def row_text(numbers: Sequence[int]) -> str:
    """``row 4``, ``rows 4, 9``, ``rows 4, 9, 12, 15, 20 (+3)``; empty for none."""
    if not numbers:
        return ""
    shown = ", ".join(str(number) for number in numbers[:ROWS_SHOWN])
    more = f" (+{len(numbers) - ROWS_SHOWN})" if len(numbers) > ROWS_SHOWN else ""
    return f"{'row' if len(numbers) == 1 else 'rows'} {shown}{more}"


def refuse_errors(findings: Sequence[Finding], *, where: str) -> None:
    """Raise one DataError that names every finding of severity error; do nothing where there is none."""
    errors = [found for found in findings if found.severity == "error"]
    if not errors:
        return
    lines = [str(found) for found in errors]
    count = f"{len(lines)} checks of the data failed" if len(lines) > 1 else "a check of the data failed"
    raise DataError("\n  ".join([count, *lines]), where=where)
