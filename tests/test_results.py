"""The results dataset: its schema file, its JSON and frame forms, what it refuses, and how a number is printed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import numpy as np
import pandas as pd
import pytest

from evidence_lib import results as module
from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import (
    GROUP_KEYS,
    STATISTICS,
    Estimate,
    Estimates,
    Gate,
    ResultSet,
    Row,
    Status,
    analyses,
    format_statistic,
    rows_of,
)
from tests.schema import assert_valid_results, mistakes, validator

PAIR: dict[str, str | float] = {"treatment": "A", "reference": "B"}


def ratio(**changes: Any) -> Estimate:
    facts: dict[str, Any] = {
        "analysis": "cox.hazard_ratio.stratified",
        "unit": "ratio",
        "method": "Cox model, Efron ties",
        "groups": PAIR,
        "n": 686,
        "events": 299,
        "estimate": 0.743,
        "std_error": 0.1,
        "conf_low": 0.61,
        "conf_high": 0.9,
        "conf_level": 0.95,
        "p_value": 0.003,
        "scale": "log",
    }
    return Estimate(**{**facts, **changes})


def log_rank(**changes: Any) -> Estimate:
    facts: dict[str, Any] = {
        "analysis": "logrank.unstratified",
        "unit": "chi-square",
        "method": "Log-rank test",
        "groups": PAIR,
        "test_statistic": 8.5648,
        "df": 1.0,
        "p_value": 0.0034,
        "is_test": True,
    }
    return Estimate(**{**facts, **changes})


def rows(estimate: Estimate, **more: Any) -> list[Row]:
    return rows_of(estimate, endpoint="OS", population="ITT", **more)


def twice(estimate: Estimate, **more: Any) -> list[Row]:
    names = [name for name in ("estimate", "conf_low", "conf_high", "test_statistic") if name in estimate.stated()]
    agrees = dict.fromkeys(names, True)
    return rows(estimate, second=estimate, second_source="another library 1.0", agrees=agrees, **more)


def made() -> ResultSet:
    """A result set with every kind of row, table cell and check that a report can hold."""
    found = ResultSet("demo", "survival")
    found.add(twice(ratio(p_kind="confirmatory")))
    found.add(twice(log_rank()))
    open_ended = {"analysis": "km.median", "unit": "days", "groups": {"arm": "A"}, "scale": "identity", "p_value": None}
    found.add(
        twice(ratio(**open_ended, estimate=2018.0, conf_low=1918.0, conf_high=None, reason="band stays above 0.5"))
    )
    nothing = {"estimate": None, "std_error": None, "conf_low": None, "conf_high": None, "p_value": None}
    subgroup = {"analysis": "cox.hazard_ratio.subgroup", "groups": {**PAIR, "subgroup": "GRADE", "level": "III"}}
    found.add(rows(ratio(**{**subgroup, **nothing}, status="not_estimable", reason="no events in one arm")))
    withheld = message("session.withheld", check=message("check.balance.name"))
    found.add(rows(ratio(**nothing, analysis="cox.hazard_ratio.adjusted", status="withheld", reason=withheld)))
    found.add(rows(Estimate(analysis="count.subjects", unit="subjects", method="counted", estimate=np.int64(686))))
    found.add(rows(ratio(analysis="rmst.difference", unit="days", groups={**PAIR, "time": 1826}, estimate=0.1 + 0.2)))
    frame = pd.DataFrame(
        {"arm": ["A", "乙"], "time": np.array([0, 15]), "survival": [1.0, np.nan], "shown": [True, False]}
    )
    found.add_table("km.curve", frame)
    for gate in (
        Gate(id="balance", result="fail", measure=0.41, limit=0.1, governs="cox.*", reason=message("check.data.name")),
        Gate(id="follow_up", result="pass", measure=0.2, limit=0.1, governs=None),
        Gate(id="data", result="informational", measure=1.0, limit=0.0, governs=None, reason="two rows"),
        Gate(id="proportional_hazards", result="not_evaluable", measure=None, limit=0.05, governs=None),
    ):
        found.gates[gate.id] = gate
    return found


def document() -> dict[str, Any]:
    return json.loads(made().to_json())


# --- the schema file -------------------------------------------------------------------------------------------------


def test_a_full_result_set_keeps_the_contract(tmp_path: Path) -> None:
    path = tmp_path / "survival.results.json"
    path.write_text(made().to_json(), encoding="utf-8")
    assert assert_valid_results(path) is not None
    statuses = {row["status"] for row in document()["results"]}
    assert statuses == set(get_args(Status))


def test_an_empty_result_set_keeps_the_contract() -> None:
    assert mistakes(ResultSet("demo", "survival").to_json()) == []


def test_the_schema_and_the_library_name_the_same_things() -> None:
    defined = validator().schema["$defs"]
    row = defined["row"]["properties"]
    assert tuple(row["statistic"]["enum"]) == STATISTICS
    assert tuple(defined["groups"]["properties"]) == GROUP_KEYS
    assert tuple(row["status"]["enum"]) == get_args(Status)
    assert list(row) == list(defined["row"]["required"]) == list(Row.__dataclass_fields__)
    gate = defined["gate"]
    assert list(gate["properties"]) == gate["required"] == list(Gate.__dataclass_fields__)
    assert gate["properties"]["result"]["enum"] == ["pass", "fail", "not_evaluable", "informational"]
    assert validator().schema["properties"]["schema"]["const"] == module.SCHEMA


DIRECTIONS = {
    "",
    "treated minus reference",
    "treated over reference",
    "above 0 where the treated have more",
    "above 0 where small studies have larger effects",
    "per unit of the covariate",
    "per unit of the moderator",
    "region over whole trial",
    "as the estimates given",
}


def test_every_listed_analysis_has_a_name_the_schema_allows_and_a_meaning() -> None:
    pattern = {"$ref": "#/$defs/row/properties/analysis", "$defs": validator().schema["$defs"]}
    for name, analysis in analyses().items():
        assert validator().evolve(schema=pattern).is_valid(name), name
        assert analysis.meaning
        assert analysis.direction in DIRECTIONS, name


def row_of(found: dict[str, Any], analysis: str, statistic: str) -> dict[str, Any]:
    return next(r for r in found["results"] if (r["analysis"], r["statistic"]) == (analysis, statistic))


STRATIFIED, ADJUSTED = "cox.hazard_ratio.stratified", "cox.hazard_ratio.adjusted"
BROKEN: dict[str, tuple[Callable[[dict[str, Any]], Any], str]] = {
    "another schema": (lambda d: d.update(schema="evidence-results/2"), r"\$.schema"),
    "a further key": (lambda d: d.update(run_id="20260101"), "run_id"),
    "a missing part": (lambda d: d.pop("gates"), "gates"),
    "a further key in a row": (lambda d: d["results"][0].update(note="x"), "note"),
    "a missing key in a row": (lambda d: d["results"][0].pop("reason"), "reason"),
    "an unknown statistic": (lambda d: d["results"][0].update(statistic="median"), "median"),
    "an unknown status": (lambda d: d["results"][0].update(status="fine"), "fine"),
    "an unknown scale": (lambda d: d["results"][0].update(scale="logit"), "logit"),
    "an unknown alternative": (lambda d: d["results"][0].update(alternative="one-sided"), "one-sided"),
    "an unknown group": (lambda d: d["results"][0]["groups"].update(colour="red"), "colour"),
    "a time in words": (lambda d: d["results"][0]["groups"].update(time="5 years"), "5 years"),
    "an unlisted analysis": (lambda d: d["results"][0].update(analysis="cox.unheard_of"), "list of analyses"),
    "an analysis that is no name": (lambda d: d["results"][0].update(analysis="Cox HR"), "Cox HR"),
    "no value though ok": (lambda d: row_of(d, STRATIFIED, "estimate").update(value=None), "None is not of type"),
    "a reason though ok": (lambda d: row_of(d, STRATIFIED, "estimate").update(reason="x"), "reason"),
    "withheld with a value": (lambda d: row_of(d, ADJUSTED, "estimate").update(value=0.7), "value"),
    "withheld with a second value": (
        lambda d: row_of(d, ADJUSTED, "estimate").update(second_value=0.7, second_source="x", agrees=True),
        "second_value",
    ),
    "withheld with a printed form": (lambda d: row_of(d, ADJUSTED, "estimate").update(formatted="0.70"), "formatted"),
    "withheld without a reason": (lambda d: row_of(d, ADJUSTED, "estimate").update(reason=None), "reason"),
    "an empty reason": (lambda d: row_of(d, ADJUSTED, "estimate").update(reason=""), "reason"),
    "a second value without source": (
        lambda d: row_of(d, STRATIFIED, "estimate").update(second_source=None),
        "second_source",
    ),
    "a second value without verdict": (lambda d: row_of(d, STRATIFIED, "estimate").update(agrees=None), "agrees"),
    "a source without verdict": (lambda d: row_of(d, STRATIFIED, "n").update(second_source="x"), "second_source"),
    "a p-value over 1": (lambda d: row_of(d, STRATIFIED, "p_value").update(value=1.2), "1.2"),
    "a p-value of no kind": (lambda d: row_of(d, STRATIFIED, "p_value").update(p_kind=None), "p_kind"),
    "an estimate with a p kind": (lambda d: row_of(d, STRATIFIED, "estimate").update(p_kind="nominal"), "p_kind"),
    "half a patient": (lambda d: row_of(d, STRATIFIED, "n").update(value=686.5), "686.5"),
    "a negative standard error": (lambda d: row_of(d, STRATIFIED, "std_error").update(value=-0.1), "-0.1"),
    "a limit of no level": (lambda d: row_of(d, STRATIFIED, "conf_low").update(conf_level=None), "conf_level"),
    "a level in percent": (lambda d: row_of(d, STRATIFIED, "conf_low").update(conf_level=95), "95"),
    "a word for a limit": (lambda d: row_of(d, STRATIFIED, "conf_low").update(value="low"), "low"),
    "the same row twice": (lambda d: d["results"].append(d["results"][0]), "twice"),
    "a short table row": (lambda d: d["tables"]["km.curve"]["rows"][1].pop(), "3"),
    "two columns of one name": (lambda d: d["tables"]["km.curve"].update(columns=["a", "a", "b", "c"]), "unique"),
    "a nested cell": (lambda d: d["tables"]["km.curve"]["rows"][0].__setitem__(0, ["A"]), "not of type"),
    "a verdict without measure": (lambda d: d["gates"][0].update(measure=None), "measure"),
    "a measure of what has none": (lambda d: d["gates"][3].update(measure=0.2), "measure"),
    "an unknown verdict": (lambda d: d["gates"][0].update(result="ok"), "ok"),
    "the same check twice": (lambda d: d["gates"].append(d["gates"][0]), "twice"),
}


@pytest.mark.parametrize("case", list(BROKEN))
def test_a_broken_file_is_found_out(case: str) -> None:
    breaks, named = BROKEN[case]
    found = document()
    assert mistakes(json.dumps(found)) == []
    breaks(found)
    wrong = mistakes(json.dumps(found))
    assert wrong
    assert any(re.search(named, line) for line in wrong), wrong


@pytest.mark.parametrize("constant", ["NaN", "Infinity", "-Infinity"])
def test_a_number_that_is_not_json_is_found_out(constant: str) -> None:
    text = made().to_json().replace("0.743", constant, 1)
    with pytest.raises(AssertionError, match=f"{constant} is not JSON"):
        mistakes(text)


# --- JSON and frame forms --------------------------------------------------------------------------------------------


def test_reading_and_writing_again_gives_the_same_bytes() -> None:
    text = made().to_json()
    back = ResultSet.from_json(text)
    assert back.to_json() == text
    assert list(back.rows) == list(made().rows)
    assert back.gates["follow_up"] == made().gates["follow_up"]
    pd.testing.assert_frame_equal(back.table("km.curve"), made().table("km.curve"))


def test_the_same_results_give_the_same_bytes() -> None:
    assert made().to_json() == made().to_json()


def test_values_keep_full_precision_and_texts_their_script() -> None:
    found = document()
    assert row_of(found, "rmst.difference", "estimate")["value"] == 0.1 + 0.2
    assert found["tables"]["km.curve"]["rows"] == [["A", 0, 1.0, True], ["乙", 15, None, False]]
    assert "乙" in made().to_json()


def test_messages_are_written_as_english_text() -> None:
    found = document()
    assert row_of(found, ADJUSTED, "estimate")["reason"] == str(
        message("session.withheld", check=message("check.balance.name"))
    )
    assert found["gates"][0]["reason"] == str(message("check.data.name"))


def test_another_schema_is_refused() -> None:
    text = made().to_json().replace("evidence-results/1", "evidence-results/2")
    with pytest.raises(InvalidInput, match="not a results file; expected evidence-results/1"):
        ResultSet.from_json(text)


def test_the_frame_has_one_row_per_number_and_groups_as_columns() -> None:
    found = made()
    frame = found.to_frame()
    assert len(frame) == len(found.rows)
    level = frame[(frame["analysis"] == "cox.hazard_ratio.subgroup") & (frame["statistic"] == "n")].iloc[0]
    assert (level["subgroup"], level["level"], level["value"]) == ("GRADE", "III", 686)
    assert "visit" not in frame.columns


# --- rows ------------------------------------------------------------------------------------------------------------


def test_an_analysis_that_is_not_listed_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"an analysis that is not on the list; found cox\.unheard_of"):
        made().add(rows(ratio(analysis="cox.unheard_of")))


def test_a_group_outside_the_list_is_refused() -> None:
    with pytest.raises(InvalidInput, match="group keys outside the closed list; found colour"):
        made().add(rows(ratio(groups={**PAIR, "colour": "red"})))


@pytest.mark.parametrize("name", STATISTICS)
@pytest.mark.parametrize("value", [float("nan"), float("inf"), float("-inf")])
def test_a_number_that_is_none_is_refused(name: str, value: float) -> None:
    with pytest.raises(InvalidInput, match=r"cox\.hazard_ratio\.stratified: a statistic is NaN or infinite"):
        ratio(**{name: value})


@pytest.mark.parametrize("status", ["not_estimable", "withheld"])
def test_an_estimate_that_is_not_ok_needs_a_reason(status: str) -> None:
    with pytest.raises(InvalidInput, match="needs a reason"):
        ratio(status=status)


def test_recording_the_same_key_again_replaces_the_row_in_its_place() -> None:
    found = made()
    before = list(found.rows)
    found.add(rows(ratio(estimate=0.5, groups=dict(reversed(PAIR.items())))))
    assert list(found.rows) == before
    row = found.find(STRATIFIED)
    assert row is not None
    assert (row.value, row.second_value) == (0.5, None)


@pytest.mark.parametrize(
    "changes",
    [
        {"analysis": "cox.hazard_ratio.unstratified"},
        {"groups": {**PAIR, "subgroup": "GRADE"}},
        {"groups": {**PAIR, "treatment": "C"}},
    ],
)
def test_another_analysis_or_group_is_another_row(changes: dict[str, Any]) -> None:
    found = made()
    before = len(found.rows)
    found.add(rows(ratio(**changes)))
    assert len(found.rows) == before + len(ratio().stated())


def test_another_endpoint_or_population_is_another_row() -> None:
    found = made()
    before = len(found.rows)
    found.add(rows_of(ratio(), endpoint="PFS", population="ITT"))
    found.add(rows_of(ratio(), endpoint="OS", population="PP"))
    assert len(found.rows) == before + 2 * len(ratio().stated())


def test_rows_are_found_by_analysis_statistic_and_groups() -> None:
    found = made()
    limit = found.find(STRATIFIED, "conf_low", **PAIR)
    assert limit is not None
    assert limit.value == 0.61
    assert found.find(STRATIFIED, treatment="C") is None
    assert found.find("km.survival") is None
    found.add(rows(ratio(groups={**PAIR, "treatment": "C"}, estimate=0.9)))
    assert [row.value for row in found.select(STRATIFIED)] == [0.743, 0.9]
    assert [row.value for row in found.select(STRATIFIED, treatment="C")] == [0.9]


def test_find_prefers_the_main_analysis() -> None:
    found = ResultSet("study", "report")
    for value, groups in ((0.5, {"role": "sensitivity"}), (0.7, {})):
        estimate = Estimate(analysis=STRATIFIED, unit="ratio", method="m", estimate=value, groups={**PAIR, **groups})
        found.add(rows_of(estimate, endpoint="OS", population="ITT"))
    assert found.find(STRATIFIED, **PAIR).value == 0.7
    assert found.find(STRATIFIED, role="sensitivity").value == 0.5


def test_an_estimate_answers_for_its_limits_and_a_test_for_its_p_value() -> None:
    bare = Estimate(analysis="rmst", unit="days", method="area", reason="no patients", status="not_estimable")
    assert bare.stated() == ("estimate",)
    assert replace(bare, conf_level=0.95).stated() == ("estimate", "conf_low", "conf_high")
    chi_square, exact = (replace(bare, is_test=True, unit=unit) for unit in ("chi-square", "probability"))
    assert chi_square.stated() == ("test_statistic", "df", "p_value")
    assert exact.stated() == ("p_value",)
    with pytest.raises(InvalidInput, match="no such kind of test; expected chi-square or F or t or z or probability"):
        replace(bare, is_test=True)


def test_a_missing_limit_is_not_estimable_beside_an_estimate_that_is() -> None:
    found = {row.statistic: row for row in rows(ratio(conf_high=None, reason="the band stays above"))}
    assert (found["estimate"].status, found["estimate"].reason) == ("ok", None)
    high = found["conf_high"]
    assert (high.value, high.formatted) == (None, "NE")
    assert (high.status, high.reason) == ("not_estimable", "the band stays above")


def test_only_what_was_compared_has_a_second_value() -> None:
    second = ratio(estimate=0.7430000001, conf_low=0.6100000001)
    agrees = {"estimate": True, "conf_low": False}
    found = {row.statistic: row for row in rows(ratio(), second=second, second_source="library 2", agrees=agrees)}
    compared = [(found[name].second_value, found[name].second_source, found[name].agrees) for name in agrees]
    assert compared == [(0.7430000001, "library 2", True), (0.6100000001, "library 2", False)]
    others = set(found) - set(agrees)
    assert {(found[name].second_value, found[name].second_source, found[name].agrees) for name in others} == {
        (None, None, None)
    }


def test_only_a_p_value_is_confirmatory_or_nominal() -> None:
    kinds = {row.statistic: row.p_kind for row in rows(ratio(p_kind="confirmatory"))}
    assert kinds.pop("p_value") == "confirmatory"
    assert set(kinds.values()) == {None}
    assert {row.p_kind for row in rows(log_rank()) if row.statistic == "p_value"} == {"nominal"}


def test_counts_and_tests_have_units_of_their_own() -> None:
    units = {row.statistic: row.unit for row in [*rows(ratio()), *rows(log_rank())]}
    assert units == {
        "n": "subjects",
        "events": "events",
        "estimate": "ratio",
        "std_error": "ratio",
        "conf_low": "ratio",
        "conf_high": "ratio",
        "test_statistic": "chi-square",
        "df": "degrees of freedom",
        "p_value": "probability",
    }


@pytest.mark.parametrize(
    ("name", "value", "unit", "days_per_unit", "text"),
    [
        ("estimate", 0.694884327, "ratio", 1.0, "0.69"),
        ("estimate", 0.694884327, "ratio", 30.4375, "0.69"),
        ("std_error", 0.1250765, "ratio", 1.0, "0.1251"),
        ("estimate", 0.5810, "probability", 1.0, "58.1%"),
        ("estimate", 1528.0, "days", 1.0, "1528"),
        ("estimate", 149.448, "days", 1.0, "149.4"),
        ("estimate", 1528.0, "days", 30.4375, "50.2"),
        ("std_error", 27.4, "days", 30.4375, "0.9"),
        ("estimate", 686, "subjects", 1.0, "686"),
        ("n", 1234, "ratio", 1.0, "1234"),
        ("events", 299, "days", 30.4375, "299"),
        ("df", 1.0, "chi-square", 1.0, "1"),
        ("df", 41.27, "chi-square", 1.0, "41.3"),
        ("test_statistic", 8.564780854, "chi-square", 1.0, "8.56"),
        ("p_value", 0.003426, "ratio", 1.0, "0.0034"),
        ("p_value", 0.00001, "days", 30.4375, "<0.0001"),
        ("conf_high", None, "days", 30.4375, "NE"),
    ],
)
def test_printed_forms(name: str, value: float | None, unit: str, days_per_unit: float, text: str) -> None:
    assert format_statistic(name, value, unit, days_per_unit=days_per_unit) == text


def test_the_display_unit_changes_the_printed_form_only() -> None:
    days, months = (
        rows(ratio(analysis="km.median", unit="days", estimate=1528.0), days_per_unit=per)[2] for per in (1.0, 30.4375)
    )
    assert (days.formatted, months.formatted) == ("1528", "50.2")
    assert replace(months, formatted="1528") == days


# --- tables and small things ---------------------------------------------------------------------------------------


def test_a_table_holds_plain_numbers_only() -> None:
    found = made()
    frame = pd.DataFrame({"a": np.array([1.5, np.inf]), "b": pd.array([1, None], dtype="Int64")})
    found.add_table("made", frame.astype(object).where(frame.notna(), None))
    assert found.tables["made"] == {"columns": ["a", "b"], "rows": [[1.5, 1], [None, None]]}


def test_an_unknown_table_is_refused() -> None:
    with pytest.raises(InvalidInput, match=r"no such table in the results; expected km\.curve; found km\.curves"):
        made().table("km.curves")


def test_estimates_are_told_apart_by_their_groups() -> None:
    both = Estimates((ratio(), ratio().within(subgroup="GRADE", level="III")))
    assert both.where(level="III").groups == {**PAIR, "subgroup": "GRADE", "level": "III"}
    with pytest.raises(InvalidInput, match="no single estimate has these groups; expected one; found 2"):
        both.where(treatment="A")
    with pytest.raises(InvalidInput, match="found 0"):
        both.where(level="IV")


def test_what_a_notebook_shows_of_an_estimate_is_escaped() -> None:
    shown = ratio(method="<script>alert(1)</script>")._repr_html_()
    assert "<script>" not in shown
    assert "<td>0.74</td>" in shown
