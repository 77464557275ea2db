"""Coverage of the intervals of ``evidence_lib.statistics.proportions``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.proportions import (
    adjusted_risk_difference,
    number_needed_to_treat,
    odds_ratio,
    proportion,
    risk_difference,
    risk_ratio,
)

ARMS: dict[str, Any] = {"treatment": "A", "reference": "B"}
EXACT = "an exact interval of a count"
CORRECTED = "a continuity correction"

# One arm.
N, RISK = 420, 0.3
# Two arms.
SIZES, RISKS, STRONG = (240, 160), (0.25, 0.4), (0.2, 0.5)
# Strata: sizes of both arms and the reference's risks; one common effect each time.
STRATUM_SIZES = np.array([[40, 30], [60, 60], [25, 50], [80, 40], [10, 12], [5, 8]])
REFERENCE_RISKS = np.array([0.2, 0.35, 0.5, 0.3, 0.4, 0.25])
DIFFERENCE, RATIO, ODDS = 0.12, 1.4, 1.8
# A trial with a prognostic covariate x, standard normal: logit of risk -0.4 + 0.7 arm + x.
INTERCEPT, EFFECT, SLOPE, PATIENTS = -0.4, 0.7, 1.0, 300
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
FIXED = np.linspace(-2.2, 2.2, PATIENTS)


def standardised(x: np.ndarray, weights: np.ndarray) -> float:
    """The difference of mean risks over a distribution of the covariate."""
    gap = expit(INTERCEPT + EFFECT + SLOPE * x) - expit(INTERCEPT + SLOPE * x)
    return float(weights @ gap / weights.sum())


def _one_arm(rng: np.random.Generator) -> Mapping[str, Estimate]:
    x = int(rng.binomial(N, RISK))
    methods = ("wilson", "wilson-cc", "clopper-pearson", "agresti-coull", "jeffreys", "wald")
    found = [proportion([1, 0], count=[x, N - x], method=method) for method in methods]
    return {one.analysis: one for one in found}


def _table(x: np.ndarray, n: np.ndarray) -> dict[str, Any]:
    """Counts of tables (k, 2), treated and reference, as rows."""
    strata = len(x)
    cells = np.stack([x[:, 0], n[:, 0] - x[:, 0], x[:, 1], n[:, 1] - x[:, 1]], axis=1)
    return {"event": [1, 0, 1, 0] * strata, "group": ["A", "A", "B", "B"] * strata, "count": cells.ravel(), **ARMS}


def _two_arms(rng: np.random.Generator) -> Mapping[str, Estimate]:
    n = np.array([SIZES])
    data = _table(rng.binomial(n, RISKS), n)
    differences = ("miettinen-nurminen", "newcombe", "mee", "agresti-caffo", "wald")
    found = [risk_difference(**data, method=method) for method in differences]
    found += [risk_ratio(**data, method=method) for method in ("log", "miettinen-nurminen", "koopman")]
    found += [odds_ratio(**data, method=method) for method in ("woolf", "exact", "miettinen-nurminen")]
    return {one.analysis: one for one in found}


def _needed(rng: np.random.Generator) -> Mapping[str, Estimate]:
    n = np.array([SIZES])
    return {"nnt": number_needed_to_treat(**_table(rng.binomial(n, STRONG), n), event_is="harm")}


def _strata(rng: np.random.Generator) -> Mapping[str, Estimate]:
    strata = np.repeat(np.arange(len(STRATUM_SIZES)), 4)

    def drawn(treated: np.ndarray) -> dict[str, Any]:
        risks = np.stack([treated, REFERENCE_RISKS], axis=1)
        return {**_table(rng.binomial(STRATUM_SIZES, risks), STRATUM_SIZES), "strata": strata}

    data = drawn(REFERENCE_RISKS + DIFFERENCE)
    odds = ODDS * REFERENCE_RISKS / (1 - REFERENCE_RISKS)
    return {
        "rd.miettinen_nurminen.stratified mh": risk_difference(**data),
        "rd.miettinen_nurminen.stratified mn": risk_difference(**data, weights="mn"),
        "rd.newcombe.stratified": risk_difference(**data, method="newcombe"),
        "rd.mantel_haenszel": risk_difference(**data, method="mantel-haenszel"),
        "rr.mantel_haenszel": risk_ratio(**drawn(RATIO * REFERENCE_RISKS)),
        "or.mantel_haenszel": odds_ratio(**drawn(odds / (1 + odds))),
    }


def _outcomes(rng: np.random.Generator, x: np.ndarray, treated: np.ndarray) -> np.ndarray:
    return rng.random(x.size) < expit(INTERCEPT + EFFECT * treated + SLOPE * x)


def _population(rng: np.random.Generator) -> Mapping[str, Estimate]:
    x = rng.normal(size=PATIENTS)
    group = rng.permutation(np.repeat(["A", "B"], PATIENTS // 2))
    options: dict[str, Any] = {"covariates": pd.DataFrame({"x": x}), **ARMS}
    simple = adjusted_risk_difference(_outcomes(rng, x, group == "A"), group, **options)
    # Blocks of two within the strata of the sign of x; the model has the strata alone.
    above = (x > 0).astype(int)
    place = np.lexsort((rng.random(PATIENTS), above))
    treated = np.empty(PATIENTS, dtype=bool)
    treated[place] = np.tile([True, False], PATIENTS // 2)
    options["covariates"] = pd.DataFrame({"above": above})
    blocks = adjusted_risk_difference(_outcomes(rng, x, treated), np.where(treated, "A", "B"), strata=above, **options)
    return {"rd.adjusted.ye simple": simple, "rd.adjusted.ye blocks": blocks}


def _fixed(rng: np.random.Generator) -> Mapping[str, Estimate]:
    group = rng.permutation(np.repeat(["A", "B"], PATIENTS // 2))
    event = _outcomes(rng, FIXED, group == "A")
    options: dict[str, Any] = {"covariates": pd.DataFrame({"x": FIXED}), "variance": "ge", **ARMS}
    return {
        f"rd.adjusted.ge {hc}": adjusted_risk_difference(event, group, hc=hc, **options)
        for hc in ("model", "hc0", "hc3")
    }


_GAP = RISKS[0] - RISKS[1]
_ODDS = RISKS[0] / (1 - RISKS[0]) * (1 - RISKS[1]) / RISKS[1]
SCENARIOS = [
    Scenario(
        about="One arm of 420, risk 0.3, with exact coverage of the approximate methods of 0.950 to 0.951",
        truth=dict.fromkeys(
            (
                f"proportion.{method}"
                for method in ("wilson", "wilson_cc", "clopper_pearson", "agresti_coull", "jeffreys", "wald")
            ),
            RISK,
        ),
        draw=_one_arm,
        conservative={"proportion.clopper_pearson": EXACT, "proportion.wilson_cc": CORRECTED},
    ),
    Scenario(
        about="Two arms of 240 and 160 with risks of 0.25 and 0.4",
        truth={
            **dict.fromkeys(
                (
                    "rd.miettinen_nurminen.unstratified",
                    "rd.newcombe.unstratified",
                    "rd.mee",
                    "rd.agresti_caffo",
                    "rd.wald",
                ),
                _GAP,
            ),
            **dict.fromkeys(("rr.log", "rr.miettinen_nurminen", "rr.koopman"), RISKS[0] / RISKS[1]),
            **dict.fromkeys(("or.woolf", "or.exact", "or.miettinen_nurminen"), _ODDS),
        },
        draw=_two_arms,
        repeats=1500,
        conservative={"or.exact": EXACT},
    ),
    Scenario(
        about="Two arms of 240 and 160 with risks of 0.2 and 0.5, so that no interval of the difference contains 0",
        truth={"nnt": 1 / (STRONG[1] - STRONG[0])},
        draw=_needed,
        repeats=1000,
    ),
    Scenario(
        about="Six strata of 13 to 120 patients, reference risks of 0.2 to 0.5, a common effect on each scale",
        truth={
            **dict.fromkeys(
                (
                    "rd.miettinen_nurminen.stratified mh",
                    "rd.miettinen_nurminen.stratified mn",
                    "rd.newcombe.stratified",
                    "rd.mantel_haenszel",
                ),
                DIFFERENCE,
            ),
            "rr.mantel_haenszel": RATIO,
            "or.mantel_haenszel": ODDS,
        },
        draw=_strata,
        repeats=600,
    ),
    Scenario(
        about="Trial of 300 drawn from a population with a prognostic covariate, simple or block randomisation",
        truth=dict.fromkeys(("rd.adjusted.ye simple", "rd.adjusted.ye blocks"), standardised(_NODES, _WEIGHTS)),
        draw=_population,
    ),
    Scenario(
        about="Trial of 300 with fixed values of a prognostic covariate, simple randomisation",
        truth=dict.fromkeys(
            (f"rd.adjusted.ge {hc}" for hc in ("model", "hc0", "hc3")), standardised(FIXED, np.ones(PATIENTS))
        ),
        draw=_fixed,
    ),
]
