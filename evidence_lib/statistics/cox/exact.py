"""The exact partial likelihood for tied events: the discrete model of Cox (1972), as ``coxph(ties = "exact")``.

With d events among the m patients at risk at t, the term of t is the probability that just these d have the event,
given that d of the m have it: exp(sum of their x' b) over the elementary symmetric polynomial of degree d of all
exp(x' b) (Cox 1972, J R Stat Soc B 34:187, eq. 16).

For any c the polynomial is P(N = d) c^-d prod(1 + c r), N being the number of events when patient i has it on his own
with the odds c r_i = c exp(x_i' b) (Chen & Liu 1997, Stat Sinica 7:875). P(N = d) is a mean of the characteristic
function of N over the circle (Fernandez & Williams 2010, IEEE Trans Aerosp Electron Syst 46:803); so are the moments of
the covariates' sum given N = d, and nothing has to be added patient after patient. For a few events the recursion
E_d(m) = E_d(m - 1) + r_m E_(d - 1)(m - 1) over the patients (Gail et al. 1981, Biometrika 68:703) takes less time.
"""

from __future__ import annotations

import numpy as np
from scipy.special import expit

from evidence_lib.statistics.cox.partial_likelihood import Moments, PartialLikelihood
from evidence_lib.statistics.cox.risk_sets import RiskSets
from evidence_lib.statistics.inputs import Floats

# Complex numbers held at a time; bisections of the odds, and how near (in variances) their mean need be; the share of
# probability left out is exp(-40) = 4e-18.
CELLS, HALVINGS, NEAR, TAIL = 1 << 17, 200, 1e-2, 40.0
# Up to this many events the recursion is the faster way.
FEW = 12


class ExactLikelihood(PartialLikelihood):
    """The exact likelihood of rows in their risk sets; ``x`` (p, n) is as the rows."""

    def __init__(self, sets: RiskSets, x: Floats) -> None:
        super().__init__(sets, x, "breslow")
        self._tied = [(j, sets.at_risk(int(j)), int(sets.count[j])) for j in np.flatnonzero(sets.count > 1)]

    def at(self, beta: Floats, tie_weight: Floats | None = None) -> Moments:
        """Moments at ``beta``; ``tie_weight`` (ties,) multiplies the terms of each tie."""
        factor = np.ones_like(self.tie_weight) if tie_weight is None else tie_weight
        # A single event has the same term under every handling of ties.
        single = super().at(beta, np.where(self.sets.count == 1, factor, 0.0))
        log_likelihood, score, information = single.log_likelihood, single.score, single.information
        eta = self._risk(beta)[0]
        gains = self.sets.of_events(eta[None, :])[0]
        for j, rows, count in self._tied:
            log_sum, mean, covariance = chosen_moments(eta[rows], self.x[:, rows], count)
            log_likelihood += factor[j] * (gains[j] - log_sum)
            score += factor[j] * (self.event_x[:, j] - mean)
            information += factor[j] * covariance
        return Moments(float(log_likelihood), score, information)


def chosen_moments(eta: Floats, x: Floats, count: int) -> tuple[float, Floats, Floats]:
    """Of ``count`` patients chosen with probability proportional to the product of their exp(eta): the sum over x.

    Returns the logarithm of the elementary symmetric polynomial of degree ``count`` of exp(eta), and the mean (p,) and
    covariance (p, p) of the chosen patients' sum of ``x`` (p, m).
    """
    if 2 * count <= eta.size:
        return (_recursion if count <= FEW else _circle)(eta, x, count)
    # Those who are not chosen are a choice too, with the inverse of the risks.
    log_sum, mean, covariance = chosen_moments(-eta, x, eta.size - count)
    return log_sum + float(eta.sum()), x.sum(axis=1) - mean, covariance


def _recursion(eta: Floats, x: Floats, count: int) -> tuple[float, Floats, Floats]:
    """By the recursion, for all patients at once: one cumulative sum over them for each degree."""
    p, m = x.shape
    largest = float(eta.max(initial=0.0))
    # With the large risks first no sum over a few patients is lost beside that over all.
    order = np.argsort(-eta, kind="stable")
    risk = np.exp(eta[order] - largest)
    centre = x @ np.exp(eta - largest) / risk.sum()
    z = (x - centre[:, None])[:, order]
    sums, firsts, seconds = np.ones(m + 1), np.zeros((p, m + 1)), np.zeros((p, p, m + 1))
    log_sum = 0.0
    for _ in range(count):
        before, first = sums[:-1], firsts[:, :-1]
        cross = z[:, None] * first[None]
        second = seconds[..., :-1] + cross + cross.transpose(1, 0, 2) + z[:, None] * z[None] * before
        seconds[..., 1:] = np.cumsum(risk * second, axis=-1)
        firsts[:, 1:] = np.cumsum(risk * (first + z * before), axis=-1)
        sums[1:] = np.cumsum(risk * before)
        sums[0], firsts[:, 0], seconds[..., 0] = 0.0, 0.0, 0.0
        total = sums[-1]
        log_sum += float(np.log(total))
        sums /= total
        firsts /= total
        seconds /= total
    mean, covariance = firsts[:, -1], seconds[..., -1] - np.outer(firsts[:, -1], firsts[:, -1])
    return log_sum + count * largest, mean + count * centre, covariance


def _circle(eta: Floats, x: Floats, count: int) -> tuple[float, Floats, Floats]:
    """By the mean over the circle."""
    p, m = x.shape
    shift = _odds(eta, count)
    chance = expit(eta + shift)
    spread = chance * expit(-eta - shift)
    nodes = _nodes(m, float(chance.sum()), float((1 - chance).sum()))
    total, single, double = 0.0, np.zeros(m), np.zeros(m)
    crossed, spread_x = np.zeros((p, p)), (spread * x).T
    # The mean over the circle is twice that over its upper half, whose real points count once.
    upper = np.arange(nodes // 2 + 1)
    block = max(1, CELLS // m)
    for start in range(0, upper.size, block):
        k = upper[start : start + block]
        angle = 2 * np.pi * k / nodes
        turn = np.exp(1j * angle)
        # That a patient is among the chosen has at this angle the mean chance * turn * inverse.
        factor = 1 + (turn - 1)[:, None] * chance
        inverse = 1 / factor
        once = (k == 0) | (2 * k == nodes)
        weight = factor.prod(axis=1) * np.exp(-1j * angle * count) * np.where(once, 1, 2) / nodes
        total += float(weight.sum().real)
        single += ((weight * (turn - 1)) @ inverse).real * spread
        double += ((weight * turn) @ inverse**2).real * spread
        sums = (turn - 1)[:, None] * (inverse @ spread_x)
        crossed += ((weight[:, None] * sums).T @ sums).real
    mean = x @ (single / total)
    covariance = (crossed + (x * double) @ x.T) / total - np.outer(mean, mean)
    log_sum = float(np.log(total)) + float(np.logaddexp(0, eta + shift).sum()) - count * shift
    return log_sum, x @ chance + mean, covariance


def _odds(eta: Floats, count: int) -> float:
    """A logarithm of c with which about ``count`` patients are expected: then P(N = count) is no small number."""
    middle = float(np.log(count) - np.log(eta.size - count))
    low, high = middle - float(eta.max()), middle - float(eta.min())
    for _ in range(HALVINGS):
        shift = (low + high) / 2
        chance = expit(eta + shift)
        gap = float(chance.sum()) - count
        if gap**2 <= NEAR * float((chance * (1 - chance)).sum()):
            break
        low, high = (low, shift) if gap > 0 else (shift, high)
    return shift


def _nodes(m: int, chosen: float, others: float) -> int:
    """Points on the circle: m + 1 are exact; fewer are, where N is not a whole circle away from its mean.

    The chance of that is below exp(-TAIL) by Chernoff's bound for a sum of k and more beyond a mean.
    """
    k = np.arange(1, m + 1)
    rate = [(k + mean) * np.log1p(k / mean) - k for mean in (chosen, others)]
    return min(m, 2 + int(np.searchsorted(np.minimum(*rate), TAIL))) + 1
