"""Independent recalculation of the statistics of competing risks.

Each function has the name, the arguments and the result shape of its twin in the statistics room, and reaches the
number by another route. Arguments are those that the statistic has accepted already and are not checked again.
``SOURCE`` says the route of each, ``TOLERANCE`` how closely the two must agree:
|a - b| <= tolerance * max(|a|, std_error).
"""

from evidence_lib.recalculation.competing_risks.cause_specific import cause_specific
from evidence_lib.recalculation.competing_risks.fine_gray import fine_gray
from evidence_lib.recalculation.competing_risks.gray import gray_test
from evidence_lib.recalculation.competing_risks.incidence import cumulative_incidence, cumulative_incidence_difference
from evidence_lib.recalculation.competing_risks.sources import SOURCE, TOLERANCE

__all__ = [
    "SOURCE",
    "TOLERANCE",
    "cause_specific",
    "cumulative_incidence",
    "cumulative_incidence_difference",
    "fine_gray",
    "gray_test",
]
