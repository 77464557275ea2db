"""Survival statistics of one arm and of two: Kaplan-Meier, median, milestone, RMST, log-rank tests, follow-up.

Times are in days, 1 or True marks an event, censoring is taken to be independent of the event. A patient censored
at a time is at risk at that time. Times that differ only by floating-point error (relative 1e-9) are one time.
"""

from evidence_lib.statistics.survival.kaplan_meier import at_risk, kaplan_meier, survival_at
from evidence_lib.statistics.survival.logrank import logrank
from evidence_lib.statistics.survival.median import follow_up, median_survival
from evidence_lib.statistics.survival.milestone import milestone_difference
from evidence_lib.statistics.survival.parametric import background, parametric_models
from evidence_lib.statistics.survival.reconstruction import reconstruct_patients
from evidence_lib.statistics.survival.rmst import rmst, rmst_difference, rmst_ratio
from evidence_lib.statistics.survival.weighted_logrank import maxcombo, weighted_logrank

__all__ = [
    "at_risk",
    "background",
    "follow_up",
    "kaplan_meier",
    "logrank",
    "maxcombo",
    "median_survival",
    "milestone_difference",
    "parametric_models",
    "reconstruct_patients",
    "rmst",
    "rmst_difference",
    "rmst_ratio",
    "survival_at",
    "weighted_logrank",
]
