"""Cox models by statsmodels PHReg, or written out where it has no such model, and the frames that go into them."""

from __future__ import annotations

import warnings
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.conventions import Convention
from evidence_lib.recalculation.cox.loops import PlainModel, Sample, score_residuals
from evidence_lib.recalculation.survival.steps import plain

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
    """Rows of a model: time, event, stratum number or None, the handling of ties, and what goes with them.

    ``cluster`` is given where the variance is the robust one.
    """

    time: Floats
    event: Floats
    stratum: NDArray[np.int64] | None
    ties: str
    entry: Floats | None = None
    weights: Floats | None = None
    cluster: NDArray[np.int64] | None = None

    def of(self, rows: NDArray[np.bool_]) -> Data:
        """Some of the rows."""
        names = ("time", "event", "stratum", "entry", "weights", "cluster")
        parts = {name: getattr(self, name) for name in names}
        return replace(self, **{name: None if part is None else part[rows] for name, part in parts.items()})  # type: ignore[arg-type]

    def sample(self) -> Sample:
        """The rows for the likelihood written out; the events' weights are 1 on average."""
        n = self.time.size
        return Sample(
            self.time,
            np.full(n, -np.inf) if self.entry is None else self.entry,
            self.event,
            np.zeros(n, np.int64) if self.stratum is None else self.stratum,
            np.ones(n) if self.weights is None else self.weights / self.mean_weight(),
            self.ties,
        )

    def mean_weight(self) -> float:
        """The mean weight of the events."""
        return 1.0 if self.weights is None else float(self.weights[self.event == 1].mean())

    def model(self, x: Floats) -> Any:
        """The model of these rows with the columns of ``x``: PHReg, or written out."""
        if self.weights is not None or self.ties == "exact":
            return PlainModel(self.sample(), x)
        from statsmodels.duration.hazard_regression import PHReg

        if self.entry is None:
            return PHReg(self.time, x, status=self.event, strata=self.stratum, ties=self.ties)
        # PHReg lets a row that enters at an event time be at risk at it. Only the order of times matters: places in
        # that order, doubled, leave room to move each entry behind the time it stands at.
        place = np.unique(np.concatenate([self.time, self.entry]), return_inverse=True)[1].reshape(2, -1) * 2.0
        return PHReg(place[0], x, status=self.event, strata=self.stratum, ties=self.ties, entry=place[1] + 1)


def ties_of(ties: str | None, convention: Convention) -> str:
    """The handling of ties that was given, else the convention's."""
    return ties or convention.cox_ties


def rows_of(
    time: ArrayLike,
    event: ArrayLike,
    *,
    entry: ArrayLike | None,
    strata: Any,
    weights: ArrayLike | None,
    cluster: Any,
    robust: bool | None,
    ties: str,
) -> Data:
    """The rows of a call."""
    n = np.asarray(time, dtype=float).size
    times, events = plain(time, event)
    entries = None
    if entry is not None:
        joined = plain(np.concatenate([np.asarray(time, float), np.asarray(entry, float)]), np.zeros(2 * n))[0]
        times, entries = joined[:n], joined[n:]
    with_robust = (weights is not None or cluster is not None) if robust is None else robust
    groups = np.arange(n) if cluster is None else stratum_numbers(cluster)
    return Data(
        times,
        events,
        stratum_numbers(strata),
        ties,
        entries,
        None if weights is None else np.asarray(weights, dtype=float),
        groups if with_robust else None,
    )


def at_risk(data: Data, x: Floats) -> tuple[Data, Floats]:
    """The rows that are at risk at some event of their stratum, with a weight above zero."""
    stratum = np.zeros(data.time.size, np.int64) if data.stratum is None else data.stratum
    counted = np.ones(data.time.size, bool) if data.weights is None else data.weights > 0
    events: dict[int, list[float]] = {}
    for number, time, event, counts in zip(stratum.tolist(), data.time.tolist(), data.event, counted, strict=True):
        if event and counts:
            events.setdefault(number, []).append(time)
    entry = np.full(data.time.size, -np.inf) if data.entry is None else data.entry
    rows = counted.copy()
    for number in np.unique(stratum).tolist():
        moments, inside = np.unique(events.get(number, [])), stratum == number
        until, after = (np.searchsorted(moments, values[inside], side="right") for values in (data.time, entry))
        rows[inside] &= until > after
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
    if not data.event[slice(None) if data.weights is None else data.weights > 0].any():
        raise Unanswered(silent=True)
    data, x = at_risk(data, x)
    z, unit = scaled(x)
    model = data.model(z)
    before = -model.hessian(np.zeros(z.shape[1]))
    if _own_columns(data, z, before) != list(range(z.shape[1])):
        raise Unanswered(silent=True)
    try:
        params = _maximum(model, z.shape[1])
        after = -model.hessian(params)
        share = np.linalg.eigvals(np.linalg.solve(before, after)).real.min()
        covariance = inverse = np.linalg.inv(after)
    except np.linalg.LinAlgError:
        raise Unanswered(silent=False) from None
    if not share > RUN_AWAY:
        raise Unanswered(silent=False)
    if data.cluster is not None:
        sample = data.sample()
        scores = score_residuals(sample, z, params) * sample.weight[:, None]
        sums = np.array([scores[data.cluster == number].sum(axis=0) for number in np.unique(data.cluster)])
        covariance = inverse @ (sums.T @ sums) @ inverse
        if not (np.diag(covariance) > 1e-12 * np.diag(inverse)).all():
            raise Unanswered(silent=True)
    else:
        covariance = inverse / data.mean_weight()
    # Up to a constant, which no comparison of models of the same rows sees.
    log_likelihood = float(model.loglike(params)) * data.mean_weight()
    return Fit(params, covariance, log_likelihood, unit)


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
    return _own_columns(data, z, -data.model(z).hessian(np.zeros(z.shape[1])))


def _own_columns(data: Data, z: Floats, information: Floats) -> list[int]:
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


def limits(fit: Fit, conf_level: float, column: int = 0) -> dict[str, Any] | None:
    """Estimate, standard error and limits of a column; None where one is too large to be a number."""
    from statistics import NormalDist

    log_ratio = float(fit.params[column] / fit.unit[column])
    std_error = float(np.sqrt(fit.covariance[column, column]) / fit.unit[column])
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
