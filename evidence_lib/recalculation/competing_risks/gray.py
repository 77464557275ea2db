"""Recalculation of Gray's test."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.recalculation.competing_risks.causes import Label, numbered, told, whole
from evidence_lib.recalculation.competing_risks.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate

_Matrix = list[list[float]]


def gray_test(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike,
    *,
    event_of_interest: Label,
    treatment: Label | None = None,
    reference: Label | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    rho: float = 0.0,
    censored: Label = 0,
) -> Estimate:
    """Twin of ``statistics.competing_risks.gray_test``: chi-square, degrees of freedom and p-value."""
    times, ends, _ = told(time, cause, censored)
    label = whole(event_of_interest)
    arms = list(np.asarray(group, dtype=object))
    stratum = [0] * len(arms) if strata is None else numbered(strata).tolist()
    rows = [i for i, arm in enumerate(arms) if treatment is None or arm in (treatment, reference)]
    names = list(dict.fromkeys(arms[i] for i in rows))
    groups: dict[str, Any] = {"cause": label}
    groups |= {} if treatment is None else {"treatment": treatment, "reference": reference}
    groups |= {} if rho == 0 else {"weight": f"rho={rho:g}"}
    shared: dict[str, Any] = {
        "analysis": "gray.unstratified" if strata is None else "gray.stratified",
        "unit": "chi-square",
        "method": SOURCE["gray_test"],
        "groups": groups,
        "n": len(rows),
        "events": sum(ends[i] == label for i in rows),
        "is_test": True,
    }
    k = len(names)
    score, variance = [0.0] * k, [[0.0] * k for _ in range(k)]
    for number in set(stratum):
        here = [(float(times[i]), ends[i], names.index(arms[i]), label) for i in rows if stratum[i] == number]
        _add(here, k, rho, score, variance)
    from scipy.linalg import pinvh
    from scipy.special import gammaincc

    # The scores of all arms add up to 0; arms that nothing compares have no variance.
    z, v = np.array(score), np.array(variance)
    size = np.sqrt(np.clip(np.diag(v), 0, None))
    used = size > 1e-5 * size.max(initial=0)
    if not shared["events"] or k < 2 or not used.any() or not np.isfinite(v).all():
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    scaled = v[np.ix_(used, used)] / np.outer(size[used], size[used])
    if np.linalg.eigvalsh(scaled)[0] < -1e-9:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    inverse, df = pinvh(scaled, atol=1e-9, rtol=0, return_rank=True)
    statistic = float(z[used] / size[used] @ inverse @ (z[used] / size[used]))
    p_value = max(float(gammaincc(df / 2, statistic / 2)), np.finfo(float).tiny)
    return Estimate(**shared, test_statistic=statistic, df=int(df), p_value=p_value)


def _add(rows: list[tuple[float, Any, int, Any]], k: int, rho: float, score: list[float], variance: _Matrix) -> None:
    """Add the score and its covariance of one stratum: forward for the curves, backward for what is still to come."""
    arms = range(k)
    at_risk = [sum(arm == g for _, _, arm, _ in rows) for g in arms]
    survival, incidence, null = [1.0] * k, [0.0] * k, 0.0
    steps: list[tuple[_Matrix, _Matrix, list[float], list[float]]] = []
    leaving: dict[float, list[tuple[Any, int]]] = {}
    for t, end, arm, label in rows:
        leaving.setdefault(t, []).append(("cause" if end == label and end is not None else end, arm))
    for t in sorted(leaving):
        own = [sum(end == "cause" and arm == g for end, arm in leaving[t]) for g in arms]
        other = [sum(end not in (None, "cause") and arm == g for end, arm in leaving[t]) for g in arms]
        if sum(own) + sum(other) and sum(n > 0 for n in at_risk) > 1:
            before = list(survival)
            h = [at_risk[g] / before[g] if at_risk[g] else 0.0 for g in arms]
            total, d = sum(h), sum(own)
            r = [h[g] * (1 - incidence[g]) for g in arms]
            free = 1 - null if abs(1 - null) > 1e-9 else math.nan
            weight = _power(free, rho)
            for g in arms:
                score[g] += weight * (own[g] - (d * r[g] / sum(r) if d else 0.0))
            a = [[weight * h[i] * ((i == j) - h[j] / total) for j in arms] for i in arms]
            gain = [[a[i][j] * d / (total * free) if d else 0.0 for j in arms] for i in arms]
            for g in arms:
                if at_risk[g]:
                    incidence[g] += before[g] * own[g] / at_risk[g]
                    survival[g] = before[g] * (at_risk[g] - own[g] - other[g]) / at_risk[g]
            null += d / total
            ratio = [(1 - null) / survival[g] if survival[g] > 0 else 0.0 for g in arms]
            by_cause, by_others = [0.0] * k, [0.0] * k
            for g in arms:
                if at_risk[g] and d:
                    ties = 1 - (d - 1) / (total * before[g] - 1) if d > 1 else 1.0
                    by_cause[g] = ties * before[g] * d / (total * at_risk[g])
                if other[g]:
                    ties = 1 - (other[g] - 1) / (at_risk[g] - 1) if other[g] > 1 else 1.0
                    by_others[g] = ties * (ratio[g] * before[g] / at_risk[g]) ** 2 * other[g]
            steps.append((a, gain, [*ratio, *by_cause], by_others))
        for _, arm in leaving[t]:
            at_risk[arm] -= 1
    to_come = [[0.0] * k for _ in arms]
    for a, gain, ratio_and_cause, by_others in reversed(steps):
        for g in arms:
            u = 1 - ratio_and_cause[g]
            moved = [a[i][g] + u * to_come[i][g] for i in arms]
            for i in arms:
                for j in arms:
                    variance[i][j] += moved[i] * moved[j] * ratio_and_cause[k + g]
                    variance[i][j] += to_come[i][g] * to_come[j][g] * by_others[g]
        to_come = [[to_come[i][j] + gain[i][j] for j in arms] for i in arms]


def _power(base: float, rho: float) -> float:
    """The weight; without a real value it is not a number."""
    if rho == 0:
        return 1.0
    return base**rho if base > 0 or float(rho).is_integer() else math.nan
