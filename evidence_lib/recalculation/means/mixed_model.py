"""A mixed model for repeated measures by general tools: Cholesky factors, a quasi-Newton search, numerical derivatives.

The covariance matrix is written so that every real vector gives a positive-definite one: logarithms and a Cholesky
factor (un), hyperbolic tangents of partial autocorrelations (toep, toeph, ar1, ar1h), a logit (cs, csh). All its
derivatives are complex-step or central differences.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from evidence_lib.recalculation.means.mixed_inference import Solution, curvature, natural

Floats = NDArray[np.float64]

TINY, STEP = 1e-30, 1e-4
# A correlation matrix with a smaller eigenvalue is singular; fewer subjects' worth of information is none.
SINGULAR, SUBJECTS = 1e-8, 1e-4


class Unfitted(Exception):
    """The data do not determine this covariance matrix."""


@dataclass(frozen=True, eq=False)
class Block:
    """Subjects seen at the same visits, with one covariance matrix: x (n, v, k), y (n, v) of the v ``visits``."""

    group: int
    visits: list[int]
    x: Floats
    y: Floats


@dataclass(frozen=True, eq=False)
class Model:
    """-2 log L of blocks, as a function of the free parameters of each group's covariance matrix."""

    blocks: list[Block]
    groups: int
    visits: int
    structure: str
    restricted: bool

    @property
    def size(self) -> int:
        """The number of free parameters of one group."""
        m = self.visits
        if m == 1:
            return 1
        sizes = {"un": m * (m + 1) // 2, "toep": m, "toeph": 2 * m - 1, "ar1": 2, "cs": 2, "ar1h": m + 1, "csh": m + 1}
        return sizes[self.structure]

    def matrix(self, free: NDArray[Any]) -> NDArray[Any]:
        """V of one group; complex parameters give its complex continuation."""
        m = self.visits
        if self.structure == "un" or m == 1:
            root = np.eye(m, dtype=free.dtype)
            root[np.tril_indices(m, -1)] = free[m:]
            root = np.exp(free[:m])[:, None] * root
            return root @ root.T
        spread = free[:m] if self.structure.endswith("h") else np.repeat(free[:1], m)
        rest = free[m:] if self.structure.endswith("h") else free[1:]
        if self.structure in ("cs", "csh"):
            odds = np.exp(rest[0]) * (m - 1)
            lags = np.repeat((odds - (m - 1)) / (odds + (m - 1) ** 2), m - 1)
        elif self.structure in ("ar1", "ar1h"):
            lags = np.tanh(rest[0]) ** np.arange(1, m)
        else:
            lags = autocorrelations(np.tanh(rest))
        scale = np.exp(spread)
        gap = np.abs(np.subtract.outer(np.arange(m), np.arange(m)))
        return np.concatenate([[1.0], lags])[gap] * np.outer(scale, scale)

    def starts(self) -> list[Floats]:
        """The mean square of the residuals at each visit (of all, for one variance), and several values of the rest."""
        squares, number = np.zeros((self.groups, self.visits)), np.zeros((self.groups, self.visits))
        for block in self.blocks:
            squares[block.group, block.visits] += (block.y**2).sum(axis=0)
            number[block.group, block.visits] += len(block.y)
        own_variances = self.structure == "un" or self.structure.endswith("h") or self.visits == 1
        if not own_variances:
            squares, number = squares.sum(axis=1, keepdims=True), number.sum(axis=1, keepdims=True)
        spread = np.log(np.where(squares > 0, squares, 1) / np.where(squares > 0, number, 1)) / 2
        rng = np.random.default_rng(1)
        shape = (self.groups, self.size - spread.shape[1])
        tries = [np.zeros(shape), *(rng.uniform(-1.5, 1.5, shape) for _ in range(1 if self.structure == "un" else 7))]
        return [np.hstack([spread, rest]).ravel() for rest in tries]

    def slopes(self, free: Floats) -> Floats:
        """Derivatives of V by each free parameter of one group, by complex steps."""
        steps = 1j * TINY * np.eye(free.size)
        return np.stack([self.matrix(free + step).imag / TINY for step in steps])

    def parts(self, free: Floats) -> Floats:
        """V of each group."""
        return np.stack([self.matrix(row) for row in free.reshape(self.groups, -1)])

    def evaluate(self, free: Floats) -> tuple[float, Floats, Floats, Floats]:
        """-2 log L without its constant, its gradient, the coefficients and their covariance."""
        v = self.parts(free)
        whitened = []
        logs = 0.0
        for block in self.blocks:
            root = np.linalg.cholesky(v[block.group][np.ix_(block.visits, block.visits)])
            whitened.append((root, np.linalg.solve(root, np.concatenate([block.x, block.y[:, :, None]], axis=2))))
            logs += 2 * len(block.x) * float(np.log(np.diag(root)).sum())
        stacked = np.vstack([part.reshape(-1, part.shape[2]) for _, part in whitened])
        q, r = np.linalg.qr(stacked[:, :-1])
        along = q.T @ stacked[:, -1]
        left = stacked[:, -1] - q @ along
        value = logs + float(left @ left)
        if self.restricted:
            value += 2 * float(np.log(np.abs(np.diag(r))).sum())
        inverse = np.linalg.inv(r)
        gradient_v = np.zeros_like(v)
        start = 0
        for block, (root, part) in zip(self.blocks, whitened, strict=True):
            rows = part.shape[0] * part.shape[1]
            e = left[start : start + rows].reshape(part.shape[:2])
            inner = len(block.x) * np.eye(len(block.visits)) - e.T @ e
            if self.restricted:
                leverage = q[start : start + rows].reshape(part.shape[0], part.shape[1], -1)
                inner -= np.einsum("nak,nbk->ab", leverage, leverage)
            start += rows
            outer = np.linalg.solve(root.T, np.linalg.solve(root.T, inner.T).T)
            gradient_v[block.group][np.ix_(block.visits, block.visits)] += outer
        gradient = [
            np.tensordot(self.slopes(row), gradient_v[group], axes=2)
            for group, row in enumerate(free.reshape(self.groups, -1))
        ]
        return value, np.concatenate(gradient), inverse @ along, inverse @ inverse.T

    def maximum(self) -> tuple[Floats, Floats]:
        """The free parameters and the Hessian of -2 log L at the highest maximum found. Raises Unfitted."""
        from scipy.optimize import minimize

        def target(free: Floats) -> tuple[float, Floats]:
            try:
                value, gradient, _, _ = self.evaluate(free)
            except np.linalg.LinAlgError:
                return 1e100, np.zeros_like(free)
            return (value, gradient) if np.isfinite(value) else (1e100, np.zeros_like(free))

        found: list[tuple[float, Floats, Floats]] = []
        with np.errstate(over="ignore", invalid="ignore", divide="ignore"):
            for start in self.starts():
                end = minimize(target, start, jac=True, method="BFGS", options={"gtol": 1e-7, "maxiter": 1000})
                if all(abs(end.fun - value) > 1e-6 for value, _, _ in found):
                    found += self.polished(np.asarray(end.x))
        if not found:
            raise Unfitted
        _, free, hessian = min(found, key=lambda one: one[0])
        return free, hessian

    def polished(self, free: Floats) -> list[tuple[float, Floats, Floats]]:
        """The maximum next to the end of a search: value, parameters, Hessian; none where there is no maximum."""
        try:
            for _ in range(5):
                hessian = self.hessian(free)
                self.refuse_singular(free, hessian)
                value, gradient, _, _ = self.evaluate(free)
                step = np.linalg.solve(hessian, gradient)
                if float(gradient @ step) < 1e-16:
                    return [(value, free, hessian)]
                if float(gradient @ step) > 1:
                    return []
                free = free - step
        except (np.linalg.LinAlgError, Unfitted):
            pass
        return []

    def hessian(self, free: Floats) -> Floats:
        """Second derivatives of -2 log L, as central differences of its gradient."""
        steps = STEP * np.eye(free.size)
        rows = [
            (8 * (self.evaluate(free + s)[1] - self.evaluate(free - s)[1])
             - (self.evaluate(free + 2 * s)[1] - self.evaluate(free - 2 * s)[1])) / (12 * STEP)
            for s in steps
        ]  # fmt: skip
        return (np.array(rows) + np.array(rows).T) / 2

    def refuse_singular(self, free: Floats, hessian: Floats) -> None:
        """Raise Unfitted at a singular covariance matrix, or where a parameter has next to no information.

        Information is counted in subjects who were seen at all visits.
        """
        if not np.isfinite(hessian).all() or np.linalg.eigvalsh(hessian)[0] <= 0:
            raise Unfitted
        one = np.zeros_like(hessian)
        for group, (row, v) in enumerate(zip(free.reshape(self.groups, -1), self.parts(free), strict=True)):
            scale = 1 / np.sqrt(np.diag(v))
            if np.linalg.eigvalsh(v * np.outer(scale, scale))[0] < SINGULAR:
                raise Unfitted
            moved = np.linalg.solve(v, self.slopes(row))
            mine = slice(group * self.size, (group + 1) * self.size)
            one[mine, mine] = np.einsum("iab,jba->ij", moved, moved)
        if np.linalg.eigvals(np.linalg.solve(one, hessian)).real.min() < SUBJECTS:
            raise Unfitted

    def solved(self, df: str) -> Solution:
        """The maximum with what inference needs. Raises Unfitted."""
        self.refuse_unseen()
        free, hessian = self.maximum()
        # Coordinates of unit variance, so that differences keep their digits where visits differ widely.
        turn: Floats = np.asarray(np.linalg.cholesky(self.evaluate(free)[3]), dtype=float)
        turned = replace(self, blocks=[replace(block, x=block.x @ turn) for block in self.blocks])
        _, _, beta, phi = turned.evaluate(free)
        share: Floats = np.asarray(2 * np.linalg.inv(hessian), dtype=float)
        slopes = turned.covariance_slopes(free)
        covariance = turned.adjusted(free, phi, share, slopes, df) if df.startswith("kenward") else phi
        return Solution(df, turn, beta, covariance, phi, share, slopes)

    def adjusted(self, free: Floats, phi: Floats, share: Floats, slopes: Floats, df: str) -> Floats:
        """Kenward and Roger's covariance: phi + 2 phi (sum_ij A_ij (Q_ij - P_i phi P_j - R_ij / 4)) phi.

        With dphi_i = -phi P_i phi the middle part is that of the slopes. Q and P turn with the parameters, so that the
        free ones serve; R does not, and is taken by the parameters of SAS.
        """
        v, size = self.parts(free), self.size
        precision = np.linalg.inv(phi)
        total = -np.einsum("ij,iab,bc,jcd->ad", share, slopes, precision, slopes)
        for group, row in enumerate(free.reshape(self.groups, -1)):
            part = share[group * size : (group + 1) * size, group * size : (group + 1) * size]
            root, first = np.linalg.cholesky((part + part.T) / 2), self.slopes(row)
            along = np.tensordot(root.T, first, axes=1)
            bend = np.zeros_like(v[group])
            if df == "kenward-roger":
                steps = 1j * TINY * np.eye(size)
                turn = np.stack([natural(self.structure, self.matrix(row + s)).imag / TINY for s in steps], axis=1)
                bend = curvature(self.structure, v[group], turn @ part @ turn.T) / 4
            for block in self.blocks:
                if block.group != group:
                    continue
                here = np.ix_(block.visits, block.visits)
                weight = np.linalg.inv(v[group][here])
                middle = sum(one[here] @ weight @ one[here] for one in along) - bend[here]
                for x in block.x:
                    side = weight @ x @ phi
                    total += side.T @ middle @ side
        return phi + total + total.T

    def refuse_unseen(self) -> None:
        """Raise Unfitted where a parameter belongs to visits, or pairs of visits, that nobody was seen at."""
        for group in range(self.groups):
            pairs = {
                (a, b) for block in self.blocks if block.group == group for a in block.visits for b in block.visits
            }
            lags = {abs(a - b) for a, b in pairs}
            if self.structure not in ("ar1", "cs", "toep") and any((a, a) not in pairs for a in range(self.visits)):
                raise Unfitted
            if self.visits > 1 and lags <= {0}:
                raise Unfitted
            if self.structure == "un" and len(pairs) < self.visits**2:
                raise Unfitted
            if self.structure in ("toep", "toeph") and len(lags) < self.visits:
                raise Unfitted

    def covariance_slopes(self, free: Floats) -> Floats:
        """The derivative of the coefficients' covariance by each free parameter, as central differences."""
        steps = STEP * np.eye(free.size)
        return np.stack(
            [
                (8 * (self.evaluate(free + s)[3] - self.evaluate(free - s)[3])
                 - (self.evaluate(free + 2 * s)[3] - self.evaluate(free - 2 * s)[3])) / (12 * STEP)
                for s in steps
            ]
        )  # fmt: skip


def autocorrelations(partial: NDArray[Any]) -> NDArray[Any]:
    """Autocorrelations of lag 1, 2, ... with these partial autocorrelations (Durbin-Levinson)."""
    out: list[Any] = []
    weights: list[Any] = []
    for one in partial:
        variance = math.prod([1 - earlier**2 for earlier in partial[: len(out)]], start=1.0)
        out.append(one * variance + sum(w * r for w, r in zip(weights, reversed(out), strict=True)))
        weights = [w - one * back for w, back in zip(weights, reversed(weights), strict=True)] + [one]
    return np.array(out)
