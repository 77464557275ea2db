"""Wilcoxon's rank-sum test and the Hodges-Lehmann shift, also with strata (van Elteren)."""

from __future__ import annotations

import math
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import checked_level, choice, crossed
from evidence_lib.statistics.means.inputs import UNIT, Outcome, measured, pair, two_arms
from evidence_lib.statistics.means.rank_sum import Samples, exact_p, exact_place, joined, rank_sum, samples
from evidence_lib.statistics.means.shift import SAME, Pairs, difference_at, middle_difference, total
from evidence_lib.statistics.not_estimable import NotEstimable

Distribution = Literal["exact", "normal"]
# R's wilcox.test takes the exact distribution where both samples are smaller than this and there are no ties.
SMALL = 50


def wilcoxon(
    outcome: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    strata: ArrayLike | pd.DataFrame | None = None,
    distribution: Distribution | None = None,
    continuity_correction: bool | None = None,
    conf_level: float = 0.95,
) -> Estimates:
    """Wilcoxon's rank-sum test (Mann-Whitney) and the Hodges-Lehmann shift, treated minus reference.

    U counts the pairs of a treated and a reference patient in which the treated has more, ties by half. ``normal``:
    z = (U - m n / 2 -+ 1/2) / sqrt(m n / 12 [N + 1 - sum(t^3 - t) / (N (N - 1))]), t being the sizes of ties and 1/2
    the continuity correction towards 0. ``exact``: all orders are equally likely, p is twice the smaller tail. With
    strata van Elteren's test, z = sum w (U - m n / 2) / sqrt(sum w^2 Var) with w = 1 / (N + 1) in each (van Elteren
    1960, Bull Inst Int Stat 37:351), without correction.

    The shift is the median of all differences of a treated and a reference outcome, in strata of those within a
    stratum, weighted by w (Hodges & Lehmann 1963, Ann Math Stat 34:598). Its limits are the shifts that the test does
    not reject, whose variance counts ties within an arm only; the limits by the normal distribution have the continuity
    correction of the test. As R's ``wilcox.test(conf.int = TRUE)``, which finds the same places to about 1e-4, and in
    place of the median any number between the two middle differences.

    Outcomes that differ only by floating-point error (relative 1e-9) are tied. Assumes independent patients; the shift
    is a number about the treatment only where it moves all outcomes alike.

    Misreading: the shift is not the difference of the two medians, and the test is not one of medians: it asks whether
    a treated patient tends to have more than a patient of the reference arm.

    Parameters
    ----------
    outcome : array of n
        Numbers in any unit; the shift is in the same.
    group : array of n
        Arm labels; patients of other arms than the two are left out.
    treatment, reference : label
        The two arms compared.
    strata : array of n labels, or a frame of n rows, or None
        The columns of a frame are crossed. A stratum without patients of both arms says nothing.
    distribution : str, or None
        ``exact`` (without ties and strata) or ``normal``; None takes, as R, the exact one without ties where both arms
        have fewer than 50 patients.
    continuity_correction : bool, or None
        True or False asks for the normal distribution, with or without it; None is True where that is taken. Strata and
        the exact distribution have none.
    conf_level : float
        Of the interval of the shift.

    Returns
    -------
    Estimates
        The test, ``wilcoxon.test.exact`` (a p-value), ``wilcoxon.test.normal`` or ``wilcoxon.test.stratified`` (z,
        above 0 where the treated have more, and two-sided p), then ``wilcoxon.shift`` or ``wilcoxon.shift.stratified``
        in unit ``outcome``. ``n`` counts the patients of both arms (in strata with both). Status ``not_estimable``
        where an arm is empty or no stratum has both arms, for an exact test of tied outcomes, and for a test of
        outcomes that are all alike; there is no limit where patients are too few for the level.

    Raises
    ------
    InvalidInput
        For a missing outcome, label or stratum, equal arms, and a wrong choice or one that does not go with strata.
    """
    data, level = measured(outcome), checked_level(conf_level)
    treated, control = two_arms(group, data.values.size, treatment=treatment, reference=reference)
    stratum, names = crossed(strata, data.values.size)
    _refuse_contradiction(distribution, continuity_correction, names)
    used = samples(joined(data.values), treated, control, stratum)
    plan = _plan(used, names, distribution, continuity_correction)
    shared: dict[str, Any] = {
        "groups": pair(treatment, reference),
        "n": sum(one.treated.size + one.control.size for one in used),
    }
    empty = None
    if not used:
        absent = [arm for who, arm in ((treated, treatment), (control, reference)) if not who.any()]
        if absent:
            empty = message("means_statistics.reason.no_patients_in", arm=str(absent[0]))
        else:
            empty = message("means_statistics.reason.no_common_stratum")
    elif plan.kind == "exact" and used[0].ties:
        empty = message("means_statistics.reason.ties")
    test = {
        **shared,
        "analysis": f"wilcoxon.test.{plan.kind}",
        "unit": "probability" if plan.kind == "exact" else "z",
        "is_test": True,
        "method": plan.said("test"),
    }
    shift = {
        **shared,
        "analysis": "wilcoxon.shift.stratified" if plan.kind == "stratified" else "wilcoxon.shift",
        "unit": UNIT,
        "conf_level": level,
        "method": plan.said("shift"),
    }
    if empty is not None:
        gap: dict[str, Any] = {"status": "not_estimable", "reason": empty}
        return Estimates((Estimate(**test, **gap), Estimate(**shift, **gap)))
    return Estimates((Estimate(**test, **_test(plan, used)), Estimate(**shift, **_shift(plan, used, data, level))))


@dataclass(frozen=True)
class _Plan:
    """Which test: ``kind`` is exact, normal or stratified; ``correction`` is for continuity, in pairs."""

    kind: str
    correction: float
    strata: Message | str

    def said(self, what: str) -> Message:
        """The sentence of the test or of the shift."""
        corrected = message("means_statistics.part.corrected") if self.correction else ""
        return message(
            f"means_statistics.method.wilcoxon_{what}.{self.kind}",
            **({"corrected": corrected} if self.kind == "normal" else {}),
            **({"strata": self.strata} if self.kind == "stratified" else {}),
        )


def _refuse_contradiction(distribution: Any, correction: Any, strata: tuple[str, ...] | None) -> None:
    if distribution is not None:
        choice(distribution, Distribution, "distribution")
    if correction is not None and not isinstance(correction, bool):
        raise InvalidInput(
            "continuity_correction is not a choice", expected="True, False or None", found=repr(correction)
        )
    if strata is not None and distribution == "exact":
        raise InvalidInput("the test with strata has the normal distribution only", found="distribution exact")
    if correction is not None and (strata is not None or distribution == "exact"):
        raise InvalidInput(
            "a continuity correction is for the normal distribution without strata", found=f"{correction!r} beside it"
        )


def _plan(
    used: list[Samples], names: tuple[str, ...] | None, distribution: Distribution | None, correction: bool | None
) -> _Plan:
    if names is not None:
        return _Plan("stratified", 0.0, message("means_statistics.part.strata", names=names) if names else "")
    suits = all(max(one.treated.size, one.control.size) < SMALL and not one.ties for one in used)
    if distribution == "exact" or (distribution is None and correction is None and suits):
        return _Plan("exact", 0.0, "")
    return _Plan("normal", 0.0 if correction is False else 0.5, "")


def _test(plan: _Plan, used: list[Samples]) -> dict[str, Any]:
    sums = [rank_sum(one) for one in used]
    if plan.kind == "exact":
        (one,) = used
        u = sums[0].above + one.treated.size * one.control.size / 2
        return {"p_value": exact_p(u, one.treated.size, one.control.size)}
    weights = _weights(plan, used)
    above = sum(w * one.above for w, one in zip(weights, sums, strict=True))
    variance = sum(w**2 * one.variance for w, one in zip(weights, sums, strict=True))
    if variance == 0:
        return {"status": "not_estimable", "reason": message("means_statistics.reason.all_tied")}
    z = (above - math.copysign(min(plan.correction, abs(above)), above)) / math.sqrt(variance)
    return {"test_statistic": z, "p_value": two_sided_p(z)}


def _shift(plan: _Plan, used: list[Samples], data: Outcome, level: float) -> dict[str, Any]:
    weights = _weights(plan, used)
    pairs = [Pairs(np.sort(one.treated), np.sort(one.control), w) for w, one in zip(weights, used, strict=True)]
    try:
        found: dict[str, Any] = {"estimate": data.back(middle_difference(pairs))}
        places = _places(plan, used, pairs, level)
        if places is not None:
            low, high = (data.back(difference_at(pairs, place)) for place in places)
            return {**found, "conf_low": low, "conf_high": high}
    except NotEstimable as gap:
        return {"status": "not_estimable", "reason": gap.reason}
    if all(rank_sum(one).variance == 0 for one in used):
        return {**found, "reason": message("means_statistics.reason.all_tied")}
    return {**found, "reason": message("means_statistics.reason.no_limits")}


def _places(plan: _Plan, used: list[Samples], pairs: list[Pairs], level: float) -> tuple[float, float] | None:
    """The weights of pairs up to the limits, lower and upper; None where a limit lies outside all differences."""
    everything = total(pairs)
    if plan.kind == "exact":
        place = exact_place(used[0].treated.size, used[0].control.size, (1 - level) / 2)
        return None if place == 0 else (place, everything - place + 1)
    sums = [rank_sum(one) for one in used]
    if all(one.variance == 0 for one in sums):
        return None
    variance = sum(pair.weight**2 * one.untied for pair, one in zip(pairs, sums, strict=True))
    reach = normal_quantile(level) * math.sqrt(variance) + plan.correction
    if reach >= everything / 2:
        return None
    return everything / 2 - reach, (everything / 2 + reach) * (1 + 4 * SAME)


def _weights(plan: _Plan, used: list[Samples]) -> list[float]:
    return [1 / (one.treated.size + one.control.size + 1) if plan.kind == "stratified" else 1.0 for one in used]
