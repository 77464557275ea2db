"""``read_estimand``: what a complete estimand is, and the reason for each refusal."""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from typing import Any

import numpydoc.validate
import pytest

from evidence_lib.endpoints import estimand as package
from evidence_lib.endpoints.estimand import read_estimand
from evidence_lib.endpoints.estimand.model import HANDLINGS, STRATEGIES, ways
from evidence_lib.errors import StudyError

BASE = {"treatment": "A", "population": "Adults", "variable": "Death", "summary": {"en": "HR", "zh-Hans": "风险比"}}
THERAPY = {"event": "New therapy", "strategy": "treatment policy"}
NEEDED: Mapping[str, dict[str, str]] = {
    "hypothetical": {"assumption": "censoring at random given region"},
    "principal stratum": {"identification": "ignorability", "estimator": "principal-ignorability-weighting"},
}


def content(*events: Any, **changes: Any) -> dict[str, Any]:
    return {**BASE, "intercurrent_events": list(events), **changes}


def test_a_complete_estimand_is_read() -> None:
    read = read_estimand(
        content(
            {**THERAPY, "date": "NEWTRTDT", "text": "whatever follows", "handling": None},
            "No other event was identified",
            {"event": {"en": "Switch"}, "strategy": "hypothetical", "assumption": "as if none", "date": "SWDT"},
            {"text": {"en": "in words"}},
            {"en": "Death", "zh-Hans": "死亡"},
        )
    )
    first, second, third, fourth, fifth = read.intercurrent_events
    assert (first.number, first.strategy, first.date, first.column, first.handling) == (
        1, "treatment policy", "NEWTRTDT", "ice_1", None,
    )  # fmt: skip
    assert (second.event, second.strategy, second.column) == ("No other event was identified", None, None)
    assert third.name == "Switch"
    assert third.column == "ice_3"
    assert fourth.event == {"en": "in words"}
    assert fifth.event == {"en": "Death", "zh-Hans": "死亡"}
    assert fifth.strategy is None
    assert read.day_columns == {"ice_1": "NEWTRTDT", "ice_3": "SWDT"}
    assert read.strategies == {"treatment policy", "hypothetical"}
    assert read.summary == BASE["summary"]


@pytest.mark.parametrize("strategy", STRATEGIES)
def test_every_strategy_can_be_stated_with_what_it_needs(strategy: str) -> None:
    (event,) = read_estimand(content({"event": "E", "strategy": strategy, **NEEDED.get(strategy, {})})).with_strategy(
        strategy  # type: ignore[arg-type]
    )
    assert event.way("time-to-event") == ways(strategy, "time-to-event")[0]  # type: ignore[arg-type]


@pytest.mark.parametrize("strategy", STRATEGIES)
@pytest.mark.parametrize("handling", HANDLINGS)
def test_a_handling_is_read_where_its_strategy_has_it_and_refused_elsewhere(strategy: Any, handling: Any) -> None:
    given = content({"event": "E", "strategy": strategy, "handling": handling, **NEEDED.get(strategy, {})})
    if handling in ways(strategy):
        assert read_estimand(given).intercurrent_events[0].handling == handling
    else:
        with pytest.raises(StudyError, match=rf"{handling} contradicts the strategy {strategy}.*E9\(R1\)"):
            read_estimand(given)


@pytest.mark.parametrize("name", ["treatment", "population", "variable", "summary"])
def test_each_attribute_is_needed(name: str) -> None:
    with pytest.raises(StudyError, match=rf"no {name}.*E9\(R1\)") as caught:
        read_estimand(content(THERAPY, **{name: None}))
    assert caught.value.exit_code == 2
    assert caught.value.where == f"estimand.{name}"


@pytest.mark.parametrize(
    ("event", "said"),
    [
        ({**THERAPY, "strategy": "treatment polcy"}, "unknown strategy.*did you mean treatment policy"),
        ({**THERAPY, "strategy": "treatment-policy"}, "did you mean treatment policy"),
        ({**THERAPY, "stratgy": "composite"}, "unknown key 'stratgy'.*did you mean strategy"),
        ({"event": "E", "strategy": "hypothetical"}, "needs its assumption: the scenario"),
        ({"event": "E", "strategy": "hypothetical", "assumption": "  "}, "assumption: not a text"),
        ({"event": "E", "strategy": "principal stratum"}, "needs identification and estimator: who belongs"),
        (
            {"event": "E", "strategy": "principal stratum", "identification": "x", "estimator": None},
            r"needs estimator.*principal-ignorability-weighting",
        ),
        (
            {"event": "E", "strategy": "principal stratum", "identification": "x", "estimator": "principal-weighting"},
            "unknown estimator.*did you mean principal-ignorability-weighting",
        ),
        (
            {"event": "E", "strategy": "while on treatment", "handling": "censor"},
            "hypothetical strategy; while on treatment the event ends the outcome, and competes",
        ),
        ({**THERAPY, "handling": "censor"}, "treatment policy uses the outcome whether or not"),
        ({**THERAPY, "handling": "retrieved dropout"}, "unknown handling.*did you mean retrieved-dropout"),
        ({**THERAPY, "estimator": "principal-ignorability-weighting"}, "estimator belongs to a principal stratum"),
        ({**THERAPY, "identification": "x"}, "identification belongs to a principal stratum"),
        ({**THERAPY, "date": "2024-03-05"}, "not a column"),
        ({**THERAPY, "date": 5}, "not a column"),
        ({"event": "E"}, "has no strategy.*leaves the outcome after it undefined"),
        ({"strategy": "composite"}, "has no event"),
        ({}, "has no event"),
        (7, "not an intercurrent event"),
        ("", "not a text"),
        ({"en": ""}, "no text for en"),
        ({**THERAPY, "event": {"english": "E"}}, "not a language"),
    ],
)
def test_an_incomplete_event_is_refused_with_the_reason(event: Any, said: str) -> None:
    with pytest.raises(StudyError, match=said) as caught:
        read_estimand(content("first in words", event))
    assert str(caught.value.where).startswith("estimand.intercurrent_events[1]")


@pytest.mark.parametrize("listed", [None, [], "none", {"event": "E"}])
def test_events_are_a_list_of_at_least_one(listed: Any) -> None:
    with pytest.raises(StudyError, match="no intercurrent event"):
        read_estimand({**BASE, "intercurrent_events": listed})


def test_other_keys_and_two_events_of_one_day_are_refused() -> None:
    with pytest.raises(StudyError, match="unknown key 'populaton'.*did you mean population"):
        read_estimand(content(THERAPY, populaton="x"))
    with pytest.raises(StudyError, match=r"two intercurrent events have one day.*intercurrent_events\[0\]"):
        read_estimand(content({**THERAPY, "date": "D"}, {**THERAPY, "event": "F", "date": "D"}))
    with pytest.raises(StudyError, match="not an estimand"):
        read_estimand("all of it")  # type: ignore[arg-type]


def test_a_long_text_is_not_repeated_in_a_message() -> None:
    with pytest.raises(StudyError) as caught:
        read_estimand(content({**THERAPY, "strategy": "subject 01-701-1015 was treated otherwise"}))
    assert "701" not in str(caught.value)


@pytest.mark.parametrize("name", [name for name in package.__all__ if inspect.isfunction(getattr(package, name))])
def test_every_public_function_says_what_it_takes_and_gives(name: str) -> None:
    function = getattr(package, name)
    found = numpydoc.validate.validate(f"{function.__module__}.{name}")["errors"]
    wanted = {"GL08", "SS01", "PR01", "PR02", "PR03", "PR04", "PR07", "PR10", "RT01", "RT03"}
    assert [error for error in found if error[0] in wanted] == []


def test_the_study_file_s_own_model_is_read() -> None:
    from evidence_lib.study.model import Estimand

    given = content({**THERAPY, "date": "NEWTRTDT"}, "in words", {"en": "in English"})
    read = read_estimand(Estimand.model_validate(given).model_dump())
    assert [event.strategy for event in read.intercurrent_events] == ["treatment policy", None, None]
    assert read == read_estimand(given)
