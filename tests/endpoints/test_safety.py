"""From ADaM records to the analysis variables of safety."""

from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from evidence_lib.endpoints import safety as data
from evidence_lib.errors import DataError, InvalidInput
from evidence_lib.statistics.safety import shift_counts
from tests.reference import data as reference
from tests.reference import needs_reference

START = "2024-01-01"


def people(**columns: list[Any]) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    frame = pd.DataFrame({"subject": range(size), "arm": "A", "TRTSDT": START, **columns})
    return frame


def records(**columns: list[Any]) -> pd.DataFrame:
    size = len(next(iter(columns.values())))
    return pd.DataFrame({"subject": range(size), "arm": "A", **columns})


def on(day: int) -> str:
    return str((pd.Timestamp(START) + pd.Timedelta(days=day - 1)).date())


# Exposure


def test_the_duration_comes_from_adsl_or_its_dates() -> None:
    dates = people(TRTEDT=[on(10), None, "2024-13-40"])
    assert data.exposure(dates)["duration"].tolist()[0] == 10
    assert data.exposure(dates)["duration"].isna().tolist() == [False, True, True]
    named = people(TRTDURD=[7.0, 0.0, None])
    assert data.exposure(named)["duration"].isna().tolist() == [False, True, True]
    assert data.measures(data.exposure(pd.DataFrame({"subject": [0], "arm": ["A"]}))) == []


def test_doses_come_from_adex_where_it_has_one_record_per_subject() -> None:
    adex = pd.DataFrame(
        {"subject": [0, 0, 1, 1], "PARAMCD": ["RDI", "DOSE", "RDI", "DOSE"], "AVAL": [90.0, 1.0, 80.0, 2.0]}
    )
    found = data.exposure(people(CUMDOSE=[5.0, 6.0], AVGDD=[1.0, 2.0], TRTDURD=[1.0, 2.0]), adex)
    assert found["intensity"].tolist() == [90.0, 80.0]
    assert found["cumulative_dose"].tolist() == [5.0, 6.0]
    assert data.measures(found) == ["duration", "average_dose", "cumulative_dose", "intensity"]
    twice = pd.concat([adex, adex])
    assert "intensity" not in data.exposure(people(TRTDURD=[1.0, 2.0]), twice)


# Adverse events


def test_categories_of_an_event() -> None:
    adae = records(
        AEDECOD=["Rash", None, "Colic"],
        AETERM=["rash", "odd thing", "colic"],
        AEBODSYS=["Skin", None, "Gut"],
        ASTDT=[on(1), on(5), None],
        AETOXGR=[3.0, "Grade 2", None],
        AESER=["Y", "N", None],
        AREL=["NOT RELATED", "POSSIBLE", None],
        AEACN=["DRUG WITHDRAWN", "DOSE REDUCED", None],
        AEOUT=["FATAL", "RECOVERED", None],
        AESICAT=["Skin reaction", None, "N"],
        TRTEMFL=["Y", "Y", "Y"],
    )
    found = data.adverse_events(adae, people(TRTEDT=[on(9)] * 3))
    assert found["term"].tolist() == ["Rash", "odd thing", "Colic"]
    assert found["soc"].tolist() == ["Skin", "not_coded", "Gut"]
    assert found["day"].tolist()[:2] == [1.0, 5.0]
    assert found["grade"].tolist() == ["3", "2", "not_coded"]
    answers = {
        "grade3": [True, False, False],
        "serious": [True, False, False],
        "related": [False, True, True],  # a missing answer counts as related
        "discontinuation": [True, False, False],
        "dose_changed": [False, True, False],
        "death": [True, False, False],
        "special_interest": [True, False, False],
    }
    assert {name: found[name].tolist() for name in answers} == answers
    assert "severe" not in found


@pytest.mark.parametrize(
    ("answer", "related"),
    [("NONE", False), ("Remote", False), ("UNLIKELY", False), ("N", False), ("Y", True), ("PROBABLE", True)],
)
def test_what_counts_as_related(answer: str, related: bool) -> None:
    found = data.adverse_events(records(AETERM=["x"], AEREL=[answer], TRTEMFL=["Y"]), people(SAFFL=["Y"]))
    assert found["related"].tolist() == [related]


def test_the_answers_on_relation_are_told_as_found() -> None:
    found = data.relation_answers(records(AEREL=["Remote", "NONE", "none ", "PROBABLE", None]))
    assert found.to_numpy().tolist() == [["", True], ["NONE", False], ["PROBABLE", True], ["REMOTE", False]]
    assert data.relation_answers(records(AETERM=["x"])).empty


def test_treatment_emergent_without_a_flag_is_from_the_first_day_to_30_days_after_the_last() -> None:
    adae = pd.DataFrame(
        {"subject": 0, "arm": "A", "AETERM": list("abcde"), "ASTDT": [on(0), on(1), on(40), on(41), None]}
    )
    found = data.adverse_events(adae, people(TRTEDT=[on(10)]))
    assert found["term"].tolist() == ["b", "c", "e"]
    flagged = data.adverse_events(adae.assign(TRTEMFL=["Y", None, "N", "Y", "Y"]), people(TRTEDT=[on(10)]))
    assert flagged["term"].tolist() == ["a", "d", "e"]


def test_who_stopped_comes_from_adsl_where_adae_does_not_say() -> None:
    adae = records(AETERM=["x", "y"], AEACN=[None, None], TRTEMFL=["Y", "Y"])
    adsl = people(DCREASCD=["Adverse Event", "Completed", "Adverse Event"])
    found = data.by_category(data.adverse_events(adae, adsl), adsl)
    stopped = found[found["category"] == "discontinuation"]
    assert stopped["subject"].tolist() == [0, 2]
    assert stopped["known"].tolist() == [False, False]
    assert list(found["category"].cat.categories) == ["any", "discontinuation"]
    assert data.of_note(found).empty


def test_the_categories_are_there_without_events() -> None:
    adae = records(AETERM=["x"], AESER=["Y"], TRTEMFL=["N"])
    found = data.by_category(data.adverse_events(adae, people(SAFFL=["Y"])), people(SAFFL=["Y"]))
    assert found.empty
    assert list(found["category"].cat.categories) == ["any", "serious"]


def test_a_column_of_special_interest_that_is_not_there_is_refused() -> None:
    with pytest.raises(InvalidInput, match="special_interest: no such column in ADAE.*found CQ09NAM"):
        data.adverse_events(records(AETERM=["x"]), people(SAFFL=["Y"]), special_interest="CQ09NAM")


def test_the_worst_grade_of_each_term() -> None:
    adae = pd.DataFrame(
        {"subject": [0, 0, 0, 1], "arm": "A", "AEBODSYS": "S", "AEDECOD": ["x", "x", "y", "x"],
         "AESEV": ["MILD", "SEVERE", "MODERATE", None], "TRTEMFL": "Y"}
    )  # fmt: skip
    found = data.worst_grades(data.adverse_events(adae, people(SAFFL=["Y", "Y"])))
    assert found[["subject", "term", "grade"]].to_numpy().tolist() == [
        [0, "x", "SEVERE"], [0, "y", "MODERATE"], [1, "x", "not_coded"],
    ]  # fmt: skip


def test_deaths_by_phase_and_cause() -> None:
    adsl = people(
        DTHFL=["Y", "Y", "N", None, "Y"],
        DTHDT=[on(40), on(41), None, on(5), None],
        TRTEDT=[on(10)] * 5,
        DTHCAUS=["a", None, None, "b", "c"],
    )
    found = data.deaths(adsl)
    assert found[["subject", "category", "cause"]].to_numpy().tolist() == [
        [0, "on_treatment", "a"], [1, "after_treatment", "not_coded"], [3, "on_treatment", "b"], [4, "unknown", "c"],
    ]  # fmt: skip
    assert not data.can_tell_deaths(people(SAFFL=["Y"]))


# First events


def first(events: dict[int, int | None], **adsl: list[Any]) -> dict[int, tuple[str, float]]:
    adae = pd.DataFrame({"subject": list(events), "arm": "A", "AETERM": "x", "TRTEMFL": "Y"})
    adae["ASTDT"] = [None if day is None else on(day) for day in events.values()]
    frame = people(**adsl)
    found = data.first_event(data.adverse_events(adae, frame), frame)
    return {int(r["subject"]): (r["cause"], r["time"]) for r in found.to_dict("records")}


def test_the_first_of_event_stopping_death_and_the_end() -> None:
    found = first(
        {0: 5, 1: 30, 4: 50, 6: None, 7: -3, 8: 51, 10: 40},
        TRTEDT=[on(20)] * 12,
        EOTSTT=[*["DISCONTINUED"] * 3, "ONGOING", "DISCONTINUED", "COMPLETED", "COMPLETED", "ONGOING",
                *["DISCONTINUED"] * 4],
        DTHDT=[None, None, on(10), None, None, on(25), None, None, None, None, None, on(51)],
        EOSDT=[None, None, None, None, None, None, on(80), None, None, on(33), on(33), None],
    )  # fmt: skip
    assert found[0] == ("event", 5)
    assert found[1] == ("event", 30)  # within 30 days after the last dose
    assert found[2] == ("death", 10)
    assert found[3] == ("censored", 20)
    assert found[4] == ("event", 50)  # on the last day of the window the event goes before stopping
    assert found[5] == ("death", 25)  # within 30 days after the last dose
    assert found[6] == ("censored", 50)  # seen until day 80; events end to count 30 days after the last dose
    assert found[7] == ("event", 1)  # before the first dose, but flagged as treatment-emergent
    assert found[8] == ("discontinuation", 50)  # an event after the window is none here
    assert found[9] == ("discontinuation", 33)  # stopped, and seen for a part of the window only
    assert found[10] == ("event", 40)  # an event shows that the subject was seen on its day
    assert found[11] == ("discontinuation", 50)  # a death after the window


def test_treatment_that_stopped_by_death_is_death() -> None:
    found = first({}, TRTEDT=[on(20)] * 2, EOTSTT=["DISCONTINUED"] * 2, DCTREAS=["DEATH", "PROGRESSIVE DISEASE"],
                  DTHDT=[on(24), on(24)])  # fmt: skip
    assert found == {0: ("death", 24), 1: ("death", 24)}
    late = first({}, TRTEDT=[on(20)] * 2, EOTSTT=["DISCONTINUED"] * 2, DCTREAS=["DEATH", "PROGRESSIVE DISEASE"],
                 DTHDT=[None, on(70)])  # fmt: skip
    assert late == {0: ("death", 20), 1: ("discontinuation", 50)}


def test_a_death_without_a_day_is_on_the_last_day_seen_and_unknown_treatment_is_left_out() -> None:
    found = first({}, TRTEDT=[on(20), None], DTHFL=["Y", "N"], EOSSTT=["DISCONTINUED", "COMPLETED"])
    assert found == {0: ("death", 20)}


def test_time_at_risk_ends_with_the_window_death_or_the_last_day_seen() -> None:
    adae = pd.DataFrame({"subject": [0], "arm": "A", "AETERM": "x", "ASTDT": [on(1)], "TRTEMFL": "Y"})
    frame = people(
        TRTEDT=[on(10)] * 6,
        EOTSTT=["DISCONTINUED"] * 5 + ["ONGOING"],
        LSTALVDT=[on(90), on(90), on(25), on(4), None, None],
        DTHDT=[None, on(30), None, None, None, None],
    )
    found = data.times_to_first(data.adverse_events(adae, frame), frame, levels=["term"])
    assert found["time"].tolist() == [1, 30, 25, 10, 40, 10]  # an early contact does not end the time of treatment
    told = data.window(data.adverse_events(adae.assign(ASTDT=on(41)), frame), frame)
    assert told.to_dict("records") == [{"days": 30, "later": 1}]


def test_who_stopped_by_adsl_stopped_on_the_day_of_the_last_dose() -> None:
    adsl = people(DSRAEFL=["Y", "N"], TRTEDT=[on(10), on(20)], EOSDT=[on(90), on(90)])
    adae = records(AETERM=["x", "y"], AEACN=[None, None], TRTEMFL=["N", "N"])
    events = data.by_category(data.adverse_events(adae, adsl), adsl)
    found = data.times_to_first(events, adsl, levels=["category"])
    stopped = found[found["category"] == "discontinuation"]
    assert stopped[["event", "time"]].to_numpy().tolist() == [[1, 10], [0, 50]]


def test_who_was_treated_for_an_unknown_time_is_left_out_though_seen_or_dead() -> None:
    frame = people(TRTEDT=[on(10), None, None], EOSDT=[on(90), on(90), None], DTHDT=[None, None, on(20)])
    events = data.adverse_events(records(AETERM=["x"] * 3, ASTDT=[on(5)] * 3, TRTEMFL=["Y"] * 3), frame)
    assert data.first_event(events, frame)["subject"].tolist() == [0]
    assert data.times_to_first(events, frame, levels=["term"])["subject"].tolist() == [0]


def test_the_declared_terms_are_followed() -> None:
    adae = pd.DataFrame({"subject": [0, 0], "arm": "A", "AEDECOD": ["Rash", "Colic"], "AEBODSYS": ["Skin", "Gut"],
                         "ASTDT": [on(3), on(7)], "TRTEMFL": "Y"})  # fmt: skip
    frame = people(TRTEDT=[on(20)])
    events = data.adverse_events(adae, frame)
    assert data.first_event(events, frame, terms=["Colic"])["time"].tolist() == [7]
    assert data.first_event(events, frame, terms="Colic")["time"].tolist() == [7]
    found = data.first_event(events, frame, terms=["Skin"])
    assert found["time"].tolist() == [3]
    assert found.attrs["selected"].to_dict("records") == [{"what": "terms", "term": "Skin"}]
    with pytest.raises(DataError, match="no adverse event has this term.*found Fever"):
        data.first_event(events, frame, terms=["Fever"])


def test_time_at_risk_until_the_first_event_of_each_term() -> None:
    adae = pd.DataFrame({"subject": [0, 0, 1, 2], "arm": "A", "AEDECOD": ["x", "x", "x", "y"], "AEBODSYS": "S",
                         "ASTDT": [on(4), on(2), on(50), None], "TRTEMFL": "Y"})  # fmt: skip
    frame = people(TRTEDT=[on(10), on(20), on(30), None], EOSDT=[on(25), on(90), on(90), None])
    found = data.times_to_first(data.adverse_events(adae, frame), frame, levels=["soc", "term"])
    x = found[found["term"] == "x"].set_index("subject")
    assert x["time"].to_dict() == {0: 2, 1: 50, 2: 60}  # to the event, or to 30 days after the last dose
    assert x["event"].to_dict() == {0: 1, 1: 1, 2: 0}
    assert x["events"].to_dict() == {0: 2, 1: 1, 2: 0}
    assert found[found["term"] == "y"].set_index("subject")["time"].to_dict() == {0: 25, 1: 50, 2: 60}
    narrow = data.times_to_first(data.adverse_events(adae, frame), frame, levels=["term"], window_days=29)
    x = narrow[narrow["term"] == "x"].set_index("subject")
    assert x["event"].to_dict() == {0: 1, 1: 0, 2: 0}  # an event after the window is no event and adds no time
    assert x["time"].to_dict() == {0: 2, 1: 49, 2: 59}
    nothing = data.times_to_first(data.adverse_events(adae[:0], frame), frame, levels=["soc", "term"])
    assert nothing.empty


def test_the_milestone_leaves_a_tenth_of_each_arm_at_risk() -> None:
    frame = pd.DataFrame({"arm": ["A"] * 10 + ["B"] * 10, "time": [100] * 10 + [84] + [90] * 9})
    assert data.milestones(frame) == [84]
    assert data.milestones(frame.assign(time=[400] * 11 + [10] * 9)) == [336]
    assert data.milestones(frame.assign(time=[60] * 20)) == [56]
    assert data.milestones(frame.assign(time=5)) == []
    assert data.milestones(frame[:0]) == []


@pytest.mark.parametrize(
    ("longest", "unit", "second", "last"), [(190, "days", 28, 168), (1000, "months", 183, 913), (3, "weeks", 7, None)]
)
def test_the_grid_of_numbers_at_risk_is_even_in_the_unit(
    longest: int, unit: str, second: int, last: int | None
) -> None:
    times = data.at_risk_times(pd.DataFrame({"time": [longest]}), unit)
    assert times[0] == 0
    if last is not None:
        assert (times[1], times[-1]) == (second, last)
    assert len(times) <= 12


# Laboratory and vital signs


def laboratory(**columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"subject": 0, "arm": "A", "PARAMCD": "ALT", "PARAM": "ALT (U/L)", **columns})


def test_the_worst_of_the_normal_range_and_repeated_visits() -> None:
    adlb = laboratory(
        ADT=[on(0), on(10), on(20), on(21)],
        ABLFL=["Y", None, None, None],
        AVISIT=["Baseline", "Week 2", "Week 3", "Week 3"],
        AVISITN=[0, 2, 3, 3],
        ANRIND=["H", "LOW", "N", "HIGH"],
        BNRIND="NORMAL",
    )
    found = data.laboratory_shifts(adlb, people(SAFFL=["Y"])).set_index("visit")["category"]
    assert found.to_dict() == {"worst": "low_and_high", "Week 2": "low", "Week 3": "high"}


def test_grades_go_before_the_range_and_their_sign_is_a_direction() -> None:
    adlb = laboratory(ADY=[5, 6, 7], ANRIND="N", BNRIND="N", ATOXGR=["-2", "1", None], BTOXGR=["0", 0.0, "0"],
                      AVISIT=["a", "b", "c"])  # fmt: skip
    found = data.laboratory_shifts(adlb, people(SAFFL=["Y"])).set_index("visit")
    assert found["category"].to_dict() == {"worst": "2", "a": "2", "b": "1"}
    assert found["label"].unique().tolist() == ["ALT (U/L)"]


def test_on_treatment_is_what_the_flag_says_else_after_the_first_day() -> None:
    adlb = laboratory(
        ADT=[on(1), on(2), on(3)], ONTRTFL=[None, "Y", None], ANRIND="H", BNRIND="N", AVISIT=["a", "b", "c"]
    )
    adsl = people(SAFFL=["Y"])
    assert set(data.laboratory_shifts(adlb, adsl)["visit"]) == {"worst", "b"}
    assert set(data.laboratory_shifts(adlb.drop(columns="ONTRTFL"), adsl)["visit"]) == {"worst", "b", "c"}


def test_no_laboratory_data_and_an_unknown_parameter() -> None:
    adsl = people(SAFFL=["Y"])
    assert data.laboratory_shifts(pd.DataFrame(columns=["subject", "arm"]), adsl).empty
    assert data.liver_peaks(pd.DataFrame(columns=["subject", "arm"]), adsl).empty
    assert data.by_visit(pd.DataFrame(columns=["subject", "arm"])).empty
    with pytest.raises(DataError, match="no laboratory record has this parameter.*found XYZ"):
        data.laboratory_shifts(laboratory(ANRIND=["N"], BNRIND="N"), adsl, parameters=["ALT", "XYZ"])


def test_liver_peaks_are_multiples_of_the_limit_and_rounded_ratios_are_not_trusted() -> None:
    adlb = pd.DataFrame(
        {"subject": [0] * 5, "arm": "A", "PARAMCD": ["ALT", "ALT", "AST", "BILI", "ALP"], "ADY": [2, 9, 9, 9, 9],
         "AVAL": [50.0, 119.9, 30.0, 42.0, 100.0], "A1HI": [40.0, 40.0, 30.0, 20.0, 100.0], "R2A1HI": 3.0}
    )  # fmt: skip
    (peak,) = data.liver_peaks(adlb, people(SAFFL=["Y", "Y"])).to_dict("records")
    assert (peak["alt"], peak["transaminase"], peak["bilirubin"]) == (119.9 / 40, 119.9 / 40, 2.1)
    assert peak["category"] == "bilirubin"
    shown = data.unnamed(pd.DataFrame([peak]))
    assert list(shown) == ["arm", "alt", "bilirubin", "category"]


def test_values_by_visit_have_no_change_at_baseline() -> None:
    advs = laboratory(
        AVISIT=["  Baseline", "Week 2", None],
        AVISITN=[0, 2, None],
        AVAL=[100.0, 90.0, 80.0],
        BASE=100.0,
        ABLFL=["Y", None, None],
    )
    found = data.by_visit(advs)
    assert found["visit"].tolist() == ["Baseline", "Week 2"]
    assert found["change"].isna().tolist() == [True, False]
    assert found["change"].tolist()[1] == -10.0


# The CDISC pilot study


def pilot(name: str) -> tuple[pd.DataFrame, pd.DataFrame]:
    adsl = reference("cdisc-pilot/adsl.csv")
    adsl = adsl.assign(subject=range(len(adsl)), arm=adsl["TRT01A"])
    frame = reference(f"cdisc-pilot/{name}", low_memory=False)
    by_id = adsl.set_index("USUBJID")
    frame["subject"] = by_id["subject"].reindex(frame["USUBJID"]).to_numpy()
    frame["arm"] = by_id["arm"].reindex(frame["USUBJID"]).to_numpy()
    return frame, adsl


@needs_reference
def test_the_first_dermatologic_event_is_that_of_the_study() -> None:
    """ADTTE's times to the first dermatologic event, which censors where stopping competes here."""
    adae, adsl = pilot("adae.csv.gz")
    found = data.first_event(data.adverse_events(adae, adsl, special_interest="CQ01NAM"), adsl)
    adtte = reference("cdisc-pilot/adtte.csv")
    both = adsl[["USUBJID", "subject"]].merge(adtte[["USUBJID", "AVAL", "CNSR"]]).merge(found, on="subject")
    events = both[both["cause"] == "event"]
    assert len(events) == 152
    assert (events["AVAL"] == events["time"]).all()
    assert ((both["CNSR"] == 0) == (both["cause"] == "event")).all()


@needs_reference
def test_the_published_shifts_of_alanine_aminotransferase() -> None:
    """Table 14-6.05 of the study (atorus, CDISC pilot replication, outputs/14-6.05.rtf): weeks 2 to 24."""
    adlb, adsl = pilot("adlbc.csv.gz")
    weeks = adlb[adlb["AVISITN"].between(2, 24) | (adlb["ABLFL"] == "Y")]
    counts = shift_counts(data.laboratory_shifts(weeks, adsl, parameters=["ALT"]))
    assert shift_counts(data.laboratory_shifts(weeks, adsl, parameters="ALT")).equals(counts)
    worst = counts[counts["visit"] == "worst"]
    told = {(r["arm"], r["baseline"], r["category"]): (r["n"], r["of"]) for r in worst.to_dict("records")}
    assert told == {
        ("Placebo", "normal", "normal"): (80, 82),
        ("Placebo", "normal", "high"): (2, 82),
        ("Placebo", "high", "high"): (2, 2),
        ("Xanomeline Low Dose", "normal", "normal"): (78, 79),
        ("Xanomeline Low Dose", "normal", "high"): (1, 79),
        ("Xanomeline Low Dose", "high", "high"): (1, 1),
        ("Xanomeline High Dose", "normal", "normal"): (78, 80),
        ("Xanomeline High Dose", "normal", "high"): (2, 80),
    }
