"""Quality of life by visit: the questionnaire's score in full, and which of it is seen.

The score is that of the global health status of a 30-item questionnaire: 0 to 100 in steps of 100 / 12, higher is
better. The full scores do not depend on whether treatment goes on. A patient stops answering with a chance that grows
with a low score at the last visit that was seen: the missing values are missing at random.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evidence_lib.rehearsal.course import NEVER, Course
from evidence_lib.rehearsal.design import TREATED, TrialDesign
from evidence_lib.rehearsal.patients import Counts, Flags, Floats, Patients
from evidence_lib.rehearsal.streams import Streams

STEP = 100 / 12


@dataclass(frozen=True, kw_only=True)
class Quality:
    """By patient and scheduled visit: the ``score`` had it been asked, its ``days``, and whether it was ``seen``."""

    score: Floats
    days: Counts
    seen: Flags


def draw_quality(design: TrialDesign, patients: Patients, course: Course, streams: Streams) -> Quality:
    """The questionnaire of every patient at every scheduled visit."""
    n, visits = patients.n, len(design.quality_days)
    distance = np.abs(np.subtract.outer(np.arange(visits), np.arange(visits)))
    covariance = design.quality_sd**2 * (0.35 + 0.55 * np.exp(-distance / 3.0) + 0.10 * (distance == 0))
    latent = streams.stream("quality").standard_normal((n, visits)) @ np.linalg.cholesky(covariance).T
    mean = design.quality_mean - 5.0 * (patients.ecog == 1) + 3.0 * (patients.ecog == 0)
    difference = np.where((patients.arm == TREATED)[:, None], np.array(design.quality_difference), 0.0)
    latent = latent + mean[:, None] + np.array(design.quality_course) + difference
    score = np.clip(np.round(latent / STEP), 0, 12) * STEP
    days, seen = _seen(design, course, score, streams)
    return Quality(score=score, days=days, seen=seen)


def _seen(design: TrialDesign, course: Course, score: Floats, streams: Streams) -> tuple[Counts, Flags]:
    n, visits = score.shape
    u = streams.stream("quality seen").random((n, 1 + 3 * visits))
    days = np.array(design.quality_days) + np.floor(u[:, 1 : 1 + visits] * (design.window + 1)).astype(np.int64)
    days[:, 0] = -np.floor(u[:, 1] * 7).astype(np.int64)
    possible = (days <= course.end[:, None]) & (days < course.death[:, None])
    # After treatment some are asked no more; the others are asked at most visits.
    off = days > course.stop[:, None]
    asked = np.where(off, (u[:, 0] < 0.75)[:, None] & (u[:, 1 + visits : 1 + 2 * visits] < 0.85), True)
    answered = u[:, 1 + visits : 1 + 2 * visits] > 0.04
    seen = possible & asked & answered
    seen[:, 0] = u[:, 1 + visits] > 0.02
    stopped = np.zeros(n, dtype=bool)
    latest = np.where(seen[:, 0], score[:, 0], design.quality_mean)
    for k in range(1, visits):
        chance = 1 / (1 + np.exp(3.2 + 0.045 * (latest - design.quality_mean)))
        stopped |= u[:, 1 + 2 * visits + k] < chance
        seen[:, k] &= ~stopped
        latest = np.where(seen[:, k], score[:, k], latest)
    return np.where(seen, days, NEVER), seen
