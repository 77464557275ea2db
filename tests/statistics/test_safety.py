"""Counts of adverse events, laboratory shifts, liver values and values by visit."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import safety as again
from evidence_lib.results import Estimates
from evidence_lib.statistics import safety
from evidence_lib.statistics.safety.laboratory import LIVER_CATEGORIES

NAN = float("nan")
PEOPLE = pd.DataFrame({"subject": range(6), "arm": ["A", "A", "A", "B", "B", "B"]})
EVENTS = pd.DataFrame(
    [
        (0, "A", "Skin", "Rash"),
        (0, "A", "Skin", "Rash"),
        (0, "A", "Skin", "Itch"),
        (1, "A", "Gut", "Nausea"),
        (3, "B", "Skin", "Rash"),
    ],
    columns=["subject", "arm", "soc", "term"],
)


def told(found: Estimates) -> dict[Any, Any]:
    return {(e.analysis, *e.groups.values()): (e.events, e.estimate) for e in found.items}


def test_a_subject_counts_once_per_level_and_events_count_all() -> None:
    found = told(safety.incidence(EVENTS, subjects=PEOPLE, levels=["soc", "term"], nested=True))
    assert found["ae.incidence", "A", "Skin"] == (1, 1 / 3)
    assert found["ae.events", "A", "Skin"] == (None, 3)
    assert found["ae.incidence", "A", "Skin", "Rash"] == (1, 1 / 3)
    assert found["ae.events", "A", "Skin", "Rash"] == (None, 2)
    assert found["ae.incidence", "B", "Gut"] == (0, 0.0)
    assert found["ae.events", "B", "Gut", "Nausea"] == (None, 0)
    assert told(safety.incidence(EVENTS, subjects=PEOPLE)) == {
        ("ae.incidence", "A"): (2, 2 / 3),
        ("ae.events", "A"): (None, 4),
        ("ae.incidence", "B"): (1, 1 / 3),
        ("ae.events", "B"): (None, 1),
    }


def test_only_adverse_events_are_counted_as_events() -> None:
    found = safety.incidence(EVENTS, subjects=PEOPLE, of="death")
    assert {e.analysis for e in found.items} == {"death.incidence"}


def test_a_category_without_records_is_reported() -> None:
    frame = EVENTS.assign(category=pd.Categorical(["x"] * 5, categories=["x", "y"]))
    found = told(safety.incidence(frame, subjects=PEOPLE, levels=["category"]))
    assert found["ae.incidence", "A", "y"] == (0, 0.0)
    assert found["ae.events", "B", "y"] == (None, 0)
    nobody = safety.incidence(frame[:0], subjects=PEOPLE, levels=["category"])
    assert {e.estimate for e in nobody.items} == {0}


def test_events_that_are_known_by_subject_only_are_not_estimable_in_that_arm() -> None:
    frame = EVENTS.assign(known=[True, True, True, True, False])
    a, events_a, b, events_b = safety.incidence(frame, subjects=PEOPLE, known="known").items
    assert (a.events, b.events) == (2, 1)
    assert (events_a.estimate, events_a.status) == (4, "ok")
    assert (events_b.estimate, events_b.status) == (None, "not_estimable")


records = st.lists(
    st.tuples(st.integers(0, 7), st.sampled_from("PQ"), st.sampled_from("xyz"), st.booleans()), max_size=40
)


@given(records)
def test_the_recount_agrees(rows: list[tuple[int, str, str, bool]]) -> None:
    people = pd.DataFrame({"subject": range(8), "arm": list("AABBBBCC")})
    frame = pd.DataFrame(rows, columns=["subject", "soc", "term", "known"]).astype({"known": bool, "subject": "int64"})
    frame["arm"] = people["arm"].reindex(frame["subject"]).to_numpy()
    for levels, nested in ((["soc", "term"], True), (["term"], False), ([], False)):
        given_: dict[str, Any] = {"subjects": people, "levels": levels, "nested": nested, "known": "known"}
        one, two = safety.incidence(frame, **given_), again.incidence(frame, **given_)
        assert [(e.analysis, e.groups, e.n, e.events, e.estimate, e.status) for e in one.items] == [
            (e.analysis, e.groups, e.n, e.events, e.estimate, e.status) for e in two.items
        ]


@given(records, st.randoms(use_true_random=False))
def test_the_order_of_records_changes_no_count(rows: list[tuple[int, str, str, bool]], random: Any) -> None:
    people = pd.DataFrame({"subject": range(8), "arm": list("AABBBBCC")})
    frame = pd.DataFrame(rows, columns=["subject", "soc", "term", "known"]).astype({"subject": "int64"})
    frame["arm"] = people["arm"].reindex(frame["subject"]).to_numpy()
    order = list(range(len(frame)))
    random.shuffle(order)
    levels = ["soc", "term"]
    one = told(safety.incidence(frame, subjects=people, levels=levels))
    assert one == told(safety.incidence(frame.iloc[order], subjects=people, levels=levels))
    brute = Counter((arm, soc, term) for arm, soc, term in zip(frame["arm"], frame["soc"], frame["term"], strict=True))
    for (name, *place), (_, value) in one.items():
        assert name != "ae.events" or value == brute[tuple(place)]


@pytest.mark.parametrize(
    ("frame", "people", "match"),
    [
        (EVENTS.drop(columns="soc"), PEOPLE, "the records lack a column; expected soc"),
        (EVENTS.assign(soc=[None, "b", "c", "d", "e"]), PEOPLE, "a record has no level"),
        (EVENTS, PEOPLE[:3], "not among the subjects"),
        (EVENTS.assign(arm="B"), PEOPLE, "or in another arm"),
        (EVENTS, pd.concat([PEOPLE, PEOPLE]), "a subject stands twice"),
        (EVENTS, PEOPLE.assign(arm=[None, *"AABBB"]), "a subject has no arm"),
        (EVENTS, PEOPLE[["subject"]], "subjects has no such column; expected arm"),
    ],
)
def test_what_cannot_be_counted_is_refused(frame: pd.DataFrame, people: pd.DataFrame, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        safety.incidence(frame, subjects=people, levels=["soc"])
    with pytest.raises(InvalidInput, match=match):
        safety.incidence_counts(frame, subjects=people, levels=["soc"])


def test_an_unknown_kind_of_record_is_refused() -> None:
    with pytest.raises(InvalidInput, match="of"):
        safety.incidence(EVENTS, subjects=PEOPLE, of="births")  # type: ignore[arg-type]


def test_counts_are_2x2_tables() -> None:
    counts = safety.incidence_counts(EVENTS, subjects=PEOPLE, levels=["term"])
    assert counts.groupby(["term", "arm"])["count"].sum().eq(3).all()
    rash = counts[counts["term"] == "Rash"].set_index(["arm", "event"])["count"]
    assert rash.to_dict() == {("A", 1): 1, ("A", 0): 2, ("B", 1): 1, ("B", 0): 2}


def test_the_threshold_is_reached_by_one_arm_in_whole_numbers() -> None:
    people = pd.DataFrame({"subject": range(200), "arm": ["A"] * 100 + ["B"] * 100})
    rows = [(i, "A", "often") for i in range(5)] + [(i, "A", "seldom") for i in range(4)] + [(150, "B", "seldom")]
    frame = pd.DataFrame(rows, columns=["subject", "arm", "term"])
    counts = safety.incidence_counts(frame, subjects=people, levels=["term"])
    assert set(safety.frequent(counts, min_percent=5)["term"]) == {"often"}
    assert list(dict.fromkeys(safety.frequent(counts, min_percent=4)["term"])) == ["often", "seldom"]
    assert set(safety.frequent(counts, min_percent=0)["term"]) == {"often", "seldom"}
    assert safety.frequent(counts, min_percent=100).empty
    assert safety.frequent(counts[:0], min_percent=5).empty
    for wrong in (-1, 101, NAN):
        with pytest.raises(InvalidInput, match="min_percent is no share"):
            safety.frequent(counts, min_percent=wrong)


def test_the_table_is_in_the_order_of_frequency_with_each_class_before_its_terms() -> None:
    extra = pd.DataFrame([(4, "B", "Gut", "Nausea"), (5, "B", "Gut", "Colic")], columns=list(EVENTS))
    frame = pd.concat([EVENTS, extra], ignore_index=True)
    classes = safety.incidence_counts(frame, subjects=PEOPLE, levels=["soc"])
    terms = safety.incidence_counts(frame, subjects=PEOPLE, levels=["soc", "term"])
    order = safety.table_order(classes, safety.frequent(terms, min_percent=30), min_percent=30)
    assert list(zip(order["soc"], order["term"], strict=True)) == [
        ("Gut", ""), ("Gut", "Nausea"), ("Gut", "Colic"), ("Skin", ""), ("Skin", "Rash"), ("Skin", "Itch"),
    ]  # fmt: skip
    assert safety.table_order(classes[:0], terms[:0], min_percent=5).empty


def test_shares_within_the_terms_that_are_shown() -> None:
    graded = EVENTS.drop_duplicates(["subject", "soc", "term"]).assign(grade=["2", "1", "1", "3"])
    within = pd.DataFrame({"soc": ["Skin"], "term": ["Rash"]})
    found = safety.incidence_shares(graded, subjects=PEOPLE, levels=["soc", "term", "grade"], within=within)
    assert set(found["term"]) == {"Rash"}
    (line,) = found[(found["arm"] == "B") & (found["grade"] == "3")].to_dict("records")
    assert (line["n"], line["of"], line["share"]) == (1, 3, 1 / 3)


def shifts(rows: list[tuple[int, str, str | None, str | None]]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["subject", "arm", "baseline", "category"])
    return frame.assign(parameter="ALT", label="ALT (U/L)", visit="worst")


def test_shifts_count_subjects_with_both_values() -> None:
    found = safety.shift_counts(
        shifts(
            [(1, "A", "normal", "high"), (2, "A", "normal", "normal"), (3, "A", None, "high"), (4, "A", "low", None)]
        )
    )
    assert list(zip(found["category"], found["n"], found["of"], found["share"], strict=True)) == [
        ("high", 1, 2, 0.5), ("normal", 1, 2, 0.5),
    ]  # fmt: skip
    assert safety.shift_counts(shifts([])).empty


def test_a_subject_with_two_values_of_one_visit_is_refused() -> None:
    twice = shifts([(1, "A", "normal", "high"), (1, "A", "normal", "normal")])
    with pytest.raises(InvalidInput, match="two values of one parameter and visit"):
        safety.shift_counts(twice)
    with pytest.raises(InvalidInput, match="lacks a column; expected visit"):
        safety.shift_counts(twice.drop(columns="visit"))


@pytest.mark.parametrize(
    ("alt", "bilirubin", "alp", "category"),
    [
        (3.0, 2.01, 1.99, "potential_hys_law"),  # at least 3, above 2, below 2
        (2.99, 5.0, 1.0, "bilirubin"),
        (3.0, 2.0, 1.0, "transaminase"),
        (10.0, 3.0, 2.0, "both"),
        (10.0, 3.0, NAN, "both"),  # not measured is not normal
        (0.0, 0.0, NAN, "neither"),
    ],
)
def test_the_quadrant_of_the_liver_values(alt: float, bilirubin: float, alp: float, category: str) -> None:
    assert safety.liver_category([alt], [bilirubin], [alp]) == [category]
    assert category in LIVER_CATEGORIES


def test_other_limits_and_refusals_of_liver_values() -> None:
    # The CDISC pilot study looked at 1.5 times the upper limit.
    assert safety.liver_category([1.6], [1.6], [1], transaminase_limit=1.5, bilirubin_limit=1.5) == [
        "potential_hys_law"
    ]
    assert safety.liver_category([3], [3], [1.5], phosphatase_limit=1.5) == ["both"]
    assert safety.liver_category([], [], []) == []
    with pytest.raises(InvalidInput, match="transaminase holds a value that is no multiple"):
        safety.liver_category([NAN], [1], [1])
    with pytest.raises(InvalidInput, match="bilirubin holds a value that is no multiple"):
        safety.liver_category([1], [-1], [1])
    with pytest.raises(InvalidInput, match="differ in length; found 2, 1 and 1"):
        safety.liver_category([1, 2], [1], [1])


def test_values_by_visit() -> None:
    frame = pd.DataFrame(
        {"visit": ["b", "b", "a", "a"], "arm": ["A"] * 4, "value": [1.0, 3.0, 5.0, NAN], "change": [NAN, NAN, 1.0, 2.0]}
    )
    found = safety.visit_summary(frame, keys=["visit", "arm"], values=["value", "change"])
    assert list(zip(found["visit"], found["what"], found["n"], strict=True)) == [
        ("b", "value", 2), ("a", "value", 1), ("a", "change", 2),
    ]  # fmt: skip
    first = found.iloc[0]
    assert (first["mean"], first["sd"], first["median"], first["low"], first["high"]) == (
        2.0,
        np.sqrt(2),
        2.0,
        1.0,
        3.0,
    )
    assert np.isnan(found.iloc[1]["sd"])
    with pytest.raises(InvalidInput, match="lacks a column; expected position"):
        safety.visit_summary(frame, keys=["position"], values=["value"])
    with pytest.raises(InvalidInput, match="holds no numbers; found arm"):
        safety.visit_summary(frame, keys=["visit"], values=["arm"])


@given(st.lists(st.integers(0, 5000), max_size=30))
def test_patient_years_are_days_over_a_year(days: list[int]) -> None:
    one, two = safety.patient_years(days), again.patient_years(days)
    assert (one.n, one.status) == (two.n, two.status)
    if days:
        assert one.estimate == pytest.approx(sum(days) / 365.25, rel=1e-14)
        assert two.estimate == pytest.approx(one.estimate, rel=1e-12)


def test_unknown_and_impossible_exposure() -> None:
    assert safety.patient_years([NAN, 365.25]).estimate == 1.0
    assert safety.patient_years([NAN]).status == "not_estimable"
    for wrong in (-1.0, float("inf")):
        with pytest.raises(InvalidInput, match="exposure is negative or infinite"):
            safety.patient_years([wrong])
