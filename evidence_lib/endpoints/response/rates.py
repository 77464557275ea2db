"""Who responded, and whose disease was controlled: one yes or no per subject."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import pandas as pd

from evidence_lib.endpoints.response.assessments import Assessments, NewTherapy, Progression, read_assessments
from evidence_lib.endpoints.response.best import confirmation_of
from evidence_lib.endpoints.response.confirmation import Confirmation
from evidence_lib.endpoints.response.records import RESPONSES, whole_number
from evidence_lib.endpoints.time_to_event.source import NEVER, Days, Flags
from evidence_lib.errors import InvalidInput
from evidence_lib.study.checking import described

CONTROLLED = ("CR", "PR", "SD", "NON-CR/NON-PD")


def objective_response(
    visits: pd.DataFrame,
    subjects: pd.DataFrame,
    *,
    confirmation: Confirmation | None = None,
    progression: Progression = "visits",
    new_therapy: NewTherapy = "stop",
) -> pd.DataFrame:
    """Whether each subject responded: a CR or PR among the records that count; with ``confirmation``, a confirmed one.

    The mean of ``responder`` is the objective response rate. Everybody in ``subjects`` is in the denominator: who has
    no assessment is no responder. With ``progression="source"`` and ``"none"`` these are the rules of admiralonco's
    ``derive_param_response`` and ``derive_param_confirmed_resp``.

    Misreading: leaving out those without an assessment after baseline makes the rate look higher.

    Parameters
    ----------
    visits, subjects, progression, new_therapy
        See ``best_overall_response``; ``start`` is not needed.
    confirmation : Confirmation, optional
        The rules of confirmation; without it every CR and PR counts.

    Returns
    -------
    pd.DataFrame
        One row per subject, in the order given: ``subject``, ``responder``, ``date`` of the first CR or PR that counts
        (with confirmation: of the first of the two assessments).

    Raises
    ------
    InvalidInput, DataError
        See ``best_overall_response``.
    """
    records = read_assessments(visits, subjects, progression=progression, new_therapy=new_therapy)
    return _frame(records, "responder", records.first(responses(records, confirmation)))


def disease_control(
    visits: pd.DataFrame,
    subjects: pd.DataFrame,
    *,
    minimum_stable_days: int = 28,
    controlled: Sequence[str] = CONTROLLED,
    confirmation: Confirmation | None = None,
    progression: Progression = "visits",
    new_therapy: NewTherapy = "stop",
) -> pd.DataFrame:
    """Whether the disease of each subject was controlled: a response, or no progression for long enough.

    Controlled is who has an objective response (confirmed, with ``confirmation``), or an assessment in ``controlled``
    at least ``minimum_stable_days`` after ``start``; ``date`` is the earlier of the two. With ``progression="source"``
    and ``"none"`` these are the rules of admiralonco's ``derive_param_clinbenefit``, whose response is
    ``objective_response``.

    Misreading: in slowly growing tumours many are controlled without treatment.

    Parameters
    ----------
    visits, subjects, minimum_stable_days, progression, new_therapy
        See ``best_overall_response``.
    controlled : sequence of str
        The responses that are control of the disease.
    confirmation : Confirmation, optional
        See ``objective_response``.

    Returns
    -------
    pd.DataFrame
        One row per subject, in the order given: ``subject``, ``controlled``, ``date``.

    Raises
    ------
    InvalidInput, DataError
        See ``best_overall_response``.
    """
    wanted = (controlled,) if isinstance(controlled, str) else tuple(controlled)
    if not wanted or not set(wanted) <= set(RESPONSES) - {"PD", "NE", "ND"}:
        raise InvalidInput("controlled cannot be used", expected=", ".join(CONTROLLED), found=described(controlled))
    records = read_assessments(visits, subjects, progression=progression, new_therapy=new_therapy)
    late = records.since_start() >= whole_number(minimum_stable_days, "minimum_stable_days")
    stable = late & np.isin(records.response, wanted)
    return _frame(records, "controlled", records.first(stable | responses(records, confirmation)))


def responses(records: Assessments, confirmation: Confirmation | None) -> Flags:
    """Which records are a CR or PR, confirmed where there are rules for it."""
    if confirmation is not None:
        return confirmation_of(confirmation).confirmed(records)
    return np.isin(records.response, ("CR", "PR"))


def _frame(records: Assessments, name: str, day: Days) -> pd.DataFrame:
    limits = records.limits
    return pd.DataFrame({"subject": limits.label, name: day < NEVER, "date": limits.counting.column(day)})
