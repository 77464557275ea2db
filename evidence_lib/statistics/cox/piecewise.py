"""Hazard ratios of two arms in declared periods of time, and the test that they are the same."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R
from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.cox.hazard_ratio import adjusted, comparable, ratio_of
from evidence_lib.statistics.cox.inputs import Rows, checked_rows
from evidence_lib.statistics.cox.maximum import CoxTies, Fit, wald
from evidence_lib.statistics.design import design
from evidence_lib.statistics.distributions import chi_square_p
from evidence_lib.statistics.inputs import Counts, Flags, Floats, checked_level, labelled, numbers, refuse
from evidence_lib.statistics.not_estimable import NotEstimable
from evidence_lib.statistics.survival.inputs import TIE, days


@dataclass(frozen=True, eq=False)
class _Split:
    """The rows of the two arms, split at the cut points.

    ``source`` is the place of each split row among the rows, ``period`` the number of its period, ``treated`` its arm.
    """

    rows: Rows
    source: Counts
    period: Counts
    treated: Flags
    arms: tuple[Hashable, Hashable]

    def within(self, number: int) -> tuple[Rows, np.ndarray]:
        """The rows of one period, and their arms."""
        here = self.period == number
        treatment, reference = self.arms
        labels = np.empty(int(here.sum()), dtype=object)
        labels[:] = [treatment if treated else reference for treated in self.treated[here]]
        return self.rows.of(here), labels


@dataclass(frozen=True, eq=False)
class _Models:
    """The periods that have an estimate, the model with an effect in each, and, for the likelihood ratio, with one."""

    used: list[int]
    whole: Fit
    common: Fit | None


def piecewise_hazard_ratio(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    cut_points: ArrayLike,
    entry: ArrayLike | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    weights: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    robust: bool | None = None,
    ties: CoxTies | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimates:
    """Hazard ratio of two arms in each of several periods of time, and the test that it is the same in all.

    One Cox model with a treatment effect per period, h(t | z, x) = h0(t) exp(z b_j + x' c) for c_(j-1) < t <= c_j with
    cut points c_j: time-varying effects as in Kalbfleisch & Prentice (2002, section 6.4). An event at a cut point
    belongs to the period that it ends. Covariates have one effect throughout. The test compares this model with that of
    one common ratio: by the likelihood ratio, or, with the robust variance, by Wald's statistic; chi-square with one
    degree of freedom less than there are periods with an estimate.

    Assumes proportional hazards within each period, and periods fixed before the data were seen. Misreading: the ratio
    of a later period compares those who are still event-free, who are no longer a randomised comparison; a ratio above
    1 late is not by itself harm (Hernan 2010, Epidemiology 21:13).

    Parameters
    ----------
    time : array of n
        Days, zero or more.
    event : array of n
        1 or True for the event, 0 or False for censoring.
    group : array of n
        Arm labels; only rows of the two arms enter.
    treatment, reference : label
        The two arms compared.
    cut_points : array
        Days above zero at which one period ends and the next begins, increasing.
    entry : array of n, optional
        Days when a row comes under observation, as in ``cox``.
    strata : array of n labels, or a frame of n rows, optional
        Each has a baseline hazard of its own; the columns of a frame are crossed.
    covariates : DataFrame of n rows, optional
        Further terms of the model, as in ``cox``.
    weights : array of n, optional
        Case weights, zero or more.
    cluster : array of n labels, optional
        Rows of one cluster are taken as dependent.
    robust : bool, optional
        The robust variance or the model's; None: robust where weights or clusters are given. Without clusters each row
        of the data, with all its periods, is its own.
    ties : "efron", "breslow" or "exact", optional
        None takes the convention's.
    conf_level : float
        Level of the intervals.
    convention : Convention
        The defaults of R or of SAS.

    Returns
    -------
    Estimates
        A ``cox.hazard_ratio.piecewise`` per period, whose ``period`` reads ``0 to 180`` or, the last, ``after 365``:
        ``n`` are the rows observed in it, ``events`` theirs, the estimate is below 1 where the treatment does better
        for a bad event. Then one ``cox.period_interaction``. A period in which an arm has no events, or whose events
        are separated, is ``not_estimable`` and leaves the test; with fewer than two left so is the test.

    Raises
    ------
    InvalidInput
        As ``hazard_ratio``; for cut points that are not above zero and increasing.
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
    cuts, level = _checked_cuts(cut_points), checked_level(conf_level)
    labels = labelled(group, "group", rows.time.size)
    extra = None if covariates is None else design(covariates, rows.time.size)
    kept = np.flatnonzero((labels == treatment) | (labels == reference))
    split = _split(rows.of(kept), labels[kept] == treatment, cuts, (treatment, reference))
    names = [_name(cuts, number) for number in range(cuts.size + 1)]
    shared: dict[str, Any] = {
        "method": message(
            "cox_statistics.method.piecewise", **rows.choices(), covariates=adjusted(covariates), cuts=_listed(cuts)
        )
    }
    gaps = [_gap(split, number) for number in range(len(names))]
    used = [number for number, gap in enumerate(gaps) if gap is None]
    others = None if extra is None else extra.matrix[kept][split.source]
    failed: NotEstimable | None = None
    models: _Models | None = None
    if used:
        try:
            models = _fitted(split, used, names, gaps, others, [] if extra is None else list(extra.names))
        except NotEstimable as gap:
            failed = gap
    found = []
    for number, name in enumerate(names):
        here = split.period == number
        ratio: dict[str, Any] = {
            **shared,
            "analysis": "cox.hazard_ratio.piecewise",
            "unit": "ratio",
            "scale": "log",
            "groups": {"treatment": treatment, "reference": reference, "period": name},
            "n": int(here.sum()),
            "events": int(split.rows.event[here].sum()),
            "conf_level": level,
        }
        found.append(_of_period(ratio, gaps[number] or failed, models, number, level))
    test: dict[str, Any] = {
        **shared,
        "analysis": "cox.period_interaction",
        "unit": "chi-square",
        "groups": {"treatment": treatment, "reference": reference},
        "n": int(kept.size),
        "events": int(rows.event[kept].sum()),
        "is_test": True,
        "method": message(
            "cox_statistics.method.period_interaction_wald"
            if rows.robust
            else "cox_statistics.method.period_interaction_likelihood",
            **rows.choices(),
            covariates=adjusted(covariates),
            cuts=_listed(cuts),
        ),
    }
    return Estimates((*found, _test(test, failed, models)))


def _checked_cuts(cut_points: ArrayLike) -> Floats:
    cuts = numbers(np.atleast_1d(np.asarray(cut_points)), "cut_points")
    refuse(~np.isfinite(cuts) | (cuts <= 0), "cut_points", "days above zero", "another value")
    if cuts.size == 0 or not (np.diff(cuts) > TIE * cuts[1:]).all():
        raise InvalidInput("cut_points are not increasing", expected="one time or more, each above the one before")
    return cuts


def _name(cuts: Floats, number: int) -> str:
    if number == cuts.size:
        return f"after {days(cuts[-1])}"
    return f"{days(cuts[number - 1]) if number else 0} to {days(cuts[number])}"


def _listed(cuts: Floats) -> tuple[str, ...]:
    return tuple(str(days(cut)) for cut in cuts)


def _split(rows: Rows, treated: Flags, cuts: Floats, arms: tuple[Hashable, Hashable]) -> _Split:
    """A row per period in which the patient is under observation.

    Patients of a period are a stratum of their own: at an event time only those of the same period are at risk, and
    whoever is observed in a period without an entry in it is at risk from its start.
    """
    ends = np.append(cuts * (1 + TIE), np.inf)
    last = np.searchsorted(ends, rows.time, side="left")
    # An entry at a cut point is a start in the next period.
    first = np.zeros_like(last)
    if rows.entry is not None:
        first = np.minimum(np.searchsorted(ends, rows.entry * (1 + 2 * TIE), side="left"), last)
    spans = last - first + 1
    source = np.repeat(np.arange(rows.time.size), spans)
    period = np.arange(source.size) - np.repeat(np.cumsum(spans) - spans, spans) + first[source]
    part = rows.of(source)
    part = replace(
        part,
        event=part.event & (period == last[source]),
        stratum=np.unique(part.stratum * (cuts.size + 1) + period, return_inverse=True)[1].reshape(-1),
    )
    return _Split(part, source, period, treated[source], arms)


def _gap(split: _Split, number: int) -> NotEstimable | None:
    """Why the period has no hazard ratio; None where it has."""
    rows, labels = split.within(number)
    try:
        if not rows.event.any():
            raise NotEstimable(message("cox_statistics.reason.no_events_in_period"))
        comparable(rows, labels, split.arms)
        treated = split.treated[split.period == number].astype(float)[:, None]
        replace(rows, robust=False).fit(treated, [str(split.arms[0])])
    except NotEstimable as gap:
        return gap
    return None


def _fitted(
    split: _Split,
    used: list[int],
    periods: list[str],
    gaps: list[NotEstimable | None],
    others: Floats | None,
    names: list[str],
) -> _Models:
    """The model with an effect per period, and that with one effect for all of them."""
    kept = np.isin(split.period, used)
    if others is not None:
        # With an infinite ratio only the arm that has the events is at risk: it still tells about the covariates.
        for number, gap in enumerate(gaps):
            here = split.period == number
            with_events = np.unique(split.treated[here & split.rows.event])
            if gap is not None and with_events.size == 1:
                kept |= here & (split.treated == with_events[0])
    rows, treated, period = split.rows.of(kept), split.treated[kept], split.period[kept]
    own = np.column_stack([(treated & (period == number)).astype(float) for number in used])
    beside = [] if others is None else [others[kept]]
    treatment = str(split.arms[0])
    whole = rows.fit(np.hstack([own, *beside]), [*(f"{treatment} ({periods[number]})" for number in used), *names])
    if rows.robust or len(used) < 2:
        return _Models(used, whole, None)
    return _Models(used, whole, rows.fit(np.hstack([own.sum(axis=1)[:, None], *beside]), [treatment, *names]))


def _of_period(
    shared: dict[str, Any], gap: NotEstimable | None, models: _Models | None, number: int, level: float
) -> Estimate:
    try:
        if gap is not None or models is None:
            raise gap or NotEstimable(message("cox_statistics.reason.no_events"))
        place = models.used.index(number)
        covariance = models.whole.covariance
        answer = ratio_of(float(models.whole.coefficients[place]), math.sqrt(covariance[place, place]), level)
    except NotEstimable as why:
        return Estimate(**shared, status="not_estimable", reason=why.reason)
    return Estimate(**shared, **answer)


def _test(shared: dict[str, Any], failed: NotEstimable | None, models: _Models | None) -> Estimate:
    try:
        if failed is not None:
            raise failed
        if models is None or len(models.used) < 2:
            raise NotEstimable(message("cox_statistics.reason.one_period"))
        df = len(models.used) - 1
        if models.common is not None:
            statistic = max(0.0, 2 * (models.whole.log_likelihood - models.common.log_likelihood))
        else:
            contrast = np.hstack([-np.ones((df, 1)), np.eye(df)])
            covariance = models.whole.covariance[: df + 1, : df + 1]
            statistic = wald(contrast @ models.whole.coefficients[: df + 1], contrast @ covariance @ contrast.T)
    except NotEstimable as why:
        return Estimate(**shared, status="not_estimable", reason=why.reason)
    return Estimate(**shared, test_statistic=statistic, df=df, p_value=chi_square_p(statistic, df))
