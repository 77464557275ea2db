"""The browser fixtures notice what they are there to notice."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

pytestmark = pytest.mark.browser

PIXEL = (
    "data:image/png;base64,iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5E"
    "rkJggg=="
)


def written(folder: Path, body: str) -> Path:
    page = folder / "page.html"
    page.write_text(f"<!doctype html><html lang=en><title>A page</title><body>{body}</body></html>", encoding="utf-8")
    return page


def test_a_self_contained_page_makes_no_request(read: Callable[..., Any], tmp_path: Path) -> None:
    reading = read(written(tmp_path, f'<img id="dot" alt="a dot" src="{PIXEL}">'))
    assert reading.requests == []
    assert reading.complaints == []
    assert reading.page.evaluate("document.getElementById('dot').naturalWidth") == 1


def test_a_request_to_a_network_or_to_another_file_is_noticed(read: Callable[..., Any], tmp_path: Path) -> None:
    body = '<img alt="" src="http://192.0.2.1/a.png"><link rel="stylesheet" href="other.css">'
    reading = read(written(tmp_path, body))
    reading.page.wait_for_load_state("load")
    assert sorted(url.rsplit("/", 1)[1] for url in reading.requests) == ["a.png", "other.css"]
