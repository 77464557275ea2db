"""A long frame of visits as arrays of subjects by visits, in an order that does not depend on that of the rows."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.design import design, sorted_levels
from evidence_lib.statistics.inputs import Counts, Flags, Floats, labelled, numbers, refuse
from evidence_lib.statistics.means.inputs import visit_order

LARGEST = 1e150
ROUNDING = 1e-13


@dataclass(frozen=True, eq=False)
class Trial:
    """n subjects, J visits, q columns of covariates.

    ``raw`` (n, J) are the outcomes, NaN where missing, ``outcome`` the same in units of ``scale`` around ``center``.
    ``arm`` (n,) counts in ``arms``.
    ``first`` (n,) is the position of the first visit after the intercurrent event, J where there was none.
    ``covariates`` (n, q) have mean 0 and standard deviation 1.
    """

    visits: tuple[Hashable, ...]
    arms: tuple[Hashable, ...]
    raw: Floats
    outcome: Floats
    center: float
    scale: float
    arm: Counts
    first: Counts
    covariates: Floats

    @property
    def observed(self) -> Flags:
        """Where there is a value."""
        return ~np.isnan(self.outcome)

    @property
    def after(self) -> Flags:
        """Which visits come after the intercurrent event."""
        return np.arange(len(self.visits)) >= self.first[:, None]


def trial(
    frame: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    outcome: str,
    arm: str,
    covariates: Sequence[str],
    visits: Sequence[Hashable] | None,
    event: str | None,
) -> Trial:
    """The subjects of a frame of one row per subject and visit. Raises InvalidInput; rows are named from 1."""
    names = _columns(frame, subject=subject, visit=visit, outcome=outcome, arm=arm, covariates=covariates, event=event)
    size = len(frame)
    if size == 0:
        raise InvalidInput("the frame has no rows", expected="one row per subject and visit")
    subjects, person = _codes(labelled(frame[subject], subject, size), sorted_levels(frame[subject]))
    seen = labelled(frame[visit], visit, size)
    order, column = _codes(seen, visit_order(frame[visit]) if visits is None else _given(visits, seen, visit))
    arms, group = _codes(labelled(frame[arm], arm, size), sorted_levels(frame[arm]))
    twice = pd.DataFrame({"person": person, "visit": column}).duplicated().to_numpy()
    refuse(twice, visit, "one row per subject and visit", "a second row of the same subject and visit")
    values = numbers(frame[outcome], outcome)
    refuse(np.abs(values) > LARGEST, outcome, "numbers that can be squared", "an infinite or too large a value")
    # The first row of each subject stands for what may not change from visit to visit.
    one = np.zeros(len(subjects), dtype=np.int64)
    one[person[::-1]] = np.arange(size)[::-1]
    refuse(group != group[one][person], arm, "one arm per subject", "another arm than before")
    matrix = _fixed_covariates(frame[list(names)], one, person)
    wide = np.full((len(subjects), len(order)), np.nan)
    wide[person, column] = values
    first = _last_gap(wide) if event is None else _events(frame[event], event, order, one, person)
    standardised, center, scale = _standardised(wide)
    return Trial(order, arms, wide, standardised, center, scale, group[one], first, matrix)


def _given(visits: Sequence[Hashable], seen: np.ndarray, name: str) -> list[Hashable]:
    if isinstance(visits, str) or not isinstance(visits, Sequence | np.ndarray) or len(set(visits)) < len(visits):
        raise InvalidInput("visits is not an order", expected="each visit once, in order of time", found=repr(visits))
    if set(visits) != set(seen):
        raise InvalidInput(
            "visits are not those of the frame",
            where=name,
            expected=", ".join(sorted({str(label) for label in seen})),
            found=", ".join(map(str, visits)),
        )
    return list(visits)


def _columns(
    frame: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    outcome: str,
    arm: str,
    covariates: Sequence[str],
    event: str | None,
) -> tuple[str, ...]:
    """The names of the covariates, after a check that every column is there once."""
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInput("the data are not a frame", expected="a DataFrame", found=type(frame).__name__)
    if isinstance(covariates, str):
        raise InvalidInput("covariates is one text", expected="a sequence of column names", found=repr(covariates))
    names = [subject, visit, outcome, arm, *covariates, *([] if event is None else [event])]
    for name in names:
        if list(frame.columns).count(name) != 1:
            raise InvalidInput("no such column, or more than one", where="frame", found=repr(name))
    if len(set(names)) < len(names):
        raise InvalidInput(
            "a column has two parts to play",
            expected="each of subject, visit, outcome, arm, covariates and event in a column of its own",
            found=", ".join(sorted({str(name) for name in names if names.count(name) > 1})),
        )
    return tuple(covariates)


def _codes(labels: np.ndarray, levels: Sequence[Any]) -> tuple[tuple[Hashable, ...], Counts]:
    number = {level: position for position, level in enumerate(levels)}
    return tuple(levels), np.array([number[label] for label in labels], dtype=np.int64)


def _fixed_covariates(covariates: pd.DataFrame, one: Counts, person: Counts) -> Floats:
    """Covariates of each subject, standardised: that changes no result and keeps the algebra well conditioned."""
    if covariates.shape[1] == 0:
        return np.empty((one.size, 0))
    columns = design(covariates, len(covariates))
    changes = columns.matrix != columns.matrix[one][person]
    for position, name in enumerate(columns.variables):
        refuse(changes[:, position], name, "one value per subject", "another value than before")
    matrix = columns.matrix[one]
    size = np.abs(matrix).max(axis=0)
    matrix = matrix / np.where(size > 0, size, 1.0)
    spread = matrix.std(axis=0)
    return (matrix - matrix.mean(axis=0)) / np.where(spread > 1e-12, spread, 1.0)


def _last_gap(wide: Floats) -> Counts:
    """The first visit of the missing values that run to the end, J where the last visit has a value."""
    seen = ~np.isnan(wide)
    return np.where(seen.any(axis=1), wide.shape[1] - np.argmax(seen[:, ::-1], axis=1), 0)


def _events(column: pd.Series, name: str, visits: Sequence[Hashable], one: Counts, person: Counts) -> Counts:
    number = {level: position for position, level in enumerate(visits)}
    missing = column.isna().to_numpy()
    values = column.astype(object).to_numpy()
    unknown = np.array([not gap and value not in number for value, gap in zip(values, missing, strict=True)])
    refuse(unknown, name, "a visit, or nothing for a subject without the event", "another value")
    found = np.array(
        [len(visits) if gap else number[value] for value, gap in zip(values, missing, strict=True)], dtype=np.int64
    )
    refuse(found != found[one][person], name, "one first visit per subject", "another one than before")
    return found[one]


def _standardised(wide: Floats) -> tuple[Floats, float, float]:
    """Outcomes in units of the largest distance from their mean; all 0 where they do not vary but for rounding."""
    seen = wide[~np.isnan(wide)]
    center = float((seen / max(seen.size, 1)).sum())
    size = float(np.abs(seen - center).max(initial=0.0))
    if size <= ROUNDING * abs(center):
        return wide * 0.0, center, 1.0
    return (wide - center) / size, center, size
