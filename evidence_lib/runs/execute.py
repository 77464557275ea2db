"""Execution of one report in a process of its own: ``execute(job) -> Outcome``.

The outcome is never read off the executed notebook alone, which calls itself completed after a kernel was killed:
success is the worker's own word, the completion record that the notebook's last cell writes, and the expected files.
"""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import threading
import time
import uuid
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Protocol

from evidence_lib.errors import KernelDied, ReportTimeout
from evidence_lib.runs.environment import environment_of, private_folder
from evidence_lib.runs.jobs import Job, Outcome, fingerprint
from evidence_lib.runs.processes import MARK, sweep
from evidence_lib.runs.warm import Server

WORKER = (sys.executable, "-P", "-m", "evidence_lib.runs.worker")  # -P: no file of the working directory is imported
_STOPPED = 143
_LOOK_EVERY = 0.2


def execute(job: Job, *, stop: threading.Event | None = None, server: Server | None = None) -> Outcome:
    """Execute one report and wait for it; no process of it is left afterwards, whatever happened.

    ``server`` forks the report from a process that has everything loaded; without one, and where it cannot work, the
    report starts from nothing. The files are the same, byte for byte.

    Exit codes: 0 ok; 4 the notebook failed or did not complete; 5 it took longer than ``job.timeout``; 6 its kernel,
    worker or server was killed; the code of an EvidenceError that the notebook raised (3 for bad data, ...); 1 a bug
    of ours; 143 when ``stop`` was set meanwhile. The files of a report are in ``job.out``, those of a failed one too.
    """
    stop = stop or threading.Event()
    warm = server if server is not None and server.ready(stop) else None
    started = time.monotonic()
    private = private_folder()
    try:
        record = _run(job, private, stop, warm)
    finally:
        shutil.rmtree(private, ignore_errors=True)
    seconds = round(time.monotonic() - started, 3)
    if record["exit_code"] != 0:
        return Outcome(report=job.report, seconds=seconds, **record)
    outputs = tuple(fingerprint(path) for path in sorted(job.out.glob(f"{job.report}.*")))
    return Outcome(report=job.report, seconds=seconds, exit_code=0, outputs=outputs)


class _Running(Protocol):
    """A report that runs: in a process of ours, or in one that the server forked."""

    def wait(self, seconds: float) -> bool:
        """Whether it ended within so many seconds."""

    def end(self) -> tuple[int | None, str]:
        """End every process of it. Its exit status, negative for a signal and None if unknown, and what it said."""


def _run(job: Job, private: Path, stop: threading.Event, server: Server | None) -> dict[str, Any]:
    mark = uuid.uuid4().hex
    log = job.out / f"{job.report}.log"
    log.write_bytes(b"")
    variables = environment_of(job, private, mark)
    running: _Running = server.fork(job, variables, log) if server is not None else _Cold(job, variables, log)
    in_time = False
    try:
        in_time = _wait(running, job.timeout, stop)
    finally:
        status, said = running.end()
        sweep(mark)
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
    return _answer(job, status, said, log)


def _wait(running: _Running, timeout: float, stop: threading.Event) -> bool:
    """Whether the report ended in time, and before ``stop``."""
    deadline = time.monotonic() + timeout
    while not stop.is_set() and (left := deadline - time.monotonic()) > 0:
        if running.wait(min(left, _LOOK_EVERY)):
            return True
    return False


class _Cold:
    """A report whose worker starts from nothing."""

    def __init__(self, job: Job, variables: Mapping[str, str], log: Path) -> None:
        with log.open("ab") as stream:
            self._process = subprocess.Popen(
                WORKER,
                stdin=subprocess.PIPE,  # stays open: its end tells the worker that this process is gone
                stdout=subprocess.PIPE,
                stderr=stream,
                env=variables,
                start_new_session=True,
                text=True,
                encoding="utf-8",
            )
        self._mark = variables[MARK]
        assert self._process.stdin is not None
        with contextlib.suppress(BrokenPipeError):
            self._process.stdin.write(job.to_json() + "\n")
            self._process.stdin.flush()

    def wait(self, seconds: float) -> bool:
        with contextlib.suppress(subprocess.TimeoutExpired):
            self._process.wait(timeout=seconds)
            return True
        return False

    def end(self) -> tuple[int | None, str]:
        process = self._process
        assert process.stdin is not None
        assert process.stdout is not None
        sweep(self._mark, root=process.pid if process.returncode is None else None)
        process.wait()
        said = process.stdout.read()
        process.stdout.close()
        with contextlib.suppress(BrokenPipeError):
            process.stdin.close()
        return process.returncode, said


def _answer(job: Job, status: int | None, said: str, log: Path) -> dict[str, Any]:
    if status == 0 and said.endswith("\n"):
        record: dict[str, Any] = json.loads(said)
        if record["exit_code"] == 0 or log.stat().st_size == 0:
            log.unlink()
        return record
    if status is not None and status >= 0:
        text = f"{job.report}: a bug: the worker ended with status {status}, see {log.name}"
        return {"exit_code": 1, "cause": "WorkerFailed", "message": text}
    return _failure(
        KernelDied(
            "the process of the report was killed",
            where=job.report,
            found="the server of the run was killed" if status is None else f"signal {-status}",
            mend="often the machine is out of memory: run fewer reports at once (--jobs 1)",
        )
    )


def _failure(error: ReportTimeout | KernelDied) -> dict[str, Any]:
    return {"exit_code": error.exit_code, "cause": type(error).__name__, "message": str(error)}
