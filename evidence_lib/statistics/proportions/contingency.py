"""Counts by stratum, arm and outcome, and what tests of association share."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evidence_lib.conventions import Convention
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Counts, crossed
from evidence_lib.statistics.proportions.inputs import codes, frequencies


@dataclass(frozen=True)
class Contingency:
    """Counts by stratum, arm and outcome, and the outcomes' labels."""

    cells: Counts
    outcomes: NDArray[np.object_]

    @property
    def n(self) -> int:
        """Patients."""
        return int(self.cells.sum())

    @property
    def arms(self) -> int:
        """Arms with patients."""
        return int((self.cells.sum(axis=(0, 2)) > 0).sum())

    @property
    def strata(self) -> int:
        """Strata with patients."""
        return int((self.cells.sum(axis=(1, 2)) > 0).sum())

    def informative(self) -> NDArray[np.bool_]:
        """The strata with two arms and two outcomes."""
        arms, outcomes = self.cells.sum(axis=2) > 0, self.cells.sum(axis=1) > 0
        return (arms.sum(axis=1) > 1) & (outcomes.sum(axis=1) > 1)


def contingency(
    event: ArrayLike,
    group: ArrayLike,
    treatment: str | float | None,
    reference: str | float | None,
    count: ArrayLike | None,
    strata: Any,
) -> Contingency:
    """The counts of checked rows; both of treatment and reference, or neither. Raises InvalidInput."""
    if (treatment is None) != (reference is None):
        raise InvalidInput("one of treatment and reference is missing", expected="both, or neither")
    if treatment is not None and treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    outcome, outcomes = codes(event, "event")
    arm, arms = codes(group, "group", outcome.size)
    weight = frequencies(count, outcome.size)
    stratum, _ = crossed(strata, outcome.size)
    kept = weight > 0
    if treatment is not None:
        kept &= np.isin(arm, np.flatnonzero([label in (treatment, reference) for label in arms]))
    shape = (int(stratum.max(initial=0)) + 1, len(arms), len(outcomes))
    place = np.ravel_multi_index((stratum[kept], arm[kept], outcome[kept]), shape) if kept.any() else stratum[:0]
    cells = np.bincount(place, weights=weight[kept], minlength=math.prod(shape)).astype(np.int64).reshape(shape)
    # Levels that only left-out rows have would count as categories without patients.
    seen = cells.sum(axis=(0, 1)) > 0
    return Contingency(cells[:, cells.sum(axis=(0, 2)) > 0][:, :, seen], outcomes[seen])


def shared_by(
    analysis: str, unit: str, found: Contingency, treatment: str | float | None, reference: str | float | None
) -> dict[str, Any]:
    """The fields that all tests have."""
    return {
        "analysis": analysis,
        "unit": unit,
        "groups": {} if treatment is None else {"treatment": treatment, "reference": reference},
        "n": found.n,
        "is_test": True,
    }


def corrected_by(correction: bool | None, convention: Convention, found: Contingency, *, ordered: bool = False) -> bool:
    """Whether the continuity correction is made. Raises InvalidInput where one is asked for that does not exist."""
    small = max(found.cells.shape[1:]) <= 2 and not ordered
    if correction and not small:
        raise InvalidInput("there is no continuity correction here", expected="two arms and two outcomes")
    return small and (convention.continuity_correction if correction is None else bool(correction))


def correction_text(corrected: bool) -> Message:
    """The part of ``method`` that says whether the continuity correction is made."""
    return message(f"proportions_statistics.correction.{'yes' if corrected else 'no'}")
