"""``read_families``: the families of endpoints of a study file, or why they are none."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

from evidence_lib.errors import StudyError
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
