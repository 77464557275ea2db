"""Recurrent events: properties, edges, refusals, and agreement with their independent recalculation."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.conventions import SAS
from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import recurrent_events as twins
from evidence_lib.results import Estimate, Estimates, analyses
from evidence_lib.statistics import recurrent_events as statistics
from evidence_lib.statistics.cox import cox, hazard_ratio
from evidence_lib.statistics.recurrent_events import (
    andersen_gill,
    mean_cumulative_at,
    mean_cumulative_difference,
    mean_cumulative_function,
    negative_binomial,
    pwp,
    wlw,
)
from evidence_lib.statistics.recurrent_events.overdispersion import Counts, Likelihood

AB: dict[str, Any] = {"treatment": "a", "reference": "b"}


def trial(seed: int = 1, n: int = 60, days: int = 30, arms: str = "ab", gaps: bool = False) -> pd.DataFrame:
    """Intervals in whole days: rates that vary between subjects, more events in arm b, some gaps and late entries."""
    rng = np.random.default_rng(seed)
    rows = []
    for subject in range(n):
        arm, age, site = rng.choice(list(arms)), rng.normal(60, 9), rng.choice(list("xyz"))
        end = int(rng.integers(1, days + 1))
        rate = rng.gamma(1.5, 1 / 1.5) * (1.5 if arm == "a" else 2.5) / days
        time = int(rng.integers(0, end)) if gaps and rng.random() < 0.3 else 0
        while time < end:
            following = time + int(np.ceil(rng.exponential(1 / rate)))
            if gaps and rng.random() < 0.2:
                stop = min(end, time + int(rng.integers(1, 4)))
                rows.append((subject, time, stop, 0, arm, age, site))
                time = stop + int(rng.integers(0, 2))
                continue
            stop = min(following, end)
            rows.append((subject, time, stop, int(following <= end), arm, age, site))
            time = stop
    return pd.DataFrame(rows, columns=["subject", "start", "stop", "event", "arm", "age", "site"])


def times(frame: pd.DataFrame) -> tuple[pd.Series, ...]:
    return frame["subject"], frame["start"], frame["stop"], frame["event"]


def data(frame: pd.DataFrame) -> tuple[pd.Series, ...]:
    return (*times(frame), frame["arm"])


def totals(frame: pd.DataFrame) -> pd.DataFrame:
    grouped = frame.groupby("subject")
    return pd.DataFrame(
        {
            "count": grouped["event"].sum(),
            "exposure": grouped["stop"].sum() - grouped["start"].sum(),
            "arm": grouped["arm"].first(),
            "age": grouped["age"].first(),
            "site": grouped["site"].first(),
        }
    )


def counts(frame: pd.DataFrame) -> tuple[pd.Series, ...]:
    table = totals(frame)
    return table["count"], table["exposure"], table["arm"]


def numbers(estimate: Estimate) -> list[float | None]:
    names = ("estimate", "std_error", "conf_low", "conf_high", "test_statistic", "p_value")
    return [getattr(estimate, name) for name in names if getattr(estimate, name) is not None]


def models(frame: pd.DataFrame, **options: Any) -> list[Estimate]:
    """All comparisons of two arms."""
    found: list[Estimate] = [andersen_gill(*data(frame), **AB, **options)]
    found += [pwp(*data(frame), **AB, time_scale=scale, **options) for scale in ("total", "gap")]
    return [*found, *wlw(*data(frame), **AB, max_events=2, **options).items]


# Mean cumulative function


def brute_force(frame: pd.DataFrame, time: float) -> tuple[float, float]:
    """Mean and robust standard error by loops over event times and subjects."""
    mean, own = 0.0, dict.fromkeys(frame["subject"], 0.0)
    for s in sorted(set(frame["stop"][(frame["event"] == 1) & (frame["stop"] <= time)])):
        at_risk = [row for row in frame.itertuples() if row.start < s <= row.stop]
        hit = [row for row in at_risk if row.event and row.stop == s]
        mean += len(hit) / len(at_risk)
        for row in at_risk:
            own[row.subject] += ((row in hit) - len(hit) / len(at_risk)) / len(at_risk)
    return mean, math.sqrt(sum(value**2 for value in own.values()))


@pytest.mark.parametrize("seed", range(4))
def test_mean_and_variance_are_those_of_the_definition(seed: int) -> None:
    frame = trial(seed, n=25, days=12, gaps=True)
    curve = mean_cumulative_function(*times(frame))
    assert len(curve) == frame["stop"][frame["event"] == 1].nunique() + 1
    for row in curve.iloc[1:].itertuples():
        assert (row.mean_events, row.std_error) == pytest.approx(brute_force(frame, row.time), rel=1e-10)
        assert row.n_at_risk == ((frame["start"] < row.time) & (frame["stop"] >= row.time)).sum()
        assert row.n_events == ((frame["event"] == 1) & (frame["stop"] == row.time)).sum()
    at = mean_cumulative_at(*times(frame), times=[0, 3, 7.5, 11]).items
    for one in at[1:]:
        assert (one.estimate, one.std_error) == pytest.approx(brute_force(frame, one.groups["time"]), rel=1e-10)  # type: ignore[arg-type]


def test_without_censoring_it_is_the_mean_count_and_its_usual_error() -> None:
    frame = trial(n=80)
    rows = []
    for subject, history in frame.groupby("subject"):
        stops = [*history["stop"][history["event"] == 1], 40.0]
        rows += [(subject, low, high, high < 40) for low, high in zip([0.0, *stops[:-1]], stops, strict=True)]
    whole = pd.DataFrame(rows, columns=["subject", "start", "stop", "event"])
    count = whole.groupby("subject")["event"].sum()
    (found,) = mean_cumulative_at(*times(whole), times=[40]).items
    assert found.estimate == pytest.approx(count.mean(), rel=1e-12)
    assert found.std_error == pytest.approx(count.std(ddof=0) / math.sqrt(len(count)), rel=1e-12)
    assert (found.n, found.events) == (80, int(count.sum()))


def test_one_event_each_is_the_nelson_aalen_estimate() -> None:
    from lifelines import NelsonAalenFitter

    frame = trial(n=80).drop_duplicates("subject")
    curve = mean_cumulative_function(*times(frame))
    other = NelsonAalenFitter(nelson_aalen_smoothing=False).fit(frame["stop"], frame["event"]).cumulative_hazard_
    assert list(curve["mean_events"]) == pytest.approx(list(other.loc[curve["time"]].iloc[:, 0]), rel=1e-12)


@pytest.mark.parametrize("conf_type", ["log", "plain"])
def test_limits_are_made_on_their_scale(conf_type: Any) -> None:
    frame = trial()
    curve = mean_cumulative_function(*times(frame), conf_type=conf_type, conf_level=0.9).iloc[5:]
    z = 1.6448536269514722
    mean, error = curve["mean_events"], curve["std_error"]
    if conf_type == "log":
        low, high = mean * np.exp(-z * error / mean), mean * np.exp(z * error / mean)
    else:
        low, high = np.maximum(mean - z * error, 0), mean + z * error
    assert list(curve["conf_low"]) == pytest.approx(list(low), rel=1e-12)
    assert list(curve["conf_high"]) == pytest.approx(list(high), rel=1e-12)
    (at,) = mean_cumulative_at(*times(frame), times=[curve["time"].iloc[3]], conf_type=conf_type, conf_level=0.9).items
    assert (at.conf_low, at.conf_high) == pytest.approx((low.iloc[3], high.iloc[3]), rel=1e-12)
    assert f"{conf_type} interval" in str(at.method)


def test_the_difference_is_that_of_the_two_arms() -> None:
    frame = trial(n=100)
    found = mean_cumulative_difference(*data(frame), **AB, times=[5, 20]).items
    swapped = mean_cumulative_difference(*data(frame), treatment="b", reference="a", times=[5, 20]).items
    arms = [mean_cumulative_at(*times(frame[frame["arm"] == arm]), times=[5, 20]).items for arm in "ab"]
    for one, other, a, b in zip(found, swapped, *arms, strict=True):
        assert one.estimate == pytest.approx((a.estimate or 0) - (b.estimate or 0), rel=1e-12)
        assert one.std_error == pytest.approx(math.hypot(a.std_error or 0, b.std_error or 0), rel=1e-12)
        assert (other.estimate, other.conf_low) == pytest.approx((-(one.estimate or 0), -(one.conf_high or 0)))
        assert other.p_value == pytest.approx(one.p_value)
        half = 1.959963984540054 * (one.std_error or 0)
        assert one.conf_high == pytest.approx((one.estimate or 0) + half)
        assert one.groups["treatment"] == "a"
    assert found[1].estimate is not None
    assert found[1].estimate < 0


def test_edges_of_the_mean() -> None:
    frame = trial()
    last = float(frame["stop"].max())
    start, first, beyond = mean_cumulative_at(*times(frame), times=[0, 0.5, last + 1]).items
    assert (start.estimate, start.std_error, start.conf_low) == (0.0, 0.0, None)
    assert str(first.reason) == "No events up to this time: no interval"
    assert (beyond.status, beyond.estimate) == ("not_estimable", None)
    assert str(beyond.reason) == f"Time {last + 1:.0f} is after the end of observation ({last:.0f})"
    (alone,) = mean_cumulative_at([1, 1], [0, 2], [2, 5], [1, 0], times=[4]).items
    assert (alone.estimate, alone.conf_low, str(alone.reason)) == (1.0, None, "The subjects do not differ: no interval")
    (nobody,) = mean_cumulative_at([], [], [], [], times=[4]).items
    assert (nobody.status, str(nobody.reason), nobody.n) == ("not_estimable", "No subjects", 0)
    assert mean_cumulative_function([], [], [], []).empty
    quiet = mean_cumulative_function([1, 2], [0, 0], [5, 6], [0, 0])
    assert quiet.to_dict("list")["mean_events"] == [0.0]
    a, b = mean_cumulative_difference(*data(frame), treatment="a", reference="c", times=[3, 5]).items
    assert (a.status, str(b.reason)) == ("not_estimable", "c: No subjects")
    (none,) = mean_cumulative_difference([1, 2], [0, 0], [5, 6], [0, 0], ["a", "b"], **AB, times=[4]).items
    assert (none.estimate, none.conf_low, none.p_value, none.status) == (0.0, None, None, "ok")


def test_times_tied_through_rounding_are_one_time() -> None:
    frame = trial(days=9)
    tenths = np.concatenate([[0.0], np.cumsum(np.full(9, 0.1))])
    wobbly = frame.assign(start=frame["start"] / 10, stop=tenths[frame["stop"]])
    assert (wobbly["stop"] != frame["stop"] / 10).any()
    exact = mean_cumulative_function(*times(frame))
    found = mean_cumulative_function(*times(wobbly))
    for name in ("n_at_risk", "n_events", "mean_events", "std_error"):
        assert list(found[name]) == pytest.approx(list(exact[name]), rel=1e-12)
    assert numbers(andersen_gill(*data(wobbly), **AB)) == pytest.approx(numbers(andersen_gill(*data(frame), **AB)))


# What all of them share


def test_cutting_intervals_and_mixing_rows_changes_nothing() -> None:
    frame = trial(n=50)
    rng = np.random.default_rng(3)
    long = frame[frame["stop"] - frame["start"] > 1]
    cut = long["start"] + np.ceil(rng.random(len(long)) * (long["stop"] - long["start"] - 1))
    early, late = long.assign(stop=cut, event=0), long.assign(start=cut)
    short = frame[frame["stop"] - frame["start"] <= 1]
    parts = pd.concat([short, late, early]).sample(frac=1, random_state=4)
    for one, other in zip(models(frame), models(parts), strict=True):
        assert (one.analysis, one.n, one.events) == (other.analysis, other.n, other.events)
        assert numbers(one) == pytest.approx(numbers(other), rel=1e-9)
    assert np.abs(mean_cumulative_function(*times(frame)) - mean_cumulative_function(*times(parts))).max().max() < 1e-12


def test_swapping_the_arms_inverts_every_ratio_and_the_unit_of_time_does_not_matter() -> None:
    frame = trial(n=80)
    found = [*models(frame), *negative_binomial(*counts(frame), **AB).items]
    renamed = frame.assign(arm=frame["arm"].map({"a": "b", "b": "a"}), start=frame["start"] * 7, stop=frame["stop"] * 7)
    swapped = [*models(renamed), *negative_binomial(*counts(renamed), **AB).items]
    for one, other in zip(found, swapped, strict=True):
        if one.unit == "ratio":
            assert 1 / other.estimate == pytest.approx(one.estimate, rel=1e-8)  # type: ignore[operator]
            assert 1 / other.conf_high == pytest.approx(one.conf_low, rel=1e-8)  # type: ignore[operator]
            assert (other.std_error, other.p_value) == pytest.approx((one.std_error, one.p_value), rel=1e-8)
        else:
            assert numbers(other) == pytest.approx(numbers(one), rel=1e-8)
    assert {one.analysis for one in found} <= set(analyses())


def test_first_events_alone_are_a_cox_model() -> None:
    frame = trial(n=90)
    first = frame.drop_duplicates("subject")
    plain = hazard_ratio(first["stop"], first["event"], first["arm"], **AB, cluster=first["subject"])
    alone = [
        andersen_gill(*data(first), **AB),
        *[pwp(*data(frame), **AB, time_scale=scale, max_events=1) for scale in ("total", "gap")],
        *wlw(*data(frame), **AB, max_events=1).items[:3],
    ]
    for one in alone:
        assert numbers(one) == pytest.approx(numbers(plain), rel=1e-9), one.analysis
        assert one.n == 90
    test = wlw(*data(frame), **AB, max_events=1).items[-1]
    assert test.test_statistic == pytest.approx((math.log(plain.estimate or 0) / (plain.std_error or 0)) ** 2, rel=1e-9)
    assert test.df == 1


def test_covariates_strata_ties_and_level_enter() -> None:
    frame = trial(n=120)
    plain = models(frame)
    changes: list[dict[str, Any]] = [
        {"covariates": frame[["age"]]}, {"strata": frame["site"]}, {"ties": "breslow"}, {"convention": SAS},
    ]  # fmt: skip
    for change in changes:
        for one, other in zip(plain, models(frame, **change), strict=True):
            assert abs(numbers(one)[0] - numbers(other)[0]) > 1e-7, (change.keys(), one.analysis)  # type: ignore[operator]
            assert str(one.method) != str(other.method)
    assert models(frame, ties="breslow") == models(frame, convention=SAS)
    wide = models(frame, conf_level=0.99)
    assert all(b.is_test or b.conf_low < a.conf_low for a, b in zip(plain, wide, strict=True))  # type: ignore[operator]
    two = frame.assign(strata=frame["site"], old=frame["age"] > 60)
    crossed = models(frame, strata=two[["strata", "old"]])
    assert numbers(crossed[0]) != pytest.approx(numbers(models(frame, strata=frame["site"])[0]), rel=1e-6)
    assert "stratified by strata and old" in str(crossed[0].method)


def test_the_model_variance_is_that_of_cox_and_the_robust_one_is_larger_here() -> None:
    frame = trial(n=200)
    x = pd.DataFrame({"a": (frame["arm"] == "a").astype(float)})
    model = cox(frame["stop"], frame["event"], x, entry=frame["start"])
    plain = andersen_gill(*data(frame), **AB, robust=False)
    robust = andersen_gill(*data(frame), **AB)
    assert plain.std_error == pytest.approx(math.sqrt(model.covariance[0, 0]), rel=1e-12)
    assert robust.estimate == plain.estimate
    assert (robust.std_error or 0) > 1.1 * (plain.std_error or 0)
    assert "events of a subject independent" in str(plain.method)
    for scale in ("total", "gap"):
        both = [pwp(*data(frame), **AB, time_scale=scale, robust=robust) for robust in (True, False)]
        assert both[0].estimate == both[1].estimate
        assert both[0].std_error != pytest.approx(both[1].std_error, rel=1e-6)


def test_the_event_number_carries_over_gaps_and_the_gap_is_counted_from_the_latest_event() -> None:
    frame = trial(n=60, gaps=True)
    rows = []
    for _, history in frame.sort_values("start").groupby("subject"):
        number, latest = 0, 0.0
        for row in history.itertuples():
            rows.append((row.Index, number, latest))
            number, latest = number + row.event, row.stop if row.event else latest
    own = pd.DataFrame(rows, columns=["row", "number", "latest"]).set_index("row").loc[frame.index]
    x = pd.DataFrame({"a": (frame["arm"] == "a").astype(float)})
    for scale, origin in (("total", 0.0), ("gap", own["latest"])):
        model = cox(
            frame["stop"] - origin,
            frame["event"],
            x,
            entry=frame["start"] - origin,
            strata=own["number"],
            cluster=frame["subject"],
        )
        found = pwp(*data(frame), **AB, time_scale=scale)  # type: ignore[arg-type]
        assert math.log(found.estimate or 0) == pytest.approx(model.coefficients[0], rel=1e-10)
        assert found.std_error == pytest.approx(math.sqrt(model.covariance[0, 0]), rel=1e-10)
        assert found.analysis == f"pwp.hazard_ratio.{scale}"
        assert (f"{'since the latest' if scale == 'gap' else 'total time'}") in str(found.method)


def test_max_events_leaves_out_later_events() -> None:
    frame = trial(n=80)
    found = [pwp(*data(frame), **AB, time_scale="total", max_events=most) for most in (1, 2, None)]
    events = [one.events for one in found]
    number = frame.groupby("subject")["event"].cumsum()
    assert events == [int((frame["event"] & (number <= most)).sum()) for most in (1, 2, 99)]
    assert "each event number up to number 2," in str(found[1].method)
    many = wlw(*data(frame), **AB).items
    few = wlw(*data(frame), **AB, max_events=2).items
    assert [e.groups.get("event_number") for e in few] == [None, 1, 2, None, None]
    assert few[1].estimate == many[1].estimate
    assert (few[0].events, few[1].events, few[2].events) == (events[1], events[0], (events[1] or 0) - (events[0] or 0))
    all_of_them = wlw(*data(frame), **AB, max_events=50).items
    assert [numbers(one) for one in all_of_them] == [numbers(one) for one in many]


def test_the_average_effect_has_the_smallest_variance() -> None:
    frame = trial(n=150)
    found = wlw(*data(frame), **AB, max_events=3).items
    events, average, test = found[1:4], found[4], found[5]
    errors = [e.std_error or 0 for e in events]
    assert (average.std_error or 0) < min(errors) * (1 + 1e-12)
    # One effect is the average of itself; the statistic is at least that of any one of the effects alone.
    z = [math.log(e.estimate or 0) / (e.std_error or 0) for e in events]
    assert (test.test_statistic or 0) >= max(value**2 for value in z) - 1e-9
    assert test.df == 3


# Edges of the comparisons


def test_event_numbers_without_an_answer_leave_the_others() -> None:
    frame = trial(n=60)
    number = frame.groupby("subject")["event"].cumsum()
    # Nobody of arm a has a third event.
    kept = frame[~((frame["arm"] == "a") & (number - frame["event"] >= 2))].reset_index(drop=True)
    found = wlw(*data(kept), **AB, max_events=3).items
    assert [e.status for e in found] == ["ok", "ok", "ok", "not_estimable", "ok", "ok"]
    assert "No events in a" in str(found[3].reason)
    assert found[-1].df == 2
    assert numbers(found[4]) == pytest.approx(numbers(wlw(*data(kept), **AB, max_events=2).items[3]), rel=1e-9)


def test_no_events_and_single_subjects() -> None:
    frame = trial(n=10)
    silent = frame.assign(event=0)
    for one in models(silent):
        assert (one.status, one.estimate) == ("not_estimable", None)
    assert [str(e.reason) for e in negative_binomial(*counts(silent), **AB).items] == ["No events", "No events"]
    for one in models(frame[frame["subject"] == 0]):
        assert one.status == "not_estimable"
    assert models(frame[:0])[0].status == "not_estimable"
    assert "No patients in c" in str(andersen_gill(*data(frame), treatment="a", reference="c").reason)
    one_arm = frame.assign(event=frame["event"] * (frame["arm"] == "b"))
    assert "No events in a" in str(andersen_gill(*data(one_arm), **AB).reason)
    (ratio, dispersion) = negative_binomial(*counts(one_arm), **AB).items
    assert str(ratio.reason) == "No events in a: the rate ratio has no finite estimate"
    assert (dispersion.status, dispersion.estimate) == ("not_estimable", None)
    assert str(negative_binomial([1], [3], ["a"], **AB).items[0].reason) == "No subjects in b"


def test_a_third_arm_enters_unless_it_has_no_events() -> None:
    frame = trial(n=90, arms="abc")
    pair = frame[frame["arm"] != "c"]
    for joint, alone in zip(models(frame), models(pair), strict=True):
        assert numbers(joint) != pytest.approx(numbers(alone), rel=1e-6), joint.analysis
        assert (joint.n, joint.events) == (alone.n, alone.events)
    silent = frame.assign(event=frame["event"] * (frame["arm"] != "c"))
    ours, theirs = andersen_gill(*data(silent), **AB), andersen_gill(*data(pair), **AB)
    assert numbers(ours) == pytest.approx(numbers(theirs), rel=1e-10)
    table, without = negative_binomial(*counts(silent), **AB), negative_binomial(*counts(pair), **AB)
    assert numbers(table.items[0]) == pytest.approx(numbers(without.items[0]), rel=1e-9)
    assert "except c (no events)" in str(table.items[0].method)


def test_huge_times_give_a_number_or_a_reason() -> None:
    frame = trial(n=30).astype({"stop": float, "start": float})
    last = frame["stop"].idxmax()
    wild = frame.assign(stop=frame["stop"].where(frame.index != last, 1e308))
    for one in [*models(wild), *negative_binomial(*counts(wild), **AB).items]:
        assert one.status == "not_estimable" or all(map(math.isfinite, numbers(one)))  # type: ignore[arg-type]
    assert np.isfinite(mean_cumulative_function(*times(wild)).iloc[8:]).all().all()


# Negative binomial


def test_equal_exposure_gives_the_ratio_of_mean_counts() -> None:
    rng = np.random.default_rng(5)
    y = rng.negative_binomial(0.8, 0.4, 100)
    arm = np.repeat(["a", "b"], 50)
    ratio, dispersion = negative_binomial(y, np.full(100, 12.0), arm, **AB).items
    means = y[:50].mean(), y[50:].mean()
    assert ratio.estimate == pytest.approx(means[0] / means[1], rel=1e-10)
    k = dispersion.estimate or 0
    assert k > 0
    expected = math.sqrt(sum((1 + k * m) / (50 * m) for m in means))
    assert ratio.std_error == pytest.approx(expected, rel=1e-8)
    assert ratio.conf_low == pytest.approx((ratio.estimate or 0) * math.exp(-1.959963984540054 * expected), rel=1e-8)
    # The score of the dispersion, written out.
    m = np.repeat(means, 50)
    score = sum((np.arange(count) / (1 + k * np.arange(count))).sum() for count in y)
    score += (np.log1p(k * m) / k**2 - (y + 1 / k) * m / (1 + k * m)).sum()
    assert score == pytest.approx(0, abs=1e-6)
    assert (ratio.n, ratio.events) == (100, int(y.sum()))


def test_counts_that_vary_no_more_than_poisson_are_poisson() -> None:
    import statsmodels.api as sm

    y = np.array([1, 2, 1, 2, 3, 2, 1, 2, 2, 3])
    exposure, arm = np.array([3.0, 4, 3, 4, 5, 2, 3, 2, 3, 4]), np.repeat(["a", "b"], 5)
    ratio, dispersion = negative_binomial(y, exposure, arm, **AB).items
    assert (dispersion.estimate, dispersion.std_error) == (0.0, None)
    assert str(ratio.method).startswith("Poisson regression")
    x = np.column_stack([np.ones(10), arm == "a"])
    model = sm.GLM(y, x, family=sm.families.Poisson(), offset=np.log(exposure)).fit(tol=1e-14)
    assert math.log(ratio.estimate or 0) == pytest.approx(model.params[1], abs=1e-10)
    assert ratio.std_error == pytest.approx(model.bse[1], rel=1e-9)
    observed = negative_binomial(y, exposure, arm, **AB, information="observed").items[0]
    assert numbers(observed) == pytest.approx(numbers(ratio), rel=1e-12)


def test_expected_and_observed_information_are_statsmodels_ones() -> None:
    import statsmodels.api as sm
    from statsmodels.discrete.discrete_model import NegativeBinomial

    table = totals(trial(n=150))
    y, exposure, arm = table["count"], table["exposure"], table["arm"]
    x = np.column_stack([np.ones(150), arm == "a", table["age"]])
    offset = np.log(exposure.to_numpy())
    found = {
        kind: negative_binomial(y, exposure, arm, **AB, covariates=table[["age"]], information=kind).items  # type: ignore[arg-type]
        for kind in ("expected", "observed")
    }
    joint = NegativeBinomial(y.to_numpy(), x, offset=offset)
    joint._transparams = False  # else the last parameter is read as the logarithm of the dispersion
    ratio, dispersion = found["observed"]
    k = dispersion.estimate or 0
    glm = sm.GLM(y.to_numpy(), x, family=sm.families.NegativeBinomial(alpha=k), offset=offset).fit(tol=1e-14)
    params = np.append(glm.params, k)
    assert np.abs(joint.score(params)).max() < 1e-4
    covariance = np.linalg.inv(-joint.hessian(params))
    assert math.log(ratio.estimate or 0) == pytest.approx(glm.params[1], abs=1e-9)
    assert ratio.std_error == pytest.approx(math.sqrt(covariance[1, 1]), rel=1e-6)
    assert dispersion.std_error == pytest.approx(math.sqrt(covariance[-1, -1]), rel=1e-5)
    assert found["expected"][0].std_error == pytest.approx(glm.bse[1], rel=1e-8)
    assert found["expected"][0].std_error != pytest.approx(ratio.std_error, rel=1e-5)
    assert found["expected"][1].std_error == pytest.approx(dispersion.std_error, rel=1e-12)
    assert "observed information" in str(ratio.method)


def test_the_derivatives_are_those_of_the_likelihood() -> None:
    rng = np.random.default_rng(6)
    y = rng.negative_binomial(1.2, 0.3, 40).astype(float)
    counted = Counts.of(y, rng.normal(0, 0.3, 40), np.vstack([np.ones(40), rng.normal(size=40)]))
    beta = np.array([0.7, -0.2])
    for k in (1e-7, 1e-3, 0.4, 30.0):
        likelihood = Likelihood(counted, k)
        here = likelihood.at(beta)
        step = 1e-5
        for j, unit in enumerate(np.eye(2)):
            ahead, behind = likelihood.at(beta + step * unit), likelihood.at(beta - step * unit)
            assert (ahead.log_likelihood - behind.log_likelihood) / (2 * step) == pytest.approx(here.score[j], rel=1e-6)
            assert list((behind.score - ahead.score) / (2 * step)) == pytest.approx(list(here.information[j]), rel=1e-6)
        own, cross = likelihood.curvature(beta)
        small = k * 1e-4
        below, above = Likelihood(counted, k - small), Likelihood(counted, k + small)
        if k > 1e-3:
            rise = above.at(beta).log_likelihood - below.at(beta).log_likelihood
            assert rise / (2 * small) == pytest.approx(likelihood.slope(beta), rel=1e-5)
        assert (below.slope(beta) - above.slope(beta)) / (2 * small) == pytest.approx(own, rel=1e-5)
        turn = (below.at(beta).score - above.at(beta).score) / (2 * small)
        assert list(turn) == pytest.approx(list(cross), rel=1e-4)


def test_the_dispersion_of_a_gamma_mixture_is_found() -> None:
    rng = np.random.default_rng(7)
    n = 20_000
    exposure, arm = rng.uniform(50, 400, n), np.where(np.arange(n) % 2, "a", "b")
    mean = exposure / 100 * np.where(arm == "a", 0.6, 1.0)
    y = rng.poisson(mean * rng.gamma(1 / 0.7, 0.7, n))
    ratio, dispersion = negative_binomial(y, exposure, arm, **AB).items
    assert dispersion.estimate == pytest.approx(0.7, abs=4 * (dispersion.std_error or 0))
    assert math.log(ratio.estimate or 0) == pytest.approx(math.log(0.6), abs=4 * (ratio.std_error or 0))


def test_covariates_without_an_answer_are_named() -> None:
    table = totals(trial(n=60))
    given = (table["count"], table["exposure"], table["arm"])
    flat = negative_binomial(*given, **AB, covariates=pd.DataFrame({"same": np.ones(60)}))
    assert str(flat.items[0].reason) == "same is the same for all subjects"
    twice = negative_binomial(*given, **AB, covariates=table[["age"]].assign(months=table["age"] * 12))
    assert "months is a combination" in str(twice.items[0].reason)
    never = table["count"].eq(0).astype(float)
    apart = negative_binomial(*given, **AB, covariates=pd.DataFrame({"never": never}))
    assert str(apart.items[0].reason).startswith("The events are separated by never")
    assert {e.status for e in apart.items} == {"not_estimable"}


def test_extreme_exposure_gives_a_number_or_a_reason() -> None:
    table = totals(trial(n=40))
    for factor in (1e-300, 1e-5, 1e300):
        found = negative_binomial(table["count"], table["exposure"] * factor, table["arm"], **AB)
        plain = negative_binomial(table["count"], table["exposure"], table["arm"], **AB)
        assert numbers(found.items[0]) == pytest.approx(numbers(plain.items[0]), rel=1e-6)
    wild = table["exposure"].astype(float).where(table.index != 3, 1e308)
    for one in negative_binomial(table["count"], wild, table["arm"], **AB).items:
        assert one.status == "not_estimable" or all(map(math.isfinite, numbers(one)))  # type: ignore[arg-type]


# Refusals

ROWS: dict[str, Any] = {
    "subject": [1, 1, 2],
    "start": [0, 4, 0],
    "stop": [4, 6, 5],
    "event": [1, 0, 0],
    "group": ["a", "a", "b"],
}


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"start": [0, 4]}, "differ in length"),
        ({"subject": [1, 2]}, "subject does not fit"),
        ({"subject": [1, None, 2]}, "missing label in row 2"),
        ({"start": [0, 4, -1]}, "start.*negative time in row 3"),
        ({"stop": [4, np.inf, 5]}, "stop.*infinite time in row 2"),
        ({"start": [4, 4, 0]}, "an interval without length in row 1"),
        ({"start": [0, 7, 0]}, "an interval without length in row 2"),
        ({"start": [0, 3, 0]}, "intervals of one subject overlap.*rows 1 and 2"),
        ({"event": [1, 2, 0]}, "event.*another value in row 2"),
        ({"group": ["a", "b", "b"]}, "group.*the same value in all rows of a subject.*in row 2"),
        ({"group": ["a", "a"]}, "group does not fit"),
        ({"group": ["a", "a", None]}, "missing label in row 3"),
        ({"reference": "a"}, "the same arm"),
        ({"conf_level": 95}, "conf_level"),
        ({"ties": "exact"}, "unknown ties.*efron or breslow.*'exact'"),
        ({"strata": ["x"]}, "strata does not fit"),
        ({"covariates": pd.DataFrame({"age": [1.0]})}, "covariates do not fit"),
    ],
)
def test_wrong_arguments_are_refused(change: dict[str, Any], match: str) -> None:
    given = {**ROWS, **AB, **change}
    for call in (andersen_gill, wlw):
        with pytest.raises(InvalidInput, match=match):
            call(**given)
    with pytest.raises(InvalidInput, match=match):
        pwp(**given, time_scale="gap")
    if not {"ties", "strata", "covariates"} & set(change):
        with pytest.raises(InvalidInput, match=match):
            mean_cumulative_difference(**given, times=[3])
    if not {"ties", "strata", "covariates", "group", "reference", "conf_level"} & set(change):
        alone = {name: given[name] for name in ("subject", "start", "stop", "event")}
        for mean in (mean_cumulative_function, mean_cumulative_at):
            with pytest.raises(InvalidInput, match=match):
                mean(**alone, **({"times": [3]} if mean is mean_cumulative_at else {}))


def test_wrong_choices_are_refused() -> None:
    alone = {name: ROWS[name] for name in ("subject", "start", "stop", "event")}
    with pytest.raises(InvalidInput, match="unknown conf_type; expected log or plain"):
        mean_cumulative_function(**alone, conf_type="log-log")
    with pytest.raises(InvalidInput, match="the same time twice"):
        mean_cumulative_at(**alone, times=[1, 1])
    with pytest.raises(InvalidInput, match="unknown time_scale; expected total or gap"):
        pwp(**ROWS, **AB, time_scale="calendar")
    for wrong in (0, -1, 1.5, True, "2"):
        with pytest.raises(InvalidInput, match="max_events is not a number of events"):
            pwp(**ROWS, **AB, time_scale="gap", max_events=wrong)  # type: ignore[arg-type]
        with pytest.raises(InvalidInput, match="max_events is not a number of events"):
            wlw(**ROWS, **AB, max_events=wrong)  # type: ignore[arg-type]
    for robust in (None, "yes"):
        with pytest.raises(InvalidInput, match="robust is not a choice"):
            andersen_gill(**ROWS, **AB, robust=robust)  # type: ignore[arg-type]


def test_wlw_needs_observation_from_the_start_without_gaps() -> None:
    for start, row in (([0, 5, 0], 2), ([1, 4, 0], 1)):
        with pytest.raises(InvalidInput, match=f"a late start or a gap in row {row}"):
            wlw(**{**ROWS, "start": start}, **AB)
        assert andersen_gill(**{**ROWS, "start": start}, **AB).status == "not_estimable"
    with pytest.raises(InvalidInput, match="age.*the same value in all rows of a subject.*in row 2"):
        wlw(**ROWS, **AB, covariates=pd.DataFrame({"age": [50, 51, 60]}))
    with pytest.raises(InvalidInput, match="strata.*the same value in all rows of a subject"):
        wlw(**ROWS, **AB, strata=["x", "y", "x"])


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"count": [1, 2]}, "count and exposure differ"),
        ({"count": [1, -1, 2]}, "count.*another value in row 2"),
        ({"count": [1, 1.5, 2]}, "count.*another value in row 2"),
        ({"count": [1, np.nan, 2]}, "count.*another value in row 2"),
        ({"count": [1, 1e9, 2]}, "count.*another value in row 2"),
        ({"exposure": [1, 0, 2]}, "exposure.*above zero.*in row 2"),
        ({"exposure": [1, np.inf, 2]}, "exposure.*in row 2"),
        ({"group": ["a", None, "b"]}, "missing label in row 2"),
        ({"reference": "a"}, "the same arm"),
        ({"information": "fisher"}, "unknown information; expected expected or observed"),
        ({"conf_level": 0}, "conf_level"),
        ({"covariates": pd.DataFrame({"age": [1.0, np.nan, 2.0]})}, "age.*missing value in row 2"),
    ],
)
def test_wrong_counts_are_refused(change: dict[str, Any], match: str) -> None:
    given: dict[str, Any] = {"count": [1, 2, 3], "exposure": [5, 6, 7], "group": ["a", "b", "b"], **AB}
    with pytest.raises(InvalidInput, match=match):
        negative_binomial(**{**given, **change})


# Recalculation


def assert_agree(first: Estimate | Estimates, second: Estimate | Estimates) -> int:
    """Every estimate has its recalculation; returns how many were estimable."""
    pairs = [e.items if isinstance(e, Estimates) else (e,) for e in (first, second)]
    for one, other in zip(*pairs, strict=True):
        assert (one.analysis, one.groups, one.status, one.unit) == (
            other.analysis,
            other.groups,
            other.status,
            other.unit,
        )
        assert (one.n, one.events, one.df, one.conf_level) == (other.n, other.events, other.df, other.conf_level)
        for name in ("estimate", "std_error", "conf_low", "conf_high", "test_statistic", "p_value"):
            ours, theirs = getattr(one, name), getattr(other, name)
            assert ours is theirs is None or ours == pytest.approx(theirs, rel=1e-7, abs=1e-9), (one.analysis, name)
    return sum(one.status == "ok" for one in pairs[0])


@pytest.mark.parametrize("seed", range(24))
def test_recalculations_agree(seed: int) -> None:
    rng = np.random.default_rng(seed)
    gaps = bool(rng.random() < 0.4)
    frame = trial(seed, int(rng.choice([3, 8, 25, 50])), int(rng.choice([4, 15, 60])), rng.choice(["ab", "abc"]), gaps)
    mixed = frame.sample(frac=1, random_state=seed).reset_index(drop=True)
    given: dict[str, Any] = {**AB, "ties": str(rng.choice(["efron", "breslow"])), "conf_level": 0.9}
    if rng.random() < 0.4:
        given["covariates"] = mixed[["age", "site"]] if rng.random() < 0.5 else mixed[["age"]]
    if rng.random() < 0.3:
        given["strata"] = mixed[["site"]]
    most = None if rng.random() < 0.5 else int(rng.integers(1, 4))
    robust = bool(rng.random() < 0.7)
    calls: list[tuple[str, dict[str, Any]]] = [("andersen_gill", {"robust": robust})]
    calls += [("pwp", {"time_scale": scale, "max_events": most, "robust": robust}) for scale in ("total", "gap")]
    if not gaps:
        calls.append(("wlw", {"max_events": most}))
    for name, options in calls:
        arguments = {**given, **options}
        assert_agree(*(getattr(room, name)(*data(mixed), **arguments) for room in (statistics, twins)))
    table = totals(mixed)
    options = {**AB, "information": str(rng.choice(["expected", "observed"]))}
    if "covariates" in given:
        options["covariates"] = table[list(given["covariates"].columns)]
    assert_agree(
        *(
            room.negative_binomial(table["count"], table["exposure"], table["arm"], **options)
            for room in (statistics, twins)
        )
    )


def test_recalculations_agree_where_there_is_an_answer() -> None:
    frame = trial(n=120)
    assert assert_agree(*(room.andersen_gill(*data(frame), **AB) for room in (statistics, twins))) == 1
    assert assert_agree(*(room.wlw(*data(frame), **AB, max_events=3) for room in (statistics, twins))) == 6
    assert assert_agree(*(room.negative_binomial(*counts(frame), **AB) for room in (statistics, twins))) == 2


def test_every_recalculation_names_its_source() -> None:
    names = {"andersen_gill", "pwp", "wlw", "negative_binomial"}
    assert set(twins.SOURCE) == set(twins.TOLERANCE) == names
    assert all("statsmodels" in text for text in twins.SOURCE.values())
