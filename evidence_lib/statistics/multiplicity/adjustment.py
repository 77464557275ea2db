"""Adjusted p-values and simultaneous intervals of one family of hypotheses."""

from __future__ import annotations

from dataclasses import replace
from typing import Literal, get_args

import numpy as np
import pandas as pd

from evidence_lib.errors import InvalidInput
from evidence_lib.language import Message, message
from evidence_lib.statistics.inputs import Floats, numbers, refuse
from evidence_lib.statistics.multiplicity.dunnett import beyond, quantile
from evidence_lib.statistics.multiplicity.result import (
    Alternative,
    Multiplicity,
    bounds,
    checked_hypotheses,
    decided,
    one_or_both_sides,
    stepwise_bounds,
)

Procedure = Literal["bonferroni", "holm", "hochberg", "fixed-sequence", "dunnett", "dunnett-step-down"]


def adjust(
    hypotheses: pd.DataFrame,
    *,
    method: Procedure,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
    n_reference: int | None = None,
    unit: str | None = None,
    scale: Literal["identity", "log"] = "identity",
) -> Multiplicity:
    """Adjusted p-values: reject where they are at most alpha, and any false rejection has a chance of at most alpha.

    With m hypotheses and p(1) <= ... <= p(m):

    - ``bonferroni``: m p.
    - ``holm``: max over j <= i of (m - j + 1) p(j) (Holm 1979, Scand J Stat 6:65).
    - ``hochberg``: min over j >= i of (m - j + 1) p(j) (1988, Biometrika 75:800); the tests must be independent or
      positively dependent.
    - ``fixed-sequence``: the largest p-value so far, in the order of the rows (Maurer et al. 1995).
    - ``dunnett``: the chance that the largest of the m comparisons with one control exceeds the one seen (Dunnett
      1955, J Am Stat Assoc 50:1096), normal with one variance; ``dunnett-step-down`` the same among those not yet
      rejected (Dunnett & Tamhane 1991, Stat Med 10:939).

    Simultaneous intervals, where estimates are given: Bonferroni's and Dunnett's single-step limits; for Holm and the
    fixed sequence with a one-sided alternative the compatible limits of Strassburger & Bretz (2008, Stat Med 27:4914),
    which say of a rejected hypothesis only that it is beyond its null value while another stands. For Hochberg, the
    step-down Dunnett, and step-wise two-sided tests no simple compatible interval is known, and the reason says so.

    Misreading: a hypothesis that is not rejected is not shown to be true, and an adjusted p-value belongs to its family
    and procedure: chosen after seeing the data it protects from nothing.

    Parameters
    ----------
    hypotheses : DataFrame
        One row per hypothesis: ``hypothesis`` (its name) and ``p_value`` (missing where it could not be tested: it
        cannot be rejected, counts among the m, and ends a fixed sequence). For intervals and Dunnett ``estimate`` and
        ``std_error``, on the log scale for ratios, and optionally ``df`` (Student's t; missing is normal) and ``null``
        (the value tested against, 0). For Dunnett ``n``, patients of the treated arm; its ``p_value`` is not used.
    method : {"bonferroni", "holm", "hochberg", "fixed-sequence", "dunnett", "dunnett-step-down"}
        The procedure, declared before the data are seen.
    alpha : float
        The familywise error, in the same sense, one- or two-sided, as the p-values.
    alternative : {"two-sided", "less", "greater"}
        Of the tests; it decides the side of the intervals and of Dunnett's test.
    n_reference : int, optional
        Patients of the control arm, for Dunnett.
    unit : str, optional
        Of the estimates, where they are given.
    scale : {"identity", "log"}
        ``log`` where estimates are logarithms of ratios: estimates and limits come back as ratios.

    Returns
    -------
    Multiplicity
        The decisions, with confirmatory adjusted p-values ``multiplicity.<method>`` and simultaneous intervals
        ``multiplicity.interval.<method>``. A hypothesis without p-value is ``not_estimable``.

    Raises
    ------
    InvalidInput
        For missing columns, names that stand twice, p-values outside 0 to 1, standard errors that are not above 0, a
        wrong choice, and for Dunnett without sizes or with different df.
    """
    if method not in get_args(Procedure):
        raise InvalidInput("unknown method", expected=" or ".join(get_args(Procedure)), found=repr(method))
    if method.startswith("dunnett"):
        return _dunnett(
            hypotheses, method, alpha=alpha, alternative=alternative, n_reference=n_reference, unit=unit, scale=scale
        )
    if n_reference is not None:
        raise InvalidInput("n_reference belongs to Dunnett's test", where=method, found=repr(n_reference))
    family = checked_hypotheses(hypotheses, alpha=alpha, alternative=alternative, unit=unit, scale=scale)
    m = len(family.names)
    words = message(f"multiplicity_statistics.method.{method}", m=m)
    name = method.replace("-", "_")
    if method == "bonferroni":
        equal = np.full(m, family.alpha / m)
        adjusted = np.minimum(m * family.p_or_one, 1)
        return decided(family, name, adjusted, words, limits=bounds(family, equal), why_none=None)
    if method == "hochberg":
        why = message("multiplicity_statistics.reason.no_interval_hochberg")
        return decided(family, name, _hochberg(family.p_or_one), words, limits=None, why_none=why)
    adjusted = _holm(family.p_or_one) if method == "holm" else np.maximum.accumulate(family.p_or_one)
    order = list(range(m)) if method == "fixed-sequence" else None
    if alternative == "two-sided":
        why = message("multiplicity_statistics.reason.no_interval_two_sided")
        return decided(family, name, adjusted, words, limits=None, why_none=why, order=order)
    rejected = ~np.isnan(family.p_value) & (adjusted <= family.alpha)
    limits = stepwise_bounds(family, rejected, *_levels(method, rejected, family.alpha))
    return decided(family, name, adjusted, words, limits=limits, why_none=None, order=order)


def _holm(p: Floats) -> Floats:
    order = np.argsort(p, kind="stable")
    steps = np.maximum.accumulate((p.size - np.arange(p.size)) * p[order])
    out = np.empty_like(p)
    out[order] = np.minimum(steps, 1)
    return out


def _hochberg(p: Floats) -> Floats:
    order = np.argsort(p, kind="stable")
    steps = np.minimum.accumulate(((p.size - np.arange(p.size)) * p[order])[::-1])[::-1]
    out = np.empty_like(p)
    out[order] = np.minimum(steps, 1)
    return out


def _levels(method: str, rejected: np.ndarray, alpha: float) -> tuple[Floats, Floats]:
    """The levels of the hypotheses that stand, and those at the beginning."""
    m = rejected.size
    if method == "holm":
        standing = max(int((~rejected).sum()), 1)
        return np.where(rejected, 0.0, alpha / standing), np.full(m, alpha / m)
    left = np.zeros(m)
    if not rejected.all():
        left[int(np.flatnonzero(~rejected)[0])] = alpha
    first = np.zeros(m)
    first[-1] = alpha
    return left, first


def _dunnett(
    hypotheses: pd.DataFrame,
    method: str,
    *,
    alpha: float,
    alternative: Alternative,
    n_reference: int | None,
    unit: str | None,
    scale: Literal["identity", "log"],
) -> Multiplicity:
    family = checked_hypotheses(
        hypotheses, alpha=alpha, alternative=alternative, unit=unit, scale=scale, p_needed=False
    )
    if not family.has_estimates or "n" not in hypotheses or n_reference is None:
        raise InvalidInput(
            "Dunnett's test needs estimates and the sizes of the arms",
            expected="columns estimate, std_error and n, with unit and n_reference",
        )
    n = numbers(hypotheses["n"], "n")
    refuse(~((n > 0) & np.isfinite(n)), "n", "patients of the arm, above 0", "another value")
    if (
        isinstance(n_reference, bool)
        or not isinstance(n_reference, int | float | np.number)
        or not 0 < n_reference < np.inf
    ):
        raise InvalidInput("n_reference cannot be used", expected="above 0", found=repr(n_reference))
    if np.unique(family.df).size > 1:
        raise InvalidInput("Dunnett's test has one df", where="df", expected="the same in every row")
    df, share, two_sided = float(family.df[0]), n / (n + n_reference), alternative == "two-sided"
    known = ~np.isnan(family.estimate) & ~np.isnan(family.std_error)
    with np.errstate(invalid="ignore"):
        t = (family.estimate - family.null) / family.std_error
    signed = np.where(known, np.abs(t) if two_sided else t if alternative == "greater" else -t, -np.inf)
    name, words = method.replace("-", "_"), _dunnett_words(method, df)
    own = np.array([beyond(value, share[i : i + 1], df, two_sided=two_sided) for i, value in enumerate(signed)])
    family = replace(family, p_value=np.where(known, own, np.nan))
    if method == "dunnett":
        adjusted = np.array([beyond(value, share, df, two_sided=two_sided) for value in signed])
        critical = quantile(family.alpha, share, df, two_sided=two_sided)
        limits = one_or_both_sides(family, critical * family.std_error)
        return decided(family, name, adjusted, words, limits=limits, why_none=None)
    adjusted, so_far = np.ones(signed.size), 0.0
    order = np.argsort(-signed, kind="stable")
    for position, i in enumerate(order):
        so_far = max(so_far, beyond(signed[i], share[order[position:]], df, two_sided=two_sided))
        adjusted[i] = so_far
    why = message("multiplicity_statistics.reason.no_interval_step_down")
    return decided(family, name, adjusted, words, limits=None, why_none=why, order=[int(i) for i in order])


def _dunnett_words(method: str, df: float) -> Message:
    law = (
        message("multiplicity_statistics.part.normal")
        if np.isinf(df)
        else message("multiplicity_statistics.part.t", df=int(df) if float(df).is_integer() else df)
    )
    return message(f"multiplicity_statistics.method.{method}", law=law)
