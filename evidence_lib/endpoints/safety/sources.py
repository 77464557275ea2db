"""Data sets that a study may have or not."""

from __future__ import annotations

from typing import Protocol

import pandas as pd

LABORATORY = ("ADLB", "ADLBC", "ADLBH")


class Source(Protocol):
    """What gives records: a report."""

    def has(self, dataset: str) -> bool:
        """Whether the study has this data set."""

    def records(self, dataset: str) -> pd.DataFrame:
        """The records of its subjects."""


def records_of(source: Source, *datasets: str) -> pd.DataFrame:
    """The records of those of these data sets that the study has, one after the other; empty where it has none."""
    parts = [source.records(name) for name in datasets if source.has(name)]
    return pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=["subject", "arm"])
