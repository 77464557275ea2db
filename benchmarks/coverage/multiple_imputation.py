"""Coverage of the intervals after multiple imputation, at the truth of each strategy's estimand."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import ndtr

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.means.multiple_imputation import (
    delta_scan,
    impute,
    multiple_imputation,
    responder_difference,
)

VISITS = 3
SPREAD = np.array([2.0, 2.5, 3.0])
CORRELATION = np.array([[1.0, 0.6, 0.4], [0.6, 1.0, 0.6], [0.4, 0.6, 1.0]])
ROOT = np.linalg.cholesky(CORRELATION * np.outer(SPREAD, SPREAD))
REFERENCE_MEAN = np.array([1.0, 1.5, 2.0])
EFFECT = np.array([0.5, 1.0, 1.5])
SLOPE, LIMIT, DROP, LEAVING, SEEN = 1.0, 3.0, -2.0, 0.15, 0.5
LEFT = 2 * LEAVING
COLUMNS: dict[str, Any] = {
    "subject": "id",
    "visit": "visit",
    "outcome": "y",
    "arm": "arm",
    "treatment": "A",
    "reference": "B",
    "covariates": ["x"],
}
# Little is remembered from one step of the chain to the next: a short burn-in does.
CHAIN = {"imputations": 20, "burn_in": 20, "thin": 1}


def _outcomes(rng: np.random.Generator, n: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Outcomes (n, 3), whether treated, and a covariate."""
    treated, x = np.arange(n) % 2 == 0, rng.standard_normal(n)
    mean = REFERENCE_MEAN + EFFECT * treated[:, None] + SLOPE * x[:, None]
    return mean + rng.standard_normal((n, VISITS)) @ ROOT.T, treated, x


def _frame(y: np.ndarray, treated: np.ndarray, x: np.ndarray, event: np.ndarray | None = None) -> pd.DataFrame:
    n = len(y)
    columns = {
        "id": np.repeat(np.arange(n), VISITS),
        "visit": np.tile(np.arange(VISITS), n),
        "y": y.ravel(),
        "arm": np.repeat(np.where(treated, "A", "B"), VISITS),
        "x": np.repeat(x, VISITS),
    }
    if event is not None:
        columns["event"] = np.repeat(np.where(event < VISITS, event, np.nan), VISITS)
    return pd.DataFrame(columns)


def _at_random(rng: np.random.Generator) -> Mapping[str, Estimate]:
    """Drop-out by what was last seen, and a few values missing in between."""
    y, treated, x = _outcomes(rng, 120)
    kept = y.copy()
    for j in range(1, VISITS):
        leaves = rng.random(len(y)) < ndtr(-1.0 - 0.3 * (y[:, j - 1] - 1.5))
        kept[leaves | np.isnan(kept[:, j - 1]), j] = np.nan
    kept[rng.random(len(y)) < 0.05, 0] = np.nan
    frame = _frame(kept, treated, x)
    found = {}
    for label, options in (("", {}), (" sequential", {"model": "sequential"}), (" by-arm", {"covariance": "by-arm"})):
        answers = multiple_imputation(frame, **COLUMNS, **CHAIN, **options, rng=rng)
        found[f"imputation.contrast{label}"] = answers.items[0]
        found[f"imputation.ls_mean{label}"] = answers.items[1]
    return found


def _responders(rng: np.random.Generator) -> Mapping[str, Estimate]:
    """Drop-out by what was last seen; response is an outcome of at least 3."""
    y, treated, x = _outcomes(rng, 240)
    y[rng.random(len(y)) < ndtr(-0.5 - 0.3 * (y[:, 1] - 1.5)), 2] = np.nan
    made = impute(_frame(y, treated, x), **COLUMNS, **CHAIN, rng=rng)
    return {one.analysis: one for one in responder_difference(made, threshold=LIMIT, responders="at-least").items}


def _retrieved(rng: np.random.Generator) -> Mapping[str, Estimate]:
    """After the event, which happens by chance, outcomes are 2 lower; half of them are seen."""
    y, treated, x = _outcomes(rng, 200)
    event = np.where(rng.random(len(y)) < 2 * LEAVING, rng.integers(1, VISITS, len(y)), VISITS)
    after = np.arange(VISITS) >= event[:, None]
    y = np.where(after & (rng.random(len(y)) > SEEN)[:, None], np.nan, y + DROP * after * treated[:, None])
    frame = _frame(y, treated, x, event)
    answers = multiple_imputation(
        frame, **COLUMNS, **CHAIN, event="event", strategy="retrieved-dropout", min_retrieved=1, rng=rng
    )
    return {"imputation.contrast retrieved-dropout": answers.items[0]}


def _jump(rng: np.random.Generator) -> Mapping[str, Estimate]:
    """Drop-out by chance, after which the treated go on as the reference arm does."""
    y, treated, x = _outcomes(rng, 120)
    event = np.where(rng.random(len(y)) < 2 * LEAVING, rng.integers(1, VISITS, len(y)), VISITS)
    frame = _frame(np.where(np.arange(VISITS) >= event[:, None], np.nan, y), treated, x)
    found = {}
    for strategy in ("jump-to-reference", "copy-increments"):
        answers = multiple_imputation(frame, **COLUMNS, **CHAIN, strategy=strategy, rng=rng)  # type: ignore[arg-type]
        found[f"imputation.contrast {strategy}"] = answers.items[0]
    return found


def _shifted(rng: np.random.Generator) -> Mapping[str, Estimate]:
    """Drop-out by chance before the last visit; the treated who left are 2 lower than others like them, unseen."""
    y, treated, x = _outcomes(rng, 200)
    y[rng.random(len(y)) < LEFT, VISITS - 1] = np.nan
    answers = delta_scan(_frame(y, treated, x), **COLUMNS, deltas=[DROP], shifted="missing", imputations=20, rng=rng)
    return {"imputation.shifted": answers.items[0]}


def _share(mean: float) -> float:
    """The share of an arm at or above the limit at the last visit."""
    return float(ndtr((mean - LIMIT) / np.hypot(SPREAD[2], SLOPE)))


BORROWED = "Rubin's variance counts as lost what reference-based imputation borrows from the reference arm"
SCENARIOS = [
    Scenario(
        about="Two arms of 60, three visits, about 30 % gone by the last one, by what was seen before; 20 imputations",
        truth={
            **{f"imputation.contrast{label}": EFFECT[2] for label in ("", " sequential", " by-arm")},
            **{f"imputation.ls_mean{label}": REFERENCE_MEAN[2] + EFFECT[2] for label in ("", " sequential", " by-arm")},
        },
        draw=_at_random,
    ),
    Scenario(
        about="Two arms of 120, about 35 % without the last visit, by what was seen before; 20 imputations",
        truth={"imputation.responder_difference": _share(REFERENCE_MEAN[2] + EFFECT[2]) - _share(REFERENCE_MEAN[2])},
        draw=_responders,
        conservative={
            "imputation.responder_difference": "Rubin's variance does not credit what the normal model tells of a "
            "missing response (Meng 1994, Stat Sci 9:538)"
        },
    ),
    Scenario(
        about="Two arms of 100, three visits, 30 % leave treatment, half of whom are seen after; 20 imputations",
        truth={"imputation.contrast retrieved-dropout": EFFECT[2] + LEFT * DROP},
        draw=_retrieved,
    ),
    Scenario(
        about="Two arms of 60, three visits, 30 % drop out by chance, then as the reference arm; 20 imputations",
        truth={
            "imputation.contrast jump-to-reference": (1 - LEFT) * EFFECT[2],
            # A subject who leaves at the second or third visit, equally often, keeps what was gained until then.
            "imputation.contrast copy-increments": (1 - LEFT) * EFFECT[2] + LEFT * (EFFECT[0] + EFFECT[1]) / 2,
        },
        draw=_jump,
        conservative=dict.fromkeys(
            ("imputation.contrast jump-to-reference", "imputation.contrast copy-increments"), BORROWED
        ),
    ),
    Scenario(
        about="Two arms of 100, 30 % without the last visit by chance, the treated of them 2 lower; 20 imputations",
        truth={"imputation.shifted": EFFECT[2] + LEFT * DROP},
        draw=_shifted,
        repeats=1000,
    ),
]
