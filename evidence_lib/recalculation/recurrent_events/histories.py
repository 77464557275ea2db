"""The intervals of each subject one after another, and ratios of arms from the rows that they become."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from evidence_lib.recalculation.cox.fits import Data, Fit, Floats, Unanswered, fitted, limits
from evidence_lib.recalculation.recurrent_events.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.survival.steps import plain
from evidence_lib.results import Estimate


class Interval(NamedTuple):
    """One row: its place, and times after floating-point neighbours are made equal."""

    row: int
    start: float
    stop: float
    event: bool


def histories(
    subject: ArrayLike, start: ArrayLike, stop: ArrayLike, event: ArrayLike
) -> dict[Hashable, list[Interval]]:
    """The intervals of each subject in order of time."""
    begin, end = np.asarray(start, dtype=float), np.asarray(stop, dtype=float)
    joined = plain(np.concatenate([begin, end]), np.zeros(2 * begin.size))[0]
    found: dict[Hashable, list[Interval]] = {}
    rows = zip(
        np.asarray(subject, dtype=object), joined[: begin.size], joined[begin.size :], np.asarray(event), strict=True
    )
    for row, (label, low, high, happened) in enumerate(rows):
        found.setdefault(label, []).append(Interval(row, float(low), float(high), bool(happened)))
    return {label: sorted(history, key=lambda interval: interval.start) for label, history in found.items()}


def clusters(subjects: dict[Hashable, list[Interval]]) -> NDArray[np.int64]:
    """The number of each interval's subject."""
    return np.array([k for k, history in enumerate(subjects.values()) for _ in history], dtype=np.int64)


def data(rows: list[Interval], stratum: NDArray[np.int64] | None, ties: str, cluster: NDArray[np.int64] | None) -> Data:
    """The rows of a model; ``stratum`` is that of the data as given."""
    order = [interval.row for interval in rows]
    return Data(
        np.array([interval.stop for interval in rows]),
        np.array([float(interval.event) for interval in rows]),
        None if stratum is None else stratum[order],
        ties,
        np.array([interval.start for interval in rows]),
        None,
        cluster,
    )


def people(
    subjects: dict[Hashable, list[Interval]], labels: NDArray[Any], treatment: Hashable, reference: Hashable
) -> int:
    """Subjects of the two arms; ``labels`` stand in the order of the subjects' intervals."""
    count, place = 0, 0
    for history in subjects.values():
        count += bool(history) and labels[place] in (treatment, reference)
        place += len(history)
    return count


def shared(name: str, analysis: str, treatment: Any, reference: Any, conf_level: float) -> dict[str, Any]:
    """The fields that all ratios have."""
    return {
        "analysis": analysis,
        "unit": "ratio",
        "scale": "log",
        "method": SOURCE[name],
        "groups": {"treatment": treatment, "reference": reference, "subgroup": "all"},
        "conf_level": conf_level,
    }


def ratio(
    data: Data,
    labels: NDArray[Any],
    extra: Floats | None,
    treatment: Hashable,
    reference: Hashable,
    shared: dict[str, Any],
    n: int,
) -> Estimate:
    """The ratio of the treatment, all arms with events being in the model."""
    here = (labels == treatment) | (labels == reference)
    counts: dict[str, Any] = {"n": n, "events": int(data.event[here].sum())}
    found = None
    fit = fit_of(data, labels, extra, treatment, reference)
    if fit is not None:
        found = limits(fit[0], shared["conf_level"])
    if found is None:
        return Estimate(**shared, **counts, status="not_estimable", reason=NOT_ESTIMABLE)
    return Estimate(**shared, **counts, **found)


def fit_of(
    data: Data, labels: NDArray[Any], extra: Floats | None, treatment: Hashable, reference: Hashable
) -> tuple[Fit, Floats, NDArray[np.bool_]] | None:
    """The fit, its columns, and the rows that entered."""
    with_events = set(labels[data.event == 1])
    if not {treatment, reference} <= with_events:
        return None
    others = sorted(with_events - {treatment, reference}, key=str)
    columns = [(labels == arm).astype(float)[:, None] for arm in (treatment, *others)]
    if extra is not None:
        columns.append(extra)
    rows = np.array([label in (treatment, reference, *others) for label in labels], dtype=bool)
    x = np.hstack(columns)[rows]
    try:
        return fitted(data.of(rows), x), x, rows
    except Unanswered:
        return None
