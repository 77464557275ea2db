"""Recalculation of the t test by SciPy."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.recalculation.means.arms import ROUNDING, compared, labels, outcomes, unanswered
from evidence_lib.recalculation.means.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate


def t_test(
    outcome: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Any,
    reference: Any,
    variance: str | None = None,
    pairs: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.means.t_test``."""
    from scipy import stats

    values, size = outcomes(outcome)
    arm = labels(group)
    one, other = values[arm == treatment], values[arm == reference]
    kind = "paired" if pairs is not None else variance or "welch"
    shared: dict[str, Any] = {
        "analysis": f"t_test.difference.{kind}",
        "unit": "outcome",
        "groups": compared(treatment, reference),
        "n": one.size + other.size,
        "conf_level": conf_level,
        "method": SOURCE["t_test"],
    }
    if not one.size or not other.size:
        return unanswered(shared, NOT_ESTIMABLE)
    with np.errstate(all="ignore"):
        if pairs is not None:
            partner = dict(zip(labels(pairs)[arm == reference], other, strict=True))
            matched = np.array([partner[name] for name in labels(pairs)[arm == treatment]])
            found = stats.ttest_rel(one, matched)
            difference = float(np.mean(one - matched))
        else:
            found = stats.ttest_ind(one, other, equal_var=kind == "pooled")
            difference = float(np.mean(one) - np.mean(other))
        limits = found.confidence_interval(conf_level)
    half = float(limits.high - limits.low) / 2
    if not math.isfinite(found.statistic) or half <= 2 * ROUNDING * max(abs(one.mean()), abs(other.mean())):
        return Estimate(**shared, estimate=difference * size, reason=NOT_ESTIMABLE)
    return Estimate(
        **shared,
        estimate=difference * size,
        std_error=half / float(stats.t.isf((1 - conf_level) / 2, found.df)) * size,
        conf_low=float(limits.low) * size,
        conf_high=float(limits.high) * size,
        test_statistic=float(found.statistic),
        df=float(found.df),
        p_value=float(found.pvalue),
    )
