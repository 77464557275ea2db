"""Frames of tumour assessments, read and checked: subjects, days, yes and no, lengths, and words of closed lists.

Days are calendar dates or whole numbers. Whole numbers must be days since one origin (study days as they are counted
after day 1 will do: their differences are days), and all frames of one call must count the same way. Errors name rows
by number, counted from 1 in the frame that was given, and never a subject.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evidence_lib.data.values import plain_text
from evidence_lib.endpoints.time_to_event.source import (
    NEVER,
    Days,
    Flags,
    date_column,
    flag_column,
    refuse_where,
)
from evidence_lib.errors import InvalidInput
from evidence_lib.study.checking import described, suggestion

Kind = Literal["dates", "numbers"]
Words = NDArray[np.object_]
Lengths = NDArray[np.float64]
# An assessment of which nothing is stated was, as far as is known, not done.
_NOTHING_STATED = {"": "ND", "NA": "ND", "UNK": "ND"}
RESPONSES = ("CR", "PR", "SD", "NON-CR/NON-PD", "NED", "PD", "NE", "ND")


@dataclass(frozen=True)
class DayCount:
    """How the days of one call are counted: by calendar date, by number, or, without any rows, not yet known."""

    kind: Kind | None = None

    def with_column(self, frame: pd.DataFrame, name: str, where: str) -> tuple[Days, DayCount]:
        """The days of a column, ``NEVER`` where missing, and how they are counted.

        Raises InvalidInput where another column of the same call is counted otherwise, or where a number is no whole
        day.
        """
        if name not in frame or frame[name].isna().all():
            return np.full(len(frame), NEVER, dtype=np.int64), self
        numeric = _holds_numbers(frame[name])
        kind: Kind = "numbers" if numeric else "dates"
        if self.kind not in (None, kind):
            raise InvalidInput(
                "dates and numbers of days stand side by side", where=f"{where}.{name}", expected="one way of counting"
            )
        days = _whole_days(frame[name], f"{where}.{name}") if numeric else date_column(frame, name, where)
        return days, DayCount(kind)

    def column(self, days: Days) -> pd.Series:
        """Days as a column of a result: dates, or nullable whole numbers; ``NEVER`` is missing."""
        missing = days >= NEVER
        if self.kind == "numbers":
            return pd.Series(pd.array(np.where(missing, 0, days), dtype="Int64")).mask(missing)
        known = np.where(missing, 0, days).astype("datetime64[D]").astype("datetime64[ns]")
        return pd.Series(known).mask(missing)


def frame_with(frame: pd.DataFrame, names: Sequence[str], where: str) -> pd.DataFrame:
    """The frame with rows numbered from 0. Raises InvalidInput where it is none or lacks a column."""
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInput(f"{where} is not a frame", expected="a pandas DataFrame", found=described(frame))
    for name in names:
        if name not in frame:
            near = suggestion(name, [str(column) for column in frame.columns])
            raise InvalidInput(f"{where} has no column {name}", expected=", ".join(names), mend=near)
    if frame.columns.duplicated().any():
        raise InvalidInput(f"{where} has two columns of one name", expected="different names")
    plain = frame.reset_index(drop=True)
    for name in plain.columns:
        if not pd.api.types.is_any_real_numeric_dtype(plain[name]) and plain[name].dtype.kind != "M":
            # Missing values come as None, NaN, NaT and pandas.NA, and the last cannot even be compared.
            plain[name] = plain[name].astype(object).mask(plain[name].isna(), None)
    return plain


def labels(frame: pd.DataFrame, where: str, name: str = "subject") -> list[Hashable]:
    """The subjects (or lesions) of the rows.

    Raises InvalidInput for what cannot be a key, DataError where one is missing.
    """
    values: list[Hashable] = list(frame[name])
    if not all(isinstance(value, Hashable) for value in values):
        raise InvalidInput(f"a {name} cannot be a key", where=f"{where}.{name}", expected="texts or numbers")
    refuse_where(frame[name].isna().to_numpy(), f"a {name} is missing", f"{where}.{name}", "a label in every row")
    return values


def days_in(frame: pd.DataFrame, where: str, counting: DayCount) -> tuple[Days, DayCount]:
    """The column ``date``, complete. Raises DataError where a date is missing."""
    days, counting = counting.with_column(frame, "date", where)
    refuse_where(days == NEVER, "an assessment has no date", f"{where}.date", "a full date in every row")
    return days, counting


def flags_in(frame: pd.DataFrame, name: str, where: str, *, absent: bool) -> Flags:
    """A column of yes and no, ``absent`` for everybody where there is no such column."""
    return flag_column(frame, name, where) if name in frame else np.full(len(frame), absent, dtype=bool)


def words_in(frame: pd.DataFrame, name: str, where: str, permitted: Sequence[str], *, optional: bool = False) -> Words:
    """A column of words in capital letters. Raises DataError for any other; empty texts only where ``optional``."""
    texts = np.array([(plain_text(value) or "").strip().upper() for value in frame[name]], dtype=object)
    wrong = ~np.isin(texts, [*permitted, ""] if optional else list(permitted))
    if wrong.any():
        unknown = f"unknown {name}: {described(texts[wrong.argmax()])}" if texts[wrong.argmax()] else f"no {name}"
        refuse_where(wrong, unknown, f"{where}.{name}", ", ".join(permitted))
    return texts


def responses_in(frame: pd.DataFrame, where: str) -> Words:
    """The column ``response``; a missing one, NA and UNK are ND, not done."""
    texts = [(plain_text(value) or "").strip().upper() for value in frame["response"]]
    plain = frame.assign(response=pd.Series([_NOTHING_STATED.get(text, text) for text in texts], dtype=object))
    return words_in(plain, "response", where, RESPONSES)


def lengths_in(frame: pd.DataFrame, name: str, where: str) -> Lengths:
    """A column of millimetres, NaN where missing. Raises InvalidInput for no numbers, DataError for negative ones."""
    column = frame[name]
    if not column.isna().all() and not _holds_numbers(column):
        raise InvalidInput("not a column of numbers", where=f"{where}.{name}", found=f"type {column.dtype}")
    values = column.to_numpy(dtype=float, na_value=np.nan)
    refuse_where((values < 0) | np.isinf(values), "not a length", f"{where}.{name}", "millimetres, 0 or more")
    return np.asarray(values, dtype=np.float64)


def refuse_repeats(keys: Sequence[Hashable], what: str, where: str, expected: str) -> None:
    """Raise DataError where a key stands twice, naming the rows of the repeats."""
    seen: set[Hashable] = set()
    repeated = np.zeros(len(keys), dtype=bool)
    for row, key in enumerate(keys):
        repeated[row] = key in seen
        seen.add(key)
    refuse_where(repeated, what, where, expected)


def whole_number(value: Any, name: str) -> int:
    """A whole number of 0 or more. Raises InvalidInput for any other."""
    if isinstance(value, bool) or not isinstance(value, int | np.integer) or value < 0:
        raise InvalidInput(f"{name} cannot be used", expected="a whole number of 0 or more", found=described(value))
    return int(value)


def _whole_days(column: pd.Series, where: str) -> Days:
    values = column.to_numpy(dtype=float, na_value=np.nan)
    missing = np.isnan(values)
    wrong = ~missing & ((values != np.round(values)) | (np.abs(values) >= 2**31))
    refuse_where(wrong, "not a whole day", where, "whole numbers of days")
    return np.where(missing, NEVER, np.where(missing, 0, values)).astype(np.int64)


def _holds_numbers(column: pd.Series) -> bool:
    """Whether the values are numbers, however the column is stored; missing values aside."""
    return pd.api.types.infer_dtype(column, skipna=True) in ("integer", "floating", "mixed-integer-float")
