"""Coverage of the intervals of parametric survival models, fitted to data from the model itself."""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from scipy import integrate

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.survival import parametric_models

SHAPE, SCALE, CURED, TAU, LATE = 1.4, 500.0, 0.35, 365.0, 2000.0


def _weibull(rng: np.random.Generator) -> Mapping[str, Estimate]:
    time, end = SCALE * rng.weibull(SHAPE, 300), rng.uniform(200, 1200, 300)
    model = parametric_models(np.minimum(time, end), time <= end, models=["weibull"]).items[0]
    return {
        "parametric.survival within": model.survival([TAU]).items[0],
        "parametric.survival beyond": model.survival([LATE]).items[0],
        "parametric.median": model.median(),
        "parametric.rmst": model.rmst(LATE),
    }


def _cure(rng: np.random.Generator) -> Mapping[str, Estimate]:
    time = np.where(rng.random(500) < CURED, np.inf, SCALE * rng.weibull(SHAPE, 500))
    end = rng.uniform(1500, 2500, 500)
    model = parametric_models(np.minimum(time, end), time <= end, models=["cure-weibull"]).items[0]
    return {"parametric.cure_fraction": model.cure_fraction()}


def _true(t: float) -> float:
    return math.exp(-((t / SCALE) ** SHAPE))


SCENARIOS = [
    Scenario(
        about="One arm of 300, Weibull with shape 1.4 and scale 500 days, censored between 200 and 1,200 days",
        truth={
            "parametric.survival within": _true(TAU),
            "parametric.survival beyond": _true(LATE),
            "parametric.median": SCALE * math.log(2) ** (1 / SHAPE),
            "parametric.rmst": integrate.quad(_true, 0, LATE)[0],
        },
        draw=_weibull,
    ),
    Scenario(
        about="One arm of 500, 35 % cured, the others Weibull, followed for 1,500 to 2,500 days",
        truth={"parametric.cure_fraction": CURED},
        draw=_cure,
        repeats=1000,
    ),
]
