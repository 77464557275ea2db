"""Execution of one report: causes and their codes, the environment of the kernel, and no process left behind."""

from __future__ import annotations

import contextlib
import json
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psutil
import pytest

from evidence_lib.runs.execute import execute
from evidence_lib.runs.jobs import Job, Outcome
from evidence_lib.runs.processes import MARK
from evidence_lib.runs.warm import Server
from tests.runs.material import COMPLETE, PLAIN_SERVER, PLAIN_WORKER, notebook

SPAWN = """
import subprocess, sys
sleeper = [sys.executable, "-c", "import time; time.sleep(600)"]
"""


def job(base: Path, *cells: str, timeout: float = 60, languages: tuple[str, ...] = ("en",)) -> Job:
    """A job for a notebook of these cells."""
    out = base / "out {x}"
    out.mkdir(exist_ok=True)
    path = base / "first {y}.ipynb"
    path.write_text(json.dumps(notebook(*cells)), encoding="utf-8")
    parameters = {"study": "study.yml", "report": "first", "language": "en"}
    return Job(
        report="first",
        notebook=path,
        parameters=parameters,
        languages=languages,
        folder=base,
        out=out,
        timeout=timeout,
        run={"id": "20260101-000000-abcd"},
    )


Run = Callable[..., Outcome]
BOTH_WAYS = pytest.mark.parametrize("way", ["cold", "warm"], indirect=True)


@pytest.fixture
def way(request: pytest.FixtureRequest, server: Server) -> Server | None:
    """The server of all these tests, ready; none where a test asks for a cold start."""
    if getattr(request, "param", "warm") == "cold":
        return None
    assert server.ready(threading.Event())
    return server


@pytest.fixture
def run(tmp_path: Path, way: Server | None) -> Run:
    """Execute a notebook of these cells; whatever comes of it, no process may survive."""

    def run(*cells: str, **choices: Any) -> Outcome:
        before = set(psutil.pids())
        outcome = execute(job(tmp_path, *cells, **choices), server=way)
        assert survivors(before, tmp_path) == []
        return outcome

    return run


def survivors(before: set[int], base: Path) -> list[str]:
    """Command lines of new processes that carry the mark of a report in ``base`` or descend from this process."""
    found = []
    children = {child.pid for child in psutil.Process().children(recursive=True)}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error):
            if process.pid not in before and (process.pid in children or _marked(process, base)):
                found.append(" ".join(process.cmdline()))
    return found


def _marked(process: psutil.Process, base: Path) -> bool:
    # Other tests may run reports at the same time: theirs write elsewhere.
    environment = process.environ()
    return MARK in environment and environment.get("EVIDENCE_OUT", "").startswith(str(base))


@BOTH_WAYS
def test_good_report_in_two_languages_with_braces_in_its_paths(tmp_path: Path, run: Run) -> None:
    outcome = run(COMPLETE, languages=("en", "zh-Hans"))
    assert (outcome.status, outcome.exit_code, outcome.cause) == ("ok", 0, None)
    names = [output.name for output in outcome.outputs]
    assert names == ["first.html", "first.ipynb", "first.results.json", "first.zh-Hans.html"]
    executed = json.loads((tmp_path / "out {x}" / "first.ipynb").read_bytes())
    assert [cell["id"] for cell in executed["cells"]] == ["c0", "injected-parameters", "h", "c1"]
    assert str(tmp_path) not in (tmp_path / "out {x}" / "first.ipynb").read_text(encoding="utf-8")


@BOTH_WAYS
def test_environment_of_the_kernel(tmp_path: Path, run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "colorsys.py").write_text("raise ImportError('a file beside the study was imported')")
    monkeypatch.setenv("OMP_NUM_THREADS", "7")
    monkeypatch.setenv("MPLBACKEND", "nonsense")
    monkeypatch.setenv("IPYTHONDIR", str(tmp_path / "mine"))
    look = """
import colorsys, json, os, sys, tempfile
from ipykernel.connect import get_connection_info
names = ["OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "PYTHONHASHSEED", "MPLBACKEND", "IPYTHONDIR", "TZ"]
seen = {name: os.environ.get(name) for name in names}
seen["transport"] = json.loads(get_connection_info())["transport"]
seen["cwd"], seen["python"] = os.getcwd(), sys.prefix
seen["left"] = tempfile.mkstemp()[1]
"""
    outcome = run(COMPLETE + look + '(out / "first.seen.json").write_text(json.dumps(seen))')
    assert outcome.exit_code == 0, outcome.message
    seen = json.loads((tmp_path / "out {x}" / "first.seen.json").read_bytes())
    assert seen["OMP_NUM_THREADS"] == seen["OPENBLAS_NUM_THREADS"] == "1"
    assert (seen["PYTHONHASHSEED"], seen["MPLBACKEND"], seen["TZ"]) == ("0", "agg", "UTC")
    assert (seen["cwd"], seen["python"]) == (str(tmp_path), sys.prefix)
    assert seen["IPYTHONDIR"] != str(tmp_path / "mine")
    assert not Path(seen["IPYTHONDIR"]).exists()
    assert not Path(seen["left"]).exists()
    if sys.platform != "win32":
        assert seen["transport"] == "ipc"


@pytest.mark.parametrize(
    ("name", "code"),
    [("StudyError", 2), ("DataError", 3), ("RecalculationError", 4), ("PublishError", 8), ("DisclosureError", 9)],
)
def test_error_of_the_family_keeps_its_code_and_text(run: Run, name: str, code: int) -> None:
    raises = f"from evidence_lib import errors\nraise errors.{name}('rows 3 and 4', found='a blank')"
    outcome = run(raises, COMPLETE)
    assert (outcome.exit_code, outcome.cause) == (code, name)
    assert outcome.message == "rows 3 and 4; found a blank"


def test_an_exception_of_the_same_name_from_elsewhere_keeps_its_text_to_itself(run: Run) -> None:
    outcome = run("import sqlite3\nraise sqlite3.DataError('patient 0042')", COMPLETE)
    assert (outcome.exit_code, outcome.cause) == (4, "NotebookError")
    assert outcome.message is not None
    assert "0042" not in outcome.message


@BOTH_WAYS
def test_40_endless_loop(run: Run) -> None:
    outcome = run("while True:\n    pass", timeout=2.5)
    assert (outcome.exit_code, outcome.cause) == (5, "ReportTimeout")
    assert outcome.message is not None
    assert "limit of 2.5 seconds" in outcome.message
    assert 2.5 <= outcome.seconds < 12


def test_40_loop_that_holds_the_interpreter_lock(run: Run) -> None:
    # A regular expression with exponential backtracking never gives the lock back.
    outcome = run("import re\nre.match(r'(a+)+$', 'a' * 64 + 'b')", timeout=2.5)
    assert outcome.exit_code == 5


def test_41_input(run: Run) -> None:
    outcome = run("input('name?')", COMPLETE)
    assert outcome.exit_code == 4
    assert outcome.message is not None
    assert "StdinNotImplementedError" in outcome.message


@pytest.mark.parametrize(
    "start",
    [
        "subprocess.Popen(sleeper)",
        "subprocess.Popen(sleeper, start_new_session=True, env={})",
        "subprocess.run([sys.executable, '-c', f'import subprocess; subprocess.Popen({sleeper})'])",
        "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()",
    ],
    ids=["child", "own-session-without-environment", "orphan", "thread"],
)
def test_42_spawned_process_or_thread_does_not_survive(run: Run, start: str) -> None:
    outcome = run(SPAWN + start, COMPLETE, timeout=40)
    assert outcome.exit_code == 0, outcome.message


@pytest.mark.skipif(sys.platform != "linux", reason="orphans are adopted with a call that only Linux has")
def test_42_orphan_without_our_mark_does_not_survive_a_timeout(run: Run) -> None:
    daemon = "subprocess.Popen(sleeper, start_new_session=True, env={})"
    code = f"import subprocess, sys; sleeper = {['PYTHON', '-c', 'import time; time.sleep(601)']!r}; {daemon}"
    start = f"subprocess.run([sys.executable, '-c', {code!r}.replace('PYTHON', sys.executable)])\nwhile True: pass"
    outcome = run(SPAWN + start, timeout=5)
    assert outcome.exit_code == 5
    assert not [p for p in psutil.process_iter(["cmdline"]) if "time.sleep(601)" in " ".join(p.info["cmdline"] or [])]


@BOTH_WAYS
def test_worker_killed_from_outside(run: Run) -> None:
    kill = "import os, signal\nos.kill(os.getppid(), signal.SIGKILL)\nimport time\ntime.sleep(600)"
    outcome = run(kill, timeout=40)
    assert (outcome.exit_code, outcome.cause) == (6, "KernelDied")
    assert outcome.message is not None
    assert "signal 9" in outcome.message
    assert outcome.seconds < 30


@BOTH_WAYS
def test_bug_in_the_page_shows_no_text_of_it(tmp_path: Path, run: Run) -> None:
    outcome = run(COMPLETE.replace('"study": "s"', '"study": "page-bug"'))
    assert (outcome.exit_code, outcome.cause) == (1, "ZeroDivisionError")
    assert outcome.message is not None
    assert "first: a bug: ZeroDivisionError at plain_worker.py:" in outcome.message
    assert "may hold anything" not in outcome.message
    assert "may hold anything" in (tmp_path / "out {x}" / "first.log").read_text(encoding="utf-8")


@BOTH_WAYS
def test_stop_ends_every_process(tmp_path: Path, way: Server | None) -> None:
    before, stop = set(psutil.pids()), threading.Event()
    threading.Timer(1.5, stop.set).start()
    outcome = execute(job(tmp_path, "while True:\n    pass"), stop=stop, server=way)
    assert (outcome.exit_code, outcome.cause) == (143, "Stopped")
    assert outcome.seconds < 12
    assert survivors(before, tmp_path) == []


@BOTH_WAYS
def test_report_ends_with_its_asker(tmp_path: Path, way: Server | None) -> None:
    """The asker is killed outright: its server, worker and kernel must notice by themselves."""
    asks = f"""
import sys
from evidence_lib.runs import execute, warm
from evidence_lib.runs.jobs import Job
execute.WORKER, warm.SERVER = {PLAIN_WORKER!r}, {PLAIN_SERVER!r}
server = warm.Server() if {way is not None} else None
execute.execute(Job.from_json(sys.stdin.readline()), server=server)
"""
    asker = subprocess.Popen([sys.executable, "-c", asks], stdin=subprocess.PIPE, text=True)
    assert asker.stdin is not None
    tell = """
import json, os, pathlib
out = pathlib.Path(os.environ["EVIDENCE_OUT"])
(out / "told").write_text(json.dumps([os.getpid(), os.getppid(), os.environ["TMPDIR"]]))
(out / "told").rename(out / "started")
while True: pass
"""
    asker.stdin.write(job(tmp_path, tell).to_json() + "\n")
    asker.stdin.flush()
    started = tmp_path / "out {x}" / "started"
    wait_until(started.exists)
    kernel, worker, private = json.loads(started.read_bytes())
    family = {*psutil.Process(asker.pid).children(recursive=True), psutil.Process(kernel), psutil.Process(worker)}
    assert Path(private).is_dir()
    asker.kill()
    asker.wait()
    wait_until(lambda: not any(process.is_running() for process in family))
    wait_until(lambda: not Path(private).exists())


def wait_until(condition: Any, seconds: float = 30) -> None:
    """Wait for a condition; fail when it does not come."""
    deadline = time.monotonic() + seconds
    while not condition():
        assert time.monotonic() < deadline, "waited in vain"
        time.sleep(0.05)
