"""Disposition and baseline of the CDISC pilot study against its published tables (14-1.02 and 14-2.01)."""

from __future__ import annotations

from decimal import ROUND_HALF_UP, Decimal
from typing import Any

import pandas as pd
import pytest

from tests.pilot import pilot_results
from tests.reference import case, data, needs_reference

ARMS = ("Placebo", "Xanomeline Low Dose", "Xanomeline High Dose")
pytestmark = needs_reference


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return pilot_results(tmp_path_factory, "disposition-and-baseline")


def value(results: dict[str, Any], analysis: str, statistic: str, **groups: str) -> Any:
    (found,) = (
        row["value"]
        for row in results["results"]
        if row["analysis"] == analysis and row["statistic"] == statistic and row["groups"] == groups
    )
    return found


def rounded(number: float, like: float) -> Decimal:
    digits = -int(Decimal(repr(like)).as_tuple().exponent)
    return Decimal(repr(number)).quantize(Decimal(1).scaleb(-digits), ROUND_HALF_UP)


def test_the_published_dispositions(results: dict[str, Any]) -> None:
    expected = case("A6")
    for position, arm in enumerate(ARMS):
        completed = value(results, "disposition.subjects", "estimate", arm=arm, category="completed")
        stopped = value(
            results, "disposition.subjects", "estimate", arm=arm, category="discontinued", level="ADVERSE EVENT"
        )
        assert completed == expected["completed"][position]
        assert stopped == expected["ae_discont"][position]


def test_the_published_p_values(results: dict[str, Any]) -> None:
    expected = case("A6")
    reason = {"category": "discontinued", "level": "LACK OF EFFICACY"}
    p = value(results, "fisher_exact", "p_value", arm="all", **reason)
    assert rounded(p, expected["lack_eff_p"]) == Decimal(repr(expected["lack_eff_p"]))
    for variable, name in (("AGE", "age_p"), ("WEIGHTBL", "weight_p"), ("BMIBL", "bmi_p")):
        p = value(results, "anova.test", "p_value", arm="all", variable=variable)
        assert rounded(p, expected[name]) == Decimal(repr(expected[name]))


def test_quantiles_are_those_of_sas(results: dict[str, Any]) -> None:
    """Type 2 of Hyndman and Fan by hand: the mean of the two middle order statistics at a jump, else the one above."""
    table = results["tables"]["baseline"]
    baseline = pd.DataFrame(table["rows"], columns=table["columns"])
    adsl = data("cdisc-pilot/adsl.csv")
    for arm in ARMS:
        ages = sorted(adsl.loc[adsl["TRT01P"] == arm, "AGE"])
        row = baseline[(baseline["variable"] == "AGE") & (baseline["arm"] == arm)].iloc[0]
        for name, quarter in (("q1", 1), ("median", 2), ("q3", 3)):
            place, rest = divmod(len(ages) * quarter, 4)
            by_hand = ages[place] if rest else (ages[place - 1] + ages[place]) / 2
            assert row[name] == by_hand


def test_the_flow_adds_up(results: dict[str, Any]) -> None:
    table = results["tables"]["baseline.flow"]
    flow = pd.DataFrame(table["rows"], columns=table["columns"])
    whole = flow[flow["reason"].isna()].set_index(["step", "arm"])["n"]
    assert whole["randomised", "all"] == sum(whole["allocated", arm] for arm in ARMS) == 254
    for arm in ARMS:
        assert whole["completed", arm] + whole["discontinued", arm] == whole["allocated", arm]
        reasons = flow[(flow["step"] == "discontinued") & (flow["arm"] == arm) & flow["reason"].notna()]
        assert reasons["n"].sum() == whole["discontinued", arm]


def test_every_count_and_test_was_computed_twice(results: dict[str, Any]) -> None:
    rows = [row for row in results["results"] if row["analysis"] in ("disposition.subjects", "anova.test")]
    compared = [row for row in rows if row["statistic"] in ("estimate", "test_statistic")]
    assert compared
    assert all(row["agrees"] for row in compared)
