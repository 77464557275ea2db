"""Competing risks and their twins against published numbers and R 4.2.2 with cmprsk 2.2-11 and survival 3.5-3.

`x` is the statistic or its recalculation: every reference holds for both.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.recalculation import competing_risks as twin
from evidence_lib.results import Estimates
from evidence_lib.statistics import competing_risks
from tests.reference import case, data, needs_reference

# Ten patients with two causes at one time, a censoring at the time of both, and nobody left at the end.
TIED = ([1, 1, 1, 2, 2, 3, 3, 4, 5, 5], [1, 2, 0, 1, 1, 2, 0, 1, 2, 1])
ALONE: dict[str, Any] = {"treatment": None, "reference": None}


@pytest.fixture(params=[competing_risks, twin], ids=["statistic", "twin"])
def x(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


@pytest.fixture(scope="module")
def mgus2() -> pd.DataFrame:
    frame = data("survival/mgus2.csv")
    frame["time"] = np.where(frame.pstat == 1, frame.ptime, frame.futime)
    frame["cause"] = np.where(frame.pstat == 1, "pcm", np.where(frame.death == 1, "death", "0"))
    frame["male"] = (frame.sex == "M").astype(float)
    return frame


@pytest.fixture(scope="module")
def bmt() -> pd.DataFrame:
    return data("survival/bmtcrr.csv")


def logs(found: Estimates) -> list[float]:
    return [float(np.log(one.estimate or np.nan)) for one in found.items]


def errors(found: Estimates) -> list[float | None]:
    return [one.std_error for one in found.items]


@needs_reference
class TestMgus2:
    """Progression (pcm) and death in monoclonal gammopathy: mgus2 as survival's compete vignette prepares it."""

    def test_c7(self, x: ModuleType, mgus2: pd.DataFrame) -> None:
        expected = case("C7")
        found = x.fine_gray(
            mgus2.time, mgus2.cause, None, event_of_interest="pcm", covariates=mgus2[["age", "male"]], **ALONE
        )
        assert logs(found) == pytest.approx([expected["age"], expected["male"]], abs=1e-5)
        assert found.items[0].std_error == pytest.approx(expected["se_age"], abs=1e-5)
        test = x.gray_test(mgus2.time, mgus2.cause, mgus2.sex, event_of_interest="pcm")
        assert [test.test_statistic, test.p_value] == pytest.approx(expected["gray_pcm"], abs=1e-5)

    def test_c7_with_an_arm_is_the_same_model(self, x: ModuleType, mgus2: pd.DataFrame) -> None:
        # crr(time, cause, cbind(age, male), gtol = 1e-13)
        found = x.fine_gray(
            mgus2.time,
            mgus2.cause,
            mgus2.sex,
            event_of_interest="pcm",
            treatment="M",
            reference="F",
            covariates=mgus2[["age"]],
        )
        assert logs(found) == pytest.approx([-0.2600382378280, -0.0173381532194], rel=1e-9)
        assert errors(found) == pytest.approx([0.18568103479413, 0.00573710324168], rel=1e-9)
        assert [one.analysis.rpartition(".")[2] for one in found.items] == ["adjusted", "covariate"]

    def test_the_other_cause(self, x: ModuleType, mgus2: pd.DataFrame) -> None:
        # crr(time, cause, cbind(age, male), failcode = 2, gtol = 1e-13)
        found = x.fine_gray(
            mgus2.time, mgus2.cause, None, event_of_interest="death", covariates=mgus2[["age", "male"]], **ALONE
        )
        assert logs(found) == pytest.approx([0.05858440040546, 0.37079684590470], rel=1e-9)
        assert errors(found) == pytest.approx([0.003679419201191, 0.066789463786021], rel=1e-9)

    def test_weights_that_are_taken_as_known_give_another_error(self, mgus2: pd.DataFrame) -> None:
        # sqrt(diag(crr(...)$invinf)) 0.00702, and 0.00570 without psi: neither is the standard error.
        found = competing_risks.fine_gray(
            mgus2.time, mgus2.cause, None, event_of_interest="pcm", covariates=mgus2[["age", "male"]], **ALONE
        )
        for wrong in (0.00702215997905, 0.00570458):
            assert found.items[0].std_error != pytest.approx(wrong, rel=1e-3)

    @pytest.mark.parametrize(
        ("cause", "choices", "chi_square"),
        [
            # cuminc(time, cause, sex)$Tests; with strata = age > 70; with rho = 1; by cut(age, c(0, 60, 70, 80, 200))
            ("pcm", {}, 1.194507825076),
            ("death", {}, 11.651259012128),
            ("pcm", {"strata": True}, 1.748025871146),
            ("death", {"strata": True}, 23.848800550627),
            ("pcm", {"rho": 1}, 1.22935883356),
            ("death", {"rho": 1}, 13.93050971495),
            ("pcm", {"ages": True}, 8.037928346064),
            ("death", {"ages": True}, 303.657991424908),
        ],
    )
    def test_gray(
        self, x: ModuleType, mgus2: pd.DataFrame, cause: str, choices: dict[str, Any], chi_square: float
    ) -> None:
        ages = np.digitize(mgus2.age, [60, 70, 80], right=True)
        strata = mgus2.age > 70 if choices.get("strata") else None
        group = ages if choices.get("ages") else mgus2.sex
        found = x.gray_test(
            mgus2.time, mgus2.cause, group, event_of_interest=cause, strata=strata, rho=choices.get("rho", 0)
        )
        assert found.test_statistic == pytest.approx(chi_square, rel=1e-9)
        assert found.df == (3 if choices.get("ages") else 1)

    def test_incidence(self, x: ModuleType, mgus2: pd.DataFrame) -> None:
        # timepoints(cuminc(time, cause), c(60, 120, 240)): est, and the roots of var
        found = x.cumulative_incidence(mgus2.time, mgus2.cause, times=[60, 120, 240], event_of_interest="pcm")
        assert [one.estimate for one in found.items] == pytest.approx(
            [0.0341037129743, 0.0637221680131, 0.0998137159355], abs=1e-12
        )
        assert errors(found) == pytest.approx([0.00489082946377, 0.0067994488462, 0.00980611465468], rel=1e-9)

    @pytest.mark.parametrize(
        ("cause", "expected"),
        [
            ("pcm", [0.0341037129743, 0.00488925790767, 0.0257495519743, 0.0451682902988]),
            ("death", [0.320367010268, 0.0125673715476, 0.296658513169, 0.345970254389]),
        ],
    )
    def test_incidence_as_survfit(self, x: ModuleType, mgus2: pd.DataFrame, cause: str, expected: list[float]) -> None:
        # summary(survfit(Surv(time, factor(cause)) ~ 1), times = 60): pstate, std.err, lower, upper
        one = x.cumulative_incidence(
            mgus2.time, mgus2.cause, times=60, event_of_interest=cause, variance="greenwood"
        ).items[0]
        assert [one.estimate, one.std_error, one.conf_low, one.conf_high] == pytest.approx(expected, abs=1e-11)

    def test_difference(self, x: ModuleType, mgus2: pd.DataFrame) -> None:
        # timepoints(cuminc(time, cause, sex), c(60, 240)): differences of est and sums of var of "M 2" and "F 2"
        found = x.cumulative_incidence_difference(
            mgus2.time,
            mgus2.cause,
            mgus2.sex,
            treatment="M",
            reference="F",
            event_of_interest="death",
            times=[60, 240],
        )
        first, second = found.items
        assert first.estimate == pytest.approx(0.36762698560886 - 0.26396514545770, abs=1e-12)
        assert first.std_error == pytest.approx(np.sqrt(3.104941945250e-4 + 3.095938536810e-4), rel=1e-9)
        assert second.estimate == pytest.approx(0.74812788926574 - 0.69530780303198, abs=1e-12)
        assert second.std_error == pytest.approx(np.sqrt(4.327006349461e-4 + 5.645337248132e-4), rel=1e-9)
        assert (first.n, first.events) == (len(mgus2), int((mgus2.cause == "death").sum()))

    def test_cause_specific(self, x: ModuleType, mgus2: pd.DataFrame) -> None:
        # coxph(Surv(time, cause == k) ~ male + age), and ~ male + strata(age > 70) with ties = "breslow"
        arms = {"treatment": "M", "reference": "F"}
        found = x.cause_specific(mgus2.time, mgus2.cause, mgus2.sex, covariates=mgus2[["age"]], **arms)
        assert [one.groups["cause"] for one in found.items] == ["death", "pcm"]
        assert logs(found) == pytest.approx([0.39322586373150, -0.02513778929428], rel=1e-7)
        assert errors(found) == pytest.approx([0.069698104579685, 0.188455848192779], rel=1e-7)
        found = x.cause_specific(mgus2.time, mgus2.cause, mgus2.sex, strata=mgus2.age > 70, ties="breslow", **arms)
        assert logs(found) == pytest.approx([0.3467719651371, -0.05507450106022], rel=1e-7)
        assert errors(found) == pytest.approx([0.06949352552337, 0.1879237769372], rel=1e-7)


@needs_reference
class TestBoneMarrow:
    """Relapse (1) and death in remission (2) after transplantation: bmtcrr of the paper of Scrucca et al. (2010)."""

    def test_fine_gray(self, x: ModuleType, bmt: pd.DataFrame) -> None:
        # crr(ftime, Status, model.matrix(~ Age + Sex + D + Phase + Source)[, -1], gtol = 1e-13)
        covariates = bmt[["Age", "Sex", "D", "Phase", "Source"]]
        found = x.fine_gray(bmt.ftime, bmt.Status, None, event_of_interest=1, covariates=covariates, **ALONE)
        assert [one.groups["variable"] for one in found.items] == [
            "Age", "Sex=M", "D=AML", "Phase=CR2", "Phase=CR3", "Phase=Relapse", "Source=PB",
        ]  # fmt: skip
        assert logs(found) == pytest.approx(
            [
                -0.01846643786004,
                0.03524636099847,
                -0.47233425190346,
                0.08180285055027,
                0.37035326952269,
                1.10175805019428,
                0.92114508275444,
            ],
            rel=1e-8,
        )
        assert errors(found) == pytest.approx(
            [
                0.0118805063405,
                0.2899774526316,
                0.3053752278660,
                0.4552646999785,
                0.6404950225646,
                0.3764142852148,
                0.5530176077274,
            ],
            rel=1e-8,
        )

    def test_gray(self, x: ModuleType, bmt: pd.DataFrame) -> None:
        # cuminc(ftime, Status, D)$Tests; cuminc(ftime, Status, Phase, strata = Sex)$Tests
        for cause, by_disease, by_phase in (
            (1, 2.862332513711, 13.8870537258388),
            (2, 0.448127936238, 0.5745002460221),
        ):
            found = x.gray_test(bmt.ftime, bmt.Status, bmt.D, event_of_interest=cause)
            assert (found.test_statistic, found.df) == (pytest.approx(by_disease, rel=1e-9), 1)
            found = x.gray_test(bmt.ftime, bmt.Status, bmt.Phase, event_of_interest=cause, strata=bmt.Sex)
            assert (found.test_statistic, found.df) == (pytest.approx(by_phase, rel=1e-9), 3)

    def test_incidence(self, x: ModuleType, bmt: pd.DataFrame) -> None:
        # timepoints(cuminc(ftime, Status), c(6, 12, 60)): est and var of "1 1", then of "1 2"
        found = x.cumulative_incidence(bmt.ftime, bmt.Status, times=[6, 12, 60])
        assert [one.estimate for one in found.items] == pytest.approx(
            [0.1864406779661, 0.2713747645951, 0.3252740294791, 0.2655367231638, 0.4016949152542, 0.4266104300187],
            abs=1e-12,
        )
        assert [(one.std_error or 0) ** 2 for one in found.items] == pytest.approx(
            [
                0.0008631838883014,
                0.001128117079618,
                0.00131605689465,
                0.0011096861384534,
                0.001373665071320,
                0.00141341221956,
            ],
            rel=1e-9,
        )


class TestTiedCauses:
    """TIED by cuminc(t, s) and survfit(Surv(t, factor(s, 0:2)) ~ 1, conf.type = ...)."""

    def test_as_cuminc(self, x: ModuleType) -> None:
        found = x.cumulative_incidence(*TIED, times=[1, 2, 3, 4, 5])
        assert [one.estimate for one in found.items] == pytest.approx(
            [0.1, 0.3285714286, 0.3285714286, 0.4809523810, 0.6333333333]
            + [0.1, 0.1, 0.2142857143, 0.2142857143, 0.3666666667],
            abs=1e-10,
        )
        assert errors(found) == pytest.approx(
            [0.1, 0.1663943353, 0.1663943353, 0.2034435224, 0.2124293489]
            + [0.1, 0.1, 0.1465707788, 0.1465707788, 0.2124293489],
            abs=1e-10,
        )

    @pytest.mark.parametrize(
        ("conf_type", "low", "high"),
        [
            ("plain", (0, 0.02245550914, 0.13207672528), (0.2859385097, 0.6346873480, 0.8298280366)),
            ("log", (0.01557683834, 0.12942442328, 0.23284738489), (0.6419788010, 0.8341484624, 0.9934197580)),
            ("log-log", (0.005723456374, 0.076491937806, 0.139194697573), (0.3581274605, 0.6176055438, 0.7620655566)),
            ("logit", (0.01388165733, 0.10888047363, 0.18637206552), (0.4672367293, 0.6621569306, 0.7893984799)),
            (
                "arcsine",
                (0.0001404879361759, 0.0788080662121963, 0.1642013145769647),
                (0.3486614856612, 0.6486093472246, 0.8066191370226),
            ),
        ],
    )
    def test_as_survfit(self, x: ModuleType, conf_type: Any, low: tuple, high: tuple) -> None:
        found = x.cumulative_incidence(
            *TIED, times=[1, 2, 4], event_of_interest=1, variance="greenwood", conf_type=conf_type
        )
        assert errors(found) == pytest.approx([0.09486832981, 0.15618446147, 0.17800105432], abs=1e-10)
        assert [one.conf_low for one in found.items] == pytest.approx(list(low), abs=1e-9)
        assert [one.conf_high for one in found.items] == pytest.approx(list(high), abs=1e-9)

    def test_error_where_nobody_is_left(self, x: ModuleType) -> None:
        # survfit gives 0.17213917975; statsmodels' CumIncidenceRight NaN.
        one = x.cumulative_incidence(*TIED, times=[5], event_of_interest=1, variance="greenwood").items[0]
        assert one.std_error == pytest.approx(0.17213917975, abs=1e-10)

    def test_curve(self) -> None:
        got = competing_risks.cumulative_incidence_curve(*TIED)
        first = got[got.cause == 1]
        assert first.time.tolist() == [0, 1, 2, 3, 4, 5]
        assert first.n_at_risk.tolist() == [10, 10, 7, 5, 3, 2]
        assert first.n_events.tolist() == [0, 1, 2, 0, 1, 1]
        assert first.n_competing.tolist() == [0, 1, 0, 1, 0, 1]
        assert first.n_censored.tolist() == [0, 1, 0, 1, 0, 0]
        np.testing.assert_allclose(
            first.cumulative_incidence, [0, 0.1, 0.3285714286, 0.3285714286, 0.4809523810, 0.6333333333], atol=1e-10
        )
        np.testing.assert_allclose(
            first.std_error, [0, 0.1, 0.1663943353, 0.1663943353, 0.2034435224, 0.2124293489], atol=1e-10
        )


class TestMadeByAFormula:
    """i <- 1:60; t <- (i*i) %% 13 + 1; c <- (i*i + i %/% 3) %% 4; g <- (i*i*i + i %/% 7) %% 3; st <- (i %/% 4) %% 2."""

    i = np.arange(1, 61)
    time, cause = i * i % 13 + 1, (i * i + i // 3) % 4
    group, strata = (i**3 + i // 7) % 3, i // 4 % 2
    covariates = pd.DataFrame({"x": i * 3 % 7, "z": i % 2})

    @pytest.mark.parametrize(
        ("rho", "plain", "stratified"),
        [
            # cuminc(t, c, g, rho = rho)$Tests; cuminc(t, c, g, st, rho = rho)$Tests: three causes, three arms
            (
                0,
                (0.08775624203564, 5.05879917822629, 1.25905550693996),
                (0.07454819150405, 4.53799255349084, 1.35776857737979),
            ),
            (
                1,
                (0.118430582013, 4.945144579511, 1.271989351707),
                (0.09530097737328, 4.57386642245499, 1.35642980420700),
            ),
            (
                -0.5,
                (0.07477443041031, 5.02833927310439, 1.25575374351758),
                (0.06607539488325, 4.42997958653995, 1.36125303885838),
            ),
        ],
    )
    def test_gray(self, x: ModuleType, rho: float, plain: tuple, stratified: tuple) -> None:
        for strata, expected in ((None, plain), (self.strata, stratified)):
            for cause in (1, 2, 3):
                found = x.gray_test(self.time, self.cause, self.group, event_of_interest=cause, strata=strata, rho=rho)
                assert found.test_statistic == pytest.approx(expected[cause - 1], rel=1e-9)
                assert found.df == 2

    @pytest.mark.parametrize(
        ("cause", "coefficients", "std_errors"),
        [
            # crr(t, c, cbind(x = (i*3) %% 7, z = i %% 2), failcode = cause, gtol = 1e-13): every time is tied
            (1, (0.01683114738685, -0.07609436122596), (0.1740771737088, 0.6666395134226)),
            (2, (0.1117234933133, 0.1254071858482), (0.1290004094881, 0.4912949390660)),
            (3, (-0.04085096254349, -0.19135038866695), (0.1255809473541, 0.5941187969651)),
        ],
    )
    def test_fine_gray(self, x: ModuleType, cause: int, coefficients: tuple, std_errors: tuple) -> None:
        found = x.fine_gray(self.time, self.cause, None, event_of_interest=cause, covariates=self.covariates, **ALONE)
        assert logs(found) == pytest.approx(list(coefficients), rel=1e-9)
        assert errors(found) == pytest.approx(list(std_errors), rel=1e-9)

    def test_censoring_groups(self, x: ModuleType) -> None:
        # crr(t, c, cbind(x, z), cengroup = st, gtol = 1e-13): its standard errors 0.17435007 and 0.66717484 leave out,
        # in psi of one group, the events of the other; the exact derivative is in test_competing_risks.py.
        found = x.fine_gray(
            self.time,
            self.cause,
            None,
            event_of_interest=1,
            covariates=self.covariates,
            censoring_groups=self.strata,
            **ALONE,
        )
        assert logs(found) == pytest.approx([0.01559829885066, -0.06945041965925], rel=1e-9)
        assert errors(found) == pytest.approx([0.1743500729041, 0.6671748360835], rel=0.01)


class TestFinegrayOfSurvival:
    """i <- 1:100; t <- (i*37) %% 101; c <- (i*13) %% 3; no ties, where survival's and cmprsk's censoring agree.

    fg <- finegray(Surv(t, factor(c)) ~ x + z + st, etype = "1");
    coxph(Surv(fgstart, fgstop, fgstatus) ~ x + z [+ strata(st)], fg, weights = fgwt, ties = "breslow").
    """

    i = np.arange(1, 101)
    time, cause, strata = i * 37 % 101, i * 13 % 3, i // 5 % 2
    covariates = pd.DataFrame({"x": i * 3 % 7, "z": i % 2})

    @pytest.mark.parametrize(
        ("by", "expected"),
        [
            ((), (-0.004407871504603, 0.059000289296293)),
            (("strata",), (0.001435462820452, 0.106883114036427)),
            # crr(t, c, cbind(x, z), cengroup = st)
            (("censoring_groups",), (-0.0000675669418191, 0.0484097669827701)),
            # finegray in each stratum, then coxph with strata(st)
            (("strata", "censoring_groups"), (0.001343247169376, 0.104979807189263)),
        ],
    )
    def test_coefficients(self, x: ModuleType, by: tuple[str, ...], expected: tuple) -> None:
        found = x.fine_gray(
            self.time,
            self.cause,
            None,
            event_of_interest=1,
            covariates=self.covariates,
            **dict.fromkeys(by, self.strata),
            **ALONE,
        )
        assert logs(found) == pytest.approx(list(expected), abs=1e-10)

    def test_errors(self, x: ModuleType) -> None:
        # crr(t, c, cbind(x, z), gtol = 1e-13)
        found = x.fine_gray(self.time, self.cause, None, event_of_interest=1, covariates=self.covariates, **ALONE)
        assert errors(found) == pytest.approx([0.0782644100766, 0.3426436767099], rel=1e-9)
