"""The Cox model itself."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R
from evidence_lib.language import Message, message
from evidence_lib.statistics.cox.inputs import checked_rows
from evidence_lib.statistics.cox.maximum import CoxTies
from evidence_lib.statistics.design import design
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import Floats, checked_level
from evidence_lib.statistics.not_estimable import NotEstimable


@dataclass(frozen=True, eq=False)
class CoxModel:
    """A fitted Cox model.

    ``terms`` (p,) names the columns of the model: a numeric covariate by its name, a level of a categorical one as
    ``name=level``. ``coefficients`` (p,) are log hazard ratios per unit and ``covariance`` (p, p) their covariance: the
    robust one where ``robust`` says so, else the inverse of the observed information, which ``naive_covariance`` always
    is. ``n`` and ``events`` count rows. ``converged`` is False exactly where ``status`` is ``not_estimable``:
    ``reason`` then says why, and coefficients, covariances and likelihoods are NaN.
    """

    terms: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    naive_covariance: Floats
    log_likelihood: float
    null_log_likelihood: float
    n: int
    events: int
    ties: CoxTies
    robust: bool
    iterations: int
    converged: bool
    conf_level: float
    method: Message
    status: Literal["ok", "not_estimable"] = "ok"
    reason: Message | None = None

    def table(self) -> pd.DataFrame:
        """One row per term: log_hazard_ratio, std_error, hazard_ratio, conf_low, conf_high (Wald) and p_value.

        All but the ratio are NaN where the variance of a term in huge units is too small to be a number.
        """
        variance = np.diag(self.covariance)
        std_error = np.sqrt(np.where(variance > 0, variance, np.nan))
        half = normal_quantile(self.conf_level) * std_error
        with np.errstate(over="ignore"):
            ratio, low, high = (np.exp(self.coefficients + shift) for shift in (0.0, -half, half))
        p_value = [two_sided_p(z) for z in self.coefficients / std_error]
        return pd.DataFrame(
            {
                "term": self.terms,
                "log_hazard_ratio": self.coefficients,
                "std_error": std_error,
                "hazard_ratio": ratio,
                "conf_low": low,
                "conf_high": high,
                "p_value": p_value,
            }
        )


def cox(
    time: ArrayLike,
    event: ArrayLike,
    covariates: pd.DataFrame,
    *,
    entry: ArrayLike | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    weights: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    robust: bool | None = None,
    ties: CoxTies | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> CoxModel:
    """Cox's proportional hazards model, h(t | x) = h0(t) exp(x' b), with a baseline hazard h0 per stratum.

    b maximises the partial likelihood (Cox 1972, J R Stat Soc B 34:187) by Newton's method on centred and scaled
    covariates, with ties as Efron (1977, J Am Stat Assoc 72:557), as Breslow (1974, Biometrics 30:89), or exactly: the
    discrete likelihood of the observed events given their number at each time. Weights w multiply the risk of a row and
    the log-likelihood of its event; with Efron's ties the tied events share their mean weight (Therneau & Grambsch
    2000, section 7.5). The robust variance is D' D with D = I^-1 times the weighted score residuals summed in each
    cluster (Lin & Wei 1989, J Am Stat Assoc 84:1074). All of it is as R's ``coxph``.

    Assumes proportional hazards and that censoring, entry and events are independent given the covariates. Misreading:
    a hazard ratio is not a ratio of risks or of times, and of a covariate that is not randomised it is an association.
    Adjusted and unadjusted hazard ratios differ even without confounding.

    Parameters
    ----------
    time : array of n
        Days, zero or more.
    event : array of n
        1 or True for the event, 0 or False for censoring.
    covariates : DataFrame of n rows
        Numbers and booleans enter as they are; columns of any other type are categorical and become indicators of
        their levels, the first in sorted order being the reference.
    entry : array of n, optional
        Days, zero or more, when a row comes under observation (left truncation; the start of an interval in
        counting-process data). It is at risk after that time, up to and including ``time``.
    strata : array of n labels, or a frame of n rows, optional
        Each has a baseline hazard of its own; the columns of a frame are crossed.
    weights : array of n, optional
        Case weights, zero or more. A row of weight zero is as if it were not there.
    cluster : array of n labels, optional
        Rows of one cluster (a patient, a site) are taken as dependent.
    robust : bool, optional
        The robust variance, or the inverse information, which takes weights as counts of patients and rows as
        independent. None: robust where weights or clusters are given. Without clusters each row is its own.
    ties : "efron", "breslow" or "exact", optional
        None takes the convention's. Exact ties take no weights and no robust variance.
    conf_level : float
        Of the limits in ``CoxModel.table``.
    convention : Convention
        The defaults of R or of SAS.

    Returns
    -------
    CoxModel
        Status ``not_estimable`` without events, for a covariate that is constant or a combination of others among
        patients at risk, where the events are separated so that a coefficient is infinite, and where the clusters are
        too few for a robust variance.

    Raises
    ------
    InvalidInput
        For times that are negative or not finite, an entry that is not before the time, events other than 0 and 1,
        missing or infinite covariates, negative weights, unequal lengths, a wrong choice.
    """
    rows = checked_rows(
        time,
        event,
        entry=entry,
        weights=weights,
        cluster=cluster,
        robust=robust,
        strata=strata,
        ties=ties,
        convention=convention,
    )
    level = checked_level(conf_level)
    x = design(covariates, rows.time.size)
    reason = None
    try:
        fit = rows.fit(x.matrix, x.names)
    except NotEstimable as gap:
        fit, reason = None, gap.reason
    p = len(x.names)
    return CoxModel(
        terms=x.names,
        coefficients=np.full(p, np.nan) if fit is None else fit.coefficients,
        covariance=np.full((p, p), np.nan) if fit is None else fit.covariance,
        naive_covariance=np.full((p, p), np.nan) if fit is None else fit.naive_covariance,
        log_likelihood=np.nan if fit is None else fit.log_likelihood,
        null_log_likelihood=np.nan if fit is None else fit.null_log_likelihood,
        n=rows.time.size,
        events=int(rows.event.sum()),
        ties=rows.ties,
        robust=rows.robust,
        iterations=0 if fit is None else fit.iterations,
        converged=fit is not None,
        conf_level=level,
        method=message("cox_statistics.method.model", **rows.choices()),
        status="ok" if fit is not None else "not_estimable",
        reason=reason,
    )
