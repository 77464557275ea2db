"""Which levels a table shows, in which order; the results hold all of them."""

from __future__ import annotations

from collections.abc import Sequence

import pandas as pd

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.safety.adverse_events import incidence_counts


def frequent(counts: pd.DataFrame, *, min_percent: float) -> pd.DataFrame:
    """The part of ``incidence_counts`` whose level reaches a share in at least one arm.

    Misreading: a rare event is not an unimportant one; a threshold is for reading, and says nothing of safety.

    Parameters
    ----------
    counts : DataFrame
        Of ``incidence_counts``.
    min_percent : float
        The least share, in percent of the arm's subjects.

    Returns
    -------
    DataFrame
        The same columns; levels by falling number of subjects over all arms, ties by name.

    Raises
    ------
    InvalidInput
        For a share that is not between 0 and 100.
    """
    if not 0 <= min_percent <= 100:
        raise InvalidInput("min_percent is no share", expected="a number from 0 to 100", found=repr(min_percent))
    levels = [name for name in counts.columns if name not in ("arm", "event", "count")]
    if counts.empty or not levels:
        return counts
    keys = [*levels, "arm"]
    sizes = counts.groupby(keys, sort=False)["count"].transform("sum")
    # In whole numbers: 5 of 100 is 5 percent, whatever 0.05 is in binary.
    reached = (counts["event"] == 1) & (counts["count"] * 100 >= min_percent * sizes) & (counts["count"] > 0)
    totals = counts.assign(with_event=counts["count"] * counts["event"], reached=reached)
    by_level = totals.groupby(list(levels), sort=False)[["with_event", "reached"]].agg(
        {"with_event": "sum", "reached": "any"}
    )
    kept = by_level[by_level["reached"]].reset_index()
    kept = kept.sort_values(["with_event", *levels[::-1]], ascending=[False, *(True for _ in levels)], kind="stable")
    return kept[list(levels)].merge(counts, on=list(levels), how="left")


def table_order(classes: pd.DataFrame, terms: pd.DataFrame, *, min_percent: float) -> pd.DataFrame:
    """Organ classes and their terms in the order of a table, the most frequent first.

    Misreading: the order follows the number of subjects in all arms together, not the difference between arms.

    Parameters
    ----------
    classes : DataFrame
        Of ``incidence_counts`` with the level soc.
    terms : DataFrame
        The terms that are shown, of ``frequent``.
    min_percent : float
        The threshold of the terms, which a class without such a term has to reach too.

    Returns
    -------
    DataFrame
        Columns soc, term (empty for the class itself, whose row comes before its terms) and ``min_percent``.

    Raises
    ------
    InvalidInput
        For a share that is not between 0 and 100.
    """
    reached = frequent(classes, min_percent=min_percent)
    with_term = set(terms["soc"]) | set(reached["soc"])
    rows = []
    for soc in dict.fromkeys(frequent(classes, min_percent=0)["soc"]):
        if soc in with_term:
            rows += [(soc, ""), *((soc, term) for term in dict.fromkeys(terms.loc[terms["soc"] == soc, "term"]))]
    return pd.DataFrame(rows, columns=["soc", "term"]).assign(min_percent=float(min_percent))


def incidence_shares(
    frame: pd.DataFrame, *, subjects: pd.DataFrame, levels: Sequence[str], within: pd.DataFrame
) -> pd.DataFrame:
    """Subjects per arm and level, and their share, of the terms that are shown.

    Misreading: as ``incidence``: these are subjects, each once per level.

    Parameters
    ----------
    frame : DataFrame of one row per record
        As ``incidence_counts``.
    subjects : DataFrame of one row per subject
        As ``incidence_counts``.
    levels : sequence of str
        Soc and term, and whatever else is counted within them, such as the worst grade.
    within : DataFrame
        ``frequent`` terms: soc and term, in the order of the result.

    Returns
    -------
    DataFrame
        Columns: the levels, ``arm``, ``n`` subjects with the level, ``of`` subjects of the arm, ``share``.

    Raises
    ------
    InvalidInput
        As ``incidence_counts``.
    """
    counts = incidence_counts(frame, subjects=subjects, levels=levels)
    keys = [*levels, "arm"]
    made = counts[counts["event"] == 1].rename(columns={"count": "n"}).drop(columns="event")
    made["of"] = (
        counts.groupby(keys, sort=False)["count"].sum().reindex(pd.MultiIndex.from_frame(made[keys])).to_numpy()
    )
    made["share"] = made["n"] / made["of"]
    order = within[["soc", "term"]].drop_duplicates()
    return order.merge(made, on=["soc", "term"], how="inner")[[*keys, "n", "of", "share"]]
