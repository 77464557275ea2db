"""The report object on small made-up data: what is called with what, compared, kept, withheld and written."""

from __future__ import annotations

import hashlib
import importlib
import json
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.errors import InvalidInput, ParameterError, RecalculationError, StudyError
from evidence_lib.language import message
from evidence_lib.results import Estimate, ResultSet
from evidence_lib.session import Report, calls, open_report
from evidence_lib.statistics import baseline, cox, survival

STUDY = """
version: 1
study: {id: made-up, title: "A made-up study", design: DESIGN}
data:
  kind: adam
  path: adam
  cutoff: {unknown: "made up"}
  blinding: {unblinded: {date: {unknown: "made up"}, person: nobody, reason: "made-up data"}}
disclosure: {preset: none, reason: "made-up data"}
reports:
  - id: relapse
    notebook: trial/survival
    parameters:
      endpoint: RFS
      treatment: A
      reference: B
      unit: days
      tau: 40
      times: [30, 10]
      strata: [SITE]
      covariates: [AGE]
      subgroups: [SITE]
    primary_measure: hazard_ratio
    estimand:
      treatment: "A against B"
      population: "Everybody"
      variable: "Time to relapse"
      intercurrent_events: ["None"]
      summary: "Hazard ratio"
"""


def write_study(folder: Path, design: str = "observational") -> Path:
    """A study of 60 made-up patients in two arms."""
    rng = np.random.default_rng(7)
    n = 60
    ids = [f"P{i:02d}" for i in range(n)]
    arm = np.where(np.arange(n) % 2 == 0, "A", "B")
    adam = folder / "adam"
    adam.mkdir(parents=True)
    subjects = {
        "STUDYID": "S",
        "USUBJID": ids,
        "TRT01P": arm,
        "AGE": rng.integers(30, 80, n),
        "SITE": rng.choice(["x", "y"], n),
    }
    pd.DataFrame(subjects).to_csv(adam / "adsl.csv", index=False)
    events = {"STUDYID": "S", "USUBJID": ids, "PARAMCD": "RFS", "PARAM": "Relapse", "TRTP": arm}
    times = {"AVAL": rng.integers(1, 60, n), "AVALU": "DAYS", "CNSR": rng.integers(0, 2, n)}
    pd.DataFrame({**events, **times}).to_csv(adam / "adtte.csv", index=False)
    path = folder / "study.yml"
    path.write_text(STUDY.replace("DESIGN", design), encoding="utf-8")
    return path


@pytest.fixture
def shown(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What the report displays, caught before IPython would print it."""
    bundles: list[dict[str, Any]] = []
    monkeypatch.setattr(Report, "_publish", lambda self, bundle: bundles.append(bundle))
    return bundles  # type: ignore[return-value]


@pytest.fixture
def rep(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Report:
    monkeypatch.delenv("EVIDENCE_OUT", raising=False)
    return open_report(str(write_study(tmp_path)), "relapse")


def test_the_milestone_is_the_first_time_and_tables_go_by_time(rep: Report) -> None:
    assert rep.context.milestone == 30
    assert rep.context.times == (10, 30)


def test_counts_add_up_and_are_counted_twice(rep: Report) -> None:
    frame = rep.analysis_frame()
    both = [rep.results.find("count.subjects", arm=arm) for arm in ("A", "B", "all")]
    assert [row.value for row in both] == [30, 30, 60]
    assert all(row.agrees for row in both)
    events = [rep.results.find("count.events", arm=arm).value for arm in ("A", "B", "all")]
    assert events[0] + events[1] == events[2] == frame["event"].sum()


def test_a_statistic_is_called_for_each_arm_and_its_twin_is_kept(rep: Report) -> None:
    frame = rep.analysis_frame()
    rep.record(survival.rmst, frame, by="arm")
    rows = rep.results.select("rmst")
    assert [row.groups["arm"] for row in rows] == ["A", "B"]
    for row in rows:
        part = frame[frame["arm"] == row.groups["arm"]]
        assert row.value == survival.rmst(part["time"], part["event"], tau=40).estimate
        assert row.agrees is True
        assert row.second_source
        assert row.second_value == pytest.approx(row.value, rel=1e-6)


def test_strata_covariates_and_subgroups_name_columns(rep: Report) -> None:
    frame = rep.analysis_frame()
    crude, stratified = rep.record(survival.logrank, frame), rep.record(survival.logrank, frame, strata=rep.strata)
    assert (crude.analysis, stratified.analysis) == ("logrank.unstratified", "logrank.stratified")
    assert crude.test_statistic != stratified.test_statistic
    adjusted = rep.record(cox.hazard_ratio, frame, covariates=rep.covariates)
    assert adjusted.analysis == "cox.hazard_ratio.adjusted"
    rep.record(cox.subgroup_effects, frame, subgroups=rep.subgroups)
    assert {row.groups["level"] for row in rep.results.select("cox.hazard_ratio.subgroup")} == {"x", "y"}


def test_patients_without_a_covariate_leave_that_model_only(rep: Report) -> None:
    frame = rep.analysis_frame()
    frame.loc[frame.index[:5], "AGE"] = np.nan
    rep.record(cox.hazard_ratio, frame, covariates=rep.covariates)
    rep.record(cox.hazard_ratio, frame)
    assert rep.results.find("cox.hazard_ratio.adjusted", "n").value == 55
    assert rep.results.find("cox.hazard_ratio.unstratified", "n").value == 60


def test_nothing_is_computed_for_columns_that_are_not_declared(rep: Report) -> None:
    before = len(rep.results.rows)
    assert rep.record(cox.subgroup_effects, rep.analysis.frame, subgroups=[]) is None
    assert len(rep.results.rows) == before


def test_a_choice_that_the_statistic_does_not_take_is_refused(rep: Report) -> None:
    with pytest.raises(InvalidInput, match="takes no such choice"):
        rep.record(survival.rmst, rep.analysis.frame, ties="efron")


def test_recording_again_replaces(rep: Report) -> None:
    frame = rep.analysis_frame()
    rep.record(survival.rmst_difference, frame, tau=20)
    rep.record(survival.rmst_difference, frame, tau=20)
    assert len(rep.results.select("rmst.difference")) == 1


def test_a_disagreement_is_an_error_of_exit_4(rep: Report, monkeypatch: pytest.MonkeyPatch) -> None:
    recalculation = importlib.import_module("evidence_lib.recalculation.survival")
    right = recalculation.rmst_difference

    def off(*args: Any, **kwargs: Any) -> Estimate:
        found = right(*args, **kwargs)
        return replace(found, estimate=found.estimate + 1e-4 * found.std_error)

    monkeypatch.setattr(recalculation, "rmst_difference", off)
    with pytest.raises(RecalculationError, match=r"disagree.*estimate") as caught:
        rep.record(survival.rmst_difference, rep.analysis_frame())
    assert caught.value.exit_code == 4


def estimate_of(value: float | None, **more: Any) -> Estimate:
    reason = None if value is not None else "too short"
    status = "ok" if value is not None else "not_estimable"
    base: dict[str, Any] = {"analysis": "rmst", "unit": "days", "method": "m", "status": status, "reason": reason}
    return Estimate(estimate=value, **{**base, **more})


@pytest.mark.parametrize(
    ("ours", "theirs", "same"),
    [
        (estimate_of(100.0), estimate_of(100.00009), True),
        (estimate_of(100.0), estimate_of(100.00011), False),
        (estimate_of(0.0, std_error=2.0), estimate_of(1.9e-6, std_error=2.0), True),
        (estimate_of(0.0, std_error=2.0), estimate_of(2.1e-6, std_error=2.0), False),
        (estimate_of(None), estimate_of(None), True),
        (estimate_of(None), estimate_of(1.0), False),
        (estimate_of(1.0), estimate_of(None), False),
    ],
)
def test_two_values_agree_within_a_millionth_of_the_larger_of_estimate_and_error(
    ours: Estimate, theirs: Estimate, same: bool
) -> None:
    assert calls.compare(ours, theirs, 1e-6)["estimate"] is same


def test_a_limit_that_only_the_twin_finds_is_a_disagreement() -> None:
    ours = estimate_of(1.0, conf_level=0.95, conf_low=0.5, conf_high=None, reason="never reached")
    assert calls.compare(ours, replace(ours, conf_high=2.0), 1e-6)["conf_high"] is False
    assert calls.compare(ours, ours, 1e-6) == {"estimate": True, "conf_low": True, "conf_high": True}


@pytest.mark.parametrize(("theirs", "same"), [(1e-9, True), (1.0000005e-9, True), (1.1e-9, False), (None, False)])
def test_an_exact_test_is_compared_by_its_p_value_relative_to_it(theirs: float | None, same: bool) -> None:
    facts = {"analysis": "multiplicity.holm", "unit": "probability", "method": "exact", "is_test": True}
    ours = Estimate(**facts, p_value=1e-9)
    status = {} if theirs is not None else {"status": "not_estimable", "reason": "none"}
    assert calls.compare(ours, replace(ours, p_value=theirs, **status), 1e-6) == {"p_value": same}


def test_the_estimates_of_a_model_are_its_items() -> None:
    class Model:
        items = (estimate_of(1.0), estimate_of(2.0))

    assert calls.items(Model()) == Model.items
    assert calls.items(estimate_of(1.0)) == (estimate_of(1.0),)


def test_every_headline_statistic_of_the_notebook_has_a_twin() -> None:
    functions = [
        survival.median_survival,
        survival.survival_at,
        survival.follow_up,
        survival.milestone_difference,
        survival.rmst,
        survival.rmst_difference,
        survival.rmst_ratio,
        survival.logrank,
        cox.hazard_ratio,
        cox.proportional_hazards_test,
        cox.subgroup_effects,
    ]
    for function in functions:
        twin = calls.twin_of(function)
        assert twin is not None, function.__name__
        assert twin.function is not function
        assert twin.source


class TestGates:
    def test_a_failed_declared_check_withholds_where_treatment_was_not_randomised(self, rep: Report) -> None:
        frame = rep.analysis_frame()
        rep.record(baseline.standardized_differences, frame, variables=["AGE", "SITE"])
        rep.balance_limit = 1e-6
        gate = rep.check("balance", frame)
        rep.record(cox.hazard_ratio, frame)
        rep.record(survival.logrank, frame)
        rep.record(survival.rmst_difference, frame, covariates=["AGE"], role="supplementary")
        assert gate.result == "fail"
        row = rep.results.find("cox.hazard_ratio.unstratified")
        assert (row.status, row.value, row.second_value) == ("withheld", None, None)
        assert "balance" in str(row.reason)
        assert rep.results.find("cox.hazard_ratio.unstratified", "n").value == 60
        assert rep.results.find("logrank.unstratified", "test_statistic").status == "withheld"
        assert rep.results.find("rmst.difference.adjusted").status == "withheld"

    def test_in_a_randomised_comparison_it_only_warns(self, tmp_path: Path) -> None:
        rep = open_report(str(write_study(tmp_path, "randomised")), "relapse")
        rep.gate("balance", 0.5, limit=0.1, governs="cox.hazard_ratio.*")
        rep.record(cox.hazard_ratio, rep.analysis_frame())
        assert rep.results.find("cox.hazard_ratio.unstratified").status == "ok"

    @pytest.mark.parametrize(
        ("measure", "choices", "result"),
        [
            (0.1, {"limit": 0.1}, "pass"),
            (0.2, {"limit": 0.1}, "fail"),
            (0.2, {"limit": 0.1, "at_least": True}, "pass"),
            (0.05, {"limit": 0.1, "at_least": True}, "fail"),
            (0.2, {"limit": None}, "informational"),
            (0.2, {"limit": 0.1, "judged": False}, "informational"),
            (None, {"limit": 0.1}, "not_evaluable"),
        ],
    )
    def test_results(self, rep: Report, measure: float | None, choices: dict[str, Any], result: str) -> None:
        assert rep.gate("follow_up", measure, **choices).result == result

    def test_follow_up_is_the_smallest_share_at_risk_at_the_milestone(self, rep: Report) -> None:
        frame = rep.analysis_frame()
        shares = [(frame.loc[frame["arm"] == arm, "time"] >= 30).mean() for arm in "AB"]
        assert rep.check("follow_up", frame).measure == pytest.approx(min(shares))

    def test_the_check_of_hazards_needs_its_test(self, rep: Report) -> None:
        with pytest.raises(InvalidInput, match="before its check"):
            rep.check("proportional_hazards", rep.analysis.frame)


class TestShowing:
    def test_a_display_is_recorded_by_the_names_of_its_tables(self, rep: Report, shown: list[dict[str, Any]]) -> None:
        from evidence_lib.report import tables
        from evidence_lib.report.page import SHOW_MIME

        rep.analysis_frame()
        rep.show(tables.attrition, rep.table("attrition"))
        rep.show(tables.estimand, rep.estimand)
        first, second = (bundle[SHOW_MIME] for bundle in shown)
        assert first == {
            "item": "T1",
            "id": "attrition",
            "function": "tables.attrition",
            "content": [{"table": "attrition"}],
            "options": {},
        }
        assert (second["item"], second["content"]) == ("T2", [{"value": rep.estimand}])
        assert "<table" in shown[0]["text/html"]

    def test_a_frame_that_is_no_result_is_refused(self, rep: Report) -> None:
        from evidence_lib.report import tables

        with pytest.raises(InvalidInput, match="table of the results"):
            rep.show(tables.attrition, pd.DataFrame({"step": []}))

    def test_what_is_not_declared_is_said(self, rep: Report, shown: list[dict[str, Any]]) -> None:
        from evidence_lib.report import figures

        rep.show(figures.forest, when=[])
        assert "declares nothing" in shown[0]["text/html"]


class TestComplete:
    def test_results_and_then_the_record_of_them(
        self, rep: Report, shown: list[dict[str, Any]], tmp_path: Path
    ) -> None:
        rep.record(survival.rmst, rep.analysis_frame(), by="arm")
        rep.complete()
        folder = tmp_path / "out" / "interactive"
        text = (folder / "relapse.results.json").read_text(encoding="utf-8")
        record = json.loads((folder / "relapse.complete.json").read_text(encoding="utf-8"))
        assert record["results_sha256"] == hashlib.sha256(text.encode()).hexdigest()
        assert record["rows"] == len(ResultSet.from_json(text).rows) == len(rep.results.rows)
        assert rep.results.gates["recalculation"].result == "pass"

    def test_a_headline_number_without_a_second_source_fails_the_check(
        self, rep: Report, shown: list[dict[str, Any]]
    ) -> None:
        rep._add(estimate_of(12.0, groups={"arm": "A"}, method=message("session.counted")))
        rep.complete()
        assert rep.results.gates["recalculation"].result == "fail"

    def test_a_run_says_where_to_write(
        self, rep: Report, shown: list[dict[str, Any]], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
    ) -> None:
        monkeypatch.setenv("EVIDENCE_OUT", str(tmp_path / "staging"))
        other = open_report(str(tmp_path / "study.yml"), "relapse")
        other.analysis_frame()
        other.complete()
        assert (tmp_path / "staging" / "relapse.results.json").is_file()


class TestOpening:
    def test_a_given_value_goes_before_the_study_file(self, rep: Report, tmp_path: Path) -> None:
        assert open_report(str(tmp_path / "study.yml"), "relapse", tau=25, reference=None).context.tau == 25
        assert rep.context.tau == 40

    def test_a_list_as_text_hints_at_papermill(self, rep: Report, tmp_path: Path) -> None:
        with pytest.raises(ParameterError, match="use -y"):
            open_report(str(tmp_path / "study.yml"), "relapse", times="[1,2]")

    def test_an_unknown_report_or_parameter(self, rep: Report, tmp_path: Path) -> None:
        with pytest.raises(StudyError, match="relapse"):
            open_report(str(tmp_path / "study.yml"), "relaps")
        with pytest.raises(ParameterError, match="did you mean tau"):
            open_report(str(tmp_path / "study.yml"), "relapse", tauu=3)

    def test_without_times_the_milestone_is_the_last_whole_year_with_a_tenth_at_risk(self, tmp_path: Path) -> None:
        path = write_study(tmp_path)
        adtte = pd.read_csv(tmp_path / "adam" / "adtte.csv")
        adtte["AVAL"] = [2000] * 10 + [800] * 50
        adtte.to_csv(tmp_path / "adam" / "adtte.csv", index=False)
        text = path.read_text(encoding="utf-8").replace("      times: [30, 10]\n", "")
        path.write_text(text, encoding="utf-8")
        assert open_report(str(path), "relapse").context.milestone == 1826
        adtte["AVAL"] = [2000] * 4 + [800] * 56
        adtte.to_csv(tmp_path / "adam" / "adtte.csv", index=False)
        assert open_report(str(path), "relapse").context.milestone == 731

    @pytest.mark.parametrize(
        ("longest", "unit", "grid"),
        [
            (198, "days", [0, 20, 40, 60, 80, 100, 120, 140, 160, 180, 200]),
            (2659, "months", [0, 365, 731, 1096, 1461, 1826, 2192, 2557, 2922]),
        ],
    )
    def test_about_ten_even_steps_at_risk(self, tmp_path: Path, longest: int, unit: str, grid: list[int]) -> None:
        path = write_study(tmp_path)
        adtte = pd.read_csv(tmp_path / "adam" / "adtte.csv")
        adtte.loc[0, "AVAL"] = longest
        adtte.to_csv(tmp_path / "adam" / "adtte.csv", index=False)
        assert open_report(str(path), "relapse", unit=unit, tau=1, times=[1]).at_risk_times == grid
