"""One proportion and its interval."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaincinv

from evidence_lib.language import message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import normal_quantile
from evidence_lib.statistics.inputs import Floats, checked_level, choice
from evidence_lib.statistics.proportions.inputs import flags, frequencies

ProportionInterval = Literal["wilson", "wilson-cc", "clopper-pearson", "agresti-coull", "jeffreys", "wald"]


def proportion(
    event: ArrayLike,
    *,
    count: ArrayLike | None = None,
    method: ProportionInterval = "wilson",
    conf_level: float = 0.95,
) -> Estimate:
    """Proportion of patients with the event, x / n, with its confidence interval.

    With p = x / n and z the normal quantile: ``wilson`` is the set of proportions q with (p - q)^2 <= z^2 q (1 - q) / n
    (Wilson 1927, J Am Stat Assoc 22:209), ``wilson-cc`` the same with |p - q| reduced by 1 / (2n) (Newcombe 1998, Stat
    Med 17:857, method 4), ``clopper-pearson`` inverts the two exact one-sided tests (Biometrika 1934;26:404),
    ``jeffreys`` is the central posterior interval of the prior Beta(1/2, 1/2), from 0 where x = 0 and to 1 where x = n
    (Brown, Cai & DasGupta 2001, Stat Sci 16:101), ``agresti-coull`` is p' +- z sqrt(p' (1 - p') / (n + z^2)) with
    p' = (x + z^2 / 2) / (n + z^2) (Agresti & Coull 1998, Am Stat 52:119), and ``wald`` p +- z sqrt(p (1 - p) / n). The
    limits stay within 0 and 1. Patients are taken to be independent and to have the same probability.

    Misreading: the interval is about the probability in patients like these, not about any one patient, and its share
    of true statements is a property of the method over many studies.

    Parameters
    ----------
    event : array of n
        1 or True for the event, 0 or False for none.
    count : array of n, or None
        How many patients each row stands for; None is one each.
    method : str
        The interval, as above.
    conf_level : float
        Of the two-sided interval.

    Returns
    -------
    Estimate
        ``proportion.<method>``, unit ``probability``, with ``n`` and ``events``. ``std_error`` is given for ``wald``
        and ``agresti-coull``, whose intervals use one. Without patients it is ``not_estimable``; ``wald`` has no limits
        where x is 0 or n, because its standard error is then estimated to be 0.

    Raises
    ------
    InvalidInput
        For events other than 0 and 1, frequencies that are not whole numbers, a wrong choice.
    """
    marks = flags(event)
    weight = frequencies(count, marks.size)
    chosen, level = choice(method, ProportionInterval, "method"), checked_level(conf_level)
    n, x = int(weight.sum()), int(weight[marks].sum())
    shared: dict[str, Any] = {
        "analysis": f"proportion.{chosen.replace('-', '_')}",
        "unit": "probability",
        "conf_level": level,
        "n": n,
        "events": x,
        "method": message(f"proportions_statistics.method.proportion.{chosen}"),
    }
    if n == 0:
        reason = message("proportions_statistics.reason.no_patients")
        return Estimate(**shared, status="not_estimable", reason=reason)
    if chosen == "wald" and x in (0, n):
        return Estimate(**shared, estimate=x / n, reason=message("proportions_statistics.reason.no_spread"))
    low, high = _limits(x, n, chosen, level)
    return Estimate(
        **shared,
        estimate=x / n,
        std_error=_std_error(x, n, chosen, level),
        # The ends are exact, whatever the rounding.
        conf_low=0.0 if x == 0 else max(low, 0.0),
        conf_high=1.0 if x == n else min(high, 1.0),
    )


def wilson(x: Floats, n: Floats, z: float) -> tuple[Floats, Floats]:
    """Wilson's limits of each of several proportions."""
    p = x / n
    half = z / (1 + z**2 / n) * np.sqrt(p * (1 - p) / n + z**2 / (4 * n**2))
    middle = (p + z**2 / (2 * n)) / (1 + z**2 / n)
    return np.where(x == 0, 0.0, middle - half), np.where(x == n, 1.0, middle + half)


def _limits(x: int, n: int, method: str, level: float) -> tuple[float, float]:
    z, tail = normal_quantile(level), (1 - level) / 2
    if method == "wilson":
        low, high = wilson(np.array([float(x)]), np.array([float(n)]), z)
        return float(low[0]), float(high[0])
    if method == "wilson-cc":
        return _wilson_cc(x, n, z)
    if method == "clopper-pearson":
        return (
            float(betaincinv(x, n - x + 1, tail)) if x else 0.0,
            float(betaincinv(x + 1, n - x, 1 - tail)) if x < n else 1.0,
        )
    if method == "jeffreys":
        low, high = betaincinv(x + 0.5, n - x + 0.5, [tail, 1 - tail])
        return float(low), float(high)
    middle = (x + z**2 / 2) / (n + z**2) if method == "agresti-coull" else x / n
    half = z * (_std_error(x, n, method, level) or 0.0)
    return middle - half, middle + half


def _wilson_cc(x: int, n: int, z: float) -> tuple[float, float]:
    p = x / n
    down = z * math.sqrt(max(z**2 - 2 - 1 / n + 4 * p * (n * (1 - p) + 1), 0))
    up = z * math.sqrt(max(z**2 + 2 - 1 / n + 4 * p * (n * (1 - p) - 1), 0))
    low = (2 * x + z**2 - 1 - down) / (2 * (n + z**2))
    return low, (2 * x + z**2 + 1 + up) / (2 * (n + z**2))


def _std_error(x: int, n: int, method: str, level: float) -> float | None:
    if method == "wald":
        return math.sqrt(x / n * (1 - x / n) / n)
    if method == "agresti-coull":
        z = normal_quantile(level)
        p = (x + z**2 / 2) / (n + z**2)
        return math.sqrt(p * (1 - p) / (n + z**2))
    return None
