"""Cox models with case weights, clusters, the robust variance, exact ties, late entry and periods of time."""

from __future__ import annotations

import math
import warnings
from itertools import combinations, product
from typing import Any

import numpy as np
import pandas as pd
import pytest

from evidence_lib.errors import InvalidInput
from evidence_lib.recalculation import cox as twins
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics import cox as statistics
from evidence_lib.statistics.cox import CoxModel, cox, hazard_ratio, piecewise_hazard_ratio
from evidence_lib.statistics.cox.exact import FEW, _circle, _recursion, chosen_moments
from evidence_lib.statistics.cox.risk_sets import FEW_STRATA, accumulated, arranged

AB = {"treatment": "a", "reference": "b"}


def trial(seed: int = 1, n: int = 120, days: int = 30) -> pd.DataFrame:
    """Two arms with covariates, weights, clusters and late entry, in whole days with many ties."""
    rng = np.random.default_rng(seed)
    arm = rng.choice(["a", "b"], n)
    time = np.ceil(np.minimum(rng.exponential(np.where(arm == "a", 25.0, 15.0)), days))
    return pd.DataFrame(
        {
            "time": time,
            "event": rng.random(n) < 0.7,
            "arm": arm,
            "age": rng.normal(60, 9, n),
            "dose": rng.normal(0, 1, n),
            "site": rng.choice(["x", "y", "z"], n),
            "weight": rng.uniform(0.2, 3, n),
            "centre": rng.integers(0, 15, n),
            "entry": np.floor(rng.random(n) * time),
        }
    )


def fit(frame: pd.DataFrame, **options: Any) -> CoxModel:
    return cox(frame["time"], frame["event"], frame[["age", "dose"]], **options)


def errors(model: CoxModel) -> list[float]:
    return [float(value) for value in np.sqrt(np.diag(model.covariance))]


def data(frame: pd.DataFrame) -> dict[str, Any]:
    return {"time": frame["time"], "event": frame["event"], "group": frame["arm"]}


def numbers(estimate: Estimate) -> list[float | None]:
    return [estimate.estimate, estimate.std_error, estimate.conf_low, estimate.conf_high, estimate.p_value]


# Case weights


def test_whole_weights_are_repeated_patients_with_breslow_ties() -> None:
    frame = trial()
    count = np.random.default_rng(2).integers(0, 4, len(frame))
    weighted = fit(frame, weights=count, robust=False, ties="breslow")
    repeated = fit(frame.loc[frame.index.repeat(count)], ties="breslow")
    assert list(weighted.coefficients) == pytest.approx(list(repeated.coefficients), rel=1e-10)
    assert errors(weighted) == pytest.approx(errors(repeated), rel=1e-10)
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-12)
    assert weighted.null_log_likelihood == pytest.approx(repeated.null_log_likelihood, rel=1e-12)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
@pytest.mark.parametrize("factor", [1e-200, 0.01, 7.0, 1e290])
def test_the_scale_of_the_weights_matters_to_the_model_variance_only(ties: Any, factor: float) -> None:
    frame = trial()
    base, scaled = (fit(frame, weights=w, ties=ties) for w in (frame["weight"], frame["weight"] * factor))
    assert base.robust
    assert list(scaled.coefficients) == pytest.approx(list(base.coefficients), rel=1e-12)
    assert errors(scaled) == pytest.approx(errors(base), rel=1e-12)
    naive = [np.sqrt(np.diag(model.naive_covariance)) for model in (base, scaled)]
    assert list(naive[1] * math.sqrt(factor)) == pytest.approx(list(naive[0]), rel=1e-12)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_weights_of_one_are_no_weights(ties: Any) -> None:
    frame = trial()
    plain, ones = fit(frame, ties=ties), fit(frame, ties=ties, weights=np.ones(len(frame)), robust=False)
    assert list(ones.coefficients) == pytest.approx(list(plain.coefficients), rel=1e-12)
    assert errors(ones) == pytest.approx(errors(plain), rel=1e-12)
    assert ones.log_likelihood == pytest.approx(plain.log_likelihood, rel=1e-13)
    robust = [fit(frame, ties=ties, robust=True), fit(frame, ties=ties, weights=np.ones(len(frame)))]
    assert errors(robust[0]) == pytest.approx(errors(robust[1]), rel=1e-12)
    assert errors(robust[0]) != pytest.approx(errors(plain), rel=1e-3)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_a_patient_of_weight_zero_is_not_there(ties: Any) -> None:
    frame = trial()
    weight = frame["weight"].where(frame["site"] != "x", 0.0)
    # Neither his covariates, nor his place among tied events, nor an arm that only such patients form.
    wild = frame.assign(
        age=frame["age"].where(weight > 0, 1e300),
        arm=np.where((weight > 0) | (frame.index % 2 == 0), frame["arm"], "c"),
    )
    left = frame[weight > 0]
    options: dict[str, Any] = {"ties": ties, **AB}
    found = hazard_ratio(**data(wild), weights=weight, covariates=wild[["age"]], **options)
    alone = hazard_ratio(**data(left), weights=left["weight"], covariates=left[["age"]], **options)
    assert numbers(found) == pytest.approx(numbers(alone), rel=1e-9)
    assert "except c (no events)" in str(found.method)
    nobody = hazard_ratio(**data(frame), weights=np.where(frame["arm"] == "a", 0, 1), **AB)
    assert (nobody.status, str(nobody.reason)) == ("not_estimable", "No patients in a")
    assert hazard_ratio(**data(frame), weights=np.zeros(len(frame)), **AB).status == "not_estimable"
    silent = hazard_ratio(**data(frame), weights=np.where((frame["arm"] == "a") & frame["event"], 0, 1), **AB)
    assert "No events in a" in str(silent.reason)


def test_a_tied_event_of_another_weight_shares_the_mean_weight() -> None:
    # a (weight 3) and b (weight 1) die together of {a, a, b}, the third with weight 1. The log-likelihood is
    # 3 log r - 2 log(4r + 1) - 2 log((4r + 1) - (3r + 1) / 2) with r = exp(b): R's mean weight 2 of the tied events.
    found = hazard_ratio([1, 1, 2], [1, 1, 0], ["a", "b", "a"], **AB, weights=[3, 1, 1], robust=False)
    r = found.estimate
    assert r is not None
    assert 3 / r - 2 * 4 / (4 * r + 1) - 2 * 2.5 / (2.5 * r + 0.5) == pytest.approx(0, abs=1e-9)


def test_extreme_weights_give_a_number_or_a_reason() -> None:
    frame = trial()
    rng = np.random.default_rng(3)
    for weights in (10.0 ** rng.uniform(-300, 300, len(frame)), np.where(frame.index == 3, 1e308, 1e-308)):
        found = hazard_ratio(**data(frame), weights=weights, **AB)
        assert found.status == "not_estimable" or all(map(math.isfinite, numbers(found)))  # type: ignore[arg-type]
    heavy = hazard_ratio(**data(frame), weights=np.full(len(frame), 1e300), **AB)
    assert numbers(heavy) == pytest.approx(numbers(hazard_ratio(**data(frame), robust=True, **AB)), rel=1e-10)


# Clusters and the robust variance


def test_clusters_without_weights_and_weights_without_clusters_switch_the_robust_variance_on() -> None:
    frame = trial()
    centre, weight = frame["centre"], frame["weight"]
    robust = {
        (): False, ("cluster",): True, ("weights",): True, ("cluster", "robust"): False, ("weights", "robust"): False,
    }  # fmt: skip
    given: dict[str, Any] = {"cluster": centre, "weights": weight, "robust": False}
    for names, expected in robust.items():
        model = fit(frame, **{name: given[name] for name in names})
        assert model.robust is expected
        assert (model.covariance is model.naive_covariance) is not expected
        assert ("robust variance" in str(model.method)) is expected
    plain, off = fit(frame), fit(frame, cluster=centre, robust=False)
    assert errors(off) == pytest.approx(errors(plain), rel=1e-13)
    assert str(fit(frame, weights=weight, robust=False).method).endswith("case weights taken as counts of patients")
    assert str(fit(frame, cluster=centre).method).endswith("robust variance (Lin-Wei) by cluster")


def test_lifelines_turns_the_sandwich_on_for_clusters_although_it_is_refused() -> None:
    from lifelines import CoxPHFitter

    frame = trial()
    columns = frame[["time", "event", "dose", "centre"]]
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        theirs = CoxPHFitter().fit(columns, "time", "event", cluster_col="centre", robust=False)
    ours = cox(frame["time"], frame["event"], frame[["dose"]], cluster=frame["centre"], robust=False)
    plain = cox(frame["time"], frame["event"], frame[["dose"]])
    assert errors(ours) == pytest.approx(errors(plain), rel=1e-13)
    assert abs(float(theirs.standard_errors_.iloc[0]) - errors(plain)[0]) > 1e-3


def test_clusters_are_only_labels() -> None:
    frame = trial()
    text = frame["centre"].map(lambda number: f"centre {40 - number}")
    assert errors(fit(frame, cluster=frame["centre"])) == pytest.approx(errors(fit(frame, cluster=text)), rel=1e-12)
    own = fit(frame, cluster=np.arange(len(frame)) * 7)
    assert errors(own) == pytest.approx(errors(fit(frame, robust=True)), rel=1e-12)
    assert errors(own) != pytest.approx(errors(fit(frame, cluster=text)), rel=1e-3)


def test_patients_written_twice_and_clustered_are_written_once() -> None:
    frame = trial()
    twice = frame.loc[frame.index.repeat(2)]
    found = fit(twice, cluster=np.repeat(np.arange(len(frame)), 2), ties="breslow")
    once = fit(frame, robust=True, ties="breslow")
    assert list(found.coefficients) == pytest.approx(list(once.coefficients), rel=1e-10)
    assert errors(found) == pytest.approx(errors(once), rel=1e-10)


def test_the_robust_variance_is_that_of_the_jackknife_in_large_samples() -> None:
    frame = trial(n=400, days=400).assign(weight=lambda f: f["weight"].where(f.index % 3 > 0, 2.0))
    groups = np.arange(len(frame)) % 100
    whole = fit(frame, weights=frame["weight"], cluster=groups)
    left_out = [
        fit(frame[groups != g], weights=frame["weight"][groups != g], cluster=groups[groups != g]).coefficients
        for g in range(100)
    ]
    away = np.array(left_out) - whole.coefficients
    assert errors(whole) == pytest.approx(list(np.sqrt((away**2).sum(axis=0))), rel=0.05)


@pytest.mark.parametrize("ties", ["efron", "breslow"])
def test_score_residuals_add_up_to_the_score(ties: Any) -> None:
    frame = trial()
    from evidence_lib.statistics.cox.maximum import problem

    x = frame[["age", "dose"]].to_numpy()
    stratum = pd.factorize(frame["site"])[0]
    for weights, entry in product((None, frame["weight"].to_numpy()), (None, frame["entry"].to_numpy())):
        posed = problem(
            frame["time"].to_numpy(), frame["event"].to_numpy(), x, stratum, ties, weights=weights, entry=entry
        )
        likelihood = posed.likelihood
        beta = np.array([0.4, -0.3])
        residual = likelihood.score_residuals(beta)
        total = residual.sum(axis=1) if likelihood.weight is None else residual @ likelihood.weight
        assert list(total) == pytest.approx(list(likelihood.at(beta).score), abs=1e-9)
        step = 1e-5
        for j, direction in enumerate(np.eye(2)):
            ahead, behind = (likelihood.at(beta + sign * step * direction) for sign in (1, -1))
            slope = (ahead.log_likelihood - behind.log_likelihood) / (2 * step)
            assert slope == pytest.approx(likelihood.at(beta).score[j], abs=1e-5)
            curvature = (behind.score - ahead.score) / (2 * step)
            assert list(curvature) == pytest.approx(list(likelihood.at(beta).information[j]), abs=1e-5)


def test_one_cluster_has_no_robust_variance() -> None:
    frame = trial()
    found = hazard_ratio(**data(frame), cluster=np.zeros(len(frame)), **AB)
    assert (found.status, str(found.reason)) == ("not_estimable", "The robust variance is zero: too few clusters")
    model = fit(frame, cluster=["only"] * len(frame))
    assert (model.status, str(model.reason)) == ("not_estimable", "The robust variance is zero: too few clusters")
    assert np.isnan(model.covariance).all()
    assert np.isnan(model.naive_covariance).all()


# Late entry


@pytest.mark.parametrize("ties", ["efron", "breslow", "exact"])
def test_time_cut_into_intervals_is_the_same_time(ties: Any) -> None:
    frame = trial(n=60)
    rng = np.random.default_rng(5)
    cut = np.where(frame["time"] > 1, np.ceil(rng.random(len(frame)) * (frame["time"] - 1)), np.nan)
    early = frame.assign(entry=0.0, patient=frame.index, stop=np.where(np.isnan(cut), frame["time"], cut))
    early["died"] = frame["event"] & np.isnan(cut)
    late = frame.assign(entry=cut, patient=frame.index, stop=frame["time"], died=frame["event"]).dropna()
    parts = pd.concat([early, late], ignore_index=True)
    x = ["age", "dose"]
    split = cox(parts["stop"], parts["died"], parts[x], entry=parts["entry"], ties=ties)
    whole = fit(frame, ties=ties)
    assert list(split.coefficients) == pytest.approx(list(whole.coefficients), rel=1e-9)
    assert errors(split) == pytest.approx(errors(whole), rel=1e-9)
    assert (split.log_likelihood, split.events) == (pytest.approx(whole.log_likelihood, rel=1e-12), whole.events)
    if ties != "exact":
        by_patient = cox(
            parts["stop"], parts["died"], parts[x], entry=parts["entry"], ties=ties, cluster=parts["patient"]
        )
        assert errors(by_patient) == pytest.approx(errors(fit(frame, ties=ties, robust=True)), rel=1e-9)


def test_entry_at_zero_changes_nothing_and_later_entry_does() -> None:
    frame = trial()
    base, zero, late = (fit(frame, entry=entry) for entry in (None, np.zeros(len(frame)), frame["entry"]))
    assert list(zero.coefficients) == pytest.approx(list(base.coefficients), rel=1e-12)
    assert errors(zero) == pytest.approx(errors(base), rel=1e-12)
    assert abs(late.coefficients - base.coefficients).max() > 1e-4
    assert "at risk after its entry" in str(late.method)
    assert "entry" not in str(base.method)


def test_who_enters_at_a_time_is_not_at_risk_at_it_as_phreg_has_it() -> None:
    from statsmodels.duration.hazard_regression import PHReg

    frame = trial()
    assert frame["entry"].isin(frame["time"][frame["event"]]).sum() > 20
    x = frame[["age", "dose"]]
    ours = fit(frame, entry=frame["entry"])
    theirs, moved = (
        PHReg(frame["time"], x, status=frame["event"].astype(int), entry=frame["entry"] + late, ties="efron")
        .fit(disp=False)
        .params
        for late in (0.0, 0.5)
    )
    assert list(ours.coefficients) == pytest.approx(list(moved), rel=1e-8)
    assert abs(ours.coefficients - np.asarray(theirs)).max() > 1e-3


def test_entry_tied_with_a_time_through_rounding_is_at_it() -> None:
    frame = trial(days=9)
    tenths = np.cumsum(np.full(10, 0.1))
    exact = fit(frame, entry=frame["entry"])
    wobbly = cox(
        frame["time"] / 10,
        frame["event"],
        frame[["age", "dose"]],
        entry=np.concatenate([[0.0], tenths])[frame["entry"].astype(int)],
    )
    assert list(wobbly.coefficients) == pytest.approx(list(exact.coefficients), rel=1e-10)


def test_a_huge_risk_that_has_left_takes_no_digits_from_those_who_stay() -> None:
    # The running sum of a risk set that adds and subtracts would lose the others beside exp(60) = 1e26.
    frame = trial(days=400)
    hot = pd.DataFrame({"time": [2.5, 3.5], "event": [True, False], "dose": [75.0, 0.0], "entry": [1.5, 1.5]})
    late = frame.assign(time=frame["time"] + 4, entry=3.9)
    both = pd.concat([late, hot], ignore_index=True)
    likelihood = fit_at(both, 0.8)
    alone = fit_at(late, 0.8)
    assert likelihood[0] - alone[0] == pytest.approx(-math.log1p(math.exp(-60)), abs=1e-9)
    assert likelihood[1] == pytest.approx(alone[1], rel=1e-12)


def fit_at(frame: pd.DataFrame, beta: float) -> tuple[float, float]:
    from evidence_lib.statistics.cox.partial_likelihood import PartialLikelihood

    time, entry = frame["time"].to_numpy(float), frame["entry"].to_numpy(float)
    sets = arranged(time, frame["event"].to_numpy(bool), np.zeros(len(frame), dtype=np.int64), entry)
    found = PartialLikelihood(sets, frame["dose"].to_numpy(float)[sets.rows][None, :], "efron").at(np.array([beta]))
    return found.log_likelihood, float(found.information[0, 0])


def test_nobody_of_an_arm_at_risk_at_an_event() -> None:
    # The arms are never observed together.
    found = hazard_ratio([2, 3, 8, 9], [1, 1, 1, 1], ["a", "a", "b", "b"], **AB, entry=[0, 0, 5, 5])
    assert "a is the same for all patients at risk" in str(found.reason)


def test_sums_over_many_strata_are_those_over_few() -> None:
    rng = np.random.default_rng(4)
    values = rng.normal(size=(3, 700))
    for k in (1, 2, FEW_STRATA, FEW_STRATA + 1, 300, 699):
        bounds = np.concatenate([[0], np.sort(rng.choice(np.arange(1, 700), k, replace=False)), [700]])
        for backward in (False, True):
            way = -1 if backward else 1
            parts = [
                values[:, a:b][:, ::way].cumsum(axis=1)[:, ::way] for a, b in zip(bounds, bounds[1:], strict=False)
            ]
            found = accumulated(values, bounds, backward=backward)
            assert np.abs(found - np.hstack(parts)).max() < 1e-12


def test_matched_pairs_are_a_conditional_logistic_model() -> None:
    from statsmodels.discrete.conditional_models import ConditionalLogit

    rng = np.random.default_rng(6)
    pair = np.repeat(np.arange(200), 2)
    x = pd.DataFrame(rng.normal(size=(400, 2)), columns=["u", "v"])
    case = np.tile([True, False], 200)
    model = cox(np.where(case, 1.0, 2.0), case, x, strata=pair)
    other = ConditionalLogit(case.astype(int), x, groups=pair)
    assert list(other.score(model.coefficients)) == pytest.approx([0, 0], abs=1e-9)
    assert model.log_likelihood == pytest.approx(other.loglike(model.coefficients), rel=1e-12)


# Exact ties


def test_the_exact_likelihood_is_the_share_of_all_subsets() -> None:
    rng = np.random.default_rng(7)
    for m, d in [(1, 1), (4, 1), (5, 2), (6, 3), (7, 6), (5, 5), (9, 4), (9, 7)]:
        eta, x = rng.normal(0, 3, m), rng.normal(size=(2, m))
        subsets = [list(chosen) for chosen in combinations(range(m), d)]
        weight = np.exp([eta[chosen].sum() for chosen in subsets])
        sums = np.array([x[:, chosen].sum(axis=1) for chosen in subsets])
        log_sum, mean, covariance = chosen_moments(eta, x, d)
        share = weight / weight.sum()
        assert log_sum == pytest.approx(math.log(weight.sum()), rel=1e-12)
        assert list(mean) == pytest.approx(list(share @ sums), abs=1e-10)
        away = sums - share @ sums
        assert covariance.ravel() == pytest.approx(((share * away.T) @ away).ravel(), abs=1e-9)


def test_both_ways_to_the_exact_likelihood_agree() -> None:
    rng = np.random.default_rng(18)
    for m, d, spread in [(2, 1, 1.0), (9, 3, 30.0), (60, 12, 2.0), (500, FEW, 0.5), (300, 40, 3.0), (3000, 2, 1.0)]:
        eta, x = rng.normal(0, spread, m), rng.normal(size=(3, m))
        one, other = _circle(eta, x, d), _recursion(eta, x, d)
        assert one[0] == pytest.approx(other[0], rel=1e-12)
        assert list(one[1]) == pytest.approx(list(other[1]), abs=1e-10)
        assert one[2].ravel() == pytest.approx(other[2].ravel(), abs=1e-10)


def test_exact_sums_do_not_leave_the_numbers() -> None:
    # E_d of m equal risks is the binomial coefficient times r^d; the variance that of drawing without replacement.
    x = np.random.default_rng(8).normal(size=(1, 3000))
    for d, shift in [(1500, 0.0), (400, 300.0), (2990, -300.0)]:
        log_sum, mean, covariance = chosen_moments(np.full(3000, shift), x, d)
        binomial = math.lgamma(3001) - math.lgamma(d + 1) - math.lgamma(3001 - d)
        assert log_sum == pytest.approx(binomial + d * shift, rel=1e-12)
        assert float(mean[0]) == pytest.approx(float(d * x.mean()), rel=1e-8)
        assert float(covariance[0, 0]) == pytest.approx(d * (3000 - d) / 2999 * float(x.var()), rel=1e-8)
    eta = np.linspace(-200, 250, 40)
    log_sum, _, _ = chosen_moments(eta, np.zeros((1, 40)), 12)
    assert log_sum == pytest.approx(math.log1p(math.exp(eta[27] - eta[28])) + eta[28:].sum(), rel=1e-9)


def test_exact_is_the_conditional_logistic_likelihood_of_the_risk_sets() -> None:
    from statsmodels.discrete.conditional_models import ConditionalLogit

    frame = trial(n=60, days=6)
    x = frame[["age", "dose"]]
    rows, groups, case = [], [], []
    for number, (site, day) in enumerate(product("xyz", range(1, 7))):
        here = (frame["site"] == site) & (frame["time"] >= day) & (frame["entry"] < day)
        died = here & (frame["time"] == day) & frame["event"]
        if died.any() and (here & ~died).any():
            rows += list(frame.index[here])
            groups += [number] * int(here.sum())
            case += list(died[here].astype(int))
    exog = x.loc[rows].to_numpy() - x.mean().to_numpy()
    other = ConditionalLogit(np.array(case), exog, groups=np.array(groups))
    model = fit(frame, ties="exact", strata=frame["site"], entry=frame["entry"])
    assert list(other.score(model.coefficients)) == pytest.approx([0, 0], abs=1e-7)
    assert model.log_likelihood == pytest.approx(other.loglike(model.coefficients), rel=1e-12)
    assert model.null_log_likelihood == pytest.approx(other.loglike(np.zeros(2)), rel=1e-12)
    # The second derivative, by a complex step through their score.
    information = [-np.imag(other.score(model.coefficients + 1e-20j * unit)) / 1e-20 for unit in np.eye(2)]
    assert model.covariance.ravel() == pytest.approx(np.linalg.inv(information).ravel(), rel=1e-9)
    assert "exact ties" in str(model.method)


def test_without_tied_events_all_three_handlings_agree_and_with_them_none() -> None:
    frame = trial()
    untied = frame.assign(time=frame["time"] + np.random.default_rng(9).permutation(len(frame)) / 1000)
    several = [fit(untied, ties=ties) for ties in ("exact", "efron", "breslow")]
    for other in several[1:]:
        assert list(other.coefficients) == pytest.approx(list(several[0].coefficients), rel=1e-10)
        assert errors(other) == pytest.approx(errors(several[0]), rel=1e-10)
    tied = [fit(frame, ties=ties).coefficients for ties in ("exact", "efron", "breslow")]
    assert all(np.abs(a - b).max() > 1e-5 for a, b in combinations(tied, 2))


def test_all_at_risk_dying_at_once_says_nothing_exactly() -> None:
    found = hazard_ratio([1, 1, 1, 1], [1] * 4, list("abab"), **AB, ties="exact")
    again = twins.hazard_ratio([1, 1, 1, 1], [1] * 4, list("abab"), **AB, ties="exact")
    assert found.status == again.status == "not_estimable"
    assert "a is the same for all patients at risk" in str(found.reason)
    # One survivor is enough: three of four die, each choice leaving one; the arms are level.
    survivors = hazard_ratio([1, 1, 1, 1, 1, 1], [1, 1, 1, 1, 0, 0], list("ababab"), **AB, ties="exact")
    assert survivors.estimate == pytest.approx(1, abs=1e-12)


# Periods


def test_each_period_is_a_model_of_its_own_time() -> None:
    frame = trial(n=300)
    found = piecewise_hazard_ratio(**data(frame), **AB, cut_points=[5, 12])
    assert [e.groups.get("period") for e in found.items] == ["0 to 5", "5 to 12", "after 12", None]
    for name, low, high in [("0 to 5", 0, 5), ("5 to 12", 5, 12), ("after 12", 12, 99)]:
        here = frame[frame["time"] > low]
        alone = hazard_ratio(here["time"], here["event"] & (here["time"] <= high), here["arm"], **AB)
        one = found.where(period=name)
        assert numbers(one) == pytest.approx(numbers(alone), rel=1e-9)
        assert (one.n, one.events) == (alone.n, alone.events)
    assert sum(e.events or 0 for e in found.items[:-1]) == found.items[-1].events == int(frame["event"].sum())
    # Without covariates the likelihoods of the periods add up.
    whole = hazard_ratio(**data(frame), **AB)
    assert found.items[-1].df == 2
    logs = [math.log(e.estimate or 0) for e in found.items[:-1]]
    assert min(logs) < math.log(whole.estimate or 0) < max(logs)


def test_an_event_at_a_cut_point_belongs_to_the_period_that_it_ends() -> None:
    frame = trial(n=300)
    at, after = (piecewise_hazard_ratio(**data(frame), **AB, cut_points=[cut]).items for cut in (7, 7.5))
    assert [e.events for e in at] == [e.events for e in after]
    assert numbers(at[0]) == pytest.approx(numbers(after[0]), rel=1e-12)
    tenths = piecewise_hazard_ratio(
        np.cumsum(np.full(31, 0.1))[frame["time"].astype(int) - 1], frame["event"], frame["arm"], **AB, cut_points=[0.7]
    )
    assert tenths.items[0].groups["period"] == "0 to 0.7"
    assert numbers(tenths.items[0]) == pytest.approx(numbers(at[0]), rel=1e-12)


def test_swapping_the_arms_inverts_the_ratio_of_every_period() -> None:
    frame = trial(n=200)
    options: dict[str, Any] = {"cut_points": [6, 15], "covariates": frame[["age"]], "weights": frame["weight"]}
    found = piecewise_hazard_ratio(**data(frame), **AB, **options).items
    swapped = piecewise_hazard_ratio(**data(frame), treatment="b", reference="a", **options).items
    for one, other in zip(found[:-1], swapped[:-1], strict=True):
        assert (1 / other.estimate, 1 / other.conf_high) == pytest.approx((one.estimate, one.conf_low), rel=1e-9)
    assert swapped[-1].test_statistic == pytest.approx(found[-1].test_statistic, rel=1e-9)
    assert "Wald test" in str(found[-1].method)


def test_a_cut_after_the_last_event_leaves_the_hazard_ratio_and_no_test() -> None:
    frame = trial()
    found = piecewise_hazard_ratio(**data(frame), **AB, cut_points=[50], covariates=frame[["age"]])
    first, second, test = found.items
    whole = hazard_ratio(**data(frame), **AB, covariates=frame[["age"]])
    assert numbers(first) == pytest.approx(numbers(whole), rel=1e-11)
    assert (second.status, str(second.reason), second.n) == ("not_estimable", "No events in this period", 0)
    assert (test.status, str(test.reason)) == ("not_estimable", "Fewer than two periods can be compared")


def test_a_period_without_events_of_an_arm_leaves_the_others() -> None:
    frame = trial(n=300)
    event = frame["event"] & ~((frame["arm"] == "a") & (frame["time"] > 12))
    options: dict[str, Any] = {"cut_points": [5, 12], "covariates": frame[["age", "dose"]]}
    found = piecewise_hazard_ratio(frame["time"], event, frame["arm"], **AB, **options)
    last = found.where(period="after 12")
    assert (last.status, last.estimate) == ("not_estimable", None)
    assert "No events in a" in str(last.reason)
    assert found.items[-1].df == 1
    # The limit of the joint model as the last ratio goes to zero: compare with a very small fixed one.
    assert_agree(found, twins.piecewise_hazard_ratio(frame["time"], event, frame["arm"], **AB, **options))
    almost = event.copy()
    almost[frame.index[(frame["arm"] == "a") & (frame["time"] > 12)][-1]] = False
    assert found.items[0].estimate is not None


def test_no_events_at_all() -> None:
    frame = trial(n=20)
    found = piecewise_hazard_ratio(frame["time"], np.zeros(20), frame["arm"], **AB, cut_points=[5])
    assert [e.status for e in found.items] == ["not_estimable"] * 3
    single = piecewise_hazard_ratio([4], [1], ["a"], **AB, cut_points=[5])
    assert [str(e.reason) for e in single.items] == [
        "No patients in b", "No events in this period", "Fewer than two periods can be compared",
    ]  # fmt: skip
    constant = piecewise_hazard_ratio(**data(trial()), **AB, cut_points=[5], covariates=pd.DataFrame({"c": [1] * 120}))
    assert {str(e.reason)[:17] for e in constant.items} == {"c is the same for"}


# Refusals


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"weights": [1, 2]}, "weights do not fit the data"),
        ({"weights": [1, -0.5, 2]}, "negative weight in row 2"),
        ({"weights": [1, np.nan, math.inf]}, "missing or infinite weight in row 2 and 1 more"),
        ({"weights": ["a", "b", "c"]}, "weights does not hold numbers"),
        ({"cluster": ["x", "y"]}, "cluster does not fit the data"),
        ({"cluster": ["x", None, "y"]}, "missing label in row 2"),
        ({"cluster": np.ones((3, 2))}, "cluster does not fit the data"),
        ({"robust": "yes"}, "robust is not a choice"),
        ({"entry": [0, 0]}, "entry does not fit the times"),
        ({"entry": [0, 2, 0]}, "not before the time in row 2"),
        ({"entry": [0, -1, 0]}, "entry.*negative time in row 2"),
        ({"entry": [0, np.nan, 0]}, "entry.*missing or infinite time in row 2"),
        ({"ties": "exact", "weights": [1, 2, 3]}, "exact ties take neither"),
        ({"ties": "exact", "cluster": [1, 2, 3]}, "exact ties take neither"),
        ({"ties": "exact", "robust": True}, "exact ties take neither"),
    ],
)
def test_wrong_arguments_are_refused(change: dict[str, Any], match: str) -> None:
    given: dict[str, Any] = {"time": [1, 2, 3], "event": [1, 1, 0], "group": ["a", "b", "b"], **AB}
    with pytest.raises(InvalidInput, match=match):
        hazard_ratio(**{**given, **change})
    with pytest.raises(InvalidInput, match=match):
        piecewise_hazard_ratio(**{**given, **change}, cut_points=[2])


@pytest.mark.parametrize(
    ("cuts", "match"),
    [
        ([], "not increasing"),
        ([3, 3], "not increasing"),
        ([5, 3], "not increasing"),
        ([0, 3], "above zero"),
        ([math.inf], "above zero"),
        ([math.nan], "above zero"),
        ("abc", "cut_points"),
    ],
)
def test_wrong_cut_points_are_refused(cuts: Any, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        piecewise_hazard_ratio([1, 2], [1, 0], ["a", "b"], **AB, cut_points=cuts)


def test_exact_ties_are_not_for_the_score_test_nor_for_subgroups() -> None:
    frame = trial()
    with pytest.raises(InvalidInput, match="efron or breslow; found 'exact'"):
        statistics.proportional_hazards_test(**data(frame), ties="exact")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="efron or breslow; found 'exact'"):
        statistics.subgroup_effects(**data(frame), subgroups=frame[["site"]], **AB, ties="exact")  # type: ignore[arg-type]
    with pytest.raises(InvalidInput, match="the same arm"):
        piecewise_hazard_ratio(**data(frame), treatment="a", reference="a", cut_points=[3])


# Recalculation


def assert_agree(first: Estimate | Estimates, second: Estimate | Estimates) -> int:
    """Every estimate has its recalculation; returns how many were estimable."""
    pairs = [e.items if isinstance(e, Estimates) else (e,) for e in (first, second)]
    for one, other in zip(*pairs, strict=True):
        assert (one.analysis, one.groups, one.status) == (other.analysis, other.groups, other.status)
        assert (one.n, one.events, one.df, one.conf_level) == (other.n, other.events, other.df, other.conf_level)
        for name in ("estimate", "std_error", "conf_low", "conf_high", "test_statistic", "p_value"):
            ours, theirs = getattr(one, name), getattr(other, name)
            assert ours is theirs is None or ours == pytest.approx(theirs, rel=1e-7, abs=1e-9), (one.groups, name)
    return sum(one.status == "ok" for one in pairs[0])


@pytest.mark.parametrize("seed", range(60))
def test_recalculations_agree_on_small_tied_data(seed: int) -> None:
    rng = np.random.default_rng(seed)
    n, days = int(rng.choice([4, 12, 40, 90])), int(rng.choice([3, 10, 60]))
    frame = trial(seed, n, days)
    frame.loc[rng.random(n) < 0.1, "arm"] = "c"
    ties = str(rng.choice(["efron", "breslow", "exact"]))
    given: dict[str, Any] = {"ties": ties, "conf_level": float(rng.choice([0.9, 0.95])), **AB}
    if rng.random() < 0.4:
        given["entry"] = frame["entry"]
    if rng.random() < 0.3:
        given["strata"] = frame[["site"]]
    if rng.random() < 0.4:
        given["covariates"] = frame[["age", "site"]] if rng.random() < 0.5 else frame[["dose"]]
    if ties != "exact":
        given["robust"] = [None, True, False][rng.integers(3)]
        if rng.random() < 0.6:
            given["weights"] = frame["weight"] if rng.random() < 0.5 else rng.integers(0, 4, n)
        if rng.random() < 0.5:
            given["cluster"] = frame["centre"]
    cuts = np.sort(rng.choice(np.arange(1, days + 2), size=int(rng.integers(1, 3)), replace=False))
    assert_agree(hazard_ratio(**data(frame), **given), twins.hazard_ratio(**data(frame), **given))
    ours, theirs = (
        module.piecewise_hazard_ratio(**data(frame), cut_points=cuts, **given) for module in (statistics, twins)
    )
    assert_agree(ours, theirs)


def test_recalculations_agree_where_there_is_an_answer() -> None:
    frame = trial(n=200)
    cases: list[dict[str, Any]] = [
        {"weights": frame["weight"], "cluster": frame["centre"], "covariates": frame[["age"]]},
        {"entry": frame["entry"], "strata": frame["site"], "robust": True},
        {"ties": "exact", "entry": frame["entry"], "covariates": frame[["dose"]]},
    ]
    for given in cases:
        found, again = (
            module.piecewise_hazard_ratio(**data(frame), **AB, cut_points=[4, 11], **given)
            for module in (statistics, twins)
        )
        assert assert_agree(found, again) == 4
        assert assert_agree(*(module.hazard_ratio(**data(frame), **AB, **given) for module in (statistics, twins))) == 1
