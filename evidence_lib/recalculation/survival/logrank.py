"""Recalculation of the log-rank test."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.recalculation.survival.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.survival.steps import plain
from evidence_lib.results import Estimate


def logrank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    strata: ArrayLike | pd.DataFrame | None = None,
    treatment: str | float | None = None,
    reference: str | float | None = None,
) -> Estimate:
    """Twin of ``statistics.survival.logrank``: chi-square, degrees of freedom and p-value.

    Degrees of freedom come from a count, not from a matrix: arms that are compared at some event time, directly or
    through other arms, form one set, and a set of m arms gives m - 1. Each set is tested by the library.
    """
    times, events = plain(time, event)
    labels = list(np.asarray(group, dtype=object))
    stratum = stratum_of(strata, len(labels))
    if treatment is not None:
        kept = [i for i, label in enumerate(labels) if label in (treatment, reference)]
        times, events, stratum = times[kept], events[kept], stratum[kept]
        labels = [labels[i] for i in kept]
    numbers: dict[Hashable, int] = {}
    arm = np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=int)
    shared: dict[str, Any] = {
        "analysis": "logrank.unstratified" if strata is None else "logrank.stratified",
        "unit": "chi-square",
        "method": SOURCE["logrank"],
        "groups": {} if treatment is None else {"treatment": treatment, "reference": reference},
        "n": len(labels),
        "events": int(events.sum()),
        "is_test": True,
    }
    statistic, df = 0.0, 0
    for together in _compared(times, events, arm, len(numbers), stratum):
        here = np.isin(arm, list(together))
        statistic += _library(times[here], events[here], arm[here], None if strata is None else stratum[here])
        df += len(together) - 1
    if df == 0:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    from scipy.special import gammaincc

    p_value = max(float(gammaincc(df / 2, statistic / 2)), np.finfo(float).tiny)
    return Estimate(**shared, test_statistic=statistic, df=df, p_value=float(p_value))


def _library(times: NDArray[Any], events: NDArray[Any], arm: NDArray[Any], stratum: NDArray[Any] | None) -> float:
    if stratum is None:
        from lifelines.statistics import multivariate_logrank_test

        return float(multivariate_logrank_test(times, arm, events).test_statistic)
    from statsmodels.duration.survfunc import survdiff

    return float(survdiff(times, events, arm, strata=stratum)[0])


def _compared(
    times: NDArray[Any], events: NDArray[Any], arm: NDArray[Any], k: int, stratum: NDArray[Any]
) -> list[set[int]]:
    """Sets of two or more arms that share, in some stratum, an event time which not everybody at risk ends in."""
    sets = [{j} for j in range(k)]
    for number in set(stratum.tolist()):
        here = stratum == number
        t, e, a = times[here], events[here], arm[here]
        latest = {j: t[a == j].max() for j in set(a.tolist())}
        for moment in np.unique(t[e == 1]):
            if ((t == moment) & (e == 1)).sum() == (t >= moment).sum():
                continue
            together = {j for j, last in latest.items() if last >= moment}
            joined = set().union(*(s for s in sets if s & together))
            sets = [s for s in sets if not s & together] + [joined]
            if len(joined) == k:
                return [joined] if k > 1 else []
    return [s for s in sets if len(s) > 1]


def stratum_of(strata: ArrayLike | pd.DataFrame | None, size: int) -> NDArray[np.int64]:
    """The number of each patient's stratum."""
    if strata is None:
        return np.zeros(size, dtype=np.int64)
    frame = strata if isinstance(strata, pd.DataFrame) else pd.DataFrame({"stratum": np.asarray(strata, dtype=object)})
    seen: dict[tuple[Hashable, ...], int] = {}
    return np.array([seen.setdefault(row, len(seen)) for row in frame.itertuples(index=False, name=None)], np.int64)
