"""The mixed model for repeated measures against SAS and R.

SAS: output of PROC MIXED printed in the repository of the R package mmrm (github.com/openpharma/mmrm, folders
design/SAS, design/KR, design/ddfm_covtype; digits beyond the printout from its tests/testthat/test-kenwardroger.R).
SAS stops at a relative change of 1e-8, which leaves about four digits of a standard error. R is 4.2.2 with nlme
3.1-162, emmeans 1.8.4, lme4 1.1-31, lmerTest 3.1-3, pbkrtest 0.5.2; commands stand beside the numbers. In all of them
d is fev_data with the rows of a value, SEX and ARMCD relevelled to Male and PBO, and t = as.integer(AVISIT).
"""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import pandas as pd
import pytest

from evidence_lib.statistics.means import mmrm
from evidence_lib.statistics.means.mmrm.data import Rows, rows
from evidence_lib.statistics.means.mmrm.degrees_of_freedom import Inference, adjusted_covariance, inference
from evidence_lib.statistics.means.mmrm.design import Basis, basis
from evidence_lib.statistics.means.mmrm.fitting import Fit, fit
from tests.reference import case, data, needs_reference

FEV = {"subject": "USUBJID", "visit": "AVISIT", "outcome": "FEV1", "arm": "ARMCD", "treatment": "TRT"}
FEV |= {"reference": "PBO", "covariates": ["RACE", "SEX"]}


@pytest.fixture(scope="module")
def fev() -> pd.DataFrame:
    frame = data("continuous/fev_data.csv")
    return frame.assign(SEX=pd.Categorical(frame["SEX"], ["Male", "Female"]))


@dataclass
class Own:
    """A model with columns of its own, by the parts of ``mmrm``: outcome in its own units."""

    rows: Rows
    basis: Basis
    fit: Fit
    deviance: float

    def inference(self, df: str) -> Inference:
        along = self.basis.q.T @ (self.rows.outcome * np.sqrt(self.rows.weight))
        return inference(self.fit, df, shift=along)

    def estimates(self, df: str) -> list[np.ndarray]:
        return list(self.inference(df).estimates(self.basis.turned(np.eye(self.basis.kept.size))))


def own_model(
    frame: pd.DataFrame, structure: str, columns: Callable[[Rows], list[np.ndarray]], *, by_arm: bool = False
) -> Own:
    found = rows(
        frame, subject="USUBJID", visit="AVISIT", outcome="FEV1", arm="ARMCD", reference="PBO", visits=None, others=[],
        weights=None,
    )  # fmt: skip
    x = np.column_stack(columns(found)).astype(float)
    base = basis(x)
    left = found.outcome - base.q @ (base.q.T @ found.outcome)
    fitted = fit(found.repeated(base.q, left, by_arm=by_arm), chosen=structure, fallback=(), restricted=True)
    constant = (x.shape[0] - x.shape[1]) * math.log(2 * math.pi) + 2 * np.log(np.diag(base.r)).sum()
    return Own(found, base, fitted, fitted.point.value + constant)


def intercept(found: Rows) -> list[np.ndarray]:
    return [np.ones(found.arm.size)]


def arm_alone(found: Rows) -> list[np.ndarray]:
    return [np.ones(found.arm.size), found.arm == 1]


@needs_reference
def test_a9_fev_trial(fev: pd.DataFrame) -> None:
    expected = case("A9")
    found = mmrm(fev, **FEV)
    table = found.coefficients.set_index("term")
    assert table["estimate"]["intercept"] == pytest.approx(expected["intercept"], abs=1e-3)
    assert table["estimate"]["arm=TRT"] == pytest.approx(expected["ARMCDTRT"], abs=1e-3)
    assert table["std_error"]["arm=TRT"] == pytest.approx(expected["se_ARMCDTRT"], abs=1e-3)
    assert table["estimate"]["arm=TRT:visit=VIS4"] == pytest.approx(expected["TRT_VIS4"], abs=1e-3)
    assert round(found.deviance, 1) == expected["deviance"]
    assert (found.n_observations, found.n_subjects, found.n_missing) == (537, 197, 263)
    asymptotic = mmrm(fev, **FEV, df="normal").coefficients.set_index("term")
    assert asymptotic["std_error"]["arm=TRT"] == pytest.approx(expected["se_ARMCDTRT"], abs=1e-3)


@needs_reference
def test_fev_coefficients_and_satterthwaite_df_of_the_mmrm_package(fev: pd.DataFrame) -> None:
    # mmrm(FEV1 ~ RACE + SEX + ARMCD * AVISIT + us(AVISIT | USUBJID), fev_data): the package's introduction vignette
    expected = [
        (30.77748, 0.88656, 218.80), (1.53050, 0.62448, 168.67), (5.64357, 0.66561, 157.14), (0.32606, 0.53195, 166.13),
        (3.77423, 1.07415, 145.55), (4.83959, 0.80172, 143.88), (10.34211, 0.82269, 155.56),
        (15.05390, 1.31281, 138.47), (-0.04193, 1.12932, 138.56), (-0.69369, 1.18765, 158.17),
        (0.62423, 1.85085, 129.72),
    ]  # fmt: skip
    table = mmrm(fev, **FEV).coefficients
    assert list(table["estimate"]) == pytest.approx([e for e, _, _ in expected], abs=3e-4)
    assert list(table["std_error"]) == pytest.approx([s for _, s, _ in expected], abs=2e-4)
    assert list(table["df"]) == pytest.approx([df for _, _, df in expected], abs=0.02)


@needs_reference
def test_fev_likelihood_covariance_and_interaction_of_sas(fev: pd.DataFrame) -> None:
    # design/SAS/sas_log_reml.txt: PROC MIXED method=reml, REPEATED AVISIT / type=un, DDFM=SATTERTHWAITE
    found = mmrm(fev, **FEV)
    assert found.deviance == pytest.approx(3386.44987722, abs=1e-5)
    assert found.aic == pytest.approx(3406.4, abs=0.05)
    # SAS counts 200 subjects, three of them without a value.
    assert found.bic == pytest.approx(3439.4 - 10 * math.log(200 / 197), abs=0.06)
    v = found.covariance.set_index("visit")
    expected = {
        ("VIS1", "VIS1"): 40.5509,
        ("VIS1", "VIS2"): 14.3982,
        ("VIS2", "VIS2"): 26.5692,
        ("VIS3", "VIS2"): 2.7851,
    }
    expected |= {("VIS3", "VIS3"): 14.8970, ("VIS4", "VIS1"): 13.3731, ("VIS4", "VIS4"): 95.5528}
    assert {pair: v.loc[pair] for pair in expected} == pytest.approx(expected, rel=6e-4)
    test = found.interaction
    assert (round(test.test_statistic, 2), test.df, round(test.p_value, 4)) == (0.26, 3, 0.8555)
    assert "147.91 in the denominator" in str(test.method)  # SAS prints 148


@needs_reference
def test_fev_likelihoods_of_nlme(fev: pd.DataFrame) -> None:
    # g <- gls(FEV1 ~ RACE + SEX + ARMCD * AVISIT, d, method = "REML" or "ML", correlation =
    # corSymm(form = ~t | USUBJID), corAR1(form = ~t | USUBJID) or corCompSymm(form = ~1 | USUBJID), weights =
    # varIdent(form = ~1 | AVISIT) for un, ar1h, csh); -2 * logLik(g); coef(g)["ARMCDTRT"] and the root of its vcov(g)
    expected = {
        ("reml", "un"): (3386.44987138, 3.7743997, 1.0741740), ("reml", "ar1"): (3525.07876301, 3.6305324, 1.1595714),
        ("reml", "ar1h"): (3404.21924573, 3.7521960, 1.0813246), ("reml", "cs"): (3522.04294892, 3.4376759, 1.1507189),
        ("reml", "csh"): (3398.00102698, 3.6607828, 1.0813053), ("ml", "un"): (3397.57219663, 3.7750567, None),
        ("ml", "ar1"): (3539.72759571, 3.6269175, None), ("ml", "ar1h"): (3415.63451891, 3.7492741, None),
        ("ml", "cs"): (3536.73417633, 3.4400802, None), ("ml", "csh"): (3409.45571807, 3.6608764, None),
    }  # fmt: skip
    for (estimation, structure), (deviance, effect, error) in expected.items():
        found = mmrm(fev, **FEV, covariance=structure, estimation=estimation)
        table = found.coefficients.set_index("term")
        assert found.deviance == pytest.approx(deviance, abs=2e-6), (estimation, structure)
        assert table["estimate"]["arm=TRT"] == pytest.approx(effect, abs=5e-5)
        if error is not None:  # gls multiplies the standard errors of ML by sqrt(N / (N - p))
            assert table["std_error"]["arm=TRT"] == pytest.approx(error, abs=2e-5)


@needs_reference
def test_fev_least_squares_means_of_emmeans(fev: pd.DataFrame) -> None:
    # emmeans(g, ~ARMCD | AVISIT, mode = "asymptotic") of the un model; contrast(, "revpairwise");
    # contrast(emmeans(g, ~ARMCD, mode = "asymptotic"), "revpairwise"). For weights = "proportional" r <- ref_grid(g);
    # r@grid$.wgt. <- ref_grid(lm(, d))@grid$.wgt.: of a gls emmeans takes the weights of varIdent for frequencies.
    equal = {
        ("PBO", "VIS1"): (33.3318107422, 0.755415845716), ("TRT", "VIS1"): (37.1062104550, 0.762606926976),
        ("PBO", "VIS2"): (38.1714067672, 0.611732726454), ("TRT", "VIS2"): (41.9037472456, 0.602349359886),
        ("PBO", "VIS3"): (43.6739761289, 0.461755095930), ("TRT", "VIS3"): (46.7545839544, 0.508624446305),
        ("PBO", "VIS4"): (48.3856003147, 1.188653996015), ("TRT", "VIS4"): (52.7841298773, 1.187762889205),
    }  # fmt: skip
    observed = {
        ("PBO", "VIS1"): (32.9927450167, 0.751555945308),
        ("TRT", "VIS1"): (36.7671447295, 0.764042868256),
        ("PBO", "VIS2"): (37.8323410417, 0.607868276183),
        ("TRT", "VIS2"): (41.5646815201, 0.602770721858),
        ("PBO", "VIS3"): (43.3349104034, 0.457160558758),
        ("TRT", "VIS3"): (46.4155182289, 0.510357011774),
        ("PBO", "VIS4"): (48.0465345892, 1.186879484496),
        ("TRT", "VIS4"): (52.4450641518, 1.188570890719),
    }
    contrasts = {
        "VIS1": (3.77439971283, 1.074173952468), "VIS2": (3.73234047837, 0.858857352925),
        "VIS3": (3.08060782547, 0.689614394001), "VIS4": (4.39852956261, 1.680550843926),
    }  # fmt: skip
    for margins, expected in (("equal", equal), ("observed", observed)):
        found = mmrm(fev, **FEV, margins=margins)
        for (arm, visit), (mean, error) in expected.items():
            one = found.ls_means.where(arm=arm, visit=visit)
            assert (one.estimate, one.std_error) == pytest.approx((mean, error), abs=5e-5)
        for visit, (difference, error) in contrasts.items():
            one = found.contrasts.where(visit=visit)
            assert (one.estimate, one.std_error) == pytest.approx((difference, error), abs=5e-5)
        assert found.average.estimate == pytest.approx(3.74646939482, abs=5e-5)
        assert found.average.std_error == pytest.approx(0.665769851849, abs=5e-5)


@needs_reference
def test_fev_compound_symmetry_is_the_random_intercept_of_lmertest(fev: pd.DataFrame) -> None:
    # m <- lmer(FEV1 ~ RACE + SEX + ARMCD * AVISIT + (1 | USUBJID), d); summary(m)$coefficients;
    # contrast(emmeans(m, ~ARMCD | AVISIT, lmer.df = "satterthwaite"), "revpairwise"); anova(m)["ARMCD:AVISIT", ]
    found = mmrm(fev, **FEV, covariance="cs")
    df = [405.1519042, 182.0883988, 182.8899369, 183.8492714, 518.7139729, 410.8897495, 415.6877897, 422.5982855,
          405.0607892, 416.5880992, 411.6030980]  # fmt: skip
    errors = [1.0022691991, 0.7819566776, 0.8517796896, 0.6698249636, 1.1507188326, 1.0641336300, 1.0585421819,
              1.0766583385, 1.5029157113, 1.5445535782, 1.5220188516]  # fmt: skip
    assert list(found.coefficients["df"]) == pytest.approx(df, rel=1e-6)
    assert list(found.coefficients["std_error"]) == pytest.approx(errors, abs=1e-7)
    contrasts = [(3.43767644879, 1.15071883264), (3.68684389656, 1.12618929977), (2.81610134465, 1.17882208724),
                 (4.21779327833, 1.14813962750)]  # fmt: skip
    assert [(e.estimate, e.std_error) for e in found.contrasts.items] == [pytest.approx(c, abs=2e-7) for c in contrasts]
    assert [round(e.df, 2) for e in found.contrasts.items] == [518.71, 516.28, 520.60, 518.76]
    assert found.interaction.test_statistic == pytest.approx(0.28469, abs=5e-6)
    assert "408.99 in the denominator" in str(found.interaction.method)


@needs_reference
def test_fev_kenward_roger_of_pbkrtest(fev: pd.DataFrame) -> None:
    # sqrt(diag(vcovAdj(m))); getKR(KRmodcomp(m, diag(11)[9:11, ])). pbkrtest takes the expected information, SAS and
    # we the observed one: with the expected one in its place all numbers are those of pbkrtest.
    errors = [1.0031210149, 0.7824428320, 0.8522754902, 0.6702417803, 1.1518030004, 1.0652941099, 1.0597676751,
              1.0780584229, 1.5044251772, 1.5464256658, 1.5237404512]  # fmt: skip

    def columns(found: Rows) -> list[np.ndarray]:
        visits = [found.visit == v for v in (1, 2, 3)]
        race = [found.frame["RACE"] == level for level in ("Black or African American", "White")]
        fixed = [np.ones(found.arm.size), *race, found.frame["SEX"] == "Female", found.arm == 1, *visits]
        return [*fixed, *((found.arm == 1) & v for v in visits)]

    model = own_model(fev, "cs", columns)
    share = 2 * np.linalg.inv(model.fit.derivatives.expected)
    adjusted = adjusted_covariance(model.fit, share, second_order=False)
    told = model.inference("kenward-roger")
    expected = Inference("kenward-roger", told.beta, adjusted, told.model, share, told.products)
    weights = model.basis.turned(np.eye(11))
    _, found, df = expected.estimates(weights)
    assert list(found) == pytest.approx(errors, abs=2e-6)
    assert list(df[:5]) == pytest.approx([402.9446499, 179.2934217, 180.0890993, 181.0414942, 518.5427182], rel=1e-6)
    statistic, denominator = expected.joint(weights[8:])
    assert (statistic, denominator) == pytest.approx((0.284000653713, 406.854547002), rel=1e-6)


@needs_reference
@pytest.mark.parametrize(
    ("structure", "full", "linear", "df", "tolerance"),
    [
        # design/KR and design/ddfm_covtype: MODEL FEV1 = ARMCD / DDFM=KENWARDROGER, and with FIRSTORDER; the difference
        # of the arms. The tolerance is how far SAS's search was from its end: ar1 and toeph reached it.
        ("ar1", 0.95865439662225, 0.96058142305176, 188.46934887972, 2e-6),
        ("ar1h", 0.7590316099633, 0.75924807546934, 188.225339095373, 1e-4),
        ("cs", None, 0.7964696053595, 177.038485931223, 2e-6),
        ("csh", 0.67414806011886, 0.67403858183242, 190.737701349941, 5e-4),
        ("toep", 0.87839805519623, 0.87839805519623, 160.027408337368, 1e-4),
        ("toeph", 0.72543828853831, 0.72537324518435, 180.062730071701, 5e-6),
        ("un", 0.66124382270307, 0.66124382270307, 160.733266403768, 3e-4),
    ],
)
def test_fev_kenward_roger_of_sas(
    fev: pd.DataFrame, structure: str, full: float | None, linear: float, df: float, tolerance: float
) -> None:
    model = own_model(fev, structure, arm_alone)
    _, with_second, first_df = model.estimates("kenward-roger")
    _, without, second_df = model.estimates("kenward-roger-linear")
    assert without[1] == pytest.approx(linear, rel=tolerance)
    assert first_df[1] == second_df[1] == pytest.approx(df, rel=tolerance)
    if full is not None:
        assert with_second[1] == pytest.approx(full, rel=tolerance)
        # Where the two differ in SAS they differ alike here, to more digits than the search of SAS left.
        assert with_second[1] - without[1] == pytest.approx(full - linear, abs=1e-7)
    assert (structure in ("un", "cs", "toep")) == (with_second[1] == without[1])


@needs_reference
def test_fev_other_structures_of_sas(fev: pd.DataFrame) -> None:
    # design/SAS/sas_toeph_reml.txt, sas_ar1h_reml.txt, sas_csh_reml.txt, sas_group_toeph_reml.txt: MODEL FEV1 = ,
    # the last with GROUP=ARMCD; -2 res log likelihood, estimate, standard error, covariance parameters
    toeph = own_model(fev, "toeph", intercept)
    assert toeph.deviance == pytest.approx(3722.38018329, abs=1e-8)
    assert [float(x[0]) for x in toeph.estimates("satterthwaite")[:2]] == pytest.approx([41.6726, 0.3822], abs=5e-5)
    assert list(toeph.fit.point.theta) == pytest.approx(
        [90.4041, 38.5927, 36.1518, 175.78, 0.4295, 0.04570, -0.3116], abs=5e-3, rel=1e-3
    )
    assert own_model(fev, "ar1h", intercept).deviance == pytest.approx(3739.96835012, abs=2e-6)
    assert own_model(fev, "csh", intercept).deviance == pytest.approx(3784.85341599, abs=1e-7)
    grouped = own_model(fev, "toeph", intercept, by_arm=True)
    assert grouped.deviance == pytest.approx(3704.49921127, abs=2e-5)
    estimate, error, df = (float(x[0]) for x in grouped.estimates("satterthwaite"))
    assert (estimate, error) == pytest.approx((41.4766, 0.3563), abs=1e-4)
    assert round(df) == 170


@needs_reference
def test_fev_weights_of_sas(fev: pd.DataFrame) -> None:
    # design/SAS/sas_weighted.txt: WEIGHT WEIGHT; LSMEANS AVISIT*ARMCD. SAS's df of weighted data are others.
    found = mmrm(fev, **FEV, weights="WEIGHT")
    assert found.deviance == pytest.approx(3475.77144483, abs=1e-5)
    expected = {
        ("TRT", "VIS1"): (36.7707, 0.7762), ("PBO", "VIS1"): (33.3745, 0.7724), ("TRT", "VIS2"): (41.6593, 0.5851),
        ("PBO", "VIS2"): (38.2413, 0.6171), ("TRT", "VIS3"): (46.8150, 0.5434), ("PBO", "VIS3"): (43.4221, 0.4678),
        ("TRT", "VIS4"): (52.4316, 1.2260), ("PBO", "VIS4"): (48.1700, 1.1632),
    }  # fmt: skip
    for (arm, visit), (mean, error) in expected.items():
        one = found.ls_means.where(arm=arm, visit=visit)
        assert (one.estimate, one.std_error) == pytest.approx((mean, error), abs=2e-4)
    assert found.contrasts.where(visit="VIS1").std_error == pytest.approx(1.0925, abs=1e-4)


@needs_reference
@pytest.mark.parametrize(
    ("structure", "deviance", "means", "differences"),
    [
        # gls(CHANGE ~ BASVAL * v + GENDER + THERAPY * v, a, correlation = corSymm(form = ~t | PATIENT) or
        # corAR1(form = ~t | PATIENT), weights = varIdent(form = ~1 | v)); emmeans and contrasts as above
        (
            "un", 3492.9150021, [(-1.65274139076, 0.485234888182), (-4.77659592731, 0.783539920111)],
            [(0.0660346832328, 0.686639188706), (-1.4289238094301, 0.927134728277),
             (-2.2510819457253, 1.001258692093), (-2.8286938449327, 1.116578600832)],
        ),
        (
            "ar1h", 3520.2515919, [(-1.64882751868, 0.506907043310), (-4.88732383698, 0.758176094382)],
            [(0.0637496334474, 0.718362213829), (-1.4140869942087, 0.955590551980),
             (-2.2223187174186, 0.974608239076), (-2.7297749698124, 1.078776343456)],
        ),
    ],
)  # fmt: skip
def test_antidepressant_trial_with_a_covariate_by_visit(
    structure: str, deviance: float, means: list[tuple[float, float]], differences: list[tuple[float, float]]
) -> None:
    found = mmrm(
        data("continuous/antidepressant_data.csv"), subject="PATIENT", visit="VISIT", outcome="CHANGE", arm="THERAPY",
        treatment="DRUG", reference="PLACEBO", covariates=["BASVAL", "GENDER"], by_visit=["BASVAL"],
        covariance=structure,
    )  # fmt: skip
    assert found.deviance == pytest.approx(deviance, abs=2e-6)
    ends = [found.ls_means.where(arm="PLACEBO", visit=visit) for visit in (4, 7)]
    assert [(e.estimate, e.std_error) for e in ends] == [pytest.approx(one, abs=2e-5) for one in means]
    assert [(e.estimate, e.std_error) for e in found.contrasts.items] == [
        pytest.approx(one, abs=2e-5) for one in differences
    ]
    assert [e.n for e in found.contrasts.items] == [172, 158, 149, 129]
