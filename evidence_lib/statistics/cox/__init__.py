"""Cox regression: the model, hazard ratios overall and in periods, the proportional-hazards check, and subgroups.

Times are in days, 1 or True marks an event, censoring is taken to be independent of the event given the covariates.
A patient censored at a time is at risk at that time. Times that differ only by floating-point error (relative 1e-9)
are one time.
"""

from evidence_lib.statistics.cox.hazard_ratio import hazard_ratio
from evidence_lib.statistics.cox.model import CoxModel, cox
from evidence_lib.statistics.cox.piecewise import piecewise_hazard_ratio
from evidence_lib.statistics.cox.proportional_hazards import log_hazard_ratio_over_time, proportional_hazards_test
from evidence_lib.statistics.cox.subgroups import subgroup_effects

__all__ = [
    "CoxModel",
    "cox",
    "hazard_ratio",
    "log_hazard_ratio_over_time",
    "piecewise_hazard_ratio",
    "proportional_hazards_test",
    "subgroup_effects",
]
