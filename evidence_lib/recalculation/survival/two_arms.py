"""Recalculation of the comparisons of two arms."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.recalculation.survival.adjusted_rmst import adjusted
from evidence_lib.recalculation.survival.sources import ADJUSTED, NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.survival.steps import SAME_TIME, area, each, plain, quantile, steps, tail, whole
from evidence_lib.results import Estimate, Estimates

_Arm = tuple[NDArray[np.float64], NDArray[np.float64]]


def milestone_difference(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    times: ArrayLike,
    conf_level: float = 0.95,
) -> Estimates:
    """Twin of ``statistics.survival.milestone_difference``: all its statistics at each time."""
    both = _arms(time, event, group, treatment, reference)

    def one(t: float) -> Estimate:
        shared: dict[str, Any] = {
            "analysis": "milestone.difference",
            "unit": "probability",
            "method": SOURCE["milestone_difference"],
            "groups": {"time": whole(t), "treatment": treatment, "reference": reference},
            "conf_level": conf_level,
            **_counts(both),
        }
        treated, control = _at(both[0], t), _at(both[1], t)
        if treated is None or control is None:
            return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
        return _normal(shared, treated[0] - control[0], math.sqrt(treated[1] ** 2 + control[1] ** 2))

    return Estimates(tuple(one(t) for t in each(times)))


def rmst_difference(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    tau: float | None = None,
    covariates: pd.DataFrame | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.survival.rmst_difference``: all its statistics, in days."""
    shared, areas = _areas(time, event, group, treatment, reference, tau)
    shared |= {"analysis": "rmst.difference", "unit": "days", "method": SOURCE["rmst_difference"]}
    shared["conf_level"] = conf_level
    if covariates is not None:
        return _adjusted(shared, areas, time, event, group, covariates)
    if areas is None:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    (a1, v1), (a0, v0) = areas
    return _normal(shared, a1 - a0, math.sqrt(v1 + v0))


def rmst_ratio(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    tau: float | None = None,
    covariates: pd.DataFrame | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.survival.rmst_ratio``: all its statistics, ``std_error`` on the log scale."""
    shared, areas = _areas(time, event, group, treatment, reference, tau)
    shared |= {"analysis": "rmst.ratio", "unit": "ratio", "method": SOURCE["rmst_ratio"], "scale": "log"}
    shared["conf_level"] = conf_level
    if areas is not None and 0 in (areas[0][0], areas[1][0]):
        areas = None
    if covariates is not None:
        return _adjusted(shared, areas, time, event, group, covariates)
    if areas is None:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    (a1, v1), (a0, v0) = areas
    return _normal(shared, math.log(a1) - math.log(a0), math.hypot(math.sqrt(v1) / a1, math.sqrt(v0) / a0))


def _adjusted(
    shared: dict[str, Any],
    areas: tuple[tuple[float, float], tuple[float, float]] | None,
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    covariates: pd.DataFrame,
) -> Estimate:
    shared |= {"analysis": shared["analysis"] + ".adjusted", "method": ADJUSTED}
    found = None
    if areas is not None:
        times, events = plain(time, event)
        labels = list(np.asarray(group, dtype=object))
        arms = shared["groups"]
        treated = np.array([label == arms["treatment"] for label in labels], dtype=bool)
        both = treated | np.array([label == arms["reference"] for label in labels], dtype=bool)
        data = (times[both], events[both], treated[both], covariates[both])
        found = adjusted(*data, arms["time"], log=shared.get("scale") == "log")
    if found is None:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    return _normal(shared, *found)


def _normal(shared: dict[str, Any], effect: float, error: float) -> Estimate:
    """The estimate with its normal interval; on the log scale where ``shared`` says so."""
    back = math.exp if shared.get("scale") == "log" else float
    if not error > 0:
        return Estimate(**shared, estimate=back(effect), reason=NOT_ESTIMABLE)
    z = quantile(shared["conf_level"])
    return Estimate(
        **shared,
        estimate=back(effect),
        std_error=error,
        conf_low=back(effect - z * error),
        conf_high=back(effect + z * error),
        p_value=tail(effect / error),
    )


def _arms(
    time: ArrayLike, event: ArrayLike, group: ArrayLike, treatment: str | float, reference: str | float
) -> tuple[_Arm, _Arm]:
    times, events = plain(time, event)
    labels = list(np.asarray(group, dtype=object))
    treated = np.array([label == treatment for label in labels], dtype=bool)
    control = np.array([label == reference for label in labels], dtype=bool)
    return (times[treated], events[treated]), (times[control], events[control])


def _counts(both: tuple[_Arm, _Arm]) -> dict[str, int]:
    return {"n": sum(int(t.size) for t, _ in both), "events": sum(int(e.sum()) for _, e in both)}


def _at(arm: _Arm, time: float) -> tuple[float, float] | None:
    """S and its standard error by statsmodels, None where it is not known; the error is NaN where S is 0."""
    from statsmodels.duration.survfunc import SurvfuncRight

    times, events = arm
    if not times.size:
        return None
    curve = SurvfuncRight(times, events)
    reached = int(np.sum(curve.surv_times <= time * SAME_TIME))
    zero = bool(curve.surv_prob.size) and curve.surv_prob[-1] == 0
    if time > times.max() * SAME_TIME and not zero:
        return None
    return (float(curve.surv_prob[reached - 1]), float(curve.surv_prob_se[reached - 1])) if reached else (1.0, 0.0)


def _areas(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    treatment: str | float,
    reference: str | float,
    tau: float | None,
) -> tuple[dict[str, Any], tuple[tuple[float, float], tuple[float, float]] | None]:
    both = _arms(time, event, group, treatment, reference)
    filled = all(times.size for times, _ in both)
    end = min(float(times.max()) for times, _ in both) if tau is None and filled else tau
    shared: dict[str, Any] = {"groups": {"treatment": treatment, "reference": reference}, **_counts(both)}
    if end is not None:
        shared["groups"]["time"] = whole(end)
    if not filled or not end or any(steps(*arm).unknown(end) for arm in both):
        return shared, None
    return shared, (area(*both[0], end), area(*both[1], end))
