"""Tests of association between outcome and arm: Fisher's exact test and chi-square."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R
from evidence_lib.language import message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import SMALLEST, chi_square_p
from evidence_lib.statistics.proportions.contingency import contingency, corrected_by, correction_text, shared_by
from evidence_lib.statistics.proportions.exact import exact_p


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
    found = contingency(event, group, treatment, reference, count, None)
    shared = shared_by("fisher_exact", "probability", found, treatment, reference)
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
    found = contingency(event, group, treatment, reference, count, None)
    shared = shared_by("chi_square", "chi-square", found, treatment, reference)
    corrected = corrected_by(correction, convention, found)
    shared["method"] = message("proportions_statistics.method.chi_square", correction=correction_text(corrected))
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
