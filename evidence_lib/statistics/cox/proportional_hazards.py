"""The proportional-hazards check: the score test of cox.zph, and the log hazard ratio over time."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R, Ties
from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.cox.hazard_ratio import adjusted
from evidence_lib.statistics.cox.inputs import TIES_NAME, Rows, checked_rows, chosen_approximation, stratified
from evidence_lib.statistics.cox.maximum import ALIASED, Fit
from evidence_lib.statistics.design import design
from evidence_lib.statistics.distributions import chi_square_p, normal_quantile
from evidence_lib.statistics.inputs import Flags, Floats, checked_level, labelled
from evidence_lib.statistics.not_estimable import NotEstimable
from evidence_lib.statistics.survival.inputs import curve

Transform = Literal["km", "rank", "identity", "log"]
COLUMNS = ["time", "log_hazard_ratio", "conf_low", "conf_high"]
SPLINE_DF = 4


def proportional_hazards_test(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable | None = None,
    reference: Hashable | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    transform: Transform = "km",
    ties: Ties | None = None,
    convention: Convention = R,
) -> Estimates:
    """Score test of proportional hazards: that a term's coefficient does not change with g(time).

    The Cox model is widened by x g(t) for the term tested; the statistic is U' I^-1 U with the score U and the full
    information I of the widened model at the fitted coefficients and no change, chi-square with one df per column of
    the term. This is ``cox.zph`` of R's survival 3.0 and later (Therneau 2020, vignette "Score tests for proportional
    hazards"), not the approximation of Grambsch & Therneau (1994, Biometrika 81:515), which took the information as
    constant over time. g(t) is 1 - S(t-) of all analysed patients (``km``), the rank, time itself, or its logarithm.

    Misreading: a large p-value does not show that hazards are proportional, and with many events a small one may come
    from a departure that does not matter. It must not choose the method of the primary analysis.

    Parameters
    ----------
    time : array of n
        Days, zero or more.
    event : array of n
        1 or True for the event, 0 or False for censoring.
    group : array of n
        Arm labels.
    treatment, reference : label, optional
        Both or neither. Given, only patients of these two arms enter. Neither: all arms enter as one term, with one
        degree of freedom less than there are arms.
    strata : array of n labels, or a frame of n rows, optional
        Each has a baseline hazard of its own; the columns of a frame are crossed.
    covariates : DataFrame of n rows, optional
        Further terms of the model, as in ``cox``.
    transform : "km", "rank", "identity" or "log"
        The function g of time.
    ties : "efron" or "breslow", optional
        None takes the convention's.
    convention : Convention
        The defaults of R or of SAS.

    Returns
    -------
    Estimates
        ``proportional_hazards.test``: first the treatment, without groups; with covariates then each of them with
        ``variable`` its name (all indicators of a categorical one together), and ``variable: global`` for all terms.
        Status ``not_estimable`` where the model is, or where the events fall on too few distinct times.

    Raises
    ------
    InvalidInput
        As ``cox``; for an unknown transform, or one of treatment and reference alone.
    """
    if (treatment is None) != (reference is None):
        raise InvalidInput("one of treatment and reference is missing", expected="both, or neither")
    if treatment is not None and treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    if transform not in get_args(Transform):
        raise InvalidInput("unknown transform", expected=" or ".join(get_args(Transform)), found=repr(transform))
    rows = checked_rows(time, event, strata=strata, ties=chosen_approximation(ties, convention), convention=convention)
    labels, size = labelled(group, "group", rows.time.size), rows.time.size
    kept = np.ones(size, dtype=bool) if treatment is None else (labels == treatment) | (labels == reference)
    arms = sorted(pd.unique(labels), key=str) if treatment is None else [reference, treatment]
    columns, names = ([(labels == arm).astype(float) for arm in arms[1:]], [str(arm) for arm in arms[1:]])
    terms: list[str | None] = [None] * len(columns)
    if covariates is not None:
        extra = design(covariates, size)
        columns += list(extra.matrix.T)
        names += extra.names
        terms += extra.variables
    shared: dict[str, Any] = {
        "analysis": "proportional_hazards.test",
        "unit": "chi-square",
        "n": int(kept.sum()),
        "events": int(rows.event[kept].sum()),
        "is_test": True,
        "method": message(
            "cox_statistics.method.proportional_hazards",
            transform=message(f"cox_statistics.transform.{transform}"),
            ties=TIES_NAME[rows.ties],
            strata=stratified(rows.strata_names),
            covariates=adjusted(covariates),
        ),
    }
    variables = list(dict.fromkeys([None, *terms]))
    tested = [np.array([term == variable for term in terms], dtype=bool) for variable in variables]
    groups = [{} if variable is None else {"variable": variable} for variable in variables]
    if covariates is not None:
        tested.append(np.ones(len(terms), dtype=bool))
        groups.append({"variable": "global"})
    try:
        if len(arms) < 2:
            raise NotEstimable(message("cox_statistics.reason.one_arm"))
        answers = _score_tests(rows.of(kept), np.column_stack(columns)[kept], names, transform, tested)
    except NotEstimable as gap:
        return Estimates(
            tuple(Estimate(**shared, groups=each, status="not_estimable", reason=gap.reason) for each in groups)
        )
    return Estimates(
        tuple(
            Estimate(
                **shared, groups=each, status="not_estimable", reason=message("cox_statistics.reason.too_few_times")
            )
            if statistic is None
            else Estimate(
                **shared,
                groups=each,
                test_statistic=statistic,
                df=int(columns_of.sum()),
                p_value=chi_square_p(statistic, int(columns_of.sum())),
            )
            for each, statistic, columns_of in zip(groups, answers, tested, strict=True)
        )
    )


def log_hazard_ratio_over_time(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    strata: ArrayLike | pd.DataFrame | None = None,
    ties: Ties | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
    points: int = 40,
) -> pd.DataFrame:
    """The log hazard ratio of two arms as a smooth function of time, with its pointwise band.

    A natural cubic spline through the scaled Schoenfeld residuals plus the coefficient against 1 - S(t-), as
    ``plot.cox.zph`` draws it: boundary knots at the ends and inner knots at the quantiles of the residuals' places
    together with the grid; the band takes the residuals' variance to be that of the model (Grambsch & Therneau 1994).
    Four degrees of freedom, fewer where there are fewer distinct event times (two: a straight line).

    Misreading: a drawing aid for the check, not an estimate of effect at a time; its ends rest on few events.

    Parameters
    ----------
    time : array of n
        Days, zero or more.
    event : array of n
        1 or True for the event, 0 or False for censoring.
    group : array of n
        Arm labels; only patients of the two arms enter.
    treatment, reference : label
        The two arms compared.
    strata : array of n labels, or a frame of n rows, optional
        Each has a baseline hazard of its own; the columns of a frame are crossed.
    ties : "efron" or "breslow", optional
        None takes the convention's.
    conf_level : float
        Level of the band, at each time.
    convention : Convention
        The defaults of R or of SAS.
    points : int
        Size of the grid, which is even on the scale 1 - S(t-).

    Returns
    -------
    DataFrame
        ``time`` (days), ``log_hazard_ratio``, ``conf_low``, ``conf_high``; no rows where the model is not estimable or
        events fall on fewer than two distinct times.

    Raises
    ------
    InvalidInput
        As ``hazard_ratio``; for fewer than two points.
    """
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    if isinstance(points, bool) or not isinstance(points, int) or points < 2:
        raise InvalidInput("points is not the size of a grid", expected="2 or more", found=repr(points))
    rows = checked_rows(time, event, strata=strata, ties=chosen_approximation(ties, convention), convention=convention)
    labels, level = labelled(group, "group", rows.time.size), checked_level(conf_level)
    kept = (labels == treatment) | (labels == reference)
    rows, x = rows.of(kept), (labels[kept] == treatment).astype(float)
    empty = pd.DataFrame(columns=COLUMNS, dtype=float)
    try:
        fit = rows.fit(x[:, None], [str(treatment)])
    except NotEstimable:
        return empty
    residual, variance = _scaled_residuals(fit)
    event_time = fit.likelihood.sets.time[fit.likelihood.sets.tie]
    place = _transformed(rows.time, rows.event, event_time, "km")
    places, first = np.unique(place, return_index=True)
    used = np.isfinite(residual)
    grid = np.linspace(places[0], places[-1], points)
    df = min(SPLINE_DF, np.unique(place[used]).size)
    knots = np.unique(np.quantile(np.concatenate([grid, place]), np.linspace(0, 1, df)))
    if knots.size < 2:
        return empty
    orthonormal, triangle = np.linalg.qr(_natural_spline(place[used], knots))
    if np.abs(np.diag(triangle)).min() < ALIASED * np.abs(np.diag(triangle)).max():
        return empty
    at_grid = np.linalg.solve(triangle.T, _natural_spline(grid, knots).T).T
    smooth = at_grid @ (orthonormal.T @ residual[used])
    half = normal_quantile(level) * np.sqrt(variance * (at_grid**2).sum(axis=1))
    at = np.interp(grid, places, event_time[first])
    return pd.DataFrame(dict(zip(COLUMNS, (at, smooth, smooth - half, smooth + half), strict=True)))


def _score_tests(
    rows: Rows, x: Floats, names: list[str], transform: Transform, tested: list[np.ndarray]
) -> list[float | None]:
    """The statistic of each set of columns; None where the information on its change with time is singular."""
    fit = rows.fit(x, names)
    sets = fit.likelihood.sets
    g = _transformed(rows.time, rows.event, sets.time, transform)
    g = g - np.average(g, weights=sets.count)
    if not np.ptp(g) > 0:
        return [None] * len(tested)
    g /= np.abs(g).max()
    fixed, changing, squared = (fit.likelihood.at(fit.beta, weights) for weights in (None, g, g**2))
    # The coefficients are at their maximum, so only the part of the change that they do not explain is left.
    left = squared.information - changing.information @ np.linalg.solve(fixed.information, changing.information)
    return [_quadratic(changing.score[which], left[np.ix_(which, which)], squared.information) for which in tested]


def _quadratic(score: Floats, variance: Floats, total: Floats) -> float | None:
    size = np.sqrt(np.diag(variance).clip(min=0))
    if not (np.diag(variance) > ALIASED * np.diag(total).max()).all():
        return None
    values, vectors = np.linalg.eigh(variance / np.outer(size, size))
    if values[0] <= ALIASED:
        return None
    return float(np.sum((vectors.T @ (score / size)) ** 2 / values))


def _transformed(time: Floats, event: Flags, at: Floats, transform: Transform) -> Floats:
    """Values of g at the event times ``at``, from all patients, whatever their stratum."""
    if transform == "km":
        fit = curve(time, event)
        before = np.concatenate([[1.0], fit.survival[:-1]])
        return 1.0 - before[np.searchsorted(fit.time, at)]
    if transform == "rank":
        ordered = np.sort(time)
        return (np.searchsorted(ordered, at, "left") + np.searchsorted(ordered, at, "right") + 1) / 2
    if transform == "identity":
        return at / max(float(at.max()), 1.0)
    if (at == 0).any():
        raise NotEstimable(message("cox_statistics.reason.log_of_zero"))
    return np.log(at)


def _scaled_residuals(fit: Fit) -> tuple[Floats, float]:
    """Of each event the scaled Schoenfeld residual plus the coefficient, NaN in a stratum with one arm; their variance.

    The variance is that of the model, the same for all.
    """
    sets, x, mean = fit.likelihood.sets, fit.likelihood.x[0], fit.likelihood.means(fit.beta)[0]
    # R leaves the residuals of such a stratum at 0 plus the coefficient, which draws the curve towards it.
    ends = [extreme.reduceat(x, sets.stratum_starts) for extreme in (np.maximum, np.minimum)]
    seen = (ends[0] > ends[1])[sets.stratum_of_row][sets.dead]
    variance = int(seen.sum()) / float(fit.information[0, 0])
    scaled = fit.beta[0] + (x[sets.dead] - mean[sets.tie]) * variance
    return np.where(seen, scaled, math.nan) / fit.scale[0], variance / float(fit.scale[0]) ** 2


def _natural_spline(x: Floats, knots: Floats) -> Floats:
    """A basis of natural cubic splines with these knots, one column per knot (Hastie et al. 2009, eq. 5.4 and 5.5)."""
    if knots.size < 3:
        return np.column_stack([np.ones_like(x), x])
    powers = np.clip(x[:, None] - knots, 0, None) ** 3
    slopes = (powers[:, :-1] - powers[:, -1:]) / (knots[-1] - knots[:-1])
    return np.column_stack([np.ones_like(x), x, slopes[:, :-1] - slopes[:, -1:]])
