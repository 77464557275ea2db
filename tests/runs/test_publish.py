"""Publishing: whole or not at all, one run at a time, and a reader never sees half of anything."""

from __future__ import annotations

import errno
import os
import re
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest

from evidence_lib.errors import InvalidInput, Locked, PublishError
from evidence_lib.runs import publish
from tests.runs.material import ROOT


def staged(folder: Path, text: str = "new", **choices: Any) -> Path:
    """Publish a run that holds one file."""
    run_id = publish.new_run_id()
    staging = publish.stage(folder, run_id)
    (staging / "page.html").write_text(text)
    return publish.publish(folder, staging, run_id, **{"as_latest": True, **choices})


def test_run_id_is_the_time_in_utc_and_four_hexadecimal_digits() -> None:
    assert re.fullmatch(r"20\d{6}-[0-2]\d[0-5]\d[0-5]\d-[0-9a-f]{4}", publish.new_run_id())
    assert publish.RUN_ID.fullmatch(publish.new_run_id())


def test_published_run_becomes_latest_and_nothing_else_is_left(tmp_path: Path) -> None:
    first = staged(tmp_path)
    second = staged(tmp_path, "newer")
    assert publish.latest(tmp_path) == second
    assert os.readlink(tmp_path / "latest") == second.name
    assert sorted(path.name for path in tmp_path.iterdir()) == sorted([first.name, second.name, "latest"])
    assert (first / "page.html").read_text() == "new"


def test_partial_run_does_not_become_latest(tmp_path: Path) -> None:
    first = staged(tmp_path)
    second = staged(tmp_path, as_latest=False)
    assert second.is_dir()
    assert publish.latest(tmp_path) == first


def test_46_a_reader_during_publish_always_finds_a_whole_run(tmp_path: Path) -> None:
    staged(tmp_path, "0" * 1000)
    seen, ended = set(), threading.Event()

    def read() -> None:
        while not ended.is_set():
            seen.add((tmp_path / "latest" / "page.html").read_text())

    failures: list[BaseException] = []
    reader = threading.Thread(target=lambda: _collect(read, failures))
    reader.start()
    for number in range(1, 40):
        staged(tmp_path, str(number % 10) * 1000)
    ended.set()
    reader.join()
    assert failures == []
    assert seen
    assert {(len(text), len(set(text))) for text in seen} == {(1000, 1)}


def _collect(work: Any, failures: list[BaseException]) -> None:
    try:
        work()
    except OSError as error:
        failures.append(error)


def test_46_the_same_study_twice_at_once(tmp_path: Path) -> None:
    holds = f"""
import sys
from pathlib import Path
from evidence_lib.runs.publish import locked
with locked(Path({str(tmp_path)!r})):
    print("held", flush=True)
    sys.stdin.read()
"""
    environment = {**os.environ, "PYTHONPATH": str(ROOT)}
    with subprocess.Popen(
        [sys.executable, "-c", holds], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True, env=environment
    ) as holder:
        assert holder.stdout is not None
        assert holder.stdout.readline() == "held\n"
        with pytest.raises(Locked, match="another run of this study is under way"), publish.locked(tmp_path):
            pytest.fail("the lock was given twice")
        holder.kill()  # a killed run frees its lock
    with publish.locked(tmp_path):
        pass


def test_47_what_a_killed_run_left_in_staging_is_removed_by_the_next(tmp_path: Path) -> None:
    (publish.stage(tmp_path, publish.new_run_id()) / "half.html").write_text("half")
    with publish.locked(tmp_path):
        assert not list(tmp_path.glob(".staging*"))


@pytest.mark.parametrize("call", ["fsync", "rename", "replace"])
def test_45_disk_full_during_publish(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    first = staged(tmp_path)

    def full(*_: Any, **__: Any) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    run_id = publish.new_run_id()
    staging = publish.stage(tmp_path, run_id)
    (staging / "page.html").write_text("new")
    owner: Any = os if call == "fsync" else Path
    with monkeypatch.context() as patch:
        patch.setattr(owner, call, full)
        with pytest.raises(PublishError, match=r"No space left.*last good run is untouched"):
            publish.publish(tmp_path, staging, run_id, as_latest=True)
    assert publish.latest(tmp_path) == first
    assert not (tmp_path / run_id).exists()
    assert (first / "page.html").read_text() == "new"


def test_write_atomic_keeps_the_old_text_when_the_disk_is_full(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    target = tmp_path / "index.html"
    publish.write_atomic(target, "old")

    def full(_: int) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(os, "fsync", full)
    with pytest.raises(OSError, match="No space"):
        publish.write_atomic(target, "new")
    assert target.read_text() == "old"
    assert [path.name for path in tmp_path.iterdir()] == ["index.html"]


def test_85_output_on_a_share_without_symbolic_links(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any, **__: Any) -> None:
        raise OSError(errno.EPERM, "Operation not permitted")

    monkeypatch.setattr(Path, "symlink_to", refuse)
    first = staged(tmp_path)
    assert publish.latest(tmp_path) == first
    second = staged(tmp_path)
    assert publish.latest(tmp_path) == second
    assert (tmp_path / "latest.txt").read_text() == f"{second.name}\n"


def test_85_output_on_a_share_without_locks(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    fcntl = pytest.importorskip("fcntl", reason="this system locks in another way")

    def refuse(*_: Any) -> None:
        raise OSError(errno.ENOLCK, "No locks available")

    monkeypatch.setattr(fcntl, "flock", refuse)
    with pytest.raises(PublishError, match="offers no locks.*choose another --out"), publish.locked(tmp_path):
        pytest.fail("went on without a lock")


def test_23_study_folder_that_is_a_symbolic_link(tmp_path: Path) -> None:
    (tmp_path / "elsewhere").mkdir()
    (tmp_path / "study").symlink_to(tmp_path / "elsewhere")
    with pytest.raises(PublishError, match="symbolic link"), publish.locked(tmp_path / "study"):
        pytest.fail("wrote through the link")


def test_28_output_is_a_file(tmp_path: Path) -> None:
    (tmp_path / "out").write_text("")
    with pytest.raises(PublishError, match="Not a directory"), publish.locked(tmp_path / "out" / "study"):
        pytest.fail("wrote into a file")


def test_latest_that_is_no_link_stays_and_nothing_is_published(tmp_path: Path) -> None:
    (tmp_path / "latest").mkdir()
    (tmp_path / "latest" / "own.txt").write_text("somebody's")
    with pytest.raises(PublishError, match="cannot be written"):
        staged(tmp_path)
    assert (tmp_path / "latest" / "own.txt").read_text() == "somebody's"
    assert not [path for path in tmp_path.iterdir() if publish.RUN_ID.fullmatch(path.name)]


@pytest.mark.parametrize("text", ["s3://bucket/out", "http://host/out", "-", ""])
def test_29_output_that_is_no_folder(text: str) -> None:
    with pytest.raises(InvalidInput, match="must be a folder of this machine"):
        publish.output_folder(text)


def test_27_output_inside_the_data(tmp_path: Path) -> None:
    (tmp_path / "adam").mkdir()
    with pytest.raises(InvalidInput, match="inside the data"):
        publish.refuse_input_as_output(tmp_path / "adam" / "out", tmp_path / "adam")
    publish.refuse_input_as_output(tmp_path / "out", tmp_path / "adam")


@pytest.mark.parametrize("target", ["../elsewhere", "/etc", "20260101-000000-abcd"])
def test_latest_never_leads_out_of_the_folder_or_to_nothing(tmp_path: Path, target: str) -> None:
    (tmp_path / "latest").symlink_to(target)
    assert publish.latest(tmp_path) is None
