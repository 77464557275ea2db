"""Tables of the results: medians, survival, RMST and milestones."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.report.roles import main_only, role_name, role_of
from evidence_lib.results import Row

COMPARED_MEANS = (
    ("table.rmst.difference", "rmst.difference"),
    ("survival.table.rmst.adjusted", "rmst.difference.adjusted"),
    ("table.rmst.ratio", "rmst.ratio"),
)
SURVIVAL = ("km.survival", "milestone.difference")
INCIDENCE = ("aalen_johansen.cumulative_incidence", "aalen_johansen.difference")


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
        for key, analysis in COMPARED_MEANS:
            for row in view.results.select(analysis, treatment=treatment):
                lines.append((view.words(key, comparison=cells.comparison(view, row), unit=unit), row))
    tau = view.context.tau
    title = view.words("table.rmst.title_plain")
    if tau is not None:
        title = view.words("table.rmst.title", tau=cells.duration(view, tau))
    return _effects(view, title, lines, notes=[view.words("table.rmst.how_to_read")])


def _group(view: View, row: Row) -> str:
    """The heading of a line: each arm by itself, or a comparison with what it is to the report."""
    if "treatment" not in row.groups:
        return view.words("survival.table.each_arm")
    role = role_name(view, role_of(view, row))
    return view.words("survival.table.group", comparison=cells.comparison(view, row), role=role)


def milestones(*, view: View) -> Table:
    """The share of both arms at each chosen time and their difference in percentage points.

    Parameters
    ----------
    view : View
        ``km.survival`` and ``milestone.difference`` are read from its results; where other events compete,
        ``aalen_johansen.cumulative_incidence`` and ``aalen_johansen.difference`` of the event.
    """
    say, competing = view.words, bool(view.context.causes)
    share, difference = INCIDENCE if competing else SURVIVAL
    of_event: dict[str, Any] = {"cause": 1} if competing else {}
    rows, groups, used, main = [], [], [], []
    for row in main_only(view.results.select(difference, **of_event)):
        treatment, time = str(row.groups["treatment"]), row.groups["time"]
        arms = (treatment, view.context.reference)
        pair = [view.results.find(share, arm=arm, time=time, **of_event) for arm in arms]
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
        main += [cells.duration(view, float(time))] if role_of(view, row) == "main" else []
    many = len(view.context.treatments) > 1
    treated = say("table.treated") if many else view.label(view.context.treatments[0])
    title = "survival.table.incidence_difference.title" if competing else "table.milestones.title"
    note = say("survival.table.main_at", time=main[0]) if main else say("survival.table.all_supplementary")
    return Table(
        title=say(title, endpoint=view.context.endpoint_label),
        columns=(
            say("table.milestones.time"),
            treated,
            view.label(view.context.reference),
            say("table.milestones.difference", level=cells.level(view)),
            say("table.p_value"),
            say("table.second"),
        ),
        rows=rows,
        groups=groups if many else None,
        footnotes=[note, *cells.footnotes(view, used)],
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
        groups=[_group(view, row) for _, row in lines],
        footnotes=[*notes, *cells.footnotes(view, [row for _, row in lines])],
    )
