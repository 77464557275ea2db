"""Rubin's rules: one answer from the analyses of several completed data sets."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.distributions import t_quantile, t_two_sided_p
from evidence_lib.statistics.inputs import checked_level, numbers, refuse

# Between-imputation variance below this share of the total is rounding: nothing that was analysed had been imputed.
ROUNDING = 1e-20


@dataclass(frozen=True, kw_only=True)
class Pooled:
    """The pooled answer of ``rubin``.

    ``total`` is the variance of ``estimate``; ``df`` None stands for infinitely many (a normal distribution).
    ``p_value`` is two-sided, for no effect; it and the limits are None where the variance or the df are 0.
    ``relative_increase`` is r = (1 + 1/m) between / within, None where only the imputations vary.
    ``missing_information`` is the fraction of the information that the missing values would have held,
    ``relative_efficiency`` that of m imputations against infinitely many.
    """

    imputations: int
    estimate: float
    std_error: float
    conf_low: float | None
    conf_high: float | None
    conf_level: float
    df: float | None
    p_value: float | None
    within: float
    between: float
    total: float
    relative_increase: float | None
    missing_information: float
    relative_efficiency: float


def rubin(
    estimates: ArrayLike, variances: ArrayLike, *, complete_df: float | None = None, conf_level: float = 0.95
) -> Pooled:
    """Pool the estimates of m completed data sets by Rubin's rules, with the degrees of freedom of Barnard and Rubin.

    The estimate is the mean of the m estimates; its variance is total = within + (1 + 1/m) between, the mean of the m
    variances and the sample variance of the m estimates (Rubin 1987, equations 3.1.2 to 3.1.5). The interval and the
    two-sided p-value are Student's t with 1 / (1/v_m + 1/v_obs) degrees of freedom, where v_m = (m - 1) / l^2,
    v_obs = (v + 1) / (v + 3) v (1 - l), l = (1 + 1/m) between / total and v = ``complete_df`` (Barnard & Rubin 1999,
    Biometrika 86:948, equation 3); v_m alone for infinite v, and v itself where the m estimates are equal. The
    fraction of missing information is (r + 2 / (df + 3)) / (r + 1) with r = (1 + 1/m) between / within (Rubin 1987,
    equation 3.1.10, with these df, as R's mice), the relative efficiency 1 / (1 + fraction / m) (the same, page 114).

    The estimates must be about normal over repeated trials: give log ratios, not ratios. Units are those of the
    estimates; variances have their square.

    Misreading: the standard error says how far the answer may be off if the imputation model is right. It holds
    nothing of the doubt about that model.

    Parameters
    ----------
    estimates : array of m
        The same quantity, estimated from each completed data set; two or more.
    variances : array of m
        The squared standard errors.
    complete_df : float
        Degrees of freedom that each analysis has, since its data are complete; None stands for infinitely many.
    conf_level : float
        Level of the two-sided confidence interval.

    Returns
    -------
    Pooled
        The estimate with its interval, and the parts of its variance.

    Raises
    ------
    InvalidInput
        For fewer than two estimates, unequal lengths, a missing, infinite or negative number, df that are not
        above 0.
    """
    values, squares = numbers(estimates, "estimates"), numbers(variances, "variances")
    level = checked_level(conf_level)
    if values.size < 2 or squares.size != values.size:
        raise InvalidInput(
            "estimates and variances cannot be pooled",
            expected="two or more of each, as many of one as of the other",
            found=f"{values.size} and {squares.size}",
        )
    refuse(~np.isfinite(values), "estimates", "a number for each imputation", "a missing or infinite value")
    refuse(~(np.isfinite(squares) & (squares >= 0)), "variances", "zero or more", "another value")
    if complete_df is not None and not complete_df > 0:
        raise InvalidInput("complete_df are not degrees of freedom", expected="above 0", found=repr(complete_df))
    return pooled(values, squares, math.inf if complete_df is None else float(complete_df), level)


def pooled(values: np.ndarray, squares: np.ndarray, complete_df: float, level: float) -> Pooled:
    """``rubin`` of checked numbers; ``complete_df`` may be infinite."""
    m = values.size
    estimate, within = float(values.mean()), float(squares.mean())
    between = float(values.var(ddof=1))
    total = within + (1 + 1 / m) * between
    if between <= ROUNDING * total:
        between, total = 0.0, within
    df = degrees_of_freedom((1 + 1 / m) * between / total if total > 0 else 0.0, m, complete_df)
    increase = (1 + 1 / m) * between / within if within > 0 else math.inf
    # Of r: (r + 2 / (df + 3)) / (r + 1), written so that an infinite r gives 1.
    missing = 0.0 if between == 0 else 1 - (1 - 2 / (df + 3)) / (increase + 1)
    # With nothing but between-imputation variance and finite complete-data df no df are left for a t interval.
    varies = total > 0 and df > 0
    half = t_quantile(level, df) * math.sqrt(total) if varies else 0.0
    return Pooled(
        imputations=m,
        estimate=estimate,
        std_error=math.sqrt(total),
        conf_low=estimate - half if varies else None,
        conf_high=estimate + half if varies else None,
        conf_level=level,
        df=None if math.isinf(df) else df,
        p_value=t_two_sided_p(estimate / math.sqrt(total), df) if varies else None,
        within=within,
        between=between,
        total=total,
        relative_increase=None if between > 0 and within == 0 else (increase if between > 0 else 0.0),
        missing_information=missing,
        relative_efficiency=1 / (1 + missing / m),
    )


def degrees_of_freedom(share: float, m: int, complete_df: float) -> float:
    """Barnard and Rubin's; ``share`` is that of the between-imputation variance in the total."""
    if share == 0:
        return complete_df
    among = (m - 1) / share**2
    if math.isinf(complete_df):
        return among
    observed = (complete_df + 1) / (complete_df + 3) * complete_df * (1 - share)
    return among * observed / (among + observed)
