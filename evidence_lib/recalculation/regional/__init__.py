"""Independent recalculation of the regional statistics.

Each function has the name, the arguments and the result shape of its twin in the statistics room, and reaches the
number by another route. Arguments are those that the statistic has accepted already and are not checked again.
``SOURCE`` says the route of each, ``TOLERANCE`` how closely the two must agree:
|a - b| <= tolerance * max(|a|, std_error).
"""

from evidence_lib.recalculation.regional.consistency import consistency_probability, smallest_fraction
from evidence_lib.recalculation.regional.effects import regional_effects
from evidence_lib.recalculation.regional.pattern import expected_range, pattern_probability, sign_agreement
from evidence_lib.recalculation.regional.retention import retention
from evidence_lib.recalculation.regional.sources import SOURCE, TOLERANCE

__all__ = [
    "SOURCE",
    "TOLERANCE",
    "consistency_probability",
    "expected_range",
    "pattern_probability",
    "regional_effects",
    "retention",
    "sign_agreement",
    "smallest_fraction",
]
