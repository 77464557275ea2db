"""Figures for readers: each takes results and gives a drawing, a sentence that stands for it, and its data."""

from evidence_lib.report.figures.category_shares import category_shares
from evidence_lib.report.figures.competing import competing_events
from evidence_lib.report.figures.cumulative_incidence import first_adverse_event
from evidence_lib.report.figures.flow import consort_flow
from evidence_lib.report.figures.forest import forest
from evidence_lib.report.figures.kaplan_meier import kaplan_meier
from evidence_lib.report.figures.liver import liver_values
from evidence_lib.report.figures.mean_differences import estimates_side_by_side, tipping_curve
from evidence_lib.report.figures.mean_profile import mean_profile
from evidence_lib.report.figures.proportional_hazards import proportional_hazards
from evidence_lib.report.figures.regional import regional_forest
from evidence_lib.report.figures.response import spider, waterfall
from evidence_lib.report.figures.response_results import response_duration, response_subgroups
from evidence_lib.report.figures.rules import censoring_rules
from evidence_lib.report.figures.safety import risk_differences
from evidence_lib.report.figures.swimmer import swimmer

__all__ = [
    "category_shares",
    "censoring_rules",
    "competing_events",
    "consort_flow",
    "estimates_side_by_side",
    "first_adverse_event",
    "forest",
    "kaplan_meier",
    "liver_values",
    "mean_profile",
    "proportional_hazards",
    "regional_forest",
    "response_duration",
    "response_subgroups",
    "risk_differences",
    "spider",
    "swimmer",
    "tipping_curve",
    "waterfall",
]
