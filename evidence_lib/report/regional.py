"""The results of a report on regions as tables, figures and sentences read them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal

from evidence_lib.report import cells
from evidence_lib.report.comparison import Value, value_of
from evidence_lib.report.context import View
from evidence_lib.results import Row

Verdict = Literal["met", "missed", "unknown"]
NOTHING = Value(None, None, None, None, False)


def plan_of(view: View) -> Mapping[str, Any]:
    """What was decided before the results: column, focus, retained, method, smallest, power, effect."""
    (found,) = view.results.table("regional.plan").to_dict("records")
    return {str(name): None if value != value else value for name, value in found.items()}


def region_lines(view: View) -> list[dict[str, Any]]:
    """The regions in the order of the report: region, n, events, compared, reason."""
    return view.results.table("regional.regions").to_dict("records")  # type: ignore[return-value]


def compared_regions(view: View, treatment: str) -> list[str]:
    """The regions that are compared with each other: large enough, and with an effect."""
    return [str(row.groups["region"]) for row in view.results.select("regional.effect.ratio", treatment=treatment)]


def whole_row(view: View, treatment: str, statistic: str = "estimate") -> Row | None:
    """The effect in the whole trial."""
    rows = view.results.select(_effect(view), statistic, treatment=treatment)
    return next((row for row in rows if "region" not in row.groups), None)


def own_row(view: View, treatment: str, region: str, statistic: str = "estimate") -> Row | None:
    """The effect in one region by itself."""
    return view.results.find(_effect(view), statistic, treatment=treatment, region=region)


def effect_text(view: View, row: Row | None) -> str:
    """An effect with its interval; NE alone where there is none."""
    return cells.value_text(view, row) if row is None or row.value is None else cells.estimate_text(view, row)


def whole_value(view: View, treatment: str) -> Value:
    """The effect in the whole trial with its limits."""
    row = whole_row(view, treatment)
    if row is None:
        return NOTHING
    low, high = (whole_row(view, treatment, limit) for limit in ("conf_low", "conf_high"))
    reason = view.words.say(row.reason) if row.reason is not None else None
    return Value(_number(row), _number(low), _number(high), reason, row.status == "withheld")


def own_value(view: View, treatment: str, region: str) -> Value:
    """The effect in one region with its limits."""
    return value_of(view, _effect(view), treatment=treatment, region=region)


def pattern(view: View, kind: str, treatment: str, region: str | None = None) -> Row | None:
    """The probability of a pattern if the effect were the same everywhere: the planned one where there is a plan."""
    groups = {"treatment": treatment, **({} if region is None else {"region": region})}
    for model in models(view):
        found = view.results.find(f"regional.pattern.{kind}", model=model, **groups)
        if found is not None:
            return found
    return None


def models(view: View) -> list[str]:
    """Under which true effects patterns were judged: planned, estimated."""
    given = {str(row.groups["model"]) for row in view.results.select("regional.pattern.other_way")}
    return [model for model in ("planned", "estimated") if model in given]


def agreement(view: View, treatment: str) -> tuple[int, int] | None:
    """How many regions point to the side of the whole trial, of how many."""
    rows = [view.results.find(f"regional.{name}", treatment=treatment) for name in ("sign_agreement", "regions")]
    if any(row is None or row.value is None for row in rows):
        return None
    same, of = (int(row.value) for row in rows if row is not None and row.value is not None)
    return same, of


def verdict(view: View, treatment: str) -> Verdict:
    """Whether the rule that was fixed before is met.

    Method 1: the region of interest, or every compared region where there is none, keeps the declared share of the
    overall effect. Method 2: all compared regions point to the side of the whole trial.
    """
    plan = plan_of(view)
    if plan["method"] == 2:
        same = agreement(view, treatment)
        return "unknown" if same is None else "met" if same[0] == same[1] else "missed"
    judged = [plan["focus"]] if plan["focus"] else compared_regions(view, treatment)
    kept = [value_of(view, "regional.retention", treatment=treatment, region=region).estimate for region in judged]
    if not kept or any(share is None for share in kept):
        return "unknown"
    return "met" if all(share >= plan["retained"] for share in kept if share is not None) else "missed"


def unbounded(view: View, treatment: str) -> bool:
    """Whether the interval of the overall effect includes none, so that shares of it say little."""
    whole = whole_value(view, treatment)
    return whole.given and not whole.excludes(1.0)


def number_of(row: Row | None) -> float | None:
    """The number of a row; None for a text, or no row."""
    return _number(row)


def _effect(view: View) -> str:
    return f"cox.hazard_ratio.{'stratified' if view.context.strata else 'unstratified'}"


def _number(row: Row | None) -> float | None:
    return float(row.value) if row is not None and isinstance(row.value, int | float) else None
