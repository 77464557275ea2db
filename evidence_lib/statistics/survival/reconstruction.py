"""Patients behind a published Kaplan-Meier curve, from its digitised points and the numbers at risk."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import Counts, Floats, numbers, refuse

# An interval's censorings are found by repeating a step that usually needs two or three; it may also oscillate.
ROUNDS = 1000
# More patients than any trial has; a row is made for each.
MOST = 10_000_000


@dataclass
class _Walk:
    """The walk along the points of a curve: at risk before each, events and censorings from each to the next."""

    time: Floats
    survival: Floats
    at_risk: Counts
    events: Counts
    censored: Counts
    fitted: Floats

    def spread(self, first: int, stop: int, count: int) -> None:
        """Censorings evenly between two points, each at the point before it."""
        self.censored[first:stop] = 0
        if count > 0 and stop > first:
            when = self.time[first] + np.arange(1, count + 1) * (self.time[stop] - self.time[first]) / (count + 1)
            place = np.clip(np.searchsorted(self.time, when, side="left") - 1, first, stop - 1)
            self.censored += np.bincount(place, minlength=self.censored.size)

    def follow(self, first: int, stop: int, last: int) -> int:
        """Events at each point that make the estimate equal the curve read; returns the last point with events."""
        for k in range(first, stop):
            at_risk, level = int(self.at_risk[k]), self.fitted[last]
            events = 0
            if k > 0 and at_risk > 0 and level > 0:
                events = min(max(_rounded(at_risk * (1 - self.survival[k] / level)), 0), at_risk)
            self.events[k] = events
            self.fitted[k] = level * (1 - events / at_risk) if at_risk > 0 else level
            self.censored[k] = min(self.censored[k], at_risk - events)
            self.at_risk[k + 1] = at_risk - events - self.censored[k]
            if events:
                last = k
        return last


def reconstruct_patients(curve: pd.DataFrame, at_risk: pd.DataFrame, *, events: int | None = None) -> pd.DataFrame:
    """Times and events that give back a published Kaplan-Meier curve, by the algorithm of Guyot and others.

    Guyot, Ades, Ouwens & Welton (2012, BMC Med Res Methodol 12:9): within each interval of the at-risk table censoring
    is taken as even; the number of censorings is adjusted until the number at risk at the interval's end is met, the
    events at each point being those that make the product-limit estimate equal the curve read, d = n (1 - S / S_before)
    rounded. After the last number at risk censoring goes on at its average rate so far, or is adjusted until the total
    of events is met. Run it for each arm.

    Assumes even censoring within intervals, and a curve read exactly; without ``events`` the tail is a guess.

    Misreading: the patients are not the trial's. They carry no covariates, so an adjusted or stratified analysis
    cannot be repeated with them, and what is computed from them has the error of reading on top of its own.

    Parameters
    ----------
    curve : DataFrame
        The points read, in order of time: ``time`` in days and ``survival`` between 0 and 1. A point at time 0 with
        survival 1 is added where it lacks. Survival that rises, from an unsteady hand, is lowered to the value before.
    at_risk : DataFrame
        The table under the figure: ``time`` in days, the first 0, and ``n_at_risk``, whole numbers.
    events : int, optional
        Events in all, where the publication tells.

    Returns
    -------
    DataFrame
        One row per patient in order of time: ``time`` (days) and ``event`` (True or False). As many rows as patients at
        risk at time 0.

    Raises
    ------
    InvalidInput
        For missing columns, times that are negative or do not increase, survival outside 0 to 1, numbers at risk that
        rise or are no whole numbers, a table that does not begin at 0 or runs past the curve, more events than
        patients.
    """
    time, survival = _points(curve)
    start, n = _table(at_risk, time)
    if events is not None and (isinstance(events, bool) or events not in range(int(n[0]) + 1)):
        raise InvalidInput("events cannot be used", expected=f"a whole number up to {n[0]}", found=repr(events))
    time, survival = _with_points_at(start, time, survival)
    lower = np.searchsorted(time, start, side="left")
    points = time.size
    walk = _Walk(
        time,
        survival,
        np.full(points + 1, n[0], dtype=np.int64),
        np.zeros(points, np.int64),
        np.zeros(points, np.int64),
        np.ones(points),
    )
    last, lost = 0, 0
    for i in range(lower.size - 1):
        last, count, n[i + 1] = _interval(walk, int(lower[i]), int(lower[i + 1]), int(n[i]), int(n[i + 1]), last)
        lost += count
    _tail(walk, int(lower[-1]), int(n[-1]), last, lost, events)
    return _patients(walk, int(n[0]))


def _interval(walk: _Walk, first: int, stop: int, n: int, following: int, last: int) -> tuple[int, int, int]:
    """One interval of the table; returns the last point with events, its censorings, and who is at risk after it."""
    count = max(_rounded(n * walk.survival[stop] / walk.survival[first] - following), 0) if walk.survival[first] else 0
    best: tuple[int, int] | None = None
    for _ in range(ROUNDS):
        walk.spread(first, stop, count)
        walk.at_risk[first] = n
        end = walk.follow(first, stop, last)
        gap = int(walk.at_risk[stop]) - following
        if best is None or abs(gap) < best[0]:
            best = (abs(gap), count)
        if gap == 0 or (gap < 0 and count == 0):
            break
        step = max(count + gap, 0)
        if step == count:
            break
        count = step
    else:
        walk.spread(first, stop, best[1] if best else 0)
        end = walk.follow(first, stop, last)
    # Fewer are left than the table says, or the rounding does not meet it: the curve goes before the table.
    return end, int(walk.censored[first:stop].sum()), int(walk.at_risk[stop])


def _tail(walk: _Walk, first: int, n: int, last: int, lost: int, events: int | None) -> None:
    """From the last number at risk to the end of the curve."""
    stop = walk.time.size - 1
    walk.at_risk[first] = n
    before = int(walk.events[:first].sum())
    if events is not None and before >= events:
        walk.events[first:], walk.censored[first:] = 0, 0
        walk.at_risk[first + 1 :] = n
        return
    passed = walk.time[first] - walk.time[0]
    count = min(_rounded(lost * (walk.time[stop] - walk.time[first]) / passed), n) if passed > 0 else 0

    def run(censored: int) -> int:
        walk.spread(first, stop, censored)
        walk.at_risk[first] = n
        walk.follow(first, stop + 1, last)
        return int(walk.events[first:].sum()) + before

    found = run(count)
    if events is None:
        return
    best = (abs(found - events), count)
    for _ in range(ROUNDS):
        step = min(max(count + found - events, 0), n)
        if step == count:
            break
        count, found = step, run(step)
        best = min(best, (abs(found - events), count))
    if count != best[1]:
        run(best[1])


def _patients(walk: _Walk, n: int) -> pd.DataFrame:
    """Events at their points, censorings half-way to the next one, and who is left at the last point."""
    halfway = np.concatenate([(walk.time[:-1] + walk.time[1:]) / 2, walk.time[-1:]])
    time = np.concatenate([np.repeat(walk.time, walk.events), np.repeat(halfway, walk.censored)])
    left = n - time.size
    event = np.concatenate([np.ones(int(walk.events.sum()), bool), np.zeros(int(walk.censored.sum()) + left, bool)])
    time = np.concatenate([time, np.full(left, walk.time[-1])])
    order = np.lexsort((~event, time))
    return pd.DataFrame({"time": time[order], "event": event[order]})


def _points(curve: pd.DataFrame) -> tuple[Floats, Floats]:
    time, survival = (_column(curve, name, "curve") for name in ("time", "survival"))
    if time.size == 0:
        raise InvalidInput("the curve has no points", where="curve", expected="points read from the figure")
    refuse(~np.isfinite(time) | (time < 0), "curve: time", "zero or more days", "a negative or missing time")
    refuse(
        ~np.isfinite(survival) | (survival < 0) | (survival > 1),
        "curve: survival",
        "between 0 and 1",
        "a value outside",
    )
    refuse(
        np.concatenate([[False], np.diff(time) < 0]), "curve: time", "points in order of time", "a time before the last"
    )
    if time[0] > 0 or survival[0] < 1:
        time, survival = np.concatenate([[0.0], time]), np.concatenate([[1.0], survival])
    return time, np.minimum.accumulate(survival)


def _with_points_at(start: Floats, time: Floats, survival: Floats) -> tuple[Floats, Floats]:
    """The curve with a point at each time of the table, so that no censoring is placed on the wrong side of one."""
    missing = np.setdiff1d(start, time)
    before = survival[np.searchsorted(time, missing, side="right") - 1]
    order = np.argsort(np.concatenate([time, missing]), kind="stable")
    return np.concatenate([time, missing])[order], np.concatenate([survival, before])[order]


def _table(at_risk: pd.DataFrame, time: Floats) -> tuple[Floats, Counts]:
    start, count = (_column(at_risk, name, "at_risk") for name in ("time", "n_at_risk"))
    if start.size == 0 or start[0] != 0:
        raise InvalidInput("the table cannot be used", where="at_risk", expected="a first row at time 0")
    refuse(np.concatenate([[False], ~(np.diff(start) > 0)]), "at_risk: time", "times that increase", "a time before")
    whole = (count >= 0) & (count <= MOST) & (count == np.round(count))
    refuse(~whole, "at_risk: n_at_risk", "whole numbers of patients", "another value")
    refuse(np.concatenate([[False], np.diff(count) > 0]), "at_risk: n_at_risk", "numbers that do not rise", "a rise")
    if start[-1] > time[-1]:
        raise InvalidInput(
            "the table runs past the curve",
            where="at_risk",
            expected=f"times up to {time[-1]:g}",
            found=f"{start[-1]:g}",
            mend="add the curve's last point, or leave the later rows out",
        )
    return start, count.astype(np.int64)


def _column(frame: pd.DataFrame, name: str, where: str) -> Floats:
    if not isinstance(frame, pd.DataFrame) or name not in frame:
        raise InvalidInput("a column is missing", where=where, expected=name)
    return numbers(frame[name], f"{where}: {name}")


def _rounded(value: float) -> int:
    return int(np.floor(value + 0.5))
