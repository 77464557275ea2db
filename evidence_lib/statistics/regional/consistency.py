"""The probability that a multi-regional trial meets the MHLW's criteria of consistency, and the fraction it takes."""

from __future__ import annotations

import math
from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import ndtr, ndtri

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.inputs import Floats
from evidence_lib.statistics.regional.planning import checked_fractions, checked_share, number_between
from evidence_lib.statistics.regional.probabilities import all_positive, retains

LARGEST = 1e6
Criterion = Literal[1, 2]
Sense = Literal["unconditional", "joint", "conditional"]


def consistency_probability(
    fractions: ArrayLike,
    region: ArrayLike,
    *,
    method: Criterion,
    power: float | None = None,
    effect: float | None = None,
    std_error: float | None = None,
    alpha: float = 0.025,
    retained: float = 0.5,
) -> Estimates:
    """Probability that a planned multi-regional trial shows consistent effects, in three senses.

    Method 1 of the Japanese guideline (MHLW 2007, Basic principles on global clinical trials): the estimate of a region
    keeps the share ``retained`` of the overall one, D_r >= share D. Method 2: the estimates of all regions are on the
    side of benefit, D_r > 0. The true effect is the same everywhere, D = sum of f_r D_r, Var(D_r) = Var(D) / f_r, and
    Z = D / se ~ N(theta, 1). ``unconditional`` is the probability of the criterion:
    Phi((1 - share) theta / sqrt(1 / f - 2 share + share^2)) for method 1, and the product of Phi(sqrt(f_r) theta) for
    method 2; ``joint`` that of the criterion and of a significant trial, Z > z(1 - alpha); ``conditional`` is the joint
    one divided by the power (Quan et al. 2010, Pharm Stat 9:100; Ikeda & Bretz 2010, Pharm Stat 9:207). Integrals are
    deterministic, with an error below 1e-9.

    Misreading: it is a property of a plan under equal true effects; it does not say how likely regions are to be alike.
    The three senses differ: the conditional one is the largest.

    Parameters
    ----------
    fractions : array of k numbers above 0
        The share of each region in the information (patients, or events); they add up to 1.
    region : array of k labels
        The regions, each once.
    method : 1 or 2
        The criterion.
    power : float
        The power of the whole trial, from which theta = z(1 - alpha) + z(power); or ``effect`` and ``std_error``.
    effect : float
        The true effect, above 0 on the side of benefit (minus the log of a hazard ratio that is good below 1).
    std_error : float
        The standard error of the overall estimate at the end; theta = effect / std_error.
    alpha : float
        The one-sided level of the trial, between 0 and 0.5.
    retained : float
        The share of method 1, between 0 and 1; without meaning for method 2.

    Returns
    -------
    Estimates
        ``consistency.method_1.unconditional``, ``.joint`` and ``.conditional`` of each region, in
        ``groups["region"]``; or ``consistency.method_2.*`` of all of them together.

    Raises
    ------
    InvalidInput
        For fractions that are not above 0 or do not add up to 1, fewer than two regions, a region that stands twice,
        neither or both of power and effect, and numbers outside their range.
    """
    shares, names = checked_fractions(fractions, region, at_least=2)
    theta, critical = _planned(power, effect, std_error, alpha)
    kind, kept = _checked_method(method), checked_share(retained)
    reached = float(ndtr(theta - critical))
    items = []
    for position, name in enumerate(names) if kind == 1 else [(0, None)]:
        for sense in get_args(Sense):
            found = _probability(kind, shares, position, theta, critical, reached, kept, sense)
            items.append(
                Estimate(
                    analysis=f"consistency.method_{kind}.{sense}",
                    unit="probability",
                    groups={} if name is None else {"region": name},
                    estimate=found,
                    method=_method(kind, sense, kept, reached, alpha),
                )
            )
    return Estimates(tuple(items))


def smallest_fraction(
    *,
    method: Criterion,
    probability: float = 0.8,
    sense: Sense = "unconditional",
    power: float | None = None,
    effect: float | None = None,
    std_error: float | None = None,
    alpha: float = 0.025,
    retained: float = 0.5,
    n_regions: int = 2,
) -> Estimate:
    """Smallest share of the patients that a region needs for a wanted probability of consistency.

    The smallest f at which ``consistency_probability`` of a region with the fraction f reaches ``probability``; for
    method 1, unconditionally, f = 1 / (((1 - share) theta / z(probability))^2 + 2 share - share^2). For method 2 the
    other regions have equal fractions, and f is at most 1 / ``n_regions``, where the probability is largest.

    Misreading: the answer holds for equal true effects and the planned power; it is no number of patients that would
    show the effect in the region by itself.

    Parameters
    ----------
    method : 1 or 2
        The criterion, as ``consistency_probability``.
    probability : float
        The wanted probability, between 0 and 1.
    sense : "unconditional", "joint" or "conditional"
        Which probability is wanted.
    power, effect, std_error, alpha, retained : float
        As ``consistency_probability``.
    n_regions : int
        The number of regions for method 2, 2 or more; without meaning for method 1.

    Returns
    -------
    Estimate
        ``consistency.smallest_fraction``, a share of the whole trial. Status ``not_estimable`` where no fraction
        reaches the probability, or every one does, with the largest or smallest probability in the reason.

    Raises
    ------
    InvalidInput
        For numbers outside their range, and neither or both of power and effect.
    """
    theta, critical = _planned(power, effect, std_error, alpha)
    kind, kept = _checked_method(method), checked_share(retained)
    if sense not in get_args(Sense):
        raise InvalidInput("unknown sense", expected=" or ".join(get_args(Sense)), found=repr(sense))
    if isinstance(n_regions, bool) or not isinstance(n_regions, int | np.integer) or n_regions < 2:
        raise InvalidInput("n_regions is not a number of regions", expected="2 or more", found=repr(n_regions))
    wanted = number_between("probability", probability, 0.0, 1.0)
    reached = float(ndtr(theta - critical))

    def reach(fraction: float) -> float:
        others = [(1 - fraction) / (n_regions - 1)] * (n_regions - 1)
        shares = np.array([fraction, *others]) if kind == 2 else np.array([fraction, 1 - fraction])
        return _probability(kind, shares, 0, theta, critical, reached, kept, sense)

    shared: dict[str, Any] = {
        "analysis": "consistency.smallest_fraction",
        "unit": "probability",
        "method": message(
            "regional_statistics.method.smallest_fraction",
            probability=wanted,
            criterion=_method(kind, sense, kept, reached, alpha),
        ),
    }
    smallest, largest = 1e-9, 1 - 1e-9 if kind == 1 else 1 / n_regions
    lowest, highest = reach(smallest), reach(largest)
    # What only the whole trial would reach is out of reach.
    is_too_much = wanted >= highest - 1e-9
    if is_too_much or wanted <= lowest:
        why = "out_of_reach" if is_too_much else "always_reached"
        reason = message(f"regional_statistics.reason.{why}", extreme=highest if is_too_much else lowest)
        return Estimate(**shared, status="not_estimable", reason=reason)
    from scipy.optimize import brentq

    # The probability grows with the fraction.
    found = brentq(lambda f: reach(f) - wanted, smallest, largest, xtol=1e-14, rtol=1e-13)
    return Estimate(**shared, estimate=float(found))


def _probability(
    kind: Criterion,
    shares: Floats,
    position: int,
    theta: float,
    critical: float,
    power: float,
    retained: float,
    sense: Sense,
) -> float:
    limit = None if sense == "unconditional" else critical
    found = (
        retains(float(shares[position]), theta, retained, limit) if kind == 1 else all_positive(shares, theta, limit)
    )
    return min(found / power, 1.0) if sense == "conditional" else found


def _method(kind: Criterion, sense: Sense, retained: float, power: float, alpha: float) -> Message:
    """What was computed, with the plan it holds for."""
    criterion = (
        message("regional_statistics.criterion.retains", share=retained)
        if kind == 1
        else message("regional_statistics.criterion.all_positive")
    )
    return message(f"regional_statistics.method.{sense}", criterion=criterion, power=power, alpha=alpha)


def _planned(power: float | None, effect: float | None, std_error: float | None, alpha: float) -> tuple[float, float]:
    """The mean of the overall statistic, and the value above which the trial is significant."""
    critical = float(-ndtri(number_between("alpha", alpha, 0.0, 0.5)))
    if (power is None) == (effect is None and std_error is None) or (effect is None) != (std_error is None):
        raise InvalidInput("the plan is not clear", expected="either power, or effect and std_error")
    if power is not None:
        return critical + float(ndtri(number_between("power", power, alpha, 1.0))), critical
    error = number_between("std_error", std_error, 0.0, math.inf)
    # In standard errors; beyond, every probability is what it is without chance.
    return min(number_between("effect", effect, 0.0, math.inf) / error, LARGEST), critical


def _checked_method(method: Criterion) -> Criterion:
    if isinstance(method, bool) or method not in get_args(Criterion):
        raise InvalidInput("unknown method", expected="1 or 2", found=repr(method))
    return method
