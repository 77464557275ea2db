"""The risk difference of two arms, with or without strata, and the number needed to treat."""

from __future__ import annotations

import math
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import normal_quantile, one_sided_p, two_sided_p
from evidence_lib.statistics.inputs import checked_level, choice
from evidence_lib.statistics.proportions.inputs import Tables, tables
from evidence_lib.statistics.proportions.one_arm import wilson
from evidence_lib.statistics.proportions.score import (
    Weights,
    difference_limits,
    difference_z,
    summed,
    weighted_difference,
)

DifferenceMethod = Literal["miettinen-nurminen", "newcombe", "mee", "agresti-caffo", "wald", "mantel-haenszel"]
Alternative = Literal["two-sided", "less", "greater"]
STRATIFIED = ("miettinen-nurminen", "newcombe", "mantel-haenszel")
# The methods whose name says whether there are strata; the others have one form only.
TWO_FORMS = ("miettinen-nurminen", "newcombe")


def risk_difference(
    event: ArrayLike,
    group: ArrayLike,
    *,
    treatment: str | float,
    reference: str | float,
    strata: ArrayLike | pd.DataFrame | None = None,
    count: ArrayLike | None = None,
    method: DifferenceMethod = "miettinen-nurminen",
    weights: Weights = "mh",
    margin: float | None = None,
    alternative: Alternative | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Risk difference p1 - p0, treated minus reference, with its two-sided interval and a test.

    ``miettinen-nurminen``: all differences d with |z(d)| below the normal quantile, z(d) = sum w (p1 - p0 - d) /
    sqrt(sum w^2 V(d)), V(d) = [q1 (1 - q1) / n1 + q0 (1 - q0) / n0] N / (N - 1), and q1, q0 of greatest likelihood with
    q1 - q0 = d in each stratum (Miettinen & Nurminen 1985, Stat Med 4:213). The weights are w =
    n1 n0 / N (Mantel-Haenszel) or, with ``weights="mn"``, the paper's iterated 1 / (V1 / n1 + V0 / n0), V being q (1 -
    q) of the standardised q at d. Neither is the Summary Score interval of SAS (CL=SCORE of
    COMMONRISKDIFF), which combines the intervals of the strata. The estimate is the d where z(d) = 0.

    ``mee`` is the same without strata and without N / (N - 1) (Mee 1984, Biometrics 40:1175). ``newcombe``: p1 - p0
    minus sqrt((p1 - l1)^2 + (u0 - p0)^2) and plus sqrt((u1 - p1)^2 + (p0 - l0)^2), with Wilson's limits l and u
    (Newcombe 1998, Stat Med 17:873, method 10). With strata (Yan & Su 2010, Stat Biopharm Res 2:329), w being
    Mantel-Haenszel weights that sum to 1, the roots are z sqrt(s1 l1 (1 - l1) + s0 u0 (1 - u0)) and z sqrt(s1 u1 (1 -
    u1) + s0 l0 (1 - l0)), s = sum(w^2 / n), and l and u are weighted means of Wilson's limits of the strata at the
    quantile z sqrt(sum w^2 v) / sum(w sqrt v), v = p (1 - p) / n. ``agresti-caffo`` is Wald's interval after adding one
    event and one non-event to each arm (2000, Am Stat 54:280); ``wald`` has the variance sum of p (1 - p) / n.
    ``mantel-haenszel`` is the weighted mean d with Sato's variance [d sum P + sum Q] / (sum w)^2, P = [n1^2 x0 - n0^2
    x1 + n1 n0 (n0 - n1) / 2] / N^2, Q = [x1 (n0 - x0) + x0 (n1 - x1)] / (2 N) (1989, Biometrics 45:1323). Limits stay
    within -1 and 1.

    The test is of d = 0: z(0) of the method where it has one (``wald``, ``mantel-haenszel``: d / standard error;
    ``newcombe``, ``agresti-caffo``: as ``mee``, which is Pearson's chi-square without correction). With ``margin`` it
    is the one-sided Farrington-Manning test of non-inferiority: z(margin) without N / (N - 1) (1990, Stat Med 9:1447).
    The margin is a difference with its sign: -0.1 for a desired event, where the hypothesis to reject is d <= -0.1 and
    the alternative ``greater``; 0.1 for an unwanted event, where it is d >= 0.1 and the alternative ``less``.

    Above 0 the event is more frequent in the treated, be it desired or not. Patients are independent, and with strata
    the difference is taken to be the same in each.

    Misreading: it is in points of probability, not a relative change, and belongs to the follow-up of these patients.
    An interval that contains 0 is not a proof of equality, and non-inferior is not "as good as".

    Parameters
    ----------
    event : array of n
        1 or True for the event, 0 or False for none.
    group : array of n
        Labels of arms; patients of other arms than the two are left out.
    treatment, reference : str or float
        The labels of the two arms.
    strata : array of n labels, or DataFrame of n rows, or None
        The columns of a frame are crossed. A stratum without patients in both arms contributes nothing.
    count : array of n, or None
        How many patients each row stands for; None is one each.
    method : str
        The interval, as above; strata are for ``miettinen-nurminen``, ``newcombe`` and ``mantel-haenszel``.
    weights : str
        ``mh`` or ``mn``, the weights of the strata; ``mn`` is for ``miettinen-nurminen`` with strata.
    margin : float, or None
        Of non-inferiority, between -1 and 1 and not 0; it is then in ``groups["delta"]``.
    alternative : str, or None
        ``two-sided``, ``less`` or ``greater``; None is two-sided, and with a margin the side away from it.
    conf_level : float
        Of the interval, which is two-sided whatever the alternative.

    Returns
    -------
    Estimate
        ``rd.<method>``, for ``miettinen_nurminen`` and ``newcombe`` with ``.unstratified`` or ``.stratified``; unit
        ``probability``; ``n`` and ``events`` of both arms, ``test_statistic`` z and ``p_value``. ``std_error`` where
        the interval is made of one. Status ``not_estimable`` where no stratum has patients in both arms. Where a
        standard error is estimated to be 0 there are no limits, and where nobody or everybody has the event no test.

    Raises
    ------
    InvalidInput
        For events other than 0 and 1, equal arms, missing labels, a wrong choice, or one that the method does not have.
    """
    chosen, level = choice(method, DifferenceMethod, "method"), checked_level(conf_level)
    weighting: Weights = choice(weights, Weights, "weights")
    if strata is not None and chosen not in STRATIFIED:
        raise InvalidInput("the method has no strata", expected=" or ".join(STRATIFIED), found=chosen)
    if weighting == "mn" and (strata is None or chosen != "miettinen-nurminen"):
        raise InvalidInput("weights mn are for stratified miettinen-nurminen", found=f"{chosen}, strata={strata!r:.20}")
    side = _side(margin, alternative)
    found = tables(event, group, treatment=treatment, reference=reference, strata=strata, count=count)
    name = f"rd.{chosen.replace('-', '_')}"
    shared: dict[str, Any] = {
        "analysis": name + f".{_form(strata)}" if chosen in TWO_FORMS else name,
        "unit": "probability",
        "groups": {"treatment": treatment, "reference": reference} | ({} if margin is None else {"delta": margin}),
        "conf_level": level,
        "n": found.n,
        "events": found.events,
        "alternative": side,
        "method": message(
            "proportions_statistics.method.risk_difference",
            strata="" if strata is None else strata_text(found, weighting),
            interval=message(f"proportions_statistics.interval.{chosen}_{_form(strata)}"),
            test=_test_text(chosen, margin, side),
        ),
    }
    if found.empty is not None:
        return Estimate(**shared, status="not_estimable", reason=found.empty)
    estimate, std_error, limits = _interval(found, chosen, weighting, level)
    z = _z(found, chosen, weighting, margin, estimate, std_error)
    reason = message("proportions_statistics.reason.no_test") if z is None else None
    return Estimate(
        **shared,
        estimate=estimate,
        std_error=std_error,
        conf_low=None if limits is None else max(limits[0], -1.0),
        conf_high=None if limits is None else min(limits[1], 1.0),
        test_statistic=z,
        p_value=None if z is None else _p(z, side),
        reason=message("proportions_statistics.reason.no_spread") if limits is None else reason,
    )


def strata_text(found: Tables, weights: Weights) -> Message:
    """The part of ``method`` that names the weights and says how many strata contribute."""
    return message(f"proportions_statistics.strata.{weights}", used=found.used, total=found.strata)


def _form(strata: Any) -> str:
    return "unstratified" if strata is None else "stratified"


def _side(margin: float | None, alternative: Alternative | None) -> Alternative:
    """The alternative of the test, checked against the margin."""
    if alternative is not None:
        choice(alternative, Alternative, "alternative")
    if margin is None:
        return alternative or "two-sided"
    if isinstance(margin, bool) or not isinstance(margin, int | float | np.number) or not 0 < abs(margin) < 1:
        raise InvalidInput(
            "margin is not a margin of non-inferiority",
            expected="a difference between -1 and 1, not 0: below 0 for a desired event, above 0 for an unwanted one",
            found=repr(margin),
        )
    if alternative == "two-sided":
        raise InvalidInput("a margin is tested on one side", expected="less or greater", found="two-sided")
    return alternative or ("greater" if margin < 0 else "less")


def _interval(
    t: Tables, method: str, weights: Weights, level: float
) -> tuple[float, float | None, tuple[float, float] | None]:
    """Estimate, standard error where the method has one, and limits where it has any."""
    z = normal_quantile(level)
    estimate = weighted_difference(t, weights)
    if method in ("miettinen-nurminen", "mee"):
        bias = method == "miettinen-nurminen"
        return estimate, None, difference_limits(t, estimate, z, bias=bias, weights=weights)
    if method == "newcombe":
        return estimate, None, _newcombe(t, estimate, z)
    if method == "agresti-caffo":
        p1, p0 = (t.x1[0] + 1) / (t.n1[0] + 2), (t.x0[0] + 1) / (t.n0[0] + 2)
        error = math.sqrt(p1 * (1 - p1) / (t.n1[0] + 2) + p0 * (1 - p0) / (t.n0[0] + 2))
        return estimate, error, (p1 - p0 - z * error, p1 - p0 + z * error)
    variance = _sato(t, estimate) if method == "mantel-haenszel" else _binomial_variance(t)
    if variance <= 0:
        return estimate, None, None
    error = math.sqrt(variance)
    return estimate, error, (estimate - z * error, estimate + z * error)


def _binomial_variance(t: Tables) -> float:
    p1, p0 = t.x1 / t.n1, t.x0 / t.n0
    return float((p1 * (1 - p1) / t.n1 + p0 * (1 - p0) / t.n0).sum())


def _sato(t: Tables, difference: float) -> float:
    p = (t.n1**2 * t.x0 - t.n0**2 * t.x1 + t.n1 * t.n0 * (t.n0 - t.n1) / 2) / t.total**2
    q = (t.x1 * (t.n0 - t.x0) + t.x0 * (t.n1 - t.x1)) / (2 * t.total)
    return summed(difference * p, q) / float((t.n1 * t.n0 / t.total).sum()) ** 2


def _newcombe(t: Tables, difference: float, z: float) -> tuple[float, float]:
    """Yan and Su's limits; with one stratum they are Newcombe's."""
    w = t.n1 * t.n0 / t.total
    w = w / w.sum()
    (l1, u1), (l0, u0) = (_stratified_wilson(x, n, w, z) for x, n in ((t.x1, t.n1), (t.x0, t.n0)))
    s1, s0 = float((w**2 / t.n1).sum()), float((w**2 / t.n0).sum())
    down = math.sqrt(s1 * l1 * (1 - l1) + s0 * u0 * (1 - u0))
    up = math.sqrt(s1 * u1 * (1 - u1) + s0 * l0 * (1 - l0))
    return difference - z * down, difference + z * up


def _stratified_wilson(x: Any, n: Any, w: Any, z: float) -> tuple[float, float]:
    """Wilson's limits of each stratum at a quantile relaxed so that their weighted mean has the level."""
    spread = x / n * (1 - x / n) / n
    if not spread.any():
        # Nobody, or everybody, has the event in each stratum: the quantile that a common small risk tends to.
        spread = 1 / n
    relaxed = z * math.sqrt(float((w**2 * spread).sum())) / float((w * np.sqrt(spread)).sum())
    low, high = wilson(x, n, relaxed)
    return float(w @ low), min(float(w @ high), 1.0)


def _z(
    t: Tables, method: str, weights: Weights, margin: float | None, estimate: float, std_error: float | None
) -> float | None:
    """The test's statistic, None where it has none."""
    x = t.x1 + t.x0
    if margin is not None:
        return difference_z(t, margin, bias=False, weights=weights)
    if method in ("wald", "mantel-haenszel"):
        return None if std_error is None else estimate / std_error
    if ((x == 0) | (x == t.total)).all():
        return None
    return difference_z(t, 0.0, bias=method == "miettinen-nurminen", weights=weights)


def _p(z: float, side: Alternative) -> float:
    if side == "two-sided":
        return two_sided_p(z)
    return one_sided_p(z if side == "greater" else -z)


def _test_text(method: str, margin: float | None, side: Alternative) -> Message:
    if margin is not None:
        return message(f"proportions_statistics.test.margin_{side}", margin=margin)
    kind = {"miettinen-nurminen": "score_bias", "wald": "normal", "mantel-haenszel": "normal"}.get(method, "score")
    return message(f"proportions_statistics.test.{kind}", side=message(f"proportions_statistics.side.{side}"))
