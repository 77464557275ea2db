"""Published runs for the tests of pages and numbers: the command line in a process of its own, and small studies."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml

ROOT = Path(__file__).parents[1]
DEMO = ROOT / "data" / "gbsg2" / "study.yml"
BUILD_LIMIT = 300


def evidence(*arguments: str | Path, cwd: Path = ROOT) -> subprocess.CompletedProcess[str]:
    """The command ``evidence`` with these arguments; nothing of this process's patches reaches it."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    environment.pop("EVIDENCE_OUT", None)
    command = [sys.executable, "-m", "evidence_lib.cli", *map(str, arguments)]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=BUILD_LIMIT
    )


def published(study: Path, out: Path, *arguments: str) -> Path:
    """Run a study that must succeed; the folder of its run."""
    done = evidence("run", study, "--out", out, *arguments)
    assert done.returncode == 0, done.stdout + done.stderr
    (run,) = out.glob("*/[0-9]*/")
    return run.resolve()


def outcome(study: Path, out: Path, *arguments: str) -> tuple[int, dict[str, dict[str, Any]]]:
    """The exit code of a run, and the record of each of its reports by id."""
    done = evidence("run", study, "--out", out, "--json", *arguments)
    record = json.loads(done.stdout)
    assert record["exit_code"] == done.returncode
    (told,) = record["studies"]
    return done.returncode, {report["report"]: report for report in told["reports"]}


def once_for_all_workers(factory: pytest.TempPathFactory, name: str, build: Any) -> Path:
    """``build(folder)`` done by one worker of pytest-xdist, and its answer given to all."""
    base = factory.getbasetemp()
    shared = base.parent if "PYTEST_XDIST_WORKER" in os.environ else base
    folder, told = shared / name, shared / f"{name}.json"
    try:
        folder.mkdir()
    except FileExistsError:
        deadline = time.monotonic() + BUILD_LIMIT
        while not told.exists():
            assert time.monotonic() < deadline, f"another worker did not finish {name}"
            time.sleep(0.2)
    else:
        try:
            answer = {"path": str(build(folder))}
        except BaseException as error:
            answer = {"error": str(error)}
        unfinished = told.with_suffix(".tmp")
        unfinished.write_text(json.dumps(answer), encoding="utf-8")
        unfinished.replace(told)
    answer = json.loads(told.read_text(encoding="utf-8"))
    assert "path" in answer, answer
    return Path(answer["path"])


def demo_run(factory: pytest.TempPathFactory) -> Path:
    """The folder of a published run of the demo study."""
    return once_for_all_workers(factory, "demo-run", lambda folder: published(DEMO, folder / "out"))


def small_study(
    folder: Path,
    *,
    adsl: pd.DataFrame,
    adtte: pd.DataFrame,
    reports: Sequence[Mapping[str, Any]],
    labels: Mapping[str, str] | None = None,
    **study: Any,
) -> Path:
    """Write a study with these data; a report is its parameters, its id the endpoint in lower case."""
    (folder / "adam").mkdir(parents=True)
    adsl.to_csv(folder / "adam" / "adsl.csv", index=False)
    adtte.to_csv(folder / "adam" / "adtte.csv", index=False)
    document = {
        "version": 1,
        "study": {"id": "made-up", "title": "A made-up study", "design": "randomised", **study},
        "data": {
            "kind": "adam",
            "path": "adam",
            "cutoff": {"unknown": "made up"},
            "blinding": {"unblinded": {"date": {"unknown": "made up"}, "person": "nobody", "reason": "made up"}},
        },
        "disclosure": {"preset": "none", "reason": "made-up data"},
        "labels": dict(labels or {}),
        "reports": [
            {
                "id": parameters["endpoint"].lower(),
                "notebook": "trial/survival",
                "parameters": dict(parameters),
                "primary_measure": "hazard_ratio",
                "estimand": {
                    "treatment": "A against B",
                    "population": "all",
                    "variable": "time to the event",
                    "intercurrent_events": ["none"],
                    "summary": "hazard ratio",
                },
            }
            for parameters in reports
        ],
    }
    path = folder / "study.yml"
    path.write_text(yaml.safe_dump(document, allow_unicode=True, sort_keys=False), encoding="utf-8")
    return path


def patients(count: int = 24) -> pd.DataFrame:
    """ADSL of a made-up randomised study with two arms, in turn."""
    return pd.DataFrame(
        {
            "STUDYID": "M",
            "USUBJID": [f"M-{number:03d}" for number in range(1, count + 1)],
            "TRT01P": ["A" if number % 2 else "B" for number in range(count)],
            "ITTFL": "Y",
            "REGION": ["east" if number % 4 < 2 else "west" for number in range(count)],
            "AGE": [50 + (number * 7) % 19 for number in range(count)],
        }
    )


def records(adsl: pd.DataFrame, endpoint: str, **changes: Any) -> pd.DataFrame:
    """ADTTE of one endpoint: distinct times, about every third patient censored; ``changes`` replace columns."""
    count = len(adsl)
    frame = pd.DataFrame(
        {
            "USUBJID": adsl["USUBJID"],
            "PARAM": "Time to the event",
            "PARAMCD": endpoint,
            "AVAL": [30 + (number * 37) % 401 for number in range(count)],
            "AVALU": "DAYS",
            "CNSR": [int(number % 3 == 2) for number in range(count)],
            "TRTP": adsl["TRT01P"],
        }
    ).astype({"CNSR": object})
    return frame.assign(**changes)


def with_value(adsl: pd.DataFrame, endpoint: str, column: str, row: int, value: Any) -> pd.DataFrame:
    """``records`` with one value changed."""
    frame = records(adsl, endpoint).astype({column: object})
    frame.loc[row, column] = value
    return frame


def results_of(path: Path) -> dict[str, Any]:
    """A results file as plain JSON."""
    return dict(json.loads(path.read_text(encoding="utf-8")))
