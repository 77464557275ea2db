"""Coverage of simultaneous intervals: all of a family hold their truths at once."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import stdtr

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.multiplicity import Multiplicity, adjust, graphical

EFFECTS, SIZE = np.array([0.0, 0.4, 0.9]), 30
LINE = (np.ones((3, 3)) - np.eye(3)) / 2
STEPWISE = "a rejected hypothesis is bounded by its null value while another stands"
BONFERRONI = "Bonferroni's inequality ignores that the estimates are correlated"


def _together(found: Multiplicity) -> Estimate:
    """One interval that holds 0 exactly where every interval of the family holds its truth."""
    low = [-math.inf if e.conf_low is None else e.conf_low - truth for e, truth in _pairs(found)]
    high = [math.inf if e.conf_high is None else e.conf_high - truth for e, truth in _pairs(found)]
    ends = [value if math.isfinite(value) else None for value in (max(low), min(high))]
    return replace(found.intervals.items[0], estimate=0.0, conf_low=ends[0], conf_high=ends[1], reason="of the family")


def _pairs(found: Multiplicity) -> list[tuple[Estimate, float]]:
    return list(zip(found.intervals.items, map(float, EFFECTS), strict=True))


def _trial(rng: np.random.Generator) -> Mapping[str, Estimate]:
    values = rng.normal(size=(4, SIZE))
    df = 4 * (SIZE - 1)
    error = math.sqrt(float(values.var(axis=1, ddof=1).mean()) * 2 / SIZE)
    effect = values[1:].mean(axis=1) - values[0].mean() + EFFECTS
    t = effect / error
    frame = pd.DataFrame(
        {"hypothesis": ["low", "middle", "high"], "estimate": effect, "std_error": error, "df": df, "n": SIZE}
    )
    two_sided, upper = frame.assign(p_value=2 * stdtr(df, -np.abs(t))), frame.assign(p_value=stdtr(df, -t))
    one: dict[str, Any] = {"alternative": "greater", "unit": "points"}
    return {
        "multiplicity.interval.bonferroni": _together(adjust(two_sided, method="bonferroni", unit="points")),
        "multiplicity.interval.dunnett": _together(
            adjust(two_sided, method="dunnett", unit="points", n_reference=SIZE)
        ),
        "multiplicity.interval.dunnett one-sided": _together(adjust(upper, method="dunnett", n_reference=SIZE, **one)),
        "multiplicity.interval.holm": _together(adjust(upper, method="holm", **one)),
        "multiplicity.interval.fixed_sequence": _together(adjust(upper, method="fixed-sequence", **one)),
        "multiplicity.interval.graphical": _together(
            graphical(upper, weights=[0.2, 0.3, 0.5], transitions=LINE, **one)
        ),
    }


LABELS = ("bonferroni", "dunnett", "dunnett one-sided", "holm", "fixed_sequence", "graphical")
SCENARIOS = [
    Scenario(
        about="Three doses and a control of 30 patients each, normal, effects 0, 0.4 and 0.9 standard deviations",
        truth={f"multiplicity.interval.{label}": 0.0 for label in LABELS},
        draw=_trial,
        conservative={
            "multiplicity.interval.bonferroni": BONFERRONI,
            **{f"multiplicity.interval.{label}": STEPWISE for label in ("holm", "fixed_sequence", "graphical")},
        },
    ),
]
