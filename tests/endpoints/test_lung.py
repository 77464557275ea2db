"""Stage groups of lung cancer against the published tables, cell by cell."""

from __future__ import annotations

import itertools
from typing import Any

import pandas as pd
import pytest

from evidence_lib.endpoints.lung import TNM_STAGES, tnm_stage
from evidence_lib.errors import InvalidInput

ALL_T = ("TX", "T0", "Tis", "T1mi", "T1a", "T1b", "T1c", "T2a", "T2b", "T3", "T4")
ALL_N = {8: ("N0", "N1", "N2", "N3"), 9: ("N0", "N1", "N2a", "N2b", "N3")}

# The stage groups as lists, the way they are printed by the AJCC (8th edition, reprinted in the NCCN's patient
# guideline of 2018), not as the grid that the code holds.
EIGHTH = """
Occult: TX N0
0: Tis N0
IA1: T1mi N0, T1a N0
IA2: T1b N0
IA3: T1c N0
IB: T2a N0
IIA: T2b N0
IIB: T1a N1, T1b N1, T1c N1, T2a N1, T2b N1, T3 N0
IIIA: T1a N2, T1b N2, T1c N2, T2a N2, T2b N2, T3 N1, T4 N0, T4 N1
IIIB: T1a N3, T1b N3, T1c N3, T2a N3, T2b N3, T3 N2, T4 N2
IIIC: T3 N3, T4 N3
"""
# 9th edition, Rami-Porta 2024: what moved is T1 N1 (IIB to IIA), T1 N2a (IIIA to IIB), T2 N2b (IIIA to IIIB) and
# T3 N2a (IIIB to IIIA).
NINTH = """
Occult: TX N0
0: Tis N0
IA1: T1mi N0, T1a N0
IA2: T1b N0
IA3: T1c N0
IB: T2a N0
IIA: T2b N0, T1a N1, T1b N1, T1c N1
IIB: T1a N2a, T1b N2a, T1c N2a, T2a N1, T2b N1, T3 N0
IIIA: T1a N2b, T1b N2b, T1c N2b, T2a N2a, T2b N2a, T3 N1, T3 N2a, T4 N0, T4 N1
IIIB: T1a N3, T1b N3, T1c N3, T2a N2b, T2b N2b, T2a N3, T2b N3, T3 N2b, T4 N2a, T4 N2b
IIIC: T3 N3, T4 N3
"""
PRINTED = {8: EIGHTH, 9: NINTH}


def printed(edition: int) -> dict[tuple[str, str], str]:
    found = {}
    for line in PRINTED[edition].strip().splitlines():
        stage, cells = line.split(": ")
        found.update({tuple(cell.split()): stage for cell in cells.split(", ")})
    return found  # type: ignore[return-value]


@pytest.mark.parametrize("edition", [8, 9])
def test_every_cell_of_the_table(edition: Any) -> None:
    cells = list(itertools.product(ALL_T, ALL_N[edition]))
    found = tnm_stage(
        [t for t, _ in cells], [n for _, n in cells], ["M0"] * len(cells), edition=edition, unstaged="missing"
    )
    expected = printed(edition)
    assert len(expected) == 3 + 7 * len(ALL_N[edition])
    assert found.tolist() == [expected.get(cell) for cell in cells]


@pytest.mark.parametrize(
    ("edition", "stages"),
    [
        (8, {"M1a": "IVA", "M1b": "IVA", "M1c": "IVB"}),
        (9, {"M1a": "IVA", "M1b": "IVA", "M1c1": "IVB", "M1c2": "IVB", "M1c": "IVB"}),
    ],
)
def test_any_t_and_any_n_with_distant_metastasis(edition: Any, stages: dict[str, str]) -> None:
    for m, stage in stages.items():
        for t, n in itertools.product((*ALL_T, "T1", "T2"), ("NX", *ALL_N[edition])):
            assert tnm_stage([t], [n], [m], edition=edition).tolist() == [stage]


def test_the_editions_differ_where_they_are_known_to() -> None:
    # Moves named in PubMed 39742577 (a validation of the 9th edition): T1N1 IIB to IIA, T1N2a IIIA to IIB, T3N2a IIIB
    # to IIIA.
    for t, old, new, before, after in (
        ("T1b", "N1", "N1", "IIB", "IIA"), ("T1c", "N2", "N2a", "IIIA", "IIB"), ("T3", "N2", "N2a", "IIIB", "IIIA")
    ):  # fmt: skip
        assert tnm_stage([t], [old], ["M0"], edition=8).tolist() == [before]
        assert tnm_stage([t], [new], ["M0"], edition=9).tolist() == [after]


@pytest.mark.parametrize("edition", [8, 9])
def test_more_disease_is_never_a_lower_stage(edition: Any) -> None:
    frame = pd.DataFrame(itertools.product(ALL_T[4:], ALL_N[edition], ("M0", "M1b", "M1a")), columns=["t", "n", "m"])
    rank = tnm_stage(frame["t"], frame["n"], frame["m"], edition=edition).map(TNM_STAGES.index)
    grid = rank[frame["m"] == "M0"].to_numpy().reshape(7, len(ALL_N[edition]))
    assert (grid[1:] >= grid[:-1]).all()
    assert (grid[:, 1:] >= grid[:, :-1]).all()
    assert rank[frame["m"] != "M0"].min() > grid.max()


@pytest.mark.parametrize(
    ("written", "meant"),
    [("ct2A", "T2a"), (" pT1c ", "T1c"), ("ypT4", "T4"), ("T1a(mi)", "T1mi"), ("T1 (mi)", "T1mi"), ("TIS", "Tis")],
)
def test_ways_of_writing_a_category(written: str, meant: str) -> None:
    for edition in (8, 9):
        expected = tnm_stage([meant], ["N0"], ["M0"], edition=edition).tolist()  # type: ignore[arg-type]
        assert tnm_stage([written], ["cN0"], ["cM0"], edition=edition).tolist() == expected  # type: ignore[arg-type]


def test_a_broad_category_has_a_stage_where_all_its_parts_have_the_same() -> None:
    assert tnm_stage(["T2"], ["N1"], ["M0"], edition=8).tolist() == ["IIB"]
    assert tnm_stage(["T1"], ["N2"], ["M0"], edition=8).tolist() == ["IIIA"]
    assert tnm_stage(["T4"], ["N2"], ["M0"], edition=9).tolist() == ["IIIB"]
    vague = [("T1", "N0", "M0"), ("T2", "N0", "M0"), ("T3", "N2", "M0"), ("T3", "N0", "M1"), ("T3", "NX", "M0")]
    t, n, m = zip(*vague, strict=True)
    assert tnm_stage(t, n, m, edition=9, unstaged="missing").tolist() == [None] * 5
    for one in vague:
        with pytest.raises(InvalidInput, match=r"row 1: these categories have no single stage group"):
            tnm_stage(*[[part] for part in one], edition=9)


def test_a_missing_category_gives_a_missing_stage() -> None:
    found = tnm_stage(
        pd.Series(["T1a", None, "T1a"], index=[5, 6, 7]), ["N0", "N0", ""], ["M0", "M1a", "M0"], edition=8
    )
    assert found.tolist() == ["IA1", None, None]
    assert found.index.tolist() == [5, 6, 7]
    assert len(tnm_stage([], [], [], edition=9)) == 0


@pytest.mark.parametrize(
    ("given", "edition", "match"),
    [
        (("T5", "N0", "M0"), 8, "tumour is not a category of edition 8.*row 1"),
        (("T1a", "N2a", "M0"), 8, "nodes is not a category of edition 8"),
        (("T1a", "N4", "M0"), 9, "nodes is not a category of edition 9"),
        (("T1a", "N0", "M1c1"), 8, "metastasis is not a category of edition 8"),
        (("T1a", "N0", "MX"), 9, "metastasis is not a category"),
        (("N0", "T1a", "M0"), 9, "tumour is not a category"),
        ((1, "N0", "M0"), 9, "tumour is not a category"),
        (("T1a", "N0", "M0"), 7, "unknown edition"),
        (("T1a", "N0", "M0"), True, "unknown edition"),
    ],
)
def test_impossible_categories_are_refused(given: tuple[Any, ...], edition: Any, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        tnm_stage(*[[part] for part in given], edition=edition)
    with pytest.raises(InvalidInput, match="different lengths"):
        tnm_stage(["T1a"], [], ["M0"], edition=8)
    with pytest.raises(InvalidInput, match="unknown choice for unstaged"):
        tnm_stage(["T1a"], ["N0"], ["M0"], edition=8, unstaged="no")  # type: ignore[arg-type]
