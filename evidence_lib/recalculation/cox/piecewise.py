"""Recalculation of the hazard ratios of several periods: each patient's time is split into intervals."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R
from evidence_lib.recalculation.cox.fits import (
    Data,
    Fit,
    Floats,
    Unanswered,
    fitted,
    indicators,
    limits,
    rows_of,
    ties_of,
)
from evidence_lib.recalculation.cox.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.survival.steps import SAME_TIME, whole
from evidence_lib.results import Estimate, Estimates


def piecewise_hazard_ratio(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    cut_points: ArrayLike,
    entry: ArrayLike | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    weights: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    robust: bool | None = None,
    ties: str | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimates:
    """Twin of ``statistics.cox.piecewise_hazard_ratio``: the ratio of each period, and the test."""
    labels = np.asarray(group, dtype=object)
    here = (labels == treatment) | (labels == reference)
    data = rows_of(
        time,
        event,
        entry=entry,
        strata=strata,
        weights=weights,
        cluster=cluster,
        robust=robust,
        ties=ties_of(ties, convention),
    ).of(here)
    treated = labels[here] == treatment
    others = np.empty((treated.size, 0)) if covariates is None else indicators(covariates)[0][here]
    bounds = [0.0, *np.atleast_1d(np.asarray(cut_points, dtype=float)).tolist(), np.inf]
    source, period, split = _split(data, bounds)
    arm, count = treated[source], len(bounds) - 1
    estimable = [_has_ratio(split.of(period == j), arm[period == j]) for j in range(count)]
    kept = np.array([estimable[j] for j in period], dtype=bool)
    if covariates is not None:
        for j in range(count):
            inside = period == j
            happened = set(arm[inside & (split.event == 1)])
            if not estimable[j] and len(happened) == 1:
                kept |= inside & (arm == happened.pop())
    used = [j for j in range(count) if estimable[j]]
    own = np.column_stack([(arm & (period == j)).astype(float) for j in used] or [np.empty((arm.size, 0))])
    fit = _fit(split.of(kept), np.hstack([own, others[source]])[kept]) if used else None
    found = []
    for j in range(count):
        inside = period == j
        shared: dict[str, Any] = {
            "analysis": "cox.hazard_ratio.piecewise",
            "unit": "ratio",
            "scale": "log",
            "method": SOURCE["piecewise_hazard_ratio"],
            "groups": {"treatment": treatment, "reference": reference, "period": _name(bounds, j)},
            "n": int(inside.sum()),
            "events": int(split.event[inside].sum()),
            "conf_level": conf_level,
        }
        answer = limits(fit, conf_level, used.index(j)) if fit is not None and j in used else None
        if answer is None:
            found.append(Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE))
        else:
            found.append(Estimate(**shared, **answer))
    test: dict[str, Any] = {
        "analysis": "cox.period_interaction",
        "unit": "chi-square",
        "method": SOURCE["piecewise_hazard_ratio"],
        "groups": {"treatment": treatment, "reference": reference},
        "n": int(here.sum()),
        "events": int(data.event.sum()),
        "is_test": True,
    }
    if fit is None or len(used) < 2:
        return Estimates((*found, Estimate(**test, status="not_estimable", reason=NOT_ESTIMABLE)))
    statistic = _statistic(split.of(kept), fit, own[kept], others[source][kept])
    from scipy.stats import chi2

    df = len(used) - 1
    tested = Estimate(**test, test_statistic=statistic, df=df, p_value=float(chi2.sf(statistic, df)))
    return Estimates((*found, tested))


def _split(data: Data, bounds: list[float]) -> tuple[np.ndarray, np.ndarray, Data]:
    """The row and the period of each interval, and the intervals with their own start and end."""
    cuts = bounds[1:-1]
    rows, periods, starts, ends, events = [], [], [], [], []
    for i, (t, e) in enumerate(zip(data.time.tolist(), data.event.tolist(), strict=True)):
        begin = -np.inf if data.entry is None else _at(float(data.entry[i]), cuts)
        end = _at(t, cuts)
        for j, (low, high) in enumerate(pairwise([-np.inf, *cuts, np.inf])):
            if begin < high and end > low:
                rows.append(i)
                periods.append(j)
                starts.append(max(begin, low))
                ends.append(min(end, high))
                events.append(e if end <= high else 0.0)
    source = np.array(rows, dtype=int)
    split = replace(data.of(source), time=np.array(ends), event=np.array(events), entry=np.array(starts))  # type: ignore[arg-type]
    return source, np.array(periods, dtype=int), split


def _at(time: float, cuts: list[float]) -> float:
    """The time, or the cut point that it differs from by floating-point error only."""
    near = [cut for cut in cuts if cut / SAME_TIME <= time <= cut * SAME_TIME]
    return near[0] if near else time


def _has_ratio(data: Data, treated: np.ndarray) -> bool:
    counted = data.event == 1 if data.weights is None else (data.event == 1) & (data.weights > 0)
    if len(set(treated[counted])) < 2:
        return False
    return _fit(replace(data, cluster=None), treated.astype(float)[:, None]) is not None


def _fit(data: Data, x: Floats) -> Fit | None:
    try:
        return fitted(data, x)
    except Unanswered:
        return None


def _statistic(data: Data, fit: Fit, own: Floats, others: Floats) -> float:
    """Likelihood ratio against one effect for all periods; with the robust variance Wald's statistic."""
    if data.cluster is None:
        common = fitted(data, np.hstack([own.sum(axis=1)[:, None], others]))
        return max(0.0, 2 * (fit.log_likelihood - common.log_likelihood))
    k = own.shape[1]
    contrast = np.diff(np.eye(k), axis=0)
    effects = (fit.params / fit.unit)[:k]
    covariance = (fit.covariance / np.outer(fit.unit, fit.unit))[:k, :k]
    gap = contrast @ effects
    return float(gap @ np.linalg.inv(contrast @ covariance @ contrast.T) @ gap)


def _name(bounds: list[float], j: int) -> str:
    if j == len(bounds) - 2:
        return f"after {whole(bounds[j])}"
    return f"{whole(bounds[j])} to {whole(bounds[j + 1])}"
