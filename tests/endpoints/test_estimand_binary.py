"""``binary``: each strategy on a frame computed by hand, and what is refused."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib.endpoints.estimand import Estimand, binary, read_estimand
from evidence_lib.errors import DataError, InvalidInput, StudyError

NAN = math.nan
MORE: dict[str, dict[str, str]] = {
    "hypothetical": {"assumption": "as the others", "handling": "impute"},
    "principal stratum": {"identification": "ignorability", "estimator": "principal-ignorability-weighting"},
}


def estimand(*strategies: str, dated: bool = True, **more: Any) -> Estimand:
    events = [
        {"event": f"E{n}", "strategy": strategy, "date": f"D{n}DT" if dated else None, **MORE.get(strategy, {}), **more}
        for n, strategy in enumerate(strategies, start=1)
    ]
    base = {"treatment": "A", "population": "P", "variable": "V", "summary": "S"}
    return read_estimand({**base, "intercurrent_events": events})


# Responders told on day 50 with the event before, on, after that day and never; the same of non-responders; one never
# assessed after the event, one never assessed without it.
FRAME = pd.DataFrame(
    {
        "response": [1, 1, 1, 1, 0, 0, 0, 0, NAN, NAN],
        "day": [50, 50, 50, 50, 50, 50, 50, 50, NAN, NAN],
        "ice_1": [40, 50, 60, NAN, 40, 50, 60, NAN, 40, NAN],
        "until": [1, 1, 1, 1, 1, 0, 0, 0, 0, NAN],
    }
)
BY_HAND = {
    "treatment policy": [1, 1, 1, 1, 0, 0, 0, 0, NAN, NAN],
    "principal stratum": [1, 1, 1, 1, 0, 0, 0, 0, NAN, NAN],
    "composite": [0, 1, 1, 1, 0, 0, 0, 0, 0, NAN],
    "hypothetical": [NAN, 1, 1, 1, NAN, 0, 0, 0, NAN, NAN],
    "while on treatment": [1, 1, 1, 1, 1, 0, 0, 0, 0, NAN],
}
# Of the three subjects whom the event decides, those whose response is another than it was.
CHANGED = {
    "treatment policy": 0,
    "principal stratum": 0,
    "composite": 2,  # the responder, and the one who was missing; the non-responder would have been none anyway
    "hypothetical": 2,
    "while on treatment": 2,
}


@pytest.mark.parametrize("strategy", BY_HAND)
def test_each_strategy_by_hand(strategy: str) -> None:
    until = "until" if strategy == "while on treatment" else None
    found = binary(FRAME, estimand(strategy), on_treatment=until)
    np.testing.assert_array_equal(found.frame["response"], BY_HAND[strategy])
    np.testing.assert_array_equal(found.frame["to_impute"], np.isnan(BY_HAND[strategy]))
    ending = strategy in ("composite", "hypothetical", "while on treatment")
    assert found.frame["decided_by"].tolist() == ([1, 0, 0, 0, 1, 0, 0, 0, 1, 0] if ending else [0] * 10)
    assert found.counts[["occurred", "decided"]].values.tolist() == [[7, CHANGED[strategy]]]
    assert strategy in str(found.messages[0])
    assert ("Assumed: as the others" in str(found.messages[0])) == (strategy == "hypothetical")


def test_the_first_event_decides_and_a_composite_one_goes_first_on_one_day() -> None:
    frame = FRAME.iloc[[0, 0, 0]].assign(ice_1=[10, 20, 10], ice_2=[20, 10, 10])
    found = binary(frame, estimand("hypothetical", "composite"))
    np.testing.assert_array_equal(found.frame["response"], [NAN, 0, 0])
    assert found.frame["decided_by"].tolist() == [1, 2, 2]


def test_a_response_that_stops_at_the_event_is_compared_with_the_one_that_goes_on() -> None:
    # The first would have responded after the event, which its response up to the event does not tell.
    frame = pd.DataFrame({"response": [0, 0, 1, 1], "day": [NAN, NAN, 20, 20], "ice_1": [10, 10, 30, 10]})
    frame["anyway"] = [1, 0, 1, 1]
    assert binary(frame, estimand("composite")).counts["decided"].tolist() == [1]
    found = binary(frame, estimand("composite"), without="anyway")
    assert found.frame["response"].tolist() == [0, 0, 1, 0]
    assert found.counts["decided"].tolist() == [2]
    with pytest.raises(InvalidInput, match="another value"):
        binary(frame.assign(anyway=2), estimand("composite"), without="anyway")


@given(st.permutations(range(10)))
def test_the_order_of_rows_does_not_matter(order: list[int]) -> None:
    plan = estimand("composite")
    pd.testing.assert_frame_equal(binary(FRAME.iloc[order], plan).frame, binary(FRAME, plan).frame.iloc[order])


def test_a_composite_response_is_never_above_the_observed_one() -> None:
    rng = np.random.default_rng(7)
    frame = pd.DataFrame(
        {"response": rng.integers(0, 2, 200), "day": rng.integers(0, 9, 200), "ice_1": rng.integers(0, 9, 200)}
    )
    found = binary(frame, estimand("composite")).frame
    assert (found["response"] <= frame["response"]).all()
    assert (found["response"] == frame["response"] * (frame["ice_1"] >= frame["day"])).all()


def test_without_a_date_nothing_is_needed_but_the_response() -> None:
    found = binary(FRAME[["response"]], estimand("composite", dated=False))
    np.testing.assert_array_equal(found.frame["response"], FRAME["response"])
    assert "already in the analysis data" in str(found.messages[0])


def test_a_hypothetical_strategy_needs_its_handling() -> None:
    with pytest.raises(StudyError, match="needs imputation: a proportion of the subjects without the event") as caught:
        binary(FRAME, estimand("hypothetical", handling=None))
    assert caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("changes", "choices", "said"),
    [
        ({"response": 2}, {}, "response cannot be used"),
        ({"day": NAN}, {}, "a response without a day in row 1 and 3 more"),
        ({"day": math.inf}, {}, "day cannot be used"),
        ({}, {"response": "answer"}, "no such column"),
        ({}, {"on_treatment": "until"}, "on_treatment is the response up to the event"),
        ({"decided_by": 1}, {}, "a column that is made here"),
    ],
)
def test_frames_that_cannot_be_used(changes: dict[str, Any], choices: dict[str, Any], said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        binary(FRAME.assign(**changes), estimand("composite"), **choices)


def test_other_refusals() -> None:
    with pytest.raises(InvalidInput, match=r"on_treatment is the response.*expected a column"):
        binary(FRAME, estimand("while on treatment"))
    with pytest.raises(StudyError, match="worst-value is no way to carry out the strategy composite for a binary"):
        binary(FRAME, estimand("composite", handling="worst-value"))
    with pytest.raises(DataError, match="before the start"):
        binary(FRAME.assign(ice_1=-1), estimand("composite"))
