"""Win statistics: a second route pair by pair, closed forms, properties, edges and refusals."""

from __future__ import annotations

import itertools
import math
import tracemalloc
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import mannwhitneyu, norm

from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import win_statistics as twins
from evidence_lib.results import STATISTICS, Estimate, analyses
from evidence_lib.statistics.survival import kaplan_meier
from evidence_lib.statistics.win_statistics import (
    Continuous,
    Ordinal,
    Recurrent,
    TimeToEvent,
    WinStatistics,
    net_benefit,
    pairs,
    win_odds,
    win_ratio,
    win_statistics,
)

ARMS: dict[str, Any] = {"treatment": 1, "reference": 0}
NAMES = ("win_ratio", "win_odds", "net_benefit")
DEATH = TimeToEvent(time="days", event="death")
STAYS = Recurrent(times="stays", follow_up="days")
SCORE = Continuous(value="score")
GRADE = Ordinal(value="grade")
HIERARCHY = [DEATH, STAYS, SCORE]


def trial(seed: int, n: int = 60) -> pd.DataFrame:
    """A trial on whole days, with many ties, of two arms."""
    rng = np.random.default_rng(seed)
    frame = pd.DataFrame({"arm": rng.permutation(np.arange(n) % 2), "site": rng.integers(0, 3, n)})
    death, end = rng.exponential(400 + 200 * frame["arm"]), rng.integers(100, 500, n)
    frame["days"], frame["death"] = np.minimum(death.round(), end), death.round() <= end
    stays = rng.poisson(1.3, n)
    frame["stays"] = [
        sorted(rng.integers(0, last + 1, k)) for last, k in zip(frame["days"].astype(int), stays, strict=True)
    ]
    frame["score"] = rng.normal(frame["arm"] / 3, 1, n).round(1)
    frame["grade"] = rng.integers(1, 5, n)
    return frame


def compared(frame: pd.DataFrame, components: list[Any], **choices: Any) -> WinStatistics:
    return win_statistics(frame, components, frame["arm"], **{**ARMS, **choices})


def two(treated: list[Any], reference: list[Any], column: str = "score") -> pd.DataFrame:
    return pd.DataFrame({"arm": [1] * len(treated) + [0] * len(reference), column: [*treated, *reference]})


def statistics_of(estimate: Estimate) -> dict[str, float]:
    return {name: value for name in STATISTICS for value in [getattr(estimate, name)] if value is not None}


# Second routes


def verdict(a: dict[str, Any], b: dict[str, Any], components: list[Any], tau: float) -> tuple[int, int]:
    """Whether patient a wins (1), loses (-1) or ties (0), and at which component, in plain words of Python."""
    for place, component in enumerate(components):
        result = 0
        if isinstance(component, TimeToEvent):
            result = _longer(a, b, component, tau) - _longer(b, a, component, tau)
            result = result if component.better == "later" else -result
        elif isinstance(component, Recurrent):
            shared = min(a[component.follow_up], b[component.follow_up], tau)
            own, other = ([day for day in patient[component.times] if day <= shared] for patient in (a, b))
            result = (len(own) < len(other)) - (len(own) > len(other))
            if result == 0 and own and component.then != "none":
                pick = -1 if component.then == "last" else 0
                result = int(own[pick] > other[pick]) - int(own[pick] < other[pick])
        else:
            margin = getattr(component, "margin", 0.0) + 1e-9
            gain = a[component.value] - b[component.value]
            result = int(gain > margin) - int(-gain > margin)
            result = result if component.better == "larger" else -result
        if result:
            return int(result), place
    return 0, -1


def _longer(a: dict[str, Any], b: dict[str, Any], component: TimeToEvent, tau: float) -> bool:
    """Whether a is known to be event-free longer than b, who has the event, by more than the margin."""
    mine, theirs = (min(patient[component.time], tau) for patient in (a, b))
    if not (b[component.event] and b[component.time] <= tau):
        return False
    censored = not (a[component.event] and a[component.time] <= tau)
    gain = mine - theirs - component.margin
    return gain > 1e-9 or (censored and gain > -1e-9)


def by_pairs(frame: pd.DataFrame, components: list[Any], tau: float = math.inf) -> dict[str, tuple[float, float]]:
    """Statistic and variance (of the logarithm for ratios) from explicit sums over pairs, and pairs of pairs."""
    a, b = (frame[frame["arm"] == arm].to_dict("records") for arm in (1, 0))
    won = [[verdict(x, y, components, tau)[0] for y in b] for x in a]
    n1, n0 = len(a), len(b)
    share = [sum(cell == side for row in won for cell in row) / (n1 * n0) for side in (1, -1)]
    cov = [[0.0, 0.0], [0.0, 0.0]]
    for u, v in itertools.product((0, 1), repeat=2):
        k, m = ([[(cell == (1, -1)[side]) - share[side] for cell in row] for row in won] for side in (u, v))
        for i in range(n1):
            cov[u][v] += sum(k[i][j] * m[i][h] for j in range(n0) for h in range(n0)) / (n1 * n0) ** 2
        for j in range(n0):
            cov[u][v] += sum(k[i][j] * m[h][j] for i in range(n1) for h in range(n1)) / (n1 * n0) ** 2
    benefit, spread = share[0] - share[1], cov[0][0] + cov[1][1] - 2 * cov[0][1]
    ratio = cov[0][0] / share[0] ** 2 + cov[1][1] / share[1] ** 2 - 2 * cov[0][1] / (share[0] * share[1])
    return {
        "win_ratio": (share[0] / share[1], ratio),
        "win_odds": ((1 + benefit) / (1 - benefit), spread * (1 / (1 + benefit) + 1 / (1 - benefit)) ** 2),
        "net_benefit": (benefit, spread),
    }


HIERARCHIES: dict[str, list[Any]] = {
    "death": [DEATH],
    "death, stays, score": HIERARCHY,
    "first stay decides": [replace(DEATH, margin=30), replace(STAYS, then="first"), GRADE],
    "stays alone": [replace(STAYS, then="none")],
    "margins": [
        replace(SCORE, margin=0.3, better="smaller"),
        replace(GRADE, better="smaller"),
        replace(DEATH, margin=7),
    ],
    "earlier": [TimeToEvent(time="days", event="death", better="earlier", margin=10), SCORE],
}


@pytest.mark.parametrize("tau", [None, 200])
@pytest.mark.parametrize("name", HIERARCHIES)
def test_pair_by_pair_in_plain_python(name: str, tau: float | None) -> None:
    frame, components = trial(3, 26), HIERARCHIES[name]
    found = compared(frame, components, tau=tau)
    for statistic, (value, variance) in by_pairs(frame, components, tau or math.inf).items():
        estimate = getattr(found, statistic)
        assert estimate.estimate == pytest.approx(value, rel=1e-12)
        assert estimate.std_error == pytest.approx(math.sqrt(variance), rel=1e-9)
        centre = value if statistic == "net_benefit" else math.log(value)
        assert estimate.p_value == pytest.approx(2 * norm.sf(abs(centre) / math.sqrt(variance)), rel=1e-9)
        half = norm.isf(0.025) * math.sqrt(variance)
        limits = np.array([centre - half, centre + half])
        limits = np.clip(limits, -1, 1) if statistic == "net_benefit" else np.exp(limits)
        assert [estimate.conf_low, estimate.conf_high] == pytest.approx(limits, rel=1e-9)


@pytest.mark.parametrize("tau", [None, 200])
def test_contributions_are_the_pairs_counted_one_by_one(tau: float | None) -> None:
    frame = trial(4)
    a, b = (frame[frame["arm"] == arm].to_dict("records") for arm in (1, 0))
    seen = [verdict(x, y, HIERARCHY, tau or math.inf) for x in a for y in b]
    table = compared(frame, HIERARCHY, tau=tau).components
    assert list(table["component"]) == ["days", "stays", "score"]
    assert list(table["wins"]) == [seen.count((1, k)) for k in range(3)]
    assert list(table["losses"]) == [seen.count((-1, k)) for k in range(3)]
    assert list(table["pairs"]) == [len(seen), *table["ties"][:2]]
    assert list(table["ties"]) == list(table["pairs"] - table["wins"] - table["losses"])
    assert (table.drop(columns="component").dtypes == np.int64).all()


CHOICES: list[dict[str, Any]] = [
    {},
    {"tau": 250},
    {"strata": "site"},
    *({"strata": "site", "weights": w} for w in ("equal", "size", "mean-by-size", "mean-by-events")),
    {"variance": "null", "conf_level": 0.9},
    {"variance": "null", "strata": "site"},
    {"variance": "null", "strata": "site", "weights": "mean-by-events"},
    {"censoring": "ipcw"},
    {"censoring": "ipcw", "tau": 150},
    {"censoring": "ipcw", "tau": 120, "strata": "site"},
    {"censoring": "ipcw", "tau": 150, "strata": "site", "weights": "mean-by-size"},
]


@pytest.mark.parametrize("seed", [1, 2])
@pytest.mark.parametrize("choices", CHOICES, ids=str)
@pytest.mark.parametrize("name", [name for name in HIERARCHIES if name != "stays alone"])
def test_the_recalculation_agrees(name: str, choices: dict[str, Any], seed: int) -> None:
    frame, components = trial(seed, 120), HIERARCHIES[name]
    if choices.get("censoring") == "ipcw" and not (isinstance(components[0], TimeToEvent) and name != "earlier"):
        components = [replace(DEATH, margin=20), *components[:1]] if name != "earlier" else [DEATH, SCORE]
    given = {**ARMS, **choices, **({"strata": frame["site"]} if "strata" in choices else {})}
    for statistic in NAMES:
        found = globals()[statistic](frame, components, frame["arm"], **given)
        second = getattr(twins, statistic)(frame, components, frame["arm"], **given)
        assert (found.analysis, found.groups, found.status) == (second.analysis, second.groups, second.status)
        assert (found.unit, found.scale, found.n, found.conf_level) == (
            second.unit,
            second.scale,
            second.n,
            second.conf_level,
        )
        assert found.std_error is not None
        for field in ("estimate", "std_error", "conf_low", "conf_high", "p_value"):
            limit = twins.TOLERANCE[statistic] * max(abs(getattr(found, field)), found.std_error)
            assert getattr(found, field) == pytest.approx(getattr(second, field), abs=limit), field


def missing_values(frame: pd.DataFrame) -> pd.DataFrame:
    rng = np.random.default_rng(8)
    for column in ("days", "score"):
        frame[column] = frame[column].astype(float).mask(rng.random(len(frame)) < 0.2)
    frame["stays"] = [None if rng.random() < 0.2 else cell for cell in frame["stays"]]
    return frame


def test_the_recalculation_agrees_on_missing_values() -> None:
    frame = missing_values(trial(5))
    for statistic in NAMES:
        given = {**ARMS, "missing": "tie"}
        found = globals()[statistic](frame, HIERARCHY, frame["arm"], **given)
        second = getattr(twins, statistic)(frame, HIERARCHY, frame["arm"], **given)
        assert statistics_of(found) == pytest.approx(statistics_of(second), rel=1e-9)


def test_the_recalculation_has_a_source_for_each_statistic() -> None:
    assert set(twins.SOURCE) == set(twins.TOLERANCE) == set(NAMES)
    headlines = {name for name, entry in analyses().items() if name.startswith("win.") and entry.headline}
    assert len(headlines) == 12


# Closed forms


def test_one_uncensored_number_is_mann_whitney() -> None:
    frame = trial(6)
    a, b = (frame.loc[frame["arm"] == arm, "score"].to_numpy() for arm in (1, 0))
    area = mannwhitneyu(a, b).statistic / (a.size * b.size)
    found = compared(frame, [SCORE])
    assert found.net_benefit.estimate == pytest.approx(2 * area - 1, rel=1e-12)
    assert found.win_odds.estimate == pytest.approx(area / (1 - area), rel=1e-12)
    # DeLong's variance of the area, with n in place of n - 1.
    placed = [
        np.array([((x > b) + (x == b) / 2).mean() for x in a]),
        np.array([((a > y) + (a == y) / 2).mean() for y in b]),
    ]
    delong = sum(values.var() / values.size for values in placed)
    assert found.net_benefit.std_error == pytest.approx(2 * math.sqrt(delong), rel=1e-12)
    assert found.win_odds.std_error == pytest.approx(math.sqrt(delong) / (area * (1 - area)), rel=1e-12)


def test_uncensored_times_are_mann_whitney_too() -> None:
    frame = trial(7).assign(death=True)
    a, b = (frame.loc[frame["arm"] == arm, "days"].to_numpy() for arm in (1, 0))
    area = mannwhitneyu(a, b).statistic / (a.size * b.size)
    assert compared(frame, [DEATH]).net_benefit.estimate == pytest.approx(2 * area - 1, rel=1e-12)


@pytest.mark.parametrize("better", ["larger", "smaller"])
def test_a_yes_and_no_is_the_risk_difference(better: Any) -> None:
    frame = two([True] * 14 + [False] * 6, [True] * 9 + [False] * 16, "response")
    found = compared(frame, [Ordinal(value="response", better=better)])
    sign = 1 if better == "larger" else -1
    p1, p0 = 14 / 20, 9 / 25
    assert found.net_benefit.estimate == pytest.approx(sign * (p1 - p0), rel=1e-12)
    wald = math.sqrt(p1 * (1 - p1) / 20 + p0 * (1 - p0) / 25)
    assert found.net_benefit.std_error == pytest.approx(wald, rel=1e-12)
    odds = p1 * (1 - p0) / (p0 * (1 - p1))
    assert found.win_ratio.estimate == pytest.approx(odds**sign, rel=1e-12)
    assert found.win_ratio.std_error == pytest.approx(math.sqrt(1 / 14 + 1 / 6 + 1 / 9 + 1 / 16), rel=1e-12)


def test_large_samples_of_proportional_hazards_give_one_over_the_hazard_ratio() -> None:
    rng = np.random.default_rng(9)
    n = 4000
    arm = np.arange(n) % 2
    time, end = rng.exponential(1 / np.where(arm == 1, 0.6, 1.0)), rng.uniform(0.2, 2, n)
    frame = pd.DataFrame({"arm": arm, "days": np.minimum(time, end), "death": time <= end})
    found = compared(frame, [DEATH]).win_ratio
    assert found.estimate is not None
    assert found.std_error is not None
    assert abs(math.log(found.estimate) + math.log(0.6)) < 4 * found.std_error


def jackknife(frame: pd.DataFrame, components: list[Any], **choices: Any) -> dict[str, float]:
    """The standard errors of the two-sample jackknife: (n - 1) / n times the squares of the changes, in each arm."""
    total = dict.fromkeys(NAMES, 0.0)
    for arm in (1, 0):
        rows = np.flatnonzero(frame["arm"] == arm)
        left = [compared(frame.drop(index=frame.index[row]), components, **choices) for row in rows]
        for name in NAMES:
            values = np.array([getattr(found, name).estimate for found in left])
            values = values if name == "net_benefit" else np.log(values)
            total[name] += (rows.size - 1) / rows.size * ((values - values.mean()) ** 2).sum()
    return {name: math.sqrt(value) for name, value in total.items()}


@pytest.mark.parametrize("choices", [{}, {"censoring": "ipcw", "tau": 150}], ids=["common follow-up", "ipcw"])
def test_the_standard_error_is_that_of_the_jackknife(choices: dict[str, Any]) -> None:
    frame = trial(10, 200)
    frame["days"] = frame["days"].where(frame.index % 3 > 0, (frame["days"] / 3).round())
    frame["stays"] = [[day for day in c if day <= end] for c, end in zip(frame["stays"], frame["days"], strict=True)]
    found = compared(frame, HIERARCHY, **choices)
    for name, expected in jackknife(frame, HIERARCHY, **choices).items():
        assert getattr(found, name).std_error == pytest.approx(expected, rel=0.02), name


def test_the_standard_error_counts_that_weights_are_estimated() -> None:
    # Known weights would give more: estimated censoring takes out what chance put in.
    rng = np.random.default_rng(11)
    n = 400
    arm = np.arange(n) % 2
    death, end = rng.exponential(np.where(arm == 1, 3.0, 0.7)), rng.exponential(1.0, n)
    frame = pd.DataFrame({"arm": arm, "days": np.minimum(death, end), "death": death <= end})
    found = compared(frame, [DEATH], censoring="ipcw", tau=1.5).net_benefit
    expected = jackknife(frame, [DEATH], censoring="ipcw", tau=1.5)["net_benefit"]
    assert found.std_error == pytest.approx(expected, rel=0.02)
    arms = [frame[frame["arm"] == arm] for arm in (1, 0)]
    curves = [kaplan_meier(part["days"], ~part["death"]) for part in arms]
    still = [
        [math.prod(1 - c["n_events"][c["time"] < t] / c["n_at_risk"][c["time"] < t]) for t in part["days"]]
        for part in arms
        for c in curves
    ]
    (own_own, own_other, other_own, other_other) = map(np.array, still)
    days1, days0 = arms[0]["days"].to_numpy()[:, None], arms[1]["days"].to_numpy()
    lost = (
        (days1 < days0) * (arms[0]["death"].to_numpy() & (days1[:, 0] <= 1.5))[:, None] / (own_own * own_other)[:, None]
    )
    won = (days1 > days0) * (arms[1]["death"].to_numpy() & (days0 <= 1.5)) / (other_own * other_other)
    kernel = won - lost
    assert found.estimate == pytest.approx(kernel.mean(), rel=1e-9)
    as_known = math.sqrt(kernel.mean(axis=1).var() / 200 + kernel.mean(axis=0).var() / 200)
    assert found.std_error < 0.9 * as_known


def test_ipcw_of_one_time_is_efrons_estimate() -> None:
    # Efron (1967): P(T1 > T0) = - sum over the reference arm's event times of S1(t) dS0(t).
    rng = np.random.default_rng(12)
    n = 120
    arm = np.arange(n) % 2
    time, end = rng.exponential(1.0 + arm), rng.exponential(2.0, n)
    frame = pd.DataFrame({"arm": arm, "days": np.minimum(time, end), "death": time <= end})
    tau = 1.5
    curves = [kaplan_meier(frame.loc[arm == k, "days"], frame.loc[arm == k, "death"]) for k in (0, 1)]

    def survival(curve: pd.DataFrame, at: float) -> float:
        rows = curve[curve["time"] <= at]
        return float(rows["survival"].iloc[-1]) if len(rows) else 1.0

    def beaten(winner: pd.DataFrame, loser: pd.DataFrame) -> float:
        times = loser.loc[(loser["n_events"] > 0) & (loser["time"] <= tau), "time"]
        return sum(survival(winner, t) * (survival(loser, t - 1e-9) - survival(loser, t)) for t in times)

    won, lost = beaten(curves[1], curves[0]), beaten(curves[0], curves[1])
    found = compared(frame, [DEATH], tau=tau, censoring="ipcw")
    assert found.win_ratio.estimate == pytest.approx(won / lost, rel=1e-9)
    assert found.net_benefit.estimate == pytest.approx(won - lost, rel=1e-9)
    assert compared(frame, [DEATH], tau=tau).win_ratio.estimate != pytest.approx(won / lost, rel=0.01)


def test_ipcw_changes_nothing_where_nobody_is_censored_before_the_limit() -> None:
    frame = trial(13)
    frame["days"], frame["death"] = frame["days"] + 300 * ~frame["death"], frame["death"]
    plain = compared(frame, HIERARCHY, tau=100)
    weighted = compared(frame, HIERARCHY, tau=100, censoring="ipcw")
    for name in NAMES:
        a, b = getattr(plain, name), getattr(weighted, name)
        assert statistics_of(a) == pytest.approx(statistics_of(b), rel=1e-12)
        assert b.analysis == f"{a.analysis}.ipcw"


# Properties


def test_the_three_statistics_tell_one_story() -> None:
    found = compared(trial(14), HIERARCHY)
    table = found.components
    won, lost = table["wins"].sum(), table["losses"].sum()
    pairs_of = table["pairs"][0]
    assert found.win_ratio.estimate == pytest.approx(won / lost, rel=1e-12)
    assert found.net_benefit.estimate == pytest.approx((won - lost) / pairs_of, rel=1e-12)
    tied = pairs_of - won - lost
    assert found.win_odds.estimate == pytest.approx((won + tied / 2) / (lost + tied / 2), rel=1e-12)
    assert len({estimate.n for estimate in (found.win_ratio, found.win_odds, found.net_benefit)}) == 1
    frame = trial(14)
    assert win_ratio(frame, HIERARCHY, frame["arm"], **ARMS) == found.win_ratio
    assert win_odds(frame, HIERARCHY, frame["arm"], **ARMS) == found.win_odds
    assert net_benefit(frame, HIERARCHY, frame["arm"], **ARMS) == found.net_benefit


@pytest.mark.parametrize("choices", CHOICES, ids=str)
def test_swapping_the_arms_turns_the_sign(choices: dict[str, Any]) -> None:
    frame = trial(15)
    given = {**choices, **({"strata": frame["site"]} if "strata" in choices else {})}
    given["tau"] = 120 if "censoring" in given else given.get("tau")
    found = compared(frame, HIERARCHY, **given)
    other = compared(frame, HIERARCHY, **given, treatment=0, reference=1)
    assert found.net_benefit.estimate == pytest.approx(-other.net_benefit.estimate, rel=1e-9)
    assert found.net_benefit.conf_low == pytest.approx(-other.net_benefit.conf_high, rel=1e-9)
    assert found.net_benefit.p_value == pytest.approx(other.net_benefit.p_value, rel=1e-9)
    assert list(found.components["wins"]) == pytest.approx(list(other.components["losses"]))
    if not str(given.get("weights")).startswith("mean"):
        for name in ("win_ratio", "win_odds"):
            a, b = getattr(found, name), getattr(other, name)
            assert [a.estimate, a.conf_low] == pytest.approx([1 / b.estimate, 1 / b.conf_high], rel=1e-9)
            assert a.std_error == pytest.approx(b.std_error, rel=1e-9)


@pytest.mark.parametrize("choices", [{}, {"censoring": "ipcw", "tau": 150}], ids=str)
def test_order_of_rows_other_arms_and_the_unit_of_time_change_nothing(choices: dict[str, Any]) -> None:
    frame = trial(16)
    components = [replace(DEATH, margin=5), STAYS, SCORE]
    expected = [statistics_of(getattr(compared(frame, components, **choices), name)) for name in NAMES]
    shuffled = frame.sample(frac=1, random_state=np.random.default_rng(1))
    more = pd.concat([frame, trial(17).assign(arm=2, days=-1.0)], ignore_index=True)
    years = frame.assign(days=frame["days"] / 365.25, stays=[[d / 365.25 for d in cell] for cell in frame["stays"]])
    in_years = {**choices, **({"tau": choices["tau"] / 365.25} if "tau" in choices else {})}
    for changed, hierarchy, given in (
        (shuffled, components, choices),
        (more, components, choices),
        (years, [replace(DEATH, margin=5 / 365.25), STAYS, SCORE], in_years),
    ):
        found = compared(changed, hierarchy, **given)
        for name, values in zip(NAMES, expected, strict=True):
            assert statistics_of(getattr(found, name)) == pytest.approx(values, rel=1e-9)


def test_only_the_order_of_grades_counts() -> None:
    frame = trial(18)
    levels = pd.Categorical(frame["grade"].map({1: "d", 2: "c", 3: "b", 4: "a"}), categories=list("dcba"), ordered=True)
    expected = compared(frame, [GRADE]).win_ratio
    assert statistics_of(compared(frame.assign(grade=levels), [GRADE]).win_ratio) == statistics_of(expected)
    assert statistics_of(compared(frame.assign(grade=np.exp(frame["grade"])), [GRADE]).win_ratio) == statistics_of(
        expected
    )


@pytest.mark.parametrize("size", [1, 50, 1000])
def test_the_size_of_blocks_changes_nothing(size: int, monkeypatch: pytest.MonkeyPatch) -> None:
    frame = trial(19)
    for choices in ({}, {"strata": frame["site"]}, {"censoring": "ipcw", "tau": 150}):
        monkeypatch.undo()
        expected = compared(frame, HIERARCHY, **choices)
        monkeypatch.setattr(pairs, "BLOCK", size)
        found = compared(frame, HIERARCHY, **choices)
        assert statistics_of(found.win_ratio) == pytest.approx(statistics_of(expected.win_ratio), rel=1e-12)
        pd.testing.assert_frame_equal(found.components, expected.components)


def test_memory_does_not_grow_with_the_number_of_pairs() -> None:
    frame = trial(20, 10_000)
    tracemalloc.start()
    found = compared(frame, HIERARCHY)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.components["pairs"][0] == 25_000_000
    assert peak < 300e6


def test_strata_are_put_together_as_declared() -> None:
    frame = trial(21, 90)
    parts = [compared(part, HIERARCHY) for _, part in frame.groupby("site")]
    tables = [part.components for part in parts]
    won, lost = (np.array([table[column].sum() for table in tables], float) for column in ("wins", "losses"))
    pairs_of = np.array([table["pairs"][0] for table in tables], float)
    n = np.array([part.win_ratio.n for part in parts], float)
    with_event = [(part["death"] | part["stays"].map(bool)).sum() for _, part in frame.groupby("site")]
    each = {"mh": 1 / n, "equal": np.ones(3), "size": n / pairs_of}
    for weights, w in each.items():
        found = compared(frame, HIERARCHY, strata=frame["site"], weights=weights)
        assert found.win_ratio.estimate == pytest.approx((w @ won) / (w @ lost), rel=1e-12)
        assert found.net_benefit.estimate == pytest.approx((w @ (won - lost)) / (w @ pairs_of), rel=1e-12)
        spread = [(part.net_benefit.std_error * count) ** 2 for part, count in zip(parts, pairs_of, strict=True)]
        assert found.net_benefit.std_error == pytest.approx(math.sqrt(w**2 @ spread) / (w @ pairs_of), rel=1e-12)
        assert list(found.components["wins"]) == list(sum(table["wins"] for table in tables))
    for weights, size in (("mean-by-size", n), ("mean-by-events", np.array(with_event, float))):
        found = compared(frame, HIERARCHY, strata=frame["site"], weights=weights)
        w = size / size.sum()
        for name in NAMES:
            values = np.array([getattr(part, name).estimate for part in parts])
            estimate = getattr(found, name)
            assert estimate.estimate == pytest.approx(w @ values, rel=1e-12)
            errors = np.array([getattr(part, name).std_error for part in parts])
            own = errors if name == "net_benefit" else errors * values
            total = math.sqrt(w**2 @ own**2)
            assert estimate.std_error == pytest.approx(total / (1 if name == "net_benefit" else w @ values), rel=1e-12)


def test_one_stratum_is_no_stratum_and_columns_are_crossed() -> None:
    frame = trial(22)
    frame["clinic"] = frame.index % 2
    for weights in ("mh", "equal", "size", "mean-by-size", "mean-by-events"):
        found = compared(frame, HIERARCHY, strata=np.zeros(len(frame)), weights=weights)
        assert statistics_of(found.win_ratio) == pytest.approx(
            statistics_of(compared(frame, HIERARCHY).win_ratio), rel=1e-12
        )
    crossed = compared(frame, HIERARCHY, strata=frame[["site", "clinic"]])
    by_hand = compared(frame, HIERARCHY, strata=frame["site"] * 2 + frame["clinic"])
    assert statistics_of(crossed.win_odds) == statistics_of(by_hand.win_odds)
    assert "within strata by site and clinic" in str(crossed.win_odds.method)


CHANGES: list[tuple[str, dict[str, Any], list[Any], set[str]]] = [
    ("strata", {"strata": "site"}, HIERARCHY, {"estimate", "std_error", "conf_low", "conf_high", "p_value"}),
    ("tau", {"tau": 100}, HIERARCHY, {"estimate", "std_error", "conf_low", "conf_high", "p_value"}),
    ("censoring", {"tau": 100, "censoring": "ipcw"}, HIERARCHY, {"estimate", "std_error", "conf_low", "p_value"}),
    ("variance", {"variance": "null"}, HIERARCHY, {"std_error", "conf_low", "conf_high", "p_value"}),
    ("conf_level", {"conf_level": 0.8}, HIERARCHY, {"conf_low", "conf_high", "conf_level"}),
    ("margin", {}, [replace(DEATH, margin=50), STAYS, SCORE], {"estimate", "std_error", "conf_low", "p_value"}),
    ("score margin", {}, [DEATH, STAYS, replace(SCORE, margin=1)], {"estimate", "std_error", "conf_low", "p_value"}),
    ("better", {}, [replace(DEATH, better="earlier"), STAYS, SCORE], {"estimate", "std_error", "conf_low", "p_value"}),
    ("smaller", {}, [DEATH, STAYS, replace(SCORE, better="smaller")], {"estimate", "std_error", "conf_low", "p_value"}),
    ("then", {}, [DEATH, replace(STAYS, then="first"), SCORE], {"estimate", "std_error", "conf_low", "p_value"}),
    ("no then", {}, [DEATH, replace(STAYS, then="none"), SCORE], {"estimate", "std_error", "conf_low", "p_value"}),
    ("order", {}, [SCORE, STAYS, DEATH], {"estimate", "std_error", "conf_low", "p_value"}),
]


@pytest.mark.parametrize(("name", "choices", "components", "fields"), CHANGES, ids=[change[0] for change in CHANGES])
def test_every_argument_changes_its_fields(
    name: str, choices: dict[str, Any], components: list[Any], fields: set[str]
) -> None:
    frame = trial(23, 80)
    given = {**choices, **({"strata": frame["site"]} if "strata" in choices else {})}
    for statistic in NAMES:
        before, after = (
            getattr(compared(frame, HIERARCHY), statistic),
            getattr(compared(frame, components, **given), statistic),
        )
        assert fields <= {field for field in fields if getattr(before, field) != getattr(after, field)}
        kept = {"estimate"} - fields
        assert all(getattr(before, field) == getattr(after, field) for field in kept)
        assert (str(before.method) != str(after.method)) == (name != "conf_level")


def test_the_weights_of_strata_change_the_estimates() -> None:
    frame = trial(24, 90)
    found = [
        compared(frame, HIERARCHY, strata=frame["site"], weights=weights).win_ratio
        for weights in ("mh", "equal", "size", "mean-by-size", "mean-by-events")
    ]
    assert len({estimate.estimate for estimate in found}) == 5
    assert len({estimate.std_error for estimate in found}) == 5
    assert len({str(estimate.method) for estimate in found}) == 5
    assert {estimate.analysis for estimate in found} == {"win.ratio.stratified"}


def test_the_sentence_says_what_was_done() -> None:
    frame = trial(25)
    components = [replace(DEATH, margin=30, label="Death"), STAYS, replace(SCORE, margin=0.5, better="smaller"), GRADE]
    found = compared(frame, components, tau=180).win_ratio
    assert str(found.method) == (
        "Win ratio, pairs won over pairs lost by the treated: all pairs of a treated and a reference patient, compared "
        "by Death (more than 30 days later wins), stays (fewer wins, then the later last one), score (more than 0.5 "
        "smaller wins), and grade (larger wins) in this order, in the follow-up that the two share up to 180 days "
        "(given), a patient censored at a time being event-free at it, no value missing; variance by projection of the "
        "two-sample U-statistics, normal confidence interval and two-sided p-value on the log scale."
    )
    assert found.groups == {"treatment": 1, "reference": 0, "time": 180}
    assert found.scale == "log"
    assert found.p_kind == "nominal"
    assert "follow-up" not in str(compared(frame, [GRADE]).win_ratio.method)
    default = compared(frame, HIERARCHY, censoring="ipcw").net_benefit
    shortest = min(frame.loc[frame["arm"] == arm, "days"].max() for arm in (0, 1))
    assert default.groups["time"] == shortest
    assert f"up to {shortest:.0f} days (the smallest of the arms' largest times, exploratory)" in str(default.method)
    assert "counting that the weights are estimated" in str(default.method)


# Edges


def test_no_pair_won_or_lost() -> None:
    worse = compared(two([1, 2, 3], [4, 5]), [SCORE])
    assert worse.win_ratio.estimate == 0
    assert worse.win_odds.estimate == 0
    assert worse.net_benefit.estimate == -1
    for estimate in (worse.win_ratio, worse.win_odds):
        assert (estimate.status, estimate.std_error, estimate.conf_low, estimate.p_value) == ("ok", None, None, None)
        assert "no interval on the log scale" in str(estimate.reason)
    assert worse.net_benefit.std_error is None
    assert "not above 0" in str(worse.net_benefit.reason)
    better = compared(two([4, 5], [1, 2, 3]), [SCORE])
    assert (better.win_ratio.status, better.win_odds.status) == ("not_estimable", "not_estimable")
    assert "lose no pair" in str(better.win_ratio.reason)
    assert "odds are infinite" in str(better.win_odds.reason)
    assert better.net_benefit.estimate == 1
    assert better.net_benefit.conf_low is None


def test_some_won_and_none_lost() -> None:
    found = compared(two([2, 3, 4, 2], [2, 2, 2]), [SCORE])
    assert found.win_ratio.status == "not_estimable"
    assert found.win_odds.estimate == pytest.approx((6 + 3) / (0 + 3))
    assert found.net_benefit.estimate == pytest.approx(0.5)
    assert found.net_benefit.p_value is not None


def test_all_ties() -> None:
    found = compared(two([1, 1, 1], [1, 1]), [SCORE])
    assert found.win_ratio.status == "not_estimable"
    assert "all pairs are ties" in str(found.win_ratio.reason)
    assert (found.win_odds.estimate, found.net_benefit.estimate) == (1, 0)
    assert (found.win_odds.p_value, found.net_benefit.p_value) == (None, None)
    assert found.components.loc[0].tolist() == ["score", 6, 0, 0, 6]


@pytest.mark.parametrize("variance", ["unrestricted", "null"])
def test_a_single_patient_in_an_arm_says_nothing_about_variance(variance: Any) -> None:
    found = compared(two([3], [1, 2, 4, 5, 3]), [SCORE], variance=variance)
    assert found.win_ratio.estimate == 1
    assert found.win_ratio.std_error is None
    assert "single patient" in str(found.win_ratio.reason)
    one_each = compared(two([3], [1]), [SCORE], variance=variance)
    assert one_each.net_benefit.estimate == 1
    assert one_each.win_ratio.status == "not_estimable"
    frame = pd.concat([trial(26).assign(place=1), trial(27).iloc[:4].assign(place=2, arm=[1, 0, 0, 0])])
    for weights in ("mh", "mean-by-size"):
        stratified = compared(frame, HIERARCHY, strata=frame["place"], weights=weights, variance=variance)
        assert stratified.net_benefit.estimate is not None
        assert stratified.net_benefit.std_error is None
        assert "single patient" in str(stratified.net_benefit.reason)


def test_a_stratum_without_an_arm_is_left_out_and_said() -> None:
    frame = trial(28)
    lonely = pd.concat([frame, trial(29).assign(arm=1, site=9)], ignore_index=True)
    found, expected = (compared(f, HIERARCHY, strata=f["site"]).win_ratio for f in (lonely, frame))
    assert statistics_of(found) == statistics_of(expected)
    assert "which have no pairs: 1" in str(found.method)
    assert "no pairs" not in str(expected.method)
    nowhere = compared(frame, HIERARCHY, strata=frame["arm"])
    for name in NAMES:
        assert getattr(nowhere, name).status == "not_estimable"
    assert nowhere.components.empty


@pytest.mark.parametrize("rows", [0, 5])
def test_an_empty_arm_is_not_estimable(rows: int) -> None:
    frame = trial(30).iloc[:rows].assign(arm=1)
    for choices in ({}, {"censoring": "ipcw"}, {"strata": frame["site"]}, {"weights": "mean-by-events"}):
        found = compared(frame, HIERARCHY, **choices)
        for name in NAMES:
            estimate = getattr(found, name)
            assert (estimate.status, estimate.n, estimate.estimate) == ("not_estimable", 0, None)
            assert "no stratum has patients in both arms" in str(estimate.reason)
        assert list(found.components.columns) == ["component", "pairs", "wins", "losses", "ties"]


def test_follow_up_of_no_length() -> None:
    frame = pd.DataFrame({"arm": [1, 1, 0, 0], "days": 0.0, "death": [0, 0, 1, 0], "stays": [[], [0.0], [], [0.0]]})
    table = compared(frame, [DEATH, STAYS]).components
    # A patient censored on day 0 is event-free on it; of the two with a stay neither is later.
    assert table["wins"].tolist() == [2, 1]
    assert table["losses"].tolist() == [0, 0]
    nobody = compared(frame.assign(death=0), [DEATH], censoring="ipcw")
    assert nobody.net_benefit.estimate == 0


def test_floating_point_ties() -> None:
    sums = [0.1 + 0.2, 1.1 * 1.1, 0.7 + 0.1]
    plain = [0.3, 1.21, 0.8]
    for mine, theirs in zip(sums, plain, strict=True):
        assert mine != theirs
        frame = two([mine, mine], [theirs, theirs], "days").assign(death=True, score=[mine, mine, theirs, theirs])
        frame["stays"] = [[t] for t in frame["days"]]
        for component in (DEATH, SCORE, STAYS):
            found = compared(frame, [component])
            assert found.components["ties"].tolist() == [4]
            assert compared(frame, [component], treatment=0, reference=1).components["ties"].tolist() == [4]
    # 0.8 - 0.7 is not above a margin of 0.1, though it is in floating point.
    assert 0.8 - 0.7 > 0.1
    frame = two([0.8, 0.8], [0.7, 0.7], "days").assign(death=True, score=[0.8, 0.8, 0.7, 0.7])
    for component in (replace(DEATH, margin=0.1), replace(SCORE, margin=0.1)):
        assert compared(frame, [component]).components["ties"].tolist() == [4]
        assert compared(frame, [replace(component, margin=0.09)]).components["wins"].tolist() == [4]


def test_an_event_counts_on_the_day_the_other_is_censored_and_at_the_limit() -> None:
    frame = pd.DataFrame(
        {"arm": [1, 1, 0, 0], "days": [10, 10, 10, 10], "death": [0, 0, 1, 1], "stays": [[], [], [10], [3]]}
    )
    assert compared(frame, [DEATH]).components["wins"].tolist() == [4]
    assert compared(frame, [DEATH], tau=10).components["wins"].tolist() == [4]
    assert compared(frame, [DEATH], tau=9.99).components["ties"].tolist() == [4]
    later = frame.assign(days=[50, 60, 10, 10])
    assert compared(later, [DEATH], tau=10).components["wins"].tolist() == [4]
    assert compared(frame, [STAYS]).components["wins"].tolist() == [4]
    assert compared(frame, [STAYS], tau=9).components["wins"].tolist() == [2]


def test_a_margin_is_above_what_follow_up_shows() -> None:
    # 10 days event-free at least, an event after 3: more than 6 days, and 7 where censored, since the event is later.
    frame = pd.DataFrame({"arm": [1, 1, 0, 0], "days": [10, 10, 3, 3], "death": [0, 0, 1, 1]})
    for margin, wins in ((6, 4), (7, 4), (7.1, 0)):
        assert compared(frame, [replace(DEATH, margin=margin)]).components["wins"].tolist() == [wins]
    both = frame.assign(death=1)
    for margin, wins in ((6, 4), (7, 0)):
        assert compared(both, [replace(DEATH, margin=margin)]).components["wins"].tolist() == [wins]


def test_events_after_the_shared_follow_up_do_not_count() -> None:
    frame = pd.DataFrame(
        {"arm": [1, 1, 0, 0], "days": [100, 100, 40, 40], "death": 0, "stays": [[50, 60, 70], [10, 90], [20], [20]]}
    )
    found = compared(frame, [STAYS]).components
    # Up to day 40 the first treated patient has none; the second has one, ten days before the others.
    assert (found["wins"].tolist(), found["losses"].tolist()) == ([2], [2])
    assert compared(frame, [replace(STAYS, then="none")]).components["ties"].tolist() == [2]


def test_missing_values_tie_where_that_is_declared() -> None:
    frame = two([3, np.nan, 3], [1, np.nan, 5]).assign(grade=[1, 2, 1, 1, 1, 1])
    found = compared(frame, [SCORE, GRADE], missing="tie").components
    assert (found["wins"].tolist(), found["losses"].tolist(), found["ties"].tolist()) == ([2, 3], [2, 0], [5, 2])
    assert "a missing value is a tie" in str(compared(frame, [SCORE, GRADE], missing="tie").win_ratio.method)
    times = pd.DataFrame(
        {"arm": [1, 1, 0, 0], "days": [9, 9, 5, np.nan], "death": [0, np.nan, 1, 1], "stays": [[], [], [2], None]}
    )
    for component in (DEATH, replace(DEATH, better="earlier"), STAYS):
        table = compared(times, [component], missing="tie").components
        assert table["ties"].tolist() == [2 if component is STAYS else 3]


def test_large_and_small_numbers() -> None:
    frame = two([1e308, -1e308, 5e-324, 1e308], [1e307, -1e308, 0.0])
    for margin in (0.0, 1e308, 5e-324):
        found = compared(frame, [Continuous(value="score", margin=margin)])
        second = twins.win_odds(frame, [Continuous(value="score", margin=margin)], frame["arm"], **ARMS)
        assert found.win_odds.estimate == pytest.approx(second.estimate)


def test_ipcw_needs_follow_up_to_the_limit() -> None:
    frame = trial(31)
    largest = min(frame.loc[frame["arm"] == arm, "days"].max() for arm in (0, 1))
    late = frame.assign(death=frame["death"] & (frame["days"] < largest))
    found = compared(late, [DEATH], censoring="ipcw", tau=2000)
    for name in NAMES:
        assert getattr(found, name).status == "not_estimable"
    assert f"the largest usable time limit is {largest:.0f} days" in str(found.win_ratio.reason)
    assert compared(late, [DEATH], censoring="ipcw", tau=largest).win_ratio.status == "ok"
    second = twins.win_ratio(late, [DEATH], late["arm"], **ARMS, censoring="ipcw", tau=2000)
    assert second.status == "not_estimable"
    dead = frame.assign(death=True)
    assert (
        compared(dead, [DEATH], censoring="ipcw", tau=2000).win_ratio.estimate
        == compared(dead, [DEATH]).win_ratio.estimate
    )


def test_no_events_leave_means_by_events_without_weights() -> None:
    frame = trial(32).assign(death=False, stays=[[] for _ in range(60)])
    found = compared(frame, HIERARCHY, strata=frame["site"], weights="mean-by-events")
    assert found.win_ratio.status == "not_estimable"
    assert "no patient has an event" in str(found.win_ratio.reason)


def test_a_mean_of_ratios_needs_a_ratio_in_each_stratum() -> None:
    frame = pd.concat([trial(33).assign(place=1), two([4, 5], [1, 2]).assign(place=2)], ignore_index=True)
    found = compared(frame, [SCORE], strata=frame["place"], weights="mean-by-size")
    assert found.win_ratio.status == "not_estimable"
    assert "in a stratum: the treated lose no pair" in str(found.win_ratio.reason)
    assert found.net_benefit.estimate is not None


# Refusals


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"components": []}, "no hierarchy"),
        ({"components": DEATH}, "no hierarchy"),
        ({"components": ["days"]}, "not a component; expected TimeToEvent or Recurrent"),
        ({"components": [SCORE, SCORE]}, "two components have the same name"),
        ({"components": [replace(SCORE, value="nothing")]}, "no such column"),
        ({"components": [Ordinal(value="site_name")]}, "site_name has no order|does not hold numbers"),
        ({"components": [replace(SCORE, value="site_name")]}, "does not hold numbers"),
        ({"data": 5}, "data is no frame"),
        ({"reference": 1}, "same arm"),
        ({"group": [1, 0]}, "does not fit the data"),
        ({"strata": [1, 2]}, "strata does not fit the data"),
        ({"weights": "MH"}, "unknown weights"),
        ({"censoring": "none"}, "unknown censoring"),
        ({"variance": "pooled"}, "unknown variance"),
        ({"missing": "drop"}, "unknown missing"),
        ({"tau": 0}, "not a time limit"),
        ({"tau": True}, "not a time limit"),
        ({"tau": math.inf}, "not a time limit"),
        ({"conf_level": 1}, "not a confidence level"),
        ({"censoring": "ipcw", "components": [STAYS, DEATH]}, "needs a first component whose event ends follow-up"),
        ({"censoring": "ipcw", "components": [replace(DEATH, better="earlier")]}, "needs a first component"),
        ({"censoring": "ipcw", "variance": "null"}, "does not count that weights are estimated"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(change: dict[str, Any], match: str) -> None:
    frame = trial(34)
    frame["site_name"] = "north"
    given: dict[str, Any] = {"data": frame, "components": HIERARCHY, "group": frame["arm"], **ARMS, **change}
    with pytest.raises(InvalidInput, match=match):
        win_ratio(given.pop("data"), given.pop("components"), given.pop("group"), **given)


@pytest.mark.parametrize(
    ("column", "value", "match"),
    [
        ("days", -1.0, "days cannot be used; expected zero or more days; found another value in row 3"),
        ("days", math.inf, "days cannot be used; expected zero or more days"),
        ("days", math.nan, r'days or death cannot be used; expected a value for each patient, or missing="tie"'),
        ("death", 2, "death cannot be used; expected 0"),
        ("stays", [-1.0], "stays cannot be used; expected days from 0 to days; found an event outside in row 3"),
        ("stays", [1e9], "found an event outside in row 3"),
        (
            "stays",
            [math.nan],
            "expected a list of days for each patient, empty where there are no events; found another",
        ),
        ("stays", ["5"], "expected a list of days"),
        ("stays", "5", "expected a list of days"),
        ("stays", 5, "expected a list of days"),
        ("stays", [[1, 2], [3]], "expected a list of days"),
        ("stays", None, "stays or days cannot be used"),
        ("score", math.inf, "score cannot be used; expected finite numbers; found an infinite one in row 3"),
        ("score", math.nan, "score cannot be used; .* found a missing one in row 3"),
    ],
)
def test_wrong_values_are_refused_and_named_by_row(column: str, value: Any, match: str) -> None:
    frame = trial(35).astype({"days": float, "death": int})
    frame[column] = [value if row == 2 else old for row, old in enumerate(frame[column])]
    with pytest.raises(InvalidInput, match=match):
        compared(frame, HIERARCHY)
    # Patients of other arms are not looked at.
    other = frame.assign(arm=[9 if row == 2 else arm for row, arm in enumerate(frame["arm"])])
    assert compared(other, HIERARCHY).win_ratio.n == 59


@pytest.mark.parametrize(
    "make",
    [
        lambda: TimeToEvent(time="t", event="e", better="larger"),  # type: ignore[arg-type]
        lambda: TimeToEvent(time="t", event="e", margin=-1),
        lambda: TimeToEvent(time="t", event="e", margin=math.nan),
        lambda: Recurrent(times="t", follow_up="f", then="middle"),  # type: ignore[arg-type]
        lambda: Continuous(value="x", margin=True),
        lambda: Continuous(value="x", better="later"),  # type: ignore[arg-type]
        lambda: Ordinal(value="x", better="higher"),  # type: ignore[arg-type]
    ],
)
def test_wrong_components_are_refused(make: Callable[[], Any]) -> None:
    with pytest.raises(InvalidInput, match=r"unknown|not a difference"):
        make()


def test_a_categorical_without_order_is_refused_and_a_column_must_be_one() -> None:
    frame = trial(36)
    frame["kind"] = pd.Categorical(["a", "b"] * 30)
    with pytest.raises(InvalidInput, match="kind has no order"):
        compared(frame, [Ordinal(value="kind")])
    twice = pd.concat([frame[["arm", "score"]], frame["score"]], axis=1)
    with pytest.raises(InvalidInput, match="data has a column twice"):
        compared(twice, [SCORE])
