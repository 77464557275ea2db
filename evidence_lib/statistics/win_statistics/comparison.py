"""From a frame to the pairs of its strata: arguments checked, patients chosen, what each adds to wins and losses."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Counts, Flags, Floats, choice, crossed, with_labels
from evidence_lib.statistics.survival.inputs import TIE, days
from evidence_lib.statistics.win_statistics.censoring import follow_up, largest_limit, variations, weights
from evidence_lib.statistics.win_statistics.components import (
    Component,
    TimeToEvent,
    checked_components,
)
from evidence_lib.statistics.win_statistics.outcomes import Events, Missing, Ranked, read, times_of
from evidence_lib.statistics.win_statistics.pairs import Tally, tally

Censoring = Literal["common-follow-up", "ipcw"]
Rows = tuple[Counts, Counts]


@dataclass(frozen=True)
class Stratum:
    """The pairs of one stratum.

    ``treated`` (2, n1) and ``reference`` (2, n0) are what each patient adds to the shares of pairs won and lost: they
    sum to 0 over the arm. ``with_event`` counts patients with an event of any component that has events.
    """

    tally: Tally
    treated: Floats
    reference: Floats
    with_event: int

    @property
    def n(self) -> int:
        """Patients."""
        return self.treated.shape[1] + self.reference.shape[1]

    @property
    def shares(self) -> Floats:
        """The shares of pairs won and lost."""
        return np.array([self.tally.wins.sum(), self.tally.losses.sum()]) / self.tally.all_pairs


@dataclass(frozen=True)
class _Ending:
    """The component whose event ends follow-up."""

    time: Floats
    event: Flags
    margin: float


@dataclass(frozen=True)
class Comparison:
    """The strata that have pairs, how many patients these have, how many strata have none, and what a sentence tells.

    ``factors`` are the names of the strata's columns: None without strata, empty for an array. ``reason`` says why
    there are no strata.
    """

    strata: list[Stratum]
    n: int
    without_pairs: int
    factors: tuple[str, ...] | None
    components: list[Component]
    tau: float | None
    tau_is_given: bool
    censoring: Censoring
    missing: Missing
    reason: Message | None


def compare(
    data: pd.DataFrame,
    components: Sequence[Component],
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None,
    tau: float | None,
    censoring: Censoring,
    missing: Missing,
) -> Comparison:
    """All pairs within strata."""
    if not isinstance(data, pd.DataFrame):
        raise InvalidInput("data is no frame", expected="a DataFrame, one row per patient", found=type(data).__name__)
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    choice(censoring, Censoring, "censoring")
    choice(missing, Missing, "missing")
    hierarchy, limit = checked_components(components), _checked_tau(tau)
    treated, control = with_labels(group, "group", len(data), (treatment, reference))
    number, factors = crossed(strata, len(data))
    used = treated | control
    places = _places(treated[used], number[used])
    ending = _ending(hierarchy[0], data, used) if censoring == "ipcw" else None
    if ending is not None and limit is None and places:
        limit = min(float(ending.time[rows].max()) for stratum in places for rows in stratum)
    found = [read(component, data, used, tau=limit, missing=missing) for component in hierarchy]
    reason = _no_answer(ending, limit, places)
    strata_found = [] if reason is not None else [_stratum(found, rows, ending, limit) for rows in places]
    n = sum(rows.size for stratum in places for rows in stratum)
    without = np.unique(number[used]).size - len(places)
    given = tau is not None
    return Comparison(strata_found, n, without, factors, hierarchy, limit, given, censoring, missing, reason)


def _checked_tau(tau: Any) -> float | None:
    if tau is None:
        return None
    if isinstance(tau, bool) or not isinstance(tau, int | float | np.number) or not 0 < tau < np.inf:
        raise InvalidInput("tau is not a time limit", expected="a number of days above 0", found=repr(tau))
    return float(tau)


def _places(treated: Flags, number: Counts) -> list[Rows]:
    """The rows of the treated and of the reference patients of each stratum that has both."""
    both = [
        (np.flatnonzero((number == s) & treated), np.flatnonzero((number == s) & ~treated)) for s in np.unique(number)
    ]
    return [rows for rows in both if min(rows[0].size, rows[1].size) > 0]


def _ending(first: Component, data: pd.DataFrame, used: Flags) -> _Ending:
    if not isinstance(first, TimeToEvent) or first.better != "later":
        raise InvalidInput(
            'censoring="ipcw" needs a first component whose event ends follow-up',
            expected="a TimeToEvent such as death, of which later is better",
            found=type(first).__name__,
        )
    time, event, _ = times_of(first, data, used, tau=None, missing="refuse")
    return _Ending(time, event, float(first.margin))


def _no_answer(ending: _Ending | None, tau: float | None, places: list[Rows]) -> Message | None:
    if not places:
        return message("win_statistics.reason.no_pairs")
    if ending is None or tau is None:
        return None
    largest = min(largest_limit(ending.time[rows], ending.event[rows]) for stratum in places for rows in stratum)
    if tau <= largest * (1 + TIE):
        return None
    return message("win_statistics.reason.tau_too_late", tau=days(tau), largest=days(largest))


def _stratum(components: list[Ranked | Events], rows: Rows, ending: _Ending | None, tau: float | None) -> Stratum:
    has_event = np.logical_or.reduce([component.has_event for component in components])
    with_event = int(has_event[rows[0]].sum() + has_event[rows[1]].sum())
    if ending is None or tau is None:
        found = tally(components, *rows)
        return Stratum(found, *_projections(found), with_event)
    treated, reference = (follow_up(ending.time[arm], ending.event[arm], tau) for arm in rows)
    found = tally(components, *rows, weights(treated, reference, ending.margin, len(components)))
    own, other = _projections(found)
    win1, win0, loss1, loss0 = variations(found, treated, reference, ending.margin)
    return Stratum(found, own + np.array([win1, loss1]), other + np.array([win0, loss0]), with_event)


def _projections(found: Tally) -> tuple[Floats, Floats]:
    """The shares of pairs won and lost of each patient, less the mean: treated (2, n1), reference (2, n0)."""
    n1, n0 = found.treated_wins.shape[1], found.reference_wins.shape[1]
    total = np.array([[found.wins.sum()], [found.losses.sum()]])
    own = np.array([found.treated_wins.sum(axis=0), found.treated_losses.sum(axis=0)])
    other = np.array([found.reference_wins.sum(axis=0), found.reference_losses.sum(axis=0)])
    # Whole numbers are subtracted before they are divided: a share that does not vary leaves exactly 0.
    return (own * n1 - total) / found.all_pairs, (other * n0 - total) / found.all_pairs
