"""Recount of the time of exposure."""

from __future__ import annotations

from fractions import Fraction

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.results import Estimate


def patient_years(exposure: ArrayLike) -> Estimate:
    """Twin of ``statistics.safety.patient_years``."""
    days = [Fraction(value) for value in np.asarray(exposure, dtype=float).tolist() if value == value]
    if not days:
        return Estimate(
            analysis="exposure.patient_years",
            unit="patient-years",
            method="exact fractions",
            n=0,
            status="not_estimable",
            reason="not estimable by the second route either",
        )
    years = sum(days, Fraction(0)) / Fraction(1461, 4)
    return Estimate(
        analysis="exposure.patient_years",
        unit="patient-years",
        method="exact fractions",
        n=len(days),
        estimate=float(years),
    )
