"""Tables about trust: the checks, the data the numbers come from, and how they were made."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table

if TYPE_CHECKING:
    import pandas as pd

RESULT_KEYS = {
    "pass": "table.check.pass",
    "fail": "table.check.fail",
    "not_evaluable": "table.check.not_evaluable",
    "informational": "table.check.informational",
}


def checks(*, view: View) -> Table:
    """Every check of the report, with what was measured against which limit.

    Parameters
    ----------
    view : View
        The gates are read from its results. A check without a name in the catalogue is printed under its id.
    """
    rows = [
        (
            _check_name(view, gate.id),
            view.words(RESULT_KEYS[gate.result]),
            view.words("table.none") if gate.measure is None else _measure(view, gate.measure),
            view.words("table.none") if gate.limit is None else _measure(view, gate.limit),
            cells.text(view, gate.reason),
        )
        for gate in view.results.gates.values()
    ]
    return Table(
        title=view.words("table.check.title"),
        columns=(
            view.words("table.check.check"),
            view.words("table.check.result"),
            view.words("table.check.measure"),
            view.words("table.check.limit"),
            view.words("table.check.reason"),
        ),
        rows=rows,
        footnotes=[view.words("table.check.how_to_read")],
    )


def formal_testing(tested: pd.DataFrame, *, view: View) -> Table:
    """What the study tests formally, in which families, and with which result.

    Parameters
    ----------
    tested : DataFrame
        ``families.tested``: family, method, alpha, hypothesis, report, test, p_value, adjusted, rejected; without rows
        where this report tests no hypothesis of a family.
    view : View
        The context, the results and the words.

    Notes
    -----
    Misreading: only the adjusted p-values control the error of the family; every other p-value of the study is nominal.
    """
    say = view.words
    rows: list[tuple[str, ...]] = [
        (
            say("table.formal.hypothesis", hypothesis=row["hypothesis"], report=row["report"]),
            say.p_value(_given(row["p_value"])),
            say.p_value(_given(row["adjusted"])),
            say("table.formal.rejected" if row["rejected"] else "table.formal.not_rejected"),
        )
        for row in tested.to_dict("records")
    ]
    groups = [
        say("table.formal.family", family=row["family"], method=row["method"], alpha=f"{row['alpha']:g}")
        for row in tested.to_dict("records")
    ]
    key = "table.formal.how_to_read" if rows else "table.formal.none"
    if not rows:
        rows = [(say("table.formal.no_hypothesis"), *(say("table.none") for _ in range(3)))]
    return Table(
        title=say("table.formal.title"),
        columns=(
            say("table.formal.tested"),
            say("table.p_value"),
            say("table.formal.adjusted"),
            say("table.formal.result"),
        ),
        rows=rows,
        groups=groups or None,
        footnotes=[say(key)],
    )


def _given(value: Any) -> float | None:
    return None if value is None or value != value else float(value)


def _check_name(view: View, id: str) -> str:
    key = f"check.{id}.name"
    return view.words(key) if view.words.has(key) else id


def _measure(view: View, value: float) -> str:
    whole = float(value).is_integer()
    return view.words.number(value, 0 if whole else 3)


def sources(*, view: View) -> Table:
    """The data files that the numbers come from, with their fingerprints.

    Parameters
    ----------
    view : View
        The context's sources: name, rows, columns and sha256 each.
    """
    rows = [
        (
            str(source.get("name", "")),
            _number(view, source.get("rows")),
            _number(view, source.get("columns")),
            str(source.get("sha256", "")) or view.words("table.none"),
        )
        for source in view.context.sources
    ]
    return Table(
        title=view.words("table.sources.title"),
        columns=(
            view.words("table.sources.file"),
            view.words("table.sources.rows"),
            view.words("table.sources.columns"),
            view.words("table.sources.sha256"),
        ),
        rows=rows,
        footnotes=[view.words("table.sources.how_to_read")],
    )


def _number(view: View, value: Any) -> str:
    return view.words.number(value) if isinstance(value, int | float) else view.words("table.none")


def provenance(*, view: View) -> Table:
    """How the numbers were made: the convention, the methods' settings, and the versions of the software.

    Parameters
    ----------
    view : View
        The context's convention, confidence level, tau, strata and covariates, and its provenance record; nested
        records are printed one line per entry.
    """
    context = view.context
    rows = [
        (view.words("table.provenance.convention"), context.convention),
        (view.words("table.provenance.conf_level"), cells.level(view)),
        (
            view.words("table.provenance.tau"),
            cells.duration(view, context.tau) if context.tau is not None else view.words("table.none"),
        ),
        (view.words("table.provenance.strata"), _names(view, context.strata)),
        (view.words("table.provenance.covariates"), _names(view, context.covariates)),
        *_lines(context.provenance),
    ]
    return Table(
        title=view.words("table.provenance.title"),
        columns=(view.words("table.provenance.item"), view.words("table.provenance.value")),
        rows=rows,
    )


def _names(view: View, names: tuple[str, ...]) -> str:
    return view.words.listed([view.label(name) for name in names]) or view.words("table.none")


def _lines(record: Mapping[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    """Nested records as ``versions: lifelines`` lines, in recorded order."""
    lines: list[tuple[str, str]] = []
    for name, value in record.items():
        heading = f"{prefix}{str(name).replace('_', ' ')}"
        if isinstance(value, Mapping):
            lines += _lines(value, prefix=f"{heading}: ")
        elif isinstance(value, list | tuple):
            lines.append((heading, ", ".join(str(item) for item in value)))
        elif value is not None:
            lines.append((heading, str(value)))
    return lines
