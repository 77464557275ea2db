"""The order in which the levels of a variable are shown."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable

NUMBER = re.compile(r"\d+(?:\.\d+)?")
BELOW, ABOVE = ("<", "≤", "under", "below"), (">", "≥", "over", "above")


def in_order(levels: Iterable[str]) -> list[str]:
    """Levels from low to high: by the first number in each, else by the alphabet; those without a number last.

    A level that begins with ``<`` stands before one of the same number, one that begins with ``>`` after it:
    ``<65``, ``65-74``, ``>=75``.
    """
    return sorted(levels, key=_place)


def _place(level: str) -> tuple[float, int, str]:
    found = NUMBER.search(level)
    text = level.strip().lower()
    side = -1 if text.startswith(BELOW) else 1 if text.startswith(ABOVE) else 0
    return (float(found[0]) if found else math.inf, side, level)
