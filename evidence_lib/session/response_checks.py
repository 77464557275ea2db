"""The responses and durations of a report beside those that the data bring with them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from evidence_lib.errors import DataError
from evidence_lib.language import Message, message

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.session.report import Report

GIVEN_BEST = {True: ("CBOR", "CBRSP"), False: ("BOR", "BOVRLRSP")}
GIVEN_DURATION = "DOR"


def best_responses_differ(rep: Report, frame: pd.DataFrame) -> tuple[float | None, Message]:
    """How many subjects have another best overall response in ADRS, where it has one by the same rule of confirmation.

    Without one there is no number; the message says what was compared.
    """
    from evidence_lib.endpoints.response import responses_differ

    for code in GIVEN_BEST[bool(rep.parameters["confirmed"])] if rep.has("ADRS") else ():
        records = _records_or_none(rep, code)
        if records is None or "AVALC" not in records:
            continue
        given = records.drop_duplicates("subject").set_index("subject")["AVALC"]
        differ = responses_differ(frame.set_index("subject")["best"], given)
        return float(differ), message("response.check.given", count=differ, parameter=code)
    return None, message("response.check.none_given")


def durations_differ(rep: Report, durations: pd.DataFrame) -> tuple[float | None, Message]:
    """How many subjects have another duration of response in ADTTE: another day, another end, or one in one of them.

    Without durations in ADTTE there is no number.
    """
    given = _given_durations(rep)
    if given is None:
        return None, message("response.check.no_durations")
    people = given["subject"].isin(rep.people.frame["subject"])
    ours, theirs = (one.set_index("subject")[["time", "event"]].astype(float) for one in (durations, given[people]))
    everybody = ours.index.union(theirs.index)
    # Whoever stands in one of them alone has nothing in the other, which equals nothing.
    same = (ours.reindex(everybody) == theirs.reindex(everybody)).all(axis="columns")
    differ = int((~same).sum())
    return float(differ), message("response.check.durations", count=differ, parameter=GIVEN_DURATION)


def _given_durations(rep: Report) -> pd.DataFrame | None:
    """Subject, time in days and event of the durations in ADTTE."""
    from evidence_lib.data.adam import analysis_frame

    if not rep.has("ADTTE") or GIVEN_DURATION not in set(rep.data.typed("ADTTE").get("PARAMCD", ())):
        return None
    declared = rep.parameters["reference"] is not None
    return analysis_frame(
        rep.data,
        endpoint=GIVEN_DURATION,
        treatments=rep.arms[:-1] if declared else None,
        reference=rep.arms[-1] if declared else None,
        arm_variable=rep.parameters["arm_variable"] or "auto",
        subset=rep.parameters["subset"],
        population_flag=rep.people.population_flag,
    ).frame


def _records_or_none(rep: Report, code: str) -> pd.DataFrame | None:
    try:
        return rep.records("ADRS", parameter=code)
    except DataError:
        return None
