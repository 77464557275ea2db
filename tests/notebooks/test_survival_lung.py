"""Reports of the generated trial: progression by its own times and by source dates, and who stopped treatment."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.published import ROOT, published, results_of
from tests.schema import assert_valid_results

STUDY = ROOT / "data" / "lung-demo" / "study.yml"
PFS, STOPPING = "progression-free-survival", "treatment-discontinuation"
HAZARD_RATIO = "cox.hazard_ratio.stratified"


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    if not (STUDY.parent / "adam" / "adtte.csv").is_file():
        pytest.skip("the generated data are not there: make data")
    return published(STUDY, tmp_path_factory.mktemp("lung") / "out", "--only", PFS, "--only", STOPPING)


@pytest.fixture(scope="module")
def results(run: Path) -> dict[str, Any]:
    assert_valid_results(run / f"{PFS}.results.json")
    return results_of(run / f"{PFS}.results.json")


@pytest.fixture(scope="module")
def stopping(run: Path) -> dict[str, Any]:
    assert_valid_results(run / f"{STOPPING}.results.json")
    return results_of(run / f"{STOPPING}.results.json")


def ratio(results: dict[str, Any], rule: str | None) -> float:
    (found,) = (
        row["value"]
        for row in results["results"]
        if (row["analysis"], row["statistic"]) == (HAZARD_RATIO, "estimate") and row["groups"].get("rule") == rule
    )
    return float(found)


def counts(results: dict[str, Any], rule: str) -> dict[Any, int]:
    table = results["tables"]["survival.rules"]
    frame = pd.DataFrame(table["rows"], columns=table["columns"])
    of = frame[frame["rule"] == rule]
    return dict(of.groupby(["arm", "kind"])["n"].sum())


@pytest.mark.parametrize(("derived", "given", "name"), [("FDA", None, "PFS"), ("EMA", "PFSEMA", "PFSEMA")])
def test_rules_applied_to_dates_give_what_the_generator_wrote(
    results: dict[str, Any], derived: str, given: str | None, name: str
) -> None:
    """The generator does not use the endpoints of the project: it writes PFS by the FDA's rule, PFSEMA by the EMA's."""
    assert counts(results, derived) == counts(results, name)
    assert ratio(results, derived) == pytest.approx(ratio(results, given), rel=1e-12)


def test_the_rules_differ_where_they_should(results: dict[str, Any]) -> None:
    events = {
        rule: sum(n for (_, kind), n in counts(results, rule).items() if kind == "event")
        for rule in ("FDA", "EMA", "therapy_event", "scheduled")
    }
    assert events["FDA"] < events["EMA"] == events["scheduled"] <= events["therapy_event"]
    assert ratio(results, "scheduled") != ratio(results, "EMA")


def test_the_primary_family_is_tested_in_its_order(results: dict[str, Any]) -> None:
    table = results["tables"]["families.tested"]
    frame = pd.DataFrame(table["rows"], columns=table["columns"])
    assert frame["hypothesis"].tolist()[:2] == ["PFS", "OS"]
    assert frame["adjusted"].tolist() == frame["p_value"].cummax().tolist()  # fixed sequence: the largest so far


def test_stopping_a_treatment_is_asked_of_those_who_began_it(run: Path, stopping: dict[str, Any]) -> None:
    """The subjects are those of the safety flag, and every one of them has a record; who completed is censored."""
    subjects = pd.read_csv(STUDY.parent / "adam" / "adsl.csv")
    treated = subjects[subjects["SAFFL"] == "Y"]
    assert {row["population"] for row in stopping["results"]} == {"safety population"}
    steps = pd.DataFrame(stopping["tables"]["attrition"]["rows"], columns=stopping["tables"]["attrition"]["columns"])
    assert len(treated) < (subjects["ITTFL"] == "Y").sum()
    remain = dict(zip(steps["step"], steps["n"], strict=True))
    assert remain["data.attrition.population"] == remain["data.attrition.record"] == len(treated)
    ended = pd.DataFrame(
        stopping["tables"]["survival.outcomes"]["rows"], columns=stopping["tables"]["survival.outcomes"]["columns"]
    )
    assert ended["n"].sum() == len(treated)
    done = ended[(ended["kind"] == "censored") & ended["reason"].str.startswith("Completed", na=False)]
    assert "Analysed: safety population." in (run / f"{STOPPING}.html").read_text(encoding="utf-8")
    assert done["n"].sum() == (treated["EOTSTT"] == "COMPLETED").sum()
