"""The Kaplan-Meier figure: curves with bands, direct labels, the milestone, and the numbers at risk."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evidence_lib.conventions import DAYS_PER_YEAR
from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import place_labels, stack_labels, wrapped
from evidence_lib.report.theme import GREY, Pen, pens, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure
    from matplotlib.transforms import Transform

Size = Literal["main", "first_screen"]

MOST_POINTS = 1000
INCHES = {"main": (8.6, 4.0), "first_screen": (4.7, 2.15)}
MOST_TICKS = {"main": 14, "first_screen": 8}
LABEL_WIDTH = {"main": 30, "first_screen": 22}
ROW_INCHES = 0.185
MOST_BESIDE = 2
MOST_TWO_LINES = 4
MARGIN_INCHES = {"main": 2.3, "first_screen": 1.65}
MARGIN_WIDTH = {"main": 26, "first_screen": 17}


@dataclass(frozen=True)
class _Axis:
    """The time axis: its ticks in days, their printed numbers, its end in days and its title."""

    ticks: Sequence[float]
    numbers: Sequence[str]
    end: float
    title: str


def kaplan_meier(curve: pd.DataFrame, at_risk: pd.DataFrame, *, view: View, size: Size = "main") -> Figure:
    """Kaplan-Meier curves with confidence bands and numbers at risk.

    Parameters
    ----------
    curve : DataFrame
        ``km.curve``: arm, time (days), survival, conf_low, conf_high, n_events, n_censored.
    at_risk : DataFrame
        ``km.at_risk``: arm, time (days), n_at_risk, and the cumulative n_events and n_censored.
    view : View
        The context, the results and the words.
    size : {"main", "first_screen"}
        The first screen's small form has no censoring ticks and ends at the last time of the at-risk grid.

    Returns
    -------
    Figure
        Its data table holds the survival and the numbers at risk at each time of the grid.

    Notes
    -----
    Nothing is estimated here: a curve of more than 1,000 steps is thinned for drawing only.

    Misreading: the right-hand end rests on the few subjects still followed, which is what the row of numbers is for;
    bands are pointwise, so overlapping bands are no test of the difference.
    """
    arms = cells.present_arms(view, curve["arm"].unique())
    pen = pens(view.context.arms)
    axis = _axis(view, curve, at_risk, size)
    with theme(view.item or "kaplan-meier", small=size == "first_screen"):
        figure, axes = _canvas(view, arms, size)
        for arm in arms:
            _draw_arm(axes, curve[curve["arm"] == arm], pen[arm], size)
        _dress(axes, view, axis, size)
        _draw_at_risk(axes, view, at_risk, arms, pen, axis, size)
        _label_curves(axes, view, curve, arms, pen, axis, size)
    return Figure(
        title=view.words("figure.km.title", endpoint=view.context.endpoint_label),
        drawing=figure,
        alternative_text=_alternative_text(view, arms, at_risk),
        data=_data(view, at_risk, arms),
        footnotes=_footnotes(view, size),
    )


def _canvas(view: View, arms: Sequence[str], size: Size) -> tuple[MatplotlibFigure, Axes]:
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


def _draw_arm(axes: Axes, curve: pd.DataFrame, pen: Pen, size: Size) -> None:
    steps = _thinned(curve)
    axes.fill_between(
        steps["time"].astype(float),
        steps["conf_low"].astype(float),
        steps["conf_high"].astype(float),
        step="post",
        color=pen.colour,
        alpha=0.13,
        linewidth=0,
    )
    axes.step(
        steps["time"],
        steps["survival"].astype(float),
        where="post",
        color=pen.colour,
        linestyle=pen.dash,
        linewidth=1.8,
    )
    if size == "main":
        censored = curve[(curve["n_censored"] > 0) & (curve["time"] > 0)]
        censored = censored.iloc[:: max(1, -(-len(censored) // MOST_POINTS))]
        axes.plot(
            censored["time"],
            censored["survival"].astype(float),
            linestyle="none",
            marker="|",
            markersize=5,
            markeredgewidth=0.8,
            color=pen.colour,
        )


def _thinned(curve: pd.DataFrame) -> pd.DataFrame:
    """The rows where the curve steps, with the first and the last; every k-th of them where they are too many."""
    import numpy as np

    steps = (curve["n_events"] > 0).to_numpy(copy=True)
    if len(steps):
        steps[[0, -1]] = True
    rows = curve[steps]
    if len(rows) <= MOST_POINTS:
        return rows
    return rows.iloc[np.unique(np.linspace(0, len(rows) - 1, MOST_POINTS).round().astype(int))]


def _axis(view: View, curve: pd.DataFrame, at_risk: pd.DataFrame, size: Size) -> _Axis:
    times = sorted({float(time) for time in at_risk["time"]})
    last = float(curve["time"].max()) if len(curve) else 1.0
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
    return _Axis(shown, numbers, end, title)


def _whole_years(times: Sequence[float]) -> list[int] | None:
    """The times in years where each is a whole number of years, to the day."""
    years = [round(time / DAYS_PER_YEAR) for time in times]
    exact = all(abs(time - year * DAYS_PER_YEAR) <= 0.5 for time, year in zip(times, years, strict=True))
    return years if exact and len(times) > 1 else None


def _dress(axes: Axes, view: View, axis: _Axis, size: Size) -> None:
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
        axes.set_ylabel(view.words.say(view.context.endpoint_label))
    milestone = view.context.milestone
    if milestone is not None and milestone <= axis.end:
        axes.axvline(milestone, color=GREY, linestyle=":", linewidth=1.1)


def _bare_percent(view: View) -> Callable[[float, int], str]:
    return lambda share, digits: view.words.number(share * 100, digits)


def _draw_at_risk(
    axes: Axes,
    view: View,
    at_risk: pd.DataFrame,
    arms: Sequence[str],
    pen: Mapping[str, Pen],
    axis: _Axis,
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


def _label_curves(
    axes: Axes,
    view: View,
    curve: pd.DataFrame,
    arms: Sequence[str],
    pen: Mapping[str, Pen],
    axis: _Axis,
    size: Size,
) -> None:
    """Each curve's name, and its survival at the milestone, beside the curve."""
    milestone = view.context.milestone
    at = float(milestone) if milestone is not None and milestone <= axis.end else axis.end * 0.97
    curves = {arm: _steps(curve[curve["arm"] == arm]) for arm in arms}
    beside = len(arms) <= MOST_BESIDE
    texts = {}
    for arm in arms:
        # Room for the share, which is never cut off: only the arm's name is.
        label = wrapped(
            view.label(arm),
            LABEL_WIDTH[size] if beside else MARGIN_WIDTH[size],
            lines=2 if len(arms) <= MOST_TWO_LINES else 1,
        )
        row = view.results.find("km.survival", arm=arm, time=milestone) if milestone is not None else None
        if row is not None and row.value is not None and row.status == "ok" and milestone is not None:
            # In the margin the label stands at the end of the curve, so it has to say when the share holds.
            key = "figure.km.label" if beside else "figure.km.label_at"
            label = view.words(key, arm=label, share=row.value, time=cells.duration(view, milestone))
        texts[arm] = label
    if len(arms) > MOST_BESIDE:
        stack_labels(axes, texts, curves, pen, end=axis.end)
        return
    place_labels(axes, texts, curves, pen, at=at, gap=0.008 * axis.end)


def _steps(curve: pd.DataFrame) -> tuple[Sequence[float], Sequence[float]]:
    return curve["time"].astype(float).to_list(), curve["survival"].astype(float).to_list()


def _alternative_text(view: View, arms: Sequence[str], at_risk: pd.DataFrame) -> str:
    parts = []
    milestone = view.context.milestone
    for arm in arms:
        row = view.results.find("km.survival", arm=arm, time=milestone) if milestone is not None else None
        median = view.results.find("km.median", arm=arm)
        counts = at_risk[at_risk["arm"] == arm].sort_values("time")
        start = view.words.number(counts["n_at_risk"].iloc[0]) if len(counts) else view.words("table.none")
        part = view.words(
            "figure.km.alt_arm" if row is not None else "figure.km.alt_arm_median",
            arm=view.label(arm),
            n=start,
            time=cells.duration(view, milestone) if milestone is not None else "",
            survival=cells.value_text(view, row),
            interval=cells.interval_text(view, row),
            median=cells.value_text(view, median),
            unit=view.words(cells.UNIT_NAMES[view.context.unit]),
        )
        parts.append(part)
    return view.words(
        "figure.km.alt",
        endpoint=view.context.endpoint_label,
        arms=view.words("figure.sentence_gap").join(parts),
    )


def _data(view: View, at_risk: pd.DataFrame, arms: Sequence[str]) -> Table:
    rows, groups = [], []
    for arm in arms:
        for record in at_risk[at_risk["arm"] == arm].sort_values("time").to_dict("records"):
            survival = view.results.find("km.survival", arm=arm, time=record["time"])
            rows.append(
                (
                    cells.time_number(view, record["time"]),
                    *(view.words.number(record[name]) for name in ("n_at_risk", "n_events", "n_censored")),
                    cells.estimate_text(view, survival),
                )
            )
            groups.append(view.label(arm))
    return Table(
        title=view.words("figure.data_title"),
        columns=(
            view.words("figure.km.time", unit=view.words(cells.UNIT_NAMES[view.context.unit])),
            view.words("figure.km.at_risk"),
            view.words("table.events_so_far"),
            view.words("table.censored_so_far"),
            view.words("table.survival_interval", level=cells.level(view)),
        ),
        rows=rows,
        groups=groups,
    )


def _footnotes(view: View, size: Size) -> list[str]:
    if size == "first_screen":
        return []
    lines = [view.words("figure.km.how_to_read", level=cells.level(view))]
    if view.context.milestone is not None:
        lines.append(view.words("figure.km.milestone", time=cells.duration(view, view.context.milestone)))
    return lines
