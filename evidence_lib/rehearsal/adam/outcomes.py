"""ADTTE, ADRS and ADTR: times to events, responses and tumour measurements."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evidence_lib.rehearsal.adam.keys import Keys, only
from evidence_lib.rehearsal.course import NEVER
from evidence_lib.rehearsal.design import TrialDesign
from evidence_lib.rehearsal.patients import Counts, Flags
from evidence_lib.rehearsal.times import (
    ALIVE,
    COMPLETE,
    DEATH,
    LOST,
    MISSED,
    NEXT_THERAPY,
    NO_ASSESSMENT,
    NO_PROGRESSION,
    ON_TREATMENT,
    PROGRESSION,
    STOPPED,
    STOPPED_BY_DEATH,
    WITHDREW,
    Times,
    progression_free,
    treatment_stop,
)  # fmt: skip
from evidence_lib.rehearsal.tumour import CR, NE, NONE, PR, SD, Tumours, best_response, counted, first_response

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.rehearsal.trial import Happenings

RESPONSES = np.array(["CR", "PR", "SD", "PD", "NE"], dtype=object)
NON_TARGET = np.array([None, "NON-CR/NON-PD", "CR", "PD"], dtype=object)
SITES = ("LUNG, LEFT UPPER LOBE", "LUNG, RIGHT LOWER LOBE", "LIVER", "ADRENAL GLAND", "PLEURA")
DESCRIPTIONS = {
    DEATH: ("Death", None, 0),
    PROGRESSION: ("Progressive disease", None, 0),
    STOPPED: ("Treatment discontinued", None, 0),
    STOPPED_BY_DEATH: ("Death", None, 0),
    ALIVE: (None, "Alive at data cut-off", 1),
    NO_PROGRESSION: (None, "No progression at last assessment", 1),
    ON_TREATMENT: (None, "On treatment at data cut-off", 1),
    LOST: (None, "Lost to follow-up", 2),
    WITHDREW: (None, "Withdrawal of consent", 2),
    NEXT_THERAPY: (None, "New anticancer therapy before progression", 3),
    MISSED: (None, "Two or more missed assessments before the event", 4),
    NO_ASSESSMENT: (None, "No evaluable assessment", 6),
    COMPLETE: (None, "Completed planned treatment", 7),
}


def adtte(design: TrialDesign, happened: Happenings, keys: Keys) -> pd.DataFrame:
    """OS, PFS (FDA rule), PFSEMA, TTD (of the treated) and DOR (of confirmed responders)."""
    import pandas as pd

    course, tumours = happened.course, happened.tumours
    everybody = np.ones(course.end.size, dtype=bool)
    none = np.zeros(course.end.size, dtype=np.int64)
    pfs = progression_free(design, course, tumours, rule="FDA")
    responders = best_response(tumours, course, confirmed=True) <= PR
    since = np.where(responders, first_response(tumours, course), 0)
    treated = course.treated
    start = np.where(treated, course.start, 0)
    stop = treatment_stop(course)
    ema = progression_free(design, course, tumours, rule="EMA")
    rows = [
        _endpoint(keys, "OS", "Overall survival", happened.survival, none, everybody),
        _endpoint(keys, "PFS", "Progression-free survival", pfs, none, everybody),
        _endpoint(keys, "PFSEMA", "Progression-free survival, EMA rule", ema, none, everybody),
        _endpoint(
            keys,
            "TTD",
            "Time to treatment discontinuation",
            Times(day=stop.day + start, ended_by=stop.ended_by),
            start,
            treated,
        ),
        _endpoint(keys, "DOR", "Duration of response", pfs, since, responders),
    ]
    return pd.concat(rows, ignore_index=True)


def _endpoint(keys: Keys, code: str, name: str, times: Times, since: Counts, who: Flags) -> pd.DataFrame:
    import pandas as pd

    patient = np.flatnonzero(who)
    told = [DESCRIPTIONS[str(word)] for word in times.ended_by[patient]]
    return pd.DataFrame(
        {
            **keys.start(patient),
            "PARAMCD": code,
            "PARAM": name,
            "AVAL": times.day[patient] - since[patient] + 1,
            "AVALU": "DAYS",
            "CNSR": [item[2] for item in told],
            "EVNTDESC": [item[0] for item in told],
            "CNSDTDSC": [item[1] for item in told],
            "STARTDT": keys.dates(since[patient], patient),
            "ADT": keys.dates(times.day[patient], patient),
        }
    )


def adrs(happened: Happenings, keys: Keys) -> pd.DataFrame:
    """By visit TRGRESP, NTRGRESP, NEWLES and OVRLRESP; by patient BOR and CBOR (confirmed)."""
    import pandas as pd

    tumours, course = happened.tumours, happened.course
    patient, visit = np.nonzero(course.visits < NEVER)
    at = (patient, visit)

    def rows(code: str, name: str, values: np.ndarray, where: tuple[np.ndarray, np.ndarray]) -> pd.DataFrame:
        who, when = where
        return pd.DataFrame(
            {
                **keys.start(who),
                "PARAMCD": code,
                "PARAM": name,
                "AVALC": values,
                "AVISIT": [f"Assessment {k + 1}" for k in when],
                "AVISITN": when + 1,
                "ADT": keys.dates(course.visits[where], who),
                "ADY": _study_day(course.visits[where], course.start[who]),
            }
        )

    lesions = tumours.non_target[at] > 0
    other = (patient[lesions], visit[lesions])
    frames = [
        rows("TRGRESP", "Target response", RESPONSES[tumours.target[at]], at),
        rows("NTRGRESP", "Non-target response", NON_TARGET[tumours.non_target[other]], other),
        rows("NEWLES", "New lesion", np.where(tumours.new[at], "Y", "N"), at),
        rows("OVRLRESP", "Overall response", RESPONSES[tumours.overall[at]], at),
        *(
            _best(tumours, happened, keys, code, name, confirmed=confirmed)
            for code, name, confirmed in (
                ("BOR", "Best overall response", False),
                ("CBOR", "Best overall response, confirmed", True),
            )
        ),
    ]
    frame = pd.concat(frames, ignore_index=True)
    ranks = {text: rank + 1 for rank, text in enumerate(RESPONSES)}
    return frame.assign(AVAL=frame["AVALC"].where(frame["PARAMCD"].isin(["OVRLRESP", "BOR", "CBOR"])).map(ranks))


def _best(tumours: Tumours, happened: Happenings, keys: Keys, code: str, name: str, *, confirmed: bool) -> pd.DataFrame:
    import pandas as pd

    course = happened.course
    patient = np.arange(course.end.size)
    best = best_response(tumours, course, confirmed=confirmed)
    # The day is that of the first assessment with this response; for what was not confirmed, the first with a response.
    overall = counted(tumours, course)
    responding = (overall >= CR) & (overall <= PR)
    held = (overall == best[:, None]) | ((best == SD) | (best == PR))[:, None] & responding
    day = np.where(held & (course.visits < NEVER), course.visits, NEVER).min(axis=1)
    return pd.DataFrame(
        {
            **keys.start(patient),
            "PARAMCD": code,
            "PARAM": name,
            "AVALC": RESPONSES[best],
            "ADT": keys.dates(day, patient),
            "ADY": _study_day(day, course.start),
        }
    )


def adtr(happened: Happenings, keys: Keys) -> pd.DataFrame:
    """LDIAM by target lesion and SUMDIAM, at baseline and at each assessment; an unevaluable one lacks a lesion."""
    import pandas as pd

    tumours, course = happened.tumours, happened.course
    days = np.column_stack([-1 - np.arange(course.end.size) % 14, course.visits])
    sums = np.column_stack([tumours.baseline, tumours.sums])
    patient, visit = np.nonzero(days < NEVER)
    sizes = _shares(tumours.lesions[patient], sums[patient, visit])
    target = np.column_stack([np.full(course.end.size, NONE), tumours.target])[patient, visit]
    frames = []
    for number in range(tumours.lesions.shape[1]):
        # At an assessment that was not evaluable the first lesion was not measured.
        here = (tumours.lesions[patient, number] > 0) & ~((target == NE) & (number == 0))
        frames.append(_sizes(happened, keys, patient[here], visit[here], days, sizes[here, number], number))
    measured = target != NE
    at = patient[measured], visit[measured]
    frames.append(_sizes(happened, keys, *at, days, sums[at], None))
    return pd.concat(frames, ignore_index=True)


def _sizes(
    happened: Happenings, keys: Keys, patient: Counts, visit: Counts, days: Counts, values: Counts, number: int | None
) -> pd.DataFrame:
    import pandas as pd

    tumours, course = happened.tumours, happened.course
    base = tumours.baseline[patient] if number is None else tumours.lesions[patient, number]
    names = (
        ("SUMDIAM", "Sum of diameters of target lesions (mm)") if number is None else ("LDIAM", "Longest diameter (mm)")
    )
    smallest = pd.Series(values).groupby(patient).cummin()
    nadir = smallest.groupby(patient).shift().to_numpy()
    frame = pd.DataFrame(
        {
            **keys.start(patient),
            "PARAMCD": names[0],
            "PARAM": names[1],
            "TRLNKID": None if number is None else f"T{number + 1:02d}",
            "TRLOC": None if number is None else SITES[number],
            "AVAL": values,
            "BASE": base,
            "CHG": values - base,
            "PCHG": np.round(100.0 * (values - base) / base, 4),
            "AVISIT": ["Baseline" if k == 0 else f"Assessment {k}" for k in visit],
            "AVISITN": visit,
            "ADT": keys.dates(days[patient, visit], patient),
            "ADY": _study_day(days[patient, visit], course.start[patient]),
            "ABLFL": only(visit == 0, "Y"),
            "NADIR": nadir if number is None else np.nan,
        }
    )
    frame.loc[visit == 0, ["CHG", "PCHG"]] = np.nan
    return frame


def _shares(lesions: Counts, sums: Counts) -> Counts:
    """Whole millimetres per lesion that add up to the sum, in proportion to the baseline (largest remainders)."""
    total = np.maximum(sums, 0)[:, None]
    exact = total * lesions / lesions.sum(axis=1, keepdims=True)
    whole = np.floor(exact).astype(np.int64)
    missing = (total[:, 0] - whole.sum(axis=1))[:, None]
    rank = np.argsort(np.argsort(-(exact - whole), axis=1, kind="stable"), axis=1, kind="stable")
    return np.asarray(whole + (rank < missing))


def _study_day(days: Counts, start: Counts) -> np.ndarray:
    """ADY: from the first dose, which is day 1; the day before it is -1. No day without a dose or a date."""
    since = days - np.where(start < NEVER, start, 0)
    return np.where((days < NEVER) & (start < NEVER), np.where(since >= 0, since + 1, since), np.nan)
