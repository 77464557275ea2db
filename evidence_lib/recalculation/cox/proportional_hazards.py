"""Recalculation of the proportional-hazards test, from the definition of a score test."""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Hashable
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R, Ties
from evidence_lib.recalculation.cox.fits import (
    Data,
    Floats,
    Unanswered,
    at_risk,
    fitted,
    indicators,
    scaled,
    stratum_numbers,
    ties_of,
)
from evidence_lib.recalculation.cox.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.survival.steps import plain, steps
from evidence_lib.results import Estimate, Estimates

SINGULAR = 1e-9


def proportional_hazards_test(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable | None = None,
    reference: Hashable | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    transform: Literal["km", "rank", "identity", "log"] = "km",
    ties: Ties | None = None,
    convention: Convention = R,
) -> Estimates:
    """Twin of ``statistics.cox.proportional_hazards_test``: chi-square, degrees of freedom and p-value."""
    from scipy.stats import chi2

    labels = np.asarray(group, dtype=object)
    rows = np.array([treatment is None or label in (treatment, reference) for label in labels], dtype=bool)
    arms = sorted(set(labels), key=str) if treatment is None else [reference, treatment]
    blocks: list[Floats] = [(labels == arm).astype(float)[:, None] for arm in arms[1:]]
    owner: list[str | None] = [None] * len(blocks)
    if covariates is not None:
        block, names = indicators(covariates)
        blocks.append(block)
        owner += names
    tests: dict[str | None, list[int]] = {None: []}
    for j, name in enumerate(owner):
        tests.setdefault(name, []).append(j)
    if covariates is not None:
        tests["global"] = list(range(len(owner)))
    times, events = plain(np.asarray(time)[rows], np.asarray(event)[rows])
    stratum = stratum_numbers(strata)
    data = Data(times, events, None if stratum is None else stratum[rows], ties_of(ties, convention))
    answers = _statistics(data, np.hstack(blocks)[rows], transform, tests) if tests[None] else {}
    found = []
    for name, columns in tests.items():
        shared: dict[str, Any] = {
            "analysis": "proportional_hazards.test",
            "unit": "chi-square",
            "method": SOURCE["proportional_hazards_test"],
            "groups": {} if name is None else {"variable": name},
            "n": int(rows.sum()),
            "events": int(events.sum()),
            "is_test": True,
        }
        value = answers.get(name)
        if value is None:
            found.append(Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE))
        else:
            p_value = float(chi2.sf(value, len(columns)))
            found.append(Estimate(**shared, test_statistic=value, df=len(columns), p_value=p_value))
    return Estimates(tuple(found))


def _statistics(
    data: Data, x: Floats, transform: str, tests: dict[str | None, list[int]]
) -> dict[str | None, float | None]:
    try:
        fit = fitted(data, x)
    except Unanswered:
        return {}
    clock = _clock(data, transform)
    values = np.array([clock[t] for t in data.time[data.event == 1]])
    if not np.isfinite(values).all() or values.max() == values.min():
        return {}
    middle, width = values.mean(), np.abs(values - values.mean()).max()
    scaled_clock = {t: (g - middle) / width for t, g in clock.items()}
    part, seen = at_risk(data, x)
    score, information = _widened(part, scaled(seen)[0], fit.params, scaled_clock)
    p = x.shape[1]
    answers: dict[str | None, float | None] = {}
    for name, columns in tests.items():
        tested = [p + j for j in columns]
        fixed = information[:p, :p]
        left = information[np.ix_(tested, tested)] - information[np.ix_(tested, range(p))] @ np.linalg.solve(
            fixed, information[np.ix_(range(p), tested)]
        )
        share = np.diag(left) / np.diag(information)[tested]
        size = np.sqrt(np.diag(left).clip(min=0))
        if share.min() <= SINGULAR or np.linalg.eigvalsh(left / np.outer(size, size))[0] <= SINGULAR:
            answers[name] = None
            continue
        # The coefficients themselves are at their maximum: their part of the score is zero.
        chosen = [*range(p), *tested]
        u = np.concatenate([np.zeros(p), score[tested]])
        answers[name] = float(u @ np.linalg.solve(information[np.ix_(chosen, chosen)], u))
    return answers


def _widened(data: Data, z: Floats, beta: Floats, clock: dict[float, float]) -> tuple[Floats, Floats]:
    """Score and information of the model with the columns z and z g(t), one event time after another."""
    p = z.shape[1]
    score, information = np.zeros(2 * p), np.zeros((2 * p, 2 * p))
    stratum = np.zeros(data.time.size) if data.stratum is None else data.stratum
    for number in np.unique(stratum):
        inside = stratum == number
        t, e, x = data.time[inside], data.event[inside] == 1, z[inside]
        eta = x @ beta
        risk = np.exp(eta - eta.max())
        for moment in np.unique(t[e]):
            widening = np.array([1.0, clock[moment]])
            ill, dead = t >= moment, (t == moment) & e
            everybody, these = _sums(risk[ill], x[ill]), _sums(risk[dead], x[dead])
            count = int(dead.sum())
            score += np.kron(widening, x[dead].sum(axis=0))
            for turn in range(count):
                weight = turn / count if data.ties == "efron" else 0.0
                s0, s1, s2 = (whole - weight * part for whole, part in zip(everybody, these, strict=True))
                mean = s1 / s0
                score -= np.kron(widening, mean)
                information += np.kron(np.outer(widening, widening), s2 / s0 - np.outer(mean, mean))
    return score, information


def _sums(risk: Floats, x: Floats) -> tuple[Any, Any, Any]:
    weighted = risk[:, None] * x
    return risk.sum(), weighted.sum(axis=0), x.T @ weighted


def _clock(data: Data, transform: str) -> dict[float, float]:
    """The value of g at each time."""
    from scipy.stats import rankdata

    distinct = [float(t) for t in np.unique(data.time)]
    if transform == "km":
        curve = steps(data.time, data.event)
        before = [1.0, *curve.survival]
        return {t: 1 - before[bisect_left(curve.time, t)] for t in distinct}
    if transform == "rank":
        return dict(zip(data.time.tolist(), rankdata(data.time).tolist(), strict=True))
    if transform == "identity":
        return {t: t / max(distinct[-1], 1.0) for t in distinct}
    with np.errstate(divide="ignore"):
        return {t: float(np.log(t)) for t in distinct}
