"""Recount of subjects and events by sets and loops."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import Any

import pandas as pd

from evidence_lib.results import Estimate, Estimates

Level = tuple[Hashable, ...]


def incidence(
    frame: pd.DataFrame,
    *,
    subjects: pd.DataFrame,
    levels: Sequence[str] = (),
    nested: bool = False,
    of: str = "ae",
    known: str | None = None,
    subject: str = "subject",
    arm: str = "arm",
) -> Estimates:
    """Twin of ``statistics.safety.incidence``."""
    if nested and len(levels) > 1:
        facts_of: dict[str, Any] = {"of": of, "known": known, "subject": subject, "arm": arm}
        outer = incidence(frame, subjects=subjects, levels=levels[:-1], nested=True, **facts_of)
        inner = incidence(frame, subjects=subjects, levels=levels, **facts_of)
        return Estimates((*outer.items, *inner.items))
    people: dict[str, set[Any]] = {}
    for who, where in zip(subjects[subject].tolist(), subjects[arm].tolist(), strict=True):
        people.setdefault(where, set()).add(who)
    columns = [frame[name].astype(object).tolist() for name in levels]
    rows = list(zip(*columns, strict=True)) if columns else [()] * len(frame)
    had: dict[Level, dict[str, set[Any]]] = {}
    events: dict[Level, dict[str, int]] = {}
    if len(levels) == 1 and isinstance(frame[levels[0]].dtype, pd.CategoricalDtype):
        had = {(name,): {} for name in frame[levels[0]].cat.categories}
    if not levels:
        had = {(): {}}
    vague: set[Level] = set()
    certain = [True] * len(frame) if known is None else frame[known].tolist()
    for level, who, where, sure in zip(rows, frame[subject].tolist(), frame[arm].tolist(), certain, strict=True):
        had.setdefault(level, {}).setdefault(where, set()).add(who)
        of_level = events.setdefault(level, {})
        of_level[where] = of_level.get(where, 0) + 1
        if not sure:
            vague.add((*level, where))
    found = []
    for level, by_arm in had.items():
        for where, everybody in people.items():
            facts: dict[str, Any] = {
                "method": "plain loops",
                "groups": {"arm": where, **dict(zip(levels, level, strict=True))},
            }
            x = len(by_arm.get(where, set()) & everybody)
            share = x / len(everybody)
            found.append(
                Estimate(
                    analysis=f"{of}.incidence", unit="probability", n=len(everybody), events=x, estimate=share, **facts
                )
            )
            if of != "ae":
                continue
            if (*level, where) in vague:
                facts |= {"status": "not_estimable", "reason": "not estimable by the second route either"}
                found.append(Estimate(analysis="ae.events", unit="events", **facts))
                continue
            count = events.get(level, {}).get(where, 0)
            found.append(Estimate(analysis="ae.events", unit="events", estimate=count, **facts))
    return Estimates(tuple(found))
