"""The Kaplan-Meier estimate of staying uncensored, from which the weights of the Fine-Gray model come."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evidence_lib.statistics.inputs import Counts, Flags, Floats


@dataclass(frozen=True, eq=False)
class Censoring:
    """The estimate in one group of patients, at its distinct times of censoring.

    ``patients`` are the places of the group in the data. ``count`` patients are censored at ``time``, of ``n_at_risk``
    with an observed time that is not earlier, those with an event at that time among them. ``curve`` (times + 1,) is
    the estimate before the first time and from each on; after ``last``, the group's last observed time, it is 0.
    """

    patients: Counts
    time: Floats
    count: Floats
    n_at_risk: Floats
    curve: Floats
    last: float

    def before(self, time: Floats) -> Floats:
        """G(t-), the probability of being uncensored just before each time."""
        found: Floats = np.where(time > self.last, 0.0, self.curve[np.searchsorted(self.time, time, side="left")])
        return found

    def influence(self, observed: Floats, censored: Flags, q: Floats) -> Floats:
        """The integral of q(u) / n(u) over each patient's martingale of censoring: (p, patients of the group).

        ``q`` is (p, times); ``observed`` and ``censored`` are of the group's patients.
        """
        until = np.searchsorted(self.time, observed, side="right")
        compensator = np.cumsum(q * self.count / self.n_at_risk**2, axis=1)
        found = -np.concatenate([np.zeros((q.shape[0], 1)), compensator], axis=1)[:, until]
        at = until[censored] - 1
        found[:, censored] += q[:, at] / self.n_at_risk[at]
        return found


def censoring(time: Floats, censored: Flags, group: Counts) -> list[Censoring]:
    """The estimate of each group, in the order of their numbers."""
    return [_of_group(time, censored, np.flatnonzero(group == number)) for number in np.unique(group)]


def _of_group(time: Floats, censored: Flags, patients: Counts) -> Censoring:
    here = np.sort(time[patients])
    moments, count = np.unique(time[patients[censored[patients]]], return_counts=True)
    n_at_risk = (here.size - np.searchsorted(here, moments, side="left")).astype(float)
    curve = np.concatenate([np.ones(1), np.cumprod(1 - count / n_at_risk)])
    return Censoring(patients, moments, count.astype(float), n_at_risk, curve, float(here[-1]))
