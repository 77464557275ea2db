"""Median survival, and median follow-up by the reverse Kaplan-Meier estimate."""

from __future__ import annotations

from typing import Literal

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, KmInterval, R
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.inputs import Flags, Floats, checked_level
from evidence_lib.statistics.survival.inputs import Curve, checked, checked_interval, curve, days
from evidence_lib.statistics.survival.kaplan_meier import interval_name, pointwise_limits

# S(t) = 0.5 is decided with this tolerance, because products of fractions miss 0.5 by rounding.
HALF = 1e-9


def median_survival(
    time: ArrayLike,
    event: ArrayLike,
    *,
    conf_type: KmInterval | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimate:
    """Median time to the event: the first time at which the Kaplan-Meier curve is at or below 0.5.

    Where the curve is 0.5 on a stretch, the midpoint of the stretch. Where that stretch ends in the last censored
    time, R's convention takes the midpoint with that time (``quantile.survfit``; ``print.survfit`` shows the first
    time), SAS's has no median. The limits (Brookmeyer & Crowley 1982, Biometrics 38:29) are the times at which the
    lower and the upper pointwise limit of S first are at or below 0.5, by the same rules. Where few patients are left
    the upper limit of S can rise above 0.5 again; the first crossing counts, as in ``print.survfit``
    (``quantile.survfit`` sorts the band first, and then may name a later crossing). Assumptions are those of
    ``kaplan_meier``.

    Misreading: half of the patients have not died "by" an unreached median; and a median says nothing about the tail.

    Parameters
    ----------
    time, event : arrays of n
        Days, zero or more; 1 or True for the event, 0 or False for censoring.
    conf_type : {"plain", "log", "log-log", "logit", "arcsine"}
        Scale of the pointwise limits of S; None takes the convention's.
    conf_level : number between 0 and 1
        Level of the interval.
    convention : Convention
        Whose defaults are taken: ``R`` or ``SAS``.

    Returns
    -------
    Estimate
        ``km.median``, in days. Where the curve never reaches 0.5 the status is ``not_estimable`` and the limits that
        exist are given; where only a limit is missing the status is ``ok`` with the reason.

    Raises
    ------
    InvalidInput
        As ``kaplan_meier``.
    """
    return _median("km.median", *checked(time, event), conf_type, conf_level, convention)


def follow_up(
    time: ArrayLike,
    event: ArrayLike,
    *,
    conf_type: KmInterval | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimate:
    """Median follow-up: the median of the reverse Kaplan-Meier curve, in which censoring is the event.

    Schemper & Smith 1996, Control Clin Trials 17:343. ``event`` is given as for ``median_survival`` and swapped here.
    At a tie the roles are swapped with the rest, as in R's ``survfit(Surv(time, 1 - status) ~ 1)``: a patient with
    the event at a time is at risk of being censored at it. Median and limits follow the rules of ``median_survival``.

    Misreading: it is how long patients could be watched, not the median of the observed times.

    Parameters
    ----------
    time, event : arrays of n
        Days, zero or more; 1 or True for the event, 0 or False for censoring.
    conf_type : {"plain", "log", "log-log", "logit", "arcsine"}
        Scale of the pointwise limits of S; None takes the convention's.
    conf_level : number between 0 and 1
        Level of the interval.
    convention : Convention
        Whose defaults are taken: ``R`` or ``SAS``.

    Returns
    -------
    Estimate
        ``follow_up.median``, in days; ``events`` stays the number of patients with the event. Status as
        ``median_survival``.

    Raises
    ------
    InvalidInput
        As ``kaplan_meier``.
    """
    times, events = checked(time, event)
    return _median("follow_up.median", times, events, conf_type, conf_level, convention)


def _median(
    analysis: Literal["km.median", "follow_up.median"],
    time: Floats,
    event: Flags,
    conf_type: KmInterval | None,
    conf_level: float,
    convention: Convention,
) -> Estimate:
    chosen, level = checked_interval(conf_type, convention), checked_level(conf_level)
    reverse = analysis == "follow_up.median"
    fit = curve(time, ~event if reverse else event)
    to_end = convention.flat_to_end
    low, high = pointwise_limits(fit, chosen, level)
    estimate, conf_low, conf_high = (_half_crossing(fit.time, band, to_end) for band in (fit.survival, low, high))
    return Estimate(
        analysis=analysis,
        unit="days",
        method=message(
            f"survival_statistics.method.{analysis}",
            interval=interval_name(chosen),
            flat=message(f"survival_statistics.flat.{to_end}"),
        ),
        n=fit.n,
        events=int(event.sum()),
        estimate=estimate,
        conf_low=conf_low,
        conf_high=conf_high,
        conf_level=level,
        status="ok" if estimate is not None else "not_estimable",
        reason=_reason(fit, reverse, (estimate, conf_low, conf_high)),
    )


def _half_crossing(time: Floats, band: Floats, flat_to_end: Literal["midpoint", "not_estimable"]) -> float | None:
    reached = np.flatnonzero(band <= 0.5 + HALF)
    if reached.size == 0:
        return None
    first = reached[0]
    if band[first] < 0.5 - HALF:
        return float(time[first])
    below = np.flatnonzero(band[first + 1 :] < 0.5 - HALF)
    if below.size:
        return float(time[first] + time[first + 1 + below[0]]) / 2
    # A band that ends in NaN (the curve is 0 there) does not stay at 0.5 up to the last time.
    if flat_to_end == "not_estimable" or np.isnan(band[-1]):
        return None
    return float(time[first] + time[-1]) / 2


def _reason(fit: Curve, reverse: bool, found: tuple[float | None, float | None, float | None]) -> Message | None:
    if None not in found:
        return None
    if fit.n == 0:
        return message("survival_statistics.reason.no_patients")
    kind = "follow_up" if reverse else "median"
    if found[0] is None:
        flat = abs(float(fit.survival[-1]) - 0.5) <= HALF
        why = "flat_to_end" if flat else "not_reached"
        return message(f"survival_statistics.reason.{kind}_{why}", last=days(fit.time[-1]))
    which = "both" if found[1] is None else "high"
    return message(f"survival_statistics.reason.limit_{which}", last=days(fit.time[-1]))
