"""The (restricted) likelihood of the covariance parameters, with analytic first and second derivatives.

Subjects with the same visits and covariance matrix share one pattern: matrices are inverted once per pattern. All
arrays keep m visits, with zeros where a visit is missing. With P = W - W X Phi X'W, W the inverse of the covariance
matrix of all observations, Phi = (X'WX)^-1 and e = P y (Lindstrom & Bates 1988, JASA 83:1014):

    d(-2 log L)/dtheta_i          = tr(P V_i) - e'V_i e
    d2(-2 log L)/dtheta_i dtheta_j = -tr(P V_i P V_j) + 2 e'V_i P V_j e + tr(P V_ij) - e'V_ij e

for REML; for ML, P becomes W in the traces.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from evidence_lib.statistics.inputs import Counts, Flags, Floats
from evidence_lib.statistics.means.mmrm.structures import Structure


@dataclass(frozen=True, eq=False)
class Repeated:
    """n subjects, sorted by pattern, at m visits; k columns of the design.

    ``x`` (n, m, k) and ``y`` (n, m) are 0 where a visit is missing. ``first`` (s,) is the first subject of each
    pattern, ``count`` (s,) their number, ``seen`` (s, m) the visits of the pattern and ``group`` (s,) the number of
    its covariance matrix, of ``groups``. ``labels`` (m,) are the visits as texts.
    """

    x: Floats
    y: Floats
    first: Counts
    count: Counts
    seen: Flags
    group: Counts
    groups: int
    labels: tuple[str, ...]

    @property
    def visits(self) -> int:
        """The number of visits, m."""
        return self.y.shape[1]


@dataclass(frozen=True, eq=False)
class Point:
    """The likelihood at one value of the parameters, and what its derivatives need.

    ``value`` is -2 log L without its constant, ``beta`` (k,) the generalised least-squares coefficients, ``phi``
    (k, k) their covariance and ``half`` (k, k) a root of it, phi = half half'; ``inverse`` (s, m, m) the inverse of
    each pattern's covariance matrix, ``whitened`` (n, m, k) W X and ``residual`` (n, m) e.
    """

    theta: Floats
    value: float
    beta: Floats
    phi: Floats
    half: Floats
    inverse: Floats
    whitened: Floats
    residual: Floats


@dataclass(frozen=True, eq=False)
class Derivatives:
    """Derivatives of -2 log L by q coordinates for which a subject with all visits has unit information.

    That keeps their matrices well conditioned where variances differ widely or correlations are near 1. ``turn``
    (q, q) takes steps of the parameters to steps of the coordinates, and ``basis`` (groups, q / groups, m, m) holds
    the derivatives of each group's V by its own ones. ``hessian`` is the observed one, ``expected`` its expectation;
    ``products`` (q, k, k) holds X'W V_i W X, which is minus the derivative of X'WX.
    """

    gradient: Floats
    hessian: Floats
    expected: Floats
    products: Floats
    basis: Floats
    turn: Floats


@dataclass(frozen=True, eq=False)
class Likelihood:
    """-2 log L of repeated measures under one structure, of which each group has its own parameters."""

    data: Repeated
    structure: Structure
    restricted: bool

    def split(self, theta: Floats) -> Floats:
        """The parameters as one row per group."""
        return theta.reshape(self.data.groups, -1)

    def covariances(self, theta: Floats) -> Floats:
        """V of each group, (groups, m, m)."""
        return np.stack([self.structure.matrix(row) for row in self.split(theta)])

    def singular(self, point: Point, limit: float) -> bool:
        """Whether an eigenvalue of a correlation matrix is below the limit."""
        v = self.covariances(point.theta)
        spread = np.sqrt(np.diagonal(v, axis1=1, axis2=2))
        return bool((np.linalg.eigvalsh(v / (spread[:, :, None] * spread[:, None, :])) < limit).any())

    def at(self, theta: Floats) -> Point | None:
        """The likelihood at these parameters; None where a covariance matrix is not positive definite."""
        data = self.data
        if not np.isfinite(theta).all():
            return None
        # A variance below 0 has no square root: V is then NaN, which Cholesky's decomposition refuses.
        with np.errstate(invalid="ignore"):
            v = self.covariances(theta)
        try:
            np.linalg.cholesky(v)
            both = data.seen[:, :, None] & data.seen[:, None, :]
            padded = np.where(both, v[data.group], np.eye(data.visits))
            logs = 2 * np.log(np.diagonal(np.linalg.cholesky(padded), axis1=1, axis2=2)).sum(axis=1)
            inverse = np.where(both, np.linalg.inv(padded), 0.0)
            weight = inverse[np.repeat(np.arange(data.count.size), data.count)]
            whitened = weight @ data.x
            k = data.x.shape[2]
            information = data.x.reshape(-1, k).T @ whitened.reshape(-1, k)
            root = np.linalg.cholesky((information + information.T) / 2)
        except np.linalg.LinAlgError:
            return None
        if not np.isfinite(root).all():
            return None
        half = solve_triangular(root, np.eye(k), lower=True).T
        phi = half @ half.T
        beta = phi @ (whitened.reshape(-1, k).T @ data.y.ravel())
        # Once more for what rounding left: normal equations alone lose digits where variances differ widely.
        left = data.y - data.x @ beta
        beta = beta + phi @ (whitened.reshape(-1, k).T @ left.ravel())
        left = data.y - data.x @ beta
        residual = (weight @ left[:, :, None])[:, :, 0]
        value = float(data.count @ logs + np.vdot(left, residual))
        if self.restricted:
            value += 2 * float(np.log(np.diag(root)).sum())
        return Point(theta, value, beta, phi, half, inverse, whitened, residual) if np.isfinite(value) else None

    def derivatives(self, point: Point) -> Derivatives:
        """Gradient, observed and expected Hessian at a point."""
        data, theta = self.data, self.split(point.theta)
        q, size, k = theta.shape[1], theta.size, point.phi.shape[0]
        # Per pattern: sums over its subjects of W X Phi X'W, and of e e'.
        fitted = point.whitened @ point.half
        spread = np.add.reduceat(fitted @ fitted.swapaxes(1, 2), data.first, axis=0)
        if not self.restricted:
            spread = np.zeros_like(spread)
        errors = np.add.reduceat(point.residual[:, :, None] * point.residual[:, None, :], data.first, axis=0)
        weights = data.count[:, None, None] * point.inverse
        slopes = weights - spread - errors
        # Visits first, so that V_i acts on all subjects in one product.
        wide = np.concatenate([point.whitened, point.residual[:, :, None]], axis=2).swapaxes(0, 1)
        owner = np.repeat(data.group, data.count)
        gradient, turn = np.empty(size), np.zeros((size, size))
        observed, expected = np.zeros((size, size)), np.zeros((size, size))
        basis, forms = np.empty((data.groups, q, data.visits, data.visits)), np.empty((size, k + 1, k + 1))
        for group, v in enumerate(self.covariances(point.theta)):
            own, mine = data.group == group, slice(group * q, (group + 1) * q)
            basis[group], turn[mine, mine] = _unit_information(v, self.structure.first(theta[group]))
            total = slopes[own].sum(axis=0)
            gradient[mine] = np.tensordot(basis[group], total, axes=2)
            inverse = point.inverse[own]
            observed[mine, mine] = _traces(basis[group], inverse, (-weights + 2 * (spread + errors))[own])
            expected[mine, mine] = _traces(basis[group], inverse, (weights - 2 * spread)[own])
            if self.structure.second is not None:
                bend = np.tensordot(self.structure.second(theta[group]), total, axes=2)
                observed[mine, mine] += _turned(turn[mine, mine], bend)
            forms[mine] = _forms(basis[group], wide if data.groups == 1 else wide[:, owner == group])
        products, cross = forms[:, :k, :k], forms[:, :k, k]
        observed -= 2 * cross @ point.phi @ cross.T
        if self.restricted:
            moved = products @ point.phi
            both = moved.reshape(size, -1) @ moved.swapaxes(1, 2).reshape(size, -1).T
            observed -= both
            expected += both
        return Derivatives(gradient, _symmetric(observed), _symmetric(expected), products, basis, turn)


def _unit_information(v: Floats, first: Floats) -> tuple[Floats, Floats]:
    """Combinations D_i of the derivatives of V for which tr(V^-1 D_i V^-1 D_j) is 1 or 0, and the way to them.

    They are L O_i L' with V = LL' and orthonormal O_i, from the QR decomposition of the L^-1 V_i L'^-1.
    """
    m, root = len(v), np.linalg.cholesky(v)
    half = np.linalg.solve(root, first)
    white = np.linalg.solve(root, half.swapaxes(1, 2))
    unit, turn = np.linalg.qr(white.reshape(len(first), -1).T)
    unit = unit.T.reshape(len(first), m, m)
    return _symmetric(root @ unit @ root.T), turn


def _turned(turn: Floats, matrix: Floats) -> Floats:
    """A second derivative by the parameters as one by the coordinates: turn'^-1 matrix turn^-1."""
    return np.linalg.solve(turn.T, np.linalg.solve(turn.T, matrix).T).T


def _symmetric(matrix: Floats) -> Floats:
    return (matrix + matrix.swapaxes(-1, -2)) / 2


def _traces(basis: Floats, inverse: Floats, middle: Floats) -> Floats:
    """Sum over patterns of tr(D_i W D_j K), (q, q), for symmetric D, W and K."""
    patterns, m, _ = inverse.shape
    rows = np.empty((len(basis), m * m))
    # K D_i W summed over patterns as one product of (m, s m) and (s m, m).
    side = middle.transpose(1, 0, 2).reshape(m, patterns * m)
    for position, one in enumerate(basis):
        rows[position] = (side @ (one @ inverse).reshape(patterns * m, m)).ravel()
    return rows @ basis.reshape(len(basis), -1).T


def _forms(basis: Floats, wide: Floats) -> Floats:
    """Sum over subjects of Z'D_i Z, (q, k, k), for Z of visits first, (m, n, k)."""
    m, _, k = wide.shape
    total = np.zeros((len(basis), k * k))
    for visit in range(m):
        total += basis[:, visit] @ (wide[visit].T @ wide).reshape(m, k * k)
    return total.reshape(-1, k, k)
