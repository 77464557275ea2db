"""The number needed to treat, from a risk difference and its interval."""

from __future__ import annotations

from typing import Any, Literal

import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.language import message
from evidence_lib.results import Estimate, Text
from evidence_lib.statistics.inputs import choice
from evidence_lib.statistics.proportions.difference import DifferenceMethod, risk_difference
from evidence_lib.statistics.proportions.score import Weights


def number_needed_to_treat(
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    event_is: Literal["harm", "benefit"],
    strata: ArrayLike | pd.DataFrame | None = None,
    count: ArrayLike | None = None,
    method: DifferenceMethod = "miettinen-nurminen",
    weights: Weights = "mh",
    conf_level: float = 0.95,
) -> Estimate:
    """Number needed to treat for one more patient to benefit (above 0) or to be harmed (below 0): 1 / risk difference.

    The benefit b is the risk difference of ``risk_difference``, treated minus reference, of an event that is a benefit,
    and minus that of one that is a harm. The number is 1 / b and its limits are 1 / those of b (Altman 1998, BMJ
    317:1309). Where the interval of b contains 0 that of the number is two stretches, from a number to benefit up to
    infinity and from there to a number to harm: no pair of limits can say that, so there are none and ``reason`` says
    it. It is not rounded; by custom it is printed rounded up.

    Misreading: it belongs to the baseline risk and the follow-up of these patients and cannot be carried to others.
    Everybody treated takes the risks; the number is of those treated for one to gain, not of those who gain.

    Parameters
    ----------
    event : array of n
        1 or True for the event, 0 or False for none.
    group : array of n
        Labels of arms; patients of other arms than the two are left out.
    treatment, reference : str or float
        The labels of the two arms.
    event_is : str
        Whether having the event is a ``harm`` or a ``benefit``; it decides the sign.
    strata : array of n labels, or DataFrame of n rows, or None
        As ``risk_difference``.
    count : array of n, or None
        How many patients each row stands for; None is one each.
    method, weights : str
        Of the risk difference.
    conf_level : float
        Of the two-sided interval.

    Returns
    -------
    Estimate
        ``nnt``, unit ``patients``, above 0 to benefit and below 0 to harm; ``n`` and ``events`` of both arms. Status
        ``not_estimable`` where the risk difference is, or is 0. A limit that is infinite is left out, with a reason.

    Raises
    ------
    InvalidInput
        As ``risk_difference``, and for another ``event_is``.
    """
    meaning = choice(event_is, Literal["harm", "benefit"], "event_is")
    found = risk_difference(
        event,
        group,
        treatment=treatment,
        reference=reference,
        strata=strata,
        count=count,
        method=method,
        weights=weights,
        conf_level=conf_level,
    )
    shared: dict[str, Any] = {
        "analysis": "nnt",
        "unit": "patients",
        "groups": found.groups,
        "conf_level": found.conf_level,
        "n": found.n,
        "events": found.events,
        "method": message(f"proportions_statistics.method.nnt_{meaning}", difference=found.method),
    }
    if found.estimate is None:
        return Estimate(**shared, status="not_estimable", reason=found.reason)
    sign = 1.0 if meaning == "benefit" else -1.0
    benefit = sign * found.estimate
    low, high, reason = _reciprocal_limits(found, sign)
    if benefit == 0:
        infinite = message("proportions_statistics.reason.nnt_infinite", interval=reason or "")
        return Estimate(**shared, status="not_estimable", reason=infinite)
    return Estimate(**shared, estimate=1 / benefit, conf_low=low, conf_high=high, reason=reason)


def _reciprocal_limits(found: Estimate, sign: float) -> tuple[float | None, float | None, Text | None]:
    if found.conf_low is None or found.conf_high is None:
        return None, None, found.reason
    low, high = sorted((sign * found.conf_low, sign * found.conf_high))
    if low < 0 < high:
        return None, None, message("proportions_statistics.reason.nnt_disjoint", benefit=1 / high, harm=-1 / low)
    if low < high and low * high == 0:
        ends = (1 / high, None) if low == 0 else (None, 1 / low)
        return *ends, message("proportions_statistics.reason.nnt_limit_infinite")
    if low == high == 0:
        return None, None, message("proportions_statistics.reason.nnt_limit_infinite")
    return 1 / high, 1 / low, None
