"""``visits``: each strategy on a frame computed by hand, the imputation that goes with it, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_lib.endpoints.estimand import Estimand, Visits, read_estimand, visits
from evidence_lib.errors import DataError, InvalidInput, StudyError
from evidence_lib.statistics.means import multiple_imputation

NAN = math.nan
MORE: dict[str, dict[str, str]] = {
    "hypothetical": {"assumption": "at random"},
    "principal stratum": {"identification": "ignorability", "estimator": "principal-ignorability-weighting"},
}


def estimand(*strategies: str, dated: bool = True, **more: Any) -> Estimand:
    events = [
        {"event": f"E{n}", "strategy": strategy, "date": f"D{n}DT" if dated else None, **MORE.get(strategy, {}), **more}
        for n, strategy in enumerate(strategies, start=1)
    ]
    base = {"treatment": "A", "population": "P", "variable": "V", "summary": "S"}
    return read_estimand({**base, "intercurrent_events": events})


def long(values: list[list[float]], *days: list[float], at: list[list[float]] | None = None) -> pd.DataFrame:
    """Subjects by visits 1 to J on days 10, 20, ... (or ``at``); a value that is missing has no day."""
    rows = []
    for person, row in enumerate(values):
        for visit, value in enumerate(row, start=1):
            day = visit * 10 if at is None else at[person][visit - 1]
            rows.append((person, visit, NAN if math.isnan(value) and at is None else day, value, "AB"[person % 2]))
    frame = pd.DataFrame(rows, columns=["subject", "visit", "day", "value", "arm"])
    return frame.assign(**{f"ice_{n}": frame["subject"].map(dict(enumerate(one))) for n, one in enumerate(days, 1)})


def wide(found: Visits, name: str = "value") -> list[list[Any]]:
    table = found.frame.pivot(index="subject", columns="visit", values=name)
    return table.to_numpy().tolist()


VALUES = [[1.0, 2, 3], [4.0, 5, NAN], [7.0, NAN, 9], [NAN, NAN, NAN]]
DAYS = [15, 20, 9, NAN]  # after visit 1; on the day of visit 2; before visit 1; never
AFTER = [[0, 1, 1], [0, 0, 1], [1, 1, 1], [0, 0, 0]]
FIRST = [2, 3, 1, None]
BY_HAND: dict[str, list[list[float]]] = {
    "treatment policy": VALUES,
    "principal stratum": VALUES,
    "hypothetical": [[1, NAN, NAN], [4, 5, NAN], [NAN, NAN, NAN], [NAN, NAN, NAN]],
    "while on treatment": [[1, 1, 1], [4, 5, 5], [NAN, NAN, NAN], [NAN, NAN, NAN]],
    "composite": [[1, -9, -9], [4, 5, -9], [-9, -9, -9], [NAN, NAN, NAN]],
}
IMPUTED = {"treatment policy": "retrieved-dropout", "hypothetical": "mar"}


@pytest.mark.parametrize("strategy", BY_HAND)
def test_each_strategy_by_hand(strategy: str) -> None:
    worst = -9.0 if strategy == "composite" else None
    found = visits(long(VALUES, DAYS), estimand(strategy), worst=worst)
    np.testing.assert_array_equal(wide(found), BY_HAND[strategy])
    np.testing.assert_array_equal(wide(found, "to_impute"), np.isnan(BY_HAND[strategy]))
    assert wide(found, "decided_by") == (AFTER if strategy != "principal stratum" else [[0] * 3] * 4)
    marked = FIRST if strategy in IMPUTED else [None] * 4
    assert wide(found, "event") == [[one] * 3 for one in marked]
    assert found.imputation == IMPUTED.get(strategy, "mar")
    ends = strategy in ("hypothetical", "while on treatment", "composite")
    assert found.counts[["occurred", "decided"]].values.tolist() == [[3, 3 if ends else 0]]
    assert strategy in str(found.messages[0])


def test_what_was_done_is_said() -> None:
    (said,) = visits(long(VALUES, DAYS), estimand("treatment policy")).messages
    assert "the 2 missing ones are imputed as those of subjects of the same arm" in str(said)
    (said,) = visits(long(VALUES, DAYS), estimand("hypothetical"), imputation="jump-to-reference").messages
    assert str(said) == (
        "E1 (hypothetical): subjects with it: 3; with visits after it: 3. The 4 values after it are set to missing and "
        "imputed by the mean of the reference arm (jump to reference). Assumed: at random"
    )
    (said,) = visits(long(VALUES, DAYS), estimand("while on treatment")).messages
    assert str(said).endswith("subjects without such a value: 1.")


@pytest.mark.parametrize(
    ("worst", "expected"), [("lowest", [[1, 2, 3], [4, 5, 3]]), ("highest", [[1, 5, 9], [4, 5, 9]])]
)
def test_the_worst_value_can_be_the_extreme_of_the_visit(worst: Any, expected: list[list[float]]) -> None:
    found = visits(long(VALUES, DAYS), estimand("composite"), worst=worst)
    assert wide(found)[:2] == expected


def test_a_failure_is_no_response_and_has_no_value() -> None:
    frame = long(VALUES, DAYS).assign(answer=[1, 1, 1, 0, 1, NAN, 1, NAN, 1, NAN, NAN, NAN])
    found = visits(frame, estimand("composite", handling="failure"), response="answer")
    np.testing.assert_array_equal(wide(found, "answer"), [[1, 0, 0], [0, 1, 0], [0, 0, 0], [NAN] * 3])
    np.testing.assert_array_equal(wide(found), BY_HAND["hypothetical"])
    assert wide(found, "to_impute") == [[False] * 3, [False] * 3, [False] * 3, [True] * 3]
    on = visits(frame, estimand("while on treatment"), response="answer")
    np.testing.assert_array_equal(wide(on, "answer")[:3], [[1, 1, 1], [0, 1, 1], [NAN] * 3])
    gone = visits(frame, estimand("hypothetical"), response="answer")
    np.testing.assert_array_equal(wide(gone, "answer")[0], [1, NAN, NAN])


def test_where_a_visit_without_a_value_stands() -> None:
    # Planned days 10, 20, 30 (medians). Missing second visit: after an event on day 15 and before one on day 22 ...
    values = [[1.0, NAN, 3]] * 3 + [[1.0, 2, 3]] * 3
    found = visits(long(values, [15, 22, 30, NAN, NAN, NAN]), estimand("treatment policy"))
    assert wide(found, "event")[:3] == [[2] * 3, [3] * 3, [None] * 3]
    # ... but before an event that a later visit precedes, and where its own day says so.
    early = [[10.0, NAN, 17], [10.0, 14, 30], *[[10.0, 20, 30]] * 4]
    found = visits(long(values, [18, 15, NAN, NAN, NAN, NAN], at=early), estimand("treatment policy"))
    assert wide(found, "event")[:2] == [[None] * 3, [3] * 3]
    given = visits(
        long(values, [15, NAN, NAN, NAN, NAN, NAN]), estimand("treatment policy"), planned={1: 5, 2: 12, 3: 40}
    )
    assert wide(given, "event")[0] == [3] * 3


def test_visits_without_a_row_get_one_with_what_is_known_of_the_subject() -> None:
    frame = long(VALUES, DAYS).assign(baseline=np.repeat([5.0, 6, 7, 8], 3), seen=1)
    less = frame[frame["value"].notna() | (frame["visit"] == 1)].assign(seen=range(8))
    found = visits(less, estimand("treatment policy")).frame
    full = visits(frame, estimand("treatment policy")).frame
    pd.testing.assert_frame_equal(found.drop(columns="seen"), full.drop(columns="seen"))
    assert found["seen"].isna().sum() == 4
    assert found["arm"].tolist() == list("AAABBBAAABBB")


def test_several_events_the_first_of_those_that_end_the_outcome_decides() -> None:
    values = [[1.0, 2, 3]] * 4
    hypothetical, policy = [12, NAN, 25, 5], [25, 15, 12, 5]
    found = visits(long(values, hypothetical, policy), estimand("hypothetical", "treatment policy"))
    # The treatment-policy event is told where it came before the other one, whose values are missing at random.
    assert found.imputation == "retrieved-dropout"
    assert wide(found, "event") == [[None] * 3, [2] * 3, [2] * 3, [None] * 3]
    np.testing.assert_array_equal(wide(found), [[1, NAN, NAN], [1, 2, 3], [1, 2, NAN], [NAN] * 3])
    assert wide(found, "decided_by") == [[0, 1, 1], [0, 2, 2], [0, 2, 1], [1, 1, 1]]
    two = visits(long(values, hypothetical, policy), estimand("hypothetical", "while on treatment"))
    np.testing.assert_array_equal(wide(two), [[1, NAN, NAN], [1, 1, 1], [1, 1, 1], [NAN] * 3])


def test_at_random_the_column_tells_the_events_of_treatment_policy() -> None:
    """A reference-based sensitivity analysis is not for those whose event is hypothetical, such as death."""
    values = [[1.0, 2, 3]] * 2
    plan = read_estimand(
        {
            "treatment": "A", "population": "P", "variable": "V", "summary": "S",
            "intercurrent_events": [
                {"event": "Stop", "strategy": "treatment policy", "handling": "impute", "date": "A"},
                {"event": "Rescue", "strategy": "hypothetical", "assumption": "x", "date": "B"},
            ],
        }
    )  # fmt: skip
    found = visits(long(values, [NAN, 25], [15, 15]), plan)
    assert found.imputation == "mar"
    assert wide(found, "event") == [[None] * 3, [None] * 3]
    stopped = visits(long(values, [12, 15], [15, 15]), plan)  # stopped before the rescue, and by it
    assert wide(stopped, "event") == [[2] * 3, [None] * 3]
    alone = visits(long(values, [15, NAN]), estimand("hypothetical"))
    assert wide(alone, "event") == [[2] * 3, [None] * 3]
    based = visits(long(values, [15, 15], [NAN, 25]), plan, imputation="copy-reference")
    assert based.imputation == "copy-reference"
    assert wide(based, "event") == [[None] * 3, [3] * 3]


def test_events_are_counted_before_the_main_visit_and_once_a_day() -> None:
    values = [[1.0, 2, 3]] * 6
    stop, death = [15, 15, NAN, 25, 5, 30], [15, 40, 25, 20, NAN, NAN]
    frame, asked = long(values, stop, death), estimand("treatment policy", "hypothetical")
    whole = visits(frame, asked).counts
    assert whole["occurred"].tolist() == [4, 4]  # the first subject stopped by dying
    counts = visits(frame, asked, until=2).counts  # on day 20
    assert counts["occurred"].tolist() == [2, 1]
    assert counts["until"].tolist() == ["2", "2"]
    assert "subjects with it before 2: 2" in str(visits(frame, asked, until=2).messages[0])
    with pytest.raises(InvalidInput, match="until is no visit"):
        visits(frame, asked, until=9)


# --- properties ------------------------------------------------------------------------------------------------------

CELL = st.one_of(st.just(NAN), st.integers(0, 9).map(float))
EVENT = st.one_of(st.just(NAN), st.integers(0, 45).map(float))


@settings(max_examples=40)
@given(
    st.lists(st.lists(CELL, min_size=3, max_size=3), min_size=2, max_size=6),
    st.lists(EVENT, min_size=6, max_size=6),
    st.randoms(use_true_random=False),
)
def test_the_order_of_rows_does_not_matter_and_values_before_the_event_stay(
    values: list[list[float]], days: list[float], random: Any
) -> None:
    planned = {1: 10, 2: 20, 3: 30}
    frame = long(values, days)
    rows = list(range(len(frame)))
    random.shuffle(rows)
    for strategy in ("treatment policy", "hypothetical", "while on treatment"):
        found = visits(frame, estimand(strategy), planned=planned)
        again = visits(frame.iloc[rows], estimand(strategy), planned=planned)
        pd.testing.assert_frame_equal(again.frame, found.frame)
        after = np.array(wide(found, "decided_by")) > 0
        np.testing.assert_array_equal(after, [[v * 10 > d for v in (1, 2, 3)] for d in days[: len(values)]])
        np.testing.assert_array_equal(np.array(wide(found))[~after], np.array(values)[~after])


ENDS = {"composite": 0, "while on treatment": 1, "hypothetical": 2}


def by_the_text(
    values: np.ndarray, days: np.ndarray, planned: np.ndarray, events: list[float], strategies: list[str]
) -> tuple[list[float], int | None]:
    """What the definition says of one subject: the outcomes, and the first visit after a treatment-policy event."""
    visits_of = range(len(values))
    first = []
    for event in events:
        before = max((j for j in visits_of if days[j] <= event), default=-1)
        stands = [planned[j] if math.isnan(days[j]) else days[j] for j in visits_of]
        first.append(next((j for j in visits_of if j > before and stands[j] > event), len(values)))
    numbers = range(len(events))
    ends = sorted(
        (events[k], ENDS[strategies[k]], k) for k in numbers if strategies[k] in ENDS and first[k] < len(values)
    )
    told = [first[k] for k in numbers if strategies[k] == "treatment policy"
            and events[k] < (ends[0][0] if ends else math.inf)]  # fmt: skip
    outcome = values.tolist()
    if ends:
        k = ends[0][2]
        last = next((v for v in reversed(outcome[: first[k]]) if not math.isnan(v)), NAN)
        new = {"composite": -5.0, "hypothetical": NAN, "while on treatment": last}[strategies[k]]
        outcome[first[k] :] = [new] * (len(values) - first[k])
    marked = min(told, default=len(values))
    return outcome, None if marked == len(values) else marked


@pytest.mark.parametrize("seed", range(60))
def test_each_subject_is_what_the_definition_says(seed: int) -> None:
    """Several events at once, visits without a row, without a value, without a day."""
    rng = np.random.default_rng(seed)
    n, j, k = 5, int(rng.integers(1, 5)), int(rng.integers(1, 4))
    strategies = [*rng.choice(["treatment policy", *ENDS], k), "treatment policy"]
    values = np.where(rng.random((n, j)) < 0.3, NAN, rng.integers(0, 9, (n, j)))
    planned = np.cumsum(rng.integers(5, 15, j)).astype(float)
    days = np.maximum.accumulate(planned + rng.integers(-2, 3, (n, j)), axis=1)
    days = np.where(np.isnan(values) & (rng.random((n, j)) < 0.7), NAN, days)
    events = np.where(rng.random((n, k + 1)) < 0.4, NAN, rng.integers(0, 50, (n, k + 1)))
    rows = [
        (person, visit, days[person, visit], values[person, visit], *events[person])
        for person in range(n)
        for visit in range(j)
        if visit == 0 or not (math.isnan(days[person, visit]) and rng.random() < 0.5)
    ]
    names = ["subject", "visit", "day", "value", *[f"ice_{number}" for number in range(1, k + 2)]]
    frame = pd.DataFrame(rows, columns=names).iloc[rng.permutation(len(rows))]
    worst = -5.0 if "composite" in strategies else None
    found = visits(
        frame, estimand(*strategies), worst=worst, visit_order=list(range(j)), planned=dict(enumerate(planned))
    )
    assert found.imputation == "retrieved-dropout"
    for person in range(n):
        own = found.frame[found.frame["subject"] == person]
        outcome, marked = by_the_text(values[person], days[person], planned, events[person].tolist(), strategies)
        np.testing.assert_array_equal(own["value"], outcome)
        assert own["event"].tolist() == [marked] * j


# --- the imputation that goes with it --------------------------------------------------------------------------------


def simulated(rng: np.random.Generator, size: int = 500) -> tuple[pd.DataFrame, float]:
    """A trial in which those who stop lose what they had gained, and half of them are not seen afterwards.

    The treatment-policy difference at visit 3 is 4 (1 - P(stopped by then)) = 4 * 0.5: all who stop do so at visit 2.
    """
    rows = []
    for arm, gain in (("A", 4.0), ("B", 0.0)):
        for number in range(size):
            own = rng.normal(0, 1)
            stops, seen = rng.random() < 0.5, rng.random() < 0.5
            for visit in (1, 2, 3):
                after = stops and visit >= 2
                value = own + (0.0 if after else gain) + rng.normal(0, 1)
                value = NAN if after and not seen else value
                rows.append((f"{arm}{number}", visit, visit * 28, value, arm, 30 if stops else NAN))
    return pd.DataFrame(rows, columns=["subject", "visit", "day", "value", "arm", "ice_1"]), 2.0


def difference(found: Visits, **choices: Any) -> float:
    made = multiple_imputation(
        found.frame, subject="subject", visit="visit", outcome="value", arm="arm", treatment="A", reference="B",
        rng=np.random.default_rng(3), event="event", strategy=found.imputation, imputations=10, burn_in=30, **choices,
    )  # fmt: skip
    estimate = made.items[0].estimate
    assert estimate is not None
    return estimate


def test_retrieved_dropouts_recover_the_treatment_policy_difference() -> None:
    frame, truth = simulated(np.random.default_rng(11))
    retrieved = difference(visits(frame, estimand("treatment policy")))
    # SE: sqrt(2 * (2 + 4) / 500) is about 0.15, and imputed quarter adds to it.
    assert abs(retrieved - truth) < 0.6
    at_random = difference(visits(frame, estimand("treatment policy", handling="impute")))
    assert at_random - truth > 0.5  # those who stopped are taken for those who did not


def test_a_hypothetical_strategy_recovers_the_difference_without_the_event() -> None:
    frame, _ = simulated(np.random.default_rng(12))
    assert abs(difference(visits(frame, estimand("hypothetical"))) - 4.0) < 0.6
    jump = visits(frame, estimand("hypothetical"), imputation="jump-to-reference")
    assert abs(difference(jump) - 2.0) < 0.6  # half of the treated take the mean of the reference arm


# --- edges and refusals ----------------------------------------------------------------------------------------------


def test_without_a_date_no_day_is_needed() -> None:
    frame = long(VALUES).drop(columns="day")
    found = visits(frame, estimand("hypothetical", dated=False))
    np.testing.assert_array_equal(wide(found), VALUES)
    assert found.frame["event"].isna().all()
    assert "already in the analysis data" in str(found.messages[0])


def test_categorical_visits_keep_their_order_and_names_are_free() -> None:
    names = {1: "Start", 2: "Middle", 3: "End"}
    frame = long(VALUES, DAYS).rename(columns={"value": "CHG", "subject": "ID", "day": "ADY"})
    frame["visit"] = pd.Categorical(frame["visit"].map(names), categories=list(names.values()), ordered=True)
    found = visits(frame, estimand("hypothetical"), subject="ID", value="CHG", day="ADY").frame
    assert found["visit"].tolist() == list(names.values()) * 4
    assert found["event"].iloc[[0, 3, 6]].tolist() == ["Middle", "End", "Start"]
    assert found["visit"].dtype == frame["visit"].dtype


@pytest.mark.parametrize(
    ("strategy", "changes", "choices", "said"),
    [
        ("composite", {}, {}, "worst is the value of a composite strategy"),
        ("hypothetical", {}, {"worst": 1.0}, "worst is the value"),
        ("composite", {}, {"worst": "least"}, "worst cannot be used"),
        ("composite", {}, {"worst": math.nan}, "worst cannot be used"),
        ("treatment policy", {}, {"imputation": "copy-reference"}, "imputation is for values after an event"),
        ("hypothetical", {}, {"imputation": "retrieved-dropout"}, "unknown imputation"),
        ("hypothetical", {"visit": 1}, {}, "a second row of the same subject and visit"),
        ("hypothetical", {"day": NAN}, {}, "a value without a day"),
        ("hypothetical", {"day": math.inf}, {}, "day cannot be used"),
        ("hypothetical", {"value": math.inf}, {}, "value cannot be used"),
        ("hypothetical", {"ice_1": range(12)}, {}, "one value per subject"),
        ("hypothetical", {"to_impute": 0}, {}, "a column that is made here"),
        ("hypothetical", {}, {"visit_order": [1, 2]}, "visits leaves out some"),
        ("hypothetical", {}, {"planned": {1: 10, 2: 20}}, "planned does not fit"),
        ("hypothetical", {}, {"planned": {1: 10, 2: 20, 3: 20}}, "planned cannot be used"),
        ("hypothetical", {}, {"value": "CHG"}, "no such column"),
        ("hypothetical", {"answer": 3}, {"response": "answer"}, "answer cannot be used"),
    ],
)
def test_what_cannot_be_used(strategy: str, changes: dict[str, Any], choices: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        visits(long(VALUES, DAYS).assign(**changes), estimand(strategy), **choices)


def test_other_refusals() -> None:
    frame = long(VALUES, DAYS)
    with pytest.raises(InvalidInput, match="a failure needs a responder status"):
        visits(frame, estimand("composite", handling="failure"))
    with pytest.raises(StudyError, match="censor is no way to carry out the strategy hypothetical for a continuous"):
        visits(frame, estimand("hypothetical", handling="censor"))
    with pytest.raises(StudyError, match="two ways of imputing in one analysis.*copy-reference and retrieved-dropout"):
        visits(frame.assign(ice_2=1), estimand("treatment policy", "hypothetical"), imputation="copy-reference")
    with pytest.raises(DataError, match="before the start"):
        visits(frame.assign(ice_1=-2.0), estimand("hypothetical"))
    with pytest.raises(DataError, match="a day before the visit that it follows|the order of the visits"):
        visits(long([[1.0, 2, 3]], [5], at=[[10, 30, 20]]), estimand("hypothetical"))
    with pytest.raises(InvalidInput, match="no rows"):
        visits(frame.iloc[:0], estimand("hypothetical"))
    with pytest.raises(InvalidInput, match="the day of a visit cannot be told"):
        visits(long([[1.0, NAN, 3]], [5]), estimand("hypothetical"))
