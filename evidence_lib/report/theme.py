"""The look of every figure: colours, dashes, fonts, and the drawing as SVG that is the same bytes every time."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from io import BytesIO
from typing import TYPE_CHECKING, Any

from evidence_lib.errors import InvalidInput

if TYPE_CHECKING:
    from matplotlib.figure import Figure

INK = "#1c2430"
GREY = "#565f6b"
GRID = "#e2e5e9"
# Each colour has a contrast of at least 4.5 to white, so that it may colour text (WCAG 2.2, 1.4.3); neighbours differ
# in lightness and dash as well, so that no reader depends on hue.
COLOURS = ("#0b5fa5", "#b0481a", "#00695c", "#8a3f8f", "#7a5c00", "#404040", "#c2185b", "#5d4037")
DASHES: tuple[tuple[int, tuple[float, ...] | None], ...] = (
    (0, None),
    (0, (4, 1.6)),
    (0, (6, 1.6, 1, 1.6)),
    (0, (1.2, 1.2)),
    (0, (9, 2)),
    (0, (4, 1.4, 1, 1.4, 1, 1.4)),
    (0, (2, 2)),
    (0, (12, 2, 2, 2)),
)
CHINESE_FONTS = ("Noto Sans SC", "Noto Sans CJK SC", "Source Han Sans SC", "Microsoft YaHei", "PingFang SC", "SimHei")


@dataclass(frozen=True)
class Pen:
    """The colour and the dash of one arm."""

    colour: str
    dash: tuple[int, tuple[float, ...] | None]


def pens(names: tuple[str, ...]) -> dict[str, Pen]:
    """A pen for each arm, in display order. Raises InvalidInput for more arms than can be told apart."""
    if len(names) > len(COLOURS):
        raise InvalidInput(
            "too many arms to tell apart in one figure", expected=f"at most {len(COLOURS)}", found=str(len(names))
        )
    return {name: Pen(COLOURS[i], DASHES[i]) for i, name in enumerate(names)}


@contextmanager
def theme(salt: str = "evidence", *, small: bool = False) -> Iterator[None]:
    """Matplotlib's settings for our figures while the block runs; nothing outside the block changes.

    ``salt`` seeds the ids inside an SVG: the same figure under the same salt gives the same bytes. Text is never read
    as TeX, since arm labels come from data.
    """
    import matplotlib as mpl
    import seaborn as sns

    fonts = ["DejaVu Sans", *_installed_chinese_font()]
    size = 9.5 if small else 9.0
    own: dict[str, Any] = {
        "font.family": fonts,
        "font.size": size,
        "axes.labelsize": size,
        "xtick.labelsize": size,
        "ytick.labelsize": size,
        "axes.edgecolor": GREY,
        "axes.labelcolor": GREY,
        "xtick.color": GREY,
        "ytick.color": GREY,
        "text.color": INK,
        "grid.color": GRID,
        "axes.spines.top": False,
        "axes.spines.right": False,
        "axes.unicode_minus": True,
        "text.parse_math": False,
        "svg.fonttype": "path",
        "svg.hashsalt": salt,
    }
    with mpl.rc_context(), sns.axes_style("white"):
        mpl.rcParams.update(own)  # type: ignore[arg-type]
        yield


def svg(drawing: Figure, salt: str) -> bytes:
    """The drawing as SVG with outlined glyphs, without date or creator."""
    stream = BytesIO()
    with theme(salt):
        drawing.savefig(stream, format="svg", metadata={"Date": None, "Creator": None})
    return stream.getvalue()


def _installed_chinese_font() -> list[str]:
    """The first Chinese font of this machine, for labels that DejaVu Sans cannot draw."""
    from matplotlib import font_manager

    installed = {font.name for font in font_manager.fontManager.ttflist}
    return [name for name in CHINESE_FONTS if name in installed][:1]
