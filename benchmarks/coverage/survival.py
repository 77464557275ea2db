"""Coverage of the intervals of ``evidence_lib.statistics.survival``."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.survival import median_survival, rmst, survival_at

MEAN, TAU = 400.0, 365.0


def _one_arm(rng: np.random.Generator) -> Mapping[str, Estimate]:
    time, end = rng.exponential(MEAN, 200), rng.uniform(200, 1200, 200)
    data = (np.minimum(time, end), time <= end)
    found = {"rmst": rmst(*data, tau=TAU)}
    for scale in ("plain", "log", "log-log"):
        found[f"km.survival {scale}"] = survival_at(*data, times=[TAU], conf_type=scale).items[0]
    found["km.median log-log"] = median_survival(*data, conf_type="log-log")
    return found


SCENARIOS = [
    Scenario(
        about="One arm of 200, exponential with mean 400 days, censored uniformly between 200 and 1,200 days",
        truth={
            "rmst": MEAN * (1 - math.exp(-TAU / MEAN)),
            **dict.fromkeys(("km.survival plain", "km.survival log", "km.survival log-log"), math.exp(-TAU / MEAN)),
            "km.median log-log": MEAN * math.log(2),
        },
        draw=_one_arm,
    ),
]
