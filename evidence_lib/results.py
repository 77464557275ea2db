"""Results: one shape for every number.

``Estimate`` is what a statistic returns. ``ResultSet`` is the analysis results dataset (ARD) of one report: a row
per number, the tables that figures are drawn from, and the gates (checks). ``results.schema.json`` is its contract.
"""

from __future__ import annotations

import csv
import json
import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, fields, replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, fixed, p_text

if TYPE_CHECKING:
    import pandas as pd

SCHEMA = "evidence-results/1"
SCHEMA_FILE = Path(__file__).with_name("results.schema.json")
ANALYSES = Path(__file__).with_name("analyses")
STATISTICS = (
    "n",
    "events",
    "estimate",
    "std_error",
    "conf_low",
    "conf_high",
    "test_statistic",
    "df",
    "p_value",
)
GROUP_KEYS = (
    "treatment",
    "reference",
    "arm",
    "contrast",
    "subgroup",
    "level",
    "time",
    "period",
    "visit",
    "variable",
    "region",
    "site",
    "stratum",
    "study",
    "cause",
    "event_number",
    "component",
    "weight",
    "model",
    "delta",
    "hypothesis",
    "role",
    "rule",
    "parameter",
    "term",
    "soc",
    "grade",
    "category",
)
# What a test answers for, by its unit: an exact test has a p-value only.
TESTS: Mapping[str, tuple[str, ...]] = {
    "chi-square": ("test_statistic", "df", "p_value"),
    "F": ("test_statistic", "df", "p_value"),
    "t": ("test_statistic", "df", "p_value"),
    "z": ("test_statistic", "p_value"),
    "probability": ("p_value",),
}

Status = Literal["ok", "not_estimable", "withheld"]
PKind = Literal["confirmatory", "nominal"]
Text = str | Message


@dataclass(frozen=True)
class Analysis:
    """One entry of the list of analyses: what its number means, its unit and its direction.

    ``headline`` numbers are recalculated in every run; ``interval`` says that confidence limits come with the number.
    """

    name: str
    meaning: str
    unit: str
    direction: str
    headline: bool
    interval: bool


@lru_cache(maxsize=1)
def analyses() -> Mapping[str, Analysis]:
    """Every analysis that a results row may name, from the files of ``analyses/``; a name stands in one of them."""
    found: dict[str, Analysis] = {}
    for path in sorted(ANALYSES.glob("*.csv")):
        with path.open(encoding="utf-8", newline="") as stream:
            for row in csv.DictReader(stream):
                name = row["analysis"]
                if name in found:
                    raise InvalidInput("an analysis is listed twice", where=path.name, found=name)
                yes = {column: row[column] == "yes" for column in ("headline", "interval")}
                found[name] = Analysis(name, row["meaning"], row["unit"], row["direction"], **yes)
    return found


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """One result of one method.

    ``analysis`` is ``method.quantity.variant``, one of ``analyses()``. Times are in days. For ratios ``estimate`` and
    its limits are on the ratio scale, ``std_error`` on the log scale (``scale="log"``). A statistic that the method
    does not give is None; one that it gives but the data cannot answer is None too, and ``reason`` says why: the
    estimate and, with ``conf_level``, both limits are always answered for; a test (``is_test``) answers for what
    ``TESTS`` lists under its unit, which names its distribution. ``df`` of an F test is that of the numerator;
    ``method`` says the other. A p-value is ``nominal`` unless a procedure that controls the error of all
    hypotheses together made it ``confirmatory``: only of such a one may a text ever say "significant".
    """

    analysis: str
    unit: str
    method: Text
    groups: Mapping[str, str | float] = field(default_factory=dict)
    n: int | None = None
    events: int | None = None
    estimate: float | None = None
    std_error: float | None = None
    conf_low: float | None = None
    conf_high: float | None = None
    conf_level: float | None = None
    test_statistic: float | None = None
    df: float | None = None
    p_value: float | None = None
    scale: Literal["identity", "log"] = "identity"
    alternative: Literal["two-sided", "less", "greater"] = "two-sided"
    p_kind: PKind = "nominal"
    is_test: bool = False
    status: Status = "ok"
    reason: Text | None = None

    def __post_init__(self) -> None:
        if self.is_test and self.unit not in TESTS:
            raise InvalidInput("no such kind of test", expected=" or ".join(TESTS), found=self.unit)
        if self.status != "ok" and self.reason is None:
            raise InvalidInput("an estimate that is not ok needs a reason", where=self.analysis)
        if self.reason is None and any(getattr(self, name) is None for name in self.stated()):
            raise InvalidInput("a statistic that is not estimable needs a reason", where=self.analysis)
        for name in STATISTICS:
            value = getattr(self, name)
            if value is not None and not math.isfinite(value):
                raise InvalidInput("a statistic is NaN or infinite: give None and a reason", where=self.analysis)

    def within(self, **groups: str | float) -> Estimate:
        """The same estimate with these group keys added."""
        return replace(self, groups={**self.groups, **groups})

    def stated(self) -> tuple[str, ...]:
        """The statistics this estimate answers for, given or not estimable."""
        if self.is_test:
            always = set(TESTS[self.unit])
        else:
            always = {"estimate"} | ({"conf_low", "conf_high"} if self.conf_level is not None else set())
        return tuple(name for name in STATISTICS if name in always or getattr(self, name) is not None)

    def _repr_html_(self) -> str:
        from html import escape

        cells = "".join(
            f"<tr><th scope='row'>{name}</th><td>{escape(text)}</td></tr>"
            for name in self.stated()
            for text in [format_statistic(name, getattr(self, name), self.unit)]
        )
        return f"<table><caption>{escape(self.analysis)}</caption>{cells}</table><p>{escape(str(self.method))}</p>"


@dataclass(frozen=True)
class Estimates:
    """Several estimates of one call, in the order in which they are reported."""

    items: tuple[Estimate, ...]

    def where(self, **groups: str | float) -> Estimate:
        """The one estimate with these groups. Raises InvalidInput when there is none, or more than one."""
        found = [e for e in self.items if all(e.groups.get(key) == value for key, value in groups.items())]
        if len(found) != 1:
            raise InvalidInput("no single estimate has these groups", expected="one", found=f"{len(found)}: {groups}")
        return found[0]


@dataclass(frozen=True, kw_only=True)
class Gate:
    """A check: what was measured against which limit, and which analyses it governs (a pattern such as ``cox.*``)."""

    id: str
    result: Literal["pass", "fail", "not_evaluable", "informational"]
    measure: float | None
    limit: float | None
    governs: str | None
    reason: Text | None = None


@dataclass(frozen=True, kw_only=True)
class Row:
    """One number of the ARD."""

    analysis: str
    endpoint: str
    population: str
    groups: Mapping[str, str | float]
    statistic: str
    value: float | int | str | None
    formatted: str
    unit: str
    conf_level: float | None
    scale: str
    alternative: str
    p_kind: PKind | None
    method: Text
    status: Status
    reason: Text | None
    second_value: float | int | str | None
    second_source: str | None
    agrees: bool | None

    @property
    def key(self) -> tuple[Any, ...]:
        """What makes a row unique."""
        return (self.analysis, self.endpoint, self.population, tuple(sorted(self.groups.items())), self.statistic)


@dataclass
class ResultSet:
    """The analysis results dataset of one report."""

    study: str
    report: str
    rows: dict[tuple[Any, ...], Row] = field(default_factory=dict)
    tables: dict[str, dict[str, list[Any]]] = field(default_factory=dict)
    gates: dict[str, Gate] = field(default_factory=dict)

    def add(self, rows: Iterable[Row]) -> None:
        """Add rows; a row whose key is there already is replaced. Raises InvalidInput for an unlisted analysis."""
        for row in rows:
            if row.analysis not in analyses():
                raise InvalidInput("an analysis that is not on the list", found=row.analysis)
            unknown = set(row.groups) - set(GROUP_KEYS)
            if unknown:
                raise InvalidInput("group keys outside the closed list", found=", ".join(sorted(unknown)))
            self.rows[row.key] = row

    def add_table(self, name: str, frame: pd.DataFrame) -> None:
        """Keep a frame as a table: whatever is missing becomes null, NumPy scalars become plain numbers."""
        columns = [str(column) for column in frame.columns]
        given = frame.astype(object).where(frame.notna(), None)  # type: ignore[call-overload]
        rows = [[plain(value) for value in row] for row in given.itertuples(index=False, name=None)]
        self.tables[name] = {"columns": columns, "rows": rows}

    def table(self, name: str) -> pd.DataFrame:
        """A stored table as a frame. Raises InvalidInput where there is none of this name."""
        import pandas as pd

        if name not in self.tables:
            raise InvalidInput("no such table in the results", expected=", ".join(self.tables), found=name)
        return pd.DataFrame(self.tables[name]["rows"], columns=self.tables[name]["columns"])

    def find(self, analysis: str, statistic: str = "estimate", **groups: str | float) -> Row | None:
        """The first row of this analysis and statistic that has these groups, or None.

        One of a main analysis goes before one that has a role of its own, such as ``sensitivity``.
        """
        other = None
        for row in self.rows.values():
            if row.analysis != analysis or row.statistic != statistic:
                continue
            if all(row.groups.get(key) == value for key, value in groups.items()):
                if "role" not in row.groups:
                    return row
                other = other or row
        return other

    def select(self, analysis: str, statistic: str = "estimate", **groups: str | float) -> list[Row]:
        """All rows of this analysis and statistic that have these groups, in recorded order."""
        return [
            row
            for row in self.rows.values()
            if row.analysis == analysis
            and row.statistic == statistic
            and all(row.groups.get(key) == value for key, value in groups.items())
        ]

    def to_frame(self) -> pd.DataFrame:
        """The rows as a tidy frame, one column per field; groups become columns of their own."""
        import pandas as pd

        records = []
        for row in self.rows.values():
            record = _row_json(row)
            groups = record.pop("groups")
            records.append({**record, **{key: groups.get(key) for key in GROUP_KEYS}})
        return pd.DataFrame(records).dropna(axis="columns", how="all")

    def to_json(self) -> str:
        """The ARD as JSON text: the same results give the same bytes."""
        document = {
            "schema": SCHEMA,
            "study": self.study,
            "report": self.report,
            "results": [_row_json(row) for row in self.rows.values()],
            "tables": self.tables,
            "gates": [{f.name: _text(getattr(gate, f.name)) for f in fields(Gate)} for gate in self.gates.values()],
        }
        return json.dumps(document, ensure_ascii=False, allow_nan=False, indent=1) + "\n"

    @classmethod
    def from_json(cls, text: str) -> ResultSet:
        """The inverse of ``to_json``. Raises InvalidInput for another schema."""
        document = json.loads(text)
        if document.get("schema") != SCHEMA:
            raise InvalidInput("not a results file", expected=SCHEMA, found=repr(document.get("schema")))
        results = cls(document["study"], document["report"])
        results.add(Row(**row) for row in document["results"])
        results.tables = document["tables"]
        results.gates = {gate["id"]: Gate(**gate) for gate in document["gates"]}
        return results


def rows_of(
    estimate: Estimate,
    *,
    endpoint: str,
    population: str,
    days_per_unit: float = 1.0,
    second: Estimate | None = None,
    second_source: str | None = None,
    agrees: Mapping[str, bool] | None = None,
) -> list[Row]:
    """The rows of one estimate, one per stated statistic.

    ``second`` is its independent recalculation from ``second_source``; ``agrees`` says for each compared statistic
    whether the two are equal within the tolerance. Days are printed in units of ``days_per_unit``.
    """
    rows = []
    for name in estimate.stated():
        value = getattr(estimate, name)
        missing = value is None
        status: Status = (
            estimate.status if missing and estimate.status != "ok" else "not_estimable" if missing else "ok"
        )
        checked = agrees is not None and name in agrees
        rows.append(
            Row(
                analysis=estimate.analysis,
                endpoint=endpoint,
                population=population,
                groups=dict(estimate.groups),
                statistic=name,
                value=plain(value),
                formatted=format_statistic(name, value, estimate.unit, days_per_unit=days_per_unit),
                unit=_unit(name, estimate.unit),
                conf_level=estimate.conf_level,
                scale=estimate.scale,
                alternative=estimate.alternative,
                p_kind=estimate.p_kind if name == "p_value" else None,
                method=estimate.method,
                status=status,
                reason=estimate.reason if missing else None,
                second_value=plain(getattr(second, name)) if checked and second is not None else None,
                second_source=second_source if checked else None,
                agrees=agrees[name] if checked and agrees is not None else None,
            )
        )
    return rows


def format_statistic(name: str, value: float | None, unit: str, *, days_per_unit: float = 1.0) -> str:
    """The printed form of a statistic, the same in every language; days are printed in units of ``days_per_unit``."""
    if value is None:
        return fixed(None, 0)
    if name in ("n", "events"):
        return fixed(value, 0)
    if name == "p_value":
        return p_text(value)
    if name == "df":
        return fixed(value, 0 if float(value).is_integer() else 1)
    if name == "test_statistic":
        return fixed(value, 2)
    if unit == "days":
        return fixed(value / days_per_unit, 0 if days_per_unit == 1 and float(value).is_integer() else 1)
    if name == "std_error":
        return fixed(value, 4)
    if unit == "probability":
        return fixed(value * 100, 1) + "%"
    return fixed(value, 0 if unit in ("subjects", "events") else 2)


def plain(value: Any) -> Any:
    """A plain JSON value: NumPy scalars unwrapped, NaN and infinite numbers as None."""
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    return value


def _unit(statistic: str, unit: str) -> str:
    fixed_units = {"n": "subjects", "events": "events", "p_value": "probability", "df": "degrees of freedom"}
    return fixed_units.get(statistic, unit)


def _text(value: Any) -> Any:
    return str(value) if isinstance(value, Message) else plain(value)


def _row_json(row: Row) -> dict[str, Any]:
    record = {f.name: _text(getattr(row, f.name)) for f in fields(Row)}
    record["groups"] = {key: plain(value) for key, value in row.groups.items()}
    return record
