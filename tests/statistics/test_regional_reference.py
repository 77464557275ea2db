"""Regional statistics and their twins against published numbers and R 4.2.2 with metafor 3.8-1 and mvtnorm.

`x` is the statistic or its recalculation: every reference holds for both.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from evidence_lib.recalculation import regional as twin
from evidence_lib.results import Estimates
from evidence_lib.statistics import regional
from tests.reference import case, needs_reference

RATIOS = ([0.7, 0.85, 0.6, 1.1, 0.75], [0.1, 0.2, 0.15, 0.25, 0.12], list("ABCDE"))
DIFFERENCES = ([-2.1, 0.4, -5.2, -1.3], [0.8, 1.1, 0.9, 0.7], list("ABCD"))


@pytest.fixture(params=[regional, twin], ids=["statistic", "twin"])
def x(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


def values(found: Estimates) -> list[float | None]:
    return [one.estimate for one in found.items]


def of(found: Estimates, analysis: str) -> list[Any]:
    return [one for one in found.items if one.analysis == analysis]


@needs_reference
def test_i1(x: ModuleType) -> None:
    expected = case("I1")
    fractions, names = [0.1, 0.45, 0.45], ["first", "second", "third"]
    found = x.consistency_probability(fractions, names, method=1, power=0.8)
    assert values(found)[:3] == pytest.approx(expected["m1"], abs=1e-4)
    assert [one.groups for one in found.items[:4]] == [{"region": "first"}] * 3 + [{"region": "second"}]
    assert [one.analysis.rpartition(".")[2] for one in found.items[:3]] == ["unconditional", "joint", "conditional"]
    found = x.consistency_probability(fractions, names, method=2, power=0.8)
    assert values(found) == pytest.approx(expected["m2"], abs=1e-4)
    for power, key in ((0.9, "f_for_80pct_power90"), (0.8, "power80")):
        assert x.smallest_fraction(method=1, probability=0.8, power=power).estimate == pytest.approx(
            expected[key], abs=1e-4
        )


def test_joint_probabilities_as_mvtnorm(x: ModuleType) -> None:
    # f <- c(.15, .25, .6); th <- qnorm(.975) + qnorm(.9); L <- rbind(diag(3), f); S <- L %*% diag(1/f) %*% t(L)
    # pmvnorm(c(0, 0, 0, qnorm(.975)), Inf, L %*% rep(th, 3), sigma = S): 0.79101604 with error 1.6e-7
    # L <- rbind(c(1, 0, 0) - .5 * f, f), pmvnorm(c(0, qnorm(.975)), Inf, ..., algorithm = TVPACK(1e-12))
    plan: dict[str, Any] = {"region": ["a", "b", "c"], "power": 0.9}
    found = x.consistency_probability([0.15, 0.25, 0.6], method=2, **plan)
    assert found.items[1].estimate == pytest.approx(0.791016036987, abs=5e-7)
    found = x.consistency_probability([0.15, 0.25, 0.6], method=1, **plan)
    assert found.items[1].estimate == pytest.approx(0.685177020417, abs=1e-10)


class TestMetafor:
    """rma(y, s^2, method = ...), blup(), leave1out() of the same with method = "FE"."""

    def test_heterogeneity(self, x: ModuleType) -> None:
        found = x.regional_effects(*RATIOS, scale="log", tau2_method="dersimonian-laird")
        (test,) = of(found, "regional.heterogeneity")
        assert (test.test_statistic, test.p_value) == pytest.approx((5.20338117408, 0.2670585798931), rel=1e-10)
        assert test.df == 4
        assert of(found, "regional.tau_squared")[0].estimate == pytest.approx(0.00648618510098, rel=1e-10)
        found = x.regional_effects(*RATIOS, scale="log", tau2_method="reml")
        assert of(found, "regional.tau_squared")[0].estimate == 0

    def test_overall_and_without_each_region(self, x: ModuleType) -> None:
        found = x.regional_effects(*RATIOS, scale="log")
        (overall,) = of(found, "regional.overall.ratio")
        assert (np.log(overall.estimate), overall.std_error) == pytest.approx((-0.31734136337349, 0.06263607679945))
        others = of(found, "regional.leave_one_out.ratio")
        assert [float(np.log(one.estimate)) for one in others] == pytest.approx(
            [-0.2919466556915, -0.3341780224465, -0.2764787951808, -0.3449794202189, -0.3284480481105], rel=1e-10
        )
        assert [one.std_error for one in others] == pytest.approx(
            [0.08035073760084, 0.06595398017715, 0.06893364882890, 0.06469966392206, 0.07343330694721], rel=1e-10
        )

    @pytest.mark.parametrize(
        ("data", "scale", "method", "expected"),
        [
            # blup(): pred, se, pi.lb, pi.ub of the first and of the last region
            (
                RATIOS,
                "log",
                "dersimonian-laird",
                [
                    (-0.3271543090793, 0.07739045023781, -0.4788368042928, -0.17547181386590),
                    (-0.3016948915064, 0.08442054690308, -0.4671561229917, -0.13623366002121),
                ],
            ),
            (
                RATIOS,
                "log",
                "reml",
                [(-0.3173413633735, 0.06263607679945, -0.4401058180333, -0.1945769087137)] * 2,
            ),
            (
                DIFFERENCES,
                "identity",
                "dersimonian-laird",
                [
                    (-2.0978846864100, 0.7552767556334, -3.578199925812, -0.61756944700832),
                    (-1.3911683923629, 0.6695511386461, -2.703464509917, -0.07887227480874),
                ],
            ),
            (
                DIFFERENCES,
                "identity",
                "reml",
                [
                    (-2.0976636427776, 0.7613177946957, -3.589819101171, -0.60550818438446),
                    (-1.3782962962752, 0.6737195988396, -2.698762445680, -0.05783014687078),
                ],
            ),
        ],
    )
    def test_shrunken(self, x: ModuleType, data: Any, scale: Any, method: Any, expected: list[tuple]) -> None:
        found = x.regional_effects(*data, scale=scale, tau2_method=method)
        shrunken = of(found, f"regional.shrunken.{'ratio' if scale == 'log' else 'difference'}")
        for one, numbers in ((shrunken[0], expected[0]), (shrunken[-1], expected[1])):
            got = np.array([one.estimate, one.conf_low, one.conf_high])
            got = np.log(got) if scale == "log" else got
            assert [got[0], one.std_error, *got[1:]] == pytest.approx(list(numbers), rel=1e-8)

    def test_variance_between_regions(self, x: ModuleType) -> None:
        for method, tau2 in (("dersimonian-laird", 3.732069317451), ("reml", 4.401444623604)):
            found = x.regional_effects(*DIFFERENCES, tau2_method=method)
            assert of(found, "regional.tau_squared")[0].estimate == pytest.approx(tau2, rel=1e-9)
            # I2 from Q whichever the method: metafor's from tau2 is 0.8577 with REML.
            assert of(found, "regional.i_squared")[0].estimate == pytest.approx(0.836357974511, rel=1e-10)


def test_fieller_of_the_textbook(x: ModuleType) -> None:
    # Independent parts, one twice the other: a / (a + b) with equal weights; roots of Fieller's quadratic by hand.
    found = x.retention([2.0, 1.0], [0.5, 0.5], ["a", "b"], weights=[1, 1], conf_level=0.95).items[0]
    z2 = 1.959963984540054**2
    d, v, c, own = 1.5, 0.125, 0.125, 0.25
    roots = np.roots([d**2 - z2 * v, -2 * (2 * d - z2 * c), 4 - z2 * own])
    assert found.estimate == pytest.approx(4 / 3)
    assert [found.conf_low, found.conf_high] == pytest.approx(sorted(roots), rel=1e-9)
