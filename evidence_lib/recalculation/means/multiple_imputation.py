"""Recalculation of multiple imputation: the limit that infinitely many imputations have, without random numbers.

The imputation model is fitted by restricted maximum likelihood (the EM algorithm, subject by subject). Missing values
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

from evidence_lib.results import Estimate, Estimates

Floats = NDArray[np.float64]

SOURCE: dict[str, str] = {
    "multiple_imputation": "conditional means at the REML estimate, and Rubin's variances by the delta method",
}
# Monte Carlo: four standard errors of an estimate from 100 imputations with 40 % of the information missing.
TOLERANCE: dict[str, float] = {"multiple_imputation": 0.25}
NOT_ESTIMABLE = "not estimable by the second route either"
REFERENCE_BASED = ("jump-to-reference", "copy-reference", "copy-increments", "last-mean-carried-forward")


@dataclass(frozen=True, eq=False)
class Data:
    """Subjects by visits: outcomes with gaps, outcomes that the model is fitted to, designs, and who is who."""

    outcome: Floats
    fitted: Floats
    design: Floats
    compared: Floats
    arm: NDArray[np.int64]
    group: NDArray[np.int64]
    first: NDArray[np.int64]
    unknown: NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Fit:
    """REML estimates: coefficients, their covariance, and a covariance matrix per group."""

    beta: Floats
    covariance: Floats
    sigma: Floats


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
    first = _first(wide, None if event is None else people[event], order)
    x = _centred(people[list(covariates)])
    chosen = order[-1:] if at is None else list(at)
    shift = _shift(people[arm].tolist(), first, order, delta or {}, delta_growth == "accumulating")
    found: list[Estimate] = []
    missing_arm = treatment not in arms or reference not in arms
    y = wide.to_numpy()
    scale = _size(y)
    data = None if missing_arm else _data(y / scale, people[arm], arms, reference, first, x, strategy, covariance)
    for label in chosen:
        place = order.index(label)
        gap = missing_arm or (data is not None and _refused(data, y, first, place, strategy, min_retrieved))
        answers = None
        if not gap and data is not None:
            added = np.where(np.isnan(y[:, place]), shift[:, place], 0.0)
            answers = _answers(data, place, strategy, added / scale, arms, x, treatment, reference)
        found += _estimates(answers, scale, arms, people[arm], treatment, reference, label, imputations, conf_level)
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


def _size(y: Floats) -> float:
    seen = np.abs(y[~np.isnan(y)])
    return float(seen.max()) if seen.size and seen.max() > 0 else 1.0


def _centred(columns: pd.DataFrame) -> Floats:
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


def _first(wide: pd.DataFrame, event: pd.Series | None, order: list[Any]) -> NDArray[np.int64]:
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


def _data(
    y: Floats,
    arm_of: pd.Series,
    arms: list[Any],
    reference: Hashable,
    first: NDArray[np.int64],
    x: Floats,
    strategy: str,
    covariance: str,
) -> Data:
    """Designs with a coefficient for each visit and arm (before or after the event), and visit and covariate."""
    n, visits = y.shape
    arm = np.array([arms.index(label) for label in arm_of], dtype=np.int64)
    after = np.arange(visits) >= first[:, None]
    cells = len(arms) * (2 if strategy == "retrieved-dropout" else 1)
    width = cells + x.shape[1]
    design, compared = np.zeros((n, visits, visits * width)), np.zeros((n, visits, visits * width))
    for i in range(n):
        for j in range(visits):
            late = len(arms) if strategy == "retrieved-dropout" and after[i, j] else 0
            for target, cell in ((design, arm[i] + late), (compared, arms.index(reference))):
                target[i, j, j * width + cell] = 1.0
                target[i, j, j * width + cells : (j + 1) * width] = x[i]
    fitted = np.where(after, np.nan, y) if strategy in REFERENCE_BASED else y
    unknown = ~(design[~np.isnan(fitted)] != 0).any(axis=0)
    group = arm if covariance == "by-arm" else np.zeros_like(arm)
    return Data(y, fitted, design, compared, arm, group, first, unknown)


def _refused(data: Data, y: Floats, first: NDArray[np.int64], place: int, strategy: str, least: int) -> bool:
    lost = np.isnan(y[:, place]) & (first <= place)
    if strategy == "last-mean-carried-forward":
        return bool((lost & (first == 0)).any())
    if strategy != "retrieved-dropout":
        return False
    kept = ~np.isnan(y[:, place]) & (first <= place)
    return any((lost & (data.arm == a)).any() and (kept & (data.arm == a)).sum() < least for a in set(data.arm))


def reml(data: Data, start: Fit | None = None, *, precision: float = 1e-9) -> Fit:
    """Restricted maximum likelihood by the EM algorithm, the coefficients integrated out."""
    known = ~data.unknown
    n, visits = data.fitted.shape
    groups = int(data.group.max()) + 1
    seen = [np.flatnonzero(~np.isnan(row)) for row in data.fitted]
    spread = np.nanvar(data.fitted, axis=0)
    sigma = np.stack([np.diag(spread)] * groups) if start is None else start.sigma
    for _ in range(2000):
        weights = [np.linalg.inv(sigma[data.group[i]][np.ix_(o, o)]) for i, o in enumerate(seen)]
        designs = [data.design[i, o][:, known] for i, o in enumerate(seen)]
        information = sum(x.T @ w @ x for x, w in zip(designs, weights, strict=True))
        score = sum(x.T @ w @ data.fitted[i, seen[i]] for i, (x, w) in enumerate(zip(designs, weights, strict=True)))
        covariance = np.linalg.inv(information)
        beta = covariance @ score
        update = np.zeros_like(sigma)
        for i, o in enumerate(seen):
            own = sigma[data.group[i]]
            slope = own[:, o] @ weights[i]
            residual = data.fitted[i, o] - designs[i] @ beta
            spread_of = np.outer(residual, residual) + designs[i] @ covariance @ designs[i].T
            update[data.group[i]] += slope @ spread_of @ slope.T + own - slope @ own[o]
        update /= np.bincount(data.group, minlength=groups)[:, None, None]
        change = float(np.abs(update - sigma).max() / np.abs(sigma).max())
        sigma = update
        if change < precision:
            break
    full, spread_full = np.full(known.size, np.nan), np.zeros((known.size, known.size))
    full[known] = beta
    spread_full[np.ix_(known, known)] = covariance
    return Fit(full, spread_full, sigma)


def completed(data: Data, fit: Fit, place: int, strategy: str, reference: int) -> tuple[Floats, Floats]:
    """The conditional mean of each subject's value at a visit under the strategy, and its conditional variance."""
    values, variances = data.outcome[:, place].copy(), np.zeros(len(data.outcome))
    for i in np.flatnonzero(np.isnan(values)):
        own, other = (_mean(rows[i], fit.beta) for rows in (data.design, data.compared))
        sigma = fit.sigma[data.group[i]]
        compared = fit.sigma[reference if fit.sigma.shape[0] > 1 else 0]
        y = data.outcome[i]
        if strategy not in REFERENCE_BASED:
            values[i], variances[i] = _given(y, own, sigma, place)
        else:
            values[i], variances[i] = _after_event(y, own, other, sigma, compared, place, data.first[i], strategy)
    return values, variances


def _mean(rows: Floats, beta: Floats) -> Floats:
    """Means of the visits, NaN where a coefficient that they use is unknown."""
    return np.array([float((row[row != 0] * beta[row != 0]).sum()) for row in rows])


def _given(y: Floats, mean: Floats, sigma: Floats, place: int) -> tuple[float, float]:
    seen = np.flatnonzero(~np.isnan(y))
    slope = np.linalg.solve(sigma[np.ix_(seen, seen)], sigma[seen, place])
    return float(mean[place] + slope @ (y - mean)[seen]), float(sigma[place, place] - slope @ sigma[seen, place])


def _after_event(
    y: Floats, own: Floats, other: Floats, sigma: Floats, compared: Floats, place: int, first: int, strategy: str
) -> tuple[float, float]:
    """First the visits before the event, as missing at random; then those after it as a regression on these."""
    before = np.full(first, np.nan)
    spread = np.zeros((first, first))
    early = y[:first]
    gaps, seen = np.flatnonzero(np.isnan(early)), np.flatnonzero(~np.isnan(early))
    before[seen] = early[seen]
    slope = np.linalg.solve(sigma[np.ix_(seen, seen)], sigma[np.ix_(seen, gaps)]).T
    before[gaps] = own[gaps] + slope @ (early - own[:first])[seen]
    spread[np.ix_(gaps, gaps)] = sigma[np.ix_(gaps, gaps)] - slope @ sigma[np.ix_(seen, gaps)]
    if place < first:
        return float(before[place]), float(spread[place, place])
    source = sigma if strategy == "last-mean-carried-forward" else compared
    k = np.linalg.solve(source[:first, :first], source[:first, first:]).T
    q = source[first:, first:] - k @ source[:first, first:]
    late = {
        "jump-to-reference": other[first:],
        "copy-reference": other[first:],
        "copy-increments": other[first:] + (own[first - 1] - other[first - 1] if first else 0.0),
        "last-mean-carried-forward": np.full(len(own) - first, own[first - 1] if first else np.nan),
    }[strategy]
    base = other[:first] if strategy == "copy-reference" else own[:first]
    mean = late + k @ (before - base)
    value, rest = _given(y[first:], mean, q, place - first)
    kept = np.flatnonzero(~np.isnan(y[first:]))
    pull = np.linalg.solve(q[np.ix_(kept, kept)], q[kept, place - first])
    through = k[place - first] - pull @ k[kept]
    return value, rest + float(through @ spread @ through)


@dataclass(frozen=True, eq=False)
class Answers:
    """Per quantity the estimate, and the within and between variance of infinitely many imputations."""

    estimate: Floats
    within: Floats
    between: Floats
    df: float


def _answers(
    data: Data,
    place: int,
    strategy: str,
    added: Floats,
    arms: list[Any],
    x: Floats,
    treatment: Hashable,
    reference: Hashable,
) -> Answers | None:
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
        values, variances, jacobian, spread = data.outcome[:, place], np.zeros(len(x)), np.zeros((len(x), 1)), np.eye(1)
    else:
        fit, position = reml(data), arms.index(reference)
        values, variances = completed(data, fit, place, strategy, position)
        if np.isnan(values).any():
            return None
        jacobian, spread = _jacobian(data, fit, place, strategy, position)
    shifted = values + added
    residual = shifted - design @ inverse @ (design.T @ shifted)
    # Of the residual sum of squares imputed values add their variances, less what the fit takes up.
    taken = design @ inverse @ design.T
    noise = jacobian @ spread @ jacobian.T + np.diag(variances)
    squares = float(residual @ residual) + float(np.trace(noise)) - float((taken * noise).sum())
    unit = np.einsum("ca,ab,cb->c", contrasts, inverse, contrasts)
    return Answers(rows @ shifted, squares / df * unit, np.einsum("ci,ij,cj->c", rows, noise, rows), float(df))


def _jacobian(data: Data, fit: Fit, place: int, strategy: str, reference: int) -> tuple[Floats, Floats]:
    """Derivatives of the conditional means by the parameters, and the covariance of the parameters."""
    known = np.flatnonzero(~data.unknown)
    visits = data.outcome.shape[1]
    pairs = [(g, a, b) for g in range(len(fit.sigma)) for a in range(visits) for b in range(a + 1)]
    columns = []
    for k in known:
        step = np.zeros(fit.beta.size)
        step[k] = 0.5
        ends = [
            completed(data, Fit(fit.beta + s * step, fit.covariance, fit.sigma), place, strategy, reference)[0]
            for s in (1, -1)
        ]
        columns.append(ends[0] - ends[1])
    for g, a, b in pairs:
        size = 1e-4 * math.sqrt(fit.sigma[g, a, a] * fit.sigma[g, b, b])
        ends = []
        for sign in (1, -1):
            sigma = fit.sigma.copy()
            sigma[g, a, b] += sign * size
            sigma[g, b, a] = sigma[g, a, b]
            ends.append(completed(data, Fit(fit.beta, fit.covariance, sigma), place, strategy, reference)[0])
        columns.append((ends[0] - ends[1]) / (2 * size))
    information = _information(data, fit, pairs)
    spread = np.zeros((known.size + len(pairs),) * 2)
    spread[: known.size, : known.size] = fit.covariance[np.ix_(known, known)]
    spread[known.size :, known.size :] = np.linalg.inv(information)
    return np.column_stack(columns), spread


def _information(data: Data, fit: Fit, pairs: list[tuple[int, int, int]]) -> Floats:
    """Expected information about the elements of the covariance matrices, summed over the subjects."""
    visits = data.outcome.shape[1]
    total = np.zeros((len(pairs), len(pairs)))
    for i, row in enumerate(data.fitted):
        seen = np.flatnonzero(~np.isnan(row))
        g = data.group[i]
        weight = np.zeros((visits, visits))
        weight[np.ix_(seen, seen)] = np.linalg.inv(fit.sigma[g][np.ix_(seen, seen)])
        mine = [p for p, (group, _, _) in enumerate(pairs) if group == g]
        moved = []
        for p in mine:
            change = np.zeros((visits, visits))
            change[pairs[p][1], pairs[p][2]] = change[pairs[p][2], pairs[p][1]] = 1.0
            moved.append(weight @ change)
        stacked = np.stack(moved)
        total[np.ix_(mine, mine)] += 0.5 * np.einsum("pab,qba->pq", stacked, stacked)
    return total


def _estimates(
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
