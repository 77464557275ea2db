"""Proportions: of one arm, and compared between arms as difference, ratio, odds ratio, and by tests.

An event is 1 or True, a row is a patient, or ``count`` patients who are alike: a published 2x2 table is four rows.
Differences are treated minus reference and ratios treated over reference. Patients are taken to be independent.
"""

from evidence_lib.statistics.proportions.adjusted import adjusted_risk_difference
from evidence_lib.statistics.proportions.association import chi_square, fisher_exact
from evidence_lib.statistics.proportions.cmh import cmh_test
from evidence_lib.statistics.proportions.difference import risk_difference
from evidence_lib.statistics.proportions.needed_to_treat import number_needed_to_treat
from evidence_lib.statistics.proportions.one_arm import proportion
from evidence_lib.statistics.proportions.ratios import odds_ratio, risk_ratio

__all__ = [
    "adjusted_risk_difference",
    "chi_square",
    "cmh_test",
    "fisher_exact",
    "number_needed_to_treat",
    "odds_ratio",
    "proportion",
    "risk_difference",
    "risk_ratio",
]
