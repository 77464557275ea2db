"""Which analyses answer an estimand: ``refuse_mismatch`` says why one does not.

What each analysis estimates is data, ``targets.csv``: its names (a pattern), the kind of outcome, the summary measures
that it estimates or tests, whether it knows one kind of event or competing ones, and what it does with values that are
missing (``imputes``, ``models`` them as missing at random, ``drops`` the subject, or ``censors``).
"""

from __future__ import annotations

import csv
from collections.abc import Collection, Iterator, Mapping
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import lru_cache
from pathlib import Path
from typing import Literal, get_args

from evidence_lib.endpoints.estimand.days import strategy_name
from evidence_lib.endpoints.estimand.model import Estimand, IntercurrentEvent, Kind, require_estimand, ways
from evidence_lib.errors import InvalidInput, StudyError
from evidence_lib.language import Message, message
from evidence_lib.results import analyses
from evidence_lib.statistics.inputs import choice
from evidence_lib.study.checking import described, suggestion

Role = Literal["main", "sensitivity", "supplementary"]
TARGETS = Path(__file__).with_name("targets.csv")
MEND: Mapping[str, str] = {
    "main": "change the analysis or the estimand, or declare the analysis as supplementary",
    "sensitivity": "a sensitivity analysis keeps the estimand and changes assumptions only; an analysis that answers "
    "another question is supplementary",
}


@dataclass(frozen=True)
class Target:
    """What the analyses of one pattern estimate."""

    pattern: str
    kind: str
    measures: tuple[str, ...]
    events: str
    missing: str


@dataclass(frozen=True)
class _Mismatch:
    """Why an analysis does not answer an estimand, and what would."""

    reason: Message
    expected: str


def refuse_mismatch(
    estimand: Estimand,
    analysis: str,
    *,
    role: Role,
    primary_measure: str | None = None,
    censored_at: Collection[int] = (),
) -> Message | None:
    """Refuse an analysis that does not answer the estimand; of a supplementary one say what else it answers.

    ICH E9(R1), A.5: the main analysis fits the estimand, sensitivity analyses have the same estimand and other
    assumptions, supplementary analyses may have another one, which must be said. An analysis does not fit where

    - an event while on treatment competes and the analysis knows one kind of event only, so that it would censor;
    - no intercurrent event competes (each is part of the outcome, or the like) and the analysis is of competing risks;
    - it censors at an intercurrent event whose strategy is not hypothetical (``censored_at``);
    - a value that a hypothetical strategy sets to missing would drop its subject; retrieved dropouts are declared and
      nothing imputes (as main analysis); a model of missing values fills up what ends while on treatment; a mean is
      asked of subjects who failed and have no value;
    - the estimand is of a principal stratum and the analysis is not, or the other way round;
    - it estimates another summary measure than the one declared.

    Misreading: that nothing is refused does not show that the assumptions of the analysis hold.

    Parameters
    ----------
    estimand : Estimand
        From ``read_estimand``. An intercurrent event that is stated in a text only cannot contradict anything.
    analysis : str
        One of ``results.analyses()``.
    role : {"main", "sensitivity", "supplementary"}
        What the analysis is for.
    primary_measure : str, optional
        The summary measure that the report declares.
    censored_at : collection of int
        The numbers of the intercurrent events at which the analysis censors, whatever the estimand says.

    Returns
    -------
    Message or None
        None for an analysis that fits. For a supplementary one that does not, a sentence that names the difference.

    Raises
    ------
    StudyError
        For a main or sensitivity analysis that does not fit, with the reason and what would; an unknown measure.
    InvalidInput
        For an unknown analysis or role, or a number that no intercurrent event has.
    """
    require_estimand(estimand)
    choice(role, Role, "role")
    _require_numbers(estimand, censored_at)
    if primary_measure is not None and primary_measure not in measures():
        raise StudyError(
            "not a summary measure",
            where="primary_measure",
            expected=", ".join(measures()),
            found=described(primary_measure),
            mend=suggestion(primary_measure, measures()),
        )
    found = list(_mismatches(estimand, target_of(analysis), role, primary_measure, censored_at))
    if not found:
        return None
    if role == "supplementary":
        return message(
            "estimand_endpoints.mismatch.supplementary", analysis=analysis, reasons=[one.reason for one in found]
        )
    raise StudyError(
        f"the {role} analysis {analysis} does not answer the estimand: {found[0].reason}",
        where="estimand",
        expected=found[0].expected,
        mend=MEND[role],
    )


def allowed_analyses(estimand: Estimand, *, primary_measure: str | None = None) -> tuple[str, ...]:
    """The analyses that ``refuse_mismatch`` takes as main ones, without those of no estimand (counts, checks).

    Parameters
    ----------
    estimand : Estimand
        From ``read_estimand``.
    primary_measure : str, optional
        The summary measure that the report declares.

    Returns
    -------
    tuple of str
        Names of ``results.analyses()``, in their order.
    """
    require_estimand(estimand)
    return tuple(
        name
        for name in analyses()
        if target_of(name).kind != "any"
        and not any(True for _ in _mismatches(estimand, target_of(name), "main", primary_measure, ()))
    )


def measures() -> tuple[str, ...]:
    """The summary measures that some analysis estimates."""
    return tuple(dict.fromkeys(measure for target in targets() for measure in target.measures))


@lru_cache(maxsize=1)
def targets() -> tuple[Target, ...]:
    """The rows of ``targets.csv``."""
    with TARGETS.open(encoding="utf-8", newline="") as stream:
        return tuple(
            Target(row["pattern"], row["kind"], tuple(row["measures"].split()), row["events"], row["missing"])
            for row in csv.DictReader(stream)
        )


def target_of(analysis: str) -> Target:
    """What an analysis estimates; one that compares nothing and has no row fits any estimand.

    Raises InvalidInput for one that is not on the list of analyses, and for one that compares arms and has no row.
    """
    if analysis not in analyses():
        raise InvalidInput("no such analysis", found=described(analysis), mend=suggestion(str(analysis), analyses()))
    found = next((target for target in targets() if fnmatchcase(analysis, target.pattern)), None)
    if found is None and not analyses()[analysis].direction:
        return Target(analysis, "any", (), "any", "any")
    if found is None:
        raise InvalidInput("an analysis whose target is not stated", where=TARGETS.name, found=analysis)
    return found


def _require_numbers(estimand: Estimand, censored_at: Collection[int]) -> None:
    known = [event.number for event in estimand.intercurrent_events]
    unknown = [str(number) for number in censored_at if number not in known]
    if unknown:
        raise InvalidInput(
            "censored_at names no intercurrent event", expected=f"1 to {len(known)}", found=", ".join(unknown)
        )


def _mismatches(
    estimand: Estimand, target: Target, role: Role, primary_measure: str | None, censored_at: Collection[int]
) -> Iterator[_Mismatch]:
    if target.kind == "any":
        return
    yield from _censored(estimand, censored_at)
    yield from _stratum(estimand, target)
    if target.kind == "time-to-event":
        yield from _competing(estimand, target)
    for event in estimand.intercurrent_events:
        yield from _handling(event, target)
        yield from _missing(event, target, role)
    if primary_measure is not None and target.measures and primary_measure not in target.measures:
        yield _Mismatch(
            message(
                "estimand_endpoints.mismatch.measure",
                found=[_measure_name(one) for one in target.measures],
                wanted=_measure_name(primary_measure),
            ),
            expected=f"an analysis of {primary_measure}",
        )


def _measure_name(measure: str) -> Message:
    return message(f"estimand_endpoints.measure.{measure}")


def _censored(estimand: Estimand, censored_at: Collection[int]) -> Iterator[_Mismatch]:
    for event in estimand.intercurrent_events:
        if event.number in censored_at and event.strategy not in (None, "hypothetical"):
            yield _Mismatch(
                message("estimand_endpoints.mismatch.censored", event=event.event, strategy=strategy_name(event)),
                expected="an analysis that does not censor at the event",
            )


def _stratum(estimand: Estimand, target: Target) -> Iterator[_Mismatch]:
    wanted = estimand.with_strategy("principal stratum")
    if wanted and target.kind != "stratum":
        yield _Mismatch(
            message("estimand_endpoints.mismatch.stratum", event=wanted[0].event),
            expected="principal_stratum_effect",
        )
    if not wanted and target.kind == "stratum":
        yield _Mismatch(
            message("estimand_endpoints.mismatch.no_stratum"), expected="an analysis of the whole population"
        )


def _competing(estimand: Estimand, target: Target) -> Iterator[_Mismatch]:
    competing = estimand.with_strategy("while on treatment")
    if competing and target.events == "one":
        yield _Mismatch(
            message("estimand_endpoints.mismatch.competes", event=competing[0].event),
            expected="cumulative_incidence, gray_test, fine_gray or cause_specific",
        )
    stated = all(event.strategy is not None for event in estimand.intercurrent_events)
    if not competing and stated and target.events == "competing":
        parts = estimand.with_strategy("composite")
        key = "estimand_endpoints.mismatch.part_of_outcome" if parts else "estimand_endpoints.mismatch.none_competes"
        shown = {"event": parts[0].event} if parts else {}
        yield _Mismatch(message(key, **shown), expected="an analysis of one kind of event, such as kaplan_meier or cox")


def _handling(event: IntercurrentEvent, target: Target) -> Iterator[_Mismatch]:
    """An event whose handling is one of another kind of outcome."""
    kind: Kind | None = next((kind for kind in get_args(Kind) if kind == target.kind), None)
    if kind is None or event.strategy is None or event.handling is None:
        return
    responder = kind == "binary" and event.handling in ways(event.strategy, "continuous")
    if event.handling not in ways(event.strategy, kind) and not responder:
        yield _Mismatch(
            message("estimand_endpoints.mismatch.handling", event=event.event, handling=event.handling),
            expected=f"for a {kind} outcome {' or '.join(way or 'no handling' for way in ways(event.strategy, kind))}",
        )


def _missing(event: IntercurrentEvent, target: Target, role: Role) -> Iterator[_Mismatch]:
    """What an analysis does with values that an event leaves without one."""
    shown = {"event": event.event}
    if event.strategy == "hypothetical" and event.date and target.missing == "drops":
        yield _Mismatch(
            message("estimand_endpoints.mismatch.drops", **shown), expected="multiple_imputation, or mmrm at random"
        )
    if event.handling == "retrieved-dropout" and target.missing in ("drops", "models") and role != "sensitivity":
        yield _Mismatch(message("estimand_endpoints.mismatch.retrieved", **shown), expected="multiple_imputation")
    if event.strategy == "while on treatment" and target.missing == "models":
        yield _Mismatch(
            message("estimand_endpoints.mismatch.fills_up", **shown),
            expected="an analysis of the last value on treatment, such as ancova",
        )
    if event.handling == "failure" and target.kind == "continuous":
        yield _Mismatch(message("estimand_endpoints.mismatch.no_value", **shown), expected="an analysis of responders")
