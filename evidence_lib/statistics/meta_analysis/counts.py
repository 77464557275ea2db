"""The pooled effect of studies with two arms and an event, by Mantel and Haenszel or by Peto."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate
from evidence_lib.statistics.distributions import normal_quantile, two_sided_p
from evidence_lib.statistics.inputs import Flags, Floats, checked_level, choice
from evidence_lib.statistics.meta_analysis.effects import Cells, Measure, checked_cells, checked_correction, effects
from evidence_lib.statistics.meta_analysis.heterogeneity import of_q
from evidence_lib.statistics.meta_analysis.inputs import named
from evidence_lib.statistics.meta_analysis.result import MetaAnalysis

Method = Literal["mantel-haenszel", "peto"]


def pool_counts(
    events_treated: ArrayLike,
    n_treated: ArrayLike,
    events_reference: ArrayLike,
    n_reference: ArrayLike,
    *,
    measure: Measure,
    method: Method = "mantel-haenszel",
    studies: ArrayLike | None = None,
    correction: float | None = None,
    conf_level: float = 0.95,
) -> MetaAnalysis:
    """Pooled effect of k studies with counts of an event in two arms, without any correction of zeros.

    With a of n1 treated and c of n0 with the event, b = n1 - a, d = n0 - c, N = n1 + n0. ``mantel-haenszel``: odds
    ratio R / S = sum (a d / N) / sum (b c / N), variance of its logarithm [sum P R / R^2 + sum (P S + Q R) / (R S) +
    sum Q S / S^2] / 2 with P = (a + d) / N, Q = (b + c) / N (Robins, Breslow & Greenland 1986, Biometrics 42:311); risk
    ratio R / S = sum (a n0 / N) / sum (c n1 / N), sum (n1 n0 (a + c) / N^2 - a c / N) / (R S) (Greenland & Robins 1985,
    Biometrics 41:55); risk difference sum w (a / n1 - c / n0) / sum w with w = n1 n0 / N and the variance of Sato
    (1989, Biometrics 45:1323). ``peto``: logarithm of the odds ratio sum (a - E) / sum V, E = n1 (a + c) / N and V =
    n1 n0 (a + c) (b + d) / (N^2 (N - 1)), variance 1 / sum V (Yusuf et al. 1985, Prog Cardiovasc Dis 27:335). Normal
    intervals. As R's ``rma.mh`` and ``rma.peto``.

    Q = sum (y - pooled)^2 / v, over the effects of the single studies (those of ``study_effects`` with the correction,
    or Peto's own), chi-square with their number less 1; I2 and H2 come from Q. A study without any event, or with
    nothing but events, has no part in it, and in the pooled effect only that of the difference.

    Assumes one effect in all studies. Peto's odds ratio is biased where the effect is large or the arms are unequal.

    Misreading: an odds ratio is not a risk ratio unless the event is rare.

    Parameters
    ----------
    events_treated, n_treated, events_reference, n_reference : arrays of k
        Patients with the event and all patients, of both arms.
    measure : str
        ``odds-ratio``, ``risk-ratio`` or ``risk-difference``; Peto has the first only.
    method : str
        ``mantel-haenszel`` or ``peto``.
    studies : array of k labels, or None
        Names of the studies; None numbers them.
    correction : float, or None
        Added to the four counts of a study with a zero among them, for its own effect and Q, not for the pooled one;
        None is 0.5, and Peto takes none.
    conf_level : float
        Of all intervals.

    Returns
    -------
    MetaAnalysis
        ``effect`` is ``meta.effect.mantel_haenszel.odds_ratio`` (``.risk_ratio``, ``.risk_difference``) or
        ``meta.effect.peto.odds_ratio``, with ``n`` patients and ``events``; ``prediction`` and ``tau_squared`` are
        None. In ``studies`` a study whose effect cannot be estimated has NaN. Status ``not_estimable`` where the events
        of all studies say nothing about a ratio, or give it no limit.

    Raises
    ------
    InvalidInput
        For counts that are not whole, events beyond patients, no patients in an arm, repeated names, or a wrong choice.
    """
    cells = checked_cells(events_treated, n_treated, events_reference, n_reference)
    names, level = named(studies, cells.size), checked_level(conf_level)
    kind, how = choice(measure, Measure, "measure"), choice(method, Method, "method")
    if how == "peto" and (kind != "odds-ratio" or correction is not None):
        raise InvalidInput("Peto's method is for odds ratios, uncorrected", expected="odds-ratio, None", found=kind)
    added = checked_correction(0.5 if correction is None else correction)
    pooled = _peto(cells) if how == "peto" else _mantel_haenszel(cells, kind)
    if how == "peto":
        effect, variance = _peto_effects(cells)
    else:
        effect, variance = effects(cells, kind, np.where(cells.zero, added, 0.0))
    usable = ~cells.silent & np.isfinite(effect) & (variance > 0)
    estimate = _pooled(cells, kind, how, pooled, level)
    q = 0.0 if pooled.value is None else float(((effect - pooled.value)[usable] ** 2 / variance[usable]).sum())
    df = int(usable.sum()) - 1
    empty = message("meta_statistics.reason.no_df") if df < 1 or pooled.value is None else None
    found = of_q(q, df, {"model": how}, empty)
    return MetaAnalysis(
        effect=estimate,
        prediction=None,
        tau_squared=None,
        i_squared=found.i_squared,
        h_squared=found.h_squared,
        heterogeneity=found.test,
        studies=_table(names, kind, effect, variance, usable, pooled.weights, level),
    )


@dataclass(frozen=True, eq=False)
class _Pooled:
    """A pooled effect (of a ratio its logarithm), None where there is none, its variance, and shares of the studies."""

    value: float | None
    variance: float
    weights: Floats


def _peto_effects(cells: Cells) -> tuple[Floats, Floats]:
    above, variance = _hypergeometric(cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        return above / variance, 1 / variance


def _hypergeometric(cells: Cells) -> tuple[Floats, Floats]:
    """Treated events less those expected with all four margins given, and their variance."""
    events, others, n = cells.a + cells.c, cells.b + cells.d, cells.total
    expected = cells.n1 / n * events
    return cells.a - expected, cells.n1 / n * (cells.n0 / n) * events * (others / (n - 1))


def _peto(cells: Cells) -> _Pooled:
    above, variance = _hypergeometric(cells)
    information = float(variance.sum())
    if information == 0:
        return _Pooled(None, 0.0, np.zeros(cells.size))
    return _Pooled(float(above.sum()) / information, 1 / information, variance / information)


def _mantel_haenszel(cells: Cells, measure: Measure) -> _Pooled:
    a, b, c, d, n1, n0, n = cells.a, cells.b, cells.c, cells.d, cells.n1, cells.n0, cells.total
    if measure == "risk-difference":
        w = n1 / n * n0
        if not w.size:
            return _Pooled(None, 0.0, w)
        value = float((a * (n0 / n) - c * (n1 / n)).sum() / w.sum())
        p = c * (n1 / n) ** 2 - a * (n0 / n) ** 2 + (n1 / n) * (n0 / n) * (n0 - n1) / 2
        q = (a / n * d + c / n * b) / 2
        return _Pooled(value, max(0.0, float(value * p.sum() + q.sum()) / float(w.sum()) ** 2), w / w.sum())
    r, s = (a / n * d, b / n * c) if measure == "odds-ratio" else (a * (n0 / n), c * (n1 / n))
    up, down = float(r.sum()), float(s.sum())
    if up == 0 or down == 0:
        return _Pooled(None, 0.0, np.zeros(cells.size))
    if measure == "odds-ratio":
        p, q = (a + d) / n, (b + c) / n
        parts = (p * r).sum() / up**2, (p * s + q * r).sum() / (up * down), (q * s).sum() / down**2
        variance = float(sum(parts)) / 2
    else:
        variance = float((n1 / n * (n0 / n) * (a + c) - a / n * c).sum()) / (up * down)
    return _Pooled(math.log(up / down), max(0.0, variance), s / down)


def _pooled(cells: Cells, measure: Measure, method: Method, pooled: _Pooled, level: float) -> Estimate:
    ratio = measure != "risk-difference"
    shared: dict[str, Any] = {
        "analysis": f"meta.effect.{method.replace('-', '_')}.{measure.replace('-', '_')}",
        "unit": "ratio" if ratio else "probability",
        "scale": "log" if ratio else "identity",
        "groups": {"model": method},
        "n": int(cells.total.sum()),
        "events": int((cells.a + cells.c).sum()),
        "conf_level": level,
        "method": message(f"meta_statistics.method.counts.{method}", number=cells.size),
    }
    if cells.size == 0:
        return Estimate(**shared, status="not_estimable", reason=message("meta_statistics.reason.no_studies"))
    if pooled.value is None:
        return Estimate(**shared, status="not_estimable", reason=message("meta_statistics.reason.no_ratio"))
    show = math.exp if ratio else float
    error = math.sqrt(pooled.variance)
    # A variance of 0 that rounding has left something of.
    if error < 1e-9 / math.sqrt(shared["n"]):
        return Estimate(**shared, estimate=show(pooled.value), reason=message("meta_statistics.reason.no_spread"))
    half = normal_quantile(level) * error
    return Estimate(
        **shared,
        estimate=show(pooled.value),
        std_error=error,
        conf_low=show(pooled.value - half),
        conf_high=show(pooled.value + half),
        test_statistic=pooled.value / error,
        p_value=two_sided_p(pooled.value / error),
    )


def _table(
    names: tuple[str, ...],
    measure: Measure,
    effect: Floats,
    variance: Floats,
    usable: Flags,
    weights: Floats,
    level: float,
) -> pd.DataFrame:
    show = (lambda values: values) if measure == "risk-difference" else np.exp
    y, se = np.where(usable, effect, np.nan), np.sqrt(np.where(usable, variance, np.nan))
    half = normal_quantile(level) * se
    return pd.DataFrame(
        {
            "study": names,
            "estimate": show(y),
            "std_error": se,
            "conf_low": show(y - half),
            "conf_high": show(y + half),
            "weight": weights,
        }
    )
