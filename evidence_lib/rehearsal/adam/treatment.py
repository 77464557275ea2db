"""ADAE and ADEX: adverse events, and the doses that were given."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evidence_lib.rehearsal.adam.keys import Keys, only
from evidence_lib.rehearsal.course import NEVER
from evidence_lib.rehearsal.design import TrialDesign
from evidence_lib.rehearsal.patients import Counts, Flags, Floats
from evidence_lib.rehearsal.safety import terms
from evidence_lib.rehearsal.streams import Streams

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.rehearsal.trial import Happenings

DOSE = 200.0  # mg of the study medicine per cycle
LEVELS = (100.0, 80.0, 60.0)  # % of the planned dose of chemotherapy


def adae(happened: Happenings, keys: Keys) -> pd.DataFrame:
    """One row per treatment-emergent adverse event."""
    import pandas as pd

    events, course = happened.adverse, happened.course
    table = terms().iloc[events.term]
    who, start = events.patient, course.start[events.patient]
    term, special = table["term"].to_numpy(dtype=object), table["special"].to_numpy(dtype=object)
    first = np.append(True, who[1:] != who[:-1]) if who.size else np.zeros(0, dtype=bool)
    sequence = np.arange(who.size) - np.maximum.accumulate(np.where(first, np.arange(who.size), 0)) + 1
    action = np.select(
        [events.stops, events.interrupts, events.fatal],
        ["DRUG WITHDRAWN", "DRUG INTERRUPTED", "NOT APPLICABLE"],
        "DOSE NOT CHANGED",
    )
    outcome = np.select(
        [events.fatal, events.end < NEVER], ["FATAL", "RECOVERED/RESOLVED"], "NOT RECOVERED/NOT RESOLVED"
    )
    return pd.DataFrame(
        {
            **keys.start(who),
            "TRTA": keys.arm[who],
            "AESEQ": sequence,
            "AETERM": term,
            "AEDECOD": term,
            "AEBODSYS": table["soc"].to_numpy(dtype=object),
            "AESOC": table["soc"].to_numpy(dtype=object),
            "ASTDT": keys.dates(events.day, who),
            "AENDT": keys.dates(events.end, who),
            "ASTDY": events.day - start + 1,
            "AENDY": np.where(events.end < NEVER, events.end - start + 1, np.nan),
            "ATOXGR": events.grade,
            "AETOXGR": events.grade,
            "AESER": np.where(events.serious, "Y", "N"),
            "AESDTH": np.where(events.fatal, "Y", "N"),
            "AESLIFE": np.where(events.serious & (events.grade == 4), "Y", "N"),
            "AESHOSP": np.where(events.serious & ~events.fatal, "Y", "N"),
            "AEREL": np.where(events.related, "RELATED", "NOT RELATED"),
            "AEACN": action,
            "AEOUT": outcome,
            "TRTEMFL": "Y",
            "AESIFL": np.where(special != "", "Y", "N"),
            "AESICAT": only(special != "", special),
        }
    )


def adex(design: TrialDesign, happened: Happenings, keys: Keys, streams: Streams) -> pd.DataFrame:
    """Doses by cycle (DOSE, CHDOSE), and by patient the cycles, the total, the days and the relative dose intensity."""
    import pandas as pd

    course = happened.course
    n = course.end.size
    u = streams.stream("doses").random((n, design.cycles + design.chemotherapy_cycles + 1))
    last = np.where(course.treated, (course.last_dose - course.start) // design.cycle, -1)
    cycle = np.arange(design.cycles)
    begun = cycle <= last[:, None]
    # The first and the last dose are given by definition of the period; others are omitted now and then.
    omitted = (u[:, : design.cycles] < 0.03) & (cycle > 0) & (cycle < last[:, None])
    dose = np.where(omitted, 0.0, DOSE)
    chemotherapy = begun[:, : design.chemotherapy_cycles]
    level = np.minimum(np.cumsum(u[:, design.cycles : -1] < 0.10, axis=1), len(LEVELS) - 1)
    level = np.where(np.arange(design.chemotherapy_cycles) == 0, 0, level)
    percent = np.array(LEVELS)[level]
    treated = np.flatnonzero(course.treated)
    given = np.where(begun, dose, 0).sum(axis=1)
    cycles = begun.sum(axis=1)
    chemo_cycles = chemotherapy.sum(axis=1)
    chemo = np.where(chemotherapy, percent, 0).sum(axis=1)
    reductions = np.where(chemotherapy, level, 0).max(axis=1)
    days = np.where(course.treated, course.last_dose - course.start + 1, 0)
    medicine = np.array(design.medicines, dtype=object)[happened.patients.arm]
    study, other = ("Study medicine", medicine), ("Chemotherapy", np.full(n, "Chemotherapy", dtype=object))

    def one(code: str, name: str, of: tuple[str, np.ndarray], values: Floats | Counts) -> pd.DataFrame:
        return _summary(keys, code, name, of, treated, values)

    def by_cycle(code: str, name: str, of: tuple[str, np.ndarray], held: Flags, values: Floats) -> pd.DataFrame:
        return _cycles(design, happened, keys, code, name, of, held, values)

    frames = [
        by_cycle("DOSE", "Dose of the study medicine (mg)", study, begun, dose),
        by_cycle("CHDOSE", "Dose of chemotherapy (% of the planned dose)", other, chemotherapy, percent),
        one("NCYCLE", "Cycles of the study medicine", study, (begun & ~omitted).sum(axis=1)),
        one("CUMDOSE", "Cumulative dose of the study medicine (mg)", study, given),
        one("TRTDURD", "Duration of treatment (days)", study, days),
        one(
            "RDI",
            "Relative dose intensity of the study medicine (%)",
            study,
            100 * given / (DOSE * np.maximum(cycles, 1)),
        ),
        one("CHNCYCLE", "Cycles of chemotherapy", other, chemo_cycles),
        one("CHREDUCE", "Dose reductions of chemotherapy", other, reductions),
        one("CHRDI", "Relative dose intensity of chemotherapy (%)", other, chemo / np.maximum(chemo_cycles, 1)),
    ]
    return pd.concat(frames, ignore_index=True)


def _cycles(
    design: TrialDesign,
    happened: Happenings,
    keys: Keys,
    code: str,
    name: str,
    of: tuple[str, np.ndarray],
    held: Flags,
    values: Floats,
) -> pd.DataFrame:
    import pandas as pd

    patient, cycle = np.nonzero(held)
    dates = keys.dates(happened.course.start[patient] + design.cycle * cycle, patient)
    return pd.DataFrame(
        {
            **keys.start(patient),
            "TRTA": keys.arm[patient],
            "PARCAT1": of[0],
            "EXTRT": of[1][patient],
            "PARAMCD": code,
            "PARAM": name,
            "AVAL": values[patient, cycle],
            "AVISIT": [f"Cycle {number + 1}" for number in cycle],
            "AVISITN": cycle + 1,
            "ASTDT": dates,
            "ASTDY": design.cycle * cycle + 1,
        }
    )


def _summary(
    keys: Keys, code: str, name: str, of: tuple[str, np.ndarray], patient: Counts, values: Floats | Counts
) -> pd.DataFrame:
    import pandas as pd

    return pd.DataFrame(
        {
            **keys.start(patient),
            "TRTA": keys.arm[patient],
            "PARCAT1": of[0],
            "EXTRT": of[1][patient],
            "PARAMCD": code,
            "PARAM": name,
            "AVAL": np.round(np.asarray(values, dtype=float)[patient], 4),
        }
    )
