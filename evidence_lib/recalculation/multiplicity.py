"""Independent recalculation of adjusted p-values: every intersection of hypotheses tested, as closed testing has it.

A hypothesis is rejected where every intersection that holds it is; its adjusted p-value is the largest among them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable
from importlib.metadata import version
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd

from evidence_lib.results import Estimate, Estimates

SOURCE: dict[str, str] = {
    "adjust": "closed testing over all intersections; Hochberg by statsmodels "
    f"{version('statsmodels')} multipletests; Dunnett by nested adaptive quadrature",
    "graphical": "closed testing over all intersections, weights from the graph with the other hypotheses taken out",
}
TOLERANCE: dict[str, float] = {"adjust": 1e-6, "graphical": 1e-6}

Members = tuple[int, ...]


def adjust(
    hypotheses: pd.DataFrame,
    *,
    method: str,
    alpha: float = 0.05,
    alternative: str = "two-sided",
    n_reference: int | None = None,
    unit: str | None = None,
    scale: str = "identity",
) -> Estimates:
    """Twin of the adjusted p-values of ``statistics.multiplicity.adjust``."""
    if method.startswith("dunnett"):
        return _dunnett(hypotheses, method, alternative, int(n_reference or 0))
    p = _p_values(hypotheses)
    if method == "hochberg":
        from statsmodels.stats.multitest import multipletests

        adjusted = list(multipletests(p, alpha=alpha, method="simes-hochberg")[1])
        return _estimates(hypotheses, method, adjusted, alternative)
    m = len(p)
    local: dict[str, Callable[[Members], float]] = {
        "bonferroni": lambda members: m * min(p[i] for i in members),
        "holm": lambda members: len(members) * min(p[i] for i in members),
        "fixed-sequence": lambda members: p[min(members)],
    }
    return _estimates(hypotheses, method, _closed(m, local[method]), alternative)


def graphical(
    hypotheses: pd.DataFrame,
    *,
    weights: Any,
    transitions: Any,
    alpha: float = 0.05,
    alternative: str = "two-sided",
    unit: str | None = None,
    scale: str = "identity",
) -> Estimates:
    """Twin of the adjusted p-values of ``statistics.multiplicity.graphical``."""
    p = _p_values(hypotheses)
    w, g = [float(value) for value in weights], np.asarray(transitions, dtype=float)

    def local(members: Members) -> float:
        share = _without(w, g, [i for i in range(len(p)) if i not in members])
        return min((p[i] / share[i] for i in members if share[i] > 0), default=1.0)

    return _estimates(hypotheses, "graphical", _closed(len(p), local), alternative)


def _without(weights: list[float], graph: np.ndarray, gone: Iterable[int]) -> dict[int, float]:
    """The weights after some hypotheses have been taken out, one by one, in any order."""
    w = dict(enumerate(weights))
    g = {(i, j): float(graph[i, j]) for i in w for j in w}
    for out in gone:
        rest = [i for i in w if i != out]
        w = {i: w[i] + w[out] * g[out, i] for i in rest}
        new = {}
        for i in rest:
            for j in rest:
                loop = g[i, out] * g[out, i]
                new[i, j] = 0.0 if i == j or loop >= 1 - 1e-9 else (g[i, j] + g[i, out] * g[out, j]) / (1 - loop)
        g = new
    return w


def _closed(m: int, local: Callable[[Members], float]) -> list[float]:
    adjusted = [0.0] * m
    for size in range(1, m + 1):
        for members in combinations(range(m), size):
            p = min(local(members), 1.0)
            for i in members:
                adjusted[i] = max(adjusted[i], p)
    return adjusted


def _dunnett(hypotheses: pd.DataFrame, method: str, alternative: str, n_reference: int) -> Estimates:
    sizes = [float(n) for n in hypotheses["n"]]
    null = hypotheses["null"].fillna(0.0) if "null" in hypotheses else 0.0
    t = [float(value) for value in (hypotheses["estimate"] - null) / hypotheses["std_error"]]
    df = float(hypotheses["df"].iloc[0]) if "df" in hypotheses else math.inf
    df = math.inf if math.isnan(df) else df
    two_sided = alternative == "two-sided"
    signed = [abs(v) if two_sided else v if alternative == "greater" else -v for v in t]
    usable = [-math.inf if math.isnan(v) else v for v in signed]

    def tail(members: Members) -> float:
        largest = max(usable[i] for i in members)
        return _beyond(largest, [sizes[i] / (sizes[i] + n_reference) for i in members], df, two_sided)

    everyone = tuple(range(len(t)))
    if method == "dunnett":
        shares = [size / (size + n_reference) for size in sizes]
        adjusted = [_beyond(value, shares, df, two_sided) for value in usable]
    else:
        adjusted = _closed(len(everyone), tail)
    missing = hypotheses.assign(p_value=[math.nan if math.isnan(v) else 0.5 for v in signed])
    return _estimates(missing, method, adjusted, alternative)


def _beyond(largest: float, shares: list[float], df: float, two_sided: bool) -> float:
    from scipy import integrate
    from scipy.special import ndtr
    from scipy.stats import chi2

    if largest == -math.inf:
        return 1.0

    def inside(s: float) -> float:
        def given(z: float) -> float:
            product = math.exp(-(z**2) / 2) / math.sqrt(2 * math.pi)
            for share in shares:
                upper = ndtr((largest * s - math.sqrt(share) * z) / math.sqrt(1 - share))
                lower = ndtr((-largest * s - math.sqrt(share) * z) / math.sqrt(1 - share)) if two_sided else 0.0
                product *= upper - lower
            return float(product)

        return float(integrate.quad(given, -8.5, 8.5, epsabs=1e-10, epsrel=1e-9, limit=200)[0])

    if math.isinf(df):
        return 1 - inside(1.0)
    # Uniform quantiles of the chi-square distribution spread the outer integral over (0, 1).
    nodes, weights = np.polynomial.legendre.leggauss(60)
    u = (nodes + 1) / 2
    u, weights = u**2 * (3 - 2 * u), weights / 2 * 6 * u * (1 - u)
    return 1 - float(sum(w * inside(math.sqrt(chi2.ppf(x, df) / df)) for x, w in zip(u, weights, strict=True)))


def _p_values(hypotheses: pd.DataFrame) -> list[float]:
    return [1.0 if pd.isna(p) else float(p) for p in hypotheses["p_value"]]


def _estimates(hypotheses: pd.DataFrame, method: str, adjusted: list[float], alternative: str) -> Estimates:
    source = SOURCE["graphical" if method == "graphical" else "adjust"]
    found = []
    for name, given, value in zip(hypotheses["hypothesis"], hypotheses["p_value"], adjusted, strict=True):
        shared: dict[str, Any] = {
            "analysis": f"multiplicity.{method.replace('-', '_')}",
            "unit": "probability",
            "groups": {"hypothesis": str(name)},
            "method": source,
            "is_test": True,
            "alternative": alternative,
            "p_kind": "confirmatory",
        }
        if pd.isna(given):
            reason = "not estimable by the second route either"
            found.append(Estimate(**shared, status="not_estimable", reason=reason))
        else:
            found.append(Estimate(**shared, p_value=min(value, 1.0)))
    return Estimates(tuple(found))
