"""``with_reasons``: the reasons stated by the day of a visit, for those who have no value there."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd

from evidence_lib.endpoints.continuous.outcomes import Outcomes
from evidence_lib.language import message

STATED = "stated_reason"
# The dates of ADaM that tell when a reason arose: of stopping treatment (DCTREAS), else of leaving the study.
OF_TREATMENT, OF_STUDY, OF_DEATH = ("DISCDT", "TRTEDT"), ("EOSDT",), "DTHDT"
DEATHS = ("DEATH", "DIED", "DEAD")


def with_reasons(measured: Outcomes, people: pd.DataFrame, *, reason: str, start: pd.Series | None) -> Outcomes:
    """The outcomes with ``stated_reason``: the reason of stopping where it is dated up to the day of the visit.

    The day of a visit is the median of those on which it took place. A reason of stopping treatment (DCT...) is dated
    by DISCDT, else TRTEDT; another one by EOSDT, and death also by DTHDT. A reason that arose later, or has no date, is
    none: it cannot be why the value of this visit is missing.

    Misreading: a reason by then need not be why the value is missing either.

    Parameters
    ----------
    measured : Outcomes
        With ``day``, counted from ``start``.
    people : DataFrame
        One row per subject: ``subject``, the reason, and dates.
    reason : str
        Column of ``people``.
    start : Series, optional
        The date that days count from, by subject.

    Returns
    -------
    Outcomes
        Without ``stated_reason``, and with a note that says so, where the data date no reason.
    """
    days = None if start is None else _reason_days(people, reason, start)
    visit_days = measured.frame.groupby("visit", observed=False)["day"].median()
    if days is None or visit_days.isna().any():
        return replace(measured, notes=(*measured.notes, message("continuous.note.reasons_undated", column=reason)))
    frame, index = measured.frame, people["subject"]
    stated = frame["subject"].map(pd.Series(people[reason].to_numpy(dtype=object), index=index))
    day = frame["subject"].map(pd.Series(days, index=index)).to_numpy(dtype=float)
    by_then = day <= frame["visit"].astype(object).map(visit_days.to_dict()).to_numpy(dtype=float)
    return replace(
        measured, frame=frame.assign(**{STATED: stated.where(pd.Series(by_then, index=frame.index), other=np.nan)})
    )


def _reason_days(people: pd.DataFrame, reason: str, start: pd.Series) -> np.ndarray | None:
    """Days from the start to the reason of each subject; None where no column dates it."""
    dated = pd.Series(pd.NaT, index=people.index, dtype="datetime64[ns]")
    known = False
    for name in OF_TREATMENT if reason.upper().startswith("DCT") else OF_STUDY:
        if _is_date(people, name):
            dated, known = dated.fillna(people[name]), True
    if _is_date(people, OF_DEATH):
        death = people[reason].map(lambda text: any(word in str(text).upper() for word in DEATHS))
        dated, known = dated.fillna(people[OF_DEATH].where(death)), True
    if not known:
        return None
    found = dated - pd.to_datetime(people["subject"].map(start))
    return found.dt.days.to_numpy(dtype=float, na_value=np.nan)


def _is_date(people: pd.DataFrame, name: str) -> bool:
    return name in people and hasattr(people[name], "dt")
