"""Analysis variables of safety: exposure, adverse events and their categories, laboratory and vital signs."""

from evidence_lib.endpoints.safety.events import (
    adverse_events,
    among,
    by_category,
    can_tell_deaths,
    deaths,
    of_note,
    relation_answers,
    terms_of,
    worst_grades,
)
from evidence_lib.endpoints.safety.exposure import exposure, measures
from evidence_lib.endpoints.safety.first_events import (
    CENSORED,
    at_risk_times,
    first_event,
    milestones,
    times_to_first,
)
from evidence_lib.endpoints.safety.measurements import VISIT_KEYS, by_visit, laboratory_shifts, liver_peaks, unnamed
from evidence_lib.endpoints.safety.sources import LABORATORY, records_of
from evidence_lib.endpoints.safety.window import window

__all__ = [
    "CENSORED",
    "LABORATORY",
    "VISIT_KEYS",
    "adverse_events",
    "among",
    "at_risk_times",
    "by_category",
    "by_visit",
    "can_tell_deaths",
    "deaths",
    "exposure",
    "first_event",
    "laboratory_shifts",
    "liver_peaks",
    "measures",
    "milestones",
    "of_note",
    "records_of",
    "relation_answers",
    "terms_of",
    "times_to_first",
    "unnamed",
    "window",
    "worst_grades",
]
