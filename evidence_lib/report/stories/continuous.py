"""The story of a report on outcomes at visits: the mean of each arm, the difference, and how far it can be trusted."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from evidence_lib.report import cells
from evidence_lib.report.comparison import Value, count, value_of
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import KeyMessage, without_bold
from evidence_lib.report.formal import formal_lines, formal_sentences, limit_of_p_values
from evidence_lib.report.mean_differences import (
    NOT_ESTIMATES,
    difference_row,
    direction,
    facts,
    main_difference,
    mean_row,
    observed_mean,
    value,
)
from evidence_lib.report.phrases import own_phrases

MANY_MISSING = 0.1  # the share without a value at the main visit from which a caution says so


def answer(view: View) -> str:
    """The means of both arms at the main visit, and whether they differ by the main analysis."""
    say, found = view.words, facts(view)
    if not view.context.treatments:
        seen = observed_mean(view, view.context.reference)
        key = "continuous.story.answer.one_arm" if seen.given else "continuous.story.answer.nothing"
        return say(key, measure=_measure(view), visit=found.visit, a=_shown(view, seen.estimate))
    return " ".join(_answer(view, treatment) for treatment in view.context.treatments)


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
    n, seen = _seen(view, view.context.arms)
    people = own_phrases(view)["people"]
    return [view.words("continuous.story.grey", n=n, people=people, seen=seen, visit=facts(view).visit)]


def cautions(view: View) -> list[str]:
    """Many missing values, values carried forward, and analyses that do not agree."""
    say, found = view.words, facts(view)
    n, seen = _seen(view, view.context.arms)
    lines = []
    if found.carried:
        lines.append(say("continuous.story.caution.carried"))
    elif n and 1 - seen / n >= MANY_MISSING:
        lines.append(say("continuous.story.caution.missing", share=1 - seen / n, visit=found.visit))
        lines += [say("continuous.story.caution.beside")] if "sensitivity" in found.roles.values() else []
    if any(_disagree(view, treatment) for treatment in view.context.treatments):
        lines.append(say("continuous.story.caution.disagree"))
    return lines


def unclear(view: View) -> bool:
    """Whether the interval of a main difference includes none, or the main test does not tell the arms apart."""
    if facts(view).ordinal:
        return any(not _tells_apart(view, treatment) for treatment in view.context.treatments)
    return any(direction(view, main_difference(view, one)) == "unclear" for one in view.context.treatments)


def seen(view: View) -> list[str]:
    """What was seen, in plain sentences."""
    say, found = view.words, facts(view)
    sentences: list[str] = []
    for arm in view.context.arms:
        mean = _mean_of(view, arm)
        if mean.estimate is None:
            continue
        told = {"a": _shown(view, mean.estimate), "group": _with(view, arm)}
        if sentences:
            sentences.append(say("continuous.story.plain.mean_of_other", **told))
            continue
        where = {"measure": _measure(view), "visit": found.visit}
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


def _measure(view: View) -> str:
    kind = "change" if facts(view).change else "value"
    return view.words(f"continuous.story.measure.{kind}", endpoint=view.context.endpoint_label)


def _shown(view: View, mean: float | None) -> str:
    """A mean as sentences print it: a change with its sign."""
    return "" if mean is None else view.words.form(mean, "signed1" if facts(view).change else ".2")


def _with(view: View, arm: str) -> str:
    say, plain = view.words, view.context.plain
    name = "with_reference" if arm == view.context.reference else "with_treatment"
    if len(view.context.treatments) == 1 and plain.get(name):
        return say.say(plain[name])
    return say("phrase.with", group=view.label(arm))


def _mean_of(view: View, arm: str) -> Value:
    """The mean of an arm by the main analysis; the plain mean where that gives none."""
    main = facts(view).main
    if main is None or main in NOT_ESTIMATES:
        return observed_mean(view, arm)
    return value(view, mean_row(view, main, arm))


def _answer(view: View, treatment: str) -> str:
    say, found = view.words, facts(view)
    reference = view.context.reference
    a, b = _mean_of(view, treatment), _mean_of(view, reference)
    told: dict[str, Any] = {
        "measure": _measure(view),
        "visit": found.visit,
        "a": _shown(view, a.estimate),
        "b": _shown(view, b.estimate),
        "with_treatment": _with(view, treatment),
        "with_reference": _with(view, reference),
    }
    if found.ordinal:
        key = "apart" if _tells_apart(view, treatment) else "unclear"
        return say(f"continuous.story.answer.ordinal_{key}", **told)
    difference = main_difference(view, treatment)
    if difference.withheld:
        return say("continuous.story.answer.withheld", reason=difference.reason or "", **told)
    if difference.estimate is None or a.estimate is None or b.estimate is None:
        return say("continuous.story.answer.unknown", reason=difference.reason or "", **told)
    return say(f"continuous.story.answer.{direction(view, difference)}", **told)


def _tells_apart(view: View, treatment: str) -> bool:
    """Whether the p-value of the test within strata at the main visit is below one minus the confidence level."""
    row = view.results.find("cmh.row_means", "p_value", treatment=treatment, visit=facts(view).visit)
    if row is None or not isinstance(row.value, int | float):
        return False
    return float(row.value) < 1 - view.context.conf_level


def _means(view: View, treatment: str) -> tuple[str, list[str]]:
    say, found = view.words, facts(view)
    a, b = _mean_of(view, treatment), _mean_of(view, view.context.reference)
    name = say("continuous.story.key.means", measure=_measure(view), visit=found.visit)
    if a.estimate is None or b.estimate is None:
        return say("key.not_estimable"), [name, a.reason or b.reason or ""]
    lines = [name]
    if len(view.context.treatments) == 1:
        order = {"treatment": _with(view, treatment), "reference": _with(view, view.context.reference)}
        lines.append(say("continuous.story.key.order", **order))
    lines += [say(f"continuous.story.higher.{found.higher_is}")] if found.higher_is else []
    return say("continuous.story.key.means_big", a=_shown(view, a.estimate), b=_shown(view, b.estimate)), lines


def _difference(view: View, treatment: str) -> tuple[str, list[str]]:
    say, found = view.words, facts(view)
    if found.ordinal:
        return _test(view, treatment)
    difference = main_difference(view, treatment)
    name = say("continuous.story.key.difference", analysis=say(f"continuous.analysis.{found.main}"))
    if difference.estimate is None:
        big = say("key.withheld") if difference.withheld else say("key.not_estimable")
        return big, [name, difference.reason or say("key.not_asked")]
    lines = [name, _interval(view, difference)]
    row = difference_row(view, str(found.main), treatment)
    p = cells.statistic(view, row, "p_value") if row is not None else None
    if p is not None and p.value is not None:
        lines.append(say("continuous.story.key.p", p=p.value))
    lines += formal_lines(view)
    if found.important_difference is not None:
        lines.append(say("continuous.story.key.important", size=found.important_difference))
    return say("continuous.story.key.difference_big", value=difference.estimate), lines


def _interval(view: View, found: Value) -> str:
    return view.words("continuous.story.key.interval", level=cells.level(view), low=found.low, high=found.high)


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
    name = say("continuous.story.key.means", measure=_measure(view), visit=found.visit)
    if seen_mean.estimate is None:
        return say("key.not_estimable"), [name, seen_mean.reason or ""]
    lines = [name, *([_interval(view, seen_mean)] if seen_mean.low is not None else [])]
    return _shown(view, seen_mean.estimate), lines


def _missing_message(view: View, arms: Sequence[str]) -> tuple[str, list[str]]:
    say, found = view.words, facts(view)
    n, there = _seen(view, arms)
    big = say("continuous.story.key.seen_big", seen=there, n=n)
    carried = [say("continuous.story.key.carried")] if found.carried else []
    return big, [say("continuous.story.key.seen", visit=found.visit), *carried]


def _seen(view: View, arms: Sequence[str]) -> tuple[int, int]:
    """The subjects of these arms, and those of them with a value at the main visit."""
    rows = [view.results.find("mean", "n", arm=arm, visit=facts(view).visit) for arm in arms]
    there = sum(int(row.value) for row in rows if row is not None and isinstance(row.value, int | float))
    return sum(count(view, "count.subjects", arm) for arm in arms), there


def _disagree(view: View, treatment: str) -> bool:
    """Whether a sensitivity analysis points another way than the main one."""
    found = facts(view)
    main = direction(view, main_difference(view, treatment))
    others = [name for name in found.differences if found.roles[name] == "sensitivity"]
    pointed = {direction(view, value(view, difference_row(view, name, treatment))) for name in others}
    return main != "unknown" and bool(pointed - {main, "unknown"})


def _effect(view: View) -> Passage:
    """The result for a technical reader."""
    say, found = view.words, facts(view)
    paragraphs = []
    for treatment in view.context.treatments:
        parts = [without_bold(_answer(view, treatment))]
        difference = main_difference(view, treatment)
        if difference.estimate is not None:
            parts.append(
                say(
                    "continuous.story.effect.difference",
                    value=difference.estimate,
                    interval=_interval(view, difference),
                )
            )
            if not difference.excludes(0.0):
                parts.append(say("effect.unclear"))
            if found.important_difference is not None and difference.low is not None and difference.high is not None:
                parts.append(_importance(view, difference, found.important_difference))
        paragraphs.append(" ".join(parts))
    if not paragraphs:
        paragraphs.append(without_bold(answer(view)))
    paragraphs += [*formal_sentences(view), say(f"effect.reading.{view.context.design}")]
    return Passage(paragraphs=paragraphs)


def _importance(view: View, difference: Value, size: float) -> str:
    """Where the interval lies beside the smallest difference that was declared to matter, in either direction."""
    low, high = float(difference.low or 0.0), float(difference.high or 0.0)
    key = "below" if -size < low and high < size else "beyond" if low >= size or high <= -size else "around"
    return view.words(f"continuous.story.important.{key}", size=size)


def _tipping(view: View) -> Passage:
    """How bad the missing values would have to be."""
    say = view.words
    items = []
    for treatment in view.context.treatments:
        row = view.results.find("imputation.tipping_point", treatment=treatment)
        versus = cells.versus(view, treatment, view.context.reference)
        if row is None:
            continue
        if row.value is None:
            items.append(say("continuous.story.tipping.never", comparison=versus, reason=cells.text(view, row.reason)))
            continue
        key = "lost" if _unshifted(view, treatment).excludes(0.0) else "gained"
        way = "lower" if float(row.value) < 0 else "higher"
        told = {"comparison": versus, "size": abs(float(row.value)), "way": say(f"continuous.story.way.{way}")}
        items.append(say(f"continuous.story.tipping.{key}", **told))
    return Passage(items=items) if items else Passage(paragraphs=[say("passage.not_declared")])


def _unshifted(view: View, treatment: str) -> Value:
    """The difference that a shift is added to: that of the scan without one, else of the main analysis."""
    row = view.results.find("imputation.shifted", treatment=treatment, delta=0.0)
    return main_difference(view, treatment) if row is None else value(view, row)


def _limitations(view: View) -> Passage:
    say, context, found = view.words, view.context, facts(view)
    items = [say(f"limitations.{context.design}")] if context.design != "randomised" else []
    n, seen = _seen(view, context.arms)
    if found.carried:
        items.append(say("continuous.story.limitations.carried"))
    elif seen < n:
        items.append(say("continuous.story.limitations.missing"))
    if any(name in found.roles for name in ("jump-to-reference", "copy-reference", "copy-increments")):
        items.append(say("continuous.story.limitations.conservative"))
    if context.treatments:
        items.append(limit_of_p_values(view))
    items += [say("limitations.cutoff", reason=context.cutoff["unknown"])] if context.cutoff.get("unknown") else []
    items += [say.say(text) for text in context.limitations]
    return Passage(items=items)


PASSAGES = {
    "continuous.effect": _effect,
    "continuous.tipping": _tipping,
    "continuous.limitations": _limitations,
}
