"""Patients reconstructed from a curve: what goes in comes out, on made-up arms and on published figures."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.cox import hazard_ratio
from evidence_lib.statistics.survival import at_risk, kaplan_meier, median_survival, reconstruct_patients
from tests.reference import data, needs_reference


def arm(seed: int = 1, n: int = 250, mean: float = 500.0) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    time, end = rng.exponential(mean, n), rng.uniform(200, 1200, n)
    return pd.DataFrame({"time": np.ceil(np.minimum(time, end)), "event": time <= end})


def published(patients: pd.DataFrame, every: float = 150.0, decimals: int | None = None) -> tuple[pd.DataFrame, ...]:
    """The curve of an arm as a reader sees it, its points rounded, and the table under it."""
    curve = kaplan_meier(patients["time"], patients["event"])[["time", "survival"]]
    if decimals is not None:
        curve = curve.assign(survival=curve["survival"].round(decimals))
    table = at_risk(patients["time"], patients["event"], times=np.arange(0, patients["time"].max(), every))
    return curve, table[["time", "n_at_risk"]]


def step(frame: pd.DataFrame, times: np.ndarray) -> np.ndarray:
    curve = kaplan_meier(frame["time"], frame["event"])
    return curve["survival"].to_numpy()[np.searchsorted(curve["time"], times * (1 + 1e-9), side="right") - 1]


def test_without_censoring_every_patient_comes_back() -> None:
    patients = pd.DataFrame({"time": np.arange(1.0, 41), "event": True})
    found = reconstruct_patients(*published(patients, every=10))
    assert list(found["time"]) == list(patients["time"])
    assert found["event"].all()


def test_an_interval_with_censoring_by_hand() -> None:
    # 10 at risk; one event at day 10 (S = 0.9) and, of 8 left at day 30, one at day 40 (0.9 * 7/8): one was censored
    # between, which the algorithm puts half-way between the points around day 15, where even spacing has it.
    curve = pd.DataFrame({"time": [0.0, 10.0, 40.0], "survival": [1.0, 0.9, 0.9 * 7 / 8]})
    table = pd.DataFrame({"time": [0, 30], "n_at_risk": [10, 8]})
    found = reconstruct_patients(curve, table)
    assert list(found.loc[found["event"], "time"]) == [10.0, 40.0]
    early = found[~found["event"] & (found["time"] < 30)]
    assert list(early["time"]) == [20.0]
    assert len(found) == 10


@pytest.mark.parametrize("decimals", [None, 3])
@pytest.mark.parametrize("seed", range(4))
def test_the_curve_and_the_table_come_back(seed: int, decimals: int | None) -> None:
    patients = arm(seed)
    curve, table = published(patients, decimals=decimals)
    found = reconstruct_patients(curve, table, events=int(patients["event"].sum()))
    assert len(found) == len(patients)
    counts = at_risk(found["time"], found["event"], times=table["time"])["n_at_risk"]
    assert np.abs(counts - table["n_at_risk"]).max() <= (0 if decimals is None else 1)
    early = curve["time"][curve["time"] <= np.quantile(patients["time"], 0.9)].to_numpy()
    assert np.abs(step(found, early) - step(patients, early)).max() < 0.01
    assert abs(int(found["event"].sum()) - int(patients["event"].sum())) <= 2


def test_the_total_of_events_sets_the_tail() -> None:
    patients = arm(3)
    curve, table = published(patients, every=400)
    events = int(patients["event"].sum())
    fewer = reconstruct_patients(curve, table, events=events - 12)
    assert int(fewer["event"].sum()) < int(reconstruct_patients(curve, table, events=events)["event"].sum())
    early = table["time"].iloc[-1]
    ended = reconstruct_patients(curve, table, events=1)
    assert not ended.loc[ended["time"] > early, "event"].any()


def test_a_hazard_ratio_comes_back_from_two_curves() -> None:
    both = {"a": arm(11, 400, 700.0), "b": arm(12, 400, 400.0)}
    frames = []
    for name, patients in both.items():
        found = reconstruct_patients(*published(patients, decimals=3), events=int(patients["event"].sum()))
        frames.append(found.assign(arm=name))
    again = pd.concat(frames)
    before = pd.concat([patients.assign(arm=name) for name, patients in both.items()])
    ratios = [
        hazard_ratio(f["time"], f["event"], f["arm"], treatment="a", reference="b").estimate for f in (again, before)
    ]
    assert math.log(ratios[0]) == pytest.approx(math.log(ratios[1]), abs=0.02)
    assert ratios[1] < 0.8


@needs_reference
def test_published_figures_come_back() -> None:
    # Every tenth figure of kmdata is drawn, read off to three decimals, and reconstructed.
    patients = data("kmdata/patients.csv.gz")
    patients["time"] *= 30.4375
    arms = [group for _, group in patients.groupby(["name", "arm"])][::10]
    assert len(arms) > 60
    medians, gaps = [], []
    for original in arms:
        curve, table = published(original, every=original["time"].max() / 9, decimals=3)
        found = reconstruct_patients(curve, table, events=int(original["event"].sum()))
        assert len(found) == len(original)
        well_followed = curve["time"][curve["time"] <= np.quantile(original["time"], 0.8)].to_numpy()
        gaps.append(np.abs(step(found, well_followed) - step(original, well_followed)).max())
        pair = [median_survival(f["time"], f["event"]).estimate for f in (found, original)]
        if None not in pair:
            medians.append(abs(math.log(pair[0] / pair[1])))
    assert np.quantile(gaps, 0.95) < 0.015
    assert np.median(medians) < 0.005


def test_shaky_hands_and_late_starts() -> None:
    curve = pd.DataFrame({"time": [5.0, 10.0, 12.0, 20.0], "survival": [0.9, 0.8, 0.82, 0.7]})
    table = pd.DataFrame({"time": [0], "n_at_risk": [10]})
    found = reconstruct_patients(curve, table)
    assert list(found["time"]) == [5.0, 10.0, 20.0, *[20.0] * 7]
    assert list(found["event"]) == [True] * 3 + [False] * 7


def test_a_curve_that_reaches_zero_and_a_single_patient() -> None:
    curve = pd.DataFrame({"time": [0.0, 7.0], "survival": [1.0, 0.0]})
    found = reconstruct_patients(curve, pd.DataFrame({"time": [0], "n_at_risk": [1]}))
    assert found.to_dict("list") == {"time": [7.0], "event": [True]}
    nobody = reconstruct_patients(curve, pd.DataFrame({"time": [0], "n_at_risk": [0]}))
    assert nobody.empty


def test_a_flat_curve_has_no_events() -> None:
    curve = pd.DataFrame({"time": [0.0, 100.0], "survival": [1.0, 1.0]})
    found = reconstruct_patients(curve, pd.DataFrame({"time": [0, 50], "n_at_risk": [10, 6]}))
    assert not found["event"].any()
    assert (found["time"] < 50).sum() == 4


@pytest.mark.parametrize(
    ("curve", "table", "events", "match"),
    [
        ({"time": [0, 5]}, {}, None, "curve: a column is missing; expected survival"),
        ({"time": [], "survival": []}, {}, None, "the curve has no points"),
        ({"time": [0, 5], "survival": [1, 1.2]}, {}, None, "a value outside in row 2"),
        ({"time": [0, -5], "survival": [1, 0.9]}, {}, None, "a negative or missing time in row 2"),
        ({"time": [9, 5], "survival": [1, 0.9]}, {}, None, "a time before the last in row 2"),
        ({}, {"time": [3], "n_at_risk": [5]}, None, "a first row at time 0"),
        ({}, {"time": [0, 4], "n_at_risk": [5, 6]}, None, "numbers that do not rise"),
        ({}, {"time": [0, 4], "n_at_risk": [5, 2.5]}, None, "whole numbers of patients"),
        ({}, {"time": [0], "n_at_risk": [1e300]}, None, "whole numbers of patients"),
        ({}, {"time": [0, 0], "n_at_risk": [5, 5]}, None, "times that increase"),
        ({}, {"time": [0, 50], "n_at_risk": [5, 5]}, None, "the table runs past the curve"),
        ({}, {}, 6, "events cannot be used; expected a whole number up to 5"),
        ({}, {}, -1, "events cannot be used"),
        ({}, {}, True, "events cannot be used"),
    ],
)
def test_wrong_arguments_are_refused(curve: dict, table: dict, events: int | None, match: str) -> None:
    read = pd.DataFrame(curve or {"time": [0, 5], "survival": [1, 0.9]}, dtype=float)
    under = pd.DataFrame(table or {"time": [0], "n_at_risk": [5]})
    with pytest.raises(InvalidInput, match=match):
        reconstruct_patients(read, under, events=events)


@pytest.mark.parametrize("events", [float("nan"), float("inf"), "3", 2.5])
def test_events_that_are_no_count_are_refused(events):
    curve = pd.DataFrame({"time": [0.0, 1.0], "survival": [1.0, 0.5]})
    with pytest.raises(InvalidInput, match="events"):
        reconstruct_patients(curve, pd.DataFrame({"time": [0.0], "n_at_risk": [10]}), events=events)
