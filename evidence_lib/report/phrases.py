"""The phrases that sentences share: the study's own words, times, intervals and what rounding does to them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from decimal import Decimal
from typing import Protocol

from evidence_lib.language import round_half_away
from evidence_lib.report import cells
from evidence_lib.report.comparison import Comparison, Direction, Value, direction_of, value_of
from evidence_lib.report.context import View

PHRASES = ("people", "event", "outcome")


class Compared(Protocol):
    """Two arms that are compared."""

    @property
    def treatment(self) -> str:
        """The treated arm."""

    @property
    def reference(self) -> str:
        """The arm of comparison."""


def own_phrases(view: View) -> dict[str, str]:
    """The study's own words for people, event and outcome, or neutral ones; and the milestone."""
    say, plain = view.words, view.context.plain
    own = {name: say.say(plain[name]) if plain.get(name) else say(f"phrase.{name}") for name in PHRASES}
    return {**own, "time": time_text(view, view.context.milestone)}


def phrases_of(view: View, comparison: Compared) -> dict[str, str]:
    """The words of a comparison: the study's own plain phrases, or neutral ones from the catalogue."""
    say, plain = view.words, view.context.plain
    words = own_phrases(view)
    for name, arm in (("with_treatment", comparison.treatment), ("with_reference", comparison.reference)):
        # With several treatments "with treatment" would not say which.
        own = say.say(plain[name]) if len(view.context.treatments) == 1 and plain.get(name) else None
        words[name] = own or say("phrase.with", group=view.label(arm))
    return words


def time_text(view: View, days: int | None) -> str:
    """A time in the report's unit; empty for none."""
    return "" if days is None else cells.duration(view, days)


def interval_text(view: View, value: Value, kind: str, key: str = "key.interval") -> str:
    """The interval of a value, with its level, in a number form of the words."""
    level = cells.level(view)
    low, high = view.words.form(value.low, kind), view.words.form(value.high, kind)
    return view.words(key, level=level, low=low, high=high)


def effect_sentences(view: View, effects: Iterable[tuple[str, Value, str]], phrases: Mapping[str, str]) -> list[str]:
    """A sentence with interval for each effect that is given: the key of its sentence, its value, its number form."""
    return [
        view.words(key, value=value.estimate, interval=interval_text(view, value, kind), **phrases)
        for key, value, kind in effects
        if value.given
    ]


def rounding_shows(comparison: Comparison, digits: int) -> bool:
    """Whether shares printed with these digits do not give the difference printed per 100."""
    shares = (comparison.survival_treated, comparison.survival_reference)
    return rounds_apart(*shares, comparison.difference, digits)


def rounds_apart(treated: Value, reference: Value, difference: Value, digits: int) -> bool:
    """Whether two shares printed with these digits do not give their difference printed per 100."""
    a, b = (round_half_away(times_100(value.estimate or 0.0), digits) for value in (treated, reference))
    return round_half_away(a - b, 0) != per100(difference.estimate or 0.0)


def gap(
    view: View, value: Value, *, direction: Direction, words: Mapping[str, str], fewer_above: bool = True
) -> list[str]:
    """How small or large the true difference of two shares at the milestone could be, in plain words.

    ``direction`` is what the main measure says: only it can say that there may be no difference. Where the interval at
    the milestone says something else, it is told as that of one time by itself, with the main measure's answer after
    it. ``fewer_above``: whether a difference above 0 means fewer events.
    """
    say, at_milestone = view.words, direction_of(value, no_effect=0.0, fewer_above=fewer_above)
    main = [] if at_milestone == direction else [main_answer(view, direction, words)]
    if value.low is None or value.high is None:
        return main
    if value.excludes(0.0):
        return [gap_range(view, value), *main]
    if not main:
        return [gap_range(view, value)]
    low, high = _range_ends(view, value)
    return [say("plain.seen.alone", low=low, high=high, **words), *main]


def gap_range(view: View, value: Value) -> str:
    """Between which gaps the true difference of two shares may lie, in 100 people; that there may be none first."""
    say = view.words
    if not value.excludes(0.0):
        low, high = _range_ends(view, value)
        return say("plain.seen.maybe_none", low=low, high=high)
    sizes = sorted((abs(value.low or 0.0), abs(value.high or 0.0)))
    small, large = (say.form(size, "per100") if per100(size) else say("plain.seen.under_one") for size in sizes)
    return say("plain.seen.range", low=small, high=large)


def main_answer(view: View, direction: Direction, words: Mapping[str, str]) -> str:
    """What the declared main measure says, which looks at more than the milestone."""
    context = view.context
    first = context.primary_measure == "rmst_difference" and context.tau is not None
    span = (
        view.words("plain.seen.first", time=time_text(view, context.tau)) if first else view.words("plain.seen.whole")
    )
    return view.words(f"plain.seen.main.{direction}", span=span, **words)


def _range_ends(view: View, value: Value) -> tuple[str, str]:
    """The ends of an interval that includes no difference, in 100 people: how many fewer, and how many more."""
    say, ends = view.words, {"fewer": -min(value.low or 0.0, 0.0), "more": max(value.high or 0.0, 0.0)}
    if not any(per100(size) for size in ends.values()):
        return say("plain.seen.end.fewer_than_one"), say("plain.seen.end.more_than_none")
    low, high = (
        say(f"plain.seen.end.{way}", size=n) if per100(n) else say("plain.seen.zero") for way, n in ends.items()
    )
    return low, high


def times_100(share: float) -> Decimal:
    """A share as a percentage, exact in decimal."""
    # In decimal, as the printed forms do it: 0.145 * 100 is 14.499999999999998 in binary.
    return Decimal(repr(float(share))) * 100


def survival_of_one_arm(view: View) -> Value:
    """Survival at the milestone where there is no comparison."""
    at, arm = view.context.milestone, view.context.reference
    return Value(None, None, None, None, False) if at is None else value_of(view, "km.survival", arm=arm, time=at)


def proportional_hazards_doubtful(view: View) -> bool:
    """Whether the check of proportional hazards gave a p-value under the declared level, for any treatment."""
    rows = view.results.select("proportional_hazards.test", "p_value")
    return any(row.value is not None and float(row.value) < view.context.ph_alpha for row in rows)


def per100(share: float) -> int:
    """A share as a whole number in 100."""
    return int(round_half_away(times_100(share), 0))
