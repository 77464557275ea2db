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
from evidence_lib.endpoints.response.criteria import MRECIST, RECIST_1_1, Criteria
from evidence_lib.endpoints.response.drawn import spider_band, spider_lines, swimmer_rows, waterfall_bars
from evidence_lib.endpoints.response.durations import duration_of_response, time_to_response
from evidence_lib.endpoints.response.hepatocellular import mrecist_new_lesions, mrecist_visit_response
from evidence_lib.endpoints.response.lesions import non_target_response, sum_of_diameters
from evidence_lib.endpoints.response.rates import disease_control, objective_response
from evidence_lib.endpoints.response.summary import ResponseRules, response_summary, responses_differ
from evidence_lib.endpoints.response.target import best_percent_change, target_response
from evidence_lib.endpoints.response.visits import overall_response, visit_response

__all__ = [
    "MRECIST",
    "RECIST_1_1",
    "Confirmation",
    "Criteria",
    "ResponseRules",
    "best_overall_response",
    "best_percent_change",
    "confirmed_best_overall_response",
    "disease_control",
    "duration_of_response",
    "mrecist_new_lesions",
    "mrecist_visit_response",
    "non_target_response",
    "objective_response",
    "overall_response",
    "response_summary",
    "responses_differ",
    "spider_band",
    "spider_lines",
    "recurrence_as_progression",
    "sum_of_diameters",
    "swimmer_rows",
    "target_response",
    "time_to_response",
    "visit_response",
    "waterfall_bars",
]
