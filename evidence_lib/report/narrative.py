"""The sentences of a report: every one from the catalogue, every number in it from the results.

Wording follows the design and the checks: causal words never appear, an interval that includes no effect says so,
a withheld estimate is said to be withheld, and a failed check comes first.
"""

from __future__ import annotations

import datetime as dt
import re
from decimal import Decimal

from evidence_lib.language import message_from_json, round_half_away
from evidence_lib.report import cells
from evidence_lib.report.comparison import Comparison, Value, comparisons, count, value_of
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import FirstScreen, KeyMessage, PageStatus

BASELINE_DIFFERENCES_NAMED = 2
IMBALANCE = 0.1  # standard deviations; Austin, Statistics in Medicine 2009;28:3083
PHRASES = ("people", "event", "outcome")


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
        key_messages=_key_messages(view, found) if found else _key_messages_of_one_arm(view),
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
    if proportional_hazards_doubtful(view):
        lines.append(say("caution.hazards"))
    return lines


def proportional_hazards_doubtful(view: View) -> bool:
    """Whether the check of proportional hazards gave a p-value under the declared level, for any treatment."""
    rows = view.results.select("proportional_hazards.test", "p_value")
    return any(row.value is not None and float(row.value) < view.context.ph_alpha for row in rows)


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


def passage(key: str, *, view: View) -> Passage:
    """A passage by its name: a key of ``PASSAGES``."""
    return PASSAGES[key](view)


def _answer(view: View, comparison: Comparison) -> str:
    say, context = view.words, view.context
    direction = comparison.direction(context.primary_measure)
    a, b = comparison.survival_treated.estimate, comparison.survival_reference.estimate
    words = _phrases(view, comparison)
    if comparison.withheld is not None:
        return say("answer.withheld", reason=comparison.withheld, **words)
    if a is None or b is None:
        return say(f"answer.{direction}.without_milestone", **words)
    # Curves that cross: the main measure and the shares at the milestone point different ways, which must be said.
    if (direction == "fewer" and a <= b) or (direction == "more" and a >= b):
        return say(f"answer.{direction}.opposed", a=a, b=b, **words)
    return say(f"answer.{direction}", a=a, b=b, **words)


def _answer_of_one_arm(view: View) -> str:
    value, words = _survival_of_one_arm(view), _own_phrases(view)
    if value.withheld:
        return view.words("answer.one_arm.withheld", reason=value.reason, **words)
    key = "answer.one_arm" if value.given else "answer.one_arm.unknown"
    return view.words(key, a=value.estimate, **words)


def _survival_of_one_arm(view: View) -> Value:
    at, arm = view.context.milestone, view.context.reference
    return Value(None, None, None, None, False) if at is None else value_of(view, "km.survival", arm=arm, time=at)


def _phrases(view: View, comparison: Comparison) -> dict[str, str]:
    """The words of a comparison: the study's own plain phrases, or neutral ones from the catalogue."""
    say, plain = view.words, view.context.plain
    words = _own_phrases(view)
    for name, arm in (("with_treatment", comparison.treatment), ("with_reference", comparison.reference)):
        # With several treatments "with treatment" would not say which.
        own = say.say(plain[name]) if len(view.context.treatments) == 1 and plain.get(name) else None
        words[name] = own or say("phrase.with", group=view.label(arm))
    return words


def _own_phrases(view: View) -> dict[str, str]:
    say, plain = view.words, view.context.plain
    own = {name: say.say(plain[name]) if plain.get(name) else say(f"phrase.{name}") for name in PHRASES}
    return {**own, "time": _time(view, view.context.milestone)}


def _time(view: View, days: int | None) -> str:
    return "" if days is None else cells.duration(view, days)


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
            people=_own_phrases(view)["people"],
            events=count(view, "count.events", "all"),
        ),
        say("grey.follow_up", time=say.duration(context.in_unit(follow_up.estimate), context.unit, 0))
        if follow_up.estimate is not None
        else say("grey.follow_up_unknown"),
        say("grey.cutoff", date=dt.date.fromisoformat(cutoff))
        if cutoff
        else say("grey.no_cutoff", reason=context.cutoff.get("unknown", "")),
    ]


def _key_messages(view: View, found: list[Comparison]) -> list[KeyMessage]:
    """K1 absolute, K2 relative, K3 time, for each comparison in turn, each with its interval."""
    messages: list[KeyMessage] = []
    for comparison in found:
        for build in (_absolute, _relative, _time_gained):
            big, lines = build(view, comparison)
            if len(found) > 1:
                lines = [_versus(view, comparison), *lines]
            messages.append(KeyMessage(id=f"K{len(messages) + 1}", big=big, lines=lines))
    return messages


def _key_messages_of_one_arm(view: View) -> list[KeyMessage]:
    """K1 share at the milestone, K2 median time, K3 restricted mean time: there is nothing to compare with."""
    say, context = view.words, view.context
    survival = _survival_of_one_arm(view)
    if survival.given:
        share = [f"{say.form(survival.estimate, 'percent')}; {_interval(view, survival, 'percent')}"]
        first = say("key.one_arm.big", a=survival.estimate), [say("key.absolute.meaning", **_own_phrases(view)), *share]
    else:
        first = _missing(view, survival, "key.one_arm.name")
    found = [first]
    for analysis, name, tau in (("km.median", "key.median.name", None), ("rmst", "key.mean.name", context.tau)):
        value = value_of(view, analysis, arm=context.reference)
        meaning = say("key.time.meaning", time=_time(view, tau)) if tau is not None else say(name)
        found.append(_length(view, value, "number1", meaning) if value.given else _missing(view, value, name))
    return [KeyMessage(id=f"K{i}", big=big, lines=lines) for i, (big, lines) in enumerate(found, 1)]


def _length(view: View, value: Value, kind: str, meaning: str) -> tuple[str, list[str]]:
    """A length of time in the display unit, big, with what it means and its interval under it."""
    say, context = view.words, view.context
    days = (value.estimate, value.low, value.high)
    shown, low, high = (None if given is None else context.in_unit(given) for given in days)
    big = say("key.time.big", value=say.form(shown, kind), unit=say(f"unit.{context.unit}"))
    return big, [meaning, _interval(view, Value(shown, low, high, None, False), "number1")]


def _versus(view: View, comparison: Comparison) -> str:
    return view.words(
        "key.versus", treatment=view.label(comparison.treatment), reference=view.label(comparison.reference)
    )


def _interval(view: View, value: Value, kind: str, key: str = "key.interval") -> str:
    level = cells.level(view)
    low, high = view.words.form(value.low, kind), view.words.form(value.high, kind)
    return view.words(key, level=level, low=low, high=high)


def _absolute(view: View, comparison: Comparison) -> tuple[str, list[str]]:
    say, value = view.words, comparison.difference
    if value.estimate is None:
        return _missing(view, value, "key.absolute.name")
    phrases = _phrases(view, comparison)
    both = say("key.absolute.both", a=comparison.survival_treated.estimate, b=comparison.survival_reference.estimate)
    rounded = _rounding_shows(comparison, 0) or _rounding_shows(comparison, 1)
    return say("key.absolute.big", difference=value.estimate), [
        say("key.absolute.meaning", **phrases) + (" " + say("key.rounded") if rounded else ""),
        f"{both}; {_interval(view, value, 'points', 'key.interval_points')}",
    ]


def _rounding_shows(comparison: Comparison, digits: int) -> bool:
    """Whether shares printed with these digits do not give the difference printed per 100."""
    a, b = (
        round_half_away(_times_100(value.estimate or 0.0), digits)
        for value in (comparison.survival_treated, comparison.survival_reference)
    )
    return round_half_away(a - b, 0) != _per100(comparison.difference.estimate or 0.0)


def _relative(view: View, comparison: Comparison) -> tuple[str, list[str]]:
    say, value = view.words, comparison.hazard_ratio
    if value.estimate is None:
        return _missing(view, value, "key.relative.name")
    strata = [view.label(name) for name in view.context.strata]
    lines = [
        _interval(view, value, "ratio"),
        say("key.relative.stratified", strata=strata) if strata else say("key.relative.unstratified"),
    ]
    if comparison.logrank_p is not None:
        lines.append(say("key.relative.p", p=comparison.logrank_p))
    if comparison.adjusted.given and view.context.design != "randomised":
        interval = _interval(view, comparison.adjusted, "ratio", "key.interval_short")
        lines.append(say("key.relative.adjusted", value=comparison.adjusted.estimate, interval=interval))
    if proportional_hazards_doubtful(view):
        lines.append(say("key.relative.average"))
    return say("key.relative.big", value=value.estimate), lines


def _time_gained(view: View, comparison: Comparison) -> tuple[str, list[str]]:
    value = comparison.rmst_difference
    if value.estimate is None:
        return _missing(view, value, "key.time.name")
    return _length(view, value, "signed1", view.words("key.time.meaning", time=_time(view, view.context.tau)))


def _missing(view: View, value: Value, name: str) -> tuple[str, list[str]]:
    say = view.words
    big = say("key.withheld") if value.withheld else say("key.not_estimable")
    return big, [say(name), value.reason or say("key.not_asked")]


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


def _who(view: View) -> list[str]:
    say, context = view.words, view.context
    plain = context.plain
    n = count(view, "count.subjects", "all")
    people = _own_phrases(view)["people"]
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
        phrases = _phrases(view, comparison)
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
            if _per100(value.estimate) == 0
            else f"plain.seen.{'more' if value.estimate > 0 else 'fewer'}"
        )
        about = say("plain.seen.rounded") if _rounding_shows(comparison, 0) else ""
        sentences.append(say(key, size=abs(value.estimate), rounded=about))
        sentences.append(_range(view, value))
    return sentences


def _seen_in_one_arm(view: View) -> list[str]:
    say, value = view.words, _survival_of_one_arm(view)
    if value.withheld:
        return [say("plain.seen.withheld", reason=value.reason)]
    if value.estimate is None:
        return [say("plain.seen.unknown")]
    sentences = [say("plain.seen.one_arm", a=value.estimate, **_own_phrases(view))]
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


def _per100(share: float) -> int:
    return int(round_half_away(_times_100(share), 0))


def _times_100(share: float) -> Decimal:
    # In decimal, as the printed forms do it: 0.145 * 100 is 14.499999999999998 in binary.
    return Decimal(repr(float(share))) * 100


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


def _effect(view: View) -> Passage:
    """The results in sentences for a technical reader: absolute, relative, time."""
    say, context = view.words, view.context
    paragraphs = []
    for comparison in comparisons(view):
        phrases = _phrases(view, comparison)
        parts = [_plain_text(_answer(view, comparison))]
        for key, value, kind in (
            ("effect.difference", comparison.difference, "points"),
            ("effect.hazard_ratio", comparison.hazard_ratio, "ratio"),
            ("effect.adjusted", comparison.adjusted, "ratio"),
        ):
            if value.given:
                interval = _interval(view, value, kind)
                parts.append(say(key, value=value.estimate, interval=interval, **phrases))
        if comparison.logrank_p is not None:
            parts.append(say(f"effect.logrank.{comparison.hazard_ratio_kind}", p=comparison.logrank_p))
        if comparison.direction(context.primary_measure) == "unclear":
            parts.append(say("effect.unclear"))
        paragraphs.append(" ".join(parts))
    if not paragraphs:
        value = _survival_of_one_arm(view)
        parts = [_plain_text(_answer_of_one_arm(view))]
        if value.given:
            parts.append(say("effect.one_arm", value=value.estimate, interval=_interval(view, value, "percent")))
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
    items += [say("limitations.tau", time=_time(view, context.tau))] if context.tau is not None else []
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
