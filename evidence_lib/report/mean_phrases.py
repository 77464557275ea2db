"""The phrases that texts on outcomes at visits share: what is measured, means, intervals, and the answer."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evidence_lib.report import cells
from evidence_lib.report.comparison import Value, count
from evidence_lib.report.context import View
from evidence_lib.report.mean_differences import (
    NOT_ESTIMATES,
    direction,
    facts,
    main_difference,
    mean_row,
    observed_mean,
    value,
)


def answer(view: View) -> str:
    """The means of both arms at the main visit, and whether they differ by the main analysis."""
    say, found = view.words, facts(view)
    if not view.context.treatments:
        seen = observed_mean(view, view.context.reference)
        key = "continuous.story.answer.one_arm" if seen.given else "continuous.story.answer.nothing"
        return say(key, measure=measure_text(view), visit=found.visit, a=shown(view, seen.estimate))
    return " ".join(answer_of(view, treatment) for treatment in view.context.treatments)


def measure_text(view: View) -> str:
    """What is measured, in words: the mean change, or the mean."""
    kind = "change" if facts(view).change else "value"
    return view.words(f"continuous.story.measure.{kind}", endpoint=view.context.endpoint_label)


def shown(view: View, mean: float | None) -> str:
    """A mean as sentences print it: a change with its sign."""
    return "" if mean is None else view.words.form(mean, "signed1" if facts(view).change else ".2")


def with_arm(view: View, arm: str) -> str:
    """An arm in a sentence: the study's own phrase, or "in the A group"."""
    say, plain = view.words, view.context.plain
    name = "with_reference" if arm == view.context.reference else "with_treatment"
    if len(view.context.treatments) == 1 and plain.get(name):
        return say.say(plain[name])
    return say("phrase.with", group=view.label(arm))


def mean_of(view: View, arm: str) -> Value:
    """The mean of an arm by the main analysis; the plain mean where that gives none."""
    main = facts(view).main
    if main is None or main in NOT_ESTIMATES:
        return observed_mean(view, arm)
    return value(view, mean_row(view, main, arm))


def answer_of(view: View, treatment: str) -> str:
    """The answer for one treatment: both means, and which way they differ."""
    say, found = view.words, facts(view)
    reference = view.context.reference
    a, b = mean_of(view, treatment), mean_of(view, reference)
    told: dict[str, Any] = {
        "measure": measure_text(view),
        "visit": found.visit,
        "a": shown(view, a.estimate),
        "b": shown(view, b.estimate),
        "with_treatment": with_arm(view, treatment),
        "with_reference": with_arm(view, reference),
    }
    if found.ordinal:
        key = "apart" if tells_apart(view, treatment) else "unclear"
        return say(f"continuous.story.answer.ordinal_{key}", **told)
    difference = main_difference(view, treatment)
    if difference.withheld:
        return say("continuous.story.answer.withheld", reason=difference.reason or "", **told)
    if difference.estimate is None or a.estimate is None or b.estimate is None:
        return say("continuous.story.answer.unknown", reason=difference.reason or "", **told)
    return say(f"continuous.story.answer.{direction(view, difference)}", **told)


def tells_apart(view: View, treatment: str) -> bool:
    """Whether the p-value of the test within strata at the main visit is below one minus the confidence level."""
    row = view.results.find("cmh.row_means", "p_value", treatment=treatment, visit=facts(view).visit)
    if row is None or not isinstance(row.value, int | float):
        return False
    return float(row.value) < 1 - view.context.conf_level


def interval(view: View, found: Value) -> str:
    """An interval in a key message or a sentence."""
    return view.words("continuous.story.key.interval", level=cells.level(view), low=found.low, high=found.high)


def seen_counts(view: View, arms: Sequence[str]) -> tuple[int, int]:
    """The subjects of these arms, and those of them with a value at the main visit."""
    rows = [view.results.find("mean", "n", arm=arm, visit=facts(view).visit) for arm in arms]
    there = sum(int(row.value) for row in rows if row is not None and isinstance(row.value, int | float))
    return sum(count(view, "count.subjects", arm) for arm in arms), there
