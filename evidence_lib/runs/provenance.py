"""Provenance: what a run was made from, so that it can be made again. No path of this machine, no environment."""

from __future__ import annotations

import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Any

import evidence_lib
from evidence_lib.runs.jobs import fingerprint

LIBRARIES = (
    "pandas",
    "numpy",
    "scipy",
    "statsmodels",
    "lifelines",
    "matplotlib",
    "papermill",
    "ipykernel",
    "nbconvert",
)
_LOCK_FILE = Path(__file__).resolve().parents[2] / "requirements.lock"


def environment() -> dict[str, Any]:
    """Versions of Python, of this library and of those whose numbers or drawings it prints; the lock file's hash."""
    versions = {"python": platform.python_version(), "evidence_lib": evidence_lib.__version__}
    for name in LIBRARIES:
        try:
            versions[name] = version(name)
        except PackageNotFoundError:
            continue
    lock = fingerprint(_LOCK_FILE).sha256 if _LOCK_FILE.is_file() else None
    return {"versions": versions, "system": platform.system(), "machine": platform.machine(), "lock_sha256": lock}


def commit(folder: Path) -> dict[str, Any] | None:
    """The git commit of a folder, and whether tracked files differ from it; None outside a git checkout."""
    # A file monitor named by the checkout's own configuration would be executed.
    git = ["git", "--no-optional-locks", "-c", "core.fsmonitor=false", "-C", str(folder)]
    try:
        head = subprocess.run([*git, "rev-parse", "HEAD"], capture_output=True, text=True, timeout=10, check=True)
        changed = subprocess.run(
            [*git, "status", "--porcelain", "--untracked-files=no"], capture_output=True, timeout=60, check=True
        )
    except (OSError, subprocess.SubprocessError):
        return None
    return {"id": head.stdout.strip(), "changed": bool(changed.stdout.strip())}


def data_files(path: Path) -> list[Path]:
    """The files of a data source: the file itself, or every file in the folder, hidden ones left out; sorted."""
    if path.is_file():
        return [path]
    return sorted(file for file in path.rglob("*") if file.is_file() and not file.name.startswith("."))


def inputs(path: Path) -> list[dict[str, Any]]:
    """Name, hash and size of each file of a data source; names are relative to the source."""
    base = path.parent if path.is_file() else path
    found = [fingerprint(file, file.relative_to(base).as_posix()) for file in data_files(path)]
    return [{"name": item.name, "sha256": item.sha256, "bytes": item.bytes} for item in found]
