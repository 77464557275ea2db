"""The endpoint of a report under other rules of censoring: further parameters of ADTTE, or made of source dates."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from evidence_lib.errors import ParameterError
from evidence_lib.session import event_times

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.endpoints.time_to_event import VisitSchedule
    from evidence_lib.session.report import Report

RULES = "survival.rules"


def under_rules(rep: Report) -> pd.DataFrame:
    """The endpoint under other rules of censoring, one set below the other: ``rule``, and the columns of the analysis.

    The rules are further parameters of ADTTE (``sensitivity_endpoints``), and those that are applied to the dates of
    ADSL and the responses of ADRS (``rule_sets``). Without any the frame is empty. Keeps their names and how
    follow-up ended under each as a table, the report's own rule first.
    """
    import pandas as pd

    frames, ended = [], []
    for rule, name, frame, outcomes in [*_of_parameters(rep), *_of_dates(rep)]:
        frames.append(frame.assign(rule=rule))
        ended.append(outcomes.assign(rule=rule, name=name))
    if not frames:
        return pd.DataFrame()
    own = rep.results.table(event_times.OUTCOMES).assign(rule=rep.context.endpoint, name=None)
    rep.keep(RULES, pd.concat([own, *ended], ignore_index=True))
    return pd.concat(frames, ignore_index=True)


def _of_parameters(rep: Report) -> Iterator[tuple[str, str, pd.DataFrame, pd.DataFrame]]:
    """Rule, its name, the frame and how follow-up ended, of each further parameter of ADTTE."""
    from evidence_lib.data.adam import analysis_frame

    given = rep.parameters
    declared = given["reference"] is not None
    for code in event_times.listed(given["sensitivity_endpoints"]):
        made = analysis_frame(
            rep.data,
            endpoint=code,
            treatments=rep.arms[:-1] if declared else None,
            reference=rep.arms[-1] if declared else None,
            arm_variable=given["arm_variable"] or "auto",
            subset=given["subset"],
            population_flag=rep.people.population_flag,
            strata=rep.strata,
        )
        described = event_times.descriptions(rep, code)
        frame = event_times.with_causes(rep, made.frame, described)
        yield code, made.endpoint_label, frame, event_times.outcomes_of(rep, frame, described)


def _of_dates(rep: Report) -> Iterator[tuple[str, str, pd.DataFrame, pd.DataFrame]]:
    """The same of each set of rules for progression-free survival, applied to the subjects of the main analysis."""
    import numpy as np

    from evidence_lib.endpoints.time_to_event import censoring_sensitivity
    from evidence_lib.endpoints.time_to_event.sensitivity import VARIANTS
    from evidence_lib.session.tumours import read_tumours

    rules = event_times.listed(rep.parameters["rule_sets"])
    if not rules or rep.analysis is None:
        return
    if rep.competing:
        raise ParameterError(
            "rules of progression-free survival, while other events compete", where="rule_sets", mend="leave them out"
        )
    tumours = read_tumours(rep, rep.people.frame.reset_index(drop=True))
    main = rep.analysis.frame.set_index("subject")[["arm", *rep.strata]]
    limits = tumours.limits[tumours.limits["subject"].isin(main.index)].reset_index(drop=True)
    visits = tumours.visits[tumours.visits["subject"].isin(main.index)].reset_index(drop=True)
    made = censoring_sensitivity(
        limits, visits, schedule=schedule(rep), variants={rule: VARIANTS[rule] for rule in rules}
    )
    for rule, one in made.groupby("rules", sort=False):
        event = (one["cnsr"] == 0).to_numpy()
        frame = main.loc[one["subject"]].reset_index().assign(time=one["aval"].to_numpy(), event=event.astype("int64"))
        code = one["event"].where(one["event"].notna(), one["reason"]).to_numpy()
        kind = np.where(event, "event", "censored")
        words = [
            f"tte.{'event' if happened else 'censored'}.{what}" for happened, what in zip(event, code, strict=True)
        ]
        ended = frame[["arm"]].assign(kind=kind, reason=words)
        yield str(rule), f"tte.rules.{rule}", frame, event_times.counted(rep, ended)


def schedule(rep: Report) -> VisitSchedule:
    """When assessments were due. Raises ParameterError where the report does not say it."""
    from evidence_lib.endpoints.time_to_event import VisitSchedule

    given = rep.parameters
    interval, changes = given["assessment_interval"], [int(day) for day in given["assessment_changes"] or ()]
    if interval is None or len(changes) % 2:
        raise ParameterError(
            "rules of censoring need to know when assessments were due",
            where="assessment_interval and assessment_changes",
            expected="the days between assessments, and pairs: from which day, days between from then on",
            found=str(changes) if interval is not None else "no interval",
        )
    later = tuple(zip(changes[::2], changes[1::2], strict=True))
    return VisitSchedule(interval=int(interval), allowance=int(given["assessment_allowance"]), later=later)
