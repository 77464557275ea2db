"""The estimand of a report and the families of endpoints, as the study file states them."""

from __future__ import annotations

from typing import Annotated, Any, Literal

from pydantic import (
    Field,
    SerializerFunctionWrapHandler,
    StringConstraints,
    field_validator,
    model_serializer,
    model_validator,
)

from evidence_lib.study.parts import Localized, Part, Slug, wrong

STRATEGIES = ("treatment policy", "composite", "hypothetical", "while on treatment", "principal stratum")


class IntercurrentEvent(Part):
    """An intercurrent event of ICH E9(R1) and the strategy that addresses it, or one text that says both.

    ``date`` is the ADSL column with the day of the event; without it the strategy is already in the analysis data.
    ``handling`` says how the strategy is carried out, ``assumption`` (hypothetical), ``identification`` and
    ``estimator`` (principal stratum) what it rests on.
    """

    event: Localized | None = None
    strategy: Literal[STRATEGIES] | None = None  # type: ignore[valid-type]
    text: Localized | None = None
    date: str | None = None
    handling: str | None = None
    assumption: Localized | None = None
    identification: Localized | None = None
    estimator: str | None = None

    @model_validator(mode="before")
    @classmethod
    def _stated(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not set(value) & {"event", "strategy"}:
            return {"text": value}
        if value.get("event") is None or value.get("strategy") is None:
            wrong("an intercurrent event needs its strategy", expected="event, strategy, and text where more is said")
        return value

    @model_serializer(mode="wrap")
    def _as_given(self, serialize: SerializerFunctionWrapHandler) -> Any:
        return self.text if self.event is None else serialize(self)


class Estimand(Part):
    """The five attributes of ICH E9(R1); the fifth, the summary measure, in words."""

    treatment: Localized
    population: Localized
    variable: Localized
    intercurrent_events: tuple[IntercurrentEvent, ...]
    summary: Localized

    @field_validator("intercurrent_events")
    @classmethod
    def _some(cls, events: tuple[IntercurrentEvent, ...]) -> tuple[IntercurrentEvent, ...]:
        if not events:
            wrong("no intercurrent event", expected="at least one text; say so where none was identified")
        return events


class Hypothesis(Part):
    """A hypothesis of a family: the primary test of one report, with its share of the family's alpha."""

    id: Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_.-]{1,64}$")]
    report: Slug
    weight: Annotated[float, Field(ge=0.0, le=1.0)] | None = None


class EndpointFamily(Part):
    """Hypotheses whose error is controlled together, in the order in which they are tested."""

    id: Slug
    alpha: Annotated[float, Field(gt=0.0, lt=0.5)] = 0.05
    method: Literal["fixed-sequence", "holm", "hochberg", "bonferroni", "graphical"]
    hypotheses: tuple[Hypothesis, ...]
    transitions: tuple[tuple[float, ...], ...] = ()

    @model_validator(mode="after")
    def _fits(self) -> EndpointFamily:
        ids = [hypothesis.id for hypothesis in self.hypotheses]
        if not ids or len(set(ids)) < len(ids):
            wrong("not a list of hypotheses", expected="at least one, each id once")
        if (self.method == "graphical") != bool(self.transitions):
            wrong("transitions belong to the graphical method", expected="a row of shares per hypothesis")
        return self
