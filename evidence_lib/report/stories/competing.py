"""The story of a report on the time to an event with which others compete: probabilities, and what came first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evidence_lib.report.comparison import Direction, Value, differ, direction_of, number_of, value_of
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import KeyMessage, without_bold
from evidence_lib.report.formal import formal_lines, formal_sentences, kind_of, limit_of_p_values
from evidence_lib.report.key_messages import missing, versus
from evidence_lib.report.phrases import (
    effect_sentences,
    gap,
    interval_text,
    main_answer,
    own_phrases,
    per100,
    phrases_of,
    proportional_hazards_doubtful,
    rounds_apart,
    time_text,
)
from evidence_lib.report.stories.survival import grey_line, hazards
from evidence_lib.report.tables.comparisons import cause_name

EVENT = 1
INCIDENCE = "aalen_johansen.cumulative_incidence"
MEASURES = ("cumulative_incidence_difference", "subdistribution_hazard_ratio", "hazard_ratio")
NONE = Value(None, None, None, None, False)
__all__ = ["PASSAGES", "answer", "cautions", "figure", "grey_line", "key_messages", "seen", "unclear"]


@dataclass(frozen=True)
class _Comparison:
    """One treatment against the reference: the probability of the event by the milestone, and the ratios."""

    treatment: str
    reference: str
    treated: Value
    untreated: Value
    difference: Value
    subdistribution: Value
    cause_specific: Value
    gray_p: float | None

    @property
    def withheld(self) -> str | None:
        """Why the comparison may not be judged; None where nothing is withheld."""
        effects = (self.difference, self.subdistribution, self.cause_specific)
        return next((value.reason for value in effects if value.withheld), None)

    def direction(self, measure: str | None) -> Direction:
        """Whether the event was less frequent with the treatment, by the interval of the declared measure."""
        value, no_effect = {
            "cumulative_incidence_difference": (self.difference, 0.0),
            "subdistribution_hazard_ratio": (self.subdistribution, 1.0),
            "hazard_ratio": (self.cause_specific, 1.0),
        }[str(measure)]
        return direction_of(value, no_effect=no_effect, fewer_above=False)


def answer(view: View) -> str:
    """The answer in one sentence per comparison, with both probabilities."""
    return " ".join([_answer(view, comparison) for comparison in _comparisons(view)] or [_answer_of_one_arm(view)])


def key_messages(view: View) -> list[KeyMessage]:
    """K1 difference of probabilities, K2 their ratio measure, K3 the rate and what came first, for each comparison."""
    found = _comparisons(view)
    made = []
    for comparison in found:
        for build in (_absolute, _relative, _rate):
            big, lines = build(view, comparison)
            made.append((big, [versus(view, comparison), *lines] if len(found) > 1 else lines))
    if not found:
        made = [_share_of_one_arm(view, cause) for cause in range(EVENT, len(view.context.causes) + 1)]
    return [KeyMessage(id=f"K{i}", big=big, lines=lines) for i, (big, lines) in enumerate(made, 1)]


def figure(view: View) -> tuple[str, tuple[dict[str, Any], ...]] | None:
    """The curves of cumulative incidence, with the numbers at risk."""
    return "figures.competing_events", ({"table": "cumulative_incidence.curve"}, {"table": "km.at_risk"})


def cautions(view: View) -> list[str]:
    """Measures that point different ways, and hazards that are not proportional."""
    say, primary, lines = view.words, str(view.context.primary_measure), []
    for comparison in _comparisons(view):
        if differ({measure: comparison.direction(measure) for measure in MEASURES}, primary):
            lines.append(say("caution.measures_differ"))
    if proportional_hazards_doubtful(view):
        lines.append(say("survival.story.caution.hazards"))
    return list(dict.fromkeys(lines))


def unclear(view: View) -> bool:
    """Whether the interval of a primary result includes no difference."""
    return "unclear" in {comparison.direction(view.context.primary_measure) for comparison in _comparisons(view)}


def seen(view: View) -> list[str]:
    """What was seen, in plain sentences."""
    say, sentences = view.words, []
    if not view.context.treatments:
        value = _incidence(view, view.context.reference, EVENT)
        if value.estimate is None:
            return [say("plain.seen.unknown")]
        found = [say("survival.story.seen.one_arm", a=value.estimate, **own_phrases(view))]
        if value.low is not None and value.high is not None:
            found.append(say("plain.seen.one_arm.range", low=value.low, high=value.high))
        return found
    for comparison in _comparisons(view):
        if comparison.withheld is not None:
            return [say("plain.seen.withheld", reason=comparison.withheld)]
        a, b, size = (v.estimate for v in (comparison.treated, comparison.untreated, comparison.difference))
        phrases, direction = phrases_of(view, comparison), comparison.direction(view.context.primary_measure)
        if a is None or b is None or size is None:
            known = direction in ("fewer", "more")
            sentences.append(main_answer(view, direction, phrases) if known else say("plain.seen.unknown"))
            continue
        sentences.append(say("survival.story.seen.treated", a=a, **phrases))
        sentences.append(say("plain.seen.reference", b=b, **phrases))
        key = "plain.seen.none" if per100(size) == 0 else f"plain.seen.{'more' if size > 0 else 'fewer'}"
        about = say("plain.seen.rounded") if _rounded(comparison, 0) else ""
        sentences.append(say(key, size=abs(size), rounded=about))
        sentences += gap(view, comparison.difference, direction=direction, words=phrases, fewer_above=False)
        sentences += _first(view, comparison, "survival.story.seen.first")
    return sentences


def _comparisons(view: View) -> list[_Comparison]:
    return [_comparison(view, treatment) for treatment in view.context.treatments]


def _comparison(view: View, treatment: str) -> _Comparison:
    context, at = view.context, view.context.milestone
    pair: dict[str, Any] = {"treatment": treatment, "reference": context.reference, "cause": EVENT}
    model = "stratified" if context.strata else "unstratified"
    return _Comparison(
        treatment=treatment,
        reference=context.reference,
        treated=_incidence(view, treatment, EVENT),
        untreated=_incidence(view, context.reference, EVENT),
        difference=NONE if at is None else value_of(view, "aalen_johansen.difference", time=at, **pair),
        subdistribution=value_of(view, f"fine_gray.subdistribution_hazard_ratio.{model}", **pair),
        cause_specific=value_of(view, f"cause_specific.hazard_ratio.{model}", **pair),
        gray_p=number_of(view.results.find(f"gray.{model}", "p_value", **pair)),
    )


def _incidence(view: View, arm: str, cause: int) -> Value:
    at = view.context.milestone
    return NONE if at is None else value_of(view, INCIDENCE, arm=arm, cause=cause, time=at)


def _rounded(comparison: _Comparison, digits: int) -> bool:
    return rounds_apart(comparison.treated, comparison.untreated, comparison.difference, digits)


def _first(view: View, comparison: _Comparison, key: str) -> list[str]:
    """In how many another event came first, for each kind of event."""
    lines = []
    for cause in range(EVENT + 1, len(view.context.causes) + 1):
        a, b = (_incidence(view, arm, cause).estimate for arm in (comparison.treatment, comparison.reference))
        if a is not None and b is not None:
            words = {"event": cause_name(view, cause), "time": time_text(view, view.context.milestone)}
            lines.append(view.words(key, a=a, b=b, **words))
    return lines


def _answer(view: View, comparison: _Comparison) -> str:
    say, words = view.words, phrases_of(view, comparison)
    direction = comparison.direction(view.context.primary_measure)
    a, b = comparison.treated.estimate, comparison.untreated.estimate
    if comparison.withheld is not None:
        return say("answer.withheld", reason=comparison.withheld, **words)
    if a is None or b is None:
        return say(f"answer.{direction}.without_milestone", **words)
    # The declared measure and the probabilities at the milestone can point different ways, which must be said.
    if (direction == "fewer" and a >= b) or (direction == "more" and a <= b):
        return say(f"survival.story.answer.{direction}.opposed", a=a, b=b, **words)
    return say(f"survival.story.answer.{direction}", a=a, b=b, **words)


def _answer_of_one_arm(view: View) -> str:
    value, words = _incidence(view, view.context.reference, EVENT), own_phrases(view)
    if value.estimate is None:
        return view.words("survival.story.answer.one_arm.unknown", **words)
    return view.words("survival.story.answer.one_arm", a=value.estimate, **words)


def _absolute(view: View, comparison: _Comparison) -> tuple[str, list[str]]:
    say, value = view.words, comparison.difference
    if value.estimate is None:
        return missing(view, value, "survival.story.key.absolute")
    both = say("key.absolute.both", a=comparison.treated.estimate, b=comparison.untreated.estimate)
    rounded = f" {say('key.rounded')}" if _rounded(comparison, 0) or _rounded(comparison, 1) else ""
    return say("key.absolute.big", difference=value.estimate), [
        say("survival.story.key.meaning", **own_phrases(view)) + rounded,
        f"{both}; {interval_text(view, value, 'points', 'key.interval_points')}",
    ]


def _relative(view: View, comparison: _Comparison) -> tuple[str, list[str]]:
    say, value = view.words, comparison.subdistribution
    if value.estimate is None:
        return missing(view, value, "survival.story.key.relative")
    strata = [view.label(name) for name in view.context.strata]
    lines = [
        say("survival.story.key.relative"),
        interval_text(view, value, "ratio"),
        say("key.relative.stratified", strata=strata) if strata else say("key.relative.unstratified"),
    ]
    if comparison.gray_p is not None:
        lines.append(say("survival.story.key.gray", p=comparison.gray_p))
    return say("survival.story.key.shr", value=value.estimate), [*lines, *formal_lines(view)]


def _rate(view: View, comparison: _Comparison) -> tuple[str, list[str]]:
    say, value = view.words, comparison.cause_specific
    first = _first(view, comparison, "survival.story.key.first")
    if value.estimate is None:
        big, lines = missing(view, value, "survival.story.key.rate")
        return big, [*lines, *first]
    lines = [say("survival.story.key.rate"), interval_text(view, value, "ratio"), *first]
    lines += [say("key.relative.average")] if proportional_hazards_doubtful(view) else []
    return say("key.relative.big", value=value.estimate), lines


def _share_of_one_arm(view: View, cause: int) -> tuple[str, list[str]]:
    say, value = view.words, _incidence(view, view.context.reference, cause)
    meaning = say("survival.story.key.by", event=cause_name(view, cause), time=time_text(view, view.context.milestone))
    if value.estimate is None:
        big, lines = missing(view, value, "survival.story.key.share")
        return big, [meaning, *lines[1:]]
    interval = interval_text(view, value, "percent")
    return say("key.one_arm.big", a=value.estimate), [meaning, f"{say.form(value.estimate, 'percent')}; {interval}"]


def _effect(view: View) -> Passage:
    """The results in sentences for a technical reader: absolute, relative, and what came first."""
    say, paragraphs = view.words, []
    for comparison in _comparisons(view):
        phrases = phrases_of(view, comparison)
        parts = [without_bold(_answer(view, comparison))]
        effects = (
            ("survival.story.effect.difference", comparison.difference, "points"),
            ("survival.story.effect.subdistribution", comparison.subdistribution, "ratio"),
            ("survival.story.effect.cause_specific", comparison.cause_specific, "ratio"),
        )
        parts += effect_sentences(view, effects, phrases)
        if comparison.gray_p is not None:
            p = comparison.gray_p
            parts.append(say("survival.story.effect.gray", p=p, kind=kind_of(view, p)))
        if comparison.direction(view.context.primary_measure) == "unclear":
            parts.append(say("effect.unclear"))
        parts += _first(view, comparison, "survival.story.effect.first")
        paragraphs.append(" ".join(parts))
    if not paragraphs:
        paragraphs.append(without_bold(_answer_of_one_arm(view)))
    return Passage(paragraphs=[*paragraphs, *formal_sentences(view), say(f"effect.reading.{view.context.design}")])


def _hazards(view: View) -> Passage:
    return hazards(view, "survival.story.hazards.doubtful")


def _limitations(view: View) -> Passage:
    say, context = view.words, view.context
    items = [say(f"limitations.{context.design}"), say("survival.story.limit.competing")]
    items += [say("limitations.censoring"), limit_of_p_values(view)]
    items += [say("limitations.cutoff", reason=context.cutoff["unknown"])] if context.cutoff.get("unknown") else []
    items += [say.say(text) for text in context.limitations]
    return Passage(items=items)


PASSAGES = {
    "survival.effect": _effect,
    "survival.hazards": _hazards,
    "survival.limitations": _limitations,
}
