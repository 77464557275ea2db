"""The asker's side of the server that forks reports: started when first needed, and again after it was killed."""

from __future__ import annotations

import contextlib
import json
import shutil
import subprocess
import sys
import threading
import time
from collections.abc import Mapping
from concurrent.futures import Future, wait
from pathlib import Path
from typing import Any

from evidence_lib.runs.environment import SERVER_FOLDER, environment, private_folder
from evidence_lib.runs.jobs import Job
from evidence_lib.runs.processes import MARK

SERVER = (sys.executable, "-P", "-m", "evidence_lib.runs.server")  # -P: no file of the working directory is imported
_LOOK_EVERY = 0.1
_LOADING = 120.0  # seconds; most machines take three
_PATIENCE = 30.0
_GONE: tuple[None, str] = (None, "")


class Server:
    """A process that has every library loaded and forks a report in milliseconds; safe to use from several threads.

    It works on Linux; elsewhere ``ready`` says False and reports start from nothing. Closing it, or the end of this
    process in whatever way, ends the server and all its reports.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._process: _Process | None = None
        self._works = sys.platform == "linux"

    def __enter__(self) -> Server:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def start(self) -> None:
        """Let the server load its libraries while this process does something else."""
        with self._lock:
            if self._works and (self._process is None or self._process.gone.is_set()):
                self._process = _Process()

    def ready(self, stop: threading.Event) -> bool:
        """Wait until it can fork reports, or until ``stop``; False where it cannot."""
        self.start()
        process = self._process
        if process is None:
            return False
        deadline = time.monotonic() + _LOADING
        while not process.settled.wait(_LOOK_EVERY) and not stop.is_set():
            if time.monotonic() > deadline:
                process.kill()  # which settles it
        self._works = process.loaded or not process.settled.is_set()
        return process.loaded

    def fork(self, job: Job, variables: Mapping[str, str], log: Path) -> Forked:
        """Start a report; call it after ``ready``."""
        process = self._process
        assert process is not None
        return Forked(process, job, variables, log)

    @property
    def pid(self) -> int | None:
        """The number of the server's process."""
        return self._process.pid if self._process is not None else None

    def close(self) -> None:
        """End the server and every report of it."""
        with self._lock:
            if self._process is not None:
                self._process.close()
                self._process = None


class Forked:
    """A report that the server forked."""

    def __init__(self, process: _Process, job: Job, variables: Mapping[str, str], log: Path) -> None:
        self._process, self._mark = process, variables[MARK]
        message = {"mark": self._mark, "job": json.loads(job.to_json()), "environment": dict(variables)}
        self._answer = process.ask(self._mark, {**message, "log": str(log)})

    def wait(self, seconds: float) -> bool:
        """Whether it ended within so many seconds."""
        return bool(wait([self._answer], timeout=seconds).done)

    def end(self) -> tuple[int | None, str]:
        """End every process of it. Its exit status (None: the server was killed) and what it said."""
        if not self._answer.done():
            self._process.tell({"end": self._mark})
            if not self.wait(_PATIENCE):
                self._process.kill()
        return self._answer.result()


class _Process:
    """One life of the server.

    ``settled`` is set once it has ``loaded`` everything or is gone; ``gone`` once it and all its reports are.
    """

    def __init__(self) -> None:
        self._private = private_folder()
        self._popen = subprocess.Popen(
            SERVER,
            stdin=subprocess.PIPE,  # its end tells the server that this process is gone
            stdout=subprocess.PIPE,  # its end tells this process that the server and all its reports are gone
            stderr=subprocess.DEVNULL,
            env={**environment(self._private), SERVER_FOLDER: str(self._private)},
            start_new_session=True,
            text=True,
            encoding="utf-8",
        )
        self.pid = self._popen.pid
        self.loaded, self.settled, self.gone = False, threading.Event(), threading.Event()
        self._asking, self._telling = threading.Lock(), threading.Lock()
        self._asked: dict[str, Future[tuple[int | None, str]]] = {}
        threading.Thread(target=self._listen, daemon=True).start()

    def ask(self, mark: str, message: Mapping[str, Any]) -> Future[tuple[int | None, str]]:
        """Send a job; its answer comes when the report has ended."""
        answer: Future[tuple[int | None, str]] = Future()
        with self._asking:
            if self.gone.is_set():
                answer.set_result(_GONE)
                return answer
            self._asked[mark] = answer
        self.tell(message)
        return answer

    def tell(self, message: Mapping[str, Any]) -> None:
        """Send a line; one that is gone does not read it, which ``_listen`` notices."""
        assert self._popen.stdin is not None
        with self._telling, contextlib.suppress(BrokenPipeError, ValueError):
            self._popen.stdin.write(json.dumps(message) + "\n")
            self._popen.stdin.flush()

    def kill(self) -> None:
        """End the server at once; its reports notice and end too."""
        self._popen.kill()

    def close(self) -> None:
        """Let it end every report and itself, and wait for that."""
        if not self.loaded:
            self.kill()  # it has no reports
        self._hang_up()
        if not self.gone.wait(_PATIENCE):
            self.kill()
            self.gone.wait(_PATIENCE)

    def _hang_up(self) -> None:
        assert self._popen.stdin is not None
        with self._telling, contextlib.suppress(BrokenPipeError):
            self._popen.stdin.close()

    def _listen(self) -> None:
        assert self._popen.stdout is not None
        for line in self._popen.stdout:
            if not line.endswith("\n"):
                break  # killed while it spoke
            self._hear(json.loads(line))
        self._popen.wait()
        self._popen.stdout.close()
        self._hang_up()
        shutil.rmtree(self._private, ignore_errors=True)
        with self._asking:
            self.gone.set()
            unanswered, self._asked = list(self._asked.values()), {}
        for answer in unanswered:
            answer.set_result(_GONE)
        self.settled.set()

    def _hear(self, told: Mapping[str, Any]) -> None:
        if "mark" not in told:
            self.loaded = True
            self.settled.set()
            return
        with self._asking:
            answer = self._asked.pop(told["mark"])
        answer.set_result((told["status"], told["said"]))
