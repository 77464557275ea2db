"""What every survival statistic asks of its arguments, and the curve that most of them start from."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, get_args

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evidence_lib.conventions import Convention, KmInterval
from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import Counts, Flags, Floats, numbers, refuse, with_labels

# R's survfit and survdiff treat times as tied through floating-point error too (`timefix`). Their tolerance is
# relative to the mean time; this one is relative to the time itself, so that one huge time cannot tie the others.
TIE = 1e-9


@dataclass(frozen=True)
class Curve:
    """A Kaplan-Meier curve at its distinct times.

    ``log_variance`` is Greenwood's sum of d / (n (n - d)), the variance of log S; infinite where the curve is 0.
    """

    time: Floats
    n_at_risk: Counts
    n_events: Counts
    n_censored: Counts
    survival: Floats
    log_variance: Floats

    @property
    def n(self) -> int:
        """Patients."""
        return int(self.n_at_risk[0]) if self.time.size else 0

    @property
    def events(self) -> int:
        """Patients with the event."""
        return int(self.n_events.sum())

    @property
    def ends_at_zero(self) -> bool:
        """Whether nobody is left event-free at the last time, so that the curve is known for ever after."""
        return bool(self.survival[-1] == 0)

    def row_at(self, time: float) -> int:
        """The row that holds at this time, -1 before the first."""
        return int(np.searchsorted(self.time, time * (1 + TIE), side="right")) - 1

    def known_at(self, time: float) -> bool:
        """Whether follow-up reaches this time, or the curve is 0."""
        return bool(time <= self.time[-1] * (1 + TIE)) or self.ends_at_zero


def checked(time: ArrayLike, event: ArrayLike) -> tuple[Floats, Flags]:
    """Times with ties joined, and event flags. Raises InvalidInput; rows are named by number, from 1."""
    times = numbers(time, "time")
    marks = numbers(event, "event")
    if times.size != marks.size:
        raise InvalidInput(
            "time and event differ in length",
            expected="one of each per patient",
            found=f"{times.size} and {marks.size}",
        )
    ordered = np.sort(times)
    # A missing time is sorted last, so that the two ends tell whether all times can be used.
    if times.size and not (ordered[0] >= 0 and ordered[-1] < np.inf):
        refuse(~np.isfinite(times), "time", "a finite number of days", "a missing or infinite time")
        refuse(times < 0, "time", "zero or more days", "a negative time")
    flags = marks == 1
    if np.count_nonzero(flags) + np.count_nonzero(marks == 0) != marks.size:
        refuse(~np.isin(marks, (0.0, 1.0)), "event", "0 (censored) or 1 (event)", "another value")
    return _joined(times, ordered), flags


def join_ties(time: Floats) -> Floats:
    """Each time replaced by the first of the times it is tied with."""
    return _joined(time, np.sort(time))


def _joined(time: Floats, ordered: Floats) -> Floats:
    gap = ordered[1:] - ordered[:-1]
    apart = gap > TIE * ordered[1:]
    if np.count_nonzero(apart) == np.count_nonzero(gap):
        # No two times differ by rounding alone.
        return time.copy()
    starts = np.concatenate([ordered[:1], ordered[1:][apart]])
    return starts[np.searchsorted(starts, time, side="right") - 1]


def starts_of(ordered: NDArray[Any]) -> Counts:
    """Where each distinct value of a sorted array begins."""
    first = np.ones(ordered.size, dtype=bool)
    np.not_equal(ordered[1:], ordered[:-1], out=first[1:])
    return first.nonzero()[0]


def curve(time: Floats, event: Flags) -> Curve:
    """The Kaplan-Meier curve of checked times; events come before censorings at the same time."""
    order = np.argsort(time)
    ordered = time[order]
    starts = starts_of(ordered)
    n_at_risk = time.size - starts
    leaving = np.diff(starts, append=time.size)
    n_events = np.add.reduceat(event[order], starts, dtype=np.int64)
    staying = (n_at_risk - n_events).astype(np.float64)
    with np.errstate(divide="ignore"):
        survival = np.cumprod(staying / n_at_risk, dtype=np.float64)
        log_variance = np.cumsum(n_events / (n_at_risk * staying), dtype=np.float64)
    return Curve(ordered[starts], n_at_risk, n_events, leaving - n_events, survival, log_variance)


def arms(
    time: ArrayLike, event: ArrayLike, group: ArrayLike, *, treatment: str | float, reference: str | float
) -> tuple[tuple[Floats, Flags], tuple[Floats, Flags]]:
    """Checked times and events of the treated, then of the reference arm; patients of other arms are left out."""
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    times, events = checked(time, event)
    treated, control = with_labels(group, "group", times.size, (treatment, reference))
    return (times[treated], events[treated]), (times[control], events[control])


def of_arms(
    time: Floats, event: Flags, arms: Flags, stratum: Counts | None
) -> tuple[Floats, Flags, Flags, Counts | None]:
    """The patients of these arms; ``arms`` (k, n) flags those of each."""
    rows: Flags = np.logical_or.reduce(arms)
    if rows.all():
        return time, event, arms, stratum
    return time[rows], event[rows], arms[:, rows], None if stratum is None else stratum[rows]


def checked_interval(conf_type: KmInterval | None, convention: Convention) -> KmInterval:
    """The confidence interval type that was given, else the convention's."""
    chosen = convention.km_interval if conf_type is None else conf_type
    if chosen not in get_args(KmInterval):
        raise InvalidInput("unknown conf_type", expected=" or ".join(get_args(KmInterval)), found=repr(conf_type))
    return chosen


def checked_times(times: ArrayLike) -> list[float]:
    """Times to report at, in the given order; a single one may stand without a list."""
    values = numbers(np.atleast_1d(np.asarray(times)), "times")
    refuse(~np.isfinite(values) | (values < 0), "times", "zero or more days", "a negative, missing or infinite time")
    if np.unique(values).size != values.size:
        raise InvalidInput("times holds the same time twice", expected="each time once")
    return [float(value) for value in values]


def days(value: float) -> float | int:
    """A time as it is written: whole days without a decimal point."""
    return int(value) if float(value).is_integer() else float(value)
