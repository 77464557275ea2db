"""Coverage of the intervals of ``evidence_lib.statistics.cox``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.cox import hazard_ratio, piecewise_hazard_ratio, subgroup_effects

RATIO = 0.7
ARMS: dict[str, Any] = {"treatment": "a", "reference": "b"}


def _censored(rng: np.random.Generator, time: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Whole days, censored uniformly between 200 and 1,000 days."""
    end = rng.uniform(200, 1000, time.size)
    return np.ceil(np.minimum(time, end)), time <= end


def _crude(rng: np.random.Generator) -> Mapping[str, Estimate]:
    arm = np.repeat(["a", "b"], 150)
    time, event = _censored(rng, rng.exponential(np.where(arm == "a", 400 / RATIO, 400.0)))
    label = "cox.hazard_ratio.unstratified"
    return {
        f"{label} efron": hazard_ratio(time, event, arm, **ARMS),
        f"{label} robust": hazard_ratio(time, event, arm, **ARMS, robust=True),
        f"{label} 90": hazard_ratio(time, event, arm, **ARMS, conf_level=0.9),
    }


def _exact(rng: np.random.Generator) -> Mapping[str, Estimate]:
    arm = np.repeat(["a", "b"], 60)
    time, event = _censored(rng, rng.exponential(np.where(arm == "a", 400 / RATIO, 400.0)))
    return {"cox.hazard_ratio.unstratified exact": hazard_ratio(time, event, arm, **ARMS, ties="exact")}


def _within_strata(rng: np.random.Generator) -> Mapping[str, Estimate]:
    arm, site = np.tile(["a", "b"], 200), np.repeat(["x", "y"], 200)
    age = rng.normal(0, 1, 400)
    rate = np.where(arm == "a", RATIO, 1) * np.where(site == "x", 1, 2.5)
    time, event = _censored(rng, rng.exponential(500 / rate))
    aged, seen = _censored(rng, rng.exponential(500 / (rate * np.exp(0.5 * age))))
    entry = np.floor(rng.uniform(0, 150, 400))
    late = aged > entry
    subgroups = subgroup_effects(time, event, arm, pd.DataFrame({"site": site}), **ARMS)
    covariates = pd.DataFrame({"age": age})
    return {
        "cox.hazard_ratio.stratified": hazard_ratio(time, event, arm, **ARMS, strata=site),
        "cox.hazard_ratio.adjusted": hazard_ratio(aged, seen, arm, **ARMS, strata=site, covariates=covariates),
        "cox.hazard_ratio.adjusted late entry": hazard_ratio(
            aged[late], seen[late], arm[late], **ARMS, strata=site[late], covariates=covariates[late], entry=entry[late]
        ),
        "cox.hazard_ratio.subgroup": subgroups.where(level="y"),
    }


def _confounded(rng: np.random.Generator) -> Mapping[str, Estimate]:
    x = rng.normal(0, 1, 600)
    chance = 1 / (1 + np.exp(-0.7 * x))
    treated = rng.random(600) < chance
    time, event = _censored(rng, rng.exponential(500 * np.exp(-0.6 * x)))
    weights = np.where(treated, 1 / chance, 1 / (1 - chance))
    arm = np.where(treated, "a", "b")
    return {"cox.hazard_ratio.weighted": hazard_ratio(time, event, arm, **ARMS, weights=weights)}


def _pairs(rng: np.random.Generator) -> Mapping[str, Estimate]:
    patient = np.repeat(np.arange(250), 2)
    frailty = rng.gamma(1, 1, 250)[patient]
    time, event = _censored(rng, rng.exponential(500 / frailty))
    arm = np.repeat(rng.choice(["a", "b"], 250), 2)
    return {"cox.hazard_ratio.unstratified": hazard_ratio(time, event, arm, **ARMS, cluster=patient)}


def _periods(rng: np.random.Generator) -> Mapping[str, Estimate]:
    arm = np.repeat(["a", "b"], 250)
    early = np.where(arm == "a", 0.5, 1.0) / 400
    time = rng.exponential(1 / early)
    # After 180 days both arms have the rate of the reference.
    later = 180 + rng.exponential(400, 500)
    time, event = _censored(rng, np.where(time <= 180, time, later))
    found = piecewise_hazard_ratio(time, event, arm, **ARMS, cut_points=[180])
    return {f"cox.hazard_ratio.piecewise {name}": found.where(period=name) for name in ("0 to 180", "after 180")}


SCENARIOS = [
    Scenario(
        about=f"Two arms of 150, exponential, hazard ratio {RATIO}, in whole days, about 70 % events",
        truth={f"cox.hazard_ratio.unstratified {name}": RATIO for name in ("efron", "robust", "90")},
        draw=_crude,
    ),
    Scenario(
        about=f"Two arms of 60, exponential, hazard ratio {RATIO}, in whole days, ties taken exactly",
        truth={"cox.hazard_ratio.unstratified exact": RATIO},
        draw=_exact,
    ),
    Scenario(
        about=f"Two strata of 200 with hazards 1 to 2.5, hazard ratio {RATIO} in both, with and without a covariate",
        truth={
            "cox.hazard_ratio.stratified": RATIO,
            "cox.hazard_ratio.adjusted": RATIO,
            "cox.hazard_ratio.adjusted late entry": RATIO,
            "cox.hazard_ratio.subgroup": RATIO,
        },
        draw=_within_strata,
        repeats=1000,
    ),
    Scenario(
        about="600 patients, treated by a covariate that drives the hazard; no effect; inverse probability weights",
        truth={"cox.hazard_ratio.weighted": 1.0},
        draw=_confounded,
    ),
    Scenario(
        about="250 patients with two organs each and a gamma frailty of variance 1; no effect; clustered by patient",
        truth={"cox.hazard_ratio.unstratified": 1.0},
        draw=_pairs,
    ),
    Scenario(
        about="Two arms of 250, hazard ratio 0.5 up to 180 days and 1 afterwards",
        truth={"cox.hazard_ratio.piecewise 0 to 180": 0.5, "cox.hazard_ratio.piecewise after 180": 1.0},
        draw=_periods,
    ),
]
