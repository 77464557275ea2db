"""Imports only point the way the rooms allow, read from the syntax tree of every module.

An import counts wherever it stands: at the top, inside a function, under ``TYPE_CHECKING``, relative, or by
``import_module`` with a name that begins in the text.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = "evidence_lib"
SOURCE = Path(__file__).parents[1] / PACKAGE

# Single files. A package of the same name stands for the file.
FILES = {
    "errors": set(),
    "language": {"errors"},
    "results": {"errors", "language"},
    "conventions": {"errors"},
    "study": {"errors", "results", "language", "conventions"},
    "disclosure": {"errors", "results"},
}
_STATISTICS = {"errors", "language", "results", "conventions"}
_DATA = {*FILES, "statistics", "recalculation"}
_SESSION = {*_DATA, "data", "endpoints", "rehearsal", "report"}
ALLOWED: dict[str, set[str]] = {
    **FILES,
    "statistics": _STATISTICS,
    "recalculation": _STATISTICS,  # never the statistics that it checks
    "data": _DATA,
    "endpoints": {*_DATA, "data"},
    "rehearsal": {*FILES, "statistics", "data"},  # not endpoints: it would validate them with themselves
    "report": {*FILES, "statistics"},  # neither data nor endpoints
    "session": _SESSION,
    "runs": {*_SESSION, "session"},
    "cli": {*_SESSION, "session", "runs"},
}
ROOMS_WITH_A_FOLDER = set(ALLOWED) - set(FILES) - {"session", "cli"}
# Loading one of these takes a noticeable part of a command's start: they are imported where they are used.
HEAVY = {"scipy.stats", "statsmodels", "lifelines", "matplotlib", "great_tables", "seaborn", "papermill", "nbconvert"}


def module_name(path: Path) -> str:
    parts = path.relative_to(SOURCE.parent).with_suffix("").parts
    return ".".join(parts[:-1] if parts[-1] == "__init__" else parts)


def _text_start(node: ast.expr) -> str:
    if isinstance(node, ast.JoinedStr) and node.values:
        node = node.values[0]
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else ""


def imported(tree: ast.AST, module: str, *, is_package: bool) -> Iterator[tuple[int, str]]:
    """Line and full name of everything imported; ``from a import b`` gives ``a.b``."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((node.lineno, name.name) for name in node.names)
        elif isinstance(node, ast.ImportFrom):
            base = node.module or ""
            if node.level:
                package = module.split(".") if is_package else module.split(".")[:-1]
                kept = package[: len(package) - node.level + 1]
                base = ".".join([*kept, *([node.module] if node.module else [])])
            yield from ((node.lineno, f"{base}.{name.name}") for name in node.names)
        elif isinstance(node, ast.Call) and node.args:
            called = node.func.attr if isinstance(node.func, ast.Attribute) else getattr(node.func, "id", "")
            if called in {"import_module", "__import__"}:
                yield node.lineno, _text_start(node.args[0])


def room_of(name: str) -> str | None:
    """The room of a dotted name of ours; None for the package itself and for what is not ours."""
    parts = name.split(".")
    if parts[0] != PACKAGE or len(parts) == 1 or parts[1].startswith("__"):
        return None
    return parts[1]


def forbidden(code: str, module: str, *, is_package: bool = False) -> list[str]:
    """What a module imports against the table."""
    room = room_of(module)
    if room is None:
        return []
    if room not in ALLOWED:
        return [f"{module}: no room of this name in the table"]
    found = []
    for line, name in imported(ast.parse(code), module, is_package=is_package):
        target = room_of(name)
        if target is not None and target != room and target not in ALLOWED[room]:
            found.append(f"{module}, line {line}: {room} may not import {target} ({name})")
    return found


def handed_on_wrongly(code: str, module: str) -> list[str]:
    """What an ``__init__`` imports that it may not: a room's nothing, an inner package's only from itself."""
    names = [
        (line, name) for line, name in imported(ast.parse(code), module, is_package=True) if "__future__" not in name
    ]
    is_room = module == PACKAGE or module.removeprefix(f"{PACKAGE}.") in ROOMS_WITH_A_FOLDER
    return [
        f"{module}/__init__.py, line {line}: {name}"
        for line, name in names
        if is_room or (room_of(name) is not None and not name.startswith(f"{module}."))
    ]


def heavy_at_the_top(code: str) -> list[str]:
    """Heavy libraries that a module imports when it is loaded; under ``TYPE_CHECKING`` and in functions they may."""
    tree = ast.parse(code)
    names = imported(
        ast.Module([n for n in tree.body if isinstance(n, ast.Import | ast.ImportFrom)], []), "", is_package=False
    )
    return [
        f"line {line}: {name}" for line, name in names if any(f"{name}.".startswith(f"{heavy}.") for heavy in HEAVY)
    ]


MODULES = sorted(SOURCE.rglob("*.py"))


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_imports_point_the_way_the_rooms_allow(path: Path) -> None:
    code = path.read_text(encoding="utf-8")
    assert forbidden(code, module_name(path), is_package=path.name == "__init__.py") == []


@pytest.mark.parametrize("path", [p for p in MODULES if p.name == "__init__.py"], ids=module_name)
def test_an_init_imports_nothing_or_hands_on_its_own_names(path: Path) -> None:
    assert handed_on_wrongly(path.read_text(encoding="utf-8"), module_name(path)) == []


@pytest.mark.parametrize("path", MODULES, ids=module_name)
def test_heavy_libraries_are_imported_where_they_are_used(path: Path) -> None:
    assert heavy_at_the_top(path.read_text(encoding="utf-8")) == []


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("evidence_lib.recalculation.cox", "from evidence_lib.statistics import cox"),
        ("evidence_lib.recalculation.cox", "from evidence_lib import statistics"),
        ("evidence_lib.recalculation.cox", "from ..statistics.cox import hazard_ratio"),
        ("evidence_lib.recalculation.cox", "from .. import statistics"),
        ("evidence_lib.report.page", "import evidence_lib.data.adam as adam"),
        ("evidence_lib.report.page", "def late() -> None:\n    from evidence_lib.endpoints import response"),
        ("evidence_lib.report.page", "if TYPE_CHECKING:\n    from evidence_lib.data.adam import AnalysisFrame"),
        ("evidence_lib.report.page", "import importlib\nimportlib.import_module(f'evidence_lib.data.{name}')"),
        ("evidence_lib.rehearsal.trials", "from evidence_lib.endpoints import response"),
        ("evidence_lib.results", "from evidence_lib.conventions import R"),
        ("evidence_lib.language", "from evidence_lib.results import Estimate"),
        ("evidence_lib.session.report", "from evidence_lib.runs import publish"),
        ("evidence_lib.statistics.cox", "from evidence_lib.somewhere import anything"),
        ("evidence_lib.somewhere", ""),
    ],
)
def test_a_forbidden_import_is_found(module: str, code: str) -> None:
    assert len(forbidden(code, module)) == 1


@pytest.mark.parametrize(
    ("module", "code"),
    [
        ("evidence_lib.recalculation.cox", "from statistics import NormalDist"),
        (
            "evidence_lib.recalculation.cox",
            "from evidence_lib import __version__\nfrom evidence_lib.results import Estimate",
        ),
        ("evidence_lib.statistics.means.mmrm", "from ..baseline import smd\nfrom . import contrasts"),
        ("evidence_lib.cli", "from evidence_lib.runs.run import run_study"),
    ],
)
def test_an_allowed_import_is_not_found(module: str, code: str) -> None:
    assert forbidden(code, module) == []


def test_a_wrong_init_and_a_heavy_import_are_found() -> None:
    assert handed_on_wrongly("from evidence_lib.runs.run import run_study", "evidence_lib.runs")
    assert handed_on_wrongly("from evidence_lib.statistics.baseline import smd", "evidence_lib.statistics.cox")
    assert not handed_on_wrongly("from evidence_lib.statistics.cox.model import fit", "evidence_lib.statistics.cox")
    assert heavy_at_the_top("from scipy import stats") == ["line 1: scipy.stats"]
    assert heavy_at_the_top("import matplotlib.pyplot as plt") == ["line 1: matplotlib.pyplot"]
    assert not heavy_at_the_top("from scipy.special import ndtr\ndef f() -> None:\n    import lifelines")
