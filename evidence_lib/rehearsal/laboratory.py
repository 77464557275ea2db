"""Laboratory values and vital signs by visit, with a few planted cases of liver injury."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from functools import cache
from importlib.resources import files
from typing import Any

import numpy as np

from evidence_lib.rehearsal.design import TREATED
from evidence_lib.rehearsal.patients import Counts, Floats, Patients
from evidence_lib.rehearsal.streams import Streams
from evidence_lib.rehearsal.visits import Visits

# Multiples of the upper limit of normal. Hy's law: ALT or AST of 3 or more with bilirubin of 2 or more, ALP below 2.
HYS_LAW = {"ALT": 9.0, "AST": 7.0, "BILI": 3.2, "ALP": 1.3}
CHOLESTASIS = {"ALT": 4.0, "AST": 3.5, "BILI": 2.8, "ALP": 3.4}
PLANTED = ((3, HYS_LAW), (1, HYS_LAW))  # cases by arm
VITAL_SIGNS = {
    "SYSBP": ("Systolic blood pressure (mmHg)", 128.0, 13.0, 8.0),
    "DIABP": ("Diastolic blood pressure (mmHg)", 77.0, 8.0, 6.0),
    "PULSE": ("Pulse rate (beats/min)", 78.0, 9.0, 7.0),
    "TEMP": ("Temperature (C)", 36.6, 0.15, 0.25),
    "WEIGHT": ("Weight (kg)", 0.0, 0.0, 0.9),
}


@dataclass(frozen=True, kw_only=True)
class LaboratoryTest:
    """A laboratory test: its unit and normal range, its distribution, and the limits of CTCAE v5.0 grades 1 to 4.

    Values are log-normal: ``typical`` is the median, ``spread`` the standard deviation of the logarithm between
    patients, ``within`` that between the visits of one. ``chemotherapy`` and ``medicine`` are shifts of the logarithm.
    """

    code: str
    name: str
    unit: str
    low: float
    high: float
    typical: float
    spread: float
    within: float
    chemotherapy: float
    medicine: float
    decimals: int
    direction: str
    limits: tuple[float, ...]


@cache
def laboratory_tests() -> tuple[LaboratoryTest, ...]:
    """The tests of the trial. In the file, limits are multiples of the upper limit of normal where it says so."""
    texts = {"code", "name", "unit", "direction"}
    found = []
    with (files("evidence_lib.rehearsal") / "laboratory.csv").open(encoding="utf-8") as lines:
        for row in csv.DictReader(lines):
            limits = [float(text) for text in row.pop("limits").split(";")]
            unit = float(row["high"]) if row.pop("multiples") == "1" else 1.0
            numbers: dict[str, Any] = {name: float(text) for name, text in row.items() if name not in texts}
            numbers["decimals"] = int(row["decimals"])
            words: dict[str, Any] = {name: row[name] for name in texts}
            found.append(LaboratoryTest(**words, **numbers, limits=tuple(unit * limit for limit in limits)))
    return tuple(found)


def grades(values: Floats, test: LaboratoryTest) -> Counts:
    """CTCAE v5.0 grade: how many of the four limits the value has passed; 0 is no toxicity."""
    limits = np.array(test.limits)
    beyond = values[..., None] > limits if test.direction == "high" else values[..., None] < limits
    return np.asarray(beyond.sum(axis=-1), dtype=np.int64)


def draw_laboratory(patients: Patients, visits: Visits, streams: Streams) -> dict[str, Floats]:
    """The values of each test, patient by visit, whether or not the visit took place."""
    n, k = visits.days.shape
    # Chemotherapy acts on the first cycles, then wears off.
    given = np.where(visits.cycles == 0, 0.0, np.where(visits.cycles <= 5, 1.0, 0.4))
    medicine = np.where(visits.cycles >= 3, 1.0, 0.0) * patients.treated[:, None]
    flare = _flare(patients, visits, streams)
    found: dict[str, Floats] = {}
    for test in laboratory_tests():
        z = streams.stream(f"laboratory {test.code}").standard_normal((n, k + 1))
        log = test.spread * z[:, :1] + test.within * z[:, 1:] + test.chemotherapy * given + test.medicine * medicine
        if test.code in ("ALT", "AST"):
            log = log + flare
        found[test.code] = test.typical * np.exp(log)
    _plant(found, patients, visits, streams)
    return {test.code: np.round(found[test.code], test.decimals) for test in laboratory_tests()}


def _flare(patients: Patients, visits: Visits, streams: Streams) -> Floats:
    """A passing rise of the aminotransferases in some patients, more often under the medicine."""
    u = streams.stream("flare").random((patients.n, 3))
    has = u[:, 0] < np.where(patients.treated, 0.10, 0.04)
    peak = 3 + np.floor(u[:, 1] * 6)
    height = np.where(has, 0.8 + 1.3 * u[:, 2], 0.0)
    return np.asarray(height[:, None] * np.exp(-np.abs(visits.cycles - peak[:, None]) / 1.5))


def _plant(found: dict[str, Floats], patients: Patients, visits: Visits, streams: Streams) -> None:
    """Write the planted cases into patients with enough visits: the fourth visit on treatment and half of it after."""
    uln = {test.code: test.high for test in laboratory_tests()}
    u = streams.stream("planted").random(patients.n)
    enough = np.asarray(visits.held[:, :7].all(axis=1))
    cases = [(arm, count, pattern) for arm, (count, pattern) in enumerate(PLANTED)]
    chosen: set[int] = set()
    for arm, count, pattern in [*cases, (TREATED, 1, CHOLESTASIS)]:
        order = [int(i) for i in np.argsort(u) if enough[i] and patients.arm[i] == arm and int(i) not in chosen]
        for patient in order[:count]:
            chosen.add(patient)
            for code, multiple in pattern.items():
                found[code][patient, 4] = multiple * uln[code]
                found[code][patient, 5] = max(0.5 * multiple * uln[code], found[code][patient, 5])


def draw_vital_signs(patients: Patients, visits: Visits, streams: Streams) -> dict[str, Floats]:
    """The vital signs, patient by visit; weight falls a little while chemotherapy is given."""
    n, k = visits.days.shape
    found: dict[str, Floats] = {}
    for code, (_, mean, between, within) in VITAL_SIGNS.items():
        z = streams.stream(f"vital signs {code}").standard_normal((n, k + 1))
        found[code] = mean + between * z[:, :1] + within * z[:, 1:]
    loss = np.minimum(visits.cycles, 6) * 0.25
    drift = np.cumsum(streams.stream("weight").standard_normal((n, k)) * 0.4, axis=1)
    found["WEIGHT"] = np.maximum(patients.weight[:, None] - loss + drift + found["WEIGHT"], 32.0)
    found["WEIGHT"][:, 0] = patients.weight
    found["DIABP"] = np.minimum(found["DIABP"], found["SYSBP"] - 15)
    decimals = {"TEMP": 1, "WEIGHT": 1}
    return {code: np.round(values, decimals.get(code, 0)) for code, values in found.items()}
