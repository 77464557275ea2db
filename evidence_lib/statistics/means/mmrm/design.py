"""The fixed effects: columns of the model, the combinations of them that are least-squares means, and their rank."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from scipy.linalg import solve_triangular

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.design import level_text, sorted_levels
from evidence_lib.statistics.inputs import Counts, Floats, refuse

Margins = Literal["equal", "observed"]

# The square of a larger number, summed over rows, is not finite any more.
LARGEST = 1e100
# A column is a combination of those before it where less than this share of its length is left beside them.
DEPENDENT = 1e-10


@dataclass(frozen=True, eq=False)
class Columns:
    """Columns that covariates become, and the value of each at which least-squares means are taken."""

    matrix: Floats
    names: tuple[str, ...]
    equal: Floats
    observed: Floats

    def margins(self, kind: Margins) -> Floats:
        """The mean of each column over its levels, all alike or as often as observed."""
        return self.equal if kind == "equal" else self.observed


@dataclass(frozen=True, eq=False)
class Design:
    """The model's columns ``matrix`` (N, p) with their ``names``, and what makes rows of it for an arm and a visit.

    Without treatment and visits crossed: intercept, covariates, arms, visits, arms by visits, covariates by visits;
    the reference arm and the first visit are in the intercept.
    """

    matrix: Floats
    names: tuple[str, ...]
    covariates: Columns
    changing: Columns
    arms: int
    visits: int

    def row(self, arm: int, visit: int, margins: Margins) -> Floats:
        """The coefficients' weights (p,) in the least-squares mean of one arm at one visit."""
        fixed, changing = self.covariates.margins(margins), self.changing.margins(margins)
        return _row(fixed[None], changing[None], np.array([arm]), np.array([visit]), self.arms, self.visits)[0]

    def interaction(self) -> Floats:
        """The weights of each arm-by-visit coefficient, (r, p)."""
        start = 1 + self.covariates.matrix.shape[1] + self.arms - 1 + self.visits - 1
        return np.eye(len(self.names))[start : start + (self.arms - 1) * (self.visits - 1)]


@dataclass(frozen=True, eq=False)
class Basis:
    """An orthonormal basis Q (N, k) of the columns of X = Q R, of which ``kept`` (k,) are independent.

    ``aliased`` (k, p - k) writes each other column as a combination of the kept ones.
    """

    q: Floats
    r: Floats
    kept: Counts
    dropped: Counts
    aliased: Floats

    def estimable(self, weights: Floats) -> bool:
        """Whether a combination of the coefficients has one value for all coefficients that fit the data alike."""
        left = weights[self.dropped] - weights[self.kept] @ self.aliased
        return bool((np.abs(left) <= 1e-8 * max(1.0, np.abs(weights).max())).all())

    def turned(self, weights: Floats) -> Floats:
        """Weights of the coefficients as weights of the coordinates in Q: R'^-1 of the kept ones, (..., k)."""
        kept = weights[..., self.kept]
        return solve_triangular(self.r, kept.T, trans="T", lower=False).T


def design(
    frame: pd.DataFrame,
    *,
    arm: Counts,
    arm_names: Sequence[str],
    visit: Counts,
    visit_names: Sequence[str],
    covariates: Sequence[str],
    by_visit: Sequence[str],
) -> Design:
    """The columns of the model; ``arm`` and ``visit`` count in their names, the first of which is the reference."""
    fixed = columns(frame, covariates)
    changing = columns(frame, by_visit)
    matrix = _row(fixed.matrix, changing.matrix, arm, visit, len(arm_names), len(visit_names))
    names = [
        "intercept",
        *fixed.names,
        *(f"arm={name}" for name in arm_names[1:]),
        *(f"visit={name}" for name in visit_names[1:]),
        *(f"arm={one}:visit={other}" for one in arm_names[1:] for other in visit_names[1:]),
        *(f"{one}:visit={other}" for one in changing.names for other in visit_names[1:]),
    ]
    return Design(matrix, tuple(names), fixed, changing, len(arm_names), len(visit_names))


def _row(fixed: Floats, changing: Floats, arm: Counts, visit: Counts, arms: int, visits: int) -> Floats:
    of_arm = (arm[:, None] == np.arange(1, arms)).astype(float)
    of_visit = (visit[:, None] == np.arange(1, visits)).astype(float)
    crossed = [(part[:, :, None] * of_visit[:, None, :]).reshape(len(arm), -1) for part in (of_arm, changing)]
    return np.hstack([np.ones((len(arm), 1)), fixed, of_arm, of_visit, *crossed])


def columns(frame: pd.DataFrame, covariates: Sequence[str]) -> Columns:
    """Numbers as they are, categories as indicators of their levels except the first."""
    parts: list[Floats] = []
    names: list[str] = []
    equal: list[float] = []
    for name in covariates:
        found = _indicators(frame[name], str(name))
        if found is None:
            values = _numbers(frame[name], str(name))
            parts.append(values[:, None])
            names.append(str(name))
            equal.append(float(values.mean()))
            continue
        levels, matrix = found
        parts.append(matrix[:, 1:])
        names += [f"{name}={level_text(level)}" for level in levels[1:]]
        equal += [1 / len(levels)] * (len(levels) - 1)
    matrix = np.hstack(parts) if parts else np.empty((len(frame), 0))
    return Columns(matrix, tuple(names), np.array(equal), matrix.mean(axis=0))


def _numbers(values: pd.Series, name: str) -> Floats:
    found = values.to_numpy(dtype=float)
    refuse(np.abs(found) > LARGEST, name, "finite numbers", "an infinite value, or one above 1e100")
    return found


def _indicators(values: pd.Series, name: str) -> tuple[list[Any], Floats] | None:
    """The levels in their order and an indicator of each; None for numbers, which include booleans."""
    refuse(values.isna().to_numpy(), name, "a value wherever the outcome has one", "a missing value")
    if pd.api.types.is_bool_dtype(values.dtype) or pd.api.types.is_any_real_numeric_dtype(values.dtype):
        return None
    if isinstance(values.dtype, pd.CategoricalDtype):
        levels = [level for level in values.cat.categories if (values == level).any()]
    elif pd.api.types.is_datetime64_any_dtype(values.dtype) or pd.api.types.is_complex_dtype(values.dtype):
        raise InvalidInput(
            "a covariate is neither numbers nor categories",
            where=name,
            found=f"type {values.dtype}",
            mend="give numbers",
        )
    else:
        levels = sorted_levels(values)
    return levels, np.column_stack([(values == level).to_numpy(dtype=float) for level in levels])


def basis(matrix: Floats) -> Basis:
    """An orthonormal basis, column by column from the left (Gram-Schmidt, twice), so that later columns are dropped."""
    rows, p = matrix.shape
    q = np.empty((rows, min(rows, p)))
    r = np.zeros((min(rows, p), p))
    kept: list[int] = []
    for column in range(p):
        values, k = matrix[:, column], len(kept)
        size = float(np.sqrt(values @ values))
        left = values
        for _ in range(2):
            part = q[:, :k].T @ left
            r[:k, column] += part
            left = left - q[:, :k] @ part
        length = float(np.sqrt(left @ left))
        if k == rows or length <= DEPENDENT * size:
            continue
        q[:, k] = left / length
        r[k, column] = length
        kept.append(column)
    chosen = np.array(kept, dtype=np.int64)
    dropped = np.setdiff1d(np.arange(p), chosen)
    k = len(kept)
    root = r[:k, chosen]
    return Basis(q[:, :k], root, chosen, dropped, solve_triangular(root, r[:k, dropped]))
