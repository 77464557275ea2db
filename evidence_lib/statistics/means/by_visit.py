"""Outcomes at visits described: numbers and means by visit and arm, and which values are missing."""

from __future__ import annotations

import math
from collections.abc import Hashable, Sequence
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.distributions import t_quantile
from evidence_lib.statistics.inputs import Flags, Floats, checked_level, numbers
from evidence_lib.statistics.means.inputs import visit_order

SUMMARY = ("variable", "visit", "arm", "n", "mean", "sd", "se", "conf_low", "conf_high", "median", "low", "high")
PATTERNS = ("complete", "drop-out", "gaps", "gaps and drop-out", "nothing", "no start")


def summary_by_visit(
    frame: pd.DataFrame,
    *,
    visit: str,
    arm: str,
    variables: Sequence[str],
    once: Sequence[str] = (),
    conf_level: float = 0.95,
) -> pd.DataFrame:
    """n, mean, standard deviation (n - 1), standard error, t interval, median and range by variable, visit and arm.

    Misreading: the means of different visits are of different patients where some left; a line through them is nobody's
    course.

    Parameters
    ----------
    frame : DataFrame
        One row per subject and visit.
    visit, arm : str
        Names of its columns.
    variables : sequence of str
        Columns of numbers that change from visit to visit, in any unit.
    once : sequence of str
        Columns that are the same at all visits, such as the baseline: one row per arm, without a visit.
    conf_level : float
        Of the interval of the mean.

    Returns
    -------
    DataFrame
        The columns of ``SUMMARY``; what cannot be told from so few values is missing. Arms in order of appearance.

    Raises
    ------
    InvalidInput
        For a column that is not there or does not hold numbers.
    """
    level = checked_level(conf_level)
    _require(frame, (visit, arm, *variables, *once))
    arms = list(dict.fromkeys(frame[arm]))
    order = visit_order(frame[visit])
    rows = []
    for name in (*once, *variables):
        values = numbers(frame[name], name)
        for label in order[:1] if name in once else order:
            for one in arms:
                here = np.asarray((frame[visit] == label) & (frame[arm] == one))
                told = {"variable": name, "visit": None if name in once else label, "arm": one}
                rows.append({**told, **_summary(values[here & ~np.isnan(values)], level)})
    return pd.DataFrame(rows, columns=list(SUMMARY))


def missing_by_visit(frame: pd.DataFrame, *, subject: str, visit: str, outcome: str, arm: str) -> pd.DataFrame:
    """How many subjects have a value at each visit, and how the others lack it.

    ``left``: no value at this visit or any later one (drop-out); ``gap``: a later value is there (intermittent).

    Misreading: nothing here says why a value is missing, nor what it would have been.

    Parameters
    ----------
    frame : DataFrame
        One row per subject and visit.
    subject, visit, outcome, arm : str
        Names of its columns.

    Returns
    -------
    DataFrame
        ``visit``, ``arm``, ``subjects``, ``observed``, ``gap``, ``left``.

    Raises
    ------
    InvalidInput
        For a column that is not there.
    """
    order, seen, arm_of = _seen(frame, subject, visit, outcome, arm)
    later = _seen_later(seen)
    rows = [
        {
            "visit": label,
            "arm": one,
            "subjects": int(of.sum()),
            "observed": int((seen[:, place] & of).sum()),
            "gap": int((~seen[:, place] & later[:, place] & of).sum()),
            "left": int((~seen[:, place] & ~later[:, place] & of).sum()),
        }
        for place, label in enumerate(order)
        for one in dict.fromkeys(arm_of)
        for of in [arm_of == one]
    ]
    return pd.DataFrame(rows, columns=["visit", "arm", "subjects", "observed", "gap", "left"])


def missing_patterns(
    frame: pd.DataFrame, *, subject: str, visit: str, outcome: str, arm: str, baseline: str | None = None
) -> pd.DataFrame:
    """How many subjects of each arm have which pattern: complete, drop-out, gaps, both, or no value at all.

    Those with values but none at the start (``baseline``) have no change and are a pattern of their own, ``no start``.

    A pattern is monotone where all values after the first missing one are missing: complete, drop-out or nothing.

    Misreading: monotone is a word about the order of gaps; missing at random is an assumption about their reasons.

    Parameters
    ----------
    frame : DataFrame
        One row per subject and visit.
    subject, visit, outcome, arm : str
        Names of its columns.
    baseline : str, optional
        Column with the value at the start, the same on all rows of a subject.

    Returns
    -------
    DataFrame
        ``pattern``, ``arm``, ``n``.

    Raises
    ------
    InvalidInput
        For a column that is not there.
    """
    _, seen, arm_of = _seen(frame, subject, visit, outcome, arm)
    gaps = (~seen & _seen_later(seen)).any(axis=1)
    left, none = ~seen[:, -1], ~seen.any(axis=1)
    pattern = np.select(
        [none, gaps & left, gaps, left], [PATTERNS[4], PATTERNS[3], PATTERNS[2], PATTERNS[1]], PATTERNS[0]
    )
    if baseline is not None:
        _require(frame, (baseline,))
        start = frame.drop_duplicates(subject)[baseline].notna().to_numpy()
        pattern = np.where(~start & ~none, PATTERNS[5], pattern)
    rows = [
        {"pattern": name, "arm": one, "n": int(((pattern == name) & (arm_of == one)).sum())}
        for name in (PATTERNS if baseline is not None else PATTERNS[:-1])
        for one in dict.fromkeys(arm_of)
    ]
    return pd.DataFrame(rows, columns=["pattern", "arm", "n"])


def reasons_of_missing(frame: pd.DataFrame, *, outcome: str, arm: str, reason: str) -> pd.DataFrame:
    """The stated reasons of those who lack the outcome, by arm, the most frequent first.

    Misreading: the reason is why somebody stopped the study or the treatment, which need not be why the value is
    missing.

    Parameters
    ----------
    frame : DataFrame
        One row per subject.
    outcome, arm, reason : str
        Names of its columns. A reason that is missing counts as none.

    Returns
    -------
    DataFrame
        ``reason`` (missing: none stated), ``arm``, ``n``.

    Raises
    ------
    InvalidInput
        For a column that is not there.
    """
    _require(frame, (outcome, arm, reason))
    lost = frame[frame[outcome].isna()]
    given = lost[reason].map(lambda value: None if value is None or value != value or value == "" else str(value))
    ranked = sorted(given.dropna().unique(), key=lambda name: (-int((given == name).sum()), name))
    kinds: list[str | None] = [*ranked, *([None] if given.isna().any() else [])]
    rows = [
        {"reason": name, "arm": one, "n": int((((given == name) if name else given.isna()) & (lost[arm] == one)).sum())}
        for name in kinds
        for one in dict.fromkeys(frame[arm])
    ]
    return pd.DataFrame(rows, columns=["reason", "arm", "n"])


def category_counts(frame: pd.DataFrame, *, visit: str, outcome: str, arm: str) -> pd.DataFrame:
    """How many subjects of each arm have which value of an ordinal outcome at each visit, of those with a value.

    Misreading: shares are of those seen, so that they may change because others are seen.

    Parameters
    ----------
    frame : DataFrame
        One row per subject and visit.
    visit, outcome, arm : str
        Names of its columns; the outcome holds numbers.

    Returns
    -------
    DataFrame
        ``visit``, ``category`` (text), ``arm``, ``n``, ``share`` (missing where nobody was seen); every value that
        occurs has a row at each visit and in each arm, in order of its number.

    Raises
    ------
    InvalidInput
        For a column that is not there or an outcome that does not hold numbers.
    """
    _require(frame, (visit, outcome, arm))
    values = numbers(frame[outcome], outcome)
    rows = []
    for label in visit_order(frame[visit]):
        for kind in np.unique(values[~np.isnan(values)]):
            for one in dict.fromkeys(frame[arm]):
                here = np.asarray((frame[visit] == label) & (frame[arm] == one)) & ~np.isnan(values)
                n, seen = int((here & (values == kind)).sum()), int(here.sum())
                rows.append([label, f"{kind:g}", one, n, n / seen if seen else None])
    return pd.DataFrame(rows, columns=["visit", "category", "arm", "n", "share"])


def _require(frame: pd.DataFrame, names: Sequence[str]) -> None:
    missing = [str(name) for name in names if name not in frame]
    if missing:
        raise InvalidInput("no such column", where="frame", found=", ".join(missing))


def _summary(values: Floats, level: float) -> dict[str, Any]:
    n = int(values.size)
    if n == 0:
        return {"n": 0}
    mean = float(values.mean())
    found: dict[str, Any] = {
        "n": n,
        "mean": mean,
        "median": float(np.median(values)),
        "low": float(values.min()),
        "high": float(values.max()),
    }
    if n == 1:
        return found
    sd = float(values.std(ddof=1))
    half = t_quantile(level, n - 1) * sd / math.sqrt(n)
    return {**found, "sd": sd, "se": sd / math.sqrt(n), "conf_low": mean - half, "conf_high": mean + half}


def _seen(
    frame: pd.DataFrame, subject: str, visit: str, outcome: str, arm: str
) -> tuple[list[Hashable], Flags, np.ndarray]:
    """The visits in order, which subject (n,) has a value at which of them (n, J), and the arms (n,)."""
    _require(frame, (subject, visit, outcome, arm))
    order = visit_order(frame[visit])
    there = frame.assign(_there=frame[outcome].notna())
    wide = there.pivot(index=subject, columns=visit, values="_there").reindex(columns=order)
    first = frame.drop_duplicates(subject).set_index(subject)[arm]
    people = list(dict.fromkeys(frame[subject]))
    seen = wide.reindex(people).fillna(False).astype(bool).to_numpy()
    return order, seen, first.reindex(people).to_numpy(dtype=object)


def _seen_later(seen: Flags) -> Flags:
    """Whether there is a value at any later visit."""
    after = np.logical_or.accumulate(seen[:, ::-1], axis=1)[:, ::-1]
    return np.column_stack([after[:, 1:], np.zeros(len(seen), dtype=bool)])
