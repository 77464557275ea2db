"""Recalculation of the restricted mean survival times adjusted for covariates."""

from __future__ import annotations

import warnings

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evidence_lib.recalculation.survival.steps import SAME_TIME

Floats = NDArray[np.float64]

# A mean below this share of tau, fitted to patients with no time at all, is on its way to 0.
RUN_AWAY = 1e-7
# Below this share of tau, or of a log ratio of 1, a number is rounding.
ROUNDING = 1e-10


def adjusted(
    time: Floats, event: Floats, treated: NDArray[np.bool_], covariates: pd.DataFrame, tau: float, *, log: bool
) -> tuple[float, float] | None:
    """The coefficient of the arm, by statsmodels, and its standard error, patient by patient; None for none.

    Linear model by WLS, log-linear one by a Poisson GLM with variance weights.
    """
    import statsmodels.api as sm

    reached = time >= tau / SAME_TIME
    y = np.where(reached, tau, time)
    known = reached | (event == 1)
    x = np.column_stack([np.ones(y.size), treated, _columns(covariates)])
    weight = np.zeros(y.size)
    for arm in (treated, ~treated):
        weight[arm] = _weights(y[arm], known[arm])
    if np.linalg.matrix_rank(x[known], tol=1e-8 * np.sqrt(known.sum())) < x.shape[1]:
        return None
    if log:
        family = sm.families.Poisson()
        model = sm.GLM(y[known] / tau, x[known], family=family, var_weights=weight[known])
        with warnings.catch_warnings():
            # It warns of a fit that is perfect, or runs away; both are judged here.
            warnings.simplefilter("ignore")
            coefficients = np.asarray(model.fit(tol=1e-14, maxiter=200).params)
        mean = tau * np.exp(x @ coefficients)
        if (mean[known & (y == 0)] < RUN_AWAY * tau).any():
            return None
    else:
        coefficients = np.asarray(sm.WLS(y[known], x[known], weights=weight[known]).fit().params)
        mean = x @ coefficients
    score = x * (weight * (y - mean))[:, None]
    influence = np.concatenate([_influences(y[arm], known[arm], score[arm]) for arm in (treated, ~treated)])
    slope = mean if log else np.ones(y.size)
    information = sum(s * np.outer(row, row) for s, row in zip(slope, x, strict=True))
    inverse = np.linalg.inv(information)
    variance = float((inverse @ (influence.T @ influence) @ inverse)[1, 1])
    unit = 1 if log else tau
    found = (float(coefficients[1]), float(np.sqrt(max(variance, 0.0))))
    effect, error = (value if abs(value) > ROUNDING * unit else 0.0 for value in found)
    return effect, error


def _columns(covariates: pd.DataFrame) -> Floats:
    """Numbers and dummies of categories, standardised; zeros for a category of one level, which says nothing."""
    numeric = covariates.select_dtypes(["number", "bool"]).astype(float)
    others = covariates.drop(columns=numeric.columns)
    dummies = [
        pd.get_dummies(others[name].astype(str), drop_first=others[name].nunique() > 1, dtype=float) for name in others
    ]
    wide = pd.concat([numeric, *dummies], axis=1).to_numpy(dtype=float)
    centred = np.where(wide.max(axis=0) == wide.min(axis=0), 0.0, wide - wide.mean(axis=0))
    spread = centred.std(axis=0)
    return centred / np.where(spread > 0, spread, 1)


def _weights(y: Floats, known: NDArray[np.bool_]) -> Floats:
    """The inverse of lifelines' Kaplan-Meier estimate of censoring at each known time."""
    from lifelines import KaplanMeierFitter

    staying = KaplanMeierFitter().fit(y, ~known).survival_function_at_times(y).to_numpy()
    return np.array([1 / s if k else 0.0 for s, k in zip(staying, known, strict=True)])


def _influences(y: Floats, known: NDArray[np.bool_], score: Floats) -> Floats:
    found = score.copy()
    for c in np.flatnonzero(~known):
        at_risk = y >= y[c]
        share = score[at_risk].sum(axis=0) / at_risk.sum()
        found[c] += share
        found[at_risk] -= share / at_risk.sum()
    return found
