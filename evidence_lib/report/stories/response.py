"""The story of a report on tumour response: how many responded in each arm, and how long responses lasted.

A response is a finding on scans. That it is no measure of how long or how well people live is said wherever shares are
compared.
"""

from __future__ import annotations

from typing import Any, Literal

from evidence_lib.language import round_half_away
from evidence_lib.report import cells
from evidence_lib.report.comparison import Value, count
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import KeyMessage, without_bold
from evidence_lib.report.phrases import gap_range, interval_text, own_phrases, per100, times_100
from evidence_lib.report.responses import (
    BOR,
    DOR,
    NO_DIFFERENCE,
    ORR,
    compared,
    confirmed,
    counted,
    number,
    rows,
    share,
    value,
)
from evidence_lib.results import Row

Relative = Literal["risk_ratio", "odds_ratio"]
FEW = 20  # responders of an arm below which durations are too few to describe well


def answer(view: View) -> str:
    """Of 100 people, how many of each arm had their tumour shrink."""
    say = view.words
    shares = _shares(view)
    if not shares:
        return say("response.story.unknown")
    what = say(f"response.story.what.{_rule(view)}")
    if len(view.context.arms) == 1:
        (only,) = shares.values()
        return say("response.story.answer.one_arm", people=own_phrases(view)["people"], share=only, what=what)
    parts = [say("response.story.answer.arm", share=part, group=_with(view, arm)) for arm, part in shares.items()]
    text = say("response.story.answer", people=own_phrases(view)["people"], parts=parts, what=what)
    versus = [cells.versus(view, treatment, view.context.reference) for treatment in _unclear(view)]
    if not versus:
        return text
    one = len(view.context.treatments) == 1
    more = say("response.story.unclear") if one else say("response.story.unclear_of", comparisons=versus)
    return f"{text} {more}"


def key_messages(view: View) -> list[KeyMessage]:
    """K1 the difference, K2 the ratio, K3 how long responses lasted, for each comparison; in one arm share and time."""
    found: list[tuple[str, list[str]]] = []
    for treatment in view.context.treatments:
        versus = [cells.versus(view, treatment, view.context.reference)] if len(view.context.treatments) > 1 else []
        for big, lines in (_difference(view, treatment), _ratio(view, treatment), _duration(view, treatment)):
            found.append((big, [*versus, *lines]))
    if not view.context.treatments:
        for arm in view.context.arms:
            found += [_share_of(view, arm), _duration(view, arm)]
    return [KeyMessage(id=f"K{i}", big=big, lines=lines) for i, (big, lines) in enumerate(found, 1)]


def figure(view: View) -> tuple[str, tuple[dict[str, Any], ...]] | None:
    """The best change of every patient, where sums were measured."""
    tables = view.results.tables
    if not tables.get("response.waterfall", {}).get("rows"):
        return None
    return "figures.waterfall", ({"table": "response.waterfall"},)


def grey_line(view: View) -> list[str]:
    """How many people, and how many of them responded."""
    say = view.words
    n, people = count(view, "count.subjects", "all"), own_phrases(view)["people"]
    responders = sum(counted(view, share(view, ORR, arm))[0] for arm in view.context.arms)
    return [say("response.story.people", n=n, people=people), say("response.story.responders", n=responders)]


def cautions(view: View) -> list[str]:
    """That a response is not survival, those who were never assessed, few responders, and measures that differ."""
    say, lines = view.words, [view.words("response.story.caution.surrogate")]
    unknown = {arm: _not_evaluated(view, arm) for arm in view.context.arms}
    if any(unknown.values()):
        parts = [say("response.story.caution.arm", arm=view.label(arm), n=n) for arm, n in unknown.items()]
        lines.append(say("response.story.caution.not_evaluated", parts=parts))
    few = [arm for arm in view.context.arms if 0 < counted(view, share(view, ORR, arm))[0] < FEW]
    if few:
        lines.append(say("response.story.caution.few", arms=[view.label(arm) for arm in few]))
    if any(_measures_differ(view, treatment) for treatment in view.context.treatments):
        lines.append(say("caution.measures_differ"))
    return lines


def unclear(view: View) -> bool:
    """Whether the interval of the primary measure includes no difference, for any treatment."""
    return bool(_unclear(view))


def seen(view: View) -> list[str]:
    """What was seen, in plain sentences and natural frequencies."""
    say, shares = view.words, _shares(view)
    if not shares:
        return [say("response.story.plain.unknown")]
    sentences = [say(f"response.story.plain.what.{_rule(view)}")]
    key = "response.story.plain.arm" if len(view.context.arms) > 1 else "response.story.plain.one_arm"
    sentences += [
        say(key, group=_with(view, arm), n=per100(part), people=own_phrases(view)["people"])
        for arm, part in shares.items()
    ]
    if len(view.context.treatments) == 1:
        sentences.append(_range(view, _value(view, "risk_difference", view.context.treatments[0])))
    return [sentence for sentence in sentences if sentence]


def _rule(view: View) -> str:
    """Whether the words are about responses that had to be confirmed."""
    return "confirmed" if confirmed(view) else "unconfirmed"


def _unclear(view: View) -> list[str]:
    """The treatments whose interval of the primary measure includes no difference."""
    measure = str(view.context.primary_measure)
    found = {treatment: _value(view, measure, treatment) for treatment in view.context.treatments}
    return [name for name, one in found.items() if one.given and not one.excludes(NO_DIFFERENCE[measure])]


def _range(view: View, apart: Value) -> str:
    """Between which gaps the true one may lie, in 100 people."""
    if apart.low is None or apart.high is None:
        return ""
    return gap_range(view, apart)


def _shares(view: View) -> dict[str, float]:
    """The share of responders of each arm that has one."""
    found = {arm: number(share(view, ORR, arm)) for arm in view.context.arms}
    return {arm: part for arm, part in found.items() if part is not None}


def _with(view: View, arm: str) -> str:
    """The study's own words for an arm where there are two; else its name."""
    plain, context = view.context.plain, view.context
    name = "with_reference" if arm == context.reference else "with_treatment"
    if len(context.treatments) == 1 and plain.get(name):
        return view.words.say(plain[name])
    return view.words("phrase.with", group=view.label(arm))


def _value(view: View, measure: str, treatment: str) -> Value:
    return value(view, compared(view, measure, treatment))  # type: ignore[arg-type]


def _difference(view: View, treatment: str) -> tuple[str, list[str]]:
    say, found = view.words, _value(view, "risk_difference", treatment)
    meaning = say(f"response.story.key.meaning.{_rule(view)}")
    if found.estimate is None:
        return _missing(view, found, meaning)
    treated, reference = (number(share(view, ORR, arm)) or 0.0 for arm in (treatment, view.context.reference))
    both = say("key.absolute.both", a=treated, b=reference)
    interval = interval_text(view, found, "points", "key.interval_points")
    rounded = per100(treated) - per100(reference) != per100(found.estimate)
    if view.context.strata:
        adjusted = abs(float(round_half_away(times_100(treated - reference), 1)) - 100 * found.estimate) > 0.05
        meaning += f" {say('response.story.key.weighted')}" if adjusted else ""
    elif rounded:
        meaning += f" {say('key.rounded')}"
    return say("key.absolute.big", difference=found.estimate), [meaning, f"{both}; {interval}"]


def _ratio(view: View, treatment: str) -> tuple[str, list[str]]:
    """The odds ratio where it leads, else the risk ratio."""
    say = view.words
    measure: Relative = "odds_ratio" if view.context.primary_measure == "odds_ratio" else "risk_ratio"
    row = compared(view, measure, treatment)
    found = value(view, row)
    name = say(f"response.measure.{measure}")
    if found.estimate is None:
        return _missing(view, found, name)
    strata = [view.label(variable) for variable in view.context.strata]
    lines = [interval_text(view, found, "ratio")]
    lines.append(say("key.relative.stratified", strata=strata) if strata else say("key.relative.unstratified"))
    p = _p_value(view, treatment)
    lines += [say("response.story.key.p", p=p)] if p is not None else []
    return say(f"response.story.key.{measure}", value=found.estimate), lines


def _p_value(view: View, treatment: str) -> float | None:
    """Of the Cochran-Mantel-Haenszel test where there are strata, else of the difference."""
    row = compared(view, "test", treatment) or compared(view, "risk_difference", treatment)
    return number(cells.statistic(view, row, "p_value")) if row is not None else None


def _duration(view: View, arm: str) -> tuple[str, list[str]]:
    """The median duration of response of an arm, with those of the others under it."""
    say, name = view.words, view.words("response.story.key.duration")
    row = _median(view, arm)
    found = value(view, row)
    if found.estimate is None:
        return _missing(view, found, name)
    unit = say(f"unit.{view.context.unit}")
    big = say("key.time.big", value=say.number(view.context.in_unit(found.estimate), 1), unit=unit)
    others = [other for other in view.context.arms if other == view.context.reference and other != arm]
    lines = [name, say("response.story.key.of", arm=view.label(arm), interval=_limits(view, found))]
    for other in others:
        text = cells.estimate_text(view, _median(view, other))
        lines.append(say("response.story.key.other", arm=view.label(other), value=text))
    return big, [*lines, *([say("response.story.key.described")] if others else [])]


def _limits(view: View, found: Value) -> str:
    low, high = (None if end is None else view.context.in_unit(end) for end in (found.low, found.high))
    return interval_text(view, Value(None, low, high, None, False), "number1")


def _median(view: View, arm: str) -> Row | None:
    return next(iter(rows(view, ("km.median",), DOR, arm=arm, role="supplementary")), None)


def _share_of(view: View, arm: str) -> tuple[str, list[str]]:
    say, found = view.words, value(view, share(view, ORR, arm))
    meaning = say(f"response.story.key.meaning.{_rule(view)}")
    if found.estimate is None:
        return _missing(view, found, meaning)
    return say("key.one_arm.big", a=found.estimate), [meaning, interval_text(view, found, "percent")]


def _missing(view: View, found: Value, name: str) -> tuple[str, list[str]]:
    say = view.words
    return say("key.withheld" if found.withheld else "key.not_estimable"), [name, found.reason or say("key.not_asked")]


def _not_evaluated(view: View, arm: str) -> int:
    """How many of an arm have no best response that could be evaluated."""
    return sum(counted(view, share(view, BOR, arm, category=best))[0] for best in ("NE", "MISSING"))


def _measures_differ(view: View, treatment: str) -> bool:
    """Whether the intervals of difference and ratios leave out no difference in one and not in another."""
    found = {name: _value(view, name, treatment) for name in NO_DIFFERENCE}
    judged = {one.excludes(NO_DIFFERENCE[name]) for name, one in found.items() if one.given and one.low is not None}
    return len(judged) > 1


def _result(view: View) -> Passage:
    """The results for a technical reader, a line for each comparison."""
    say, items = view.words, []
    for treatment in view.context.treatments:
        treated, reference = (number(share(view, ORR, arm)) for arm in (treatment, view.context.reference))
        parts = [say("key.absolute.both", a=treated, b=reference)]
        for measure, kind in (("risk_difference", "points"), ("risk_ratio", "ratio"), ("odds_ratio", "ratio")):
            found = _value(view, measure, treatment)
            if found.given:
                name = say(f"response.measure.{measure}")
                points = kind == "points"
                shown = say("table.points", value=found.estimate) if points else say.form(found.estimate, kind)
                interval = interval_text(view, found, kind)
                parts.append(say("response.story.part", name=name, value=shown, interval=interval))
        p = _p_value(view, treatment)
        parts += [say("response.story.key.p", p=p)] if p is not None else []
        versus = cells.versus(view, treatment, view.context.reference)
        items.append(say("response.story.line", comparison=versus, values="; ".join(parts)))
    return Passage(items=items) if items else Passage(paragraphs=[without_bold(answer(view))])


def _limitations(view: View) -> Passage:
    say, context = view.words, view.context
    items = [say(f"limitations.{context.design}")]
    items += [say(f"response.limitations.{name}") for name in ("surrogate", "missing", "readers", "duration")]
    items += [say("response.limitations.subgroups")] if context.subgroups and context.treatments else []
    items += [say("limitations.cutoff", reason=context.cutoff["unknown"])] if context.cutoff.get("unknown") else []
    items += [say.say(text) for text in context.limitations]
    return Passage(items=items)


NOT_KNOWN = "response.story.not_known"
PASSAGES = {"response.result": _result, "response.limitations": _limitations}
