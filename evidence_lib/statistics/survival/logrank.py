"""The log-rank test of two or more arms, with or without strata."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import chi_square_p
from evidence_lib.statistics.inputs import crossed, members, with_labels
from evidence_lib.statistics.survival.inputs import checked, of_arms
from evidence_lib.statistics.survival.risk_table import RiskTable, risk_table

# Eigenvalues of the variance, scaled to a unit diagonal, below this are zero: their directions carry no information.
SINGULAR = 1e-9


def logrank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    strata: ArrayLike | pd.DataFrame | None = None,
    treatment: str | float | None = None,
    reference: str | float | None = None,
) -> Estimate:
    """Log-rank test that the survival curves of all arms are equal; with ``strata``, within every stratum.

    At each event time, within each stratum, the observed events of an arm are compared with those expected under
    equality, with hypergeometric variance for ties (Mantel 1966; Peto & Peto 1972; Kalbfleisch & Prentice 2002,
    section 1.4). Observed minus expected and their covariance V are summed, and the statistic is U' V^- U, chi-square
    with df = rank of V, as R's ``survdiff``: an arm that is never at risk at an event time adds no degree of freedom.
    Censoring is assumed to have nothing to do with the event.

    Misreading: a large p-value is not equality, and crossing curves can hide from this test.

    Parameters
    ----------
    time, event : arrays of n
        Days, zero or more; 1 or True for the event, 0 or False for censoring.
    group : array of n labels
        The arm of each patient.
    strata : array of n labels, or DataFrame
        Strata; the columns of a frame are crossed.
    treatment, reference : str or number
        Both or neither; only these two arms enter the test.

    Returns
    -------
    Estimate
        ``logrank.unstratified`` or ``logrank.stratified`` with ``test_statistic``, ``df`` and the two-sided
        ``p_value``, which is never 0: below the smallest number a computer holds it is that number. Status
        ``not_estimable`` without events, with one arm, or where no time has patients of two arms at risk and one left.

    Raises
    ------
    InvalidInput
        As ``kaplan_meier``; for missing or too few labels, equal arms, or one of treatment and reference alone.
    """
    if (treatment is None) != (reference is None):
        raise InvalidInput("one of treatment and reference is missing", expected="both, or neither")
    if treatment is not None and treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    times, events = checked(time, event)
    stratum = None if strata is None else crossed(strata, times.size)[0]
    if treatment is None:
        arms = members(group, "group", times.size)
    else:
        arms = np.array(with_labels(group, "group", times.size, (treatment, reference)))
        times, events, arms, stratum = of_arms(times, events, arms, stratum)
    kind = "unstratified" if strata is None else "stratified"
    shared: dict[str, Any] = {
        "analysis": f"logrank.{kind}",
        "unit": "chi-square",
        "groups": {} if treatment is None else {"treatment": treatment, "reference": reference},
        "n": int(times.size),
        "events": int(np.count_nonzero(events)),
        "is_test": True,
        "method": message(f"survival_statistics.method.logrank_{kind}"),
    }
    why = "one_arm" if np.count_nonzero(arms.any(axis=1)) < 2 else None if shared["events"] else "no_events"
    if why is None:
        # Of two arms one says it all.
        statistic, df = _chi_square(risk_table(times, events, arms[:1] if len(arms) == 2 else arms, stratum))
        if df > 0:
            return Estimate(**shared, test_statistic=statistic, df=df, p_value=chi_square_p(statistic, df))
        why = "no_comparison"
    return Estimate(**shared, status="not_estimable", reason=message(f"survival_statistics.reason.logrank_{why}"))


def _chi_square(table: RiskTable) -> tuple[float, int]:
    """The statistic and its degrees of freedom, the rank of the covariance."""
    share, weight = table.share, table.spread
    score = table.excess.sum(axis=1)
    # The diagonal is summed in this form so that it is exactly 0 for an arm that is alone or absent throughout.
    diagonal = (share * (1 - share)) @ weight
    if len(score) == 1:
        return (float(score[0] ** 2 / diagonal[0]), 1) if diagonal[0] > 0 else (0.0, 0)
    informative = diagonal > 0
    if not informative.any():
        return 0.0, 0
    variance = -(share * weight) @ share.T
    np.fill_diagonal(variance, diagonal)
    scale = np.sqrt(diagonal[informative])
    values, vectors = np.linalg.eigh(variance[np.ix_(informative, informative)] / np.outer(scale, scale))
    kept = values > SINGULAR
    along = vectors[:, kept].T @ (score[informative] / scale)
    return float(np.sum(along**2 / values[kept])), int(kept.sum())
