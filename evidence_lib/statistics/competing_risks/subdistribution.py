"""The weighted partial likelihood of the subdistribution hazard, by cumulative sums, and the variance of its maximum.

A patient with an event of another cause at X stays in the risk set of a later event time t with weight G(t-) / G(X-),
G being the Kaplan-Meier estimate of staying uncensored (Fine & Gray 1999, J Am Stat Assoc 94:496, section 3). As that
weight is a product, the sum over the risk set of t is that of the patients under observation, taken from the end, plus
G(t-) times that of exp(x' b) / G(X-) over the patients carried on, taken from the start.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evidence_lib.statistics.competing_risks.censoring import Censoring, censoring
from evidence_lib.statistics.cox.maximum import standardised
from evidence_lib.statistics.cox.partial_likelihood import Moments
from evidence_lib.statistics.cox.risk_sets import RiskSets, accumulated, arranged
from evidence_lib.statistics.inputs import Counts, Flags, Floats
from evidence_lib.statistics.survival.inputs import starts_of


@dataclass(frozen=True, eq=False)
class Carried:
    """The patients of one censoring group with an event of another cause before some event time of their stratum.

    ``patient`` are their places in the data, by stratum and time; ``begin`` is the first tie at which each is carried,
    ``free`` its G(X-). ``later`` (ties,) is the group's G(t-), ``bounds`` are those of ``RiskSets.tie_bounds``.
    """

    patient: Counts
    begin: Counts
    free: Floats
    later: Floats
    bounds: Counts

    def sums(self, values: Floats) -> Floats:
        """Weighted sums of the values (q, carried) over those carried at each tie: (q, ties)."""
        starts = starts_of(self.begin)
        binned = np.zeros((values.shape[0], self.later.size))
        binned[:, self.begin[starts]] = np.add.reduceat(values / self.free, starts, axis=1)
        return self.later * accumulated(binned, self.bounds, backward=False)

    def back(self, values: Floats) -> Floats:
        """Weighted sums of the values (q, ties) over the ties at which each is carried: (q, carried)."""
        return np.take(accumulated(values * self.later, self.bounds, backward=True), self.begin, axis=1) / self.free


class Subdistribution:
    """The likelihood of n patients, with Breslow's handling of ties.

    ``kind`` is 0 for censoring, 1 for the cause and 2 for any other; ``stratum`` and ``group`` number the strata and
    the groups whose censoring is estimated together. ``x`` (p, m) are the standardised covariates of the m patients
    who enter a risk set, ``patients`` their places, ``scale`` (p,) the size of a unit.
    """

    def __init__(self, time: Floats, kind: Counts, covariates: Floats, stratum: Counts, group: Counts) -> None:
        self.time, self.kind = time, kind
        self.sets = arranged(time, kind == 1, stratum)
        self.groups = censoring(time, kind == 0, group)
        self.carried = [_carried(time, kind, stratum, self.sets, one) for one in self.groups]
        place = np.full(time.size, -1)
        place[self.sets.rows] = np.arange(self.sets.rows.size)
        others = np.concatenate([part.patient for part in self.carried])
        new = others[place[others] < 0]
        place[new] = np.arange(new.size) + self.sets.rows.size
        self.patients = np.concatenate([self.sets.rows, new])
        self.where = [place[part.patient] for part in self.carried]
        self.x, self.scale = standardised(np.ascontiguousarray(covariates[self.patients].T))
        self.events = self.sets.dead.size
        self.event_x = self.x[:, self.sets.dead].sum(axis=1)
        self._by_stratum = np.argsort(stratum[self.patients], kind="stable")
        ordered = stratum[self.patients][self._by_stratum]
        self._starts = starts_of(ordered)
        self._stratum = np.empty(ordered.size, dtype=np.int64)
        self._stratum[self._by_stratum] = np.searchsorted(self._starts, np.arange(ordered.size), side="right") - 1

    def at(self, beta: Floats) -> Moments:
        """The log partial likelihood and its derivatives at ``beta``."""
        eta, risk = self._risk(beta)
        d = self.sets.count
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            sums = self._sums(risk)
            means = sums[1:] / sums[0]
            load = risk * self._back((d / sums[0])[None, :])[0]
            information = (self.x * load) @ self.x.T - (means * d) @ means.T
            log_likelihood = float(eta[self.sets.dead].sum() - d @ np.log(sums[0]))
        return Moments(log_likelihood, self.event_x - means @ d, information)

    def spread(self, beta: Floats) -> float:
        """The largest difference of the linear predictor within a stratum."""
        eta = (beta @ self.x)[self._by_stratum]
        return float((np.maximum.reduceat(eta, self._starts) - np.minimum.reduceat(eta, self._starts)).max())

    def influence(self, beta: Floats) -> Floats:
        """What each patient adds to the score (p, n): eta + psi of Fine & Gray (1999, eq. 7 and 8).

        eta is the patient's weighted score residual. psi is what the patient adds through the estimate of G: the
        integral of q(u) / n(u) over the patient's martingale of censoring, n(u) being those at risk of censoring.
        """
        _, risk = self._risk(beta)
        sums = self._sums(risk)
        means, rate = sums[1:] / sums[0], self.sets.count / sums[0]
        found = np.zeros((self.x.shape[0], self.time.size))
        hazards = self._back(np.vstack([rate, rate * means]))
        residual = -risk * (self.x * hazards[0] - hazards[1:])
        residual[:, self.sets.dead] += self.x[:, self.sets.dead] - means[:, self.sets.tie]
        found[:, self.patients] = residual
        for one, part, where in zip(self.groups, self.carried, self.where, strict=True):
            if one.time.size and part.patient.size:
                q = self._moved(
                    one, part, risk[where] * np.vstack([np.ones(where.size), self.x[:, where]]), rate, means
                )
                observed, censored = self.time[one.patients], self.kind[one.patients] == 0
                found[:, one.patients] += one.influence(observed, censored, q)
        return found

    def _moved(self, one: Censoring, part: Carried, load: Floats, rate: Floats, means: Floats) -> Floats:
        """q(u) at the times u of censoring of a group (p, times): how the hazard of censoring at u moves the score.

        The weights at s >= u of the patients with another event before u fall with it: the sum over the strata and the
        event times s >= u of G(s-) dN(s) / S0(s) times the sum of (x - mean(s)) exp(x' b) / G(X-) over these patients.
        """
        q = np.zeros((means.shape[0], one.time.size))
        bounds = part.bounds
        for first, end in zip(bounds[:-1], bounds[1:], strict=True):
            here = slice(*np.searchsorted(part.begin, [first, end]))
            if here.start == here.stop:
                continue
            gone, left = self.time[part.patient[here]], load[:, here] / part.free[here]
            past = np.pad(np.cumsum(left, axis=1), ((0, 0), (1, 0)))[:, np.searchsorted(gone, one.time, side="left")]
            weight = part.later[first:end] * rate[first:end] * np.vstack([np.ones(end - first), means[:, first:end]])
            ahead = np.cumsum(weight[:, ::-1], axis=1)[:, ::-1]
            later = np.searchsorted(self.sets.time[first:end], one.time, side="left")
            still = np.pad(ahead, ((0, 0), (0, 1)))[:, later]
            q += past[1:] * still[0] - past[0] * still[1:]
        return q

    def _risk(self, beta: Floats) -> tuple[Floats, Floats]:
        """Linear predictor and risk of each patient; the largest risk of a stratum becomes 1, so none overflows."""
        eta = beta @ self.x
        eta -= np.maximum.reduceat(eta[self._by_stratum], self._starts)[self._stratum]
        return eta, np.exp(eta)

    def _sums(self, risk: Floats) -> Floats:
        """Sums of risk, and of risk times covariates, over the weighted risk set of each tie: (1 + p, ties)."""
        load = np.vstack([risk, risk * self.x])
        total = self.sets.sums(load[:, : self.sets.rows.size])
        for part, where in zip(self.carried, self.where, strict=True):
            if where.size:
                total = total + part.sums(load[:, where])
        return total

    def _back(self, values: Floats) -> Floats:
        """Weighted sums of the values (q, ties) over the ties at which each patient counts: (q, m)."""
        found = np.zeros((values.shape[0], self.patients.size))
        found[:, : self.sets.rows.size] = self.sets.back(values)
        for part, where in zip(self.carried, self.where, strict=True):
            found[:, where] += part.back(values)
        return found


def _carried(time: Floats, kind: Counts, stratum: Counts, sets: RiskSets, one: Censoring) -> Carried:
    """The patients of a censoring group who are carried on."""
    patient = one.patients[kind[one.patients] == 2]
    begin = np.zeros(patient.size, dtype=np.int64)
    kept: Flags = np.zeros(patient.size, dtype=bool)
    bounds = sets.tie_bounds
    for first, end in zip(bounds[:-1], bounds[1:], strict=True):
        here = stratum[patient] == sets.stratum[first]
        begin[here] = first + np.searchsorted(sets.time[first:end], time[patient[here]], side="right")
        kept |= here & (begin < end)
    patient, begin = patient[kept], begin[kept]
    order = np.lexsort((time[patient], begin))
    patient, begin = patient[order], begin[order]
    return Carried(patient, begin, one.before(time[patient]), one.before(sets.time), bounds)
