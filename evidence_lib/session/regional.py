"""What a report on regions records of the effects by region: together, against each other, and against chance."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from evidence_lib.endpoints import regions as data

if TYPE_CHECKING:
    from evidence_lib.results import Estimate, Estimates
    from evidence_lib.session.report import Report


def compare(
    rep: Report,
    by_region: Estimate | Estimates,
    overall: Estimate | Estimates,
    regions: data.Regions,
    plan: data.Plan,
) -> list[data.Comparison]:
    """Record, for each treatment, what its effects in the regions say together, and what chance alone would bring.

    Heterogeneity, shrunken effects, the effect without each region, the share of the overall effect that each keeps,
    agreement of sign, the range that is to be expected, and the probability of the observed pattern. Gives the
    comparisons; none where no region has an effect.
    """
    from evidence_lib.statistics import regional

    compared = data.comparisons(by_region, overall, regions)
    for one in compared:
        given: dict[str, Any] = {"groups": one.groups, **one.columns}
        rep.record(regional.regional_effects, one.effects, **given)
        kept = rep.record(regional.retention, one.effects, **given, **one.whole)
        rep.record(regional.sign_agreement, one.effects, **given, **one.sign)
        rep.record(regional.expected_range, one.effects, **given)
        for model, truth in data.truths(one, plan).items():
            rep.record(
                regional.pattern_probability,
                one.effects,
                region="region",
                fractions=one.information,
                observed=data.kept_shares(kept),
                retained=plan.retained,
                groups={**one.groups, "model": model},
                **truth,
            )
    return compared


def promise(rep: Report, compared: list[data.Comparison], plan: data.Plan) -> None:
    """Record how probable it was to meet the rule, and the share of the trial that a region needs, by the plan.

    Nothing where the study declares no plan, or there is one region only. Keeps the number of patients that a region of
    a trial with these patients needs as a table.
    """
    import pandas as pd

    from evidence_lib.statistics import regional

    needed = []
    for one in compared:
        planned = data.planned(one, plan)
        if not planned or one.size < 2:
            continue
        rule: dict[str, Any] = {"method": plan.method, "retained": plan.retained, "groups": one.groups, **planned}
        rep.record(regional.consistency_probability, one.effects, region="region", fractions=one.patients, **rule)
        found = rep.record(regional.smallest_fraction, one.effects, n_regions=one.size, **rule)
        size = None if found.estimate is None else math.ceil(found.estimate * one.size_of_trial - 1e-9)
        needed.append({"treatment": one.groups["treatment"], "needed": size, "of": one.size_of_trial})
    rep.keep("regional.needed", pd.DataFrame(needed, columns=["treatment", "needed", "of"]))
