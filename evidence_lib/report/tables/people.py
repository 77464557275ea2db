"""Tables about the people studied: the estimand, attrition, baseline, and how long they were followed."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table

if TYPE_CHECKING:
    import pandas as pd

STATISTIC_KEYS = {
    "mean_sd": "table.baseline.mean_sd",
    "median_range": "table.baseline.median_range",
    "count_percent": "table.baseline.count_percent",
}


def estimand(content: Mapping[str, Any], *, view: View) -> Table:
    """The question of the report in the five attributes of ICH E9(R1).

    Parameters
    ----------
    content : mapping
        treatment, population, variable, summary (texts or language maps) and intercurrent_events (a list of texts, or
        of mappings with event, strategy and text).
    view : View
        The words; an attribute that the study file does not give is said to be missing.
    """
    rows = [
        (view.words("table.estimand.treatment"), _stated(view, content.get("treatment"))),
        (view.words("table.estimand.population"), _stated(view, content.get("population"))),
        (view.words("table.estimand.variable"), _stated(view, content.get("variable"))),
    ]
    events = content.get("intercurrent_events") or []
    if not events:
        rows.append((view.words("table.estimand.intercurrent"), view.words("table.not_stated")))
    for event in events:
        rows.append((view.words("table.estimand.intercurrent"), _intercurrent(view, event)))
    rows.append((view.words("table.estimand.summary"), _stated(view, content.get("summary"))))
    return Table(
        title=view.words("table.estimand.title"),
        columns=(view.words("table.estimand.attribute"), view.words("table.estimand.definition")),
        rows=rows,
        footnotes=[view.words("table.estimand.source")],
    )


def _stated(view: View, value: Any) -> str:
    return cells.text(view, value) or view.words("table.not_stated")


def _intercurrent(view: View, event: Any) -> str:
    if not isinstance(event, Mapping) or "event" not in event:
        return cells.text(view, event)
    text = view.words(
        "table.estimand.strategy",
        event=cells.text(view, event["event"]),
        strategy=_stated(view, event.get("strategy")),
    )
    parts = [text, cells.text(view, event.get("text"))]
    if event.get("assumption"):
        parts.append(view.words("table.estimand.assumption", assumption=cells.text(view, event["assumption"])))
    if event.get("identification"):
        parts.append(view.words("table.estimand.identification", text=cells.text(view, event["identification"])))
    return " ".join(part for part in parts if part)


def intercurrent_events(counts: pd.DataFrame, *, view: View) -> Table:
    """How many subjects had each intercurrent event, and for how many it decided the outcome.

    Parameters
    ----------
    counts : DataFrame
        ``estimand.events``: number, event, strategy, occurred, decided; missing where the data do not date the event;
        of outcomes at visits also ``until``, the visit before which events are counted.
    view : View
        The context, the results and the words.
    """
    rows = [
        (str(row["event"]), str(row["strategy"] or ""), _count(view, row["occurred"]), _count(view, row["decided"]))
        for row in counts.to_dict("records")
    ]
    until = str(counts["until"].iloc[0]) if "until" in counts and len(counts) else None
    occurred, notes = view.words("table.intercurrent.occurred"), [view.words("table.intercurrent.how_to_read")]
    if until is not None:
        occurred = view.words("table.intercurrent.occurred_before", visit=until)
        notes.append(view.words("table.intercurrent.same_day", visit=until))
    return Table(
        title=view.words("table.intercurrent.title"),
        columns=(
            view.words("table.intercurrent.event"),
            view.words("table.intercurrent.strategy"),
            occurred,
            view.words("table.intercurrent.decided"),
        ),
        rows=rows,
        footnotes=notes,
    )


def attrition(steps: pd.DataFrame, *, view: View) -> Table:
    """How many subjects remain after each step of selection.

    Parameters
    ----------
    steps : DataFrame
        step (a text or a catalogue key), n, and one column of counts per arm.
    view : View
        The context, the results and the words.
    """
    arms = cells.present_arms(view, steps.columns)
    rows = [
        (
            cells.text(view, record["step"]),
            view.words.number(record["n"]),
            *(_count(view, record[arm]) for arm in arms),
        )
        for record in steps.to_dict("records")
    ]
    return Table(
        title=view.words("table.attrition.title"),
        columns=(
            view.words("table.attrition.step"),
            view.words("table.attrition.all"),
            *(view.label(arm) for arm in arms),
        ),
        rows=rows,
        footnotes=[view.words("table.attrition.population", population=view.context.population)],
    )


def baseline(summary: pd.DataFrame, differences: pd.DataFrame, *, view: View) -> Table:
    """Baseline characteristics per arm, with the standardised difference of each treatment from the reference.

    Parameters
    ----------
    summary : DataFrame
        One row per variable, level and arm: for a number (level null) mean, sd, median, low and high; for a level
        count and share; and for both n and missing.
    differences : DataFrame
        variable, level, treatment, value: treated minus reference in pooled standard deviations.
    view : View
        The context, the results and the words.

    Notes
    -----
    Misreading: a standardised difference describes the imbalance and does not grow with the number of subjects; it is
    no test, and none is given because a baseline test answers no question of the report.
    """
    arms, treatments = cells.present_arms(view, summary["arm"].unique()), view.context.treatments
    rows: list[tuple[str, ...]] = []
    groups: list[str] = []
    for variable in dict.fromkeys(summary["variable"]):
        of_variable = summary[summary["variable"] == variable]
        levels = list(dict.fromkeys(None if _none(level) else level for level in of_variable["level"]))
        for level in levels:
            of_arm: dict[str, Any] = {
                record["arm"]: record for record in _matching(summary, variable, level).to_dict("records")
            }
            smd = tuple(_difference(view, differences, variable, level, treatment) for treatment in treatments)
            kinds = ("mean_sd", "median_range") if level is None else ("count_percent",)
            for kind in kinds:
                heading = view.words(STATISTIC_KEYS[kind]) if level is None else view.label(str(level))
                values = tuple(_summary_cell(view, of_arm.get(arm), kind) for arm in arms)
                # One difference per variable or level: beside the first of a number's two statistics.
                rows.append((heading, *values, *(smd if kind == kinds[0] else ("",) * len(smd))))
        missing = {record["arm"]: record["missing"] for record in of_variable.to_dict("records")}
        if any(not _none(count) and count > 0 for count in missing.values()):
            counts = tuple(view.words.number(missing.get(arm, 0)) for arm in arms)
            rows.append((view.words("table.baseline.missing"), *counts, *("" for _ in treatments)))
        name = view.label(variable)
        counted = levels != [None]
        heading = view.words("table.baseline.counted", variable=name) if counted else name
        groups += [heading] * (len(rows) - len(groups))
    return Table(
        title=view.words("table.baseline.title"),
        columns=(
            view.words("table.baseline.characteristic"),
            *(view.label(arm) for arm in arms),
            *(_difference_heading(view, treatment) for treatment in treatments),
        ),
        rows=rows,
        groups=groups,
        footnotes=[view.words("table.baseline.how_to_read")],
    )


def _difference_heading(view: View, treatment: str) -> str:
    if len(view.context.treatments) == 1:
        return view.words("table.baseline.difference")
    return view.words("table.baseline.difference_of", arm=view.label(treatment))


def _matching(frame: pd.DataFrame, variable: str, level: Any) -> pd.DataFrame:
    same = frame["level"].isna() if level is None else frame["level"] == level
    return frame[(frame["variable"] == variable) & same]


def _none(value: Any) -> bool:
    return value is None or value != value


def _summary_cell(view: View, record: Mapping[str, Any] | None, kind: str) -> str:
    if record is None:
        return view.words("table.none")
    values = {name: None if _none(value) else value for name, value in record.items()}
    if kind == "count_percent":
        if values["share"] is None:
            return view.words("form.not_estimable")
        return view.words("table.baseline.count_cell", count=values["count"], share=values["share"])
    if values["mean"] is None:
        return view.words("form.not_estimable")
    if kind == "mean_sd":
        return view.words("table.baseline.mean_cell", mean=values["mean"], sd=values["sd"])
    shown = [values[name] for name in ("median", "low", "high")]
    digits = 0 if all(value is not None and float(value).is_integer() for value in shown) else 1
    median, low, high = (view.words.number(value, digits) for value in shown)
    return view.words("table.baseline.median_cell", median=median, low=low, high=high)


def _difference(view: View, differences: pd.DataFrame, variable: str, level: Any, treatment: str) -> str:
    found = _matching(differences, variable, level)
    found = found[found["treatment"] == treatment]
    if found.empty:
        return view.words("table.none")
    value = found["value"].iloc[0]
    return view.words.number(None if _none(value) else value, 2)


def follow_up(*, view: View) -> Table:
    """Median follow-up per arm and for everybody, by the reverse Kaplan-Meier method.

    Parameters
    ----------
    view : View
        ``follow_up.median``, ``count.subjects`` and ``count.events`` are read from its results.
    """
    rows, used = [], []
    for arm in (*view.context.arms, "all"):
        row = view.results.find("follow_up.median", arm=arm)
        if row is None:
            continue
        used.append(row)
        rows.append(
            (
                view.words("table.everybody") if arm == "all" else view.label(arm),
                cells.value_text(view, view.results.find("count.subjects", arm=arm)),
                cells.value_text(view, view.results.find("count.events", arm=arm)),
                cells.value_text(view, row),
                cells.interval_text(view, row),
            )
        )
    return Table(
        title=view.words("table.follow_up.title"),
        columns=(
            view.words("table.arm"),
            view.words("table.subjects"),
            view.words("table.events"),
            view.words("table.follow_up.median", unit=view.words(cells.UNIT_NAMES[view.context.unit])),
            view.words("table.interval_of", level=cells.level(view)),
        ),
        rows=rows,
        footnotes=cells.footnotes(view, used),
    )


def _count(view: View, value: Any) -> str:
    """A count; a hole in an attrition table is a dash, never a zero."""
    return view.words("table.none") if _none(value) else view.words.number(value)
