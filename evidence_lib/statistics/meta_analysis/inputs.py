"""What a meta-analysis asks of its arguments: effects with standard errors, of studies that may have names."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.statistics.inputs import Floats, choice, labelled, numbers, refuse
from evidence_lib.statistics.not_estimable import NotEstimable

Scale = Literal["identity", "log"]
# Standard errors further apart than this, and effects further away in them, cannot be squared side by side.
WIDEST = 1e60


@dataclass(frozen=True, eq=False)
class Studies:
    """Effects (k,) and standard errors (k,) on the scale on which they are normal, over a power of two."""

    names: tuple[str, ...]
    y: Floats
    se: Floats
    scale: Scale
    exponent: int

    @property
    def v(self) -> Floats:
        """The variances."""
        return self.se**2

    @property
    def unit(self) -> str:
        """The unit of an effect."""
        return "ratio" if self.scale == "log" else "outcome"

    def plain(self, value: float) -> float:
        """A number on the scale on which effects are normal, in units of the data. Raises NotEstimable beyond range."""
        try:
            return math.ldexp(value, self.exponent)
        except OverflowError:
            raise NotEstimable(message("meta_statistics.reason.too_large")) from None

    def shown(self, value: float) -> float:
        """A number on the scale of the answer: a ratio where the scale is the logarithm."""
        try:
            return math.exp(self.plain(value)) if self.scale == "log" else self.plain(value)
        except OverflowError:
            raise NotEstimable(message("meta_statistics.reason.too_large")) from None

    def column(self, values: Floats) -> Floats:
        """Numbers of a table on the scale of the answer; infinite where one is too large to be a number."""
        with np.errstate(over="ignore"):
            plain = np.ldexp(values, self.exponent)
            return np.exp(plain) if self.scale == "log" else plain


def checked(estimate: ArrayLike, std_error: ArrayLike, *, studies: Any, scale: Scale) -> Studies:
    """The studies. Raises InvalidInput; studies are named by number, from 1."""
    choice(scale, Scale, "scale")
    y, se = numbers(estimate, "estimate"), numbers(std_error, "std_error")
    if y.size != se.size:
        raise InvalidInput(
            "estimate and std_error differ in length", expected="one of each per study", found=f"{y.size} and {se.size}"
        )
    refuse(~np.isfinite(y), "estimate", "a finite number for each study", "a missing or infinite value")
    refuse(~np.isfinite(se), "std_error", "a finite number for each study", "a missing or infinite value")
    refuse(se <= 0, "std_error", "a number above 0", "another value")
    if scale == "log":
        refuse(y <= 0, "estimate", "ratios, not their logarithms, with scale log", "a value that is not above 0")
        y = np.log(y)
    exponent = int(np.frexp(se.max(initial=0.0))[1])
    y, scaled = np.ldexp(y, -exponent), np.ldexp(se, -exponent)
    refuse(
        ~((scaled > 1 / WIDEST) & (np.abs(y) < WIDEST)), "std_error", "studies that can be compared", "one too small"
    )
    return Studies(named(studies, y.size), y, scaled, scale, exponent)


def named(studies: Any, size: int) -> tuple[str, ...]:
    """The names of the studies, their numbers from 1 where there are none."""
    if studies is None:
        return tuple(str(number + 1) for number in range(size))
    names = tuple(str(name) for name in labelled(studies, "studies", size))
    if len(set(names)) < len(names):
        raise InvalidInput("studies holds a name twice", expected="each name once")
    return names


def table(studies: Studies, weights: Floats | None, z: float) -> pd.DataFrame:
    """One row per study: its effect with normal limits at quantile z, and its share in the pooled effect."""
    return pd.DataFrame(
        {
            "study": studies.names,
            "estimate": studies.column(studies.y),
            "std_error": np.ldexp(studies.se, studies.exponent),
            "conf_low": studies.column(studies.y - z * studies.se),
            "conf_high": studies.column(studies.y + z * studies.se),
            "weight": np.full(studies.y.size, np.nan) if weights is None else weights,
        }
    )
