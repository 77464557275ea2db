"""The estimand of a report at work: what its intercurrent events do to the data, and which analyses answer it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Literal

from evidence_lib.errors import DataError, ParameterError
from evidence_lib.language import Localized, Message

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.endpoints.continuous import Outcomes
    from evidence_lib.endpoints.estimand import Estimand
    from evidence_lib.report.context import Context
    from evidence_lib.session.recording import Role
    from evidence_lib.session.report import Report

EVENTS = "estimand.events"
STARTS = ("RANDDT", "TRTSDT")


def estimand_of(context: Context) -> Estimand | None:
    """The estimand as the study file states it, read; None in a report that only describes."""
    from evidence_lib.endpoints.estimand import read_estimand

    return read_estimand(dict(context.estimand)) if context.estimand else None


def fits(asked: Estimand | None, analysis: str, role: Role) -> Message | None:
    """None for an analysis that answers the estimand, or where none is asked; a sentence for a supplementary one else.

    Raises StudyError (exit 2) for a main or sensitivity analysis that does not answer it.
    """
    from evidence_lib.endpoints.estimand import refuse_mismatch

    return None if asked is None else refuse_mismatch(asked, analysis, role=role)


def days_of_events(rep: Report, start: pd.Series, *, first_day: int) -> dict[str, pd.Series]:
    """The day of every dated intercurrent event, by its column ``ice_<number>``, for subjects by their number.

    ``start`` is the date that each subject's time counts from, with the subject as index; the day of the start itself
    is ``first_day``. An event before the start did not come after it and is left out.
    """
    from evidence_lib.data.attrition import no_column

    asked = rep.asked
    if asked is None:
        return {}
    everybody = rep.data.typed("ADSL").reset_index(drop=True)
    found = {}
    for column, date in asked.day_columns.items():
        if date not in everybody:
            raise no_column(date, everybody.columns, where="ADSL, date of intercurrent_events")
        dates = everybody[date].reindex(start.index)
        if dates.notna().any() and not hasattr(dates, "dt"):
            raise DataError("not a column of dates", where=f"ADSL, {date}", mend="give full dates, such as 2024-03-05")
        day = (dates - start).dt.days + first_day if hasattr(dates, "dt") else dates.astype(float)
        found[column] = day.where(day >= first_day)
    return found


def start_dates(rep: Report, starts: pd.Series | None) -> pd.Series:
    """The start of each subject by number: the given one, else the day of randomisation, else of treatment.

    Raises DataError where the data tell none of them.
    """
    everybody = rep.data.typed("ADSL").reset_index(drop=True)
    if starts is not None:
        return starts
    for name in STARTS:
        if name in everybody and hasattr(everybody[name], "dt"):
            return everybody[name]
    raise DataError(
        "intercurrent events need a start to count from",
        where="ADSL",
        expected=" or ".join(STARTS),
        mend="leave out date where the analysis data have the strategy already",
    )


def time_to_event(rep: Report, frame: pd.DataFrame) -> tuple[pd.DataFrame, Mapping[int, Localized]]:
    """The time-to-event data under the estimand, and its dated competing events by their number in ``cause``.

    Where the study file dates an intercurrent event, or one competes, the frame gains ``cause``, and the counts of
    intercurrent events are kept as a table and what was done as notes.
    """
    from evidence_lib.endpoints import estimand as estimands

    asked = rep.asked
    if asked is None or not (asked.day_columns or rep.competing):
        return frame, {}
    days = {}
    if asked.day_columns:
        start = start_dates(rep, _starts(rep)).reindex(frame["subject"])
        days = days_of_events(rep, start, first_day=1)
    made = estimands.time_to_event(frame.assign(**{c: d.to_numpy() for c, d in days.items()}), asked)
    rep.told(made.messages)
    if asked.day_columns:
        rep.results.add_table(EVENTS, made.counts)
    return made.frame, made.causes


def outcomes(rep: Report) -> Outcomes:
    """The outcomes at visits of the report's parameter, under the estimand where its intercurrent events are dated.

    Keeps the counts of intercurrent events as a table and what was done as notes. Raises ParameterError where the
    report names no data set or parameter.
    """
    from evidence_lib.endpoints import continuous
    from evidence_lib.endpoints import estimand as estimands

    given, asked = rep.parameters, rep.asked
    for name in ("dataset", "parameter"):
        if given[name] is None:
            raise ParameterError("a parameter that has no default is not given", where=name, mend="give it")
    dated = asked is not None and bool(asked.day_columns)
    start = start_dates(rep, None) if dated else _known_start(rep)
    records = rep.records(given["dataset"], parameter=given["parameter"])
    rep.name_endpoint(records)
    made = continuous.outcomes(
        records,
        rep.people.frame,
        outcome=given["outcome"],
        baseline=given["baseline_value"],
        visits=[given["visits"]] if isinstance(given["visits"], str) else given["visits"],
        main=given["visit"],
        record_flag=given["record_flag"],
        imputed_records=bool(given["imputed_records"]),
        strata=rep.strata,
        covariates=rep.covariates,
        kept=[given[name] for name in ("dose", "reason") if given[name] is not None],
        start=start,
    )
    if given["reason"] is not None:
        made = continuous.with_reasons(made, rep.people.frame, reason=given["reason"], start=start)
    rep.told(made.notes)
    if asked is None or not dated or start is None:
        return made
    frame, subject = made.frame, made.frame["subject"]
    days = days_of_events(rep, start, first_day=0)
    after = estimands.visits(
        frame.assign(**{column: day.reindex(subject).to_numpy() for column, day in days.items()}),
        asked,
        value="outcome",
        worst=_worst(rep),
        visit_order=list(made.visits),
        until=made.main,
    )
    rep.told(after.messages)
    rep.results.add_table(EVENTS, after.counts)
    return made.under(after.frame, after.imputation, event="event")


def _known_start(rep: Report) -> pd.Series | None:
    """The start of each subject by number where the data tell one."""
    try:
        return start_dates(rep, None)
    except DataError:
        return None


def _worst(rep: Report) -> Literal["lowest", "highest"] | None:
    """The worst value of a composite strategy: that at the bad end of the scale."""
    asked = rep.asked
    dated = [event for event in asked.with_strategy("composite") if event.date] if asked else []
    if not any(event.way("continuous") == "worst-value" for event in dated):
        return None
    if rep.parameters["higher_is"] is None:
        raise ParameterError(
            "the worst value of a composite strategy cannot be told",
            where="higher_is",
            mend="say whether higher is better or worse",
        )
    return "lowest" if rep.parameters["higher_is"] == "better" else "highest"


def _starts(rep: Report) -> pd.Series | None:
    """STARTDT of the endpoint's records by subject, where the data have it."""
    if not rep.context.endpoint or not rep.has("ADTTE"):
        return None
    records = rep.records("ADTTE", parameter=rep.context.endpoint)
    if "STARTDT" not in records or not hasattr(records["STARTDT"], "dt") or records["STARTDT"].isna().any():
        return None
    return records.drop_duplicates("subject").set_index("subject")["STARTDT"]
