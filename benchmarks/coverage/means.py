"""Coverage of the intervals of ``evidence_lib.statistics.means``: t tests, shifts, analysis of covariance."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.means import ancova, mean, t_test, wilcoxon

AB = {"treatment": "a", "reference": "b"}
DIFFERENCE = 1.5


def _two_arms(rng: np.random.Generator) -> Mapping[str, Estimate]:
    arm = np.repeat(["a", "b"], [40, 25])
    alike = rng.normal(5, 4, 65) + DIFFERENCE * (arm == "a")
    apart = np.where(arm == "a", 2.0, 6.0) * rng.normal(0, 1, 65) + DIFFERENCE * (arm == "a")
    patient = rng.normal(0, 5, 30)
    crossover = np.concatenate([patient + rng.normal(DIFFERENCE, 2, 30), patient + rng.normal(0, 2, 30)])
    halves = np.repeat(["a", "b"], 30)
    return {
        "t_test.difference.pooled": t_test(alike, arm, **AB, variance="pooled"),
        "t_test.difference.welch": t_test(apart, arm, **AB),
        "t_test.difference.paired": t_test(crossover, halves, **AB, pairs=[*range(30), *range(30)]),
    }


def _shifts(rng: np.random.Generator) -> Mapping[str, Estimate]:
    arm = np.repeat(["a", "b"], [45, 40])
    skewed = rng.exponential(3, 85) + DIFFERENCE * (arm == "a")
    site = np.resize(["w", "x", "y", "z"], 85)
    level = pd.Series(site).map({"w": 0, "x": 5, "y": 20, "z": -10}).to_numpy()
    return {
        "wilcoxon.shift exact": wilcoxon(skewed, arm, **AB, distribution="exact").items[1],
        "wilcoxon.shift normal": wilcoxon(skewed, arm, **AB, distribution="normal").items[1],
        "wilcoxon.shift.stratified": wilcoxon(skewed + level, arm, **AB, strata=site).items[1],
    }


ARM = np.resize(["p", "l", "h"], 60)
COVARIATES = pd.DataFrame({"base": np.linspace(10, 40, 60) % 7, "site": np.repeat(["x", "y", "z"], [30, 20, 10])})
ARM_MEANS = {"p": 10.0, "l": 11.0, "h": 12.0}
SITE_MEANS = {"x": 0.0, "y": 3.0, "z": -6.0}
DOSE = {"p": 0.0, "l": 54.0, "h": 108.0}
EXPECTED = (pd.Series(ARM).map(ARM_MEANS) + COVARIATES["site"].map(SITE_MEANS) - 0.5 * COVARIATES["base"]).to_numpy()


def _adjusted(rng: np.random.Generator) -> Mapping[str, Estimate]:
    y = EXPECTED + rng.normal(0, 3, 60)
    equal = ancova(y, ARM, COVARIATES, reference="p", dose=DOSE)
    observed = ancova(y, ARM, COVARIATES, reference="p", margins="observed", dose=DOSE, trend="contrast")
    return {
        "ancova.ls_mean equal": equal.where(arm="l"),
        "ancova.ls_mean observed": observed.where(arm="l"),
        "ancova.contrast": equal.where(treatment="h"),
        "ancova.dose_trend.regression": equal.items[-1],
        "ancova.dose_trend.contrast": observed.items[-1],
    }


def _one_arm(rng: np.random.Generator) -> Mapping[str, Estimate]:
    return {"mean": mean(rng.normal(5, 4, 30))}


SCENARIOS = [
    Scenario(about="One arm of 30, normal outcomes with mean 5 and SD 4", truth={"mean": 5.0}, draw=_one_arm),
    Scenario(
        about="Normal outcomes: arms of 40 and 25 with one SD of 4, and with SDs of 2 and 6; 30 pairs",
        truth=dict.fromkeys(
            ("t_test.difference.pooled", "t_test.difference.welch", "t_test.difference.paired"), DIFFERENCE
        ),
        draw=_two_arms,
    ),
    Scenario(
        about="Exponential outcomes with mean 3, arms of 45 and 40 shifted by 1.5; four strata of other levels",
        truth=dict.fromkeys(("wilcoxon.shift exact", "wilcoxon.shift normal", "wilcoxon.shift.stratified"), DIFFERENCE),
        draw=_shifts,
    ),
    Scenario(
        about="Three arms of 20 with an effect linear in dose, a covariate and three unequal sites, residual SD 3",
        truth={
            "ancova.ls_mean equal": 11 - 1 - 0.5 * COVARIATES["base"].mean(),
            "ancova.ls_mean observed": 11 - 0.5 * COVARIATES["base"].mean() + (20 * 3 - 10 * 6) / 60,
            "ancova.contrast": 2.0,
            "ancova.dose_trend.regression": 1 / 54,
            "ancova.dose_trend.contrast": 1 / 54,
        },
        draw=_adjusted,
    ),
]
