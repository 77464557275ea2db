"""Means of a continuous outcome: analysis of variance and covariance, t and rank tests, repeated measures, imputation.

Differences are treated minus reference, in the unit of the outcome.
"""

from evidence_lib.statistics.means.ancova import ancova
from evidence_lib.statistics.means.anova import anova
from evidence_lib.statistics.means.mmrm import MMRM, mmrm
from evidence_lib.statistics.means.multiple_imputation import (
    Imputed,
    Pooled,
    TippingPoint,
    imputation_variance,
    impute,
    multiple_imputation,
    responder_difference,
    rubin,
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
    "imputation_variance",
    "impute",
    "mmrm",
    "multiple_imputation",
    "responder_difference",
    "rubin",
    "t_test",
    "tipping_point",
    "wilcoxon",
]
