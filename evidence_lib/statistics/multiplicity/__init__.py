"""Several hypotheses tested together: p-values adjusted so that the chance of any false claim stays below alpha.

Only a p-value from here is ``confirmatory``; every other p-value of the library is ``nominal``.
"""

from evidence_lib.statistics.multiplicity.adjustment import adjust
from evidence_lib.statistics.multiplicity.graph import graphical
from evidence_lib.statistics.multiplicity.result import Multiplicity

__all__ = ["Multiplicity", "adjust", "graphical"]
