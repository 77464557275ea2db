"""Liver function: the ALBI score and grade, and Child-Pugh.

Every function takes one value per patient (arrays or Series of one index) and gives a Series. A missing input gives a
missing result; an impossible one is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.endpoints.clinical_inputs import chosen, common_index, in_range, known_words, labels
from evidence_lib.errors import InvalidInput
from evidence_lib.statistics.inputs import Floats

BilirubinUnit = Literal["umol/L", "mg/dL"]
AlbuminUnit = Literal["g/L", "g/dL"]
ClottingUnit = Literal["INR", "seconds above control"]

UMOL_PER_MG = 17.1  # µmol/L of bilirubin per mg/dL
ALBI_GRADES = ("1", "2", "3")
MALBI_GRADES = ("1", "2a", "2b", "3")
CHILD_PUGH_CLASSES = ("A", "B", "C")
# What can be, and so that the commonest mistakes of unit are refused.
_BILIRUBIN = {"umol/L": (1.0, 1710.0), "mg/dL": (0.05, 100.0)}
_ALBUMIN = {"g/L": (5.0, 80.0), "g/dL": (0.5, 8.0)}
_CLOTTING = {"INR": (0.5, 25.0), "seconds above control": (-10.0, 200.0)}
# Points of Child-Pugh: 1 below the first, 3 above the second, 2 from one to the other (albumin the other way round).
_BILIRUBIN_CUTS = {"umol/L": (34.2, 51.3), "mg/dL": (2.0, 3.0)}
_ALBUMIN_CUTS = {"g/L": (28.0, 35.0), "g/dL": (2.8, 3.5)}
_CLOTTING_CUTS = {"INR": (1.7, 2.3), "seconds above control": (4.0, 6.0)}
_ASCITES = {"NONE": 1, "ABSENT": 1, "MILD": 2, "SLIGHT": 2, "MODERATE": 3, "SEVERE": 3, "LARGE": 3}
_ENCEPHALOPATHY = {"NONE": 1, "0": 1, "1": 2, "2": 2, "3": 3, "4": 3}


def albi_score(
    bilirubin: ArrayLike, albumin: ArrayLike, *, bilirubin_unit: BilirubinUnit, albumin_unit: AlbuminUnit
) -> pd.Series:
    """The albumin-bilirubin score: 0.66 log10(bilirubin in µmol/L) - 0.085 (albumin in g/L).

    Source: Johnson PJ et al., J Clin Oncol 2015;33:550-8. Lower is better liver function. 1 mg/dL of bilirubin is
    17.1 µmol/L.

    Misreading: a score that is more negative is better, not worse.

    Parameters
    ----------
    bilirubin, albumin : array-like of float
        Serum values, one per patient.
    bilirubin_unit : {"umol/L", "mg/dL"}
        The unit of ``bilirubin``.
    albumin_unit : {"g/L", "g/dL"}
        The unit of ``albumin``.

    Returns
    -------
    pd.Series
        The score, NaN where an input is missing.

    Raises
    ------
    InvalidInput
        A value is impossible in its unit, a unit is unknown, or lengths differ.
    """
    index = common_index(bilirubin=bilirubin, albumin=albumin)
    micromoles = _quantity(bilirubin, "bilirubin", bilirubin_unit, _BILIRUBIN)
    grams = _quantity(albumin, "albumin", albumin_unit, _ALBUMIN)
    if bilirubin_unit == "mg/dL":
        micromoles = micromoles * UMOL_PER_MG
    if albumin_unit == "g/dL":
        grams = grams * 10
    return pd.Series(0.66 * np.log10(micromoles) - 0.085 * grams, index=index, dtype=float)


def albi_grade(
    bilirubin: ArrayLike,
    albumin: ArrayLike,
    *,
    bilirubin_unit: BilirubinUnit,
    albumin_unit: AlbuminUnit,
    modified: bool = False,
) -> pd.Series:
    """The ALBI grade: 1 up to -2.60, 2 above that up to -1.39, 3 above; modified, 2a below -2.27 and 2b from there.

    Sources: Johnson PJ et al., J Clin Oncol 2015;33:550-8; modified: Hiraoka A et al., Liver Cancer 2017;6:325-36.

    Misreading: it grades the function of the liver, not the cancer; grade 1 can go with a large tumour.

    Parameters
    ----------
    bilirubin, albumin : array-like of float
        Serum values, one per patient.
    bilirubin_unit, albumin_unit : str
        Their units, as for ``albi_score``.
    modified : bool
        Split grade 2 (mALBI).

    Returns
    -------
    pd.Series
        ``ALBI_GRADES`` or ``MALBI_GRADES``, None where an input is missing.

    Raises
    ------
    InvalidInput
        As for ``albi_score``.
    """
    score = albi_score(bilirubin, albumin, bilirubin_unit=bilirubin_unit, albumin_unit=albumin_unit)
    if not isinstance(modified, bool):
        raise InvalidInput("modified is neither true nor false", expected="True or False")
    # Rounded, so that a score on a limit is not moved by the last bits of its logarithm.
    value = score.round(9)
    second = np.where(value < -2.27, "2a", "2b") if modified else np.full(len(value), "2", dtype=object)
    grade = np.where(value <= -2.60, "1", np.where(value <= -1.39, second, "3"))
    return labels(grade, score.index, score.notna().to_numpy())


def child_pugh_points(
    bilirubin: ArrayLike,
    albumin: ArrayLike,
    clotting: ArrayLike,
    ascites: Iterable[Any],
    encephalopathy: Iterable[Any],
    *,
    bilirubin_unit: BilirubinUnit,
    albumin_unit: AlbuminUnit,
    clotting_unit: ClottingUnit,
    bilirubin_cuts: tuple[float, float] | None = None,
) -> pd.Series:
    """The Child-Pugh score, 5 to 15 points.

    1, 2 and 3 points: bilirubin < 2, 2 to 3, > 3 mg/dL (34.2 and 51.3 µmol/L); albumin > 3.5, 2.8 to 3.5, < 2.8 g/dL;
    INR < 1.7, 1.7 to 2.3, > 2.3, or prothrombin time < 4, 4 to 6, > 6 seconds above control; ascites none, slight,
    moderate; encephalopathy grade 0, 1 or 2, 3 or 4. Source: Pugh RNH et al., Br J Surg 1973;60:646-9, with the INR in
    general use.

    Misreading: it is made for cirrhosis; a patient without cirrhosis has at least 5 points too. Ascites and
    encephalopathy that are controlled by treatment count as slight, and so must be coded.

    Parameters
    ----------
    bilirubin, albumin, clotting : array-like of float
        Serum bilirubin and albumin, and the INR or how much longer the prothrombin time is than the control's.
    ascites : iterable
        ``none``, ``slight`` (or mild), ``moderate`` (or severe, large).
    encephalopathy : iterable
        The grade, 0 to 4, or ``none``.
    bilirubin_unit, albumin_unit : str
        Their units, as for ``albi_score``.
    clotting_unit : {"INR", "seconds above control"}
        What ``clotting`` is. A prothrombin time itself is neither.
    bilirubin_cuts : tuple of float, optional
        Other limits of bilirubin, in its unit: (34, 50) µmol/L where these rounded ones are used, (4, 10) mg/dL for
        cholestatic disease (Pugh 1973).

    Returns
    -------
    pd.Series
        Points (Int64), missing where an input is.

    Raises
    ------
    InvalidInput
        A value is impossible in its unit, a unit or word is unknown, or lengths differ.
    """
    index = common_index(
        bilirubin=bilirubin, albumin=albumin, clotting=clotting, ascites=ascites, encephalopathy=encephalopathy
    )
    bile = _quantity(bilirubin, "bilirubin", bilirubin_unit, _BILIRUBIN)
    protein = _quantity(albumin, "albumin", albumin_unit, _ALBUMIN)
    clots = _quantity(clotting, "clotting", clotting_unit, _CLOTTING)
    parts = [
        _points(bile, _cuts(bilirubin_cuts) or _BILIRUBIN_CUTS[bilirubin_unit]),
        4 - _points(protein, _ALBUMIN_CUTS[albumin_unit]),
        _points(clots, _CLOTTING_CUTS[clotting_unit]),
        known_words(ascites, "ascites", _ASCITES).astype(float),
        known_words(encephalopathy, "encephalopathy", _ENCEPHALOPATHY).astype(float),
    ]
    return pd.Series(np.sum(parts, axis=0), index=index).astype("Int64")


def child_pugh_class(
    bilirubin: ArrayLike,
    albumin: ArrayLike,
    clotting: ArrayLike,
    ascites: Iterable[Any],
    encephalopathy: Iterable[Any],
    *,
    bilirubin_unit: BilirubinUnit,
    albumin_unit: AlbuminUnit,
    clotting_unit: ClottingUnit,
    bilirubin_cuts: tuple[float, float] | None = None,
) -> pd.Series:
    """The Child-Pugh class: A for 5 and 6 points, B for 7 to 9, C for 10 to 15.

    Misreading: class B is wide; trials that take in B7 only have to say so, and then need the points.

    Parameters
    ----------
    bilirubin, albumin, clotting : array-like of float
        As for ``child_pugh_points``.
    ascites, encephalopathy : iterable
        As for ``child_pugh_points``.
    bilirubin_unit, albumin_unit, clotting_unit : str
        As for ``child_pugh_points``.
    bilirubin_cuts : tuple of float, optional
        As for ``child_pugh_points``.

    Returns
    -------
    pd.Series
        ``CHILD_PUGH_CLASSES``, None where an input is missing.

    Raises
    ------
    InvalidInput
        As for ``child_pugh_points``.
    """
    points = child_pugh_points(
        bilirubin,
        albumin,
        clotting,
        ascites,
        encephalopathy,
        bilirubin_unit=bilirubin_unit,
        albumin_unit=albumin_unit,
        clotting_unit=clotting_unit,
        bilirubin_cuts=bilirubin_cuts,
    )
    value = points.fillna(0).to_numpy(dtype=int)
    return labels(
        np.where(value <= 6, "A", np.where(value <= 9, "B", "C")), points.index, points.notna().to_numpy(dtype=bool)
    )


def _quantity(values: Any, name: str, unit: str, ranges: dict[str, tuple[float, float]]) -> Floats:
    low, high = ranges[chosen(unit, f"unit of {name}", ranges)]
    return in_range(values, name, low=low, high=high, unit=unit)


def _points(values: Floats, cuts: tuple[float, float]) -> Floats:
    """1 below the first cut, 3 above the second, 2 from one to the other, both included; NaN where missing."""
    with np.errstate(invalid="ignore"):
        points = np.where(values < cuts[0], 1.0, np.where(values <= cuts[1], 2.0, 3.0))
    return np.where(np.isnan(values), np.nan, points)


def _cuts(given: Any) -> tuple[float, float] | None:
    if given is None:
        return None
    real = isinstance(given, tuple | list) and len(given) == 2 and all(type(cut) in (int, float) for cut in given)
    if not real or not 0 < given[0] < given[1] < np.inf:
        raise InvalidInput("bilirubin_cuts are not two limits", expected="two rising numbers above 0")
    return float(given[0]), float(given[1])
