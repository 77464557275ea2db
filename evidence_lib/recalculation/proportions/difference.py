"""Recalculation of the risk difference."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.recalculation.proportions.counts import Table, bisect, counted, quantile, tail, two_tails
from evidence_lib.recalculation.proportions.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate


def risk_difference(
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    count: ArrayLike | None = None,
    method: str = "miettinen-nurminen",
    weights: str = "mh",
    margin: float | None = None,
    alternative: str | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.proportions.risk_difference``: all its statistics."""
    tables, n, events = counted(event, group, treatment, reference, strata, count)
    side = alternative or ("two-sided" if margin is None else "greater" if margin < 0 else "less")
    form = ".unstratified" if strata is None else ".stratified"
    shared: dict[str, Any] = {
        "analysis": f"rd.{method.replace('-', '_')}" + (form if method in ("miettinen-nurminen", "newcombe") else ""),
        "unit": "probability",
        "groups": {"treatment": treatment, "reference": reference} | ({} if margin is None else {"delta": margin}),
        "conf_level": conf_level,
        "n": n,
        "events": events,
        "alternative": side,
        "method": SOURCE["risk_difference"],
    }
    if not tables:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    estimate, error, limits = _interval(tables, method, weights, conf_level)
    z = _z(tables, method, weights, margin, estimate, error)
    p = None
    if z is not None:
        p = two_tails(z) if side == "two-sided" else tail(z if side == "greater" else -z)
    return Estimate(
        **shared,
        estimate=estimate,
        std_error=error,
        conf_low=None if limits is None else max(-1.0, limits[0]),
        conf_high=None if limits is None else min(1.0, limits[1]),
        test_statistic=z,
        p_value=p,
        reason=NOT_ESTIMABLE if limits is None or z is None else None,
    )


def _mean(tables: list[Table], weights: list[Fraction]) -> Fraction:
    return sum((w * _observed(t) for t, w in zip(tables, weights, strict=True)), Fraction(0)) / sum(weights)


def _observed(t: Table) -> Fraction:
    return Fraction(t.x1, t.n1) - Fraction(t.x0, t.n0)


def _exact_weights(tables: list[Table]) -> list[Fraction]:
    return [Fraction(t.n1 * t.n0, t.n1 + t.n0) for t in tables]


def _interval(
    tables: list[Table], method: str, weights: str, level: float
) -> tuple[float, float | None, tuple[float, float] | None]:
    z = quantile(level)
    estimate = float(_mean(tables, _exact_weights(tables)))
    if method in ("miettinen-nurminen", "mee"):
        bias = method == "miettinen-nurminen"
        low, high = (float(end) for end in (min(map(_observed, tables)), max(map(_observed, tables))))
        if weights == "mn" and low < high:
            estimate = bisect(lambda d: -_score(tables, d, bias, weights), low, high)
            estimate = 0.0 if _score(tables, 0.0, bias, weights) == 0 else estimate
        down = bisect(lambda d: z - _score(tables, d, bias, weights), -1.0, estimate)
        up = bisect(lambda d: -z - _score(tables, d, bias, weights), estimate, 1.0)
        return estimate, None, (down, up)
    if method == "newcombe":
        return estimate, None, _newcombe(tables, estimate, z)
    if method == "mantel-haenszel":
        variance = _sato(tables)
        error = math.sqrt(variance) if variance > 0 else None
        return estimate, error, None if error is None else (estimate - z * error, estimate + z * error)
    (t,) = tables
    from statsmodels.stats.proportion import confint_proportions_2indep

    name = {"agresti-caffo": "agresti-caffo", "wald": "wald"}[method]
    low, high = confint_proportions_2indep(*t, method=name, compare="diff", alpha=1 - level)
    error = float(high - low) / 2 / z
    return estimate, error or None, (float(low), float(high)) if error else None


def _restricted(t: Table, d: float) -> tuple[float, float]:
    """The proportions of greatest likelihood with this difference, from the cubic's three roots."""
    n, x = t.n1 + t.n0, t.x1 + t.x0
    if x == 0:
        # Two roots of the cubic meet here.
        return max(d, 0.0), max(-d, 0.0)
    b, c, e = (t.n1 + 2 * t.n0) * d - n - x, (t.n0 * d - n - 2 * t.x0) * d + x, t.x0 * d * (1 - d)
    q = (b / (3 * n)) ** 3 - b * c / (6 * n**2) + e / (2 * n)
    p = math.copysign(math.sqrt(max((b / (3 * n)) ** 2 - c / (3 * n), 0.0)), q)
    a = (math.pi + math.acos(min(max(q / p**3, -1.0), 1.0) if p else 0.0)) / 3
    control = min(max(2 * p * math.cos(a) - b / (3 * n), 0.0, -d), 1.0, 1 - d)
    # Where two roots are close, angles lose digits: steps of Newton's find them, as long as they are small.
    for _ in range(30):
        value = ((n * control + b) * control + c) * control + e
        slope = (3 * n * control + 2 * b) * control + c
        if abs(value) >= 1e-6 * abs(slope):
            break
        control = min(max(control - value / slope, 0.0, -d), 1.0, 1 - d)
    return min(max(control + d, 0.0), 1.0), control


def _score(tables: list[Table], d: float, bias: bool, weights: str) -> float:
    if 2 * sum(t.x1 + t.x0 for t in tables) > sum(t.n1 + t.n0 for t in tables):
        # The rarer outcome keeps its digits: the same question about patients without the event.
        return -_score([Table(t.n1 - t.x1, t.n1, t.n0 - t.x0, t.n0) for t in tables], -d, bias, weights)
    restricted = [_restricted(t, d) for t in tables]
    w = [t.weight for t in tables]
    if weights == "mn":
        w = _iterated(tables, restricted)
    observed = [float(_observed(t)) for t in tables]
    if weights == "mh":
        exact = _exact_weights(tables)
        distance = float((_mean(tables, exact) - Fraction(repr(float(d)))) * sum(exact))
    else:
        parts = [wi * (o - d) for wi, o in zip(w, observed, strict=True)]
        distance = math.fsum(parts)
        distance = 0.0 if abs(distance) <= 1e-13 * math.fsum(map(abs, parts)) else distance
    variance = math.fsum(
        wi**2 * (p1 * (1 - p1) / t.n1 + p0 * (1 - p0) / t.n0) * ((t.n1 + t.n0) / (t.n1 + t.n0 - 1) if bias else 1)
        for wi, t, (p1, p0) in zip(w, tables, restricted, strict=True)
    )
    if distance == 0:
        return 0.0
    return distance / math.sqrt(variance) if variance > 0 else math.copysign(math.inf, distance)


def _iterated(tables: list[Table], restricted: list[tuple[float, float]]) -> list[float]:
    w = [t.weight for t in tables]
    for _ in range(1000):
        p1, p0 = (sum(wi * p[k] for wi, p in zip(w, restricted, strict=True)) / sum(w) for k in (0, 1))
        v1, v0 = p1 * (1 - p1), p0 * (1 - p0)
        if v1 + v0 <= 0:
            return [t.weight for t in tables]
        new = [1 / (v1 / t.n1 + v0 / t.n0) for t in tables]
        share, before = [a / sum(new) for a in new], [b / sum(w) for b in w]
        w = new
        if max(abs(a - b) for a, b in zip(share, before, strict=True)) < 1e-15:
            break
    return [wi / sum(w) for wi in w]


def _newcombe(tables: list[Table], estimate: float, z: float) -> tuple[float, float]:
    if len(tables) == 1:
        from statsmodels.stats.proportion import confint_proportions_2indep

        alpha = 2 * tail(z)
        low, high = confint_proportions_2indep(*tables[0], method="newcomb", compare="diff", alpha=alpha)
        return float(low), float(high)
    total = sum(t.weight for t in tables)
    w = [t.weight / total for t in tables]
    limits, sums = [], []
    for events, patients in (
        ([t.x1 for t in tables], [t.n1 for t in tables]),
        ([t.x0 for t in tables], [t.n0 for t in tables]),
    ):
        limits.append(_wilson(events, patients, w, z))
        sums.append(sum(wi**2 / n for wi, n in zip(w, patients, strict=True)))
    (l1, u1), (l0, u0) = limits
    down = z * math.sqrt(l1 * (1 - l1) * sums[0] + u0 * (1 - u0) * sums[1])
    up = z * math.sqrt(u1 * (1 - u1) * sums[0] + l0 * (1 - l0) * sums[1])
    return estimate - down, estimate + up


def _wilson(events: list[int], patients: list[int], w: list[float], z: float) -> tuple[float, float]:
    """The weighted means of Wilson's limits, each limit found as a root."""
    variances = [x * (n - x) / n**3 for x, n in zip(events, patients, strict=True)]
    if max(variances) == 0:
        variances = [1 / n for n in patients]
    errors = [wi * math.sqrt(v) for wi, v in zip(w, variances, strict=True)]
    relaxed = z * math.hypot(*errors) / sum(errors)
    low, high = 0.0, 0.0
    for x, n, wi in zip(events, patients, w, strict=True):
        p = x / n

        def beyond(q: float, p: float = p, n: int = n) -> float:
            return (p - q) ** 2 - relaxed**2 * q * (1 - q) / n

        low += wi * (bisect(lambda q: -beyond(q), 0.0, p) if x else 0.0)
        high += wi * (bisect(beyond, p, 1.0) if x < n else 1.0)
    return low, min(high, 1.0)


def _sato(tables: list[Table]) -> float:
    """Sato's variance, in exact fractions."""
    d = _mean(tables, _exact_weights(tables))
    p = q = Fraction(0)
    for t in tables:
        n = t.n1 + t.n0
        p += Fraction(2 * t.n1**2 * t.x0 - 2 * t.n0**2 * t.x1 + t.n1 * t.n0 * (t.n0 - t.n1), 2 * n**2)
        q += Fraction(t.x1 * (t.n0 - t.x0) + t.x0 * (t.n1 - t.x1), 2 * n)
    return float((d * p + q) / sum(_exact_weights(tables)) ** 2)


def _z(
    tables: list[Table], method: str, weights: str, margin: float | None, estimate: float, error: float | None
) -> float | None:
    if margin is not None:
        return _score(tables, margin, False, weights)
    if method in ("wald", "mantel-haenszel"):
        return None if error is None else estimate / error
    if all(t.x1 + t.x0 in (0, t.n1 + t.n0) for t in tables):
        return None
    return _score(tables, 0.0, method == "miettinen-nurminen", weights)
