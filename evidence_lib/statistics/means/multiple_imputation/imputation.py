"""``impute``: from a frame and the choices of a call to the completed outcomes at the visits that are analysed."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.design import level_text
from evidence_lib.statistics.inputs import Flags, Floats
from evidence_lib.statistics.means.multiple_imputation.analysis import Ancova
from evidence_lib.statistics.means.multiple_imputation.posterior import drawn
from evidence_lib.statistics.means.multiple_imputation.sequential import intermittent, visit_by_visit
from evidence_lib.statistics.means.multiple_imputation.strategies import (
    REFERENCE_BASED,
    Strategy,
    imputed,
    model_of,
    require_known,
    require_means,
)
from evidence_lib.statistics.means.multiple_imputation.trial import Trial, trial
from evidence_lib.statistics.not_estimable import NotEstimable

ModelName = Literal["joint", "sequential"]
Covariance = Literal["common", "by-arm"]
Growth = Literal["once", "accumulating"]
Shifted = Literal["after-event", "missing"]
Delta = Mapping[Any, float | Mapping[Any, float]]


@dataclass(frozen=True, eq=False, kw_only=True)
class Imputed:
    """Completed data sets of one trial, and how they were made.

    ``values`` (m, subjects, visits analysed) are standardised as ``Trial``; None where a value cannot be imputed, and
    ``reason`` says why.
    """

    trial: Trial
    treatment: Hashable
    reference: Hashable
    covariates: tuple[str, ...]
    at: tuple[int, ...]
    event: str | None
    strategy: Strategy
    model: ModelName
    covariance: Covariance
    delta: Delta
    growth: Growth
    min_retrieved: int
    imputations: int
    burn_in: int
    thin: int
    values: Floats | None = None
    reason: Message | None = None

    @property
    def visits(self) -> tuple[Hashable, ...]:
        """The visits that are analysed."""
        return tuple(self.trial.visits[position] for position in self.at)

    @property
    def missing(self) -> Flags:
        """Which outcomes (subjects, visits analysed) were missing."""
        return ~self.trial.observed[:, list(self.at)]

    @property
    def after(self) -> Flags:
        """Which of them (subjects, visits analysed) come after the event."""
        return self.trial.after[:, list(self.at)]

    def position(self, arm: Hashable) -> int:
        """The position of an arm. Raises NotEstimable where it has no subjects."""
        if arm not in self.trial.arms:
            raise NotEstimable(message("imputation_statistics.reason.no_subjects", arm=level_text(arm)))
        return self.trial.arms.index(arm)


def impute(
    frame: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    outcome: str,
    arm: str,
    treatment: Hashable,
    reference: Hashable,
    rng: np.random.Generator,
    covariates: Sequence[str] = (),
    visits: Sequence[Hashable] | None = None,
    at: Sequence[Hashable] | None = None,
    event: str | None = None,
    strategy: Strategy = "mar",
    model: ModelName = "joint",
    covariance: Covariance = "common",
    delta: Delta | None = None,
    delta_growth: Growth = "once",
    min_retrieved: int = 5,
    imputations: int = 200,
    burn_in: int = 200,
    thin: int = 5,
) -> Imputed:
    """Complete the outcomes of a trial several times, for ``tipping_point`` and the other analyses of them.

    The imputation model, the strategies and the delta are those of ``multiple_imputation``, which imputes and analyses
    in one step; the same arguments and a generator of the same seed give the same imputations.

    Misreading: a completed data set is no data set. Nobody's imputed value says anything about that subject; only the
    pooled analysis of all of them may be read.

    Parameters
    ----------
    frame, subject, visit, outcome, arm, treatment, reference, rng, covariates, visits, at, event, strategy, model, \
covariance, delta, delta_growth, min_retrieved, imputations, burn_in, thin : as ``multiple_imputation``
        The same arguments.

    Returns
    -------
    Imputed
        The completed data sets; with a ``reason`` in their place where one of the means that they need is not
        estimable.

    Raises
    ------
    InvalidInput, DataError
        As ``multiple_imputation``.
    """
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    _require_options(strategy=strategy, model=model, covariance=covariance, delta_growth=delta_growth)
    _require_counts(imputations=imputations, burn_in=burn_in, thin=thin, min_retrieved=min_retrieved)
    _require_match(strategy, model, covariance, event)
    if not isinstance(rng, np.random.Generator):
        raise InvalidInput("rng is not a generator", expected="numpy.random.default_rng(seed)", found=repr(type(rng)))
    data = trial(
        frame,
        subject=subject,
        visit=visit,
        outcome=outcome,
        arm=arm,
        covariates=covariates,
        visits=visits,
        event=event,
    )
    made = Imputed(
        trial=data,
        treatment=treatment,
        reference=reference,
        covariates=tuple(covariates),
        at=_positions(data, at),
        event=event,
        strategy=strategy,
        model=model,
        covariance=covariance,
        delta=_checked_delta(data, delta),
        growth=delta_growth,
        min_retrieved=int(min_retrieved),
        imputations=int(imputations),
        burn_in=int(burn_in),
        thin=int(thin),
    )
    try:
        return replace(made, values=_completed(made, rng))
    except NotEstimable as gap:
        return replace(made, reason=gap.reason)


def _completed(made: Imputed, rng: np.random.Generator) -> Floats:
    data, at = made.trial, list(made.at)
    reference = made.position(made.reference)
    made.position(made.treatment)
    Ancova(data)  # What the analysis cannot tell apart the imputation model cannot either.
    if not made.missing.any():
        return np.repeat(data.outcome[None, :, at], made.imputations, axis=0)
    model = model_of(data, made.strategy, by_arm=made.covariance == "by-arm")
    require_means(data, model, made.strategy, reference, at, made.min_retrieved)
    between = intermittent(data)
    if made.model == "joint" or between.any():
        parameters = drawn(model, imputations=made.imputations, burn_in=made.burn_in, thin=made.thin, rng=rng)
        values = imputed(data, model, parameters, made.strategy, reference, rng)
    if made.model == "sequential":
        monotone = np.repeat(data.outcome[None], made.imputations, axis=0)
        if between.any():
            monotone[:, between] = values[:, between]
        values = visit_by_visit(data, model, monotone, max(at), rng)
        require_known(data, values, at)
    return values[:, :, at] + shifts(made, made.delta) / data.scale


def shifts(made: Imputed, delta: Delta, *, shifted: Shifted = "after-event") -> Floats:
    """What is added to each outcome (subjects, visits analysed): 0 where it was seen.

    ``after-event`` adds nothing before the event either; ``missing`` shifts every value that was imputed.

    ``once`` adds the delta of the arm and visit; ``accumulating`` the sum of those of the visits from the event on.
    """
    data = made.trial
    by_visit = np.zeros((len(data.arms), len(data.visits)))
    for arm, given in delta.items():
        row = by_visit[data.arms.index(arm)]
        if isinstance(given, Mapping):
            for label, value in given.items():
                row[data.visits.index(label)] = value
        else:
            row[:] = given
    added = by_visit[data.arm] * (data.after if shifted == "after-event" else ~data.observed)
    if made.growth == "accumulating":
        added = np.cumsum(added, axis=1)
    return np.where(data.observed, 0.0, added)[:, list(made.at)]


def require_imputed(imputed: Imputed) -> None:
    """Raise InvalidInput for anything but the result of ``impute``."""
    if not isinstance(imputed, Imputed):
        raise InvalidInput("not completed data sets", expected="the result of impute", found=type(imputed).__name__)


def checked_number(value: Any, name: str) -> float:
    """A finite number. Raises InvalidInput for anything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | np.number) or not math.isfinite(value):
        raise InvalidInput(f"{name} is not a number", expected="a finite number", found=repr(value))
    return float(value)


def _require_options(**given: Any) -> None:
    options = {
        "strategy": ("mar", *REFERENCE_BASED, "retrieved-dropout"),
        "model": get_args(ModelName),
        "covariance": get_args(Covariance),
        "delta_growth": get_args(Growth),
    }
    for name, value in given.items():
        if value not in options[name]:
            raise InvalidInput(f"unknown {name}", expected=" or ".join(options[name]), found=repr(value))


def _require_counts(**given: Any) -> None:
    for name, number in given.items():
        least = 2 if name == "imputations" else 1
        if isinstance(number, bool) or not isinstance(number, int | np.integer) or number < least:
            raise InvalidInput(
                f"{name} cannot be used", expected=f"a whole number, {least} or more", found=repr(number)
            )


def _require_match(strategy: Strategy, model: ModelName, covariance: Covariance, event: str | None) -> None:
    if model == "sequential" and strategy != "mar":
        raise InvalidInput(
            "the sequential model knows no strategy but missing at random",
            expected="strategy='mar'",
            found=repr(strategy),
            mend="take model='joint'",
        )
    if model == "sequential" and covariance != "common":
        raise InvalidInput(
            "the sequential model has one regression for all arms", expected="covariance='common'", found="'by-arm'"
        )
    if strategy == "retrieved-dropout" and event is None:
        raise InvalidInput(
            "retrieved dropouts are told by the column of the event", expected="event=<column>", found="None"
        )


def _positions(data: Trial, at: Sequence[Hashable] | None) -> tuple[int, ...]:
    if at is None:
        return (len(data.visits) - 1,)
    if isinstance(at, str) or not isinstance(at, Sequence | np.ndarray) or len(at) == 0:
        raise InvalidInput("at holds no visits", expected="a sequence of visits, or None for the last", found=repr(at))
    unknown = [label for label in at if label not in data.visits]
    if unknown or len(set(at)) < len(at):
        raise InvalidInput(
            "at holds an unknown visit, or one twice",
            expected=", ".join(map(level_text, data.visits)),
            found=", ".join(map(str, unknown or at)),
        )
    return tuple(data.visits.index(label) for label in at)


def _checked_delta(data: Trial, delta: Delta | None) -> Delta:
    if delta is None:
        return {}
    if not isinstance(delta, Mapping):
        raise InvalidInput(
            "delta is not by arm", expected="a number, or numbers by visit, for each arm", found=repr(delta)
        )
    for arm, given in delta.items():
        if arm not in data.arms:
            raise InvalidInput("delta names an arm without subjects", found=repr(arm))
        for label, value in given.items() if isinstance(given, Mapping) else [(data.visits[0], given)]:
            if label not in data.visits:
                raise InvalidInput("delta names an unknown visit", where=str(arm), found=repr(label))
            checked_number(value, "delta")
    return delta
