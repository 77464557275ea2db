"""Processes of a report: started so that they can be found again, and swept when the report has ended."""

from __future__ import annotations

import contextlib
import os
import signal
import sys
import time

import psutil

MARK = "EVIDENCE_JOB"
"""Environment variable that every process of a report inherits; its value is the report's own mark."""

_PATIENCE = 10.0


def become_subreaper() -> None:
    """Adopt orphans: a process whose parent ends becomes a child of this one, so that it is still found (Linux)."""
    set_child_subreaper = 36
    _control(set_child_subreaper, 1)


def end_with_parent(parent: int) -> None:
    """End this process at once when its parent, the process of this number, has ended or ends (Linux)."""
    set_parent_death_signal = 1
    _control(set_parent_death_signal, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _control(option: int, value: int) -> None:
    if sys.platform != "linux":
        return
    import ctypes

    ctypes.CDLL(None, use_errno=True).prctl(option, value, 0, 0, 0)


def sweep(mark: str, *, root: int | None = None) -> None:
    """End every process that carries this mark or descends from ``root``; ``root`` goes last, the caller never.

    ``root`` must be a process that cannot have been replaced by another of the same number: the caller itself, or a
    child that it has not waited for. Repeats until none is left, since a process may start another while it is being
    ended. Every process is killed outright: a kernel that holds the interpreter lock answers to nothing gentler.
    """
    deadline = time.monotonic() + _PATIENCE
    while found := _running(mark, root):
        below = [process for process in found if process.pid != root]
        for process in below or found:
            with contextlib.suppress(psutil.Error):
                process.kill()
        if time.monotonic() > deadline:
            return
        time.sleep(0.01)


def _running(mark: str, root: int | None) -> list[psutil.Process]:
    found: dict[int, psutil.Process] = {}
    for process in psutil.process_iter():
        with contextlib.suppress(psutil.Error, OSError):
            if process.environ().get(MARK) == mark:
                found[process.pid] = process
    if root is not None:
        with contextlib.suppress(psutil.Error):
            parent = psutil.Process(root)
            found.update({process.pid: process for process in [parent, *parent.children(recursive=True)]})
    found.pop(os.getpid(), None)
    return [process for process in found.values() if _runs(process)]


def _runs(process: psutil.Process) -> bool:
    with contextlib.suppress(psutil.Error):
        return bool(process.status() != psutil.STATUS_ZOMBIE)
    return False
