"""Whole survival reports of a made-up trial: competing events, families, failed checks, rules, one and pooled arms."""

from __future__ import annotations

import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.statistics import competing_risks
from tests.published import outcome, published, results_of
from tests.schema import assert_valid_results

ARMS = {"treatment": "A", "reference": "B"}
TIMES = {"unit": "days", "times": [120, 60], "tau": 200}
BOTH = {**ARMS, "subgroup": "all"}
DEATH = {"event": "Death", "strategy": "while on treatment"}
UNBLINDED = {"unblinded": {"date": "2026-01-31", "person": "A statistician", "reason": "final analysis"}}


def frames(n: int = 120) -> tuple[pd.DataFrame, pd.DataFrame]:
    """ADSL, and ADTTE with STOP (stopping, of which some records are deaths), and PFS under two rules."""
    rng = np.random.default_rng(11)
    arm = np.where(np.arange(n) % 2 == 0, "A", "B")
    ids = [f"T-{i:03d}" for i in range(n)]
    stop, death = rng.integers(10, 300, n) + 40 * (arm == "A"), rng.integers(20, 600, n)
    end = np.minimum(np.minimum(stop, death), 250)
    # Twelve of one site in arm A only: the arms are not alike.
    site = np.where((np.arange(n) < 24) & (arm == "A"), "north", "south")
    adsl = pd.DataFrame(
        {
            "STUDYID": "T",
            "USUBJID": ids,
            "TRT01P": arm,
            "RANDDT": "2025-01-01",
            "ITTFL": "Y",
            "SITE": site,
            "DTHDT": [
                (pd.Timestamp("2024-12-31") + pd.Timedelta(days=int(day))).strftime("%Y-%m-%d") if day <= 250 else ""
                for day in death
            ],
        }
    )
    first = np.select([end == 250, death <= stop], ["On treatment", "Death"], "Stopped")
    shared = {"STUDYID": "T", "USUBJID": ids, "TRTP": arm, "AVALU": "DAYS"}
    stopped = pd.DataFrame(
        {
            **shared,
            "PARAMCD": "STOP",
            "PARAM": "Time to stopping",
            "AVAL": end,
            "CNSR": (first == "On treatment").astype(int),
            "EVNTDESC": np.where(first == "On treatment", "", first),
            "CNSDTDSC": np.where(first == "On treatment", first, ""),
        }
    )
    event = np.minimum(rng.integers(10, 280, n) + 30 * (arm == "A"), death)
    rules = []
    for code, label, cut in (("PFS", "Progression", 150), ("PFSX", "Progression, other rule", 250)):
        late = event > cut
        rules.append(
            pd.DataFrame(
                {
                    **shared,
                    "PARAMCD": code,
                    "PARAM": label,
                    "AVAL": np.minimum(event, cut),
                    "CNSR": late.astype(int),
                    "EVNTDESC": np.where(late, "", "Progression or death"),
                    "CNSDTDSC": np.where(late, "Last assessment", ""),
                }
            )
        )
    return adsl, pd.concat([stopped, *rules])


def report(id: str, endpoint: str, events: list[Any], measure: str, **parameters: Any) -> dict[str, Any]:
    return {
        "id": id,
        "notebook": "trial/survival",
        "parameters": {"endpoint": endpoint, **TIMES, **parameters},
        "primary_measure": measure,
        "estimand": {
            "treatment": "A against B",
            "population": "Everybody randomised",
            "variable": "Time to the event",
            "intercurrent_events": events,
            "summary": measure,
        },
    }


PFS_EVENTS = [{"event": "Stopping", "strategy": "treatment policy"}]
MORE = {"weighted_tests": ["maxcombo", "fh01", "mwlr"], "cut_points": [60], "sensitivity_endpoints": "PFSX"}
STOP = {"competing": "Death"}


def study(folder: Path, reports: list[dict[str, Any]], design: str, blinding: Any = None, **parts: Any) -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    adsl, adtte = frames()
    if design == "single-arm":
        adsl, adtte = adsl.assign(TRT01P="A"), adtte.assign(TRTP="A")
    (folder / "adam").mkdir()
    adsl.to_csv(folder / "adam" / "adsl.csv", index=False)
    adtte.to_csv(folder / "adam" / "adtte.csv", index=False)
    document = {
        "version": 1,
        "study": {"id": folder.name, "title": "A made-up trial", "design": design},
        "data": {"kind": "adam", "path": "adam", "cutoff": "2025-12-31", "blinding": blinding or UNBLINDED},
        "disclosure": {"preset": "none", "reason": "made-up data"},
        "reports": reports,
        **parts,
    }
    path = folder / "study.yml"
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def text_of(page: Path) -> str:
    """The words of a page."""
    raw = re.sub(r"<(style|script).*?</\1>", " ", page.read_text(encoding="utf-8"), flags=re.DOTALL)
    return re.sub(r"\s+", " ", html.unescape(re.sub(r"<[^>]+>", " ", raw)))


@pytest.fixture(scope="module")
def randomised(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = study(
        tmp_path_factory.mktemp("randomised") / "trial",
        [
            report("stopping", "STOP", [DEATH], "cumulative_incidence_difference", **ARMS, **STOP),
            report("pfs", "PFS", PFS_EVENTS, "hazard_ratio", **ARMS, **MORE),
            report("unlike", "PFS", PFS_EVENTS, "hazard_ratio", **ARMS, baseline=["SITE"], balance_limit=0.1),
        ],
        "randomised",
        endpoint_families=[
            {
                "id": "primary",
                "alpha": 0.05,
                "method": "holm",
                "hypotheses": [{"id": "H1", "report": "pfs"}, {"id": "H2", "report": "stopping"}],
            }
        ],
    )
    return published(path, path.parents[1] / "out")


@pytest.fixture(scope="module")
def observed(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = study(
        tmp_path_factory.mktemp("observed") / "cohort",
        [
            report("unlike", "PFS", PFS_EVENTS, "hazard_ratio", **ARMS, baseline=["SITE"], balance_limit=0.1, **MORE),
            report("stopping", "STOP", [DEATH], "subdistribution_hazard_ratio", **ARMS, **STOP, baseline=["SITE"],
                   balance_limit=0.1),
        ],
        "observational",
    )  # fmt: skip
    return published(path, path.parents[1] / "out")


def rows(results: dict[str, Any], analysis: str, statistic: str = "estimate") -> list[dict[str, Any]]:
    return [row for row in results["results"] if (row["analysis"], row["statistic"]) == (analysis, statistic)]


def test_deaths_named_in_the_data_compete(randomised: Path) -> None:
    results = results_of(randomised / "stopping.results.json")
    _, adtte = frames()
    stop = adtte[adtte["PARAMCD"] == "STOP"]
    cause = np.select([stop["EVNTDESC"] == "Stopped", stop["EVNTDESC"] == "Death"], [1, 2], 0)
    given = (stop["AVAL"].to_numpy(), cause, stop["TRTP"].to_numpy())
    expected = competing_risks.cumulative_incidence_difference(*given, event_of_interest=1, times=[60, 120], **ARMS)
    found = rows(results, "aalen_johansen.difference")
    assert [row["value"] for row in found] == [item.estimate for item in expected.items]
    ended = results["tables"]["survival.outcomes"]
    at = {name: ended["columns"].index(name) for name in ("arm", "kind", "reason", "n")}
    for arm in "AB":
        deaths = [r[at["n"]] for r in ended["rows"] if (r[at["arm"]], r[at["reason"]]) == (arm, "Death")]
        assert deaths == [int(((cause == 2) & (stop["TRTP"] == arm)).sum())]
    assert rows(results, "count.events")[-1]["value"] == int((cause == 1).sum())
    assert rows(results, "km.survival") == rows(results, "cox.hazard_ratio.unstratified") == []


def test_every_results_file_keeps_the_contract(randomised: Path, observed: Path) -> None:
    for path in [*randomised.glob("*.results.json"), *observed.glob("*.results.json")]:
        assert_valid_results(path)


def test_the_page_of_competing_events_tells_probabilities(randomised: Path) -> None:
    text = text_of(randomised / "stopping.html")
    results = results_of(randomised / "stopping.results.json")
    share = {
        row["groups"]["arm"]: row["value"]
        for row in rows(results, "aalen_johansen.cumulative_incidence")
        if (row["groups"]["cause"], row["groups"]["time"]) == (1, 120)
    }
    for arm in "AB":
        assert f"{round(share[arm] * 100)} in 100" in text
    assert "cumulative incidence while other events compete" in text
    assert "Death first within 120 days" in text
    assert "Kaplan-Meier)" not in text
    assert "RMST" not in text


def test_formally_tested_is_said_with_the_adjusted_p_value(randomised: Path) -> None:
    for id, hypothesis in (("pfs", "H1"), ("stopping", "H2")):
        text, results = text_of(randomised / f"{id}.html"), results_of(randomised / f"{id}.results.json")
        (row,) = [r for r in rows(results, "multiplicity.holm", "p_value") if r["groups"]["hypothesis"] == hypothesis]
        assert row["p_kind"] == "confirmatory"
        said = "is rejected" if row["value"] <= 0.05 else "is not rejected"
        assert f"the hypothesis {hypothesis} of no difference {said}" in text
        assert f"adjusted p {'= ' if row['value'] >= 0.0001 else ''}{row['formatted']}" in text
        assert "All p-values are nominal" not in text
    for page in randomised.glob("*.html"):
        assert not re.search("significan", page.read_text(encoding="utf-8"), re.IGNORECASE)
    outside = text_of(randomised / "unlike.html")
    assert "Not formally tested" in outside
    assert "All p-values are nominal" in outside


def test_other_rules_are_sensitivity_analyses_beside_the_main_one(randomised: Path) -> None:
    results = results_of(randomised / "pfs.results.json")
    main, other = rows(results, "cox.hazard_ratio.unstratified")
    assert main["groups"] == BOTH
    assert other["groups"] == {**BOTH, "rule": "PFSX", "role": "sensitivity"}
    assert other["value"] != main["value"]
    assert other["agrees"] is True
    assert {row["groups"].get("role") for row in rows(results, "maxcombo.unstratified", "test_statistic")} == {
        "supplementary"
    }
    text = text_of(randomised / "pfs.html")
    assert "A against B: main analysis" in text
    assert "A against B: supplementary analyses" in text
    assert "Progression under other rules of censoring" in text
    assert "Censored: Last assessment" in text


def test_in_a_randomised_trial_a_failed_check_leads_the_caution_and_hides_nothing(randomised: Path) -> None:
    results, text = results_of(randomised / "unlike.results.json"), text_of(randomised / "unlike.html")
    plain = results_of(randomised / "pfs.results.json")
    (gate,) = [gate for gate in results["gates"] if gate["id"] == "balance"]
    assert gate["result"] == "fail"
    for analysis in ("cox.hazard_ratio.unstratified", "milestone.difference", "rmst.difference"):
        assert [row["value"] for row in rows(results, analysis)] == [
            row["value"] for row in rows(plain, analysis) if "role" not in row["groups"]
        ]
    assert not any(row["status"] == "withheld" for row in results["results"])
    assert "Read with care. A check failed: balance of the arms at the start." in text
    assert "We can not say" not in text


def test_in_a_comparison_that_was_not_randomised_a_failed_check_withholds_every_comparison(observed: Path) -> None:
    compared = ("cox.hazard_ratio", "logrank", "milestone", "rmst.d", "maxcombo", "weighted_logrank", "gray",
                "fine_gray", "cause_specific", "aalen_johansen.difference")  # fmt: skip
    for id in ("unlike", "stopping"):
        results, text = results_of(observed / f"{id}.results.json"), text_of(observed / f"{id}.html")
        found = [
            row
            for row in results["results"]
            if row["analysis"].startswith(compared) and row["statistic"] not in ("n", "events")
        ]
        assert len(found) > 10
        assert {row["status"] for row in found} == {"withheld"}
        assert all(row["value"] is None and row["second_value"] is None for row in found)
        assert "Read with care. A check failed: balance of the arms at the start." in text
        assert "We can not say whether the event was less frequent" in text


@pytest.mark.parametrize(
    ("name", "design", "blinding"), [("alone", "single-arm", None), ("pooled", "randomised", "blinded")]
)
def test_without_a_comparison_probabilities_are_described(
    tmp_path: Path, name: str, design: str, blinding: str | None
) -> None:
    reports = [report("stopping", "STOP", [DEATH], "cumulative_incidence_difference", **STOP)]
    path = study(tmp_path / name, reports, design, blinding)
    run = published(path, tmp_path / "out")
    text, results = text_of(run / "stopping.html"), results_of(run / "stopping.results.json")
    assert rows(results, "gray.unstratified", "test_statistic") == []
    (share,) = [
        row
        for row in rows(results, "aalen_johansen.cumulative_incidence")
        if (row["groups"]["cause"], row["groups"]["time"]) == (1, 120)
    ]
    assert f"The event happened to {round(share['value'] * 100)} in 100 patients within 120 days." in text
    assert not re.search(r"less frequent|more frequent|sHR |\bHR ", text)


REFUSED = {
    "measure": (report("measure", "STOP", [DEATH], "rmst_difference", **ARMS, **STOP), "other events compete"),
    "none": (report("none", "PFS", PFS_EVENTS, "cumulative_incidence_difference", **ARMS), "no event competes"),
    "undated": (report("undated", "PFS", [DEATH], "cumulative_incidence_difference", **ARMS), "needs the day"),
    "word": (
        report("word", "STOP", [DEATH], "cumulative_incidence_difference", **ARMS, competing="Lost"),
        "no record has this competing event",
    ),
    "strategy": (report("strategy", "STOP", PFS_EVENTS, "hazard_ratio", **ARMS, **STOP), "the estimand has none"),
    "weighted": (
        report("weighted", "STOP", [DEATH], "hazard_ratio", **ARMS, **STOP, weighted_tests=["fh01"]),
        "an analysis of one kind of event",
    ),
}


def test_what_does_not_answer_the_estimand_is_refused_with_the_reason(tmp_path: Path) -> None:
    path = study(tmp_path / "refused", [entry for entry, _ in REFUSED.values()], "randomised")
    _, told = outcome(path, tmp_path / "out")
    for name, (_, reason) in REFUSED.items():
        assert told[name]["exit_code"] in (2, 3), told[name]
        assert reason in told[name]["message"]
