"""Parametric survival models: distributions, splines and cure models, fitted side by side and extrapolated."""

from evidence_lib.statistics.survival.parametric.background import Background, background
from evidence_lib.statistics.survival.parametric.fitting import ParametricModels, parametric_models
from evidence_lib.statistics.survival.parametric.model import ParametricModel

__all__ = ["Background", "ParametricModel", "ParametricModels", "background", "parametric_models"]
