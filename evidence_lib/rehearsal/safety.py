"""Adverse events: how often each term occurs during exposure, and what each event was."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import TYPE_CHECKING

import numpy as np

from evidence_lib.rehearsal.course import ADVERSE, NEVER, YEAR, Course
from evidence_lib.rehearsal.design import TREATED, TrialDesign
from evidence_lib.rehearsal.patients import Counts, Flags, Floats, Patients
from evidence_lib.rehearsal.streams import Streams

if TYPE_CHECKING:
    import pandas as pd

WINDOW = 30  # days after the last dose that still count as treatment-emergent
FREQUENT_DAYS = 84  # while chemotherapy is given, terms with ``early`` above 1 occur that many times as often
FRAILTY = 0.45  # standard deviation of the log rate between patients


@dataclass(frozen=True, kw_only=True)
class AdverseEvents:
    """One element per event, ordered by patient, day and term; days count from randomisation.

    ``patient`` and ``term`` are positions. ``end`` is NEVER where the event goes on. ``fatal`` events end in the
    patient's death; ``stops`` are those for which treatment was stopped.
    """

    patient: Counts
    term: Counts
    day: Counts
    end: Counts
    grade: Counts
    serious: Flags
    related: Flags
    stops: Flags
    interrupts: Flags
    fatal: Flags


@cache
def terms() -> pd.DataFrame:
    """The terms: class, term, rates a year by arm, early multiple, shares of grade 3 and of death."""
    import pandas as pd

    return pd.read_csv(str(files("evidence_lib.rehearsal") / "adverse_events.csv"), keep_default_na=False)


def exposure_end(course: Course) -> Counts:
    """The last day of the treatment-emergent period: 30 days after the last dose, death or the end of follow-up.

    A day before the first dose for those who were never treated.
    """
    last = np.minimum(np.minimum(course.last_dose + WINDOW, course.end), course.death)
    return np.where(course.treated, last, -1)


def draw_adverse_events(design: TrialDesign, patients: Patients, course: Course, streams: Streams) -> AdverseEvents:
    """All treatment-emergent adverse events.

    The events of a term are a Poisson process with the term's rate of the arm, times the patient's own log-normal
    factor, times ``early`` in the first 84 days. On top come an event for each patient whose treatment was stopped for
    one, on that day, and one for each who died of one.
    """
    table = terms()
    start = np.where(course.treated, course.start, 0)
    length = np.maximum(exposure_end(course) + 1 - start, 0).astype(float)
    early, rest = np.minimum(length, FREQUENT_DAYS), np.maximum(length - FREQUENT_DAYS, 0)
    factor = np.exp(FRAILTY * streams.stream("adverse frailty").standard_normal(patients.n) - FRAILTY**2 / 2)
    rates = np.where(
        (patients.arm == TREATED)[:, None], table["rate_treated"].to_numpy(), table["rate_control"].to_numpy()
    )
    multiple = table["early"].to_numpy(dtype=float)
    expected = rates / YEAR * factor[:, None]
    counts_early = streams.stream("adverse early").poisson(expected * multiple * early[:, None])
    counts_rest = streams.stream("adverse later").poisson(expected * rest[:, None])
    first = _expanded(counts_early, np.zeros(patients.n), early, streams.stream("adverse early days"))
    second = _expanded(counts_rest, early, rest, streams.stream("adverse later days"))
    patient, term, offset = (np.concatenate(pair) for pair in zip(first, second, strict=True))
    day = start[patient] + np.floor(offset).astype(np.int64)
    added = [
        _added(rates * table["severe"].to_numpy(dtype=float), course.why == ADVERSE, course.stop, streams, "stopping"),
        _added(rates * table["deadly"].to_numpy(dtype=float), *_deaths(course, streams), streams, "fatal"),
    ]
    kind = np.concatenate([np.zeros(patient.size), *(np.full(one[0].size, i) for i, one in enumerate(added, 1))])
    patient, term, day = (
        np.concatenate([ordinary, *(one[i] for one in added)]) for i, ordinary in enumerate((patient, term, day))
    )
    order = np.lexsort((kind, term, day, patient))
    kind = kind[order]
    return _described(table, patients, course, patient[order], term[order], day[order], kind == 1, kind == 2, streams)


def _added(weights: Floats, who: Flags, days: Counts, streams: Streams, name: str) -> tuple[Counts, Counts, Counts]:
    """One event for each of these patients on their day, its term drawn by the weights (patients by terms)."""
    total = np.cumsum(weights, axis=1)
    u = streams.stream(f"adverse {name}").random(who.size)
    term = (total < (u * total[:, -1])[:, None]).sum(axis=1)
    patient = np.flatnonzero(who)
    return patient, term[patient], days[patient]


def _deaths(course: Course, streams: Streams) -> tuple[Flags, Counts]:
    """Who died of an adverse event, and the day on which it began: up to a week before the death.

    Half of the known deaths without progression during the treatment-emergent period.
    """
    u = streams.stream("adverse deaths").random((course.end.size, 2))
    during = course.dead & (course.progression > course.death) & (course.death <= exposure_end(course))
    began = np.maximum(course.death - np.floor(u[:, 1] * 8).astype(np.int64), np.where(course.treated, course.start, 0))
    return during & (u[:, 0] < 0.5), began


def _expanded(counts: Counts, since: Floats, length: Floats, rng: np.random.Generator) -> tuple[Counts, Counts, Floats]:
    rows, columns = np.nonzero(counts)
    times = counts[rows, columns]
    patient, term = np.repeat(rows, times), np.repeat(columns, times)
    return patient, term, since[patient] + rng.random(patient.size) * length[patient]


def _described(
    table: pd.DataFrame,
    patients: Patients,
    course: Course,
    patient: Counts,
    term: Counts,
    day: Counts,
    stops: Flags,
    fatal: Flags,
    streams: Streams,
) -> AdverseEvents:
    n = patient.size
    u = streams.stream("adverse description").random((n, 6))
    severe = np.where(stops, 0.75, table["severe"].to_numpy(dtype=float)[term])
    grade = np.where(u[:, 0] < severe, np.where(u[:, 0] < 0.15 * severe, 4, 3), np.where(u[:, 1] < 0.62, 1, 2))
    grade = np.where(stops, np.maximum(grade, 2), grade)
    serious = u[:, 2] < np.select([grade == 4, grade == 3, grade == 2], [0.75, 0.40, 0.05], 0.01)
    immune = (table["special"] != "").to_numpy()[term]
    related = u[:, 3] < np.where(immune, np.where(patients.treated[patient], 0.85, 0.45), 0.55)
    duration = np.ceil(-np.log(1 - u[:, 4]) * np.where(immune, 45, 14)).astype(np.int64)
    end = day + duration
    grade = np.where(fatal, 5, grade)
    last_seen = np.minimum(course.end, course.death)[patient]
    end = np.where(fatal, course.death[patient], np.where(end > last_seen, NEVER, end))
    interrupts = ~stops & ~fatal & (u[:, 5] < np.where(grade >= 3, 0.45, 0.08))
    return AdverseEvents(
        patient=patient,
        term=term,
        day=day,
        end=end,
        grade=grade,
        serious=serious | fatal,
        related=related,
        stops=stops,
        interrupts=interrupts,
        fatal=fatal,
    )
