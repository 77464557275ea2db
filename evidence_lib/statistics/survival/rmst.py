"""Restricted mean survival time of one arm, and its difference and ratio between two."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import checked_level
from evidence_lib.statistics.survival.inputs import TIE, Curve, arms, checked, curve, days


def rmst(time: ArrayLike, event: ArrayLike, *, tau: float | None = None, conf_level: float = 0.95) -> Estimate:
    """Restricted mean survival time: the area under the Kaplan-Meier curve from 0 to ``tau`` days.

    Variance: the sum over event times s <= tau of A(s)^2 d / (n (n - d)), A(s) being the area from s to tau, and a
    normal interval (Klein & Moeschberger 2003, equations 4.5.1 to 4.5.3; as R's survmean and survRM2). ``tau`` None
    is exploratory: the largest observed time. The analysis is ``rmst``, in days, with ``groups["time"]`` = tau.

    Status ``not_estimable``, with the largest usable tau in the reason, when follow-up ends before tau with patients
    event-free. Without an event up to tau the estimate is tau and has no standard error or limits.

    Misreading: it is a mean over the first tau days only; it says nothing about later benefit.

    Raises
    ------
    InvalidInput
        For a tau that is not above 0; else as ``kaplan_meier``.
    """
    fit = curve(*checked(time, event))
    level = checked_level(conf_level)
    end, method = _horizon(tau, "rmst", fit)
    shared: dict[str, Any] = {
        "analysis": "rmst",
        "unit": "days",
        "groups": {} if end is None else {"time": days(end)},
        "conf_level": level,
        "n": fit.n,
        "events": fit.events,
        "method": method,
    }
    if fit.n == 0:
        return Estimate(**shared, status="not_estimable", reason=message("survival_statistics.reason.no_patients"))
    short = _too_short(end, fit)
    if end is None or short is not None:
        return Estimate(**shared, status="not_estimable", reason=short)
    area, variance = _area(fit, end)
    if variance == 0:
        return Estimate(**shared, estimate=area, reason=message("survival_statistics.reason.rmst_no_events"))
    half = normal_quantile(level) * math.sqrt(variance)
    return Estimate(**shared, estimate=area, std_error=math.sqrt(variance), conf_low=area - half, conf_high=area + half)


def rmst_difference(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    tau: float | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Difference in restricted mean survival time up to ``tau`` days, treated minus reference.

    The variances of ``rmst`` add; normal interval and two-sided p-value (Uno et al. 2014, J Clin Oncol 32:2380, as
    survRM2). ``tau`` None is exploratory: the smaller of the arms' largest times. The analysis is
    ``rmst.difference``, in days, above 0 where the treated do better; ``n`` and ``events`` are of both arms together.

    Status ``not_estimable`` as ``rmst``, for either arm. Without an event up to tau in both arms the difference has
    no standard error, limits or p-value.

    Misreading: days gained on average within tau, not per patient and not over a lifetime.

    Raises
    ------
    InvalidInput
        For a tau that is not above 0, equal arms, missing or too few labels; else as ``kaplan_meier``.
    """
    return _compare("rmst.difference", time, event, group, treatment, reference, tau, conf_level)


def rmst_ratio(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    tau: float | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Ratio of restricted mean survival times up to ``tau`` days, treated over reference.

    Delta method on the log scale: Var(log ratio) is the sum of variance / mean^2 over the arms (Uno et al. 2014, as
    survRM2). ``std_error`` is on the log scale (``scale="log"``), the estimate and limits on the ratio scale, the
    two-sided p-value that of the log ratio. The analysis is ``rmst.ratio``; ``tau`` and status as ``rmst_difference``.

    Misreading: 1.12 is 12 % more event-free time within tau, not a 12 % lower risk.

    Raises
    ------
    InvalidInput
        As ``rmst_difference``.
    """
    return _compare("rmst.ratio", time, event, group, treatment, reference, tau, conf_level)


def _compare(
    analysis: Literal["rmst.difference", "rmst.ratio"],
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    treatment: str | float,
    reference: str | float,
    tau: float | None,
    conf_level: float,
) -> Estimate:
    treated, control = (curve(*arm) for arm in arms(time, event, group, treatment=treatment, reference=reference))
    level = checked_level(conf_level)
    ratio = analysis == "rmst.ratio"
    end, method = _horizon(tau, analysis, treated, control)
    shared: dict[str, Any] = {
        "analysis": analysis,
        "unit": "ratio" if ratio else "days",
        "groups": {"treatment": treatment, "reference": reference} | ({} if end is None else {"time": days(end)}),
        "conf_level": level,
        "n": treated.n + control.n,
        "events": treated.events + control.events,
        "method": method,
        "scale": "log" if ratio else "identity",
    }
    for fit, label in ((treated, treatment), (control, reference)):
        if fit.n == 0:
            empty = message("survival_statistics.reason.no_patients")
            reason = message("survival_statistics.reason.in_arm", arm=str(label), reason=empty)
            return Estimate(**shared, status="not_estimable", reason=reason)
    short = _too_short(end, treated, control)
    if end is None or short is not None:
        return Estimate(**shared, status="not_estimable", reason=short)
    (a1, v1), (a0, v0) = _area(treated, end), _area(control, end)
    if ratio and min(a1, a0) == 0:
        # All of an arm had the event at time 0.
        reason = message("survival_statistics.reason.rmst_zero")
        return Estimate(**shared, status="not_estimable", reason=reason)
    effect = math.log(a1 / a0) if ratio else a1 - a0
    error = math.sqrt(v1 / a1**2 + v0 / a0**2) if ratio else math.sqrt(v1 + v0)
    back = math.exp if ratio else float
    if error == 0:
        return Estimate(**shared, estimate=back(effect), reason=message("survival_statistics.reason.rmst_no_variance"))
    half = normal_quantile(level) * error
    return Estimate(
        **shared,
        estimate=back(effect),
        std_error=error,
        conf_low=back(effect - half),
        conf_high=back(effect + half),
        p_value=two_sided_p(effect / error),
    )


def _horizon(tau: float | None, analysis: str, *fits: Curve) -> tuple[float | None, Message]:
    """``tau`` and the method's sentence; no tau where it was left to data without patients."""
    if tau is None:
        lasts = [float(fit.time[-1]) for fit in fits if fit.n]
        end = min(lasts) if len(lasts) == len(fits) else None
        source = message("survival_statistics.tau.from_data")
    else:
        if isinstance(tau, bool) or not isinstance(tau, int | float | np.number) or not 0 < tau < math.inf:
            raise InvalidInput("tau is not a time horizon", expected="a number of days above 0", found=repr(tau))
        end, source = float(tau), message("survival_statistics.tau.given")
    shown = "NE" if end is None else days(end)
    return end, message(f"survival_statistics.method.{analysis}", tau=shown, source=source)


def _too_short(tau: float | None, *fits: Curve) -> Message | None:
    """Why tau cannot be used; it is usable up to the earliest end of a curve that has not reached 0."""
    if tau is None or tau == 0:
        return message("survival_statistics.reason.no_follow_up")
    if all(fit.known_at(tau) for fit in fits):
        return None
    largest = min(float(fit.time[-1]) for fit in fits if not fit.ends_at_zero)
    return message("survival_statistics.reason.tau_too_late", tau=days(tau), largest=days(largest))


def _area(fit: Curve, tau: float) -> tuple[float, float]:
    """Area under the curve up to tau, and its variance."""
    inside = fit.time <= tau * (1 + TIE)
    edges = np.concatenate([[0.0], np.minimum(fit.time[inside], tau), [tau]])
    pieces = np.diff(edges) * np.concatenate([[1.0], fit.survival[inside]])
    # remaining[i] is the area from the i-th time inside to tau.
    remaining = np.cumsum(pieces[::-1])[::-1][1:]
    n, d = fit.n_at_risk[inside].astype(float), fit.n_events[inside].astype(float)
    # Where everybody left has the event the remaining area is 0, and so is the term.
    some_left = n > d
    terms = remaining[some_left] ** 2 * d[some_left] / (n[some_left] * (n - d)[some_left])
    return float(pieces.sum()), float(terms.sum())
