"""Exposure: the time that an arm was treated, all subjects together."""

from __future__ import annotations

import math

from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate
from evidence_lib.statistics.inputs import numbers

DAYS_PER_YEAR = 365.25


def patient_years(exposure: ArrayLike) -> Estimate:
    """The time that all subjects together were exposed: the sum of their days over 365.25.

    Misreading: 100 patient-years can be 100 patients treated for a year or 400 for three months; what comes late is
    not seen in the second.

    Parameters
    ----------
    exposure : array of n
        Days exposed; NaN where it is not known, which adds nothing.

    Returns
    -------
    Estimate
        ``exposure.patient_years``, with ``n`` subjects whose exposure is known. Not estimable where it is of none.

    Raises
    ------
    InvalidInput
        For negative or infinite days.
    """
    days = numbers(exposure, "exposure")
    known = days[days == days]
    if (known < 0).any() or (known == math.inf).any():
        raise InvalidInput("exposure is negative or infinite", expected="days, zero or more")
    method = message("safety.statistics.patient_years")
    if not known.size:
        reason = message("safety.statistics.reason.no_exposure")
        return Estimate(
            analysis="exposure.patient_years",
            unit="patient-years",
            method=method,
            n=0,
            status="not_estimable",
            reason=reason,
        )
    total = float(known.sum()) / DAYS_PER_YEAR
    return Estimate(
        analysis="exposure.patient_years", unit="patient-years", method=method, n=int(known.size), estimate=total
    )
