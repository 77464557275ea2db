"""Recalculation of the effects by region."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evidence_lib.recalculation.regional.retention import retention
from evidence_lib.recalculation.regional.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.survival.steps import quantile, tail
from evidence_lib.results import Estimate, Estimates

Floats = NDArray[np.float64]
# An effect and its standard error.
_Pair = tuple[float | None, float]
_NONE: _Pair = (None, 0.0)


def regional_effects(
    estimate: ArrayLike,
    std_error: ArrayLike,
    region: ArrayLike,
    *,
    scale: str = "identity",
    unit: str | None = None,
    tau2_method: str = "reml",
    conf_level: float = 0.95,
) -> Estimates:
    """Twin of ``statistics.regional.regional_effects``: all its statistics."""
    given, errors = np.asarray(estimate, dtype=float), np.asarray(std_error, dtype=float)
    y, v = (np.log(given) if scale == "log" else given), errors**2
    names = list(np.asarray(region, dtype=object))
    variant = "ratio" if scale == "log" else "difference"

    def one(analysis: str, effect: float | None, error: float, name: Any = None) -> Estimate:
        facts: dict[str, Any] = {
            "analysis": f"regional.{analysis}.{variant}",
            "unit": unit or variant,
            "groups": {} if name is None else {"region": name},
            "conf_level": conf_level,
            "scale": scale,
            "method": SOURCE["regional_effects"],
        }
        half = quantile(conf_level) * error
        if effect is None or (scale == "log" and abs(effect) + half > 700):
            return Estimate(**facts, status="not_estimable", reason=NOT_ESTIMABLE)
        low, middle, high = effect - half, effect, effect + half
        if scale == "log":
            low, middle, high = math.exp(low), math.exp(middle), math.exp(high)
        p_value = max(tail(effect / error), float(np.finfo(float).tiny))
        return Estimate(**facts, estimate=middle, std_error=error, conf_low=low, conf_high=high, p_value=p_value)

    items = [one("effect", float(a), float(b), name) for a, b, name in zip(y, errors, names, strict=True)]
    items.append(one("overall", *_fixed(y, v)))
    items += _heterogeneity(y, v, tau2_method)
    alone = len(names) < 2
    shrunken = [_NONE] if alone else _shrunken(y, v, _tau2(y, v, tau2_method))
    items += [one("shrunken", *pair, name) for pair, name in zip(shrunken, names, strict=True)]
    for r, name in enumerate(names):
        rest = np.arange(len(names)) != r
        effect, error = _NONE if alone else _fixed(y[rest], v[rest])
        items.append(one("leave_one_out", effect, error, name))
    kept = retention(estimate, std_error, region, scale=scale, conf_level=conf_level).items
    return Estimates((*items, *kept))


def _heterogeneity(y: Floats, v: Floats, method: str) -> list[Estimate]:
    from scipy.special import gammaincc

    test: dict[str, Any] = {"analysis": "regional.heterogeneity", "unit": "chi-square", "is_test": True}
    parts: list[dict[str, Any]] = [
        test,
        {"analysis": "regional.i_squared", "unit": "probability"},
        {"analysis": "regional.tau_squared", "unit": "variance"},
    ]
    parts = [{**part, "method": SOURCE["regional_effects"]} for part in parts]
    if y.size < 2:
        return [Estimate(**part, status="not_estimable", reason=NOT_ESTIMABLE) for part in parts]
    df = y.size - 1
    # All pairs of regions: the sum of w_i w_j (y_i - y_j)^2 / sum of w.
    w = 1 / v
    q = float((np.outer(w, w) * (y[:, None] - y) ** 2).sum() / 2 / w.sum())
    p_value = max(float(gammaincc(df / 2, q / 2)), np.finfo(float).tiny)
    return [
        Estimate(**parts[0], test_statistic=q, df=df, p_value=p_value),
        Estimate(**parts[1], estimate=max(0.0, 1 - df / q) if q > 0 else 0.0),
        Estimate(**parts[2], estimate=_tau2(y, v, method)),
    ]


def _fixed(y: Floats, v: Floats) -> _Pair:
    """The mean and its standard error by the library, which needs two regions or more."""
    from statsmodels.stats.meta_analysis import combine_effects

    if y.size == 1:
        return float(y[0]), math.sqrt(v[0])
    with np.errstate(all="ignore"):
        found = combine_effects(y, v)
    return float(found.mean_effect_fe), float(found.sd_eff_w_fe)


def _tau2(y: Floats, v: Floats, method: str) -> float:
    """The variance between regions: the library's by moments, the others by matrices and root finding."""
    if method == "dersimonian-laird":
        from statsmodels.stats.meta_analysis import combine_effects

        with np.errstate(all="ignore"):
            found = float(combine_effects(y, v, method_re="chi2").tau2)
    else:
        found = _root_of(y, v, restricted=method == "reml")
    return found if found > 1e-9 * float(v.min()) else 0.0


def _root_of(y: Floats, v: Floats, *, restricted: bool) -> float:
    """The maximum of the restricted likelihood, or where Q is its degrees of freedom; the higher of several maxima."""
    from scipy.optimize import brentq

    one = np.ones((y.size, 1))

    def parts(tau2: float) -> tuple[float, float]:
        """The restricted log-likelihood, and the function whose root is wanted."""
        inverse = np.diag(1 / (v + tau2))
        inner = one.T @ inverse @ one
        p = inverse - inverse @ one @ one.T @ inverse / inner
        likelihood = -np.log(v + tau2).sum() - math.log(inner[0, 0]) - y @ p @ y
        return float(likelihood), float(y @ p @ p @ y - np.trace(p) if restricted else y @ p @ y - (y.size - 1))

    top = 2 * float(np.var(y)) * y.size**2
    grid = [0.0, *np.geomspace(min(v.min(), top) * 1e-7, top, 400)] if top > 0 else [0.0]
    values = [parts(tau2)[1] for tau2 in grid]
    found = [0.0]
    for i in range(len(grid) - 1):
        if values[i] > 0 >= values[i + 1]:
            found.append(float(brentq(lambda tau2: parts(tau2)[1], grid[i], grid[i + 1], xtol=1e-300, rtol=1e-13)))
    return max(found, key=lambda tau2: parts(tau2)[0]) if restricted else found[-1]


def _shrunken(y: Floats, v: Floats, tau2: float) -> list[_Pair]:
    """Mean plus deviation of each region, by Henderson's mixed-model equations in deviations of one tau."""
    k, tau = y.size, math.sqrt(tau2)
    left = np.zeros((k + 1, k + 1))
    left[0, 0] = (1 / v).sum()
    left[0, 1:] = left[1:, 0] = tau / v
    left[1:, 1:] = np.diag(tau2 / v + 1)
    right = np.concatenate([[(y / v).sum()], tau * y / v])
    solution, covariance = np.linalg.solve(left, right), np.linalg.inv(left)
    found: list[_Pair] = []
    for r in range(k):
        pick = np.zeros(k + 1)
        pick[0], pick[1 + r] = 1.0, tau
        found.append((float(pick @ solution), math.sqrt(pick @ covariance @ pick)))
    return found
