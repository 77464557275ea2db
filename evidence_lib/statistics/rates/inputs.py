"""Counts, times at risk and the unit of a rate."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.conventions import DAYS_PER_YEAR
from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Floats, crossed, numbers, refuse, with_labels

Per = Literal["patient-day", "patient-year", "100 patient-years", "1000 patient-years"]
DAYS: dict[str, float] = {
    "patient-day": 1.0,
    "patient-year": DAYS_PER_YEAR,
    "100 patient-years": 100 * DAYS_PER_YEAR,
    "1000 patient-years": 1000 * DAYS_PER_YEAR,
}


@dataclass(frozen=True)
class Strata:
    """Events and days at risk of the treated and of the reference arm in each stratum where both were at risk."""

    x1: Floats
    t1: Floats
    x0: Floats
    t0: Floats
    n: int
    events: int
    empty: Message | None


def counted(events: ArrayLike, exposure: ArrayLike) -> tuple[Floats, Floats]:
    """Events and days at risk of each row. Raises InvalidInput; rows are named by number, from 1."""
    x, t = numbers(events, "events"), numbers(exposure, "exposure")
    if x.size != t.size:
        raise InvalidInput("events and exposure differ in length", found=f"{x.size} and {t.size}")
    whole = np.isfinite(x) & (np.nan_to_num(x) >= 0) & (np.floor(np.nan_to_num(x)) == x)
    refuse(~whole, "events", "whole numbers, zero or more", "another value")
    refuse(~np.isfinite(t) | (t < 0), "exposure", "zero or more days", "a negative, missing or infinite time")
    with np.errstate(over="ignore"):
        total = float(t.sum())
    if not np.isfinite(total):
        raise InvalidInput("exposure cannot be summed", where="exposure", expected="a finite number of days in all")
    refuse((x > 0) & (t == 0), "exposure", "days at risk where there are events", "no time at risk")
    return x, t


def two_arms(
    events: ArrayLike,
    exposure: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None,
) -> Strata:
    """The sums of two arms by stratum. Raises InvalidInput; rows are named by number, from 1."""
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    x, t = counted(events, exposure)
    treated, control = with_labels(group, "group", x.size, (treatment, reference))
    stratum, _ = crossed(strata, x.size)
    size = int(stratum.max(initial=0)) + 1
    x1, t1, x0, t0 = (
        np.bincount(stratum[who], weights=values[who], minlength=size).astype(np.float64)
        for who, values in ((treated, x), (treated, t), (control, x), (control, t))
    )
    used = (t1 > 0) & (t0 > 0)
    empty = None
    if not used.any():
        arm = treatment if not t1.any() else reference if not t0.any() else None
        empty = (
            message("rates_statistics.reason.no_common_stratum")
            if arm is None
            else message("rates_statistics.reason.no_exposure_in", arm=str(arm))
        )
    n, total = int(treated.sum() + control.sum()), int(x1.sum() + x0.sum())
    return Strata(x1[used], t1[used], x0[used], t0[used], n, total, empty)
