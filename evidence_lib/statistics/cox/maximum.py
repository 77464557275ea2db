"""The maximum of the partial likelihood by Newton's method, and the reasons why there may be none."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Literal, Protocol

import numpy as np

from evidence_lib.language import message
from evidence_lib.statistics.cox.exact import ExactLikelihood
from evidence_lib.statistics.cox.partial_likelihood import Moments, PartialLikelihood
from evidence_lib.statistics.cox.risk_sets import arranged
from evidence_lib.statistics.inputs import Counts, Flags, Floats
from evidence_lib.statistics.not_estimable import NotEstimable

CoxTies = Literal["efron", "breslow", "exact"]

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
# A robust variance below this share of the model's is rounding error: the clusters' scores cancel.
VANISHED = 1e-12


@dataclass(frozen=True, eq=False)
class Problem:
    """A likelihood of standardised covariates: ``scale`` (p,) is the size of their units, ``events`` their number.

    ``weight_unit`` is what a case weight of 1 in the likelihood stands for.
    """

    likelihood: PartialLikelihood
    scale: Floats
    events: int
    weight_unit: float


@dataclass(frozen=True, eq=False)
class Fit:
    """The maximum: coefficients (p,) and covariance (p, p) on the scale of the covariates given.

    ``beta`` is the maximum of the problem's likelihood, that is on the scale of its standardised covariates, and
    ``information`` there. ``naive_covariance`` is the inverse information, and so is ``covariance`` until ``robust``.
    """

    coefficients: Floats
    covariance: Floats
    naive_covariance: Floats
    log_likelihood: float
    null_log_likelihood: float
    iterations: int
    problem: Problem
    beta: Floats
    information: Floats

    @property
    def likelihood(self) -> PartialLikelihood:
        """The likelihood of the standardised covariates."""
        return self.problem.likelihood

    @property
    def scale(self) -> Floats:
        """The size of the units of the standardised covariates."""
        return self.problem.scale

    def influence(self, cluster: Counts, clusters: int | None = None) -> Floats:
        """The change of the coefficients that each cluster makes (clusters, p): its weighted score residuals / I.

        ``cluster`` (n,) numbers the clusters of the rows given, from 0; ``clusters`` is how many there are.
        """
        residual = self.likelihood.score_residuals(self.beta)
        if self.likelihood.weight is not None:
            residual *= self.likelihood.weight
        here, size = cluster[self.likelihood.sets.rows], clusters or int(cluster.max()) + 1
        sums = np.stack([np.bincount(here, weights=row, minlength=size) for row in residual])
        return np.linalg.solve(self.information, sums).T / self.scale

    def robust(self, cluster: Counts) -> Fit:
        """The same fit with the variance of Lin & Wei (1989), which takes clusters and not rows as independent."""
        influence = self.influence(cluster)
        covariance = influence.T @ influence
        # Beside the model's variance of weights that are 1 on average, since the robust one does not know their scale.
        usual = np.diag(self.naive_covariance) * self.problem.weight_unit
        if not (np.diag(covariance) > VANISHED * usual).all():
            raise NotEstimable(message("cox_statistics.reason.no_robust_variance"))
        if not np.isfinite(covariance).all():
            raise NotEstimable(message("cox_statistics.reason.not_finite"))
        return replace(self, covariance=covariance)


def problem(
    time: Floats,
    event: Flags,
    x: Floats,
    stratum: Counts,
    ties: CoxTies,
    *,
    weights: Floats | None = None,
    entry: Floats | None = None,
) -> Problem:
    """The likelihood of the rows that are at risk at some event, with their covariates standardised.

    A wild value of a row that enters no term must not set the scale of a covariate, nor overflow. Rows of weight zero
    are not there at all. Raises NotEstimable without events.
    """
    used = np.ones(time.size, dtype=bool) if weights is None else weights > 0
    if not event[used].any():
        raise NotEstimable(message("cox_statistics.reason.no_events"))
    if used.all():
        sets = arranged(time, event, stratum, entry)
    else:
        sets = arranged(time[used], event[used], stratum[used], None if entry is None else entry[used])
        sets = replace(sets, rows=np.flatnonzero(used)[sets.rows])
    z, scale = standardised(np.take(x.T, sets.rows, axis=1))
    events = sets.dead.size
    if ties == "exact":
        return Problem(ExactLikelihood(sets, z), scale, events, 1.0)
    if weights is None:
        return Problem(PartialLikelihood(sets, z, ties), scale, events, 1.0)
    # Events weigh 1 on average, whatever the weights' own scale: the steps and limits of the search depend on it.
    weight = weights[sets.rows]
    largest = float(weight.max())
    unit = largest * float((weight[sets.dead] / largest).mean())
    with np.errstate(over="ignore", divide="ignore"):
        weight = weight / unit
    if not np.isfinite(weight).all():
        raise NotEstimable(message("cox_statistics.reason.not_finite"))
    return Problem(PartialLikelihood(sets, z, ties, weight), scale, events, unit)


def maximise(
    time: Floats,
    event: Flags,
    x: Floats,
    names: Sequence[str],
    stratum: Counts,
    ties: CoxTies,
    *,
    weights: Floats | None = None,
    entry: Floats | None = None,
) -> Fit:
    """The maximum partial likelihood estimate by Newton's method with step halving.

    ``x`` is (n, p), ``names`` its p columns. Raises NotEstimable, naming the columns, without events, for a column that
    does not vary or is a combination of earlier ones, and where a coefficient has no finite maximum.
    """
    posed = problem(time, event, x, stratum, ties, weights=weights, entry=entry)
    null = posed.likelihood.at(np.zeros(x.shape[1]))
    if not np.isfinite(null.information).all():
        raise NotEstimable(message("cox_statistics.reason.not_finite"))
    estimable(null, posed.events, names)
    beta, here, iterations = ascended(posed.likelihood, np.zeros(x.shape[1]), null, null.information, names)
    return _fit(posed, beta, here, null, iterations)


class Concave(Protocol):
    """A log-likelihood without any other maximum than one, of linear predictors beta' x with ``x`` (p, n)."""

    x: Floats

    def at(self, beta: Floats, /) -> Moments:
        """The log-likelihood and its derivatives."""

    def spread(self, beta: Floats, /) -> float:
        """The largest difference of linear predictors that the likelihood compares."""


def estimable(null: Moments, events: int, names: Sequence[str]) -> None:
    """Raise NotEstimable, naming it, for a column that does not vary or is a combination of the ones before it."""
    for name, is_constant in zip(names, varies_not(null, events), strict=True):
        if is_constant:
            raise NotEstimable(message("cox_statistics.reason.no_variation", name=name))
    for name, is_new in zip(names, independent(null, events), strict=True):
        if not is_new:
            raise NotEstimable(message("cox_statistics.reason.collinear", name=name))


def ascended(
    likelihood: Concave, beta: Floats, here: Moments, information: Floats, names: Sequence[str]
) -> tuple[Floats, Moments, int]:
    """The maximum by Newton's method from ``beta`` with its moments ``here``: place, moments there, steps taken.

    ``information`` is that under no effect. Raises NotEstimable, naming the columns, without a finite maximum.
    """
    root = np.linalg.inv(np.linalg.cholesky(information))
    collapsed = 0
    for iteration in range(1, ITERATIONS + 1):
        step, share = _newton_step(here, root)
        decrement = float(here.score @ step)
        moving = np.abs(step @ likelihood.x).max() > MOVING
        collapsed = collapsed + 1 if share < COLLAPSED and moving else 0
        is_far = moving and likelihood.spread(beta) > FAR
        if is_far or collapsed >= PATIENCE or (decrement <= DECREMENT and moving):
            raise _infinite(names, step)
        beta, here = _uphill(likelihood, beta, here, step)
        if decrement <= DECREMENT:
            return beta, here, iteration
    raise NotEstimable(message("cox_statistics.reason.no_convergence"))


def standardised(x: Floats) -> tuple[Floats, Floats]:
    """Covariates (p, n) with mean 0 and standard deviation 1, and the size of one such unit; a constant one is 0."""
    size = np.maximum(x.max(axis=1), -x.min(axis=1))
    size[size == 0] = 1.0
    z = x / size[:, None]
    z -= z.min(axis=1)[:, None]
    width = z.max(axis=1)
    width[width == 0] = 1.0
    z /= width[:, None]
    z -= z.mean(axis=1)[:, None]
    deviation = np.sqrt(np.array([row @ row for row in z]) / z.shape[1])
    # Rounding leaves a constant column at 0 exactly, since its smallest value was taken off.
    deviation[deviation == 0] = 1.0
    z /= deviation[:, None]
    with np.errstate(over="ignore"):
        return z, size * width * deviation


def varies_not(null: Moments, events: int) -> Flags:
    """Which columns are the same for all at risk, at every event. ``null``: standardised columns, no effect."""
    return np.diag(null.information) <= ALIASED * events


def independent(null: Moments, events: int) -> Flags:
    """Which columns vary among patients at risk and are no combination of the columns before them."""
    left = null.information.copy()
    own = np.diag(left).copy()
    kept = ~varies_not(null, events)
    for j in range(own.size):
        kept[j] &= left[j, j] > ALIASED * own[j]
        if kept[j]:
            left -= np.outer(left[:, j], left[j]) / left[j, j]
    return kept


def wald(estimates: Floats, covariance: Floats) -> float:
    """Wald's statistic that all estimates (k,) are zero. Raises NotEstimable where their covariance is singular."""
    size = np.sqrt(np.diag(covariance))
    if not (size > 0).all():
        raise NotEstimable(message("cox_statistics.reason.no_robust_variance"))
    values, vectors = np.linalg.eigh(covariance / np.outer(size, size))
    if values[0] <= ALIASED:
        raise NotEstimable(message("cox_statistics.reason.no_robust_variance"))
    return float(np.sum((vectors.T @ (estimates / size)) ** 2 / values))


def _newton_step(here: Moments, root: Floats) -> tuple[Floats, float]:
    """Newton's step, and the smallest share of the information under no effect that is left in any direction."""
    values, vectors = np.linalg.eigh(root @ here.information @ root.T)
    # Rounding can leave a vanished eigenvalue at zero or below; its direction then is followed, not inverted.
    along = (vectors.T @ (root @ here.score)) / np.maximum(values, 1e-12)
    return root.T @ (vectors @ along), float(values[0])


def _uphill(likelihood: Concave, beta: Floats, here: Moments, step: Floats) -> tuple[Floats, Moments]:
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


def _fit(posed: Problem, beta: Floats, here: Moments, null: Moments, iterations: int) -> Fit:
    """The fit in the units of the covariates and of the weights given."""
    scale, unit = posed.scale, posed.weight_unit
    try:
        covariance = np.linalg.inv(here.information)
    except np.linalg.LinAlgError:
        raise NotEstimable(message("cox_statistics.reason.no_convergence")) from None
    with np.errstate(over="ignore", divide="ignore"):
        coefficients, covariance = (beta / scale, covariance / unit / scale[:, None] / scale[None, :])
        # The sums of weighted risks are in the unit of the weights as well.
        shift = unit * float(posed.likelihood.event_weight.sum()) * np.log(unit)
        logs = np.array([unit * moments.log_likelihood - shift for moments in (here, null)])
    if not all(np.isfinite(part).all() for part in (coefficients, covariance, logs)):
        raise NotEstimable(message("cox_statistics.reason.not_finite"))
    return Fit(
        coefficients, covariance, covariance, float(logs[0]), float(logs[1]), iterations, posed, beta, here.information
    )
