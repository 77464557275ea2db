"""Effects by region: each by itself, together, shrunken towards each other, and without one region."""

from __future__ import annotations

from typing import Any, Literal, get_args

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.distributions import chi_square_p
from evidence_lib.statistics.inputs import Floats, checked_level
from evidence_lib.statistics.meta_analysis.model import Data, between, weighted
from evidence_lib.statistics.regional.inputs import Effects, Scale, checked_effects, shown
from evidence_lib.statistics.regional.retention import retention

Between = Literal["dersimonian-laird", "paule-mandel", "reml"]


def regional_effects(
    estimate: ArrayLike,
    std_error: ArrayLike,
    region: ArrayLike,
    *,
    scale: Scale = "identity",
    unit: str | None = None,
    tau2_method: Between = "reml",
    conf_level: float = 0.95,
) -> Estimates:
    """Effects of the regions of one trial: each, overall, heterogeneity, shrinkage, and without each region.

    With effects y_r (logs of ratios with ``scale="log"``), variances v_r and weights 1 / v_r: the overall effect is the
    weighted mean; Q = sum of (y_r - mean)^2 / v_r is chi-square with k - 1 degrees of freedom if all regions have one
    effect (Cochran 1954, Biometrics 10:101), and I2 = max(0, (Q - k + 1) / Q) (Higgins & Thompson 2002, Stat Med
    21:1539). If the true effects are normal with mean mu and variance tau2 (by an estimator of
    ``meta_analysis.pool``), the shrunken effect of a region is l y_r + (1 - l) mu with
    l = tau2 / (tau2 + v_r), mu the mean with weights 1 / (v_r + tau2), and variance l v_r + (1 - l)^2 Var(mu)
    (empirical Bayes; Raudenbush & Bryk 1985, J Educ Stat 10:75; ``metafor::blup``). Normal intervals.

    Below 0, or below 1 for a ratio, the treated have less of what is measured. Assumes independent, approximately
    normal estimates of the regions.

    Misreading: with few regions Q finds little and tau2 is poorly known; the shrunken intervals take it as known and
    are then too short. An interval of a region that crosses no effect does not show that the treatment fails there.

    Parameters
    ----------
    estimate : array of k numbers
        The effect of each region, treated minus reference, or the ratio with ``scale="log"``.
    std_error : array of k numbers above 0
        Their standard errors; of the log ratio with ``scale="log"``.
    region : array of k labels
        The regions, each once.
    scale : "identity" or "log"
        Whether the estimates are differences or ratios.
    unit : str
        The unit of a difference; None stands for "difference", and for "ratio" with ``scale="log"``.
    tau2_method : "dersimonian-laird", "paule-mandel" or "reml"
        The estimate of the variance between regions.
    conf_level : float
        The level of the limits, between 0 and 1.

    Returns
    -------
    Estimates
        With ``.difference`` or ``.ratio`` at the end: ``regional.effect`` and ``regional.shrunken`` per region,
        ``regional.overall``, and ``regional.leave_one_out``, the overall effect without the region in
        ``groups["region"]``; ``regional.heterogeneity`` (Q), ``regional.i_squared`` and ``regional.tau_squared``; and
        ``regional.retention`` per region, as ``retention``. With one region heterogeneity, shrinkage and leaving one
        out are ``not_estimable``.

    Raises
    ------
    InvalidInput
        As ``retention``; for an unknown ``tau2_method``, and a unit other than "ratio" with ``scale="log"``.
    """
    found = checked_effects(estimate, std_error, region, scale)
    level = checked_level(conf_level)
    if tau2_method not in get_args(Between):
        raise InvalidInput("unknown tau2_method", expected=" or ".join(get_args(Between)), found=repr(tau2_method))
    if scale == "log" and unit not in (None, "ratio"):
        raise InvalidInput("a ratio has no other unit", expected='None, or "ratio"', found=repr(unit))
    written = unit or found.variant
    tau2 = between(_data(found.effect, found.variance), tau2_method)
    items = [
        *_effects(found, written, level),
        *_heterogeneity(found, tau2, tau2_method),
        *_shrunken(found, written, level, tau2, tau2_method),
        *_leave_one_out(found, written, level),
        *retention(estimate, std_error, region, scale=scale, conf_level=level).items,
    ]
    return Estimates(tuple(items))


def _effects(found: Effects, unit: str, level: float) -> list[Estimate]:
    """Each region, and the mean of all."""
    shared: dict[str, Any] = {"unit": unit, "method": message("regional_statistics.method.effect")}
    items = [
        shown(
            float(effect),
            float(error),
            level,
            found.scale,
            {**shared, "analysis": f"regional.effect.{found.variant}", "groups": {"region": name}},
        )
        for name, effect, error in zip(found.region, found.effect, found.std_error, strict=True)
    ]
    mean, variance = _mean(_data(found.effect, found.variance))
    shared = {"unit": unit, "method": message("regional_statistics.method.overall")}
    shared["analysis"] = f"regional.overall.{found.variant}"
    return [*items, shown(mean, float(np.sqrt(variance)), level, found.scale, shared)]


def _heterogeneity(found: Effects, tau2: float, tau2_method: Between) -> list[Estimate]:
    """Cochran's Q, I2 and tau2."""
    k = len(found.region)
    shares: list[dict[str, Any]] = [
        {
            "analysis": "regional.heterogeneity",
            "unit": "chi-square",
            "is_test": True,
            "method": message("regional_statistics.method.heterogeneity"),
        },
        {
            "analysis": "regional.i_squared",
            "unit": "probability",
            "method": message("regional_statistics.method.i_squared"),
        },
        {
            "analysis": "regional.tau_squared",
            "unit": "variance",
            "method": message(
                "regional_statistics.method.tau_squared", tau2=message(f"regional_statistics.tau2.{tau2_method}")
            ),
        },
    ]
    if k < 2:
        reason = message("regional_statistics.reason.one_region")
        return [Estimate(**shared, status="not_estimable", reason=reason) for shared in shares]
    q = weighted(_data(found.effect, found.variance), 0.0).q
    return [
        Estimate(**shares[0], test_statistic=q, df=k - 1, p_value=chi_square_p(q, k - 1)),
        Estimate(**shares[1], estimate=max(0.0, (q - k + 1) / q) if q > 0 else 0.0),
        Estimate(**shares[2], estimate=tau2),
    ]


def _shrunken(found: Effects, unit: str, level: float, tau2: float, tau2_method: Between) -> list[Estimate]:
    """Each region shrunken towards the mean of all."""
    shared: dict[str, Any] = {
        "analysis": f"regional.shrunken.{found.variant}",
        "unit": unit,
        "method": message(
            "regional_statistics.method.shrunken", tau2=message(f"regional_statistics.tau2.{tau2_method}")
        ),
    }
    if len(found.region) < 2:
        return [_not_alone(shared, name, level, found.scale) for name in found.region]
    mean, variance = _mean(_data(found.effect, found.variance), tau2)
    keep = tau2 / (tau2 + found.variance)
    effect = keep * found.effect + (1 - keep) * mean
    error = np.sqrt(keep * found.variance + (1 - keep) ** 2 * variance)
    return [
        shown(float(y), float(se), level, found.scale, {**shared, "groups": {"region": name}})
        for name, y, se in zip(found.region, effect, error, strict=True)
    ]


def _leave_one_out(found: Effects, unit: str, level: float) -> list[Estimate]:
    """The overall effect without each region."""
    shared: dict[str, Any] = {
        "analysis": f"regional.leave_one_out.{found.variant}",
        "unit": unit,
        "method": message("regional_statistics.method.leave_one_out"),
    }
    if len(found.region) < 2:
        return [_not_alone(shared, name, level, found.scale) for name in found.region]
    items = []
    for position, name in enumerate(found.region):
        others = np.arange(len(found.region)) != position
        mean, variance = _mean(_data(found.effect[others], found.variance[others]))
        items.append(shown(mean, float(np.sqrt(variance)), level, found.scale, {**shared, "groups": {"region": name}}))
    return items


def _name(tau2_method: Between) -> Message:
    return message(f"regional_statistics.tau2.{tau2_method}")


def _data(effect: Floats, variance: Floats) -> Data:
    """Effects with one mean, as a meta-analysis takes them."""
    return Data(effect, variance, np.ones((effect.size, 1)))


def _mean(data: Data, tau2: float = 0.0) -> tuple[float, float]:
    """The inverse-variance mean and its variance, ``tau2`` being added to each variance."""
    fit = weighted(data, tau2)
    return float(fit.coefficients[0]), float(fit.covariance[0, 0])


def _not_alone(shared: dict[str, Any], name: Any, level: float, scale: Scale) -> Estimate:
    reason = message("regional_statistics.reason.one_region")
    facts = {**shared, "groups": {"region": name}, "conf_level": level, "scale": scale}
    return Estimate(**facts, status="not_estimable", reason=reason)
