"""Cox models by statsmodels PHReg, and the frames that go into them."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evidence_lib.conventions import Convention

Floats = NDArray[np.float64]

# Shares of information below which a column is no column of its own, and a coefficient has run away.
REDUNDANT, RUN_AWAY = 1e-9, 1e-5


@dataclass(frozen=True, eq=False)
class Fit:
    """A fitted model: coefficients, covariance and log-likelihood, of columns divided by ``unit``."""

    params: Floats
    covariance: Floats
    log_likelihood: float
    unit: Floats


class Unanswered(Exception):
    """No model: ``silent`` where the data say nothing, else a coefficient is infinite."""

    def __init__(self, *, silent: bool) -> None:
        super().__init__("silent" if silent else "infinite")
        self.silent = silent


@dataclass(frozen=True, eq=False)
class Data:
    """Patients of a model: time, event, stratum number or None, and the handling of ties."""

    time: Floats
    event: Floats
    stratum: NDArray[np.int64] | None
    ties: str

    def of(self, rows: NDArray[np.bool_]) -> Data:
        """Some of the patients."""
        return Data(self.time[rows], self.event[rows], None if self.stratum is None else self.stratum[rows], self.ties)

    def model(self, x: Floats) -> Any:
        """The PHReg model of these patients with the columns of ``x``."""
        from statsmodels.duration.hazard_regression import PHReg

        return PHReg(self.time, x, status=self.event, strata=self.stratum, ties=self.ties)


def ties_of(ties: str | None, convention: Convention) -> str:
    """The handling of ties that was given, else the convention's."""
    return ties or convention.cox_ties


def at_risk(data: Data, x: Floats) -> tuple[Data, Floats]:
    """The patients who are at risk at some event of their stratum."""
    stratum = np.zeros(data.time.size, np.int64) if data.stratum is None else data.stratum
    first: dict[int, float] = {}
    for number, time, event in zip(stratum.tolist(), data.time.tolist(), data.event.tolist(), strict=True):
        if event:
            first[number] = min(first.get(number, time), time)
    rows = np.array(
        [time >= first.get(number, np.inf) for number, time in zip(stratum.tolist(), data.time, strict=True)]
    )
    return data.of(rows), x[rows]


def scaled(x: Floats) -> tuple[Floats, Floats]:
    """Columns around 0 whose largest absolute value is 1 (or 0), and the unit they were divided by."""
    size = np.where(np.abs(x).max(axis=0) > 0, np.abs(x).max(axis=0), 1.0)
    part = x / size
    middle = part - np.median(part, axis=0)
    width = np.where(np.abs(middle).max(axis=0) > 0, np.abs(middle).max(axis=0), 1.0)
    with np.errstate(over="ignore"):
        return middle / width, size * width


def fitted(data: Data, x: Floats) -> Fit:
    """The fit of all columns. Raises Unanswered where one is redundant or has no finite coefficient."""
    if not data.event.any():
        raise Unanswered(silent=True)
    data, x = at_risk(data, x)
    z, unit = scaled(x)
    if own_columns(data, z) != list(range(z.shape[1])):
        raise Unanswered(silent=True)
    model = data.model(z)
    before = -model.hessian(np.zeros(z.shape[1]))
    try:
        params = _maximum(model, z.shape[1])
        after = -model.hessian(params)
        share = np.linalg.eigvals(np.linalg.solve(before, after)).real.min()
        covariance = np.linalg.inv(after)
    except np.linalg.LinAlgError:
        raise Unanswered(silent=False) from None
    if not share > RUN_AWAY:
        raise Unanswered(silent=False)
    return Fit(params, covariance, float(model.loglike(params)), unit)


def _maximum(model: Any, p: int) -> Floats:
    """The maximum by PHReg's Newton steps; where they overshoot, from a place that a trust region found first."""
    from scipy.optimize import minimize

    # A fit that did not converge is found here and by what is left of its information.
    with warnings.catch_warnings(), np.errstate(all="ignore"):
        warnings.simplefilter("ignore")
        params = np.asarray(model.fit(disp=False).params)
        score = model.score(params) if np.isfinite(params).all() else np.full(p, np.nan)
        if np.abs(score).max() <= 1e-6:
            return params
        near = minimize(
            lambda b: -model.loglike(b),
            np.zeros(p),
            jac=lambda b: -model.score(b),
            hess=lambda b: -model.hessian(b),
            method="trust-exact",
            options={"gtol": 1e-5, "initial_trust_radius": 1.0, "max_trust_radius": 2.0},
        ).x
        return np.asarray(model.fit(start_params=near, disp=False).params)


def own_columns(data: Data, z: Floats) -> list[int]:
    """The columns that vary among patients at risk and that the columns before them do not make up."""
    information = -data.model(z).hessian(np.zeros(z.shape[1]))
    kept: list[int] = []
    for j in range(z.shape[1]):
        if information[j, j] <= REDUNDANT * data.event.sum() * max(float(z[:, j].var()), 1e-300):
            continue
        tried = information[np.ix_([*kept, j], [*kept, j])]
        size = np.sqrt(np.diag(tried))
        if np.linalg.eigvalsh(tried / np.outer(size, size))[0] > REDUNDANT:
            kept.append(j)
    return kept


def indicators(covariates: pd.DataFrame) -> tuple[Floats, list[str]]:
    """Numbers as they are and the other columns as pandas' indicators, with the covariate that each belongs to."""
    parts: list[Floats] = []
    owner: list[str] = []
    for name in covariates.columns:
        values = covariates[name]
        if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
            block = values.to_numpy(dtype=float)[:, None]
        else:
            dummies = pd.get_dummies(values.astype(str), drop_first=True)
            block = dummies.to_numpy(dtype=float) if dummies.shape[1] else np.zeros((len(values), 1))
        parts.append(block)
        owner += [str(name)] * block.shape[1]
    return np.hstack(parts), owner


def stratum_numbers(strata: Any) -> NDArray[np.int64] | None:
    """One number per combination of the strata's labels."""
    if strata is None:
        return None
    frame = strata if isinstance(strata, pd.DataFrame) else pd.DataFrame({"stratum": np.asarray(strata, dtype=object)})
    seen: dict[tuple[Hashable, ...], int] = {}
    return np.array([seen.setdefault(row, len(seen)) for row in frame.itertuples(index=False, name=None)], np.int64)


def limits(fit: Fit, conf_level: float) -> dict[str, Any] | None:
    """Estimate, standard error and limits of the first column; None where one is too large to be a number."""
    from statistics import NormalDist

    log_ratio = float(fit.params[0] / fit.unit[0])
    std_error = float(np.sqrt(fit.covariance[0, 0]) / fit.unit[0])
    half = -NormalDist().inv_cdf((1 - conf_level) / 2) * std_error
    if abs(log_ratio) + half > 700:
        return None
    low, middle, high = (float(np.exp(log_ratio + shift)) for shift in (-half, 0.0, half))
    return {
        "estimate": middle,
        "std_error": std_error,
        "conf_low": low,
        "conf_high": high,
        "p_value": 2 * NormalDist().cdf(-abs(log_ratio / std_error)),
    }
