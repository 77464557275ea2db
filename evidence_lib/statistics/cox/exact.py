"""The exact partial likelihood for tied events: the discrete model of Cox (1972), as ``coxph(ties = "exact")``.

With d events among the m patients at risk at t, the term of t is the probability that just these d have the event,
given that d of the m have it: exp(sum of their x' b) over the elementary symmetric polynomial of degree d of all
exp(x' b) (Cox 1972, J R Stat Soc B 34:187, eq. 16; Gail et al. 1981, Biometrika 68:703 for the recursion).
"""

from __future__ import annotations

import numpy as np

from evidence_lib.statistics.cox.partial_likelihood import Moments, PartialLikelihood
from evidence_lib.statistics.cox.risk_sets import RiskSets
from evidence_lib.statistics.inputs import Floats


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
    covariance (p, p) of the chosen patients' sum of ``x`` (p, m). Patient after patient the polynomial of degree j is
    E_j(m) = E_j(m - 1) + exp(eta_m) E_(j - 1)(m - 1): one cumulative sum over the patients for each degree.
    """
    p, m = x.shape
    if 2 * count > m:
        # Those who are not chosen are a choice too, with the inverse of the risks.
        log_sum, mean, covariance = chosen_moments(-eta, x, m - count)
        return log_sum + float(eta.sum()), x.sum(axis=1) - mean, covariance
    # With the large risks first no sum of a smaller number of patients is lost beside that of all.
    order = np.argsort(-eta, kind="stable")
    largest = float(eta[order[0]])
    risk = np.exp(eta[order] - largest)
    centre = (x @ np.exp(eta - largest)) / risk.sum()
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
    mean, second_moment = firsts[:, -1], seconds[..., -1]
    covariance = second_moment - np.outer(mean, mean)
    return log_sum + count * largest, mean + count * centre, covariance
