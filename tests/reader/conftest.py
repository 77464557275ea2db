"""A real browser without a network: what a reader sees when the page is opened from a disk."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import pytest

from tests.conftest import BROWSERS


@dataclass
class Reading:
    """An open page, with every request it made beyond itself and every complaint of the browser."""

    page: Any
    requests: list[str] = field(default_factory=list)
    complaints: list[str] = field(default_factory=list)


@pytest.fixture(scope="session")
def browser() -> Iterator[Any]:
    """Chromium as the system installs it. Tests that use it carry ``pytest.mark.browser``."""
    from playwright.sync_api import sync_playwright

    program = next(filter(None, map(shutil.which, BROWSERS)))
    # Chromium's sandbox does not work for root, which is who runs in most containers.
    sandbox = hasattr(os, "geteuid") and os.geteuid() != 0
    with sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=program, chromium_sandbox=sandbox)
        yield chromium
        chromium.close()


@pytest.fixture
def read(browser: Any) -> Iterator[Callable[..., Reading]]:
    """``read(path, width=1280)`` opens a page offline; every request beyond the file is noted and refused."""
    contexts = []

    def open_page(path: Path, *, width: int = 1280, height: int = 800, **options: Any) -> Reading:
        context = browser.new_context(viewport={"width": width, "height": height}, offline=True, **options)
        contexts.append(context)
        reading = Reading(context.new_page())
        address = path.resolve().as_uri()

        def decide(route: Any) -> None:
            if route.request.url == address:
                route.continue_()
            else:
                reading.requests.append(route.request.url)
                route.abort()

        context.route(lambda url: not url.startswith("data:"), decide)
        reading.page.on("console", lambda line: reading.complaints.append(line.text) if line.type == "error" else None)
        reading.page.on("pageerror", lambda error: reading.complaints.append(str(error)))
        reading.page.goto(address)
        return reading

    yield open_page
    for context in contexts:
        context.close()
