"""Recalculation of the statistics of one arm."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, KmInterval, R
from evidence_lib.recalculation.survival.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.survival.steps import Steps, area, each, plain, quantile, steps, whole
from evidence_lib.results import Estimate, Estimates


class _Scale(NamedTuple):
    """A scale of the limits, written so that it increases with the probability, and its derivative."""

    value: Callable[[float], float]
    slope: Callable[[float], float]


_SCALES: dict[str, _Scale] = {
    "plain": _Scale(lambda p: p, lambda p: 1.0),
    "log": _Scale(lambda p: math.log(p), lambda p: 1 / p),
    "log-log": _Scale(lambda p: -math.log(-math.log(p)), lambda p: -1 / (p * math.log(p))),
    "logit": _Scale(lambda p: math.log(p / (1 - p)), lambda p: 1 / (p * (1 - p))),
    "arcsine": _Scale(lambda p: math.asin(math.sqrt(p)), lambda p: 0.5 / math.sqrt(p * (1 - p))),
}


def median_survival(
    time: ArrayLike,
    event: ArrayLike,
    *,
    conf_type: KmInterval | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimate:
    """Twin of ``statistics.survival.median_survival``: estimate and limits, in days."""
    times, events = plain(time, event)
    found = _median(times, events, conf_type or convention.km_interval, conf_level, convention)
    return _median_estimate("km.median", "median_survival", events, conf_level, found)


def follow_up(
    time: ArrayLike,
    event: ArrayLike,
    *,
    conf_type: KmInterval | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimate:
    """Twin of ``statistics.survival.follow_up``: estimate and limits, in days."""
    times, events = plain(time, event)
    found = _median(times, 1 - events, conf_type or convention.km_interval, conf_level, convention)
    return _median_estimate("follow_up.median", "follow_up", events, conf_level, found)


def survival_at(
    time: ArrayLike,
    event: ArrayLike,
    *,
    times: ArrayLike,
    conf_type: KmInterval | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
    extend: bool = False,
) -> Estimates:
    """Twin of ``statistics.survival.survival_at``: estimate, standard error and limits at each time."""
    observed, events = plain(time, event)
    curve = steps(observed, events) if observed.size else None
    scale = conf_type or convention.km_interval

    def one(t: float) -> Estimate:
        shared: dict[str, Any] = {
            "analysis": "km.survival",
            "unit": "probability",
            "method": SOURCE["survival_at"],
            "groups": {"time": whole(t)},
            "conf_level": conf_level,
            "n": int(observed.size),
            "events": int(events.sum()),
        }
        if curve is None or (curve.unknown(t) and not extend):
            return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
        if not (observed <= t * (1 + 1e-9)).any():
            return Estimate(**shared, estimate=1.0, std_error=0.0, conf_low=1.0, conf_high=1.0)
        s, v = curve.survival[curve.row(t)], curve.log_variance[curve.row(t)]
        if math.isinf(v):
            return Estimate(**shared, estimate=0.0, reason=NOT_ESTIMABLE)
        low, high = _limits(s, s * math.sqrt(v), scale, conf_level)
        missing = None if low is not None else NOT_ESTIMABLE
        return Estimate(**shared, estimate=s, std_error=s * math.sqrt(v), conf_low=low, conf_high=high, reason=missing)

    return Estimates(tuple(one(t) for t in each(times)))


def rmst(time: ArrayLike, event: ArrayLike, *, tau: float | None = None, conf_level: float = 0.95) -> Estimate:
    """Twin of ``statistics.survival.rmst``: estimate, standard error and limits, in days."""
    times, events = plain(time, event)
    end = float(times.max()) if tau is None and times.size else tau
    shared: dict[str, Any] = {
        "analysis": "rmst",
        "unit": "days",
        "method": SOURCE["rmst"],
        "groups": {} if end is None else {"time": whole(end)},
        "conf_level": conf_level,
        "n": int(times.size),
        "events": int(events.sum()),
    }
    if not times.size or not end or steps(times, events).unknown(end):
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    mean, variance = area(times, events, end)
    if variance == 0:
        return Estimate(**shared, estimate=mean, reason=NOT_ESTIMABLE)
    error = math.sqrt(variance)
    z = quantile(conf_level)
    return Estimate(**shared, estimate=mean, std_error=error, conf_low=mean - z * error, conf_high=mean + z * error)


def _limits(s: float, error: float, scale: KmInterval, conf_level: float) -> tuple[float | None, float | None]:
    """The probabilities whose transformed value is z standard errors from that of s; 0 or 1 where there is none."""
    if s == 1:
        return (1.0, 1.0) if scale in ("plain", "log") else (None, None)
    value, slope = _SCALES[scale]
    distance = quantile(conf_level) * slope(s) * error
    return _solve(value, value(s) - distance), _solve(value, value(s) + distance)


def _solve(value: Callable[[float], float], target: float) -> float:
    from scipy.optimize import brentq

    smallest, largest = 1e-300, 1 - 1e-16
    if value(smallest) >= target:
        return 0.0
    if value(largest) <= target:
        return 1.0
    return float(brentq(lambda p: value(p) - target, smallest, largest, xtol=1e-15, maxiter=2000))


def _median(
    times: np.ndarray, events: np.ndarray, scale: KmInterval, conf_level: float, convention: Convention
) -> tuple[float | None, float | None, float | None]:
    if not times.size:
        return None, None, None
    curve = steps(times, events)
    value, slope = _SCALES[scale]
    z, half, near = quantile(conf_level), value(0.5), 1e-9 * slope(0.5)

    def distance(row: int, sign: int) -> float | None:
        """How far the limit (sign -1 lower, +1 upper) is above 0.5 on the scale; None where there is no limit."""
        s, v = curve.survival[row], curve.log_variance[row]
        if math.isinf(v):
            return None
        if s == 1:
            return 1.0
        return value(s) + sign * z * slope(s) * s * math.sqrt(v) - half

    rows = range(len(curve.time))
    to_end = convention.flat_to_end == "midpoint"
    return (
        _scan(curve, [s - 0.5 for s in curve.survival], 1e-9, to_end),
        _scan(curve, [distance(row, -1) for row in rows], near, to_end),
        _scan(curve, [distance(row, +1) for row in rows], near, to_end),
    )


def _scan(curve: Steps, above: list[float | None], near: float, to_end: bool) -> float | None:
    touched: float | None = None
    for t, gap in zip(curve.time, above, strict=True):
        if gap is None:
            continue
        if gap < -near:
            return t if touched is None else (touched + t) / 2
        if gap <= near and touched is None:
            touched = t
    if touched is None or above[-1] is None or not to_end:
        return None
    return (touched + curve.last) / 2


def _median_estimate(
    analysis: str,
    name: str,
    events: np.ndarray,
    conf_level: float,
    found: tuple[float | None, float | None, float | None],
) -> Estimate:
    return Estimate(
        analysis=analysis,
        unit="days",
        method=SOURCE[name],
        n=int(events.size),
        events=int(events.sum()),
        estimate=found[0],
        conf_low=found[1],
        conf_high=found[2],
        conf_level=conf_level,
        status="not_estimable" if found[0] is None else "ok",
        reason=NOT_ESTIMABLE if None in found else None,
    )
