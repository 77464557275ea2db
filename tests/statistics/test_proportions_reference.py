"""Statistics of proportions and their twins against published numbers, R 4.2.2, and other packages' documented results.

`x` is the statistic or its recalculation: every reference holds for both where there is a twin. SAS means results that
another package's tests state to come from SAS.
"""

from __future__ import annotations

from types import ModuleType
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.conventions import SAS, R
from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import proportions as twin
from evidence_lib.statistics import proportions
from tests.reference import case, data, needs_reference

ARMS = {"treatment": "A", "reference": "B"}


@pytest.fixture(params=[proportions, twin], ids=["statistic", "twin"])
def x(request: pytest.FixtureRequest) -> ModuleType:
    return request.param


def one(x1: int, n1: int, x0: int, n0: int) -> dict[str, Any]:
    """A published 2x2 table: x1 of n1 treated and x0 of n0 in the reference arm have the event."""
    return {"event": [1, 0, 1, 0], "group": list("AABB"), "count": [x1, n1 - x1, x0, n0 - x0], **ARMS}


def many(x1: list[int], n1: list[int], x0: list[int], n0: list[int]) -> dict[str, Any]:
    """Such a table in each of several strata."""
    tables = [one(*cells) for cells in zip(x1, n1, x0, n0, strict=True)]
    joined = {name: [v for table in tables for v in table[name]] for name in ("event", "group", "count")}
    return {**joined, "strata": np.repeat(np.arange(len(tables)), 4), **ARMS}


def rows(cells: Any) -> tuple[list[int], list[int], list[int]]:
    """Arms (rows), outcomes (columns) and counts of an r x c table."""
    cells = np.asarray(cells)
    arm, outcome = np.indices(cells.shape)
    return outcome.ravel().tolist(), arm.ravel().tolist(), cells.ravel().tolist()


# Data of Agresti (2013), Categorical Data Analysis, 3rd edition, p. 226: eight centres.
AGRESTI = many(
    [11, 16, 14, 2, 6, 1, 1, 4], [36, 20, 19, 16, 17, 11, 5, 6],
    [10, 22, 7, 1, 0, 0, 1, 6], [37, 32, 19, 17, 12, 10, 9, 7],
)  # fmt: skip
# R's UCBAdmissions by department: admitted and all, men and women.
UCB = many(
    [512, 353, 120, 138, 53, 22], [825, 560, 325, 417, 191, 373],
    [89, 17, 202, 131, 94, 24], [108, 25, 593, 375, 393, 341],
)  # fmt: skip
SPARSE = many([0, 3, 5, 1, 0], [6, 8, 5, 4, 3], [0, 1, 2, 0, 3], [5, 9, 6, 7, 3])
# Job satisfaction (columns) by income (rows) and gender: R's example of mantelhaen.test (Agresti 2002, p. 288).
SATISFACTION = np.array(
    [
        [[1, 3, 11, 2], [2, 3, 17, 3], [0, 1, 8, 5], [0, 2, 4, 2]],
        [[1, 1, 2, 1], [0, 3, 5, 1], [0, 0, 7, 3], [0, 1, 9, 6]],
    ]
)


class TestProportion:
    @pytest.mark.parametrize(
        ("events", "n", "method", "low", "high"),
        [
            # prop.test(x, n, correct = FALSE), prop.test(x, n, correct = TRUE), binom.test(x, n); qbeta(c(.025, .975),
            # x + .5, n - x + .5) with 0 and 1 at the ends; R 4.2.2. The tables are Newcombe's (1998, Stat Med 17:857).
            (81, 263, "wilson", 0.255288519878, 0.366209576983),
            (81, 263, "wilson-cc", 0.253508682295, 0.368176201043),
            (81, 263, "clopper-pearson", 0.252736745585, 0.367621922601),
            (81, 263, "jeffreys", 0.254521934991, 0.365647499174),
            (15, 148, "wilson", 0.0623863995307, 0.1604872417233),
            (15, 148, "wilson-cc", 0.0597782084285, 0.1644497793648),
            (15, 148, "clopper-pearson", 0.0578440100834, 0.1616504903495),
            (15, 148, "jeffreys", 0.0604485170093, 0.1576431434787),
            (0, 20, "wilson", 0, 0.161125158053),
            (0, 20, "wilson-cc", 0, 0.200453345013),
            (0, 20, "clopper-pearson", 0, 0.168433470983),
            (0, 20, "jeffreys", 0, 0.116638982905),
            (1, 29, "wilson", 0.00611321429276, 0.17175521879320),
            (1, 29, "wilson-cc", 0.00180264021328, 0.19628175100976),
            (1, 29, "clopper-pearson", 0.00087264688358, 0.17764429548872),
            (1, 29, "jeffreys", 0.00374617364906, 0.15007768600223),
            (20, 20, "wilson", 0.838874841947, 1),
            (20, 20, "wilson-cc", 0.799546654987, 1),
            (20, 20, "clopper-pearson", 0.831566529017, 1),
            (20, 20, "jeffreys", 0.883361017095, 1),
        ],
    )
    def test_limits(self, x: ModuleType, events: int, n: int, method: Any, low: float, high: float) -> None:
        got = x.proportion([1, 0], count=[events, n - events], method=method)
        assert (got.conf_low, got.conf_high) == pytest.approx((low, high), rel=1e-9, abs=0)
        assert (got.estimate, got.events, got.n) == (events / n, events, n)

    def test_agresti_coull_and_wald_by_hand(self, x: ModuleType) -> None:
        # x = 15, n = 148, z = 1.959964: p' = 16.920729 / 151.841459; z sqrt(p' q' / 151.841459); z sqrt(p q / 148).
        got = x.proportion([1, 0], count=[15, 133], method="agresti-coull")
        p, n = 16.920729410, 151.841458821
        half = 1.959963985 * (p / n * (1 - p / n) / n) ** 0.5
        assert (got.conf_low, got.conf_high) == pytest.approx((p / n - half, p / n + half), rel=1e-8)
        got = x.proportion([1, 0], count=[15, 133], method="wald")
        assert got.std_error == pytest.approx((15 * 133 / 148**3) ** 0.5)
        assert got.conf_high == pytest.approx(15 / 148 + 1.959963985 * got.std_error)


class TestRiskDifference:
    @needs_reference
    @pytest.mark.parametrize(
        ("method", "column"),
        [
            ("newcombe", "newcombe"), ("miettinen-nurminen", "mn"), ("mee", "mee"), ("agresti-caffo", "ac"),
            ("wald", "wald"),
        ],
    )  # fmt: skip
    def test_d1_newcombes_examples(self, x: ModuleType, method: Any, column: str) -> None:
        examples = case("D1")
        assert len(examples) >= 4
        for row in examples:
            got = x.risk_difference(**one(*(int(row[name]) for name in ("x1", "n1", "x2", "n2"))), method=method)
            found = (got.estimate, got.conf_low, got.conf_high)
            expected = [float(row[name]) for name in ("rd", f"{column}_lo", f"{column}_hi")]
            assert found == pytest.approx(expected, abs=1e-7), (row["id"], method)

    @pytest.mark.parametrize(
        ("cells", "method", "low", "high"),
        [
            # Newcombe (1998, Stat Med 17:873), table II, methods 5 (Mee) and 6 (Miettinen-Nurminen) of 10/10 v 0/20.
            ((10, 10, 0, 20), "miettinen-nurminen", 0.7156, 1.0),
            # Gart & Nam (1990, Biometrics 46:637), score interval without correction for skewness.
            ((7, 25, 2, 25), "mee", -0.014, 0.412),
        ],
    )
    def test_published_limits(self, x: ModuleType, cells: Any, method: Any, low: float, high: float) -> None:
        got = x.risk_difference(**one(*cells), method=method)
        digits = len(str(low).split(".")[1])
        assert (round(got.conf_low, digits), round(got.conf_high, digits)) == (low, high)

    def test_no_events_in_either_arm_in_closed_form(self, x: ModuleType) -> None:
        # With 0 / n1 and 0 / n0 the restricted proportions are at the end of their range, and z(d)^2 = c^2 solves to
        # d = u / (1 + u), u = c^2 N / ((N - 1) n), n of the treated above and of the reference below.
        c = 1.959963984540054
        for n1, n0 in ((20, 30), (1, 1), (1000, 4)):
            got = x.risk_difference(**one(0, n1, 0, n0))
            factor = c**2 * (n1 + n0) / (n1 + n0 - 1)
            low, high = -factor / n0 / (1 + factor / n0), factor / n1 / (1 + factor / n1)
            assert (got.estimate, got.conf_low, got.conf_high) == pytest.approx((0, low, high), rel=1e-9)
            # The same with everybody having the event, the arms' roles changed.
            got = x.risk_difference(**one(n1, n1, n0, n0))
            low, high = -factor / n1 / (1 + factor / n1), factor / n0 / (1 + factor / n0)
            assert (got.conf_low, got.conf_high) == pytest.approx((low, high), rel=1e-9)

    def test_farrington_manning(self, x: ModuleType) -> None:
        # Package cicalc 0.1, its printed example ci_prop_diff_mee(delta = c(0, 0.1)) of 56/70 v 48/80: 2.65 and 1.348.
        for margin, z, p in ((None, 2.65, 0.0040), (0.1, 1.348, 0.0889)):
            got = x.risk_difference(**one(56, 70, 48, 80), method="mee", margin=margin, alternative="greater")
            assert (round(got.test_statistic, 3), round(got.p_value, 4)) == (z, p)

    def test_stratified_newcombe(self, x: ModuleType) -> None:
        # Package tern 0.9, prop_diff_strat_nc(weights_method = "cmh") on its test's data, which says that SAS agrees;
        # the data are its set.seed(1) samples, tabulated by R 4.2.2.
        strata = many([8, 4, 2, 5, 6, 5], [9, 4, 5, 7, 7, 8], [3, 6, 2, 3, 3, 3], [6, 12, 5, 4, 8, 5])
        got = x.risk_difference(**strata, method="newcombe")
        expected = (0.25390590, 0.03467969, 0.44544132)
        assert (got.estimate, got.conf_low, got.conf_high) == pytest.approx(expected, abs=1e-8)

    def test_mantel_haenszel_with_satos_variance(self, x: ModuleType) -> None:
        # tern's prop_diff_cmh(diff_se = "sato", conf_level = 0.90) on its set.seed(2) samples, tabulated by R 4.2.2.
        strata = many([3, 2, 1, 8, 2, 1], [8, 9, 4, 9, 6, 6], [1, 8, 3, 4, 9, 7], [4, 11, 8, 11, 13, 11])
        got = x.risk_difference(**strata, method="mantel-haenszel", conf_level=0.9)
        found = (got.estimate, got.std_error, got.conf_low, got.conf_high)
        assert found == pytest.approx((-0.1376866, 0.1080533, -0.31541846, 0.04004526), abs=1e-7)
        # Agresti (2013), p. 231: 0.130 with standard error 0.050.
        got = x.risk_difference(**AGRESTI, method="mantel-haenszel")
        assert (round(got.estimate, 3), round(got.std_error, 3)) == (0.130, 0.050)
        # metafor 3.8-1: rma.mh(measure = "RD", ai, n1i, ci, n2i, add = 0, to = "none", drop00 = FALSE)
        got = x.risk_difference(**SPARSE, method="mantel-haenszel")
        found = (got.estimate, got.std_error, got.conf_low, got.conf_high, got.test_statistic, got.p_value)
        expected = (0.150866264357, 0.119584474327, -0.0835149984346, 0.385247527148, 1.26158738587, 0.207097297498)
        assert found == pytest.approx(expected, rel=1e-9)

    def test_stratified_miettinen_nurminen(self, x: ModuleType) -> None:
        # tern 0.9.9, prop_diff_cmh(diff_se = "miettinen_nurminen", conf_level = 0.90), same samples with arms changed.
        strata = many([1, 8, 3, 4, 9, 7], [4, 11, 8, 11, 13, 11], [3, 2, 1, 8, 2, 1], [8, 9, 4, 9, 6, 6])
        got = x.risk_difference(**strata, conf_level=0.9)
        found = np.array([got.estimate, got.conf_low, got.conf_high]) * 100
        assert found == pytest.approx((13.7686601988347, -3.45069418895496, 30.2144371774115), abs=2e-4)
        # cicalc's test of ci_prop_diff_mn_strata: -0.16116 to 0.10954 by SAS, to five digits with iterated weights;
        # set.seed(123) samples, tabulated by R 4.2.2.
        strata = many([13, 20, 15, 12], [26, 28, 26, 20], [15, 15, 20, 12], [23, 22, 33, 22])
        got = x.risk_difference(**strata, weights="mn")
        assert (round(got.conf_low, 5), round(got.conf_high, 5)) == (-0.16116, 0.10954)
        # With Mantel-Haenszel weights it is another interval.
        got = x.risk_difference(**strata)
        assert (round(got.conf_low, 5), round(got.conf_high, 5)) == (-0.16114, 0.10948)

    @pytest.mark.parametrize("strata", [AGRESTI, UCB, SPARSE], ids=["agresti", "ucb", "sparse"])
    @pytest.mark.parametrize("weights", ["mh", "mn"])
    def test_stratified_score_test_is_the_cmh_test(self, x: ModuleType, strata: Any, weights: Any) -> None:
        got = x.risk_difference(**strata, weights=weights)
        test = proportions.cmh_test(
            strata["event"], strata["group"], strata=strata["strata"], count=strata["count"], correction=False
        )
        assert got.test_statistic**2 == pytest.approx(test.test_statistic, rel=1e-9)
        assert got.p_value == pytest.approx(test.p_value, rel=1e-7)


class TestRatios:
    @pytest.mark.parametrize(
        ("cells", "risk", "odds"),
        [
            # Fagerland & Newcombe (2013, Stat Med 32:2823), Miettinen-Nurminen limits, as in ratesci's tests.
            ((24, 73, 53, 65), (0.280, 0.560), (0.050, 0.245)),
            ((29, 55, 11, 11), (0.397, 0.742), (0, 0.417)),
            ((7, 18, 1, 18), (1.296, 42.544), (1.416, 76.428)),
        ],
    )
    def test_miettinen_nurminen(self, x: ModuleType, cells: Any, risk: tuple, odds: tuple) -> None:
        got = x.risk_ratio(**one(*cells), method="miettinen-nurminen")
        assert (round(got.conf_low, 3), round(got.conf_high, 3)) == risk
        got = x.odds_ratio(**one(*cells), method="miettinen-nurminen")
        assert (round(got.conf_low, 3), round(got.conf_high, 3)) == odds

    @pytest.mark.parametrize(
        ("cells", "limits"),
        [
            # Gart & Nam (1988, Biometrics 44:323), score limits; Koopman (1984, Biometrics 40:513), his example.
            ((8, 15, 4, 15), (0.815, 5.336)),
            ((6, 10, 6, 20), (0.844, 4.594)),
            ((36, 40, 16, 80), (2.94, 7.15)),
        ],
    )
    def test_koopman(self, x: ModuleType, cells: Any, limits: tuple) -> None:
        got = x.risk_ratio(**one(*cells), method="koopman")
        digits = len(str(limits[0]).split(".")[1])
        assert (round(got.conf_low, digits), round(got.conf_high, digits)) == limits

    def test_log_scale(self, x: ModuleType) -> None:
        # epiR 2.0.57: epi.2by2(matrix(c(56, 14, 48, 32), 2, byrow = TRUE))$massoc.detail, RR and OR.strata.wald
        got = x.risk_ratio(**one(56, 70, 48, 80))
        expected = (1.33333333333, 1.07662642276, 1.65124851127)
        assert (got.estimate, got.conf_low, got.conf_high) == pytest.approx(expected, rel=1e-10)
        got = x.odds_ratio(**one(56, 70, 48, 80))
        expected = (2.66666666667, 1.27621787054, 5.57201969607)
        assert (got.estimate, got.conf_low, got.conf_high) == pytest.approx(expected, rel=1e-10)

    @pytest.mark.parametrize(
        ("strata", "risk", "odds"),
        [
            # metafor 3.8-1: rma.mh(measure = "RR" and "OR", ai, n1i, ci, n2i, add = 0, to = "none", drop00 = FALSE):
            # logarithm, standard error, z, p
            (
                SPARSE,
                (0.54208673805, 0.42928861031, 1.2627559293, 0.206676907286),
                (0.767787265747, 0.656423873615, 1.16965164828, 0.242141183577),
            ),
        ],
    )
    def test_mantel_haenszel(self, x: ModuleType, strata: Any, risk: tuple, odds: tuple) -> None:
        for got, expected in ((x.risk_ratio(**strata), risk), (x.odds_ratio(**strata), odds)):
            found = (np.log(got.estimate), got.std_error, got.test_statistic, got.p_value)
            assert found == pytest.approx(expected, rel=1e-9)

    def test_mantel_haenszel_of_known_tables(self, x: ModuleType) -> None:
        # mantelhaen.test(UCBAdmissions), R 4.2.2: common odds ratio and its limits.
        got = x.odds_ratio(**UCB)
        expected = (0.904696828259, 0.771907361759, 1.060329764437)
        assert (got.estimate, got.conf_low, got.conf_high) == pytest.approx(expected, rel=1e-10)
        # SAS documentation of PROC FREQ, migraine example: common relative risk, as in cicalc's tests.
        got = x.risk_ratio(**many([16, 12], [27, 28], [5, 7], [25, 26]))
        found = (round(got.estimate, 4), round(got.conf_low, 4), round(got.conf_high, 4))
        assert found == (2.1636, 1.2336, 3.7948)

    @needs_reference
    def test_mantel_haenszel_of_the_bcg_trials(self, x: ModuleType) -> None:
        # metafor 3.8-1: rma.mh(measure = "RD", "RR", "OR", ai = tpos, bi = tneg, ci = cpos, di = cneg, data = dat.bcg)
        bcg = data("rates/dat_bcg.csv")
        strata = many(
            bcg.tpos.tolist(), (bcg.tpos + bcg.tneg).tolist(), bcg.cpos.tolist(), (bcg.cpos + bcg.cneg).tolist()
        )
        got = x.risk_difference(**strata, method="mantel-haenszel")
        assert (got.estimate, got.std_error) == pytest.approx((-0.00328818183261, 0.000286656748527), rel=1e-9)
        got = x.risk_ratio(**strata)
        assert (np.log(got.estimate), got.std_error) == pytest.approx((-0.453709604684, 0.0393373668713), rel=1e-9)
        got = x.odds_ratio(**strata)
        assert (np.log(got.estimate), got.std_error) == pytest.approx((-0.473410988389, 0.0410077784042), rel=1e-9)

    @pytest.mark.parametrize(
        ("cells", "p", "estimate", "low", "high"),
        [
            # fisher.test(matrix(c(x1, n1 - x1, x0, n0 - x0), 2, byrow = TRUE)), R 4.2.2; Inf is not estimable here.
            ((3, 4, 1, 4), 0.485714285714286, 6.408308867005788, 0.211732915305503, 621.933750545417297),
            ((10, 12, 3, 18), 5.36724119143436e-04, 21.3053312750167, 2.75343836564203, 300.682787419398),
            ((0, 12, 5, 13), 0.0391304347826087, 0, 0, 0.9868930218954407),
            ((7, 7, 3, 7), 0.06993006993007, None, 0.84988706644921, None),
            ((56, 70, 48, 80), 0.0125211297492092, 2.6491902706413875, 1.2091181500587498, 6.0405614538380341),
        ],
    )
    def test_exact(self, x: ModuleType, cells: Any, p: float, estimate: float, low: float, high: float) -> None:
        got = x.odds_ratio(**one(*cells), method="exact")
        # R's roots are good to 1.2e-4 of an odds ratio or of its reciprocal (uniroot's default).
        for ours, theirs in ((got.estimate, estimate), (got.conf_low, low), (got.conf_high, high)):
            if not ours or not theirs:
                assert ours == theirs
                continue
            assert min(abs(ours - theirs), abs(1 / ours - 1 / theirs)) < 1.3e-4
        assert got.p_value == pytest.approx(p, rel=1e-10)
        event, group, count = one(*cells)["event"], one(*cells)["group"], one(*cells)["count"]
        assert proportions.fisher_exact(event, group, count=count).p_value == pytest.approx(p, rel=1e-10)


class TestAssociation:
    @pytest.mark.parametrize(
        ("cells", "p"),
        [
            # fisher.test(Job), R 4.2.2, its example (Agresti 2002, p. 57); others with workspace = 2e8
            ([[1, 3, 10, 6], [2, 3, 10, 7], [1, 6, 14, 12], [0, 1, 9, 11]], 0.782684938965639),
            ([[30, 40, 50], [35, 20, 60], [10, 40, 20]], 2.89963267891204e-06),
            ([[13, 7, 15, 4], [13, 17, 14, 15], [2, 4, 3, 15]], 0.000723125454846),
            ([[26, 4, 9, 2], [18, 1, 21, 3], [16, 16, 2, 6]], 2.05910424563e-07),
            ([[3, 1, 2, 3, 1], [0, 2, 1, 3, 0], [0, 2, 2, 0, 1], [1, 3, 1, 1, 5]], 0.225705518603),
            ([[15, 37, 1, 14, 13, 32], [38, 7, 15, 7, 23, 11]], 4.77368840239e-12),
            ([[1000, 2000], [1100, 1900], [900, 2100]], 3.05009516716731e-07),
        ],
    )
    def test_fisher_of_larger_tables(self, cells: Any, p: float) -> None:
        for table in (np.array(cells), np.array(cells).T):
            outcome, arm, count = rows(table)
            assert proportions.fisher_exact(outcome, arm, count=count).p_value == pytest.approx(p, rel=1e-7)

    def test_chi_square(self) -> None:
        # chisq.test(matrix(c(56, 14, 48, 32), 2, byrow = TRUE)), correct = FALSE, chisq.test(Job); prop.test(c(56, 48,
        # 30), c(70, 80, 60)); R 4.2.2
        outcome, arm, count = rows([[56, 14], [48, 32]])
        got = proportions.chi_square(outcome, arm, count=count)
        assert (got.test_statistic, got.df, got.p_value) == pytest.approx((6.1142704103, 1, 0.0134094751787), rel=1e-9)
        for choice in ({"correction": False}, {"convention": SAS}):
            got = proportions.chi_square(outcome, arm, count=count, **choice)
            assert (got.test_statistic, got.p_value) == pytest.approx((7.02341137124, 0.0080450813682), rel=1e-9)
        outcome, arm, count = rows([[1, 3, 10, 6], [2, 3, 10, 7], [1, 6, 14, 12], [0, 1, 9, 11]])
        got = proportions.chi_square(outcome, arm, count=count)
        assert (got.test_statistic, got.df, got.p_value) == pytest.approx((5.96551458877, 9, 0.743364725053), rel=1e-9)
        outcome, arm, count = rows([[56, 14], [48, 32], [30, 30]])
        got = proportions.chi_square(outcome, arm, count=count)
        assert (got.test_statistic, got.df, got.p_value) == pytest.approx(
            (13.4033778476, 2, 0.00122883474084), rel=1e-9
        )

    def test_chi_square_corrected_to_zero(self) -> None:
        # chisq.test(matrix(c(1, 1, 1, 2), 2)), R 4.2.2: X-squared = 0, p = 1
        got = proportions.chi_square([1, 0, 1, 0], list("AABB"), count=[1, 1, 1, 2])
        assert (got.test_statistic, got.p_value) == (0, 1)

    def test_cmh_of_2x2_tables(self) -> None:
        # mantelhaen.test(UCBAdmissions): 1.4269 with continuity correction, 1.5246 without; R 4.2.2
        arguments = (UCB["event"], UCB["group"])
        options = {"strata": UCB["strata"], "count": UCB["count"]}
        got = proportions.cmh_test(*arguments, **options, convention=R)
        assert (got.test_statistic, got.df, got.p_value) == pytest.approx((1.42694622859, 1, 0.232263462817), rel=1e-9)
        got = proportions.cmh_test(*arguments, **options, convention=SAS)
        assert (got.test_statistic, got.p_value) == pytest.approx((1.52460666044, 0.216923697056), rel=1e-9)
        for correction, statistic in ((True, 1.42694622859), (False, 1.52460666044)):
            got = proportions.cmh_test(*arguments, **options, convention=SAS, correction=correction)
            assert got.test_statistic == pytest.approx(statistic, rel=1e-9)

    def test_cmh_of_larger_tables(self) -> None:
        stratum, income, satisfaction = np.indices(SATISFACTION.shape)
        arguments = (satisfaction.ravel(), income.ravel())
        options: dict[str, Any] = {"strata": stratum.ravel(), "count": SATISFACTION.ravel()}
        # mantelhaen.test(Satisfaction), R 4.2.2, and coin 1.4-2: statistic(cmh_test(sat ~ income | gender))
        got = proportions.cmh_test(*arguments, **options)
        assert (got.test_statistic, got.df, got.p_value) == pytest.approx((10.2000887578, 9, 0.334531183398), rel=1e-9)
        # coin 1.4-2: cmh_test(ordered sat ~ income | gender, scores = list(sat = c(1, 3, 4, 5)))
        scores = np.array([1, 3, 4, 5])[arguments[0]]
        got = proportions.cmh_test(scores, arguments[1], **options, statistic="row-means")
        assert (got.test_statistic, got.df, got.p_value) == pytest.approx((9.03422210916, 3, 0.0288393282463), rel=1e-9)
        # coin 1.4-2: independence_test(r ~ income | gender, teststat = "quadratic"), r = ave(sat, gender, FUN =
        # function(y) rank(y) / (length(y) + 1))
        got = proportions.cmh_test(scores, arguments[1], **options, statistic="row-means", scores="modified-ridit")
        assert (got.test_statistic, got.df, got.p_value) == pytest.approx((8.45267250079, 3, 0.0375265696333), rel=1e-9)

    @needs_reference
    def test_a4_adverse_events(self) -> None:
        expected = case("A4")
        events, subjects = data("cdisc-pilot/adae.csv.gz"), data("cdisc-pilot/adsl.csv")
        events, subjects = events[events.TRTEMFL == "Y"], subjects[subjects.SAFFL == "Y"]

        def counts(chosen: Any) -> tuple[pd.Series, list[list[int]]]:
            rows = events[chosen]
            has = subjects.USUBJID.isin(rows.USUBJID).astype(int)
            people, all_rows = has.groupby(subjects.TRT01AN).sum(), rows.TRTAN.value_counts()
            return has, [[int(people[arm]), int(all_rows[arm])] for arm in (0, 54, 81)]

        def p_values(has: pd.Series) -> list[float]:
            found = [
                proportions.fisher_exact(has, subjects.TRT01AN, treatment=arm, reference=0).p_value for arm in (54, 81)
            ]
            return [round(p, 3) for p in found if p is not None]

        has, any_event = counts(events.TRTEMFL == "Y")
        assert any_event == expected["any"]
        assert p_values(has) == expected["any_p"]
        has, pruritus = counts(events.AEDECOD == "APPLICATION SITE PRURITUS")
        assert [row[0] for row in pruritus] == expected["app_site_pruritus"]
        assert p_values(has) == [expected["pruritus_p"]] * 2
        has, cardiac = counts(events.AESOC == "CARDIAC DISORDERS")
        assert [row[0] for row in cardiac] == expected["cardiac"]
        assert p_values(has) == expected["cardiac_p"]
        _, general = counts(events.AESOC == "GENERAL DISORDERS AND ADMINISTRATION SITE CONDITIONS")
        assert [row[0] for row in general] == expected["general"]

    @needs_reference
    def test_a6_reasons_for_stopping(self) -> None:
        expected = case("A6")
        subjects = data("cdisc-pilot/adsl.csv")
        subjects = subjects[subjects.ITTFL == "Y"]
        stopped = subjects.COMP24FL != "Y"
        adverse = stopped & (subjects.DCREASCD == "Adverse Event")
        assert (~stopped).groupby(subjects.TRT01PN).sum().tolist() == expected["completed"]
        assert adverse.groupby(subjects.TRT01PN).sum().tolist() == expected["ae_discont"]
        lack = (stopped & (subjects.DCREASCD == "Lack of Efficacy")).astype(int)
        got = proportions.fisher_exact(lack, subjects.TRT01PN)
        assert got.p_value is not None
        assert round(got.p_value, 4) == expected["lack_eff_p"]


@needs_reference
class TestAdjusted:
    """The data are beeca's; its tests and documentation state what its functions, and RobinCar's, give for them."""

    def test_trial01(self, x: ModuleType) -> None:
        trial = data("rates/trial01.csv").dropna(subset=["aval"])
        arguments = (trial.aval, trial.trtp)
        options: dict[str, Any] = {"treatment": 1, "reference": 0, "covariates": trial[["bl_cov"]]}
        # beeca 0.2: glm(aval ~ trtp + bl_cov) |> get_marginal_effect(method = "Ye", contrast = "diff"): -0.0684,
        # 0.0609, z -1.12, p 0.261; its test of the variance, which RobinCar gives too: 0.003706813
        got = x.adjusted_risk_difference(*arguments, **options)
        assert round(got.std_error**2, 9) == 0.003706813
        found = (round(got.estimate, 4), round(got.std_error, 4), round(got.test_statistic, 2), round(got.p_value, 3))
        assert found == (-0.0684, 0.0609, -1.12, 0.261)
        assert (got.n, got.events) == (267, 121)
        # beeca's test with strata = cut(bl_cov, 4), permuted blocks: 0.003664811
        trial["quarter"] = pd.cut(trial.bl_cov, 4).astype(str)
        options["covariates"] = trial[["bl_cov", "quarter"]]
        got = x.adjusted_risk_difference(*arguments, **options, strata=trial.quarter)
        assert round(got.std_error**2, 9) == 0.003664811

    @pytest.mark.parametrize(
        ("hc", "trial01", "two", "three"),
        [
            # glm(aval ~ trtp + bl_cov), glm(AVAL ~ TRTPN + SEX + AGE) of arms 1 and 3 and of all three; R 4.2.2: root
            # of g' V g, g the mean difference of p (1 - p) x under both arms, V the inverse information or a sandwich
            ("model", 0.0607164133933, 0.0713674831153, 0.0712010180999),
            ("hc0", 0.0607685299247, 0.0716111358512, 0.0717108859206),
            ("hc1", 0.0611128302999, 0.0724687848149, 0.0724272961734),
            ("hc2", 0.0611108458513, 0.0725038841120, 0.0724684297553),
            ("hc3", 0.0614558108818, 0.0734105103739, 0.0732355369292),
        ],
    )
    def test_delta_method(self, x: ModuleType, hc: Any, trial01: float, two: float, three: float) -> None:
        first = data("rates/trial01.csv").dropna(subset=["aval"])
        options: dict[str, Any] = {"variance": "ge", "hc": hc}
        got = x.adjusted_risk_difference(
            first.aval, first.trtp, treatment=1, reference=0, covariates=first[["bl_cov"]], **options
        )
        assert (got.estimate, got.std_error) == pytest.approx((-0.0683639880852, trial01), rel=1e-9)
        second = data("rates/trial02_cdisc.csv")
        for arms, estimate, error in (("two", 0.383395177946, two), ("all", 0.376078812129, three)):
            got = x.adjusted_risk_difference(
                second.AVAL, second.TRTPN, treatment=3, reference=1, covariates=second[["SEX", "AGE"]], arms=arms,
                **options,
            )  # fmt: skip
            assert (got.estimate, got.std_error) == pytest.approx((estimate, error), rel=1e-9)

    def test_three_arms(self, x: ModuleType) -> None:
        # beeca's test of glm(AVAL ~ TRTPN + SEX), method "Ye", which RobinCar gives too: covariances of the three
        # risks, without and with strata = "SEX"
        trial = data("rates/trial02_cdisc.csv")
        simple = [
            [2.652272364e-03, 2.576978801e-06, -5.244417729e-07],
            [2.576978801e-06, 2.303420439e-03, 1.053457633e-05],
            [-5.244417729e-07, 1.053457633e-05, 2.379076091e-03],
        ]
        blocks = [
            [2.622886513e-03, -7.797320489e-06, -4.923527008e-06],
            [-7.797320489e-06, 2.288915038e-03, 1.360521021e-05],
            [-4.923527008e-06, 1.360521021e-05, 2.376256827e-03],
        ]
        for treatment, reference in ((2, 1), (3, 1), (3, 2)):
            for covariance, strata in ((np.array(simple), None), (np.array(blocks), trial.SEX)):
                got = x.adjusted_risk_difference(
                    trial.AVAL, trial.TRTPN, treatment=treatment, reference=reference, covariates=trial[["SEX"]],
                    arms="all", strata=strata,
                )  # fmt: skip
                i, j = treatment - 1, reference - 1
                variance = covariance[i, i] + covariance[j, j] - 2 * covariance[i, j]
                assert got.std_error**2 == pytest.approx(variance, rel=1e-8)

    def test_a_category_of_one_patient_separates(self, x: ModuleType) -> None:
        # One patient of the cdisc trial is American Indian: R's glm does not converge with RACE in the model.
        trial = data("rates/trial02_cdisc.csv")
        got = x.adjusted_risk_difference(
            trial.AVAL, trial.TRTPN, treatment=3, reference=1, covariates=trial[["SEX", "RACE", "AGE"]]
        )
        assert (got.status, got.estimate) == ("not_estimable", None)


class TestTraps:
    """What STATISTICS of other libraries give where ours must differ."""

    def test_statsmodels_score_interval_of_a_difference(self, x: ModuleType) -> None:
        from statsmodels.stats.proportion import confint_proportions_2indep

        wrong = confint_proportions_2indep(56, 70, 48, 80, method="score", compare="diff")
        assert tuple(round(v, 4) for v in wrong) == (0.0526, 0.3440)
        got = x.risk_difference(**one(56, 70, 48, 80))
        assert (round(got.conf_low, 4), round(got.conf_high, 4)) == (0.0528, 0.3382)
        with pytest.raises(Exception):  # noqa: B017, PT011 - whatever it is, it is no interval
            confint_proportions_2indep(9, 10, 3, 10, method="score", compare="diff")
        assert x.risk_difference(**one(9, 10, 3, 10)).status == "ok"

    def test_statsmodels_frequencies_are_no_weights(self, x: ModuleType) -> None:
        import statsmodels.api as sm

        event, group = [1, 0, 1, 0, 1, 0, 1, 0], list("AABBAABB")
        covariate, count = [0, 0, 0, 0, 1, 1, 1, 1], [20, 30, 15, 40, 33, 12, 25, 21]
        design = np.column_stack([np.ones(8), np.array(group) == "A", covariate])
        each = np.repeat(np.arange(8), count)
        # Weights of 10 for each patient are not ten patients: with freq_weights the robust error shrinks all the same.
        args = (np.array(event)[each], design[each], sm.families.Binomial())
        plain = sm.GLM(*args).fit(cov_type="HC0").bse[1]
        wrong = sm.GLM(*args, freq_weights=np.full(each.size, 10.0)).fit(cov_type="HC0").bse[1]
        right = sm.GLM(*args, var_weights=np.full(each.size, 10.0)).fit(cov_type="HC0").bse[1]
        assert (wrong, right) == pytest.approx((plain / 10**0.5, plain))
        # Ours are frequencies and say so: they must be whole numbers, and count patients.
        options: dict[str, Any] = {**ARMS, "variance": "ge", "hc": "hc0"}
        frame = pd.DataFrame({"z": covariate})
        short = x.adjusted_risk_difference(event, group, covariates=frame, count=count, **options)
        long = x.adjusted_risk_difference(
            np.array(event)[each], np.array(group)[each], covariates=frame.iloc[each], **options
        )
        assert (short.std_error, short.n) == pytest.approx((long.std_error, sum(count)), rel=1e-9)
        weights = np.array(count) + 0.5
        with pytest.raises(InvalidInput, match="count cannot be used; expected a whole number"):
            proportions.adjusted_risk_difference(event, group, covariates=frame, count=weights, **options)

    def test_scipy_odds_ratio_of_fishers_test(self, x: ModuleType) -> None:
        from scipy.stats import fisher_exact

        sample = fisher_exact([[3, 1], [1, 3]])[0]
        assert sample == 9
        got = x.odds_ratio(**one(3, 4, 1, 4), method="exact")
        assert got.estimate == pytest.approx(6.408309, abs=1e-4)
