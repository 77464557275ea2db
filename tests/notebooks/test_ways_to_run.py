"""The same notebook by ``evidence run``, by plain papermill and as JupyterLab runs it: the same numbers every time."""

from __future__ import annotations

import json
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import nbformat
import pytest
from nbclient import NotebookClient

from tests.published import DEMO, ROOT, outcome, patients, published, records, results_of, small_study

NOTEBOOK = ROOT / "notebooks" / "trial" / "survival.ipynb"
REPORT = "relapse-free-survival-premenopausal"


def papermill(*arguments: str, cwd: Path, out: Path) -> subprocess.CompletedProcess[str]:
    """Plain papermill, started in ``cwd``, with the notebook's path as seen from there."""
    environment = {**os.environ, "EVIDENCE_OUT": str(out), "PYTHONPATH": str(ROOT)}
    source, target = os.path.relpath(NOTEBOOK, cwd), str(out / "executed.ipynb")
    command = [sys.executable, "-m", "papermill", "--no-progress-bar", source, target, *arguments]
    return subprocess.run(
        command, cwd=cwd, env=environment, capture_output=True, text=True, encoding="utf-8", timeout=300
    )


def assert_same(found: dict[str, Any], expected: dict[str, Any]) -> None:
    """Equal but for the last bits of numbers: linear algebra may differ there with the number of threads."""
    assert len(found["results"]) == len(expected["results"])
    for ours, theirs in zip(found["results"], expected["results"], strict=True):
        for name in ("value", "second_value"):
            if theirs[name] is not None:
                assert ours.pop(name) == pytest.approx(theirs.pop(name), rel=1e-7, abs=1e-12), ours
        assert ours == theirs
    assert found["tables"].keys() == expected["tables"].keys()
    assert [gate["result"] for gate in found["gates"]] == [gate["result"] for gate in expected["gates"]]


@pytest.mark.parametrize("folder", [ROOT, NOTEBOOK.parent], ids=["repository", "notebook-folder"])
def test_plain_papermill_writes_the_same_results(folder: Path, demo: Path, tmp_path: Path) -> None:
    done = papermill("-p", "report", REPORT, cwd=folder, out=tmp_path)
    assert done.returncode == 0, done.stderr[-2000:]
    assert_same(results_of(tmp_path / f"{REPORT}.results.json"), results_of(demo / f"{REPORT}.results.json"))
    assert (tmp_path / f"{REPORT}.complete.json").is_file()


def test_the_notebook_as_it_is_runs_in_its_own_folder_as_in_jupyterlab(
    demo: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVIDENCE_OUT", str(tmp_path))
    monkeypatch.setenv("PYTHONPATH", str(ROOT))
    notebook = nbformat.read(NOTEBOOK, as_version=4)
    NotebookClient(notebook, timeout=300, resources={"metadata": {"path": str(NOTEBOOK.parent)}}).execute()
    name = "relapse-free-survival.results.json"
    assert_same(results_of(tmp_path / name), results_of(demo / name))
    shown = [output for cell in notebook.cells for output in cell.get("outputs", []) if "data" in output]
    assert sum("<img" in output["data"].get("text/html", "") for output in shown) >= 3
    assert not any(output.output_type == "stream" for cell in notebook.cells for output in cell.get("outputs", []))


def test_a_list_typed_as_text_is_refused_with_a_hint(tmp_path: Path) -> None:
    done = papermill("-p", "times", "[1,2]", cwd=ROOT, out=tmp_path)
    assert done.returncode != 0
    assert "ParameterError" in done.stderr
    assert re.search(r"times.*-y", done.stderr, re.DOTALL)
    assert not list(tmp_path.glob("*.json"))


def without_run_blocks(page: str) -> str:
    kept, count = re.subn(r"<!-- run -->.*?<!-- /run -->", "", page, flags=re.DOTALL)
    assert count >= 3
    return kept


def test_the_same_input_gives_the_same_bytes(demo: Path, tmp_path: Path) -> None:
    again = published(DEMO, tmp_path / "out", "--only", REPORT)
    assert again.name != demo.name
    name = f"{REPORT}.results.json"
    assert (again / name).read_bytes() == (demo / name).read_bytes()
    pages = [(run / f"{REPORT}.html").read_text(encoding="utf-8") for run in (again, demo)]
    assert pages[0] != pages[1]  # the run's own id is in its blocks
    assert without_run_blocks(pages[0]) == without_run_blocks(pages[1])
    assert not any(run.name in without_run_blocks(page) for run, page in zip((again, demo), pages, strict=True))


def test_a_number_whose_recalculation_disagrees_fails_the_run(tmp_path: Path) -> None:
    """A copy of the notebook in which the twin of one statistic is off by one in a thousand."""
    adsl = patients()
    asked = {"endpoint": "OS", "treatment": "A", "reference": "B", "unit": "months", "tau": 9, "times": [6]}
    study = small_study(
        tmp_path / "study", adsl=adsl, adtte=records(adsl, "OS"), reports=[asked | {"baseline": ["AGE"]}]
    )
    notebook = json.loads(NOTEBOOK.read_text(encoding="utf-8"))
    spoil = (
        "from dataclasses import replace\n"
        "from evidence_lib.recalculation import survival as second\n"
        "honest = second.rmst\n"
        "second.rmst = lambda **given: replace(honest(**given), estimate=honest(**given).estimate * 1.001)\n"
    )
    position = next(i for i, cell in enumerate(notebook["cells"]) if "open_report(" in "".join(cell["source"])) + 1
    cell = {"cell_type": "code", "id": "spoil", "metadata": {}, "source": spoil, "outputs": [], "execution_count": None}
    notebook["cells"].insert(position, cell)
    own = tmp_path / "study" / "notebooks" / "trial"
    own.mkdir(parents=True)
    (own / "survival.ipynb").write_text(json.dumps(notebook), encoding="utf-8")
    code, reports = outcome(study, tmp_path / "out")
    assert code == 4
    assert reports["os"]["cause"] == "RecalculationError"
    assert "rmst" in reports["os"]["message"]
    assert not list((tmp_path / "out").rglob("os.html"))
    assert not list((tmp_path / "out").rglob("latest"))
