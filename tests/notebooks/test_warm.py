"""The demo report forked from a server and started from nothing: the same results and page, byte for byte."""

from __future__ import annotations

import json
import re
from pathlib import Path

from evidence_lib.runs.execute import execute
from evidence_lib.runs.jobs import Job
from evidence_lib.runs.plan import plan_report
from evidence_lib.study import load_study
from tests.published import DEMO

REPORT = "relapse-free-survival-premenopausal"


def cells(path: Path) -> list[tuple[str, object]]:
    """Ids and outputs of an executed notebook, without the times."""
    return [(cell["id"], cell.get("outputs")) for cell in json.loads(path.read_bytes())["cells"]]


def test_a_cold_start_gives_what_the_run_published(demo: Path, tmp_path: Path) -> None:
    study = load_study(DEMO)
    (report,) = [report for report in study.reports if report.id == REPORT]
    plan = plan_report(study, report)
    job = Job(
        report=REPORT,
        notebook=plan.notebook,
        parameters=plan.parameters,
        languages=tuple(study.study.languages),
        folder=study.folder.resolve(),
        out=tmp_path,
        timeout=300,
        run=json.loads((demo / "run.json").read_bytes()),
    )
    outcome = execute(job)
    assert outcome.exit_code == 0, outcome.message
    results, page = f"{REPORT}.results.json", f"{REPORT}.html"
    assert (tmp_path / results).read_bytes() == (demo / results).read_bytes()
    pages = [(folder / page).read_text(encoding="utf-8") for folder in (tmp_path, demo)]
    assert len({re.sub(r"<!-- run -->.*?<!-- /run -->", "", text, flags=re.DOTALL) for text in pages}) == 1
    assert cells(tmp_path / f"{REPORT}.ipynb") == cells(demo / f"{REPORT}.ipynb")


def test_the_stored_notebook_shows_every_display(demo: Path) -> None:
    notebook = json.loads((demo / f"{REPORT}.ipynb").read_bytes())
    recorded = [
        output["data"]
        for cell in notebook["cells"]
        for output in cell.get("outputs", [])
        if "application/vnd.evidence-lib.show+json" in output.get("data", {})
    ]
    assert len(recorded) > 15
    assert all("".join(data["text/html"]).startswith("<") for data in recorded)
