"""Times to events in a report: competing events from dates and from words, how follow-up ended, other rules."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.endpoints.time_to_event import VisitSchedule, progression_free_survival
from evidence_lib.errors import DataError, ParameterError, StudyError
from evidence_lib.session import Report, open_report
from evidence_lib.statistics import competing_risks, cox, survival
from tests.session.conftest import COMPARED, ESTIMAND, report

Trial = Callable[..., str]
THERAPY = {"event": "New therapy", "strategy": "while on treatment", "date": "NEWTRTDT"}
COMPETING = "cumulative_incidence_difference"


def asked(*events: dict[str, Any], measure: str = COMPETING, **parameters: Any) -> dict[str, Any]:
    return report(
        "os",
        primary_measure=measure,
        estimand={**ESTIMAND, "intercurrent_events": list(events) or ["None"]},
        parameters={"endpoint": "OS", "tau": 300, "times": [100, 200], **COMPARED, **parameters},
    )


def described(path: str) -> None:
    """Give every second event of OS the words of a competing event, the others other words."""
    file = Path(path).parent / "adam" / "adtte.csv"
    frame = pd.read_csv(file)
    event = (frame["CNSR"] == 0) & (frame["PARAMCD"] == "OS")
    frame["EVNTDESC"] = np.where(event, np.where(frame.index % 2 == 0, " Accident ", "Disease"), "")
    frame["CNSDTDSC"] = np.where(frame["CNSR"] == 1, "Cut-off", "")
    frame.to_csv(file, index=False)


def test_a_dated_competing_event_has_a_name_and_ends_follow_up(trial: Trial) -> None:
    rep = open_report(trial(asked(THERAPY)), "os")
    assert rep.competing
    frame = rep.analysis_frame()
    assert list(rep.context.causes) == ["OS", "New therapy"]
    assert frame["ended"].tolist() == (frame["cause"] > 0).astype(int).tolist()
    ended = rep.table("survival.outcomes")
    assert ended.groupby("kind")["n"].sum().to_dict() == {
        "event": int((frame["cause"] == 1).sum()),
        "competing": int((frame["cause"] == 2).sum()),
        "censored": int((frame["cause"] == 0).sum()),
    }
    assert set(ended.loc[ended["kind"] == "competing", "reason"]) == {"New therapy"}
    assert ended.groupby("arm")["share"].sum().tolist() == pytest.approx([1.0, 1.0])


def test_records_with_the_words_of_a_competing_event_compete(trial: Trial) -> None:
    path = trial(asked({"event": "Accident", "strategy": "while on treatment"}, competing="accident"))
    described(path)
    rep = open_report(path, "os")
    frame = rep.analysis_frame()
    adtte = pd.read_csv(Path(path).parent / "adam" / "adtte.csv")
    of = adtte[adtte["PARAMCD"] == "OS"].reset_index(drop=True)
    expected = np.where(of["CNSR"] == 1, 0, np.where(of["EVNTDESC"].str.strip() == "Accident", 2, 1))
    assert frame["cause"].tolist() == expected.tolist()
    assert frame["event"].tolist() == (expected == 1).astype(int).tolist()
    assert list(rep.context.causes) == ["OS", "accident"]
    assert "estimand.events" not in rep.results.tables  # no date, so nothing was counted
    rep.record(competing_risks.gray_test, frame, event_of_interest=1)
    assert rep.results.find("gray.unstratified", "test_statistic").agrees


def test_words_and_dates_compete_side_by_side(trial: Trial) -> None:
    accident = {"event": "Accident", "strategy": "while on treatment"}
    path = trial(asked(accident, THERAPY, competing=["Accident"]))
    described(path)
    rep = open_report(path, "os")
    frame = rep.analysis_frame()
    assert list(rep.context.causes) == ["OS", "Accident", "New therapy"]
    assert set(frame["cause"]) == {0, 1, 2, 3}


def test_without_competing_events_the_data_stay_as_they_are(trial: Trial) -> None:
    rep = open_report(trial(), "os")
    frame = rep.analysis_frame()
    assert not rep.competing
    assert rep.context.causes == ()
    assert "cause" not in frame
    assert frame["ended"].tolist() == frame["event"].tolist()
    ended = rep.table("survival.outcomes")
    assert ended["reason"].isna().all()  # the data say no reason
    assert set(ended["kind"]) == {"event", "censored"}


def test_where_others_compete_one_kind_of_event_is_refused_as_a_main_analysis(trial: Trial) -> None:
    rep = open_report(trial(asked(THERAPY)), "os")
    frame = rep.analysis_frame()
    for statistic in (survival.logrank, cox.hazard_ratio, survival.rmst_difference):
        with pytest.raises(StudyError, match="does not answer the estimand"):
            rep.record(statistic, frame)
    rep.record(survival.logrank, frame, role="supplementary")
    assert rep.results.find("logrank.unstratified", "test_statistic", role="supplementary") is not None


@pytest.mark.parametrize(
    ("entry", "error", "match"),
    [
        (asked(THERAPY, measure="rmst_difference"), StudyError, "other events compete; expected cumulative_incidence"),
        (asked(measure="subdistribution_hazard_ratio"), StudyError, "no event competes; expected survival_difference"),
        (asked({**THERAPY, "date": "NEWTRDT"}), DataError, "found NEWTRDT; did you mean NEWTRTDT"),
        (asked({"event": "x", "strategy": "while on treatment"}), StudyError, "needs the day of the intercurrent"),
        (asked(measure="hazard_ratio", competing="Accident"), ParameterError, "the estimand has none"),
        (asked({"event": "x", "strategy": "while on treatment"}, competing="Flood"), DataError, "Accident.*Flood"),
    ],
)
def test_what_cannot_compete_is_refused(trial: Trial, entry: Any, error: type[Exception], match: str) -> None:
    path = trial(entry)
    described(path)
    with pytest.raises(error, match=match):
        open_report(path, "os").analysis_frame()


# Further analyses


def test_what_is_declared_is_recorded_under_its_role(trial: Trial) -> None:
    entry = asked(
        measure="hazard_ratio",
        weighted_tests=["maxcombo", "fh01", "mwlr", "gehan"],
        delay=60,
        cut_points=[50, 150],
        covariates=["PDL1"],
        strata=["REGION1"],
    )
    rep = open_report(trial(entry), "os")
    frame = rep.analysis_frame()
    rep.further_analyses(frame)
    rows = rep.results.rows.values()
    found = {row.analysis for row in rows} - {"count.subjects", "count.events"}
    assert found == {
        "maxcombo.stratified",
        "weighted_logrank.stratified",
        "cox.hazard_ratio.piecewise",
        "cox.period_interaction",
        "rmst.difference.adjusted",
    }
    assert {row.groups.get("role") for row in rows if row.analysis in found} == {"supplementary"}
    weights = {row.groups["weight"] for row in rep.results.select("weighted_logrank.stratified", "test_statistic")}
    assert {"FH(0, 1)", "MW(t*=60)"} <= weights
    expected = survival.weighted_logrank(
        frame["time"], frame["event"], frame["arm"], weight="modestly-weighted", t_star=60, strata=frame["REGION1"],
        **COMPARED,
    )  # fmt: skip
    row = rep.results.find("weighted_logrank.stratified", "test_statistic", weight="MW(t*=60)")
    assert row.value == expected.test_statistic


def test_the_modest_weight_stops_at_the_median_without_a_delay(trial: Trial) -> None:
    rep = open_report(trial(asked(measure="hazard_ratio", weighted_tests=["mwlr"])), "os")
    rep.further_analyses(rep.analysis_frame())
    (row,) = rep.results.select("weighted_logrank.unstratified", "test_statistic")
    assert row.groups["weight"] == "MW(S*=0.5)"


def test_nothing_declared_is_nothing_recorded(trial: Trial) -> None:
    rep = open_report(trial(), "os")
    frame = rep.analysis_frame()
    before = set(rep.results.rows)
    rep.further_analyses(frame)
    assert set(rep.results.rows) == before
    assert not len(rep.table("survival.rules"))


def test_another_parameter_holds_the_endpoint_under_another_rule(trial: Trial) -> None:
    rep = open_report(trial(asked(measure="hazard_ratio", sensitivity_endpoints=["PFS"])), "os")
    frame = rep.analysis_frame()
    rep.record(cox.hazard_ratio, frame)
    rep.further_analyses(frame)
    main, other = rep.results.select("cox.hazard_ratio.unstratified")
    assert (main.groups.get("rule"), other.groups["rule"], other.groups["role"]) == (None, "PFS", "sensitivity")
    alone = open_report(trial(report("os", parameters={"endpoint": "PFS", **COMPARED})), "os").analysis_frame()
    assert other.value == cox.hazard_ratio(alone["time"], alone["event"], alone["arm"], **COMPARED).estimate
    rules = rep.table("survival.rules")
    assert rules.groupby("rule", sort=False)["n"].sum().to_dict() == {"OS": 80, "PFS": 80}


def with_assessments(path: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Death and assessments every 30 days until progression, written beside the trial; and what they say."""
    folder, rng = Path(path).parent / "adam", np.random.default_rng(5)
    adsl = pd.read_csv(folder / "adsl.csv", keep_default_na=False)
    start = pd.to_datetime(adsl["RANDDT"])
    rows = []
    for i, begun in enumerate(start):
        last = int(rng.integers(1, 9))
        for visit in range(1, last + 1):
            if visit == last - 1 and i % 5 == 0:
                continue  # a missed assessment
            response = "PD" if visit == last and i % 4 else "SD"
            rows.append((adsl["USUBJID"][i], begun + pd.Timedelta(days=30 * visit), response))
    records = pd.DataFrame(rows, columns=["USUBJID", "ADT", "AVALC"])
    records.assign(
        STUDYID="T", PARAMCD="OVRLRESP", PARAM="Overall response", ADT=records["ADT"].dt.strftime("%Y-%m-%d")
    ).to_csv(folder / "adrs.csv", index=False)
    adsl["DTHDT"] = ""
    adsl.to_csv(folder / "adsl.csv", index=False)
    therapy = pd.to_datetime(adsl["NEWTRTDT"].replace("", None))
    people = pd.DataFrame({"subject": adsl["USUBJID"], "start": start, "new_therapy": therapy})
    people["cutoff"] = pd.Timestamp("2025-12-31")
    return people, records.rename(columns={"USUBJID": "subject", "ADT": "date", "AVALC": "response"})


@pytest.mark.parametrize("rule", ["FDA", "EMA"])
def test_rules_are_applied_to_the_source_dates(trial: Trial, rule: Any) -> None:
    entry = asked(measure="hazard_ratio", rule_sets=[rule], assessment_interval=30, assessment_allowance=5)
    path = trial(entry)
    people, records = with_assessments(path)
    rep = open_report(path, "os")
    rep.further_analyses(rep.analysis_frame())
    schedule = VisitSchedule(interval=30, allowance=5)
    expected = progression_free_survival(people, records, rules=rule, schedule=schedule)
    arm = np.where(np.arange(80) % 2 == 0, "A", "B")
    found = rep.results.find("cox.hazard_ratio.unstratified", rule=rule)
    event = (expected["cnsr"] == 0).astype(int)
    assert found.value == cox.hazard_ratio(expected["aval"], event, arm, **COMPARED).estimate
    assert found.groups["role"] == "sensitivity"
    rules = rep.table("survival.rules")
    assert rules.loc[(rules["rule"] == rule) & (rules["kind"] == "event"), "n"].sum() == event.sum()


@pytest.mark.parametrize(
    "given", [{}, {"assessment_interval": 30, "assessment_changes": [300]}], ids=["no interval", "half a pair"]
)
def test_rules_without_a_schedule_are_refused(trial: Trial, given: dict[str, Any]) -> None:
    path = trial(asked(measure="hazard_ratio", rule_sets=["FDA"], **given))
    with_assessments(path)
    rep = open_report(path, "os")
    frame = rep.analysis_frame()
    with pytest.raises(ParameterError, match="need to know when assessments were due"):
        rep.further_analyses(frame)


@pytest.mark.parametrize("given", [{"weighted_tests": ["fh01"]}, {"cut_points": [50]}, {"rule_sets": ["FDA"]}])
def test_analyses_of_one_kind_of_event_are_refused_where_others_compete(trial: Trial, given: dict[str, Any]) -> None:
    rep = open_report(trial(asked(THERAPY, **given)), "os")
    frame = rep.analysis_frame()
    with pytest.raises(ParameterError, match="while other"):
        rep.further_analyses(frame)


def test_a_rule_where_others_compete_keeps_the_competing_events(trial: Trial) -> None:
    path = trial(asked({"event": "Accident", "strategy": "while on treatment"}, competing="Accident",
                       sensitivity_endpoints="PFS"))  # fmt: skip
    described(path)
    file = Path(path).parent / "adam" / "adtte.csv"
    frame = pd.read_csv(file)
    frame.loc[frame["PARAMCD"] == "PFS", "EVNTDESC"] = np.where(
        frame.loc[frame["PARAMCD"] == "PFS", "CNSR"] == 0, "Accident", None
    )
    frame.loc[frame.index[frame["PARAMCD"] == "PFS"][:30], "EVNTDESC"] = "Disease"
    frame.to_csv(file, index=False)
    rep: Report = open_report(path, "os")
    rep.further_analyses(rep.analysis_frame())
    row = rep.results.find("fine_gray.subdistribution_hazard_ratio.unstratified", rule="PFS")
    assert row is not None
    assert row.groups["role"] == "sensitivity"
    assert not rep.results.select("cox.hazard_ratio.unstratified")
