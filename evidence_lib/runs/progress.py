"""Progress of a run for the person or the log that watches it: one plain line per report; on a terminal a live line."""

from __future__ import annotations

import sys
import time
from typing import TextIO

from evidence_lib.runs.jobs import Outcome


class Progress:
    """Writes to ``stream`` (standard error by default): what ended, and on a terminal how many are under way."""

    def __init__(self, total: int, stream: TextIO | None = None) -> None:
        self.stream = stream if stream is not None else sys.stderr
        self.total, self.done, self.started = total, 0, time.monotonic()
        self.live = self.stream.isatty()

    def tick(self) -> None:
        """Refresh the live line."""
        if self.live:
            seconds = time.monotonic() - self.started
            self.stream.write(f"\r\x1b[K{self.done} of {self.total} reports done, {seconds:.0f} s")
            self.stream.flush()

    def finished(self, outcome: Outcome) -> None:
        """Say what came of a report."""
        self.done += 1
        self.clear()
        said = f"{outcome.status:<6}  {outcome.report}  {outcome.seconds:.1f} s"
        if outcome.message:
            said += f"\n        exit {outcome.exit_code}: {outcome.message}"
        self.stream.write(said + "\n")
        self.stream.flush()

    def clear(self) -> None:
        """Take the live line away."""
        if self.live:
            self.stream.write("\r\x1b[K")
            self.stream.flush()
