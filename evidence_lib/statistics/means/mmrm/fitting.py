"""Maximum (restricted) likelihood by Newton's method, and the structures that are tried one after another."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evidence_lib.errors import DataError
from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Floats
from evidence_lib.statistics.means.mmrm.likelihood import Derivatives, Likelihood, Point, Repeated
from evidence_lib.statistics.means.mmrm.structures import Covariance, structure
from evidence_lib.statistics.not_estimable import NotEstimable

ITERATIONS = 200
HALVINGS = 40
# g'H^-1 g, twice what -2 log L can still fall by, below which full steps of Newton converge.
DECREMENT = 1e-8
# Steps in a row, none of them Newton's, that lower -2 log L by less than this end a search.
STALL, STALLS = 1e-3, 15
# Two values of -2 log L that belong to one maximum.
SAME_MAXIMUM = 1e-6
# The smallest eigenvalue of a correlation matrix that is not singular.
SINGULAR = 1e-8
# Information on a covariance parameter, in subjects with all visits, below which the data do not determine it.
SUBJECTS = 1e-4
# The same, from which on a Hessian gives a step.
DEFINITE = 1e-8


@dataclass(frozen=True, eq=False)
class Climb:
    """Where a search ended: a maximum, or ``reason`` says why it is none."""

    point: Point
    derivatives: Derivatives
    iterations: int
    decrement: float
    reason: Message | None


@dataclass(frozen=True, eq=False)
class Fit:
    """A maximum: the structure used, those tried before it with the reason why each failed, and the derivatives."""

    name: Covariance
    failed: tuple[tuple[Covariance, Message], ...]
    likelihood: Likelihood
    point: Point
    derivatives: Derivatives
    iterations: int
    decrement: float

    @property
    def coordinate_covariance(self) -> Floats:
        """The covariance of the coordinates of the derivatives: 2 (d2(-2 log L))^-1, by the observed information."""
        return np.asarray(2 * np.linalg.inv(self.derivatives.hessian), dtype=float)

    @property
    def theta_covariance(self) -> Floats:
        """The same of the covariance parameters."""
        back = np.linalg.inv(self.derivatives.turn)
        return back @ self.coordinate_covariance @ back.T


def fit(data: Repeated, *, chosen: Covariance, fallback: Sequence[Covariance], restricted: bool) -> Fit:
    """The first of the structures that can be fitted. Raises DataError, saying what to try, where none can."""
    failed: list[tuple[Covariance, Message]] = []
    for name in (chosen, *fallback):
        try:
            likelihood, end = _one(data, name, restricted)
        except NotEstimable as gap:
            failed.append((name, gap.reason))
            continue
        return Fit(name, tuple(failed), likelihood, end.point, end.derivatives, end.iterations, end.decrement)
    raise DataError(
        "the mixed model cannot be fitted",
        where="mmrm",
        expected="a covariance structure that the data can estimate",
        found="; ".join(f"{name}: {reason}" for name, reason in failed),
        mend="declare simpler structures in fallback (such as toeph, ar1h, csh, cs, ar1), join sparse visits, "
        "or leave out terms of the model",
    )


def _one(data: Repeated, name: Covariance, restricted: bool) -> tuple[Likelihood, Climb]:
    """The maximum under one structure. Raises NotEstimable.

    Two starts, since a likelihood of sparse data may have several maxima: the covariances of the residuals, and their
    variances alone. The higher end counts, and where that is no maximum the structure has failed.
    """
    _refuse_unseen(data, name)
    likelihood = Likelihood(data, structure(name, data.visits), restricted)
    moments = _moments(data)
    starts = [moments, moments * np.eye(data.visits)]
    ends = [_climb(likelihood, np.concatenate([likelihood.structure.start(v) for v in start])) for start in starts]
    best = min(end.point.value for end in ends)
    # Of ends at one maximum the first that is sound, so that rounding does not decide.
    near = [end for end in ends if end.point.value <= best + SAME_MAXIMUM]
    chosen = next((end for end in near if end.reason is None), near[0])
    if chosen.reason is not None:
        raise NotEstimable(chosen.reason)
    return likelihood, chosen


def _climb(likelihood: Likelihood, start: Floats) -> Climb:
    """Newton's method from one start. Raises NotEstimable where some residuals are 0, which the start shows."""
    point = likelihood.at(start)
    if point is None:
        raise NotEstimable(message("mmrm_statistics.reason.boundary"))
    stalled = 0
    for iteration in range(1, ITERATIONS + 1):
        derivatives = likelihood.derivatives(point)
        step, decrement, newton = _direction(derivatives)
        if newton and decrement <= DECREMENT:
            return _polished(likelihood, point, derivatives, iteration)
        moved = _line(likelihood, point, step, decrement)
        if moved is None and newton:
            step, decrement = _scoring(derivatives)
            moved = _line(likelihood, point, step, decrement)
        if moved is None:
            why = _flaw(likelihood, point, derivatives) or message("mmrm_statistics.reason.stuck")
            return Climb(point, derivatives, iteration, decrement, why)
        # A valley in which the likelihood hardly rises and has no maximum: some parameter is free there.
        stalled = 0 if newton or moved.value < point.value - STALL else stalled + 1
        point = moved
        if likelihood.singular(point, SINGULAR):
            why = message("mmrm_statistics.reason.boundary")
            return Climb(point, derivatives, iteration, decrement, why)
        if stalled > STALLS:
            why = message("mmrm_statistics.reason.information")
            return Climb(point, derivatives, iteration, decrement, why)
    why = message("mmrm_statistics.reason.iterations", number=ITERATIONS)
    return Climb(point, derivatives, ITERATIONS, decrement, why)


def _polished(likelihood: Likelihood, point: Point, derivatives: Derivatives, iteration: int) -> Climb:
    """Full steps near the maximum, too small for the likelihood to judge, until rounding stops them."""
    step, decrement, newton = _direction(derivatives)
    while newton:
        moved = likelihood.at(point.theta + step)
        if moved is None:
            break
        slopes = likelihood.derivatives(moved)
        following, less, newton = _direction(slopes)
        if less >= decrement / 4:
            break
        point, derivatives, step, decrement, iteration = moved, slopes, following, less, iteration + 1
    return Climb(point, derivatives, iteration, decrement, _flaw(likelihood, point, derivatives))


def _line(likelihood: Likelihood, point: Point, step: Floats, decrement: float) -> Point | None:
    """The first point along the step that lowers -2 log L enough (Armijo); None where there is none."""
    length = 1.0
    for _ in range(HALVINGS):
        moved = likelihood.at(point.theta + length * step)
        if moved is not None and moved.value <= point.value - 1e-4 * length * decrement:
            return moved
        length /= 2
    return None


def _direction(derivatives: Derivatives) -> tuple[Floats, float, bool]:
    """Newton's step where the observed Hessian is positive definite, else that of Fisher's scoring."""
    if _least(derivatives.hessian) > DEFINITE:
        return *_step(derivatives, derivatives.hessian), True
    return *_scoring(derivatives), False


def _scoring(derivatives: Derivatives) -> tuple[Floats, float]:
    """Fisher's step; along the gradient where the expected information is singular too."""
    return _step(derivatives, derivatives.expected if _least(derivatives.expected) > DEFINITE else None)


def _step(derivatives: Derivatives, matrix: Floats | None) -> tuple[Floats, float]:
    """The step of the parameters, and the decrement."""
    gradient = derivatives.gradient
    step = -gradient if matrix is None else -np.linalg.solve(matrix, gradient)
    return np.linalg.solve(derivatives.turn, step), float(-step @ gradient)


def _least(matrix: Floats) -> float:
    """The smallest eigenvalue: information in subjects with all visits."""
    return float(np.linalg.eigvalsh(matrix)[0]) if np.isfinite(matrix).all() else -math.inf


def _refuse_unseen(data: Repeated, name: Covariance) -> None:
    """Raise NotEstimable where a parameter has no visit, or no pair of visits, to be estimated from."""
    apart = np.abs(np.subtract.outer(np.arange(data.visits), np.arange(data.visits)))
    for group in range(data.groups):
        seen, count = data.seen[data.group == group].astype(float), data.count[data.group == group]
        pairs = (seen * count[:, None]).T @ seen
        unseen = np.flatnonzero(np.diag(pairs) == 0)
        if unseen.size and name not in ("ar1", "cs", "toep"):
            raise NotEstimable(message("mmrm_statistics.reason.visit", visit=data.labels[unseen[0]]))
        if data.visits > 1 and not pairs[apart > 0].any():
            raise NotEstimable(message("mmrm_statistics.reason.no_pairs"))
        if name == "un" and (pairs == 0).any():
            a, b = np.argwhere(pairs == 0)[0]
            raise NotEstimable(message("mmrm_statistics.reason.pair", first=data.labels[a], second=data.labels[b]))
        lags = [lag for lag in range(1, data.visits) if name in ("toep", "toeph") and not pairs[apart == lag].any()]
        if lags:
            raise NotEstimable(message("mmrm_statistics.reason.lag", lag=lags[0]))


def _flaw(likelihood: Likelihood, point: Point, derivatives: Derivatives) -> Message | None:
    """What is wrong with a maximum: a singular covariance matrix, or next to no information on a parameter."""
    if likelihood.singular(point, SINGULAR):
        return message("mmrm_statistics.reason.boundary")
    if _least(derivatives.hessian) < SUBJECTS:
        return message("mmrm_statistics.reason.information")
    return None


def _moments(data: Repeated) -> Floats:
    """Covariances of the least-squares residuals over the subjects seen at both visits, (groups, m, m)."""
    owner = np.repeat(data.group, data.count)
    seen = data.seen[np.repeat(np.arange(data.count.size), data.count)].astype(float)
    out = []
    for group in range(data.groups):
        left, there = data.y[owner == group], seen[owner == group]
        pairs = np.maximum(there.T @ there, 1)
        v = left.T @ left / pairs
        # A visit whose residuals are all 0 (one subject at it, say) starts with the mean variance.
        diagonal = np.diag(v).copy()
        mean = diagonal.mean() if diagonal.mean() > 0 else 1.0
        np.fill_diagonal(v, np.where(diagonal > 1e-8 * mean, diagonal, mean))
        out.append(v)
    return np.stack(out)
