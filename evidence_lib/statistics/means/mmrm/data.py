"""A long frame of visits as the rows of the model, checked, in an order that does not depend on that of the frame."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.design import sorted_levels
from evidence_lib.statistics.inputs import Counts, Flags, Floats, labelled, numbers, refuse
from evidence_lib.statistics.means.inputs import visit_order
from evidence_lib.statistics.means.mmrm.design import LARGEST
from evidence_lib.statistics.means.mmrm.likelihood import Repeated


@dataclass(frozen=True, eq=False)
class Rows:
    """The rows with an outcome, sorted by pattern of visits, subject and visit.

    ``subject``, ``visit`` and ``arm`` (N,) are numbers, ``visits`` and ``arms`` the labels they count in: the
    reference first among the arms. ``frame`` holds the same rows. ``missing`` counts the rows without an outcome.
    """

    frame: pd.DataFrame
    subject: Counts
    visit: Counts
    arm: Counts
    outcome: Floats
    weight: Floats
    visits: tuple[Hashable, ...]
    arms: tuple[Hashable, ...]
    missing: int

    @property
    def subjects(self) -> int:
        """The number of subjects with an outcome."""
        return int(self.subject[-1]) + 1 if self.subject.size else 0

    def seen(self, arm: int, visit: int | None = None) -> int:
        """The number of subjects of an arm with an outcome, at one visit or at any."""
        here = self.arm == arm if visit is None else (self.arm == arm) & (self.visit == visit)
        return int(np.unique(self.subject[here]).size)

    def repeated(self, x: Floats, y: Floats, *, by_arm: bool) -> Repeated:
        """Columns and outcome of these rows as subjects by visits, grouped by pattern."""
        n, m = self.subjects, len(self.visits)
        seen = np.zeros((n, m), dtype=bool)
        seen[self.subject, self.visit] = True
        wide, tall = np.zeros((n, m, x.shape[1])), np.zeros((n, m))
        wide[self.subject, self.visit] = x
        tall[self.subject, self.visit] = y
        group = np.zeros(n, dtype=np.int64)
        if by_arm:
            group[self.subject] = self.arm
        starts = np.ones(n, dtype=bool)
        starts[1:] = (seen[1:] != seen[:-1]).any(axis=1) | (group[1:] != group[:-1])
        first = np.flatnonzero(starts)
        return Repeated(
            x=wide,
            y=tall,
            first=first,
            count=np.diff(np.append(first, n)),
            seen=seen[first],
            group=group[first],
            groups=len(self.arms) if by_arm else 1,
            labels=tuple(str(label) for label in self.visits),
        )


def rows(
    frame: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    outcome: str,
    arm: str,
    reference: Hashable,
    visits: Sequence[Hashable] | None,
    others: Sequence[str],
    weights: str | None,
) -> Rows:
    """The rows of the model. Raises InvalidInput; rows are named by number, from 1."""
    _check_columns(frame, [subject, visit, outcome, arm, *others, *([] if weights is None else [weights])])
    size = len(frame)
    people = labelled(frame[subject], subject, size)
    arm_of = labelled(frame[arm], arm, size)
    visit_of = labelled(frame[visit], visit, size)
    order = visit_order(frame[visit]) if visits is None else _given(visits, visit_of, visit)
    person = pd.factorize(people)[0]
    at = _positions(visit_of, order)
    twice = pd.DataFrame({"person": person, "visit": at}).duplicated().to_numpy()
    refuse(twice, visit, "one row per subject and visit", "a second row of the same subject and visit")
    codes = pd.factorize(arm_of)[0]
    of_first = np.zeros(size, dtype=np.int64)
    of_first[person[::-1]] = codes[::-1]
    refuse(codes != of_first[person], arm, "one arm per subject", "another arm than before")
    values = numbers(frame[outcome], outcome)
    refuse(np.abs(values) > LARGEST, outcome, "finite numbers", "an infinite value, or one above 1e100")
    weight = np.ones(size) if weights is None else numbers(frame[weights], weights)
    here = ~np.isnan(values)
    refuse(here & ~(np.isfinite(weight) & (weight > 0)), weights or "", "weights above 0", "another value")
    return _sorted(frame, people, arm_of, at, values, weight, here, order, reference)


def _sorted(
    frame: pd.DataFrame,
    people: np.ndarray,
    arm_of: np.ndarray,
    at: Counts,
    values: Floats,
    weight: Floats,
    here: Flags,
    order: Sequence[Hashable],
    reference: Hashable,
) -> Rows:
    """Rows with an outcome; visits and arms without any are not levels of the model."""
    present = np.unique(at[here])
    visit = np.searchsorted(present, at[here])
    levels = sorted_levels(pd.Series(arm_of[here], dtype=object))
    arms = [label for label in levels if label == reference] + [label for label in levels if label != reference]
    arm = _positions(arm_of[here], arms)
    subjects = sorted_levels(pd.Series(people[here], dtype=object))
    person = _positions(people[here], subjects)
    seen = np.zeros((len(subjects), present.size), dtype=bool)
    seen[person, visit] = True
    group = np.zeros(len(subjects), dtype=np.int64)
    group[person] = arm
    # Subjects of one arm and pattern stand together; within, in the order of their labels.
    rank = np.empty(len(subjects), dtype=np.int64)
    rank[np.lexsort([np.arange(len(subjects)), *seen.T, group])] = np.arange(len(subjects))
    turn = np.lexsort([visit, rank[person]])
    return Rows(
        frame=frame[here].iloc[turn],
        subject=rank[person][turn],
        visit=visit[turn],
        arm=arm[turn],
        outcome=values[here][turn],
        weight=weight[here][turn],
        visits=tuple(order[position] for position in present),
        arms=tuple(arms),
        missing=int((~here).sum()),
    )


def _check_columns(frame: Any, names: Sequence[Any]) -> None:
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInput("the data are not a frame", expected="a DataFrame", found=type(frame).__name__)
    for name in names:
        if list(frame.columns).count(name) != 1:
            raise InvalidInput("no such column, or more than one", where="frame", found=repr(name))
    if len(set(names)) < len(names):
        raise InvalidInput(
            "a column has two parts to play",
            expected="subject, visit, outcome, arm, weights and each covariate in columns of their own",
            found=", ".join(sorted({str(name) for name in names if names.count(name) > 1})),
        )


def _given(visits: Any, visit_of: np.ndarray, name: str) -> list[Hashable]:
    if isinstance(visits, str) or not isinstance(visits, Sequence) or len(set(visits)) < len(visits):
        raise InvalidInput("visits are not an order", expected="a sequence that names each visit once")
    known = set(visits)
    refuse(np.array([label not in known for label in visit_of]), name, "one of the given visits", "another one")
    return list(visits)


def _positions(labels: np.ndarray, levels: Sequence[Any]) -> Counts:
    number = {level: position for position, level in enumerate(levels)}
    return np.array([number[label] for label in labels], dtype=np.int64)
