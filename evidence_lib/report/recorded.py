"""Recorded displays: the name under which a notebook records a display, and the display made from its record."""

from __future__ import annotations

import importlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from types import ModuleType
from typing import Any

from evidence_lib.errors import InvalidInput, NotebookError
from evidence_lib.language import message_from_json
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.html import Display
from evidence_lib.results import ResultSet

# Where display functions live, and the letter of the items they make. Only names in a module's __all__ (for the
# narrative: ``passage``) can be called from a recorded notebook.
ROOMS = {"tables": "T", "figures": "F", "narrative": "P"}
NARRATIVE_FUNCTIONS = ("passage",)
ITEM = re.compile(r"[A-Z][0-9]{1,4}\Z")


def display_name(function: Callable[..., Any]) -> str:
    """The name under which a display function is recorded: ``tables.attrition``. Raises InvalidInput for any other."""
    for room in ROOMS:
        for name in _names(room):
            if getattr(room_of(room), name) is function:
                return f"{room}.{name}"
    raise InvalidInput("not a display function of the report room", found=getattr(function, "__name__", "an object"))


def item_kind(function: Callable[..., Any]) -> str:
    """The letter of the items that a display function makes: T, F or P."""
    return ROOMS[display_name(function).split(".", 1)[0]]


def display_of(record: Mapping[str, Any], at: View) -> Display:
    """The display that a record describes, in the language of the view.

    Raises NotebookError for a function that is no display of this version, or an item id of another form.
    """
    room, _, name = str(record["function"]).partition(".")
    if room not in ROOMS or name not in _names(room):
        raise NotebookError(
            "the notebook shows something that this version does not know", found=repr(record["function"])
        )
    if not ITEM.match(str(record["item"])):
        raise NotebookError("an item id of another form", expected="T1, F2 or P3", found=repr(record["item"]))
    content = [_content(part, at.results) for part in record["content"]]
    function = getattr(room_of(room), name)
    return _named(function(*content, view=at, **record.get("options", {})), str(record.get("id", name)), at)


def _named(display: Display, id: str, at: View) -> Display:
    """The display under the number, title and population that the study file gives it, with its footnotes below."""
    given = at.context.tlf.get(id)
    if given is None or isinstance(display, Passage):
        return display
    return replace(
        display,
        number=given.get("number", ""),
        title=at.words.say(given["title"]) if given.get("title") else display.title,
        footnotes=[*display.footnotes, *(at.words.say(note) for note in given.get("footnotes", ()))],
        population=at.words.say(given.get("population") or at.context.population),
    )


def display_key(record: Mapping[str, Any]) -> str:
    """The whole record as text: two displays are the same only where everything in their records is."""
    return json.dumps(record, sort_keys=True)


def _names(room: str) -> Sequence[str]:
    return NARRATIVE_FUNCTIONS if room == "narrative" else room_of(room).__all__


def room_of(room: str) -> ModuleType:
    """The module or package of display functions of this name."""
    return importlib.import_module(f"evidence_lib.report.{room}")


def _content(part: Mapping[str, Any], results: ResultSet) -> Any:
    import pandas as pd

    if "table" not in part:
        return message_from_json(part["value"])
    # A table of which the study declares nothing was never recorded.
    return results.table(part["table"]) if part["table"] in results.tables else pd.DataFrame()
