"""Survival statistics and their twins against published numbers and R 4.2.2 with survival 3.5-3.

`x` is the statistic or its recalculation: every reference holds for both.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.conventions import SAS
from evidence_lib.recalculation import survival as twin
from evidence_lib.statistics import survival
from tests.reference import case, data, needs_reference


@pytest.fixture(params=[survival, twin], ids=["statistic", "twin"])
def x(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


@pytest.fixture(scope="module")
def gbsg2() -> pd.DataFrame:
    from lifelines.datasets import load_gbsg2

    return load_gbsg2()


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    from lifelines.datasets import load_lung

    return load_lung()


class TestGbsg2:
    """survfit, survdiff and survmean on GBSG-2 (R 4.2.2, survival 3.5-3); ratio as survRM2's formula there."""

    arms = {"treatment": "yes", "reference": "no"}

    @pytest.mark.parametrize(
        ("arm", "conf_type", "expected"),
        [
            ("no", "log", (1528, 1296, 1814)),
            ("no", "log-log", (1528, 1280, 1814)),
            ("yes", "log", (2018, 1918, None)),
            ("yes", "log-log", (2018, 1918, None)),
        ],
    )
    def test_medians(self, x: ModuleType, gbsg2: pd.DataFrame, arm: str, conf_type: Any, expected: tuple) -> None:
        # quantile(survfit(Surv(time, cens) ~ horTh, conf.type = ...), 0.5)
        part = gbsg2[gbsg2.horTh == arm]
        got = x.median_survival(part.time, part.cens, conf_type=conf_type)
        assert (got.estimate, got.conf_low, got.conf_high) == expected
        assert got.status == "ok"
        assert (got.reason is None) == (None not in expected)

    @pytest.mark.parametrize(("arm", "median"), [("no", 1582), ("yes", 1729), (None, 1645)])
    def test_follow_up(self, x: ModuleType, gbsg2: pd.DataFrame, arm: str | None, median: float) -> None:
        # quantile(survfit(Surv(time, 1 - cens) ~ horTh), 0.5)
        part = gbsg2 if arm is None else gbsg2[gbsg2.horTh == arm]
        assert x.follow_up(part.time, part.cens).estimate == median

    def test_logrank(self, x: ModuleType, gbsg2: pd.DataFrame) -> None:
        # survdiff(Surv(time, cens) ~ horTh [+ strata(menostat, tgrade)])
        got = x.logrank(gbsg2.time, gbsg2.cens, gbsg2.horTh)
        assert got.test_statistic == pytest.approx(8.564780854, abs=1e-8)
        assert (got.df, got.n, got.events, got.analysis) == (1, 686, 299, "logrank.unstratified")
        assert got.p_value == pytest.approx(0.003427282, abs=1e-8)
        strata = gbsg2[["menostat", "tgrade"]]
        got = x.logrank(gbsg2.time, gbsg2.cens, gbsg2.horTh, strata=strata, **self.arms)
        assert got.test_statistic == pytest.approx(8.484608651, abs=1e-8)
        assert (got.df, got.analysis, got.groups) == (1, "logrank.stratified", self.arms)

    @pytest.mark.parametrize(
        ("arm", "mean", "error"), [("no", 1264.55490557, 30.69585476), ("yes", 1414.00329554, 37.93637058)]
    )
    def test_rmst(self, x: ModuleType, gbsg2: pd.DataFrame, arm: str, mean: float, error: float) -> None:
        # survival:::survmean(survfit(Surv(time, cens) ~ horTh), rmean = 1826)
        part = gbsg2[gbsg2.horTh == arm]
        got = x.rmst(part.time, part.cens, tau=1826)
        assert got.estimate == pytest.approx(mean, abs=1e-6)
        assert got.std_error == pytest.approx(error, abs=1e-6)
        assert got.groups == {"time": 1826}

    def test_rmst_comparisons(self, x: ModuleType, gbsg2: pd.DataFrame) -> None:
        data = (gbsg2.time, gbsg2.cens, gbsg2.horTh)
        got = x.rmst_difference(*data, tau=1826, **self.arms)
        assert got.estimate == pytest.approx(149.4483899735, abs=1e-6)
        assert (got.conf_low, got.conf_high) == pytest.approx((53.8028762, 245.0939037), abs=1e-6)
        got = x.rmst_ratio(*data, tau=1826, **self.arms)
        assert got.estimate == pytest.approx(1.1181826027, abs=1e-9)
        assert (got.conf_low, got.conf_high) == pytest.approx((1.0416356881, 1.2003547375), abs=1e-9)
        assert got.scale == "log"


class TestLung:
    """The NCCTG lung cancer data of R's survival package; R 4.2.2, survival 3.5-3."""

    @pytest.mark.parametrize(
        ("conf_type", "low", "high", "at_365", "at_1022"),
        [
            # summary(survfit(Surv(time, status) ~ 1, lung, conf.type = ...), times = c(365, 1022)), quantile(, 0.5)
            ("plain", 284, 361, (0.339028583848, 0.479454665072), (0.00556421507828, 0.0951269210633)),
            ("log", 285, 363, (0.344721581796, 0.485837603547), (0.020685460199, 0.122534195517)),
            ("log-log", 284, 361, (0.338714269088, 0.478380767647), (0.0178661710929, 0.108662176031)),
            ("logit", 284, 361, (0.341296390629, 0.480839314614), (0.0203558204729, 0.119144914241)),
            ("arcsine", 284, 361, (0.34019073506, 0.48014005652), (0.0152737974558, 0.104211715426)),
        ],
    )
    def test_limits(
        self, x: ModuleType, lung: pd.DataFrame, conf_type: Any, low: int, high: int, at_365: tuple, at_1022: tuple
    ) -> None:
        event = lung.status == 1
        median = x.median_survival(lung.time, event, conf_type=conf_type)
        assert (median.estimate, median.conf_low, median.conf_high) == (310, low, high)
        got = x.survival_at(lung.time, event, times=[365, 1022], conf_type=conf_type)
        for time, s, error, limits in (
            (365, 0.40924162446, 0.035823638172, at_365),
            (1022, 0.0503455680708, 0.0228480489161, at_1022),
        ):
            one = got.where(time=time)
            assert (one.estimate, one.std_error) == pytest.approx((s, error), rel=1e-9)
            assert (one.conf_low, one.conf_high) == pytest.approx(limits, rel=1e-9)

    def test_restricted_mean_has_the_error_of_the_estimator(self, x: ModuleType, lung: pd.DataFrame) -> None:
        # survival:::survmean(survfit(Surv(time, status) ~ sex, lung), rmean = 500): lifelines' variance is that of
        # min(T, tau), root 164.3.
        men = lung[lung.sex == 1]
        got = x.rmst(men.time, men.status == 1, tau=500)
        assert (got.estimate, got.std_error) == pytest.approx((278.763231530, 14.3545585667), rel=1e-9)

    def test_logrank_of_two_and_of_four_groups(self, x: ModuleType, lung: pd.DataFrame) -> None:
        # survdiff(Surv(time, status) ~ sex), ~ ph.ecog, ~ sex + strata(ph.ecog), ~ ph.ecog + strata(sex)
        event = lung.status == 1
        assert x.logrank(lung.time, event, lung.sex).test_statistic == pytest.approx(10.3267419549, rel=1e-9)
        known = lung["ph.ecog"].notna()
        t, e, sex, ecog = lung.time[known], event[known], lung.sex[known], lung["ph.ecog"][known]
        got = x.logrank(t, e, ecog)
        assert (got.test_statistic, got.df) == pytest.approx((21.9621316825, 3), rel=1e-9)
        assert x.logrank(t, e, sex, strata=ecog).test_statistic == pytest.approx(10.7950596335, rel=1e-9)
        got = x.logrank(t, e, ecog, strata=sex)
        assert (got.test_statistic, got.df) == pytest.approx((21.5962383705, 3), rel=1e-9)


@pytest.mark.parametrize(
    ("conf_type", "low", "high"),
    [
        ("plain", (0.535134309380, 0.206590532237, 0.0), (1.0, 1.0, 0.851362707606)),
        ("log", (0.582654795477, 0.319992161863, 0.146791915534), (1.0, 1.0, 1.0)),
        (
            "log-log",
            (0.2731228499284, 0.1418533899317, 0.0559918648521),
            (0.974712426691, 0.893050604499, 0.766522219551),
        ),
        (
            "logit",
            (0.368747209728, 0.218507006266, 0.106696698757),
            (0.977167450111, 0.908548488275, 0.810304734673),
        ),
        (
            "arcsine",
            (0.4648169541121, 0.2129180311536, 0.0664943858488),
            (0.999581513804, 0.949382208281, 0.827535437832),
        ),
    ],
)
def test_kaplan_meier_frame_with_ties(conf_type: Any, low: tuple, high: tuple) -> None:
    # survfit(Surv(c(1,1,2,3,3,4), c(0,1,1,0,1,1)) ~ 1, conf.type = ...), R 4.2.2, survival 3.5-3
    got = survival.kaplan_meier([1, 1, 2, 3, 3, 4], [0, 1, 1, 0, 1, 1], conf_type=conf_type)
    assert got.time.tolist() == [0, 1, 2, 3, 4]
    assert got.n_at_risk.tolist() == [6, 6, 4, 3, 1]
    assert got.n_events.tolist() == [0, 1, 1, 1, 1]
    assert got.n_censored.tolist() == [0, 1, 0, 1, 0]
    np.testing.assert_allclose(got.survival, [1, 5 / 6, 5 / 8, 5 / 12, 0], rtol=1e-14)
    np.testing.assert_allclose(got.std_error, [0, 0.152145154863, 0.213478140957, 0.221787769759, np.nan], rtol=1e-9)
    np.testing.assert_allclose(got.conf_low, [1, *low, np.nan], rtol=1e-9)
    np.testing.assert_allclose(got.conf_high, [1, *high, np.nan], rtol=1e-9)


@needs_reference
class TestSharedReference:
    def test_c1_freireich(self, x: ModuleType) -> None:
        frame = data("survival/gehan.csv")
        expected = case("C1")
        got = x.logrank(frame.time, frame.cens, frame.treat)
        assert got.test_statistic == pytest.approx(expected["logrank"], abs=1e-6)
        medians = []
        for arm, limits in (("control", (4, 12)), ("6-MP", (16, None))):
            part = frame[frame.treat == arm]
            got = x.median_survival(part.time, part.cens)
            medians.append(got.estimate)
            # print(survfit(Surv(time, cens) ~ treat, gehan)), R 4.2.2, survival 3.5-3
            assert (got.conf_low, got.conf_high) == limits
        assert medians == expected["median"]

    def test_c2_rmst(self, x: ModuleType) -> None:
        frame = data("survival/survRM2_pbc312.csv")
        expected = case("C2")
        for arm in (1, 0):
            part = frame[frame.arm == arm]
            got = x.rmst(part.time, part.status, tau=10)
            assert [got.estimate, got.std_error] == pytest.approx(expected[f"rmst{arm}"], abs=1e-6)
        got = x.rmst_difference(frame.time, frame.status, frame.arm, treatment=1, reference=0, tau=10)
        assert [got.estimate, got.conf_low, got.conf_high] == pytest.approx(expected["diff"], abs=1e-6)
        assert got.p_value == pytest.approx(expected["p"], abs=1e-6)

    def test_a3_cdisc_pilot(self, x: ModuleType) -> None:
        frame = data("cdisc-pilot/adtte.csv")
        expected = case("A3")
        frame["event"] = 1 - frame.CNSR
        for i, (number, name) in enumerate(((0, "Placebo"), (54, "Low"), (81, "High"))):
            part = frame[frame.TRTAN.eq(number)]
            got = x.median_survival(part.AVAL, part.event, convention=SAS)
            assert (got.n, got.events) == (expected["n"][i], expected["events"][i])
            assert got.estimate == expected["median"][i]
            assert [got.conf_low, got.conf_high] == expected["median_ci_loglog"][i]
            row = survival.at_risk(part.AVAL, part.event, times=range(0, 201, 20))
            assert row.n_at_risk.tolist() == expected["at_risk_0_20_200"][name]
        got = x.logrank(frame.AVAL, frame.event, frame.TRTAN)
        assert round(got.test_statistic, 1) == expected["logrank_chisq"]
        assert got.df == 2
