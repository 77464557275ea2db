"""Means of a continuous outcome: analysis of variance and covariance, t and rank tests, repeated measures, imputation.

Differences are treated minus reference, in the unit of the outcome.
"""

from evidence_lib.statistics.means.mmrm import MMRM, mmrm

__all__ = [
    "MMRM",
    "mmrm",
]
