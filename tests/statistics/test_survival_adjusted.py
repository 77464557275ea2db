"""Restricted mean survival times adjusted for covariates: references, properties, edges, refusals, twins."""

from __future__ import annotations

import math
from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import survival as twin
from evidence_lib.results import STATISTICS, analyses
from evidence_lib.statistics import survival
from tests.reference import data, needs_reference

ARMS = {"treatment": "A", "reference": "B"}
COMPARE = ["rmst_difference", "rmst_ratio"]


@pytest.fixture(params=[survival, twin], ids=["statistic", "twin"])
def x(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


def trial(seed: int, n: int = 90, arms: str = "AB", last: int = 60) -> tuple[Any, Any, Any, pd.DataFrame]:
    """Times in whole days with many ties, events, arms, and covariates that matter."""
    rng = np.random.default_rng(seed)
    age, site = rng.normal(60, 10, n), rng.choice(list("xyz"), n)
    time = np.minimum(rng.exponential(np.exp(0.03 * (70 - age)) * last / 2), rng.uniform(0, last, n) + last / 3)
    frame = pd.DataFrame({"age": age, "site": site, "prior": rng.random(n) < 0.5})
    return np.ceil(time), rng.binomial(1, 0.7, n), rng.choice(list(arms), n), frame


class TestReference:
    @needs_reference
    def test_pbc_as_the_vignette_of_survrm2(self, x: ModuleType) -> None:
        # rmst2(time, status, arm, tau = 10, covariates = D[, c(4, 6, 7)]) as printed in the vignette of survRM2 1.0-4
        frame = data("survival/survRM2_pbc312.csv")
        given = (frame.time, frame.status, frame.arm)
        options = {"treatment": 1, "reference": 0, "tau": 10, "covariates": frame[["age", "bili", "albumin"]]}
        got = x.rmst_difference(*given, **options)
        printed = [round(value, 3) for value in (got.estimate, got.conf_low, got.conf_high, got.p_value, got.std_error)]
        assert printed == [-0.210, -0.883, 0.463, 0.540, 0.343]
        got = x.rmst_ratio(*given, **options)
        printed = [round(value, 3) for value in (got.estimate, got.conf_low, got.conf_high, got.p_value, got.std_error)]
        assert printed == [0.968, 0.877, 1.068, 0.514, 0.050]

    @needs_reference
    @pytest.mark.parametrize(
        ("file", "columns", "arms", "tau", "covariates", "difference", "log_ratio"),
        [
            # By the algorithm that survRM2's rmst2 documents, with survfit, lm and glm(quasipoisson, epsilon = 1e-14),
            # R 4.2.2, survival 3.5-3: w <- d / survfit(Surv(y, 1 - d) ~ 1)$surv in each arm, with y <- pmin(time, tau)
            # and d <- ifelse(time >= tau, 1, status); lm(y ~ arm + X, weights = w); variance patient by patient
            (
                "survRM2_pbc312", ("time", "status", "arm"), (1, 0), 10, ["age", "bili", "albumin"],
                (-0.210294472798, 0.343269452493), (-0.0327103133085, 0.0501447964614),
            ),
            (
                "veteran", ("time", "status", "trt"), (2, 1), 300, ["karno", "celltype"],
                (-11.4206324248, 13.4564585610), (-0.154276058128, 0.120997893400),
            ),
            (
                "lung", ("time", "status", "sex"), (2, 1), 500, ["age", "ph.ecog"],
                (84.5123002502, 22.1052298792), (0.2661691887243, 0.0688778002587),
            ),
        ],
    )  # fmt: skip
    def test_as_by_hand_in_r(
        self, x: ModuleType, file: str, columns: tuple, arms: tuple, tau: float, covariates: list,
        difference: tuple, log_ratio: tuple,
    ) -> None:  # fmt: skip
        frame = data(f"survival/{file}.csv").dropna(subset=covariates)
        time, event, group = (frame[name] for name in columns)
        event = event - 1 if file == "lung" else event
        options = {"treatment": arms[0], "reference": arms[1], "tau": tau, "covariates": frame[covariates]}
        got = x.rmst_difference(time, event, group, **options)
        assert (got.estimate, got.std_error) == pytest.approx(difference, rel=1e-8)
        got = x.rmst_ratio(time, event, group, **options)
        assert (math.log(got.estimate), got.std_error) == pytest.approx(log_ratio, rel=1e-6)


class TestTwins:
    @pytest.mark.parametrize("compare", COMPARE)
    @pytest.mark.parametrize("seed", range(12))
    def test_agree_on_random_trials(self, seed: int, compare: str) -> None:
        rng = np.random.default_rng(seed)
        n = int(rng.choice([0, 2, 5, 9, 30, 80]))
        t, e, g, covariates = trial(seed, n, arms="ABC" if seed % 3 == 0 else "AB", last=int(rng.choice([4, 60])))
        for tau, chosen in ((None, ["age"]), (2.5, ["age", "prior"]), (20, ["site", "age"])):
            options = {**ARMS, "tau": tau, "covariates": covariates[chosen], "conf_level": 0.9}
            a, b = (getattr(module, compare)(t, e, g, **options) for module in (survival, twin))
            for name in ("analysis", "groups", "unit", "status", "scale", "n", "events", "conf_level"):
                assert getattr(a, name) == getattr(b, name), name
            for name in STATISTICS:
                u, v = getattr(a, name), getattr(b, name)
                assert (u is None) == (v is None), (a, b)
                assert u is None or abs(u - v) <= 1e-6 * max(abs(u), a.std_error or 0), (name, u, v)


class TestProperties:
    def test_order_and_scale_do_not_matter(self, x: ModuleType) -> None:
        t, e, g, covariates = trial(1)
        order = np.random.default_rng(1).permutation(90)
        a = x.rmst_difference(t, e, g, **ARMS, tau=40, covariates=covariates)
        b = x.rmst_difference(t[order], e[order], g[order], **ARMS, tau=40, covariates=covariates.iloc[order])
        c = x.rmst_difference(
            t * 7, e, g, **ARMS, tau=280, covariates=covariates.assign(age=1e6 + covariates.age / 100)
        )
        assert (b.estimate, b.std_error) == pytest.approx((a.estimate, a.std_error))
        assert (c.estimate, c.std_error) == pytest.approx((7 * a.estimate, 7 * a.std_error), rel=1e-6)

    def test_swapped_arms(self, x: ModuleType) -> None:
        t, e, g, covariates = trial(2)
        swapped = {"treatment": "B", "reference": "A"}
        a, b = (x.rmst_difference(t, e, g, **arms, tau=40, covariates=covariates) for arms in (ARMS, swapped))
        assert (a.estimate, a.conf_low, a.p_value) == pytest.approx((-b.estimate, -b.conf_high, b.p_value))
        a, b = (x.rmst_ratio(t, e, g, **arms, tau=40, covariates=covariates) for arms in (ARMS, swapped))
        assert (a.estimate, a.conf_low) == pytest.approx((1 / b.estimate, 1 / b.conf_high))

    def test_without_censoring_it_is_the_analysis_of_covariance(self, x: ModuleType) -> None:
        import statsmodels.api as sm

        t, _, g, covariates = trial(3)
        got = x.rmst_difference(t, np.ones(90), g, **ARMS, tau=25, covariates=covariates[["age"]])
        design = np.column_stack([np.ones(90), g == "A", covariates.age])
        expected = sm.OLS(np.minimum(t, 25), design).fit(cov_type="HC0")
        assert (got.estimate, got.std_error) == pytest.approx((expected.params[1], expected.bse[1]))

    def test_without_censoring_and_by_arm_alone_it_is_the_crude_one(self) -> None:
        # A covariate that is balanced exactly and matters to nobody: two copies of each patient, one at each level.
        t, _, g, _ = trial(4)
        twice = [np.tile(values, 2) for values in (t, np.ones(90), g)]
        for compare in (survival.rmst_difference, survival.rmst_ratio):
            crude = compare(*twice, **ARMS, tau=30)
            got = compare(*twice, **ARMS, tau=30, covariates=pd.DataFrame({"copy": np.repeat([0, 1], 90)}))
            assert (got.estimate, got.std_error) == pytest.approx((crude.estimate, crude.std_error), rel=1e-6)

    def test_it_gains_precision(self) -> None:
        # Over 300 trials the estimate varies as its standard error says, and less than the crude one.
        rng = np.random.default_rng(5)
        crude, adjusted, errors = [], [], []
        for _ in range(300):
            severity = rng.normal(size=200)
            g = rng.choice(["A", "B"], 200)
            t, end = rng.exponential(np.exp(5.5 - severity)), rng.uniform(200, 800, 200)
            given = (np.minimum(t, end), t <= end, g)
            crude.append(survival.rmst_difference(*given, **ARMS, tau=365).estimate)
            frame = pd.DataFrame({"severity": severity})
            one = survival.rmst_difference(*given, **ARMS, tau=365, covariates=frame)
            adjusted.append(one.estimate)
            errors.append(one.std_error)
        assert np.std(adjusted) < 0.85 * np.std(crude)
        assert np.mean(errors) == pytest.approx(np.std(adjusted), rel=4 / np.sqrt(600))

    def test_only_the_two_arms_enter(self, x: ModuleType) -> None:
        t, e, g, covariates = trial(6, arms="ABC")
        covariates["site"] = np.where(g == "C", "elsewhere", covariates.site)
        two = g != "C"
        for compare in COMPARE:
            a = getattr(x, compare)(t, e, g, **ARMS, tau=30, covariates=covariates)
            b = getattr(x, compare)(t[two], e[two], g[two], **ARMS, tau=30, covariates=covariates[two])
            assert (a.estimate, a.std_error, a.n) == pytest.approx((b.estimate, b.std_error, two.sum()))
            assert a.status == "ok"

    def test_arguments_change_what_they_should(self, x: ModuleType) -> None:
        t, e, g, covariates = trial(7)
        a = x.rmst_difference(t, e, g, **ARMS, tau=40, covariates=covariates)
        b = x.rmst_difference(t, e, g, **ARMS, tau=40, covariates=covariates, conf_level=0.8)
        assert (a.estimate, a.std_error, a.p_value) == (b.estimate, b.std_error, b.p_value)
        assert a.conf_low < b.conf_low < b.conf_high < a.conf_high
        assert a.estimate != x.rmst_difference(t, e, g, **ARMS, tau=30, covariates=covariates).estimate
        assert a.estimate != x.rmst_difference(t, e, g, **ARMS, tau=40, covariates=covariates[["age"]]).estimate
        assert a.estimate != x.rmst_difference(t, e, g, **ARMS, tau=40).estimate

    def test_results_are_listed_and_in_words(self) -> None:
        t, e, g, covariates = trial(8)
        got = survival.rmst_difference(t, e, g, **ARMS, tau=40, covariates=covariates)
        assert (got.analysis, got.groups) == ("rmst.difference.adjusted", {**ARMS, "time": 40})
        assert "linear regression on arm and age, site, and prior" in str(got.method)
        assert "40 days (as given)" in str(got.method)
        got = survival.rmst_ratio(t, e, g, **ARMS, covariates=covariates[["age"]])
        assert (got.analysis, got.scale) == ("rmst.ratio.adjusted", "log")
        assert "log-linear regression on arm and age, weighted" in str(got.method)
        assert analyses()[got.analysis].unit == got.unit == "ratio"


class TestEdges:
    @pytest.mark.parametrize("compare", COMPARE)
    def test_a_redundant_covariate_is_named(self, x: ModuleType, compare: str) -> None:
        t, e, g, covariates = trial(10)
        for frame, name in (
            (covariates.assign(same=3.3), "same"),
            (covariates.assign(double=2 * covariates.age + 5), "double"),
            (covariates.assign(arm=g), "arm=B"),
            (covariates.assign(level="x"), "level"),
        ):
            got = getattr(x, compare)(t, e, g, **ARMS, tau=40, covariates=frame)
            assert (got.status, got.estimate, got.std_error) == ("not_estimable", None, None)
            if x is survival:
                assert str(got.reason).startswith(f"{name} is constant, or a combination")

    def test_follow_up_too_short_and_empty_arms(self, x: ModuleType) -> None:
        t, e, g, covariates = trial(11)
        for compare in COMPARE:
            late = getattr(x, compare)(t, 0 * e, g, **ARMS, tau=500, covariates=covariates)
            alone = getattr(x, compare)(t, e, ["A"] * 90, **ARMS, tau=20, covariates=covariates)
            nobody = getattr(x, compare)([], [], [], **ARMS, tau=20, covariates=covariates[:0])
            assert {late.status, alone.status, nobody.status} == {"not_estimable"}
            assert (nobody.n, alone.n) == (0, 90)

    def test_nobody_has_the_event(self, x: ModuleType) -> None:
        t, _, g, covariates = trial(12)
        got = x.rmst_difference(t + 100, np.zeros(90), g, **ARMS, tau=50, covariates=covariates)
        assert (got.estimate, got.std_error, got.p_value, got.status) == (0, None, None, "ok")
        got = x.rmst_ratio(t + 100, np.zeros(90), g, **ARMS, tau=50, covariates=covariates)
        assert (got.estimate, got.std_error, got.status) == (pytest.approx(1), None, "ok")

    def test_two_patients(self, x: ModuleType) -> None:
        got = x.rmst_difference([3, 5], [1, 1], ["A", "B"], **ARMS, tau=9, covariates=pd.DataFrame({"age": [50, 60]}))
        assert got.status == "not_estimable"

    def test_a_level_where_nobody_has_any_time(self, x: ModuleType) -> None:
        t, e, g, _ = trial(13)
        level = np.arange(90) % 3 == 0
        t, e = np.where(level, 0, t + 1), np.where(level, 1, e)
        got = x.rmst_ratio(t, e, g, **ARMS, tau=30, covariates=pd.DataFrame({"level": level}))
        assert (got.status, got.estimate) == ("not_estimable", None)
        # The linear model has an answer.
        assert x.rmst_difference(t, e, g, **ARMS, tau=30, covariates=pd.DataFrame({"level": level})).status == "ok"

    def test_last_patients_with_the_event_and_ties_at_tau(self, x: ModuleType) -> None:
        t, g = np.array([1, 2, 3, 4, 5, 6, 6, 6, 2, 3]), list("ABABABABAB")
        e, covariates = [1, 0, 1, 1, 0, 1, 0, 1, 1, 0], pd.DataFrame({"age": [5.0, 3, 8, 1, 9, 4, 4, 6, 2, 2]})
        at = x.rmst_difference(t, e, g, **ARMS, tau=6, covariates=covariates)
        near = x.rmst_difference(t * 0.1, e, g, **ARMS, tau=0.1 * 3 * 2, covariates=covariates)
        assert (near.estimate, near.std_error) == pytest.approx((at.estimate / 10, at.std_error / 10))

    @pytest.mark.parametrize("unit", [1e-250, 1e250])
    def test_huge_and_tiny_covariates(self, unit: float) -> None:
        t, e, g, covariates = trial(14)
        a = survival.rmst_difference(t, e, g, **ARMS, tau=40, covariates=covariates[["age"]])
        b = survival.rmst_difference(t, e, g, **ARMS, tau=40, covariates=covariates[["age"]] * unit)
        assert (a.estimate, a.std_error) == pytest.approx((b.estimate, b.std_error))


class TestRefusals:
    @pytest.mark.parametrize(
        ("covariates", "match"),
        [
            (pd.DataFrame({"age": [1.0, 2.0]}), "covariates do not fit"),
            ([1, 2, 3], "covariates do not fit"),
            (pd.DataFrame(index=range(3)), "covariates do not fit"),
            (pd.DataFrame({"age": [1, np.nan, 3]}), "expected a finite value for each patient; found a missing value"),
            (pd.DataFrame({"age": [1, np.inf, 3]}), "an infinite value in row 2"),
            (pd.DataFrame([[1, 2]] * 3, columns=["a", "a"]), "column name twice"),
        ],
    )
    def test_covariates(self, covariates: Any, match: str) -> None:
        for compare in (survival.rmst_difference, survival.rmst_ratio):
            with pytest.raises(InvalidInput, match=match):
                compare([1, 2, 3], [1, 1, 0], list("ABA"), **ARMS, tau=2, covariates=covariates)

    def test_the_rest_is_refused_as_without_covariates(self) -> None:
        frame = pd.DataFrame({"age": [1, 2, 3]})
        for options, match in (
            ({"tau": -1}, "tau is not a time horizon"),
            ({"conf_level": 95}, "conf_level is not a confidence level"),
            ({"treatment": "B"}, "treatment and reference are the same arm"),
        ):
            with pytest.raises(InvalidInput, match=match):
                survival.rmst_difference([1, 2, 3], [1, 1, 0], list("ABA"), **{**ARMS, "covariates": frame, **options})
