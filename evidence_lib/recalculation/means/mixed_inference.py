"""Standard errors and degrees of freedom of a mixed model from numerical derivatives of its covariance."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Solution:
    """A fitted model: coefficients, their covariance by the method of ``df`` and by the model, and its slopes.

    All are of coordinates to which ``turn`` takes the weights of the coefficients.
    """

    method: str
    turn: Floats
    beta: Floats
    covariance: Floats
    phi: Floats
    share: Floats
    slopes: Floats

    def value(self, weights: Floats, shift: Floats) -> float:
        """One combination of the coefficients, which are those of the fit plus ``shift``."""
        return float(weights @ self.turn @ self.beta + weights @ shift)

    def variance(self, weights: Floats) -> float:
        """Its variance."""
        return float(weights @ self.turn @ self.covariance @ self.turn.T @ weights)

    def df(self, weights: Floats) -> float | None:
        """Degrees of freedom of one combination: twice the squared variance over the variance of the variance."""
        if self.method == "normal":
            return math.inf
        weights = weights @ self.turn
        slope = weights @ self.slopes @ weights
        found = 2 * float(weights @ self.phi @ weights) ** 2 / float(slope @ self.share @ slope)
        return found if found > 0 and math.isfinite(found) else None

    def joint(self, rows: Floats, shift: Floats) -> tuple[float, float] | None:
        """F statistic and denominator df of several combinations."""
        count = len(rows)
        values, turned = rows @ self.turn @ self.beta + rows @ shift, rows @ self.turn
        spread = turned @ self.covariance @ turned.T
        if np.linalg.eigvalsh(spread)[0] <= 0:
            return None
        statistic = float(values @ np.linalg.inv(spread) @ values) / count
        if self.method == "normal":
            return statistic, math.inf
        if count == 1:
            below = self.df(rows[0])
            return None if below is None else (statistic, below)
        if self.method == "satterthwaite":
            _, axes = np.linalg.eigh(turned @ self.phi @ turned.T)
            parts = [self.df(row) or 0.0 for row in axes.T @ rows]
            total = sum(part / (part - 2) for part in parts if part > 2)
            return (statistic, 2 * total / (total - count)) if total > count else None
        return self.kenward_roger(turned, statistic)

    def kenward_roger(self, rows: Floats, statistic: float) -> tuple[float, float] | None:
        """The F statistic scaled to have the mean and variance of an F distribution (Kenward & Roger 1997)."""
        count = len(rows)
        centre = rows.T @ np.linalg.inv(rows @ self.phi @ rows.T) @ rows
        moved = [centre @ slope for slope in self.slopes]
        a1 = a2 = 0.0
        for i, one in enumerate(moved):
            for j, other in enumerate(moved):
                a1 += self.share[i, j] * float(np.trace(one)) * float(np.trace(other))
                a2 += self.share[i, j] * float(np.trace(one @ other))
        b = (a1 + 6 * a2) / (2 * count)
        g = ((count + 1) * a1 - (count + 4) * a2) / ((count + 2) * a2)
        d = 3 * count + 2 * (1 - g)
        if a2 >= count or (count - g) / d * b >= 1 or (count + 2 - g) / d * b >= 1:
            return None
        mean = 1 / (1 - a2 / count)
        variance = 2 / count * (1 + g / d * b) / (1 - (count - g) / d * b) ** 2 / (1 - (count + 2 - g) / d * b)
        ratio = variance / (2 * mean**2)
        if count * ratio <= 1:
            return None
        below = 4 + (count + 2) / (count * ratio - 1)
        return (statistic * below / (mean * (below - 2)), below) if below > 2 else None


def natural(structure: str, v: NDArray[Any]) -> NDArray[Any]:
    """The parameters that SAS gives this structure, from V."""
    m = len(v)
    if structure == "un" or m == 1:
        return v[np.tril_indices(m)]
    if structure == "toep":
        return v[0]
    if structure == "cs":
        return np.array([v[0, 1], v[0, 0] - v[0, 1]])
    if structure == "ar1":
        return np.array([v[0, 0], v[0, 1] / v[0, 0]])
    spread = np.sqrt(np.diag(v))
    lags = v[0, 1:] / (spread[0] * spread[1:])
    return np.concatenate([np.diag(v), lags if structure == "toeph" else lags[:1]])


def from_natural(structure: str, theta: Floats, visits: int) -> Floats:
    """V from the parameters that SAS gives a structure with second derivatives."""
    gap = np.abs(np.subtract.outer(np.arange(visits), np.arange(visits)))
    spread = np.sqrt(theta[:visits]) if structure.endswith("h") else np.repeat(np.sqrt(theta[0]), visits)
    rest = theta[visits:] if structure.endswith("h") else theta[1:]
    lags = {
        "toeph": rest,
        "csh": np.repeat(rest[:1], visits - 1),
    }.get(structure, rest[0] ** np.arange(1, visits))
    return np.concatenate([[1.0], lags])[gap] * np.outer(spread, spread)


def curvature(structure: str, v: Floats, share: Floats) -> Floats:
    """Second derivatives of V by SAS's parameters, weighted by their covariance: second differences along its axes."""
    if structure in ("un", "cs", "toep") or len(v) == 1:
        return np.zeros_like(v)
    theta = natural(structure, v)
    # Steps in units of each variance, and of 1 for a correlation.
    variances = len(v) if structure.endswith("h") else 1
    unit = np.concatenate([theta[:variances], np.ones(theta.size - variances)])
    values, axes = np.linalg.eigh((share + share.T) / 2 / np.outer(unit, unit))
    total = np.zeros_like(v)

    def make(at: Floats) -> Floats:
        return from_natural(structure, at, len(v))

    for value, axis in zip(values, axes.T, strict=True):
        step = 1e-3 * axis * unit
        near = make(theta + step) + make(theta - step) - 2 * v
        far = make(theta + 2 * step) + make(theta - 2 * step) - 2 * v
        total += value * (16 * near - far) / (12 * 1e-6)
    return total
