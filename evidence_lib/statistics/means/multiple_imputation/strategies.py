"""How missing values are imputed: which mean and covariance a strategy gives a subject after the intercurrent event.

The distribution of a subject's visits under a strategy follows Carpenter, Roger & Kenward (2013), J Biopharm Stat
23:1352, section 4.3. With t the first visit after the event, mu and S of the own arm, m and R of the reference arm:

- jump to reference: mean mu up to t - 1, m from t on;
- copy increments in reference: mean mu up to t - 1, then mu_(t-1) + m_j - m_(t-1); m where t is the first visit;
- copy reference: mean m and covariance R throughout;
- last mean carried forward: mean mu up to t - 1, then mu_(t-1).

For the first two the covariance is that of the own arm up to t - 1 and of the reference arm for the visits from t on
given those before; for the last it is S.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Literal, get_args

import numpy as np

from evidence_lib.language import message
from evidence_lib.statistics.design import level_text
from evidence_lib.statistics.inputs import Counts, Flags, Floats
from evidence_lib.statistics.means.multiple_imputation.posterior import Model, Parameters
from evidence_lib.statistics.means.multiple_imputation.trial import Trial
from evidence_lib.statistics.not_estimable import NotEstimable

ReferenceBased = Literal["jump-to-reference", "copy-reference", "copy-increments", "last-mean-carried-forward"]
Strategy = Literal["mar", ReferenceBased, "retrieved-dropout"]
REFERENCE_BASED = get_args(ReferenceBased)


def model_of(trial: Trial, strategy: Strategy, *, by_arm: bool) -> Model:
    """The imputation model of a strategy.

    Reference-based strategies take values after the event out of the fit: the model describes the visits before it.
    With retrieved dropouts the means before and after the event are apart, in each arm and at each visit.
    """
    values, cell = trial.outcome, np.broadcast_to(trial.arm[:, None], trial.outcome.shape)
    arms = len(trial.arms)
    if strategy in REFERENCE_BASED:
        values = np.where(trial.after, np.nan, values)
    if strategy == "retrieved-dropout":
        cell = cell + arms * trial.after
    return Model(
        visits=trial.visits,
        values=values,
        covariates=trial.covariates,
        cell=np.asarray(cell, dtype=np.int64),
        cells=2 * arms if strategy == "retrieved-dropout" else arms,
        group=trial.arm if by_arm else np.zeros_like(trial.arm),
        groups=arms if by_arm else 1,
    )


def require_means(
    trial: Trial, model: Model, strategy: Strategy, reference: int, at: list[int], min_retrieved: int
) -> None:
    """Raise NotEstimable where a value missing at one of the visits ``at`` asks for a mean that no value tells."""
    missing = ~trial.observed
    if strategy == "retrieved-dropout":
        _require_retrieved(trial, missing & trial.after, at, min_retrieved)
    lost = missing & trial.after & (trial.first == 0)[:, None]
    if strategy == "last-mean-carried-forward" and lost[:, at].any():
        raise NotEstimable(message("imputation_statistics.reason.no_last_mean"))
    # A rehearsal with unknown means as NaN, which go wherever such a mean would.
    visits = len(trial.visits)
    known = Parameters(
        means=np.where(model.estimable, 0.0, np.nan)[None],
        slopes=np.zeros((1, visits, trial.covariates.shape[1])),
        sigma=np.broadcast_to(0.5 * np.eye(visits) + 0.5, (1, model.groups, visits, visits)),
    )
    require_known(trial, imputed(trial, model, known, strategy, reference, np.random.default_rng(0)), at)


def require_known(trial: Trial, completed: Floats, at: list[int]) -> None:
    """Raise NotEstimable for completed outcomes (m, n, J) that are NaN at one of the visits ``at``."""
    unknown = np.isnan(completed[0][:, at])
    if unknown.any():
        row, column = np.argwhere(unknown)[0]
        name, where = level_text(trial.arms[trial.arm[row]]), level_text(trial.visits[at[column]])
        raise NotEstimable(message("imputation_statistics.reason.no_values", arm=name, visit=where))


def _require_retrieved(trial: Trial, missing: Flags, at: list[int], least: int) -> None:
    for arm, name in enumerate(trial.arms):
        inside = (trial.arm == arm)[:, None] & trial.after
        retrieved, wanted = (inside & trial.observed).sum(axis=0), (inside & missing).any(axis=0)
        for column in at:
            if wanted[column] and retrieved[column] < least:
                reason = message(
                    "imputation_statistics.reason.too_few_retrieved",
                    arm=level_text(name),
                    visit=level_text(trial.visits[column]),
                    found=int(retrieved[column]),
                    least=least,
                )
                raise NotEstimable(reason)


@dataclass(frozen=True, eq=False)
class _Alike:
    """Subjects of one arm that have the same visits to be imputed and to be conditioned on."""

    rows: Counts
    arm: int
    first: int
    missing: Counts
    given: Counts


def imputed(
    trial: Trial, model: Model, parameters: Parameters, strategy: Strategy, reference: int, rng: np.random.Generator
) -> Floats:
    """Completed outcomes (m, n, J): each missing value drawn given the subject's other values under the strategy.

    Values missing before the event are drawn first, as missing at random given the other values before it.
    """
    missing = ~trial.observed
    m = len(parameters.sigma)
    noise = np.zeros((m, *missing.shape))
    noise[:, missing] = rng.standard_normal((m, int(missing.sum())))
    completed = np.repeat(trial.outcome[None], m, axis=0)
    if strategy not in REFERENCE_BASED:
        _fill(completed, noise, trial, model, parameters, "mar", reference, missing, trial.observed)
        return completed
    before, after = missing & ~trial.after, missing & trial.after
    _fill(completed, noise, trial, model, parameters, "mar", reference, before, trial.observed & ~trial.after)
    _fill(completed, noise, trial, model, parameters, strategy, reference, after, ~after)
    return completed


def _fill(
    completed: Floats,
    noise: Floats,
    trial: Trial,
    model: Model,
    parameters: Parameters,
    strategy: Strategy,
    reference: int,
    missing: Flags,
    given: Flags,
) -> None:
    for some in _alike(trial, missing, given):
        mean, sigma = _distribution(some, trial, model, parameters, strategy, reference)
        at, on = some.missing, some.given
        blocks = [sigma[:, rows[:, None], columns] for rows, columns in ((on, on), (on, at), (at, at))]
        slope = np.linalg.solve(blocks[0], blocks[1]).transpose(0, 2, 1)
        left = blocks[2] - slope @ blocks[1]
        root = np.linalg.cholesky((left + left.transpose(0, 2, 1)) / 2)
        here = np.ix_(np.arange(len(completed)), some.rows)
        residual = completed[here][:, :, on] - mean[:, :, on]
        error = noise[here][:, :, at] @ root.transpose(0, 2, 1)
        completed[np.ix_(np.arange(len(completed)), some.rows, at)] = (
            mean[:, :, at] + residual @ slope.transpose(0, 2, 1) + error
        )


def _alike(trial: Trial, missing: Flags, given: Flags) -> Iterator[_Alike]:
    wanted = np.flatnonzero(missing.any(axis=1))
    keys = np.column_stack([trial.arm, trial.first, missing, given])[wanted]
    found, number = np.unique(keys, axis=0, return_inverse=True)
    visits = len(trial.visits)
    for position, key in enumerate(found):
        flags = key[2:].astype(bool)
        yield _Alike(
            rows=wanted[number.reshape(-1) == position],
            arm=int(key[0]),
            first=int(key[1]),
            missing=np.flatnonzero(flags[:visits]),
            given=np.flatnonzero(flags[visits:]),
        )


def _distribution(
    some: _Alike, trial: Trial, model: Model, parameters: Parameters, strategy: Strategy, reference: int
) -> tuple[Floats, Floats]:
    """Mean (m, subjects, J) and covariance (m, J, J) of subjects that are alike."""
    explained = np.einsum("mjq,iq->mij", parameters.slopes, trial.covariates[some.rows])
    visit = np.arange(len(trial.visits))
    # Subjects that are alike have the same arm and event, and so the same cells.
    own = explained + parameters.means[:, visit, model.cell[some.rows[0]]][:, None]
    group = [0, 0] if model.groups == 1 else [some.arm, reference]
    sigma, other = (parameters.sigma[:, number] for number in group)
    if strategy in ("mar", "retrieved-dropout"):
        return own, sigma
    compared = explained + parameters.means[:, :, reference][:, None]
    first = some.first
    if strategy == "copy-reference":
        return compared, other
    mean = own.copy()
    if strategy == "last-mean-carried-forward":
        mean[:, :, first:] = own[:, :, first - 1 : first] if first > 0 else np.nan
        return mean, sigma
    mean[:, :, first:] = compared[:, :, first:]
    if strategy == "copy-increments" and first > 0:
        mean[:, :, first:] += own[:, :, first - 1 : first] - compared[:, :, first - 1 : first]
    return mean, _spliced(sigma, other, first)


def _spliced(own: Floats, other: Floats, first: int) -> Floats:
    """Own covariance before ``first``, the other's for the visits from there on given those before."""
    if first == 0:
        return other
    slope = np.linalg.solve(other[:, :first, :first], other[:, :first, first:]).transpose(0, 2, 1)
    sigma = own.copy()
    sigma[:, first:, :first] = slope @ own[:, :first, :first]
    sigma[:, :first, first:] = sigma[:, first:, :first].transpose(0, 2, 1)
    less = slope @ (other[:, :first, :first] - own[:, :first, :first]) @ slope.transpose(0, 2, 1)
    sigma[:, first:, first:] = other[:, first:, first:] - less
    return sigma
