"""What a mixed model for repeated measures answers."""

from __future__ import annotations

from dataclasses import dataclass

import pandas as pd

from evidence_lib.language import Message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.means.mmrm.structures import Covariance


@dataclass(frozen=True, eq=False, kw_only=True)
class MMRM:
    """A fitted mixed model for repeated measures; everything in units of the outcome.

    ``ls_means`` holds ``mmrm.ls_mean`` of each arm (the reference first) at each visit, ``contrasts`` holds
    ``mmrm.contrast`` of each visit, ``average`` is ``mmrm.contrast.average`` and ``interaction`` is
    ``mmrm.interaction``.

    ``coefficients`` has a row per term: term, estimate, std_error, df, conf_low, conf_high, test_statistic, p_value;
    a term that is a combination of earlier ones has NaN, and df are infinite for normal inference. ``covariance`` has
    a row per visit (and per arm, ``all`` where one matrix serves all arms): arm, visit, then a column per visit.
    ``parameters`` has a row per covariance parameter: arm, parameter, estimate, std_error (observed information).

    ``structure`` is the covariance used; ``failed`` holds those tried before it, with the reason. ``deviance`` is
    -2 ``log_likelihood`` (restricted under REML, with X the full-rank columns as in SAS PROC MIXED). ``aic`` and
    ``bic`` count the covariance parameters under REML, the coefficients too under ML; ``bic`` with log of
    ``n_subjects``. ``iterations`` counts Newton's steps; ``decrement`` is what another one could still take from the
    deviance, by its gradient and Hessian.
    """

    ls_means: Estimates
    contrasts: Estimates
    average: Estimate
    interaction: Estimate
    coefficients: pd.DataFrame
    covariance: pd.DataFrame
    parameters: pd.DataFrame
    structure: Covariance
    failed: tuple[tuple[Covariance, Message], ...]
    log_likelihood: float
    deviance: float
    aic: float
    bic: float
    n_subjects: int
    n_observations: int
    n_missing: int
    iterations: int
    decrement: float
    conf_level: float
    method: Message

    @property
    def items(self) -> tuple[Estimate, ...]:
        """Every estimate, in the order in which they are reported."""
        return (*self.ls_means.items, *self.contrasts.items, self.average, self.interaction)
