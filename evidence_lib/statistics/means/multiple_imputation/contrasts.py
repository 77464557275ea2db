"""``multiple_imputation``: least-squares means and their difference, pooled over the completed data sets."""

from __future__ import annotations

import math
from collections.abc import Hashable, Iterator, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.inputs import Floats, checked_level
from evidence_lib.statistics.means.multiple_imputation.analysis import Ancova
from evidence_lib.statistics.means.multiple_imputation.imputation import (
    Covariance,
    Delta,
    Growth,
    Imputed,
    ModelName,
    impute,
    require_imputed,
)
from evidence_lib.statistics.means.multiple_imputation.pooling import Pooled
from evidence_lib.statistics.means.multiple_imputation.reporting import (
    UNIT,
    caution,
    groups,
    interval,
    plain,
    pool,
    procedure,
    tested,
)
from evidence_lib.statistics.means.multiple_imputation.strategies import Strategy
from evidence_lib.statistics.not_estimable import NotEstimable

PARTS = (
    "imputations",
    "estimate",
    "std_error",
    "within",
    "between",
    "total",
    "df",
    "relative_increase",
    "missing_information",
    "relative_efficiency",
)


def multiple_imputation(
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
    conf_level: float = 0.95,
) -> Estimates:
    """Difference of least-squares means at a visit after multiple imputation of the missing values.

    1. Imputation model. ``joint``: the visits are multivariate normal with a mean per arm and visit, coefficients of
       the covariates at each visit and an unstructured covariance matrix; parameters are drawn from their posterior
       under Jeffreys' prior by data augmentation (Schafer 1997, chapter 5), first after ``burn_in`` steps, then after
       every ``thin`` further ones. The chain starts at independent visits; from step to step it remembers about the
       fraction of the covariances' information that is missing, so that 200 steps forget the start unless nearly
       everything is. ``sequential``: each visit is regressed on arm, covariates and all earlier visits (Rubin 1987,
       example 5.1; SAS PROC MI, MONOTONE REG); values missing in between are first drawn from the joint model.
    2. Imputation. Each missing value is drawn given the subject's other values: before the event, and for subjects
       without one, as missing at random under every strategy; after it by the strategy, with the mean and covariance
       of Carpenter, Roger & Kenward (2013), J Biopharm Stat 23:1352, section 4.3. ``mar``: as the own arm.
       ``jump-to-reference``: mean of the reference arm from the event on. ``copy-reference``: of the reference arm at
       all visits. ``copy-increments``: own mean before the event, then in parallel with the reference arm.
       ``last-mean-carried-forward``: own mean of the last visit before the event. ``retrieved-dropout``: mean of the
       own arm's subjects who were seen after their event. Reference-based strategies fit the model without the values
       after the event, but keep these values in the analysis: for a hypothetical strategy set them to missing first.
    3. Delta. ``delta`` is added to values imputed after the event, when all have been imputed.
    4. Analysis of each completed data set: least squares with a mean per arm and the covariates (all arms in one
       model); least-squares means at the mean of the covariates over all subjects. Pooled as in ``rubin``.

    The analyses are ``imputation.contrast``, treated minus reference, and ``imputation.ls_mean`` of each arm, in units
    of the outcome, with ``groups`` visit and model (the strategy). Subjects and visits are put in order first, so that
    neither the order of the rows nor anything but ``rng`` changes a result.

    Assumes normal outcomes, linear in the covariates, and that the strategy is true of the values that nobody saw.
    Rubin's variance is conservative for the reference-based strategies: they borrow from the reference arm, and
    repeated trials would vary less (Bartlett 2023, Stat Biopharm Res 15:178); it keeps the information that the
    missing values would have held under missing at random (Cro et al. 2019, J R Stat Soc A 182:623).

    Misreading: the interval holds under one assumption about values that nobody saw. Another strategy is another
    question, not a check of the first answer; more imputations make no assumption truer.

    Parameters
    ----------
    frame : DataFrame
        One row per subject and visit after baseline. A visit without a row is missing, as is a row without a value; a
        subject without any value still needs a row, which tells the arm and the covariates.
    subject, visit, outcome, arm : str
        Names of columns.
    treatment, reference : str or number
        The arms compared, as in the column ``arm``; ``reference`` is also the arm of reference-based strategies.
    rng : numpy.random.Generator
        Where the random numbers come from: ``numpy.random.default_rng(seed)``.
    covariates : sequence of str
        Columns known at baseline, the same on all rows of a subject and never missing. Numbers enter as they are,
        other types as indicators of their levels. They enter the imputation model and the analysis.
    visits : sequence of visits
        All visits in the order of time. None takes that of a categorical, of numbers, or of texts that differ in one
        number.
    at : sequence of visits
        The visits that are analysed; None for the last.
    event : str
        Column with the first visit that the intercurrent event affects, missing for subjects without one. None: the
        first of the missing values that run to the end (drop-out).
    strategy : {"mar", "jump-to-reference", "copy-reference", "copy-increments", "last-mean-carried-forward", \
"retrieved-dropout"}
        How values after the event are imputed.
    model : {"joint", "sequential"}
        The imputation model; "sequential" for "mar" only.
    covariance : {"common", "by-arm"}
        One covariance matrix, or one per arm, in the joint model.
    delta : mapping of arm to number, or to a mapping of visit to number
        What is added to imputed values after the event.
    delta_growth : {"once", "accumulating"}
        Whether a value gets the delta of its visit, or the sum of those of all visits from the event on.
    min_retrieved : int
        With "retrieved-dropout": how many values after the event an arm must have at a visit where one is imputed.
    imputations : int
        Number of completed data sets, 2 or more.
    burn_in, thin : int
        Steps of the chain before the first imputation, and between two.
    conf_level : float
        Level of the two-sided confidence intervals.

    Returns
    -------
    Estimates
        Per visit the contrast, then the least-squares mean of each arm. Status ``not_estimable`` where an arm has no
        subjects; where a value would be imputed from a mean that no value tells (all of an arm missing at a visit, too
        few retrieved dropouts, no visit before the event to carry forward); where the covariates are collinear or use
        up the degrees of freedom. Without missing values at a visit the result is that of the analysis alone.

    Raises
    ------
    InvalidInput
        For unknown columns, two rows of a subject at a visit, arms, events or covariates that change within a
        subject, missing or infinite covariates, visits whose order cannot be told, a wrong choice.
    DataError
        For a covariance matrix that the data cannot tell: too few subjects for the visits, or visits that are
        combinations of each other.
    """
    level = checked_level(conf_level)
    made = impute(
        frame,
        subject=subject,
        visit=visit,
        outcome=outcome,
        arm=arm,
        treatment=treatment,
        reference=reference,
        rng=rng,
        covariates=covariates,
        visits=visits,
        at=at,
        event=event,
        strategy=strategy,
        model=model,
        covariance=covariance,
        delta=delta,
        delta_growth=delta_growth,
        min_retrieved=min_retrieved,
        imputations=imputations,
        burn_in=burn_in,
        thin=thin,
    )
    found = []
    for facts, answer in _pooled(made, level):
        if isinstance(answer, Message):
            found.append(Estimate(**facts, status="not_estimable", reason=answer))
        else:
            test = {} if "arm" in facts["groups"] else tested(answer)
            found.append(Estimate(**facts, **interval(answer), **test, df=answer.df))
    return Estimates(tuple(found))


def imputation_variance(imputed: Imputed) -> pd.DataFrame:
    """The variances of the contrasts and least-squares means of ``multiple_imputation``, taken apart by Rubin's rules.

    The formulas are those of ``rubin``. ``monte_carlo_error`` is the standard deviation that the estimate has over
    other seeds, sqrt(between / m).

    Misreading: a small fraction of missing information does not say that the missing values were harmless, only that
    under the imputation model the others foretell them.

    Parameters
    ----------
    imputed : Imputed
        From ``impute``.

    Returns
    -------
    DataFrame
        One row per visit and quantity, in the order of ``multiple_imputation``: ``visit``, ``quantity`` ("contrast" or
        "ls_mean"), ``arm`` (of a mean, else None), ``imputations``, ``estimate``, ``std_error``, ``within``,
        ``between`` and ``total`` variance, ``df``, ``relative_increase``, ``missing_information``,
        ``relative_efficiency``, ``monte_carlo_error``. No rows where the results are not estimable.

    Raises
    ------
    InvalidInput
        For anything but the result of ``impute``.
    """
    require_imputed(imputed)
    rows = [
        {
            "visit": facts["groups"]["visit"],
            "quantity": facts["analysis"].removeprefix("imputation."),
            "arm": facts["groups"].get("arm"),
            **{name: getattr(answer, name) for name in PARTS},
            "monte_carlo_error": math.sqrt(answer.between / answer.imputations),
        }
        for facts, answer in _pooled(imputed, 0.95)
        if isinstance(answer, Pooled)
    ]
    return pd.DataFrame(rows, columns=["visit", "quantity", "arm", *PARTS, "monte_carlo_error"])


def _pooled(made: Imputed, level: float) -> Iterator[tuple[dict[str, Any], Pooled | Message]]:
    """The facts of each result, and its answer or why it has none."""
    analysis, reason = None, made.reason
    if made.values is not None:
        try:
            analysis = Ancova(made.trial)
        except NotEstimable as gap:
            reason = gap.reason
    for place, label in enumerate(made.visits):
        for weights, facts in _targets(made, place, label, level):
            if analysis is None or made.values is None:
                yield facts, reason or message("imputation_statistics.reason.no_variance")
            else:
                yield facts, pool(analysis.analyse(made.values[:, :, place], weights), level)


def _targets(made: Imputed, place: int, label: Hashable, level: float) -> Iterator[tuple[Floats, dict[str, Any]]]:
    """The contrast and the means of a visit: the weights of the arms' means, and what each result says of itself."""
    data = made.trial
    counts = np.bincount(data.arm, minlength=len(data.arms))
    size = {name: int(counts[position]) for position, name in enumerate(data.arms)}
    place_in_trial = made.at[place]
    shared = {"unit": UNIT, "conf_level": level}
    common = groups(made, place)
    sentence = {
        "visit": plain(label),
        "covariates": message("imputation_statistics.part.adjusted", names=list(made.covariates))
        if made.covariates
        else "",
        "procedure": procedure(made, place_in_trial),
        "caution": caution(made, place),
    }
    yield (
        np.array([float(name == made.treatment) - float(name == made.reference) for name in data.arms]),
        {
            **shared,
            "analysis": "imputation.contrast",
            "n": size.get(made.treatment, 0) + size.get(made.reference, 0),
            "groups": {"treatment": made.treatment, "reference": made.reference, **common},
            "method": message("imputation_statistics.method.contrast", **sentence),
        },
    )
    for name in data.arms:
        yield (
            np.array([float(name == other) for other in data.arms]),
            {
                **shared,
                "analysis": "imputation.ls_mean",
                "n": size[name],
                "groups": {"arm": plain(name), **common},
                "method": message("imputation_statistics.method.ls_mean", **sentence),
            },
        )
