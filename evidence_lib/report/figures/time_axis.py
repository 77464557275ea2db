"""The time axis that figures of curves share: canvas, ticks, the milestone, and the numbers at risk under it."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evidence_lib.conventions import DAYS_PER_YEAR
from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.figures.labels import wrapped
from evidence_lib.report.theme import GREY, Pen

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure
    from matplotlib.transforms import Transform

Size = Literal["main", "first_screen"]

INCHES = {"main": (8.6, 4.0), "first_screen": (4.7, 2.15)}
MOST_TICKS = {"main": 14, "first_screen": 8}
LABEL_WIDTH = {"main": 30, "first_screen": 22}
ROW_INCHES = 0.185
MOST_BESIDE = 2
MOST_POINTS = 1000
MARGIN_WIDTH = {"main": 26, "first_screen": 17}
MARGIN_INCHES = {"main": 2.3, "first_screen": 1.65}


@dataclass(frozen=True)
class TimeAxis:
    """The time axis: its ticks in days, their printed numbers, its end in days and its title."""

    ticks: Sequence[float]
    numbers: Sequence[str]
    end: float
    title: str


def canvas(view: View, arms: Sequence[str], size: Size) -> tuple[MatplotlibFigure, Axes]:
    """A figure with room for the numbers at risk of each arm, and for labels in the margin of several."""
    from matplotlib.figure import Figure as MatplotlibFigure

    width, plot_height = INCHES[size]
    row_height = ROW_INCHES * len(arms)
    if size == "main":
        longest = max(len(wrapped(view.label(arm), LABEL_WIDTH[size], lines=1)) for arm in arms)
        left, right, top, bottom = max(0.75, 0.25 + 0.075 * longest), 0.25, 0.15, 0.95 + row_height
    else:
        left, right, top, bottom = 0.52, 0.18, 0.1, 0.52 + row_height
    if len(arms) > MOST_BESIDE:
        right = MARGIN_INCHES[size]
    height = plot_height + top + bottom
    figure = MatplotlibFigure(figsize=(width, height))
    axes = figure.add_axes((left / width, bottom / height, (width - left - right) / width, plot_height / height))
    return figure, axes


def time_axis(view: View, last: float, at_risk: pd.DataFrame, size: Size) -> TimeAxis:
    """The axis for curves that end at ``last`` (days), with ticks at the times of the at-risk table."""
    times = sorted({float(time) for time in at_risk["time"]})
    end = times[-1] if size == "first_screen" and len(times) > 1 else max([last, *times])
    shown = times[:: max(1, -(-len(times) // MOST_TICKS[size]))]
    years = _whole_years(shown) if size == "first_screen" and view.context.unit == "months" else None
    if years is not None:
        numbers = [view.words.number(year) for year in years]
        title = view.words("figure.km.axis_at_risk", unit=view.words("figure.unit.years"))
    else:
        numbers = [cells.time_number(view, time) for time in shown]
        unit = view.words(cells.UNIT_NAMES[view.context.unit])
        title = view.words("figure.km.axis" if size == "main" else "figure.km.axis_at_risk", unit=unit)
    return TimeAxis(shown, numbers, end, title)


def dress(axes: Axes, view: View, axis: TimeAxis, size: Size, *, label: str) -> None:
    """Ticks of time and percent, the grid and the milestone; ``label`` is the title of the upright axis."""
    axes.set_xlim(0, axis.end * (1.01 if size == "main" else 1.0) or 1)
    axes.set_ylim(0, 1.02)
    axes.set_xticks(list(axis.ticks), list(axis.numbers))
    marks = [0, 0.25, 0.5, 0.75, 1] if size == "first_screen" else [0, 0.2, 0.4, 0.6, 0.8, 1]
    form = view.words.percent if size == "main" else _bare_percent(view)
    axes.set_yticks(marks, [form(mark, 0) for mark in marks])
    axes.grid(axis="y", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.tick_params(length=0 if size == "first_screen" else 3)
    if size == "main":
        axes.set_ylabel(label)
    milestone = view.context.milestone
    if milestone is not None and milestone <= axis.end:
        axes.axvline(milestone, color=GREY, linestyle=":", linewidth=1.1)


def draw_at_risk(
    axes: Axes,
    view: View,
    at_risk: pd.DataFrame,
    arms: Sequence[str],
    pen: Mapping[str, Pen],
    axis: TimeAxis,
    size: Size,
) -> None:
    """Rows of numbers under the axis, each number centred under the tick of its time."""
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    figure = axes.figure
    in_inches = figure.dpi_scale_trans  # type: ignore[union-attr]
    counts = {(row["arm"], float(row["time"])): row["n_at_risk"] for row in at_risk.to_dict("records")}
    first = 0.30 if size == "first_screen" else 0.66

    def under(inches: float) -> Transform:
        base = blended_transform_factory(axes.transData, axes.transAxes)
        return base + ScaledTranslation(0, -inches, in_inches)

    if size == "main":
        axes.set_xlabel(axis.title, labelpad=3)
        axes.text(
            0,
            0,
            view.words("figure.km.at_risk"),
            transform=axes.transAxes + ScaledTranslation(-0.12, -first + 0.14, in_inches),
            ha="right",
            va="center",
            color=GREY,
        )
    for i, arm in enumerate(arms):
        depth = first + ROW_INCHES * i + (0.06 if size == "main" else 0)
        for time in axis.ticks:
            count = counts.get((arm, float(time)))
            axes.text(
                time,
                0,
                view.words.number(count) if count is not None else view.words("table.none"),
                transform=under(depth),
                ha="center",
                va="center",
                color=pen[arm].colour,
            )
        if size == "main":
            label = wrapped(view.label(arm), LABEL_WIDTH[size], lines=1)
            place = axes.transAxes + ScaledTranslation(-0.22, -depth, in_inches)
            axes.text(0, 0, label, transform=place, ha="right", va="center", color=pen[arm].colour)
        else:
            # The dash says which row is which where hue cannot.
            place = axes.transAxes + ScaledTranslation(-0.5, -depth, in_inches)
            width = 0.22 / (figure.get_figwidth() * axes.get_position().width)  # type: ignore[union-attr]
            axes.plot(
                [0, width],
                [0, 0],
                transform=place,
                color=pen[arm].colour,
                linestyle=pen[arm].dash,
                linewidth=1.8,
                clip_on=False,
            )
    if size == "first_screen":
        depth = first + ROW_INCHES * len(arms) + 0.03
        place = axes.transAxes + ScaledTranslation(0, -depth, in_inches)
        axes.text(0.5, 0, axis.title, transform=place, ha="center", va="center", color=GREY)


def _whole_years(times: Sequence[float]) -> list[int] | None:
    """The times in years where each is a whole number of years, to the day."""
    years = [round(time / DAYS_PER_YEAR) for time in times]
    exact = all(abs(time - year * DAYS_PER_YEAR) <= 0.5 for time, year in zip(times, years, strict=True))
    return years if exact and len(times) > 1 else None


def _bare_percent(view: View) -> Callable[[float, int], str]:
    return lambda share, digits: view.words.number(share * 100, digits)


def thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """The rows where the curve steps, with the first and the last; every k-th of them where they are too many."""
    import numpy as np

    steps = (curve["n_events"] > 0).to_numpy(copy=True)
    if len(steps):
        steps[[0, -1]] = True
    rows = curve[steps]
    if len(rows) <= MOST_POINTS:
        return rows
    return rows.iloc[np.unique(np.linspace(0, len(rows) - 1, MOST_POINTS).round().astype(int))]
