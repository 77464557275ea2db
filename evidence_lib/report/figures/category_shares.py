"""Shares of the categories of an ordinal outcome: one bar per visit and arm."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure
from evidence_lib.report.figures.labels import wrapped
from evidence_lib.report.tables.continuous import categories
from evidence_lib.report.theme import GREY, INK, theme

if TYPE_CHECKING:
    import pandas as pd

Size = Literal["main", "first_screen"]
BAR, GAP = 0.24, 0.14  # inches
LEFT = {"main": 2.3, "first_screen": 1.55}
LABEL_WIDTH = {"main": 30, "first_screen": 21}
LEAST_SHARE_WITH_TEXT = 0.06


def category_shares(counts: pd.DataFrame, *, view: View, size: Size = "main") -> Figure:
    """The shares of the categories in each arm at each visit, from the lowest value on the left to the highest.

    Parameters
    ----------
    counts : DataFrame
        ``continuous.categories``: visit, category, arm, n, share.
    view : View
        The context, the results and the words.
    size : {"main", "first_screen"}
        The first screen shows the last visit only.

    Notes
    -----
    Misreading: shares are of those seen at the visit.
    """
    import matplotlib as mpl
    from matplotlib.figure import Figure as MatplotlibFigure

    say = view.words
    visits = list(dict.fromkeys(counts["visit"]))
    visits = visits[-1:] if size == "first_screen" else visits
    kinds = sorted(dict.fromkeys(counts["category"]))
    arms = cells.present_arms(view, counts["arm"].unique())
    width = {"main": 8.6, "first_screen": 4.7}[size]
    height = 0.75 + len(visits) * (len(arms) * BAR + GAP + 0.2)
    colours = mpl.colormaps["viridis"].resampled(max(len(kinds), 2))
    with theme(view.item or "categories", small=size == "first_screen"):
        figure = MatplotlibFigure(figsize=(width, height))
        left = LEFT[size] / width
        axes = figure.add_axes((left, 0.5 / height, 0.96 - left, (height - 0.75) / height))
        y = 0.0
        for visit in visits:
            axes.text(0, y - 0.11, str(visit), color=GREY, va="center")
            y += 0.2
            for arm in arms:
                start = 0.0
                for place, kind in enumerate(kinds):
                    here = counts[(counts["visit"] == visit) & (counts["arm"] == arm) & (counts["category"] == kind)]
                    share = float(here["share"].iloc[0]) if len(here) else 0.0
                    colour = colours(place)
                    axes.barh(y, share, left=start, height=BAR * 0.86, color=colour, edgecolor="white", linewidth=0.6)
                    if share >= LEAST_SHARE_WITH_TEXT:
                        dark = (
                            sum(weight * part for weight, part in zip((0.3, 0.59, 0.11), colour[:3], strict=True)) < 0.5
                        )
                        ink = "white" if dark else INK
                        axes.text(start + share / 2, y, view.label(str(kind)), ha="center", va="center", color=ink)
                    start += share
                axes.text(-0.01, y, wrapped(view.label(arm), LABEL_WIDTH[size], lines=1), ha="right", va="center")
                y += BAR
            y += GAP
        axes.set_ylim(y, -0.25)
        axes.set_xlim(0, 1)
        axes.set_yticks([])
        axes.spines["left"].set_visible(False)
        ticks = (0, 0.25, 0.5, 0.75, 1) if size == "main" else (0, 0.5, 1)
        axes.set_xticks(ticks, [say.percent(at, 0) for at in ticks])
    return Figure(
        title=say("continuous.table.categories.title", endpoint=view.context.endpoint_label),
        drawing=figure,
        alternative_text=_alternative_text(view, counts, arms, visits[-1:]),
        data=categories(counts, view=view),
        footnotes=[] if size == "first_screen" else [say("continuous.figure.categories.read")],
    )


def _alternative_text(view: View, counts: pd.DataFrame, arms: tuple[str, ...], visits: list[str]) -> str:
    say = view.words
    parts = []
    for visit in visits:
        for arm in arms:
            of = counts[(counts["visit"] == visit) & (counts["arm"] == arm)]
            most = of.loc[of["share"].astype(float).idxmax()] if len(of) else None
            if most is not None:
                category = view.label(str(most["category"]))
                told = {"arm": view.label(arm), "visit": visit, "category": category, "share": float(most["share"])}
                parts.append(say("continuous.figure.categories.alt", **told))
    return say("figure.sentence_gap").join(parts)
