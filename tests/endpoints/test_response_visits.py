"""Visit responses: tables 1 and 2 of RECIST 1.1, target and non-target lesions, mRECIST, and what cannot be."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_lib.endpoints.response import (
    MRECIST,
    Criteria,
    best_overall_response,
    best_percent_change,
    mrecist_new_lesions,
    mrecist_visit_response,
    non_target_response,
    overall_response,
    sum_of_diameters,
    target_response,
    visit_response,
)
from evidence_lib.errors import DataError, InvalidInput


def sums(*values: float | None, **columns: list[Any]) -> pd.DataFrame:
    """Sums of subject "a": the first is the baseline on day 0, the others follow every 42 days."""
    rows = {"subject": "a", "date": [42 * n for n in range(len(values))], "sum_diameter": list(values)}
    return pd.DataFrame({**rows, "baseline": [n == 0 for n in range(len(values))], **columns})


def responses(*values: float | None, **options: Any) -> list[str]:
    return target_response(sums(*values), **options)["response"].tolist()


def lesions(*rows: tuple[Any, ...]) -> pd.DataFrame:
    """Rows of (day, lesion, diameter or status[, more]): day 0 is the baseline; a text is of a non-target lesion."""
    records = []
    for day, lesion, value, *more in rows:
        target = not isinstance(value, str)
        record = {
            "subject": "a",
            "date": day,
            "lesion": lesion,
            "target": target,
            "baseline": day == 0,
            "diameter": value if target else None,
            "status": None if target else value,
            "node": False,
            "assessed": True,
            "too_small": False,
            **(more[0] if more else {}),
        }
        records.append(record)
    return pd.DataFrame(records)


# --- tables 1 and 2 --------------------------------------------------------------------------------------------------

ANY_TARGET = ("CR", "PR", "SD", "PD", "NE")
ANY_OTHER = ("CR", "NON-CR/NON-PD", "PD", "NE", None)
NOT_PD = ("CR", "NON-CR/NON-PD", "NE", None)


@pytest.mark.parametrize(
    ("targets", "others", "new", "overall"),
    [
        (("CR",), ("CR",), (False,), "CR"),
        (("CR",), ("NON-CR/NON-PD",), (False,), "PR"),
        (("CR",), ("NE",), (False,), "PR"),
        (("PR",), NOT_PD, (False,), "PR"),
        (("SD",), NOT_PD, (False,), "SD"),
        (("NE",), NOT_PD, (False,), "NE"),
        (("PD",), ANY_OTHER, (False, True), "PD"),
        (ANY_TARGET, ("PD",), (False, True), "PD"),
        (ANY_TARGET, ANY_OTHER, (True,), "PD"),
        (("CR",), (None,), (False,), "CR"),  # target disease only
    ],
)
def test_each_row_of_table_1(
    targets: tuple[str, ...], others: tuple[str | None, ...], new: tuple[bool, ...], overall: str
) -> None:
    assert {overall_response(t, o, n) for t in targets for o in others for n in new} == {overall}


@pytest.mark.parametrize(
    ("others", "new", "overall"),
    [
        (("CR",), (False,), "CR"),
        (("NON-CR/NON-PD",), (False,), "NON-CR/NON-PD"),
        (("NE",), (False,), "NE"),
        (("PD",), (False, True), "PD"),
        (ANY_OTHER, (True,), "PD"),
        ((None,), (False,), "NED"),
    ],
)
def test_each_row_of_table_2(others: tuple[str | None, ...], new: tuple[bool, ...], overall: str) -> None:
    assert {overall_response(None, o, n) for o in others for n in new} == {overall}


@pytest.mark.parametrize(
    "given_values",
    [("NON-CR/NON-PD", "CR", False), ("ND", None, False), ("CR", "SD", False), ("CR", "CR", None), ("CR", "CR", "N")],
)
def test_overall_response_of_what_is_no_response_is_refused(given_values: tuple[Any, ...]) -> None:
    with pytest.raises(InvalidInput, match="no response|cannot be used"):
        overall_response(*given_values)


# --- target lesions --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("values", "expected"),
    [
        ((100, 71), ["SD"]),
        ((100, 70), ["PR"]),  # exactly 30 %
        ((12.3, 8.61), ["PR"]),  # exactly 30 % of tenths of millimetres
        ((110, 77), ["PR"]),
        ((100, 119.9), ["SD"]),
        ((100, 120), ["PD"]),
        ((20, 24), ["SD"]),  # 20 % and less than 5 mm
        ((20, 24.9), ["SD"]),
        ((20, 25), ["PD"]),
        ((100, 50, 60), ["PR", "PD"]),  # from the nadir, and still 40 % below the baseline
        ((100, 50, 59.9), ["PR", "PR"]),
        ((100, 80, 90, 95), ["SD", "SD", "SD"]),
        ((100, 80, 90, 96), ["SD", "SD", "PD"]),
        ((100, 130, 120), ["PD", "PD"]),
        ((100, 0), ["CR"]),
        ((100, 0, 0), ["CR", "CR"]),
        ((100, 0, 4.9), ["CR", "PR"]),
        ((100, 0, 5), ["CR", "PD"]),
        ((100, None), ["NE"]),
        ((100, None, 60, 71, 72), ["NE", "PR", "SD", "PD"]),
    ],
)
def test_target_response_by_sums(values: tuple[float | None, ...], expected: list[str]) -> None:
    assert responses(*values) == expected


def test_the_numbers_beside_the_response() -> None:
    row = target_response(sums(100, 60, 90)).iloc[1]
    assert row["response"] == "PD"
    assert (row["baseline_sum"], row["nadir"], row["change_from_nadir"]) == (100, 60, 30)
    assert (row["percent_from_nadir"], row["percent_from_baseline"]) == (50, -10)
    assert row["reason"] is None


def test_a_lesion_that_was_not_assessed_makes_the_visit_not_evaluable_unless_progression_is_proven() -> None:
    # RECIST 1.1, section 4.4.2: three lesions, 50 mm in all; two of them are 80 mm, whatever the third may be.
    frame = sums(50, 80, 40, 30, all_assessed=[True, False, False, True])
    result = target_response(frame)
    assert result["response"].tolist() == ["PD", "NE", "PR"]
    assert result["reason"].tolist() == [None, "not_assessed", None]
    assert result["percent_from_baseline"].isna().tolist() == [True, True, False]
    # An incomplete sum is no nadir: 40 is not 20 % above 30 alone, and 36 of the last visit is.
    later = target_response(sums(50, 10, 45, 30, 36, all_assessed=[True, False, True, True, True]))
    assert later["response"].tolist() == ["NE", "SD", "PR", "PD"]
    assert later["nadir"].tolist() == [50, 50, 45, 30]


def test_without_a_baseline_only_progression_can_be_seen() -> None:
    frame = sums(50, 40, 30, 36)
    expected = ["NE", "NE", "PD"]
    for broken in (frame.iloc[1:], frame.assign(all_assessed=[False, True, True, True])):
        result = target_response(broken)
        assert result["response"].tolist() == expected
        assert result["reason"].tolist() == ["no_baseline", "no_baseline", None]
        assert result["percent_from_baseline"].isna().all()


def test_a_baseline_of_0_answers_nothing() -> None:
    result = target_response(sums(0, 0, 30, 60))
    assert result["response"].tolist() == ["NE"] * 3
    assert result["reason"].tolist() == ["baseline_zero"] * 3


def test_other_criteria() -> None:
    assert responses(20, 24, criteria=MRECIST) == ["PD"]
    assert responses(20, 0, 1, criteria=MRECIST) == ["CR", "PD"]
    assert responses(100, 50, criteria=Criteria(partial_percent=50.0)) == ["PR"]
    assert responses(100, 51, criteria=Criteria(partial_percent=50.0)) == ["SD"]
    with pytest.raises(InvalidInput, match="progression_mm"):
        Criteria(progression_mm=-1)
    with pytest.raises(InvalidInput, match="node_mm"):
        Criteria(node_mm=float("nan"))
    with pytest.raises(InvalidInput, match="criteria"):
        responses(1, 1, criteria="RECIST")


def _plainly(values: list[int]) -> list[str]:
    found = []
    for place, value in enumerate(values[1:], start=1):
        nadir = min(values[:place])
        if value == 0:
            found.append("CR")
        elif value - nadir >= 5 and 10 * value >= 12 * nadir:
            found.append("PD")
        else:
            found.append("PR" if 10 * value <= 7 * values[0] else "SD")
    return found


@settings(max_examples=150, deadline=None)
@given(st.lists(st.integers(0, 150), min_size=1, max_size=7).filter(lambda values: values[0] > 0))
def test_sums_in_whole_millimetres_against_whole_numbers(values: list[int]) -> None:
    assert responses(*values) == _plainly(values)


@settings(max_examples=60, deadline=None)
@given(st.lists(st.integers(1, 150), min_size=2, max_size=6), st.sampled_from([0.1, 0.7, 3.3, 10.0]), st.randoms())
def test_percentages_know_no_unit_and_rows_no_order(values: list[int], scale: float, random: Any) -> None:
    free = Criteria(progression_mm=0.0)
    frame = sums(*(value * scale for value in values))
    order = random.sample(range(len(values)), len(values))
    result = target_response(frame.iloc[order], criteria=free)
    pd.testing.assert_frame_equal(result, target_response(frame, criteria=free))
    assert result["response"].tolist() == target_response(sums(*values), criteria=free)["response"].tolist()


@pytest.mark.parametrize(
    ("frame", "error", "match"),
    [
        (sums(50, -1), DataError, "not a length"),
        (sums(50, float("inf")), DataError, "not a length"),
        (sums(50, 40).assign(date=[0, 0]), DataError, "two sums of one subject and day"),
        (sums(50, 40).assign(baseline=True), DataError, "two baselines"),
        (sums(50, 40).assign(date=[5, 1]), DataError, "not after the baseline"),
        (sums(50, 40).assign(sum_diameter="40"), InvalidInput, "not a column of numbers"),
        (sums(50, 40).assign(sum_diameter=True), InvalidInput, "not a column of numbers"),
        (sums(50, None).assign(all_assessed=True), DataError, "there is no sum"),
        (sums(50, 0).assign(all_gone=False), DataError, "not all is gone"),
        (sums(50, 9).assign(baseline="maybe"), DataError, "neither yes nor no"),
        (sums(50, 9).assign(subject=None), DataError, "a subject is missing"),
    ],
)
def test_sums_that_cannot_be_used_are_refused(frame: pd.DataFrame, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        target_response(frame)


# --- lesions ---------------------------------------------------------------------------------------------------------

NODE = {"node": True}


def test_lesions_become_sums() -> None:
    frame = lesions(
        *((0, "liver", 40), (0, "lung", 20), (0, "node", 18, NODE)),
        *((42, "liver", 0), (42, "lung", None, {"too_small": True}), (42, "node", 9, NODE)),
        *((84, "liver", 0), (84, "lung", 0), (84, "node", 9, NODE)),
        *((126, "liver", 0), (126, "lung", None, {"assessed": False}), (126, "node", 9.5, NODE)),
        *((168, "liver", 0), (168, "node", 9, NODE)),
    )
    result = sum_of_diameters(frame)
    assert result["sum_diameter"].tolist() == [78, 14, 9, 9.5, 9]
    assert result["all_assessed"].tolist() == [True, True, True, False, False]
    assert result["all_gone"].tolist() == [False, False, True, False, False]
    assert target_response(result)["response"].tolist() == ["PR", "CR", "NE", "NE"]
    assert sum_of_diameters(frame, criteria=Criteria(too_small_mm=3.0))["sum_diameter"][1] == 12


def test_nodes_of_normal_size_are_a_complete_response_whatever_their_sum() -> None:
    frame = lesions(
        *((0, 1, 15, NODE), (0, 2, 15, NODE), (42, 1, 4, NODE), (42, 2, 4, NODE)),
        *((84, 1, 9, NODE), (84, 2, 9, NODE), (126, 1, 12, NODE), (126, 2, 9, NODE)),
        *((168, 1, 10, NODE), (168, 2, 3, NODE)),
    )
    # Day 126: 21 mm against 8 mm. Day 168: 13 mm is 5 mm and 62 % above 8 mm.
    assert target_response(sum_of_diameters(frame))["response"].tolist() == ["CR", "CR", "PD", "PD"]
    small = frame[frame["date"] < 84]
    again = pd.concat([small, lesions((84, 1, 10, NODE), (84, 2, 2, NODE))], ignore_index=True)
    assert target_response(sum_of_diameters(again))["response"].tolist() == ["CR", "PR"]


def test_a_lesion_that_comes_back_is_progression_after_a_complete_response_only() -> None:
    # recist.eortc.org, "Does a new lesion always result in PD?": after an overall CR any lesion that reappears is PD.
    node = lesions((0, "node", 20, NODE), (42, "node", 8, NODE), (84, "node", 8, NODE), (126, "node", 10, NODE))
    liver = lesions((0, "liver", 20), (42, "liver", 0), (84, "liver", 2), (126, "liver", 0))
    after_cr = pd.concat([node, liver], ignore_index=True)
    assert visit_response(after_cr)["response"].tolist() == ["CR", "PD", "PD"]
    assert visit_response(after_cr)["target_response"].tolist() == ["CR", "PR", "PR"]
    assert visit_response(after_cr, recurrence="as_measured")["response"].tolist() == ["CR", "PR", "PR"]
    others = lesions(*((day, "lung", "PRESENT") for day in (0, 42, 84, 126)))
    assert visit_response(pd.concat([after_cr, others]))["response"].tolist() == ["PR", "PR", "PR"]
    back = lesions((0, "n", "PRESENT"), (42, "n", "ABSENT"), (84, "n", "PRESENT"))
    assert visit_response(back)["response"].tolist() == ["CR", "PD"]
    with pytest.raises(InvalidInput, match="unknown recurrence"):
        visit_response(back, recurrence="no")


def test_non_target_lesions() -> None:
    frame = lesions(
        *((0, "bone", "PRESENT"), (0, "ascites", "PRESENT")),
        *((42, "bone", "ABSENT"), (42, "ascites", "PRESENT")),
        *((84, "bone", "ABSENT"), (84, "ascites", "ABSENT")),
        *((126, "bone", "ABSENT"),),
        *((168, "bone", "PROGRESSION"),),
    )
    assert non_target_response(frame)["response"].tolist() == ["NON-CR/NON-PD", "CR", "NE", "PD"]
    without = non_target_response(frame[~frame["baseline"]])
    assert without["response"].tolist() == ["NE", "NE", "NE", "PD"]
    overall = visit_response(frame)
    assert overall["response"].tolist() == ["NON-CR/NON-PD", "CR", "NE", "PD"]
    assert overall["target_response"].isna().all()


def test_a_visit_puts_the_three_parts_together() -> None:
    frame = lesions(
        *((0, "t", 50), (0, "n", "PRESENT")),
        *((42, "t", 30), (42, "n", "PRESENT")),
        *((84, "t", 0), (84, "n", "PRESENT")),
        *((126, "t", 0), (126, "n", "ABSENT")),
        *((168, "n", "ABSENT"),),
    )
    new = pd.DataFrame({"subject": ["a", "a"], "date": [200, 200]})
    result = visit_response(frame, new_lesions=new)
    assert result["date"].tolist() == [42, 84, 126, 168, 200]
    assert result["target_response"].tolist() == ["PR", "CR", "CR", "NE", "NE"]
    assert result["non_target_response"].tolist() == ["NON-CR/NON-PD", "NON-CR/NON-PD", "CR", "CR", "NE"]
    assert result["new_lesion"].tolist() == [False, False, False, False, True]
    assert result["response"].tolist() == ["PR", "PR", "CR", "NE", "PD"]
    best = best_overall_response(result, pd.DataFrame({"subject": ["a"], "start": [0]}))
    assert best.iloc[0].tolist() == ["a", 126, "CR"]


def test_sums_and_responses_serve_in_place_of_records() -> None:
    frame = lesions((0, "t", 50), (42, "t", 30), (0, "n", "PRESENT"), (42, "n", "ABSENT"))
    whole = visit_response(frame)
    apart = visit_response(
        sums=sum_of_diameters(frame[frame["target"]]), non_target=non_target_response(frame[~frame["target"]])
    )
    pd.testing.assert_frame_equal(whole, apart)
    mixed = visit_response(frame[~frame["target"]], sums=sums(50, 30))
    assert mixed["response"].tolist() == ["PR"]


def test_subjects_apart_and_in_any_order_of_rows() -> None:
    first = lesions((0, "t", 50), (42, "t", 30), (84, "t", 70))
    second = lesions((0, "n", "PRESENT"), (42, "n", "ABSENT")).assign(subject="b")
    both = pd.concat([first, second], ignore_index=True)
    dated = both.assign(date=pd.Timestamp("2024-01-01") + pd.to_timedelta(both["date"], unit="D"))
    result = visit_response(dated)
    assert list(zip(result["subject"], result["response"], strict=True)) == [("a", "PR"), ("a", "PD"), ("b", "CR")]
    assert result["date"].dt.strftime("%Y-%m-%d").tolist() == ["2024-02-12", "2024-03-25", "2024-02-12"]
    turned = visit_response(dated.iloc[::-1]).sort_values(["subject", "date"], ignore_index=True)
    pd.testing.assert_frame_equal(turned, result)


@pytest.mark.parametrize(
    ("frame", "match"),
    [
        (lesions((0, "t", 50), (42, "t", None)), "has no diameter.*row 2"),
        (lesions((0, "t", 50), (42, "t", 30, {"assessed": False})), "not assessed has a diameter"),
        (lesions((0, "n", "PRESENT"), (42, "n", "ABSENT", {"assessed": False})), "not assessed has a status"),
        (lesions((0, "n", "PRESENT"), (42, "n", "BIGGER")), "unknown status"),
        (lesions((0, "n", "PRESENT"), (42, "n", "")), "has no status"),
        (lesions((0, "t", 50), (42, "t", 30), (42, "t", 30)), "two rows on one day"),
        (lesions((0, "t", 50), (42, "u", 30)), "not one of the baseline"),
        (lesions((0, "t", 50), (1, "u", 30, {"baseline": True})), "a baseline has two days"),
        (lesions((0, "t", 50), (-1, "t", 30)), "not after the baseline"),
        (lesions((0, None, 50)), "a lesion is missing"),
        (lesions((0, "t", -50)), "not a length"),
    ],
)
def test_lesions_that_contradict_each_other_are_refused(frame: pd.DataFrame, match: str) -> None:
    with pytest.raises(DataError, match=match):
        visit_response(frame)


def test_visits_that_cannot_be_put_together_are_refused() -> None:
    frame = lesions((0, "t", 50), (42, "t", 30))
    with pytest.raises(InvalidInput, match="no lesions were given"):
        visit_response()
    with pytest.raises(InvalidInput, match="target lesions were given twice"):
        visit_response(frame, sums=sums(50, 30))
    with pytest.raises(InvalidInput, match="non-target lesions were given twice"):
        visit_response(lesions((0, "n", "PRESENT")), non_target=pd.DataFrame())
    with pytest.raises(DataError, match="not after the baseline"):
        visit_response(frame, new_lesions=pd.DataFrame({"subject": ["a"], "date": [0]}))
    with pytest.raises(InvalidInput, match="side by side"):
        visit_response(frame, new_lesions=pd.DataFrame({"subject": ["a"], "date": ["2024-01-01"]}))
    twice = pd.DataFrame({"subject": ["a", "a"], "date": [42, 42], "response": ["CR", "NE"]})
    with pytest.raises(DataError, match="two responses of one subject and day"):
        visit_response(frame, non_target=twice)
    with pytest.raises(DataError, match="unknown response"):
        visit_response(frame, non_target=twice.assign(date=[42, 84], response="SD"))


def test_no_records_give_no_visits() -> None:
    empty = lesions((0, "t", 50)).iloc[:0]
    assert visit_response(empty).empty
    assert sum_of_diameters(empty).empty
    assert target_response(sums(50).iloc[:0]).empty
    assert visit_response(sums=sums(50)).empty


# --- mRECIST ---------------------------------------------------------------------------------------------------------


def test_mrecist_judges_viable_tumour_with_no_smallest_increase() -> None:
    frame = lesions((0, "t", 20), (42, "t", 14), (84, "t", 16), (126, "t", 17), (168, "t", 0))
    assert mrecist_visit_response(frame)["response"].tolist() == ["PR", "SD", "PD", "CR"]
    assert visit_response(frame)["response"].tolist() == ["PR", "SD", "SD", "CR"]


def test_mrecist_takes_nodes_and_portal_vein_thrombosis_by_their_site() -> None:
    site = {"site": "HILAR NODE"}
    frame = lesions((0, "t", 30), (0, "h", 20, site), (42, "t", 0), (42, "h", 9, site))
    thrombus = {"site": "Portal vein thrombosis"}
    others = lesions((0, "v", "PRESENT", thrombus), (42, "v", "PRESENT", thrombus))
    assert mrecist_visit_response(frame)["response"].tolist() == ["CR"]
    assert mrecist_visit_response(pd.concat([frame, others], ignore_index=True))["response"].tolist() == ["PR"]
    small = frame.assign(diameter=[30, 19.5, 0, 9])
    with pytest.raises(DataError, match="too small for a target lesion.*row 2"):
        mrecist_visit_response(small)
    assert mrecist_visit_response(small, hilar_node_mm=15.0)["response"].tolist() == ["CR"]
    with pytest.raises(DataError, match="cannot be measured"):
        mrecist_visit_response(lesions((0, "v", 25, thrombus), (42, "v", 20, thrombus)))


@pytest.mark.parametrize(
    ("finding", "counts"),
    [
        ({"finding": "NODULE", "diameter": 10, "typical": "Y"}, True),
        ({"finding": "NODULE", "diameter": 9.9, "typical": "Y"}, False),
        ({"finding": "NODULE", "diameter": 12, "typical": "N"}, False),
        ({"finding": "NODULE", "diameter": 12, "typical": "N", "growth": 10}, True),
        ({"finding": "NODULE", "diameter": 12, "typical": "N", "growth": 9}, False),
        ({"finding": "HILAR NODE", "diameter": 19}, False),
        ({"finding": "HILAR NODE", "diameter": 20}, True),
        ({"finding": "EFFUSION"}, False),
        ({"finding": "EFFUSION", "malignant": True}, True),
        ({"finding": "EXTRAHEPATIC"}, True),
    ],
)
def test_which_new_findings_are_new_lesions_by_mrecist(finding: dict[str, Any], counts: bool) -> None:
    findings = pd.DataFrame([{"subject": "a", "date": 42, **finding}])
    assert len(mrecist_new_lesions(findings)) == counts
    result = mrecist_visit_response(lesions((0, "t", 30), (42, "t", 25)), findings=findings)
    assert result["response"].tolist() == ["PD" if counts else "SD"]


def test_findings_without_what_decides_them_are_refused() -> None:
    findings = pd.DataFrame({"subject": ["a"], "date": [42], "finding": ["NODULE"]})
    with pytest.raises(DataError, match="no diameter"):
        mrecist_new_lesions(findings)
    with pytest.raises(DataError, match="unknown finding"):
        mrecist_new_lesions(findings.assign(finding="SHADOW"))
    assert mrecist_new_lesions(findings.iloc[:0]).empty


# --- the change of the sum -------------------------------------------------------------------------------------------


def test_the_best_change_of_each_subject() -> None:
    frame = pd.concat([sums(100, 60, 80, 50), sums(40, 50).assign(subject="b"), sums(50, None).assign(subject="c")])
    target = target_response(frame)
    people = pd.DataFrame({"subject": ["d", "c", "b", "a"], "new_therapy": [None, None, None, 100]})
    result = best_percent_change(target, people)
    assert result["percent_change"].fillna(999).tolist() == [999, 999, 25, -40]
    assert result["date"].fillna(-1).tolist() == [-1, -1, 42, 42]
    assert result["reason"].fillna("").tolist() == ["no_assessment", "not_assessed", "", ""]
    assert best_percent_change(target, people, new_therapy="ignore")["percent_change"].iloc[-1] == -50
    # The sum of 80 is a progression from 60, and the smaller sum comes after it.
    ignoring: dict[str, Any] = {"new_therapy": "ignore", "progression": "visits"}
    assert best_percent_change(target, people, **ignoring)["percent_change"].iloc[-1] == -40
    assert best_percent_change(target.iloc[::-1], people).equals(result)


def test_a_progression_proven_by_some_of_the_lesions_has_no_change() -> None:
    target = target_response(sums(50, 80, all_assessed=[True, False]))
    result = best_percent_change(target, pd.DataFrame({"subject": ["a"]}))
    assert result["percent_change"].isna().all()
    assert result["reason"].tolist() == ["not_assessed"]
