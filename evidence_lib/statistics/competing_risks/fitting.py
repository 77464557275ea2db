"""The maximum of the Fine-Gray likelihood, and its covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evidence_lib.language import message
from evidence_lib.statistics.competing_risks.subdistribution import Subdistribution
from evidence_lib.statistics.cox.maximum import ascended, estimable
from evidence_lib.statistics.inputs import Counts, Floats
from evidence_lib.statistics.not_estimable import NotEstimable

# A variance below this share of the inverse information is rounding error.
VANISHED = 1e-12


@dataclass(frozen=True, eq=False)
class Fit:
    """Coefficients (p,) and their standard errors (p,), on the scale of the covariates given."""

    coefficients: Floats
    std_error: Floats


def fitted(
    time: Floats,
    kind: Counts,
    covariates: Floats,
    names: Sequence[str],
    stratum: Counts,
    group: Counts,
    cluster: Counts | None,
) -> Fit:
    """The fit of the covariates (n, p). Raises NotEstimable, naming the columns that are to blame."""
    if not (kind == 1).any():
        raise NotEstimable(message("competing_risks_statistics.reason.no_events"))
    likelihood = Subdistribution(time, kind, covariates, stratum, group)
    nothing = np.zeros(len(names))
    null = likelihood.at(nothing)
    if not np.isfinite(null.information).all():
        raise NotEstimable(message("competing_risks_statistics.reason.not_finite"))
    estimable(null, likelihood.events, names)
    beta, here, _ = ascended(likelihood, nothing, null, null.information, names)
    influence = np.linalg.solve(here.information, likelihood.influence(beta))
    if cluster is not None:
        influence = np.stack([np.bincount(cluster, weights=row) for row in influence])
    variance = (influence**2).sum(axis=1)
    if not (variance > VANISHED * np.diag(np.linalg.inv(here.information))).all():
        raise NotEstimable(message("competing_risks_statistics.reason.no_robust_variance"))
    with np.errstate(over="ignore"):
        fit = Fit(beta / likelihood.scale, np.sqrt(variance) / likelihood.scale)
    if not (np.isfinite(fit.coefficients).all() and np.isfinite(fit.std_error).all() and fit.std_error.all()):
        raise NotEstimable(message("competing_risks_statistics.reason.not_finite"))
    return fit
