"""Times as ADTTE states them, in days."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Literal

from evidence_lib.conventions import DAYS_PER_UNIT
from evidence_lib.errors import DataError
from evidence_lib.language import Message, message

if TYPE_CHECKING:
    import pandas as pd

UNIT_WORDS = {"D": "days", "DAY": "days", "DAYS": "days", "WEEK": "weeks", "WEEKS": "weeks", "WK": "weeks"}
UNIT_WORDS |= {"MONTH": "months", "MONTHS": "months", "MO": "months", "YEAR": "years", "YEARS": "years", "YR": "years"}
UNIT_WORDS |= {"天": "days", "日": "days", "周": "weeks", "月": "months", "个月": "months", "年": "years"}


def days_of(events: pd.DataFrame) -> tuple[pd.Series, list[Message]]:
    """AVAL in days, by AVALU or by the unit that PARAM ends with, and what was decided.

    Rounded to 1e-6 days. Raises DataError for an unknown unit, and where the two say different things.
    """
    stated = set(events["AVALU"].dropna()) if "AVALU" in events else set()
    units = {_unit(text) for text in stated}
    named = {_unit_in_name(text) for text in events["PARAM"].dropna().unique()} - {None} if "PARAM" in events else set()
    if len(units) > 1 or (units and named and units != named):
        both = sorted(stated | {f"{unit} in PARAM" for unit in named if unit})
        raise DataError("the times are in different units", where="ADTTE, AVALU", found=", ".join(both))
    unit: str = next(iter(units or named), None) or "days"
    notes = [] if units or named else [message("data.note.days_assumed")]
    if unit != "days":
        notes.append(message("data.note.converted", unit=message(f"data.unit.{unit}"), days=DAYS_PER_UNIT[unit]))
    return (events["AVAL"] * DAYS_PER_UNIT[unit]).round(6), notes


def endpoint_label(events: pd.DataFrame, endpoint: str) -> str:
    """What PARAM calls the endpoint, without the unit at its end; its code where there is no PARAM."""
    names = list(events["PARAM"].dropna().unique()) if "PARAM" in events else []
    if not names:
        return endpoint
    return re.sub(r"\s*[(（]\s*(?i:days|weeks|months|years)\s*[)）]\s*$", "", str(names[0]))


def _unit(text: str) -> Literal["days", "weeks", "months", "years"]:
    found = UNIT_WORDS.get(text.strip().upper())
    if found is None:
        raise DataError(
            "unknown unit of time", where="ADTTE, AVALU", expected="DAYS, WEEKS, MONTHS or YEARS", found=repr(text)
        )
    return found  # type: ignore[return-value]


def _unit_in_name(param: str) -> str | None:
    """The unit that a parameter's name ends with: ``Overall Survival (Months)``."""
    found = re.search(r"[(（]\s*(\w+)\s*[)）]\s*$", param)
    return UNIT_WORDS.get(found[1].upper()) if found else None
