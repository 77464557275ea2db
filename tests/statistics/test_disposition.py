"""Disposition: counts, tests and the flow, on frames small enough to count by hand."""

from __future__ import annotations

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import disposition as again
from evidence_lib.statistics.disposition import consort_flow, disposition_counts, disposition_tests

DONE = ["Y", "COMPLETED", "N", None, "N", "N"]
WHY = [None, "ADVERSE EVENT", "ADVERSE EVENT", "DEATH", None, "ADVERSE EVENT"]


def counts(completed: list[object], reason: list[object]) -> dict[tuple[object, ...], float]:
    return {
        (e.groups["category"], e.groups.get("level")): e.estimate for e in disposition_counts(completed, reason).items
    }  # type: ignore[misc]


def test_counts_by_hand() -> None:
    assert counts(DONE, WHY) == {
        ("completed", None): 2,
        ("discontinued", None): 4,
        ("discontinued", "ADVERSE EVENT"): 2,
        ("discontinued", ""): 1,
        ("discontinued", "DEATH"): 1,
    }


def test_who_goes_on_has_neither_completed_nor_stopped() -> None:
    found = counts(["ONGOING", "COMPLETED", "DISCONTINUED"], [None, None, "DEATH"])
    assert (found["completed", None], found["ongoing", None], found["discontinued", None]) == (1, 1, 1)
    assert ("discontinued", "") not in found


def test_who_was_not_treated_did_not_stop() -> None:
    found = disposition_counts(["DISCONTINUED", None, "ONGOING"], ["DEATH", None, None], treated=["Y", "N", "Y"])
    by = {(e.groups["category"], e.groups.get("level")): e.estimate for e in found.items}
    assert by == {
        ("completed", None): 0,
        ("ongoing", None): 1,
        ("not_treated", None): 1,
        ("discontinued", None): 1,
        ("discontinued", "DEATH"): 1,
    }
    twin = again.disposition_counts(["DISCONTINUED", None, "ONGOING"], ["DEATH", None, None], treated=["Y", "N", "Y"])
    assert {(e.groups["category"], e.groups.get("level")): e.estimate for e in twin.items} == by
    with pytest.raises(InvalidInput, match="treated differs in length"):
        disposition_counts(["Y"], [None], treated=["Y", "Y"])


def test_the_most_frequent_reason_comes_first() -> None:
    levels = [e.groups.get("level") for e in disposition_counts(DONE, WHY).items]
    assert levels == [None, None, "ADVERSE EVENT", "", "DEATH"]


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["Y", "N", "COMPLETED", "ONGOING", "DISCONTINUED", None]), st.sampled_from(["A", "B", None])
        ),
        max_size=40,
    )
)
def test_counts_add_up_and_agree_with_the_second_route(rows: list[tuple[str | None, str | None]]) -> None:
    completed, reason = [row[0] for row in rows], [row[1] for row in rows]
    found = counts(completed, reason)  # type: ignore[arg-type]
    reasons = sum(n for (category, level), n in found.items() if category == "discontinued" and level is not None)
    assert found["completed", None] + found.get(("ongoing", None), 0) + found["discontinued", None] == len(rows)
    assert reasons == found["discontinued", None]
    twin = {
        (e.groups["category"], e.groups.get("level")): e.estimate
        for e in again.disposition_counts(completed, reason).items  # type: ignore[arg-type]
    }
    assert twin == found


def test_fishers_test_of_a_reason() -> None:
    """8, 1 and 3 of 86, 84 and 84 stopped for one reason; R 4.2.2: fisher.test(matrix(c(3, 83, 0, 84, 1, 83), 2))."""
    arms = ["P"] * 86 + ["L"] * 84 + ["H"] * 84
    completed = ["N"] * 3 + ["Y"] * 83 + ["Y"] * 84 + ["N"] + ["Y"] * 83
    found = disposition_tests(completed, ["R"] * 254, arms).where(category="discontinued", level="R")
    assert found.p_value == pytest.approx(0.3281, abs=5e-5)


def frame() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "arm": ["A", "A", "B", None, None],
            "RANDFL": ["Y", "Y", "Y", "N", "N"],
            "SAFFL": ["Y", "N", "Y", None, None],
            "EOS": ["COMPLETED", "DISCONTINUED", "DISCONTINUED", None, None],
            "WHY": [None, "DEATH", None, None, None],
            "SCREEN": [None, None, None, "ECOG", "ECOG"],
        }
    )


def test_the_flow_by_hand() -> None:
    flow = consort_flow(
        frame(), randomised="RANDFL", treated="SAFFL", completed="EOS", reason="WHY", not_randomised_reason="SCREEN"
    )
    assert [tuple(row) for row in flow.itertuples(index=False)] == [
        ("assessed", "all", None, 5),
        ("not_randomised", "all", None, 2),
        ("not_randomised", "all", "ECOG", 2),
        ("randomised", "all", None, 3),
        ("allocated", "A", None, 2),
        ("treated", "A", None, 1),
        ("not_treated", "A", None, 1),
        ("completed", "A", None, 1),
        ("discontinued", "A", None, 0),
        ("allocated", "B", None, 1),
        ("treated", "B", None, 1),
        ("not_treated", "B", None, 0),
        ("completed", "B", None, 0),
        ("discontinued", "B", None, 1),
        ("discontinued", "B", "", 1),
    ]


def test_without_flags_whoever_has_an_arm_was_randomised() -> None:
    flow = consort_flow(frame())
    assert flow.loc[flow["step"] == "randomised", "n"].tolist() == [3]
    assert set(flow["step"]) == {"assessed", "not_randomised", "randomised", "allocated"}


def test_refusals() -> None:
    with pytest.raises(InvalidInput, match="no such column"):
        consort_flow(frame(), treated="TRTFL")
    with pytest.raises(InvalidInput, match="differ in length"):
        disposition_counts(["Y"], [None, None])
    with pytest.raises(InvalidInput, match="group differs in length"):
        disposition_tests(["Y"], [None], ["A", "B"])
