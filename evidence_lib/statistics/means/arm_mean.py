"""The plain mean of an outcome."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.language import message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import t_quantile
from evidence_lib.statistics.inputs import checked_level
from evidence_lib.statistics.means.inputs import ROUNDING, UNIT, measured


def mean(outcome: ArrayLike, *, conf_level: float = 0.95) -> Estimate:
    """Mean of an outcome with the t interval: mean -+ t sd / sqrt(n), n - 1 degrees of freedom.

    Assumes independent values; the interval also that they are about normal, or many.

    Misreading: it is the mean of those who were seen. Where some left, they may have fared otherwise; and the interval
    is that of the mean, not the range of the patients.

    Parameters
    ----------
    outcome : array of n
        Numbers in any unit.
    conf_level : float
        Of the interval.

    Returns
    -------
    Estimate
        ``mean`` in units of the outcome, with ``n``, ``std_error`` and ``df``. Status ``not_estimable`` without values;
        no limits where there is one value, or all are equal.

    Raises
    ------
    InvalidInput
        For values that are missing or not numbers.
    """
    data, level = measured(outcome), checked_level(conf_level)
    n = int(data.values.size)
    shared: dict[str, Any] = {
        "analysis": "mean",
        "unit": UNIT,
        "n": n,
        "conf_level": level,
        "method": message("continuous.method.mean"),
    }
    if n == 0:
        return Estimate(**shared, status="not_estimable", reason=message("continuous.reason.no_values"))
    centre = float(data.values.mean())
    deviation = float(data.values.std(ddof=1)) if n > 1 else 0.0
    if deviation <= ROUNDING * float(np.abs(data.values).max()):
        reason = message("continuous.reason.one_value" if n == 1 else "continuous.reason.equal_values")
        return Estimate(**shared, estimate=data.back(centre), reason=reason)
    error = deviation / math.sqrt(n)
    half = t_quantile(level, n - 1) * error
    return Estimate(
        **shared,
        estimate=data.back(centre),
        std_error=data.back(error),
        conf_low=data.back(centre - half),
        conf_high=data.back(centre + half),
        df=n - 1,
    )
