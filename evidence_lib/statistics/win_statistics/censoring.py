"""Pairs weighted by the inverse probability that nobody in them is censored before the comparison is decided."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from evidence_lib.statistics.inputs import Flags, Floats
from evidence_lib.statistics.survival.inputs import TIE
from evidence_lib.statistics.win_statistics.pairs import Tally, Weight


@dataclass(frozen=True)
class FollowUp:
    """Follow-up of one arm in one stratum: the first component's times up to the time limit, and its events.

    ``censored_at`` are the distinct times at which somebody is censored before the limit, ``at_risk`` those who could
    be then (whoever has the event at that time cannot), ``uncensored`` the Kaplan-Meier estimate of P(C > time).
    """

    time: Floats
    event: Flags
    tau: float
    censored_at: Floats
    at_risk: Floats
    n_censored: Floats
    uncensored: Floats

    @property
    def complete(self) -> Flags:
        """Who is known up to the limit, or to the event."""
        return self.event | self.at_limit

    @property
    def at_limit(self) -> Flags:
        """Who is followed up to the limit without the event."""
        return ~self.event & (self.time >= self.tau * (1 - TIE))

    def before(self, time: Floats) -> np.ndarray:
        """How many of the censoring times are before each of these times."""
        return np.searchsorted(self.censored_at * (1 + TIE), time, side="left")

    def still_followed(self, time: Floats) -> Floats:
        """P(C >= time): not censored before each of these times."""
        return np.concatenate([[1.0], self.uncensored])[self.before(time)]

    def variation(self, time: Floats, mass: Floats) -> Floats:
        """What each patient adds through the estimated censoring, for weights ``mass`` that end at these times.

        The sum over censoring times u of Q(u) dM(u) / Y(u), Q(u) being the mass that ends after u, Y(u) the number at
        risk of censoring, and M the patient's censoring martingale.
        """
        ended = np.bincount(self.before(time), mass, self.censored_at.size + 1)
        after = mass.sum() - np.cumsum(ended)[:-1]
        share = after / self.at_risk
        compensated = np.concatenate([[0.0], np.cumsum(share * self.n_censored / self.at_risk)])
        position = self.before(self.time)
        censored = ~self.complete
        own = np.append(share, 0.0)[position] * censored
        return own - compensated[position + censored]


def largest_limit(time: Floats, event: Flags) -> float:
    """Up to when an arm can be weighted: any time where the last to be followed have the event, else their time."""
    last = float(time.max())
    return last if (~event & (time >= last * (1 - TIE))).any() else np.inf


def follow_up(time: Floats, event: Flags, tau: float) -> FollowUp:
    """The follow-up of one arm in one stratum up to ``tau``, which it reaches."""
    event, time = event & (time <= tau * (1 + TIE)), np.minimum(time, tau)
    censored = ~event & (time < tau * (1 - TIE))
    at = np.unique(time[censored])
    starts = at[np.concatenate([[True], np.diff(at) > TIE * at[1:]])] if at.size else at
    place = np.searchsorted(starts, time[censored], side="right") - 1
    n_censored = np.bincount(place, minlength=starts.size).astype(np.float64)
    ordered, ordered_events = np.sort(time), np.sort(time[event])
    at_risk = time.size - np.searchsorted(ordered, starts * (1 - TIE), side="left")
    at_risk -= np.searchsorted(ordered_events, starts * (1 + TIE), side="right")
    at_risk += np.searchsorted(ordered_events, starts * (1 - TIE), side="left")
    uncensored = np.cumprod(1 - n_censored / at_risk, dtype=np.float64)
    return FollowUp(time, event, tau, starts, at_risk.astype(np.float64), n_censored, uncensored)


def weights(treated: FollowUp, reference: FollowUp, margin: float, components: int) -> list[Weight]:
    """The weights of the pairs, by component.

    A pair that the first component decides is decided at the loser's event for the loser, and ``margin`` later for the
    winner. Pairs that come to the other components count where both are known up to the limit or to the event.
    """
    n1, n0 = treated.time.size, reference.time.size
    lost = treated.still_followed(treated.time) * reference.still_followed(treated.time + margin)
    won = reference.still_followed(reference.time) * treated.still_followed(reference.time + margin)
    first = Weight((np.ones(n1), _inverse(won)), (_inverse(lost), np.ones(n0)))
    own, other = (np.where(arm.complete, _inverse(arm.still_followed(arm.time)), 0.0) for arm in (treated, reference))
    return [first, *[Weight((own, other), (own, other))] * (components - 1)]


def variations(
    found: Tally, treated: FollowUp, reference: FollowUp, margin: float
) -> tuple[Floats, Floats, Floats, Floats]:
    """What each patient adds to the shares won and lost through the estimated censoring.

    Of the treated for wins, of the reference patients for wins; then both for losses.
    """
    pairs = found.all_pairs

    def of(arm: FollowUp, decided: Floats, first: Floats, others: Floats) -> Floats:
        time, mass = np.concatenate([decided, arm.time]), np.concatenate([first, others.sum(axis=0)])
        return arm.time.size * arm.variation(time, mass) / pairs

    won, lost = found.reference_wins[0], found.treated_losses[0]
    return (
        of(treated, reference.time + margin, won, found.treated_wins[1:]),
        of(reference, reference.time, won, found.reference_wins[1:]),
        of(treated, treated.time, lost, found.treated_losses[1:]),
        of(reference, treated.time + margin, lost, found.reference_losses[1:]),
    )


def _inverse(probability: Floats) -> Floats:
    """1 / p; 0 where p is 0, which no pair that counts has."""
    return np.divide(1.0, probability, out=np.zeros_like(probability), where=probability > 0)
