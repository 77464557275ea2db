"""Tables of how follow-up ended, and of the probability of an event while others compete."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.report.tables.comparisons import cause_name
from evidence_lib.results import Row

if TYPE_CHECKING:
    import pandas as pd


def outcomes(ended: pd.DataFrame, *, view: View) -> Table:
    """How follow-up ended in each arm: the event, a competing event, or censoring, with the reasons in the data.

    Parameters
    ----------
    ended : DataFrame
        ``survival.outcomes``: arm, kind (event, competing, censored), reason (missing where the data give none), n, and
        the share of the arm's subjects.
    view : View
        The context and the words.

    Notes
    -----
    Misreading: counts say who was censored and why, not whether that had to do with the outcome.
    """
    say, arms = view.words, view.context.arms
    rows, groups = [], []
    for kind, reason in dict.fromkeys(zip(ended["kind"], ended["reason"].astype(object), strict=True)):
        named = isinstance(reason, str)
        same = ended[(ended["kind"] == kind) & ((ended["reason"] == reason) if named else ended["reason"].isna())]
        of_arm = {record["arm"]: record for record in same.to_dict("records")}
        rows.append((_reason(view, kind, reason), *(_count(view, of_arm.get(arm)) for arm in arms)))
        groups.append(say(f"survival.outcome.{kind}"))
    return Table(
        title=say("survival.table.outcomes.title", endpoint=view.context.endpoint_label),
        columns=(say("survival.table.outcomes.reason"), *(view.label(arm) for arm in arms)),
        rows=rows,
        groups=groups,
        footnotes=[say("survival.table.outcomes.how_to_read")],
    )


def _reason(view: View, kind: str, reason: Any) -> str:
    if isinstance(reason, str):
        return view.label(reason)
    return view.words("survival.outcome.no_reason" if kind == "censored" else "survival.outcome.not_described")


def _count(view: View, record: Any) -> str:
    if record is None:
        return view.words.number(0)
    return view.words("survival.table.count", n=record["n"], share=record["share"])


def cumulative_incidence(*, view: View) -> Table:
    """Subjects, events of every kind, and the probability of each kind by the chosen times, per arm with intervals.

    Parameters
    ----------
    view : View
        ``count.subjects`` and ``aalen_johansen.cumulative_incidence`` are read from its results.

    Notes
    -----
    Misreading: one minus a Kaplan-Meier curve would lie above these numbers, since it takes those who had another
    event for people who could still have this one.
    """
    say, arms, find = view.words, view.context.arms, view.results.find
    name = "aalen_johansen.cumulative_incidence"
    every = view.results.select(name)
    causes = range(1, len(view.context.causes) + 1)
    times = sorted({float(row.groups["time"]) for row in every})
    lines: list[tuple[str, str, list[Row | None]]] = [
        ("", say("table.subjects"), [find("count.subjects", arm=arm) for arm in arms])
    ]
    for cause in causes:
        heading = cause_name(view, cause)
        events = [find(name, "events", arm=arm, cause=cause) for arm in arms]
        lines.append((heading, say("survival.table.incidence.events"), events))
        for time in times:
            found = [find(name, arm=arm, cause=cause, time=int(time)) for arm in arms]
            lines.append((heading, say("survival.table.incidence.by", time=cells.duration(view, time)), found))
    estimates = [row for _, _, found in lines[1:] for row in found if row is not None and row.statistic == "estimate"]
    everybody = say("table.everybody")
    return Table(
        title=say("survival.table.incidence.title", endpoint=view.context.endpoint_label),
        columns=("", *(view.label(arm) for arm in arms), say("table.second")),
        rows=[
            (
                name,
                *(_cell(view, row) for row in found),
                cells.agreement_text(view, [row for row in found if row is not None and row.statistic == "estimate"]),
            )
            for _, name, found in lines
        ],
        groups=[group or everybody for group, _, _ in lines],
        footnotes=[say("table.intervals_are", level=cells.level(view)), *cells.footnotes(view, estimates)],
    )


def _cell(view: View, row: Row | None) -> str:
    """A count as it is, an estimate with its interval."""
    counted = row is not None and row.statistic == "events"
    return cells.value_text(view, row) if counted else cells.estimate_text(view, row)
