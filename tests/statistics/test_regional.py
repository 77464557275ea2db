"""Regional statistics: properties, edges, refusals, simulation, and agreement with their independent twins."""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pytest

from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import regional as twin
from evidence_lib.results import STATISTICS, Estimate, Estimates, analyses
from evidence_lib.statistics import regional

EFFECTS = ([0.5, 0.3, 0.7], [0.15, 0.2, 0.3], ["EU", "US", "JP"])


@pytest.fixture(params=[regional, twin], ids=["statistic", "twin"])
def x(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


def items(found: Any) -> list[Estimate]:
    return list(found.items) if isinstance(found, Estimates) else [found]


def numbers(estimate: Estimate) -> list[float]:
    return [np.nan if getattr(estimate, name) is None else getattr(estimate, name) for name in STATISTICS]


def one_of(found: Estimates, analysis: str, region: str | None = None) -> Estimate:
    (one,) = (e for e in found.items if e.analysis == analysis and e.groups.get("region") == region)
    return one


class TestTwins:
    @staticmethod
    def agree(first: Any, second: Any) -> None:
        assert len(items(first)) == len(items(second))
        for a, b in zip(items(first), items(second), strict=True):
            for name in ("analysis", "groups", "unit", "status", "scale", "is_test", "conf_level"):
                assert getattr(a, name) == getattr(b, name), (a, name)
            for name in STATISTICS:
                u, v = getattr(a, name), getattr(b, name)
                assert (u is None) == (v is None), (a, b, name)
                if u is not None:
                    assert abs(u - v) <= 1e-6 * max(abs(u), a.std_error or 0) + 1e-12, (a.analysis, name, u, v)

    @pytest.mark.parametrize("seed", range(12))
    def test_agree_on_random_effects(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        k = int(rng.choice([1, 2, 3, 5, 9]))
        y, error = rng.normal(0.5, 0.4, k), rng.uniform(0.05, 0.6, k)
        names = [f"region {number}" for number in range(k)]
        if seed % 4 == 0:
            y[:] = 0.3
        for scale in ("identity", "log"):
            given = np.exp(y) if scale == "log" else y
            for method in ("dersimonian-laird", "paule-mandel", "reml"):
                calls = (
                    m.regional_effects(given, error, names, scale=scale, tau2_method=method) for m in (regional, twin)
                )
                self.agree(*calls)
            own = {"overall": float(given[0]), "overall_std_error": float(error.min()) * 0.7}
            for choices in ({}, {"weights": rng.uniform(1, 5, k)}, own):
                for interval in ("fieller", "delta"):
                    level = float(rng.choice([0.8, 0.95]))
                    calls = (
                        m.retention(given, error, names, scale=scale, interval=interval, conf_level=level, **choices)
                        for m in (regional, twin)
                    )
                    self.agree(*calls)

    @pytest.mark.parametrize("seed", range(6))
    def test_agree_on_random_plans(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        k = int(rng.choice([2, 3, 5, 8]))
        fractions = np.maximum(rng.dirichlet(np.full(k, 2.0)), 0.01)
        fractions /= fractions.sum()
        plan = (
            {"power": float(rng.uniform(0.5, 0.95))}
            if seed % 2
            else {"effect": float(rng.uniform(1, 4)), "std_error": 1.0}
        )
        plan |= {"alpha": float(rng.choice([0.025, 0.05, 0.005])), "retained": float(rng.choice([0, 0.3, 0.5, 0.8]))}
        names = [f"region {number}" for number in range(k)]
        for method in (1, 2):
            self.agree(*(m.consistency_probability(fractions, names, method=method, **plan) for m in (regional, twin)))
            wanted = {"probability": 0.6, "sense": ["unconditional", "joint", "conditional"][seed % 3], "n_regions": k}
            self.agree(*(m.smallest_fraction(method=method, **wanted, **plan) for m in (regional, twin)))

    def test_every_twin_names_its_source_and_tolerance(self) -> None:
        assert set(twin.SOURCE) == set(twin.TOLERANCE) == set(twin.__all__) - {"SOURCE", "TOLERANCE"}
        assert set(regional.__all__) == set(twin.SOURCE)


class TestConsistency:
    @pytest.mark.parametrize(
        ("fractions", "theta", "alpha", "retained"),
        [
            ([0.1, 0.45, 0.45], 2.8, 0.025, 0.5),
            ([0.2] * 5, 3.24, 0.025, 0.5),
            ([0.05] * 10 + [0.5], 4.0, 0.005, 0.7),
            ([0.9, 0.1], 1.0, 0.2, 0.0),
        ],
    )
    def test_as_simulated(
        self, x: ModuleType, fractions: list[float], theta: float, alpha: float, retained: float
    ) -> None:
        draws = 200_000
        f = np.array(fractions)
        effects = np.random.default_rng(7).normal(theta, 1 / np.sqrt(f), (draws, f.size))
        whole = effects @ f
        significant = whole > one_sided(alpha)
        names = [str(number) for number in range(f.size)]
        plan: dict[str, Any] = {"effect": theta, "std_error": 1.0, "alpha": alpha, "retained": retained}
        for method, region in ((1, "0"), (2, None)):
            met = effects[:, 0] >= retained * whole if method == 1 else (effects > 0).all(axis=1)
            found = x.consistency_probability(fractions, names, method=method, **plan)
            for sense, hits in (
                ("unconditional", met),
                ("joint", met & significant),
                ("conditional", met[significant]),
            ):
                exact = one_of(found, f"consistency.method_{method}.{sense}", region).estimate
                error = np.sqrt(exact * (1 - exact) / hits.size)
                assert abs(hits.mean() - exact) <= 4 * error + 1e-6, (method, sense)

    def test_the_three_senses_belong_together(self, x: ModuleType) -> None:
        for method in (1, 2):
            plain, joint, given = (
                one.estimate
                for one in x.consistency_probability([0.3, 0.7], ["a", "b"], method=method, power=0.8).items[:3]
            )
            assert given == pytest.approx(joint / 0.8)
            assert joint < plain < given

    def test_power_is_effect_over_its_error(self, x: ModuleType) -> None:
        theta = one_sided(0.025) + one_sided(0.1)
        a = x.consistency_probability([0.3, 0.7], ["a", "b"], method=1, power=0.9)
        b = x.consistency_probability([0.3, 0.7], ["a", "b"], method=1, effect=theta * 0.2, std_error=0.2)
        np.testing.assert_allclose([e.estimate for e in a.items], [e.estimate for e in b.items], rtol=1e-9)

    def test_order_of_regions_does_not_matter(self, x: ModuleType) -> None:
        a = x.consistency_probability([0.2, 0.3, 0.5], ["a", "b", "c"], method=1, power=0.8)
        b = x.consistency_probability([0.5, 0.2, 0.3], ["c", "a", "b"], method=1, power=0.8)
        for region in "abc":
            name = "consistency.method_1.joint"
            assert one_of(a, name, region).estimate == pytest.approx(one_of(b, name, region).estimate)
        a, b = (
            x.consistency_probability(f, ["a", "b", "c"], method=2, power=0.8)
            for f in ([0.2, 0.3, 0.5], [0.5, 0.2, 0.3])
        )
        np.testing.assert_allclose([e.estimate for e in a.items], [e.estimate for e in b.items], rtol=1e-9)

    def test_every_argument_changes_the_probability(self, x: ModuleType) -> None:
        base: dict[str, Any] = {"method": 1, "power": 0.8, "alpha": 0.025, "retained": 0.5}

        def joint(**change: Any) -> float:
            return x.consistency_probability([0.3, 0.7], ["a", "b"], **{**base, **change}).items[1].estimate

        for change in ({"method": 2}, {"power": 0.9}, {"alpha": 0.05}, {"retained": 0.3}):
            assert abs(joint(**change) - joint()) > 1e-3

    @pytest.mark.parametrize("sense", ["unconditional", "joint", "conditional"])
    @pytest.mark.parametrize("method", [1, 2])
    def test_the_smallest_fraction_gives_the_probability(self, x: ModuleType, method: Any, sense: Any) -> None:
        plan: dict[str, Any] = {"method": method, "power": 0.9, "alpha": 0.05, "retained": 0.4}
        f = x.smallest_fraction(probability=0.7, sense=sense, n_regions=3, **plan).estimate
        for fraction, above in ((f, None), (f * 1.01, True), (f * 0.99, False)):
            shares = [fraction, *[(1 - fraction) / 2] * 2]
            found = x.consistency_probability(shares, ["a", "b", "c"], **plan)
            region = "a" if method == 1 else None
            reached = one_of(found, f"consistency.method_{method}.{sense}", region).estimate
            assert reached == pytest.approx(0.7, abs=1e-8) if above is None else (reached > 0.7) == above

    def test_the_closed_form(self, x: ModuleType) -> None:
        theta, wanted = one_sided(0.025) + one_sided(0.1), one_sided(0.15)
        f = x.smallest_fraction(method=1, probability=0.85, power=0.9, retained=0.3).estimate
        assert f == pytest.approx(1 / ((0.7 * theta / wanted) ** 2 + 2 * 0.3 - 0.09))

    def test_out_of_reach(self, x: ModuleType) -> None:
        for change in (
            {"probability": 0.85, "sense": "joint"},  # above the power
            {"probability": 0.8, "sense": "joint"},  # only the whole trial itself
            {"probability": 0.4},  # a tossed coin does that
            {"method": 2, "n_regions": 10, "probability": 0.9},
        ):
            found = x.smallest_fraction(**{"method": 1, "power": 0.8, **change})
            assert (found.status, found.estimate) == ("not_estimable", None)
        reason = str(regional.smallest_fraction(method=1, power=0.8, probability=0.85, sense="joint").reason)
        assert "the largest that can be reached is 0.800" in reason

    def test_extreme_plans(self) -> None:
        for fractions in ([1e-6, 1 - 1e-6], [0.5, 0.5], [0.02] * 50):
            names = [str(number) for number in range(len(fractions))]
            for theta in (0.01, 40.0):
                for method in (1, 2):
                    pair = [
                        module.consistency_probability(fractions, names, method=method, effect=theta, std_error=1.0)
                        for module in (regional, twin)
                    ]
                    TestTwins.agree(*pair)
                    assert all(0 <= one.estimate <= 1 for found in pair for one in found.items)


class TestRetention:
    def test_the_whole_trial_keeps_its_effect(self, x: ModuleType) -> None:
        # Regions with one effect keep all of it; the shares average 1 with the weights of the whole.
        found = x.retention([0.4, 0.4, 0.4], *EFFECTS[1:])
        assert [one.estimate for one in found.items] == pytest.approx([1, 1, 1])
        weights = np.array([3, 2, 1])
        found = x.retention(*EFFECTS, weights=weights)
        assert np.average([one.estimate for one in found.items], weights=weights) == pytest.approx(1)

    def test_only_the_proportions_of_weights_matter(self, x: ModuleType) -> None:
        a, b = (x.retention(*EFFECTS, weights=np.array([3, 2, 1]) * factor).items[0] for factor in (1, 1e6))
        np.testing.assert_allclose(numbers(a), numbers(b))
        inverse = x.retention(*EFFECTS, weights=1 / np.square(EFFECTS[1])).items[0]
        np.testing.assert_allclose(numbers(x.retention(*EFFECTS).items[0]), numbers(inverse))
        assert a.estimate != pytest.approx(inverse.estimate)

    def test_unit_and_direction_do_not_matter(self, x: ModuleType) -> None:
        y, error, names = (np.array(EFFECTS[0]), np.array(EFFECTS[1]), EFFECTS[2])
        for interval in ("fieller", "delta"):
            a = x.retention(y, error, names, interval=interval)
            for other in (
                x.retention(-y, error, names, interval=interval),
                x.retention(y * 1000, error * 1000, names, interval=interval),
                x.retention(np.exp(y), error, names, scale="log", interval=interval),
                x.retention(np.exp(-y), error, names, scale="log", interval=interval),
            ):
                for one, two in zip(a.items, other.items, strict=True):
                    np.testing.assert_allclose(numbers(one), numbers(two), rtol=1e-8)

    def test_the_region_is_part_of_the_whole(self, x: ModuleType) -> None:
        # As if it were not, the delta standard error would leave out the covariance.
        y, error, names = EFFECTS
        one = x.retention(y, error, names, interval="delta").items[0]
        weight = 1 / np.square(error)
        whole, variance = weight @ y / weight.sum(), 1 / weight.sum()
        apart = np.sqrt(error[0] ** 2 + one.estimate**2 * variance) / whole
        assert one.std_error == pytest.approx(np.sqrt(apart**2 - 2 * one.estimate * variance / whole**2))
        assert one.std_error < apart

    def test_as_simulated(self, x: ModuleType) -> None:
        rng = np.random.default_rng(3)
        true, error = np.array([0.5, 0.4, 0.6]), np.array([0.05, 0.06, 0.08])
        weight = np.array([0.5, 0.3, 0.2])
        drawn = rng.normal(true, error, (100_000, 3))
        shares = drawn[:, 2] / (drawn @ weight)
        one = x.retention(true, error, ["a", "b", "c"], weights=weight, interval="delta").items[2]
        assert one.std_error == pytest.approx(shares.std(), rel=0.03)

    def test_an_overall_effect_of_its_own(self, x: ModuleType) -> None:
        y, error, names = EFFECTS
        weight = 1 / np.square(error)
        whole, own = float(weight @ y / weight.sum()), float(weight.sum() ** -0.5)
        for one, two in zip(
            x.retention(*EFFECTS).items,
            x.retention(y, error, names, overall=whole, overall_std_error=own).items,
            strict=True,
        ):
            np.testing.assert_allclose(numbers(one), numbers(two), rtol=1e-8)
        # One region is enough then, and on the log scale the whole is a ratio.
        one = x.retention(
            [np.exp(0.5)], [0.15], ["EU"], scale="log", overall=np.exp(whole), overall_std_error=own
        ).items[0]
        np.testing.assert_allclose(numbers(one), numbers(x.retention(*EFFECTS).items[0]), rtol=1e-8)

    def test_interval_and_level(self, x: ModuleType) -> None:
        kinds = {kind: x.retention(*EFFECTS, interval=kind).items[2] for kind in ("fieller", "delta")}
        assert kinds["fieller"].estimate == kinds["delta"].estimate
        assert kinds["fieller"].conf_high > kinds["delta"].conf_high
        for kind, one in kinds.items():
            narrow = x.retention(*EFFECTS, interval=kind, conf_level=0.8).items[2]
            assert one.conf_low < narrow.conf_low < narrow.conf_high < one.conf_high
            assert narrow.conf_level == 0.8
        assert "Fieller" in str(regional.retention(*EFFECTS).items[0].method)
        assert "delta-method" in str(regional.retention(*EFFECTS, interval="delta").items[0].method)

    def test_an_overall_effect_that_may_be_none(self, x: ModuleType) -> None:
        one = x.retention([0.1, 0.05], [0.2, 0.2], ["a", "b"]).items[0]
        assert one.estimate == pytest.approx(4 / 3)
        assert (one.conf_low, one.conf_high, one.status) == (None, None, "ok")
        assert one.std_error is not None
        assert x.retention([0.1, 0.05], [0.2, 0.2], ["a", "b"], interval="delta").items[0].conf_low is not None
        assert x.retention([1, -1], [0.2, 0.2], ["a", "b"]).items[0].status == "not_estimable"
        assert "no bounds" in str(regional.retention([0.1, 0.05], [0.2, 0.2], ["a", "b"]).items[0].reason)

    def test_one_region_is_the_whole(self, x: ModuleType) -> None:
        one = x.retention([0.4], [0.1], ["a"]).items[0]
        assert (one.estimate, one.std_error, one.conf_low, one.status) == (1, None, None, "ok")


class TestEffects:
    def test_every_region_by_itself(self, x: ModuleType) -> None:
        found = x.regional_effects(*EFFECTS)
        for effect, error, region in zip(*EFFECTS, strict=True):
            one = one_of(found, "regional.effect.difference", region)
            assert (one.estimate, one.std_error) == (effect, error)
            assert one.conf_high - effect == pytest.approx(1.959963985 * error)

    def test_ratios_are_differences_of_logs(self, x: ModuleType) -> None:
        a = x.regional_effects(*EFFECTS)
        b = x.regional_effects(np.exp(EFFECTS[0]), *EFFECTS[1:], scale="log")
        for one, two in zip(a.items, b.items, strict=True):
            assert one.analysis.replace("difference", "ratio") == two.analysis
            expected = np.array([one.estimate, one.conf_low, one.conf_high], dtype=float)
            expected = np.exp(expected) if two.scale == "log" else expected
            got = np.array([two.estimate, two.conf_low, two.conf_high], dtype=float)
            np.testing.assert_allclose(got, expected, rtol=1e-8)
            assert one.std_error == (None if two.std_error is None else pytest.approx(two.std_error))

    def test_shrinkage_lies_between(self, x: ModuleType) -> None:
        y, error, names = [0.1, 0.9, 0.5, -0.4], [0.1, 0.2, 0.3, 0.15], list("ABCD")
        found = x.regional_effects(y, error, names)
        mean = np.mean([one.estimate for one in found.items if "shrunken" in one.analysis])
        for effect, se, region in zip(y, error, names, strict=True):
            one = one_of(found, "regional.shrunken.difference", region)
            assert min(effect, mean) - 0.1 < one.estimate < max(effect, mean) + 0.1
            assert one.std_error < se
        # The less is known of a region the more it moves.
        moved = [
            abs(one_of(found, "regional.shrunken.difference", region).estimate - effect)
            for effect, region in zip(y, names, strict=True)
        ]
        assert moved[1] > moved[0]

    def test_the_same_effect_everywhere(self, x: ModuleType) -> None:
        found = x.regional_effects([0.3] * 3, *EFFECTS[1:])
        assert one_of(found, "regional.heterogeneity").test_statistic == pytest.approx(0, abs=1e-20)
        assert one_of(found, "regional.i_squared").estimate == 0
        assert one_of(found, "regional.tau_squared").estimate == 0
        whole = one_of(found, "regional.overall.difference")
        one = one_of(found, "regional.shrunken.difference", "JP")
        assert (one.estimate, one.std_error) == pytest.approx((whole.estimate, whole.std_error))

    def test_without_a_region_is_the_mean_of_the_others(self, x: ModuleType) -> None:
        a = one_of(x.regional_effects(*EFFECTS), "regional.leave_one_out.difference", "JP")
        b = one_of(x.regional_effects(*(part[:2] for part in EFFECTS)), "regional.overall.difference")
        np.testing.assert_allclose(numbers(a), numbers(b))

    def test_order_of_regions_does_not_matter(self, x: ModuleType) -> None:
        a = x.regional_effects(*EFFECTS)
        b = x.regional_effects(*(part[::-1] for part in EFFECTS))
        for one in a.items:
            two = one_of(b, one.analysis, one.groups.get("region"))
            np.testing.assert_allclose(numbers(one), numbers(two), rtol=1e-8)

    def test_every_argument_changes_what_it_should(self, x: ModuleType) -> None:
        y, error, names = [0.1, 0.9, 0.5, -0.4], [0.1, 0.2, 0.3, 0.15], list("ABCD")
        reml, dl = (x.regional_effects(y, error, names, tau2_method=method) for method in ("reml", "dersimonian-laird"))
        for name, region in (("regional.tau_squared", None), ("regional.shrunken.difference", "A")):
            assert one_of(reml, name, region).estimate != pytest.approx(one_of(dl, name, region).estimate, rel=1e-6)
        narrow = x.regional_effects(y, error, names, conf_level=0.8)
        for one, two in zip(reml.items, narrow.items, strict=True):
            assert one.estimate == two.estimate
            if one.conf_low is not None:
                assert one.conf_low < two.conf_low < two.conf_high < one.conf_high
        assert {one.unit for one in x.regional_effects(y, error, names, unit="days").items} >= {"days", "chi-square"}
        found = regional.regional_effects(y, error, names, tau2_method="dersimonian-laird")
        assert "by DerSimonian and Laird" in str(one_of(found, "regional.tau_squared").method)

    def test_reml_is_the_maximum(self) -> None:
        # The restricted likelihood on a fine grid, by determinants.
        rng = np.random.default_rng(11)
        for _ in range(5):
            y, error = rng.normal(0, 0.5, 6), rng.uniform(0.1, 0.5, 6)
            found = one_of(regional.regional_effects(y, error, list("ABCDEF")), "regional.tau_squared").estimate
            grid = np.concatenate([[0, found], np.linspace(0, 3, 3001)])
            ones = np.ones((6, 1))
            values = []
            for tau2 in grid:
                v = np.diag(error**2 + tau2)
                inner = ones.T @ np.linalg.inv(v) @ ones
                mean = (ones.T @ np.linalg.inv(v) @ y / inner)[0, 0]
                r = y - mean
                values.append(-np.linalg.slogdet(v)[1] - np.log(inner[0, 0]) - r @ np.linalg.inv(v) @ r)
            assert values[1] >= max(values) - 1e-12

    def test_one_region(self, x: ModuleType) -> None:
        found = x.regional_effects([0.4], [0.1], ["only"])
        assert one_of(found, "regional.overall.difference").estimate == pytest.approx(0.4)
        for name, region in (
            ("regional.heterogeneity", None),
            ("regional.i_squared", None),
            ("regional.tau_squared", None),
            ("regional.shrunken.difference", "only"),
            ("regional.leave_one_out.difference", "only"),
        ):
            assert one_of(found, name, region).status == "not_estimable"

    def test_extreme_values(self, x: ModuleType) -> None:
        for found in (
            x.regional_effects([1e40, -1e40], [1e-40, 1e40], ["a", "b"]),
            x.regional_effects([1e308, 1e-308], [1.0, 1.0], ["a", "b"], scale="log"),
            x.regional_effects([1e308, 2.0], [1e3, 1.0], ["a", "b"], scale="log"),
        ):
            for one in found.items:
                assert one.status in ("ok", "not_estimable")

    def test_every_result_is_listed_and_in_words(self) -> None:
        seen = set()
        for found in (
            regional.regional_effects(*EFFECTS),
            regional.regional_effects(*EFFECTS, scale="log"),
            regional.regional_effects([0.4], [0.1], ["only"]),
            regional.consistency_probability([0.3, 0.7], ["a", "b"], method=1, power=0.8),
            regional.consistency_probability([0.3, 0.7], ["a", "b"], method=2, power=0.8),
            regional.smallest_fraction(method=2, power=0.8, n_regions=9, probability=0.99),
            regional.expected_range(*EFFECTS),
            regional.expected_range(*EFFECTS, scale="log"),
            regional.sign_agreement(*EFFECTS),
            regional.pattern_probability([0.3, 0.7], ["a", "b"], power=0.8, observed=[0.2, 1.1]),
        ):
            for one in items(found):
                seen.add(one.analysis)
                assert analyses()[one.analysis].unit == one.unit
                assert str(one.method).endswith(".")
                missing = any(getattr(one, name) is None for name in one.stated())
                assert missing == (one.reason is not None), one
                assert one.reason is None or str(one.reason)
        assert seen == {name for name in analyses() if name.startswith(("regional.", "consistency."))}


class TestRefusals:
    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"estimate": [1, 2]}, "do not fit"),
            ({"estimate": [], "std_error": [], "region": []}, "do not fit"),
            ({"estimate": [1, np.nan, 2]}, "another value in row 2"),
            ({"estimate": [1, np.inf, 2]}, "another value in row 2"),
            ({"estimate": [1, -1, 2], "scale": "log"}, "a ratio above 0"),
            ({"std_error": [1, 0, 2]}, "std_error cannot be used"),
            ({"std_error": [1, np.inf, 2]}, "std_error cannot be used"),
            ({"region": ["a", "a", "b"]}, "same region twice"),
            ({"region": ["a", None, "b"]}, "missing label"),
            ({"region": ["a"]}, "region does not fit"),
            ({"scale": "logit"}, "unknown scale"),
            ({"conf_level": 1}, "confidence level"),
            ({"interval": "bootstrap"}, "unknown interval"),
            ({"weights": [1, 2]}, "weights do not fit"),
            ({"weights": [1, 2, 0]}, "weights cannot be used"),
            ({"overall": 0.5}, "one of overall"),
            ({"overall_std_error": 0.5}, "one of overall"),
            ({"overall": 0.5, "overall_std_error": 0.1, "weights": [1, 2, 3]}, "no weights"),
            ({"overall": 0.5, "overall_std_error": 5.0}, "above that of a region"),
        ],
    )
    def test_retention(self, change: dict[str, Any], words: str) -> None:
        given = {"estimate": EFFECTS[0], "std_error": EFFECTS[1], "region": EFFECTS[2], **change}
        with pytest.raises(InvalidInput, match=words):
            regional.retention(given.pop("estimate"), given.pop("std_error"), given.pop("region"), **given)

    @pytest.mark.parametrize(
        ("change", "words"),
        [({"tau2_method": "fixed"}, "unknown tau2_method"), ({"scale": "log", "unit": "days"}, "no other unit")],
    )
    def test_effects(self, change: dict[str, Any], words: str) -> None:
        with pytest.raises(InvalidInput, match=words):
            regional.regional_effects(*EFFECTS, **change)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"fractions": [0.5, 0.4]}, "add up to 1"),
            ({"fractions": [1.0], "region": ["a"]}, "two regions"),
            ({"fractions": [1.2, -0.2]}, "above 0"),
            ({"region": ["a", "a"]}, "same region twice"),
            ({"method": 3}, "unknown method"),
            ({"method": True}, "unknown method"),
            ({"power": None}, "either power"),
            ({"effect": 1.0, "std_error": 0.5}, "either power"),
            ({"power": None, "effect": 1.0}, "either power"),
            ({"power": None, "effect": -1.0, "std_error": 0.5}, "effect is outside"),
            ({"power": 0.01}, "power is outside"),
            ({"alpha": 0.5}, "alpha is outside"),
            ({"retained": 1.0}, "retained is outside"),
        ],
    )
    def test_probability(self, change: dict[str, Any], words: str) -> None:
        given = {"fractions": [0.3, 0.7], "region": ["a", "b"], "method": 1, "power": 0.8, **change}
        with pytest.raises(InvalidInput, match=words):
            regional.consistency_probability(given.pop("fractions"), given.pop("region"), **given)

    @pytest.mark.parametrize(
        ("change", "words"),
        [
            ({"probability": 1.0}, "probability is outside"),
            ({"sense": "all"}, "unknown sense"),
            ({"n_regions": 1}, "number of regions"),
            ({"n_regions": 2.5}, "number of regions"),
        ],
    )
    def test_smallest_fraction(self, change: dict[str, Any], words: str) -> None:
        with pytest.raises(InvalidInput, match=words):
            regional.smallest_fraction(**{"method": 1, "power": 0.8, **change})


def one_sided(alpha: float) -> float:
    from statistics import NormalDist

    return -NormalDist().inv_cdf(alpha)
