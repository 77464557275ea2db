"""Figures for readers: each takes results and gives a drawing, a sentence that stands for it, and its data."""

from evidence_lib.report.figures.category_shares import category_shares
from evidence_lib.report.figures.competing import cumulative_incidence
from evidence_lib.report.figures.cumulative_incidence import first_adverse_event
from evidence_lib.report.figures.flow import consort_flow
from evidence_lib.report.figures.forest import forest
from evidence_lib.report.figures.kaplan_meier import kaplan_meier
from evidence_lib.report.figures.mean_differences import estimates_side_by_side, tipping_curve
from evidence_lib.report.figures.mean_profile import mean_profile
from evidence_lib.report.figures.proportional_hazards import proportional_hazards
from evidence_lib.report.figures.regional import regional_forest
from evidence_lib.report.figures.rules import censoring_rules
from evidence_lib.report.figures.safety import liver_values, risk_differences

__all__ = [
    "category_shares",
    "censoring_rules",
    "consort_flow",
    "cumulative_incidence",
    "estimates_side_by_side",
    "first_adverse_event",
    "forest",
    "kaplan_meier",
    "liver_values",
    "mean_profile",
    "proportional_hazards",
    "regional_forest",
    "risk_differences",
    "tipping_curve",
]
