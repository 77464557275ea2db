"""The safety notebook on small made-up studies: pooled arms, no events, no laboratory, and no adverse events at all."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import yaml

from tests.published import evidence, published, results_of

SIZE = 12


def study(folder: Path, *, blinding: Any, emergent: str, adae: bool = True) -> Path:
    """Two arms of six, and an adverse event for each of the first six, all of one arm where the arms are known."""
    data = folder / "adam"
    data.mkdir(parents=True)
    arms = ["A"] * 6 + ["B"] * 6
    subjects = pd.DataFrame(
        {"STUDYID": "S", "USUBJID": [f"S-{i}" for i in range(SIZE)], "TRT01P": arms, "TRT01A": arms, "SAFFL": "Y",
         "ITTFL": "Y", "TRTSDT": "2024-01-01", "TRTEDT": "2024-03-01"}
    )  # fmt: skip
    subjects.to_csv(data / "adsl.csv", index=False)
    if adae:
        records = subjects.loc[:5, ["STUDYID", "USUBJID"]].assign(
            AEDECOD="Rash", AEBODSYS="Skin", ASTDT="2024-01-05", AESER="N", AESEV="MILD", TRTEMFL=emergent
        )
        records.to_csv(data / "adae.csv", index=False)
    parameters = {} if blinding == "blinded" else {"treatment": "A", "reference": "B"}
    document = {
        "version": 1,
        "study": {"id": "small", "title": "A small study", "design": "randomised", "convention": "SAS"},
        "data": {"kind": "adam", "path": "adam", "cutoff": {"unknown": "made up"}, "blinding": blinding},
        "reports": [
            {"id": "safety", "notebook": "trial/safety", "title": "Which events?", "primary_measure": "risk_difference",
             "parameters": parameters,
             "estimand": {"treatment": "A", "population": "all", "variable": "events", "summary": "share",
                          "intercurrent_events": ["None was identified"]}}
        ],
        "disclosure": {"preset": "none", "reason": "made-up data"},
    }  # fmt: skip
    path = folder / "study.yml"
    path.write_text(yaml.safe_dump(document, sort_keys=False), encoding="utf-8")
    return path


UNBLINDED = {"unblinded": {"date": "2024-06-01", "person": "someone", "reason": "made up"}}


def found(results: dict[str, Any], analysis: str, statistic: str = "estimate", **groups: Any) -> list[Any]:
    return [
        row["value"]
        for row in results["results"]
        if row["analysis"] == analysis and row["statistic"] == statistic and groups.items() <= row["groups"].items()
    ]


def test_a_blinded_study_is_shown_pooled(tmp_path: Path) -> None:
    run = published(study(tmp_path, blinding="blinded", emergent="Y"), tmp_path / "out")
    results = results_of(run / "safety.results.json")
    assert found(results, "ae.incidence", arm="All patients", category="any") == [0.5]
    assert found(results, "rate.incidence", "events", arm="All patients", category="any") == [6]
    assert not any("treatment" in row["groups"] for row in results["results"])
    page = (run / "safety.html").read_text("utf-8")
    assert "Of 100 patients, <strong>50</strong> had an unwanted event." in page


def test_no_event_in_any_arm_and_no_other_data_set(tmp_path: Path) -> None:
    run = published(study(tmp_path, blinding=UNBLINDED, emergent="N"), tmp_path / "out")
    results = results_of(run / "safety.results.json")
    for arm in "AB":
        assert found(results, "ae.incidence", arm=arm, category="any") == [0]
        assert found(results, "aalen_johansen.cumulative_incidence", arm=arm, cause="event") == [0]
    assert results["tables"]["safety.shown"]["rows"] == []
    page = (run / "safety.html").read_text("utf-8")
    assert "No comparison of safety was formally tested" in page


def test_an_arm_without_events(tmp_path: Path) -> None:
    run = published(study(tmp_path, blinding=UNBLINDED, emergent="Y"), tmp_path / "out")
    results = results_of(run / "safety.results.json")
    assert found(results, "ae.incidence", "events", soc="Skin", term="Rash") == [6, 0]
    assert found(results, "rd.miettinen_nurminen.unstratified", term="Rash") == [1.0]
    # Without events in the reference arm the ratio of rates is infinite: its lower limit stands, and the reason.
    assert found(results, "rate.ratio.exact", category="any") == [None]
    assert found(results, "rate.ratio.exact", "conf_low", category="any")[0] > 1


def test_without_adverse_events_data_the_report_is_refused(tmp_path: Path) -> None:
    done = evidence("run", study(tmp_path, blinding=UNBLINDED, emergent="Y", adae=False), "--out", tmp_path / "out")
    assert done.returncode == 3
    assert "ADAE" in done.stdout + done.stderr
    assert "Traceback" not in done.stdout + done.stderr
