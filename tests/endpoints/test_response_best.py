"""Best overall response: reference data, admiralonco's own tests, table 3 of RECIST 1.1, a brute force, traps."""

from __future__ import annotations

import re
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from evidence_lib.endpoints.response import (
    Confirmation,
    best_overall_response,
    confirmed_best_overall_response,
    disease_control,
    objective_response,
    recurrence_as_progression,
)
from evidence_lib.endpoints.response.best import ORDER
from evidence_lib.errors import DataError, InvalidInput
from tests.reference import data, needs_reference

WORDS = ("CR", "PR", "SD", "NON-CR/NON-PD", "NED", "PD", "NE", "ND")


def visits(*rows: tuple[Any, ...]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["subject", "date", "response"])


def one(*responses: str, days: tuple[int, ...] = (), every: int = 30) -> pd.DataFrame:
    """Visits of subject "a", on these days or every 30 days from day 30 on."""
    when = days or tuple(range(every, every * (len(responses) + 1), every))
    return visits(*(("a", day, word) for day, word in zip(when, responses, strict=True)))


def subjects(*labels: Any, start: int = 0, **columns: Any) -> pd.DataFrame:
    return pd.DataFrame({"subject": list(labels or ("a",)), "start": start, **columns})


def best(frame: pd.DataFrame, **options: Any) -> str:
    return str(best_overall_response(frame, subjects(), **options)["response"].item())


def confirmed(frame: pd.DataFrame, **options: Any) -> str:
    return str(confirmed_best_overall_response(frame, subjects(), **options)["response"].item())


# --- the reference data (case A8) and what admiralonco's tests expect of them ---------------------------------------


def recist() -> tuple[pd.DataFrame, pd.DataFrame]:
    records = data("recist/visit_responses.csv").set_axis(["subject", "date", "response"], axis="columns")
    starts = data("recist/treatment_start.csv").set_axis(["subject", "start"], axis="columns")
    return records, starts


def as_rows(result: pd.DataFrame) -> dict[Any, tuple[str, str]]:
    dates = result["date"].dt.strftime("%Y-%m-%d").fillna("")
    word = next(name for name in ("response", "responder", "controlled") if name in result)
    return {subject: (date, value) for subject, date, value in zip(result["subject"], dates, result[word], strict=True)}


@needs_reference
@pytest.mark.parametrize("order", [1, -1])
def test_every_rule_set_of_the_reference_is_reproduced(order: int) -> None:
    records, starts = recist()
    expected = data("recist/expected.csv", dtype=str, keep_default_na=False)
    assert expected["RULESET"].nunique() == 2
    for rules, rows in expected.groupby("RULESET"):
        who = rows["USUBJID"].astype(int)
        people = starts[starts["subject"].isin(who)].assign(progression=None)
        source = re.search(r"PD source subj (\d+) ([\d-]+)", rules)
        if source:
            people.loc[people["subject"] == int(source[1]), "progression"] = source[2]
        options: dict[str, Any] = {
            "progression": "source" if source else "none",
            "minimum_stable_days": int(re.search(r"SD>=(\d+)d", rules)[1]),
        }
        derive = best_overall_response
        if rules.startswith("CBOR"):
            derive = confirmed_best_overall_response
            options["confirmation"] = Confirmation(
                days=int(re.search(r"confirm>=(\d+)d", rules)[1]),
                max_ne=int(re.search(r"max_nr_ne=(\d+)", rules)[1]),
                accept_sd="accept_sd=TRUE" in rules,
            )
            options["missing_as_ne"] = "missing_as_ne=TRUE" in rules
        result = derive(records[records["subject"].isin(who)].iloc[::order], people, **options)
        assert as_rows(result) == dict(zip(who, zip(rows["ADT"], rows["AVALC"], strict=True), strict=True)), rules


@needs_reference
def test_accepting_sd_and_no_ne_within_14_days_gives_what_admiralonco_expects() -> None:
    # admiralonco, tests/testthat/test-derive_param_confirmed_bor.R, test 2; and -confirmed_resp.R, test 2.
    records, starts = recist()
    records = pd.concat([records[records["subject"] != 7], visits((7, "2020-04-02", "ND"))], ignore_index=True)
    people = starts.assign(progression=[None] * 8 + ["2020-02-16"])
    rules = Confirmation(days=14, max_ne=0, accept_sd=True)
    result = confirmed_best_overall_response(
        records, people, confirmation=rules, progression="source", missing_as_ne=True
    )
    assert as_rows(result) == {
        1: ("2020-01-01", "PR"),
        2: ("2020-02-01", "PR"),
        3: ("2019-11-12", "CR"),
        4: ("2020-03-01", "SD"),
        5: ("2020-01-01", "PR"),
        6: ("2020-03-30", "SD"),
        7: ("2020-04-02", "ND"),
        8: ("", "NE"),
        9: ("2020-02-16", "PD"),
    }
    responders = objective_response(records, people, confirmation=rules, progression="source")
    assert as_rows(responders) == {
        **dict.fromkeys(range(1, 10), ("", False)),
        1: ("2020-01-01", True),
        2: ("2020-02-01", True),
        3: ("2019-11-12", True),
        5: ("2020-01-01", True),
    }


@needs_reference
def test_only_the_first_subject_has_a_response_confirmed_by_the_usual_rules() -> None:
    # admiralonco, tests/testthat/test-derive_param_confirmed_resp.R, test 1.
    records, starts = recist()
    result = objective_response(records, starts, confirmation=Confirmation(), progression="none")
    assert as_rows(result) == {**dict.fromkeys(range(1, 10), ("", False)), 1: ("2020-01-01", True)}


@needs_reference
def test_a_source_of_progression_cuts_the_records() -> None:
    # admiralonco, tests/testthat/test-derive_param_bor.R, test 2.
    records, starts = recist()
    people = starts.assign(progression=[None, "2020-03-01", None, None, None, "2020-02-05", None, None, None])
    result = as_rows(best_overall_response(records, people, progression="source"))
    assert result[2] == ("2020-02-01", "PR")
    assert result[6] == ("", "MISSING")
    assert as_rows(disease_control(records, people, progression="source"))[6] == ("", False)


# --- RECIST 1.1, table 3 ---------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("first", "second", "expected", "too_early"),
    [
        ("CR", "CR", "CR", "CR"),
        ("CR", "PR", "SD", "PD"),  # footnote a: the disease has come back
        ("CR", "SD", "SD", "PD"),
        ("CR", "PD", "SD", "PD"),
        ("CR", "NE", "SD", "NE"),
        ("PR", "CR", "PR", "PR"),
        ("PR", "PR", "PR", "PR"),
        ("PR", "SD", "SD", "SD"),
        ("PR", "PD", "SD", "PD"),
        ("PR", "NE", "SD", "NE"),
        ("NE", "NE", "NE", "NE"),
    ],
)
def test_each_row_of_table_3(first: str, second: str, expected: str, too_early: str) -> None:
    frame = recurrence_as_progression(one(first, second))
    assert confirmed(frame, minimum_stable_days=28) == expected
    # The first assessment is too early for stable disease, the second is not.
    assert confirmed(frame, minimum_stable_days=42) == too_early


def test_a_cr_that_was_a_mistake_is_changed_in_the_data() -> None:
    assert confirmed(one("PR", "PR")) == "PR"
    assert confirmed(one("CR", "PR")) == "SD"
    assert recurrence_as_progression(one("SD", "PR", "CR", "NE", "SD", "CR"))["response"].tolist() == [
        *("SD", "PR", "CR", "NE", "PD", "CR")
    ]


# --- a brute force: every pair of records is looked at, as the rules are worded ---------------------------------------


def _rows_of(frame: pd.DataFrame) -> list[tuple[int, str]]:
    return sorted(zip(frame["date"], frame["response"], strict=True))


def _pairs(rows: list[tuple[int, str]], rules: Confirmation) -> list[tuple[int, str]]:
    """The confirmed responses, by the wording of admiralonco's documentation."""
    found = []
    for first, (day, word) in enumerate(rows):
        for second in range(first + 1, len(rows)):
            between = [response for _, response in rows[first + 1 : second]]
            apart = rows[second][0] - day >= rules.days
            few = between.count("NE") <= rules.max_ne and between.count("SD") <= rules.accept_sd
            path = [*between, rows[second][1]]
            falls = any(a == "CR" and "PR" in path[place + 1 :] for place, a in enumerate(path))
            if word == "CR" and rows[second][1] == "CR" and apart and few and set(between) <= {"CR", "NE"}:
                found.append((day, "CR"))
            if word == "PR" and rows[second][1] in ("CR", "PR") and apart and few and not falls:
                found += [(day, "PR")] if set(between) <= {"CR", "PR", "SD", "NE"} else []
    return found


def _slow(frame: pd.DataFrame, rules: Confirmation | None, stable: int) -> tuple[int | None, str]:
    rows = _rows_of(frame)
    candidates = []
    for day, word in rows:
        if word in ("SD", "NON-CR/NON-PD", "NED") and day < stable:
            word = "NE"
        if rules is not None and word in ("CR", "PR"):
            word = "SD" if day >= stable else "NE"
        candidates.append((word, day))
    if rules is not None:
        candidates += [(word, day) for day, word in _pairs(rows, rules)]
    else:
        candidates = [(word, day) for word, day in candidates if word != "ND"]
    ranked = sorted((WORDS.index(word), day) for word, day in candidates)
    return (ranked[0][1], WORDS[ranked[0][0]]) if ranked else (None, "MISSING")


def courses(words: tuple[str, ...] = WORDS) -> st.SearchStrategy[pd.DataFrame]:
    record = st.tuples(st.integers(-3, 12), st.sampled_from(words))
    return st.lists(record, max_size=8, unique_by=lambda row: row[0]).map(
        lambda rows: visits(*(("a", 14 * week, word) for week, word in rows))
    )


rule_sets = st.builds(
    Confirmation, days=st.sampled_from([0, 14, 28, 29, 56]), max_ne=st.integers(0, 2), accept_sd=st.booleans()
)


@settings(max_examples=150, deadline=None)
@given(courses(), rule_sets, st.sampled_from([0, 28, 42]))
def test_the_best_response_is_that_of_the_rules_as_worded(
    frame: pd.DataFrame, rules: Confirmation, stable: int
) -> None:
    for given_rules in (None, rules):
        options: dict[str, Any] = {"minimum_stable_days": stable, "progression": "none"}
        if given_rules is None:
            result = best_overall_response(frame, subjects(), **options)
        else:
            result = confirmed_best_overall_response(frame, subjects(), confirmation=given_rules, **options)
        day, word = result["date"].item(), result["response"].item()
        assert (None if pd.isna(day) else day, word) == _slow(frame, given_rules, stable)


# --- properties ------------------------------------------------------------------------------------------------------

# From best to worst. Not to know, not to have looked and to have nothing are no better than each other.
PLACE = {word: place for place, word in enumerate(ORDER[:6])} | {"NE": 6, "ND": 6, "MISSING": 6}


@settings(max_examples=80, deadline=None)
@given(courses(), rule_sets, st.integers(1, 40), st.sampled_from(["visits", "none"]))
def test_a_later_progression_never_improves_the_best_response(
    frame: pd.DataFrame, rules: Confirmation, later: int, progression: str
) -> None:
    last = int(frame["date"].max()) if len(frame) else 0
    longer = pd.concat([frame, visits(("a", last + later, "PD"))], ignore_index=True)
    for derive in (best, lambda f, **o: confirmed(f, confirmation=rules, **o)):
        before, after = (derive(f, progression=progression) for f in (frame, longer))
        # Whoever had nothing to judge by before has a progression now, and nothing better.
        assert PLACE[after] >= min(PLACE[before], PLACE["PD"])
        assert after == before or after == "PD"


@settings(max_examples=60, deadline=None)
@given(courses(), rule_sets, st.integers(-3, 12))
def test_a_progression_in_between_never_improves_the_best_response(
    frame: pd.DataFrame, rules: Confirmation, week: int
) -> None:
    longer = pd.concat([frame[frame["date"] != 14 * week], visits(("a", 14 * week, "PD"))], ignore_index=True)
    for derive in (best, lambda f: confirmed(f, confirmation=rules)):
        assert PLACE[derive(longer)] >= min(PLACE[derive(frame)], PLACE["PD"])


@settings(max_examples=80, deadline=None)
@given(courses(), rule_sets, st.booleans(), st.sampled_from(["visits", "none"]))
def test_confirmation_never_improves_the_best_response(
    frame: pd.DataFrame, rules: Confirmation, missing: bool, progression: str
) -> None:
    options: dict[str, Any] = {"missing_as_ne": missing, "progression": progression}
    assert PLACE[confirmed(frame, confirmation=rules, **options)] >= PLACE[best(frame, **options)]


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.sampled_from("xyz"), st.integers(0, 9), st.sampled_from(WORDS)), max_size=12), st.randoms()
)
def test_the_order_of_records_and_other_subjects_do_not_matter(rows: list[tuple[str, int, str]], random: Any) -> None:
    rows = list({(who, week): (who, 20 * week, word) for who, week, word in rows}.values())
    shuffled = random.sample(rows, len(rows))
    people = subjects("z", "x", "nobody", "y")
    for derive in (best_overall_response, confirmed_best_overall_response, objective_response, disease_control):
        whole = derive(visits(*rows), people)
        pd.testing.assert_frame_equal(whole, derive(visits(*shuffled), people))
        assert whole["subject"].tolist() == ["z", "x", "nobody", "y"]
        alone = derive(visits(*(row for row in rows if row[0] == "x")), subjects("x"))
        assert str(alone.iloc[0].tolist()) == str(whole.iloc[1].tolist())


# --- the choices -----------------------------------------------------------------------------------------------------


def test_confirmation_may_wait_for_the_first_assessment_that_is_late_enough() -> None:
    near = one("PR", "PR", "PR", days=(30, 50, 58))
    assert confirmed(near) == "PR"
    assert confirmed(near, confirmation=Confirmation(days=29)) == "SD"
    assert confirmed(one("PR", "PR", days=(30, 58))) == "PR"
    assert confirmed(one("PR", "PR", days=(30, 57))) == "SD"


@pytest.mark.parametrize(
    ("responses", "rules", "expected"),
    [
        (("CR", "NE", "CR"), {}, "CR"),
        (("CR", "NE", "NE", "CR"), {}, "SD"),
        (("CR", "NE", "NE", "CR"), {"max_ne": 2}, "CR"),
        (("CR", "NE", "CR"), {"max_ne": 0}, "SD"),
        (("CR", "ND", "CR"), {"max_ne": 5}, "SD"),
        (("CR", "SD", "CR"), {"accept_sd": True}, "SD"),
        (("PR", "SD", "PR"), {}, "SD"),
        (("PR", "SD", "PR"), {"accept_sd": True}, "PR"),
        (("PR", "SD", "NE", "CR"), {"accept_sd": True}, "PR"),
        (("PR", "SD", "SD", "PR"), {"accept_sd": True}, "SD"),
        (("PR", "NON-CR/NON-PD", "PR"), {"accept_sd": True}, "SD"),
        (("PR", "CR", "PR"), {"days": 60}, "SD"),  # no PR may follow a CR
        (("PR", "CR", "CR"), {"days": 60}, "PR"),
    ],
)
def test_what_may_stand_between(responses: tuple[str, ...], rules: dict[str, Any], expected: str) -> None:
    assert confirmed(one(*responses), confirmation=Confirmation(**rules)) == expected


def test_progression_stops_the_records_by_choice() -> None:
    frame = one("SD", "PD", "CR", "CR")
    assert best(frame) == "SD"
    assert best(frame, progression="none") == "CR"
    assert confirmed(frame, progression="none") == "CR"
    people = subjects(progression=[75])
    assert best_overall_response(frame, people, progression="source")["response"].item() == "SD"
    assert best_overall_response(frame, subjects(progression=[90]), progression="source")["response"].item() == "CR"


def test_records_on_the_day_of_progression_and_of_new_therapy_count() -> None:
    frame = one("SD", "PR", "CR")
    assert best_overall_response(frame, subjects(new_therapy=[60]))["response"].item() == "PR"
    assert best_overall_response(frame, subjects(new_therapy=[59]))["response"].item() == "SD"
    assert best_overall_response(frame, subjects(new_therapy=[59]), new_therapy="ignore")["response"].item() == "CR"
    assert best_overall_response(frame, subjects(progression=[60]), progression="source")["response"].item() == "PR"
    assert best_overall_response(frame, subjects(cutoff=[45]), new_therapy="ignore")["response"].item() == "SD"


def test_stable_disease_counts_from_the_day_on() -> None:
    assert best(one("SD", days=(28,))) == "SD"
    assert best(one("SD", days=(27,))) == "NE"
    assert best(one("NON-CR/NON-PD", days=(27,))) == "NE"
    assert best(one("PR", days=(1,))) == "PR"
    assert confirmed(one("PR", days=(27,))) == "NE"
    assert best(one("SD", "PD", days=(20, 60))) == "PD"


def test_who_has_no_assessment() -> None:
    for derive in (best_overall_response, confirmed_best_overall_response):
        assert derive(visits(), subjects())["response"].item() == "MISSING"
        result = derive(visits(), subjects(), missing_as_ne=True)
        assert result["response"].item() == "NE"
        assert result["date"].isna().item()
        assert derive(visits(), pd.DataFrame({"subject": [], "start": []})).empty
    # As in admiralonco: not done is a response to the one and nothing to the other.
    assert best(one("ND")) == "MISSING"
    assert confirmed(one("ND")) == "ND"
    for nothing in (None, float("nan"), "NA", ""):
        assert confirmed(one("PR", "ND", "PR")) == confirmed(visits(*one("PR").to_numpy(), ("a", 60, nothing))) == "SD"


def test_labels_and_days_of_any_kind() -> None:
    people = pd.DataFrame({"subject": [("s", 1), 2.5], "start": pd.to_datetime(["2020-01-01", "2020-02-01"])})
    records = visits((("s", 1), "2020-03-01", "pr "), (2.5, "2020-03-01", "SD"), (("s", 1), "2020-05-01", "SD"))
    result = best_overall_response(records, people)
    assert result["subject"].tolist() == [("s", 1), 2.5]
    assert result["response"].tolist() == ["PR", "SD"]
    assert result["date"].dt.strftime("%Y-%m-%d").tolist() == ["2020-03-01", "2020-03-01"]
    numbered = best_overall_response(one("SD").astype({"date": float}), subjects())
    assert str(numbered["date"].dtype) == "Int64"
    assert numbered["date"].tolist() == [30]


def test_the_frames_that_were_given_stay_as_they_are() -> None:
    frame, people = one("CR", "SD"), subjects()
    copies = frame.copy(), people.copy()
    recurrence_as_progression(frame)
    confirmed_best_overall_response(frame, people)
    pd.testing.assert_frame_equal(frame, copies[0])
    pd.testing.assert_frame_equal(people, copies[1])


# --- refusals --------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("frame", "people", "options", "error", "match"),
    [
        (one("iCR"), subjects(), {}, DataError, "unknown response"),
        (one("MISSING"), subjects(), {}, DataError, "unknown response"),
        (one("SD", "PR", days=(30, 30)), subjects(), {}, DataError, "two assessments of one subject and day.*row 2"),
        (one("SD", "SD", days=(30, 30)), subjects(), {}, DataError, "two assessments"),
        (visits(("b", 30, "SD")), subjects(), {}, DataError, "not among the subjects.*row 1"),
        (visits((1, 30, "SD")), subjects("1"), {}, DataError, "not among the subjects"),
        (visits((None, 30, "SD")), subjects(), {}, DataError, "a subject is missing"),
        (visits(("a", None, "SD")), subjects(), {}, DataError, "no date"),
        (visits(("a", 30.5, "SD")), subjects(), {}, DataError, "not a whole day"),
        (visits(("a", "2020-03", "SD")), subjects(start=None), {}, DataError, "partial"),
        (visits(("a", "2020-03-01", "SD")), subjects(), {}, InvalidInput, "side by side"),
        (visits(([1], 30, "SD")), subjects(), {}, InvalidInput, "cannot be a key"),
        (one("SD"), subjects("a", "a"), {}, DataError, "stands twice"),
        (one("SD"), subjects(start=None), {}, DataError, "the start is missing"),
        (one("SD"), subjects(), {"progression": "source"}, InvalidInput, "no column progression"),
        (one("SD"), subjects(), {"progression": "first"}, InvalidInput, "unknown progression"),
        (one("SD"), subjects(), {"new_therapy": None}, InvalidInput, "unknown new_therapy"),
        (one("SD"), subjects(), {"minimum_stable_days": -1}, InvalidInput, "minimum_stable_days"),
        (one("SD"), subjects(), {"minimum_stable_days": 4.5}, InvalidInput, "minimum_stable_days"),
        (one("SD"), subjects(), {"missing_as_ne": "no"}, InvalidInput, "missing_as_ne"),
        (one("SD").drop(columns="date"), subjects(), {}, InvalidInput, "no column date"),
        ("visits.csv", subjects(), {}, InvalidInput, "not a frame"),
    ],
)
def test_what_cannot_be_used_is_refused(
    frame: Any, people: pd.DataFrame, options: dict[str, Any], error: type[Exception], match: str
) -> None:
    for derive in (best_overall_response, confirmed_best_overall_response):
        with pytest.raises(error, match=match) as caught:
            derive(frame, people, **options)
        assert "'a'" not in str(caught.value)


def test_two_records_of_a_day_that_does_not_count_are_of_no_account() -> None:
    assert best(one("SD", "PD", "CR", "PR", days=(30, 60, 90, 90))) == "SD"


@pytest.mark.parametrize("rules", [{"days": -1}, {"days": 28.5}, {"max_ne": True}, {"max_ne": None}, {"accept_sd": 1}])
def test_rules_of_confirmation_that_cannot_be(rules: dict[str, Any]) -> None:
    with pytest.raises(InvalidInput, match="cannot be used"):
        Confirmation(**rules)


def test_confirmation_is_no_number() -> None:
    for derive in (confirmed_best_overall_response, objective_response, disease_control):
        with pytest.raises(InvalidInput, match="a Confirmation"):
            derive(one("SD"), subjects(), confirmation=28)
