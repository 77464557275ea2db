"""How ``rep.record`` calls a statistic and its twin: arguments from the frame and the report, then the comparison."""

from __future__ import annotations

import importlib
import inspect
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from evidence_lib.conventions import convention
from evidence_lib.errors import InvalidInput, RecalculationError
from evidence_lib.language import Message
from evidence_lib.results import Estimate

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.report.context import Context

# A model's answer holds its estimates as ``items`` too.
Answer = Any
COMPARED = ("estimate", "std_error", "conf_low", "conf_high", "test_statistic")
LEADING = ("estimate", "test_statistic", "p_value")
TABLE_OF = {
    "kaplan_meier": "km.curve",
    "at_risk": "km.at_risk",
    "baseline_summary": "baseline",
    "standardized_differences": "baseline.standardized_difference",
    "log_hazard_ratio_over_time": "proportional_hazards.curve",
    "cumulative_incidence_curve": "cumulative_incidence.curve",
}
# What a statistic takes by row of the analysis frame: a choice names the column, and these are the columns by default.
BY_ROW = (
    *("time", "event", "group", "cause", "outcome", "events", "exposure", "time_to_first", "entry", "weights"),
    *("cluster", "start", "stop", "subject", "count", "pairs", "estimate", "std_error", "region", "censoring_groups"),
    *("completed", "reason", "treated"),
)
FRAME_COLUMNS = {"time": "time", "event": "event", "group": "arm", "cause": "cause"}
# A statistic whose first argument is a frame gets the frame, and these names of columns by default.
WHOLE_FRAME = ("frame", "data")
COLUMN_NAMES = {"subject": "subject", "visit": "visit", "outcome": "outcome", "arm": "arm", "group": "arm"}
NAMED_COLUMNS = ("strata", "covariates", "subgroups", "variables")
COMPLETE_CASES = ("strata", "covariates", "outcome")  # without one of these nobody enters the model; n says so


@dataclass(frozen=True)
class Twin:
    """The independent recalculation of a statistic: the function, where it comes from, and how close it must be."""

    function: Callable[..., Any]
    source: str
    tolerance: float


def twin_of(statistic: Callable[..., Any]) -> Twin | None:
    """The function of the same name in ``recalculation``; None where a statistic has no twin."""
    module = statistic.__module__.split(".")[2]
    try:
        found = importlib.import_module(f"evidence_lib.recalculation.{module}")
    except ModuleNotFoundError:
        return None
    function = getattr(found, statistic.__name__, None)
    if function is None:
        return None
    return Twin(function, found.SOURCE[statistic.__name__], found.TOLERANCE.get(statistic.__name__, 1e-6))


def takes_frame(statistic: Callable[..., Any]) -> bool:
    """Whether a statistic takes a frame and the names of its columns, such as ``mmrm``."""
    return next(iter(inspect.signature(statistic).parameters), None) in WHOLE_FRAME


def arguments(
    statistic: Callable[..., Any],
    frame: pd.DataFrame,
    context: Context,
    treatment: str | None,
    choices: Mapping[str, Any],
) -> dict[str, Any]:
    """The keyword arguments of one call.

    A statistic of arrays gets columns of the frame: those of ``FRAME_COLUMNS``, or the columns that the choices name;
    ``strata``, ``covariates`` and ``subgroups`` are lists of column names. A statistic of a frame gets the frame and
    column names. What else it takes and nobody chose comes from the report's context; ``rng`` is made anew from the
    report's seed, so that a statistic and its twin draw alike and no call depends on another.
    Raises InvalidInput for a choice that the statistic does not take.
    """
    wanted = inspect.signature(statistic).parameters
    unknown = sorted(set(choices) - set(wanted))
    if unknown:
        raise InvalidInput("the statistic takes no such choice", where=statistic.__name__, found=", ".join(unknown))
    known = _known(context, treatment, everything="treatment" not in wanted)
    if "rng" in wanted:
        import numpy as np

        known["rng"] = np.random.default_rng(context.seed)
    if takes_frame(statistic):
        return _of_frame(wanted, frame, known, choices)
    return _of_arrays(wanted, frame, known, choices)


def _known(context: Context, treatment: str | None, *, everything: bool) -> dict[str, Any]:
    compared = treatment is not None or (everything and context.treatments)
    return {
        "treatment": treatment,
        "reference": context.reference if compared else None,
        "tau": context.tau,
        "times": context.times,
        "conf_level": context.conf_level,
        "convention": convention(context.convention),
    }


def _of_frame(
    wanted: Iterable[str], frame: pd.DataFrame, known: Mapping[str, Any], choices: Mapping[str, Any]
) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for name in wanted:
        if name in WHOLE_FRAME:
            given[name] = frame
        elif name in choices:
            given[name] = choices[name]
        elif COLUMN_NAMES.get(name) in frame:
            given[name] = COLUMN_NAMES[name]
        elif known.get(name) is not None:
            given[name] = known[name]
    return given


def _of_arrays(
    wanted: Iterable[str], frame: pd.DataFrame, known: Mapping[str, Any], choices: Mapping[str, Any]
) -> dict[str, Any]:
    needed = [column for name in COMPLETE_CASES for column in _named(choices.get(name))]
    frame = frame.dropna(subset=needed)
    given: dict[str, Any] = {}
    for name in wanted:
        if name in choices and name in NAMED_COLUMNS:
            given[name] = frame[list(choices[name])] if choices[name] else None
        elif name in choices:
            named = name in BY_ROW and isinstance(choices[name], str)
            given[name] = frame[choices[name]].to_numpy() if named else choices[name]
        elif FRAME_COLUMNS.get(name) in frame:
            given[name] = frame[FRAME_COLUMNS[name]].to_numpy()
        elif known.get(name) is not None:
            given[name] = known[name]
    return given


def _named(choice: Any) -> list[str]:
    """The column names in a choice: one, or a list."""
    return [choice] if isinstance(choice, str) else list(choice or [])


def parts(frame: pd.DataFrame, each: Mapping[str, str]) -> Iterator[tuple[dict[str, str], pd.DataFrame]]:
    """The frame, or its part of every combination of levels of the columns, with the groups that name it."""
    if not each:
        yield {}, frame
        return
    for levels, part in frame.groupby(list(each.values()), sort=False, observed=True):
        yield {key: str(level) for key, level in zip(each, levels, strict=True)}, part


def default_groups(context: Context, treatment: str | None, arm: str | None, grouped_by_arm: bool) -> dict[str, str]:
    """The groups of a result that the statistic itself cannot know.

    A comparison names both arms; a result of one arm names it; one over all subjects says ``arm: all``.
    """
    if treatment is not None:
        return {"treatment": treatment, "reference": context.reference, "subgroup": "all"}
    if arm is not None:
        return {"arm": arm}
    if grouped_by_arm and len(context.treatments) == 1:
        return {"treatment": context.treatments[0], "reference": context.reference, "subgroup": "all"}
    return {"arm": "all"}


def grouped(estimate: Estimate, groups: Mapping[str, str | float]) -> Estimate:
    """The estimate with these groups; its own go before them."""
    return replace(estimate, groups={**groups, **estimate.groups})


def withheld(estimate: Estimate, reason: Message) -> Estimate:
    """The estimate without its answer: counts stay, everything else is None, and the reason says why."""
    empty = {name: None for name in estimate.stated() if name not in ("n", "events")}
    return replace(estimate, status="withheld", reason=reason, **empty)  # type: ignore[arg-type]


def items(answer: Answer) -> tuple[Estimate, ...]:
    """The estimates of an answer: one, several, or those of a model."""
    return (answer,) if isinstance(answer, Estimate) else tuple(answer.items)


def pairs(first: Answer, second: Answer, name: str) -> list[tuple[Estimate, Estimate]]:
    """Estimates and their recalculations, matched by analysis and groups.

    Raises RecalculationError where one is missing.
    """
    found = {(e.analysis, tuple(sorted(e.groups.items()))): e for e in items(second)}
    matched = []
    for estimate in items(first):
        twin = found.get((estimate.analysis, tuple(sorted(estimate.groups.items()))))
        if twin is None:
            raise RecalculationError("the recalculation gives no such result", where=name, found=str(estimate.groups))
        matched.append((estimate, twin))
    return matched


def leading(stated: Iterable[str]) -> str | None:
    """The statistic that a result stands for: its estimate, else its test statistic, else its p-value."""
    return next((name for name in LEADING if name in stated), None)


def compare(estimate: Estimate, twin: Estimate, tolerance: float) -> dict[str, bool]:
    """Whether each compared statistic agrees: |a - b| <= tolerance * max(|a|, scale).

    The scale is the standard error, and 1 for a chi-square (which has none; its own standard deviation is
    sqrt(2 df)). Of an exact test, which has nothing else, the p-value is compared. A statistic that the twin leaves
    out while the estimate gives it is not compared, unless it is the leading one; the other way round they disagree.
    """
    lead = leading(estimate.stated())
    exact = lead == "p_value"
    scale = estimate.std_error if estimate.std_error is not None else 1.0 if estimate.is_test and not exact else 0.0
    agrees = {}
    for name in ("p_value",) if exact else COMPARED:
        if name not in estimate.stated():
            continue
        ours, theirs = getattr(estimate, name), getattr(twin, name)
        if ours is None or theirs is None:
            if ours is None or name == lead:
                agrees[name] = ours is None and theirs is None
            continue
        agrees[name] = abs(ours - theirs) <= tolerance * max(abs(ours), scale)
    return agrees


def refuse_disagreement(estimate: Estimate, twin: Estimate, agrees: Mapping[str, bool], source: str) -> None:
    """Raise RecalculationError naming every statistic whose two values differ."""
    wrong = [name for name, same in agrees.items() if not same]
    if wrong:
        values = "; ".join(f"{name} {getattr(estimate, name)!r} against {getattr(twin, name)!r}" for name in wrong)
        raise RecalculationError(
            "a number and its independent recalculation disagree",
            where=f"{estimate.analysis} {dict(estimate.groups)}",
            found=values,
            mend=f"the second value comes from {source}; nothing is published until the two agree",
        )


def selected(statistic: Callable[..., Any], treatments: Sequence[str]) -> list[str | None]:
    """The treatments to call a statistic for, one by one; one call without any where it compares nothing.

    A statistic that can also compare all arms at once (its ``treatment`` may be left out) does so as well where there
    are several treatments.
    """
    wanted = inspect.signature(statistic).parameters
    if "treatment" not in wanted:
        return [None]
    overall = len(treatments) > 1 and wanted["treatment"].default is None
    return [*treatments, None] if overall else list(treatments)
