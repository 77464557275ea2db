"""Standard errors and degrees of freedom of linear combinations of the coefficients, and joint tests.

Satterthwaite: df = 2 v^2 / (g'A g), v = l Phi l', g its gradient by the covariance parameters, A their covariance
(Giesbrecht & Burns 1985, Biometrics 41:477). For several combinations after Fai & Cornelius (1996, J Stat Comput Simul
54:363). Kenward & Roger (1997, Biometrics 53:983) replace Phi by

    Phi_A = Phi + 2 Phi [sum_ij A_ij (Q_ij - P_i Phi P_j - R_ij / 4)] Phi,

Q_ij = X'W V_i W V_j W X, P_i = -X'W V_i W X, R_ij = X'W V_ij W X, and scale the F statistic; the linear variant leaves
R out. A is twice the inverse of the observed second derivatives of -2 log L, as in SAS PROC MIXED.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Literal

import numpy as np

from evidence_lib.statistics.inputs import Floats
from evidence_lib.statistics.means.mmrm.fitting import Fit

DegreesOfFreedom = Literal["satterthwaite", "kenward-roger", "kenward-roger-linear", "normal"]


@dataclass(frozen=True, eq=False)
class Inference:
    """What combinations of the fitted coefficients need: everything in the coordinates of the fit.

    ``covariance`` (k, k) is that of the coefficients, adjusted under Kenward-Roger; ``model`` (k, k) is not.
    ``theta`` (q, q) is the covariance of the covariance parameters, ``products`` (q, k, k) is X'W V_i W X.
    """

    method: DegreesOfFreedom
    beta: Floats
    covariance: Floats
    model: Floats
    theta: Floats
    products: Floats

    def estimates(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Estimate, standard error and df of each row of weights (r, k); df are infinite under "normal"."""
        values = weights @ self.beta
        errors = np.sqrt(np.einsum("rk,kl,rl->r", weights, self.covariance, weights))
        if self.method == "normal" or weights.size == 0:
            return values, errors, np.full(len(weights), math.inf)
        side = self.model @ weights.T
        variance = np.einsum("rk,kr->r", weights, side)
        slopes = np.einsum("ikr,kr->ir", self.products @ side, side)
        return values, errors, 2 * variance**2 / np.einsum("ir,ij,jr->r", slopes, self.theta, slopes)

    def joint(self, weights: Floats) -> tuple[float, float] | None:
        """F statistic and denominator df that all rows of weights (r, k), independent, are 0; None without df."""
        r = len(weights)
        values = weights @ self.beta
        statistic = float(values @ np.linalg.solve(weights @ self.covariance @ weights.T, values)) / r
        if self.method == "normal":
            return statistic, math.inf
        if r == 1:
            return statistic, float(self.estimates(weights)[2][0])
        if self.method == "satterthwaite":
            df = self._fai_cornelius(weights)
            return None if df is None else (statistic, df)
        found = self._kenward_roger(weights)
        return None if found is None else (found[0] * statistic, found[1])

    def _fai_cornelius(self, weights: Floats) -> float | None:
        """With E the sum of d / (d - 2) over the independent one-df parts whose df exceed 2: 2 E / (E - r)."""
        _, turn = np.linalg.eigh(weights @ self.model @ weights.T)
        parts = self.estimates(turn.T @ weights)[2]
        total = float((parts[parts > 2] / (parts[parts > 2] - 2)).sum())
        return 2 * total / (total - len(weights)) if total > len(weights) else None

    def _kenward_roger(self, weights: Floats) -> tuple[float, float] | None:
        """Scale and denominator df: Kenward & Roger 1997, section 3.2."""
        r = len(weights)
        middle = weights.T @ np.linalg.solve(weights @ self.model @ weights.T, weights)
        moved = middle @ self.model @ self.products @ self.model
        traces = np.trace(moved, axis1=1, axis2=2)
        both = moved.reshape(len(moved), -1) @ moved.swapaxes(1, 2).reshape(len(moved), -1).T
        a1, a2 = float(traces @ self.theta @ traces), float((self.theta * both).sum())
        b = (a1 + 6 * a2) / (2 * r)
        g = ((r + 1) * a1 - (r + 4) * a2) / ((r + 2) * a2)
        below = 3 * r + 2 * (1 - g)
        c1, c2, c3 = g / below, (r - g) / below, (r + 2 - g) / below
        if a2 >= r or c2 * b >= 1 or c3 * b >= 1:
            return None
        expectation = 1 / (1 - a2 / r)
        variance = 2 / r * (1 + c1 * b) / ((1 - c2 * b) ** 2 * (1 - c3 * b))
        ratio = variance / (2 * expectation**2)
        if r * ratio <= 1:
            return None
        df = 4 + (r + 2) / (r * ratio - 1)
        return (df / (expectation * (df - 2)), df) if df > 2 else None


def inference(fit: Fit, method: DegreesOfFreedom, *, shift: Floats) -> Inference:
    """The inference of this method from a fit whose coefficients are those of the data less ``shift``."""
    point, theta = fit.point, fit.theta_covariance
    adjusted = point.phi
    if method in ("kenward-roger", "kenward-roger-linear"):
        adjusted = _adjusted(fit, theta, second_order=method == "kenward-roger")
    return Inference(method, point.beta + shift, adjusted, point.phi, theta, fit.derivatives.products)


def _adjusted(fit: Fit, theta: Floats, *, second_order: bool) -> Floats:
    """Kenward and Roger's covariance of the coefficients."""
    likelihood, point = fit.likelihood, fit.point
    data, structure, parameters = likelihood.data, likelihood.structure, likelihood.split(point.theta)
    q = parameters.shape[1]
    # sum_ij A_ij (Q_ij - R_ij / 4) is X'W M W X with M = sum_ij A_ij (V_i W V_j - V_ij / 4), one M per pattern.
    middle = np.zeros_like(point.inverse)
    for group in range(data.groups):
        own = data.group == group
        share = theta[group * q : (group + 1) * q, group * q : (group + 1) * q]
        first = structure.first(parameters[group])
        mixed = np.tensordot(share, first, axes=1)
        for one, other in zip(first, mixed, strict=True):
            middle[own] += one @ point.inverse[own] @ other
        if second_order and structure.second is not None:
            middle[own] -= np.tensordot(share, structure.second(parameters[group]), axes=2) / 4
    k = len(point.beta)
    pattern = np.repeat(np.arange(data.count.size), data.count)
    quadratic = point.whitened.reshape(-1, k).T @ (middle[pattern] @ point.whitened).reshape(-1, k)
    products = fit.derivatives.products
    crossed = np.einsum("ij,iab,bc,jcd->ad", theta, products, point.phi, products, optimize=True)
    change = point.phi @ (quadratic - crossed) @ point.phi
    return point.phi + change + change.T
