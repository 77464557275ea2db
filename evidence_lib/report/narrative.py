"""The sentences of a report: every one from the catalogue, every number in it from the results.

Wording follows the design and the checks: causal words never appear, an interval that includes no effect says so,
a withheld estimate is said to be withheld, and a failed check comes first.
"""

from __future__ import annotations

import re

from evidence_lib.language import message_from_json, round_half_away
from evidence_lib.report import cells
from evidence_lib.report.comparison import Comparison, Value, comparisons, count, value_of
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import FirstScreen, KeyMessage, PageStatus

BASELINE_DIFFERENCES_NAMED = 2


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
        answer=_bold(" ".join(_answer(view, comparison) for comparison in found)),
        caution_title=say("caution.title"),
        caution=cautions(view),
        key_messages=_key_messages(view, found),
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
        say("caution.failed_check", check=say(f"check.{gate.id}.name"), reason=gate.reason or "")
        for gate in view.results.gates.values()
        if gate.result == "fail"
    ]
    if context.design in ("partly-randomised", "observational"):
        lines.append(say(f"caution.{context.design}", differences=_baseline_differences(view)))
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
    seen = {"a": comparison.survival_treated.estimate, "b": comparison.survival_reference.estimate}
    words = {**_phrases(view, comparison), **seen}
    if comparison.difference.withheld or comparison.hazard_ratio.withheld:
        return say("answer.withheld", reason=comparison.difference.reason or comparison.hazard_ratio.reason, **words)
    if None in seen.values():
        return say(f"answer.{direction}.without_milestone", **words)
    return say(f"answer.{direction}", **words)


def _phrases(view: View, comparison: Comparison) -> dict[str, str]:
    """The study's own plain phrases, or neutral ones from the catalogue."""
    say, plain, context = view.words, view.context.plain, view.context
    single = len(context.treatments) == 1
    group = {"treatment": view.label(comparison.treatment), "reference": view.label(comparison.reference)}
    own = {key: say.say(plain[key]) for key in plain if key != "not_known" and plain[key]}
    return {
        "people": own.get("people") or say("phrase.people"),
        "event": own.get("event") or say("phrase.event"),
        "outcome": own.get("outcome") or say("phrase.outcome"),
        "with_treatment": (own.get("with_treatment") if single else None)
        or say("phrase.with", group=group["treatment"]),
        "with_reference": (own.get("with_reference") if single else None)
        or say("phrase.with", group=group["reference"]),
        "time": _time(view, context.milestone),
    }


def _time(view: View, days: int | None) -> str:
    return "" if days is None else cells.duration(view, days)


def _grey_line(view: View) -> list[str]:
    say, context = view.words, view.context
    follow_up = value_of(view, "follow_up.median", arm="all")
    people = say.say(context.plain["people"]) if context.plain.get("people") else say("phrase.people")
    cutoff = context.cutoff.get("date")
    return [
        say.say(context.study_title),
        say(f"design.{context.design}"),
        say(
            "grey.counts",
            n=count(view, "count.subjects", "all"),
            people=people,
            events=count(view, "count.events", "all"),
        ),
        say("grey.follow_up", time=say.duration(context.in_unit(follow_up.estimate), context.unit, 0))
        if follow_up.estimate is not None
        else say("grey.follow_up_unknown"),
        say("grey.cutoff", date=cutoff) if cutoff else say("grey.no_cutoff", reason=context.cutoff.get("unknown", "")),
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
    rounded = _rounding_shows(comparison)
    return say("key.absolute.big", difference=value.estimate), [
        say("key.absolute.meaning", **phrases) + (" " + say("key.rounded") if rounded else ""),
        f"{both}; {_interval(view, value, 'points', 'key.interval_points')}",
    ]


def _rounding_shows(comparison: Comparison) -> bool:
    """Whether the rounded difference is not the difference of the rounded shares."""
    shares = (
        comparison.survival_treated.estimate,
        comparison.survival_reference.estimate,
        comparison.difference.estimate,
    )
    a, b, difference = (round_half_away((share or 0.0) * 100, 0) for share in shares)
    return a - b != difference


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
    say, value, context = view.words, comparison.rmst_difference, view.context
    if value.estimate is None:
        return _missing(view, value, "key.time.name")
    low, high = (None if limit is None else context.in_unit(limit) for limit in (value.low, value.high))
    shown = say.form(context.in_unit(value.estimate), "signed1")
    unit = say(f"unit.{context.unit}")
    interval = _interval(view, Value(0.0, low, high, None, False), "number1")
    return say("key.time.big", value=shown, unit=unit), [
        say("key.time.meaning", time=_time(view, context.tau)),
        interval,
    ]


def _missing(view: View, value: Value, name: str) -> tuple[str, list[str]]:
    say = view.words
    big = say("key.withheld") if value.withheld else say("key.not_estimable")
    return big, [say(name), value.reason or say("key.not_asked")]


def _baseline_differences(view: View) -> str:
    """The baseline variables that differ most between the arms, with both values."""
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
    for row in ranked.to_dict("records"):
        name, level = str(row["variable"]), row["level"]
        if name in named or len(named) == BASELINE_DIFFERENCES_NAMED:
            continue
        of = summary[summary["variable"] == name]
        of = of[of["level"].isna()] if level is None else of[of["level"] == level]
        treated, reference = (of[of["arm"] == arm].iloc[0] for arm in (row["treatment"], context.reference))
        key, statistic = ("caution.median", "median") if level is None else ("caution.share", "share")
        pair = {"a": treated[statistic], "b": reference[statistic]}
        named[name] = say(key, variable=view.label(name), level=view.label(str(level or "")), **pair)
    return say.listed(list(named.values()))


def _who(view: View) -> list[str]:
    say, context = view.words, view.context
    plain = context.plain
    n = count(view, "count.subjects", "all")
    people = say.say(plain["people"]) if plain.get("people") else say("phrase.people")
    if plain.get("condition"):
        sentences = [say("plain.who.condition", n=n, people=people, condition=plain["condition"])]
    else:
        sentences = [say("plain.who.generic", n=n, people=people)]
    counts = {arm: count(view, "count.subjects", arm) for arm in context.arms}
    if len(context.treatments) == 1 and plain.get("treatment") and plain.get("reference"):
        treated, reference = counts[context.treatments[0]], counts[context.reference]
        sentences.append(say("plain.who.took", n=treated, did=plain["treatment"]))
        sentences.append(say("plain.who.not", n=reference, did=plain["reference"]))
    else:
        sentences += [say("plain.who.group", n=n, group=view.label(arm)) for arm, n in counts.items()]
    return sentences


def _seen(view: View) -> list[str]:
    say = view.words
    sentences = []
    for comparison in comparisons(view):
        phrases = _phrases(view, comparison)
        value = comparison.difference
        if value.withheld:
            return [say("plain.seen.withheld", reason=value.reason)]
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
        about = say("plain.seen.rounded") if _rounding_shows(comparison) else ""
        sentences.append(say(key, size=abs(value.estimate), rounded=about))
        sentences.append(_range(view, value))
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
    return int(round_half_away(share * 100, 0))


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
    paragraphs.append(say(f"effect.reading.{context.design}"))
    return Passage(paragraphs=paragraphs)


def _hazards(view: View) -> Passage:
    say = view.words
    paragraphs = []
    for treatment in view.context.treatments:
        row = view.results.find("proportional_hazards.test", "p_value", treatment=treatment)
        if row is None or row.value is None:
            paragraphs.append(say("hazards.unknown", treatment=view.label(treatment)))
            continue
        key = "hazards.doubtful" if float(row.value) < view.context.ph_alpha else "hazards.compatible"
        paragraphs.append(say(key, p=row.value, alpha=view.words.number(view.context.ph_alpha, 2)))
    return Passage(paragraphs=paragraphs)


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
