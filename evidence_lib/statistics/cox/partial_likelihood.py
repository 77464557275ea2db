"""The partial likelihood of Cox's model and its maximum, by cumulative sums over rows sorted by time.

Efron's likelihood has one term per event: with d tied events at t, event number l = 0, ..., d - 1 sees the risk set of
t with every tied patient counted as 1 - l / d (Efron 1977, J Am Stat Assoc 72:557). Breslow's counts them fully (1974,
Biometrics 30:89). Both are sums over these "entries" of log(risk of the patient) - log(S0 of the entry).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

import numpy as np

from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Counts, Flags, Floats

TieMethod = Literal["efron", "breslow"]

# A column whose information, given the columns before it, is below this share of its own is a combination of them.
# The rounding error of the information is of the order of 1e-15.
ALIASED = 1e-10
# Newton's decrement is the squared distance to the maximum in standard errors; the step that follows squares it again.
DECREMENT = 1e-12
ITERATIONS, HALVINGS = 100, 40
# A coefficient runs to infinity where the linear predictor still moves by about 1 a step while the information has
# all but gone; the share is that of a standard error a thousand times the one under no effect.
COLLAPSED, MOVING, PATIENCE = 1e-6, 0.1, 5
# Risks that differ by exp(500) and still move apart (R's coxph warns there too); beyond exp(700) they are no numbers.
FAR = 500.0


class NotEstimable(Exception):
    """The data cannot answer; ``reason`` says why. Public functions turn it into a status.

    ``informative`` is False where the data say nothing about the effect, True where they say that it has no limit.
    """

    def __init__(self, reason: Message, *, informative: bool = False) -> None:
        super().__init__(reason.key)
        self.reason, self.informative = reason, informative


@dataclass(frozen=True)
class Moments:
    """The log partial likelihood at one coefficient vector, with its derivatives.

    ``score`` (p,), ``information`` (p, p) and ``means`` (entries, p), the risk-weighted mean covariates of each entry.
    """

    log_likelihood: float
    score: Floats
    information: Floats
    means: Floats


@dataclass(frozen=True)
class Fit:
    """The maximum: coefficients (p,) and covariance (p, p) on the scale of the covariates given.

    ``likelihood`` is of the standardised covariates, ``beta`` its maximum there and ``scale`` the size of their units.
    """

    coefficients: Floats
    covariance: Floats
    log_likelihood: float
    null_log_likelihood: float
    iterations: int
    likelihood: PartialLikelihood
    beta: Floats
    scale: Floats


class PartialLikelihood:
    """Rows sorted by stratum and time, with the places of risk sets and ties; needs one event or more.

    ``time``, ``event`` (n,), ``x`` (n, p), ``stratum`` (n,) of whole numbers. ``event_time``, ``event_x`` and
    ``event_stratum`` list the entries: events in order of stratum and time.
    """

    def __init__(self, time: Floats, event: Flags, x: Floats, stratum: Counts, ties: TieMethod) -> None:
        order = np.lexsort((time, stratum))
        time, event, stratum = time[order], event[order], stratum[order]
        self.x = np.ascontiguousarray(x[order])
        new_stratum = np.concatenate([[True], stratum[1:] != stratum[:-1]])
        new_time = new_stratum | np.concatenate([[True], time[1:] != time[:-1]])
        self._stratum_of_row = np.cumsum(new_stratum) - 1
        self._rows = np.append(np.flatnonzero(new_stratum), time.size)
        self._tie_starts = np.flatnonzero(new_time)
        self._tie_of_row = np.cumsum(new_time) - 1
        dead = np.flatnonzero(event)
        self._dead, self._event = dead, event
        self._tie = self._tie_of_row[dead]
        tied = np.bincount(self._tie, minlength=self._tie_starts.size)
        number = np.arange(dead.size) - (np.cumsum(tied) - tied)[self._tie]
        self._fraction = number / tied[self._tie] if ties == "efron" else np.zeros(dead.size)
        self._first = self._tie_starts[self._tie]
        self._entries = np.searchsorted(dead, self._rows)
        self._until = np.cumsum(tied)[self._tie_of_row]
        self.event_time, self.event_x, self.event_stratum = (time[dead], self.x[dead], stratum[dead])

    def at(self, beta: Floats, weights: Floats | None = None) -> Moments:
        """Moments at ``beta``; ``weights`` (entries,), equal within a tie, multiply their score and information."""
        weight = np.ones(self._dead.size) if weights is None else weights
        eta = self.x @ beta
        # The likelihood of a stratum does not change with a constant; the largest risk becomes 1, so none overflows.
        eta -= np.maximum.reduceat(eta, self._rows[:-1])[self._stratum_of_row]
        risk = np.exp(eta)
        weighted = risk[:, None] * self.x
        s0 = _summed(risk, self._rows, backward=True)[self._first]
        s1 = _summed(weighted, self._rows, backward=True)[self._first]
        s0 = s0 - self._fraction * self._tied(risk)[self._tie]
        s1 = s1 - self._fraction[:, None] * self._tied(weighted)[self._tie]
        with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
            means = s1 / s0[:, None]
            score = (weight[:, None] * (self.event_x - means)).sum(axis=0)
            load = risk * self._cumulative_hazard(weight / s0)
            information = self.x.T @ (load[:, None] * self.x) - means.T @ (weight[:, None] * means)
            return Moments(float(eta[self._dead].sum() - np.log(s0).sum()), score, information, means)

    def spread(self, beta: Floats) -> float:
        """The largest difference of the linear predictor within a stratum."""
        eta, starts = self.x @ beta, self._rows[:-1]
        return float((np.maximum.reduceat(eta, starts) - np.minimum.reduceat(eta, starts)).max())

    def _tied(self, values: Floats) -> Floats:
        """Sums over the patients with the event at each distinct time."""
        zero = np.zeros_like(values)
        zero[self._dead] = values[self._dead]
        return np.add.reduceat(zero, self._tie_starts, axis=0)

    def _cumulative_hazard(self, increments: Floats) -> Floats:
        """Of each row: the increments of the entries in whose risk set the patient is, counted as much as there."""
        total = np.append(_summed(increments, self._entries, backward=False), 0.0)
        before_first = self._until == self._entries[:-1][self._stratum_of_row]
        hazard = np.where(before_first, 0.0, total[self._until - 1])
        own = np.bincount(self._tie, weights=self._fraction * increments, minlength=self._tie_starts.size)
        return hazard - np.where(self._event, own[self._tie_of_row], 0.0)


def maximise(time: Floats, event: Flags, x: Floats, names: Sequence[str], stratum: Counts, ties: TieMethod) -> Fit:
    """The maximum partial likelihood estimate by Newton's method with step halving.

    ``x`` is (n, p), ``names`` its p columns. Raises NotEstimable, naming the columns, without events, for a column that
    does not vary or is a combination of earlier ones, and where a coefficient has no finite maximum.
    """
    if not event.any():
        raise NotEstimable(message("cox_statistics.reason.no_events"))
    seen = ever_at_risk(time, event, stratum)
    z, scale = standardised(x[seen])
    likelihood = PartialLikelihood(time[seen], event[seen], z, stratum[seen], ties)
    beta = np.zeros(z.shape[1])
    here = null = likelihood.at(beta)
    for name, is_constant in zip(names, varies_not(null, event), strict=True):
        if is_constant:
            raise NotEstimable(message("cox_statistics.reason.no_variation", name=name))
    for name, is_new in zip(names, independent(null, event), strict=True):
        if not is_new:
            raise NotEstimable(message("cox_statistics.reason.collinear", name=name))
    root = np.linalg.inv(np.linalg.cholesky(null.information))
    collapsed = 0
    for iteration in range(1, ITERATIONS + 1):
        step, share = _newton_step(here, root)
        decrement = float(here.score @ step)
        moving = np.abs(z @ step).max() > MOVING
        collapsed = collapsed + 1 if share < COLLAPSED and moving else 0
        is_far = moving and likelihood.spread(beta) > FAR
        if is_far or collapsed >= PATIENCE or (decrement <= DECREMENT and moving):
            raise _infinite(names, step)
        beta, here = _uphill(likelihood, beta, here, step)
        if decrement <= DECREMENT:
            coefficients, covariance = _on_scale(beta, here, scale)
            return Fit(
                coefficients, covariance, here.log_likelihood, null.log_likelihood, iteration, likelihood, beta, scale
            )
    raise NotEstimable(message("cox_statistics.reason.no_convergence"))


def ever_at_risk(time: Floats, event: Flags, stratum: Counts) -> Flags:
    """Patients whose time reaches the first event of their stratum: the others enter no term of the likelihood.

    A wild value of one of these must not set the scale of a covariate, nor overflow.
    """
    codes = np.unique(stratum, return_inverse=True)[1].reshape(-1)
    first = np.full(codes.max() + 1, np.inf)
    np.minimum.at(first, codes[event], time[event])
    return time >= first[codes]


def standardised(x: Floats) -> tuple[Floats, Floats]:
    """Columns with mean 0 and standard deviation 1, and the size of one such unit; a constant column is 0."""
    size = np.abs(x).max(axis=0)
    size[size == 0] = 1.0
    z = x / size
    z -= z.min(axis=0)
    width = z.max(axis=0)
    width[width == 0] = 1.0
    z /= width
    z -= z.mean(axis=0)
    deviation = np.sqrt((z**2).mean(axis=0))
    # Rounding leaves a constant column at 0 exactly, since its smallest value was taken off.
    deviation[deviation == 0] = 1.0
    with np.errstate(over="ignore"):
        return z / deviation, size * width * deviation


def varies_not(null: Moments, event: Flags) -> Flags:
    """Which columns are the same for all at risk, at every event. ``null``: standardised columns, no effect."""
    return np.diag(null.information) <= ALIASED * np.count_nonzero(event)


def independent(null: Moments, event: Flags) -> Flags:
    """Which columns vary among patients at risk and are no combination of the columns before them."""
    left = null.information.copy()
    own = np.diag(left).copy()
    kept = ~varies_not(null, event)
    for j in range(own.size):
        kept[j] &= left[j, j] > ALIASED * own[j]
        if kept[j]:
            left -= np.outer(left[:, j], left[j]) / left[j, j]
    return kept


def _summed(values: Floats, bounds: Counts, *, backward: bool) -> Floats:
    """Cumulative sums within each stratum, from its end or from its start.

    One stratum at a time: the difference of sums over all strata would lose the digits of a small last one.
    """
    out = np.empty_like(values)
    for start, stop in pairwise(bounds):
        part, sums = values[start:stop], out[start:stop]
        if backward:
            np.cumsum(part[::-1], axis=0, out=sums[::-1])
        else:
            np.cumsum(part, axis=0, out=sums)
    return out


def _newton_step(here: Moments, root: Floats) -> tuple[Floats, float]:
    """Newton's step, and the smallest share of the information under no effect that is left in any direction."""
    values, vectors = np.linalg.eigh(root @ here.information @ root.T)
    # Rounding can leave a vanished eigenvalue at zero or below; its direction then is followed, not inverted.
    along = (vectors.T @ (root @ here.score)) / np.maximum(values, 1e-12)
    return root.T @ (vectors @ along), float(values[0])


def _uphill(likelihood: PartialLikelihood, beta: Floats, here: Moments, step: Floats) -> tuple[Floats, Moments]:
    """The step, halved until the likelihood does not fall by more than rounding."""
    slack = 1e-12 * (1 + abs(here.log_likelihood))
    for _ in range(HALVINGS):
        there = likelihood.at(beta + step)
        if np.isfinite(there.information).all() and there.log_likelihood >= here.log_likelihood - slack:
            return beta + step, there
        step = step / 2
    raise NotEstimable(message("cox_statistics.reason.no_convergence"))


def _infinite(names: Sequence[str], step: Floats) -> NotEstimable:
    largest = np.abs(step) >= np.abs(step).max() / 2
    guilty = tuple(name for name, is_large in zip(names, largest, strict=True) if is_large)
    return NotEstimable(message("cox_statistics.reason.infinite", names=guilty), informative=True)


def _on_scale(beta: Floats, here: Moments, scale: Floats) -> tuple[Floats, Floats]:
    """Coefficients and covariance in the units of the covariates given."""
    covariance = np.linalg.inv(here.information)
    with np.errstate(over="ignore", divide="ignore"):
        coefficients, covariance = (beta / scale, covariance / scale[:, None] / scale[None, :])
    if not (np.isfinite(coefficients).all() and np.isfinite(covariance).all()):
        raise NotEstimable(message("cox_statistics.reason.not_finite"))
    return coefficients, covariance
