"""Studies with two arms and an event: their counts, and the effect of each."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import Flags, Floats, choice, numbers, refuse
from evidence_lib.statistics.meta_analysis.inputs import named

Measure = Literal["odds-ratio", "risk-ratio", "risk-difference"]
Corrected = Literal["zero-cells", "all"]
WithoutEvents = Literal["exclude", "include"]


def study_effects(
    events_treated: ArrayLike,
    n_treated: ArrayLike,
    events_reference: ArrayLike,
    n_reference: ArrayLike,
    *,
    measure: Measure,
    studies: ArrayLike | None = None,
    correction: float = 0.5,
    corrected: Corrected = "zero-cells",
    without_events: WithoutEvents | None = None,
) -> pd.DataFrame:
    """Effect and standard error of each of k studies with counts of an event in two arms, for ``pool``.

    With a of n1 treated and c of n0 with the event: odds ratio a (n0 - c) / (c (n1 - a)), of whose logarithm the
    variance is 1/a + 1/(n1 - a) + 1/c + 1/(n0 - c); risk ratio (a / n1) / (c / n0), 1/a - 1/n1 + 1/c - 1/n0; risk
    difference p1 - p0, p1 (1 - p1) / n1 + p0 (1 - p0) / n0. A study with a zero among its four counts gets the
    correction added to all four (n grows by two of it), as R's metafor (``add = 1/2, to = "only0"``).

    Above 1, or above 0 for the difference, the event is more frequent in the treated.

    Misreading: a correction is made-up data: with rare events it can decide the result. Pool such studies by
    ``pool_counts``, which needs none.

    Parameters
    ----------
    events_treated, n_treated, events_reference, n_reference : arrays of k
        Patients with the event and all patients, of both arms.
    measure : str
        ``odds-ratio``, ``risk-ratio`` or ``risk-difference``.
    studies : array of k labels, or None
        Names of the studies; None numbers them.
    correction : float
        Added to the four counts; 0 for none.
    corrected : str
        Where it is added: in studies with ``zero-cells`` only, or in ``all``.
    without_events : str, or None
        Whether to ``include`` or ``exclude`` studies without any event, or with nothing but events. None excludes them
        for ratios, on which they say nothing, and includes them for the difference. metafor's ``escalc`` includes.

    Returns
    -------
    DataFrame
        A row per study that is included: study, estimate (a ratio or a difference), std_error (of the logarithm for
        ratios), corrected (whether its counts were).

    Raises
    ------
    InvalidInput
        For counts that are not whole, events beyond patients, no patients in an arm, a wrong choice, and a zero count
        that a correction of 0 leaves.
    """
    cells = checked_cells(events_treated, n_treated, events_reference, n_reference)
    names = named(studies, cells.size)
    kind = choice(measure, Measure, "measure")
    everywhere = choice(corrected, Corrected, "corrected") == "all"
    chosen = without_events or ("include" if kind == "risk-difference" else "exclude")
    kept = ~cells.silent | (choice(chosen, WithoutEvents, "without_events") == "include")
    add = np.where((cells.zero | everywhere) & (checked_correction(correction) > 0), float(correction), 0.0)
    effect, variance = effects(cells, kind, add)
    refuse(kept & ~((variance > 0) & np.isfinite(effect)), "correction", "one above 0", "a zero count")
    return pd.DataFrame(
        {
            "study": np.array(names, dtype=object)[kept],
            "estimate": (effect if kind == "risk-difference" else np.exp(effect))[kept],
            "std_error": np.sqrt(variance[kept]),
            "corrected": add[kept] > 0,
        }
    )


@dataclass(frozen=True, eq=False)
class Cells:
    """The four counts of each study (k,): with and without the event, treated and reference."""

    a: Floats
    b: Floats
    c: Floats
    d: Floats

    @property
    def size(self) -> int:
        """The number of studies."""
        return int(self.a.size)

    @property
    def n1(self) -> Floats:
        """The treated."""
        return self.a + self.b

    @property
    def n0(self) -> Floats:
        """The patients of the reference arms."""
        return self.c + self.d

    @property
    def total(self) -> Floats:
        """The patients of both arms."""
        return self.n1 + self.n0

    @property
    def zero(self) -> Flags:
        """Studies with a zero among their counts."""
        return (self.a == 0) | (self.b == 0) | (self.c == 0) | (self.d == 0)

    @property
    def silent(self) -> Flags:
        """Studies without any event, or with nothing but events."""
        return (self.a + self.c == 0) | (self.b + self.d == 0)


def checked_cells(events_treated: Any, n_treated: Any, events_reference: Any, n_reference: Any) -> Cells:
    """The counts of the studies. Raises InvalidInput; studies are named by number, from 1."""
    given = {
        "events_treated": events_treated,
        "n_treated": n_treated,
        "events_reference": events_reference,
        "n_reference": n_reference,
    }
    counts = {name: numbers(values, name) for name, values in given.items()}
    sizes = {values.size for values in counts.values()}
    if len(sizes) > 1:
        raise InvalidInput("counts differ in length", expected="one of each per study", found=f"{sorted(sizes)}")
    for name, values in counts.items():
        # A count beyond 2^53 is not exact.
        whole = np.isfinite(values) & (values >= 0) & (values <= 2**53)
        refuse(~(whole & (np.floor(np.where(whole, values, 0.5)) == values)), name, "a whole number", "another value")
    for arm in ("treated", "reference"):
        refuse(counts[f"n_{arm}"] == 0, f"n_{arm}", "patients in each arm of each study", "none")
        refuse(counts[f"events_{arm}"] > counts[f"n_{arm}"], f"events_{arm}", "patients at most", "more than n")
    a, n1, c, n0 = counts.values()
    return Cells(a, n1 - a, c, n0 - c)


def checked_correction(value: Any) -> float:
    """What is added to counts. Raises InvalidInput for other than a number of zero or more."""
    wrong = isinstance(value, bool) or not isinstance(value, int | float | np.number)
    if wrong or not 0 <= value < math.inf:
        raise InvalidInput("correction is not a number to add", expected="zero or more", found=repr(value))
    return float(value)


def effects(cells: Cells, measure: Measure, add: Floats) -> tuple[Floats, Floats]:
    """Effect of each study, of ratios the logarithm, and its variance; not finite or 0 where it cannot be estimated."""
    a, b, c, d = (count + add for count in (cells.a, cells.b, cells.c, cells.d))
    n1, n0 = a + b, c + d
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "odds-ratio":
            return np.log(a) + np.log(d) - np.log(b) - np.log(c), 1 / a + 1 / b + 1 / c + 1 / d
        if measure == "risk-ratio":
            return np.log(a) - np.log(n1) - np.log(c) + np.log(n0), b / (a * n1) + d / (c * n0)
        return a / n1 - c / n0, a * b / n1**3 + c * d / n0**3
