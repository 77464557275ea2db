"""What the statistics of means ask of their arguments: outcomes as numbers of a moderate size, and arms in order."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import plain
from evidence_lib.statistics.design import sorted_levels
from evidence_lib.statistics.inputs import Floats, labelled, numbers, refuse
from evidence_lib.statistics.not_estimable import NotEstimable

UNIT = "outcome"
# A spread that is this small beside the values themselves is rounding: R's t.test stops at ten times the precision.
ROUNDING = 10 * float(np.finfo(float).eps)


@dataclass(frozen=True, eq=False)
class Outcome:
    """Outcomes (n,) divided by a power of two, which rounds nothing, so that none is above 1 and squares are safe."""

    values: Floats
    exponent: int

    def back(self, value: float) -> float:
        """A number in units of the outcome. Raises NotEstimable where it is too large for one."""
        try:
            return math.ldexp(value, self.exponent)
        except OverflowError:
            raise NotEstimable(message("means_statistics.reason.too_large")) from None


def measured(outcome: ArrayLike) -> Outcome:
    """The outcomes. Raises InvalidInput for a missing or infinite one; rows are named by number, from 1."""
    values = numbers(outcome, "outcome")
    refuse(~np.isfinite(values), "outcome", "a finite number for each patient", "a missing or infinite value")
    exponent = int(np.frexp(np.abs(values).max(initial=0.0))[1])
    return Outcome(np.ldexp(values, -exponent), exponent)


def two_arms(group: ArrayLike, size: int, *, treatment: Hashable, reference: Hashable) -> tuple[Any, Any]:
    """Who is treated and who is in the reference arm; patients of other arms are in neither."""
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    labels = labelled(group, "group", size)
    return labels == treatment, labels == reference


def levels_in_order(labels: NDArray[np.object_], values: Any) -> list[Any]:
    """The labels that occur: in the order of a categorical where ``values`` is one, else sorted."""
    if isinstance(getattr(values, "dtype", None), pd.CategoricalDtype):
        present = set(labels)
        return [level for level in values.dtype.categories if level in present]
    return sorted_levels(pd.Series(labels, dtype=object))


def label(value: Any) -> str | float:
    """A label as groups hold it: a number or a text."""
    value = plain(value)
    return value if isinstance(value, int | float) and not isinstance(value, bool) else str(value)


def pair(treatment: Hashable, reference: Hashable) -> dict[str, str | float]:
    """The groups of a comparison of two arms."""
    return {"treatment": label(treatment), "reference": label(reference)}


def visit_order(column: pd.Series) -> list[Any]:
    """The visits in the order of time: of a categorical its own, of numbers and of texts with one number theirs.

    Raises InvalidInput for texts whose order cannot be told.
    """
    if isinstance(column.dtype, pd.CategoricalDtype):
        present = set(column.dropna())
        return [level for level in column.cat.categories if level in present]
    levels = sorted_levels(column)
    if not any(isinstance(level, str) for level in levels):
        return levels
    parts = [re.fullmatch(r"(\D*?)(-?\d+(?:\.\d+)?)(\D*)", str(level)) for level in levels]
    found = [part.group(1, 3) for part in parts if part is not None]
    if len(levels) > 1 and (len(found) < len(levels) or len(set(found)) > 1):
        raise InvalidInput(
            "the order of the visits cannot be told from their names",
            where=str(column.name),
            expected="numbers, or names that differ in one number",
            mend="make the column an ordered categorical",
        )
    position = {level: float(part.group(2)) if part else 0.0 for level, part in zip(levels, parts, strict=True)}
    return sorted(levels, key=lambda level: position[level])
