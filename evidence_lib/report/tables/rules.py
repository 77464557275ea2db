"""The same endpoint under other rules of censoring, one below the other."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evidence_lib.report import cells
from evidence_lib.report.context import View
from evidence_lib.report.display import Table
from evidence_lib.report.roles import main_only
from evidence_lib.results import Row

if TYPE_CHECKING:
    import pandas as pd

EFFECTS = ("cox.hazard_ratio", "fine_gray.subdistribution_hazard_ratio")


def censoring_rules(rules: pd.DataFrame, *, view: View) -> Table:
    """For the report's own rule and each other one: events and censored with reasons, the effect, and the medians.

    Parameters
    ----------
    rules : DataFrame
        ``survival.rules``: rule, name, arm, kind, reason, n, share; the report's own rule first.
    view : View
        The hazard ratio and the median of each rule are read from its results.

    Notes
    -----
    Misreading: that the rules agree does not show that censoring was uninformative; all of them take the reasons for
    missing assessments as unrelated to the outcome.
    """
    say, arms = view.words, view.context.arms
    rows: list[tuple[str, ...]] = []
    groups: list[str] = []
    used: list[Row | None] = []
    for rule in dict.fromkeys(rules["rule"]):
        of = rules[rules["rule"] == rule]
        lines = _counts(view, of)
        medians = [_of_rule(view, "km.median", rule, arm=arm) for arm in arms]
        if any(medians):
            unit = say(cells.UNIT_NAMES[view.context.unit])
            lines.append((say("table.median", unit=unit), *(cells.estimate_text(view, row) for row in medians)))
        effects = [effect_of_rule(view, rule, arm) for arm in arms]
        if any(effects):
            shown = [cells.estimate_text(view, row) if row else say("table.none") for row in effects]
            lines.append((say("survival.table.rules.effect", level=cells.level(view)), *shown))
        used += [*medians, *effects]
        rows += lines
        groups += [rule_name(view, rules, rule)] * len(lines)
    return Table(
        title=say("survival.table.rules.title", endpoint=view.context.endpoint_label),
        columns=("", *(view.label(arm) for arm in arms)),
        rows=rows,
        groups=groups,
        footnotes=[say("survival.table.rules.how_to_read"), *cells.footnotes(view, used)],
    )


def rule_name(view: View, rules: pd.DataFrame, rule: str) -> str:
    """What the study file, else the data, call a rule; that of the report itself is said to be the main one."""
    if rule == view.context.endpoint:
        return view.words("survival.rules.main", name=view.context.endpoint_label)
    if rule in view.context.labels:
        return view.label(rule)
    return cells.text(view, rules.loc[rules["rule"] == rule, "name"].iloc[0]) or rule


def short_name(view: View, rule: str) -> str:
    """The name of a rule where there is little room."""
    if rule == view.context.endpoint:
        return view.words("survival.rules.main_short")
    key = f"survival.rules.short.{rule}"
    return view.words(key) if view.words.has(key) else view.label(rule)


def effect_of_rule(view: View, rule: str, treatment: str) -> Row | None:
    """The hazard ratio of a treatment under a rule, by the model of the main analysis; None for the reference."""
    model = "stratified" if view.context.strata else "unstratified"
    found = (_of_rule(view, f"{name}.{model}", rule, treatment=treatment) for name in EFFECTS)
    return next((row for row in found if row is not None), None)


def _of_rule(view: View, analysis: str, rule: str, **groups: str) -> Row | None:
    if rule == view.context.endpoint:
        return next(iter(main_only(view.results.select(analysis, **groups))), None)
    return view.results.find(analysis, rule=rule, **groups)


def _counts(view: View, of: pd.DataFrame) -> list[tuple[str, ...]]:
    """Lines of counts: events, competing events, and censored by reason."""
    say, lines = view.words, []
    for kind in dict.fromkeys(of["kind"]):
        same = of[of["kind"] == kind]
        name = say(f"survival.outcome.{kind}")
        if kind != "censored":
            lines.append((name, *_numbers(view, same)))
            continue
        for reason in dict.fromkeys(same["reason"].astype(object)):
            named = isinstance(reason, str)
            part = same[same["reason"] == reason] if named else same[same["reason"].isna()]
            lines.append((_censored(view, reason if named else None, name), *_numbers(view, part)))
    return lines


def _censored(view: View, reason: str | None, kind: str) -> str:
    """Why follow-up was ended: a reason of the catalogue says itself that it is one."""
    if reason is not None and view.words.has(reason):
        return cells.text(view, reason)
    text = view.words("survival.outcome.no_reason") if reason is None else view.label(reason)
    return view.words("survival.table.rules.reason", kind=kind, reason=text)


def _numbers(view: View, part: pd.DataFrame) -> list[str]:
    counts: Mapping[Any, Any] = part.groupby("arm")["n"].sum().to_dict()
    return [view.words.number(counts.get(arm, 0)) for arm in view.context.arms]
