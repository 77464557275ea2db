"""Imputation and what is asked of it in one call: a scan over deltas, the delta that tips, shares of responders."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.inputs import checked_level, choice
from evidence_lib.statistics.means.multiple_imputation.imputation import Shifted, impute
from evidence_lib.statistics.means.multiple_imputation.reporting import (
    UNIT,
    groups,
    interval,
    plain,
    procedure,
    tested,
)
from evidence_lib.statistics.means.multiple_imputation.responders import Responders, responder_difference
from evidence_lib.statistics.means.multiple_imputation.strategies import Strategy
from evidence_lib.statistics.means.multiple_imputation.tipping import Scan, checked_deltas, tipping_point, whom
from evidence_lib.statistics.not_estimable import NotEstimable


def delta_scan(
    frame: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    outcome: str,
    arm: str,
    treatment: Hashable,
    reference: Hashable,
    rng: np.random.Generator,
    deltas: Sequence[float],
    covariates: Sequence[str] = (),
    visits: Sequence[Hashable] | None = None,
    at: Sequence[Hashable] | None = None,
    event: str | None = None,
    strategy: Strategy = "mar",
    shifted: Shifted = "after-event",
    imputations: int = 200,
    conf_level: float = 0.95,
) -> Estimates:
    """The difference after multiple imputation with each delta added to the treated arm's imputed values.

    As ``tipping_point`` (Cro et al. 2020, Stat Med 39:2815) of ``impute``: a delta shifts the values of the treated
    arm that were imputed after the event, or all that were imputed (``shifted``); everything else stays. The analysis
    is ``imputation.shifted``, treated minus reference, with ``groups["delta"]`` in units of the outcome.

    Misreading: no delta of the scan is an estimate of what happened to those who left; the scan shows how much the
    answer leans on them.

    Parameters
    ----------
    frame, subject, visit, outcome, arm, treatment, reference, rng : as ``multiple_imputation``
        The same arguments.
    deltas : sequence of numbers
        What is added, in units of the outcome.
    covariates, visits, at, event, strategy : as ``multiple_imputation``
        The same arguments.
    shifted : {"after-event", "missing"}
        Which imputed values of the treated arm are shifted: those after the event, or every one.
    imputations : int
        As ``multiple_imputation``.
    conf_level : float
        Of the intervals.

    Returns
    -------
    Estimates
        One ``imputation.shifted`` per visit and delta, in the order of the deltas. Status ``not_estimable`` as
        ``multiple_imputation``.

    Raises
    ------
    InvalidInput, DataError
        As ``tipping_point``.
    """
    given = dict(locals())
    wanted, level = checked_deltas(given.pop("deltas"), "deltas"), checked_level(given.pop("conf_level"))
    given.pop("shifted")
    choice(shifted, Shifted, "shifted")
    imputed = impute(given.pop("frame"), **given)
    compared = [arm for arm, name in enumerate(imputed.trial.arms) if name in (treatment, reference)]
    answers = []
    for place in range(len(imputed.visits)):
        shared: dict[str, Any] = {
            "analysis": "imputation.shifted",
            "unit": UNIT,
            "conf_level": level,
            "n": int(np.isin(imputed.trial.arm, compared).sum()),
            "method": message(
                "continuous.method.shifted", whom=whom(shifted), procedure=procedure(imputed, imputed.at[place])
            ),
        }
        pair = {"treatment": plain(treatment), "reference": plain(reference), **groups(imputed, place)}
        try:
            scan = Scan(imputed, place, level, shifted)
        except NotEstimable as gap:
            gone: dict[str, Any] = {"status": "not_estimable", "reason": gap.reason}
            answers += [Estimate(**shared, **gone, groups={**pair, "delta": delta}) for delta in wanted]
            continue
        for delta in wanted:
            answer = scan.at(delta, 0.0)
            numbers: dict[str, Any] = {**interval(answer), **tested(answer), "df": answer.df}
            answers.append(Estimate(**shared, **numbers, groups={**pair, "delta": delta}))
    return Estimates(tuple(answers))


def tipping_delta(
    frame: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    outcome: str,
    arm: str,
    treatment: Hashable,
    reference: Hashable,
    rng: np.random.Generator,
    deltas: Sequence[float],
    covariates: Sequence[str] = (),
    visits: Sequence[Hashable] | None = None,
    at: Sequence[Hashable] | None = None,
    event: str | None = None,
    strategy: Strategy = "mar",
    shifted: Shifted = "after-event",
    imputations: int = 200,
    conf_level: float = 0.95,
) -> Estimates:
    """The ``delta`` of ``tipping_point`` of ``impute``, in one call; arguments as ``delta_scan``.

    Misreading: as ``tipping_point``: whether such a departure is plausible is a clinical judgement.

    Parameters
    ----------
    frame, subject, visit, outcome, arm, treatment, reference, rng : as ``multiple_imputation``
        The same arguments.
    deltas : sequence of numbers
        What is tried, in units of the outcome.
    covariates, visits, at, event, strategy : as ``multiple_imputation``
        The same arguments.
    shifted : {"after-event", "missing"}
        As ``delta_scan``.
    imputations : int
        As ``multiple_imputation``.
    conf_level : float
        Of the interval whose conclusion is asked for.

    Returns
    -------
    Estimates
        One ``imputation.tipping_point`` per visit, in units of the outcome.

    Raises
    ------
    InvalidInput, DataError
        As ``tipping_point``.
    """
    given = dict(locals())
    rule = {name: given.pop(name) for name in ("deltas", "shifted", "conf_level")}
    return tipping_point(impute(given.pop("frame"), **given), **rule).delta


def imputed_responders(
    frame: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    outcome: str,
    arm: str,
    treatment: Hashable,
    reference: Hashable,
    rng: np.random.Generator,
    threshold: float,
    responders: Responders,
    covariates: Sequence[str] = (),
    visits: Sequence[Hashable] | None = None,
    at: Sequence[Hashable] | None = None,
    event: str | None = None,
    strategy: Strategy = "mar",
    imputations: int = 200,
    conf_level: float = 0.95,
) -> Estimates:
    """``responder_difference`` of ``impute``, in one call; arguments as there.

    Misreading: as ``responder_difference``: counting from a threshold throws away how far beyond it an outcome lies.

    Parameters
    ----------
    frame, subject, visit, outcome, arm, treatment, reference, rng : as ``multiple_imputation``
        The same arguments.
    threshold : float
        From which outcome on a subject is a responder, in units of the outcome.
    responders : {"at-least", "at-most"}
        On which side of the threshold responders lie.
    covariates, visits, at, event, strategy : as ``multiple_imputation``
        The same arguments.
    imputations : int
        As ``multiple_imputation``.
    conf_level : float
        Of the intervals.

    Returns
    -------
    Estimates
        As ``responder_difference``.

    Raises
    ------
    InvalidInput, DataError
        As ``responder_difference``.
    """
    given = dict(locals())
    rule = {name: given.pop(name) for name in ("threshold", "responders", "conf_level")}
    return responder_difference(impute(given.pop("frame"), **given), **rule)
