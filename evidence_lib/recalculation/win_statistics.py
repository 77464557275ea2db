"""Independent recalculation of the win statistics: each treated patient against all reference patients, one by one.

Outcomes are compared by subtraction, wins and losses kept pair by pair within the row, variances taken from moments.
``SOURCE`` says the route, ``TOLERANCE`` how closely the two must agree: |a - b| <= tolerance * max(|a|, std_error).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.results import Estimate

_ROUTE = "comparison of each treated patient with all reference patients by subtraction; variance from second moments"
SOURCE: dict[str, str] = dict.fromkeys(("win_ratio", "win_odds", "net_benefit"), _ROUTE)
TOLERANCE: dict[str, float] = dict.fromkeys(SOURCE, 1e-6)
NOT_ESTIMABLE = "not estimable by the second route either"
SAME = 1e-9

Numbers = NDArray[np.float64]


def win_ratio(
    data: pd.DataFrame,
    components: Sequence[Any],
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    weights: str = "mh",
    tau: float | None = None,
    censoring: str = "common-follow-up",
    variance: str = "unrestricted",
    missing: str = "refuse",
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.win_statistics.win_ratio``: all its statistics."""
    given = (data, components, group, treatment, reference, strata, tau, censoring)
    return _estimate("ratio", given, weights, variance, conf_level)


def win_odds(
    data: pd.DataFrame,
    components: Sequence[Any],
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    weights: str = "mh",
    tau: float | None = None,
    censoring: str = "common-follow-up",
    variance: str = "unrestricted",
    missing: str = "refuse",
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.win_statistics.win_odds``: all its statistics."""
    given = (data, components, group, treatment, reference, strata, tau, censoring)
    return _estimate("odds", given, weights, variance, conf_level)


def net_benefit(
    data: pd.DataFrame,
    components: Sequence[Any],
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    weights: str = "mh",
    tau: float | None = None,
    censoring: str = "common-follow-up",
    variance: str = "unrestricted",
    missing: str = "refuse",
    conf_level: float = 0.95,
) -> Estimate:
    """Twin of ``statistics.win_statistics.net_benefit``: all its statistics."""
    given = (data, components, group, treatment, reference, strata, tau, censoring)
    return _estimate("net_benefit", given, weights, variance, conf_level)


@dataclass
class _Outcome:
    """One component of some patients; NaN where it is missing."""

    kind: str
    value: Numbers
    event: Numbers = field(default_factory=lambda: np.empty(0))
    margin: float = 0.0
    sign: int = 1
    times: list[Numbers] = field(default_factory=list)
    then: str = "none"
    # The times of all patients one after the other, and whose they are.
    flat: Numbers = field(default_factory=lambda: np.empty(0))
    owner: NDArray[np.int64] = field(default_factory=lambda: np.empty(0, dtype=np.int64))

    def of(self, rows: list[int]) -> _Outcome:
        """The same of some of the patients."""
        event = self.event[rows] if self.event.size else self.event
        times = [self.times[row] for row in rows] if self.times else []
        flat = np.concatenate([np.empty(0), *times])
        owner = np.repeat(np.arange(len(times)), [own.size for own in times])
        return _Outcome(self.kind, self.value[rows], event, self.margin, self.sign, times, self.then, flat, owner)


@dataclass
class _Part:
    """What one stratum says: shares won and lost, their covariance, the variance of their difference if equal."""

    n1: int
    n0: int
    with_event: int
    won: float
    lost: float
    covariance: Numbers
    null: float


def _estimate(kind: str, given: tuple[Any, ...], weights: str, variance: str, conf_level: float) -> Estimate:
    data, components, group, treatment, reference, strata, tau, censoring = given
    labels = list(np.asarray(group, dtype=object))
    number = _strata(strata, len(labels))
    parts_of = []
    for level in sorted(set(number)):
        own = [i for i, label in enumerate(labels) if label == treatment and number[i] == level]
        other = [i for i, label in enumerate(labels) if label == reference and number[i] == level]
        if own and other:
            parts_of.append((own, other))
    ending = None
    if censoring == "ipcw":
        first = components[0]
        ending = (_numbers(data[first.time]), _numbers(data[first.event]), float(first.margin))
        if tau is None and parts_of:
            tau = min(max(ending[0][i] for i in rows) for both in parts_of for rows in both)
    groups: dict[str, Any] = {"treatment": treatment, "reference": reference}
    if tau is not None:
        groups["time"] = int(tau) if float(tau).is_integer() else float(tau)
    variant = "_".join(["ipcw"] * (censoring == "ipcw") + ["stratified"] * (strata is not None))
    shared: dict[str, Any] = {
        "analysis": f"win.{kind}" + (f".{variant}" if variant else ""),
        "unit": "probability" if kind == "net_benefit" else "ratio",
        "scale": "identity" if kind == "net_benefit" else "log",
        "groups": groups,
        "n": sum(len(rows) for both in parts_of for rows in both),
        "conf_level": conf_level,
        "method": _ROUTE,
    }
    reaches = ending is None or tau is None or all(_reaches(ending, rows, tau) for both in parts_of for rows in both)
    if not parts_of or not reaches:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    outcomes = [_read(component, data, tau) for component in components]
    parts = [_part(outcomes, own, other, ending, tau) for own, other in parts_of]
    value, spread = _overall(kind, parts, weights, variance)
    if not math.isfinite(value):
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    if not spread > 1e-20:
        return Estimate(**shared, estimate=value, reason=NOT_ESTIMABLE)
    return _with_interval(shared, value, math.sqrt(spread))


def _with_interval(shared: dict[str, Any], value: float, error: float) -> Estimate:
    from scipy.stats import norm

    z = float(norm.isf((1 - shared["conf_level"]) / 2))
    log = shared["scale"] == "log"
    centre = math.log(value) if log else value
    p = max(2 * float(norm.sf(abs(centre / error))), float(np.finfo(float).tiny))
    found = {**shared, "estimate": value, "std_error": error, "p_value": p}
    if not log:
        return Estimate(**found, conf_low=max(value - z * error, -1.0), conf_high=min(value + z * error, 1.0))
    if abs(centre) + z * error > 700:
        return Estimate(**found, reason=NOT_ESTIMABLE)
    return Estimate(**found, conf_low=value * math.exp(-z * error), conf_high=value * math.exp(z * error))


def _overall(kind: str, parts: list[_Part], weights: str, variance: str) -> tuple[float, float]:
    """The statistic and the variance of it, of its logarithm for ratios; infinite or NaN where there is none."""
    singles = any(min(part.n1, part.n0) < 2 for part in parts)
    if weights.startswith("mean"):
        size = [part.n1 + part.n0 if weights == "mean-by-size" else part.with_event for part in parts]
        if not sum(size):
            return math.inf, math.nan
        value = spread = 0.0
        for n, part in zip(size, parts, strict=True):
            if n == 0:
                continue
            share = n / sum(size)
            one, own = _one(kind, part.won, part.lost, part.covariance, part.null, variance)
            own = math.nan if min(part.n1, part.n0) < 2 or not own > 1e-20 else own
            value += share * one
            spread += share**2 * own * (one**2 if kind != "net_benefit" and variance != "null" else 1.0)
        return value, spread / value**2 if kind != "net_benefit" and value > 0 else spread
    each = {
        "mh": lambda part: part.n1 * part.n0 / (part.n1 + part.n0),
        "equal": lambda part: part.n1 * part.n0,
        "size": lambda part: part.n1 + part.n0,
    }[weights]
    total = sum(each(part) for part in parts)
    share_of = [each(part) / total for part in parts]
    won = sum(w * part.won for w, part in zip(share_of, parts, strict=True))
    lost = sum(w * part.lost for w, part in zip(share_of, parts, strict=True))
    covariance = sum((w**2 * part.covariance for w, part in zip(share_of, parts, strict=True)), np.zeros((2, 2)))
    null = sum(w**2 * part.null for w, part in zip(share_of, parts, strict=True))
    value, spread = _one(kind, won, lost, covariance, null, variance)
    return value, math.nan if singles else spread


def _one(kind: str, won: float, lost: float, covariance: Numbers, null: float, variance: str) -> tuple[float, float]:
    (v, c), (_, u) = covariance
    benefit = won - lost if abs(won - lost) > 1e-15 else 0.0
    if kind == "net_benefit":
        return benefit, null if variance == "null" else v + u - 2 * c
    if kind == "odds":
        if abs(benefit) > 1 - SAME:
            return (math.inf if benefit > 0 else 0.0), math.nan
        spread = 4 * null if variance == "null" else (v + u - 2 * c) * (2 / (1 - benefit**2)) ** 2
        return (1 + benefit) / (1 - benefit), spread
    if lost == 0:
        return math.inf, math.nan
    if won == 0:
        return 0.0, math.nan
    if variance == "null":
        return won / lost, null / ((won + lost) / 2) ** 2
    return won / lost, v / won**2 + u / lost**2 - 2 * c / (won * lost)


def _part(
    outcomes: list[_Outcome],
    own: list[int],
    other: list[int],
    ending: tuple[Numbers, Numbers, float] | None,
    tau: float | None,
) -> _Part:
    treated, control = [outcome.of(own) for outcome in outcomes], [outcome.of(other) for outcome in outcomes]
    n1, n0 = len(own), len(other)
    weigher = None if ending is None or tau is None else _Weigher(ending, own, other, tau)
    rows, columns = np.zeros((2, n1)), np.zeros((2, n0))
    decided = 0
    for i in range(n1):
        verdict, at = _against_all(treated, control, i)
        decided += int(np.count_nonzero(verdict))
        for side, won in enumerate((verdict > 0, verdict < 0)):
            counted = won.astype(float) if weigher is None else weigher.counted(i, won, at, side)
            rows[side, i] = counted.sum()
            columns[side] += counted
    own_sum = rows[0] - rows[1]
    other_sum = columns[0] - columns[1]
    null = math.nan
    if min(n1, n0) > 1:
        # Products of two different pairs of the same patient.
        same_row = float((own_sum**2).sum()) - decided
        same_column = float((other_sum**2).sum()) - decided
        null = (n0 * same_row / (n0 - 1) + n1 * same_column / (n1 - 1)) / (n1 * n0) ** 2
    mean = rows.sum(axis=1) / (n1 * n0)
    by_row, by_column = rows / n0, columns / n1
    if weigher is not None:
        by_row, by_column = by_row + weigher.variation(True), by_column + weigher.variation(False)
    covariance = (by_row @ by_row.T / n1 - np.outer(mean, mean)) / n1
    covariance += (by_column @ by_column.T / n0 - np.outer(mean, mean)) / n0
    with_event = sum(any(_has_event(outcome, i) for outcome in outcomes) for i in [*own, *other])
    return _Part(n1, n0, with_event, float(mean[0]), float(mean[1]), covariance, null)


def _against_all(treated: list[_Outcome], control: list[_Outcome], i: int) -> tuple[Numbers, Numbers]:
    """1 for a win, -1 for a loss and 0 for a tie against each reference patient, and the component that decided."""
    verdict = np.zeros(control[0].value.size)
    at = np.full(verdict.size, -1.0)
    for c, (mine, theirs) in enumerate(zip(treated, control, strict=True)):
        here = {"time": _times, "events": _events, "value": _values}[mine.kind](mine, theirs, i)
        open_pairs = at < 0
        verdict = np.where(open_pairs, here, verdict)
        at = np.where(open_pairs & (here != 0), c, at)
    return verdict, at


def _values(mine: _Outcome, theirs: _Outcome, i: int) -> Numbers:
    with np.errstate(over="ignore"):
        difference = mine.sign * (mine.value[i] - theirs.value)
    # Close to the margin is not above it; the error allowed is that of the better of the two.
    above = np.where(difference > 0, abs(mine.value[i]), np.abs(theirs.value))
    slack = SAME * np.maximum(above, mine.margin)
    with np.errstate(invalid="ignore"):
        return (
            np.where(difference > 0, difference > mine.margin + slack, -1.0 * (-difference > mine.margin + slack)) * 1.0
        )


def _times(mine: _Outcome, theirs: _Outcome, i: int) -> Numbers:
    t, d, m = mine.value[i], mine.event[i] == 1, mine.margin
    s, e = theirs.value, theirs.event == 1
    with np.errstate(invalid="ignore"):
        # Whoever is censored is later still: a difference equal to the margin is above it.
        mine_longer = t - s - m > SAME * max(t, m) if d else t - s - m >= -SAME * max(t, m)
        slack = SAME * np.maximum(s, m)
        theirs_longer = np.where(e, s - t - m > slack, s - t - m >= -slack)
    return mine.sign * ((e & mine_longer) * 1.0 - (d & theirs_longer) * 1.0)


def _events(mine: _Outcome, theirs: _Outcome, i: int) -> Numbers:
    end = np.minimum(mine.value[i], theirs.value) * (1 + SAME)
    own = np.searchsorted(mine.times[i], end, side="right")
    other = np.bincount(theirs.owner[theirs.flat <= end[theirs.owner]], minlength=end.size)
    out = np.where(np.isnan(end), 0.0, np.sign(other - own))
    if mine.then == "none":
        return out
    level = np.flatnonzero(~np.isnan(end) & (own == other) & (own > 0))
    place = own[level] - 1 if mine.then == "last" else np.zeros(level.size, dtype=int)
    x, y = mine.times[i][place], theirs.flat[np.searchsorted(theirs.owner, level, side="left") + place]
    out[level] = np.where(np.abs(x - y) <= SAME * np.maximum(x, y), 0.0, np.sign(x - y))
    return out


class _Weigher:
    """Weights of pairs by the inverse probability of not being censored, and what its estimation adds."""

    def __init__(self, ending: tuple[Numbers, Numbers, float], own: list[int], other: list[int], tau: float) -> None:
        time, event, self.margin = ending
        self.arms = [_censored(time[rows], event[rows], tau) for rows in (own, other)]
        self.pairs = len(own) * len(other)
        # By side (won, lost), arm and censoring time: the weights of pairs decided after it.
        self.after = [[np.zeros(arm["at"].size) for arm in self.arms] for _ in range(2)]

    def counted(self, i: int, won: NDArray[np.bool_], at: Numbers, side: int) -> Numbers:
        """The weights of one treated patient's pairs that were won, or lost."""
        treated, control = self.arms
        loser = control["time"] if side == 0 else np.full(control["time"].size, treated["time"][i])
        first = at == 0
        own_end = np.where(first, loser + (self.margin if side == 0 else 0.0), treated["time"][i])
        other_end = np.where(first, loser + (0.0 if side == 0 else self.margin), control["time"])
        counts = won & (first | (treated["known"][i] & control["known"]))
        probability = _still(treated, own_end) * _still(control, other_end)
        weight = np.where(counts, 1 / np.where(counts, probability, 1.0), 0.0)
        for arm, end, total in ((treated, own_end, self.after[side][0]), (control, other_end, self.after[side][1])):
            ended = np.bincount(_before(arm, end), weight, arm["at"].size + 1)
            total += ended[::-1].cumsum()[::-1][1:]
        return weight

    def variation(self, is_treated: bool) -> Numbers:
        """What each patient of an arm adds to the shares won and lost, times the size of the arm (2, n)."""
        arm = self.arms[0 if is_treated else 1]
        out = np.zeros((2, arm["time"].size))
        for side in range(2):
            total = self.after[side][0 if is_treated else 1]
            for k, u in enumerate(arm["at"]):
                here = arm["censored"] & (np.abs(arm["time"] - u) <= SAME * u)
                at_risk = (arm["time"] > u * (1 + SAME)) | here
                martingale = here - at_risk * here.sum() / at_risk.sum()
                out[side] += total[k] / self.pairs * arm["time"].size * martingale / at_risk.sum()
        return out


def _censored(time: Numbers, event: Numbers, tau: float) -> dict[str, Any]:
    """One arm up to the limit: times, who is known to it or to the event, and the Kaplan-Meier curve of censoring."""
    observed = (event == 1) & (time <= tau * (1 + SAME))
    end = np.minimum(time, tau)
    censored = ~observed & (end < tau * (1 - SAME))
    at: list[float] = []
    for u in sorted(end[censored].tolist()):
        if not at or u - at[-1] > SAME * u:
            at.append(u)
    left, curve = 1.0, []
    for u in at:
        here = int((censored & (np.abs(end - u) <= SAME * u)).sum())
        at_risk = int((end > u * (1 + SAME)).sum()) + here
        left *= 1 - here / at_risk
        curve.append(left)
    return {"time": end, "known": ~censored, "censored": censored, "at": np.array(at), "curve": np.array(curve)}


def _before(arm: dict[str, Any], time: Numbers) -> NDArray[np.int64]:
    """How many censoring times are before each of these."""
    return np.searchsorted(arm["at"] * (1 + SAME), time, side="left")


def _still(arm: dict[str, Any], time: Numbers) -> Numbers:
    """P(C >= time)."""
    return np.concatenate([[1.0], arm["curve"]])[_before(arm, time)]


def _reaches(ending: tuple[Numbers, Numbers, float], rows: list[int], tau: float) -> bool:
    last = max(ending[0][i] for i in rows)
    open_end = any(ending[0][i] >= last * (1 - SAME) and ending[1][i] != 1 for i in rows)
    return tau <= last * (1 + SAME) or not open_end


def _read(component: Any, data: pd.DataFrame, tau: float | None) -> _Outcome:
    limit = math.inf if tau is None else tau
    if hasattr(component, "event"):
        time, event = _numbers(data[component.time]), _numbers(data[component.event])
        time = np.where(np.isnan(event), np.nan, time)
        flags = np.where(time <= limit * (1 + SAME), event, 0.0)
        sign = 1 if component.better == "later" else -1
        return _Outcome("time", np.minimum(time, limit), flags, float(component.margin), sign)
    if hasattr(component, "follow_up"):
        cells = data[component.times].tolist()
        absent = [cell is None or cell is pd.NA or (isinstance(cell, float) and math.isnan(cell)) for cell in cells]
        times = [
            np.array([]) if gone else np.sort(np.asarray(cell, float)) for gone, cell in zip(absent, cells, strict=True)
        ]
        end = np.where(absent, np.nan, np.minimum(_numbers(data[component.follow_up]), limit))
        return _Outcome("events", end, times=[t[t <= limit * (1 + SAME)] for t in times], then=component.then)
    column = data[component.value]
    if isinstance(column.dtype, pd.CategoricalDtype):
        order = {level: float(place) for place, level in enumerate(column.cat.categories)}
        value = np.array([order.get(level, math.nan) for level in column])
    else:
        value = _numbers(column)
    return _Outcome(
        "value", value, margin=float(getattr(component, "margin", 0.0)), sign=1 if component.better == "larger" else -1
    )


def _has_event(outcome: _Outcome, i: int) -> bool:
    if outcome.kind == "time":
        return not math.isnan(outcome.value[i]) and outcome.event[i] == 1
    return outcome.kind == "events" and not math.isnan(outcome.value[i]) and outcome.times[i].size > 0


def _numbers(column: pd.Series) -> Numbers:
    return np.asarray(column.to_numpy(dtype=float, na_value=np.nan), dtype=np.float64)


def _strata(strata: Any, size: int) -> list[int]:
    if strata is None:
        return [0] * size
    columns = [strata[name] for name in strata.columns] if isinstance(strata, pd.DataFrame) else [strata]
    rows = list(zip(*(np.asarray(column, dtype=object).tolist() for column in columns), strict=True))
    known = {row: number for number, row in enumerate(dict.fromkeys(rows))}
    return [known[row] for row in rows]
