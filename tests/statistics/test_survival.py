"""Survival statistics: properties, edges, refusals, and agreement with their independent twins."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.conventions import SAS, R
from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import survival as twin
from evidence_lib.results import STATISTICS, Estimate, Estimates, analyses
from evidence_lib.statistics import survival

ARMS = {"treatment": "A", "reference": "B"}
TYPES = ["plain", "log", "log-log", "logit", "arcsine"]


@pytest.fixture(params=[survival, twin], ids=["statistic", "twin"])
def x(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


def trial(seed: int, n: int = 60, arms: str = "AB", last: int = 40) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Times in whole days with many ties, events and arms."""
    rng = np.random.default_rng(seed)
    return rng.integers(0, last, n).astype(float), rng.binomial(1, 0.6, n), rng.choice(list(arms), n)


def numbers(estimate: Estimate) -> list[float]:
    return [np.nan if getattr(estimate, name) is None else getattr(estimate, name) for name in STATISTICS]


def every(x: ModuleType, t: Any, e: Any, g: Any, strata: Any = None, **level: Any) -> list[Estimate]:
    """All estimates of one data set."""
    found: list[Any] = [
        x.median_survival(t, e, **level),
        x.follow_up(t, e, **level),
        x.survival_at(t, e, times=[0, 3, 20, 300], **level),
        x.survival_at(t, e, times=[0, 3, 20, 300], extend=True, **level),
        x.milestone_difference(t, e, g, times=[0, 3, 20, 300], **ARMS, **level),
        x.logrank(t, e, g),
        x.logrank(t, e, g, strata=strata if strata is not None else g, **ARMS),
    ]
    for tau in (None, 0.5, 15, 5000):
        found += [x.rmst(t, e, tau=tau, **level)]
        found += [compare(t, e, g, tau=tau, **ARMS, **level) for compare in (x.rmst_difference, x.rmst_ratio)]
    return [one for result in found for one in (result.items if isinstance(result, Estimates) else [result])]


class TestTwins:
    @staticmethod
    def agree(first: list[Estimate], second: list[Estimate]) -> None:
        assert len(first) == len(second)
        for a, b in zip(first, second, strict=True):
            for name in ("analysis", "groups", "unit", "status", "scale", "is_test", "conf_level", "alternative"):
                assert getattr(a, name) == getattr(b, name), (a, name)
            for name in STATISTICS:
                u, v = getattr(a, name), getattr(b, name)
                assert (u is None) == (v is None), (a, b, name)
                if u is not None:
                    assert abs(u - v) <= 1e-6 * max(abs(u), a.std_error or 0) + 1e-14, (a.analysis, name, u, v)

    @pytest.mark.parametrize("seed", range(30))
    def test_agree_on_random_trials(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = int(rng.choice([0, 1, 2, 3, 5, 9, 30, 80]))
        t, e, g = trial(seed, n, arms="ABC" if seed % 3 == 0 else "AB", last=int(rng.choice([3, 12, 400])))
        data = (t * rng.choice([1, 0.1]), e, g, rng.integers(0, 4, n))
        level = float(rng.choice([0.8, 0.95, 0.99]))
        self.agree(every(survival, *data, conf_level=level), every(twin, *data, conf_level=level))

    @pytest.mark.parametrize("conf_type", TYPES)
    @pytest.mark.parametrize("convention", [R, SAS], ids=["R", "SAS"])
    def test_agree_on_every_interval(self, conf_type: Any, convention: Any) -> None:
        for seed in range(5):
            t, e, _ = trial(100 + seed, n=12 + seed)
            choices = {"conf_type": conf_type, "convention": convention}
            pairs = [[], []]
            for found, x in zip(pairs, (survival, twin), strict=True):
                found += [x.median_survival(t, e, **choices), x.follow_up(t, e, **choices)]
                found += x.survival_at(t, e, times=[0, 1, 10, 39], **choices).items
            self.agree(*pairs)

    def test_every_twin_names_its_source_and_tolerance(self) -> None:
        assert set(twin.SOURCE) == set(twin.TOLERANCE) == set(twin.__all__) - {"SOURCE", "TOLERANCE"}
        without = {"kaplan_meier", "at_risk", "parametric_models", "background", "reconstruct_patients"}
        assert set(survival.__all__) - set(twin.SOURCE) == without


class TestProperties:
    @pytest.mark.parametrize("seed", range(5))
    def test_order_of_patients_does_not_matter(self, x: ModuleType, seed: int) -> None:
        t, e, g = trial(seed)
        order = np.random.default_rng(seed).permutation(t.size)
        for a, b in zip(every(x, t, e, g), every(x, t[order], e[order], g[order]), strict=True):
            np.testing.assert_allclose(numbers(a), numbers(b), rtol=1e-9, atol=1e-12)

    @pytest.mark.parametrize("seed", range(5))
    def test_swapped_arms(self, x: ModuleType, seed: int) -> None:
        t, e, g = trial(seed)
        swapped = {"treatment": "B", "reference": "A"}
        for call in (
            lambda arms: x.milestone_difference(t, e, g, times=[20], **arms).items[0],
            lambda arms: x.rmst_difference(t, e, g, tau=20, **arms),
        ):
            a, b = call(ARMS), call(swapped)
            assert (a.estimate, a.conf_low, a.conf_high) == pytest.approx((-b.estimate, -b.conf_high, -b.conf_low))
            assert a.p_value == pytest.approx(b.p_value)
        a, b = x.rmst_ratio(t, e, g, tau=20, **ARMS), x.rmst_ratio(t, e, g, tau=20, **swapped)
        assert (a.estimate, a.conf_low, a.conf_high) == pytest.approx((1 / b.estimate, 1 / b.conf_high, 1 / b.conf_low))
        a, b = x.logrank(t, e, g, **ARMS), x.logrank(t, e, g, **swapped)
        assert a.test_statistic == pytest.approx(b.test_statistic)

    def test_direction_is_treated_minus_reference(self, x: ModuleType) -> None:
        t, e, g = [10, 20, 30, 1, 2, 30], [1, 1, 0, 1, 1, 0], list("AAABBB")
        assert x.milestone_difference(t, e, g, times=[5], **ARMS).items[0].estimate == pytest.approx(2 / 3)
        assert x.rmst_difference(t, e, g, tau=30, **ARMS).estimate == pytest.approx(20 - 11)
        assert x.rmst_ratio(t, e, g, tau=30, **ARMS).estimate == pytest.approx(20 / 11)

    @pytest.mark.parametrize("factor", [1e-6, 7.0, 1e6])
    def test_rescaled_time(self, x: ModuleType, factor: float) -> None:
        t, e, g = trial(3)
        assert x.median_survival(t * factor, e).conf_low == pytest.approx(x.median_survival(t, e).conf_low * factor)
        a, b = x.rmst(t, e, tau=20), x.rmst(t * factor, e, tau=20 * factor)
        assert (b.estimate, b.std_error) == pytest.approx((a.estimate * factor, a.std_error * factor))
        ratio = x.rmst_ratio(t, e, g, tau=20, **ARMS), x.rmst_ratio(t * factor, e, g, tau=20 * factor, **ARMS)
        assert ratio[0].conf_low == pytest.approx(ratio[1].conf_low)
        assert x.logrank(t * factor, e, g).test_statistic == pytest.approx(x.logrank(t, e, g).test_statistic)

    def test_without_censoring_it_is_the_empirical_distribution(self, x: ModuleType) -> None:
        t, _, _ = trial(4, n=41)
        e = np.ones(41)
        one = x.survival_at(t, e, times=[13], conf_type="plain").items[0]
        share = (t > 13).mean()
        assert one.estimate == pytest.approx(share)
        assert one.std_error == pytest.approx(np.sqrt(share * (1 - share) / 41))
        assert x.median_survival(t, e).estimate == np.median(t)
        got = x.rmst(t, e, tau=17)
        assert got.estimate == pytest.approx(np.minimum(t, 17).mean())
        assert got.std_error == pytest.approx(np.minimum(t, 17).std() / np.sqrt(41))

    def test_one_stratum_is_no_stratum_and_frames_cross(self, x: ModuleType) -> None:
        t, e, g = trial(5)
        assert x.logrank(t, e, g, strata=np.zeros(60)).test_statistic == pytest.approx(
            x.logrank(t, e, g).test_statistic
        )
        a, b = np.arange(60) % 2, np.arange(60) % 3
        crossed = x.logrank(t, e, g, strata=pd.DataFrame({"a": a, "b": b}))
        assert crossed.test_statistic == pytest.approx(x.logrank(t, e, g, strata=10 * a + b).test_statistic)
        assert crossed.test_statistic != pytest.approx(x.logrank(t, e, g, strata=a).test_statistic)

    def test_only_the_two_arms_enter(self, x: ModuleType) -> None:
        t, e, g = trial(6, arms="ABC")
        two = g != "C"
        for a, b in zip(
            [x.logrank(t, e, g, **ARMS), x.rmst_difference(t, e, g, tau=9, **ARMS)],
            [x.logrank(t[two], e[two], g[two]), x.rmst_difference(t[two], e[two], g[two], tau=9, **ARMS)],
            strict=True,
        ):
            np.testing.assert_allclose(numbers(a), numbers(b))
            assert a.n == two.sum()
        assert x.logrank(t, e, g).df == 2


class TestArguments:
    """Each argument changes the fields it should."""

    def test_conf_level_changes_the_limits_alone(self, x: ModuleType) -> None:
        t, e, g = trial(7, n=200)
        for a, b in zip(every(x, t, e, g), every(x, t, e, g, conf_level=0.8), strict=True):
            assert (a.estimate, a.std_error, a.p_value) == (b.estimate, b.std_error, b.p_value)
            if a.is_test or a.conf_low is None or a.conf_low == a.conf_high:
                continue
            assert b.conf_level == 0.8
            assert a.conf_low < b.conf_low <= b.conf_high < a.conf_high, a

    def test_conf_type_and_convention(self, x: ModuleType) -> None:
        t, e, _ = trial(7)
        found = {kind: x.survival_at(t, e, times=[20], conf_type=kind).items[0] for kind in TYPES}
        assert len({one.conf_low for one in found.values()}) == len(TYPES)
        assert x.survival_at(t, e, times=[20]).items[0].conf_low == found["log"].conf_low
        assert x.survival_at(t, e, times=[20], convention=SAS).items[0].conf_low == found["log-log"].conf_low

    def test_method_says_the_choices(self) -> None:
        t, e, g = trial(7)
        for kind, word in zip(TYPES, ["untransformed", "log-tr", "log-log", "logit", "arcsine"], strict=True):
            assert word in str(survival.median_survival(t, e, conf_type=kind).method)
            assert word in str(survival.survival_at(t, e, times=[1], conf_type=kind).items[0].method)
        assert "15 days (as given)" in str(survival.rmst(t, e, tau=15).method)
        assert "exploratory" in str(survival.rmst_ratio(t, e, g, **ARMS).method)
        assert "summed over strata" in str(survival.logrank(t, e, g, strata=g).method)

    def test_every_result_is_listed_and_in_words(self) -> None:
        for data in (trial(8), trial(8, n=0), ([5, 5], [1, 1], ["A", "B"]), ([5, 5], [0, 0], ["A", "B"])):
            for one in every(survival, *data):
                assert analyses()[one.analysis].unit == one.unit
                assert str(one.method).endswith(".")
                assert one.reason is None or str(one.reason)
                missing = any(getattr(one, name) is None for name in one.stated())
                assert missing == (one.reason is not None), one


class TestMedianAtHalf:
    def test_flat_stretch_between_events(self, x: ModuleType) -> None:
        for convention in (R, SAS):
            assert x.median_survival([1, 2, 5, 9], [1, 1, 1, 1], convention=convention).estimate == 3.5

    def test_flat_to_the_last_censored_time(self, x: ModuleType) -> None:
        # quantile(survfit(Surv(c(1,1,2,3,3,4), c(0,0,1,0,1,0)) ~ 1), 0.5) is 3.5, 2 to NA; R 4.2.2, survival 3.5-3
        data = ([1, 1, 2, 3, 3, 4], [0, 0, 1, 0, 1, 0])
        got = x.median_survival(*data, convention=R)
        assert (got.estimate, got.conf_low, got.conf_high, got.status) == (3.5, 2, None, "ok")
        got = x.median_survival(*data, convention=SAS)
        assert (got.estimate, got.conf_low, got.status) == (None, 2, "not_estimable")

    def test_half_missed_by_rounding_is_half(self, x: ModuleType) -> None:
        # 8 patients leave 4: the product of 7/8, 6/7, 5/6 and 4/5 need not be 0.5 in floating point.
        t = [1, 2, 3, 4, 10, 11, 12, 13]
        assert x.median_survival(t, np.ones(8)).estimate == 7
        assert x.median_survival(t, [1, 1, 1, 1, 0, 0, 0, 0]).estimate == 8.5

    def test_limits_flat_at_half(self, x: ModuleType) -> None:
        # With a level that tends to 0 the limits are the curve, and follow its rule.
        got = x.median_survival([1, 2, 5, 9], [1, 1, 1, 1], conf_level=1e-12)
        assert (got.conf_low, got.conf_high) == (3.5, 3.5)

    def test_reason_tells_flat_from_not_reached(self) -> None:
        got = survival.median_survival([1, 2, 3, 4], [1, 1, 0, 0], convention=SAS)
        assert "stays at 50%" in str(got.reason)
        assert "stays above 50%" in str(survival.median_survival([1, 2, 3, 4], [1, 0, 0, 0]).reason)


class TestEdges:
    def test_no_patients(self, x: ModuleType) -> None:
        for one in every(x, [], [], []):
            assert one.status == "not_estimable"
            assert (one.n, one.events) == (0, 0)
        assert survival.kaplan_meier([], []).empty
        assert survival.at_risk([], [], times=[0, 5]).n_at_risk.tolist() == [0, 0]

    def test_one_patient(self, x: ModuleType) -> None:
        got = x.median_survival([5], [1])
        assert (got.estimate, got.conf_low, got.conf_high, got.status) == (5, None, None, "ok")
        assert x.median_survival([5], [0]).status == "not_estimable"
        assert x.follow_up([5], [0]).estimate == 5
        got = x.rmst([5], [1], tau=8)
        assert (got.estimate, got.std_error, got.conf_low) == (5, None, None)
        assert got.reason is not None
        assert x.logrank([5], [1], ["A"]).status == "not_estimable"
        assert x.rmst_difference([5], [1], ["A"], tau=4, **ARMS).status == "not_estimable"
        assert x.milestone_difference([5], [1], ["A"], times=[4], **ARMS).items[0].status == "not_estimable"
        one = x.survival_at([5], [1], times=[4, 5]).where(time=5)
        assert (one.estimate, one.conf_low, one.status) == (0, None, "ok")

    def test_one_patient_in_each_arm(self, x: ModuleType) -> None:
        data = ([5, 7], [1, 1], ["A", "B"])
        got = x.logrank(*data, **ARMS)
        # Half an event expected, a quarter of variance, and nothing to compare at 7.
        assert (got.test_statistic, got.df) == (pytest.approx(1), 1)
        got = x.rmst_difference(*data, tau=6, **ARMS)
        assert (got.estimate, got.std_error, got.status) == (-1, None, "ok")

    def test_all_censored(self, x: ModuleType) -> None:
        t, e, g = [3, 4, 5, 6], [0, 0, 0, 0], list("ABAB")
        assert x.median_survival(t, e).status == "not_estimable"
        assert x.logrank(t, e, g).status == "not_estimable"
        one = x.survival_at(t, e, times=[4]).items[0]
        assert (one.estimate, one.conf_low, one.conf_high) == (1, 1, 1)
        one = x.survival_at(t, e, times=[4], conf_type="log-log").items[0]
        assert (one.estimate, one.conf_low, one.conf_high, one.status) == (1, None, None, "ok")
        got = x.rmst_difference(t, e, g, tau=5, **ARMS)
        assert (got.estimate, got.std_error, got.p_value, got.status) == (0, None, None, "ok")
        one = x.milestone_difference(t, e, g, times=[4], **ARMS).items[0]
        assert (one.estimate, one.std_error, one.p_value, one.status) == (0, None, None, "ok")

    def test_past_the_last_time(self, x: ModuleType) -> None:
        t, e = [2, 4, 6], [1, 1, 0]
        one = x.survival_at(t, e, times=[7]).items[0]
        assert (one.estimate, one.status) == (None, "not_estimable")
        assert x.survival_at(t, e, times=[6]).items[0].estimate == pytest.approx(1 / 3)
        carried = x.survival_at(t, e, times=[7], extend=True).items[0]
        assert numbers(carried) == numbers(x.survival_at(t, e, times=[6]).items[0])
        ended = x.survival_at(t, [1, 1, 1], times=[7]).items[0]
        assert (ended.estimate, ended.conf_low, ended.status) == (0, None, "ok")

    def test_carrying_forward_is_said_only_where_it_is_done(self) -> None:
        got = survival.survival_at([2, 4, 6], [1, 1, 0], times=[5, 7], extend=True)
        assert "carried forward from the last observed time, 6 days" in str(got.where(time=7).method)
        assert "carried" not in str(got.where(time=5).method)
        assert "6 days" in str(survival.survival_at([2, 4, 6], [1, 1, 0], times=[7]).items[0].reason)

    def test_milestone_needs_both_arms(self, x: ModuleType) -> None:
        t, e, g = [2, 4, 6, 2, 4, 5], [1, 1, 0, 1, 1, 1], list("AAABBB")
        got = x.milestone_difference(t, e, g, times=[3, 5, 7], **ARMS)
        assert got.where(time=3).status == "ok"
        at_zero = got.where(time=5)
        assert at_zero.estimate == pytest.approx(1 / 3)
        assert (at_zero.std_error, at_zero.conf_low, at_zero.p_value) == (None, None, None)
        assert got.where(time=7).status == "not_estimable"

    def test_tau_past_follow_up_names_the_largest(self) -> None:
        t, e, g = [2, 4, 6, 2, 4, 9], [1, 1, 0, 1, 1, 0], list("AAABBB")
        for compare in (survival.rmst_difference, survival.rmst_ratio):
            got = compare(t, e, g, tau=8, **ARMS)
            assert got.status == "not_estimable"
            assert "largest usable tau is 6 days" in str(got.reason)
            assert compare(t, e, g, **ARMS).groups["time"] == 6
        # An arm whose curve is 0 sets no limit: the other arm's 9 does.
        assert survival.rmst_difference(t, [1, 1, 1, 1, 1, 0], g, tau=8, **ARMS).status == "ok"
        got = survival.rmst_difference(t, [1, 1, 1, 1, 1, 0], g, tau=12, **ARMS)
        assert "largest usable tau is 9 days" in str(got.reason)

    def test_last_patient_an_event(self, x: ModuleType) -> None:
        got = x.rmst([2, 4, 6], [1, 0, 1], tau=100)
        assert got.estimate == pytest.approx(2 + 4 * 2 / 3)
        assert got.status == "ok"
        # One event and one censored patient at the last time: the curve stays above 0.
        assert x.rmst([2, 6, 6], [1, 0, 1], tau=7).status == "not_estimable"

    def test_everything_at_time_zero(self, x: ModuleType) -> None:
        t, e, g = [0, 0, 0, 0], [1, 1, 0, 0], list("AABB")
        assert x.rmst(t, e).status == "not_estimable"
        assert x.rmst_ratio(t, e, g, **ARMS).status == "not_estimable"
        assert x.median_survival(t, e).estimate == 0
        assert x.survival_at(t, e, times=[0]).items[0].estimate == 0.5
        # The treated all have the event at 0: their mean is 0, the reference is not followed beyond 0.
        assert x.rmst_ratio([0, 0, 3, 4], [1, 1, 1, 0], g, tau=3, **ARMS).status == "not_estimable"

    def test_curve_starts_at_zero_once(self) -> None:
        got = survival.kaplan_meier([0, 0, 3], [1, 0, 1])
        assert got.time.tolist() == [0, 3]
        assert got.n_at_risk.tolist() == [3, 1]
        assert got.survival.tolist() == pytest.approx([2 / 3, 0])

    def test_an_empty_arm(self, x: ModuleType) -> None:
        t, e, g = [2, 4, 6], [1, 1, 0], list("AAA")
        results = [x.rmst_difference(t, e, g, **ARMS), x.rmst_ratio(t, e, g, tau=5, **ARMS), x.logrank(t, e, g, **ARMS)]
        results += x.milestone_difference(t, e, g, times=[3], **ARMS).items
        for got in results:
            assert got.status == "not_estimable"
            assert (got.n, got.events) == (3, 2)
            assert got.groups["reference"] == "B"

    def test_follow_up_ties_as_reverse_survfit(self, x: ModuleType) -> None:
        # quantile(survfit(Surv(c(2,2,2,3), 1 - c(1,1,0,1)) ~ 1), 0.5) is NA, R 4.2.2, survival 3.5-3: four are at risk
        # at 2. Were the events taken out first, two would be, and the curve would be at 0.5.
        got = x.follow_up([2, 2, 2, 3], [1, 1, 0, 1])
        assert (got.estimate, got.status, got.events) == (None, "not_estimable", 3)
        assert x.follow_up([2, 2, 2, 3, 4], [1, 1, 0, 1, 0]).estimate == 4

    def test_floating_point_ties(self, x: ModuleType) -> None:
        untied, tied = [0.1 + 0.2, 0.3, 0.5, 0.7], [0.3, 0.3, 0.5, 0.7]
        assert untied[0] != untied[1]
        for a, b in zip(
            every(x, untied, [1, 0, 1, 0], list("ABAB")), every(x, tied, [1, 0, 1, 0], list("ABAB")), strict=True
        ):
            np.testing.assert_allclose(numbers(a), numbers(b), rtol=1e-12)
        assert x.survival_at([0.3, 0.5], [1, 1], times=[0.1 + 0.2]).items[0].estimate == 0.5
        assert x.survival_at([0.1 + 0.2, 0.5], [1, 1], times=[0.3]).items[0].estimate == 0.5

    def test_floating_point_ties_in_frames(self) -> None:
        untied = [0.1 + 0.2, 0.3, 0.5]
        assert survival.kaplan_meier(untied, [1, 0, 1]).n_at_risk.tolist() == [3, 3, 1]
        got = survival.at_risk(untied, [1, 0, 1], times=[0.3, 0.1 + 0.2])
        assert got[["n_at_risk", "n_events", "n_censored"]].to_numpy().tolist() == [[3, 1, 1], [3, 1, 1]]

    def test_a_huge_time_ties_nothing_else(self, x: ModuleType) -> None:
        assert x.median_survival([1, 2, 3, 1e15], [1, 1, 1, 1]).estimate == 2.5


class TestLogrankEdges:
    def test_uninformative_strata_change_nothing(self, x: ModuleType) -> None:
        t, e, g = trial(9)
        plain = x.logrank(t, e, g).test_statistic
        strata = np.zeros(60)
        for more_t, more_e, more_g in (
            ([7], [1], ["A"]),
            ([3, 5, 9], [1, 1, 1], ["B"] * 3),
            ([3, 3], [0, 0], ["A", "B"]),
        ):
            data = [np.append(old, new) for old, new in ((t, more_t), (e, more_e), (g, more_g))]
            got = x.logrank(*data, strata=np.append(strata, np.ones(len(more_t))))
            assert got.test_statistic == pytest.approx(plain)
            assert got.n == 60 + len(more_t)

    def test_strata_that_nobody_of_the_two_arms_is_in_change_nothing(self, x: ModuleType) -> None:
        t, e, g = trial(9, arms="ABC")
        strata = np.where(g == "C", "elsewhere", np.where(np.arange(60) % 2, "odd", "even"))
        unused = pd.Series(pd.Categorical(strata, categories=["even", "odd", "elsewhere", "nowhere"]))
        two = g != "C"
        expected = x.logrank(t[two], e[two], g[two], strata=strata[two])
        for given in (strata, unused, pd.DataFrame({"place": unused})):
            got = x.logrank(t, e, g, strata=given, **ARMS)
            assert (got.test_statistic, got.n) == (pytest.approx(expected.test_statistic), two.sum())

    def test_labels_of_any_kind(self, x: ModuleType) -> None:
        t, e, g = trial(14)
        expected = x.logrank(t, e, g, **ARMS).test_statistic
        frame = pd.DataFrame({"t": t, "e": e, "g": g}, index=np.arange(60) + 7)
        for labels in (list(g), g.astype(object), frame.g, frame.g.astype("category"), frame.g.astype("string")):
            assert x.logrank(frame.t, frame.e, labels, **ARMS).test_statistic == pytest.approx(expected)
            assert x.logrank(t, e, labels).test_statistic == pytest.approx(expected)
        number = {"treatment": 1, "reference": 0}
        for labels in ((g == "A").astype(int), (g == "A").astype(float), g == "A"):
            assert x.logrank(t, e, labels, **number).test_statistic == pytest.approx(expected)
            assert x.logrank(t.astype(int), e == 1, labels).test_statistic == pytest.approx(expected)
        assert x.logrank(t, e, g, treatment=1, reference=0).status == "not_estimable"

    def test_strata_that_hold_one_arm_each_compare_nothing(self, x: ModuleType) -> None:
        t, e, _ = trial(10)
        g = np.array(["A", "B"] * 30)
        got = x.logrank(t, e, g, strata=g)
        assert (got.status, got.test_statistic, got.p_value) == ("not_estimable", None, None)

    def test_everybody_dies_at_once(self, x: ModuleType) -> None:
        got = x.logrank([4, 4, 4, 4], [1, 1, 1, 1], list("AABB"))
        assert got.status == "not_estimable"

    def test_an_arm_gone_before_the_first_event_adds_no_degree_of_freedom(self, x: ModuleType) -> None:
        t, e, g = trial(11)
        t = t + 1
        more = x.logrank(np.append(t, [0.5, 0.2]), np.append(e, [0, 0]), np.append(g, ["C", "C"]))
        assert (more.df, more.test_statistic) == (1, pytest.approx(x.logrank(t, e, g).test_statistic))

    def test_unconnected_pairs_of_arms_add(self, x: ModuleType) -> None:
        # Arms A and B meet in one stratum only, C and D in the other: V has rank 2, and R's survdiff stops.
        (t, e, g), (t2, e2, g2) = trial(12), trial(13, arms="CD")
        both = [np.append(a, b) for a, b in ((t, t2), (e, e2), (g, g2))]
        got = x.logrank(*both, strata=np.repeat([1, 2], 60))
        expected = x.logrank(t, e, g).test_statistic + x.logrank(t2, e2, g2).test_statistic
        assert (got.df, got.test_statistic) == (2, pytest.approx(expected))

    def test_p_value_of_a_large_statistic_is_not_zero(self, x: ModuleType) -> None:
        # 1 - pchisq() is 0 from a chi-square of about 70 on.
        t = np.append(np.arange(1, 201), np.arange(1001, 1201))
        got = x.logrank(t, np.ones(400), np.repeat(["A", "B"], 200))
        assert got.test_statistic > 300
        assert 0 < got.p_value < 1e-60
        t = np.append(np.arange(1, 1501), np.arange(10001, 11501))
        got = x.logrank(t, np.ones(3000), np.repeat(["A", "B"], 1500))
        assert got.test_statistic > 1500
        assert got.p_value > 0


class TestRefusals:
    @pytest.mark.parametrize(
        ("time", "event", "match"),
        [
            ([1, -2], [1, 0], "a negative time in row 2"),
            ([1, np.nan, np.inf], [1, 0, 1], "missing or infinite time in row 2 and 1 more"),
            ([1, 2], [1, 2], "expected 0 \\(censored\\) or 1 \\(event\\); found another value in row 2"),
            ([1, 2], [1, np.nan], "event cannot be used"),
            ([1, 2], [1], "differ in length"),
            (["1", "2"], [1, 0], "time does not hold numbers"),
            ([1, 2], ["Y", "N"], "event does not hold numbers"),
            ([[1, 2]], [1, 0], "not one-dimensional"),
            (pd.Series([1, None], dtype="Int64"), [1, 0], "missing or infinite time in row 2"),
        ],
    )
    def test_data(self, time: Any, event: Any, match: str) -> None:
        group = ["A", "B"]
        for call in (
            lambda: survival.kaplan_meier(time, event),
            lambda: survival.at_risk(time, event, times=[1]),
            lambda: survival.median_survival(time, event),
            lambda: survival.survival_at(time, event, times=[1]),
            lambda: survival.follow_up(time, event),
            lambda: survival.rmst(time, event),
            lambda: survival.logrank(time, event, group),
            lambda: survival.rmst_difference(time, event, group, **ARMS),
            lambda: survival.rmst_ratio(time, event, group, **ARMS),
            lambda: survival.milestone_difference(time, event, group, times=[1], **ARMS),
        ):
            with pytest.raises(InvalidInput, match=match):
                call()

    @pytest.mark.parametrize("event", [[True, False], np.array([1.0, 0.0]), pd.Series([1, 0], dtype="Int64")])
    def test_event_may_be_flags_or_numbers(self, event: Any) -> None:
        assert survival.median_survival([1, 2], event).events == 1

    @pytest.mark.parametrize("conf_level", [0, 1, 95, -0.1, float("nan"), "0.95", True])
    def test_conf_level(self, conf_level: Any) -> None:
        for call in (survival.kaplan_meier, survival.median_survival, survival.follow_up, survival.rmst):
            with pytest.raises(InvalidInput, match="conf_level is not a confidence level"):
                call([1], [1], conf_level=conf_level)

    def test_conf_type(self) -> None:
        for call in (survival.kaplan_meier, survival.median_survival, survival.follow_up):
            with pytest.raises(InvalidInput, match="unknown conf_type; expected plain or log or log-log"):
                call([1], [1], conf_type="loglog")

    @pytest.mark.parametrize("tau", [-1, 0, float("nan"), float("inf"), "10", True])
    def test_tau(self, tau: Any) -> None:
        with pytest.raises(InvalidInput, match="tau is not a time horizon; expected a number of days above 0"):
            survival.rmst([1, 2], [1, 0], tau=tau)
        for compare in (survival.rmst_difference, survival.rmst_ratio):
            with pytest.raises(InvalidInput, match="tau is not a time horizon"):
                compare([1, 2], [1, 0], ["A", "B"], tau=tau, **ARMS)

    @pytest.mark.parametrize(
        ("times", "match"),
        [([-1], "row 1"), ([1, np.nan], "row 2"), ([5, 5], "same time twice"), (["x"], "times does not hold numbers")],
    )
    def test_times(self, times: Any, match: str) -> None:
        with pytest.raises(InvalidInput, match=match):
            survival.survival_at([1, 2], [1, 0], times=times)
        with pytest.raises(InvalidInput, match=match):
            survival.at_risk([1, 2], [1, 0], times=times)

    def test_arms(self) -> None:
        t, e = [1, 2], [1, 0]
        for call in (survival.rmst_difference, survival.rmst_ratio, survival.logrank):
            with pytest.raises(InvalidInput, match="treatment and reference are the same arm"):
                call(t, e, ["A", "B"], treatment="A", reference="A")
            with pytest.raises(InvalidInput, match="group cannot be used.*missing label in row 2"):
                call(t, e, ["A", None], **ARMS)
            with pytest.raises(InvalidInput, match="group does not fit the data; expected 2 labels"):
                call(t, e, ["A"], **ARMS)
        with pytest.raises(InvalidInput, match="one of treatment and reference is missing"):
            survival.logrank(t, e, ["A", "B"], treatment="A")

    def test_strata(self) -> None:
        with pytest.raises(InvalidInput, match="strata cannot be used.*row 1"):
            survival.logrank([1, 2], [1, 0], ["A", "B"], strata=[None, "x"])
        with pytest.raises(InvalidInput, match="strata has no columns"):
            survival.logrank([1, 2], [1, 0], ["A", "B"], strata=pd.DataFrame(index=[0, 1]))
        with pytest.raises(InvalidInput, match="strata does not fit the data"):
            survival.logrank([1, 2], [1, 0], ["A", "B"], strata=["x"])
