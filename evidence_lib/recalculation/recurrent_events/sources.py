"""By which route each comparison of recurrent events is recalculated, and how closely the two must agree."""

from __future__ import annotations

from importlib.metadata import version

_PHREG = f"statsmodels {version('statsmodels')} PHReg"
_GLM = f"statsmodels {version('statsmodels')} GLM at each dispersion"

SOURCE: dict[str, str] = {
    "andersen_gill": f"{_PHREG}; robust variance from its definition, one event time after another",
    "pwp": f"{_PHREG}; robust variance from its definition, one event time after another",
    "wlw": f"{_PHREG} of a table of times to each event; robust covariance from its definition",
    "negative_binomial": f"{_GLM}; dispersion from the zero of its score, observed information by a complex step",
}
TOLERANCE: dict[str, float] = dict.fromkeys(SOURCE, 1e-6)
NOT_ESTIMABLE = "not estimable by the second route either"
