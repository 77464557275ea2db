"""The risk ratio and the odds ratio of two arms, with or without strata."""

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
from evidence_lib.statistics.proportions.difference import strata_text
from evidence_lib.statistics.proportions.exact import (
    conditional,
    conditional_estimate,
    conditional_limits,
    two_sided,
)
from evidence_lib.statistics.proportions.inputs import Tables, tables
from evidence_lib.statistics.proportions.score import Effect, effect_limits, effect_z

RatioMethod = Literal["log", "miettinen-nurminen", "koopman", "mantel-haenszel"]
OddsMethod = Literal["woolf", "exact", "miettinen-nurminen", "mantel-haenszel"]


def risk_ratio(
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    count: ArrayLike | None = None,
    method: RatioMethod | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Risk ratio p1 / p0, treated over reference, with its interval and a two-sided test of no effect.

    ``log`` (Katz et al. 1978, Biometrics 34:469): normal on the log scale with variance 1/x1 - 1/n1 + 1/x0 - 1/n0.
    ``miettinen-nurminen``: all ratios r with |z(r)| below the normal quantile, z(r) = (p1 - r p0) / sqrt([q1 (1 - q1) /
    n1 + r^2 q0 (1 - q0) / n0] N / (N - 1)), q1 = r q0 of greatest likelihood (1985, Stat Med 4:213);
    ``koopman`` is the same without N / (N - 1) (Koopman 1984, Biometrics 40:513). ``mantel-haenszel``, for strata: sum
    x1 n0 / N over sum x0 n1 / N, with Greenland and Robins' variance of its logarithm, sum[(n1 n0 (x1 + x0) - x1 x0 N)
    / N^2] / (sum x1 n0 / N)(sum x0 n1 / N) (1985, Biometrics 41:55). The test is z(1) of the score
    methods, and log ratio / standard error of the others.

    Above 1 the event is more frequent in the treated. With strata the ratio is taken to be the same in each.

    Misreading: 0.8 is a fifth less of whatever the risk is, which may be next to nothing; it is no odds ratio and no
    hazard ratio, and the ratio of event-free patients is another number.

    Parameters
    ----------
    event : array of n
        1 or True for the event, 0 or False for none.
    group : array of n
        Labels of arms; patients of other arms than the two are left out.
    treatment, reference : str or float
        The labels of the two arms.
    strata : array of n labels, or DataFrame of n rows, or None
        The columns of a frame are crossed. A stratum without patients in both arms contributes nothing.
    count : array of n, or None
        How many patients each row stands for; None is one each.
    method : str, or None
        As above; None is ``log``, and ``mantel-haenszel`` with strata.
    conf_level : float
        Of the two-sided interval.

    Returns
    -------
    Estimate
        ``rr.<method>``, unit ``ratio``, ``scale="log"``: ``std_error`` is that of the logarithm, for ``log`` and
        ``mantel-haenszel``. ``n`` and ``events`` are of both arms. Status ``not_estimable`` without patients in both
        arms of a stratum and without events in the reference arm; a score method then still gives the lower limit.
        Without treated events the estimate is 0 and only a score method has an upper limit.

    Raises
    ------
    InvalidInput
        For events other than 0 and 1, equal arms, missing labels, a wrong choice, or one that the method does not have.
    """
    chosen = _chosen(method, RatioMethod, "log", strata)
    found = tables(event, group, treatment=treatment, reference=reference, strata=strata, count=count)
    shared = _shared("rr", chosen, found, strata, treatment, reference, checked_level(conf_level))
    if found.empty is not None:
        return Estimate(**shared, status="not_estimable", reason=found.empty)
    if chosen in ("miettinen-nurminen", "koopman"):
        return _by_score(found, "ratio", chosen == "miettinen-nurminen", shared)
    top, bottom = float((found.x1 * found.n0 / found.total).sum()), float((found.x0 * found.n1 / found.total).sum())
    if min(top, bottom) == 0:
        return _without_limits(top, bottom, shared)
    spread = (found.n1 * found.n0 * (found.x1 + found.x0) - found.x1 * found.x0 * found.total) / found.total**2
    # With one table this is 1/x1 - 1/n1 + 1/x0 - 1/n0.
    return _by_log(top / bottom, float(spread.sum()) / (top * bottom), shared)


def odds_ratio(
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    count: ArrayLike | None = None,
    method: OddsMethod | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Odds ratio x1 (n0 - x0) / x0 (n1 - x1), treated over reference, with its interval and a two-sided test.

    ``woolf`` (1955, Ann Hum Genet 19:251): normal on the log scale, the variance being the sum of the reciprocal
    counts. ``exact``: conditional on all margins; the estimate is the conditional maximum-likelihood one, which is not
    the ratio above, the limits are those odds ratios at which the observed number or more, or the observed or fewer,
    treated events have probability (1 - level) / 2 (Cornfield 1956), the p-value is Fisher's; as R's ``fisher.test``.
    ``miettinen-nurminen``: all ratios r with |z(r)| below the normal quantile, z(r) = (x1 - n1 q1) sqrt([1 / (n1 q1 (1
    - q1)) + 1 / (n0 q0 (1 - q0))] (N - 1) / N), q1 and q0 of greatest likelihood with that odds ratio (1985, Stat Med
    4:213). ``mantel-haenszel``, for strata: sum R / sum S with R = x1 (n0 - x0) / N and S = x0 (n1 - x1) / N;
    the variance of its logarithm is sum(P R) / (2 (sum R)^2) + sum(P S + Q R) / (2 sum R sum S) + sum(Q S) / (2 (sum
    S)^2), P = (x1 + n0 - x0) / N and Q = 1 - P (Robins, Breslow & Greenland 1986, Biometrics 42:311). The test is z(1)
    of the score method, log ratio / standard error of ``woolf`` and ``mantel-haenszel``.

    Above 1 the event is more frequent in the treated. With strata the ratio is taken to be the same in each.

    Misreading: where the event is frequent an odds ratio is farther from 1 than the risk ratio and must not be read as
    one. Odds ratios of strata can be equal and yet differ from that of all patients together.

    Parameters
    ----------
    event : array of n
        1 or True for the event, 0 or False for none.
    group : array of n
        Labels of arms; patients of other arms than the two are left out.
    treatment, reference : str or float
        The labels of the two arms.
    strata : array of n labels, or DataFrame of n rows, or None
        The columns of a frame are crossed. A stratum without patients in both arms contributes nothing.
    count : array of n, or None
        How many patients each row stands for; None is one each.
    method : str, or None
        As above; None is ``woolf``, and ``mantel-haenszel`` with strata.
    conf_level : float
        Of the two-sided interval.

    Returns
    -------
    Estimate
        ``or.<method>``, unit ``ratio``, ``scale="log"``: ``std_error`` is that of the logarithm, for ``woolf`` and
        ``mantel-haenszel``. ``n`` and ``events`` are of both arms. Status ``not_estimable`` without patients in both
        arms of a stratum, where all outcomes are alike, and where the ratio is infinite; the exact and the score method
        then still give the lower limit. An estimate of 0 has an upper limit from these two only.

    Raises
    ------
    InvalidInput
        For events other than 0 and 1, equal arms, missing labels, a wrong choice, or one that the method does not have.
    """
    chosen = _chosen(method, OddsMethod, "woolf", strata)
    found = tables(event, group, treatment=treatment, reference=reference, strata=strata, count=count)
    shared = _shared("or", chosen, found, strata, treatment, reference, checked_level(conf_level))
    if found.empty is not None:
        return Estimate(**shared, status="not_estimable", reason=found.empty)
    if chosen == "miettinen-nurminen":
        return _by_score(found, "odds", True, shared)
    if chosen == "exact":
        return _exact(found, shared)
    spared1, spared0 = found.n1 - found.x1, found.n0 - found.x0
    r, s = found.x1 * spared0 / found.total, found.x0 * spared1 / found.total
    if min(r.sum(), s.sum()) == 0:
        return _without_limits(float(r.sum()), float(s.sum()), shared)
    if chosen == "woolf":
        variance = float((1 / found.x1 + 1 / found.x0 + 1 / spared1 + 1 / spared0).sum())
        return _by_log(float(r.sum() / s.sum()), variance, shared)
    p = (found.x1 + spared0) / found.total
    variance = (p @ r) / r.sum() ** 2 + (p @ s + (1 - p) @ r) / (r.sum() * s.sum()) + ((1 - p) @ s) / s.sum() ** 2
    return _by_log(float(r.sum() / s.sum()), float(variance) / 2, shared)


def _chosen(method: Any, kinds: Any, usual: str, strata: Any) -> str:
    if method is None:
        return usual if strata is None else "mantel-haenszel"
    chosen = choice(method, kinds, "method")
    if strata is not None and chosen != "mantel-haenszel":
        raise InvalidInput("the method has no strata", expected="mantel-haenszel", found=chosen)
    return chosen


def _shared(
    kind: Literal["rr", "or"],
    method: str,
    found: Tables,
    strata: Any,
    treatment: str | float,
    reference: str | float,
    level: float,
) -> dict[str, Any]:
    return {
        "analysis": f"{kind}.{method.replace('-', '_')}",
        "unit": "ratio",
        "scale": "log",
        "groups": {"treatment": treatment, "reference": reference},
        "conf_level": level,
        "n": found.n,
        "events": found.events,
        "method": message(
            f"proportions_statistics.method.{kind}.{method}",
            strata="" if strata is None else strata_text(found, "mh"),
        ),
    }


def _without_limits(top: float, bottom: float, shared: dict[str, Any]) -> Estimate:
    """A ratio of 0, of infinity or of nothing at all, for a method that lives on the log scale."""
    if top > 0:
        return Estimate(**shared, status="not_estimable", reason=message("proportions_statistics.reason.infinite"))
    if bottom == 0:
        reason = message("proportions_statistics.reason.no_ratio")
        return Estimate(**shared, status="not_estimable", reason=reason)
    return Estimate(**shared, estimate=0.0, reason=message("proportions_statistics.reason.zero_on_log_scale"))


def _by_log(ratio: float, variance: float, shared: dict[str, Any]) -> Estimate:
    if not variance > 0:
        return Estimate(**shared, estimate=ratio, reason=message("proportions_statistics.reason.no_spread"))
    error = math.sqrt(variance)
    half = normal_quantile(shared["conf_level"]) * error
    return Estimate(
        **shared,
        estimate=ratio,
        std_error=error,
        conf_low=ratio * math.exp(-half),
        conf_high=ratio * math.exp(half),
        test_statistic=math.log(ratio) / error,
        p_value=two_sided_p(math.log(ratio) / error),
    )


def _by_score(t: Tables, effect: Effect, bias: bool, shared: dict[str, Any]) -> Estimate:
    (x1,), (n1,), (x0,), (n0,) = t.x1, t.n1, t.x0, t.n0
    top, bottom = (x1 * n0, x0 * n1) if effect == "ratio" else (x1 * (n0 - x0), x0 * (n1 - x1))
    if max(top, bottom) == 0:
        reason = message("proportions_statistics.reason.no_ratio")
        return Estimate(**shared, status="not_estimable", reason=reason)
    estimate = None if bottom == 0 else float(top / bottom)
    low, high = effect_limits(t, estimate, normal_quantile(shared["conf_level"]), effect, bias=bias)
    z = None if x1 + x0 in (0, n1 + n0) else effect_z(t, 1.0, effect, bias=bias)
    return Estimate(
        **shared,
        estimate=estimate,
        conf_low=low,
        conf_high=high,
        test_statistic=z,
        p_value=None if z is None else two_sided_p(z),
        status="not_estimable" if estimate is None else "ok",
        reason=_why(estimate is None, z is None),
    )


def _why(infinite: bool, no_test: bool) -> Any:
    if infinite:
        return message("proportions_statistics.reason.infinite")
    return message("proportions_statistics.reason.no_test") if no_test else None


def _exact(t: Tables, shared: dict[str, Any]) -> Estimate:
    (x1,), (n1,), (x0,), (n0,) = t.x1, t.n1, t.x0, t.n0
    d = conditional(x1, n1, x0, n0)
    if d.values.size == 1:
        reason = message("proportions_statistics.reason.no_ratio")
        return Estimate(**shared, status="not_estimable", reason=reason)
    log = conditional_estimate(d, x1)
    low, high = conditional_limits(d, x1, shared["conf_level"])
    return Estimate(
        **shared,
        estimate=None if log is None else math.exp(log),
        conf_low=math.exp(low),
        conf_high=None if high is None else math.exp(high),
        p_value=max(two_sided(x1, n1, x0, n0), SMALLEST),
        status="not_estimable" if log is None else "ok",
        reason=_why(log is None, False),
    )
