"""By which route each Cox statistic is recalculated, and how closely the two must agree."""

from __future__ import annotations

from importlib.metadata import version

_PHREG = f"statsmodels {version('statsmodels')} PHReg"
_WRITTEN = f"{_PHREG}; weights, exact ties and the robust variance from their definition, one event time after another"

SOURCE: dict[str, str] = {
    "hazard_ratio": _WRITTEN,
    "piecewise_hazard_ratio": f"patients' time split at the cut points, then {_WRITTEN}",
    "proportional_hazards_test": f"{_PHREG} coefficients; score test from its definition, one event time after another",
    "subgroup_effects": f"{_PHREG} in each level; interaction from its log-likelihoods",
}
TOLERANCE: dict[str, float] = dict.fromkeys(SOURCE, 1e-6)
NOT_ESTIMABLE = "not estimable by the second route either"
