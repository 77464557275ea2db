"""Figures of the results on response: differences by subgroup, and how long responses lasted."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.kaplan_meier import kaplan_meier
from evidence_lib.report.figures.labels import wrapped
from evidence_lib.report.responses import ORR, compared, counted, number, share
from evidence_lib.report.theme import GREY, GRID, INK, pens, theme
from evidence_lib.results import Row

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes

LINE_INCHES = 0.235
DIFFERENCE = ("rd.miettinen_nurminen.unstratified",)


@dataclass(frozen=True)
class _Line:
    """A heading (without a row), or the difference in one subgroup with the counts of both arms."""

    label: str
    row: Row | None = None
    counts: tuple[str, str] = ("", "")
    overall: bool = False
    colour: str = INK
    block: str = ""


def response_subgroups(*, view: View) -> Figure:
    """The difference of the shares of responders within subgroups, beside the overall one.

    Parameters
    ----------
    view : View
        The differences and shares of the endpoint ORR, by subgroup and level, are read from its results.

    Returns
    -------
    Figure
        Right of the line: more responders with the treatment.

    Notes
    -----
    Misreading: that an interval of one subgroup includes 0 and that of another does not is no sign that they differ.
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    lines = [line for treatment in view.context.treatments for line in _block(view, treatment)]
    height = LINE_INCHES * (len(lines) + 1) + 0.95
    with theme(view.item or "response-subgroups"):
        figure = MatplotlibFigure(figsize=(8.6, height))
        axes = figure.add_axes((0.49, 0.62 / height, 0.27, (height - 0.87) / height))
        _dress(axes, view, lines)
        for i, line in enumerate(lines):
            _draw(axes, view, line, len(lines) - 1 - i)
    used = [line.row for line in lines]
    return Figure(
        title=view.words("response.figure.subgroups.title"),
        drawing=figure,
        alternative_text=_alternative_text(view, lines),
        data=_data(view, lines),
        footnotes=[view.words("response.figure.subgroups.how_to_read"), *cells.footnotes(view, used)],
    )


def response_duration(curve: pd.DataFrame, at_risk: pd.DataFrame, *, view: View) -> Figure:
    """Kaplan-Meier curves of the duration of response, of those who responded.

    Parameters
    ----------
    curve, at_risk : DataFrame
        ``response.duration`` and ``response.at_risk``; see ``kaplan_meier``.
    view : View
        The context, the results and the words.

    Notes
    -----
    Misreading: responders are chosen by their outcome; two curves are no randomised comparison.
    """
    say = view.words
    named = replace(
        view, context=replace(view.context, endpoint_label=say("response.figure.duration.axis"), milestone=None)
    )
    drawn = kaplan_meier(curve, at_risk, view=named)
    unit = say(cells.UNIT_NAMES[view.context.unit])
    drawn.drawing.axes[0].set_xlabel(say("response.figure.duration.time", unit=unit))
    return replace(
        drawn,
        title=say("response.figure.duration.title"),
        footnotes=[say("response.table.durations.note"), *drawn.footnotes],
    )


def _block(view: View, treatment: str) -> list[_Line]:
    context = view.context
    colour = pens(context.arms)[treatment].colour
    versus = cells.versus(view, treatment, context.reference)
    lines = [_Line(versus)] if len(context.treatments) > 1 else []
    overall = compared(view, "risk_difference", treatment)
    if overall is not None:
        counts = tuple(_count(view, share(view, ORR, arm)) for arm in (treatment, context.reference))
        name = view.words("figure.forest.overall")
        lines.append(_Line(name, overall, (counts[0], counts[1]), overall=True, colour=colour, block=versus))
    found = [row for row in view.results.select(DIFFERENCE[0], treatment=treatment) if "level" in row.groups]
    found = [row for row in found if row.endpoint == ORR]
    for subgroup in dict.fromkeys(str(row.groups["subgroup"]) for row in found):
        lines.append(_Line(view.label(subgroup)))
        for row in found:
            if str(row.groups["subgroup"]) != subgroup:
                continue
            level = str(row.groups["level"])
            of = {"subgroup": subgroup, "level": level}
            counts = tuple(_count(view, share(view, ORR, arm, **of)) for arm in (treatment, context.reference))
            lines.append(
                _Line(view.label(level), row, (counts[0], counts[1]), colour=colour, block=view.label(subgroup))
            )
    return lines


def _count(view: View, row: Row | None) -> str:
    events, n = counted(view, row)
    return view.words("figure.forest.counts", events=view.words.number(events), n=view.words.number(n))


def _limits(view: View, row: Row) -> tuple[float | None, float | None]:
    low, high = (number(cells.statistic(view, row, name)) for name in ("conf_low", "conf_high"))
    return low, high


def _dress(axes: Axes, view: View, lines: list[_Line]) -> None:
    say = view.words
    ends = [0.0, 0.1, -0.1]
    for line in lines:
        if line.row is not None:
            ends += [end for end in (number(line.row), *_limits(view, line.row)) if end is not None]
    room = 0.04 * (max(ends) - min(ends))
    axes.set_xlim(max(min(ends) - room, -1.02), min(max(ends) + room, 1.02))
    axes.set_ylim(-0.6, len(lines) + 0.4)
    axes.axvline(0, ymax=(len(lines) + 0.1) / (len(lines) + 1), color=GREY, linewidth=0.9)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.locator_params(axis="x", nbins=5)
    axes.xaxis.set_major_formatter(lambda value, _: say.number(round(value * 100, 6)))
    axes.set_xlabel(say("response.figure.subgroups.axis"))
    across, top = axes.get_yaxis_transform(), len(lines)
    context = view.context
    treated = (
        view.label(context.treatments[0]) if len(context.treatments) == 1 else say("response.figure.subgroups.treated")
    )
    for x, text, align in (
        (-1.80, say("figure.forest.subgroup"), "left"),
        (-0.54, wrapped(treated, 15, lines=2), "right"),
        (-0.05, wrapped(view.label(context.reference), 15, lines=2), "right"),
        (1.05, say("response.figure.subgroups.result", level=cells.level(view)), "left"),
    ):
        axes.text(x, top - 0.35, text, transform=across, ha=align, va="bottom", color=GREY)


def _draw(axes: Axes, view: View, line: _Line, y: float) -> None:
    across = axes.get_yaxis_transform()
    weight = "bold" if line.overall else "normal"
    indent = 0.0 if line.row is None or line.overall else 0.06
    axes.text(-1.80 + indent, y, wrapped(line.label, 26, lines=1), transform=across, va="center", fontweight=weight)
    if line.row is None:
        return
    for x, text in ((-0.54, line.counts[0]), (-0.05, line.counts[1])):
        axes.text(x, y, text, transform=across, ha="right", va="center")
    axes.text(1.05, y, _result(view, line.row), transform=across, va="center", fontweight=weight, fontsize=8.4)
    value, (low, high) = number(line.row), _limits(view, line.row)
    if value is None:
        return
    if line.overall:
        axes.plot([value] * 2, [-0.6, y], color=GRID, linewidth=1.2, zorder=0)
    if low is not None and high is not None:
        axes.plot([low, high], [y, y], color=line.colour, linewidth=1.4, solid_capstyle="butt")
    axes.plot(
        [value], [y], marker="D" if line.overall else "s", markersize=6.5 if line.overall else 5, color=line.colour
    )


def _result(view: View, row: Row) -> str:
    low, high = _limits(view, row)
    if number(row) is None:
        return cells.value_text(view, row)
    return view.words("safety.figure.differences.value", value=number(row), low=low, high=high)


def _alternative_text(view: View, lines: list[_Line]) -> str:
    say = view.words
    parts = [
        say("response.figure.subgroups.alt_overall", comparison=line.block, value=_result(view, line.row))
        for line in lines
        if line.overall and line.row is not None
    ]
    values = [v for line in lines if line.row is not None and not line.overall and (v := number(line.row)) is not None]
    if values:
        parts.append(say("response.figure.subgroups.alt_range", count=len(values), low=min(values), high=max(values)))
    return say("figure.sentence_gap").join(parts) or say("response.figure.subgroups.alt_none")


def _data(view: View, lines: list[_Line]) -> Table:
    say = view.words
    shown = [line for line in lines if line.row is not None]
    return Table(
        title=say("figure.data_title"),
        columns=(
            say("figure.forest.subgroup"),
            say("response.figure.subgroups.treated"),
            view.label(view.context.reference),
            say("response.figure.subgroups.result", level=cells.level(view)),
        ),
        rows=[(line.label, *line.counts, _result(view, line.row)) for line in shown if line.row is not None],
        groups=[line.block for line in shown],
    )
