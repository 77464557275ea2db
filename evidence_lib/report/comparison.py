"""The headline numbers of a comparison, read from the results: what sentences and key messages are made of."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evidence_lib.report.context import View
from evidence_lib.results import Row

PRIMARY_MEASURES = ("survival_difference", "rmst_difference", "hazard_ratio")
Direction = Literal["fewer", "more", "unclear", "unknown"]


@dataclass(frozen=True)
class Value:
    """An estimate with its limits; None where it is not given, with the reason why."""

    estimate: float | None
    low: float | None
    high: float | None
    reason: str | None
    withheld: bool

    @property
    def given(self) -> bool:
        """Whether there is an estimate."""
        return self.estimate is not None

    def excludes(self, no_effect: float) -> bool:
        """Whether the interval is complete and leaves ``no_effect`` out."""
        return self.low is not None and self.high is not None and not self.low <= no_effect <= self.high


@dataclass(frozen=True)
class Comparison:
    """One treatment against the reference at the headline milestone, and over the whole follow-up."""

    treatment: str
    reference: str
    survival_treated: Value
    survival_reference: Value
    difference: Value
    hazard_ratio: Value
    hazard_ratio_kind: Literal["stratified", "unstratified"]
    adjusted: Value
    logrank_p: float | None
    rmst_difference: Value

    @property
    def withheld(self) -> str | None:
        """Why the comparison may not be judged: the reason of a withheld effect; None where none is withheld."""
        effects = (self.difference, self.hazard_ratio, self.rmst_difference)
        return next((value.reason for value in effects if value.withheld), None)

    def direction(self, primary: str | None) -> Direction:
        """Whether events were fewer with the treatment, by the interval of the declared primary measure."""
        value, no_effect, fewer_above = {
            "survival_difference": (self.difference, 0.0, True),
            "rmst_difference": (self.rmst_difference, 0.0, True),
            "hazard_ratio": (self.hazard_ratio, 1.0, False),
        }[str(primary)]
        return direction_of(value, no_effect=no_effect, fewer_above=fewer_above)

    def measures_differ(self, primary: str | None) -> bool:
        """Whether the primary measure points one way and the interval of another headline measure does not."""
        return differ({measure: self.direction(measure) for measure in PRIMARY_MEASURES}, str(primary))


def direction_of(value: Value, *, no_effect: float, fewer_above: bool) -> Direction:
    """Whether events were fewer with the treatment, by the interval; ``fewer_above``: where the value is above."""
    if value.estimate is None:
        return "unknown"
    if not value.excludes(no_effect):
        return "unclear"
    return "fewer" if (value.estimate > no_effect) == fewer_above else "more"


def differ(directions: Mapping[str, Direction], primary: str) -> bool:
    """Whether the primary measure points one way and the interval of another measure does not."""
    led = directions[primary]
    others = [direction for measure, direction in directions.items() if measure != primary]
    return led in ("fewer", "more") and any(other not in (led, "unknown") for other in others)


def comparisons(view: View) -> list[Comparison]:
    """One comparison per treatment, in the report's order."""
    return [_comparison(view, treatment) for treatment in view.context.treatments]


def value_of(view: View, analysis: str, **groups: Any) -> Value:
    """The estimate of an analysis with its limits."""
    row = view.results.find(analysis, **groups)
    if row is None:
        return Value(None, None, None, None, False)
    low, high = (view.results.find(analysis, limit, **groups) for limit in ("conf_low", "conf_high"))
    reason = view.words.say(row.reason) if row.reason is not None else None
    return Value(number_of(row), number_of(low), number_of(high), reason, row.status == "withheld")


def count(view: View, analysis: str, arm: str) -> int:
    """Subjects or events of an arm, or of ``all``."""
    row = view.results.find(analysis, arm=arm)
    return int(row.value) if row is not None and row.value is not None else 0


def _comparison(view: View, treatment: str) -> Comparison:
    context = view.context
    pair: dict[str, Any] = {"treatment": treatment, "reference": context.reference}
    kind: Literal["stratified", "unstratified"] = "stratified" if context.strata else "unstratified"
    none = Value(None, None, None, None, False)
    at = context.milestone
    logrank = view.results.find(f"logrank.{kind}", "p_value", **pair)
    return Comparison(
        treatment=treatment,
        reference=context.reference,
        survival_treated=none if at is None else value_of(view, "km.survival", arm=treatment, time=at),
        survival_reference=none if at is None else value_of(view, "km.survival", arm=context.reference, time=at),
        difference=none if at is None else value_of(view, "milestone.difference", time=at, **pair),
        hazard_ratio=value_of(view, f"cox.hazard_ratio.{kind}", **pair),
        hazard_ratio_kind=kind,
        adjusted=value_of(view, "cox.hazard_ratio.adjusted", **pair),
        logrank_p=number_of(logrank),
        rmst_difference=value_of(view, "rmst.difference", **pair),
    )


def number_of(row: Row | None) -> float | None:
    """The number of a row; None for a row without one."""
    return float(row.value) if row is not None and row.value is not None and not isinstance(row.value, str) else None
