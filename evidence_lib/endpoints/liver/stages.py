"""Stages of hepatocellular carcinoma: BCLC and CNLC.

Both take one value per patient (arrays or Series of one index) and give a Series. A missing input gives a missing
result, also where the others would decide; an impossible one is refused.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, Literal

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from evidence_lib.endpoints.clinical_inputs import chosen, common_index, in_range, known_words, labels, yes_no
from evidence_lib.endpoints.liver.function import CHILD_PUGH_CLASSES
from evidence_lib.statistics.inputs import refuse

SizeUnit = Literal["cm", "mm"]

BCLC_STAGES = ("0", "A", "B", "C", "D")
CNLC_STAGES = ("Ia", "Ib", "IIa", "IIb", "IIIa", "IIIb", "IV")


def bclc_stage(
    tumours: ArrayLike,
    largest: ArrayLike,
    vascular_invasion: Iterable[Any],
    extrahepatic_spread: Iterable[Any],
    child_pugh: Iterable[Any],
    performance_status: ArrayLike,
    *,
    size_unit: SizeUnit,
    transplant_candidate: Iterable[Any] | None = None,
) -> pd.Series:
    """The stage of the Barcelona Clinic Liver Cancer strategy.

    D: performance status 3 or 4, or Child-Pugh C in who is no candidate for a transplant. C: vascular invasion,
    extrahepatic spread, or performance status 1 or 2. 0: one tumour up to 2 cm, Child-Pugh A. A: one tumour of any
    size, or two or three up to 3 cm each. B: other multinodular disease. Source: Reig M et al., J Hepatol
    2022;76:681-93.

    Assumes that the performance status is the tumour's doing. The strategy itself asks for preserved liver function,
    which Child-Pugh A or B stands for here, and for more judgement than columns hold.

    Misreading: a single large tumour is stage A, however large; older versions and some trials call it B.

    Parameters
    ----------
    tumours : array-like of int
        Number of tumours in the liver.
    largest : array-like of float
        Diameter of the largest.
    vascular_invasion, extrahepatic_spread : iterable of bool
        Invasion of the portal or hepatic veins seen on imaging; spread to lymph nodes or beyond the liver.
    child_pugh : iterable of str
        Child-Pugh class.
    performance_status : array-like of int
        ECOG performance status, 0 to 4.
    size_unit : {"cm", "mm"}
        The unit of ``largest``.
    transplant_candidate : iterable of bool, optional
        Who with Child-Pugh C is a candidate for a transplant and is staged by the tumour; nobody by default.

    Returns
    -------
    pd.Series
        ``BCLC_STAGES``, None where an input is missing.

    Raises
    ------
    InvalidInput
        A value is impossible, a unit or class is unknown, or lengths differ.
    """
    disease = _disease(
        tumours, largest, vascular_invasion, extrahepatic_spread, child_pugh, performance_status, size_unit=size_unit
    )
    candidate, told = np.zeros(len(disease), dtype=bool), disease["known"].to_numpy()
    if transplant_candidate is not None:
        common_index(tumours=tumours, transplant_candidate=transplant_candidate)
        candidate, answered = yes_no(transplant_candidate, "transplant_candidate")
        told = told & (answered | (disease["child_pugh"] != "C").to_numpy())
    single, few = disease["tumours"] == 1, (disease["tumours"] <= 3) & (disease["size"] <= 3)
    stage = np.select(
        [
            (disease["status"] >= 3) | ((disease["child_pugh"] == "C") & ~candidate),
            disease["invasion"] | disease["spread"] | (disease["status"] >= 1),
            single & (disease["size"] <= 2) & (disease["child_pugh"] == "A"),
            single | few,
        ],
        ["D", "C", "0", "A"],
        "B",
    )
    return labels(stage, disease.index, told)


def cnlc_stage(
    tumours: ArrayLike,
    largest: ArrayLike,
    vascular_invasion: Iterable[Any],
    extrahepatic_spread: Iterable[Any],
    child_pugh: Iterable[Any],
    performance_status: ArrayLike,
    *,
    size_unit: SizeUnit,
) -> pd.Series:
    """The stage of the China liver cancer staging (CNLC).

    IV: performance status 3 or 4, or Child-Pugh C. IIIb: extrahepatic spread. IIIa: vascular invasion. Ia: one tumour
    up to 5 cm. Ib: one larger than 5 cm, or two or three up to 3 cm. IIa: two or three, the largest above 3 cm. IIb:
    four or more. Source: National Health Commission of China, guidelines for diagnosis and treatment of primary liver
    cancer, 2022 and 2024 editions (the stages are those of 2019).

    Misreading: its letters are not those of BCLC; a patient with performance status 2 can be stage Ia here and C there.

    Parameters
    ----------
    tumours, largest : array-like
        As for ``bclc_stage``.
    vascular_invasion, extrahepatic_spread, child_pugh : iterable
        As for ``bclc_stage``.
    performance_status : array-like of int
        As for ``bclc_stage``.
    size_unit : {"cm", "mm"}
        The unit of ``largest``.

    Returns
    -------
    pd.Series
        ``CNLC_STAGES``, None where an input is missing.

    Raises
    ------
    InvalidInput
        As for ``bclc_stage``.
    """
    disease = _disease(
        tumours, largest, vascular_invasion, extrahepatic_spread, child_pugh, performance_status, size_unit=size_unit
    )
    single, few = disease["tumours"] == 1, disease["tumours"] <= 3
    stage = np.select(
        [
            (disease["status"] >= 3) | (disease["child_pugh"] == "C"),
            disease["spread"],
            disease["invasion"],
            single & (disease["size"] <= 5),
            single | (few & (disease["size"] <= 3)),
            few,
        ],
        ["IV", "IIIb", "IIIa", "Ia", "Ib", "IIa"],
        "IIb",
    )
    return labels(stage, disease.index, disease["known"].to_numpy())


def _disease(
    tumours: Any, largest: Any, invasion: Any, spread: Any, child_pugh: Any, status: Any, *, size_unit: str
) -> pd.DataFrame:
    """The inputs of a stage, checked, sizes in cm, and for whom all are known."""
    index = common_index(
        tumours=tumours,
        largest=largest,
        vascular_invasion=invasion,
        extrahepatic_spread=spread,
        child_pugh=child_pugh,
        performance_status=status,
    )
    chosen(size_unit, "size_unit", ("cm", "mm"))
    high = 40.0 if size_unit == "cm" else 400.0
    number = in_range(tumours, "tumours", low=0, high=1000, unit="", whole=True)
    size = in_range(largest, "largest", low=0, high=high, unit=size_unit)
    fitness = in_range(status, "performance_status", low=0, high=4, unit="", whole=True)
    invades, invades_told = yes_no(invasion, "vascular_invasion")
    spreads, spreads_told = yes_no(spread, "extrahepatic_spread")
    grade = known_words(child_pugh, "child_pugh", {name: name for name in CHILD_PUGH_CLASSES})
    refuse((number == 0) & (size > 0), "largest", "0 where there is no tumour in the liver", "a size")
    refuse((number > 0) & (size == 0), "largest", "a size above 0", "0")
    nowhere = (number == 0) & ~invades & ~spreads & invades_told & spreads_told
    refuse(nowhere, "tumours", "a tumour, invasion or spread", "none of them")
    graded = np.array([value is not None for value in grade], dtype=bool)
    known = ~np.isnan(number) & ~np.isnan(size) & ~np.isnan(fitness) & invades_told & spreads_told & graded
    return pd.DataFrame(
        {
            "tumours": number,
            "size": size if size_unit == "cm" else size / 10,
            "invasion": invades,
            "spread": spreads,
            "child_pugh": grade,
            "status": fitness,
            "known": known,
        },
        index=index,
    )
