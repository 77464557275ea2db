"""What statistics ask of their arguments: numbers, flags, labels, strata and levels, checked once and named by row."""

from __future__ import annotations

from contextlib import suppress
from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.errors import InvalidInput

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]
Counts = NDArray[np.int64]


def numbers(values: ArrayLike, name: str) -> Floats:
    """One-dimensional numbers; a missing value becomes NaN. Raises InvalidInput for anything else."""
    plain = _plain(values, "fiub")
    if plain is not None:
        return plain.astype(np.float64)
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
    plain = _plain(values, "iubUO")
    labels = np.array(values if plain is None else plain, dtype=object) if np.ndim(values) == 1 else None
    if labels is None or labels.size != size:
        raise InvalidInput(
            f"{name} does not fit the data", expected=f"{size} labels", found=f"an array of shape {np.shape(values)}"
        )
    if plain is None or plain.dtype == object:
        refuse(pd.isna(labels), name, "a label for each patient", "a missing label")
    return labels


def with_labels(values: Any, name: str, size: int, levels: tuple[Any, ...]) -> tuple[Flags, ...]:
    """Who has each of these labels, by the rules of ``labelled``."""
    stored = _plain(values, "O")
    if stored is not None and stored.size == size and all(type(level) in (str, int) for level in levels):
        # Compared with a missing value of pandas, and in older NumPy with an array, the answers are no booleans.
        with suppress(TypeError):
            rows = tuple((stored == level).astype(bool) for level in levels)
            # Where everybody has one of these labels, nobody's can be missing.
            if np.logical_or.reduce(rows).all():
                return rows
    labels = _comparable(values, name, size)
    kind = {"U": str, "i": int, "u": int}.get(labels.dtype.kind)
    if kind is not None and any(type(level) is not kind for level in levels):
        labels = labels.astype(object)
    return tuple(labels == level for level in levels)


def members(values: Any, name: str, size: int) -> Flags:
    """Who has each label that occurs, by the rules of ``labelled``: a row per label, in the order of appearance."""
    labels = _comparable(values, name, size)
    rows: list[Flags] = []
    unseen = np.ones(size, dtype=bool)
    while unseen.any():
        first = unseen.argmax()
        rows.append(labels == labels[first])
        unseen &= ~rows[-1]
        unseen[first] = False
    return np.array(rows, dtype=bool).reshape(len(rows), size)


def checked_level(conf_level: float) -> float:
    """A confidence level strictly between 0 and 1."""
    if isinstance(conf_level, bool) or not isinstance(conf_level, int | float) or not 0 < conf_level < 1:
        raise InvalidInput("conf_level is not a confidence level", expected="between 0 and 1", found=repr(conf_level))
    return float(conf_level)


def choice(given: Any, kinds: Any, name: str) -> Any:
    """One of the choices of a ``Literal``. Raises InvalidInput for any other."""
    if given not in get_args(kinds):
        raise InvalidInput(f"unknown {name}", expected=" or ".join(map(str, get_args(kinds))), found=repr(given))
    return given


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


def _comparable(values: Any, name: str, size: int) -> NDArray[Any]:
    """Texts and whole numbers as they are stored, which compare as well as objects and faster; else ``labelled``."""
    plain = _plain(values, "iuU")
    return plain if plain is not None and plain.size == size else labelled(values, name, size)


def _plain(values: Any, kinds: str) -> NDArray[Any] | None:
    """A one-dimensional array of one of these kinds of NumPy, also out of a Series; None for any other."""
    if type(values) is pd.Series and isinstance(values.dtype, np.dtype):
        values = values.to_numpy()
    return values if type(values) is np.ndarray and values.ndim == 1 and values.dtype.kind in kinds else None
