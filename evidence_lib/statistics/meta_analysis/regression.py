"""Meta-regression: how the effects of studies change with what the studies are."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.design import design
from evidence_lib.statistics.distributions import chi_square_p, f_p
from evidence_lib.statistics.inputs import Counts, Floats, checked_level, choice
from evidence_lib.statistics.meta_analysis.heterogeneity import heterogeneity
from evidence_lib.statistics.meta_analysis.inference import (
    Interval,
    coefficient,
    degrees_of_freedom,
    factor,
    facts,
    without_limits,
)
from evidence_lib.statistics.meta_analysis.inputs import Scale, Studies, checked
from evidence_lib.statistics.meta_analysis.model import Data, Model, Weighted, between, weighted
from evidence_lib.statistics.meta_analysis.result import MetaRegression
from evidence_lib.statistics.not_estimable import NotEstimable

INTERCEPT = "intercept"
# A column is a combination of the others where less than this share of its length is left beside them.
DEPENDENT = 1e-10


def meta_regression(
    estimate: ArrayLike,
    std_error: ArrayLike,
    moderators: pd.DataFrame,
    *,
    scale: Scale,
    model: Model = "reml",
    interval: Interval = "normal",
    conf_level: float = 0.95,
) -> MetaRegression:
    """Regression of the studies' effects on moderators, y = x b + u + e with Var u = tau2 and Var e = se^2.

    b = (X'WX)^-1 X'Wy with W = diag 1 / (se^2 + tau2) and variance (X'WX)^-1; tau2, what the moderators leave between
    studies, by the estimators of ``pool``. Intervals and tests are normal, or t with k - p degrees of freedom and the
    variance times q = sum w r^2 / (k - p) (Knapp & Hartung 2003, Stat Med 22:2693), never less than once where guarded.
    The moderators together are tested by QM = b' Var(b)^-1 b over all but the intercept, chi-square with their number m
    (QM / m as F with m and k - p), what they leave by QE = sum r^2 / se^2 at tau2 = 0, chi-square with k - p.
    R2 = max(0, (tau2 without moderators - tau2) / tau2 without moderators) (Raudenbush 2009). As R's metafor.

    On scale ``log`` a coefficient is the factor by which the ratio changes per unit of the moderator.

    Assumes effects that change linearly, and that k is well above p: ten studies for each moderator are a usual rule.

    Misreading: studies are not randomised to moderators, so that it is an association between studies; what holds
    between studies (mean age) need not hold between patients (age). One of many moderators that is significant is what
    chance brings.

    Parameters
    ----------
    estimate : array of k
        The studies' effects: differences with scale ``identity``, ratios (not their logarithms) with ``log``.
    std_error : array of k
        Their standard errors, of the logarithms with scale ``log``.
    moderators : DataFrame of k rows
        Numbers and booleans enter as they are; columns of any other type become indicators of their levels but the
        first.
    scale : str
        ``identity`` or ``log``.
    model : str
        ``fixed``, ``dersimonian-laird``, ``paule-mandel``, ``reml`` or ``ml``.
    interval : str
        ``normal``, ``hartung-knapp`` or ``hartung-knapp-guarded``; the latter two are for random effects.
    conf_level : float
        Of all intervals.

    Returns
    -------
    MetaRegression
        ``coefficients`` are ``meta.coefficient.difference`` or ``.ratio``: the effect at moderators of 0 and the change
        per unit. Status ``not_estimable``, naming a moderator in the reason, where it is constant or a combination of
        the others, and where there are no more studies than coefficients.

    Raises
    ------
    InvalidInput
        As ``pool``; for moderators that are missing, not finite or of another number of rows.
    """
    found, level = checked(estimate, std_error, studies=None, scale=scale), checked_level(conf_level)
    columns = design(moderators, found.y.size)
    chosen: Model = choice(model, Model, "model")
    how: Interval = choice(interval, Interval, "interval")
    if chosen == "fixed" and how != "normal":
        raise InvalidInput("the fixed model has a normal interval", expected="normal", found=how)
    said = message(f"meta_statistics.model.{chosen}")
    plan = _Plan(found, chosen, how, level, said, found.y.size - len(columns.names) - 1, (INTERCEPT, *columns.names))
    try:
        turn = _orthogonal(columns.matrix, columns.variables)
    except NotEstimable as gap:
        return _nothing(plan, gap.reason)
    data = Data(found.y, found.v, turn.matrix)
    fit = weighted(data, between(data, chosen))
    left = heterogeneity(data, found, tau2=fit.tau2, model=chosen, kind="tau2", level=level)
    return MetaRegression(
        coefficients=_coefficients(plan, fit, turn),
        moderators=_moderators(plan, fit),
        heterogeneity=left.test,
        tau_squared=left.tau_squared,
        i_squared=left.i_squared,
        h_squared=left.h_squared,
        r_squared=_r_squared(plan, fit.tau2),
    )


@dataclass(frozen=True, eq=False)
class _Plan:
    studies: Studies
    model: Model
    interval: Interval
    level: float
    said: Message
    df: int
    names: tuple[str, ...]

    @property
    def m(self) -> int:
        """Coefficients beside the intercept."""
        return len(self.names) - 1

    def shared(self, name: str) -> dict[str, Any]:
        method = message(f"meta_statistics.method.coefficient.{self.interval}", model=self.said)
        shared = facts(self.studies, self.model, self.level, "meta.coefficient", method)
        return {**shared, "groups": {**shared["groups"], "variable": name}}


@dataclass(frozen=True, eq=False)
class _Turn:
    """Columns (k, p) to calculate with, and the way back: ``back`` (p, p) times their coefficients, over 2^exponent."""

    matrix: Floats
    back: Floats
    exponent: Counts


def _orthogonal(columns: Floats, variables: tuple[str, ...]) -> _Turn:
    """An intercept, and the columns about their mean, orthonormal. Raises NotEstimable for a dependent one."""
    k, m = columns.shape
    exponent = np.frexp(np.abs(columns).max(axis=0, initial=0.0))[1]
    scaled = np.ldexp(columns, -exponent)
    centre = scaled.mean(axis=0) if k else np.zeros(m)
    away = scaled - centre
    length = np.sqrt((away**2).sum(axis=0))
    for name, flat in zip(variables, length <= 1e-14, strict=True):
        if flat:
            raise NotEstimable(message("meta_statistics.reason.constant", term=name))
    if k <= m + 1:
        raise NotEstimable(message("meta_statistics.reason.too_few", studies=k, coefficients=m + 1))
    q, r = np.linalg.qr(away / length)
    for name, left in zip(variables, np.abs(np.diag(r)), strict=True):
        if left <= DEPENDENT:
            raise NotEstimable(message("meta_statistics.reason.dependent", term=name))
    slopes = np.linalg.inv(r) / length[:, None]
    back = np.zeros((m + 1, m + 1))
    back[0, 0] = 1
    back[0, 1:] = -centre @ slopes
    back[1:, 1:] = slopes
    return _Turn(np.hstack([np.ones((k, 1)), q]), back, np.append(0, exponent))


def _coefficients(plan: _Plan, fit: Weighted, turn: _Turn) -> Estimates:
    values = np.ldexp(turn.back @ fit.coefficients, -turn.exponent)
    # Not the variances: those of a moderator in a large unit are too small to be numbers.
    lengths = np.sqrt(((turn.back @ np.linalg.cholesky(fit.covariance)) ** 2).sum(axis=1))
    found = []
    for name, value, error in zip(plan.names, values, np.ldexp(lengths, -turn.exponent), strict=True):
        shared = plan.shared(name)
        try:
            widened = float(error) * math.sqrt(factor(fit, plan.interval, plan.df))
        except NotEstimable as gap:
            found.append(without_limits(shared, plan.studies, float(value), gap.reason))
            continue
        df = degrees_of_freedom(plan.interval, plan.df)
        found.append(coefficient(shared, plan.studies, float(value), widened, df))
    return Estimates(tuple(found))


def _moderators(plan: _Plan, fit: Weighted) -> Estimate:
    shared = _test_facts(plan)
    slopes = fit.coefficients[1:]
    q = float(slopes @ np.linalg.solve(fit.covariance[1:, 1:], slopes))
    if plan.interval == "normal":
        return Estimate(**shared, test_statistic=q, df=plan.m, p_value=chi_square_p(q, plan.m))
    try:
        f = q / plan.m / factor(fit, plan.interval, plan.df)
    except NotEstimable as gap:
        return Estimate(**shared, status="not_estimable", reason=gap.reason)
    return Estimate(**shared, test_statistic=f, df=plan.m, p_value=f_p(f, plan.m, plan.df))


def _test_facts(plan: _Plan) -> dict[str, Any]:
    normal = plan.interval == "normal"
    denominator = "" if normal else message("meta_statistics.part.denominator", df=plan.df)
    return {
        "analysis": "meta.moderators" if normal else "meta.moderators.hartung_knapp",
        "unit": "chi-square" if normal else "F",
        "groups": {"model": plan.model},
        "is_test": True,
        "method": message("meta_statistics.method.moderators", model=plan.said, denominator=denominator),
    }


def _r_squared(plan: _Plan, left: float | Message) -> Estimate | None:
    """What the moderators explain; ``left`` is the tau2 beside them, or why there is none."""
    if plan.model == "fixed":
        return None
    shared: dict[str, Any] = {
        "analysis": "meta.r_squared",
        "unit": "probability",
        "groups": {"model": plan.model},
        "method": message("meta_statistics.method.r_squared", model=plan.said),
    }
    if isinstance(left, Message):
        return Estimate(**shared, status="not_estimable", reason=left)
    whole = between(Data(plan.studies.y, plan.studies.v, np.ones((plan.studies.y.size, 1))), plan.model)
    if whole == 0:
        return Estimate(**shared, status="not_estimable", reason=message("meta_statistics.reason.nothing_between"))
    return Estimate(**shared, estimate=max(0.0, (whole - left) / whole))


def _nothing(plan: _Plan, reason: Message) -> MetaRegression:
    """Every estimate, none of which can be made."""
    gap: dict[str, Any] = {"status": "not_estimable", "reason": reason}
    left = heterogeneity(reason, plan.studies, tau2=0.0, model=plan.model, kind="tau2", level=plan.level)
    return MetaRegression(
        coefficients=Estimates(tuple(Estimate(**plan.shared(name), **gap) for name in plan.names)),
        moderators=Estimate(**_test_facts(plan), **gap),
        heterogeneity=left.test,
        tau_squared=left.tau_squared,
        i_squared=left.i_squared,
        h_squared=left.h_squared,
        r_squared=_r_squared(plan, reason),
    )
