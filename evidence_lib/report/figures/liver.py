"""Liver values: each subject's highest ALT against the highest bilirubin (eDISH)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.safety import MARKERS, ROW_INCHES, name_arms, rows_of_arms
from evidence_lib.report.theme import GREY, pens, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes


def liver_values(peaks: pd.DataFrame, *, view: View) -> Figure:
    """Highest ALT against highest bilirubin of each subject, in multiples of the upper limit of normal (eDISH).

    Parameters
    ----------
    peaks : DataFrame
        ``safety.liver_peaks``: arm, alt, bilirubin; one row per subject, in an order that points to nobody.
    view : View
        ``liver.incidence`` is read from its results.

    Returns
    -------
    Figure
        Lines at 3 times the limit of ALT and twice that of bilirubin: the upper right quadrant is that of Hy's law.

    Notes
    -----
    Misreading: the two highest values of a subject need not be of one day; a point in the upper right is a case to look
    at, not a diagnosis.
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    arms, pen = view.context.arms, pens(view.context.arms)
    with theme(view.item or "liver"):
        height = 4.65 + ROW_INCHES * len(rows_of_arms(view, "main"))
        figure = MatplotlibFigure(figsize=(8.0, height))
        axes = figure.add_axes((0.09, 0.6 / height, 0.88, 3.75 / height))
        for i, arm in enumerate(arms):
            of = peaks[peaks["arm"] == arm] if len(peaks) else peaks
            axes.plot(
                of["alt"].astype(float).clip(lower=0.05),
                of["bilirubin"].astype(float).clip(lower=0.05),
                linestyle="none",
                marker=MARKERS[i % len(MARKERS)],
                markersize=4.6,
                markerfacecolor="none",
                markeredgecolor=pen[arm].colour,
            )
        _dress(axes, view, peaks)
        name_arms(figure, axes, view, "main")
    return Figure(
        title=view.words("safety.figure.liver.title"),
        drawing=figure,
        alternative_text=_alternative_text(view),
        data=_data(view),
        footnotes=[view.words("safety.figure.liver.how_to_read")],
    )


def _dress(axes: Axes, view: View, peaks: pd.DataFrame) -> None:
    axes.set_xscale("log")
    axes.set_yscale("log")
    values = [float(v) for name in ("alt", "bilirubin") for v in peaks[name]] if len(peaks) else []
    low, high = min([0.2, *(v for v in values if v > 0)]), max([6.0, *values])
    axes.set_xlim(max(low, 0.05) * 0.9, max([6.0, *(float(v) for v in peaks["alt"])] if len(peaks) else [6.0]) * 1.25)
    axes.set_ylim(
        max(low, 0.05) * 0.9, max([4.0, *(float(v) for v in peaks["bilirubin"])] if len(peaks) else [4.0]) * 1.25
    )
    ticks = [t for t in (0.1, 0.2, 0.5, 1, 2, 3, 5, 10, 20, 50, 100) if low * 0.9 <= t <= high * 1.25]
    for setter in (axes.set_xticks, axes.set_yticks):
        setter(ticks, [view.words.number(t, 0 if t >= 1 else 1) for t in ticks])
        setter([], minor=True)
    for draw, at_value in ((axes.axvline, 3), (axes.axhline, 2)):
        draw(at_value, color=GREY, linestyle=(0, (4, 3)), linewidth=0.9)
    for x, y, key, align in (
        (0.99, 0.97, "safety.figure.liver.both", "right"),
        (0.01, 0.97, "safety.figure.liver.bilirubin", "left"),
        (0.99, 0.03, "safety.figure.liver.transaminase", "right"),
    ):
        axes.text(x, y, view.words(key), transform=axes.transAxes, ha=align, va="center", color=GREY)
    axes.set_xlabel(view.words("safety.figure.liver.x"))
    axes.set_ylabel(view.words("safety.figure.liver.y"))


def _alternative_text(view: View) -> str:
    parts = []
    for arm in view.context.arms:
        row = view.results.find("liver.incidence", arm=arm, category="potential_hys_law")
        if row is not None:
            counts = [cells.statistic(view, row, name) for name in ("events", "n")]
            x, n = (count.value if count is not None else None for count in counts)
            parts.append(view.words("safety.figure.liver.alt_arm", arm=view.label(arm), x=x, n=n))
    return view.words("safety.figure.liver.alt", arms=view.words("figure.sentence_gap").join(parts))


def _data(view: View) -> Table:
    from evidence_lib.report.tables.safety_measurements import liver

    table = liver(view=view)
    return Table(title=view.words("figure.data_title"), columns=table.columns, rows=table.rows)
