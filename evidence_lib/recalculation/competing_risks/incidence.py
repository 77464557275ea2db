"""Recalculation of the cumulative incidence, and of its difference between two arms."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evidence_lib.conventions import Convention, KmInterval, R
from evidence_lib.recalculation.competing_risks.causes import Label, told, whole
from evidence_lib.recalculation.competing_risks.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.survival.steps import SAME_TIME, each, quantile, tail
from evidence_lib.recalculation.survival.steps import whole as written
from evidence_lib.results import Estimate, Estimates


class _Scale(NamedTuple):
    """A scale of the limits, its inverse, and the derivative of the scale."""

    there: Callable[[float], float]
    back: Callable[[float], float]
    slope: Callable[[float], float]


_SCALES: dict[str, _Scale] = {
    "plain": _Scale(lambda p: p, lambda y: min(max(y, 0.0), 1.0), lambda p: 1.0),
    "log": _Scale(math.log, lambda y: min(math.exp(y), 1.0), lambda p: 1 / p),
    "log-log": _Scale(
        lambda p: math.log(-math.log(p)), lambda y: math.exp(-math.exp(min(y, 700.0))), lambda p: 1 / (p * math.log(p))
    ),
    "logit": _Scale(
        lambda p: math.log(p / (1 - p)),
        lambda y: 1 / (1 + math.exp(-min(max(y, -700.0), 700.0))),
        lambda p: 1 / (p * (1 - p)),
    ),
    "arcsine": _Scale(
        lambda p: math.asin(math.sqrt(p)),
        lambda y: math.sin(min(max(y, 0.0), math.pi / 2)) ** 2,
        lambda p: 0.5 / math.sqrt(p * (1 - p)),
    ),
}


def cumulative_incidence(
    time: ArrayLike,
    cause: ArrayLike,
    *,
    times: ArrayLike,
    event_of_interest: Label | None = None,
    censored: Label = 0,
    variance: str = "aalen",
    conf_type: KmInterval | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
    extend: bool = False,
) -> Estimates:
    """Twin of ``statistics.competing_risks.cumulative_incidence``: estimate, standard error and limits."""
    observed, ends, causes = told(time, cause, censored)
    scale = _SCALES[conf_type or convention.km_interval]
    wanted = causes if event_of_interest is None else [whole(event_of_interest)]

    def one(label: Label, t: float) -> Estimate:
        shared: dict[str, Any] = {
            "analysis": "aalen_johansen.cumulative_incidence",
            "unit": "probability",
            "method": SOURCE["cumulative_incidence"],
            "groups": {"cause": label, "time": written(t)},
            "n": int(observed.size),
            "events": ends.count(label),
            "conf_level": conf_level,
        }
        found = _at(observed, ends, causes, label, t, variance, extend)
        if found is None:
            return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
        p, error = found
        if error == 0:
            return Estimate(**shared, estimate=p, reason=NOT_ESTIMABLE)
        if p > 1 - 1e-12 and scale not in (_SCALES["plain"], _SCALES["log"]):
            return Estimate(**shared, estimate=p, std_error=error, reason=NOT_ESTIMABLE)
        step = quantile(conf_level) * error * abs(scale.slope(p))
        ends_of = sorted(scale.back(scale.there(p) + sign * step) for sign in (-1, 1))
        return Estimate(**shared, estimate=p, std_error=error, conf_low=ends_of[0], conf_high=ends_of[1])

    return Estimates(tuple(one(label, t) for label in wanted for t in each(times)))


def cumulative_incidence_difference(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Label,
    reference: Label,
    event_of_interest: Label,
    times: ArrayLike,
    censored: Label = 0,
    variance: str = "aalen",
    conf_level: float = 0.95,
) -> Estimates:
    """Twin of ``statistics.competing_risks.cumulative_incidence_difference``: all its statistics."""
    observed, ends, causes = told(time, cause, censored)
    label = whole(event_of_interest)
    labels = list(np.asarray(group, dtype=object))
    arms = []
    for arm in (treatment, reference):
        rows = [i for i, one in enumerate(labels) if one == arm]
        arms.append((observed[rows], [ends[i] for i in rows]))

    def one(t: float) -> Estimate:
        shared: dict[str, Any] = {
            "analysis": "aalen_johansen.difference",
            "unit": "probability",
            "method": SOURCE["cumulative_incidence_difference"],
            "groups": {"treatment": treatment, "reference": reference, "cause": label, "time": written(t)},
            "n": sum(len(part) for _, part in arms),
            "events": sum(part.count(label) for _, part in arms),
            "conf_level": conf_level,
        }
        treated, control = (_at(*arm, causes, label, t, variance, False) for arm in arms)
        if treated is None or control is None:
            return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
        difference, error = treated[0] - control[0], math.sqrt(treated[1] ** 2 + control[1] ** 2)
        if error == 0:
            return Estimate(**shared, estimate=difference, reason=NOT_ESTIMABLE)
        step = quantile(conf_level) * error
        return Estimate(
            **shared,
            estimate=difference,
            std_error=error,
            conf_low=difference - step,
            conf_high=difference + step,
            p_value=tail(difference / error),
        )

    return Estimates(tuple(one(t) for t in each(times)))


def _at(
    times: NDArray[np.float64], ends: list[Any], causes: list[Any], cause: Any, t: float, variance: str, extend: bool
) -> tuple[float, float] | None:
    """The incidence of a cause at a time and its standard error; None where it is not known."""
    if not times.size:
        return None
    until = [float(u) for u in np.unique(times) if u <= t * SAME_TIME]
    error, left = _error(times, ends, causes, cause, until, variance)
    if t > times.max() * SAME_TIME and left > 0 and not extend:
        return None
    return (_library(times, ends, causes, cause, t), error) if cause in causes else (0.0, 0.0)


def _library(times: NDArray[np.float64], ends: list[Any], causes: list[Any], cause: Any, t: float) -> float:
    from statsmodels.duration.survfunc import CumIncidenceRight

    if cause not in ends:
        return 0.0
    status = np.array([0 if end is None else 1 if end == cause else 2 for end in ends])
    with np.errstate(all="ignore"):
        fit = CumIncidenceRight(times, status)
    reached = int((fit.times <= t * SAME_TIME).sum())
    return float(fit.cinc[0][reached - 1]) if reached else 0.0


def _error(
    times: NDArray[np.float64], ends: list[Any], causes: list[Any], cause: Any, until: list[float], variance: str
) -> tuple[float, float]:
    """The standard error of the incidence of a cause at the last of these times, and the share without any event.

    From one time to the next the probabilities p of being event-free and of each cause change to (I + dA)' p, and
    their covariance V to (I + dA)' V (I + dA) + S(u-)^2 times the covariance of the increments.
    """
    states = 1 + len(causes)
    covariance, survival, seen = np.zeros((states, states)), 1.0, False
    for u in until:
        n = int((times >= u).sum())
        d = [sum(1 for i in np.flatnonzero(times == u) if ends[i] == one) for one in causes]
        if sum(d) == 0:
            continue
        change = np.eye(states)
        change[0, :] += [-sum(d) / n, *(x / n for x in d)]
        increments = np.zeros((states, states))
        increments[1:, 1:] = _increments(d, n, variance, causes.index(cause) if cause in causes else -1, sum(d) == n)
        increments[0, :] = -increments[1:, :].sum(axis=0)
        increments[:, 0] = -increments[:, 1:].sum(axis=1)
        covariance = change.T @ covariance @ change + survival**2 * increments
        survival *= 1 - sum(d) / n
        seen = seen or (cause in causes and d[causes.index(cause)] > 0)
    own = 1 + causes.index(cause) if seen else 0
    return (math.sqrt(max(covariance[own, own], 0.0)) if seen else 0.0), survival


def _increments(d: list[int], n: int, variance: str, own: int, is_end: bool) -> NDArray[np.float64]:
    """The covariance of the increments of the cumulative hazards of all causes at a time."""
    counts = np.array(d, dtype=float)
    if variance == "greenwood":
        return np.diag(counts) / n**2 - np.outer(counts, counts) / n**3
    # The correction for ties is that of the cause and of all other causes taken together; when nobody is left only
    # the cause's own increment still matters.
    others = counts.sum() - counts[own]
    shrink = 1 - max(others - 1, 0) / max(n - 1, 1)
    found = np.diag(counts) * shrink
    found[own, own] = counts[own] * (1 - max(counts[own] - 1, 0) / max(n - 1, 1))
    return found / n**2
