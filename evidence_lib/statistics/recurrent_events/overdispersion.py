"""The negative binomial likelihood, and its maximum over coefficients and dispersion."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from scipy.special import gammaln, logsumexp

from evidence_lib.language import message
from evidence_lib.statistics.cox.maximum import ascended, independent, standardised, varies_not
from evidence_lib.statistics.cox.partial_likelihood import Moments
from evidence_lib.statistics.inputs import Floats
from evidence_lib.statistics.not_estimable import NotEstimable

# Dispersions at which the profile of the likelihood is looked at; beyond the last it has no finite maximum.
GRID = np.geomspace(1e-6, 1e6, 25)
# Below this product of dispersion and mean what is left of the logarithm is taken from its series, of so many terms.
SMALL, TERMS = 0.02, 10
FARTHEST = 700.0


@dataclass(frozen=True, eq=False)
class Counts:
    """Counts y of subjects, logarithms of their exposure, and columns ``x`` (p, n), the first of ones.

    ``above`` says how many subjects have more than j events, j = 0, 1, ...
    """

    y: Floats
    offset: Floats
    x: Floats
    above: Floats

    @classmethod
    def of(cls, y: Floats, offset: Floats, x: Floats) -> Counts:
        """The counts of these subjects."""
        tail = np.bincount(y.astype(np.int64))[::-1].cumsum()[::-1]
        return cls(y, offset, x, tail[1:].astype(float))


class Likelihood:
    """The log-likelihood of counts with means exp(offset + beta' x) at a dispersion."""

    def __init__(self, counts: Counts, dispersion: float) -> None:
        self.counts, self.dispersion, self.x = counts, dispersion, counts.x
        j = np.arange(counts.above.size, dtype=float)
        share = j / (1 + dispersion * j)
        # The sums over the events of each subject of log(1 + k j) and its derivatives, for all subjects.
        logs = float(counts.above @ np.log1p(dispersion * j))
        self._constant = logs - float(gammaln(counts.y + 1).sum())
        self._slope, self._curvature = float(counts.above @ share), float(counts.above @ share**2)

    def at(self, beta: Floats, /) -> Moments:
        """The log-likelihood with its derivatives by the coefficients (observed information)."""
        k, y, m = self.dispersion, self.counts.y, self._means(beta)
        with np.errstate(over="ignore", invalid="ignore"):
            score = (y - m) / (1 + k * m)
            load = m * (1 + k * y) / (1 + k * m) ** 2
            value = float((y * np.log(m)).sum()) - self._spent(m) + self._constant
            return Moments(value, self.x @ score, (self.x * load) @ self.x.T)

    def spread(self, beta: Floats, /) -> float:
        """The largest difference of linear predictors."""
        return float(np.ptp(beta @ self.x))

    def expected(self, beta: Floats) -> Floats:
        """The expected information of the coefficients (p, p)."""
        m = self._means(beta)
        return (self.x * (m / (1 + self.dispersion * m))) @ self.x.T

    def slope(self, beta: Floats) -> float:
        """The derivative of the log-likelihood by the dispersion."""
        k, m = self.dispersion, self._means(beta)
        with np.errstate(over="ignore"):
            return self._slope + float((_left(m, k) - self.counts.y / (1 / m + k)).sum())

    def curvature(self, beta: Floats) -> tuple[float, Floats]:
        """Minus the second derivative by the dispersion, and minus those by dispersion and coefficients (p,)."""
        k, m, y = self.dispersion, self._means(beta), self.counts.y
        with np.errstate(over="ignore"):
            own = self._curvature - float((_left_slope(m, k) + y / (1 / m + k) ** 2).sum())
            return own, self.x @ ((y / m - 1) / (1 / m + k) ** 2)

    def _means(self, beta: Floats) -> Floats:
        # Beyond these no mean is that of a count; between them none leaves the numbers.
        return np.exp(np.clip(beta @ self.x + self.counts.offset, -FARTHEST, FARTHEST))

    def _spent(self, m: Floats) -> float:
        """The sum of (y + 1 / k) log(1 + k m), which is m without dispersion."""
        k = self.dispersion
        if k == 0:
            return float(m.sum())
        return float(((self.counts.y + 1 / k) * np.log1p(k * m)).sum())


@dataclass(frozen=True, eq=False)
class Fit:
    """The maximum: coefficients of the columns given, without the intercept; ``beta`` with it, standardised."""

    coefficients: Floats
    likelihood: Likelihood
    beta: Floats
    scale: Floats

    @property
    def dispersion(self) -> float:
        """The dispersion."""
        return self.likelihood.dispersion

    def variance(self, information: str) -> float:
        """The variance of the first coefficient, by the expected or the observed information."""
        matrix = self.likelihood.expected(self.beta)
        if information == "observed":
            matrix = self.likelihood.at(self.beta).information
            if self.dispersion > 0:
                own, cross = self.likelihood.curvature(self.beta)
                matrix = matrix - np.outer(cross, cross) / own
        found = float(np.linalg.inv(matrix)[1, 1]) / float(self.scale[0]) ** 2
        if not (math.isfinite(found) and found > 0):
            raise NotEstimable(message("recurrent_events_statistics.reason.no_information"))
        return found

    def dispersion_error(self) -> float | None:
        """The standard error of the dispersion by the observed information; None where it is 0."""
        if self.dispersion == 0:
            return None
        own, cross = self.likelihood.curvature(self.beta)
        left = own - float(cross @ np.linalg.solve(self.likelihood.at(self.beta).information, cross))
        return 1 / math.sqrt(left) if left > 0 else None


def fitted(y: Floats, exposure: Floats, x: Floats, names: Sequence[str]) -> Fit:
    """The maximum likelihood estimate. Raises NotEstimable.

    At each dispersion the likelihood is concave in the coefficients; the profile over the dispersion is looked at on a
    grid, and its peak found where its slope is zero.
    """
    z, scale = standardised(np.ascontiguousarray(x.T))
    counts = Counts.of(y, np.log(exposure), np.vstack([np.ones(y.size), z]))
    start = np.zeros(z.shape[0] + 1)
    start[0] = math.log(y.sum()) - float(logsumexp(counts.offset))
    null = Likelihood(counts, 0.0).at(start)
    constant, new = varies_not(null, int(y.sum())), independent(null, int(y.sum()))
    for j, name in enumerate(names, start=1):
        if constant[j]:
            raise NotEstimable(message("recurrent_events_statistics.reason.no_variation", name=name))
        if not new[j]:
            raise NotEstimable(message("cox_statistics.reason.collinear", name=name))
    profile = _Profile(counts, null.information, ("", *names))
    found = [profile.at(0.0, start)]
    for dispersion in GRID:
        found.append(profile.at(float(dispersion), found[-1].beta))
    place = int(np.argmax([point.value for point in found]))
    if place == len(found) - 1:
        raise NotEstimable(message("recurrent_events_statistics.reason.dispersion_infinite"))
    best = found[0]
    if place > 0 or best.slope > 0:
        best = profile.peak(found[max(place - 1, 0)], found[place + 1])
    with np.errstate(over="ignore", divide="ignore"):
        coefficients = best.beta[1:] / scale
    if not np.isfinite(coefficients).all():
        raise NotEstimable(message("cox_statistics.reason.not_finite"))
    return Fit(coefficients, best.likelihood, best.beta, scale)


@dataclass(frozen=True, eq=False)
class _Point:
    """The best coefficients at a dispersion: the log-likelihood there, and its slope over the dispersion."""

    likelihood: Likelihood
    beta: Floats
    value: float
    slope: float

    @property
    def dispersion(self) -> float:
        """The dispersion."""
        return self.likelihood.dispersion


@dataclass(frozen=True, eq=False)
class _Profile:
    """The likelihood over the dispersion, with the best coefficients at each."""

    counts: Counts
    information: Floats
    names: tuple[str, ...]

    def at(self, dispersion: float, beta: Floats) -> _Point:
        """The point of a dispersion, searched from ``beta``."""
        likelihood = Likelihood(self.counts, dispersion)
        try:
            found, moments, _ = ascended(likelihood, beta, likelihood.at(beta), self.information, self.names)
        except NotEstimable as gap:
            raise _of_columns(gap) from None
        return _Point(likelihood, found, moments.log_likelihood, likelihood.slope(found))

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


def _left(m: Floats, k: float) -> Floats:
    """(log(1 + k m) - k m / (1 + k m)) / k^2, which is m^2 / 2 at k = 0."""
    n, u = np.arange(TERMS), k * m
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        series = m**2 * (((-1.0) ** n * (n + 1) / (n + 2)) @ np.minimum(u, SMALL) ** n[:, None])
        return np.where(u < SMALL, series, (np.log1p(u) - 1 / (1 + 1 / u)) / k**2)


def _left_slope(m: Floats, k: float) -> Floats:
    """The derivative of ``_left`` by k."""
    n, u = np.arange(1, TERMS + 1), k * m
    with np.errstate(over="ignore", divide="ignore", invalid="ignore"):
        series = m**3 * (((-1.0) ** n * n * (n + 1) / (n + 2)) @ np.minimum(u, SMALL) ** (n[:, None] - 1))
        share = 1 / (1 + 1 / u)
        return np.where(u < SMALL, series, (share**2 - 2 * (np.log1p(u) - share)) / k**3)
