"""What regions show by chance: against R 4.2.2 with mvtnorm 1.1-3, closed forms, simulation, and the twins.

`x` is the statistic or its recalculation: every reference holds for both.
"""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import norm

from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import regional as twin
from evidence_lib.results import STATISTICS, Estimate, Estimates, analyses
from evidence_lib.statistics import regional

FIVE = [0.2, 0.15, 0.3, 0.2, 0.15]
THREE = [0.1, 0.45, 0.45]


@pytest.fixture(params=[regional, twin], ids=["statistic", "twin"])
def x(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


def names(fractions: Any) -> list[str]:
    return [f"region {number}" for number in range(len(fractions))]


def probability(x: ModuleType, kind: str, fractions: Any, region: str | None = None, **choices: Any) -> float:
    found = x.pattern_probability(fractions, names(fractions), **choices)
    (one,) = (e for e in found.items if e.analysis == f"regional.pattern.{kind}" and e.groups.get("region") == region)
    assert one.estimate is not None
    return float(one.estimate)


# R: U <- diag(f) - q * (2 - q) * outer(f, f); m <- (1 - q) * f * theta; 1 minus the probabilities of both orthants by
# pmvnorm(rep(0, k), rep(Inf, k), mean = m, sigma = U, algorithm = GenzBretz(maxpts = 5e6, abseps = 1e-9)).
ALL_REGIONS = [
    (FIVE, 0.5, 0.0, 0.91807404),
    (FIVE, 0.5, 0.5, 0.98842322),
    (FIVE, 0.5, -0.7, 0.76941039),
    (FIVE, 0.5, 0.9, 0.99997136),
    (FIVE, 2.81, 0.0, 0.44122135),
    (FIVE, 2.81, 0.5, 0.84177893),
    (FIVE, 2.81, -0.7, 0.15705345),
    (FIVE, 3.24, 0.5, 0.78549022),
    (FIVE, 3.24, -0.7, 0.09129836),
    (FIVE, 3.24, 0.9, 0.99894566),
    (THREE, -2.0, 0.0, 0.38782072),
    (THREE, -2.0, 0.5, 0.66264835),
    (THREE, -2.0, -2.0, 0.09820462),
]


@pytest.mark.parametrize(("fractions", "theta", "share", "expected"), ALL_REGIONS)
def test_a_region_keeps_less_as_in_r(
    x: ModuleType, fractions: list[float], theta: float, share: float, expected: float
) -> None:
    truth = {"effect": theta, "std_error": 1.0}
    observed = [share, *[2.0] * (len(fractions) - 1)]
    assert probability(x, "as_small", fractions, observed=observed, **truth) == pytest.approx(expected, abs=2e-6)
    if share >= 0:
        assert probability(x, "below_share", fractions, retained=share, **truth) == pytest.approx(expected, abs=2e-6)
    if share == 0:
        assert probability(x, "other_way", fractions, **truth) == pytest.approx(expected, abs=2e-6)


# R: the two orthants of (U, Z) with means f (1 - q) theta and theta, variances f (1 - f) + f^2 (1 - q)^2 and 1, and
# covariance f (1 - q), by pmvnorm(..., algorithm = TVPACK(1e-12)), f = 0.2 and theta = 2.81.
@pytest.mark.parametrize(("share", "expected"), [(0.5, 0.2476235089), (-0.3, 0.0624624421), (1.4, 0.7093298521)])
def test_one_region_keeps_less_as_in_r(x: ModuleType, share: float, expected: float) -> None:
    observed = [share, 1.0, 1.0, 1.0, 1.0]
    found = probability(x, "region_as_small", FIVE, "region 0", effect=2.81, std_error=1.0, observed=observed)
    assert found == pytest.approx(expected, abs=1e-9)


def test_signs_have_a_closed_form(x: ModuleType) -> None:
    roots = np.sqrt(FIVE)
    for theta in (0.0, 1.0, 3.0):
        same = norm.cdf(roots * theta).prod() + norm.cdf(-roots * theta).prod()
        truth = {"effect": theta, "std_error": 1.0}
        assert probability(x, "same_side", FIVE, **truth) == pytest.approx(same, rel=1e-12)
        assert probability(x, "other_way", FIVE, **truth) == pytest.approx(1 - same, rel=1e-9)
        assert probability(x, "below_share", FIVE, retained=0.0, **truth) == pytest.approx(1 - same, rel=1e-9)


def test_power_stands_for_the_effect_it_is_for(x: ModuleType) -> None:
    theta = norm.ppf(0.975) + norm.ppf(0.9)
    by_power = probability(x, "below_share", FIVE, power=0.9)
    assert by_power == pytest.approx(probability(x, "below_share", FIVE, effect=theta, std_error=1.0), rel=1e-9)
    assert by_power == pytest.approx(probability(x, "below_share", FIVE, effect=2 * theta, std_error=2.0), rel=1e-9)
    tighter = probability(x, "other_way", FIVE, power=0.9, alpha=0.005)
    assert tighter < probability(x, "other_way", FIVE, power=0.9)


def test_simulated_trials_show_these_patterns() -> None:
    rng = np.random.default_rng(20261125)
    fractions, theta, trials = np.array([0.05, 0.25, 0.3, 0.4]), 2.5, 200_000
    parts = rng.normal(fractions * theta, np.sqrt(fractions), (trials, 4))
    kept = parts / fractions / parts.sum(axis=1, keepdims=True)
    observed = [-0.8, 0.9, 1.3, 1.1]
    seen = {
        "other_way": (kept.min(axis=1) < 0).mean(),
        "below_share": (kept.min(axis=1) < 0.4).mean(),
        "as_small": (kept.min(axis=1) < -0.8).mean(),
    }
    choices: dict[str, Any] = {"effect": theta, "std_error": 1.0, "retained": 0.4, "observed": observed}
    for kind, share in seen.items():
        expected = probability(regional, kind, fractions, **choices)
        assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / trials), kind
    for r, own in enumerate(observed):
        expected = probability(regional, "region_as_small", fractions, f"region {r}", **choices)
        share = (kept[:, r] < own).mean()
        assert abs(share - expected) < 4 * math.sqrt(expected * (1 - expected) / trials), r


@settings(max_examples=60, deadline=None)
@given(
    sizes=st.lists(st.integers(4, 400), min_size=1, max_size=8),
    theta=st.floats(-15, 15),
    retained=st.sampled_from([0.0, 0.3, 0.5, 0.9]),
    spread=st.sampled_from([0.0, 0.05, 1.0, 40.0]),
    seed=st.integers(0, 1000),
)
def test_the_twins_agree(sizes: list[int], theta: float, retained: float, spread: float, seed: int) -> None:
    fractions = np.array(sizes) / sum(sizes)
    observed = np.random.default_rng(seed).normal(1, spread, len(sizes))
    choices: dict[str, Any] = {"effect": theta, "std_error": 1.0, "retained": retained, "observed": observed}
    first, second = (module.pattern_probability(fractions, names(sizes), **choices) for module in (regional, twin))
    for a, b in zip(first.items, second.items, strict=True):
        assert (a.analysis, a.groups, a.status) == (b.analysis, b.groups, b.status)
        if a.estimate is not None and b.estimate is not None:
            assert abs(a.estimate - b.estimate) <= 1e-6 * a.estimate
            assert 0 < a.estimate <= 1


def test_more_patients_and_fewer_regions_vary_less() -> None:
    for kind in ("other_way", "below_share"):
        by_effect = [probability(regional, kind, FIVE, effect=theta, std_error=1.0) for theta in (0, 1, 2, 4, 8, 20)]
        assert by_effect == sorted(by_effect, reverse=True)
        by_number = [probability(regional, kind, [1 / k] * k, power=0.9) for k in (2, 3, 5, 10, 20)]
        assert by_number == sorted(by_number)


def test_the_sign_of_the_true_effect_does_not_matter(x: ModuleType) -> None:
    for kind in ("same_side", "other_way", "below_share", "as_small"):
        up, down = (
            probability(x, kind, FIVE, effect=theta, std_error=1.0, observed=[-0.2, 1, 1, 1, 2]) for theta in (2, -2)
        )
        assert up == pytest.approx(down, rel=1e-9)


def test_a_probability_is_never_0(x: ModuleType) -> None:
    assert probability(x, "other_way", [0.5, 0.5], effect=80.0, std_error=1.0) == 1e-6
    assert probability(x, "below_share", [0.5, 0.5], effect=1e9, std_error=1.0) == 1e-6


def test_equal_regions_kept_everything(x: ModuleType) -> None:
    # No trial has a region that keeps more than all of it in every region: the smallest share is never above 1.
    truth = {"effect": 2.0, "std_error": 1.0}
    assert probability(x, "as_small", [0.5, 0.5], observed=[1.0, 1.0], **truth) == 1
    # Of two halves, simulated.
    rng = np.random.default_rng(3)
    parts = rng.normal(1.0, math.sqrt(0.5), (400_000, 2))
    kept = (2 * parts / parts.sum(axis=1, keepdims=True)).min(axis=1)
    for share in (0.98, 0.992):
        found = probability(x, "as_small", [0.5, 0.5], observed=[share, 2 - share], **truth)
        assert found == pytest.approx((kept < share).mean(), abs=1e-3)


def test_one_region_is_the_trial(x: ModuleType) -> None:
    found = x.pattern_probability([1.0], ["all"], power=0.9, observed=[1.0])
    assert [one.status for one in found.items] == ["not_estimable"] * 5
    assert x.pattern_probability([1.0], ["all"], power=0.9).items[0].status == "not_estimable"
    for one in x.expected_range([0.7], [0.2], ["all"], scale="log").items:
        assert one.status == "not_estimable"


@pytest.mark.parametrize(
    ("changes", "match"),
    [
        ({"fractions": [0.5, 0.4]}, "fractions do not add up to 1"),
        ({"fractions": [1.5, -0.5]}, "above 0"),
        ({"fractions": [], "region": []}, "too few regions"),
        ({"region": ["a", "a"]}, "same region twice"),
        ({"power": None}, "the true effect is not clear"),
        ({"effect": 1.0, "std_error": 1.0}, "the true effect is not clear"),
        ({"power": None, "effect": 1.0}, "the true effect is not clear"),
        ({"power": 1.0}, "power is outside its range"),
        ({"power": None, "effect": math.inf, "std_error": 1.0}, "effect is no number"),
        ({"power": None, "effect": 1.0, "std_error": 0.0}, "std_error is outside its range"),
        ({"alpha": 0.7}, "alpha is outside its range"),
        ({"retained": 1.0}, "retained is outside its range"),
        ({"observed": [1.0]}, "observed does not fit"),
        ({"observed": [1.0, math.nan]}, "observed does not fit"),
    ],
)
def test_refusals(changes: dict[str, Any], match: str) -> None:
    given: dict[str, Any] = {"fractions": [0.5, 0.5], "region": ["a", "b"], "power": 0.9, **changes}
    with pytest.raises(InvalidInput, match=match):
        regional.pattern_probability(given.pop("fractions"), given.pop("region"), **given)


class TestExpectedRange:
    def test_by_hand(self, x: ModuleType) -> None:
        # Two regions with standard errors 0.1 and 0.2: the mean is (4 * 0.5 + 0.1) / 5, its variance 0.008.
        found = x.expected_range([0.5, 0.1], [0.1, 0.2], ["a", "b"])
        for one, variance in zip(found.items, (0.01, 0.04), strict=True):
            half = norm.ppf(0.975) * math.sqrt(variance - 0.008)
            assert one.estimate == pytest.approx(0.42)
            assert (one.conf_low, one.conf_high) == pytest.approx((0.42 - half, 0.42 + half))

    def test_a_ratio_is_the_exponential(self, x: ModuleType) -> None:
        plain = x.expected_range([-0.5, -0.1], [0.1, 0.2], ["a", "b"])
        ratio = x.expected_range(np.exp([-0.5, -0.1]), [0.1, 0.2], ["a", "b"], scale="log")
        for a, b in zip(plain.items, ratio.items, strict=True):
            for name in ("estimate", "conf_low", "conf_high"):
                assert math.exp(getattr(a, name)) == pytest.approx(getattr(b, name))
            assert b.analysis == "regional.expected.ratio"

    def test_holds_the_estimate_as_often_as_it_says(self) -> None:
        rng, error = np.random.default_rng(8), np.array([0.1, 0.2, 0.4])
        inside = []
        for drawn in rng.normal(-0.3, error, (3000, 3)):
            found = regional.expected_range(drawn, error, list("abc"), conf_level=0.8).items
            inside.append([(e.conf_low or 0) <= y <= (e.conf_high or 0) for e, y in zip(found, drawn, strict=True)])
        assert np.abs(np.mean(inside, axis=0) - 0.8).max() < 4 * math.sqrt(0.16 / 3000)

    def test_too_wide_to_be_a_number(self, x: ModuleType) -> None:
        found = x.expected_range([0.5, 0.6], [1.0, 900.0], ["a", "b"], scale="log").items
        assert [one.status for one in found] == ["ok", "not_estimable"]

    def test_refusals(self) -> None:
        with pytest.raises(InvalidInput, match="a ratio above 0"):
            regional.expected_range([-1.0], [0.1], ["a"], scale="log")
        with pytest.raises(InvalidInput, match="same region twice"):
            regional.expected_range([1.0, 2.0], [0.1, 0.1], ["a", "a"])


class TestSignAgreement:
    @pytest.mark.parametrize(
        ("estimate", "choices", "agree"),
        [
            ([0.7, 0.9, 1.1], {"scale": "log"}, 2),
            ([0.7, 0.9, 1.0], {"scale": "log"}, 2),
            ([1.7, 1.9, 1.1], {"scale": "log"}, 3),
            ([-0.2, 0.3, 0.1], {}, 2),
            ([-0.2, 0.3, 0.1], {"overall": -0.01}, 1),
            ([0.7, 0.9, 1.1], {"scale": "log", "overall": 1.0}, 0),
        ],
    )
    def test_counts(self, x: ModuleType, estimate: list[float], choices: dict[str, Any], agree: int) -> None:
        found = x.sign_agreement(estimate, [0.1, 0.1, 0.1], list("abc"), **choices)
        assert [(one.analysis, one.estimate) for one in found.items] == [
            ("regional.sign_agreement", agree),
            ("regional.regions", 3),
        ]

    def test_refusals(self) -> None:
        with pytest.raises(InvalidInput, match="a ratio above 0"):
            regional.sign_agreement([0.7], [0.1], ["a"], scale="log", overall=0.0)


def test_every_estimate_is_on_the_list_of_analyses(x: ModuleType) -> None:
    found: list[Estimates] = [
        x.pattern_probability(FIVE, names(FIVE), power=0.9, observed=[1.0] * 5),
        x.expected_range([0.5, 0.6], [0.1, 0.2], ["a", "b"], scale="log"),
        x.expected_range([0.5, 0.6], [0.1, 0.2], ["a", "b"]),
        x.sign_agreement([0.5, 0.6], [0.1, 0.2], ["a", "b"]),
    ]
    every: list[Estimate] = [one for answer in found for one in answer.items]
    assert {one.analysis for one in every} <= set(analyses())
    assert all(getattr(one, name) is None or math.isfinite(getattr(one, name)) for one in every for name in STATISTICS)
