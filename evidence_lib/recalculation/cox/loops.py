"""The Cox likelihood written out, one event time after another: case weights, exact ties, and the robust variance.

PHReg has none of the three (its robust variance is wrong with tied times).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Sample:
    """Rows: time, entry (-inf where there is none), event, stratum number, weight, and the handling of ties."""

    time: Floats
    entry: Floats
    event: Floats
    stratum: NDArray[np.int64]
    weight: Floats
    ties: str

    def moments(self) -> Iterator[tuple[Flags, Flags]]:
        """The rows at risk and those with the event, at each event time of each stratum."""
        for number in np.unique(self.stratum):
            inside = self.stratum == number
            for t in np.unique(self.time[inside & (self.event == 1)]):
                here = inside & (self.entry < t) & (self.time >= t)
                yield here, here & (self.time == t) & (self.event == 1)


class PlainModel:
    """The likelihood with the methods of a statsmodels model: ``loglike``, ``score``, ``hessian`` and ``fit``."""

    def __init__(self, sample: Sample, x: Floats) -> None:
        self.sample, self.x = sample, x
        self._moments = list(sample.moments())

    def loglike(self, beta: Floats) -> float:
        """The log partial likelihood."""
        return float(self._sums(np.asarray(beta))[0])

    def score(self, beta: Floats) -> Floats:
        """Its first derivative."""
        return np.asarray(self._sums(np.asarray(beta))[1])

    def hessian(self, beta: Floats) -> Floats:
        """Its second derivative."""
        return np.asarray(self._sums(np.asarray(beta))[2])

    def fit(self, start_params: Floats | None = None, disp: bool = False) -> Any:
        """Newton's steps from zero or from ``start_params``, each cut in half until the likelihood does not fall."""
        beta = np.zeros(self.x.shape[1]) if start_params is None else np.asarray(start_params)
        value, score, hessian = self._sums(beta)
        for _ in range(100):
            step = np.linalg.lstsq(hessian, score, rcond=None)[0]
            for _ in range(30):
                there = self._sums(beta - step)
                if there[0] >= value - 1e-12 * abs(value):
                    break
                step = step / 2
            beta, (value, score, hessian) = beta - step, there
            if np.abs(step).max() < 1e-11 or not np.isfinite(value):
                break
        return SimpleNamespace(params=beta)

    def _sums(self, beta: Floats) -> tuple[float, Floats, Floats]:
        p = beta.size
        total: list[Any] = [0.0, np.zeros(p), np.zeros((p, p))]
        eta = self.x @ beta
        for at_risk, dead in self._moments:
            term = _exact if self.sample.ties == "exact" else _weighted
            for k, part in enumerate(term(self.sample, self.x, eta, at_risk, dead)):
                total[k] += part
        return total[0], total[1], total[2]


def _weighted(sample: Sample, x: Floats, eta: Floats, at_risk: Flags, dead: Flags) -> tuple[float, Floats, Floats]:
    """The terms of one event time under Efron's or Breslow's handling of ties."""
    top, w = eta[at_risk].max(), sample.weight
    everybody, these = (_sums(w[rows] * np.exp(eta[rows] - top), x[rows]) for rows in (at_risk, dead))
    count, mass = int(dead.sum()), float(w[dead].sum())
    value = float(w[dead] @ (eta[dead] - top))
    score, hessian = w[dead] @ x[dead], np.zeros((x.shape[1], x.shape[1]))
    for turn in range(count):
        share = turn / count if sample.ties == "efron" else 0.0
        s0, s1, s2 = (whole - share * part for whole, part in zip(everybody, these, strict=True))
        mean = s1 / s0
        value -= mass / count * np.log(s0)
        score = score - mass / count * mean
        hessian = hessian - mass / count * (s2 / s0 - np.outer(mean, mean))
    return value, score, hessian


def _exact(sample: Sample, x: Floats, eta: Floats, at_risk: Flags, dead: Flags) -> tuple[float, Floats, Floats]:
    """The terms of one event time under the exact likelihood; its polynomial built patient after patient."""
    top, p, count = eta[at_risk].max(), x.shape[1], int(dead.sum())
    risk, z = np.exp(eta[at_risk] - top), x[at_risk] - x[at_risk].mean(axis=0)
    value = np.zeros(count + 1)
    first, second = np.zeros((count + 1, p)), np.zeros((count + 1, p, p))
    value[0] = 1.0
    scale = 0.0
    for r, own in zip(risk, z, strict=True):
        mixed = own[None, :, None] * first[:-1, None, :]
        outer = np.outer(own, own) * value[:-1, None, None]
        second[1:] = second[1:] + r * (second[:-1] + mixed + mixed.transpose(0, 2, 1) + outer)
        first[1:] = first[1:] + r * (first[:-1] + value[:-1, None] * own)
        value[1:] = value[1:] + r * value[:-1]
        if value.max() > 1e100:
            scale += np.log(value.max())
            largest = value.max()
            value, first, second = value / largest, first / largest, second / largest
    mean = first[-1] / value[-1]
    gained = (x[dead] - x[at_risk].mean(axis=0)).sum(axis=0)
    log_value = float((eta[dead] - top).sum() - np.log(value[-1]) - scale)
    return log_value, gained - mean, np.outer(mean, mean) - second[-1] / value[-1]


def score_residuals(sample: Sample, x: Floats, beta: Floats) -> Floats:
    """The contributions of the rows to the score, by the sum in Lin & Wei (1989), event by event."""
    out, w = np.zeros_like(x), sample.weight
    eta = x @ beta
    for at_risk, dead in sample.moments():
        rows, is_dead = np.flatnonzero(at_risk), dead[at_risk]
        risk = np.exp(eta[rows] - eta[rows].max())
        count, mean_weight = int(is_dead.sum()), float(w[dead].mean())
        for turn in range(count):
            counted = np.where(is_dead, 1 - (turn / count if sample.ties == "efron" else 0.0), 1.0)
            s0, s1, _ = _sums(counted * w[rows] * risk, x[rows])
            away = x[rows] - s1 / s0
            out[rows] -= (counted * risk * mean_weight / s0)[:, None] * away
            out[rows[is_dead]] += away[is_dead] / count
    return out


def _sums(risk: Floats, x: Floats) -> tuple[Any, Any, Any]:
    weighted = risk[:, None] * x
    return risk.sum(), weighted.sum(axis=0), x.T @ weighted
