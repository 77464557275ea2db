"""Outcomes at visits as subjects by visits, and the first visit that an intercurrent event affects."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.endpoints.estimand.days import column, numbers_of
from evidence_lib.errors import DataError, InvalidInput
from evidence_lib.statistics.design import level_text, sorted_levels
from evidence_lib.statistics.inputs import Counts, Floats, labelled, numbers, refuse
from evidence_lib.statistics.means.inputs import visit_order


@dataclass(frozen=True, eq=False)
class Grid:
    """One row per subject (n) and visit (J), in order.

    ``frame`` has n x J rows; ``value`` (n, J) the outcome; ``day`` (n, J) the day of the visit, NaN where it is not
    known; ``planned`` (J,) the day each visit is planned for. Without days both are NaN.
    """

    frame: pd.DataFrame
    visits: tuple[Hashable, ...]
    value: Floats
    day: Floats
    planned: Floats

    @property
    def subjects(self) -> int:
        """Number of subjects."""
        return len(self.value)

    def of_subjects(self, name: str) -> Floats:
        """A column of numbers that is the same on all rows of a subject (n,)."""
        wide = numbers_of(self.frame, name).reshape(self.value.shape)
        return wide[:, 0]

    def place(self, until: Hashable) -> int:
        """The position of a visit. Raises InvalidInput where there is none of this name."""
        if until not in self.visits:
            known = ", ".join(map(str, self.visits))
            raise InvalidInput("until is no visit of the frame", expected=known, found=str(until))
        return self.visits.index(until)

    def wide(self, name: str) -> Floats:
        """A column of numbers as subjects by visits."""
        return numbers_of(self.frame, name).reshape(self.value.shape).copy()


def grid(
    frame: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    day: str | None,
    value: str,
    fixed: Sequence[str],
    visits: Sequence[Hashable] | None,
    planned: Mapping[Any, float] | None,
) -> Grid:
    """The frame with a row for every subject and visit: a visit without a row is one without a value.

    Columns that are the same on all rows of every subject are carried to the rows added, ``fixed`` must be. Raises
    InvalidInput for a row that stands twice and the like; DataError for days that go back as the visits go on.
    """
    size = len(frame)
    if size == 0:
        raise InvalidInput("the frame has no rows", expected="one row per subject and visit")
    for name in (value, *fixed):
        column(frame, name)
    people = labelled(column(frame, subject), subject, size)
    seen = labelled(column(frame, visit), visit, size)
    order = tuple(visit_order(frame[visit]) if visits is None else _given(visits, seen))
    subjects = sorted_levels(pd.Series(people, dtype=object))
    person = _positions(people, subjects)
    place = _positions(seen, order)
    twice = pd.DataFrame({"person": person, "place": place}).duplicated().to_numpy()
    refuse(twice, visit, "one row per subject and visit", "a second row of the same subject and visit")
    n, j = len(subjects), len(order)
    number = np.full(n * j, -1, dtype=np.int64)
    number[person * j + place] = np.arange(size)
    first = np.zeros(n, dtype=np.int64)
    first[person[::-1]] = np.arange(size)[::-1]
    own = [name for name in (subject, visit, value, day) if name is not None]
    full = _completed(frame, number, first[person], np.repeat(first, j), own, fixed)
    full[subject] = _as_column(frame[subject], [label for label in subjects for _ in order])
    full[visit] = _as_column(frame[visit], list(order) * n)
    refuse(np.isinf(numbers_of(frame, value)), value, "a finite number, or nothing", "an infinite value")
    values = numbers_of(full, value).reshape(n, j)
    if day is None:
        return Grid(full, order, values, np.full((n, j), np.nan), np.full(j, np.nan))
    refuse(np.isinf(numbers_of(frame, day)), day, "a day, or nothing", "an infinite day")
    days = numbers_of(full, day).reshape(n, j)
    _require_order(days, number)
    unknown = (~np.isnan(values) & np.isnan(days)).reshape(-1)[person * j + place]
    refuse(unknown, day, "the day of every value", "a value without a day")
    return Grid(full, order, values, days, _planned(days, order, planned))


def first_affected(grid: Grid, event_day: Floats) -> Counts:
    """The first visit after the event of each subject (n,), J where it affects none.

    A visit on the day of the event stands before it. A visit without a day stands where its planned day does, but
    before the event where a later one does.
    """
    j = len(grid.visits)
    up_to = grid.day <= event_day[:, None]
    last = np.where(up_to.any(axis=1), j - 1 - np.argmax(up_to[:, ::-1], axis=1), -1)
    stands = np.where(np.isnan(grid.day), grid.planned[None, :], grid.day)
    after = (stands > event_day[:, None]) & (np.arange(j) > last[:, None])
    return np.where(after.any(axis=1), np.argmax(after, axis=1), j)


def _positions(labels: np.ndarray, levels: Sequence[Any]) -> Counts:
    number = {level: position for position, level in enumerate(levels)}
    return np.array([number[label] for label in labels], dtype=np.int64)


def _given(visits: Sequence[Hashable], seen: np.ndarray) -> list[Hashable]:
    if isinstance(visits, str) or not isinstance(visits, Sequence | np.ndarray) or len(set(visits)) < len(visits):
        raise InvalidInput("visits is not an order", expected="each visit once, in order of time", found=repr(visits))
    unknown = sorted({level_text(label) for label in set(seen) - set(visits)})
    if unknown:
        raise InvalidInput(
            "visits leaves out some of the frame", expected=", ".join(map(level_text, visits)), found=", ".join(unknown)
        )
    return list(visits)


def _completed(
    frame: pd.DataFrame,
    number: Counts,
    first_of_row: Counts,
    first_of_cell: Counts,
    own: Sequence[str],
    fixed: Sequence[str],
) -> pd.DataFrame:
    """The rows of the frame in the order of ``number``, with the constants of the subject where there is none."""
    plain = frame.reset_index(drop=True)
    full = plain.reindex(pd.Index(number).where(number >= 0, len(frame))).reset_index(drop=True)
    added = number < 0
    for name in plain.columns:
        if name in own:
            continue
        here = plain[name]
        there = here.iloc[first_of_row].reset_index(drop=True)
        same = ((here == there) | (here.isna() & there.isna())).fillna(False).to_numpy(dtype=bool)
        if name in fixed:
            refuse(~same, name, "one value per subject", "another value than before")
        if same.all():
            full[name] = here.iloc[first_of_cell].reset_index(drop=True)
        elif not added.any():
            full[name] = here.iloc[number].reset_index(drop=True)
    return full


def _as_column(given: pd.Series, values: list[Any]) -> pd.Series:
    """Visits in the type of the column they come from; a categorical keeps its order."""
    if isinstance(given.dtype, pd.CategoricalDtype):
        categories = list(given.cat.categories)
        more = [level for level in dict.fromkeys(values) if level not in categories]
        return pd.Series(pd.Categorical(values, categories=[*categories, *more], ordered=given.cat.ordered))
    return pd.Series(values, dtype=object).infer_objects()


def _require_order(days: Floats, number: Counts) -> None:
    """Raise DataError where a subject's day is before that of an earlier visit."""
    latest = np.fmax.accumulate(np.where(np.isnan(days), -np.inf, days), axis=1)
    before = np.concatenate([np.full((len(days), 1), -np.inf), latest[:, :-1]], axis=1)
    wrong = np.flatnonzero((days < before).reshape(-1))
    if wrong.size:
        rows = np.sort(number[wrong]) + 1
        more = f" and {rows.size - 1} more" if rows.size > 1 else ""
        raise DataError(
            "a visit on a day before the visit that it follows",
            expected="the days of a subject in the order of the visits",
            found=f"another order in row {rows[0]}{more}",
        )


def _planned(days: Floats, visits: Sequence[Hashable], planned: Mapping[Any, float] | None) -> Floats:
    """The day each visit is planned for: that given, else the median of the days it took place on."""
    if planned is None:
        empty = np.isnan(days).all(axis=0)
        if empty.any():
            raise InvalidInput(
                "the day of a visit cannot be told from the data",
                found=level_text(visits[int(np.argmax(empty))]),
                mend="give planned, the day of each visit",
            )
        return np.nanmedian(days, axis=0)
    if not isinstance(planned, Mapping) or set(planned) != set(visits):
        raise InvalidInput("planned does not fit the visits", expected=", ".join(map(level_text, visits)))
    found = numbers([planned[visit] for visit in visits], "planned")
    if not np.isfinite(found).all() or (np.diff(found) <= 0).any():
        raise InvalidInput("planned cannot be used", expected="days that rise with the visits")
    return found
