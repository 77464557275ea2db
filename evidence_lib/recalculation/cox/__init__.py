"""Independent recalculation of the Cox statistics.

Each function has the name, the arguments and the result shape of its twin in the statistics room, and reaches the
number by another route. Arguments are those that the statistic has accepted already and are not checked again.
``SOURCE`` says the route of each, ``TOLERANCE`` how closely the two must agree:
|a - b| <= tolerance * max(|a|, std_error).
"""

from evidence_lib.recalculation.cox.hazard_ratio import hazard_ratio
from evidence_lib.recalculation.cox.piecewise import piecewise_hazard_ratio
from evidence_lib.recalculation.cox.proportional_hazards import proportional_hazards_test
from evidence_lib.recalculation.cox.sources import SOURCE, TOLERANCE
from evidence_lib.recalculation.cox.subgroups import subgroup_effects

__all__ = [
    "SOURCE",
    "TOLERANCE",
    "hazard_ratio",
    "piecewise_hazard_ratio",
    "proportional_hazards_test",
    "subgroup_effects",
]
