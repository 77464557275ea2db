"""What patients are compared by: the components of a hierarchy, as they are declared."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, get_args

import numpy as np

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import choice
from evidence_lib.statistics.survival.inputs import days

Later = Literal["later", "earlier"]
Larger = Literal["larger", "smaller"]
Then = Literal["last", "first", "none"]


@dataclass(frozen=True, kw_only=True)
class TimeToEvent:
    """A time to an event such as death, compared within the common follow-up of the pair.

    Wins who is known to be event-free more than ``margin`` days longer than the other, whose event is observed; with
    ``better="earlier"`` wins whose event is observed, where the other is known to be event-free more than ``margin``
    days longer. A patient censored at a time is event-free at that time. ``time`` and ``event`` name columns: days,
    zero or more; 1 or True for the event, 0 or False for censoring. ``label`` is the name in results, else ``time``.
    """

    time: str
    event: str
    better: Later = "later"
    margin: float = 0.0
    label: str | None = None

    def __post_init__(self) -> None:
        choice(self.better, Later, "better")
        _check_margin(self.margin)


@dataclass(frozen=True, kw_only=True)
class Recurrent:
    """Events that can come again such as hospitalisations: fewer within the common follow-up of the pair wins.

    With equal numbers above 0 the later ``last`` or ``first`` of them wins (``then``), or with ``none`` nobody does
    (Mao, Kim & Li 2022, Stat Methods Med Res 31:1120). ``times`` names a column whose cells hold the days of each
    patient's events, as a list, a tuple or an array, empty where there were none; ``follow_up`` one with the days to
    death or the end of follow-up. ``label`` is the name in results, else ``times``.
    """

    times: str
    follow_up: str
    then: Then = "last"
    label: str | None = None

    def __post_init__(self) -> None:
        choice(self.then, Then, "then")


@dataclass(frozen=True, kw_only=True)
class Continuous:
    """A number such as a change from baseline: wins who is better by more than ``margin``.

    ``value`` names its column; ``label`` is the name in results, else ``value``.
    """

    value: str
    better: Larger = "larger"
    margin: float = 0.0
    label: str | None = None

    def __post_init__(self) -> None:
        choice(self.better, Larger, "better")
        _check_margin(self.margin)


@dataclass(frozen=True, kw_only=True)
class Ordinal:
    """Grades, or yes and no: wins who has the better one.

    ``value`` names a column of numbers, of booleans, or an ordered categorical, whose order is used; ``label`` is the
    name in results, else ``value``.
    """

    value: str
    better: Larger = "larger"
    label: str | None = None

    def __post_init__(self) -> None:
        choice(self.better, Larger, "better")


Component = TimeToEvent | Recurrent | Continuous | Ordinal


def label_of(component: Component) -> str:
    """What a component is called: its label, else its first column."""
    if component.label is not None:
        return str(component.label)
    if isinstance(component, TimeToEvent):
        return str(component.time)
    return str(component.times if isinstance(component, Recurrent) else component.value)


def has_times(component: Component) -> bool:
    """Whether a component depends on follow-up."""
    return isinstance(component, TimeToEvent | Recurrent)


def described(component: Component) -> Message:
    """The component in words."""
    label = label_of(component)
    if isinstance(component, Recurrent):
        return message(f"win_statistics.component.recurrent_{component.then}", label=label)
    if isinstance(component, Ordinal) or component.margin == 0:
        return message(f"win_statistics.component.{component.better}", label=label)
    unit = message("win_statistics.component.days") if isinstance(component, TimeToEvent) else ""
    margin = days(float(component.margin))
    return message(f"win_statistics.component.{component.better}_margin", label=label, margin=margin, unit=unit)


def checked_components(components: Sequence[Component]) -> list[Component]:
    """A hierarchy of at least one component, each with a name of its own."""
    if not isinstance(components, list | tuple) or not components:
        found = type(components).__name__ if components else "none"
        raise InvalidInput("components is no hierarchy", expected="a list of one component or more", found=found)
    for component in components:
        if not isinstance(component, get_args(Component)):
            expected = " or ".join(kind.__name__ for kind in get_args(Component))
            raise InvalidInput("not a component", expected=expected, found=type(component).__name__)
    labels = [label_of(component) for component in components]
    if len(set(labels)) < len(labels):
        raise InvalidInput("two components have the same name", found=", ".join(labels), mend="give each a label")
    return list(components)


def _check_margin(margin: Any) -> None:
    if isinstance(margin, bool) or not isinstance(margin, int | float | np.number) or not 0 <= margin < math.inf:
        raise InvalidInput("margin is not a difference", expected="a number from 0", found=repr(margin))
