"""Recalculation of what regions show by chance if the effect is the same in all of them."""

from __future__ import annotations

import math
from statistics import NormalDist
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evidence_lib.recalculation.regional.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.survival.steps import quantile
from evidence_lib.results import Estimate, Estimates

_N = NormalDist()
LEAST, LARGEST, LARGEST_SHARE = 1e-6, 1e4, 0.99
# Steps of the coarsest grid on which densities are folded, at least and at most, and how many the narrowest gets.
STEPS, MOST, NARROW = 512, 2**18, 16


def pattern_probability(
    fractions: ArrayLike,
    region: ArrayLike,
    *,
    power: float | None = None,
    effect: float | None = None,
    std_error: float | None = None,
    alpha: float = 0.025,
    retained: float = 0.5,
    observed: ArrayLike | None = None,
) -> Estimates:
    """Twin of ``statistics.regional.pattern_probability``: the probabilities."""
    shares = [float(f) for f in np.asarray(fractions, dtype=float)]
    shares = [f / math.fsum(shares) for f in shares]
    names = list(np.asarray(region, dtype=object))
    seen = [] if observed is None else [float(o) for o in np.asarray(observed, dtype=float)]
    theta = float(effect or 0) / float(std_error or 1)
    if power is not None:
        theta = _N.inv_cdf(power) - _N.inv_cdf(alpha)
    theta = min(max(theta, -LARGEST), LARGEST)
    wanted: list[tuple[str, float, Any]] = [("same_side", 0.0, None), ("other_way", 0.0, None)]
    wanted.append(("below_share", retained, None))
    if seen:
        wanted.append(("as_small", min(seen), None))
        wanted += [("region_as_small", own, name) for own, name in zip(seen, names, strict=True)]
    items = []
    for kind, share, name in wanted:
        facts: dict[str, Any] = {
            "analysis": f"regional.pattern.{kind}",
            "unit": "probability",
            "groups": {} if name is None else {"region": name},
            "method": SOURCE["pattern_probability"],
        }
        if len(shares) < 2:
            items.append(Estimate(**facts, status="not_estimable", reason=NOT_ESTIMABLE))
            continue
        if name is not None:
            found = _less_in_one(shares[names.index(name)], theta, share)
        elif kind == "same_side":
            found = math.fsum(math.prod(_N.cdf(math.sqrt(f) * t) for f in shares) for t in (theta, -theta))
        else:
            found = _some_other(shares, theta) if share == 0 else 1 - _all_keep(shares, theta, share)
        items.append(Estimate(**facts, estimate=min(max(found, LEAST), 1.0)))
    return Estimates(tuple(items))


def expected_range(
    estimate: ArrayLike, std_error: ArrayLike, region: ArrayLike, *, scale: str = "identity", conf_level: float = 0.95
) -> Estimates:
    """Twin of ``statistics.regional.expected_range``: the ranges, from the gradient of each deviation."""
    given, errors = np.asarray(estimate, dtype=float), np.asarray(std_error, dtype=float)
    y = np.log(given) if scale == "log" else given
    names, variant = list(np.asarray(region, dtype=object)), "ratio" if scale == "log" else "difference"
    loads = errors**-2.0 / math.fsum(errors**-2.0)
    whole = math.fsum(loads * y)
    items = []
    for r, name in enumerate(names):
        facts: dict[str, Any] = {
            "analysis": f"regional.expected.{variant}",
            "unit": variant,
            "groups": {"region": name},
            "conf_level": conf_level,
            "scale": scale,
            "method": SOURCE["expected_range"],
        }
        gradient = np.eye(len(names))[r] - loads
        half = quantile(conf_level) * math.hypot(*(gradient * errors))
        values = [whole, whole - half, whole + half]
        if len(names) < 2 or (scale == "log" and max(map(abs, values)) > 700):
            items.append(Estimate(**facts, status="not_estimable", reason=NOT_ESTIMABLE))
            continue
        middle, low, high = map(math.exp, values) if scale == "log" else values
        items.append(Estimate(**facts, estimate=middle, conf_low=low, conf_high=high))
    return Estimates(tuple(items))


def sign_agreement(
    estimate: ArrayLike,
    std_error: ArrayLike,
    region: ArrayLike,
    *,
    scale: str = "identity",
    overall: float | None = None,
) -> Estimates:
    """Twin of ``statistics.regional.sign_agreement``: the counts."""
    none = 1.0 if scale == "log" else 0.0
    values, errors = [float(v) for v in np.asarray(estimate)], [float(e) for e in np.asarray(std_error)]
    whole = overall
    if whole is None:
        logs = [math.log(v) if scale == "log" else v for v in values]
        whole = none + math.fsum(v / e**2 for v, e in zip(logs, errors, strict=True))
    agree = sum((value > none and whole > none) or (value < none and whole < none) for value in values)
    facts: dict[str, Any] = {"unit": "regions", "method": SOURCE["sign_agreement"]}
    return Estimates(
        tuple(
            Estimate(**facts, analysis=f"regional.{name}", estimate=number)
            for name, number in (("sign_agreement", agree), ("regions", len(values)))
        )
    )


def _some_other(shares: list[float], theta: float) -> float:
    """P(not all on one side): the first region on the side away from theta, one after the other, less all of them."""
    still, found = 1.0, 0.0
    for f in shares:
        away = _N.cdf(-math.sqrt(f) * abs(theta))
        found, still = found + still * away, still * (1 - away)
    return found - math.prod(_N.cdf(-math.sqrt(f) * abs(theta)) for f in shares)


def _less_in_one(f: float, theta: float, share: float) -> float:
    """P(the region keeps at most this share), by quadrature over the overall statistic."""
    from scipy.integrate import quad
    from scipy.special import ndtr

    slope = (1 - share) * math.sqrt(f / (1 - f))

    def inside(z: float) -> float:
        return float(ndtr(-slope * abs(z))) * math.exp(-((z - theta) ** 2) / 2)

    bends = [0.0, *(sign * reach / max(abs(slope), 1e-9) for sign in (-1, 1) for reach in (0.3, 1, 3, 10, 40))]
    ends = sorted({theta - 9, theta - 3, theta, theta + 3, theta + 9, *(b for b in bends if abs(b - theta) < 9)})
    pieces = (
        quad(inside, a, b, epsabs=1e-14, epsrel=1e-12, limit=300)[0] for a, b in zip(ends, ends[1:], strict=False)
    )
    return math.fsum(pieces) / math.sqrt(2 * math.pi)


def _all_keep(shares: list[float], theta: float, share: float) -> float:
    if share < 0:
        return _by_quadrature(shares, theta, share) + _by_quadrature(shares, -theta, share)
    if share > LARGEST_SHARE:  # all regions nearly alike: a power of what is left, as in the statistic
        left = max(1 - share, 0.0) / (1 - LARGEST_SHARE)
        return _all_keep(shares, theta, LARGEST_SHARE) * left ** (len(shares) - 1)
    return _by_folding(shares, theta, share) + _by_folding(shares, -theta, share)


def _by_quadrature(shares: list[float], theta: float, share: float) -> float:
    """All regions keep more than a share below 0: adaptive quadrature over what their deviations have in common."""
    from scipy.integrate import quad
    from scipy.special import ndtr

    load = math.sqrt((1 - share) ** 2 - 1)
    roots = [math.sqrt(f) for f in shares]

    def inside(w: float) -> float:
        return math.prod(float(ndtr(r * ((1 - share) * theta + load * w))) for r in roots) * math.exp(-w * w / 2)

    middle = -(1 - share) * theta / load
    bends = [middle + sign * reach / load for sign in (-1, 1) for reach in (0, 0.5, 2, 8, 30, 100, 400)]
    ends = sorted({-9.0, -3.0, 0.0, 3.0, 9.0, *(b for b in bends if abs(b) < 9)})
    pieces = (
        quad(inside, a, b, epsabs=1e-14, epsrel=1e-12, limit=300)[0] for a, b in zip(ends, ends[1:], strict=False)
    )
    return math.fsum(pieces) / math.sqrt(2 * math.pi)


def _by_folding(shares: list[float], theta: float, share: float) -> float:
    """All regions keep more than a share from 0: the density of the sum of positive parts, folded on three grids.

    With the drift (1 - share) theta the sum of the parts is (1 - share) z; what the change of drift leaves is a factor
    of z alone. Romberg's extrapolation takes the grid away.
    """
    a = (1 - share) ** 2
    top = (1 - share) * (abs(theta) + 9 / math.sqrt(max(a, 1e-4)))
    steps = min(max(STEPS, int(NARROW * top / math.sqrt(min(shares)))), MOST)

    def rough(times: int) -> float:
        h = top / (steps * times)
        s: NDArray[np.float64] = np.arange(steps * times + 1, dtype=np.float64) * h
        weight = np.exp((a - 1) * (s / (1 - share) - theta) ** 2 / 2) / (1 - share)
        return _trapezoid(_folded(sorted(shares), (1 - share) * theta, s, h) * weight, h)

    first, second, third = (rough(times) for times in (2, 4, 8))
    once, twice = second + (second - first) / 3, third + (third - second) / 3
    return twice + (twice - once) / 15


def _folded(shares: list[float], drift: float, y: NDArray[np.float64], h: float) -> NDArray[np.float64]:
    """The density of the sum of normal parts that are all above 0."""
    from scipy.signal import fftconvolve

    parts = [np.exp(-((y - f * drift) ** 2) / (2 * f)) / math.sqrt(2 * math.pi * f) for f in shares]
    total: NDArray[np.float64] = parts[0]
    for part in parts[1:]:
        both = fftconvolve(total, part)[: y.size]
        # The two ends of each integral count half.
        total = h * (both - (total[0] * part + total * part[0]) / 2)
    return total


def _trapezoid(values: NDArray[np.float64], h: float) -> float:
    return float(h * (values.sum() - (values[0] + values[-1]) / 2))
