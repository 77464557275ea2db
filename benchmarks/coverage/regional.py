"""Coverage of the intervals of ``evidence_lib.statistics.regional``."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace

import numpy as np

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.regional import regional_effects, retention

# True effects of five regions on the log scale, their standard errors, and the weights of another overall effect.
TRUE = np.log([0.60, 0.65, 0.70, 0.75, 0.55])
ERROR = np.array([0.10, 0.12, 0.15, 0.20, 0.18])
REGIONS = list("ABCDE")
WEIGHT = np.array([3.0, 2.0, 2.0, 1.0, 1.0])
INVERSE = 1 / ERROR**2
# Many regions, so that the variance between them, which the shrunken intervals take as known, is known well.
MANY, MEAN, TAU = 60, -0.3, 0.25


def _mean(weight: np.ndarray) -> float:
    return float(weight @ TRUE / weight.sum())


def _five(rng: np.random.Generator) -> Mapping[str, Estimate]:
    drawn = rng.normal(TRUE, ERROR)
    found: dict[str, Estimate] = {}
    for scale, given in (("ratio", np.exp(drawn)), ("difference", drawn)):
        every = regional_effects(given, ERROR, REGIONS, scale="log" if scale == "ratio" else "identity").items
        for name, region in (("effect", "D"), ("overall", None), ("leave_one_out", "A")):
            analysis = f"regional.{name}.{scale}"
            (one,) = (e for e in every if e.analysis == analysis and e.groups.get("region") == region)
            found[analysis] = one
    for interval in ("fieller", "delta"):
        for label, choices in (("", {}), (" weighted", {"weights": WEIGHT})):
            kept = retention(np.exp(drawn), ERROR, REGIONS, scale="log", interval=interval, **choices)
            found[f"regional.retention {interval}{label}"] = kept.where(region="D")
    return found


def _one_truth(rng: np.random.Generator) -> Mapping[str, Estimate]:
    # The overall estimate of its own is efficient when all regions have one effect.
    drawn = rng.normal(-0.4, ERROR)
    whole, error = float(INVERSE @ drawn / INVERSE.sum()), float(INVERSE.sum() ** -0.5)
    kept = retention(drawn[3:], ERROR[3:], REGIONS[3:], overall=whole, overall_std_error=error)
    return {"regional.retention given": kept.where(region="D")}


def _shrunken(rng: np.random.Generator) -> Mapping[str, Estimate]:
    error = np.linspace(0.1, 0.3, MANY)
    truth = rng.normal(MEAN, TAU, MANY)
    drawn = rng.normal(truth, error)
    names = [f"region {number}" for number in range(MANY)]
    found = {}
    for method in ("reml", "dersimonian-laird"):
        for scale, given in (("ratio", np.exp(drawn)), ("difference", drawn)):
            kind = "log" if scale == "ratio" else "identity"
            every = regional_effects(given, error, names, scale=kind, tau2_method=method).items
            analysis = f"regional.shrunken.{scale}"
            (one,) = (e for e in every if e.analysis == analysis and e.groups["region"] == "region 20")
            found[f"{analysis} {method}"] = _less(one, float(truth[20]))
    return found


def _less(one: Estimate, truth: float) -> Estimate:
    """The estimate less the truth that was drawn, which is 0 (or a ratio of 1) if the interval holds it."""
    values = [one.estimate, one.conf_low, one.conf_high]
    if one.scale == "log":
        moved = [None if value is None else value / math.exp(truth) for value in values]
    else:
        moved = [None if value is None else value - truth for value in values]
    return replace(one, estimate=moved[0], conf_low=moved[1], conf_high=moved[2])


SCENARIOS = [
    Scenario(
        about="Five regions with true ratios of 0.55 to 0.75 and known standard errors of the log ratios",
        truth={
            "regional.effect.ratio": math.exp(TRUE[3]),
            "regional.overall.ratio": math.exp(_mean(INVERSE)),
            "regional.leave_one_out.ratio": math.exp(float(INVERSE[1:] @ TRUE[1:] / INVERSE[1:].sum())),
            "regional.effect.difference": float(TRUE[3]),
            "regional.overall.difference": _mean(INVERSE),
            "regional.leave_one_out.difference": float(INVERSE[1:] @ TRUE[1:] / INVERSE[1:].sum()),
            "regional.retention fieller": float(TRUE[3]) / _mean(INVERSE),
            "regional.retention fieller weighted": float(TRUE[3]) / _mean(WEIGHT),
            "regional.retention delta": float(TRUE[3]) / _mean(INVERSE),
            "regional.retention delta weighted": float(TRUE[3]) / _mean(WEIGHT),
        },
        draw=_five,
    ),
    Scenario(
        about="Two of five regions with one true effect, and the efficient overall estimate",
        truth={"regional.retention given": 1.0},
        draw=_one_truth,
    ),
    Scenario(
        about=f"{MANY} regions, true effects normal (mean {MEAN}, standard deviation {TAU}), less the truth drawn",
        truth={
            "regional.shrunken.ratio reml": 1.0,
            "regional.shrunken.difference reml": 0.0,
            "regional.shrunken.ratio dersimonian-laird": 1.0,
            "regional.shrunken.difference dersimonian-laird": 0.0,
        },
        draw=_shrunken,
    ),
]
