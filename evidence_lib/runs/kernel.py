"""What a run loads into each kernel: an uncaught error of ours is written down with its text.

A Jupyter message carries an exception's bare name only, and other libraries have a ``DataError`` too. The text of an
error of the EvidenceError family is safe to show; that of any other may hold patient data and stays in the notebook.
"""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

from evidence_lib.errors import EvidenceError

EXTENSION = "evidence_lib.runs.kernel"
ERROR_FILE = "EVIDENCE_ERROR_FILE"


def load_ipython_extension(shell: Any) -> None:
    """Called by IPython when the kernel starts."""
    target = Path(os.environ[ERROR_FILE])

    def write_down(
        shell: Any, kind: type[BaseException], error: BaseException, trace: Any, tb_offset: Any = None
    ) -> None:
        family = next(base for base in kind.__mro__ if base.__module__ == EvidenceError.__module__)
        record = {"raised": kind.__name__, "cause": family.__name__, "message": str(error)}
        target.write_text(json.dumps(record), encoding="utf-8")
        shell.showtraceback((kind, error, trace), tb_offset=tb_offset)

    shell.set_custom_exc((EvidenceError,), write_down)
