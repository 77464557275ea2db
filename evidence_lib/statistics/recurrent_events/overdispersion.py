"""The negative binomial likelihood, and its maximum over coefficients and dispersion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field

import numpy as np
from scipy.special import gammaln

from evidence_lib.language import message
from evidence_lib.statistics.cox.maximum import ascended, independent, standardised, varies_not
from evidence_lib.statistics.cox.partial_likelihood import Moments
from evidence_lib.statistics.inputs import Floats
from evidence_lib.statistics.not_estimable import NotEstimable

# Dispersions at which the profile of the likelihood is looked at; beyond the last it has no finite maximum.
GRID = np.geomspace(1e-6, 1e6, 25)
# Below this product of dispersion and mean what is left of the logarithm is taken from its series, of so many terms.
SMALL, TERMS = 0.02, 10


@dataclass(eq=False)
class Counts:
    """Counts y with means exp(offset + beta' x), at a dispersion; ``x`` (p, n) holds a column of ones."""

    y: Floats
    offset: Floats
    x: Floats
    dispersion: float = 0.0
    _above: Floats = field(init=False)
    _constant: float = field(init=False)

    def __post_init__(self) -> None:
        self._constant = float(gammaln(self.y + 1).sum())
        # How many subjects have more than j events, j = 0, 1, ...
        tail = np.bincount(self.y.astype(np.int64))[::-1].cumsum()[::-1]
        self._above = tail[1:].astype(float)

    def at(self, beta: Floats, /) -> Moments:
        """The log-likelihood at this dispersion with its derivatives by the coefficients (observed information)."""
        k, y = self.dispersion, self.y
        eta = beta @ self.x + self.offset
        with np.errstate(over="ignore", invalid="ignore"):
            m = np.exp(eta)
            score = (y - m) / (1 + k * m)
            load = m * (1 + k * y) / (1 + k * m) ** 2
            value = float((y * eta).sum()) - self._spent(m) + float(self._above @ np.log1p(k * self._j()))
        return Moments(value - self._constant, self.x @ score, (self.x * load) @ self.x.T)

    def spread(self, beta: Floats, /) -> float:
        """The largest difference of linear predictors."""
        return float(np.ptp(beta @ self.x))

    def expected(self, beta: Floats) -> Floats:
        """The expected information of the coefficients (p, p)."""
        m = np.exp(beta @ self.x + self.offset)
        return (self.x * (m / (1 + self.dispersion * m))) @ self.x.T

    def slope(self, beta: Floats) -> float:
        """The derivative of the log-likelihood by the dispersion."""
        k, m = self.dispersion, np.exp(beta @ self.x + self.offset)
        j = self._j()
        return float(self._above @ (j / (1 + k * j)) + (m**2 * _rest(k * m) - self.y * m / (1 + k * m)).sum())

    def curvature(self, beta: Floats) -> tuple[float, Floats]:
        """Minus the second derivative by the dispersion, and minus those by dispersion and coefficients (p,)."""
        k, m = self.dispersion, np.exp(beta @ self.x + self.offset)
        j = self._j()
        own = self._above @ (j / (1 + k * j)) ** 2 - (m**3 * _rest_slope(k * m)).sum()
        return float(own - (self.y * (m / (1 + k * m)) ** 2).sum()), self.x @ ((self.y - m) * m / (1 + k * m) ** 2)

    def _j(self) -> Floats:
        return np.arange(self._above.size, dtype=float)

    def _spent(self, m: Floats) -> float:
        """The sum of (y + 1 / k) log(1 + k m), which is m without dispersion."""
        k = self.dispersion
        if k == 0:
            return float(m.sum())
        return float(((self.y + 1 / k) * np.log1p(k * m)).sum())


@dataclass(frozen=True, eq=False)
class Fit:
    """The maximum: coefficients of the columns given, without the intercept, and the dispersion."""

    coefficients: Floats
    dispersion: float
    counts: Counts
    beta: Floats
    scale: Floats

    def variance(self, information: str) -> float:
        """The variance of the first coefficient, by the expected or the observed information."""
        matrix = self.counts.expected(self.beta)
        if information == "observed":
            matrix = self.counts.at(self.beta).information
            if self.dispersion > 0:
                own, cross = self.counts.curvature(self.beta)
                matrix = matrix - np.outer(cross, cross) / own
        found = float(np.linalg.inv(matrix)[1, 1]) / float(self.scale[0]) ** 2
        if not (math.isfinite(found) and found > 0):
            raise NotEstimable(message("recurrent_events_statistics.reason.no_information"))
        return found

    def dispersion_error(self) -> float | None:
        """The standard error of the dispersion by the observed information; None where it is 0."""
        if self.dispersion == 0:
            return None
        own, cross = self.counts.curvature(self.beta)
        left = own - float(cross @ np.linalg.solve(self.counts.at(self.beta).information, cross))
        return 1 / math.sqrt(left) if left > 0 else None


def fitted(y: Floats, exposure: Floats, x: Floats, names: Sequence[str]) -> Fit:
    """The maximum likelihood estimate. Raises NotEstimable.

    At each dispersion the likelihood is concave in the coefficients; the profile over the dispersion is looked at on a
    grid, and its peak found where its slope is zero.
    """
    z, scale = standardised(np.ascontiguousarray(x.T))
    counts = Counts(y, np.log(exposure), np.vstack([np.ones(y.size), z]))
    start = np.zeros(z.shape[0] + 1)
    start[0] = math.log(y.sum()) - math.log(exposure.sum())
    null = counts.at(start)
    for j, name in enumerate(names, start=1):
        if varies_not(null, int(y.sum()))[j]:
            raise NotEstimable(message("recurrent_events_statistics.reason.no_variation", name=name))
        if not independent(null, int(y.sum()))[j]:
            raise NotEstimable(message("cox_statistics.reason.collinear", name=name))
    profile = _Profile(counts, null.information, ("", *names))
    poisson = profile.at(0.0, start)
    found = [poisson]
    for dispersion in GRID:
        found.append(profile.at(float(dispersion), found[-1].beta))
    place = int(np.argmax([point.value for point in found]))
    if place == len(found) - 1:
        raise NotEstimable(message("recurrent_events_statistics.reason.dispersion_infinite"))
    best = poisson if place == 0 and poisson.slope <= 0 else profile.peak(found[max(place - 1, 0)], found[place + 1])
    counts.dispersion = best.dispersion
    with np.errstate(over="ignore", divide="ignore"):
        coefficients = best.beta[1:] / scale
    if not np.isfinite(coefficients).all():
        raise NotEstimable(message("cox_statistics.reason.not_finite"))
    return Fit(coefficients, best.dispersion, counts, best.beta, scale)


@dataclass(frozen=True, eq=False)
class _Point:
    """The best coefficients at a dispersion: the log-likelihood there, and its slope over the dispersion."""

    dispersion: float
    beta: Floats
    value: float
    slope: float


@dataclass(frozen=True, eq=False)
class _Profile:
    """The likelihood over the dispersion, with the best coefficients at each."""

    counts: Counts
    information: Floats
    names: tuple[str, ...]

    def at(self, dispersion: float, beta: Floats) -> _Point:
        """The point of a dispersion, searched from ``beta``."""
        self.counts.dispersion = dispersion
        try:
            found, moments, _ = ascended(self.counts, beta, self.counts.at(beta), self.information, self.names)
        except NotEstimable as gap:
            raise _of_columns(gap) from None
        return _Point(dispersion, found, moments.log_likelihood, self.counts.slope(found))

    def peak(self, low: _Point, high: _Point) -> _Point:
        """The point between two others at which the slope is zero."""
        for _ in range(200):
            # A secant step where it falls well inside; else the middle.
            middle = (low.dispersion + high.dispersion) / 2
            width = high.dispersion - low.dispersion
            if low.slope > 0 > high.slope:
                secant = low.dispersion + width * low.slope / (low.slope - high.slope)
                middle = secant if 0.05 * width < secant - low.dispersion < 0.95 * width else middle
            here = self.at(middle, low.beta)
            if width <= 1e-13 * high.dispersion or here.slope == 0:
                break
            low, high = (here, high) if here.slope > 0 else (low, here)
        return here


def _of_columns(gap: NotEstimable) -> NotEstimable:
    """The same without the intercept, which runs away with the column that separates the events."""
    names = tuple(name for name in dict(gap.reason.values).get("names", ()) if name)
    reason = message("cox_statistics.reason.infinite", names=names) if names else gap.reason
    return NotEstimable(reason, informative=gap.informative)


def _rest(u: Floats) -> Floats:
    """(log(1 + u) - u / (1 + u)) / u^2, which is 1/2 at 0."""
    n = np.arange(TERMS)
    series = ((-1.0) ** n * (n + 1) / (n + 2)) @ np.minimum(u, SMALL) ** n[:, None]
    large = np.maximum(u, SMALL)
    return np.where(u < SMALL, series, (np.log1p(large) - large / (1 + large)) / large**2)


def _rest_slope(u: Floats) -> Floats:
    """The derivative of ``_rest``."""
    n = np.arange(1, TERMS + 1)
    series = ((-1.0) ** n * n * (n + 1) / (n + 2)) @ np.minimum(u, SMALL) ** (n[:, None] - 1)
    large = np.maximum(u, SMALL)
    return np.where(u < SMALL, series, 1 / (large * (1 + large) ** 2) - 2 * _rest(large) / large)
