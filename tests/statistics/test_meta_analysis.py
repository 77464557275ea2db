"""Meta-analysis: properties, edges, refusals, and agreement with its recalculation and other second routes."""

from __future__ import annotations

import math
from itertools import permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import minimize
from scipy.stats import hypergeom, kendalltau, linregress
from statsmodels.regression.linear_model import WLS
from statsmodels.stats.contingency_tables import StratifiedTable
from statsmodels.stats.meta_analysis import combine_effects

from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import meta_analysis as twins
from evidence_lib.results import Estimate, Estimates, analyses
from evidence_lib.session.calls import compare, pairs
from evidence_lib.statistics.meta_analysis import (
    MetaAnalysis,
    funnel,
    meta_regression,
    pool,
    pool_counts,
    study_effects,
)
from evidence_lib.statistics.meta_analysis.model import Data, between, weighted

MODELS: tuple[Any, ...] = ("dersimonian-laird", "paule-mandel", "reml", "ml")
INTERVALS: tuple[Any, ...] = ("normal", "hartung-knapp", "hartung-knapp-guarded")
FIELDS = ("estimate", "std_error", "conf_low", "conf_high", "test_statistic", "df", "p_value")


def studies(seed: int = 1, k: int = 9, tau: float = 0.5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    se = np.exp(rng.normal(-1, 0.6, k))
    return rng.normal(0.4, tau, k) + rng.normal(size=k) * se, se


def counts(seed: int = 1, k: int = 7) -> tuple[np.ndarray, ...]:
    rng = np.random.default_rng(seed)
    n1, n0 = rng.integers(20, 90, k), rng.integers(20, 90, k)
    return rng.binomial(n1, 0.2), n1, rng.binomial(n0, 0.3), n0


def numbers(found: Estimate | None) -> np.ndarray:
    assert found is not None
    return np.array([getattr(found, name) for name in FIELDS], dtype=float)


def every(found: Any) -> np.ndarray:
    return np.concatenate([numbers(one) for one in found.items])


def near(expected: Any, rel: float) -> Any:
    return pytest.approx(expected, rel=rel, abs=1e-12, nan_ok=True)


def agree(y: Any, se: Any, **choices: Any) -> MetaAnalysis:
    """The pooled effect, after a comparison of each number with its recalculation."""
    found = pool(y, se, **choices)
    for one, two in pairs(Estimates(found.items), twins.pool(y, se, **choices), "pool"):
        compared = compare(one, two, twins.TOLERANCE["pool"])
        assert all(compared.values()), (compared, one, two)
        assert (one.status, one.unit, one.scale, one.df) == (two.status, two.unit, two.scale, two.df)
        assert numbers(two)[-1] == near(numbers(one)[-1], rel=1e-5)
    return found


# Agreement with the recalculation, and other second routes


@pytest.mark.parametrize("seed", range(3))
@pytest.mark.parametrize("model", MODELS)
def test_agreement_on_ordinary_studies(seed: int, model: Any) -> None:
    for k, tau in ((3, 0.2), (9, 0.5), (25, 0.0)):
        y, se = studies(seed, k, tau)
        for interval in INTERVALS:
            agree(y, se, scale="identity", model=model, interval=interval)
        for prediction in ("z", "t(k-1)", "t(k-2)"):
            agree(np.exp(y), se, scale="log", model=model, prediction=prediction, i_squared="q", conf_level=0.9)
    agree(y, se, scale="identity", model="fixed")


@settings(max_examples=80, deadline=None, derandomize=True)
@given(
    st.lists(
        st.tuples(
            st.one_of(st.integers(-2, 2).map(float), st.floats(-5, 5, allow_subnormal=False)),
            st.one_of(st.sampled_from([0.1, 0.5, 1.0]), st.floats(0.01, 10)),
        ),
        min_size=1,
        max_size=6,
    ),
    st.sampled_from(["fixed", *MODELS]),
)
def test_agreement_on_odd_studies(rows: list[tuple[float, float]], model: Any) -> None:
    y, se = (np.array(column) for column in zip(*rows, strict=True))
    agree(y, se, scale="identity", model=model)
    agree(np.exp(y), se, scale="log", model=model, i_squared="q")
    if model != "fixed":
        agree(y, se, scale="identity", model=model, interval="hartung-knapp", prediction="t(k-2)")


def test_moment_estimates_are_those_of_statsmodels() -> None:
    y, se = studies()
    for model, method in (("dersimonian-laird", "dl"), ("paule-mandel", "pm")):
        other = combine_effects(y, se**2, method_re=method)
        found = pool(y, se, scale="identity", model=model)
        # statsmodels solves Paule and Mandel's equation to 1e-5.
        assert found.tau_squared is not None
        assert found.tau_squared.estimate == pytest.approx(other.tau2, rel=1e-5)
        assert found.effect.estimate == pytest.approx(other.mean_effect_re, rel=1e-5)
        assert found.studies["weight"].to_numpy() == pytest.approx(other.weights_rel_re, rel=1e-4)
        knapp = pool(y, se, scale="identity", model=model, interval="hartung-knapp").effect
        assert knapp.std_error == pytest.approx(math.sqrt(other.var_hksj_re), rel=1e-4)


def test_statsmodels_takes_a_negative_variance_between_studies() -> None:
    # DerSimonian and Laird's estimate is 0 where Q is below its degrees of freedom; statsmodels 0.15 weights by less
    # than the studies' own variances there.
    y, se = np.array([0.1, 0.5, 0.3, 0.2]), np.array([0.2, 0.3, 0.25, 0.22])
    other = combine_effects(y, se**2, method_re="dl")
    assert other.tau2 < 0
    found = pool(y, se, scale="identity", model="dersimonian-laird")
    assert found.tau_squared is not None
    assert found.tau_squared.estimate == 0
    assert found.effect.std_error == pytest.approx(1 / math.sqrt((1 / se**2).sum()), rel=1e-12)
    assert other.sd_eff_w_re < 0.9 * (found.effect.std_error or 0)


def test_likelihoods_are_at_their_maximum_also_with_moderators() -> None:
    rng = np.random.default_rng(8)
    for k, p in ((6, 1), (10, 2), (20, 3)):
        x = np.column_stack([np.ones(k), rng.normal(size=(k, p - 1))])
        v = np.exp(rng.normal(-1, 1, k))
        y = rng.normal(0, 0.7, k) + rng.normal(size=k) * np.sqrt(v)

        def loss(tau2: float, restricted: bool, x: np.ndarray = x, y: np.ndarray = y, v: np.ndarray = v) -> float:
            sigma = np.diag(v + tau2)
            inverse = np.linalg.inv(sigma)
            inner = x.T @ inverse @ x
            residual = y - x @ np.linalg.solve(inner, x.T @ inverse @ y)
            full = np.linalg.slogdet(sigma)[1] + residual @ inverse @ residual
            return float(full + np.linalg.slogdet(inner)[1] if restricted else full)

        for model in ("reml", "ml"):
            tau2 = between(Data(y, v, x), model)  # type: ignore[arg-type]
            restricted = model == "reml"
            best = min(
                float(minimize(lambda t, r=restricted: loss(t[0] ** 2, r), [start], tol=1e-10).fun)
                for start in (0.05, 0.5, 2)
            )
            assert loss(tau2, restricted) <= best + 1e-9


@pytest.mark.parametrize(
    ("y", "v", "maxima", "higher"),
    [
        # One inexact study far away from exact ones: it may be chance (tau2 = 0) or a difference (a large tau2).
        ([0.06, -9.45, 0.09], [0.0036, 7.1184, 0.0047], (0.0, 22.627), 22.627),
        ([-0.47, 0.54, -4.24, 0.49], [42.0591, 0.0018, 2.1093, 0.006], (0.0, 4.678), 0.0),
    ],
)
def test_a_likelihood_with_two_maxima_gives_the_higher_one(
    y: list[float], v: list[float], maxima: tuple[float, float], higher: float
) -> None:
    data = Data(np.array(y), np.array(v), np.ones((len(y), 1)))
    values = {place: _restricted(data, place) for place in maxima}
    beside = max(_restricted(data, place) for place in (0.001, 0.1, 1.0))
    assert min(values.values()) > beside
    assert max(values, key=lambda place: values[place]) == higher
    assert between(data, "reml") == pytest.approx(higher, abs=1e-3)
    agree(y, np.sqrt(v), scale="identity")


def _restricted(data: Data, tau2: float) -> float:
    w = 1 / (data.v + tau2)
    mean = (w * data.y).sum() / w.sum()
    return float(np.log(w).sum() - np.log(w.sum()) - (w * (data.y - mean) ** 2).sum())


def test_meta_regression_by_weighted_least_squares() -> None:
    rng = np.random.default_rng(4)
    y, se = studies(4, 15)
    moderators = pd.DataFrame({"age": rng.normal(60, 9, 15), "design": rng.choice(["a", "b", "c"], 15)})
    x = np.column_stack([np.ones(15), moderators["age"], moderators["design"] == "b", moderators["design"] == "c"])
    for model in MODELS:
        found = meta_regression(y, se, moderators, scale="identity", model=model, interval="hartung-knapp")
        assert found.tau_squared is not None
        other = WLS(y, x.astype(float), weights=1 / (se**2 + (found.tau_squared.estimate or 0))).fit()
        for place, one in enumerate(found.coefficients.items):
            values = [other.params[place], other.bse[place], *other.conf_int()[place]]
            assert numbers(one)[:4] == near(values, rel=1e-8)
            assert (one.df, one.p_value) == (11, near(other.pvalues[place], rel=1e-7))
        assert found.moderators.test_statistic == near(other.fvalue, rel=1e-8)
        assert found.moderators.p_value == near(other.f_pvalue, rel=1e-7)
        plain = meta_regression(y, se, moderators, scale="identity", model=model)
        # Without the factor: the scale of the weighted regression is 1.
        errors = [one.std_error for one in plain.coefficients.items]
        assert errors == near(other.bse / math.sqrt(other.scale), rel=1e-8)
        assert plain.moderators.test_statistic == near(other.fvalue * 3 * other.scale, rel=1e-8)
    fixed = WLS(y, x.astype(float), weights=1 / se**2).fit()
    assert found.heterogeneity.test_statistic == near(fixed.ssr, rel=1e-9)


def test_meta_regression_on_nothing_but_groups_is_pooling_in_each() -> None:
    y, se = studies(2, 12)
    group = np.repeat(["a", "b"], 6)
    found = meta_regression(y, se, pd.DataFrame({"group": group}), scale="identity", model="fixed")
    one, two = (pool(y[group == g], se[group == g], scale="identity", model="fixed").effect for g in "ab")
    assert found.coefficients.where(variable="intercept").estimate == near(one.estimate, rel=1e-10)
    slope = found.coefficients.where(variable="group=b")
    assert slope.estimate == near((two.estimate or 0) - (one.estimate or 0), rel=1e-9)
    assert slope.std_error == near(math.hypot(one.std_error or 0, two.std_error or 0), rel=1e-9)


@pytest.mark.parametrize("seed", range(4))
def test_mantel_haenszel_by_statsmodels(seed: int) -> None:
    a, n1, c, n0 = counts(seed)
    tables = StratifiedTable([np.array([[i, m - i], [j, n - j]]) for i, m, j, n in zip(a, n1, c, n0, strict=True)])
    found = pool_counts(a, n1, c, n0, measure="odds-ratio", conf_level=0.9).effect
    assert found.estimate == near(tables.oddsratio_pooled, rel=1e-10)
    assert found.std_error == near(tables.logodds_pooled_se, rel=1e-10)
    assert (found.conf_low, found.conf_high) == near(tables.oddsratio_pooled_confint(0.1), rel=1e-9)
    assert pool_counts(a, n1, c, n0, measure="risk-ratio").effect.estimate == near(tables.riskratio_pooled, rel=1e-10)


def test_peto_by_the_hypergeometric_distribution() -> None:
    a, n1, c, n0 = counts()
    law = hypergeom(n1 + n0, n1, a + c)
    found = pool_counts(a, n1, c, n0, measure="odds-ratio", method="peto").effect
    assert math.log(found.estimate or 0) == near((a - law.mean()).sum() / law.var().sum(), rel=1e-9)
    assert found.std_error == near(1 / math.sqrt(law.var().sum()), rel=1e-9)


def test_variances_of_pooled_ratios_by_simulation() -> None:
    rng = np.random.default_rng(11)
    n1, n0 = np.array([40, 60, 90, 50]), np.array([45, 50, 70, 80])
    p0, ratio = np.array([0.3, 0.2, 0.25, 0.4]), 0.7
    drawn: dict[str, list[tuple[float, float]]] = {"risk-ratio": [], "risk-difference": []}
    for _ in range(1500):
        for measure, p1 in (("risk-ratio", p0 * ratio), ("risk-difference", p0 - 0.1)):
            a, c = rng.binomial(n1, p1), rng.binomial(n0, p0)
            one = pool_counts(a, n1, c, n0, measure=measure).effect  # type: ignore[arg-type]
            value = one.estimate or 0.0
            drawn[measure].append((math.log(value) if measure == "risk-ratio" else value, one.std_error or 0.0))
    for values in drawn.values():
        effects, errors = np.array(values).T
        # The standard deviation of 1,500 draws is known to 2 %, at four standard errors 7 %.
        assert np.sqrt((errors**2).mean()) == pytest.approx(effects.std(), rel=0.07)


def test_egger_is_the_intercept_of_the_standardised_effect_on_precision() -> None:
    y, se = studies(5, 14)
    line = linregress(1 / se, y / se)
    found = funnel(y, se, scale="identity").egger
    assert (found.estimate, found.std_error) == near((line.intercept, line.intercept_stderr), rel=1e-9)
    ratio = funnel(np.exp(y), se, scale="log").egger
    assert numbers(ratio) == near(numbers(found), rel=1e-9)


def test_the_rank_correlation_by_all_orders() -> None:
    y, se = studies(6, 6)
    w = 1 / se**2
    away = (y - (w * y).sum() / w.sum()) / np.sqrt(se**2 - 1 / w.sum())
    orders = [abs(kendalltau(order, se).statistic) for order in permutations(away)]
    found = funnel(y, se, scale="identity").rank_correlation
    assert found.estimate == near(kendalltau(away, se).statistic, rel=1e-12)
    assert found.p_value == near(np.mean(np.array(orders) >= abs(found.estimate or 0) - 1e-12), rel=1e-9)


def test_every_analysis_is_on_the_list() -> None:
    y, se = studies()
    moderators = pd.DataFrame({"x": np.arange(9.0)})
    found: list[Estimate] = []
    for scale in ("identity", "log"):
        effects = y if scale == "identity" else np.exp(y)
        found += pool(effects, se, scale=scale, model="fixed").items  # type: ignore[arg-type]
        for interval in INTERVALS:
            found += pool(effects, se, scale=scale, interval=interval).items  # type: ignore[arg-type]
            found += meta_regression(effects, se, moderators, scale=scale, interval=interval).items  # type: ignore[arg-type]
        found += funnel(effects, se, scale=scale).items  # type: ignore[arg-type]
    for measure in ("odds-ratio", "risk-ratio", "risk-difference"):
        found += pool_counts(*counts(), measure=measure).items  # type: ignore[arg-type]
    found += pool_counts(*counts(), measure="odds-ratio", method="peto").items
    for one in found:
        entry = analyses()[one.analysis]
        assert entry.unit == one.unit
        assert entry.interval or one.conf_level is None
    assert {one.analysis for one in found} == {name for name in analyses() if name.startswith("meta.")}


# Properties


def test_the_order_of_studies_does_not_matter() -> None:
    y, se = studies()
    order = np.random.default_rng(2).permutation(y.size)
    moderators = pd.DataFrame({"x": np.linspace(0, 1, y.size) ** 2})
    mixed = moderators.iloc[order].reset_index(drop=True)
    for one, two in (
        (pool(y, se, scale="identity"), pool(y[order], se[order], scale="identity")),
        (
            meta_regression(y, se, moderators, scale="identity"),
            meta_regression(y[order], se[order], mixed, scale="identity"),
        ),
        (funnel(y, se, scale="identity"), funnel(y[order], se[order], scale="identity")),
        (
            pool_counts(*counts(), measure="odds-ratio"),
            pool_counts(*(column[::-1] for column in counts()), measure="odds-ratio"),
        ),
    ):
        assert every(one) == near(every(two), rel=1e-8)


@pytest.mark.parametrize("model", ["fixed", *MODELS])
def test_swapping_the_arms_inverts_and_changes_the_sign(model: Any) -> None:
    y, se = studies()
    plain, swapped = (pool(sign * y, se, scale="identity", model=model) for sign in (1, -1))
    assert swapped.effect.estimate == near(-(plain.effect.estimate or 0), rel=1e-9)
    assert swapped.effect.conf_low == near(-(plain.effect.conf_high or 0), rel=1e-9)
    assert numbers(swapped.i_squared) == near(numbers(plain.i_squared), rel=1e-9)
    ratio = pool(np.exp(y), se, scale="log", model=model)
    assert ratio.effect.estimate == near(math.exp(plain.effect.estimate or 0), rel=1e-9)
    assert ratio.effect.std_error == near(plain.effect.std_error, rel=1e-9)
    assert ratio.effect.p_value == near(plain.effect.p_value, rel=1e-9)
    a, n1, c, n0 = counts()
    for measure, method in (
        ("odds-ratio", "mantel-haenszel"),
        ("odds-ratio", "peto"),
        ("risk-ratio", "mantel-haenszel"),
    ):
        one = pool_counts(a, n1, c, n0, measure=measure, method=method).effect  # type: ignore[arg-type]
        two = pool_counts(c, n0, a, n1, measure=measure, method=method).effect  # type: ignore[arg-type]
        assert two.estimate == near(1 / (one.estimate or 0), rel=1e-10)
        assert two.std_error == near(one.std_error, rel=1e-10)
    one, two = (pool_counts(*given_, measure="risk-difference").effect for given_ in ((a, n1, c, n0), (c, n0, a, n1)))
    assert (two.estimate, two.conf_low) == near((-(one.estimate or 0), -(one.conf_high or 0)), rel=1e-10)
    # More events in the treated: above 1, above 0.
    assert (pool_counts([9], [10], [1], [10], measure="risk-ratio").effect.estimate or 0) > 1
    assert (pool_counts([9], [10], [1], [10], measure="risk-difference").effect.estimate or 0) > 0


@pytest.mark.parametrize("model", ["fixed", *MODELS])
@pytest.mark.parametrize("factor", [1e-150, 0.01, 1e150])
def test_the_unit_of_the_effects_is_that_of_the_answer(model: Any, factor: float) -> None:
    y, se = studies()
    one, two = (pool(y * f, se * f, scale="identity", model=model) for f in (1.0, factor))
    assert numbers(two.effect)[:4] == near(numbers(one.effect)[:4] * factor, rel=1e-9)
    assert two.effect.p_value == near(one.effect.p_value, rel=1e-9)
    assert numbers(two.i_squared) == near(numbers(one.i_squared), rel=1e-8)
    if model != "fixed":
        assert two.tau_squared is not None
        assert one.tau_squared is not None
        assert two.tau_squared.estimate == near((one.tau_squared.estimate or 0) * factor * factor, rel=1e-8)
    moderators = pd.DataFrame({"x": np.arange(9.0) ** 2})
    other = meta_regression(y * factor, se * factor, moderators * 7e200 + 3, scale="identity", model=model)
    plain = meta_regression(y, se, moderators, scale="identity", model=model)
    assert other.moderators.test_statistic == near(plain.moderators.test_statistic, rel=1e-7)
    slopes = [each.coefficients.where(variable="x").estimate or 0 for each in (plain, other)]
    assert slopes[1] == pytest.approx(slopes[0] * factor / 7e200, rel=1e-7)


def test_shifting_all_effects_shifts_the_mean_and_nothing_else() -> None:
    y, se = studies()
    one, two = (pool(y + shift, se, scale="identity") for shift in (0.0, 1e6))
    assert two.effect.estimate == near(1e6 + (one.effect.estimate or 0), rel=1e-12)
    assert two.effect.std_error == near(one.effect.std_error, rel=1e-7)
    assert numbers(two.heterogeneity) == near(numbers(one.heterogeneity), rel=1e-7)


def test_more_variance_between_studies_makes_weights_alike() -> None:
    y, se = studies(3, 12, 3.0)
    fixed, random = (pool(y, se, scale="identity", model=m).studies["weight"] for m in ("fixed", "reml"))
    assert fixed.sum() == near(1, rel=1e-12)
    assert random.sum() == near(1, rel=1e-12)
    assert random.std() < fixed.std()


def test_symmetric_studies_are_not_filled_and_lacking_ones_are() -> None:
    y = np.array([0.0, -0.1, 0.1, -0.3, 0.3, -0.6, 0.6, -0.9, 0.9])
    se = np.array([0.05, 0.1, 0.1, 0.2, 0.2, 0.4, 0.4, 0.6, 0.6])
    whole = funnel(y, se, scale="identity", model="fixed")
    assert whole.added == 0
    assert whole.trim_and_fill.estimate == near(whole.centre.estimate, rel=1e-12)
    left = y > -0.5
    lacking = funnel(y[left], se[left], scale="identity", model="fixed")
    assert lacking.added > 0
    assert lacking.points.loc[lacking.points["filled"], "estimate"].max() < 0
    mirrored = funnel(-y[left], se[left], scale="identity", model="fixed")
    assert mirrored.added == lacking.added
    assert mirrored.trim_and_fill.estimate == near(-(lacking.trim_and_fill.estimate or 0), rel=1e-12)
    assert (lacking.egger.estimate or 0) > 0 > (mirrored.egger.estimate or 0)
    region = whole.region
    widest = region.iloc[-1]
    assert (widest["low"], widest["high"]) == near(
        ((whole.centre.estimate or 0) - 1.959964 * 0.6, (whole.centre.estimate or 0) + 1.959964 * 0.6), rel=1e-6
    )
    assert region.iloc[0]["low"] == region.iloc[0]["high"] == whole.centre.estimate


# Every argument changes what it should


def test_the_level_moves_the_limits_only() -> None:
    y, se = studies()
    moderators = pd.DataFrame({"x": np.arange(9.0)})
    for function in (
        lambda level: pool(y, se, scale="identity", conf_level=level),
        lambda level: meta_regression(y, se, moderators, scale="identity", conf_level=level),
        lambda level: pool_counts(*counts(), measure="risk-ratio", conf_level=level),
        lambda level: funnel(y, se, scale="identity", conf_level=level),
    ):
        for one, two in zip(function(0.95).items, function(0.8).items, strict=True):
            assert (one.estimate, one.std_error, one.p_value) == (two.estimate, two.std_error, two.p_value)
            if one.conf_level is not None:
                assert two.conf_level == 0.8
                assert (one.conf_low or 0) <= (two.conf_low or 0) <= (two.conf_high or 0) < (one.conf_high or 0)
    frames = [pool(y, se, scale="identity", conf_level=level).studies for level in (0.95, 0.8)]
    assert (frames[0]["conf_low"] < frames[1]["conf_low"]).all()
    assert frames[0]["conf_high"].to_numpy() == near(y + 1.959963984540054 * se, rel=1e-12)
    regions = [funnel(y, se, scale="identity", conf_level=level).region for level in (0.95, 0.8)]
    assert (regions[0]["low"][1:] < regions[1]["low"][1:]).all()


def test_choices_change_the_number_and_the_method() -> None:
    y, se = studies(3, 9, 1.0)
    effects = {model: pool(y, se, scale="identity", model=model).effect for model in ("fixed", *MODELS)}
    assert len({one.estimate for one in effects.values()}) == 5
    assert len({str(one.method) for one in effects.values()}) == 5
    assert [one.groups["model"] for one in effects.values()] == ["fixed", *MODELS]
    by_q, by_tau2 = (pool(y, se, scale="identity", i_squared=kind).i_squared for kind in ("q", "tau2"))
    assert by_q.estimate != by_tau2.estimate
    assert (by_q.conf_low, by_q.conf_high) == (by_tau2.conf_low, by_tau2.conf_high)
    assert str(by_q.method) != str(by_tau2.method)
    q = pool(y, se, scale="identity").heterogeneity.test_statistic or 0
    assert by_q.estimate == near((q - 8) / q, rel=1e-12)
    limits = [
        pool(y, se, scale="identity", prediction=how).prediction.conf_high  # type: ignore[union-attr, arg-type]
        for how in ("z", "t(k-1)", "t(k-2)")
    ]
    assert limits[0] < limits[1] < limits[2]
    default = pool(y, se, scale="identity", interval="hartung-knapp")
    given_ = pool(y, se, scale="identity", interval="hartung-knapp", prediction="t(k-1)")
    assert numbers(default.prediction) == near(numbers(given_.prediction), rel=1e-15)
    assert "t(k-1)" in str(default.prediction and default.prediction.method)
    named = pool(y, se, scale="identity", studies=[f"S{i}" for i in range(9)]).studies["study"]
    assert list(named) == [f"S{i}" for i in range(9)]
    assert list(pool(y, se, scale="identity").studies["study"][:2]) == ["1", "2"]
    assert list(funnel(y, se, scale="identity", studies=named).points["study"][:9]) == list(named)
    assert list(pool_counts(*counts(), measure="odds-ratio", studies=named[:7]).studies["study"]) == list(named[:7])
    assert list(study_effects(*counts(), measure="odds-ratio", studies=named[:7])["study"]) == list(named[:7])


def test_the_correction_is_for_single_studies_and_their_heterogeneity() -> None:
    rare = ([0, 3, 2, 5], [20, 50, 30, 60], [2, 1, 5, 9], [22, 45, 30, 58])
    half, tenth = (pool_counts(*rare, measure="odds-ratio", correction=c) for c in (None, 0.1))
    assert numbers(half.effect) == near(numbers(tenth.effect), rel=1e-15)
    assert half.heterogeneity.test_statistic != tenth.heterogeneity.test_statistic
    assert half.studies["estimate"][0] != tenth.studies["estimate"][0]
    assert half.studies["estimate"][1] == tenth.studies["estimate"][1]
    none = pool_counts(*rare, measure="odds-ratio", correction=0)
    assert math.isnan(none.studies["estimate"][0])
    assert none.heterogeneity.df == 2


# Edges


def reasons(found: Any) -> set[str]:
    return {str(one.reason) for one in found.items}


def test_no_study_and_one_study() -> None:
    for model in ("fixed", *MODELS):
        nothing = pool([], [], scale="log", model=model)
        assert {one.status for one in nothing.items} == {"not_estimable"}
        assert str(nothing.effect.reason) == "No studies"
        assert len(nothing.studies) == 0
    one = pool([0.8], [0.1], scale="log", model="fixed")
    assert (one.effect.estimate, one.effect.std_error) == near((0.8, 0.1), rel=1e-12)
    assert one.heterogeneity.status == one.i_squared.status == "not_estimable"
    random = pool([0.8], [0.1], scale="log")
    assert {item.status for item in random.items} == {"not_estimable"}
    assert "One study" in str(random.effect.reason)
    single = pool_counts([3], [10], [5], [12], measure="odds-ratio")
    assert single.effect.estimate == near(3 * 7 / (7 * 5), rel=1e-12)
    assert single.heterogeneity.status == "not_estimable"
    assert pool_counts([], [], [], [], measure="risk-difference").effect.status == "not_estimable"
    for few in (0, 1, 2):
        y, se = studies(k=few)
        found = funnel(y, se, scale="identity")
        assert str(found.egger.reason) == str(found.rank_correlation.reason) == "Fewer than three studies"
        assert found.trim_and_fill.status == "not_estimable"
        assert (found.centre.status == "ok") is (few == 2)


def test_two_studies_have_no_t_of_zero_degrees_of_freedom() -> None:
    found = pool([0.1, 0.9], [0.2, 0.3], scale="identity", prediction="t(k-2)")
    assert found.prediction is not None
    assert (found.prediction.status, found.prediction.conf_low) == ("ok", None)
    assert "no degrees of freedom" in str(found.prediction.reason)
    assert found.prediction.estimate == found.effect.estimate


def test_effects_that_are_all_alike() -> None:
    found = pool([0.3, 0.3, 0.3], [0.1, 0.2, 0.3], scale="identity", interval="hartung-knapp")
    assert (found.effect.status, found.effect.conf_low) == ("ok", None)
    assert found.effect.estimate == near(0.3, rel=1e-12)
    assert "do not scatter" in str(found.effect.reason)
    assert found.heterogeneity.test_statistic == 0
    assert found.tau_squared is not None
    assert (found.tau_squared.estimate, found.tau_squared.conf_high) == (0, None)
    assert "no value is within the limits" in str(found.tau_squared.reason)
    guarded = pool([0.3, 0.3, 0.3], [0.1, 0.2, 0.3], scale="identity", interval="hartung-knapp-guarded").effect
    plain = pool([0.3, 0.3, 0.3], [0.1, 0.2, 0.3], scale="identity").effect
    assert guarded.std_error == near(plain.std_error, rel=1e-12)
    assert pool([0.3, 0.3, 0.3], [0.1, 0.2, 0.3], scale="identity", i_squared="q").h_squared.estimate == 0


def test_no_variance_between_studies_makes_random_effects_fixed() -> None:
    y, se = np.array([0.10, 0.22, 0.15, 0.05, 0.18]), np.array([0.10, 0.15, 0.2, 0.12, 0.3])
    fixed = pool(y, se, scale="identity", model="fixed")
    for model in MODELS:
        found = pool(y, se, scale="identity", model=model)
        assert numbers(found.effect) == near(numbers(fixed.effect), rel=1e-12)
        assert found.prediction is not None
        assert found.prediction.conf_low == near(found.effect.conf_low, rel=1e-12)
    found = meta_regression(y, se, pd.DataFrame({"x": [1.0, 2, 3, 4, 5]}), scale="identity")
    assert found.r_squared is not None
    assert "No variance between studies" in str(found.r_squared.reason)


def test_zero_cells() -> None:
    # No treated patient has the event in any study: no limit of the ratio.
    found = pool_counts([0, 0], [20, 30], [3, 4], [20, 30], measure="odds-ratio")
    assert found.effect.status == "not_estimable"
    assert "give it no limit" in str(found.effect.reason)
    peto = pool_counts([0, 0], [20, 30], [3, 4], [20, 30], measure="odds-ratio", method="peto")
    assert peto.effect.status == "ok"
    # Nobody has the event, or everybody: nothing is said about a ratio, and the difference is 0 without a spread.
    for events in ([0, 0], [20, 30]):
        for measure, method in (
            ("odds-ratio", "mantel-haenszel"),
            ("odds-ratio", "peto"),
            ("risk-ratio", "mantel-haenszel"),
            ("risk-difference", "mantel-haenszel"),
        ):
            found = pool_counts(events, [20, 30], events, [20, 30], measure=measure, method=method)  # type: ignore[arg-type]
            assert found.heterogeneity.status == "not_estimable"
            assert found.effect.conf_low is None
            if measure == "risk-difference" or (measure == "risk-ratio" and events[0]):
                assert found.effect.estimate == (0 if measure == "risk-difference" else 1)
                assert str(found.effect.reason) == "The standard error is estimated to be 0"
            else:
                assert found.effect.status == "not_estimable"
        assert len(study_effects(events, [20, 30], events, [20, 30], measure="odds-ratio")) == 0
        assert len(study_effects(events, [20, 30], events, [20, 30], measure="risk-difference")) == 2


def test_studies_without_events_leave_pooled_ratios_alone() -> None:
    rare = ([3, 2, 5], [50, 30, 60], [2, 5, 9], [45, 30, 58])
    more = ([3, 2, 5, 0, 7], [50, 30, 60, 40, 7], [2, 5, 9, 0, 8], [45, 30, 58, 50, 8])
    for measure, method in (("odds-ratio", "mantel-haenszel"), ("odds-ratio", "peto")):
        one, two = (pool_counts(*c, measure=measure, method=method) for c in (rare, more))  # type: ignore[arg-type]
        assert numbers(one.effect) == near(numbers(two.effect), rel=1e-12)
        assert numbers(one.heterogeneity) == near(numbers(two.heterogeneity), rel=1e-12)
        assert list(two.studies["weight"][3:]) == [0, 0]
        assert two.studies["estimate"][3:].isna().all()
    one, two = (pool_counts(*c, measure="risk-difference") for c in (rare, more))
    assert abs(two.effect.estimate or 0) < abs(one.effect.estimate or 0)


def test_dependent_moderators_are_named() -> None:
    y, se = studies()
    x = np.arange(9.0)
    frames = {
        "flat has one value only": pd.DataFrame({"x": x, "flat": 0.1}),
        "twice is a combination of the other moderators": pd.DataFrame({"x": x, "twice": 2 * x + 5}),
        "No more studies (9) than coefficients (9)": pd.DataFrame(np.eye(9)[:, :8]).add_prefix("x"),
    }
    for expected, moderators in frames.items():
        for model in ("fixed", "reml"):
            found = meta_regression(y, se, moderators, scale="log" if (y > 0).all() else "identity", model=model)  # type: ignore[arg-type]
            assert {one.status for one in found.items} == {"not_estimable"}
            assert reasons(found) == {expected}
            assert len(found.coefficients.items) == moderators.shape[1] + 1


def test_standard_errors_that_are_all_alike_say_nothing_about_small_studies() -> None:
    y, _ = studies()
    found = funnel(y, [0.2] * 9, scale="identity")
    assert found.centre.status == "ok"
    assert str(found.egger.reason) == str(found.rank_correlation.reason) == "All studies have the same standard error"
    straight = funnel([1.0, 2.0, 3.0, 4.0], [0.1, 0.2, 0.3, 0.4], scale="identity")
    assert "do not scatter" in str(straight.egger.reason)


def test_values_at_the_ends_of_the_number_range() -> None:
    wide = pool([1e200, 1e-200], [300.0, 200.0], scale="log")
    assert (wide.effect.status, str(wide.effect.reason)) == ("not_estimable", "A value too large to be a number")
    for y, se in (([1e300, -1e300, 1e299], [1e300, 1e299, 1e298]), ([1e-300, 0, 2e-300], [1e-300, 1e-301, 3e-300])):
        for model in ("fixed", *MODELS):
            found = pool(y, se, scale="identity", model=model)  # type: ignore[arg-type]
            assert found.effect.status == "ok"
            assert found.effect.estimate == near(
                np.average(y, weights=1 / (np.array(se) / se[0]) ** 2) if model == "fixed" else found.effect.estimate,
                rel=1e-9,
            )
    lopsided = pool([0.0, 1.0, 3.0], [1e-8, 1.0, 2.0], scale="identity")
    assert lopsided.effect.status == "ok"


def test_the_restricted_score_is_zero_at_the_estimate() -> None:
    for seed in range(20):
        y, se = studies(seed, 5, 1.0)
        data = Data(y, se**2, np.ones((5, 1)))
        tau2 = between(data, "reml")
        fit = weighted(data, tau2)
        slope = fit.squares - fit.trace
        assert slope == pytest.approx(0, abs=1e-8 * fit.trace) if tau2 > 0 else slope <= 0


# Refusals


@pytest.mark.parametrize("function", [pool, funnel])
def test_wrong_effects_are_refused(function: Any) -> None:
    with pytest.raises(InvalidInput, match="estimate cannot be used.*missing or infinite value in row 2"):
        function([1, np.nan], [1, 1], scale="identity")
    with pytest.raises(InvalidInput, match="std_error cannot be used.*missing or infinite value in row 1"):
        function([1, 2], [np.inf, 1], scale="identity")
    with pytest.raises(InvalidInput, match="std_error cannot be used; expected a number above 0.*row 2"):
        function([1, 2], [1, 0], scale="identity")
    with pytest.raises(InvalidInput, match="ratios, not their logarithms.*row 1"):
        function([-0.3, 2], [1, 1], scale="log")
    with pytest.raises(InvalidInput, match="differ in length"):
        function([1, 2], [1], scale="identity")
    with pytest.raises(InvalidInput, match="unknown scale; expected identity or log"):
        function([1, 2], [1, 1], scale="ratio")
    with pytest.raises(InvalidInput, match="unknown model"):
        function([1, 2], [1, 1], scale="identity", model="random")
    with pytest.raises(InvalidInput, match="studies holds a name twice"):
        function([1, 2], [1, 1], scale="identity", studies=["a", "a"])
    with pytest.raises(InvalidInput, match="studies does not fit"):
        function([1, 2], [1, 1], scale="identity", studies=["a"])
    with pytest.raises(InvalidInput, match="studies that can be compared"):
        function([1, 2], [1, 1e-70], scale="identity")
    with pytest.raises(InvalidInput, match="conf_level"):
        function([1, 2], [1, 1], scale="identity", conf_level=95)


def test_wrong_choices_of_a_model_are_refused() -> None:
    y, se = studies()
    for name in ("interval", "prediction", "i_squared"):
        with pytest.raises(InvalidInput, match=f"unknown {name}"):
            pool(y, se, scale="identity", **{name: "other"})  # type: ignore[arg-type]
    for choices in ({"interval": "hartung-knapp"}, {"prediction": "z"}):
        with pytest.raises(InvalidInput, match="fixed model has a normal interval and no prediction"):
            pool(y, se, scale="identity", model="fixed", **choices)  # type: ignore[arg-type]
    moderators = pd.DataFrame({"x": np.arange(9.0)})
    with pytest.raises(InvalidInput, match="fixed model has a normal interval"):
        meta_regression(y, se, moderators, scale="identity", model="fixed", interval="hartung-knapp")
    with pytest.raises(InvalidInput, match="unknown interval"):
        meta_regression(y, se, moderators, scale="identity", interval="t")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="x: a covariate cannot be used.*row 1"):
        meta_regression(y, se, moderators.where(moderators > 0), scale="identity")
    with pytest.raises(InvalidInput, match="frame of 9 rows"):
        meta_regression(y, se, moderators[:4], scale="identity")


def test_wrong_counts_are_refused() -> None:
    good: list[Any] = [[3, 2], [10, 12], [5, 1], [11, 9]]
    names = ("events_treated", "n_treated", "events_reference", "n_reference")
    for function in (pool_counts, study_effects):
        for place, name in enumerate(names):
            for wrong in (1.5, -1, np.nan, np.inf, 1e300):
                bad = [list(column) for column in good]
                bad[place][1] = wrong
                with pytest.raises(InvalidInput, match=f"{name} cannot be used; expected a whole number.*row 2"):
                    function(*bad, measure="odds-ratio")
        with pytest.raises(InvalidInput, match="events_treated cannot be used; expected patients at most.*row 1"):
            function([11, 2], *good[1:], measure="odds-ratio")
        with pytest.raises(InvalidInput, match="n_reference cannot be used; expected patients in each arm.*row 2"):
            function([3, 2], [10, 12], [5, 0], [11, 0], measure="odds-ratio")
        with pytest.raises(InvalidInput, match="counts differ in length"):
            function([3], *good[1:], measure="odds-ratio")
        with pytest.raises(InvalidInput, match="unknown measure"):
            function(*good, measure="hazard-ratio")
        for correction in (-1, np.nan, "0.5", True):
            with pytest.raises(InvalidInput, match="correction is not a number to add"):
                function(*good, measure="odds-ratio", correction=correction)
    with pytest.raises(InvalidInput, match="Peto's method is for odds ratios"):
        pool_counts(*good, measure="risk-ratio", method="peto")
    with pytest.raises(InvalidInput, match="Peto's method is for odds ratios, uncorrected"):
        pool_counts(*good, measure="odds-ratio", method="peto", correction=0.5)
    with pytest.raises(InvalidInput, match="unknown method"):
        pool_counts(*good, measure="odds-ratio", method="exact")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="unknown corrected"):
        study_effects(*good, measure="odds-ratio", corrected="none")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="unknown without_events"):
        study_effects(*good, measure="odds-ratio", without_events="drop")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="correction cannot be used; expected one above 0.*a zero count in row 2"):
        study_effects([3, 0], *good[1:], measure="odds-ratio", correction=0)
