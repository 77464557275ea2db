"""What every data set shares: identifiers, arms, and days turned into dates."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

from evidence_lib.rehearsal.course import NEVER
from evidence_lib.rehearsal.design import TrialDesign
from evidence_lib.rehearsal.patients import Counts, Flags, Patients
from evidence_lib.rehearsal.places import locate
from evidence_lib.rehearsal.streams import Streams


@dataclass(frozen=True, kw_only=True)
class Keys:
    """By patient: identifiers, place, and the date of randomisation (datetime64, days)."""

    study: str
    subject: np.ndarray
    site: np.ndarray
    country: np.ndarray
    arm: np.ndarray
    randomised: np.ndarray

    def dates(self, days: Counts, patient: Counts | slice = slice(None)) -> np.ndarray:
        """Dates of days that count from the randomisation of ``patient``; NEVER is no date."""
        dates = self.randomised[patient] + np.where(days < NEVER, days, 0).astype("timedelta64[D]")
        return np.where(days < NEVER, dates, np.datetime64("NaT")).astype("datetime64[ns]")

    def start(self, patient: Counts | slice = slice(None)) -> dict[str, Any]:
        """The first columns of a data set of records."""
        return {
            "STUDYID": self.study,
            "USUBJID": self.subject[patient],
            "SITEID": self.site[patient],
            "TRTP": self.arm[patient],
        }


def only(flags: Flags, values: np.ndarray | str) -> np.ndarray:
    """The values where flagged, and nothing elsewhere."""
    kept = np.full(flags.shape, None, dtype=object)
    kept[flags] = values if isinstance(values, str) else np.asarray(values)[flags]
    return kept


def keys(design: TrialDesign, patients: Patients, streams: Streams) -> Keys:
    """The identifiers of the randomised patients: study, site, and a number that has nothing to do with the order."""
    country, site = locate(patients.region, patients.place, list(design.regions))
    number = 1001 + streams.stream("numbers").permutation(patients.n)
    return Keys(
        study=design.study,
        subject=np.array([f"{design.study}-{s}-{i}" for s, i in zip(site, number, strict=True)], dtype=object),
        site=site,
        country=country,
        arm=np.array(design.arms, dtype=object)[patients.arm],
        randomised=np.datetime64(design.first) + patients.day.astype("timedelta64[D]"),
    )
