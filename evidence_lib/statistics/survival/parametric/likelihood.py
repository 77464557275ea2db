"""Maximum likelihood of a parametric survival model, by Newton's method on numerical derivatives.

The log-likelihood of a patient is d log h(t) - H(t), with a background hazard b(t) d log(b(t) + h(t)) - H(t). Its
derivatives by each free parameter are central differences per patient; those by coefficients of covariates follow by
the chain rule, since covariates act on one parameter only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evidence_lib.language import message
from evidence_lib.statistics.inputs import Flags, Floats
from evidence_lib.statistics.not_estimable import NotEstimable
from evidence_lib.statistics.survival.parametric.families import Family

# Steps of the differences: cube root and fourth root of the precision, where rounding and truncation balance.
FIRST, SECOND = 6e-6, 1.2e-4
DECREMENT = 1e-10
ITERATIONS, HALVINGS = 200, 30
# A direction that holds less information than this share of its size has no maximum: the parameter runs away.
FLAT = 1e-9
# Nor is there one where the logit of a share has this standard error: the share runs to 0 or to 1.
FAR = 50.0


@dataclass(frozen=True, eq=False)
class Maximum:
    """Free parameters followed by coefficients (k,), their covariance (k, k), and the log-likelihood there."""

    values: Floats
    covariance: Floats
    log_likelihood: float


@dataclass(frozen=True, eq=False)
class Sample:
    """Patients: times above 0, events, covariates (n, c) without a constant, and the background hazard at each time."""

    time: Floats
    event: Flags
    x: Floats
    background: Floats | None


def log_likelihood(family: Family, sample: Sample, values: Floats) -> float:
    """The log-likelihood at these parameters and coefficients; minus infinity where it is none."""
    total = float(np.sum(_terms(family, sample, _parameters(family, sample, values))))
    return total if np.isfinite(total) else -np.inf


def maximise(family: Family, sample: Sample) -> Maximum:
    """The best maximum that is found from the family's starts. Raises NotEstimable where none is."""
    best: Maximum | None = None
    coefficients = np.zeros(sample.x.shape[1])
    for start in family.starts:
        values = np.concatenate([np.asarray(start, dtype=float), coefficients])
        found = _climb(family, sample, values)
        if found is not None and (best is None or found.log_likelihood > best.log_likelihood + 1e-8):
            best = found
    if best is None:
        raise NotEstimable(message("parametric_statistics.reason.no_maximum"))
    return best


def _climb(family: Family, sample: Sample, values: Floats) -> Maximum | None:
    here = log_likelihood(family, sample, values)
    if here == -np.inf:
        return None
    # In units of the parameters' sizes, so that a day and a logarithm weigh the same.
    sizes = np.concatenate([np.asarray(family.sizes), _covariate_sizes(sample)])
    for _ in range(ITERATIONS):
        gradient, hessian = derivatives(family, sample, values)
        gradient, hessian = gradient * sizes, hessian * np.outer(sizes, sizes)
        if not (np.isfinite(gradient).all() and np.isfinite(hessian).all()):
            return None
        eigenvalues, vectors = np.linalg.eigh(-hessian)
        is_concave = eigenvalues.min() > FLAT * max(eigenvalues.max(), 1.0)
        along = vectors.T @ gradient
        # Off the maximum a direction may curve upwards: it is followed by the size of its curvature.
        step = vectors @ (along / np.maximum(np.abs(eigenvalues), FLAT * np.abs(eigenvalues).max()))
        decrement = float(gradient @ step)
        if is_concave and decrement < DECREMENT:
            inverse = np.linalg.inv(-hessian)
            shares = [number for number, scale in enumerate(family.scales) if scale == "logit"]
            if (np.diag(inverse)[shares] > FAR**2).any():
                return None
            covariance = inverse * np.outer(sizes, sizes)
            return Maximum(values, (covariance + covariance.T) / 2, here)
        step *= min(1.0, 3.0 / float(np.abs(step).max()))
        moved = _uphill(family, sample, values, here, step * sizes)
        if moved is None:
            return None
        values, here = moved
    return None


def _uphill(family: Family, sample: Sample, values: Floats, here: float, step: Floats) -> tuple[Floats, float] | None:
    slack = 1e-12 * (1 + abs(here))
    for _ in range(HALVINGS):
        there = log_likelihood(family, sample, values + step)
        if there >= here - slack:
            return values + step, there
        step = step / 2
    return None


def derivatives(family: Family, sample: Sample, values: Floats) -> tuple[Floats, Floats]:
    """Gradient (k,) and Hessian (k, k) of the log-likelihood by free parameters and coefficients."""
    k = len(family.parameters)
    p = _parameters(family, sample, values)
    first, second = np.empty((k, sample.time.size)), np.empty((k, k, sample.time.size))
    middle = _terms(family, sample, p)

    def shifted(*moves: tuple[int, float]) -> Any:
        q = list(p)
        for number, by in moves:
            q[number] = q[number] + by
        return _terms(family, sample, q)

    for i in range(k):
        small, large = FIRST * family.sizes[i], SECOND * family.sizes[i]
        first[i] = (shifted((i, small)) - shifted((i, -small))) / (2 * small)
        second[i, i] = (shifted((i, large)) - 2 * middle + shifted((i, -large))) / large**2
        for j in range(i):
            other = SECOND * family.sizes[j]
            corners = shifted((i, large), (j, other)) + shifted((i, -large), (j, -other))
            corners = corners - shifted((i, large), (j, -other)) - shifted((i, -large), (j, other))
            second[i, j] = second[j, i] = corners / (4 * large * other)
    x, at = sample.x, family.location
    gradient = np.concatenate([first.sum(axis=1), x.T @ first[at]])
    cross = second[at] @ x
    hessian = np.block([[second.sum(axis=2), cross], [cross.T, x.T @ (second[at, at][:, None] * x)]])
    return gradient, hessian


def _parameters(family: Family, sample: Sample, values: Floats) -> list[Any]:
    k = len(family.parameters)
    p: list[Any] = [float(value) for value in values[:k]]
    if sample.x.shape[1]:
        p[family.location] = p[family.location] + sample.x @ values[k:]
    return p


def _terms(family: Family, sample: Sample, p: list[Any]) -> Any:
    log_hazard = np.broadcast_to(family.log_hazard(sample.time, p), sample.time.shape)
    if sample.background is not None:
        log_hazard = np.logaddexp(np.log(sample.background), log_hazard)
    return np.where(sample.event, log_hazard, 0.0) - family.cumulative_hazard(sample.time, p)


def _covariate_sizes(sample: Sample) -> Floats:
    spread = sample.x.std(axis=0)
    return 1 / np.where(spread > 0, spread, 1.0)
