"""The Fine-Gray model of the subdistribution hazard."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.competing_risks.fitting import Fit, fitted
from evidence_lib.statistics.competing_risks.inputs import Label, checked_cause, observed, two_arms
from evidence_lib.statistics.design import design
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import Flags, checked_level, crossed, labelled
from evidence_lib.statistics.not_estimable import NotEstimable

# exp of more than this is no number any more.
LARGEST_LOG = 700.0
NAME = "fine_gray.subdistribution_hazard_ratio"


def fine_gray(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike | None,
    *,
    event_of_interest: Label,
    treatment: Hashable | None,
    reference: Hashable | None,
    covariates: pd.DataFrame | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    censoring_groups: ArrayLike | pd.DataFrame | None = None,
    cluster: ArrayLike | None = None,
    censored: Label = 0,
    conf_level: float = 0.95,
) -> Estimates:
    """Subdistribution hazard ratio of ``treatment`` over ``reference``, and of each covariate.

    exp(b) where b maximises the sum over the events of the cause of x' b - log S0(t), S0(t) = sum over patients of
    w_i(t) exp(x_i' b), with w_i(t) = 1 for who is still under observation at t, G(t-) / G(X_i-) for who had an event
    of another cause at X_i < t, and 0 else (Fine & Gray 1999, J Am Stat Assoc 94:496, section 3). G is the
    Kaplan-Meier estimate of staying uncensored; as in ``cmprsk::crr`` a patient with an event at t is at risk of
    censoring at t, and ties are Breslow's. The covariance is I^-1 (sum of (eta_i + psi_i)(eta_i + psi_i)') I^-1, eta_i
    being the weighted score residual and psi_i the part of patient i in the estimate of G (the paper's appendix), so
    that the standard errors include the variation of the censoring weights. Wald intervals exp(b +- z se) and tests.

    With ``strata`` each stratum has a baseline of its own (Zhou et al. 2011, Biometrics 67:661). With
    ``censoring_groups`` G is estimated in each group, and is 0 after the group's last time, as ``cengroup`` of ``crr``
    (whose psi of one group leaves out the events of the cause in the others; here all of them enter). With ``cluster``
    the sums eta + psi are first added up in each cluster (Zhou et al. 2012, Biostatistics 13:371).

    With more than two arms in ``group`` all of them enter one model, each with its indicator; arms without events of
    the cause have no finite indicator and are left out, of G too. Assumes proportional subdistribution hazards, and
    censoring that is independent of everything (within ``censoring_groups``).

    Misreading: it says in which direction, not by how much, the probability of the event changes, and it is no ratio
    of rates among patients still at risk (see ``cause_specific``). A treatment that only hastens death of another
    cause has a ratio below 1.

    Parameters
    ----------
    time : array of n days, zero or more
        Time from the start to the first event of any cause, or to censoring.
    cause : array of n labels
        ``censored``, or the cause of the event.
    group : array of n labels, or None
        The arms; None for a model of the covariates alone.
    event_of_interest : text or number
        The cause whose subdistribution is modelled.
    treatment, reference : text or number, or None
        The labels of the two arms; None without ``group``.
    covariates : DataFrame of n rows
        Numbers and booleans enter as they are; columns of any other type become indicators of their levels, the first
        in sorted order being the reference.
    strata : array of n labels, or a frame of n rows
        The strata; the columns of a frame are crossed.
    censoring_groups : array of n labels, or a frame of n rows
        Groups whose censoring is estimated apart; the columns of a frame are crossed.
    cluster : array of n labels
        Patients with the same label are not independent of each other.
    censored : text or number
        The label of patients without an event.
    conf_level : float
        The level of the limits, between 0 and 1.

    Returns
    -------
    Estimates
        First ``fine_gray.subdistribution_hazard_ratio.adjusted`` (with covariates), ``.stratified`` (with strata) or
        ``.unstratified`` of the two arms, with the ``n`` and ``events`` of these; then one ``.covariate`` per column
        that the covariates become, in ``groups["variable"]``, per unit, with the counts of the whole model.
        ``std_error`` is on the log scale. Status ``not_estimable`` without events of the cause, with none in an arm,
        for a covariate that is constant or a combination of others, and where a coefficient is infinite.

    Raises
    ------
    InvalidInput
        As ``cumulative_incidence``; for missing or too few labels, infinite covariates, equal arms, arms without
        ``group`` or the other way round, and a model with neither arms nor covariates.
    """
    data = observed(time, cause, censored)
    label, level, size = checked_cause(event_of_interest, censored), checked_level(conf_level), data.time.size
    happened = data.code == data.number(label)
    arm = _arms(group, treatment, reference, size)
    extra = None if covariates is None else design(covariates, size)
    stratum, strata_names = crossed(strata, size)
    censoring_group, group_names = crossed(censoring_groups, size)
    clusters = None if cluster is None else pd.factorize(labelled(cluster, "cluster", size))[0]
    if arm is None and extra is None:
        raise InvalidInput("the model has neither arms nor covariates", expected="a group, or covariates")
    others, left_out = ([], []) if arm is None else _other_arms(arm, happened, treatment, reference)
    kept = np.ones(size, dtype=bool) if arm is None else ~_member(arm, left_out)
    in_model = [] if arm is None else [treatment, *others]
    columns = [(arm == one).astype(float)[:, None] for one in in_model]
    terms = () if extra is None else extra.names
    if extra is not None:
        columns.append(extra.matrix)
    fit: Fit | Message
    try:
        if arm is not None:
            _comparable(arm, happened, treatment, reference)
        fit = fitted(
            data.time[kept],
            np.where(happened, 1, np.where(data.code > 0, 2, 0))[kept],
            np.hstack(columns)[kept],
            [*map(str, in_model), *terms],
            stratum[kept],
            censoring_group[kept],
            None if clusters is None else clusters[kept],
        )
    except NotEstimable as gap:
        fit = gap.reason
    shared: dict[str, Any] = {
        "unit": "ratio",
        "scale": "log",
        "conf_level": level,
        "method": message(
            "competing_risks_statistics.method.fine_gray",
            strata=_part("strata", strata_names),
            covariates="" if covariates is None else _part("covariates", tuple(map(str, covariates.columns))),
            arms=_arms_part(others, left_out),
            groups=_part("censoring_groups", group_names),
            cluster="" if cluster is None else message("competing_risks_statistics.part.cluster"),
        ),
    }
    items = []
    if arm is not None:
        two = _member(arm, [treatment, reference])
        kind = "adjusted" if covariates is not None else "stratified" if strata is not None else "unstratified"
        groups = {"treatment": treatment, "reference": reference, "subgroup": "all", "cause": label}
        counts = {"n": int(two.sum()), "events": int((two & happened).sum())}
        items.append(_ratio(fit, 0, {**shared, **counts, "analysis": f"{NAME}.{kind}", "groups": groups}))
    counts = {"n": int(kept.sum()), "events": int((kept & happened).sum())}
    for number, term in enumerate(terms, start=len(in_model)):
        groups = {"variable": term, "cause": label}
        items.append(_ratio(fit, number, {**shared, **counts, "analysis": f"{NAME}.covariate", "groups": groups}))
    return Estimates(tuple(items))


def _ratio(fit: Fit | Message, number: int, shared: dict[str, Any]) -> Estimate:
    """The estimate of one coefficient; ``fit`` is the reason where there is none."""
    if isinstance(fit, Message):
        return Estimate(**shared, status="not_estimable", reason=fit)
    log_ratio, std_error = float(fit.coefficients[number]), float(fit.std_error[number])
    half = normal_quantile(shared["conf_level"]) * std_error
    if abs(log_ratio) + half > LARGEST_LOG:
        reason = message("competing_risks_statistics.reason.not_finite")
        return Estimate(**shared, status="not_estimable", reason=reason)
    return Estimate(
        **shared,
        estimate=math.exp(log_ratio),
        std_error=std_error,
        conf_low=math.exp(log_ratio - half),
        conf_high=math.exp(log_ratio + half),
        p_value=two_sided_p(log_ratio / std_error),
    )


def _arms(group: ArrayLike | None, treatment: Any, reference: Any, size: int) -> np.ndarray | None:
    """The arm of each patient; None for a model without arms."""
    if group is None:
        if treatment is not None or reference is not None:
            raise InvalidInput("treatment and reference are arms of a group", expected="a group", found="None")
        return None
    if treatment is None or reference is None:
        raise InvalidInput("treatment or reference is missing", expected="two arms of the group", found="None")
    two_arms(treatment, reference)
    return labelled(group, "group", size)


def _comparable(arm: np.ndarray, happened: Flags, treatment: Any, reference: Any) -> None:
    """Raise NotEstimable where an arm has no patients, there are no events, or all are in one of the two arms."""
    for one in (treatment, reference):
        if not (arm == one).any():
            raise NotEstimable(message("competing_risks_statistics.reason.no_patients", arm=str(one)))
    empty = [one for one in (treatment, reference) if not happened[arm == one].any()]
    if len(empty) == 2:
        raise NotEstimable(message("competing_risks_statistics.reason.no_events"))
    if empty:
        raise NotEstimable(message("competing_risks_statistics.reason.no_events_in_arm", arm=str(empty[0])))


def _other_arms(arm: np.ndarray, happened: Flags, treatment: Any, reference: Any) -> tuple[list[Any], list[Any]]:
    """The other arms with events of the cause, and those without, sorted by their text."""
    others = sorted((one for one in pd.unique(arm) if one not in (treatment, reference)), key=str)
    with_events = [one for one in others if happened[arm == one].any()]
    return with_events, [one for one in others if one not in with_events]


def _member(arm: np.ndarray, wanted: list[Any]) -> Flags:
    found = np.zeros(arm.size, dtype=bool)
    for one in wanted:
        found |= arm == one
    return found


def _part(name: str, names: tuple[str, ...] | None) -> Message | str:
    """The part of ``method`` that names columns; without names where an array stands for them, nothing for None."""
    if names is None:
        return ""
    if names:
        return message(f"competing_risks_statistics.part.{name}", names=names)
    return message(f"competing_risks_statistics.part.{name}_unnamed")


def _arms_part(others: list[Any], left_out: list[Any]) -> Message | str:
    if left_out:
        return message("competing_risks_statistics.part.arms_left_out", names=tuple(map(str, left_out)))
    return message("competing_risks_statistics.part.arms") if others else ""
