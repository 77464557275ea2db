"""The frames behind figures of single patients: anonymous, in the order of their values, and thinned."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd

MOST_LINES = 40  # lines of one arm that a reader can still tell apart
LEAST_IN_BAND = 5  # patients in a window of time under which quartiles say nothing
WINDOW = 42  # days


def waterfall_bars(frame: pd.DataFrame) -> pd.DataFrame:
    """The best change of everybody who has one: arm, percent_change, best; by arm from growth to shrinkage."""
    known = frame.loc[frame["percent_change"].notna(), ["arm", "percent_change", "best"]]
    return known.sort_values(["arm", "percent_change", "best"], ascending=[True, False, True], ignore_index=True)


def spider_lines(frame: pd.DataFrame, changes: pd.DataFrame, *, most: int = MOST_LINES) -> pd.DataFrame:
    """The change over time of the patients of each arm: arm, line, best, day, percent_change, of.

    Where an arm has more than ``most``, those at even steps through the order of the best change are taken, so that
    deep and shallow changes are there in the share in which they occur; ``of`` is how many there are in all. ``line``
    counts the lines of an arm in that order. Each line begins at 0 on day 1.
    """
    chosen = _even_steps(frame[frame["subject"].isin(changes["subject"])], ["percent_change", "best"], most)
    lines = changes[["subject", "day", "percent_change"]].merge(chosen, on="subject")
    starts = chosen.assign(day=1, percent_change=0.0)
    every = pd.concat([starts, lines], ignore_index=True)
    return every.sort_values(["arm", "line", "day"], ignore_index=True)[
        ["arm", "line", "best", "day", "percent_change", "of"]
    ]


def spider_band(changes: pd.DataFrame, *, window: int = WINDOW) -> pd.DataFrame:
    """Quartiles of the change in each window of time, of all patients with a sum there: arm, day, n, q1, median, q3.

    Of several sums of a patient in a window the last counts; a window with fewer than 5 patients is left out.

    Misreading: later windows hold only those who were still measured, who are those that did well.
    """
    placed = changes.assign(window=(changes["day"] - 1) // window).sort_values("day")
    last = placed.drop_duplicates(["subject", "window"], keep="last")
    rows = []
    keys: Any
    for keys, part in last.groupby(["arm", "window"], sort=True):
        arm, at = keys
        if len(part) >= LEAST_IN_BAND:
            quartiles = np.quantile(part["percent_change"].to_numpy(dtype=float), [0.25, 0.5, 0.75])
            rows.append([arm, int(at * window + window // 2), len(part), *map(float, quartiles)])
    return pd.DataFrame(rows, columns=["arm", "day", "n", "q1", "median", "q3"])


def swimmer_rows(frame: pd.DataFrame, *, most: int = MOST_LINES) -> pd.DataFrame:
    """The course of patients: arm, line, best, end, treated_until, response, progression, died, ongoing, of.

    Days from the start; missing where there was none. Thinned as ``spider_lines``, by the length of follow-up.
    """
    columns = ["end", "treated_until", "response", "progression", "died", "ongoing"]
    chosen = _even_steps(frame[frame["end"].notna()], ["end", "best"], most)
    made = chosen.merge(frame[["subject", *columns]], on="subject")
    made = made.sort_values(["arm", "line"], ignore_index=True)
    return made[["arm", "line", "best", *columns, "of"]]


def _even_steps(frame: pd.DataFrame, order: list[str], most: int) -> pd.DataFrame:
    """Up to ``most`` subjects of each arm at even steps through an order: subject, arm, best, line, of."""
    parts = []
    for arm, part in frame.groupby("arm", sort=True):
        ordered = part.sort_values(order, ascending=[False, True], kind="stable")
        count = min(most, len(ordered))
        # The middle of each of as many equal parts of the order.
        places = (
            (np.arange(count) * len(ordered) + len(ordered) // 2) // max(count, 1) if count < len(ordered) else None
        )
        taken = ordered if places is None else ordered.iloc[places]
        parts.append(
            pd.DataFrame(
                {
                    "subject": taken["subject"].to_numpy(),
                    "arm": arm,
                    "best": taken["best"].to_numpy(),
                    "line": np.arange(1, len(taken) + 1),
                    "of": len(ordered),
                }
            )
        )
    empty = pd.DataFrame(columns=["subject", "arm", "best", "line", "of"])
    return pd.concat(parts, ignore_index=True) if parts else empty
