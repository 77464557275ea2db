"""Whom a report is about: populations, arms, derived variables, and what blinding allows."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence_lib.errors import DataError, DisclosureError, ParameterError, StudyError
from evidence_lib.session import open_report
from tests.session.conftest import COMPARED, report

Trial = Callable[..., str]
POOLED = "All patients"


def test_subjects_and_records_share_numbers_and_have_no_identifiers(trial: Trial) -> None:
    rep = open_report(trial(), "os")
    people, events = rep.subjects(), rep.records("ADAE")
    assert not {"USUBJID", "SUBJID"} & {*people.columns, *events.columns}
    assert people["subject"].is_unique
    arms = people.set_index("subject")["arm"]
    assert (events["arm"] == arms.reindex(events["subject"]).to_numpy()).all()
    # patient i has i % 3 events, and patients stand in the order of ADSL
    assert events.groupby("subject").size().reindex(people["subject"], fill_value=0).tolist() == [
        i % 3 for i in range(len(people))
    ]


def test_the_safety_report_takes_the_safety_population_by_the_actual_treatment(trial: Trial) -> None:
    safety = report("ae", notebook="trial/safety", parameters=COMPARED, primary_measure="risk_difference")
    rep = open_report(trial(safety), "ae")
    assert rep.context.population == "safety population"
    assert rep.people.arm_variable == "TRT01A"
    assert len(rep.subjects()) == 78
    assert len(open_report(trial(), "os").subjects()) == 80


def test_a_flag_that_is_not_the_usual_one_is_named(trial: Trial) -> None:
    other = report("os", parameters={"endpoint": "OS", "population_flag": "SAFFL", **COMPARED})
    assert open_report(trial(other), "os").context.population == "safety population"
    subset = report("os", parameters={"endpoint": "OS", "subset": {"REGION1": "China"}, **COMPARED})
    assert open_report(trial(subset), "os").context.population == "ITT with REGION1 = China"


def test_a_blinded_study_refuses_any_split_by_treatment(trial: Trial) -> None:
    path = trial(blinding="blinded")
    with pytest.raises(DisclosureError, match="the study is blinded") as caught:
        open_report(path, "os")
    assert caught.value.exit_code == 9


def test_a_blinded_study_has_pooled_reports_that_know_no_arm(trial: Trial) -> None:
    path = trial(report("os", parameters={"endpoint": "OS", "tau": 200}), blinding="blinded")
    rep = open_report(path, "os")
    assert (rep.arms, rep.treatments) == ([POOLED], [])
    for frame in (rep.subjects(), rep.analysis_frame(), rep.records("ADAE"), rep.enrolled()):
        for column in frame.select_dtypes(object):
            assert not set(frame[column].dropna()) & {"A", "B"}, column


@pytest.mark.parametrize("chosen", [{"treatment": "A"}, {"subset": {"TRT01P": "A"}}])
def test_a_single_arm_study_analyses_only_the_arm_that_it_chose(trial: Trial, chosen: dict[str, Any]) -> None:
    of_one = report("os", parameters={"endpoint": "OS", "tau": 200, **chosen})
    rep = open_report(trial(of_one, study={"id": "trial", "title": "A made-up trial", "design": "single-arm"}), "os")
    assert (rep.arms, rep.treatments) == (["A"], [])
    assert set(rep.subjects()["arm"]) == set(rep.analysis_frame()["arm"]) == {"A"}


@pytest.mark.parametrize(
    ("notebook", "measure", "name", "given", "near"),
    [
        ("trial/response", "risk_difference", "strata", ["REGIN1"], "REGION1"),
        ("trial/response", "risk_difference", "subgroups", ["REGION2"], "REGION1"),
        ("trial/response", "risk_difference", "covariates", ["PLD1"], "PDL1"),
        ("trial/response", "risk_difference", "start_date", "RANDT", "RANDDT"),
        ("trial/continuous-endpoints", "mean_difference", "covariates", ["PLD1"], "PDL1"),
        ("trial/disposition-and-baseline", None, "baseline", ["PLD1"], "PDL1"),
        ("trial/disposition-and-baseline", None, "reason", "REGION9", "REGION1"),
    ],
)
def test_a_column_that_is_not_there_is_refused_on_opening(
    trial: Trial, notebook: str, measure: str | None, name: str, given: Any, near: str
) -> None:
    asked = report("x", notebook=notebook, parameters={**COMPARED, name: given}, primary_measure=measure)
    with pytest.raises(DataError, match=rf"ADSL, {name}: no such column; found \w+; did you mean {near}\?") as caught:
        open_report(trial(asked), "x")
    assert caught.value.exit_code == 3


def test_dummy_arms_keep_their_sizes_and_are_the_same_in_every_report(trial: Trial) -> None:
    both = (report("os"), report("pfs", parameters={"endpoint": "PFS", "tau": 200, **COMPARED}))
    true = open_report(trial(*both), "os").subjects()
    path = trial(*both, blinding="dummy")
    first, second = open_report(path, "os"), open_report(path, "pfs")
    dummy = first.subjects()
    assert dummy["arm"].value_counts().to_dict() == true["arm"].value_counts().to_dict()
    assert 0 < (dummy["arm"] != true["arm"]).sum() < len(true)
    assert second.subjects()["arm"].tolist() == dummy["arm"].tolist()
    by_subject = dummy.set_index("subject")["arm"]
    frame = second.analysis_frame()
    assert (frame["arm"] == by_subject.reindex(frame["subject"]).to_numpy()).all()
    assert first.context.blinding["state"] == "dummy"


@pytest.mark.parametrize("blinding", [None, "open", {"unblinded": {"person": "x"}}, {"blinded": True}])
def test_a_trial_says_whether_it_is_blinded(trial: Trial, blinding: Any) -> None:
    with pytest.raises(StudyError, match="blind|missing"):
        open_report(trial(blinding=blinding), "os")


def test_unblinding_is_recorded_with_date_person_and_reason(trial: Trial) -> None:
    rep = open_report(trial(), "os")
    assert rep.context.blinding["unblinded"] == {
        "date": {"date": "2026-01-31"},
        "person": "A statistician",
        "reason": "final analysis",
    }


def test_subgroups_are_configuration(trial: Trial) -> None:
    variables = {"PDL1GR": {"label": "PD-L1", "from": "PDL1", "cuts": [1, 50], "names": ["<1%", "1-49%", ">=50%"]}}
    by_group = report("os", parameters={"endpoint": "OS", "subgroups": ["PDL1GR"], **COMPARED})
    rep = open_report(trial(by_group, variables=variables), "os")
    frame, people = rep.analysis_frame(), rep.subjects()
    assert rep.context.labels["PDL1GR"] == "PD-L1"
    expected = ["<1%" if v < 1 else "1-49%" if v < 50 else ">=50%" for v in people["PDL1"]]
    assert people["PDL1GR"].tolist() == expected
    assert frame.set_index("subject")["PDL1GR"].to_dict() == people.set_index("subject")["PDL1GR"].to_dict()


def test_a_comparison_needs_its_arms(trial: Trial) -> None:
    with pytest.raises(ParameterError, match="a comparison needs its arms"):
        open_report(trial(report("os", parameters={"endpoint": "OS"})), "os")


def test_a_report_whose_records_are_missing_is_refused_when_it_opens(trial: Trial, tmp_path: Path) -> None:
    safety = report("ae", notebook="trial/safety", parameters=COMPARED, primary_measure="risk_difference")
    path = trial(safety)
    (tmp_path / "adam" / "adae.csv").unlink()
    with pytest.raises(DataError, match="ADAE is missing"):
        open_report(path, "ae")
