"""Recalculation of negative binomial regression."""

from __future__ import annotations

import math
import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from itertools import pairwise
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.recalculation.cox.fits import Floats, indicators
from evidence_lib.recalculation.recurrent_events.histories import shared
from evidence_lib.recalculation.recurrent_events.sources import NOT_ESTIMABLE
from evidence_lib.recalculation.survival.steps import quantile, tail
from evidence_lib.results import Estimate, Estimates


def negative_binomial(
    count: ArrayLike,
    exposure: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    covariates: pd.DataFrame | None = None,
    information: str = "expected",
    conf_level: float = 0.95,
) -> Estimates:
    """Twin of ``statistics.recurrent_events.negative_binomial``."""
    y, labels = np.asarray(count, dtype=float), np.asarray(group, dtype=object)
    offset = np.log(np.asarray(exposure, dtype=float))
    with_events = set(labels[y > 0])
    here = (labels == treatment) | (labels == reference)
    others = sorted(with_events - {treatment, reference}, key=str)
    blocks = [(labels == arm).astype(float)[:, None] for arm in (treatment, *others)]
    if covariates is not None:
        blocks.append(indicators(covariates)[0])
    rows = np.array([label in (treatment, reference, *others) for label in labels], dtype=bool)
    facts = shared("negative_binomial", "negative_binomial.rate_ratio", treatment, reference, conf_level)
    counts: dict[str, Any] = {"n": int(here.sum()), "events": int(y[here].sum())}
    dispersion: dict[str, Any] = {
        "analysis": "negative_binomial.dispersion",
        "unit": "variance",
        "method": facts["method"],
        "groups": facts["groups"],
        **counts,
    }
    answer = None
    if {treatment, reference} <= with_events:
        answer = _counted(y[rows], offset[rows], np.hstack(blocks)[rows], information)
    if answer is None:
        silent: dict[str, Any] = {"status": "not_estimable", "reason": NOT_ESTIMABLE}
        return Estimates((Estimate(**facts, **counts, **silent), Estimate(**dispersion, **silent)))
    effect, error, alpha, alpha_error = answer
    low, high = (math.exp(effect + sign * quantile(conf_level) * error) for sign in (-1, 1))
    ratio = Estimate(
        **facts,
        **counts,
        estimate=math.exp(effect),
        std_error=error,
        conf_low=low,
        conf_high=high,
        p_value=tail(effect / error),
    )
    return Estimates((ratio, Estimate(**dispersion, estimate=alpha, std_error=alpha_error)))


@dataclass(frozen=True, eq=False)
class _Counts:
    """Counts, logarithms of exposure and columns; the score of the negative binomial likelihood, term by term."""

    y: Floats
    offset: Floats
    z: Floats

    def at(self, alpha: float) -> Any:
        """The generalised linear model of this dispersion."""
        import statsmodels.api as sm

        family = sm.families.Poisson() if alpha == 0 else sm.families.NegativeBinomial(alpha=alpha)
        with warnings.catch_warnings(), np.errstate(all="ignore"):
            warnings.simplefilter("ignore")
            model = sm.GLM(self.y, self.z, family=family, offset=self.offset)
            start = np.zeros(self.z.shape[1])
            start[0] = math.log(self.y.sum() / np.exp(self.offset).sum())
            return model.fit(start_params=start, tol=1e-14, maxiter=300)

    def score(self, params: NDArray[Any]) -> NDArray[Any]:
        """By the coefficients and, last, by the dispersion; the parameters may be complex."""
        alpha = params[-1]
        m = np.exp(self.z @ params[:-1] + self.offset)
        # log(1 + a m) - a m / (1 + a m), over a^2, is the integral of t / (1 + a t)^2 from 0 to m.
        nodes, weights = np.polynomial.legendre.leggauss(60)
        total = 0.0 + 0.0 * alpha
        for count, mean in zip(self.y, m, strict=True):
            t = mean * ((nodes + 1) / 2) ** 2
            total += (weights * (nodes + 1) / 2 * mean * t / (1 + alpha * t) ** 2).sum() - count * mean / (
                1 + alpha * mean
            )
            j = np.arange(count)
            total += (j / (1 + alpha * j)).sum()
        return np.append(self.z.T @ ((self.y - m) / (1 + alpha * m)), total)

    def information(self, params: Floats) -> Floats:
        """Minus the derivative of the score, by a complex step."""
        steps = [self.score(params + 1e-30j * unit).imag / 1e-30 for unit in np.eye(params.size)]
        return -np.array(steps)

    def slope(self, alpha: float) -> float:
        """The score of the dispersion at the best coefficients for it; NaN where GLM's steps leave the numbers."""
        try:
            return float(self.score(np.append(self.at(alpha).params, alpha))[-1])
        except ValueError:
            return math.nan

    def value(self, alpha: float) -> float:
        """The log-likelihood at the best coefficients, but for what no parameter changes."""
        eta = self.z @ self.at(alpha).params + self.offset
        m = np.exp(eta)
        above = sum(float(np.log1p(alpha * np.arange(count)).sum()) for count in self.y)
        return above + float((self.y * eta - (self.y + 1 / alpha) * np.log1p(alpha * m)).sum())


def _counted(y: Floats, offset: Floats, x: Floats, information: str) -> tuple[float, float, float, float | None] | None:
    """Log ratio and its standard error, dispersion and its standard error; None where there are none."""
    from scipy.optimize import brentq

    size = np.where(np.abs(x).max(axis=0) > 0, np.abs(x).max(axis=0), 1.0)
    middle = x / size - (x / size).mean(axis=0)
    width = np.abs(middle).max(axis=0)
    unit = size * np.where(width > 1e-12, width, 1.0)
    z = np.column_stack([np.ones(y.size), middle / (unit / size)])
    if np.linalg.matrix_rank(z, tol=1e-8) < z.shape[1]:
        return None
    counts = _Counts(y, offset, z)
    try:
        poisson = counts.at(0.0)
    except ValueError:
        return None
    if not np.isfinite(poisson.params).all() or np.ptp(z @ poisson.params) > 25:
        return None
    grid = [0.0, *np.geomspace(1e-6, 1e6, 37)]
    slopes = [counts.slope(alpha) for alpha in grid]
    peaks = [
        brentq(counts.slope, low, high, xtol=1e-300, rtol=1e-13)
        for (low, high), (before, after) in zip(pairwise(grid), pairwise(slopes), strict=True)
        if before > 0 >= after
    ]
    if slopes[-1] > 0:
        return None
    if not peaks:
        return float(poisson.params[1] / unit[0]), float(poisson.bse[1] / unit[0]), 0.0, None
    alpha = float(max(peaks, key=counts.value))
    glm = counts.at(alpha)
    joint = np.linalg.inv(counts.information(np.append(glm.params, alpha)))
    covariance = glm.cov_params() if information == "expected" else joint
    error, own = float(np.sqrt(covariance[1, 1]) / unit[0]), float(np.sqrt(joint[-1, -1]))
    return float(glm.params[1] / unit[0]), error, alpha, own
