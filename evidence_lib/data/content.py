"""What the reader of one format gives back, and the headings that every format must have."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from evidence_lib.errors import DataError
from evidence_lib.language import Message

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True)
class Content:
    """What a reader of one format gives back."""

    frame: pd.DataFrame
    encoding: str = "utf-8"
    labels: Mapping[str, str] = field(default_factory=dict)
    notes: tuple[Message, ...] = ()
    padded: Mapping[str, tuple[int, ...]] = field(default_factory=dict)


def refuse_headings(headings: Sequence[str], *, where: str) -> None:
    """Raise DataError for no headings, an empty heading, or two columns with one heading."""
    if not headings:
        raise DataError("there are no columns", where=where)
    empty = [str(position) for position, heading in enumerate(headings, start=1) if not heading]
    if empty:
        raise DataError(
            "a column has no heading",
            where=where,
            expected="headings in the first row, one per column, and no title above them",
            found=f"none in column {', '.join(empty[:5])}",
        )
    twice = [heading for heading, count in Counter(headings).items() if count > 1]
    if twice:
        raise DataError("two columns have the same heading", where=where, found=", ".join(twice[:5]), mend="rename one")
