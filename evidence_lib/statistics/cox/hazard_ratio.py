"""The hazard ratio of two arms: crude, stratified, adjusted."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.cox.inputs import Rows, checked_rows
from evidence_lib.statistics.cox.maximum import CoxTies
from evidence_lib.statistics.design import Design, design
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import Flags, Floats, checked_level, labelled
from evidence_lib.statistics.not_estimable import NotEstimable

# exp of more than this is no number any more; a hazard ratio of 1e304 answers nothing either.
LARGEST_LOG = 700.0


def hazard_ratio(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    entry: ArrayLike | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    weights: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    robust: bool | None = None,
    ties: CoxTies | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimate:
    """Hazard ratio of ``treatment`` over ``reference`` from Cox's model; below 1 favours the treatment for a bad event.

    exp(b) of the arm's indicator in ``cox``, with the Wald interval exp(b +- z se) and the Wald test of b = 0, the
    standard error being the robust one where there are weights or clusters. With more than two arms in ``group`` all of
    them enter one model, each with its indicator, as R's ``coxph`` does with a factor; arms without events have no
    finite indicator, carry no information on the others, and are left out.

    Assumes proportional hazards: see ``proportional_hazards_test``. Misreading: where hazards are not proportional the
    ratio is an average that depends on how long patients were followed. 0.70 is not "30 % fewer deaths".

    Parameters
    ----------
    time : array of n
        Days, zero or more.
    event : array of n
        1 or True for the event, 0 or False for censoring.
    group : array of n
        Arm labels.
    treatment, reference : label
        The two arms compared.
    entry : array of n, optional
        Days when a row comes under observation, as in ``cox``.
    strata : array of n labels, or a frame of n rows, optional
        Each has a baseline hazard of its own; the columns of a frame are crossed.
    covariates : DataFrame of n rows, optional
        Further terms of the model, as in ``cox``.
    weights : array of n, optional
        Case weights, zero or more; those of inverse probability give the hazard ratio of the weighted population.
    cluster : array of n labels, optional
        Rows of one cluster are taken as dependent.
    robust : bool, optional
        The robust variance or the model's; None: robust where weights or clusters are given.
    ties : "efron", "breslow" or "exact", optional
        None takes the convention's.
    conf_level : float
        Level of the interval.
    convention : Convention
        The defaults of R or of SAS.

    Returns
    -------
    Estimate
        ``cox.hazard_ratio.weighted`` with weights, else ``.adjusted`` with covariates, else ``.stratified`` with
        strata, else ``.unstratified``. ``estimate`` and limits on the ratio scale, ``std_error`` on the log scale;
        ``n`` and ``events`` are rows of the two arms, unweighted. Status ``not_estimable`` where one of them has no
        events, and as ``cox``.

    Raises
    ------
    InvalidInput
        As ``cox``; for missing arm labels, and where treatment and reference are the same.
    """
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    rows = checked_rows(
        time,
        event,
        entry=entry,
        weights=weights,
        cluster=cluster,
        robust=robust,
        strata=strata,
        ties=ties,
        convention=convention,
    )
    labels = labelled(group, "group", rows.time.size)
    level = checked_level(conf_level)
    extra = None if covariates is None else design(covariates, rows.time.size)
    has_event = rows.event if rows.weights is None else rows.event & (rows.weights > 0)
    arms = arm_columns(labels, has_event, treatment, reference, extra)
    compared = (labels == treatment) | (labels == reference)
    shared: dict[str, Any] = {
        "analysis": f"cox.hazard_ratio.{_kind(weights, covariates, strata)}",
        "groups": {"treatment": treatment, "reference": reference, "subgroup": "all"},
        "n": int(compared.sum()),
        "events": int(rows.event[compared].sum()),
        "conf_level": level,
        "method": message(
            "cox_statistics.method.hazard_ratio",
            **rows.choices(),
            covariates=adjusted(covariates),
            arms=arms.part,
        ),
    }
    x = arms.x
    if not arms.kept.all():
        rows, labels, x = rows.of(arms.kept), labels[arms.kept], x[arms.kept]
    return ratio_of_arms(
        rows, labels, x, arms.names, treatment=treatment, reference=reference, level=level, shared=shared
    )


@dataclass(frozen=True, eq=False)
class Arms:
    """The arms as columns of a model: first the treatment's indicator, then the other arms', then the covariates.

    ``kept`` flags the rows that enter: those of arms without events, other than the two compared, do not. ``part`` is
    what ``method`` says of it.
    """

    kept: Flags
    x: Floats
    names: list[str]
    part: Message | str


def arm_columns(
    labels: np.ndarray, has_event: Flags, treatment: Hashable, reference: Hashable, extra: Design | None
) -> Arms:
    """The columns of a model of all arms, the reference being the one without an indicator."""
    others, left_out = _other_arms(labels, has_event, (treatment, reference))
    columns = [(labels == arm).astype(float)[:, None] for arm in (treatment, *others)]
    names = [str(arm) for arm in (treatment, *others)]
    if extra is not None:
        columns.append(extra.matrix)
        names += extra.names
    kept = ~_member(labels, left_out)
    return Arms(kept, columns[0] if len(columns) == 1 else np.hstack(columns), names, _arms_part(others, left_out))


def ratio_of_arms(
    rows: Rows,
    labels: np.ndarray,
    x: Floats,
    names: list[str],
    *,
    treatment: Hashable,
    reference: Hashable,
    level: float,
    shared: dict[str, Any],
) -> Estimate:
    """The estimate of the first column of ``x``, the indicator of the treatment; ``shared`` holds its other fields."""
    ratio: dict[str, Any] = {**shared, "unit": "ratio", "scale": "log"}
    try:
        comparable(rows, labels, (treatment, reference))
        fit = rows.fit(x, names)
        return Estimate(**ratio, **ratio_of(float(fit.coefficients[0]), math.sqrt(fit.covariance[0, 0]), level))
    except NotEstimable as gap:
        return Estimate(**ratio, status="not_estimable", reason=gap.reason)


def ratio_of(log_ratio: float, std_error: float, level: float) -> dict[str, Any]:
    """Estimate, standard error, Wald limits and p-value. Raises NotEstimable where one is too large to be a number."""
    half = normal_quantile(level) * std_error
    if abs(log_ratio) + half > LARGEST_LOG:
        raise NotEstimable(message("cox_statistics.reason.not_finite"))
    return {
        "estimate": math.exp(log_ratio),
        "std_error": std_error,
        "conf_low": math.exp(log_ratio - half),
        "conf_high": math.exp(log_ratio + half),
        "p_value": two_sided_p(log_ratio / std_error),
    }


def comparable(rows: Rows, labels: np.ndarray, arms: tuple[Hashable, Hashable]) -> None:
    """Raise NotEstimable where an arm has no patients, there are no events, or all are in one of the two arms."""
    event = rows.event
    if rows.weights is not None:
        event, labels = event[rows.weights > 0], labels[rows.weights > 0]
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


def adjusted(covariates: pd.DataFrame | None) -> Message | str:
    """The part of ``method`` that names the covariates."""
    if covariates is None:
        return ""
    return message("cox_statistics.part.covariates", names=tuple(str(name) for name in covariates.columns))


def _kind(weights: Any, covariates: Any, strata: Any) -> str:
    given = {"weighted": weights, "adjusted": covariates, "stratified": strata}
    return next((kind for kind, values in given.items() if values is not None), "unstratified")


def _arms_part(others: list[Any], left_out: list[Any]) -> Message | str:
    if left_out:
        return message("cox_statistics.part.arms_left_out", names=tuple(str(arm) for arm in left_out))
    return message("cox_statistics.part.arms") if others else ""
