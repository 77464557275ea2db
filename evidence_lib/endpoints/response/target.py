"""The response of the target lesions at each visit, and the change of their sum."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import dataclass

import numpy as np
import pandas as pd

from evidence_lib.endpoints.response.assessments import NewTherapy, Progression, read_limits
from evidence_lib.endpoints.response.criteria import RECIST_1_1, Criteria, checked_criteria
from evidence_lib.endpoints.response.records import (
    DayCount,
    Lengths,
    days_in,
    flags_in,
    frame_with,
    labels,
    lengths_in,
    refuse_repeats,
)
from evidence_lib.endpoints.time_to_event.source import NEVER, Days, Flags, refuse_where

# Sums of measured millimetres are compared with a tolerance: 12.3 - 8.61 must be a decrease of 30 %.
_TOLERANCE = 1e-9


@dataclass(frozen=True)
class _Sum:
    value: float
    assessed: bool
    gone: bool


@dataclass
class _Course:
    """What is known of a subject's target lesions up to a visit."""

    baseline: float | None
    nadir: float | None


def target_response(sums: pd.DataFrame, *, criteria: Criteria = RECIST_1_1) -> pd.DataFrame:
    """The response of the target lesions at each visit after baseline (RECIST 1.1, section 4.3.1).

    CR: all target lesions gone, and all target nodes below ``criteria.node_mm``. PD: the sum is at least 20 % and at
    least 5 mm above the nadir, the smallest complete sum before this visit, baseline included. PR: the sum is at least
    30 % below the baseline. Else SD. CR is asked first, then PD, PR, SD. Where not all target lesions were assessed, or
    there is no complete baseline, the response is NE, unless those that were assessed prove a PD (section 4.4.2).

    Misreading: PD counts from the nadir and PR from the baseline, so that a sum far below the baseline can be PD.

    Parameters
    ----------
    sums : pd.DataFrame
        ``subject``, ``date``, ``baseline`` (yes or no), ``sum_diameter`` (mm; missing where nothing was measured), as
        ``sum_of_diameters`` gives it or as ADTR holds it. If they are there: ``all_assessed`` (otherwise yes where
        there is a sum); ``all_gone`` (otherwise yes where the sum is 0, which is right where no target is a node).
    criteria : Criteria
        The limits.

    Returns
    -------
    pd.DataFrame
        One row per subject and visit after baseline: ``subject``, ``date``, ``response``, ``sum_diameter``,
        ``all_assessed``, ``baseline_sum``, ``nadir`` (before this visit), ``change_from_nadir`` (mm),
        ``percent_from_nadir``, ``percent_from_baseline`` (missing where it cannot be said), and ``reason`` for NE:
        ``not_assessed``, ``no_baseline`` (none, or not complete), ``baseline_zero``.

    Raises
    ------
    InvalidInput
        A column is missing or of the wrong type.
    DataError
        Two rows are of one subject and day, a subject has two baselines, a visit is not after the baseline, or a value
        is missing or contradicts another.
    """
    limits = checked_criteria(criteria)
    frame = frame_with(sums, ("subject", "date", "baseline", "sum_diameter"), "sums")
    subject = labels(frame, "sums")
    day, counting = days_in(frame, "sums", DayCount())
    baseline = flags_in(frame, "baseline", "sums", absent=False)
    _refuse_order(subject, day, baseline)
    values = _sums(frame)
    courses = {key: _Course(None, None) for key in subject}
    for row in np.flatnonzero(baseline):
        if values[row].assessed:
            courses[subject[row]] = _Course(values[row].value, values[row].value or None)
    place = {key: number for number, key in enumerate(courses)}
    rows = []
    for row in sorted(np.flatnonzero(~baseline), key=lambda row: (place[subject[row]], day[row])):
        rows.append({"row": row, **_response(values[row], courses[subject[row]], limits)})
    return _responses(frame, rows, day, counting)


def best_percent_change(
    target: pd.DataFrame,
    subjects: pd.DataFrame,
    *,
    progression: Progression = "none",
    new_therapy: NewTherapy = "stop",
) -> pd.DataFrame:
    """The largest decrease (or smallest increase) of the sum from baseline of each subject: a bar of a waterfall.

    The smallest ``percent_from_baseline`` over the complete assessments that count. Negative is a decrease. (The
    change at each visit, a spider plot, is ``percent_from_baseline`` of ``target_response`` itself.)

    Misreading: a bar of -30 % or less is not a confirmed partial response, and new lesions do not show in it.

    Parameters
    ----------
    target : pd.DataFrame
        What ``target_response`` gives.
    subjects : pd.DataFrame
        One row for everybody: ``subject``; where they are known ``progression``, ``new_therapy``, ``cutoff``.
    progression : {"visits", "source", "none"}
        Assessments do not count after the first PD of the target lesions, after the date in ``subjects.progression``,
        or count all.
    new_therapy : {"stop", "ignore"}
        Whether assessments after the day of ``subjects.new_therapy`` do not count.

    Returns
    -------
    pd.DataFrame
        One row per subject, in the order given: ``subject``, ``date``, ``percent_change`` (both missing where there is
        none), ``reason`` (``no_assessment``, or what the last assessment lacks).

    Raises
    ------
    InvalidInput, DataError
        See ``best_overall_response``.
    """
    limits = read_limits(subjects, progression=progression, new_therapy=new_therapy)
    frame = frame_with(target, ("subject", "date", "response", "percent_from_baseline", "reason"), "target")
    owner = limits.owners(frame, "target")
    day, counting = days_in(frame, "target", limits.counting)
    last = limits.last.copy()
    if progression == "visits":
        progressed = (frame["response"] == "PD").to_numpy(dtype=bool)
        np.minimum.at(last, owner[progressed], day[progressed])
    change = pd.to_numeric(frame["percent_from_baseline"]).to_numpy(dtype=float, na_value=np.nan)
    size = len(limits.label)
    best, at = np.full(size, np.nan), np.full(size, NEVER, dtype=np.int64)
    reason = np.full(size, "no_assessment", dtype=object)
    rows = np.flatnonzero(day <= last[owner])
    for row in rows[np.argsort(day[rows], kind="stable")]:
        who = owner[row]
        if np.isnan(change[row]):
            # A progression that an incomplete sum proves has no reason and no change.
            reason[who] = frame["reason"][row] or "not_assessed"
        elif np.isnan(best[who]) or change[row] < best[who]:
            best[who], at[who] = change[row], day[row]
    reason[~np.isnan(best)] = None
    return pd.DataFrame(
        {
            "subject": limits.label,
            "date": counting.column(at),
            "percent_change": pd.array(best, dtype="Float64"),
            "reason": pd.Series(reason, dtype=object),
        }
    )


def _sums(frame: pd.DataFrame) -> list[_Sum]:
    value: Lengths = lengths_in(frame, "sum_diameter", "sums")
    assessed = ~np.isnan(value)
    if "all_assessed" in frame:
        unmeasured, assessed = ~assessed, flags_in(frame, "all_assessed", "sums", absent=False)
        refuse_where(
            assessed & unmeasured, "all lesions were assessed and there is no sum", "sums.sum_diameter", "a sum"
        )
    gone = value == 0
    if "all_gone" in frame:
        gone = flags_in(frame, "all_gone", "sums", absent=False)
        refuse_where(assessed & (value == 0) & ~gone, "the sum is 0 and not all is gone", "sums.all_gone", "yes")
    return [_Sum(*row) for row in zip(value.tolist(), assessed, gone & assessed, strict=True)]


def _response(visit: _Sum, course: _Course, criteria: Criteria) -> dict[str, object]:
    """The response at a visit; what the visit adds is taken into the course."""
    baseline, nadir = course.baseline, course.nadir
    known = bool(baseline)
    change = visit.value - nadir if nadir is not None else np.nan
    fall = 100 * (baseline - visit.value) / baseline if baseline and visit.assessed else np.nan
    reason = None
    if visit.assessed and visit.gone and known:
        response = "CR"
    elif baseline != 0 and _progressed(change, nadir, criteria):
        response = "PD"
    elif not known or not visit.assessed:
        response = "NE"
        reason = "not_assessed" if not visit.assessed else "no_baseline" if baseline is None else "baseline_zero"
    else:
        response = "PR" if fall >= criteria.partial_percent - _TOLERANCE else "SD"
    if visit.assessed and baseline != 0:
        course.nadir = visit.value if nadir is None else min(nadir, visit.value)
    return {
        "response": response,
        "all_assessed": visit.assessed,
        "baseline_sum": baseline,
        "nadir": nadir,
        "change_from_nadir": change if visit.assessed else None,
        "percent_from_nadir": 100 * change / nadir if visit.assessed and nadir else None,
        "percent_from_baseline": -fall if baseline and visit.assessed else None,
        "reason": reason,
    }


def _progressed(change: float, nadir: float | None, criteria: Criteria) -> bool:
    """Whether a sum is that much above the nadir; above a nadir of 0 any increase is more than any percentage."""
    if nadir is None or not change > _TOLERANCE:
        return False
    enough = change >= criteria.progression_mm - _TOLERANCE
    return enough and 100 * change >= criteria.progression_percent * nadir - _TOLERANCE


def _refuse_order(subject: list[Hashable], day: Days, baseline: Flags) -> None:
    refuse_repeats(list(zip(subject, day, strict=True)), "two sums of one subject and day", "sums.date", "one sum")
    first: dict[Hashable, int] = {}
    second, early = np.zeros(len(subject), dtype=bool), np.zeros(len(subject), dtype=bool)
    for row in np.flatnonzero(baseline):
        second[row] = first.setdefault(subject[row], int(day[row])) != day[row]
    for row in np.flatnonzero(~baseline):
        early[row] = day[row] <= first.get(subject[row], -NEVER)
    refuse_where(second, "a subject has two baselines", "sums.baseline", "one baseline")
    refuse_where(early, "a visit is not after the baseline", "sums.date", "a later day")


def _responses(frame: pd.DataFrame, rows: list[dict[str, object]], day: Days, counting: DayCount) -> pd.DataFrame:
    places = np.array([row["row"] for row in rows], dtype=np.int64)
    numbers = ("baseline_sum", "nadir", "change_from_nadir", "percent_from_nadir", "percent_from_baseline")
    columns = {name: pd.Series([row[name] for row in rows], dtype="Float64") for name in numbers}
    sums = lengths_in(frame, "sum_diameter", "sums")[places]
    return pd.DataFrame(
        {
            "subject": frame["subject"].to_numpy(dtype=object)[places],
            "date": counting.column(day[places]),
            "response": np.array([row["response"] for row in rows], dtype=object),
            "sum_diameter": pd.array(sums, dtype="Float64"),
            "all_assessed": np.array([row["all_assessed"] for row in rows], dtype=bool),
            **columns,
            "reason": pd.Series([row["reason"] for row in rows], dtype=object),
        }
    )
