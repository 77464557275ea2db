"""The survival notebook's numbers, read from what a run publishes, against R and published tables.

R 4.2.2 with survival 3.5-3 on GBSG-2 (all 686 patients, hormonal therapy against none, times in days):
``survfit(Surv(time, cens) ~ horTh, conf.type=)``, ``survdiff``, ``coxph(ties=)``, ``cox.zph(transform="km")``,
``anova(coxph)`` for the interaction, and ``survfit`` with ``rmean`` up to 1826 days; its ratio by the delta method.
"""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import pytest

from evidence_lib.results import analyses
from tests.published import DEMO, ROOT, evidence, published, results_of
from tests.schema import assert_valid_results

REFERENCE = ROOT / ".." / "shared" / "reference"
ON, OFF = "Hormonal therapy", "No hormonal therapy"
BOTH = {"treatment": ON, "reference": OFF, "subgroup": "all"}
TAU = {"time": 1826}
COMPARED = ("estimate", "std_error", "conf_low", "conf_high", "test_statistic")
HAZARD_RATIO = "cox.hazard_ratio"

EXACT = [
    ("km.median", {"arm": OFF}, "estimate", 1528),
    ("km.median", {"arm": OFF}, "conf_low", 1296),
    ("km.median", {"arm": OFF}, "conf_high", 1814),
    ("km.median", {"arm": ON}, "estimate", 2018),
    ("km.median", {"arm": ON}, "conf_low", 1918),
    ("follow_up.median", {"arm": OFF}, "estimate", 1582),
    ("follow_up.median", {"arm": ON}, "estimate", 1729),
    ("follow_up.median", {"arm": "all"}, "estimate", 1645),
    ("count.subjects", {"arm": "all"}, "estimate", 686),
    ("count.subjects", {"arm": ON}, "estimate", 246),
    ("count.events", {"arm": "all"}, "estimate", 299),
    ("count.events", {"arm": ON}, "estimate", 94),
]
CLOSE = [
    ("logrank.unstratified", BOTH, "test_statistic", 8.564780854),
    ("logrank.stratified", BOTH, "test_statistic", 8.484608651),
    ("cox.hazard_ratio.unstratified", BOTH, "estimate", 0.694884327),
    ("cox.hazard_ratio.unstratified", BOTH, "conf_low", 0.5438440546),
    ("cox.hazard_ratio.unstratified", BOTH, "conf_high", 0.8878725874),
    ("cox.hazard_ratio.stratified", BOTH, "std_error", 0.1291870045),
    ("cox.hazard_ratio.adjusted", BOTH, "std_error", 0.128961754),
    ("rmst", {"arm": OFF} | TAU, "estimate", 1264.55490557),
    ("rmst", {"arm": OFF} | TAU, "std_error", 30.69585476),
    ("rmst", {"arm": ON} | TAU, "estimate", 1414.00329554),
    ("rmst", {"arm": ON} | TAU, "std_error", 37.93637058),
    ("rmst.difference", BOTH | TAU, "estimate", 149.4483899735),
    ("rmst.difference", BOTH | TAU, "conf_low", 53.8028762),
    ("rmst.difference", BOTH | TAU, "conf_high", 245.0939037),
    ("rmst.ratio", BOTH | TAU, "estimate", 1.1181826027),
    ("rmst.ratio", BOTH | TAU, "conf_low", 1.0416356881),
    ("rmst.ratio", BOTH | TAU, "conf_high", 1.2003547375),
    ("proportional_hazards.test", BOTH, "test_statistic", 0.2274763817),
    ("cox.interaction", {"treatment": ON, "reference": OFF, "subgroup": "MENOSTAT"}, "test_statistic", 0.0187279616),
]
LOG_HAZARD_RATIOS = [("stratified", -0.374533478), ("adjusted", -0.337202910)]


def row_of(results: dict[str, Any], analysis: str, groups: dict[str, Any], statistic: str) -> dict[str, Any]:
    (found,) = (
        row
        for row in results["results"]
        if (row["analysis"], row["groups"], row["statistic"]) == (analysis, groups, statistic)
    )
    return dict(found)


@pytest.fixture(scope="module")
def results(demo: Path) -> dict[str, Any]:
    return results_of(demo / "relapse-free-survival.results.json")


@pytest.mark.parametrize(("analysis", "groups", "statistic", "value"), EXACT)
def test_days_and_counts_are_those_of_r(
    results: dict[str, Any], analysis: str, groups: dict[str, Any], statistic: str, value: int
) -> None:
    assert row_of(results, analysis, groups, statistic)["value"] == value


@pytest.mark.parametrize(("analysis", "groups", "statistic", "value"), CLOSE)
def test_numbers_are_those_of_r(
    results: dict[str, Any], analysis: str, groups: dict[str, Any], statistic: str, value: float
) -> None:
    assert row_of(results, analysis, groups, statistic)["value"] == pytest.approx(value, rel=0, abs=1e-6)


@pytest.mark.parametrize(("variant", "value"), LOG_HAZARD_RATIOS)
def test_log_hazard_ratios_are_those_of_r(results: dict[str, Any], variant: str, value: float) -> None:
    row = row_of(results, f"{HAZARD_RATIO}.{variant}", BOTH, "estimate")
    assert math.log(row["value"]) == pytest.approx(value, rel=0, abs=1e-6)


def test_a_limit_that_is_not_reached_has_no_value_but_a_reason(results: dict[str, Any]) -> None:
    row = row_of(results, "km.median", {"arm": ON}, "conf_high")
    assert (row["value"], row["status"], row["formatted"]) == (None, "not_estimable", "NE")
    assert row["reason"]


def test_every_results_file_keeps_the_contract(demo: Path) -> None:
    files = sorted(demo.glob("*.results.json"))
    assert len(files) == 3
    for path in files:
        assert_valid_results(path)


def test_every_headline_number_was_computed_twice_and_agrees(demo: Path) -> None:
    for path in sorted(demo.glob("*.results.json")):
        headline = [
            row
            for row in results_of(path)["results"]
            if analyses()[row["analysis"]].headline and row["status"] == "ok" and row["statistic"] in COMPARED
        ]
        assert {row["analysis"] for row in headline} >= {name for name, _, _, _ in CLOSE if name != "cox.interaction"}
        for row in headline:
            assert row["agrees"] is True, row
            assert row["second_source"], row
            assert abs(row["value"] - row["second_value"]) <= 1e-6 * max(abs(row["value"]), 1), row


def test_reports_of_parts_add_up_to_the_whole(demo: Path) -> None:
    counts = {
        name: row_of(
            results_of(demo / f"relapse-free-survival{name}.results.json"), "count.subjects", {"arm": "all"}, "estimate"
        )
        for name in ("", "-premenopausal", "-postmenopausal")
    }
    assert [counts[name]["value"] for name in counts] == [686, 290, 396]  # table(GBSG2$menostat)


def test_the_main_result_of_a_part_is_the_subgroup_of_the_whole(demo: Path, results: dict[str, Any]) -> None:
    for level in ("Premenopausal", "Postmenopausal"):
        part = results_of(demo / f"relapse-free-survival-{level.lower()}.results.json")
        alone = row_of(part, f"{HAZARD_RATIO}.unstratified", BOTH, "estimate")["value"]
        groups = BOTH | {"subgroup": "MENOSTAT", "level": level}
        assert row_of(results, f"{HAZARD_RATIO}.subgroup", groups, "estimate")["value"] == pytest.approx(
            alone, rel=1e-9
        )


@pytest.fixture(scope="module")
def as_sas(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The main report with the convention SAS: log-log limits and Breslow ties."""
    folder = tmp_path_factory.mktemp("sas")
    text = DEMO.read_text(encoding="utf-8")
    assert text.count("convention: R") == text.count("  path: adam") == 1
    text = text.replace("convention: R", "convention: SAS")
    study = folder / "study.yml"
    study.write_text(text.replace("  path: adam", f"  path: {json.dumps(str(DEMO.parent / 'adam'))}"), encoding="utf-8")
    run = published(study, folder / "out", "--only", "relapse-free-survival")
    assert_valid_results(run / "relapse-free-survival.results.json")
    return results_of(run / "relapse-free-survival.results.json")


@pytest.mark.parametrize(("statistic", "value"), [("estimate", 1528), ("conf_low", 1280), ("conf_high", 1814)])
def test_the_convention_sas_gives_log_log_limits(as_sas: dict[str, Any], statistic: str, value: int) -> None:
    row = row_of(as_sas, "km.median", {"arm": OFF}, statistic)
    assert row["value"] == value
    assert "log-log" in row["method"]


def test_the_convention_sas_gives_breslow_ties(as_sas: dict[str, Any]) -> None:
    row = row_of(as_sas, f"{HAZARD_RATIO}.unstratified", BOTH, "estimate")
    assert math.log(row["value"]) == pytest.approx(-0.3638987514, rel=0, abs=1e-6)
    assert "Breslow" in row["method"]


LOW, HIGH, PLACEBO = "Xanomeline Low Dose", "Xanomeline High Dose", "Placebo"


@pytest.fixture(scope="module")
def pilot(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The CDISC pilot study: ``evidence new``, the times of its published at-risk row, ``evidence run``."""
    source = REFERENCE / "data" / "cdisc-pilot-xpt"
    if not source.is_dir():
        pytest.skip("the reference data are not beside this checkout")
    folder = tmp_path_factory.mktemp("pilot")
    made = evidence("new", folder / "study", "--from", source)
    assert made.returncode == 0, made.stderr
    assert made.stdout.splitlines()[-1] == f"next: evidence run {folder / 'study' / 'study.yml'}"
    run = published(folder / "study" / "study.yml", folder / "out")
    (path,) = run.glob("*.results.json")
    assert_valid_results(path)
    return results_of(path)


@pytest.fixture(scope="module")
def published_pilot() -> dict[str, Any]:
    """Case A3: the at-risk row of the R Consortium's pilot 1 report, page 4; the rest by R survival."""
    path = REFERENCE / "expected.json"
    if not path.is_file():
        pytest.skip("the reference data are not beside this checkout")
    (case,) = (case for case in json.loads(path.read_text(encoding="utf-8")) if case["id"] == "A3")
    return dict(case["expected"])


def test_the_pilot_study_gives_the_published_numbers_at_risk(
    pilot: dict[str, Any], published_pilot: dict[str, Any]
) -> None:
    table = pilot["tables"]["km.at_risk"]
    position = {name: table["columns"].index(name) for name in ("arm", "time", "n_at_risk")}
    for arm, short in ((PLACEBO, "Placebo"), (LOW, "Low"), (HIGH, "High")):
        rows = [row for row in table["rows"] if row[position["arm"]] == arm]
        assert [row[position["time"]] for row in rows] == list(range(0, 201, 20))
        assert [row[position["n_at_risk"]] for row in rows] == published_pilot["at_risk_0_20_200"][short]


def test_the_pilot_study_gives_the_published_counts_medians_and_hazard_ratios(
    pilot: dict[str, Any], published_pilot: dict[str, Any]
) -> None:
    def over_arms(analysis: str) -> list[Any]:
        return [row_of(pilot, analysis, {"arm": arm}, "estimate")["value"] for arm in (PLACEBO, LOW, HIGH)]

    assert over_arms("count.subjects") == published_pilot["n"]
    assert over_arms("count.events") == published_pilot["events"]
    assert over_arms("km.median") == published_pilot["median"]
    for arm, value in zip((LOW, HIGH), published_pilot["cox_efron_hr"], strict=True):
        groups = {"treatment": arm, "reference": PLACEBO, "subgroup": "all"}
        found = row_of(pilot, f"{HAZARD_RATIO}.unstratified", groups, "estimate")["value"]
        assert found == pytest.approx(value, rel=0, abs=1e-6)
    overall = row_of(pilot, "logrank.unstratified", {"arm": "all"}, "test_statistic")["value"]
    assert overall == pytest.approx(published_pilot["logrank_chisq"], rel=0, abs=0.05)  # given with one decimal
