"""Families of endpoints: hypotheses tested together, and their p-values adjusted by the declared procedure."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from evidence_lib.errors import InvalidInput, StudyError
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.multiplicity import adjust, graphical
from evidence_lib.study.checking import described, suggestion

Method = Literal["fixed-sequence", "holm", "hochberg", "bonferroni", "graphical"]
FAMILY_PARTS = ("id", "alpha", "method", "hypotheses", "transitions")
HYPOTHESIS_PARTS = ("id", "report", "weight")
# Shares are written as 0.33 and the like.
ROUNDING = 1e-9


@dataclass(frozen=True, kw_only=True)
class Hypothesis:
    """The primary test of one report, and its share of the family's alpha (None where the method gives it)."""

    id: str
    report: str
    weight: float | None = None


@dataclass(frozen=True, kw_only=True)
class Family:
    """Hypotheses whose error is controlled together, in the order in which they are tested."""

    id: str
    alpha: float
    method: Method
    hypotheses: tuple[Hypothesis, ...]
    transitions: tuple[tuple[float, ...], ...] = ()


def read_families(
    content: Sequence[Mapping[str, Any]], *, alpha: float = 0.05, reports: Collection[str] | None = None
) -> tuple[Family, ...]:
    """The families of a study file.

    The families share the error of the study: their alphas sum to ``alpha`` at most (Bonferroni between families).
    Every hypothesis is the test of one report, and a report tests one hypothesis of one family.

    Misreading: an endpoint outside every family may be reported, but its p-value confirms nothing.

    Parameters
    ----------
    content : sequence of mappings
        ``id``, ``alpha`` (0.05), ``method``, ``hypotheses`` (a list of ``id``, ``report``, ``weight``) and for
        "graphical" ``transitions`` (a row of shares per hypothesis). Weights belong to "graphical", sum to 1 at most,
        and split alpha; elsewhere the method gives them, and those that are stated must be its own: equal for
        "bonferroni", "holm" and "hochberg"; 1 for the first and 0 for the others of a "fixed-sequence".
    alpha : float
        The two-sided error of the study.
    reports : collection of str, optional
        The reports there are.

    Returns
    -------
    tuple of Family
        In the order given.

    Raises
    ------
    StudyError
        For unknown keys, methods and reports (a near one is suggested), ids that stand twice, weights and transitions
        that do not fit, and alphas that sum to more than that of the study.
    """
    if isinstance(content, str | Mapping) or not isinstance(content, Sequence):
        raise StudyError("not a list of families", where="endpoint_families", found=described(content))
    families = tuple(_family(value, f"endpoint_families[{place}]") for place, value in enumerate(content))
    _require_once("family", [family.id for family in families])
    hypotheses = [hypothesis for family in families for hypothesis in family.hypotheses]
    _require_once("hypothesis", [hypothesis.id for hypothesis in hypotheses])
    _require_once("report", [hypothesis.report for hypothesis in hypotheses])
    for hypothesis in hypotheses:
        if reports is not None and hypothesis.report not in reports:
            raise StudyError(
                "a hypothesis of a report that is not there",
                where=f"endpoint_families ({hypothesis.id})",
                expected=", ".join(list(reports)[:10]),
                found=described(hypothesis.report),
                mend=suggestion(hypothesis.report, reports),
            )
    total = math.fsum(family.alpha for family in families)
    if total > alpha + ROUNDING:
        raise StudyError(
            "the families spend more than the alpha of the study",
            where="endpoint_families",
            expected=f"alphas that sum to {alpha:g} at most",
            found=f"{total:g}",
        )
    return families


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
    """The family and hypothesis that a report tests; None where it is not formally tested."""
    for family in families:
        for hypothesis in family.hypotheses:
            if hypothesis.report == report:
                return family, hypothesis
    return None


def testing_note(families: Sequence[Family], report: str) -> Message:
    """What a page says of a report's p-value: the family in which it is tested, or that it is not formally tested."""
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


def _known(value: Any, parts: Sequence[str], where: str) -> dict[str, Any]:
    if not isinstance(value, Mapping):
        raise StudyError("not a mapping", where=where, expected=", ".join(parts), found=described(value))
    for name in value:
        if name not in parts:
            raise StudyError(
                "unknown key", where=where, expected=", ".join(parts), found=described(name),
                mend=suggestion(str(name), parts),
            )  # fmt: skip
    return {name: part for name, part in value.items() if part is not None}


def _family(value: Any, where: str) -> Family:
    given = _known(value, FAMILY_PARTS, where)
    method: Any = given.get("method")
    if method not in get_args(Method):
        raise StudyError(
            "not a method",
            where=f"{where}.method",
            expected=" or ".join(get_args(Method)),
            found=described(method),
            mend=suggestion(str(method), get_args(Method)),
        )
    listed = given.get("hypotheses")
    if isinstance(listed, str) or not isinstance(listed, Sequence) or not listed:
        raise StudyError(
            "not a list of hypotheses",
            where=f"{where}.hypotheses",
            expected="one or more, each with id and report",
            found=described(listed),
        )
    hypotheses = tuple(_hypothesis(one, f"{where}.hypotheses[{place}]") for place, one in enumerate(listed))
    alpha = given.get("alpha", 0.05)
    if not _is_number(alpha) or not 0 < alpha < 0.5:
        raise StudyError("not an alpha", where=f"{where}.alpha", expected="above 0, below 0.5", found=described(alpha))
    weights = [hypothesis.weight for hypothesis in hypotheses]
    if method == "graphical":
        _require_graph_weights(weights, where)
    else:
        _require_own_weights(method, weights, where)
    return Family(
        id=_id(given, where),
        alpha=float(alpha),
        method=method,
        hypotheses=hypotheses,
        transitions=_transitions(given.get("transitions"), method, len(hypotheses), f"{where}.transitions"),
    )


def _hypothesis(value: Any, where: str) -> Hypothesis:
    given = _known(value, HYPOTHESIS_PARTS, where)
    report, weight = given.get("report"), given.get("weight")
    if not isinstance(report, str) or not report:
        raise StudyError("a hypothesis needs its report", where=where, expected="the id", found=described(report))
    if weight is not None and (not _is_number(weight) or not 0 <= weight <= 1):
        raise StudyError("not a weight", where=f"{where}.weight", expected="0 to 1", found=described(weight))
    return Hypothesis(id=_id(given, where), report=report, weight=None if weight is None else float(weight))


def _id(given: Mapping[str, Any], where: str) -> str:
    found = given.get("id")
    if not isinstance(found, str) or not found:
        raise StudyError("the key id is missing", where=where, expected="a short name", found=described(found))
    return found


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _require_once(what: str, ids: Sequence[str]) -> None:
    for place, name in enumerate(ids):
        if name in ids[:place]:
            raise StudyError(
                f"a {what} stands twice", where="endpoint_families", expected="each once", found=described(name)
            )


def _require_graph_weights(weights: Sequence[float | None], where: str) -> None:
    given = [weight for weight in weights if weight is not None]
    if len(given) < len(weights):
        raise StudyError("a graphical procedure needs every weight", where=f"{where}.hypotheses", expected="weight")
    if math.fsum(given) > 1 + ROUNDING:
        raise StudyError(
            "weights spend more than alpha",
            where=f"{where}.hypotheses",
            expected="at most 1 in sum",
            found=f"{math.fsum(given):g}",
        )


def _require_own_weights(method: str, weights: Sequence[float | None], where: str) -> None:
    """The weights that a method has by itself may be stated; others ask for another procedure."""
    m = len(weights)
    own = [1.0 if place == 0 else 0.0 for place in range(m)] if method == "fixed-sequence" else [1 / m] * m
    for given, right in zip(weights, own, strict=True):
        if given is not None and abs(given - right) > 0.01 / m:
            raise StudyError(
                f"weights that {method} does not have",
                where=f"{where}.hypotheses",
                expected=f"none, or {', '.join(f'{one:.4g}' for one in own)}",
                found=", ".join("none" if one is None else f"{one:g}" for one in weights),
                mend="other weights are a graphical procedure: method: graphical, with transitions",
            )


def _transitions(value: Any, method: str, m: int, where: str) -> tuple[tuple[float, ...], ...]:
    if method != "graphical":
        if value:
            raise StudyError("transitions belong to the graphical procedure", where=where, found=f"method {method}")
        return ()
    rows = value if isinstance(value, Sequence) and not isinstance(value, str) else []
    if len(rows) != m or any(isinstance(row, str) or not isinstance(row, Sequence) or len(row) != m for row in rows):
        raise StudyError("transitions do not fit the hypotheses", where=where, expected=f"{m} rows of {m} shares each")
    for place, row in enumerate(rows):
        good = all(_is_number(share) and 0 <= share <= 1 for share in row)
        if not good or row[place] != 0 or math.fsum(row) > 1 + ROUNDING:
            raise StudyError(
                "a row of transitions cannot be used",
                where=f"{where}[{place}]",
                expected="shares of 0 to 1 that sum to 1 at most, and 0 to itself",
            )
    return tuple(tuple(float(share) for share in row) for row in rows)
