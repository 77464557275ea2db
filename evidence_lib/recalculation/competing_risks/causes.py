"""Causes as plain lists, and groups of patients."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.recalculation.survival.steps import plain

Label = str | float


def told(time: ArrayLike, cause: ArrayLike, censored: Label) -> tuple[NDArray[np.float64], list[Any], list[Any]]:
    """Times, each patient's cause (None for censored), and the causes in the order of reports."""
    times, _ = plain(time, np.zeros(np.size(time)))
    labels = [whole(label) for label in np.asarray(cause, dtype=object)]
    ends = [None if label == censored or str(label) == str(censored) else label for label in labels]
    found = {label for label in ends if label is not None}
    mixed = len({isinstance(label, str) for label in found}) > 1
    return times, ends, sorted(found, key=str) if mixed else sorted(found)


def whole(label: Any) -> Any:
    """A label as written: whole numbers without a decimal point."""
    if isinstance(label, str) or not float(label).is_integer():
        return label
    return int(label)


def numbered(labels: Any) -> NDArray[np.int64]:
    """One number per label, or per combination of the labels of a frame; zeros for None is the caller's."""
    frame = labels if isinstance(labels, pd.DataFrame) else pd.DataFrame({"label": np.asarray(labels, dtype=object)})
    seen: dict[tuple[Hashable, ...], int] = {}
    return np.array([seen.setdefault(row, len(seen)) for row in frame.itertuples(index=False, name=None)], np.int64)
