"""Recalculation of the share of the overall effect that a region keeps."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.recalculation.regional.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.survival.steps import quantile
from evidence_lib.results import Estimate, Estimates


def retention(
    estimate: ArrayLike,
    std_error: ArrayLike,
    region: ArrayLike,
    *,
    scale: str = "identity",
    weights: ArrayLike | None = None,
    overall: float | None = None,
    overall_std_error: float | None = None,
    interval: str = "fieller",
    conf_level: float = 0.95,
) -> Estimates:
    """Twin of ``statistics.regional.retention``: estimate, standard error and limits of each region."""
    there: Callable[[float], float] = math.log if scale == "log" else float
    effects = [there(float(value)) for value in np.asarray(estimate, dtype=float)]
    errors = [float(value) for value in np.asarray(std_error, dtype=float)]
    given = [1 / error**2 for error in errors] if weights is None else [float(w) for w in np.asarray(weights)]
    shares = [w / math.fsum(given) for w in given]
    items = []
    for r, name in enumerate(np.asarray(region, dtype=object)):
        facts: dict[str, Any] = {
            "analysis": "regional.retention",
            "unit": "ratio",
            "groups": {"region": name},
            "conf_level": conf_level,
            "method": SOURCE["retention"],
        }
        if overall is None or overall_std_error is None:
            parts, loads = list(zip(effects, errors, strict=True)), shares
        else:
            # An efficient whole and, independent of it, what sets the region apart.
            whole = there(float(overall))
            apart = math.sqrt(max(errors[r] ** 2 - overall_std_error**2, 0.0))
            parts, loads = [(whole, float(overall_std_error)), (effects[r] - whole, apart)], [1.0, 0.0]
        own = [float(j == r) for j in range(len(parts))] if overall is None else [1.0, 1.0]
        items.append(_one(parts, loads, own, quantile(conf_level), interval, facts))
    return Estimates(tuple(items))


def _one(
    parts: list[tuple[float, float]],
    loads: list[float],
    own: list[float],
    z: float,
    interval: str,
    facts: dict[str, Any],
) -> Estimate:
    """The ratio of two sums over independent parts: ``own`` of the region, ``loads`` of the whole."""
    top = math.fsum(a * effect for a, (effect, _) in zip(own, parts, strict=True))
    whole = math.fsum(b * effect for b, (effect, _) in zip(loads, parts, strict=True))
    if whole == 0:
        return Estimate(**facts, status="not_estimable", reason=NOT_ESTIMABLE)
    share = top / whole

    def spread(ratio: float) -> float:
        """The standard error of the region's effect less this share of the whole's."""
        return math.sqrt(
            math.fsum(((a - ratio * b) * error) ** 2 for a, b, (_, error) in zip(own, loads, parts, strict=True))
        )

    error = spread(share) / abs(whole)
    if spread(share) <= 1e-6 * math.hypot(*(a * e for a, (_, e) in zip(own, parts, strict=True))):
        return Estimate(**facts, estimate=share, reason=NOT_ESTIMABLE)
    if interval == "delta":
        return Estimate(
            **facts, estimate=share, std_error=error, conf_low=share - z * error, conf_high=share + z * error
        )
    # Far away the test of a share is that of the whole against 0.
    if abs(whole) <= z * math.hypot(*(b * e for b, (_, e) in zip(loads, parts, strict=True))):
        return Estimate(**facts, estimate=share, std_error=error, reason=NOT_ESTIMABLE)

    def distance(ratio: float) -> float:
        return abs(top - ratio * whole) - z * spread(ratio)

    low, high = (_root(distance, share, sign * error) for sign in (-1, 1))
    return Estimate(**facts, estimate=share, std_error=error, conf_low=low, conf_high=high)


def _root(distance: Callable[[float], float], start: float, step: float) -> float:
    from scipy.optimize import brentq

    far = start + step
    while distance(far) < 0:
        step *= 2
        far += step
    return float(brentq(distance, start, far, xtol=1e-15 * max(abs(start), abs(far)), rtol=1e-14, maxiter=500))
