"""The distribution of the largest of several comparisons with one control (Dunnett 1955, J Am Stat Assoc 50:1096)."""

from __future__ import annotations

import math

import numpy as np
from scipy.special import gammaln, ndtr

from evidence_lib.statistics.inputs import Floats

STEP, REACH = 0.125, 9.0
# The logarithm of the spread is followed until its density is below this share of the total.
NEGLIGIBLE = 1e-18


def beyond(largest: float, share: Floats, df: float, *, two_sided: bool) -> float:
    """The chance that the largest of k statistics exceeds ``largest``, when no treatment differs from the control.

    T_i = (l_i Z_0 + sqrt(1 - l_i^2) Z_i) / S with independent standard normal Z, S^2 chi-square / df, and
    l_i^2 = ``share`` = n_i / (n_i + n_0) the correlation of two comparisons of equal size; two-sided: of their
    absolute values. Trapezoidal sums over Z_0 and log S, which converge exponentially: the same bytes every time.
    """
    if largest == -math.inf:
        return 1.0
    # With a far smaller control arm the integrand falls within a few times sqrt(1 - l^2) of Z_0.
    step = min(STEP, math.sqrt(1 - float(share.max())) / 2)
    z = np.arange(-REACH, REACH + step / 2, step)
    spread, density = (np.array([1.0]), np.array([1.0])) if math.isinf(df) else _spread(df)
    own = np.sqrt(1 - share)[:, None, None]
    centre = np.sqrt(share)[:, None, None] * z[None, :, None]
    edge = largest * spread[None, None, :]
    inside = np.ones((z.size, spread.size))
    for part, scale in zip(centre, own, strict=True):
        upper = (edge[0] - part) / scale[0]
        inside = inside * (ndtr(upper) - ndtr((-edge[0] - part) / scale[0]) if two_sided else ndtr(upper))
    weight = np.exp(-(z**2) / 2) * step / math.sqrt(2 * math.pi)
    return float(np.clip(1 - weight @ inside @ density, 0.0, 1.0))


def quantile(level: float, share: Floats, df: float, *, two_sided: bool) -> float:
    """The value that the largest statistic exceeds with chance ``level``."""
    from scipy.optimize import brentq

    least, most = 0.0 if two_sided else -10.0, 1e2
    while most < 1e12 and beyond(most, share, df, two_sided=two_sided) > level:
        most *= 100
    return float(
        brentq(lambda c: beyond(c, share, df, two_sided=two_sided) - level, least, most, xtol=1e-12, rtol=8.9e-16)
    )


def _spread(df: float) -> tuple[Floats, Floats]:
    """Nodes of S and their weights: S^2 is chi-square / df."""
    half = df / 2
    step = min(STEP, 1 / math.sqrt(df) / 4) / 2

    def log_density(x: Floats) -> Floats:
        return math.log(2) + half * math.log(half) - gammaln(half) + df * x - half * np.exp(2 * x)

    x = np.arange(math.log(NEGLIGIBLE) / df - 1, math.log(math.sqrt(2 * (45 + df) / df)) + 1, step)
    weights = np.exp(log_density(x)) * step
    kept = weights > NEGLIGIBLE * weights.max()
    return np.exp(x[kept]), weights[kept] / weights[kept].sum()
