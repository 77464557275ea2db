"""Progression-free survival of the generated trial: its own times against those made of the source dates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from tests.published import ROOT, published, results_of
from tests.schema import assert_valid_results

STUDY = ROOT / "data" / "lung-demo" / "study.yml"
HAZARD_RATIO = "cox.hazard_ratio.stratified"


@pytest.fixture(scope="module")
def results(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    if not (STUDY.parent / "adam" / "adtte.csv").is_file():
        pytest.skip("the generated data are not there: make data")
    run: Path = published(STUDY, tmp_path_factory.mktemp("lung") / "out", "--only", "progression-free-survival")
    path = run / "progression-free-survival.results.json"
    assert_valid_results(path)
    return results_of(path)


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
