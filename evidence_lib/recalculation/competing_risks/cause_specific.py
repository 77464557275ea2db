"""Recalculation of the cause-specific hazard ratios."""

from __future__ import annotations

from collections.abc import Hashable
from dataclasses import replace

import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import Convention, R, Ties
from evidence_lib.recalculation.competing_risks.causes import Label, told
from evidence_lib.recalculation.competing_risks.sources import SOURCE
from evidence_lib.recalculation.cox import hazard_ratio
from evidence_lib.results import Estimates


def cause_specific(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    strata: ArrayLike | pd.DataFrame | None = None,
    covariates: pd.DataFrame | None = None,
    censored: Label = 0,
    ties: Ties | None = None,
    conf_level: float = 0.95,
    convention: Convention = R,
) -> Estimates:
    """Twin of ``statistics.competing_risks.cause_specific``: estimate, standard error, limits and p-value."""
    times, ends, causes = told(time, cause, censored)
    found = []
    for label in causes:
        one = hazard_ratio(
            times,
            [int(end == label) for end in ends],
            group,
            treatment=treatment,
            reference=reference,
            strata=strata,
            covariates=covariates,
            ties=ties,
            conf_level=conf_level,
            convention=convention,
        )
        name = "cause_specific" + one.analysis.removeprefix("cox")
        found.append(
            replace(one, analysis=name, groups={**one.groups, "cause": label}, method=SOURCE["cause_specific"])
        )
    return Estimates(tuple(found))
