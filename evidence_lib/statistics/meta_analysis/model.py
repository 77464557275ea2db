"""The weighted regression behind every meta-analysis, and the estimators of the variance between studies.

Effects y (k,) with known variances v, columns x (k, p): y = x b + u + e with Var u = tau2 and Var e = v, so that the
weights are 1 / (v + tau2).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal

import numpy as np
from scipy.special import gammainccinv

from evidence_lib.statistics.inputs import Floats

Model = Literal["fixed", "dersimonian-laird", "paule-mandel", "reml", "ml"]
# Places where the restricted likelihood is tried before its maximum is refined: it may have more than one.
PLACES = 60
# A tau2 below this share of the smallest variance within a study is the rounding of a 0.
ROUNDING = 1e-9


@dataclass(frozen=True, eq=False)
class Data:
    """Effects (k,), their variances (k,), and columns (k, p) of full rank, p at most k; one column is the intercept."""

    y: Floats
    v: Floats
    x: Floats

    @property
    def df(self) -> int:
        """Studies less coefficients."""
        return self.x.shape[0] - self.x.shape[1]


@dataclass(frozen=True, eq=False)
class Weighted:
    """The weighted least-squares fit at one tau2.

    ``q`` is the weighted sum of squared residuals (at tau2 = 0 Cochran's Q), ``trace`` that of the matrix P = W - W X
    (X'WX)^-1 X'W, and ``squares`` is y'PPy: these give every estimating equation and its likelihood.
    """

    tau2: float
    weights: Floats
    coefficients: Floats
    covariance: Floats
    q: float
    trace: float
    squares: float
    log_determinant: float


def weighted(data: Data, tau2: float) -> Weighted:
    """The fit with weights 1 / (v + tau2)."""
    w = 1 / (data.v + tau2)
    if data.x.shape[1] == 1:
        return _mean(data, tau2, w)
    root = np.sqrt(w)
    q, r = np.linalg.qr(data.x * root[:, None])
    inverse = np.linalg.inv(r)
    coefficients = inverse @ (q.T @ (data.y * root))
    squares = w * (data.y - data.x @ coefficients) ** 2
    return Weighted(
        tau2=tau2,
        weights=w,
        coefficients=coefficients,
        covariance=inverse @ inverse.T,
        q=float(squares.sum()),
        trace=float((w * (1 - (q**2).sum(axis=1))).sum()),
        squares=float((w * squares).sum()),
        log_determinant=2 * float(np.log(np.abs(np.diag(r))).sum()),
    )


def _mean(data: Data, tau2: float, w: Floats) -> Weighted:
    """The fit of an intercept alone, in closed form."""
    total = float(w.sum())
    mean = float(w @ data.y) / total
    squares = w * (data.y - mean) ** 2
    return Weighted(
        tau2=tau2,
        weights=w,
        coefficients=np.array([mean]),
        covariance=np.array([[1 / total]]),
        q=float(squares.sum()),
        trace=float(w @ _rest(w)) / total,
        squares=float(w @ squares),
        log_determinant=math.log(total),
    )


def _rest(w: Floats) -> Floats:
    """The sum of the other weights, without a difference of sums: one weight may be nearly all of it."""
    before, after = np.cumsum(w), np.cumsum(w[::-1])[::-1]
    return np.append(0.0, before[:-1]) + np.append(after[1:], 0.0)


def between(data: Data, model: Model) -> float:
    """tau2 by one of the estimators, 0 where it would be below; also without degrees of freedom."""
    if model == "fixed" or data.df == 0:
        return 0.0
    if model == "dersimonian-laird":
        plain = weighted(data, 0.0)
        return _or_zero(data, (plain.q - data.df) / plain.trace)
    if model == "paule-mandel":
        return where_q_is(data, data.df)
    return _or_zero(data, _most_likely(data, restricted=model == "reml"))


def where_q_is(data: Data, target: float) -> float:
    """The tau2 at which the weighted sum of squared residuals, which falls with tau2, is ``target``; 0 if below."""
    if weighted(data, 0.0).q <= target:
        return 0.0
    high = _widest(data)
    while weighted(data, high).q > target:
        high *= 4
    return _or_zero(data, _root(lambda tau2: weighted(data, tau2).q - target, 0.0, high))


def _or_zero(data: Data, tau2: float) -> float:
    return tau2 if tau2 > ROUNDING * float(data.v.min()) else 0.0


def profile_limits(data: Data, level: float) -> tuple[float, float] | None:
    """The Q-profile limits of tau2 (Viechtbauer 2007, Stat Med 26:37); None where no tau2 is in them."""
    tail = (1 - level) / 2
    upper, lower = (2 * float(gammainccinv(data.df / 2, p)) for p in (tail, 1 - tail))
    if weighted(data, 0.0).q < lower:
        return None
    return where_q_is(data, upper), where_q_is(data, lower)


def typical_variance(data: Data) -> float:
    """The variance within a typical study (Higgins & Thompson 2002, Stat Med 21:1539, equation 9)."""
    return data.df / weighted(data, 0.0).trace


def _most_likely(data: Data, *, restricted: bool) -> float:
    """The maximum over tau2 >= 0 of the likelihood, or of the restricted one."""

    def score(tau2: float) -> float:
        fit = weighted(data, tau2)
        return fit.squares - (fit.trace if restricted else float(fit.weights.sum()))

    def log_likelihood(tau2: float) -> float:
        fit = weighted(data, tau2)
        return float(np.log(fit.weights).sum()) - fit.q - (fit.log_determinant if restricted else 0.0)

    widest = _widest(data)
    places = [0.0, *np.geomspace(float(data.v.min()) * 1e-4, widest, PLACES)]
    slopes = [score(place) for place in places]
    found = [
        _root(score, low, high)
        for low, high, before, after in zip(places, places[1:], slopes, slopes[1:], strict=False)
        if before > 0 >= after
    ]
    return max([0.0, *found], key=log_likelihood)


def _widest(data: Data) -> float:
    """A tau2 beyond which the likelihood only falls."""
    residual = data.y - data.x @ weighted(data, 0.0).coefficients
    return 10 * float(data.v.max() + (residual**2).sum())


def _root(function: Callable[[float], float], low: float, high: float) -> float:
    from scipy.optimize import brentq

    found = brentq(function, low, high, xtol=math.ulp(0.0), rtol=4 * np.finfo(float).eps, maxiter=500)
    return float(found)
