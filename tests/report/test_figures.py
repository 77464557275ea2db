"""Figures: what is drawn comes from the results, labels do not collide, and the same input gives the same bytes."""

from __future__ import annotations

import math
from typing import Any, Literal

import matplotlib as mpl
import pandas as pd
import pytest
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure as FigureClass
from matplotlib.text import Text

from evidence_lib.errors import InvalidInput
from evidence_lib.report import figures
from evidence_lib.report.context import view
from evidence_lib.report.display import Figure
from evidence_lib.report.figures.labels import height_at, place_labels
from evidence_lib.report.theme import COLOURS, pens, svg, theme
from tests.report import material

TWO = ("Active", "Control")
THREE = ("High dose", "Low dose", "Placebo")
SIX = ("Arm A", "Arm B", "Arm C", "Arm D", "Arm E", "Control")
Size = Literal["main", "first_screen"]


def km(arms: tuple[str, ...] = TWO, size: Size = "main", **changes: Any) -> Figure:
    at = material.a_view(arms, item="F1", **changes)
    return figures.kaplan_meier(at.results.table("km.curve"), at.results.table("km.at_risk"), view=at, size=size)


def texts(figure: Figure) -> list[Any]:
    return [text for axes in figure.drawing.axes for text in axes.texts if text.get_text()]


@pytest.mark.parametrize("arms", [TWO, THREE, SIX])
@pytest.mark.parametrize("size", ["main", "first_screen"])
def test_labels_beside_curves_never_overlap(arms: tuple[str, ...], size: Size) -> None:
    figure = km(arms, size)
    renderer = FigureCanvasAgg(figure.drawing).get_renderer()
    labels = [t for t in texts(figure) if "%" in t.get_text()]
    assert len(labels) == len(arms)
    boxes = [Text.get_window_extent(label, renderer) for label in labels]
    for i, box in enumerate(boxes):
        assert not any(box.overlaps(other) for other in boxes[i + 1 :])


@pytest.mark.parametrize("size", ["main", "first_screen"])
def test_labels_cover_no_curve(size: Size) -> None:
    figure = km(size=size)
    axes = figure.drawing.axes[0]
    renderer = FigureCanvasAgg(figure.drawing).get_renderer()
    labels = [text for text in texts(figure) if text.get_text().endswith("%")]
    assert len(labels) == 2
    for label in labels:
        box = label.get_window_extent(renderer).transformed(axes.transData.inverted())
        for rank in (0, 1):
            heights = [material.survival(rank, box.x0 + box.width * i / 20) for i in range(21)]
            assert not any(box.y0 < height < box.y1 for height in heights)


@pytest.mark.parametrize("size", ["main", "first_screen"])
def test_labels_stay_inside_the_figure_and_keep_the_share(size: Size) -> None:
    figure = km(("A treatment with a name much longer than any label can be", "Low dose", "Placebo"), size)
    renderer = FigureCanvasAgg(figure.drawing).get_renderer()
    labels = [text for text in texts(figure) if text.get_text().endswith("% at 5 years")]
    assert len(labels) == 3
    width = figure.drawing.get_figwidth() * figure.drawing.dpi
    assert all(label.get_window_extent(renderer).x1 <= width for label in labels)


@pytest.mark.parametrize("rising", [False, True])
@pytest.mark.parametrize("milestone", [60, 120, 180, 240, 295])
def test_long_labels_stand_inside_the_axes_on_their_own_side(milestone: int, rising: bool) -> None:
    """Two long names in the small form: never over the numbers of the axis, never beyond the other arm's curve."""
    upper, lower = "Wexolimab + chemotherapy 69%", "Placebo + chemotherapy 61%"
    rates = {upper: 0.0012, lower: 0.0026} if not rising else {upper: 0.0080, lower: 0.0050}
    times = [float(day) for day in range(0, 301, 5)]
    curves = {
        name: (times, [1 - math.exp(-rate * day) if rising else math.exp(-rate * day) for day in times])
        for name, rate in rates.items()
    }
    drawing = FigureClass(figsize=(4.7, 2.87))
    axes = drawing.add_axes((0.11, 0.31, 0.85, 0.65))
    axes.set_xlim(0, 300)
    axes.set_ylim(0, 1.02)
    with theme("F1", small=True):
        place_labels(axes, {upper: upper, lower: lower}, curves, pens((upper, lower)), at=milestone, gap=2.4)
    renderer = FigureCanvasAgg(drawing).get_renderer()
    for text in axes.texts:
        name = text.get_text().replace("\n", " ")
        box = text.get_window_extent(renderer).transformed(axes.transData.inverted())
        assert 0 <= box.x0 < box.x1 <= 300
        assert 0 <= box.y0 < box.y1 <= 1.03
        other = lower if name == upper else upper
        heights = [height_at(curves[other], box.x0 + box.width * i / 20) or 0.0 for i in range(21)]
        assert box.y0 > max(heights) if name == upper else box.y1 < min(heights)
    assert [text.get_text().replace("\n", " ") for text in axes.texts] == [upper, lower]


def test_no_line_strikes_through_a_label_that_stands_at_its_point() -> None:
    """A curve that falls steeply just before the milestone: far from the label's middle, at the label's end."""
    curves = {"Control 37%": ([0.0, 290.0, 299.0, 400.0], [1.0, 0.6, 0.37, 0.3])}
    axes = FigureClass(figsize=(4.7, 2.87)).add_axes((0.11, 0.31, 0.85, 0.65))
    axes.set_xlim(0, 400)
    axes.set_ylim(0, 1.02)
    place_labels(axes, {"Control 37%": "Control 37%"}, curves, pens(("Control 37%",)), at=300, gap=3.2)
    renderer = FigureCanvasAgg(axes.figure).get_renderer()
    (label,) = axes.texts
    box = label.get_window_extent(renderer).transformed(axes.transData.inverted())
    near = min(abs(box.y0 - 0.37), abs(box.y1 - 0.37)) <= 0.06 and box.x1 > 290
    assert bool(axes.lines) != near


def test_numbers_at_risk_stand_under_their_ticks_in_the_arms_colour() -> None:
    figure = km(THREE)
    axes = figure.drawing.axes[0]
    assert list(axes.get_xticks()) == list(material.GRID)
    for rank, arm in enumerate(THREE):
        row = [t for t in texts(figure) if t.get_color() == pens(THREE)[arm].colour and t.get_text().isdigit()]
        assert [t.get_position()[0] for t in row] == list(material.GRID)
        assert [t.get_text() for t in row] == [str(246 - 37 * i - rank) for i in range(len(material.GRID))]


def test_drawn_curve_is_the_curve_of_the_results() -> None:
    figure = km()
    drawn = {line.get_color(): line for line in figure.drawing.axes[0].lines if line.get_drawstyle() == "steps-post"}
    curve = material.curve(TWO)
    for arm in TWO:
        own = curve[curve["arm"] == arm]
        line = drawn[pens(TWO)[arm].colour]
        heights = dict(zip(own["time"], own["survival"], strict=True))
        assert all(heights[x] == y for x, y in zip(line.get_xdata(), line.get_ydata(), strict=True))
        assert len(line.get_xdata()) > 20


def test_a_long_curve_is_thinned_and_keeps_its_ends() -> None:
    at = material.a_view(TWO, item="F1")
    long = material.curve(TWO, steps=5000, last=3000)
    figure = figures.kaplan_meier(long, at.results.table("km.at_risk"), view=at)
    lines = [line for line in figure.drawing.axes[0].lines if line.get_drawstyle() == "steps-post"]
    assert len(lines) == 2
    assert all(
        len(line.get_xdata()) <= 1000 and line.get_xdata()[0] == 0 and line.get_xdata()[-1] == 3000 for line in lines
    )


def test_first_screen_has_no_censoring_marks_and_whole_years() -> None:
    small, large = km(size="first_screen"), km()
    assert not any(line.get_marker() == "|" for line in small.drawing.axes[0].lines)
    assert any(line.get_marker() == "|" for line in large.drawing.axes[0].lines)
    assert [t.get_text() for t in small.drawing.axes[0].get_xticklabels()] == ["0", "1", "2", "3", "4", "5", "6"]
    assert [t.get_text() for t in large.drawing.axes[0].get_xticklabels()] == ["0", "12", "24", "36", "48", "60", "72"]


def test_milestone_is_a_dotted_line() -> None:
    dotted = [line for line in km().drawing.axes[0].lines if line.get_linestyle() == ":"]
    assert [list(line.get_xdata()) for line in dotted] == [[1826, 1826]]
    assert not [line for line in km(milestone=None).drawing.axes[0].lines if line.get_linestyle() == ":"]


def test_alternative_text_says_the_numbers() -> None:
    text = km().alternative_text
    treated = material.survival(1, 1826)
    for part in (
        "Active: 246 subjects",
        f"{treated * 100:.1f}% free of the event at 5 years",
        "Control",
        "median 50.2 months",
    ):
        assert part in text


def test_data_table_holds_survival_and_at_risk_for_every_arm() -> None:
    data = km(THREE).data
    assert data is not None
    assert data.groups == [arm for arm in THREE for _ in material.GRID]
    first = data.rows[0]
    assert first[:4] == ("0", "246", "0", "0")
    assert any("(" in row[4] for row in data.rows)


@pytest.mark.parametrize("arms", [TWO, THREE])
def test_same_input_same_bytes(arms: tuple[str, ...]) -> None:
    def both() -> list[bytes]:
        at = material.a_view(arms, item="F2")
        hazards = figures.proportional_hazards(at.results.table("proportional_hazards.curve"), view=at)
        return [svg(f.drawing, "F2") for f in (km(arms), figures.forest(view=at), hazards)]

    one, two = both(), both()
    assert one == two
    assert all(b"<dc:date>" not in drawing and b"<text" not in drawing for drawing in one)


def test_theme_leaves_no_trace() -> None:
    before = dict(mpl.rcParams)
    with theme("salt"):
        assert mpl.rcParams["svg.hashsalt"] == "salt"
    assert dict(mpl.rcParams) == before


def test_arm_labels_are_never_read_as_tex() -> None:
    figure = km(("$\\frac{", "Control"))
    assert svg(figure.drawing, "F1").startswith(b"<?xml")


def test_too_many_arms_are_refused() -> None:
    with pytest.raises(InvalidInput, match="too many arms"):
        pens(tuple(f"arm {i}" for i in range(len(COLOURS) + 1)))


def test_colours_are_readable_on_white() -> None:
    for colour in COLOURS:
        channels = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        luminance = 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]
        assert 1.05 / (luminance + 0.05) >= 4.5  # WCAG 2.2, 1.4.3


def test_forest_rows_arrows_and_what_cannot_be_estimated() -> None:
    figure = figures.forest(view=material.a_view(item="F2"))
    assert figure.data is not None
    assert [row[0] for row in figure.data.rows] == ["Everybody", "I", "II", "III"]
    assert figure.data.rows[0][2] == "0.69 (0.54 to 0.89)"
    assert figure.data.rows[3][2] == "not estimable"
    assert "interaction p = 0.891" in figure.data.groups[1]  # type: ignore[index]
    markers = [line.get_marker() for line in figure.drawing.axes[0].lines]
    # 0.04 lies beyond the axis (it ends at 0.1): one arrow to the left, none to the right.
    assert markers.count("<") == 1
    assert markers.count(">") == 0
    assert markers.count("D") == 1
    assert any("no events in one arm" in note for note in figure.footnotes)
    assert "0.69 (0.54 to 0.89)" in figure.alternative_text


def test_forest_of_three_arms_has_a_block_per_treatment() -> None:
    figure = figures.forest(view=material.a_view(THREE, item="F2"))
    assert figure.data is not None
    assert len(figure.data.rows) == 8
    assert figure.data.groups is not None
    assert figure.data.groups[0].startswith("High dose against Placebo")
    assert figure.data.groups[4].startswith("Low dose against Placebo")


@pytest.mark.parametrize("strata", [(), ("GRADE",)])
def test_forest_overall_is_of_the_model_of_its_subgroups(strata: tuple[str, ...]) -> None:
    about = material.context(strata=strata)
    results = material.results(about)
    changed = [row for row in results.rows.values() if row.analysis == "cox.hazard_ratio.unstratified"]
    from dataclasses import replace

    results.add([replace(row, value=0.5) for row in changed if row.statistic == "estimate"])
    figure = figures.forest(view=view(about, results, "en", "F2"))
    assert "overall hazard ratio 0.50" in figure.alternative_text


def test_proportional_hazards_panels_lines_and_words() -> None:
    at = material.a_view(THREE, item="F3")
    figure = figures.proportional_hazards(at.results.table("proportional_hazards.curve"), view=at)
    assert [axes.get_title() for axes in figure.drawing.axes] == [
        "High dose against Placebo",
        "Low dose against Placebo",
    ]
    assert "−0.60 at 1.6 months" in figure.alternative_text
    assert "p = 0.633" in figure.alternative_text
    levels = [line.get_ydata()[0] for line in figure.drawing.axes[0].lines if len(line.get_xdata()) == 2]
    assert levels[0] == 0
    assert levels[1] == pytest.approx(-0.3710636813908320, abs=1e-12)  # ln 0.69, bc -l: l(0.69)


def test_proportional_hazards_without_a_curve_says_so() -> None:
    at = material.a_view(item="F3")
    empty = pd.DataFrame(columns=["treatment", "time", "log_hazard_ratio", "conf_low", "conf_high"])
    figure = figures.proportional_hazards(empty, view=at)
    assert "too few events" in figure.alternative_text
    assert any("Too few events" in t.get_text() for t in texts(figure))
