"""The story of a report on the time to an event: answer, key messages, plain words, and its passages."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from evidence_lib.report.comparison import Comparison, comparisons, count, value_of
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import KeyMessage, without_bold
from evidence_lib.report.formal import formal_sentences, kind_of, limit_of_p_values
from evidence_lib.report.key_messages import key_messages as messages_of_comparisons
from evidence_lib.report.key_messages import key_messages_of_one_arm
from evidence_lib.report.phrases import (
    effect_sentences,
    gap,
    interval_text,
    main_answer,
    own_phrases,
    per100,
    phrases_of,
    proportional_hazards_doubtful,
    rounding_shows,
    survival_of_one_arm,
    time_text,
)


def answer(view: View) -> str:
    """The answer in one sentence per comparison, with both absolute values."""
    return " ".join([_answer(view, comparison) for comparison in comparisons(view)] or [_answer_of_one_arm(view)])


def key_messages(view: View) -> list[KeyMessage]:
    """K1 absolute, K2 relative, K3 time, for each comparison in turn, each with its interval."""
    found = comparisons(view)
    return messages_of_comparisons(view, found) if found else key_messages_of_one_arm(view)


def figure(view: View) -> tuple[str, tuple[dict[str, Any], ...]] | None:
    """The curves, with the numbers at risk."""
    return "figures.kaplan_meier", ({"table": "km.curve"}, {"table": "km.at_risk"})


def grey_line(view: View) -> list[str]:
    """How many were studied, how many had the event, and how long they were followed."""
    say, context = view.words, view.context
    follow_up = value_of(view, "follow_up.median", arm="all")
    return [
        say(
            "grey.counts",
            n=count(view, "count.subjects", "all"),
            people=own_phrases(view)["people"],
            events=count(view, "count.events", "all"),
        ),
        say("grey.follow_up", time=say.duration(context.in_unit(follow_up.estimate), context.unit, 0))
        if follow_up.estimate is not None
        else say("grey.follow_up_unknown"),
    ]


def cautions(view: View) -> list[str]:
    """Measures that point different ways, and hazards that are not proportional."""
    say, lines = view.words, []
    if any(comparison.measures_differ(view.context.primary_measure) for comparison in comparisons(view)):
        lines.append(say("caution.measures_differ"))
    if proportional_hazards_doubtful(view):
        lines.append(say("caution.hazards"))
    return lines


def unclear(view: View) -> bool:
    """Whether the interval of a primary result includes no difference."""
    return "unclear" in {comparison.direction(view.context.primary_measure) for comparison in comparisons(view)}


def seen(view: View) -> list[str]:
    """What was seen, in plain sentences."""
    say = view.words
    if not view.context.treatments:
        return _seen_in_one_arm(view)
    sentences = []
    for comparison in comparisons(view):
        phrases = phrases_of(view, comparison)
        value, direction = comparison.difference, comparison.direction(view.context.primary_measure)
        if comparison.withheld is not None:
            return [say("plain.seen.withheld", reason=comparison.withheld)]
        if value.estimate is None or comparison.survival_treated.estimate is None:
            known = direction in ("fewer", "more")
            sentences.append(main_answer(view, direction, phrases) if known else say("plain.seen.unknown"))
            continue
        a, b = comparison.survival_treated.estimate, comparison.survival_reference.estimate
        sentences.append(say("plain.seen.treated", a=a, **phrases))
        sentences.append(say("plain.seen.reference", b=b, **phrases))
        key = (
            "plain.seen.none"
            if per100(value.estimate) == 0
            else f"plain.seen.{'more' if value.estimate > 0 else 'fewer'}"
        )
        about = say("plain.seen.rounded") if rounding_shows(comparison, 0) else ""
        sentences.append(say(key, size=abs(value.estimate), rounded=about))
        sentences += gap(view, value, direction=direction, words=phrases)
    return sentences


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


def _seen_in_one_arm(view: View) -> list[str]:
    say, value = view.words, survival_of_one_arm(view)
    if value.withheld:
        return [say("plain.seen.withheld", reason=value.reason)]
    if value.estimate is None:
        return [say("plain.seen.unknown")]
    sentences = [say("plain.seen.one_arm", a=value.estimate, **own_phrases(view))]
    if value.low is not None and value.high is not None:
        sentences.append(say("plain.seen.one_arm.range", low=value.low, high=value.high))
    return sentences


def _effect(view: View) -> Passage:
    """The results in sentences for a technical reader: absolute, relative, time."""
    say, context = view.words, view.context
    paragraphs = []
    for comparison in comparisons(view):
        phrases = phrases_of(view, comparison)
        parts = [without_bold(_answer(view, comparison))]
        effects = (
            ("effect.difference", comparison.difference, "points"),
            ("effect.hazard_ratio", comparison.hazard_ratio, "ratio"),
            ("effect.adjusted", comparison.adjusted, "ratio"),
        )
        parts += effect_sentences(view, effects, phrases)
        if comparison.logrank_p is not None:
            p, key = comparison.logrank_p, f"effect.logrank.{comparison.hazard_ratio_kind}"
            parts.append(say(key, p=p, kind=kind_of(view, p)))
        if comparison.direction(context.primary_measure) == "unclear":
            parts.append(say("effect.unclear"))
        paragraphs.append(" ".join(parts))
    if not paragraphs:
        value = survival_of_one_arm(view)
        parts = [without_bold(_answer_of_one_arm(view))]
        if value.given:
            parts.append(say("effect.one_arm", value=value.estimate, interval=interval_text(view, value, "percent")))
        paragraphs.append(" ".join(parts))
    paragraphs += formal_sentences(view)
    paragraphs.append(say(f"effect.reading.{context.design}"))
    return Passage(paragraphs=paragraphs)


def hazards(view: View, doubtful: str = "hazards.doubtful") -> Passage:
    """Whether the check of proportional hazards gives a reason for doubt."""
    say, alpha = view.words, Decimal(repr(view.context.ph_alpha))
    paragraphs = []
    for treatment in view.context.treatments:
        row = view.results.find("proportional_hazards.test", "p_value", treatment=treatment)
        if row is None or row.value is None:
            paragraphs.append(say("hazards.unknown", treatment=view.label(treatment)))
            continue
        key = doubtful if float(row.value) < view.context.ph_alpha else "hazards.compatible"
        paragraphs.append(say(key, p=row.value, alpha=say.number(alpha, max(2, -int(alpha.as_tuple().exponent)))))
    if not paragraphs:
        return Passage(paragraphs=[say("hazards.one_arm")])
    strata = [view.label(name) for name in view.context.strata]
    # The check is of the model without strata, which a reader of a stratified main model would not guess.
    return Passage(paragraphs=[*paragraphs, *([say("hazards.without_strata", strata=strata)] if strata else [])])


def _limitations(view: View) -> Passage:
    say, context = view.words, view.context
    items = [say(f"limitations.{context.design}")]
    items += [say("limitations.tau", time=time_text(view, context.tau))] if context.tau is not None else []
    items += [say("limitations.censoring"), limit_of_p_values(view)]
    items += [say("limitations.cutoff", reason=context.cutoff["unknown"])] if context.cutoff.get("unknown") else []
    items += [say.say(text) for text in context.limitations]
    return Passage(items=items)


PASSAGES = {
    "survival.effect": _effect,
    "survival.hazards": hazards,
    "survival.limitations": _limitations,
}
