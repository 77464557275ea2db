"""What a display function returns: a table or a figure, before it becomes HTML."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from matplotlib.figure import Figure as MatplotlibFigure


@dataclass(frozen=True, kw_only=True)
class Table:
    """A table for readers: every cell is text in the view's language.

    The first ``row_headers`` columns are row headings. ``groups``, where given, has one heading per row; consecutive
    rows of one heading stand under it. ``spanners`` puts a heading over several columns (by column position).
    ``number`` and ``population`` are what the clinical study report calls it and whom it is about.
    """

    title: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    row_headers: int = 1
    groups: Sequence[str] | None = None
    spanners: Mapping[str, Sequence[int]] = field(default_factory=dict)
    footnotes: Sequence[str] = ()
    number: str = ""
    population: str = ""


@dataclass(frozen=True, kw_only=True)
class Figure:
    """A figure: the drawing, the sentence that stands for it, and the table behind it.

    ``number`` and ``population`` are what the clinical study report calls it and whom it is about.
    """

    title: str
    drawing: MatplotlibFigure
    alternative_text: str
    data: Table | None = None
    footnotes: Sequence[str] = ()
    number: str = ""
    population: str = ""


@dataclass(frozen=True, kw_only=True)
class Passage:
    """Text for readers: paragraphs, or a list with a heading per item (``terms``)."""

    paragraphs: Sequence[str] = ()
    items: Sequence[str] = ()
    terms: Sequence[tuple[str, str]] = ()
    tone: str = "plain"
