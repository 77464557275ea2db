"""The figure of the proportional-hazards check: the log hazard ratio over time."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import wrapped
from evidence_lib.report.theme import GREY, pens, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

HAZARD_RATIO_TICKS = (0.05, 0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0, 20.0)
WIDEST = math.log(20.0)
MOST_COLUMNS = 3


def proportional_hazards(curve: pd.DataFrame, *, view: View) -> Figure:
    """The smoothed log hazard ratio over time with its band, beside the one ratio of the Cox model.

    Parameters
    ----------
    curve : DataFrame
        ``proportional_hazards.curve``: treatment, time (days), log_hazard_ratio, conf_low, conf_high (log scale).
        Without rows for a treatment its panel says that too few events were seen.
    view : View
        The context, the results and the words.

    Returns
    -------
    Figure
        One panel per treatment; the axis is the log hazard ratio, labelled with the ratios themselves.

    Notes
    -----
    Misreading: a band that holds the Cox line everywhere does not prove that the hazards are proportional; with few
    events it is wide whatever the truth is. Parts of the band beyond a ratio of 20 are cut off.
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    treatments = view.context.treatments
    with theme(view.item or "proportional-hazards"):
        columns = min(len(treatments), MOST_COLUMNS)
        lines = -(-len(treatments) // columns)
        figure = MatplotlibFigure(figsize=(8.6, 3.4 if lines == 1 else 2.6 * lines), layout="constrained")
        panels = list(figure.subplots(lines, columns, sharey=True, squeeze=False).flat)
        for panel, treatment in zip(panels, treatments, strict=False):
            _panel(panel, curve[curve["treatment"] == treatment], treatment, view, width=96 // columns)
        for panel in panels[len(treatments) :]:
            panel.set_visible(False)
        _hazard_ratio_axis(panels[0], curve, view)
        figure.supxlabel(view.words("figure.km.axis", unit=_unit(view)), fontsize=9, color=GREY)
    return Figure(
        title=view.words("figure.ph.title"),
        drawing=figure,
        alternative_text=_alternative_text(curve, view),
        data=_data(curve, view),
        footnotes=[view.words("figure.ph.how_to_read", level=cells.level(view))],
    )


def _panel(axes: Axes, curve: pd.DataFrame, treatment: str, view: View, *, width: int) -> None:
    pen = pens(view.context.arms)[treatment]
    axes.set_title(wrapped(cells.versus(view, treatment, view.context.reference), width), fontsize=9)
    axes.axhline(0, color=GREY, linewidth=0.8)
    if curve.empty:
        axes.text(0.5, 0.6, view.words("figure.ph.too_few"), transform=axes.transAxes, ha="center", color=GREY)
        return
    time = [view.context.in_unit(day) for day in curve["time"]]
    low, high = curve["conf_low"].astype(float), curve["conf_high"].astype(float)
    axes.fill_between(
        time, low.clip(-WIDEST, WIDEST), high.clip(-WIDEST, WIDEST), color=pen.colour, alpha=0.13, linewidth=0
    )
    axes.plot(time, curve["log_hazard_ratio"].astype(float).clip(-WIDEST, WIDEST), color=pen.colour, linewidth=1.8)
    row = cells.unstratified_hazard_ratio(view, treatment)
    if row is not None and isinstance(row.value, float) and row.value > 0:
        level = math.log(row.value)
        axes.axhline(level, color=pen.colour, linestyle=(0, (4, 2)), linewidth=1.1)
        first, last = (float(curve["log_hazard_ratio"].iloc[end]) - level for end in (0, -1))
        # The words stand at the end of the line where the curve is further away, on the other side of the line.
        at, align, gap = (0.02, "left", first) if abs(first) > abs(last) else (0.98, "right", last)
        axes.annotate(
            view.words("figure.ph.cox", value=cells.value_text(view, row)),
            (at, level),
            xycoords=("axes fraction", "data"),
            xytext=(0, -3 if gap > 0 else 3),
            textcoords="offset points",
            ha=align,
            va="top" if gap > 0 else "bottom",
            color=pen.colour,
            fontweight="bold",
        )


def _hazard_ratio_axis(axes: Axes, curve: pd.DataFrame, view: View) -> None:
    limits = [float(v) for name in ("conf_low", "conf_high") for v in curve[name].dropna()] if len(curve) else []
    low = max(min([*limits, math.log(0.5)]), -WIDEST)
    high = min(max([*limits, math.log(2.0)]), WIDEST)
    ticks = [tick for tick in HAZARD_RATIO_TICKS if low - 1e-9 <= math.log(tick) <= high + 1e-9]
    axes.set_ylim(low - 0.1, high + 0.1)
    axes.set_yticks([math.log(tick) for tick in ticks], [view.words.form(tick, "ratio") for tick in ticks])
    axes.set_ylabel(view.words("figure.ph.axis"))


def _unit(view: View) -> str:
    return view.words(cells.UNIT_NAMES[view.context.unit])


def _alternative_text(curve: pd.DataFrame, view: View) -> str:
    parts = []
    for treatment in view.context.treatments:
        rows = curve[curve["treatment"] == treatment]
        name = cells.versus(view, treatment, view.context.reference)
        if rows.empty:
            parts.append(view.words("figure.ph.alt_none", comparison=name))
            continue
        first, last = rows.iloc[0], rows.iloc[-1]
        test = view.results.find("proportional_hazards.test", "p_value", treatment=treatment)
        test = test or view.results.find("proportional_hazards.test", "p_value")
        parts.append(
            view.words(
                "figure.ph.alt",
                comparison=name,
                first=float(first["log_hazard_ratio"]),
                start=cells.duration(view, first["time"]),
                last=float(last["log_hazard_ratio"]),
                end=cells.duration(view, last["time"]),
                cox=cells.value_text(view, cells.unstratified_hazard_ratio(view, treatment)),
                p=cells.value_text(view, test),
            )
        )
    return view.words("figure.sentence_gap").join(parts)


def _data(curve: pd.DataFrame, view: View) -> Table:
    rows, groups = [], []
    for treatment in view.context.treatments:
        for record in curve[curve["treatment"] == treatment].to_dict("records"):
            numbers = [record[name] for name in ("log_hazard_ratio", "conf_low", "conf_high")]
            rows.append((cells.time_number(view, record["time"]), *(_log_text(view, number) for number in numbers)))
            groups.append(cells.versus(view, treatment, view.context.reference))
    return Table(
        title=view.words("figure.data_title"),
        columns=(
            view.words("figure.km.time", unit=_unit(view)),
            view.words("figure.ph.log_hazard_ratio"),
            view.words("table.lower_limit"),
            view.words("table.upper_limit"),
        ),
        rows=rows,
        groups=groups,
    )


def _log_text(view: View, value: float | None) -> str:
    missing = value is None or not math.isfinite(value)
    return view.words.number(None if missing else value, 2)
