"""Where a library gives a wrong number, its number stands beside ours and the right one."""

from __future__ import annotations

import math
import warnings

import numpy as np
import pandas as pd
import pytest
from scipy.stats import chi2

from evidence_lib.statistics import survival

ARMS = {"treatment": 1, "reference": 0}


@pytest.fixture(scope="module")
def no_hormone() -> pd.DataFrame:
    from lifelines.datasets import load_gbsg2

    frame = load_gbsg2()
    return frame[frame.horTh == "no"]


def trial(seed: int, n: int = 60) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    return rng.integers(1, 40, n), rng.binomial(1, 0.6, n), rng.integers(0, 2, n)


def test_lifelines_variance_of_a_restricted_mean_is_that_of_a_patient() -> None:
    # survival:::survmean(survfit(Surv(time, status) ~ sex, lung), rmean = 500), R 4.2.2, survival 3.5-3: 14.3545585667
    from lifelines import KaplanMeierFitter
    from lifelines.datasets import load_lung
    from lifelines.utils import restricted_mean_survival_time

    men = load_lung().query("sex == 1")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        fit = KaplanMeierFitter().fit(men.time, men.status)
        mean, variance = restricted_mean_survival_time(fit, t=500, return_variance=True)
    got = survival.rmst(men.time, men.status, tau=500)
    assert got.estimate == pytest.approx(mean)
    assert math.sqrt(variance) == pytest.approx(164.3, abs=0.05)
    assert got.std_error == pytest.approx(14.3545585667, rel=1e-9)


def test_statsmodels_standard_error_with_weights_lacks_the_curve(no_hormone: pd.DataFrame) -> None:
    # summary(survfit(Surv(time, cens) ~ horTh, gbsg2), times = 1000)$std.err, R 4.2.2, survival 3.5-3: 0.0244292822
    from statsmodels.duration.survfunc import SurvfuncRight

    times, events = no_hormone.time, no_hormone.cens
    weighted = SurvfuncRight(times, events, freq_weights=np.ones(len(times)))
    row = np.searchsorted(weighted.surv_times, 1000, side="right") - 1
    got = survival.survival_at(times, events, times=[1000]).items[0]
    assert got.estimate == pytest.approx(weighted.surv_prob[row])
    assert weighted.surv_prob_se[row] == pytest.approx(0.03927, abs=1e-5)
    assert got.std_error == pytest.approx(0.0244292822, abs=1e-10)


def test_statsmodels_median_interval_is_infinite_where_the_band_rises_again(no_hormone: pd.DataFrame) -> None:
    # quantile(survfit(Surv(time, cens) ~ horTh, gbsg2), 0.5), R 4.2.2, survival 3.5-3: 1296 to 1814
    from statsmodels.duration.survfunc import SurvfuncRight

    wrong = SurvfuncRight(no_hormone.time, no_hormone.cens).quantile_ci(0.5, method="log")
    got = survival.median_survival(no_hormone.time, no_hormone.cens, conf_type="log")
    assert wrong == (1296, math.inf)
    assert (got.conf_low, got.conf_high) == (1296, 1814)


def test_survdiff_p_value_underflows() -> None:
    from statsmodels.duration.survfunc import survdiff

    t = np.append(np.arange(1, 201), np.arange(1001, 1201))
    arm = np.repeat([0, 1], 200)
    statistic, p_value = survdiff(t, np.ones(400), arm)
    got = survival.logrank(t, np.ones(400), arm)
    assert got.test_statistic == pytest.approx(statistic)
    assert p_value == 0
    assert got.p_value == pytest.approx(math.exp(chi2.logsf(statistic, 1)), rel=1e-9)
    weighted = survival.weighted_logrank(t, np.ones(400), arm, **ARMS, rho=0, gamma=0)
    assert weighted.p_value == pytest.approx(got.p_value, rel=1e-9)


def test_lifelines_fleming_harrington_fails_with_an_event_at_time_zero() -> None:
    from lifelines.statistics import multivariate_logrank_test

    t, e, arm = np.array([0, 1, 2, 3, 4, 5]), [1, 1, 1, 0, 1, 1], [0, 1, 0, 1, 0, 1]
    choice = {"weightings": "fleming-harrington", "p": 0, "q": 1}
    with pytest.raises(ValueError, match="Unable to coerce"):
        multivariate_logrank_test(t, arm, e, **choice)
    # A day later the library answers, and nothing but the order of the times counts.
    right = multivariate_logrank_test(t + 1, arm, e, **choice).test_statistic
    got = survival.weighted_logrank(t, e, arm, **ARMS, rho=0, gamma=1)
    assert got.test_statistic**2 == pytest.approx(right)


def test_lifelines_fleming_harrington_ignores_weights() -> None:
    from lifelines.statistics import multivariate_logrank_test

    t, e, arm = trial(1)
    copies = np.random.default_rng(2).integers(1, 4, 60)
    long = [np.repeat(values, copies) for values in (t, arm, e)]
    choice = {"weightings": "fleming-harrington", "p": 0, "q": 1}
    plain, of_copies = (
        multivariate_logrank_test(t, arm, e, weights=copies).test_statistic,
        multivariate_logrank_test(*long).test_statistic,
    )
    assert plain == pytest.approx(of_copies)
    weighted = multivariate_logrank_test(t, arm, e, weights=copies, **choice).test_statistic
    right = multivariate_logrank_test(*long, **choice).test_statistic
    assert abs(weighted / right - 1) > 0.01
    got = survival.weighted_logrank(long[0], long[2], long[1], **ARMS, rho=0, gamma=1)
    assert got.test_statistic**2 == pytest.approx(right)


def test_scipy_normal_integral_differs_between_calls() -> None:
    from scipy.stats import multivariate_normal

    t, e, arm = trial(3, n=300)
    choice = {"weights": [(0, 0), (0, 1), (1, 1)], "alternative": "greater"}
    found = [survival.maxcombo(t, e, arm, **ARMS, **choice).items[0] for _ in range(3)]
    assert len({one.p_value for one in found}) == 1
    correlation = np.array([[1, 0.85, 0.9], [0.85, 1, 0.7], [0.9, 0.7, 1]])
    tails = {
        float(multivariate_normal.cdf(np.full(3, 1.5), cov=correlation, rng=np.random.default_rng(seed)))
        for seed in range(3)
    }
    assert len(tails) > 1
