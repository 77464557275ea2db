"""Wall time of ``evidence run`` against papermill and ``jupyter nbconvert`` on the command line, report by report.

    python benchmarks/one_by_one.py [--study data/gbsg2/study.yml] [--repeats 3]

Both ways execute the same notebooks with the same parameters and end with an HTML page per report. They take turns,
so that a slow spell of the machine meets both; the medians and their ratio are printed.
"""

from __future__ import annotations

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import yaml

from evidence_lib.runs.plan import plan_report
from evidence_lib.study import load_study


def evidence_run(study_file: Path, folder: Path) -> None:
    """Run the whole study with ``evidence run``."""
    command = [sys.executable, "-m", "evidence_lib.cli", "run", str(study_file), "--out", str(folder)]
    quietly(command)


def one_by_one(study_file: Path, folder: Path) -> None:
    """Run papermill, then nbconvert, for each report in turn, as a script without this library would."""
    study = load_study(study_file)
    environment = {**os.environ, "EVIDENCE_OUT": str(folder)}
    for report in study.reports:
        plan = plan_report(study, report)
        executed, given = folder / f"{report.id}.ipynb", folder / f"{report.id}.yml"
        given.write_text(yaml.safe_dump(plan.parameters), encoding="utf-8")
        papermill = [sys.executable, "-m", "papermill", "--no-progress-bar", "-f", str(given)]
        nbconvert = [sys.executable, "-m", "nbconvert", "--to", "html", "--no-input", str(executed)]
        for command in ([*papermill, str(plan.notebook), str(executed)], nbconvert):
            quietly(command, env=environment, cwd=study.folder)


def quietly(command: list[str], **place: Any) -> None:
    """Run a command; only a failing one shows what it said."""
    done = subprocess.run(command, capture_output=True, text=True, **place)
    if done.returncode != 0:
        sys.exit(f"exit {done.returncode}: {' '.join(command)}\n{done.stdout}{done.stderr}")


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0] if __doc__ else None)
    parser.add_argument("--study", type=Path, default=Path("data/gbsg2/study.yml"))
    parser.add_argument("--repeats", type=int, default=3)
    given = parser.parse_args()
    study_file = given.study.resolve()
    seconds: dict[str, list[float]] = {"evidence run": [], "papermill + nbconvert": []}
    for _ in range(given.repeats):
        for name, way in zip(seconds, (evidence_run, one_by_one), strict=True):
            with tempfile.TemporaryDirectory() as folder:
                started = time.perf_counter()
                way(study_file, Path(folder))
                seconds[name].append(time.perf_counter() - started)
    for name, times in seconds.items():
        print(f"{name:<24}{statistics.median(times):7.1f} s   ({', '.join(f'{one:.1f}' for one in times)})")
    ours, theirs = (statistics.median(times) for times in seconds.values())
    print(f"{'ratio of medians':<24}{theirs / ours:7.2f}   ({os.cpu_count()} processors)")


if __name__ == "__main__":
    main()
