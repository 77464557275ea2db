"""The mortality of the general population, which a curve beyond follow-up must not fall below."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import Floats, numbers, refuse

GRID = 4000


@dataclass(frozen=True, eq=False)
class Background:
    """The hazard of death per day of comparable people of the general population, in steps.

    ``time`` (k,) holds the days since the start of follow-up at which each step begins, the first of them 0;
    ``hazard`` (k,) the hazard from there on. The last one holds for ever after. Make it with ``background``.
    """

    time: Floats
    hazard: Floats

    def at(self, times: Floats) -> Floats:
        """The hazard at these times."""
        return self.hazard[np.searchsorted(self.time, times, side="right") - 1]

    def cumulative(self, times: Floats) -> Floats:
        """The cumulative hazard at these times."""
        before = np.concatenate([[0.0], np.cumsum(self.hazard[:-1] * np.diff(self.time))])
        step = np.searchsorted(self.time, times, side="right") - 1
        return before[step] + self.hazard[step] * (times - self.time[step])

    def shortfall(self, times: Floats, hazard: Callable[[Floats], Floats]) -> Floats:
        """What the cumulative hazard lacks where ``hazard`` is below the background: the integral of the difference."""
        end = float(times.max(initial=0.0))
        if end == 0:
            return np.zeros_like(times)
        inside = self.time[(self.time > 0) & (self.time < end)]
        grid = np.unique(np.concatenate([np.linspace(0, end, GRID + 1), inside, times]))
        middle = (grid[1:] + grid[:-1]) / 2
        missing = np.maximum(self.at(middle) - hazard(middle), 0) * np.diff(grid)
        return np.concatenate([[0.0], np.cumsum(missing)])[np.searchsorted(grid, times)]


def background(time: ArrayLike, hazard: ArrayLike) -> Background:
    """The background mortality of a life table, as ``ParametricModel.survival`` takes it.

    Misreading: the hazard is per day; a yearly probability of death q is -log(1 - q) / 365.25 per day.

    Parameters
    ----------
    time : array of k
        Days since the start of follow-up at which each step begins; the first is 0, and they increase.
    hazard : array of k
        Deaths per person-day from there on, zero or more.

    Returns
    -------
    Background
        The steps.

    Raises
    ------
    InvalidInput
        For unequal lengths, times that do not begin at 0 or do not increase, negative or missing hazards.
    """
    start, rate = numbers(time, "time"), numbers(hazard, "hazard")
    if start.size != rate.size or start.size == 0:
        raise InvalidInput("time and hazard differ in length", found=f"{start.size} and {rate.size}")
    refuse(~np.isfinite(rate) | (rate < 0), "hazard", "zero or more per day", "a negative or missing hazard")
    if start[0] != 0 or not (np.diff(start) > 0).all():
        raise InvalidInput("time cannot be used", expected="days that begin at 0 and increase")
    return Background(start, rate)
