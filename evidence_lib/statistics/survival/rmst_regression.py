"""Regression of the time event-free up to tau on arm and covariates, weighted for censoring (Tian, Zhao & Wei 2014)."""

from __future__ import annotations

from typing import Literal

import numpy as np
import pandas as pd

from evidence_lib.language import message
from evidence_lib.statistics.design import design
from evidence_lib.statistics.inputs import Flags, Floats
from evidence_lib.statistics.not_estimable import NotEstimable
from evidence_lib.statistics.survival.inputs import TIE, curve

Link = Literal["identity", "log"]
# A column whose part outside the others is smaller than this share of it is a combination of them.
REDUNDANT = 1e-9
# Newton's steps: how many, when they are over, and the coefficient of a standardised column that has run away.
MOST_STEPS, CONVERGED, RUN_AWAY = 100, 1e-11, 30
# A number below this share of tau, or of a log ratio of 1, is rounding.
ROUNDING = 1e-10


def adjusted_effect(
    time: Floats, event: Flags, treated: Flags, covariates: pd.DataFrame, *, tau: float, link: Link
) -> tuple[float, float]:
    """The coefficient of the arm and its standard error, on the scale of ``link``.

    With Y = min(T, tau), a patient whose Y is known has the weight 1 / G(Y), G being the Kaplan-Meier estimate of
    censoring in the patient's arm, and b solves sum w x (Y - g^-1(x' b)) = 0.
    The variance is A^-1 B A^-1 with A = sum x x' (identity) or sum x x' exp(x' b) (log) over all patients and B the
    sum of squares of the influences, which include that of the estimated weights; as survRM2's ``rmst2``.

    Raises NotEstimable where a covariate is redundant, or an estimate infinite.
    """
    columns = design(covariates, time.size)
    x = np.column_stack([np.ones(time.size), treated, _standardised(columns.matrix)])
    known = event | (time >= tau * (1 - TIE))
    y = np.where(time >= tau * (1 - TIE), tau, time)
    weight = np.zeros(time.size)
    for arm in (treated, ~treated):
        weight[arm] = _weights(y[arm], known[arm])
    _refuse_redundant(x[known], columns.names)
    coefficients = _solved(x[known], y[known], weight[known], link)
    fitted = x @ coefficients
    mean, slope = (fitted, np.ones(time.size)) if link == "identity" else (np.exp(fitted), np.exp(fitted))
    score = x * (weight * (y - mean))[:, None]
    influence = np.empty_like(score)
    for arm in (treated, ~treated):
        influence[arm] = _with_estimated_weights(y[arm], known[arm], score[arm])
    bread = np.linalg.inv((x * slope[:, None]).T @ x)
    error = float(np.linalg.norm(influence @ bread[:, 1]))
    # Where the model fits every patient rounding leaves an error that is none, and perhaps an effect that is none.
    rounding = ROUNDING * (tau if link == "identity" else 1)
    effect = float(coefficients[1])
    return effect if abs(effect) > rounding else 0.0, error if error > rounding else 0.0


def _standardised(columns: Floats) -> Floats:
    """Columns of mean 0 and variance 1, which change no coefficient of the arm; a constant one becomes 0."""
    constant = (columns == columns[0]).all(axis=0)
    # Divided by the largest value first, since the squares of huge or tiny ones do not exist.
    columns = columns / np.where(constant, 1, np.abs(columns).max(axis=0))
    centred = np.where(constant, 0, columns - columns.mean(axis=0))
    return centred / np.where(constant, 1, centred.std(axis=0))


def _weights(y: Floats, known: Flags) -> Floats:
    """1 / G(Y) where Y is known, else 0; G is the reverse Kaplan-Meier estimate, as that of ``follow_up``."""
    censoring = curve(y, ~known)
    staying = censoring.survival[np.searchsorted(censoring.time, y)]
    return np.where(known, 1 / np.where(known, staying, 1), 0)


def _with_estimated_weights(y: Floats, known: Flags, score: Floats) -> Floats:
    """The score of each patient, and what the patient's censoring, or not, did to the weights of the others.

    The second part is the integral of q(u) = sum of scores from u on / number at risk at u over the patient's
    martingale of censoring.
    """
    censoring = curve(y, ~known)
    place = np.searchsorted(censoring.time, y)
    sums = np.zeros((censoring.time.size, score.shape[1]))
    np.add.at(sums, place, score)
    n, d = censoring.n_at_risk[:, None], censoring.n_events[:, None]
    q = np.cumsum(sums[::-1], axis=0)[::-1] / n
    expected = np.cumsum(q * d / n, axis=0)
    return score + np.where(known[:, None], 0, q[place]) - expected[place]


def _refuse_redundant(x: Floats, names: tuple[str, ...]) -> None:
    """Raise NotEstimable naming the first covariate that intercept, arm and the covariates before it make up."""
    basis = np.linalg.qr(x[:, :2])[0]
    for name, column in zip(names, x[:, 2:].T, strict=True):
        rest = column - basis @ (basis.T @ column)
        rest -= basis @ (basis.T @ rest)
        if not np.linalg.norm(rest) > REDUNDANT * np.linalg.norm(column):
            raise NotEstimable(message("survival_statistics.reason.rmst_redundant", name=name))
        basis = np.column_stack([basis, rest / np.linalg.norm(rest)])


def _solved(x: Floats, y: Floats, weight: Floats, link: Link) -> Floats:
    if link == "identity":
        root = np.sqrt(weight)
        return np.asarray(np.linalg.lstsq(x * root[:, None], y * root, rcond=None)[0], dtype=np.float64)
    # The weighted Poisson log-likelihood, whose derivative is the equation, is concave: Newton with halved steps.
    unit = float(weight @ y / weight.sum())
    b = np.zeros(x.shape[1])
    value = _poisson(x @ b, y / unit, weight)
    for _ in range(MOST_STEPS):
        mean = np.exp(x @ b)
        try:
            step = np.linalg.solve((x * (weight * mean)[:, None]).T @ x, x.T @ (weight * (y / unit - mean)))
        except np.linalg.LinAlgError:
            break
        while (found := _poisson(x @ (b + step), y / unit, weight)) < value and np.abs(step).max() > CONVERGED:
            step /= 2
        b, value = b + step, found
        if np.abs(b).max() > RUN_AWAY:
            break
        if np.abs(step).max() <= CONVERGED:
            return b + np.log(unit) * (np.arange(b.size) == 0)
    raise NotEstimable(message("survival_statistics.reason.rmst_infinite"))


def _poisson(linear: Floats, y: Floats, weight: Floats) -> float:
    with np.errstate(over="ignore"):
        return float(weight @ (y * linear - np.exp(linear)))
