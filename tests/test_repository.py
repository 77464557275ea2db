"""The top level of the repository says the same thing everywhere: versions, commands, checks, pinned packages."""

from __future__ import annotations

import ast
import json
import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
import yaml
from packaging.requirements import Requirement
from packaging.specifiers import SpecifierSet
from packaging.utils import canonicalize_name

from evidence_lib import __version__
from evidence_lib.cli import main

ROOT = Path(__file__).parents[1]
PYPROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
PROJECT = PYPROJECT["project"]
LOCK = (ROOT / "requirements.lock").read_text(encoding="utf-8")
NOTEBOOKS = sorted((ROOT / "notebooks").rglob("*.ipynb"))
PYTHONS = ("3.11.2", "3.12.0", "3.13.0")


def text_of(name: str) -> str:
    return (ROOT / name).read_text(encoding="utf-8")


def make_targets() -> set[str]:
    return set(re.findall(r"^([a-z]+):", text_of("Makefile"), flags=re.MULTILINE))


# Pinned packages


def pins() -> list[tuple[Requirement, int]]:
    """Each requirement of the lock with its number of hashes."""
    found = []
    for entry in re.split(r"\n(?=[A-Za-z0-9])", LOCK.strip()):
        head = entry.splitlines()[0].rstrip(" \\")
        found.append((Requirement(head), len(re.findall(r"^ +--hash=sha256:[0-9a-f]{64}", entry, flags=re.MULTILINE))))
    return found


def direct() -> list[Requirement]:
    listed = [*PROJECT["dependencies"], *PYPROJECT["build-system"]["requires"]]
    for extra in ("lab", "test"):
        listed += PROJECT["optional-dependencies"][extra]
    return [Requirement(text) for text in listed]


def test_every_pin_is_exact_and_has_a_hash() -> None:
    assert len(pins()) > 100
    assert [str(pin) for pin, hashes in pins() if not hashes] == []
    assert [str(pin) for pin, _ in pins() if not re.fullmatch(r"==[^,*]+", str(pin.specifier))] == []


def test_the_lock_names_no_place_to_fetch_from() -> None:
    lines = [line for line in LOCK.splitlines() if not line.strip().startswith("--hash=sha256:")]
    assert [line for line in lines if "://" in line or " @ " in line or line.startswith("-")] == []


@pytest.mark.parametrize("python", PYTHONS)
@pytest.mark.parametrize("requirement", direct(), ids=lambda requirement: requirement.name)
def test_every_direct_dependency_is_pinned_within_its_range(requirement: Requirement, python: str) -> None:
    here = {
        "python_full_version": python,
        "python_version": python.rsplit(".", 1)[0],
        "sys_platform": "linux",
        "platform_system": "Linux",
        "os_name": "posix",
    }
    chosen = [
        pin
        for pin, _ in pins()
        if canonicalize_name(pin.name) == canonicalize_name(requirement.name)
        and (pin.marker is None or pin.marker.evaluate(here))
    ]
    assert len(chosen) == 1
    assert requirement.specifier.contains(str(chosen[0].specifier).removeprefix("=="), prereleases=True)


# An import name whose distribution has another name, or comes with one that is declared.
DISTRIBUTION_OF = {
    "yaml": "pyyaml",
    "markupsafe": "jinja2",
    "pydantic_core": "pydantic",
    "IPython": "ipykernel",
    "traitlets": "nbconvert",
}


def test_the_package_imports_only_declared_dependencies() -> None:
    declared = {canonicalize_name(Requirement(text).name) for text in PROJECT["dependencies"]}
    undeclared = set()
    for path in (ROOT / "evidence_lib").rglob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            names = [alias.name for alias in node.names] if isinstance(node, ast.Import) else []
            names += [node.module or ""] if isinstance(node, ast.ImportFrom) and not node.level else []
            for top in {name.split(".")[0] for name in names} - sys.stdlib_module_names - {"evidence_lib"}:
                if canonicalize_name(DISTRIBUTION_OF.get(top, top)) not in declared:
                    undeclared.add(top)
    assert undeclared == set()


def test_environment_yml_is_in_step_with_pyproject() -> None:
    environment = yaml.safe_load(text_of("environment.yml"))
    python, pip, listed = environment["dependencies"]
    assert SpecifierSet(python.removeprefix("python")) == SpecifierSet(PROJECT["requires-python"])
    assert pip == "pip"
    assert listed == {"pip": ["--requirement requirements.lock"]}


def test_the_oldest_python_is_the_same_everywhere() -> None:
    oldest = PROJECT["requires-python"].removeprefix(">=")
    major, minor = oldest.split(".")
    assert PYPROJECT["tool"]["ruff"]["target-version"] == f"py{major}{minor}"
    assert f"sys.version_info < ({major}, {minor})" in text_of("tools/setup.sh")
    assert f"--python-version {oldest}" in text_of("Makefile")
    assert f"Python {oldest} or later" in text_of("README.md")


# Commands


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md", ".ci/run", "tools/setup.sh"])
def test_every_make_command_that_is_named_exists(name: str) -> None:
    # Not "and make it": a command stands in backquotes, at the start of a line, or after a shell's word.
    named = set(re.findall(r"(?:^|`|\n|twice )make ([a-z]+)", text_of(name)))
    assert named - {"again"} <= make_targets()


def test_the_readme_names_the_two_commands_and_ci_runs_the_tests_last() -> None:
    assert {"report", "test"} <= set(re.findall(r"^make ([a-z]+)", text_of("README.md"), flags=re.MULTILINE))
    assert text_of(".ci/run").rstrip().splitlines()[-1] == "make test"


@pytest.mark.skipif(os.name == "nt", reason="Windows keeps no executable bit")
def test_ci_run_is_executable() -> None:
    assert os.access(ROOT / ".ci" / "run", os.X_OK)


def test_every_evidence_command_of_the_readme_exists(capsys: pytest.CaptureFixture[str]) -> None:
    named = set(
        re.findall(r"evidence (new|[a-z]+) ", "\n".join(re.findall(r"^.*evidence [a-z]+ .*$", _code_blocks(), re.M)))
    )
    assert {"new", "check", "run"} <= named
    for command in named:
        with pytest.raises(SystemExit) as ended:
            main([command, "--help"])
        assert ended.value.code == 0
        assert command in capsys.readouterr().out


def _code_blocks() -> str:
    return "\n".join(re.findall(r"```[a-z]*\n(.*?)```", text_of("README.md"), flags=re.DOTALL))


@pytest.mark.parametrize("name", ["README.md", "CONTRIBUTING.md"])
def test_every_file_that_is_linked_exists(name: str) -> None:
    linked = re.findall(r"\]\(([^)#:]+)\)", text_of(name))
    assert [link for link in linked if not (ROOT / link).exists()] == []


def test_pre_commit_runs_the_checks_of_make_lint() -> None:
    (repository,) = yaml.safe_load(text_of(".pre-commit-config.yaml"))["repos"]
    assert repository["repo"] == "local"
    checks = {
        re.sub(r" \.$", "", line.strip())
        for line in re.findall(r"^\t(\.venv/bin/python -m .*)$", text_of("Makefile"), re.M)
    }
    assert {hook["entry"] for hook in repository["hooks"]} == checks


def test_the_changelog_has_this_version() -> None:
    headings = re.findall(r"^## (.*)$", text_of("CHANGELOG.md"), flags=re.MULTILINE)
    assert headings[0].split()[0] == __version__


# What may not be in the tree


def tracked() -> list[Path]:
    listed = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False)
    if listed.returncode:
        pytest.skip("not a git checkout")
    return [path for name in listed.stdout.decode().split("\0") if name and (path := ROOT / name).is_file()]


# Written in pieces, so that this file does not name what it looks for.
HOSTS = "|".join(("py" + r"pi\.org", "python" + r"hosted\.org", "anaconda" + r"\.org", "npm" + r"js\.(org|com)"))
REGISTRY = re.compile(rf"{HOSTS}|https?://(registry|files|deb|conda)\.|https?://\S+/simple\b|--(extra-)?index-url")
MACHINE_PATH = re.compile(r"(^|[^\w.~-])/([w]ork|[r]oot|[f]arm|[h]ome|[U]sers)/\w", flags=re.MULTILINE)


@pytest.mark.parametrize(("what", "pattern"), [("a registry's host", REGISTRY), ("a machine's path", MACHINE_PATH)])
def test_no_tracked_file_names(what: str, pattern: re.Pattern[str]) -> None:
    found = []
    for path in tracked():
        data = path.read_bytes()
        if b"\0" not in data and (match := pattern.search(data.decode("utf-8", errors="replace"))):
            found.append(f"{path.relative_to(ROOT)}: {match.group()}")
    assert found == [], what


def test_the_patterns_find_what_they_look_for() -> None:
    assert REGISTRY.search("pip install --index" + "-url x")
    assert REGISTRY.search("https:" + "//files.example/x")
    assert MACHINE_PATH.search("see /" + "home/anna/trial")
    assert not MACHINE_PATH.search("docs/home/page")


# Notebooks


def cells_of(path: Path, kind: str) -> list[dict[str, Any]]:
    cells = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return [{**cell, "source": "".join(cell["source"])} for cell in cells if cell["cell_type"] == kind]


def is_parameters(cell: dict[str, Any]) -> bool:
    return "parameters" in cell["metadata"].get("tags", [])


def test_there_are_notebooks() -> None:
    assert NOTEBOOKS


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_committed_without_outputs(path: Path) -> None:
    assert [c["source"] for c in cells_of(path, "code") if c["outputs"] or c["execution_count"] is not None] == []


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_has_one_title_and_then_one_parameters_cell(path: Path) -> None:
    titles = re.findall(r"^# ", "\n\n".join(cell["source"] for cell in cells_of(path, "markdown")), flags=re.MULTILINE)
    assert len(titles) == 1
    assert [is_parameters(cell) for cell in cells_of(path, "code")].count(True) == 1
    assert is_parameters(cells_of(path, "code")[0])


@pytest.mark.parametrize("path", NOTEBOOKS, ids=lambda path: path.stem)
def test_a_notebook_is_short_and_defines_nothing(path: Path) -> None:
    code = cells_of(path, "code")
    assert len(code) <= 15
    assert [cell["source"] for cell in code if not is_parameters(cell) and len(cell["source"].splitlines()) > 12] == []
    for cell in code:
        for node in ast.walk(ast.parse(cell["source"])):
            assert not isinstance(
                node, ast.FunctionDef | ast.AsyncFunctionDef | ast.ClassDef | ast.Lambda | ast.For | ast.While
            ), f"line {node.lineno} of: {cell['source']}"
