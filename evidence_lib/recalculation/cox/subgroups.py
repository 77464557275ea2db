"""Recalculation of subgroup hazard ratios and interaction tests."""

from __future__ import annotations

from collections.abc import Hashable
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from evidence_lib.conventions import Convention, R, Ties
from evidence_lib.recalculation.cox.fits import (
    Data,
    Floats,
    Unanswered,
    at_risk,
    fitted,
    own_columns,
    scaled,
    stratum_numbers,
    ties_of,
)
from evidence_lib.recalculation.cox.hazard_ratio import ratio
from evidence_lib.recalculation.cox.sources import NOT_ESTIMABLE, SOURCE
from evidence_lib.recalculation.survival.steps import plain
from evidence_lib.results import Estimate, Estimates


def subgroup_effects(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    subgroups: pd.DataFrame,
    *,
    treatment: Hashable,
    reference: Hashable,
    strata: ArrayLike | pd.DataFrame | None = None,
    ties: Ties | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimates:
    """Twin of ``statistics.cox.subgroup_effects``: every level's ratio, and each interaction's chi-square."""
    times, events = plain(time, event)
    labels = np.asarray(group, dtype=object)
    data = Data(times, events, stratum_numbers(strata), ties_of(ties, convention))
    treated, compared = labels == treatment, (labels == treatment) | (labels == reference)
    found: list[Estimate] = []
    for column in subgroups.columns:
        values = subgroups[column].astype(object)
        levels = {
            level: (values == level).to_numpy(dtype=bool) & compared
            for level in values[compared & values.notna().to_numpy()].unique()
        }
        arms: dict[str, Any] = {"treatment": treatment, "reference": reference, "subgroup": str(column)}
        for level, here in levels.items():
            x = treated[here].astype(float)
            shared: dict[str, Any] = {
                "analysis": "cox.hazard_ratio.subgroup",
                "unit": "ratio",
                "scale": "log",
                "method": SOURCE["subgroup_effects"],
                "groups": {**arms, "level": _text(level)},
                "n": int(here.sum()),
                "events": int(events[here].sum()),
                "conf_level": conf_level,
            }
            both = bool(events[here & treated].any() and events[here & ~treated].any())
            found.append(ratio(data.of(here), x[:, None], both, shared))
        found.append(_interaction(data, treated, list(levels.values()), arms))
    return Estimates(tuple(found))


def _interaction(
    data: Data, treated: NDArray[np.bool_], levels: list[NDArray[np.bool_]], arms: dict[str, Any]
) -> Estimate:
    shared: dict[str, Any] = {
        "analysis": "cox.interaction",
        "unit": "chi-square",
        "method": SOURCE["subgroup_effects"],
        "groups": arms,
        "is_test": True,
    }
    used, infinite = [], False
    for here in levels:
        try:
            fitted(data.of(here), treated[here].astype(float)[:, None])
        except Unanswered as gap:
            if gap.silent:
                continue
            infinite = True
        used.append(here)
    rows = np.any(used, axis=0) if used else np.zeros(treated.size, dtype=bool)
    shared |= {"n": int(rows.sum()), "events": int(data.event[rows].sum())}
    if len(used) < 2 or infinite:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    part, arm = data.of(rows), treated[rows].astype(float)
    main = np.column_stack([here[rows].astype(float) for here in used])
    try:
        # One treatment column per level says the same as treatment and its products with the levels.
        common, common_size = _log_likelihood(part, np.column_stack([arm, main]))
        separate, separate_size = _log_likelihood(part, np.column_stack([arm[:, None] * main, main]))
    except Unanswered:
        return Estimate(**shared, status="not_estimable", reason=NOT_ESTIMABLE)
    statistic, df = max(0.0, 2 * (separate - common)), separate_size - common_size
    from scipy.stats import chi2

    return Estimate(**shared, test_statistic=statistic, df=df, p_value=float(chi2.sf(statistic, df)))


def _log_likelihood(data: Data, x: Floats) -> tuple[float, int]:
    """The maximum over the columns that strata and earlier columns leave, and how many they are."""
    part, columns = at_risk(data, x)
    kept = own_columns(part, scaled(columns)[0])
    return fitted(data, x[:, kept]).log_likelihood, len(kept)


def _text(level: Any) -> str:
    return str(int(level)) if isinstance(level, float) and level == int(level) else str(level)
