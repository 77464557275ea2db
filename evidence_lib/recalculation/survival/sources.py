"""By which route each survival statistic is recalculated, and how closely the two must agree."""

from __future__ import annotations

from importlib.metadata import version

_LIFELINES = f"lifelines {version('lifelines')}"
_STATSMODELS = f"statsmodels {version('statsmodels')}"
_SCIPY = f"scipy {version('scipy')}"
_MEDIAN = f"{_LIFELINES} KaplanMeierFitter; limits by scanning the Brookmeyer-Crowley acceptance region"
_RMST = f"{_LIFELINES} restricted_mean_survival_time; variance by the double sum over the covariance of S(s) and S(t)"
ADJUSTED = f"{_STATSMODELS} WLS, for ratios Poisson GLM, with {_LIFELINES} weights; variance patient by patient"

SOURCE: dict[str, str] = {
    "median_survival": _MEDIAN,
    "follow_up": _MEDIAN,
    "survival_at": f"{_LIFELINES} KaplanMeierFitter; limits by root finding on the transformed scale",
    "milestone_difference": f"{_STATSMODELS} SurvfuncRight in each arm",
    "rmst": _RMST,
    "rmst_difference": f"{_RMST}; with covariates {ADJUSTED}",
    "rmst_ratio": f"{_RMST}; with covariates {ADJUSTED}",
    "logrank": f"{_LIFELINES} multivariate_logrank_test; with strata {_STATSMODELS} survdiff",
    "weighted_logrank": "a loop over the event times of each stratum, counting the patients at risk at each",
    "maxcombo": f"a loop over the event times; joint p-value by {_SCIPY} multivariate_normal.cdf with a fixed seed",
}
TOLERANCE: dict[str, float] = dict.fromkeys(SOURCE, 1e-6)
NOT_ESTIMABLE = "not estimable by the second route either"
