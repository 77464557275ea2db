"""Records of single lesions: target lesions become sums of diameters, non-target lesions one response per visit."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evidence_lib.endpoints.response.criteria import RECIST_1_1, Criteria, checked_criteria
from evidence_lib.endpoints.response.records import (
    DayCount,
    Lengths,
    Words,
    days_in,
    flags_in,
    frame_with,
    labels,
    lengths_in,
    refuse_repeats,
    words_in,
)
from evidence_lib.endpoints.time_to_event.source import Days, Flags, refuse_where

STATUSES = ("ABSENT", "PRESENT", "PROGRESSION")
_COLUMNS = ("subject", "date", "lesion", "target", "baseline", "diameter")


@dataclass(frozen=True)
class Lesions:
    """Records of lesions, checked. ``present`` of a target lesion: it is not gone (a node: not of normal size)."""

    subject: list[Hashable]
    lesion: list[Hashable]
    day: Days
    target: Flags
    baseline: Flags
    assessed: Flags
    node: Flags
    diameter: Lengths
    present: Flags
    status: Words
    counting: DayCount

    def visits(self, which: Flags) -> dict[tuple[Hashable, int], list[int]]:
        """The rows of each visit, a subject and a day, among these records; in the order of subjects, then days."""
        found: dict[tuple[Hashable, int], list[int]] = {}
        place = {key: number for number, key in enumerate(dict.fromkeys(self.subject))}
        for row in sorted(np.flatnonzero(which), key=lambda row: (place[self.subject[row]], self.day[row])):
            found.setdefault((self.subject[row], int(self.day[row])), []).append(int(row))
        return found

    def at_baseline(self, which: Flags) -> dict[Hashable, set[Hashable]]:
        """The lesions of each subject at baseline, among these records."""
        found: dict[Hashable, set[Hashable]] = {}
        for row in np.flatnonzero(which & self.baseline):
            found.setdefault(self.subject[row], set()).add(self.lesion[row])
        return found


def sum_of_diameters(lesions: pd.DataFrame, *, criteria: Criteria = RECIST_1_1) -> pd.DataFrame:
    """The sum of the diameters of the target lesions at each visit (RECIST 1.1, sections 4.2 and 4.3.2).

    Longest diameters, and short axes of lymph nodes, which stay in the sum when they are normal. A lesion that is seen
    and too small to measure counts ``criteria.too_small_mm``, one that is gone 0.

    Parameters
    ----------
    lesions : pd.DataFrame
        One row per lesion and visit: ``subject``, ``date`` (one for all lesions of a visit), ``lesion`` (its label),
        ``target`` and ``baseline`` (yes or no), ``diameter`` (millimetres). If they are there: ``node``, ``too_small``
        (no otherwise) and ``assessed`` (yes otherwise); ``status`` is for non-target lesions. A lesion of the baseline
        without a row at a visit was not assessed there.
    criteria : Criteria
        Limits in millimetres.

    Returns
    -------
    pd.DataFrame
        One row per subject and visit with target lesions: ``subject``, ``date``, ``baseline``, ``sum_diameter`` (mm, of
        the lesions that were assessed; missing without any), ``all_assessed``, ``all_gone`` (every target lesion is
        gone and every target node of normal size).

    Raises
    ------
    InvalidInput
        A column is missing or of the wrong type.
    DataError
        A value is missing or contradicts another, a lesion has two rows on one day, a baseline has two days or is not
        before the other visits, or a lesion is not one of the baseline (such a lesion is a new one).
    """
    records = read_lesions(lesions, criteria=criteria)
    at_baseline = records.at_baseline(records.target)
    rows = []
    for (subject, day), visit in records.visits(records.target).items():
        seen = [row for row in visit if records.assessed[row]]
        everything = at_baseline.get(subject, set()) <= {records.lesion[row] for row in seen}
        rows.append(
            {
                "subject": subject,
                "day": day,
                "baseline": bool(records.baseline[visit[0]]),
                "sum_diameter": float(records.diameter[seen].sum()) if seen else np.nan,
                "all_assessed": everything and len(seen) == len(visit),
                "all_gone": everything and len(seen) == len(visit) and not records.present[seen].any(),
            }
        )
    names = ("subject", "day", "baseline", "sum_diameter", "all_assessed", "all_gone")
    sums = _frame(rows, names, records.counting)
    kinds = {"baseline": bool, "sum_diameter": float, "all_assessed": bool, "all_gone": bool}
    return sums.astype(kinds)


def non_target_response(lesions: pd.DataFrame) -> pd.DataFrame:
    """The response of the non-target lesions at each visit after baseline (RECIST 1.1, section 4.3.3).

    PD where one has progressed unequivocally; else NE where one of the baseline was not assessed; CR where all are
    gone; else NON-CR/NON-PD. ``status`` says of each lesion ABSENT (gone; of a node: short axis below 10 mm), PRESENT,
    or PROGRESSION. Where tumour markers must be normal for a CR, give them as a lesion.

    Misreading: unequivocal progression is a judgement about the whole tumour burden, not an increase of one lesion.

    Parameters
    ----------
    lesions : pd.DataFrame
        See ``sum_of_diameters``; here ``status`` is needed, and rows of target lesions are left out.

    Returns
    -------
    pd.DataFrame
        One row per subject and visit with non-target lesions: ``subject``, ``date``, ``response``.

    Raises
    ------
    InvalidInput, DataError
        See ``sum_of_diameters``.
    """
    records = read_lesions(lesions, criteria=RECIST_1_1)
    at_baseline = records.at_baseline(~records.target)
    rows = []
    for (subject, day), visit in records.visits(~records.target & ~records.baseline).items():
        seen = {records.lesion[row]: records.status[row] for row in visit if records.assessed[row]}
        everything = subject in at_baseline and at_baseline[subject] <= set(seen)
        if "PROGRESSION" in seen.values():
            response = "PD"
        elif not everything:
            response = "NE"
        else:
            response = "CR" if set(seen.values()) == {"ABSENT"} else "NON-CR/NON-PD"
        rows.append({"subject": subject, "day": day, "response": response})
    return _frame(rows, ("subject", "day", "response"), records.counting)


def read_lesions(lesions: pd.DataFrame, *, criteria: Criteria) -> Lesions:
    """Read and check records of lesions; see ``sum_of_diameters``."""
    limits = checked_criteria(criteria)
    frame = frame_with(lesions, _COLUMNS, "lesions")
    subject = labels(frame, "lesions")
    day, counting = days_in(frame, "lesions", DayCount())
    lesion = labels(frame, "lesions", "lesion")
    target, baseline, assessed, node, too_small = (
        flags_in(frame, name, "lesions", absent=name == "assessed")
        for name in ("target", "baseline", "assessed", "node", "too_small")
    )
    diameter = lengths_in(frame, "diameter", "lesions")
    diameter = np.where(too_small & np.isnan(diameter), limits.too_small_mm, diameter)
    status = np.full(len(frame), "", dtype=object)
    if "status" in frame:
        status = words_in(frame, "status", "lesions", STATUSES, optional=True)
    _refuse_contradictions(target, baseline, assessed, diameter, status)
    refuse_repeats(
        list(zip(subject, lesion, day, strict=True)), "a lesion has two rows on one day", "lesions.date", "one row"
    )
    _refuse_baselines(subject, lesion, day, baseline)
    present = np.where(node, diameter >= limits.node_mm, diameter > 0)
    return Lesions(
        subject=subject,
        lesion=lesion,
        day=day,
        target=target,
        baseline=baseline,
        assessed=assessed,
        node=node,
        diameter=diameter,
        present=present,
        status=status,
        counting=counting,
    )


def _refuse_contradictions(target: Flags, baseline: Flags, assessed: Flags, diameter: Lengths, status: Words) -> None:
    measured, stated = ~np.isnan(diameter), status != ""
    for wrong, what, column, expected in (
        (target & assessed & ~measured, "an assessed target lesion has no diameter", "diameter", "millimetres"),
        (target & ~assessed & measured, "a lesion that was not assessed has a diameter", "diameter", "none"),
        (~target & assessed & ~baseline & ~stated, "an assessed non-target lesion has no status", "status", "a status"),
        (~target & ~assessed & stated, "a lesion that was not assessed has a status", "status", "none"),
    ):
        refuse_where(wrong, what, f"lesions.{column}", expected)


def _refuse_baselines(subject: list[Hashable], lesion: list[Hashable], day: Days, baseline: Flags) -> None:
    first: dict[Hashable, int] = {}
    known: dict[Hashable, set[Hashable]] = {}
    size = len(subject)
    two_days, early, new = (np.zeros(size, dtype=bool) for _ in range(3))
    for row in np.flatnonzero(baseline):
        two_days[row] = first.setdefault(subject[row], int(day[row])) != day[row]
        known.setdefault(subject[row], set()).add(lesion[row])
    for row in np.flatnonzero(~baseline):
        if subject[row] in first:
            early[row] = day[row] <= first[subject[row]]
            new[row] = lesion[row] not in known[subject[row]]
    refuse_where(two_days, "a baseline has two days", "lesions.date", "one day for all lesions of a baseline")
    refuse_where(early, "a visit is not after the baseline", "lesions.date", "a later day")
    refuse_where(new, "a lesion is not one of the baseline", "lesions.lesion", "new lesions among the new lesions")


def _frame(rows: list[dict[str, object]], names: tuple[str, ...], counting: DayCount) -> pd.DataFrame:
    """Rows with ``day`` as a frame with ``date``; ``subject`` holds the labels as they are."""
    columns = {name: [row[name] for row in rows] for name in names}
    days = np.array(columns.pop("day"), dtype=np.int64)
    subject = np.empty(len(rows), dtype=object)
    subject[:] = columns.pop("subject")
    return pd.DataFrame({"subject": subject, "date": counting.column(days), **columns})
