"""Bad notebooks (cases 33 to 44): exit code, message, and the last good run as it was, byte for byte."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest

from evidence_lib.runs.run import RunOutcome
from tests.runs.material import COMPLETE, PARAMETERS, Place, notebook, text_of

Fails = Callable[..., RunOutcome]


def refused(outcome: RunOutcome, code: int, *said: str) -> None:
    """The outcome has this code and says all of this."""
    assert outcome.exit_code == code
    for part in said:
        assert part in text_of(outcome)


def test_33_no_parameters_cell(fails: Fails) -> None:
    content = notebook(COMPLETE)
    del content["cells"][0]
    refused(fails(content), 4, "report first, notebook first", "one code cell tagged parameters", "found 0")


def test_33_two_parameters_cells(fails: Fails) -> None:
    content = notebook(COMPLETE)
    content["cells"].insert(1, {**content["cells"][0], "id": "again"})
    refused(fails(content), 4, "one code cell tagged parameters", "found 2")


def test_34_derived_default(fails: Fails) -> None:
    derived = PARAMETERS.replace("tau: float | None = None", "tau: float | None = len(report)")
    refused(fails(notebook(COMPLETE, parameters=derived)), 4, "a default that is computed", "tau")


@pytest.mark.parametrize(("kernel", "said"), [(None, "no kernel named"), ("ir", "the kernel 'ir'")])
def test_35_missing_kernelspec(fails: Fails, kernel: str | None, said: str) -> None:
    refused(fails(notebook(COMPLETE, kernel=kernel)), 4, "expected the kernel python3", said, "JupyterLab")


def test_36_truncated_json(fails: Fails) -> None:
    whole = json.dumps(notebook(COMPLETE), indent=1).encode()
    refused(fails(whole[: len(whole) // 2]), 4, "the notebook is damaged", "line", "version control")


def test_36_nbformat_3(fails: Fails) -> None:
    old = {"nbformat": 3, "nbformat_minor": 0, "metadata": {}, "worksheets": [{"cells": []}]}
    refused(fails(old), 4, "expected nbformat 4", "found nbformat 3")


@pytest.mark.parametrize("content", [b"[]", b"{}", b"3"])
def test_36_json_that_is_no_notebook(fails: Fails, content: bytes) -> None:
    refused(fails(content), 4, "the file is no notebook")


def test_37_empty_notebook(fails: Fails) -> None:
    empty = notebook()
    empty["cells"] = []
    refused(fails(empty), 4, "the notebook is empty", "rep.complete()")


@pytest.mark.parametrize("status", ["0", "3", ""])
def test_38_sys_exit_half_way(fails: Fails, status: str) -> None:
    content = notebook(f"import sys\nsys.exit({status})", COMPLETE)
    refused(fails(content), 4, "the notebook stopped itself with sys.exit", "first, cell 3 under 'A heading'")


def test_38_sys_exit_after_completion(fails: Fails) -> None:
    refused(fails(notebook(COMPLETE, "import sys\nsys.exit(0)", "1")), 4, "stopped itself with sys.exit")


@pytest.mark.parametrize(
    "cells",
    [
        ["import os\nos._exit(0)", COMPLETE],
        ["import os, signal\nos.kill(os.getpid(), signal.SIGKILL)", COMPLETE],
        [COMPLETE + "\nimport signal\nos.kill(os.getpid(), signal.SIGKILL)"],
    ],
    ids=["os._exit", "killed", "killed-in-the-last-cell"],
)
def test_39_kernel_dies(fails: Fails, cells: list[str]) -> None:
    refused(fails(notebook(*cells)), 6, "the kernel ended before the notebook did", "out of memory")


@pytest.mark.parametrize(
    ("cells", "said"),
    [
        (["try:\n    1 / 0\nexcept Exception:\n    pass"], "the file first.complete.json"),
        ([COMPLETE + '(out / "first.results.json").unlink()'], "the file first.results.json"),
        ([COMPLETE, '(out / "first.results.json").write_text("{}")'], "not those that the completion record names"),
        ([COMPLETE.replace('"rows": 0', '"rows": 7')], "expected 7; found 0"),
        ([COMPLETE.replace('{"report": report', '{"report": "second"')], "not those that the completion record names"),
    ],
    ids=["no-record", "no-results", "results-replaced", "rows-differ", "record-of-another-report"],
)
def test_44_expected_output_missing_after_a_caught_exception(fails: Fails, cells: list[str], said: str) -> None:
    refused(fails(notebook(*cells)), 4, said)


def test_an_exception_shows_its_name_and_place_but_not_its_text(fails: Fails, place: Place) -> None:
    outcome = fails(notebook('{}["patient 0042"]', COMPLETE))
    refused(outcome, 4, "first, cell 3 under 'A heading': the notebook raised KeyError", "first.ipynb, is kept")
    assert "0042" not in text_of(outcome)
    assert outcome.failed is not None
    assert "0042" in (outcome.failed / "first.ipynb").read_text(encoding="utf-8")
    assert (outcome.failed.parent.stat().st_mode & 0o777) == 0o700


def test_undeclared_parameter_is_refused_before_a_kernel_starts(fails: Fails) -> None:
    outcome = fails(notebook(COMPLETE), parameters="{conf_level: 0.9}")
    refused(outcome, 2, "study.yml, report first", "conf_level")
    assert outcome.reports == ()


def test_notebook_that_lacks_a_built_in_parameter(fails: Fails) -> None:
    lines = [line for line in PARAMETERS.splitlines() if not line.startswith("language")]
    refused(
        fails(notebook(COMPLETE, parameters="\n".join(lines))), 4, "expected study, report, language", "no language"
    )


def test_missing_notebook_names_the_nearest(place: Place) -> None:
    text = place.study.read_text().replace("notebook: first", "notebook: frist")
    place.study.write_text(text)
    refused(place.run(), 4, "notebook frist", "did you mean first?")


def test_stored_outputs_do_not_matter(place: Place) -> None:
    content: dict[str, Any] = notebook(COMPLETE)
    content["cells"][2]["outputs"] = [{"output_type": "error", "ename": "Old", "evalue": "old", "traceback": []}]
    content["cells"][2]["execution_count"] = 9
    place.write(place.study.read_text(), first=content)
    assert place.run().exit_code == 0
