"""The sentences of a report: every one from the catalogue, every number in it from the results.

Wording follows the design and the checks: causal words never appear, an interval that includes no effect says so,
a withheld estimate is said to be withheld, and a failed check comes first.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from evidence_lib.language import message_from_json
from evidence_lib.report.comparison import Comparison, comparisons, count, value_of
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import FirstScreen, PageStatus
from evidence_lib.report.key_messages import key_messages, key_messages_of_one_arm
from evidence_lib.report.phrases import (
    interval_text,
    own_phrases,
    phrases_of,
    proportional_hazards_doubtful,
    survival_of_one_arm,
    time_text,
)
from evidence_lib.report.plain import plain_language

BASELINE_DIFFERENCES_NAMED = 2
IMBALANCE = 0.1  # standard deviations; Austin, Statistics in Medicine 2009;28:3083


def first_screen(view: View) -> FirstScreen:
    """What the reader sees first, in the order that readers need it."""
    say = view.words
    status: PageStatus = "draft" if any(gate.result == "fail" for gate in view.results.gates.values()) else "checked"
    found = comparisons(view)
    return FirstScreen(
        status=status,
        status_text=say(f"status.{status}"),
        title=say.say(view.context.question),
        grey_line=_grey_line(view),
        answer=_bold(" ".join([_answer(view, comparison) for comparison in found] or [_answer_of_one_arm(view)])),
        caution_title=say("caution.title"),
        caution=cautions(view),
        key_messages=key_messages(view, found) if found else key_messages_of_one_arm(view),
        plain=plain_language(view),
        figure=("figures.kaplan_meier", ({"table": "km.curve"}, {"table": "km.at_risk"})),
        links=_links(view),
    )


def _links(view: View) -> list[tuple[str, str]]:
    say, gates = view.words, view.results.gates.values()
    counts = {name: sum(gate.result == name for gate in gates) for name in ("pass", "fail")}
    cautions = len(gates) - counts["pass"] - counts["fail"]
    return [
        (say("link.results"), "results"),
        (say("link.checks", passed=counts["pass"], failed=counts["fail"], cautions=cautions), "checks"),
        (say("link.changes"), "changes"),
        (say("link.limits"), "limitations"),
        (say("link.provenance"), "provenance"),
    ]


def cautions(view: View) -> list[str]:
    """What a reader must know before believing the numbers: failed checks first, then design, then hazards."""
    say, context = view.words, view.context
    lines = [
        say("caution.failed_check", check=say(f"check.{gate.id}.name"), reason=gate.reason or "").strip()
        for gate in view.results.gates.values()
        if gate.result == "fail"
    ]
    if context.design in ("partly-randomised", "observational"):
        differences = _baseline_differences(view)
        lines.append(say(f"caution.{context.design}"))
        lines += [say("caution.differences", differences=differences)] if differences else []
    if context.design == "single-arm":
        lines.append(say("caution.single-arm"))
    if any(comparison.measures_differ(context.primary_measure) for comparison in comparisons(view)):
        lines.append(say("caution.measures_differ"))
    if proportional_hazards_doubtful(view):
        lines.append(say("caution.hazards"))
    return lines


def passage(key: str, *, view: View) -> Passage:
    """A passage by its name: a key of ``PASSAGES``."""
    return PASSAGES[key](view)


def _answer(view: View, comparison: Comparison) -> str:
    say, context = view.words, view.context
    direction = comparison.direction(context.primary_measure)
    a, b = comparison.survival_treated.estimate, comparison.survival_reference.estimate
    words = phrases_of(view, comparison)
    if comparison.withheld is not None:
        return say("answer.withheld", reason=comparison.withheld, **words)
    if a is None or b is None:
        return say(f"answer.{direction}.without_milestone", **words)
    # Curves that cross: the main measure and the shares at the milestone point different ways, which must be said.
    if (direction == "fewer" and a <= b) or (direction == "more" and a >= b):
        return say(f"answer.{direction}.opposed", a=a, b=b, **words)
    return say(f"answer.{direction}", a=a, b=b, **words)


def _answer_of_one_arm(view: View) -> str:
    value, words = survival_of_one_arm(view), own_phrases(view)
    if value.withheld:
        return view.words("answer.one_arm.withheld", reason=value.reason, **words)
    key = "answer.one_arm" if value.given else "answer.one_arm.unknown"
    return view.words(key, a=value.estimate, **words)


def _grey_line(view: View) -> list[str]:
    say, context = view.words, view.context
    follow_up = value_of(view, "follow_up.median", arm="all")
    cutoff = context.cutoff.get("date")
    return [
        say.say(context.study_title),
        say(f"design.{context.design}"),
        say(
            "grey.counts",
            n=count(view, "count.subjects", "all"),
            people=own_phrases(view)["people"],
            events=count(view, "count.events", "all"),
        ),
        say("grey.follow_up", time=say.duration(context.in_unit(follow_up.estimate), context.unit, 0))
        if follow_up.estimate is not None
        else say("grey.follow_up_unknown"),
        say("grey.cutoff", date=dt.date.fromisoformat(cutoff))
        if cutoff
        else say("grey.no_cutoff", reason=context.cutoff.get("unknown", "")),
    ]


def _baseline_differences(view: View) -> str:
    """The baseline variables that differ most between the arms, with both values; none where all are alike."""
    say, context = view.words, view.context
    if "baseline.standardized_difference" not in view.results.tables:
        return ""
    differences = view.results.table("baseline.standardized_difference").dropna(subset=["value"])
    summary = view.results.table("baseline")
    values = differences["value"].astype(float)
    # Of two levels that differ alike, the one more frequent in the treated arm is named.
    ranked = differences.assign(size=values.abs().round(9), sign=values > 0).sort_values(
        ["size", "sign"], ascending=[False, False], kind="stable"
    )
    named: dict[str, str] = {}
    for row in ranked[ranked["size"] >= IMBALANCE].to_dict("records"):
        name, level = str(row["variable"]), row["level"]
        if name in named or len(named) == BASELINE_DIFFERENCES_NAMED:
            continue
        of = summary[summary["variable"] == name]
        of = of[of["level"].isna()] if level is None else of[of["level"] == level]
        treated, reference = (of[of["arm"] == arm].iloc[0] for arm in (row["treatment"], context.reference))
        statistic = "share" if level is not None else "median"
        if statistic == "median" and treated["median"] == reference["median"]:
            statistic = "mean"
        pair = {"a": treated[statistic], "b": reference[statistic]}
        named[name] = say(f"caution.{statistic}", variable=view.label(name), level=view.label(str(level or "")), **pair)
    return say.listed(list(named.values()))


def _effect(view: View) -> Passage:
    """The results in sentences for a technical reader: absolute, relative, time."""
    say, context = view.words, view.context
    paragraphs = []
    for comparison in comparisons(view):
        phrases = phrases_of(view, comparison)
        parts = [_plain_text(_answer(view, comparison))]
        for key, value, kind in (
            ("effect.difference", comparison.difference, "points"),
            ("effect.hazard_ratio", comparison.hazard_ratio, "ratio"),
            ("effect.adjusted", comparison.adjusted, "ratio"),
        ):
            if value.given:
                interval = interval_text(view, value, kind)
                parts.append(say(key, value=value.estimate, interval=interval, **phrases))
        if comparison.logrank_p is not None:
            parts.append(say(f"effect.logrank.{comparison.hazard_ratio_kind}", p=comparison.logrank_p))
        if comparison.direction(context.primary_measure) == "unclear":
            parts.append(say("effect.unclear"))
        paragraphs.append(" ".join(parts))
    if not paragraphs:
        value = survival_of_one_arm(view)
        parts = [_plain_text(_answer_of_one_arm(view))]
        if value.given:
            parts.append(say("effect.one_arm", value=value.estimate, interval=interval_text(view, value, "percent")))
        paragraphs.append(" ".join(parts))
    paragraphs.append(say(f"effect.reading.{context.design}"))
    return Passage(paragraphs=paragraphs)


def _hazards(view: View) -> Passage:
    say, alpha = view.words, Decimal(repr(view.context.ph_alpha))
    paragraphs = []
    for treatment in view.context.treatments:
        row = view.results.find("proportional_hazards.test", "p_value", treatment=treatment)
        if row is None or row.value is None:
            paragraphs.append(say("hazards.unknown", treatment=view.label(treatment)))
            continue
        key = "hazards.doubtful" if float(row.value) < view.context.ph_alpha else "hazards.compatible"
        paragraphs.append(say(key, p=row.value, alpha=say.number(alpha, max(2, -int(alpha.as_tuple().exponent)))))
    return Passage(paragraphs=paragraphs or [say("hazards.one_arm")])


def _limitations(view: View) -> Passage:
    say, context = view.words, view.context
    items = [say(f"limitations.{context.design}")]
    items += [say("limitations.tau", time=time_text(view, context.tau))] if context.tau is not None else []
    items += [say("limitations.censoring"), say("limitations.nominal")]
    items += [say("limitations.cutoff", reason=context.cutoff["unknown"])] if context.cutoff.get("unknown") else []
    items += [say.say(text) for text in context.limitations]
    return Passage(items=items)


def _bold(text: str) -> list[tuple[str, bool]]:
    """A text with **strong** parts as (text, strong) pairs."""
    parts = re.split(r"\*\*(.+?)\*\*", text)
    return [(part, position % 2 == 1) for position, part in enumerate(parts) if part]


def _plain_text(text: str) -> str:
    return "".join(part for part, _ in _bold(text))


def _notes(view: View) -> Passage:
    """What was decided while the data were read, and what the checks of the data warn of."""
    say = view.words
    items = [say.say(message_from_json(note)) for note in view.context.notes]
    gate = view.results.gates.get("data")
    items += [say.say(gate.reason)] if gate is not None and gate.reason else []
    return Passage(items=items) if items else Passage(paragraphs=[say("passage.no_notes")])


def _not_declared(view: View) -> Passage:
    return Passage(paragraphs=[view.words("passage.not_declared")])


PASSAGES = {
    "survival.effect": _effect,
    "survival.hazards": _hazards,
    "survival.limitations": _limitations,
    "data.notes": _notes,
    "not_declared": _not_declared,
}
