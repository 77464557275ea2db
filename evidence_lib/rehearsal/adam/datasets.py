"""All data sets of a trial, in the order of their keys."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from evidence_lib.rehearsal.adam.keys import keys
from evidence_lib.rehearsal.adam.measures import adlb, adqs, advs
from evidence_lib.rehearsal.adam.outcomes import adrs, adtr, adtte
from evidence_lib.rehearsal.adam.subjects import adsl
from evidence_lib.rehearsal.adam.treatment import adae, adex
from evidence_lib.rehearsal.design import TrialDesign
from evidence_lib.rehearsal.streams import Streams
from evidence_lib.rehearsal.visits import draw_visits

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.rehearsal.trial import Happenings

ORDER = ("USUBJID", "PARCAT1", "PARAMCD", "TRLNKID", "AVISITN", "AESEQ", "ADT")


def datasets(design: TrialDesign, happened: Happenings, streams: Streams) -> dict[str, pd.DataFrame]:
    """The data sets by name, each sorted by subject, parameter and time."""
    patients, course = happened.patients, happened.course
    named = keys(design, patients, streams)
    visits = draw_visits(design, course, streams)
    fatal = np.zeros(patients.n, dtype=bool)
    fatal[happened.adverse.patient[happened.adverse.fatal]] = True
    found = {
        "ADSL": adsl(design, happened, named, streams, fatal),
        "ADTTE": adtte(design, happened, named),
        "ADRS": adrs(happened, named),
        "ADTR": adtr(happened, named),
        "ADAE": adae(happened, named),
        "ADLB": adlb(happened, named, visits, streams),
        "ADVS": advs(happened, named, visits, streams),
        "ADQS": adqs(design, happened, named),
        "ADEX": adex(design, happened, named, streams),
    }
    return {name: _sorted(frame) for name, frame in found.items()}


def _sorted(frame: pd.DataFrame) -> pd.DataFrame:
    by = [name for name in ORDER if name in frame]
    return frame.sort_values(by, kind="stable", ignore_index=True)
