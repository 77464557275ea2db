"""Cells of safety tables: where a result belongs, and how counts, differences and rates are printed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.results import Row

Place = tuple[str, ...]
ALL_LEVELS = ("category", "soc", "term", "cause")
DIFFERENCE = "rd.miettinen_nurminen.unstratified"
NOT_CODED = "not_coded"


def index(view: View, analysis: str, side: str, statistic: str = "estimate") -> dict[tuple[Place, str], Row]:
    """The rows of an analysis by place (category, organ class, term, cause) and by arm or treatment (``side``)."""
    found: dict[tuple[Place, str], Row] = {}
    for row in view.results.select(analysis, statistic):
        if side in row.groups:
            found.setdefault((place(row.groups), str(row.groups[side])), row)
    return found


def place(groups: Mapping[str, Any]) -> Place:
    """Where in the safety results a row belongs: what it has no level of is empty."""
    return tuple(str(groups.get(name, "")) for name in ALL_LEVELS)


def places(view: View, analysis: str) -> list[Place]:
    """The places that an analysis has results for, each once."""
    return list(dict.fromkeys(place(row.groups) for row in view.results.select(analysis)))


def present(record: Mapping[Any, Any], name: str) -> float | None:
    """A number of a table's line; None where the results have none, which a frame reads as NaN."""
    value = record[name]
    return None if value is None or value != value else float(value)


def at(*, category: str = "", soc: str = "", term: str = "", cause: str = "") -> Place:
    """The place with these levels."""
    return (category, soc, term, cause)


def window(view: View) -> tuple[int, list[str]]:
    """The declared days after the last dose, and a note where events that are counted began later."""
    (line,) = view.results.table("safety.window").to_dict("records")
    later = int(line["later"])
    return int(line["days"]), [view.words("safety.window.later", count=later)] if later else []


def name_of(view: View, term: str) -> str:
    """A term or organ class as printed."""
    return view.words("safety.not_coded") if term == NOT_CODED else view.label(term)


def heading_of(view: View, arm: str) -> str:
    """An arm with its number of subjects."""
    row = view.results.find("count.subjects", arm=arm)
    n = row.value if row is not None else None
    return view.words("safety.arm", arm=view.label(arm), n=n)


def incidence_cell(view: View, row: Row | None, events: Row | None, *, of: bool = False) -> str:
    """``76 (90.5%) [433]``: subjects, share and events; without events where they are not counted.

    With ``of`` it is ``76 of 80 (95.0%)``, for a line about fewer subjects than the arm has.
    """
    if row is None or row.value is None:
        return cells.value_text(view, row)
    x, n = cells.statistic(view, row, "events"), cells.statistic(view, row, "n")
    values = {"x": x.value if x is not None else None, "share": row.value}
    if of:
        return view.words("safety.cell.of", n=n.value if n is not None else None, **values)
    if events is None or events.value is None:
        return view.words("safety.cell", **values)
    return view.words("safety.cell_events", events=events.value, **values)


def grade_name(view: View, grade: str) -> str:
    """A grade or severity as printed."""
    if grade == NOT_CODED:
        return view.words("safety.grade.none")
    if grade.isdigit():
        return view.words("safety.grade", grade=grade)
    return view.label(grade).capitalize()


def points_cell(view: View, row: Row | None) -> str:
    """A difference in percentage points with its limits; the heading says what it is."""
    limits = [cells.statistic(view, row, name) for name in ("conf_low", "conf_high")] if row is not None else []
    if row is None or row.value is None or None in limits:
        return cells.points_text(view, row)
    low, high = (limit.value if limit is not None else None for limit in limits)
    return view.words("safety.cell.points", value=row.value, low=low, high=high)


def rate_cell(view: View, row: Row | None) -> str:
    """A rate or a difference of rates with one decimal and its limits; a ratio with two."""
    if row is None or row.unit == "ratio" or not isinstance(row.value, int | float):
        return cells.estimate_text(view, row)
    limits = [cells.statistic(view, row, name) for name in ("conf_low", "conf_high")]
    low, high = (limit.value if limit is not None else None for limit in limits)
    return view.words("safety.cell.rate", value=row.value, low=low, high=high)


def difference_heading(view: View, comparison: str) -> str:
    """The heading of a column of differences in percentage points."""
    return view.words("safety.terms.difference", comparison=comparison, level=cells.level(view))
