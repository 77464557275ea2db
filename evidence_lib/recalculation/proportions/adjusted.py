"""Recalculation of the standardised risk difference."""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import expit

from evidence_lib.recalculation.proportions.counts import quantile, rows, strata_of, two_tails
from evidence_lib.recalculation.proportions.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate

_Array = NDArray[Any]


def adjusted_risk_difference(
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    covariates: pd.DataFrame,
    variance: str = "ye",
    hc: str | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    arms: str = "two",
    count: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.proportions.adjusted_risk_difference``: all its statistics."""
    labels = rows(group)
    # One row for each patient, whatever the frequencies.
    weights = [1] * len(labels) if count is None else [int(c) for c in rows(count)]
    kept = [i for i, label in enumerate(labels) if label in (treatment, reference) or arms == "all"]
    place = np.repeat(np.array(kept, dtype=int), [weights[i] for i in kept])
    y = np.array(rows(event), dtype=float)[place]
    arm = np.array(labels, dtype=object)[place]
    numbers: dict[Hashable, int] = {}
    stratum = np.array([numbers.setdefault(s, len(numbers)) for s in strata_of(strata, len(labels))], dtype=int)[place]
    shared: dict[str, Any] = {
        "analysis": f"rd.adjusted.{variance}",
        "unit": "probability",
        "groups": {"treatment": treatment, "reference": reference},
        "conf_level": conf_level,
        "n": len(place),
        "events": int(y.sum()),
        "method": SOURCE["adjusted_risk_difference"],
    }
    failed = Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    if treatment not in arm or reference not in arm:
        return failed
    columns = _columns(covariates.iloc[place])
    others = [label for label in dict.fromkeys(arm.tolist()) if label not in (treatment, reference)]

    def design(of: _Array) -> _Array:
        indicators = [(of == label).astype(float) for label in (treatment, *others)]
        return np.column_stack([np.ones(of.size), *indicators, *columns])

    x = design(arm)
    if np.linalg.matrix_rank(x, tol=1e-5 * np.sqrt(y.size)) < x.shape[1] or _separated(x, y):
        return failed
    import statsmodels.api as sm

    fit = sm.GLM(y, x, family=sm.families.Binomial()).fit(tol=1e-14, tol_criterion="params", maxiter=100)
    both = design(_all(treatment, arm.size)), design(_all(reference, arm.size))
    means = [expit(d @ fit.params) for d in both]
    estimate = float(np.mean(means[0] - means[1]))
    if variance == "ge":
        spread = _delta(fit, x, y, both, hc or "hc0")
    else:
        residual = y - expit(x @ fit.params)
        spread = _population(y, arm == treatment, arm == reference, means)
        if spread is not None and strata is not None:
            spread -= _blocks(residual, arm, stratum, treatment, reference)
    if spread is None:
        return failed
    error = math.sqrt(max(spread, 0.0))
    if error == 0:
        return Estimate(**shared, estimate=estimate, reason=NOT_ESTIMABLE)
    z = quantile(conf_level)
    return Estimate(
        **shared,
        estimate=estimate,
        std_error=error,
        conf_low=max(estimate - z * error, -1.0),
        conf_high=min(estimate + z * error, 1.0),
        test_statistic=estimate / error,
        p_value=two_tails(estimate / error),
    )


def _all(label: Any, size: int) -> _Array:
    found = np.empty(size, dtype=object)
    found[:] = label
    return found


def _columns(covariates: pd.DataFrame) -> list[_Array]:
    found: list[_Array] = []
    for name in covariates:
        column = covariates[name]
        if pd.api.types.is_numeric_dtype(column):
            found.append(column.to_numpy(dtype=float))
        else:
            dummies = pd.get_dummies(column.astype(str), drop_first=True)
            found += [dummies[level].to_numpy(dtype=float) for level in dummies] or [np.zeros(len(column))]
    # Between 0 and 1 each, which changes no risk and keeps the digits of the coefficients.
    return [(c - c.min()) / (np.ptp(c) if np.ptp(c) > 1e-12 * np.abs(c).max() else np.inf) for c in found]


def _separated(x: _Array, y: _Array) -> bool:
    """Whether some coefficients put nobody on the wrong side of their outcome, and somebody on the right one."""
    from scipy.optimize import linprog

    signed = np.unique(x * np.where(y == 1, 1.0, -1.0)[:, None], axis=0)
    found = linprog(-signed.sum(axis=0), A_ub=-signed, b_ub=np.zeros(len(signed)), bounds=(-1, 1), method="highs")
    return bool(-found.fun > 1e-7)


def _delta(fit: Any, x: _Array, y: _Array, both: tuple[_Array, _Array], hc: str) -> float | None:
    def mean(b: _Array) -> float:
        return float(np.mean(expit(both[0] @ b)) - np.mean(expit(both[1] @ b)))

    gradient = _derivative(mean, np.asarray(fit.params))
    risk = expit(x @ fit.params)
    root = np.sqrt(risk * (1 - risk))[:, None] * x
    # By the QR decomposition of the weighted design: leverages are squared lengths of the rows of Q.
    q, r = np.linalg.qr(root)
    inverse = np.linalg.inv(r) @ np.linalg.inv(r).T
    if hc == "model":
        return float(gradient @ inverse @ gradient)
    leverage = (q**2).sum(axis=1)
    n, p = x.shape
    if hc in ("hc2", "hc3") and leverage.max() > 1 - 1e-9:
        return None
    scale = {"hc0": 1.0, "hc1": n / (n - p), "hc2": 1 / (1 - leverage), "hc3": 1 / (1 - leverage) ** 2}[hc]
    middle = x.T @ (np.asarray(scale * (y - risk) ** 2)[:, None] * x)
    return float(gradient @ inverse @ middle @ inverse @ gradient)


def _derivative(function: Callable[[_Array], float], at: _Array) -> _Array:
    """Central differences, extrapolated once."""
    found = np.zeros(at.size)
    for i in range(at.size):
        step = np.zeros(at.size)
        step[i] = 1e-3 * max(abs(at[i]), 1e-3)
        wide = (function(at + step) - function(at - step)) / (2 * step[i])
        narrow = (function(at + step / 2) - function(at - step / 2)) / step[i]
        found[i] = (4 * narrow - wide) / 3
    return found


def _population(y: _Array, treated: _Array, control: _Array, means: list[_Array]) -> float | None:
    """Ye's variance from covariance matrices: of outcome and both predictions within arms, of predictions over all."""
    if min(treated.sum(), control.sum()) < 2:
        return None
    overall = np.cov(means[0], means[1])
    total = 2 * overall[0, 1]
    for k, arm in enumerate((treated, control)):
        within = np.cov(np.stack([y[arm], means[k][arm], means[1 - k][arm]]))
        left = within[0, 0] - 2 * within[0, 1] + overall[k, k]
        total += left / arm.mean() + 2 * within[0, 1] - overall[k, k] - 2 * within[0, 2]
    return float(total) / y.size


def _blocks(residual: _Array, arm: _Array, stratum: _Array, treatment: Any, reference: Any) -> float:
    """What blocks within strata take away, as the quadratic form of matrices."""
    who = np.stack([arm == treatment, arm == reference])
    share = who.mean(axis=1)
    omega = np.diag(share) - np.outer(share, share)
    total = 0.0
    for s in np.unique(stratum):
        here = stratum == s
        if not all((w & here).any() for w in who):
            continue
        r = np.diag([residual[w & here].mean() / p for w, p in zip(who, share, strict=True)])
        total += float(here.mean() * (np.array([1, -1]) @ r @ omega @ r @ np.array([1, -1])))
    return total / residual.size
