"""The checks of a report: each measures something the results rest on, before any effect is estimated."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Gate

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.session.report import Report

LEAST_SHARE_AT_RISK = 0.10
CRUDE_COMPARISONS = (
    "cox.hazard_ratio.*, cox.interaction, cox.period_interaction, logrank.*, maxcombo.*, weighted_logrank.*, "
    "rmst.difference, rmst.difference.adjusted, rmst.ratio, milestone.difference, aalen_johansen.difference, gray.*, "
    "fine_gray.*, cause_specific.*"
)


def data(rep: Report, frame: pd.DataFrame) -> Gate:
    """Warnings of the data checks (errors stop a report before it starts)."""
    warnings = [finding for finding in rep.findings if finding.severity == "warning"]
    reason = message("check.data.warnings", texts=tuple(w.message for w in warnings)) if warnings else None
    return rep.gate("data", float(len(warnings)), limit=0.0, judged=not warnings, reason=reason)


def balance(rep: Report, frame: pd.DataFrame) -> Gate:
    """The largest absolute standardised difference at the start; judged only against a declared ``balance_limit``.

    Where it fails, every comparison of the arms is withheld, so that none stands beside "we can not say".
    """
    differences = rep.table("baseline.standardized_difference")
    sizes: pd.Series | list[float] = differences["value"].dropna().astype(float).abs() if len(differences) else []
    measure = float(max(sizes)) if len(sizes) else None
    return rep.gate("balance", measure, limit=rep.balance_limit, governs=CRUDE_COMPARISONS)


def follow_up(rep: Report, frame: pd.DataFrame) -> Gate:
    """The smaller share of an arm still at risk at the headline milestone: under 10 % the estimate stands on few."""
    at = rep.context.milestone
    shares = (
        [float((frame.loc[frame["arm"] == arm, "time"] >= at).mean()) for arm in rep.arms] if at is not None else []
    )
    return rep.gate("follow_up", min(shares) if shares else None, limit=LEAST_SHARE_AT_RISK, at_least=True)


def proportional_hazards(rep: Report, frame: pd.DataFrame) -> Gate:
    """The smallest p-value of the proportional-hazards test: informational, it changes the wording only."""
    rows = rep.results.select("proportional_hazards.test", "p_value")
    if not rows and rep.treatments:
        raise InvalidInput("record the proportional-hazards test before its check", where="rep.check")
    values = [float(row.value) for row in rows if row.value is not None]
    return rep.gate("proportional_hazards", min(values) if values else None, limit=rep.context.ph_alpha, judged=False)


def response_agreement(rep: Report, frame: pd.DataFrame) -> Gate:
    """The number of subjects whose best overall response in the data is another than the derived one: none may be."""
    from evidence_lib.session.response_checks import best_responses_differ

    differ, reason = best_responses_differ(rep, frame)
    return rep.gate("response_agreement", differ, limit=0.0, reason=reason)


def duration_agreement(rep: Report, frame: pd.DataFrame) -> Gate:
    """The number of subjects whose duration of response in ADTTE is another than the derived one: none may be."""
    from evidence_lib.session.response_checks import durations_differ

    differ, reason = durations_differ(rep, frame)
    return rep.gate("duration_agreement", differ, limit=0.0, reason=reason)


CHECKS: dict[str, Callable[[Report, pd.DataFrame], Gate]] = {
    "data": data,
    "balance": balance,
    "follow_up": follow_up,
    "proportional_hazards": proportional_hazards,
    "response_agreement": response_agreement,
    "duration_agreement": duration_agreement,
}
