"""Parametric survival models: R and independent likelihoods, properties, edges and refusals."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy import integrate, optimize, stats

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.survival import background, parametric_models, rmst
from evidence_lib.statistics.survival.parametric import ParametricModel
from evidence_lib.statistics.survival.parametric.families import NAMES
from tests.reference import data, needs_reference

STANDARD = ("exponential", "weibull", "gompertz", "log-normal", "log-logistic", "generalised-gamma")


def sample(seed: int = 5, n: int = 300) -> tuple[np.ndarray, np.ndarray]:
    """Weibull times, uniformly censored."""
    rng = np.random.default_rng(seed)
    time, end = 500 * rng.weibull(1.4, n), rng.uniform(100, 1500, n)
    return np.minimum(time, end), time <= end


def cured(seed: int = 6, n: int = 400) -> tuple[np.ndarray, np.ndarray, float]:
    rng = np.random.default_rng(seed)
    time = np.where(rng.random(n) < 0.4, np.inf, 300 * rng.weibull(1.3, n))
    end = rng.uniform(1500, 2500, n)
    return np.minimum(time, end), time <= end, 0.4


def one(name: str, time: Any, event: Any, **choices: Any) -> ParametricModel:
    return parametric_models(time, event, models=[name], **choices).items[0]


@pytest.fixture(scope="module")
def fitted() -> Any:
    return parametric_models(*sample(), models=NAMES)


@pytest.fixture(scope="module")
def lung() -> pd.DataFrame:
    from lifelines.datasets import load_lung

    return load_lung()


# Reference


class TestLung:
    """The lung cancer data of R's survival package; R 4.2.2, survival 3.5-3."""

    @pytest.mark.parametrize(
        ("name", "log_likelihood", "location", "error", "median", "median_error"),
        [
            # f <- survreg(Surv(time, status) ~ 1, lung, dist = ...); f$loglik[1]; coef(f); sqrt(diag(vcov(f)))[1];
            # predict(f, newdata = lung[1, ], type = "quantile", p = 0.5, se = TRUE)
            ("exponential", -1162.33817579, 6.044473793, 0.07784989442, 292.35267719, 22.75962505),
            ("weibull", -1153.85118809, 6.0349039102, 0.05913591051, 316.2636950, 19.6199376),
            ("log-normal", -1169.26905531, 5.663304962, 0.07799593933, 288.0992279, 22.4705699),
            ("log-logistic", -1160.93062351, 5.7109803876, 0.06860013792, 302.16716404, 20.72870913),
        ],
    )
    def test_survreg(self, lung, name, log_likelihood, location, error, median, median_error) -> None:
        model = one(name, lung["time"], lung["status"])
        assert model.log_likelihood == pytest.approx(log_likelihood, abs=1e-7)
        at = model.family.location
        sign = -1 if name == "exponential" else 1  # survreg's intercept is the log of the mean, ours of the rate
        assert sign * model.values[at] == pytest.approx(location, abs=1e-6)
        assert math.sqrt(model.covariance[at, at]) == pytest.approx(error, rel=1e-5)
        found = model.median()
        assert (found.estimate, found.std_error) == (
            pytest.approx(median, rel=1e-6),
            pytest.approx(median_error, rel=1e-5),
        )

    @pytest.mark.parametrize(
        ("name", "log_likelihood", "age", "sex", "errors"),
        [
            # summary(survreg(Surv(time, status) ~ age + sex, lung, dist = ...))$table
            ("exponential", -1156.099, -0.01561871104, 0.48093492396, (0.009105680185, 0.167094285952)),
            ("weibull", -1147.054, -0.01225702559, 0.38208513966, (0.006957472265, 0.127476840503)),
            ("log-normal", -1158.75, -0.02335645755, 0.51925367464, (0.008388238828, 0.155152235422)),
            ("log-logistic", -1152.897, -0.01400508501, 0.47750922490, (0.007714426392, 0.140355261269)),
        ],
    )
    def test_survreg_with_covariates(self, lung, name, log_likelihood, age, sex, errors) -> None:
        model = one(name, lung["time"], lung["status"], covariates=lung[["age", "sex"]])
        sign = -1 if name == "exponential" else 1
        assert model.terms == ("age", "sex")
        assert list(sign * model.values[-2:]) == pytest.approx([age, sex], rel=1e-5)
        assert list(np.sqrt(np.diag(model.covariance))[-2:]) == pytest.approx(list(errors), rel=1e-5)
        assert model.log_likelihood == pytest.approx(log_likelihood, abs=6e-3)

    @pytest.mark.parametrize(
        ("name", "log_likelihood", "values", "errors"),
        [
            # optim on the likelihood written out in R, repeated from its own answer; optimHess for the errors.
            ("spline-hazard-1", -1153.596829, (-7.22967189, 1.13795387, -0.0155801), (1.0854012, 0.2553313, 0.0213594)),
            ("spline-odds-1", -1155.251529, (-6.37166933, 0.82802585, -0.0880956), (0.9986334, 0.2399405, 0.0236114)),
            ("spline-normal-1", -1154.477645, (-3.07883776, 0.32419779, -0.0662709), (0.3899102, 0.0980004, 0.0110704)),
            ("gompertz", -1155.355388, (1.388469645e-3, math.log(1.669734280e-3)), None),
            ("generalised-gamma", -1153.689796, (6.0765187341, math.log(0.7270578263), 1.1264664439), None),
        ],
    )
    def test_likelihoods_written_out_in_r(self, lung, name, log_likelihood, values, errors) -> None:
        model = one(name, lung["time"], lung["status"])
        assert model.log_likelihood == pytest.approx(log_likelihood, abs=1e-6)
        assert list(model.values) == pytest.approx(list(values), rel=2e-4, abs=2e-5)
        if errors:
            assert list(np.sqrt(np.diag(model.covariance))) == pytest.approx(list(errors), rel=1e-3)


@needs_reference
def test_gbsg_cure_and_excess_hazard_as_likelihoods_written_out_in_r() -> None:
    # R 4.2.2, optim as above, on survival's gbsg: mixture cure Weibull; excess hazard with b = 2e-5 + age * 1e-6
    frame = data("survival/gbsg.csv")
    model = one("cure-weibull", frame["rfstime"], frame["status"])
    assert model.log_likelihood == pytest.approx(-2628.2350984441, abs=1e-6)
    assert list(model.table()["estimate"]) == pytest.approx([0.3838746071, 1.5654348821, 1204.7151305727], rel=1e-5)
    assert list(model.table()["std_error"]) == pytest.approx([0.16414260, 0.05764029, 0.07785659], rel=1e-4)
    model = one("weibull", frame["rfstime"], frame["status"], background_hazard=2e-5 + frame["age"] * 1e-6)
    assert model.log_likelihood == pytest.approx(-2582.434759024, abs=1e-6)
    assert list(model.table()["estimate"]) == pytest.approx([1.297088026, 2616.826103078], rel=1e-5)
    assert list(model.table()["std_error"]) == pytest.approx([0.05794103, 0.06395348], rel=1e-4)


# Second routes


@pytest.mark.parametrize(
    ("name", "fitter"),
    [
        ("exponential", "ExponentialFitter"),
        ("weibull", "WeibullFitter"),
        ("log-normal", "LogNormalFitter"),
        ("log-logistic", "LogLogisticFitter"),
        ("generalised-gamma", "GeneralizedGammaFitter"),
    ],
)
def test_lifelines_finds_the_same_curves(fitted, name: str, fitter: str) -> None:
    import lifelines

    second = getattr(lifelines, fitter)().fit(*sample())
    model = fitted.named(name)
    assert model.log_likelihood == pytest.approx(second.log_likelihood_, abs=2e-4)
    times = [50.0, 300.0, 900.0, 3000.0]
    ours = [e.estimate for e in model.survival(times).items]
    assert ours == pytest.approx(list(second.survival_function_at_times(times)), abs=2e-3)


@pytest.mark.parametrize("name", ["gompertz", "generalised-gamma", "cure-log-normal", "cure-weibull"])
def test_scipy_finds_no_better_place(name: str) -> None:
    time, event, _ = cured()
    model = one(name, time, event)

    def loss(p: np.ndarray) -> float:
        if name == "gompertz":
            total = event * (p[1] + p[0] / 1e3 * time) - np.exp(p[1]) * np.expm1(p[0] / 1e3 * time) / (p[0] / 1e3)
        elif name == "generalised-gamma":
            # scipy's gengamma(a, c): x^c is gamma(a); a = q^-2, c = q / sigma
            sigma, q = math.exp(p[1]), p[2]
            law = stats.gengamma(q**-2, q / sigma, scale=math.exp(p[0] + sigma / q * math.log(q**2)))
            total = np.where(event, law.logpdf(time), law.logsf(time))
        else:
            share = 1 / (1 + math.exp(-p[0]))
            law = (
                stats.weibull_min(math.exp(p[1]), scale=math.exp(p[2]))
                if name == "cure-weibull"
                else stats.lognorm(math.exp(p[2]), scale=math.exp(p[1]))
            )
            total = np.where(event, np.log1p(-share) + law.logpdf(time), np.log(share + (1 - share) * law.sf(time)))
        value = float(-np.sum(total))
        return value if math.isfinite(value) else 1e12

    unit = np.array([1e3, 1.0]) if name == "gompertz" else np.ones(model.values.size)
    at = model.values * unit
    assert -loss(at) == pytest.approx(model.log_likelihood, abs=1e-8)
    rng = np.random.default_rng(1)
    for _ in range(3):
        start = at + rng.normal(0, 0.2, at.size)
        best = optimize.minimize(
            loss, start, method="Nelder-Mead", options={"xatol": 1e-9, "fatol": 1e-10, "maxiter": 4000}
        )
        assert -best.fun <= model.log_likelihood + 1e-7


@pytest.mark.parametrize("name", NAMES)
def test_the_hazard_is_the_slope_of_the_cumulative_hazard_and_the_mean_the_area(fitted, name: str) -> None:
    model = fitted.named(name)
    if model.status != "ok":
        assert name.startswith("cure-")
        return
    frame = model.curve([200.0, 200.2, 200.4])
    slope = (frame["cumulative_hazard"].iloc[2] - frame["cumulative_hazard"].iloc[0]) / 0.4
    assert frame["hazard"].iloc[1] == pytest.approx(slope, rel=1e-5)
    assert frame["survival"].iloc[0] == pytest.approx(math.exp(-frame["cumulative_hazard"].iloc[0]), rel=1e-12)
    area, _ = integrate.quad(lambda t: model.survival([t]).items[0].estimate, 0, 400, epsabs=1e-9)
    assert model.rmst(400).estimate == pytest.approx(area, rel=1e-8)


def test_numerical_limits_follow_the_information(fitted) -> None:
    # Weibull: the delta method written out, and the Hessian by formula at the maximum.
    time, event = sample()
    model = fitted.named("weibull")
    shape, scale = np.exp(model.values)
    log_ratio = np.log(time / scale)
    h = (time / scale) ** shape
    information = np.array(
        [
            [
                np.sum(h * (shape * log_ratio) ** 2 + (h - event) * shape * log_ratio),
                -np.sum(h * shape**2 * log_ratio + (h - event) * shape),
            ],
            [0.0, np.sum(h) * shape**2],
        ]
    )
    information[1, 0] = information[0, 1]
    assert model.covariance == pytest.approx(np.linalg.inv(information), rel=1e-5)
    t = 300.0
    slope = np.array([shape * math.log(t / scale), -shape])
    error = math.sqrt(slope @ model.covariance @ slope)
    found = model.survival([t]).items[0]
    total = (t / scale) ** shape
    assert (found.conf_low, found.conf_high) == pytest.approx(
        tuple(math.exp(-total * math.exp(sign * 1.959963984540054 * error)) for sign in (1, -1)), rel=1e-6
    )
    assert found.std_error == pytest.approx(math.exp(-total) * total * error, rel=1e-6)


# Properties


def test_nested_models_are_no_worse_than_what_they_contain(fitted) -> None:
    likelihood = {model.name: model.log_likelihood for model in fitted.items}
    assert likelihood["weibull"] >= likelihood["exponential"] - 1e-9
    assert likelihood["gompertz"] >= likelihood["exponential"] - 1e-9
    for name in ("weibull", "log-normal"):
        assert likelihood["generalised-gamma"] >= likelihood[name] - 1e-9
    assert likelihood["spline-hazard-1"] >= likelihood["weibull"] - 1e-9
    assert likelihood["spline-odds-1"] >= likelihood["log-logistic"] - 1e-9
    assert likelihood["spline-normal-1"] >= likelihood["log-normal"] - 1e-9


@pytest.mark.parametrize("name", ["weibull", "gompertz", "generalised-gamma", "spline-odds-2", "cure-log-logistic"])
def test_another_unit_of_time_changes_only_the_unit(name: str) -> None:
    time, event, _ = cured()
    days_, months = one(name, time, event), one(name, time / 30.4375, event)
    assert months.log_likelihood - event.sum() * math.log(30.4375) == pytest.approx(days_.log_likelihood, abs=1e-6)
    at = [e.estimate for e in days_.survival([200.0, 5000.0]).items]
    assert [e.estimate for e in months.survival(np.array([200.0, 5000.0]) / 30.4375).items] == pytest.approx(
        at, rel=1e-5
    )
    assert months.rmst(1000 / 30.4375).estimate * 30.4375 == pytest.approx(days_.rmst(1000).estimate, rel=1e-6)


def test_the_order_of_patients_does_not_matter() -> None:
    time, event = sample()
    order = np.random.default_rng(2).permutation(time.size)
    for name in ("generalised-gamma", "spline-hazard-2"):
        one_way, other = one(name, time, event), one(name, time[order], event[order])
        assert list(other.values) == pytest.approx(list(one_way.values), rel=1e-7)


def test_without_censoring_the_exponential_is_the_mean() -> None:
    time, _ = sample()
    model = one("exponential", time, np.ones(time.size))
    assert model.table()["estimate"].iloc[0] == pytest.approx(1 / time.mean(), rel=1e-10)
    assert model.median().estimate == pytest.approx(math.log(2) * time.mean(), rel=1e-9)
    assert model.table()["std_error"].iloc[0] == pytest.approx(1 / math.sqrt(time.size), rel=1e-6)


def test_criteria_count_parameters_and_patients(fitted) -> None:
    frame = fitted.comparison().set_index("model")
    assert frame.loc["weibull", "aic"] == pytest.approx(4 - 2 * frame.loc["weibull", "log_likelihood"])
    assert frame.loc["weibull", "bic"] == pytest.approx(2 * math.log(300) - 2 * frame.loc["weibull", "log_likelihood"])
    assert list(frame["parameters"][:6]) == [1, 2, 2, 2, 2, 3]


def test_a_cure_fraction_is_found_where_there_is_one() -> None:
    time, event, share = cured(n=1500)
    found = one("cure-weibull", time, event).cure_fraction()
    assert found.conf_low < share < found.conf_high
    assert found.conf_high - found.conf_low < 0.08
    plateau = one("cure-weibull", time, event).survival([1e6]).items[0]
    assert plateau.estimate == pytest.approx(found.estimate, rel=1e-9)
    rare = cured(n=1500)
    most = np.where(np.random.default_rng(3).random(1500) < 0.3, rare[0], 2000.0)
    assert one("cure-weibull", most, rare[1] & (most < 2000)).median().status == "not_estimable"


def test_the_level_moves_limits_only(fitted) -> None:
    narrow = one("log-logistic", *sample(), conf_level=0.8)
    wide = fitted.named("log-logistic")
    for at in ("survival", "rmst", "median"):
        pairs = [
            model.median() if at == "median" else model.rmst(300) if at == "rmst" else model.survival([300]).items[0]
            for model in (narrow, wide)
        ]
        assert pairs[0].estimate == pairs[1].estimate
        assert pairs[1].conf_low < pairs[0].conf_low < pairs[0].conf_high < pairs[1].conf_high
        assert pairs[0].conf_level == 0.8


# Background mortality


def test_an_excess_hazard_adds_to_the_background() -> None:
    time, event = sample()
    table = background([0.0, 1000.0], [1e-4, 5e-4])
    model = one("weibull", time, event, background_hazard=np.full(time.size, 1e-4))
    alone = one("weibull", time, event)
    assert model.log_likelihood != pytest.approx(alone.log_likelihood, abs=1)
    own = (2000 / math.exp(model.values[1])) ** math.exp(model.values[0])
    total = 1000 * 1e-4 + 1000 * 5e-4 + own
    assert model.survival([2000.0], background=table).items[0].estimate == pytest.approx(math.exp(-total), rel=1e-9)
    with pytest.raises(InvalidInput, match="excess hazard, and survival needs the background"):
        model.survival([2000.0])


def test_a_hazard_is_never_below_the_background() -> None:
    time, event = sample()
    model = one("log-normal", time, event)
    table = background([0.0], [2e-3])
    frame = model.curve([100.0, 1e4], background=table)
    assert frame["hazard"].iloc[1] == 2e-3
    alone = model.curve([100.0, 1e4])
    assert frame["survival"].iloc[1] < alone["survival"].iloc[1]

    def lacking(t: float) -> float:
        return max(2e-3 - float(model.curve([t])["hazard"].iloc[0]), 0.0)

    grid = np.linspace(1, 1e4, 3001)
    area = integrate.trapezoid([lacking(t) for t in grid], grid)
    gained = frame["cumulative_hazard"].iloc[1] - alone["cumulative_hazard"].iloc[1]
    assert gained == pytest.approx(area, rel=2e-3)
    harmless = model.survival([100.0, 1e4], background=background([0.0], [0.0]))
    assert [e.estimate for e in harmless.items] == pytest.approx(list(alone["survival"]), rel=1e-12)


# Figures' data


def test_the_hazard_seen_is_events_over_time_at_risk(fitted) -> None:
    time, event = sample()
    frame = fitted.hazards()
    assert frame["n_events"].sum() == event.sum()
    assert frame["person_days"].sum() == pytest.approx(time.sum())
    row = frame.iloc[3]
    inside = (time > row["start"]) & (time <= row["stop"])
    assert row["n_events"] == (inside & event).sum()
    assert row["hazard"] == pytest.approx(row["n_events"] / row["person_days"])
    limits = stats.chi2.ppf([0.025, 0.975], [2 * row["n_events"], 2 * row["n_events"] + 2]) / 2 / row["person_days"]
    assert (row["conf_low"], row["conf_high"]) == pytest.approx(tuple(limits))


def test_log_cumulative_hazard_is_straight_for_weibull() -> None:
    u = (np.arange(1, 2000) - 0.5) / 2000
    time = 500 * (-np.log(1 - u)) ** (1 / 1.7)
    frame = parametric_models(time, np.ones(time.size), models=["weibull"]).log_cumulative_hazard()
    slope = np.polyfit(frame["log_time"], frame["log_cumulative_hazard"], 1)[0]
    assert slope == pytest.approx(1.7, abs=0.02)
    assert frame["log_odds"].is_monotonic_increasing
    assert frame["normal_quantile"].is_monotonic_increasing


def test_what_lies_beyond_follow_up_is_marked(fitted) -> None:
    last = sample()[0].max()
    frame = fitted.curves([last / 2, last, last + 1])
    assert list(frame["beyond_follow_up"][:3]) == [False, False, True]
    assert set(frame["model"]) <= set(NAMES)


def test_a_model_with_covariates_is_asked_at_values() -> None:
    time, event = sample()
    frame = pd.DataFrame({"arm": np.where(np.arange(300) % 2, "a", "b"), "age": np.linspace(40, 80, 300)})
    model = one("weibull", time, event, covariates=frame)
    assert model.terms == ("arm=b", "age")
    low, high = (model.median(at={"arm=b": 1, "age": age}).estimate for age in (40, 80))
    assert high / low == pytest.approx(math.exp(40 * model.values[-1]), rel=1e-7)
    with pytest.raises(InvalidInput, match=r"at: the terms of the model need one value each; expected arm=b, age"):
        model.survival([10.0], at={"age": 40})


# Edges


def test_no_events_and_constant_covariates_are_not_estimable() -> None:
    for model in parametric_models([5.0, 9.0], [0, 0], models=NAMES).items:
        assert model.status == "not_estimable"
        assert "nobody had the event" in str(model.reason)
        assert model.median().status == "not_estimable"
        assert [e.status for e in model.survival([3.0, 4.0]).items] == ["not_estimable"] * 2
        assert model.rmst(5.0).status == "not_estimable"
        assert model.curve([1.0]).empty
        assert model.table().empty
    time, event = sample()
    constant = one("weibull", time, event, covariates=pd.DataFrame({"site": ["x"] * 300}))
    assert "site is the same for all patients" in str(constant.reason)


def test_a_share_that_runs_to_zero_has_no_maximum(lung) -> None:
    model = one("cure-exponential", lung["time"], lung["status"])
    assert model.status == "not_estimable"
    assert model.cure_fraction().status == "not_estimable"
    assert "no maximum" in str(model.reason)


@pytest.mark.parametrize("name", NAMES)
def test_few_patients_never_give_numbers_without_meaning(name: str) -> None:
    for time, event in (([7.0], [1]), ([7.0, 7.0], [1, 1]), ([3.0, 8.0, 9.0], [1, 0, 1])):
        model = one(name, time, event)
        answer = [model.median(), model.rmst(5.0), *model.survival([0.0, 4.0, 1e5]).items]
        for estimate in answer:
            assert estimate.status == "ok" or estimate.reason is not None
        if model.status == "ok":
            assert np.isfinite(model.values).all()
            assert (np.diag(model.covariance) > 0).all()


def test_survival_at_time_zero_is_one_and_far_out_it_is_small(fitted) -> None:
    first, last = fitted.named("weibull").survival([0.0, 1e7]).items
    assert (first.estimate, first.conf_low) == (1.0, None)
    assert "nobody can have had the event yet" in str(first.reason)
    assert last.estimate < 1e-100


def test_patients_who_leave_at_time_zero_add_nothing() -> None:
    time, event = sample()
    more = one("weibull", np.append(time, 0.0), np.append(event, False))
    assert list(more.values) == pytest.approx(list(one("weibull", time, event).values), rel=1e-9)
    assert more.n == 301


def test_within_follow_up_a_good_model_agrees_with_the_data(fitted) -> None:
    assert fitted.named("weibull").rmst(400).estimate == pytest.approx(rmst(*sample(), tau=400).estimate, rel=0.03)


# Refusals


@pytest.mark.parametrize(
    ("change", "match"),
    [
        ({"models": ["weibul"]}, "models cannot be used; expected each once"),
        ({"models": []}, "models cannot be used"),
        ({"models": ["weibull", "weibull"]}, "models cannot be used"),
        ({"time": [0.0, 2.0, 3.0]}, "time cannot be used; expected an event after time 0"),
        ({"time": [-1.0, 2.0, 3.0]}, "a negative time in row 1"),
        ({"event": [2, 0, 1]}, "event cannot be used"),
        ({"background_hazard": [1e-4]}, "background_hazard does not fit"),
        ({"background_hazard": [1e-4, -1.0, 0.0]}, "a negative or missing hazard in row 2"),
        ({"covariates": pd.DataFrame({"age": [1.0, np.nan, 3.0]})}, "a missing value in row 2"),
        ({"conf_level": 95}, "conf_level is not a confidence level"),
    ],
)
def test_wrong_arguments_are_refused(change: dict, match: str) -> None:
    given = {"time": [1.0, 2.0, 3.0], "event": [1, 1, 0], **change}
    with pytest.raises(InvalidInput, match=match):
        parametric_models(given.pop("time"), given.pop("event"), **given)


def test_wrong_questions_are_refused(fitted) -> None:
    model = fitted.named("weibull")
    with pytest.raises(InvalidInput, match="tau is not a time horizon"):
        model.rmst(-1)
    with pytest.raises(InvalidInput, match="this model has no cure fraction"):
        model.cure_fraction()
    with pytest.raises(InvalidInput, match="no such model was fitted"):
        parametric_models(*sample(), models=["weibull"]).named("gompertz")
    with pytest.raises(InvalidInput, match="negative, missing or infinite time"):
        model.survival([-5.0])


@pytest.mark.parametrize(
    ("time", "hazard", "match"),
    [
        ([0.0, 1.0], [1e-3], "differ in length"),
        ([1.0], [1e-3], "begin at 0 and increase"),
        ([0.0, 0.0], [1e-3, 1e-3], "begin at 0 and increase"),
        ([0.0], [-1e-3], "negative or missing hazard in row 1"),
    ],
)
def test_a_wrong_life_table_is_refused(time: list, hazard: list, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        background(time, hazard)
