"""Tumour size and response: RECIST 1.1's criteria, and agreement with the latent day of progression."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib.endpoints import response
from evidence_lib.rehearsal.course import NEVER
from evidence_lib.rehearsal.trial import LUNG_DEMO, Happenings, generate, happen
from evidence_lib.rehearsal.tumour import (
    ABSENT,
    CR,
    GONE,
    GROWN,
    NE,
    NONE,
    PD,
    PR,
    PRESENT,
    SD,
    _largest,
    _target_response,
    best_response,
    first_response,
    overall_response,
)


# RECIST 1.1, table 1 (Eisenhauer et al. 2009): target, non-target, new lesion, overall.
@pytest.mark.parametrize(
    ("target", "non_target", "new", "overall"),
    [
        (CR, GONE, False, CR),
        (CR, ABSENT, False, CR),
        (CR, PRESENT, False, PR),
        (PR, PRESENT, False, PR),
        (PR, GONE, False, PR),
        (SD, PRESENT, False, SD),
        (NE, PRESENT, False, NE),
        (PD, PRESENT, False, PD),
        (PD, GONE, True, PD),
        (CR, GROWN, False, PD),
        (PR, GONE, True, PD),
        (NE, GROWN, False, PD),
        (NE, PRESENT, True, PD),
    ],
)
def test_overall_response_by_the_table(target: int, non_target: int, new: bool, overall: int) -> None:
    found = overall_response(np.array([target]), np.array([non_target]), np.array([new]))
    assert found.tolist() == [overall]


@given(st.integers(5, 400), st.integers(5, 400), st.integers(0, 600))
def test_target_response_is_the_criterion_in_decimals(baseline: int, smallest: int, size: int) -> None:
    found = int(_target_response(np.array([size]), np.array([smallest]), np.array([baseline]))[0])
    grown = size - smallest >= 5 and size >= 1.2 * smallest - 1e-9
    expected = PD if grown else CR if size == 0 else PR if size <= 0.7 * baseline + 1e-9 else SD
    assert found == expected


@given(st.integers(1, 400), st.integers(5, 400), st.booleans())
def test_the_largest_size_is_the_last_without_progression(smallest: int, baseline: int, responded: bool) -> None:
    limit = int(_largest(np.array([smallest]), np.array([baseline]), np.array([responded]))[0])
    allowed = [
        size
        for size in range(0, 700)
        if not (size - smallest >= 5 and 5 * size >= 6 * smallest) and not (responded and 10 * size > 7 * baseline)
    ]
    assert limit == max(allowed)


def test_progression_is_found_at_the_assessment_after_it_and_never_before(happened: Happenings) -> None:
    overall, course = happened.tumours.overall, happened.course
    progressive = overall == PD
    assert (progressive.sum(axis=1) == (course.found >= 0)).all()
    assert (progressive.argmax(axis=1) == course.found)[course.found >= 0].all()
    assert ((overall == NONE) == (course.visits == NEVER)).all()
    assert (happened.tumours.sums[:, :][happened.tumours.target == NE] == -1).all()


def test_responders_live_longer_and_their_tumours_shrink_more() -> None:
    happened = happen(LUNG_DEMO, seed=31, n=20_000)
    course = happened.course
    responds = best_response(happened.tumours, course, confirmed=True) <= PR
    # Among those alive half a year after randomisation, so that living long enough to respond is no part of it.
    alive = course.death > 183
    assert np.median(course.death[alive & responds]) > 1.15 * np.median(course.death[alive & ~responds])
    assert (first_response(happened.tumours, course)[responds] < NEVER).all()
    assert happened.tumours.depth[responds].mean() > happened.tumours.depth[~responds].mean() + 0.4


def test_a_confirmed_response_is_an_unconfirmed_one_and_no_better(happened: Happenings) -> None:
    confirmed, best = (best_response(happened.tumours, happened.course, confirmed=which) for which in (True, False))
    assert (confirmed >= best).all()
    assert ((confirmed <= PR) <= (best <= PR)).all()
    assert (confirmed[best == PR] != CR).all()
    assert (confirmed[best == SD] == SD).all()


@pytest.mark.parametrize("seed", [1, 2])
def test_the_endpoints_derive_the_same_responses_from_the_lesions(seed: int) -> None:
    """The rules of the endpoints were written apart from those of the rehearsal."""
    many = replace(LUNG_DEMO, patients=250, unevaluable=0.1, missed=(0.1, 0.5, 0.3), next_therapy=(0.9, 0.9))
    data = generate(many, seed=seed).datasets
    lesions = data["ADTR"][data["ADTR"]["PARAMCD"] == "LDIAM"]
    records = pd.DataFrame(
        {
            "subject": lesions["USUBJID"],
            "date": lesions["ADT"],
            "lesion": lesions["TRLNKID"],
            "target": True,
            "baseline": lesions["ABLFL"] == "Y",
            "diameter": lesions["AVAL"],
        }
    )

    def of(code: str) -> pd.DataFrame:
        rows = data["ADRS"][data["ADRS"]["PARAMCD"] == code]
        names = {"USUBJID": "subject", "ADT": "date", "AVALC": "response"}
        return rows[list(names)].rename(columns=names).reset_index(drop=True)

    spread = of("NEWLES")
    derived = response.visit_response(
        records.reset_index(drop=True), non_target=of("NTRGRESP"), new_lesions=spread[spread["response"] == "Y"]
    )
    # A subject whose only lesion was not measured, and who has no other, has no record of that visit.
    merged = of("OVRLRESP").merge(derived, on=["subject", "date"], how="outer", suffixes=("", "_derived"))
    assert (merged["response"] == merged["response_derived"].fillna("NE")).all()
    assert merged["response"].nunique() == 5

    adsl = data["ADSL"][data["ADSL"]["RANDFL"] == "Y"]
    subjects = pd.DataFrame(
        {
            "subject": adsl["USUBJID"],
            "start": adsl["RANDDT"],
            "new_therapy": adsl["NEWTRTDT"],
            "cutoff": adsl["CUTOFFDT"],
        }
    ).reset_index(drop=True)
    for code, derive in (
        ("BOR", response.best_overall_response),
        ("CBOR", response.confirmed_best_overall_response),
    ):
        best = derive(of("OVRLRESP"), subjects, minimum_stable_days=42, missing_as_ne=True).set_index("subject")
        mine = of(code).set_index("subject")["response"]
        assert (best["response"].reindex(mine.index).replace({"ND": "NE"}) == mine).all()
