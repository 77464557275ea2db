"""A made-up trial with tumour assessments: three arms, visits every six weeks, sums of diameters, deaths, therapies."""

from __future__ import annotations

import copy
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

ARMS = ("High", "Low", "Control")
CHANCES = {"High": (0.08, 0.42, 0.30, 0.16, 0.04), "Low": (0.05, 0.33, 0.36, 0.20, 0.06)}
CHANCES["Control"] = (0.02, 0.20, 0.42, 0.30, 0.06)
WORDS = ("CR", "PR", "SD", "PD", "NE")
ESTIMAND = {
    "treatment": "High or Low against Control",
    "population": "Everybody randomised",
    "variable": "Confirmed objective response",
    "intercurrent_events": [
        {"event": "New therapy", "strategy": "composite", "date": "NEWTRTDT"},
        {"event": "Death", "strategy": "composite", "date": "DTHDT"},
    ],
    "summary": "Difference of the shares",
}


def people(count: int = 150) -> pd.DataFrame:
    """ADSL: arms in turn, two strata, an age; some start another therapy and some die."""
    rng = np.random.default_rng(20260101)
    start = pd.Timestamp("2024-01-08") + pd.to_timedelta(rng.integers(0, 200, count), unit="D")
    therapy, death = rng.integers(60, 400, count), rng.integers(150, 700, count)
    has_therapy, dies = rng.random(count) < 0.3, rng.random(count) < 0.5
    therapy, death = np.where(has_therapy, therapy, 9999), np.where(dies, death, 9999)
    days = pd.to_timedelta(np.minimum(therapy, 9000), unit="D")
    made = pd.DataFrame(
        {
            "STUDYID": "M",
            "USUBJID": [f"M-{number:03d}" for number in range(1, count + 1)],
            "TRT01P": [ARMS[number % 3] for number in range(count)],
            "ITTFL": "Y",
            "REGION": np.where(rng.random(count) < 0.5, "east", "west"),
            "SEX": np.where(rng.random(count) < 0.4, "F", "M"),
            "AGE": rng.integers(40, 80, count),
            "RANDDT": start,
            "TRTSDT": start,
            "TRTEDT": start + pd.to_timedelta(rng.integers(20, 300, count), unit="D"),
            "EOTSTT": np.where(rng.random(count) < 0.1, "ONGOING", "DISCONTINUED"),
            "NEWTRTDT": (start + days).where(has_therapy & (therapy < death)),
            "DTHDT": (start + pd.to_timedelta(np.minimum(death, 9000), unit="D")).where(dies),
            "CUTOFFDT": pd.Timestamp("2026-06-30"),
        }
    )
    made["LSTALVDT"] = made["DTHDT"].fillna(pd.Timestamp("2026-06-30"))
    return made


def assessments(adsl: pd.DataFrame) -> tuple[pd.DataFrame, pd.DataFrame]:
    """ADRS (OVRLRESP; NONE, by which nobody responds) and ADTR (SUMDIAM), until death; some have no visit."""
    rng = np.random.default_rng(7)
    visits, sums = [], []
    for row in adsl.to_dict("records"):
        sums.append([row["USUBJID"], row["RANDDT"] - pd.Timedelta(7, "D"), 100.0, "Y"])
        if rng.random() < 0.05:
            continue
        for visit in range(1, int(rng.integers(1, 8)) + 1):
            date = row["RANDDT"] + pd.Timedelta(42 * visit + int(rng.integers(-3, 4)), "D")
            if not pd.isna(row["DTHDT"]) and date > row["DTHDT"]:
                break
            word = str(rng.choice(WORDS, p=CHANCES[row["TRT01P"]]))
            visits.append([row["USUBJID"], "OVRLRESP", date, word])
            visits.append([row["USUBJID"], "NONE", date, "SD" if word in ("CR", "PR") else word])
            size = {"CR": 0, "PR": 55, "SD": 90, "PD": 130, "NE": np.nan}[word]
            sums.append([row["USUBJID"], date, size + float(rng.integers(0, 10)) * (word != "CR"), ""])
    adrs = pd.DataFrame(visits, columns=["USUBJID", "PARAMCD", "ADT", "AVALC"]).assign(PARAM="Response")
    adtr = pd.DataFrame(sums, columns=["USUBJID", "ADT", "AVAL", "ABLFL"]).assign(PARAMCD="SUMDIAM", PARAM="Sum (mm)")
    return adrs, adtr


def entry(id: str, **changes: Any) -> dict[str, Any]:
    """A report of the notebook; ``parameters`` are added to those of all."""
    parameters = {"strata": ["REGION"], "unit": "months", **changes.pop("parameters", {})}
    made = {
        "id": id,
        "notebook": "trial/response",
        "primary_measure": "risk_difference",
        "parameters": parameters,
        "estimand": copy.deepcopy(ESTIMAND),
    }
    return {**made, **changes}


def study(folder: Path, reports: Sequence[Mapping[str, Any]], **changes: Any) -> Path:
    """A study file with its data; ``blinding``, ``design`` and data sets (``adsl``, ``adrs``, ``adtr``) can differ."""
    adsl = changes.get("adsl", people())
    made = {} if {"adrs", "adtr"} <= set(changes) else dict(zip(("adrs", "adtr"), assessments(adsl), strict=True))
    (folder / "adam").mkdir(parents=True)
    for name, frame in {"adsl": adsl, **made, **changes}.items():
        if isinstance(frame, pd.DataFrame):
            frame.to_csv(folder / "adam" / f"{name}.csv", index=False)
    unblinded = {"unblinded": {"date": {"unknown": "made up"}, "person": "nobody", "reason": "made up"}}
    document = {
        "version": 1,
        "study": {
            "id": "made-up",
            "title": "A made-up study",
            "design": changes.get("design", "randomised"),
            "convention": "SAS",
        },
        "data": {
            "kind": "adam",
            "path": "adam",
            "cutoff": {"unknown": "made up"},
            "blinding": changes.get("blinding", unblinded),
        },
        "disclosure": {"preset": "none", "reason": "made-up data"},
        "reports": [dict(report) for report in reports],
    }
    path = folder / "study.yml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path
