"""The difference of two arms in the probability of being event-free at a time."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import checked_level
from evidence_lib.statistics.survival.inputs import Curve, arms, checked_times, curve, days
from evidence_lib.statistics.survival.kaplan_meier import standard_error, unknown_at


def milestone_difference(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    times: ArrayLike,
    conf_level: float = 0.95,
) -> Estimates:
    """Difference of two Kaplan-Meier probabilities of being event-free at given times, treated minus reference.

    The Greenwood standard errors add in quadrature; the interval and the two-sided p-value are normal (Klein et al.
    2007, Stat Med 26:4505, the untransformed statistic). Assumptions are those of ``kaplan_meier`` in each arm.

    Misreading: it compares the arms at that time only; curves that cross can agree there and differ elsewhere.

    Parameters
    ----------
    time, event : arrays of n
        Days, zero or more; 1 or True for the event, 0 or False for censoring.
    group : array of n labels
        The arm of each patient; patients of other arms are left out.
    treatment, reference : str or number
        The two arms.
    times : array of days
        The times to compare at.
    conf_level : number between 0 and 1
        Level of the interval.

    Returns
    -------
    Estimates
        One ``milestone.difference`` per time, with ``groups["time"]``, above 0 where the treated do better; ``n`` and
        ``events`` are of both arms together. ``not_estimable`` where either arm is (follow-up too short, no patients).
        Where a curve has reached 0, or neither arm has had an event, the difference stands without standard error,
        limits and p-value, because Greenwood's formula has none.

    Raises
    ------
    InvalidInput
        As ``kaplan_meier``; for equal arms, missing or too few labels, times that are negative or stand twice.
    """
    treated, control = (curve(*arm) for arm in arms(time, event, group, treatment=treatment, reference=reference))
    level = checked_level(conf_level)

    def one(t: float) -> Estimate:
        shared: dict[str, Any] = {
            "analysis": "milestone.difference",
            "unit": "probability",
            "groups": {"time": days(t), "treatment": treatment, "reference": reference},
            "conf_level": level,
            "n": treated.n + control.n,
            "events": treated.events + control.events,
            "method": message("survival_statistics.method.milestone"),
        }
        for fit, label in ((treated, treatment), (control, reference)):
            unknown = unknown_at(fit, t)
            if unknown is not None:
                reason = message("survival_statistics.reason.in_arm", arm=str(label), reason=unknown)
                return Estimate(**shared, status="not_estimable", reason=reason)
        (p1, se1), (p0, se0) = _value_at(treated, t), _value_at(control, t)
        difference, error = p1 - p0, float(np.hypot(se1, se0))
        if not error > 0:
            why = "milestone_at_zero" if np.isnan(error) else "milestone_at_one"
            reason = message(f"survival_statistics.reason.{why}")
            return Estimate(**shared, estimate=difference, reason=reason)
        half = normal_quantile(level) * error
        return Estimate(
            **shared,
            estimate=difference,
            std_error=error,
            conf_low=difference - half,
            conf_high=difference + half,
            p_value=two_sided_p(difference / error),
        )

    return Estimates(tuple(one(t) for t in checked_times(times)))


def _value_at(fit: Curve, time: float) -> tuple[float, float]:
    row = fit.row_at(time)
    return (1.0, 0.0) if row < 0 else (float(fit.survival[row]), float(standard_error(fit)[row]))
