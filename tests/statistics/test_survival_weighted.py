"""Weighted log-rank tests and MaxCombo: properties, edges, refusals, and agreement with their twins."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import survival as twin
from evidence_lib.results import Estimate, analyses
from evidence_lib.statistics import survival

ARMS = {"treatment": "A", "reference": "B"}
CHOICES: dict[str, dict[str, Any]] = {
    "FH(0, 0)": {"rho": 0, "gamma": 0},
    "FH(1, 0)": {"rho": 1, "gamma": 0},
    "FH(0, 1)": {"rho": 0, "gamma": 1},
    "FH(0.5, 2)": {"rho": 0.5, "gamma": 2},
    "MW(t*=12)": {"weight": "modestly-weighted", "t_star": 12},
    "MW(S*=0.5)": {"weight": "modestly-weighted", "s_star": 0.5},
    "Gehan": {"weight": "gehan"},
    "Tarone-Ware": {"weight": "tarone-ware"},
    "Peto-Peto": {"weight": "peto-peto"},
}


@pytest.fixture(params=[survival, twin], ids=["statistic", "twin"])
def x(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


def trial(seed: int, n: int = 60, arms: str = "AB", last: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times in whole days with many ties, events and arms."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, last, n).astype(float), rng.binomial(1, 0.6, n), rng.choice(list(arms), n)


def each(x: ModuleType, *data: Any, **options: Any) -> list[Estimate]:
    """Every weighted test of one data set, and MaxCombo."""
    found = [x.weighted_logrank(*data, **ARMS, **choice, **options) for choice in CHOICES.values()]
    found += x.maxcombo(*data, **ARMS, **options).items
    return found + list(x.maxcombo(*data, weights=[(0, 0), (0, 0.5)], t_star=9, **ARMS, **options).items)


class TestTwins:
    @pytest.mark.parametrize("seed", range(24))
    def test_agree_on_random_trials(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = int(rng.choice([0, 1, 2, 3, 5, 9, 30, 80]))
        t, e, g = trial(seed, n, arms="ABC" if seed % 3 == 0 else "AB", last=int(rng.choice([3, 12, 400])))
        options = {
            "strata": rng.integers(0, 3, n) if seed % 2 else None,
            "alternative": ("two-sided", "less", "greater")[seed % 3],
        }
        pairs = zip(each(survival, t * 0.1, e, g, **options), each(twin, t * 0.1, e, g, **options), strict=True)
        for a, b in pairs:
            for name in ("analysis", "groups", "unit", "status", "n", "events", "is_test", "alternative"):
                assert getattr(a, name) == getattr(b, name), name
            if a.status == "ok":
                assert a.test_statistic == pytest.approx(b.test_statistic, rel=1e-6, abs=1e-12)
                # The twin's joint p-value comes from a randomised integral.
                assert a.p_value == pytest.approx(b.p_value, abs=1e-3 if "maxcombo" in a.analysis else 1e-9)


class TestProperties:
    @pytest.mark.parametrize("seed", range(4))
    def test_order_of_patients_does_not_matter(self, seed: int) -> None:
        t, e, g = trial(seed)
        order = np.random.default_rng(seed).permutation(60)
        for a, b in zip(each(survival, t, e, g), each(survival, t[order], e[order], g[order]), strict=True):
            assert (a.test_statistic, a.p_value) == pytest.approx((b.test_statistic, b.p_value), rel=1e-9)

    @pytest.mark.parametrize("choice", CHOICES)
    def test_swapped_arms_and_alternatives(self, x: ModuleType, choice: str) -> None:
        t, e, g = trial(5)
        options = CHOICES[choice]
        a = x.weighted_logrank(t, e, g, **ARMS, **options, alternative="less")
        b = x.weighted_logrank(t, e, g, treatment="B", reference="A", **options, alternative="greater")
        assert (a.test_statistic, a.p_value) == pytest.approx((-b.test_statistic, b.p_value))
        other = x.weighted_logrank(t, e, g, **ARMS, **options, alternative="greater")
        both = x.weighted_logrank(t, e, g, **ARMS, **options)
        assert a.p_value + other.p_value == pytest.approx(1)
        assert both.p_value == pytest.approx(2 * min(a.p_value, other.p_value))
        assert a.groups == {**ARMS, "weight": choice}

    def test_maxcombo_with_swapped_arms(self) -> None:
        t, e, g = trial(6)
        a = survival.maxcombo(t, e, g, **ARMS, alternative="less").items[0]
        b = survival.maxcombo(t, e, g, treatment="B", reference="A", alternative="greater").items[0]
        assert (a.test_statistic, a.p_value) == pytest.approx((-b.test_statistic, b.p_value))
        both = survival.maxcombo(t, e, g, **ARMS).items[0]
        less, greater = (survival.maxcombo(t, e, g, **ARMS, alternative=side).items[0] for side in ("less", "greater"))
        assert both.test_statistic == max(abs(less.test_statistic), abs(greater.test_statistic))
        smaller = min(less.p_value, greater.p_value)
        assert smaller < both.p_value <= 2 * smaller + 1e-9

    def test_negative_where_the_treated_have_fewer_events(self, x: ModuleType) -> None:
        t, e, g = [1, 2, 3, 4, 5, 6], [1, 1, 1, 1, 1, 0], list("BBBAAA")
        for one in each(x, t, e, g, alternative="less"):
            assert one.test_statistic < 0
            assert one.p_value < 0.5

    @pytest.mark.parametrize("factor", [1e-6, 365.25])
    def test_rescaled_time(self, x: ModuleType, factor: float) -> None:
        t, e, g = trial(7)
        for choice in CHOICES.values():
            scaled = choice | ({"t_star": 12 * factor} if "t_star" in choice else {})
            a = x.weighted_logrank(t, e, g, **ARMS, **choice)
            b = x.weighted_logrank(t * factor, e, g, **ARMS, **scaled)
            assert a.test_statistic == pytest.approx(b.test_statistic)

    @pytest.mark.parametrize("strata", [None, np.arange(60) % 3])
    def test_without_weights_it_is_the_logrank_test(self, x: ModuleType, strata: Any) -> None:
        t, e, g = trial(8)
        expected = survival.logrank(t, e, g, **ARMS, strata=strata)
        for choice in ({"rho": 0, "gamma": 0}, *({"weight": "modestly-weighted", **s} for s in ({"s_star": 1},))):
            got = x.weighted_logrank(t, e, g, **ARMS, **choice, strata=strata)
            assert got.test_statistic**2 == pytest.approx(expected.test_statistic)
            assert got.p_value == pytest.approx(expected.p_value)
        early = x.weighted_logrank(t, e, g, **ARMS, weight="modestly-weighted", t_star=0, strata=strata)
        assert early.test_statistic**2 == pytest.approx(expected.test_statistic)

    def test_a_late_t_star_never_stops_the_weight(self, x: ModuleType) -> None:
        t, e, g = trial(9)
        late = x.weighted_logrank(t, e, g, **ARMS, weight="modestly-weighted", t_star=1000)
        free = x.weighted_logrank(t, e, g, **ARMS, weight="modestly-weighted", s_star=0)
        assert late.test_statistic == pytest.approx(free.test_statistic)

    def test_an_event_at_t_star_counts_as_after_it(self, x: ModuleType) -> None:
        # nphRCT::find_weights takes the curve after the last event before t*, the weights being 1, 1.2, 1.5 and 1.5.
        t, e, g = [1, 2, 3, 4, 5, 5], [1, 1, 1, 1, 0, 0], list("ABABAB")
        at, before = (x.weighted_logrank(t, e, g, **ARMS, weight="modestly-weighted", t_star=star) for star in (3, 2.5))
        share, variance = np.array([3 / 6, 2 / 5, 2 / 4, 1 / 3]), np.array([1 / 4, 6 / 25, 1 / 4, 2 / 9])
        w = np.array([1, 6 / 5, 6 / 4, 6 / 4])
        z = (w * ([1, 0, 1, 0] - share)).sum() / np.sqrt((w**2 * variance).sum())
        assert at.test_statistic == before.test_statistic == pytest.approx(z)

    def test_one_stratum_is_none_and_frames_cross(self, x: ModuleType) -> None:
        t, e, g = trial(10)
        for choice in CHOICES.values():
            plain = x.weighted_logrank(t, e, g, **ARMS, **choice)
            one = x.weighted_logrank(t, e, g, **ARMS, **choice, strata=["all"] * 60)
            assert one.test_statistic == pytest.approx(plain.test_statistic)
            assert (plain.analysis, one.analysis) == ("weighted_logrank.unstratified", "weighted_logrank.stratified")
        a, b = np.arange(60) % 2, np.arange(60) % 3
        crossed = x.weighted_logrank(t, e, g, **ARMS, rho=0, gamma=1, strata=pd.DataFrame({"a": a, "b": b}))
        numbered = x.weighted_logrank(t, e, g, **ARMS, rho=0, gamma=1, strata=10 * a + b)
        assert crossed.test_statistic == pytest.approx(numbered.test_statistic)
        assert crossed.test_statistic != pytest.approx(
            x.weighted_logrank(t, e, g, **ARMS, rho=0, gamma=1, strata=a).test_statistic
        )

    def test_strata_add_scores_and_variances(self) -> None:
        # Two strata that are copies of each other: z grows by the root of 2, and weights are made within each.
        t, e, g = trial(11)
        twice = [np.tile(values, 2) for values in (t, e, g)]
        for choice in CHOICES.values():
            one = survival.weighted_logrank(t, e, g, **ARMS, **choice).test_statistic
            two = survival.weighted_logrank(*twice, **ARMS, **choice, strata=np.repeat([1, 2], 60)).test_statistic
            assert two == pytest.approx(np.sqrt(2) * one)

    def test_only_the_two_arms_enter(self, x: ModuleType) -> None:
        t, e, g = trial(12, arms="ABC")
        two = g != "C"
        for a, b in zip(each(x, t, e, g), each(x, t[two], e[two], g[two]), strict=True):
            assert a.test_statistic == pytest.approx(b.test_statistic)
            assert a.n == two.sum()

    @pytest.mark.parametrize("alternative", ["two-sided", "less", "greater"])
    def test_level_under_the_null_hypothesis(self, alternative: Any) -> None:
        # 1,000 trials of two equal arms: the share of p-values below 0.1 within 4 standard errors.
        rng = np.random.default_rng(13)
        small = np.zeros(2)
        g = np.repeat(["A", "B"], 60)
        for _ in range(1000):
            t, end = rng.exponential(300, 120).round(), rng.integers(100, 700, 120)
            found = survival.maxcombo(
                np.minimum(t, end), t <= end, g, weights=[(0, 0), (0, 1), (1, 0)], alternative=alternative, **ARMS
            )
            small += [found.items[0].p_value < 0.1, found.items[2].p_value < 0.1]
        assert np.all(np.abs(small / 1000 - 0.1) < 4 * np.sqrt(0.1 * 0.9 / 1000))

    def test_correlation_of_the_statistics_is_that_of_repeated_trials(self) -> None:
        # Independent of the normal integral: z of FH(0, 0) and FH(0, 1) over trials, against the p-value's correlation.
        rng = np.random.default_rng(14)
        g = np.repeat(["A", "B"], 100)
        z, p = [], []
        for _ in range(800):
            t, end = rng.exponential(300, 200), rng.uniform(100, 700, 200)
            found = survival.maxcombo(np.minimum(t, end), t <= end, g, weights=[(0, 0), (0, 1)], **ARMS).items
            z.append([one.test_statistic for one in found[1:]])
            p.append(found[0].p_value)
        above = np.abs(z).max(axis=1)
        # The empirical distribution of the largest |z| and the p-values say the same.
        empirical = (above[:, None] <= above).mean(axis=1)
        assert np.abs(empirical - p).max() < 1.95 / np.sqrt(800)


class TestMaxCombo:
    def test_components_are_the_weighted_tests(self, x: ModuleType) -> None:
        t, e, g = trial(20)
        found = x.maxcombo(t, e, g, **ARMS, weights=[(0, 1), (1, 0)], s_star=0.4, alternative="greater")
        labels = [one.groups.get("weight") for one in found.items]
        assert labels == [None, "FH(0, 1)", "FH(1, 0)", "MW(S*=0.4)"]
        single = x.weighted_logrank(t, e, g, **ARMS, rho=0, gamma=1, alternative="greater")
        same = found.where(weight="FH(0, 1)")
        assert (same.test_statistic, same.p_value) == pytest.approx((single.test_statistic, single.p_value))
        assert (same.method, same.groups, same.alternative) == (single.method, single.groups, "greater")
        assert found.items[0].test_statistic == max(one.test_statistic for one in found.items[1:])
        assert found.items[0].analysis == "maxcombo.unstratified"

    def test_p_is_between_the_smallest_and_bonferroni(self) -> None:
        for seed in range(10):
            t, e, g = trial(30 + seed)
            for alternative in ("two-sided", "less", "greater"):
                found = survival.maxcombo(t, e, g, **ARMS, alternative=alternative).items
                smallest = min(one.p_value for one in found[1:])
                assert smallest <= found[0].p_value <= min(4 * smallest, 1)

    def test_the_same_bytes_every_time(self) -> None:
        t, e, g = trial(21)
        assert len({repr(survival.maxcombo(t, e, g, **ARMS)) for _ in range(3)}) == 1

    def test_many_and_fractional_weights(self) -> None:
        t, e, g = trial(22)
        six = [(0, 0), (0, 1), (1, 0), (1, 1), (0, 0.5), (0.5, 0.5)]
        a, b = (
            survival.maxcombo(t, e, g, **ARMS, weights=order, alternative="less").items[0] for order in (six, six[::-1])
        )
        assert a.p_value == pytest.approx(b.p_value, abs=1e-8)
        # FH(0, 0) is the sum of FH(1, 0) and FH(0, 1): a singular correlation.
        three = survival.maxcombo(t, e, g, **ARMS, weights=[(0, 0), (0, 1), (1, 0)], alternative="less")
        two = survival.maxcombo(t, e, g, **ARMS, weights=[(0, 1), (1, 0)], alternative="less")
        assert two.items[0].p_value <= three.items[0].p_value

    def test_extreme_differences_have_a_p_value_above_zero(self) -> None:
        t = np.append(np.arange(1, 1501), np.arange(10001, 11501))
        found = survival.maxcombo(t, np.ones(3000), np.repeat(["B", "A"], 1500), **ARMS)
        for one in found.items:
            assert 0 < one.p_value < 1e-60


class TestEdges:
    def test_event_at_time_zero(self, x: ModuleType) -> None:
        t, e, g = [0, 0, 3, 4, 5, 9], [1, 1, 1, 1, 0, 1], list("ABABBA")
        later = each(x, np.array(t) + 1, e, g)
        # The times of t* move too.
        moved = [
            k for k, one in enumerate(later) if "t*" not in str(one.groups.get("weight")) and "weight" in one.groups
        ]
        for k in moved:
            got = each(x, t, e, g)[k]
            assert (got.status, got.test_statistic) == ("ok", pytest.approx(later[k].test_statistic))

    @pytest.mark.parametrize(
        ("data", "reason"),
        [
            (([], [], []), "not two arms"),
            (([5], [1], ["A"]), "not two arms"),
            (([5, 6], [1, 1], ["A", "A"]), "not two arms"),
            (([5, 6], [0, 0], ["A", "B"]), "no events"),
            (([4, 4, 4], [1, 1, 1], list("AAB")), "no time at which"),
            (([4, 9], [0, 1], ["A", "B"]), "no time at which"),
        ],
    )
    def test_nothing_to_compare(self, data: tuple, reason: str) -> None:
        for one, other in zip(each(survival, *data), each(twin, *data), strict=True):
            assert (one.status, one.test_statistic, one.p_value) == ("not_estimable", None, None)
            assert other.status == "not_estimable"
            assert reason in str(one.reason)

    def test_a_weight_that_is_zero_wherever_the_arms_meet(self, x: ModuleType) -> None:
        # One event time: S(t-) is 1 there, and so is the weight of FH(1, 0), while that of FH(0, 1) is 0.
        data = ([3, 5, 5, 5], [1, 0, 0, 0], list("ABAB"))
        assert x.weighted_logrank(*data, **ARMS, rho=1, gamma=0).status == "ok"
        assert x.weighted_logrank(*data, **ARMS, rho=0, gamma=1).status == "not_estimable"
        found = x.maxcombo(*data, **ARMS, weights=[(0, 0), (0, 1)]).items
        assert [one.status for one in found] == ["not_estimable", "ok", "not_estimable"]
        if x is survival:
            assert "weight is 0" in str(found[0].reason)

    def test_strata_without_a_comparison_change_nothing(self, x: ModuleType) -> None:
        t, e, g = trial(40)
        strata = np.zeros(60)
        for more in (([7], [1], ["A"]), ([3, 3], [0, 0], ["A", "B"]), ([1, 2], [1, 1], ["C", "C"])):
            data = [np.append(old, new) for old, new in zip((t, e, g), more, strict=True)]
            wider = np.append(strata, np.ones(len(more[0])))
            for a, b in zip(each(x, *data, strata=wider), each(x, t, e, g, strata=strata), strict=True):
                assert a.test_statistic == pytest.approx(b.test_statistic)

    def test_floating_point_ties(self, x: ModuleType) -> None:
        untied, tied = [0.1 + 0.2, 0.3, 0.5, 0.7, 0.9], [0.3, 0.3, 0.5, 0.7, 0.9]
        e, g = [1, 1, 1, 0, 1], list("ABABA")
        for a, b in zip(each(x, untied, e, g), each(x, tied, e, g), strict=True):
            assert (a.status, a.test_statistic) == (b.status, pytest.approx(b.test_statistic, rel=1e-12))
        choice = {"weight": "modestly-weighted"}
        a, b = (x.weighted_logrank(tied, e, g, **ARMS, **choice, t_star=star) for star in (0.3, 0.1 + 0.2))
        assert a.test_statistic == b.test_statistic

    def test_huge_exponents(self) -> None:
        t, e, g = trial(41)
        assert survival.weighted_logrank(t, e, g, **ARMS, rho=0, gamma=500).status == "ok"
        assert survival.weighted_logrank(t, e, g, **ARMS, rho=1e308, gamma=1e308).status == "not_estimable"

    def test_results_are_listed_and_in_words(self) -> None:
        t, e, g = trial(42)
        for strata in (None, np.arange(60) % 2):
            for data in ((t, e, g), (t, 0 * e, g)):
                for one in each(survival, *data, strata=strata):
                    assert analyses()[one.analysis].unit == one.unit == "z"
                    assert str(one.method).endswith(("two-sided.", "treated)."))
                    assert ("strata" in str(one.method)) == (strata is not None)
                    assert one.reason is None or str(one.reason)

    def test_method_says_the_choices(self) -> None:
        t, e, g = trial(43)
        words = {
            "FH(0.5, 2)": "S(t-)^0.5 (1 - S(t-))^2",
            "MW(t*=12)": "t* = 12 days",
            "MW(S*=0.5)": "max(S(t-), 0.5)",
            "Gehan": "the number at risk",
            "Tarone-Ware": "square root",
            "Peto-Peto": "1 - d / (n + 1)",
        }
        for label, text in words.items():
            method = str(survival.weighted_logrank(t, e, g, **ARMS, **CHOICES[label]).method)
            assert text in method
        method = str(survival.maxcombo(t, e, g, **ARMS, alternative="less").items[0].method)
        assert "FH(0, 0), FH(0, 1), FH(1, 0), and FH(1, 1)" in method
        assert "one-sided (fewer events" in method


class TestRefusals:
    DATA = ([1, 2, 3, 4], [1, 0, 1, 1], list("ABAB"))

    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ({}, "rho cannot be used; expected an exponent, zero or more; found None"),
            ({"rho": 1}, "gamma cannot be used"),
            ({"rho": -1, "gamma": 0}, "rho cannot be used"),
            ({"rho": 0, "gamma": float("nan")}, "gamma cannot be used"),
            ({"rho": 0, "gamma": float("inf")}, "gamma cannot be used"),
            ({"rho": True, "gamma": 0}, "rho cannot be used"),
            ({"rho": 0, "gamma": "1"}, "gamma cannot be used"),
            ({"rho": 0, "gamma": 1, "t_star": 6}, "t_star is not a choice of this weight"),
            ({"weight": "gehan", "rho": 1}, "rho is not a choice of this weight"),
            ({"weight": "modestly-weighted"}, "t_star and s_star exclude each other; expected one of the two"),
            ({"weight": "modestly-weighted", "t_star": 6, "s_star": 0.5}, "t_star and s_star exclude each other"),
            ({"weight": "modestly-weighted", "t_star": -6}, "t_star cannot be used; expected zero or more days"),
            ({"weight": "modestly-weighted", "s_star": 1.1}, "s_star cannot be used; expected a probability"),
            ({"weight": "wilcoxon"}, "unknown weight; expected fleming-harrington or modestly-weighted"),
            ({"rho": 0, "gamma": 1, "alternative": "smaller"}, "unknown alternative; expected two-sided or less"),
        ],
    )
    def test_choices(self, options: dict[str, Any], match: str) -> None:
        with pytest.raises(InvalidInput, match=match):
            survival.weighted_logrank(*self.DATA, **ARMS, **options)

    @pytest.mark.parametrize(
        ("options", "match"),
        [
            ({"weights": []}, "weights cannot be used; expected pairs of rho and gamma"),
            ({"weights": "logrank"}, "weights cannot be used"),
            ({"weights": 3}, "weights cannot be used"),
            ({"weights": [0, 1]}, "weights cannot be used"),
            ({"weights": [(0, 0, 1), (0, 1, 1)]}, "weights cannot be used"),
            ({"weights": [(0, 0), (0, "x")]}, "gamma cannot be used"),
            ({"weights": [(0, 0)]}, "too few or too many tests; expected two to 6; found 1"),
            ({"weights": [(0, k) for k in range(7)]}, "too few or too many tests"),
            ({"weights": [(0, k) for k in range(6)], "t_star": 3}, "too few or too many tests"),
            ({"weights": [(0, 1), (0, 1.0)]}, "a weight is given twice"),
            ({"t_star": 1, "s_star": 0.5}, "t_star and s_star exclude each other"),
            ({"alternative": None}, "unknown alternative"),
        ],
    )
    def test_choices_of_maxcombo(self, options: dict[str, Any], match: str) -> None:
        with pytest.raises(InvalidInput, match=match):
            survival.maxcombo(*self.DATA, **ARMS, **options)

    def test_data(self) -> None:
        t, e, g = self.DATA
        for call in (
            lambda *data, **arms: survival.weighted_logrank(*data, **arms, rho=0, gamma=1),
            survival.maxcombo,
        ):
            with pytest.raises(InvalidInput, match="a negative time in row 2"):
                call([1, -2, 3, 4], e, g, **ARMS)
            with pytest.raises(InvalidInput, match="event cannot be used"):
                call(t, [1, 2, 0, 1], g, **ARMS)
            with pytest.raises(InvalidInput, match="group cannot be used.*missing label in row 2"):
                call(t, e, ["A", None, "A", "B"], **ARMS)
            with pytest.raises(InvalidInput, match="treatment and reference are the same arm"):
                call(t, e, g, treatment="A", reference="A")
            with pytest.raises(InvalidInput, match="strata does not fit the data"):
                call(t, e, g, **ARMS, strata=[1])
