"""Imputation visit by visit: each visit regressed on those before it, as SAS PROC MI's MONOTONE REG."""

from __future__ import annotations

import numpy as np

from evidence_lib.errors import DataError
from evidence_lib.statistics.inputs import Flags, Floats
from evidence_lib.statistics.means.multiple_imputation.posterior import COLLINEAR, MEND, Model
from evidence_lib.statistics.means.multiple_imputation.trial import Trial


def intermittent(trial: Trial) -> Flags:
    """Missing values with a value at a later visit: a monotone pattern has none."""
    later = np.cumsum(trial.observed[:, ::-1], axis=1)[:, ::-1] > 0
    return ~trial.observed & later


def visit_by_visit(trial: Trial, model: Model, completed: Floats, last: int, rng: np.random.Generator) -> Floats:
    """Fill the missing values that run to the end of ``completed`` (m, n, J), one visit after another up to ``last``.

    The value at visit j is regressed on the arms, the covariates and all earlier visits, among subjects who have one.
    Each imputation draws the residual variance (sum of squares over a chi-square), the coefficients given it, and the
    values; imputed values stand as regressors at the visits that follow (Rubin 1987, example 5.1).
    A value whose arm has no value at the visit stays NaN, as do those that follow from it.
    """
    m = len(completed)
    known = ~np.isnan(completed[0])
    filled = completed.copy()
    for j in range(last + 1):
        rows, wanted = np.flatnonzero(known[:, j]), np.flatnonzero(~known[:, j])
        if wanted.size == 0:
            continue
        cells = np.flatnonzero(model.estimable[j])
        fixed = np.column_stack([model.cell[:, j, None] == cells, trial.covariates])
        design = np.concatenate([np.broadcast_to(fixed, (m, *fixed.shape)), filled[:, :, :j]], axis=2)
        df = rows.size - design.shape[2]
        if df < 1:
            raise DataError(
                f"too few subjects were seen at visit {trial.visits[j]} to fit the imputation model",
                where="multiple imputation",
                expected=f"{design.shape[2] + 1} or more",
                found=str(rows.size),
                mend=MEND,
            )
        basis, root = np.linalg.qr(design[:, rows])
        _refuse_singular(root, trial, j)
        scores = np.einsum("mip,mi->mp", basis, filled[:, rows, j])
        residual = filled[:, rows, j] - np.einsum("mip,mp->mi", basis, scores)
        sigma = np.sqrt((residual**2).sum(axis=1) / rng.chisquare(df, m))
        noise = sigma[:, None] * rng.standard_normal((m, design.shape[2]))
        slopes = np.linalg.solve(root, (scores + noise)[:, :, None])
        error = sigma[:, None] * rng.standard_normal((m, wanted.size))
        filled[:, wanted, j] = (design[:, wanted] @ slopes)[:, :, 0] + error
        filled[:, wanted[~np.isin(model.cell[wanted, j], cells)], j] = np.nan
    return filled


def _refuse_singular(root: Floats, trial: Trial, j: int) -> None:
    diagonal = np.abs(np.einsum("mpp->mp", root))
    length = np.sqrt((root**2).sum(axis=1))
    if (diagonal <= COLLINEAR * length).any():
        raise DataError(
            f"the regression for visit {trial.visits[j]} is singular: a term is a combination of others, or constant",
            where="multiple imputation",
            mend=MEND,
        )
