"""The days of intercurrent events in a frame, and which of a subject's events comes first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pandas as pd

from evidence_lib.endpoints.estimand.model import Estimand, IntercurrentEvent, Strategy
from evidence_lib.errors import DataError, InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Counts, Flags, Floats, numbers, refuse

# Of events on one day: one that is part of the outcome goes before one that competes with it, and that before one that
# ends the follow-up, as events go before censorings at one time.
RANK: Mapping[Strategy, int] = {"composite": 0, "while on treatment": 1, "hypothetical": 2, "treatment policy": 3}
KEYS: Mapping[Strategy, str] = {
    "treatment policy": "treatment_policy",
    "composite": "composite",
    "hypothetical": "hypothetical",
    "while on treatment": "while_on_treatment",
    "principal stratum": "principal_stratum",
}
COUNTS = ["number", "event", "strategy", "occurred", "decided"]


def event_days(frame: pd.DataFrame, estimand: Estimand) -> dict[int, Floats]:
    """The days of each dated intercurrent event by its number, NaN where it did not occur.

    Raises InvalidInput for a missing column, other things than days, and infinite ones; DataError for a day before the
    start, which no event after the start of treatment can have. Rows are named by number, from 1.
    """
    if not isinstance(frame, pd.DataFrame):
        raise InvalidInput("the data are not a frame", expected="a DataFrame", found=type(frame).__name__)
    days = {}
    for event in estimand.intercurrent_events:
        if event.column is None:
            continue
        days[event.number] = numbers_of(frame, event.column)
        refuse(np.isinf(days[event.number]), event.column, "a day, or nothing", "an infinite day")
        before = np.flatnonzero(days[event.number] < 0) + 1
        if before.size:
            more = f" and {before.size - 1} more" if before.size > 1 else ""
            raise DataError(
                f"the intercurrent event {event.name} before the start",
                where=f"{event.date} ({event.column})",
                expected="days from the start, 0 or more: an intercurrent event comes after the start of treatment",
                found=f"a day before it in row {before[0]}{more}",
                mend="correct the dates, or leave events before the start out of the column",
            )
    return days


def column(frame: pd.DataFrame, name: str) -> pd.Series:
    """A column of a frame. Raises InvalidInput unless it is there once."""
    if list(frame.columns).count(name) != 1:
        raise InvalidInput("no such column, or more than one", where="frame", found=repr(name))
    return frame[name]


def numbers_of(frame: pd.DataFrame, name: str) -> Floats:
    """A column of numbers, NaN where one is missing; one without any value has no type, and holds none."""
    values = column(frame, name)
    return np.full(len(values), np.nan) if values.isna().all() else numbers(values, name)


def free(frame: pd.DataFrame, names: Iterable[str]) -> None:
    """Raise InvalidInput where the frame has one of these columns already."""
    taken = [name for name in names if name in frame]
    if taken:
        raise InvalidInput("the frame has a column that is made here", expected="another name", found=", ".join(taken))


def order_of(event: IntercurrentEvent) -> tuple[int, int]:
    """Where an event stands among those of one day."""
    return RANK.get(event.strategy or "treatment policy", 3), event.number


def first_of(
    days: Mapping[int, Floats], events: Sequence[IntercurrentEvent], counts: Mapping[int, Flags], size: int
) -> tuple[Counts, Floats]:
    """The number of each row's first event and its day; 0 and infinity where none of them counts.

    Events on one day are taken in the order of ``RANK``, then in that of the study file.
    """
    number, day = np.zeros(size, dtype=np.int64), np.full(size, np.inf)
    for event in sorted(events, key=order_of):
        if event.number not in days:
            continue
        own = np.where(counts[event.number], days[event.number], np.inf)
        earlier = own < day
        number, day = np.where(earlier, event.number, number), np.where(earlier, own, day)
    return number, day


def told(
    estimand: Estimand, occurred: Mapping[int, int], decided: Mapping[int, int], said: Mapping[int, Message]
) -> tuple[pd.DataFrame, tuple[Message, ...]]:
    """The counts of every intercurrent event, and what was done about it.

    Columns number, event, strategy, occurred (subjects with the event), decided (subjects whose outcome it changed);
    the last two are missing for an event without a date.
    """
    rows, messages = [], []
    for event in estimand.intercurrent_events:
        rows.append(
            [event.number, event.name, event.strategy, occurred.get(event.number), decided.get(event.number)],
        )
        if event.number in said:
            messages.append(said[event.number])
        elif event.strategy is None:
            messages.append(message("estimand_endpoints.done.in_words", event=event.event))
        elif event.strategy == "principal stratum":
            messages.append(message("estimand_endpoints.done.principal_stratum", event=event.event))
        else:
            messages.append(
                message("estimand_endpoints.done.in_the_data", event=event.event, strategy=strategy_name(event))
            )
    frame = pd.DataFrame(rows, columns=COUNTS).astype({"occurred": "Int64", "decided": "Int64"})
    return frame, tuple(messages)


def strategy_name(event: IntercurrentEvent) -> Message:
    """The name of an event's strategy in the language of the page."""
    if event.strategy is None:
        raise InvalidInput("an intercurrent event that states no strategy", found=event.name)
    return message(f"estimand_endpoints.strategy.{KEYS[event.strategy]}")


def assumed(event: IntercurrentEvent) -> Message | str:
    """The assumption of an event as a sentence of its own, after a blank; nothing where none is stated."""
    if event.assumption is None:
        return ""
    return message("estimand_endpoints.part.assumption", assumption=event.assumption)
