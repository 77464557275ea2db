"""Tumour response: at each visit, the best of a subject, and what follows from it (RECIST 1.1; mRECIST).

Frames in, frames out, one row per record and one per subject. ``subject`` is any label; ``date`` is a calendar date or
a whole number of days. RECIST 1.1: Eisenhauer et al., European Journal of Cancer 2009;45:228-247.
"""

from evidence_lib.endpoints.response.best import (
    best_overall_response,
    confirmed_best_overall_response,
    recurrence_as_progression,
)
from evidence_lib.endpoints.response.confirmation import Confirmation

__all__ = [
    "Confirmation",
    "best_overall_response",
    "confirmed_best_overall_response",
    "recurrence_as_progression",
]
