"""Recalculation of the weighted log-rank tests, one risk set after another."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.recalculation.survival.logrank import stratum_of
from evidence_lib.recalculation.survival.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.survival.steps import SAME_TIME, plain, whole
from evidence_lib.results import Estimate, Estimates

# The p-value is the mean of randomised lattices: its seed, and its aimed error, which a smaller one pays in seconds.
SEED, ERROR = 20190715, 1e-4


@dataclass(frozen=True)
class _RiskSet:
    """The patients at risk at one event time, and S just before it; ``at_star`` is S just before t*."""

    time: float
    n: int
    n1: int
    d: int
    d1: int
    before: float
    peto: float
    at_star: float

    @property
    def expected(self) -> float:
        return self.d * self.n1 / self.n

    @property
    def variance(self) -> float:
        if self.n == 1:
            return 0.0
        return self.expected * (1 - self.n1 / self.n) * (self.n - self.d) / (self.n - 1)


_Weight = tuple[str, Callable[[_RiskSet], float]]


def weighted_logrank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    weight: str = "fleming-harrington",
    rho: float | None = None,
    gamma: float | None = None,
    t_star: float | None = None,
    s_star: float | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    alternative: Literal["two-sided", "less", "greater"] = "two-sided",
) -> Estimate:
    """Twin of ``statistics.survival.weighted_logrank``: z and p-value."""
    chosen: dict[str, Callable[[], _Weight]] = {
        "fleming-harrington": lambda: _fleming_harrington(float(rho or 0), float(gamma or 0)),
        "modestly-weighted": lambda: _modest(t_star, s_star),
        "gehan": lambda: ("Gehan", lambda risk: risk.n),
        "tarone-ware": lambda: ("Tarone-Ware", lambda risk: math.sqrt(risk.n)),
        "peto-peto": lambda: ("Peto-Peto", lambda risk: risk.peto),
    }
    shared, risk_sets = _risk_sets(time, event, group, treatment, reference, strata, alternative, t_star)
    return _one(shared, risk_sets, chosen[weight]())


def maxcombo(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    weights: Sequence[tuple[float, float]] = ((0, 0), (0, 1), (1, 0), (1, 1)),
    t_star: float | None = None,
    s_star: float | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    alternative: Literal["two-sided", "less", "greater"] = "two-sided",
) -> Estimates:
    """Twin of ``statistics.survival.maxcombo``: the statistics, and a p-value by a randomised rule with fixed seed."""
    from scipy.stats import multivariate_normal

    chosen = [_fleming_harrington(float(rho), float(gamma)) for rho, gamma in weights]
    if t_star is not None or s_star is not None:
        chosen.append(_modest(t_star, s_star))
    shared, risk_sets = _risk_sets(time, event, group, treatment, reference, strata, alternative, t_star)
    found = [_one(shared, risk_sets, weight) for weight in chosen]
    shared |= {"analysis": shared["analysis"].replace("weighted_logrank", "maxcombo"), "method": SOURCE["maxcombo"]}
    z = [one.test_statistic for one in found if one.test_statistic is not None]
    if len(z) < len(found):
        return Estimates((Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE), *found))
    covariance = [[_covariance(risk_sets, first, second) for _, first in chosen] for _, second in chosen]
    root = np.sqrt(np.diag(covariance))
    correlation = np.array(covariance) / np.outer(root, root)
    extreme = {"less": min(z), "greater": max(z), "two-sided": max(map(abs, z))}[alternative]
    bound = np.full(len(z), -extreme if alternative == "less" else extreme)
    low = -bound if alternative == "two-sided" else np.full(len(z), -np.inf)
    choices = {"allow_singular": True, "abseps": ERROR, "releps": ERROR, "rng": np.random.default_rng(SEED)}
    inside = multivariate_normal.cdf(bound, cov=correlation, lower_limit=low, **choices)
    p_value = min(max(1 - float(inside), np.finfo(float).tiny), 1.0)
    return Estimates((Estimate(**shared, test_statistic=extreme, p_value=p_value), *found))


def _one(shared: dict[str, Any], risk_sets: list[_RiskSet], weight: _Weight) -> Estimate:
    label, value = weight
    facts = shared | {"groups": shared["groups"] | {"weight": label}}
    variance = _covariance(risk_sets, value, value)
    if not variance > 0:
        return Estimate(**facts, status="not_estimable", reason=NOT_ESTIMABLE)
    z = sum(value(risk) * (risk.d1 - risk.expected) for risk in risk_sets) / math.sqrt(variance)
    tails = {"less": math.erfc(-z / math.sqrt(2)) / 2, "greater": math.erfc(z / math.sqrt(2)) / 2}
    p_value = tails.get(shared["alternative"], math.erfc(abs(z) / math.sqrt(2)))
    return Estimate(**facts, test_statistic=z, p_value=max(p_value, np.finfo(float).tiny))


def _covariance(
    risk_sets: list[_RiskSet], first: Callable[[_RiskSet], float], second: Callable[[_RiskSet], float]
) -> float:
    return math.fsum(first(risk) * second(risk) * risk.variance for risk in risk_sets)


def _fleming_harrington(rho: float, gamma: float) -> _Weight:
    return f"FH({whole(rho)}, {whole(gamma)})", lambda risk: risk.before**rho * (1 - risk.before) ** gamma


def _modest(t_star: float | None, s_star: float | None) -> _Weight:
    if t_star is not None:
        return f"MW(t*={whole(t_star)})", lambda risk: min(1 / risk.before, 1 / risk.at_star)
    floor = float(s_star or 0)
    return f"MW(S*={whole(floor)})", lambda risk: 1 / max(risk.before, floor)


def _risk_sets(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None,
    alternative: str,
    t_star: float | None,
) -> tuple[dict[str, Any], list[_RiskSet]]:
    times, events = plain(time, event)
    labels = list(np.asarray(group, dtype=object))
    stratum = stratum_of(strata, len(labels))
    treated = np.array([label == treatment for label in labels], dtype=bool)
    kept = treated | np.array([label == reference for label in labels], dtype=bool)
    times, happened, treated, stratum = times[kept], events[kept] == 1, treated[kept], stratum[kept]
    shared: dict[str, Any] = {
        "analysis": "weighted_logrank.unstratified" if strata is None else "weighted_logrank.stratified",
        "unit": "z",
        "method": SOURCE["weighted_logrank"],
        "groups": {"treatment": treatment, "reference": reference},
        "n": int(times.size),
        "events": int(happened.sum()),
        "is_test": True,
        "alternative": alternative,
    }
    found: list[_RiskSet] = []
    for number in sorted(set(stratum.tolist())):
        here = stratum == number
        found += _of_stratum(times[here], happened[here], treated[here], t_star)
    return shared, found


def _of_stratum(
    times: NDArray[np.float64], happened: NDArray[np.bool_], treated: NDArray[np.bool_], t_star: float | None
) -> list[_RiskSet]:
    found: list[_RiskSet] = []
    before = peto = at_star = 1.0
    for moment in sorted(set(times[happened].tolist())):
        at_risk, now = times >= moment, (times == moment) & happened
        n, d = int(at_risk.sum()), int(now.sum())
        peto *= 1 - d / (n + 1)
        # S is followed up to t* and held from there on.
        if t_star is None or not found or found[-1].time < t_star / SAME_TIME:
            at_star = before
        n1, d1 = int((at_risk & treated).sum()), int((now & treated).sum())
        found.append(_RiskSet(moment, n, n1, d, d1, before, peto, at_star))
        before *= 1 - d / n
    return found
