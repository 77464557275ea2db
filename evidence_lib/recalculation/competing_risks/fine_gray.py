"""Recalculation of the Fine-Gray model by brute force."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.recalculation.competing_risks.causes import Label, numbered, told, whole
from evidence_lib.recalculation.competing_risks.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.cox.fits import REDUNDANT, RUN_AWAY, scaled
from evidence_lib.results import Estimate, Estimates

Floats = NDArray[np.float64]
NAME = "fine_gray.subdistribution_hazard_ratio"


@dataclass(frozen=True, eq=False)
class Tie:
    """An event time of one stratum, and who has the event then."""

    time: float
    stratum: int
    dead: NDArray[np.bool_]


class Model:
    """All patients, with the covariates ``x`` (n, p) and the weights of every patient at every event time."""

    def __init__(
        self, times: Floats, kind: NDArray[Any], x: Floats, stratum: NDArray[Any], group: NDArray[Any]
    ) -> None:
        self.times, self.kind, self.x, self.stratum = times, kind, x, stratum
        self.group = np.unique(group, return_inverse=True)[1].reshape(-1)
        self.ties = [
            Tie(float(t), int(s), (times == t) & (stratum == s) & (kind == 1))
            for s in np.unique(stratum)
            for t in np.unique(times[(kind == 1) & (stratum == s)])
        ]
        members = [self.group == g for g in range(self.group.max() + 1)]
        self.uncensored = [_uncensored(times[here], kind[here]) for here in members]
        self.own = np.array([_just_before(self.uncensored[g], t) for g, t in zip(self.group, times, strict=True)])
        self._last: tuple[Floats, tuple[float, Floats, Floats]] | None = None

    def weights(self, tie: Tie) -> Floats:
        """The weight of every patient at an event time."""
        carried = np.array([_just_before(curve, tie.time) for curve in self.uncensored])[self.group] / self.own
        found = np.where(self.times >= tie.time, 1.0, np.where(self.kind == 2, carried, 0.0))
        return found * (self.stratum == tie.stratum)

    def at(self, beta: Floats) -> tuple[float, Floats, Floats]:
        """Minus the log-likelihood, its gradient and its second derivatives; those of the last place are kept."""
        if self._last is None or not np.array_equal(self._last[0], beta):
            self._last = (beta.copy(), self._derivatives(beta))
        return self._last[1]

    def _derivatives(self, beta: Floats) -> tuple[float, Floats, Floats]:
        value, p = 0.0, beta.size
        slope, curve = np.zeros(p), np.zeros((p, p))
        eta = self.x @ beta
        for tie in self.ties:
            load = self.weights(tie)
            inside = load > 0
            top = eta[inside].max()
            load = load[inside] * np.exp(eta[inside] - top)
            mean = load @ self.x[inside] / load.sum()
            centred = self.x[inside] - mean
            d = int(tie.dead.sum())
            value += d * (math.log(load.sum()) + top) - float(eta[tie.dead].sum())
            slope += d * mean - self.x[tie.dead].sum(axis=0)
            curve += d * (centred.T * load) @ centred / load.sum()
        return value, slope, curve

    def scores(self, beta: Floats) -> Floats:
        """What each patient adds to the score (n, p): its own terms, and those through the estimate of censoring."""
        risk = np.exp(self.x @ beta - (self.x @ beta).max())
        total = np.zeros_like(self.x)
        sums, means = [], []
        for tie in self.ties:
            load = self.weights(tie) * risk
            s0, mean, d = load.sum(), load @ self.x / load.sum(), int(tie.dead.sum())
            total -= (load * d / s0)[:, None] * (self.x - mean)
            total[tie.dead] += self.x[tie.dead] - mean
            sums.append(d / s0)
            means.append(mean)
        for g in range(len(self.uncensored)):
            self._through_censoring(total, g, risk, np.array(sums), np.array(means))
        return total

    def _through_censoring(self, total: Floats, g: int, risk: Floats, rate: Floats, means: Floats) -> None:
        """Add the part of each patient of a group in its estimate of censoring, one time of censoring after another."""
        here = np.flatnonzero(self.group == g)
        when, at = np.array([tie.time for tie in self.ties]), np.array([tie.stratum for tie in self.ties])
        later = np.array([_just_before(self.uncensored[g], t) for t in when])
        for u in np.unique(self.times[here][self.kind[here] == 0]):
            gone = here[(self.kind[here] == 2) & (self.times[here] < u)]
            q = np.zeros(self.x.shape[1])
            for s in set(self.stratum[gone].tolist()):
                carried = gone[self.stratum[gone] == s]
                load = risk[carried] / self.own[carried]
                ahead = (when >= u) & (at == s)
                q += (rate[ahead] * later[ahead]) @ (load @ self.x[carried] - load.sum() * means[ahead])
            watched = here[self.times[here] >= u]
            ended = watched[(self.times[watched] == u) & (self.kind[watched] == 0)]
            total[ended] += q / watched.size
            total[watched] -= q * ended.size / watched.size**2


def fine_gray(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike | None,
    *,
    event_of_interest: Label,
    treatment: Hashable | None,
    reference: Hashable | None,
    covariates: pd.DataFrame | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    censoring_groups: ArrayLike | pd.DataFrame | None = None,
    cluster: ArrayLike | None = None,
    censored: Label = 0,
    conf_level: float = 0.95,
) -> Estimates:
    """Twin of ``statistics.competing_risks.fine_gray``: estimate, standard error, limits and p-value of each term."""
    times, ends, _ = told(time, cause, censored)
    label, size = whole(event_of_interest), times.size
    kind = np.array([0 if end is None else 1 if end == label else 2 for end in ends], dtype=np.int64)
    labels = np.full(size, None) if group is None else np.asarray(group, dtype=object)
    with_events = {one for one, k in zip(labels, kind, strict=True) if k == 1}
    others = sorted(with_events - {treatment, reference}, key=str) if group is not None else []
    terms = [] if group is None else [str(arm) for arm in (treatment, *others)]
    columns = [(labels == arm).astype(float)[:, None] for arm in (treatment, *others)] if group is not None else []
    names: list[str] = []
    for column, values in _columns(covariates):
        columns.append(values[:, None])
        names.append(column)
    rows = np.array([group is None or one in (treatment, reference, *others) for one in labels], dtype=bool)

    def of(values: Any) -> NDArray[np.int64]:
        return (np.zeros(size, dtype=np.int64) if values is None else numbered(values))[rows]

    possible = bool((kind == 1).any()) and (group is None or {treatment, reference} <= with_events)
    fit = None
    if possible:
        model = Model(times[rows], kind[rows], np.hstack(columns)[rows], of(strata), of(censoring_groups))
        fit = _fitted(model, None if cluster is None else numbered(cluster)[rows])
    shared: dict[str, Any] = {
        "unit": "ratio",
        "scale": "log",
        "method": SOURCE["fine_gray"],
        "conf_level": conf_level,
    }
    items = []
    if group is not None:
        two = np.array([one in (treatment, reference) for one in labels], dtype=bool)
        kind_of_model = "adjusted" if covariates is not None else "stratified" if strata is not None else "unstratified"
        arms = {"treatment": treatment, "reference": reference, "subgroup": "all", "cause": label}
        counts = {"n": int(two.sum()), "events": int((kind[two] == 1).sum())}
        items.append(_estimate(fit, 0, {**shared, **counts, "analysis": f"{NAME}.{kind_of_model}", "groups": arms}))
    counts = {"n": int(rows.sum()), "events": int((kind[rows] == 1).sum())}
    for j, name in enumerate(names, start=len(terms)):
        about = {"analysis": f"{NAME}.covariate", "groups": {"variable": name, "cause": label}}
        items.append(_estimate(fit, j, {**shared, **counts, **about}))
    return Estimates(tuple(items))


def _fitted(model: Model, cluster: NDArray[np.int64] | None) -> tuple[Floats, Floats] | None:
    """Coefficients and their variances; None where there is no finite maximum."""
    from scipy.optimize import minimize

    counted = np.zeros(model.times.size, dtype=bool)
    for tie in model.ties:
        counted |= model.weights(tie) > 0
    z, unit = scaled(model.x[counted])
    model.x = np.zeros_like(model.x)
    model.x[counted] = z
    start = np.zeros(z.shape[1])
    _, _, before = model.at(start)
    size = np.sqrt(np.diag(before))
    if (np.diag(before) <= REDUNDANT * (model.kind == 1).sum() * np.maximum(z.var(axis=0), 1e-300)).any():
        return None
    if np.linalg.eigvalsh(before / np.outer(size, size))[0] <= REDUNDANT:
        return None
    found = minimize(
        lambda b: model.at(b)[:2],
        start,
        jac=True,
        hess=lambda b: model.at(b)[2],
        method="trust-exact",
        options={"gtol": 1e-7},
    ).x
    # From there each of Newton's steps doubles the digits.
    for _ in range(2):
        _, slope, curve = model.at(found)
        found = found - np.linalg.pinv(curve) @ slope
    curve = model.at(found)[2]
    if not np.linalg.eigvals(np.linalg.solve(before, curve)).real.min() > RUN_AWAY:
        return None
    influence = model.scores(found) @ np.linalg.inv(curve)
    if cluster is not None:
        influence = np.array([influence[cluster == c].sum(axis=0) for c in np.unique(cluster)])
    variance = (influence**2).sum(axis=0)
    if not (variance > 1e-12 * np.diag(np.linalg.inv(curve))).all():
        return None
    return found / unit, variance / unit**2


def _estimate(fit: tuple[Floats, Floats] | None, j: int, shared: dict[str, Any]) -> Estimate:
    half = 0.0
    if fit is not None:
        half = -NormalDist().inv_cdf((1 - shared["conf_level"]) / 2) * math.sqrt(fit[1][j])
    if fit is None or not abs(fit[0][j]) + half <= 700:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    middle, error = float(fit[0][j]), math.sqrt(fit[1][j])
    return Estimate(
        **shared,
        estimate=math.exp(middle),
        std_error=error,
        conf_low=math.exp(middle - half),
        conf_high=math.exp(middle + half),
        p_value=2 * NormalDist().cdf(-abs(middle / error)),
    )


def _columns(covariates: pd.DataFrame | None) -> list[tuple[str, Floats]]:
    """Numbers as they are; of other columns an indicator of each level but the first."""
    found: list[tuple[str, Floats]] = []
    for name in [] if covariates is None else covariates.columns:
        values = covariates[name]  # type: ignore[index]
        if pd.api.types.is_numeric_dtype(values.dtype) or pd.api.types.is_bool_dtype(values.dtype):
            found.append((str(name), values.to_numpy(dtype=float)))
            continue
        levels = sorted(set(values), key=lambda level: level if isinstance(level, int | float) else str(level))
        found += [(f"{name}={whole(level)}", (values == level).to_numpy(dtype=float)) for level in levels[1:]]
        found += [(str(name), np.zeros(len(values)))] if len(levels) < 2 else []
    return found


def _uncensored(times: Floats, kind: NDArray[Any]) -> Any:
    from lifelines import KaplanMeierFitter

    curve = KaplanMeierFitter().fit(times, kind == 0).survival_function_.iloc[:, 0]
    return [float(t) for t in curve.index], [float(p) for p in curve], float(times.max())


def _just_before(curve: Any, t: float) -> float:
    """The probability of being uncensored just before a time; 0 after the last time of the group."""
    from bisect import bisect_left

    moments, share, last = curve
    if t > last:
        return 0.0
    place = bisect_left(moments, t)
    return share[place - 1] if place else 1.0
