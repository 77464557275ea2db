"""The analyses of the completed data sets: covariance at a visit, and shares of responders."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evidence_lib.language import message
from evidence_lib.statistics.inputs import Counts, Flags, Floats
from evidence_lib.statistics.means.multiple_imputation.posterior import COLLINEAR
from evidence_lib.statistics.means.multiple_imputation.trial import Trial
from evidence_lib.statistics.not_estimable import NotEstimable

ROUNDING = 1e-26


@dataclass(frozen=True, eq=False)
class Analysed:
    """Estimates (m,) of the completed data sets, their squared standard errors, and the complete-data df."""

    estimates: Floats
    variances: Floats
    df: float


class Ancova:
    """Least squares on a mean per arm and the covariates, which have mean 0 over all subjects.

    The coefficient of an arm is its least-squares mean at the mean of the covariates (observed margins); the variance
    is that of one residual standard deviation for all arms. All completed data sets are analysed at once.
    """

    def __init__(self, trial: Trial) -> None:
        self.scale, self.center = trial.scale, trial.center
        arms = trial.arm[:, None] == np.arange(len(trial.arms))
        design = np.column_stack([arms, trial.covariates])
        self.df = len(design) - design.shape[1]
        if self.df < 1:
            raise NotEstimable(message("imputation_statistics.reason.no_degrees_of_freedom"))
        self.basis, root = np.linalg.qr(design)
        diagonal, length = np.abs(np.diag(root)), np.sqrt((root**2).sum(axis=0))
        if (diagonal <= COLLINEAR * length).any():
            raise NotEstimable(message("imputation_statistics.reason.collinear"))
        self.inverse = np.linalg.inv(root)

    def analyse(self, values: Floats, weights: Floats) -> Analysed:
        """The combination of the arms' means with ``weights`` (one per arm), from values (m, n) at one visit."""
        scores = values @ self.basis
        rest = values - scores @ self.basis.T
        contrast = self.inverse[: weights.size].T @ weights
        residual = (rest**2).sum(axis=1) / self.df
        # Outcomes are of the order of 1: what is left of a perfect fit is rounding.
        residual[residual < ROUNDING] = 0.0
        location = self.center * weights.sum()
        return Analysed(
            estimates=scores @ contrast * self.scale + location,
            variances=residual * float(contrast @ contrast) * self.scale**2,
            df=float(self.df),
        )


def share_difference(responding: Flags, arm: Counts, treated: int, reference: int) -> Analysed:
    """Difference of the shares of responders (m, n), with the sum of p (1 - p) / n as variance."""
    parts = []
    for one in (treated, reference):
        inside = responding[:, arm == one]
        share = inside.mean(axis=1)
        parts.append((share, share * (1 - share) / inside.shape[1]))
    (p1, v1), (p0, v0) = parts
    return Analysed(estimates=p1 - p0, variances=v1 + v0, df=float("inf"))
