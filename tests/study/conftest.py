"""A small valid study file, and a way to write it with one thing changed."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

STUDY = """\
version: 1
study: {id: demo, title: "A demo", design: observational}
data: {kind: adam, path: adam, cutoff: {unknown: "not stated"}}
reports:
  - id: os
    notebook: trial/survival
    parameters: {endpoint: OS, treatment: A, reference: B, unit: months, tau: 60, times: [12, 24]}
    primary_measure: survival_difference
    estimand:
      treatment: A or B
      population: adults
      variable: overall survival
      intercurrent_events: ["stopping treatment: ignored"]
      summary: difference at 12 months
disclosure: {preset: none, reason: public data}
"""


@pytest.fixture
def study_file(tmp_path: Path) -> Callable[..., Path]:
    """Write the small study, with each ``old`` text replaced by its ``new`` one (or other bytes), and give its path."""

    def write(*changes: tuple[str, str], data: bytes | None = None) -> Path:
        text = STUDY
        for old, new in changes:
            assert text.count(old) == 1, f"{old!r} must stand once in the small study"
            text = text.replace(old, new)
        path = tmp_path / "study.yml"
        path.write_bytes(text.encode() if data is None else data)
        return path

    return write
