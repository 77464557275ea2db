"""Competing risks: properties, edges, refusals, traps, and agreement with their independent twins."""

from __future__ import annotations

import warnings
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.conventions import SAS
from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import competing_risks as twin
from evidence_lib.results import STATISTICS, Estimate, Estimates, analyses
from evidence_lib.statistics import competing_risks, survival
from evidence_lib.statistics.cox import hazard_ratio

ARMS: dict[str, Any] = {"treatment": "A", "reference": "B"}
ALONE: dict[str, Any] = {"treatment": None, "reference": None}
TYPES: list[Any] = ["plain", "log", "log-log", "logit", "arcsine"]
TIED = ([1, 1, 1, 2, 2, 3, 3, 4, 5, 5], [1, 2, 0, 1, 1, 2, 0, 1, 2, 1])


@pytest.fixture(params=[competing_risks, twin], ids=["statistic", "twin"])
def x(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


class Trial:
    """Patients with whole days, many ties, three causes, arms, covariates, strata, censoring groups and clusters."""

    def __init__(self, seed: int, n: int = 60, arms: str = "AB", last: int = 40, causes: int = 3) -> None:
        rng = np.random.default_rng(seed)
        self.time = rng.integers(0, last, n).astype(float)
        self.cause = rng.choice(causes + 1, n, p=np.array([0.25, *[0.75 / causes] * causes]))
        self.group = rng.choice(list(arms), n)
        self.covariates = pd.DataFrame({"x": rng.normal(size=n).round(1), "k": rng.choice(list("uvw"), n)})
        self.strata, self.centre = rng.integers(0, 3, n), rng.integers(0, 2, n)
        self.cluster = rng.integers(0, max(n // 2, 1), n)

    def reordered(self, order: np.ndarray) -> Trial:
        """The same patients in another order, or some of them."""
        other = object.__new__(Trial)
        for name, values in vars(self).items():
            kept = values.iloc[order].reset_index(drop=True) if isinstance(values, pd.DataFrame) else values[order]
            setattr(other, name, kept)
        return other


def items(found: Any) -> list[Estimate]:
    return list(found.items) if isinstance(found, Estimates) else [found]


def every(x: ModuleType, d: Trial, **level: Any) -> list[Estimate]:
    """All estimates of one data set."""
    data, interest = (d.time, d.cause, d.group), {"event_of_interest": 1}
    found: list[Any] = [
        x.cumulative_incidence(d.time, d.cause, times=[0, 3, 20, 300], **level),
        x.cumulative_incidence(d.time, d.cause, times=[3, 300], extend=True, variance="greenwood", **level),
        x.cumulative_incidence_difference(*data, times=[0, 3, 20, 300], **interest, **ARMS, **level),
        x.gray_test(*data, **interest),
        x.gray_test(*data, strata=d.strata, rho=1, **interest, **ARMS),
        x.fine_gray(*data, **interest, **ARMS, **level),
        x.fine_gray(*data, strata=d.strata, censoring_groups=d.centre, **interest, **ARMS, **level),
        x.fine_gray(*data, covariates=d.covariates, cluster=d.cluster, **interest, **ARMS, **level),
        x.cause_specific(*data, **ARMS, **level),
        x.cause_specific(*data, covariates=d.covariates[["x"]], **ARMS, **level),
        x.cause_specific(*data, strata=d.strata, **ARMS, **level),
    ]
    return [one for result in found for one in items(result)]


def numbers(estimate: Estimate) -> list[float]:
    return [np.nan if getattr(estimate, name) is None else getattr(estimate, name) for name in STATISTICS]


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
                    assert abs(u - v) <= 1e-6 * max(abs(u), a.std_error or 0) + 1e-12, (a.analysis, name, u, v)

    @pytest.mark.parametrize("seed", range(24))
    def test_agree_on_random_trials(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        n = int(rng.choice([0, 1, 2, 3, 5, 9, 30, 70]))
        d = Trial(seed, n, arms="ABC" if seed % 3 == 0 else "AB", last=int(rng.choice([3, 12, 400])))
        d.time = d.time * rng.choice([1, 0.1])
        level = float(rng.choice([0.8, 0.95, 0.99]))
        self.agree(every(competing_risks, d, conf_level=level), every(twin, d, conf_level=level))

    @pytest.mark.parametrize("conf_type", TYPES)
    @pytest.mark.parametrize("variance", ["aalen", "greenwood"])
    def test_agree_on_every_interval(self, conf_type: Any, variance: Any) -> None:
        for seed in range(5):
            d = Trial(100 + seed, n=12 + seed, causes=2)
            choices: dict[str, Any] = {"conf_type": conf_type, "variance": variance, "times": [0, 1, 10, 39]}
            self.agree(
                items(competing_risks.cumulative_incidence(d.time, d.cause, **choices)),
                items(twin.cumulative_incidence(d.time, d.cause, **choices)),
            )

    def test_agree_on_text_causes_and_on_a_model_without_arms(self) -> None:
        d = Trial(7)
        cause = np.array(["0", "relapse", "death", "other"])[d.cause]
        choices: dict[str, Any] = {"event_of_interest": "death", "covariates": d.covariates, **ALONE}
        self.agree(
            items(competing_risks.fine_gray(d.time, cause, None, **choices)),
            items(twin.fine_gray(d.time, cause, None, **choices)),
        )
        named = np.where(d.cause == 0, "none", cause)
        found = [one.cumulative_incidence(d.time, named, times=[9], censored="none") for one in (competing_risks, twin)]
        self.agree(items(found[0]), items(found[1]))
        assert [one.groups["cause"] for one in found[0].items] == ["death", "other", "relapse"]

    def test_every_twin_names_its_source_and_tolerance(self) -> None:
        assert set(twin.SOURCE) == set(twin.TOLERANCE) == set(twin.__all__) - {"SOURCE", "TOLERANCE"}
        assert set(competing_risks.__all__) - set(twin.SOURCE) == {"cumulative_incidence_curve"}


class TestProperties:
    @pytest.mark.parametrize("seed", range(3))
    def test_order_of_patients_does_not_matter(self, x: ModuleType, seed: int) -> None:
        d = Trial(seed, arms="ABC")
        other = d.reordered(np.random.default_rng(seed).permutation(60))
        for a, b in zip(every(x, d), every(x, other), strict=True):
            np.testing.assert_allclose(numbers(a), numbers(b), rtol=1e-8, atol=1e-10)

    @pytest.mark.parametrize("factor", [1e-6, 7.0, 1e6])
    def test_rescaled_time(self, x: ModuleType, factor: float) -> None:
        d = Trial(3)
        for choices in ({"covariates": d.covariates}, {"strata": d.strata}):
            a, b = (
                x.fine_gray(t, d.cause, d.group, event_of_interest=1, **choices, **ARMS)
                for t in (d.time, d.time * factor)
            )
            for one, two in zip(items(a), items(b), strict=True):
                np.testing.assert_allclose(numbers(one), numbers(two), rtol=1e-9)
        a, b = (x.gray_test(t, d.cause, d.group, event_of_interest=2) for t in (d.time, d.time * factor))
        assert a.test_statistic == pytest.approx(b.test_statistic)

    def test_swapped_arms(self, x: ModuleType) -> None:
        d, swapped = Trial(4), {"treatment": "B", "reference": "A"}
        data = (d.time, d.cause, d.group)
        a, b = (
            x.cumulative_incidence_difference(*data, event_of_interest=1, times=[20], **arms).items[0]
            for arms in (ARMS, swapped)
        )
        assert (a.estimate, a.conf_low, a.conf_high) == pytest.approx((-b.estimate, -b.conf_high, -b.conf_low))
        assert a.p_value == pytest.approx(b.p_value)
        for call in (
            lambda arms: x.fine_gray(*data, event_of_interest=1, **arms).items[0],
            lambda arms: x.cause_specific(*data, **arms).items[1],
        ):
            a, b = call(ARMS), call(swapped)
            assert (a.estimate, a.conf_low, a.conf_high) == pytest.approx(
                (1 / b.estimate, 1 / b.conf_high, 1 / b.conf_low)
            )
        a, b = (x.gray_test(*data, event_of_interest=1, **arms) for arms in (ARMS, swapped))
        assert a.test_statistic == pytest.approx(b.test_statistic)

    def test_direction_is_treated_minus_reference(self, x: ModuleType) -> None:
        t, c, g = [10, 20, 30, 1, 2, 30], [1, 2, 0, 1, 1, 2], list("AAABBB")
        one = x.cumulative_incidence_difference(t, c, g, event_of_interest=1, times=[5], **ARMS).items[0]
        assert one.estimate == pytest.approx(-2 / 3)
        assert x.fine_gray(t, c, g, event_of_interest=1, **ARMS).items[0].estimate < 1
        assert x.cause_specific(t, c, g, **ARMS).where(cause=1).estimate < 1

    @pytest.mark.parametrize("seed", range(3))
    def test_without_other_causes_it_is_survival(self, x: ModuleType, seed: int) -> None:
        d = Trial(20 + seed, n=90, causes=1)
        for conf_type in ("plain", "arcsine"):
            # On these two scales the limits of a probability are those of its complement.
            times = {"times": [5, 20, 35], "conf_type": conf_type}
            found = x.cumulative_incidence(d.time, d.cause, variance="greenwood", **times)
            for one, other in zip(found.items, survival.survival_at(d.time, d.cause, **times).items, strict=True):
                expected = [1 - other.estimate, other.std_error, 1 - other.conf_high, 1 - other.conf_low]
                assert [one.estimate, one.std_error, one.conf_low, one.conf_high] == pytest.approx(expected)
        one = x.fine_gray(d.time, d.cause, d.group, event_of_interest=1, **ARMS).items[0]
        other = hazard_ratio(d.time, d.cause, d.group, ties="breslow", **ARMS)
        assert one.estimate == pytest.approx(other.estimate)
        # The sandwich variance is not the inverse information, but close to it.
        assert one.std_error == pytest.approx(other.std_error, rel=0.1)
        one = x.cause_specific(d.time, d.cause, d.group, **ARMS).items[0]
        assert one.estimate == pytest.approx(hazard_ratio(d.time, d.cause, d.group, **ARMS).estimate)

    def test_without_other_causes_gray_is_the_logrank_test(self, x: ModuleType) -> None:
        # The scores are equal; the variance is taken from the pooled incidence, and equal in large samples.
        rng = np.random.default_rng(1)
        time, end, group = rng.exponential(1, 3000), rng.exponential(2, 3000), rng.choice(list("ABC"), 3000)
        data = (np.minimum(time, end), (time <= end).astype(int), group)
        a, b = x.gray_test(*data, event_of_interest=1), survival.logrank(*data)
        assert (a.test_statistic, a.df) == (pytest.approx(b.test_statistic, abs=0.05), b.df)

    def test_all_causes_add_up_to_one_minus_survival(self, x: ModuleType) -> None:
        d = Trial(5)
        total = sum(one.estimate for one in x.cumulative_incidence(d.time, d.cause, times=[20]).items)
        alive = survival.survival_at(d.time, d.cause > 0, times=[20]).items[0].estimate
        assert total == pytest.approx(1 - alive)

    def test_it_is_below_one_minus_kaplan_meier_of_the_cause_alone(self, x: ModuleType) -> None:
        d = Trial(5)
        one = x.cumulative_incidence(d.time, d.cause, times=[20], event_of_interest=1).items[0]
        assert one.estimate < 1 - survival.survival_at(d.time, d.cause == 1, times=[20]).items[0].estimate - 0.02

    def test_without_censoring_it_is_a_share(self, x: ModuleType) -> None:
        d = Trial(6, n=50)
        cause = np.maximum(d.cause, 1)
        share = ((d.time <= 20) & (cause == 2)).mean()
        one = x.cumulative_incidence(d.time, cause, times=[20], event_of_interest=2, variance="greenwood").items[0]
        assert (one.estimate, one.std_error) == pytest.approx((share, np.sqrt(share * (1 - share) / 50)))

    def test_without_censoring_fine_gray_is_cox_with_the_others_kept_at_risk(self, x: ModuleType) -> None:
        d = Trial(8)
        cause = np.maximum(d.cause, 1)
        for_ever = np.where(cause == 1, d.time, 1e4)
        choices = {"covariates": d.covariates}
        a = x.fine_gray(d.time, cause, d.group, event_of_interest=1, **choices, **ARMS).items[0]
        b = hazard_ratio(for_ever, cause == 1, d.group, ties="breslow", **choices, **ARMS)
        assert a.estimate == pytest.approx(b.estimate)

    def test_one_stratum_is_no_stratum_and_frames_cross(self, x: ModuleType) -> None:
        d, same = Trial(9, n=90), np.zeros(90)
        data = (d.time, d.cause, d.group)
        frame = pd.DataFrame({"a": d.strata, "b": d.centre})
        for call in (
            lambda **by: x.gray_test(*data, event_of_interest=1, **by).test_statistic,
            lambda **by: x.fine_gray(*data, event_of_interest=1, **by, **ARMS).items[0].std_error,
            lambda **by: x.cause_specific(*data, **by, **ARMS).items[0].std_error,
        ):
            assert call(strata=same) == pytest.approx(call())
            assert call(strata=frame) == pytest.approx(call(strata=10 * d.strata + d.centre))
            assert call(strata=frame) != pytest.approx(call(strata=d.strata))

        def groups(by: Any) -> float:
            return x.fine_gray(*data, event_of_interest=1, censoring_groups=by, **ARMS).items[0].std_error

        assert groups(same) == pytest.approx(groups(None))
        assert groups(frame) == pytest.approx(groups(10 * d.strata + d.centre))
        assert groups(frame) != pytest.approx(groups(None), rel=1e-9)

    def test_floating_point_ties_are_ties(self, x: ModuleType) -> None:
        # 0.1 + 0.2 is not 0.3 in floating point.
        whole, tenths = np.array([1, 2, 3, 3, 3, 4, 5, 6]), np.array([0.1, 0.2, 0.1 + 0.2, 0.3, 0.3, 0.4, 0.5, 0.6])
        cause, group = [1, 0, 1, 2, 0, 1, 2, 1], list("ABABABAB")
        for call in (
            lambda t: x.gray_test(t, cause, group, event_of_interest=1),
            lambda t: x.fine_gray(t, cause, group, event_of_interest=1, **ARMS).items[0],
            lambda t: x.cause_specific(t, cause, group, **ARMS).items[0],
        ):
            np.testing.assert_allclose(numbers(call(whole)), numbers(call(tenths)), rtol=1e-12)
        a = x.cumulative_incidence(whole, cause, times=[3], event_of_interest=1).items[0]
        b = x.cumulative_incidence(tenths, cause, times=[0.3], event_of_interest=1).items[0]
        np.testing.assert_allclose(numbers(a), numbers(b))

    def test_arms_that_are_not_compared(self, x: ModuleType) -> None:
        d = Trial(10, n=90, arms="ABC")
        two = np.flatnonzero(d.group != "C")
        data, only = (d.time, d.cause, d.group), (d.time[two], d.cause[two], d.group[two])
        a, b = (x.gray_test(*part, event_of_interest=1, **ARMS) for part in (data, only))
        assert a.test_statistic == pytest.approx(b.test_statistic)
        assert x.gray_test(*data, event_of_interest=1).df == 2
        a, b = (
            x.cumulative_incidence_difference(*part, event_of_interest=1, times=[9], **ARMS).items[0]
            for part in (data, only)
        )
        np.testing.assert_allclose(numbers(a), numbers(b))
        # All arms enter one model, as an indicator each.
        dummies = pd.DataFrame({"A": (d.group == "A").astype(float), "C": (d.group == "C").astype(float)})
        a = x.fine_gray(*data, event_of_interest=1, **ARMS).items[0]
        b = x.fine_gray(d.time, d.cause, None, event_of_interest=1, covariates=dummies, **ALONE).items[0]
        assert (a.estimate, a.std_error) == pytest.approx((b.estimate, b.std_error))
        assert (a.n, b.n) == (two.size, 90)

    def test_units_of_covariates(self, x: ModuleType) -> None:
        d = Trial(11)
        covariates = d.covariates[["x"]]

        def log(frame: pd.DataFrame) -> tuple[float, float]:
            one = x.fine_gray(d.time, d.cause, None, event_of_interest=1, covariates=frame, **ALONE).items[0]
            return float(np.log(one.estimate)), one.std_error

        first = log(covariates)
        assert log(covariates * 1000 - 5000) == pytest.approx((first[0] / 1000, first[1] / 1000))

    def test_clusters_of_one_are_no_clusters_and_doubled_patients_one_cluster(self, x: ModuleType) -> None:
        d = Trial(12)

        def error(part: Trial, cluster: Any) -> float:
            data = (part.time, part.cause, part.group)
            return x.fine_gray(*data, event_of_interest=1, cluster=cluster, **ARMS).items[0].std_error

        alone = error(d, None)
        assert error(d, np.arange(60)) == pytest.approx(alone)
        twice = d.reordered(np.tile(np.arange(60), 2))
        assert error(twice, None) == pytest.approx(alone / np.sqrt(2), rel=1e-2)
        assert error(twice, np.tile(np.arange(60), 2)) == pytest.approx(alone, rel=1e-2)


class TestVarianceOfFineGray:
    """eta + psi is the derivative of the coefficients in the weight of each patient, also through G."""

    @staticmethod
    def coefficient(
        time: np.ndarray, kind: np.ndarray, z: np.ndarray, stratum: np.ndarray, group: np.ndarray, weight: np.ndarray
    ) -> float:
        """The maximum of the likelihood in which each patient counts ``weight`` times, in G too; one covariate."""
        ties = [(s, t) for s in np.unique(stratum) for t in np.unique(time[(kind == 1) & (stratum == s)])]
        when, at = np.array([t for _, t in ties]), np.array([s for s, _ in ties])
        share = ((time[:, None] >= when) & (stratum[:, None] == at)).astype(float)
        for g in np.unique(group):
            here = group == g
            moments = np.unique(time[here & (kind == 0)])
            drop = [
                1 - weight[here & (time == u) & (kind == 0)].sum() / weight[here & (time >= u)].sum() for u in moments
            ]
            left = np.concatenate([[1.0], np.cumprod(drop)])

            def before(t: Any, here: Any = here, moments: Any = moments, left: Any = left) -> Any:
                return np.where(t > time[here].max(), 0.0, left[np.searchsorted(moments, t)])

            for i in np.flatnonzero(here & (kind == 2)):
                later = (at == stratum[i]) & (when > time[i])
                share[i, later] = before(when[later]) / before(time[i])
        dead = (time[:, None] == when) & (kind[:, None] == 1) & (stratum[:, None] == at)
        d, beta = weight @ dead, 0.0
        for _ in range(30):
            load = (weight * np.exp(z * beta))[:, None] * share
            mean = z @ load / load.sum(axis=0)
            second = z**2 @ load / load.sum(axis=0) - mean**2
            step = ((weight * z) @ dead.sum(axis=1) - mean @ d) / (second @ d)
            beta += step
        return beta

    @pytest.mark.parametrize("by", [(), ("strata",), ("censoring_groups",), ("strata", "censoring_groups")])
    def test_it_is_the_derivative(self, by: tuple[str, ...]) -> None:
        rng = np.random.default_rng(5)
        n, step = 150, 1e-5
        z, half = rng.normal(size=n), rng.integers(0, 2, n)
        # The other cause depends on z: then the weights, and their variation, matter.
        event, other = rng.exponential(1, n), rng.exponential(np.exp(-1.5 * z))
        end = np.minimum(rng.exponential(np.where(half == 1, 0.7, 1.5)), 1.2)
        time = np.minimum(np.minimum(event, other), end)
        kind = np.where(time == end, 0, np.where(event < other, 1, 2))
        labels = {name: half if name in by else np.zeros(n, dtype=int) for name in ("strata", "censoring_groups")}
        one = competing_risks.fine_gray(
            time, kind, None, event_of_interest=1, covariates=pd.DataFrame({"z": z}), **labels, **ALONE
        ).items[0]
        influence = []
        for i in range(n):
            around = []
            for sign in (1, -1):
                weight = np.ones(n)
                weight[i] += sign * step
                around.append(self.coefficient(time, kind, z, *labels.values(), weight))
            influence.append((around[0] - around[1]) / (2 * step))
        # A jump of G is counted as dN / n here and as dN / (n - dN) in the derivative.
        assert one.std_error == pytest.approx(np.sqrt(np.sum(np.square(influence))), rel=1e-3)


class TestArguments:
    """Each argument changes the fields it should."""

    def test_conf_level_changes_the_limits_alone(self, x: ModuleType) -> None:
        d = Trial(13, n=150)
        for a, b in zip(every(x, d), every(x, d, conf_level=0.8), strict=True):
            assert (a.estimate, a.std_error, a.p_value) == (b.estimate, b.std_error, b.p_value)
            if not a.is_test and a.conf_low is not None:
                assert b.conf_level == 0.8
                assert a.conf_low < b.conf_low < a.estimate < b.conf_high < a.conf_high, a

    def test_limits_obey_the_level_and_come_in_order(self, x: ModuleType) -> None:
        # scikit-survival's total-risk limits ignore conf_level and come reversed; ours of every cause do not.
        d = Trial(14, n=120)
        widths = []
        for level in (0.5, 0.8, 0.95, 0.99):
            found = x.cumulative_incidence(d.time, d.cause > 0, times=[10], conf_level=level).items[0]
            assert found.conf_low < found.estimate < found.conf_high
            widths.append(found.conf_high - found.conf_low)
        assert np.all(np.diff(widths) > 0.01)

    def test_scale_variance_and_convention(self, x: ModuleType) -> None:
        d = Trial(15)

        def one(**choices: Any) -> Estimate:
            return x.cumulative_incidence(d.time, d.cause, times=[20], event_of_interest=1, **choices).items[0]

        assert len({one(conf_type=kind).conf_low for kind in TYPES}) == len(TYPES)
        assert one().conf_low == one(conf_type="log").conf_low
        assert one(convention=SAS).conf_low == one(conf_type="log-log").conf_low
        assert one(variance="greenwood").std_error != one().std_error
        assert one(variance="greenwood").estimate == one().estimate

    def test_event_of_interest_and_rho(self, x: ModuleType) -> None:
        d = Trial(16)
        data = (d.time, d.cause, d.group)
        assert len({x.gray_test(*data, event_of_interest=k).test_statistic for k in (1, 2, 3)}) == 3
        assert len({x.fine_gray(*data, event_of_interest=k, **ARMS).items[0].estimate for k in (1, 2, 3)}) == 3
        found = [x.gray_test(*data, event_of_interest=1, rho=rho) for rho in (0, 1, -1)]
        assert len({one.test_statistic for one in found}) == 3
        assert [one.groups.get("weight") for one in found] == [None, "rho=1", "rho=-1"]

    def test_method_says_the_choices(self) -> None:
        d = Trial(17, n=90, arms="ABCD")
        d.cause[(d.group == "D") & (d.cause == 1)] = 2
        data, first = (d.time, d.cause, d.group), {"event_of_interest": 1}
        one = competing_risks.cumulative_incidence(d.time, d.cause, times=[3], variance="greenwood").items[0]
        assert "Greenwood-type variance and log-transformed" in str(one.method)
        one = competing_risks.cumulative_incidence(d.time, d.cause, times=[3], convention=SAS).items[0]
        assert "Aalen variance and log-log-transformed" in str(one.method)
        assert "rho = 0.5" in str(competing_risks.gray_test(*data, rho=0.5, **first).method)
        assert "summed over strata" in str(competing_risks.gray_test(*data, strata=d.strata, **first).method)
        by = pd.DataFrame({"site": d.strata})
        text = str(
            competing_risks.fine_gray(
                *data, covariates=d.covariates, strata=by, censoring_groups=by, cluster=d.cluster, **first, **ARMS
            )
            .items[0]
            .method
        )
        for part in (
            "stratified by site",
            "adjusted for x and k",
            "estimate of censoring within site",
            "except D (no events of this cause)",
            "variation of these weights and take clusters as independent",
        ):
            assert part in text
        found = competing_risks.cause_specific(*data, ties="breslow", **ARMS)
        assert all("breslow" in str(one.method).lower() for one in found.items)

    def test_every_result_is_listed_and_in_words(self) -> None:
        silent = Trial(18)
        silent.cause[:] = 0
        for d in (Trial(18), Trial(18, n=0), Trial(18, n=1), silent):
            for one in every(competing_risks, d):
                assert analyses()[one.analysis].unit == one.unit
                assert str(one.method)
                missing = any(getattr(one, name) is None for name in one.stated())
                assert missing == (one.reason is not None), one
                assert one.reason is None or str(one.reason)

    def test_every_listed_analysis_occurs(self) -> None:
        found = {one.analysis for one in every(competing_risks, Trial(19, n=90))}
        prefixes = ("aalen_johansen.", "gray.", "fine_gray.", "cause_specific.")
        assert found == {name for name in analyses() if name.startswith(prefixes)}


class TestTraps:
    def test_lifelines_breaks_tied_causes_at_random_and_reseeds_numpy(self, x: ModuleType) -> None:
        from lifelines import AalenJohansenFitter

        exact = x.cumulative_incidence(*TIED, times=[5], event_of_interest=1).items[0].estimate
        assert exact == pytest.approx(0.6333333333, abs=1e-10)
        # The trap is that the library touches NumPy's global generator: it is put back as it was.
        state = np.random.get_state()  # noqa: NPY002
        curves, drawn = [], []
        try:
            for seed in (0, 1, 2, 3, 0):
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    fitter = AalenJohansenFitter(seed=seed).fit(*map(np.array, TIED), event_of_interest=1)
                curves.append(fitter)
                drawn.append(np.random.random())  # noqa: NPY002
        finally:
            np.random.set_state(state)  # noqa: NPY002
        assert drawn[0] == drawn[-1]
        ends = {round(float(curve.cumulative_density_.iloc[-1, 0]), 6) for curve in curves}
        assert len(ends) > 1
        assert any(abs(end - exact) > 0.005 for end in ends)

    def test_statsmodels_has_no_error_where_nobody_is_left(self, x: ModuleType) -> None:
        from statsmodels.duration.survfunc import CumIncidenceRight

        with np.errstate(all="ignore"), warnings.catch_warnings():
            warnings.simplefilter("ignore")
            library = CumIncidenceRight(*map(np.array, TIED))
        assert np.isnan(library.cinc_se[0][-1])
        one = x.cumulative_incidence(*TIED, times=[5], event_of_interest=1, variance="greenwood").items[0]
        assert one.std_error == pytest.approx(0.17213917975, abs=1e-10)


class TestEdges:
    def test_no_patients(self, x: ModuleType) -> None:
        for one in every(x, Trial(1, n=0)):
            assert one.status == "not_estimable"
            assert (one.n, one.events) == (0, 0)
        assert competing_risks.cumulative_incidence_curve([], []).empty

    def test_one_patient(self, x: ModuleType) -> None:
        one = x.cumulative_incidence([5], [1], times=[4, 5, 9]).items
        assert [e.estimate for e in one] == [0, 1, 1]
        # cuminc(5, 1) gives variance 1: with one at risk there is no correction for ties.
        assert [e.std_error for e in one] == [None, 1, 1]
        assert (one[1].conf_low, one[1].conf_high, one[1].status) == (pytest.approx(np.exp(-1.959963985)), 1, "ok")
        assert x.gray_test([5], [1], ["A"], event_of_interest=1).status == "not_estimable"
        assert x.fine_gray([5], [1], ["A"], event_of_interest=1, **ARMS).items[0].status == "not_estimable"

    def test_everyone_censored(self, x: ModuleType) -> None:
        t, c, g = [3, 4, 5, 6], [0, 0, 0, 0], list("ABAB")
        assert x.cumulative_incidence(t, c, times=[4]).items == ()
        one = x.cumulative_incidence(t, c, times=[4], event_of_interest="relapse").items[0]
        assert (one.estimate, one.conf_low, one.events, one.status) == (0, None, 0, "ok")
        one = x.cumulative_incidence_difference(t, c, g, event_of_interest=1, times=[4], **ARMS).items[0]
        assert (one.estimate, one.std_error, one.p_value, one.status) == (0, None, None, "ok")
        assert x.gray_test(t, c, g, event_of_interest=1).status == "not_estimable"
        assert x.fine_gray(t, c, g, event_of_interest=1, **ARMS).items[0].status == "not_estimable"
        assert x.cause_specific(t, c, g, **ARMS).items == ()
        assert competing_risks.cumulative_incidence_curve(t, c).empty

    def test_no_events_of_the_cause(self, x: ModuleType) -> None:
        d = Trial(2, causes=2)
        data = (d.time, d.cause, d.group)
        for found in (
            x.gray_test(*data, event_of_interest="none of these"),
            *x.fine_gray(*data, event_of_interest=9, covariates=d.covariates, **ARMS).items,
        ):
            assert (found.status, found.events) == ("not_estimable", 0)
        one = x.cumulative_incidence(d.time, d.cause, times=[9], event_of_interest=9).items[0]
        assert (one.estimate, one.std_error, one.status) == (0, None, "ok")

    def test_a_cause_that_is_absent_in_one_arm(self, x: ModuleType) -> None:
        t, c, g = [1, 2, 3, 4, 5, 6, 7, 8], [1, 2, 0, 1, 2, 2, 2, 2], list("ABABABAB")
        g[3], g[4] = "A", "B"
        one = x.fine_gray(t, c, g, event_of_interest=1, **ARMS).items[0]
        assert (one.status, one.estimate) == ("not_estimable", None)
        assert x.gray_test(t, c, g, event_of_interest=1).status == "ok"
        one = x.cumulative_incidence_difference(t, c, g, event_of_interest=1, times=[4], **ARMS).items[0]
        assert (one.status, one.estimate > 0) == ("ok", True)
        found = x.cause_specific(t, c, g, **ARMS)
        assert [one.status for one in found.items] == ["not_estimable", "ok"]
        reason = str(competing_risks.fine_gray(t, c, g, event_of_interest=1, **ARMS).items[0].reason)
        assert "no events of this cause in B" in reason

    def test_all_events_at_one_time(self, x: ModuleType) -> None:
        t, c, g = [5] * 8, [1, 2, 1, 2, 0, 1, 1, 2], list("AAAABBBB")
        one = x.cumulative_incidence(t, c, times=[5], event_of_interest=1).items[0]
        assert one.estimate == 0.5
        assert x.gray_test(t, c, g, event_of_interest=1).status == "ok"
        assert x.fine_gray(t, c, g, event_of_interest=1, **ARMS).items[0].status == "ok"

    def test_events_at_time_zero(self, x: ModuleType) -> None:
        t, c, g = [0, 0, 0, 0, 2, 2, 3, 4], [1, 2, 0, 1, 1, 2, 0, 1], list("ABABABAB")
        found = x.cumulative_incidence(t, c, times=[0, 2], event_of_interest=1).items
        assert [one.estimate for one in found] == pytest.approx([0.25, 0.25 + 0.625 / 4])
        assert x.gray_test(t, c, g, event_of_interest=1).status == "ok"
        first = competing_risks.cumulative_incidence_curve(t, c)
        assert first[first.cause == 1].time.tolist() == [0, 2, 3, 4]

    def test_past_the_last_time(self, x: ModuleType) -> None:
        t, c = [2, 4, 6], [1, 2, 0]
        one = x.cumulative_incidence(t, c, times=[7], event_of_interest=1).items[0]
        assert (one.estimate, one.status) == (None, "not_estimable")
        carried = x.cumulative_incidence(t, c, times=[7], event_of_interest=1, extend=True).items[0]
        assert numbers(carried) == numbers(x.cumulative_incidence(t, c, times=[6], event_of_interest=1).items[0])
        # Nobody is left: the curves are known for ever after.
        ended = x.cumulative_incidence(t, [1, 2, 2], times=[7]).items
        assert [one.estimate for one in ended] == pytest.approx([1 / 3, 2 / 3])
        found = competing_risks.cumulative_incidence(t, c, times=[5, 7], extend=True)
        assert "carried forward from the last observed time, 6 days" in str(found.where(time=7, cause=1).method)
        assert "carried" not in str(found.where(time=5, cause=1).method)

    def test_an_empty_arm_and_an_empty_stratum(self, x: ModuleType) -> None:
        t, c, g = [2, 4, 6, 8], [1, 2, 0, 1], list("AAAA")
        for found in (
            x.gray_test(t, c, g, event_of_interest=1, **ARMS),
            *x.fine_gray(t, c, g, event_of_interest=1, **ARMS).items,
            *x.cumulative_incidence_difference(t, c, g, event_of_interest=1, times=[3], **ARMS).items,
            *x.cause_specific(t, c, g, **ARMS).items,
        ):
            assert (found.status, found.estimate) == ("not_estimable", None)
        d = Trial(3, n=80)
        data = (d.time, d.cause, d.group)
        # A stratum of one arm, and one without events, add nothing to the test.
        strata = np.where(d.group == "A", 0, np.where(np.arange(80) < 40, 1, 2))
        assert x.gray_test(*data, event_of_interest=1, strata=strata).status == "not_estimable"
        more = (
            np.concatenate([d.time, [5, 6]]),
            np.concatenate([d.cause, [0, 0]]),
            np.concatenate([d.group, ["A", "B"]]),
        )
        a = x.gray_test(*data, event_of_interest=1, strata=np.zeros(80))
        b = x.gray_test(*more, event_of_interest=1, strata=np.concatenate([np.zeros(80), [1, 1]]))
        assert a.test_statistic == pytest.approx(b.test_statistic)

    def test_constant_collinear_and_separating_covariates(self, x: ModuleType) -> None:
        d = Trial(4)

        def status(covariates: pd.DataFrame) -> set[str]:
            found = x.fine_gray(d.time, d.cause, None, event_of_interest=1, covariates=covariates, **ALONE)
            return {one.status for one in found.items}

        assert status(pd.DataFrame({"x": np.ones(60)})) == {"not_estimable"}
        assert status(pd.DataFrame({"x": d.covariates.x, "y": 3 - 2 * d.covariates.x})) == {"not_estimable"}
        assert status(pd.DataFrame({"x": (d.cause == 1).astype(float)})) == {"not_estimable"}
        assert status(pd.DataFrame({"x": d.covariates.x})) == {"ok"}

    def test_the_reason_names_the_covariate(self) -> None:
        d = Trial(4)
        for column, words in (
            (np.ones(60), "flag is the same for all"),
            (2 * d.covariates.x, "flag is a combination"),
            ((d.cause == 1).astype(float), "separated by flag"),
        ):
            covariates = pd.DataFrame({"x": d.covariates.x, "flag": column})
            found = competing_risks.fine_gray(
                d.time, d.cause, None, event_of_interest=1, covariates=covariates, **ALONE
            )
            assert words in str(found.items[0].reason)

    def test_two_patients_of_two_arms(self, x: ModuleType) -> None:
        for cause in ([1, 1], [1, 2], [2, 1], [0, 1], [1, 0]):
            found = x.fine_gray([1, 2], cause, ["A", "B"], event_of_interest=1, **ARMS).items[0]
            assert found.status == "not_estimable"
            assert x.gray_test([1, 2], cause, ["A", "B"], event_of_interest=1).status in ("ok", "not_estimable")

    def test_a_patient_whose_value_does_not_count_may_have_any(self, x: ModuleType) -> None:
        # Censored before the first event: in no risk set, whatever the covariate.
        t, c = [0.5, 1, 2, 3, 4, 5, 6, 7], [0, 1, 2, 1, 0, 1, 2, 1]
        found = []
        for wild in (0.0, 1e300):
            covariates = pd.DataFrame({"x": [wild, 1, 2, 0, 1, 2, 1, 0]})
            found.append(x.fine_gray(t, c, None, event_of_interest=1, covariates=covariates, **ALONE).items[0])
        np.testing.assert_allclose(numbers(found[0]), numbers(found[1]))

    @pytest.mark.parametrize("unit", [1e-300, 1e150, 1e307])
    def test_covariates_in_extreme_units(self, unit: float) -> None:
        # A coefficient per such a unit is 0, or has no ratio: said, not made up.
        d = Trial(14)
        found = competing_risks.fine_gray(
            d.time, d.cause, d.group, event_of_interest=1, covariates=d.covariates[["x"]] / 4 * unit, **ARMS
        )
        plain = competing_risks.fine_gray(
            d.time, d.cause, d.group, event_of_interest=1, covariates=d.covariates[["x"]], **ARMS
        )
        assert found.items[0].estimate == pytest.approx(plain.items[0].estimate)
        assert found.items[1].status == ("not_estimable" if unit < 1 else "ok")
        assert unit < 1 or found.items[1].p_value == pytest.approx(plain.items[1].p_value)

    def test_labels_of_causes(self, x: ModuleType) -> None:
        expected = x.cumulative_incidence(*TIED, times=[3]).items
        for cause in (
            [str(c) for c in TIED[1]],
            [float(c) for c in TIED[1]],
            pd.Series(TIED[1], dtype="Int64"),
            pd.Categorical([str(c) for c in TIED[1]]),
            np.array(TIED[1], dtype=np.uint8),
        ):
            found = x.cumulative_incidence(TIED[0], cause, times=[3]).items
            assert [one.estimate for one in found] == [one.estimate for one in expected]
            assert [str(one.groups["cause"]) for one in found] == ["1", "2"]
        found = x.cumulative_incidence(TIED[0], [c == 1 for c in TIED[1]], times=[3]).items
        assert [one.groups["cause"] for one in found] == [1]


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"time": [1, 2]}, "cause does not fit"),
            ({"time": [1, -2, 3, 4]}, "negative time in row 2"),
            ({"time": [1, np.nan, 3, 4]}, "missing or infinite time in row 2"),
            ({"cause": [1, None, 0, 2]}, "missing label in row 2"),
            ({"cause": [1, pd.Timestamp("2020-01-01"), 0, 2]}, "label of another kind"),
            ({"cause": [1, np.inf, 0, 2]}, "label of another kind"),
            ({"censored": None}, "censored is not a label"),
            ({"event_of_interest": np.nan}, "label of another kind"),
            ({"times": [1, 1]}, "same time twice"),
            ({"times": [-1]}, "zero or more days"),
            ({"variance": "delta"}, "unknown variance"),
            ({"conf_type": "normal"}, "unknown conf_type"),
            ({"conf_level": 95}, "confidence level"),
            ({"event_of_interest": 0}, "label of censoring"),
            ({"event_of_interest": "0"}, "label of censoring"),
            ({"event_of_interest": [1]}, "label of another kind"),
        ],
    )
    def test_incidence(self, change: dict[str, Any], words: str) -> None:
        given = {"time": [1, 2, 3, 4], "cause": [1, 2, 0, 1], "times": [2], **change}
        with pytest.raises(InvalidInput, match=words):
            competing_risks.cumulative_incidence(given.pop("time"), given.pop("cause"), **given)

    @pytest.mark.parametrize(
        ("call", "words"),
        [
            (lambda f, d: f.gray_test(*d, event_of_interest=1, treatment="A"), "both, or neither"),
            (lambda f, d: f.gray_test(*d, event_of_interest=1, treatment="A", reference="A"), "same arm"),
            (lambda f, d: f.gray_test(*d, event_of_interest=1, rho=np.nan), "rho"),
            (lambda f, d: f.gray_test(*d, event_of_interest=1, rho=True), "rho"),
            (lambda f, d: f.gray_test(d[0], d[1], ["A"], event_of_interest=1), "group does not fit"),
            (lambda f, d: f.gray_test(*d, event_of_interest=None), "label of another kind"),
            (lambda f, d: f.gray_test(*d, event_of_interest=1, strata=[1, 2, None, 1]), "missing label"),
            (
                lambda f, d: f.cumulative_incidence_difference(
                    *d, event_of_interest=1, times=[1], treatment="A", reference="A"
                ),
                "same arm",
            ),
            (
                lambda f, d: f.cumulative_incidence_difference(*d, event_of_interest=0, times=[1], **ARMS),
                "label of censoring",
            ),
            (lambda f, d: f.fine_gray(*d, event_of_interest=1, treatment="A", reference="A"), "same arm"),
            (lambda f, d: f.fine_gray(*d, event_of_interest=1, treatment=None, reference="B"), "missing"),
            (lambda f, d: f.fine_gray(*d[:2], None, event_of_interest=1, **ARMS), "arms of a group"),
            (lambda f, d: f.fine_gray(*d[:2], None, event_of_interest=1, **ALONE), "neither arms nor covariates"),
            (
                lambda f, d: f.fine_gray(
                    *d, event_of_interest=1, covariates=pd.DataFrame({"x": [1, np.inf, 2, 3]}), **ARMS
                ),
                "infinite value in row 2",
            ),
            (
                lambda f, d: f.fine_gray(*d, event_of_interest=1, covariates=pd.DataFrame({"x": [1, 2]}), **ARMS),
                "covariates do not fit",
            ),
            (lambda f, d: f.fine_gray(*d, event_of_interest=1, censoring_groups=[1], **ARMS), "does not fit"),
            (lambda f, d: f.fine_gray(*d, event_of_interest=1, cluster=[1, 2, 3], **ARMS), "cluster does not fit"),
            (lambda f, d: f.cause_specific(*d, treatment="A", reference="A"), "same arm"),
            (lambda f, d: f.cause_specific(*d, ties="exactly", **ARMS), "ties"),
        ],
    )
    def test_comparisons(self, call: Any, words: str) -> None:
        with pytest.raises(InvalidInput, match=words):
            call(competing_risks, ([1, 2, 3, 4], [1, 2, 0, 1], list("ABAB")))
