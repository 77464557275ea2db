"""Weighted log-rank tests of two arms, and the largest of several of them (MaxCombo)."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Literal, get_args

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate, Estimates
from evidence_lib.statistics.distributions import one_sided_p, two_sided_p
from evidence_lib.statistics.inputs import Floats, crossed, with_labels
from evidence_lib.statistics.multivariate_normal import LARGEST, two_sided_tail, upper_tail
from evidence_lib.statistics.survival.inputs import checked, of_arms
from evidence_lib.statistics.survival.risk_table import RiskTable, risk_table
from evidence_lib.statistics.survival.weights import Weight, WeightName, chosen_weight, fleming_harrington, modest

Alternative = Literal["two-sided", "less", "greater"]


def weighted_logrank(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    weight: WeightName = "fleming-harrington",
    rho: float | None = None,
    gamma: float | None = None,
    t_star: float | None = None,
    s_star: float | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    alternative: Alternative = "two-sided",
) -> Estimate:
    """Weighted log-rank test of two arms: z = U / sqrt(V), below 0 where the treated have fewer events.

    U is the sum over event times of w (d1 - d n1 / n), the weighted events of the treated less those expected, and V
    that of w^2 d (n - d) / (n - 1) (n1 / n) (1 - n1 / n); d of n patients at risk have the event, d1 of n1 of them
    treated. With S(t-) the pooled Kaplan-Meier estimate just before t, the weight w(t) is

    - ``fleming-harrington``: S(t-)^rho (1 - S(t-))^gamma (Fleming & Harrington 1991, section 7.2);
    - ``modestly-weighted``: 1 / max(S(t-), S(t*-)) with ``t_star``, or 1 / max(S(t-), S*) with ``s_star`` (Magirr &
      Burman 2019, Stat Med 38:3782; an event at t* itself counts as after it);
    - ``gehan``: n (Gehan 1965); ``tarone-ware``: sqrt(n) (Tarone & Ware 1977);
    - ``peto-peto``: the product of 1 - d / (n + 1) up to t (Peto & Peto 1972, as Klein & Moeschberger 2003, (7.3.8)).

    FH(0, 0) is the log-rank test; FH(rho, 0) squared is R's ``survdiff(rho=)``. With ``strata`` weights are made
    within each stratum, and U and V are summed over strata. The arms are assumed to be censored alike by reasons that
    have nothing to do with the event.

    Misreading: a weight chosen after seeing the curves finds what it looked for, and a test that weights late events
    can favour an arm that did worse early; the p-value says nothing about the size of an effect.

    Parameters
    ----------
    time, event : arrays of n
        Days, zero or more; 1 or True for the event, 0 or False for censoring.
    group : array of n labels
        The arm of each patient; patients of other arms are left out.
    treatment, reference : str or number
        The two arms.
    weight : {"fleming-harrington", "modestly-weighted", "gehan", "tarone-ware", "peto-peto"}
        The kind of weight.
    rho, gamma : number, zero or more
        Exponents of the Fleming-Harrington weight, which needs both.
    t_star, s_star : number
        Where the modest weight stops growing: a time in days, or a survival probability; one of the two.
    strata : array of n labels, or DataFrame
        Strata; the columns of a frame are crossed.
    alternative : {"two-sided", "less", "greater"}
        "less": the treated have fewer events than expected, a benefit where the event is bad.

    Returns
    -------
    Estimate
        ``weighted_logrank.unstratified`` or ``.stratified`` with z as ``test_statistic`` and its ``p_value``;
        ``groups["weight"]`` names the weight, as ``FH(0, 1)``. Status ``not_estimable`` as ``logrank``, and where the
        weight is 0 whenever the arms can be compared.

    Raises
    ------
    InvalidInput
        As ``logrank``; for choices that are unknown, missing, out of range, or not of the chosen weight.
    """
    chosen = chosen_weight(weight, rho=rho, gamma=gamma, t_star=t_star, s_star=s_star)
    shared, table, why = _compared(time, event, group, treatment, reference, strata, alternative)
    return _components(shared, table, why, [chosen])[0][0]


def maxcombo(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    weights: Sequence[tuple[float, float]] = ((0, 0), (0, 1), (1, 0), (1, 1)),
    t_star: float | None = None,
    s_star: float | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    alternative: Alternative = "two-sided",
) -> Estimates:
    """MaxCombo: the largest of several weighted log-rank statistics, with the p-value of their joint distribution.

    The statistics are those of ``weighted_logrank``, jointly normal with Cov(Ui, Uj) = the sum over event times of
    wi wj d (n - d) / (n - 1) (n1 / n) (1 - n1 / n) (Karrison 2016, Stata J 16:678; Lin et al. 2020, Stat Biopharm Res
    12:187). The p-value is P(max |Z| > max |z|), or P(min Z < min z) for ``less`` and P(max Z > max z) for
    ``greater``. The normal integral is deterministic (see ``statistics.multivariate_normal``), its error below 1e-8.
    Assumptions are those of ``weighted_logrank``.

    Misreading: a small p-value says that the curves differ somewhere, not where, by how much, nor for good; curves
    that cross give it too.

    Parameters
    ----------
    time, event : arrays of n
        Days, zero or more; 1 or True for the event, 0 or False for censoring.
    group : array of n labels
        The arm of each patient; patients of other arms are left out.
    treatment, reference : str or number
        The two arms.
    weights : pairs (rho, gamma)
        Fleming-Harrington weights; with the modest one two to six.
    t_star, s_star : number
        Adds the modestly weighted test: the time in days, or the survival probability, where its weight stops growing.
    strata : array of n labels, or DataFrame
        Strata; the columns of a frame are crossed.
    alternative : {"two-sided", "less", "greater"}
        "less": the treated have fewer events than expected, a benefit where the event is bad.

    Returns
    -------
    Estimates
        First ``maxcombo.unstratified`` or ``.stratified``: the extreme z as ``test_statistic`` (two-sided: max |z|) and
        ``p_value``. Then each ``weighted_logrank``, unadjusted, in the order given, with ``groups["weight"]``. All are
        ``not_estimable`` where one is.

    Raises
    ------
    InvalidInput
        As ``weighted_logrank``; for fewer than two or more than six tests, or one that is given twice.
    """
    chosen = _chosen(weights, t_star, s_star)
    shared, table, why = _compared(time, event, group, treatment, reference, strata, alternative)
    components, z, correlation = _components(shared, table, why, chosen)
    shared |= {
        "analysis": shared["analysis"].replace("weighted_logrank", "maxcombo"),
        "method": message(
            "survival_statistics.method.maxcombo",
            weights=[one.label for one in chosen],
            strata=_strata_part(strata is not None),
            alternative=message(f"survival_statistics.alternative.{alternative}"),
        ),
    }
    gap = next((one for one in components if one.status != "ok"), None)
    if gap is not None:
        largest = Estimate(**shared, status="not_estimable", reason=gap.reason)
    elif alternative == "two-sided":
        extreme = float(np.abs(z).max())
        largest = Estimate(**shared, test_statistic=extreme, p_value=two_sided_tail(extreme, correlation))
    else:
        extreme = float(z.min() if alternative == "less" else z.max())
        bound = -extreme if alternative == "less" else extreme
        largest = Estimate(**shared, test_statistic=extreme, p_value=upper_tail(bound, correlation))
    return Estimates((largest, *components))


def _chosen(weights: Any, t_star: float | None, s_star: float | None) -> list[Weight]:
    """The weights of a MaxCombo test. Raises InvalidInput."""
    pairs = [] if isinstance(weights, str) or not isinstance(weights, Iterable) else list(weights)
    if not pairs or any(np.ndim(pair) != 1 or len(pair) != 2 for pair in pairs):
        raise InvalidInput("weights cannot be used", expected="pairs of rho and gamma", found=repr(weights))
    chosen = [fleming_harrington(rho, gamma) for rho, gamma in pairs]
    if t_star is not None or s_star is not None:
        chosen.append(modest(t_star, s_star))
    if not 2 <= len(chosen) <= LARGEST:
        raise InvalidInput("too few or too many tests", expected=f"two to {LARGEST}", found=str(len(chosen)))
    labels = [one.label for one in chosen]
    if len(set(labels)) < len(labels):
        raise InvalidInput("a weight is given twice", expected="each weight once", found=", ".join(labels))
    return chosen


def _compared(
    time: ArrayLike,
    event: ArrayLike,
    group: ArrayLike,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None,
    alternative: Alternative,
) -> tuple[dict[str, Any], RiskTable | None, str | None]:
    """What the results share, the risk table, and why there is none."""
    if treatment == reference:
        raise InvalidInput("treatment and reference are the same arm", expected="two arms", found=repr(treatment))
    if alternative not in get_args(Alternative):
        raise InvalidInput("unknown alternative", expected=" or ".join(get_args(Alternative)), found=repr(alternative))
    times, events = checked(time, event)
    stratum = None if strata is None else crossed(strata, times.size)[0]
    arms = np.array(with_labels(group, "group", times.size, (treatment, reference)))
    times, events, arms, stratum = of_arms(times, events, arms, stratum)
    shared: dict[str, Any] = {
        "analysis": f"weighted_logrank.{'unstratified' if strata is None else 'stratified'}",
        "unit": "z",
        "groups": {"treatment": treatment, "reference": reference},
        "n": int(times.size),
        "events": int(np.count_nonzero(events)),
        "is_test": True,
        "alternative": alternative,
    }
    if not arms.any(axis=1).all():
        return shared, None, "one_arm"
    if not shared["events"]:
        return shared, None, "no_events"
    table = risk_table(times, events, arms[:1], stratum)
    return (shared, None, "no_comparison") if not _variances(table).any() else (shared, table, None)


def _variances(table: RiskTable) -> Floats:
    """The hypergeometric variance of the treated events at each event time."""
    return table.spread * table.share[0] * (1 - table.share[0])


def _components(
    shared: dict[str, Any], table: RiskTable | None, why: str | None, chosen: list[Weight]
) -> tuple[list[Estimate], Floats, Floats]:
    """The tests one by one, their z, and its correlation."""
    stratified = shared["analysis"].endswith(".stratified")
    z, correlation = (np.zeros(0), np.zeros((0, 0))) if table is None else _scores(table, chosen)
    found = []
    for number, weight in enumerate(chosen):
        facts = shared | {
            "groups": shared["groups"] | {"weight": weight.label},
            "method": message(
                "survival_statistics.method.weighted_logrank",
                weight=weight.words,
                strata=_strata_part(stratified),
                alternative=message(f"survival_statistics.alternative.{shared['alternative']}"),
            ),
        }
        if why is not None or np.isnan(z[number]):
            reason = message(f"survival_statistics.reason.logrank_{why or 'no_weight'}")
            found.append(Estimate(**facts, status="not_estimable", reason=reason))
            continue
        statistic = float(z[number])
        tails = {
            "two-sided": two_sided_p(statistic),
            "less": one_sided_p(-statistic),
            "greater": one_sided_p(statistic),
        }
        found.append(Estimate(**facts, test_statistic=statistic, p_value=tails[shared["alternative"]]))
    return found, z, correlation


def _scores(table: RiskTable, chosen: list[Weight]) -> tuple[Floats, Floats]:
    """The z of each weight, NaN where it has no variance, and the correlation of all."""
    values = np.array([weight.values(table) for weight in chosen])
    with np.errstate(divide="ignore", invalid="ignore"):
        # Divided by its largest value a weight neither overflows nor vanishes; z does not change.
        values /= values.max(axis=1, keepdims=True)
        covariance = (values * _variances(table)) @ values.T
        root = np.sqrt(np.diag(covariance))
        z = values @ table.excess[0] / root
        correlation = np.clip(covariance / np.outer(root, root), -1, 1)
    np.fill_diagonal(correlation, 1.0)
    return np.where(root > 0, z, np.nan), correlation


def _strata_part(stratified: bool) -> Message | str:
    return message("survival_statistics.part.strata") if stratified else ""
