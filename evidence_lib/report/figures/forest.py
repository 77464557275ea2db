"""The subgroup forest: hazard ratios within subgroups, with the test for interaction."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import wrapped
from evidence_lib.report.theme import GREY, GRID, INK, pens, theme
from evidence_lib.results import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

TICKS = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0, 10.0)
NARROWEST, WIDEST = (0.5, 2.0), (0.1, 10.0)
LINE_INCHES = 0.235


@dataclass(frozen=True)
class ForestLine:
    """One line of a forest: a heading (``row`` is None) or a hazard ratio."""

    label: str
    row: Row | None
    subjects: str = ""
    result: str = ""
    note: str = ""
    overall: bool = False
    heading: bool = False
    colour: str = INK


def forest(*, view: View) -> Figure:
    """Hazard ratios within subgroups beside the overall one, read from the results.

    Parameters
    ----------
    view : View
        ``cox.hazard_ratio.subgroup`` and ``cox.interaction`` are read from its results, and the overall hazard ratio
        of the same model, without strata.

    Returns
    -------
    Figure
        A ratio under 1 (to the left) means a lower hazard with the treatment. An arrow means that the interval goes
        on beyond the axis, which ends at 0.1 and 10; a line that cannot be estimated says so in words.

    Notes
    -----
    Misreading: intervals of small subgroups are wide, so a subgroup whose interval includes 1 beside another whose
    does not is no sign of a different effect; only the interaction test compares them, and with many subgroups a
    small p-value is expected by chance.
    """
    lines = [line for treatment in view.context.treatments for line in _block(view, treatment)]
    return Figure(
        title=view.words("figure.forest.title"),
        drawing=drawn(view, lines, heading=view.words("figure.forest.subgroup")),
        alternative_text=_alternative_text(view, lines),
        data=_data(view, lines),
        footnotes=[
            view.words("figure.forest.how_to_read"),
            *cells.footnotes(view, [line.row for line in lines if line.row is not None]),
        ],
    )


def drawn(view: View, lines: Sequence[ForestLine], *, heading: str) -> MatplotlibFigure:
    """The drawing of a forest: labels, counts, intervals on a log scale, and the ratios in words."""
    from matplotlib.figure import Figure as MatplotlibFigure

    low, high = _limits(view, [line.row for line in lines if line.row is not None])
    height = LINE_INCHES * (len(lines) + 1) + 0.75
    with theme(view.item or "forest"):
        figure = MatplotlibFigure(figsize=(8.6, height))
        axes = figure.add_axes((0.40, 0.68 / height, 0.33, (height - 0.73) / height))
        _dress(axes, view, low, high, len(lines))
        for i, line in enumerate(lines):
            _draw_line(axes, view, line, len(lines) - 1 - i, low, high)
        _draw_headings(axes, view, len(lines), heading)
    return figure


def _block(view: View, treatment: str) -> list[ForestLine]:
    """The lines of one comparison: its heading where there are several, overall, then every subgroup."""
    colour = pens(view.context.arms)[treatment].colour
    lines = []
    if len(view.context.treatments) > 1:
        lines.append(ForestLine(cells.versus(view, treatment, view.context.reference), None, heading=True))
    overall = cells.unstratified_hazard_ratio(view, treatment)
    if overall is not None:
        lines.append(ratio_line(view, view.words("figure.forest.overall"), overall, colour, overall=True))
    rows = view.results.select("cox.hazard_ratio.subgroup", treatment=treatment)
    for subgroup in dict.fromkeys(str(row.groups["subgroup"]) for row in rows):
        p = view.results.find("cox.interaction", "p_value", treatment=treatment, subgroup=subgroup)
        note = _interaction(view, p) if p is not None else ""
        lines.append(ForestLine(view.label(subgroup), None, note=note))
        for row in rows:
            if str(row.groups["subgroup"]) == subgroup:
                lines.append(ratio_line(view, view.label(str(row.groups["level"])), row, colour))
    return lines


def _interaction(view: View, p: Row) -> str:
    if p.value is None:
        return view.words("figure.forest.interaction_none")
    return view.words("figure.forest.interaction", p=cells.value_text(view, p))


def ratio_line(view: View, label: str, row: Row, colour: str, *, overall: bool = False) -> ForestLine:
    """The line of a hazard ratio, with its events and subjects."""
    n, events = (cells.statistic(view, row, name) for name in ("n", "events"))
    subjects = view.words("figure.forest.counts", events=cells.value_text(view, events), n=cells.value_text(view, n))
    if row.status != "ok":
        key = "figure.forest.withheld" if row.status == "withheld" else "figure.forest.not_estimable"
        return ForestLine(label, row, subjects, view.words(key), overall=overall, colour=colour)
    return ForestLine(label, row, subjects, cells.estimate_text(view, row), overall=overall, colour=colour)


def _limits(view: View, rows: Sequence[Row]) -> tuple[float, float]:
    """The ends of the axis: what the intervals need, between 0.5 to 2 and 0.1 to 10."""
    ends = []
    for row in rows:
        for limit in (row, cells.statistic(view, row, "conf_low"), cells.statistic(view, row, "conf_high")):
            if limit is not None and isinstance(limit.value, int | float) and limit.value > 0:
                ends.append(float(limit.value))
    low = max(min([*ends, NARROWEST[0]]), WIDEST[0])
    high = min(max([*ends, NARROWEST[1]]), WIDEST[1])
    return low / 1.06, high * 1.06


def _dress(axes: Axes, view: View, low: float, high: float, lines: int) -> None:
    axes.set_xscale("log")
    axes.set_xlim(low, high)
    axes.set_ylim(-0.6, lines + 0.4)
    ticks = [tick for tick in TICKS if low <= tick <= high]
    axes.set_xticks(ticks, [_tick_text(view, tick) for tick in ticks])
    axes.set_xticks([], minor=True)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(1, ymax=(lines + 0.1) / (lines + 1), color=GREY, linewidth=0.9)
    for key, x, align in (("figure.forest.lower", -4, "right"), ("figure.forest.higher", 4, "left")):
        axes.annotate(
            view.words(key),
            (1, 0),
            xycoords=("data", "axes fraction"),
            xytext=(x, -24),
            textcoords="offset points",
            ha=align,
            va="center",
            color=GREY,
        )


def _tick_text(view: View, tick: float) -> str:
    return view.words.number(tick, 0 if tick >= 1 else 1)


def _draw_headings(axes: Axes, view: View, lines: int, first: str) -> None:
    axes.text(-1.20, lines, first, transform=axes.get_yaxis_transform(), ha="left", va="center", color=GREY)
    for x, key, align in (
        (-0.06, "figure.forest.events_of_n", "right"),
        (1.06, "figure.forest.result", "left"),
    ):
        heading = view.words(key, level=cells.level(view))
        axes.text(x, lines, heading, transform=axes.get_yaxis_transform(), ha=align, va="center", color=GREY)


def _draw_line(axes: Axes, view: View, line: ForestLine, y: float, low: float, high: float) -> None:
    across = axes.get_yaxis_transform()
    indent = 0.0 if line.row is None or line.overall else 0.05
    weight = "bold" if line.overall or line.heading else "normal"
    label = wrapped(line.label, 60 if line.heading else 28, lines=1)
    axes.text(-1.20 + indent, y, label, transform=across, ha="left", va="center", fontweight=weight)
    if line.row is None:
        axes.text(1.06, y, line.note, transform=across, ha="left", va="center", color=GREY)
        return
    axes.text(-0.06, y, line.subjects, transform=across, ha="right", va="center")
    muted = line.row.status != "ok"
    axes.text(
        1.06, y, line.result, transform=across, ha="left", va="center", color=GREY if muted else INK, fontweight=weight
    )
    if line.overall and isinstance(line.row.value, float):
        axes.plot([line.row.value] * 2, [-0.6, y], color=GRID, linewidth=1.2, zorder=0)
    _draw_interval(axes, view, line, y, low, high)


def _draw_interval(axes: Axes, view: View, line: ForestLine, y: float, low: float, high: float) -> None:
    row = line.row
    if row is None or row.status != "ok" or not isinstance(row.value, int | float):
        return
    ends = []
    for name, edge, beyond in (("conf_low", low, min), ("conf_high", high, max)):
        limit = cells.statistic(view, row, name)
        value = float(limit.value) if limit is not None and isinstance(limit.value, int | float) else None
        # No limit (not estimable) is open-ended too: both are drawn to the edge of the axis with an arrow.
        outside = value is None or value <= 0 or beyond(value, edge) == value
        ends.append((edge if value is None or outside else value, outside))
    axes.plot([end for end, _ in ends], [y, y], color=line.colour, linewidth=1.4, solid_capstyle="butt")
    for (end, outside), marker in zip(ends, ("<", ">"), strict=True):
        if outside:
            axes.plot([end], [y], marker=marker, color=line.colour, markersize=5.5, clip_on=False)
    if low <= float(row.value) <= high:
        marker, size = ("D", 6.5) if line.overall else ("s", 5.0)
        axes.plot([float(row.value)], [y], color=line.colour, marker=marker, markersize=size)


def _alternative_text(view: View, lines: Sequence[ForestLine]) -> str:
    ratios = [line for line in lines if line.row is not None and line.row.status == "ok" and not line.overall]
    values = [float(line.row.value) for line in ratios if line.row and isinstance(line.row.value, int | float)]
    overall = [
        view.words(
            "figure.forest.alt_overall",
            comparison=cells.comparison(view, line.row),
            value=line.result,
        )
        for line in lines
        if line.overall and line.row is not None
    ]
    if values:
        spread = view.words("figure.forest.alt_range", count=len(values), low=min(values), high=max(values))
    else:
        spread = view.words("figure.forest.alt_none")
    interactions = [
        view.words("figure.forest.alt_interaction", subgroup=line.label, note=line.note) for line in lines if line.note
    ]
    return view.words("figure.sentence_gap").join([*overall, spread, *interactions])


def _data(view: View, lines: Sequence[ForestLine]) -> Table:
    rows, groups = [], []
    overall = view.words("figure.forest.overall")
    block, group = "", overall
    for line in lines:
        if line.heading:
            block = line.label
        elif line.row is None:
            group = line.label
            if line.note:
                group = view.words("figure.forest.data_group", subgroup=line.label, note=line.note)
        else:
            under = overall if line.overall else group
            rows.append((line.label, line.subjects, line.result))
            groups.append(view.words("figure.forest.data_block", comparison=block, group=under) if block else under)
    return Table(
        title=view.words("figure.data_title"),
        columns=(
            view.words("figure.forest.subgroup"),
            view.words("figure.forest.events_of_n"),
            view.words("figure.forest.result", level=cells.level(view)),
        ),
        rows=rows,
        groups=groups,
    )
