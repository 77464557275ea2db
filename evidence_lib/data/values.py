"""Values as hospitals write them, made into numbers, dates and codes; nothing is completed or guessed silently.

Every function takes a column as read (text, or the numbers and dates of a workbook) and gives a ``Converted``: the
values, and the row numbers of what could not be converted, apart by cause. Rows are index labels of the column.
"""

from __future__ import annotations

import datetime as dt
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    import pandas as pd

# Full-width forms (U+FF01 to U+FF5E) and the ideographic space, as Chinese input methods write them.
HALF_WIDTH = {0xFF01 + k: 0x21 + k for k in range(94)} | {0x3000: 0x20, 0x2212: 0x2D}
NUMBER = re.compile(r"[+-]?(\d+(\.\d*)?|\.\d+)([eE][+-]?\d{1,3})?", re.ASCII)
GROUPED = re.compile(r"[+-]?\d{1,3}(,\d{3})+(\.\d+)?", re.ASCII)
LIMIT = re.compile(r"[<>≤≥＜＞]=?\s*[+-]?\d[\d.,]*", re.ASCII)
YMD = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})(?:[T ]\d{1,2}:\d{2}(?::\d{2}(?:\.\d+)?)?)?", re.ASCII)
COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})", re.ASCII)
CHINESE = re.compile(r"(\d{4})\s*年\s*(\d{1,2})\s*月\s*(\d{1,2})\s*[日号]?", re.ASCII)
SAS_DATE = re.compile(r"(\d{1,2})([A-Za-z]{3})(\d{4})", re.ASCII)
PARTIAL = re.compile(
    r"\d{4}|\d{4}[-/.](\d{1,2}|UN|UNK|XX)([-/.](UN|UNK|XX|-+)?)?|\d{4}-+\d{0,2}|\d{4}\s*年(\s*\d{1,2}\s*月)?",
    re.ASCII | re.I,
)
MONTHS = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
FIRST_EXCEL_DAY = 18_264  # 1950-01-01
EXCEL_EPOCH, SAS_EPOCH = dt.date(1899, 12, 30), dt.date(1960, 1, 1)
SIGNS = re.compile(
    r"[(]?\s*(?P<sign>-|[+]+)\s*[)]?|(?P<word>阴性?|阳性?|negative|positive|neg|pos)\s*([(]\s*[-+]+\s*[)]|[-+]+)?", re.I
)
SEX_CODES = {"0": "U", "1": "M", "2": "F", "9": "U"}  # GB/T 2261.1: unknown, male, female, not stated
SEX_WORDS = {"男": "M", "女": "F", "男性": "M", "女性": "F", "male": "M", "female": "F", "m": "M", "f": "F", "u": "U"}
SEX_WORDS |= {"未知": "U", "不详": "U", "unknown": "U"}


@dataclass(frozen=True)
class Converted:
    """A converted column.

    ``values`` has the index of what was given and is missing where nothing could be made of a value. ``invalid`` are
    the rows with such values; ``limits`` those with a detection limit such as ``<0.01`` (not a number: its place is
    known, its value is not); ``partial`` those with a date that lacks its day or month; ``rewritten`` counts values
    that were not in plain form (full-width digits, thousands separators, codes).
    """

    values: pd.Series
    invalid: tuple[Any, ...] = ()
    limits: tuple[Any, ...] = ()
    partial: tuple[Any, ...] = ()
    rewritten: int = 0


def half_width(value: str) -> str:
    """The text with full-width letters, digits and signs made ASCII, and without spaces at its ends."""
    return value.translate(HALF_WIDTH).strip()


def plain_text(value: Any) -> str | None:
    """A value as text: missing and empty give None, a whole number has no decimal point, full-width becomes ASCII."""
    if _missing(value):
        return None
    if isinstance(value, bool):
        return str(value)
    if hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and value.is_integer():
        return str(int(value))
    return half_width(str(value)) or None


def to_numbers(column: pd.Series) -> Converted:
    """Numbers from text: ``１２``, ``1,234``, ``1e3``; ``<0.01`` is a limit; decimal commas and words are invalid."""
    import pandas as pd

    if pd.api.types.is_float_dtype(column) or pd.api.types.is_integer_dtype(column):
        numbers = column.astype("float64")
        finite = numbers.replace([math.inf, -math.inf], math.nan)
        return Converted(finite, tuple(column.index[numbers.notna() & finite.isna()]))
    values, fates = _converted(column, _number)
    return Converted(values.astype("float64"), _rows(fates, "invalid"), _rows(fates, "limit"), (), _rewritten(fates))


def to_dates(column: pd.Series, *, numbers: Literal["refuse", "excel", "sas"] = "refuse") -> Converted:
    """Dates (midnight) from ``2024-03-05``, ``2024/3/5``, ``20240305``, ``2024年3月5日``, ``05MAR2024`` and date cells.

    A date without day or month is partial and stays missing: it is never completed. ``03/05/2024`` is invalid, since
    day and month cannot be told apart. ``numbers`` says what a bare number of days counts from: Excel's 1899-12-30 or
    SAS's 1960-01-01; ``20240305`` is always a date.
    """
    import pandas as pd

    epoch = {"excel": EXCEL_EPOCH, "sas": SAS_EPOCH, "refuse": None}[numbers]
    days, fates = _converted(column, lambda value: _date(value, epoch))
    stamps = pd.to_datetime(days, errors="coerce")
    return Converted(stamps, _rows(fates, "invalid"), (), _rows(fates, "partial"), _rewritten(fates))


def each_value(column: pd.Series, function: Callable[[Any], Any]) -> pd.Series:
    """``column.map(function)`` as objects, with the function called once for each distinct value; missing stays None.

    Columns of one kind are mapped by their distinct values; in a mixed one True and 1 would be taken for the same.
    """
    import numpy as np
    import pandas as pd

    if pd.api.types.infer_dtype(column, skipna=True) not in ("string", "date", "floating", "integer", "datetime64"):
        mapped = [None if _missing(value) else function(value) for value in column]
        return pd.Series(mapped, index=column.index, name=column.name, dtype=object)
    codes, distinct = pd.factorize(column)
    made = np.empty(len(distinct) + 1, dtype=object)
    for position, value in enumerate(distinct):
        made[position] = None if _missing(value) else function(value)
    return pd.Series(made[codes], index=column.index, name=column.name, dtype=object)


def parse_date(text: str) -> dt.date | None:
    """The calendar date that a whole text writes, or None for anything else, partial dates included."""
    for pattern, year, month, day in ((YMD, 1, 3, 4), (COMPACT, 1, 2, 3), (CHINESE, 1, 2, 3)):
        found = pattern.fullmatch(text)
        if found:
            return _calendar(int(found[year]), int(found[month]), int(found[day]))
    found = SAS_DATE.fullmatch(text)
    if found and found[2].lower() in MONTHS:
        return _calendar(int(found[3]), MONTHS.index(found[2].lower()) + 1, int(found[1]))
    return None


def to_sex(column: pd.Series) -> Converted | None:
    """``M``, ``F`` and ``U`` from 男 and 女, words, letters, or GB/T 2261.1 codes (1 male, 2 female, 0 and 9 unknown).

    None where a value is none of these. Codes count only where a 2 occurs: 0 and 1 alone are some other coding.
    """
    texts = column.map(plain_text)
    present = {text.lower() for text in texts.dropna()}
    coded = present <= set(SEX_CODES) and "2" in present
    if not present or not (coded or present <= set(SEX_WORDS)):
        return None
    codes = SEX_CODES if coded else SEX_WORDS
    values = texts.map(lambda text: None if text is None else codes[text.lower()])
    return Converted(values, rewritten=int((values.notna() & (values != column)).sum()))


def to_sign(column: pd.Series) -> Converted | None:
    """``Negative`` and ``Positive`` from 阴性, 阳性(+), ``(-)``, ``++``; the grade of a positive is not kept.

    None where a value is none of these, or where all are bare signs of one kind (``-`` is often "no answer").
    """
    texts = column.map(plain_text)
    found = texts.map(lambda text: None if text is None else SIGNS.fullmatch(text))
    if texts.notna().sum() == 0 or (texts.notna() & found.isna()).any():
        return None
    if all(match["word"] is None for match in found.dropna()) and set(texts.dropna()) <= {"-", "(-)"}:
        return None
    values = found.map(lambda match: None if match is None else _sign(match))
    return Converted(values, rewritten=int(values.notna().sum()))


def _sign(match: re.Match[str]) -> str:
    negative = (match["sign"] or "").startswith("-") or (match["word"] or "").lower().startswith(("阴", "neg"))
    return "Negative" if negative else "Positive"


def _converted(column: pd.Series, convert: Callable[[Any], tuple[Any, str]]) -> tuple[pd.Series, pd.Series]:
    """The values that ``convert`` makes, and what became of each: "", "rewritten", "invalid", "limit", "partial"."""
    return each_value(column, lambda value: convert(value)[0]), each_value(column, lambda value: convert(value)[1])


def _rows(fates: pd.Series, fate: str) -> tuple[Any, ...]:
    return tuple(fates.index[fates == fate])


def _rewritten(fates: pd.Series) -> int:
    return int((fates == "rewritten").sum())


def _number(value: Any) -> tuple[float | None, str]:
    text = value if isinstance(value, str) else plain_text(value) or ""
    plain = half_width(text)
    if isinstance(value, bool | dt.date) or not (NUMBER.fullmatch(plain) or GROUPED.fullmatch(plain)):
        return None, "limit" if LIMIT.fullmatch(plain) else "invalid"
    number = float(plain.replace(",", ""))
    if not math.isfinite(number):
        return None, "invalid"
    return number, "rewritten" if isinstance(value, str) and (plain != value or "," in plain) else ""


def _date(value: Any, epoch: dt.date | None) -> tuple[dt.date | None, str]:
    if isinstance(value, dt.date):
        day: dt.date | None = value.date() if isinstance(value, dt.datetime) else value
        rewritten = False
    else:
        text = plain_text(value) or ""
        day = parse_date(text)
        if day is None and epoch is not None and NUMBER.fullmatch(text):
            day = _from_epoch(text, epoch)
        rewritten = day is not None and day.isoformat() != value
    if day is None:
        return None, "partial" if PARTIAL.fullmatch(text) else "invalid"
    # a calendar date beyond what the 64-bit nanosecond type holds (1677 to 2262) is no date of a study
    if not 1800 < day.year < 2200:
        return None, "invalid"
    return day, "rewritten" if rewritten else ""


def _missing(value: Any) -> bool:
    return value is None or value != value or (isinstance(value, str) and not value.strip())


def _calendar(year: int, month: int, day: int) -> dt.date | None:
    try:
        return dt.date(year, month, day)
    except ValueError:
        return None


def _from_epoch(text: str, epoch: dt.date) -> dt.date | None:
    """The day that a number of days means; None outside 1900 to 2099, for Excel outside 1950 to 2099.

    So 120 minutes of surgery are no date.
    """
    number = float(text)
    if abs(number) > 100_000:
        return None
    day = epoch + dt.timedelta(days=int(number // 1))
    return day if EXCEL_EPOCH.year < day.year < 2100 and (epoch != EXCEL_EPOCH or number >= FIRST_EXCEL_DAY) else None
