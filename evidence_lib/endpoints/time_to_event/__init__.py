"""Times to events from source dates: overall, progression-free and event-free survival, treatment discontinuation."""

from evidence_lib.endpoints.time_to_event.first_event import first_event, overall_survival, treatment_discontinuation
from evidence_lib.endpoints.time_to_event.outcome import reason_counts
from evidence_lib.endpoints.time_to_event.progression import event_free_survival, progression_free_survival
from evidence_lib.endpoints.time_to_event.rules import CensoringRules, VisitSchedule
from evidence_lib.endpoints.time_to_event.sensitivity import censoring_sensitivity

__all__ = [
    "CensoringRules",
    "VisitSchedule",
    "censoring_sensitivity",
    "event_free_survival",
    "first_event",
    "overall_survival",
    "progression_free_survival",
    "reason_counts",
    "treatment_discontinuation",
]
