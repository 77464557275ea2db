"""Tables of the report on disposition and baseline: who completed, who stopped and why, and tests where asked for."""

from __future__ import annotations

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.results import Row

STATES = ("completed", "ongoing", "discontinued", "not_treated")


def disposition(*, view: View) -> Table:
    """Subjects of each arm who completed, who did not, and why not; a p-value where the study asks for tests.

    Parameters
    ----------
    view : View
        ``disposition.subjects`` and, with category, ``fisher_exact`` are read from its results.

    Notes
    -----
    Misreading: a reason that is more frequent in one arm describes what happened after randomisation, not why.
    """
    arms = view.context.arms
    found = view.results.select("disposition.subjects")
    keys = list(dict.fromkeys((str(row.groups["category"]), row.groups.get("level")) for row in found))
    # Reasons in the order of their frequency over all arms.
    totals = {key: sum(_number(_row(view, key, arm)) for arm in arms) for key in keys}
    keys.sort(key=lambda key: (key[1] is not None, STATES.index(key[0]), -totals[key], str(key[1])))
    tested = any(row.groups.get("category") for row in view.results.select("fisher_exact", "p_value"))
    rows = [
        (_heading(view, key), *(_cell(view, key, arm) for arm in arms), *((_p(view, key),) if tested else ()))
        for key in keys
    ]
    return Table(
        title=view.words("baseline.table.disposition.title"),
        columns=(
            view.words("baseline.table.disposition"),
            *(_arm_heading(view, arm) for arm in arms),
            *((view.words("table.p_value"),) if tested else ()),
        ),
        rows=rows,
        groups=[
            view.words("baseline.table.reasons") if key[1] is not None else view.words("baseline.table.status")
            for key in keys
        ],
        footnotes=[*((view.words("baseline.table.tests_note"),) if tested else ()), *cells.footnotes(view, found)],
    )


def baseline_tests(*, view: View) -> Table:
    """The tests of baseline variables that the study asks for.

    Parameters
    ----------
    view : View
        ``anova.test`` and ``chi_square`` with a variable are read from its results.
    """
    rows, used = [], []
    for analysis, key in (("anova.test", "baseline.table.anova"), ("chi_square", "baseline.table.chi_square")):
        for row in view.results.select(analysis, "p_value"):
            if "variable" in row.groups:
                rows.append((view.label(str(row.groups["variable"])), view.words(key), cells.value_text(view, row)))
                used.append(row)
    return Table(
        title=view.words("baseline.table.tests.title"),
        columns=(
            view.words("table.baseline.characteristic"),
            view.words("baseline.table.test"),
            view.words("table.p_value"),
        ),
        rows=rows,
        footnotes=[view.words("baseline.table.tests_note"), *cells.footnotes(view, used)],
    )


def _row(view: View, key: tuple[str, object], arm: str) -> Row | None:
    for row in view.results.select("disposition.subjects", category=key[0], arm=arm):
        if row.groups.get("level") == key[1]:
            return row
    return None


def _number(row: Row | None) -> float:
    return 0.0 if row is None or row.value is None else float(row.value)


def _cell(view: View, key: tuple[str, object], arm: str) -> str:
    """A count with its share of the arm; nobody with a reason is a zero."""
    any_row = next(iter(view.results.select("disposition.subjects", "n", arm=arm)), None)
    n, count = _number(any_row), _number(_row(view, key, arm))
    if not n:
        return view.words("table.none")
    return view.words("table.baseline.count_cell", count=int(count), share=count / n)


def _p(view: View, key: tuple[str, object]) -> str:
    for row in view.results.select("fisher_exact", "p_value", category=key[0]):
        if row.groups.get("level") == key[1]:
            return cells.value_text(view, row)
    return view.words("table.none")


def _heading(view: View, key: tuple[str, object]) -> str:
    category, level = key
    if level is None:
        return view.words(f"baseline.step.{category}")
    name = str(level)
    if not name:
        return view.words("baseline.no_reason")
    return view.label(name) if name in view.context.labels else name.capitalize() if name.isupper() else name


def _arm_heading(view: View, arm: str) -> str:
    row = view.results.find("count.subjects", arm=arm)
    n = "" if row is None else cells.value_text(view, row)
    return view.words("baseline.table.arm_n", arm=view.label(arm), n=n)
