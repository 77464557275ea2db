"""Weighted log-rank tests and MaxCombo against published numbers and R 4.2.2 with survival 3.5-3 and mvtnorm 1.1-3.

`x` is the statistic or its recalculation: each z holds for both; joint p-values of the recalculation are Monte Carlo.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import pandas as pd
import pytest

from evidence_lib.recalculation import survival as twin
from evidence_lib.statistics import survival
from tests.reference import case, data, needs_reference

# The tests in the order of the numbers below.
CHOICES: list[dict[str, Any]] = [
    {"rho": 0, "gamma": 0},
    {"rho": 0, "gamma": 1},
    {"rho": 1, "gamma": 0},
    {"rho": 1, "gamma": 1},
    {"weight": "modestly-weighted", "s_star": 0.5},
    {"weight": "modestly-weighted"},
    {"weight": "gehan"},
    {"weight": "tarone-ware"},
    {"weight": "peto-peto"},
    {"rho": 0.5, "gamma": 2},
]
# z by this in each stratum, U and V summed over strata; t, e and x are time, event, and treated or not:
# tt <- sort(unique(t[e == 1])); n <- sapply(tt, function(u) sum(t >= u)); n1 <- sapply(tt, function(u) sum(t >= u & x))
# d <- sapply(tt, function(u) sum(t == u & e)); d1 <- sapply(tt, function(u) sum(t == u & e & x))
# S <- cumprod(1 - d / n); Sm <- c(1, S[-length(S)]); w: Sm^rho * (1 - Sm)^gamma; pmin(1 / Sm, 1 / s) and
# pmin(1 / Sm, 1 / S[max(which(tt < t_star))]) as nphRCT::find_weights; n; sqrt(n); cumprod(1 - d / (n + 1))
# U <- sum(w * (d1 - d * n1 / n)); V <- sum(w^2 * ifelse(n > 1, d * (n - d) / (n - 1) * n1 / n * (1 - n1 / n), 0))
# Then p of FH(0, 0), FH(0, 1) and FH(1, 1), two-sided and less, with R their correlation:
# 1 - pmvnorm(lower = rep(-max(abs(z)), 3), upper = rep(max(abs(z)), 3), corr = R, algorithm = Miwa(4000)), and
# 1 - pmvnorm(upper = rep(-min(z), 3), corr = R, algorithm = Miwa(4000))
BY_R: dict[str, tuple[list[float], tuple[float, float]]] = {
    "ex1_delayed_effect": (
        [
            -2.71046215720, -3.39536713063, -2.06517708238, -3.41302511766, -3.12854101670, -3.13572736726,
            -1.86052573085, -2.29224932666, -2.03774308317, -3.32032303629,
        ],
        (0.001241858882, 0.000620929441),
    ),
    "moderate_cross": (
        [
            1.78596443419, 2.23042760830, 1.44580288162, 2.38123908738, 2.03964973312, 1.93756382443,
            1.18422534859, 1.48018640306, 1.43152271445, 1.98167206755,
        ],
        (0.0290222961, 0.9813646965),
    ),
    "pembro": (
        [
            -2.353034412085, -3.542992855574, -1.034448316681, -3.110534192004, -2.926062985405, -3.273073304675,
            -0.985086709652, -1.617375718431, -1.032998079379, -3.559569514053,
        ],
        (0.000794894846, 0.000397447423),
    ),
    "mb_delayed_effect": (
        [
            -2.47324755344, -2.42401814514, -2.19353035828, -2.48265330558, -2.50724411514, -2.50178579773,
            -2.15854798351, -2.33104025759, -2.19252175185, -2.27718560855,
        ],
        (0.0221008622, 0.0110504311),
    ),
    "veteran": (
        [
            0.0907047033089, -0.8980243145910, 0.9333860363896, 0.6023465842110, -0.1691804860046, -0.3701584581401,
            0.9801786649651, 0.7387287555062, 0.9235540482167, -0.8949775007225,
        ],
        (0.537616469, 0.268882985),
    ),
    "veteran by cell type": (
        [
            0.837701227673, 0.385777066489, 1.004828134596, 0.741740930885, 0.664137405215, 0.897564894806,
            1.021543315024, 1.011197678592, 0.991569566433, 0.314338454874,
        ],
        (0.570043797, 0.754615143),
    ),
}  # fmt: skip
FILES: dict[str, tuple[str, str, str, Any, Any, float]] = {
    "ex1_delayed_effect": ("month", "evntd", "trt", 1, 0, 6),
    "moderate_cross": ("time", "event", "arm", 1, 2, 6),
    "pembro": ("time", "event", "group", 1, 0, 3),
    "mb_delayed_effect": ("tte", "event", "treatment", "experimental", "control", 6),
    "veteran": ("time", "status", "trt", 2, 1, 100),
}


@pytest.fixture(params=[survival, twin], ids=["statistic", "twin"])
def x(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


def of_file(name: str) -> tuple[tuple[Any, Any, Any], dict[str, Any], float]:
    """Time, event and group; the arms and strata; t*."""
    file, _, stratified = name.partition(" by ")
    time, event, group, treatment, reference, t_star = FILES[file]
    frame = data(f"survival/{file}.csv")
    strata = frame["celltype"] if stratified else None
    arms = {"treatment": treatment, "reference": reference, "strata": strata}
    return (frame[time], frame[event], frame[group]), arms, t_star


@needs_reference
class TestSharedReference:
    def test_c3_maxcombo(self, x: ModuleType) -> None:
        frame, expected = data("survival/aml.csv"), case("C3")
        found = x.maxcombo(
            frame.time, frame.status, frame.x, treatment="Maintained", reference="Nonmaintained",
            weights=[(0, 0), (0, 1)], alternative="less",
        )  # fmt: skip
        assert [one.test_statistic for one in found.items[1:]] == pytest.approx(expected["z"], abs=1e-6)
        assert found.items[0].p_value == pytest.approx(expected["p"], abs=1e-7 if x is survival else 1e-4)
        assert found.items[0].test_statistic == pytest.approx(min(expected["z"]), abs=1e-6)

    @pytest.mark.parametrize("name", BY_R)
    def test_statistics_as_by_hand_in_r(self, x: ModuleType, name: str) -> None:
        values, arms, t_star = of_file(name)
        for choice, z in zip(CHOICES, BY_R[name][0], strict=True):
            if choice == {"weight": "modestly-weighted"}:
                choice = choice | {"t_star": t_star}
            got = x.weighted_logrank(*values, **arms, **choice)
            assert got.test_statistic == pytest.approx(z, rel=1e-9), choice

    @pytest.mark.parametrize("name", BY_R)
    def test_maxcombo_as_by_hand_in_r(self, x: ModuleType, name: str) -> None:
        values, arms, _ = of_file(name)
        for alternative, p in zip(("two-sided", "less"), BY_R[name][1], strict=True):
            found = x.maxcombo(*values, **arms, weights=[(0, 0), (0, 1), (1, 1)], alternative=alternative)
            assert found.items[0].p_value == pytest.approx(p, abs=1e-9 if x is survival else 5e-4)

    @pytest.mark.parametrize(
        ("name", "rho", "chi_square"),
        [
            # survdiff(Surv(month, evntd) ~ trt, rho =), survdiff(Surv(time, status) ~ trt [+ strata(celltype)], rho =)
            ("ex1_delayed_effect", 1, 4.26495638158),
            ("veteran", 1, 0.871209492927),
            ("veteran", 0.5, 0.474012743384),
            ("veteran by cell type", 1, 1.00967958008),
        ],
    )
    def test_survdiff_with_rho(self, x: ModuleType, name: str, rho: float, chi_square: float) -> None:
        values, arms, _ = of_file(name)
        got = x.weighted_logrank(*values, **arms, rho=rho, gamma=0)
        assert got.test_statistic**2 == pytest.approx(chi_square, rel=1e-9)


@pytest.mark.parametrize(
    ("choice", "weightings"),
    [
        ({"weight": "gehan"}, {"weightings": "wilcoxon"}),
        ({"weight": "tarone-ware"}, {"weightings": "tarone-ware"}),
        ({"weight": "peto-peto"}, {"weightings": "peto"}),
        ({"rho": 1, "gamma": 0.5}, {"weightings": "fleming-harrington", "p": 1, "q": 0.5}),
    ],
)
def test_chi_square_of_lifelines(choice: dict[str, Any], weightings: dict[str, Any]) -> None:
    from lifelines.datasets import load_gbsg2
    from lifelines.statistics import multivariate_logrank_test

    frame: pd.DataFrame = load_gbsg2()
    got = survival.weighted_logrank(frame.time, frame.cens, frame.horTh, treatment="yes", reference="no", **choice)
    expected = multivariate_logrank_test(frame.time, frame.horTh, frame.cens, **weightings)
    assert got.test_statistic**2 == pytest.approx(expected.test_statistic, rel=1e-9)
    assert got.p_value == pytest.approx(expected.p_value, rel=1e-6)
    assert got.test_statistic < 0
