"""``read_estimand``: the estimand of a study file as a checked object, or why it is not one."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

from evidence_lib.endpoints.estimand.model import HANDLINGS, STRATEGIES, Estimand, IntercurrentEvent, ways
from evidence_lib.errors import StudyError
from evidence_lib.language import Localized
from evidence_lib.study.checking import COLUMN, described, suggestion

ATTRIBUTES = ("treatment", "population", "variable", "summary")
PARTS = ("event", "strategy", "text", "date", "handling", "assumption", "identification", "estimator")
ESTIMATORS = ("principal-ignorability-weighting",)
_LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")
# Why a handling contradicts its strategy, in the words of ICH E9(R1).
_CONTRADICTIONS: Mapping[tuple[str, str], str] = {
    ("while on treatment", "censor"): "censoring at the event asks what would have been without it, which is the "
    "hypothetical strategy; while on treatment the event ends the outcome, and competes with a time to event",
    ("treatment policy", "censor"): "treatment policy uses the outcome whether or not the event occurs; censoring at "
    "the event is the hypothetical strategy",
    ("composite", "censor"): "a composite strategy makes the event part of the outcome; censoring at it is the "
    "hypothetical strategy",
    ("composite", "impute"): "a composite strategy makes the event part of the outcome, so that nothing is left to "
    "impute; imputing is the hypothetical strategy",
    ("hypothetical", "failure"): "counting the event as a failure makes it part of the outcome, which is the composite "
    "strategy",
    ("hypothetical", "worst-value"): "the worst value after the event makes it part of the outcome, which is the "
    "composite strategy",
    ("hypothetical", "retrieved-dropout"): "retrieved dropouts tell the outcome after the event; a hypothetical "
    "strategy asks for the outcome without it",
    ("principal stratum", "censor"): "a principal stratum is a population, not a rule for the data after the event",
}


def read_estimand(content: Mapping[str, Any]) -> Estimand:
    """The estimand of a report, with the five attributes of ICH E9(R1), from the plain types of a study file.

    ICH E9(R1) (2019), section A.3: an estimand is complete when the strategy of every intercurrent event can be carried
    out. So a hypothetical strategy states the scenario that it supposes (A.3.2); a principal stratum, whose members
    nobody can see in both arms, states what identifies it and an estimator; a strategy is not carried out in the way
    of another one (while on treatment by censoring).

    Misreading: that a file is complete does not make its assumptions true.

    Parameters
    ----------
    content : mapping
        ``treatment``, ``population``, ``variable``, ``summary`` (texts, or maps from language to text) and
        ``intercurrent_events``: a list of mappings with ``event``, ``strategy`` and, where they apply, ``text``,
        ``date``, ``handling``, ``assumption``, ``identification``, ``estimator``; or of texts, which say in words what
        is already in the analysis data and drive nothing. A value of None is one that is not given.

    Returns
    -------
    Estimand
        The checked attributes; intercurrent events are numbered from 1.

    Raises
    ------
    StudyError
        For an attribute that is missing, a misspelt key or strategy (a near one is suggested), a handling that
        contradicts its strategy, and a strategy without the assumption it rests on. ``where`` is the key.
    """
    if not isinstance(content, Mapping):
        raise StudyError("not an estimand", where="estimand", expected="five attributes", found=described(content))
    _require_known(content, (*ATTRIBUTES, "intercurrent_events"), "estimand")
    texts = {name: _attribute(content, name) for name in ATTRIBUTES}
    listed = content.get("intercurrent_events")
    if isinstance(listed, str) or not isinstance(listed, Sequence) or len(listed) == 0:
        raise StudyError(
            "no intercurrent event",
            where="estimand.intercurrent_events",
            expected="a list of at least one; a text that says so where none was identified",
            found=described(listed),
        )
    events = tuple(_event(value, number) for number, value in enumerate(listed, start=1))
    _require_days_of_their_own(events)
    return Estimand(**texts, intercurrent_events=events)


def _attribute(content: Mapping[str, Any], name: str) -> Localized:
    if content.get(name) is None:
        raise StudyError(
            f"the estimand has no {name}",
            where=f"estimand.{name}",
            expected="treatment, population, variable, intercurrent_events and summary: without one of them the "
            "question of the trial is open (ICH E9(R1), A.3)",
        )
    return _text(content[name], f"estimand.{name}")


def _text(value: Any, where: str) -> Localized:
    if isinstance(value, str) and value.strip():
        return value
    if not isinstance(value, Mapping) or not value:
        raise StudyError(
            "not a text", where=where, expected="a text, or a map from language to text", found=described(value)
        )
    for language, text in value.items():
        if not isinstance(language, str) or not _LANGUAGE.fullmatch(language):
            raise StudyError("not a language", where=where, expected="en or zh-Hans", found=described(language))
        if not isinstance(text, str) or not text.strip():
            raise StudyError(f"no text for {language}", where=where, expected="a text", found=described(text))
    return dict(value)


def _require_known(content: Mapping[Any, Any], names: Sequence[str], where: str) -> None:
    for name in content:
        if name not in names:
            raise StudyError(
                f"unknown key {described(name)}",
                where=where,
                expected=", ".join(names),
                mend=suggestion(str(name), names),
            )


def _event(value: Any, number: int) -> IntercurrentEvent:
    where = f"estimand.intercurrent_events[{number - 1}]"
    only_text = isinstance(value, Mapping) and value and all(_is_language(key) for key in value)
    if isinstance(value, str) or only_text:
        return IntercurrentEvent(number=number, event=_text(value, where))
    if not isinstance(value, Mapping):
        raise StudyError("not an intercurrent event", where=where, expected="event, strategy", found=described(value))
    _require_known(value, PARTS, where)
    given = {name: part for name, part in value.items() if part is not None}
    if set(given) == {"text"}:
        return IntercurrentEvent(number=number, event=_text(given["text"], f"{where}.text"))
    for name in ("event", "strategy"):
        if name not in given:
            raise StudyError(
                f"the intercurrent event has no {name}",
                where=where,
                expected="event and strategy: an event without a strategy leaves the outcome after it undefined "
                "(ICH E9(R1), A.3.1)",
            )
    texts = {
        name: _text(given[name], f"{where}.{name}")
        for name in ("event", "text", "assumption", "identification")
        if name in given
    }
    read = IntercurrentEvent(
        number=number,
        **texts,  # type: ignore[arg-type]
        strategy=_choice(given["strategy"], STRATEGIES, f"{where}.strategy", "strategy"),
        handling=_choice(given.get("handling"), HANDLINGS, f"{where}.handling", "handling"),
        estimator=_choice(given.get("estimator"), ESTIMATORS, f"{where}.estimator", "estimator"),
        date=_column(given.get("date"), f"{where}.date"),
    )
    _require_consistent(read, where)
    return read


def _is_language(key: Any) -> bool:
    # "text" and "date" are too long for a language, so that no key of an event is taken for one.
    return isinstance(key, str) and _LANGUAGE.fullmatch(key) is not None


def _choice(value: Any, names: Sequence[Any], where: str, what: str) -> Any:
    if value is None or value in names:
        return value
    raise StudyError(
        f"unknown {what}",
        where=where,
        expected=" or ".join(names),
        found=described(value),
        mend=suggestion(str(value).lower().replace("_", " ").replace("-", " "), names) or suggestion(str(value), names),
    )


def _column(value: Any, where: str) -> str | None:
    if value is None or (isinstance(value, str) and COLUMN.fullmatch(value)):
        return value
    raise StudyError(
        "not a column", where=where, expected="a column of ADSL with the day of the event", found=described(value)
    )


def _require_consistent(event: IntercurrentEvent, where: str) -> None:
    strategy = event.strategy
    if strategy is None:
        return
    if event.handling is not None and event.handling not in ways(strategy):
        why = _CONTRADICTIONS.get((strategy, event.handling), "this strategy has no such handling")
        raise StudyError(
            f"{event.handling} contradicts the strategy {strategy}: {why} (ICH E9(R1), A.3.2)",
            where=f"{where}.handling",
            expected=" or ".join(way or "no handling" for way in ways(strategy)),
            found=event.handling,
        )
    if strategy == "hypothetical" and event.assumption is None:
        raise StudyError(
            "a hypothetical strategy needs its assumption: the scenario in which the event would not occur, and why "
            "the outcome there can be told from the data (ICH E9(R1), A.3.2)",
            where=f"{where}.assumption",
            expected="a text",
        )
    rests_on = ("identification", "estimator")
    if strategy == "principal stratum":
        missing = [name for name in rests_on if getattr(event, name) is None]
        if missing:
            raise StudyError(
                f"a principal stratum needs {' and '.join(missing)}: who belongs to it cannot be seen in both arms, "
                "and subjects who show the event are not a randomised group (ICH E9(R1), A.3.2)",
                where=f"{where}.{missing[0]}",
                expected=f"identification: the assumption in words; estimator: {' or '.join(ESTIMATORS)}",
            )
        return
    for name in rests_on:
        if getattr(event, name) is not None:
            raise StudyError(
                f"{name} belongs to a principal stratum", where=f"{where}.{name}", found=f"the strategy {strategy}"
            )


def _require_days_of_their_own(events: Sequence[IntercurrentEvent]) -> None:
    seen: dict[str, int] = {}
    for event in events:
        if event.date is None:
            continue
        if event.date in seen:
            raise StudyError(
                "two intercurrent events have one day",
                where=f"estimand.intercurrent_events[{event.number - 1}].date",
                expected="a column of its own for each event, or one event for both",
                found=f"{event.date} first in intercurrent_events[{seen[event.date] - 1}]",
            )
        seen[event.date] = event.number
