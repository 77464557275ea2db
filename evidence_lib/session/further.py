"""Supplementary and sensitivity analyses of a time to an event, as far as the study file declares them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evidence_lib.errors import ParameterError
from evidence_lib.session import censoring
from evidence_lib.study import days_of

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.session.report import Report

HALF = 0.5  # where the modest weight stops growing if no delay is declared
FLEMING_HARRINGTON = {"fh01": (0, 1), "fh10": (1, 0), "fh11": (1, 1)}
ONE_KIND_OF_EVENT = ("weighted_tests", "cut_points")


def record(rep: Report, frame: pd.DataFrame) -> None:
    """Weighted tests, hazard ratios by period, the adjusted restricted mean, and other rules of censoring.

    Raises ParameterError for an analysis of one kind of event where others compete.
    """
    declared = [name for name in ONE_KIND_OF_EVENT if rep.parameters[name]]
    if rep.competing and declared:
        raise ParameterError(
            "an analysis of one kind of event, while others compete", where=declared[0], mend="leave it out"
        )
    if not rep.competing:
        _of_one_event(rep, frame)
    rules = censoring.under_rules(rep)
    if len(rules):
        _under_rules(rep, rules)


def _of_one_event(rep: Report, frame: pd.DataFrame) -> None:
    from evidence_lib.statistics import cox, survival

    given: dict[str, Any] = {"role": "supplementary", "strata": rep.strata or None}
    for name in rep.parameters["weighted_tests"] or ():
        if name == "maxcombo":
            rep.record(survival.maxcombo, frame, **given)
        else:
            rep.record(survival.weighted_logrank, frame, **_weight(rep, name), **given)
    cuts = [days_of(time, rep.context.unit) for time in rep.parameters["cut_points"] or ()]
    if cuts:
        rep.record(cox.piecewise_hazard_ratio, frame, cut_points=cuts, **given)
    if rep.covariates and rep.context.tau is not None:
        rep.record(survival.rmst_difference, frame, covariates=rep.covariates, role="supplementary")


def _weight(rep: Report, name: str) -> Mapping[str, Any]:
    if name == "mwlr":
        delay = rep.parameters["delay"]
        stop = {"s_star": HALF} if delay is None else {"t_star": days_of(delay, rep.context.unit)}
        return {"weight": "modestly-weighted", **stop}
    if name in FLEMING_HARRINGTON:
        rho, gamma = FLEMING_HARRINGTON[name]
        return {"weight": "fleming-harrington", "rho": rho, "gamma": gamma}
    return {"weight": name}


def _under_rules(rep: Report, rules: pd.DataFrame) -> None:
    """The effect under every set of rules, by the model of the main analysis, and the median of each arm."""
    from evidence_lib.statistics import competing_risks, cox, survival

    given: dict[str, Any] = {"each": {"rule": "rule"}, "role": "sensitivity"}
    strata = rep.strata or None
    if rep.competing:
        rep.record(competing_risks.fine_gray, rules, event_of_interest=1, strata=strata, **given)
        return
    rep.record(cox.hazard_ratio, rules, strata=strata, **given)
    rep.record(survival.logrank, rules, strata=strata, **given)
    rep.record(survival.median_survival, rules, by="arm", **given)
