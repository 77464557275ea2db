"""Coverage of the intervals of ``evidence_lib.endpoints.estimand.principal_stratum_effect``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import numpy as np
import pandas as pd
from scipy.special import expit

from benchmarks.coverage.scenario import Scenario
from evidence_lib.endpoints.estimand import principal_stratum_effect
from evidence_lib.results import Estimate

# A covariate x, standard normal, decides stratum and outcome; the treated in the stratum gain, the others lose.
PATIENTS, INTERCEPT, GAIN, LOSS = 500, 0.3, 1.0, -0.5
_NODES, _WEIGHTS = np.polynomial.hermite_e.hermegauss(80)
_INSIDE = _WEIGHTS * expit(INTERCEPT + _NODES) / (_WEIGHTS @ expit(INTERCEPT + _NODES))
MEAN = float(_INSIDE @ _NODES)
RISKS = tuple(float(_INSIDE @ expit(_NODES + gain)) for gain in (GAIN, 0.0))


def _drawn(rng: np.random.Generator, measure: Literal["mean_difference", "risk_difference"]) -> Mapping[str, Estimate]:
    x = rng.normal(size=PATIENTS)
    treated = rng.permutation(PATIENTS) % 2 == 0
    stratum = rng.random(PATIENTS) < expit(INTERCEPT + x)
    linear = x + treated * np.where(stratum, GAIN, LOSS)
    found = principal_stratum_effect(
        linear + rng.normal(size=PATIENTS) if measure == "mean_difference" else rng.random(PATIENTS) < expit(linear),
        np.where(treated, "A", "B"),
        np.where(treated, stratum, np.nan),
        treatment="A",
        reference="B",
        covariates=pd.DataFrame({"x": x}),
        measure=measure,
    ).items
    return {found[0].analysis: found[0], **{f"{one.analysis} {one.groups['arm']}": one for one in found[1:]}}


SCENARIOS = [
    Scenario(
        about=f"{PATIENTS} patients, normal outcome, stratum by a covariate, difference {GAIN:g} in the stratum",
        truth={
            "principal_stratum.mean_difference": GAIN,
            "principal_stratum.mean A": MEAN + GAIN,
            "principal_stratum.mean B": MEAN,
        },
        draw=lambda rng: _drawn(rng, "mean_difference"),
    ),
    Scenario(
        about=f"{PATIENTS} patients, binary outcome, stratum by a covariate, risks {RISKS[0]:.3f} and {RISKS[1]:.3f}",
        truth={
            "principal_stratum.risk_difference": RISKS[0] - RISKS[1],
            "principal_stratum.risk A": RISKS[0],
            "principal_stratum.risk B": RISKS[1],
        },
        draw=lambda rng: _drawn(rng, "risk_difference"),
    ),
]
