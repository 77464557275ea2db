"""Coverage of the intervals of ``evidence_lib.statistics.means.mmrm``, among patients some of whom leave the trial."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
import pandas as pd

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.means import MMRM, mmrm

VISITS = 3
MEAN, EFFECT = np.array([0.0, -2.0, -3.0]), np.array([0.0, -1.0, -2.5])
COVARIANCE = np.array([[16.0, 10, 8], [10, 25, 18], [8, 18, 36]])
WOMEN = 1.5
COLUMNS = {"subject": "id", "visit": "visit", "outcome": "y", "arm": "arm"}


def _trial(rng: np.random.Generator, per_arm: int) -> pd.DataFrame:
    """Unstructured covariance; who does badly at a visit (a high value) is less likely to be seen at the next ones."""
    n = 2 * per_arm
    arm, woman = np.arange(n) % 2, rng.random(n) < 0.5
    y = rng.multivariate_normal(np.zeros(VISITS), COVARIANCE, n) + MEAN + arm[:, None] * EFFECT + WOMEN * woman[:, None]
    leaves = rng.random((n, VISITS - 1)) < 1 / (1 + np.exp(2.2 - 0.15 * y[:, :-1]))
    y[:, 1:][np.cumsum(leaves, axis=1) > 0] = np.nan
    return pd.DataFrame(
        {
            "id": np.repeat(np.arange(n), VISITS),
            "visit": np.tile(np.arange(VISITS), n),
            "arm": np.repeat(np.where(arm == 1, "new", "old"), VISITS),
            "sex": np.repeat(np.where(woman, "woman", "man"), VISITS),
            "y": y.ravel(),
        }
    )


def _judged(found: MMRM, kind: str) -> dict[str, Estimate]:
    return {
        f"mmrm.contrast {kind}": found.contrasts.items[-1],
        f"mmrm.contrast.average {kind}": found.average,
        f"mmrm.ls_mean {kind}": found.ls_means.where(arm="new", visit=VISITS - 1),
    }


def _truth(kind: str) -> dict[str, float]:
    return {
        f"mmrm.contrast {kind}": float(EFFECT[-1]),
        f"mmrm.contrast.average {kind}": float(EFFECT.mean()),
        f"mmrm.ls_mean {kind}": float(MEAN[-1] + EFFECT[-1] + WOMEN / 2),
    }


def _unstructured(rng: np.random.Generator) -> Mapping[str, Estimate]:
    frame = _trial(rng, 40)
    found: dict[str, Estimate] = {}
    for df in ("satterthwaite", "kenward-roger"):
        found |= _judged(mmrm(frame, **COLUMNS, treatment="new", reference="old", covariates=["sex"], df=df), df)
    return found


def _small(rng: np.random.Generator) -> Mapping[str, Estimate]:
    frame = _trial(rng, 12)
    return _judged(
        mmrm(
            frame, **COLUMNS, treatment="new", reference="old", covariates=["sex"], df="kenward-roger",
            fallback=("toeph", "ar1h", "cs"),
        ),
        "kenward-roger",
    )  # fmt: skip


SCENARIOS = [
    Scenario(
        about="Two arms of 40 at three visits, unstructured covariance, a fifth gone by the last visit (at random)",
        truth={**_truth("satterthwaite"), **_truth("kenward-roger")},
        draw=_unstructured,
        repeats=1000,
    ),
    Scenario(
        about="Two arms of 12 at three visits, unstructured covariance, a fifth gone by the last visit (at random)",
        truth=_truth("kenward-roger"),
        draw=_small,
        repeats=1000,
    ),
]
