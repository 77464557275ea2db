"""Independent recount of safety results: sets of subjects and plain loops instead of grouped frames.

Arguments are those that the statistic has accepted already and are not checked again.
"""

from evidence_lib.recalculation.safety.adverse_events import incidence

__all__ = ["SOURCE", "TOLERANCE", "incidence"]

SOURCE: dict[str, str] = {"incidence": "plain loops over the records with a set of subjects per level"}
TOLERANCE: dict[str, float] = {"incidence": 1e-12}
