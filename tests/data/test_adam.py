"""The analysis frame: what it holds, who is in it, and in which unit."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest

from evidence_lib.data.adam import AdamData, analysis_frame, default_population_flag, load_adam
from evidence_lib.errors import DataError

Load = Callable[[pd.DataFrame, pd.DataFrame], AdamData]


def test_frame(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    made = analysis_frame(loaded(adsl, adtte), endpoint="OS", treatments=["B"], reference="A", covariates=["AGE"])
    assert made.frame.to_dict("list") == {
        "subject": [0, 1, 2, 3],
        "time": [10, 20, 30, 40], "event": [1, 1, 0, 0], "arm": ["A", "B", "A", "B"], "AGE": [60, 61, 62, 63],
    }  # fmt: skip
    assert made.frame.index.tolist() == [0, 1, 2, 3]
    assert made.frame["time"].dtype == made.frame["event"].dtype == "int64"
    assert made.arms == ("B", "A")
    assert made.endpoint_label == "Overall survival"
    assert "SECRET" not in made.frame.to_csv()


def test_attrition(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adsl.loc[3, "ITTFL"] = "N"
    adsl.loc[0, "AGE"] = ""
    extra = pd.DataFrame({"STUDYID": "S", "USUBJID": ["SECRET-5"], "TRT01P": "A", "ITTFL": "Y", "AGE": "70"})
    data = loaded(pd.concat([adsl, extra]), adtte)
    made = analysis_frame(
        data, endpoint="OS", treatments=["A"], reference="B", population_flag="ITTFL", covariates=["AGE"]
    )
    assert made.attrition.to_dict("list") == {
        "step": [f"data.attrition.{step}" for step in ("adsl", "population", "record", "arms", "complete")],
        "n": [5, 4, 3, 3, 2],
        "A": [3, 3, 2, 2, 1],
        "B": [2, 1, 1, 1, 1],
    }
    assert len(made.frame) == 3
    assert made.missing == {"AGE": 1}


def test_population_by_design(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    data = loaded(adsl, adtte)
    assert default_population_flag(data, design="randomised") == "ITTFL"
    assert default_population_flag(data, design="partly-randomised") is None
    assert default_population_flag(loaded(adsl.drop(columns="ITTFL"), adtte), design="randomised") is None


def test_subset(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    data = loaded(adsl, adtte)
    assert analysis_frame(data, endpoint="OS", subset={"REGION": "west"}).frame["time"].tolist() == [30, 40]
    assert analysis_frame(data, endpoint="OS", subset={"AGE": [60, 63]}).frame["time"].tolist() == [10, 40]
    with pytest.raises(DataError, match="REGION: no patient has this value; expected one of east, west; found north"):
        analysis_frame(data, endpoint="OS", subset={"REGION": "north"})
    with pytest.raises(DataError, match="an arm has no patient left.*found B"):
        analysis_frame(data, endpoint="OS", treatments=["A"], reference="B", subset={"AGE": [60, 62]})


def test_unknown_column_has_a_near_one(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="found REGOIN; did you mean REGION"):
        analysis_frame(loaded(adsl, adtte), endpoint="OS", strata=["REGOIN"])


@pytest.mark.parametrize("source", ["TRTP", "TRT01P", "ARM"])
def test_treatment_column(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame, source: str) -> None:
    arms = ["A", "B", "A", "B"]
    adsl, adtte = adsl.drop(columns="TRT01P"), adtte.drop(columns="TRTP")
    data = loaded(adsl, adtte.assign(TRTP=arms)) if source == "TRTP" else loaded(adsl.assign(**{source: arms}), adtte)
    assert analysis_frame(data, endpoint="OS").frame["arm"].tolist() == arms


def test_no_treatment_column(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    with pytest.raises(DataError, match="no treatment column"):
        analysis_frame(loaded(adsl.drop(columns="TRT01P"), adtte.drop(columns="TRTP")), endpoint="OS")


@pytest.mark.parametrize(
    ("unit", "days"), [("WEEKS", 70.0), ("Months", 304.375), ("years", 3652.5), ("DAY", 10.0), ("月", 304.375)]
)
def test_units(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame, unit: str, days: float) -> None:
    made = analysis_frame(loaded(adsl, adtte.assign(AVALU=unit)), endpoint="OS")
    assert made.frame["time"].iloc[0] == days
    assert any(note.key == "data.note.converted" for note in made.notes) == (unit != "DAY")


def test_unit_in_the_name_of_the_endpoint(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    data = loaded(adsl, adtte.drop(columns="AVALU").assign(PARAM="Overall Survival (Months)"))
    made = analysis_frame(data, endpoint="OS")
    assert made.frame["time"].iloc[0] == 304.375
    assert made.endpoint_label == "Overall Survival"
    with pytest.raises(DataError, match="different units.*DAYS, months in PARAM"):
        analysis_frame(loaded(adsl, adtte.assign(PARAM="Overall Survival (Months)")), endpoint="OS")


def test_unit_assumed_unknown_or_mixed(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    made = analysis_frame(loaded(adsl, adtte.drop(columns="AVALU")), endpoint="OS")
    assert [note.key for note in made.notes] == ["data.note.days_assumed"]
    with pytest.raises(DataError, match="unknown unit of time.*found 'CYCLES'"):
        analysis_frame(loaded(adsl, adtte.assign(AVALU="CYCLES")), endpoint="OS")
    with pytest.raises(DataError, match="different units"):
        analysis_frame(loaded(adsl, adtte.assign(AVALU=["DAYS", "MONTHS", "DAYS", "DAYS"])), endpoint="OS")


def test_floating_times_tie(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    made = analysis_frame(loaded(adsl, adtte.assign(AVAL=[0.1 + 0.2, 0.3, 1.5, 2])), endpoint="OS")
    assert made.frame["time"].iloc[0] == made.frame["time"].iloc[1] == 0.3
    assert made.frame["time"].dtype == "float64"


def test_missing_files(tmp_path: Path) -> None:
    with pytest.raises(DataError, match="no such data folder.*make data"):
        load_adam(tmp_path / "none")
    with pytest.raises(DataError, match="ADSL is missing"):
        load_adam(tmp_path)


def test_two_formats_of_one_data_set(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame, tmp_path: Path) -> None:
    adsl.to_parquet(tmp_path / "adsl.parquet")
    with pytest.raises(DataError, match=r"ADSL is there more than once.*ADSL.csv, adsl.parquet; keep one"):
        loaded(adsl, adtte)


def test_headings_in_any_case(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    assert len(analysis_frame(loaded(adsl.rename(columns=str.lower), adtte), endpoint="OS").frame) == 4
    with pytest.raises(DataError, match="same heading; found AGE"):
        loaded(adsl.assign(age=1), adtte)


@pytest.mark.parametrize("folder", ["cdisc-pilot-xpt", "cdisc-pilot"])
def test_cdisc_pilot(reference: Path, folder: str, tmp_path: Path) -> None:
    for name in ("adsl", "adtte"):
        for suffix in (".xpt", ".csv"):
            source = reference / folder / f"{name}{suffix}"
            if source.exists():
                (tmp_path / source.name).write_bytes(source.read_bytes())
    data = load_adam(tmp_path)
    made = analysis_frame(data, endpoint="TTDE", population_flag=default_population_flag(data, design="randomised"))
    groups = made.frame.groupby("arm")
    # events and n of case A3 in expected.json, in the order Placebo, Low, High: the R Consortium pilot 1 report
    arms = ["Placebo", "Xanomeline Low Dose", "Xanomeline High Dose"]
    assert groups["event"].sum()[arms].tolist() == [29, 62, 61]
    assert groups.size()[arms].tolist() == [86, 84, 84]
    at_risk = {arm: [int((group["time"] >= t).sum()) for t in range(0, 201, 20)] for arm, group in groups}
    assert at_risk["Placebo"] == [86, 75, 65, 59, 50, 47, 45, 42, 40, 35, 0]
    assert at_risk["Xanomeline Low Dose"] == [84, 58, 31, 20, 14, 12, 8, 6, 6, 5, 0]
    assert at_risk["Xanomeline High Dose"] == [84, 48, 31, 14, 7, 4, 4, 4, 4, 3, 0]
    assert made.findings == ()
