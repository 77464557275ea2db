"""What the statistics of competing risks ask of their arguments."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import Counts, Flags, Floats, labelled, numbers
from evidence_lib.statistics.survival.inputs import checked

Label = str | float


@dataclass(frozen=True, eq=False)
class Observed:
    """Checked data: times with ties joined, and 0 for censoring or the place of the cause in ``causes``, from 1."""

    time: Floats
    code: Counts
    causes: tuple[Label, ...]

    def of(self, rows: Flags) -> Observed:
        """Some of the patients; the causes stay."""
        return Observed(self.time[rows], self.code[rows], self.causes)

    def number(self, cause: Label) -> int:
        """The code of a cause; -1 for one that does not occur."""
        return self.causes.index(cause) + 1 if cause in self.causes else -1


def observed(time: ArrayLike, cause: ArrayLike, censored: Label) -> Observed:
    """Checked times and causes, the causes that occur sorted. Raises InvalidInput; rows are named by number, from 1."""
    if not isinstance(censored, str | int | float | np.generic):
        raise InvalidInput("censored is not a label", expected="a text or a number", found=repr(censored))
    labels = labelled(cause, "cause", numbers(time, "time").size)
    codes, found = pd.factorize(labels)
    written = [_written(label) for label in found]
    ends = np.array([same_label(label, censored) for label in written], dtype=bool)
    causes = _sorted([label for label, is_end in zip(written, ends, strict=True) if not is_end])
    code_of = np.array([0 if same_label(label, censored) else causes.index(label) + 1 for label in written], np.int64)
    code = code_of[codes] if codes.size else np.zeros(0, dtype=np.int64)
    return Observed(checked(time, code > 0)[0], code, tuple(causes))


def same_label(label: Any, censored: Label) -> bool:
    """Whether a label is the one for censoring; a column of texts writes the number 0 as "0"."""
    return bool(label == censored) or str(label) == str(censored)


def checked_cause(cause: Label, censored: Label) -> Label:
    """The cause that is asked for. Raises InvalidInput for none, and for the label of censoring."""
    if same_label(cause, censored):
        raise InvalidInput("event_of_interest is the label of censoring", expected="a cause", found=repr(cause))
    return _written(cause)


def two_arms(treatment: Any, reference: Any) -> None:
    """Raise InvalidInput where the two arms are one."""
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))


def _written(label: Any) -> Label:
    """A label as written: whole numbers without a decimal point, since a missing value turns them into decimals."""
    plain = label.item() if isinstance(label, np.generic) else label
    if isinstance(plain, str):
        return plain
    if not isinstance(plain, int | float) or not math.isfinite(plain):
        kind = repr(plain) if isinstance(plain, float) else type(plain).__name__
        raise InvalidInput("a label of another kind for a cause", expected="a text or a finite number", found=kind)
    return int(plain) if float(plain).is_integer() else plain


def _sorted(causes: list[Label]) -> list[Label]:
    """Causes in order; by their text where some are numbers and some are not."""
    return sorted(causes, key=str) if len({isinstance(cause, str) for cause in causes}) > 1 else sorted(causes)  # type: ignore[type-var]
