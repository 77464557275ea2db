"""Tables of the results: medians, survival, tests, hazard ratios, RMST and milestones."""

from __future__ import annotations

from collections.abc import Sequence

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.results import Row

VARIANTS = ("unstratified", "stratified", "adjusted")
TEST_KEYS = {"unstratified": "table.test.logrank", "stratified": "table.test.logrank_stratified"}
RATIO_KEYS = {
    "unstratified": "table.test.ratio",
    "stratified": "table.test.ratio_stratified",
    "adjusted": "table.test.ratio_adjusted",
}


def median_and_survival(*, view: View) -> Table:
    """Subjects, events, the median and the survival at the chosen times, per arm, with intervals.

    Parameters
    ----------
    view : View
        ``count.subjects``, ``count.events``, ``km.median`` and ``km.survival`` are read from its results.

    Notes
    -----
    Misreading: NE for a median means that fewer than half had the event while they were followed, not that nothing
    is known; its lower limit may still be.
    """
    unit = view.words(cells.UNIT_NAMES[view.context.unit])
    find, arms = view.results.find, view.context.arms
    lines: list[tuple[str, list[Row | None]]] = [
        (view.words("table.subjects"), [find("count.subjects", arm=arm) for arm in arms]),
        (view.words("table.events"), [find("count.events", arm=arm) for arm in arms]),
        (view.words("table.median", unit=unit), [find("km.median", arm=arm) for arm in arms]),
    ]
    for time in dict.fromkeys(row.groups["time"] for row in view.results.select("km.survival")):
        heading = view.words("table.survival_at", time=cells.duration(view, float(time)))
        lines.append((heading, [find("km.survival", arm=arm, time=time) for arm in arms]))
    headlines = [row for _, found in lines[2:] for row in found]
    return Table(
        title=view.words("table.median_and_survival.title", endpoint=view.context.endpoint_label),
        columns=("", *(view.label(arm) for arm in arms), view.words("table.second")),
        rows=[
            (heading, *(cells.estimate_text(view, row) for row in found), cells.agreement_text(view, found))
            for heading, found in lines
        ],
        footnotes=[
            view.words("table.intervals_are", level=cells.level(view)),
            *cells.footnotes(view, headlines),
        ],
    )


def tests_and_hazard_ratios(*, view: View) -> Table:
    """Log-rank tests and the hazard ratios: crude, stratified and adjusted.

    Parameters
    ----------
    view : View
        ``logrank.*`` and ``cox.hazard_ratio.*`` (all but subgroups) are read from its results.

    Notes
    -----
    The p-value beside the unstratified and the stratified hazard ratio is that of the matching log-rank test; the
    adjusted ratio has no such test, so its own (Wald) p-value stands there and is marked.

    Misreading: a hazard ratio is no ratio of risks or of times, and when hazards are not proportional it is an
    average that depends on how long subjects were followed.
    """
    rows: list[tuple[str, ...]] = []
    groups: list[str] = []
    used: list[Row] = []
    overall = [row for variant in TEST_KEYS for row in _tests(view, variant) if "treatment" not in row.groups]
    for row in overall:
        rows.append(_test_line(view, row))
        groups.append(cells.comparison(view, row))
        used.append(row)
    marked = False
    for treatment in view.context.treatments:
        heading = cells.versus(view, treatment, view.context.reference)
        for variant in TEST_KEYS:
            for row in _tests(view, variant):
                if row.groups.get("treatment") == treatment:
                    rows.append(_test_line(view, row))
                    groups.append(heading)
                    used.append(row)
        for variant in VARIANTS:
            ratio = view.results.find(f"cox.hazard_ratio.{variant}", treatment=treatment)
            if ratio is None:
                continue
            p, wald = _ratio_p(view, ratio, variant, treatment)
            marked = marked or wald
            rows.append(
                (
                    view.words(RATIO_KEYS[variant]),
                    cells.value_text(view, ratio),
                    cells.interval_text(view, ratio),
                    p,
                    cells.agreement_text(view, [ratio]),
                )
            )
            groups.append(heading)
            used.append(ratio)
    notes = [view.words("table.test.matching")]
    notes += [view.words("table.test.wald_note")] if marked else []
    return Table(
        title=view.words("table.test.title"),
        columns=(
            view.words("table.test.analysis"),
            view.words("table.test.result"),
            view.words("table.interval_of", level=cells.level(view)),
            view.words("table.p_value"),
            view.words("table.second"),
        ),
        rows=rows,
        groups=groups,
        footnotes=[*notes, *cells.footnotes(view, used)],
    )


def _tests(view: View, variant: str) -> list[Row]:
    return view.results.select(f"logrank.{variant}", "test_statistic")


def _test_line(view: View, row: Row) -> tuple[str, ...]:
    variant = row.analysis.rsplit(".", 1)[1]
    result = cells.value_text(view, row)
    if row.value is not None and row.status == "ok":
        df = cells.value_text(view, cells.statistic(view, row, "df"))
        result = view.words("table.test.chi_square", value=result, df=df)
    return (
        view.words(TEST_KEYS[variant]),
        result,
        view.words("table.none"),
        cells.p_text_of(view, row),
        cells.agreement_text(view, [row]),
    )


def _ratio_p(view: View, ratio: Row, variant: str, treatment: str) -> tuple[str, bool]:
    """The p-value beside a ratio, and whether it is the model's own."""
    if variant == "adjusted" or ratio.status != "ok":
        own = cells.statistic(view, ratio, "p_value")
        if own is None or own.value is None:
            return cells.value_text(view, own), False
        return view.words("table.test.wald", p=own.value), True
    matching = view.results.find(f"logrank.{variant}", "p_value", treatment=treatment)
    if matching is None and len(view.context.arms) == 2:
        matching = view.results.find(f"logrank.{variant}", "p_value")
    return cells.value_text(view, matching), False


def rmst(*, view: View) -> Table:
    """Restricted mean survival time per arm, with the difference and the ratio of each treatment to the reference.

    Parameters
    ----------
    view : View
        ``rmst``, ``rmst.difference`` and ``rmst.ratio`` are read from its results.

    Notes
    -----
    Misreading: it is a mean over the first tau only, so it says nothing about what happens later.
    """
    unit = view.words(cells.UNIT_NAMES[view.context.unit])
    lines: list[tuple[str, Row]] = []
    for arm in view.context.arms:
        for row in view.results.select("rmst", arm=arm):
            lines.append((view.words("table.rmst.of", arm=view.label(arm), unit=unit), row))
    for treatment in view.context.treatments:
        for key, analysis in (("table.rmst.difference", "rmst.difference"), ("table.rmst.ratio", "rmst.ratio")):
            for row in view.results.select(analysis, treatment=treatment):
                lines.append((view.words(key, comparison=cells.comparison(view, row), unit=unit), row))
    tau = view.context.tau
    title = view.words("table.rmst.title_plain")
    if tau is not None:
        title = view.words("table.rmst.title", tau=cells.duration(view, tau))
    return _effects(view, title, lines, notes=[view.words("table.rmst.how_to_read")])


def milestones(*, view: View) -> Table:
    """Survival of both arms at each chosen time and their difference in percentage points.

    Parameters
    ----------
    view : View
        ``km.survival`` and ``milestone.difference`` are read from its results.
    """
    rows, groups, used = [], [], []
    for row in view.results.select("milestone.difference"):
        treatment, time = str(row.groups["treatment"]), row.groups["time"]
        pair = [view.results.find("km.survival", arm=arm, time=time) for arm in (treatment, view.context.reference)]
        rows.append(
            (
                cells.duration(view, float(time)),
                *(cells.value_text(view, survival) for survival in pair),
                cells.points_text(view, row),
                cells.p_text_of(view, row),
                cells.agreement_text(view, [row]),
            )
        )
        groups.append(cells.comparison(view, row))
        used.append(row)
    many = len(view.context.treatments) > 1
    treated = view.words("table.treated") if many else view.label(view.context.treatments[0])
    return Table(
        title=view.words("table.milestones.title", endpoint=view.context.endpoint_label),
        columns=(
            view.words("table.milestones.time"),
            treated,
            view.label(view.context.reference),
            view.words("table.milestones.difference", level=cells.level(view)),
            view.words("table.p_value"),
            view.words("table.second"),
        ),
        rows=rows,
        groups=groups if many else None,
        footnotes=cells.footnotes(view, used),
    )


def _effects(view: View, title: str, lines: Sequence[tuple[str, Row]], *, notes: Sequence[str]) -> Table:
    """Lines of estimate, interval, p-value and second calculation."""
    return Table(
        title=title,
        columns=(
            view.words("table.quantity"),
            view.words("table.estimate"),
            view.words("table.interval_of", level=cells.level(view)),
            view.words("table.p_value"),
            view.words("table.second"),
        ),
        rows=[
            (
                heading,
                cells.value_text(view, row),
                cells.interval_text(view, row),
                cells.p_text_of(view, row),
                cells.agreement_text(view, [row]),
            )
            for heading, row in lines
        ],
        footnotes=[*notes, *cells.footnotes(view, [row for _, row in lines])],
    )
