"""Safety: who had which adverse event, laboratory values against their normal range, and values by visit.

Frames have one row per record, with ``subject`` and ``arm``; who had no record is known from the frame of subjects.
"""

from evidence_lib.statistics.safety.adverse_events import incidence, incidence_counts
from evidence_lib.statistics.safety.display import frequent, incidence_shares, table_order
from evidence_lib.statistics.safety.exposure import patient_years
from evidence_lib.statistics.safety.laboratory import liver_category, shift_counts
from evidence_lib.statistics.safety.visits import visit_summary

__all__ = [
    "frequent",
    "incidence",
    "incidence_counts",
    "incidence_shares",
    "liver_category",
    "patient_years",
    "shift_counts",
    "table_order",
    "visit_summary",
]
