"""Recalculation of multiple imputation: the limit that infinitely many imputations have, without random numbers.

The imputation model is fitted by restricted maximum likelihood (the EM algorithm). Missing values
are replaced by their conditional means, to which the mean over imputations converges, because the analysis is linear
in the outcome (Wolbers et al. 2022, Pharm Stat 21:1246). Rubin's variances follow in closed form: what imputed values
vary by given the parameters, and by the delta method what the parameters vary by. The posterior distribution of the
parameters is taken to be the normal one of large samples, so that the two routes agree up to Monte Carlo error and
terms of the order of one over the number of subjects.
"""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from evidence_lib.recalculation.means.imputation_limit import (
    Data,
    Floats,
    completed,
    jacobian,
    model_data,
    reml,
)
from evidence_lib.recalculation.means.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate, Estimates


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
    strategy: str = "mar",
    model: str = "joint",
    covariance: str = "common",
    delta: Mapping[Any, Any] | None = None,
    delta_growth: str = "once",
    min_retrieved: int = 5,
    imputations: int = 200,
    burn_in: int = 200,
    thin: int = 5,
    conf_level: float = 0.95,
) -> Estimates:
    """Twin of ``statistics.means.multiple_imputation``; ``rng``, ``burn_in`` and ``thin`` have nothing to do here."""
    order = visit_order(frame[visit], visits)
    wide = frame.pivot(index=subject, columns=visit, values=outcome).reindex(columns=order).astype(float)
    people = frame.drop_duplicates(subject).set_index(subject).reindex(wide.index)
    arms = sorted(people[arm].unique())
    first = first_affected(wide, None if event is None else people[event], order)
    x = centred(people[list(covariates)])
    chosen = order[-1:] if at is None else list(at)
    shift = _shift(people[arm].tolist(), first, order, delta or {}, delta_growth == "accumulating")
    found: list[Estimate] = []
    missing_arm = treatment not in arms or reference not in arms
    y = wide.to_numpy()
    scale = size_of(y)
    data = None if missing_arm else model_data(y / scale, people[arm], arms, reference, first, x, strategy, covariance)
    for label in chosen:
        place = order.index(label)
        gap = missing_arm or (data is not None and refused(data, y, first, place, strategy, min_retrieved))
        answers = None
        if not gap and data is not None:
            added = np.where(np.isnan(y[:, place]), shift[:, place], 0.0)
            parts = parts_of(data, place, strategy, arms, x, treatment, reference)
            answers = None if parts is None else parts.answers(added / scale)
        found += estimates_of(answers, scale, arms, people[arm], treatment, reference, label, imputations, conf_level)
    told = {"model": strategy if model == "joint" else f"{strategy} {model}"}
    return Estimates(
        tuple(
            estimate.within(**told, **_delta(delta or {}, arms, order, estimate.groups["visit"], delta_growth))
            for estimate in found
        )
    )


def _delta(delta: Mapping[Any, Any], arms: list[Any], order: list[Any], label: Any, growth: str) -> dict[str, str]:
    """The deltas that act at a visit, as a group."""
    until = order[: order.index(label) + 1] if growth == "accumulating" else [label]
    texts = []
    for name in arms:
        given = delta.get(name, 0.0)
        if isinstance(given, Mapping):
            parts = [f"{given[step]:+g} at {step}" for step in until if given.get(step)]
        else:
            parts = [f"{given:+g}"] if given else []
        texts += [f"{name} {', '.join(parts)}"] if parts else []
    return {"delta": "; ".join(texts)} if texts else {}


def visit_order(column: pd.Series, visits: Sequence[Hashable] | None) -> list[Any]:
    """The visits in the order of time."""
    if visits is not None:
        return list(visits)
    if isinstance(column.dtype, pd.CategoricalDtype):
        return [level for level in column.cat.categories if (column == level).any()]
    return sorted(column.unique(), key=lambda label: float(re.sub(r"[^\d.-]", "", str(label)) or 0))


def size_of(y: Floats) -> float:
    """The largest absolute outcome, 1 where there is none above 0."""
    seen = np.abs(y[~np.isnan(y)])
    return float(seen.max()) if seen.size and seen.max() > 0 else 1.0


def centred(columns: pd.DataFrame) -> Floats:
    """Covariates as columns about their means."""
    parts: list[Floats] = []
    for name in columns.columns:
        values = columns[name]
        if pd.api.types.is_numeric_dtype(values):
            parts.append(values.to_numpy(dtype=float))
        else:
            levels = sorted(values.astype(object).unique())
            parts += [np.asarray(values == level, dtype=float) for level in levels[1:]] or [np.zeros(len(values))]
    scaled = [(part - part.mean()) / (np.abs(part - part.mean()).max() or 1.0) for part in parts]
    return np.column_stack(scaled) if scaled else np.empty((len(columns), 0))


def first_affected(wide: pd.DataFrame, event: pd.Series | None, order: list[Any]) -> NDArray[np.int64]:
    """The position of the first visit after the event, without a column of events that of drop-out."""
    if event is not None:
        return np.array([order.index(label) if pd.notna(label) else len(order) for label in event], dtype=np.int64)
    ends = [np.flatnonzero(row.notna().to_numpy()) for _, row in wide.iterrows()]
    return np.array([seen[-1] + 1 if seen.size else 0 for seen in ends], dtype=np.int64)


def _shift(
    arm_of: list[Any], first: NDArray[np.int64], order: list[Any], delta: Mapping[Any, Any], accumulating: bool
) -> Floats:
    shift = np.zeros((len(arm_of), len(order)))
    for row, label in enumerate(arm_of):
        given, total = delta.get(label, 0.0), 0.0
        for j in range(first[row], len(order)):
            step = given.get(order[j], 0.0) if isinstance(given, Mapping) else given
            total = total + step if accumulating else step
            shift[row, j] = total
    return shift


def refused(data: Data, y: Floats, first: NDArray[np.int64], place: int, strategy: str, least: int) -> bool:
    """Whether the strategy lacks the values that it rests on at a visit."""
    lost = np.isnan(y[:, place]) & (first <= place)
    if strategy == "last-mean-carried-forward":
        return bool((lost & (first == 0)).any())
    if strategy != "retrieved-dropout":
        return False
    kept = ~np.isnan(y[:, place]) & (first <= place)
    return any((lost & (data.arm == a)).any() and (kept & (data.arm == a)).sum() < least for a in set(data.arm))


@dataclass(frozen=True, eq=False)
class Answers:
    """Per quantity the estimate, and the within and between variance of infinitely many imputations."""

    estimate: Floats
    within: Floats
    between: Floats
    df: float


@dataclass(frozen=True, eq=False)
class Parts:
    """What the answers are made of, whatever is added to imputed values."""

    values: Floats
    rows: Floats
    taken: Floats
    noise: Floats
    unit: Floats
    df: int

    def answers(self, added: Floats) -> Answers:
        """The answers where this is added to the completed values."""
        shifted = self.values + added
        residual = shifted - self.taken @ shifted
        # Of the residual sum of squares imputed values add their variances, less what the fit takes up.
        squares = float(residual @ residual) + float(np.trace(self.noise)) - float((self.taken * self.noise).sum())
        between = np.einsum("ci,ij,cj->c", self.rows, self.noise, self.rows)
        return Answers(self.rows @ shifted, squares / self.df * self.unit, between, float(self.df))


def parts_of(
    data: Data,
    place: int,
    strategy: str,
    arms: list[Any],
    x: Floats,
    treatment: Hashable,
    reference: Hashable,
) -> Parts | None:
    """The parts of a visit's answers; None where the analysis or an imputed mean cannot be had."""
    design = np.column_stack([data.arm[:, None] == np.arange(len(arms)), x])
    df = len(design) - np.linalg.matrix_rank(design)
    if np.linalg.matrix_rank(design) < design.shape[1] or df < 1:
        return None
    inverse = np.linalg.inv(design.T @ design)
    contrasts = np.zeros((1 + len(arms), design.shape[1]))
    contrasts[0, arms.index(treatment)], contrasts[0, arms.index(reference)] = 1.0, -1.0
    contrasts[1:, : len(arms)] = np.eye(len(arms))
    rows = contrasts @ inverse @ design.T
    if not np.isnan(data.outcome[:, place]).any():
        values, variances, moves, spread = data.outcome[:, place], np.zeros(len(x)), np.zeros((len(x), 1)), np.eye(1)
    else:
        fit, position = reml(data), arms.index(reference)
        values, variances = completed(data, fit, place, strategy, position)
        if np.isnan(values).any():
            return None
        moves, spread = jacobian(data, fit, place, strategy, position)
    return Parts(
        values=values,
        rows=rows,
        taken=design @ inverse @ design.T,
        noise=moves @ spread @ moves.T + np.diag(variances),
        unit=np.einsum("ca,ab,cb->c", contrasts, inverse, contrasts),
        df=int(df),
    )


def estimates_of(
    answers: Answers | None,
    scale: float,
    arms: list[Any],
    arm_of: pd.Series,
    treatment: Hashable,
    reference: Hashable,
    label: Hashable,
    imputations: int,
    conf_level: float,
) -> list[Estimate]:
    """The contrast, then the mean of each arm, with the degrees of freedom of Barnard and Rubin."""
    from scipy import stats

    found = []
    for position, name in enumerate([None, *arms]):
        pair = {"treatment": treatment, "reference": reference} if name is None else {"arm": name}
        shared: dict[str, Any] = {
            "analysis": "imputation.contrast" if name is None else "imputation.ls_mean",
            "unit": "outcome",
            "groups": {**pair, "visit": label},
            "method": SOURCE["multiple_imputation"],
            "conf_level": conf_level,
            "n": int(arm_of.isin([treatment, reference] if name is None else [name]).sum()),
        }
        if answers is None:
            found.append(Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE))
            continue
        estimate = float(answers.estimate[position]) * scale
        within, between = (float(part[position]) * scale**2 for part in (answers.within, answers.between))
        total = within + (1 + 1 / imputations) * between
        if total == 0:
            found.append(Estimate(**shared, estimate=estimate, reason=NOT_ESTIMABLE))
            continue
        df, share = answers.df, (1 + 1 / imputations) * between / total
        if share > 1e-12:
            observed = (df + 1) / (df + 3) * df * (1 - share)
            df = 1 / (share**2 / (imputations - 1) + 1 / observed)
        half = float(stats.t.ppf((1 + conf_level) / 2, df)) * math.sqrt(total)
        test: dict[str, Any] = {}
        if name is None:
            t = estimate / math.sqrt(total)
            test = {"test_statistic": t, "p_value": float(2 * stats.t.sf(abs(t), df))}
        found.append(
            Estimate(
                **shared,
                estimate=estimate,
                std_error=math.sqrt(total),
                conf_low=estimate - half,
                conf_high=estimate + half,
                df=df,
                **test,
            )
        )
    return found
