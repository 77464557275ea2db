"""Importing the statistics loads no heavy library: simulations and notebooks start at once."""

from __future__ import annotations

import pkgutil
import subprocess
import sys

import evidence_lib.statistics
from tests.test_architecture import HEAVY


def modules() -> list[str]:
    found = pkgutil.walk_packages(evidence_lib.statistics.__path__, "evidence_lib.statistics.")
    return sorted(module.name for module in found)


def test_no_statistic_loads_a_heavy_library_until_it_is_used() -> None:
    names = [*modules(), "sys"]
    code = f"import {', '.join(names)}\nprint(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.split())
    assert len(names) > 20
    assert set(names) <= loaded
    assert loaded & HEAVY == set()
