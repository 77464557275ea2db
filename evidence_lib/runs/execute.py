"""Execution of one report in a process of its own: ``execute(job) -> Outcome``.

The outcome is never read off the executed notebook alone, which calls itself completed after a kernel was killed:
success is the worker's own word, the completion record that the notebook's last cell writes, and the expected files.
"""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import socket
import subprocess
import sys
import tempfile
import threading
import time
import uuid
from importlib.util import find_spec
from pathlib import Path
from typing import Any

from evidence_lib.errors import KernelDied, ReportTimeout
from evidence_lib.report.page import PAGE_FOLLOWS
from evidence_lib.runs.jobs import Job, Outcome, fingerprint
from evidence_lib.runs.kernel import ERROR_FILE
from evidence_lib.runs.processes import MARK, sweep

WORKER = (sys.executable, "-m", "evidence_lib.runs.worker")
SOCKET_FOLDER = "EVIDENCE_SOCKETS"
_LONGEST_FOLDER = 80  # a Unix socket's whole path may have 107 bytes
_STOPPED = 143
_LOOK_EVERY = 0.2
_DROPPED = ("JUPYTER_", "IPYTHON", "PAPERMILL_", "PYTHONSTARTUP", "PYTHONINSPECT", "PYTHONBREAKPOINT")
_THREADS = ("OMP_NUM", "OPENBLAS_NUM", "MKL_NUM", "NUMEXPR_NUM", "VECLIB_MAXIMUM", "BLIS_NUM")


def execute(job: Job, *, stop: threading.Event | None = None) -> Outcome:
    """Execute one report and wait for it; no process of it is left afterwards, whatever happened.

    Exit codes: 0 ok; 4 the notebook failed or did not complete; 5 it took longer than ``job.timeout``; 6 its kernel
    or worker was killed; the code of an EvidenceError that the notebook raised (3 for bad data, ...); 1 a bug of
    ours; 143 when ``stop`` was set meanwhile. The files of a report are in ``job.out``, those of a failed one too.
    """
    started = time.monotonic()
    private = _private_folder()
    mark = uuid.uuid4().hex
    try:
        record = _run_worker(job, private, mark, stop or threading.Event())
    finally:
        shutil.rmtree(private, ignore_errors=True)
    seconds = round(time.monotonic() - started, 3)
    if record["exit_code"] != 0:
        return Outcome(report=job.report, seconds=seconds, **record)
    outputs = tuple(fingerprint(path) for path in sorted(job.out.glob(f"{job.report}.*")))
    return Outcome(report=job.report, seconds=seconds, exit_code=0, outputs=outputs)


def _run_worker(job: Job, private: Path, mark: str, stop: threading.Event) -> dict[str, Any]:
    log_path = job.out / f"{job.report}.log"
    with log_path.open("wb") as log:
        process = subprocess.Popen(
            WORKER,
            stdin=subprocess.PIPE,  # stays open: its end tells the worker that this process is gone
            stdout=subprocess.PIPE,
            stderr=log,
            env=_environment(job, private, mark),
            start_new_session=True,
            text=True,
            encoding="utf-8",
        )
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        with contextlib.suppress(BrokenPipeError):
            process.stdin.write(job.to_json() + "\n")
            process.stdin.flush()
        in_time = _wait(process, job.timeout, stop)
    finally:
        sweep(mark, root=process.pid if process.returncode is None else None)
        process.wait()
        answer = process.stdout.read()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
    if stop.is_set():
        return {"exit_code": _STOPPED, "cause": "Stopped", "message": f"{job.report}: the run was stopped"}
    if not in_time:
        return _failure(
            ReportTimeout(
                f"the report took longer than its limit of {job.timeout:g} seconds and was stopped",
                where=job.report,
                mend="look for an endless loop, or raise the report's timeout in the study file",
            )
        )
    return _answer(job, process.returncode, answer, log_path)


def _wait(process: subprocess.Popen[str], timeout: float, stop: threading.Event) -> bool:
    """Whether the process ended in time, and before ``stop``."""
    deadline = time.monotonic() + timeout
    while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
        with contextlib.suppress(subprocess.TimeoutExpired):
            process.wait(timeout=min(left, _LOOK_EVERY))
            return True
    return False


def _answer(job: Job, status: int, answer: str, log_path: Path) -> dict[str, Any]:
    if status == 0 and answer.endswith("\n"):
        record: dict[str, Any] = json.loads(answer)
        if record["exit_code"] == 0 or log_path.stat().st_size == 0:
            log_path.unlink()
        return record
    if status >= 0:
        text = f"{job.report}: a bug: the worker ended with status {status}, see {log_path.name}"
        return {"exit_code": 1, "cause": "WorkerFailed", "message": text}
    return _failure(
        KernelDied(
            "the process of the report was killed",
            where=job.report,
            found=f"signal {-status}",
            mend="often the machine is out of memory: run fewer reports at once (--jobs 1)",
        )
    )


def _failure(error: ReportTimeout | KernelDied) -> dict[str, Any]:
    return {"exit_code": error.exit_code, "cause": type(error).__name__, "message": str(error)}


def _environment(job: Job, private: Path, mark: str) -> dict[str, str]:
    """The environment of a report: the same numbers on every machine, and nothing from the user's own settings."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(_DROPPED)}
    kept.update({f"{name}_THREADS": "1" for name in _THREADS})
    kept.update(
        {
            MARK: mark,
            "EVIDENCE_OUT": str(job.out),
            ERROR_FILE: str(private / "error.json"),
            PAGE_FOLLOWS: "yes",
            "PYTHONHASHSEED": "0",
            "PYTHONUTF8": "1",
            "TZ": "UTC",
            "MPLBACKEND": "agg",
            "MATPLOTLIBRC": str(_matplotlib_defaults()),
            "PYDEVD_DISABLE_FILE_VALIDATION": "1",
            "IPYTHONDIR": str(private / "ipython"),
            "JUPYTER_PREFER_ENV_PATH": "1",
            "JUPYTER_NO_CONFIG": "1",
            **dict.fromkeys(("TMPDIR", "TMP", "TEMP"), str(private)),  # swept with it: spill files may hold data
            **{f"JUPYTER_{kind}_DIR": str(private / "jupyter") for kind in ("CONFIG", "DATA", "RUNTIME")},
        }
    )
    kept.setdefault("HOME", str(private))
    if hasattr(socket, "AF_UNIX") and len(os.fsencode(private)) <= _LONGEST_FOLDER:
        kept[SOCKET_FOLDER] = str(private)
    return kept


def _matplotlib_defaults() -> Path:
    found = find_spec("matplotlib")
    assert found is not None
    assert found.origin is not None
    return Path(found.origin).parent / "mpl-data" / "matplotlibrc"


def _private_folder() -> Path:
    """A folder of mode 0700 for sockets and settings; its path must be short enough for a Unix socket."""
    for base in (tempfile.gettempdir(), "/tmp", "/var/tmp", "/dev/shm"):
        if len(os.fsencode(base)) <= _LONGEST_FOLDER - 20 and os.path.isdir(base) and os.access(base, os.W_OK):
            return Path(tempfile.mkdtemp(prefix="evidence-", dir=base))
    return Path(tempfile.mkdtemp(prefix="evidence-"))
