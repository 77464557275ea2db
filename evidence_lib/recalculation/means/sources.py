"""By which route each statistic of means is recalculated, and how closely the two must agree."""

from __future__ import annotations

from importlib.metadata import version

_STATSMODELS = f"statsmodels {version('statsmodels')}"
_SCIPY = f"scipy {version('scipy')}"

SOURCE: dict[str, str] = {
    "mmrm": "Cholesky factors, a coefficient per arm and visit, quasi-Newton search, numerical derivatives",
    "t_test": f"{_SCIPY} ttest_ind, ttest_rel and ttest_1samp",
    "anova": f"{_STATSMODELS} OLS by formula, anova_lm",
    "ancova": f"{_STATSMODELS} OLS by formula; least-squares means predicted over a grid of the factors' levels",
    "wilcoxon": "every pair of patients compared; limits by counting through the permutation distribution",
}
TOLERANCE: dict[str, float] = dict.fromkeys(SOURCE, 1e-6)
NOT_ESTIMABLE = "not estimable by the second route either"
