"""The mean cumulative function: how many events a subject has had, on average, by a time."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import Counts, Floats, checked_level, labelled
from evidence_lib.statistics.recurrent_events.inputs import Intervals, checked_intervals, of_subjects
from evidence_lib.statistics.survival.inputs import TIE, checked_times, days

MeanInterval = Literal["log", "plain"]
COLUMNS = ["time", "n_at_risk", "n_events", "mean_events", "std_error", "conf_low", "conf_high"]


@dataclass(frozen=True, eq=False)
class _Mean:
    """The estimate at its event times: at risk, events, and the mean from each on.

    Of each interval: ``begin`` and ``end`` are how many event times there are up to its start and its stop.
    """

    intervals: Intervals
    time: Floats
    n_at_risk: Counts
    n_events: Counts
    mean: Floats
    begin: Counts
    end: Counts

    @property
    def last(self) -> float:
        """When observation ends."""
        return float(self.intervals.stop.max())

    def row_at(self, time: float) -> int:
        """The row that holds at this time, -1 before the first event."""
        return int(np.searchsorted(self.time, time * (1 + TIE), side="right")) - 1

    def variance_at(self, row: int) -> float:
        """The robust variance of the mean from this row on: the sum of the subjects' squared contributions."""
        if row < 0:
            return 0.0
        given = self.intervals
        expected = np.concatenate([[0.0], np.cumsum(self.n_events[: row + 1] / self.n_at_risk[: row + 1] ** 2.0)])
        own = expected[np.minimum(self.begin, row + 1)] - expected[np.minimum(self.end, row + 1)]
        seen = given.event & (self.end <= row + 1)
        own[seen] += 1 / self.n_at_risk[self.end[seen] - 1]
        return float((np.bincount(given.subject, weights=own) ** 2).sum())


def mean_cumulative_function(
    subject: ArrayLike,
    start: ArrayLike,
    stop: ArrayLike,
    event: ArrayLike,
    *,
    conf_type: MeanInterval = "log",
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """Mean cumulative function of one arm: the mean number of events per subject up to each time.

    M(t) is the sum over event times s <= t of d(s) / Y(s), with d(s) events among Y(s) subjects under observation
    (Nelson 1988, J Qual Technol 20:24). Its variance is the sum over subjects of the square of
    sum_(s <= t) (dN_i(s) - Y_i(s) d(s) / Y(s)) / Y(s) (Lawless & Nadeau 1995, Technometrics 37:158, section 2), which
    does not take a subject's events as independent of each other; R's ``survfit`` with ``id`` gives the same. The
    pointwise limits are M exp(+-z se / M) (``log``) or M +- z se, not below 0 (``plain``).

    Assumes that observation ends and pauses independently of the events. Misreading: it is a mean over all subjects; a
    few with many events can carry it, and subjects who died are not counted as free of events but as no longer seen.

    Parameters
    ----------
    subject : array of n labels
        Whose interval a row is.
    start, stop : array of n
        Days; the subject is observed after ``start``, up to and including ``stop``.
    event : array of n
        1 or True where an event happens at ``stop``, else 0 or False.
    conf_type : "log" or "plain"
        Scale of the limits.
    conf_level : float
        Level of the limits, at each time.

    Returns
    -------
    DataFrame
        One row per event time, first a row at time 0: ``time`` (days), ``n_at_risk`` subjects under observation there,
        ``n_events`` at that time, ``mean_events``, ``std_error``, ``conf_low``, ``conf_high``. Limits are NaN where the
        standard error is 0. No rows without intervals.

    Raises
    ------
    InvalidInput
        For times that are negative or not finite, an interval without length, intervals of one subject that overlap,
        events other than 0 and 1, missing subjects, unequal lengths, a wrong choice.
    """
    given = checked_intervals(subject, start, stop, event)
    chosen, level = _checked_type(conf_type), checked_level(conf_level)
    if given.stop.size == 0:
        return pd.DataFrame({name: np.empty(0) for name in COLUMNS})
    found = _mean(given)
    error = np.sqrt([found.variance_at(row) for row in range(found.time.size)])
    limits = [
        _limits(mean, se, chosen, level) or (math.nan, math.nan) for mean, se in zip(found.mean, error, strict=True)
    ]
    low, high = np.array(limits).reshape(-1, 2).T
    values = [found.time, found.n_at_risk, found.n_events, found.mean, error, low, high]
    first = pd.DataFrame([[0.0, int((given.start == 0).sum()), 0, 0.0, 0.0, math.nan, math.nan]], columns=COLUMNS)
    frame = pd.DataFrame(dict(zip(COLUMNS, values, strict=True)))
    return pd.concat([first, frame.astype(first.dtypes)], ignore_index=True) if len(frame) else first


def mean_cumulative_at(
    subject: ArrayLike,
    start: ArrayLike,
    stop: ArrayLike,
    event: ArrayLike,
    *,
    times: ArrayLike,
    conf_type: MeanInterval = "log",
    conf_level: float = 0.95,
) -> Estimates:
    """Mean number of events per subject up to given times, with pointwise limits: see ``mean_cumulative_function``.

    Misreading: as there; and a mean of 2 does not say that most subjects have had two events.

    Parameters
    ----------
    subject : array of n labels
        Whose interval a row is.
    start, stop : array of n
        Days; the subject is observed after ``start``, up to and including ``stop``.
    event : array of n
        1 or True where an event happens at ``stop``, else 0 or False.
    times : array
        Days to report at.
    conf_type : "log" or "plain"
        Scale of the limits.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Estimates
        One ``mcf.mean`` per time, in ``groups["time"]``, in events per subject; ``n`` counts subjects and ``events``
        all events. Status ``not_estimable`` past the last time of observation. Where the standard error is 0 (no event
        yet, or one subject) the estimate stands without limits, with a reason.

    Raises
    ------
    InvalidInput
        As ``mean_cumulative_function``, and for times to report at that are negative or stand twice.
    """
    given = checked_intervals(subject, start, stop, event)
    chosen, level = _checked_type(conf_type), checked_level(conf_level)
    found = _mean(given) if given.stop.size else None

    def one(t: float) -> Estimate:
        shared: dict[str, Any] = {
            "analysis": "mcf.mean",
            "unit": "events per subject",
            "groups": {"time": days(t)},
            "conf_level": level,
            "n": given.subjects,
            "events": int(given.event.sum()),
            "method": message("recurrent_events_statistics.method.mean", interval=_interval_name(chosen)),
        }
        unknown = _unknown_at(found, t)
        if unknown is not None or found is None:
            return Estimate(**shared, status="not_estimable", reason=unknown)
        mean, error = _value_at(found, t)
        limits = _limits(mean, error, chosen, level)
        if limits is None:
            return Estimate(**shared, estimate=mean, std_error=error, reason=_no_limits(mean))
        return Estimate(**shared, estimate=mean, std_error=error, conf_low=limits[0], conf_high=limits[1])

    return Estimates(tuple(one(t) for t in checked_times(times)))


def mean_cumulative_difference(
    subject: ArrayLike,
    start: ArrayLike,
    stop: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    times: ArrayLike,
    conf_level: float = 0.95,
) -> Estimates:
    """Difference of two arms' mean numbers of events per subject up to given times, treated minus reference.

    The robust variances of the two mean cumulative functions add up; interval and test are normal (Cook & Lawless 2007,
    The Statistical Analysis of Recurrent Events, section 3.6.2). Below 0 favours the treatment for a bad event.

    Assumes what ``mean_cumulative_function`` does, in each arm. Misreading: it compares the arms up to that time only,
    and where the treatment also changes how long subjects live it compares different survivors.

    Parameters
    ----------
    subject : array of n labels
        Whose interval a row is.
    start, stop : array of n
        Days; the subject is observed after ``start``, up to and including ``stop``.
    event : array of n
        1 or True where an event happens at ``stop``, else 0 or False.
    group : array of n
        Arm labels, the same in all rows of a subject.
    treatment, reference : label
        The two arms compared.
    times : array
        Days to report at.
    conf_level : float
        Level of the intervals.

    Returns
    -------
    Estimates
        One ``mcf.difference`` per time, in events per subject. Status ``not_estimable`` where either arm is; without
        limits and p-value where no arm has had an event, or both standard errors are 0.

    Raises
    ------
    InvalidInput
        As ``mean_cumulative_at``; for equal arms, missing arm labels, an arm that changes within a subject.
    """
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    given = checked_intervals(subject, start, stop, event)
    labels, level = labelled(group, "group", given.stop.size), checked_level(conf_level)
    of_subjects(given, labels, "group")
    parts = [given.of(labels == arm) for arm in (treatment, reference)]
    means = [_mean(part) if part.stop.size else None for part in parts]

    def one(t: float) -> Estimate:
        shared: dict[str, Any] = {
            "analysis": "mcf.difference",
            "unit": "events per subject",
            "groups": {"time": days(t), "treatment": treatment, "reference": reference},
            "conf_level": level,
            "n": sum(part.subjects for part in parts),
            "events": sum(int(part.event.sum()) for part in parts),
            "method": message("recurrent_events_statistics.method.difference"),
        }
        values = []
        for found, arm in zip(means, (treatment, reference), strict=True):
            unknown = _unknown_at(found, t)
            if unknown is not None or found is None:
                reason = message("recurrent_events_statistics.reason.in_arm", arm=str(arm), reason=unknown or "")
                return Estimate(**shared, status="not_estimable", reason=reason)
            values.append(_value_at(found, t))
        difference = values[0][0] - values[1][0]
        error = math.hypot(values[0][1], values[1][1])
        if not error > 0:
            reason = _no_limits(max(values[0][0], values[1][0]))
            return Estimate(**shared, estimate=difference, std_error=error, reason=reason)
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


def _mean(given: Intervals) -> _Mean:
    time, n_events = np.unique(given.stop[given.event], return_counts=True)
    entered = np.searchsorted(np.sort(given.start), time, side="left")
    left = np.searchsorted(np.sort(given.stop), time, side="left")
    n_at_risk = entered - left
    begin, end = (np.searchsorted(time, values, side="right") for values in (given.start, given.stop))
    return _Mean(given, time, n_at_risk, n_events, np.cumsum(n_events / n_at_risk), begin, end)


def _value_at(found: _Mean, time: float) -> tuple[float, float]:
    row = found.row_at(time)
    return (0.0, 0.0) if row < 0 else (float(found.mean[row]), math.sqrt(found.variance_at(row)))


def _limits(mean: float, error: float, conf_type: MeanInterval, level: float) -> tuple[float, float] | None:
    # A single subject's contributions cancel but for rounding.
    if not error > 1e-12 * mean:
        return None
    half = normal_quantile(level) * error
    if conf_type == "plain":
        return max(mean - half, 0.0), mean + half
    return mean * math.exp(-half / mean), mean * math.exp(half / mean)


def _no_limits(mean: float) -> Message:
    if mean == 0:
        return message("recurrent_events_statistics.reason.no_events_yet")
    return message("recurrent_events_statistics.reason.no_variance")


def _unknown_at(found: _Mean | None, time: float) -> Message | None:
    if found is None:
        return message("recurrent_events_statistics.reason.no_subjects")
    if time > found.last * (1 + TIE):
        return message("recurrent_events_statistics.reason.past_follow_up", time=days(time), last=days(found.last))
    return None


def _checked_type(conf_type: MeanInterval) -> MeanInterval:
    if conf_type not in get_args(MeanInterval):
        raise InvalidInput("unknown conf_type", expected=" or ".join(get_args(MeanInterval)), found=repr(conf_type))
    return conf_type


def _interval_name(conf_type: MeanInterval) -> Message:
    return message(f"recurrent_events_statistics.interval.{conf_type}")
