"""Arguments of the statistics: NumPy arrays take a short way that must not change an answer or a refusal."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import labelled, members, numbers, with_labels
from evidence_lib.statistics.survival.inputs import TIE, checked, join_ties


@pytest.mark.parametrize(
    "values",
    [[1, 2, 0], [1.5, np.nan, np.inf], [True, False, True], []],
)
@pytest.mark.parametrize("kind", [np.array, pd.Series, pd.Index])
def test_numbers_of_any_container(values: list[Any], kind: Any) -> None:
    got = numbers(kind(values), "x")
    assert got.dtype == np.float64
    np.testing.assert_array_equal(got, np.array(values, dtype=float))
    np.testing.assert_array_equal(got, numbers(values, "x"))


@pytest.mark.parametrize("dtype", [np.int8, np.uint64, np.float16, np.float32, np.bool_])
def test_numbers_of_any_width(dtype: Any) -> None:
    assert numbers(np.array([1, 0], dtype=dtype), "x").tolist() == [1.0, 0.0]


def test_numbers_are_a_copy() -> None:
    given = np.array([1.0, 2.0])
    numbers(given, "x")[0] = 5
    join_ties(given)[0] = 5
    checked(given, [1, 0])[0][0] = 5
    assert given.tolist() == [1.0, 2.0]


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.array([[1.0]]), "x is not one-dimensional; found 2 dimensions"),
        (np.array(3.0), "x is not one-dimensional; found 0 dimensions"),
        (np.array(["1"]), "x does not hold numbers"),
        (np.array([1 + 2j]), "x does not hold numbers"),
        (np.array(["2020-01-01"], dtype="M8[D]"), "x does not hold numbers"),
        (np.array(["a", 1], dtype=object), "x does not hold numbers"),
    ],
)
def test_what_is_no_number_is_refused(values: Any, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        numbers(values, "x")


def test_masked_values_are_missing() -> None:
    masked = np.ma.masked_array([1.0, 2.0], mask=[False, True])
    np.testing.assert_array_equal(numbers(masked, "x"), [1, np.nan])


LABELS: list[Any] = [
    np.array(["a", "bb"]),
    np.array(["a", "bb"], dtype=object),
    np.array([1, 2]),
    np.array([1, 2], dtype=np.uint8),
    np.array([1.5, 2]),
    np.array([True, False]),
    pd.Series(["a", "bb"], index=[7, 8]),
    pd.Series(["a", "bb"], dtype="category"),
    pd.Series([1, 2], dtype="Int64"),
    ["a", "bb"],
    [1, "a"],
]


@pytest.mark.parametrize("values", LABELS, ids=repr)
def test_labels_are_plain_objects(values: Any) -> None:
    got = labelled(values, "group", 2)
    assert got.dtype == object
    assert got.tolist() == list(values)
    assert type(got[0]) in (str, int, float, bool)


@pytest.mark.parametrize("values", LABELS, ids=repr)
@pytest.mark.parametrize("levels", [("a", "bb"), (1, 2), (1.0, "a"), (True, 2), ("1", "2"), (2**70, "a")])
def test_short_comparison_is_that_of_the_labels(values: Any, levels: tuple[Any, ...]) -> None:
    expected = [[label == level for label in labelled(values, "group", 2).tolist()] for level in levels]
    assert [flags.tolist() for flags in with_labels(values, "group", 2, levels)] == expected


@pytest.mark.parametrize("values", LABELS, ids=repr)
def test_members_of_each_label(values: Any) -> None:
    assert members(values, "group", 2).tolist() == [[True, False], [False, True]]


def test_members_in_the_order_of_appearance() -> None:
    assert members(np.array([3, 1, 3, 2, 1]), "group", 5).argmax(axis=1).tolist() == [0, 1, 3]
    assert members([], "group", 0).shape == (0, 0)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        (np.array(["a"]), "group does not fit the data; expected 2 labels; found an array of shape \\(1,\\)"),
        (np.array([[1, 2]]), "found an array of shape \\(1, 2\\)"),
        ("ab", "group does not fit the data"),
        (np.array([1.0, np.nan]), "group cannot be used.*a missing label in row 2"),
        (np.array([None, "a"], dtype=object), "a missing label in row 1"),
        (pd.Series(["a", None], dtype="category"), "a missing label in row 2"),
        (pd.Series(pd.to_datetime(["2020-01-01", None])), "a missing label in row 2"),
    ],
)
def test_labels_that_do_not_fit_are_refused(values: Any, match: str) -> None:
    for call in (
        lambda: labelled(values, "group", 2),
        lambda: with_labels(values, "group", 2, ("a", "b")),
        lambda: members(values, "group", 2),
    ):
        with pytest.raises(InvalidInput, match=match):
            call()


@pytest.mark.parametrize("seed", range(20))
def test_ties_are_joined_as_by_the_definition(seed: int) -> None:
    rng = np.random.default_rng(seed)
    time = rng.integers(0, 6, 30) * 0.1 * (1 + rng.choice([0, 3e-10, 9e-10, 3e-9], 30))
    # In order, a time within the tolerance of the one before it is tied with it, and takes the first one's value.
    expected, first, before = {}, 0.0, -1.0
    for value in sorted(set(time.tolist())):
        first = value if value - before > TIE * value else first
        expected[value] = first
        before = value
    assert join_ties(time).tolist() == [expected[value] for value in time.tolist()]


def test_a_missing_label_is_refused_however_well_the_others_fit() -> None:
    for missing in (None, float("nan"), pd.NA):
        labels = np.array(["a", "b", "a", missing], dtype=object)
        with pytest.raises(InvalidInput, match="a missing label in row 4"):
            with_labels(labels, "group", 4, ("a", "b"))
    all_of_them = np.array(["a", "b", "a"], dtype=object)
    assert [rows.tolist() for rows in with_labels(all_of_them, "group", 3, ("a", "b"))] == [
        [True, False, True],
        [False, True, False],
    ]
