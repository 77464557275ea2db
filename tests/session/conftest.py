"""A small randomised trial with dates, and its study file in the forms that the tests ask for."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.session import Report

UNBLINDED = {"unblinded": {"date": "2026-01-31", "person": "A statistician", "reason": "final analysis"}}
ESTIMAND = {
    "treatment": "A against B",
    "population": "Everybody randomised",
    "variable": "Time to death",
    "intercurrent_events": ["None"],
    "summary": "Hazard ratio",
}
COMPARED = {"treatment": "A", "reference": "B"}


def report(id: str, **changes: Any) -> dict[str, Any]:
    """An entry of a study file for the time to death."""
    entry = {
        "id": id,
        "notebook": "trial/survival",
        "parameters": {"endpoint": "OS", "tau": 300, **COMPARED},
        "primary_measure": "hazard_ratio",
        "estimand": ESTIMAND,
    }
    return {**entry, **changes}


def data_of_a_trial(folder: Path, n: int = 80) -> None:
    """ADSL and ADTTE (OS and PFS) of n patients, days counted from randomisation as day 1."""
    rng = np.random.default_rng(3)
    ids = [f"T-{i:03d}" for i in range(n)]
    arm = np.where(np.arange(n) % 2 == 0, "A", "B")
    start = pd.Timestamp("2025-01-01") + pd.to_timedelta(rng.integers(0, 60, n), unit="D")
    death = rng.integers(30, 400, n)
    progression = np.minimum(death, rng.integers(10, 300, n))
    therapy = np.where(rng.random(n) < 0.4, rng.integers(5, 200, n), 0)
    adsl = {
        "STUDYID": "T",
        "USUBJID": ids,
        "TRT01P": arm,
        "TRT01A": arm,
        "RANDDT": start.strftime("%Y-%m-%d"),
        "ITTFL": "Y",
        "SAFFL": np.where(np.arange(n) < n - 2, "Y", "N"),
        "REGION1": np.where(np.arange(n) % 3 == 0, "China", "Elsewhere"),
        "PDL1": rng.integers(0, 100, n),
        "NEWTRTDT": [
            (day + pd.Timedelta(days=int(later))).strftime("%Y-%m-%d") if later else ""
            for day, later in zip(start, therapy, strict=True)
        ],
    }
    frames = []
    for code, days in (("OS", death), ("PFS", progression)):
        end = np.minimum(days, 250)
        frames.append(
            pd.DataFrame(
                {
                    "STUDYID": "T",
                    "USUBJID": ids,
                    "PARAMCD": code,
                    "PARAM": code,
                    "TRTP": arm,
                    "AVAL": end,
                    "AVALU": "DAYS",
                    "CNSR": (days > 250).astype(int),
                    "STARTDT": start.strftime("%Y-%m-%d"),
                    "ADT": (start + pd.to_timedelta(end - 1, unit="D")).strftime("%Y-%m-%d"),
                }
            )
        )
    (folder / "adam").mkdir(parents=True)
    pd.DataFrame(adsl).to_csv(folder / "adam" / "adsl.csv", index=False)
    pd.concat(frames).to_csv(folder / "adam" / "adtte.csv", index=False)
    rows = [(i, "Nausea" if k % 2 else "Rash") for i in range(n) for k in range(i % 3)]
    events = {"STUDYID": "T", "USUBJID": [ids[i] for i, _ in rows], "AEDECOD": [term for _, term in rows]}
    pd.DataFrame({**events, "AESEQ": range(1, len(rows) + 1)}).to_csv(folder / "adam" / "adae.csv", index=False)


@pytest.fixture
def trial(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., str]:
    """``trial(reports=..., blinding=..., ...)``: the path of a study file with its data."""
    monkeypatch.delenv("EVIDENCE_OUT", raising=False)
    data_of_a_trial(tmp_path)

    def write(*reports: dict[str, Any], blinding: Any = UNBLINDED, **parts: Any) -> str:
        document = {
            "version": 1,
            "study": {"id": "trial", "title": "A made-up trial", "design": "randomised"},
            "data": {"kind": "adam", "path": "adam", "cutoff": "2025-12-31", "blinding": blinding},
            "disclosure": {"preset": "none", "reason": "made-up data"},
            "reports": list(reports) or [report("os")],
            **parts,
        }
        path = tmp_path / "study.yml"
        path.write_text(json.dumps(document), encoding="utf-8")
        return str(path)

    return write


@pytest.fixture
def silent(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[dict[str, Any]]]:
    """What reports display, caught before IPython would print it."""
    bundles: list[dict[str, Any]] = []
    monkeypatch.setattr(Report, "_publish", lambda self, bundle: bundles.append(bundle))
    return bundles  # type: ignore[return-value]
