"""The mixed model for repeated measures: fixed effects of arm and visit, and a covariance matrix of the visits."""

from evidence_lib.statistics.means.mmrm.model import mmrm
from evidence_lib.statistics.means.mmrm.result import MMRM

__all__ = ["MMRM", "mmrm"]
