"""Tables for readers: each takes results or facts of the study and gives a table of texts."""

from evidence_lib.report.tables.comparisons import tests_and_hazard_ratios
from evidence_lib.report.tables.competing import cumulative_incidence, outcomes
from evidence_lib.report.tables.continuous import categories, missing_patterns, missing_values, visit_summary
from evidence_lib.report.tables.disposition import baseline_tests, disposition
from evidence_lib.report.tables.effects import median_and_survival, milestones, rmst
from evidence_lib.report.tables.mean_differences import mean_differences, mixed_model_visits, responders, tipping_point
from evidence_lib.report.tables.people import attrition, baseline, estimand, follow_up, intercurrent_events
from evidence_lib.report.tables.regional import next_therapy, regional_arms, regional_baseline, regional_effects
from evidence_lib.report.tables.regional_rule import (
    regional_heterogeneity,
    regional_patterns,
    regional_planning,
    regional_retention,
)
from evidence_lib.report.tables.response import (
    best_overall_response,
    response_comparisons,
    response_durations,
    response_rates,
    response_sensitivity,
)
from evidence_lib.report.tables.rules import censoring_rules
from evidence_lib.report.tables.safety import (
    adverse_event_overview,
    adverse_event_rates,
    adverse_events_by_grade,
    adverse_events_by_term,
)
from evidence_lib.report.tables.safety_course import deaths, exposure, first_event
from evidence_lib.report.tables.safety_measurements import laboratory_shifts, liver, vital_signs
from evidence_lib.report.tables.trust import checks, formal_testing, provenance, sources

__all__ = [
    "adverse_event_overview",
    "adverse_event_rates",
    "adverse_events_by_grade",
    "adverse_events_by_term",
    "attrition",
    "baseline",
    "baseline_tests",
    "best_overall_response",
    "categories",
    "censoring_rules",
    "checks",
    "cumulative_incidence",
    "deaths",
    "disposition",
    "estimand",
    "exposure",
    "first_event",
    "follow_up",
    "formal_testing",
    "intercurrent_events",
    "laboratory_shifts",
    "liver",
    "mean_differences",
    "median_and_survival",
    "milestones",
    "missing_patterns",
    "missing_values",
    "mixed_model_visits",
    "next_therapy",
    "outcomes",
    "provenance",
    "regional_arms",
    "regional_baseline",
    "regional_effects",
    "regional_heterogeneity",
    "regional_patterns",
    "regional_planning",
    "regional_retention",
    "responders",
    "response_comparisons",
    "response_durations",
    "response_rates",
    "response_sensitivity",
    "rmst",
    "sources",
    "tests_and_hazard_ratios",
    "tipping_point",
    "visit_summary",
    "vital_signs",
]
