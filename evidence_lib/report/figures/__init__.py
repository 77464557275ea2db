"""Figures for readers: each takes results and gives a drawing, a sentence that stands for it, and its data."""

from evidence_lib.report.figures.flow import consort_flow
from evidence_lib.report.figures.forest import forest
from evidence_lib.report.figures.kaplan_meier import kaplan_meier
from evidence_lib.report.figures.proportional_hazards import proportional_hazards

__all__ = ["consort_flow", "forest", "kaplan_meier", "proportional_hazards"]
