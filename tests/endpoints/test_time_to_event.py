"""Times to events against hand-made cases of the regulators' tables, a plain loop, and their properties."""

from __future__ import annotations

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_lib.endpoints.time_to_event import (
    CensoringRules,
    VisitSchedule,
    censoring_sensitivity,
    event_free_survival,
    first_event,
    overall_survival,
    progression_free_survival,
    reason_counts,
    treatment_discontinuation,
)
from evidence_lib.endpoints.time_to_event.outcome import REASONS, describe
from evidence_lib.endpoints.time_to_event.rules import RULES
from evidence_lib.endpoints.time_to_event.sensitivity import LABELS, VARIANTS
from evidence_lib.errors import DataError, InvalidInput
from tests.reference import data, needs_reference

START = dt.date(2024, 1, 1)
EVERY_SIX_WEEKS = VisitSchedule(interval=42, allowance=7)
DATES = ("death", "last_alive", "new_therapy", "treatment_end", "study_exit", "cutoff")


def day(number: int | None) -> dt.date | None:
    """The date of a study day: day 1 is the start."""
    return None if number is None else START + dt.timedelta(days=number - 1)


def people(*rows: dict[str, Any]) -> pd.DataFrame:
    """One subject per row; dates as study days."""
    frame = pd.DataFrame([{"subject": f"s{number}", "start": START, **row} for number, row in enumerate(rows)])
    for name in DATES:
        if name in frame:
            frame[name] = [day(None if pd.isna(value) else int(value)) for value in frame[name]]
    return frame


def visits(*rows: tuple[int, int, str], adequate: list[Any] | None = None) -> pd.DataFrame:
    """Rows of (subject number, study day, response)."""
    frame = pd.DataFrame(
        {
            "subject": [f"s{row[0]}" for row in rows],
            "date": [day(row[1]) for row in rows],
            "response": [row[2] for row in rows],
        }
    )
    return frame if adequate is None else frame.assign(adequate=adequate)


def told(frame: pd.DataFrame, row: int = 0) -> tuple[int, str]:
    """The study day of the outcome and the code of its event or reason."""
    found = frame.iloc[row]
    return int(found["aval"]), found["event"] if found["cnsr"] == 0 else found["reason"]


# Situations that the PFS tables of the FDA's guidance and EMA/CHMP/27994/2008 Rev.1 speak of, worked by hand:
# subject, assessments, and (day, code) under either set of rules. Assessments are due on days 43, 85, 127, 169, ...
MISSED = "missed_assessments"
SITUATIONS: dict[str, tuple[dict[str, Any], list[tuple[int, str]], tuple[int, str], tuple[int, str]]] = {
    "no progression": ({}, [(43, "SD"), (85, "PR")], (85, "no_event"), (85, "no_event")),
    "progression at a visit": ({}, [(43, "SD"), (85, "PD")], (85, "progression"), (85, "progression")),
    "no baseline": ({"baseline": False}, [(43, "PD")], (1, "no_baseline"), (43, "progression")),
    "no baseline, early death": ({"baseline": False, "death": 60}, [], (60, "death"), (60, "death")),
    "no baseline, late death": ({"baseline": False, "death": 100}, [], (1, "no_baseline"), (100, "death")),
    "nothing after baseline": ({}, [], (1, "no_assessment"), (1, "no_assessment")),
    "nothing after baseline, early death": ({"death": 92}, [], (92, "death"), (92, "death")),
    "nothing after baseline, late death": ({"death": 93}, [], (1, "no_assessment"), (93, "death")),
    "death between visits": ({"death": 100}, [(43, "SD"), (85, "SD")], (100, "death"), (100, "death")),
    "death after one missed visit": ({"death": 176}, [(43, "SD"), (85, "SD")], (176, "death"), (176, "death")),
    "death after two": ({"death": 177}, [(43, "SD"), (85, "SD")], (85, "missed_assessments"), (177, "death")),
    "progression after two": ({}, [(43, "SD"), (200, "PD")], (43, "missed_assessments"), (200, "progression")),
    "first assessment late": ({}, [(93, "PD")], (1, "missed_assessments"), (93, "progression")),
    "gap, then none": ({}, [(43, "SD"), (211, "SD"), (253, "PD")], (253, "progression"), (253, "progression")),
    "inadequate between": ({}, [(43, "SD"), (127, "NE"), (99, "NE")], (43, "no_event"), (43, "no_event")),
    "inadequate, then event": ({}, [(43, "SD"), (127, "NE"), (200, "PD")], (43, MISSED), (200, "progression")),
    "new therapy": ({"new_therapy": 90}, [(85, "SD"), (127, "PD")], (85, "new_therapy"), (127, "progression")),
    "new therapy, no event": ({"new_therapy": 90}, [(43, "SD"), (127, "SD")], (43, "new_therapy"), (127, "no_event")),
    "new therapy at once": ({"new_therapy": 20}, [(43, "PD")], (1, "new_therapy"), (43, "progression")),
    "new therapy that day": ({"new_therapy": 85}, [(43, "SD"), (85, "PD")], (85, "progression"), (85, "progression")),
    "new therapy afterwards": ({"new_therapy": 86}, [(43, "SD"), (85, "PD")], (85, "progression"), (85, "progression")),
    "death on therapy": ({"new_therapy": 90, "death": 99}, [(85, "SD")], (85, "new_therapy"), (99, "death")),
    "assessed on its day": ({"new_therapy": 85}, [(85, "SD"), (127, "PD")], (85, "new_therapy"), (127, "progression")),
    "cut-off before progression": ({"cutoff": 84}, [(43, "SD"), (85, "PD")], (43, "no_event"), (43, "no_event")),
    "cut-off on progression": ({"cutoff": 85}, [(43, "SD"), (85, "PD")], (85, "progression"), (85, "progression")),
    "left": ({"study_exit": 60, "cutoff": 500}, [(43, "SD")], (43, "left_study"), (43, "left_study")),
    "death and progression in a day": ({"death": 85}, [(85, "PD")], (85, "progression"), (85, "progression")),
    "progression twice": ({}, [(43, "PD"), (85, "PD")], (43, "progression"), (43, "progression")),
}  # fmt: skip


@pytest.mark.parametrize("name", SITUATIONS)
def test_each_situation_of_the_guidance(name: str) -> None:
    subject, records, fda, ema = SITUATIONS[name]
    subjects, rows = people(subject), visits(*[(0, at, response) for at, response in records])
    assert told(progression_free_survival(subjects, rows, rules="FDA", schedule=EVERY_SIX_WEEKS)) == fda
    assert told(progression_free_survival(subjects, rows, rules="EMA")) == ema


def test_all_situations_in_one_frame_give_what_each_gives() -> None:
    subjects = people(*[subject for subject, *_ in SITUATIONS.values()]).assign(
        baseline=[subject.get("baseline", True) for subject, *_ in SITUATIONS.values()]
    )
    rows = visits(*[(n, at, r) for n, (_, records, *_) in enumerate(SITUATIONS.values()) for at, r in records])
    for rules, place in (("FDA", 2), ("EMA", 3)):
        found = progression_free_survival(subjects, rows, rules=rules, schedule=EVERY_SIX_WEEKS)  # type: ignore[arg-type]
        assert [told(found, n) for n in range(len(found))] == [one[place] for one in SITUATIONS.values()]


def test_the_frame_is_what_adtte_holds() -> None:
    found = progression_free_survival(
        people({"new_therapy": 90}, {}), visits((0, 85, "SD"), (0, 127, "PD"), (1, 43, "PD")),
        rules="FDA", schedule=EVERY_SIX_WEEKS,
    )  # fmt: skip
    assert found["aval"].tolist() == [85, 43]
    assert found["cnsr"].tolist() == [REASONS["new_therapy"], 0]
    assert found["adt"].dt.date.tolist() == [day(85), day(43)]
    assert (found["adt"] - found["startdt"]).dt.days.add(1).tolist() == found["aval"].tolist()
    assert found["evntdesc"].tolist() == ["Censored: new anticancer therapy before an event", "Progression"]
    assert found["cnsdtdsc"].tolist() == ["Last adequate assessment", None]
    assert found["aval"].dtype == found["cnsr"].dtype == np.int64


def test_what_is_stated_of_adequacy_goes_before_the_response() -> None:
    rows = visits((0, 43, "SD"), (0, 85, "SD"), (0, 127, "NE"), adequate=["Y", "N", None])
    assert told(progression_free_survival(people({}), rows, rules="EMA")) == (43, "no_event")
    rows["adequate"] = [True, True, True]
    assert told(progression_free_survival(people({}), rows, rules="EMA")) == (127, "no_event")


def test_an_inadequate_assessment_with_progression_counts() -> None:
    rows = visits((0, 43, "PD"), adequate=[False])
    assert told(progression_free_survival(people({}), rows, rules="EMA")) == (43, "progression")


VARIED: dict[str, tuple[CensoringRules, tuple[int, str]]] = {
    "therapy ignored": (CensoringRules(missed="censor"), (43, "missed_assessments")),
    "therapy an event": (CensoringRules(new_therapy="event"), (100, "new_therapy")),
    "back-dated": (CensoringRules(missed="backdate"), (85, "progression")),
    "therapy censored": (CensoringRules(new_therapy="censor"), (43, "new_therapy")),
    "scheduled": (CensoringRules(progression_date="scheduled"), (211, "progression")),
}


@pytest.mark.parametrize("name", VARIED)
def test_each_choice_changes_the_outcome_as_it_says(name: str) -> None:
    rules, expected = VARIED[name]
    subjects, rows = people({"new_therapy": 100, "last_alive": 300}), visits((0, 43, "SD"), (0, 200, "PD"))
    assert told(progression_free_survival(subjects, rows, rules=rules, schedule=EVERY_SIX_WEEKS)) == expected


@pytest.mark.parametrize(("found", "dated"), [(43, 43), (50, 43), (51, 85), (84, 85), (92, 85), (20, 43)])
def test_progression_is_dated_at_the_visit_it_belongs_to_or_the_next(found: int, dated: int) -> None:
    rules = CensoringRules(progression_date="scheduled")
    subjects, rows = people({"last_alive": 400}), visits((0, found, "PD"))
    assert told(progression_free_survival(subjects, rows, rules=rules, schedule=EVERY_SIX_WEEKS))[0] == dated


def test_a_scheduled_date_is_never_after_the_death_or_the_cutoff() -> None:
    rules = CensoringRules(progression_date="scheduled")
    subjects = people({"death": 70}, {"cutoff": 65, "last_alive": 65}, {"last_alive": 66})
    rows = visits((0, 60, "PD"), (1, 60, "PD"), (2, 60, "PD"))
    found = progression_free_survival(subjects, rows, rules=rules, schedule=EVERY_SIX_WEEKS)
    assert found["aval"].tolist() == [70, 65, 66]


def test_the_interval_of_a_schedule_can_change() -> None:
    schedule = VisitSchedule(interval=42, allowance=7, later=((126, 84),))
    # Last assessment on day 127, 126 days after the start: two intervals of 84 days and the allowance give day 302.
    for died, expected in ((302, (302, "death")), (303, (127, "missed_assessments"))):
        rows = visits((0, 127, "SD"))
        found = progression_free_survival(people({"death": died}), rows, rules="FDA", schedule=schedule)
        assert told(found) == (expected if died == 303 else (302, "death"))
    one = VisitSchedule(interval=42, allowance=0, missed=1)
    assert told(progression_free_survival(people({"death": 44}), visits(), rules="FDA", schedule=one))[0] == 1
    assert told(progression_free_survival(people({"death": 43}), visits(), rules="FDA", schedule=one))[0] == 43


def test_overall_survival_by_hand() -> None:
    subjects = people(
        {"death": 100, "last_alive": 100, "cutoff": 300},
        {"death": 301, "last_alive": 290, "cutoff": 300},  # alive at the cut-off
        {"last_alive": 310, "cutoff": 300},
        {"last_alive": 200, "cutoff": 300, "study_exit": 200},
        {"last_alive": 200, "cutoff": 300, "new_therapy": 250},
        {"cutoff": 300},
        {"death": 1, "cutoff": 300},
        {"death": 300, "cutoff": 300},
    )
    found = overall_survival(subjects)
    assert [told(found, n) for n in range(len(found))] == [
        (100, "death"), (300, "no_event"), (300, "no_event"), (200, "left_study"), (250, "no_event"),
        (1, "no_follow_up"), (1, "death"), (300, "death"),
    ]  # fmt: skip
    assert found["cnsdtdsc"].tolist()[1:6] == [
        "Data cut-off", "Data cut-off", "Last day known to be alive", "Last day known to be alive", "Day of the start"
    ]  # fmt: skip


def test_an_assessment_shows_that_a_subject_was_alive() -> None:
    subjects, rows = people({"last_alive": 50}), visits((0, 85, "NE"))
    assert told(overall_survival(subjects)) == (50, "no_event")
    assert told(overall_survival(subjects, records=rows)) == (85, "no_event")


def test_treatment_discontinuation_by_hand() -> None:
    subjects = people(
        {"treatment_end": 50, "cutoff": 300, "last_alive": 300},
        {"treatment_end": 301, "cutoff": 300, "last_alive": 300},
        {"death": 80, "cutoff": 300},
        {"new_therapy": 60, "cutoff": 300, "last_alive": 200},
        {"treatment_end": 80, "death": 80, "cutoff": 300},
    )
    found = treatment_discontinuation(subjects)
    assert [told(found, n) for n in range(5)] == [
        (50, "discontinuation"), (300, "no_event"), (80, "death"), (200, "no_event"), (80, "discontinuation")
    ]  # fmt: skip
    censored = treatment_discontinuation(subjects, death="censor", new_therapy="event")
    assert [told(censored, n) for n in range(5)] == [
        (50, "discontinuation"), (300, "no_event"), (80, "death"), (60, "new_therapy"), (80, "discontinuation")
    ]  # fmt: skip
    assert censored["cnsr"].tolist() == [0, REASONS["no_event"], REASONS["death"], 0, 0]


def test_any_dated_event_by_hand() -> None:
    subjects = people(
        {"death": 90, "cutoff": 300}, {"last_alive": 70, "cutoff": 300}, {"last_alive": 70, "cutoff": 300}
    )
    subjects["relapse"] = [day(90), day(40), None]
    subjects["checked"] = [day(80), day(40), day(65)]
    both = first_event(subjects, events=("relapse", "death"), followed_until="checked")
    assert [told(both, n) for n in range(3)] == [(90, "relapse"), (40, "relapse"), (65, "no_event")]
    swapped = first_event(subjects, events=("death", "relapse"))
    assert [told(swapped, n) for n in range(3)] == [(90, "death"), (40, "relapse"), (70, "no_event")]
    alone = first_event(subjects.drop(columns="relapse").assign(relapse=None), events=("relapse",))
    assert told(alone) == (90, "death")
    assert alone["cnsr"].iloc[0] == REASONS["death"]
    pd.testing.assert_series_equal(first_event(subjects, events=("death",))["aval"], overall_survival(subjects)["aval"])


@needs_reference
def test_every_record_of_the_cdisc_pilot_is_derived_from_its_sources() -> None:
    # The pilot's own ADTTE (time to the first dermatologic event, 254 subjects) from its ADSL and ADAE.
    adsl, adae = data("cdisc-pilot/adsl.csv"), data("cdisc-pilot/adae.csv.gz", low_memory=False)
    adtte = data("cdisc-pilot/adtte.csv").set_index("USUBJID")
    first = adae[adae["CQ01NAM"].notna() & (adae["TRTEMFL"] == "Y")].groupby("USUBJID")["ASTDT"].min()
    subjects = pd.DataFrame(
        {
            "subject": adsl["USUBJID"],
            "start": adsl["TRTSDT"],
            "dermatologic": adsl["USUBJID"].map(first),
            "completed": adsl["RFENDT"],
        }
    )
    subjects = subjects[subjects["subject"].isin(adtte.index)].sample(frac=1, random_state=1)
    found = first_event(subjects, events=("dermatologic",), followed_until="completed").set_index("subject")
    theirs = adtte.loc[found.index]
    assert len(found) == 254
    assert (found["aval"] == theirs["AVAL"]).all()
    assert ((found["cnsr"] > 0) == (theirs["CNSR"] == 1)).all()
    assert (found["adt"].dt.strftime("%Y-%m-%d") == theirs["ADT"]).all()
    assert (found["startdt"].dt.strftime("%Y-%m-%d") == theirs["STARTDT"]).all()


def test_a_flag_of_another_event_must_agree_with_its_date() -> None:
    subjects = people({"last_alive": 70}, {"last_alive": 70}).assign(relapse=[day(40), None], relapsed=["Y", "N"])
    found = first_event(subjects, events={"relapse": "relapsed"})
    assert [told(found, n) for n in range(2)] == [(40, "relapse"), (70, "no_event")]
    with pytest.raises(DataError, match=r"subjects.relapse: relapsed says yes and there is no date.*row 2"):
        first_event(subjects.assign(relapsed="Y"), events={"relapse": "relapsed"})
    with pytest.raises(InvalidInput, match="no such column.*did you mean relapsed"):
        first_event(subjects, events={"relapse": "relapsd"})


def test_who_left_and_died_after_the_cutoff_was_followed_to_it() -> None:
    found = overall_survival(people({"death": 400, "study_exit": 100, "cutoff": 300}))
    assert told(found) == (300, "no_event")


def test_event_free_survival_takes_other_events() -> None:
    subjects, rows = people({"last_alive": 300}), visits((0, 43, "SD"), (0, 85, "No surgery"), (0, 127, "PD"))
    found = event_free_survival(subjects, rows, events=("PD", "No surgery"), rules="EMA")
    assert told(found) == (85, "NO SURGERY")
    assert found["evntdesc"].tolist() == ["NO SURGERY"]
    only = visits((0, 43, "SD"), (0, 127, "PD"))
    pd.testing.assert_frame_equal(
        event_free_survival(subjects, only, events=("PD",), rules="FDA", schedule=EVERY_SIX_WEEKS),
        progression_free_survival(subjects, only, rules="FDA", schedule=EVERY_SIX_WEEKS),
    )


def test_duration_of_response_is_this_from_the_first_response() -> None:
    subjects = people({"start": day(85), "death": 300})
    rows = visits((0, 43, "SD"), (0, 85, "PR"), (0, 127, "PR"), (0, 169, "PD"))
    assert told(progression_free_survival(subjects, rows, rules="EMA")) == (85, "progression")


def test_sensitivity_has_every_subject_under_every_rule_and_counts_add_up() -> None:
    subjects = people({"new_therapy": 60, "last_alive": 300}, {"death": 300}, {"last_alive": 90})
    rows = visits((0, 43, "SD"), (0, 85, "PD"), (1, 43, "SD"), (1, 85, "SD"), (2, 43, "SD"), (2, 85, "SD"))
    found = censoring_sensitivity(subjects, rows, schedule=EVERY_SIX_WEEKS)
    assert found.groupby("rules").size().to_dict() == dict.fromkeys(VARIANTS, 3)
    assert set(LABELS) == set(VARIANTS)
    counts = reason_counts(found, by=("rules",))
    assert (counts.groupby("rules")["n"].sum() == 3).all()
    assert counts["of"].tolist() == [3] * len(counts)
    events = counts[counts["cnsr"] == 0].groupby("rules")["n"].sum().to_dict()
    assert events == {
        "EMA": 2, "backdated": 2, "scheduled": 2, "therapy_event": 2, "therapy_censored": 1, "missed_censored": 1
    }  # fmt: skip
    own = censoring_sensitivity(subjects, rows, schedule=EVERY_SIX_WEEKS, variants={"mine": RULES["EMA"]})
    assert own["rules"].unique().tolist() == ["mine"]
    assert reason_counts(own)["n"].sum() == 3


# Random trials


def trial(seed: int, size: int = 60) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Subjects and assessments with deaths, gaps, new therapies, inadequate and repeated assessments."""
    rng = np.random.default_rng(seed)
    rows, records = [], []
    for number in range(size):
        death = int(rng.integers(1, 700)) if rng.random() < 0.6 else None
        last = death or int(rng.integers(1, 700))
        rows.append(
            {
                "death": death,
                "last_alive": last if rng.random() < 0.9 else None,
                "cutoff": 500 if seed % 3 else int(rng.integers(1, 700)),
                "new_therapy": int(rng.integers(1, last + 1)) if rng.random() < 0.4 else None,
                "study_exit": int(rng.integers(1, last + 1)) if rng.random() < 0.2 else None,
                "baseline": bool(rng.random() < 0.9),
            }
        )
        for visit in range(43, last + 1, 42):
            if rng.random() < 0.7:
                response = str(rng.choice(["SD", "PR", "PD", "NE", "CR"], p=[0.5, 0.2, 0.15, 0.1, 0.05]))
                records.append((number, min(max(visit + int(rng.integers(-7, 8)), 1), last), response))
    return people(*rows), visits(*records)


def plainly(subject: Any, records: list[tuple[dt.date, str]], rules: str) -> tuple[int, str]:
    """One subject at a time, in the words of the rules: what the frames must give."""

    def known(date: Any) -> dt.date | None:
        return None if pd.isna(date) or date > subject.cutoff else date

    death, therapy = known(subject.death), known(subject.new_therapy)
    seen = sorted((date, response) for date, response in records if date <= subject.cutoff)
    progressed = next((date for date, response in seen if response == "PD"), None)
    good = [date for date, response in seen if response not in ("NE", "PD") and date > subject.start]
    event = min([date for date in (progressed, death) if date], default=None)
    number = lambda date: (date - subject.start).days + 1  # noqa: E731
    window = dt.timedelta(days=2 * 42 + 7)
    if rules == "FDA":
        if not subject.baseline:
            soon = death and death <= subject.start + window and not (therapy and therapy < death)
            return (number(death), "death") if soon else (1, "no_baseline")
        if therapy and (event is None or therapy < event):
            return number(max([d for d in good if d <= therapy], default=subject.start)), "new_therapy"
        last = max([d for d in good if event is None or d < event], default=subject.start)
        if event and event > last + window:
            unseen = last == subject.start and event != progressed
            return number(last), "no_assessment" if unseen else "missed_assessments"
    if event:
        return number(event), "progression" if event == progressed else "death"
    if not good:
        return 1, "no_assessment"
    left = known(subject.study_exit) is not None
    return number(max(good)), "left_study" if left else "no_event"


@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("rules", ["FDA", "EMA"])
def test_a_plain_loop_over_subjects_gives_the_same(seed: int, rules: Any) -> None:
    subjects, rows = trial(seed)
    found = progression_free_survival(subjects, rows, rules=rules, schedule=EVERY_SIX_WEEKS)
    by_subject = {label: list(zip(own["date"], own["response"], strict=True)) for label, own in rows.groupby("subject")}
    expected = [plainly(one, by_subject.get(one.subject, []), rules) for one in subjects.itertuples()]
    assert [told(found, n) for n in range(len(found))] == expected


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), shift=st.integers(-5000, 5000))
def test_properties_of_every_rule(seed: int, shift: int) -> None:
    subjects, rows = trial(seed, size=25)
    survival = overall_survival(subjects, records=rows)
    found = censoring_sensitivity(subjects, rows, schedule=EVERY_SIX_WEEKS)
    times = {name: own.reset_index(drop=True) for name, own in found.groupby("rules")}
    for name, own in times.items():
        assert (own["aval"] <= survival["aval"]).all(), name
        assert (own["aval"] >= 1).all()
    assert set(times["FDA"].query("cnsr == 0")["subject"]) <= set(times["EMA"].query("cnsr == 0")["subject"])
    shuffled = rows.sample(frac=1, random_state=seed)
    pd.testing.assert_frame_equal(censoring_sensitivity(subjects, shuffled, schedule=EVERY_SIX_WEEKS), found)
    moved = dt.timedelta(days=shift)
    later = subjects.copy()
    for column in ("start", *(name for name in DATES if name in later)):
        later[column] = [None if pd.isna(date) else date + moved for date in later[column]]
    again = censoring_sensitivity(later, rows.assign(date=[d + moved for d in rows["date"]]), schedule=EVERY_SIX_WEEKS)
    pd.testing.assert_frame_equal(again.drop(columns=["adt", "startdt"]), found.drop(columns=["adt", "startdt"]))
    assert ((again["adt"] - found["adt"]).dt.days == shift).all()


@settings(deadline=None, max_examples=15)
@given(seed=st.integers(0, 10**6), more=st.integers(1, 400))
def test_a_later_cutoff_never_makes_an_event_censored(seed: int, more: int) -> None:
    subjects, rows = trial(seed, size=25)
    later = subjects.assign(cutoff=[date + dt.timedelta(days=more) for date in subjects["cutoff"]])
    for early, late in (
        (overall_survival(subjects, records=rows), overall_survival(later, records=rows)),
        (
            censoring_sensitivity(subjects, rows, schedule=EVERY_SIX_WEEKS),
            censoring_sensitivity(later, rows, schedule=EVERY_SIX_WEEKS),
        ),
    ):
        assert (late.loc[early["cnsr"] == 0, "cnsr"] == 0).all()
    # Except for dates that are assigned, an event stays where it was.
    early, late = (progression_free_survival(one, rows, rules="EMA") for one in (subjects, later))
    happened = early["cnsr"] == 0
    assert (late.loc[happened, "aval"] == early.loc[happened, "aval"]).all()


def test_dates_as_text_and_as_timestamps_give_the_same() -> None:
    subjects, rows = trial(3)
    columns = ["start", *(name for name in DATES if name in subjects)]
    stamps = subjects.assign(**{name: pd.to_datetime(subjects[name]) + pd.Timedelta(hours=9) for name in columns})
    texts = subjects.assign(
        **{name: [None if pd.isna(d) else d.isoformat() for d in subjects[name]] for name in columns}
    )
    expected = progression_free_survival(subjects, rows, rules="FDA", schedule=EVERY_SIX_WEEKS)
    for form in (stamps, texts):
        found = progression_free_survival(form, rows, rules="FDA", schedule=EVERY_SIX_WEEKS)
        pd.testing.assert_frame_equal(found, expected)


def test_rows_of_any_index_keep_their_order() -> None:
    subjects, rows = trial(4, size=10)
    turned = subjects.iloc[::-1].set_axis(range(100, 110))
    found = progression_free_survival(turned, rows.set_axis(range(7, 7 + len(rows))), rules="EMA")
    expected = progression_free_survival(subjects, rows, rules="EMA").iloc[::-1].reset_index(drop=True)
    pd.testing.assert_frame_equal(found, expected)
    assert found["subject"].tolist() == turned["subject"].tolist()


def test_no_subject_and_no_record() -> None:
    empty = pd.DataFrame({"subject": [], "start": []})
    found = progression_free_survival(empty, visits(), rules="EMA")
    assert len(found) == 0
    assert found.columns.tolist() == overall_survival(people({})).columns.tolist()
    assert len(progression_free_survival(people({}), visits(), rules="EMA")) == 1


# Refusals


@pytest.mark.parametrize(
    ("rows", "match"),
    [
        ([{"death": None, "died": True}], r"subjects.death: died says yes and there is no date.*row 1"),
        ([{"death": 5, "died": "N"}], "there is a date and died says no"),
        ([{}, {"discontinued": 1}, {"discontinued": 1}], r"treatment_end.*rows 2, 3"),
        ([{"start": None}], "the start is missing"),
        ([{"subject": "x"}, {"subject": "x"}], r"a subject stands twice.*row 2"),
        ([{"subject": None}], "a subject is missing"),
        ([{"death": -5}], "death is before the start"),
        ([{"last_alive": -5}], "last_alive is before the start"),
        ([{"cutoff": -5}], "cutoff is before the start"),
        ([{"new_therapy": 0}], "new_therapy is before the start"),
        ([{"death": 50, "last_alive": 60}], "last_alive is after the death"),
        ([{"death": 50, "new_therapy": 60}], "new_therapy is after the death"),
        ([{"start": "2024-01"}], "a date is partial"),
        ([{"start": "2024"}], "a date is partial"),
        ([{"start": "03/05/2024"}], "not a date"),
        ([{"start": np.datetime64("1753-01-01", "s")}], "not a date of a study"),
        ([{"baseline": "maybe"}], "neither yes nor no"),
        ([{"baseline": None}], "neither yes nor no"),
    ],
)
def test_subjects_that_cannot_be_are_refused(rows: list[dict[str, Any]], match: str) -> None:
    frame = people(*rows)
    if "discontinued" in frame:
        frame["discontinued"] = frame["discontinued"].fillna(0)
    with pytest.raises(DataError, match=match) as refused:
        overall_survival(frame)
    assert "s0" not in str(refused.value)


@pytest.mark.parametrize(
    ("record", "match"),
    [
        ({"subject": "nobody"}, "a subject is not among the subjects.*row 1"),
        ({"date": None}, "an assessment has no date.*row 1"),
        ({"date": "2024-05"}, "a date is partial"),
        ({"response": "PROGRESSION"}, "unknown response"),
        ({"response": "PDD"}, "did you mean PD"),
        ({"response": "Smith"}, "found another value in row 1"),
        ({"date": day(-3), "response": "PD"}, "an event is before the start"),
        ({"date": day(101)}, "an assessment is after the death"),
        ({"adequate": 2}, "neither yes nor no"),
    ],
)
def test_records_that_cannot_be_are_refused(record: dict[str, Any], match: str) -> None:
    rows = pd.DataFrame([{"subject": "s0", "date": day(43), "response": "SD", **record}])
    with pytest.raises(DataError, match=match) as refused:
        progression_free_survival(people({"death": 100}), rows, rules="EMA")
    assert "nobody" not in str(refused.value)
    assert "Smith" not in str(refused.value)


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda s, r: progression_free_survival(s, r, rules="FDA"), "need the schedule"),
        (lambda s, r: progression_free_survival(s, r, rules="NMPA"), "unknown rules"),
        (lambda s, r: progression_free_survival(s, r, rules=None), "unknown rules"),
        (lambda s, r: progression_free_survival(s, r, rules="FDA", schedule=42), "not a schedule"),
        (lambda s, r: progression_free_survival(s.drop(columns="start"), r, rules="EMA"), "no column start"),
        (lambda s, r: progression_free_survival(s, r.rename(columns={"date": "dates"}), rules="EMA"), "did you mean"),
        (lambda s, r: progression_free_survival(s, [1], rules="EMA"), "records is not a frame"),
        (lambda s, r: overall_survival(pd.concat([s, s[["start"]]], axis=1)), "two columns of one name"),
        (lambda s, r: progression_free_survival(s.assign(death=[5.0]), r, rules="EMA"), "not a column of dates"),
        (lambda s, r: event_free_survival(s, r, events=(), rules="EMA"), "not a list of events"),
        (lambda s, r: event_free_survival(s, r, events="PD", rules="EMA"), "not a list of events"),
        (lambda s, r: treatment_discontinuation(s, death="no"), "unknown choice for death"),
        (lambda s, r: treatment_discontinuation(s, new_therapy="no"), "unknown choice for new_therapy"),
        (lambda s, r: first_event(s, events=()), "not a list of events"),
        (lambda s, r: first_event(s, events=("deth", "start")), "no such column"),
        (lambda s, r: censoring_sensitivity(s, r, schedule=EVERY_SIX_WEEKS, variants={}), "no rules to compare"),
        (lambda s, r: reason_counts(overall_survival(s), by=("arm",)), "no such column"),
        (lambda s, r: CensoringRules(missed="no"), "unknown choice for missed"),
        (lambda s, r: VisitSchedule(interval=0, allowance=0), "interval is not a number of days"),
        (lambda s, r: VisitSchedule(interval=42.0, allowance=0), "interval is not a number of days"),
        (lambda s, r: VisitSchedule(interval=42, allowance=42), "as long as an interval"),
        (lambda s, r: VisitSchedule(interval=42, allowance=7, missed=0), "missed is not a number of assessments"),
        (lambda s, r: VisitSchedule(interval=42, allowance=7, later=((84, 21), (84, 42))), "later is not in order"),
        (lambda s, r: VisitSchedule(interval=42, allowance=7, later=[84]), "not a list of changes"),
        (lambda s, r: describe("nothing", censored=True), "no such reason"),
        (lambda s, r: describe("", censored=False), "no such event"),
    ],
)
def test_wrong_arguments_are_refused(call: Any, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        call(people({"last_alive": 300}), visits((0, 43, "SD")))


def test_the_schedule_may_have_begun_before_the_start_and_not_after_it() -> None:
    schedule = VisitSchedule(interval=42, allowance=0, later=((300, 84),))
    subjects, rows = people({"death": 269}), visits((0, 101, "SD"))
    assert told(progression_free_survival(subjects, rows, rules="FDA", schedule=schedule)) == (
        101,
        "missed_assessments",
    )
    # Begun 200 days before, the schedule has changed by day 101: two intervals of 84 days end on day 269.
    begun = subjects.assign(schedule_start=START - dt.timedelta(days=200))
    assert told(progression_free_survival(begun, rows, rules="FDA", schedule=schedule)) == (269, "death")
    with pytest.raises(DataError, match="the schedule starts after the start.*row 1"):
        progression_free_survival(subjects.assign(schedule_start=day(2)), rows, rules="EMA")


def test_dates_of_other_events_that_cannot_be_are_refused() -> None:
    subjects = people({"death": 50}).assign(relapse=[day(60)])
    with pytest.raises(DataError, match="a date that cannot be"):
        first_event(subjects, events=("relapse",))
    with pytest.raises(DataError, match="treatment ends before it starts"):
        treatment_discontinuation(people({"treatment_end": 0}))


def test_every_reason_and_event_can_be_said() -> None:
    assert sorted(REASONS.values()) == list(range(1, len(REASONS) + 1))
    assert all(str(describe(reason, censored=True)).startswith("Censored: ") for reason in REASONS)
    assert str(describe("relapse", censored=False)) == "relapse"
