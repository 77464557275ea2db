"""The rate of events of one group of patients."""

from __future__ import annotations

import math
from typing import Any, Literal

from numpy.typing import ArrayLike

from evidence_lib.language import message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import normal_quantile
from evidence_lib.statistics.inputs import checked_level, choice
from evidence_lib.statistics.rates.inputs import DAYS, Per, counted

RateInterval = Literal["exact", "byar"]


def incidence_rate(
    events: ArrayLike,
    exposure: ArrayLike,
    *,
    method: RateInterval = "exact",
    per: Per = "100 patient-years",
    conf_level: float = 0.95,
) -> Estimate:
    """Events per time at risk, x / T, with limits for a Poisson count x.

    ``exact``: half of chi-square quantiles with 2 x and 2 x + 2 df, over T (Garwood 1936, Biometrika 28:437), as R's
    ``poisson.test``. ``byar``: x (1 - 1 / (9 x) - z / (3 sqrt x))^3 and the same with x + 1 and + z (Breslow & Day
    1987, section 2.3; epiR's limits of this name use x + 1/2 on both sides). The standard error is sqrt(x) / T.

    Assumes that events are independent with a constant rate; a patient with many events breaks it (see
    ``exposure_adjusted_incidence``). Misreading: 5 per 100 patient-years is not 5 % of patients within a year.

    Parameters
    ----------
    events : array of n
        Events of each row, whole numbers.
    exposure : array of n
        Days at risk of each row.
    method : {"exact", "byar"}
        The limits.
    per : {"patient-day", "patient-year", "100 patient-years", "1000 patient-years"}
        The unit of the rate; a year is 365.25 days.
    conf_level : float
        Of the limits.

    Returns
    -------
    Estimate
        ``rate.incidence`` in events ``per``. Status ``not_estimable`` without time at risk; without events the rate is
        0, with a lower limit of 0 and no standard error.

    Raises
    ------
    InvalidInput
        For counts that are negative or not whole, negative or missing times, events without time at risk, unequal
        lengths, a wrong choice.
    """
    level, chosen = checked_level(conf_level), choice(method, RateInterval, "method")
    unit = DAYS[choice(per, Per, "per")]
    x, t = (float(part.sum()) for part in counted(events, exposure))
    shared: dict[str, Any] = {
        "analysis": "rate.incidence",
        "unit": f"per {per}",
        "events": int(x),
        "conf_level": level,
        "method": message(f"rates_statistics.method.{chosen}", per=per),
    }
    if t == 0:
        return Estimate(**shared, status="not_estimable", reason=message("rates_statistics.reason.no_exposure"))
    low, high = poisson_limits(x, level, chosen)
    return Estimate(
        **shared,
        estimate=x / t * unit,
        std_error=math.sqrt(x) / t * unit if x else None,
        conf_low=low / t * unit,
        conf_high=high / t * unit,
    )


def poisson_limits(x: float, level: float, method: str) -> tuple[float, float]:
    """Limits of the mean of a Poisson count."""
    from scipy.special import gammaincinv

    outside = (1 - level) / 2
    if method == "exact":
        return float(gammaincinv(x, outside)) if x else 0.0, float(gammaincinv(x + 1, 1 - outside))
    z = normal_quantile(level)
    low = max(x * (1 - 1 / (9 * x) - z / (3 * math.sqrt(x))) ** 3, 0.0) if x else 0.0
    above = x + 1
    return low, above * (1 - 1 / (9 * above) + z / (3 * math.sqrt(above))) ** 3
