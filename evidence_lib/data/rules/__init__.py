"""What well-made ADaM data keep to, as functions from a data set to findings."""

from evidence_lib.data.rules.defined import DEFINE_RULES
from evidence_lib.data.rules.material import DataSet, Rule
from evidence_lib.data.rules.occurrences import OCCURRENCE_RULES
from evidence_lib.data.rules.order import DATE_RULES
from evidence_lib.data.rules.parameters import PARAMETER_RULES
from evidence_lib.data.rules.records import RECORD_RULES
from evidence_lib.data.rules.time_to_event import TIME_TO_EVENT_RULES

__all__ = [
    "DATE_RULES",
    "DEFINE_RULES",
    "OCCURRENCE_RULES",
    "PARAMETER_RULES",
    "RECORD_RULES",
    "TIME_TO_EVENT_RULES",
    "DataSet",
    "Rule",
]
