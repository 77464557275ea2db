"""The frozen default choices that make our numbers equal those of R or of SAS.

Each choice is a keyword of the statistics that use it; a given keyword goes before the convention, and the choice
that was used is written into the result's ``method``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from evidence_lib.errors import InvalidInput

DAYS_PER_MONTH = 30.4375
DAYS_PER_YEAR = 365.25
DAYS_PER_UNIT = {"days": 1.0, "weeks": 7.0, "months": DAYS_PER_MONTH, "years": DAYS_PER_YEAR}

KmInterval = Literal["plain", "log", "log-log", "logit", "arcsine"]
Ties = Literal["efron", "breslow"]


@dataclass(frozen=True, kw_only=True)
class Convention:
    """One set of defaults.

    ``flat_to_end`` says what the median is when S(t) = 0.5 exactly up to the last censored time: ``midpoint``
    (quantile.survfit) or ``not_estimable`` (SAS). Survival past the last time is not estimable unless the curve is 0
    in both: R says it by the curve, SAS by "the last observation is censored", which is the same condition.
    """

    name: str
    km_interval: KmInterval
    flat_to_end: Literal["midpoint", "not_estimable"]
    cox_ties: Ties
    continuity_correction: bool
    quantile_type: Literal[2, 7]


R = Convention(
    name="R",
    km_interval="log",
    flat_to_end="midpoint",
    cox_ties="efron",
    continuity_correction=True,
    quantile_type=7,
)
SAS = Convention(
    name="SAS",
    km_interval="log-log",
    flat_to_end="not_estimable",
    cox_ties="breslow",
    continuity_correction=False,
    quantile_type=2,
)


def convention(name: str) -> Convention:
    """The convention of this name, ``R`` or ``SAS``. Raises InvalidInput for any other."""
    found = {"R": R, "SAS": SAS}.get(name)
    if found is None:
        raise InvalidInput("unknown convention", expected="R or SAS", found=repr(name))
    return found
