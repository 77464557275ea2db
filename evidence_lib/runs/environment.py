"""The surroundings of a report's processes: the same numbers on every machine, and nothing of the user's settings."""

from __future__ import annotations

import os
import socket
import tempfile
from importlib.util import find_spec
from pathlib import Path

from evidence_lib.report.page import PAGE_FOLLOWS
from evidence_lib.runs.jobs import Job
from evidence_lib.runs.kernel import ERROR_FILE
from evidence_lib.runs.processes import MARK

SOCKET_FOLDER = "EVIDENCE_SOCKETS"
SERVER_FOLDER = "EVIDENCE_SERVER_FOLDER"
"""Environment variable of the server: the folder that it removes when whoever asked is gone."""
_LONGEST_FOLDER = 80  # a Unix socket's whole path may have 107 bytes
_DROPPED = ("JUPYTER_", "JPY_", "IPYTHON", "PAPERMILL_", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONBREAKPOINT")
_THREADS = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMEXPR_NUM", "VECLIB_MAXIMUM", "BLIS_NUM")


def environment(private: Path) -> dict[str, str]:
    """The environment variables of every process of ours: of a report, and of the server that forks reports."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    kept.update({f"{name}_THREADS": "1" for name in _THREADS})
    kept.update(
        {
            "PYTHONHASHSEED": "0",
            "PYTHONUTF8": "1",
            "TZ": "UTC",
            "MPLBACKEND": "agg",
            "MATPLOTLIBRC": str(_matplotlib_defaults()),
            "JE_ARROW_MALLOC_CONF": "background_thread:false",  # pyarrow's allocator: a thread would not survive a fork
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "IPYTHONDIR": str(private / "ipython"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_NO_CONFIG": "1",
            **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(private)),  # swept with it: spill files may hold data
            **{f"JUPYTER_{kind}_DIR": str(private / "jupyter") for kind in ("CONFIG", "DATA", "RUNTIME")},
        }
    )
    kept.setdefault("HOME", str(private))
    return kept


def environment_of(job: Job, private: Path, mark: str) -> dict[str, str]:
    """The environment variables of one report, which carries ``mark`` and has the folder ``private`` to itself."""
    own = {
        MARK: mark,
        "EVIDENCE_OUT": str(job.out),
        ERROR_FILE: str(private / "error.json"),
        PAGE_FOLLOWS: "yes",
    }
    if hasattr(socket, "AF_UNIX") and len(os.fsencode(private)) <= _LONGEST_FOLDER:
        own[SOCKET_FOLDER] = str(private)
    return {**environment(private), **own}


def private_folder() -> Path:
    """A new folder of mode 0700 for sockets and settings; its path must be short enough for a Unix socket."""
    for base in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):
        if len(os.fsencode(base)) <= _LONGEST_FOLDER - 20 and os.path.isdir(base) and os.access(base, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="evidence-", dir=base))
    return Path(tempfile.mkdtemp(prefix="evidence-"))


def _matplotlib_defaults() -> Path:
    found = find_spec("matplotlib")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "mpl-data" / "matplotlibrc"
