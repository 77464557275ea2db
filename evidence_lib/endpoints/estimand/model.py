"""The estimand of ICH E9(R1) as data: five attributes, and what each strategy does to which kind of outcome."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, get_args

from evidence_lib.errors import InvalidInput, StudyError
from evidence_lib.language import Localized, words

Strategy = Literal["treatment policy", "composite", "hypothetical", "while on treatment", "principal stratum"]
Handling = Literal["censor", "impute", "retrieved-dropout", "worst-value", "failure"]
Kind = Literal["time-to-event", "continuous", "binary"]
STRATEGIES: tuple[Strategy, ...] = get_args(Strategy)
# Strategies under which the outcome after the event is another one than that observed.
ENDING: tuple[Strategy, ...] = ("composite", "while on treatment", "hypothetical")
HANDLINGS: tuple[Handling, ...] = get_args(Handling)

# How a strategy can be carried out for a kind of outcome; the first is what it means unless the study file says other.
# None: the data are taken as the strategy itself defines them.
_WAYS: Mapping[tuple[Strategy, Kind], tuple[Handling | None, ...]] = {
    ("treatment policy", "time-to-event"): (None,),
    ("treatment policy", "continuous"): ("retrieved-dropout", "impute"),
    ("treatment policy", "binary"): (None,),
    ("composite", "time-to-event"): ("failure",),
    ("composite", "continuous"): ("worst-value", "failure"),
    ("composite", "binary"): ("failure",),
    ("hypothetical", "time-to-event"): ("censor",),
    ("hypothetical", "continuous"): ("impute",),
    ("hypothetical", "binary"): ("impute",),
    **{("while on treatment", kind): (None,) for kind in get_args(Kind)},
    **{("principal stratum", kind): (None,) for kind in get_args(Kind)},
}


def ways(strategy: Strategy, kind: Kind | None = None) -> tuple[Handling | None, ...]:
    """How a strategy can be carried out for a kind of outcome, the default first; None for all kinds together."""
    kinds = get_args(Kind) if kind is None else (kind,)
    return tuple(dict.fromkeys(way for one in kinds for way in _WAYS[strategy, one]))


@dataclass(frozen=True, kw_only=True)
class IntercurrentEvent:
    """An event after the start of treatment that changes what the outcome means, and the strategy that addresses it.

    ``number`` counts from 1 in the order of the study file. ``strategy`` is None for one that the file states in a
    text only. ``date`` is the column of ADSL with the day of the event; without it the strategy is already in the
    analysis data. ``handling`` is how the strategy is carried out, None for its default. ``assumption`` is what a
    hypothetical strategy supposes; ``identification`` and ``estimator`` are what a principal stratum rests on.
    """

    number: int
    event: Localized
    strategy: Strategy | None = None
    text: Localized | None = None
    date: str | None = None
    handling: Handling | None = None
    assumption: Localized | None = None
    identification: Localized | None = None
    estimator: str | None = None

    @property
    def column(self) -> str | None:
        """The column with the day of the event in the frames of this package, ``ice_<number>``; None without a date."""
        return None if self.date is None else f"ice_{self.number}"

    @property
    def name(self) -> str:
        """The event in English, for error texts."""
        return words("en").localized(self.event)

    def way(self, kind: Kind) -> Handling | None:
        """How the strategy is carried out for this kind of outcome.

        Raises StudyError for a handling that this kind of outcome does not have.
        """
        if self.strategy is None:
            return None
        possible = ways(self.strategy, kind)
        if self.handling is None:
            return possible[0]
        if self.handling not in possible:
            raise StudyError(
                f"{self.handling} is no way to carry out the strategy {self.strategy} for a {kind} outcome",
                where=f"intercurrent event {self.number} ({self.name})",
                expected=" or ".join(way or "no handling" for way in possible),
                found=self.handling,
            )
        return self.handling


@dataclass(frozen=True, kw_only=True)
class Estimand:
    """What is to be estimated: treatment, population, variable, intercurrent events, population-level summary."""

    treatment: Localized
    population: Localized
    variable: Localized
    intercurrent_events: tuple[IntercurrentEvent, ...]
    summary: Localized

    @property
    def day_columns(self) -> dict[str, str]:
        """The column of ADSL behind each column ``ice_<number>`` that the functions of this package ask for."""
        return {event.column: event.date for event in self.intercurrent_events if event.column and event.date}

    @property
    def strategies(self) -> frozenset[Strategy]:
        """The strategies that the intercurrent events state."""
        return frozenset(event.strategy for event in self.intercurrent_events if event.strategy is not None)

    def with_strategy(self, strategy: Strategy) -> tuple[IntercurrentEvent, ...]:
        """The intercurrent events that this strategy addresses."""
        return tuple(event for event in self.intercurrent_events if event.strategy == strategy)


def require_estimand(value: Any) -> Estimand:
    """The estimand. Raises InvalidInput for anything else."""
    if not isinstance(value, Estimand):
        raise InvalidInput("not an estimand", expected="the result of read_estimand", found=type(value).__name__)
    return value
