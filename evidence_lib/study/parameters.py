"""The one list of report parameters, ``parameters.csv``: name, type, unit, range, default, meaning and notebooks."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from evidence_lib.conventions import DAYS_PER_UNIT
from evidence_lib.language import LANGUAGES

Kind = Literal[
    "text",
    "texts",
    "choice",
    "choices",
    "number",
    "numbers",
    "switch",
    "time",
    "times",
    "column",
    "columns",
    "filter",
]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One report parameter.

    ``kind`` is its type: a text, a text or a list of them (``texts``), one of ``choices`` or a list of them, a number
    from ``low`` to ``high`` (the limits themselves excluded where ``open_range``; ``whole``: no fractions) or a list of
    them, a time or a list of times in the report's ``unit``, a column name or a list of them, a ``filter`` (a mapping
    from column name to value), or a ``switch`` (true or false). ``default`` is the value where neither the run nor the
    study file gives one; None means that there is none. ``notebooks`` names the project's notebooks that declare it;
    ``*`` stands for all.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = math.inf
    open_range: bool = False
    whole: bool = False
    at_most: int = 1
    default: str | float | bool | None = None
    notebooks: tuple[str, ...] = ("trial/survival",)


FILE = Path(__file__).with_name("parameters.csv")
# Choices that stand elsewhere in the project, by the name that the file gives them.
NAMED_CHOICES = {"LANGUAGES": LANGUAGES, "UNITS": tuple(DAYS_PER_UNIT)}


def _read() -> Iterator[Parameter]:
    with FILE.open(encoding="utf-8", newline="") as stream:
        for row in csv.DictReader(stream):
            yield Parameter(
                name=row["name"],
                kind=row["kind"],  # type: ignore[arg-type]
                meaning=row["meaning"],
                unit=row["unit"],
                choices=NAMED_CHOICES.get(row["choices"]) or tuple(filter(None, row["choices"].split("|"))),
                low=_number(row["low"] or "0.0"),
                high=_number(row["high"] or "inf"),
                open_range=row["open_range"] == "yes",
                whole=row["whole"] == "yes",
                at_most=int(row["at_most"] or 1),
                default=_default(row["kind"], row["default"]),
                notebooks=tuple(row["notebooks"].split("|")),
            )


def _number(text: str) -> float:
    return int(text) if text.lstrip("-").isdigit() else float(text)


def _default(kind: str, text: str) -> str | float | bool | None:
    if not text:
        return None
    if kind == "switch":
        return text == "true"
    return _number(text) if kind in ("number", "time") else text


PARAMETERS: Mapping[str, Parameter] = {parameter.name: parameter for parameter in _read()}
RUN_PARAMETERS = ("study", "report", "language")
REPORT_PARAMETERS = tuple(name for name in PARAMETERS if name not in RUN_PARAMETERS)
