"""From a coefficient and its variance to an estimate: normal, or t with the factor of Hartung and Knapp."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any, Literal

from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import t_quantile, t_two_sided_p
from evidence_lib.statistics.meta_analysis.inputs import Studies
from evidence_lib.statistics.meta_analysis.model import Model, Weighted
from evidence_lib.statistics.not_estimable import NotEstimable

Interval = Literal["normal", "hartung-knapp", "hartung-knapp-guarded"]
# Residuals whose mean square is below this share of their variance are rounding.
NO_SCATTER = 1e-20


def degrees_of_freedom(interval: Interval, df: int) -> float:
    """Those of the interval: infinite for the normal one."""
    return math.inf if interval == "normal" else df


def factor(fit: Weighted, interval: Interval, df: int) -> float:
    """What the variance is multiplied by. Raises NotEstimable where Hartung and Knapp's is 0, or has no df."""
    if interval == "normal":
        return 1.0
    if df < 1:
        raise NotEstimable(message("meta_statistics.reason.no_df"))
    square = fit.q / df
    if interval == "hartung-knapp-guarded":
        return max(1.0, square)
    if square < NO_SCATTER:
        raise NotEstimable(message("meta_statistics.reason.no_scatter"))
    return square


def facts(studies: Studies, model: Model, level: float, analysis: str, method: Message) -> dict[str, Any]:
    """What the estimates of an effect share; their analysis ends in ``ratio`` or ``difference``."""
    ratio = studies.scale == "log"
    return {
        "analysis": f"{analysis}.{'ratio' if ratio else 'difference'}",
        "unit": "ratio" if ratio else "difference",
        "scale": studies.scale,
        "groups": {"model": model},
        "conf_level": level,
        "method": method,
    }


def coefficient(shared: Mapping[str, Any], studies: Studies, value: float, error: float, df: float) -> Estimate:
    """The estimate of one coefficient, from its standard error, with its interval and test."""
    half = t_quantile(shared["conf_level"], df) * error
    try:
        return Estimate(
            **shared,
            estimate=studies.shown(value),
            std_error=studies.plain(error),
            conf_low=studies.shown(value - half),
            conf_high=studies.shown(value + half),
            test_statistic=value / error,
            df=None if math.isinf(df) else df,
            p_value=t_two_sided_p(value / error, df),
        )
    except NotEstimable as gap:
        return Estimate(**shared, status="not_estimable", reason=gap.reason)


def without_limits(shared: Mapping[str, Any], studies: Studies, value: float, reason: Message) -> Estimate:
    """The estimate of a coefficient that has no standard error."""
    try:
        return Estimate(**shared, estimate=studies.shown(value), reason=reason)
    except NotEstimable as gap:
        return Estimate(**shared, status="not_estimable", reason=gap.reason)
