"""Means of a continuous outcome: analysis of variance and covariance, t and rank tests, repeated measures, imputation.

Differences are treated minus reference, in the unit of the outcome.
"""

from evidence_lib.statistics.means.ancova import ancova
from evidence_lib.statistics.means.anova import anova
from evidence_lib.statistics.means.arm_mean import mean
from evidence_lib.statistics.means.by_visit import (
    category_counts,
    missing_by_visit,
    missing_patterns,
    reasons_of_missing,
    summary_by_visit,
)
from evidence_lib.statistics.means.mmrm import MMRM, mmrm
from evidence_lib.statistics.means.multiple_imputation import (
    Imputed,
    Pooled,
    TippingPoint,
    delta_scan,
    imputation_variance,
    impute,
    imputed_responders,
    multiple_imputation,
    responder_difference,
    rubin,
    tipping_delta,
    tipping_point,
)
from evidence_lib.statistics.means.t_test import t_test
from evidence_lib.statistics.means.wilcoxon import wilcoxon

__all__ = [
    "MMRM",
    "Imputed",
    "Pooled",
    "TippingPoint",
    "ancova",
    "anova",
    "category_counts",
    "delta_scan",
    "imputation_variance",
    "impute",
    "imputed_responders",
    "mean",
    "missing_by_visit",
    "missing_patterns",
    "mmrm",
    "multiple_imputation",
    "reasons_of_missing",
    "responder_difference",
    "rubin",
    "summary_by_visit",
    "t_test",
    "tipping_delta",
    "tipping_point",
    "wilcoxon",
]
