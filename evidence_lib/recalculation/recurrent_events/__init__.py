"""Independent recalculation of the comparisons of recurrent events.

Each function has the name, the arguments and the result shape of its twin in the statistics room, and reaches the
number by another route. Arguments are those that the statistic has accepted already and are not checked again.
``SOURCE`` says the route of each, ``TOLERANCE`` how closely the two must agree:
|a - b| <= tolerance * max(|a|, std_error).
"""

from evidence_lib.recalculation.recurrent_events.intensity import andersen_gill, pwp
from evidence_lib.recalculation.recurrent_events.marginal import wlw
from evidence_lib.recalculation.recurrent_events.negative_binomial import negative_binomial
from evidence_lib.recalculation.recurrent_events.sources import SOURCE, TOLERANCE

__all__ = ["SOURCE", "TOLERANCE", "andersen_gill", "negative_binomial", "pwp", "wlw"]
