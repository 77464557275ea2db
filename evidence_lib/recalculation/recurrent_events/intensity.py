"""Recalculation of the Andersen-Gill and Prentice-Williams-Peterson models."""

from __future__ import annotations

from collections.abc import Hashable

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R, Ties
from evidence_lib.recalculation.cox.fits import Data, indicators, stratum_numbers, ties_of
from evidence_lib.recalculation.recurrent_events.histories import (
    Interval,
    clusters,
    data,
    histories,
    people,
    ratio,
    shared,
)
from evidence_lib.results import Estimate


def andersen_gill(
    subject: ArrayLike,
    start: ArrayLike,
    stop: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    robust: bool = True,
    ties: Ties | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimate:
    """Twin of ``statistics.recurrent_events.andersen_gill``."""
    subjects = histories(subject, start, stop, event)
    rows = [interval for history in subjects.values() for interval in history]
    given = data(rows, stratum_numbers(strata), ties_of(ties, convention), clusters(subjects) if robust else None)
    order = np.array([interval.row for interval in rows], dtype=int)
    labels = np.asarray(group, dtype=object)[order]
    extra = None if covariates is None else indicators(covariates)[0][order]
    facts = shared("andersen_gill", "andersen_gill.rate_ratio", treatment, reference, conf_level)
    return ratio(given, labels, extra, treatment, reference, facts, people(subjects, labels, treatment, reference))


def pwp(
    subject: ArrayLike,
    start: ArrayLike,
    stop: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    time_scale: str,
    max_events: int | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    robust: bool = True,
    ties: Ties | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimate:
    """Twin of ``statistics.recurrent_events.pwp``."""
    subjects = histories(subject, start, stop, event)
    kept: dict[Hashable, list[Interval]] = {}
    numbers: list[int] = []
    for label, history in subjects.items():
        happened, origin = 0, 0.0
        kept[label] = []
        for interval in history:
            if max_events is not None and happened >= max_events:
                break
            kept[label].append(interval._replace(start=interval.start - origin, stop=interval.stop - origin))
            numbers.append(happened)
            if interval.event:
                happened += 1
                origin = interval.stop if time_scale == "gap" else 0.0
    rows = [interval for history in kept.values() for interval in history]
    order = np.array([interval.row for interval in rows], dtype=int)
    strata_numbers = stratum_numbers(strata)
    own = [
        (0 if strata_numbers is None else int(strata_numbers[interval.row]), number)
        for interval, number in zip(rows, numbers, strict=True)
    ]
    stratum = np.array([sorted(set(own)).index(pair) for pair in own], dtype=np.int64)
    given = data(rows, None, ties_of(ties, convention), clusters(kept) if robust else None)
    given = Data(given.time, given.event, stratum, given.ties, given.entry, None, given.cluster)
    labels = np.asarray(group, dtype=object)[order]
    extra = (
        None if covariates is None else indicators(covariates.iloc[np.sort(order)])[0][np.argsort(np.argsort(order))]
    )
    facts = shared("pwp", f"pwp.hazard_ratio.{time_scale}", treatment, reference, conf_level)
    return ratio(given, labels, extra, treatment, reference, facts, people(kept, labels, treatment, reference))
