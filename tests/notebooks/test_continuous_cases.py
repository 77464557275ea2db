"""Outcomes at visits in made-up studies: one pooled arm, three arms, one visit, nothing missing, every strategy."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from tests.published import evidence, outcome, published, results_of

NOTEBOOK = "trial/continuous-endpoints"
VISITS = ("Month 1", "Month 2", "Month 3")
STOPPED = {"event": "Stopped", "date": "STOPDT"}


def people(n: int, arms: Sequence[str]) -> pd.DataFrame:
    rng = np.random.default_rng(3)
    stop = pd.Timestamp("2024-01-01") + pd.to_timedelta(rng.integers(20, 80, n), unit="D")
    return pd.DataFrame(
        {
            "STUDYID": "M",
            "USUBJID": [f"M-{one:03d}" for one in range(1, n + 1)],
            "TRT01P": [arms[one % len(arms)] for one in range(n)],
            "ITTFL": "Y",
            "RANDDT": "2024-01-01",
            "REGION": ["east" if one % 4 < 2 else "west" for one in range(n)],
            "STOPDT": np.where(rng.random(n) < 0.45, stop.strftime("%Y-%m-%d"), None),
            "DCSREAS": ["ADVERSE EVENT" if one % 3 else None for one in range(n)],
        }
    )


def scores(adsl: pd.DataFrame, visits: Sequence[str] = VISITS, *, missing: float = 0.2) -> pd.DataFrame:
    rng = np.random.default_rng(5)
    rows = []
    for number, (subject, arm) in enumerate(zip(adsl["USUBJID"], adsl["TRT01P"], strict=True)):
        base, gone = 50 + 10 * rng.standard_normal(), False
        rows.append((subject, arm, "Baseline", 0, "2024-01-01", base, base, None, "Y"))
        for place, visit in enumerate(visits, 1):
            value = base + (number % 3) * place + 6 * rng.standard_normal()
            lost, left = rng.random() < missing, rng.random() < 0.5
            gone = gone or (lost and left)
            if not lost and not gone:
                day = (pd.Timestamp("2024-01-01") + pd.Timedelta(days=30 * place)).strftime("%Y-%m-%d")
                rows.append((subject, arm, visit, place, day, value, base, value - base, None))
    names = ["USUBJID", "TRTP", "AVISIT", "AVISITN", "ADT", "AVAL", "BASE", "CHG", "ABLFL"]
    return pd.DataFrame(rows, columns=names).assign(PARAMCD="SCORE", PARAM="Made-up score", ANL01FL="Y")


def report(id: str, *events: Any, **parameters: Any) -> dict[str, Any]:
    return {
        "id": id,
        "notebook": NOTEBOOK,
        "primary_measure": "mean_difference",
        "parameters": {"dataset": "ADQS", "parameter": "SCORE", **parameters},
        "estimand": {
            "treatment": "one against the other",
            "population": "all",
            "variable": "change of the score",
            "intercurrent_events": list(events) or ["none"],
            "summary": "difference in means",
        },
    }


def study(
    folder: Path, adsl: pd.DataFrame, adqs: pd.DataFrame, reports: Sequence[dict[str, Any]], **changes: Any
) -> Path:
    (folder / "adam").mkdir(parents=True)
    adsl.to_csv(folder / "adam" / "adsl.csv", index=False)
    adqs.to_csv(folder / "adam" / "adqs.csv", index=False)
    unblinded = {"unblinded": {"date": {"unknown": "made up"}, "person": "nobody", "reason": "made up"}}
    document = {
        "version": 1,
        "study": {"id": "made-up", "title": "A made-up study", "design": "randomised"},
        "data": {
            "kind": "adam",
            "path": "adam",
            "cutoff": {"unknown": "made up"},
            "blinding": changes.pop("blinding", unblinded),
        },
        "disclosure": {"preset": "none", "reason": "made-up data"},
        "reports": list(reports),
        **changes,
    }
    path = folder / "study.yml"
    path.write_text(json.dumps(document), encoding="utf-8")  # JSON is YAML, and has no anchors
    return path


def estimates(results: dict[str, Any], analysis: str, statistic: str = "estimate") -> list[dict[str, Any]]:
    return [row for row in results["results"] if row["analysis"] == analysis and row["statistic"] == statistic]


def text_of(page: Path) -> str:
    plain = re.sub(r"<[^>]+>", " ", re.sub(r"<style.*?</style>|<img[^>]*>", "", page.read_text("utf-8"), flags=re.S))
    return re.sub(r"\s+", " ", plain)


@pytest.fixture(scope="module")
def strategies(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three arms, and each strategy for those who stopped."""
    arms: dict[str, Any] = {"treatment": ["L", "H"], "reference": "P", "imputations": 100}
    policy = {**STOPPED, "strategy": "treatment policy"}
    reports = [
        report(
            "policy", policy, **arms, analysis="imputation", strata=["REGION"], sensitivity=["copy-reference"],
            supplementary=["responders"], responder=5, higher_is="better", reason="DCSREAS",
        ),
        report("composite", {**STOPPED, "strategy": "composite"}, **arms, analysis="ancova", higher_is="better"),
        report("on-treatment", {**STOPPED, "strategy": "while on treatment"}, **arms, analysis="ancova"),
        report(
            "hypothetical", {**STOPPED, "strategy": "hypothetical", "assumption": "as others"}, **arms,
            analysis="mmrm", sensitivity=["jump-to-reference", "tipping-point"], deltas=[-10, -5, 0],
        ),
    ]  # fmt: skip
    adsl = people(90, ("P", "L", "H"))
    folder = tmp_path_factory.mktemp("strategies")
    return published(study(folder / "study", adsl, scores(adsl), reports), folder / "out")


def test_each_strategy_gives_its_own_outcomes(strategies: Path) -> None:
    """The outcomes at the main visit by hand, from the dates of stopping and of the visits."""
    adsl = people(90, ("P", "L", "H"))
    frame = scores(adsl)
    wide = frame[frame["ABLFL"] != "Y"].pivot(index="USUBJID", columns="AVISIT", values="CHG").reindex(adsl["USUBJID"])
    days = (pd.to_datetime(adsl["STOPDT"]) - pd.Timestamp("2024-01-01")).dt.days.to_numpy()
    planned = {visit: 30 * place for place, visit in enumerate(VISITS, 1)}
    stopped = days < planned["Month 3"]
    kept = wide.to_numpy().copy()
    for place, visit in enumerate(VISITS):
        kept[days < planned[visit], place] = np.nan
    last = pd.DataFrame(kept).ffill(axis=1).iloc[:, -1].to_numpy()
    seen = wide["Month 3"].astype(float).to_numpy()
    expected = {
        "policy": seen,
        "hypothetical": np.where(stopped, np.nan, seen),
        "on-treatment": np.where(stopped, last, seen),
        "composite": np.where(stopped, np.nanmin(seen), seen),
    }
    for name, values in expected.items():
        found = estimates(results_of(strategies / f"{name}.results.json"), "mean")
        for arm in ("L", "H", "P"):
            mine = values[adsl["TRT01P"] == arm]
            (row,) = [r for r in found if r["groups"] == {"arm": arm, "visit": "Month 3"}]
            assert row["value"] == pytest.approx(np.nanmean(mine), rel=1e-9), (name, arm)
        table = results_of(strategies / f"{name}.results.json")["tables"]["continuous.missing"]
        rows = [dict(zip(table["columns"], row, strict=True)) for row in table["rows"]]
        assert sum(row["observed"] for row in rows if row["visit"] == "Month 3") == np.isfinite(seen).sum()


def test_roles_are_told_apart(strategies: Path) -> None:
    results = results_of(strategies / "hypothetical.results.json")
    for row in results["results"]:
        role = row["groups"].get("role")
        if row["analysis"].startswith("imputation."):
            assert role == "sensitivity"
        elif row["analysis"].startswith("mmrm."):
            assert role is None
    shifted = estimates(results, "imputation.shifted")
    assert [row["groups"]["delta"] for row in shifted] == [-10.0, -5.0, 0.0] * 2
    assert all(row["agrees"] for row in shifted)
    policy = results_of(strategies / "policy.results.json")
    assert {row["groups"]["model"] for row in estimates(policy, "imputation.contrast")} == {
        "retrieved-dropout",
        "copy-reference",
    }
    assert {row["groups"]["role"] for row in estimates(policy, "imputation.responder_difference")} == {"supplementary"}


def test_one_visit_nothing_missing_and_a_family(tmp_path: Path) -> None:
    """Without gaps every method gives the ANCOVA, and the family tests the main analyses."""
    adsl = people(40, ("P", "A"))
    arms: dict[str, Any] = {"treatment": "A", "reference": "P", "strata": ["REGION"]}
    reports = [
        report(
            "change", **arms, sensitivity=["mmrm", "mar", "tipping-point"], supplementary=["responders"], responder=2,
            higher_is="worse", deltas=[-2, 0, 2],
        ),
        report("rating", **arms, analysis="cmh", outcome="AVAL"),
        report("unadjusted", treatment="A", reference="P", outcome="BASE", baseline_value="NONE"),
    ]  # fmt: skip
    families = [
        {"id": "both", "method": "holm", "hypotheses": [{"id": r["id"], "report": r["id"]} for r in reports[:2]]}
    ]
    run = published(
        study(tmp_path / "study", adsl, scores(adsl, VISITS[:1], missing=0.0), reports, endpoint_families=families),
        tmp_path / "out",
    )
    results = results_of(run / "change.results.json")
    (main,) = estimates(results, "ancova.contrast")
    for name in ("mmrm.contrast", "imputation.contrast"):
        (other,) = estimates(results, name)
        assert other["value"] == pytest.approx(main["value"], rel=1e-6)
    tested = results["tables"]["families.tested"]
    assert [row[tested["columns"].index("test")] for row in tested["rows"]] == ["ancova.contrast", "cmh.row_means"]
    assert len(estimates(results_of(run / "unadjusted.results.json"), "ancova.contrast")) == 1
    assert "how many gave which rating" in text_of(run / "rating.html")


def test_a_blinded_study_is_described_as_one_arm(tmp_path: Path) -> None:
    adsl = people(40, ("P", "A"))
    reports = [report("pooled", analysis="mmrm", sensitivity=["mar"])]
    run = published(study(tmp_path / "study", adsl, scores(adsl), reports, blinding="blinded"), tmp_path / "out")
    results = results_of(run / "pooled.results.json")
    assert {row["analysis"] for row in results["results"]} == {"count.subjects", "mean"}
    page = text_of(run / "pooled.html")
    assert "There is no other group to compare with" in page
    assert "M-001" not in page
    split = report("split", treatment="A", reference="P")
    code, told = outcome(
        study(tmp_path / "split", adsl, scores(adsl), [split], blinding="blinded"), tmp_path / "split-out"
    )
    assert (code, told["split"]["status"]) == (9, "failed")


REFUSED: dict[str, tuple[dict[str, Any], tuple[Any, ...], int, str]] = {
    "no-deltas": ({"sensitivity": ["tipping-point"]}, (), 2, "a tipping point needs its deltas"),
    "no-visit": ({"visit": "Month 9"}, (), 3, "no such visit"),
    "mismatch": (
        {"analysis": "ancova"},
        ({**STOPPED, "strategy": "hypothetical", "assumption": "as others"},),
        2,
        "does not answer the estimand",
    ),
    "no-direction": ({"analysis": "ancova"}, ({**STOPPED, "strategy": "composite"},), 2, "higher_is"),
    "twice": ({"sensitivity": ["ancova"]}, (), 2, "declared already"),
}


def test_refusals(tmp_path: Path) -> None:
    adsl = people(24, ("P", "A"))
    reports = [
        report(id, *events, treatment="A", reference="P", **parameters)
        for id, (parameters, events, _, _) in REFUSED.items()
    ]
    _, told = outcome(study(tmp_path / "study", adsl, scores(adsl), reports), tmp_path / "out")
    for id, (_, _, code, said) in REFUSED.items():
        assert told[id]["exit_code"] == code, told[id]
        assert said in told[id]["message"]


def test_too_few_imputations_are_refused_before_a_run(tmp_path: Path) -> None:
    adsl = people(24, ("P", "A"))
    made = report("few", treatment="A", reference="P", imputations=10)
    done = evidence("run", study(tmp_path / "study", adsl, scores(adsl), [made]), "--out", tmp_path / "out")
    assert done.returncode == 2
    assert "expected a number at least 100" in done.stderr
