"""The headline numbers of a report on outcomes at visits, read from its results: what its texts and displays share."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal

from evidence_lib.report import cells
from evidence_lib.report.comparison import Value, value_of
from evidence_lib.report.context import View
from evidence_lib.results import Row

FACTS = "continuous.facts"
MODELS = ("ancova", "mmrm")
NOT_ESTIMATES = ("tipping-point", "responders", "cmh")
Direction = Literal["better", "worse", "higher", "lower", "unclear", "unknown"]


@dataclass(frozen=True)
class Facts:
    """The main visit, what the outcome is and means, and the analyses declared, each with its role."""

    visit: str
    change: bool
    ordinal: bool
    carried: bool
    higher_is: str | None
    important_difference: float | None
    responder: float | None
    roles: Mapping[str, str]

    @property
    def main(self) -> str | None:
        """The name of the main analysis; None where nothing is compared."""
        return next((name for name, role in self.roles.items() if role == "main"), None)

    @property
    def differences(self) -> list[str]:
        """The analyses that estimate a difference of means, in declared order."""
        return [name for name in self.roles if name not in NOT_ESTIMATES]


def facts(view: View) -> Facts:
    """The facts that the notebook kept."""
    rows: list[Any] = view.results.table(FACTS).to_dict("records")
    first = rows[0]
    return Facts(
        visit=str(first["visit"]),
        change=bool(first["change"]),
        ordinal=bool(first["ordinal"]),
        carried=bool(first["carried"]),
        higher_is=_text(first["higher_is"]),
        important_difference=_number(first["important_difference"]),
        responder=_number(first["responder"]),
        roles={str(row["analysis"]): str(row["role"]) for row in rows if _text(row["analysis"]) is not None},
    )


def difference_row(view: View, name: str, treatment: str, reference: str | None = None) -> Row | None:
    """The difference at the main visit by one analysis."""
    pair = {"treatment": treatment, "reference": reference or view.context.reference, "visit": facts(view).visit}
    if name in MODELS:
        return view.results.find(f"{name}.contrast", **pair)
    return view.results.find("imputation.contrast", model=name, **pair)


def analysed(view: View, name: str, row: Row) -> Row | None:
    """How many patients the analysis behind a difference takes in; of a mixed model those of all visits."""
    if name == "mmrm":
        pair = {key: row.groups[key] for key in ("treatment", "reference") if key in row.groups}
        for analysis, groups in (("mmrm.contrast.average", pair), ("mmrm.interaction", {})):
            found = view.results.find(analysis, "n", **groups)
            if found is not None:
                return found
    return cells.statistic(view, row, "n")


def mean_row(view: View, name: str, arm: str) -> Row | None:
    """The least-squares mean of an arm at the main visit by one analysis."""
    where = {"arm": arm, "visit": facts(view).visit}
    if name in MODELS:
        return view.results.find(f"{name}.ls_mean", **where)
    return view.results.find("imputation.ls_mean", model=name, **where)


def value(view: View, row: Row | None) -> Value:
    """The estimate of a row with its limits."""
    if row is None:
        return Value(None, None, None, None, False)
    return value_of(view, row.analysis, **row.groups)


def observed_mean(view: View, arm: str) -> Value:
    """The plain mean of an arm at the main visit, of those who were seen."""
    return value_of(view, "mean", arm=arm, visit=facts(view).visit)


def direction(view: View, found: Value) -> Direction:
    """Which way a difference points by its interval: better or worse where the study says what higher means."""
    if found.estimate is None:
        return "unknown"
    if not found.excludes(0.0):
        return "unclear"
    higher = found.estimate > 0
    meaning = facts(view).higher_is
    if meaning is None:
        return "higher" if higher else "lower"
    return "better" if higher == (meaning == "better") else "worse"


def main_difference(view: View, treatment: str) -> Value:
    """The difference by the main analysis; nothing where that estimates none."""
    name = facts(view).main
    if name is None or name in NOT_ESTIMATES:
        return Value(None, None, None, None, False)
    return value(view, difference_row(view, name, treatment))


def _text(given: Any) -> str | None:
    return None if given is None or given != given else str(given)


def _number(given: Any) -> float | None:
    return None if given is None or given != given else float(given)
