"""Subgroups as configuration: columns that a study file derives from others by cuts, levels or a clinical scale."""

from evidence_lib.endpoints.classification.definitions import Derived, parse_definitions
from evidence_lib.endpoints.classification.deriving import derive
from evidence_lib.endpoints.classification.presets import preset, preset_names
from evidence_lib.endpoints.classification.scales import SCALES

__all__ = ["SCALES", "Derived", "derive", "parse_definitions", "preset", "preset_names"]
