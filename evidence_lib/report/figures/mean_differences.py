"""All estimates of the difference of means side by side, and the scan for the tipping point."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import wrapped
from evidence_lib.report.mean_differences import analysed, difference_row, facts
from evidence_lib.report.tables.mean_differences import ROLES
from evidence_lib.report.tables.mean_differences import tipping_point as tipping_table
from evidence_lib.report.theme import GREY, INK, pens, theme
from evidence_lib.results import Row

if TYPE_CHECKING:
    from matplotlib.axes import Axes

LINE_INCHES = 0.24


@dataclass(frozen=True)
class _Line:
    """A heading (``row`` is None) or one estimate."""

    label: str
    row: Row | None
    colour: str = INK
    main: bool = False
    patients: str = ""


def estimates_side_by_side(*, view: View) -> Figure:
    """Every estimate of the difference at the main visit with its interval, in groups by the analysis's role.

    Parameters
    ----------
    view : View
        The contrasts of ``ancova``, ``mmrm`` and ``imputation`` are read from its results.

    Notes
    -----
    Misreading: the lines rest on many of the same patients; that they agree is no repetition of the study.
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    lines = _lines(view)
    rows = [line.row for line in lines if line.row is not None]
    height = LINE_INCHES * (len(lines) + 1) + 0.75
    with theme(view.item or "estimates"):
        figure = MatplotlibFigure(figsize=(8.6, height))
        axes = figure.add_axes((0.42, 0.62 / height, 0.33, (height - 0.66) / height))
        _dress(axes, view, rows, len(lines))
        for place, line in enumerate(lines):
            _draw(axes, view, line, len(lines) - 1 - place)
    return Figure(
        title=view.words("continuous.figure.estimates.title", visit=facts(view).visit),
        drawing=figure,
        alternative_text=view.words(
            "continuous.figure.estimates.alt",
            lines=[
                view.words(
                    "continuous.figure.estimates.alt_line",
                    analysis=line.label,
                    value=cells.estimate_text(view, line.row),
                )
                for line in lines
                if line.row is not None
            ],
        ),
        data=_data(view, lines),
        footnotes=[view.words("continuous.figure.estimates.read")],
    )


def _lines(view: View) -> list[_Line]:
    found, pen = facts(view), pens(view.context.arms)
    many = len(view.context.treatments) > 1
    lines: list[_Line] = []
    for role in ROLES:
        names = [name for name in found.differences if found.roles[name] == role]
        if names:
            lines.append(_Line(view.words(f"continuous.role.{role}"), None))
        for name in names:
            for treatment in view.context.treatments:
                row = difference_row(view, name, treatment)
                if row is None:
                    continue
                label = view.words(f"continuous.analysis.{name}")
                if many:
                    label = view.words("continuous.table.analysis_of", analysis=label, comparison=view.label(treatment))
                lines.append(
                    _Line(
                        label,
                        row,
                        pen[treatment].colour,
                        role == "main",
                        cells.value_text(view, analysed(view, name, row)),
                    )
                )
    return lines


def _ends(view: View, rows: Sequence[Row]) -> list[float]:
    found = []
    for row in rows:
        for one in (row, cells.statistic(view, row, "conf_low"), cells.statistic(view, row, "conf_high")):
            if one is not None and isinstance(one.value, int | float):
                found.append(float(one.value))
    return found


def _dress(axes: Axes, view: View, rows: Sequence[Row], lines: int) -> None:
    ends = [0.0, *_ends(view, rows)]
    margin = 0.06 * (max(ends) - min(ends) or 1.0)
    axes.set_xlim(min(ends) - margin, max(ends) + margin)
    axes.set_ylim(-0.6, lines + 0.4)
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.axvline(0, ymax=(lines + 0.1) / (lines + 1), color=GREY, linewidth=0.9)
    axes.set_xlabel(_meaning(view))
    across = axes.get_yaxis_transform()
    heading = view.words("continuous.table.patients")
    axes.text(-0.04, lines, heading, transform=across, color=GREY, va="center", ha="right")
    axes.text(
        1.06,
        lines,
        view.words("continuous.figure.estimates.result", level=cells.level(view)),
        transform=across,
        color=GREY,
        va="center",
    )


def _meaning(view: View) -> str:
    meaning = facts(view).higher_is
    if meaning is None:
        return view.words("continuous.table.difference")
    return view.words(f"continuous.figure.estimates.axis_{meaning}")


def _draw(axes: Axes, view: View, line: _Line, y: float) -> None:
    across = axes.get_yaxis_transform()
    if line.row is None:
        axes.text(-1.25, y, line.label, transform=across, va="center", color=GREY, backgroundcolor="white")
        return
    weight = "bold" if line.main else "normal"
    axes.text(-1.21, y, wrapped(line.label, 46, lines=1), transform=across, va="center", fontweight=weight)
    axes.text(-0.04, y, line.patients, transform=across, va="center", ha="right", fontweight=weight)
    axes.text(1.06, y, cells.estimate_text(view, line.row), transform=across, va="center", fontweight=weight)
    low, high = (cells.statistic(view, line.row, name) for name in ("conf_low", "conf_high"))
    ends = [float(end.value) for end in (low, high) if end is not None and isinstance(end.value, int | float)]
    if len(ends) == 2:
        axes.plot(ends, [y, y], color=line.colour, linewidth=1.4, solid_capstyle="butt")
    if isinstance(line.row.value, int | float):
        marker, size = ("D", 6.5) if line.main else ("s", 5.0)
        axes.plot([float(line.row.value)], [y], color=line.colour, marker=marker, markersize=size)


def _data(view: View, lines: Sequence[_Line]) -> Table:
    rows, groups, group = [], [], ""
    for line in lines:
        if line.row is None:
            group = line.label
            continue
        rows.append((line.label, line.patients, cells.value_text(view, line.row), cells.interval_text(view, line.row)))
        groups.append(group)
    return Table(
        title=view.words("figure.data_title"),
        columns=(
            view.words("continuous.table.analysis"),
            view.words("continuous.table.patients"),
            view.words("continuous.table.difference"),
            view.words("table.interval_of", level=cells.level(view)),
        ),
        rows=rows,
        groups=groups,
    )


def tipping_curve(*, view: View) -> Figure:
    """The difference and its interval as the treated arm's imputed values are shifted, with the delta that tips.

    Parameters
    ----------
    view : View
        ``imputation.shifted`` and ``imputation.tipping_point`` are read from its results.

    Notes
    -----
    Misreading: the horizontal axis is an assumption about values that nobody saw, not something measured.
    """
    from matplotlib.figure import Figure as MatplotlibFigure

    pen = pens(view.context.arms)
    with theme(view.item or "tipping"):
        figure = MatplotlibFigure(figsize=(8.6, 3.4))
        axes = figure.add_axes((0.09, 0.16, 0.68, 0.78))
        axes.axhline(0, color=GREY, linewidth=0.9)
        for treatment in view.context.treatments:
            _curve(axes, view, treatment, pen[treatment].colour)
        axes.set_xlabel(view.words("continuous.table.delta"))
        axes.set_ylabel(view.words("continuous.table.difference"))
    return Figure(
        title=view.words("continuous.figure.tipping.title", visit=facts(view).visit),
        drawing=figure,
        alternative_text=view.words("figure.sentence_gap").join(_tips(view)),
        data=tipping_table(view=view),
        footnotes=[view.words("continuous.figure.tipping.read", level=cells.level(view))],
    )


def _curve(axes: Axes, view: View, treatment: str, colour: str) -> None:
    rows = view.results.select("imputation.shifted", treatment=treatment)
    known = [row for row in rows if isinstance(row.value, int | float)]
    x = [float(row.groups["delta"]) for row in known]
    y = [float(row.value) for row in known if isinstance(row.value, int | float)]
    low, high = ([_value(cells.statistic(view, row, name)) for row in known] for name in ("conf_low", "conf_high"))
    axes.plot(x, y, color=colour, marker="o", markersize=3.5, linewidth=1.5)
    axes.fill_between(x, low, high, color=colour, alpha=0.16, linewidth=0)
    if y:
        label = wrapped(view.label(treatment), 24, lines=2)
        axes.annotate(label, (x[-1], y[-1]), xytext=(8, 0), textcoords="offset points", color=colour, va="center")
    tip = view.results.find("imputation.tipping_point", treatment=treatment)
    if tip is not None and isinstance(tip.value, int | float):
        axes.axvline(float(tip.value), color=colour, linewidth=1.0, linestyle=(0, (3, 2)))
        text = view.words("continuous.figure.tipping.tips", delta=tip.value)
        axes.annotate(
            text,
            (float(tip.value), 1.0),
            xycoords=axes.get_xaxis_transform(),
            xytext=(4, -8),
            textcoords="offset points",
            color=colour,
        )


def _value(row: Row | None) -> float:
    return float(row.value) if row is not None and isinstance(row.value, int | float) else float("nan")


def _tips(view: View) -> list[str]:
    parts = []
    for treatment in view.context.treatments:
        tip = view.results.find("imputation.tipping_point", treatment=treatment)
        versus = cells.versus(view, treatment, view.context.reference)
        if tip is not None and tip.value is not None:
            parts.append(view.words("continuous.figure.tipping.alt", comparison=versus, delta=tip.value))
        else:
            parts.append(view.words("continuous.figure.tipping.alt_never", comparison=versus))
    return parts
