"""By which route each statistic of competing risks is recalculated, and how closely the two must agree."""

from __future__ import annotations

from importlib.metadata import version

_STATSMODELS = f"statsmodels {version('statsmodels')}"
_LIFELINES = f"lifelines {version('lifelines')}"
_INCIDENCE = f"{_STATSMODELS} CumIncidenceRight; variance by the recursion of the covariance of all state probabilities"

SOURCE: dict[str, str] = {
    "cumulative_incidence": _INCIDENCE,
    "cumulative_incidence_difference": f"{_INCIDENCE}, in each arm",
    "gray_test": "Gray (1988) from the definitions, one time and one pair of arms after another",
    "fine_gray": f"brute force: every weight of every patient (censoring by {_LIFELINES} KaplanMeierFitter), a trust "
    "region, and the variance patient by patient",
    "cause_specific": f"{_STATSMODELS} PHReg for each cause",
}
TOLERANCE: dict[str, float] = dict.fromkeys(SOURCE, 1e-6)
NOT_ESTIMABLE = "not estimable by the second route either"
