"""Rates: R and published numbers, second routes, properties, edges and refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import rates as twins
from evidence_lib.results import Estimate
from evidence_lib.statistics.rates import exposure_adjusted_incidence, incidence_rate, rate_difference, rate_ratio

AB: dict[str, Any] = {"treatment": "a", "reference": "b"}
DAY: dict[str, Any] = {"per": "patient-day"}


def numbers(estimate: Estimate) -> tuple[float | None, ...]:
    return (estimate.estimate, estimate.std_error, estimate.conf_low, estimate.conf_high, estimate.p_value)


def near(values: Any, rel: float = 1e-9) -> list[Any]:
    return [None if value is None else pytest.approx(value, rel=rel, abs=1e-12) for value in values]


# Reference


def test_one_rate() -> None:
    # poisson.test(12, 345.6) in R 4.2.2
    found = incidence_rate([12], [345.6], **DAY)
    assert (found.estimate, found.conf_low, found.conf_high) == pytest.approx(
        (0.0347222222222, 0.0179414789026, 0.0606527345144), rel=1e-10
    )
    assert found.std_error == pytest.approx(math.sqrt(12) / 345.6)


def test_byar_by_hand() -> None:
    found = incidence_rate([12], [1], method="byar", **DAY)
    z = 1.959963984540054
    assert found.conf_low == pytest.approx(12 * (1 - 1 / 108 - z / (3 * math.sqrt(12))) ** 3)
    assert found.conf_high == pytest.approx(13 * (1 - 1 / 117 + z / (3 * math.sqrt(13))) ** 3)
    exact = incidence_rate([12], [1], **DAY)
    assert (found.conf_low, found.conf_high) == pytest.approx((exact.conf_low, exact.conf_high), rel=2e-3)


@pytest.mark.parametrize(
    ("x", "t", "expected"),
    [
        # poisson.test(x, t) in R 4.2.2: estimate, limits, p
        ((41, 15), (28010, 19017), (1.8557586576223, 1.0056840626893, 3.6093003110779, 0.0408520262865)),
        ((0, 5), (10, 12), (0.0, 0.0, 1.3095349262191, 0.0676866334267)),
        ((7, 0), (10, 12), (None, 1.72957022260229, None, 0.00400904779868)),
    ],
)
def test_exact_ratio(x: tuple, t: tuple, expected: tuple) -> None:
    found = rate_ratio(x, t, ["a", "b"], **AB)
    got = (found.estimate, found.conf_low, found.conf_high, found.p_value)
    assert list(got) == near(expected)
    assert (found.analysis, found.scale, found.status) == ("rate.ratio.exact", "log", "ok")


def test_wald_difference() -> None:
    # epi.2by2(matrix(c(41, 28010, 15, 19017), 2, byrow = TRUE), method = "cohort.time", units = 1)$massoc.detail
    # $ARate.strata.wald: R 4.2.2, epiR 2.0.57
    found = rate_difference([41, 15], [28010, 19017], ["a", "b"], method="wald", **AB, **DAY)
    assert (found.estimate, found.conf_low, found.conf_high) == pytest.approx(
        (0.0006749949973, 7.492720677e-05, 0.001275062788), rel=1e-8
    )


def test_mantel_haenszel() -> None:
    # Deaths and patient-years of clozapine users, current and past, by age (Rothman & Greenland 1998, table 15-2):
    # epi.2by2(as.table(array(c(196,111,62119,15763, 167,157,6085,2780), c(2,2,2))), method = "cohort.time", units = 1)
    # $IRR.mh.wald and $ARate.mh.wald: R 4.2.2, epiR 2.0.57
    data = ([196, 111, 167, 157], [62119, 15763, 6085, 2780], ["a", "b"] * 2)
    found = rate_ratio(*data, strata=[1, 1, 2, 2], **AB)
    assert (found.estimate, found.conf_low, found.conf_high) == pytest.approx(
        (0.4688721556, 0.3998398448, 0.5498228883), rel=1e-8
    )
    found = rate_difference(*data, strata=[1, 1, 2, 2], **AB, **DAY)
    assert (found.estimate, found.conf_low, found.conf_high) == pytest.approx(
        (-0.007199882876, -0.008959615493, -0.005440150259), rel=1e-8
    )


# Second routes


@pytest.mark.parametrize("seed", range(25))
def test_the_recalculation_agrees(seed: int) -> None:
    rng = np.random.default_rng(seed)
    x = rng.poisson(rng.choice([0.3, 2.0, 40.0]), 6)
    t = rng.uniform(0.5, 400, 6) * rng.choice([1, 365])
    group, stratum = ["a", "b"] * 3, [1, 1, 2, 2, 3, 3]
    level = float(rng.choice([0.8, 0.95]))
    calls: list[tuple[str, Any, Any, dict[str, Any]]] = [
        ("incidence_rate", (x[:2], t[:2]), None, {"method": method}) for method in ("exact", "byar")
    ]
    calls += [("rate_ratio", (x, t, group), AB, {"method": method}) for method in ("exact", "mid-p", "wald")]
    calls += [("rate_difference", (x, t, group), AB, {"method": method}) for method in ("score", "wald")]
    calls += [(name, (x, t, group), AB, {"strata": stratum}) for name in ("rate_ratio", "rate_difference")]
    ours = {"incidence_rate": incidence_rate, "rate_ratio": rate_ratio, "rate_difference": rate_difference}
    for name, data, arms, choices in calls:
        one = ours[name](*data, **(arms or {}), **choices, conf_level=level)
        other = getattr(twins, name)(*data, **(arms or {}), **choices, conf_level=level)
        assert (one.status, one.analysis, one.n, one.events) == (other.status, other.analysis, other.n, other.events)
        scale = 1e-7 * (one.std_error or 1e-3)
        assert list(numbers(other)) == [
            None if value is None else pytest.approx(value, rel=1e-6, abs=scale) for value in numbers(one)
        ]


@pytest.mark.parametrize("seed", range(6))
def test_the_exact_p_value_adds_what_is_no_likelier(seed: int) -> None:
    from scipy.stats import binom

    rng = np.random.default_rng(seed)
    for _ in range(40):
        x1, x0 = rng.integers(0, 12, 2)
        t1, t0 = rng.integers(1, 9, 2)
        if x1 + x0 == 0:
            continue
        chances = binom.pmf(np.arange(x1 + x0 + 1), x1 + x0, t1 / (t1 + t0))
        expected = chances[chances <= chances[x1] * (1 + 1e-7)].sum()
        found = rate_ratio([x1, x0], [t1, t0], ["a", "b"], **AB).p_value
        assert found == pytest.approx(expected, rel=1e-9)


def test_the_exact_p_value_of_many_events_needs_no_memory() -> None:
    # poisson.test(c(5010000, 5000000), c(1, 1)) would list ten million outcomes; the normal law is as good here.
    found = rate_ratio([5_010_000, 5_000_000], [1, 1], ["a", "b"], **AB)
    z = (math.log(5_010_000) - math.log(5_000_000)) / math.sqrt(1 / 5_010_000 + 1 / 5_000_000)
    assert found.p_value == pytest.approx(math.erfc(z / math.sqrt(2)), rel=1e-2)
    far = rate_ratio([0, 2000], [1, 1], ["a", "b"], **AB).p_value
    assert far == 2.2250738585072014e-308
    assert rate_ratio([0, 200], [1, 1], ["a", "b"], **AB).p_value == pytest.approx(2 * 0.5**200, rel=1e-9)


def test_exact_limits_leave_half_of_the_error_on_each_side() -> None:
    from scipy.stats import binom, poisson

    found = incidence_rate([7], [1], **DAY)
    assert poisson.sf(6, found.conf_low) == pytest.approx(0.025)
    assert poisson.cdf(7, found.conf_high) == pytest.approx(0.025)
    ratio = rate_ratio([9, 4], [30, 50], ["a", "b"], **AB)
    shares = [limit * 30 / (limit * 30 + 50) for limit in (ratio.conf_low, ratio.conf_high)]
    assert binom.sf(8, 13, shares[0]) == pytest.approx(0.025)
    assert binom.cdf(9, 13, shares[1]) == pytest.approx(0.025)


# Properties


def test_swapping_the_arms_turns_ratios_and_differences_round() -> None:
    data = ([9, 4], [30.0, 50.0], ["a", "b"])
    for method in ("exact", "mid-p", "wald"):
        one = rate_ratio(*data, method=method, **AB)
        other = rate_ratio(*data, method=method, treatment="b", reference="a")
        assert (1 / other.estimate, 1 / other.conf_high, 1 / other.conf_low, other.p_value) == pytest.approx(
            (one.estimate, one.conf_low, one.conf_high, one.p_value), rel=1e-9
        )
    for method in ("score", "wald"):
        one = rate_difference(*data, method=method, **AB)
        other = rate_difference(*data, method=method, treatment="b", reference="a")
        assert (-other.estimate, -other.conf_high, -other.conf_low, other.p_value) == pytest.approx(
            (one.estimate, one.conf_low, one.conf_high, one.p_value), rel=1e-9
        )


def test_only_sums_matter() -> None:
    rng = np.random.default_rng(1)
    x, t = rng.poisson(1.0, 80), rng.uniform(10, 500, 80)
    group = np.repeat(["a", "b"], 40)
    whole = ([x[:40].sum(), x[40:].sum()], [t[:40].sum(), t[40:].sum()], ["a", "b"])
    for function in (rate_ratio, rate_difference):
        assert list(numbers(function(x, t, group, **AB))) == near(numbers(function(*whole, **AB)))
    assert rate_ratio(x, t, group, **AB).n == 80


def test_the_unit_changes_rates_and_not_tests() -> None:
    data = ([9, 4], [30.0, 50.0], ["a", "b"])
    daily, yearly = (rate_difference(*data, per=per, **AB) for per in ("patient-day", "100 patient-years"))
    assert yearly.unit == "per 100 patient-years"
    assert [value * 36525 for value in numbers(daily)[:4]] == pytest.approx(list(numbers(yearly)[:4]))
    assert daily.p_value == yearly.p_value
    assert incidence_rate([3], [365.25], per="patient-year").estimate == pytest.approx(3)
    assert incidence_rate([3], [365.25], per="1000 patient-years").estimate == pytest.approx(3000)


def test_one_stratum_is_the_crude_comparison() -> None:
    data = ([9, 4], [30.0, 50.0], ["a", "b"])
    stratified = rate_difference(*data, strata=["x", "x"], **AB)
    assert list(numbers(stratified)) == near(numbers(rate_difference(*data, method="wald", **AB)))
    assert rate_ratio(*data, strata=["x", "x"], **AB).estimate == pytest.approx((9 / 30) / (4 / 50))


def test_levels_and_methods_change_what_they_should() -> None:
    data = ([9, 4], [30.0, 50.0], ["a", "b"])
    narrow, wide = (rate_ratio(*data, conf_level=level, **AB) for level in (0.8, 0.99))
    assert wide.conf_low < narrow.conf_low < narrow.conf_high < wide.conf_high
    assert narrow.p_value == wide.p_value
    exact, mid = (rate_ratio(*data, method=method, **AB) for method in ("exact", "mid-p"))
    assert exact.conf_low < mid.conf_low < mid.conf_high < exact.conf_high
    texts = {str(rate_ratio(*data, method=method, **AB).method) for method in ("exact", "mid-p", "wald")}
    assert len(texts) == 3


# Exposure-adjusted rates


def patients(seed: int = 2, n: int = 120) -> dict[str, np.ndarray]:
    rng = np.random.default_rng(seed)
    exposure = np.ceil(rng.uniform(30, 700, n))
    frailty = rng.gamma(0.6, 1 / 0.6, n)
    events = rng.poisson(exposure * frailty / 250)
    first = np.where(events > 0, np.ceil(exposure * rng.uniform(0.05, 0.9, n)), exposure)
    return {"events": events, "time_to_first": first, "exposure": exposure, "group": np.repeat(["a", "b"], n // 2)}


def test_exposure_adjusted_rates() -> None:
    given = patients()
    found = exposure_adjusted_incidence(*given.values(), **AB, **DAY)
    names = [e.analysis.removeprefix("rate.exposure_adjusted_") for e in found.items]
    assert names == ["incidence", "incidence", "incidence.difference", "events", "events", "events.difference"]
    assert [dict(e.groups) for e in found.items[:3]] == [{"arm": "a"}, {"arm": "b"}, AB]
    a = given["group"] == "a"
    assert found.items[0].estimate == pytest.approx((given["events"][a] > 0).sum() / given["time_to_first"][a].sum())
    assert found.items[3].estimate == pytest.approx(given["events"][a].sum() / given["exposure"][a].sum())
    assert (found.items[0].events, found.items[3].events) == ((given["events"][a] > 0).sum(), given["events"][a].sum())
    assert (found.items[0].n, found.items[2].n) == (60, 120)
    difference = rate_difference(np.minimum(given["events"], 1), given["time_to_first"], given["group"], **AB, **DAY)
    assert list(numbers(found.items[2])) == near(numbers(difference))
    assert found.items[5].estimate == pytest.approx(found.items[3].estimate - found.items[4].estimate)


def test_the_robust_variance_of_an_event_rate_is_that_of_a_poisson_regression() -> None:
    # GEE with independence and one patient a cluster, n / (n - 1) times its sandwich.
    import statsmodels.api as sm

    given = patients()
    a = given["group"] == "a"
    model = sm.GEE(
        given["events"][a], np.ones(a.sum()), groups=np.arange(a.sum()), family=sm.families.Poisson(),
        offset=np.log(given["exposure"][a]),
    ).fit()  # fmt: skip
    found = exposure_adjusted_incidence(*given.values(), **AB, **DAY).items[3]
    assert found.std_error / found.estimate == pytest.approx(float(model.bse[0]) * math.sqrt(60 / 59), rel=1e-6)
    poisson = exposure_adjusted_incidence(*given.values(), **AB, **DAY, event_variance="poisson").items[3]
    assert poisson.std_error < 0.8 * found.std_error
    assert poisson.estimate == pytest.approx(found.estimate)


# Edges


def test_no_events_and_no_time() -> None:
    nothing = incidence_rate([0, 0], [100, 200], **DAY)
    assert (nothing.estimate, nothing.conf_low, nothing.std_error) == (0.0, 0.0, None)
    assert nothing.conf_high == pytest.approx(-math.log(0.025) / 300)
    assert incidence_rate([0], [0]).status == "not_estimable"
    assert incidence_rate([], []).status == "not_estimable"
    for method in ("exact", "mid-p", "wald"):
        found = rate_ratio([0, 0], [10, 20], ["a", "b"], method=method, **AB)
        assert found.status == "not_estimable"
        assert "no events" in str(found.reason)
    score = rate_difference([0, 0], [10, 20], ["a", "b"], **AB, **DAY)
    assert (score.estimate, score.p_value) == (0.0, 1.0)
    assert score.conf_low < 0 < score.conf_high
    wald = rate_difference([0, 0], [10, 20], ["a", "b"], method="wald", **AB)
    assert (wald.estimate, wald.conf_low, wald.status) == (0.0, None, "ok")


def test_an_arm_without_events_or_without_time() -> None:
    assert "exact method gives a limit" in str(rate_ratio([0, 5], [9, 9], ["a", "b"], method="wald", **AB).reason)
    infinite = rate_ratio([5, 0], [9, 9], ["a", "b"], **AB)
    assert (infinite.estimate, infinite.conf_high) == (None, None)
    assert infinite.conf_low > 0
    for function in (rate_ratio, rate_difference):
        found = function([5, 0], [9, 0], ["a", "b"], **AB)
        assert found.status == "not_estimable"
        assert "no time at risk in b" in str(found.reason)
    apart = rate_ratio([5, 3], [9, 9], ["a", "b"], strata=[1, 2], **AB)
    assert "no stratum has time at risk in both arms" in str(apart.reason)
    one_sided = rate_ratio([5, 3, 2], [9, 9, 4], ["a", "b", "a"], strata=[1, 1, 2], **AB)
    assert one_sided.estimate == pytest.approx(5 / 3)
    assert rate_ratio([5, 0, 0], [9, 9, 9], ["a", "b", "b"], strata=[1, 1, 1], **AB).status == "not_estimable"


def test_large_and_small_numbers_keep_their_digits() -> None:
    found = rate_difference([10**6, 10**6], [1e9, 1e9 + 1], ["a", "b"], **AB, **DAY)
    assert found.conf_low < 0 < found.conf_high
    assert found.conf_high - found.conf_low == pytest.approx(2 * 1.959964 * math.sqrt(2e6) / 1e9, rel=1e-4)
    assert incidence_rate([10**7], [1e12], **DAY).conf_low == pytest.approx(1e-5, rel=1e-3)


def test_a_single_patient_has_no_robust_variance() -> None:
    found = exposure_adjusted_incidence([2, 1], [3, 4], [10, 20], ["a", "b"], **AB, **DAY)
    assert (found.items[3].estimate, found.items[3].conf_low) == (0.2, None)
    assert found.items[5].p_value is None
    assert "one patient" in str(found.items[5].reason)
    empty = exposure_adjusted_incidence([2, 1], [3, 4], [10, 20], ["a", "a"], **AB)
    assert [e.status for e in empty.items] == ["ok", "not_estimable", "not_estimable"] * 2


# Refusals


@pytest.mark.parametrize(
    ("events", "exposure", "match"),
    [
        ([-1], [3], "events cannot be used; expected whole numbers"),
        ([0.5], [3], "events cannot be used"),
        ([math.nan], [3], "events cannot be used"),
        ([1], [-3], "exposure cannot be used"),
        ([1], [math.inf], "exposure cannot be used"),
        ([1], [0], "expected days at risk where there are events"),
        ([1, 1], [1e308, 1e308], "exposure cannot be summed"),
        ([1, 2], [3], "differ in length"),
        (["x"], [3], "events does not hold numbers"),
    ],
)
def test_wrong_counts_are_refused(events: list, exposure: list, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        incidence_rate(events, exposure)


def test_wrong_choices_are_refused() -> None:
    data = ([1, 2], [3, 4], ["a", "b"])
    with pytest.raises(InvalidInput, match="unknown method; expected exact or byar"):
        incidence_rate([1], [2], method="garwood")
    with pytest.raises(InvalidInput, match="unknown per"):
        incidence_rate([1], [2], per="month")
    with pytest.raises(InvalidInput, match="strata and method do not fit"):
        rate_ratio(*data, method="exact", strata=[1, 1], **AB)
    with pytest.raises(InvalidInput, match="strata and method do not fit"):
        rate_difference(*data, method="mantel-haenszel", **AB)
    with pytest.raises(InvalidInput, match="same arm"):
        rate_ratio(*data, treatment="a", reference="a")
    with pytest.raises(InvalidInput, match="group does not fit the data"):
        rate_ratio([1, 2], [3, 4], ["a"], **AB)
    with pytest.raises(InvalidInput, match="not a confidence level"):
        rate_ratio(*data, conf_level=95, **AB)


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"time_to_first": [5, 30]}, "time_to_first cannot be used; expected days between 0 and the end"),
        ({"time_to_first": [5]}, "differ in length"),
        ({"events": [0, 1]}, "expected the end of exposure without an event"),
        ({"event_variance": "sandwich"}, "unknown event_variance"),
    ],
)
def test_wrong_exposure_is_refused(change: dict, match: str) -> None:
    given = {"events": [1, 1], "time_to_first": [5, 6], "exposure": [10, 20], "group": ["a", "b"], **change}
    with pytest.raises(InvalidInput, match=match):
        exposure_adjusted_incidence(**given, **AB)


def test_strata_of_several_columns_are_crossed() -> None:
    rng = np.random.default_rng(4)
    x, t, group = rng.poisson(5, 16), rng.uniform(5, 9, 16), ["a", "b"] * 8
    frame = pd.DataFrame({"sex": ["f", "f", "m", "m"] * 4, "site": [1] * 8 + [2] * 8})
    joined = frame["sex"] + frame["site"].astype(str)
    one, other = (rate_ratio(x, t, group, strata=strata, **AB) for strata in (frame, joined))
    assert list(numbers(one)) == near(numbers(other))
    twin = twins.rate_ratio(x, t, group, strata=frame, **AB)
    assert list(numbers(twin)) == near(numbers(one))
