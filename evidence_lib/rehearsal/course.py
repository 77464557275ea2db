"""The course of the disease and of treatment: an illness-death model, and what happens around it.

Each patient moves from stable disease to progression, to death, or from progression to death in continuous time;
hazards are constant but for one change at the delay of the treatment's action. Death is therefore never before
progression. All days are whole and count from randomisation (day 0): the event of latent time t falls on day floor(t).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evidence_lib.rehearsal.design import TREATED, Transition, TrialDesign
from evidence_lib.rehearsal.patients import Counts, Flags, Floats, Patients
from evidence_lib.rehearsal.streams import Streams

YEAR = 365.25
NEVER = 10**6  # the day of what does not happen: far after every cut-off

# Why treatment ended; 0 is ongoing at the cut-off.
ONGOING, COMPLETED, PROGRESSED, ADVERSE, WITHDRAWN, PHYSICIAN, DIED, LEFT, LOST, NOT_TREATED = range(10)


@dataclass(frozen=True, kw_only=True)
class Course:
    """Days since randomisation, one row per patient; ``NEVER`` where a thing does not happen.

    ``progression`` and ``death`` are latent: they happen whether or not anybody sees them. ``end``: the last day on
    which the trial can see the patient (cut-off, withdrawal of consent, loss). ``visits``: the days of the assessments
    that took place (n x assessments, NEVER where there was none) up to the one that found progression, whose position
    is in ``found`` (-1: none) and whose day is in ``detected``. ``start`` and ``stop`` of treatment, ``last_dose``;
    ``why`` it stopped.
    """

    frailty: Floats
    progression: Counts
    death: Counts
    end: Counts
    cutoff: Counts
    left: Flags
    lost: Flags
    visits: Counts
    found: Counts
    detected: Counts
    start: Counts
    stop: Counts
    last_dose: Counts
    why: Counts
    next_therapy: Counts
    crossed: Flags

    @property
    def dead(self) -> Flags:
        """Whether the death is known to the trial."""
        return self.death <= self.end

    @property
    def treated(self) -> Flags:
        """Who received any treatment."""
        return self.why != NOT_TREATED


def draw_course(design: TrialDesign, patients: Patients, streams: Streams) -> Course:
    """The course of every patient."""
    n = patients.n
    frailty = streams.stream("frailty").standard_normal(n)
    progression, death = _illness_death(design, patients, frailty, streams)
    cutoff = (design.cutoff - design.first).days - patients.day
    leaving = _waiting(streams, "leaving", n, np.array([design.withdrawal, design.lost]))
    end = np.minimum(cutoff, leaving.min(axis=1))
    # Nobody leaves a trial after death, nor on the day of randomisation.
    end = np.maximum(np.where(leaving.min(axis=1) >= death, cutoff, end), 1)
    left = (leaving[:, 0] <= leaving[:, 1]) & (end < cutoff)
    lost = ~left & (end < cutoff)
    visits, found = _assessments(design, progression, death, end, streams)
    detected = np.where(found >= 0, visits[np.arange(n), np.maximum(found, 0)], NEVER)
    treatment = _treatment(design, patients, death, end, left, lost, detected, streams)
    next_therapy, crossed = _next_therapy(design, patients, treatment, detected, death, end, streams)
    return Course(
        frailty=frailty,
        progression=progression,
        death=death,
        end=end,
        cutoff=cutoff,
        left=left,
        lost=lost,
        visits=visits,
        found=found,
        detected=detected,
        next_therapy=next_therapy,
        crossed=crossed,
        **treatment,
    )


def waiting_time(
    exponential: Floats, *, early: Floats, late: Floats, change: float, since: Floats | float = 0.0
) -> Floats:
    """The time at which the cumulative hazard, counted from ``since``, reaches the unit exponential draw.

    The hazard is ``early`` up to the time c = ``change`` and ``late`` after it: H(t) = early min(t, c) + late max(t -
    c, 0).
    """
    target = exponential + early * np.minimum(since, change) + late * np.maximum(since - change, 0)
    return np.where(target <= early * change, target / early, change + (target - early * change) / late)


def _illness_death(design: TrialDesign, patients: Patients, frailty: Floats, streams: Streams) -> tuple[Counts, Counts]:
    draws = streams.stream("illness-death").standard_exponential((patients.n, 3))
    covariates = patients.covariates()

    def time(move: Transition, column: int, since: Floats | float = 0.0) -> Floats:
        log_ratio = move.frailty * frailty
        for name, value in move.log_ratios.items():
            log_ratio = log_ratio + value * covariates[name]
        early = move.rate / YEAR * np.exp(log_ratio)
        late = early * np.where(patients.arm == TREATED, move.ratio, 1.0)
        return waiting_time(draws[:, column], early=early, late=late, change=move.delay, since=since)

    progression, direct = time(design.progression, 0), time(design.death, 1)
    progresses = progression < direct
    death = np.where(progresses, time(design.death_after, 2, np.minimum(progression, direct)), direct)
    return _days(np.where(progresses, progression, np.inf)), _days(death)


def _days(time: Floats) -> Counts:
    return np.floor(np.minimum(time, NEVER)).astype(np.int64)


def _waiting(streams: Streams, name: str, n: int, rates: Floats) -> Counts:
    """Days to each of several events of constant rate per year; at the earliest day 1."""
    draws = streams.stream(name).standard_exponential((n, rates.shape[-1]))
    return 1 + _days(draws * YEAR / rates)


def _assessments(
    design: TrialDesign, progression: Counts, death: Counts, end: Counts, streams: Streams
) -> tuple[Counts, Counts]:
    n, scheduled = progression.size, np.array(design.assessments)
    u = streams.stream("assessments").random((n, 1 + 2 * scheduled.size))
    usual, careless, share = design.missed
    missed = u[:, 1 : 1 + scheduled.size] < np.where(u[:, 0] < share, careless, usual)[:, None]
    days = scheduled + np.floor(u[:, 1 + scheduled.size :] * (design.window + 1)).astype(np.int64)
    took_place = ~missed & (days <= end[:, None]) & (days < death[:, None])
    finds = took_place & (days >= progression[:, None])
    found = np.where(finds.any(axis=1), finds.argmax(axis=1), -1)
    after = (found[:, None] >= 0) & (np.arange(scheduled.size) > found[:, None])
    return np.where(took_place & ~after, days, NEVER), found


def _treatment(
    design: TrialDesign,
    patients: Patients,
    death: Counts,
    end: Counts,
    left: Flags,
    lost: Flags,
    detected: Counts,
    streams: Streams,
) -> dict[str, Counts]:
    """Start, end and reason of the end of treatment: the earliest of what could end it."""
    n = patients.n
    u = streams.stream("treatment").random((n, 3))
    start = np.floor(u[:, 0] * 4).astype(np.int64)
    rates = np.stack(
        [
            np.array(design.adverse_stop)[patients.arm],
            np.full(n, design.withdrawn_stop),
            np.full(n, design.physician_stop),
        ],
        axis=1,
    )
    stops = start[:, None] + _waiting(streams, "stopping", n, rates)
    gone = np.where(left | lost, end, NEVER)
    causes = {
        DIED: death,
        LEFT: np.where(left, gone, NEVER),
        LOST: np.where(lost, gone, NEVER),
        PROGRESSED: detected + np.floor(u[:, 1] * 10).astype(np.int64),
        ADVERSE: stops[:, 0],
        WITHDRAWN: stops[:, 1],
        PHYSICIAN: stops[:, 2],
        COMPLETED: start + design.cycle * (design.cycles - 1),
    }
    days = np.stack(list(causes.values()), axis=1)
    first = days.argmin(axis=1)
    stop = days[np.arange(n), first]
    ongoing = stop > end
    why = np.where(ongoing, ONGOING, np.array(list(causes))[first])
    stop = np.where(ongoing, NEVER, stop)
    # Whoever dies or leaves before the first dose, and a few others, are never treated.
    never = (u[:, 2] < design.untreated) | (np.minimum(death, end) <= start)
    last = np.minimum(np.where(why == DIED, stop - 1, stop), end)
    cycles = np.minimum((last - start) // design.cycle, design.cycles - 1)
    return {
        "start": np.where(never, NEVER, start),
        "stop": np.where(never, NEVER, stop),
        "last_dose": np.where(never, NEVER, start + design.cycle * cycles),
        "why": np.where(never, NOT_TREATED, why),
    }


def _next_therapy(
    design: TrialDesign,
    patients: Patients,
    treatment: dict[str, Counts],
    detected: Counts,
    death: Counts,
    end: Counts,
    streams: Streams,
) -> tuple[Counts, Flags]:
    """The day of the next anticancer therapy, and who received the trial's medicine after placebo."""
    n = patients.n
    u = streams.stream("next therapy").random((n, 2))
    wait = 14 + _days(30 * streams.stream("next therapy wait").standard_exponential(n))
    after_progression, early = design.next_therapy
    stopped = np.isin(treatment["why"], (ADVERSE, WITHDRAWN, PHYSICIAN)) & (u[:, 0] < early)
    progressed = (detected < NEVER) & (treatment["stop"] < NEVER) & (u[:, 0] < after_progression)
    day = np.where(stopped, treatment["stop"] + wait, np.maximum(treatment["stop"], detected) + wait)
    begins = (stopped | progressed) & (day < death) & (day <= end)
    crossed = begins & (day > detected) & (patients.arm != TREATED) & (u[:, 1] < design.crossover)
    return np.where(begins, day, NEVER), crossed
