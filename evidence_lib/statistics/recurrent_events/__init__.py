"""Recurrent events: how many per patient over time, and models that compare two arms.

Data are intervals of observation: subject, start and stop in days, and whether an event ends the interval. A subject is
under observation after ``start``, up to and including ``stop``; intervals of one subject must not overlap, and may
leave gaps in which nothing is known. Censoring is taken to be independent of the events. Death and other terminal
events are censoring here: what is described is then the rate of events among those still under observation.
"""

from evidence_lib.statistics.recurrent_events.intensity import andersen_gill, pwp
from evidence_lib.statistics.recurrent_events.marginal import wlw
from evidence_lib.statistics.recurrent_events.mean_cumulative import (
    mean_cumulative_at,
    mean_cumulative_difference,
    mean_cumulative_function,
)
from evidence_lib.statistics.recurrent_events.negative_binomial import negative_binomial

__all__ = [
    "andersen_gill",
    "mean_cumulative_at",
    "mean_cumulative_difference",
    "mean_cumulative_function",
    "negative_binomial",
    "pwp",
    "wlw",
]
