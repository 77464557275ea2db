"""The plain-language box: who, what was seen, how sure, what is not known, what it means for the reader."""

from __future__ import annotations

from evidence_lib.report.comparison import Value, comparisons, count
from evidence_lib.report.context import View
from evidence_lib.report.phrases import (
    own_phrases,
    per100,
    phrases_of,
    rounding_shows,
    survival_of_one_arm,
)


def plain_language(view: View) -> list[tuple[str, str]]:
    """The plain-language box: who, what was seen, how sure, what is not known, what it means for the reader."""
    say = view.words
    return [
        (say(f"plain.{question}.heading"), " ".join(sentence for sentence in answer(view) if sentence))
        for question, answer in (
            ("who", _who),
            ("seen", _seen),
            ("sure", _sure),
            ("not_known", _not_known),
            ("for_you", lambda view: [view.words("plain.for_you.text")]),
        )
    ]


def _who(view: View) -> list[str]:
    say, context = view.words, view.context
    plain = context.plain
    n = count(view, "count.subjects", "all")
    people = own_phrases(view)["people"]
    if plain.get("condition"):
        sentences = [say("plain.who.condition", n=n, people=people, condition=plain["condition"])]
    else:
        sentences = [say("plain.who.generic", n=n, people=people)]
    counts = {arm: count(view, "count.subjects", arm) for arm in context.arms}
    if len(context.treatments) == 1 and plain.get("treatment") and plain.get("reference"):
        treated, reference = counts[context.treatments[0]], counts[context.reference]
        sentences.append(say("plain.who.took", n=treated, did=plain["treatment"]))
        sentences.append(say("plain.who.not", n=reference, did=plain["reference"]))
    elif len(counts) > 1:
        sentences += [say("plain.who.group", n=n, group=view.label(arm)) for arm, n in counts.items()]
    return sentences


def _seen(view: View) -> list[str]:
    say = view.words
    if not view.context.treatments:
        return _seen_in_one_arm(view)
    sentences = []
    for comparison in comparisons(view):
        phrases = phrases_of(view, comparison)
        value = comparison.difference
        if comparison.withheld is not None:
            return [say("plain.seen.withheld", reason=comparison.withheld)]
        if value.estimate is None or comparison.survival_treated.estimate is None:
            sentences.append(say("plain.seen.unknown"))
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
        sentences.append(_range(view, value))
    return sentences


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


def _range(view: View, value: Value) -> str:
    say = view.words
    if value.low is None or value.high is None:
        return ""
    if not value.excludes(0.0):
        return say("plain.seen.maybe_none", worse=abs(min(value.low, 0.0)), better=max(value.high, 0.0))
    low, high = sorted((abs(value.low), abs(value.high)))
    return say("plain.seen.range", low=low, high=high)


def _sure(view: View) -> list[str]:
    say = view.words
    failed = [gate for gate in view.results.gates.values() if gate.result == "fail"]
    sentences = [say("plain.sure.failed", check=say(f"check.{gate.id}.name")) for gate in failed]
    sentences.append(say(f"plain.sure.{view.context.design}"))
    directions = {comparison.direction(view.context.primary_measure) for comparison in comparisons(view)}
    if "unclear" in directions:
        sentences.append(say("plain.sure.maybe_none"))
    return sentences


def _not_known(view: View) -> list[str]:
    given = view.context.plain.get("not_known") or []
    return [view.words.say(text) for text in given] or [view.words("plain.not_known.text")]
