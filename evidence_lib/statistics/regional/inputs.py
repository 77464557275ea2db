"""What the regional statistics ask of their arguments, and an effect with its normal interval."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import Floats, labelled, numbers, refuse

Scale = Literal["identity", "log"]
# exp of more than this is no number any more.
LARGEST_LOG = 700.0
# Effects in units that are no units of anything, whose squares would overflow.
LARGEST = 1e50


@dataclass(frozen=True, eq=False)
class Effects:
    """The effect of each region and its standard error, both on the scale on which effects add: logs of ratios."""

    effect: Floats
    std_error: Floats
    region: tuple[Any, ...]
    scale: Scale

    @property
    def variance(self) -> Floats:
        """The variances."""
        return self.std_error**2

    @property
    def variant(self) -> str:
        """The last part of the name of an analysis."""
        return "ratio" if self.scale == "log" else "difference"


def checked_effects(estimate: ArrayLike, std_error: ArrayLike, region: ArrayLike, scale: Scale) -> Effects:
    """Checked effects of one region or more. Raises InvalidInput; rows are named by number, from 1."""
    if scale not in get_args(Scale):
        raise InvalidInput("unknown scale", expected=" or ".join(get_args(Scale)), found=repr(scale))
    values, errors = numbers(estimate, "estimate"), numbers(std_error, "std_error")
    if values.size != errors.size or values.size == 0:
        raise InvalidInput(
            "estimate and std_error do not fit",
            expected="one of each per region",
            found=f"{values.size} and {errors.size}",
        )
    labels = labelled(region, "region", values.size)
    if scale == "log":
        refuse(~((values > 0) & np.isfinite(values)), "estimate", "a ratio above 0", "another value")
    else:
        refuse(~(np.abs(values) < LARGEST), "estimate", f"a number below {LARGEST:g}", "another value")
    refuse(~((errors > 1 / LARGEST) & (errors < LARGEST)), "std_error", "a finite number above 0", "another value")
    if len(set(labels.tolist())) != labels.size:
        raise InvalidInput("region holds the same region twice", expected="each region once")
    return Effects(np.log(values) if scale == "log" else values, errors, tuple(labels.tolist()), scale)


def shown(effect: float, std_error: float, level: float, scale: Scale, shared: dict[str, Any]) -> Estimate:
    """An effect with its normal interval and two-sided p-value, back on the scale of the estimates given."""
    half = normal_quantile(level) * std_error
    facts: dict[str, Any] = {**shared, "conf_level": level, "scale": scale}
    values = [back(scale, value) for value in (effect, effect - half, effect + half)]
    if None in values:
        reason = message("regional_statistics.reason.not_finite")
        return Estimate(**facts, status="not_estimable", reason=reason)
    return Estimate(
        **facts,
        estimate=values[0],
        std_error=std_error,
        conf_low=values[1],
        conf_high=values[2],
        p_value=two_sided_p(effect / std_error),
    )


def back(scale: Scale, value: float) -> float | None:
    """A value on the scale of the estimates given; None for a ratio that is no number any more."""
    if scale == "identity":
        return value
    return math.exp(value) if abs(value) <= LARGEST_LOG else None
