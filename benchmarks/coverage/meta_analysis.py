"""Coverage of the intervals of ``evidence_lib.statistics.meta_analysis``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np
import pandas as pd

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.meta_analysis import funnel, meta_regression, pool, pool_counts
from evidence_lib.statistics.meta_analysis.model import Data, typical_variance

MEAN, TAU2 = 0.3, 0.05
SE = np.resize([0.1, 0.15, 0.2, 0.25, 0.3, 0.4], 60)
AGE = np.resize([40.0, 45, 50, 55, 62, 65, 71], 120)
FEW = SE[:12]
# Alike, so that Hartung and Knapp's interval is Student's of the effects, which is exact.
ALIKE = np.full(8, 0.25)
TYPICAL = typical_variance(Data(FEW, FEW**2, np.ones((12, 1))))


def _about(found: Estimate | None, effect: float) -> Estimate:
    """A prediction interval about the effect in a new study, which is another in each draw: its truth becomes 0."""
    assert found is not None
    assert found.estimate is not None
    assert found.conf_low is not None
    assert found.conf_high is not None
    log = found.scale == "log"
    ends = [math.log(x) if log else x for x in (found.estimate, found.conf_low, found.conf_high)]
    return replace(found, **dict(zip(("estimate", "conf_low", "conf_high"), (x - effect for x in ends), strict=True)))


def _random_effects(rng: np.random.Generator) -> Mapping[str, Estimate]:
    y = rng.normal(MEAN, math.sqrt(TAU2), 60) + rng.normal(size=60) * SE
    new = float(rng.normal(MEAN, math.sqrt(TAU2)))
    reml = pool(y, SE, scale="identity")
    moments = pool(np.exp(y), SE, scale="log", model="dersimonian-laird", prediction="t(k-2)")
    knapp = pool(np.exp(y), SE, scale="log", model="dersimonian-laird", interval="hartung-knapp")
    return {
        "meta.effect.random.difference": reml.effect,
        "meta.effect.random.ratio": moments.effect,
        "meta.prediction.difference": _about(reml.prediction, new),
        "meta.prediction.ratio": _about(moments.prediction, new),
        "meta.effect.hartung_knapp.ratio": knapp.effect,
    }


def _few_studies(rng: np.random.Generator) -> Mapping[str, Estimate]:
    y = rng.normal(MEAN, math.sqrt(TAU2), 12) + rng.normal(size=12) * FEW
    found = pool(y, FEW, scale="identity", model="paule-mandel")
    assert found.tau_squared is not None
    return {
        "meta.tau_squared": found.tau_squared,
        "meta.i_squared": found.i_squared,
        "meta.h_squared": found.h_squared,
    }


def _alike(rng: np.random.Generator) -> Mapping[str, Estimate]:
    y = rng.normal(MEAN, math.sqrt(TAU2), 8) + rng.normal(size=8) * ALIKE
    plain = pool(y, ALIKE, scale="identity", interval="hartung-knapp").effect
    guarded = pool(y, ALIKE, scale="identity", interval="hartung-knapp-guarded").effect
    ratio = pool(np.exp(y), ALIKE, scale="log", interval="hartung-knapp-guarded").effect
    return {
        "meta.effect.hartung_knapp.difference": plain,
        "meta.effect.hartung_knapp_guarded.difference": guarded,
        "meta.effect.hartung_knapp_guarded.ratio": ratio,
    }


def _one_effect(rng: np.random.Generator) -> Mapping[str, Estimate]:
    y = MEAN + rng.normal(size=12) * FEW
    return {
        "meta.effect.fixed.difference": pool(y, FEW, scale="identity", model="fixed").effect,
        "meta.effect.fixed.ratio": pool(np.exp(y), FEW, scale="log", model="fixed").effect,
        "meta.funnel.egger": funnel(y, FEW, scale="identity", model="fixed").egger,
    }


def _moderated(rng: np.random.Generator) -> Mapping[str, Estimate]:
    se = np.resize(SE, 120)
    y = 0.02 * (AGE - 55) + rng.normal(0, math.sqrt(TAU2), 120) + rng.normal(size=120) * se
    age = pd.DataFrame({"age": AGE})
    normal = meta_regression(y, se, age, scale="identity", model="dersimonian-laird")
    knapp = meta_regression(np.exp(y), se, age, scale="log", model="dersimonian-laird", interval="hartung-knapp")
    return {
        "meta.coefficient.difference": normal.coefficients.where(variable="age"),
        "meta.coefficient.ratio": knapp.coefficients.where(variable="age"),
    }


TREATED, REFERENCE = np.array([80, 120, 200, 60, 150, 90]), np.array([80, 110, 190, 70, 150, 100])
RISK = np.array([0.2, 0.3, 0.15, 0.4, 0.25, 0.35])
ODDS_RATIO, RISK_RATIO, RISK_DIFFERENCE = 0.85, 0.8, -0.06


def _counts(rng: np.random.Generator) -> Mapping[str, Estimate]:
    c = rng.binomial(REFERENCE, RISK)
    odds = ODDS_RATIO * RISK / (1 - RISK)

    def pooled(risk: np.ndarray, measure: str, method: str = "mantel-haenszel") -> Estimate:
        a = rng.binomial(TREATED, risk)
        return pool_counts(a, TREATED, c, REFERENCE, measure=measure, method=method).effect  # type: ignore[arg-type]

    return {
        "meta.effect.mantel_haenszel.odds_ratio": pooled(odds / (1 + odds), "odds-ratio"),
        "meta.effect.peto.odds_ratio": pooled(odds / (1 + odds), "odds-ratio", "peto"),
        "meta.effect.mantel_haenszel.risk_ratio": pooled(RISK * RISK_RATIO, "risk-ratio"),
        "meta.effect.mantel_haenszel.risk_difference": pooled(RISK + RISK_DIFFERENCE, "risk-difference"),
    }


SCENARIOS = [
    Scenario(
        about="60 studies, effects normal about 0.3 with variance 0.05 between studies, standard errors of 0.1 to 0.4",
        truth={
            "meta.effect.random.difference": MEAN,
            "meta.effect.random.ratio": math.exp(MEAN),
            "meta.prediction.difference": 0.0,
            "meta.prediction.ratio": 0.0,
            "meta.effect.hartung_knapp.ratio": math.exp(MEAN),
        },
        draw=_random_effects,
        repeats=1500,
    ),
    Scenario(
        about="The first 12 of these studies",
        truth={
            "meta.tau_squared": TAU2,
            "meta.i_squared": TAU2 / (TAU2 + TYPICAL),
            "meta.h_squared": TAU2 / TYPICAL + 1,
        },
        draw=_few_studies,
        repeats=1500,
    ),
    Scenario(
        about="8 studies alike, effects normal about 0.3 with variance 0.05 between studies, standard errors of 0.25",
        truth={
            "meta.effect.hartung_knapp.difference": MEAN,
            "meta.effect.hartung_knapp_guarded.difference": MEAN,
            "meta.effect.hartung_knapp_guarded.ratio": math.exp(MEAN),
        },
        draw=_alike,
        repeats=1500,
        conservative=dict.fromkeys(
            ("meta.effect.hartung_knapp_guarded.difference", "meta.effect.hartung_knapp_guarded.ratio"),
            "the factor of the variance is never below 1",
        ),
    ),
    Scenario(
        about="12 studies with one effect of 0.3, standard errors of 0.1 to 0.4",
        truth={
            "meta.effect.fixed.difference": MEAN,
            "meta.effect.fixed.ratio": math.exp(MEAN),
            "meta.funnel.egger": 0.0,
        },
        draw=_one_effect,
    ),
    Scenario(
        about="120 studies whose effect grows by 0.02 per year of mean age, variance 0.05 between studies",
        truth={"meta.coefficient.difference": 0.02, "meta.coefficient.ratio": math.exp(0.02)},
        draw=_moderated,
        repeats=1500,
    ),
    Scenario(
        about="Six trials with risks of 0.15 to 0.4, odds ratio 0.85, risk ratio 0.8 or risk difference -0.06",
        truth={
            "meta.effect.mantel_haenszel.odds_ratio": ODDS_RATIO,
            "meta.effect.peto.odds_ratio": ODDS_RATIO,
            "meta.effect.mantel_haenszel.risk_ratio": RISK_RATIO,
            "meta.effect.mantel_haenszel.risk_difference": RISK_DIFFERENCE,
        },
        draw=_counts,
    ),
]
