"""What the reader sees first: the material of the page's first screen, as texts in one language."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal

PageStatus = Literal["draft", "checked", "approved"]


@dataclass(frozen=True, kw_only=True)
class KeyMessage:
    """One key message: its printed id (K1), the big number, and the lines under it."""

    id: str
    big: str
    lines: Sequence[str]


@dataclass(frozen=True, kw_only=True)
class FirstScreen:
    """The first screen in reading order.

    ``answer`` is (text, strong) pairs; ``plain`` is (question, text) pairs; ``figure`` is the name of a display
    function with the recorded content it takes, drawn in its first-screen size; ``links`` is (text, anchor) pairs, of
    which the page shows those whose anchor it has. The content code and the run id are filled in by the page.
    """

    status: PageStatus
    status_text: str
    title: str
    grey_line: Sequence[str]
    answer: Sequence[tuple[str, bool]]
    caution_title: str
    caution: Sequence[str]
    key_messages: Sequence[KeyMessage]
    plain: Sequence[tuple[str, str]]
    figure: tuple[str, Sequence[Mapping[str, Any]]] | None = None
    links: Sequence[tuple[str, str]] = ()


STRONG = re.compile(r"\*\*(.+?)\*\*")


def with_bold(text: str) -> list[tuple[str, bool]]:
    """A text with **strong** parts as (text, strong) pairs."""
    return [(part, position % 2 == 1) for position, part in enumerate(STRONG.split(text)) if part]


def without_bold(text: str) -> str:
    """The same text without its asterisks."""
    return STRONG.sub(r"\1", text)
