"""Recalculation of the mixed model for repeated measures: each arm at each visit is one coefficient."""

from __future__ import annotations

import math
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.errors import DataError
from evidence_lib.recalculation.means.mixed_model import Block, Floats, Model, Solution, Unfitted
from evidence_lib.results import Estimate, Estimates, plain

NOT_ESTIMABLE = "not estimable by the second route either"
METHOD = "Cholesky factors, quasi-Newton search and numerical derivatives"


def mmrm(
    frame: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    outcome: str,
    arm: str,
    treatment: Hashable,
    reference: Hashable,
    covariates: Sequence[str] = (),
    by_visit: Sequence[str] = (),
    visits: Sequence[Hashable] | None = None,
    weights: str | None = None,
    covariance: str = "un",
    covariance_by_arm: bool = False,
    fallback: Sequence[str] = (),
    estimation: str = "reml",
    df: str = "satterthwaite",
    margins: str = "equal",
    conf_level: float = 0.95,
) -> Estimates:
    """Twin of ``statistics.means.mmrm``: its least-squares means, differences and test of arm by visit."""
    kept = frame[frame[outcome].notna()]
    order = _order(frame[visit]) if visits is None else list(visits)
    present = [label for label in order if (kept[visit] == label).any()]
    arms = sorted(set(kept[arm]), key=lambda label: (label != reference, str(label)))
    cells = {(a, v): ((kept[arm] == a) & (kept[visit] == v)).to_numpy(dtype=float) for a in arms for v in present}
    seen = [cell for cell, rows in cells.items() if rows.any()]
    at_visit = [(kept[visit] == v).to_numpy(dtype=float) for v in present]
    columns = [cells[cell] for cell in seen]
    for name in covariates:
        for column in _centred(kept[name], margins):
            columns += [column * here for here in at_visit] if name in by_visit else [column]
    root = np.ones(len(kept)) if weights is None else np.sqrt(kept[weights].to_numpy(dtype=float))
    axes = Axes.of(np.column_stack(columns) * root[:, None])
    size = float(np.abs(kept[outcome]).max()) or 1.0
    y = kept[outcome].to_numpy(dtype=float) / size * root
    along = axes.u.T @ y
    left = y - axes.u @ along
    spread = math.sqrt(float(left @ left) / max(y.size - along.size, 1))
    group = [arms.index(label) if covariance_by_arm else 0 for label in kept[arm]]
    position = [present.index(label) for label in kept[visit]]
    blocks = _blocks(axes.u, left / spread, list(kept[subject]), position, group)
    for structure in (covariance, *fallback):
        model = Model(blocks, len(arms) if covariance_by_arm else 1, len(present), structure, estimation == "reml")
        try:
            solution = model.solved(df)
        except Unfitted:
            continue
        report = Report(kept, (subject, visit, arm), seen, axes, solution, along / spread, spread * size, conf_level)
        return report.estimates(arms, present, treatment, reference)
    raise DataError("the mixed model cannot be fitted by the second route either", where="mmrm")


@dataclass(frozen=True, eq=False)
class Axes:
    """The singular value decomposition of the columns, of which only independent axes are kept."""

    u: Floats
    s: Floats
    vt: Floats
    length: Floats

    @classmethod
    def of(cls, x: Floats) -> Axes:
        """The axes of these columns."""
        length = np.sqrt((x**2).sum(axis=0))
        length = np.where(length > 0, length, 1.0)
        u, s, vt = np.linalg.svd(x / length, full_matrices=False)
        rank = int((s > 1e-10 * s[0]).sum())
        return cls(u[:, :rank], s[:rank], vt[:rank], length)

    def weights(self, combination: Floats) -> Floats | None:
        """A combination of the coefficients as one of the axes' coordinates; None where the data do not fix it."""
        scaled = combination / self.length
        inside = self.vt @ scaled
        if np.abs(self.vt.T @ inside - scaled).max() > 1e-8 * np.abs(scaled).max():
            return None
        return inside / self.s


@dataclass(frozen=True, eq=False)
class Report:
    """The estimates of a solution."""

    kept: pd.DataFrame
    names: tuple[str, str, str]
    seen: list[tuple[Any, Any]]
    axes: Axes
    solution: Solution
    shift: Floats
    scale: float
    conf_level: float

    def estimates(self, arms: list[Any], present: list[Any], treatment: Any, reference: Any) -> Estimates:
        """Every estimate of the statistic."""
        pair = {"treatment": plain(treatment), "reference": plain(reference)}
        both = [label for label in (treatment, reference) if label in arms]
        found = [
            self.one(
                "mmrm.ls_mean", {"arm": plain(a), "visit": plain(v)}, [(1.0, a, v)], self.count([a], [v]), test=False
            )
            for a in arms
            for v in present
        ]
        differences = {v: [(1.0, treatment, v), (-1.0, reference, v)] for v in present}
        for v, parts in differences.items():
            found.append(
                self.one("mmrm.contrast", {**pair, "visit": plain(v)}, parts, self.count(both, [v]), test=True)
            )
        average = [(sign / len(present), a, v) for parts in differences.values() for sign, a, v in parts]
        found.append(self.one("mmrm.contrast.average", pair, average, self.count(both, present), test=True))
        return Estimates((*found, self.interaction(arms, present)))

    def count(self, arms: list[Any], visits: list[Any]) -> int:
        """Subjects of these arms with an outcome at these visits."""
        subject, visit, arm = self.names
        rows = self.kept[self.kept[arm].isin(arms) & self.kept[visit].isin(visits)]
        return int(rows[subject].nunique())

    def combination(self, parts: list[tuple[float, Any, Any]]) -> Floats | None:
        """The weights of a sum of cells; None where one of them has no data."""
        weights = np.zeros(self.axes.length.size)
        for sign, a, v in parts:
            if (a, v) not in self.seen:
                return None
            weights[self.seen.index((a, v))] += sign
        return self.axes.weights(weights)

    def one(self, analysis: str, groups: dict[str, Any], parts: list[Any], n: int, *, test: bool) -> Estimate:
        """One least-squares mean or difference."""
        from scipy.stats import norm, t

        shared: dict[str, Any] = {"analysis": analysis, "unit": "outcome", "method": METHOD, "groups": groups, "n": n}
        shared |= {"conf_level": self.conf_level}
        weights = self.combination(parts)
        df = None if weights is None else self.solution.df(weights)
        variance = 0.0 if weights is None else self.solution.variance(weights)
        law = norm() if df is None or math.isinf(df) else t(df)
        quantile = float(law.ppf((1 + self.conf_level) / 2))
        if weights is None or df is None or variance <= 0 or not math.isfinite(quantile):
            return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
        value = self.solution.value(weights, self.shift) * self.scale
        error = math.sqrt(variance) * self.scale
        half = quantile * error
        tested: dict[str, Any] = {"test_statistic": value / error, "p_value": 2 * float(law.sf(abs(value / error)))}
        return Estimate(
            **shared,
            estimate=value,
            std_error=error,
            conf_low=value - half,
            conf_high=value + half,
            df=None if math.isinf(df) else df,
            **(tested if test else {}),
        )

    def interaction(self, arms: list[Any], present: list[Any]) -> Estimate:
        """The test that differences from the first arm are the same at all visits."""
        from scipy.stats import chi2, f

        shared: dict[str, Any] = {"analysis": "mmrm.interaction", "unit": "F", "is_test": True, "method": METHOD}
        shared |= {"n": self.count(arms, present)}
        rows = [
            self.combination([(1.0, a, v), (-1.0, a, present[0]), (-1.0, arms[0], v), (1.0, arms[0], present[0])])
            for a in arms[1:]
            for v in present[1:]
        ]
        weights = [row for row in rows if row is not None]
        joint = self.solution.joint(np.array(weights), self.shift) if weights and len(weights) == len(rows) else None
        if joint is None:
            return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
        statistic, below = joint
        count = len(rows)
        p_value = chi2.sf(statistic * count, count) if math.isinf(below) else f.sf(statistic, count, below)
        return Estimate(**shared, test_statistic=statistic, df=count, p_value=float(p_value))


def _order(column: pd.Series) -> list[Any]:
    if isinstance(column.dtype, pd.CategoricalDtype):
        return list(column.cat.categories)
    labels = list(column.unique())
    if all(isinstance(label, str) for label in labels) and len(labels) > 1:
        return sorted(labels, key=lambda label: float(re.findall(r"-?\d+(?:\.\d+)?", label)[0]))
    return sorted(labels)


def _centred(values: pd.Series, margins: str) -> list[Floats]:
    """The columns of a covariate, less their value in a least-squares mean."""
    if pd.api.types.is_numeric_dtype(values.dtype):
        numbers = values.to_numpy(dtype=float)
        return [numbers - numbers.mean()]
    levels = sorted(set(values), key=str)
    indicators = [(values == level).to_numpy(dtype=float) for level in levels[1:]]
    return [one - (1 / len(levels) if margins == "equal" else one.mean()) for one in indicators]


def _blocks(x: Floats, y: Floats, subject: list[Any], position: list[int], group: list[int]) -> list[Block]:
    """The subjects by the visits they were seen at."""
    rows: dict[Any, list[tuple[int, int]]] = {}
    group_of: dict[Any, int] = {}
    for row, (person, at, number) in enumerate(zip(subject, position, group, strict=True)):
        rows.setdefault(person, []).append((at, row))
        group_of[person] = number
    alike: dict[tuple[int, tuple[int, ...]], list[list[int]]] = {}
    for person, found in rows.items():
        found.sort()
        key = (group_of[person], tuple(at for at, _ in found))
        alike.setdefault(key, []).append([row for _, row in found])
    return [
        Block(number, list(visits), x[np.array(members)], y[np.array(members)])
        for (number, visits), members in sorted(alike.items())
    ]
