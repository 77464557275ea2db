"""The story of a safety report: how many had an unwanted event, how severe, and how many stopped treatment.

Nothing here calls a difference good or bad: shares of both arms stand side by side, and that no comparison was
formally tested is said wherever numbers are compared.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from evidence_lib.language import round_half_away
from evidence_lib.report import cells
from evidence_lib.report.comparison import Value, count, value_of
from evidence_lib.report.context import View
from evidence_lib.report.display import Passage
from evidence_lib.report.first_screen import KeyMessage, without_bold
from evidence_lib.report.phrases import interval_text, own_phrases, per100, times_100
from evidence_lib.report.tables.safety_cells import DIFFERENCE

# The worse half of the events: the first of these that the data have.
WORSE = ("grade3", "severe", "serious")
STOPPED = "discontinuation"
EXPOSURE_DIFFERS = 1.25  # the ratio of the arms' mean durations of treatment from which a caution says so


@dataclass(frozen=True)
class _Pair:
    """The share of both arms with an event of one category, and the difference."""

    category: str
    treatment: str
    treated: Value
    reference: Value
    difference: Value
    rate_ratio: Value

    @property
    def given(self) -> bool:
        """Whether both shares are known."""
        return self.treated.given and self.reference.given


def answer(view: View) -> str:
    """The share of each arm with any unwanted event, then with the worse ones, and of those who stopped."""
    sentences = [_sentence(view, category) for category in _headline(view)]
    return " ".join(text for text in sentences if text) or view.words("safety.story.unknown")


def key_messages(view: View) -> list[KeyMessage]:
    """K1 any event, K2 the worse ones, K3 those who stopped, for each comparison; in one arm the shares."""
    say = view.words
    found: list[KeyMessage] = []
    for treatment in view.context.treatments or ("",):
        for category in _headline(view):
            if treatment:
                big, lines = _difference(view, _pair(view, category, treatment))
                if len(view.context.treatments) > 1:
                    lines = [cells.versus(view, treatment, view.context.reference), *lines]
            else:
                share = _share(view, category, view.context.reference)
                known = share.estimate is not None
                big = say("safety.story.share", share=share.estimate) if known else say("key.not_estimable")
                lines = [say(f"safety.story.meaning.{category}")]
            found.append(KeyMessage(id=f"K{len(found) + 1}", big=big, lines=lines))
    return found


def figure(view: View) -> tuple[str, tuple[dict[str, Any], ...]] | None:
    """The most frequent events: shares and differences."""
    if "safety.shown" not in view.results.tables or not view.results.tables["safety.shown"]["rows"]:
        return None
    return "figures.risk_differences", ({"table": "safety.shown"},)


def grey_line(view: View) -> list[str]:
    """How many were treated, how many events they had, and for how long they were treated in all."""
    say = view.words
    parts = [say("safety.story.people", n=count(view, "count.subjects", "all"), people=own_phrases(view)["people"])]
    events = view.results.find("ae.events", arm="all", category="any")
    if events is not None and isinstance(events.value, int):
        parts.append(say("safety.story.events", count=events.value))
    years = view.results.find("exposure.patient_years", arm="all")
    if years is not None and isinstance(years.value, float):
        parts.append(say("safety.story.years", years=years.value))
    return parts


def cautions(view: View) -> list[str]:
    """Unequal lengths of treatment, and that nothing was formally tested."""
    say, lines = view.words, []
    durations = _durations(view)
    if len(durations) > 1 and max(durations.values()) >= EXPOSURE_DIFFERS * min(durations.values()):
        named = [say("safety.story.duration", arm=view.label(arm), days=days) for arm, days in durations.items()]
        lines.append(say("safety.story.exposure_differs", durations=named))
    if view.context.treatments:
        lines.append(say("safety.story.not_tested"))
    return lines


def unclear(view: View) -> list[str]:
    """For each treatment the comparisons of the headline whose interval includes no difference; no others."""
    say, sentences = view.words, []
    for treatment in view.context.treatments:
        pairs = [_pair(view, category, treatment) for category in _headline(view)]
        what = [_in_question(view, pair) for pair in pairs if _may_be_none(view, pair)]
        if not what:
            continue
        if len(view.context.treatments) == 1:
            sentences.append(say("safety.story.plain.maybe_none", what=what))
            continue
        versus = cells.versus(view, treatment, view.context.reference)
        sentences.append(say("safety.story.plain.maybe_none_of", comparison=versus, what=what))
    return sentences


def seen(view: View) -> list[str]:
    """What was seen, in plain sentences and natural frequencies."""
    say, sentences = view.words, []
    people = own_phrases(view)["people"]
    for category in _headline(view):
        shares = {arm: _share(view, category, arm) for arm in view.context.arms}
        known = {arm: share for arm, share in shares.items() if share.estimate is not None}
        if not known:
            continue
        sentences.append(say(f"safety.story.plain.{category}", people=people))
        key = "safety.story.plain.arm" if len(view.context.arms) > 1 else "safety.story.plain.one_arm"
        for arm, share in known.items():
            sentences.append(say(key, group=view.label(arm), n=per100(share.estimate or 0.0)))
    return sentences or [say("safety.story.plain.unknown")]


def _headline(view: View) -> list[str]:
    """The categories of the headline that the data have: any, the worse ones, stopped."""
    there = {row.groups.get("category") for row in view.results.select("ae.incidence")}
    worse = [category for category in WORSE if category in there][:1]
    return [category for category in ("any", *worse, STOPPED) if category in there]


def _pair(view: View, category: str, treatment: str) -> _Pair:
    groups = {"category": category, "treatment": treatment}
    return _Pair(
        category=category,
        treatment=treatment,
        treated=_share(view, category, treatment),
        reference=_share(view, category, view.context.reference),
        difference=value_of(view, DIFFERENCE, **groups),
        rate_ratio=value_of(view, "rate.ratio.exact", **groups),
    )


def _may_be_none(view: View, pair: _Pair) -> bool:
    """Whether the interval of the declared measure includes no difference."""
    if view.context.primary_measure == "rate_ratio":
        return pair.rate_ratio.given and not pair.rate_ratio.excludes(1.0)
    return pair.difference.given and not pair.difference.excludes(0.0)


def _in_question(view: View, pair: _Pair) -> str:
    what = view.words(f"safety.story.plain.what.{pair.category}")
    if view.context.primary_measure == "rate_ratio":
        return view.words("safety.story.plain.what_in_time", what=what)
    return what


def _share(view: View, category: str, arm: str) -> Value:
    return value_of(view, "ae.incidence", category=category, arm=arm)


def _with(view: View, arm: str) -> str:
    """The study's own words for an arm where there are two; else its name."""
    plain, context = view.context.plain, view.context
    name = "with_reference" if arm == context.reference else "with_treatment"
    if len(context.treatments) == 1 and plain.get(name):
        return view.words.say(plain[name])
    return view.words("phrase.with", group=view.label(arm))


def _sentence(view: View, category: str) -> str:
    """One sentence on a category: of 100 patients, 92 with A and 76 with B had an unwanted event."""
    say, people = view.words, own_phrases(view)["people"]
    shares = {arm: _share(view, category, arm).estimate for arm in view.context.arms}
    known = {arm: share for arm, share in shares.items() if share is not None}
    if not known:
        return ""
    if len(view.context.arms) == 1:
        values = [say("safety.story.number", share=share) for share in known.values()]
    else:
        values = [say("safety.story.number_with", share=s, group=_with(view, arm)) for arm, s in known.items()]
    return say(f"safety.story.answer.{category}", people=people, shares=values)


def _difference(view: View, pair: _Pair) -> tuple[str, list[str]]:
    say = view.words
    meaning = say(f"safety.story.meaning.{pair.category}")
    if pair.difference.estimate is None:
        return say("key.not_estimable"), [meaning, pair.difference.reason or say("key.not_asked")]
    both = say("key.absolute.both", a=pair.treated.estimate, b=pair.reference.estimate)
    interval = interval_text(view, pair.difference, "points", "key.interval_points")
    meaning += f" {say('key.rounded')}" if _rounding_shows(pair) else ""
    return say("key.absolute.big", difference=pair.difference.estimate), [meaning, f"{both}; {interval}"]


def _rounding_shows(pair: _Pair) -> bool:
    """Whether the shares as printed, in 100 or in percent, do not give the difference as printed."""
    a, b, difference = (value.estimate or 0.0 for value in (pair.treated, pair.reference, pair.difference))
    one, zero = (round_half_away(times_100(share), 1) for share in (a, b))
    return per100(a) - per100(b) != per100(difference) or round_half_away(one - zero, 0) != per100(difference)


def _durations(view: View) -> dict[str, float]:
    """The mean duration of treatment of each arm, in days."""
    if "safety.exposure" not in view.results.tables:
        return {}
    table = view.results.table("safety.exposure")
    lines = table[table["variable"] == "duration"].to_dict("records") if len(table) else []
    found = {str(line["arm"]): line["mean"] for line in lines}
    return {arm: float(found[arm]) for arm in view.context.arms if found.get(arm)}


def _result(view: View) -> Passage:
    """The results for a technical reader: each category with both shares, the difference and the ratio of rates."""
    say, items = view.words, []
    for treatment in view.context.treatments:
        for category in _headline(view):
            pair = _pair(view, category, treatment)
            if not pair.given:
                continue
            parts = [say("key.absolute.both", a=pair.treated.estimate, b=pair.reference.estimate)]
            if pair.difference.given:
                interval = interval_text(view, pair.difference, "points")
                parts.append(say("safety.story.difference", value=pair.difference.estimate, interval=interval))
            if pair.rate_ratio.given:
                interval = interval_text(view, pair.rate_ratio, "ratio")
                parts.append(say("safety.story.rate_ratio", value=pair.rate_ratio.estimate, interval=interval))
            versus = cells.versus(view, treatment, view.context.reference)
            heading = say(f"safety.category.{category}")
            items.append(say("safety.story.line", category=heading, comparison=versus, values="; ".join(parts)))
    if view.context.treatments:
        return Passage(items=[*items, say("safety.story.not_tested_long")])
    return Passage(paragraphs=[without_bold(answer(view))])


def _limitations(view: View) -> Passage:
    say, context = view.words, view.context
    items = [say(f"limitations.{context.design}")]
    items += [say(f"safety.limitations.{name}") for name in ("rare", "counted", "many", "after")]
    items += [say("limitations.cutoff", reason=context.cutoff["unknown"])] if context.cutoff.get("unknown") else []
    items += [say.say(text) for text in context.limitations]
    return Passage(items=items)


NOT_KNOWN = "safety.story.not_known"
PASSAGES = {"safety.result": _result, "safety.limitations": _limitations}
