"""Coverage of the intervals of ``evidence_lib.statistics.recurrent_events``."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.recurrent_events import (
    andersen_gill,
    mean_cumulative_at,
    mean_cumulative_difference,
    negative_binomial,
    pwp,
    wlw,
)

ARMS: dict[str, Any] = {"treatment": "a", "reference": "b"}
RATIO, RATE, VARIANCE, AT = 0.7, 1.5 / 365, 0.6, 270.0


def _processes(
    rng: np.random.Generator, size: int, ratio: float, variance: float
) -> tuple[dict[str, Any], dict[str, Any]]:
    """Poisson processes with a gamma factor per subject, observed for 200 to 500 days: intervals, and totals."""
    arm = np.tile(["a", "b"], size // 2)
    factor = rng.gamma(1 / variance, variance, size) if variance else np.ones(size)
    end = rng.uniform(200, 500, size)
    count = rng.poisson(RATE * np.where(arm == "a", ratio, 1.0) * factor * end)
    subject = np.repeat(np.arange(size), count)
    at = rng.random(subject.size) * end[subject]
    # One more row for each subject: from the last event to the end.
    subject = np.concatenate([subject, np.arange(size)])
    stop = np.concatenate([at, end])
    event = np.concatenate([np.ones(at.size), np.zeros(size)])
    order = np.lexsort((stop, subject))
    subject, stop, event = subject[order], stop[order], event[order]
    start = np.where(np.concatenate([[False], subject[1:] == subject[:-1]]), np.roll(stop, 1), 0.0)
    rows = {"subject": subject, "start": start, "stop": stop, "event": event}
    return {**rows, "group": arm[subject]}, {"count": count, "exposure": end, "group": arm}


def _frailty(rng: np.random.Generator) -> Mapping[str, Estimate]:
    rows, totals = _processes(rng, 300, RATIO, VARIANCE)
    reference = {name: values[rows["group"] == "b"] for name, values in rows.items() if name != "group"}
    return {
        "andersen_gill.rate_ratio": andersen_gill(**rows, **ARMS),
        "negative_binomial.rate_ratio expected": negative_binomial(**totals, **ARMS).items[0],
        "negative_binomial.rate_ratio observed": negative_binomial(**totals, **ARMS, information="observed").items[0],
        "mcf.mean log": mean_cumulative_at(**reference, times=[AT]).items[0],
        "mcf.mean plain": mean_cumulative_at(**reference, times=[AT], conf_type="plain").items[0],
        "mcf.difference": mean_cumulative_difference(**rows, **ARMS, times=[AT]).items[0],
    }


def _poisson(rng: np.random.Generator) -> Mapping[str, Estimate]:
    rows, _ = _processes(rng, 300, RATIO, 0.0)
    return {
        "andersen_gill.rate_ratio model variance": andersen_gill(**rows, **ARMS, robust=False),
        "pwp.hazard_ratio.total": pwp(**rows, **ARMS, time_scale="total", max_events=3),
        "pwp.hazard_ratio.gap": pwp(**rows, **ARMS, time_scale="gap", max_events=3),
        "wlw.hazard_ratio.event": wlw(**rows, **ARMS, max_events=1).items[1],
    }


def _no_effect(rng: np.random.Generator) -> Mapping[str, Estimate]:
    rows, _ = _processes(rng, 300, 1.0, VARIANCE)
    found = wlw(**rows, **ARMS, max_events=3).items
    return {
        "wlw.hazard_ratio.common": found[0],
        "wlw.hazard_ratio.event": found[2],
        "wlw.hazard_ratio.average": found[4],
        "pwp.hazard_ratio.total": pwp(**rows, **ARMS, time_scale="total", max_events=3),
    }


SCENARIOS = [
    Scenario(
        about=(
            f"300 subjects, Poisson processes with a gamma factor of variance {VARIANCE}, 1.5 events a year, "
            f"rate ratio {RATIO}"
        ),
        truth={
            "andersen_gill.rate_ratio": RATIO,
            "negative_binomial.rate_ratio expected": RATIO,
            "negative_binomial.rate_ratio observed": RATIO,
            "mcf.mean log": RATE * AT,
            "mcf.mean plain": RATE * AT,
            "mcf.difference": (RATIO - 1) * RATE * AT,
        },
        draw=_frailty,
        repeats=1000,
    ),
    Scenario(
        about=f"300 subjects, Poisson processes, 1.5 events a year, rate ratio {RATIO}",
        truth={
            "andersen_gill.rate_ratio model variance": RATIO,
            "pwp.hazard_ratio.total": RATIO,
            "pwp.hazard_ratio.gap": RATIO,
            "wlw.hazard_ratio.event": RATIO,
        },
        draw=_poisson,
        repeats=1000,
    ),
    Scenario(
        about=f"300 subjects, Poisson processes with a gamma factor of variance {VARIANCE}, no effect",
        truth={
            "wlw.hazard_ratio.common": 1.0,
            "wlw.hazard_ratio.event": 1.0,
            "wlw.hazard_ratio.average": 1.0,
            "pwp.hazard_ratio.total": 1.0,
        },
        draw=_no_effect,
        repeats=1000,
    ),
]
