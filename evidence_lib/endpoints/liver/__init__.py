"""Liver function (ALBI, Child-Pugh) and stages of hepatocellular carcinoma (BCLC, CNLC)."""

from evidence_lib.endpoints.liver.function import albi_grade, albi_score, child_pugh_class, child_pugh_points
from evidence_lib.endpoints.liver.stages import bclc_stage, cnlc_stage

__all__ = ["albi_grade", "albi_score", "bclc_stage", "child_pugh_class", "child_pugh_points", "cnlc_stage"]
