"""Key messages: K1 absolute, K2 relative, K3 time, each with its interval."""

from __future__ import annotations

from evidence_lib.report.comparison import Comparison, Value, value_of
from evidence_lib.report.context import View
from evidence_lib.report.first_screen import KeyMessage
from evidence_lib.report.formal import formal_lines
from evidence_lib.report.phrases import (
    Compared,
    interval_text,
    own_phrases,
    phrases_of,
    proportional_hazards_doubtful,
    rounding_shows,
    survival_of_one_arm,
    time_text,
)


def key_messages(view: View, found: list[Comparison]) -> list[KeyMessage]:
    """K1 absolute, K2 relative, K3 time, for each comparison in turn, each with its interval."""
    messages: list[KeyMessage] = []
    for comparison in found:
        for build in (_absolute, _relative, _time_gained):
            big, lines = build(view, comparison)
            if len(found) > 1:
                lines = [versus(view, comparison), *lines]
            messages.append(KeyMessage(id=f"K{len(messages) + 1}", big=big, lines=lines))
    return messages


def key_messages_of_one_arm(view: View) -> list[KeyMessage]:
    """K1 share at the milestone, K2 median time, K3 restricted mean time: there is nothing to compare with."""
    say, context = view.words, view.context
    survival = survival_of_one_arm(view)
    if survival.given:
        share = [f"{say.form(survival.estimate, 'percent')}; {interval_text(view, survival, 'percent')}"]
        first = say("key.one_arm.big", a=survival.estimate), [say("key.absolute.meaning", **own_phrases(view)), *share]
    else:
        first = missing(view, survival, "key.one_arm.name")
    found = [first]
    for analysis, name, tau in (("km.median", "key.median.name", None), ("rmst", "key.mean.name", context.tau)):
        value = value_of(view, analysis, arm=context.reference)
        meaning = say("key.time.meaning", time=time_text(view, tau)) if tau is not None else say(name)
        found.append(_length(view, value, "number1", meaning) if value.given else missing(view, value, name))
    return [KeyMessage(id=f"K{i}", big=big, lines=lines) for i, (big, lines) in enumerate(found, 1)]


def _length(view: View, value: Value, kind: str, meaning: str) -> tuple[str, list[str]]:
    """A length of time in the display unit, big, with what it means and its interval under it."""
    say, context = view.words, view.context
    days = (value.estimate, value.low, value.high)
    shown, low, high = (None if given is None else context.in_unit(given) for given in days)
    big = say("key.time.big", value=say.form(shown, kind), unit=say(f"unit.{context.unit}"))
    return big, [meaning, interval_text(view, Value(shown, low, high, None, False), "number1")]


def versus(view: View, comparison: Compared) -> str:
    """Which arms are compared."""
    return view.words(
        "key.versus", treatment=view.label(comparison.treatment), reference=view.label(comparison.reference)
    )


def _absolute(view: View, comparison: Comparison) -> tuple[str, list[str]]:
    say, value = view.words, comparison.difference
    if value.estimate is None:
        return missing(view, value, "key.absolute.name")
    phrases = phrases_of(view, comparison)
    both = say("key.absolute.both", a=comparison.survival_treated.estimate, b=comparison.survival_reference.estimate)
    rounded = rounding_shows(comparison, 0) or rounding_shows(comparison, 1)
    return say("key.absolute.big", difference=value.estimate), [
        say("key.absolute.meaning", **phrases) + (" " + say("key.rounded") if rounded else ""),
        f"{both}; {interval_text(view, value, 'points', 'key.interval_points')}",
    ]


def _relative(view: View, comparison: Comparison) -> tuple[str, list[str]]:
    say, value = view.words, comparison.hazard_ratio
    if value.estimate is None:
        return missing(view, value, "key.relative.name")
    strata = [view.label(name) for name in view.context.strata]
    lines = [
        interval_text(view, value, "ratio"),
        say("key.relative.stratified", strata=strata) if strata else say("key.relative.unstratified"),
    ]
    if comparison.logrank_p is not None:
        lines.append(say("key.relative.p", p=comparison.logrank_p))
    lines += formal_lines(view)
    if comparison.adjusted.given and view.context.design != "randomised":
        interval = interval_text(view, comparison.adjusted, "ratio", "key.interval_short")
        lines.append(say("key.relative.adjusted", value=comparison.adjusted.estimate, interval=interval))
    if proportional_hazards_doubtful(view):
        lines.append(say("key.relative.average"))
    return say("key.relative.big", value=value.estimate), lines


def _time_gained(view: View, comparison: Comparison) -> tuple[str, list[str]]:
    value = comparison.rmst_difference
    if value.estimate is None:
        return missing(view, value, "key.time.name")
    return _length(view, value, "signed1", view.words("key.time.meaning", time=time_text(view, view.context.tau)))


def missing(view: View, value: Value, name: str) -> tuple[str, list[str]]:
    """The words of a key message without a number: what is missing, and why."""
    say = view.words
    big = say("key.withheld") if value.withheld else say("key.not_estimable")
    return big, [say(name), value.reason or say("key.not_asked")]
