"""How much effects differ beyond chance: Cochran's Q, and the variance between effects."""

from __future__ import annotations

from typing import Literal

import numpy as np

from evidence_lib.statistics.inputs import Floats

Tau2Method = Literal["DL", "REML"]


def pooled(effect: Floats, variance: Floats, tau2: float = 0.0) -> tuple[float, float]:
    """The inverse-variance mean and its variance, ``tau2`` being added to each variance."""
    weight = 1 / (variance + tau2)
    return float(weight @ effect / weight.sum()), float(1 / weight.sum())


def cochran_q(effect: Floats, variance: Floats) -> float:
    """The sum of squared distances from the inverse-variance mean, in standard errors (Cochran 1954)."""
    mean, _ = pooled(effect, variance)
    return float(((effect - mean) ** 2 / variance).sum())


def tau_squared(effect: Floats, variance: Floats, method: Tau2Method) -> float:
    """The variance between two effects or more: DerSimonian-Laird or restricted maximum likelihood."""
    return _dersimonian_laird(effect, variance) if method == "DL" else _reml(effect, variance)


def _dersimonian_laird(effect: Floats, variance: Floats) -> float:
    weight = 1 / variance
    scale = weight.sum() - (weight**2).sum() / weight.sum()
    return max((cochran_q(effect, variance) - (effect.size - 1)) / float(scale), 0.0)


def _reml(effect: Floats, variance: Floats) -> float:
    """The highest of the maxima of the restricted likelihood, found between changes of sign of its derivative."""
    from scipy.optimize import brentq

    # Beyond this the derivative is negative, since each squared residual is below it.
    most = float(np.ptp(effect)) ** 2 * effect.size
    if most == 0:
        return 0.0
    least = min(float(variance.min()), most) * 1e-6
    grid = np.concatenate([[0.0], np.geomspace(least, 2 * most, 200)])
    slope = _slope(effect, variance, grid)
    places = np.flatnonzero((slope[:-1] > 0) & (slope[1:] <= 0))
    roots = [
        brentq(
            lambda tau2: _slope(effect, variance, np.array([tau2]))[0], grid[i], grid[i + 1], xtol=1e-300, rtol=1e-13
        )
        for i in places
    ]
    return max([0.0, *map(float, roots)], key=lambda tau2: _log_likelihood(effect, variance, tau2))


def _slope(effect: Floats, variance: Floats, tau2: Floats) -> Floats:
    """Twice the derivative of the restricted log-likelihood at each tau2 (Viechtbauer 2005, J Educ Behav Stat 30)."""
    weight = 1 / (variance + tau2[:, None])
    total = weight.sum(axis=1)
    residual = effect - (weight @ effect / total)[:, None]
    found: Floats = ((weight * residual) ** 2).sum(axis=1) - total + (weight**2).sum(axis=1) / total
    return found


def _log_likelihood(effect: Floats, variance: Floats, tau2: float) -> float:
    total = variance + tau2
    mean, spread = pooled(effect, variance, tau2)
    return float(-np.log(total).sum() + np.log(spread) - ((effect - mean) ** 2 / total).sum()) / 2
