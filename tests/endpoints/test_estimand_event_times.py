"""``time_to_event``: each strategy on frames computed by hand, several at once, ties, and what must always hold."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib.endpoints.estimand import Estimand, read_estimand, time_to_event
from evidence_lib.errors import DataError, InvalidInput, StudyError
from evidence_lib.statistics.competing_risks import cumulative_incidence

NAN = math.nan
MORE: dict[str, dict[str, str]] = {
    "hypothetical": {"assumption": "as the others"},
    "principal stratum": {"identification": "ignorability", "estimator": "principal-ignorability-weighting"},
}


def estimand(*strategies: str, dated: bool = True, **more: Any) -> Estimand:
    events = [
        {"event": f"E{n}", "strategy": strategy, "date": f"D{n}DT" if dated else None, **MORE.get(strategy, {}), **more}
        for n, strategy in enumerate(strategies, start=1)
    ]
    base = {"treatment": "A", "population": "P", "variable": "V", "summary": "S"}
    return read_estimand({**base, "intercurrent_events": events})


def frame(time: list[float], event: list[int], *days: list[float]) -> pd.DataFrame:
    columns = {f"ice_{n}": values for n, values in enumerate(days, start=1)}
    return pd.DataFrame({"time": time, "event": event, **columns})


def columns(found: pd.DataFrame) -> list[list[float]]:
    return [found[name].tolist() for name in ("time", "event", "cause", "decided_by")]


# Five subjects: event at 10 with the intercurrent event before, on, and after that day; censored at 10 likewise.
TIME, EVENT = [10, 10, 10, 10, 10, 10, 7], [1, 1, 1, 0, 0, 0, 1]
DAY = [4, 10, 12, 4, 10, 12, NAN]
BY_HAND = {
    "treatment policy": [TIME, EVENT, EVENT, [0] * 7],
    "principal stratum": [TIME, EVENT, EVENT, [0] * 7],
    "composite": [[4, 10, 10, 4, 10, 10, 7], [1, 1, 1, 1, 1, 0, 1], [1, 1, 1, 1, 1, 0, 1], [1, 0, 0, 1, 1, 0, 0]],
    "hypothetical": [[4, 10, 10, 4, 10, 10, 7], [0, 1, 1, 0, 0, 0, 1], [0, 1, 1, 0, 0, 0, 1], [1, 0, 0, 1, 1, 0, 0]],
    "while on treatment": [
        [4, 10, 10, 4, 10, 10, 7], [0, 1, 1, 0, 0, 0, 1], [2, 1, 1, 2, 2, 0, 1], [1, 0, 0, 1, 1, 0, 0],
    ],
}  # fmt: skip


@pytest.mark.parametrize("strategy", BY_HAND)
def test_each_strategy_by_hand(strategy: str) -> None:
    given = frame(TIME, EVENT, DAY).assign(arm=list("ABABABA"))
    found = time_to_event(given, estimand(strategy))
    assert columns(found.frame) == BY_HAND[strategy]
    assert found.frame["arm"].tolist() == list("ABABABA")
    assert found.frame["time"].dtype == np.int64
    row = found.counts.iloc[0]
    assert (row["occurred"], row["decided"]) == (6, sum(BY_HAND[strategy][3]))
    assert found.causes == ({2: "E1"} if strategy == "while on treatment" else {})
    assert len(found.messages) == 1
    assert strategy in str(found.messages[0])
    assert "decided_by" not in given


def test_the_assumption_and_the_counts_are_said() -> None:
    (said,) = time_to_event(frame(TIME, EVENT, DAY), estimand("hypothetical")).messages
    assert str(said) == (
        "E1 (hypothetical): subjects with it: 6. Censored at it: 3; it came after the end of the time to the event in "
        "2. Assumed: as the others"
    )


def test_the_first_intercurrent_event_decides_and_ties_have_an_order() -> None:
    #            hypothetical first, while on treatment first, all on one day, hypothetical ties competing, none
    given = frame([20] * 5, [1, 1, 0, 1, 0], [5, 9, 6, 6, NAN], [8, 8, 6, NAN, NAN], [9, 3, 6, 6, 25])
    found = time_to_event(given, estimand("hypothetical", "composite", "while on treatment"))
    assert columns(found.frame) == [[5, 3, 6, 6, 20], [0, 0, 1, 0, 0], [0, 2, 1, 2, 0], [1, 3, 2, 3, 0]]
    assert found.counts["decided"].tolist() == [1, 1, 2]
    assert found.counts["occurred"].tolist() == [4, 3, 5]


def test_competing_events_have_causes_of_their_own_in_the_order_of_the_file() -> None:
    given = frame([9, 9, 9], [1, 1, 0], [3, NAN, 3], [NAN, 4, 3])
    found = time_to_event(given, estimand("while on treatment", "while on treatment"))
    assert found.frame["cause"].tolist() == [2, 3, 2]
    assert found.causes == {2: "E1", 3: "E2"}


def test_competing_events_that_are_in_the_data_stay() -> None:
    given = frame([9, 9, 9, 9], [1, 0, 0, 0], [3, 4, 9, NAN]).assign(cause=[1, 2, 2, 0])
    found = time_to_event(given, estimand("while on treatment"))
    assert found.frame["cause"].tolist() == [3, 3, 2, 0]
    assert found.causes == {3: "E1"}
    undated = time_to_event(given.drop(columns="ice_1"), estimand("while on treatment", dated=False))
    assert undated.frame["cause"].tolist() == [1, 2, 2, 0]
    assert "already in the analysis data" in str(undated.messages[0])


def test_while_on_treatment_is_not_censoring_in_the_cumulative_incidence() -> None:
    """By hand: of 4 subjects one competes on day 1, then events on 2 and 3, censored on 4: 0 + 1/4 + 1/4 = 0.5."""
    given = frame([5, 2, 3, 4], [1, 1, 1, 0], [1, NAN, NAN, NAN])
    competing = time_to_event(given, estimand("while on treatment")).frame
    found = cumulative_incidence(competing["time"], competing["cause"], event_of_interest=1, times=[4]).items[0]
    assert found.estimate == pytest.approx(0.5, abs=1e-12)
    # Censored there instead: 1 - (1 - 1/3)(1 - 1/2) = 2/3.
    censored = time_to_event(given, estimand("hypothetical")).frame
    found = cumulative_incidence(censored["time"], censored["cause"], event_of_interest=1, times=[4]).items[0]
    assert found.estimate == pytest.approx(2 / 3, abs=1e-12)


# --- properties ------------------------------------------------------------------------------------------------------

STRATEGIES = ["treatment policy", "composite", "hypothetical", "while on treatment", "principal stratum"]
DAYS = st.one_of(st.just(NAN), st.integers(0, 12).map(float))


@st.composite
def trials(draw: st.DrawFn) -> tuple[pd.DataFrame, list[str]]:
    size, events = draw(st.integers(1, 12)), draw(st.integers(1, 4))
    time = draw(st.lists(st.integers(0, 10), min_size=size, max_size=size))
    event = draw(st.lists(st.integers(0, 1), min_size=size, max_size=size))
    days = [draw(st.lists(DAYS, min_size=size, max_size=size)) for _ in range(events)]
    strategies = draw(st.lists(st.sampled_from(STRATEGIES), min_size=events, max_size=events))
    return frame(time, event, *days), strategies  # type: ignore[arg-type]


def by_the_text(row: Any, strategies: list[str]) -> tuple[float, str]:
    """What the definition says of one subject, event by event: the time and what ends it."""
    ends = [(row["time"], 0 if row["event"] else 4, "event" if row["event"] else "censored")]
    kind = {"composite": (1, "event"), "while on treatment": (2, "competing"), "hypothetical": (3, "censored")}
    for n, strategy in enumerate(strategies, start=1):
        if strategy in kind and not math.isnan(row[f"ice_{n}"]):
            ends.append((row[f"ice_{n}"], *kind[strategy]))
    return min(ends)[0], min(ends)[2]


@given(trials())
def test_each_subject_ends_as_the_definition_says(trial: tuple[pd.DataFrame, list[str]]) -> None:
    given, strategies = trial
    found = time_to_event(given, estimand(*strategies)).frame
    for (_, before), (_, after) in zip(given.iterrows(), found.iterrows(), strict=True):
        time, end = by_the_text(before, strategies)
        assert after["time"] == time
        assert (after["event"], min(after["cause"], 2)) == {"event": (1, 1), "competing": (0, 2), "censored": (0, 0)}[
            end
        ]
    # No time grows; the causes take the events apart: one for each row, of a competing event only where it came first.
    assert (found["time"] <= given["time"]).all()
    assert ((found["cause"] == 1) == (found["event"] == 1)).all()
    competing = found["cause"] >= 2
    assert competing.sum() == sum(
        (found["decided_by"] == n + 1).sum() for n, s in enumerate(strategies) if s == "while on treatment"
    )


@given(trials(), st.randoms(use_true_random=False))
def test_neither_the_order_of_rows_nor_of_events_matters(trial: tuple[pd.DataFrame, list[str]], random: Any) -> None:
    given, strategies = trial
    first = time_to_event(given, estimand(*strategies)).frame
    rows = list(range(len(given)))
    random.shuffle(rows)
    again = time_to_event(given.iloc[rows], estimand(*strategies)).frame
    pd.testing.assert_frame_equal(again, first.iloc[rows])
    order = list(range(len(strategies)))
    random.shuffle(order)
    renamed = given[["time", "event"]].assign(
        **{f"ice_{n + 1}": given[f"ice_{old + 1}"] for n, old in enumerate(order)}
    )
    other = time_to_event(renamed, estimand(*(strategies[old] for old in order))).frame
    assert other["time"].tolist() == first["time"].tolist()
    assert other["cause"].clip(upper=2).tolist() == first["cause"].clip(upper=2).tolist()


@given(trials())
def test_treatment_policy_and_principal_stratum_change_nothing(trial: tuple[pd.DataFrame, list[str]]) -> None:
    given, strategies = trial
    for strategy in ("treatment policy", "principal stratum"):
        found = time_to_event(given, estimand(*[strategy] * len(strategies)))
        pd.testing.assert_frame_equal(found.frame[given.columns], given)
        assert (found.counts["decided"] == 0).all()


# --- edges and refusals ----------------------------------------------------------------------------------------------


def test_no_rows_one_row_and_fractions_of_days() -> None:
    empty = time_to_event(frame([], [], []).astype(float), estimand("composite"))
    assert (len(empty.frame), empty.counts["occurred"].tolist()) == (0, [0])
    one = time_to_event(frame([2.5], [0], [0.0]), estimand("composite")).frame
    assert columns(one) == [[0.0], [1], [1], [1]]


def test_an_event_that_nobody_had_changes_nothing() -> None:
    given = frame([5, 6], [1, 0]).assign(ice_1=[None, None])
    found = time_to_event(given, estimand("composite"))
    assert columns(found.frame) == [[5, 6], [1, 0], [1, 0], [0, 0]]
    assert found.counts[["occurred", "decided"]].values.tolist() == [[0, 0]]


def test_without_a_date_the_data_are_taken_as_they_are() -> None:
    found = time_to_event(frame([3], [1]), estimand("composite", dated=False))
    assert columns(found.frame) == [[3], [1], [1], [0]]
    assert found.counts["occurred"].isna().all()
    assert str(found.messages[0]) == "E1 (composite): already in the analysis data, which are taken as they are."


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (frame([1], [1]), r"no such column.*ice_1"),
        (frame([1], [2], [1]), "event cannot be used"),
        (frame([-1], [1], [1]), "time cannot be used"),
        (frame([NAN], [1], [1]), "time cannot be used"),
        (frame([1], [1], [math.inf]), "ice_1 cannot be used"),
        (frame([1], [1], ["x"]), "ice_1 does not hold numbers"),  # type: ignore[list-item]
        (frame([1], [1], [1]).assign(decided_by=0), "a column that is made here"),
        (frame([1], [1], [1]).assign(cause=[0]), "1 exactly where event is 1"),
        (frame([1], [0], [1]).assign(cause=[1.5]), "cause cannot be used"),
        ([1], "not a frame"),
    ],
)
def test_frames_that_cannot_be_used(given: Any, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        time_to_event(given, estimand("composite"))


def test_an_event_before_the_start_and_wrong_handlings_are_refused() -> None:
    with pytest.raises(DataError, match=r"D1DT \(ice_1\).*before the start.*row 2 and 1 more"):
        time_to_event(frame([1, 1, 1], [1, 1, 0], [1, -3, -1]), estimand("treatment policy"))
    with pytest.raises(StudyError, match="impute is no way to carry out the strategy hypothetical"):
        time_to_event(frame([1], [1], [1]), estimand("hypothetical", handling="impute"))
    with pytest.raises(StudyError, match="worst-value is no way"):
        time_to_event(frame([1], [1], [1]), estimand("composite", handling="worst-value"))
    with pytest.raises(StudyError, match="needs the day of the intercurrent event"):
        time_to_event(frame([1], [1]), estimand("while on treatment", dated=False))
    with pytest.raises(InvalidInput, match="not an estimand"):
        time_to_event(frame([1], [1]), {"event": "E"})  # type: ignore[arg-type]
