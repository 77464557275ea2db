"""Laboratory values: shifts from baseline to treatment, and the liver's two values against each other."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import numbers

# FDA, Guidance for Industry: Drug-Induced Liver Injury, 2009: aminotransferase at least 3, bilirubin above 2, and
# no cholestasis (alkaline phosphatase below 2), all in multiples of the upper limit of normal.
TRANSAMINASE, BILIRUBIN, PHOSPHATASE = 3.0, 2.0, 2.0
LIVER_CATEGORIES = ("neither", "transaminase", "bilirubin", "both", "potential_hys_law")
SHIFT_COLUMNS = ("parameter", "label", "visit", "arm", "baseline", "category", "n", "of", "share")


def shift_counts(frame: pd.DataFrame) -> pd.DataFrame:
    """How many subjects went from each category at baseline to each category later.

    Misreading: a subject is counted once per parameter and visit, and only with both values: what was not measured is
    not in the table. A shift is no diagnosis, and values near a limit cross it by chance.

    Parameters
    ----------
    frame : DataFrame of one row per subject, parameter and visit
        Columns ``subject``, ``arm``, ``parameter``, ``label`` (its text), ``visit``, ``baseline`` and ``category``;
        rows without one of the last two are left out.

    Returns
    -------
    DataFrame
        ``SHIFT_COLUMNS``: ``n`` subjects in the category, ``of`` those of the arm with this baseline category and a
        value then, ``share`` the one of the other. Rows in the order in which the combinations occur; those without
        subjects are absent.

    Raises
    ------
    InvalidInput
        For a missing column, or a subject who has two values of one parameter and visit.
    """
    wanted = ["subject", "arm", "parameter", "label", "visit", "baseline", "category"]
    missing = [name for name in wanted if name not in frame]
    if missing:
        raise InvalidInput("the frame lacks a column", expected=", ".join(missing), found=", ".join(map(str, frame)))
    given = frame[wanted].dropna(subset=["baseline", "category"])
    if given.duplicated(["subject", "parameter", "visit"]).any():
        raise InvalidInput("a subject has two values of one parameter and visit", expected="the worst, or the last")
    if given.empty:
        return pd.DataFrame(columns=list(SHIFT_COLUMNS))
    of = ["parameter", "label", "visit", "arm", "baseline"]
    found = given.groupby([*of, "category"], sort=False, observed=True).size().rename("n").reset_index()
    found["of"] = found.groupby(of, sort=False, observed=True)["n"].transform("sum")
    found["share"] = found["n"] / found["of"]
    return found[list(SHIFT_COLUMNS)]


def liver_category(
    transaminase: ArrayLike,
    bilirubin: ArrayLike,
    phosphatase: ArrayLike,
    *,
    transaminase_limit: float = TRANSAMINASE,
    bilirubin_limit: float = BILIRUBIN,
    phosphatase_limit: float = PHOSPHATASE,
) -> list[str]:
    """The quadrant of each patient's highest liver values, and who is a potential case of Hy's law.

    ``potential_hys_law``: aminotransferase at least 3, bilirubin above 2 and alkaline phosphatase below 2, in multiples
    of the upper limit of normal (ULN) (FDA, Guidance for Industry: Drug-Induced Liver Injury, 2009). ``both``: the same
    quadrant without a phosphatase below its limit. ``transaminase`` and ``bilirubin``: only that one; else ``neither``.

    Misreading: the highest values need not be of one day, and a potential case is one to look at: whether it is a case
    of Hy's law is a clinical judgement that excludes other causes.

    Parameters
    ----------
    transaminase : array of n
        The higher of ALT and AST, each patient's highest multiple of its ULN.
    bilirubin : array of n
        The highest multiple of total bilirubin.
    phosphatase : array of n
        The highest multiple of alkaline phosphatase; NaN where it was not measured, which is not taken for normal.
    transaminase_limit, bilirubin_limit, phosphatase_limit : float
        The limits, in multiples of the ULN.

    Returns
    -------
    list of str
        One of ``LIVER_CATEGORIES`` per patient.

    Raises
    ------
    InvalidInput
        For values that are missing (phosphatase excepted) or negative, and for unequal lengths.
    """
    alt, bili, alp = (
        numbers(v, n)
        for v, n in ((transaminase, "transaminase"), (bilirubin, "bilirubin"), (phosphatase, "phosphatase"))
    )
    if not alt.size == bili.size == alp.size:
        raise InvalidInput("the values differ in length", found=f"{alt.size}, {bili.size} and {alp.size}")
    for values, name in ((alt, "transaminase"), (bili, "bilirubin")):
        if not (np.isfinite(values) & (values >= 0)).all():
            raise InvalidInput(f"{name} holds a value that is no multiple", expected="zero or more")
    high_alt, high_bili = alt >= transaminase_limit, bili > bilirubin_limit
    # A comparison with NaN is False: an unknown phosphatase never makes a potential case.
    case = high_alt & high_bili & (alp < phosphatase_limit)
    chosen: Any = np.select(
        [case, high_alt & high_bili, high_alt, high_bili],
        ["potential_hys_law", "both", "transaminase", "bilirubin"],
        "neither",
    )
    return [str(name) for name in chosen]
