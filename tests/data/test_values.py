"""Values as hospitals write them (BAD_INPUTS 62, 83, 87)."""

from __future__ import annotations

import datetime as dt
import math

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib.data.values import (
    each_value,
    half_width,
    parse_date,
    plain_text,
    to_dates,
    to_numbers,
    to_sex,
    to_sign,
)


def column(*values: object) -> pd.Series:
    return pd.Series(list(values), index=range(2, len(values) + 2), name="X", dtype=object)


@pytest.mark.parametrize(
    ("written", "number"),
    [
        ("１２", 12),
        ("３．５", 3.5),
        ("-1", -1),
        ("1,234", 1234),
        ("12,345.6", 12345.6),
        ("1e3", 1000),
        (" 7 ", 7),
        (2.5, 2.5),
    ],
)
def test_87_numbers(written: object, number: float) -> None:
    assert to_numbers(column(written)).values.tolist() == [number]


@pytest.mark.parametrize("written", ["3,5", "12,34", "abc", "1.2.3", "inf", "nan", "1e999", "٣", "0x10", "1_000", True])
def test_not_numbers(written: object) -> None:
    converted = to_numbers(column(written))
    assert math.isnan(converted.values.iloc[0])
    assert converted.invalid == (2,)


@pytest.mark.parametrize("written", ["<0.01", "＜0.01", "> 100", "≤5", "<=5"])
def test_87_detection_limits_are_not_numbers(written: str) -> None:
    converted = to_numbers(column("1", written))
    assert math.isnan(converted.values[3])
    assert (converted.limits, converted.invalid) == ((3,), ())


def test_rewritten_values_are_counted() -> None:
    assert to_numbers(column("1", "２", "1,000", None, 3)).rewritten == 2


@given(st.floats(allow_nan=False, allow_infinity=False))
def test_any_float_comes_back(value: float) -> None:
    assert to_numbers(column(repr(value), value)).values.tolist() == [value, value]


@pytest.mark.parametrize(
    "written",
    [
        "2024-03-05", "2024/3/5", "2024.03.05", "20240305", "2024年3月5日", "２０２４年３月５日", "05MAR2024",
        "2024-03-05T10:30", "2024-03-05 00:00:00", 20240305, dt.date(2024, 3, 5),
        dt.datetime(2024, 3, 5, 23, 59), pd.Timestamp("2024-03-05"),
    ],
)  # fmt: skip
def test_87_dates(written: object) -> None:
    assert to_dates(column(written)).values.tolist() == [pd.Timestamp("2024-03-05")]


@pytest.mark.parametrize("written", ["2024-03", "2024", "2024年3月", "2024年", "2024-03-UN", "2024-UN-UN", "2024/3"])
def test_62_partial_dates_are_never_completed(written: str) -> None:
    converted = to_dates(column(written))
    assert converted.values.isna().all()
    assert (converted.partial, converted.invalid) == ((2,), ())


@pytest.mark.parametrize("written", ["03/05/2024", "2024-13-01", "2024-02-30", "20241301", "soon", "45356"])
def test_not_dates(written: str) -> None:
    converted = to_dates(column(written))
    assert converted.values.isna().all()
    assert converted.invalid == (2,)


def test_bare_numbers_count_from_the_stated_epoch() -> None:
    # Excel: =DATE(2024,3,5) is 45356. SAS: '05MAR2024'd is 23440 (R: as.Date("2024-03-05") - as.Date("1960-01-01")).
    assert to_dates(column(45356), numbers="excel").values.iloc[0] == pd.Timestamp("2024-03-05")
    assert to_dates(column(23440.0), numbers="sas").values.iloc[0] == pd.Timestamp("2024-03-05")


@given(st.dates(min_value=dt.date(1900, 1, 1), max_value=dt.date(2100, 12, 31)))
def test_every_spelling_is_the_same_day(day: dt.date) -> None:
    spellings = (
        day.isoformat(),
        f"{day:%Y%m%d}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{day.year}/{day.month}/{day.day}",
    )
    assert {parse_date(text) for text in spellings} == {day}


@pytest.mark.parametrize(
    ("written", "expected"),
    [
        (("1", "2", "0", "9"), ["M", "F", "U", "U"]),
        ((1.0, 2.0, None), ["M", "F", None]),
        (("１", "２"), ["M", "F"]),
        (("男", "女"), ["M", "F"]),
        (("Male", "female"), ["M", "F"]),
    ],
)
def test_87_sex(written: tuple[object, ...], expected: list[str | None]) -> None:
    converted = to_sex(column(*written))
    assert converted is not None
    assert converted.values.tolist() == expected


@pytest.mark.parametrize("written", [("0", "1"), ("1", "3"), ("x",), (None,)])
def test_87_unclear_sex_is_left_alone(written: tuple[object, ...]) -> None:
    assert to_sex(column(*written)) is None


def test_87_negative_and_positive() -> None:
    converted = to_sign(column("阴性", "阳性(+)", "阳性（＋＋）", "(-)", "+", "阴", None))
    assert converted is not None
    assert converted.values.tolist() == ["Negative", "Positive", "Positive", "Negative", "Positive", "Negative", None]


@pytest.mark.parametrize("written", [("阴性", "不详"), ("-", "-"), ("1", "2"), (None,)])
def test_not_signs(written: tuple[object, ...]) -> None:
    assert to_sign(column(*written)) is None


def test_plain_text() -> None:
    assert [plain_text(value) for value in (701.0, "７０１", "  ", None, float("nan"), 1.5)] == [
        "701",
        "701",
        None,
        None,
        None,
        "1.5",
    ]
    assert half_width("（Ａ）　") == "(A)"


@pytest.mark.parametrize(
    "values",
    [
        ["a", None, "b", "a", ""],
        [1.0, float("nan"), 2.5, 1.0],
        [True, 1, "1", 1.0, False, 0],
        [dt.date(2024, 1, 1), None, dt.date(2024, 1, 1)],
        [None, None],
        [],
    ],
)
def test_each_value_is_what_map_gives_row_by_row(values: list[object]) -> None:
    """By distinct values or row by row: one meaning, and True is not 1."""
    given_values = pd.Series(values, dtype=object, index=range(5, 5 + len(values)))
    seen = each_value(given_values, repr)
    missing = [value is None or value != value or value == "" for value in values]
    assert seen.tolist() == [None if gone else repr(value) for value, gone in zip(values, missing, strict=True)]
    assert seen.index.tolist() == given_values.index.tolist()


def test_numbers_of_a_numeric_column_are_kept_and_infinite_ones_are_invalid() -> None:
    found = to_numbers(pd.Series([1.5, float("inf"), float("nan")]))
    assert found.values.tolist()[0] == 1.5
    assert found.values.isna().tolist() == [False, True, True]
    assert found.invalid == (1,)
