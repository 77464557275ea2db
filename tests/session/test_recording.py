"""Recording beyond one endpoint and one role: levels, roles, tables, estimands and families."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.errors import InvalidInput, StudyError
from evidence_lib.session import open_report
from evidence_lib.statistics import competing_risks, means, proportions, survival
from tests.session.conftest import COMPARED, ESTIMAND, report

Trial = Callable[..., str]
THERAPY = {"event": "New therapy", "date": "NEWTRTDT"}


def with_events(*events: dict[str, Any]) -> dict[str, Any]:
    return report("os", estimand={**ESTIMAND, "intercurrent_events": list(events)})


def test_each_level_of_a_column_is_a_group(trial: Trial) -> None:
    rep = open_report(trial(), "os")
    people = rep.subjects().assign(alive=lambda f: (f["PDL1"] > 50).astype(int))
    rep.record(proportions.risk_difference, people, event="alive", each={"region": "REGION1"}, endpoint="HIGH")
    rows = rep.results.select("rd.miettinen_nurminen.unstratified")
    assert {row.groups["region"] for row in rows} == {"China", "Elsewhere"}
    assert {row.endpoint for row in rows} == {"HIGH"}
    assert all(row.agrees for row in rows)
    china = people[people["REGION1"] == "China"]
    found = proportions.risk_difference(china["alive"], china["arm"], treatment="A", reference="B")
    assert rep.results.find("rd.miettinen_nurminen.unstratified", region="China").value == found.estimate


def test_the_role_of_an_analysis_is_a_group_and_the_main_one_has_none(trial: Trial) -> None:
    rep = open_report(trial(), "os")
    frame = rep.analysis_frame()
    rep.record(survival.logrank, frame)
    rep.record(survival.logrank, frame.assign(event=1), role="sensitivity")
    rows = rep.results.select("logrank.unstratified", "test_statistic")
    assert [row.groups.get("role") for row in rows] == [None, "sensitivity"]
    assert rows[0].value != rows[1].value


def test_a_statistic_of_a_frame_gets_names_of_columns(trial: Trial) -> None:
    rep = open_report(trial(), "os")
    people, noise = rep.subjects(), np.random.default_rng(1)
    visits = pd.concat([people.assign(visit=v, outcome=noise.normal(size=len(people)) + v) for v in (1, 2)])
    rep.record(means.mmrm, visits, covariance="cs")
    assert {row.groups["visit"] for row in rep.results.select("mmrm.contrast")} == {1, 2}
    assert all(row.agrees for row in rep.results.select("mmrm.contrast"))


def test_a_table_of_the_results_names_no_subjects(trial: Trial) -> None:
    rep = open_report(trial(), "os")
    with pytest.raises(InvalidInput, match="names no subjects"):
        rep.keep("x.people", rep.subjects())
    kept = rep.keep("x.ages", pd.DataFrame({"age": [1, 2]}))
    assert rep.results.table("x.ages").equals(kept)


def test_tlf_may_name_only_outputs_that_are_there(trial: Trial, silent: list[Any]) -> None:
    from evidence_lib.report import tables

    rep = open_report(trial(report("os", tlf={"nothing": {"number": "14-9"}})), "os")
    rep.show(tables.estimand, rep.estimand)
    with pytest.raises(StudyError, match="does not have; expected estimand; found nothing"):
        rep.complete()


def test_tlf_may_name_an_output_that_the_data_leave_out(trial: Trial, silent: list[Any]) -> None:
    from evidence_lib.report import tables

    rep = open_report(trial(report("os", tlf={"shown-elsewhere": {"number": "14-9"}})), "os")
    rep.show(tables.estimand, rep.estimand, when=[], id="shown-elsewhere")
    rep.complete()


# Estimands


def test_treatment_policy_leaves_the_data_as_they_are(trial: Trial) -> None:
    plain = open_report(trial(), "os").analysis_frame()
    rep = open_report(trial(with_events({**THERAPY, "strategy": "treatment policy"})), "os")
    frame = rep.analysis_frame()
    assert frame[["time", "event"]].equals(plain[["time", "event"]])
    assert "estimand.events" in rep.results.tables


def test_a_composite_event_is_part_of_the_outcome(trial: Trial) -> None:
    plain = open_report(trial(), "os").analysis_frame()
    rep = open_report(trial(with_events({**THERAPY, "strategy": "composite"})), "os")
    frame, people = rep.analysis_frame(), rep.subjects().set_index("subject")
    day = (pd.to_datetime(people["NEWTRTDT"]) - pd.to_datetime(people["RANDDT"])).dt.days + 1
    day = day.reindex(frame["subject"]).to_numpy()
    for new, old, therapy in zip(frame.itertuples(), plain.itertuples(), day, strict=True):
        before = therapy == therapy and therapy <= old.time
        assert new.time == (min(old.time, therapy) if before else old.time)
        assert new.event == (1 if before else old.event)


def test_a_hypothetical_event_censors_and_says_what_it_assumes(trial: Trial) -> None:
    stated = {**THERAPY, "strategy": "hypothetical", "assumption": "those who change are like those who do not"}
    rep = open_report(trial(with_events(stated)), "os")
    plain = open_report(trial(), "os").analysis_frame()
    frame = rep.analysis_frame()
    assert frame["event"].sum() < plain["event"].sum()
    notes = " ".join(str(note) for note in rep._finished_context().notes)
    assert "those who change are like those who do not" in notes


def test_an_event_while_on_treatment_competes_and_plain_censoring_is_refused(trial: Trial) -> None:
    rep = open_report(trial(with_events({**THERAPY, "strategy": "while on treatment"})), "os")
    frame = rep.analysis_frame()
    assert set(frame["cause"]) == {0, 1, 2}
    with pytest.raises(StudyError, match="does not answer the estimand") as caught:
        rep.record(survival.logrank, frame)
    assert caught.value.exit_code == 2
    rep.record(competing_risks.gray_test, frame, event_of_interest=1)
    assert rep.results.find("gray.unstratified", "test_statistic") is not None
    rep.record(survival.logrank, frame, role="supplementary")
    assert any("logrank" in str(note) for note in rep._finished_context().notes)


@pytest.mark.parametrize(
    ("event", "why"),
    [
        ({"strategy": "hypothetical"}, "assumption"),
        ({"strategy": "principal stratum"}, "identification"),
        ({"strategy": "while on treatment", "handling": "censor"}, "censor"),
    ],
)
def test_an_incomplete_strategy_is_refused(trial: Trial, event: dict[str, Any], why: str) -> None:
    with pytest.raises(StudyError, match=why):
        open_report(trial(with_events({**THERAPY, **event})), "os")


def test_a_principal_stratum_is_never_a_plain_analysis(trial: Trial) -> None:
    stated = {
        "event": "Would tolerate A",
        "strategy": "principal stratum",
        "identification": "principal ignorability",
        "estimator": "principal-ignorability-weighting",
    }
    rep = open_report(trial(with_events(stated)), "os")
    with pytest.raises(StudyError, match="stratum"):
        rep.record(survival.logrank, rep.analysis_frame())


# Families

FAMILY = {
    "id": "primary",
    "method": "fixed-sequence",
    "hypotheses": [{"id": "PFS", "report": "pfs"}, {"id": "OS", "report": "os"}],
}
PFS = report("pfs", parameters={"endpoint": "PFS", "tau": 200, **COMPARED})


def test_every_report_of_a_family_has_the_adjusted_p_values_of_all(trial: Trial, silent: list[Any]) -> None:
    path = trial(report("os"), PFS, endpoint_families=[FAMILY])
    found = {}
    for id in ("os", "pfs"):
        rep = open_report(path, id)
        tested = rep.formal_testing()
        rows = rep.results.select("multiplicity.fixed_sequence", "p_value")
        assert all(row.p_kind == "confirmatory" and row.agrees for row in rows)
        found[id] = {row.groups["hypothesis"]: row.value for row in rows}
        assert tested["hypothesis"].tolist() == ["PFS", "OS"]
    assert found["os"] == found["pfs"]
    frames = {id: open_report(path, id).analysis_frame() for id in ("os", "pfs")}
    p = {
        id: survival.logrank(f["time"], f["event"], f["arm"], treatment="A", reference="B").p_value
        for id, f in frames.items()
    }
    assert found["os"] == {"PFS": pytest.approx(p["pfs"]), "OS": pytest.approx(max(p["pfs"], p["os"]))}


def test_a_report_of_no_family_tests_nothing_formally(trial: Trial) -> None:
    rep = open_report(trial(report("os"), PFS), "os")
    assert rep.formal_testing().empty
    assert not rep.results.select("multiplicity.fixed_sequence", "p_value")


def test_a_blinded_study_with_families_has_pooled_reports_that_test_nothing(trial: Trial, silent: list[Any]) -> None:
    pooled = [report(id, parameters={"endpoint": id.upper(), "tau": 200}) for id in ("os", "pfs")]
    rep = open_report(trial(*pooled, endpoint_families=[FAMILY], blinding="blinded"), "os")
    assert rep.formal_testing().empty
    assert not rep.results.select("multiplicity.fixed_sequence", "p_value")


def test_a_family_of_a_report_that_is_not_there_is_refused(trial: Trial) -> None:
    with pytest.raises(StudyError, match="a report that is not there|not there"):
        open_report(trial(report("os"), endpoint_families=[FAMILY]), "os")
