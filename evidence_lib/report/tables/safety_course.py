"""Tables of the course of treatment: exposure, the first adverse event, and deaths."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.report.tables.safety_cells import (
    difference_heading,
    heading_of,
    incidence_cell,
    index,
    name_of,
    places,
    points_cell,
    present,
    window,
)
from evidence_lib.results import Row

if TYPE_CHECKING:
    import pandas as pd

CAUSES = ("event", "discontinuation", "death")


def exposure(summary: pd.DataFrame, *, view: View) -> Table:
    """How long and how much each arm was treated.

    Parameters
    ----------
    summary : DataFrame
        ``safety.exposure``: variable, arm, n, mean, sd, median, q1, q3, low, high.
    view : View
        The words; ``exposure.patient_years`` is read from its results.

    Notes
    -----
    Misreading: an arm that was treated for longer had more time for adverse events to be seen.
    """
    arms = view.context.arms
    rows: list[tuple[str, ...]] = []
    groups: list[str] = []
    for variable in dict.fromkeys(summary["variable"]) if len(summary) else ():
        lines = {record["arm"]: record for record in summary[summary["variable"] == variable].to_dict("records")}
        heading = view.words(f"safety.exposure.{variable}")
        for key, names in (
            ("safety.exposure.n", ("n",)),
            ("safety.exposure.mean", ("mean", "sd")),
            ("safety.exposure.median", ("median", "q1", "q3")),
            ("safety.exposure.range", ("low", "high")),
        ):
            rows.append((view.words(key), *(_summary_cell(view, lines.get(arm), names) for arm in arms)))
            groups.append(heading)
    years = [view.results.find("exposure.patient_years", arm=arm) for arm in arms]
    if any(row is not None for row in years):
        rows.append((view.words("safety.exposure.total"), *(_one_decimal(view, row) for row in years)))
        groups.append(view.words("safety.exposure.patient_years"))
    return Table(
        title=view.words("safety.exposure.title"),
        columns=(view.words("table.quantity"), *(heading_of(view, arm) for arm in arms)),
        rows=rows,
        groups=groups,
        footnotes=cells.footnotes(view, years),
    )


def first_event(*, view: View) -> Table:
    """The probability of a first event by each time, death and stopping treatment competing, and its difference.

    Parameters
    ----------
    view : View
        ``aalen_johansen.cumulative_incidence`` and ``aalen_johansen.difference`` are read from its results.

    Notes
    -----
    Misreading: it is the share that had the event on treatment or in the window after it, not what would be seen if
    nobody stopped or died.
    """
    rows, groups, used = [], [], []
    arms, reference = view.context.arms, view.context.reference
    found = view.results.select("aalen_johansen.cumulative_incidence")
    causes = {str(row.groups["cause"]) for row in found}
    for cause in [cause for cause in CAUSES if cause in causes]:
        for time in dict.fromkeys(float(row.groups["time"]) for row in found):
            of_arms = [
                view.results.find("aalen_johansen.cumulative_incidence", arm=arm, cause=cause, time=time)
                for arm in arms
            ]
            compared = [
                view.results.find("aalen_johansen.difference", treatment=treatment, cause=cause, time=time)
                for treatment in view.context.treatments
            ]
            rows.append(
                (
                    cells.duration(view, time),
                    *(cells.estimate_text(view, row) for row in of_arms),
                    *(points_cell(view, row) for row in compared),
                )
            )
            groups.append(view.words(f"safety.cause.{cause}"))
            used += [*of_arms, *compared]
    days, later = window(view)
    return Table(
        title=view.words("safety.first.title"),
        columns=(
            view.words("safety.first.time"),
            *(heading_of(view, arm) for arm in arms),
            *(difference_heading(view, cells.versus(view, t, reference)) for t in view.context.treatments),
        ),
        rows=rows,
        groups=groups,
        footnotes=[
            followed(view),
            view.words("safety.first.how_to_read", days=days),
            *later,
            *cells.footnotes(view, used),
        ],
    )


def followed(view: View) -> str:
    """What the first event is: the declared terms, or the category that was taken."""
    if "safety.selected" not in view.results.tables:
        return ""
    chosen = view.results.table("safety.selected").to_dict("records")
    what = view.words(f"safety.selected.{chosen[0]['what']}")
    terms = [name_of(view, str(record["term"])) for record in chosen if record["term"]]
    if terms:
        return view.words("safety.selected.sentence_terms", what=what, terms=terms)
    return view.words("safety.selected.sentence", what=what)


def deaths(*, view: View) -> Table:
    """Who died: in all, by when, and by cause.

    Parameters
    ----------
    view : View
        ``death.incidence`` is read from its results.
    """
    rows: list[tuple[str, ...]] = []
    groups: list[str] = []
    used: list[Row | None] = []
    found = index(view, "death.incidence", "arm")
    for key in places(view, "death.incidence"):
        category, _, _, cause = key
        if cause:
            heading, group = name_of(view, cause), view.words("safety.deaths.by_cause")
        elif category:
            heading, group = _phase(view, category), view.words("safety.deaths.by_time")
        else:
            heading, group = view.words("safety.deaths.any"), view.words("safety.deaths.all")
        of_arms = [found.get((key, arm)) for arm in view.context.arms]
        rows.append((heading, *(incidence_cell(view, row, None) for row in of_arms)))
        groups.append(group)
        used += of_arms
    return Table(
        title=view.words("safety.deaths.title"),
        columns=(view.words("safety.deaths.column"), *(heading_of(view, arm) for arm in view.context.arms)),
        rows=rows,
        groups=groups,
        footnotes=[view.words("safety.deaths.how_to_read"), *cells.footnotes(view, used)],
    )


def _phase(view: View, category: str) -> str:
    """When somebody died, against the declared window."""
    if category == "unknown":
        return view.words("safety.deaths.unknown")
    return view.words(f"safety.deaths.{category}", days=window(view)[0])


def _summary_cell(view: View, record: Mapping[Any, Any] | None, names: Sequence[str]) -> str:
    values = [None if record is None else present(record, name) for name in names]
    if values[0] is None:
        return view.words("table.none")
    if names == ("n",):
        return view.words.number(values[0])
    texts = [view.words("table.none") if value is None else view.words.number(value, 1) for value in values]
    key = {"mean": "safety.cell.mean", "median": "safety.cell.median", "low": "safety.cell.range"}[names[0]]
    return view.words(key, a=texts[0], b=texts[1], c=texts[-1])


def _one_decimal(view: View, row: Row | None) -> str:
    if row is None or not isinstance(row.value, int | float):
        return cells.value_text(view, row)
    return view.words.number(row.value, 1)
