"""Figures of tumour response: the waterfall of best changes, changes over time, and responses by subgroup."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import wrapped
from evidence_lib.report.responses import BEST
from evidence_lib.report.theme import GREY, GRID, INK, pens, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

Size = Literal["main", "first_screen"]
PARTIAL, PROGRESSION = -30.0, 20.0  # percent; the limits of RECIST 1.1 for target lesions
HIGHEST = 100.0  # growth beyond it is cut off in the drawing
CLASSES = (("shrunk", None, PARTIAL), ("between", PARTIAL, PROGRESSION), ("grown", PROGRESSION, None))
LOWEST = -105.0


def waterfall(bars: pd.DataFrame, *, view: View, size: Size = "main") -> Figure:
    """The best change of the sum of target lesions of every patient who has one, a bar each, one panel per arm.

    Parameters
    ----------
    bars : DataFrame
        ``response.waterfall``: arm, percent_change, best; within an arm from growth to shrinkage.
    view : View
        The context, the results and the words.
    size : {"main", "first_screen"}
        The first screen's small form has no notes.

    Returns
    -------
    Figure
        Dark bars are patients whose best overall response is complete or partial; lines at -30 % and +20 %. Its data
        are counts: no row of them is a patient.

    Notes
    -----
    Misreading: a bar below -30 % is no confirmed response, and new lesions do not show in it.
    """
    arms, say = view.context.arms, view.words
    with theme(view.item or "waterfall", small=size == "first_screen"):
        figure, panels = _panels(view, arms, size)
        for axes, arm in zip(panels, arms, strict=True):
            of = bars[bars["arm"] == arm]
            colour = pens(arms)[arm].colour
            heights = [min(float(change), HIGHEST) for change in of["percent_change"]]
            responded = [str(best) in ("CR", "PR") for best in of["best"]]
            _bars(axes, heights, responded, colour)
            _limits(axes, view)
            axes.set_xticks([])
            axes.set_xlabel(say(f"response.figure.waterfall.n_{size}", n=len(of)))
        panels[0].set_ylabel(say("response.figure.change" if size == "main" else "response.figure.change_short"))
    notes = [say("response.figure.waterfall.how_to_read")] if size == "main" else []
    return Figure(
        title=say("response.figure.waterfall.title"),
        drawing=figure,
        alternative_text=_waterfall_text(view, bars),
        data=_waterfall_data(view, bars),
        footnotes=notes,
    )


def spider(lines: pd.DataFrame, band: pd.DataFrame, *, view: View) -> Figure:
    """The change of the sum of target lesions over time: a line per patient, and the quartiles of all patients.

    Parameters
    ----------
    lines : DataFrame
        ``response.spider``: arm, line, best, day, percent_change, of.
    band : DataFrame
        ``response.spider_band``: arm, day, n, q1, median, q3; of all patients, by window of time.
    view : View
        The context, the results and the words.

    Notes
    -----
    Misreading: later on only those who did well are still measured, so that lines seem to fall together.
    """
    arms, say = view.context.arms, view.words
    end = float(lines["day"].max()) if len(lines) else 1.0
    with theme(view.item or "spider"):
        figure, panels = _panels(view, arms, "main")
        for axes, arm in zip(panels, arms, strict=True):
            colour = pens(arms)[arm].colour
            for _, line in lines[lines["arm"] == arm].groupby("line"):
                heights = line["percent_change"].astype(float).clip(upper=HIGHEST)
                axes.plot(_in_unit(view, line["day"]), heights, color=colour, alpha=0.35, linewidth=0.8)
            of = band[band["arm"] == arm] if len(band) else band
            if len(of):
                days = _in_unit(view, of["day"])
                quartiles = [of[name].astype(float).clip(upper=HIGHEST) for name in ("q1", "median", "q3")]
                axes.fill_between(days, quartiles[0], quartiles[2], color=GREY, alpha=0.25, linewidth=0)
                axes.plot(days, quartiles[1], color=INK, linewidth=1.8)
            _limits(axes, view)
            axes.set_xlim(0, view.context.in_unit(end))
            axes.set_xlabel(say("response.figure.time", unit=say(cells.UNIT_NAMES[view.context.unit])))
        panels[0].set_ylabel(say("response.figure.change"))
    return Figure(
        title=say("response.figure.spider.title"),
        drawing=figure,
        alternative_text=_spider_text(view, lines),
        data=_spider_data(view, band),
        footnotes=[say("response.figure.spider.how_to_read"), *drawn_of(view, lines)],
    )


def drawn_of(view: View, lines: pd.DataFrame) -> list[str]:
    """How many patients of each arm are drawn, where not all are."""
    parts = []
    for arm in view.context.arms:
        of = lines[lines["arm"] == arm]
        shown = int(of["line"].nunique())
        every = int(of["of"].iloc[0]) if len(of) else 0
        if shown < every:
            parts.append(view.words("response.figure.drawn_arm", shown=shown, every=every, arm=view.label(arm)))
    return [view.words("response.figure.drawn", arms=parts)] if parts else []


def _panels(view: View, arms: Sequence[str], size: Size) -> tuple[MatplotlibFigure, list[Axes]]:
    """A panel for each arm, side by side, under its name; several rows where there are many arms."""
    from matplotlib.figure import Figure as MatplotlibFigure

    columns = min(len(arms), 3 if size == "main" else 2)
    down = -(-len(arms) // columns)
    width, height = (8.6, 3.5) if size == "main" else (4.7, 2.3)
    figure = MatplotlibFigure(figsize=(width, height * down))
    made = figure.subplots(down, columns, sharey=True, squeeze=False)
    figure.subplots_adjust(
        left=0.085 if size == "main" else 0.15,
        right=0.985,
        top=0.90 if size == "main" else 0.84,
        bottom=0.15 if size == "main" else 0.12,
        wspace=0.06,
        hspace=0.45,
    )
    panels = [axes for row in made for axes in row]
    for spare in panels[len(arms) :]:
        spare.set_visible(False)
    for axes, arm in zip(panels, arms, strict=False):
        small = size == "first_screen"
        label = wrapped(view.label(arm), round((40 if small else 100) / columns), lines=2 if small else 1)
        axes.set_title(label, color=pens(view.context.arms)[arm].colour, fontweight="bold", fontsize=9.5, loc="left")
    return figure, panels[: len(arms)]


def _bars(axes: Axes, heights: list[float], responded: list[bool], colour: str) -> None:
    """Bars as two filled outlines, so that hundreds of them stay small and sharp."""
    for wanted, alpha in ((True, 1.0), (False, 0.38)):
        edges: list[Any] = []
        for place, (height, yes) in enumerate(zip(heights, responded, strict=True)):
            if yes == wanted:
                # No change at all still is a bar.
                tall = height if abs(height) >= 0.8 else 0.8
                edges.append([(place + 0.1, 0), (place + 0.1, tall), (place + 0.9, tall), (place + 0.9, 0)])
        if edges:
            from matplotlib.collections import PolyCollection

            axes.add_collection(PolyCollection(edges, facecolors=colour, alpha=alpha, linewidths=0))
    axes.set_xlim(0, max(len(heights), 1))


def _limits(axes: Axes, view: View) -> None:
    """The upright axis with the limits of response and progression."""
    axes.set_ylim(LOWEST, HIGHEST + 5)
    axes.set_yticks([-100, -50, 0, 50, 100], [view.words.number(tick) for tick in (-100, -50, 0, 50, 100)])
    axes.axhline(0, color=GREY, linewidth=0.8)
    for limit in (PARTIAL, PROGRESSION):
        axes.axhline(limit, color=GREY, linestyle=(0, (4, 3)), linewidth=0.8)
    axes.grid(axis="y", linewidth=0.5, color=GRID)
    axes.set_axisbelow(True)


def _in_unit(view: View, days: pd.Series) -> list[float]:
    return [view.context.in_unit(float(day)) for day in days]


def _class(change: float) -> str:
    return "shrunk" if change <= PARTIAL else "grown" if change >= PROGRESSION else "between"


def _counts(bars: pd.DataFrame, arm: str) -> dict[str, int]:
    changes = [_class(float(change)) for change in bars.loc[bars["arm"] == arm, "percent_change"]]
    return {name: changes.count(name) for name, _, _ in CLASSES}


def _waterfall_text(view: View, bars: pd.DataFrame) -> str:
    parts = []
    for arm in view.context.arms:
        counts = _counts(bars, arm)
        parts.append(
            view.words("response.figure.waterfall.alt_arm", arm=view.label(arm), n=sum(counts.values()), **counts)
        )
    return view.words("response.figure.waterfall.alt", arms=view.words("figure.sentence_gap").join(parts))


def _waterfall_data(view: View, bars: pd.DataFrame) -> Table:
    """Counts by class of change and best overall response."""
    say, arms = view.words, view.context.arms
    lines, groups = [], []
    for name, _, _ in CLASSES:
        for best in BEST:
            counts = [
                sum(
                    1
                    for change, was in zip(of["percent_change"], of["best"], strict=True)
                    if _class(float(change)) == name and was == best
                )
                for of in (bars[bars["arm"] == arm] for arm in arms)
            ]
            if any(counts):
                lines.append((say(BEST[best]), *(say.number(count) for count in counts)))
                groups.append(say(f"response.figure.class.{name}"))
    return Table(
        title=say("figure.data_title"),
        columns=(say("response.table.best"), *(view.label(arm) for arm in arms)),
        rows=lines,
        groups=groups,
    )


def _spider_text(view: View, lines: pd.DataFrame) -> str:
    parts = []
    for arm in view.context.arms:
        of = lines[lines["arm"] == arm]
        deepest = [float(change) for change in of.groupby("line")["percent_change"].min()] if len(of) else []
        shrunk = sum(1 for change in deepest if change <= PARTIAL)
        parts.append(view.words("response.figure.spider.alt_arm", arm=view.label(arm), n=len(deepest), shrunk=shrunk))
    return view.words("response.figure.spider.alt", arms=view.words("figure.sentence_gap").join(parts))


def _spider_data(view: View, band: pd.DataFrame) -> Table:
    say, lines, groups = view.words, [], []
    for arm in view.context.arms:
        for row in band[band["arm"] == arm].to_dict("records") if len(band) else ():
            values = [say.number(row[name], 1) for name in ("q1", "median", "q3")]
            time = say.number(view.context.in_unit(float(row["day"])), 1)
            lines.append((time, say.number(row["n"]), *values))
            groups.append(view.label(arm))
    unit = say(cells.UNIT_NAMES[view.context.unit])
    return Table(
        title=say("figure.data_title"),
        columns=(
            say("response.figure.time", unit=unit),
            say("table.subjects"),
            *(say(f"response.figure.spider.{name}") for name in ("q1", "median", "q3")),
        ),
        rows=lines,
        groups=groups,
    )
