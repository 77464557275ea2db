"""Direct labels: the name of a curve beside the curve, where it covers neither a curve nor another label."""

from __future__ import annotations

import textwrap
from bisect import bisect_right
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import product
from typing import TYPE_CHECKING

from evidence_lib.report.theme import Pen

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.backend_bases import RendererBase
    from matplotlib.text import Text

Steps = tuple[Sequence[float], Sequence[float]]
FAR = 0.06
LINE_INCHES = 0.175
# Which sides of its curve a label may take, in the order in which they are tried.
ABOVE, BELOW, EITHER = ((1,), (-1,)), ((-1,), (1,)), ((1, -1),)


def wrapped(label: str, width: int, *, lines: int = 3) -> str:
    """The label in at most ``lines`` lines of at most ``width`` characters; a longer one ends with an ellipsis."""
    return "\n".join(textwrap.wrap(label, width=width, max_lines=lines, placeholder=" \u2026")) or label


def height_at(steps: Steps, time: float) -> float | None:
    """The height of a step curve at a time; None after its last step, where nothing is drawn."""
    times, heights = steps
    if not times or time > times[-1] or time < times[0]:
        return None
    return heights[bisect_right(times, time) - 1]


def stack_labels(
    axes: Axes, texts: Mapping[str, str], curves: Mapping[str, Steps], pen: Mapping[str, Pen], *, end: float
) -> None:
    """Write the texts in the right margin in the order of their curves' ends, pushed apart where they would touch.

    For more arms than find room beside their curves. ``end`` is the right end of the axis, in time.
    """
    anchors = {arm: _anchor(steps, end) for arm, steps in curves.items()}
    order = sorted(texts, key=lambda arm: anchors[arm][1])
    height = axes.figure.get_figheight() * axes.get_position().height  # type: ignore[union-attr]
    floor = 0.0
    for rank, arm in enumerate(order):
        room = LINE_INCHES * (texts[arm].count("\n") + 1) / height
        above = sum(LINE_INCHES * (texts[other].count("\n") + 1) / height for other in order[rank + 1 :])
        bottom = max(floor, min(anchors[arm][1] - room / 2, 1.0 - above - room))
        floor = bottom + room
        centre = bottom + room / 2
        colour = pen[arm].colour
        axes.text(end * 1.05, centre, texts[arm], ha="left", va="center", color=colour)
        at, level = anchors[arm]
        axes.plot([at, end * 1.04], [level, centre], color=colour, linewidth=0.6, clip_on=False)


@dataclass(frozen=True)
class _Form:
    """A label as it may be written, with its size in the units of the axes, and where its right end may stand."""

    text: str
    width: float
    height: float
    right: float


def place_labels(
    axes: Axes,
    texts: Mapping[str, str],
    curves: Mapping[str, Steps],
    pen: Mapping[str, Pen],
    *,
    at: float,
    gap: float,
) -> None:
    """Write each text left of time ``at``, at the free height nearest to its curve; where too long, right of it.

    Curves are served from the top; the highest prefers a place above its curve, the lowest one below. A label that
    stands away from its curve gets a thin line to it. ``gap`` is the distance to the left of ``at``, in time.
    """
    from matplotlib.backends.backend_agg import FigureCanvasAgg

    figure = axes.figure
    renderer = FigureCanvasAgg(figure).get_renderer()  # type: ignore[arg-type]
    ends = {arm: height_at(steps, at) for arm, steps in curves.items()}
    anchors = {arm: _anchor(curves[arm], at) if end is None else (at, end) for arm, end in ends.items()}
    order = sorted(texts, key=lambda arm: -anchors[arm][1])
    taken: list[tuple[float, float, float, float]] = []
    for rank, arm in enumerate(order):
        label = axes.text(
            at - gap, 0.5, texts[arm], ha="right", va="center", color=pen[arm].colour, fontweight="bold", zorder=5
        )
        forms = _forms(label, axes, renderer, at=at, gap=gap)
        side = ABOVE if rank == 0 else BELOW if rank == len(order) - 1 else EITHER
        form, centre = _free_place(forms, anchors[arm], curves, taken, side=side, gap=gap)
        right, width, height = form.right, form.width, form.height
        label.set_text(form.text)
        label.set_position((right, centre))
        place = (right - width, right, centre - height / 2, centre + height / 2)
        taken.append(place)
        if _distance(place, curves[arm]) > FAR and not _beside(place, anchors[arm], gap):
            edge = place[3] if anchors[arm][1] > centre else place[2]
            axes.plot(
                [right - width / 4, anchors[arm][0]], [edge, anchors[arm][1]], color=pen[arm].colour, linewidth=0.6
            )


def _forms(label: Text, axes: Axes, renderer: RendererBase, *, at: float, gap: float) -> list[_Form]:
    """How and where a label may be written, the best first: as it is, or wrapped; left of the milestone, or right.

    Right of the milestone a share stands beside a later stretch of its curve, which it does not describe; so a wrapped
    label left of it is better. Across the milestone is the last resort.
    """
    text, end = label.get_text(), axes.get_xlim()[1]
    before, after, across = [], [], []
    for shown in dict.fromkeys((text, wrapped(text.replace("\n", " "), len(text) // 2 + 4))):
        label.set_text(shown)
        box = label.get_window_extent(renderer).transformed(axes.transData.inverted())
        width, height = box.width, box.height
        lefts = [at - gap - width * k / 2 for k in range(4)]
        rights = [at + gap + width * (1 + k / 2) for k in range(4)]
        before += [_Form(shown, width, height, right) for right in lefts if right - width >= gap]
        after += [_Form(shown, width, height, right) for right in rights if right <= end]
        across.append(_Form(shown, width, height, end - gap))
    return [*before, *after, *across]


def _distance(place: tuple[float, float, float, float], steps: Steps) -> float:
    """How far a curve stays above or below a label, where it passes the label at all."""
    left, right, low, high = place
    heights = [height_at(steps, left + (right - left) * i / 24) for i in range(25)]
    return min((max(low - h, h - high, 0.0) for h in heights if h is not None), default=1.0)


def _beside(place: tuple[float, float, float, float], anchor: tuple[float, float], gap: float) -> bool:
    """Whether a label ends next to the point that it names: a line to it would only strike through the text."""
    left, right, low, high = place
    return left - 2 * gap <= anchor[0] <= right + 2 * gap and low - FAR <= anchor[1] <= high + FAR


def _anchor(steps: Steps, at: float) -> tuple[float, float]:
    """The end of a curve that ends before ``at``."""
    times, heights = steps
    return (min(times[-1], at), heights[-1]) if times else (at, 0.5)


def _free_place(
    forms: Sequence[_Form],
    anchor: tuple[float, float],
    curves: Mapping[str, Steps],
    taken: Sequence[tuple[float, float, float, float]],
    *,
    side: tuple[tuple[int, ...], ...],
    gap: float,
) -> tuple[_Form, float]:
    """The first form of a label and its centre height that cover nothing.

    If every place covers a curve, the one that covers no other label.
    """
    fallback: tuple[_Form, float] | None = None
    # A label on the wrong side of its curve is read as that of another one, so the side goes before the distance.
    for signs, form in product(side, forms):
        left, step = form.right - form.width, form.height / 6
        offsets = [i * step for i in range(int(1.0 / step) + 1)]
        for offset, sign in product(offsets, signs):
            centre = anchor[1] + sign * offset
            low, high = centre - form.height / 2, centre + form.height / 2
            if low < 0.01 or high > 1.02:
                continue
            if any(l < form.right and left < r and b < high and low < t for l, r, b, t in taken):  # noqa: E741
                continue
            fallback = fallback or (form, centre)
            if not _covers_a_curve(left - gap, form.right + gap, low, high, curves):
                return form, centre
    return fallback or (forms[0], anchor[1])


def _covers_a_curve(left: float, right: float, low: float, high: float, curves: Mapping[str, Steps]) -> bool:
    margin = 0.012
    for steps in curves.values():
        for i in range(25):
            height = height_at(steps, left + (right - left) * i / 24)
            if height is not None and low - margin < height < high + margin:
                return True
    return False
