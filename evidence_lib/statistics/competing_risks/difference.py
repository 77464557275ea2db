"""The difference of the cumulative incidence of two arms at given times."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.competing_risks.aalen_johansen import Incidence, Variance, incidence
from evidence_lib.statistics.competing_risks.incidence import checked_variance, variance_name
from evidence_lib.statistics.competing_risks.inputs import Label, checked_cause, observed, two_arms
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import checked_level, with_labels
from evidence_lib.statistics.survival.inputs import checked_times, days


def cumulative_incidence_difference(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Label,
    reference: Label,
    event_of_interest: Label,
    times: ArrayLike,
    censored: Label = 0,
    variance: Variance = "aalen",
    conf_level: float = 0.95,
) -> Estimates:
    """Difference of the cumulative incidence of one cause between two arms at given times, treated minus reference.

    F1(t) - F0(t) with the variances of ``cumulative_incidence`` added; the interval and the two-sided p-value are
    normal. Below 0 where the treated have fewer events of the cause by then. Assumes that censoring is independent of
    all causes in each arm.

    Misreading: a difference in one cause alone can be the other side of a difference in another: patients who die
    early cannot have a later event. Look at all causes.

    Parameters
    ----------
    time : array of n days, zero or more
        Time from the start to the first event of any cause, or to censoring.
    cause : array of n labels
        ``censored``, or the cause of the event.
    group : array of n labels
        The arms; patients of others are left out.
    treatment, reference : text or number
        The labels of the two arms.
    event_of_interest : text or number
        The cause that is compared.
    times : array of days, zero or more
        The times to report at.
    censored : text or number
        The label of patients without an event.
    variance : "aalen" or "greenwood"
        As ``cumulative_incidence``.
    conf_level : float
        The level of the limits, between 0 and 1.

    Returns
    -------
    Estimates
        One ``aalen_johansen.difference`` per time. ``n`` and ``events`` (of the cause) are of both arms together. Not
        estimable where either arm is (follow-up too short, no patients); where neither arm has had an event of the
        cause yet the difference stands without standard error, limits and p-value, with a reason.

    Raises
    ------
    InvalidInput
        As ``cumulative_incidence``; for missing arm labels, and where treatment and reference are the same.
    """
    two_arms(treatment, reference)
    data = observed(time, cause, censored)
    label, kind, level = (
        checked_cause(event_of_interest, censored),
        checked_variance(variance),
        checked_level(conf_level),
    )
    number = data.number(label)
    parts = [data.of(rows) for rows in with_labels(group, "group", data.time.size, (treatment, reference))]
    fits = [incidence(part) for part in parts]
    errors = [fit.std_error(number, kind) if number > 0 else np.zeros(fit.time.size) for fit in fits]

    def one(t: float) -> Estimate:
        shared: dict[str, Any] = {
            "analysis": "aalen_johansen.difference",
            "unit": "probability",
            "groups": {"treatment": treatment, "reference": reference, "cause": label, "time": days(t)},
            "n": sum(fit.n for fit in fits),
            "events": sum(int((part.code == number).sum()) for part in parts),
            "conf_level": level,
            "method": message("competing_risks_statistics.method.difference", variance=variance_name(kind)),
        }
        for fit, arm in zip(fits, (treatment, reference), strict=True):
            unknown = fit.unknown_at(t)
            if unknown is not None:
                reason = message("survival_statistics.reason.in_arm", arm=str(arm), reason=unknown)
                return Estimate(**shared, status="not_estimable", reason=reason)
        (p1, se1), (p0, se0) = (_at(fit, number, error, t) for fit, error in zip(fits, errors, strict=True))
        difference, error = p1 - p0, float(np.hypot(se1, se0))
        if not error > 0:
            reason = message("competing_risks_statistics.reason.no_variance_in_both")
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


def _at(fit: Incidence, number: int, error: np.ndarray, time: float) -> tuple[float, float]:
    row = fit.row_at(time)
    return (float(fit.incidence[number - 1, row]), float(error[row])) if row >= 0 and number > 0 else (0.0, 0.0)
