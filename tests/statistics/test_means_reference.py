"""Means against published results and R. R is 4.2.2 with emmeans 1.8.4 and coin 1.4-2; commands stand beside."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.results import Estimate
from evidence_lib.statistics.means import ancova, anova, t_test, wilcoxon
from tests.reference import case, data, needs_reference

# "Student" 1908, Biometrika 6:1: hours of sleep gained with each of two drugs by the same ten patients (R: sleep).
FIRST = [0.7, -1.6, -0.2, -1.2, -0.1, 3.4, 3.7, 0.8, 0.0, 2.0]
SECOND = [1.9, 0.8, 1.1, 0.1, -0.1, 4.4, 5.5, 1.6, 4.6, 3.4]
SLEEP = ([*FIRST, *SECOND], ["first"] * 10 + ["second"] * 10)
DRUGS = {"treatment": "second", "reference": "first"}
# Hollander & Wolfe 1973, Nonparametric Statistical Methods, p. 69: permeability of membranes (R: example(wilcox.test)).
TERM = [0.80, 0.83, 1.89, 1.04, 1.45, 1.38, 1.91, 1.64, 0.73, 1.46]
EARLY = [1.15, 0.88, 0.90, 0.74, 1.21]
MEMBRANES = ([*TERM, *EARLY], ["term"] * 10 + ["early"] * 5)
AGES = {"treatment": "term", "reference": "early"}
# R: airquality, Ozone in May and in August.
MAY = [41, 36, 12, 18, 28, 23, 19, 8, 7, 16, 11, 14, 18, 14, 34, 6, 30, 11, 1, 11, 4, 32, 23, 45, 115, 37]
AUGUST = [39, 9, 16, 78, 35, 66, 122, 89, 110, 44, 28, 65, 22, 59, 23, 31, 44, 21, 9, 45, 168, 73, 76, 118, 84, 85]
OZONE = ([*MAY, *AUGUST], ["May"] * 26 + ["August"] * 26)
MONTHS = {"treatment": "May", "reference": "August"}


def t_of(found: Estimate) -> list[float | None]:
    return [found.test_statistic, found.df, found.p_value, found.conf_low, found.conf_high, found.std_error]


def test_student_sleep() -> None:
    # w <- t.test(extra ~ group, sleep), also var.equal = TRUE, conf.level = 0.9; t.test(second, first, paired = TRUE):
    # c(w$statistic, w$parameter, w$p.value, w$conf.int, w$stderr); R takes the first minus the second there
    welch = [1.8608134674869, 17.7764735161785, 0.0793941401874, -0.2054832307117, 3.3654832307117, 0.8490910172388]
    assert t_of(t_test(*SLEEP, **DRUGS)) == pytest.approx(welch, rel=1e-10)
    pooled = [1.8608134674869, 18, 0.0791867142159, 0.1076221683004, 3.0523778316996, 0.8490910172388]
    assert t_of(t_test(*SLEEP, **DRUGS, variance="pooled", conf_level=0.9)) == pytest.approx(pooled, rel=1e-10)
    paired = [4.06212768338204, 9, 0.00283289019738, 0.70011423672302, 2.45988576327698, 0.38895872388840]
    found = t_test(*SLEEP, **DRUGS, pairs=[*range(10), *range(10)])
    assert t_of(found) == pytest.approx(paired, rel=1e-10)
    assert found.estimate == pytest.approx(1.58, rel=1e-12)


@pytest.mark.parametrize(
    ("choices", "p_value", "limits"),
    [
        # wilcox.test(x, y, exact = TRUE, conf.int = TRUE), conf.level = 0.9; exact = FALSE, correct = TRUE and FALSE
        ({}, 0.254412254412, (-0.15, 0.76)),
        ({"conf_level": 0.9}, 0.254412254412, (-0.08, 0.72)),
        ({"continuity_correction": True}, 0.244623605127, (-0.150014837199, 0.759942765322)),
        ({"continuity_correction": False}, 0.220671361920, (-0.149980846290, 0.759975066222)),
    ],
)
def test_hollander_and_wolfe(choices: dict[str, Any], p_value: float, limits: tuple[float, float]) -> None:
    test, shift = wilcoxon(*MEMBRANES, **AGES, **choices).items
    assert test.p_value == pytest.approx(p_value, rel=1e-10)
    # R solves for the place of a step to 1e-4.
    assert (shift.conf_low, shift.conf_high) == pytest.approx(limits, abs=1e-4)
    assert shift.estimate == pytest.approx(0.305, abs=1e-12)


def test_ozone_with_ties() -> None:
    # wilcox.test(Ozone ~ Month, airquality, Month %in% c(5, 8), exact = FALSE, conf.int = TRUE), correct TRUE and FALSE
    test, shift = wilcoxon(*OZONE, **MONTHS).items
    assert test.p_value == pytest.approx(1.20807830769e-04, rel=1e-10)
    assert (shift.estimate, shift.conf_low, shift.conf_high) == (-32, -53, -15)
    test, shift = wilcoxon(*OZONE, **MONTHS, continuity_correction=False).items
    assert test.p_value == pytest.approx(1.16377260044e-04, rel=1e-10)
    assert (shift.conf_low, shift.conf_high) == (-53, -15)


@needs_reference
def test_the_antidepressant_trial_ranked() -> None:
    # wilcox.test(CHANGE ~ THERAPY, d, conf.int = TRUE, exact = FALSE) at visit 7; coin::independence_test(CHANGE ~
    # THERAPY | POOLINV) with ytrafo rank(v) / (length(v) + 1) within the blocks
    frame = antidepressants()
    test, shift = wilcoxon(frame["CHANGE"], frame["THERAPY"], **THERAPY).items
    assert test.p_value == pytest.approx(7.92107560045e-03, rel=1e-10)
    assert (shift.estimate, shift.conf_low, shift.conf_high) == (-3, -6, -1)
    test, _ = wilcoxon(frame["CHANGE"], frame["THERAPY"], **THERAPY, strata=frame["POOLINV"]).items
    assert (test.test_statistic, test.p_value) == pytest.approx((-3.0877119247447, 0.00201703895291), rel=1e-10)


def test_warpbreaks_by_van_elteren() -> None:
    # coin::independence_test(breaks ~ wool | tension) as above, warpbreaks (Tippett 1950, Technological Applications of
    # Statistics, p. 106)
    breaks = [
        26, 30, 54, 25, 70, 52, 51, 26, 67, 18, 21, 29, 17, 12, 18, 35, 30, 36, 36, 21, 24, 18, 10, 43, 28, 15, 26,
        27, 14, 29, 19, 29, 31, 41, 20, 44, 42, 26, 19, 16, 39, 28, 21, 39, 29, 20, 21, 24, 17, 13, 15, 15, 16, 28,
    ]  # fmt: skip
    wool, tension = ["A"] * 27 + ["B"] * 27, (["L"] * 9 + ["M"] * 9 + ["H"] * 9) * 2
    test, _ = wilcoxon(breaks, wool, treatment="A", reference="B", strata=tension).items
    assert (test.test_statistic, test.p_value) == pytest.approx((1.1751999769377, 0.239914719472), rel=1e-10)


THERAPY = {"treatment": "DRUG", "reference": "PLACEBO"}


def antidepressants() -> pd.DataFrame:
    frame = data("continuous/antidepressant_data.csv", dtype={"POOLINV": str, "VISIT": str})
    return frame[frame["VISIT"] == "7"]


@needs_reference
@pytest.mark.parametrize(
    ("kind", "expected"),
    [
        # options(contrasts = c("contr.sum", "contr.poly")); m <- lm(CHANGE ~ THERAPY * GENDER + POOLINV, d)
        # drop1(m, ~ ., test = "F"), and anova(m)
        ("III", [7.79765, 0.15283, 4.94865, 0.02560]),
        ("I", [10.64671, 0.82926, 4.95208, 0.02560]),
    ],
)
def test_the_antidepressant_trial_by_anova(kind: Any, expected: list[float]) -> None:
    frame = antidepressants()
    found = anova(
        frame["CHANGE"],
        frame["THERAPY"],
        factors=frame[["GENDER", "POOLINV"]],
        interactions=[("group", "GENDER")],
        sum_of_squares=kind,
    )
    assert [e.groups["variable"] for e in found.items] == ["group", "GENDER", "POOLINV", "group:GENDER"]
    assert [e.test_statistic for e in found.items] == pytest.approx(expected, abs=6e-6)
    assert [e.df for e in found.items] == [1, 1, 16, 1]
    assert "109 degrees of freedom in the denominator" in str(found.items[0].method)
    if kind == "III":
        p_values = [0.0061799, 0.6966123, 1.5484e-07, 0.8731825]
        assert [e.p_value for e in found.items] == pytest.approx(p_values, rel=1e-4)


@needs_reference
def test_the_antidepressant_trial_by_type_two_and_with_three_factors() -> None:
    frame = antidepressants()
    # anova(lm(CHANGE ~ GENDER), lm(CHANGE ~ THERAPY + GENDER), lm(CHANGE ~ THERAPY * GENDER)), and the other way round
    found = anova(
        frame["CHANGE"],
        frame["THERAPY"],
        factors=frame[["GENDER"]],
        interactions=[("group", "GENDER")],
        sum_of_squares="II",
    )
    assert [e.test_statistic for e in found.items] == pytest.approx([7.44224, 0.55085, 0.05347], abs=6e-6)
    # drop1(lm(CHANGE ~ THERAPY * GENDER * factor(RELDAYS > 42)), ~ ., test = "F")
    late = frame.assign(late=frame["RELDAYS"] > 42)
    pairs = [("group", "GENDER"), ("group", "late"), ("GENDER", "late"), ("group", "GENDER", "late")]
    found = anova(late["CHANGE"], late["THERAPY"], factors=late[["GENDER", "late"]], interactions=pairs)
    expected = [5.09048, 0.96175, 1.23143, 0.00058, 0.27856, 0.38318, 0.05125]
    assert [e.test_statistic for e in found.items] == pytest.approx(expected, abs=6e-6)


def test_nist_anova() -> None:
    # NIST Statistical Reference Datasets, one-way: SiRstv (certified F 1.18046237440255), and SmLs01 and SmLs04, whose
    # certified F is 21 at 1 and at 1,000,000 beside differences of 0.1
    resistance = [
        196.3052, 196.1240, 196.1890, 196.2569, 196.3403, 196.3042, 196.3825, 196.1669, 196.3257, 196.0422, 196.1303,
        196.2005, 196.2889, 196.0343, 196.1811, 196.2795, 196.1748, 196.1494, 196.1485, 195.9885, 196.2119, 196.1051,
        196.1850, 196.0052, 196.2090,
    ]  # fmt: skip
    (found,) = anova(resistance, np.repeat(range(5), 5)).items
    assert (found.test_statistic, found.df, found.n) == pytest.approx((1.18046237440255, 4, 25), rel=1e-12)
    centres = np.array([1.4, 1.3, 1.5, 1.3, 1.5, 1.3, 1.5, 1.3, 1.5])
    values = np.concatenate([[at, *([at - 0.1, at + 0.1] * 10)] for at in centres])
    (found,) = anova(values, np.repeat(range(9), 21)).items
    assert found.test_statistic == pytest.approx(21, rel=1e-12)
    (found,) = anova(np.round(values + 999_999, 1), np.repeat(range(9), 21)).items
    assert found.test_statistic == pytest.approx(21, rel=1e-9)


@needs_reference
def test_the_antidepressant_trial_by_ancova() -> None:
    # m <- lm(CHANGE ~ THERAPY + GENDER + POOLINV + BASVAL, d); emmeans(m, "THERAPY"), weights = "proportional";
    # summary(contrast(., "trt.vs.ctrl"), infer = TRUE, level = 0.9)
    frame = antidepressants()
    covariates = frame[["GENDER", "POOLINV", "BASVAL"]]
    given: dict[str, Any] = {"outcome": frame["CHANGE"], "group": frame["THERAPY"], "covariates": covariates}
    found = ancova(**given, reference="PLACEBO")
    placebo, drug = found.where(arm="PLACEBO"), found.where(arm="DRUG")
    assert numbers(placebo) == pytest.approx(
        [-4.68712512542, 0.734863698210, -6.14360108466, -3.23064916618], rel=1e-10
    )
    assert numbers(drug) == pytest.approx([-7.11559602466, 0.714002442747, -8.53072565378, -5.70046639555], rel=1e-10)
    assert (placebo.df, placebo.n, drug.n) == (109, 65, 64)
    observed = ancova(**given, reference="PLACEBO", margins="observed", conf_level=0.9)
    assert numbers(observed.where(arm="PLACEBO"))[:2] == pytest.approx([-5.52385939883, 0.670079781238], rel=1e-10)
    assert numbers(observed.where(arm="DRUG"))[:2] == pytest.approx([-7.95233029807, 0.675478079696], rel=1e-10)
    contrast = observed.where(treatment="DRUG")
    expected = [-2.42847089924, 0.967998066897, -4.03433463985, -0.822607158627]
    assert numbers(contrast) == pytest.approx(expected, rel=1e-10)
    assert (contrast.test_statistic, contrast.p_value) == pytest.approx((-2.50875593897, 0.013587369269), rel=1e-10)
    assert contrast.estimate == pytest.approx(found.where(treatment="DRUG").estimate, rel=1e-12)


def numbers(found: Estimate) -> list[float | None]:
    return [found.estimate, found.std_error, found.conf_low, found.conf_high]


def cars() -> dict[str, Any]:
    """R's mtcars (Henderson & Velleman 1981, Biometrics 37:391): miles per gallon by cylinders, weight and gears."""
    mpg = [
        21.0, 21.0, 22.8, 21.4, 18.7, 18.1, 14.3, 24.4, 22.8, 19.2, 17.8, 16.4, 17.3, 15.2, 10.4, 10.4, 14.7, 32.4,
        30.4, 33.9, 21.5, 15.5, 15.2, 13.3, 19.2, 27.3, 26.0, 30.4, 15.8, 19.7, 15.0, 21.4,
    ]  # fmt: skip
    cylinders = [6, 6, 4, 6, 8, 6, 8, 4, 4, 6, 6, 8, 8, 8, 8, 8, 8, 4, 4, 4, 4, 8, 8, 8, 8, 4, 4, 4, 8, 6, 8, 4]
    weight = [
        2.620, 2.875, 2.320, 3.215, 3.440, 3.460, 3.570, 3.190, 3.150, 3.440, 3.440, 4.070, 3.730, 3.780, 5.250, 5.424,
        5.345, 2.200, 1.615, 1.835, 2.465, 3.520, 3.435, 3.840, 3.845, 1.935, 2.140, 1.513, 3.170, 2.770, 3.570, 2.780,
    ]  # fmt: skip
    gears = [4, 4, 4, 3, 3, 3, 3, 4, 4, 4, 4, 3, 3, 3, 3, 3, 3, 4, 4, 4, 3, 3, 3, 3, 3, 4, 5, 5, 5, 5, 5, 4]
    covariates = pd.DataFrame({"wt": weight, "gear": np.array(gears).astype(str)})
    return {"outcome": mpg, "group": cylinders, "covariates": covariates}


def test_cars_pairwise_and_by_trend() -> None:
    # m <- lm(mpg ~ factor(cyl) + wt + factor(gear), mtcars); emmeans(m, "cyl"); contrast(., "revpairwise", adjust =
    # "none"); contrast(., list(slope = (d - mean(d)) / sum((d - mean(d))^2))) with d = c(4, 6, 8)
    doses = {4: 4, 6: 6, 8: 8}
    found = ancova(**cars(), reference=4, contrasts="pairwise", dose=doses, trend="contrast")
    assert numbers(found.where(arm=8)) == pytest.approx(
        [17.8366310866, 1.09432092215, 15.5872222158, 20.0860399574], rel=1e-10
    )
    assert numbers(found.where(treatment=8, reference=4)) == pytest.approx(
        [-5.23460422863, 2.00870921926, -9.36356516249, -1.10564329478], rel=1e-10
    )
    assert numbers(found.where(treatment=8, reference=6)) == pytest.approx(
        [-1.23822443800, 1.61861714353, -4.56533962642, 2.08889075042], rel=1e-10
    )
    assert found.where(treatment=6, reference=4).p_value == pytest.approx(0.0100321446628, rel=1e-10)
    slope = found.items[-1]
    assert slope.analysis == "ancova.dose_trend.contrast"
    assert numbers(slope) == pytest.approx([-1.30865105716, 0.502177304814, -2.34089129062, -0.276410823694], rel=1e-10)
    # summary(lm(mpg ~ cyl + wt + factor(gear), mtcars)); confint(.)
    slope = ancova(**cars(), reference=4, dose=doses).items[-1]
    assert slope.analysis == "ancova.dose_trend.regression"
    assert numbers(slope) == pytest.approx(
        [-1.379521021903, 0.502542082089, -2.41065220175, -0.348389842056], rel=1e-10
    )
    assert (slope.test_statistic, slope.p_value) == pytest.approx((-2.745085578042, 1.06268375569e-02), rel=1e-9)


def printed(value: float, like: float) -> float:
    """The value with as many decimals as the expectation was printed with."""
    text = str(like)
    return round(value, len(text) - text.index(".") - 1)


@needs_reference
def test_a1_adas_cog() -> None:
    expected = case("A1")
    frame = data("cdisc-pilot/adqsadas.csv.gz", low_memory=False)
    frame = frame.query("EFFFL == 'Y' and PARAMCD == 'ACTOT' and AVISIT == 'Week 24' and ANL01FL == 'Y'")
    arms = dict(zip(frame["TRTPN"], frame["TRTP"], strict=True))
    placebo, low, high = (arms[number] for number in sorted(arms))
    found = ancova(
        frame["CHG"],
        frame["TRTP"],
        frame[["SITEGR1", "BASE"]].astype({"SITEGR1": str}),
        reference=placebo,
        contrasts="pairwise",
        dose={name: number for number, name in arms.items()},
    )
    assert [found.where(arm=arm).n for arm in (placebo, low, high)] == expected["n"]
    for treatment, reference, p_name, difference, exact in [
        (low, placebo, "p_low_pbo", "diff_low", -0.467),
        (high, placebo, "p_high_pbo", "diff_high", -1.006),
        (high, low, "p_high_low", None, -0.539),
    ]:
        one = found.where(treatment=treatment, reference=reference)
        assert printed(one.p_value or 0, expected[p_name]) == expected[p_name]
        # As R 4.2.2 gives them to more digits than the report prints.
        assert one.estimate == pytest.approx(exact, abs=5e-4)
        if difference is not None:
            values = [printed(x or 0, y) for x, y in zip(numbers(one), [0.1, 0.01, 0.1, 0.1], strict=True)]
            assert values == expected[difference]
    assert printed(found.items[-1].p_value or 0, expected["p_dose"]) == expected["p_dose"]


@needs_reference
def test_a6_disposition_and_demography() -> None:
    expected = case("A6")
    frame = data("cdisc-pilot/adsl.csv").query("ITTFL == 'Y'")
    arms = [name for _, name in sorted(set(zip(frame["TRT01PN"], frame["TRT01P"], strict=True)))]
    for column, name in (("AGE", "age_p"), ("WEIGHTBL", "weight_p"), ("BMIBL", "bmi_p")):
        seen = frame[frame[column].notna()]
        (found,) = anova(seen[column], seen["TRT01P"]).items
        # .0030 was printed with four decimals; the list holds it without the last.
        assert round(found.p_value or 0, 4) == pytest.approx(expected[name], abs=1e-12)
    completed = frame["COMP24FL"] == "Y"
    assert [int((completed & (frame["TRT01P"] == arm)).sum()) for arm in arms] == expected["completed"]
    stopped = ~completed & (frame["DCDECOD"] == "ADVERSE EVENT")
    assert [int((stopped & (frame["TRT01P"] == arm)).sum()) for arm in arms] == expected["ae_discont"]
