"""Independent recalculation of the proportions and their comparisons.

Each function has the name, the arguments and the result shape of its twin in the statistics room, and reaches the
number by another route. Arguments are those that the statistic has accepted already and are not checked again.
``SOURCE`` says the route of each, ``TOLERANCE`` how closely the two must agree: |a - b| <= tolerance * max(|a|,
std_error).
"""

from evidence_lib.recalculation.proportions.adjusted import adjusted_risk_difference
from evidence_lib.recalculation.proportions.cmh import cmh_test
from evidence_lib.recalculation.proportions.difference import risk_difference
from evidence_lib.recalculation.proportions.one_arm import proportion
from evidence_lib.recalculation.proportions.ratios import odds_ratio, risk_ratio
from evidence_lib.recalculation.proportions.sources import SOURCE, TOLERANCE

__all__ = [
    "SOURCE",
    "TOLERANCE",
    "adjusted_risk_difference",
    "cmh_test",
    "odds_ratio",
    "proportion",
    "risk_difference",
    "risk_ratio",
]
