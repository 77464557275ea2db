"""The forest of regions: each by itself, where chance would put it, shrunken, and the trial without it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

from evidence_lib.report import cells
from evidence_lib.report import regional as read
from evidence_lib.report.comparison import Value, value_of
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import wrapped
from evidence_lib.report.theme import GREY, INK, pens, theme

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as Drawing

Size = Literal["main", "first_screen"]
TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
NARROWEST, WIDEST = (0.5, 2.0), (0.1, 10.0)
LINE_INCHES = {"main": 0.44, "first_screen": 0.36}
FIRST_SCREEN_INCHES, NARROWEST_LINE = 4.2, 0.19
BAND = "#d5e3f0"
PALE_INK = "#6b7684"
NOTHING = read.NOTHING


@dataclass(frozen=True)
class _Line:
    """One line: a comparison's heading, the whole trial, or a region with what goes beside it."""

    label: str
    counts: str = ""
    text: str = ""
    own: Value = NOTHING
    expected: Value = NOTHING
    shrunken: Value = NOTHING
    without: Value = NOTHING
    colour: str = INK
    is_whole: bool = False
    is_focus: bool = False


def regional_forest(*, view: View, size: Size = "main") -> Figure:
    """Hazard ratios of the regions beside that of the whole trial, with the range that chance alone would bring.

    Parameters
    ----------
    view : View
        The hazard ratios by region, ``regional.expected.ratio``, ``regional.shrunken.ratio`` and
        ``regional.leave_one_out.ratio`` are read from its results.
    size : {"main", "first_screen"}
        The figure of the text, or the smaller one of the first screen: without shrunken estimates and counts.

    Returns
    -------
    Figure
        Square with line: the region by itself. Pale bar: where its estimate would fall if the overall effect held in
        every region. Ring: shrunken towards the others. Triangle: the trial without the region.

    Notes
    -----
    Misreading: the interval of a small region that includes 1 does not show that the treatment fails there, and one
    region of twenty lies outside its bar by chance.
    """
    lines = [line for treatment in view.context.treatments for line in _block(view, treatment)]
    low, high = _ends(lines)
    with theme(view.item or "regional-forest", small=size == "first_screen"):
        figure, axes = _canvas(len(lines), size)
        _dress(axes, view, low, high, len(lines), size)
        for i, line in enumerate(lines):
            _draw(axes, line, len(lines) - 1 - i, (low, high), size)
            if line.is_whole and line.own.estimate is not None and low <= line.own.estimate <= high:
                _down(axes, line.own.estimate, len(lines) - 1 - i, len(read.region_lines(view)), line.colour)
        _legend(figure, view, size)
    rows = [view.results.find(f"regional.{name}.ratio") for name in ("expected", "shrunken", "leave_one_out")]
    return Figure(
        title=view.words("regional.figure.title"),
        drawing=figure,
        alternative_text=_alternative_text(view, lines),
        data=_data(view, lines),
        footnotes=[view.words("regional.figure.how_to_read", level=cells.level(view)), *cells.footnotes(view, rows)],
    )


def _block(view: View, treatment: str) -> list[_Line]:
    """The lines of one comparison: its heading where there are several, the whole trial, the regions."""
    colour = pens(view.context.arms)[treatment].colour
    versus = cells.versus(view, treatment, view.context.reference)
    lines = [_Line(label=versus)] if len(view.context.treatments) > 1 else []
    whole = read.whole_row(view, treatment)
    shared = {"colour": colour, "counts": _counts(view, whole), "text": read.effect_text(view, whole)}
    name = view.words("regional.table.whole")
    lines.append(_Line(label=name, own=read.whole_value(view, treatment), is_whole=True, **shared))  # type: ignore[arg-type]
    focus = read.plan_of(view)["focus"]
    for entry in read.region_lines(view):
        region = str(entry["region"])
        pair = {"treatment": treatment, "region": region}
        row = read.own_row(view, treatment, region)
        lines.append(
            _Line(
                label=view.label(region),
                counts=_counts(view, row),
                text=read.effect_text(view, row),
                own=read.own_value(view, treatment, region),
                expected=value_of(view, "regional.expected.ratio", **pair),
                shrunken=value_of(view, "regional.shrunken.ratio", **pair),
                without=value_of(view, "regional.leave_one_out.ratio", **pair),
                colour=colour,
                is_focus=region == focus,
            )
        )
    return lines


def _counts(view: View, row: Any) -> str:
    n, events = (cells.statistic(view, row, name) if row is not None else None for name in ("n", "events"))
    return view.words("figure.forest.counts", events=cells.value_text(view, events), n=cells.value_text(view, n))


def _ends(lines: Sequence[_Line]) -> tuple[float, float]:
    """The ends of the axis: what the values need, between 0.5 to 2 and 0.1 to 10."""
    values = [value for line in lines for value in (line.own, line.expected)]
    numbers = [x for value in values for x in (value.estimate, value.low, value.high) if x is not None and x > 0]
    low = max(min([*numbers, NARROWEST[0]]), WIDEST[0])
    high = min(max([*numbers, NARROWEST[1]]), WIDEST[1])
    return low / 1.06, high * 1.06


def _canvas(lines: int, size: Size) -> tuple[Drawing, Axes]:
    from matplotlib.figure import Figure as MatplotlibFigure

    bottom, top = (0.98, 0.30) if size == "main" else (0.92, 0.12)
    line = LINE_INCHES[size]
    if size == "first_screen":  # many regions stand closer together
        line = min(line, max(FIRST_SCREEN_INCHES / max(lines, 1), NARROWEST_LINE))
    height = line * max(lines, 1) + bottom + top
    figure = MatplotlibFigure(figsize=(8.6 if size == "main" else 4.7, height))
    left, width = (0.36, 0.37) if size == "main" else (0.34, 0.63)
    return figure, figure.add_axes((left, bottom / height, width, (height - bottom - top) / height))


def _dress(axes: Axes, view: View, low: float, high: float, lines: int, size: Size) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(-0.6, lines - 0.4)
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.set_xticks(ticks, [view.words.number(tick, 1 if tick < 1 else 0) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(1, color=GREY, linewidth=0.9)
    axes.set_xlabel(view.words(f"regional.figure.{'axis' if size == 'main' else 'axis_short'}"))
    if size == "first_screen":
        return
    across = axes.get_yaxis_transform()
    headings = ((-0.06, "regional.table.events_of_n", "right"), (1.04, "regional.figure.result", "left"))
    for x, key, align in headings:
        text = view.words(key, level=cells.level(view))
        axes.text(x, lines - 0.22, text, transform=across, ha=align, va="center", color=GREY)


def _draw(axes: Axes, line: _Line, y: int, ends: tuple[float, float], size: Size) -> None:
    across = axes.get_yaxis_transform()
    weight = "bold" if line.is_whole or line.is_focus else "normal"
    edge = -0.95 if size == "main" else -0.53
    label = wrapped(line.label, 26 if size == "main" else 17, lines=2)
    axes.text(edge, y, label, transform=across, ha="left", va="center", fontweight=weight)
    if not line.text:
        return
    if size == "main":
        axes.text(-0.06, y, line.counts, transform=across, ha="right", va="center")
        colour = INK if line.own.given else GREY
        axes.text(1.04, y, line.text, transform=across, ha="left", va="center", color=colour, fontweight=weight)
    if line.expected.low is not None and line.expected.high is not None:
        low, high = (min(max(x, ends[0]), ends[1]) for x in (line.expected.low, line.expected.high))
        axes.fill_between([low, high], y - 0.36, y + 0.36, color=BAND, linewidth=0, zorder=0)
    shift = 0.12 if size == "main" and not line.is_whole else 0.0
    _interval(
        axes, line.own, y + shift, ends, line.colour, "D" if line.is_whole else "s", 6.5 if line.is_whole else 5.5
    )
    if size == "main":
        _interval(axes, line.shrunken, y - 0.12, ends, PALE_INK, "o", 4.5, hollow=True)
        if line.without.estimate is not None and ends[0] <= line.without.estimate <= ends[1]:
            axes.plot([line.without.estimate], [y - 0.31], marker="^", markersize=4.5, color=GREY, linestyle="none")


def _down(axes: Axes, at: float, y: int, regions: int, colour: str) -> None:
    """The line of the whole trial, through its regions."""
    axes.plot([at, at], [y - regions - 0.45, y], color=colour, linewidth=0.7, linestyle=(0, (2, 2)), zorder=1)


def _interval(
    axes: Axes,
    value: Value,
    y: float,
    ends: tuple[float, float],
    colour: str,
    marker: str,
    size: float,
    *,
    hollow: bool = False,
) -> None:
    """A mark with its interval; an arrow where the interval goes on beyond the axis."""
    if value.estimate is None:
        return
    low, high = (limit if limit is not None else end for limit, end in ((value.low, ends[0]), (value.high, ends[1])))
    shown = [max(low, ends[0]), min(high, ends[1])]
    axes.plot(shown, [y, y], color=colour, linewidth=0.9 if hollow else 1.5, solid_capstyle="butt", zorder=3)
    for beyond, end, arrow in ((low <= ends[0], ends[0], "<"), (high >= ends[1], ends[1], ">")):
        if beyond:
            axes.plot([end], [y], marker=arrow, color=colour, markersize=5, clip_on=False)
    if ends[0] <= value.estimate <= ends[1]:
        face = "white" if hollow else colour
        axes.plot([value.estimate], [y], marker=marker, markersize=size, color=colour, markerfacecolor=face, zorder=4)


def _legend(figure: Drawing, view: View, size: Size) -> None:
    from matplotlib.lines import Line2D
    from matplotlib.patches import Patch

    colour = pens(view.context.arms)[view.context.treatments[0]].colour if view.context.treatments else INK
    marks: list[Any] = [
        Line2D([], [], color=colour, marker="s", markersize=5, label=view.words("regional.figure.own")),
        Patch(color=BAND, label=view.words("regional.figure.expected")),
    ]
    if size == "main":
        marks += [
            Line2D([], [], color=PALE_INK, marker="o", markersize=4.5, markerfacecolor="white", linewidth=0.9,
                   label=view.words("regional.figure.shrunken")),
            Line2D([], [], color=GREY, marker="^", markersize=4.5, linestyle="none",
                   label=view.words("regional.figure.without")),
        ]  # fmt: skip
    figure.legend(handles=marks, loc="lower left", ncols=2 if size == "main" else 1, frameon=False, fontsize=8.4)


def _alternative_text(view: View, lines: Sequence[_Line]) -> str:
    say = view.words
    regions = [line for line in lines if line.text and not line.is_whole]
    values = [line.own.estimate for line in regions if line.own.estimate is not None]
    parts = [say("regional.figure.alt.whole", value=line.text) for line in lines if line.is_whole]
    if values:
        parts.append(say("regional.figure.alt.regions", n=len(values), low=min(values), high=max(values)))
        outside = [line.label for line in regions if _outside(line)]
        key = "regional.figure.alt.outside" if outside else "regional.figure.alt.inside"
        parts.append(say(key, names=outside))
    else:
        parts.append(say("regional.figure.alt.none"))
    return say("figure.sentence_gap").join(parts)


def _outside(line: _Line) -> bool:
    """Whether the region's estimate lies outside the range that chance alone would bring."""
    own, low, high = line.own.estimate, line.expected.low, line.expected.high
    return own is not None and low is not None and high is not None and not low <= own <= high


def _data(view: View, lines: Sequence[_Line]) -> Table:
    rows = [
        (line.label, line.counts, line.text, *(_value_text(view, value) for value in (line.shrunken, line.without)))
        for line in lines
        if line.text
    ]
    say, level = view.words, cells.level(view)
    return Table(
        title=say("figure.data_title"),
        columns=(
            say("regional.table.region"),
            say("regional.table.events_of_n"),
            say("regional.table.ratio", level=level),
            say("regional.table.shrunken", level=level),
            say("regional.table.without", level=level),
        ),
        rows=rows,
    )


def _value_text(view: View, value: Value) -> str:
    if value.estimate is None:
        return view.words("table.none")
    low, high = (view.words.form(limit, "ratio") for limit in (value.low, value.high))
    number = view.words.form(value.estimate, "ratio")
    return view.words(
        "table.estimate_interval", value=number, interval=view.words("table.interval", low=low, high=high)
    )
