"""The overall response at each visit from target lesions, non-target lesions and new lesions."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass, field
from typing import Literal

import numpy as np
import pandas as pd

from evidence_lib.endpoints.response.best import recurrence_as_progression
from evidence_lib.endpoints.response.criteria import RECIST_1_1, Criteria
from evidence_lib.endpoints.response.lesions import non_target_response, sum_of_diameters
from evidence_lib.endpoints.response.records import (
    DayCount,
    days_in,
    flags_in,
    frame_with,
    labels,
    refuse_repeats,
    words_in,
)
from evidence_lib.endpoints.response.target import target_response
from evidence_lib.endpoints.time_to_event.source import NEVER, refuse_where
from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import choice
from evidence_lib.study.checking import described

Recurrence = Literal["progression", "as_measured"]
Visit = tuple[Hashable, int]
TARGET = ("CR", "PR", "SD", "PD", "NE")
NON_TARGET = ("CR", "NON-CR/NON-PD", "PD", "NE")


def overall_response(target: str | None, non_target: str | None, new_lesion: bool) -> str:
    """The overall response at one visit (RECIST 1.1, tables 1 and 2).

    Table 1, with target disease: PD where a target response is PD, or a non-target response is, or there is a new
    lesion. Else CR where the target response is CR and the non-target response CR (or there is no non-target disease);
    PR where the target response is CR and the non-target response NON-CR/NON-PD or NE; and the target response, PR, SD
    or NE, whatever else the non-target response is.

    Table 2, with non-target disease only: a new lesion is PD, else the response of the non-target lesions. Without
    either kind at baseline it is NED (no evidence of disease), or PD with a new lesion.

    Parameters
    ----------
    target : str or None
        CR, PR, SD, PD or NE (not all evaluated); None for no target lesions at baseline.
    non_target : str or None
        CR, NON-CR/NON-PD, PD (unequivocal) or NE; None for no non-target lesions at baseline.
    new_lesion : bool
        Whether there is a new lesion, unequivocally.

    Returns
    -------
    str
        CR, PR, SD, NON-CR/NON-PD, NED, PD or NE.

    Raises
    ------
    InvalidInput
        A response or flag is none of these.
    """
    for given, permitted, name in ((target, TARGET, "target"), (non_target, NON_TARGET, "non_target")):
        if given is not None and given not in permitted:
            raise InvalidInput(f"{name} is no response", expected=", ".join(permitted), found=described(given))
    if not isinstance(new_lesion, bool | np.bool_):
        raise InvalidInput("new_lesion cannot be used", expected="True or False", found=described(new_lesion))
    if new_lesion or "PD" in (target, non_target):
        return "PD"
    if target is None:
        return non_target or "NED"
    if target == "CR" and non_target not in (None, "CR"):
        return "PR"
    return target


def visit_response(
    lesions: pd.DataFrame | None = None,
    *,
    sums: pd.DataFrame | None = None,
    non_target: pd.DataFrame | None = None,
    new_lesions: pd.DataFrame | None = None,
    criteria: Criteria = RECIST_1_1,
    recurrence: Recurrence = "progression",
) -> pd.DataFrame:
    """The overall response of each subject at each visit after baseline (RECIST 1.1, section 4.4.1, tables 1 and 2).

    Target lesions come as records in ``lesions`` or as ``sums``, non-target lesions as records in ``lesions`` or as
    responses in ``non_target``. Records that share a subject and a day are one visit. Who has target (non-target)
    lesions anywhere has them at every visit, and where they have no record there, they are NE.

    After an overall CR the reappearance of any lesion is PD, however small (table 3, footnote a, and the frequently
    asked questions of the RECIST working group); see ``recurrence_as_progression``. A target lesion that reappears
    while the overall response is not CR is only added to the sum.

    Misreading: a visit that is missing from all the frames is missing from the result; it is not NE.

    Parameters
    ----------
    lesions : pd.DataFrame, optional
        See ``sum_of_diameters`` and ``non_target_response``.
    sums : pd.DataFrame, optional
        See ``target_response``; in place of target lesions.
    non_target : pd.DataFrame, optional
        ``subject``, ``date``, ``response`` (CR, NON-CR/NON-PD, PD, NE); in place of non-target lesions.
    new_lesions : pd.DataFrame, optional
        ``subject`` and ``date``: one row per day on which an unequivocal new lesion is seen (more do no harm).
    criteria : Criteria
        The limits for target lesions.
    recurrence : {"progression", "as_measured"}
        Whether disease after a CR is PD, or what the tables make of it.

    Returns
    -------
    pd.DataFrame
        One row per subject and visit: ``subject``, ``date``, ``target_response`` and ``non_target_response`` (None
        where there is no such disease), ``new_lesion``, ``response``.

    Raises
    ------
    InvalidInput
        Nothing was given, the same thing was given twice, or a column is missing or of the wrong type.
    DataError
        See ``sum_of_diameters`` and ``target_response``; or a new lesion or non-target response is on or before the
        day of the baseline.
    """
    choice(recurrence, Recurrence, "recurrence")
    if lesions is None and sums is None and non_target is None:
        raise InvalidInput("no lesions were given", expected="lesions, sums or non_target")
    known = _Known()
    if lesions is not None:
        _take_lesions(known, lesions, criteria, twice=sums is not None, other_twice=non_target is not None)
    if sums is not None:
        _take_sums(known, sums, criteria)
    if non_target is not None:
        _take_non_target(known, non_target)
    new = _new_lesions(known, new_lesions)
    places = [key for key, _ in [*known.targets, *known.others, *new]]
    place = {key: number for number, key in enumerate(dict.fromkeys(places))}
    visits = sorted({*known.targets, *known.others, *new}, key=lambda visit: (place[visit[0]], visit[1]))
    rows = [
        (
            known.targets.get(visit, "NE") if visit[0] in known.with_target else None,
            known.others.get(visit, "NE") if visit[0] in known.with_other else None,
            visit in new,
        )
        for visit in visits
    ]
    subject = np.empty(len(visits), dtype=object)
    subject[:] = [key for key, _ in visits]
    found = pd.DataFrame(
        {
            "subject": subject,
            "date": known.counting.column(np.array([day for _, day in visits], dtype=np.int64)),
            "target_response": pd.Series([row[0] for row in rows], dtype=object),
            "non_target_response": pd.Series([row[1] for row in rows], dtype=object),
            "new_lesion": pd.Series([row[2] for row in rows], dtype=bool),
            "response": pd.Series([overall_response(*row) for row in rows], dtype=object),
        }
    )
    return recurrence_as_progression(found) if recurrence == "progression" else found


@dataclass
class _Known:
    """What the frames say: responses by visit, who has which disease, and the days of the baselines."""

    targets: dict[Visit, str] = field(default_factory=dict)
    others: dict[Visit, str] = field(default_factory=dict)
    with_target: set[Hashable] = field(default_factory=set)
    with_other: set[Hashable] = field(default_factory=set)
    baseline: dict[Hashable, int] = field(default_factory=dict)
    counting: DayCount = field(default_factory=DayCount)

    def visits(self, frame: pd.DataFrame, where: str) -> list[Visit]:
        """Subject and day of each row."""
        subject = labels(frame, where)
        days, self.counting = days_in(frame, where, self.counting)
        return list(zip(subject, days.tolist(), strict=True))

    def refuse_before_baseline(self, visits: list[Visit], where: str) -> None:
        """Raise DataError for a visit on or before the baseline of its subject."""
        early = np.array([day <= self.baseline.get(subject, -NEVER) for subject, day in visits], dtype=bool)
        refuse_where(early, "a visit is not after the baseline", f"{where}.date", "a later day")


def _take_lesions(known: _Known, lesions: pd.DataFrame, criteria: Criteria, *, twice: bool, other_twice: bool) -> None:
    frame = frame_with(lesions, ("subject", "target", "baseline"), "lesions")
    target, baseline = (flags_in(frame, name, "lesions", absent=False) for name in ("target", "baseline"))
    for given, kind in ((twice and target.any(), "target"), (other_twice and not target.all(), "non-target")):
        if given:
            raise InvalidInput(f"{kind} lesions were given twice", expected="records or what was made of them")
    if target.any():
        _take_sums(known, sum_of_diameters(frame, criteria=criteria), criteria)
    if not target.all():
        _take_non_target(known, non_target_response(frame))
        known.with_other = set(frame["subject"][~target])
    visits = known.visits(frame, "lesions")
    known.baseline.update(visit for visit, first in zip(visits, baseline, strict=True) if first)


def _take_sums(known: _Known, sums: pd.DataFrame, criteria: Criteria) -> None:
    responses = target_response(sums, criteria=criteria)
    known.targets = dict(zip(known.visits(responses, "sums"), responses["response"], strict=True))
    known.with_target = set(sums["subject"])
    first = sums[flags_in(sums, "baseline", "sums", absent=False)]
    known.baseline.update(known.visits(first.reset_index(drop=True), "sums"))


def _take_non_target(known: _Known, non_target: pd.DataFrame) -> None:
    frame = frame_with(non_target, ("subject", "date", "response"), "non_target")
    visits = known.visits(frame, "non_target")
    refuse_repeats(visits, "two responses of one subject and day", "non_target.date", "one response")
    known.refuse_before_baseline(visits, "non_target")
    known.others = dict(zip(visits, words_in(frame, "response", "non_target", NON_TARGET), strict=True))
    known.with_other = set(frame["subject"])


def _new_lesions(known: _Known, new_lesions: pd.DataFrame | None) -> set[Visit]:
    if new_lesions is None:
        return set()
    visits = known.visits(frame_with(new_lesions, ("subject", "date"), "new_lesions"), "new_lesions")
    known.refuse_before_baseline(visits, "new_lesions")
    return set(visits)
