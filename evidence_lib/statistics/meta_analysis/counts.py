"""Studies with two arms and an event: their effects, and the pooled effect by Mantel and Haenszel or by Peto."""

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
from evidence_lib.statistics.inputs import Flags, Floats, checked_level, choice, numbers, refuse
from evidence_lib.statistics.meta_analysis.heterogeneity import of_q
from evidence_lib.statistics.meta_analysis.inputs import named
from evidence_lib.statistics.meta_analysis.result import MetaAnalysis

Measure = Literal["odds-ratio", "risk-ratio", "risk-difference"]
Method = Literal["mantel-haenszel", "peto"]
Corrected = Literal["zero-cells", "all"]
WithoutEvents = Literal["exclude", "include"]


def study_effects(
    events_treated: ArrayLike,
    n_treated: ArrayLike,
    events_reference: ArrayLike,
    n_reference: ArrayLike,
    *,
    measure: Measure,
    studies: ArrayLike | None = None,
    correction: float = 0.5,
    corrected: Corrected = "zero-cells",
    without_events: WithoutEvents | None = None,
) -> pd.DataFrame:
    """Effect and standard error of each of k studies with counts of an event in two arms, for ``pool``.

    With a of n1 treated and c of n0 with the event: odds ratio a (n0 - c) / (c (n1 - a)), of whose logarithm the
    variance is 1/a + 1/(n1 - a) + 1/c + 1/(n0 - c); risk ratio (a / n1) / (c / n0), 1/a - 1/n1 + 1/c - 1/n0; risk
    difference p1 - p0, p1 (1 - p1) / n1 + p0 (1 - p0) / n0. A study with a zero among its four counts gets the
    correction added to all four (n grows by two of it), as R's metafor (``add = 1/2, to = "only0"``).

    Above 1, or above 0 for the difference, the event is more frequent in the treated.

    Misreading: a correction is made-up data: with rare events it can decide the result. Pool such studies by
    ``pool_counts``, which needs none.

    Parameters
    ----------
    events_treated, n_treated, events_reference, n_reference : arrays of k
        Patients with the event and all patients, of both arms.
    measure : str
        ``odds-ratio``, ``risk-ratio`` or ``risk-difference``.
    studies : array of k labels, or None
        Names of the studies; None numbers them.
    correction : float
        Added to the four counts; 0 for none.
    corrected : str
        Where it is added: in studies with ``zero-cells`` only, or in ``all``.
    without_events : str, or None
        Whether to ``include`` or ``exclude`` studies without any event, or with nothing but events. None excludes them
        for ratios, on which they say nothing, and includes them for the difference. metafor's ``escalc`` includes.

    Returns
    -------
    DataFrame
        A row per study that is included: study, estimate (a ratio or a difference), std_error (of the logarithm for
        ratios), corrected (whether its counts were).

    Raises
    ------
    InvalidInput
        For counts that are not whole, events beyond patients, no patients in an arm, a wrong choice, and a zero count
        that a correction of 0 leaves.
    """
    cells = _cells(events_treated, n_treated, events_reference, n_reference)
    names = named(studies, cells.size)
    kind = choice(measure, Measure, "measure")
    everywhere = choice(corrected, Corrected, "corrected") == "all"
    chosen = without_events or ("include" if kind == "risk-difference" else "exclude")
    kept = ~cells.silent | (choice(chosen, WithoutEvents, "without_events") == "include")
    add = np.where((cells.zero | everywhere) & (_correction(correction) > 0), float(correction), 0.0)
    effect, variance = _effects(cells, kind, add)
    refuse(kept & ~((variance > 0) & np.isfinite(effect)), "correction", "one above 0", "a zero count")
    return pd.DataFrame(
        {
            "study": np.array(names, dtype=object)[kept],
            "estimate": (effect if kind == "risk-difference" else np.exp(effect))[kept],
            "std_error": np.sqrt(variance[kept]),
            "corrected": add[kept] > 0,
        }
    )


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
    cells = _cells(events_treated, n_treated, events_reference, n_reference)
    names, level = named(studies, cells.size), checked_level(conf_level)
    kind, how = choice(measure, Measure, "measure"), choice(method, Method, "method")
    if how == "peto" and (kind != "odds-ratio" or correction is not None):
        raise InvalidInput("Peto's method is for odds ratios, uncorrected", expected="odds-ratio, None", found=kind)
    added = _correction(0.5 if correction is None else correction)
    pooled = _peto(cells) if how == "peto" else _mantel_haenszel(cells, kind)
    if how == "peto":
        effect, variance = _peto_effects(cells)
    else:
        effect, variance = _effects(cells, kind, np.where(cells.zero, added, 0.0))
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
class _Cells:
    """The four counts of each study (k,): with and without the event, treated and reference."""

    a: Floats
    b: Floats
    c: Floats
    d: Floats

    @property
    def size(self) -> int:
        return int(self.a.size)

    @property
    def n1(self) -> Floats:
        return self.a + self.b

    @property
    def n0(self) -> Floats:
        return self.c + self.d

    @property
    def total(self) -> Floats:
        return self.n1 + self.n0

    @property
    def zero(self) -> Flags:
        """Studies with a zero among their counts."""
        return (self.a == 0) | (self.b == 0) | (self.c == 0) | (self.d == 0)

    @property
    def silent(self) -> Flags:
        """Studies without any event, or with nothing but events."""
        return (self.a + self.c == 0) | (self.b + self.d == 0)


@dataclass(frozen=True, eq=False)
class _Pooled:
    """A pooled effect (of a ratio its logarithm), None where there is none, its variance, and shares of the studies."""

    value: float | None
    variance: float
    weights: Floats


def _cells(events_treated: Any, n_treated: Any, events_reference: Any, n_reference: Any) -> _Cells:
    given = {
        "events_treated": events_treated,
        "n_treated": n_treated,
        "events_reference": events_reference,
        "n_reference": n_reference,
    }
    counts = {name: numbers(values, name) for name, values in given.items()}
    sizes = {values.size for values in counts.values()}
    if len(sizes) > 1:
        raise InvalidInput("counts differ in length", expected="one of each per study", found=f"{sorted(sizes)}")
    for name, values in counts.items():
        # A count beyond 2^53 is not exact.
        whole = np.isfinite(values) & (values >= 0) & (values <= 2**53)
        refuse(~(whole & (np.floor(np.where(whole, values, 0.5)) == values)), name, "a whole number", "another value")
    for arm in ("treated", "reference"):
        refuse(counts[f"n_{arm}"] == 0, f"n_{arm}", "patients in each arm of each study", "none")
        refuse(counts[f"events_{arm}"] > counts[f"n_{arm}"], f"events_{arm}", "patients at most", "more than n")
    a, n1, c, n0 = counts.values()
    return _Cells(a, n1 - a, c, n0 - c)


def _correction(value: Any) -> float:
    wrong = isinstance(value, bool) or not isinstance(value, int | float | np.number)
    if wrong or not 0 <= value < math.inf:
        raise InvalidInput("correction is not a number to add", expected="zero or more", found=repr(value))
    return float(value)


def _effects(cells: _Cells, measure: Measure, add: Floats) -> tuple[Floats, Floats]:
    """Effect of each study, of ratios the logarithm, and its variance; not finite or 0 where it cannot be estimated."""
    a, b, c, d = (count + add for count in (cells.a, cells.b, cells.c, cells.d))
    n1, n0 = a + b, c + d
    with np.errstate(divide="ignore", invalid="ignore"):
        if measure == "odds-ratio":
            return np.log(a) + np.log(d) - np.log(b) - np.log(c), 1 / a + 1 / b + 1 / c + 1 / d
        if measure == "risk-ratio":
            return np.log(a) - np.log(n1) - np.log(c) + np.log(n0), b / (a * n1) + d / (c * n0)
        return a / n1 - c / n0, a * b / n1**3 + c * d / n0**3


def _peto_effects(cells: _Cells) -> tuple[Floats, Floats]:
    above, variance = _hypergeometric(cells)
    with np.errstate(divide="ignore", invalid="ignore"):
        return above / variance, 1 / variance


def _hypergeometric(cells: _Cells) -> tuple[Floats, Floats]:
    """Treated events less those expected with all four margins given, and their variance."""
    events, others, n = cells.a + cells.c, cells.b + cells.d, cells.total
    expected = cells.n1 / n * events
    return cells.a - expected, cells.n1 / n * (cells.n0 / n) * events * (others / (n - 1))


def _peto(cells: _Cells) -> _Pooled:
    above, variance = _hypergeometric(cells)
    information = float(variance.sum())
    if information == 0:
        return _Pooled(None, 0.0, np.zeros(cells.size))
    return _Pooled(float(above.sum()) / information, 1 / information, variance / information)


def _mantel_haenszel(cells: _Cells, measure: Measure) -> _Pooled:
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


def _pooled(cells: _Cells, measure: Measure, method: Method, pooled: _Pooled, level: float) -> Estimate:
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
