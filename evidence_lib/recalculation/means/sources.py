"""By which route each statistic of means is recalculated, and how closely the two must agree."""

from __future__ import annotations

from importlib.metadata import version

_STATSMODELS = f"statsmodels {version('statsmodels')}"
_SCIPY = f"scipy {version('scipy')}"

SOURCE: dict[str, str] = {
    "mmrm": "Cholesky factors, a coefficient per arm and visit, quasi-Newton search, numerical derivatives",
    "multiple_imputation": "conditional means at the REML estimate, Rubin's variances by the delta method",
    "delta_scan": "conditional means at the REML estimate, shifted, Rubin's variances by the delta method",
    "mean": f"{_STATSMODELS} DescrStatsW",
    "t_test": f"{_SCIPY} ttest_ind and ttest_rel",
    "anova": f"{_STATSMODELS} OLS by formula, anova_lm",
    "ancova": f"{_STATSMODELS} OLS with a mean for each arm, t_test",
    "wilcoxon": f"every pair of patients; ranks by {_SCIPY} rankdata after each shift, exact p by mannwhitneyu",
}
# Monte Carlo: four standard errors of an estimate from 100 imputations with 40 % of the information missing.
TOLERANCE: dict[str, float] = dict.fromkeys(SOURCE, 1e-6) | {"multiple_imputation": 0.25, "delta_scan": 0.25}
NOT_ESTIMABLE = "not estimable by the second route either"
