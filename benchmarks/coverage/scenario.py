"""A scenario of the coverage table, and what it finds."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np

from evidence_lib.results import Estimate

# The chance that an interval whose coverage is exactly nominal falls outside the limits.
OUTSIDE = 0.001
SEED = 20261125


@dataclass(frozen=True, kw_only=True)
class Scenario:
    """Data of one kind, drawn again and again.

    ``draw(rng)`` makes a data set and returns the estimates to judge by label. ``truth`` holds the true value of each
    label; a label begins with the name of its analysis, and after a blank names the variant (``km.survival log-log``).
    ``conservative`` gives, for a label whose coverage is above nominal by design, the reason. ``about`` describes the
    data in one line: distribution, size, truth.
    """

    about: str
    truth: Mapping[str, float]
    draw: Callable[[np.random.Generator], Mapping[str, Estimate]]
    repeats: int = 2000
    conservative: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Coverage:
    """The coverage of one interval in one scenario; ``low`` and ``high`` are the exact limits around ``nominal``."""

    label: str
    about: str
    nominal: float
    observed: float
    low: float
    high: float
    repeats: int
    no_interval: int
    conservative: str | None

    @property
    def holds(self) -> bool:
        """Whether the observed coverage is within the limits; above them is right where it is so by design."""
        return self.low <= self.observed and (self.observed <= self.high or self.conservative is not None)


def limits(nominal: float, repeats: int) -> tuple[float, float]:
    """The exact binomial limits between which an interval of nominal coverage falls in all but 0.1 % of tables."""
    from scipy.stats import binom

    low, high = binom.ppf([OUTSIDE / 2, 1 - OUTSIDE / 2], repeats, nominal) / repeats
    return float(low), float(high)


def coverage(scenario: Scenario, *, seed: int = SEED, repeats: int | None = None) -> list[Coverage]:
    """The coverage of every interval of a scenario.

    A limit that is not estimable beside an estimate is infinite. A draw without an estimate has no interval: it is
    counted apart and leaves the number of repeats.
    """
    rng = np.random.default_rng([seed, *scenario.about.encode()])
    total = scenario.repeats if repeats is None else repeats
    hits, missing = dict.fromkeys(scenario.truth, 0), dict.fromkeys(scenario.truth, 0)
    level: dict[str, float] = {}
    for _ in range(total):
        found = scenario.draw(rng)
        if set(found) != set(scenario.truth):
            raise ValueError(f"{scenario.about}: drawn {sorted(found)}, true values for {sorted(scenario.truth)}")
        for label, estimate in found.items():
            if label.split(" ")[0] != estimate.analysis:
                raise ValueError(f"{scenario.about}: {label} is the label of {estimate.analysis}")
            if estimate.conf_level is None:
                raise ValueError(f"{scenario.about}: {label} has no interval")
            if level.setdefault(label, estimate.conf_level) != estimate.conf_level:
                raise ValueError(f"{scenario.about}: the level of {label} changes")
            if estimate.estimate is None:
                missing[label] += 1
                continue
            low = -math.inf if estimate.conf_low is None else estimate.conf_low
            high = math.inf if estimate.conf_high is None else estimate.conf_high
            hits[label] += low <= scenario.truth[label] <= high
    rows = []
    for label in scenario.truth:
        given = total - missing[label]
        low, high = limits(level[label], given) if given else (0.0, 1.0)
        rows.append(
            Coverage(
                label=label,
                about=scenario.about,
                nominal=level[label],
                observed=hits[label] / given if given else math.nan,
                low=low,
                high=high,
                repeats=given,
                no_interval=missing[label],
                conservative=scenario.conservative.get(label),
            )
        )
    return rows
