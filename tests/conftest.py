"""What holds for every test: programs that may be missing, and the global random generator that nobody may touch."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator

import numpy as np
import pytest

BROWSERS = ("chromium", "chromium-browser", "google-chrome")


def missing_program(item: pytest.Item) -> tuple[str, str] | None:
    """The marker's name and the reason, when a test is marked as needing a program that this machine lacks."""
    if item.get_closest_marker("browser") and not any(map(shutil.which, BROWSERS)):
        return "browser", "no Chromium on this machine"
    engine = item.get_closest_marker("engine")
    if engine and not shutil.which(engine.args[0]):
        return "engine", f"no {engine.args[0]} on this machine"
    return None


def pytest_runtest_setup(item: pytest.Item) -> None:
    missing = missing_program(item)
    if missing is None:
        return
    name, reason = missing
    if name in os.environ.get("EVIDENCE_REQUIRE", "").split():
        pytest.fail(f"{reason}, and EVIDENCE_REQUIRE names {name}")
    pytest.skip(reason)


def _global_generator() -> tuple[bytes, int]:
    # The legacy interface is the only way to see the generator that nobody may touch.
    _, keys, position, *_ = np.random.get_state()  # noqa: NPY002
    return keys.tobytes(), position


@pytest.fixture(autouse=True)
def _global_random_generator_untouched() -> Iterator[None]:
    before = _global_generator()
    yield
    assert _global_generator() == before, "the test used numpy's global random generator; pass a seeded Generator"
