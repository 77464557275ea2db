"""Multiple imputation: properties, edges, refusals, and agreement with second routes.

The twin needs no random numbers (conditional means at the REML estimate, variances by the delta method); complete data
are analysed by statsmodels; two visits have Anderson's closed form; a shift and a share have theirs.
"""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import stats
from scipy.special import ndtr

from evidence_lib.errors import DataError, InvalidInput
from evidence_lib.recalculation import means as twins
from evidence_lib.recalculation.means.imputation_limit import completed, model_data, reml
from evidence_lib.recalculation.means.multiple_imputation import centred, first_affected
from evidence_lib.results import Estimate, Estimates, analyses
from evidence_lib.statistics.means.inputs import visit_order
from evidence_lib.statistics.means.multiple_imputation import (
    Imputed,
    delta_scan,
    imputation_variance,
    impute,
    multiple_imputation,
    responder_difference,
    rubin,
    tipping_point,
)
from evidence_lib.statistics.means.multiple_imputation.posterior import Model, drawn

COLUMNS: dict[str, Any] = {
    "subject": "id",
    "visit": "week",
    "outcome": "score",
    "arm": "arm",
    "treatment": "A",
    "reference": "B",
}
CALL: dict[str, Any] = {**COLUMNS, "covariates": ["base", "sex"], "event": "left"}
STRATEGIES = ["mar", "jump-to-reference", "copy-reference", "copy-increments", "last-mean-carried-forward"]


def trial(
    seed: int,
    n: int = 120,
    visits: int = 4,
    *,
    arms: str = "AB",
    leaving: float = 0.12,
    kept: float = 0.5,
    skipped: float = 0.05,
    earliest: int = 0,
    drop: float = 1.5,
) -> pd.DataFrame:
    """Correlated scores; some subjects leave treatment from ``earliest`` on, of whose later scores some are seen."""
    rng = np.random.default_rng(seed)
    chol = np.linalg.cholesky(4 * 0.6 ** np.abs(np.subtract.outer(range(visits), range(visits))))
    rows = []
    for i in range(n):
        arm, base, sex = arms[i % len(arms)], rng.normal(50, 5), rng.choice(["F", "M"])
        level = chol @ rng.standard_normal(visits) + 0.3 * (base - 50) + (sex == "F")
        level = level + np.arange(visits) * (0.5 + 0.4 * (arm == "A"))
        gone = [j for j in range(earliest, visits) if rng.random() < leaving]
        left = gone[0] if gone else None
        for j in range(visits):
            score = level[j]
            if left is not None and j >= left:
                score = score - drop if rng.random() < kept else np.nan
            elif rng.random() < skipped:
                score = np.nan
            rows.append((f"s{i:03}", 4 * (j + 1), score, arm, base, sex, None if left is None else 4 * (left + 1)))
    return pd.DataFrame(rows, columns=["id", "week", "score", "arm", "base", "sex", "left"])


def run(frame: pd.DataFrame, *, seed: int = 1, **options: Any) -> Estimates:
    return multiple_imputation(frame, **{**CALL, "rng": np.random.default_rng(seed), **options})


def imputed(frame: pd.DataFrame, *, seed: int = 1, **options: Any) -> Imputed:
    return impute(frame, **{**CALL, "rng": np.random.default_rng(seed), **options})


def contrast(found: Estimates) -> Estimate:
    (one,) = [estimate for estimate in found.items if estimate.analysis == "imputation.contrast"]
    return one


def wide(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.pivot(index="id", columns="week", values="score")


def people(frame: pd.DataFrame) -> pd.DataFrame:
    return frame.drop_duplicates("id").set_index("id").sort_index()


# --- agreement with the twin ---------------------------------------------------------------------------------------

CHOICES: list[dict[str, Any]] = [
    *({"strategy": strategy} for strategy in STRATEGIES),
    {"strategy": "retrieved-dropout", "min_retrieved": 2},
    {"strategy": "copy-increments", "covariance": "by-arm"},
    {"strategy": "jump-to-reference", "covariance": "by-arm"},
    {"strategy": "copy-reference", "event": None},
    {"model": "sequential"},
    {"covariates": []},
    {"delta": {"A": -2.0, "B": {16: 1.0, 12: 0.5}}, "delta_growth": "accumulating"},
    {"at": [8, 16], "conf_level": 0.9},
]


@pytest.mark.parametrize(
    ("seed", "n", "arms", "choice"),
    [*((1, 120, "AB", choice) for choice in CHOICES), *((2, 180, "ABC", choice) for choice in CHOICES[1:7:2])],
    ids=str,
)
def test_agrees_with_the_twin(seed: int, n: int, arms: str, choice: dict[str, Any]) -> None:
    frame = trial(seed, n, arms=arms, earliest=1)
    found = run(frame, imputations=400, **choice)
    twin = twins.multiple_imputation(frame, **{**CALL, "rng": np.random.default_rng(0), "imputations": 400, **choice})
    size = len(choice.get("at", [1]))
    assert [e.analysis for e in found.items] == (["imputation.contrast"] + ["imputation.ls_mean"] * len(arms)) * size
    for one, two in zip(found.items, twin.items, strict=True):
        assert (one.groups, one.n, one.conf_level, one.status) == (two.groups, two.n, two.conf_level, "ok")
        # With 400 imputations and 40 % of the information missing four Monte Carlo errors are 0.13 standard errors.
        assert abs(one.estimate - two.estimate) < 0.13 * one.std_error
        assert one.std_error == pytest.approx(two.std_error, rel=0.06)
        assert one.conf_low == pytest.approx(two.conf_low, abs=0.2 * one.std_error)
        assert one.df == pytest.approx(two.df, rel=0.12)


def test_the_twin_answers_for_the_documented_tolerance() -> None:
    from evidence_lib.session.calls import compare, pairs

    frame = trial(3, 100)
    found, twin = run(frame), twins.multiple_imputation(frame, **{**CALL, "rng": np.random.default_rng(1)})
    for one, two in pairs(found, twin, "multiple_imputation"):
        assert set(compare(one, two, twins.TOLERANCE["multiple_imputation"]).values()) == {True}


@pytest.mark.parametrize(
    ("frame", "choice"),
    [
        (trial(4, 60, kept=0.0).assign(score=lambda f: f.score.where((f.arm != "A") | (f.week != 16))), {}),
        (trial(4, 60, earliest=0, leaving=0.3), {"strategy": "last-mean-carried-forward"}),
        (trial(4, 60), {"strategy": "retrieved-dropout", "min_retrieved": 40}),
        (trial(4, 60), {"treatment": "Z"}),
        (trial(4, 60), {"reference": "Z"}),
        (trial(4, 60).assign(twice=lambda f: 2 * f.base), {"covariates": ["base", "twice"]}),
    ],
    ids=["arm missing at the visit", "no last mean", "too few retrieved", "no treated", "no reference", "collinear"],
)
def test_both_say_not_estimable(frame: pd.DataFrame, choice: dict[str, Any]) -> None:
    found = run(frame, imputations=5, **choice)
    twin = twins.multiple_imputation(frame, **{**CALL, "rng": np.random.default_rng(1), **choice})
    assert len(found.items) == len(twin.items) >= 3
    for one, two in zip(found.items, twin.items, strict=True):
        assert (one.status, one.estimate, one.conf_low, one.groups) == ("not_estimable", None, None, two.groups)
        assert (two.status, one.n) == ("not_estimable", two.n)
        assert str(one.reason)


# --- complete data, closed forms -----------------------------------------------------------------------------------


@pytest.mark.parametrize("strategy", [*STRATEGIES, "retrieved-dropout"])
def test_without_missing_values_it_is_the_analysis_of_covariance(strategy: str) -> None:
    import statsmodels.formula.api as smf

    frame = trial(5, 60, leaving=0.0, skipped=0.0)
    found = run(frame, strategy=strategy, imputations=2)
    last = frame[frame.week == 16]
    fit = smf.ols("score ~ C(arm, Treatment('B')) + base + C(sex)", last).fit()
    one = contrast(found)
    name = "C(arm, Treatment('B'))[T.A]"
    assert one.estimate == pytest.approx(fit.params[name], rel=1e-10)
    assert one.std_error == pytest.approx(fit.bse[name], rel=1e-10)
    assert one.df == fit.df_resid == 60 - 4
    assert one.p_value == pytest.approx(fit.pvalues[name], rel=1e-8)
    assert (one.conf_low, one.conf_high) == pytest.approx(tuple(fit.conf_int().loc[name]), rel=1e-9)
    assert one.test_statistic == pytest.approx(fit.tvalues[name], rel=1e-9)
    at_means = pd.DataFrame({"arm": ["A", "B"], "base": last.base.mean(), "sex": "M"})
    middle = fit.get_prediction(at_means).predicted_mean + fit.params["Intercept"] * 0
    share = (last.sex == "F").mean()
    expected = middle - share * fit.params["C(sex)[T.M]"]
    assert [found.where(arm=arm).estimate for arm in "AB"] == pytest.approx(expected, rel=1e-10)
    assert "no value is missing" in str(one.method)
    assert "conservative" not in str(one.method)
    (row, *_) = imputation_variance(imputed(frame, strategy=strategy, imputations=2)).itertuples()
    assert (row.between, row.missing_information, row.relative_efficiency, row.monte_carlo_error) == (0, 0, 1, 0)
    assert row.relative_increase == 0
    assert row.within == row.total == pytest.approx(fit.bse[name] ** 2)


def test_two_visits_have_andersons_closed_form() -> None:
    # Anderson 1957, J Am Stat Assoc 52:200: the mean of the later visit moves along the regression on the earlier.
    frame = trial(6, 100, 2, leaving=0.0, skipped=0.0)
    rng = np.random.default_rng(0)
    lost = set(rng.choice(frame.id.unique(), 35, replace=False))
    frame.loc[frame.id.isin(lost) & (frame.week == 8), "score"] = np.nan
    table, arm = wide(frame), people(frame).arm
    seen = table[8].notna()
    centred = table[seen] - table[seen].groupby(arm[seen]).transform("mean")
    slope = (centred[4] * centred[8]).sum() / (centred[4] ** 2).sum()
    means = {
        a: table.loc[seen & (arm == a), 8].mean()
        + slope * (table.loc[arm == a, 4].mean() - table.loc[seen & (arm == a), 4].mean())
        for a in "AB"
    }
    for model in ("joint", "sequential"):
        made = imputed(frame, covariates=[], model=model, imputations=1500, thin=2)
        row = imputation_variance(made).iloc[0]
        assert row.estimate == pytest.approx(means["A"] - means["B"], abs=4 * row.monte_carlo_error)
    # The large-sample fraction of missing information: what the earlier visit does not tell of the lost.
    assert 0.1 < row.missing_information < 0.35


def test_draws_have_the_moments_of_their_posterior() -> None:
    # Complete data: Sigma is inverse Wishart with n - k df and the residual cross-products, the coefficients normal
    # about least squares (Schafer 1997, section 5.2); means over draws against their exact expectations.
    rng = np.random.default_rng(1)
    n, visits = 40, 3
    x, arm = rng.standard_normal((n, 1)), np.arange(n) % 2
    y = rng.standard_normal((n, visits)) @ np.array([[1, 0.5, 0.2], [0, 1, 0.5], [0, 0, 1]]) + x
    model = Model(
        visits=(1, 2, 3), values=y, covariates=x, cell=np.repeat(arm[:, None], visits, 1), cells=2,
        group=np.zeros(n, dtype=np.int64), groups=1,
    )  # fmt: skip
    found = drawn(model, imputations=4000, burn_in=20, thin=1, rng=np.random.default_rng(2))
    design = np.column_stack([arm == 0, arm == 1, x])
    inverse = np.linalg.inv(design.T @ design)
    beta = inverse @ design.T @ y
    residual = y - design @ beta
    df = n - 3
    expected = residual.T @ residual / (df - visits - 1)
    sigma = found.sigma[:, 0]
    error = sigma.std(axis=0) / math.sqrt(len(sigma))
    assert (np.abs(sigma.mean(axis=0) - expected) < 4.5 * error).all()
    slopes = found.slopes[:, :, 0]
    assert (np.abs(slopes.mean(axis=0) - beta[2]) < 4.5 * slopes.std(axis=0) / math.sqrt(len(slopes))).all()
    assert np.cov(slopes.T) == pytest.approx(inverse[2, 2] * expected, abs=4.5 * 2**0.5 * inverse[2, 2] * 0.03)
    # Of an inverse Wishart matrix the variance at a visit is scaled inverse chi-square with df - J + 1.
    scaled = (residual[:, 1] @ residual[:, 1]) / sigma[:, 1, 1]
    assert stats.kstest(scaled[::3], "chi2", args=(df - visits + 1,)).pvalue > 1e-4


def test_a_chain_forgets_its_start() -> None:
    # Of the third visit's scores, of which half are missing, from draw to draw little is remembered.
    frame = trial(7, 100, leaving=0.3, kept=0.0)
    made = imputed(frame, burn_in=50, thin=1, imputations=1500)
    assert made.values is not None
    means = made.values[:, made.missing[:, 0], 0].mean(axis=1)
    centred = means - means.mean()
    correlation = [float((centred[:-k] * centred[k:]).mean() / centred.var()) for k in (1, 5)]
    assert made.missing.mean() > 0.5
    assert correlation[0] < 0.4
    assert correlation[1] < 0.1
    halves = [part.mean() for part in np.split(means, 2)]
    assert abs(halves[0] - halves[1]) < 4 * math.sqrt(
        2 * means.var() / 750 * (1 + correlation[0]) / (1 - correlation[0])
    )


# --- strategies ----------------------------------------------------------------------------------------------------


def nobody_treated_seen(seed: int) -> pd.DataFrame:
    frame = trial(seed, 120, leaving=0.0, skipped=0.0)
    return frame.assign(left=np.where(frame.arm == "A", 4, np.nan), score=frame.score.where(frame.arm != "A"))


@pytest.mark.parametrize("strategy", ["jump-to-reference", "copy-reference", "copy-increments"])
def test_jumping_right_after_baseline_leaves_no_effect(strategy: str) -> None:
    made = imputed(nobody_treated_seen(8), strategy=strategy, covariates=[], imputations=600, at=[4, 16])
    for _, row in imputation_variance(made).query("quantity == 'contrast'").iterrows():
        assert abs(row.estimate) < 4 * row.monte_carlo_error
    assert contrast(run(nobody_treated_seen(8), imputations=5)).status == "not_estimable"


def test_strategies_differ_as_their_means_do() -> None:
    # The treated gain 0.4 a visit over the reference: the later the strategy lets go of it, the higher the estimate.
    frame = trial(9, 400, kept=0.0, skipped=0.0, earliest=1, leaving=0.25)
    found = {s: contrast(run(frame, strategy=s, imputations=100)).estimate for s in STRATEGIES[:4]}
    assert found["jump-to-reference"] < found["copy-reference"] < found["copy-increments"] < found["mar"]


def test_values_before_the_event_are_missing_at_random_under_every_strategy() -> None:
    frame = trial(10, 120, leaving=0.0, skipped=0.1)
    first = run(frame, imputations=50, at=[4, 8, 12, 16])
    for strategy in STRATEGIES[1:]:
        other = run(frame, imputations=50, at=[4, 8, 12, 16], strategy=strategy)
        assert [e.estimate for e in other.items] == pytest.approx([e.estimate for e in first.items], rel=1e-12)


def test_values_seen_after_the_event_stay_in_the_analysis_but_not_in_the_model() -> None:
    frame = trial(11, 120, kept=1.0, skipped=0.0)
    full = contrast(run(frame, strategy="jump-to-reference", imputations=5))
    assert full.estimate == contrast(run(frame, imputations=5)).estimate
    # One value is missing: it alone changes with what the others were after their event, under missing at random.
    last = frame.index[(frame.week == 16) & frame.left.notna() & (frame.arm == "A")]
    frame.loc[last[0], "score"] = np.nan
    moved = frame.assign(score=frame.score.where(frame.left.isna() | (frame.week < frame.left), frame.score + 100))
    for strategy, same in (("jump-to-reference", True), ("mar", False)):
        drawn_values = [
            made.values[:, made.missing[:, 0], 0] * made.trial.scale + made.trial.center
            for made in (imputed(f, strategy=strategy, imputations=40, covariates=[]) for f in (frame, moved))
            if made.values is not None
        ]
        before = frame[(frame.id == frame.id[last[0]]) & (frame.week < frame.left)]
        if same and len(before) == 3:
            assert np.abs(drawn_values[0] - drawn_values[1]).max() < 1e-6
        if not same:
            assert np.abs(drawn_values[0] - drawn_values[1]).mean() > 1


def test_retrieved_dropouts_tell_what_the_lost_would_have_had() -> None:
    # After the event scores are 6 lower. Half of them are seen: missing at random misses a part of that.
    options: dict[str, Any] = {"leaving": 0.2, "skipped": 0.0, "drop": 6.0}
    frame, whole = trial(12, 1500, **options), trial(12, 1500, **options, kept=1.0)
    truth = whole[(whole.week == 16) & (whole.arm == "A")].score.mean()
    means = {s: run(frame, strategy=s, imputations=50).where(arm="A") for s in ("retrieved-dropout", "mar")}
    assert abs(means["retrieved-dropout"].estimate - truth) < 0.15
    assert means["mar"].estimate - truth > 0.3


def test_too_few_retrieved_are_said() -> None:
    frame = trial(13, 60)
    reason = str(contrast(run(frame, strategy="retrieved-dropout", min_retrieved=30, imputations=5)).reason)
    assert "Too few subjects of A were seen after their event at visit 16" in reason
    assert "where 30 are asked for" in reason


# --- delta ---------------------------------------------------------------------------------------------------------


def test_a_delta_moves_the_difference_by_itself_times_the_share_imputed() -> None:
    frame = trial(14, 120, kept=0.2)
    options: dict[str, Any] = {"covariates": [], "imputations": 20}
    last = frame[(frame.week == 16)]
    lost = last.score.isna() & (last.left <= 16)
    share = {arm: (lost & (last.arm == arm)).sum() / (last.arm == arm).sum() for arm in "AB"}
    base = contrast(run(frame, **options))
    moved = contrast(run(frame, delta={"A": -3.0, "B": 2.0}, **options))
    assert share["A"] > 0.05
    assert moved.estimate - base.estimate == pytest.approx(-3 * share["A"] - 2 * share["B"], rel=1e-9)
    assert moved.groups["delta"] == "A -3; B +2"
    assert "delta" not in base.groups
    by_visit = contrast(run(frame, delta={"A": {16: -3.0, 12: 7.0}, "B": {16: 2.0}}, **options))
    assert by_visit.estimate == moved.estimate
    assert by_visit.groups["delta"] == "A -3 at 16; B +2 at 16"


def test_an_accumulating_delta_adds_up_from_the_event_on() -> None:
    frame = trial(15, 120, kept=0.0)
    options: dict[str, Any] = {"covariates": [], "imputations": 10}
    last = frame[(frame.week == 16) & (frame.arm == "A")]
    steps = ((16 - last.left) / 4 + 1).where(last.score.isna() & last.left.notna(), 0.0)
    base, moved = (
        contrast(run(frame, delta=delta, delta_growth="accumulating", **options)) for delta in (None, {"A": -1.0})
    )
    assert moved.estimate - base.estimate == pytest.approx(-steps.sum() / len(last), rel=1e-9)
    # The visits' own deltas count from the event on: what stands before it does not.
    weeks = {4: 1.0, 8: 10.0, 12: 100.0, 16: 1000.0}
    added = sum(
        sum(value for week, value in weeks.items() if left <= week <= 16)
        for left, score in zip(last.left, last.score, strict=True)
        if np.isnan(score) and not np.isnan(left)
    )
    varied = contrast(run(frame, delta={"A": weeks}, delta_growth="accumulating", **options))
    assert varied.estimate - base.estimate == pytest.approx(added / len(last), rel=1e-9)
    assert "added up from visit to visit" in str(varied.method)


# --- Rubin's rules -------------------------------------------------------------------------------------------------


def test_rubin_by_hand() -> None:
    q, u = np.array([1.0, 2.0, 4.0]), np.array([0.5, 0.7, 0.9])
    found = rubin(q, u, complete_df=20, conf_level=0.9)
    within, between = 0.7, (7 / 3 - 1) ** 2 / 2 + (7 / 3 - 2) ** 2 / 2 + (7 / 3 - 4) ** 2 / 2
    total = within + 4 / 3 * between
    share = 4 / 3 * between / total
    old, observed = 2 / share**2, 21 / 23 * 20 * (1 - share)
    df = 1 / (1 / old + 1 / observed)
    r = 4 / 3 * between / within
    missing = (r + 2 / (df + 3)) / (r + 1)
    assert (found.within, found.between, found.total) == pytest.approx((within, between, total))
    assert (found.estimate, found.std_error, found.df) == pytest.approx((7 / 3, math.sqrt(total), df))
    assert (found.relative_increase, found.missing_information) == pytest.approx((r, missing))
    assert found.relative_efficiency == pytest.approx(1 / (1 + missing / 3))
    half = stats.t.ppf(0.95, df) * math.sqrt(total)
    assert (found.conf_low, found.conf_high) == pytest.approx((7 / 3 - half, 7 / 3 + half))
    assert found.p_value == pytest.approx(2 * stats.t.sf(7 / 3 / math.sqrt(total), df))
    assert (found.imputations, found.conf_level) == (3, 0.9)


def test_rubin_at_the_ends() -> None:
    same = rubin([2.0, 2.0], [1.0, 3.0], complete_df=17)
    assert (same.df, same.between, same.missing_information, same.relative_increase) == (17, 0, 0, 0)
    assert rubin([2.0, 2.0], [1.0, 3.0]).df is None
    assert rubin([1.0, 3.0], [1.0, 1.0]).df == pytest.approx((1 + 1 / 3) ** 2)  # (m - 1) (1 + 1 / r)^2 with r = 3
    only = rubin([1.0, 2.0, 3.0], [0.0, 0.0, 0.0])
    assert (only.missing_information, only.relative_increase, only.df) == (pytest.approx(1, abs=0.7), None, 2)
    nothing = rubin([2.0, 2.0], [0.0, 0.0], complete_df=5)
    assert (nothing.std_error, nothing.conf_low, nothing.p_value) == (0, None, None)
    no_df = rubin([1.0, 2.0], [0.0, 0.0], complete_df=5)
    assert (no_df.df, no_df.conf_high, no_df.p_value) == (0, None, None)
    # Between-imputation variance that is rounding does not count as such.
    assert rubin([2.0, 2.0 + 1e-15], [1.0, 1.0], complete_df=9).df == 9


@pytest.mark.parametrize(
    ("arguments", "match"),
    [
        (([1.0], [1.0]), "two or more"),
        (([1.0, 2.0], [1.0]), "as many"),
        (([1.0, np.nan], [1.0, 1.0]), "row 2"),
        (([1.0, np.inf], [1.0, 1.0]), "infinite value in row 2"),
        (([1.0, 2.0], [1.0, -1.0]), "zero or more"),
        (([[1.0, 2.0]], [1.0, 1.0]), "one-dimensional"),
        ((["a", "b"], [1.0, 1.0]), "numbers"),
    ],
)
def test_rubin_refuses(arguments: Any, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        rubin(*arguments)


@pytest.mark.parametrize("options", [{"complete_df": 0}, {"complete_df": -1}, {"conf_level": 1}])
def test_rubin_refuses_options(options: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput):
        rubin([1.0, 2.0], [1.0, 1.0], **options)


def test_the_parts_of_the_variance_are_those_of_the_estimates() -> None:
    frame = trial(16, 100)
    parts = imputation_variance(imputed(frame, imputations=60, at=[8, 16]))
    for (_, row), one in zip(parts.iterrows(), run(frame, imputations=60, at=[8, 16]).items, strict=True):
        assert (row.estimate, row.std_error, row.df) == (one.estimate, one.std_error, one.df)
        assert row.total == pytest.approx(row.within + 61 / 60 * row["between"]) == pytest.approx(one.std_error**2)
        assert row.visit == one.groups["visit"]
        assert row.arm == one.groups.get("arm")
        assert row.monte_carlo_error == pytest.approx(math.sqrt(row["between"] / 60))
    assert list(parts.quantity) == ["contrast", "ls_mean", "ls_mean"] * 2


# --- tipping point -------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def effective() -> pd.DataFrame:
    frame = trial(17, 240, leaving=0.15, kept=0.0)
    return frame.assign(score=frame.score + 1.2 * (frame.arm == "A"))


def test_each_row_of_the_scan_is_the_analysis_with_its_deltas(effective: pd.DataFrame) -> None:
    found = tipping_point(imputed(effective, imputations=30), deltas=[-4, 0, 3], reference_deltas=[0, 2])
    assert list(found.table.columns) == [
        "visit", "delta_treatment", "delta_reference", "estimate", "std_error", "conf_low", "conf_high", "df",
        "p_value", "conclusion",
    ]  # fmt: skip
    assert list(found.table.delta_treatment) == [-4, -4, 0, 0, 3, 3]
    assert list(found.table.delta_reference) == [0, 2] * 3
    for _, row in found.table.iterrows():
        delta = {"A": row.delta_treatment, "B": row.delta_reference}
        one = contrast(run(effective, imputations=30, delta=delta))
        for name in ("estimate", "std_error", "conf_low", "conf_high", "df", "p_value"):
            assert row[name] == pytest.approx(getattr(one, name), rel=1e-9)
        expected = "treated higher" if one.conf_low > 0 else "treated lower" if one.conf_high < 0 else "not shown"
        assert row.conclusion == expected


def test_at_the_tipping_point_a_limit_is_zero(effective: pd.DataFrame) -> None:
    made = imputed(effective, imputations=100)
    assert contrast(run(effective, imputations=100)).conf_low > 0
    tipped = tipping_point(made, deltas=range(-20, 1)).delta.items[0]
    assert tipped.analysis == "imputation.tipping_point"
    assert tipped.estimate < 0
    at = contrast(run(effective, imputations=100, delta={"A": tipped.estimate}))
    assert at.conf_low == pytest.approx(0, abs=1e-9)
    # The grid does not matter as long as it holds the change; a finer level tips earlier.
    assert tipping_point(made, deltas=[-20, -19.5]).delta.items[0].estimate == pytest.approx(tipped.estimate)
    strict = tipping_point(made, deltas=range(-20, 1), conf_level=0.99).delta.items[0]
    assert abs(strict.estimate) < abs(tipped.estimate)
    assert (strict.conf_level, tipped.conf_level) == (None, None)
    accumulating = tipping_point(imputed(effective, imputations=100, delta_growth="accumulating"), deltas=[-20])
    assert abs(accumulating.delta.items[0].estimate) < abs(tipped.estimate)


def test_the_nearer_of_two_tipping_points_counts(effective: pd.DataFrame) -> None:
    made = imputed(effective, imputations=50, reference="B", treatment="A")
    found = tipping_point(made, deltas=[-30, 30])
    assert found.delta.items[0].estimate < 0
    flat = trial(18, 160, leaving=0.2, kept=0.0)
    flat = flat.assign(score=flat.score - 0.3 * (flat.week / 4) * (flat.arm == "A"))
    both = imputed(flat, imputations=50)
    assert tipping_point(both, deltas=[0.0]).table.conclusion[0] == "not shown"
    up, down, either = (tipping_point(both, deltas=d).delta.items[0].estimate for d in ([40], [-40], [-40, 40]))
    assert up > 0 > down
    assert either == min((up, down), key=abs)


def test_a_conclusion_that_never_changes_is_said(effective: pd.DataFrame) -> None:
    found = tipping_point(imputed(effective, imputations=20, at=[4, 16]), deltas=[-0.1, 5.0])
    assert [e.status for e in found.delta.items] == ["not_estimable"] * 2
    assert "the same for every shift from -0.1 to 5" in str(found.delta.items[0].reason)
    assert len(found.table) == 4
    gone = tipping_point(imputed(nobody_treated_seen(1), imputations=5), deltas=[1.0])
    assert len(gone.table) == 0
    assert "cannot be imputed" in str(gone.delta.items[0].reason)


# --- responders ----------------------------------------------------------------------------------------------------


def test_shares_of_responders_are_those_that_the_normal_model_foretells() -> None:
    frame = trial(19, 200, leaving=0.3, kept=0.0)
    options: dict[str, Any] = {"event": None, "covariates": ["base"]}
    for strategy in ("mar", "jump-to-reference"):
        made = imputed(frame, imputations=600, strategy=strategy, **options)
        found = responder_difference(made, threshold=2.5, responders="at-least").items[0]
        table, who = wide(frame), people(frame)
        x = centred(who[["base"]])
        first = first_affected(table, None, [4, 8, 12, 16])
        data = model_data(table.to_numpy(), who.arm, ["A", "B"], "B", first, x, strategy, "common")
        values, variances = completed(data, reml(data, precision=1e-6), 3, strategy, 1)
        lost = variances > 0
        share = np.where(lost, ndtr((values - 2.5) / np.sqrt(np.where(lost, variances, 1))), values >= 2.5)
        p1, p0 = share[who.arm == "A"].mean(), share[who.arm == "B"].mean()
        assert found.estimate == pytest.approx(p1 - p0, abs=0.015)
        assert "conservative for shares" in str(found.method)
        plain_error = math.sqrt(p1 * (1 - p1) / 100 + p0 * (1 - p0) / 100)
        assert plain_error < found.std_error < 2 * plain_error


def test_responders_without_missing_values() -> None:
    frame = trial(20, 90, leaving=0.0, skipped=0.0).assign(score=lambda f: f.score.round(1))
    made = imputed(frame, imputations=3)
    last = frame[frame.week == 16]
    limit = float(last.score.iloc[7])
    for responders, answered in (("at-least", last.score >= limit), ("at-most", last.score <= limit)):
        found = responder_difference(made, threshold=limit, responders=responders, conf_level=0.9).items[0]
        p1, p0 = answered[last.arm == "A"].mean(), answered[last.arm == "B"].mean()
        error = math.sqrt(p1 * (1 - p1) / 45 + p0 * (1 - p0) / 45)
        assert (found.estimate, found.std_error) == pytest.approx((p1 - p0, error))
        assert found.conf_high == pytest.approx(p1 - p0 + stats.norm.ppf(0.95) * error)
        assert (found.df, found.n, found.unit) == (None, 90, "probability")
        assert "conservative" not in str(found.method)
        assert found.groups["level"] == f"{'>=' if responders == 'at-least' else '<='} {limit:g}"


def test_the_lost_as_non_responders() -> None:
    frame = trial(21, 100, leaving=0.3, kept=0.3, skipped=0.0)
    made = imputed(frame, imputations=10)
    last = frame[frame.week == 16]
    answered = (last.score >= 1).fillna(False)
    found = responder_difference(made, threshold=1, responders="at-least", after_event="non-responder").items[0]
    p1, p0 = answered[last.arm == "A"].mean(), answered[last.arm == "B"].mean()
    assert found.estimate == pytest.approx(p1 - p0)
    assert found.std_error == pytest.approx(math.sqrt(p1 * (1 - p1) / 50 + p0 * (1 - p0) / 50))
    assert found.groups["model"] == "non-responder"
    assert "counted as no response" in str(found.method)
    imputed_too = responder_difference(made, threshold=1, responders="at-least").items[0]
    assert imputed_too.estimate != found.estimate
    assert imputed_too.groups["model"] == "mar"
    # What is missing before the event is imputed all the same.
    skipped = trial(21, 100, leaving=0.3, kept=0.3, skipped=0.3)
    partly = responder_difference(
        imputed(skipped, imputations=10), threshold=1, responders="at-least", after_event="non-responder"
    ).items[0]
    assert partly.df is not None


def test_non_responders_need_no_model() -> None:
    frame = nobody_treated_seen(22)
    made = imputed(frame, imputations=5)
    assert made.values is None
    assert responder_difference(made, threshold=0, responders="at-least").items[0].status == "not_estimable"
    found = responder_difference(made, threshold=0, responders="at-least", after_event="non-responder").items[0]
    share = (frame[(frame.week == 16) & (frame.arm == "B")].score >= 0).mean()
    assert found.estimate == pytest.approx(-share)


def test_all_or_none_responding_has_no_standard_error() -> None:
    made = imputed(trial(23, 60), imputations=5)
    for limit in (-1e6, 1e6):
        found = responder_difference(made, threshold=limit, responders="at-least").items[0]
        assert (found.estimate, found.std_error, found.conf_low, found.p_value) == (0, None, None, None)
        assert "do not vary" in str(found.reason)


# --- properties ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("choice", [{}, {"strategy": "copy-increments"}, {"model": "sequential"}], ids=str)
def test_neither_row_order_nor_absent_rows_change_a_byte(choice: dict[str, Any]) -> None:
    frame = trial(24, 80)
    first = run(frame, imputations=20, **choice)
    shuffled = frame.sample(frac=1, random_state=3)
    assert repr(run(shuffled, imputations=20, **choice)) == repr(first)
    absent = frame[frame.score.notna() | (frame.week == 4)].reset_index(drop=True)
    assert repr(run(absent, imputations=20, **choice)) == repr(first)


def test_one_seed_gives_one_answer_and_the_generator_moves_on() -> None:
    frame, rng = trial(25, 80), np.random.default_rng(7)
    first, again = (multiple_imputation(frame, **CALL, rng=rng, imputations=20) for _ in range(2))
    assert repr(first) != repr(again)
    assert repr(run(frame, seed=7, imputations=20)) == repr(first)


def test_swapped_arms_change_the_sign() -> None:
    frame = trial(26, 80)
    one, other = contrast(run(frame)), contrast(run(frame, treatment="B", reference="A"))
    assert other.estimate == pytest.approx(-one.estimate, rel=1e-12)
    assert (other.conf_low, other.conf_high) == pytest.approx((-one.conf_high, -one.conf_low), rel=1e-12)
    assert other.p_value == pytest.approx(one.p_value)


@pytest.mark.parametrize("choice", [{}, {"strategy": "jump-to-reference"}, {"model": "sequential"}], ids=str)
@pytest.mark.parametrize(("shift", "scale"), [(0.0, 1e6), (1000.0, 1.0), (-3.0, 1e-8), (0.0, 1e120)])
def test_units_of_the_outcome_scale_the_result(choice: dict[str, Any], shift: float, scale: float) -> None:
    frame = trial(27, 80)
    moved = frame.assign(score=scale * (frame.score + shift))
    first, other = run(frame, imputations=20, **choice), run(moved, imputations=20, **choice)
    for one, two in zip(first.items, other.items, strict=True):
        location = shift if "arm" in one.groups else 0.0
        assert two.estimate / scale == pytest.approx(one.estimate + location, rel=1e-7, abs=1e-7)
        assert two.std_error / scale == pytest.approx(one.std_error, rel=1e-7)
        assert two.df == pytest.approx(one.df, rel=1e-6)


def test_units_of_a_covariate_do_not_matter() -> None:
    frame = trial(28, 80)
    moved = frame.assign(base=1e5 * frame.base + 1e9)
    first, other = run(frame, imputations=20), run(moved, imputations=20)
    assert [e.estimate for e in other.items] == pytest.approx([e.estimate for e in first.items], rel=1e-5)


def test_names_of_visits_do_not_matter() -> None:
    frame = trial(29, 60)
    first = [e.estimate for e in run(frame, imputations=10).items]
    names = {4: "Week 4", 8: "Week 8", 12: "Week 12", 16: "Week 16"}
    texts = frame.assign(week=frame.week.map(names), left=frame.left.map(names))
    assert [e.estimate for e in run(texts, imputations=10).items] == first
    order = ["first", "next", "then", "last"]
    words = dict(zip([4, 8, 12, 16], order, strict=True))
    worded = frame.assign(week=frame.week.map(words), left=frame.left.map(words))
    assert [e.estimate for e in run(worded, imputations=10, visits=order).items] == first
    sorted_words = worded.assign(week=pd.Categorical(worded.week, order))
    assert [e.estimate for e in run(sorted_words, imputations=10).items] == first
    assert run(sorted_words, imputations=10).items[0].groups["visit"] == "last"


def test_more_arms_enter_one_model() -> None:
    frame = trial(30, 150, arms="ABC")
    found = run(frame, imputations=50)
    assert [e.groups.get("arm") for e in found.items] == [None, "A", "B", "C"]
    assert (found.items[0].n, found.items[1].n) == (100, 50)
    means = [e.estimate for e in found.items[1:]]
    assert found.items[0].estimate == pytest.approx(means[0] - means[1])
    two = run(frame[frame.arm != "C"], imputations=50)
    assert two.items[0].df < found.items[0].df


def test_every_argument_changes_what_it_should() -> None:
    frame = trial(31, 120, earliest=1)
    first = contrast(run(frame, imputations=20))
    for choice in (
        {"strategy": "jump-to-reference"},
        {"strategy": "retrieved-dropout", "min_retrieved": 2},
        {"model": "sequential"},
        {"covariance": "by-arm"},
        {"covariates": ["base"]},
        {"imputations": 21},
        {"burn_in": 201},
        {"thin": 6},
        {"seed": 2},
        {"delta": {"A": 1.0}},
        {"at": [12]},
    ):
        other = contrast(run(frame, **{"imputations": 20, **choice}))
        assert other.estimate != first.estimate, choice
        assert other.std_error != first.std_error, choice
        if choice != {"seed": 2}:
            assert (str(other.method), other.groups) != (str(first.method), first.groups), choice
    narrow = contrast(run(frame, imputations=20, conf_level=0.5))
    assert (narrow.estimate, narrow.std_error, narrow.p_value) == (first.estimate, first.std_error, first.p_value)
    assert first.conf_low < narrow.conf_low < narrow.conf_high < first.conf_high
    given = contrast(run(frame, imputations=20, strategy="jump-to-reference"))
    derived = contrast(run(frame, imputations=20, strategy="jump-to-reference", event=None))
    assert given.estimate != derived.estimate
    assert "as given" in str(given.method)
    assert "run to the end" in str(derived.method)


def test_the_method_says_what_was_done() -> None:
    said = str(contrast(run(trial(32, 60), strategy="copy-reference", imputations=7, burn_in=111, thin=3)).method)
    for part in (
        "visit 16", "adjusted for base and sex", "7 imputations", "copy reference (B)", "Jeffreys", "111 steps", "3 be",
        "one unstructured covariance matrix", "Barnard-Rubin", "conservative for reference-based", "other missing",
    ):  # fmt: skip
        assert part in said, part
    assert "conservative" not in str(contrast(run(trial(32, 60), imputations=7)).method)


def test_a_shift_of_every_missing_value_is_its_share_of_the_arm_times_the_delta() -> None:
    """Without covariates the analysis is a difference of means: a delta moves it by delta times the share missing."""
    frame = trial(35, 80)
    call = {**COLUMNS, "event": "left", "imputations": 8, "shifted": "missing"}
    found = delta_scan(frame, **call, deltas=[0, -3], rng=np.random.default_rng(5)).items
    last = frame[(frame["week"] == 16) & (frame["arm"] == "A")]
    moved = -3 * last["score"].isna().sum() / len(last)
    assert {one.groups["delta"]: one.estimate for one in found}[-3.0] == pytest.approx(
        {one.groups["delta"]: one.estimate for one in found}[0.0] + moved
    )
    assert "all imputed values of the treated arm" in str(found[0].method)
    nobody, call = frame.assign(left=None), {**call, "shifted": "after-event"}
    still = delta_scan(nobody, **call, deltas=[0, -3], rng=np.random.default_rng(5)).items
    assert still[0].estimate == still[1].estimate
    with pytest.raises(InvalidInput, match="unknown shifted"):
        delta_scan(frame, **{**call, "shifted": "some"}, deltas=[1], rng=np.random.default_rng(5))


def test_names_are_on_the_list() -> None:
    frame = trial(33, 60)
    made = imputed(frame, imputations=5)
    found = [
        *run(frame, imputations=5).items,
        *responder_difference(made, threshold=0, responders="at-most").items,
        *tipping_point(made, deltas=[1]).delta.items,
        *delta_scan(frame, **CALL, deltas=[1], imputations=5, rng=np.random.default_rng(33)).items,
    ]
    assert {e.analysis for e in found} == {name for name in analyses() if name.startswith("imputation.")}
    for one in found:
        assert one.unit == analyses()[one.analysis].unit
        assert (one.conf_level is not None) == analyses()[one.analysis].interval


# --- edges ---------------------------------------------------------------------------------------------------------


def test_all_of_an_arm_missing_at_the_visit() -> None:
    frame = trial(34, 100, leaving=0.0, skipped=0.0)
    frame.loc[(frame.arm == "A") & (frame.week == 16), "score"] = np.nan
    found = run(frame, imputations=5)
    assert {e.status for e in found.items} == {"not_estimable"}
    assert "A value of A missing at visit 16 cannot be imputed" in str(found.items[0].reason)
    # An earlier visit does not need it; neither does a jump to the reference, and the sequential model says the same.
    assert contrast(run(frame, imputations=5, at=[12])).status == "ok"
    assert contrast(run(frame, imputations=5, event=None, strategy="jump-to-reference")).status == "ok"
    assert contrast(run(frame, imputations=5, model="sequential")).status == "not_estimable"
    frame.loc[(frame.arm == "B") & (frame.week == 16), "score"] = np.nan
    assert contrast(run(frame, imputations=5, event=None, strategy="jump-to-reference")).status == "not_estimable"


def test_an_earlier_gap_of_a_whole_arm_stops_only_the_sequential_model() -> None:
    frame = trial(35, 100, leaving=0.1, kept=0.0, skipped=0.0, earliest=2)
    frame.loc[(frame.arm == "A") & (frame.week == 8), "score"] = np.nan
    assert contrast(run(frame, imputations=5)).status == "ok"
    assert contrast(run(frame, imputations=5, model="sequential")).status == "not_estimable"


def test_a_subject_with_nothing_but_baseline_counts() -> None:
    frame = trial(36, 80, leaving=0.0, skipped=0.0)
    frame.loc[frame.id == "s000", "score"] = np.nan
    row = frame[(frame.id != "s000") | (frame.week == 4)]
    found = contrast(run(row, imputations=200))
    assert found.n == 80
    without = contrast(run(frame[frame.id != "s000"], imputations=200))
    assert without.n == 79
    assert found.estimate == pytest.approx(without.estimate, abs=0.1 * found.std_error)
    assert contrast(run(row, imputations=5, strategy="copy-increments")).status == "ok"


def test_one_visit_is_imputed_from_the_covariates() -> None:
    import statsmodels.formula.api as smf

    frame = trial(37, 200, visits=1, leaving=0.0, skipped=0.25)
    row = imputation_variance(imputed(frame, imputations=1500)).iloc[0]
    fit = smf.ols("score ~ C(arm, Treatment('B')) + base + C(sex)", frame.dropna(subset="score")).fit()
    # Imputing from the analysis model adds nothing to the complete cases.
    assert row.estimate == pytest.approx(fit.params.iloc[1], abs=4 * row.monte_carlo_error)
    assert row.std_error == pytest.approx(fit.bse.iloc[1], rel=0.03)


def test_a_visit_with_one_value_missing() -> None:
    frame = trial(38, 40, leaving=0.0, skipped=0.0)
    frame.loc[7, "score"] = np.nan
    found = contrast(run(frame, imputations=2, at=[16]))
    assert found.status == "ok"
    assert found.df < 36


@pytest.mark.parametrize("choice", [{}, {"model": "sequential"}], ids=str)
def test_a_visit_that_repeats_another_is_refused(choice: dict[str, Any]) -> None:
    frame = trial(39, 80, leaving=0.1, kept=0.0, skipped=0.0)
    table = wide(frame)
    frame["score"] = np.where(frame.week == 8, frame.id.map(2 * table[4]), frame.score)
    with pytest.raises(DataError, match="singular") as caught:
        run(frame, imputations=5, **choice)
    assert "use fewer visits" in str(caught.value)


def test_a_visit_without_variation_is_refused_unless_nothing_is_missing() -> None:
    frame = trial(40, 80, leaving=0.1, kept=0.0, skipped=0.0)
    flat = frame.assign(score=np.where((frame.week == 8) & frame.score.notna(), 3.0, frame.score))
    with pytest.raises(DataError, match="singular"):
        run(flat, imputations=5)
    whole = trial(40, 80, leaving=0.0, skipped=0.0)
    still = contrast(run(whole.assign(score=3.0), imputations=5))
    assert (still.estimate, still.std_error, still.conf_low) == (pytest.approx(0, abs=1e-12), None, None)


def test_too_few_subjects_for_the_visits() -> None:
    frame = trial(41, 14, visits=8, leaving=0.1, skipped=0.0, kept=0.0)
    with pytest.raises(DataError, match="too few subjects were seen at visit") as caught:
        run(frame, imputations=5)
    assert "use fewer visits or covariates" in str(caught.value)
    apart = trial(42, 60, leaving=0.0, skipped=0.0)
    apart.loc[(apart.week == 4) & (apart.id < "s030"), "score"] = np.nan
    apart.loc[(apart.week == 16) & (apart.id >= "s030"), "score"] = np.nan
    with pytest.raises(DataError, match="visits 4 and 16 together"):
        run(apart, imputations=5)


def test_covariates_that_tell_nothing() -> None:
    frame = trial(43, 60, leaving=0.0, skipped=0.0).assign(constant=1.0, double=lambda f: -3 * f.base)
    for names in (["constant"], ["base", "double"]):
        found = run(frame, imputations=5, covariates=names)
        assert {e.status for e in found.items} == {"not_estimable"}
        assert "combinations of each other" in str(found.items[0].reason)
    few = run(frame[frame.id < "s003"], imputations=5, covariates=["base", "sex"])
    assert {e.status for e in few.items} == {"not_estimable"}
    assert "no degrees of freedom" in str(few.items[0].reason) or "combinations" in str(few.items[0].reason)


@pytest.mark.parametrize("choice", [{}, {"model": "sequential"}], ids=str)
def test_covariates_that_collide_only_among_those_seen(choice: dict[str, Any]) -> None:
    # Everybody's imputation would rest on a coefficient that nobody seen at the last visit tells.
    frame = trial(44, 80, kept=0.0, skipped=0.0).assign(double=lambda f: -3 * f.base)
    found = run(frame, imputations=5, covariates=["base", "double"], **choice)
    assert {e.status for e in found.items} == {"not_estimable"}
    lost = frame[(frame.week == 16) & frame.score.isna()].id
    frame["double"] = frame.double + np.where(frame.id.isin(lost), np.arange(len(frame)) // 4, 0)
    with pytest.raises(DataError, match="visit 16 a covariate|visit 16 is singular"):
        run(frame, imputations=5, covariates=["base", "double"], **choice)


# --- refusals ------------------------------------------------------------------------------------------------------


def changed(**columns: Any) -> pd.DataFrame:
    return trial(45, 30).assign(**columns)


@pytest.mark.parametrize(
    ("frame", "options", "match"),
    [
        (changed(), {"imputations": 1}, "imputations cannot be used.*2 or more"),
        (changed(), {"imputations": 2.0}, "whole number"),
        (changed(), {"imputations": True}, "whole number"),
        (changed(), {"burn_in": 0}, "burn_in"),
        (changed(), {"thin": 0}, "thin"),
        (changed(), {"min_retrieved": 0}, "min_retrieved"),
        (changed(), {"strategy": "J2R"}, "unknown strategy.*jump-to-reference"),
        (changed(), {"model": "fcs"}, "unknown model"),
        (changed(), {"covariance": "ar1"}, "unknown covariance"),
        (changed(), {"delta_growth": "twice"}, "unknown delta_growth"),
        (changed(), {"model": "sequential", "strategy": "copy-reference"}, "sequential model knows no strategy"),
        (changed(), {"model": "sequential", "covariance": "by-arm"}, "one regression for all arms"),
        (changed(), {"strategy": "retrieved-dropout", "event": None}, "column of the event"),
        (changed(), {"treatment": "B"}, "same arm"),
        (changed(), {"conf_level": 0}, "conf_level"),
        (changed(), {"rng": 3}, "default_rng"),
        (changed(), {"covariates": "base"}, "sequence of column names"),
        (changed(), {"covariates": ["age"]}, "no such column.*'age'"),
        (changed(), {"covariates": ["base", "base"]}, "two parts"),
        (changed(), {"covariates": ["arm"]}, "two parts"),
        (changed(), {"subject": "nobody"}, "no such column"),
        (changed(), {"at": []}, "no visits"),
        (changed(), {"at": "16"}, "no visits"),
        (changed(), {"at": [20]}, "unknown visit"),
        (changed(), {"at": [16, 16]}, "one twice"),
        (changed(), {"visits": [4, 8, 12]}, "not those of the frame"),
        (changed(), {"visits": [4, 8, 12, 16, 16]}, "each visit once"),
        (changed(), {"delta": 3.0}, "by arm"),
        (changed(), {"delta": {"Z": 1.0}}, "without subjects"),
        (changed(), {"delta": {"A": {99: 1.0}}}, "unknown visit"),
        (changed(), {"delta": {"A": math.inf}}, "finite number"),
        (changed(), {"delta": {"A": "1"}}, "not a number"),
        (changed().iloc[:0], {}, "no rows"),
        (pd.concat([changed(), changed().iloc[[5]]]), {}, "second row of the same subject and visit in row 121"),
        (changed(arm=lambda f: f.arm.where(f.index != 6, "B" if f.arm[6] == "A" else "A")), {}, "another arm.*row 7"),
        (changed(arm=lambda f: f.arm.where(f.index != 6)), {}, "missing label in row 7"),
        (changed(base=lambda f: f.base.where(f.index != 2)), {}, "missing value in row 3"),
        (changed(base=lambda f: f.base.where(f.index != 2, np.inf)), {}, "infinite value in row 3"),
        (changed(base=lambda f: f.base.where(f.index != 2, 0.0)), {}, "one value per subject.*row 3"),
        (changed(score=lambda f: f.score.where(f.index != 2, -np.inf)), {}, "too large a value in row 3"),
        (changed(score=lambda f: f.score.where(f.index != 2, 1e200)), {}, "too large a value in row 3"),
        (changed(score="high"), {}, "does not hold numbers"),
        (changed(left=lambda f: f.left.where(f.index != 2, 5)), {}, "a visit, or nothing.*row 3"),
        (changed(left=lambda f: f.left.where(f.index != 2, 8)), {}, "one first visit per subject"),
        (
            changed(week=lambda f: f.week.map({4: "a", 8: "b", 12: "c", 16: "d"})),
            {"event": None},
            "order of the visits",
        ),
        ([1, 2], {}, "not a frame"),
    ],
)
def test_refuses(frame: Any, options: dict[str, Any], match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        run(frame, **{"imputations": 5, **options})


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda made: tipping_point(3, deltas=[1]), "result of impute"),  # type: ignore[arg-type]
        (lambda made: tipping_point(made, deltas=[]), "no numbers"),
        (lambda made: tipping_point(made, deltas="12"), "no numbers"),
        (lambda made: tipping_point(made, deltas=[math.nan]), "finite"),
        (lambda made: tipping_point(made, deltas=[1], reference_deltas=[None]), "not a number"),
        (lambda made: tipping_point(made, deltas=[1], conf_level=2), "conf_level"),
        (lambda made: imputation_variance(None), "result of impute"),  # type: ignore[arg-type]
        (lambda made: responder_difference(None, threshold=1, responders="at-least"), "result of impute"),
        (lambda made: responder_difference(made, threshold=math.nan, responders="at-least"), "finite"),
        (lambda made: responder_difference(made, threshold=1, responders="above"), "unknown responders"),
        (lambda made: responder_difference(made, threshold=1, responders="at-most", after_event="no"), "after_event"),
    ],
)
def test_refuses_of_completed_data(call: Any, match: str) -> None:
    made = imputed(trial(46, 40), imputations=3)
    with pytest.raises(InvalidInput, match=match):
        call(made)


def test_a_second_delta_is_refused() -> None:
    made = imputed(trial(46, 40), imputations=3, delta={"A": 1.0})
    with pytest.raises(InvalidInput, match="delta already"):
        tipping_point(made, deltas=[1])


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        (["Week 12", "Week 4", "Week 8"], ["Week 4", "Week 8", "Week 12"]),
        (["10", "9"], ["9", "10"]),
        (["Day -1", "Day 1"], ["Day -1", "Day 1"]),
        ([2.5, 1.0], [1.0, 2.5]),
        (["only"], ["only"]),
    ],
)
def test_visits_are_put_in_the_order_of_time(names: list[Any], expected: list[Any]) -> None:
    assert visit_order(pd.Series(names)) == expected
