"""``responder_difference``: shares of responders from a continuous outcome whose missing values were imputed."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.inputs import Flags, checked_level
from evidence_lib.statistics.means.multiple_imputation.analysis import share_difference
from evidence_lib.statistics.means.multiple_imputation.imputation import Imputed, checked_number, require_imputed
from evidence_lib.statistics.means.multiple_imputation.pooling import Pooled
from evidence_lib.statistics.means.multiple_imputation.reporting import (
    groups,
    interval,
    pool,
    procedure,
    tested,
)
from evidence_lib.statistics.not_estimable import NotEstimable

Responders = Literal["at-least", "at-most"]
AfterEvent = Literal["imputed", "non-responder"]
SIGN = {"at-least": ">=", "at-most": "<="}


def responder_difference(
    imputed: Imputed,
    *,
    threshold: float,
    responders: Responders,
    after_event: AfterEvent = "imputed",
    conf_level: float = 0.95,
) -> Estimates:
    """Difference of the shares of responders at a visit, from a continuous outcome whose missing values were imputed.

    A responder has a completed outcome at or beyond ``threshold``. In each completed data set the difference of the
    arms' shares, p1 - p0, has the variance p1 (1 - p1) / n1 + p0 (1 - p0) / n0; pooled as in ``rubin`` with infinite
    complete-data degrees of freedom. The analysis is ``imputation.responder_difference``, treated minus reference,
    between -1 and 1, not adjusted for covariates (these stand in the imputation model).

    ``after_event="non-responder"`` counts a value missing after the event as no response, whatever was imputed: only
    values missing before it are imputed. For the rule that counts every missing value as no response give ``impute``
    an ``event`` at that visit for all who have no value there.

    Assumes that the shares are not near 0 or 1 for their number of subjects (a Wald interval), and as
    ``multiple_imputation``. Rubin's variance is conservative for shares of imputed values, under every strategy: the
    normal model tells a missing response better than shares alone could, which the rules do not credit (Meng 1994,
    Stat Sci 9:538).

    Misreading: counting the missing as non-responders is not cautious by itself: where the reference arm misses more
    it favours the treated.

    Parameters
    ----------
    imputed : Imputed
        From ``impute``.
    threshold : float
        Where response begins, in units of the outcome.
    responders : {"at-least", "at-most"}
        Whether response is a value at or above, or at or below the threshold.
    after_event : {"imputed", "non-responder"}
        What counts for a value that is missing after the event.
    conf_level : float
        Level of the two-sided confidence interval.

    Returns
    -------
    Estimates
        One ``imputation.responder_difference`` per visit. Status ``not_estimable`` as ``multiple_imputation``, unless
        no imputed value is counted; where all or none respond in both arms of every completed data set there are no
        standard error and limits.

    Raises
    ------
    InvalidInput
        For anything but the result of ``impute``, a threshold that is not a number, a wrong choice.
    """
    require_imputed(imputed)
    level, limit = checked_level(conf_level), checked_number(threshold, "threshold")
    if responders not in get_args(Responders):
        raise InvalidInput("unknown responders", expected=" or ".join(get_args(Responders)), found=repr(responders))
    if after_event not in get_args(AfterEvent):
        raise InvalidInput("unknown after_event", expected=" or ".join(get_args(AfterEvent)), found=repr(after_event))
    found = []
    for place in range(len(imputed.visits)):
        facts = _facts(imputed, place, limit, responders, after_event, level)
        try:
            answer = _shares(imputed, place, limit, responders, after_event, level)
        except NotEstimable as gap:
            found.append(Estimate(**facts, status="not_estimable", reason=gap.reason))
            continue
        found.append(Estimate(**facts, **interval(answer), **tested(answer), df=answer.df))
    return Estimates(tuple(found))


def _facts(
    imputed: Imputed, place: int, limit: float, responders: Responders, after_event: AfterEvent, level: float
) -> dict[str, Any]:
    data = imputed.trial
    compared = [name for name in data.arms if name in (imputed.treatment, imputed.reference)]
    model = {"model": "non-responder"} if after_event == "non-responder" else {}
    counts = (imputed.missing[:, place] & ~_lost(imputed, place, after_event)).any()
    return {
        "analysis": "imputation.responder_difference",
        "unit": "probability",
        "conf_level": level,
        "n": sum(int((data.arm == data.arms.index(name)).sum()) for name in compared),
        "groups": {
            "treatment": imputed.treatment,
            "reference": imputed.reference,
            **groups(imputed, place),
            **model,
            "level": f"{SIGN[responders]} {limit:g}",
        },
        "method": message(
            "imputation_statistics.method.responder_difference",
            response=message(f"imputation_statistics.response.{responders}", threshold=f"{limit:g}"),
            procedure=procedure(imputed, imputed.at[place]),
            counted=message("imputation_statistics.part.non_responder") if model else "",
            caution=message("imputation_statistics.part.conservative_share") if counts else "",
        ),
    }


def _shares(
    imputed: Imputed, place: int, limit: float, responders: Responders, after_event: AfterEvent, level: float
) -> Pooled:
    data, position = imputed.trial, imputed.at[place]
    treated, reference = (imputed.position(arm) for arm in (imputed.treatment, imputed.reference))
    missing = imputed.missing[:, place]
    lost = _lost(imputed, place, after_event)
    # What was seen is compared as it was given: scaling it back would move values that lie on the threshold.
    values = np.repeat(data.raw[None, :, position], imputed.imputations, axis=0)
    wanted = missing & ~lost
    if wanted.any():
        if imputed.values is None:
            raise NotEstimable(imputed.reason or message("imputation_statistics.reason.no_variance"))
        values[:, wanted] = imputed.values[:, wanted, place] * data.scale + data.center
    responding: Flags = values >= limit if responders == "at-least" else values <= limit
    return pool(share_difference(responding & ~lost, data.arm, treated, reference), level)


def _lost(imputed: Imputed, place: int, after_event: AfterEvent) -> Flags:
    """Whose missing value counts as no response."""
    return imputed.missing[:, place] & imputed.after[:, place] & (after_event == "non-responder")
