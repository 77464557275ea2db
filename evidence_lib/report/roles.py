"""What each analysis of a time to an event is to the report: the main one, a sensitivity or a supplementary one."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, get_args

from evidence_lib.report.context import View
from evidence_lib.results import Row

Role = Literal["main", "sensitivity", "supplementary"]
ROLES: tuple[Role, ...] = get_args(Role)
# The analyses that answer a primary measure: the estimate, and the test that goes with it. ``{model}`` is stratified
# where strata are declared.
MAIN: dict[str, tuple[str, ...]] = {
    "hazard_ratio": ("cox.hazard_ratio.{model}", "logrank.{model}", "cause_specific.hazard_ratio.{model}"),
    "survival_difference": ("milestone.difference",),
    "rmst_difference": ("rmst.difference",),
    # Gray's test compares whole curves: it goes with their ratio, and is another analysis than one time's difference.
    "cumulative_incidence_difference": ("aalen_johansen.difference",),
    "subdistribution_hazard_ratio": ("fine_gray.subdistribution_hazard_ratio.{model}", "gray.{model}"),
}


def role_of(view: View, row: Row) -> Role:
    """The role that the row states, else main for what answers the primary measure of the estimand's event.

    At several times only the milestone is main; of several causes only the first. Whatever else stands in the report
    is supplementary.
    """
    stated = row.groups.get("role")
    if stated is not None:
        return next(role for role in ROLES if role == stated)
    context = view.context
    model = "stratified" if context.strata else "unstratified"
    wanted = [name.format(model=model) for name in MAIN.get(str(context.primary_measure), ())]
    of_event = row.groups.get("cause", 1) == 1
    at_milestone = row.analysis in ("rmst.difference",) or row.groups.get("time", context.milestone) == (
        context.milestone
    )
    return "main" if row.analysis in wanted and of_event and at_milestone else "supplementary"


def role_name(view: View, role: Role) -> str:
    """The role in words."""
    return view.words(f"survival.role.{role}")


def main_only(rows: Iterable[Row]) -> list[Row]:
    """The rows of the analyses that the report itself makes, without those of another role."""
    return [row for row in rows if "role" not in row.groups]
