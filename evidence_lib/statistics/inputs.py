"""What statistics ask of their arguments: numbers, flags, labels, strata and levels, checked once and named by row."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.errors import InvalidInput

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]


def numbers(values: ArrayLike, name: str) -> Floats:
    """One-dimensional numbers; a missing value becomes NaN. Raises InvalidInput for anything else."""
    if np.ndim(values) != 1:
        raise InvalidInput(f"{name} is not one-dimensional", found=f"{np.ndim(values)} dimensions")
    series = pd.Series(values).infer_objects()
    if series.size == 0:
        return np.empty(0)
    if not pd.api.types.is_any_real_numeric_dtype(series) and not pd.api.types.is_bool_dtype(series):
        raise InvalidInput(f"{name} does not hold numbers", expected="numbers", found=f"type {series.dtype}")
    return np.asarray(series.to_numpy(dtype=float, na_value=np.nan), dtype=np.float64)


def refuse(wrong: Flags, name: str, expected: str, found: str) -> None:
    """Raise InvalidInput where a flag is set, naming the first row, from 1, and how many more there are."""
    if wrong.any():
        rows = np.flatnonzero(wrong) + 1
        more = f" and {rows.size - 1} more" if rows.size > 1 else ""
        raise InvalidInput(f"{name} cannot be used", expected=expected, found=f"{found} in row {rows[0]}{more}")


def labelled(values: Any, name: str, size: int) -> NDArray[np.object_]:
    """Labels, one per patient. Raises InvalidInput where one is missing."""
    labels = pd.Series(np.asarray(values, dtype=object)) if np.ndim(values) == 1 else None
    if labels is None or labels.size != size:
        raise InvalidInput(
            f"{name} does not fit the data", expected=f"{size} labels", found=f"an array of shape {np.shape(values)}"
        )
    refuse(labels.isna().to_numpy(), name, "a label for each patient", "a missing label")
    out = np.empty(size, dtype=object)
    out[:] = labels.tolist()
    return out


def checked_level(conf_level: float) -> float:
    """A confidence level strictly between 0 and 1."""
    if isinstance(conf_level, bool) or not isinstance(conf_level, int | float) or not 0 < conf_level < 1:
        raise InvalidInput("conf_level is not a confidence level", expected="between 0 and 1", found=repr(conf_level))
    return float(conf_level)


def crossed(strata: Any, size: int) -> tuple[Counts, tuple[str, ...] | None]:
    """The number of each patient's stratum, and the names of the factors: None without strata, empty for an array."""
    if strata is None:
        return np.zeros(size, dtype=np.int64), None
    framed = isinstance(strata, pd.DataFrame)
    columns = [strata[name] for name in strata.columns] if framed else [strata]
    if not columns:
        raise InvalidInput("strata has no columns", expected="one column or more")
    number = np.zeros(size, dtype=np.int64)
    for column in columns:
        codes, levels = pd.factorize(labelled(column, "strata", size))
        # Renumbered after each factor, so that the product of the numbers of levels cannot overflow.
        number = np.unique(number * max(len(levels), 1) + codes, return_inverse=True)[1].reshape(-1)
    return number, tuple(str(name) for name in strata.columns) if framed else ()
