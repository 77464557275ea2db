"""Tables for readers: each takes results or facts of the study and gives a table of texts."""

from evidence_lib.report.tables.disposition import baseline_tests, disposition
from evidence_lib.report.tables.effects import median_and_survival, milestones, rmst, tests_and_hazard_ratios
from evidence_lib.report.tables.people import attrition, baseline, estimand, follow_up, intercurrent_events
from evidence_lib.report.tables.safety import (
    adverse_event_overview,
    adverse_event_rates,
    adverse_events_by_grade,
    adverse_events_by_term,
    deaths,
    exposure,
    first_event,
)
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
    "checks",
    "deaths",
    "disposition",
    "estimand",
    "exposure",
    "first_event",
    "follow_up",
    "formal_testing",
    "laboratory_shifts",
    "liver",
    "intercurrent_events",
    "median_and_survival",
    "milestones",
    "provenance",
    "rmst",
    "sources",
    "tests_and_hazard_ratios",
    "vital_signs",
]
