"""Trivial studies whose notebooks write results and completion record by hand, so that each fault stands alone."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from evidence_lib.runs.run import RunOutcome, run_study
from evidence_lib.runs.warm import Server

ROOT = Path(__file__).parents[2]
PLAIN_WORKER = (sys.executable, str(Path(__file__).with_name("plain_worker.py")))
PLAIN_SERVER = (sys.executable, str(Path(__file__).with_name("plain_server.py")))
PARAMETERS = (
    'study: str = "study.yml"\nreport: str = "first"\nlanguage: str = "en"\ntau: float | None = None  # in unit'
)
COMPLETE = """
import hashlib, json, os
from pathlib import Path
out = Path(os.environ["EVIDENCE_OUT"])
empty = {"results": [], "tables": {}, "gates": []}
text = json.dumps({"schema": "evidence-results/1", "study": "s", "report": report, **empty})
(out / f"{report}.results.json").write_text(text)
record = {"report": report, "results_sha256": hashlib.sha256(text.encode()).hexdigest(), "rows": 0}
(out / f"{report}.complete.json").write_text(json.dumps(record))
"""


def notebook(*cells: str, parameters: str = PARAMETERS, kernel: str | None = "python3") -> dict[str, Any]:
    """A notebook with a parameters cell, a heading and these code cells."""

    def code(number: int, source: str, *tags: str) -> dict[str, Any]:
        metadata = {"tags": list(tags)} if tags else {}
        return {
            "cell_type": "code",
            "id": f"c{number}",
            "metadata": metadata,
            "source": source,
            "outputs": [],
            "execution_count": None,
        }

    heading = {"cell_type": "markdown", "id": "h", "metadata": {}, "source": "# A heading"}
    return {
        "nbformat": 4,
        "nbformat_minor": 5,
        "metadata": {"kernelspec": {"name": kernel, "display_name": "P", "language": "python"}} if kernel else {},
        "cells": [code(0, parameters, "parameters"), heading, *(code(i, c) for i, c in enumerate(cells, 1))],
    }


def study_text(*reports: str, timeout: str = "60s", parameters: str = "{}", id: str = "small") -> str:
    """A study file whose reports each have a notebook of their own name."""
    head = f"""version: 1
study: {{id: {id}, title: "A <small> study", design: randomised}}
data:
  kind: adam
  path: adam
  cutoff: {{unknown: "made up"}}
  blinding: {{unblinded: {{date: {{unknown: "made up"}}, person: nobody, reason: "made-up data"}}}}
disclosure: {{preset: none, reason: "made-up data"}}
reports:
"""
    return head + "".join(
        f"""  - id: {report}
    notebook: {report}
    parameters: {parameters}
    primary_measure: hazard_ratio
    timeout: {timeout}
    estimand: {{treatment: a, population: b, variable: c, intercurrent_events: [d], summary: e}}
"""
        for report in reports
    )


class Place:
    """A study folder with its output folder, for one test."""

    server: Server  # that of all these tests

    def __init__(self, base: Path) -> None:
        self.base, self.folder, self.out = base, base / "study", base / "out"
        self.study = self.folder / "study.yml"

    def write(self, text: str, **notebooks: Any) -> Place:
        """Write study file, data and notebooks (dicts as JSON, bytes and texts as they are)."""
        (self.folder / "notebooks").mkdir(parents=True, exist_ok=True)
        (self.folder / "adam").mkdir(exist_ok=True)
        (self.folder / "adam" / "adsl.csv").write_text("USUBJID\n1\n")
        self.study.write_text(text)
        for name, content in notebooks.items():
            data = json.dumps(content).encode() if isinstance(content, dict) else content
            (self.folder / "notebooks" / f"{name}.ipynb").write_bytes(data)
        return self

    def run(self, **choices: Any) -> RunOutcome:
        """Run the study."""
        return run_study(self.study, out=self.out, server=self.server, **choices)

    def published(self) -> dict[str, bytes]:
        """Every file of every published run, with the target of ``latest``."""
        files = {
            path.relative_to(self.out).as_posix(): path.read_bytes()
            for path in self.out.glob("*/[0-9]*/*")
            if path.is_file()
        }
        return files | {"latest": str((self.out / "small" / "latest").readlink()).encode()}


def text_of(outcome: RunOutcome) -> str:
    """Everything the outcome says to the user."""
    return "\n".join(filter(None, [outcome.message, *(report.message for report in outcome.reports)]))
