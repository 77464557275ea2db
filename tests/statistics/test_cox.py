"""Cox statistics: properties, edges, refusals, and agreement with their recalculation."""

from __future__ import annotations

import math
from itertools import product

import numpy as np
import pandas as pd
import pytest

from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import cox as twins
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics import cox as statistics
from evidence_lib.statistics.cox import (
    cox,
    hazard_ratio,
    log_hazard_ratio_over_time,
    proportional_hazards_test,
    subgroup_effects,
)

AB = {"treatment": "a", "reference": "b"}


def trial(seed: int = 1, n: int = 200, days: int = 60) -> pd.DataFrame:
    """Two arms and covariates, heavily tied."""
    rng = np.random.default_rng(seed)
    arm = rng.choice(["a", "b"], n)
    mean = np.where(arm == "a", 40.0, 25.0)
    return pd.DataFrame(
        {
            "time": np.ceil(np.minimum(rng.exponential(mean), days)),
            "event": rng.random(n) < 0.7,
            "arm": arm,
            "age": rng.normal(60, 9, n),
            "site": rng.choice(["x", "y", "z"], n),
            "old": rng.random(n) < 0.4,
        }
    )


def data(frame: pd.DataFrame) -> dict:
    return {"time": frame["time"], "event": frame["event"], "group": frame["arm"]}


def numbers(estimate: Estimate) -> list[float]:
    return [estimate.estimate, estimate.std_error, estimate.conf_low, estimate.conf_high, estimate.p_value]


# Properties


def test_swapping_the_arms_inverts_the_ratio():
    frame = trial()
    found = hazard_ratio(**data(frame), **AB)
    swapped = hazard_ratio(**data(frame), treatment="b", reference="a")
    assert 1 / swapped.estimate == pytest.approx(found.estimate, rel=1e-12)
    assert (1 / swapped.conf_high, 1 / swapped.conf_low) == pytest.approx((found.conf_low, found.conf_high), rel=1e-12)
    assert (swapped.std_error, swapped.p_value) == pytest.approx((found.std_error, found.p_value), rel=1e-12)
    assert found.estimate < 1 < swapped.estimate


def test_only_the_order_of_times_matters_to_the_ratio_and_to_the_km_test():
    frame = trial()
    other = frame.assign(time=frame["time"] ** 2 * 1e-3)
    assert numbers(hazard_ratio(**data(other), **AB)) == pytest.approx(
        numbers(hazard_ratio(**data(frame), **AB)), rel=1e-12
    )
    first, second = (proportional_hazards_test(**data(each)).items[0] for each in (frame, other))
    assert first.test_statistic == pytest.approx(second.test_statistic, rel=1e-10)
    by_day = [proportional_hazards_test(**data(each), transform="identity").items[0] for each in (frame, other)]
    assert abs(by_day[0].test_statistic - by_day[1].test_statistic) > 1e-3


def test_the_order_of_patients_does_not_matter():
    frame = trial()
    mixed = frame.sample(frac=1, random_state=3)
    for one, other in zip(
        subgroup_effects(**data(frame), **AB, subgroups=frame[["site"]], strata=frame["old"]).items,
        subgroup_effects(**data(mixed), **AB, subgroups=mixed[["site"]], strata=mixed["old"]).items,
        strict=True,
    ):
        assert one.groups == other.groups
        assert (one.estimate or one.test_statistic) == pytest.approx(other.estimate or other.test_statistic, rel=1e-11)


def test_shifting_and_rescaling_a_covariate_changes_only_its_own_unit():
    frame = trial()
    base = cox(frame["time"], frame["event"], frame[["age", "old"]])
    moved = cox(frame["time"], frame["event"], frame[["age", "old"]].assign(age=(frame["age"] - 1e6) * 12))
    assert list(moved.coefficients * [12, 1]) == pytest.approx(list(base.coefficients), rel=1e-7)
    assert moved.log_likelihood == pytest.approx(base.log_likelihood, rel=1e-12)
    shifted = hazard_ratio(**data(frame), **AB, covariates=frame[["age"]] + 100)
    assert numbers(shifted) == pytest.approx(
        numbers(hazard_ratio(**data(frame), **AB, covariates=frame[["age"]])), rel=1e-10
    )


def test_one_stratum_is_no_stratum_and_crossed_columns_are_their_combination():
    frame = trial()
    single = hazard_ratio(**data(frame), **AB, strata=np.full(len(frame), "same"))
    assert numbers(single) == pytest.approx(numbers(hazard_ratio(**data(frame), **AB)), rel=1e-13)
    assert single.analysis == "cox.hazard_ratio.stratified"
    crossed = hazard_ratio(**data(frame), **AB, strata=frame[["site", "old"]])
    joined = hazard_ratio(**data(frame), **AB, strata=frame["site"] + frame["old"].astype(str))
    assert numbers(crossed) == pytest.approx(numbers(joined), rel=1e-13)
    assert crossed.estimate != pytest.approx(single.estimate, rel=1e-6)


def test_strata_on_very_different_scales_of_risk_keep_their_digits():
    frame = trial()
    shift = np.where(frame["site"] == "x", 1e4, 0.0)
    shifted = cox(frame["time"], frame["event"], frame[["age"]].assign(age=frame["age"] + shift), strata=frame["site"])
    base = cox(frame["time"], frame["event"], frame[["age"]], strata=frame["site"])
    assert shifted.coefficients[0] == pytest.approx(base.coefficients[0], rel=1e-6)


def test_without_ties_efron_and_breslow_agree_and_with_ties_they_differ():
    frame = trial()
    untied = frame.assign(time=np.random.default_rng(4).permutation(len(frame)) + 1.0)
    same = [hazard_ratio(**data(untied), **AB, ties=ties) for ties in ("efron", "breslow")]
    assert numbers(same[0]) == pytest.approx(numbers(same[1]), rel=1e-12)
    tied = [hazard_ratio(**data(frame), **AB, ties=ties) for ties in ("efron", "breslow")]
    assert all(abs(a - b) > 1e-5 for a, b in zip(numbers(tied[0])[:4], numbers(tied[1])[:4], strict=True))


def test_times_that_differ_by_rounding_are_tied():
    frame = trial(n=60, days=8)
    tenths = frame["time"] / 10
    wobbly = np.where(np.arange(60) % 2, tenths, np.cumsum(np.full(9, 0.1))[frame["time"].astype(int) - 1])
    assert (wobbly != tenths).any()
    exact, rounded = (hazard_ratio(t, frame["event"], frame["arm"], **AB) for t in (frame["time"], wobbly))
    assert numbers(rounded) == pytest.approx(numbers(exact), rel=1e-13)


def test_an_arm_of_its_own_stratum_changes_nothing():
    frame = trial()
    extra = pd.DataFrame({"time": [1.0, 2.0, 3.0], "event": True, "arm": "a", "site": "w", "old": False, "age": 1.0})
    more = pd.concat([frame, extra], ignore_index=True)
    assert numbers(hazard_ratio(**data(more), **AB, strata=more["site"])) == pytest.approx(
        numbers(hazard_ratio(**data(frame), **AB, strata=frame["site"])), rel=1e-12
    )


def test_a_small_partial_likelihood_by_hand():
    # a dies at 1 of {a, a, b, b}, b at 2 of {a, b, b}, a at 3 of {a, b}. With r = exp(b), the log-likelihood is
    # log r / (2r + 2) + log 1 / (r + 2) + log r / (r + 1); largest where 2 = 2r / (r + 1) + r / (r + 2): r^2 = r + 4.
    found = hazard_ratio([1, 2, 3, 4], [1, 1, 1, 0], ["a", "b", "a", "b"], **AB)
    r = (1 + math.sqrt(17)) / 2
    assert found.estimate == pytest.approx(r, rel=1e-12)
    information = 2 * r / (r + 1) ** 2 + 2 * r / (r + 2) ** 2
    assert found.std_error == pytest.approx(information**-0.5, rel=1e-10)


def test_tied_events_by_hand():
    # a and b die together of {a, a, b}. Breslow: r / (2r + 1)^2, r = 1/2. Efron: r / ((2r + 1) (1.5r + .5)), r^2 = 1/6.
    times, events, group = [1, 1, 2], [1, 1, 0], ["a", "b", "a"]
    assert hazard_ratio(times, events, group, **AB, ties="breslow").estimate == pytest.approx(0.5, rel=1e-12)
    assert hazard_ratio(times, events, group, **AB, ties="efron").estimate == pytest.approx(6**-0.5, rel=1e-12)


def test_the_third_arm_enters_the_model_unless_it_has_no_events():
    frame = trial()
    third = frame.iloc[:40].assign(arm="c", time=frame["time"].iloc[:40] + 3)
    more = pd.concat([frame, third], ignore_index=True)
    base, joint = hazard_ratio(**data(frame), **AB), hazard_ratio(**data(more), **AB)
    assert joint.estimate != pytest.approx(base.estimate, rel=1e-6)
    assert (joint.n, joint.events) == (base.n, base.events)
    silent = more.assign(event=more["event"] & (more["arm"] != "c"))
    found = hazard_ratio(**data(silent), **AB)
    assert numbers(found) == pytest.approx(numbers(base), rel=1e-12)
    assert "except c (no events)" in str(found.method)


def test_the_model_table_gives_wald_limits_at_its_level():
    frame = trial()
    wide, narrow = (cox(frame["time"], frame["event"], frame[["age"]], conf_level=level) for level in (0.99, 0.8))
    row = narrow.table().iloc[0]
    assert row["conf_high"] == pytest.approx(math.exp(row["log_hazard_ratio"] + 1.2815515655446004 * row["std_error"]))
    assert wide.table()["conf_low"][0] < row["conf_low"] < row["hazard_ratio"] < wide.table()["conf_high"][0]


# Edges


def reason(estimate: Estimate) -> str:
    assert estimate.status == "not_estimable"
    assert [estimate.estimate, estimate.conf_low, estimate.conf_high, estimate.p_value] == [None] * 4
    return str(estimate.reason)


def test_no_finite_ratio_without_events_in_an_arm():
    frame = trial()
    none_in_a = frame.assign(event=frame["event"] & (frame["arm"] == "b"))
    found = hazard_ratio(**data(none_in_a), **AB)
    assert "No events in a" in reason(found)
    assert found.events == int(none_in_a["event"].sum())
    assert reason(hazard_ratio(**data(frame.assign(event=False)), **AB)) == "No events"
    assert reason(hazard_ratio(**data(frame), treatment="a", reference="d")) == "No patients in d"
    assert reason(hazard_ratio([], [], [], **AB)) == "No patients in a"
    (tested,) = proportional_hazards_test(**data(none_in_a)).items
    assert (tested.status, tested.test_statistic) == ("not_estimable", None)
    assert log_hazard_ratio_over_time(**data(none_in_a), **AB).empty


def test_one_patient_and_one_event():
    assert reason(hazard_ratio([5], [1], ["a"], **AB)) == "No patients in b"
    assert "No events in b" in reason(hazard_ratio([5, 6], [1, 0], ["a", "b"], **AB))
    (found,) = proportional_hazards_test([5], [1], ["a"]).items
    assert str(found.reason) == "Only one arm has patients"


def test_events_that_separate_the_arms():
    # Every event of a comes before b is at risk of dying: each risk set at an event of a holds b, none of b holds a.
    found = hazard_ratio([1, 2, 3, 4, 5, 6], [1] * 6, ["a"] * 3 + ["b"] * 3, **AB)
    assert reason(found) == "The events are separated by a: the coefficient has no finite estimate"


def test_events_in_an_order_that_a_covariate_explains_fully():
    frame = trial(n=40)
    model = cox(np.arange(40), np.ones(40), frame[["old"]].assign(rank=np.arange(40)[::-1] ** 2.0))
    assert (model.status, model.converged) == ("not_estimable", False)
    assert "separated by rank" in str(model.reason)
    assert np.isnan(model.coefficients).all()


def test_a_strong_effect_is_not_taken_for_an_infinite_one():
    # One event of b after 999 of a. R 4.2.2, survival 3.5-3: coxph(control = coxph.control(eps = 1e-14)).
    n = 1000
    time = np.concatenate([np.arange(1.0, n + 1), [n - 0.5], np.full(200, n + 5.0)])
    event = np.concatenate([np.ones(n + 1), np.zeros(200)])
    group = np.array(["a"] * n + ["b"] * 201)
    found = hazard_ratio(time, event, group, **AB)
    again = twins.hazard_ratio(time, event, group, **AB)
    assert found.status == "ok"
    assert found.estimate == pytest.approx(1645.80261009, rel=1e-9)
    assert found.estimate == pytest.approx(again.estimate, rel=1e-8)


def test_a_p_value_is_never_zero():
    n = 40_000
    time = np.random.default_rng(6).exponential(np.where(np.arange(n) % 2, 1.0, 30.0))
    group = np.where(np.arange(n) % 2, "a", "b")
    found = hazard_ratio(time, np.ones(n), group, **AB)
    assert math.log(found.estimate) / found.std_error > 40
    assert 0 < found.p_value < 1e-300


def test_constant_and_collinear_covariates_are_named():
    frame = trial()
    flat = hazard_ratio(**data(frame), **AB, covariates=frame[["age"]].assign(same=7.1))
    assert reason(flat).startswith("same is the same for all patients at risk")
    one_level = hazard_ratio(**data(frame), **AB, covariates=frame[["age"]].assign(country="China"))
    assert reason(one_level).startswith("country is the same")
    double = hazard_ratio(**data(frame), **AB, covariates=frame[["age"]].assign(months=frame["age"] * 12 + 1))
    assert "months is a combination" in reason(double)
    tested = proportional_hazards_test(**data(frame), covariates=frame[["age"]].assign(months=frame["age"] * 12)).items
    assert [e.groups for e in tested] == [{}, {"variable": "age"}, {"variable": "months"}, {"variable": "global"}]
    assert all(e.status == "not_estimable" and "months" in str(e.reason) for e in tested)
    within = hazard_ratio(**data(frame), **AB, strata=frame["site"], covariates=frame[["site"]])
    assert reason(within).startswith("site=y is the same")


def test_nearly_collinear_covariates_keep_their_sum():
    frame = trial()
    noise = np.random.default_rng(8).normal(size=len(frame)) * 0.01
    pair = frame[["age"]].assign(almost=frame["age"] + noise)
    one, other = (cox(frame["time"], frame["event"], x) for x in (pair, pair[["age"]].assign(noise=noise)))
    assert one.coefficients.sum() == pytest.approx(other.coefficients[0], abs=1e-9)
    assert one.log_likelihood == pytest.approx(other.log_likelihood, rel=1e-12)


@pytest.mark.parametrize("huge", [1e308, -1e308])
def test_a_huge_value_gives_no_nan(huge):
    frame = trial()
    age = frame["age"].to_numpy().copy()
    # A patient who leaves early without an event is at risk at many events and has none: the effect is infinite.
    places = {True: int(np.flatnonzero(frame["event"] & (frame["time"] > 5))[0]), False: int(np.argmin(frame["event"]))}
    for row in places.values():
        values = age.copy()
        values[row] = huge
        found = hazard_ratio(**data(frame), **AB, covariates=pd.DataFrame({"age": values}))
        if found.status == "ok":
            assert all(math.isfinite(value) for value in numbers(found))
        else:
            assert "age" in str(found.reason)
    both = np.where(frame["old"], huge, -huge)
    found = hazard_ratio(**data(frame), **AB, covariates=pd.DataFrame({"x": both}))
    assert numbers(found) == pytest.approx(
        numbers(hazard_ratio(**data(frame), **AB, covariates=frame[["old"]])), rel=1e-9
    )
    times = frame["time"].replace(frame["time"].max(), 1e308)
    assert numbers(hazard_ratio(times, frame["event"], frame["arm"], **AB)) == pytest.approx(
        numbers(hazard_ratio(**data(frame), **AB)), rel=1e-12
    )
    for transform in ("km", "rank", "identity", "log"):
        (tested,) = proportional_hazards_test(times, frame["event"], frame["arm"], transform=transform).items
        assert tested.status == "not_estimable" or math.isfinite(tested.test_statistic)


def test_a_patient_never_at_risk_cannot_matter():
    frame = trial()
    covariates = frame[["age"]]
    base = hazard_ratio(**data(frame), **AB, covariates=covariates)
    early = pd.DataFrame({"time": [0.0, 0.0], "event": False, "arm": ["a", "b"], "age": [1e12, -1e300]})
    more = pd.concat([frame, early], ignore_index=True)
    for module in (statistics, twins):
        found = module.hazard_ratio(**data(more), **AB, covariates=more[["age"]])
        assert numbers(found) == pytest.approx(numbers(base), rel=1e-9)
    first, second = (
        module.proportional_hazards_test(**data(more), covariates=more[["age"]]) for module in (statistics, twins)
    )
    assert assert_agree(first, second) == 3


def test_events_at_time_zero_are_kept():
    frame = trial(days=10)
    early = frame.assign(time=frame["time"] - 1)
    assert (early["time"][early["event"]] == 0).any()
    assert numbers(hazard_ratio(**data(early), **AB)) == pytest.approx(
        numbers(hazard_ratio(**data(frame), **AB)), rel=1e-13
    )
    (found,) = proportional_hazards_test(**data(early), transform="log").items
    assert str(found.reason) == "An event at time 0 has no logarithm of time"


def test_all_events_at_one_time_say_nothing_about_time():
    times, events, group = [3] * 4 + [9] * 4, [1] * 4 + [0] * 4, ["a", "b"] * 4
    assert hazard_ratio(times, events, group, **AB).status == "ok"
    (found,) = proportional_hazards_test(times, events, group).items
    assert "Too few distinct event times" in str(found.reason)
    assert log_hazard_ratio_over_time(times, events, group, **AB).empty


@pytest.mark.parametrize("moments", [2, 3, 4])
def test_the_smooth_has_fewer_degrees_of_freedom_with_fewer_event_times(moments):
    frame = trial(n=80)
    few = frame.assign(time=frame["time"].rank(method="first") % moments + 1)
    curve = log_hazard_ratio_over_time(**data(few), **AB, points=25)
    assert len(curve) == 25
    assert np.isfinite(curve.to_numpy()).all()
    assert (curve["conf_low"] < curve["log_hazard_ratio"]).all()
    if moments == 2:
        assert np.diff(curve["log_hazard_ratio"], 2) == pytest.approx(0, abs=1e-9)


def test_subgroup_levels_without_an_answer():
    frame = trial(n=300)
    level = frame["site"].astype(object).copy()
    level.iloc[:10] = None
    level[(frame["arm"] == "a") & (frame.index >= 280)] = "one arm"
    level[(frame.index >= 250) & (frame.index < 280)] = "no events"
    event = frame["event"] & (level != "no events")
    found = subgroup_effects(frame["time"], event, frame["arm"], pd.DataFrame({"site": level}), **AB)
    by_level = {e.groups.get("level"): e for e in found.items}
    assert list(by_level) == ["no events", "one arm", "x", "y", "z", None]
    assert reason(by_level["no events"]) == "No events"
    assert reason(by_level["one arm"]) == "No patients in b"
    interaction = by_level[None]
    assert (interaction.status, interaction.df) == ("ok", 2)
    assert interaction.n == sum(by_level[name].n for name in "xyz")
    text = str(interaction.method)
    assert "left out: no events and one arm" in text
    assert "without a value of site left out: 10" in text
    three = level.isin(["x", "y", "z"])
    alone = subgroup_effects(
        frame["time"][three], event[three], frame["arm"][three], pd.DataFrame({"site": level[three]}), **AB
    )
    assert alone.items[-1].test_statistic == pytest.approx(interaction.test_statistic, rel=1e-12)


def test_an_infinite_level_leaves_no_interaction():
    frame = trial()
    event = frame["event"] & ~((frame["site"] == "y") & (frame["arm"] == "a"))
    found = subgroup_effects(frame["time"], event, frame["arm"], frame[["site"]], **AB)
    assert "No events in a" in reason(found.where(level="y"))
    assert "In level y of site" in str(found.items[-1].reason)
    assert found.items[-1].test_statistic is None
    constant = subgroup_effects(**data(frame), subgroups=pd.DataFrame({"one": np.ones(len(frame))}), **AB)
    assert constant.items[0].groups["level"] == "1"
    assert str(constant.items[1].reason) == "Fewer than two levels of one can be compared"


def test_subgroups_take_the_order_of_a_categorical():
    frame = trial()
    site = pd.Categorical(frame["site"], categories=["z", "never", "x", "y"])
    found = subgroup_effects(**data(frame), subgroups=pd.DataFrame({"site": site}), **AB)
    assert [e.groups.get("level") for e in found.items] == ["z", "x", "y", None]


def test_a_third_arm_does_not_enter_subgroups():
    frame = trial()
    more = pd.concat([frame, frame.iloc[:50].assign(arm="c", site="only c")], ignore_index=True)
    first, second = (subgroup_effects(**data(each), subgroups=each[["site"]], **AB) for each in (frame, more))
    assert first == second


# Refusals


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"time": [-1, 2, 3]}, "negative time in row 1"),
        ({"time": [1, math.inf, 3]}, "infinite time in row 2"),
        ({"event": [0, 1, 2]}, "another value in row 3"),
        ({"event": [0, 1]}, "differ in length"),
        ({"group": ["a", None, "b"]}, "missing label in row 2"),
        ({"group": ["a", "b"]}, "does not fit the data"),
        ({"reference": "a"}, "the same arm"),
        ({"conf_level": 95}, "conf_level"),
        ({"ties": "cox"}, "unknown ties.*efron or breslow or exact.*'cox'"),
        ({"strata": ["x", "y"]}, "strata does not fit"),
        ({"strata": ["x", None, "y"]}, "missing label in row 2"),
        ({"strata": pd.DataFrame(index=range(3))}, "no columns"),
        ({"covariates": pd.DataFrame({"age": [1.0, np.nan, 3.0]})}, "age.*missing value in row 2"),
        ({"covariates": pd.DataFrame({"age": [1.0, 2.0, np.inf]})}, "age.*infinite value in row 3"),
        ({"covariates": pd.DataFrame({"age": [1.0, 2.0]})}, "do not fit the data"),
        ({"covariates": pd.DataFrame(index=range(3))}, "do not fit the data"),
        ({"covariates": [1, 2, 3]}, "do not fit the data"),
        ({"covariates": pd.DataFrame([[1, 2]] * 3, columns=["x", "x"])}, "column name twice"),
        ({"covariates": pd.DataFrame({"seen": pd.to_datetime(["2020-01-01"] * 3)})}, "neither numbers nor categories"),
    ],
)
def test_wrong_arguments_are_refused(change, match):
    given = {"time": [1, 2, 3], "event": [1, 1, 0], "group": ["a", "b", "b"], **AB}
    with pytest.raises(InvalidInput, match=match):
        hazard_ratio(**{**given, **change})


def test_wrong_choices_of_the_other_functions_are_refused():
    frame = trial(n=20)
    with pytest.raises(InvalidInput, match="unknown transform"):
        proportional_hazards_test(**data(frame), transform="sqrt")
    with pytest.raises(InvalidInput, match="one of treatment and reference is missing"):
        proportional_hazards_test(**data(frame), treatment="a")
    with pytest.raises(InvalidInput, match="the same arm"):
        proportional_hazards_test(**data(frame), treatment="a", reference="a")
    with pytest.raises(InvalidInput, match="size of a grid"):
        log_hazard_ratio_over_time(**data(frame), **AB, points=1)
    with pytest.raises(InvalidInput, match="the same arm"):
        log_hazard_ratio_over_time(**data(frame), treatment="a", reference="a")
    with pytest.raises(InvalidInput, match="subgroups do not fit"):
        subgroup_effects(**data(frame), subgroups=frame[["site"]].iloc[:5], **AB)
    with pytest.raises(InvalidInput, match="column name twice"):
        subgroup_effects(**data(frame), subgroups=frame[["site", "site"]], **AB)
    with pytest.raises(InvalidInput, match="the same arm"):
        subgroup_effects(**data(frame), subgroups=frame[["site"]], treatment="b", reference="b")


# Recalculation


def assert_agree(first: Estimate | Estimates, second: Estimate | Estimates) -> int:
    """Every estimate has its recalculation; returns how many were estimable."""
    pairs = [e.items if isinstance(e, Estimates) else (e,) for e in (first, second)]
    again = {(e.analysis, tuple(sorted(e.groups.items()))): e for e in pairs[1]}
    assert len(again) == len(pairs[0])
    for one in pairs[0]:
        other = again[one.analysis, tuple(sorted(one.groups.items()))]
        assert (one.status, one.n, one.events, one.df) == (other.status, other.n, other.events, other.df)
        assert str(one.method)
        for name in ("estimate", "std_error", "conf_low", "conf_high", "test_statistic", "p_value"):
            ours, theirs = getattr(one, name), getattr(other, name)
            assert ours is theirs is None or ours == pytest.approx(theirs, rel=1e-7, abs=1e-9), (one.groups, name)
    return sum(one.status == "ok" for one in pairs[0])


@pytest.mark.parametrize(("seed", "ties"), list(product(range(12), ["efron", "breslow"])))
def test_recalculations_agree_on_small_tied_data(seed, ties):
    rng = np.random.default_rng(seed)
    n = int(rng.choice([4, 12, 40, 120]))
    frame = trial(seed, n, days=int(rng.choice([3, 12, 400])))
    frame.loc[rng.random(n) < 0.1, "arm"] = "c"
    frame.loc[rng.random(n) < 0.1, "site"] = None
    strata = rng.choice([None, 1, 2])
    factors = pd.DataFrame({"s": rng.integers(0, 2, n), "u": rng.integers(0, 3, n)})
    options = {"strata": None if strata is None else factors.iloc[:, :strata], "ties": ties}
    covariates = frame[["age", "old"]].assign(k=rng.choice(["u", "v", "w"], n)) if seed % 2 else None
    transform = str(rng.choice(["km", "rank", "identity", "log"]))
    calls = [
        ("hazard_ratio", {**AB, "covariates": covariates}),
        ("proportional_hazards_test", {**(AB if seed % 3 else {}), "covariates": covariates, "transform": transform}),
        ("subgroup_effects", {**AB, "subgroups": frame[["site", "old"]], "conf_level": 0.9}),
    ]
    for name, given in calls:
        arguments = {**data(frame), **options, **given}
        assert_agree(getattr(statistics, name)(**arguments), getattr(twins, name)(**arguments))


def test_recalculations_agree_where_there_is_an_answer():
    frame = trial(n=400)
    options = {**data(frame), "strata": frame[["old"]]}
    covariates = frame[["age", "site"]]
    answered = [
        assert_agree(statistics.hazard_ratio(**options, **AB), twins.hazard_ratio(**options, **AB)),
        assert_agree(
            statistics.proportional_hazards_test(**options, covariates=covariates),
            twins.proportional_hazards_test(**options, covariates=covariates),
        ),
        assert_agree(
            statistics.subgroup_effects(**options, **AB, subgroups=frame[["site", "old"]]),
            twins.subgroup_effects(**options, **AB, subgroups=frame[["site", "old"]]),
        ),
    ]
    assert answered == [1, 4, 7]


def test_the_recalculated_fit_survives_an_overshooting_newton_step():
    # PHReg's undamped steps leave the numbers of this interaction model, which has a maximum (R: chi-square 0.9318971;
    # 2 * diff of loglik, coxph(Surv(t, e) ~ I(g == "a") * r) and + r, R 4.2.2, survival 3.5-3).
    frame = pd.DataFrame(
        {"time": [0, 0, 1, 2, 4, 5, 5, 8], "event": 1, "arm": list("baabbaab"), "r": [2, 2, 2, 1, 1, 1, 2, 1]}
    )
    arguments = {**data(frame), **AB, "subgroups": frame[["r"]]}
    first, second = statistics.subgroup_effects(**arguments), twins.subgroup_effects(**arguments)
    assert first.items[-1].test_statistic == pytest.approx(0.9318971, abs=1e-7)
    assert assert_agree(first, second) == 3


def test_every_recalculation_names_its_source():
    names = {"hazard_ratio", "piecewise_hazard_ratio", "proportional_hazards_test", "subgroup_effects"}
    assert set(twins.SOURCE) == set(twins.TOLERANCE) == names
    assert all("statsmodels" in text for text in twins.SOURCE.values())
