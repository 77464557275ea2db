"""Multi-regional trials (ICH E17): effects by region, their consistency, and planning for it.

Regions are disjoint groups of patients of one trial, and their estimates independent of each other.
"""

from evidence_lib.statistics.regional.consistency import consistency_probability, smallest_fraction
from evidence_lib.statistics.regional.effects import regional_effects
from evidence_lib.statistics.regional.pattern import expected_range, pattern_probability, sign_agreement
from evidence_lib.statistics.regional.retention import retention

__all__ = [
    "consistency_probability",
    "expected_range",
    "pattern_probability",
    "regional_effects",
    "retention",
    "sign_agreement",
    "smallest_fraction",
]
