"""The maximum of the Fine-Gray likelihood by Newton's method, and its covariance."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from evidence_lib.language import message
from evidence_lib.statistics.competing_risks.subdistribution import Subdistribution
from evidence_lib.statistics.cox.maximum import independent, varies_not
from evidence_lib.statistics.cox.partial_likelihood import Moments
from evidence_lib.statistics.inputs import Counts, Floats
from evidence_lib.statistics.not_estimable import NotEstimable

# Newton's decrement is the squared distance to the maximum in standard errors; the step that follows squares it again.
DECREMENT = 1e-12
ITERATIONS, HALVINGS = 100, 40
# A coefficient runs to infinity where the linear predictor still moves by about 1 a step while the information has
# all but gone; the share is that of a standard error a thousand times the one under no effect.
COLLAPSED, MOVING, PATIENCE, FAR = 1e-6, 0.1, 5, 500.0
# A variance below this share of the inverse information is rounding error.
VANISHED = 1e-12


@dataclass(frozen=True, eq=False)
class Fit:
    """Coefficients (p,) and their covariance (p, p), on the scale of the covariates given."""

    coefficients: Floats
    covariance: Floats


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
    beta, here = _maximum(likelihood, names)
    influence = np.linalg.solve(here.information, likelihood.influence(beta))
    if cluster is not None:
        influence = np.stack([np.bincount(cluster, weights=row) for row in influence])
    covariance = influence @ influence.T
    if not (np.diag(covariance) > VANISHED * np.diag(np.linalg.inv(here.information))).all():
        raise NotEstimable(message("competing_risks_statistics.reason.no_robust_variance"))
    with np.errstate(over="ignore", under="ignore"):
        fit = Fit(beta / likelihood.scale, covariance / likelihood.scale / likelihood.scale[:, None])
    if not (np.isfinite(fit.coefficients).all() and np.isfinite(fit.covariance).all()):
        raise NotEstimable(message("competing_risks_statistics.reason.not_finite"))
    return fit


def _maximum(likelihood: Subdistribution, names: Sequence[str]) -> tuple[Floats, Moments]:
    beta = np.zeros(len(names))
    here = null = likelihood.at(beta)
    if not np.isfinite(null.information).all():
        raise NotEstimable(message("competing_risks_statistics.reason.not_finite"))
    for name, is_constant in zip(names, varies_not(null, likelihood.events), strict=True):
        if is_constant:
            raise NotEstimable(message("competing_risks_statistics.reason.no_variation", name=name))
    for name, is_new in zip(names, independent(null, likelihood.events), strict=True):
        if not is_new:
            raise NotEstimable(message("competing_risks_statistics.reason.collinear", name=name))
    root = np.linalg.inv(np.linalg.cholesky(null.information))
    collapsed = 0
    for _ in range(ITERATIONS):
        step, share = _newton_step(here, root)
        decrement = float(here.score @ step)
        moving = np.abs(step @ likelihood.x).max() > MOVING
        collapsed = collapsed + 1 if share < COLLAPSED and moving else 0
        is_far = moving and likelihood.spread(beta) > FAR
        if is_far or collapsed >= PATIENCE or (decrement <= DECREMENT and moving):
            raise NotEstimable(message("competing_risks_statistics.reason.infinite", names=_largest(names, step)))
        beta, here = _uphill(likelihood, beta, here, step)
        if decrement <= DECREMENT:
            return beta, here
    raise NotEstimable(message("competing_risks_statistics.reason.no_convergence"))


def _newton_step(here: Moments, root: Floats) -> tuple[Floats, float]:
    """Newton's step, and the smallest share of the information under no effect that is left in any direction."""
    values, vectors = np.linalg.eigh(root @ here.information @ root.T)
    # Rounding can leave a vanished eigenvalue at zero or below; its direction then is followed, not inverted.
    along = (vectors.T @ (root @ here.score)) / np.maximum(values, 1e-12)
    return root.T @ (vectors @ along), float(values[0])


def _uphill(likelihood: Subdistribution, beta: Floats, here: Moments, step: Floats) -> tuple[Floats, Moments]:
    """The step, halved until the likelihood does not fall by more than rounding."""
    slack = 1e-12 * (1 + abs(here.log_likelihood))
    for _ in range(HALVINGS):
        there = likelihood.at(beta + step)
        if np.isfinite(there.information).all() and there.log_likelihood >= here.log_likelihood - slack:
            return beta + step, there
        step = step / 2
    raise NotEstimable(message("competing_risks_statistics.reason.no_convergence"))


def _largest(names: Sequence[str], step: Floats) -> tuple[str, ...]:
    large = np.abs(step) >= np.abs(step).max() / 2
    return tuple(name for name, is_large in zip(names, large, strict=True) if is_large)
