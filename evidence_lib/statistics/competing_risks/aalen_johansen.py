"""The Aalen-Johansen estimate of all causes, with its variances and pointwise limits."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evidence_lib.conventions import KmInterval
from evidence_lib.language import Message, message
from evidence_lib.statistics.competing_risks.inputs import Observed
from evidence_lib.statistics.inputs import Counts, Floats
from evidence_lib.statistics.survival.inputs import TIE, Curve, days, starts_of
from evidence_lib.statistics.survival.kaplan_meier import pointwise_limits

Variance = Literal["aalen", "greenwood"]
# Differences below this share of the terms they come from are rounding errors.
ROUNDING = 1e-12


@dataclass(frozen=True, eq=False)
class Incidence:
    """The Aalen-Johansen estimate at the m distinct times of one group of patients.

    ``n_events`` and ``incidence`` (causes, m); ``before`` and ``survival`` (m,) are the Kaplan-Meier estimate of being
    free of every event just before and at each time.
    """

    time: Floats
    n_at_risk: Counts
    n_events: Counts
    n_censored: Counts
    before: Floats
    survival: Floats
    incidence: Floats

    @property
    def n(self) -> int:
        """Patients."""
        return int(self.n_at_risk[0]) if self.time.size else 0

    def row_at(self, time: float) -> int:
        """The row that holds at this time, -1 before the first."""
        return int(np.searchsorted(self.time, time * (1 + TIE), side="right")) - 1

    def unknown_at(self, time: float) -> Message | None:
        """Why the estimate is not known at this time; None where it is."""
        if self.n == 0:
            return message("survival_statistics.reason.no_patients")
        if time > self.time[-1] * (1 + TIE) and self.survival[-1] > 0:
            return message("survival_statistics.reason.past_follow_up", time=days(time), last=days(self.time[-1]))
        return None

    def std_error(self, number: int, kind: Variance) -> Floats:
        """The standard error (m,) of the incidence of a cause, 0 where it has not happened yet.

        The increments of the cumulative hazards at u move the incidence at t by S(u-) (1 + w) for this cause and by
        S(u-) w for another, w = (F(u) - F(t)) / S(u); they are linear in F(t), so that all t share their sums over u.
        """
        y, f = self.n_at_risk.astype(float), self.incidence[number - 1]
        own, every = self.n_events[number - 1].astype(float), self.n_events.sum(axis=0).astype(float)
        if kind == "aalen":
            constant = own * _ties(own, y)
            cross, square = constant, constant + (every - own) * _ties(every - own, y)
        else:
            constant, cross, square = own - own**2 / y, own - own * every / y, every - every**2 / y
        inverse = np.divide(1.0, self.survival, out=np.zeros_like(f), where=self.survival > 0)
        weight, alpha = (self.before / y) ** 2, f * inverse
        plain = np.cumsum(weight * (constant + 2 * alpha * cross + alpha**2 * square))
        linear = np.cumsum(weight * inverse * (cross + alpha * square))
        quadratic = np.cumsum(weight * inverse**2 * square)
        variance: Floats = plain - 2 * f * linear + f**2 * quadratic
        return np.sqrt(np.where((f > 0) & (variance > ROUNDING * plain), variance, 0.0))

    def limits(self, number: int, kind: Variance, conf_type: KmInterval, level: float) -> tuple[Floats, Floats]:
        """The pointwise limits (m,) of the incidence of a cause, NaN where there are none."""
        f, error = self.incidence[number - 1], self.std_error(number, kind)
        known = error > 0
        relative = np.divide(error, f, out=np.zeros_like(f), where=known)
        # The scales are those of a survival probability, applied to the incidence itself.
        low, high = pointwise_limits(
            Curve(self.time, self.n_at_risk, self.n_events[0], self.n_censored, f, relative**2),
            conf_type,
            level,
        )
        return np.where(known, low, np.nan), np.where(known, high, np.nan)


def incidence(data: Observed) -> Incidence:
    """The Aalen-Johansen estimate; events come before censorings at the same time."""
    order = np.argsort(data.time, kind="stable")
    time, code = data.time[order], data.code[order]
    starts = starts_of(time)
    n_at_risk = time.size - starts
    counts = np.zeros((len(data.causes) + 1, starts.size), dtype=np.int64)
    np.add.at(counts, (code, np.searchsorted(starts, np.arange(time.size), side="right") - 1), 1)
    n_events = counts[1:]
    survival = np.cumprod((n_at_risk - n_events.sum(axis=0)) / n_at_risk)
    before = np.concatenate([np.ones(min(starts.size, 1)), survival[:-1]])
    found = np.cumsum(before * n_events / n_at_risk, axis=1)
    # The scales of the limits have no derivative at 1, which rounding must not hide.
    found[found > 1 - ROUNDING] = 1.0
    return Incidence(time[starts], n_at_risk, n_events, counts[0], before, survival, found)


def _ties(d: Floats, n: Floats) -> Floats:
    """The correction for d events at once among n at risk, 1 where there is one event or none."""
    return 1 - np.maximum(d - 1, 0) / np.maximum(n - 1, 1)
