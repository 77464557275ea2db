"""Analysis variables of safety: exposure, adverse events and their categories, laboratory and vital signs."""

from evidence_lib.endpoints.safety.events import adverse_events, by_category, deaths, worst_grades
from evidence_lib.endpoints.safety.exposure import exposure
from evidence_lib.endpoints.safety.first_events import at_risk_times, default_milestone, first_event, times_to_first
from evidence_lib.endpoints.safety.measurements import by_visit, laboratory_shifts, liver_peaks

__all__ = [
    "adverse_events",
    "at_risk_times",
    "by_category",
    "by_visit",
    "deaths",
    "default_milestone",
    "exposure",
    "first_event",
    "laboratory_shifts",
    "liver_peaks",
    "times_to_first",
    "worst_grades",
]
