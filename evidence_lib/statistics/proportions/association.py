"""Tests of association between outcome and arm: Fisher's exact, chi-square, and Cochran-Mantel-Haenszel over strata."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.conventions import Convention, R
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import SMALLEST, chi_square_p
from evidence_lib.statistics.inputs import Counts, Floats, crossed, numbers
from evidence_lib.statistics.proportions.exact import exact_p
from evidence_lib.statistics.proportions.inputs import choice, codes, frequencies

Statistic = Literal["general-association", "row-means"]
Scores = Literal["table", "modified-ridit"]
# Eigenvalues of a covariance, scaled to a unit diagonal, below this are zero: their directions carry no information.
SINGULAR = 1e-9


def fisher_exact(
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float | None = None,
    reference: str | float | None = None,
    count: ArrayLike | None = None,
) -> Estimate:
    """Fisher's exact test that the outcome does not depend on the arm; outcomes and arms may be two or more.

    Given the totals of outcomes and of arms a table of cells n_ij has probability prod(n_i. !) prod(n_.j !) / (N! prod
    n_ij!) under independence. The two-sided p-value is the sum over all tables no more probable than the observed one,
    up to a relative 1e-7, as R's ``fisher.test`` (Fisher 1935; Freeman & Halton 1951, Biometrika 38:141). For tables
    larger than 2x2 the tables are followed column by column (Mehta & Patel 1983, J Am Stat Assoc 78:427).

    Misreading: it is conservative, so that a p-value above a level is weak evidence in small samples; it says nothing
    about the size of an effect, and the exact interval of an odds ratio need not agree with it.

    Parameters
    ----------
    event : array of n
        The outcome: 0 and 1, or labels of any number of categories.
    group : array of n
        Labels of arms.
    treatment, reference : str or float, or None
        Both or neither; only these two arms enter the test.
    count : array of n, or None
        How many patients each row stands for; None is one each.

    Returns
    -------
    Estimate
        ``fisher_exact`` with ``p_value`` and ``n``; 1 where all have the same outcome, as only one table is possible.
        Status ``not_estimable`` with fewer than two arms with patients, and where there are too many tables.

    Raises
    ------
    InvalidInput
        For missing labels, frequencies that are not whole numbers, one of treatment and reference alone.
    """
    found = _table(event, group, treatment, reference, count, None)
    shared = _shared("fisher_exact", "probability", found, treatment, reference)
    shared["method"] = message("proportions_statistics.method.fisher_exact")
    if found.arms < 2:
        reason = message("proportions_statistics.reason.one_arm")
        return Estimate(**shared, status="not_estimable", reason=reason)
    p = exact_p(found.cells[0])
    if p is None:
        reason = message("proportions_statistics.reason.too_many_tables")
        return Estimate(**shared, status="not_estimable", reason=reason)
    return Estimate(**shared, p_value=max(p, SMALLEST))


def chi_square(
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float | None = None,
    reference: str | float | None = None,
    count: ArrayLike | None = None,
    correction: bool | None = None,
    convention: Convention = R,
) -> Estimate:
    """Pearson's chi-square test that the outcome does not depend on the arm; outcomes and arms may be two or more.

    The sum of (O - E)^2 / E with E = row total x column total / N and (r - 1)(c - 1) degrees of freedom; outcomes and
    arms without patients do not count. Yates' correction of a 2x2 table lessens each |O - E| by 1/2, or to 0 where it
    is less, as R's ``chisq.test``.

    Misreading: where expected counts are below 5 the p-value is rough: use ``fisher_exact``. A large statistic in a
    large trial can belong to a small effect.

    Parameters
    ----------
    event : array of n
        The outcome: 0 and 1, or labels of any number of categories.
    group : array of n
        Labels of arms.
    treatment, reference : str or float, or None
        Both or neither; only these two arms enter the test.
    count : array of n, or None
        How many patients each row stands for; None is one each.
    correction : bool, or None
        Yates' correction, of 2x2 tables only; None takes the convention's.
    convention : Convention
        R corrects, SAS does not.

    Returns
    -------
    Estimate
        ``chi_square`` with ``test_statistic``, ``df``, ``p_value`` and ``n``. Status ``not_estimable`` with fewer than
        two arms with patients, or one outcome.

    Raises
    ------
    InvalidInput
        For missing labels, frequencies that are not whole numbers, one of treatment and reference alone, and a
        correction asked for a table that is larger than 2x2.
    """
    found = _table(event, group, treatment, reference, count, None)
    shared = _shared("chi_square", "chi-square", found, treatment, reference)
    corrected = _corrected(correction, convention, found)
    shared["method"] = message("proportions_statistics.method.chi_square", correction=_correction_text(corrected))
    cells = found.cells[0]
    cells = cells[cells.sum(axis=1) > 0][:, cells.sum(axis=0) > 0].astype(float)
    if min(cells.shape) < 2:
        why = "one_arm" if found.arms < 2 else "one_outcome"
        return Estimate(**shared, status="not_estimable", reason=message(f"proportions_statistics.reason.{why}"))
    expected = np.outer(cells.sum(axis=1), cells.sum(axis=0)) / cells.sum()
    distance = np.abs(cells - expected)
    if corrected:
        distance = distance - np.minimum(0.5, distance)
    statistic, df = float((distance**2 / expected).sum()), (cells.shape[0] - 1) * (cells.shape[1] - 1)
    return Estimate(**shared, test_statistic=statistic, df=df, p_value=chi_square_p(statistic, df))


def cmh_test(
    event: ArrayLike,
    group: ArrayLike,
    *,
    strata: ArrayLike | pd.DataFrame,
    treatment: str | float | None = None,
    reference: str | float | None = None,
    statistic: Statistic = "general-association",
    scores: Scores = "table",
    count: ArrayLike | None = None,
    correction: bool | None = None,
    convention: Convention = R,
) -> Estimate:
    """Cochran-Mantel-Haenszel test that, within every stratum, the outcome does not depend on the arm.

    Observed minus expected counts are summed over strata, with their covariances given the margins of each stratum
    (factor N / (N - 1) to independence), and Q = U' V^- U is chi-square (Mantel & Haenszel 1959, J Natl Cancer Inst
    22:719; Landis, Heyman & Koch 1978, Int Stat Rev 46:237). ``general-association`` compares all counts, df = (r -
    1)(c - 1); for 2x2xK it is (|sum(x1 - E)| - k)^2 / sum V with k = 1/2 where corrected and the sum is at least that,
    as R's ``mantelhaen.test``, else k = 0. ``row-means`` compares the arms' mean scores of an ordered outcome, df =
    arms - 1: with ``table`` scores the outcome's own numbers, with ``modified-ridit`` scores within each stratum the
    midrank / (N + 1), which is the van Elteren test.

    Misreading: it looks for a shift in the same direction in all strata: opposite effects can cancel, and a large
    p-value is not equality. It does not show that the effect is the same in each stratum.

    Parameters
    ----------
    event : array of n
        The outcome: 0 and 1, or labels of any number of categories; numbers for ``row-means``.
    group : array of n
        Labels of arms.
    strata : array of n labels, or DataFrame of n rows
        The columns of a frame are crossed. A stratum in which all patients are of one arm, or have one outcome,
        contributes nothing.
    treatment, reference : str or float, or None
        Both or neither; only these two arms enter the test.
    statistic : str
        As above.
    scores : str
        Of the outcome, for ``row-means``.
    count : array of n, or None
        How many patients each row stands for; None is one each.
    correction : bool, or None
        The continuity correction, of 2x2xK tables with ``general-association`` only; None takes the convention's.
    convention : Convention
        R corrects, SAS does not.

    Returns
    -------
    Estimate
        ``cmh.general_association`` or ``cmh.row_means`` with ``test_statistic``, ``df`` (the rank of V), ``p_value``
        and ``n``. Status ``not_estimable`` where no stratum contributes.

    Raises
    ------
    InvalidInput
        For missing labels, outcomes that are not numbers where scores are made of them, frequencies that are not whole
        numbers, one of treatment and reference alone, a wrong choice, modified-ridit scores of general association,
        and a correction asked for where there is none.
    """
    kind, scoring = choice(statistic, Statistic, "statistic"), choice(scores, Scores, "scores")
    ordered = kind == "row-means"
    if scoring != "table" and not ordered:
        raise InvalidInput("scores are for row-means", expected="statistic='row-means'", found=kind)
    values = numbers(event, "event") if ordered else None
    found = _table(event, group, treatment, reference, count, strata)
    shared = _shared(f"cmh.{kind.replace('-', '_')}", "chi-square", found, treatment, reference)
    informative = found.informative()
    corrected = _corrected(correction, convention, found, ordered=ordered)
    text: dict[str, Any] = {"used": int(informative.sum()), "total": found.strata}
    if ordered:
        text["scores"] = message(f"proportions_statistics.scores.{scoring}")
    else:
        text["correction"] = _correction_text(corrected)
    shared["method"] = message(f"proportions_statistics.method.cmh_{kind.replace('-', '_')}", **text)
    q, df = 0.0, 0
    if informative.any():
        tables = found.cells[informative].astype(float)
        contrast = _scores(tables, found.outcomes, scoring) if values is not None else None
        q, df = _mantel(tables, corrected) if _two_by_two(tables) and not ordered else _quadratic(tables, contrast)
    if df == 0:
        why = "one_arm" if found.arms < 2 else "no_informative_stratum"
        return Estimate(**shared, status="not_estimable", reason=message(f"proportions_statistics.reason.{why}"))
    return Estimate(**shared, test_statistic=q, df=df, p_value=chi_square_p(q, df))


@dataclass(frozen=True)
class _Table:
    """Counts by stratum, arm and outcome, and the outcomes' labels."""

    cells: Counts
    outcomes: NDArray[np.object_]

    @property
    def n(self) -> int:
        return int(self.cells.sum())

    @property
    def arms(self) -> int:
        return int((self.cells.sum(axis=(0, 2)) > 0).sum())

    @property
    def strata(self) -> int:
        return int((self.cells.sum(axis=(1, 2)) > 0).sum())

    def informative(self) -> NDArray[np.bool_]:
        """The strata with two arms and two outcomes."""
        arms, outcomes = self.cells.sum(axis=2) > 0, self.cells.sum(axis=1) > 0
        return (arms.sum(axis=1) > 1) & (outcomes.sum(axis=1) > 1)


def _table(
    event: ArrayLike,
    group: ArrayLike,
    treatment: str | float | None,
    reference: str | float | None,
    count: ArrayLike | None,
    strata: Any,
) -> _Table:
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
    return _Table(cells[:, cells.sum(axis=(0, 2)) > 0][:, :, seen], outcomes[seen])


def _shared(
    analysis: str, unit: str, found: _Table, treatment: str | float | None, reference: str | float | None
) -> dict[str, Any]:
    return {
        "analysis": analysis,
        "unit": unit,
        "groups": {} if treatment is None else {"treatment": treatment, "reference": reference},
        "n": found.n,
        "is_test": True,
    }


def _corrected(correction: bool | None, convention: Convention, found: _Table, *, ordered: bool = False) -> bool:
    """Whether the continuity correction is made. Raises InvalidInput where one is asked for that does not exist."""
    small = max(found.cells.shape[1:]) <= 2 and not ordered
    if correction and not small:
        raise InvalidInput("there is no continuity correction here", expected="two arms and two outcomes")
    return small and (convention.continuity_correction if correction is None else bool(correction))


def _correction_text(corrected: bool) -> Message:
    return message(f"proportions_statistics.correction.{'yes' if corrected else 'no'}")


def _two_by_two(tables: Floats) -> bool:
    return tables.shape[1:] == (2, 2)


def _mantel(tables: Floats, corrected: bool) -> tuple[float, int]:
    """The statistic of 2x2xK tables, of which each is informative."""
    n, arms, outcomes = tables.sum(axis=(1, 2)), tables.sum(axis=2), tables.sum(axis=1)
    distance = abs(float((tables[:, 0, 0] - arms[:, 0] * outcomes[:, 0] / n).sum()))
    variance = float((arms.prod(axis=1) * outcomes.prod(axis=1) / (n**2 * (n - 1))).sum())
    if corrected and distance >= 0.5:
        distance -= 0.5
    return distance**2 / variance, 1


def _scores(tables: Floats, outcomes: NDArray[np.object_], scoring: str) -> Floats:
    """The score of each outcome in each stratum."""
    values = outcomes.astype(float)
    if scoring == "table":
        return np.tile(values, (len(tables), 1))
    order = np.argsort(values)
    totals = tables.sum(axis=1)[:, order]
    midranks = np.cumsum(totals, axis=1) - totals + (totals + 1) / 2
    scores = np.empty_like(totals)
    scores[:, order] = midranks / (totals.sum(axis=1, keepdims=True) + 1)
    return scores


def _quadratic(tables: Floats, scores: Floats | None) -> tuple[float, int]:
    """U' V^- U and its rank: of all counts, or of the arms' sums of scores."""
    size = tables.shape[1] * (tables.shape[2] if scores is None else 1)
    score, variance = np.zeros(size), np.zeros((size, size))
    for k, table in enumerate(tables):
        n, arms, outcomes = table.sum(), table.sum(axis=1), table.sum(axis=0)
        distance = table - np.outer(arms, outcomes) / n
        of_arms = np.diag(arms) - np.outer(arms, arms) / n
        of_outcomes = np.diag(outcomes) - np.outer(outcomes, outcomes) / n
        if scores is None:
            score += distance.ravel()
            variance += np.kron(of_arms, of_outcomes) / (n - 1)
        else:
            # Scores are centred in each stratum, so that large numbers lose no digits.
            centred = scores[k] - scores[k] @ outcomes / n
            score += distance @ centred
            variance += of_arms * float(centred @ of_outcomes @ centred) / (n - 1)
    known = np.diag(variance) > 0
    if not known.any():
        return 0.0, 0
    scale = np.sqrt(np.diag(variance)[known])
    values, vectors = np.linalg.eigh(variance[np.ix_(known, known)] / np.outer(scale, scale))
    kept = values > SINGULAR
    along = vectors[:, kept].T @ (score[known] / scale)
    return float((along**2 / values[kept]).sum()), int(kept.sum())
