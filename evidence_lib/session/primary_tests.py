"""The test of a report's primary measure, by notebook: what a family of endpoints adjusts."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Any

from evidence_lib.results import Estimate

if TYPE_CHECKING:
    from evidence_lib.session.report import Report


def survival(rep: Report) -> Estimate:
    """Time to an event: the log-rank test, stratified where the report is, or the test of the measure itself."""
    from evidence_lib.statistics import competing_risks
    from evidence_lib.statistics import survival as statistics

    frame = rep.analysis_frame()
    measure = rep.context.primary_measure
    strata: dict[str, Any] = {"strata": rep.strata} if rep.strata else {}
    if measure == "rmst_difference":
        return only(rep.record(statistics.rmst_difference, frame))
    if measure in ("cumulative_incidence_difference", "subdistribution_hazard_ratio"):
        return only(rep.record(competing_risks.gray_test, frame, event_of_interest=1, **strata))
    return only(rep.record(statistics.logrank, frame, **strata))


def response(rep: Report) -> Estimate:
    """Tumour response: the Cochran-Mantel-Haenszel test, or without strata the score test of the difference."""
    from evidence_lib.session.response import ORR, responses
    from evidence_lib.statistics import proportions

    frame = responses(rep).frame
    given: dict[str, Any] = {"event": "responder", "endpoint": ORR}
    if rep.strata:
        return only(rep.record(proportions.cmh_test, frame, strata=rep.strata, **given))
    return only(rep.record(proportions.risk_difference, frame, **given))


def outcomes_at_visits(rep: Report) -> Estimate:
    """Outcomes at visits: the difference at the main visit by the main analysis, or the test within strata there."""
    from evidence_lib.endpoints import continuous
    from evidence_lib.statistics import means, proportions

    measured = rep.outcomes()
    plan = continuous.planned(measured, rep.parameters, arms=len(rep.arms), compared=bool(rep.treatments))
    main = next(name for name, role in plan.roles.items() if role == "main")
    choices = plan.choices[main]
    if main == "cmh":
        rated = measured.at_main.dropna(subset=["outcome"])
        return only(rep.record(proportions.cmh_test, rated, groups={"visit": measured.main}, **choices))
    if main == "ancova":
        groups = {"visit": measured.main}
        return _contrast(rep.record(means.ancova, measured.at_main, groups=groups, **choices), measured.main)
    statistic: Callable[..., Any] = means.mmrm if main == "mmrm" else means.multiple_imputation
    return _contrast(rep.record(statistic, measured.modelled, **choices), measured.main)


def _contrast(answer: Any, visit: str) -> Estimate:
    """The difference at a visit among the estimates of a model."""
    return next(e for e in answer.items if e.analysis.endswith(".contrast") and e.groups["visit"] == visit)


def only(answer: Any) -> Estimate:
    """The one estimate of a record."""
    (found,) = (answer,) if isinstance(answer, Estimate) else answer.items
    return found


TESTS: Mapping[str, Callable[[Report], Estimate]] = {
    "trial/survival": survival,
    "trial/response": response,
    "trial/continuous-endpoints": outcomes_at_visits,
}
