"""The story of a report on regions: the region of interest beside the whole trial, and what chance alone would bring.

A region is never tested by itself. Whether it is in line is said by the rule that was fixed before, and how often
chance alone would break that rule is said with it; a large p-value is never taken as a sign that regions are alike.
"""

from __future__ import annotations

from typing import Any

from evidence_lib.report import cells
from evidence_lib.report import regional as read
from evidence_lib.report.comparison import Value, count, value_of
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import KeyMessage, without_bold
from evidence_lib.report.phrases import (
    interval_text,
    own_phrases,
    proportional_hazards_doubtful,
    time_text,
)
from evidence_lib.report.tables.regional_rule import chance_text
from evidence_lib.results import Row

NOT_KNOWN = "regional.story.not_known"


def answer(view: View) -> str:
    """The region of interest, or the span of the regions, beside the whole trial; then the rule."""
    say, context = view.words, view.context
    if not context.treatments:
        n, regions = count(view, "count.subjects", "all"), len(read.region_lines(view))
        return say("regional.story.answer.one_arm", n=n, people=own_phrases(view)["people"], regions=regions)
    sentences = []
    for treatment in context.treatments:
        text = " ".join(part for part in (_seen_in(view, treatment), _judged(view, treatment)) if part)
        if len(context.treatments) > 1:
            text = say("regional.story.of", comparison=cells.versus(view, treatment, context.reference), text=text)
        sentences.append(text)
    return " ".join(sentences)


def key_messages(view: View) -> list[KeyMessage]:
    """K1 the whole trial, K2 the region of interest or the agreement, K3 what chance alone would bring."""
    found: list[tuple[str, list[str]]] = []
    for treatment in view.context.treatments:
        for build in (_whole_message, _focus_message, _chance_message):
            big, lines = build(view, treatment)
            if len(view.context.treatments) > 1:
                lines = [cells.versus(view, treatment, view.context.reference), *lines]
            found.append((big, lines))
    if not found:
        lines = [view.label(str(line["region"])) for line in read.region_lines(view)]
        found = [(view.words.number(len(lines)), [view.words("regional.story.key.regions"), view.words.listed(lines)])]
    return [KeyMessage(id=f"K{i}", big=big, lines=lines) for i, (big, lines) in enumerate(found, 1)]


def figure(view: View) -> tuple[str, tuple[dict[str, Any], ...]] | None:
    """The forest of regions."""
    return ("figures.regional_forest", ()) if view.context.treatments else None


def grey_line(view: View) -> list[str]:
    """How many people from how many regions, and how many had the event."""
    say = view.words
    counts = say(
        "grey.counts",
        n=count(view, "count.subjects", "all"),
        people=own_phrases(view)["people"],
        events=count(view, "count.events", "all"),
    )
    return [counts, say("regional.story.grey", regions=len(read.region_lines(view)))]


def cautions(view: View) -> list[str]:
    """That no region is tested by itself, what is open in the whole trial, and which regions are left out."""
    say, lines = view.words, []
    if view.context.treatments:
        lines.append(say("regional.story.caution.never_alone"))
    if unclear(view):
        lines.append(say("regional.story.caution.open"))
    left_out = _left_out(view)
    if left_out:
        lines.append(say("regional.story.caution.left_out", names=left_out))
    if proportional_hazards_doubtful(view):
        lines.append(say("regional.story.caution.hazards"))
    return lines


def unclear(view: View) -> bool:
    """Whether the interval of the whole trial includes no difference, for any treatment."""
    return any(read.unbounded(view, treatment) for treatment in view.context.treatments)


def seen(view: View) -> list[str]:
    """The shares of both arms in the region of interest and everywhere, then what chance alone would bring."""
    say, context = view.words, view.context
    sentences = []
    focus = read.plan_of(view)["focus"]
    for region in (None, *((focus,) if focus else ())):
        named = {} if region is None else {"region": region}
        shares = {arm: _survival(view, arm, **named) for arm in context.arms}
        known = {arm: value for arm, value in shares.items() if value is not None}
        if not known:
            continue
        texts = [
            say("regional.story.plain.share", share=value, group=_with(view, arm))
            if len(context.arms) > 1
            else say("regional.story.plain.one_share", share=value)
            for arm, value in known.items()
        ]
        place = say("regional.story.plain.everywhere") if region is None else view.label(region)
        sentences.append(say("regional.story.plain.place", place=place, shares=texts, **own_phrases(view)))
    for treatment in context.treatments[:1]:
        chance = read.number_of(read.pattern(view, "other_way", treatment))
        if chance is not None:
            sentences.append(say("regional.story.plain.chance", chance=chance_text(view, chance)))
    return sentences or [say("plain.seen.unknown")]


def _seen_in(view: View, treatment: str) -> str:
    """What was seen in the region of interest, or in all, beside the whole trial."""
    say = view.words
    whole, focus = read.whole_value(view, treatment), read.plan_of(view)["focus"]
    words = {"people": own_phrases(view)["people"], "endpoint": view.context.endpoint_label}
    if whole.withheld:
        return say("regional.story.answer.withheld", reason=whole.reason)
    if whole.estimate is None:
        return say("regional.story.answer.no_whole", reason=whole.reason)
    if focus:
        own = read.own_value(view, treatment, focus)
        n = {line["region"]: line["n"] for line in read.region_lines(view)}[focus]
        place = {"region": view.label(focus), "n": n, "of": count(view, "count.subjects", "all"), **words}
        if own.estimate is None:
            return say("regional.story.answer.no_focus", reason=own.reason, **place, whole=whole.estimate)
        return say("regional.story.answer.focus", own=own.estimate, whole=whole.estimate, **place)
    values = [
        value.estimate
        for region in read.compared_regions(view, treatment)
        if (value := read.own_value(view, treatment, region)).estimate is not None
    ]
    if not values:
        return say("regional.story.answer.no_region", whole=whole.estimate, endpoint=words["endpoint"])
    span = {"low": min(values), "high": max(values), "regions": len(values)}
    return say("regional.story.answer.all", whole=whole.estimate, endpoint=words["endpoint"], **span)


def _judged(view: View, treatment: str) -> str:
    """The rule that was fixed before, and whether it is met; how often chance alone would not meet it."""
    say, plan, verdict = view.words, read.plan_of(view), read.verdict(view, treatment)
    if verdict == "unknown":
        return say("regional.story.rule.unknown") if read.whole_value(view, treatment).given else ""
    same = read.agreement(view, treatment)
    if plan["method"] == 2 and same is not None:
        text = say(f"regional.story.rule.side.{verdict}", n=same[0], of=same[1])
        return text if verdict == "met" else f"{text} {_by_chance(view, 'other_way', treatment)}".strip()
    if not plan["focus"]:
        text = say(f"regional.story.rule.every.{verdict}", share=plan["retained"])
        return text if verdict == "met" else f"{text} {_by_chance(view, 'below_share', treatment)}".strip()
    kept = value_of(view, "regional.retention", treatment=treatment, region=plan["focus"])
    key = "opposite" if verdict == "missed" and kept.estimate is not None and kept.estimate < 0 else verdict
    region = view.label(plan["focus"])
    interval = ""
    if kept.low is not None and kept.high is not None:
        interval = say("regional.story.rule.interval", level=cells.level(view), low=kept.low, high=kept.high)
    told = {"kept": kept.estimate, "interval": interval, "region": region}
    text = say(f"regional.story.rule.focus.{key}", share=plan["retained"], **told)
    if verdict == "met":
        return text
    return f"{text} {_by_chance(view, 'region_as_small', treatment, plan['focus'])}".strip()


def _by_chance(view: View, kind: str, treatment: str, region: str | None = None) -> str:
    row = read.pattern(view, kind, treatment, region)
    chance = read.number_of(row)
    if row is None or chance is None:
        return ""
    return view.words("regional.story.by_chance", effect=_effect(view, row), chance=chance_text(view, chance))


def _effect(view: View, row: Row) -> str:
    """Which true effect a probability of chance is for: the planned or the estimated one."""
    return view.words(f"regional.story.effect.{row.groups['model']}")


def _whole_message(view: View, treatment: str) -> tuple[str, list[str]]:
    say, whole = view.words, read.whole_value(view, treatment)
    if whole.estimate is None:
        return _missing(view, whole, say("regional.story.key.whole"))
    strata = [view.label(name) for name in view.context.strata]
    how = say("key.relative.stratified", strata=strata) if strata else say("key.relative.unstratified")
    lines = [say("regional.story.key.whole"), interval_text(view, whole, "ratio"), how]
    return say("key.relative.big", value=whole.estimate), lines


def _focus_message(view: View, treatment: str) -> tuple[str, list[str]]:
    say, focus = view.words, read.plan_of(view)["focus"]
    same = read.agreement(view, treatment)
    if not focus:
        if same is None:
            return say("key.not_estimable"), [say("regional.story.key.agreement")]
        return say("regional.story.key.of", n=same[0], of=same[1]), [say("regional.story.key.agreement")]
    own, region = read.own_value(view, treatment, focus), view.label(focus)
    n = {line["region"]: line["n"] for line in read.region_lines(view)}[focus]
    name = say("regional.story.key.focus", region=region, n=n, of=count(view, "count.subjects", "all"))
    if own.estimate is None:
        return _missing(view, own, name)
    lines = [name, interval_text(view, own, "ratio")]
    kept = value_of(view, "regional.retention", treatment=treatment, region=focus)
    if kept.estimate is not None and kept.low is not None and kept.high is not None:
        limits = {"low": kept.low, "high": kept.high, "level": cells.level(view)}
        lines.append(say("regional.story.key.kept", kept=kept.estimate, **limits))
    elif kept.estimate is not None:
        lines.append(say("regional.story.key.kept_open", kept=kept.estimate))
    return say("key.relative.big", value=own.estimate), lines


def _chance_message(view: View, treatment: str) -> tuple[str, list[str]]:
    say, row = view.words, read.pattern(view, "other_way", treatment)
    chance, same = read.number_of(row), read.agreement(view, treatment)
    if chance is None:
        reason = cells.text(view, row.reason) if row is not None else say("key.not_asked")
        return say("key.not_estimable"), [say("regional.story.key.chance"), reason]
    lines = [say("regional.story.key.chance")]
    lines += [say("regional.story.key.seen", n=same[1] - same[0], of=same[1])] if same is not None else []
    return chance_text(view, chance, short=True), lines


def _missing(view: View, value: Value, name: str) -> tuple[str, list[str]]:
    big = view.words("key.withheld" if value.withheld else "key.not_estimable")
    return big, [name, value.reason or view.words("key.not_asked")]


def _left_out(view: View) -> list[str]:
    """The regions that are shown and not compared, for any treatment."""
    treatments = view.context.treatments
    used = [set(read.compared_regions(view, treatment)) for treatment in treatments]
    names = [str(line["region"]) for line in read.region_lines(view)]
    return [view.label(name) for name in names if treatments and any(name not in of for of in used)]


def _survival(view: View, arm: str, **region: str) -> float | None:
    """The share without the event at the milestone, in a region or everywhere."""
    rows = view.results.select("km.survival", arm=arm, **region)
    own = [row for row in rows if region or "region" not in row.groups]
    return read.number_of(own[0]) if own else None


def _with(view: View, arm: str) -> str:
    plain, context = view.context.plain, view.context
    name = "with_reference" if arm == context.reference else "with_treatment"
    if len(context.treatments) == 1 and plain.get(name):
        return view.words.say(plain[name])
    return view.words("phrase.with", group=view.label(arm))


def _expected(view: View) -> Passage:
    """How much variation is to be expected, before any region is looked at."""
    say, paragraphs = view.words, []
    for treatment in view.context.treatments:
        row = read.pattern(view, "other_way", treatment)
        other, below = (read.number_of(one) for one in (row, read.pattern(view, "below_share", treatment)))
        if row is None or other is None or below is None:
            paragraphs.append(say("regional.story.expected.one"))
            continue
        chances = {"other": chance_text(view, other), "below": chance_text(view, below), "effect": _effect(view, row)}
        text = say("regional.story.expected", share=read.plan_of(view)["retained"], **chances)
        if len(view.context.treatments) > 1:
            text = say("regional.story.of", comparison=cells.versus(view, treatment, view.context.reference), text=text)
        paragraphs.append(text)
    return Passage(paragraphs=paragraphs or [say("regional.story.not_compared")])


def _result(view: View) -> Passage:
    """The result in words: the regions beside the whole, the rule, and how to read it."""
    paragraphs = [without_bold(answer(view))]
    if view.context.treatments:
        paragraphs.append(view.words("regional.story.reading"))
    return Passage(paragraphs=paragraphs)


def _limitations(view: View) -> Passage:
    say, context = view.words, view.context
    items = [say(f"limitations.{context.design}")]
    items += [say(f"regional.story.limit.{name}") for name in ("alone", "factors", "scale", "observed")]
    if context.milestone is not None:
        items.append(say("regional.story.limit.milestone", time=time_text(view, context.milestone)))
    items += [say("limitations.cutoff", reason=context.cutoff["unknown"])] if context.cutoff.get("unknown") else []
    items += [say.say(text) for text in context.limitations]
    return Passage(items=items)


PASSAGES = {
    "regional.expected": _expected,
    "regional.result": _result,
    "regional.limitations": _limitations,
}
