"""The Kaplan-Meier curve, the numbers at risk, and survival at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, KmInterval, R
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.distributions import normal_quantile
from evidence_lib.statistics.inputs import Floats, checked_level
from evidence_lib.statistics.survival.inputs import (
    TIE,
    Curve,
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
    ``conf_type`` and clipped to [0, 1] (Kalbfleisch & Prentice 2002, section 1.4), as R's ``survfit`` does. Censoring
    is assumed to have nothing to do with the event.

    Misreading: the limits hold at one time, not for the whole curve, and the tail rests on few patients.

    Parameters
    ----------
    time, event : arrays of n
        Days, zero or more; 1 or True for the event, 0 or False for censoring.
    conf_type : {"plain", "log", "log-log", "logit", "arcsine"}
        Scale of the limits; None takes the convention's.
    conf_level : number between 0 and 1
        Level of the pointwise limits.
    convention : Convention
        Whose defaults are taken: ``R`` or ``SAS``.

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

    A count of patients: n at risk at t is the number of observed times at or after t.

    Misreading: patients no longer at risk are not all dead; those censored have left the count too.

    Parameters
    ----------
    time, event : arrays of n
        Days, zero or more; 1 or True for the event, 0 or False for censoring.
    times : array of days
        The times to count at, in the order of the rows.

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
    """Kaplan-Meier probability of being event-free at given times, with pointwise limits.

    S(t), Greenwood's standard error and the limits of ``kaplan_meier``, under its assumptions (Kaplan & Meier 1958, J
    Am Stat Assoc 53:457).

    Misreading: it is not the share of patients seen event-free at that time; the censored count until they leave.

    Parameters
    ----------
    time, event : arrays of n
        Days, zero or more; 1 or True for the event, 0 or False for censoring.
    times : array of days
        The times to report at.
    conf_type : {"plain", "log", "log-log", "logit", "arcsine"}
        Scale of the limits; None takes the convention's.
    conf_level : number between 0 and 1
        Level of the pointwise limits.
    convention : Convention
        Whose defaults are taken: ``R`` or ``SAS``.
    extend : bool
        Whether the last value and its limits are carried forward past the last observed time; ``method`` says so.

    Returns
    -------
    Estimates
        One ``km.survival`` per time, a probability, with ``groups["time"]``. Past the last observed time the curve is
        unknown unless it has reached 0, and the estimate is ``not_estimable`` without ``extend``. Where ``survfit``
        has no limits the estimate stands alone, with a reason.

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
        reason = unknown_at(fit, t)
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


def unknown_at(fit: Curve, time: float) -> Message | None:
    """Why the curve is not known at a time; None where it is."""
    if fit.n == 0:
        return message("survival_statistics.reason.no_patients")
    if not fit.known_at(time):
        return message("survival_statistics.reason.past_follow_up", time=days(time), last=days(fit.time[-1]))
    return None
