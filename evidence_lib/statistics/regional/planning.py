"""What the probabilities of regional patterns ask of their arguments."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import Floats, labelled, numbers, refuse


def checked_fractions(fractions: ArrayLike, region: ArrayLike, *, at_least: int) -> tuple[Floats, list[Any]]:
    """The share of each region in the trial, adding up to 1, and the regions' labels."""
    shares = numbers(fractions, "fractions")
    names = labelled(region, "region", shares.size).tolist()
    if shares.size < at_least:
        expected = "two regions or more" if at_least > 1 else "one region or more"
        raise InvalidInput("fractions are of too few regions", expected=expected, found=f"{shares.size}")
    refuse(~(np.isfinite(shares) & (shares > 0)), "fractions", "a finite number above 0", "another value")
    if abs(shares.sum() - 1) > 1e-6:
        raise InvalidInput("fractions do not add up to 1", expected="1", found=f"{shares.sum():.6g}")
    if len(set(names)) != len(names):
        raise InvalidInput("region holds the same region twice", expected="each region once")
    return shares / shares.sum(), names


def checked_share(retained: float) -> float:
    """A share of the overall effect, from 0 to below 1."""
    if retained == 0 and not isinstance(retained, bool):
        return 0.0
    return number_between("retained", retained, 0.0, 1.0)


def number_between(name: str, value: Any, low: float, high: float) -> float:
    """A number strictly between two others."""
    if isinstance(value, bool) or not isinstance(value, int | float) or not low < value < high:
        bounds = f"above {low:g}" if math.isinf(high) else f"between {low:g} and {high:g}"
        raise InvalidInput(f"{name} is outside its range", expected=bounds, found=repr(value))
    return float(value)
