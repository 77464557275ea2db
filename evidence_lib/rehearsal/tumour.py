"""Tumour size at each assessment, and the response that follows from it, in agreement with the day of progression.

The sum of diameters of the target lesions shrinks towards a depth that shares the patient's frailty with the hazards,
so that those who respond live longer. Before the assessment that finds progression no sum meets RECIST's criterion of
progression; at that assessment the target lesions, a non-target lesion or a new lesion do.

RECIST 1.1 (Eisenhauer et al. 2009, Eur J Cancer 45:228): progression is a sum of at least 1.2 times the smallest one
so far and at least 5 mm above it; partial response a sum of at most 0.7 times the baseline; complete response the
disappearance of all lesions. All target lesions here are extranodal. Sums are whole millimetres, and the criteria are
compared in whole numbers.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evidence_lib.rehearsal.course import NEVER, Course
from evidence_lib.rehearsal.design import TrialDesign
from evidence_lib.rehearsal.patients import Counts, Flags, Floats, Patients
from evidence_lib.rehearsal.streams import Streams

# Responses by rank, the best first; -1 where there was no assessment.
CR, PR, SD, PD, NE = range(5)
NONE = -1
ABSENT, PRESENT, GONE, GROWN = range(4)  # non-target lesions: none at baseline, present, disappeared, progressed
CONFIRMATION = 28  # days between the first response and the one that confirms it


@dataclass(frozen=True, kw_only=True)
class Tumours:
    """``lesions``: baseline diameters in mm (n x 5, 0 where there is no further lesion), ``baseline`` their sum.

    By assessment (n x assessments): ``sums`` in mm (-1 where not evaluated or no assessment), ``target`` and
    ``overall`` responses, ``non_target`` status, ``new`` lesions. ``depth`` is the latent log shrinkage.
    """

    lesions: Counts
    baseline: Counts
    sums: Counts
    target: Counts
    non_target: Counts
    new: Flags
    overall: Counts
    depth: Floats


def draw_tumours(design: TrialDesign, patients: Patients, course: Course, streams: Streams) -> Tumours:
    """The tumours of every patient at every assessment that took place."""
    n, visits = course.visits.shape
    lesions = _baseline(n, streams)
    baseline = lesions.sum(axis=1)
    depth = (
        np.array(design.shrinkage)[patients.arm]
        + design.shrinkage_frailty * course.frailty
        + design.shrinkage_high * (patients.pdl1_group == 2)
        + design.shrinkage_sd * streams.stream("depth").standard_normal(n)
    )
    u = streams.stream("progression kind").random((n, 4))
    noise = streams.stream("measurement").standard_normal((n, visits))
    unevaluable = streams.stream("unevaluable").random((n, visits)) < design.unevaluable
    present = u[:, 0] < 0.72
    grows = u[:, 1] < 0.55
    worsens = ~grows & present & (u[:, 1] < 0.65)
    spreads = (~grows & ~worsens) | (u[:, 2] < 0.2)
    clears = u[:, 3] < 0.7

    sums = np.full((n, visits), -1, dtype=np.int64)
    target = np.full((n, visits), NONE, dtype=np.int64)
    non_target = np.full((n, visits), NONE, dtype=np.int64)
    new = np.zeros((n, visits), dtype=bool)
    smallest = baseline.copy()
    responded = np.zeros(n, dtype=bool)
    for k in range(visits):
        day = course.visits[:, k]
        here, last = day < NEVER, course.found == k
        size = _size(baseline, depth, day, noise[:, k])
        size = np.minimum(size, _largest(smallest, baseline, responded))
        growth = np.ceil(smallest * (1.22 + 0.25 * u[:, 2])).astype(np.int64)
        size = np.where(last & grows, np.maximum(growth, smallest + 6), size)
        evaluated = here & ~(unevaluable[:, k] & ~last)
        response = _target_response(size, smallest, baseline)
        sums[:, k] = np.where(evaluated, size, -1)
        target[:, k] = np.where(evaluated, response, np.where(here, NE, NONE))
        responded |= evaluated & (response <= PR)
        smallest = np.where(evaluated, np.minimum(smallest, size), smallest)
        state = np.where(present, np.where((smallest == 0) & clears, GONE, PRESENT), ABSENT)
        non_target[:, k] = np.where(here, np.where(last & worsens, GROWN, state), NONE)
        new[:, k] = last & spreads
    return Tumours(
        lesions=lesions,
        baseline=baseline,
        sums=sums,
        target=target,
        non_target=non_target,
        new=new,
        overall=overall_response(target, non_target, new),
        depth=depth,
    )


def overall_response(target: Counts, non_target: Counts, new: Flags) -> Counts:
    """RECIST 1.1, table 1: the response at an assessment from target lesions, non-target lesions and new lesions."""
    progressive = (target == PD) | (non_target == GROWN) | new
    rest = np.where((target == CR) & (non_target == PRESENT), PR, target)
    return np.where(progressive, PD, rest)


def best_response(tumours: Tumours, course: Course, *, confirmed: bool) -> Counts:
    """The best overall response of each patient, with or without confirmation; NE where none was evaluated.

    Assessments after the start of another anticancer therapy do not count. A response is confirmed by another at least
    28 days later; a complete one by a complete one. What is not confirmed counts as stable disease: the first
    assessment is never before the shortest duration of that (42 days).
    """
    overall = counted(tumours, course)
    best = np.where(overall == NONE, NE, overall).min(axis=1)
    if not confirmed:
        return best
    complete = _confirmed(overall == CR, course.visits)
    partial = _confirmed((overall == CR) | (overall == PR), course.visits)
    return np.where(complete, CR, np.where(partial, PR, np.where(best <= PR, SD, best)))


def counted(tumours: Tumours, course: Course) -> Counts:
    """The overall responses up to the start of another anticancer therapy; NONE after it."""
    return np.where(course.visits <= course.next_therapy[:, None], tumours.overall, NONE)


def first_response(tumours: Tumours, course: Course) -> Counts:
    """The day of the first complete or partial response."""
    overall = counted(tumours, course)
    responding = (overall == CR) | (overall == PR)
    return np.where(responding, course.visits, NEVER).min(axis=1)


def _confirmed(responding: Flags, days: Counts) -> Flags:
    first = np.where(responding, days, NEVER).min(axis=1)
    last = np.where(responding, days, -1).max(axis=1)
    return np.asarray(last >= first + CONFIRMATION)


def _baseline(n: int, streams: Streams) -> Counts:
    rng = streams.stream("baseline tumours")
    number = 1 + np.searchsorted([0.22, 0.55, 0.82, 0.94], rng.random(n), side="right")
    sizes = np.round(10 + np.exp(2.7 + 0.7 * streams.stream("baseline sizes").standard_normal((n, 5))))
    sizes = np.minimum(sizes, 140).astype(np.int64)
    return np.where(np.arange(5) < number[:, None], sizes, 0)


def _size(baseline: Counts, depth: Floats, day: Counts, noise: Floats) -> Counts:
    """What the sum would measure: half of the shrinkage within 5 weeks; near the end of it the lesions disappear."""
    log_ratio = -depth * (1 - np.exp(-np.minimum(day, 5000) / 50.0)) + 0.05 * noise
    ratio = np.exp(np.clip(log_ratio, -5, 1))
    size = np.maximum(np.round(baseline * ratio), 5)
    return np.where(ratio < 0.22, 0, size).astype(np.int64)


def _largest(smallest: Counts, baseline: Counts, responded: Flags) -> Counts:
    """The largest sum that is no progression, and that still is a response where there was one."""
    # Not (s >= 1.2 m and s >= m + 5): the larger of m + 4 and the whole number below 1.2 m.
    no_progression = np.maximum(smallest + 4, -(-6 * smallest // 5) - 1)
    limit = np.where(responded, np.minimum(no_progression, 7 * baseline // 10), no_progression)
    # A lesion that came back would be progression.
    return np.where(smallest == 0, 0, limit)


def _target_response(size: Counts, smallest: Counts, baseline: Counts) -> Counts:
    progressive = (5 * size >= 6 * smallest) & (size >= smallest + 5)
    partial = 10 * size <= 7 * baseline
    return np.where(progressive, PD, np.where(size == 0, CR, np.where(partial, PR, SD)))
