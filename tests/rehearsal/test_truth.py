"""The true effects: what is committed is what the design implies, and the statistics answer to it."""

from __future__ import annotations

import json
import math
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from benchmarks.lung_demo import estimates, holds
from evidence_lib.errors import InvalidInput
from evidence_lib.rehearsal.course import YEAR
from evidence_lib.rehearsal.design import Transition, TrialDesign
from evidence_lib.rehearsal.safety import terms
from evidence_lib.rehearsal.trial import LUNG_DEMO
from evidence_lib.rehearsal.truth import Effect, effects, truth, truth_text
from evidence_lib.results import Estimate, analyses

ROOT = Path(__file__).parents[2]
COMMITTED: dict[str, Any] = json.loads((ROOT / "data" / "lung-demo" / "truth.json").read_text(encoding="utf-8"))
LISTED = {effect["name"]: effect for effect in COMMITTED["effects"]}


def distance(found: Effect, value: float, error: float = 0.0) -> float:
    """In standard errors of both, on the scale of the effect."""
    gap = math.log(found.value / value) if found.scale == "log" else found.value - value
    return abs(gap) / math.hypot(found.std_error, error)


@pytest.fixture(scope="module")
def again() -> list[Effect]:
    return effects(LUNG_DEMO, n_per_arm=40_000, seed=77, parts=10)


def test_what_is_committed_is_found_again_within_monte_carlo_error(again: list[Effect]) -> None:
    assert [effect.name for effect in again] == list(LISTED)
    for effect in again:
        committed = LISTED[effect.name]
        for name in ("analysis", "groups", "unit", "scale", "how"):
            assert getattr(effect, name) == committed[name]
        # 10 parts give an uncertain standard error: t with 9 df, two-sided 1 in 10,000, for each of some 40 effects.
        assert distance(effect, committed["value"], committed["std_error"]) < 6.6, effect.name
    gaps = [distance(e, LISTED[e.name]["value"], LISTED[e.name]["std_error"]) for e in again]
    assert np.median(gaps) < 1.3


def test_the_committed_truth_comes_from_a_million_patients_per_arm_of_this_design() -> None:
    assert COMMITTED["n_per_arm"] == 1_000_000
    assert (COMMITTED["treatment"], COMMITTED["reference"]) == LUNG_DEMO.arms
    assert truth_text(COMMITTED).encode() == (ROOT / "data" / "lung-demo" / "truth.json").read_bytes()
    assert {effect["analysis"] for effect in LISTED.values()} <= set(analyses())


def test_the_margins_are_those_of_the_design() -> None:
    value = {name: effect["value"] for name, effect in LISTED.items()}
    assert value["OS.hazard_ratio"] == pytest.approx(0.75, abs=0.01)
    assert value["PFS.hazard_ratio"] == pytest.approx(0.60, abs=0.015)
    assert value["CBOR.rate.treated"] == pytest.approx(0.50, abs=0.015)
    assert value["CBOR.rate.control"] == pytest.approx(0.35, abs=0.015)
    # The difference of the latent scores, less what rounding to the scale's steps and ends takes away.
    assert value["QLGHS.difference"] == pytest.approx(5.0, abs=0.1)
    regions = [value[f"OS.hazard_ratio.{region}"] for region in LUNG_DEMO.regions]
    assert np.ptp(regions) < 0.02
    for arm in ("treated", "control"):
        assert value[f"CBOR.rate.{arm}"] < value[f"BOR.rate.{arm}"]
        assert value[f"PFS.survival_12.{arm}"] < value[f"OS.survival_12.{arm}"]
    for months in ("12", "24"):
        gap = value[f"OS.survival_{months}.treated"] - value[f"OS.survival_{months}.control"]
        assert value[f"OS.survival_{months}.difference"] == pytest.approx(gap, abs=1e-12)


def nothing(design: TrialDesign) -> TrialDesign:
    """The design without any difference between the arms but the rates of adverse events."""
    moves = {name: replace(getattr(design, name), ratio=1.0) for name in ("progression", "death", "death_after")}
    return replace(
        design,
        **moves,
        shrinkage=(0.4, 0.4),
        adverse_stop=(0.1, 0.1),
        quality_difference=(0.0,) * len(design.quality_days),
    )


def test_without_an_effect_nothing_differs() -> None:
    for effect in effects(nothing(LUNG_DEMO), n_per_arm=20_000, seed=5, parts=10):
        if "treatment" in effect.groups and not effect.name.startswith("AE."):
            assert distance(effect, 1.0 if effect.scale == "log" else 0.0) < 6.6, effect.name


def test_constant_hazards_give_the_closed_form() -> None:
    plain = {
        name: Transition(rate=rate, ratio=0.6, delay=0, frailty=0.0)
        for name, rate in (("progression", 1e-6), ("death", 0.8), ("death_after", 0.8))
    }
    found = {e.name: e for e in effects(replace(LUNG_DEMO, **plain), n_per_arm=40_000, seed=6, parts=10)}
    assert distance(found["OS.hazard_ratio"], 0.6) < 6.6
    for arm, rate in (("treated", 0.48), ("control", 0.8)):
        # AVAL is the day plus 1: S(365) is the chance of a latent time of 365 days or more.
        assert distance(found[f"OS.survival_12.{arm}"], math.exp(-rate * 365 / YEAR)) < 6.6
        assert found[f"OS.median.{arm}"].value == pytest.approx(math.log(2) / rate * YEAR, rel=0.02)
    # The mean of min(AVAL, tau) is the sum of S over the days 0 to tau - 1.
    area = {rate: sum(math.exp(-rate * day / YEAR) for day in range(731)) for rate in (0.48, 0.8)}
    assert distance(found["OS.rmst_difference"], area[0.48] - area[0.8]) < 6.6


def test_the_same_seed_gives_the_same_truth_and_too_few_patients_are_refused() -> None:
    small = {"n_per_arm": 2000, "parts": 2}
    first = truth_text(truth(LUNG_DEMO, seed=1, **small))
    assert first == truth_text(truth(LUNG_DEMO, seed=1, **small))
    assert first != truth_text(truth(LUNG_DEMO, seed=2, **small))
    with pytest.raises(InvalidInput, match="too few patients"):
        truth(LUNG_DEMO, seed=1, n_per_arm=900, parts=2)
    with pytest.raises(InvalidInput, match="too few patients"):
        truth(LUNG_DEMO, seed=1, n_per_arm=10_000, parts=1)


def test_the_benchmark_estimates_every_listed_effect() -> None:
    found = dict(estimates(404, COMMITTED["effects"]))
    assert list(found) == list(LISTED)
    covered = 0
    for name, estimate in found.items():
        assert estimate.analysis == LISTED[name]["analysis"]
        assert estimate.status == "ok"
        covered += bool(holds(estimate, LISTED[name]["value"]))
    assert covered > 0.6 * len(found)


def test_an_interval_holds_a_value_or_not() -> None:
    def estimate(**values: Any) -> Estimate:
        facts: dict[str, Any] = {"analysis": "km.median", "unit": "days", "method": "by hand", "conf_level": 0.95}
        return Estimate(**facts, **values)

    assert holds(estimate(estimate=2.0, conf_low=1.0, conf_high=3.0), 3.0) is True
    assert holds(estimate(estimate=2.0, conf_low=1.0, conf_high=3.0), 3.1) is False
    assert holds(estimate(estimate=2.0, conf_low=1.0, conf_high=None, reason="no upper limit"), 3.1) is True
    assert holds(estimate(estimate=None, status="not_estimable", reason="none"), 2.0) is None


def test_the_terms_are_a_dozen_classes_and_some_sixty_terms() -> None:
    table = terms()
    assert table["term"].is_unique
    assert 55 <= len(table) <= 70
    assert table["soc"].nunique() >= 12
    assert (table[["rate_treated", "rate_control", "early"]] > 0).all(axis=None)
    assert table["severe"].between(0, 1).all()
