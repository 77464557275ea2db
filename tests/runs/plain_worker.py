"""The worker with a page builder that needs nothing of the report room: fault tests use trivial notebooks."""

from __future__ import annotations

import sys
from collections.abc import Mapping
from html import escape
from typing import Any

from evidence_lib.results import ResultSet
from evidence_lib.runs import worker


def build_page(
    notebook: Any, results: ResultSet, run: Mapping[str, Any], language: str, displays: Mapping[str, str]
) -> str:
    """A page that says which report, run and language it was made for."""
    if results.study == "page-bug":
        raise ZeroDivisionError("the text of a bug may hold anything")
    said = escape(f"{results.report} {run.get('id')} {len(notebook.cells)} cells")
    return f"<!doctype html><html lang='{language}'><p>{said}</p></html>"


if __name__ == "__main__":
    sys.exit(worker.main(build_page))
