"""The mixed model for repeated measures: properties, edges, refusals, second routes, agreement with its twin."""

from __future__ import annotations

import math
import sys
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.errors import DataError, InvalidInput
from evidence_lib.recalculation import means as twins
from evidence_lib.results import Estimate, analyses
from evidence_lib.statistics.means import MMRM, mmrm
from evidence_lib.statistics.means.mmrm.data import rows
from evidence_lib.statistics.means.mmrm.degrees_of_freedom import Inference, inference
from evidence_lib.statistics.means.mmrm.design import basis, design
from evidence_lib.statistics.means.mmrm.fitting import Fit, fit
from evidence_lib.statistics.means.mmrm.likelihood import Likelihood
from evidence_lib.statistics.means.mmrm.structures import structure

STRUCTURES = ("un", "toep", "toeph", "ar1", "ar1h", "cs", "csh")
AB = {"subject": "id", "visit": "visit", "outcome": "y", "arm": "arm", "treatment": "new", "reference": "old"}
COVERED = ("estimate", "std_error", "df", "conf_low", "conf_high", "test_statistic", "p_value")


def trial(n: int = 60, visits: int = 4, *, seed: int = 1, gone: float = 0.1, gaps: float = 0.1) -> pd.DataFrame:
    """Two arms with growing variance, correlated visits, drop-out and gaps, in an order that says nothing."""
    rng = np.random.default_rng(seed)
    sd = np.linspace(3, 6, visits)
    v = 0.6 ** np.abs(np.subtract.outer(range(visits), range(visits))) * np.outer(sd, sd)
    arm, base = rng.permutation(np.arange(n) % 2), rng.normal(50, 10, n)
    y = rng.multivariate_normal(np.zeros(visits), v, n) + 0.3 * base[:, None] - np.outer(1 + arm, np.arange(visits))
    y[np.cumsum(rng.random((n, visits)) < gone, axis=1) > 0] = np.nan
    y[rng.random((n, visits)) < gaps] = np.nan
    frame = pd.DataFrame(
        {
            "id": np.repeat(np.arange(n), visits),
            "visit": np.tile(4 * np.arange(1, visits + 1), n),
            "arm": np.repeat(np.where(arm == 1, "new", "old"), visits),
            "base": np.repeat(base, visits),
            "site": np.repeat(rng.choice(["x", "y", "z"], n, p=[0.6, 0.3, 0.1]), visits),
            "weight": rng.uniform(0.5, 2, n * visits),
            "y": y.ravel(),
        }
    )
    return frame.sample(frac=1, random_state=seed).reset_index(drop=True)


FRAME = trial()
FULL = trial(40, gone=0, gaps=0)


def numbers(found: MMRM | Estimate) -> list[float]:
    items = found.items if isinstance(found, MMRM) else (found,)
    return [getattr(e, name) for e in items for name in COVERED if getattr(e, name) is not None]


def contrast(found: MMRM, visit: Any) -> Estimate:
    return found.contrasts.where(visit=visit)


def parts(
    frame: pd.DataFrame, name: str, *, restricted: bool = True, by_arm: bool = False, covariates: tuple[str, ...] = ()
) -> Fit:
    """The inner fit, in the frame's own units."""
    found = rows(
        frame, subject="id", visit="visit", outcome="y", arm="arm", reference="old", visits=None,
        others=list(covariates), weights=None,
    )  # fmt: skip
    x = design(
        found.frame, arm=found.arm, arm_names=[str(a) for a in found.arms], visit=found.visit,
        visit_names=[str(v) for v in found.visits], covariates=list(covariates), by_visit=[],
    )  # fmt: skip
    repeated = found.repeated(basis(x.matrix).q, found.outcome, by_arm=by_arm)
    return fit(repeated, chosen=name, fallback=(), restricted=restricted)


# Second routes


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger", "kenward-roger-linear", "normal"])
@pytest.mark.parametrize("name", STRUCTURES)
def test_the_twin_agrees(name: str, df: str) -> None:
    choices: dict[str, Any] = {"covariance": name, "df": df, "covariates": ["base", "site"], "margins": "observed"}
    compared(FRAME, {**AB, **choices})


@pytest.mark.parametrize(
    "choices",
    [
        {"estimation": "ml"},
        {"covariance_by_arm": True, "df": "kenward-roger", "covariance": "ar1h"},
        {"covariates": ["base", "site"], "by_visit": ["site", "base"], "df": "kenward-roger"},
        {"weights": "weight", "covariance": "toeph", "df": "kenward-roger", "conf_level": 0.9},
        {"visits": [16, 4, 12, 8], "covariance": "ar1"},
        {"treatment": "none such"},
    ],
    ids=lambda choices: "-".join(choices),
)
def test_the_twin_agrees_with_other_choices(choices: dict[str, Any]) -> None:
    compared(FRAME, {**AB, **choices})


def test_the_twin_agrees_on_sparse_data_and_after_a_fallback() -> None:
    sparse = trial(24, 3, seed=5, gone=0.2, gaps=0.2)
    sparse.loc[(sparse["visit"] == 12) & (sparse["arm"] == "new"), "y"] = np.nan
    compared(sparse, {**AB, "covariance": "csh", "df": "kenward-roger"})
    never = FRAME[
        ~((FRAME["visit"] == 16) & (FRAME["id"] % 2 == 0)) & ~((FRAME["visit"] == 4) & (FRAME["id"] % 2 == 1))
    ]
    found = compared(never, {**AB, "fallback": ("toep", "ar1h", "cs")})
    assert found.structure == "ar1h"
    with pytest.raises(DataError):
        twins.mmrm(never, **AB)


def compared(frame: pd.DataFrame, choices: dict[str, Any]) -> MMRM:
    """The statistic, after a check that its twin gives the same."""
    found, second = mmrm(frame, **choices), twins.mmrm(frame, **choices)
    tolerance = twins.TOLERANCE["mmrm"]
    assert [(e.analysis, dict(e.groups), e.n, e.status) for e in found.items] == [
        (e.analysis, dict(e.groups), e.n, e.status) for e in second.items
    ]
    for one, other in zip(found.items, second.items, strict=True):
        scale = one.std_error if one.std_error is not None else 1.0
        for name in COVERED:
            ours, theirs = getattr(one, name), getattr(other, name)
            assert (ours is None) == (theirs is None), (one.analysis, name)
            if ours is not None:
                assert abs(ours - theirs) <= tolerance * max(abs(ours), scale if name != "p_value" else 0), name
    return found


@pytest.mark.parametrize("by_arm", [False, True])
@pytest.mark.parametrize("restricted", [True, False])
@pytest.mark.parametrize("name", STRUCTURES)
def test_analytic_derivatives_are_the_numerical_ones(name: str, restricted: bool, by_arm: bool) -> None:
    found = parts(FRAME, name, restricted=restricted, by_arm=by_arm)
    likelihood: Likelihood = found.likelihood
    rng = np.random.default_rng(2)
    # Not at the maximum, where the second derivatives of V drop out.
    theta = found.point.theta * rng.uniform(0.9, 1.1, found.point.theta.size)
    point = likelihood.at(theta)
    assert point is not None
    analytic = likelihood.derivatives(point)
    step = 1e-4 * np.abs(theta)

    def value(shift: np.ndarray) -> float:
        moved = likelihood.at(theta + shift)
        assert moved is not None
        return moved.value

    def gradient(shift: np.ndarray) -> np.ndarray:
        moved = likelihood.at(theta + shift)
        assert moved is not None
        there = likelihood.derivatives(moved)
        return there.turn.T @ there.gradient

    axes = np.diag(step)
    slope = np.array([(value(a) - value(-a)) for a in axes]) / (2 * step)
    ours = analytic.turn.T @ analytic.gradient
    assert list(ours * theta) == pytest.approx(list(slope * theta), abs=2e-5 * np.abs(ours * theta).max())
    bend = np.array([(gradient(a) - gradient(-a)) / (2 * h) for a, h in zip(axes, step, strict=True)])
    scale = np.outer(theta, theta)
    ours = analytic.turn.T @ analytic.hessian @ analytic.turn * scale
    assert np.abs(ours - bend * scale).max() <= 1e-6 * np.abs(ours).max()


@pytest.mark.parametrize("name", STRUCTURES)
def test_covariance_structures_and_their_derivatives(name: str) -> None:
    visits = 5
    found = structure(name, visits)
    v = 0.5 ** np.abs(np.subtract.outer(range(visits), range(visits))) * np.outer(range(1, 6), range(1, 6))
    theta = found.start(v)
    made = found.matrix(theta)
    assert np.linalg.eigvalsh(made)[0] > 0
    assert len(theta) == len(found.names) == {"un": 15, "toep": 5, "toeph": 9, "ar1": 2, "cs": 2}.get(name, 6)
    correlation = made / np.sqrt(np.outer(np.diag(made), np.diag(made)))
    if name in ("toep", "toeph", "ar1", "ar1h", "cs", "csh"):
        assert correlation[0, :3] == pytest.approx(correlation[2, 2:])
    if name in ("ar1", "ar1h"):
        assert correlation[0, 2] == pytest.approx(correlation[0, 1] ** 2)
    if name in ("cs", "csh"):
        assert correlation[0, 1] == pytest.approx(correlation[0, 4])
    assert (np.ptp(np.diag(made)) > 1e-9) == (name in ("un", "toeph", "ar1h", "csh"))
    steps = np.diag(1e-5 * np.maximum(np.abs(theta), 0.1))
    for i, step in enumerate(steps):
        slope = (found.matrix(theta + step) - found.matrix(theta - step)) / (2 * step[i])
        assert np.abs(slope - found.first(theta)[i]).max() < 1e-7
        bend = (found.first(theta + step) - found.first(theta - step)) / (2 * step[i])
        second = np.zeros_like(bend) if found.second is None else found.second(theta)[i]
        assert np.abs(bend - second).max() < 1e-6


def test_one_start_of_a_structure_is_the_matrix_it_was_made_from() -> None:
    for name in STRUCTURES:
        found = structure(name, 4)
        v = found.matrix(found.start(np.diag([1.0, 2, 3, 4]) + 0.5))
        assert found.matrix(found.start(v)) == pytest.approx(v)


@pytest.mark.parametrize("name", ["un", "toeph", "ar1h", "csh"])
def test_with_two_visits_these_structures_are_one(name: str) -> None:
    frame = trial(40, 2, seed=3)
    assert numbers(mmrm(frame, **AB, covariance=name)) == pytest.approx(numbers(mmrm(frame, **AB)), rel=1e-8)


def test_satterthwaite_df_from_numerical_derivatives_of_the_variance() -> None:
    for name in ("un", "ar1h", "toep"):
        found = parts(FRAME, name, covariates=("base",))
        likelihood, theta = found.likelihood, found.point.theta
        weights = np.random.default_rng(1).normal(size=(3, found.point.beta.size))
        step = np.diag(1e-4 * np.abs(theta))

        def at(shift: np.ndarray, likelihood: Likelihood = likelihood, theta: np.ndarray = theta) -> Any:
            point = likelihood.at(theta + shift)
            assert point is not None
            return point

        q = theta.size
        hessian = np.empty((q, q))
        for i in range(q):
            for j in range(q):
                signs = [(1, 1), (1, -1), (-1, 1), (-1, -1)]
                corners = [a * b * at(a * step[i] + b * step[j]).value for a, b in signs]
                hessian[i, j] = sum(corners) / (4 * step[i, i] * step[j, j])
        covariance = 2 * np.linalg.inv(hessian)
        _, _, dfs = inference(found, "satterthwaite", shift=np.zeros(found.point.beta.size)).estimates(weights)
        for row, df in zip(weights, dfs, strict=True):
            slope = np.array([(row @ (at(s).phi - at(-s).phi) @ row) / (2 * s[i]) for i, s in enumerate(step)])
            variance = row @ found.point.phi @ row
            assert df == pytest.approx(2 * variance**2 / (slope @ covariance @ slope), rel=2e-3)


def test_the_covariance_is_the_highest_likelihood_of_a_dense_computation() -> None:
    # -2 log L of REML with one matrix of all observations (Harville 1974), at the maximum and at its neighbours.
    found = mmrm(FRAME, **AB, covariance="toeph", covariates=["base"])
    seen = FRAME.dropna(subset=["y"]).sort_values(["id", "visit"])
    x = np.column_stack(
        [np.ones(len(seen)), seen["base"]]
        + [(seen["visit"] == v) & arm for v in (4, 8, 12, 16) for arm in (seen["arm"] == "new", seen["arm"] == "old")][
            1:
        ]
    ).astype(float)
    position = {v: i for i, v in enumerate((4, 8, 12, 16))}
    at = [position[v] for v in seen["visit"]]
    same = seen["id"].to_numpy()[:, None] == seen["id"].to_numpy()

    def minus_two_log(v: np.ndarray) -> float:
        big = np.where(same, v[np.ix_(at, at)], 0.0)
        inverse = np.linalg.inv(big)
        information = x.T @ inverse @ x
        left = seen["y"] - x @ np.linalg.solve(information, x.T @ inverse @ seen["y"])
        logs = np.linalg.slogdet(big)[1] + np.linalg.slogdet(information)[1]
        return float((len(x) - x.shape[1]) * math.log(2 * math.pi) + logs + left @ inverse @ left)

    v = found.covariance[[4, 8, 12, 16]].to_numpy()
    lowest = minus_two_log(v)
    assert found.deviance == pytest.approx(lowest, abs=1e-8)
    assert found.log_likelihood == pytest.approx(-lowest / 2, abs=1e-8)
    made = structure("toeph", 4)
    theta = found.parameters["estimate"].to_numpy()
    assert made.matrix(theta) == pytest.approx(v)
    for step in np.diag(0.01 * np.abs(theta)):
        assert minus_two_log(made.matrix(theta + step)) > lowest
        assert minus_two_log(made.matrix(theta - step)) > lowest


def test_compound_symmetry_is_the_random_intercept_of_statsmodels() -> None:
    from statsmodels.regression.mixed_linear_model import MixedLM

    seen = FRAME.dropna(subset=["y"])
    model = MixedLM.from_formula("y ~ base + C(arm, Treatment('old')) * C(visit)", seen, groups=seen["id"])
    other = model.fit(reml=True, method="bfgs", gtol=1e-10)
    found = mmrm(FRAME, **AB, covariance="cs", covariates=["base"])
    estimates = found.coefficients.set_index("term")["estimate"]
    assert estimates["arm=new"] == pytest.approx(other.fe_params["C(arm, Treatment('old'))[T.new]"], abs=1e-5)
    assert list(found.parameters["estimate"]) == pytest.approx([other.cov_re.iloc[0, 0], other.scale], rel=1e-4)
    # Both leave log |X'X| out of the restricted likelihood.
    assert found.log_likelihood == pytest.approx(other.llf, abs=1e-6)


def test_one_visit_is_analysis_of_covariance() -> None:
    import statsmodels.formula.api as smf

    last = FRAME[FRAME["visit"] == 16]
    seen = last.dropna(subset=["y"])
    other = smf.ols("y ~ base + C(site) + C(arm, Treatment('old'))", seen).fit()
    name = "C(arm, Treatment('old'))[T.new]"
    for df in ("satterthwaite", "kenward-roger", "kenward-roger-linear"):
        for covariance in STRUCTURES:
            found = mmrm(last, **AB, covariates=["base", "site"], df=df, covariance=covariance)
            one = contrast(found, 16)
            assert numbers(one) == pytest.approx(
                [other.params[name], other.bse[name], other.df_resid, *other.conf_int().loc[name], other.tvalues[name],
                 other.pvalues[name]], rel=1e-8,
            )  # fmt: skip
            assert found.parameters["estimate"].tolist() == pytest.approx([other.scale])
    assert found.average.estimate == pytest.approx(one.estimate)
    assert found.interaction.status == "not_estimable"
    assert "one visit" in str(found.interaction.reason)


@pytest.mark.parametrize("df", ["satterthwaite", "kenward-roger", "kenward-roger-linear"])
def test_complete_data_unstructured_give_the_t_test_of_each_visit(df: str) -> None:
    from scipy.stats import ttest_ind

    found = mmrm(FULL, **AB, df=df)
    for visit in (4, 8, 12, 16):
        new, old = (FULL.loc[(FULL["visit"] == visit) & (FULL["arm"] == arm), "y"] for arm in ("new", "old"))
        other = ttest_ind(new, old)
        one = contrast(found, visit)
        assert one.df == pytest.approx(38)
        assert (one.test_statistic, one.p_value) == pytest.approx((other.statistic, other.pvalue), rel=1e-9)
        interval = other.confidence_interval(0.95)
        assert (one.conf_low, one.conf_high) == pytest.approx((interval.low, interval.high), rel=1e-9)
        assert found.ls_means.where(arm="new", visit=visit).estimate == pytest.approx(new.mean())
    wide = FULL.pivot(index=["id", "arm"], columns="visit", values="y")
    left = wide - wide.groupby("arm").transform("mean")
    v = found.covariance[[4, 8, 12, 16]].to_numpy()
    assert v == pytest.approx((left.T @ left).to_numpy() / 38, rel=1e-9)
    ml = mmrm(FULL, **AB, estimation="ml").covariance[[4, 8, 12, 16]].to_numpy()
    assert ml == pytest.approx(v * 38 / 40, rel=1e-9)


def test_complete_data_unstructured_kenward_roger_is_hotelling() -> None:
    # T2 of the differences between successive visits; (n - 2 - r + 1) / ((n - 2) r) T2 is F with r and n - 1 - r df.
    wide = FULL.pivot(index=["id", "arm"], columns="visit", values="y")
    steps = wide.diff(axis=1).iloc[:, 1:]
    new, old = steps.xs("new", level="arm"), steps.xs("old", level="arm")
    pooled = ((len(new) - 1) * new.cov() + (len(old) - 1) * old.cov()) / 38
    gap = (new.mean() - old.mean()).to_numpy()
    squared = gap @ np.linalg.inv(pooled * (1 / len(new) + 1 / len(old))) @ gap
    found = mmrm(FULL, **AB, df="kenward-roger").interaction
    assert found.test_statistic == pytest.approx(36 / (38 * 3) * squared, rel=1e-9)
    assert "36.00 in the denominator" in str(found.method)
    naive = mmrm(FULL, **AB, df="normal").interaction
    assert naive.test_statistic == pytest.approx(squared / 3, rel=1e-9)
    assert naive.p_value < found.p_value


def test_satterthwaite_f_after_fai_and_cornelius_written_out() -> None:
    found = parts(FRAME, "un")
    told: Inference = inference(found, "satterthwaite", shift=np.zeros(found.point.beta.size))
    weights = np.random.default_rng(4).normal(size=(3, found.point.beta.size))
    statistic, df = told.joint(weights) or (math.nan, math.nan)
    values, axes = np.linalg.eigh(weights @ found.point.phi @ weights.T)
    turned = axes.T @ weights
    parts_t = (turned @ found.point.beta) ** 2 / values
    assert statistic == pytest.approx(parts_t.mean())
    nu = told.estimates(turned)[2]
    total = (nu / (nu - 2)).sum()
    assert df == pytest.approx(2 * total / (total - 3))
    assert min(nu) - 5 < df < max(nu) + 5


# Properties


def test_the_order_of_rows_does_not_matter() -> None:
    base = mmrm(FRAME, **AB, covariates=["base", "site"], covariance="toeph")
    other = mmrm(FRAME.sample(frac=1, random_state=9), **AB, covariates=["base", "site"], covariance="toeph")
    assert numbers(other) == numbers(base)
    assert other.deviance == base.deviance


def test_names_of_subjects_and_visits_do_not_matter() -> None:
    renamed = FRAME.assign(
        id="p" + (997 * (FRAME["id"] + 1) % 1009).astype(str), visit="Week " + FRAME["visit"].astype(str)
    )
    base, other = mmrm(FRAME, **AB, covariance="ar1"), mmrm(renamed, **AB, covariance="ar1")
    assert numbers(other) == pytest.approx(numbers(base), rel=1e-9)
    assert [e.groups["visit"] for e in other.contrasts.items] == ["Week 4", "Week 8", "Week 12", "Week 16"]


def test_swapping_the_arms_turns_the_contrasts_round() -> None:
    for df in ("satterthwaite", "kenward-roger"):
        base = mmrm(FRAME, **AB, covariates=["base"], df=df)
        other = mmrm(FRAME, **{**AB, "treatment": "old", "reference": "new"}, covariates=["base"], df=df)
        for one, back in zip(
            (*base.contrasts.items, base.average), (*other.contrasts.items, other.average), strict=True
        ):
            assert -back.estimate == pytest.approx(one.estimate, rel=1e-8)
            assert (-back.conf_high, -back.conf_low) == pytest.approx((one.conf_low, one.conf_high), rel=1e-8)
            assert (back.std_error, back.df, back.p_value) == pytest.approx(
                (one.std_error, one.df, one.p_value), rel=1e-7
            )
        assert numbers(other.interaction) == pytest.approx(numbers(base.interaction), rel=1e-7)
        for mean in base.ls_means.items:
            assert numbers(other.ls_means.where(**mean.groups)) == pytest.approx(numbers(mean), rel=1e-7)


@pytest.mark.parametrize("name", STRUCTURES)
def test_another_unit_and_origin_of_the_outcome(name: str) -> None:
    base = mmrm(FRAME, **AB, covariance=name, covariates=["base"], df="kenward-roger")
    other = mmrm(FRAME.assign(y=1e4 * FRAME["y"] + 1e7), **AB, covariance=name, covariates=["base"], df="kenward-roger")
    for one, scaled in zip(base.contrasts.items, other.contrasts.items, strict=True):
        assert (scaled.estimate, scaled.std_error) == pytest.approx((1e4 * one.estimate, 1e4 * one.std_error), rel=1e-6)
        assert (scaled.df, scaled.p_value) == pytest.approx((one.df, one.p_value), rel=1e-6)
    shifted = base.ls_means.items[0].estimate * 1e4 + 1e7
    assert other.ls_means.items[0].estimate == pytest.approx(shifted, rel=1e-9)
    assert other.interaction.test_statistic == pytest.approx(base.interaction.test_statistic, rel=1e-6)
    free = base.n_observations - len(base.coefficients)
    assert other.deviance == pytest.approx(base.deviance + 2 * free * math.log(1e4), rel=1e-9)


def test_shifting_and_rescaling_a_covariate_changes_its_coefficient_alone() -> None:
    base = mmrm(FRAME, **AB, covariates=["base"], by_visit=["base"])
    other = mmrm(FRAME.assign(base=1e6 + 1e3 * FRAME["base"]), **AB, covariates=["base"], by_visit=["base"])
    assert numbers(other) == pytest.approx(numbers(base), rel=1e-6)
    slopes = (table.set_index("term")["estimate"]["base"] for table in (base.coefficients, other.coefficients))
    assert next(slopes) == pytest.approx(1e3 * next(slopes), rel=1e-6)


def test_time_reversed_is_the_same_to_structures_without_direction() -> None:
    for name in ("un", "cs", "csh", "toep", "toeph", "ar1", "ar1h"):
        base = mmrm(FRAME, **AB, covariance=name)
        other = mmrm(FRAME, **AB, covariance=name, visits=[16, 12, 8, 4])
        assert [e.groups["visit"] for e in other.contrasts.items] == [16, 12, 8, 4]
        for one in base.contrasts.items:
            assert numbers(contrast(other, one.groups["visit"])) == pytest.approx(numbers(one), rel=1e-6)
    mixed = mmrm(FRAME, **AB, covariance="ar1", visits=[4, 16, 8, 12])
    assert abs(contrast(mixed, 4).estimate - contrast(mmrm(FRAME, **AB, covariance="ar1"), 4).estimate) > 1e-4


def test_nested_structures_are_ordered_by_likelihood() -> None:
    for estimation in ("reml", "ml"):
        found = {name: mmrm(FRAME, **AB, covariance=name, estimation=estimation).deviance for name in STRUCTURES}
        assert found["un"] < found["toeph"] < min(found["ar1h"], found["csh"])
        assert found["toep"] < min(found["ar1"], found["cs"])
        assert found["ar1h"] < found["ar1"]
        assert found["csh"] < found["cs"]
    assert mmrm(FRAME, **AB, covariance_by_arm=True).deviance < mmrm(FRAME, **AB).deviance


def test_information_criteria_count_parameters() -> None:
    reml, ml = (mmrm(FRAME, **AB, covariance="ar1h", estimation=estimation) for estimation in ("reml", "ml"))
    assert reml.aic == pytest.approx(reml.deviance + 2 * 5)
    assert reml.bic == pytest.approx(reml.deviance + math.log(reml.n_subjects) * 5)
    assert ml.aic == pytest.approx(ml.deviance + 2 * (5 + 8))
    assert ml.bic == pytest.approx(ml.deviance + math.log(ml.n_subjects) * 13)
    assert reml.n_observations == FRAME["y"].notna().sum()
    assert reml.n_missing == FRAME["y"].isna().sum()
    assert reml.n_subjects == FRAME.dropna(subset=["y"])["id"].nunique()


def test_the_average_is_the_mean_of_the_contrasts_and_the_difference_that_of_the_means() -> None:
    found = mmrm(FRAME, **AB, covariates=["base", "site"], by_visit=["site"])
    each = [e.estimate for e in found.contrasts.items]
    assert found.average.estimate == pytest.approx(np.mean(each))
    assert found.average.std_error < max(e.std_error for e in found.contrasts.items)
    for one in found.contrasts.items:
        new, old = (found.ls_means.where(arm=arm, visit=one.groups["visit"]).estimate for arm in ("new", "old"))
        assert one.estimate == pytest.approx(new - old)
        assert one.test_statistic == pytest.approx(one.estimate / one.std_error)


def test_without_a_covariate_the_margins_do_not_matter_and_with_one_they_do() -> None:
    plain = [numbers(mmrm(FRAME, **AB, covariates=["base"], margins=margins)) for margins in ("equal", "observed")]
    assert plain[0] == plain[1]
    equal, observed = (mmrm(FRAME, **AB, covariates=["site"], margins=margins) for margins in ("equal", "observed"))
    assert numbers(equal.average) == pytest.approx(numbers(observed.average))
    share = FRAME.dropna(subset=["y"])["site"].value_counts(normalize=True)
    table = equal.coefficients.set_index("term")["estimate"]
    gap = (share["y"] - 1 / 3) * table["site=y"] + (share["z"] - 1 / 3) * table["site=z"]
    for one, other in zip(equal.ls_means.items, observed.ls_means.items, strict=True):
        assert other.estimate - one.estimate == pytest.approx(gap)
        assert other.std_error != pytest.approx(one.std_error, rel=1e-4)
    assert "equal weights" in str(equal.ls_means.items[0].method)
    assert "as often as observed" in str(observed.ls_means.items[0].method)


def test_the_reference_level_of_a_covariate_does_not_matter_to_least_squares_means() -> None:
    other = FRAME.assign(site=pd.Categorical(FRAME["site"], ["z", "q", "y", "x"]))
    base, turned = (mmrm(frame, **AB, covariates=["site"], by_visit=["site"]) for frame in (FRAME, other))
    assert numbers(turned) == pytest.approx(numbers(base), rel=1e-7)
    assert "site=x" in set(turned.coefficients["term"])
    assert "site=x" not in set(base.coefficients["term"])


def test_weights_alike_change_nothing_but_the_unit_of_the_variance() -> None:
    base = mmrm(FRAME, **AB)
    doubled = mmrm(FRAME.assign(weight=2.0), **AB, weights="weight")
    assert numbers(doubled) == pytest.approx(numbers(base), rel=1e-8)
    assert doubled.covariance[4].to_numpy() == pytest.approx(2 * base.covariance[4].to_numpy())
    # log |V| of each row falls by log 2 and V rises by as much: the likelihood is the same.
    assert doubled.deviance == pytest.approx(base.deviance)
    assert contrast(mmrm(FRAME, **AB, weights="weight"), 4).estimate != pytest.approx(contrast(base, 4).estimate)


def test_three_arms_enter_one_model() -> None:
    three = FRAME.assign(arm=np.where(FRAME["id"] % 3 == 0, "mid", FRAME["arm"]))
    found = mmrm(three, **AB)
    assert {e.groups["arm"] for e in found.ls_means.items} == {"old", "mid", "new"}
    assert found.interaction.df == 6
    assert "all arms in one model" in str(found.method)
    assert "all arms" not in str(mmrm(FRAME, **AB).method)
    alone = mmrm(three[three["arm"] != "mid"], **AB)
    assert contrast(found, 16).n == contrast(alone, 16).n
    assert contrast(found, 16).std_error != pytest.approx(contrast(alone, 16).std_error, rel=1e-6)


def test_every_choice_is_said_in_the_method() -> None:
    choices: dict[str, Any] = {"covariates": ["base", "site"], "by_visit": ["site"], "weights": "weight"}
    found = mmrm(
        FRAME, **AB, **choices, covariance="ar1h", covariance_by_arm=True, df="kenward-roger", margins="observed"
    )
    assert str(found.ls_means.items[0].method) == (
        "Least-squares mean of a mixed model for repeated measures by REML, heterogeneous first-order autoregressive "
        "covariance with parameters of its own in each arm, fixed terms for arm, visit and arm by visit, adjusted for "
        "base and site, with a coefficient for each visit of site, weighted by weight, rows without an outcome left "
        f"out: {found.n_missing}; numeric covariates at their mean, levels of categorical covariates as often as "
        "observed; Kenward-Roger covariance and degrees of freedom"
    )
    other = mmrm(FRAME, **AB, estimation="ml", df="normal")
    assert "maximum likelihood, unstructured covariance" in str(other.method)
    assert str(other.average.method).endswith("normal approximation")
    linear = mmrm(FRAME, **AB, df="kenward-roger-linear")
    assert "without second derivatives" in str(linear.interaction.method)
    assert [e.conf_level for e in mmrm(FRAME, **AB, conf_level=0.9).contrasts.items] == [0.9] * 4


def test_every_choice_changes_what_it_should() -> None:
    base = mmrm(FRAME, **AB, covariates=["base", "site"], covariance="ar1h")
    shared: dict[str, Any] = {"covariates": ["base", "site"], "covariance": "ar1h"}
    kr, linear, normal = (
        mmrm(FRAME, **AB, **shared, df=df) for df in ("kenward-roger", "kenward-roger-linear", "normal")
    )
    ml, by_arm = mmrm(FRAME, **AB, **shared, estimation="ml"), mmrm(FRAME, **AB, **shared, covariance_by_arm=True)
    wide = mmrm(FRAME, **AB, **shared, conf_level=0.99)
    one = {name: contrast(found, 12) for name, found in locals().items() if isinstance(found, MMRM)}
    for name in ("kr", "linear", "normal", "wide"):
        assert one[name].estimate == one["base"].estimate
    assert one["kr"].df == one["linear"].df == one["base"].df
    assert len({one[name].std_error for name in ("kr", "linear", "base", "ml", "by_arm")}) == 5
    assert one["normal"].std_error == one["base"].std_error
    assert one["normal"].df is None
    assert one["normal"].p_value < one["base"].p_value
    assert one["wide"].conf_low < one["base"].conf_low < one["normal"].conf_low
    assert one["wide"].p_value == one["base"].p_value
    assert len({one[name].estimate for name in ("base", "ml", "by_arm")}) == 3
    assert list(by_arm.parameters["arm"]) == ["old"] * 5 + ["new"] * 5
    assert list(base.covariance["arm"]) == ["all"] * 4
    assert kr.interaction.test_statistic != linear.interaction.test_statistic
    assert normal.interaction.df == 3
    sloped = mmrm(FRAME, **AB, **shared, by_visit=["base"])
    assert len(sloped.coefficients) == len(base.coefficients) + 3
    assert contrast(sloped, 12).estimate != one["base"].estimate


def test_every_estimate_is_on_the_list_of_analyses() -> None:
    for one in mmrm(FRAME, **AB).items:
        entry = analyses()[one.analysis]
        assert (entry.unit, entry.headline) == (one.unit, True)
        assert entry.interval == (one.conf_level is not None)
    assert twins.SOURCE["mmrm"]


def test_extra_visits_of_nobody_and_subjects_without_values_change_nothing() -> None:
    unseen = pd.DataFrame({"id": ["a", "b"], "visit": [20, 4], "arm": ["new", "old"], "y": np.nan, "base": 1.0})
    base, other = mmrm(FRAME, **AB), mmrm(pd.concat([FRAME, unseen]), **AB)
    assert numbers(other) == numbers(base)
    assert other.n_missing == base.n_missing + 2


# Fallback and failure


def test_the_declared_order_of_structures_is_followed_and_said() -> None:
    # Nobody is seen at both the first and the last visit: un and toeph have a parameter without data.
    never = FRAME[
        ~((FRAME["visit"] == 16) & (FRAME["id"] % 2 == 0)) & ~((FRAME["visit"] == 4) & (FRAME["id"] % 2 == 1))
    ]
    found = mmrm(never, **AB, fallback=("toeph", "csh", "cs"))
    assert found.structure == "csh"
    assert [name for name, _ in found.failed] == ["un", "toeph"]
    assert "no patient has outcomes at both 4 and 16" in str(found.failed[0][1])
    said = str(contrast(found, 16).method)
    assert "heterogeneous compound-symmetry covariance (declared fallback, since these could not be fitted:" in said
    assert "unstructured (no patient has outcomes at both 4 and 16)" in said
    assert "3 visits apart" in said
    assert numbers(found) == numbers(mmrm(never, **AB, covariance="csh"))
    with pytest.raises(DataError, match=r"at both 4 and 16; declare simpler structures in fallback"):
        mmrm(never, **AB)
    assert mmrm(FRAME, **AB, fallback=("cs",)).structure == "un"


def test_a_singular_covariance_is_an_error_that_says_what_to_try() -> None:
    copy = FULL.sort_values(["id", "visit"]).copy()
    copy.loc[copy["visit"] == 8, "y"] = copy.loc[copy["visit"] == 4, "y"].to_numpy()
    with pytest.raises(DataError, match=r"un: the covariance matrix became singular; declare simpler structures"):
        mmrm(copy, **AB)
    assert mmrm(copy, **AB, fallback=("ar1h",)).structure == "ar1h"
    few = FULL[FULL["id"] < 5]
    with pytest.raises(DataError, match="found un: the covariance matrix became singular; toeph: "):
        mmrm(few[few["id"] < 4], **AB, fallback=("toeph",))


def test_nearly_equal_visits_are_fitted_and_not_refused() -> None:
    rng = np.random.default_rng(3)
    near = FULL.sort_values(["id", "visit"]).copy()
    near.loc[near["visit"] == 8, "y"] = near.loc[near["visit"] == 4, "y"].to_numpy() + rng.normal(0, 0.01, 40)
    found = mmrm(near, **AB, df="kenward-roger")
    assert found.decrement < 1e-12
    assert contrast(found, 8).df == pytest.approx(38)
    v = found.covariance[[4, 8, 12, 16]].to_numpy()
    wide = near.pivot(index=["id", "arm"], columns="visit", values="y")
    left = wide - wide.groupby("arm").transform("mean")
    assert v == pytest.approx((left.T @ left).to_numpy() / 38, rel=1e-7)


def test_visits_of_very_different_spread() -> None:
    factor = FRAME["visit"].map({4: 0.01, 8: 1.0, 12: 3.0, 16: 100.0})
    base = mmrm(FRAME, **AB, df="kenward-roger")
    other = mmrm(FRAME.assign(y=FRAME["y"] * factor), **AB, df="kenward-roger")
    for visit, scale in ((4, 0.01), (8, 1.0), (12, 3.0), (16, 100.0)):
        one, scaled = contrast(base, visit), contrast(other, visit)
        assert (scaled.estimate, scaled.std_error) == pytest.approx(
            (scale * one.estimate, scale * one.std_error), rel=1e-7
        )
        assert scaled.df == pytest.approx(one.df, rel=1e-7)


def test_no_two_visits_of_one_subject() -> None:
    once = FULL[FULL["visit"] == 4 * (FULL["id"] % 4 + 1)]
    with pytest.raises(DataError, match="cs: no patient has outcomes at two visits"):
        mmrm(once, **AB, covariance="cs")


def test_covariance_by_arm_needs_each_visit_in_each_arm() -> None:
    gap = FRAME[~((FRAME["visit"] == 16) & (FRAME["arm"] == "new"))]
    with pytest.raises(DataError, match="csh: no outcome at 16"):
        mmrm(gap, **AB, covariance="csh", covariance_by_arm=True)
    found = mmrm(gap, **AB, covariance="cs", covariance_by_arm=True)
    assert contrast(found, 16).status == "not_estimable"


# Edges


def test_an_arm_without_data_at_a_visit() -> None:
    gap = FRAME[~((FRAME["visit"] == 16) & (FRAME["arm"] == "new"))]
    found = mmrm(gap, **AB, covariates=["base"])
    assert found.ls_means.where(arm="new", visit=16).status == "not_estimable"
    assert found.ls_means.where(arm="old", visit=16).status == "ok"
    assert contrast(found, 16).estimate is None
    assert "do not determine" in str(contrast(found, 16).reason)
    assert contrast(found, 12).status == "ok"
    assert found.average.status == found.interaction.status == "not_estimable"
    assert found.ls_means.where(arm="new", visit=16).n == 0
    missing = found.coefficients.set_index("term").loc["arm=new:visit=16"]
    assert missing.isna().all()


@pytest.mark.parametrize("arm", ["new", "old"])
def test_one_arm_alone(arm: str) -> None:
    found = mmrm(FRAME[FRAME["arm"] == arm], **AB)
    absent = "old" if arm == "new" else "new"
    assert [e.status for e in found.ls_means.items] == ["ok"] * 4
    for one in (*found.contrasts.items, found.average):
        assert (one.status, str(one.reason)) == ("not_estimable", f"No outcome in {absent}")
    assert found.interaction.status == "not_estimable"


def test_collinear_covariates_are_left_out_and_nothing_else_changes() -> None:
    doubled = FRAME.assign(twice=2 * FRAME["base"] + 3, same=1.0)
    found = mmrm(doubled, **AB, covariates=["same", "base", "twice"])
    table = found.coefficients.set_index("term")
    assert table["estimate"].isna().to_dict() == {term: term in ("same", "twice") for term in table.index}
    assert numbers(found) == pytest.approx(numbers(mmrm(FRAME, **AB, covariates=["base"])), rel=1e-8)
    confounded = FRAME.assign(centre=np.where(FRAME["arm"] == "new", "a", "b"))
    assert contrast(mmrm(confounded, **AB, covariates=["centre"]), 4).status == "not_estimable"


def test_two_subjects_and_one_subject_and_no_outcome() -> None:
    for few in (FULL[FULL["id"] < 1], FULL[FULL["id"] < 2]):
        with pytest.raises(DataError, match="no residual variation|cannot be fitted"):
            mmrm(few, **AB)
    with pytest.raises(DataError, match="there is no outcome to analyse"):
        mmrm(FRAME.assign(y=np.nan), **AB)
    with pytest.raises(DataError, match="there is no outcome to analyse"):
        mmrm(FRAME.iloc[:0], **AB)
    for same in (FULL.assign(y=7.0), FULL.assign(y=FULL["visit"] + 0.1), FULL.assign(y=0.0)):
        with pytest.raises(DataError, match="leaves no residual variation"):
            mmrm(same, **AB)


def test_labels_of_other_types_and_rounded_tied_outcomes() -> None:
    other = FRAME.assign(arm=(FRAME["arm"] == "new").astype(int), y=FRAME["y"].round(), site=FRAME["site"] == "x")
    found = mmrm(other, **{**AB, "treatment": 1, "reference": 0}, covariates=["site"])
    assert contrast(found, 4).groups == {"treatment": 1, "reference": 0, "visit": 4}
    assert all(type(value) in (int, float, str) for e in found.items for value in e.groups.values())
    categories = FRAME.assign(visit=FRAME["visit"].map({4: "base", 8: "early", 12: "late", 16: "end"}))
    order = ["base", "early", "middle", "late", "end"]
    categories["visit"] = pd.Categorical(categories["visit"], order)
    assert numbers(mmrm(categories, **AB)) == pytest.approx(numbers(mmrm(FRAME, **AB)), rel=1e-9)
    given = categories.assign(visit=categories["visit"].astype(str))
    assert numbers(mmrm(given, **AB, visits=order)) == numbers(mmrm(categories, **AB))


def test_large_and_small_numbers() -> None:
    base = contrast(mmrm(FRAME, **AB), 16)
    for unit in (1e90, 1e-150):
        one = contrast(mmrm(FRAME.assign(y=FRAME["y"] * unit), **AB), 16)
        assert (one.estimate / unit, one.df, one.p_value) == pytest.approx(
            (base.estimate, base.df, base.p_value), rel=1e-8
        )


def test_the_frame_is_not_changed() -> None:
    before = FRAME.copy(deep=True)
    mmrm(FRAME, **AB, covariates=["site"])
    pd.testing.assert_frame_equal(FRAME, before)


# Refusals


@pytest.mark.parametrize(
    ("change", "choices", "match"),
    [
        ({}, {"treatment": "old"}, "treatment and reference are the same arm"),
        ({}, {"covariance": "ante"}, "unknown covariance; expected un or toep"),
        ({}, {"fallback": ("sp_exp",)}, "unknown fallback; expected .*; found 'sp_exp'"),
        ({}, {"fallback": "cs"}, "fallback is one text"),
        ({}, {"fallback": ("cs", "un")}, "tried twice"),
        ({}, {"estimation": "mle"}, "unknown estimation"),
        ({}, {"df": "kr"}, "unknown df"),
        ({}, {"margins": "om"}, "unknown margins"),
        ({}, {"estimation": "ml", "df": "kenward-roger"}, "Kenward-Roger inference needs REML"),
        ({}, {"conf_level": 95}, "conf_level is not a confidence level"),
        ({}, {"covariates": "base"}, "covariates is one text"),
        ({}, {"covariates": ["base", "base"]}, "covariates name a column twice"),
        ({}, {"covariates": ["bas"]}, "no such column, or more than one; found 'bas'"),
        ({}, {"covariates": ["arm"]}, "a column has two parts to play"),
        ({}, {"by_visit": ["base"]}, "by_visit names no covariate"),
        ({}, {"visits": [4, 8, 12]}, "visit cannot be used; expected one of the given visits"),
        ({}, {"visits": [4, 8, 12, 16, 4]}, "visits are not an order"),
        ({}, {"visits": "4"}, "visits are not an order"),
        ({}, {"outcome": "arm", "arm": "y"}, "one arm per subject|does not hold numbers|missing label"),
        ({"y": math.inf}, {}, "y cannot be used; expected finite numbers"),
        ({"y": "high"}, {}, "y does not hold numbers"),
        ({"arm": None}, {}, "arm cannot be used; expected a label"),
        ({"id": np.nan}, {}, "id cannot be used; expected a label"),
        ({"visit": None}, {}, "visit cannot be used; expected a label|order"),
        ({"base": np.nan}, {"covariates": ["base"]}, "base cannot be used; expected a value wherever"),
        ({"base": math.inf}, {"covariates": ["base"]}, "base cannot be used; expected finite numbers"),
        ({"base": pd.Timestamp("2026-01-01")}, {"covariates": ["base"]}, "neither numbers nor categories"),
        ({"weight": 0.0}, {"weights": "weight"}, "weight cannot be used; expected weights above 0"),
        ({"id": 1}, {}, "a second row of the same subject and visit"),
    ],
)  # fmt: skip
def test_wrong_arguments_are_refused(change: dict[str, Any], choices: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        mmrm(FRAME.assign(**change), **{**AB, **choices})


def test_rows_are_named_by_number() -> None:
    twice = pd.concat([FULL, FULL.iloc[[5]]])
    with pytest.raises(InvalidInput, match=r"a second row of the same subject and visit in row 161$"):
        mmrm(twice, **AB)
    switched = FULL.sort_values(["id", "visit"]).reset_index(drop=True)
    switched.loc[3, "arm"] = "new" if switched.loc[3, "arm"] == "old" else "old"
    with pytest.raises(InvalidInput, match=r"one arm per subject; found another arm than before in row 4$"):
        mmrm(switched, **AB)
    with pytest.raises(InvalidInput, match="the data are not a frame"):
        mmrm([1, 2], **AB)  # type: ignore[arg-type]
    words = FULL.assign(visit=FULL["visit"].map({4: "base", 8: "early", 12: "late", 16: "end"}))
    with pytest.raises(InvalidInput, match="the order of the visits cannot be told"):
        mmrm(words, **AB)


def test_a_search_that_does_not_end_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    # By its module: in the package the name of the function stands before that of the package beneath.
    monkeypatch.setattr(sys.modules[fit.__module__], "ITERATIONS", 1)
    with pytest.raises(DataError, match="un: no convergence in 1 iterations; toep: no convergence"):
        mmrm(FRAME, **AB, fallback=("toep",))


def test_a_point_outside_has_no_likelihood() -> None:
    found = parts(FRAME, "cs")
    assert found.likelihood.at(np.array([1.0, -0.5])) is None
    assert found.likelihood.at(np.array([math.nan, 1.0])) is None
