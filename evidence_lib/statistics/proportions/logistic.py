"""The logistic regression of an event on arm and covariates, and the patients it is fitted to."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from evidence_lib.language import message
from evidence_lib.statistics.design import design
from evidence_lib.statistics.inputs import Counts, Flags, Floats, crossed, labelled
from evidence_lib.statistics.not_estimable import NotEstimable
from evidence_lib.statistics.proportions.inputs import flags, frequencies, two_arms

# Newton's method reaches a finite maximum well within these steps; separated data move on by about 1 a step for ever.
STEPS, CONVERGED = 25, 1e-9
# Eigenvalues of X'X and of the information, scaled to a unit diagonal, below this are zero.
SINGULAR = 1e-10


@dataclass(frozen=True)
class Patients:
    """Rows of patients: ``x`` has an intercept, a column per arm but the reference, and the scaled covariates.

    ``names`` are of the columns after the intercept.
    """

    event: Flags
    arm: Counts
    x: Floats
    names: tuple[str, ...]
    count: Counts
    stratum: Counts

    @property
    def n(self) -> int:
        """Patients."""
        return int(self.count.sum())


def patients(
    event: ArrayLike,
    group: ArrayLike,
    treatment: str | float,
    reference: str | float,
    covariates: pd.DataFrame,
    strata: Any,
    count: ArrayLike | None,
    among: str,
) -> Patients:
    """The patients of the two arms, or of all. Raises InvalidInput; rows are named by number, from 1."""
    events = flags(event)
    weight = frequencies(count, events.size)
    treated, control = two_arms(group, events.size, treatment=treatment, reference=reference)
    stratum, _ = crossed(strata, events.size)
    kept = (weight > 0) & (treated | control | (among == "all"))
    if isinstance(covariates, pd.DataFrame) and len(covariates) == events.size:
        # Levels that only left-out patients have must not become columns.
        covariates = covariates[kept]
        columns = design(covariates, len(covariates))
    else:
        columns = design(covariates, events.size)
    other, others = pd.factorize(labelled(group, "group", events.size)[kept & ~treated & ~control])
    arm = np.where(treated, 1, 0)
    arm[kept & ~treated & ~control] = other + 2
    arm, names = arm[kept], [str(label) for label in (treatment, *others)]
    indicators = [(arm == number).astype(float) for number in range(1, len(names) + 1)]
    x = np.column_stack([np.ones(arm.size), *indicators, _scaled(columns.matrix)])
    return Patients(events[kept], arm, x, (*names, *columns.names), weight[kept], stratum[kept])


def _scaled(columns: Floats) -> Floats:
    """Columns with mean 0 and standard deviation 1, which no risk depends on; a constant one becomes 0."""
    if not len(columns):
        return columns
    middle, spread = columns.mean(axis=0), columns.std(axis=0)
    flat = spread <= 1e-12 * np.abs(columns).max(axis=0)
    return np.where(flat, 0.0, (columns - middle) / np.where(flat, 1.0, spread))


def logistic_coefficients(data: Patients) -> Floats:
    """Coefficients of the logistic regression, by Newton's method. Raises NotEstimable where there are none."""
    x, count = data.x, data.count
    if _singular(x.T @ (count[:, None] * x)):
        raise NotEstimable(message("proportions_statistics.reason.collinear"))
    at, step = np.zeros(x.shape[1]), np.zeros(x.shape[1])
    for _ in range(STEPS):
        risk, spared = expit(x @ at), expit(-(x @ at))
        information = x.T @ ((count * risk * spared)[:, None] * x)
        if _singular(information):
            break
        # The residual of a patient with the event is 1 - risk, which must keep its digits where the risk is near 1.
        step = np.linalg.solve(information, x.T @ (count * np.where(data.event, spared, -risk)))
        step = _shortened(data, at, step)
        at = at + step
        if np.abs(x @ step).max() < CONVERGED:
            return at
    growing = data.names[int(np.argmax(np.abs(step[1:]) * np.ptp(x[:, 1:], axis=0)))]
    raise NotEstimable(message("proportions_statistics.reason.separated", steps=STEPS, term=growing))


def _singular(matrix: Floats) -> bool:
    scale = np.sqrt(np.diag(matrix))
    if not (scale > 0).all() or not np.isfinite(matrix).all():
        return True
    return bool(np.linalg.eigvalsh(matrix / np.outer(scale, scale))[0] < SINGULAR)


def _shortened(data: Patients, at: Floats, step: Floats) -> Floats:
    """The step, halved until the log-likelihood does not fall."""

    def log_likelihood(coefficients: Floats) -> float:
        linear = data.x @ coefficients
        return -float(data.count @ np.logaddexp(0, np.where(data.event, -linear, linear)))

    before = log_likelihood(at)
    for _ in range(STEPS):
        # A fall within rounding is none.
        if log_likelihood(at + step) >= before - 1e-12 * abs(before):
            break
        step = step / 2
    return step
