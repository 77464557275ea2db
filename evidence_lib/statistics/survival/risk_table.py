"""The risk sets at the event times, from which every test of the log-rank kind is made."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evidence_lib.statistics.inputs import Counts, Flags, Floats
from evidence_lib.statistics.survival.inputs import starts_of


@dataclass(frozen=True)
class RiskTable:
    """Risk sets at the m event times of all strata, one stratum after the other.

    ``time``, ``n_at_risk`` and ``n_events`` (m,) count all arms; ``share`` (k, m) is each arm's share of those at risk
    and ``excess`` (k, m) its events less those expected, ``share`` times ``n_events``. ``stratum`` (m,) numbers the
    strata.
    """

    time: Floats
    n_at_risk: Floats
    n_events: Floats
    share: Floats
    excess: Floats
    stratum: Counts

    @property
    def spread(self) -> Floats:
        """The hypergeometric variance of the events of an arm is this (m,) times ``share`` (1 - ``share``)."""
        n, d = self.n_at_risk, self.n_events
        # With one patient at risk the variance is 0, whatever the denominator.
        return d * (n - d) / np.maximum(n - 1, 1)


def risk_table(time: Floats, event: Flags, arms: Flags, stratum: Counts | None) -> RiskTable:
    """The table of checked times; ``arms`` (k, n) flags the patients of each arm."""
    order = np.argsort(time) if stratum is None else np.lexsort((time, stratum))
    ordered, some, here = time.take(order), event.take(order), arms.take(order, axis=1)
    starts = starts_of(ordered)
    if stratum is not None:
        block = starts_of(stratum.take(order))
        starts = np.union1d(starts, block)
    n_events = np.add.reduceat(some, starts, dtype=float)
    arm_events = np.add.reduceat(here & some, starts, axis=1, dtype=float)
    rows = n_events.nonzero()[0]
    at, d = starts.take(rows), n_events.take(rows)
    # Everybody from a place in the order on is at risk there, up to the end of the stratum.
    onward = here[:, ::-1].cumsum(axis=1)[:, ::-1]
    n, arm_n, number = time.size - at, onward.take(at, axis=1), np.zeros(at.size, dtype=np.int64)
    if stratum is not None:
        number = np.searchsorted(block, at, side="right") - 1
        ends = np.append(block, time.size)[number + 1]
        n = ends - at
        arm_n = arm_n - np.pad(onward, ((0, 0), (0, 1))).take(ends, axis=1)
    share = arm_n / n
    return RiskTable(ordered.take(at), n.astype(float), d, share, arm_events.take(rows, axis=1) - share * d, number)
