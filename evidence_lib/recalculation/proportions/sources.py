"""By which route each statistic of proportions is recalculated, and how closely the two must agree."""

from __future__ import annotations

from importlib.metadata import version

_STATSMODELS = f"statsmodels {version('statsmodels')}"
_SCIPY = f"SciPy {version('scipy')}"

SOURCE: dict[str, str] = {
    "proportion": f"{_STATSMODELS} proportion_confint; exact limits by F quantiles; with correction by root finding",
    "risk_difference": (
        f"score limits from the roots of the cubic, by bisection; {_STATSMODELS} for Newcombe, Agresti-Caffo and Wald; "
        "strata by plain sums"
    ),
    "risk_ratio": f"score limits by bisection on a searched likelihood; {_STATSMODELS} Table2x2; strata by plain sums",
    "odds_ratio": (
        f"{_SCIPY} odds_ratio and fisher_exact, or factorials where counts are large; score limits by bisection on a "
        f"searched likelihood; {_STATSMODELS} Table2x2 and StratifiedTable"
    ),
    "cmh_test": "one row per patient, permutation covariances of centred columns, generalised inverse",
    "adjusted_risk_difference": (
        f"{_STATSMODELS} GLM on one row per patient; separation by linear programming; numerical derivatives; "
        "covariance matrices"
    ),
}
TOLERANCE: dict[str, float] = dict.fromkeys(SOURCE, 1e-6)
NOT_ESTIMABLE = "not estimable by the second route either"
