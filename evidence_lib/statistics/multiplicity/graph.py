"""Sequentially rejective graphical procedures."""

from __future__ import annotations

from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.statistics.inputs import Floats, numbers, refuse
from evidence_lib.statistics.multiplicity.result import (
    Alternative,
    Multiplicity,
    checked_hypotheses,
    decided,
    stepwise_bounds,
)

# Weights are written as 1/3 and the like: their sum may pass 1 by rounding.
ROUNDING = 1e-9


def graphical(
    hypotheses: pd.DataFrame,
    *,
    weights: ArrayLike,
    transitions: ArrayLike | pd.DataFrame,
    alpha: float = 0.05,
    alternative: Alternative = "two-sided",
    unit: str | None = None,
    scale: Literal["identity", "log"] = "identity",
) -> Multiplicity:
    """Graphical procedure: alpha is split by weights, and handed on along the graph when a hypothesis is rejected.

    Bretz, Maurer, Brannath & Posch (2009, Stat Med 28:586). A hypothesis i with p_i <= w_i alpha is rejected; then
    w_l becomes w_l + w_i g_il, and g_lk becomes (g_lk + g_li g_ik) / (1 - g_li g_il). Adjusted p-values by algorithm 2
    there: the largest p_i / w_i so far along the order of rejection. Bonferroni tests of weighted intersections are
    behind it, so any dependence of the tests is allowed. Simultaneous one-sided limits after Strassburger & Bretz
    (2008, Stat Med 27:4914): of a rejected hypothesis only that it is beyond its null value while another stands.

    Misreading: the graph must be fixed before the data are seen; a hypothesis with weight 0 that no alpha reaches is
    not rejected however small its p-value.

    Parameters
    ----------
    hypotheses : DataFrame
        As ``adjust``; a missing p-value cannot be rejected.
    weights : array of m
        Shares of alpha at the beginning, zero or more, at most 1 in sum.
    transitions : array (m, m) or DataFrame
        ``transitions[i, j]`` is the share of the alpha of i that goes to j when i is rejected: zero or more, at most 1
        in each row, 0 on the diagonal.
    alpha : float
        The familywise error, in the same sense as the p-values.
    alternative : {"two-sided", "less", "greater"}
        Of the tests; intervals are made for one-sided ones.
    unit : str, optional
        Of the estimates, where they are given.
    scale : {"identity", "log"}
        As ``adjust``.

    Returns
    -------
    Multiplicity
        The decisions, with confirmatory adjusted p-values ``multiplicity.graphical``, intervals
        ``multiplicity.interval.graphical``, and in ``graph`` what the graph is after the last rejection: columns
        hypothesis, weight (None for a rejected one), and a column per hypothesis with the transitions.

    Raises
    ------
    InvalidInput
        As ``adjust``; for weights and transitions of the wrong size, negative, above 1 in sum, or on the diagonal.
    """
    family = checked_hypotheses(hypotheses, alpha=alpha, alternative=alternative, unit=unit, scale=scale)
    m = len(family.names)
    w, g = _weights(weights, m), _transitions(transitions, m)
    first = w.copy()
    p = family.p_or_one
    adjusted, order, so_far = np.ones(m), [], 0.0
    standing = np.ones(m, dtype=bool)
    left, left_graph = w.copy(), g.copy()
    while standing.any():
        ratio = np.full(m, np.inf)
        usable = standing & (w > 0)
        ratio[usable] = p[usable] / w[usable]
        i = int(np.argmin(ratio))
        if not np.isfinite(ratio[i]):
            break
        so_far = max(so_far, min(float(ratio[i]), 1.0))
        adjusted[i] = so_far
        order.append(i)
        standing[i] = False
        w, g = _handed_on(w, g, i, standing)
        if so_far <= family.alpha and not np.isnan(family.p_value[i]):
            left, left_graph = w.copy(), g.copy()
    rejected = ~np.isnan(family.p_value) & (adjusted <= family.alpha)
    words = message("multiplicity_statistics.method.graphical", m=m)
    graph = pd.DataFrame(left_graph, columns=list(family.names))
    graph.insert(0, "hypothesis", family.names)
    graph.insert(1, "weight", np.where(rejected, np.nan, left))
    if alternative == "two-sided":
        why = message("multiplicity_statistics.reason.no_interval_two_sided")
        return decided(family, "graphical", adjusted, words, limits=None, why_none=why, order=order, graph=graph)
    limits = stepwise_bounds(family, rejected, left * family.alpha, first * family.alpha)
    return decided(family, "graphical", adjusted, words, limits=limits, why_none=None, order=order, graph=graph)


def _handed_on(w: Floats, g: Floats, i: int, standing: np.ndarray) -> tuple[Floats, Floats]:
    """Weights and transitions after hypothesis i has left the graph."""
    new_w = np.where(standing, w + w[i] * g[i], 0.0)
    new_g = np.zeros_like(g)
    for row in np.flatnonzero(standing):
        loop = g[row, i] * g[i, row]
        if loop >= 1 - ROUNDING:
            continue
        new_g[row] = np.where(standing, (g[row] + g[row, i] * g[i]) / (1 - loop), 0.0)
        new_g[row, row] = 0.0
    return new_w, new_g


def _weights(weights: Any, m: int) -> Floats:
    w = numbers(weights, "weights")
    if w.size != m:
        raise InvalidInput("weights do not fit the hypotheses", expected=str(m), found=str(w.size))
    refuse(~(w >= 0), "weights", "zero or more", "another value")
    if w.sum() > 1 + ROUNDING:
        raise InvalidInput("weights cannot be used", expected="at most 1 in sum", found=f"{w.sum():g}")
    return w


def _transitions(transitions: Any, m: int) -> Floats:
    g = np.asarray(transitions, dtype=float)
    if g.shape != (m, m):
        raise InvalidInput("transitions do not fit the hypotheses", expected=f"({m}, {m})", found=str(g.shape))
    refuse(np.array(~(g >= 0).all(axis=1), dtype=bool), "transitions", "zero or more", "another value")
    refuse(
        np.array(np.diag(g) != 0, dtype=bool),
        "transitions",
        "0 on the diagonal",
        "a hypothesis that hands on to itself",
    )
    refuse(g.sum(axis=1) > 1 + ROUNDING, "transitions", "at most 1 in each row", "a larger sum")
    return g
