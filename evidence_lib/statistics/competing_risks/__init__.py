"""Competing risks: cumulative incidence, Gray's test, Fine-Gray and cause-specific hazard ratios.

Times are in days. ``cause`` says how each patient's follow-up ended: ``censored`` (0 unless said otherwise), or any
other label, which names a cause; only the first event of a patient counts. Censoring is taken to be independent of all
causes. Times that differ only by floating-point error (relative 1e-9) are one time, and events of several causes at
one time are counted together, exactly.
"""

from evidence_lib.statistics.competing_risks.cause_specific import cause_specific
from evidence_lib.statistics.competing_risks.difference import cumulative_incidence_difference
from evidence_lib.statistics.competing_risks.fine_gray import fine_gray
from evidence_lib.statistics.competing_risks.gray import gray_test
from evidence_lib.statistics.competing_risks.incidence import cumulative_incidence, cumulative_incidence_curve

__all__ = [
    "cause_specific",
    "cumulative_incidence",
    "cumulative_incidence_curve",
    "cumulative_incidence_difference",
    "fine_gray",
    "gray_test",
]
