"""Recalculation of the hazard ratio."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R
from evidence_lib.recalculation.cox.fits import (
    Data,
    Floats,
    Unanswered,
    fitted,
    indicators,
    limits,
    rows_of,
    ties_of,
)
from evidence_lib.recalculation.cox.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.results import Estimate


def hazard_ratio(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    entry: ArrayLike | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    weights: ArrayLike | None = None,
    cluster: ArrayLike | None = None,
    robust: bool | None = None,
    ties: str | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimate:
    """Twin of ``statistics.cox.hazard_ratio``: estimate, standard error, limits and p-value."""
    data = rows_of(
        time,
        event,
        entry=entry,
        strata=strata,
        weights=weights,
        cluster=cluster,
        robust=robust,
        ties=ties_of(ties, convention),
    )
    labels, happened = np.asarray(group, dtype=object), data.event == 1
    here = (labels == treatment) | (labels == reference)
    counted = happened if data.weights is None else happened & (data.weights > 0)
    with_events = set(labels[counted])
    others = sorted(with_events - {treatment, reference}, key=str)
    columns: list[Floats] = [(labels == arm).astype(float)[:, None] for arm in (treatment, *others)]
    if covariates is not None:
        columns.append(indicators(covariates)[0])
    kind = "adjusted" if covariates is not None else "stratified" if strata is not None else "unstratified"
    shared: dict[str, Any] = {
        "analysis": f"cox.hazard_ratio.{'weighted' if weights is not None else kind}",
        "unit": "ratio",
        "scale": "log",
        "method": SOURCE["hazard_ratio"],
        "groups": {"treatment": treatment, "reference": reference, "subgroup": "all"},
        "n": int(here.sum()),
        "events": int(happened[here].sum()),
        "conf_level": conf_level,
    }
    rows = np.array([label in (treatment, reference, *others) for label in labels], dtype=bool)
    return ratio(data.of(rows), np.hstack(columns)[rows], {treatment, reference} <= with_events, shared)


def ratio(data: Data, x: Floats, both_have_events: bool, shared: dict[str, Any]) -> Estimate:
    """The hazard ratio of the first column."""
    try:
        found = limits(fitted(data, x), shared["conf_level"]) if both_have_events else None
    except Unanswered:
        found = None
    if found is None:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    return Estimate(**shared, **found)
