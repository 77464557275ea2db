"""Tests of baseline variables again: analysis of variance and chi-square by other routes."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.conventions import Convention, R
from evidence_lib.language import message
from evidence_lib.recalculation.means import anova
from evidence_lib.results import Estimate, Estimates

__all__ = ["baseline_tests"]

SOURCE = {"baseline_tests": "statsmodels (analysis of variance) and scipy chi2_contingency"}
TOLERANCE = {"baseline_tests": 1e-6}


def baseline_tests(variables: pd.DataFrame, group: pd.Series, *, convention: Convention = R) -> Estimates:
    """A test of every baseline variable over all arms.

    Parameters
    ----------
    variables, group, convention
        As in ``statistics.baseline``.

    Returns
    -------
    Estimates
        ``anova.test`` or ``chi_square`` with ``variable``.
    """
    found = []
    for name in variables.columns:
        values = variables[name]
        given = np.asarray(values.notna())
        values, arms = values[given], np.asarray(group)[given]
        number = pd.api.types.is_numeric_dtype(values) and not pd.api.types.is_bool_dtype(values)
        if number:
            found += [test.within(variable=str(name)) for test in anova(values.to_numpy(dtype=float), arms).items]
        else:
            found.append(_chi_square(values.astype(str), arms, convention).within(variable=str(name)))
    return Estimates(tuple(found))


def _chi_square(values: pd.Series, arms: np.ndarray, convention: Convention) -> Estimate:
    from scipy.stats import chi2_contingency

    table = pd.crosstab(np.asarray(values), arms)
    shared: dict[str, Any] = {
        "analysis": "chi_square",
        "unit": "chi-square",
        "method": message("baseline.method.again"),
        "is_test": True,
    }
    if min(table.shape) < 2:
        return Estimate(**shared, status="not_estimable", reason=message("baseline.reason.one_level"))
    corrected = convention.continuity_correction and table.shape == (2, 2)
    result = chi2_contingency(table.to_numpy(), correction=corrected)
    return Estimate(
        **shared, n=len(values), test_statistic=float(result[0]), df=float(result[2]), p_value=float(result[1])
    )
