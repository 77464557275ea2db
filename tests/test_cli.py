"""The command line: start-up, exit codes, and one clear line for every mistake."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest

from evidence_lib import __version__, cli
from evidence_lib.errors import DataError
from evidence_lib.runs import check as checking
from evidence_lib.runs import run as running

ROOT = Path(__file__).parents[1]


def test_help_is_fast_because_it_imports_nothing_heavy() -> None:
    code = """
import sys
from evidence_lib import cli
try:
    cli.main(["--help"])
except SystemExit:
    print(sorted({"pandas", "numpy", "papermill", "jinja2", "pydantic", "psutil"} & set(sys.modules)))
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=ROOT, check=True)
    assert done.stdout.splitlines()[-1] == "[]"


@pytest.mark.parametrize("command", ["run", "check", "new"])
def test_each_command_has_help_with_an_example(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main([command, "--help"])
    assert ended.value.code == 0
    assert f"Example: evidence {command} " in capsys.readouterr().out


def test_version(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        cli.main(["--version"])
    assert capsys.readouterr().out == f"evidence {__version__}\n"


@pytest.mark.parametrize(
    "arguments", [[], ["unknown"], ["run"], ["run", "s.yml", "--jobs", "0"], ["run", "s.yml", "--jobs", "\u0663"]]
)
def test_wrong_arguments_exit_with_2(arguments: list[str], capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit) as ended:
        cli.main(arguments)
    assert ended.value.code == 2
    assert "usage: evidence" in capsys.readouterr().err


@pytest.mark.parametrize("command", ["run", "check"])
def test_missing_study_file_is_one_line_and_exit_2(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    assert cli.main([command, "absent.yml"]) == 2
    shown = capsys.readouterr()
    assert shown.err.startswith("evidence: absent.yml: no such study file")
    assert len(shown.err.splitlines()) == 1
    assert not list(tmp_path.iterdir())


def test_output_that_is_no_folder_exits_with_2(capsys: pytest.CaptureFixture[str]) -> None:
    assert cli.main(["run", str(ROOT / "data/gbsg2/study.yml"), "--out", "s3://bucket/x"]) == 2
    assert "evidence: --out: the output must be a folder of this machine" in capsys.readouterr().err


def fails_with(monkeypatch: pytest.MonkeyPatch, error: BaseException) -> None:
    """Make ``evidence check`` raise this."""

    def fail(_: Any) -> None:
        raise error

    monkeypatch.setattr(checking, "check_study", fail)


def test_error_of_the_family_gives_its_text_and_code(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(monkeypatch, DataError("a column is missing", where="adsl.csv", mend="add it"))
    assert cli.main(["check", "study.yml"]) == 3
    assert capsys.readouterr().err == "evidence: adsl.csv: a column is missing; add it\n"


def test_bug_shows_its_name_and_line_but_not_its_text(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    fails_with(monkeypatch, KeyError("patient 0042"))
    assert cli.main(["check", "study.yml"]) == 1
    shown = capsys.readouterr().err
    assert shown.startswith("evidence: a bug: KeyError at cli.py:")
    assert "0042" not in shown
    assert "Traceback" not in shown
    monkeypatch.setenv("EVIDENCE_DEBUG", "1")
    with pytest.raises(KeyError, match="0042"):
        cli.main(["check", "study.yml"])


def test_interrupt_exits_with_130(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    fails_with(monkeypatch, KeyboardInterrupt())
    assert cli.main(["check", "study.yml"]) == 130
    assert "Traceback" not in capsys.readouterr().err


def line(severity: Any, text: str, code: int = 3) -> checking.Line:
    """A line of a check."""
    return checking.Line(severity=severity, report="r", where="adtte.csv, rows 3", text=text, exit_code=code)


@pytest.mark.parametrize(
    ("lines", "code"),
    [
        ((), 0),
        ((line("warning", "zero time"),), 0),
        ((line("error", "blank"), line("warning", "zero time")), 3),
        ((line("error", "blank"), line("error", "no kernel", 4)), 10),
    ],
)
def test_check_separates_errors_from_warnings(
    lines: tuple[checking.Line, ...], code: int, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(checking, "check_study", lambda _: checking.StudyCheck("s", lines))
    assert cli.main(["check", "study.yml"]) == code
    errors, warnings = capsys.readouterr().out.split("Warnings (a run goes on)")
    for found in lines:
        assert f"  r | adtte.csv, rows 3 | {found.text}\n" in (errors if found.severity == "error" else warnings)
    assert cli.main(["check", "study.yml", "--json"]) == code
    record = json.loads(capsys.readouterr().out)
    assert (len(record["errors"]), record["exit_code"]) == (sum(found.severity == "error" for found in lines), code)


def test_run_ends_with_the_path_of_the_index(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "index.html").write_text("")
    outcome = running.RunOutcome(study="s", exit_code=0, published=tmp_path / "s" / "run")
    monkeypatch.setattr(running, "run_studies", lambda *_, **__: [outcome])
    assert cli.main(["run", "study.yml", "--out", str(tmp_path)]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == str(tmp_path / "index.html")
    assert cli.main(["run", "study.yml", "--out", str(tmp_path), "--json"]) == 0
    assert json.loads(capsys.readouterr().out)["studies"][0]["study"] == "s"


def test_new_refuses_to_overwrite_a_study(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    table = tmp_path / "patients.csv"
    rows = [f"{'AB'[i % 2]},{100 + 7 * i},{i % 3 % 2}" for i in range(40)]
    table.write_text("arm,time,status\n" + "\n".join(rows) + "\n")
    target = tmp_path / "mine" / "study.yml"
    assert cli.main(["new", str(tmp_path / "mine"), "--from", str(table)]) == 0
    said = capsys.readouterr().out
    assert said.splitlines()[-1] == f"next: evidence run {target}"
    assert "  - " in said
    before = target.read_bytes()
    assert cli.main(["new", str(tmp_path / "mine"), "--from", str(table)]) == 2
    assert target.read_bytes() == before
    assert capsys.readouterr().err.startswith("evidence: ")
