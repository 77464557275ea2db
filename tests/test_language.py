"""Words: rounding, the forms of numbers, durations, dates and lists, messages and their JSON form."""

from __future__ import annotations

import datetime as dt
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib import language
from evidence_lib.errors import InvalidInput
from evidence_lib.language import LANGUAGES, Message, fixed, message, message_from_json, p_text, round_half_away, words

MINUS = "\u2212"


@pytest.fixture
def english() -> language.Words:
    return words("en")


# Half away from zero in decimal, from the shortest decimal form: Python's format() and R 4.2.2's round() both give
# 0.12 for 0.125, and 1.005 and 2.675 (stored a little below) would be rounded down from their binary values.
@pytest.mark.parametrize(
    ("value", "digits", "text"),
    [
        (0.125, 2, "0.13"),
        (-0.125, 2, "-0.13"),
        (1.005, 2, "1.01"),
        (2.675, 2, "2.68"),
        (0.5, 0, "1"),
        (1.5, 0, "2"),
        (2.5, 0, "3"),
        (-2.5, 0, "-3"),
        (0.0449999, 2, "0.04"),
        (9.995, 2, "10.00"),
        (1e-7, 2, "0.00"),
        (1234567.891, 1, "1234567.9"),
    ],
)
def test_rounding_is_half_away_from_zero_in_decimal(value: float, digits: int, text: str) -> None:
    assert fixed(value, digits) == text


@pytest.mark.parametrize("value", [-0.0, -0.004, -0.0049999])
def test_nothing_is_printed_as_minus_zero(value: float) -> None:
    assert fixed(value, 2) == "0.00"
    assert words("en").number(value, 2) == "0.00"


@given(st.floats(-1e9, 1e9), st.integers(0, 6))
def test_rounding_moves_by_at_most_half_a_unit_and_is_odd(value: float, digits: int) -> None:
    rounded = round_half_away(value, digits)
    assert abs(rounded - Decimal(repr(value))) <= Decimal("0.5").scaleb(-digits)
    assert round_half_away(-value, digits) == -rounded


def test_no_value_is_printed_as_not_estimable(english: language.Words) -> None:
    assert fixed(None, 2) == p_text(None) == "NE"
    assert english.number(None, 2) == english.percent(None).removesuffix("%") == english.p_value(None) == "NE"
    assert english.form(None, "ratio") == "NE"
    assert english.form(None) == ""


@pytest.mark.parametrize(
    ("p", "text"),
    [
        (0.5, "0.500"),
        (0.0496, "0.050"),
        (0.01, "0.010"),
        (0.0099999, "0.0100"),
        (0.0034, "0.0034"),
        (0.0001, "0.0001"),
        (0.00009999, "<0.0001"),
        (0.0, "<0.0001"),
        (0.99949, "0.999"),
        (0.9995, ">0.999"),
        (1.0, ">0.999"),
    ],
)
def test_p_values(p: float, text: str) -> None:
    assert p_text(p) == text


@pytest.mark.parametrize(
    ("value", "kind", "text"),
    [
        (1826, "count", "1,826"),
        (1234.5, "count", "1,235"),
        (0.694884327, "ratio", "0.69"),
        (0.581, "percent", "58.1%"),
        (0.7601626, "percent0", "76%"),
        # 0.145 * 100 is 14.499999999999998 in binary: it must not be printed as 14%.
        (0.145, "percent0", "15%"),
        (0.1444, "points", "14.4"),
        (-0.0595, "points", f"{MINUS}6.0"),
        (0.585, "per100", "59"),
        (0.1444, "signed_per100", "+14"),
        (-0.1444, "signed_per100", f"{MINUS}14"),
        (0.004, "signed_per100", "0"),
        (-0.004, "signed_per100", "0"),
        (4.91, "signed1", "+4.9"),
        (-0.04, "signed1", "0.0"),
        (54.0, "short", "54"),
        (54.25, "short", "54.3"),
        (54.25, "number1", "54.3"),
        (0.0036, "p", "0.0036"),
        (0.0036, "p_is", "p = 0.0036"),
        (0.00001, "p_is", "p < 0.0001"),
        (1.0, "p_is", "p > 0.999"),
        (-1234.5, ".1", f"{MINUS}1,234.5"),
        (dt.date(2024, 2, 29), "date", "February 29, 2024"),
        (7, "", "7"),
        ("B & C", "", "B & C"),
        ([0.5, 0.25], "percent0", "50% and 25%"),
        ({"en": "none", "zh-Hans": "无"}, "", "none"),
    ],
)
def test_forms(value: Any, kind: str, text: str, english: language.Words) -> None:
    assert english.form(value, kind) == text


@pytest.mark.parametrize(
    ("value", "unit", "digits", "text"),
    [
        (60, "months", None, "5 years"),
        (12, "months", None, "1 year"),
        (13, "months", None, "13 months"),
        (6, "months", None, "6 months"),
        (1, "months", None, "1 month"),
        (12, "months", 0, "12 months"),
        (4.91, "months", None, "4.9 months"),
        (1000, "days", None, "1,000 days"),
        (1.4, "weeks", 0, "1 week"),
        (2, "years", None, "2 years"),
    ],
)
def test_durations(value: float, unit: str, digits: int | None, text: str, english: language.Words) -> None:
    assert english.duration(value, unit, digits) == text


def test_a_date_is_written_in_full(english: language.Words) -> None:
    assert english.date("2024-02-29") == english.date(dt.date(2024, 2, 29)) == "February 29, 2024"


def test_lists(english: language.Words) -> None:
    assert [english.listed(items) for items in ([], ["a"], ["a", "b"])] == ["", "a", "a and b"]


def test_a_language_map_falls_back_to_english_then_to_what_there_is(english: language.Words) -> None:
    assert english.say({"zh-Hans": "无", "en": "none"}) == "none"
    assert english.say({"zh-Hans": "无"}) == "无"
    assert english.say("as it is") == "as it is"


def test_values_of_a_message_may_be_messages_and_maps(english: language.Words) -> None:
    inner = message("form.percent", number={"en": "twelve", "zh-Hans": "十二"})
    assert english.say(message("form.percent", number=inner)) == "twelve%%"
    assert str(inner) == "twelve%"


def test_braces_in_a_value_are_text(english: language.Words) -> None:
    assert english("form.percent", number="{number} {0} {x.__class__}") == "{number} {0} {x.__class__}%"


def test_a_message_survives_json() -> None:
    made = message(
        "check.data.warnings", texts=(message("form.percent", number=np.float64(0.5)), "two"), when=dt.date(2024, 1, 2)
    )
    record = made.to_json()
    assert record["values"]["texts"][0] == {"message": "form.percent", "values": {"number": 0.5}}
    back = message_from_json(record)
    assert isinstance(back, Message)
    assert words("en").say(back) == words("en").say(made) == "0.5% and two"
    assert dict(back.values)["when"] == "2024-01-02"
    assert message_from_json({"message": "no values key"}) == {"message": "no values key"}


def test_an_unknown_language_key_or_form_is_refused(english: language.Words) -> None:
    assert "en" in LANGUAGES
    with pytest.raises(InvalidInput, match="no catalogue for this language"):
        words("tlh")
    with pytest.raises(InvalidInput, match="no such message in the catalogue"):
        english("no.such.key")
    with pytest.raises(InvalidInput, match="unknown number form"):
        english.form(1.0, "roman")
    with pytest.raises(KeyError, match="number"):
        english("form.percent")


HEADER = 'msgid ""\nmsgstr ""\n"Content-Type: text/plain; charset=UTF-8\\n"\n\n'


def catalogue(folder: Path, *texts: str) -> None:
    (folder / "en").mkdir()
    for number, text in enumerate(texts):
        (folder / "en" / f"{number}.po").write_text(HEADER + text, encoding="utf-8")


def test_a_key_in_two_files_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue(tmp_path, 'msgid "a.b"\nmsgstr "one"\n', 'msgid "a.b"\nmsgstr "two"\n')
    monkeypatch.setattr(language, "LOCALE", tmp_path)
    language._catalogue.cache_clear()
    try:
        with pytest.raises(InvalidInput, match="catalogue key stands twice"):
            language.Words("en")
    finally:
        language._catalogue.cache_clear()


def test_a_placeholder_without_a_name_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    catalogue(tmp_path, 'msgid "a.b"\nmsgstr "{} of them"\n')
    monkeypatch.setattr(language, "LOCALE", tmp_path)
    language._catalogue.cache_clear()
    try:
        with pytest.raises(InvalidInput, match="placeholder without a name"):
            language.Words("en")("a.b")
    finally:
        language._catalogue.cache_clear()
