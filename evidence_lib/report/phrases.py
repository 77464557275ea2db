"""The phrases that sentences share: the study's own words, times, intervals and what rounding does to them."""

from __future__ import annotations

from decimal import Decimal
from typing import Protocol

from evidence_lib.language import round_half_away
from evidence_lib.report import cells
from evidence_lib.report.comparison import Comparison, Value, value_of
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


def rounding_shows(comparison: Comparison, digits: int) -> bool:
    """Whether shares printed with these digits do not give the difference printed per 100."""
    shares = (comparison.survival_treated, comparison.survival_reference)
    return rounds_apart(*shares, comparison.difference, digits)


def rounds_apart(treated: Value, reference: Value, difference: Value, digits: int) -> bool:
    """Whether two shares printed with these digits do not give their difference printed per 100."""
    a, b = (round_half_away(times_100(value.estimate or 0.0), digits) for value in (treated, reference))
    return round_half_away(a - b, 0) != per100(difference.estimate or 0.0)


def gap(view: View, value: Value) -> str:
    """How small or large the true difference of two shares could be, in plain words; empty without an interval."""
    if value.low is None or value.high is None:
        return ""
    if not value.excludes(0.0):
        return view.words("plain.seen.maybe_none", worse=abs(min(value.low, 0.0)), better=max(value.high, 0.0))
    low, high = sorted((abs(value.low), abs(value.high)))
    return view.words("plain.seen.range", low=low, high=high)


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
