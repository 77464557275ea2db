"""Which specification a data set has: by its name, else by its structure, else by how its name begins.

``ADTTE`` and the other plain names are taken at their word, so that a column they lack is found missing. Any other
set with PARAMCD and CNSR holds times to events (ADAETTE, ADTTE1); with PARAMCD it is a Basic Data Structure, and the
beginning of its name says which (ADLBC, ADLBH: ADLB; ADQSADAS: ADQS; ADCIBC: none in particular); without PARAMCD it
holds occurrences where it has a coded or reported term.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from evidence_lib.data.specs.model import DatasetSpec
from evidence_lib.data.specs.occurrences import ADAE, ADEX, OCCURRENCES, OTHER
from evidence_lib.data.specs.parameters import ADLB, ADQS, ADRS, ADTR, ADTTE, ADVS, BASIC
from evidence_lib.data.specs.subject_level import ADSL

BY_NAME = {spec.name: spec for spec in (ADSL, ADTTE, ADRS, ADTR, ADLB, ADVS, ADQS, ADAE, ADEX)}


def spec_for(name: str, columns: Iterable[str] = ()) -> DatasetSpec:
    """The specification of a data set with these columns, under the data set's own name."""
    return replace(_found(name, set(columns)), name=name)


def _found(name: str, columns: set[str]) -> DatasetSpec:
    if name in BY_NAME:
        return BY_NAME[name]
    prefixed = next((spec for known, spec in BY_NAME.items() if known != "ADSL" and name.startswith(known)), None)
    if "PARAMCD" in columns:
        if "CNSR" in columns:
            return ADTTE
        return prefixed if prefixed is not None and prefixed not in (ADAE, ADTTE) else BASIC
    if prefixed is not None:
        return prefixed
    if {"AETERM", "AEDECOD"} & columns:
        return ADAE
    return OCCURRENCES if any(column.endswith(("TERM", "DECOD")) for column in columns) else OTHER
