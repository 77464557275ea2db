"""Coverage of the intervals of ``evidence_lib.statistics.rates`` on Poisson counts."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import numpy as np

from benchmarks.coverage.scenario import Scenario
from evidence_lib.results import Estimate
from evidence_lib.statistics.rates import exposure_adjusted_incidence, incidence_rate, rate_difference, rate_ratio

DAILY: dict[str, Any] = {"per": "patient-day"}
AB: dict[str, Any] = {"treatment": "a", "reference": "b"}
RATES, DAYS = np.array([0.004, 0.005]), np.array([15_000.0, 20_000.0])
EXACT = "an exact interval of a count"


def _two_arms(rng: np.random.Generator) -> Mapping[str, Estimate]:
    x = rng.poisson(RATES * DAYS)
    data = (x, DAYS, ["a", "b"])
    parts = (rng.poisson(np.outer(RATES * DAYS, [0.5, 0.5])).T.ravel(), np.tile(DAYS / 2, 2), ["a", "b"] * 2)
    strata = [1, 1, 2, 2]
    return {
        "rate.incidence exact": incidence_rate(x[:1], DAYS[:1], **DAILY),
        "rate.incidence byar": incidence_rate(x[:1], DAYS[:1], method="byar", **DAILY),
        "rate.ratio.exact": rate_ratio(*data, **AB),
        "rate.ratio.mid_p": rate_ratio(*data, method="mid-p", **AB),
        "rate.ratio.wald": rate_ratio(*data, method="wald", **AB),
        "rate.ratio.mantel_haenszel": rate_ratio(*parts, strata=strata, **AB),
        "rate.difference.score": rate_difference(*data, **AB, **DAILY),
        "rate.difference.wald": rate_difference(*data, method="wald", **AB, **DAILY),
        "rate.difference.mantel_haenszel": rate_difference(*parts, strata=strata, **AB, **DAILY),
    }


def _exposure(rng: np.random.Generator) -> Mapping[str, Estimate]:
    n, group = 400, np.repeat(["a", "b"], 200)
    rate = np.where(group == "a", *RATES[:, None])
    exposure = rng.uniform(100, 500, n)
    # The first event comes at a constant rate; the events after it come in clusters of the patient's own.
    first = np.minimum(rng.exponential(1 / rate), exposure)
    ever = first < exposure
    once = exposure_adjusted_incidence(ever.astype(int), first, exposure, group, **AB, **DAILY).items
    events = rng.poisson(rate * exposure * rng.gamma(2.0, 0.5, n))
    start = np.where(events > 0, exposure / 2, exposure)
    many = exposure_adjusted_incidence(events, start, exposure, group, **AB, **DAILY).items
    return {
        "rate.exposure_adjusted_incidence": once[0],
        "rate.exposure_adjusted_incidence.difference": once[2],
        "rate.exposure_adjusted_events": many[3],
        "rate.exposure_adjusted_events.difference": many[5],
    }


DIFFERENCE, RATIO = float(RATES[0] - RATES[1]), float(RATES[0] / RATES[1])
SCENARIOS = [
    Scenario(
        about="Poisson counts with means 60 and 100, for the stratified methods halved between two strata",
        truth={
            "rate.incidence exact": RATES[0],
            "rate.incidence byar": RATES[0],
            **dict.fromkeys(("rate.ratio.exact", "rate.ratio.mid_p", "rate.ratio.wald"), RATIO),
            "rate.ratio.mantel_haenszel": RATIO,
            **dict.fromkeys(("rate.difference.score", "rate.difference.wald"), DIFFERENCE),
            "rate.difference.mantel_haenszel": DIFFERENCE,
        },
        draw=_two_arms,
        conservative={
            "rate.incidence exact": EXACT,
            "rate.incidence byar": "close to an exact interval of a count",
            "rate.ratio.exact": EXACT,
        },
    ),
    Scenario(
        about="Two arms of 200, exposed 100 to 500 days: first events at a constant rate, events with gamma frailty",
        truth={
            "rate.exposure_adjusted_incidence": RATES[0],
            "rate.exposure_adjusted_incidence.difference": DIFFERENCE,
            "rate.exposure_adjusted_events": RATES[0],
            "rate.exposure_adjusted_events.difference": DIFFERENCE,
        },
        draw=_exposure,
        conservative={"rate.exposure_adjusted_incidence": EXACT},
    ),
]
