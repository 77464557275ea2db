"""Rates of events per time at risk: of one arm, and their ratio and difference between two.

Events are counts and times at risk are days, one row per patient or one row per group of patients: only their sums
enter, so that a published table can be used as it stands.
"""

from evidence_lib.statistics.rates.comparison import rate_difference, rate_ratio
from evidence_lib.statistics.rates.exposure import exposure_adjusted_incidence
from evidence_lib.statistics.rates.one_arm import incidence_rate

__all__ = ["exposure_adjusted_incidence", "incidence_rate", "rate_difference", "rate_ratio"]
