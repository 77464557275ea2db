"""The demo run, shared with the tests of the page."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.published import demo_run


@pytest.fixture(scope="session")
def demo(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of a published run of the demo study."""
    return demo_run(tmp_path_factory)
