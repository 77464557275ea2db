"""Continuous and ordinal outcomes measured at visits: the long frame of an analysis, and the analyses declared."""

from evidence_lib.endpoints.continuous.outcomes import Outcomes, outcomes
from evidence_lib.endpoints.continuous.plan import Planned, facts, planned

__all__ = ["Outcomes", "Planned", "facts", "outcomes", "planned"]
