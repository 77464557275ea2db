"""The Kaplan-Meier figure: curves with bands, direct labels, the milestone, and the numbers at risk."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import place_labels, stack_labels, wrapped
from evidence_lib.report.figures.time_axis import (
    LABEL_WIDTH,
    MARGIN_WIDTH,
    MOST_BESIDE,
    MOST_POINTS,
    Size,
    TimeAxis,
    canvas,
    draw_at_risk,
    dress,
    thinned,
    time_axis,
)
from evidence_lib.report.theme import Pen, pens, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_TWO_LINES = 4


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
    axis = time_axis(view, float(curve["time"].max()) if len(curve) else 1.0, at_risk, size)
    with theme(view.item or "kaplan-meier", small=size == "first_screen"):
        figure, axes = canvas(view, arms, size)
        for arm in arms:
            _draw_arm(axes, curve[curve["arm"] == arm], pen[arm], size)
        dress(axes, view, axis, size, label=view.words.say(view.context.endpoint_label))
        draw_at_risk(axes, view, at_risk, arms, pen, axis, size)
        _label_curves(axes, view, curve, arms, pen, axis, size)
    return Figure(
        title=view.words("figure.km.title", endpoint=view.context.endpoint_label),
        drawing=figure,
        alternative_text=_alternative_text(view, arms, at_risk),
        data=_data(view, at_risk, arms),
        footnotes=_footnotes(view, size),
    )


def _draw_arm(axes: Axes, curve: pd.DataFrame, pen: Pen, size: Size) -> None:
    steps = thinned(curve)
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


def _label_curves(
    axes: Axes,
    view: View,
    curve: pd.DataFrame,
    arms: Sequence[str],
    pen: Mapping[str, Pen],
    axis: TimeAxis,
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
