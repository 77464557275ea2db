"""Independent recalculation of the pooled effect of studies and of their heterogeneity.

The function has the name and the arguments of its twin in the statistics room, gives its estimates, and reaches them
by another route: sums over pairs of studies for the weighted sum of squares, the likelihoods themselves differentiated
by a complex step, and SciPy's distributions. ``SOURCE`` says so, ``TOLERANCE`` how closely the two must agree:
|a - b| <= tolerance * max(|a|, std_error).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from importlib.metadata import version
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.results import Estimate, Estimates

__all__ = ["SOURCE", "TOLERANCE", "pool"]

SOURCE: dict[str, str] = {
    "pool": "sums over pairs of studies, likelihoods differentiated by a complex step, bisection; "
    f"scipy {version('scipy')} distributions",
}
TOLERANCE: dict[str, float] = {"pool": 1e-6}
NOT_ESTIMABLE = "not estimable by the second route either"
GRID = 200


def pool(
    estimate: ArrayLike,
    std_error: ArrayLike,
    *,
    scale: str,
    studies: ArrayLike | None = None,
    model: str = "reml",
    interval: str = "normal",
    prediction: str | None = None,
    i_squared: str = "tau2",
    conf_level: float = 0.95,
) -> Estimates:
    """Twin of ``statistics.meta_analysis.pool``; the names of the studies play no part."""
    from scipy import stats

    y = np.asarray(estimate, dtype=float)
    y = np.log(y) if scale == "log" else y
    v = np.asarray(std_error, dtype=float) ** 2
    k = y.size
    show: Callable[[float], float] = math.exp if scale == "log" else float
    ending = "ratio" if scale == "log" else "difference"
    shared: dict[str, Any] = {"groups": {"model": model}, "method": SOURCE["pool"]}
    limited = {**shared, "conf_level": conf_level}
    effect_facts = {**limited, "unit": ending, "scale": scale}
    kind = ("fixed" if model == "fixed" else "random") if interval == "normal" else interval.replace("-", "_")
    names = {"effect": f"meta.effect.{kind}.{ending}", "prediction": f"meta.prediction.{ending}"}
    gap: dict[str, Any] = {"status": "not_estimable", "reason": NOT_ESTIMABLE}
    random = model != "fixed"
    if k == 0 or (k == 1 and random):
        found = [Estimate(analysis=name, **effect_facts, **gap) for name in list(names.values())[: 1 + random]]
        return Estimates((*found, *_differences(y, v, model, i_squared, shared, limited)))
    tau2 = _tau2(y, v, model)
    w = 1 / (v + tau2)
    mean, variance = float(np.average(y, weights=w)), 1 / float(w.sum())
    widened = variance
    if interval != "normal":
        square = _q(y, v, tau2) / (k - 1)
        widened = variance * (max(1.0, square) if interval == "hartung-knapp-guarded" else square)
    found = []
    for name in ("effect", "prediction") if random else ("effect",):
        spread = math.sqrt(widened + (tau2 if name == "prediction" else 0.0))
        how = prediction or ("z" if interval == "normal" else "t(k-1)")
        df = k - 1 if interval != "normal" else math.inf
        if name == "prediction":
            df = {"z": math.inf, "t(k-1)": k - 1, "t(k-2)": k - 2}[how]
        facts = {"analysis": names[name], **effect_facts}
        if df < 1 or widened <= 1e-20 * variance:
            found.append(Estimate(**facts, estimate=show(mean), reason=NOT_ESTIMABLE))
            continue
        law = stats.norm() if math.isinf(df) else stats.t(df)
        half = float(law.isf((1 - conf_level) / 2)) * spread
        try:
            ends: dict[str, Any] = {"conf_low": show(mean - half), "conf_high": show(mean + half)}
        except OverflowError:
            found.append(Estimate(**facts, **gap))
            continue
        ends |= {"std_error": spread, "df": None if math.isinf(df) else df}
        if name == "effect":
            p_value = max(2 * float(law.sf(abs(mean / spread))), 2.0**-1022)
            ends |= {"test_statistic": mean / spread, "p_value": p_value}
        found.append(Estimate(**facts, estimate=show(mean), **ends))
    return Estimates((*found, *_differences(y, v, model, i_squared, shared, limited)))


def _differences(
    y: np.ndarray, v: np.ndarray, model: str, i_squared: str, shared: dict[str, Any], limited: dict[str, Any]
) -> list[Estimate]:
    """tau2 with its limits, I2, H2 and Cochran's test."""
    from scipy import stats

    df = y.size - 1
    random = model != "fixed"
    share = limited if random else shared
    tau = {**limited, "analysis": "meta.tau_squared", "unit": "variance"}
    i2 = {**share, "analysis": "meta.i_squared", "unit": "probability"}
    h2 = {**share, "analysis": "meta.h_squared", "unit": "ratio"}
    test = {**shared, "analysis": "meta.heterogeneity", "unit": "chi-square", "is_test": True}
    if df < 1:
        gap: dict[str, Any] = {"status": "not_estimable", "reason": NOT_ESTIMABLE}
        return [Estimate(**facts, **gap) for facts in ([tau] if random else []) + [i2, h2, test]]
    q = _q(y, v, 0.0)
    found = [Estimate(**test, test_statistic=q, df=df, p_value=max(float(stats.chi2.sf(q, df)), 2.0**-1022))]
    if not random:
        part = max(0.0, (q - df) / q) if q > 0 else 0.0
        return [Estimate(**i2, estimate=part), Estimate(**h2, estimate=q / df), *found]
    typical = df / _pairs(1 / v)
    tau2 = _tau2(y, v, model)
    quantiles = [
        float(stats.chi2.ppf(p, df)) for p in ((1 + limited["conf_level"]) / 2, (1 - limited["conf_level"]) / 2)
    ]
    limits = None if q < quantiles[1] else [_positive(_where(lambda t, c=c: _q(y, v, t) - c), v) for c in quantiles]  # type: ignore[misc]
    by_tau2 = i_squared == "tau2"
    values = {
        "tau": (tau2, limits),
        "i2": (
            tau2 / (tau2 + typical) if by_tau2 else max(0.0, (q - df) / q) if q > 0 else 0.0,
            limits and [t / (t + typical) for t in limits],
        ),
        "h2": ((tau2 + typical) / typical if by_tau2 else q / df, limits and [(t + typical) / typical for t in limits]),
    }
    rows = []
    for facts, (value, ends) in zip((tau, i2, h2), values.values(), strict=True):
        if ends is None:
            rows.append(Estimate(**facts, estimate=value, reason=NOT_ESTIMABLE))
        else:
            rows.append(Estimate(**facts, estimate=value, conf_low=ends[0], conf_high=ends[1]))
    return [*rows, *found]


def _q(y: np.ndarray, v: np.ndarray, tau2: float) -> float:
    """The weighted sum of squares about the weighted mean: sum over pairs of w w (y - y)^2, over the sum of w."""
    w = 1 / (v + tau2)
    return float((np.outer(w, w) * np.subtract.outer(y, y) ** 2).sum() / 2 / w.sum())


def _pairs(w: np.ndarray) -> float:
    """The sum over pairs of different studies of w w, over the sum of w."""
    products = np.outer(w, w)
    np.fill_diagonal(products, 0.0)
    return float(products.sum() / w.sum())


def _tau2(y: np.ndarray, v: np.ndarray, model: str) -> float:
    k = y.size
    if model == "fixed" or k < 2:
        return 0.0
    if model == "dersimonian-laird":
        return _positive((_q(y, v, 0.0) - (k - 1)) / _pairs(1 / v), v)
    if model == "paule-mandel":
        return _positive(_where(lambda tau2: _q(y, v, tau2) - (k - 1)), v)

    def log_likelihood(tau2: complex) -> complex:
        w = 1 / (v + tau2)
        mean = (w * y).sum() / w.sum()
        full = np.log(w).sum() - (w * (y - mean) ** 2).sum()
        return complex((full - np.log(w.sum()) if model == "reml" else full) / 2)

    def slope(tau2: float) -> float:
        # The derivative to the last digit: nothing is subtracted from what is nearly the same.
        step = 1e-30 * (tau2 + float(v.min()))
        return log_likelihood(complex(tau2, step)).imag / step

    top = 10 * (float(v.max()) + float(np.ptp(y)) ** 2)
    grid = np.concatenate([[0.0], np.geomspace(float(v.min()) * 1e-5, top, GRID)])
    slopes = np.array([slope(float(t)) for t in grid])
    peaks = [0.0]
    for i in np.flatnonzero((slopes[:-1] > 0) & (slopes[1:] <= 0)):
        peaks.append(_halved(slope, float(grid[i]), float(grid[i + 1])))
    return _positive(max(peaks, key=lambda tau2: log_likelihood(tau2).real), v)


def _positive(tau2: float, v: np.ndarray) -> float:
    """A tau2 that is more than rounding, else 0."""
    return tau2 if tau2 > 1e-9 * float(v.min()) else 0.0


def _where(falling: Callable[[float], float]) -> float:
    """Where a falling function of tau2 crosses 0; 0 where it starts below."""
    if falling(0.0) <= 0:
        return 0.0
    high = 1.0
    while falling(high) > 0:
        high *= 2
    return _halved(falling, 0.0, high)


def _halved(falling: Callable[[float], float], low: float, high: float) -> float:
    """The zero of a function that falls through it, by halving until no number is between."""
    while low < (middle := (low + high) / 2) < high:
        low, high = (middle, high) if falling(middle) > 0 else (low, middle)
    return high
