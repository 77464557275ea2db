"""Independent recalculation of rates: other libraries, and roots of the tests that limits invert."""

from __future__ import annotations

import math
from importlib.metadata import version
from statistics import NormalDist
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.results import Estimate

_SCIPY = f"scipy {version('scipy')}"
SOURCE: dict[str, str] = {
    "incidence_rate": f"{_SCIPY} chi-square quantiles; Byar's limits written out",
    "rate_ratio": f"{_SCIPY} binomtest and roots of binomial tails; Mantel-Haenszel by plain loops over strata",
    "rate_difference": "score limits by bisection, with the constrained rate found by maximising the likelihood; "
    "Mantel-Haenszel by plain loops over strata",
}
TOLERANCE: dict[str, float] = {"incidence_rate": 1e-6, "rate_ratio": 1e-6, "rate_difference": 1e-6}
NOT_ESTIMABLE = "not estimable by the second route either"
_YEAR = 365.25
_DAYS = {
    "patient-day": 1.0,
    "patient-year": _YEAR,
    "100 patient-years": 100 * _YEAR,
    "1000 patient-years": 1000 * _YEAR,
}

Cells = list[tuple[float, float, float, float]]


def incidence_rate(
    events: ArrayLike,
    exposure: ArrayLike,
    *,
    method: str = "exact",
    per: str = "100 patient-years",
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.rates.incidence_rate``."""
    from scipy.stats import chi2

    x, t = float(np.sum(np.asarray(events, dtype=float))), float(np.sum(np.asarray(exposure, dtype=float)))
    shared: dict[str, Any] = {
        "analysis": "rate.incidence",
        "unit": f"per {per}",
        "events": int(x),
        "conf_level": conf_level,
        "method": SOURCE["incidence_rate"],
    }
    if t == 0:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    outside = (1 - conf_level) / 2
    if method == "exact":
        low = chi2.ppf(outside, 2 * x) / 2 if x else 0.0
        high = chi2.isf(outside, 2 * (x + 1)) / 2
    else:
        z = NormalDist().inv_cdf(1 - outside)
        low = max(0.0, x * (1 - 1 / (9 * x) - z / 3 * math.sqrt(1 / x)) ** 3) if x else 0.0
        high = (x + 1) * (1 - 1 / (9 * (x + 1)) + z / 3 * math.sqrt(1 / (x + 1))) ** 3
    unit = _DAYS[per]
    return Estimate(
        **shared,
        estimate=x / t * unit,
        std_error=math.sqrt(x) / t * unit if x else None,
        conf_low=float(low) / t * unit,
        conf_high=float(high) / t * unit,
    )


def rate_ratio(
    events: ArrayLike,
    exposure: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    method: str | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.rates.rate_ratio``."""
    chosen = method or ("exact" if strata is None else "mantel-haenszel")
    cells, n = _cells(events, exposure, group, treatment, reference, strata)
    shared: dict[str, Any] = {
        "analysis": f"rate.ratio.{chosen.replace('-', '_')}",
        "unit": "ratio",
        "scale": "log",
        "groups": {"treatment": treatment, "reference": reference},
        "n": n,
        "events": int(sum(x1 + x0 for x1, _, x0, _ in cells)),
        "conf_level": conf_level,
        "method": SOURCE["rate_ratio"],
    }
    usable = [cell for cell in cells if cell[1] > 0 and cell[3] > 0]
    if not usable or not sum(x1 + x0 for x1, _, x0, _ in usable):
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    z = NormalDist().inv_cdf((1 + conf_level) / 2)
    if chosen == "mantel-haenszel":
        above = sum(x1 * t0 / (t1 + t0) for x1, t1, x0, t0 in usable)
        below = sum(x0 * t1 / (t1 + t0) for x1, t1, x0, t0 in usable)
        if not above or not below:
            return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
        spread = sum((x1 + x0) * t1 * t0 / (t1 + t0) ** 2 for x1, t1, x0, t0 in usable)
        return _around(shared, math.log(above / below), math.sqrt(spread / above / below), z)
    (x1, t1, x0, t0) = usable[0]
    if chosen == "wald":
        if not x1 or not x0:
            return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
        return _around(shared, math.log(x1 * t0 / t1 / x0), math.sqrt(1 / x1 + 1 / x0), z)
    shares, p_value = _binomial(int(x1), int(x1 + x0), t1 / (t1 + t0), conf_level, mid=chosen == "mid-p")
    low, high = (share / (1 - share) * t0 / t1 if share < 1 else None for share in shares)
    if not x0:
        return Estimate(**shared, conf_low=low, p_value=p_value, reason=NOT_ESTIMABLE)
    return Estimate(
        **shared,
        estimate=x1 * t0 / t1 / x0,
        std_error=math.sqrt(1 / x1 + 1 / x0) if x1 else None,
        conf_low=low,
        conf_high=high,
        p_value=p_value,
    )


def rate_difference(
    events: ArrayLike,
    exposure: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    method: str | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    per: str = "100 patient-years",
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.rates.rate_difference``."""
    chosen = method or ("score" if strata is None else "mantel-haenszel")
    cells, n = _cells(events, exposure, group, treatment, reference, strata)
    shared: dict[str, Any] = {
        "analysis": f"rate.difference.{chosen.replace('-', '_')}",
        "unit": f"per {per}",
        "groups": {"treatment": treatment, "reference": reference},
        "n": n,
        "events": int(sum(x1 + x0 for x1, _, x0, _ in cells)),
        "conf_level": conf_level,
        "method": SOURCE["rate_difference"],
    }
    usable = [cell for cell in cells if cell[1] > 0 and cell[3] > 0]
    if not usable:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    unit, law = _DAYS[per], NormalDist()
    z = law.inv_cdf((1 + conf_level) / 2)
    weight = sum(t1 * t0 / (t1 + t0) for _, t1, _, t0 in usable)
    difference = sum(t1 * t0 / (t1 + t0) * (x1 / t1 - x0 / t0) for x1, t1, x0, t0 in usable) / weight
    variance = sum((t1 * t0 / (t1 + t0)) ** 2 * (x1 / t1**2 + x0 / t0**2) for x1, t1, x0, t0 in usable) / weight**2
    error = math.sqrt(variance)
    if chosen == "score":
        low, high = (_score_limit(*usable[0], z * sign) for sign in (1, -1))
        p_value = 2 * law.cdf(-abs(_score(*usable[0], 0.0)))
        spread = error * unit if error else None
    elif not error:
        return Estimate(**shared, estimate=difference * unit, reason=NOT_ESTIMABLE)
    else:
        low, high = difference - z * error, difference + z * error
        p_value, spread = 2 * law.cdf(-abs(difference / error)), error * unit
    return Estimate(
        **shared,
        estimate=difference * unit,
        std_error=spread,
        conf_low=low * unit,
        conf_high=high * unit,
        p_value=p_value,
    )


def _cells(
    events: ArrayLike, exposure: ArrayLike, group: ArrayLike, treatment: Any, reference: Any, strata: Any
) -> tuple[Cells, int]:
    frame = pd.DataFrame(
        {"x": np.asarray(events, float), "t": np.asarray(exposure, float), "g": list(np.asarray(group))}
    )
    keys = ["s"]
    if strata is None:
        frame["s"] = 0
    elif isinstance(strata, pd.DataFrame):
        keys = [f"s{number}" for number in range(strata.shape[1])]
        frame[keys] = strata.astype(str).to_numpy()
    else:
        frame["s"] = list(np.asarray(strata).astype(str))
    frame = frame[[value in (treatment, reference) for value in frame["g"]]]
    cells = []
    for _, rows in frame.groupby(keys):
        one, zero = rows[rows["g"] == treatment], rows[rows["g"] == reference]
        cells.append((float(one["x"].sum()), float(one["t"].sum()), float(zero["x"].sum()), float(zero["t"].sum())))
    return cells, len(frame)


def _around(shared: dict[str, Any], log_ratio: float, error: float, z: float) -> Estimate:
    return Estimate(
        **shared,
        estimate=math.exp(log_ratio),
        std_error=error,
        conf_low=math.exp(log_ratio - z * error),
        conf_high=math.exp(log_ratio + z * error),
        p_value=2 * NormalDist().cdf(-abs(log_ratio / error)),
    )


def _binomial(x: int, n: int, at_one: float, conf_level: float, *, mid: bool) -> tuple[tuple[float, float], float]:
    from scipy.optimize import bisect
    from scipy.stats import binom, binomtest

    if not mid:
        found = binomtest(x, n, at_one)
        limits = found.proportion_ci(conf_level, method="exact")
        return (float(limits.low), float(limits.high)), float(found.pvalue)
    outside = (1 - conf_level) / 2

    def tail(p: float) -> float:
        return float(binom.sf(x, n, p) + binom.pmf(x, n, p) / 2)

    low = bisect(lambda p: tail(p) - outside, 0, 1, xtol=1e-14) if x else 0.0
    high = bisect(lambda p: 1 - tail(p) - outside, 0, 1, xtol=1e-14) if x < n else 1.0
    return (low, high), min(1.0, 2 * min(tail(at_one), 1 - tail(at_one)))


def _score(x1: float, t1: float, x0: float, t0: float, difference: float) -> float:
    from scipy.optimize import brentq

    least = max(0.0, -difference)

    def slope(rate: float) -> float:
        one = (x1 / (rate + difference) if x1 else 0.0) - t1
        return one + (x0 / rate if x0 else 0.0) - t0

    most = (x1 + x0) / (t1 + t0) + abs(difference) + 1 / (t1 + t0)
    edge = least + 1e-14 * most
    rate = brentq(slope, edge, most * 4, xtol=1e-18) if slope(edge) > 0 else least
    variance = (rate + difference) / t1 + rate / t0
    gap = x1 / t1 - x0 / t0 - difference
    return gap / math.sqrt(variance) if variance > 0 else 0.0 if gap == 0 else math.copysign(math.inf, gap)


def _score_limit(x1: float, t1: float, x0: float, t0: float, z: float) -> float:
    seen = x1 / t1 - x0 / t0
    step = abs(seen) + 1 / min(t1, t0)
    far = seen - math.copysign(step, z)
    while abs(_score(x1, t1, x0, t0, far)) < abs(z):
        step *= 2
        far = seen - math.copysign(step, z)
    near = seen
    for _ in range(200):
        middle = (near + far) / 2
        near, far = (middle, far) if abs(_score(x1, t1, x0, t0, middle)) < abs(z) else (near, middle)
    return (near + far) / 2
