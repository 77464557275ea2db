"""The third-party reference data and results, which are not part of the project: read in place, or skipped."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

REFERENCE = Path(__file__).parents[1] / ".." / "shared" / "reference"
needs_reference = pytest.mark.skipif(
    not REFERENCE.is_dir(), reason="the third-party reference data are not beside this checkout"
)


@cache
def _cases() -> dict[str, Any]:
    cases = json.loads((REFERENCE / "expected.json").read_text(encoding="utf-8"))
    return {entry["id"]: entry["expected"] for entry in cases}


def case(identifier: str) -> Any:
    """What a case of ``expected.json`` expects."""
    return _cases()[identifier]


def data(name: str, **options: Any) -> pd.DataFrame:
    """A data set by its path below ``data``: ``survival/lung.csv``."""
    return pd.read_csv(REFERENCE / "data" / name, **options)
