"""Baseline characteristics: what each arm looked like before treatment."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evidence_lib.conventions import Convention, R
from evidence_lib.errors import InvalidInput
from evidence_lib.results import Estimates
from evidence_lib.statistics.levels import in_order
from evidence_lib.statistics.means import anova
from evidence_lib.statistics.proportions import chi_square

__all__ = ["baseline_summary", "baseline_tests", "standardized_differences"]

COUNTS = ("n", "missing", "count", "share")
NUMBERS = ("mean", "sd", "median", "q1", "q3", "low", "high")
COLUMNS = ("variable", "level", "arm", *COUNTS, *NUMBERS)
QUANTILE_METHODS = {2: "averaged_inverted_cdf", 7: "linear"}


def baseline_summary(variables: pd.DataFrame, group: pd.Series, *, convention: Convention = R) -> pd.DataFrame:
    """Summary of each column of ``variables`` in each arm of ``group``.

    Numbers give one row per arm: mean, standard deviation with n - 1, median, quartiles by the convention's quantile
    type (Hyndman & Fan 1996, Am Stat 50:361: type 7 under R, type 2 under SAS), range, in the variable's own unit. Any
    other type gives one row per level and arm: count, and share of those with a value.

    Misreading: a difference in a table is not a test; with many variables some will differ by chance alone.

    Parameters
    ----------
    variables : DataFrame of n rows
        One column per characteristic; missing values are counted, and left out of the statistics.
    group : Series of n
        Arm labels; the arms come in the order in which they first occur.
    convention : Convention
        Decides the type of the quantiles.

    Returns
    -------
    DataFrame
        The columns of ``COLUMNS``: ``n`` counts the values, ``missing`` the gaps. What a row does not have is None.

    Raises
    ------
    InvalidInput
        Where the two differ in length.
    """
    if len(variables) != len(group):
        raise InvalidInput("variables and group differ in length", expected=str(len(group)), found=str(len(variables)))
    arms = list(pd.unique(group))
    rows = []
    for name, column in variables.items():
        numeric = is_numeric(column)
        levels: list[object] = [None] if numeric else [*in_order(column.dropna().astype(str).unique())]
        for level in levels:
            for arm in arms:
                values = column[np.asarray(group == arm)]
                rows.append({"variable": name, "level": level, "arm": arm, **_summary(values, level, convention)})
    return pd.DataFrame(rows, columns=list(COLUMNS), dtype=object)


def standardized_differences(
    variables: pd.DataFrame, group: pd.Series, *, treatment: str, reference: str
) -> pd.DataFrame:
    """Standardised differences, treated minus reference, of every column and of every level of a categorical one.

    Numbers: (mean1 - mean0) / sqrt((var1 + var0) / 2). Levels: (p1 - p0) / sqrt((p1 (1 - p1) + p0 (1 - p0)) / 2)
    (Austin 2009, Stat Med 28:3083, equations 1 and 2). Without unit: in standard deviations.

    Misreading: it measures how far apart the arms are, not how much that changes the comparison.

    Parameters
    ----------
    variables : DataFrame of n rows
        One column per characteristic; missing values are left out.
    group : Series of n
        Arm labels.
    treatment, reference : str
        The two arms compared.

    Returns
    -------
    DataFrame
        Columns variable, level (None for numbers), value. The value is None where both variances are 0 and the arms
        differ, or an arm has no value, and 0 where they are equal.

    Raises
    ------
    InvalidInput
        Where variables and group differ in length.
    """
    if len(variables) != len(group):
        raise InvalidInput("variables and group differ in length", expected=str(len(group)), found=str(len(variables)))
    treated, control = variables[np.asarray(group == treatment)], variables[np.asarray(group == reference)]
    rows: list[dict[str, object]] = []
    for name in variables.columns:
        if is_numeric(variables[name]):
            one, zero = treated[name].dropna().astype(float), control[name].dropna().astype(float)
            value = (
                _standardize(one.mean(), zero.mean(), one.var(ddof=1), zero.var(ddof=1))
                if len(one) and len(zero)
                else None
            )
            rows.append({"variable": name, "level": None, "value": value})
            continue
        in_treated, in_control = treated[name].dropna().astype(str), control[name].dropna().astype(str)
        for level in in_order(variables[name].dropna().astype(str).unique()):
            p1, p0 = float((in_treated == level).mean()), float((in_control == level).mean())
            both = len(in_treated) and len(in_control)
            value = _standardize(p1, p0, p1 * (1 - p1), p0 * (1 - p0)) if both else None
            rows.append({"variable": name, "level": level, "value": value})
    return pd.DataFrame(rows, columns=["variable", "level", "value"], dtype=object)


def baseline_tests(variables: pd.DataFrame, group: pd.Series, *, convention: Convention = R) -> Estimates:
    """A test of every baseline variable over all arms: analysis of variance for numbers, else Pearson's chi-square.

    Misreading: after proper randomisation a difference at baseline is chance by design, so its p-value answers no
    question about the treatment (CONSORT 2025 advises against such tests); it is given only where a study asks for it.

    Parameters
    ----------
    variables : DataFrame of n rows
        One column per characteristic; a missing value leaves its subject out of the test of that variable.
    group : Series of n
        Arm labels.
    convention : Convention
        R corrects the chi-square of a 2x2 table for continuity, SAS does not.

    Returns
    -------
    Estimates
        ``anova.test`` or ``chi_square`` with ``variable``; not estimable where an arm has no value, or all are equal.

    Raises
    ------
    InvalidInput
        Where variables and group differ in length.
    """
    if len(variables) != len(group):
        raise InvalidInput("variables and group differ in length", expected=str(len(group)), found=str(len(variables)))
    found = []
    for name, column in variables.items():
        given = np.asarray(column.notna())
        values, arms = column[given], np.asarray(group)[given]
        if is_numeric(column):
            found += [test.within(variable=str(name)) for test in anova(values.to_numpy(dtype=float), arms).items]
        else:
            test = chi_square(values.astype(str).to_numpy(), arms, convention=convention)
            found.append(test.within(variable=str(name)))
    return Estimates(tuple(found))


def is_numeric(column: pd.Series) -> bool:
    """Whether a baseline variable is summarised as a number (booleans are levels)."""
    return pd.api.types.is_numeric_dtype(column) and not pd.api.types.is_bool_dtype(column)


def _standardize(one: float, zero: float, variance_one: float, variance_zero: float) -> float | None:
    pooled = np.nanmean([variance_one, variance_zero]) if not np.isnan([variance_one, variance_zero]).all() else np.nan
    if pooled > 0:
        return float((one - zero) / np.sqrt(pooled))
    return 0.0 if one == zero else None


def _summary(values: pd.Series, level: object, convention: Convention) -> dict[str, object]:
    given = values.dropna()
    base: dict[str, object] = {"n": len(given), "missing": int(values.isna().sum())}
    if level is not None:
        count = int((given.astype(str) == level).sum())
        return {**base, "count": count, "share": count / len(given) if len(given) else None}
    if given.empty:
        return base
    numbers = given.to_numpy(dtype=float)
    q1, median, q3 = np.quantile(numbers, [0.25, 0.5, 0.75], method=QUANTILE_METHODS[convention.quantile_type])  # type: ignore[call-overload]
    return {
        **base,
        "mean": float(numbers.mean()),
        "sd": float(numbers.std(ddof=1)) if len(numbers) > 1 else None,
        "median": float(median),
        "q1": float(q1),
        "q3": float(q3),
        "low": float(numbers.min()),
        "high": float(numbers.max()),
    }
