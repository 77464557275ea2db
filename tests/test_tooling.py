"""Set-up, demo data and the rules of the test run, tried in scratch folders with stand-ins for what they call."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import warnings
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
TOOLS = ("sh", "dirname", "cat", "sha256sum", "shasum", "cut", "mktemp", "rm", "mv", "find", "sort", "env", "perl")

needs_sh = pytest.mark.skipif(os.name == "nt", reason="make and sh are not used on Windows")


def program(folder: Path, name: str, body: str) -> None:
    folder.mkdir(exist_ok=True)
    (folder / name).write_text(f"#!/bin/sh\n{body}\n", encoding="utf-8")
    (folder / name).chmod(0o755)


@pytest.fixture
def place(tmp_path: Path) -> Path:
    """A project folder with a blank in its name, and a ``bin`` that is all of PATH."""
    project = tmp_path / "a project"
    shutil.copytree(ROOT / "tools", project / "tools")
    (project / "requirements.lock").write_text("nothing==1\n", encoding="utf-8")
    (project / "pyproject.toml").write_text("[project]\n", encoding="utf-8")
    (project / "bin").mkdir()
    for tool in TOOLS:
        if found := shutil.which(tool):
            (project / "bin" / tool).symlink_to(found)
    return project


def run(project: Path, script: str, **environment: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [shutil.which("sh") or "sh", f"tools/{script}"],
        cwd=project,
        env={"PATH": str(project / "bin"), **environment},
        capture_output=True,
        text=True,
        check=False,
    )


def python_without_ensurepip(project: Path) -> None:
    program(project / "bin", "python3", f'case "$*" in *ensurepip*) exit 1;; esac\nexec "{sys.executable}" "$@"')


@needs_sh
def test_without_a_python_set_up_says_what_is_needed(place: Path) -> None:
    program(place / "bin", "python3", "exit 1")
    ended = run(place, "setup.sh")
    assert ended.returncode == 1
    assert "Python 3.11 or later is needed" in ended.stderr


@needs_sh
def test_without_ensurepip_an_ordinary_user_gets_the_one_command_to_type(place: Path) -> None:
    python_without_ensurepip(place)
    program(place / "bin", "apt-get", f'touch "{place}/called"')
    program(place / "bin", "id", "echo 1000")
    program(place / "bin", "sudo", "exit 1")
    ended = run(place, "setup.sh")
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    assert ended.returncode == 1
    assert f"sudo apt-get install {package}" in ended.stderr
    assert not (place / "called").exists()
    assert not (place / ".venv").exists()


@needs_sh
@pytest.mark.parametrize(("user", "prefix"), [("0", ""), ("1000", "sudo -n ")])
def test_without_ensurepip_root_or_sudo_installs_the_package(place: Path, user: str, prefix: str) -> None:
    python_without_ensurepip(place)
    program(place / "bin", "apt-get", f'echo "apt-get $*" >>"{place}/called"')
    program(place / "bin", "id", f"echo {user}")
    program(place / "bin", "sudo", f'echo "sudo $*" >>"{place}/called"')
    ended = run(place, "setup.sh")
    package = f"python{sys.version_info.major}.{sys.version_info.minor}-venv"
    called = (place / "called").read_text(encoding="utf-8")
    assert "apt-get update" in called
    assert f"apt-get install -y -qq {package}" in called
    assert all(line.startswith(prefix or "apt-get") for line in called.splitlines())
    assert ended.returncode == 1  # the stand-in installed nothing, and set-up looks again before it goes on
    assert "sudo apt-get install" in ended.stderr


@needs_sh
def test_a_set_up_that_is_in_step_starts_nothing(place: Path) -> None:
    recorder = f'echo "$*" >>"{place}/called"'
    program(place / "bin", "python3", recorder)
    (place / ".venv").mkdir()
    program(place / ".venv" / "bin", "python", recorder)
    lock = subprocess.run(["sha256sum", "requirements.lock"], cwd=place, capture_output=True, text=True, check=True)
    project = subprocess.run(["sha256sum", "pyproject.toml"], cwd=place, capture_output=True, text=True, check=True)
    (place / ".venv" / ".environment").write_text(f"{lock.stdout.split()[0]} {place.resolve()}\n", encoding="utf-8")
    (place / ".venv" / ".project").write_text(project.stdout.split()[0] + "\n", encoding="utf-8")
    assert run(place, "setup.sh").returncode == 0
    assert (place / "called").read_text(encoding="utf-8").split() == ["-c"]  # only: does it still start?

    (place / "pyproject.toml").write_text("[project]\nname = 'x'\n", encoding="utf-8")
    assert run(place, "setup.sh").returncode == 0
    assert "--editable ." in (place / "called").read_text(encoding="utf-8")


@needs_sh
def test_a_changed_lock_builds_again_and_a_failed_build_keeps_the_old_environment(place: Path) -> None:
    program(place / "bin", "python3", 'case "$*" in *venv\\ --prompt*) exit 9;; esac')
    (place / ".venv").mkdir()
    program(place / ".venv" / "bin", "python", "exit 0")
    (place / ".venv" / ".environment").write_text("of another lock\n", encoding="utf-8")
    ended = run(place, "setup.sh")
    assert ended.returncode == 9
    assert "Setting up .venv" in ended.stdout
    assert (place / ".venv" / "bin" / "python").exists()
    assert not (place / ".venv.tmp").exists()


@needs_sh
def test_demo_data_are_made_once_and_again_when_something_changed(place: Path) -> None:
    (place / ".venv" / "bin").mkdir(parents=True)
    (place / ".venv" / "bin" / "python").symlink_to(sys.executable)
    study = place / "data" / "a study"
    study.mkdir(parents=True)
    script = study / "make_data.py"
    written, count = study / "adam" / "adsl.csv", place / "count"
    script.write_text(
        "from pathlib import Path\n"
        f"Path({str(written)!r}).parent.mkdir(exist_ok=True)\n"
        f"Path({str(written)!r}).write_text('SUBJ,1')\n"
        f"Path({str(count)!r}).open('a').write('x')\n",
        encoding="utf-8",
    )

    def times_made() -> int:
        ended = run(place, "make_data.sh")
        assert ended.returncode == 0, ended.stderr
        return len(count.read_text(encoding="utf-8"))

    assert times_made() == 1
    assert times_made() == 1
    written.unlink()
    assert times_made() == 2
    written.write_text("SUBJ,2", encoding="utf-8")
    assert times_made() == 3
    (place / "requirements.lock").write_text("nothing==2\n", encoding="utf-8")
    assert times_made() == 4
    script.write_text(script.read_text(encoding="utf-8") + "# changed\n", encoding="utf-8")
    assert times_made() == 5
    assert times_made() == 5

    script.write_text("raise SystemExit(3)\n", encoding="utf-8")
    assert run(place, "make_data.sh").returncode == 3
    assert not (study / ".made").exists()


RULES = """
import numpy as np
import pytest

def test_touches():
    np.random.random()

def test_has_its_own():
    np.random.default_rng(1).random()

@pytest.mark.engine("no-such-program")
def test_needs_an_engine():
    pass
"""


@pytest.mark.parametrize(("required", "skipped", "errors"), [("", 1, 1), ("engine browser", 0, 2)])
def test_the_rules_of_the_test_run(tmp_path: Path, required: str, skipped: int, errors: int) -> None:
    (tmp_path / "test_rules.py").write_text(RULES, encoding="utf-8")
    ended = subprocess.run(
        [sys.executable, "-m", "pytest", "-c", "pyproject.toml", "-q", "-p", "tests.conftest", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "EVIDENCE_REQUIRE": required},
        capture_output=True,
        text=True,
        check=False,
    )
    last = ended.stdout.strip().splitlines()[-1]
    assert "2 passed" in last  # the one that touches passes itself, and then its clean-up is an error
    assert "ERROR at teardown of test_touches" in ended.stdout
    assert "AssertionError: the test used numpy's global random generator" in ended.stdout
    assert f"{errors} error" in last
    assert ("1 skipped" in last) == bool(skipped)


@pytest.mark.parametrize("module", ["evidence_lib.results", "tests.test_tooling"])
def test_a_warning_of_ours_is_an_error(module: str) -> None:
    with pytest.raises(UserWarning, match="ours"):
        warnings.warn_explicit("ours", UserWarning, "file.py", 1, module=module)


def test_this_module_has_the_name_that_the_filter_expects() -> None:
    assert __name__ == "tests.test_tooling"
