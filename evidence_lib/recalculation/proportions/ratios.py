"""Recalculation of the risk ratio and the odds ratio."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.special import betaln

from evidence_lib.recalculation.proportions.counts import Counted, Table, bisect, counted, quantile, two_tails
from evidence_lib.recalculation.proportions.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate

# Up to this many patients the library sums the tables; it is slow beyond.
_FEW = 3000
_WIDEST = 300.0


def risk_ratio(
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    count: ArrayLike | None = None,
    method: str | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.proportions.risk_ratio``: all its statistics."""
    chosen = method or ("log" if strata is None else "mantel-haenszel")
    found = counted(event, group, treatment, reference, strata, count)
    shared = _shared("rr", chosen, found, treatment, reference, conf_level)
    tables = found.tables
    if not tables or not sum(t.x1 + t.x0 for t in tables):
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    if chosen in ("miettinen-nurminen", "koopman"):
        (t,) = tables
        return _by_score(t, _ratio_distance, (t.x1 * t.n0, t.x0 * t.n1), chosen != "koopman", shared)
    top = math.fsum(t.x1 * t.n0 / (t.n1 + t.n0) for t in tables)
    bottom = math.fsum(t.x0 * t.n1 / (t.n1 + t.n0) for t in tables)
    if bottom == 0:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    if top == 0:
        return Estimate(**shared, estimate=0.0, reason=NOT_ESTIMABLE)
    if chosen == "log":
        from statsmodels.stats.contingency_tables import Table2x2

        ((x1, n1, x0, n0),) = tables
        table = Table2x2(np.array([[x1, n1 - x1], [x0, n0 - x0]], dtype=float), shift_zeros=False)
        return _by_log(float(table.log_riskratio), max(float(table.log_riskratio_se), 0.0), shared)
    spread = math.fsum(((t.x1 + t.x0) * t.n1 * t.n0 / (t.n1 + t.n0) - t.x1 * t.x0) / (t.n1 + t.n0) for t in tables)
    return _by_log(math.log(top) - math.log(bottom), math.sqrt(max(spread, 0.0) / top / bottom), shared)


def odds_ratio(
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    count: ArrayLike | None = None,
    method: str | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.proportions.odds_ratio``: all its statistics."""
    chosen = method or ("woolf" if strata is None else "mantel-haenszel")
    found = counted(event, group, treatment, reference, strata, count)
    shared = _shared("or", chosen, found, treatment, reference, conf_level)
    tables = found.tables
    top = math.fsum(t.x1 * (t.n0 - t.x0) / (t.n1 + t.n0) for t in tables)
    bottom = math.fsum(t.x0 * (t.n1 - t.x1) / (t.n1 + t.n0) for t in tables)
    if not top and not bottom:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    if chosen == "exact":
        return _exact(tables[0], shared)
    if chosen == "miettinen-nurminen":
        (t,) = tables
        return _by_score(t, _odds_distance, (t.x1 * (t.n0 - t.x0), t.x0 * (t.n1 - t.x1)), True, shared)
    if bottom == 0:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    if top == 0:
        return Estimate(**shared, estimate=0.0, reason=NOT_ESTIMABLE)
    cells = np.array([[[t.x1, t.n1 - t.x1], [t.x0, t.n0 - t.x0]] for t in tables], dtype=float)
    if chosen == "woolf":
        from statsmodels.stats.contingency_tables import Table2x2

        one = Table2x2(cells[0], shift_zeros=False)
        return _by_log(float(one.log_oddsratio), float(one.log_oddsratio_se), shared)
    from statsmodels.stats.contingency_tables import StratifiedTable

    joined = StratifiedTable(np.moveaxis(cells, 0, -1))
    return _by_log(float(joined.logodds_pooled), float(joined.logodds_pooled_se), shared)


def _shared(
    kind: str, method: str, found: Counted, treatment: str | float, reference: str | float, level: float
) -> dict[str, Any]:
    return {
        "analysis": f"{kind}.{method.replace('-', '_')}",
        "unit": "ratio",
        "scale": "log",
        "groups": {"treatment": treatment, "reference": reference},
        "conf_level": level,
        "n": found.n,
        "events": found.events,
        "method": SOURCE["risk_ratio" if kind == "rr" else "odds_ratio"],
    }


def _by_log(log: float, error: float, shared: dict[str, Any]) -> Estimate:
    # A variance that is 0 is left over from sums of reciprocals as rounding.
    if error < 1e-8:
        return Estimate(**shared, estimate=math.exp(log), reason=NOT_ESTIMABLE)
    z = quantile(shared["conf_level"])
    return Estimate(
        **shared,
        estimate=math.exp(log),
        std_error=error,
        conf_low=math.exp(log - z * error),
        conf_high=math.exp(log + z * error),
        test_statistic=log / error,
        p_value=two_tails(log / error),
    )


_Distance = Callable[[Table, float], tuple[float, float]]


def _ratio_distance(t: Table, ratio: float) -> tuple[float, float]:
    """p1 - ratio p0 and its variance, at the reference proportion where the likelihood's slope is 0."""
    top = min(1.0, 1 / ratio)

    def falling(p: float) -> float:
        """The log-likelihood's slope times p, which has no pole at 0."""
        spared1, spared0 = t.n1 - t.x1, t.n0 - t.x0
        lost = (spared1 * ratio * p / (1 - ratio * p) if spared1 else 0.0) + (spared0 * p / (1 - p) if spared0 else 0.0)
        return t.x1 + t.x0 - lost

    p = bisect(lambda q: -falling(q) if max(q, ratio * q) < 1 else math.inf, 0.0, top)
    treated = min(ratio * p, 1.0)
    return t.x1 / t.n1 - ratio * t.x0 / t.n0, treated * (1 - treated) / t.n1 + ratio**2 * p * (1 - p) / t.n0


def _odds_distance(t: Table, ratio: float) -> tuple[float, float]:
    """Observed minus expected treated events and their variance, the proportions found from the sum of events."""
    # On the logit scale of the reference proportion the expected sum of events rises from 0 to all.
    log = math.log(ratio)

    def expected(logit: float) -> tuple[float, float, float, float]:
        q1, q0 = (1 / (1 + math.exp(-min(v, 700))) if v > -700 else math.exp(v) for v in (logit + log, logit))
        s1, s0 = (1 / (1 + math.exp(min(v, 700))) if v < 700 else math.exp(-v) for v in (logit + log, logit))
        return q1, s1, q0, s0

    def rising(logit: float) -> float:
        q1, s1, q0, s0 = expected(logit)
        # Expected minus observed events of each arm, in the form that keeps its digits at both ends.
        return (t.n1 - t.x1) * q1 - t.x1 * s1 + (t.n0 - t.x0) * q0 - t.x0 * s0

    q1, s1, q0, s0 = expected(bisect(rising, -700.0, 700.0))
    distance = t.x1 * s1 - (t.n1 - t.x1) * q1
    if abs(distance) <= 1e-13 * (t.x1 * s1 + (t.n1 - t.x1) * q1):
        distance = 0.0
    a, b = t.n1 * q1 * s1, t.n0 * q0 * s0
    return distance, a * b / (a + b) if a + b else 0.0


def _by_score(t: Table, distance: _Distance, parts: tuple[int, int], bias: bool, shared: dict[str, Any]) -> Estimate:
    top, bottom = parts
    n = t.n1 + t.n0
    if not top and not bottom:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)

    def z(log: float) -> float:
        away, variance = distance(t, math.exp(log))
        if away == 0:
            return 0.0
        return away / math.sqrt(variance * (n / (n - 1) if bias else 1)) if variance > 0 else math.copysign(1e9, away)

    c = quantile(shared["conf_level"])
    middle = math.log(top) - math.log(bottom) if top and bottom else _WIDEST if top else -_WIDEST
    low = math.exp(bisect(lambda v: c - z(v), -_WIDEST, middle)) if top else 0.0
    high = math.exp(bisect(lambda v: -c - z(v), middle, _WIDEST)) if bottom else None
    tested = z(0.0) if t.x1 + t.x0 not in (0, n) else None
    return Estimate(
        **shared,
        estimate=top / bottom if bottom else None,
        conf_low=low,
        conf_high=high,
        test_statistic=tested,
        p_value=None if tested is None else two_tails(tested),
        status="ok" if bottom else "not_estimable",
        reason=NOT_ESTIMABLE if not bottom or tested is None else None,
    )


def _exact(t: Table, shared: dict[str, Any]) -> Estimate:
    found = _by_library(t, shared["conf_level"]) if t.n1 + t.n0 <= _FEW else _by_factorials(t, shared["conf_level"])
    estimate, low, high, p = found
    return Estimate(
        **shared,
        estimate=None if math.isinf(estimate) else estimate,
        conf_low=low,
        conf_high=None if math.isinf(high) else high,
        p_value=max(p, float(np.finfo(float).tiny)),
        status="not_estimable" if math.isinf(estimate) else "ok",
        reason=NOT_ESTIMABLE if math.isinf(estimate) or math.isinf(high) else None,
    )


def _by_library(t: Table, level: float) -> tuple[float, float, float, float]:
    from scipy.stats import fisher_exact
    from scipy.stats.contingency import odds_ratio as conditional

    cells = [[t.x1, t.n1 - t.x1], [t.x0, t.n0 - t.x0]]
    found = conditional(cells, kind="conditional")
    low, high = found.confidence_interval(level)
    return float(found.statistic), float(low), float(high), float(fisher_exact(cells)[1])


def _by_factorials(t: Table, level: float) -> tuple[float, float, float, float]:
    m = t.x1 + t.x0
    least, most = max(0, m - t.n0), min(t.n1, m)
    # 100 standard deviations of the widest binomial there is with the rarer margin; the rest has no weight.
    reach = 300 + 50 * math.isqrt(min(t.n1, t.n0, m, t.n1 + t.n0 - m))

    def near(middle: int) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
        k = np.arange(max(least, middle - reach), min(most, middle + reach) + 1)
        return k, -betaln(k + 1, t.n1 - k + 1) - betaln(m - k + 1, t.n0 - m + k + 1)

    k, base = near(t.x1)

    def share(log: float) -> NDArray[np.float64]:
        found: NDArray[np.float64] = np.exp(base + k * log - (base + k * log).max())
        return found / found.sum()

    half = (1 - level) / 2
    free = t.x1 < most, t.x1 > least
    mle = bisect(lambda v: float(share(v) @ k) - t.x1, -60.0, 60.0) if all(free) else math.inf if free[1] else -math.inf
    low = bisect(lambda v: float(share(v)[k >= t.x1].sum()) - half, -60.0, 60.0) if free[1] else -math.inf
    high = bisect(lambda v: half - float(share(v)[k <= t.x1].sum()), -60.0, 60.0) if free[0] else math.inf
    k, base = near(t.n1 * m // (t.n1 + t.n0))
    rarer = base <= base[t.x1 - int(k[0])] + 1e-7 if k[0] <= t.x1 <= k[-1] else np.zeros(k.size, dtype=bool)
    p = float(np.exp(base[rarer] - base.max()).sum() / np.exp(base - base.max()).sum())
    return math.exp(mle) if mle < 60 else math.inf, math.exp(low), math.exp(high) if free[0] else math.inf, p
