"""A kernel that is forked before its report begins, and waits: it has every library loaded when it is needed.

It must exist before its report starts a thread or a ZeroMQ context, neither of which survives a fork. papermill and
nbclient start it as they start any kernel: through a provisioner of jupyter_client.
"""

from __future__ import annotations

import contextlib
import json
import os
import signal
import subprocess
import sys
import time
from collections.abc import Sequence
from importlib.metadata import EntryPoint
from typing import Any

from jupyter_client.provisioning import KernelProvisionerFactory, LocalProvisioner

from evidence_lib.runs.processes import end_with_parent

NAME = "evidence-forked"
LAUNCHER = "ipykernel_launcher"
_LOOK_EVERY = 0.01


class Kernel:
    """The forked process, as ``subprocess.Popen`` would show it."""

    stdin = stdout = stderr = None

    def __init__(self, pid: int, start: int) -> None:
        self.pid, self._start = pid, start
        self.returncode: int | None = None

    def start(self, arguments: Sequence[str], variables: dict[str, str], folder: str | None) -> None:
        """Tell it to begin. One that has died is found dead by whoever started it, as any kernel is."""
        with contextlib.suppress(BrokenPipeError), open(self._start, "w", encoding="utf-8") as stream:
            json.dump({"arguments": list(arguments), "environment": variables, "folder": folder}, stream)

    def poll(self) -> int | None:
        """Its exit status if it has ended, negative for a signal."""
        if self.returncode is None:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                self.returncode = os.waitstatus_to_exitcode(status)
        return self.returncode

    def wait(self, timeout: float | None = None) -> int:
        """Its exit status, when it has ended. Raises subprocess.TimeoutExpired."""
        deadline = None if timeout is None else time.monotonic() + timeout
        while (status := self.poll()) is None:
            if deadline is not None and time.monotonic() > deadline:
                raise subprocess.TimeoutExpired(NAME, timeout or 0)
            time.sleep(_LOOK_EVERY)
        return status

    def send_signal(self, number: int) -> None:
        """Send a signal unless it has ended."""
        if self.poll() is None:
            os.kill(self.pid, number)

    def terminate(self) -> None:
        """Ask it to end."""
        self.send_signal(signal.SIGTERM)

    def kill(self) -> None:
        """End it."""
        self.send_signal(signal.SIGKILL)


class ForkedProvisioner(LocalProvisioner):
    """Takes the waiting kernel where jupyter_client would start ``python -m ipykernel_launcher``."""

    waiting: Kernel | None = None

    async def launch_kernel(self, cmd: list[str], **kwargs: Any) -> Any:
        """Begin the waiting kernel; start an ordinary one for any other command, or a second time."""
        kernel = ForkedProvisioner.waiting
        if kernel is None or cmd[0] != sys.executable or LAUNCHER not in cmd:
            return await super().launch_kernel(cmd, **kwargs)
        ForkedProvisioner.waiting = None
        kernel.start(cmd[cmd.index(LAUNCHER) + 1 :], kwargs["env"], kwargs.get("cwd"))
        self.process, self.pid, self.pgid = kernel, kernel.pid, kernel.pid  # type: ignore[assignment]
        return self.connection_info


def fork_kernel(close: Sequence[int]) -> None:
    """Fork the kernel of this process and register it; ``close`` are file descriptors that it must not keep open."""
    report = os.getpid()
    begin, start = os.pipe()
    pid = os.fork()
    if pid == 0:
        try:
            for descriptor in (start, *close):
                os.close(descriptor)
            os.setsid()
            end_with_parent(report)
            _become_kernel(begin)
        finally:
            os._exit(1)
    os.close(begin)
    ForkedProvisioner.waiting = Kernel(pid, start)
    factory = KernelProvisionerFactory.instance()
    factory.provisioners[NAME] = EntryPoint(NAME, f"{__name__}:{ForkedProvisioner.__name__}", factory.GROUP_NAME)
    factory.default_provisioner_name = NAME


def _become_kernel(begin: int) -> None:
    """Wait for the word to begin, then be what ``python -m ipykernel_launcher`` is."""
    with open(begin, encoding="utf-8") as stream:
        text = stream.read()
    if not text:
        return  # the report ended without a kernel
    import atexit

    import numpy as np
    from ipykernel.kernelapp import IPKernelApp

    given = json.loads(text)
    os.environ.clear()
    os.environ.update(given["environment"])
    if given["folder"]:
        os.chdir(given["folder"])
    sys.argv = [LAUNCHER, *given["arguments"]]
    np.random.seed()  # noqa: NPY002 - a copy of the server's state would give all reports the same "random" numbers
    with contextlib.suppress(SystemExit):
        IPKernelApp.launch_instance(argv=given["arguments"], parent_handle=os.getppid())
    atexit._run_exitfuncs()
    sys.stdout.flush()
    sys.stderr.flush()
    os._exit(0)
