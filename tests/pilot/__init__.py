"""The CDISC pilot study as one study file: the data stay where they are, the reports are the entries of ``*.yml`` here.

A run is made once per test session. Reports are run together, so that what a reader would get is what is tested.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.published import once_for_all_workers, published, results_of
from tests.reference import REFERENCE

HERE = Path(__file__).parent
DATA = (REFERENCE / "data" / "cdisc-pilot").resolve()
HEAD: dict[str, Any] = {
    "version": 1,
    "study": {
        "id": "cdisc-pilot",
        "title": "CDISC pilot study, Xanomeline in Alzheimer's disease",
        "design": "randomised",
        "convention": "SAS",
    },
    "data": {
        "kind": "adam",
        "cutoff": {"unknown": "not stated in the data"},
        "blinding": {
            "unblinded": {
                "date": {"unknown": "a public teaching study"},
                "person": "everybody",
                "reason": "published data",
            }
        },
    },
    "disclosure": {"preset": "none", "reason": "public data without identifiers"},
}


def study_file(folder: Path) -> Path:
    """The study file with every report, written to a folder."""
    reports = [entry for path in sorted(HERE.glob("*.yml")) for entry in yaml.safe_load(path.read_text("utf-8"))]
    document = {**HEAD, "data": {**HEAD["data"], "path": str(DATA)}, "reports": reports}
    path = folder / "study.yml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def pilot_run(factory: pytest.TempPathFactory) -> Path:
    """The folder of a published run of every report; made once for all workers."""
    if not DATA.is_dir():
        pytest.skip("the third-party reference data are not beside this checkout")

    def build(folder: Path) -> Path:
        return published(study_file(folder), folder / "out")

    return once_for_all_workers(factory, "pilot-run", build)


def pilot_results(factory: pytest.TempPathFactory, report: str) -> dict[str, Any]:
    """The results of one report of the run."""
    return results_of(pilot_run(factory) / f"{report}.results.json")
