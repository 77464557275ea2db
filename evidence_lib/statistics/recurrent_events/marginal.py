"""The marginal model of Wei, Lin & Weissfeld: the time to the first, the second, the third event, from the start."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R, Ties
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.cox.hazard_ratio import adjusted, arm_columns, comparable, ratio_of
from evidence_lib.statistics.cox.inputs import TIES_NAME, Rows, checked_rows, chosen_approximation, stratified
from evidence_lib.statistics.cox.maximum import wald
from evidence_lib.statistics.design import Design, design
from evidence_lib.statistics.distributions import chi_square_p
from evidence_lib.statistics.inputs import Counts, Floats, checked_level, crossed, refuse
from evidence_lib.statistics.not_estimable import NotEstimable
from evidence_lib.statistics.recurrent_events.inputs import Intervals, of_subjects
from evidence_lib.statistics.recurrent_events.intensity import checked_number, compared, most_events


@dataclass(frozen=True, eq=False)
class _Subjects:
    """One entry per subject of a table of times to event number k: what does not change with k."""

    intervals: Intervals
    first: Counts
    labels: np.ndarray
    extra: Design | None
    stratum: Counts
    arms: tuple[Hashable, Hashable]
    ties: Any

    def table(self, number: int) -> Rows:
        """Of each subject: the time to this event, or to the end of observation."""
        given = self.intervals
        size = self.first.size
        time = np.zeros(size)
        np.maximum.at(time, given.subject, given.stop)
        event = np.zeros(size, dtype=bool)
        here = given.event & (given.earlier_events() == number - 1)
        time[given.subject[here]], event[given.subject[here]] = given.stop[here], True
        rows = checked_rows(time, event, cluster=np.arange(size), ties=self.ties, convention=R)
        return replace(rows, stratum=self.stratum)

    def effect(self, number: int) -> tuple[float, Floats]:
        """The log hazard ratio for this event, and the contribution of each subject to it (subjects,)."""
        rows = self.table(number)
        comparable(rows, self.labels, self.arms)
        arms = arm_columns(self.labels, rows.event, *self.arms, self.extra)
        fit = rows.of(arms.kept).fit(arms.x[arms.kept], arms.names)
        influence = fit.influence(np.flatnonzero(arms.kept), self.first.size)
        return float(fit.coefficients[0]), influence[:, 0]


def wlw(
    subject: ArrayLike,
    start: ArrayLike,
    stop: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    max_events: int | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    ties: Ties | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimates:
    """Hazard ratios of two arms for the first, second, ... event, each counted from time 0; below 1 favours treatment.

    Wei, Lin & Weissfeld (1989, J Am Stat Assoc 84:1065): for each k a Cox model of the time to the k-th event, with all
    subjects at risk for it from time 0 and coefficients of its own (eq. 2.1). The covariance V of the K log hazard
    ratios b is robust, from the sums of squares and products of the subjects' contributions (section 2.2). The
    ``average`` is c' b with the weights c = V^-1 1 / (1' V^-1 1) of smallest variance (section 2.3); the test that no
    event is affected is b' V^-1 b, chi-square with K degrees of freedom. The ``common`` ratio is that of one model with
    a stratum per event number and one effect, its variance robust by subject.

    Assumes proportional hazards of the time to each event. Misreading: the k-th hazard ratio takes in the effect on the
    events before it, so that an effect on first events alone shows in all; it is not an effect "on k-th events".

    Parameters
    ----------
    subject : array of n labels
        Whose interval a row is.
    start, stop : array of n
        Days; a subject's intervals must begin at 0 and leave no gap.
    event : array of n
        1 or True where an event happens at ``stop``, else 0 or False.
    group : array of n
        Arm labels, the same in all rows of a subject. All arms enter the models, as in ``cox.hazard_ratio``.
    treatment, reference : label
        The two arms compared.
    max_events : int, optional
        The largest event number K; None takes the largest number of events of a subject.
    strata : array of n labels, or a frame of n rows, optional
        Each has baseline hazards of its own; the columns of a frame are crossed.
    covariates : DataFrame of n rows, optional
        Further terms of the models, as in ``cox``; the same in all rows of a subject.
    ties : "efron" or "breslow", optional
        None takes the convention's.
    conf_level : float
        Level of the intervals.
    convention : Convention
        The defaults of R or of SAS.

    Returns
    -------
    Estimates
        ``wlw.hazard_ratio.common``, a ``wlw.hazard_ratio.event`` for each ``event_number``, then
        ``wlw.hazard_ratio.average`` and ``wlw.test``. Estimates and limits on the ratio scale, ``std_error`` on the log
        scale; ``n`` counts subjects of the two arms, ``events`` the events that entered. An event number without an
        estimate is ``not_estimable`` and leaves the average and the test.

    Raises
    ------
    InvalidInput
        As ``andersen_gill``; for subjects who are not observed from time 0 without gaps, strata or covariates that
        change within a subject, a ``max_events`` below 1.
    """
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    given, labels = compared(subject, start, stop, event, group)
    _observed_throughout(given)
    chosen, level, most = chosen_approximation(ties, convention), checked_level(conf_level), checked_number(max_events)
    stratum, strata_names = crossed(strata, labels.size)
    of_subjects(given, stratum, "strata")
    extra = None if covariates is None else design(covariates, labels.size)
    for j, name in enumerate(() if extra is None else extra.names):
        of_subjects(given, extra.matrix[:, j] if extra is not None else stratum, name)
    first = np.unique(given.subject, return_index=True)[1]
    rows = _Subjects(
        given,
        first,
        labels[first],
        None if extra is None else Design(extra.matrix[first], extra.names, extra.variables),
        stratum[first],
        (treatment, reference),
        chosen,
    )
    largest = int((given.earlier_events() + given.event).max(initial=0))
    count = max(largest if most is None else min(most, largest), 1)
    here = (rows.labels == treatment) | (rows.labels == reference)
    parts: dict[str, Any] = {
        "ties": TIES_NAME[chosen],
        "strata": stratified(strata_names),
        "covariates": adjusted(covariates),
        "most": most_events(most),
    }
    ratio: dict[str, Any] = {
        "groups": {"treatment": treatment, "reference": reference, "subgroup": "all"},
        "unit": "ratio",
        "scale": "log",
        "n": int(here.sum()),
        "conf_level": level,
    }
    tables = [rows.table(number) for number in range(1, count + 1)]
    events = [int(table.event[here].sum()) for table in tables]
    common = _common(rows, tables, {**ratio, "events": sum(events)}, parts, level)
    effects, estimates = _by_number(rows, events, ratio, parts, level)
    return Estimates((common, *estimates, *_together(effects, {**ratio, "events": sum(events)}, parts, level)))


def _observed_throughout(given: Intervals) -> None:
    order = given.ordered()
    subject, start, stop = given.subject[order], given.start[order], given.stop[order]
    expected = np.where(np.concatenate([[False], subject[1:] == subject[:-1]])[: stop.size], np.roll(stop, 1), 0.0)
    wrong = np.zeros(stop.size, dtype=bool)
    wrong[order] = start != expected
    refuse(wrong, "start", "intervals from time 0 that leave no gap", "a late start or a gap")


def _common(
    subjects: _Subjects, tables: list[Rows], ratio: dict[str, Any], parts: dict[str, Any], level: float
) -> Estimate:
    """One effect on all events: the tables one below the other, each a stratum."""
    ratio = {
        **ratio,
        "analysis": "wlw.hazard_ratio.common",
        "method": message("recurrent_events_statistics.method.wlw_common", **parts),
    }
    size, count = subjects.first.size, len(tables)
    try:
        rows = Rows(
            time=np.concatenate([table.time for table in tables]),
            event=np.concatenate([table.event for table in tables]),
            entry=None,
            weights=None,
            cluster=np.tile(np.arange(size), count),
            clustered=True,
            robust=True,
            stratum=np.concatenate([table.stratum * count + k for k, table in enumerate(tables)]),
            strata_names=None,
            ties=subjects.ties,
        )
        labels = np.tile(subjects.labels, count)
        comparable(rows, labels, subjects.arms)
        extra = subjects.extra
        if extra is not None:
            extra = Design(np.tile(extra.matrix, (count, 1)), extra.names, extra.variables)
        arms = arm_columns(labels, rows.event, *subjects.arms, extra)
        fit = rows.of(arms.kept).fit(arms.x[arms.kept], arms.names)
        return Estimate(**ratio, **ratio_of(float(fit.coefficients[0]), math.sqrt(fit.covariance[0, 0]), level))
    except NotEstimable as gap:
        return Estimate(**ratio, status="not_estimable", reason=gap.reason)


def _by_number(
    subjects: _Subjects, events: list[int], ratio: dict[str, Any], parts: dict[str, Any], level: float
) -> tuple[list[tuple[float, Floats]], list[Estimate]]:
    """The effects that have an estimate, and the estimates of all event numbers."""
    effects, estimates = [], []
    for number, happened in enumerate(events, start=1):
        own = {
            **ratio,
            "analysis": "wlw.hazard_ratio.event",
            "groups": {**ratio["groups"], "event_number": number},
            "events": happened,
            "method": message("recurrent_events_statistics.method.wlw_event", **parts),
        }
        try:
            effect, influence = subjects.effect(number)
            answer = ratio_of(effect, math.sqrt(influence @ influence), level)
        except NotEstimable as gap:
            estimates.append(Estimate(**own, status="not_estimable", reason=gap.reason))
            continue
        effects.append((effect, influence))
        estimates.append(Estimate(**own, **answer))
    return effects, estimates


def _together(
    effects: list[tuple[float, Floats]], ratio: dict[str, Any], parts: dict[str, Any], level: float
) -> tuple[Estimate, Estimate]:
    """The average effect, and the test that no event is affected."""
    numbers = len(effects)
    average = {
        **ratio,
        "analysis": "wlw.hazard_ratio.average",
        "method": message("recurrent_events_statistics.method.wlw_average", **parts),
    }
    test: dict[str, Any] = {
        **{name: ratio[name] for name in ("groups", "n", "events")},
        "analysis": "wlw.test",
        "unit": "chi-square",
        "is_test": True,
        "method": message("recurrent_events_statistics.method.wlw_test", **parts),
    }
    try:
        if not effects:
            raise NotEstimable(message("recurrent_events_statistics.reason.no_event_number"))
        logs = np.array([effect for effect, _ in effects])
        influence = np.stack([influence for _, influence in effects])
        covariance = influence @ influence.T
        statistic = wald(logs, covariance)
        weights = np.linalg.solve(covariance, np.ones(numbers))
        answer = ratio_of(float(weights @ logs / weights.sum()), 1 / math.sqrt(weights.sum()), level)
    except NotEstimable as gap:
        reason: Message = gap.reason
        return tuple(Estimate(**each, status="not_estimable", reason=reason) for each in (average, test))  # type: ignore[return-value]
    tested = Estimate(**test, test_statistic=statistic, df=numbers, p_value=chi_square_p(statistic, numbers))
    return Estimate(**average, **answer), tested
