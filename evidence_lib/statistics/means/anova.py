"""Analysis of variance: F tests of the factors of a linear model."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import combinations
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.distributions import f_p
from evidence_lib.statistics.inputs import Floats, choice, labelled
from evidence_lib.statistics.means.inputs import measured
from evidence_lib.statistics.means.linear_model import centred, least_squares, orthonormal
from evidence_lib.statistics.not_estimable import NotEstimable

SumOfSquares = Literal["III", "II", "I"]
GROUP = "group"


def anova(
    outcome: ArrayLike,
    group: ArrayLike,
    *,
    factors: pd.DataFrame | None = None,
    interactions: Sequence[Sequence[str]] = (),
    sum_of_squares: SumOfSquares = "III",
) -> Estimates:
    """Analysis of variance of an outcome: an F test for the arms, and for each further factor and interaction.

    F = (SS / df) / (residual SS / residual df). SS is what the term takes from the residual sum of squares of the model
    with all other terms, factors being coded to sum to zero (``III``, as SAS); of that with all terms that do not
    contain it (``II``); or of that with the terms before it, in the order group, factors, interactions (``I``, as R's
    ``anova``). See Searle 1971, Linear Models, chapters 7 and 8. With one factor, or equal numbers in all cells, the
    three are the same, and with one factor of two arms F is the square of the pooled t.

    Assumes independent patients, outcomes that are normal about the means of the cells, and one variance.

    Misreading: a small p-value says that the means are not all equal, not which of them differ nor by how much. In a
    randomised trial a p-value for a characteristic at baseline says nothing: the arms differ by chance.

    Parameters
    ----------
    outcome : array of n
        Numbers in any unit.
    group : array of n
        Arm labels, all of which enter; the term is called ``group``.
    factors : DataFrame of n rows, or None
        Further factors, one column each; numbers are categories too.
    interactions : sequence of sequences of str
        Each names two factors or more (``group`` among them, or columns): ``[("group", "site")]``. One of three needs
        the three of two beside it.
    sum_of_squares : str
        ``III``, ``II`` or ``I``.

    Returns
    -------
    Estimates
        One ``anova.test`` for each term, with ``groups["variable"]`` its name (``group``, ``site``, ``group:site``):
        ``test_statistic`` F, ``df`` of its numerator and ``p_value``; ``method`` says the df of the denominator; ``n``
        patients. Status ``not_estimable`` for all terms, naming one in the reason, where it has one level only or is a
        combination of the others, as an interaction with an empty cell is; where no degrees of freedom are left for
        the residuals; and where the outcome does not vary within the cells.

    Raises
    ------
    InvalidInput
        For a missing outcome, label or level, an unknown or repeated name, and a wrong choice.
    """
    data = measured(outcome)
    kind = choice(sum_of_squares, SumOfSquares, "sum_of_squares")
    terms = _terms(group, factors, interactions, data.values.size)
    shared: dict[str, Any] = {"analysis": "anova.test", "unit": "F", "is_test": True, "n": data.values.size}
    tests: list[dict[str, Any]]
    try:
        empty = [term.name for term in terms if term.columns.size == 0]
        if empty and data.values.size:
            raise NotEstimable(message("means_statistics.reason.constant", term=empty[0]))
        names = [term.name for term in terms for _ in range(term.columns.shape[1])]
        fit = least_squares(data.values, np.hstack([term.columns for term in terms]), names)
        deviation = fit.deviation
        if deviation is None:
            raise NotEstimable(fit.no_deviation)
        tests = [_test(data.values, terms, term, kind, deviation, fit.df) for term in terms]
    except NotEstimable as gap:
        tests = [{"method": _method(kind, terms, None), "status": "not_estimable", "reason": gap.reason}] * len(terms)
    return Estimates(
        tuple(
            Estimate(**shared, groups={"variable": term.name}, **test) for term, test in zip(terms, tests, strict=True)
        )
    )


@dataclass(frozen=True, eq=False)
class _Term:
    """A factor or an interaction of factors, and its columns (n, c) coded to sum to zero over the levels."""

    factors: tuple[str, ...]
    columns: Floats

    @property
    def name(self) -> str:
        return ":".join(self.factors)


def _terms(group: ArrayLike, factors: Any, interactions: Any, size: int) -> list[_Term]:
    columns: dict[str, Any] = {GROUP: group}
    if factors is not None:
        if not isinstance(factors, pd.DataFrame) or factors.shape[1] == 0 or len(factors) != size:
            raise InvalidInput(
                "factors do not fit the outcome",
                expected=f"a frame of {size} rows with a column or more",
                found=f"shape {np.shape(factors)}",
            )
        for name in factors.columns:
            if str(name) in columns:
                raise InvalidInput("a factor's name is taken", expected="each name once", found=str(name))
            columns[str(name)] = factors[name]
    coded = {name: _sum_to_zero(values, name, size) for name, values in columns.items()}
    terms = [_Term((name,), matrix) for name, matrix in coded.items()]
    for names in _checked(interactions, list(columns)):
        matrix = np.ones((size, 1))
        for name in names:
            matrix = (matrix[:, :, None] * coded[name][:, None, :]).reshape(size, -1)
        terms.append(_Term(names, matrix))
    return terms


def _sum_to_zero(values: ArrayLike, name: str, size: int) -> Floats:
    """A column per level but the last: 1 for the level, -1 for the last."""
    codes, levels = pd.factorize(labelled(values, name, size))
    return np.vstack([np.eye(max(len(levels) - 1, 0)), -np.ones((1, max(len(levels) - 1, 0)))])[codes]


def _checked(interactions: Any, names: list[str]) -> list[tuple[str, ...]]:
    """The interactions, each in the order of the factors, those of fewer factors first."""
    if isinstance(interactions, str) or not isinstance(interactions, Iterable):
        raise InvalidInput("interactions are not a list", expected='[("group", "site")]', found=repr(interactions))
    found: list[tuple[str, ...]] = []
    for one in interactions:
        known = not isinstance(one, str) and isinstance(one, Iterable) and list(one)
        if not known or len(set(known)) != len(known) or len(known) < 2 or not set(known) <= set(names):
            raise InvalidInput(
                "an interaction does not name factors", expected=f"two or more of {', '.join(names)}", found=repr(one)
            )
        found.append(tuple(sorted(known, key=names.index)))
    if len(set(found)) < len(found):
        raise InvalidInput("an interaction is given twice", expected="each once")
    for one in found:
        if any(part not in found for part in combinations(one, len(one) - 1) if len(part) > 1):
            raise InvalidInput("an interaction lacks those it contains", expected="these beside it", found=repr(one))
    return sorted(found, key=len)


def _test(y: Floats, terms: list[_Term], term: _Term, kind: str, deviation: float, df: int) -> dict[str, Any]:
    inside = set(term.factors)
    others = {
        "III": [other for other in terms if other is not term],
        "II": [other for other in terms if not inside <= set(other.factors)],
        "I": terms[: terms.index(term)],
    }[kind]
    columns = np.hstack([*(other.columns for other in others), term.columns])
    q, _ = orthonormal(centred(columns, [term.name] * columns.shape[1]).matrix, [term.name] * columns.shape[1])
    numerator = term.columns.shape[1]
    along = q[:, -numerator:].T @ (y - y.mean())
    root = math.sqrt(float(along @ along) / numerator) / deviation
    return {
        "method": _method(kind, terms, df),
        "test_statistic": root**2,
        "df": numerator,
        "p_value": f_p(root**2, numerator, df),
    }


def _method(kind: str, terms: list[_Term], df: int | None) -> Message:
    denominator = "" if df is None else message("means_statistics.part.denominator", df=df)
    return message(
        "means_statistics.method.anova", kind=kind, names=tuple(t.name for t in terms), denominator=denominator
    )
