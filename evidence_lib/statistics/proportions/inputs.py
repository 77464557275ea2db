"""What the statistics of proportions ask of their arguments, and the tables of counts that they all work on."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Counts, Flags, Floats, crossed, labelled, numbers, refuse, with_labels

# Above this, a sum of frequencies is no longer exact in double precision.
MOST = 2**53


@dataclass(frozen=True)
class Tables:
    """One 2x2 table per stratum that has patients in both arms: events and patients, treated and reference.

    ``strata`` counts the strata with any patients; ``n`` and ``events`` are of both arms over all of them; ``empty``
    says why there is no table at all.
    """

    x1: Floats
    n1: Floats
    x0: Floats
    n0: Floats
    strata: int
    n: int
    events: int
    empty: Message | None

    @property
    def used(self) -> int:
        """Strata that contribute."""
        return int(self.x1.size)

    @property
    def total(self) -> Floats:
        """Patients of each table."""
        return self.n1 + self.n0


def frequencies(count: ArrayLike | None, size: int) -> Counts:
    """How many patients each row stands for, one without ``count``. Raises InvalidInput unless all are whole."""
    if count is None:
        return np.ones(size, dtype=np.int64)
    values = numbers(count, "count")
    if values.size != size:
        raise InvalidInput("count does not fit the data", expected=f"{size} frequencies", found=f"{values.size}")
    whole = np.isfinite(values) & (np.nan_to_num(values) >= 0) & (np.floor(np.nan_to_num(values)) == values)
    refuse(~whole, "count", "a whole number, zero or more", "another value")
    if values.sum() > MOST:
        raise InvalidInput("count is too large to be summed exactly", expected="2**53 patients at most")
    return values.astype(np.int64)


def flags(event: ArrayLike) -> Flags:
    """Event flags of patients. Raises InvalidInput for other values than 0 and 1."""
    marks = numbers(event, "event")
    refuse(~np.isin(marks, (0.0, 1.0)), "event", "0 (no event) or 1 (event)", "another value")
    return marks == 1


def two_arms(group: ArrayLike, size: int, *, treatment: str | float, reference: str | float) -> tuple[Flags, Flags]:
    """Who is treated and who is in the reference arm; patients of other arms are in neither."""
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    treated, control = with_labels(group, "group", size, (treatment, reference))
    return treated, control


def tables(
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None,
    count: ArrayLike | None,
) -> Tables:
    """The 2x2 tables of two arms. Raises InvalidInput; rows are named by number, from 1."""
    events = flags(event)
    weight = frequencies(count, events.size)
    treated, control = two_arms(group, events.size, treatment=treatment, reference=reference)
    stratum, _ = crossed(strata, events.size)
    size = int(stratum.max(initial=0)) + 1

    def cells(who: Flags) -> Floats:
        # Whole numbers below 2**53 are exact as float64, which is what bincount sums in.
        return np.bincount(stratum[who], weights=weight[who], minlength=size).astype(float)

    x1, n1, x0, n0 = cells(treated & events), cells(treated), cells(control & events), cells(control)
    used = (n1 > 0) & (n0 > 0)
    empty = None
    if not used.any():
        empty = _no_table(float(n1.sum()), float(n0.sum()), treatment, reference)
    return Tables(
        x1=x1[used],
        n1=n1[used],
        x0=x0[used],
        n0=n0[used],
        strata=int(((n1 > 0) | (n0 > 0)).sum()),
        n=int(n1.sum() + n0.sum()),
        events=int(x1.sum() + x0.sum()),
        empty=empty,
    )


def _no_table(treated: float, control: float, treatment: str | float, reference: str | float) -> Message:
    if treated and control:
        return message("proportions_statistics.reason.no_common_stratum")
    return message("proportions_statistics.reason.no_patients_in", arm=str(reference if treated else treatment))


def codes(values: ArrayLike, name: str, size: int | None = None) -> tuple[Counts, NDArray[np.object_]]:
    """The number of each row's level, and the levels in order of appearance."""
    if np.ndim(values) != 1:
        raise InvalidInput(f"{name} is not one-dimensional", found=f"{np.ndim(values)} dimensions")
    number, levels = pd.factorize(labelled(values, name, np.shape(values)[0] if size is None else size))
    return number.astype(np.int64), levels
