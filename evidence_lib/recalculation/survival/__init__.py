"""Independent recalculation of the survival statistics.

Each function has the name, the arguments and the result shape of its twin in the statistics room, and reaches the
number by another route: another library where it is right, plain loops or root finding elsewhere. Arguments are those
that the statistic has accepted already and are not checked again. ``SOURCE`` says the route of each, ``TOLERANCE``
how closely the two must agree: |a - b| <= tolerance * max(|a|, std_error).
"""

from evidence_lib.recalculation.survival.logrank import logrank
from evidence_lib.recalculation.survival.one_arm import follow_up, median_survival, rmst, survival_at
from evidence_lib.recalculation.survival.sources import SOURCE, TOLERANCE
from evidence_lib.recalculation.survival.two_arms import milestone_difference, rmst_difference, rmst_ratio
from evidence_lib.recalculation.survival.weighted_logrank import maxcombo, weighted_logrank

__all__ = [
    "SOURCE",
    "TOLERANCE",
    "follow_up",
    "logrank",
    "maxcombo",
    "median_survival",
    "milestone_difference",
    "rmst",
    "rmst_difference",
    "rmst_ratio",
    "survival_at",
    "weighted_logrank",
]
