"""The linear model behind analysis of variance and of covariance: least squares by orthogonal decomposition."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.linalg import solve_triangular

from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Counts, Floats
from evidence_lib.statistics.means.inputs import ROUNDING
from evidence_lib.statistics.not_estimable import NotEstimable

# A column is a combination of those before it where less than this share of its length is left beside them.
DEPENDENT = 1e-10


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns (n, p) divided by a power of two, about their ``centre`` and of length 1 after division by ``length``."""

    matrix: Floats
    exponent: Counts
    centre: Floats
    length: Floats

    def step(self, difference: Floats) -> Floats:
        """A difference (p,) of two points in these units."""
        return np.ldexp(difference, -self.exponent) / self.length


@dataclass(frozen=True, eq=False)
class Fit:
    """Least squares on an intercept and the columns of x (n, p), each brought to length 1 about its mean.

    ``mean`` is that of the outcome. With Q R the decomposition of the columns made so, ``root`` is R and
    ``coefficients`` solve it. ``df`` are the residual degrees of freedom.
    """

    mean: float
    columns: Columns
    root: Floats
    coefficients: Floats
    n: int
    df: int
    residual_square: float
    exact: bool

    def at(self, offset: Floats) -> tuple[float, float]:
        """The mean outcome this far (p,) from the columns' means, and its standard error in residual SDs."""
        step = self.columns.step(offset)
        return self.mean + float(step @ self.coefficients), math.sqrt(1 / self.n + self._quadratic(step))

    def change(self, difference: Floats) -> tuple[float, float]:
        """The change of the mean outcome along a difference (p,) of points, and its standard error in residual SDs."""
        step = self.columns.step(difference)
        return float(step @ self.coefficients), math.sqrt(self._quadratic(step))

    @property
    def deviation(self) -> float | None:
        """The residual standard deviation; None without residual degrees of freedom, or where the fit is exact."""
        return None if self.df == 0 or self.exact else math.sqrt(self.residual_square / self.df)

    @property
    def no_deviation(self) -> Message:
        """Why there is no residual standard deviation."""
        if self.df == 0:
            return message("means_statistics.reason.no_residual_df")
        return message("means_statistics.reason.constant_outcome")

    def _quadratic(self, step: Floats) -> float:
        turned = solve_triangular(self.root, step, trans="T") if step.size else step
        return float(turned @ turned)


def centred(x: Floats, names: Sequence[str]) -> Columns:
    """Columns about their mean and of length 1. Raises NotEstimable for a constant column."""
    exponent = np.frexp(np.abs(x).max(axis=0, initial=0.0))[1]
    scaled = np.ldexp(x, -exponent)
    centre = scaled.mean(axis=0)
    scaled = scaled - centre
    length = np.sqrt((scaled**2).sum(axis=0))
    constant = length <= ROUNDING * math.sqrt(max(len(x), 1))
    if constant.any():
        raise NotEstimable(message("means_statistics.reason.constant", term=names[int(constant.argmax())]))
    return Columns(scaled / length, exponent, centre, length)


def orthonormal(columns: Floats, names: Sequence[str]) -> tuple[Floats, Floats]:
    """Q (n, p) and R (p, p) of centred columns. Raises NotEstimable naming one that is a combination of the others."""
    if columns.shape[1] >= len(columns) > 0:
        raise NotEstimable(
            message("means_statistics.reason.too_few", patients=len(columns), coefficients=columns.shape[1] + 1)
        )
    q, r = np.linalg.qr(columns)
    left = np.abs(np.diag(r))
    if (left <= DEPENDENT).any():
        raise NotEstimable(message("means_statistics.reason.dependent", term=names[int((left <= DEPENDENT).argmax())]))
    return q, r


def least_squares(y: Floats, columns: Floats, names: Sequence[str]) -> Fit:
    """The fit of y (n,), no value of which is above 1, on an intercept and columns (n, p) of the terms ``names`` (p,).

    Raises NotEstimable without patients, with fewer than coefficients, and for a column that is constant or a
    combination of those before it.
    """
    if y.size == 0:
        raise NotEstimable(message("means_statistics.reason.no_patients"))
    x = centred(columns, names)
    q, r = orthonormal(x.matrix, names)
    mean = float(y.mean())
    residual = y - mean
    along = np.zeros(q.shape[1])
    # Twice, so that what is left is orthogonal to the columns to the last digit.
    for _ in range(2):
        part = q.T @ residual
        along += part
        residual = residual - q @ part
        residual -= residual.mean()
    square = float(residual @ residual)
    return Fit(
        mean=mean,
        columns=x,
        root=r,
        coefficients=solve_triangular(r, along) if along.size else along,
        n=y.size,
        df=y.size - 1 - columns.shape[1],
        residual_square=square,
        exact=square <= (ROUNDING * float(np.abs(y).max())) ** 2 * y.size,
    )
