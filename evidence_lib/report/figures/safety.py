"""The most frequent adverse events: the share of each arm, and the risk differences with their intervals."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Literal

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Figure, Table
from evidence_lib.report.figures.labels import wrapped
from evidence_lib.report.tables.safety_cells import DIFFERENCE, at, heading_of, incidence_cell, index, name_of
from evidence_lib.report.theme import GREY, GRID, INK, pens, theme
from evidence_lib.results import Row

if TYPE_CHECKING:
    import pandas as pd
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure as MatplotlibFigure

Size = Literal["main", "first_screen"]
MOST_TERMS = {"main": 20, "first_screen": 7}
MARKERS = ("o", "s", "D", "^", "v", "P", "X", "*")
NAME_WIDTH, ROOM_INCHES, ROW_INCHES = 40, 6.0, 0.2
TEXT_INCHES = 0.16
LINE_INCHES = {"main": 0.30, "first_screen": 0.31}


@dataclass(frozen=True)
class _Line:
    """One term: the shares of the arms, and the difference of each treatment."""

    label: str
    shares: dict[str, Row]
    differences: dict[str, Row]

    @property
    def size(self) -> float:
        """The largest difference, with its sign, of any treatment; without one the largest share."""
        values = [_number(row) for row in self.differences.values()] or [_number(row) for row in self.shares.values()]
        return max((v for v in values if v is not None), default=0.0)


def risk_differences(terms: pd.DataFrame, *, view: View, size: Size = "main") -> Figure:
    """The share of each arm with the most frequent adverse events, and the difference from the reference.

    Parameters
    ----------
    terms : DataFrame
        ``safety.shown``: soc and term; the terms with the most subjects are drawn.
    view : View
        ``ae.incidence`` and the risk differences are read from its results.
    size : {"main", "first_screen"}
        The first screen's small form has fewer terms and no numbers.

    Returns
    -------
    Figure
        Left the percentages of the arms, right the differences in percentage points with their intervals; terms by the
        size of the difference. With one arm there is no right panel.

    Notes
    -----
    Misreading: the terms were chosen for being frequent, and with many of them some intervals leave out 0 by chance.
    """
    lines = _lines(view, terms, MOST_TERMS[size])
    compared = bool(view.context.treatments) and any(line.differences for line in lines)
    with theme(view.item or "risk-differences", small=size == "first_screen"):
        figure, axes = _canvas(view, len(lines), size, compared)
        _shares(axes[0], view, lines, size)
        if compared:
            _differences(axes[1], view, lines, size)
        name_arms(figure, axes[0], view, size)
    notes = [view.words("safety.figure.differences.how_to_read", level=cells.level(view))] if size == "main" else []
    rows = [row for line in lines for row in line.differences.values()]
    return Figure(
        title=view.words("safety.figure.differences.title"),
        drawing=figure,
        alternative_text=_alternative_text(view, lines),
        data=_data(view, lines),
        footnotes=[*notes, *cells.footnotes(view, rows)],
    )


def _lines(view: View, terms: pd.DataFrame, most: int) -> list[_Line]:
    shares, differences = index(view, "ae.incidence", "arm"), index(view, DIFFERENCE, "treatment")
    found = []
    pairs = zip(terms["soc"], terms["term"], strict=True) if len(terms) else ()
    for soc, term in pairs:
        if not term:
            continue
        key = at(soc=str(soc), term=str(term))
        of_arms = {arm: shares[key, arm] for arm in view.context.arms if (key, arm) in shares}
        apart = {t: differences[key, t] for t in view.context.treatments if (key, t) in differences}
        found.append(_Line(_sentence_case(name_of(view, str(term))), of_arms, apart))
    frequent = sorted(found, key=lambda line: (-_subjects(view, line), line.label))[:most]
    return sorted(frequent, key=lambda line: (-line.size, line.label))


def _subjects(view: View, line: _Line) -> int:
    """How many subjects of all arms had the term."""
    counts = (cells.statistic(view, row, "events") for row in line.shares.values())
    return sum(int(row.value) for row in counts if row is not None and isinstance(row.value, int))


def _canvas(view: View, lines: int, size: Size, compared: bool) -> tuple[MatplotlibFigure, list[Axes]]:
    from matplotlib.figure import Figure as MatplotlibFigure

    width = 8.6 if size == "main" else 4.7
    top = 0.15 + ROW_INCHES * len(rows_of_arms(view, size))
    # Each treatment's numbers need their own line of text.
    line = max(LINE_INCHES[size], TEXT_INCHES * len(view.context.treatments) if size == "main" else 0.0)
    height = line * max(lines, 1) + top + 0.62
    figure = MatplotlibFigure(figsize=(width, height))
    bottom, share = 0.58 / height, (height - top - 0.58) / height
    left = 0.30 if size == "main" else 0.37
    if not compared:
        return figure, [figure.add_axes((left, bottom, 0.96 - left, share))]
    right = 0.76 if size == "main" else 0.975
    room = (right - left - 0.03) / 2
    return figure, [
        figure.add_axes((left, bottom, room, share)),
        figure.add_axes((left + room + 0.03, bottom, room, share)),
    ]


def _shares(axes: Axes, view: View, lines: Sequence[_Line], size: Size) -> None:
    pen = pens(view.context.arms)
    for i, line in enumerate(lines):
        y = len(lines) - 1 - i
        axes.plot([0, 1], [y, y], color=GRID, linewidth=0.6, zorder=0)
        for k, arm in enumerate(view.context.arms):
            value = _number(line.shares.get(arm))
            if value is not None:
                axes.plot(
                    [value],
                    [y],
                    marker=MARKERS[k % len(MARKERS)],
                    markersize=5.5 if size == "main" else 4.8,
                    color=pen[arm].colour,
                )
    highest = max((v for line in lines for v in map(_number, line.shares.values()) if v is not None), default=0.0)
    axes.set_xlim(-0.01, min(1.02, highest * 1.12 + 0.01) if highest else 1.0)
    axes.xaxis.set_major_formatter(lambda value, _: view.words.percent(value, 0))
    axes.locator_params(axis="x", nbins=5 if size == "main" else 3)
    axes.set_ylim(-0.6, len(lines) - 0.4 if lines else 0.4)
    labels = [wrapped(line.label, 34 if size == "main" else 19, lines=2) for line in lines]
    axes.set_yticks([len(lines) - 1 - i for i in range(len(lines))], labels, fontsize=9.0 if size == "main" else 8.4)
    axes.tick_params(axis="y", length=0, labelcolor=INK)
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(view.words(f"safety.figure.differences.{'share' if size == 'main' else 'share_short'}"))


def _differences(axes: Axes, view: View, lines: Sequence[_Line], size: Size) -> None:
    pen, treatments = pens(view.context.arms), view.context.treatments
    axes.axvline(0, color=GREY, linewidth=0.9)
    ends = [0.0]
    for i, line in enumerate(lines):
        base = len(lines) - 1 - i
        axes.plot([-1, 1], [base, base], color=GRID, linewidth=0.6, zorder=0)
        for k, treatment in enumerate(treatments):
            row = line.differences.get(treatment)
            value, low, high = _with_limits(view, row)
            if value is None or row is None:
                continue
            y = base + ((len(treatments) - 1) / 2 - k) * min(0.4, 0.8 / len(treatments))
            if low is not None and high is not None:
                axes.plot([low, high], [y, y], color=pen[treatment].colour, linewidth=1.3, solid_capstyle="butt")
                ends += [low, high]
            marker = MARKERS[view.context.arms.index(treatment) % len(MARKERS)]
            axes.plot([value], [y], marker=marker, markersize=4.5, color=pen[treatment].colour)
            ends.append(value)
            if size == "main":
                axes.text(
                    1.03,
                    y,
                    view.words("safety.figure.differences.value", value=value, low=low, high=high),
                    transform=axes.get_yaxis_transform(),
                    va="center",
                    color=pen[treatment].colour,
                    fontsize=7.6,
                )
    span = max(ends) - min(ends) or 0.1
    axes.set_xlim(min(ends) - 0.05 * span, max(ends) + 0.05 * span)
    axes.set_ylim(-0.6, len(lines) - 0.4)
    axes.locator_params(axis="x", nbins=5 if size == "main" else 4)
    axes.xaxis.set_major_formatter(lambda value, _: view.words.number(round(value * 100, 6)))
    axes.set_yticks([])
    axes.spines["left"].set_visible(False)
    axes.set_xlabel(view.words(f"safety.figure.differences.{'points' if size == 'main' else 'points_short'}"))


def name_arms(figure: MatplotlibFigure, axes: Axes, view: View, size: Size) -> None:
    """The arms with their markers above the panels."""
    from matplotlib.transforms import ScaledTranslation

    pen, inches, arms = pens(view.context.arms), figure.dpi_scale_trans, view.context.arms
    rows = rows_of_arms(view, size)
    for up, row in enumerate(reversed(rows)):
        across, down = (-0.2 if size == "first_screen" else 0.0), 0.17 + ROW_INCHES * up
        for arm in row:
            label = wrapped(view.label(arm), NAME_WIDTH, lines=1)
            spot = axes.transAxes + ScaledTranslation(across, down, inches)
            marker = MARKERS[arms.index(arm) % len(MARKERS)]
            axes.plot([0], [1], marker=marker, markersize=5.5, color=pen[arm].colour, transform=spot, clip_on=False)
            text = axes.transAxes + ScaledTranslation(across + 0.12, down, inches)
            axes.text(0, 1, label, transform=text, va="center", color=pen[arm].colour, fontweight="bold")
            across += _name_inches(label)


def rows_of_arms(view: View, size: Size) -> list[list[str]]:
    """The arms side by side as long as there is room, the rest below; on the first screen one under the other."""
    rows: list[list[str]] = []
    used = 0.0
    for arm in view.context.arms:
        width = _name_inches(wrapped(view.label(arm), NAME_WIDTH, lines=1))
        if not rows or size == "first_screen" or used + width > ROOM_INCHES:
            rows.append([])
            used = 0.0
        rows[-1].append(arm)
        used += width
    return rows


def _name_inches(label: str) -> float:
    return 0.42 + 0.082 * len(label)


def _alternative_text(view: View, lines: Sequence[_Line]) -> str:
    if not lines:
        return view.words("safety.figure.differences.alt_none")
    parts = []
    for line in lines[:3]:
        shares = [
            view.words("safety.figure.differences.alt_share", arm=view.label(arm), share=_number(row))
            for arm, row in line.shares.items()
        ]
        parts.append(view.words("safety.figure.differences.alt_term", term=line.label, shares=shares))
    return view.words(
        "safety.figure.differences.alt", count=len(lines), terms=view.words("figure.sentence_gap").join(parts)
    )


def _data(view: View, lines: Sequence[_Line]) -> Table:
    arms, treatments = view.context.arms, view.context.treatments
    return Table(
        title=view.words("figure.data_title"),
        columns=(
            view.words("safety.term"),
            *(heading_of(view, arm) for arm in arms),
            *(cells.versus(view, treatment, view.context.reference) for treatment in treatments),
        ),
        rows=[
            (
                line.label,
                *(incidence_cell(view, line.shares.get(arm), None) for arm in arms),
                *(cells.points_text(view, line.differences.get(treatment)) for treatment in treatments),
            )
            for line in lines
        ],
    )


def _with_limits(view: View, row: Row | None) -> tuple[float | None, float | None, float | None]:
    if row is None:
        return None, None, None
    limits = (cells.statistic(view, row, name) for name in ("conf_low", "conf_high"))
    low, high = (_number(limit) for limit in limits)
    return _number(row), low, high


def _number(row: Row | None) -> float | None:
    return float(row.value) if row is not None and isinstance(row.value, int | float) else None


def _sentence_case(text: str) -> str:
    """A term in capitals as a sentence begins; any other as it is."""
    return text.capitalize() if text.isupper() else text
