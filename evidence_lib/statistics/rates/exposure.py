"""Adverse events per time of exposure: patients with a first event, and all events."""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import replace
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import Flags, Floats, checked_level, choice, numbers, refuse, with_labels
from evidence_lib.statistics.rates.comparison import rate_difference
from evidence_lib.statistics.rates.inputs import DAYS, Per, counted
from evidence_lib.statistics.rates.one_arm import incidence_rate

EventVariance = Literal["robust", "poisson"]


def exposure_adjusted_incidence(
    events: ArrayLike,
    time_to_first: ArrayLike,
    exposure: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    event_variance: EventVariance = "robust",
    per: Per = "100 patient-years",
    conf_level: float = 0.95,
) -> Estimates:
    """Exposure-adjusted incidence and event rates of two arms, and their differences, treated minus reference.

    Incidence rate (EAIR): patients with an event over the days until the first event, or the end of exposure without
    one; exact Poisson limits, and for the difference the score limits of ``rate_difference``. Event rate (EAER): all
    events over all exposure. Its events come several to a patient, so its variance is that of a ratio of sums,
    n / (n - 1) sum((x_i - r t_i)^2) / T^2 (Cochran 1977, equation 2.46), with limits normal on the log scale for a rate
    and on its own for a difference; ``poisson`` takes events as independent, with the limits of the incidence rate.

    Assumes a rate that is constant over exposure: where events come early, a longer exposure lowers the rate.
    Misreading: the incidence rate is no share of patients, and two arms with different exposure can have equal rates
    and different risks.

    Parameters
    ----------
    events : array of n
        Events of each patient during exposure, whole numbers.
    time_to_first : array of n
        Days until the first event, or until the end of exposure for a patient without one.
    exposure : array of n
        Days exposed, no less than ``time_to_first``.
    group : array of n labels
        Arms; patients of other arms are left out.
    treatment, reference : str or number
        The two arms.
    event_variance : {"robust", "poisson"}
        For the event rate.
    per : {"patient-day", "patient-year", "100 patient-years", "1000 patient-years"}
        The unit of the rates; a year is 365.25 days.
    conf_level : float
        Of the limits.

    Returns
    -------
    Estimates
        ``rate.exposure_adjusted_incidence`` and ``rate.exposure_adjusted_events`` of each arm (``groups["arm"]``), the
        treated first, then ``.difference`` of each. Status ``not_estimable`` for an arm without exposure; without
        events, or with one patient, the robust variance does not exist and the rate stands without limits.

    Raises
    ------
    InvalidInput
        For counts that are not whole, times that are negative, missing or past the exposure, a patient without events
        whose time to the first is not the exposure, equal arms, a wrong choice.
    """
    level, variance = checked_level(conf_level), choice(event_variance, EventVariance, "event_variance")
    unit = DAYS[choice(per, Per, "per")]
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    x, t = counted(events, exposure)
    first = numbers(time_to_first, "time_to_first")
    if first.size != t.size:
        raise InvalidInput("time_to_first and exposure differ in length", found=f"{first.size} and {t.size}")
    wrong = ~np.isfinite(first) | (first < 0) | (first > t)
    refuse(wrong, "time_to_first", "days between 0 and the end of exposure", "another time")
    refuse((x == 0) & (first != t), "time_to_first", "the end of exposure without an event", "an earlier time")
    arms = with_labels(group, "group", t.size, (treatment, reference))
    ever = np.minimum(x, 1)
    labels = np.where(arms[0], 0, np.where(arms[1], 1, 2))
    compared: dict[str, Any] = {"treatment": 0, "reference": 1, "per": per, "conf_level": level}
    pair = {"treatment": treatment, "reference": reference}

    def found() -> Iterator[Estimate]:
        incidence = "rate.exposure_adjusted_incidence"
        for rows, label in zip(arms, (treatment, reference), strict=True):
            rate = incidence_rate(ever[rows], first[rows], per=per, conf_level=level)
            yield _as(rate, incidence, {"arm": label}, rows, "incidence")
        difference = rate_difference(ever, first, labels, **compared)
        yield _as(difference, f"{incidence}.difference", pair, arms[0] | arms[1], "incidence_difference")
        event = "rate.exposure_adjusted_events"
        if variance == "poisson":
            for rows, label in zip(arms, (treatment, reference), strict=True):
                rate = incidence_rate(x[rows], t[rows], per=per, conf_level=level)
                yield _as(rate, event, {"arm": label}, rows, "events")
            difference = rate_difference(x, t, labels, **compared)
            yield _as(difference, f"{event}.difference", pair, arms[0] | arms[1], "events_difference")
            return
        shared: dict[str, Any] = {"unit": f"per {per}", "conf_level": level}
        sums = [_ratio(x[rows], t[rows]) for rows in arms]
        for rows, label, (rate_, error) in zip(arms, (treatment, reference), sums, strict=True):
            yield _robust_rate(
                {**shared, "analysis": event, "groups": {"arm": label}, "n": int(rows.sum())},
                x[rows],
                rate_,
                error,
                unit,
            )
        both = arms[0] | arms[1]
        yield _robust_difference(
            {**shared, "analysis": f"{event}.difference", "groups": pair, "n": int(both.sum())}, x[both], sums, unit
        )

    return Estimates(tuple(found()))


def _as(estimate: Estimate, analysis: str, groups: Any, rows: Flags, kind: str) -> Estimate:
    method = message(f"rates_statistics.method.exposure_{kind}", limits=estimate.method)
    return replace(estimate, analysis=analysis, groups=groups, n=int(rows.sum()), method=method)


def _ratio(x: Floats, t: Floats) -> tuple[float | None, float | None]:
    """Events per day, and the standard error of this ratio of sums; None where it does not exist."""
    total, n = float(t.sum()), x.size
    if total == 0:
        return None, None
    rate = float(x.sum()) / total
    if n < 2 or rate == 0:
        return rate, None
    return rate, math.sqrt(n / (n - 1) * float(((x - rate * t) ** 2).sum())) / total


def _robust_rate(shared: dict[str, Any], x: Floats, rate: float | None, error: float | None, unit: float) -> Estimate:
    shared |= {"events": int(x.sum()), "method": message("rates_statistics.method.exposure_events_robust")}
    if rate is None:
        return Estimate(**shared, status="not_estimable", reason=message("rates_statistics.reason.no_exposure"))
    if not error:
        return Estimate(**shared, estimate=rate * unit, reason=message("rates_statistics.reason.no_variance"))
    factor = math.exp(normal_quantile(shared["conf_level"]) * error / rate)
    return Estimate(
        **shared,
        estimate=rate * unit,
        std_error=error * unit,
        conf_low=rate / factor * unit,
        conf_high=rate * factor * unit,
    )


def _robust_difference(
    shared: dict[str, Any], x: Floats, sums: list[tuple[float | None, float | None]], unit: float
) -> Estimate:
    shared |= {"events": int(x.sum()), "method": message("rates_statistics.method.exposure_events_robust_difference")}
    (one, error1), (zero, error0) = sums
    if one is None or zero is None:
        return Estimate(**shared, status="not_estimable", reason=message("rates_statistics.reason.no_exposure"))
    if not error1 or not error0:
        reason = message("rates_statistics.reason.no_variance")
        return Estimate(**shared, estimate=(one - zero) * unit, reason=reason)
    error = math.hypot(error1, error0)
    half = normal_quantile(shared["conf_level"]) * error
    return Estimate(
        **shared,
        estimate=(one - zero) * unit,
        std_error=error * unit,
        conf_low=(one - zero - half) * unit,
        conf_high=(one - zero + half) * unit,
        p_value=two_sided_p((one - zero) / error),
    )
