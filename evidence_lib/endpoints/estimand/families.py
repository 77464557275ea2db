"""Families of endpoints: p-values adjusted by the declared procedure, and where a report is tested."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.endpoints.estimand.family_reading import Family, Hypothesis
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.multiplicity import adjust, graphical


def apply_family(family: Family, p_values: Mapping[str, Estimate | float | None]) -> tuple[Estimate, ...]:
    """The adjusted p-value of each hypothesis of a family, by the procedure that the study declares.

    ``statistics.multiplicity``: ``adjust`` or ``graphical``. A hypothesis is rejected where its adjusted p-value is at
    most ``family.alpha``; any false rejection in the family has a chance of at most that.

    Misreading: two-sided p-values say nothing of direction: a rejected hypothesis may favour the reference arm. A
    hypothesis that is not rejected is not shown to be true.

    Parameters
    ----------
    family : Family
        From ``read_families``.
    p_values : mapping of hypothesis to Estimate, number or None
        The two-sided p-value of every hypothesis, as the estimate that holds it or as a number. None, and an estimate
        without a p-value, is a hypothesis that could not be tested: it cannot be rejected, but counts.

    Returns
    -------
    tuple of Estimate
        Confirmatory, in the order of the family, with the group ``hypothesis``.

    Raises
    ------
    InvalidInput
        For hypotheses that are not those of the family, p-values outside 0 to 1, one-sided ones, and ones that have
        been adjusted before.
    """
    if not isinstance(family, Family):
        raise InvalidInput("not a family", expected="one of read_families", found=type(family).__name__)
    names = [hypothesis.id for hypothesis in family.hypotheses]
    if not isinstance(p_values, Mapping) or set(p_values) != set(names):
        found = ", ".join(map(str, p_values)) if isinstance(p_values, Mapping) else type(p_values).__name__
        raise InvalidInput(
            "p-values are not those of the family",
            where=family.id,
            expected=f"one of each of {', '.join(names)}",
            found=found,
        )
    frame = pd.DataFrame({"hypothesis": names, "p_value": [_p_value(name, p_values[name]) for name in names]})
    if family.method == "graphical":
        weights = [hypothesis.weight for hypothesis in family.hypotheses]
        made = graphical(frame, weights=np.array(weights, float), transitions=family.transitions, alpha=family.alpha)
    else:
        made = adjust(frame, method=family.method, alpha=family.alpha)
    return made.adjusted.items


def tested_in(families: Sequence[Family], report: str) -> tuple[Family, Hypothesis] | None:
    """The family and hypothesis that a report tests.

    Parameters
    ----------
    families : sequence of Family
        From ``read_families``.
    report : str
        The id of a report.

    Returns
    -------
    tuple of Family and Hypothesis, or None
        None for a report that is not formally tested.
    """
    for family in families:
        for hypothesis in family.hypotheses:
            if hypothesis.report == report:
                return family, hypothesis
    return None


def testing_note(families: Sequence[Family], report: str) -> Message:
    """What a page says of a report's p-value: the family in which it is tested, or that it is not formally tested.

    Parameters
    ----------
    families : sequence of Family
        From ``read_families``.
    report : str
        The id of a report.

    Returns
    -------
    Message
        One sentence.
    """
    found = tested_in(families, report)
    if found is None:
        return message("estimand_endpoints.family.not_tested")
    family, hypothesis = found
    return message(
        "estimand_endpoints.family.tested",
        hypothesis=hypothesis.id,
        family=family.id,
        method=message(f"estimand_endpoints.family.method.{family.method}"),
        number=len(family.hypotheses),
        alpha=f"{family.alpha:g}",
    )


def _p_value(name: str, value: Any) -> float:
    if value is None:
        return math.nan
    if isinstance(value, Estimate):
        if value.p_kind == "confirmatory":
            raise InvalidInput("a p-value that has been adjusted before", where=name, found=value.analysis)
        if value.alternative != "two-sided":
            raise InvalidInput("a one-sided p-value", where=name, expected="two-sided", found=value.alternative)
        return math.nan if value.p_value is None or value.status != "ok" else value.p_value
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not 0 <= value <= 1:
        raise InvalidInput(
            "a p-value cannot be used", where=name, expected="0 to 1, an Estimate, or None", found=repr(value)
        )
    return float(value)
