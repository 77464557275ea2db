"""Rates of two arms: their ratio and their difference."""

from __future__ import annotations

import math
from typing import Any, Literal

import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import SMALLEST, normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import checked_level, choice
from evidence_lib.statistics.rates.inputs import DAYS, Per, Strata, two_arms

RatioMethod = Literal["exact", "mid-p", "wald", "mantel-haenszel"]
DifferenceMethod = Literal["score", "wald", "mantel-haenszel"]
# Two probabilities of a two-sided exact test that differ by less than this share are the same (R's binom.test).
SAME = 1e-7


def rate_ratio(
    events: ArrayLike,
    exposure: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    method: RatioMethod | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Ratio of rates (x1 / T1) / (x0 / T0), treated over reference; below 1 favours the treatment for a bad event.

    Given x1 + x0 = n the treated events are binomial with p = R T1 / (R T1 + T0):

    - ``exact``: Clopper-Pearson limits of p turned into those of R; the p-value adds the outcomes that are no likelier
      than the one seen, as R's ``poisson.test``;
    - ``mid-p``: half of the probability of the outcome seen counts (Berry & Armitage 1995, Statistician 44:417); the
      p-value is twice the smaller tail;
    - ``wald``: exp(log R +- z sqrt(1 / x1 + 1 / x0));
    - ``mantel-haenszel`` with strata: sum of x1 T0 / T over that of x0 T1 / T, T = T1 + T0, with the variance of the
      logarithm sum(n T1 T0 / T^2) / (sum(x1 T0 / T) sum(x0 T1 / T)) (Greenland & Robins 1985, Biometrics 41:55).

    Assumes Poisson counts with a constant rate in each arm (and stratum). Misreading: a ratio of rates is no ratio of
    risks, and without the rates themselves it does not say how many patients are concerned.

    Parameters
    ----------
    events : array of n
        Events of each row, whole numbers.
    exposure : array of n
        Days at risk of each row.
    group : array of n labels
        Arms; rows of other arms are left out.
    treatment, reference : str or number
        The two arms.
    method : {"exact", "mid-p", "wald", "mantel-haenszel"}, optional
        None is exact without strata and Mantel-Haenszel with strata.
    strata : array of n labels, or DataFrame of n rows, optional
        For Mantel-Haenszel; a stratum without time at risk in both arms adds nothing.
    conf_level : float
        Of the limits.

    Returns
    -------
    Estimate
        ``rate.ratio.<method>``, ``std_error`` on the log scale. Status ``not_estimable`` without time at risk in an arm
        or without events. With no events in the treated arm the ratio is 0, with none in the reference arm it is
        infinite and not estimable; the exact methods still give the limit that exists.

    Raises
    ------
    InvalidInput
        As ``incidence_rate``; for missing labels, equal arms, strata without ``mantel-haenszel`` or the reverse.
    """
    level, chosen = checked_level(conf_level), _method(method, strata, RatioMethod, "exact")
    both = two_arms(events, exposure, group, treatment=treatment, reference=reference, strata=strata)
    name = chosen.replace("-", "_")
    shared: dict[str, Any] = {
        "analysis": f"rate.ratio.{name}",
        "unit": "ratio",
        "scale": "log",
        "groups": {"treatment": treatment, "reference": reference},
        "n": both.n,
        "events": both.events,
        "conf_level": level,
        "method": message(f"rates_statistics.method.ratio_{chosen}"),
    }
    if both.empty is not None:
        return Estimate(**shared, status="not_estimable", reason=both.empty)
    if chosen == "mantel-haenszel":
        return _mantel_haenszel_ratio(shared, both, level)
    x1, t1, x0, t0 = (float(part.sum()) for part in (both.x1, both.t1, both.x0, both.t0))
    if x1 + x0 == 0:
        return Estimate(**shared, status="not_estimable", reason=message("rates_statistics.reason.no_events"))
    if chosen == "wald":
        if min(x1, x0) == 0:
            return Estimate(**shared, status="not_estimable", reason=message("rates_statistics.reason.zero_wald"))
        return _log_normal(shared, (x1 / t1) / (x0 / t0), math.sqrt(1 / x1 + 1 / x0), level)
    return _conditional(shared, x1, t1, x0, t0, level, mid=chosen == "mid-p")


def rate_difference(
    events: ArrayLike,
    exposure: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    method: DifferenceMethod | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    per: Per = "100 patient-years",
    conf_level: float = 0.95,
) -> Estimate:
    """Difference of rates x1 / T1 - x0 / T0, treated minus reference; below 0 favours the treatment for a bad event.

    - ``score``: the differences d that the test with the rates most likely under d does not reject: (D - d)^2 =
      z^2 (l1 / T1 + l0 / T0), l1 = l0 + d (Miettinen & Nurminen 1985, Stat Med 4:213); the p-value is that at d = 0;
    - ``wald``: D +- z sqrt(x1 / T1^2 + x0 / T0^2);
    - ``mantel-haenszel`` with strata: sum(w D) / sum(w), w = T1 T0 / (T1 + T0), with variance
      sum(w^2 (x1 / T1^2 + x0 / T0^2)) / sum(w)^2 (Greenland & Robins 1985, Biometrics 41:55).

    Assumes Poisson counts with a constant rate in each arm (and stratum). Misreading: it is per time at risk, not per
    patient: 2 fewer per 100 patient-years says nothing of a patient treated for a month.

    Parameters
    ----------
    events : array of n
        Events of each row, whole numbers.
    exposure : array of n
        Days at risk of each row.
    group : array of n labels
        Arms; rows of other arms are left out.
    treatment, reference : str or number
        The two arms.
    method : {"score", "wald", "mantel-haenszel"}, optional
        None is score without strata and Mantel-Haenszel with strata.
    strata : array of n labels, or DataFrame of n rows, optional
        As ``rate_ratio``.
    per : {"patient-day", "patient-year", "100 patient-years", "1000 patient-years"}
        The unit of the rates; a year is 365.25 days.
    conf_level : float
        Of the limits.

    Returns
    -------
    Estimate
        ``rate.difference.<method>`` in events ``per``. Status ``not_estimable`` without time at risk in an arm. Without
        events the Wald methods have no standard error, limits or p-value.

    Raises
    ------
    InvalidInput
        As ``rate_ratio``, and for an unknown ``per``.
    """
    level, chosen = checked_level(conf_level), _method(method, strata, DifferenceMethod, "score")
    unit = DAYS[choice(per, Per, "per")]
    both = two_arms(events, exposure, group, treatment=treatment, reference=reference, strata=strata)
    name = chosen.replace("-", "_")
    shared: dict[str, Any] = {
        "analysis": f"rate.difference.{name}",
        "unit": f"per {per}",
        "groups": {"treatment": treatment, "reference": reference},
        "n": both.n,
        "events": both.events,
        "conf_level": level,
        "method": message(f"rates_statistics.method.difference_{chosen}", per=per),
    }
    if both.empty is not None:
        return Estimate(**shared, status="not_estimable", reason=both.empty)
    weight = both.t1 * both.t0 / (both.t1 + both.t0)
    share = weight / weight.sum()
    difference = float(share @ (both.x1 / both.t1 - both.x0 / both.t0))
    variance = float(share**2 @ (both.x1 / both.t1**2 + both.x0 / both.t0**2))
    if chosen == "score":
        x1, t1, x0, t0 = (float(part[0]) for part in (both.x1, both.t1, both.x0, both.t0))
        low, high = _score_limits(x1, t1, x0, t0, level)
        z = _score(x1, t1, x0, t0, 0.0)
        return Estimate(
            **shared,
            estimate=difference * unit,
            std_error=math.sqrt(variance) * unit if variance else None,
            conf_low=low * unit,
            conf_high=high * unit,
            p_value=two_sided_p(z),
        )
    if variance == 0:
        reason = message("rates_statistics.reason.no_events")
        return Estimate(**shared, estimate=difference * unit, reason=reason)
    error = math.sqrt(variance)
    half = normal_quantile(level) * error
    return Estimate(
        **shared,
        estimate=difference * unit,
        std_error=error * unit,
        conf_low=(difference - half) * unit,
        conf_high=(difference + half) * unit,
        p_value=two_sided_p(difference / error),
    )


def _method(method: Any, strata: Any, kinds: Any, plain: str) -> str:
    chosen = choice(method, kinds, "method") if method is not None else plain if strata is None else "mantel-haenszel"
    if (strata is not None) != (chosen == "mantel-haenszel"):
        raise InvalidInput("strata and method do not fit", expected="mantel-haenszel with strata", found=chosen)
    return chosen


def _conditional(
    shared: dict[str, Any], x1: float, t1: float, x0: float, t0: float, level: float, *, mid: bool
) -> Estimate:
    outside, n = (1 - level) / 2, x1 + x0
    low, high = _mid_p_limits(x1, n, outside) if mid else _clopper_pearson(x1, n, outside)
    at_one = t1 / (t1 + t0)
    p_value = _mid_p(x1, n, at_one) if mid else _no_likelier(x1, n, at_one)
    limits: dict[str, float | None] = {
        "conf_low": low / (1 - low) * t0 / t1 if low < 1 else None,
        "conf_high": high / (1 - high) * t0 / t1 if high < 1 else None,
        "p_value": p_value,
    }
    if x0 == 0:
        return Estimate(**shared, **limits, reason=message("rates_statistics.reason.infinite"))  # type: ignore[arg-type]
    error = math.sqrt(1 / x1 + 1 / x0) if x1 else None
    return Estimate(**shared, estimate=(x1 / t1) / (x0 / t0), std_error=error, **limits)  # type: ignore[arg-type]


def _clopper_pearson(x: float, n: float, outside: float) -> tuple[float, float]:
    from scipy.special import betaincinv

    low = float(betaincinv(x, n - x + 1, outside)) if x > 0 else 0.0
    return low, float(betaincinv(x + 1, n - x, 1 - outside)) if x < n else 1.0


def _mid_p_limits(x: float, n: float, outside: float) -> tuple[float, float]:
    from scipy.optimize import brentq

    def upper(p: float) -> float:
        return _upper_tail(x, n, p) - outside

    def lower(p: float) -> float:
        return 1 - _upper_tail(x, n, p) - outside

    edges: dict[str, Any] = {"a": 0.0, "b": 1.0, "xtol": 1e-15, "rtol": 8.9e-16}
    return float(brentq(upper, **edges)) if x > 0 else 0.0, float(brentq(lower, **edges)) if x < n else 1.0


def _upper_tail(x: float, n: float, p: float) -> float:
    """P(X > x) + P(X = x) / 2."""
    from scipy.special import betainc

    at_least = float(betainc(x, n - x + 1, p)) if x > 0 else 1.0
    more = float(betainc(x + 1, n - x, p)) if x < n else 0.0
    return (at_least + more) / 2


def _mid_p(x: float, n: float, p: float) -> float:
    tail = _upper_tail(x, n, p)
    return min(1.0, 2 * min(tail, 1 - tail))


def _no_likelier(x: float, n: float, p: float) -> float:
    """The probability of all outcomes that are no likelier than the one seen: two tails of a single-peaked law."""
    from scipy.special import betainc, gammaln, xlog1py, xlogy

    def log_p(k: float) -> float:
        return float(gammaln(n + 1) - gammaln(k + 1) - gammaln(n - k + 1) + xlogy(k, p) + xlog1py(n - k, -p))

    limit, mode = log_p(x) + math.log1p(SAME), float(math.floor((n + 1) * p))
    if log_p(mode) <= limit:
        return 1.0
    below = x < mode
    # The nearest outcome on the other side of the peak that is no likelier; one past the end where there is none.
    near, far = mode, n + 1 if below else -1.0
    while abs(far - near) > 1:
        middle = (near + far) // 2
        near, far = (near, middle) if log_p(middle) <= limit else (middle, far)
    lower, upper = (x, far) if below else (far, x)
    at_most = float(betainc(n - lower, lower + 1, 1 - p)) if lower >= 0 else 0.0
    at_least = float(betainc(upper, n - upper + 1, p)) if upper <= n else 0.0
    return min(max(at_most + at_least, SMALLEST), 1.0)


def _mantel_haenszel_ratio(shared: dict[str, Any], both: Strata, level: float) -> Estimate:
    total = both.t1 + both.t0
    above, below = float((both.x1 * both.t0 / total).sum()), float((both.x0 * both.t1 / total).sum())
    if above == 0 or below == 0:
        why = "no_events" if above == below else "infinite" if below == 0 else "zero_wald"
        return Estimate(**shared, status="not_estimable", reason=message(f"rates_statistics.reason.{why}"))
    spread = float(((both.x1 + both.x0) * both.t1 * both.t0 / total**2).sum())
    return _log_normal(shared, above / below, math.sqrt(spread / (above * below)), level)


def _log_normal(shared: dict[str, Any], ratio: float, error: float, level: float) -> Estimate:
    half = normal_quantile(level) * error
    return Estimate(
        **shared,
        estimate=ratio,
        std_error=error,
        conf_low=ratio * math.exp(-half),
        conf_high=ratio * math.exp(half),
        p_value=two_sided_p(math.log(ratio) / error),
    )


def _score(x1: float, t1: float, x0: float, t0: float, difference: float) -> float:
    """The score statistic of a difference: 0 where it is the one seen."""
    total = t1 + t0
    linear = x1 + x0 - total * difference
    root = math.sqrt((x1 - x0 - total * difference) ** 2 + 4 * x1 * x0)
    # The root of T l^2 - linear l - x0 d = 0 that is a rate; written so that no digits are lost on either side of 0.
    rate0 = (linear + root) / (2 * total) if linear >= 0 else 2 * x0 * difference / (root - linear)
    rate0 = max(rate0, -difference, 0.0)
    variance = (rate0 + difference) / t1 + rate0 / t0
    gap = x1 / t1 - x0 / t0 - difference
    return 0.0 if gap == 0 else math.copysign(math.inf, gap) if variance <= 0 else gap / math.sqrt(variance)


def _score_limits(x1: float, t1: float, x0: float, t0: float, level: float) -> tuple[float, float]:
    from scipy.optimize import brentq

    z, seen = normal_quantile(level), x1 / t1 - x0 / t0

    def limit(sign: float) -> float:
        def gap(difference: float) -> float:
            return _score(x1, t1, x0, t0, difference) - sign * z

        step = max(abs(seen), z**2 / min(t1, t0), 1 / (t1 + t0))
        far = seen - sign * step
        while sign * gap(far) < 0:
            step *= 2
            far = seen - sign * step
        return float(brentq(gap, *sorted((seen, far)), xtol=1e-300, rtol=8.9e-16))

    return limit(1.0), limit(-1.0)
