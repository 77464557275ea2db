"""The illness-death model against closed forms, and what happens around it."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib.rehearsal.course import (
    ADVERSE,
    COMPLETED,
    DIED,
    NEVER,
    NOT_TREATED,
    ONGOING,
    PROGRESSED,
    YEAR,
    Course,
    waiting_time,
)
from evidence_lib.rehearsal.design import CONTROL, TREATED, Transition
from evidence_lib.rehearsal.trial import LUNG_DEMO, Happenings, happen

RATES = {"progression": 1.2, "death": 0.3, "death_after": 0.9}
RATIOS = {"progression": 0.5, "death": 0.8, "death_after": 1.3}
# No frailty, no covariates, no delay: constant hazards in each arm.
PLAIN = replace(
    LUNG_DEMO, **{name: Transition(rate=RATES[name], ratio=RATIOS[name], delay=0, frailty=0.0) for name in RATES}
)


@given(
    st.floats(1e-3, 50), st.floats(1e-3, 5), st.floats(1e-3, 5), st.floats(0, 20), st.floats(0, 40)
)  # fmt: skip
def test_the_hazard_up_to_the_waiting_time_is_what_was_drawn(
    exponential: float, early: float, late: float, change: float, since: float
) -> None:
    time = float(
        waiting_time(
            np.array([exponential]),
            early=np.array([early]),
            late=np.array([late]),
            change=change,
            since=np.array([since]),
        )[0]
    )
    assert time >= since
    before = max(min(time, change) - since, 0.0)
    after = time - max(since, change) if time > change else 0.0
    assert early * before + late * max(after, 0.0) == pytest.approx(exponential, rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("arm", [TREATED, CONTROL])
def test_survival_follows_the_closed_form_of_constant_hazards(arm: int) -> None:
    happened = happen(PLAIN, seed=21, n=60_000)
    here = happened.patients.arm == arm
    a, b, c = (RATES[k] * (RATIOS[k] if arm == TREATED else 1) / YEAR for k in ("progression", "death", "death_after"))
    course = happened.course
    first = np.minimum(course.progression, course.death)[here]
    for day in (30, 200, 500, 900):
        # The event of latent time t falls on day floor(t): it is on day d or later where t >= d.
        free = np.exp(-(a + b) * day)
        alive = free + a / (a + b - c) * (np.exp(-c * day) - free)
        for share, expected in (((first >= day).mean(), free), ((course.death[here] >= day).mean(), alive)):
            error = np.sqrt(expected * (1 - expected) / here.sum())
            assert abs(share - expected) < 4.5 * error
    progresses = (course.progression <= course.death)[here].mean()
    assert abs(progresses - a / (a + b)) < 4.5 * np.sqrt(0.25 / here.sum())


def test_the_arms_are_alike_until_the_medicine_acts() -> None:
    slow = {name: replace(getattr(LUNG_DEMO, name), delay=150.0, ratio=0.2) for name in RATES}
    happened = happen(replace(LUNG_DEMO, **slow), seed=22, n=40_000)
    arm, death = happened.patients.arm, happened.course.death
    shares = [(death[arm == which] < 150).mean() for which in (TREATED, CONTROL)]
    assert abs(shares[0] - shares[1]) < 4.5 * np.sqrt(2 * 0.1 * 0.9 / 20_000)
    later = [(death[arm == which] < 600).mean() for which in (TREATED, CONTROL)]
    assert later[1] - later[0] > 0.2


def test_a_covariate_and_the_frailty_raise_the_hazard() -> None:
    happened = happen(LUNG_DEMO, seed=23, n=20_000)
    death, frailty, liver = happened.course.death, happened.course.frailty, happened.patients.liver
    assert np.median(death[frailty > 0]) < 0.75 * np.median(death[frailty < 0])
    assert np.median(death[liver]) < 0.9 * np.median(death[~liver])


def check(course: Course) -> None:
    scheduled = np.array(LUNG_DEMO.assessments)
    took_place = course.visits < NEVER
    late = course.visits - scheduled
    assert ((late >= 0) & (late <= LUNG_DEMO.window))[took_place].all()
    assert (course.death >= np.where(course.progression < NEVER, course.progression, 0)).all()
    assert (course.visits <= course.end[:, None])[took_place].all()
    assert (course.visits < course.death[:, None])[took_place].all()
    # The first assessment at or after the latent progression finds it, and is the last one.
    after = took_place & (course.visits >= course.progression[:, None])
    assert (after.sum(axis=1) == (course.found >= 0)).all()
    assert (np.where(after, course.visits, NEVER).min(axis=1) == course.detected).all()


def test_the_first_assessment_at_or_after_progression_finds_it(happened: Happenings) -> None:
    check(happened.course)
    check(happen(replace(LUNG_DEMO, missed=(0.5, 0.9, 0.5)), seed=24, n=3000).course)


def test_treatment_ends_for_the_reason_that_is_given(happened: Happenings) -> None:
    course = happened.course
    why = course.why
    assert set(np.unique(why)) >= {ONGOING, COMPLETED, PROGRESSED, ADVERSE, DIED, NOT_TREATED}
    assert (course.stop[why == DIED] == course.death[why == DIED]).all()
    assert (course.stop[why == PROGRESSED] >= course.detected[why == PROGRESSED]).all()
    assert (course.stop[why == ONGOING] == NEVER).all()
    assert (course.end == course.cutoff)[why == ONGOING].all()
    treated = course.treated
    doses = course.last_dose[treated] - course.start[treated]
    assert (doses % LUNG_DEMO.cycle == 0).all()
    assert (doses // LUNG_DEMO.cycle < LUNG_DEMO.cycles).all()
    assert (course.last_dose[treated] <= np.minimum(course.end, course.death)[treated]).all()
    assert (course.start[~treated] == NEVER).all()
    assert not course.crossed[happened.patients.arm == TREATED].any()
    assert course.crossed[happened.patients.arm == CONTROL].any()
    assert (course.next_therapy > course.detected)[course.crossed].all()


def test_follow_up_ends_at_the_cut_off_or_earlier(happened: Happenings) -> None:
    course = happened.course
    assert (course.end <= course.cutoff).all()
    assert ((course.end < course.cutoff) == (course.left | course.lost)).all()
    assert not (course.left & course.lost).any()
    # Nobody leaves on or after the day of death.
    assert (course.end < course.death)[course.left | course.lost].all()
    longest = (LUNG_DEMO.cutoff - LUNG_DEMO.first).days
    assert (longest - LUNG_DEMO.recruiting <= course.cutoff).all()
    assert (course.cutoff <= longest).all()
