"""ADLB, ADVS and ADQS: laboratory values, vital signs and the questionnaire, by visit with baseline and change."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from evidence_lib.rehearsal.adam.keys import Keys, only
from evidence_lib.rehearsal.course import NEVER
from evidence_lib.rehearsal.laboratory import (
    VITAL_SIGNS,
    LaboratoryTest,
    draw_laboratory,
    draw_vital_signs,
    grades,
    laboratory_tests,
)
from evidence_lib.rehearsal.patients import Counts, Floats
from evidence_lib.rehearsal.streams import Streams
from evidence_lib.rehearsal.visits import Visits

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.rehearsal.design import TrialDesign
    from evidence_lib.rehearsal.trial import Happenings


def adlb(happened: Happenings, keys: Keys, visits: Visits, streams: Streams) -> pd.DataFrame:
    """Ten tests with normal range, range indicator and CTCAE v5.0 grade, each also at baseline."""
    import pandas as pd

    found = draw_laboratory(happened.patients, visits, streams)
    frames = []
    for test in laboratory_tests():
        frame = _records(happened, keys, visits, found[test.code])
        values, base = frame["AVAL"].to_numpy(), frame["BASE"].to_numpy()
        named: dict[str, Any] = {
            "PARAMCD": test.code,
            "PARAM": f"{test.name} ({test.unit})",
            "ANRLO": test.low,
            "ANRHI": test.high,
        }
        frames.append(
            frame.assign(
                **named,
                A1HI=test.high,
                R2A1HI=np.round(values / test.high, 4),
                ANRIND=_range(values, test),
                BNRIND=only(~np.isnan(base), _range(base, test)),
                ATOXGR=grades(values, test),
                BTOXGR=np.where(np.isnan(base), np.nan, grades(base, test)),
                ATOXDIR=test.direction.upper(),
            )
        )
    return pd.concat(frames, ignore_index=True)


def _range(values: Floats, test: LaboratoryTest) -> np.ndarray:
    return np.select([values < test.low, values > test.high], ["LOW", "HIGH"], "NORMAL").astype(object)


def advs(happened: Happenings, keys: Keys, visits: Visits, streams: Streams) -> pd.DataFrame:
    """Five vital signs."""
    import pandas as pd

    found = draw_vital_signs(happened.patients, visits, streams)
    frames = [
        _records(happened, keys, visits, found[code]).assign(PARAMCD=code, PARAM=described[0])
        for code, described in VITAL_SIGNS.items()
    ]
    return pd.concat(frames, ignore_index=True)


def _records(happened: Happenings, keys: Keys, visits: Visits, values: Floats) -> pd.DataFrame:
    """One row per patient and visit held. Who missed the baseline has no BASE and no CHG."""
    import pandas as pd

    patient, visit = np.nonzero(visits.held)
    value = values[patient, visit]
    base = np.where(visits.held[:, 0], values[:, 0], np.nan)[patient]
    days, start = visits.days[patient, visit], happened.course.start[patient]
    since = days - start
    names = np.array(visits.names, dtype=object)
    return pd.DataFrame(
        {
            **keys.start(patient),
            "TRTA": keys.arm[patient],
            "PARAMCD": "",
            "PARAM": "",
            "AVAL": value,
            "BASE": base,
            "CHG": np.where(visit == 0, np.nan, np.round(value - base, 6)),
            "AVISIT": names[visit],
            "AVISITN": visits.cycles[visit],
            "ADT": keys.dates(days, patient),
            "ADY": np.where(since >= 0, since + 1, since),
            "ABLFL": only(visit == 0, "Y"),
            "ANL01FL": "Y",
        }
    )


def adqs(design: TrialDesign, happened: Happenings, keys: Keys) -> pd.DataFrame:
    """QLGHS, the global health status: 0 to 100, higher is better; one row per patient and visit that was answered."""
    import pandas as pd

    quality, course = happened.quality, happened.course
    patient, visit = np.nonzero(quality.seen)
    value = np.round(quality.score[patient, visit], 4)
    base = np.where(quality.seen[:, 0], np.round(quality.score[:, 0], 4), np.nan)[patient]
    days = quality.days[patient, visit]
    weeks = np.array(design.quality_days)[visit] // 7
    after = visit > 0
    return pd.DataFrame(
        {
            **keys.start(patient),
            "PARAMCD": "QLGHS",
            "PARAM": "Global health status (0-100)",
            "AVAL": value,
            "BASE": base,
            "CHG": np.where(after, np.round(value - base, 4), np.nan),
            "AVISIT": np.where(after, [f"Week {week}" for week in weeks], "Baseline"),
            "AVISITN": weeks,
            "ADT": keys.dates(days, patient),
            "ADY": _day(days, course.start[patient]),
            "ABLFL": only(~after, "Y"),
            "ANL01FL": "Y",
            "ONTRTFL": np.where(days <= course.stop[patient], "Y", "N"),
        }
    )


def _day(days: Counts, start: Counts) -> Floats:
    since = days - np.where(start < NEVER, start, 0)
    return np.where(start < NEVER, np.where(since >= 0, since + 1, since), np.nan)
