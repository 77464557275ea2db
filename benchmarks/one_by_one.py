"""Wall time of ``evidence run`` against papermill and ``jupyter nbconvert`` on the command line, report by report.

    python -m benchmarks.one_by_one [--study data/gbsg2/study.yml] [--repeats 3]

Both ways execute the same notebooks with the same parameters and end with an HTML page per report. They take turns,
so that a slow spell of the machine meets both; the medians and their ratio are printed, with the processor time of
all processes and the load of the machine, which tell whether others used it meanwhile.
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
    ways = {"evidence run": evidence_run, "papermill + nbconvert": one_by_one}
    seconds: dict[str, list[float]] = {name: [] for name in ways}
    processor: dict[str, list[float]] = {name: [] for name in ways}
    for _ in range(given.repeats):
        for name, way in ways.items():
            with tempfile.TemporaryDirectory() as folder:
                started, used = time.perf_counter(), children_seconds()
                way(study_file, Path(folder))
                seconds[name].append(time.perf_counter() - started)
                processor[name].append(children_seconds() - used)
    for name, times in seconds.items():
        each = ", ".join(f"{one:.1f}" for one in times)
        used = statistics.median(processor[name])
        print(f"{name:<24}{statistics.median(times):7.1f} s   ({each}), {used:.1f} s of processors")
    ours, theirs = (statistics.median(times) for times in seconds.values())
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    print(f"{'ratio of medians':<24}{theirs / ours:7.2f}   ({os.cpu_count()} processors{load})")


def children_seconds() -> float:
    """Processor time of all processes that were started here and have ended."""
    times = os.times()
    return times.children_user + times.children_system


if __name__ == "__main__":
    main()
