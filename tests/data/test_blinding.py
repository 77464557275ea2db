"""Dummy and pooled arms: consistent in every data set, and nothing of the true assignment left."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from evidence_lib.data.adam import AdamData, load_adam
from evidence_lib.data.blinding import treatment_columns, with_dummy_arms, with_pooled_arms
from evidence_lib.data.subjects import records, subjects
from evidence_lib.errors import DataError

Write = Callable[..., AdamData]
COUNT = 60


@pytest.fixture
def write(tmp_path: Path) -> Write:
    def written(**tables: pd.DataFrame) -> AdamData:
        for name, frame in tables.items():
            frame.to_csv(tmp_path / f"{name}.csv", index=False)
        return load_adam(tmp_path)

    return written


def adsl(count: int = COUNT) -> pd.DataFrame:
    drug = pd.Series([number % 3 != 0 for number in range(count)])
    return pd.DataFrame(
        {
            "STUDYID": "S",
            "USUBJID": [f"S-{number:03d}" for number in range(count)],
            "ARM": drug.map({True: "Drugomab 10 mg", False: "Placebo"}),
            "ARMCD": drug.map({True: "DRG", False: "PBO"}),
            "ACTARM": drug.map({True: "Drugomab 10 mg", False: "Placebo"}),
            "TRT01P": drug.map({True: "Drugomab", False: "Placebo"}),
            "TRT01PN": drug.map({True: 1, False: 0}),
            "TRT01A": drug.map({True: "Drugomab", False: "Placebo"}),
            "TR01PG1": drug.map({True: "Active", False: "Control"}),
            "TRTSEQP": drug.map({True: "Drugomab, rest", False: "Placebo, rest"}),
            "TSEQPG1": drug.map({True: "Active", False: "Control"}),
            "COHORT": drug.map({True: "red", False: "blue"}),
            "AVGDD": drug.map({True: 54, False: 0}),
            "RANDNO": range(1000, 1000 + count),
            "COMMENT": drug.map({True: "took drugomab late", False: ""}),
            "TRTSDT": "2024-01-02",
            "NEWTRT": drug.map({True: "", False: "changed to Drugomab"}),
            "CROSSFL": drug.map({True: "N", False: ""}),
            "RESCUE": ["yes" if of and number % 5 else "no" for number, of in enumerate(drug)],
            "AGE": [40 + number * 7 % 31 for number in range(count)],
            "SEX": ["F" if number % 2 else "M" for number in range(count)],
        }
    )


def adae(people: pd.DataFrame) -> pd.DataFrame:
    some = people.iloc[::2]
    return pd.DataFrame(
        {
            "USUBJID": some["USUBJID"],
            "AESEQ": 1,
            "AETERM": "HEADACHE",
            "AEDECOD": "Headache",
            "TRTA": some["TRT01A"],
            "TRTAN": some["TRT01PN"],
            "TRTAG1": some["TR01PG1"],
        }
    )


def adex(people: pd.DataFrame) -> pd.DataFrame:
    both = [("TDOSE", "Total dose (mg)"), ("TRTDUR", "Days of treatment")]
    return pd.concat(
        pd.DataFrame(
            {
                "USUBJID": people["USUBJID"],
                "PARAMCD": code,
                "PARAM": name,
                "AVAL": people["TRT01PN"] * 100 if code == "TDOSE" else 30,
                "TRTP": people["TRT01P"],
                "EXTRT": people["TRT01P"],
                "EXDOSE": people["TRT01PN"] * 10,
            }
        )
        for code, name in both
    )


def test_each_subject_keeps_what_is_not_treatment_and_arms_keep_their_size(write: Write) -> None:
    people = adsl()
    before = write(adsl=people)
    after = with_dummy_arms(before, seed=1).adsl.frame
    assert after["USUBJID"].tolist() == people["USUBJID"].tolist()
    assert after["AGE"].tolist() == people["AGE"].map(str).tolist()
    assert after["TRT01P"].value_counts().to_dict() == people["TRT01P"].value_counts().to_dict()
    # as many subjects keep their arm as chance says: 40^2/60 + 20^2/60 = 33.3, standard deviation about 3.5
    assert 18 < int((after["TRT01P"].to_numpy() == people["TRT01P"].to_numpy()).sum()) < 49


def test_treatment_columns_stay_together_in_every_data_set(write: Write) -> None:
    people = adsl()
    data = with_dummy_arms(write(adsl=people, adae=adae(people), adex=adex(people)), seed=5)
    after = data.adsl.frame
    expected = people.drop_duplicates("TRT01P").set_index("TRT01P")
    for column in ("ARM", "ARMCD", "ACTARM", "TRT01A", "TR01PG1", "TRTSEQP", "TSEQPG1"):
        assert after[column].tolist() == after["TRT01P"].map(expected[column]).tolist()
    arm = after.set_index("USUBJID")["TRT01P"]
    events = data.table("ADAE").frame
    assert events["TRTA"].tolist() == arm.reindex(events["USUBJID"]).tolist()
    assert events["TRTAN"].tolist() == events["TRTA"].map({"Drugomab": "1", "Placebo": "0"}).tolist()
    assert events["TRTAG1"].tolist() == events["TRTA"].map({"Drugomab": "Active", "Placebo": "Control"}).tolist()
    exposure = data.table("ADEX").frame
    assert exposure["TRTP"].tolist() == arm.reindex(exposure["USUBJID"]).tolist()
    assert exposure["PARAMCD"].unique().tolist() == ["TRTDUR"]
    made = subjects(data, reference="Placebo")
    assert records(data, "ADAE", made)["TRTA"].tolist() == records(data, "ADAE", made)["arm"].tolist()


@pytest.mark.parametrize("blind", [lambda d: with_dummy_arms(d, seed=11), lambda d: with_pooled_arms(d, arm="All")])
def test_no_column_tells_the_true_arm(write: Write, blind: Callable[[AdamData], AdamData]) -> None:
    people = adsl(240)
    data = blind(write(adsl=people, adae=adae(people), adex=adex(people)))
    truth = people.set_index("USUBJID")["TRT01P"] == "Placebo"
    for name in data.names:
        frame = data.table(name).frame.astype(str)
        placebo = truth.reindex(frame["USUBJID"]).to_numpy()
        for column in frame.columns.drop("USUBJID"):
            for value in frame[column].unique():
                is_value = (frame[column] == value).to_numpy()
                if is_value.all() or is_value.sum() < 5:
                    continue
                # 4.5 standard errors of a correlation of 0
                assert abs(np.corrcoef(is_value, placebo)[0, 1]) < 4.5 / np.sqrt(len(frame)), (name, column, value)
    left_out = {"NEWTRT", "CROSSFL", "RESCUE", "COHORT", "AVGDD", "RANDNO", "COMMENT", "EXTRT", "EXDOSE"}
    columns = {column for name in data.names for column in data.table(name).frame.columns}
    assert not left_out & columns
    noted = " ".join(map(str, data.notes))
    assert all(name in noted for name in [*left_out, "TDOSE"])
    assert "S-0" not in noted


def test_the_seed_decides(write: Write) -> None:
    data = write(adsl=adsl())
    arms = [with_dummy_arms(data, seed=seed).adsl.frame["TRT01P"].tolist() for seed in (1, 1, 2)]
    assert arms[0] == arms[1] != arms[2]
    state = np.random.get_state()[1].tolist()  # noqa: NPY002
    with_dummy_arms(data, seed=3).table("ADSL")
    assert np.random.get_state()[1].tolist() == state  # noqa: NPY002


def test_subjects_without_treatment_stay_without(write: Write) -> None:
    people = adsl()
    people.loc[[3, 7], treatment_columns(people.columns)] = None
    after = with_dummy_arms(write(adsl=people), seed=1).adsl.frame
    assert after.index[after["TRT01P"].isna()].tolist() == [5, 9]
    assert after["TRT01P"].value_counts().to_dict() == people["TRT01P"].value_counts().to_dict()


def test_treatments_that_differ_between_periods_are_left_out(write: Write) -> None:
    people = adsl()
    visits = pd.concat([adae(people), adae(people).assign(AESEQ=2, TRTA="Rest")])
    data = with_dummy_arms(write(adsl=people, adae=visits), seed=1)
    assert "TRTA" not in data.table("ADAE").frame
    assert "TRTAN" in data.table("ADAE").frame


def test_pooled_arms(write: Write) -> None:
    people = adsl()
    data = with_pooled_arms(write(adsl=people, adae=adae(people)), arm="All patients")
    made = subjects(data)
    assert made.arms == ("All patients",)
    assert len(made.frame) == COUNT
    assert data.table("ADAE").frame["TRTA"].unique().tolist() == ["All patients"]
    assert "TRTAN" not in data.table("ADAE").frame


def test_pooled_arms_where_the_data_name_none(write: Write) -> None:
    for people in (adsl().drop(columns=treatment_columns(adsl().columns)), adsl().assign(TRT01P="", ARM="")):
        assert subjects(with_pooled_arms(write(adsl=people), arm="All")).frame["arm"].tolist() == ["All"] * COUNT


def test_baseline_and_outcomes_stay(write: Write) -> None:
    """In 20 made-up trials no column that has nothing to do with treatment is taken out."""
    rng = np.random.default_rng(4)
    people = adsl()
    for number in range(20):
        people[f"LEVEL{number}"] = rng.integers(0, 2 + number, COUNT)
    shown = with_dummy_arms(write(adsl=people), seed=1).adsl.frame
    assert {"AGE", "SEX", "TRTSDT", *(f"LEVEL{number}" for number in range(20))} <= set(shown.columns)


def test_dummy_arms_need_arms(write: Write) -> None:
    people = adsl()
    with pytest.raises(DataError, match="no arms to exchange"):
        with_dummy_arms(write(adsl=people.drop(columns=treatment_columns(people.columns))), seed=1)


@pytest.mark.parametrize("folder", ["cdisc-pilot", "cdisc-pilot-xpt"])
def test_cdisc_pilot(reference: Path, folder: str) -> None:
    data = load_adam(reference / folder)
    dummy = with_dummy_arms(data, seed=20)
    true, shown = data.adsl.frame, dummy.adsl.frame
    assert shown["TRT01P"].value_counts().to_dict() == true["TRT01P"].value_counts().to_dict()
    assert set(true.columns) - set(shown.columns) == {"AVGDD", "CUMDOSE"}
    same = (shown["TRT01P"].to_numpy() == true["TRT01P"].to_numpy()).mean()
    assert 0.2 < same < 0.47  # a third by chance, 254 subjects
    arm = shown.set_index("USUBJID")["TRT01P"]
    events = dummy.table("ADAE").frame
    assert events["TRTA"].tolist() == arm.reindex(events["USUBJID"]).tolist()
    assert events["AETERM"].tolist() == data.table("ADAE").frame["AETERM"].tolist()
