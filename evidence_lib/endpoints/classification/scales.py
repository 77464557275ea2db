"""The clinical scales that a study file can name: their inputs, units, options and grades."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from evidence_lib.endpoints.liver.function import (
    ALBI_GRADES,
    CHILD_PUGH_CLASSES,
    MALBI_GRADES,
    albi_grade,
    child_pugh_class,
)
from evidence_lib.endpoints.liver.stages import BCLC_STAGES, CNLC_STAGES, bclc_stage, cnlc_stage
from evidence_lib.endpoints.lung import TNM_STAGES, tnm_stage

_BILIRUBIN, _ALBUMIN, _CLOTTING = ("umol/L", "mg/dL"), ("g/L", "g/dL"), ("INR", "seconds above control")
_TUMOUR = (
    "tumours",
    "largest",
    "vascular_invasion",
    "extrahepatic_spread",
    "child_pugh",
    "performance_status",
)


@dataclass(frozen=True, kw_only=True)
class Scale:
    """A scale: ``units`` gives for an input its keyword and the units it may have, ``options`` the other keywords.

    An option's values are listed; a name in ``required`` must be given. None stands for any value, which the function
    checks.
    """

    function: Callable[..., pd.Series]
    grades: tuple[str, ...]
    inputs: tuple[str, ...]
    optional_inputs: tuple[str, ...] = ()
    units: Mapping[str, tuple[str, tuple[str, ...]]] = field(default_factory=dict)
    options: Mapping[str, tuple[Any, ...] | None] = field(default_factory=dict)
    required: tuple[str, ...] = ()


_SIZE = {"largest": ("size_unit", ("cm", "mm"))}
_LIVER = {"bilirubin": ("bilirubin_unit", _BILIRUBIN), "albumin": ("albumin_unit", _ALBUMIN)}
SCALES: dict[str, Scale] = {
    "albi_grade": Scale(
        function=albi_grade,
        grades=ALBI_GRADES,
        inputs=("bilirubin", "albumin"),
        units=_LIVER,
        options={"modified": (True, False)},
    ),
    "child_pugh_class": Scale(
        function=child_pugh_class,
        grades=CHILD_PUGH_CLASSES,
        inputs=("bilirubin", "albumin", "clotting", "ascites", "encephalopathy"),
        units={**_LIVER, "clotting": ("clotting_unit", _CLOTTING)},
        options={"bilirubin_cuts": None},
    ),
    "bclc_stage": Scale(
        function=bclc_stage,
        grades=BCLC_STAGES,
        inputs=_TUMOUR,
        optional_inputs=("transplant_candidate",),
        units=_SIZE,
    ),
    "cnlc_stage": Scale(function=cnlc_stage, grades=CNLC_STAGES, inputs=_TUMOUR, units=_SIZE),
    "tnm_stage": Scale(
        function=tnm_stage,
        grades=TNM_STAGES,
        inputs=("tumour", "nodes", "metastasis"),
        options={"edition": (8, 9), "unstaged": ("refuse", "missing")},
        required=("edition",),
    ),
}


def grades(name: str, options: dict[str, Any]) -> tuple[str, ...]:
    """The grades of a scale with these options, in order."""
    return MALBI_GRADES if name == "albi_grade" and options.get("modified") else SCALES[name].grades
