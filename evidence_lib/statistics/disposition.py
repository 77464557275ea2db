"""Disposition: how many subjects entered, were treated, went on to the end, and why others stopped."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.proportions import fisher_exact

__all__ = ["consort_flow", "disposition_counts", "disposition_tests"]

YES, STILL = ("Y", "COMPLETED"), ("ONGOING",)
COMPLETED, ONGOING, DISCONTINUED, NOT_TREATED = "completed", "ongoing", "discontinued", "not_treated"
FLOW_COLUMNS = ["step", "arm", "reason", "n"]
EVERYBODY = "all"


def disposition_counts(completed: ArrayLike, reason: ArrayLike, *, treated: ArrayLike | None = None) -> Estimates:
    """Subjects who completed, who go on, who stopped, and who stopped for each reason; who was never treated is apart.

    Misreading: a reason is what was written down by whom ended the treatment or the study; several may apply to one
    subject and one is recorded. Subjects without a reason are counted as such, never as having completed.

    Parameters
    ----------
    completed : array of n
        ``Y`` or ``COMPLETED`` for a subject who completed, ``ONGOING`` for one who goes on; anything else, or nothing,
        for one who stopped.
    reason : array of n
        Why a subject stopped; not looked at for the others.
    treated : array of n, or None
        ``Y`` for a subject who was treated; None where all were. Who was not treated did not stop.

    Returns
    -------
    Estimates
        ``disposition.subjects`` with ``n`` (all subjects) and ``estimate`` (how many) for ``category`` completed,
        ongoing and not_treated (where somebody is) and discontinued, and, with ``level``, for each reason, the most
        frequent first.

    Raises
    ------
    InvalidInput
        Where the two differ in length.
    """
    status, why = _status(completed, reason, treated)
    stopped = status == DISCONTINUED
    reasons = why[stopped].value_counts(sort=False)
    order = sorted(reasons.index, key=lambda name: (-int(reasons[name]), str(name)))
    n = len(status)
    some = [(state, int((status == state).sum())) for state in (ONGOING, NOT_TREATED)]
    return Estimates(
        (
            _count(n, int((status == COMPLETED).sum()), category=COMPLETED),
            *(_count(n, number, category=state) for state, number in some if number),
            _count(n, int(stopped.sum()), category=DISCONTINUED),
            *(_count(n, int(reasons[name]), category=DISCONTINUED, level=str(name)) for name in order),
        )
    )


def disposition_tests(
    completed: ArrayLike, reason: ArrayLike, group: ArrayLike, *, treated: ArrayLike | None = None
) -> Estimates:
    """Fisher's exact test, over all arms, of completing and of each reason for stopping.

    Each test compares the subjects with this disposition to all others of their arm (Freeman & Halton 1951).

    Misreading: after randomisation the arms differ for a reason, so a small p-value here describes what happened under
    treatment; it says nothing about why, and many reasons mean many tests.

    Parameters
    ----------
    completed, reason : arrays of n
        As in ``disposition_counts``.
    group : array of n
        Labels of arms.
    treated : array of n, or None
        As in ``disposition_counts``.

    Returns
    -------
    Estimates
        ``fisher_exact`` with ``category`` and, for a reason, ``level``.

    Raises
    ------
    InvalidInput
        Where the arrays differ in length.
    """
    status, why = _status(completed, reason, treated)
    if len(pd.Series(group)) != len(status):
        raise InvalidInput("group differs in length", expected=str(len(status)), found=str(len(pd.Series(group))))
    stopped = status == DISCONTINUED
    found = [fisher_exact((status == COMPLETED).astype(int), group).within(category=COMPLETED)]
    for name in sorted(why[stopped].unique()):
        of_reason = (stopped & (why == name)).astype(int)
        found.append(fisher_exact(of_reason, group).within(category=DISCONTINUED, level=str(name)))
    return Estimates(tuple(found))


def consort_flow(
    frame: pd.DataFrame,
    *,
    arm: str = "arm",
    randomised: str | None = None,
    treated: str | None = None,
    completed: str | None = None,
    reason: str | None = None,
    analysed: str | None = None,
    not_randomised_reason: str | None = None,
    not_treated_reason: str | None = None,
) -> pd.DataFrame:
    """The flow of participants through a trial in the steps of CONSORT 2025.

    Assessed for eligibility, not randomised (by reason), randomised, and in each arm: allocated, treated, not treated,
    completed, ongoing, discontinued (by reason), analysed. A step whose column is not there is left out.
    Hopewell S, et al. CONSORT 2025 statement. BMJ 2025;389:e081123.

    Misreading: who was assessed and not entered is counted only where the data hold these people; a flow that starts
    at randomisation says nothing about how typical the participants are.

    Parameters
    ----------
    frame : DataFrame with a row per person
        Everybody of ADSL.
    arm : str
        The column with the arm; missing for those who were not randomised.
    randomised, treated : str or None
        Columns with flags (Y).
    completed, reason : str or None
        Columns as in ``disposition_counts``.
    analysed : str or None
        The column with the flag (Y) of who is analysed.
    not_randomised_reason, not_treated_reason : str or None
        The columns that say why somebody was not randomised, or was randomised and not treated.

    Returns
    -------
    DataFrame
        Columns step, arm (``all`` before randomisation), reason (None, or a reason) and n.

    Raises
    ------
    InvalidInput
        For a column that the frame does not have.
    """
    named = (arm, randomised, treated, completed, reason, analysed, not_randomised_reason, not_treated_reason)
    missing = [name for name in named if name is not None and name not in frame]
    if missing:
        raise InvalidInput("no such column", where="consort_flow", found=", ".join(missing))
    entered = _is_yes(frame[randomised]) if randomised else frame[arm].notna()
    rows: list[tuple[str, str, str | None, int]] = []
    if not entered.all():
        rows += [("assessed", EVERYBODY, None, len(frame)), ("not_randomised", EVERYBODY, None, int((~entered).sum()))]
        if not_randomised_reason:
            rows += _by_reason("not_randomised", EVERYBODY, frame.loc[~entered, not_randomised_reason])
    rows.append(("randomised", EVERYBODY, None, int(entered.sum())))
    for name, part in frame[entered].groupby(arm, sort=False):
        rows += _of_arm(str(name), part, treated, completed, reason, analysed, not_treated_reason)
    return pd.DataFrame(rows, columns=FLOW_COLUMNS)


def _of_arm(
    name: str,
    part: pd.DataFrame,
    treated: str | None,
    completed: str | None,
    reason: str | None,
    analysed: str | None,
    not_treated_reason: str | None,
) -> Iterator[tuple[str, str, str | None, int]]:
    yield "allocated", name, None, len(part)
    if treated:
        took = _is_yes(part[treated])
        yield "treated", name, None, int(took.sum())
        yield NOT_TREATED, name, None, int((~took).sum())
        if not_treated_reason:
            yield from _by_reason(NOT_TREATED, name, part.loc[~took, not_treated_reason])
    if completed:
        status = part[completed].map(_state)
        if treated:
            status = status.where(took, NOT_TREATED)
        for state in (COMPLETED, ONGOING, DISCONTINUED):
            n = int((status == state).sum())
            if n or state != ONGOING:
                yield state, name, None, n
        if reason:
            yield from _by_reason(DISCONTINUED, name, part.loc[status == DISCONTINUED, reason])
    if analysed:
        yield "analysed", name, None, int(_is_yes(part[analysed]).sum())


def _by_reason(step: str, arm: str, reasons: pd.Series) -> list[tuple[str, str, str | None, int]]:
    counts = _text(reasons).value_counts(sort=False)
    order = sorted(counts.index, key=lambda name: (-int(counts[name]), str(name)))
    return [(step, arm, str(name), int(counts[name])) for name in order]


def _status(completed: ArrayLike, reason: ArrayLike, treated: ArrayLike | None) -> tuple[pd.Series, pd.Series]:
    status, why = pd.Series(completed, dtype=object).map(_state), _text(pd.Series(reason, dtype=object))
    if len(status) != len(why):
        raise InvalidInput("completed and reason differ in length", expected=str(len(status)), found=str(len(why)))
    if treated is not None:
        took = _is_yes(pd.Series(treated, dtype=object))
        if len(took) != len(status):
            raise InvalidInput("treated differs in length", expected=str(len(status)), found=str(len(took)))
        status = status.mask(~took.to_numpy(), NOT_TREATED)
    return status.reset_index(drop=True), why.reset_index(drop=True)


def _state(value: object) -> str:
    text = value.strip().upper() if isinstance(value, str) else ""
    return COMPLETED if text in YES else ONGOING if text in STILL else DISCONTINUED


def _is_yes(flags: pd.Series) -> pd.Series:
    return flags.map(lambda value: isinstance(value, str) and value.strip().upper() in YES).astype(bool)


def _text(reasons: pd.Series) -> pd.Series:
    """The reasons as text; those that are not given have an empty one."""
    return reasons.map(lambda value: "" if value is None or value != value else str(value).strip())


def _count(n: int, count: int, **groups: Any) -> Estimate:
    return Estimate(
        analysis="disposition.subjects",
        unit="subjects",
        method=message("baseline.method.counted"),
        groups=groups,
        n=n,
        estimate=count,
    )
