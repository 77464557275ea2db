"""The response report: numbers against a brute force over visits and against R, and every shape that data can have."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.errors import DataError, ParameterError, StudyError
from evidence_lib.session import Report, open_report
from evidence_lib.session.response import Responses, responses
from evidence_lib.session.response_checks import durations_differ
from tests.notebooks.response_material import ESTIMAND, assessments, entry, people, study
from tests.published import ROOT, published, results_of
from tests.reference import data, needs_reference

TWO = {"treatment": "High", "reference": "Control"}
REPORTS = [
    entry(
        "two",
        parameters={
            **TWO,
            "covariates": ["AGE", "SEX"],
            "subgroups": ["SEX", "REGION"],
            "other_stable_days": [60],
            "assessment_interval": 42,
        },
    ),
    entry(
        "three",
        parameters={"treatment": ["High", "Low"], "reference": "Control", "subgroups": ["SEX"]},
        primary_measure="odds_ratio",
    ),
    entry("nobody", parameters={**TWO, "parameter": "NONE", "sums": "NOSUMS", "subgroups": ["SEX"]}),
    entry(
        "plain",
        parameters={
            **TWO,
            "strata": [],
            "confirmed": False,
            "censoring_rules": "EMA",
            "proportion_interval": "clopper-pearson",
        },
        primary_measure="risk_ratio",
    ),
]
Rows = list[tuple[pd.Timestamp, str]]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("response")
    return published(study(folder / "study", REPORTS), folder / "out")


@pytest.fixture
def opened(tmp_path: Path) -> Callable[..., tuple[Report, Responses]]:
    def open_one(report: dict[str, Any], **changes: Any) -> tuple[Report, Responses]:
        rep = open_report(str(study(tmp_path / "study", [report], **changes)), report["id"])
        return rep, responses(rep)

    return open_one


def number(
    results: dict[str, Any], analysis: str, statistic: str = "estimate", *, endpoint: str = "ORR", **groups: Any
) -> Any:
    groups = {"subgroup": "all", **groups} if "treatment" in groups else groups
    (found,) = (
        row["value"]
        for row in results["results"]
        if (row["analysis"], row["statistic"], row["endpoint"], row["groups"])
        == (analysis, statistic, endpoint, groups)
    )
    return found


def table(results: dict[str, Any], name: str) -> pd.DataFrame:
    made = results["tables"][name]
    return pd.DataFrame(made["rows"], columns=made["columns"])


def counted(adsl: pd.DataFrame, adrs: pd.DataFrame) -> dict[str, Rows]:
    """The visits of each patient that count: up to the first progression and the next therapy."""
    found: dict[str, Rows] = {}
    for person in adsl.to_dict("records"):
        own = adrs[(adrs["USUBJID"] == person["USUBJID"]) & (adrs["PARAMCD"] == "OVRLRESP")].sort_values("ADT")
        kept: Rows = []
        for date, word in zip(own["ADT"], own["AVALC"], strict=True):
            if pd.notna(person["NEWTRTDT"]) and date > person["NEWTRTDT"]:
                break
            kept.append((date, word))
            if word == "PD":
                break
        found[person["USUBJID"]] = kept
    return found


def confirmed_on(rows: Rows) -> pd.Timestamp | None:
    """The first CR or PR with a confirmation 28 days later, by the rules written out once more."""
    for place, (date, word) in enumerate(rows):
        if word not in ("CR", "PR"):
            continue
        between: list[str] = []
        for later, then in rows[place + 1 :]:
            broken = between.count("NE") > 1 or any(w in ("SD", "PD") for w in between)
            broken |= word == "CR" and "PR" in between
            after_cr = between[between.index("CR") + 1 :] if "CR" in between else []
            broken |= "PR" in after_cr or (then == "PR" and "CR" in between)
            good = then == "CR" or (then == "PR" and word == "PR")
            if not broken and good and (later - date).days >= 28:
                return date
            between.append(then)
    return None


def test_responders_are_those_of_a_brute_force(run: Path) -> None:
    results = results_of(run / "two.results.json")
    adsl = people()
    visits = counted(adsl, assessments(adsl)[0])
    for arm in ("High", "Control"):
        ids = adsl.loc[adsl["TRT01P"] == arm, "USUBJID"]
        confirmed = sum(confirmed_on(visits[who]) is not None for who in ids)
        seen = sum(any(word in ("CR", "PR") for _, word in visits[who]) for who in ids)
        assert number(results, "proportion.wilson", "events", arm=arm) == confirmed > 0
        assert number(results, "proportion.wilson", "n", arm=arm) == 50
        other = {"arm": arm, "role": "sensitivity", "rule": "unconfirmed"}
        assert number(results, "proportion.wilson", "events", **other) == seen > confirmed


def test_comparisons_are_those_of_r(run: Path) -> None:
    """R 4.2.2: mantelhaen.test(correct = FALSE); metafor 3.8.1: rma.mh(measure = "RR") and "RD"."""
    results = results_of(run / "two.results.json")
    pair = {"treatment": "High", "reference": "Control"}
    assert number(results, "cmh.general_association", "test_statistic", **pair) == pytest.approx(13.17745023, abs=1e-8)
    assert number(results, "cmh.general_association", "p_value", **pair) == pytest.approx(0.000283338013, rel=1e-9)
    for analysis, expected in (
        ("or.mantel_haenszel", (6.913043478, 2.271467336, 21.039338483)),
        ("rr.mantel_haenszel", (4.4, 1.744512016, 11.097659304)),
    ):
        found = [number(results, analysis, name, **pair) for name in ("estimate", "conf_low", "conf_high")]
        assert found == pytest.approx(expected, rel=1e-9)
    difference = number(results, "rd.miettinen_nurminen.stratified", **pair)
    assert difference == pytest.approx(0.3260273973, abs=1e-10)


def test_every_headline_number_was_computed_twice(run: Path) -> None:
    for report in ("two", "three", "nobody", "plain"):
        results = results_of(run / f"{report}.results.json")
        headline = [
            row
            for row in results["results"]
            if row["analysis"].split(".")[0] in ("proportion", "rd", "rr", "or", "km", "cmh")
        ]
        compared = [
            row for row in headline if row["statistic"] in ("estimate", "test_statistic") and row["status"] == "ok"
        ]
        assert compared
        assert all(row["agrees"] for row in compared)
        (gate,) = (gate for gate in results["gates"] if gate["id"] == "recalculation")
        assert gate["result"] == "pass"


def test_subgroups_add_up_to_everybody(run: Path) -> None:
    results = results_of(run / "two.results.json")
    for arm in ("High", "Control"):
        everybody = number(results, "proportion.wilson", "events", arm=arm)
        for subgroup, levels in (("SEX", "FM"), ("REGION", ("east", "west"))):
            parts = [
                number(results, "proportion.wilson", "events", arm=arm, subgroup=subgroup, level=level)
                for level in levels
            ]
            assert sum(parts) == everybody


def test_best_responses_add_up_and_agree_with_the_responders(run: Path) -> None:
    for report, interval in (("two", "wilson"), ("three", "wilson"), ("plain", "clopper_pearson")):
        results = results_of(run / f"{report}.results.json")
        rows = [r for r in results["results"] if r["endpoint"] == "BOR" and r["statistic"] == "events"]
        for arm in {row["groups"]["arm"] for row in rows}:
            counts = {row["groups"]["category"]: row["value"] for row in rows if row["groups"]["arm"] == arm}
            assert sum(counts.values()) == 50
            responders = number(results, f"proportion.{interval}", "events", arm=arm)
            assert counts.get("CR", 0) + counts.get("PR", 0) == responders


def test_durations_by_hand_under_the_ema_rule(run: Path) -> None:
    """From the first CR or PR to the first PD or death; else to the last assessment that was evaluable."""
    results = results_of(run / "plain.results.json")
    adsl = people()
    adrs = assessments(adsl)[0]
    visits = counted(adsl, adrs)
    every = adrs[adrs["PARAMCD"] == "OVRLRESP"].sort_values("ADT")
    expected: dict[str, list[tuple[int, int]]] = {"High": [], "Control": []}
    for person in adsl[adsl["TRT01P"].isin(expected)].to_dict("records"):
        first = next((date for date, word in visits[person["USUBJID"]] if word in ("CR", "PR")), None)
        if first is None:
            continue
        own = every[(every["USUBJID"] == person["USUBJID"]) & (every["ADT"] >= first)]
        events = [*own.loc[own["AVALC"] == "PD", "ADT"], *([person["DTHDT"]] if pd.notna(person["DTHDT"]) else [])]
        end = min(events) if events else own.loc[own["AVALC"] != "NE", "ADT"].max()
        expected[person["TRT01P"]].append(((end - first).days + 1, int(bool(events))))
    curve = table(results, "response.duration")
    for arm, times in expected.items():
        of = curve[(curve["arm"] == arm) & (curve["time"] > 0)]
        found = {
            (int(row["time"]), event): row[name]
            for row in of.to_dict("records")
            for event, name in ((1, "n_events"), (0, "n_censored"))
            if row[name]
        }
        assert found == {pair: times.count(pair) for pair in times}


def test_durations_are_described_and_never_compared(run: Path) -> None:
    results = results_of(run / "three.results.json")
    of_duration = [row for row in results["results"] if row["endpoint"] == "DOR"]
    assert {row["analysis"] for row in of_duration} == {"km.median"}
    assert all("treatment" not in row["groups"] for row in of_duration)


def test_pages_are_small_and_hold_no_identifier(run: Path) -> None:
    for report in ("two", "three", "nobody", "plain"):
        page = (run / f"{report}.html").read_text("utf-8")
        assert len(page.encode()) < 2_000_000
        assert "M-00" not in page
        assert "M-00" not in (run / f"{report}.results.json").read_text("utf-8")


def test_three_arms_are_compared_one_by_one(run: Path) -> None:
    results = results_of(run / "three.results.json")
    for arm in ("High", "Low"):
        assert number(results, "or.mantel_haenszel", "n", treatment=arm, reference="Control") == 100
    overall = [
        row["value"]
        for row in results["results"]
        if row["analysis"] == "cmh.general_association" and row["statistic"] == "df" and row["groups"] == {"arm": "all"}
    ]
    assert overall == [2]


def test_nobody_responds_and_no_sums(run: Path) -> None:
    results = results_of(run / "nobody.results.json")
    pair = {"treatment": "High", "reference": "Control"}
    assert number(results, "proportion.wilson", "events", arm="High") == 0
    assert number(results, "rd.miettinen_nurminen.stratified", **pair) == 0
    assert number(results, "rr.mantel_haenszel", **pair) is None
    assert results["tables"]["response.waterfall"]["rows"] == []
    assert results["tables"]["response.duration"]["rows"] == []


def test_a_blinded_study_is_pooled(tmp_path: Path) -> None:
    made = study(tmp_path / "study", [entry("pooled", parameters={"subgroups": ["SEX"]})], blinding="blinded")
    results = results_of(published(made, tmp_path / "out") / "pooled.results.json")
    assert {row["groups"].get("arm") for row in results["results"]} == {"All patients", "all"}
    assert not any("treatment" in row["groups"] for row in results["results"])


# --- the frame of responses -----------------------------------------------------------------------------------------


@needs_reference
@pytest.mark.parametrize("rules", ["BOR_unconfirmed", "CBOR_default"])
def test_the_reference_best_responses_through_the_report(opened: Any, rules: str) -> None:
    """Case A8: the best overall responses of admiralonco's tests."""
    expected = data("recist/expected.csv", dtype=str, keep_default_na=False)
    best = expected[expected["RULESET"].str.startswith(rules)].set_index("USUBJID")["AVALC"]
    starts = data("recist/treatment_start.csv", dtype=str)
    starts = starts[starts["USUBJID"].isin(best.index)]
    adsl = starts.assign(STUDYID="M", TRT01P="A", ITTFL="Y", PDDT=None)
    adsl.loc[adsl["USUBJID"] == "9", "PDDT"] = "2020-02-16"
    visits = data("recist/visit_responses.csv", dtype=str)
    adrs = visits[visits["USUBJID"].isin(best.index)].assign(PARAMCD="OVRLRESP", PARAM="Response")
    parameters = {
        "strata": [],
        "confirmed": rules == "CBOR_default",
        "minimum_stable_days": 28,
        "start_date": "TRTSDT",
        **({"progression_date": "PDDT"} if rules == "CBOR_default" else {}),
    }
    report = entry("a8", parameters=parameters, estimand={**ESTIMAND, "intercurrent_events": ["None"]})
    _, found = opened(report, adsl=adsl, adrs=adrs, adtr=None, design="single-arm")
    assert dict(zip(adsl["USUBJID"], found.frame["best"], strict=True)) == best.to_dict()


def test_the_best_change_is_the_smallest_sum_up_to_the_next_therapy(opened: Any) -> None:
    adsl = people()
    _, adtr = assessments(adsl)
    _, found = opened(entry("one", parameters=TWO))
    therapy = adsl.set_index("USUBJID")["NEWTRTDT"]
    later = adtr[(adtr["ABLFL"] != "Y") & adtr["AVAL"].notna()]
    counts = ~(later["ADT"] > later["USUBJID"].map(therapy))
    best = later[counts].groupby("USUBJID")["AVAL"].min() - 100
    expected = adsl["USUBJID"].map(best)[adsl["TRT01P"].isin(TWO.values())]
    np.testing.assert_allclose(found.frame["percent_change"], expected, atol=1e-9)


def test_a_given_best_response_that_differs_fails_the_check(opened: Any) -> None:
    adsl = people()
    adrs, _ = assessments(adsl)
    given = adsl[["USUBJID"]].assign(PARAMCD="CBOR", PARAM="Best", ADT=adsl["RANDDT"], AVALC="CR")
    rep, found = opened(entry("one", parameters=TWO), adrs=pd.concat([adrs, given]))
    gate = rep.check("response_agreement", found.frame)
    assert gate.result == "fail"
    assert gate.measure == (found.frame["best"] != "CR").sum()


def test_a_therapy_of_no_account_lets_later_responses_count(opened: Any, tmp_path: Path) -> None:
    policy = [{"event": "New therapy", "strategy": "treatment policy", "date": "NEWTRTDT"}]
    adsl = people()
    adsl = adsl.assign(NEWTRTDT=adsl["RANDDT"] + pd.Timedelta(20, "D"))
    _, composite = opened(entry("one", parameters=TWO), adsl=adsl)
    assert composite.frame["responder"].sum() == 0
    assert set(composite.frame["best"]) == {"MISSING"}
    other = entry("one", parameters=TWO, estimand={**ESTIMAND, "intercurrent_events": policy})
    ignored = responses(open_report(str(study(tmp_path / "other", [other], adsl=adsl)), "one"))
    never = responses(open_report(str(study(tmp_path / "never", [other], adsl=people().assign(NEWTRTDT=None))), "one"))
    assert ignored.frame["responder"].tolist() == never.frame["responder"].tolist()
    assert ignored.frame["responder"].sum() > 20


def test_a_therapy_decided_only_those_who_would_have_responded_without_it(opened: Any, tmp_path: Path) -> None:
    adsl = people()
    early = adsl.assign(NEWTRTDT=adsl["RANDDT"] + pd.Timedelta(80, "D"))
    rep, composite = opened(entry("one", parameters=TWO), adsl=early)
    never = study(tmp_path / "never", [entry("one", parameters=TWO)], adsl=adsl.assign(NEWTRTDT=None))
    free = responses(open_report(str(never), "one"))
    changed = int((free.frame["responder"] != composite.frame["responder"]).sum())
    therapy = rep.table("estimand.events").set_index("number").loc[1]
    assert 0 < changed < therapy["occurred"] == len(composite.frame)
    assert therapy["decided"] == changed


def test_only_responses_on_treatment_count_where_the_estimand_says_so(opened: Any) -> None:
    stop = [{"event": "Treatment stopped", "strategy": "while on treatment", "date": "TRTEDT"}]
    report = entry("one", parameters=TWO, estimand={**ESTIMAND, "intercurrent_events": stop})
    _, found = opened(report)
    frame = found.frame
    stopped = (frame["TRTEDT"] - frame["RANDDT"]).dt.days + 1
    assert ((frame["responder"] == 1) == (frame["responded_day"] <= stopped)).all()
    assert (frame["responded_day"] > stopped).any()


def test_a_hypothetical_strategy_is_refused(opened: Any) -> None:
    events = [
        {
            "event": "New therapy",
            "strategy": "hypothetical",
            "date": "NEWTRTDT",
            "handling": "impute",
            "assumption": "none",
        }
    ]
    with pytest.raises(StudyError, match="asks for responses that nobody saw"):
        opened(entry("one", parameters=TWO, estimand={**ESTIMAND, "intercurrent_events": events}))


def test_without_responses_they_are_made_of_the_sums(opened: Any) -> None:
    adsl = people(6)
    start = adsl["RANDDT"]
    sizes = [(10, 12.5), (10, 12.5), (100, 121), (100, 69), (100, 71), (100, 0)]
    rows = [
        [who, day + pd.Timedelta(at, "D"), size, flag]
        for who, day, (first, later) in zip(adsl["USUBJID"], start, sizes, strict=True)
        for at, size, flag in ((-3, first, "Y"), (43, later, ""))
    ]
    adtr = pd.DataFrame(rows, columns=["USUBJID", "ADT", "AVAL", "ABLFL"]).assign(PARAMCD="SUMDIAM", PARAM="Sum")
    adsl = adsl.assign(TRT01P=["High", "Control"] * 3, NEWTRTDT=None, DTHDT=None)
    none = {**ESTIMAND, "intercurrent_events": ["None"]}
    parameters = {**TWO, "confirmed": False}
    rep, found = opened(entry("one", parameters=parameters, estimand=none), adsl=adsl, adrs=None, adtr=adtr)
    # 2.5 mm more is 25 %, and under RECIST 1.1 no progression, because it is less than 5 mm.
    assert found.frame["best"].tolist() == ["SD", "SD", "PD", "PR", "SD", "CR"]
    assert any(note.key == "response.note.target_only" for note in rep._told)


def test_viable_tumour_needs_no_five_millimetres(opened: Any) -> None:
    adsl = people(6).assign(TRT01P=["High", "Control"] * 3, NEWTRTDT=None, DTHDT=None)
    rows = [
        [who, day + pd.Timedelta(at, "D"), size, flag]
        for who, day in zip(adsl["USUBJID"], adsl["RANDDT"], strict=True)
        for at, size, flag in ((-3, 10, "Y"), (43, 12.5, ""))
    ]
    adtr = pd.DataFrame(rows, columns=["USUBJID", "ADT", "AVAL", "ABLFL"]).assign(PARAMCD="SUMDIAM", PARAM="Sum")
    report = entry("one", parameters={**TWO, "criteria": "mrecist"})
    _, found = opened(report, adsl=adsl, adtr=adtr)
    assert found.frame["best"].tolist() == ["PD"] * 6


def test_assessments_before_the_start_are_left_out_and_said_so(opened: Any, tmp_path: Path) -> None:
    adsl = people()
    adrs, _ = assessments(adsl)
    early = adsl[["USUBJID"]].assign(
        PARAMCD="OVRLRESP", PARAM="", ADT=adsl["RANDDT"] - pd.Timedelta(5, "D"), AVALC="CR"
    )
    _, plain = opened(entry("one", parameters=TWO))
    other = study(tmp_path / "other", [entry("one", parameters=TWO)], adrs=pd.concat([adrs, early]))
    rep = open_report(str(other), "one")
    found = responses(rep)
    assert found.frame["best"].tolist() == plain.frame["best"].tolist()
    (note,) = (note for note in rep._told if note.key == "response.note.before_start")
    assert dict(note.values)["n"] == 100


def test_neither_responses_nor_sums_is_refused(opened: Any) -> None:
    with pytest.raises(DataError, match="nothing tells how the tumours responded"):
        opened(entry("one", parameters=TWO), adrs=None, adtr=None)


def test_an_unknown_word_is_refused(opened: Any) -> None:
    adsl = people()
    adrs, _ = assessments(adsl)
    with pytest.raises(DataError, match="CMR"):
        opened(entry("one", parameters=TWO), adrs=adrs.assign(AVALC="CMR"))


# --- the lung demo --------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def lung() -> tuple[Report, Responses]:
    rep = open_report(str(ROOT / "data" / "lung-demo" / "study.yml"), "response")
    return rep, responses(rep)


def test_the_lung_demo_agrees_with_its_own_best_responses(lung: tuple[Report, Responses]) -> None:
    rep, found = lung
    given = rep.records("ADRS", parameter="CBOR").set_index("subject")["AVALC"]
    ours = found.frame.set_index("subject")["best"].replace("MISSING", "NE")
    assert (given.reindex(ours.index) == ours).all()
    unconfirmed = rep.records("ADRS", parameter="BOR").set_index("subject")["AVALC"]
    other = found.other_response.set_index("subject")["best"].replace("MISSING", "NE")
    assert (unconfirmed.reindex(other.index) == other).all()


def test_the_lung_demo_agrees_with_its_own_durations(lung: tuple[Report, Responses]) -> None:
    rep, found = lung
    given = rep.records("ADTTE", parameter="DOR")
    both = found.durations[["subject", "time", "event"]].merge(given, on="subject", how="outer", indicator=True)
    assert (both["_merge"] == "both").all()
    assert (both["time"] == both["AVAL"]).all()
    assert ((both["event"] == 1) == (both["CNSR"] == 0)).all()
    gate = rep.check("duration_agreement", found.durations)
    assert (gate.result, gate.measure) == ("pass", 0)


def test_durations_that_differ_from_those_in_the_data_are_counted(lung: tuple[Report, Responses]) -> None:
    rep, found = lung
    other = found.durations.copy()
    other.loc[0, "time"] += 1
    other.loc[1, "event"] = 1 - other.loc[1, "event"]
    assert durations_differ(rep, other)[0] == 2
    assert durations_differ(rep, other.iloc[1:])[0] == 2
    assert durations_differ(rep, other.iloc[:0])[0] == len(other)


def test_without_durations_in_the_data_there_is_nothing_to_compare(opened: Any) -> None:
    rep, found = opened(entry("one", parameters=TWO))
    assert rep.check("duration_agreement", found.durations).result == "not_evaluable"


def test_half_a_change_of_the_interval_is_refused(opened: Any) -> None:
    parameters = {**TWO, "assessment_interval": 42, "assessment_changes": [336]}
    with pytest.raises(ParameterError, match="when assessments were due"):
        opened(entry("one", parameters=parameters))


def test_the_primary_test_of_the_lung_demo_is_the_stratified_one() -> None:
    from evidence_lib.session.primary_tests import TESTS

    rep = open_report(str(ROOT / "data" / "lung-demo" / "study.yml"), "response")
    test = TESTS["trial/response"](rep)
    assert test.analysis == "cmh.general_association"
    assert 0 < float(test.p_value or 0) < 1
