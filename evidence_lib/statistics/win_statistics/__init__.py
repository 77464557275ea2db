"""Win statistics: every treated patient compared with every reference patient, the most important outcome first.

The outcomes are declared as components, ``TimeToEvent``, ``Recurrent``, ``Continuous`` and ``Ordinal`` (which is for
yes and no too), that name columns of a frame with one row per patient.
"""

from evidence_lib.statistics.win_statistics.components import Continuous, Ordinal, Recurrent, TimeToEvent
from evidence_lib.statistics.win_statistics.statistics import (
    WinStatistics,
    net_benefit,
    win_odds,
    win_ratio,
    win_statistics,
)

__all__ = [
    "Continuous",
    "Ordinal",
    "Recurrent",
    "TimeToEvent",
    "WinStatistics",
    "net_benefit",
    "win_odds",
    "win_ratio",
    "win_statistics",
]
