"""The swimmer figure: the course of each patient as a bar, with treatment, response, progression and death."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import wrapped
from evidence_lib.report.figures.response import drawn_of
from evidence_lib.report.theme import GREY, INK, pens, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

ROW_INCHES = 0.115
# Marks by what they mean, drawn in black so that they stand out on the bars of every arm.
MARKS = {"response": "o", "progression": "x", "died": "s", "ongoing": ">"}


def swimmer(course: pd.DataFrame, *, view: View) -> Figure:
    """The course of patients from the start to the end of follow-up, the longest first, one block per arm.

    Parameters
    ----------
    course : DataFrame
        ``response.swimmer``: arm, line, best, end, treated_until, response, progression, died, ongoing, of; days.
    view : View
        The context, the results and the words.

    Notes
    -----
    Misreading: a bar that ends without a mark is a patient who was not followed further, not one who was cured.
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    say, arms = view.words, cells.present_arms(view, course["arm"].unique())
    pen = pens(view.context.arms)
    rows = len(course) + 1.8 * len(arms)
    height = ROW_INCHES * rows + 1.0
    with theme(view.item or "swimmer"):
        figure = MatplotlibFigure(figsize=(8.6, height))
        axes = figure.add_axes((0.02, 0.55 / height, 0.96, (height - 0.95) / height))
        y = 0.0
        for arm in arms:
            label = wrapped(view.label(arm), 70, lines=1)
            axes.text(0, y, label, color=pen[arm].colour, fontweight="bold", va="center")
            y += 1.2
            for row in course[course["arm"] == arm].to_dict("records"):
                _row(axes, view, row, y, pen[arm].colour)
                y += 1.0
            y += 0.6
        _dress(axes, view, course, y)
        _key(axes, view)
    return Figure(
        title=say("response.figure.swimmer.title"),
        drawing=figure,
        alternative_text=_alternative_text(view, course, arms),
        data=_data(view, course, arms),
        footnotes=[say("response.figure.swimmer.how_to_read"), *drawn_of(view, course)],
    )


def _row(axes: Axes, view: View, row: Mapping[Any, Any], y: float, colour: str) -> None:
    end = _time(view, row["end"]) or 0.0
    axes.barh(y, end, height=0.62, color=colour, alpha=0.28, linewidth=0)
    treated = _time(view, row["treated_until"])
    if treated is not None:
        axes.barh(y, min(treated, end), height=0.62, color=colour, linewidth=0)
    for name in ("response", "progression"):
        at = _time(view, row[name])
        if at is not None:
            _mark(axes, name, at, y)
    if row["died"]:
        _mark(axes, "died", end, y)
    elif row["ongoing"]:
        _mark(axes, "ongoing", end, y)


def _mark(axes: Axes, name: str, x: float, y: float) -> None:
    face = "white" if name == "response" else INK
    axes.plot([x], [y], marker=MARKS[name], markersize=3.4, color=INK, markerfacecolor=face, markeredgewidth=0.9)


def _dress(axes: Axes, view: View, course: pd.DataFrame, y: float) -> None:
    longest = max((_time(view, end) or 0.0 for end in course["end"]), default=1.0)
    axes.set_xlim(0, longest * 1.03 or 1)
    axes.set_ylim(y, -1.0)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(view.words("response.figure.time", unit=view.words(cells.UNIT_NAMES[view.context.unit])))


def _key(axes: Axes, view: View) -> None:
    """What the marks and shades mean, in a line above the bars."""
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    handles: list[Any] = [
        Patch(facecolor=GREY, label=view.words("response.figure.swimmer.treated")),
        Patch(facecolor=GREY, alpha=0.28, label=view.words("response.figure.swimmer.followed")),
    ]
    for name, marker in MARKS.items():
        handles.append(
            Line2D(
                [],
                [],
                linestyle="none",
                marker=marker,
                markersize=4.5,
                color=INK,
                markerfacecolor="white" if name == "response" else INK,
                label=view.words(f"response.figure.swimmer.{name}"),
            )
        )
    axes.legend(
        handles=handles,
        loc="lower left",
        bbox_to_anchor=(0, 1.0),
        ncols=6,
        frameon=False,
        fontsize=8,
        handletextpad=0.4,
        columnspacing=1.1,
        borderpad=0,
    )


def _time(view: View, days: Any) -> float | None:
    if days is None or days != days:
        return None
    return float(view.context.in_unit(float(days)))


def _counts(course: pd.DataFrame, arm: str) -> dict[str, int]:
    of = course[course["arm"] == arm]
    return {
        "n": len(of),
        "response": int(of["response"].notna().sum()),
        "progression": int(of["progression"].notna().sum()),
        "died": int(of["died"].astype(bool).sum()),
        "ongoing": int((of["ongoing"].astype(bool) & ~of["died"].astype(bool)).sum()),
    }


def _alternative_text(view: View, course: pd.DataFrame, arms: Sequence[str]) -> str:
    parts = [view.words("response.figure.swimmer.alt_arm", arm=view.label(arm), **_counts(course, arm)) for arm in arms]
    return view.words("response.figure.swimmer.alt", arms=view.words("figure.sentence_gap").join(parts))


def _data(view: View, course: pd.DataFrame, arms: Sequence[str]) -> Table:
    say = view.words
    counts = {arm: _counts(course, arm) for arm in arms}
    names = {"n": say("response.figure.swimmer.drawn")} | {
        name: say(f"response.figure.swimmer.{name}") for name in MARKS
    }
    return Table(
        title=say("figure.data_title"),
        columns=(say("response.figure.swimmer.mark"), *(view.label(arm) for arm in arms)),
        rows=[(text, *(say.number(counts[arm][name]) for arm in arms)) for name, text in names.items()],
    )
