"""The coverage table: every interval of the statistics has a scenario, and a wrong interval is found out."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import numpy as np
import pytest
from scipy.stats import binom

from benchmarks.coverage.__main__ import line, modules, scenarios
from benchmarks.coverage.scenario import Coverage, Scenario, coverage, limits
from evidence_lib.results import Estimate, analyses

ALL = {f"{module}: {scenario.about}": scenario for module in modules() for scenario in scenarios(module)}


def mean(rng: np.random.Generator, *, claimed: float = 0.95, z: float = 1.959964) -> dict[str, Estimate]:
    """A normal mean with known variance; its interval is exact where ``z`` is that of the level claimed."""
    at = float(rng.normal(3, 1))
    facts: dict[str, Any] = {"analysis": "rmst", "unit": "days", "method": "known variance", "conf_level": claimed}
    return {"rmst": Estimate(**facts, estimate=at, conf_low=at - z, conf_high=at + z)}


def test_an_exact_interval_holds_and_the_same_seed_gives_the_same_numbers() -> None:
    scenario = Scenario(about="a normal mean", truth={"rmst": 3.0}, draw=mean, repeats=4000)
    (found,) = coverage(scenario)
    assert found.holds
    assert found == coverage(scenario)[0]
    assert found != coverage(scenario, seed=1)[0]
    assert (found.low, found.high) == pytest.approx(tuple(binom.ppf([0.0005, 0.9995], 4000, 0.95) / 4000))


@pytest.mark.parametrize("z", [1.7, 2.3])
def test_an_interval_that_is_too_short_or_too_long_is_found(z: float) -> None:
    scenario = Scenario(about="a normal mean", truth={"rmst": 3.0}, draw=lambda rng: mean(rng, z=z))
    (found,) = coverage(scenario)
    assert not found.holds
    assert "FAILS" in line(found)


def test_only_too_much_coverage_is_excused_by_design() -> None:
    row = Coverage(
        label="rmst", about="", nominal=0.95, observed=0.999, low=0.93, high=0.97, repeats=2000, no_interval=0,
        conservative=None,
    )  # fmt: skip
    assert not row.holds
    assert replace(row, conservative="exact").holds
    assert not replace(row, observed=0.9, conservative="exact").holds


def test_limits_get_narrower_with_repeats() -> None:
    assert np.diff(limits(0.95, 500)) > np.diff(limits(0.95, 5000))


def test_a_draw_without_an_estimate_is_counted_apart() -> None:
    def sometimes(rng: np.random.Generator) -> dict[str, Estimate]:
        found = mean(rng)["rmst"]
        if rng.random() < 0.5:
            return {"rmst": found}
        empty = {"estimate": None, "conf_low": None, "conf_high": None}
        return {"rmst": replace(found, status="not_estimable", reason="none", **empty)}

    (found,) = coverage(Scenario(about="half", truth={"rmst": 3.0}, draw=sometimes, repeats=200))
    assert found.repeats + found.no_interval == 200
    assert 60 < found.no_interval < 140
    assert found.observed > 0.85


def test_a_label_must_be_of_its_estimate() -> None:
    wrong = {"km.median": mean(np.random.default_rng(1))["rmst"]}
    scenario = Scenario(about="mislabelled", truth={"km.median": 3.0}, draw=lambda rng: wrong)
    with pytest.raises(ValueError, match=r"km\.median is the label of rmst"):
        coverage(scenario)


def test_every_interval_of_the_library_has_a_scenario() -> None:
    judged = {label.split(" ")[0] for scenario in ALL.values() for label in scenario.truth}
    assert judged - set(analyses()) == set()
    assert {name for name, entry in analyses().items() if entry.interval} - judged == set()


@pytest.mark.parametrize("name", ALL)
def test_a_scenario_draws_what_it_says(name: str) -> None:
    for row in coverage(ALL[name], repeats=2):
        assert row.repeats + row.no_interval == 2
        assert row.label in ALL[name].truth
