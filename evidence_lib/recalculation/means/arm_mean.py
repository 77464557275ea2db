"""Recalculation of the plain mean: statsmodels' weighted descriptive statistics."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.recalculation.means.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate


def mean(outcome: ArrayLike, *, conf_level: float = 0.95) -> Estimate:
    """Twin of ``statistics.means.mean``."""
    from statsmodels.stats.weightstats import DescrStatsW

    values = np.asarray(outcome, dtype=float)
    n = int(values.size)
    shared: dict[str, Any] = {
        "analysis": "mean",
        "unit": "outcome",
        "n": n,
        "conf_level": conf_level,
        "method": SOURCE["mean"],
    }
    if n == 0:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    # A spread that is rounding beside the values is none.
    if n == 1 or np.std(values, ddof=1) <= 10 * np.finfo(float).eps * np.abs(values).max():
        return Estimate(**shared, estimate=float(values.mean()), reason=NOT_ESTIMABLE)
    found = DescrStatsW(values)
    low, high = found.tconfint_mean(alpha=1 - conf_level)
    return Estimate(
        **shared,
        estimate=float(found.mean),
        std_error=float(found.std_mean),
        conf_low=float(low),
        conf_high=float(high),
    )
