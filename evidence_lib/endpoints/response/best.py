"""Best overall response of each subject, without and with confirmation of CR and PR."""

from __future__ import annotations

import numpy as np
import pandas as pd

from evidence_lib.endpoints.response.assessments import Assessments, NewTherapy, Progression, read_assessments
from evidence_lib.endpoints.response.confirmation import Confirmation
from evidence_lib.endpoints.response.records import (
    DayCount,
    Words,
    days_in,
    frame_with,
    labels,
    responses_in,
    whole_number,
)
from evidence_lib.endpoints.time_to_event.source import NEVER, Days
from evidence_lib.errors import InvalidInput
from evidence_lib.study.checking import described

# From best to worst. A record ranked behind the last one is never chosen.
ORDER = ("CR", "PR", "SD", "NON-CR/NON-PD", "NED", "PD", "NE", "ND")
_UNUSED = len(ORDER)
_NEED_TIME = ("SD", "NON-CR/NON-PD", "NED")
_AFTER_CR = ("PR", "SD", "NON-CR/NON-PD")


def best_overall_response(
    visits: pd.DataFrame,
    subjects: pd.DataFrame,
    *,
    minimum_stable_days: int = 28,
    progression: Progression = "visits",
    new_therapy: NewTherapy = "stop",
    missing_as_ne: bool = False,
) -> pd.DataFrame:
    """The best of the responses at the visits, without confirmation (RECIST 1.1, section 4.4.3).

    Of the records that count, the best in the order CR, PR, SD, NON-CR/NON-PD, NED, PD, NE, and of equal ones the
    first. SD, NON-CR/NON-PD and NED count from ``minimum_stable_days`` after ``start`` on; earlier ones are NE. Who has
    no record that counts is MISSING, or NE with ``missing_as_ne``; ND is no assessment. With ``progression="source"``
    and ``"none"`` these are the rules of admiralonco's ``derive_param_bor`` (with and without ``source_pd``), to which
    NED is added as the package's vignette does.

    Source: Eisenhauer et al., European Journal of Cancer 2009;45:228-247.

    Assumptions: one overall response per subject and day. A CR or PR counts on whatever day it stands.

    Misreading: without confirmation, the measurement error of single scans turns stable disease into responses; in a
    single-arm trial, use ``confirmed_best_overall_response``.

    Parameters
    ----------
    visits : pd.DataFrame
        ``subject``, ``date`` and ``response`` (CR, PR, SD, NON-CR/NON-PD, NED, PD, NE, ND), in any order of rows.
    subjects : pd.DataFrame
        One row for everybody in the population, with or without visits: ``subject``, ``start`` and, where they are
        known, ``progression``, ``new_therapy``, ``cutoff``.
    minimum_stable_days : int
        Days from ``start`` until stable disease may be called so (the protocol says; often 6 to 8 weeks).
    progression : {"visits", "source", "none"}
        Records do not count after the first PD of the visits, after the date in ``subjects.progression``, or count all.
    new_therapy : {"stop", "ignore"}
        Whether records after the day of ``subjects.new_therapy`` do not count.
    missing_as_ne : bool
        Whether who has no assessment is NE.

    Returns
    -------
    pd.DataFrame
        One row per subject, in the order given: ``subject``, ``date`` of the chosen record (missing without one),
        ``response``.

    Raises
    ------
    InvalidInput
        A column is missing or of the wrong type, or a choice cannot be used.
    DataError
        A subject or response is unknown, a date is missing, or two records that count are of one subject and day.
    """
    records = read_assessments(visits, subjects, progression=progression, new_therapy=new_therapy)
    early = records.since_start() < whole_number(minimum_stable_days, "minimum_stable_days")
    word = np.where(early & np.isin(records.response, _NEED_TIME), "NE", records.response)
    rank = np.where(word == "ND", _UNUSED, _ranks(word))
    return _chosen(records, rank, missing_as_ne=missing_as_ne)


def confirmed_best_overall_response(
    visits: pd.DataFrame,
    subjects: pd.DataFrame,
    *,
    confirmation: Confirmation | None = None,
    minimum_stable_days: int = 28,
    progression: Progression = "visits",
    new_therapy: NewTherapy = "stop",
    missing_as_ne: bool = False,
) -> pd.DataFrame:
    """The best of the responses at the visits, where CR and PR count only if confirmed (RECIST 1.1, table 3).

    CR and PR: see ``Confirmation``. Any CR, PR or SD from ``minimum_stable_days`` after ``start`` on may serve as SD;
    NON-CR/NON-PD and NED need the same time; all of these before it are NE. The best in the order CR, PR, SD,
    NON-CR/NON-PD, NED, PD, NE, ND is taken, and of equal ones the first. With ``progression="source"`` and ``"none"``
    these are the rules of admiralonco's ``derive_param_confirmed_bor``, with NED added.

    Disease after a CR is taken as it is recorded. Table 3 calls it progression (its footnote a): pass the visits
    through ``recurrence_as_progression`` first to have that.

    Misreading: who has ND alone is ND here and MISSING in ``best_overall_response``, as in the package whose rules
    these are; both mean that there was no assessment.

    Parameters
    ----------
    visits, subjects, minimum_stable_days, progression, new_therapy, missing_as_ne
        See ``best_overall_response``.
    confirmation : Confirmation, optional
        The rules of confirmation; without it, 28 days, one NE and no SD between.

    Returns
    -------
    pd.DataFrame
        One row per subject, in the order given: ``subject``, ``date`` of the chosen record (for CR and PR the first
        assessment of the confirmed pair), ``response``.

    Raises
    ------
    InvalidInput, DataError
        See ``best_overall_response``.
    """
    records = read_assessments(visits, subjects, progression=progression, new_therapy=new_therapy)
    early = records.since_start() < whole_number(minimum_stable_days, "minimum_stable_days")
    confirmed = confirmation_of(confirmation).confirmed(records)
    response = records.response
    word = np.where(np.isin(response, ("CR", "PR")) & ~confirmed, "SD", response)
    word = np.where(early & np.isin(word, _NEED_TIME), "NE", word)
    return _chosen(records, _ranks(word), missing_as_ne=missing_as_ne)


def recurrence_as_progression(visits: pd.DataFrame) -> pd.DataFrame:
    """The visits, with any PR, SD or NON-CR/NON-PD after a CR turned into PD (RECIST 1.1, footnote a of table 3).

    Disease seen after a true complete response must have come back, however little it is. Where the CR was a mistake,
    the footnote says to change the CR to PR in the data instead, which is for the reader of the scans to decide.

    Parameters
    ----------
    visits : pd.DataFrame
        ``subject``, ``date`` and ``response``; other columns are kept.

    Returns
    -------
    pd.DataFrame
        The same rows in the same order.

    Raises
    ------
    InvalidInput, DataError
        See ``best_overall_response``.
    """
    frame = frame_with(visits, ("subject", "date", "response"), "visits")
    keys = labels(frame, "visits")
    day, _ = days_in(frame, "visits", DayCount())
    response = responses_in(frame, "visits")
    complete: dict[object, int] = {}
    for key, at, word in zip(keys, day, response, strict=True):
        if word == "CR":
            complete[key] = min(complete.get(key, NEVER), int(at))
    after = np.array([at > complete.get(key, NEVER) for key, at in zip(keys, day, strict=True)], dtype=bool)
    return visits.assign(response=np.where(after & np.isin(response, _AFTER_CR), "PD", response))


def confirmation_of(given: Confirmation | None) -> Confirmation:
    """The rules given, or the usual ones. Raises InvalidInput for anything else."""
    if given is not None and not isinstance(given, Confirmation):
        raise InvalidInput("confirmation cannot be used", expected="a Confirmation", found=described(given))
    return given or Confirmation()


def _ranks(word: Words) -> Days:
    return np.array([ORDER.index(text) for text in word], dtype=np.int64)


def _chosen(records: Assessments, rank: Days, *, missing_as_ne: bool) -> pd.DataFrame:
    """The record of each subject with the lowest rank, the first of these."""
    if not isinstance(missing_as_ne, bool):
        raise InvalidInput("missing_as_ne cannot be used", expected="True or False", found=described(missing_as_ne))
    response = np.full(records.size, "NE" if missing_as_ne else "MISSING", dtype=object)
    day = np.full(records.size, NEVER, dtype=np.int64)
    # Sorted by day already, and the sort is stable: the best of a subject comes first, the earliest of equal ones.
    order = np.lexsort((rank, records.owner))
    order = order[rank[order] < _UNUSED]
    owner, firsts = np.unique(records.owner[order], return_index=True)
    chosen = order[firsts]
    response[owner], day[owner] = [ORDER[place] for place in rank[chosen]], records.day[chosen]
    limits = records.limits
    return pd.DataFrame({"subject": limits.label, "date": limits.counting.column(day), "response": response})
