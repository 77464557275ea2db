"""Who enters the trial: place, baseline characteristics, day of randomisation, and the arm by stratified blocks."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from evidence_lib.rehearsal.design import TREATED, TrialDesign
from evidence_lib.rehearsal.streams import Streams

Counts = NDArray[np.int64]
Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]

PDL1_GROUPS = ("<1%", "1-49%", ">=50%")
HISTOLOGIES = ("Non-squamous", "Squamous")


@dataclass(frozen=True, kw_only=True)
class Patients:
    """Arrays of one element per randomised patient, in order of randomisation.

    ``arm``, ``region``, ``pdl1_group``, ``histology`` are positions in their lists; ``day`` counts from the first
    day of recruitment.
    """

    arm: Counts
    day: Counts
    region: Counts
    place: Floats
    age: Counts
    female: Flags
    ecog: Counts
    pdl1: Counts
    pdl1_group: Counts
    histology: Counts
    egfr: Flags
    alk: Flags
    liver: Flags
    brain: Flags
    smoking: Counts
    stage: Floats
    weight: Floats
    stratum: Counts

    @property
    def n(self) -> int:
        """How many."""
        return self.arm.size

    @property
    def treated(self) -> Flags:
        """Who is in the treated arm."""
        return self.arm == TREATED

    def covariates(self) -> dict[str, Flags]:
        """The covariates that hazards depend on, by the names that a ``Transition`` uses."""
        return {
            "ecog": self.ecog == 1,
            "liver": self.liver,
            "squamous": self.histology == 1,
            "high": self.pdl1_group == 2,
            "mutated": self.egfr | self.alk,
        }


def draw_patients(design: TrialDesign, n: int, streams: Streams) -> Patients:
    """``n`` randomised patients. Each characteristic is drawn on its own from one row of uniform numbers a patient."""
    u = streams.stream("patients").random((n, 16))
    share = np.cumsum(list(design.regions.values()))
    region = np.minimum(np.searchsorted(share, u[:, 0], side="right"), share.size - 1)
    asian = region <= 1
    # More are recruited in the later months: the density rises in a straight line to three times its beginning.
    day = np.floor(design.recruiting * (np.sqrt(1 + 8 * u[:, 1]) - 1) / 2).astype(np.int64)
    order = np.argsort(day, kind="stable")
    female = u[:, 2] < np.where(asian, 0.28, 0.36)
    age = np.clip(np.round(_normal(u[:, 3]) * 8.5 + np.where(asian, 62, 65)), 31, 86).astype(np.int64)
    histology = (u[:, 4] < 0.30).astype(np.int64)
    group = np.searchsorted([0.32, 0.68], u[:, 5], side="right")
    within = u[:, 6]
    pdl1 = np.select([group == 0, group == 1], [0 * within, 1 + np.floor(within * 49)], 50 + np.floor(within * 51))
    mutated = u[:, 7]
    nonsquamous = histology == 0
    egfr = nonsquamous & (mutated < np.where(asian, 0.05, 0.02))
    alk = nonsquamous & ~egfr & (mutated > 0.99)
    never = np.where(female, 0.38, 0.10)
    smoking = np.where(u[:, 8] < never, 0, np.where(u[:, 8] < never + 0.55 * (1 - never), 1, 2))
    weight = np.round(np.where(female, 60, 72) + np.where(asian, -7, 4) + 11 * _normal(u[:, 9]), 1)
    columns = {
        "day": day,
        "region": region.astype(np.int64),
        "place": u[:, 10],
        "age": age,
        "female": female,
        "ecog": (u[:, 11] < 0.62).astype(np.int64),
        "pdl1": pdl1.astype(np.int64),
        "pdl1_group": group.astype(np.int64),
        "histology": histology,
        "egfr": egfr,
        "alk": alk,
        "liver": u[:, 12] < 0.18,
        "brain": u[:, 13] < 0.10,
        "smoking": smoking.astype(np.int64),
        "stage": u[:, 14],
        "weight": np.maximum(weight, 38.0),
    }
    columns = {name: values[order] for name, values in columns.items()}
    stratum = (columns["region"] * 3 + columns["pdl1_group"]) * 2 + columns["histology"]
    return Patients(arm=_randomised(design, stratum, streams), stratum=stratum, **columns)  # type: ignore[arg-type]


def _randomised(design: TrialDesign, stratum: Counts, streams: Streams) -> Counts:
    """Permuted blocks within each stratum: half of every full block goes to each arm."""
    arm = np.empty(stratum.size, dtype=np.int64)
    for level in np.unique(stratum):
        members = np.flatnonzero(stratum == level)
        blocks = -(-members.size // design.block)
        block = np.arange(design.block) % 2
        rng = streams.stream(f"randomisation {level}")
        arm[members] = rng.permuted(np.tile(block, (blocks, 1)), axis=1).ravel()[: members.size]
    return arm


def _normal(u: Floats) -> Floats:
    from scipy.special import ndtri

    # The ends of the unit interval have no finite normal quantile.
    return np.asarray(ndtri(np.clip(u, 1e-12, 1 - 1e-12)), dtype=np.float64)
