"""Restricted mean survival time of one arm, and its difference and ratio between two."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.design import design
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import checked_level, with_labels
from evidence_lib.statistics.not_estimable import NotEstimable
from evidence_lib.statistics.survival.inputs import TIE, Curve, arms, checked, curve, days
from evidence_lib.statistics.survival.rmst_regression import Link, adjusted_effect


def rmst(time: ArrayLike, event: ArrayLike, *, tau: float | None = None, conf_level: float = 0.95) -> Estimate:
    """Restricted mean survival time: the area under the Kaplan-Meier curve from 0 to ``tau`` days.

    Variance: the sum over event times s <= tau of A(s)^2 d / (n (n - d)), A(s) being the area from s to tau, and a
    normal interval (Klein & Moeschberger 2003, equations 4.5.1 to 4.5.3; as R's survmean and survRM2). Assumptions
    are those of ``kaplan_meier``.

    Misreading: it is a mean over the first tau days only; it says nothing about later benefit.

    Parameters
    ----------
    time, event : arrays of n
        Days, zero or more; 1 or True for the event, 0 or False for censoring.
    tau : number of days above 0
        The horizon; None is exploratory: the largest observed time.
    conf_level : number between 0 and 1
        Level of the interval.

    Returns
    -------
    Estimate
        ``rmst``, in days, with ``groups["time"]`` = tau. ``not_estimable``, with the largest usable tau in the reason,
        when follow-up ends before tau with patients event-free. Without an event up to tau the estimate is tau and has
        no standard error or limits.

    Raises
    ------
    InvalidInput
        For a tau that is not above 0; else as ``kaplan_meier``.
    """
    fit = curve(*checked(time, event))
    level = checked_level(conf_level)
    end, horizon = _horizon(tau, fit)
    shared: dict[str, Any] = {
        "analysis": "rmst",
        "unit": "days",
        "groups": {} if end is None else {"time": days(end)},
        "conf_level": level,
        "n": fit.n,
        "events": fit.events,
        "method": message("survival_statistics.method.rmst", **horizon),
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
    covariates: pd.DataFrame | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Difference in restricted mean survival time up to ``tau`` days, treated minus reference.

    The difference of the areas under two Kaplan-Meier curves, with the variances of ``rmst`` added and a normal
    interval and two-sided p-value (Uno et al. 2014, J Clin Oncol 32:2380, as survRM2). Censoring is assumed to have
    nothing to do with the event.

    With ``covariates`` the analysis of covariance of Y = min(T, tau): E(Y) = a + b treated + c' x, solved with the
    weights 1 / G(Y) of the patients whose Y is known, G being the Kaplan-Meier estimate of censoring in their arm;
    the estimate is b, and its sandwich variance counts that G is estimated (Tian, Zhao & Wei 2014, Biostatistics
    15:222, as survRM2). It assumes this linear form and censoring that depends on the arm alone.

    Misreading: days gained on average within tau, not per patient and not over a lifetime.

    Parameters
    ----------
    time, event : arrays of n
        Days, zero or more; 1 or True for the event, 0 or False for censoring.
    group : array of n labels
        The arm of each patient; patients of other arms are left out.
    treatment, reference : str or number
        The two arms.
    tau : number of days above 0
        The horizon; None is exploratory: the smaller of the arms' largest times.
    covariates : DataFrame of n rows
        Numbers and booleans enter as they are, other columns as indicators of their levels.
    conf_level : number between 0 and 1
        Level of the interval.

    Returns
    -------
    Estimate
        ``rmst.difference``, or ``rmst.difference.adjusted`` with covariates, in days, above 0 where the treated do
        better; ``groups["time"]`` is tau, ``n`` and ``events`` are of both arms together. Status ``not_estimable`` as
        ``rmst``, for either arm, and for a covariate that is constant or a combination of others. Without an event up
        to tau in both arms the difference has no standard error, limits or p-value.

    Raises
    ------
    InvalidInput
        For a tau that is not above 0, equal arms, missing or too few labels, covariates that are missing or infinite;
        else as ``kaplan_meier``.
    """
    return _compare("rmst.difference", time, event, group, treatment, reference, tau, covariates, conf_level)


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
    """Ratio of restricted mean survival times up to ``tau`` days, treated over reference.

    Delta method on the log scale: Var(log ratio) is the sum of variance / mean^2 over the arms (Uno et al. 2014, J
    Clin Oncol 32:2380, as survRM2). With ``covariates`` the model of ``rmst_difference`` on the log scale: log E(Y)
    = a + b treated + c' x, and the ratio is exp(b). Censoring is assumed to have nothing to do with the event.

    Misreading: 1.12 is 12 % more event-free time within tau, not a 12 % lower risk.

    Parameters
    ----------
    time, event : arrays of n
        Days, zero or more; 1 or True for the event, 0 or False for censoring.
    group : array of n labels
        The arm of each patient; patients of other arms are left out.
    treatment, reference : str or number
        The two arms.
    tau : number of days above 0
        The horizon; None is exploratory: the smaller of the arms' largest times.
    covariates : DataFrame of n rows
        Numbers and booleans enter as they are, other columns as indicators of their levels.
    conf_level : number between 0 and 1
        Level of the interval.

    Returns
    -------
    Estimate
        ``rmst.ratio``, or ``rmst.ratio.adjusted`` with covariates: estimate and limits on the ratio scale, above 1
        where the treated do better, ``std_error`` on the log scale (``scale="log"``), the two-sided p-value that of
        the log ratio. Status as ``rmst_difference``, and ``not_estimable`` where a mean is 0.

    Raises
    ------
    InvalidInput
        As ``rmst_difference``.
    """
    return _compare("rmst.ratio", time, event, group, treatment, reference, tau, covariates, conf_level)


def _compare(
    analysis: Literal["rmst.difference", "rmst.ratio"],
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    treatment: str | float,
    reference: str | float,
    tau: float | None,
    covariates: pd.DataFrame | None,
    conf_level: float,
) -> Estimate:
    treated, control = (curve(*arm) for arm in arms(time, event, group, treatment=treatment, reference=reference))
    level = checked_level(conf_level)
    ratio = analysis == "rmst.ratio"
    end, horizon = _horizon(tau, treated, control)
    if covariates is not None:
        # Refused before the data decide anything.
        design(covariates, np.size(time))
    kind, names = ("", {}) if covariates is None else (".adjusted", {"names": [str(name) for name in covariates]})
    shared: dict[str, Any] = {
        "analysis": f"{analysis}{kind}",
        "unit": "ratio" if ratio else "days",
        "groups": {"treatment": treatment, "reference": reference} | ({} if end is None else {"time": days(end)}),
        "conf_level": level,
        "n": treated.n + control.n,
        "events": treated.events + control.events,
        "method": message(f"survival_statistics.method.{analysis}{kind}", **horizon, **names),
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
    if covariates is not None:
        try:
            effect, error = _adjusted(time, event, group, treatment, reference, covariates, end, ratio)
        except NotEstimable as gap:
            return Estimate(**shared, status="not_estimable", reason=gap.reason)
    elif ratio:
        effect, error = math.log(a1 / a0), math.sqrt(v1 / a1**2 + v0 / a0**2)
    else:
        effect, error = a1 - a0, math.sqrt(v1 + v0)
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


def _adjusted(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    treatment: str | float,
    reference: str | float,
    covariates: pd.DataFrame,
    tau: float,
    ratio: bool,
) -> tuple[float, float]:
    times, events = checked(time, event)
    treated, control = with_labels(group, "group", times.size, (treatment, reference))
    both = treated | control
    link: Link = "log" if ratio else "identity"
    return adjusted_effect(times[both], events[both], treated[both], covariates[both], tau=tau, link=link)


def _horizon(tau: float | None, *fits: Curve) -> tuple[float | None, dict[str, Any]]:
    """``tau``, and how the method's sentence tells it; none where it was left to data without patients."""
    if tau is None:
        lasts = [float(fit.time[-1]) for fit in fits if fit.n]
        end = min(lasts) if len(lasts) == len(fits) else None
        source = message("survival_statistics.tau.from_data")
    else:
        if isinstance(tau, bool) or not isinstance(tau, int | float | np.number) or not 0 < tau < math.inf:
            raise InvalidInput("tau is not a time horizon", expected="a number of days above 0", found=repr(tau))
        end, source = float(tau), message("survival_statistics.tau.given")
    return end, {"tau": "NE" if end is None else days(end), "source": source}


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
