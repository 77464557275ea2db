"""Recalculation of the Wei-Lin-Weissfeld model."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.conventions import Convention, R, Ties
from evidence_lib.recalculation.cox.fits import Data, Floats, at_risk, indicators, stratum_numbers, ties_of
from evidence_lib.recalculation.cox.loops import score_residuals
from evidence_lib.recalculation.recurrent_events.histories import fit_of, histories, ratio, shared
from evidence_lib.recalculation.recurrent_events.sources import NOT_ESTIMABLE
from evidence_lib.recalculation.survival.steps import quantile, tail
from evidence_lib.results import Estimate, Estimates


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
    """Twin of ``statistics.recurrent_events.wlw``."""
    subjects = list(histories(subject, start, stop, event).values())
    first = np.array([history[0].row for history in subjects], dtype=int)
    labels = np.asarray(group, dtype=object)[first]
    here = (labels == treatment) | (labels == reference)
    extra = None if covariates is None else indicators(covariates)[0][first]
    given = stratum_numbers(strata)
    stratum = np.zeros(first.size, np.int64) if given is None else given[first]
    occurred = [[interval.stop for interval in history if interval.event] for history in subjects]
    largest = max([len(times) for times in occurred], default=0)
    count = max(largest if max_events is None else min(max_events, largest), 1)
    chosen = ties_of(ties, convention)
    tables = []
    for k in range(count):
        ends = [
            times[k] if k < len(times) else history[-1].stop for times, history in zip(occurred, subjects, strict=True)
        ]
        events = [float(k < len(times)) for times in occurred]
        tables.append(Data(np.array(ends), np.array(events), stratum, chosen, cluster=np.arange(first.size)))
    facts = shared("wlw", "wlw.hazard_ratio.common", treatment, reference, conf_level)
    joined = Data(
        np.concatenate([table.time for table in tables]),
        np.concatenate([table.event for table in tables]),
        np.concatenate([stratum * count + k for k in range(count)]),
        chosen,
        cluster=np.tile(np.arange(first.size), count),
    )
    stacked = None if extra is None else np.tile(extra, (count, 1))
    found = [ratio(joined, np.tile(labels, count), stacked, treatment, reference, facts, int(here.sum()))]
    effects: list[float] = []
    contributions: list[Floats] = []
    for k, table in enumerate(tables):
        own = {**facts, "analysis": "wlw.hazard_ratio.event", "groups": {**facts["groups"], "event_number": k + 1}}
        estimate = ratio(table, labels, extra, treatment, reference, own, int(here.sum()))
        found.append(estimate)
        if estimate.estimate is not None:
            effects.append(math.log(estimate.estimate))
            contributions.append(_contributions(table, labels, extra, treatment, reference))
    entered = int(joined.event[np.tile(here, count)].sum())
    average = {**facts, "analysis": "wlw.hazard_ratio.average", "n": int(here.sum()), "events": entered}
    test: dict[str, Any] = {
        **{name: average[name] for name in ("groups", "n", "events", "method")},
        "analysis": "wlw.test",
        "unit": "chi-square",
        "is_test": True,
    }
    covariance = np.array([[float(np.sum(a * b)) for b in contributions] for a in contributions])
    size = np.sqrt(np.diag(covariance)) if contributions else np.zeros(0)
    if not contributions or np.linalg.eigvalsh(covariance / np.outer(size, size))[0] <= 1e-10:
        found += [Estimate(**each, status="not_estimable", reason=NOT_ESTIMABLE) for each in (average, test)]
        return Estimates(tuple(found))
    inverse = np.linalg.inv(covariance)
    mean, error = float(inverse.sum(axis=0) @ effects / inverse.sum()), float(inverse.sum() ** -0.5)
    low, high = (math.exp(mean + sign * quantile(conf_level) * error) for sign in (-1, 1))
    found.append(
        Estimate(
            **average,
            estimate=math.exp(mean),
            std_error=error,
            conf_low=low,
            conf_high=high,
            p_value=tail(mean / error),
        )
    )
    from scipy.stats import chi2

    statistic = float(np.array(effects) @ inverse @ effects)
    p_value = float(chi2.sf(statistic, len(effects)))
    found.append(Estimate(**test, test_statistic=statistic, df=len(effects), p_value=p_value))
    return Estimates(tuple(found))


def _contributions(
    data: Data, labels: NDArray[Any], extra: Floats | None, treatment: Hashable, reference: Hashable
) -> Floats:
    """What each row adds to the log ratio, up to second order: its score residual times the inverse information."""
    answer = fit_of(data, labels, extra, treatment, reference)
    out = np.zeros(labels.size)
    if answer is None:
        return out
    fit, x, rows = answer
    part = data.of(rows)
    # Who is never at risk adds nothing; the others in the units in which the model was fitted.
    seen, wide = at_risk(part, np.column_stack([x / fit.unit, np.flatnonzero(rows)]))
    z, places = wide[:, :-1], wide[:, -1].astype(int)
    scores = score_residuals(seen.sample(), z, fit.params)
    information = -seen.model(z).hessian(fit.params)
    out[places] = np.linalg.solve(information, scores.T)[0] / fit.unit[0]
    return out
