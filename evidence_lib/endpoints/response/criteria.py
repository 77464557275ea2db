"""The numbers that divide response, stable disease and progression."""

from __future__ import annotations

import math
from dataclasses import dataclass, fields

from evidence_lib.errors import InvalidInput
from evidence_lib.study.checking import described


@dataclass(frozen=True, kw_only=True)
class Criteria:
    """Limits for target lesions; percentages of sums of diameters, lengths in millimetres.

    ``partial_percent``: decrease from baseline that is PR. ``progression_percent`` and ``progression_mm``: increase
    from the smallest sum so far that is PD; both must be reached. ``node_mm``: short axis below which a lymph node is
    normal. ``too_small_mm``: the diameter of a lesion that is seen and too small to measure.
    """

    partial_percent: float = 30.0
    progression_percent: float = 20.0
    progression_mm: float = 5.0
    node_mm: float = 10.0
    too_small_mm: float = 5.0

    def __post_init__(self) -> None:
        for field in fields(self):
            value = getattr(self, field.name)
            number = isinstance(value, int | float) and not isinstance(value, bool)
            if not number or not math.isfinite(value) or value < 0:
                raise InvalidInput(
                    f"{field.name} cannot be used", expected="a number of 0 or more", found=described(value)
                )


# Eisenhauer et al. 2009, sections 4.3.1 and 4.3.2.
RECIST_1_1 = Criteria()
# Lencioni and Llovet, Seminars in Liver Disease 2010;30:52-60: no smallest increase in millimetres.
MRECIST = Criteria(progression_mm=0.0)


def checked_criteria(criteria: Criteria) -> Criteria:
    """The criteria. Raises InvalidInput for anything else."""
    if not isinstance(criteria, Criteria):
        raise InvalidInput("criteria cannot be used", expected="Criteria", found=described(criteria))
    return criteria
