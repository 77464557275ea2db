"""``principal_stratum_effect``: the effect in a principal stratum under principal ignorability."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.design import design, level_text
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import Flags, Floats, checked_level, choice, numbers, refuse, with_labels
from evidence_lib.statistics.means.inputs import Outcome, measured
from evidence_lib.statistics.not_estimable import NotEstimable
from evidence_lib.statistics.proportions.logistic import Patients, logistic_coefficients

Measure = Literal["mean_difference", "risk_difference"]
UNITS = {"mean_difference": "outcome", "risk_difference": "probability"}
LEVELS = {"mean_difference": "mean", "risk_difference": "risk"}
FEWEST = 2


@dataclass(frozen=True, eq=False)
class _Arms:
    """Outcomes (n,), who is treated, who of them is in the stratum, and the columns of the principal score (n, q)."""

    outcome: Outcome
    treated: Flags
    stratum: Flags
    x: Floats
    names: tuple[str, ...]


def principal_stratum_effect(
    outcome: ArrayLike,
    group: ArrayLike,
    stratum: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    covariates: pd.DataFrame,
    measure: Measure = "mean_difference",
    conf_level: float = 0.95,
) -> Estimates:
    """Difference of means in those who would be in the stratum under treatment, treated minus reference.

    The stratum S(1) = 1 (who would tolerate the treatment, who would respond to it) is seen in the treated only. With
    covariates X from before randomisation, the principal score e(X) = P(S = 1 | X) is a logistic regression in the
    treated, and

        mean of Y in the treated with S = 1, minus sum e(X) Y / sum e(X) over the reference arm

    (Jo & Stuart 2009, Stat Med 28:2857; Ding & Lu 2017, J R Stat Soc B 79:757, theorem 1). All of the reference arm
    enter, weighted by their chance of being in the stratum. Variance by the sandwich of the stacked estimating
    equations of score and means (M-estimation; no correction for small samples); limits are normal.

    Assumes randomised arms, a correct model of the score, and principal ignorability: given X, the outcome under the
    reference does not depend on the stratum. That cannot be tested by the data.

    Misreading: it is not the difference between the treated in the stratum and the whole reference arm, nor between
    those who showed the event and those who did not in either arm; and nobody can say of a single patient to come
    whether he or she belongs to the stratum.

    Parameters
    ----------
    outcome : array of n
        A number per subject; 0 or 1 for "risk_difference". None may be missing.
    group : array of n labels
        The arm; subjects of other arms are left out.
    stratum : array of n
        1 in the stratum, 0 not, for the treated; of the reference arm it is never looked at.
    treatment, reference : str or number
        The arms compared.
    covariates : DataFrame of n rows
        Known before randomisation, never missing: numbers as they are, other types as indicators of their levels.
    measure : {"mean_difference", "risk_difference"}
        What the outcome is.
    conf_level : float
        Level of the two-sided intervals.

    Returns
    -------
    Estimates
        ``principal_stratum.<measure>`` with its p-value, then ``principal_stratum.mean`` (or ``.risk``) of the
        treated and of the reference arm. ``not_estimable`` without subjects in an arm, with fewer than two treated in
        or out of the stratum, and where the score has no finite fit (collinear covariates, covariates that foretell
        the stratum perfectly).

    Raises
    ------
    InvalidInput
        For a missing outcome, a stratum other than 0 and 1 in the treated, missing covariates, one arm twice.
    """
    level = checked_level(conf_level)
    choice(measure, Measure, "measure")
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    data = _arms(outcome, group, stratum, treatment, reference, covariates, measure)
    names = {"treatment": level_text(treatment), "reference": level_text(reference)}
    shared: dict[str, Any] = {"unit": UNITS[measure], "conf_level": level}
    sizes = {
        "difference": int(data.treated.size),
        "treatment": int((data.treated & data.stratum).sum()),
        "reference": int((~data.treated).sum()),
    }
    method = message(
        "estimand_endpoints.principal_stratum.method",
        covariates=list(map(str, covariates.columns)),
        members=sizes["treatment"],
        treated=int(data.treated.sum()),
        level=f"{level * 100:g}",
    )
    facts: list[dict[str, Any]] = [
        {"analysis": f"principal_stratum.{measure}", "groups": names, "n": sizes["difference"]},
        *(
            {"analysis": f"principal_stratum.{LEVELS[measure]}", "groups": {"arm": names[arm]}, "n": sizes[arm]}
            for arm in ("treatment", "reference")
        ),
    ]
    try:
        answers = _fitted(data, names)
    except NotEstimable as gap:
        return Estimates(
            tuple(Estimate(**shared, **one, method=method, status="not_estimable", reason=gap.reason) for one in facts)
        )
    return Estimates(
        tuple(
            Estimate(**shared, **one, method=method, **_interval(value, error, level, tested=place == 0))
            for place, (one, (value, error)) in enumerate(zip(facts, answers, strict=True))
        )
    )


def _arms(
    outcome: ArrayLike,
    group: ArrayLike,
    stratum: ArrayLike,
    treatment: Hashable,
    reference: Hashable,
    covariates: pd.DataFrame,
    measure: Measure,
) -> _Arms:
    values = numbers(outcome, "outcome")
    treated, control = with_labels(group, "group", values.size, (treatment, reference))
    marks = numbers(stratum, "stratum")
    if marks.size != values.size:
        raise InvalidInput("stratum does not fit the data", expected=f"{values.size} values", found=f"{marks.size}")
    kept = treated | control
    refuse(kept & ~np.isfinite(values), "outcome", "a finite number for each patient", "a missing or infinite value")
    if measure == "risk_difference":
        refuse(kept & ~np.isin(values, (0.0, 1.0)), "outcome", "0 or 1", "another value")
    refuse(treated & ~np.isin(marks, (0.0, 1.0)), "stratum", "0 or 1 for each of the treated", "another value")
    design(covariates, values.size)
    columns = design(covariates[kept], int(kept.sum()))
    x = np.column_stack([np.ones(int(kept.sum())), _scaled(columns.matrix)])
    return _Arms(measured(values[kept]), treated[kept], (marks == 1)[kept] & treated[kept], x, columns.names)


def _scaled(matrix: Floats) -> Floats:
    """Columns with mean 0 and standard deviation 1, which no score depends on; a constant one becomes 0."""
    if not len(matrix):
        return matrix
    largest = np.abs(matrix).max(axis=0)
    matrix = matrix / np.where(largest > 0, largest, 1.0)
    middle, spread = matrix.mean(axis=0), matrix.std(axis=0)
    flat = spread <= 1e-12
    return np.where(flat, 0.0, (matrix - middle) / np.where(flat, 1.0, spread))


def _fitted(data: _Arms, names: dict[str, str]) -> list[tuple[float, float]]:
    """Difference, mean of the treated in the stratum, weighted mean of the reference; each with its standard error."""
    control = ~data.treated
    for arm, rows in (("treatment", data.treated), ("reference", control)):
        if not rows.any():
            raise NotEstimable(message("estimand_endpoints.principal_stratum.no_subjects", arm=names[arm]))
    inside, outside = int(data.stratum.sum()), int((data.treated & ~data.stratum).sum())
    if min(inside, outside) < FEWEST:
        raise NotEstimable(
            message("estimand_endpoints.principal_stratum.too_few", inside=inside, outside=outside, least=FEWEST)
        )
    at = _score(data)
    linear = data.x @ at
    score = expit(linear)
    # Above the least outcome, so that outcomes that do not vary are exactly 0.
    least = float(data.outcome.values.min())
    y, members = data.outcome.values - least, data.stratum
    weight = np.where(control, score, 0.0)
    mean_1, mean_0 = float(y[members].mean()), float(weight @ y / weight.sum())
    slope = np.where(data.treated, score * expit(-linear), 0.0)
    information = data.x.T @ (slope[:, None] * data.x)
    drift = (np.where(control, score * expit(-linear), 0.0) * (y - mean_0)) @ data.x
    residual = np.where(data.treated, np.where(members, expit(-linear), -score), 0.0)
    influence_1 = np.where(members, y - mean_1, 0.0) / members.sum()
    of_score = residual * (data.x @ np.linalg.solve(information, drift))
    influence_0 = (weight * (y - mean_0) + of_score) / weight.sum()
    found = (
        (mean_1 - mean_0, influence_1 - influence_0),
        (mean_1 + least, influence_1),
        (mean_0 + least, influence_0),
    )
    back = data.outcome.back
    return [(back(value), back(math.sqrt(float(part @ part)))) for value, part in found]


def _score(data: _Arms) -> Floats:
    """The coefficients of the principal score, fitted in the treated."""
    rows = data.treated
    n = int(rows.sum())
    try:
        return logistic_coefficients(
            Patients(
                event=data.stratum[rows],
                arm=np.ones(n, dtype=np.int64),
                x=data.x[rows],
                names=data.names,
                count=np.ones(n, dtype=np.int64),
                stratum=np.zeros(n, dtype=np.int64),
            )
        )
    except NotEstimable:
        raise NotEstimable(message("estimand_endpoints.principal_stratum.no_score")) from None


def _interval(value: float, error: float, level: float, *, tested: bool) -> dict[str, Any]:
    if not error > 0:
        reason = message("estimand_endpoints.principal_stratum.no_variance")
        return {"estimate": value, "reason": reason}
    half = normal_quantile(level) * error
    test = {"test_statistic": value / error, "p_value": two_sided_p(value / error)} if tested else {}
    return {"estimate": value, "std_error": error, "conf_low": value - half, "conf_high": value + half, **test}
