"""Who stays, step by step: the attrition table, and the choice of subjects by a flag or a subset."""

from __future__ import annotations

import difflib
from collections.abc import Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from evidence_lib.data.values import plain_text
from evidence_lib.errors import DataError

if TYPE_CHECKING:
    import pandas as pd


class Steps:
    """The attrition table while it is made: each step is a set of subjects, counted in all and by arm.

    ``arm`` is a series of arms by subject.
    """

    def __init__(self, arm: pd.Series) -> None:
        self.arm = arm
        self.rows: list[tuple[str, int, pd.Series]] = []

    def add(self, step: str, subjects: pd.Series) -> None:
        """One step: the subjects that are left after it."""
        arms = self.arm.reindex(subjects.to_numpy())
        self.rows.append((step, len(subjects), arms.value_counts()))

    def select(
        self, adsl: pd.DataFrame, others: pd.DataFrame | None, flag: str | None, subset: Mapping[str, Any] | None
    ) -> pd.Series:
        """The first steps, which every report has: the subjects in ADSL, in the population, in the subset."""
        subjects = adsl["USUBJID"]
        self.add("data.attrition.adsl", subjects)
        if flag is not None:
            subjects = subjects[kept(adsl, others, flag, ["Y"])[subjects.index]]
            self.add("data.attrition.population", subjects)
        for name, wanted in (subset or {}).items():
            values = wanted if isinstance(wanted, list | tuple) else [wanted]
            subjects = subjects[kept(adsl, others, name, values)[subjects.index]]
        if subset:
            self.add("data.attrition.subset", subjects)
        return subjects

    def frame(self, arms: Sequence[str]) -> pd.DataFrame:
        """The table: step (a catalogue key), n, and a count per arm."""
        import pandas as pd

        records = [
            {"step": step, "n": n, **{arm: int(counts.get(arm, 0)) for arm in arms}} for step, n, counts in self.rows
        ]
        return pd.DataFrame(records)


def kept(adsl: pd.DataFrame, others: pd.DataFrame | None, name: str, wanted: Sequence[Any]) -> pd.Series:
    """For each subject of ADSL, whether the column (of ADSL, else of ``others``) has one of the wanted values.

    Raises DataError where no such column is there, or where nobody has one of the values.
    """
    if name in adsl:
        column = adsl[name]
    elif others is not None and name in others:
        by_subject = others.drop_duplicates("USUBJID").set_index("USUBJID")[name]
        column = by_subject.reindex(adsl["USUBJID"]).set_axis(adsl.index)
    else:
        raise no_column(name, [*adsl.columns, *(others.columns if others is not None else ())])
    texts = {plain_text(value) for value in wanted}
    present = column.map(plain_text)
    if not present.isin(texts).any():
        levels = (
            ", ".join(sorted(set(present.dropna()))[:8]) if present.nunique() <= 20 else f"{present.nunique()} values"
        )
        raise DataError(
            "no patient has this value",
            where=name,
            expected=f"one of {levels}",
            found=", ".join(sorted(map(str, texts))),
        )
    return present.isin(texts)


def no_column(name: str, columns: Iterable[Any], *, where: str = "ADSL and ADTTE") -> DataError:
    """The error for a column that is not there, with the nearest name."""
    known = list(dict.fromkeys(str(column) for column in columns if column != "ARM_"))
    near = difflib.get_close_matches(name.upper(), known, n=1)
    mend = f"did you mean {near[0]}?" if near else f"columns: {', '.join(known)}"
    return DataError("no such column", where=where, found=name, mend=mend)


def refuse_empty(chosen: pd.DataFrame, arms: Sequence[str], where: str) -> None:
    """Raise DataError where nobody is left, or nobody of an arm."""
    if chosen.empty:
        raise DataError(
            "no patient is left to analyse", where=where, mend="look at the population, the subset and the arms"
        )
    empty = [arm for arm in arms if not (chosen["arm"] == arm).any()]
    if empty:
        raise DataError(
            "an arm has no patient left",
            where=where,
            found=", ".join(empty),
            mend="look at the population and the subset",
        )
