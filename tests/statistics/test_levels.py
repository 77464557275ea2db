"""The order of levels: as a reader expects them, whatever the order of the data."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib.statistics.levels import in_order


@pytest.mark.parametrize(
    "expected",
    [
        ["<65", "65-74", ">=75"],
        ["<1%", "1-49%", ">=50%"],
        ["<25", "25-<30", ">=30"],
        ["≤5", "5", ">5"],
        ["T1a", "T1b", "T2", "T10"],
        ["1", "2", "10"],
        ["Female", "Male"],
        ["0.5", "1.5", "12", "Unknown"],
        ["under 45", "45 to 60", "over 60"],
    ],
)
def test_levels_as_a_reader_expects_them(expected: list[str]) -> None:
    assert in_order(reversed(expected)) == expected


@given(st.lists(st.text(max_size=6), unique=True))
def test_the_order_does_not_depend_on_that_of_the_data(levels: list[str]) -> None:
    assert in_order(levels) == in_order(list(reversed(levels)))
    assert sorted(in_order(levels)) == sorted(levels)
