"""The mean profile: the mean outcome of each arm at the start and at each visit, with intervals and numbers."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import wrapped
from evidence_lib.report.mean_differences import facts
from evidence_lib.report.theme import GREY, pens, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

Size = Literal["main", "first_screen"]
INCHES = {"main": (8.6, 3.6), "first_screen": (4.7, 2.15)}
RIGHT = {"main": 1.9, "first_screen": 1.35}
LABEL_WIDTH = {"main": 24, "first_screen": 17}
LEFT, TOP, ROW = 0.75, 0.12, 0.185
CHARACTER = 0.085  # width of a letter of the visits' names, in inches
APART = 0.10  # how far the arms stand apart, in visits


def mean_profile(summary: pd.DataFrame, *, view: View, size: Size = "main") -> Figure:
    """The mean outcome of those seen at each visit, with confidence intervals and their number under it.

    Parameters
    ----------
    summary : DataFrame
        ``continuous.summary``: variable, visit, arm, n, mean, conf_low, conf_high. Of a change the start is 0.
    view : View
        The context, the results and the words.
    size : {"main", "first_screen"}
        The first screen's small form has the same points.

    Returns
    -------
    Figure
        Its data table holds every point.

    Notes
    -----
    Misreading: these are plain means of those who were seen, not the estimates of the analysis; the line joins
    different groups of patients where some left.
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    points = _points(view, summary)
    arms = cells.present_arms(view, dict.fromkeys(point["arm"] for point in points))
    visits = list(dict.fromkeys(point["visit"] for point in points))
    width, plot = INCHES[size]
    under = 0.42 + ROW * (len(arms) + 1.4)
    height = TOP + plot + under
    with theme(view.item or "mean-profile", small=size == "first_screen"):
        figure = MatplotlibFigure(figsize=(width, height))
        place = (LEFT / width, under / height, (width - LEFT - RIGHT[size]) / width, plot / height)
        axes = figure.add_axes(place)
        _draw(axes, view, points, arms, visits)
        _name(axes, view, points, arms, visits, size)
        _numbers(axes, view, points, arms, visits, plot)
        axes.set_xticks(range(len(visits)), _visit_labels(visits, size))
        axes.set_xlim(-0.35, len(visits) - 0.65)
        axes.set_ylabel(_axis(view))
    return Figure(
        title=view.words("continuous.figure.profile.title", endpoint=view.context.endpoint_label),
        drawing=figure,
        alternative_text=_alternative_text(view, points, arms, visits),
        data=_data(view, points),
        footnotes=[]
        if size == "first_screen"
        else [view.words("continuous.figure.profile.read", level=cells.level(view))],
    )


def _visit_labels(visits: Sequence[str], size: Size) -> list[str]:
    """The visits' names in two lines; where they would touch only every second or third, the last one among them."""
    room = (INCHES[size][0] - LEFT - RIGHT[size]) / len(visits)
    longest = max(len(word) for visit in visits for word in visit.split())
    step = max(1, math.ceil(longest * CHARACTER / room))
    width = max(longest, min(12, int(step * room / CHARACTER)))
    return [
        wrapped(visit, width, lines=2) if (len(visits) - 1 - place) % step == 0 else ""
        for place, visit in enumerate(visits)
    ]


def _points(view: View, summary: pd.DataFrame) -> list[dict[str, Any]]:
    """The points in order: of a change 0 at the start, and of an outcome without baseline its visits only."""
    found: list[dict[str, Any]] = []
    told = summary[summary["variable"] == "observed"]
    start = view.words("continuous.table.start")
    if facts(view).change:
        seen = summary[summary["variable"] == "baseline"].to_dict("records")
        nothing = {"mean": 0.0, "conf_low": None, "conf_high": None}
        found += [{"visit": start, "arm": row["arm"], "n": row["n"], **nothing} for row in seen]
    for row in told.to_dict("records"):
        limits = {name: _present(row[name]) for name in ("mean", "conf_low", "conf_high")}
        found.append({"visit": str(row["visit"]), "arm": row["arm"], "n": int(row["n"]), **limits})
    return found


def _present(value: Any) -> float | None:
    return None if value is None or value != value else float(value)


def _shift(position: int, arms: int) -> float:
    return (position - (arms - 1) / 2) * APART


def _draw(axes: Axes, view: View, points: Sequence[dict[str, Any]], arms: Sequence[str], visits: Sequence[str]) -> None:
    pen = pens(view.context.arms)
    if facts(view).change:
        axes.axhline(0, color=GREY, linewidth=0.8)
    for position, arm in enumerate(arms):
        mine = [point for point in points if point["arm"] == arm and point["mean"] is not None]
        x = [visits.index(point["visit"]) + _shift(position, len(arms)) for point in mine]
        y = [point["mean"] for point in mine]
        axes.plot(x, y, color=pen[arm].colour, linestyle=pen[arm].dash, linewidth=1.6, marker="o", markersize=4)
        for at, point in zip(x, mine, strict=True):
            if point["conf_low"] is not None:
                axes.plot([at, at], [point["conf_low"], point["conf_high"]], color=pen[arm].colour, linewidth=1.1)


def _name(
    axes: Axes, view: View, points: Sequence[dict[str, Any]], arms: Sequence[str], visits: Sequence[str], size: Size
) -> None:
    """The arms' names in the right margin, in the order of their last means, pushed apart where they would touch."""
    pen = pens(view.context.arms)
    last = {
        arm: next((p["mean"] for p in reversed(points) if p["arm"] == arm and p["mean"] is not None), 0.0)
        for arm in arms
    }
    low, high = axes.get_ylim()
    texts = {arm: wrapped(view.label(arm), LABEL_WIDTH[size], lines=2) for arm in arms}
    _, plot = INCHES[size]
    floor = 0.0
    for arm in sorted(arms, key=lambda one: last[one]):
        room = 0.17 * (texts[arm].count("\n") + 1) / plot
        at = max((last[arm] - low) / (high - low), floor + room / 2)
        floor = at + room / 2
        axes.text(1.02, at, texts[arm], transform=axes.transAxes, ha="left", va="center", color=pen[arm].colour)


def _numbers(
    axes: Axes, view: View, points: Sequence[dict[str, Any]], arms: Sequence[str], visits: Sequence[str], plot: float
) -> None:
    pen = pens(view.context.arms)
    across = axes.get_xaxis_transform()
    first = -(0.42 + ROW * 0.5) / plot
    axes.text(-0.35, first, view.words("continuous.figure.profile.numbers"), transform=across, color=GREY, va="center")
    for position, arm in enumerate(arms):
        y = first - (position + 1) * ROW / plot
        for point in (p for p in points if p["arm"] == arm):
            at = visits.index(point["visit"])
            text = view.words.number(point["n"])
            axes.text(at, y, text, transform=across, ha="center", va="center", color=pen[arm].colour)


def _axis(view: View) -> str:
    kind = "change" if facts(view).change else "value"
    return view.words(f"continuous.figure.profile.axis_{kind}")


def _alternative_text(view: View, points: Sequence[dict[str, Any]], arms: Sequence[str], visits: Sequence[str]) -> str:
    say = view.words
    parts = []
    for arm in arms:
        mine = [point for point in points if point["arm"] == arm and point["mean"] is not None]
        if not mine:
            continue
        end = mine[-1]
        parts.append(
            say(
                "continuous.figure.profile.alt_arm",
                arm=view.label(arm),
                first=mine[0]["mean"],
                visit=mine[0]["visit"],
                last=end["mean"],
                end=end["visit"],
                n=end["n"],
            )
        )
    return say(
        "continuous.figure.profile.alt",
        endpoint=view.context.endpoint_label,
        arms=say("figure.sentence_gap").join(parts),
    )


def _data(view: View, points: Sequence[dict[str, Any]]) -> Table:
    say = view.words
    rows, groups = [], []
    for point in points:
        interval = say("table.none")
        if point["conf_low"] is not None:
            interval = say(
                "table.interval", low=say.number(point["conf_low"], 2), high=say.number(point["conf_high"], 2)
            )
        mean = say("table.none") if point["mean"] is None else say.number(point["mean"], 2)
        rows.append((view.label(point["arm"]), say.number(point["n"]), mean, interval))
        groups.append(str(point["visit"]))
    return Table(
        title=say("figure.data_title"),
        columns=(
            say("continuous.table.arm"),
            say("continuous.table.n"),
            _axis(view),
            say("table.interval_of", level=cells.level(view)),
        ),
        rows=rows,
        groups=groups,
    )
