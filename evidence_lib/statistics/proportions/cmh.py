"""The Cochran-Mantel-Haenszel tests of association between outcome and arm within strata."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.conventions import Convention, R
from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import chi_square_p
from evidence_lib.statistics.inputs import Floats, choice, numbers
from evidence_lib.statistics.proportions.contingency import contingency, corrected_by, correction_text, shared_by

Statistic = Literal["general-association", "row-means"]
Scores = Literal["table", "modified-ridit"]
# Eigenvalues of a covariance, scaled to a unit diagonal, below this are zero: their directions carry no information.
SINGULAR = 1e-9


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
    found = contingency(event, group, treatment, reference, count, strata)
    shared = shared_by(f"cmh.{kind.replace('-', '_')}", "chi-square", found, treatment, reference)
    informative = found.informative()
    corrected = corrected_by(correction, convention, found, ordered=ordered)
    text: dict[str, Any] = {"used": int(informative.sum()), "total": found.strata}
    if ordered:
        text["scores"] = message(f"proportions_statistics.scores.{scoring}")
    else:
        text["correction"] = correction_text(corrected)
    shared["method"] = message(f"proportions_statistics.method.cmh_{kind}", **text)
    q, df = 0.0, 0
    if informative.any():
        tables = found.cells[informative].astype(float)
        contrast = _scores(tables, found.outcomes, scoring) if values is not None else None
        q, df = _mantel(tables, corrected) if _two_by_two(tables) and not ordered else _quadratic(tables, contrast)
    if df == 0:
        why = "one_arm" if found.arms < 2 else "no_informative_stratum"
        return Estimate(**shared, status="not_estimable", reason=message(f"proportions_statistics.reason.{why}"))
    return Estimate(**shared, test_statistic=q, df=df, p_value=chi_square_p(q, df))


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
