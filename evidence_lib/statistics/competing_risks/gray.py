"""Gray's test that the cumulative incidence of a cause is the same in all arms."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.language import message
from evidence_lib.results import Estimate
from evidence_lib.statistics.competing_risks.inputs import Label, checked_cause, observed, two_arms
from evidence_lib.statistics.distributions import chi_square_p
from evidence_lib.statistics.inputs import Counts, Floats, crossed, labelled

# Eigenvalues of the variance, scaled to a unit diagonal, below this are zero: their directions carry no information.
SINGULAR = 1e-9


def gray_test(
    time: ArrayLike,
    cause: ArrayLike,
    group: ArrayLike,
    *,
    event_of_interest: Label,
    treatment: Label | None = None,
    reference: Label | None = None,
    strata: ArrayLike | pd.DataFrame | None = None,
    rho: float = 0.0,
    censored: Label = 0,
) -> Estimate:
    """Gray's test that the cumulative incidence of one cause is the same in all arms; within every stratum.

    With Y_i at risk, S_i the Kaplan-Meier estimate of being free of every event and F_i the cumulative incidence of
    the cause in arm i, h_i(t) = Y_i(t) / S_i(t-) and R_i = h_i (1 - F_i(t-)). F is the estimate under equality with
    steps dN(t) / sum(h_i), and L = (1 - F(t-))^rho. The score of arm i is z_i = sum over t of
    L (dN_i - R_i dN / sum(R_j)) (Gray 1988, Ann Stat 16:1141, section 2). Its covariance is
    V_ij = sum over arms l and times t of

    - (a_il + u D_il) (a_jl + u D_jl) S_l(t-) dN e / (Y_l sum(h)), u = 1 - (1 - F(t)) / S_l(t), for the cause,
    - v^2 D_il D_jl S_l(t-)^2 dM_l e(dM_l) / Y_l^2, v = (1 - F(t)) / S_l(t), for the other causes M,

    with a_ij = L h_i (1[i = j] - h_j / sum(h)), c_ij(t) = sum over s <= t of a_ij dN / (sum(h) (1 - F(s-))) and
    D = c(end) - c(t). The corrections for ties are those of ``cmprsk::cuminc``: e = 1 - (dN - 1) / (sum(h) S_l - 1)
    and e(d) = 1 - (d - 1) / (Y_l - 1). Scores and covariances are summed over strata; the statistic is z' V^- z,
    chi-square with the rank of V as degrees of freedom, the number of arms less 1 where all are compared.

    Assumes that censoring is independent of all causes in each arm.

    Misreading: it does not tell whether the treatment acts on this cause; an arm in which more patients die of other
    causes first has fewer events of this one. Look at ``cause_specific`` and at the other causes too.

    Parameters
    ----------
    time : array of n days, zero or more
        Time from the start to the first event of any cause, or to censoring.
    cause : array of n labels
        ``censored``, or the cause of the event.
    group : array of n labels
        The arms.
    event_of_interest : text or number
        The cause that is compared.
    treatment, reference : text or number
        Both or neither; with them only these two arms enter the test.
    strata : array of n labels, or a frame of n rows
        The strata; the columns of a frame are crossed.
    rho : float
        The power of the weight; 0 weighs all times alike, more than 0 early ones more.
    censored : text or number
        The label of patients without an event.

    Returns
    -------
    Estimate
        ``gray.unstratified`` or ``gray.stratified`` with ``test_statistic``, ``df`` and the two-sided ``p_value``;
        ``groups["cause"]``, and ``groups["weight"]`` for a rho other than 0. ``events`` counts those of the cause.
        Status ``not_estimable`` without events of the cause, with one arm, or where no time compares two of them.

    Raises
    ------
    InvalidInput
        As ``cumulative_incidence``; for missing or too few labels, equal arms, one of treatment and reference alone,
        and a ``rho`` that is no finite number.
    """
    if (treatment is None) != (reference is None):
        raise InvalidInput("one of treatment and reference is missing", expected="both, or neither")
    if treatment is not None:
        two_arms(treatment, reference)
    if isinstance(rho, bool) or not isinstance(rho, int | float) or not np.isfinite(rho):
        raise InvalidInput("rho is not a number", expected="a finite number", found=repr(rho))
    data = observed(time, cause, censored)
    label = checked_cause(event_of_interest, censored)
    labels = labelled(group, "group", data.time.size)
    stratum, _ = crossed(strata, data.time.size)
    if treatment is not None:
        kept = (labels == treatment) | (labels == reference)
        data, labels, stratum = data.of(kept), labels[kept], stratum[kept]
    arm, names = pd.factorize(labels)
    kind = np.where(data.code == 0, 0, np.where(data.code == data.number(label), 1, 2))
    variant = "unstratified" if strata is None else "stratified"
    shared: dict[str, Any] = {
        "analysis": f"gray.{variant}",
        "unit": "chi-square",
        "groups": {
            "cause": label,
            **({} if treatment is None else {"treatment": treatment, "reference": reference}),
            **({} if rho == 0 else {"weight": f"rho={rho:g}"}),
        },
        "n": int(data.time.size),
        "events": int((kind == 1).sum()),
        "is_test": True,
        "method": message(f"competing_risks_statistics.method.gray_{variant}", rho=f"{rho:g}"),
    }
    why = "one_arm" if len(names) < 2 else "no_events" if not (kind == 1).any() else None
    if why is None:
        score, variance = np.zeros(len(names)), np.zeros((len(names), len(names)))
        for number in np.unique(stratum):
            here = stratum == number
            part = _score(data.time[here], kind[here], arm[here], len(names), float(rho))
            score, variance = score + part[0], variance + part[1]
        found = _chi_square(score, variance)
        if found is not None:
            return Estimate(**shared, test_statistic=found[0], df=found[1], p_value=chi_square_p(*found))
        why = "no_comparison"
    reason = message(f"competing_risks_statistics.reason.{why}")
    return Estimate(**shared, status="not_estimable", reason=reason)


def _score(time: Floats, kind: Counts, arm: Counts, k: int, rho: float) -> tuple[Floats, Floats]:
    """The score of each of k arms in one stratum, shape (k,), and its covariance, shape (k, k).

    ``kind`` is 0 for censoring, 1 for the cause and 2 for any other.
    """
    # Nothing is compared any more after the last time at which two arms are at risk.
    latest = np.sort([time[arm == i].max(initial=-1.0) for i in range(k)])[-2]
    moments = np.unique(time[(kind > 0) & (time <= latest)])
    if moments.size == 0:
        return np.zeros(k), np.zeros((k, k))
    kind = np.where(time > latest, 0, kind)
    place = np.searchsorted(moments, time)
    own, other = np.zeros((k, moments.size)), np.zeros((k, moments.size))
    np.add.at(own, (arm[kind == 1], place[kind == 1]), 1)
    np.add.at(other, (arm[kind == 2], place[kind == 2]), 1)
    y = np.stack([(arm == i).sum() - np.searchsorted(np.sort(time[arm == i]), moments) for i in range(k)]).astype(float)
    at_risk = y > 0
    n = np.where(at_risk, y, 1.0)
    survival: Floats = np.cumprod(1 - (own + other) / n, axis=1, dtype=np.float64)
    before = _earlier(survival, 1.0)
    d = own.sum(axis=0)
    # An arm with nobody left has h = 0, whatever its curve.
    h = np.where(at_risk, y / np.where(at_risk, before, 1.0), 0.0)
    total = h.sum(axis=0)
    incidence: Floats = np.cumsum(before * own / n, axis=1, dtype=np.float64)
    remaining = h * (1 - _earlier(incidence, 0.0))
    expected_f: Floats = np.cumsum(d / total)
    free = 1 - _earlier(expected_f[None, :], 0.0)[0]
    free[np.abs(free) < SINGULAR] = 0.0
    with np.errstate(divide="ignore", invalid="ignore", over="ignore"):
        weight = free**rho
        score = (weight * (own - d * remaining / remaining.sum(axis=0))).sum(axis=1)
        a = weight * h[:, None, :] * (np.eye(k)[:, :, None] - h / total)
        c = np.cumsum(a * d / (total * free), axis=2)
        to_end = c[:, :, -1:] - c
        v = np.divide(1 - expected_f, survival, out=np.zeros_like(survival), where=survival > 0)
        crowd = total * before - 1
        ties = 1 - np.divide(np.maximum(d - 1, 0), crowd, out=np.zeros_like(crowd), where=d > 1)
        of_cause = np.where(at_risk, before * d * ties / (n * total), 0.0)
        other_ties = 1 - np.maximum(other - 1, 0) / np.maximum(n - 1, 1)
        of_others = v**2 * before**2 * other * other_ties / n**2
        moved = a + (1 - v) * to_end
        variance = np.einsum("ilt,jlt,lt->ij", moved, moved, of_cause, optimize=True)
        variance += np.einsum("ilt,jlt,lt->ij", to_end, to_end, of_others, optimize=True)
    return score, variance


def _earlier(values: Floats, first: float) -> Floats:
    """The values just before each time, of curves (k, m) that start at ``first``."""
    return np.concatenate([np.full((values.shape[0], 1), first), values[:, :-1]], axis=1)


def _chi_square(score: Floats, variance: Floats) -> tuple[float, int] | None:
    """The statistic and its degrees of freedom; None where no arm can be compared with another."""
    diagonal = np.diag(variance)
    if not (np.isfinite(variance).all() and np.isfinite(score).all()):
        return None
    compared = diagonal > SINGULAR * max(float(diagonal.max()), 0.0)
    if not compared.any():
        return None
    scale = np.sqrt(diagonal[compared])
    values, vectors = np.linalg.eigh(variance[np.ix_(compared, compared)] / np.outer(scale, scale))
    if values[0] < -SINGULAR:
        # The corrections for ties are approximate; in the smallest groups they can leave no variance at all.
        return None
    kept = values > SINGULAR
    along = vectors[:, kept].T @ (score[compared] / scale)
    return float(np.sum(along**2 / values[kept])), int(kept.sum())
