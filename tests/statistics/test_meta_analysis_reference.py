"""Meta-analysis against published results and R. R is 4.2.2 with metafor 3.8-1; commands stand beside."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.results import Estimate
from evidence_lib.statistics.meta_analysis import funnel, meta_regression, pool, pool_counts, study_effects
from tests.reference import case, data, needs_reference

# Five studies alike: Q is 0.88 with 4 degrees of freedom.
ALIKE = ([0.10, 0.22, 0.15, 0.05, 0.18], [0.10, 0.15, 0.2, 0.12, 0.3])
TIED = ([0.2, 0.2, 0.5, -0.1, 0.3, 0.9, 0.4], [0.1, 0.1, 0.2, 0.2, 0.15, 0.4, 0.3])
# Rare events: events and patients of the treated, then of the reference arm; two studies have no event at all.
RARE = ([0, 3, 2, 0, 5, 0], [20, 50, 30, 40, 60, 25], [2, 0, 5, 0, 9, 0], [22, 45, 30, 35, 58, 20])


def bcg() -> pd.DataFrame:
    return data("rates/dat_bcg.csv")


def counts(frame: pd.DataFrame) -> tuple[Any, ...]:
    treated, reference = frame["tpos"] + frame["tneg"], frame["cpos"] + frame["cneg"]
    return frame["tpos"], treated, frame["cpos"], reference


def risk_ratios() -> tuple[Any, Any]:
    effects = study_effects(*counts(bcg()), measure="risk-ratio")
    return effects["estimate"], effects["std_error"]


def logs(found: Estimate) -> list[float]:
    """Effect, standard error and limits on the log scale."""
    assert found.estimate is not None
    assert found.conf_low is not None
    assert found.conf_high is not None
    return [math.log(found.estimate), found.std_error or math.nan, math.log(found.conf_low), math.log(found.conf_high)]


@needs_reference
def test_d4_bcg() -> None:
    expected = case("D4")
    near: dict[str, Any] = {"abs": 1e-4}
    found = pool(*risk_ratios(), scale="log", model="reml", prediction="z")
    assert logs(found.effect)[:2] == pytest.approx(expected["reml"], **near)
    assert found.tau_squared is not None
    assert found.tau_squared.estimate == pytest.approx(expected["tau2"], **near)
    assert found.heterogeneity.test_statistic == pytest.approx(expected["Q"], abs=5e-4)
    assert (found.i_squared.estimate or 0) * 100 == pytest.approx(expected["I2"], abs=5e-3)
    assert found.prediction is not None
    assert [found.prediction.conf_low, found.prediction.conf_high] == pytest.approx(expected["pi"], abs=5e-4)
    found = pool(*risk_ratios(), scale="log", model="dersimonian-laird")
    assert logs(found.effect)[:2] == pytest.approx(expected["dl"], **near)
    found = pool(*risk_ratios(), scale="log", model="reml", interval="hartung-knapp")
    assert logs(found.effect)[2:] == pytest.approx(expected["hksj_ci"], **near)
    slope = meta_regression(*risk_ratios(), bcg()[["ablat"]], scale="log").coefficients.where(variable="ablat")
    assert math.log(slope.estimate or 0) == pytest.approx(expected["mod_ablat"], **near)


@needs_reference
@pytest.mark.parametrize(
    ("model", "effect", "tau2", "prediction", "i2"),
    [
        # e <- escalc(measure = "RR", ...); f <- rma(yi, vi, data = e, method = ..., control = list(threshold = 1e-14))
        # (PM: tol = 1e-14); c(f$beta, f$se, f$ci.lb, f$ci.ub), f$tau2, predict(f), f$I2
        (
            "reml",
            [-0.7145323421581, 0.1797815161052, -1.06689763881, -0.3621670455059],
            0.3132432581365,
            (-1.866692217903, 0.4376275335866),
            92.22138452127,
        ),
        (
            "dersimonian-laird",
            [-0.7141172220732, 0.1787420895354, -1.064445280084, -0.3637891640624],
            0.3087602628624,
            (-1.858153752732, 0.4299193085857),
            92.11734685456,
        ),
        ("paule-mandel", [-0.7149681534934, 0.1808921915376], 0.318068452205, None, 92.33033795415),
        (
            "ml",
            [-0.7111991354742, 0.1718968087769, -1.048110689734, -0.3742875812141],
            0.2800281372686,
            (-1.801715505524, 0.3793172345759),
            91.37828378945,
        ),
    ],
)
def test_bcg_random_effects(
    model: Any, effect: list[float], tau2: float, prediction: tuple[float, float] | None, i2: float
) -> None:
    found = pool(*risk_ratios(), scale="log", model=model)
    assert logs(found.effect)[: len(effect)] == pytest.approx(effect, rel=1e-9)
    assert found.tau_squared is not None
    assert found.tau_squared.estimate == pytest.approx(tau2, rel=1e-9)
    assert (found.i_squared.estimate or 0) * 100 == pytest.approx(i2, rel=1e-9)
    # confint(f, control = list(tol = 1e-12))
    limits = (found.tau_squared.conf_low, found.tau_squared.conf_high)
    assert limits == pytest.approx((0.1197183611412, 1.111479084061), rel=1e-9)
    limits = (found.i_squared.conf_low, found.i_squared.conf_high)
    assert limits == pytest.approx((0.819205745585831, 0.97678074957887), rel=1e-9)
    limits = (found.h_squared.conf_low, found.h_squared.conf_high)
    assert limits == pytest.approx((5.5311492239636, 43.06771243098), rel=1e-9)
    assert found.heterogeneity.test_statistic == pytest.approx(152.2330080824, rel=1e-10)
    assert found.prediction is not None
    if prediction is not None:
        assert logs(found.prediction)[2:] == pytest.approx(prediction, rel=1e-9)


@needs_reference
def test_bcg_fixed_effect_and_other_intervals() -> None:
    # rma(yi, vi, data = e, method = "EE")
    found = pool(*risk_ratios(), scale="log", model="fixed")
    expected = [-0.4302851636541, 0.04049875171086, -0.5096612584262, -0.350909068882]
    assert logs(found.effect) == pytest.approx(expected, rel=1e-9)
    assert found.effect.p_value == pytest.approx(2.288629306973e-26, rel=1e-8)
    assert ((found.i_squared.estimate or 0) * 100, found.h_squared.estimate) == pytest.approx(
        (92.11734685456, 12.68608400686), rel=1e-10
    )
    # rma(yi, vi, data = e, test = "knha"), and "adhoc", which is the same here
    for interval in ("hartung-knapp", "hartung-knapp-guarded"):
        found = pool(*risk_ratios(), scale="log", interval=interval)  # type: ignore[arg-type]
        expected = [-0.7145323421581, 0.1807917440928, -1.108443713686, -0.3206209706307]
        assert logs(found.effect) == pytest.approx(expected, rel=1e-9)
        assert (found.effect.p_value, found.effect.df) == (pytest.approx(0.001920015096057, rel=1e-9), 12)
        assert found.prediction is not None
        assert logs(found.prediction)[2:] == pytest.approx([-1.996016834196, 0.5669521498799], rel=1e-9)
    # predict(f, pi.type = "riley") of REML, by hand to more digits: beta -+ qt(.975, k - 2) sqrt(se^2 + tau2)
    found = pool(*risk_ratios(), scale="log", prediction="t(k-2)")
    assert found.prediction is not None
    assert logs(found.prediction)[2:] == pytest.approx([-2.0083759069226, 0.5793112226063], rel=1e-9)


def test_studies_alike() -> None:
    # rma(y, sei = s), test = "knha", "adhoc"; confint(rma(y, sei = s), control = list(tol = 1e-12))
    for model in ("reml", "dersimonian-laird", "paule-mandel", "ml"):
        found = pool(*ALIKE, scale="identity", model=model)  # type: ignore[arg-type]
        assert (found.effect.estimate, found.effect.std_error) == pytest.approx((0.116, 0.06324555320337), rel=1e-10)
        assert found.tau_squared is not None
        assert (found.tau_squared.estimate, found.tau_squared.conf_low) == (0, 0)
        assert found.tau_squared.conf_high == pytest.approx(0.0159092041866, rel=1e-4)
        assert (found.i_squared.estimate, found.h_squared.estimate) == (0, 1)
        assert found.i_squared.conf_high == pytest.approx(0.416970015135114, rel=1e-4)
    narrow = pool(*ALIKE, scale="identity", interval="hartung-knapp").effect
    assert (narrow.std_error, narrow.conf_low, narrow.conf_high) == pytest.approx(
        (0.02971905486758, 0.0334866755818, 0.1985133244182), rel=1e-9
    )
    guarded = pool(*ALIKE, scale="identity", interval="hartung-knapp-guarded").effect
    assert (guarded.std_error, guarded.conf_low, guarded.conf_high) == pytest.approx(
        (0.06324555320337, -0.05959780661702, 0.291597806617), rel=1e-9
    )


def test_two_studies() -> None:
    # f <- rma(c(.1, .9), sei = c(.2, .25)); test = "knha"; metafor stops looking for the upper limit of tau2 at 100
    found = pool([0.1, 0.9], [0.2, 0.25], scale="identity")
    assert found.tau_squared is not None
    assert found.effect.std_error == pytest.approx(0.3997527311899, rel=1e-10)
    assert found.tau_squared.estimate == pytest.approx(0.26875, rel=1e-10)
    assert found.tau_squared.conf_low == pytest.approx(0.01244571046573, rel=1e-8)
    assert (found.tau_squared.conf_high or 0) > 100
    found = pool([0.1, 0.9], [0.2, 0.25], scale="identity", interval="hartung-knapp")
    assert (found.effect.conf_low, found.effect.conf_high) == pytest.approx((-4.593402546343, 5.565277546343), rel=1e-9)


def test_the_greater_of_two_maxima_of_the_likelihood() -> None:
    # e <- escalc(measure = "RR", ...); f <- rma(yi, vi, data = e, method = "ML"): tau2 0, log-likelihood -8.147943;
    # with control = list(tau2.init = 0.2): tau2 0.1766919, log-likelihood -6.194657
    found = ([58, 14, 5, 10, 0, 1], [58, 66, 74, 150, 17, 193], [106, 5, 14, 7, 1, 0], [199, 12, 154, 121, 102, 126])
    effects = study_effects(*found, measure="risk-ratio")
    one = pool(effects["estimate"], effects["std_error"], scale="log", model="ml").tau_squared
    assert one is not None
    assert one.estimate == pytest.approx(0.1766919, abs=2e-6)


@needs_reference
def test_bcg_meta_regression() -> None:
    # f <- rma(yi, vi, mods = ~ ablat, data = e); f$QM, f$QE, f$I2, f$H2, f$R2; confint(f)
    found = meta_regression(*risk_ratios(), bcg()[["ablat"]], scale="log")
    values = [(math.log(e.estimate or 0), e.std_error) for e in found.coefficients.items]
    assert values[0] == pytest.approx((0.25146821000737, 0.249095396616765), rel=1e-8)
    assert values[1] == pytest.approx((-0.02910172501165, 0.007195327220905), rel=1e-8)
    assert (found.moderators.test_statistic, found.moderators.df) == pytest.approx((16.35823214716, 1), rel=1e-9)
    assert found.moderators.p_value == pytest.approx(5.242793973809e-05, rel=1e-8)
    assert found.heterogeneity.test_statistic == pytest.approx(30.73309001075, rel=1e-10)
    assert found.heterogeneity.p_value == pytest.approx(0.00121429098742, rel=1e-9)
    assert found.tau_squared is not None
    assert found.r_squared is not None
    limits = [found.tau_squared.estimate, found.tau_squared.conf_low, found.tau_squared.conf_high]
    assert limits == pytest.approx([0.0763479639552, 0.01668006832083, 0.7848352545755], rel=1e-8)
    shares = [found.i_squared.estimate, found.h_squared.estimate, found.r_squared.estimate]
    assert shares == pytest.approx([0.6839122483818, 3.163678424363, 0.7562662181162], rel=1e-8)


@needs_reference
def test_bcg_meta_regression_by_knapp_and_hartung() -> None:
    # rma(yi, vi, mods = ~ ablat + alloc + year, data = e, test = "knha"): beta, se, ci.lb, ci.ub, pval
    expected = [
        [-14.498357935678531, 39.35249905927477, -105.24538349698420, 76.248667625627149, 0.7221164797353],
        [-0.023557760228384, 0.01355301976609, -0.05481107985349, 0.007695559396723, 0.1203745409730],
        [-0.342068296244392, 0.42843318054239, -1.33003698223381, 0.645900389745024, 0.4476798729956],
        [0.010097375710125, 0.45785602355002, -1.04572050792435, 1.065915259344597, 0.9829453406275],
        [0.007480616272105, 0.01992087799378, -0.03845701075846, 0.053418243302667, 0.7170377267734],
    ]
    ratio, std_error = risk_ratios()
    moderators = bcg()[["ablat", "alloc", "year"]]
    found = meta_regression(np.log(ratio), std_error, moderators, scale="identity", interval="hartung-knapp")
    names = [e.groups["variable"] for e in found.coefficients.items]
    assert names == ["intercept", "ablat", "alloc=random", "alloc=systematic", "year"]
    for one, row in zip(found.coefficients.items, expected, strict=True):
        values = [one.estimate, one.std_error, one.conf_low, one.conf_high, one.p_value]
        assert values == pytest.approx(row, rel=1e-7)
        assert one.df == 8
    assert (found.moderators.unit, found.moderators.df) == ("F", 4)
    values = [found.moderators.test_statistic, found.moderators.p_value, found.heterogeneity.test_statistic]
    assert values == pytest.approx([2.266797236418, 0.1508585599466, 26.20296598824], rel=1e-8)
    assert found.r_squared is not None
    assert found.r_squared.estimate == pytest.approx(0.4266674815909, rel=1e-7)


@needs_reference
@pytest.mark.parametrize(
    ("model", "slopes", "tau2", "qm", "r2"),
    [
        # rma(yi, vi, mods = ~ ablat + year, data = e, method = "DL", "PM" (tol 1e-14), "ML", "EE"): beta, tau2, QM, R2
        ("dersimonian-laird", (-0.02876448398973, 0.000772079781769), 0.07903895780913, 15.93143827026, 74.40118845722),
        ("paule-mandel", (-0.02701957800898, 0.003179954514214), 0.1716371157245, 8.481534516874, 46.03768008595),
        ("ml", (-0.03085142265981, -0.003190062080082), 0.0268731993141, 33.93820493149, 90.40339318176),
        ("fixed", (-0.03387544941048, -0.008466039114847), None, 123.9078644244, None),
    ],
)
def test_bcg_meta_regression_by_other_models(
    model: Any, slopes: tuple[float, float], tau2: float | None, qm: float, r2: float | None
) -> None:
    ratio, std_error = risk_ratios()
    found = meta_regression(np.log(ratio), std_error, bcg()[["ablat", "year"]], scale="identity", model=model)
    assert [e.estimate for e in found.coefficients.items[1:]] == pytest.approx(slopes, rel=1e-7)
    assert found.moderators.test_statistic == pytest.approx(qm, rel=1e-7)
    assert found.heterogeneity.test_statistic == pytest.approx(28.32514365626, rel=1e-9)
    if tau2 is None or r2 is None:
        assert (found.tau_squared, found.r_squared) == (None, None)
        assert found.i_squared.estimate == pytest.approx(0.6469567772945, rel=1e-9)
        return
    assert found.tau_squared is not None
    assert found.r_squared is not None
    assert found.tau_squared.estimate == pytest.approx(tau2, rel=1e-7)
    assert (found.r_squared.estimate or 0) * 100 == pytest.approx(r2, rel=1e-7)


@needs_reference
@pytest.mark.parametrize(
    ("measure", "effect", "q", "i2", "weights"),
    [
        # f <- rma.mh(measure = ..., ai = tpos, bi = tneg, ci = cpos, di = cneg, data = d): beta, se, ci.lb, ci.ub, QE,
        # I2; head(weights(f), 3)
        (
            "odds-ratio",
            [-0.4734109883886, 0.04100777840423, -0.5537847571469, -0.3930372196303],
            163.9425795692,
            92.68036404482,
            [0.6565273737451, 1.877225492974, 0.7307443626309],
        ),
        (
            "risk-ratio",
            [-0.4537096046838, 0.03933736687129, -0.5308094269981, -0.3766097823694],
            152.5675535867,
            92.13463169731,
            [0.6562954307275, 1.851846593893, 0.7160296370935],
        ),
        (
            "risk-difference",
            [-0.003288181832613, 0.0002866567485274, -0.003850018735652, -0.002726344929574],
            386.7759418366,
            96.89742853627,
            [0.0747657135993, 0.1744337931147, 0.1291046787115],
        ),
    ],
)
def test_bcg_by_mantel_and_haenszel(
    measure: Any, effect: list[float], q: float, i2: float, weights: list[float]
) -> None:
    found = pool_counts(*counts(bcg()), measure=measure)
    one = found.effect
    plain = [one.estimate, one.std_error, one.conf_low, one.conf_high]
    values = plain if measure == "risk-difference" else logs(one)
    assert values == pytest.approx(effect, rel=1e-9)
    assert found.heterogeneity.test_statistic == pytest.approx(q, rel=1e-9)
    assert (found.i_squared.estimate or 0) * 100 == pytest.approx(i2, rel=1e-9)
    assert list(found.studies["weight"][:3] * 100) == pytest.approx(weights, rel=1e-9)
    frame = bcg()
    assert one.n == frame[["tpos", "tneg", "cpos", "cneg"]].to_numpy().sum()
    assert one.events == (frame["tpos"] + frame["cpos"]).sum()


@needs_reference
def test_bcg_by_peto() -> None:
    # rma.peto(ai = tpos, bi = tneg, ci = cpos, di = cneg, data = d)
    found = pool_counts(*counts(bcg()), measure="odds-ratio", method="peto")
    expected = [-0.4744463109406, 0.04065908074465, -0.5541366448447, -0.3947559770366]
    assert logs(found.effect) == pytest.approx(expected, rel=1e-9)
    assert found.effect.p_value == pytest.approx(1.838073386322e-31, rel=1e-8)
    assert found.heterogeneity.test_statistic == pytest.approx(167.7301675115, rel=1e-9)
    assert found.h_squared.estimate == pytest.approx(13.97751395929, rel=1e-9)


@pytest.mark.parametrize(
    ("measure", "effects", "quarters", "pooled"),
    [
        # e <- escalc(measure = ..., ai, n1i, ci, n2i): yi, sqrt(vi); to = "all", add = .25 (first two studies)
        # f <- rma.mh(...): beta, se, QE, k.yi
        (
            "odds-ratio",
            [
                [-1.6094379124341, 1.5803673546393], [1.9028927639716, 1.5260225880606],
                [-1.0296194171812, 0.8807464366742], [-0.1317692776311, 2.0131717194788],
                [-0.7032995520240, 0.5913553014544], [-0.2182535660200, 2.0218793668464],
            ],
            [[-2.197224577336, 2.131480677028], [2.521699373668, 2.085894478724]],
            [-0.5465976539849, 0.4229219565189, 3.399776062582],
        ),
        (
            "risk-ratio",
            [
                [-1.5184661342284, 1.5195073844873], [1.8427259128201, 1.4981212608271],
                [-0.9162907318742, 0.7958224257542], [-0.1300531282482, 1.9869151915268],
                [-0.6216882165778, 0.5265007741059], [-0.2135741002981, 1.9783628114983],
            ],
            [[-2.104134154270, 2.085957696646], [2.460688347137, 2.065408508145]],
            [-0.4981420203973, 0.3896765427618, 3.223547286098],
        ),
        (
            "risk-difference",
            [
                [-0.084886128364389, 0.07293151093414], [0.057757885763001, 0.03856183577314],
                [-0.100000000000000, 0.08187614856418], [-0.001693766937669, 0.02596649300291],
                [-0.071839080459770, 0.05944231170136], [-0.004578754578755, 0.04280435669174],
            ],
            [[-0.08780487804878, 0.06773204053270], [0.05886193014906, 0.03622795677042]],
            [-0.0290508252487, 0.02242403468789, 6.922873635882],
        ),
    ],
)  # fmt: skip
def test_rare_events(measure: Any, effects: list, quarters: list, pooled: list[float]) -> None:
    def rows(frame: pd.DataFrame) -> np.ndarray:
        values = frame["estimate"] if measure == "risk-difference" else np.log(frame["estimate"])
        return np.column_stack([values, frame["std_error"]])

    found = study_effects(*RARE, measure=measure, without_events="include")
    assert rows(found) == pytest.approx(np.array(effects), rel=1e-9)
    assert list(found["corrected"]) == [True, True, False, True, False, True]
    found = study_effects(*RARE, measure=measure, corrected="all", correction=0.25)
    assert rows(found)[:2] == pytest.approx(np.array(quarters), rel=1e-9)
    both = pool_counts(*RARE, measure=measure)
    one = both.effect
    value = one.estimate if measure == "risk-difference" else math.log(one.estimate or 0)
    values = [value, one.std_error, both.heterogeneity.test_statistic]
    assert values == pytest.approx(pooled, rel=1e-9)
    assert both.heterogeneity.df == 3


def test_rare_events_by_peto() -> None:
    # rma.peto(ai = a, n1i = n1, ci = c, n2i = n2): beta, se, QE, I2
    found = pool_counts(*RARE, measure="odds-ratio", method="peto")
    values = [*logs(found.effect)[:2], found.heterogeneity.test_statistic, (found.i_squared.estimate or 0) * 100]
    assert values == pytest.approx([-0.5338068401685, 0.4116600228137, 5.815317867603, 48.41210629753], rel=1e-9)


@needs_reference
def test_bcg_funnel() -> None:
    # r <- regtest(f, model = "lm"); coef(summary(r$fit))[2, ]; ranktest(f)
    found = funnel(*risk_ratios(), scale="log")
    one = found.egger
    assert [one.estimate, one.std_error, one.test_statistic, one.p_value] == pytest.approx(
        [-2.112042120893, 1.507221328357, -1.401282002289, 0.188706995082], rel=1e-9
    )
    assert one.df == 11
    rank = found.rank_correlation
    assert (rank.estimate, rank.p_value) == pytest.approx((0.02564102564103, 0.9523619079609), rel=1e-10)
    assert "exact" in str(rank.method)


@needs_reference
@pytest.mark.parametrize(
    ("model", "added", "expected"),
    [
        # t <- trimfill(rma(yi, vi, data = e, method = ...)); t$k0, t$side, t$beta, t$se
        ("reml", 1, (-0.6570828007604, 0.1785284669556)),
        ("dersimonian-laird", 1, (-0.6560732129886, 0.1734634024654)),
        ("fixed", 4, (-0.2910259921064, 0.03826413660414)),
    ],
)
def test_bcg_trim_and_fill(model: Any, added: int, expected: tuple[float, float]) -> None:
    found = funnel(*risk_ratios(), scale="log", model=model)
    one = found.trim_and_fill
    assert found.added == added
    # trimfill fits with metafor's own threshold of 1e-5 for tau2.
    assert (math.log(one.estimate or 0), one.std_error) == pytest.approx(expected, rel=2e-6)
    filled = found.points[found.points["filled"]]
    assert len(filled) == added
    assert (np.log(filled["estimate"]) > math.log(found.centre.estimate or 0)).all()
    if model == "fixed":  # tail(t$yi, 4)
        values = [0.7892928192601, 0.8594992058086, 1.0033366729887, 1.0388462393857]
        assert list(np.log(filled["estimate"])) == pytest.approx(values, rel=1e-9)


def test_funnel_with_ties() -> None:
    # ranktest(y, sei = s); regtest(y, sei = s, model = "lm"); trimfill(rma(y, sei = s, method = ...))
    found = funnel(*TIED, scale="identity")
    rank = found.rank_correlation
    assert (rank.estimate, rank.p_value) == pytest.approx((0.5642880936468, 0.08745048042333), rel=1e-9)
    assert "normal" in str(rank.method)
    assert (found.egger.test_statistic, found.egger.p_value) == pytest.approx(
        (1.311738633037, 0.2466054159034), rel=1e-9
    )
    for model, expected in [
        ("fixed", (0.1886597938144, 0.05313689313241)),
        ("dersimonian-laird", (0.180107118085, 0.07713285294913)),
    ]:
        one = funnel(*TIED, scale="identity", model=model)  # type: ignore[arg-type]
        assert one.added == 3
        assert (one.trim_and_fill.estimate, one.trim_and_fill.std_error) == pytest.approx(expected, rel=1e-9)
