"""Negative binomial regression of the number of events of each subject."""

from __future__ import annotations

import math
from collections.abc import Hashable
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.cox.hazard_ratio import adjusted, arm_columns, ratio_of
from evidence_lib.statistics.design import design
from evidence_lib.statistics.inputs import Flags, Floats, checked_level, labelled, numbers, refuse
from evidence_lib.statistics.not_estimable import NotEstimable
from evidence_lib.statistics.recurrent_events.overdispersion import Fit, fitted

Information = Literal["expected", "observed"]
# More events of one subject are an error of the data.
MOST_EVENTS = 1e6


def negative_binomial(
    count: ArrayLike,
    exposure: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    covariates: pd.DataFrame | None = None,
    information: Information = "expected",
    conf_level: float = 0.95,
) -> Estimates:
    """Rate ratio of two arms from negative binomial regression; below 1 favours the treatment for a bad event.

    The number of events y of a subject observed for a time e has mean m = e exp(a + x' b) and variance m + k m^2, as
    when subjects' Poisson rates vary by a gamma factor of variance k (Lawless 1987, Can J Stat 15:209, eq. 2.1). The
    dispersion k and the coefficients maximise the likelihood together. The standard errors come from the expected
    information of the coefficients, X' diag(m / (1 + k m)) X, in which k has no part (R's ``glm.nb``), or from the
    observed information of coefficients and dispersion together (SAS GENMOD). Where the likelihood falls from k = 0 on,
    k is 0 and the model is Poisson's.

    Assumes a constant rate over time, and that observation ends independently of the events. Misreading: it is a ratio
    of mean rates, which a few subjects with many events can drive; and it does not say when the events happen.

    Parameters
    ----------
    count : array of n
        Events of each subject, whole numbers.
    exposure : array of n
        Days under observation, above zero.
    group : array of n
        Arm labels. All arms enter one model, as in ``cox.hazard_ratio``.
    treatment, reference : label
        The two arms compared.
    covariates : DataFrame of n rows, optional
        Further terms of the model, as in ``cox``.
    information : "expected" or "observed"
        What the standard errors come from.
    conf_level : float
        Level of the interval.

    Returns
    -------
    Estimates
        ``negative_binomial.rate_ratio``: estimate and Wald limits on the ratio scale, ``std_error`` on the log scale;
        ``n`` subjects of the two arms, ``events`` their events. Then ``negative_binomial.dispersion``, k, of the whole
        model, with its standard error from the observed information (none where it is 0). Status ``not_estimable``
        where an arm has no events, a covariate is constant, a combination of others or separates the events, and where
        the dispersion has no finite estimate.

    Raises
    ------
    InvalidInput
        For counts that are not whole numbers, exposure that is not above zero, missing arm labels or covariates, equal
        arms, unequal lengths, a wrong choice.
    """
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    if information not in get_args(Information):
        raise InvalidInput("unknown information", expected=" or ".join(get_args(Information)), found=repr(information))
    y, time = _checked(count, exposure)
    labels, level = labelled(group, "group", y.size), checked_level(conf_level)
    extra = None if covariates is None else design(covariates, y.size)
    arms = arm_columns(labels, y > 0, treatment, reference, extra)
    compared = (labels == treatment) | (labels == reference)
    groups = {"treatment": treatment, "reference": reference, "subgroup": "all"}
    shared: dict[str, Any] = {"groups": groups, "n": int(compared.sum()), "events": int(y[compared].sum())}
    parts: dict[str, Any] = {"covariates": adjusted(covariates), "arms": arms.part}
    ratio: dict[str, Any] = {
        **shared,
        "analysis": "negative_binomial.rate_ratio",
        "unit": "ratio",
        "scale": "log",
        "conf_level": level,
    }
    dispersion: dict[str, Any] = {**shared, "analysis": "negative_binomial.dispersion", "unit": "variance"}
    method = message(f"recurrent_events_statistics.method.negative_binomial_{information}", **parts)
    try:
        _both_have_events(y, labels, (treatment, reference))
        kept = arms.kept
        fit = fitted(y[kept], time[kept], arms.x[kept], arms.names)
        answer = ratio_of(float(fit.coefficients[0]), math.sqrt(fit.variance(information)), level)
    except NotEstimable as gap:
        return Estimates(
            tuple(
                Estimate(**each, method=method, status="not_estimable", reason=gap.reason)
                for each in (ratio, dispersion)
            )
        )
    if fit.dispersion == 0:
        method = message("recurrent_events_statistics.method.negative_binomial_boundary", **parts)
    return Estimates((Estimate(**ratio, **answer, method=method), _dispersion(fit, {**dispersion, "method": method})))


def _dispersion(fit: Fit, shared: dict[str, Any]) -> Estimate:
    error = fit.dispersion_error()
    return Estimate(**shared, estimate=fit.dispersion, std_error=error)


def _checked(count: ArrayLike, exposure: ArrayLike) -> tuple[Floats, Floats]:
    y, time = numbers(count, "count"), numbers(exposure, "exposure")
    if y.size != time.size:
        raise InvalidInput(
            "count and exposure differ in length", expected="one of each per subject", found=f"{y.size} and {time.size}"
        )
    whole: Flags = np.isfinite(y) & (y >= 0) & (y <= MOST_EVENTS)
    refuse(~whole | (np.where(whole, y, 0) % 1 != 0), "count", "a whole number from 0 to 1,000,000", "another value")
    refuse(~np.isfinite(time) | (time <= 0), "exposure", "a finite number of days above zero", "another value")
    return y, time


def _both_have_events(y: Floats, labels: np.ndarray, arms: tuple[Hashable, Hashable]) -> None:
    for arm in arms:
        if not (labels == arm).any():
            raise NotEstimable(message("recurrent_events_statistics.reason.no_subjects_in_arm", arm=str(arm)))
    empty = [arm for arm in arms if not y[labels == arm].any()]
    if len(empty) == len(arms):
        raise NotEstimable(message("recurrent_events_statistics.reason.no_events"))
    if empty:
        raise NotEstimable(message("recurrent_events_statistics.reason.no_events_in_arm", arm=str(empty[0])))
