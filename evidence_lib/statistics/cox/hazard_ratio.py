"""The hazard ratio of two arms: crude, stratified, adjusted."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri

from evidence_lib.conventions import Convention, R, Ties
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.cox.model import TIES_NAME, chosen_ties, design, stratified
from evidence_lib.statistics.cox.partial_likelihood import NotEstimable, TieMethod, maximise
from evidence_lib.statistics.distributions import two_sided_p
from evidence_lib.statistics.inputs import Counts, Flags, Floats, checked_level, crossed, labelled
from evidence_lib.statistics.survival.inputs import checked

# exp of more than this is no number any more; a hazard ratio of 1e304 answers nothing either.
LARGEST_LOG = 700.0


def hazard_ratio(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    ties: Ties | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimate:
    """Hazard ratio of ``treatment`` over ``reference`` from Cox's model; below 1 favours the treatment for a bad event.

    exp(b) of the arm's indicator in ``cox``, with the Wald interval exp(b +- z se) and the Wald test of b = 0. With
    more than two arms in ``group`` all of them enter one model, each with its indicator, as R's ``coxph`` does with a
    factor; arms without events have no finite indicator, carry no information on the others, and are left out.

    Assumes proportional hazards: see ``proportional_hazards_test``. Misreading: where hazards are not proportional the
    ratio is an average that depends on how long patients were followed. 0.70 is not "30 % fewer deaths".

    Parameters
    ----------
    time, event, strata, covariates, ties : as ``cox``
    group : array of n arm labels

    Returns
    -------
    Estimate
        ``cox.hazard_ratio.adjusted`` with covariates, else ``.stratified`` with strata, else ``.unstratified``.
        ``estimate`` and limits on the ratio scale, ``std_error`` on the log scale; ``n`` and ``events`` of the two
        arms. Status ``not_estimable`` where one of them has no events, and as ``cox``.

    Raises
    ------
    InvalidInput
        As ``cox``; for missing arm labels, and where treatment and reference are the same.
    """
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    times, events = checked(time, event)
    labels = labelled(group, "group", times.size)
    chosen, level = chosen_ties(ties, convention), checked_level(conf_level)
    stratum, strata_names = crossed(strata, times.size)
    extra = None if covariates is None else design(covariates, times.size)
    others, left_out = _other_arms(labels, events, (treatment, reference))
    compared = (labels == treatment) | (labels == reference)
    kind = "adjusted" if covariates is not None else "stratified" if strata is not None else "unstratified"
    shared: dict[str, Any] = {
        "analysis": f"cox.hazard_ratio.{kind}",
        "groups": {"treatment": treatment, "reference": reference, "subgroup": "all"},
        "n": int(compared.sum()),
        "events": int(events[compared].sum()),
        "conf_level": level,
        "method": message(
            "cox_statistics.method.hazard_ratio",
            ties=TIES_NAME[chosen],
            strata=stratified(strata_names),
            covariates=""
            if covariates is None
            else message("cox_statistics.part.covariates", names=_names(covariates)),
            arms=_arms_part(others, left_out),
        ),
    }
    kept = compared | _member(labels, others)
    columns = [(labels == arm).astype(float)[:, None] for arm in (treatment, *others)]
    names = [str(arm) for arm in (treatment, *others)]
    if extra is not None:
        columns.append(extra.matrix)
        names += extra.names
    return ratio_of_arms(
        times[kept],
        events[kept],
        labels[kept],
        treatment=treatment,
        reference=reference,
        x=np.hstack(columns)[kept],
        names=names,
        stratum=stratum[kept],
        ties=chosen,
        level=level,
        shared=shared,
    )


def ratio_of_arms(
    time: Floats,
    event: Flags,
    labels: np.ndarray,
    *,
    treatment: Hashable,
    reference: Hashable,
    x: Floats,
    names: list[str],
    stratum: Counts,
    ties: TieMethod,
    level: float,
    shared: dict[str, Any],
) -> Estimate:
    """The estimate of the first column of ``x``, the indicator of the treatment; ``shared`` holds its other fields."""
    ratio: dict[str, Any] = {**shared, "unit": "ratio", "scale": "log"}
    try:
        _comparable(event, labels, (treatment, reference))
        fit = maximise(time, event, x, names, stratum, ties)
        log_ratio, std_error = (float(fit.coefficients[0]), math.sqrt(fit.covariance[0, 0]))
        half = float(ndtri((1 + level) / 2)) * std_error
        if abs(log_ratio) + half > LARGEST_LOG:
            raise NotEstimable(message("cox_statistics.reason.not_finite"))
    except NotEstimable as gap:
        return Estimate(**ratio, status="not_estimable", reason=gap.reason)
    return Estimate(
        **ratio,
        estimate=math.exp(log_ratio),
        std_error=std_error,
        conf_low=math.exp(log_ratio - half),
        conf_high=math.exp(log_ratio + half),
        p_value=two_sided_p(log_ratio / std_error),
    )


def _comparable(event: Flags, labels: np.ndarray, arms: tuple[Hashable, Hashable]) -> None:
    """Raise NotEstimable where an arm has no patients, there are no events, or all are in one of the two arms."""
    for arm in arms:
        if not (labels == arm).any():
            raise NotEstimable(message("cox_statistics.reason.no_patients", arm=str(arm)))
    empty = [arm for arm in arms if not event[labels == arm].any()]
    if len(empty) == len(arms):
        raise NotEstimable(message("cox_statistics.reason.no_events"))
    if empty:
        raise NotEstimable(message("cox_statistics.reason.no_events_in_arm", arm=str(empty[0])))


def _other_arms(labels: np.ndarray, event: Flags, compared: tuple[Hashable, Hashable]) -> tuple[list[Any], list[Any]]:
    """The other arms with events, and those without, sorted by their text."""
    others = sorted((arm for arm in pd.unique(labels) if arm not in compared), key=str)
    with_events = [arm for arm in others if event[labels == arm].any()]
    return with_events, [arm for arm in others if arm not in with_events]


def _member(labels: np.ndarray, arms: list[Any]) -> Flags:
    found = np.zeros(labels.size, dtype=bool)
    for arm in arms:
        found |= labels == arm
    return found


def _arms_part(others: list[Any], left_out: list[Any]) -> Message | str:
    if left_out:
        return message("cox_statistics.part.arms_left_out", names=tuple(str(arm) for arm in left_out))
    return message("cox_statistics.part.arms") if others else ""


def _names(frame: pd.DataFrame) -> tuple[str, ...]:
    return tuple(str(name) for name in frame.columns)
