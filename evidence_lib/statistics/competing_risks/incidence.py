"""The Aalen-Johansen estimate of the cumulative incidence of each cause, as a curve and at given times."""

from __future__ import annotations

from typing import Any, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, KmInterval, R
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.competing_risks.aalen_johansen import Variance, incidence
from evidence_lib.statistics.competing_risks.inputs import Label, checked_cause, observed
from evidence_lib.statistics.inputs import Floats, checked_level
from evidence_lib.statistics.survival.inputs import checked_interval, checked_times, days
from evidence_lib.statistics.survival.kaplan_meier import interval_name

COLUMNS = [
    "cause",
    "time",
    "n_at_risk",
    "n_events",
    "n_competing",
    "n_censored",
    "cumulative_incidence",
    "std_error",
    "conf_low",
    "conf_high",
]


def cumulative_incidence_curve(
    time: ArrayLike,
    cause: ArrayLike,
    *,
    censored: Label = 0,
    variance: Variance = "aalen",
    conf_type: KmInterval | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> pd.DataFrame:
    """Cumulative incidence of every cause as step functions: the estimates of ``cumulative_incidence`` at all times.

    F_k(t) = sum over u <= t of S(u-) d_k(u) / n(u), as in ``cumulative_incidence``, with its variance and limits.

    Misreading: the limits hold at one time, not for the whole curve, and the tail rests on few patients; 1 minus the
    Kaplan-Meier estimate of one cause, with the others censored, is no probability and lies above this curve.

    Parameters
    ----------
    time : array of n days, zero or more
        Time from the start to the first event of any cause, or to censoring.
    cause : array of n labels
        ``censored``, or the cause of the event.
    censored : text or number
        The label of patients without an event.
    variance : "aalen" or "greenwood"
        As ``cumulative_incidence``.
    conf_type : "plain", "log", "log-log", "logit" or "arcsine"
        The scale of the limits; None takes the convention's.
    conf_level : float
        The level of the limits, between 0 and 1.
    convention : Convention
        Where ``conf_type`` comes from when it is None.

    Returns
    -------
    DataFrame
        One row per cause and distinct time, causes sorted, and for each first a row at time 0. ``n_at_risk`` counts
        patients with an observed time >= ``time``; ``n_events`` (of the cause), ``n_competing`` (of other causes) and
        ``n_censored`` are those at that time alone; ``cumulative_incidence`` with ``std_error``, ``conf_low`` and
        ``conf_high``. The limits are NaN where there are none: before the first event of the cause, and on the scales
        log-log, logit and arcsine where the estimate is 1. No rows without patients or without events.

    Raises
    ------
    InvalidInput
        For times that are negative or not finite, missing causes, unequal lengths, a wrong choice.
    """
    data = observed(time, cause, censored)
    kind, chosen, level = checked_variance(variance), checked_interval(conf_type, convention), checked_level(conf_level)
    fit = incidence(data)
    parts = []
    for number, label in enumerate(data.causes, start=1):
        own = fit.n_events[number - 1]
        low, high = fit.limits(number, kind, chosen, level)
        counts = [own, fit.n_events.sum(axis=0) - own, fit.n_censored]
        values = [fit.time, fit.n_at_risk, *counts, fit.incidence[number - 1], fit.std_error(number, kind), low, high]
        frame = pd.DataFrame(dict(zip(COLUMNS[1:], values, strict=True)))
        if fit.time[0] > 0:
            start = pd.DataFrame([[0.0, fit.n, 0, 0, 0, 0.0, 0.0, np.nan, np.nan]], columns=COLUMNS[1:])
            frame = pd.concat([start.astype(frame.dtypes), frame], ignore_index=True)
        frame.insert(0, "cause", pd.Series([label] * len(frame), dtype=object))
        parts.append(frame)
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)


def cumulative_incidence(
    time: ArrayLike,
    cause: ArrayLike,
    *,
    times: ArrayLike,
    event_of_interest: Label | None = None,
    censored: Label = 0,
    variance: Variance = "aalen",
    conf_type: KmInterval | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
    extend: bool = False,
) -> Estimates:
    """Cumulative incidence: the probability of an event of a given cause by given times, other causes competing.

    F_k(t) = sum over u <= t of S(u-) d_k(u) / n(u), with S the Kaplan-Meier estimate of being free of every event
    (Aalen & Johansen 1978, Scand J Stat 5:141; Kalbfleisch & Prentice 2002, section 8.2). Events of several causes at
    one time are counted together, exactly. Its variance is the sum over u <= t of S(u-)^2 / n(u)^2 times

    - ``aalen``: (1 + w)^2 d_k e(d_k) + w^2 d_c e(d_c), with w = (F_k(u) - F_k(t)) / S(u), 0 where S(u) is 0, d_c the
      events of the other causes and e(d) = 1 - (d - 1) / (n - 1) (Aalen 1978, Ann Stat 6:534; as ``cmprsk::cuminc``);
    - ``greenwood``: d_k (1 + w)^2 + d_c w^2 - (d_k + w (d_k + d_c))^2 / n(u) (Andersen et al. 1993, section IV.4.1,
      with multinomial increments), which is the infinitesimal jackknife of ``survival::survfit``.

    The pointwise limits are made on the scale of ``conf_type`` applied to F_k, as in ``survfit``, and clipped to
    [0, 1]. Assumes that censoring is independent of all causes.

    Misreading: it is not 1 minus the Kaplan-Meier estimate of this cause with the others censored, which is larger and
    no probability. A treatment that only makes patients die earlier of other causes lowers it.

    Parameters
    ----------
    time : array of n days, zero or more
        Time from the start to the first event of any cause, or to censoring.
    cause : array of n labels
        ``censored``, or the cause of the event.
    times : array of days, zero or more
        The times to report at.
    event_of_interest : text or number
        The only cause to report; None reports every cause that occurs.
    censored : text or number
        The label of patients without an event.
    variance : "aalen" or "greenwood"
        See above.
    conf_type : "plain", "log", "log-log", "logit" or "arcsine"
        The scale of the limits; None takes the convention's.
    conf_level : float
        The level of the limits, between 0 and 1.
    convention : Convention
        Where ``conf_type`` comes from when it is None.
    extend : bool
        Past the last observed time, carry the last value and its limits forward and say so in ``method``.

    Returns
    -------
    Estimates
        One ``aalen_johansen.cumulative_incidence`` per cause and time, in ``groups["cause"]`` and ``groups["time"]``.
        ``n`` counts patients, ``events`` those of the cause over all of follow-up. Past the last observed time the
        curve is unknown unless everybody has had an event, and the estimate is ``not_estimable``. An estimate of 0,
        before the first event of the cause, stands without standard error and limits, with a reason.

    Raises
    ------
    InvalidInput
        For times that are negative or not finite, missing causes, unequal lengths, a wrong choice, times to report at
        that are negative or stand twice, and an ``event_of_interest`` that is the label of censoring.
    """
    data = observed(time, cause, censored)
    wanted = data.causes if event_of_interest is None else (checked_cause(event_of_interest, censored),)
    kind, chosen, level = checked_variance(variance), checked_interval(conf_type, convention), checked_level(conf_level)
    fit = incidence(data)
    items: list[Estimate] = []
    for label in wanted:
        number = data.number(label)
        events = int((data.code == number).sum())
        error = fit.std_error(number, kind) if events else np.zeros(fit.time.size)
        low, high = fit.limits(number, kind, chosen, level) if events else (error, error)
        for t in checked_times(times):
            shared: dict[str, Any] = {
                "analysis": "aalen_johansen.cumulative_incidence",
                "unit": "probability",
                "groups": {"cause": label, "time": days(t)},
                "n": fit.n,
                "events": events,
                "conf_level": level,
                "method": _method(kind, chosen),
            }
            reason = fit.unknown_at(t)
            if reason is not None and not (extend and fit.n):
                items.append(Estimate(**shared, status="not_estimable", reason=reason))
                continue
            if reason is not None:
                shared["method"] = _method(kind, chosen, carried_from=days(fit.time[-1]))
            row = fit.row_at(t)
            value = float(fit.incidence[number - 1, row]) if events and row >= 0 else 0.0
            items.append(Estimate(**shared, estimate=value, **_uncertainty(value, row, error, low, high)))
    return Estimates(tuple(items))


def checked_variance(variance: Variance) -> Variance:
    """The variance that was asked for. Raises InvalidInput for an unknown one."""
    if variance not in get_args(Variance):
        raise InvalidInput("unknown variance", expected=" or ".join(get_args(Variance)), found=repr(variance))
    return variance


def variance_name(kind: Variance) -> Message:
    """The name of a variance, as a message."""
    return message(f"competing_risks_statistics.variance.{kind}")


def _uncertainty(value: float, row: int, error: Floats, low: Floats, high: Floats) -> dict[str, Any]:
    """Standard error and limits, or the reason why there are none."""
    if value == 0:
        return {"reason": message("competing_risks_statistics.reason.no_event_yet")}
    if not error[row] > 0:
        return {"reason": message("competing_risks_statistics.reason.no_variance")}
    if np.isnan(low[row]):
        reason = message("competing_risks_statistics.reason.limits_at_one")
        return {"std_error": float(error[row]), "reason": reason}
    return {"std_error": float(error[row]), "conf_low": float(low[row]), "conf_high": float(high[row])}


def _method(kind: Variance, conf_type: KmInterval, carried_from: float | None = None) -> Message:
    names = {"variance": variance_name(kind), "interval": interval_name(conf_type)}
    if carried_from is None:
        return message("competing_risks_statistics.method.incidence", **names)
    return message("competing_risks_statistics.method.incidence_extended", **names, time=carried_from)
