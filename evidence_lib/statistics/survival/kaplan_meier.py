"""The Kaplan-Meier curve, the numbers at risk, and survival at a time in one arm and between two."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, KmInterval, R
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import Floats, checked_level
from evidence_lib.statistics.survival.inputs import (
    TIE,
    Curve,
    arms,
    checked,
    checked_interval,
    checked_times,
    curve,
    days,
)

COLUMNS = ["time", "n_at_risk", "n_events", "n_censored", "survival", "std_error", "conf_low", "conf_high"]


def kaplan_meier(
    time: ArrayLike,
    event: ArrayLike,
    *,
    conf_type: KmInterval | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> pd.DataFrame:
    """Kaplan-Meier estimate of S(t), the probability of being event-free beyond t.

    S(t) is the product over event times s <= t of 1 - d(s) / n(s) (Kaplan & Meier 1958, J Am Stat Assoc 53:457); the
    standard error is Greenwood's, S(t) sqrt(sum d / (n (n - d))). The pointwise limits are made on the scale of
    ``conf_type`` and clipped to [0, 1] (Kalbfleisch & Prentice 2002, section 1.4), as R's ``survfit`` does.

    Misreading: the limits hold at one time, not for the whole curve, and the tail rests on few patients.

    Parameters
    ----------
    time : array of n days, zero or more
    event : array of n, 1 or True for the event, 0 or False for censoring
    conf_type : scale of the limits; None takes the convention's

    Returns
    -------
    DataFrame
        One row per distinct time, first a row at time 0 (the patients observed at 0 are in that row). ``n_at_risk``
        counts those with an observed time >= ``time``; ``n_events`` and ``n_censored`` are those at that time alone.
        ``std_error`` and limits are NaN where ``survfit`` has none: where S is 0, and, for the scales log-log, logit
        and arcsine, before the first event. No rows without patients.

    Raises
    ------
    InvalidInput
        For times that are negative or not finite, events other than 0 and 1, unequal lengths, a wrong choice.
    """
    fit = curve(*checked(time, event))
    chosen, level = checked_interval(conf_type, convention), checked_level(conf_level)
    low, high = pointwise_limits(fit, chosen, level)
    values = [fit.time, fit.n_at_risk, fit.n_events, fit.n_censored, fit.survival, standard_error(fit), low, high]
    frame = pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))
    if fit.n == 0 or fit.time[0] == 0:
        return frame
    start = pd.DataFrame([[0.0, fit.n, 0, 0, 1.0, 0.0, 1.0, 1.0]], columns=COLUMNS).astype(frame.dtypes)
    return pd.concat([start, frame], ignore_index=True)


def at_risk(time: ArrayLike, event: ArrayLike, *, times: ArrayLike) -> pd.DataFrame:
    """Patients at risk at each time, for the table under a Kaplan-Meier figure; unweighted.

    Returns
    -------
    DataFrame
        ``time`` as given; ``n_at_risk``, patients with an observed time >= ``time``; ``n_events`` and ``n_censored``,
        patients with the event, or censored, at or before ``time`` (as R's ``summary(survfit, times=)`` counts
        events). Who leaves exactly at ``time`` is therefore counted on both sides, and a row need not add up to n.

    Raises
    ------
    InvalidInput
        As ``kaplan_meier``, and for times to report at that are negative or stand twice.
    """
    observed, events = checked(time, event)
    rows = []
    for t in checked_times(times):
        left = observed <= t * (1 + TIE)
        staying = int((observed >= t * (1 - TIE)).sum())
        rows.append((days(t), staying, int((left & events).sum()), int((left & ~events).sum())))
    return pd.DataFrame(rows, columns=["time", "n_at_risk", "n_events", "n_censored"])


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
    """Kaplan-Meier probability of being event-free at given times, with pointwise limits (see ``kaplan_meier``).

    One estimate ``km.survival`` per time, in ``groups["time"]``. Past the last observed time the curve is unknown
    unless it has reached 0, and the estimate is ``not_estimable``; ``extend=True`` carries the last value and its
    limits forward and says so in ``method``. Where ``survfit`` has no limits the estimate stands alone, with a reason.

    Misreading: it is not the share of patients seen event-free at that time; the censored count until they leave.

    Raises
    ------
    InvalidInput
        As ``kaplan_meier``, and for times to report at that are negative or stand twice.
    """
    fit = curve(*checked(time, event))
    chosen, level = checked_interval(conf_type, convention), checked_level(conf_level)
    low, high = pointwise_limits(fit, chosen, level)
    error = standard_error(fit)

    def one(t: float) -> Estimate:
        shared: dict[str, Any] = {
            "analysis": "km.survival",
            "unit": "probability",
            "groups": {"time": days(t)},
            "conf_level": level,
            "n": fit.n,
            "events": fit.events,
        }
        method = message("survival_statistics.method.km", interval=interval_name(chosen))
        reason = _unknown_at(fit, t)
        if reason is not None and not (extend and fit.n):
            return Estimate(**shared, method=method, status="not_estimable", reason=reason)
        if reason is not None:
            last = days(fit.time[-1])
            method = message("survival_statistics.method.km_extended", interval=interval_name(chosen), time=last)
        row = fit.row_at(t)
        if row < 0:
            # The time before anybody leaves: S is 1 by definition, as survfit's row at time 0.
            return Estimate(**shared, method=method, estimate=1.0, std_error=0.0, conf_low=1.0, conf_high=1.0)
        known = bool(np.isfinite(low[row]))
        why = "limits_at_zero" if fit.survival[row] == 0 else "limits_at_one"
        return Estimate(
            **shared,
            method=method,
            estimate=float(fit.survival[row]),
            std_error=float(error[row]) if np.isfinite(error[row]) else None,
            conf_low=float(low[row]) if known else None,
            conf_high=float(high[row]) if known else None,
            reason=None if known else message(f"survival_statistics.reason.{why}"),
        )

    return Estimates(tuple(one(t) for t in checked_times(times)))


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
    """Difference of two Kaplan-Meier probabilities of being event-free at given times, treated minus reference.

    The Greenwood standard errors add in quadrature; the interval and the two-sided p-value are normal (Klein et al.
    2007, Stat Med 26:4505, the untransformed statistic). One estimate ``milestone.difference`` per time, above 0
    where the treated do better. ``n`` and ``events`` are of both arms together.

    Not estimable where either arm is (follow-up too short, no patients). Where a curve has reached 0, or neither arm
    has had an event, the difference stands without standard error, limits and p-value, because Greenwood's formula
    has none.

    Misreading: it compares the arms at that time only; curves that cross can agree there and differ elsewhere.

    Raises
    ------
    InvalidInput
        As ``kaplan_meier``; for equal arms, missing or too few labels, times that are negative or stand twice.
    """
    treated, control = (curve(*arm) for arm in arms(time, event, group, treatment=treatment, reference=reference))
    level = checked_level(conf_level)

    def one(t: float) -> Estimate:
        shared: dict[str, Any] = {
            "analysis": "milestone.difference",
            "unit": "probability",
            "groups": {"time": days(t), "treatment": treatment, "reference": reference},
            "conf_level": level,
            "n": treated.n + control.n,
            "events": treated.events + control.events,
            "method": message("survival_statistics.method.milestone"),
        }
        for fit, label in ((treated, treatment), (control, reference)):
            unknown = _unknown_at(fit, t)
            if unknown is not None:
                reason = message("survival_statistics.reason.in_arm", arm=str(label), reason=unknown)
                return Estimate(**shared, status="not_estimable", reason=reason)
        (p1, se1), (p0, se0) = _value_at(treated, t), _value_at(control, t)
        difference, error = p1 - p0, float(np.hypot(se1, se0))
        if not error > 0:
            why = "milestone_at_zero" if np.isnan(error) else "milestone_at_one"
            reason = message(f"survival_statistics.reason.{why}")
            return Estimate(**shared, estimate=difference, reason=reason)
        half = normal_quantile(level) * error
        return Estimate(
            **shared,
            estimate=difference,
            std_error=error,
            conf_low=difference - half,
            conf_high=difference + half,
            p_value=two_sided_p(difference / error),
        )

    return Estimates(tuple(one(t) for t in checked_times(times)))


def pointwise_limits(fit: Curve, conf_type: KmInterval, conf_level: float) -> tuple[Floats, Floats]:
    """Lower and upper limits of S at each row, NaN where ``survfit`` has none."""
    z = normal_quantile(conf_level)
    s, root = fit.survival, np.sqrt(fit.log_variance)
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        if conf_type == "plain":
            low, high = np.maximum(s - z * root * s, 0), np.minimum(s + z * root * s, 1)
        elif conf_type == "log":
            low, high = s * np.exp(-z * root), np.minimum(s * np.exp(z * root), 1)
        elif conf_type == "log-log":
            step = z * root / -np.log(s)
            low, high = s ** np.exp(step), s ** np.exp(-step)
        elif conf_type == "logit":
            step, odds = z * root / (1 - s), np.log(s / (1 - s))
            low, high = 1 / (1 + np.exp(-odds + step)), 1 / (1 + np.exp(-odds - step))
        else:
            step, angle = 0.5 * z * root * np.sqrt(s / (1 - s)), np.arcsin(np.sqrt(s))
            low, high = np.sin(np.maximum(angle - step, 0)) ** 2, np.sin(np.minimum(angle + step, np.pi / 2)) ** 2
    unknown = (s == 0) | ((s == 1) & (conf_type not in ("plain", "log")))
    return np.where(unknown, np.nan, low), np.where(unknown, np.nan, high)


def standard_error(fit: Curve) -> Floats:
    """Greenwood's standard error of S at each row, NaN where S is 0."""
    with np.errstate(invalid="ignore"):
        return fit.survival * np.sqrt(fit.log_variance)


def interval_name(conf_type: KmInterval) -> Message:
    """The name of an interval type, as a message."""
    return message(f"survival_statistics.interval.{conf_type}")


def _unknown_at(fit: Curve, time: float) -> Message | None:
    if fit.n == 0:
        return message("survival_statistics.reason.no_patients")
    if not fit.known_at(time):
        return message("survival_statistics.reason.past_follow_up", time=days(time), last=days(fit.time[-1]))
    return None


def _value_at(fit: Curve, time: float) -> tuple[float, float]:
    row = fit.row_at(time)
    return (1.0, 0.0) if row < 0 else (float(fit.survival[row]), float(standard_error(fit)[row]))
