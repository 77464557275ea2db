"""Where patients come from: the regions, their countries, and the sites of each."""

from __future__ import annotations

import csv
from collections.abc import Sequence
from functools import cache
from importlib.resources import files

import numpy as np
from numpy.typing import NDArray


@cache
def places() -> tuple[tuple[str, str, float, int], ...]:
    """Regions, their countries, the share of each in its region, and how many sites it has."""
    with (files("evidence_lib.rehearsal") / "places.csv").open(encoding="utf-8") as lines:
        rows = csv.DictReader(lines)
        return tuple((row["region"], row["country"], float(row["share"]), int(row["sites"])) for row in rows)


def locate(
    region: NDArray[np.int64], place: NDArray[np.float64], regions: Sequence[str]
) -> tuple[np.ndarray, np.ndarray]:
    """Country and site of patients from a uniform number each: the sites of a country recruit alike."""
    country = np.empty(region.size, dtype=object)
    site = np.empty(region.size, dtype=object)
    number = 0
    for position, name in enumerate(regions):
        low = 0.0
        for code, share, sites in (row[1:] for row in places() if row[0] == name):
            here = (region == position) & (place >= low) & (place < low + share)
            within = np.floor((place[here] - low) / share * sites).astype(int)
            country[here] = code
            site[here] = [f"{number + 101 + min(i, sites - 1)}" for i in within]
            number += sites
            low += share
    return country, site
