"""The table of tests and hazard ratios: the main analysis first, then sensitivity, then supplementary ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.report.roles import ROLES, Role, role_name, role_of
from evidence_lib.results import Row

MODELS = ("unstratified", "stratified", "adjusted")
TESTS = ("logrank", "gray", "maxcombo", "weighted_logrank")
RATIOS = ("cox.hazard_ratio", "fine_gray.subdistribution_hazard_ratio", "cause_specific.hazard_ratio")
PERIODS, PERIODS_DIFFER = "cox.hazard_ratio.piecewise", "cox.period_interaction"
# The p-value beside a ratio of these models is that of the matching log-rank test.
MATCHED = ("cox.hazard_ratio.unstratified", "cox.hazard_ratio.stratified")


@dataclass(frozen=True)
class _Line:
    """One line of the table, with the row it was made of and the comparison and role that it stands under."""

    row: Row
    role: Role
    cells: tuple[str, ...]
    wald: bool = False


def tests_and_hazard_ratios(*, view: View) -> Table:
    """Tests of the arms and hazard ratios, crude, stratified and adjusted; where other events compete, Gray's test.

    Parameters
    ----------
    view : View
        ``logrank.*``, ``gray.*``, ``weighted_logrank.*``, ``maxcombo.*``, ``cox.hazard_ratio.*`` (all but subgroups),
        ``cox.period_interaction``, ``fine_gray.*`` and ``cause_specific.*`` are read from its results; results under
        other rules of censoring have a table of their own.

    Notes
    -----
    The p-value beside the unstratified and the stratified hazard ratio is that of the matching log-rank test; other
    ratios have no such test, so their own (Wald) p-value stands there and is marked.

    Misreading: a hazard ratio is no ratio of risks or of times, and when hazards are not proportional it is an
    average that depends on how long subjects were followed. A cause-specific ratio says nothing about how many have
    the event, which also hangs on how many have another one first.
    """
    say = view.words
    found = [_line(view, row) for row in _rows(view)]
    comparisons = list(dict.fromkeys(cells.comparison(view, line.row) for line in found))
    lines = [
        line
        for comparison in comparisons
        for role in ROLES
        for line in found
        if line.role == role and cells.comparison(view, line.row) == comparison
    ]
    notes = [say("table.test.matching")] if any(line.row.analysis in MATCHED for line in lines) else []
    notes += [say("table.test.wald_note")] if any(line.wald for line in lines) else []
    notes += [say("survival.table.test.competing")] if view.context.causes else []
    return Table(
        title=say("table.test.title"),
        columns=(
            say("table.test.analysis"),
            say("table.test.result"),
            say("table.interval_of", level=cells.level(view)),
            say("table.p_value"),
            say("table.second"),
        ),
        rows=[line.cells for line in lines],
        groups=[
            say(
                "survival.table.group",
                comparison=cells.comparison(view, line.row),
                role=role_name(view, line.role),
            )
            for line in lines
        ],
        footnotes=[*notes, *cells.footnotes(view, [line.row for line in lines])],
    )


def _rows(view: View) -> Iterator[Row]:
    """The rows of the table in the order of its lines: those of all arms at once first, then by treatment."""
    names = [f"{test}.{model}" for test in TESTS for model in MODELS[:2]]
    rows = [row for name in names for row in view.results.select(name, "test_statistic")]
    ratios = [row for name in RATIOS for model in MODELS for row in view.results.select(f"{name}.{model}")]
    ratios += [*view.results.select(PERIODS), *view.results.select(PERIODS_DIFFER, "test_statistic")]
    every = [row for row in [*rows, *ratios] if "rule" not in row.groups]
    yield from (row for row in every if "treatment" not in row.groups)
    for treatment in view.context.treatments:
        yield from (row for row in every if row.groups.get("treatment") == treatment)


def _line(view: View, row: Row) -> _Line:
    p, wald = _p_text(view, row)
    interval = cells.interval_text(view, row)
    return _Line(
        row=row,
        role=role_of(view, row),
        cells=(_name(view, row), _result(view, row), interval, p, cells.agreement_text(view, [row])),
        wald=wald,
    )


def _name(view: View, row: Row) -> str:
    say = view.words
    if row.analysis == PERIODS:
        unit = say(cells.UNIT_NAMES[view.context.unit])
        return say("survival.test.piecewise", period=_period(view, row), unit=unit)
    if row.analysis == PERIODS_DIFFER:
        return say("survival.test.period_interaction")
    family, _, model = row.analysis.rpartition(".")
    shown = {"weight": str(row.groups["weight"])} if "weight" in row.groups else {}
    if "cause" in row.groups:
        shown["event"] = cause_name(view, int(row.groups["cause"]))
    if family in ("logrank", "cox.hazard_ratio"):
        return say(f"survival.test.{family}.{model}")
    return say(f"survival.test.{family.rpartition('.')[0] or family}.{model}", **shown)


def cause_name(view: View, cause: int) -> str:
    """The name of a kind of event."""
    names = view.context.causes
    return view.words.say(names[cause - 1]) if cause <= len(names) else str(cause)


def _period(view: View, row: Row) -> str:
    """A period of time in the display unit: ``0 to 6``, ``after 12``."""
    words = str(row.groups["period"]).split()
    return " ".join(cells.time_number(view, float(word)) if word[0].isdigit() else word for word in words)


def _result(view: View, row: Row) -> str:
    value = cells.value_text(view, row)
    if row.value is None or row.status != "ok" or row.statistic != "test_statistic":
        return value
    df = cells.statistic(view, row, "df")
    if df is None:
        return view.words("survival.table.test.z", value=value)
    return view.words("table.test.chi_square", value=value, df=cells.value_text(view, df))


def _p_text(view: View, row: Row) -> tuple[str, bool]:
    """The p-value beside a line, and whether it is the model's own."""
    if row.statistic == "test_statistic":
        return cells.p_text_of(view, row), False
    if row.analysis not in MATCHED or row.status != "ok":
        own = cells.statistic(view, row, "p_value")
        if own is None or own.value is None:
            return cells.value_text(view, own), False
        return view.words("table.test.wald", p=own.value), True
    model = row.analysis.rpartition(".")[2]
    treatment = str(row.groups["treatment"])
    matching = view.results.find(f"logrank.{model}", "p_value", treatment=treatment)
    if matching is None and len(view.context.arms) == 2:
        matching = view.results.find(f"logrank.{model}", "p_value")
    return cells.value_text(view, matching), False
