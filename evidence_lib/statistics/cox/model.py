"""The Cox model itself, and how its arguments become numbers."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import ndtri

from evidence_lib.conventions import Convention, R, Ties
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.cox.partial_likelihood import NotEstimable, TieMethod, maximise
from evidence_lib.statistics.distributions import two_sided_p
from evidence_lib.statistics.inputs import Floats, checked_level, crossed
from evidence_lib.statistics.survival.inputs import checked

TIES_NAME = {"efron": "Efron", "breslow": "Breslow"}


@dataclass(frozen=True, eq=False)
class CoxModel:
    """A fitted Cox model.

    ``terms`` (p,) names the columns of the model: a numeric covariate by its name, a level of a categorical one as
    ``name=level``. ``coefficients`` (p,) are log hazard ratios per unit and ``covariance`` (p, p) is the inverse of
    the observed information. ``converged`` is False exactly where ``status`` is ``not_estimable``: ``reason`` then says
    why, and coefficients, covariance and likelihoods are NaN.
    """

    terms: tuple[str, ...]
    coefficients: Floats
    covariance: Floats
    log_likelihood: float
    null_log_likelihood: float
    n: int
    events: int
    ties: TieMethod
    iterations: int
    converged: bool
    conf_level: float
    method: Message
    status: Literal["ok", "not_estimable"] = "ok"
    reason: Message | None = None

    def table(self) -> pd.DataFrame:
        """One row per term: log_hazard_ratio, std_error, hazard_ratio, conf_low, conf_high (Wald) and p_value."""
        std_error = np.sqrt(np.diag(self.covariance))
        half = float(ndtri((1 + self.conf_level) / 2)) * std_error
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


@dataclass(frozen=True)
class Design:
    """The columns of covariates: ``matrix`` (n, p), the name of each column, and the covariate each belongs to."""

    matrix: Floats
    names: tuple[str, ...]
    variables: tuple[str, ...]


def cox(
    time: ArrayLike,
    event: ArrayLike,
    covariates: pd.DataFrame,
    *,
    strata: ArrayLike | pd.DataFrame | None = None,
    ties: Ties | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> CoxModel:
    """Cox's proportional hazards model, h(t | x) = h0(t) exp(x' b), with a baseline hazard h0 per stratum.

    b maximises the partial likelihood (Cox 1972, J R Stat Soc B 34:187) with Efron's (1977) or Breslow's (1974)
    handling of ties, by Newton's method on centred and scaled covariates.

    Misreading: a hazard ratio is not a ratio of risks or of times, and of a covariate that is not randomised it is an
    association. Adjusted and unadjusted hazard ratios differ even without confounding.

    Parameters
    ----------
    time : array of n days, zero or more
    event : array of n, 1 or True for the event, 0 or False for censoring
    covariates : DataFrame
        n rows. Numbers and booleans enter as they are; columns of any other type are categorical and become
        indicators of their levels, the first in sorted order being the reference.
    strata : array of n labels, or a frame of n rows whose columns are crossed
    ties : "efron" or "breslow"; None takes the convention's
    conf_level : of the limits in ``CoxModel.table``

    Returns
    -------
    CoxModel
        Status ``not_estimable`` without events, for a covariate that is constant or a combination of others among
        patients at risk, and where the events are separated so that a coefficient is infinite.

    Raises
    ------
    InvalidInput
        For times that are negative or not finite, events other than 0 and 1, missing or infinite covariates, unequal
        lengths, a wrong choice.
    """
    times, events = checked(time, event)
    chosen, level = chosen_ties(ties, convention), checked_level(conf_level)
    x = design(covariates, times.size)
    stratum, strata_names = crossed(strata, times.size)
    try:
        fit = maximise(times, events, x.matrix, x.names, stratum, chosen)
    except NotEstimable as gap:
        fit, reason = None, gap.reason
    p = len(x.names)
    return CoxModel(
        terms=x.names,
        coefficients=np.full(p, np.nan) if fit is None else fit.coefficients,
        covariance=np.full((p, p), np.nan) if fit is None else fit.covariance,
        log_likelihood=np.nan if fit is None else fit.log_likelihood,
        null_log_likelihood=np.nan if fit is None else fit.null_log_likelihood,
        n=times.size,
        events=int(events.sum()),
        ties=chosen,
        iterations=0 if fit is None else fit.iterations,
        converged=fit is not None,
        conf_level=level,
        method=message("cox_statistics.method.model", ties=TIES_NAME[chosen], strata=stratified(strata_names)),
        status="ok" if fit is not None else "not_estimable",
        reason=None if fit is not None else reason,
    )


def chosen_ties(ties: Ties | None, convention: Convention) -> TieMethod:
    """The handling of ties that was given, else the convention's. Raises InvalidInput for one that is not available."""
    chosen = convention.cox_ties if ties is None else ties
    if chosen not in get_args(TieMethod):
        raise InvalidInput("unknown ties", expected=" or ".join(get_args(TieMethod)), found=repr(chosen))
    return chosen  # type: ignore[return-value]


def design(covariates: Any, size: int) -> Design:
    """The columns that covariates become. Raises InvalidInput; rows are named by number, from 1."""
    if not isinstance(covariates, pd.DataFrame) or covariates.shape[1] == 0 or len(covariates) != size:
        raise InvalidInput(
            "covariates do not fit the times",
            expected=f"a frame of {size} rows with a column or more",
            found=f"shape {np.shape(covariates)}",
        )
    if not covariates.columns.is_unique:
        raise InvalidInput("covariates hold a column name twice", expected="each name once")
    parts: list[Floats] = []
    names: list[str] = []
    variables: list[str] = []
    for column in covariates.columns:
        for name, values in _columns(covariates[column], str(column)):
            parts.append(values)
            names.append(name)
            variables.append(str(column))
    return Design(np.column_stack(parts), tuple(names), tuple(variables))


def _columns(values: pd.Series, name: str) -> list[tuple[str, Floats]]:
    _refuse(values.isna().to_numpy(), name, "a missing value")
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_any_real_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=float)
        _refuse(~np.isfinite(numbers), name, "an infinite value")
        return [(name, numbers)]
    if pd.api.types.is_datetime64_any_dtype(values.dtype) or pd.api.types.is_complex_dtype(values.dtype):
        raise InvalidInput(
            "a covariate is neither numbers nor categories",
            where=name,
            found=f"type {values.dtype}",
            mend="give numbers",
        )
    levels = sorted_levels(values)
    if len(levels) < 2:
        # One level stays a constant column, so that the model says which covariate it cannot estimate.
        return [(name, np.zeros(len(values)))]
    return [(f"{name}={level_text(level)}", (values == level).to_numpy(dtype=float)) for level in levels[1:]]


def sorted_levels(values: pd.Series) -> list[Any]:
    """The levels that occur, sorted; by their text where they are of kinds that have no order."""
    found = list(values.astype(object).dropna().unique())
    try:
        return sorted(found)
    except TypeError:
        return sorted(found, key=str)


def level_text(level: Any) -> str:
    """A level as written: whole numbers without a decimal point, since a missing value turns them into decimals."""
    return str(int(level)) if isinstance(level, float) and level.is_integer() else str(level)


def stratified(names: tuple[str, ...] | None) -> Message | str:
    """The part of ``method`` that names the strata."""
    if names is None:
        return ""
    return (
        message("cox_statistics.part.strata", names=names) if names else message("cox_statistics.part.strata_unnamed")
    )


def _refuse(wrong: np.ndarray, name: str, found: str) -> None:
    if wrong.any():
        rows = np.flatnonzero(wrong) + 1
        more = f" and {rows.size - 1} more" if rows.size > 1 else ""
        raise InvalidInput(
            "a covariate cannot be used",
            where=name,
            expected="a finite value for each patient",
            found=f"{found} in row {rows[0]}{more}",
        )
