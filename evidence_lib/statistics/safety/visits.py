"""Values by visit: counts, means, medians and ranges, of the values and of their changes."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evidence_lib.errors import InvalidInput

NUMBERS = ("n", "mean", "sd", "median", "low", "high")


def visit_summary(frame: pd.DataFrame, *, keys: Sequence[str], values: Sequence[str]) -> pd.DataFrame:
    """Number of values, mean, standard deviation (n - 1), median and range, in every combination of the keys.

    Misreading: from visit to visit the patients change, since those who stop are no longer measured: a mean that moves
    need not mean that anybody's value moved.

    Parameters
    ----------
    frame : DataFrame of one row per measurement
        With ``keys`` and ``values``.
    keys : sequence of str
        The columns that name a line, such as parameter, visit and arm; a row with a missing key is left out.
    values : sequence of str
        The columns that are summarised, such as the value and its change; missing values are left out.

    Returns
    -------
    DataFrame
        Columns: the keys, ``what`` (which of ``values``), and ``NUMBERS``. Lines in the order in which they occur; a
        line without a value is absent. ``sd`` is None of one value.

    Raises
    ------
    InvalidInput
        For a missing column, and for values that are no numbers.
    """
    missing = [name for name in (*keys, *values) if name not in frame]
    if missing:
        raise InvalidInput("the frame lacks a column", expected=", ".join(missing), found=", ".join(map(str, frame)))
    wrong = [name for name in values if not pd.api.types.is_numeric_dtype(frame[name])]
    if wrong:
        raise InvalidInput("a column that holds no numbers", found=", ".join(wrong))
    parts = []
    for place, name in enumerate(values):
        given = frame.dropna(subset=[*keys, name])
        grouped = given.groupby(list(keys), sort=False, observed=True)[name]
        found = grouped.agg(n="count", mean="mean", sd="std", median="median", low="min", high="max").reset_index()
        found.insert(len(keys), "what", name)
        parts.append(found.assign(place=place))
    made = pd.concat(parts, ignore_index=True)
    order = {key: i for i, key in enumerate(frame[list(keys)].drop_duplicates().itertuples(index=False, name=None))}
    rank = [order[key] for key in made[list(keys)].itertuples(index=False, name=None)]
    made = made.assign(rank=rank).sort_values(["rank", "place"], kind="stable")
    return made[[*keys, "what", *NUMBERS]].reset_index(drop=True)
