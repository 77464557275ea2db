"""Recalculation of the rank-sum test and the shift: every difference of a treated and a reference patient."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.recalculation.means.arms import compared, labels, outcomes
from evidence_lib.recalculation.means.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate, Estimates

_Sample = tuple[np.ndarray, np.ndarray]


def wilcoxon(
    outcome: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Any,
    reference: Any,
    strata: ArrayLike | pd.DataFrame | None = None,
    distribution: str | None = None,
    continuity_correction: bool | None = None,
    conf_level: float = 0.95,
) -> Estimates:
    """Twin of ``statistics.means.wilcoxon``."""
    values, size = outcomes(outcome)
    values = _tied(values)
    arm = labels(group)
    stratum = _strata(strata, len(values))
    samples = [
        (values[(stratum == s) & (arm == treatment)], values[(stratum == s) & (arm == reference)])
        for s in sorted(set(stratum))
    ]
    samples = [(x, y) for x, y in samples if x.size and y.size]
    tied = any(len({*x, *y}) < x.size + y.size for x, y in samples)
    small = all(max(x.size, y.size) < 50 for x, y in samples)
    exact = distribution == "exact" or (distribution is None and continuity_correction is None and small and not tied)
    kind = "stratified" if strata is not None else "exact" if exact else "normal"
    shared: dict[str, Any] = {
        "groups": compared(treatment, reference),
        "n": sum(x.size + y.size for x, y in samples),
        "method": SOURCE["wilcoxon"],
    }
    test: dict[str, Any] = {
        **shared,
        "analysis": f"wilcoxon.test.{kind}",
        "unit": "probability" if kind == "exact" else "z",
    }
    test["is_test"] = True
    name = "wilcoxon.shift.stratified" if kind == "stratified" else "wilcoxon.shift"
    shift: dict[str, Any] = {**shared, "analysis": name, "unit": "outcome", "conf_level": conf_level}
    if not samples or (kind == "exact" and tied):
        gap: dict[str, Any] = {"status": "not_estimable", "reason": NOT_ESTIMABLE}
        return Estimates((Estimate(**test, **gap), Estimate(**shift, **gap)))
    inversion = _Inversion(samples, kind, 0.5 if kind == "normal" and continuity_correction is not False else 0.0)
    low, high = inversion.limits(conf_level)
    reason = None if low is not None and high is not None else NOT_ESTIMABLE
    shift |= {} if low is None or high is None else {"conf_low": low * size, "conf_high": high * size}
    found = Estimate(**shift, estimate=inversion.middle() * size, reason=reason)
    return Estimates((_test(test, inversion), found))


def _test(shared: dict[str, Any], inversion: _Inversion) -> Estimate:
    from scipy import stats

    if inversion.kind == "exact":
        return Estimate(**shared, p_value=float(stats.mannwhitneyu(*inversion.samples[0], method="exact").pvalue))
    z = inversion.z(0.0)
    if z is None:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    return Estimate(**shared, test_statistic=z, p_value=max(2 * float(stats.norm.sf(abs(z))), 2.0**-1022))


class _Inversion:
    """The test of every shift: of the treated outcomes less a shift against the others."""

    def __init__(self, samples: list[_Sample], kind: str, correction: float) -> None:
        self.samples, self.kind, self.correction = samples, kind, correction
        self.weights = [1 / (x.size + y.size + 1) if kind == "stratified" else 1.0 for x, y in samples]
        each = [np.subtract.outer(x, y).ravel() for x, y in samples]
        together = np.concatenate(each)
        weight = np.concatenate([np.full(one.size, w) for one, w in zip(each, self.weights, strict=True)])
        order = np.argsort(together, kind="stable")
        self.differences, self.up_to = together[order], np.cumsum(weight[order])

    def middle(self) -> float:
        """The weighted median of all differences."""
        share = self.up_to / self.up_to[-1]
        first, after = np.argmax(share >= 0.5 - 1e-12), np.argmax(share > 0.5 + 1e-12)
        return float(self.differences[first] + self.differences[after]) / 2

    def z(self, shift: float) -> float | None:
        """The normal statistic of one shift, from the ranks of all outcomes after it; None where all are alike."""
        from scipy.stats import rankdata, tiecorrect

        above = variance = 0.0
        for (x, y), w in zip(self.samples, self.weights, strict=True):
            m, n = x.size, y.size
            ranks = rankdata(np.concatenate([x - shift, y]))
            above += w * (ranks[:m].sum() - m * (m + n + 1) / 2)
            variance += w**2 * m * n * (m + n + 1) / 12 * tiecorrect(ranks)
        if variance <= 0:
            return None
        return float(above - np.sign(above) * self.correction) / math.sqrt(variance)

    def limits(self, level: float) -> tuple[float | None, float | None]:
        """The first and the last difference next to which a shift is not rejected; None beyond all differences."""
        from scipy.stats import norm

        if self.kind != "exact" and self.z(0.0) is None:
            return None, None
        places = np.flatnonzero(np.diff(self.differences) > 1e-9 * np.abs(self.differences).max())
        steps = self.differences
        # Shifts between neighbouring differences, and one outside at each end.
        outside = float(np.ptp(steps)) + 1.0
        between = [steps[0] - outside, *((steps[places] + steps[places + 1]) / 2), steps[-1] + outside]
        edges = [*steps[places], steps[-1]]
        if self.kind == "exact":
            chance = _below(*(sample.size for sample in self.samples[0]))
            tail = (1 - level) / 2
            # Where the outermost order alone has the whole tail, it is given to the tail.
            chance[0] = 0.0 if math.isclose(chance[0], tail, rel_tol=1e-12) else chance[0]
            counts = [0, *(int(place) + 1 for place in places), steps.size]
            first = _first(len(counts), lambda i: chance[counts[i]] >= tail * (1 - 1e-12))
            last = _first(len(counts), lambda i: chance[steps.size - counts[i]] < tail * (1 - 1e-12)) - 1
        else:
            limit = float(norm.isf((1 - level) / 2))
            # z falls as the shift grows: halving finds where it enters and where it leaves.
            first = _first(len(between), lambda i: (self.z(between[i]) or 0.0) <= limit)
            last = _first(len(between), lambda i: (self.z(between[i]) or 0.0) < -limit) - 1
        starts = [steps[0], *steps[places + 1]]
        low = None if first == 0 else float(edges[first - 1])
        high = None if last == len(between) - 1 else float(starts[last])
        return low, high


def _below(m: int, n: int) -> list[float]:
    """P(U <= u) for every u, from the whole numbers of the generating function prod (1 - q^(n + i)) / (1 - q^i)."""
    counts = [1] + [0] * (m * n)
    for i in range(1, m + 1):
        for at in range(m * n, n + i - 1, -1):
            counts[at] -= counts[at - n - i]
        for at in range(i, m * n + 1):
            counts[at] += counts[at - i]
    total, summed, chances = math.comb(m + n, m), 0, []
    for count in counts:
        summed += count
        chances.append(summed / total)
    return chances


def _first(size: int, holds: Any) -> int:
    """The first place from which something holds."""
    low, high = 0, size
    while low < high:
        middle = (low + high) // 2
        low, high = (low, middle) if holds(middle) else (middle + 1, high)
    return low


def _tied(values: np.ndarray) -> np.ndarray:
    """Values within a relative 1e-9 of the one below are that one."""
    found = values.copy()
    order = np.argsort(values, kind="stable")
    for before, here in zip(order, order[1:], strict=False):
        size = max(abs(values[here]), abs(values[before]))
        found[here] = found[before] if values[here] - values[before] <= 1e-9 * size else values[here]
    return found


def _strata(strata: Any, size: int) -> np.ndarray:
    if strata is None:
        return np.zeros(size, dtype=int)
    frame = strata if isinstance(strata, pd.DataFrame) else pd.DataFrame({0: list(strata)})
    return frame.groupby(list(frame.columns), observed=True).ngroup().to_numpy()
