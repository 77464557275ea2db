"""``evidence check``: every data set's findings, and each report as a run would open it."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from evidence_lib import cli
from evidence_lib.runs.check import check_study
from tests.runs.material import Place
from tests.runs.test_bad_trial_data import CASES, REPORT, Case, adlb, filled, put, written

Shown = Callable[[Place, Case], tuple[int, dict[str, Any]]]


@pytest.fixture
def place(tmp_path: Path) -> Place:
    return Place(tmp_path / "place")


@pytest.fixture
def shown(capsys: pytest.CaptureFixture[str]) -> Shown:
    """The exit code and the JSON of a check of a case."""

    def check(place: Place, case: Case) -> tuple[int, dict[str, Any]]:
        code = cli.main(["check", str(written(place, case).study), "--json"])
        return code, json.loads(capsys.readouterr().out)

    return check


def test_good_data_are_quiet(place: Place, shown: Shown) -> None:
    assert shown(place, Case("none", "", 0)) == (
        0,
        {"study": "small", "exit_code": 0, "errors": [], "warnings": []},
    )


def test_a_finding_says_data_set_rule_rows_example_and_how_to_mend(place: Place, shown: Shown) -> None:
    code, said = shown(place, Case("x", "", change={"adlb": filled(AVAL=["high"] * 7 + ["20"] * 5)}))
    (error,) = said["errors"]
    assert (code, error["exit_code"]) == (3, 3)
    assert (error["dataset"], error["rule"], error["rows"], error["report"]) == ("ADLB", "not_a_number", 7, None)
    assert error["where"] == "ADLB, rows 2, 3, 4, 5, 6 (+2)"
    assert error["text"] == (
        "AVAL holds something that is not a number. Write plain numbers, with a point before decimals."
    )


def test_errors_and_warnings_are_apart_on_the_terminal(place: Place, capsys: pytest.CaptureFixture[str]) -> None:
    case = Case("x", "", change={"adlb": put("AVAL", "high"), "adtte": put("AVAL", "0")})
    assert cli.main(["check", str(written(place, case).study)]) == 3
    errors, warnings = capsys.readouterr().out.split("Warnings (a run goes on)")
    assert "  small | ADLB, row 4 | AVAL holds something that is not a number." in errors
    assert "| [not_a_number]\n" in errors
    assert "zero_time" not in errors
    assert "  small | ADTTE, row 4 | AVAL is 0" in warnings
    assert "  first | ADTTE, row 4 | AVAL is 0" in warnings  # and again for the report that is about it


def test_a_damaged_data_set_does_not_hide_the_others(place: Place, shown: Shown) -> None:
    case = next(case for case in CASES if case.id == "69-cut-parquet")
    both = Case("x", "", change={"adtte": put("CNSR", "-1")}, write=case.write)
    _, said = shown(place, both)
    assert {line["rule"] for line in said["errors"]} >= {None, "censoring_negative"}
    assert any(line["where"] == "adlb.parquet" for line in said["errors"])


def test_a_data_set_that_no_report_uses_is_checked_too(place: Place) -> None:
    written(place, Case("none", "", 0))
    adlb().assign(PARAMCD="").to_csv(place.folder / "adam" / "advs.csv", index=False)
    found = check_study(place.study)
    assert found.exit_code == 3
    assert {line.dataset for line in found.lines if line.severity == "error"} == {"ADVS"}


def test_what_only_the_report_breaks_is_said_of_the_report(place: Place, shown: Shown) -> None:
    code, said = shown(place, Case("x", "", parameters={"treatment": "C"}))
    assert code == 3
    assert {line["report"] for line in said["errors"]} == {"first"}
    assert any("no arm C" in line["text"] for line in said["errors"])
    code, said = shown(place, Case("x", "", parameters={"strata": ["REGOIN"]}))
    assert code == 3
    assert any("REGOIN" in line["text"] for line in said["errors"])


def test_missing_data_and_a_missing_notebook_are_both_said(place: Place, shown: Shown) -> None:
    written(place, Case("none", "", 0))
    for path in (place.folder / "adam").iterdir():
        path.unlink()
    (place.folder / "notebooks" / "first.ipynb").unlink()
    found = check_study(place.study)
    assert found.exit_code == 10  # causes differ
    assert [line.report for line in found.lines if line.severity == "error"] == ["first", None]
    assert REPORT["notebook"] in found.lines[0].text + found.lines[0].where
