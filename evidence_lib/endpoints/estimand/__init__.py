"""Estimands of ICH E9(R1) that drive the analysis: what is asked, the data that answer it, and what does not."""

from evidence_lib.endpoints.estimand.analyses import allowed_analyses, refuse_mismatch
from evidence_lib.endpoints.estimand.binary import Binary, binary
from evidence_lib.endpoints.estimand.event_times import TimeToEvent, time_to_event
from evidence_lib.endpoints.estimand.families import apply_family, tested_in, testing_note
from evidence_lib.endpoints.estimand.family_reading import Family, Hypothesis, read_families
from evidence_lib.endpoints.estimand.model import Estimand, IntercurrentEvent
from evidence_lib.endpoints.estimand.principal_stratum import principal_stratum_effect
from evidence_lib.endpoints.estimand.reading import read_estimand
from evidence_lib.endpoints.estimand.visits import Visits, visits

__all__ = [
    "Binary",
    "Estimand",
    "Family",
    "Hypothesis",
    "IntercurrentEvent",
    "TimeToEvent",
    "Visits",
    "allowed_analyses",
    "apply_family",
    "binary",
    "principal_stratum_effect",
    "read_estimand",
    "read_families",
    "refuse_mismatch",
    "tested_in",
    "testing_note",
    "time_to_event",
    "visits",
]
