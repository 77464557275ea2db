"""``tipping_point``: by how much imputed values must be worse for the conclusion to change."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.inputs import checked_level, choice
from evidence_lib.statistics.means.multiple_imputation.analysis import Ancova
from evidence_lib.statistics.means.multiple_imputation.imputation import (
    Imputed,
    Shifted,
    checked_number,
    require_imputed,
    shifts,
)
from evidence_lib.statistics.means.multiple_imputation.pooling import Pooled
from evidence_lib.statistics.means.multiple_imputation.reporting import UNIT, caution, groups, pool, procedure
from evidence_lib.statistics.not_estimable import NotEstimable

COLUMNS = (
    "visit",
    "delta_treatment",
    "delta_reference",
    "estimate",
    "std_error",
    "conf_low",
    "conf_high",
    "df",
    "p_value",
    "conclusion",
)
BISECTIONS = 60


@dataclass(frozen=True, kw_only=True)
class TippingPoint:
    """The scan of ``tipping_point``, one row per visit and pair of deltas, and per visit the delta that tips."""

    table: pd.DataFrame
    delta: Estimates


def tipping_point(
    imputed: Imputed,
    *,
    deltas: Sequence[float],
    reference_deltas: Sequence[float] = (0.0,),
    shifted: Shifted = "after-event",
    conf_level: float = 0.95,
) -> TippingPoint:
    """By how much the imputed values of the treated arm must be worse for the conclusion to change.

    Each pair of a treated arm's and a reference arm's delta is added to the values of that arm that were imputed after
    the event, or to all that were imputed (``shifted``; Cro et al. 2020, Stat Med 39:2815), with the growth that
    ``impute`` was given; each completed data set is analysed and pooled anew, as in ``multiple_imputation``. The
    conclusion is read from the confidence limits of
    treated minus reference: ``treated higher`` where both are above 0, ``treated lower`` where both are below,
    ``not shown`` otherwise. The analysis ``imputation.tipping_point``, in units of the outcome, is the treated arm's
    delta nearest to 0 at which the conclusion is no longer that without delta, the reference arm's being 0: found
    between the neighbouring ``deltas`` between which it first changes, to the last digits by bisection.

    Misreading: it is no estimate of what happened to those who left. It is the size of the departure that would undo
    the conclusion; whether such a one is plausible is a clinical judgement, to be made before the number is seen.

    Parameters
    ----------
    imputed : Imputed
        From ``impute`` without delta.
    deltas : sequence of numbers
        What is added in the treated arm, in units of the outcome.
    reference_deltas : sequence of numbers
        What is added in the reference arm.
    shifted : {"after-event", "missing"}
        Which imputed values are shifted: those after the event, or every one.
    conf_level : float
        Level of the two-sided confidence intervals that the conclusion is read from.

    Returns
    -------
    TippingPoint
        ``table``, a DataFrame with ``visit``, ``delta_treatment``, ``delta_reference``, ``estimate``, ``std_error``,
        ``conf_low``, ``conf_high``, ``df``, ``p_value`` and ``conclusion``; without rows where nothing is estimable.
        ``delta``, the ``imputation.tipping_point`` of each visit: status ``not_estimable`` where the conclusion is the
        same at all ``deltas``, and as ``multiple_imputation``.

    Raises
    ------
    InvalidInput
        For anything but the result of ``impute``, or one that has a delta already; for deltas that are not numbers, or
        none.
    """
    require_imputed(imputed)
    level = checked_level(conf_level)
    choice(shifted, Shifted, "shifted")
    if imputed.delta:
        raise InvalidInput("the completed data sets have a delta already", expected="impute without delta")
    rows, columns = checked_deltas(deltas, "deltas"), checked_deltas(reference_deltas, "reference_deltas")
    table: list[dict[str, Any]] = []
    found = []
    for place in range(len(imputed.visits)):
        facts: dict[str, Any] = {
            "analysis": "imputation.tipping_point",
            "unit": UNIT,
            "groups": {"treatment": imputed.treatment, "reference": imputed.reference, **groups(imputed, place)},
            "method": message(
                "imputation_statistics.method.tipping_point",
                low=rows[0],
                high=rows[-1],
                level=level,
                whom=whom(shifted),
                procedure=procedure(imputed, imputed.at[place]),
                caution=caution(imputed, place),
            ),
        }
        try:
            scan = Scan(imputed, place, level, shifted)
        except NotEstimable as gap:
            found.append(Estimate(**facts, status="not_estimable", reason=gap.reason))
            continue
        for treated in rows:
            for reference in columns:
                answer = scan.at(treated, reference)
                table.append(
                    {
                        "visit": facts["groups"]["visit"],
                        "delta_treatment": treated,
                        "delta_reference": reference,
                        **{name: getattr(answer, name) for name in COLUMNS[3:-1]},
                        "conclusion": conclusion(answer),
                    }
                )
        tipped = scan.tips(rows)
        if tipped is None:
            reason = message("imputation_statistics.reason.never_tips", low=rows[0], high=rows[-1])
            found.append(Estimate(**facts, status="not_estimable", reason=reason))
        else:
            found.append(Estimate(**facts, estimate=tipped))
    return TippingPoint(table=pd.DataFrame(table, columns=list(COLUMNS)), delta=Estimates(tuple(found)))


class Scan:
    """The pooled contrast of one visit as a function of the deltas. Raises NotEstimable."""

    def __init__(self, imputed: Imputed, place: int, level: float, shifted: Shifted) -> None:
        if imputed.values is None:
            raise NotEstimable(imputed.reason or message("imputation_statistics.reason.no_variance"))
        self.level, self.analysis = level, Ancova(imputed.trial)
        self.values = imputed.values[:, :, place]
        arms = imputed.trial.arms
        self.weights = np.array([float(name == imputed.treatment) - float(name == imputed.reference) for name in arms])
        self.per_unit = [
            shifts(imputed, {arm: 1.0}, shifted=shifted)[:, place] / imputed.trial.scale
            for arm in (imputed.treatment, imputed.reference)
        ]

    def at(self, treated: float, reference: float) -> Pooled:
        """The contrast with these deltas added."""
        moved = self.values + treated * self.per_unit[0] + reference * self.per_unit[1]
        return pool(self.analysis.analyse(moved, self.weights), self.level)

    def tips(self, deltas: list[float]) -> float | None:
        """The delta nearest to 0 whose conclusion is not that of 0; None where there is none among the deltas."""
        unmoved = conclusion(self.at(0.0, 0.0))
        crossings = []
        for side in ([0.0, *(d for d in deltas if d > 0)], [0.0, *(d for d in reversed(deltas) if d < 0)]):
            for same, other in zip(side, side[1:], strict=False):
                if conclusion(self.at(other, 0.0)) != unmoved:
                    crossings.append(self._between(same, other, unmoved))
                    break
        return min(crossings, key=abs, default=None)

    def _between(self, same: float, other: float, unmoved: str) -> float:
        for _ in range(BISECTIONS):
            middle = (same + other) / 2
            if conclusion(self.at(middle, 0.0)) == unmoved:
                same = middle
            else:
                other = middle
        return other


def whom(shifted: Shifted) -> Message:
    """Which imputed values are shifted, as a part of a method's sentence."""
    return message(f"imputation_statistics.shifted.{shifted}")


def conclusion(answer: Pooled) -> str:
    """What the confidence limits say of the sign of the difference."""
    if answer.conf_low is not None and answer.conf_low > 0:
        return "treated higher"
    return "treated lower" if answer.conf_high is not None and answer.conf_high < 0 else "not shown"


def checked_deltas(values: Sequence[float], name: str) -> list[float]:
    """Each delta once, in order. Raises InvalidInput for anything but numbers."""
    if isinstance(values, str) or not isinstance(values, Sequence | np.ndarray) or len(values) == 0:
        raise InvalidInput(f"{name} holds no numbers", expected="a sequence of numbers", found=repr(values))
    return sorted({checked_number(value, name) for value in values})
