"""Disposition counted again, subject by subject."""

from __future__ import annotations

from numpy.typing import ArrayLike

from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates

__all__ = ["disposition_counts"]

SOURCE = {"disposition_counts": "a plain count, subject by subject"}
TOLERANCE = {"disposition_counts": 0.0}


def disposition_counts(completed: ArrayLike, reason: ArrayLike, *, treated: ArrayLike | None = None) -> Estimates:
    """Subjects who completed, who go on, who stopped and for which reason, by a loop over subjects.

    Parameters
    ----------
    completed, reason : arrays of n
        As in ``statistics.disposition``.
    treated : array of n, or None
        As in ``statistics.disposition``.

    Returns
    -------
    Estimates
        ``disposition.subjects``.
    """
    n, done, ongoing, untreated = 0, 0, 0, 0
    reasons: dict[str, int] = {}
    taken = ["Y"] * len(list(reason)) if treated is None else list(treated)  # type: ignore[arg-type]
    for flag, why, took in zip(list(completed), list(reason), taken, strict=True):  # type: ignore[arg-type]
        n += 1
        if not (isinstance(took, str) and took.strip().upper() in {"Y", "COMPLETED"}):
            untreated += 1
            continue
        if isinstance(flag, str) and flag.strip().upper() in {"Y", "COMPLETED"}:
            done += 1
            continue
        if isinstance(flag, str) and flag.strip().upper() == "ONGOING":
            ongoing += 1
            continue
        name = why.strip() if isinstance(why, str) else "" if why is None or why != why else str(why)
        reasons[name] = reasons.get(name, 0) + 1
    counted = [({"category": "completed"}, done), ({"category": "discontinued"}, n - done - ongoing - untreated)]
    counted += [({"category": "ongoing"}, ongoing)] if ongoing else []
    counted += [({"category": "not_treated"}, untreated)] if untreated else []
    counted += [({"category": "discontinued", "level": name}, count) for name, count in reasons.items()]
    return Estimates(
        tuple(
            Estimate(
                analysis="disposition.subjects",
                unit="subjects",
                method=message("baseline.method.counted"),
                groups=groups,
                n=n,
                estimate=count,
            )
            for groups, count in counted
        )
    )
