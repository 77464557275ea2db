"""By which route each regional statistic is recalculated, and how closely the two must agree."""

from __future__ import annotations

from importlib.metadata import version

_STATSMODELS = f"statsmodels {version('statsmodels')}"
_PROBABILITY = "adaptive quadrature over the region's own estimate; densities of sums folded on a fine grid"

SOURCE: dict[str, str] = {
    "retention": "gradient over all regions; limits by root finding on the test of each share",
    "consistency_probability": _PROBABILITY,
    "smallest_fraction": f"{_PROBABILITY}; bisection",
    "pattern_probability": "adaptive quadrature; densities of sums of positive parts folded on fine grids",
    "expected_range": "gradient of each deviation over all regions",
    "sign_agreement": "plain count",
    "regional_effects": f"{_STATSMODELS} combine_effects; restricted likelihood and mixed-model equations as matrices",
}
TOLERANCE: dict[str, float] = dict.fromkeys(SOURCE, 1e-6)
NOT_ESTIMABLE = "not estimable by the second route either"
