"""Stage groups of lung cancer from T, N and M categories: UICC/AJCC 8th and 9th edition."""

from __future__ import annotations

import re
from collections.abc import Iterable
from functools import cache
from typing import Any, Literal

import numpy as np
import pandas as pd

from evidence_lib.data.values import plain_text
from evidence_lib.endpoints.clinical_inputs import chosen, common_index, labels, unknown_word
from evidence_lib.errors import InvalidInput

Edition = Literal[8, 9]
Unstaged = Literal["refuse", "missing"]

TNM_STAGES = (
    "Occult",
    "0",
    "IA1",
    "IA2",
    "IA3",
    "IB",
    "IIA",
    "IIB",
    "IIIA",
    "IIIB",
    "IIIC",
    "IVA",
    "IVB",
)
_T = ("T1a", "T1b", "T1c", "T2a", "T2b", "T3", "T4")
_N = {8: ("N0", "N1", "N2", "N3"), 9: ("N0", "N1", "N2a", "N2b", "N3")}
# Stage groups without distant metastasis: a line per N category, a column per T category.
_GROUPS = {
    8: {
        "N0": "IA1 IA2 IA3 IB IIA IIB IIIA",
        "N1": "IIB IIB IIB IIB IIB IIIA IIIA",
        "N2": "IIIA IIIA IIIA IIIA IIIA IIIB IIIB",
        "N3": "IIIB IIIB IIIB IIIB IIIB IIIC IIIC",
    },
    9: {
        "N0": "IA1 IA2 IA3 IB IIA IIB IIIA",
        "N1": "IIA IIA IIA IIB IIB IIIA IIIA",
        "N2a": "IIB IIB IIB IIIA IIIA IIIA IIIB",
        "N2b": "IIIA IIIA IIIA IIIB IIIB IIIB IIIB",
        "N3": "IIIB IIIB IIIB IIIB IIIB IIIC IIIC",
    },
}
_METASTASIS = {
    8: {"M1a": "IVA", "M1b": "IVA", "M1c": "IVB"},
    9: {"M1a": "IVA", "M1b": "IVA", "M1c1": "IVB", "M1c2": "IVB"},
}
# Categories that stand for several of the table; a stage is given where all of these have the same.
_BROAD = {
    "T1": ("T1a", "T1b", "T1c"),
    "T2": ("T2a", "T2b"),
    "N2": ("N2a", "N2b"),
    "M1c": ("M1c1", "M1c2"),
    "M1": ("M1a", "M1b", "M1c", "M1c1", "M1c2"),
}
_PREFIX = re.compile(r"[YRA]?[CP](?=[TNM])")
_WRITTEN = {"T1A(MI)": "T1MI", "T1(MI)": "T1MI", "T1AMI": "T1MI", "T1SS": "T1A", "T1A(SS)": "T1A", "T1(SS)": "T1A"}


def tnm_stage(
    tumour: Iterable[Any],
    nodes: Iterable[Any],
    metastasis: Iterable[Any],
    *,
    edition: Edition,
    unstaged: Unstaged = "refuse",
) -> pd.Series:
    """The stage group of lung cancer of these T, N and M categories.

    Sources: 8th edition, Goldstraw P et al., J Thorac Oncol 2016;11:39-51; 9th edition, Rami-Porta R et al., J Thorac
    Oncol 2024;19:1007-27. The clinical and the pathological groups are the same.

    Misreading: the editions differ for the same tumour (T1 N1 is IIB in the 8th and IIA in the 9th), so that stages of
    two editions do not compare. Stages say nothing about how the categories were found.

    Parameters
    ----------
    tumour : iterable of str
        TX, T0, Tis, T1mi, T1a to T1c, T2a, T2b, T3, T4, in either case; a prefix such as c, p or yp is left out.
    nodes : iterable of str
        NX, N0, N1, N2 (9th edition: N2a, N2b), N3.
    metastasis : iterable of str
        M0, M1a, M1b, M1c (9th edition: M1c1, M1c2).
    edition : {8, 9}
        The edition by which the categories were given.
    unstaged : {"refuse", "missing"}
        What to do with categories that have no single stage group: T1 or T2 without a letter where it matters, N2
        without one in the 9th edition, NX, T0, and Tis, T1mi or TX with nodes.

    Returns
    -------
    pd.Series
        ``TNM_STAGES``, None where a category is missing.

    Raises
    ------
    InvalidInput
        A category is none of the edition's, an edition is unknown, lengths differ, or there is no single stage group.
    """
    index = common_index(tumour=tumour, nodes=nodes, metastasis=metastasis)
    chosen(edition, "edition", (8, 9))
    chosen(unstaged, "choice for unstaged", ("refuse", "missing"))
    known = _categories(edition)
    given = {"tumour": tumour, "nodes": nodes, "metastasis": metastasis}
    read = [_read(values, name, known[name], edition) for name, values in given.items()]
    stages: list[str | None] = []
    for row, category in enumerate(zip(*read, strict=True), start=1):
        stage = None if None in category else _stage(*category, edition=edition)
        if stage is None and None not in category and unstaged == "refuse":
            raise InvalidInput(
                "these categories have no single stage group",
                where=f"row {row}",
                found=" ".join(str(part) for part in category),
                mend='give the full categories, or unstaged="missing"',
            )
        stages.append(stage)
    return labels(stages, index, np.array([stage is not None for stage in stages], dtype=bool))


def _read(values: Iterable[Any], name: str, known: dict[str, str], edition: int) -> list[str | None]:
    found: list[str | None] = []
    for row, value in enumerate(values, start=1):
        text = plain_text(value)
        if text is None:
            found.append(None)
            continue
        plain = _PREFIX.sub("", re.sub(r"\s", "", text).upper())
        plain = _WRITTEN.get(plain, plain)
        if plain not in known:
            shown, near = unknown_word(plain, known)
            raise InvalidInput(
                f"{name} is not a category of edition {edition}",
                expected=", ".join(known.values()),
                found=f"{shown} in row {row}",
                mend=near,
            )
        found.append(known[plain])
    return found


@cache
def _stage(t: str, n: str, m: str, *, edition: Edition) -> str | None:
    """The stage group, or None where there is not exactly one."""
    metastatic = _METASTASIS[edition]
    if m != "M0":
        groups = {metastatic[one] for one in _BROAD.get(m, (m,)) if one in metastatic}
        return metastatic.get(m) or _single(groups)
    special = {("TX", "N0"): "Occult", ("Tis", "N0"): "0", ("T1mi", "N0"): "IA1"}
    if (t, n) in special:
        return special[t, n]
    rows = [n] if n in _N[edition] else list(_BROAD.get(n, ()))
    columns = [t] if t in _T else list(_BROAD.get(t, ()))
    return _single({_GROUPS[edition][row].split()[_T.index(column)] for row in rows for column in columns})


def _single(groups: set[str]) -> str | None:
    return next(iter(groups)) if len(groups) == 1 else None


def _categories(edition: Edition) -> dict[str, dict[str, str]]:
    """The categories that may be given, by input: upper case to the form in which they are written."""
    distant = ("M0", "M1", *_METASTASIS[edition], *(("M1c",) if edition == 9 else ()))
    nodal = ("NX", *_N[edition], *(("N2",) if edition == 9 else ()))
    primary = ("TX", "T0", "Tis", "T1", "T1mi", "T2", *_T)
    listed = {"tumour": primary, "nodes": nodal, "metastasis": distant}
    return {key: {name.upper(): name for name in names} for key, names in listed.items()}
