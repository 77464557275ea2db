"""The tumour responses of a report: read from ADRS and ADTR, best of each subject, under the report's estimand."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from evidence_lib.errors import StudyError
from evidence_lib.language import message
from evidence_lib.session import estimands
from evidence_lib.session.tumours import LAST_DATES, Tumours, dates_of, first_column, read_tumours
from evidence_lib.statistics.levels import in_order

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.endpoints.response import ResponseRules
    from evidence_lib.session.report import Report

RULES = "response.rules"
ORR, DCR, DOR, TTR, BOR = "ORR", "DCR", "DOR", "TTR", "BOR"


@dataclass(frozen=True)
class Responses:
    """The responses of a report.

    ``frame`` has one row per subject: subject, arm, ``responder`` (0 or 1, under the estimand), ``controlled``,
    ``best``, ``percent_change``, ``time_to_response`` (days; of responders), and the columns of ADSL. ``categories``
    has one row per subject and best response (``category``, ``event``), ``levels`` one per subject and subgroup
    (``subgroup``, ``level``), ``other_response`` and ``other_control`` one per subject and other rule (``rule``,
    ``event``), ``durations`` one per responder (``time`` in days, ``event``), ``changes`` one per sum of diameters.
    """

    frame: pd.DataFrame
    categories: pd.DataFrame
    levels: pd.DataFrame
    other_response: pd.DataFrame
    other_control: pd.DataFrame
    durations: pd.DataFrame
    changes: pd.DataFrame

    @property
    def responders(self) -> pd.DataFrame:
        """The rows of ``frame`` of those who responded."""
        return self.frame[self.frame["responder"] == 1]


def responses(rep: Report) -> Responses:
    """The responses of the report's subjects under its estimand.

    Keeps the counts of intercurrent events, the frames of the figures of single patients (``response.waterfall``,
    ``.spider``, ``.spider_band``, ``.swimmer``: anonymous) and what was decided for the reader. Raises DataError where
    neither ADRS nor ADTR tells responses, StudyError where the estimand asks for values that must be imputed.
    """
    from evidence_lib.endpoints import response as endpoints

    people = rep.people.frame.reset_index(drop=True)
    tumours = read_tumours(rep, people)
    rules = _rules(rep, tumours)
    frame = _under_estimand(rep, _summary(tumours, people, rules), without=_unrestricted(rep, tumours, people, rules))
    found = Responses(
        frame=frame.assign(**_course(rep, tumours, frame)),
        categories=_categories(frame),
        levels=_levels(frame, rep.subgroups),
        other_response=_other_response(rep, tumours, people, rules),
        other_control=_other_control(rep, tumours, people, rules),
        durations=_durations(rep, tumours, frame, rules),
        changes=_changes(tumours, rules),
    )
    drawn = {
        "waterfall": endpoints.waterfall_bars(found.frame),
        "spider": endpoints.spider_lines(found.frame, found.changes),
        "spider_band": endpoints.spider_band(found.changes),
        "swimmer": endpoints.swimmer_rows(found.frame),
    }
    for name, made in drawn.items():
        rep.keep(f"response.{name}", made)
    rep.keep(RULES, _told_rules(rules))
    return found


def _told_rules(rules: ResponseRules) -> pd.DataFrame:
    """The rules that the words of the report depend on, in one row."""
    import pandas as pd

    names = ("confirmed", "minimum_stable_days")
    return pd.DataFrame([[getattr(rules, name) for name in names]], columns=list(names))


def _rules(rep: Report, tumours: Tumours) -> ResponseRules:
    """The rules of the parameters; a therapy that the estimand takes as of no account does not end anything."""
    from evidence_lib.endpoints.response import Confirmation, ResponseRules

    given = rep.parameters
    dated = {event.date: event.strategy for event in rep.asked.intercurrent_events} if rep.asked else {}
    ignored = tumours.new_therapy is not None and dated.get(tumours.new_therapy) == "treatment policy"
    return ResponseRules(
        confirmed=bool(given["confirmed"]),
        confirmation=Confirmation(days=int(given["confirmation_days"])),
        minimum_stable_days=int(given["minimum_stable_days"]),
        progression="source" if given["progression_date"] is not None else "visits",
        new_therapy="ignore" if ignored else "stop",
    )


def _changes(tumours: Tumours, rules: ResponseRules) -> pd.DataFrame:
    """The changes up to another therapy, where that ends what counts."""
    changes, limits = tumours.changes, tumours.limits
    if rules.new_therapy == "ignore" or "new_therapy" not in limits or not len(changes):
        return changes
    by = limits.set_index("subject")
    last = (by["new_therapy"] - by["start"]).dt.days + 1
    after = changes["day"].to_numpy() > last.reindex(changes["subject"]).to_numpy(dtype=float)
    return changes[~after].reset_index(drop=True)


def _summary(tumours: Tumours, people: pd.DataFrame, rules: ResponseRules) -> pd.DataFrame:
    """One row per subject with the columns of ADSL, and days since the start."""
    from evidence_lib.endpoints.response import response_summary

    made = response_summary(tumours.visits, tumours.limits, rules=rules, target=tumours.target)
    start = tumours.limits["start"]
    days = {
        f"{name}_day": (made[f"{name}_on"] - start).dt.days + 1 if made[f"{name}_on"].notna().any() else float("nan")
        for name in ("responded", "controlled")
    }
    own = made.drop(columns=["subject", "responded_on", "controlled_on"]).assign(**days)
    return people.drop(columns=[name for name in own if name in people]).join(own)


def _unrestricted(rep: Report, tumours: Tumours, people: pd.DataFrame, rules: ResponseRules) -> pd.Series:
    """Who would respond without the strategies of the estimand: a therapy that they are about ends nothing."""
    from dataclasses import replace

    dates = {event.date for event in rep.asked.intercurrent_events} if rep.asked else set()
    about = tumours.new_therapy is not None and tumours.new_therapy in dates
    return _summary(tumours, people, replace(rules, new_therapy="ignore") if about else rules)["responder"]


def _under_estimand(rep: Report, frame: pd.DataFrame, *, without: pd.Series | None = None) -> pd.DataFrame:
    """The frame with ``responder`` as the estimand asks for it.

    With ``without``, the response without its strategies, what was done and to how many is kept for the reader.
    """
    from evidence_lib.endpoints import estimand as endpoints

    asked = rep.asked
    if asked is not None and asked.day_columns:
        chosen = rep.parameters["start_date"]
        everybody = rep.data.typed("ADSL").reset_index(drop=True)
        starts = estimands.start_dates(rep, everybody[chosen] if chosen is not None else None)
        days = estimands.days_of_events(rep, starts.reindex(frame["subject"]), first_day=1)
        dated = frame.assign(**{column: day.to_numpy() for column, day in days.items()})
        dated = dated.assign(anyway=dated["responder"] if without is None else without.to_numpy())
        until = [event.column for event in asked.with_strategy("while on treatment") if event.column in days]
        if until:
            ends = dated[until].astype(float).min(axis="columns")
            before = ~(dated["responded_day"] > ends)
            dated = dated.assign(on_treatment=(dated["responder"] == 1).where(before, False).astype(int))
        made = endpoints.binary(
            dated,
            asked,
            response="responder",
            day="responded_day",
            on_treatment="on_treatment" if until else None,
            without="anyway",
        )
        if made.frame["to_impute"].any():
            raise StudyError(
                "a hypothetical strategy asks for responses that nobody saw",
                where="estimand, intercurrent_events",
                mend="state a composite, treatment-policy or while-on-treatment strategy",
            )
        if without is not None:
            rep.told(made.messages)
            rep.results.add_table(estimands.EVENTS, made.counts)
        frame = frame.assign(responder=made.frame["responder"].astype(int).to_numpy())
    responded = frame["responder"] == 1
    time = frame["responded_day"].where(responded)
    return frame.assign(time_to_response=time.astype(float))


def _categories(frame: pd.DataFrame) -> pd.DataFrame:
    """One row per subject and best response that anybody has; event is 1 where it is the subject's."""
    import pandas as pd

    found = frame["best"].unique()
    parts = [frame[["arm"]].assign(category=name, event=(frame["best"] == name).astype(int)) for name in sorted(found)]
    return pd.concat(parts, ignore_index=True)


def _levels(frame: pd.DataFrame, subgroups: list[str]) -> pd.DataFrame:
    """One row per subject and subgroup; a level that is missing is left out."""
    import pandas as pd

    parts = [
        frame[["arm", "responder"]].assign(
            subgroup=name, level=frame[name].astype(object).mask(frame[name].isna()).map(_level)
        )
        for name in subgroups
    ]
    if not parts:
        return pd.DataFrame(columns=["arm", "responder", "subgroup", "level"])
    every = pd.concat(parts, ignore_index=True).dropna(subset=["level"])
    place = {level: rank for rank, level in enumerate(in_order(every["level"].unique()))}
    return every.sort_values(
        ["subgroup", "level"],
        key=lambda column: column.map(subgroups.index if column.name == "subgroup" else place),
        kind="stable",
    )


def _level(value: object) -> str | None:
    """A level as text; whole numbers without a fraction, None where it is missing."""
    if value is None or value != value:
        return None
    return str(int(value)) if isinstance(value, float) and value.is_integer() else str(value)


def _other_response(rep: Report, tumours: Tumours, people: pd.DataFrame, rules: ResponseRules) -> pd.DataFrame:
    """Response by the other rule of confirmation."""
    other = rules.without_confirmation() if rules.confirmed else rules.with_confirmation()
    made = _under_estimand(rep, _summary(tumours, people, other))
    return made.assign(event=made["responder"], rule="unconfirmed" if rules.confirmed else "confirmed")


def _other_control(rep: Report, tumours: Tumours, people: pd.DataFrame, rules: ResponseRules) -> pd.DataFrame:
    """Disease control under every other minimum of stable disease."""
    from dataclasses import replace

    import pandas as pd

    parts = []
    for days in rep.parameters["other_stable_days"] or []:
        made = _summary(tumours, people, replace(rules, minimum_stable_days=int(days)))
        parts.append(made.assign(event=made["controlled"], rule=f"stable, {int(days)} days"))
    return pd.concat(parts, ignore_index=True) if parts else people.head(0).assign(event=0, rule="")


def _durations(rep: Report, tumours: Tumours, frame: pd.DataFrame, rules: ResponseRules) -> pd.DataFrame:
    """Time from the first response to progression or death, of those who respond under the estimand."""
    from evidence_lib.endpoints import response as endpoints

    censoring, schedule = _censoring(rep)
    made = endpoints.duration_of_response(
        tumours.visits,
        tumours.limits,
        rules=censoring,
        schedule=schedule,
        confirmation=rules.asked,
        progression=rules.progression,
    )
    known = made[["subject"]].assign(time=made["aval"].astype(float), event=(made["cnsr"] == 0).astype(int))
    known["subject"] = known["subject"].astype("int64")
    return frame.loc[frame["responder"] == 1].merge(known, on="subject")


def _censoring(rep: Report) -> tuple[Any, Any]:
    """The rules of censoring and the schedule of assessments; without an interval no assessment counts as missed."""
    from evidence_lib.endpoints.time_to_event import CensoringRules
    from evidence_lib.session import censoring

    name, interval = rep.parameters["censoring_rules"], rep.parameters["assessment_interval"]
    if name == "EMA":
        return name, None
    if interval is not None:
        return CensoringRules(new_therapy="censor", missed="censor"), censoring.schedule(rep)
    rep.told([message("response.note.no_schedule")])
    return CensoringRules(new_therapy="censor"), None


def _course(rep: Report, tumours: Tumours, frame: pd.DataFrame) -> dict[str, Any]:
    """Of each subject: days to the end of follow-up and of treatment, first response and progression; who died."""
    limits = tumours.limits
    start = limits["start"]

    def day(dates: pd.Series | None) -> pd.Series:
        if dates is None or not hasattr(dates, "dt"):
            return start.isna().map(lambda _: float("nan")).astype(float)
        return ((dates - start).dt.days + 1).astype(float)

    visits = tumours.visits
    progressed = visits[visits["response"].astype(str).str.strip().str.upper() == "PD"]
    first = progressed.groupby("subject")["date"].min().reindex(limits["subject"])
    seen = visits.groupby("subject")["date"].max().reindex(limits["subject"])
    first.index = seen.index = limits.index
    ends = limits[[name for name in LAST_DATES if name in limits]].assign(seen=seen).max(axis="columns")
    ends = limits["death"].fillna(ends) if "death" in limits else ends
    ends = ends.where(ends <= limits["cutoff"], limits["cutoff"]) if "cutoff" in limits else ends
    treated = dates_of(frame, first_column(frame, ("TRTEDT",)))
    status = first_column(frame, ("EOTSTT", "EOSSTT"))
    going_on = frame[status].astype(str).str.strip().str.upper() == "ONGOING" if status else start.notna() & False
    return {
        "end": day(ends),
        "treated_until": day(treated),
        "response": frame["time_to_response"],
        "progression": day(first),
        "died": (limits["death"].notna() if "death" in limits else start.notna() & False),
        "ongoing": going_on.to_numpy(),
    }


def times_at_risk(rep: Report, found: Responses) -> list[int]:
    """The times (days) of the numbers at risk under the curves of the duration of response."""
    from evidence_lib.endpoints.safety import at_risk_times

    return at_risk_times(found.durations, rep.context.unit)
