"""Counting the 2x2 tables of strata one row at a time, and the normal distribution of the standard library."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from statistics import NormalDist
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike


class Table(NamedTuple):
    """Events and patients, treated and reference, of one stratum."""

    x1: int
    n1: int
    x0: int
    n0: int

    @property
    def weight(self) -> float:
        """The Mantel-Haenszel weight."""
        return self.n1 * self.n0 / (self.n1 + self.n0)


class Counted(NamedTuple):
    """The tables with patients in both arms, and the patients and events of both arms over all strata."""

    tables: list[Table]
    n: int
    events: int


def rows(values: Any) -> list[Any]:
    """The values of an array as plain Python objects."""
    found: list[Any] = np.asarray(values, dtype=object).tolist()
    return found


def strata_of(strata: Any, size: int) -> list[Hashable]:
    """The stratum of each row: one for all, the value of an array, or the values of a frame together."""
    if strata is None:
        return [()] * size
    if isinstance(strata, pd.DataFrame):
        return list(strata.itertuples(index=False, name=None))
    return rows(strata)


def counted(
    event: ArrayLike,
    group: ArrayLike,
    treatment: str | float,
    reference: str | float,
    strata: Any,
    count: ArrayLike | None,
) -> Counted:
    """The tables of the two arms."""
    events, labels = rows(event), rows(group)
    weights = [1] * len(events) if count is None else [int(c) for c in rows(count)]
    found: dict[Hashable, list[int]] = {}
    for e, label, stratum, weight in zip(events, labels, strata_of(strata, len(events)), weights, strict=True):
        if label not in (treatment, reference):
            continue
        cells = found.setdefault(stratum, [0, 0, 0, 0])
        first = 0 if label == treatment else 2
        cells[first] += weight * int(e)
        cells[first + 1] += weight
    tables = [Table(*cells) for cells in found.values() if cells[1] and cells[3]]
    return Counted(tables, sum(c[1] + c[3] for c in found.values()), sum(c[0] + c[2] for c in found.values()))


def quantile(conf_level: float) -> float:
    """The standard normal quantile of a two-sided level."""
    return -NormalDist().inv_cdf((1 - conf_level) / 2)


def tail(z: float) -> float:
    """The upper tail of the standard normal distribution, never 0."""
    return max(math.erfc(z / math.sqrt(2)) / 2, float(np.finfo(float).tiny))


def two_tails(z: float) -> float:
    """The two-sided p-value of a standard normal statistic, never 0."""
    return max(math.erfc(abs(z) / math.sqrt(2)), float(np.finfo(float).tiny))


def bisect(rising: Callable[[float], float], low: float, high: float) -> float:
    """Where a rising function changes sign, by halving."""
    for _ in range(300):
        middle = low + (high - low) / 2
        if middle in (low, high):
            break
        if rising(middle) < 0:
            low = middle
        else:
            high = middle
    return low + (high - low) / 2
