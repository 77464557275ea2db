"""The Kaplan-Meier curve of lifelines as plain steps, and the area under it."""

from __future__ import annotations

import math
from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import ArrayLike, NDArray

SAME_TIME = 1 + 1e-9


@dataclass(frozen=True)
class Steps:
    """Times (from 0), the curve from each time on, and the variance of its logarithm (infinite where it is 0)."""

    time: list[float]
    survival: list[float]
    log_variance: list[float]
    last: float

    @property
    def reaches_zero(self) -> bool:
        """Whether the curve ends at 0."""
        return math.isinf(self.log_variance[-1])

    def row(self, time: float) -> int:
        """The step that holds at this time."""
        return bisect_right(self.time, time * SAME_TIME) - 1

    def unknown(self, time: float) -> bool:
        """Whether follow-up ends before this time with the curve above 0."""
        return time > self.last * SAME_TIME and not self.reaches_zero


def plain(time: ArrayLike, event: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Times, where floating-point neighbours are made equal one after the other, and events as 0 and 1."""
    times = np.array(time, dtype=float)
    previous: float | None = None
    joined = 0.0
    for i in np.argsort(times, kind="stable"):
        current = float(times[i])
        if previous is None or current > previous * SAME_TIME:
            joined = current
        previous = current
        times[i] = joined
    return times, np.array(event, dtype=float)


def steps(times: NDArray[np.float64], events: NDArray[np.float64]) -> Steps:
    """The curve of at least one patient, from lifelines; Greenwood's sum in a loop over its event table."""
    from lifelines import KaplanMeierFitter

    fit = KaplanMeierFitter().fit(times, events)
    total, log_variance = 0.0, []
    for n, d in zip(fit.event_table["at_risk"], fit.event_table["observed"], strict=True):
        left = float(n) - float(d)
        total += 0.0 if d == 0 else float(d) / (float(n) * left) if left else math.inf
        log_variance.append(total)
    survival = [float(value) for value in fit.survival_function_.iloc[:, 0]]
    return Steps([float(t) for t in fit.survival_function_.index], survival, log_variance, float(times.max()))


def area(times: NDArray[np.float64], events: NDArray[np.float64], tau: float) -> tuple[float, float]:
    """Restricted mean by lifelines, and its variance as the integral of Cov(S(s), S(t)) over both times.

    On two steps i <= j the covariance is S_i S_j V_i, V being Greenwood's sum.
    """
    from lifelines import KaplanMeierFitter
    from lifelines.utils import restricted_mean_survival_time

    curve = steps(times, events)
    mean = float(restricted_mean_survival_time(KaplanMeierFitter().fit(times, events), t=tau))
    variance = beyond = 0.0
    end = tau
    for start, s, v in reversed(list(zip(curve.time, curve.survival, curve.log_variance, strict=True))):
        if start >= tau:
            continue
        if not math.isinf(v):
            piece = (end - start) * s
            variance += piece * v * (piece + 2 * beyond)
            beyond += piece
        end = start
    return mean, variance


def quantile(conf_level: float) -> float:
    """The standard normal quantile of a two-sided level."""
    return -NormalDist().inv_cdf((1 - conf_level) / 2)


def tail(z: float) -> float:
    """The two-sided p-value of a standard normal statistic."""
    return math.erfc(abs(z) / math.sqrt(2))


def whole(value: float) -> float | int:
    """A time as it is written: whole days without a decimal point."""
    return int(value) if float(value).is_integer() else float(value)


def each(times: ArrayLike) -> Sequence[float]:
    """Times to report at."""
    return [float(t) for t in np.atleast_1d(np.asarray(times, dtype=float))]
