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
    ``share`` (q, q) is the covariance of q coordinates of V, ``products`` (q, k, k) is X'W V_i W X by each of them.
    """

    method: DegreesOfFreedom
    beta: Floats
    covariance: Floats
    model: Floats
    share: Floats
    products: Floats

    def estimates(self, weights: Floats) -> tuple[Floats, Floats, Floats]:
        """Estimate, standard error and df of each row of weights (r, k); df are infinite under "normal"."""
        values = weights @ self.beta
        # In very small samples Kenward and Roger's adjustment can take a variance below 0, which has no root.
        with np.errstate(invalid="ignore"):
            errors = np.sqrt(np.einsum("rk,kl,rl->r", weights, self.covariance, weights))
        if self.method == "normal" or weights.size == 0:
            return values, errors, np.full(len(weights), math.inf)
        side = self.model @ weights.T
        variance = np.einsum("rk,kr->r", weights, side)
        relative = np.einsum("ikr,kr->ir", self.products @ side, side) / variance
        return values, errors, 2 / np.einsum("ir,ij,jr->r", relative, self.share, relative)

    def joint(self, weights: Floats) -> tuple[float, float] | None:
        """F statistic and denominator df that all rows of weights (r, k), independent, are 0; None without df."""
        r = len(weights)
        try:
            root = np.linalg.cholesky(weights @ self.covariance @ weights.T)
        except np.linalg.LinAlgError:
            return None
        turned = np.linalg.solve(root, weights @ self.beta)
        statistic = float(turned @ turned) / r
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
        a1, a2 = float(traces @ self.share @ traces), float((self.share * both).sum())
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
    point, share = fit.point, fit.coordinate_covariance
    adjusted = point.phi
    if method in ("kenward-roger", "kenward-roger-linear"):
        adjusted = adjusted_covariance(fit, share, second_order=method == "kenward-roger")
    return Inference(method, point.beta + shift, adjusted, point.phi, share, fit.derivatives.products)


def adjusted_covariance(fit: Fit, share: Floats, *, second_order: bool) -> Floats:
    """Kenward and Roger's covariance of the coefficients. Q and P turn with the parameters; R is of SAS's own."""
    likelihood, point, found = fit.likelihood, fit.point, fit.derivatives
    data, structure, parameters = likelihood.data, likelihood.structure, likelihood.split(point.theta)
    q = parameters.shape[1]
    # sum_ij A_ij (Q_ij - R_ij / 4) is X'W M W X with M = sum_ij A_ij (V_i W V_j - V_ij / 4), one M per pattern.
    middle = np.zeros_like(point.inverse)
    for group in range(data.groups):
        own, mine = data.group == group, slice(group * q, (group + 1) * q)
        mixed = np.tensordot(share[mine, mine], found.basis[group], axes=1)
        for one, other in zip(found.basis[group], mixed, strict=True):
            middle[own] += one @ point.inverse[own] @ other
        if second_order and structure.second is not None:
            own_share = fit.theta_covariance[mine, mine]
            middle[own] -= np.tensordot(own_share, structure.second(parameters[group]), axes=2) / 4
    k = len(point.beta)
    pattern = np.repeat(np.arange(data.count.size), data.count)
    quadratic = point.whitened.reshape(-1, k).T @ (middle[pattern] @ point.whitened).reshape(-1, k)
    moved = np.tensordot(share, found.products, axes=1) @ point.phi
    crossed = np.tensordot(moved, found.products, axes=([0, 2], [0, 1]))
    change = point.phi @ (quadratic - crossed) @ point.phi
    return point.phi + change + change.T
