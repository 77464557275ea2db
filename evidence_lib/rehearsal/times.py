"""Times to events as the trial would see them: overall survival, progression, treatment, duration of response.

Days count from randomisation (day 0); ``AVAL`` of ADTTE is the day plus 1. The censoring rules are written here once
more, apart from those of the endpoints, so that each can be judged by the other.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evidence_lib.rehearsal.course import COMPLETED, DIED, NEVER, NOT_TREATED, ONGOING, Course
from evidence_lib.rehearsal.design import TrialDesign
from evidence_lib.rehearsal.patients import Counts, Flags
from evidence_lib.rehearsal.streams import Streams
from evidence_lib.rehearsal.tumour import NE, NONE, Tumours

# What ended the time; the first four are events.
DEATH, PROGRESSION, STOPPED, STOPPED_BY_DEATH = "death", "progression", "stopped", "stopped by death"
EVENTS = (DEATH, PROGRESSION, STOPPED, STOPPED_BY_DEATH)
ALIVE, LOST, WITHDREW = "alive", "lost", "withdrew"
NO_PROGRESSION, NEXT_THERAPY, MISSED, NO_ASSESSMENT = "no progression", "next therapy", "missed", "no assessment"
ON_TREATMENT, COMPLETE = "on treatment", "complete"


@dataclass(frozen=True, kw_only=True)
class Times:
    """The day on which a time ends, and the word for what ended it, of each patient."""

    day: Counts
    ended_by: np.ndarray

    @property
    def event(self) -> Flags:
        """Who had an event."""
        return np.isin(self.ended_by, EVENTS)


def overall_survival(course: Course, streams: Streams) -> Times:
    """Time to death from any cause; censored on the last day known alive, at most four weeks before the cut-off."""
    since = np.floor(streams.stream("last contact").random(course.end.size) * 29).astype(np.int64)
    contact = np.where(course.end == course.cutoff, course.end - since, course.end)
    seen = np.where(course.visits < NEVER, course.visits, 0).max(axis=1)
    treated = np.where(course.last_dose < NEVER, course.last_dose, 0)
    later = np.where(course.next_therapy < NEVER, course.next_therapy, 0)
    stop = np.where(course.stop < NEVER, course.stop, 0)
    contact = np.maximum.reduce([contact, seen, treated, later, stop])
    why = np.select([course.left, course.lost], [WITHDREW, LOST], ALIVE)
    return Times(day=np.where(course.dead, course.death, contact), ended_by=np.where(course.dead, DEATH, why))


def progression_free(design: TrialDesign, course: Course, tumours: Tumours, *, rule: str) -> Times:
    """Time to progression or death, whichever was first.

    ``EMA``: every progression found and every death known counts; else censored at the last evaluable assessment.
    ``FDA``: also censored at the last evaluable assessment where another anticancer therapy began before the event, or
    where two or more assessments were missed just before it: the event is later than the second one due, and its
    window. Without an evaluable assessment the time is censored on the day of randomisation; a death counts unless two
    assessments were missed.
    """
    death = np.where(course.dead, course.death, NEVER)
    event = np.minimum(course.detected, death)
    kind = np.where(course.detected < NEVER, PROGRESSION, DEATH)
    evaluable = (tumours.overall != NONE) & (tumours.overall != NE)

    def last_before(day: Counts) -> Counts:
        return np.where(evaluable & (course.visits < day[:, None]), course.visits, 0).max(axis=1)

    last = last_before(event)
    none = np.where(last == 0, NO_ASSESSMENT, NO_PROGRESSION)
    day = np.where(event < NEVER, event, last)
    ended_by = np.where(event < NEVER, kind, none)
    if rule == "EMA":
        return Times(day=day, ended_by=ended_by)
    gap = (event < NEVER) & (event > _due(design, _due(design, last)) + design.window)
    other = course.next_therapy < event
    before = last_before(np.where(other, course.next_therapy + 1, event))
    day = np.where(other, before, np.where(gap, last, day))
    ended_by = np.where(other, np.where(before == 0, NO_ASSESSMENT, NEXT_THERAPY), np.where(gap, MISSED, ended_by))
    return Times(day=day, ended_by=ended_by)


def _due(design: TrialDesign, day: Counts) -> Counts:
    """The day on which the assessment after one on ``day`` is due: one interval of the schedule of that day later."""
    scheduled = np.array([0, *design.assessments])
    intervals = np.diff(scheduled)
    position = np.searchsorted(scheduled, day, side="right") - 1
    return day + intervals[np.minimum(position, intervals.size - 1)]


def treatment_stop(course: Course) -> Times:
    """Time from the first dose to the end of treatment, among the treated; a death on treatment is told apart.

    Completion of all planned cycles and ongoing treatment at the cut-off are censored.
    """
    ongoing = course.why == ONGOING
    day = np.where(ongoing, course.end, course.stop) - np.where(course.treated, course.start, 0)
    words = {DIED: STOPPED_BY_DEATH, ONGOING: ON_TREATMENT, COMPLETED: COMPLETE}
    ended_by = np.select([course.why == code for code in words], list(words.values()), STOPPED)
    return Times(day=np.where(course.why == NOT_TREATED, 0, day), ended_by=ended_by)
