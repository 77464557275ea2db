"""Independent recount of safety results: sets of subjects and plain loops instead of grouped frames.

Arguments are those that the statistic has accepted already and are not checked again.
"""

from evidence_lib.recalculation.safety.adverse_events import incidence
from evidence_lib.recalculation.safety.exposure import patient_years

__all__ = ["SOURCE", "TOLERANCE", "incidence", "patient_years"]

SOURCE: dict[str, str] = {
    "incidence": "plain loops over the records with a set of subjects per level",
    "patient_years": "a sum of exact fractions",
}
TOLERANCE: dict[str, float] = dict.fromkeys(SOURCE, 1e-12)
