"""Meta-analysis: pooled effects of studies, their heterogeneity, meta-regression and funnel plots.

Effects keep the direction that the studies gave them: treated minus reference, or treated over reference. Ratios are
ratios and their standard errors those of the logarithms, as everywhere here.
"""

from evidence_lib.statistics.meta_analysis.asymmetry import funnel
from evidence_lib.statistics.meta_analysis.counts import pool_counts
from evidence_lib.statistics.meta_analysis.effects import study_effects
from evidence_lib.statistics.meta_analysis.pooling import pool
from evidence_lib.statistics.meta_analysis.regression import meta_regression
from evidence_lib.statistics.meta_analysis.result import Funnel, MetaAnalysis, MetaRegression

__all__ = [
    "Funnel",
    "MetaAnalysis",
    "MetaRegression",
    "funnel",
    "meta_regression",
    "pool",
    "pool_counts",
    "study_effects",
]
