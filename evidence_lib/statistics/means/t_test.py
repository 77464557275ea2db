"""The difference of two means, by Student's t."""

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
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import t_quantile, t_two_sided_p
from evidence_lib.statistics.inputs import Floats, checked_level, choice, labelled, refuse
from evidence_lib.statistics.means.inputs import ROUNDING, UNIT, Outcome, measured, pair, two_arms
from evidence_lib.statistics.not_estimable import NotEstimable

Variance = Literal["welch", "pooled"]


def t_test(
    outcome: ArrayLike,
    group: ArrayLike,
    *,
    treatment: Hashable,
    reference: Hashable,
    variance: Variance | None = None,
    pairs: ArrayLike | None = None,
    conf_level: float = 0.95,
) -> Estimate:
    """Difference of two means, treated minus reference, with its t interval and test.

    ``welch``: standard error sqrt(s1^2 / n1 + s0^2 / n0) with (s1^2 / n1 + s0^2 / n0)^2 / [(s1^2 / n1)^2 / (n1 - 1) +
    (s0^2 / n0)^2 / (n0 - 1)] degrees of freedom (Welch 1938, Biometrika 29:350; Satterthwaite 1946). ``pooled``:
    s sqrt(1 / n1 + 1 / n0) with n1 + n0 - 2, where the arms have one variance (Student 1908, Biometrika 6:1). With
    ``pairs`` the mean of the differences d within pairs, standard error s(d) / sqrt(pairs), pairs - 1 degrees of
    freedom. The interval is the difference -+ t times the standard error. As R's ``t.test``.

    Assumes independent patients (pairs), and means that are nearly normal: outcomes without gross outliers, or many
    patients. The median of the outcome plays no part.

    Misreading: it is a difference of means, not of typical patients; a p-value above 0.05 is not a proof of equal
    means, and the interval says which differences the data leave open.

    Parameters
    ----------
    outcome : array of n
        Numbers in any unit; the difference is in the same.
    group : array of n
        Arm labels; patients of other arms than the two are left out.
    treatment, reference : label
        The two arms compared.
    variance : str, or None
        ``welch`` (None without pairs) or ``pooled``; pairs have one variance and take neither.
    pairs : array of n labels, or None
        Which outcomes belong together, such as the patient in a crossover: each label once in each arm.
    conf_level : float
        Of the interval.

    Returns
    -------
    Estimate
        ``t_test.difference.welch``, ``.pooled`` or ``.paired``; unit ``outcome``; ``n`` patients of both arms (outcomes
        of both in pairs), ``test_statistic`` t with ``df`` and two-sided ``p_value``. Status ``not_estimable`` where an
        arm has no patients. Where patients are too few for a variance, or do not vary, there is the difference only.

    Raises
    ------
    InvalidInput
        For a missing outcome, label or pair, equal arms, a pair that is not complete, or a wrong choice.
    """
    data, level = measured(outcome), checked_level(conf_level)
    treated, control = two_arms(group, data.values.size, treatment=treatment, reference=reference)
    if pairs is not None and variance is not None:
        raise InvalidInput("pairs take no variance", expected="variance or pairs", found=repr(variance))
    kind = "paired" if pairs is not None else choice("welch" if variance is None else variance, Variance, "variance")
    shared: dict[str, Any] = {
        "analysis": f"t_test.difference.{kind}",
        "unit": UNIT,
        "groups": pair(treatment, reference),
        "n": int(treated.sum() + control.sum()),
        "conf_level": level,
        "method": message(f"means_statistics.method.t_test.{kind}"),
    }
    for arm, label in ((treated, treatment), (control, reference)):
        if not arm.any():
            reason = message("means_statistics.reason.no_patients_in", arm=str(label))
            return Estimate(**shared, status="not_estimable", reason=reason)
    if pairs is not None:
        values, within = _pairs(data, treated, control, pairs)
        found = _paired(values, float(np.abs(within).max()))
    else:
        found = _two_samples(data.values[treated], data.values[control], kind)
    try:
        return Estimate(**shared, **_fields(found, data, level))
    except NotEstimable as gap:
        return Estimate(**shared, status="not_estimable", reason=gap.reason)


@dataclass(frozen=True)
class _Difference:
    """A difference of means with its standard error and degrees of freedom, or why it has none."""

    estimate: float
    std_error: float | None
    df: float
    reason: Message | None


def _fields(found: _Difference, data: Outcome, level: float) -> dict[str, Any]:
    estimate, error = found.estimate, found.std_error
    if error is None:
        return {"estimate": data.back(estimate), "reason": found.reason}
    half = t_quantile(level, found.df) * error
    return {
        "estimate": data.back(estimate),
        "std_error": data.back(error),
        "conf_low": data.back(estimate - half),
        "conf_high": data.back(estimate + half),
        "test_statistic": estimate / error,
        "df": found.df,
        "p_value": t_two_sided_p(estimate / error, found.df),
    }


def _two_samples(treated: Floats, control: Floats, kind: str) -> _Difference:
    n1, n0 = treated.size, control.size
    m1, m0 = float(treated.mean()), float(control.mean())
    difference, size = m1 - m0, max(abs(m1), abs(m0))
    if (n1 + n0 < 3) if kind == "pooled" else (min(n1, n0) < 2):
        return _Difference(difference, None, 0, message("means_statistics.reason.no_variance"))
    ss1, ss0 = float(((treated - m1) ** 2).sum()), float(((control - m0) ** 2).sum())
    if kind == "pooled":
        df: float = n1 + n0 - 2
        variance = (ss1 + ss0) / df * (1 / n1 + 1 / n0)
    else:
        v1, v0 = ss1 / (n1 - 1) / n1, ss0 / (n0 - 1) / n0
        variance = v1 + v0
        # Shares of the variance, whose squares cannot underflow together.
        share = v1 / variance if variance > 0 else 0.5
        df = 1 / (share**2 / (n1 - 1) + (1 - share) ** 2 / (n0 - 1))
    return _difference(difference, math.sqrt(variance), df, size)


def _paired(differences: Floats, size: float) -> _Difference:
    n, mean = differences.size, float(differences.mean())
    if n < 2:
        return _Difference(mean, None, 0, message("means_statistics.reason.no_variance"))
    variance = float(((differences - mean) ** 2).sum()) / (n - 1) / n
    return _difference(mean, math.sqrt(variance), n - 1, size)


def _difference(estimate: float, error: float, df: float, size: float) -> _Difference:
    if error <= ROUNDING * size:
        return _Difference(estimate, None, df, message("means_statistics.reason.constant_outcome"))
    return _Difference(estimate, error, df, None)


def _pairs(data: Outcome, treated: Any, control: Any, pairs: ArrayLike) -> tuple[Floats, Floats]:
    """The difference within each pair, and the outcomes of both arms. Raises InvalidInput for an incomplete pair."""
    labels = labelled(pairs, "pairs", data.values.size)
    codes, names = pd.factorize(labels)
    count = [np.bincount(codes[arm], minlength=len(names)) for arm in (treated, control)]
    wrong = (treated | control) & ((count[0] != 1) | (count[1] != 1))[codes]
    refuse(wrong, "pairs", "each pair once in each arm", "a pair that is incomplete, or more than one")
    both = np.zeros((2, len(names)))
    for row, arm in zip(both, (treated, control), strict=True):
        row[codes[arm]] = data.values[arm]
    used = count[0] == 1
    return (both[0] - both[1])[used], both[:, used]
