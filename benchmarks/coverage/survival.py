"""Coverage of the intervals of ``evidence_lib.statistics.survival``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from functools import partial
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq

from benchmarks.coverage.scenario import Scenario
from evidence_lib.conventions import KmInterval
from evidence_lib.results import Estimate
from evidence_lib.statistics.survival import (
    follow_up,
    median_survival,
    milestone_difference,
    rmst,
    rmst_difference,
    rmst_ratio,
    survival_at,
)

MEAN, TREATED_MEAN, TAU = 400.0, 550.0, 365.0
SCALES: tuple[KmInterval, ...] = ("plain", "log", "log-log", "logit", "arcsine")
ARMS: dict[str, Any] = {"treatment": "new", "reference": "old"}
# Of the regressions: the mean time within TAU of an untreated patient without the factor; what treatment and factor do.
START, GAIN, FACTOR = 180.0, (30.0, 1.15), (-40.0, 0.8)


def _within(mean: float, tau: float) -> float:
    """The mean of min(T, tau) of an exponential time."""
    return mean * (1 - math.exp(-tau / mean))


def _mean_of(within: float) -> float:
    """The exponential mean that gives this mean time within TAU."""
    return float(brentq(lambda mean: _within(mean, TAU) - within, 1.0, 1e6))


def _one_arm(rng: np.random.Generator) -> Mapping[str, Estimate]:
    time, end = rng.exponential(MEAN, 200), rng.uniform(200, 1200, 200)
    data = (np.minimum(time, end), time <= end)
    found = {"rmst": rmst(*data, tau=TAU)}
    for scale in SCALES:
        found[f"km.survival {scale}"] = survival_at(*data, times=[TAU], conf_type=scale).items[0]
        found[f"km.median {scale}"] = median_survival(*data, conf_type=scale)
    return found


def _few_events(rng: np.random.Generator) -> Mapping[str, Estimate]:
    time, end = rng.exponential(2000.0, 500), rng.uniform(200, 1200, 500)
    return {
        f"follow_up.median {scale}": follow_up(np.minimum(time, end), time <= end, conf_type=scale) for scale in SCALES
    }


def _two_arms(rng: np.random.Generator) -> Mapping[str, Estimate]:
    group = np.repeat(["new", "old"], [150, 250])
    time, end = rng.exponential(np.where(group == "new", TREATED_MEAN, MEAN)), rng.uniform(200, 1200, 400)
    data = (np.minimum(time, end), time <= end, group)
    return {
        "rmst.difference": rmst_difference(*data, **ARMS, tau=TAU),
        "rmst.ratio": rmst_ratio(*data, **ARMS, tau=TAU),
        "milestone.difference": milestone_difference(*data, **ARMS, times=[TAU]).items[0],
    }


def _with_covariates(rng: np.random.Generator, *, ratio: bool) -> Mapping[str, Estimate]:
    # Treated patients have the factor more often, which a crude comparison would take for an effect.
    treated = rng.random(400) < 0.5
    factor = rng.random(400) < np.where(treated, 0.7, 0.4)
    if ratio:
        within = START * np.where(treated, GAIN[1], 1) * np.where(factor, FACTOR[1], 1)
    else:
        within = START + np.where(treated, GAIN[0], 0) + np.where(factor, FACTOR[0], 0)
    means = {value: _mean_of(value) for value in set(within.tolist())}
    # Each arm has a censoring of its own, a fifth of it past TAU.
    time = rng.exponential([means[value] for value in within.tolist()])
    end = rng.uniform(50, np.where(treated, 900, 700))
    frame = pd.DataFrame({"factor": factor, "noise": rng.normal(size=400)})
    data = (np.minimum(time, end), time <= end, np.where(treated, "new", "old"))
    compare, name = (rmst_ratio, "rmst.ratio") if ratio else (rmst_difference, "rmst.difference")
    return {f"{name}.adjusted": compare(*data, **ARMS, tau=TAU, covariates=frame)}


SCENARIOS = [
    Scenario(
        about="One arm of 200, exponential with mean 400 days, censored uniformly between 200 and 1,200 days",
        truth={
            "rmst": _within(MEAN, TAU),
            **{f"km.survival {scale}": math.exp(-TAU / MEAN) for scale in SCALES},
            **{f"km.median {scale}": MEAN * math.log(2) for scale in SCALES},
        },
        draw=_one_arm,
    ),
    Scenario(
        about="One arm of 500, exponential with mean 2,000 days, censored uniformly between 200 and 1,200 days",
        truth={f"follow_up.median {scale}": 700.0 for scale in SCALES},
        draw=_few_events,
    ),
    Scenario(
        about="Arms of 150 and 250, exponential with means 550 and 400 days, censored uniformly from 200 to 1,200 days",
        truth={
            "rmst.difference": _within(TREATED_MEAN, TAU) - _within(MEAN, TAU),
            "rmst.ratio": _within(TREATED_MEAN, TAU) / _within(MEAN, TAU),
            "milestone.difference": math.exp(-TAU / TREATED_MEAN) - math.exp(-TAU / MEAN),
        },
        draw=_two_arms,
    ),
    Scenario(
        about="400 patients, a factor that costs 40 of the first 365 days and is commoner among the treated",
        truth={"rmst.difference.adjusted": GAIN[0]},
        draw=partial(_with_covariates, ratio=False),
    ),
    Scenario(
        about="400 patients, a factor that costs a fifth of the first 365 days and is commoner among the treated",
        truth={"rmst.ratio.adjusted": GAIN[1]},
        draw=partial(_with_covariates, ratio=True),
    ),
]
