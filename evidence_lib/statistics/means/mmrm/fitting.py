"""Maximum (restricted) likelihood by Newton's method, and the structures that are tried one after another."""

from __future__ import annotations

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
# g'H^-1 g: how far -2 log L can still fall. The last step from here leaves an error of its square.
DECREMENT = 1e-8
# Eigenvalues, in units of the largest, below which a matrix is singular: a correlation matrix, an information matrix.
SINGULAR_CORRELATION, SINGULAR_INFORMATION = 1e-10, 1e-10


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
    def theta_covariance(self) -> Floats:
        """The covariance of the covariance parameters: 2 (d2(-2 log L))^-1, by the observed information."""
        return 2 * _solved(self.derivatives.hessian, np.eye(len(self.derivatives.hessian)))


def fit(data: Repeated, *, chosen: Covariance, fallback: Sequence[Covariance], restricted: bool) -> Fit:
    """The first of the structures that can be fitted. Raises DataError, saying what to try, where none can."""
    failed: list[tuple[Covariance, Message]] = []
    for name in (chosen, *fallback):
        try:
            likelihood, point, derivatives, iterations, decrement = _one(data, name, restricted)
        except NotEstimable as gap:
            failed.append((name, gap.reason))
            continue
        return Fit(name, tuple(failed), likelihood, point, derivatives, iterations, decrement)
    raise DataError(
        "the mixed model cannot be fitted",
        where="mmrm",
        expected="a covariance structure that the data can estimate",
        found="; ".join(f"{name}: {reason}" for name, reason in failed),
        mend="declare simpler structures in fallback (such as toeph, ar1h, csh, cs, ar1), join sparse visits, "
        "or leave out terms of the model",
    )


def _one(data: Repeated, name: Covariance, restricted: bool) -> tuple[Likelihood, Point, Derivatives, int, float]:
    """The maximum under one structure. Raises NotEstimable."""
    _refuse_unseen(data, name)
    likelihood = Likelihood(data, structure(name, data.visits), restricted)
    theta = np.concatenate([likelihood.structure.start(v) for v in _moments(data)])
    point = likelihood.at(theta)
    if point is None:
        raise NotEstimable(message("mmrm_statistics.reason.no_start"))
    for iteration in range(1, ITERATIONS + 1):
        derivatives = likelihood.derivatives(point)
        step, decrement, newton = _direction(derivatives)
        if newton and decrement <= DECREMENT:
            point = likelihood.at(point.theta + step) or point
            derivatives = likelihood.derivatives(point)
            _refuse_boundary(likelihood, point, derivatives)
            return likelihood, point, derivatives, iteration, _direction(derivatives)[1]
        moved = _line(likelihood, point, step, decrement)
        if moved is None and newton:
            step, decrement = _scoring(derivatives)
            moved = _line(likelihood, point, step, decrement)
        _refuse_boundary(likelihood, moved or point, None)
        if moved is None:
            raise NotEstimable(message("mmrm_statistics.reason.stuck"))
        point = moved
    raise NotEstimable(message("mmrm_statistics.reason.iterations", number=ITERATIONS))


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
    if _definite(derivatives.hessian):
        step = -_solved(derivatives.hessian, derivatives.gradient)
        return step, float(-step @ derivatives.gradient), True
    return *_scoring(derivatives), False


def _scoring(derivatives: Derivatives) -> tuple[Floats, float]:
    if not _definite(derivatives.expected):
        raise NotEstimable(message("mmrm_statistics.reason.information"))
    step = -_solved(derivatives.expected, derivatives.gradient)
    return step, float(-step @ derivatives.gradient)


def _scaled(matrix: Floats) -> tuple[Floats, Floats]:
    diagonal = np.diag(matrix)
    scale = 1 / np.sqrt(np.where(diagonal > 0, diagonal, 1.0))
    return matrix * np.outer(scale, scale), scale


def _definite(matrix: Floats) -> bool:
    if not np.isfinite(matrix).all() or (np.diag(matrix) <= 0).any():
        return False
    return bool(np.linalg.eigvalsh(_scaled(matrix)[0])[0] > SINGULAR_INFORMATION)


def _solved(matrix: Floats, right: Floats) -> Floats:
    """The solution for a symmetric matrix whose rows may be of very different size."""
    scaled, scale = _scaled(matrix)
    side = scale if right.ndim == 1 else scale[:, None]
    return side * np.linalg.solve(scaled, side * right)


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


def _refuse_boundary(likelihood: Likelihood, point: Point, derivatives: Derivatives | None) -> None:
    """Raise NotEstimable at a singular covariance matrix, or a maximum whose information is singular."""
    for v in likelihood.covariances(point.theta):
        if np.linalg.eigvalsh(_scaled(v)[0])[0] < SINGULAR_CORRELATION:
            raise NotEstimable(message("mmrm_statistics.reason.boundary"))
    if derivatives is not None and not _definite(derivatives.hessian):
        raise NotEstimable(message("mmrm_statistics.reason.information"))


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
