"""Times to events: by hand, and as the endpoints derive them from the source dates."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

from evidence_lib.endpoints import time_to_event
from evidence_lib.rehearsal.course import NEVER
from evidence_lib.rehearsal.times import DEATH, MISSED, NEXT_THERAPY, NO_ASSESSMENT, PROGRESSION, progression_free
from evidence_lib.rehearsal.trial import LUNG_DEMO, Happenings, generate
from evidence_lib.rehearsal.tumour import NONE, PD, SD

ONE_DAY = replace(LUNG_DEMO, assessments=(42, 84, 126, 168), window=6)


def one(happened: Happenings, *, visits: list[int], found: int, death: int, therapy: int = NEVER) -> Happenings:
    """The first patient of a trial with another course: assessments on these days, ``NEVER`` for a missed one."""
    days = np.array([visits])
    overall = np.where(days < NEVER, np.where(np.arange(days.shape[1]) == found, PD, SD), NONE)
    course = replace(
        happened.course,
        visits=days,
        found=np.array([found]),
        detected=np.array([days[0, found] if found >= 0 else NEVER]),
        death=np.array([death]),
        end=np.array([1000]),
        next_therapy=np.array([therapy]),
    )
    return replace(happened, course=course, tumours=replace(happened.tumours, overall=overall))


@pytest.mark.parametrize(
    ("visits", "found", "death", "therapy", "fda", "ema"),
    [
        # Progression at the third assessment.
        ([42, 84, 126, NEVER], 2, 500, NEVER, (126, PROGRESSION), (126, PROGRESSION)),
        # One missed before progression: it counts.
        ([42, NEVER, 130, NEVER], 2, 500, NEVER, (130, PROGRESSION), (130, PROGRESSION)),
        # Two missed: censored at the last one before them.
        ([45, NEVER, NEVER, 168], 3, 500, NEVER, (45, MISSED), (168, PROGRESSION)),
        # Another therapy between the assessments.
        ([42, 84, 126, NEVER], 2, 500, 100, (84, NEXT_THERAPY), (126, PROGRESSION)),
        # On the day of progression: progression counts.
        ([42, 84, 126, NEVER], 2, 500, 126, (126, PROGRESSION), (126, PROGRESSION)),
        # Death within two intervals and the window after the last assessment, and a day later.
        ([42, NEVER, NEVER, NEVER], -1, 132, NEVER, (132, DEATH), (132, DEATH)),
        ([42, NEVER, NEVER, NEVER], -1, 133, NEVER, (42, MISSED), (133, DEATH)),
        # Death before any assessment, early and late.
        ([NEVER] * 4, -1, 90, NEVER, (90, DEATH), (90, DEATH)),
        ([NEVER] * 4, -1, 91, NEVER, (0, MISSED), (91, DEATH)),
        # Nothing seen, nothing known.
        ([NEVER] * 4, -1, NEVER, NEVER, (0, NO_ASSESSMENT), (0, NO_ASSESSMENT)),
    ],
)
def test_progression_free_survival_by_hand(
    happened: Happenings,
    visits: list[int],
    found: int,
    death: int,
    therapy: int,
    fda: tuple[int, str],
    ema: tuple[int, str],
) -> None:
    case = one(happened, visits=visits, found=found, death=death, therapy=therapy)
    for rule, expected in (("FDA", fda), ("EMA", ema)):
        times = progression_free(ONE_DAY, case.course, case.tumours, rule=rule)
        assert (int(times.day[0]), str(times.ended_by[0])) == expected
        assert bool(times.event[0]) == (expected[1] in (PROGRESSION, DEATH))


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_the_endpoints_derive_the_same_times_from_the_source_dates(seed: int) -> None:
    """The rules of the endpoints were written apart from those of the rehearsal."""
    often = replace(LUNG_DEMO, patients=300, missed=(0.15, 0.6, 0.4), next_therapy=(0.9, 0.9), withdrawal=0.2, lost=0.2)
    data = generate(often, seed=seed).datasets
    adsl = data["ADSL"][data["ADSL"]["RANDFL"] == "Y"]
    subjects = pd.DataFrame(
        {
            "subject": adsl["USUBJID"],
            "start": adsl["RANDDT"],
            "death": adsl["DTHDT"],
            "last_alive": adsl["LSTALVDT"],
            "cutoff": adsl["CUTOFFDT"],
            "new_therapy": adsl["NEWTRTDT"],
            "treatment_end": adsl["DISCDT"],
            "study_exit": adsl["EOSDT"].where(adsl["DCSREAS"] != "DEATH"),
        }
    ).reset_index(drop=True)
    visits = data["ADRS"][data["ADRS"]["PARAMCD"] == "OVRLRESP"]
    visits = visits.rename(columns={"USUBJID": "subject", "ADT": "date", "AVALC": "response"})
    visits = visits[["subject", "date", "response"]].reset_index(drop=True)
    schedule = time_to_event.VisitSchedule(interval=42, allowance=6, later=((336, 63),))
    derived = {
        "OS": time_to_event.overall_survival(subjects, records=visits),
        "PFS": time_to_event.progression_free_survival(subjects, visits, rules="FDA", schedule=schedule),
        "PFSEMA": time_to_event.progression_free_survival(subjects, visits, rules="EMA"),
    }
    for code, frame in derived.items():
        mine = data["ADTTE"][data["ADTTE"]["PARAMCD"] == code].set_index("USUBJID").reindex(frame["subject"])
        assert (mine["AVAL"].to_numpy() == frame["aval"].to_numpy()).all(), code
        assert ((mine["CNSR"].to_numpy() == 0) == (frame["cnsr"].to_numpy() == 0)).all(), code
    censored = data["ADTTE"][data["ADTTE"]["PARAMCD"] == "PFS"]["CNSDTDSC"].dropna().nunique()
    assert censored == 4  # every reason occurs
