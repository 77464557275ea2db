"""The visits on treatment at which blood is taken and vital signs are measured."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evidence_lib.rehearsal.course import NEVER, Course
from evidence_lib.rehearsal.design import TrialDesign
from evidence_lib.rehearsal.patients import Counts, Flags
from evidence_lib.rehearsal.streams import Streams


@dataclass(frozen=True, kw_only=True)
class Visits:
    """``cycles`` of the visits (0 is the baseline), and by patient and visit the ``days`` (NEVER where none was)."""

    cycles: Counts
    days: Counts

    @property
    def held(self) -> Flags:
        """Whether the visit took place."""
        return self.days < NEVER

    @property
    def names(self) -> list[str]:
        """The names of the visits."""
        return ["Baseline" if cycle == 0 else f"Cycle {cycle} Day 1" for cycle in self.cycles]


def draw_visits(design: TrialDesign, course: Course, streams: Streams) -> Visits:
    """The baseline, each cycle from the second to the eighth, then every third; a few are missed."""
    cycles = np.array([0, *range(2, 9), *range(11, design.cycles + 1, 3)])
    u = streams.stream("visits").random((course.end.size, cycles.size + 1))
    days = np.where(course.treated, course.start, 0)[:, None] + design.cycle * (cycles - 1)
    days[:, 0] = -np.floor(u[:, -1] * 5).astype(np.int64)
    held = (u[:, :-1] > 0.02) & (days <= course.last_dose[:, None]) & course.treated[:, None]
    held[:, 0] = course.treated
    return Visits(cycles=cycles, days=np.where(held, days, NEVER))
