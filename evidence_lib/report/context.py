"""What every table, figure and sentence of a report needs to know beside its numbers.

A ``Context`` is written into the executed notebook by ``rep.complete()``, so that the page can be made again in any
language from the notebook and its results without executing anything.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, fields
from typing import Any, Literal

from evidence_lib.conventions import DAYS_PER_UNIT
from evidence_lib.language import Localized, Words, words
from evidence_lib.results import ResultSet

Unit = Literal["days", "weeks", "months", "years"]


@dataclass(frozen=True, kw_only=True)
class Context:
    """The report's fixed facts, in JSON types only: texts are strings or language maps, times are whole days.

    ``treatments`` are compared with ``reference`` one by one; ``arms`` lists every arm in display order, reference
    last. ``labels`` gives a variable, arm or level its printed text where that differs from its name.
    ``notebook`` decides whose story the first screen tells. ``milestone`` is the time of the headline comparison.
    ``causes`` names the kinds of event from 1 on, that of the endpoint first, where others compete with it.
    ``families`` are the endpoint families that test a hypothesis of this report; ``tlf`` names outputs by their id.
    ``plain`` holds the study's own plain-language phrases, ``notes`` the recorded messages of what was decided while
    reading the data.
    """

    study: str
    report: str
    study_title: Localized
    question: Localized
    design: Literal["randomised", "partly-randomised", "single-arm", "observational"]
    convention: str
    population: str
    arms: tuple[str, ...]
    treatments: tuple[str, ...]
    reference: str
    notebook: str = "trial/survival"
    endpoint: str = ""
    endpoint_label: Localized = ""
    causes: tuple[Localized, ...] = ()
    unit: Unit = "days"
    tau: int | None = None
    times: tuple[int, ...] = ()
    milestone: int | None = None
    conf_level: float = 0.95
    ph_alpha: float = 0.05
    seed: int = 0
    primary_measure: str | None = None
    strata: tuple[str, ...] = ()
    covariates: tuple[str, ...] = ()
    subgroups: tuple[str, ...] = ()
    labels: Mapping[str, Localized] = field(default_factory=dict)
    cutoff: Mapping[str, Any] = field(default_factory=dict)
    blinding: Mapping[str, Any] = field(default_factory=dict)
    estimand: Mapping[str, Any] = field(default_factory=dict)
    families: tuple[Mapping[str, Any], ...] = ()
    tlf: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    plain: Mapping[str, Any] = field(default_factory=dict)
    page: Mapping[str, Any] = field(default_factory=dict)
    citations: tuple[Localized, ...] = ()
    limitations: tuple[Localized, ...] = ()
    governance: Mapping[str, Any] = field(default_factory=dict)
    disclosure: Mapping[str, Any] = field(default_factory=dict)
    sources: tuple[Mapping[str, Any], ...] = ()
    notes: tuple[Mapping[str, Any], ...] = ()
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types; tuples become lists."""
        return {f.name: _plain(getattr(self, f.name)) for f in fields(self)}

    @classmethod
    def from_json(cls, record: Mapping[str, Any]) -> Context:
        """The inverse of ``to_json``."""
        values: dict[str, Any] = {name: tuple(v) if isinstance(v, list) else v for name, v in record.items()}
        return cls(**values)

    def in_unit(self, days: float) -> float:
        """Days in the report's display unit."""
        return days / DAYS_PER_UNIT[self.unit]

    def label(self, name: str) -> Localized:
        """The printed text of a variable, arm or level."""
        return self.labels.get(name, name)


@dataclass(frozen=True)
class View:
    """What a display function gets beside its content: the context, the results and the words of one language."""

    context: Context
    results: ResultSet
    words: Words
    item: str = ""

    def label(self, name: str) -> str:
        """The printed text of a variable, arm or level in this language."""
        return self.words.say(self.context.label(name))


def view(context: Context, results: ResultSet, language: str, item: str = "") -> View:
    """A view of the results in one language."""
    return View(context, results, words(language), item)


def _plain(value: Any) -> Any:
    if isinstance(value, Mapping):
        return {key: _plain(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(item) for item in value]
    return value
