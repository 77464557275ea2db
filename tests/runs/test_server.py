"""The server that forks reports: its death, several reports at once, and the same bytes as from a cold start."""

from __future__ import annotations

import json
import os
import signal
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import psutil
import pytest

from evidence_lib.runs import warm
from evidence_lib.runs.execute import execute
from evidence_lib.runs.jobs import Job
from evidence_lib.runs.warm import Server
from tests.runs.material import COMPLETE
from tests.runs.test_execute import job, survivors, wait_until

pytestmark = pytest.mark.skipif(sys.platform != "linux", reason="a server forks on Linux only")
MARKS_AND_WAITS = """
import os, pathlib, subprocess, sys
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True, env={})
pathlib.Path(os.environ["EVIDENCE_OUT"], "started").touch()
while True: pass
"""


@pytest.fixture(autouse=True)
def loaded(server: Server) -> None:
    """The server of all these tests works: no test of this module is answered by a cold start."""
    assert server.ready(threading.Event())


@pytest.fixture(scope="module")
def own() -> Iterator[Server]:
    """A server that tests may kill: it starts again for the next one."""
    with Server() as own:
        yield own


def jobs(base: Path, *cells: tuple[str, ...]) -> list[Job]:
    """A job for each of these notebooks, in a folder of its own."""
    made = []
    for number, of_one in enumerate(cells):
        folder = base / str(number)
        folder.mkdir()
        made.append(job(folder, *of_one))
    return made


def test_server_killed_fails_its_reports_and_the_next_one_finds_a_new_server(tmp_path: Path, own: Server) -> None:
    assert own.ready(threading.Event())
    before = set(psutil.pids())
    waiting = jobs(tmp_path, (MARKS_AND_WAITS,), (MARKS_AND_WAITS,))
    with ThreadPoolExecutor() as pool:
        outcomes = [pool.submit(execute, one, server=own) for one in waiting]
        wait_until(lambda: all((one.out / "started").exists() for one in waiting))
        assert own.pid is not None
        os.kill(own.pid, signal.SIGKILL)
        for outcome in outcomes:
            assert (outcome.result().exit_code, outcome.result().cause) == (6, "KernelDied")
            assert "the server of the run was killed" in str(outcome.result().message)
            assert outcome.result().seconds < 30
    assert survivors(before, tmp_path) == []
    again = execute(job(tmp_path, COMPLETE), server=own)
    assert again.exit_code == 0, again.message


def test_reports_at_once_have_outcomes_of_their_own(tmp_path: Path, server: Server) -> None:
    before = set(psutil.pids())
    kinds = {
        0: (COMPLETE, "import time\ntime.sleep(1)"),
        3: ("from evidence_lib.errors import DataError\nraise DataError('rows 3 and 4')",),
        4: ("import sys\nsys.exit()", COMPLETE),
        6: ("import os, signal\nos.kill(os.getpid(), signal.SIGKILL)",),
    }
    with ThreadPoolExecutor() as pool:
        outcomes = list(pool.map(lambda one: execute(one, server=server), jobs(tmp_path, *kinds.values())))
    assert [outcome.exit_code for outcome in outcomes] == list(kinds)
    assert survivors(before, tmp_path) == []


def test_server_ends_its_reports_and_itself_with_its_standard_input(tmp_path: Path, own: Server) -> None:
    assert own.ready(threading.Event())
    before = {*psutil.pids()} - {own.pid}
    with ThreadPoolExecutor() as pool:
        outcome = pool.submit(execute, job(tmp_path, MARKS_AND_WAITS), server=own)
        wait_until((tmp_path / "out {x}" / "started").exists)
        own.close()
        assert outcome.result().exit_code == 6
    assert survivors(before, tmp_path) == []


def test_a_server_that_cannot_start_leaves_a_cold_start(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(warm, "SERVER", (sys.executable, "-c", "raise SystemExit(1)"))
    with Server() as broken:
        assert not broken.ready(threading.Event())
        assert execute(job(tmp_path, COMPLETE), server=broken).exit_code == 0


def test_a_server_with_a_second_thread_refuses_to_fork(monkeypatch: pytest.MonkeyPatch) -> None:
    threaded = "import threading, time; threading.Thread(target=time.sleep, args=(60,), daemon=True).start()"
    code = f"{threaded}\nfrom evidence_lib.runs import server\nserver.load = lambda: None\nserver.main()"
    monkeypatch.setattr(warm, "SERVER", (sys.executable, "-c", code))
    with Server() as refusing:
        assert not refusing.ready(threading.Event())


def test_nothing_starts_where_the_run_was_stopped_before(tmp_path: Path) -> None:
    stop = threading.Event()
    stop.set()
    with Server() as loading:
        assert execute(job(tmp_path, COMPLETE), stop=stop, server=loading).exit_code == 143


def test_the_same_bytes_as_from_a_cold_start(tmp_path: Path, server: Server) -> None:
    draws = """
import json, os, pathlib, random
import numpy as np, pandas as pd, matplotlib
from evidence_lib.report.theme import svg, theme
with theme("f"):
    from matplotlib.figure import Figure
    figure = Figure()
    figure.subplots().plot([0, 1], [1, 2], label="Zählung")
picture = svg(figure, "f")
settings = {name: str(value) for name, value in sorted(matplotlib.rcParams.items())}
kept = [len(picture), hash("text"), sorted({"a", "b", "c"}), pd.Series(np.random.default_rng(1).normal(size=99)).sum()]
pathlib.Path(os.environ["EVIDENCE_OUT"], "first.svg").write_bytes(picture)
pathlib.Path(os.environ["EVIDENCE_OUT"], "first.txt").write_text(json.dumps([kept, list({"a", "b"}), settings]))
pd.DataFrame({"a": [1.0, 2.0]})
"""
    pair = jobs(tmp_path, (draws, COMPLETE), (draws, COMPLETE))
    cold, forked = execute(pair[0]), execute(pair[1], server=server)
    assert (cold.exit_code, forked.exit_code) == (0, 0), (cold, forked)
    same = [{output for output in outcome.outputs if output.name != "first.ipynb"} for outcome in (cold, forked)]
    assert len(same[0]) == 4
    assert same[0] == same[1]
    assert executed(pair[0]) == executed(pair[1])


def executed(one: Job) -> list[tuple[str, object]]:
    """Sources and outputs of the executed notebook, without the times."""
    cells = json.loads((one.out / "first.ipynb").read_bytes())["cells"]
    return [(cell["id"], cell.get("outputs")) for cell in cells]


def test_reports_do_not_share_unseeded_random_numbers(tmp_path: Path, server: Server) -> None:
    draw = """
import os, pathlib, random
import numpy as np
pathlib.Path(os.environ["EVIDENCE_OUT"], "first.txt").write_text(f"{np.random.random()} {random.random()}")
"""
    pair = jobs(tmp_path, (draw, COMPLETE), (draw, COMPLETE))
    assert [execute(one, server=server).exit_code for one in pair] == [0, 0]
    drawn = [(one.out / "first.txt").read_text().split() for one in pair]
    assert drawn[0][0] != drawn[1][0]
    assert drawn[0][1] != drawn[1][1]


def test_server_has_one_thread_and_no_open_file(server: Server) -> None:
    """An open file that forks inherit is read by all of them at one position."""
    process = Path("/proc", str(server.pid))
    assert len(list((process / "task").iterdir())) == 1
    opened = [os.readlink(link) for link in (process / "fd").iterdir()]
    assert opened
    assert [path for path in opened if path.startswith("/") and not path.startswith("/dev/")] == []
