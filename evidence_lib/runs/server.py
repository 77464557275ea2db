"""The server of a run: it loads every library once, then forks each report, which begins in milliseconds (Linux).

``python -m evidence_lib.runs.server`` reads one job as a line of JSON after another, and answers each with a line when
its report has ended. When its standard input ends, whoever asked is gone: it ends every report, and then itself. It
has one thread only, since a fork copies no other.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import json
import os
import pkgutil
import selectors
import shutil
import sys
import tempfile
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import psutil

import evidence_lib
from evidence_lib.runs import worker
from evidence_lib.runs.environment import SERVER_FOLDER
from evidence_lib.runs.jobs import Job
from evidence_lib.runs.kernel import ERROR_FILE
from evidence_lib.runs.processes import become_subreaper, sweep

LIBRARIES = (
    *("pandas", "pyarrow.parquet", "pyreadstat", "openpyxl", "scipy.stats", "scipy.optimize", "scipy.integrate"),
    *("statsmodels.api", "statsmodels.duration.hazard_regression", "lifelines", "seaborn", "great_tables", "nh3"),
    *("matplotlib.pyplot", "matplotlib.backends.backend_svg", "nbconvert", "jinja2", "babel.numbers", "babel.dates"),
    *("papermill", "nbclient", "jupyter_client.asynchronous", "ipykernel.kernelapp", "ipykernel.ipkernel"),
)
_TASKS = Path("/proc/self/task")


@dataclass
class Running:
    """A report that runs: its process, the pipe it answers on, and the one whose end tells it that the server died."""

    mark: str
    pid: int
    answer: int
    lifeline: int
    private: Path
    said: bytearray = field(default_factory=bytearray)


def main(build_page: worker.PageBuilder | None = None) -> int:
    """Serve until standard input ends. ``build_page`` makes the pages; without it ``report.page.build_page`` does."""
    asker = os.dup(1)  # every report keeps a copy: whoever asked reads its end only when all of them are gone
    os.dup2(2, 1)
    become_subreaper()
    gc.disable()  # until it forks: nothing that is loaded here is ever let go
    load()
    if len(list(_TASKS.iterdir())) > 1:
        return 1  # a library started a thread, which a fork would lose
    gc.freeze()  # what is loaded is never looked at again, so that a fork's collections copy none of it
    Reports(asker, build_page).serve()
    return 0


def load() -> None:
    """Import all that a report may need, and do once what each would do first."""
    worker.leave_out_the_grammar_of_addresses()
    ours = pkgutil.walk_packages(evidence_lib.__path__, f"{evidence_lib.__name__}.", onerror=lambda name: None)
    for name in (*LIBRARIES, *(found.name for found in ours)):
        with contextlib.suppress(Exception):  # a report that needs it fails by itself and says why
            importlib.import_module(name)
    from evidence_lib.report.page import warm_up

    warm_up()


class Reports:
    """The reports that run now, and the pipes to them and to whoever asked."""

    def __init__(self, asker: int, build_page: worker.PageBuilder | None) -> None:
        self._asker, self._build_page = asker, build_page
        self._running: dict[str, Running] = {}
        self._heard, self._asked = bytearray(), True
        self._selector = selectors.DefaultSelector()
        self._selector.register(0, selectors.EVENT_READ)

    def serve(self) -> None:
        """Start, answer and end reports until standard input ends."""
        self._say({"loaded": True})
        while self._asked:
            for key, _ in self._selector.select():
                if key.data is None:
                    self._hear()
                elif key.data in self._running:
                    self._listen_to(self._running[key.data])
        for running in list(self._running.values()):
            self._end(running)
            shutil.rmtree(running.private, ignore_errors=True)  # which the asker would have removed
        if folder := os.environ.get(SERVER_FOLDER):
            shutil.rmtree(folder, ignore_errors=True)

    def _hear(self) -> None:
        block = os.read(0, 1 << 16)
        self._asked = bool(block)
        *lines, rest = bytes(self._heard + block).split(b"\n")
        self._heard = bytearray(rest)
        for line in lines:
            message = json.loads(line)
            if "job" in message:
                self._start(message)
            elif message["end"] in self._running:
                self._end(self._running[message["end"]])

    def _start(self, message: Mapping[str, Any]) -> None:
        alive, lifeline = os.pipe()
        answer, told = os.pipe()
        pid = os.fork()
        if pid == 0:
            try:
                self._let_go()
                for descriptor in (lifeline, answer):
                    os.close(descriptor)
                _report(message, alive, told, self._build_page)
            finally:
                os._exit(1)
        os.close(alive)
        os.close(told)
        private = Path(message["environment"][ERROR_FILE]).parent
        self._running[message["mark"]] = Running(message["mark"], pid, answer, lifeline, private)
        self._selector.register(answer, selectors.EVENT_READ, message["mark"])

    def _let_go(self) -> None:
        """In a fork: close what belongs to the server and to other reports."""
        self._selector.close()
        for running in self._running.values():
            os.close(running.answer)
            os.close(running.lifeline)

    def _listen_to(self, running: Running) -> None:
        block = os.read(running.answer, 1 << 16)
        running.said += block
        if not block:
            self._end(running)

    def _end(self, running: Running) -> None:
        """Whatever is left of a report goes; then its exit status and what it said are told."""
        sweep(running.mark, root=running.pid)
        _, status = os.waitpid(running.pid, 0)
        self._selector.unregister(running.answer)
        os.close(running.answer)
        os.close(running.lifeline)
        del self._running[running.mark]
        self._sweep_orphans()
        said = running.said.decode("utf-8")
        self._say({"mark": running.mark, "status": os.waitstatus_to_exitcode(status), "said": said})

    def _sweep_orphans(self) -> None:
        """A process whose report was killed becomes a child of the server, whatever its mark and session."""
        reports = {running.pid for running in self._running.values()}
        while orphans := [child for child in psutil.Process().children() if child.pid not in reports]:
            for orphan in orphans:
                for process in (*orphan.children(recursive=True), orphan):
                    with contextlib.suppress(psutil.Error):
                        process.kill()
            for orphan in orphans:
                with contextlib.suppress(ChildProcessError):
                    os.waitpid(orphan.pid, 0)

    def _say(self, message: Mapping[str, Any]) -> None:
        with contextlib.suppress(BrokenPipeError):  # the end of standard input tells
            _write(self._asker, message)


def _report(message: Mapping[str, Any], alive: int, told: int, build_page: worker.PageBuilder | None) -> None:
    """In a fork: become the process of one report, with a kernel beside it, and never return."""
    from evidence_lib.runs.forked import fork_kernel

    gc.enable()
    os.setsid()
    become_subreaper()
    os.environ.clear()
    os.environ.update(message["environment"])
    tempfile.tempdir = None  # which the server may have looked up
    nothing, log = os.open(os.devnull, os.O_RDONLY), os.open(message["log"], os.O_WRONLY | os.O_APPEND)
    for descriptor, target in ((nothing, 0), (log, 1), (log, 2)):
        os.dup2(descriptor, target)
    job = Job.from_json(json.dumps(message["job"]))
    os.chdir(job.folder)
    fork_kernel(close=(alive, told))
    _write(told, worker.report(job, build_page, asker=alive))
    os._exit(0)  # closes the pipe: the server must not read its end, and sweep, any earlier


def _write(descriptor: int, message: Mapping[str, Any]) -> None:
    line = memoryview(json.dumps(message).encode() + b"\n")
    while line:
        line = line[os.write(descriptor, line) :]


if __name__ == "__main__":
    sys.exit(main())
