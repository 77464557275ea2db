"""Covariance structures of the visits, each with the parameters that SAS PROC MIXED gives it.

A structure turns its parameters into the covariance matrix V of m visits and V's first and second derivatives.
Satterthwaite df do not depend on the parameters chosen; the second-order Kenward-Roger covariance does, and these
parameters make it the one of SAS (none of un, cs and toep has a second derivative).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cache
from typing import Literal

import numpy as np

from evidence_lib.statistics.inputs import Floats

Covariance = Literal["un", "toep", "toeph", "ar1", "ar1h", "cs", "csh"]

# Off-diagonal elements of a start are brought towards 0 until its correlation matrix is this far from singular.
START_EIGENVALUE = 0.05


@dataclass(frozen=True)
class Structure:
    """One structure for a number of visits.

    ``matrix`` takes the q parameters to V (m, m), ``first`` to dV/dtheta (q, m, m), ``second`` to d2V/dtheta2
    (q, q, m, m); ``second`` is None where V is linear in its parameters. ``start`` takes a positive-definite matrix to
    parameters near it. ``names`` are those of the parameters; ``of_variance`` says which of them are in squared units
    of the outcome: the others are correlations.
    """

    names: tuple[str, ...]
    of_variance: tuple[bool, ...]
    matrix: Callable[[Floats], Floats]
    first: Callable[[Floats], Floats]
    second: Callable[[Floats], Floats] | None
    start: Callable[[Floats], Floats]


@cache
def structure(name: Covariance, visits: int) -> Structure:
    """The structure of this name. With one visit all of them are its variance."""
    if visits == 1 or name == "un":
        return _unstructured(visits)
    if name in ("cs", "toep"):
        return _linear(name, visits)
    if name == "ar1":
        return _first_order(visits)
    return _heterogeneous(name, visits)


def positive_definite(matrix: Floats) -> Floats:
    """The matrix with its off-diagonal elements brought towards 0 until it is safely positive definite."""
    scale = 1 / np.sqrt(np.diag(matrix))
    correlation = matrix * np.outer(scale, scale)
    lowest = float(np.linalg.eigvalsh(correlation)[0])
    # The eigenvalues of c R + (1 - c) I are c e + 1 - c.
    keep = 1.0 if lowest >= START_EIGENVALUE else (1 - START_EIGENVALUE) / (1 - lowest)
    return np.where(np.eye(len(matrix), dtype=bool), matrix, keep * matrix)


def _lags(visits: int) -> np.ndarray:
    position = np.arange(visits)
    return np.abs(position[:, None] - position)


def _unstructured(visits: int) -> Structure:
    row, column = np.tril_indices(visits)
    basis = np.zeros((row.size, visits, visits))
    basis[np.arange(row.size), row, column] = 1
    basis[np.arange(row.size), column, row] = 1
    names = tuple(
        f"covariance({a},{b})" if a != b else f"variance({a})" for a, b in zip(row + 1, column + 1, strict=True)
    )
    return _from_basis(basis, names, lambda v: v[row, column])


def _linear(name: str, visits: int) -> Structure:
    lags = _lags(visits)
    if name == "cs":
        basis = np.stack([np.ones((visits, visits)), np.eye(visits)])
        apart = lags > 0
        return _from_basis(
            basis,
            ("covariance", "residual variance"),
            lambda v: np.array([v[apart].mean(), np.diag(v).mean() - v[apart].mean()]),
        )
    basis = np.stack([(lags == lag).astype(float) for lag in range(visits)])
    names = ("variance", *(f"covariance(lag {lag})" for lag in range(1, visits)))
    return _from_basis(basis, names, lambda v: np.array([v[lags == lag].mean() for lag in range(visits)]))


def _from_basis(basis: Floats, names: tuple[str, ...], start: Callable[[Floats], Floats]) -> Structure:
    """V = sum of theta_i basis_i."""
    return Structure(
        names=names,
        of_variance=(True,) * len(names),
        matrix=lambda theta: np.tensordot(theta, basis, axes=1),
        first=lambda theta: basis,
        second=None,
        # Averages over lags need not be positive definite even where the matrix was.
        start=lambda v: start(positive_definite(np.tensordot(start(positive_definite(v)), basis, axes=1))),
    )


def _first_order(visits: int) -> Structure:
    """V_ab = s rho^|a - b|, with parameters (s, rho)."""

    def first(theta: Floats) -> Floats:
        power, slope, _ = _powers(theta[1], visits)
        return np.stack([power, theta[0] * slope])

    def second(theta: Floats) -> Floats:
        _, slope, bend = _powers(theta[1], visits)
        return np.array([[np.zeros_like(slope), slope], [slope, theta[0] * bend]])

    return Structure(
        names=("variance", "correlation"),
        of_variance=(True, False),
        matrix=lambda theta: theta[0] * _powers(theta[1], visits)[0],
        first=first,
        second=second,
        start=lambda v: np.array([np.diag(v).mean(), _mean_correlations(v)[0]]),
    )


def _heterogeneous(name: str, visits: int) -> Structure:
    """V_ab = sqrt(v_a v_b) C_ab, with parameters (v_1, ..., v_m, those of the correlation matrix C)."""
    lags = _lags(visits)
    count = visits - 1 if name == "toeph" else 1
    lag_basis = np.stack([(lags == lag).astype(float) for lag in range(1, visits)])
    basis = {"toeph": lag_basis, "csh": (lags > 0).astype(float)[None]}.get(name)

    def correlations(theta: Floats) -> tuple[Floats, Floats, Floats]:
        """C, dC and d2C by the correlation parameters."""
        rho = theta[visits:]
        if basis is None:
            power, slope, bend = _powers(rho[0], visits)
            return power, slope[None], bend[None, None]
        return np.eye(visits) + np.tensordot(rho, basis, axes=1), basis, np.zeros((count, count, visits, visits))

    # touches[a] is 2 in element (a, a), 1 in the others of its row and column: dV/dv_a = V touches[a] / (2 v_a).
    touches = np.zeros((visits, visits, visits))
    for a in range(visits):
        touches[a, a, :] += 1
        touches[a, :, a] += 1

    def matrix(theta: Floats) -> Floats:
        spread = np.sqrt(theta[:visits])
        return np.outer(spread, spread) * correlations(theta)[0]

    def first(theta: Floats) -> Floats:
        spread = np.sqrt(theta[:visits])
        scale = np.outer(spread, spread)
        c, dc, _ = correlations(theta)
        half = touches / (2 * theta[:visits, None, None])
        return np.concatenate([half * (scale * c), scale * dc])

    def second(theta: Floats) -> Floats:
        spread = np.sqrt(theta[:visits])
        scale = np.outer(spread, spread)
        c, dc, d2c = correlations(theta)
        half = touches / (2 * theta[:visits, None, None])
        out = np.empty((visits + count, visits + count, visits, visits))
        out[:visits, :visits] = half[:, None] * half[None] * (scale * c)
        for a in range(visits):
            out[a, a] -= half[a] * scale * c / theta[a]
        out[:visits, visits:] = half[:, None] * (scale * dc)[None]
        out[visits:, :visits] = out[:visits, visits:].swapaxes(0, 1)
        out[visits:, visits:] = scale * d2c
        return out

    def start(v: Floats) -> Floats:
        means = _mean_correlations(positive_definite(v))
        rho = {"toeph": means, "csh": np.array([_all_pairs(v)]), "ar1h": means[:1]}[name]
        safe = np.concatenate([np.ones(visits), rho])
        while np.linalg.eigvalsh(matrix(safe))[0] < START_EIGENVALUE / 2:
            safe[visits:] *= 0.9
        return np.concatenate([np.diag(v), safe[visits:]])

    labels = tuple(f"correlation(lag {lag})" for lag in range(1, visits)) if name == "toeph" else ("correlation",)
    return Structure(
        names=(*(f"variance({a})" for a in range(1, visits + 1)), *labels),
        of_variance=(True,) * visits + (False,) * count,
        matrix=matrix,
        first=first,
        second=second,
        start=start,
    )


def _powers(rho: float, visits: int) -> tuple[Floats, Floats, Floats]:
    """rho^|a - b| and its first two derivatives by rho."""
    lags = _lags(visits)
    # An exponent below 0 would come from a lag whose derivative is 0.
    return (
        rho ** lags.astype(float),
        lags * rho ** np.maximum(lags - 1, 0).astype(float),
        lags * (lags - 1) * rho ** np.maximum(lags - 2, 0).astype(float),
    )


def _mean_correlations(v: Floats) -> Floats:
    """The mean correlation at each lag, from 1, inside (-0.9, 0.9)."""
    spread = np.sqrt(np.diag(v))
    correlation, lags = v / np.outer(spread, spread), _lags(len(v))
    return np.clip([correlation[lags == lag].mean() for lag in range(1, len(v))], -0.9, 0.9)


def _all_pairs(v: Floats) -> float:
    spread = np.sqrt(np.diag(v))
    correlation = v / np.outer(spread, spread)
    return float(np.clip(correlation[_lags(len(v)) > 0].mean(), -0.9, 0.9))
