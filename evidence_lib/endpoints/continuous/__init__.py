"""Continuous and ordinal outcomes measured at visits: the long frame of an analysis, and the analyses declared."""

from evidence_lib.endpoints.continuous.attrition import attrition
from evidence_lib.endpoints.continuous.outcomes import Outcomes, outcomes
from evidence_lib.endpoints.continuous.plan import Planned, facts, planned
from evidence_lib.endpoints.continuous.reasons import with_reasons

__all__ = ["Outcomes", "Planned", "attrition", "facts", "outcomes", "planned", "with_reasons"]
