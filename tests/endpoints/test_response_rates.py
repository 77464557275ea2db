"""Objective response, disease control, time to response and its duration."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_lib.endpoints.response import (
    Confirmation,
    best_overall_response,
    confirmed_best_overall_response,
    disease_control,
    duration_of_response,
    objective_response,
    time_to_response,
)
from evidence_lib.endpoints.time_to_event import CensoringRules, VisitSchedule
from evidence_lib.errors import DataError, InvalidInput

CONFIRMED = Confirmation()


def course(subject: str, *responses: str, days: tuple[int, ...] = ()) -> pd.DataFrame:
    """Visits every 42 days, or on these days."""
    when = days or tuple(42 * (n + 1) for n in range(len(responses)))
    return pd.DataFrame({"subject": subject, "date": when, "response": responses})


def people(*labels: str, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"subject": labels, "start": 0, **columns})


TRIAL = pd.concat(
    [
        course("confirmed", "SD", "PR", "PR", "PD"),
        course("once", "PR", "SD", "PD"),
        course("stable", "SD", "SD"),
        course("early", "SD", "PD", days=(20, 60)),
        course("late", "PD", "CR", "CR"),
    ]
)
EVERYBODY = people("nobody", "confirmed", "once", "stable", "early", "late")


def test_everybody_is_in_the_denominator() -> None:
    result = objective_response(TRIAL, EVERYBODY)
    assert result["subject"].tolist() == EVERYBODY["subject"].tolist()
    assert result["responder"].tolist() == [False, True, True, False, False, False]
    assert result["date"].fillna(-1).tolist() == [-1, 84, 42, -1, -1, -1]
    assert objective_response(TRIAL, EVERYBODY, progression="none")["responder"].sum() == 3
    confirmed = objective_response(TRIAL, EVERYBODY, confirmation=CONFIRMED)
    assert confirmed["responder"].tolist() == [False, True, False, False, False, False]
    assert confirmed["responder"].dtype == bool


def test_disease_control() -> None:
    result = disease_control(TRIAL, EVERYBODY)
    assert result["controlled"].tolist() == [False, True, True, True, False, False]
    assert result["date"].fillna(-1).tolist() == [-1, 42, 42, 42, -1, -1]
    assert disease_control(TRIAL, EVERYBODY, minimum_stable_days=0)["controlled"].sum() == 4
    responses_only = disease_control(TRIAL, EVERYBODY, controlled=("CR", "PR"), confirmation=CONFIRMED)
    assert responses_only["date"].fillna(-1).tolist() == [-1, 84, 42, -1, -1, -1]


def test_a_response_before_the_window_is_control_and_stable_disease_is_not() -> None:
    for word, controlled in (("PR", True), ("SD", False), ("NON-CR/NON-PD", False)):
        result = disease_control(course("a", word, days=(20,)), people("a"))
        assert result["controlled"].tolist() == [controlled]
    unconfirmed = disease_control(course("a", "PR", days=(20,)), people("a"), confirmation=CONFIRMED)
    assert unconfirmed["controlled"].tolist() == [False]


@pytest.mark.parametrize("controlled", [(), ("PD",), ("CR", "NE"), ("iCR",), "SD,PR"])
def test_what_is_no_control_is_refused(controlled: Any) -> None:
    with pytest.raises(InvalidInput, match="controlled cannot be used"):
        disease_control(TRIAL, EVERYBODY, controlled=controlled)


def test_one_word_may_stand_alone() -> None:
    assert disease_control(TRIAL, EVERYBODY, controlled="NED")["controlled"].sum() == 2


def test_time_to_response_counts_the_first_day_as_1() -> None:
    result = time_to_response(TRIAL, EVERYBODY.assign(start=2))
    assert result["subject"].tolist() == ["confirmed", "once"]
    assert result["aval"].tolist() == [83, 41]
    assert result["adt"].tolist() == [84, 42]
    assert time_to_response(TRIAL, EVERYBODY, confirmation=CONFIRMED)["subject"].tolist() == ["confirmed"]
    assert time_to_response(course("a", "CR", days=(0,)), people("a"))["aval"].tolist() == [1]
    with pytest.raises(DataError, match="a response is before the start.*row 1"):
        time_to_response(course("a", "CR", days=(-1,)), people("a"))


# --- duration --------------------------------------------------------------------------------------------------------


def duration(frame: pd.DataFrame, who: pd.DataFrame, **options: Any) -> list[tuple[Any, ...]]:
    result = duration_of_response(frame, who, **{"rules": "EMA", **options})
    names = ["subject", "aval", "cnsr", "event", "reason"]
    return list(result[names].astype(object).where(result[names].notna(), None).itertuples(index=False, name=None))


def test_duration_of_response_ends_with_progression_or_death_or_is_censored() -> None:
    frame = pd.concat(
        [
            course("progressed", "PR", "PR", "SD", "PD"),
            course("died", "SD", "CR"),
            course("going on", "PR", "NE", "SD", "NE"),
            course("seen once", "PR"),
            course("no response", "SD", "PD"),
        ]
    )
    who = people("died", "going on", "seen once", "no response", "progressed", death=[100, None, None, 300, 400])
    assert duration(frame, who) == [
        ("died", 17, 0, "death", None),
        ("going on", 85, 1, None, "no_event"),
        ("seen once", 1, 6, None, "no_assessment"),
        ("progressed", 127, 0, "progression", None),
    ]


def test_the_duration_starts_at_the_first_of_the_confirmed_pair() -> None:
    frame = course("a", "PR", "SD", "PR", "NE", "CR", "PD")
    assert duration(frame, people("a"))[0][1] == 211
    assert duration(frame, people("a"), confirmation=CONFIRMED)[0][1] == 127
    dated = duration_of_response(frame, people("a"), rules="EMA", confirmation=CONFIRMED)
    assert (dated["startdt"].item(), dated["adt"].item()) == (126, 252)


def test_new_therapy_means_what_the_rules_say() -> None:
    frame = course("a", "PR", "SD", "SD", "PD")
    who = people("a", new_therapy=[100])
    assert duration(frame, who) == [("a", 127, 0, "progression", None)]
    schedule = VisitSchedule(interval=42, allowance=7)
    assert duration(frame, who, rules="FDA", schedule=schedule) == [("a", 43, 3, None, "new_therapy")]
    # A response after the therapy has begun is none.
    assert duration(frame, people("a", new_therapy=[10])) == []


def test_missed_assessments_censor_under_the_rules_of_the_fda() -> None:
    frame = course("a", "PR", "SD", "PD", days=(42, 84, 250))
    schedule = VisitSchedule(interval=42, allowance=7)
    assert duration(frame, people("a"), rules="FDA", schedule=schedule) == [("a", 43, 4, None, "missed_assessments")]
    assert duration(frame, people("a")) == [("a", 209, 0, "progression", None)]


def test_assessments_are_due_by_the_start_of_the_study_and_not_by_the_response() -> None:
    # From day 336 on every 63 days: after the assessment on day 340 the next two are due on days 403 and 466.
    schedule = VisitSchedule(interval=42, allowance=6, later=((336, 63),))
    assert duration(
        course("a", "PR", "SD", "PD", days=(300, 340, 472)), people("a"), rules="FDA", schedule=schedule
    ) == [("a", 173, 0, "progression", None)]
    assert duration(
        course("a", "PR", "SD", "PD", days=(300, 340, 473)), people("a"), rules="FDA", schedule=schedule
    ) == [("a", 41, 4, None, "missed_assessments")]
    # Counted from the response, the interval would be 42 days until day 636, and 90 days the limit after day 340.
    late = people("a").assign(start=200)
    frame = course("a", "PR", "SD", "PD", days=(300, 340, 472))
    assert duration(frame, late, rules="FDA", schedule=schedule) == [("a", 41, 4, None, "missed_assessments")]


def test_a_schedule_needs_the_start_of_the_study() -> None:
    schedule = VisitSchedule(interval=42, allowance=6)
    frame = course("a", "PR", "PD")
    assert duration(frame, people("a").drop(columns="start")) == [("a", 43, 0, "progression", None)]
    with pytest.raises(DataError, match="the start is missing"):
        duration(frame, people("a").drop(columns="start"), rules="FDA", schedule=schedule)
    with pytest.raises(DataError, match="a response is before the start"):
        duration(frame, people("a").assign(start=50), rules="FDA", schedule=schedule)


def test_what_else_the_rules_ask_for_is_handed_on() -> None:
    frame = course("a", "PR", "SD", "PD", days=(42, 84, 250))
    schedule = VisitSchedule(interval=42, allowance=7)
    without = people("a", baseline=["N"])
    assert duration(frame, without, rules="FDA", schedule=schedule) == [("a", 1, 5, None, "no_baseline")]
    assert duration(frame, without) == [("a", 209, 0, "progression", None)]
    gone = people("a", study_exit=[90], last_alive=[10])
    assert duration(frame[:2], gone) == [("a", 43, 2, None, "left_study")]
    dated = CensoringRules(missed="backdate")
    assert duration(frame, people("a"), rules=dated, schedule=schedule) == [("a", 85, 0, "progression", None)]


def test_a_source_of_progression_takes_the_place_of_the_visits() -> None:
    frame = course("a", "PR", "PD", "SD", "SD")
    assert duration(frame, people("a")) == [("a", 43, 0, "progression", None)]
    assert duration(frame, people("a", progression=[150]), progression="source") == [("a", 109, 0, "progression", None)]
    none = duration(frame, people("a", progression=[None]), progression="source")
    assert none == [("a", 127, 1, None, "no_event")]
    assert duration(frame, people("a"), progression="none") == [("a", 43, 0, "progression", None)]


def test_a_cut_off_ends_what_is_known() -> None:
    frame = course("a", "PR", "SD", "PD")
    assert duration(frame, people("a", cutoff=[100])) == [("a", 43, 1, None, "no_event")]
    assert duration(frame, people("a", cutoff=[41])) == []


def test_calendar_dates_and_numbers_of_days_give_the_same() -> None:
    numbered = duration_of_response(TRIAL, EVERYBODY.assign(death=[None, 200, None, None, None, None]), rules="EMA")
    origin = pd.Timestamp("2023-12-31")
    frame = TRIAL.assign(date=origin + pd.to_timedelta(TRIAL["date"], unit="D"))
    who = EVERYBODY.assign(start=origin, death=[None, "2024-07-18", None, None, None, None])
    dated = duration_of_response(frame, who, rules="EMA")
    assert dated[["subject", "aval", "cnsr"]].equals(numbered[["subject", "aval", "cnsr"]])
    assert (dated["adt"] - origin).dt.days.tolist() == numbered["adt"].tolist()
    assert time_to_response(frame, who)["aval"].tolist() == time_to_response(TRIAL, EVERYBODY)["aval"].tolist()


def test_no_responders_have_no_durations() -> None:
    for frame in (course("a", "SD", "PD"), course("a", "SD").iloc[:0]):
        assert duration(frame, people("a")) == []
        assert time_to_response(frame, people("a")).empty


def test_records_that_contradict_a_death_are_refused() -> None:
    with pytest.raises(DataError, match="a response is after the death.*row 1"):
        duration(course("a", "PR"), people("a", death=[41]))
    with pytest.raises(DataError, match="an assessment is after the death.*row 2"):
        duration(course("a", "PR", "SD"), people("a", death=[60]))
    with pytest.raises(InvalidInput, match="rules"):
        duration(course("a", "PR"), people("a"), rules="ICH")


WORDS = ("CR", "PR", "SD", "NON-CR/NON-PD", "PD", "NE", "ND")
trials = st.lists(
    st.tuples(st.sampled_from("ab"), st.integers(1, 9), st.sampled_from(WORDS)),
    max_size=12,
    unique_by=lambda row: row[:2],
).map(lambda rows: pd.DataFrame([(w, 30 * n, r) for w, n, r in rows], columns=["subject", "date", "response"]))


@settings(max_examples=60, deadline=None)
@given(trials, st.one_of(st.none(), st.just(CONFIRMED)))
def test_the_endpoints_agree_with_each_other(frame: pd.DataFrame, rules: Confirmation | None) -> None:
    who = people("b", "a")
    responder = objective_response(frame, who, confirmation=rules)
    best = (
        best_overall_response(frame, who)
        if rules is None
        else confirmed_best_overall_response(frame, who, confirmation=rules)
    )
    assert (responder["responder"] == best["response"].isin(["CR", "PR"])).all()
    controlled = disease_control(frame, who, confirmation=rules)["controlled"]
    assert (controlled >= responder["responder"]).all()
    stable = best["response"].isin(["CR", "PR", "SD", "NON-CR/NON-PD"])
    assert (controlled == stable).all()
    lasting = duration_of_response(frame, who, rules="EMA", confirmation=rules)
    waiting = time_to_response(frame, who, confirmation=rules)
    assert lasting["subject"].tolist() == waiting["subject"].tolist() == who["subject"][responder["responder"]].tolist()
    assert (lasting["startdt"].tolist()) == waiting["adt"].tolist()
    assert (lasting["aval"] >= 1).all()
    for row in lasting.itertuples():
        mine = frame[(frame["subject"] == row.subject) & (frame["date"] >= row.startdt)]
        progressed = mine.loc[mine["response"] == "PD", "date"]
        assert (row.cnsr == 0) == (len(progressed) > 0)
        adequate = mine.loc[~mine["response"].isin(["NE", "ND"]), "date"]
        assert row.adt == (progressed.min() if len(progressed) else adequate.max())
        assert row.aval == row.adt - row.startdt + 1


@settings(max_examples=30, deadline=None)
@given(trials, st.integers(0, 2**32 - 1))
def test_durations_know_no_order_of_rows(frame: pd.DataFrame, seed: int) -> None:
    shuffled = frame.iloc[np.random.default_rng(seed).permutation(len(frame))]
    who = people("b", "a")
    for derive in (time_to_response, lambda v, s: duration_of_response(v, s, rules="EMA")):
        pd.testing.assert_frame_equal(derive(frame, who), derive(shuffled, who))
