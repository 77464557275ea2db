"""Every report of the generated lung trial, as one run publishes them."""

from __future__ import annotations

import math
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

from evidence_lib.results import analyses
from tests.published import ROOT, once_for_all_workers, published, results_of
from tests.schema import assert_valid_results

STUDY = ROOT / "data" / "lung-demo" / "study.yml"
REPORTS = {report["id"]: report for report in yaml.safe_load(STUDY.read_text("utf-8"))["reports"]}
NOTEBOOKS = {
    "trial/disposition-and-baseline",
    "trial/response",
    "trial/continuous-endpoints",
    "trial/survival",
    "trial/safety",
    "trial/regional-consistency",
}


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return once_for_all_workers(tmp_path_factory, "lung-run", lambda folder: published(STUDY, folder / "out"))


def results(run: Path, report: str) -> dict[str, Any]:
    return results_of(run / f"{report}.results.json")


def test_the_study_uses_every_notebook_of_a_trial() -> None:
    assert {report["notebook"] for report in REPORTS.values()} == NOTEBOOKS


@pytest.mark.parametrize("report", REPORTS)
def test_every_headline_number_was_computed_twice(run: Path, report: str) -> None:
    assert_valid_results(run / f"{report}.results.json")
    found = results(run, report)
    leading: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in found["results"]:
        if analyses()[row["analysis"]].headline and row["status"] == "ok":
            key = (row["analysis"], row["endpoint"], row["population"], tuple(sorted(row["groups"].items())))
            leading.setdefault(key, {})[row["statistic"]] = row
    assert leading
    for key, rows in leading.items():
        lead = next(rows[name] for name in ("estimate", "test_statistic", "p_value") if name in rows)
        assert lead["agrees"] is True, key
        assert lead["second_source"], key
    assert [gate["id"] for gate in found["gates"] if gate["result"] == "fail"] == []


@pytest.mark.parametrize("report", REPORTS)
def test_a_page_is_small_and_names_no_subject(run: Path, report: str) -> None:
    ids = set(pd.read_csv(ROOT / "data" / "lung-demo" / "adam" / "adsl.csv")["USUBJID"])
    for name in (f"{report}.html", f"{report}.ipynb", f"{report}.results.json"):
        text = (run / name).read_text(encoding="utf-8")
        assert not [subject for subject in ids if subject in text]
    assert (run / f"{report}.html").stat().st_size < 2_000_000


def test_the_reports_of_a_family_agree_on_its_p_values(run: Path) -> None:
    found = []
    for report in ("progression-free-survival", "overall-survival", "response"):
        rows = [row for row in results(run, report)["results"] if row["analysis"] == "multiplicity.fixed_sequence"]
        assert all(row["p_kind"] == "confirmatory" and row["agrees"] for row in rows)
        found.append([(row["groups"]["hypothesis"], row["value"]) for row in rows])
    assert found[0]
    assert found[0] == found[1] == found[2]
    values = [value for _, value in found[0]]
    assert values == sorted(values)  # in a fixed sequence no later hypothesis has a smaller adjusted p-value


def test_estimates_lie_near_the_true_effects(run: Path) -> None:
    """Within four standard errors: the truth is the estimand of a million generated patients per arm."""
    truth = {effect["name"]: effect for effect in results_of(STUDY.parent / "truth.json")["effects"]}
    for report, name in (("overall-survival", "OS"), ("progression-free-survival", "PFS")):
        rows = {
            row["statistic"]: row["value"]
            for row in results(run, report)["results"]
            if row["analysis"] == "cox.hazard_ratio.stratified" and "role" not in row["groups"]
        }
        true = truth[f"{name}.hazard_ratio"]["value"]
        assert abs(math.log(rows["estimate"]) - math.log(true)) < 4 * rows["std_error"]
