"""Subjects with an event and their events, counted per arm and level (organ class, term, category ...)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any, Literal

import pandas as pd

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.inputs import choice

Of = Literal["ae", "death", "liver"]
Level = tuple[Any, ...]


def incidence(
    frame: pd.DataFrame,
    *,
    subjects: pd.DataFrame,
    levels: Sequence[str] = (),
    nested: bool = False,
    of: Of = "ae",
    known: str | None = None,
    subject: str = "subject",
    arm: str = "arm",
) -> Estimates:
    """Subjects with at least one record, and their records, in every arm and at every level.

    The share is x / N: x subjects of the arm with one record or more at the level, each counted once there however
    many records they have, of the N subjects of the arm, with or without records. A subject with two terms of one
    organ class counts once in the class and once in each term, so that terms do not add up to their class.

    Misreading: a share of subjects depends on how long they were observed; where one arm was treated longer, read the
    rates per time too. More events than subjects means that some had several.

    Parameters
    ----------
    frame : DataFrame of one row per record
        With the columns ``subject``, ``arm`` and ``levels``.
    subjects : DataFrame of one row per subject
        With ``subject`` and ``arm``: who could have had an event.
    levels : sequence of str
        The columns whose combinations are counted, such as soc and term; none counts all records. A categorical column
        that is the only level is reported for each of its categories, also those without records.
    nested : bool
        Also count every leading part of the levels: of soc and term each soc first, then each term in it.
    of : {"ae", "death", "liver"}
        What the records are: it begins the names of the results. Only of adverse events the records are counted.
    known : str, optional
        A column that is True where a row stands for one event; elsewhere it says only that the subject had some.
    subject, arm : str
        The names of these columns.

    Returns
    -------
    Estimates
        ``ae.incidence`` (share, with ``n`` = N and ``events`` = x) and, for adverse events, ``ae.events`` (the number
        of events), by arm in the order of ``subjects``, levels in the order in which they occur. Their groups are arm
        and the levels. The number of events is not estimable in an arm where only its subjects are known.

    Raises
    ------
    InvalidInput
        For a missing column or level, a subject twice, or a record of somebody who is not among the subjects.
    """
    kind: Of = choice(of, Of, "of")
    sizes = _sizes(subjects, subject, arm)
    _check(frame, subjects, levels, subject, arm)
    depths = [levels[:depth] for depth in range(1, len(levels) + 1)] if nested and levels else [levels]

    def found() -> Iterator[Estimate]:
        for names in depths:
            with_event = _counted(frame.drop_duplicates([subject, *names]), names, arm)
            events = _counted(frame, names, arm)
            vague = set() if known is None else set(_counted(frame[~frame[known].astype(bool)], names, arm))
            for level in _levels(frame, names):
                for name, n in sizes.items():
                    groups = {"arm": name, **dict(zip(names, level, strict=True))}
                    yield _incidence(kind, groups, n, with_event.get((*level, name), 0))
                    if kind == "ae":
                        yield _events(groups, None if (*level, name) in vague else events.get((*level, name), 0))

    return Estimates(tuple(found()))


def incidence_counts(
    frame: pd.DataFrame,
    *,
    subjects: pd.DataFrame,
    levels: Sequence[str] = (),
    subject: str = "subject",
    arm: str = "arm",
) -> pd.DataFrame:
    """The counts of ``incidence`` as 2x2 tables in long form: with and without the event, per arm and level.

    Misreading: these are subjects, not events.

    Parameters
    ----------
    frame : DataFrame of one row per record
        As ``incidence``.
    subjects : DataFrame of one row per subject
        As ``incidence``.
    levels : sequence of str
        As ``incidence``.
    subject, arm : str
        The names of these columns.

    Returns
    -------
    DataFrame
        Columns: the levels, ``arm``, ``event`` (1 with, 0 without), ``count`` of subjects. Two rows per level and arm.

    Raises
    ------
    InvalidInput
        As ``incidence``.
    """
    sizes = _sizes(subjects, subject, arm)
    _check(frame, subjects, levels, subject, arm)
    with_event = _counted(frame.drop_duplicates([subject, *levels]), levels, arm)
    rows = []
    for level in _levels(frame, levels):
        for name, n in sizes.items():
            x = with_event.get((*level, name), 0)
            rows += [(*level, name, 1, x), (*level, name, 0, n - x)]
    return pd.DataFrame(rows, columns=[*levels, "arm", "event", "count"])


def _incidence(kind: Of, groups: dict[str, Any], n: int, x: int) -> Estimate:
    return Estimate(
        analysis=f"{kind}.incidence",
        unit="probability",
        method=message(f"safety.statistics.incidence_{kind}"),
        groups=groups,
        n=n,
        events=x,
        estimate=x / n,
    )


def _events(groups: dict[str, Any], count: int | None) -> Estimate:
    shared: dict[str, Any] = {
        "analysis": "ae.events",
        "unit": "events",
        "method": message("safety.statistics.events"),
        "groups": groups,
    }
    if count is None:
        reason = message("safety.statistics.reason.subjects_only")
        return Estimate(**shared, status="not_estimable", reason=reason)
    return Estimate(**shared, estimate=count)


def _sizes(subjects: pd.DataFrame, subject: str, arm: str) -> dict[str, int]:
    """The number of subjects of each arm, in the order of the frame."""
    for name in (subject, arm):
        if name not in subjects:
            raise InvalidInput("subjects has no such column", expected=name, found=", ".join(map(str, subjects)))
    if subjects[subject].duplicated().any():
        raise InvalidInput("a subject stands twice among the subjects", expected="one row per subject")
    if subjects[arm].isna().any():
        raise InvalidInput("a subject has no arm", where="subjects")
    return {str(name): int(n) for name, n in subjects.groupby(arm, sort=False, observed=True).size().items()}


def _check(frame: pd.DataFrame, subjects: pd.DataFrame, levels: Sequence[str], subject: str, arm: str) -> None:
    missing = [name for name in (subject, arm, *levels) if name not in frame]
    if missing:
        raise InvalidInput("the records lack a column", expected=", ".join(missing), found=", ".join(map(str, frame)))
    blank = [name for name in levels if frame[name].isna().any()]
    if blank:
        raise InvalidInput("a record has no level", expected="a name for every record", where=", ".join(blank))
    arms = subjects.set_index(subject)[arm].reindex(frame[subject])
    if arms.isna().any() or (arms.astype(str).to_numpy() != frame[arm].astype(str).to_numpy()).any():
        raise InvalidInput("a record of somebody who is not among the subjects, or in another arm", where="records")


def _counted(frame: pd.DataFrame, levels: Sequence[str], arm: str) -> dict[Level, int]:
    keys = [*levels, arm]
    sizes = frame.groupby(keys, sort=False, observed=True).size()
    return {(key if isinstance(key, tuple) else (key,)): int(n) for key, n in sizes.items()}


def _levels(frame: pd.DataFrame, levels: Sequence[str]) -> list[Level]:
    """The levels that are reported, each once."""
    if not levels:
        return [()]
    if len(levels) == 1 and isinstance(frame[levels[0]].dtype, pd.CategoricalDtype):
        return [(category,) for category in frame[levels[0]].cat.categories]
    return list(frame[list(levels)].drop_duplicates().itertuples(index=False, name=None))
