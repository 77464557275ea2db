"""Recalculation of the scan over deltas: one fit, then the limit of infinitely many imputations at every delta."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from dataclasses import replace

import numpy as np
import pandas as pd

from evidence_lib.recalculation.means.imputation_limit import model_data
from evidence_lib.recalculation.means.multiple_imputation import (
    centred,
    estimates_of,
    first_affected,
    parts_of,
    refused,
    size_of,
    visit_order,
)
from evidence_lib.results import Estimate, Estimates


def delta_scan(
    frame: pd.DataFrame,
    *,
    subject: str,
    visit: str,
    outcome: str,
    arm: str,
    treatment: Hashable,
    reference: Hashable,
    rng: np.random.Generator,
    deltas: Sequence[float],
    covariates: Sequence[str] = (),
    visits: Sequence[Hashable] | None = None,
    at: Sequence[Hashable] | None = None,
    event: str | None = None,
    strategy: str = "mar",
    shifted: str = "after-event",
    imputations: int = 200,
    conf_level: float = 0.95,
) -> Estimates:
    """Twin of ``statistics.means.delta_scan``; ``rng`` has nothing to do here."""
    order = visit_order(frame[visit], visits)
    wide = frame.pivot(index=subject, columns=visit, values=outcome).reindex(columns=order).astype(float)
    people = frame.drop_duplicates(subject).set_index(subject).reindex(wide.index)
    arms = sorted(people[arm].unique())
    first = first_affected(wide, None if event is None else people[event], order)
    x = centred(people[list(covariates)])
    y = wide.to_numpy()
    scale = size_of(y)
    missing_arm = treatment not in arms or reference not in arms
    data = None if missing_arm else model_data(y / scale, people[arm], arms, reference, first, x, strategy, "common")
    found: list[Estimate] = []
    for label in order[-1:] if at is None else list(at):
        place = order.index(label)
        possible = data is not None and not refused(data, y, first, place, strategy, 5)
        parts = (
            parts_of(data, place, strategy, arms, x, treatment, reference) if data is not None and possible else None
        )
        whom = first <= place if shifted == "after-event" else np.full(len(y), True)
        moved = np.isnan(y[:, place]) & whom & (people[arm] == treatment).to_numpy()
        for delta in sorted(set(deltas)):
            answers = None if parts is None else parts.answers(np.where(moved, delta / scale, 0.0))
            every = estimates_of(
                answers, scale, arms, people[arm], treatment, reference, label, imputations, conf_level
            )
            contrast = replace(every[0], analysis="imputation.shifted")
            found.append(contrast.within(model=strategy, delta=float(delta)))
    return Estimates(tuple(found))
