"""The story of a report on outcomes at visits: the mean of each arm, the difference, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evidence_lib.report import cells
from evidence_lib.report.comparison import Value, value_of
from evidence_lib.report.context import View
from evidence_lib.report.first_screen import KeyMessage
from evidence_lib.report.formal import formal_lines, kind_of
from evidence_lib.report.mean_differences import (
    difference_row,
    direction,
    facts,
    main_difference,
    observed_mean,
    value,
)
from evidence_lib.report.mean_phrases import (
    answer,
    interval,
    mean_of,
    measure_text,
    seen_counts,
    shown,
    tells_apart,
    with_arm,
)
from evidence_lib.report.phrases import own_phrases
from evidence_lib.report.stories.continuous_passages import PASSAGES

__all__ = ["PASSAGES", "answer", "cautions", "figure", "grey_line", "key_messages", "seen", "unclear"]

MANY_MISSING = 0.1  # the share without a value at the main visit from which a caution says so


def key_messages(view: View) -> list[KeyMessage]:
    """K1 the means, K2 their difference, K3 how robust it is, for each comparison; in one arm the mean and the gaps."""
    found: list[tuple[str, list[str]]] = []
    for treatment in view.context.treatments:
        first = [_means(view, treatment), _difference(view, treatment), _robustness(view, treatment)]
        if len(view.context.treatments) > 1:
            versus = cells.versus(view, treatment, view.context.reference)
            first = [(big, [versus, *lines]) for big, lines in first]
        found += first
    if not found:
        found = [_one_mean(view), _missing_message(view, view.context.arms)]
    return [KeyMessage(id=f"K{place}", big=big, lines=lines) for place, (big, lines) in enumerate(found, 1)]


def figure(view: View) -> tuple[str, tuple[dict[str, Any], ...]] | None:
    """The mean profile; of an ordinal outcome the shares of its categories."""
    if facts(view).ordinal:
        return "figures.category_shares", ({"table": "continuous.categories"},)
    return "figures.mean_profile", ({"table": "continuous.summary"},)


def grey_line(view: View) -> list[str]:
    """How many were studied, and how many were seen at the main visit."""
    n, seen = seen_counts(view, view.context.arms)
    people = own_phrases(view)["people"]
    told = {"n": n, "people": people, "seen": seen, "when": _when(view)}
    return [view.words("continuous.story.grey", **told)]


def cautions(view: View) -> list[str]:
    """Many missing values, values carried forward, and analyses that do not agree."""
    say, found = view.words, facts(view)
    n, seen = seen_counts(view, view.context.arms)
    lines = []
    if found.carried:
        lines.append(say("continuous.story.caution.carried"))
    elif n and 1 - seen / n >= MANY_MISSING:
        start = say("continuous.story.none_at_start") if found.change else ""
        lines.append(say("continuous.story.caution.missing", share=1 - seen / n, visit=found.visit, start=start))
        lines += [say("continuous.story.caution.beside")] if "sensitivity" in found.roles.values() else []
    if any(_disagree(view, treatment) for treatment in view.context.treatments):
        lines.append(say("continuous.story.caution.disagree"))
    return lines


def unclear(view: View) -> bool:
    """Whether the interval of a main difference includes none, or the main test does not tell the arms apart."""
    if facts(view).ordinal:
        return any(not tells_apart(view, treatment) for treatment in view.context.treatments)
    return any(direction(view, main_difference(view, one)) == "unclear" for one in view.context.treatments)


def seen(view: View) -> list[str]:
    """What was seen, in plain sentences."""
    say, found = view.words, facts(view)
    sentences: list[str] = []
    for arm in view.context.arms:
        mean = mean_of(view, arm)
        if mean.estimate is None:
            continue
        told = {"a": shown(view, mean.estimate), "group": with_arm(view, arm)}
        if sentences:
            sentences.append(say("continuous.story.plain.mean_of_other", **told))
            continue
        where = {"measure": measure_text(view), "visit": found.visit}
        key = "continuous.story.plain.mean" if view.context.treatments else "continuous.story.plain.mean_alone"
        sentences.append(say(key, **told, **where))
    if not sentences:
        return [say("continuous.story.plain.nothing")]
    if found.higher_is is not None:
        sentences.append(say(f"continuous.story.higher.{found.higher_is}"))
    for treatment in view.context.treatments:
        gap = "" if found.ordinal else _gap(view, main_difference(view, treatment))
        if gap and len(view.context.treatments) > 1:
            gap = say("continuous.story.plain.of", group=view.label(treatment), sentence=gap)
        sentences += [gap] if gap else []
    return sentences


def _gap(view: View, difference: Value) -> str:
    """The size of a difference and its interval in plain words."""
    say = view.words
    if difference.estimate is None:
        return ""
    size = abs(difference.estimate)
    if difference.low is None or difference.high is None:
        return say("continuous.story.plain.gap", size=size)
    ends = (abs(difference.low), abs(difference.high))
    if difference.excludes(0.0):
        return say("continuous.story.plain.range", size=size, low=min(ends), high=max(ends))
    return say("continuous.story.plain.maybe_none", size=size, low=ends[0], high=ends[1])


def _means(view: View, treatment: str) -> tuple[str, list[str]]:
    say, found = view.words, facts(view)
    a, b = mean_of(view, treatment), mean_of(view, view.context.reference)
    name = say("continuous.story.key.means", measure=measure_text(view), visit=found.visit)
    if a.estimate is None or b.estimate is None:
        return say("key.not_estimable"), [name, a.reason or b.reason or ""]
    lines = [name]
    if len(view.context.treatments) == 1:
        order = {"treatment": with_arm(view, treatment), "reference": with_arm(view, view.context.reference)}
        lines.append(say("continuous.story.key.order", **order))
    lines += [say(f"continuous.story.higher.{found.higher_is}")] if found.higher_is else []
    return say("continuous.story.key.means_big", a=shown(view, a.estimate), b=shown(view, b.estimate)), lines


def _difference(view: View, treatment: str) -> tuple[str, list[str]]:
    say, found = view.words, facts(view)
    if found.ordinal:
        return _test(view, treatment)
    difference = main_difference(view, treatment)
    name = say("continuous.story.key.difference", analysis=say(f"continuous.analysis.{found.main}"))
    if difference.estimate is None:
        big = say("key.withheld") if difference.withheld else say("key.not_estimable")
        return big, [name, difference.reason or say("key.not_asked")]
    lines = [name, interval(view, difference)]
    row = difference_row(view, str(found.main), treatment)
    p = cells.statistic(view, row, "p_value") if row is not None else None
    if p is not None and p.value is not None:
        lines.append(say("continuous.story.key.p", p=p.value, kind=kind_of(view, float(p.value))))
    lines += formal_lines(view)
    if found.important_difference is not None:
        lines.append(say("continuous.story.key.important", size=found.important_difference))
    return say("continuous.story.key.difference_big", value=difference.estimate), lines


def _test(view: View, treatment: str) -> tuple[str, list[str]]:
    say, visit = view.words, facts(view).visit
    row = view.results.find("cmh.row_means", "p_value", treatment=treatment, visit=visit)
    name = say("continuous.story.key.cmh", visit=visit)
    if row is None or row.value is None:
        return say("key.not_estimable"), [name]
    lines = [name, say("continuous.story.key.nominal"), *formal_lines(view)]
    return say("continuous.story.key.p_big", p=row.value), lines


def _robustness(view: View, treatment: str) -> tuple[str, list[str]]:
    """The tipping point where there is one, else responders, else how many values are missing."""
    say = view.words
    tip = view.results.find("imputation.tipping_point", treatment=treatment)
    if tip is not None and tip.value is not None:
        big = say("continuous.story.key.tips_big", delta=tip.value)
        return big, [say("continuous.story.key.tips"), say("continuous.story.key.tips_meaning")]
    shares = value_of(view, "imputation.responder_difference", treatment=treatment)
    if shares.estimate is not None:
        rule = view.results.find("imputation.responder_difference", treatment=treatment)
        points = {"low": shares.low, "high": shares.high, "level": cells.level(view)}
        return say("key.absolute.big", difference=shares.estimate), [
            say(
                "continuous.story.key.responders",
                rule=cells.rule_text(rule.groups["level"]) if rule else "",
                visit=facts(view).visit,
            ),
            say("continuous.story.key.interval_points", **points),
        ]
    return _missing_message(view, (treatment, view.context.reference))


def _one_mean(view: View) -> tuple[str, list[str]]:
    say, found = view.words, facts(view)
    seen_mean = observed_mean(view, view.context.reference)
    name = say("continuous.story.key.means", measure=measure_text(view), visit=found.visit)
    if seen_mean.estimate is None:
        return say("key.not_estimable"), [name, seen_mean.reason or ""]
    lines = [name, *([interval(view, seen_mean)] if seen_mean.low is not None else [])]
    return shown(view, seen_mean.estimate), lines


def _when(view: View) -> str:
    """At which visits somebody counted has a value: a change needs one at the start too."""
    found = facts(view)
    return view.words(f"continuous.story.when.{'change' if found.change else 'value'}", visit=found.visit)


def _missing_message(view: View, arms: Sequence[str]) -> tuple[str, list[str]]:
    say, found = view.words, facts(view)
    n, there = seen_counts(view, arms)
    big = say("continuous.story.key.seen_big", seen=there, n=n)
    carried = [say("continuous.story.key.carried")] if found.carried else []
    return big, [say("continuous.story.key.seen", when=_when(view)), *carried]


def _disagree(view: View, treatment: str) -> bool:
    """Whether a sensitivity analysis points another way than the main one."""
    found = facts(view)
    main = direction(view, main_difference(view, treatment))
    others = [name for name in found.differences if found.roles[name] == "sensitivity"]
    pointed = {direction(view, value(view, difference_row(view, name, treatment))) for name in others}
    return main != "unknown" and bool(pointed - {main, "unknown"})
