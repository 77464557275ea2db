"""The pooled effect of studies: fixed and random effects, with what they say of heterogeneity."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import normal_quantile, t_quantile
from evidence_lib.statistics.inputs import checked_level, choice
from evidence_lib.statistics.meta_analysis.heterogeneity import ISquared, heterogeneity
from evidence_lib.statistics.meta_analysis.inference import (
    Interval,
    coefficient,
    degrees_of_freedom,
    factor,
    facts,
    without_limits,
)
from evidence_lib.statistics.meta_analysis.inputs import Scale, Studies, checked, table
from evidence_lib.statistics.meta_analysis.model import Data, Model, Weighted, between, weighted
from evidence_lib.statistics.meta_analysis.result import MetaAnalysis
from evidence_lib.statistics.not_estimable import NotEstimable

Prediction = Literal["z", "t(k-1)", "t(k-2)"]


def pool(
    estimate: ArrayLike,
    std_error: ArrayLike,
    *,
    scale: Scale,
    studies: ArrayLike | None = None,
    model: Model = "reml",
    interval: Interval = "normal",
    prediction: Prediction | None = None,
    i_squared: ISquared = "tau2",
    conf_level: float = 0.95,
) -> MetaAnalysis:
    """Pooled effect of k studies, sum w y / sum w with w = 1 / (se^2 + tau2), its interval, and the heterogeneity.

    tau2, the variance of the true effects between studies, is 0 in the ``fixed`` (common-effect) model; else by
    ``dersimonian-laird`` max(0, (Q - (k - 1)) / (sum w - sum w^2 / sum w)) with w = 1 / se^2 (1986, Control Clin Trials
    7:177); ``paule-mandel``, where the weighted sum of squares is k - 1 (1982, J Res NBS 87:377); ``reml`` and ``ml``,
    of greatest restricted or full likelihood. The interval is ``normal``, +- z / sqrt(sum w); or ``hartung-knapp``: t
    with k - 1 degrees of freedom and the variance times q = sum w (y - mean)^2 / (k - 1) (Hartung & Knapp 2001, Stat
    Med 20:3875), never less than once where ``guarded``. The limits for the effect in a new study are
    mean +- quantile * sqrt(variance of the mean + tau2) (Higgins et al. 2009, J R Stat Soc A 172:137, with t(k-2)).

    Heterogeneity: Q = sum (y - mean)^2 / se^2 with fixed weights, chi-square with k - 1; I2 is tau2 / (tau2 + s2) with
    s2 the variance within a typical study (``tau2``, as metafor; Higgins & Thompson 2002, Stat Med 21:1539) or
    (Q - (k - 1)) / Q (``q``); H2 = 1 / (1 - I2). Their limits, and those of tau2, are by the Q-profile (Viechtbauer
    2007, Stat Med 26:37), exact where effects are normal. All of it as R's metafor, whose ``test="knha"`` and
    ``"adhoc"`` are the two Hartung-Knapp intervals; where a likelihood has two maxima it may stop at the lower one.

    Effects keep the direction that the studies gave them (treated minus or over reference). Assumes independent
    studies, normal effects with known standard errors, and that the studies found are all that were done.

    Misreading: the interval of a random-effects mean is not where the effect of a next study or hospital will lie; that
    is the prediction interval. I2 is a share of variance, not how much effects differ: tau is that.

    Parameters
    ----------
    estimate : array of k
        The studies' effects: differences with scale ``identity``, ratios (not their logarithms) with ``log``.
    std_error : array of k
        Their standard errors, of the logarithms with scale ``log``.
    scale : str
        ``identity`` or ``log``, the scale on which effects are normal and are pooled.
    studies : array of k labels, or None
        Names of the studies, for the table; None numbers them.
    model : str
        ``fixed``, ``dersimonian-laird``, ``paule-mandel``, ``reml`` or ``ml``.
    interval : str
        ``normal``, ``hartung-knapp`` or ``hartung-knapp-guarded``; the latter two are for random effects.
    prediction : str, or None
        The quantile of the prediction interval, ``z``, ``t(k-1)`` or ``t(k-2)``; None is that of the interval, as
        metafor: z, or t(k-1) with Hartung-Knapp.
    i_squared : str
        ``tau2`` or ``q``; the fixed model has no tau2 and takes ``q``.
    conf_level : float
        Of all intervals.

    Returns
    -------
    MetaAnalysis
        ``effect`` is ``meta.effect.fixed``, ``.random``, ``.hartung_knapp`` or ``.hartung_knapp_guarded``, then
        ``.difference`` or, with scale ``log``, ``.ratio``; so is ``prediction``, ``meta.prediction``, whose standard
        error is the root of the sum in the prediction interval. Status ``not_estimable`` without studies, and with one
        study for all that is about random effects; there are no limits of tau2, I2 and H2 where Q is so small that no
        tau2 is within them.

    Raises
    ------
    InvalidInput
        For a missing effect, a standard error that is not above 0, a ratio that is not, repeated names, or a wrong
        choice.
    """
    found, level = checked(estimate, std_error, studies=studies, scale=scale), checked_level(conf_level)
    chosen: Model = choice(model, Model, "model")
    how: Interval = choice(interval, Interval, "interval")
    share: ISquared = choice(i_squared, ISquared, "i_squared")
    ahead: Prediction = "z" if how == "normal" else "t(k-1)"
    ahead = ahead if prediction is None else choice(prediction, Prediction, "prediction")
    if chosen == "fixed" and (how != "normal" or prediction is not None):
        raise InvalidInput(
            "the fixed model has a normal interval and no prediction",
            expected="normal, None",
            found=f"{how}, {prediction}",
        )
    k = found.y.size
    # From the first effect on: effects that are alike have residuals of exactly 0.
    base = float(found.y[0]) if k else 0.0
    data = Data(found.y - base, found.v, np.ones((k, 1)))
    said = message(f"meta_statistics.model.{chosen}")
    kind = ("fixed" if chosen == "fixed" else "random") if how == "normal" else how.replace("-", "_")
    method = message(f"meta_statistics.method.effect.{how}", model=said, number=k)
    effect = facts(found, chosen, level, f"meta.effect.{kind}", method)
    method = message("meta_statistics.method.prediction", model=said, number=k, quantile=ahead)
    future = facts(found, chosen, level, "meta.prediction", method)
    weights, tau2 = None, 0.0
    known: Data | Message = data
    try:
        fit = _fitted(data, chosen)
        tau2 = fit.tau2
        weights = fit.weights / fit.weights.sum()
        effects = _effect(effect, found, base, fit, how), _prediction(future, found, base, fit, how, ahead)
    except NotEstimable as gap:
        known = gap.reason
        gaps: dict[str, Any] = {"status": "not_estimable", "reason": gap.reason}
        effects = Estimate(**effect, **gaps), Estimate(**future, **gaps)
    differences = heterogeneity(known, found, tau2=tau2, model=chosen, kind=share, level=level)
    return MetaAnalysis(
        effect=effects[0],
        prediction=None if chosen == "fixed" else effects[1],
        tau_squared=differences.tau_squared,
        i_squared=differences.i_squared,
        h_squared=differences.h_squared,
        heterogeneity=differences.test,
        studies=table(found, weights, normal_quantile(level)),
    )


def _fitted(data: Data, model: Model) -> Weighted:
    """The weighted mean. Raises NotEstimable without studies, and with one where there is nothing between studies."""
    if data.y.size == 0:
        raise NotEstimable(message("meta_statistics.reason.no_studies"))
    if data.y.size == 1 and model != "fixed":
        raise NotEstimable(message("meta_statistics.reason.one_study"))
    return weighted(data, between(data, model))


def _effect(shared: dict[str, Any], studies: Studies, base: float, fit: Weighted, interval: Interval) -> Estimate:
    value, df = base + float(fit.coefficients[0]), studies.y.size - 1
    try:
        variance = float(fit.covariance[0, 0]) * factor(fit, interval, df)
    except NotEstimable as gap:
        return without_limits(shared, studies, value, gap.reason)
    return coefficient(shared, studies, value, math.sqrt(variance), degrees_of_freedom(interval, df))


def _prediction(
    shared: dict[str, Any], studies: Studies, base: float, fit: Weighted, interval: Interval, quantile: Prediction
) -> Estimate:
    value, k = base + float(fit.coefficients[0]), studies.y.size
    df = {"z": math.inf, "t(k-1)": k - 1, "t(k-2)": k - 2}[quantile]
    if df < 1:
        return without_limits(shared, studies, value, message("meta_statistics.reason.no_df"))
    try:
        variance = float(fit.covariance[0, 0]) * factor(fit, interval, k - 1)
    except NotEstimable as gap:
        return without_limits(shared, studies, value, gap.reason)
    error = math.sqrt(variance + fit.tau2)
    half = t_quantile(shared["conf_level"], df) * error
    try:
        return Estimate(
            **shared,
            estimate=studies.shown(value),
            std_error=studies.plain(error),
            conf_low=studies.shown(value - half),
            conf_high=studies.shown(value + half),
            df=None if math.isinf(df) else df,
        )
    except NotEstimable as gap:
        return Estimate(**shared, status="not_estimable", reason=gap.reason)
