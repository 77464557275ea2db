"""Coverage of the intervals of ``evidence_lib.statistics.competing_risks``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.competing_risks import (
    cause_specific,
    cumulative_incidence,
    cumulative_incidence_difference,
    fine_gray,
)

ARMS: dict[str, Any] = {"treatment": "A", "reference": "B"}
# Hazards of the cause and of the other one per day, and the day that is reported.
OWN, OTHER, DAY = 1 / 900, 1 / 600, 365.0
# The effects of treatment and of a covariate.
EFFECT, SLOPE = math.log(0.7), 0.4
SHARE = 0.6
INCIDENCE, DIFFERENCE = "aalen_johansen.cumulative_incidence", "aalen_johansen.difference"
RATIO, CAUSE = "fine_gray.subdistribution_hazard_ratio", "cause_specific.hazard_ratio"


def _incidence(own: float) -> float:
    total = own + OTHER
    return own / total * (1 - math.exp(-total * DAY))


def _observed(event: np.ndarray, cause: np.ndarray, end: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    return np.minimum(event, end), np.where(event <= end, cause, 0)


def _hazards(rng: np.random.Generator, own: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Constant hazards of two causes, censored uniformly between 200 and 1,200 days."""
    total = own + OTHER
    event = rng.exponential(1, own.size) / total
    return _observed(event, np.where(rng.random(own.size) < own / total, 1, 2), rng.uniform(200, 1200, own.size))


def _one_arm(rng: np.random.Generator) -> Mapping[str, Estimate]:
    data = _hazards(rng, np.full(250, OWN))
    found = {}
    for variance in ("aalen", "greenwood"):
        for scale in ("plain", "log", "log-log", "logit", "arcsine"):
            one = cumulative_incidence(*data, times=[DAY], event_of_interest=1, variance=variance, conf_type=scale)
            found[f"{INCIDENCE} {variance} {scale}"] = one.items[0]
    return found


def _two_arms(rng: np.random.Generator) -> Mapping[str, Estimate]:
    group = np.repeat(["A", "B"], 200)
    age, stratum = rng.normal(size=400), rng.integers(0, 2, 400)
    treated = group == "A"
    crude = _hazards(rng, OWN * np.exp(EFFECT * treated))
    blocked = _hazards(rng, OWN * np.exp(EFFECT * treated) * np.where(stratum == 1, 2.0, 0.7))
    adjusted = _hazards(rng, OWN * np.exp(EFFECT * treated + SLOPE * age))
    covariates = pd.DataFrame({"age": age})
    difference = cumulative_incidence_difference(*crude, group, event_of_interest=1, times=[DAY], **ARMS)
    return {
        DIFFERENCE: difference.items[0],
        f"{CAUSE}.unstratified": cause_specific(*crude, group, **ARMS).where(cause=1),
        f"{CAUSE}.stratified": cause_specific(*blocked, group, strata=stratum, **ARMS).where(cause=1),
        f"{CAUSE}.adjusted": cause_specific(*adjusted, group, covariates=covariates, **ARMS).where(cause=1),
    }


def _subdistribution(rng: np.random.Generator, effect: np.ndarray, share: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
    """Fine & Gray (1999, section 4): P(T <= t, cause 1) = 1 - (1 - share (1 - exp(-t)))^exp(effect), censored."""
    size = np.exp(effect)
    ever = 1 - (1 - share) ** size
    own = rng.random(effect.size) < ever
    # The time of the cause given that it comes, by its inverse distribution function.
    level = 1 - rng.random(effect.size) * ever
    time = -np.log1p(-(1 - level ** (1 / size)) / share)
    other = rng.exponential(np.exp(-0.5 * effect))
    return _observed(np.where(own, time, other), np.where(own, 1, 2), rng.uniform(0.3, 3, effect.size))


def _fine_gray(rng: np.random.Generator) -> Mapping[str, Estimate]:
    n = 400
    group, age, stratum = np.repeat(["A", "B"], n // 2), rng.normal(size=n), rng.integers(0, 2, n)
    treated, same = group == "A", np.full(n, SHARE)
    crude = _subdistribution(rng, EFFECT * treated, same)
    blocked = _subdistribution(rng, EFFECT * treated, np.where(stratum == 1, 0.8, 0.4))
    adjusted = _subdistribution(rng, EFFECT * treated + SLOPE * age, same)
    first = {"event_of_interest": 1, **ARMS}
    both = fine_gray(*adjusted, group, covariates=pd.DataFrame({"age": age}), **first)
    return {
        f"{RATIO}.unstratified": fine_gray(*crude, group, **first).items[0],
        f"{RATIO}.stratified": fine_gray(*blocked, group, strata=stratum, **first).items[0],
        f"{RATIO}.adjusted": both.items[0],
        f"{RATIO}.covariate": both.items[1],
    }


def _censoring_groups(rng: np.random.Generator) -> Mapping[str, Estimate]:
    n = 400
    group = np.repeat(["A", "B"], n // 2)
    event, cause = _subdistribution(rng, EFFECT * (group == "A"), np.full(n, SHARE))
    # The treated are followed for a shorter time; the censoring of both arms together would be neither's.
    end = rng.exponential(np.where(group == "A", 1.0, 4.0))
    data = np.minimum(event, end), np.where(event <= end, cause, 0)
    one = fine_gray(*data, group, event_of_interest=1, censoring_groups=group, **ARMS).items[0]
    return {f"{RATIO}.unstratified censoring_groups": one}


SCENARIOS = [
    Scenario(
        about="One arm of 250, two causes with constant hazards, censored uniformly between 200 and 1,200 days",
        truth={
            f"{INCIDENCE} {variance} {scale}": _incidence(OWN)
            for variance in ("aalen", "greenwood")
            for scale in ("plain", "log", "log-log", "logit", "arcsine")
        },
        draw=_one_arm,
    ),
    Scenario(
        about="Two arms of 200, two causes with constant hazards, ratio 0.7 for one, censored uniformly",
        truth={
            DIFFERENCE: _incidence(OWN * math.exp(EFFECT)) - _incidence(OWN),
            **dict.fromkeys(
                (f"{CAUSE}.{kind}" for kind in ("unstratified", "stratified", "adjusted")), math.exp(EFFECT)
            ),
        },
        draw=_two_arms,
    ),
    Scenario(
        about="Two arms of 200, subdistribution hazards (Fine & Gray 1999, section 4), ratio 0.7, censored uniformly",
        truth={
            **dict.fromkeys(
                (f"{RATIO}.{kind}" for kind in ("unstratified", "stratified", "adjusted")), math.exp(EFFECT)
            ),
            f"{RATIO}.covariate": math.exp(SLOPE),
        },
        draw=_fine_gray,
    ),
    Scenario(
        about="The same, with follow-up of the treated a quarter as long, and censoring estimated in each arm",
        truth={f"{RATIO}.unstratified censoring_groups": math.exp(EFFECT)},
        draw=_censoring_groups,
    ),
]
