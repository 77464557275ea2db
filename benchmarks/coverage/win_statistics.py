"""Coverage of the intervals of ``evidence_lib.statistics.win_statistics``; truths in closed form or by quadrature."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.integrate import quad
from scipy.stats import poisson

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.win_statistics import Recurrent, TimeToEvent, WinStatistics, win_statistics

ARMS: dict[str, Any] = {"treatment": "A", "reference": "B"}
DEATH = TimeToEvent(time="days", event="death")
HIERARCHY = [DEATH, Recurrent(times="hospital", follow_up="days")]
# Treated and reference: deaths and hospitalisations a year.
DEATHS, STAYS = (0.25, 0.4), (0.8, 1.1)
LIMIT = 2.0
Draw = Callable[[np.random.Generator], Mapping[str, Estimate]]


def _named(found: WinStatistics, variant: str = "", label: str = "") -> dict[str, Estimate]:
    names = (("ratio", found.win_ratio), ("odds", found.win_odds), ("net_benefit", found.net_benefit))
    return {f"win.{name}{variant}{label}": estimate for name, estimate in names}


def _truth(won: float, lost: float, variant: str = "", label: str = "") -> dict[str, float]:
    benefit = won - lost
    values = {"ratio": won / lost, "odds": (1 + benefit) / (1 - benefit), "net_benefit": benefit}
    return {f"win.{name}{variant}{label}": value for name, value in values.items()}


def _trial(rng: np.random.Generator, n: int, censored: Callable[[int], np.ndarray]) -> pd.DataFrame:
    """Deaths and hospitalisations in two arms of n, followed up to a time of censoring."""
    parts = []
    for arm, deaths, stays in zip("AB", DEATHS, STAYS, strict=True):
        death, end = rng.exponential(1 / deaths, n), censored(n)
        days = np.minimum(death, end)
        number = rng.poisson(stays * days)
        hospital = [np.sort(rng.uniform(0, time, k)) for time, k in zip(days, number, strict=True)]
        parts.append(pd.DataFrame({"arm": arm, "days": days, "death": death <= end, "hospital": hospital}))
    return pd.concat(parts, ignore_index=True)


def _shares(time: float) -> tuple[float, float]:
    """The shares of pairs won and lost when both patients are followed up to this time.

    Of two deaths the treated patient's is first with odds of the hazards. Where both live the numbers of events are
    Poisson; equal numbers are told apart by the last one, whose time has the same law in both.
    """
    rate = sum(DEATHS)
    died, alive = 1 - math.exp(-rate * time), math.exp(-rate * time)
    own, other = poisson(STAYS[0] * time), poisson(STAYS[1] * time)
    number = np.arange(1, 60)
    even = float((own.pmf(number) * other.pmf(number)).sum())
    fewer = float((own.pmf(number - 1) * other.sf(number - 1)).sum())
    more = float((other.pmf(number - 1) * own.sf(number - 1)).sum())
    won = died * DEATHS[1] / rate + alive * (fewer + even / 2)
    lost = died * DEATHS[0] / rate + alive * (more + even / 2)
    return won, lost


def _common_follow_up(low: float, high: float) -> tuple[float, float]:
    """The shares where both times of censoring are uniform: the smaller has density 2 (high - x) / (high - low)^2."""

    def mean(share: int) -> float:
        return float(quad(lambda x: _shares(x)[share] * 2 * (high - x) / (high - low) ** 2, low, high)[0])

    return mean(0), mean(1)


def _one_time(rng: np.random.Generator) -> Mapping[str, Estimate]:
    frame = pd.DataFrame({"arm": np.repeat(["A", "B"], 150), "death": True})
    frame["days"] = rng.exponential(np.repeat([1 / 0.7, 1.0], 150))
    return _named(win_statistics(frame, [DEATH], frame["arm"], **ARMS))


def _no_difference(rng: np.random.Generator) -> Mapping[str, Estimate]:
    frame = pd.DataFrame({"arm": np.repeat(["A", "B"], 100), "death": rng.random(200) < 0.6})
    frame["days"] = rng.exponential(1.0, 200)
    found = {}
    for variance in ("null", "unrestricted"):
        compared = win_statistics(frame, [DEATH], frame["arm"], **ARMS, variance=variance)
        found |= _named(compared, label=f" {variance}")
    return found


def _hierarchy(rng: np.random.Generator) -> Mapping[str, Estimate]:
    frame = _trial(rng, 150, lambda n: rng.uniform(1, 3, n))
    return _named(win_statistics(frame, HIERARCHY, frame["arm"], **ARMS))


def _strata(rng: np.random.Generator) -> Mapping[str, Estimate]:
    site = np.tile(np.repeat(["small", "large"], [80, 160]), 2)
    frame = pd.DataFrame({"arm": np.repeat(["A", "B"], 240), "death": True})
    frame["days"] = rng.exponential(np.repeat([1 / 0.7, 1.0], 240)) * np.where(site == "small", 1.0, 2.0)
    found = {}
    for weights in ("mh", "equal", "size", "mean-by-size", "mean-by-events"):
        compared = win_statistics(frame, [DEATH], frame["arm"], **ARMS, strata=site, weights=weights)
        found |= _named(compared, ".stratified", f" {weights}")
    return found


def _weighted(rng: np.random.Generator) -> Mapping[str, Estimate]:
    frame = _trial(rng, 200, lambda n: np.minimum(rng.exponential(4.0, n), 3.0))
    return _named(win_statistics(frame, HIERARCHY, frame["arm"], **ARMS, tau=LIMIT, censoring="ipcw"), ".ipcw")


def _weighted_strata(rng: np.random.Generator) -> Mapping[str, Estimate]:
    site = np.tile(np.repeat([1, 2], 120), 2)
    mean = np.where(site[:240] == 1, 3.0, 9.0)
    frame = _trial(rng, 240, lambda n: np.minimum(rng.exponential(mean), 3.0))
    found = win_statistics(frame, HIERARCHY, frame["arm"], **ARMS, tau=LIMIT, censoring="ipcw", strata=site)
    return _named(found, ".ipcw_stratified")


ALL = ("mh", "equal", "size", "mean-by-size", "mean-by-events")
SCENARIOS = [
    Scenario(
        about="Two arms of 150, exponential times, hazard ratio 0.7, nobody censored: the win ratio is 1 / 0.7",
        truth=_truth(1 / 1.7, 0.7 / 1.7),
        draw=_one_time,
    ),
    Scenario(
        about="Two arms of 100 without a difference, exponential times, 4 of 10 censored independently",
        truth={**_truth(0.3, 0.3, label=" null"), **_truth(0.3, 0.3, label=" unrestricted")},
        draw=_no_difference,
    ),
    Scenario(
        about="Two arms of 150, death, then hospitalisations, in common follow-up; censored uniformly in years 1 to 3",
        truth=_truth(*_common_follow_up(1, 3)),
        draw=_hierarchy,
    ),
    Scenario(
        about="Two arms of 240 in two strata, exponential times, hazard ratio 0.7 in both",
        truth={name: v for w in ALL for name, v in _truth(1 / 1.7, 0.7 / 1.7, ".stratified", f" {w}").items()},
        draw=_strata,
    ),
    Scenario(
        about="Two arms of 200, death, then hospitalisations, up to 2 years with weights; censored exponentially",
        truth=_truth(*_shares(LIMIT), ".ipcw"),
        draw=_weighted,
    ),
    Scenario(
        about="Two arms of 240 in two strata censored differently, death, then hospitalisations, weights up to 2 years",
        truth=_truth(*_shares(LIMIT), ".ipcw_stratified"),
        draw=_weighted_strata,
    ),
]
