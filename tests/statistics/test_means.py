"""Means: properties, edges, refusals, and agreement with their recalculation."""

from __future__ import annotations

import math
import warnings
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.stats import mannwhitneyu

from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import means as twins
from evidence_lib.results import Estimate, Estimates, analyses
from evidence_lib.session.calls import compare, items, pairs
from evidence_lib.statistics import means as statistics
from evidence_lib.statistics.means import ancova, anova, t_test, wilcoxon
from evidence_lib.statistics.means.rank_sum import distribution
from evidence_lib.statistics.means.shift import Pairs, difference_at, total

AB: dict[str, Any] = {"treatment": "a", "reference": "b"}
FIELDS = ("estimate", "std_error", "conf_low", "conf_high", "test_statistic", "df", "p_value")


def trial(seed: int = 1, n: int = 60) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    arm = rng.choice(["a", "b", "c"], n)
    base = rng.normal(20, 5, n)
    return pd.DataFrame(
        {
            "arm": arm,
            "site": rng.choice(["x", "y", "z"], n),
            "sex": rng.choice(["f", "m"], n),
            "base": base,
            "change": np.round(rng.normal(0, 4, n) - 0.3 * base + 2.5 * (arm == "a"), 1),
        }
    )


def covariates(frame: pd.DataFrame) -> pd.DataFrame:
    return frame[["site", "base"]]


def numbers(found: Estimate) -> np.ndarray:
    """Every statistic, NaN for one that is not given."""
    return np.array([getattr(found, name) for name in FIELDS], dtype=float)


def all_numbers(found: Estimate | Estimates) -> np.ndarray:
    return np.concatenate([numbers(one) for one in items(found)])


def near(expected: Any, rel: float) -> Any:
    return pytest.approx(expected, rel=rel, abs=1e-300, nan_ok=True)


def agree(name: str, *data: Any, **choices: Any) -> Estimate | Estimates:
    """The statistic, after a comparison of each number with its recalculation, p-values included."""
    found = getattr(statistics, name)(*data, **choices)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the other libraries warn of what the reason says
        other = getattr(twins, name)(*data, **choices)
    for one, two in pairs(found, other, name):
        compared = compare(one, two, twins.TOLERANCE[name])
        assert all(compared.values()), (compared, one, two)
        assert one.status == two.status
        assert (one.n, one.unit, one.conf_level, one.is_test) == (two.n, two.unit, two.conf_level, two.is_test)
        if one.std_error is not None or one.is_test:
            assert numbers(two)[-2:] == near(numbers(one)[-2:], rel=1e-6)
    return found


# Agreement with the recalculation


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("size", [12, 60])
def test_agreement_on_ordinary_trials(seed: int, size: int) -> None:
    frame = trial(seed, size)
    y, arm = frame["change"], frame["arm"]
    dose = {"a": 10.0, "b": 0.0, "c": 5}
    agree("t_test", y, arm, **AB)
    agree("t_test", y, arm, **AB, variance="pooled", conf_level=0.8)
    both = frame[arm != "c"].groupby("arm").head(min((arm == "a").sum(), (arm == "b").sum()))
    agree("t_test", both["change"], both["arm"], **AB, pairs=both.groupby("arm").cumcount())
    agree("wilcoxon", y, arm, **AB)
    agree("wilcoxon", y, arm, **AB, continuity_correction=False, conf_level=0.9)
    agree("wilcoxon", y + np.arange(size) * 1e-6, arm, **AB, distribution="exact")
    agree("wilcoxon", y, arm, **AB, strata=frame[["site", "sex"]])
    for kind in ("I", "II", "III"):
        crossed = [("group", "sex")]
        agree("anova", y, arm, factors=frame[["site", "sex"]], interactions=crossed, sum_of_squares=kind)
    for margins in ("equal", "observed"):
        agree("ancova", y, arm, covariates(frame), reference="b", margins=margins, contrasts="pairwise", dose=dose)
    agree("ancova", y, arm, None, reference="b", dose=dose, trend="contrast", conf_level=0.9)


VALUES = st.one_of(
    st.integers(-3, 3).map(float),
    st.floats(-1e3, 1e3).map(lambda value: round(value, 9)),  # no outcome is measured in 1e-300ths of its unit
    st.sampled_from([0.1, 0.3, 0.1 + 0.2, 1e6, 1e6 + 0.1]),
)


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.lists(st.tuples(VALUES, st.sampled_from("abc"), st.sampled_from("xy")), min_size=1, max_size=14))
def test_agreement_on_odd_data(rows: list[tuple[float, str, str]]) -> None:
    y, arm, site = (list(column) for column in zip(*rows, strict=True))
    agree("t_test", y, arm, **AB)
    agree("t_test", y, arm, **AB, variance="pooled")
    agree("wilcoxon", y, arm, **AB)
    agree("wilcoxon", y, arm, **AB, distribution="normal", conf_level=0.6)
    agree("wilcoxon", y, arm, **AB, strata=site)
    agree("anova", y, arm, factors=pd.DataFrame({"site": site}))
    agree("ancova", y, arm, pd.DataFrame({"site": site}), reference="b", dose={"a": 1, "b": 0, "c": 4})


def test_every_analysis_is_on_the_list() -> None:
    frame = trial()
    y, arm = frame["change"], frame["arm"]
    dose = {"a": 1, "b": 0, "c": 2}
    found = [
        t_test(y, arm, **AB),
        *wilcoxon(y, arm, **AB).items,
        *wilcoxon(y, arm, **AB, strata=frame["site"]).items,
        *wilcoxon(y[:9] + np.arange(9) / 97, arm[:9], **AB, distribution="exact").items,
        *anova(y, arm).items,
        *ancova(y, arm, None, reference="b", dose=dose, trend="regression").items,
        *ancova(y, arm, None, reference="b", dose=dose, trend="contrast").items,
    ]
    for one in found:
        entry = analyses()[one.analysis]
        assert (entry.unit, entry.interval) == (one.unit, one.conf_level is not None)
        assert entry.headline
    missing = {name for name in analyses() if name.split(".")[0] in ("t_test", "wilcoxon", "anova", "ancova")}
    assert missing - {one.analysis for one in found} == {"t_test.difference.pooled", "t_test.difference.paired"}


# Properties


def test_swapping_the_arms_changes_the_sign() -> None:
    frame = trial()
    y, arm = frame["change"], frame["arm"]
    for function, choices in ((t_test, {}), (wilcoxon, {}), (wilcoxon, {"strata": frame["site"]})):
        one = items(function(y, arm, **AB, **choices))[-1]
        two = items(function(y, arm, treatment="b", reference="a", **choices))[-1]
        assert (two.estimate, two.conf_low, two.conf_high) == pytest.approx(
            (-one.estimate, -one.conf_high, -one.conf_low), rel=1e-12
        )
        assert numbers(two)[-1:] == near(numbers(one)[-1:], rel=1e-12)
    one = ancova(y, arm, covariates(frame), reference="b").where(treatment="a")
    two = ancova(y, arm, covariates(frame), reference="a").where(treatment="b")
    assert (two.estimate, two.test_statistic) == pytest.approx((-one.estimate, -one.test_statistic), rel=1e-9)
    tests = [
        wilcoxon(y, arm, treatment=t, reference=r, distribution="normal").items[0].test_statistic
        for t, r in ("ab", "ba")
    ]
    assert tests[0] == -tests[1] != 0
    high = y + 100 * (arm == "a")
    assert t_test(high, arm, **AB).estimate > 90
    assert wilcoxon(high, arm, **AB, distribution="normal").items[0].test_statistic > 0
    assert ancova(high, arm, None, reference="b").where(treatment="a").estimate > 90


def test_the_unit_of_the_outcome_is_that_of_the_estimate() -> None:
    frame = trial()
    y, arm = frame["change"], frame["arm"]
    for factor in (1 / 8, 0.37, -2.0, 1e200, 1e-250):
        one, two = (t_test(values, arm, **AB) for values in (y, y * factor))
        assert two.estimate == pytest.approx(one.estimate * factor, rel=1e-9)
        assert two.std_error == pytest.approx(one.std_error * abs(factor), rel=1e-9)
        assert two.p_value == pytest.approx(one.p_value, rel=1e-9)
        shifts = [wilcoxon(values, arm, **AB).items[1] for values in (y, y * factor)]
        limits = sorted((shifts[0].conf_low * factor, shifts[0].conf_high * factor))
        assert [shifts[1].conf_low, shifts[1].conf_high] == pytest.approx(limits, rel=1e-9)
        models = [ancova(values, arm, covariates(frame), reference="b") for values in (y, y * factor)]
        for first, second in zip(*(model.items for model in models), strict=True):
            assert second.estimate == pytest.approx(first.estimate * factor, rel=1e-9)
            assert second.std_error == pytest.approx(first.std_error * abs(factor), rel=1e-9)
        f = [anova(values, arm).items[0].test_statistic for values in (y, y * factor)]
        assert f[1] == pytest.approx(f[0], rel=1e-9)
    moved = ancova(y + 1e6, arm, covariates(frame), reference="b")
    still = ancova(y, arm, covariates(frame), reference="b")
    assert moved.where(treatment="a").estimate == pytest.approx(still.where(treatment="a").estimate, rel=1e-7)
    assert moved.where(arm="a").estimate == pytest.approx(1e6 + still.where(arm="a").estimate, rel=1e-12)


def test_the_order_of_patients_does_not_matter() -> None:
    frame = trial()
    mixed = frame.sample(frac=1, random_state=7)
    for one, two in zip(*(every_statistic(each) for each in (frame, mixed)), strict=True):
        assert two == near(one, rel=1e-9)


def every_statistic(frame: pd.DataFrame) -> list[np.ndarray]:
    y, arm = frame["change"], frame["arm"]
    dose = {"a": 1, "b": 0, "c": 2}
    return [
        all_numbers(t_test(y, arm, **AB)),
        all_numbers(wilcoxon(y, arm, **AB)),
        all_numbers(wilcoxon(y, arm, **AB, strata=frame["site"])),
        all_numbers(anova(y, arm, factors=frame[["site"]], interactions=[("group", "site")])),
        all_numbers(ancova(y, arm, covariates(frame), reference="b", contrasts="pairwise", dose=dose)),
    ]


def test_covariates_may_be_in_any_unit_and_have_any_first_level() -> None:
    frame = trial()
    y, arm = frame["change"], frame["arm"]
    plain = ancova(y, arm, covariates(frame), reference="b", dose={"a": 1, "b": 0, "c": 2})
    other = pd.DataFrame(
        {"base": frame["base"] * 1e300 + 3e301, "site": frame["site"].map({"x": "last", "y": "a", "z": "b"})}
    )
    same = ancova(y, arm, other, reference="b", dose={"a": 10, "b": 0, "c": 20})
    assert all_numbers(plain)[:-7] == near(all_numbers(same)[:-7], rel=1e-9)
    assert same.items[-1].estimate == pytest.approx(plain.items[-1].estimate / 10, rel=1e-9)
    assert same.items[-1].p_value == pytest.approx(plain.items[-1].p_value, rel=1e-9)


def test_one_model_in_special_cases_is_another() -> None:
    frame = trial()
    two = frame[frame["arm"] != "c"]
    y, arm = two["change"], two["arm"]
    pooled = t_test(y, arm, **AB, variance="pooled")
    assert anova(y, arm).items[0].test_statistic == pytest.approx(pooled.test_statistic**2, rel=1e-12)
    model = ancova(y, arm, None, reference="b", dose={"a": 3, "b": 1})
    assert numbers(model.where(treatment="a")) == near(numbers(pooled), rel=1e-12)
    assert model.where(arm="a").estimate == pytest.approx(y[arm == "a"].mean(), rel=1e-12)
    assert model.items[-1].estimate == pytest.approx(pooled.estimate / 2, rel=1e-12)
    # With one numeric covariate, the F test of the arms by two fits to the residual sum of squares.
    x = np.column_stack([np.ones(len(two)), two["base"]])
    full = np.column_stack([x, arm == "a"])
    rss = [float(np.linalg.lstsq(each, y, rcond=None)[1][0]) for each in (x, full)]
    t = ancova(y, arm, two[["base"]], reference="b").where(treatment="a").test_statistic
    assert t**2 == pytest.approx((rss[0] - rss[1]) / (rss[1] / (len(two) - 3)), rel=1e-10)
    # In balanced data the three types of sums of squares are the same.
    balanced = frame.groupby(["arm", "sex"]).head(frame.groupby(["arm", "sex"]).size().min())
    found = [
        all_numbers(
            anova(
                balanced["change"],
                balanced["arm"],
                factors=balanced[["sex"]],
                interactions=[("group", "sex")],
                sum_of_squares=kind,
            )
        )
        for kind in ("I", "II", "III")
    ]
    assert found[0] == near(found[1], rel=1e-9)
    assert found[0] == near(found[2], rel=1e-9)


def test_equal_margins_are_the_mean_over_the_cells() -> None:
    frame = trial()
    found = ancova(frame["change"], frame["arm"], frame[["site", "sex", "base"]], reference="b")
    x = pd.get_dummies(frame[["arm", "site", "sex", "base"]], dtype=float)
    b = np.linalg.lstsq(x.to_numpy(), frame["change"].to_numpy(), rcond=None)[0]
    grid = [[site, sex] for site in "xyz" for sex in "fm"]
    for arm in "abc":
        rows = [
            [frame["base"].mean() if c == "base" else float(c in (f"arm_{arm}", f"site_{s}", f"sex_{x_}")) for c in x]
            for s, x_ in grid
        ]
        assert found.where(arm=arm).estimate == pytest.approx(float((np.array(rows) @ b).mean()), rel=1e-9)


def test_shifting_the_treated_shifts_the_estimate_and_nothing_else() -> None:
    frame = trial()
    y, arm = frame["change"].to_numpy(), frame["arm"].to_numpy()
    for choices in ({}, {"distribution": "exact"}, {"strata": frame["site"]}):
        values = y + np.arange(y.size) * 1e-7
        one = wilcoxon(values, arm, **AB, **choices).items[1]
        two = wilcoxon(values + 16 * (arm == "a"), arm, **AB, **choices).items[1]
        assert (two.estimate, two.conf_low, two.conf_high) == pytest.approx(
            (one.estimate + 16, one.conf_low + 16, one.conf_high + 16), abs=1e-9
        )
    # The limits are where the test starts to reject.
    low = one.conf_low or 0.0
    p_values = [
        wilcoxon(values - (low + side) * (arm == "a"), arm, **AB, strata=frame["site"]).items[0].p_value
        for side in (-1e-8, 1e-8)
    ]
    assert p_values[0] < 0.05 < p_values[1]


@pytest.mark.parametrize(("m", "n"), [(1, 1), (1, 5), (3, 4), (4, 4), (5, 2)])
def test_the_exact_distribution_is_that_of_all_orders(m: int, n: int) -> None:
    chosen = [sum(ranks) - m * (m + 1) // 2 for ranks in combinations(range(1, m + n + 1), m)]
    assert distribution(m, n) == pytest.approx(np.bincount(chosen, minlength=m * n + 1) / len(chosen), rel=1e-13)


def test_the_exact_distribution_of_larger_samples() -> None:
    rng = np.random.default_rng(5)
    x, y = rng.normal(size=49), rng.normal(0.4, size=47)
    (test, _) = wilcoxon([*x, *y], ["a"] * 49 + ["b"] * 47, **AB).items
    assert test.analysis == "wilcoxon.test.exact"
    assert test.p_value == pytest.approx(mannwhitneyu(x, y, method="exact").pvalue, rel=1e-9)
    assert distribution(49, 47).sum() == pytest.approx(1, rel=1e-12)


def test_order_statistics_of_differences_by_sorting_them() -> None:
    rng = np.random.default_rng(3)
    for _ in range(30):
        strata, together = [], []
        for _ in range(rng.integers(1, 4)):
            x, y = (np.sort(np.round(rng.normal(size=rng.integers(1, 9)), 1)) for _ in range(2))
            strata.append(Pairs(x, y, float(rng.integers(1, 4))))
            together += [(float(d), strata[-1].weight) for d in np.subtract.outer(x, y).ravel()]
        together.sort()
        sums = np.cumsum([weight for _, weight in together])
        assert total(strata) == sums[-1]
        for (value, _), reached in zip(together, sums, strict=True):
            assert difference_at(strata, float(reached)) == pytest.approx(value, abs=1e-12)


def test_large_samples_make_no_table_of_differences() -> None:
    rng = np.random.default_rng(4)
    x, y = rng.normal(1, 1, 60_000), rng.normal(0, 1, 60_000)
    # 3.6e9 differences would be 29 gigabytes.
    found = wilcoxon([*x, *y], ["a"] * 60_000 + ["b"] * 60_000, **AB).items[1]
    assert found.estimate == pytest.approx(1, abs=0.03)
    assert found.conf_low < 1 < found.conf_high


# Every argument changes what it should


def test_the_level_moves_the_limits_only() -> None:
    frame = trial()
    for one, two in zip(
        *([*_with_limits(frame, conf_level=level)] for level in (0.95, 0.8)),
        strict=True,
    ):
        assert (one.estimate, one.p_value, one.std_error) == (two.estimate, two.p_value, two.std_error)
        assert one.conf_low < two.conf_low < two.conf_high < one.conf_high
        assert (one.conf_level, two.conf_level) == (0.95, 0.8)


def _with_limits(frame: pd.DataFrame, conf_level: float) -> list[Estimate]:
    y, arm = frame["change"], frame["arm"]
    return [
        t_test(y, arm, **AB, conf_level=conf_level),
        wilcoxon(y, arm, **AB, conf_level=conf_level).items[1],
        wilcoxon(y, arm, **AB, strata=frame["site"], conf_level=conf_level).items[1],
        *ancova(y, arm, covariates(frame), reference="b", conf_level=conf_level, dose={"a": 1, "b": 0, "c": 5}).items,
    ]


def test_choices_change_the_number_and_the_method() -> None:
    frame = trial()
    y, arm = frame["change"], frame["arm"]
    welch, pooled = t_test(y, arm, **AB), t_test(y, arm, **AB, variance="pooled")
    assert welch.estimate == pooled.estimate
    assert welch.df < pooled.df
    assert str(welch.method) != str(pooled.method)
    assert welch == t_test(y, arm, **AB, variance="welch")
    corrected, plain = (wilcoxon(y, arm, **AB, continuity_correction=choice) for choice in (True, False))
    assert abs(corrected.items[0].test_statistic) < abs(plain.items[0].test_statistic)
    assert "continuity correction" in str(corrected.items[1].method)
    assert "continuity correction" not in str(plain.items[1].method)
    assert "by site" in str(wilcoxon(y, arm, **AB, strata=frame[["site"]]).items[0].method)
    equal, observed = (ancova(y, arm, covariates(frame), reference="b", margins=m) for m in ("equal", "observed"))
    assert equal.where(arm="a").estimate != observed.where(arm="a").estimate
    assert equal.where(treatment="a").estimate == pytest.approx(observed.where(treatment="a").estimate, rel=1e-12)
    assert "shares observed" in str(observed.where(arm="a").method)
    assert "adjusted for site and base" in str(equal.where(treatment="a").method)
    assert "adjusted" not in str(ancova(y, arm, None, reference="b").items[0].method)


def test_the_order_of_pairwise_differences() -> None:
    frame = trial()
    y = frame["change"]

    def order(group: Any, **choices: Any) -> list[tuple[Any, Any]]:
        found = ancova(y, group, None, reference="b", contrasts="pairwise", **choices)
        pairs_ = [e.groups for e in found.items if e.analysis == "ancova.contrast"]
        return [(one["treatment"], one["reference"]) for one in pairs_]

    assert order(frame["arm"]) == [("a", "b"), ("c", "b"), ("c", "a")]
    assert order(frame["arm"], dose={"a": 9, "b": 0, "c": 1}) == [("c", "b"), ("a", "b"), ("a", "c")]
    named = pd.Categorical(frame["arm"], categories=["c", "unused", "b", "a"])
    assert order(named) == [("c", "b"), ("a", "b"), ("a", "c")]
    kept = [e.groups for e in ancova(y, frame["arm"], None, reference="b").items]
    assert kept[3:] == [{"treatment": "a", "reference": "b"}, {"treatment": "c", "reference": "b"}]


def test_the_trend_is_that_of_equal_steps_of_dose() -> None:
    arm = np.repeat(["p", "l", "h"], 4)
    noise = np.tile([-1.0, 1.0, 0.5, -0.5], 3)
    y = np.repeat([5.0, 7.0, 9.0], 4) + noise
    dose = {"p": 0, "l": 54, "h": 108}
    for trend in ("regression", "contrast"):
        found = ancova(y, arm, None, reference="p", dose=dose, trend=trend).items[-1]
        assert found.estimate == pytest.approx(2 / 54, rel=1e-12)
        assert dict(found.groups) == {"variable": "dose"}
    regression, contrast = (
        ancova(y + (arm == "l"), arm, None, reference="p", dose=dose, trend=trend).items[-1]
        for trend in ("regression", "contrast")
    )
    # Equal numbers and steps: the same slope, but only the contrast lets the middle arm lie off the line.
    assert contrast.estimate == pytest.approx(regression.estimate, rel=1e-12)
    assert contrast.std_error < regression.std_error
    assert (contrast.df, regression.df) == (9, 10)


def test_numbers_are_covariates_and_texts_are_categories() -> None:
    frame = trial().assign(code=lambda f: f["site"].map({"x": 1, "y": 2, "z": 3}))
    y, arm = frame["change"], frame["arm"]
    as_number = ancova(y, arm, frame[["code"]], reference="b").where(treatment="a")
    as_text = ancova(y, arm, frame[["code"]].astype(str), reference="b").where(treatment="a")
    as_levels = ancova(y, arm, frame[["code"]].astype("category"), reference="b").where(treatment="a")
    assert as_number.df == as_text.df + 1
    assert as_text.estimate == pytest.approx(as_levels.estimate, rel=1e-12)
    assert as_number.estimate != pytest.approx(as_text.estimate, rel=1e-3)
    # In analysis of variance a number is a category.
    assert anova(y, arm, factors=frame[["code"]]).where(variable="code").df == 2


# Edges


def reason(found: Estimate | Estimates, place: int = 0) -> str:
    one = items(found)[place]
    assert one.reason is not None
    return str(one.reason)


def test_an_empty_arm_and_no_patients() -> None:
    for function in (t_test, wilcoxon):
        found = function([1.0, 2.0], ["a", "a"], **AB)
        assert {one.status for one in items(found)} == {"not_estimable"}
        assert reason(found) == "No patients in b"
        assert reason(function([], [], **AB)) == "No patients in a"
    found = ancova([1.0, 2.0, 4.0], ["a", "a", "a"], None, reference="b")
    assert [one.status for one in found.items] == ["ok", "not_estimable"]
    assert found.where(arm="a").estimate == pytest.approx(7 / 3)
    assert reason(found, 1) == "No patients in b"
    assert ancova([], [], None, reference="b").items == ()
    nobody = pd.DataFrame({"base": pd.Series(dtype=float), "sex": pd.Series(dtype=object)})
    agree("ancova", [], [], nobody, reference="b")
    assert reason(anova([], [])) == "No patients"
    strata = ["x", "x", "y"]
    assert reason(wilcoxon([1, 2, 3], ["a", "a", "b"], **AB, strata=strata)) == "No stratum has patients in both arms"


def test_a_single_patient_in_an_arm() -> None:
    y, arm = [1.0, 2.0, 4.0], ["a", "b", "b"]
    found = t_test(y, arm, **AB)
    assert (found.status, found.estimate, found.conf_low) == ("ok", -2.0, None)
    assert reason(found) == "Too few patients for a variance"
    pooled = t_test(y, arm, **AB, variance="pooled")
    assert (pooled.df, pooled.std_error) == (1, pytest.approx(math.sqrt(2 * 1.5)))
    model = ancova(y, arm, None, reference="b").where(treatment="a")
    assert numbers(model) == near(numbers(pooled), rel=1e-12)
    test, shift = wilcoxon(y, arm, **AB).items
    assert test.p_value == pytest.approx(2 / 3)
    assert (shift.estimate, shift.conf_low) == (-2.0, None)
    assert reason(shift) == "Too few patients for limits at this level"
    one = t_test([1.0, 3.0], ["a", "b"], **AB, pairs=["p", "p"])
    assert (one.estimate, one.std_error) == (-2.0, None)


def test_limits_at_exactly_the_level_of_the_outermost_order() -> None:
    # Three against three: P(U = 0) is 1/20. R 4.2.2 wilcox.test(c(4, 6, 9.5), c(1, 2.5, 5), conf.int = TRUE,
    # conf.level = 0.9): -1 to 8.5 (qwilcox(0.05, 3, 3) is 0, taken as 1); at 0.95 it says that it cannot
    y, arm = [4, 6, 9.5, 1, 2.5, 5], ["a"] * 3 + ["b"] * 3
    shift = wilcoxon(y, arm, **AB, conf_level=0.9).items[1]
    assert (shift.conf_low, shift.conf_high) == (-1, 8.5)
    assert wilcoxon(y, arm, **AB).items[1].conf_low is None


def test_outcomes_that_do_not_vary() -> None:
    y, arm = [3.7] * 6, ["a", "a", "a", "b", "b", "b"]
    assert (t_test(y, arm, **AB).estimate, t_test(y, arm, **AB).p_value) == (0.0, None)
    assert "does not vary" in reason(t_test(y, arm, **AB))
    assert "does not vary" in reason(anova(y, arm))
    model = ancova(y, arm, None, reference="b")
    assert (model.where(treatment="a").estimate, model.where(treatment="a").std_error) == (0.0, None)
    assert "does not vary" in reason(model)
    test, shift = wilcoxon(y, arm, **AB).items
    assert (test.status, str(test.reason)) == ("not_estimable", "All outcomes are alike")
    assert (shift.estimate, shift.conf_low, str(shift.reason)) == (0.0, None, "All outcomes are alike")
    apart = [1.0, 1.0, 1.0, 2.0, 2.0, 2.0]
    assert (t_test(apart, arm, **AB).estimate, t_test(apart, arm, **AB).std_error) == (-1.0, None)
    assert "does not vary" in reason(anova(apart, arm))


def test_ties_through_floating_point_are_ties() -> None:
    y, arm = [0.1 + 0.2, 0.5, 0.3, 0.1], ["a", "a", "b", "b"]
    plain = [0.3, 0.5, 0.3, 0.1]
    assert all_numbers(wilcoxon(y, arm, **AB)) == near(all_numbers(wilcoxon(plain, arm, **AB)), rel=1e-12)
    assert wilcoxon(y, arm, **AB).items[0].analysis == "wilcoxon.test.normal"
    assert "tied" in reason(wilcoxon(y, arm, **AB, distribution="exact"))


def test_the_exact_distribution_is_for_small_samples() -> None:
    rng = np.random.default_rng(2)
    y = rng.normal(size=98)
    for n, kind in ((49, "exact"), (50, "normal")):
        arm = ["a"] * n + ["b"] * (98 - n)
        assert wilcoxon(y, arm, **AB).items[0].analysis == f"wilcoxon.test.{kind}"


def test_a_stratum_with_one_arm_says_nothing() -> None:
    frame = trial()
    frame = frame[frame["arm"] != "c"]
    alone = pd.concat([frame, pd.DataFrame({"arm": ["a"] * 5, "site": "w", "change": 99.0})])
    one, two = (wilcoxon(each["change"], each["arm"], **AB, strata=each["site"]) for each in (frame, alone))
    assert all_numbers(one) == near(all_numbers(two), rel=1e-15)
    assert one.items[0].n == two.items[0].n == len(frame)


def test_one_stratum_gives_the_test_without_correction() -> None:
    frame = trial()
    y, arm = frame["change"], frame["arm"]
    one = wilcoxon(y, arm, **AB, continuity_correction=False)
    two = wilcoxon(y, arm, **AB, strata=["all"] * len(y))
    assert all_numbers(one) == near(all_numbers(two), rel=1e-12)


def test_dependent_terms_are_named() -> None:
    frame = trial()
    y, arm = frame["change"], frame["arm"]
    twice = frame.assign(double=2 * frame["base"] + 1)[["base", "double"]]
    found = ancova(y, arm, twice, reference="b", dose={"a": 1, "b": 0, "c": 2})
    assert {one.status for one in found.items} == {"not_estimable"}
    assert {str(one.reason) for one in found.items} == {
        "double is a combination of the other terms of the model, or has an empty cell"
    }
    as_arm = ancova(y, arm, frame[["arm"]].rename(columns={"arm": "same"}), reference="b")
    assert reason(as_arm).startswith("same is a combination")
    one_level = ancova(y, arm, frame.assign(flat="only")[["flat"]], reference="b")
    assert reason(one_level) == "flat has one value only"
    assert reason(ancova(y, arm, frame.assign(flat=0.1)[["flat"]], reference="b")) == "flat has one value only"
    few = ancova(y[:4], arm[:4], frame[["site", "sex", "base"]][:4], reference=arm[0])
    assert reason(few).startswith("Fewer patients (4) than coefficients")
    assert reason(anova(y, arm, factors=frame.assign(flat=1)[["flat"]])) == "flat has one value only"
    nested = frame.assign(region=frame["site"].map({"x": "r", "y": "r", "z": "s"}))
    found = anova(y, arm, factors=nested[["site", "region"]])
    assert [str(one.reason)[:24] for one in found.items] == ["region is a combination "] * 3


def test_an_empty_cell_of_an_interaction_is_named() -> None:
    frame = trial()
    frame = frame[~((frame["arm"] == "a") & (frame["site"] == "x"))]
    y, arm, site = frame["change"], frame["arm"], frame[["site"]]
    for kind in ("I", "II", "III"):
        found = anova(y, arm, factors=site, interactions=[("group", "site")], sum_of_squares=kind)
        assert [str(one.reason)[:10] for one in found.items] == ["group:site"] * 3
    assert {one.status for one in anova(y, arm, factors=site).items} == {"ok"}
    assert {one.status for one in ancova(y, arm, site, reference="b").items} == {"ok"}


def test_no_residual_degrees_of_freedom() -> None:
    y, arm = [1.0, 2.0], ["a", "b"]
    found = ancova(y, arm, None, reference="b").where(treatment="a")
    assert (found.status, found.estimate, found.conf_low) == ("ok", -1.0, None)
    assert reason(found).startswith("As many coefficients as patients")
    assert reason(anova(y, arm)).startswith("As many coefficients as patients")


def test_equal_doses_have_no_trend() -> None:
    frame = trial()
    for trend in ("regression", "contrast"):
        found = ancova(
            frame["change"], frame["arm"], None, reference="b", dose={"a": 2, "b": 2, "c": 2}, trend=trend
        ).items
        assert (found[-1].status, str(found[-1].reason)) == ("not_estimable", "dose has one value only")
        assert found[0].status == "ok"


def test_values_at_the_ends_of_the_number_range() -> None:
    arm = ["a", "a", "a", "b", "b", "b"]
    largest = np.finfo(float).max
    for y in ([largest, -largest, 0.0, 1.0, 2.0, largest], [5e-324, 0, 1e-323, 2e-323, 0, 5e-324]):
        for found in (t_test(y, arm, **AB), *wilcoxon(y, arm, **AB).items, *ancova(y, arm, None, reference="b").items):
            assert found.estimate is None or math.isfinite(found.estimate)
    wide = t_test([largest, largest, largest * 0.9, -largest, -largest, -largest * 0.9], arm, **AB)
    assert (wide.status, str(wide.reason)) == ("not_estimable", "A value too large to be a number")
    tiny = t_test(np.arange(6) * 1e-200, arm, **AB)
    assert tiny.p_value == pytest.approx(t_test(np.arange(6.0), arm, **AB).p_value, rel=1e-12)
    huge = ancova(np.arange(6) * 1e300, arm, pd.DataFrame({"x": [1e308, 0, 1, 2, 1e308, 5]}), reference="b")
    assert {one.status for one in huge.items} == {"ok"}


def test_labels_of_any_kind() -> None:
    y = [1.0, 2.0, 4.0, 3.0]
    for labels in ([1, 1, 0, 0], [True, True, False, False], ["x", "x", 2, 2]):
        found = t_test(y, labels, treatment=labels[0], reference=labels[2])
        assert found.estimate == -2.0
        assert ancova(y, labels, None, reference=labels[2]).items[-1].estimate == pytest.approx(-2.0)
    assert t_test(y, [1, 1, 0, 0], treatment=1, reference=0).groups == {"treatment": 1, "reference": 0}


# Refusals


@pytest.mark.parametrize("function", [t_test, wilcoxon])
def test_missing_values_and_wrong_arms_are_refused(function: Any) -> None:
    with pytest.raises(InvalidInput, match="outcome cannot be used.*missing or infinite value in row 2"):
        function([1, np.nan, 3], ["a", "b", "b"], **AB)
    with pytest.raises(InvalidInput, match="row 1 and 1 more"):
        function([np.inf, np.nan, 3], ["a", "b", "b"], **AB)
    with pytest.raises(InvalidInput, match="missing label in row 3"):
        function([1, 2, 3], ["a", "b", None], **AB)
    with pytest.raises(InvalidInput, match="same arm"):
        function([1, 2, 3], ["a", "b", "b"], treatment="a", reference="a")
    with pytest.raises(InvalidInput, match="group does not fit the data"):
        function([1, 2, 3], ["a", "b"], **AB)
    with pytest.raises(InvalidInput, match="outcome does not hold numbers"):
        function(["1", "x", "3"], ["a", "b", "b"], **AB)
    for level in (0, 1, 95, "0.95", True):
        with pytest.raises(InvalidInput, match="conf_level"):
            function([1, 2, 3], ["a", "b", "b"], **AB, conf_level=level)


def test_wrong_choices_of_the_t_test_are_refused() -> None:
    y, arm = [1, 2, 3, 4], ["a", "a", "b", "b"]
    with pytest.raises(InvalidInput, match="unknown variance; expected welch or pooled"):
        t_test(y, arm, **AB, variance="equal")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="pairs take no variance"):
        t_test(y, arm, **AB, variance="pooled", pairs=[1, 2, 1, 2])
    with pytest.raises(InvalidInput, match="each pair once in each arm.*row 1 and 3 more"):
        t_test(y, arm, **AB, pairs=[1, 2, 1, 1])
    with pytest.raises(InvalidInput, match="missing label in row 4"):
        t_test(y, arm, **AB, pairs=[1, 2, 1, None])
    assert t_test([*y, 9], [*arm, "c"], **AB, pairs=[1, 2, 1, 2, 3]).n == 4


def test_wrong_choices_of_the_rank_sum_test_are_refused() -> None:
    y, arm = [1, 2, 3, 4], ["a", "a", "b", "b"]
    with pytest.raises(InvalidInput, match="unknown distribution; expected exact or normal"):
        wilcoxon(y, arm, **AB, distribution="t")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="continuity_correction is not a choice"):
        wilcoxon(y, arm, **AB, continuity_correction=1)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="strata has the normal distribution only"):
        wilcoxon(y, arm, **AB, strata=["x"] * 4, distribution="exact")
    with pytest.raises(InvalidInput, match="continuity correction is for the normal distribution"):
        wilcoxon(y, arm, **AB, strata=["x"] * 4, continuity_correction=True)
    with pytest.raises(InvalidInput, match="continuity correction is for the normal distribution"):
        wilcoxon(y, arm, **AB, distribution="exact", continuity_correction=False)
    with pytest.raises(InvalidInput, match="strata.*missing label in row 2"):
        wilcoxon(y, arm, **AB, strata=["x", None, "x", "x"])


def test_wrong_choices_of_anova_are_refused() -> None:
    frame = trial()
    y, arm = frame["change"], frame["arm"]
    with pytest.raises(InvalidInput, match="unknown sum_of_squares"):
        anova(y, arm, sum_of_squares=3)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="factors do not fit the outcome"):
        anova(y, arm, factors=frame[["site"]][:5])
    with pytest.raises(InvalidInput, match="factors do not fit the outcome"):
        anova(y, arm, factors=frame["site"])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="name is taken.*group"):
        anova(y, arm, factors=frame[["site"]].rename(columns={"site": "group"}))
    with pytest.raises(InvalidInput, match="site cannot be used.*missing label in row 1"):
        anova(y, arm, factors=frame[["site"]].mask(frame[["base"]].to_numpy() == frame["base"][0]))
    for wrong in ([("group", "age")], [("group",)], ["group"], [("group", "group")], "group:site", 3):
        with pytest.raises(InvalidInput, match=r"interaction"):
            anova(y, arm, factors=frame[["site"]], interactions=wrong)  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="given twice"):
        anova(y, arm, factors=frame[["site"]], interactions=[("group", "site"), ("site", "group")])
    with pytest.raises(InvalidInput, match="lacks those it contains"):
        anova(y, arm, factors=frame[["site", "sex"]], interactions=[("group", "site", "sex")])


def test_wrong_choices_of_ancova_are_refused() -> None:
    frame = trial()
    y, arm = frame["change"], frame["arm"]
    for name in ("contrasts", "margins", "trend"):
        with pytest.raises(InvalidInput, match=f"unknown {name}"):
            ancova(y, arm, None, reference="b", **{name: "other"})
    with pytest.raises(InvalidInput, match="an arm has no dose.*None for"):
        ancova(y, arm, None, reference="b", dose={"a": 1, "b": 0})
    for dose in (np.nan, "1", True, np.inf):
        with pytest.raises(InvalidInput, match="an arm has no dose"):
            ancova(y, arm, None, reference="b", dose={"a": dose, "b": 0, "c": 2})
    with pytest.raises(InvalidInput, match="dose is not a mapping"):
        ancova(y, arm, None, reference="b", dose=[0, 1, 2])  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="base: a covariate cannot be used.*missing value in row 3"):
        ancova(y, arm, frame[["base"]].mask(frame[["base"]] == frame["base"][2]), reference="b")
    with pytest.raises(InvalidInput, match="frame of 60 rows"):
        ancova(y, arm, frame[["base"]][:5], reference="b")
    with pytest.raises(InvalidInput, match="outcome.*row 1"):
        ancova(y.where(frame.index > 0), arm, None, reference="b")
    with pytest.raises(InvalidInput, match="missing label in row 1"):
        ancova(y, arm.where(frame.index > 0), None, reference="b")
    with pytest.raises(InvalidInput, match="conf_level"):
        ancova(y, arm, None, reference="b", conf_level=1.0)
