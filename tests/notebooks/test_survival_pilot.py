"""Time to the first dermatologic event of the CDISC pilot study through the notebook: case A3, and competing risks.

R 4.2.2 with survival 3.5-3 and cmprsk 2.2-11 on adtte.csv and adsl.csv (SAFFL = "Y", Placebo as reference level):
``survfit(Surv(AVAL, 1 - CNSR) ~ TRTP, conf.type="log-log")``, ``survdiff``, ``coxph(ties="breslow")`` of all three
arms. On treatment: t = min(AVAL, TRTEDT - STARTDT + 1), cause 2 where the treatment ends before the event; then
``timepoints(cuminc(t, cause, arm), c(60, 120))``, ``cuminc(..., strata=SEX)$Tests``,
``coxph(Surv(t, cause == k) ~ arm + strata(SEX), ties="breslow")``, and ``finegray(~ arm + SEX, etype="1")`` with
``coxph(Surv(fgstart, fgstop, fgstatus) ~ arm + strata(SEX), weights=fgwt, ties="breslow")``.
"""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from evidence_lib.results import analyses
from tests.pilot import pilot_results
from tests.reference import case, needs_reference

PLACEBO, LOW, HIGH = "Placebo", "Xanomeline Low Dose", "Xanomeline High Dose"
ARMS = (PLACEBO, LOW, HIGH)
pytestmark = needs_reference
Rows = dict[Any, dict[str, Any]]


def rows_of(results: dict[str, Any]) -> Rows:
    return {(r["analysis"], r["statistic"], tuple(sorted(r["groups"].items()))): r for r in results["results"]}


def value(rows: Rows, analysis: str, statistic: str = "estimate", **groups: Any) -> Any:
    return rows[analysis, statistic, tuple(sorted(groups.items()))]["value"]


def versus(treatment: str, **groups: Any) -> dict[str, Any]:
    return {"treatment": treatment, "reference": PLACEBO, "subgroup": "all", **groups}


def table(results: dict[str, Any], name: str) -> pd.DataFrame:
    return pd.DataFrame(results["tables"][name]["rows"], columns=results["tables"][name]["columns"])


@pytest.fixture(scope="module")
def first(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return pilot_results(tmp_path_factory, "first-dermatologic-event")


@pytest.fixture(scope="module")
def competing(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    return pilot_results(tmp_path_factory, "dermatologic-event-on-treatment")


def test_case_a3_at_risk_counts_and_medians(first: dict[str, Any]) -> None:
    expected, rows = case("A3"), rows_of(first)
    at_risk = table(first, "km.at_risk")
    for arm, short in zip(ARMS, ("Placebo", "Low", "High"), strict=True):
        of_arm = at_risk[at_risk["arm"] == arm]
        assert of_arm["time"].tolist() == list(range(0, 201, 20))
        assert of_arm["n_at_risk"].tolist() == expected["at_risk_0_20_200"][short]
    for name, wanted in (("count.subjects", "n"), ("count.events", "events"), ("km.median", "median")):
        assert [value(rows, name, arm=arm) for arm in ARMS] == expected[wanted]
    limits = [[value(rows, "km.median", limit, arm=arm) for limit in ("conf_low", "conf_high")] for arm in ARMS]
    assert limits == expected["median_ci_loglog"]


def test_case_a3_tests_and_hazard_ratios(first: dict[str, Any]) -> None:
    rows = rows_of(first)
    overall = value(rows, "logrank.unstratified", "test_statistic", arm="all")
    assert overall == pytest.approx(60.269556739, abs=1e-8)
    assert round(overall, 1) == case("A3")["logrank_chisq"]
    for arm, hr, chi_square in ((LOW, 4.11908745272, 42.141114449), (HIGH, 4.98338197843, 52.327004134)):
        assert value(rows, "cox.hazard_ratio.unstratified", **versus(arm)) == pytest.approx(hr, rel=1e-8)
        found = value(rows, "logrank.unstratified", "test_statistic", **versus(arm))
        assert found == pytest.approx(chi_square, rel=1e-9)


def test_weighted_tests_and_periods_are_supplementary(first: dict[str, Any]) -> None:
    rows = rows_of(first)
    supplementary = versus(LOW, role="supplementary")
    plain = value(rows, "weighted_logrank.unstratified", "test_statistic", weight="FH(0, 0)", **supplementary)
    assert plain**2 == pytest.approx(42.141114449, rel=1e-9)  # FH(0, 0) is the log-rank test
    largest = value(rows, "maxcombo.unstratified", "test_statistic", **supplementary)
    parts = [
        row["value"]
        for (name, statistic, _), row in rows.items()
        if (name, statistic) == ("weighted_logrank.unstratified", "test_statistic")
        and row["groups"]["treatment"] == LOW
        and row["groups"]["weight"].startswith("FH")
    ]
    assert len(parts) == 4
    assert largest == max(parts)
    periods = [key[2] for key in rows if key[:2] == ("cox.hazard_ratio.piecewise", "estimate")]
    assert {dict(groups)["period"] for groups in periods} == {"0 to 30", "after 30"}
    assert all(dict(groups)["role"] == "supplementary" for groups in periods)


INCIDENCE = {
    (PLACEBO, 1): (0.209302325581, 0.313953488372),
    (LOW, 1): (0.619047619048, 0.726190476190),
    (HIGH, 1): (0.630952380952, 0.714285714286),
    (PLACEBO, 2): (0.139534883721, 0.186046511628),
    (LOW, 2): (0.178571428571, 0.190476190476),
    (HIGH, 2): (0.226190476190, 0.238095238095),
}


def test_cumulative_incidence_is_that_of_cuminc(competing: dict[str, Any]) -> None:
    rows, name = rows_of(competing), "aalen_johansen.cumulative_incidence"
    for (arm, cause), expected in INCIDENCE.items():
        found = [value(rows, name, arm=arm, cause=cause, time=time) for time in (60, 120)]
        assert found == pytest.approx(expected, abs=1e-11)
    for arm in (LOW, HIGH):
        difference = value(rows, "aalen_johansen.difference", **versus(arm, cause=1, time=60))
        assert difference == pytest.approx(INCIDENCE[arm, 1][0] - INCIDENCE[PLACEBO, 1][0], abs=1e-11)
    counts = [(28, 58), (62, 22), (60, 24)]  # table(arm, cause)
    ended = table(competing, "survival.outcomes").set_index(["arm", "kind"])["n"]
    assert [(ended[arm, "event"], ended[arm, "competing"]) for arm in ARMS] == counts


def test_gray_s_test_and_both_kinds_of_hazard_ratio_are_those_of_r(competing: dict[str, Any]) -> None:
    rows = rows_of(competing)
    gray = [value(rows, "gray.stratified", "test_statistic", **versus(arm, cause=1)) for arm in (LOW, HIGH)]
    assert gray == pytest.approx([31.69317800439, 28.34077637344], rel=1e-10)
    overall = value(rows, "gray.stratified", "test_statistic", arm="all", cause=1)
    assert overall == pytest.approx(36.59404502287, rel=1e-10)
    name = "fine_gray.subdistribution_hazard_ratio.stratified"
    fine_gray = [value(rows, name, **versus(arm, cause=1)) for arm in (LOW, HIGH)]
    assert fine_gray == pytest.approx([3.30870679168, 3.25921621625], rel=1e-8)
    for cause, expected in ((1, [4.51854530430, 5.11873604677]), (2, [1.38989237531, 1.87239792924])):
        ratios = [
            value(rows, "cause_specific.hazard_ratio.stratified", **versus(arm, cause=cause)) for arm in (LOW, HIGH)
        ]
        assert ratios == pytest.approx(expected, rel=1e-7)


def test_where_others_compete_nothing_takes_them_for_censored_as_a_main_analysis(competing: dict[str, Any]) -> None:
    one_event = ("km.", "logrank.", "cox.", "rmst", "milestone.", "maxcombo.", "weighted_logrank.")
    main = [row for row in competing["results"] if "role" not in row["groups"]]
    assert [row["analysis"] for row in main if row["analysis"].startswith(one_event)] == []
    subgroups = [row for row in competing["results"] if row["analysis"] == "cox.hazard_ratio.subgroup"]
    assert subgroups
    assert {row["groups"]["role"] for row in subgroups} == {"supplementary"}


def test_every_headline_number_of_both_reports_was_computed_twice(
    first: dict[str, Any], competing: dict[str, Any]
) -> None:
    for results in (first, competing):
        headline = [
            row
            for row in results["results"]
            if analyses()[row["analysis"]].headline
            and row["status"] == "ok"
            and row["statistic"] in ("estimate", "test_statistic")
        ]
        assert len(headline) >= 40
        assert all(row["agrees"] and row["second_source"] for row in headline if row["statistic"] == "estimate")
