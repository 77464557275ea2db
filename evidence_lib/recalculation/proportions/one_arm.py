"""Recalculation of one proportion."""

from __future__ import annotations

import math
from typing import Any

from numpy.typing import ArrayLike
from scipy.special import fdtri

from evidence_lib.recalculation.proportions.counts import bisect, quantile, rows
from evidence_lib.recalculation.proportions.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate

_LIBRARY = {"wilson": "wilson", "agresti-coull": "agresti_coull", "jeffreys": "jeffreys", "wald": "normal"}


def proportion(
    event: ArrayLike, *, count: ArrayLike | None = None, method: str = "wilson", conf_level: float = 0.95
) -> Estimate:
    """Twin of ``statistics.proportions.proportion``: estimate, standard error and limits."""
    weights = [1] * len(rows(event)) if count is None else [int(c) for c in rows(count)]
    n, x = sum(weights), sum(w for w, e in zip(weights, rows(event), strict=True) if e)
    shared: dict[str, Any] = {
        "analysis": f"proportion.{method.replace('-', '_')}",
        "unit": "probability",
        "conf_level": conf_level,
        "n": n,
        "events": x,
        "method": SOURCE["proportion"],
    }
    if n == 0:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    if method == "wald" and x * (n - x) == 0:
        return Estimate(**shared, estimate=x / n, reason=NOT_ESTIMABLE)
    low, high = _limits(x, n, method, conf_level)
    error = (high - low) / 2 / quantile(conf_level)
    if method == "agresti-coull":
        # Its limits may be cut at 0 and 1: the variance of the shrunken proportion instead.
        added = quantile(conf_level) ** 2
        error = math.sqrt((x + added / 2) * (n - x + added / 2) / (n + added) ** 3)
    elif method == "wald":
        error = math.sqrt(x * (n - x) / n**3)
    with_error = method in ("wald", "agresti-coull")
    return Estimate(
        **shared,
        estimate=x / n,
        std_error=error if with_error else None,
        conf_low=0.0 if x == 0 else low,
        conf_high=1.0 if x == n else high,
    )


def _limits(x: int, n: int, method: str, conf_level: float) -> tuple[float, float]:
    if method in _LIBRARY:
        from statsmodels.stats.proportion import proportion_confint

        low, high = proportion_confint(x, n, alpha=1 - conf_level, method=_LIBRARY[method])
        return float(low), float(high)
    if method == "clopper-pearson":
        half = 1 - (1 - conf_level) / 2
        down = (n - x + 1) * float(fdtri(2 * (n - x + 1), 2 * x, half)) if x else math.inf
        up = (x + 1) * float(fdtri(2 * (x + 1), 2 * (n - x), half)) if x < n else math.inf
        return x / (x + down), up / (n - x + up) if x < n else 1.0
    z = quantile(conf_level)

    def beyond(q: float, shift: float) -> float:
        return abs(x / n - q) - shift - z * math.sqrt(q * (1 - q) / n)

    shift, p = 1 / (2 * n), x / n
    return bisect(lambda q: -beyond(q, shift), 0.0, p), bisect(lambda q: beyond(q, shift), p, 1.0)
