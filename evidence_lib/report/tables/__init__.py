"""Tables for readers: each takes results or facts of the study and gives a table of texts."""

from evidence_lib.report.tables.disposition import baseline_tests, disposition
from evidence_lib.report.tables.effects import median_and_survival, milestones, rmst, tests_and_hazard_ratios
from evidence_lib.report.tables.people import attrition, baseline, estimand, follow_up
from evidence_lib.report.tables.trust import checks, formal_testing, provenance, sources

__all__ = [
    "attrition",
    "baseline",
    "baseline_tests",
    "checks",
    "disposition",
    "estimand",
    "follow_up",
    "formal_testing",
    "median_and_survival",
    "milestones",
    "provenance",
    "rmst",
    "sources",
    "tests_and_hazard_ratios",
]
