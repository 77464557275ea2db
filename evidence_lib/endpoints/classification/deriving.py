"""Derived columns from their definitions and the data."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.data.values import plain_text, to_numbers
from evidence_lib.endpoints.classification.definitions import Derived, parse_definitions
from evidence_lib.endpoints.classification.scales import SCALES
from evidence_lib.endpoints.clinical_inputs import unknown_word
from evidence_lib.errors import DataError, InvalidInput, StudyError
from evidence_lib.study.checking import described, suggestion


def derive(frame: pd.DataFrame, definitions: Mapping[str, Any] | Sequence[Derived]) -> pd.DataFrame:
    """The frame with the derived columns added, as ordered categories.

    A definition may use a column derived before it.

    Misreading: groups chosen after a look at the outcome are not those of a plan; the cut points must stand in the
    study file before the analysis.

    Parameters
    ----------
    frame : pd.DataFrame
        One row per subject. It is not changed.
    definitions : mapping or sequence of Derived
        As a study file writes them, or parsed by ``parse_definitions``.

    Returns
    -------
    pd.DataFrame
        A new frame. Missing values stay missing unless the definition names them.

    Raises
    ------
    StudyError
        A definition is wrong, a column does not exist (a near name is suggested) or exists already, or a value is in no
        level and there is no ``other``.
    DataError
        A column to cut does not hold numbers, or a scale has an impossible input.
    """
    parsed = parse_definitions(definitions) if isinstance(definitions, Mapping) else tuple(definitions)
    made = frame.copy()
    for one in parsed:
        if not isinstance(one, Derived):
            raise InvalidInput("not a definition", expected="Derived, or a mapping", found=described(one))
        if one.name in made:
            raise StudyError("the column exists already", where=one.name, mend="give the derived column another name")
        texts = _DERIVED[one.kind](made, one)
        if one.missing is not None:
            texts = [one.missing if text is None else text for text in texts]
        made[one.name] = pd.Categorical(texts, categories=list(one.categories), ordered=True)
    return made


def _cut(frame: pd.DataFrame, one: Derived) -> list[str | None]:
    column = _column(frame, one.source, one.name).reset_index(drop=True)
    converted = to_numbers(column)
    for rows, what in ((converted.limits, "a detection limit is no number"), (converted.invalid, "not a number")):
        if rows:
            raise DataError(
                what, where=f"{one.name} ({one.source})", expected="numbers", found=_rows([row + 1 for row in rows])
            )
    values = converted.values.to_numpy()
    place = np.searchsorted(one.cuts, values, side="right" if one.closed == "left" else "left")
    return [None if np.isnan(value) else one.categories[at] for value, at in zip(values, place, strict=True)]


def _level(frame: pd.DataFrame, one: Derived) -> list[str | None]:
    level_of = {value: name for name, values in one.levels for value in values}
    texts = [plain_text(value) for value in _column(frame, one.source, one.name)]
    unknown = [row for row, text in enumerate(texts, start=1) if text is not None and text not in level_of]
    if unknown and one.other is None:
        shown, near = unknown_word(str(texts[unknown[0] - 1]), level_of)
        raise StudyError(
            "a value is in no level",
            where=f"{one.name} ({one.source})",
            expected=", ".join(level_of),
            found=f"{shown} in {_rows(unknown)}",
            mend=near or "add it to a level, or name the others with other:",
        )
    return [None if text is None else level_of.get(text, one.other) for text in texts]


def _scored(frame: pd.DataFrame, one: Derived) -> list[str | None]:
    columns = {name: _input(frame, column, one.name) for name, column in one.inputs}
    scale = SCALES[one.function or ""]
    given = [columns.pop(name) for name in scale.inputs]
    try:
        found = scale.function(*given, **columns, **dict(one.options))
    except InvalidInput as error:
        where = f"{one.name} ({one.function})" + (f", {error.where}" if error.where else "")
        raise DataError(error.what, where=where, expected=error.expected, found=error.found, mend=error.mend) from None
    return list(found)


_DERIVED = {"cuts": _cut, "levels": _level, "function": _scored}


def _input(frame: pd.DataFrame, column: str, name: str) -> pd.Series:
    """An input of a scale; one that was derived before as plain text."""
    values = _column(frame, column, name).reset_index(drop=True)
    if values.dtype != "category":
        return values
    return pd.Series([None if missing else value for value, missing in zip(values, values.isna(), strict=True)])


def _column(frame: pd.DataFrame, column: str | None, name: str) -> pd.Series:
    if column not in frame:
        raise StudyError(
            f"no column {str(column)[:40]}",
            where=name,
            mend=suggestion(str(column), [str(known) for known in frame.columns]),
        )
    found = frame[column]
    if not isinstance(found, pd.Series):
        raise DataError("the column stands twice", where=f"{name} ({column})")
    return found


def _rows(rows: Sequence[int]) -> str:
    return f"row {rows[0]}" + (f" and {len(rows) - 1} more" if len(rows) > 1 else "")
