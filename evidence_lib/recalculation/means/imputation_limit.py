"""The second route to multiple imputation: the model at its REML estimate, and conditional means under a strategy."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

Floats = NDArray[np.float64]
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


def model_data(
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


def reml(data: Data, start: Fit | None = None, *, precision: float = 1e-9) -> Fit:
    """Restricted maximum likelihood by the EM algorithm, the coefficients integrated out."""
    known = ~data.unknown
    groups = int(data.group.max()) + 1
    patterns: dict[tuple[Any, ...], list[int]] = {}
    for i, row in enumerate(data.fitted):
        patterns.setdefault((int(data.group[i]), *np.flatnonzero(~np.isnan(row)).tolist()), []).append(i)
    parts = [
        (key[0], list(key[1:]), data.design[rows][:, list(key[1:])][:, :, known], data.fitted[rows][:, list(key[1:])])
        for key, rows in patterns.items()
    ]
    sigma = np.stack([np.diag(np.nanvar(data.fitted, axis=0))] * groups) if start is None else start.sigma
    for _ in range(2000):
        weights = [np.linalg.inv(sigma[g][np.ix_(o, o)]) for g, o, _, _ in parts]
        information, score = np.zeros((known.sum(), known.sum())), np.zeros(known.sum())
        for (_, _, x, y), w in zip(parts, weights, strict=True):
            weighted = np.einsum("iap,ab->ibp", x, w)
            information += np.einsum("ibp,ibq->pq", weighted, x)
            score += np.einsum("ibp,ib->p", weighted, y)
        covariance = np.linalg.inv(information)
        beta = covariance @ score
        update = np.zeros_like(sigma)
        for (g, o, x, y), w in zip(parts, weights, strict=True):
            slope, residual = sigma[g][:, o] @ w, y - x @ beta
            spread = residual.T @ residual + np.einsum("iap,pq,ibq->ab", x, covariance, x, optimize=True)
            update[g] += slope @ spread @ slope.T + len(y) * (sigma[g] - slope @ sigma[g][o])
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
    alike: dict[tuple[Any, ...], list[int]] = {}
    for i in np.flatnonzero(np.isnan(values)):
        alike.setdefault((data.group[i], data.first[i], *np.isnan(data.outcome[i]).tolist()), []).append(int(i))
    for (group, first, *_), rows in alike.items():
        own, other = (_means(design[rows], fit.beta) for design in (data.design, data.compared))
        sigma = fit.sigma[group]
        compared = fit.sigma[reference if fit.sigma.shape[0] > 1 else 0]
        y = data.outcome[rows]
        if strategy not in REFERENCE_BASED:
            values[rows], variances[rows] = _given(y, own, sigma, place)
        else:
            values[rows], variances[rows] = _after_event(y, own, other, sigma, compared, place, int(first), strategy)
    return values, variances


def _means(design: Floats, beta: Floats) -> Floats:
    """Means of subjects by visits, NaN where a coefficient that they use is unknown."""
    unknown = np.isnan(beta)
    means = design @ np.where(unknown, 0.0, beta)
    if unknown.any():
        means[(design[:, :, unknown] != 0).any(axis=2)] = np.nan
    return np.asarray(means, dtype=np.float64)


def _given(y: Floats, mean: Floats, sigma: Floats, place: int) -> tuple[Floats, float]:
    """The value at a visit of subjects who have values at the same visits, given these, and its variance."""
    seen = np.flatnonzero(~np.isnan(y[0]))
    slope = np.linalg.solve(sigma[np.ix_(seen, seen)], sigma[seen, place])
    value = mean[:, place] + (y - mean)[:, seen] @ slope
    return value, float(sigma[place, place] - slope @ sigma[seen, place])


def _after_event(
    y: Floats, own: Floats, other: Floats, sigma: Floats, compared: Floats, place: int, first: int, strategy: str
) -> tuple[Floats, float]:
    """First the visits before the event, as missing at random; then those after it as a regression on these.

    For subjects who have the same event and values at the same visits.
    """
    before = np.full((len(y), first), np.nan)
    spread = np.zeros((first, first))
    early = y[:, :first]
    gaps, seen = np.flatnonzero(np.isnan(early[0])), np.flatnonzero(~np.isnan(early[0]))
    before[:, seen] = early[:, seen]
    slope = np.linalg.solve(sigma[np.ix_(seen, seen)], sigma[np.ix_(seen, gaps)]).T
    before[:, gaps] = own[:, gaps] + (early - own[:, :first])[:, seen] @ slope.T
    spread[np.ix_(gaps, gaps)] = sigma[np.ix_(gaps, gaps)] - slope @ sigma[np.ix_(seen, gaps)]
    if place < first:
        return before[:, place], float(spread[place, place])
    source = sigma if strategy == "last-mean-carried-forward" else compared
    k = np.linalg.solve(source[:first, :first], source[:first, first:]).T
    q = source[first:, first:] - k @ source[:first, first:]
    step = (own - other)[:, first - 1 : first] if first else 0.0
    held = own[:, first - 1 : first] if first else np.nan
    late = {
        "jump-to-reference": other[:, first:],
        "copy-reference": other[:, first:],
        "copy-increments": other[:, first:] + step,
        "last-mean-carried-forward": np.broadcast_to(held, own[:, first:].shape),
    }[strategy]
    base = other[:, :first] if strategy == "copy-reference" else own[:, :first]
    mean = late + (before - base) @ k.T
    value, rest = _given(y[:, first:], mean, q, place - first)
    kept = np.flatnonzero(~np.isnan(y[0, first:]))
    pull = np.linalg.solve(q[np.ix_(kept, kept)], q[kept, place - first])
    through = k[place - first] - pull @ k[kept]
    return value, rest + float(through @ spread @ through)


def jacobian(data: Data, fit: Fit, place: int, strategy: str, reference: int) -> tuple[Floats, Floats]:
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
    alike: dict[tuple[int, ...], int] = {}
    for i, row in enumerate(data.fitted):
        key = (int(data.group[i]), *np.flatnonzero(~np.isnan(row)).tolist())
        alike[key] = alike.get(key, 0) + 1
    for (g, *seen), subjects in alike.items():
        weight = np.zeros((visits, visits))
        weight[np.ix_(seen, seen)] = np.linalg.inv(fit.sigma[g][np.ix_(seen, seen)])
        mine = [p for p, (group, _, _) in enumerate(pairs) if group == g]
        moved = []
        for p in mine:
            change = np.zeros((visits, visits))
            change[pairs[p][1], pairs[p][2]] = change[pairs[p][2], pairs[p][1]] = 1.0
            moved.append(weight @ change)
        stacked = np.stack(moved)
        total[np.ix_(mine, mine)] += 0.5 * subjects * np.einsum("pab,qba->pq", stacked, stacked)
    return total
