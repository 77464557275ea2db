"""The flow of participants through a trial, in the boxes of CONSORT 2025."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import wrapped
from evidence_lib.report.theme import GREY, INK, pens, theme

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

EVERYBODY = "all"
STAGES = (("allocated", "treated", "not_treated"), ("completed", "ongoing", "discontinued"), ("analysed",))
REASONS_SHOWN = 6
LINE = 0.185  # inches of a line of text
PADDING = 0.11
GAP = 0.28
WIDTH = 8.6


@dataclass(frozen=True)
class _Box:
    lines: Sequence[str]

    @property
    def height(self) -> float:
        return LINE * len(self.lines) + 2 * PADDING


def consort_flow(flow: pd.DataFrame, *, view: View, size: str = "full") -> Figure:
    """How many people entered, were treated, went on to the end and were analysed, arm by arm.

    Parameters
    ----------
    flow : DataFrame
        ``baseline.flow``: step, arm (``all`` before randomisation), reason, n.
    view : View
        The context, the results and the words.
    size : str
        ``full``, or ``first_screen``: the most frequent reasons only.

    Returns
    -------
    Figure
        Boxes from the top down, a column for each arm from randomisation on.

    Notes
    -----
    Misreading: who stopped treatment early is still followed and analysed; "discontinued" is not "lost".
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    small = size == "first_screen"
    arms = cells.present_arms(view, flow["arm"].unique())
    top = [box for box in (_common(flow, "assessed", view), _common(flow, "randomised", view)) if box]
    aside = _with_reasons(flow, "not_randomised", EVERYBODY, view, _characters(2), most=3 if small else REASONS_SHOWN)
    stages = _stages(flow, arms, view, most=2 if small else REASONS_SHOWN)
    heights = [box.height for box in top] + [max(box.height for box in stage) for stage in stages]
    beside = max(GAP, aside.height + 0.2) if aside else GAP
    total = sum(heights) + beside + GAP * (len(heights) - 1) + 0.1
    with theme(view.item or "flow", small=small):
        figure = MatplotlibFigure(figsize=(WIDTH if not small else 6.4, total))
        axes = figure.add_axes((0.0, 0.0, 1.0, 1.0))
        axes.set_axis_off()
        axes.set_xlim(0, 1)
        axes.set_ylim(total, 0)
        _draw(axes, top, aside, stages, arms, view, beside)
    return Figure(
        title=view.words("baseline.figure.flow.title"),
        drawing=figure,
        alternative_text=_alternative_text(flow, arms, view),
        data=_data(flow, view),
        footnotes=[view.words("baseline.figure.flow.source")],
    )


def _draw(
    axes: Axes,
    top: Sequence[_Box],
    aside: _Box | None,
    stages: Sequence[Sequence[_Box]],
    arms: Sequence[str],
    view: View,
    beside: float,
) -> None:
    y = 0.05
    previous: float | None = None
    for position, box in enumerate(top):
        if previous is not None:
            _line(axes, 0.5, previous, y, arrow=True)
            if aside is not None:
                middle = (previous + y) / 2
                _line_across(axes, 0.5, 0.56, middle)
                _box(axes, 0.78, middle - aside.height / 2, aside, 0.42, INK)
        _box(axes, 0.5, y, box, 0.42, INK)
        previous = y + box.height
        y = previous + (beside if position < len(top) - 1 else GAP)
    centres = [(i + 0.5) / len(arms) for i in range(len(arms))]
    pen = pens(view.context.arms)
    if previous is not None and len(arms) > 1:
        fork = previous + GAP / 2
        axes.plot([0.5, 0.5], [previous, fork], color=GREY, linewidth=0.9)
        axes.plot([centres[0], centres[-1]], [fork, fork], color=GREY, linewidth=0.9)
        previous = fork
    ends: list[float | None] = [previous] * len(arms)
    for stage in stages:
        height = max(box.height for box in stage)
        for i, box in enumerate(stage):
            end = ends[i]
            if end is not None:
                _line(axes, centres[i], end, y, arrow=True)
            same = _Box([*box.lines, *[""] * round((height - box.height) / LINE)])
            _box(axes, centres[i], y, same, 0.94 / len(arms), pen[arms[i]].colour)
            ends[i] = y + height
        y += height + GAP


def _box(axes: Axes, centre: float, top: float, box: _Box, width: float, colour: str) -> None:
    from matplotlib.patches import Rectangle

    axes.add_patch(
        Rectangle((centre - width / 2, top), width, box.height, facecolor="white", edgecolor=colour, linewidth=1.1)
    )
    for i, line in enumerate(box.lines):
        axes.text(
            centre - width / 2 + 0.012,
            top + PADDING + LINE * (i + 0.5),
            line,
            va="center",
            ha="left",
            color=colour if i == 0 else INK,
            fontweight="bold" if i == 0 else "normal",
        )


def _line(axes: Axes, x: float, start: float, end: float, *, arrow: bool) -> None:
    axes.annotate("", (x, end), (x, start), arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 0.9})


def _line_across(axes: Axes, start: float, end: float, y: float) -> None:
    axes.annotate("", (end + 0.01, y), (start, y), arrowprops={"arrowstyle": "-|>", "color": GREY, "linewidth": 0.9})


def _stages(flow: pd.DataFrame, arms: Sequence[str], view: View, *, most: int) -> list[list[_Box]]:
    stages = []
    for steps in STAGES:
        boxes = [_stage(flow, steps, arm, view, _characters(len(arms)), most=most) for arm in arms]
        if any(box.lines for box in boxes):
            stages.append(boxes)
    return stages


def _stage(flow: pd.DataFrame, steps: Sequence[str], arm: str, view: View, width: int, *, most: int) -> _Box:
    lines: list[str] = []
    if steps[0] == "allocated":
        lines += wrapped(view.label(arm), width).split("\n")[:1]
    for step in steps:
        lines += (
            _with_reasons(flow, step, arm, view, width, most=most).lines if _count(flow, step, arm) is not None else []
        )
    return _Box(lines)


def _common(flow: pd.DataFrame, step: str, view: View) -> _Box | None:
    n = _count(flow, step, EVERYBODY)
    return None if n is None else _Box([_said(view, step, n)])


def _with_reasons(flow: pd.DataFrame, step: str, arm: str, view: View, width: int, *, most: int) -> Any:
    """A step with its most frequent reasons, the others together; None where the flow does not have the step."""
    n = _count(flow, step, arm)
    if n is None:
        return None
    lines = [_said(view, step, n)]
    reasons = _reasons(flow, step, arm)
    shown = reasons if len(reasons) <= most else reasons[: most - 1]
    for reason, count in shown:
        text = view.words("baseline.figure.flow.reason", reason=_reason(view, reason), n=count)
        lines.append("  " + wrapped(text, width - 2, lines=1))
    others = sum(count for _, count in reasons[len(shown) :])
    if others:
        lines.append("  " + view.words("baseline.figure.flow.others", n=others))
    return _Box(lines)


def _said(view: View, step: str, n: int) -> str:
    return view.words(f"baseline.figure.flow.{step}", n=n)


def _reason(view: View, reason: str) -> str:
    if not reason:
        return view.words("baseline.no_reason")
    return view.label(reason) if reason in view.context.labels else reason.capitalize() if reason.isupper() else reason


def _count(flow: pd.DataFrame, step: str, arm: str) -> int | None:
    found = flow[(flow["step"] == step) & (flow["arm"] == arm) & flow["reason"].isna()]
    return int(found["n"].iloc[0]) if len(found) else None


def _reasons(flow: pd.DataFrame, step: str, arm: str) -> list[tuple[str, int]]:
    found = flow[(flow["step"] == step) & (flow["arm"] == arm) & flow["reason"].notna()]
    return [(str(reason), int(n)) for reason, n in zip(found["reason"], found["n"], strict=True)]


def _characters(columns: int) -> int:
    return max(20, int(100 / columns))


def _alternative_text(flow: pd.DataFrame, arms: Sequence[str], view: View) -> str:
    parts = [
        _said(view, step, n)
        for step in ("assessed", "not_randomised", "randomised")
        if (n := _count(flow, step, EVERYBODY)) is not None
    ]
    for arm in arms:
        said = [
            _said(view, step, n) for steps in STAGES for step in steps if (n := _count(flow, step, arm)) is not None
        ]
        parts.append(view.words("baseline.figure.flow.alt_arm", arm=view.label(arm), steps=view.words.listed(said)))
    return view.words("figure.sentence_gap").join(parts)


def _data(flow: pd.DataFrame, view: View) -> Table:
    rows = []
    for record in flow.to_dict("records"):
        reason = record["reason"]
        step = view.words(f"baseline.step.{record['step']}")
        arm = view.words("table.everybody") if record["arm"] == EVERYBODY else view.label(str(record["arm"]))
        why = "" if reason is None or reason != reason else _reason(view, str(reason))
        rows.append((step, arm, why, view.words.number(record["n"])))
    return Table(
        title=view.words("figure.data_title"),
        columns=(
            view.words("baseline.step"),
            view.words("table.arm"),
            view.words("baseline.reason"),
            view.words("table.subjects"),
        ),
        rows=rows,
    )
