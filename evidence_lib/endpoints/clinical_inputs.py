"""What clinical scales ask of their inputs: columns of one length, numbers in a possible range, known words."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.data.values import plain_text
from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import Flags, Floats, numbers, refuse
from evidence_lib.study.checking import described, suggestion

YES = {"Y": True, "YES": True, "TRUE": True, "1": True, "N": False, "NO": False, "FALSE": False, "0": False}


def common_index(**inputs: Any) -> pd.Index:
    """The index of the first Series among the inputs, else 0, 1, 2, ... Raises InvalidInput for unequal lengths."""
    for name, values in inputs.items():
        if np.ndim(values) != 1:
            raise InvalidInput(f"{name} is not a column", expected="one value per patient", found=described(values))
    sizes = {name: len(values) for name, values in inputs.items()}
    if len(set(sizes.values())) > 1:
        raise InvalidInput(
            "the inputs are of different lengths", found=", ".join(f"{name} {size}" for name, size in sizes.items())
        )
    series = [values for values in inputs.values() if isinstance(values, pd.Series)]
    if any(not one.index.equals(series[0].index) for one in series):
        raise InvalidInput("the inputs are of different rows", expected="Series with one index")
    return series[0].index if series else pd.RangeIndex(next(iter(sizes.values()), 0))


def in_range(values: Any, name: str, *, low: float, high: float, unit: str, whole: bool = False) -> Floats:
    """Numbers from ``low`` to ``high``, NaN where missing. Raises InvalidInput for any other, naming the row."""
    # A column in which nothing is known has no type that would say what it holds.
    found = np.full(len(values), np.nan) if pd.isna(pd.Series(values)).all() else numbers(values, name)
    with np.errstate(invalid="ignore"):
        wrong = ~np.isnan(found) & ~((found >= low) & (found <= high))
        odd = ~wrong & ~np.isnan(found) & (found != np.floor(found)) if whole else np.zeros(found.size, dtype=bool)
    refuse(wrong, name, f"{low:g} to {high:g} {unit}".strip(), "an impossible value")
    refuse(odd, name, "whole numbers", "a fraction")
    return found


def known_words(values: Any, name: str, words: Mapping[str, Any]) -> np.ndarray:
    """What each word stands for (case and outer spaces do not matter), None where it is missing.

    Raises InvalidInput for an unknown word, naming the row.
    """
    found: list[Any] = []
    for row, value in enumerate(values, start=1):
        text = plain_text(value)
        key = None if text is None else text.upper()
        if key is not None and key not in words:
            shown, near = unknown_word(key, words)
            raise InvalidInput(
                f"{name} cannot be used", expected=", ".join(words), found=f"{shown} in row {row}", mend=near
            )
        found.append(None if key is None else words[key])
    made = np.empty(len(found), dtype=object)
    made[:] = found
    return made


def unknown_word(text: str, known: Iterable[str]) -> tuple[str, str | None]:
    """How a message shows a value of the data that is no known word, and the near word, if there is one.

    The value itself is shown only where it is near a known word: anything else might be a name.
    """
    near = suggestion(text, known)
    return described(text) if near else "another value", near


def yes_no(values: Any, name: str) -> tuple[Flags, Flags]:
    """Who has it, and of whom it is known: from booleans, 1 and 0, Y and N."""
    if isinstance(values, Iterable):
        values = [str(value) if isinstance(value, bool | np.bool_) else value for value in values]
    found = known_words(values, name, YES)
    known = np.array([value is not None for value in found], dtype=bool)
    return np.array([value is True for value in found], dtype=bool), known


def chosen(value: Any, name: str, known: Iterable[Any]) -> Any:
    """A choice. Raises InvalidInput for any other than the known ones."""
    options = list(known)
    if isinstance(value, bool) or value not in options:
        raise InvalidInput(f"unknown {name}", expected=" or ".join(map(str, options)), found=described(value))
    return value


def labels(values: Any, index: pd.Index, known: Flags) -> pd.Series:
    """A Series of texts, None where not known."""
    texts = [str(value) if told else None for value, told in zip(values, known, strict=True)]
    return pd.Series(texts, index=index, dtype=object)
