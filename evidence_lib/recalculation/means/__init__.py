"""Independent recalculation of the statistics of means.

Each function has the name, the arguments and the result shape of its twin in the statistics room, and reaches the
number by another route. Arguments are those that the statistic has accepted already and are not checked again.
``SOURCE`` says the route of each, ``TOLERANCE`` how closely the two must agree:
|a - b| <= tolerance * max(|a|, std_error).
"""

from evidence_lib.recalculation.means.arm_mean import mean
from evidence_lib.recalculation.means.delta_scan import delta_scan
from evidence_lib.recalculation.means.linear_model import ancova, anova
from evidence_lib.recalculation.means.mmrm import mmrm
from evidence_lib.recalculation.means.multiple_imputation import multiple_imputation
from evidence_lib.recalculation.means.sources import SOURCE, TOLERANCE
from evidence_lib.recalculation.means.t_test import t_test
from evidence_lib.recalculation.means.wilcoxon import wilcoxon

__all__ = [
    "SOURCE",
    "TOLERANCE",
    "ancova",
    "anova",
    "delta_scan",
    "mean",
    "mmrm",
    "multiple_imputation",
    "t_test",
    "wilcoxon",
]
