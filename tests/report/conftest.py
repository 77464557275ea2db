"""A stand-in for the narrative, so that the page is tested by itself."""

from __future__ import annotations

import sys
from types import ModuleType
from typing import Any

import pytest

from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import FirstScreen, KeyMessage

NARRATIVE = "evidence_lib.report.narrative"


def stub_first_screen(view: Any, **changes: Any) -> FirstScreen:
    facts: dict[str, Any] = {
        "status": "checked",
        "status_text": "CHECKED, NOT APPROVED. For internal review; do not forward.",
        "title": view.words.say(view.context.question),
        "grey_line": ["Demo study", "686 women"],
        "answer": [("Relapse was ", False), ("less frequent", True), (".", False)],
        "caution_title": "Read with care.",
        "caution": ["Not everybody was randomised."],
        "key_messages": [
            KeyMessage(id=f"K{i}", big=big, lines=["95% CI 1 to 2"]) for i, big in enumerate(("+14", "HR 0.69"), 1)
        ],
        "plain": [("Who?", "686 women."), ("How sure?", "Not fully.")],
        "figure": ("figures.kaplan_meier", ({"table": "km.curve"}, {"table": "km.at_risk"})),
        "links": [("Results", "results"), ("Nowhere", "no-such-section")],
    }
    return FirstScreen(**{**facts, **changes})


@pytest.fixture
def narrative(monkeypatch: pytest.MonkeyPatch) -> Any:
    """The stub module; a test may replace its ``first_screen``."""
    stub: Any = ModuleType(NARRATIVE)
    stub.first_screen = stub_first_screen
    stub.passage = lambda key, *, view: Passage(paragraphs=[f"passage {key}"])
    monkeypatch.setitem(sys.modules, NARRATIVE, stub)
    return stub
