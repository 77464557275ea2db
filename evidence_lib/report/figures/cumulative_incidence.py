"""The cumulative incidence of a first event while death and stopping treatment compete with it."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import place_labels, stack_labels, wrapped
from evidence_lib.report.tables.safety_cells import window
from evidence_lib.report.tables.safety_course import followed
from evidence_lib.report.theme import GREY, pens, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

MOST_POINTS = 1000
MOST_BESIDE = 2
EVENT = "event"
ROW_INCHES = 0.185


def first_adverse_event(curve: pd.DataFrame, at_risk: pd.DataFrame, *, view: View) -> Figure:
    """Cumulative incidence curves of a first event (Aalen-Johansen), with the numbers still at risk.

    Parameters
    ----------
    curve : DataFrame
        ``safety.first_event``: arm, cause, time (days), cumulative_incidence, conf_low, conf_high.
    at_risk : DataFrame
        ``safety.at_risk``: arm, time, n_at_risk.
    view : View
        The context, the words, and ``aalen_johansen.cumulative_incidence`` of its results.

    Returns
    -------
    Figure
        At risk are those treated without an event so far; its data table holds their numbers.

    Notes
    -----
    Misreading: 1 minus a Kaplan-Meier curve would lie above this one, since it takes those who stopped or died for
    people who could still have the event.
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    arms = cells.present_arms(view, at_risk["arm"].unique()) if len(at_risk) else ()
    own = curve[curve["cause"] == EVENT] if len(curve) else curve
    rows = ROW_INCHES * len(arms)
    height, right = 4.0 + 1.05 + rows, 2.3 if len(arms) > MOST_BESIDE else 0.25
    longest = max((len(wrapped(view.label(arm), 30, lines=1)) for arm in arms), default=5)
    left = max(0.75, 0.25 + 0.075 * longest)
    with theme(view.item or "first-event"):
        figure = MatplotlibFigure(figsize=(8.6, height))
        axes = figure.add_axes((left / 8.6, (0.95 + rows) / height, (8.6 - left - right) / 8.6, 3.9 / height))
        end = float(max([1.0, *(time for part in (at_risk, curve) if len(part) for time in part["time"])]))
        _draw(axes, view, own, arms, end)
        _dress(axes, view, at_risk, end)
        _numbers_at_risk(axes, view, at_risk, arms)
        _label(axes, view, own, arms, end)
    return Figure(
        title=view.words("safety.figure.first.title"),
        drawing=figure,
        alternative_text=_alternative_text(view, arms),
        data=_data(view, at_risk, arms),
        footnotes=[
            followed(view),
            view.words("safety.figure.first.how_to_read", level=cells.level(view), days=window(view)[0]),
        ],
    )


def _draw(axes: Axes, view: View, curve: pd.DataFrame, arms: Sequence[str], end: float) -> None:
    pen = pens(view.context.arms)
    for arm in arms:
        steps = _steps_of(curve, arm, end)
        times, values = [row[0] for row in steps], [row[1] for row in steps]
        axes.step(times, values, where="post", color=pen[arm].colour, linestyle=pen[arm].dash, linewidth=1.8)
        banded = [row for row in steps if row[2] is not None]
        axes.fill_between(
            [row[0] for row in banded],
            [float(row[2] or 0.0) for row in banded],
            [float(row[3] or 0.0) for row in banded],
            step="post",
            color=pen[arm].colour,
            alpha=0.13,
            linewidth=0,
        )


def _steps_of(curve: pd.DataFrame, arm: str, end: float) -> list[tuple[float, float, float | None, float | None]]:
    """Time, incidence and limits where the curve steps, thinned for drawing; 0 throughout for an arm without events."""
    of = curve[(curve["arm"] == arm) & ((curve["n_events"] > 0) | (curve["time"] == 0))] if len(curve) else curve
    last = float(curve.loc[curve["arm"] == arm, "time"].max()) if len(of) else end
    rows = [
        (float(r["time"]), float(r["cumulative_incidence"]), _or_none(r["conf_low"]), _or_none(r["conf_high"]))
        for r in of.to_dict("records")
    ]
    rows = rows or [(0.0, 0.0, None, None)]
    step = -(-len(rows) // MOST_POINTS)
    kept = rows[::step] if rows[-1] in rows[::step] else [*rows[::step], rows[-1]]
    return [*kept, (last, *kept[-1][1:])]


def _or_none(value: object) -> float | None:
    return float(value) if isinstance(value, int | float) and value == value else None


def _dress(axes: Axes, view: View, at_risk: pd.DataFrame, end: float) -> None:
    axes.set_xlim(0, end * 1.01)
    axes.set_ylim(0, 1.02)
    times = sorted({float(time) for time in at_risk["time"]}) if len(at_risk) else [0.0]
    axes.set_xticks(times, [cells.time_number(view, time) for time in times])
    marks = [0, 0.2, 0.4, 0.6, 0.8, 1]
    axes.set_yticks(marks, [view.words.percent(mark, 0) for mark in marks])
    axes.grid(axis="y", linewidth=0.7)
    axes.set_axisbelow(True)
    axes.spines["left"].set_visible(False)
    axes.set_ylabel(view.words("safety.figure.first.y"))
    axes.set_xlabel(
        view.words("safety.figure.first.x", unit=view.words(cells.UNIT_NAMES[view.context.unit])), labelpad=3
    )
    milestone = _milestone(view)
    if milestone is not None and milestone <= end:
        axes.axvline(milestone, color=GREY, linestyle=":", linewidth=1.1)


def _numbers_at_risk(axes: Axes, view: View, at_risk: pd.DataFrame, arms: Sequence[str]) -> None:
    from matplotlib.transforms import ScaledTranslation, blended_transform_factory

    inches = axes.figure.dpi_scale_trans  # type: ignore[union-attr]
    pen = pens(view.context.arms)
    base = blended_transform_factory(axes.transData, axes.transAxes)
    title = axes.transAxes + ScaledTranslation(-0.12, -0.52, inches)
    axes.text(0, 0, view.words("figure.km.at_risk"), transform=title, ha="right", va="center", color=GREY)
    for i, arm in enumerate(arms):
        depth = 0.72 + ROW_INCHES * i
        for record in at_risk[at_risk["arm"] == arm].to_dict("records"):
            under = base + ScaledTranslation(0, -depth, inches)
            number = view.words.number(record["n_at_risk"])
            axes.text(record["time"], 0, number, transform=under, ha="center", va="center", color=pen[arm].colour)
        beside = axes.transAxes + ScaledTranslation(-0.22, -depth, inches)
        label = wrapped(view.label(arm), 30, lines=1)
        axes.text(0, 0, label, transform=beside, ha="right", va="center", color=pen[arm].colour)


def _label(axes: Axes, view: View, curve: pd.DataFrame, arms: Sequence[str], end: float) -> None:
    pen, milestone = pens(view.context.arms), _milestone(view)
    curves, texts = {}, {}
    for arm in arms:
        steps = _steps_of(curve, arm, end)
        curves[arm] = ([row[0] for row in steps], [row[1] for row in steps])
        label = wrapped(view.label(arm), 26, lines=2)
        row = view.results.find("aalen_johansen.cumulative_incidence", arm=arm, cause=EVENT, time=milestone or 0)
        if row is not None and isinstance(row.value, int | float) and milestone is not None:
            time = cells.duration(view, milestone)
            label = view.words("figure.km.label_at", arm=label, share=row.value, time=time)
        texts[arm] = label
    if len(arms) > MOST_BESIDE:
        stack_labels(axes, texts, curves, pen, end=end)
    elif arms:
        place_labels(axes, texts, curves, pen, at=end * 0.97, gap=0.008 * end)


def _milestone(view: View) -> float | None:
    """The declared milestone, else the time at which the results were reported."""
    if view.context.milestone is not None:
        return float(view.context.milestone)
    row = view.results.find("aalen_johansen.cumulative_incidence")
    return float(row.groups["time"]) if row is not None else None


def _alternative_text(view: View, arms: Sequence[str]) -> str:
    milestone = _milestone(view)
    parts = []
    for arm in arms:
        row = view.results.find("aalen_johansen.cumulative_incidence", arm=arm, cause=EVENT, time=milestone or 0)
        if row is not None and milestone is not None:
            values = {"value": cells.estimate_text(view, row), "time": cells.duration(view, milestone)}
            parts.append(view.words("safety.figure.first.alt_arm", arm=view.label(arm), **values))
    return view.words("safety.figure.first.alt", arms=view.words("figure.sentence_gap").join(parts))


def _data(view: View, at_risk: pd.DataFrame, arms: Sequence[str]) -> Table:
    rows, groups = [], []
    for arm in arms:
        for record in at_risk[at_risk["arm"] == arm].to_dict("records"):
            rows.append((cells.time_number(view, record["time"]), view.words.number(record["n_at_risk"])))
            groups.append(view.label(arm))
    unit = view.words(cells.UNIT_NAMES[view.context.unit])
    return Table(
        title=view.words("figure.data_title"),
        columns=(view.words("figure.km.time", unit=unit), view.words("figure.km.at_risk")),
        rows=rows,
        groups=groups,
    )
