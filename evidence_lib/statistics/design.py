"""Covariates as columns of a model: numbers as they are, categories as indicators of their levels."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import Floats


@dataclass(frozen=True)
class Design:
    """The columns of covariates: ``matrix`` (n, p), the name of each column, and the covariate each belongs to."""

    matrix: Floats
    names: tuple[str, ...]
    variables: tuple[str, ...]


def design(covariates: Any, size: int) -> Design:
    """The columns that covariates become. Raises InvalidInput; rows are named by number, from 1."""
    if not isinstance(covariates, pd.DataFrame) or covariates.shape[1] == 0 or len(covariates) != size:
        raise InvalidInput(
            "covariates do not fit the data",
            expected=f"a frame of {size} rows with a column or more",
            found=f"shape {np.shape(covariates)}",
        )
    if not covariates.columns.is_unique:
        raise InvalidInput("covariates hold a column name twice", expected="each name once")
    parts: list[Floats] = []
    names: list[str] = []
    variables: list[str] = []
    for column in covariates.columns:
        for name, values in _columns(covariates[column], str(column)):
            parts.append(values)
            names.append(name)
            variables.append(str(column))
    return Design(np.column_stack(parts), tuple(names), tuple(variables))


def _columns(values: pd.Series, name: str) -> list[tuple[str, Floats]]:
    _refuse(values.isna().to_numpy(), name, "a missing value")
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_any_real_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=float)
        _refuse(~np.isfinite(numbers), name, "an infinite value")
        return [(name, numbers)]
    if pd.api.types.is_datetime64_any_dtype(values.dtype) or pd.api.types.is_complex_dtype(values.dtype):
        raise InvalidInput(
            "a covariate is neither numbers nor categories",
            where=name,
            found=f"type {values.dtype}",
            mend="give numbers",
        )
    levels = sorted_levels(values)
    if len(levels) < 2:
        # One level stays a constant column, so that the model says which covariate it cannot estimate.
        return [(name, np.zeros(len(values)))]
    return [(f"{name}={level_text(level)}", (values == level).to_numpy(dtype=float)) for level in levels[1:]]


def sorted_levels(values: pd.Series) -> list[Any]:
    """The levels that occur, sorted; by their text where they are of kinds that have no order."""
    found = list(values.astype(object).dropna().unique())
    try:
        return sorted(found)
    except TypeError:
        return sorted(found, key=str)


def level_text(level: Any) -> str:
    """A level as written: whole numbers without a decimal point, since a missing value turns them into decimals."""
    return str(int(level)) if isinstance(level, float) and level.is_integer() else str(level)


def _refuse(wrong: np.ndarray, name: str, found: str) -> None:
    if wrong.any():
        rows = np.flatnonzero(wrong) + 1
        more = f" and {rows.size - 1} more" if rows.size > 1 else ""
        raise InvalidInput(
            "a covariate cannot be used",
            where=name,
            expected="a finite value for each patient",
            found=f"{found} in row {rows[0]}{more}",
        )
