"""The partial likelihood of Cox's model and its derivatives, by sums over risk sets.

Efron's likelihood has one term per event: with d tied events at t, event number l = 0, ..., d - 1 sees the risk set of
t with every tied patient counted as 1 - l / d (Efron 1977, J Am Stat Assoc 72:557). Breslow's counts them fully (1974,
Biometrics 30:89). With case weights w the risk exp(x' b) of a patient counts w times, the linear predictor of an event
w times, and the logarithm of each of the d sums W / d times, W being the weight of the tied events together (the
convention of R's ``coxph``; Therneau & Grambsch 2000, section 7.5).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np

from evidence_lib.statistics.cox.risk_sets import RiskSets
from evidence_lib.statistics.inputs import Counts, Floats

TieMethod = Literal["efron", "breslow"]
BLOCK = 1 << 14


@dataclass(frozen=True)
class Moments:
    """The log partial likelihood at one coefficient vector, with its derivatives.

    ``score`` is (p,), ``information`` (p, p).
    """

    log_likelihood: float
    score: Floats
    information: Floats


@dataclass(frozen=True, eq=False)
class _Shared:
    """The ties of several events under Efron's handling: ``at`` (k,) are their places among all ties.

    Event number l of a tie sees the risk ``staying`` + g ``leaving``, g = 1 - l / d: of those who have not, and who
    have, the event at that time. All are shares of the tie's risk set: their risk, and their risk times covariates
    (p, k). ``first`` (2, k) are the sums over the events of 1 / seen and g / seen, ``second`` (3, k) those of
    1 / seen^2, g / seen^2 and g^2 / seen^2, ``log`` (k,) those of log seen.
    """

    at: Counts
    staying: Floats
    leaving: Floats
    first: Floats
    second: Floats
    log: Floats

    def means(self) -> Floats:
        """Sums over the events of a tie of the mean covariates that they see."""
        return self.first[0] * self.staying + self.first[1] * self.leaving

    def means_over_seen(self, power: int) -> Floats:
        """The same with each mean times g^power / seen."""
        return self.second[power] * self.staying + self.second[power + 1] * self.leaving

    def products(self, weight: Floats) -> Floats:
        """The sum over these ties and their events of weight times mean times mean'."""
        mixed = (self.second[1] * weight * self.staying) @ self.leaving.T
        own = (self.second[0] * weight * self.staying) @ self.staying.T
        return own + mixed + mixed.T + (self.second[2] * weight * self.leaving) @ self.leaving.T


@dataclass(frozen=True, eq=False)
class _Ties:
    """Of each tie: the ``risk`` of its risk set and its ``mean`` covariates (p, ties), and the ``shared`` ties."""

    risk: Floats
    mean: Floats
    shared: _Shared | None


def products(x: Floats, weight: Floats) -> Floats:
    """The sum over the columns of x (p, n) of weight times column times column'; block after block, in the cache."""
    p, n = x.shape
    found, work = np.zeros((p, p)), np.empty((p, min(n, BLOCK)))
    for start in range(0, n, BLOCK):
        part = x[:, start : start + BLOCK]
        held = work[:, : part.shape[1]]
        np.multiply(part, weight[start : start + BLOCK], out=held)
        found += held @ part.T
    return found


class PartialLikelihood:
    """Efron's or Breslow's likelihood of rows in their risk sets; ``x`` (p, n) and ``weight`` (n,) are as the rows.

    ``tie_weight`` (ties,) is W / d.
    """

    def __init__(self, sets: RiskSets, x: Floats, ties: TieMethod, weight: Floats | None = None) -> None:
        self.sets, self.x, self.weight = sets, x, weight
        self.event_weight = sets.count.astype(float) if weight is None else sets.of_events(weight[None, :])[0]
        self.tie_weight = self.event_weight / sets.count
        self.event_x = sets.of_events(x if weight is None else weight * x)
        self._several = np.flatnonzero((sets.count > 1) & (ties == "efron"))
        self._buffer = np.empty((x.shape[0] + 1, x.shape[1]))

    def at(self, beta: Floats, tie_weight: Floats | None = None) -> Moments:
        """Moments at ``beta``; ``tie_weight`` (ties,) multiplies the terms of each tie."""
        eta, risk = self._risk(beta)
        weight = self.tie_weight if tie_weight is None else self.tie_weight * tie_weight
        sets = self.sets
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            ties = self._ties(risk)
            information = products(self.x, risk * self._hazard(ties, weight))
            score = self.event_x.sum(axis=1) if tie_weight is None else self.event_x @ tie_weight
            logs = float(np.log(ties.risk) @ (sets.count * weight))
            single = sets.count * weight
            if ties.shared is not None:
                at = ties.shared.at
                single[at] = 0.0
                score -= ties.shared.means() @ weight[at]
                information -= ties.shared.products(weight[at])
                logs += float(ties.shared.log @ weight[at])
            score -= ties.mean @ single
            information -= products(ties.mean, single)
            gain = eta[sets.dead] if self.weight is None else eta[sets.dead] * self.weight[sets.dead]
            gained = gain.sum() if tie_weight is None else gain @ tie_weight[sets.tie]
        return Moments(float(gained) - logs, score, information)

    def means(self, beta: Floats) -> Floats:
        """The mean covariates at each tie, weighted by risk and averaged over its events (p, ties)."""
        ties = self._ties(self._risk(beta)[1])
        if ties.shared is not None:
            ties.mean[:, ties.shared.at] = ties.shared.means() / self.sets.count[ties.shared.at]
        return ties.mean

    def score_residuals(self, beta: Floats) -> Floats:
        """The unweighted contribution of each row to the score (p, n): Lin & Wei 1989, J Am Stat Assoc 84:1074.

        Of row i, over the ties at which it is at risk: its own event's x - mean, minus its risk times the sum of
        (x - mean) over the increments of the cumulative hazard.
        """
        sets, ties = self.sets, self._ties(self._risk(beta)[1])
        increment = self.tie_weight / ties.risk
        carried = ties.mean * (sets.count * increment)
        own = ties.mean.copy()
        if ties.shared is not None:
            at = ties.shared.at
            carried[:, at] = ties.shared.means_over_seen(0) * increment[at]
            own[:, at] = ties.shared.means() / sets.count[at]
        over_time = sets.back(carried)
        if ties.shared is not None:
            # An event counts in its own tie less than those who stay.
            less = np.zeros_like(own)
            less[:, at] = (ties.shared.means_over_seen(0) - ties.shared.means_over_seen(1)) * increment[at]
            over_time[:, sets.dead] -= less[:, sets.tie]
        risk = self._risk(beta, weighted=False)[1]
        residual = risk * (over_time - self.x * self._hazard(ties, self.tie_weight))
        residual[:, sets.dead] += self.x[:, sets.dead] - own[:, sets.tie]
        return residual

    def spread(self, beta: Floats) -> float:
        """The largest difference of the linear predictor within a stratum."""
        eta, starts = beta @ self.x, self.sets.stratum_starts
        return float((np.maximum.reduceat(eta, starts) - np.minimum.reduceat(eta, starts)).max())

    def _risk(self, beta: Floats, *, weighted: bool = True) -> tuple[Floats, Floats]:
        """Linear predictor and risk of each row.

        The likelihood of a stratum does not change with a constant; the largest risk becomes 1, so none overflows.
        """
        eta = beta @ self.x
        largest = np.maximum.reduceat(eta, self.sets.stratum_starts)
        eta -= largest[0] if largest.size == 1 else largest[self.sets.stratum_of_row]
        risk = np.exp(eta)
        return eta, risk * self.weight if weighted and self.weight is not None else risk

    def _ties(self, risk: Floats) -> _Ties:
        sets, buffer = self.sets, self._buffer
        buffer[0] = risk
        np.multiply(self.x, risk, out=buffer[1:])
        everybody = sets.sums(buffer)
        with np.errstate(divide="ignore", invalid="ignore"):
            shared = None if self._several.size == 0 else self._shared_ties(everybody)
            mean = everybody[1:]
            mean /= everybody[0]
        return _Ties(everybody[0], mean, shared)

    def _shared_ties(self, everybody: Floats) -> _Shared:
        at, count = self._several, self.sets.count[self._several]
        starts = np.cumsum(count) - count
        number = np.arange(count.sum()) - np.repeat(starts, count)
        dead = self.sets.dead[np.repeat(self.sets.first_event[at], count) + number]
        leaving = np.add.reduceat(np.take(self._buffer, dead, axis=1), starts, axis=1) / everybody[0, at]
        staying = everybody[:, at] / everybody[0, at] - leaving
        # Where nobody stays rounding can leave a little of either sign.
        np.maximum(staying[0], 0, out=staying[0])
        share = 1 - number / np.repeat(count, count)
        seen = np.repeat(staying[0], count) + share * np.repeat(leaving[0], count)
        inverse = 1 / seen
        terms = (inverse, share * inverse, inverse**2, share * inverse**2, (share * inverse) ** 2, np.log(seen))
        sums = np.add.reduceat(np.stack(terms), starts, axis=1)
        return _Shared(at, staying[1:], leaving[1:], sums[:2], sums[2:5], sums[5])

    def _hazard(self, ties: _Ties, weight: Floats) -> Floats:
        """Of each row: the cumulative hazard over the ties at which it is at risk, counted as much as there."""
        sets, increment = self.sets, weight / ties.risk
        whole = sets.count * increment
        if ties.shared is None:
            return sets.back(whole[None, :])[0]
        at, first = ties.shared.at, ties.shared.first
        whole[at] = first[0] * increment[at]
        hazard = sets.back(whole[None, :])[0]
        less = np.zeros_like(whole)
        less[at] = (first[0] - first[1]) * increment[at]
        hazard[sets.dead] -= less[sets.tie]
        return hazard
