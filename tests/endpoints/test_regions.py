"""Regions: who belongs to which, which are compared, and the shares that planning needs."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.endpoints.regions import Plan, comparisons, kept_shares, plan, planned, regions, truths
from evidence_lib.errors import DataError, ParameterError
from evidence_lib.results import Estimate, Estimates

PARAMETERS: dict[str, Any] = {
    "region": "PLACE",
    "focus": None,
    "retained": 0.5,
    "consistency_method": 1,
    "smallest_region": 0,
    "power": None,
    "planned_effect": None,
    "conf_level": 0.95,
}


def a_plan(**changes: Any) -> Plan:
    return plan({**PARAMETERS, **changes})


def people(*places: Any) -> pd.DataFrame:
    return pd.DataFrame({"subject": range(len(places)), "PLACE": pd.Series(places, dtype=object)})


def analysed(count: int) -> pd.DataFrame:
    return pd.DataFrame({"subject": range(count), "arm": "A", "time": 10, "event": [i % 2 for i in range(count)]})


def ratio(region: str | None, estimate: float | None, std_error: float | None, treatment: str = "A") -> Estimate:
    groups: dict[str, str | float] = {"treatment": treatment, "reference": "B"}
    groups |= {} if region is None else {"region": region}
    facts: dict[str, Any] = {"analysis": "cox.hazard_ratio.unstratified", "unit": "ratio", "method": "Cox"}
    if estimate is None:
        return Estimate(**facts, groups=groups, status="not_estimable", reason="no events")
    return Estimate(**facts, groups=groups, estimate=estimate, std_error=std_error, scale="log")


def found_regions(**changes: Any) -> Any:
    places = ["east"] * 4 + ["north"] * 6 + ["south"] * 2
    return regions(analysed(12), people(*places), a_plan(**changes))


def test_larger_regions_come_first_and_that_of_interest_before_them() -> None:
    assert list(found_regions().table["region"]) == ["north", "east", "south"]
    assert list(found_regions(focus="south").table["region"]) == ["south", "north", "east"]
    assert list(regions(analysed(4), people("b", "a", "b", "a"), a_plan()).table["region"]) == ["a", "b"]


def test_rows_stand_in_the_order_of_the_regions() -> None:
    found = found_regions(focus="south")
    assert list(dict.fromkeys(found.frame["PLACE"])) == ["south", "north", "east"]
    assert list(dict.fromkeys(found.people["PLACE"])) == ["south", "north", "east"]
    assert sorted(found.frame["subject"]) == list(range(12))


def test_regions_are_text_without_spaces_around() -> None:
    found = regions(analysed(5), people(1.0, 1, " 1 ", 2.0, "2"), a_plan())
    assert list(found.table["region"]) == ["1", "2"]
    assert list(found.table["n"]) == [3, 2]


def test_who_has_no_region_is_left_out_and_told() -> None:
    found = regions(analysed(5), people("a", None, " ", np.nan, "b"), a_plan())
    assert list(found.table["n"]) == [1, 1]
    assert str(found.notes[0]) == "3 patients without a region in PLACE are left out."
    assert regions(analysed(2), people("a", "b"), a_plan()).notes == ()


def test_a_region_is_compared_from_its_smallest_size_on() -> None:
    assert list(found_regions(smallest_region=4).table["compared"]) == [True, True, False]
    assert list(found_regions(smallest_region=5).table["compared"]) == [True, False, False]


def test_later_treatment_is_known_only_where_the_data_have_it() -> None:
    assert found_regions().later.empty
    given = people("a", "a", "b").assign(NEWTRTDT=["2025-01-01", "", None])
    assert list(regions(analysed(3), given, a_plan()).later["next_therapy"]) == [1, 0, 0]


def test_comparisons_hold_the_shares_of_what_is_compared() -> None:
    by_region = Estimates((ratio("north", 0.5, 0.2), ratio("east", 0.8, 0.4), ratio("south", None, None)))
    (one,) = comparisons(by_region, ratio(None, 0.6, 0.15), found_regions())
    assert list(one.effects["region"]) == ["north", "east"]
    assert one.information == pytest.approx([0.8, 0.2])
    assert one.patients == pytest.approx([0.6, 0.4])
    assert one.size_of_trial == 10
    assert one.whole == {"overall": 0.6, "overall_std_error": 0.15}
    assert (one.log_ratio, one.std_error) == (math.log(0.6), 0.15)


@pytest.mark.parametrize("whole", [ratio(None, None, None), ratio(None, 0.6, 0.3)])
def test_the_mean_stands_for_a_whole_that_is_not_more_precise_than_a_region(whole: Estimate) -> None:
    by_region = Estimates((ratio("north", 0.5, 0.2), ratio("east", 0.8, 0.4)))
    (one,) = comparisons(by_region, whole, found_regions())
    assert one.whole == {}
    assert one.log_ratio == pytest.approx(0.8 * math.log(0.5) + 0.2 * math.log(0.8))
    assert one.std_error == pytest.approx(1 / math.sqrt(1 / 0.2**2 + 1 / 0.4**2))


def test_a_treatment_without_any_region_is_left_out() -> None:
    by_region = Estimates((ratio("north", None, None), ratio("north", 0.7, 0.2, "C")))
    overall = Estimates((ratio(None, 0.6, 0.1), ratio(None, 0.7, 0.1, "C")))
    assert [one.groups["treatment"] for one in comparisons(by_region, overall, found_regions())] == ["C"]
    assert comparisons(Estimates(()), Estimates(()), found_regions()) == []


def test_what_was_planned() -> None:
    (one,) = comparisons(Estimates((ratio("north", 0.5, 0.2),)), ratio(None, 0.6, 0.15), found_regions())
    assert planned(one, a_plan()) == {}
    assert planned(one, a_plan(power=0.8)) == {"power": 0.8, "alpha": pytest.approx(0.025)}
    by_effect = planned(one, a_plan(planned_effect=0.7))
    assert by_effect == {"effect": pytest.approx(-math.log(0.7)), "std_error": 0.15, "alpha": pytest.approx(0.025)}
    assert list(truths(one, a_plan())) == ["estimated"]
    assert list(truths(one, a_plan(power=0.8))) == ["planned", "estimated"]


def test_shares_are_none_where_one_is_not_estimable() -> None:
    facts: dict[str, Any] = {"analysis": "regional.retention", "unit": "ratio", "method": "share"}
    given = Estimate(**facts, estimate=0.5)
    none = Estimate(**facts, status="not_estimable", reason="the overall effect is 0")
    assert kept_shares(Estimates((given, given))) == [0.5, 0.5]
    assert kept_shares(Estimates((given, none))) is None


def test_refusals() -> None:
    with pytest.raises(ParameterError, match="no such region; expected a, b; found c"):
        regions(analysed(2), people("a", "b"), a_plan(focus="c"))
    with pytest.raises(DataError, match="nobody has a region"):
        regions(analysed(2), people(None, " "), a_plan())
    with pytest.raises(DataError, match="no such column"):
        regions(analysed(2), people("a", "b").drop(columns="PLACE"), a_plan())
    with pytest.raises(ParameterError, match="the plan is given twice"):
        a_plan(power=0.9, planned_effect=0.7)
    with pytest.raises(ParameterError, match="the planned effect is none"):
        a_plan(planned_effect=1.0)
