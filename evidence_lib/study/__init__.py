"""The study file: its model, strict YAML, and the one list of report parameters."""

from evidence_lib.study.checking import check_parameters, days_of
from evidence_lib.study.declared import declared_parameters
from evidence_lib.study.loading import find_study_file, load_study, require_supported, resolve
from evidence_lib.study.model import Report, Study
from evidence_lib.study.parameters import PARAMETERS

__all__ = [
    "PARAMETERS",
    "Report",
    "Study",
    "check_parameters",
    "days_of",
    "declared_parameters",
    "find_study_file",
    "load_study",
    "require_supported",
    "resolve",
]
