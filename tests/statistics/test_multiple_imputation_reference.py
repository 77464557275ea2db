"""Multiple imputation against published results on the antidepressant trial, and against R.

The data are those of the DIA working group on missing data, as R's rbmi holds them (antidepressant_data): change of
the Hamilton score (HAMD17) at visits 4 to 7 in 84 patients on drug and 88 on placebo; all values after drop-out are
missing, and one in between, which is not taken for drop-out because it does not run to the end.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.recalculation import means as twins
from evidence_lib.recalculation.means.imputation_limit import Fit, completed, model_data, reml
from evidence_lib.recalculation.means.multiple_imputation import centred, first_affected
from evidence_lib.statistics.means.multiple_imputation import (
    imputation_variance,
    impute,
    multiple_imputation,
    rubin,
    tipping_point,
)
from tests.reference import data, needs_reference

pytestmark = needs_reference

CALL: dict[str, Any] = {
    "subject": "PATIENT",
    "visit": "VISIT",
    "outcome": "CHANGE",
    "arm": "THERAPY",
    "treatment": "DRUG",
    "reference": "PLACEBO",
}


@pytest.fixture(scope="module")
def trial() -> pd.DataFrame:
    return data("continuous/antidepressant_data.csv")


# rbmi vignette "Inference with Conditional Mean Imputation", section 3.4: method_condmean(type = "jackknife"),
# CHANGE ~ BASVAL*VISIT + THERAPY*VISIT, common unstructured covariance, REML, jump to reference, ANCOVA on BASVAL.
# There placebo minus drug: signs turned. Estimate, jackknife standard error.
CONDITIONAL_MEAN = {5: (-1.305, 0.878), 6: (-1.929, 0.862), 7: (-2.126, 0.858)}
LS_MEANS = {("DRUG", 5): -4.133, ("DRUG", 6): -6.088, ("DRUG", 7): -6.965, ("PLACEBO", 7): -4.839}
# rbmi vignette "Quickstart", section 6: method_bayes(), 150 imputations, the same model, Rubin's rules; the results
# printed with version 1.1.3, then those printed with a later one.
QUICKSTART = {
    4: [(0.09180645, 0.6826279)],
    5: [(-1.30706010, 0.9305198), (-1.34493768, 0.9219833)],
    6: [(-1.90681267, 0.9978025), (-1.97129900, 0.9968669)],
    7: [(-2.10550058, 1.1301802), (-2.20455985, 1.1178725)],
}


@pytest.fixture(scope="module")
def jump(trial: pd.DataFrame) -> pd.DataFrame:
    made = impute(
        trial, **CALL, covariates=["BASVAL"], at=[4, 5, 6, 7], strategy="jump-to-reference", imputations=2000, thin=2,
        rng=np.random.default_rng(1),
    )  # fmt: skip
    return imputation_variance(made)


@pytest.mark.parametrize("visit", [5, 6, 7])
def test_bayesian_imputation_converges_to_rbmis_conditional_mean(jump: pd.DataFrame, visit: int) -> None:
    row = jump[(jump.visit == visit) & (jump.quantity == "contrast")].iloc[0]
    assert row.estimate == pytest.approx(CONDITIONAL_MEAN[visit][0], abs=4 * row.monte_carlo_error + 0.0005)
    for (arm, at), expected in LS_MEANS.items():
        mean = jump[(jump.visit == at) & (jump.arm == arm)].iloc[0]
        assert mean.estimate == pytest.approx(expected, abs=4 * mean.monte_carlo_error + 0.0005)


@pytest.mark.parametrize("visit", [4, 5, 6, 7])
def test_rbmis_quickstart(jump: pd.DataFrame, visit: int) -> None:
    row = jump[(jump.visit == visit) & (jump.quantity == "contrast")].iloc[0]
    for estimate, std_error in QUICKSTART[visit]:
        # Theirs varies by the same between-imputation variance over 150 imputations; ours has 2,000.
        error = math.hypot(row.monte_carlo_error, math.sqrt(row["between"] / 150))
        assert row.estimate == pytest.approx(estimate, abs=4 * error + 1e-6)
        assert row.std_error == pytest.approx(std_error, rel=0.03 if visit > 4 else 1e-6)


def test_the_twin_is_rbmis_conditional_mean(trial: pd.DataFrame) -> None:
    found = twins.multiple_imputation(
        trial, **CALL, covariates=["BASVAL"], at=[5, 6, 7], strategy="jump-to-reference", rng=np.random.default_rng(1)
    )
    for one in found.items:
        visit = int(one.groups["visit"])
        if one.analysis == "imputation.contrast":
            assert one.estimate == pytest.approx(CONDITIONAL_MEAN[visit][0], abs=0.0006)
        elif (one.groups["arm"], visit) in LS_MEANS:
            assert one.estimate == pytest.approx(LS_MEANS[str(one.groups["arm"]), visit], abs=0.0006)


def test_the_jackknife_of_the_second_route_is_rbmis(trial: pd.DataFrame) -> None:
    # The same vignette: the frequentist standard error 0.858 of jump to reference, and 1.123 "information-anchored",
    # that of missing at random with the difference as a fixed delta. Rubin's is close to the latter: conservative.
    table = trial.pivot(index="PATIENT", columns="VISIT", values="CHANGE").astype(float)
    who = trial.drop_duplicates("PATIENT").set_index("PATIENT").reindex(table.index)

    added = np.zeros(len(table))

    def effects(kept: np.ndarray, start: Fit | None, precision: float) -> tuple[list[float], list[Any]]:
        x, first = centred(who.loc[kept, ["BASVAL"]]), first_affected(table[kept], None, [4, 5, 6, 7])
        wide, arm = table[kept].to_numpy(), who.THERAPY[kept]
        found, values, fit = [], [], start
        for strategy in ("jump-to-reference", "mar"):
            parts = model_data(wide, arm, ["DRUG", "PLACEBO"], "PLACEBO", first, x, strategy, "common")
            # Nothing was seen after drop-out, so that both strategies have the same fit.
            fit = fit if strategy == "mar" else reml(parts, start, precision=precision)
            values.append(completed(parts, fit, 3, strategy, 1)[0])
            design = np.column_stack([parts.arm == 0, parts.arm == 1, x])
            outcome = values[-1] + (added[kept] if strategy == "mar" else 0.0)
            beta = np.linalg.lstsq(design, outcome, rcond=None)[0]
            found.append(float(beta[0] - beta[1]))
        return found, [fit, *values]

    whole, (fit, jumped, at_random) = effects(np.ones(len(table), dtype=bool), None, 1e-9)
    assert whole[0] == pytest.approx(-2.126, abs=0.0006)
    added = jumped - at_random
    without = np.array([effects(np.arange(len(table)) != i, fit, 1e-4)[0] for i in range(len(table))])
    n = len(without)
    error = np.sqrt((n - 1) / n * ((without - without.mean(axis=0)) ** 2).sum(axis=0))
    assert error == pytest.approx([0.858, 1.123], abs=0.002)


# CAMIS (PSIAIMS), "Reference-Based Multiple Imputation (joint modelling): Continuous Data": the contrast at visit 7
# with 5,000 imputations, by R's rbmi and by the "five macros" of SAS; GENDER enters as well, there with one coefficient
# for all visits in the imputation model, here with one at each visit. Estimate and standard error, R then SAS.
CAMIS = {
    "mar": [(-2.830, 1.123), (-2.825, 1.123)],
    "copy-reference": [(-2.394, 1.112), (-2.400, 1.115)],
    "jump-to-reference": [(-2.148, 1.135), (-2.144, 1.136)],
    "copy-increments": [(-2.479, 1.112), (-2.481, 1.115)],
}
# CAMIS, "Tipping Point (Delta Adjustment): Continuous Data", 5,000 imputations, whole deltas in the arm on drug: the
# first delta with another conclusion, the contrast and its interval there; R (shifts the value missing in between too),
# then SAS (does not).
TIPPING = {
    "mar": (3, [(-2.100, -4.354, 0.154), (-2.096, -4.353, 0.161)]),
    "jump-to-reference": (-1, [(-2.383, -4.608, -0.157), (-2.387, -4.617, -0.157)]),
    "copy-reference": (1, [(-2.162, -4.377, 0.054), (-2.157, -4.377, 0.062)]),
    "copy-increments": (2, [(-1.994, -4.227, 0.239), (-1.995, -4.229, 0.240)]),
}


@pytest.mark.parametrize("strategy", CAMIS)
def test_camis(trial: pd.DataFrame, strategy: Any) -> None:
    made = impute(
        trial, **CALL, covariates=["BASVAL", "GENDER"], strategy=strategy, imputations=2000, thin=2,
        rng=np.random.default_rng(2),
    )  # fmt: skip
    row = imputation_variance(made).iloc[0]
    for estimate, std_error in CAMIS[strategy]:
        assert row.estimate == pytest.approx(estimate, abs=0.03)
        assert row.std_error == pytest.approx(std_error, rel=0.015)
    scan = tipping_point(made, deltas=range(-5, 11))
    tip, expected = TIPPING[strategy]
    here = scan.table.set_index("delta_treatment")
    for numbers in expected:
        assert here.loc[tip, ["estimate", "conf_low", "conf_high"]].tolist() == pytest.approx(numbers, abs=0.06)
    changed = here.index[here.conclusion != here.conclusion[0]]
    assert min(changed, key=abs) == tip
    exact = scan.delta.items[0].estimate
    assert abs(tip) - 1 < abs(exact) <= abs(tip)
    assert math.copysign(1, exact) == math.copysign(1, tip)


def test_chained_equations_of_mice(trial: pd.DataFrame) -> None:
    # R 4.2.2, mice 3.15.0: x <- wide data (drug indicator, BASVAL, CHANGE.4 to CHANGE.7);
    # imp <- mice(x, m = 1000, method = "norm", maxit = 20, seed = 1)
    # summary(pool(with(imp, lm(CHANGE.7 ~ TR + BASVAL))), conf.int = TRUE), and so for CHANGE.6 and CHANGE.5
    expected = {
        7: (-2.7912873, 1.1263423, 141.6316, -5.0179029, -0.5646717),
        6: (-2.2115435, 1.00628616, 150.2159, -4.1998465, -0.2232405),
        5: (-1.4071991, 0.92492262, 158.3640, -3.2339740, 0.4195759),
    }
    for model in ("joint", "sequential"):
        found = multiple_imputation(
            trial, **CALL, covariates=["BASVAL"], at=[5, 6, 7], model=model, imputations=1000,
            rng=np.random.default_rng(3),
        )  # fmt: skip
        for visit, numbers in expected.items():
            one = found.where(visit=visit, treatment="DRUG")
            # Four Monte Carlo errors of a difference: sqrt(2 x 0.19 / 1000).
            for value, other in zip(
                (one.estimate, one.conf_low, one.conf_high), (numbers[0], *numbers[3:]), strict=True
            ):
                assert value == pytest.approx(other, abs=0.08)
            assert one.std_error == pytest.approx(numbers[1], rel=0.015)
            assert one.df == pytest.approx(numbers[2], rel=0.02)


@pytest.mark.parametrize(
    ("n", "df", "missing"),
    [
        # R 4.2.2, mice 3.15.0: pool.scalar(Q, U, n = 172, k = 3)[c("df", "fmi")], and with n = Inf
        (169.0, 103.381053, 0.125490499),
        (None, 338.318732, 0.113956886),
    ],
)
def test_rubin_as_mice(n: float | None, df: float, missing: float) -> None:
    found = rubin([-2.1, -1.7, -2.6, -1.9, -2.3], [1.2, 1.3, 1.1, 1.25, 1.15], complete_df=n)
    assert (found.estimate, found.within, found.total) == pytest.approx((-2.12, 1.2, 1.3464))
    assert found.relative_increase == pytest.approx(0.122)
    assert found.df == pytest.approx(df, rel=1e-6)
    assert found.missing_information == pytest.approx(missing, rel=1e-6)
