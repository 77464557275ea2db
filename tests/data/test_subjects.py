"""Subjects and records: who is in them, in which order, and that no identifier is."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from evidence_lib.data.adam import AdamData, analysis_frame, load_adam
from evidence_lib.data.files import Table
from evidence_lib.data.fingerprint import fingerprint
from evidence_lib.data.subjects import numbers_by_id, records, subjects
from evidence_lib.errors import DataError, InvalidInput

Load = Callable[[pd.DataFrame, pd.DataFrame], AdamData]


def in_memory(**tables: pd.DataFrame) -> AdamData:
    """Data that never were in a file; rows are numbered from 2, as in a csv."""
    made = {}
    for name, frame in tables.items():
        content = frame.to_csv(index=False).encode()
        identity = fingerprint(content, file=f"{name.lower()}.csv", rows=len(frame), columns=len(frame.columns))
        values = frame.set_axis(range(2, len(frame) + 2), axis="index").astype(object)
        made[name] = Table(values.mask(values == "", None), identity, "utf-8")
    return AdamData.of_tables(**made)


@pytest.fixture
def visits() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "USUBJID": ["SECRET-2", "SECRET-1", "SECRET-2", "SECRET-4"],
            "SUBJID": ["2", "1", "2", "4"],
            "PARAMCD": ["WEIGHT", "WEIGHT", "PULSE", "WEIGHT"],
            "PARAM": ["Weight", "Weight", "Pulse", "Weight"],
            "AVISIT": "Week 1",
            "AVAL": ["70.5", "60", "", "80"],
            "ADT": "2024-02-01",
        }
    )


def test_frame(adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adsl["SUBJID"] = ["9", "8", "7", "6"]
    made = subjects(in_memory(ADSL=adsl, ADTTE=adtte), treatments=["B"], reference="A", population_flag="ITTFL")
    assert made.arms == ("B", "A")
    assert made.frame.columns.tolist()[:2] == ["subject", "arm"]
    assert not [column for column in made.frame if column.endswith(("USUBJID", "SUBJID"))]
    assert made.frame["subject"].tolist() == [0, 1, 2, 3]
    assert made.frame["subject"].dtype == "int64"
    assert made.frame["arm"].tolist() == ["A", "B", "A", "B"]
    assert made.frame["AGE"].tolist() == [60, 61, 62, 63]
    assert str(made.frame["RANDDT"].dtype).startswith("datetime64")
    assert "SECRET" not in made.frame.to_csv() + repr(made)


def test_attrition_and_subset(adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    adsl.loc[3, "ITTFL"] = "N"
    extra = pd.DataFrame({"STUDYID": "S", "USUBJID": ["SECRET-5"], "ITTFL": "Y", "REGION": "east", "AGE": "70"})
    data = in_memory(ADSL=pd.concat([adsl, extra]), ADTTE=adtte)
    made = subjects(data, population_flag="ITTFL", subset={"AGE": [60, 61, 70]})
    assert made.attrition.to_dict("list") == {
        "step": [f"data.attrition.{step}" for step in ("adsl", "population", "subset", "arms")],
        "n": [5, 4, 3, 2],
        "A": [2, 2, 1, 1],
        "B": [2, 1, 1, 1],
    }
    assert made.frame["subject"].tolist() == [0, 1]
    assert [one.rule for one in made.findings] == ["missing_arm"]


def test_the_number_of_a_subject_is_the_same_in_every_frame(adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    data = in_memory(ADSL=adsl, ADTTE=adtte.drop(index=1))
    some = subjects(data, subset={"REGION": "west"}, treatments=["A", "B"])
    assert some.frame["subject"].tolist() == [2, 3]
    times = analysis_frame(data, endpoint="OS")
    joined = some.frame.merge(times.frame, on="subject", suffixes=("", "_time"))
    assert joined["time"].tolist() == [30, 40]
    assert joined["arm"].tolist() == joined["arm_time"].tolist()
    assert times.frame["subject"].tolist() == [0, 2, 3]  # the second subject has no record of the endpoint


def test_arms_come_by_their_number_and_the_reference_last(adsl: pd.DataFrame) -> None:
    adsl["TRT01P"] = ["high", "low", "none", "high"]
    adsl["TRT01PN"] = ["2", "1", "0", "2"]
    data = in_memory(ADSL=adsl)
    assert subjects(data).arms == ("none", "low", "high")
    assert subjects(data, reference="low").arms == ("none", "high", "low")
    assert subjects(data, treatments=["high"], reference="none").arms == ("high", "none")
    adsl["TRT01PN"] = ["2", "1", "0", "3"]  # one arm with two numbers: their order says nothing
    assert subjects(in_memory(ADSL=adsl)).arms == ("high", "low", "none")


def test_safety_is_by_what_was_taken(adsl: pd.DataFrame) -> None:
    adsl["TRT01A"] = ["A", "A", "A", "B"]
    data = in_memory(ADSL=adsl)
    assert subjects(data, arm_variable="TRT01A").frame["arm"].tolist() == ["A", "A", "A", "B"]
    assert subjects(data).frame["arm"].tolist() == ["A", "B", "A", "B"]
    assert subjects(data, arm_variable="TRT01A").arm_variable == "TRT01A"


def test_refusals(adsl: pd.DataFrame) -> None:
    data = in_memory(ADSL=adsl)
    with pytest.raises(DataError, match="no arm C; there is A and B"):
        subjects(data, treatments=["C"], reference="A")
    with pytest.raises(DataError, match="no treatment column"):
        subjects(data, arm_variable="TRT02A")
    with pytest.raises(DataError, match="an arm has no patient left.*found B"):
        subjects(data, treatments=["A"], reference="B", subset={"AGE": ["60", "62"]})
    with pytest.raises(DataError, match="found REGOIN; did you mean REGION"):
        subjects(data, subset={"REGOIN": "east"})
    with pytest.raises(DataError, match="All patients are in one arm"):
        subjects(in_memory(ADSL=adsl.assign(TRT01P="A")), treatments=["A"], reference="B")
    with pytest.raises(DataError, match="more than one record"):
        subjects(in_memory(ADSL=pd.concat([adsl, adsl.head(1)])))


def test_a_subset_by_a_column_that_only_adtte_has(adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    data = in_memory(ADSL=adsl, ADTTE=adtte.assign(STAGE=["I", "II", "I", "II"]))
    assert subjects(data, subset={"STAGE": "II"}, treatments=["B"]).frame["subject"].tolist() == [1, 3]


def test_records(adsl: pd.DataFrame, visits: pd.DataFrame) -> None:
    data = in_memory(ADSL=adsl, ADVS=visits)
    made = records(data, "advs", subjects(data))
    assert made.columns.tolist() == ["subject", "arm", "PARAMCD", "PARAM", "AVISIT", "AVAL", "ADT"]
    assert made["subject"].tolist() == [1, 0, 1, 3]
    assert made["arm"].tolist() == ["B", "A", "B", "B"]
    assert made["AVAL"].isna().tolist() == [False, False, True, False]
    assert made.index.tolist() == [0, 1, 2, 3]
    assert records(data, "ADVS", subjects(data), parameter="PULSE")["subject"].tolist() == [1]
    assert len(records(data, "ADVS", subjects(data), parameter=["PULSE", "WEIGHT"])) == 4
    only = records(data, "ADVS", subjects(data, subset={"REGION": "west"}, treatments=["A", "B"]))
    assert only["subject"].tolist() == [3]


def test_records_of_nobody_are_an_empty_frame_with_columns(adsl: pd.DataFrame, visits: pd.DataFrame) -> None:
    data = in_memory(ADSL=adsl, ADVS=visits.head(1))
    made = records(data, "ADVS", subjects(data, subset={"AGE": 60}, treatments=["A"]))
    assert made.empty
    assert made.columns.tolist()[:3] == ["subject", "arm", "PARAMCD"]
    assert made["subject"].dtype == "int64"


def test_records_refuse(adsl: pd.DataFrame, visits: pd.DataFrame) -> None:
    data = in_memory(ADSL=adsl, ADVS=visits)
    people = subjects(data)
    with pytest.raises(DataError, match="ADAE is missing"):
        records(data, "ADAE", people)
    with pytest.raises(DataError, match="one of PULSE, WEIGHT; found HEIGHT"):
        records(data, "ADVS", people, parameter="HEIGHT")
    with pytest.raises(InvalidInput, match="no parameter"):
        records(data, "ADVS", people, parameter=[])
    stranger = in_memory(ADSL=adsl.head(3), ADVS=visits)
    with pytest.raises(DataError, match="ADVS, row 5: Subjects are not in ADSL") as refused:
        records(stranger, "ADVS", subjects(stranger))
    assert "SECRET" not in str(refused.value)
    wrong = in_memory(ADSL=adsl, ADVS=visits.assign(AVAL=["heavy", "60", "", "80"]))
    with pytest.raises(DataError, match="ADVS, row 2: AVAL holds something that is not a number"):
        records(wrong, "ADVS", people)


def test_a_data_set_is_read_when_asked_for(loaded: Load, adsl: pd.DataFrame, adtte: pd.DataFrame) -> None:
    data = loaded(adsl, adtte)
    assert data.names == ("ADSL", "ADTTE")
    assert [table.fingerprint.file for table in data.read] == ["ADSL.csv"]
    assert data.adtte is data.table("adtte")
    assert [table.fingerprint.file for table in data.read] == ["ADSL.csv", "adtte.csv"]
    assert data.has("adtte")
    assert not data.has("ADAE")


def test_a_damaged_data_set_hurts_only_those_who_ask(adsl: pd.DataFrame, adtte: pd.DataFrame, tmp_path: Path) -> None:
    adsl.to_csv(tmp_path / "adsl.csv", index=False)
    (tmp_path / "adlb.parquet").write_bytes(b"PAR1 cut")
    data = load_adam(tmp_path)
    assert len(subjects(data).frame) == 4
    with pytest.raises(DataError, match="adlb.parquet: the parquet file is damaged"):
        data.table("ADLB")


def test_added_columns(adsl: pd.DataFrame) -> None:
    data = in_memory(ADSL=adsl)
    old = data.typed("ADSL")
    more = data.with_columns("ADSL", old.assign(OLD=["Y", "N", "N", "Y"])[["OLD", "AGE"]])
    assert subjects(more).frame["OLD"].tolist() == ["Y", "N", "N", "Y"]
    assert "OLD" not in subjects(data).frame
    with pytest.raises(DataError, match="columns of other rows"):
        data.with_columns("ADSL", old.reset_index(drop=True))


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.permutations(range(8)), st.lists(st.sampled_from(range(8)), min_size=1, max_size=20))
def test_records_belong_to_their_subjects_whatever_the_order(order: list[int], owners: list[int]) -> None:
    people = pd.DataFrame(
        {"STUDYID": "S", "USUBJID": [f"U{n}" for n in order], "TRT01P": ["AB"[n % 2] for n in order], "NUMBER": order}
    )
    measured = pd.DataFrame(
        {
            "USUBJID": [f"U{n}" for n in owners],
            "PARAMCD": "X",
            "PARAM": "X",
            "AVAL": owners,
            "VSSEQ": range(len(owners)),
        }
    )
    data = in_memory(ADSL=people, ADVS=measured)
    made = subjects(data)
    found = records(data, "ADVS", made)
    assert found["AVAL"].tolist() == owners
    assert found["arm"].tolist() == ["AB"[n % 2] for n in owners]
    numbers = made.frame.set_index("subject")["NUMBER"]
    assert numbers.reindex(found["subject"]).tolist() == owners
    assert numbers_by_id(data.typed("ADSL")).tolist() == list(range(8))


@pytest.mark.parametrize("folder", ["cdisc-pilot", "cdisc-pilot-xpt"])
def test_cdisc_pilot(reference: Path, folder: str) -> None:
    data = load_adam(reference / folder)
    made = subjects(data, reference="Placebo", population_flag="ITTFL")
    # table 14-1.01 of the study report: 86, 84 and 84 subjects
    assert made.arms == ("Xanomeline Low Dose", "Xanomeline High Dose", "Placebo")
    assert made.frame["arm"].value_counts().to_dict() == dict(zip(made.arms, (84, 84, 86), strict=True))
    events = records(data, "ADAE", made)
    assert len(events) == 1191
    # plain pandas on the file: subjects with a treatment-emergent event, 65, 77 and 76
    emergent = events[events["TRTEMFL"] == "Y"]
    assert emergent.groupby("arm")["subject"].nunique()[list(made.arms)].tolist() == [77, 76, 65]
