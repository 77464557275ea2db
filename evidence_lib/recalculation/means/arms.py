"""Outcomes and arms as the recalculations of means read them."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.results import Estimate, plain

# A spread that is this small beside the values is the rounding of a computer, and is no spread.
ROUNDING = 10 * 2.0**-52


def outcomes(outcome: Any) -> tuple[np.ndarray, float]:
    """The outcomes over a power of two near the largest, which rounds nothing, and that power."""
    values = np.asarray(pd.Series(outcome), dtype=float)
    size = 2.0 ** (int(np.frexp(np.abs(values).max(initial=0.0))[1]) - 1)
    return values / size, size


def labels(group: Any) -> np.ndarray:
    """One label per patient."""
    return np.array(list(group), dtype=object)


def compared(treatment: Any, reference: Any) -> dict[str, Any]:
    """The groups of a comparison."""
    return {"treatment": shown(treatment), "reference": shown(reference)}


def shown(label: Any) -> Any:
    """A label as the groups of a result hold it."""
    label = plain(label)
    return label if type(label) in (int, float) else str(label)


def ordered(group: Any, present: Any) -> list[Any]:
    """The arms in the order of a categorical, else sorted, by their text where they cannot be compared."""
    if isinstance(getattr(group, "dtype", None), pd.CategoricalDtype):
        return [arm for arm in group.dtype.categories if arm in set(present)]
    try:
        return sorted(set(present))
    except TypeError:
        return sorted(set(present), key=str)


def unanswered(shared: dict[str, Any], reason: str) -> Estimate:
    """An estimate that the data do not give."""
    return Estimate(**shared, status="not_estimable", reason=reason)
