"""Quantiles and tails of the distributions that tests and intervals use; a p-value is never 0.

Below the smallest number that a computer holds a p-value is that number: an underflow to 0 would claim certainty.
"""

from __future__ import annotations

import math
import sys

import numpy as np
from scipy.special import fdtrc, gammaincc, log_ndtr, ndtri, stdtr, stdtrit

SMALLEST = sys.float_info.min


def normal_quantile(conf_level: float) -> float:
    """The standard normal quantile of a two-sided level: 1.96 for 0.95."""
    return float(-ndtri((1 - conf_level) / 2))


def t_quantile(conf_level: float, df: float) -> float:
    """The quantile of Student's t of a two-sided level; the normal one for infinite df."""
    return normal_quantile(conf_level) if math.isinf(df) else float(-stdtrit(df, (1 - conf_level) / 2))


def two_sided_p(z: float) -> float:
    """The two-sided p-value of a standard normal statistic."""
    return float(max(2 * np.exp(log_ndtr(-abs(z))), SMALLEST))


def one_sided_p(z: float) -> float:
    """The upper tail of the standard normal distribution; give -z for the lower one."""
    return float(max(np.exp(log_ndtr(-z)), SMALLEST))


def t_two_sided_p(t: float, df: float) -> float:
    """The two-sided p-value of Student's t with ``df`` degrees of freedom; normal for infinite df."""
    return two_sided_p(t) if math.isinf(df) else float(max(2 * stdtr(df, -abs(t)), SMALLEST))


def chi_square_p(statistic: float, df: float) -> float:
    """The upper tail of the chi-square distribution."""
    return float(max(gammaincc(df / 2, statistic / 2), SMALLEST))


def f_p(statistic: float, df_numerator: float, df_denominator: float) -> float:
    """The upper tail of the F distribution; of chi-square / df for an infinite denominator."""
    if math.isinf(df_denominator):
        return chi_square_p(statistic * df_numerator, df_numerator)
    return float(max(fdtrc(df_numerator, df_denominator, statistic), SMALLEST))
