"""Liver scores against published examples and limits, a second reading of the tables, and refusals."""

from __future__ import annotations

import itertools
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib.endpoints.liver import (
    albi_grade,
    albi_score,
    bclc_stage,
    child_pugh_class,
    child_pugh_points,
    cnlc_stage,
)
from evidence_lib.endpoints.liver.stages import BCLC_STAGES, CNLC_STAGES
from evidence_lib.errors import InvalidInput

SI: dict[str, Any] = {"bilirubin_unit": "umol/L", "albumin_unit": "g/L"}
US: dict[str, Any] = {"bilirubin_unit": "mg/dL", "albumin_unit": "g/dL"}


# ALBI


def test_albi_of_a_worked_example() -> None:
    # Albumin 3.5 g/dL and bilirubin 1.2 mg/dL: about -2.10, grade 2, as public calculators show it
    # (log10(20.52) = 1.31218; 0.66 * 1.31218 - 0.085 * 35 = -2.10896).
    assert albi_score([1.2], [3.5], **US).iloc[0] == pytest.approx(-2.10896, abs=1e-5)
    assert albi_score([20.52], [35], **SI).iloc[0] == pytest.approx(-2.10896, abs=1e-5)
    assert albi_grade([1.2], [3.5], **US).tolist() == ["2"]


@pytest.mark.parametrize(
    ("albumin", "grade", "modified"),
    [
        (38.35294117647059, "1", "1"),  # (0.66 + 2.60) / 0.085: the score is -2.60
        (38.35, "2", "2a"),
        (34.48, "2", "2a"),
        (34.470588235294116, "2", "2b"),  # -2.27
        (24.11764705882353, "2", "2b"),  # -1.39
        (24.11, "3", "3"),
    ],
)
def test_albi_grades_change_at_the_published_limits(albumin: float, grade: str, modified: str) -> None:
    assert albi_grade([10], [albumin], **SI).tolist() == [grade]
    assert albi_grade([10], [albumin], modified=True, **SI).tolist() == [modified]


@given(
    st.floats(0.1, 90).filter(lambda value: value > 0.1),
    st.floats(0.6, 7.9),
)
def test_albi_does_not_depend_on_the_units(bilirubin: float, albumin: float) -> None:
    american, metric = albi_score([bilirubin], [albumin], **US), albi_score([bilirubin * 17.1], [albumin * 10], **SI)
    assert american.iloc[0] == pytest.approx(metric.iloc[0], abs=1e-9)
    assert albi_score([bilirubin], [albumin * 0.99], **US).iloc[0] > american.iloc[0]


# Child-Pugh


def cirrhosis(**given: Any) -> dict[str, Any]:
    one = {"bilirubin": 1.0, "albumin": 4.0, "clotting": 1.0, "ascites": "none", "encephalopathy": 0, **given}
    return {name: [value] for name, value in one.items()}


@pytest.mark.parametrize(
    ("value", "points"),
    [
        *[({"bilirubin": b}, p) for b, p in ((1.99, 1), (2.0, 2), (3.0, 2), (3.01, 3))],
        *[({"albumin": a}, p) for a, p in ((3.51, 1), (3.5, 2), (2.8, 2), (2.79, 3))],
        *[({"clotting": c}, p) for c, p in ((1.69, 1), (1.7, 2), (2.3, 2), (2.31, 3))],
        *[
            ({"ascites": a}, p)
            for a, p in (("absent", 1), ("Mild", 2), (" slight ", 2), ("moderate", 3), ("SEVERE", 3))
        ],
        *[({"encephalopathy": e}, p) for e, p in (("none", 1), (0, 1), (1, 2), ("2", 2), (3.0, 3), (4, 3))],
    ],
)
def test_child_pugh_points_of_each_limit(value: dict[str, Any], points: int) -> None:
    # Table of Pugh 1973 in the form of the FDA's guidance on hepatic impairment and of MDCalc.
    assert child_pugh_points(**cirrhosis(**value), clotting_unit="INR", **US).iloc[0] == 4 + points


def test_child_pugh_in_other_units_has_the_same_limits() -> None:
    units: dict[str, Any] = {**SI, "clotting_unit": "seconds above control"}
    for bilirubin, points in ((34.1, 1), (34.2, 2), (51.3, 2), (51.4, 3)):
        given = cirrhosis(bilirubin=bilirubin, albumin=40, clotting=0)
        assert child_pugh_points(**given, **units).iloc[0] == 4 + points
    for albumin, points in ((35.1, 1), (35, 2), (28, 2), (27.9, 3)):
        given = cirrhosis(bilirubin=10, albumin=albumin, clotting=-1)
        assert child_pugh_points(**given, **units).iloc[0] == 4 + points
    for seconds, points in ((3.9, 1), (4, 2), (6, 2), (6.1, 3)):
        given = cirrhosis(bilirubin=10, albumin=40, clotting=seconds)
        assert child_pugh_points(**given, **units).iloc[0] == 4 + points


def test_other_limits_of_bilirubin_can_be_given() -> None:
    for bilirubin, points in ((3.9, 1), (4, 2), (10, 2), (10.1, 3)):
        found = child_pugh_points(**cirrhosis(bilirubin=bilirubin), clotting_unit="INR", bilirubin_cuts=(4, 10), **US)
        assert found.iloc[0] == 4 + points
    rounded = child_pugh_class(
        **cirrhosis(bilirubin=34, albumin=30, clotting=2, ascites="slight"),
        clotting_unit="INR", bilirubin_cuts=(34, 50), **SI,
    )  # fmt: skip
    assert rounded.tolist() == ["B"]


def test_child_pugh_classes_of_all_points() -> None:
    table = {
        "bilirubin": (1.0, 2.5, 4.0), "albumin": (4.0, 3.0, 2.0), "clotting": (1.0, 2.0, 3.0),
        "ascites": ("none", "slight", "moderate"), "encephalopathy": (0, 1, 3),
    }  # fmt: skip
    rows = list(itertools.product(range(3), repeat=5))
    given = {name: [values[row[at]] for row in rows] for at, (name, values) in enumerate(table.items())}
    points = child_pugh_points(**given, clotting_unit="INR", **US)
    assert points.tolist() == [5 + sum(row) for row in rows]
    classes = child_pugh_class(**given, clotting_unit="INR", **US)
    assert classes.tolist() == ["A" if 5 + sum(r) <= 6 else "B" if 5 + sum(r) <= 9 else "C" for r in rows]


# Stages


def tumour(**given: Any) -> dict[str, Any]:
    one = {
        "tumours": 1, "largest": 2.0, "vascular_invasion": False, "extrahepatic_spread": False, "child_pugh": "A",
        "performance_status": 0, **given,
    }  # fmt: skip
    return {name: [value] for name, value in one.items()}


@pytest.mark.parametrize(
    ("disease", "bclc", "cnlc"),
    [
        ({}, "0", "Ia"),
        ({"child_pugh": "B"}, "A", "Ia"),
        ({"largest": 2.1}, "A", "Ia"),
        ({"largest": 5.0}, "A", "Ia"),
        ({"largest": 5.1}, "A", "Ib"),
        ({"largest": 15}, "A", "Ib"),
        ({"tumours": 2, "largest": 3.0}, "A", "Ib"),
        ({"tumours": 3, "largest": 3.0, "child_pugh": "B"}, "A", "Ib"),
        ({"tumours": 3, "largest": 3.1}, "B", "IIa"),
        ({"tumours": 2, "largest": 8}, "B", "IIa"),
        ({"tumours": 4, "largest": 1}, "B", "IIb"),
        ({"vascular_invasion": True}, "C", "IIIa"),
        ({"extrahepatic_spread": True}, "C", "IIIb"),
        ({"vascular_invasion": "Y", "extrahepatic_spread": "Y"}, "C", "IIIb"),
        ({"performance_status": 1}, "C", "Ia"),
        ({"performance_status": 2, "tumours": 5}, "C", "IIb"),
        ({"performance_status": 3}, "D", "IV"),
        ({"performance_status": 4, "extrahepatic_spread": 1}, "D", "IV"),
        ({"child_pugh": "C"}, "D", "IV"),
        ({"tumours": 0, "largest": 0, "extrahepatic_spread": True}, "C", "IIIb"),
    ],
)
def test_each_stage_of_the_published_tables(disease: dict[str, Any], bclc: str, cnlc: str) -> None:
    # BCLC: figure 1 of Reig 2022. CNLC: the text of the 2019 to 2024 guidelines.
    assert bclc_stage(**tumour(**disease), size_unit="cm").tolist() == [bclc]
    assert cnlc_stage(**tumour(**disease), size_unit="cm").tolist() == [cnlc]


def test_a_transplant_candidate_is_staged_by_the_tumour() -> None:
    given = tumour(child_pugh="C", largest=2)
    assert bclc_stage(**given, size_unit="cm", transplant_candidate=["Y"]).tolist() == ["A"]
    assert bclc_stage(**given, size_unit="cm", transplant_candidate=["N"]).tolist() == ["D"]
    assert bclc_stage(**given, size_unit="cm", transplant_candidate=[None]).tolist() == [None]
    assert bclc_stage(**tumour(), size_unit="cm", transplant_candidate=[None]).tolist() == ["0"]


def everybody() -> pd.DataFrame:
    rows = itertools.product((1, 2, 3, 4), (1, 2, 2.5, 3, 4, 5, 6), (False, True), (False, True), "ABC", range(5))
    return pd.DataFrame(rows, columns=list(tumour()))


def test_worse_disease_is_never_a_lower_stage() -> None:
    frame = everybody()
    for function, stages in ((bclc_stage, BCLC_STAGES), (cnlc_stage, CNLC_STAGES)):
        staged = frame.assign(stage=function(**frame, size_unit="cm").map(stages.index))  # type: ignore[operator]
        assert set(staged["stage"]) == set(range(len(stages)))
        for name in frame:
            others = [column for column in frame if column != name]
            ordered = staged.sort_values([*others, name])
            assert (ordered.groupby(others)["stage"].diff().dropna() >= 0).all(), (function.__name__, name)


def test_millimetres_are_tenths() -> None:
    frame = everybody()
    inner = frame.assign(largest=frame["largest"] * 10)
    for function in (bclc_stage, cnlc_stage):
        pd.testing.assert_series_equal(function(**frame, size_unit="cm"), function(**inner, size_unit="mm"))


# Missing values, forms, refusals


def test_a_missing_input_gives_a_missing_result() -> None:
    assert np.isnan(albi_score([None, 10.0], [30.0, np.nan], **SI)).all()
    assert albi_grade([None, 10.0], [30.0, 40.0], **SI).tolist() == [None, "1"]
    for name in cirrhosis():
        given = cirrhosis(**{name: None})
        assert child_pugh_points(**given, clotting_unit="INR", **US).isna().all()
        assert child_pugh_class(**given, clotting_unit="INR", **US).tolist() == [None]
    for name in tumour():
        for function in (bclc_stage, cnlc_stage):
            assert function(**tumour(**{name: None}), size_unit="cm").tolist() == [None]


def test_the_index_of_a_series_is_kept_and_nobody_is_no_fault() -> None:
    index = pd.Index([7, 3])
    found = albi_grade(pd.Series([10, 20], index=index), pd.Series([40, 30], index=index), **SI)
    assert found.index.equals(index)
    assert len(albi_grade([], [], **SI)) == 0
    assert len(bclc_stage(**{name: [] for name in tumour()}, size_unit="cm")) == 0


@pytest.mark.parametrize(
    ("call", "match"),
    [
        (lambda: albi_score([10], [400], **SI), "albumin cannot be used.*5 to 80 g/L.*row 1"),
        (lambda: albi_score([10], [4], **SI), "albumin cannot be used"),
        (lambda: albi_score([10], [40], bilirubin_unit="umol/L", albumin_unit="g/dL"), "0.5 to 8 g/dL"),
        (lambda: albi_score([10, 0], [40, 40], **SI), "bilirubin cannot be used.*row 2"),
        (lambda: albi_score([np.inf], [40], **SI), "bilirubin cannot be used"),
        (lambda: albi_score(["10"], [40], **SI), "bilirubin does not hold numbers"),
        (lambda: albi_score([10], [40, 41], **SI), "different lengths"),
        (lambda: albi_score(10, [40], **SI), "bilirubin is not a column"),
        (lambda: albi_score([10], [40], bilirubin_unit="mmol/L", albumin_unit="g/L"), "unknown unit of bilirubin"),
        (lambda: albi_grade([10], [40], modified="yes", **SI), "modified is neither"),
        (lambda: albi_score(pd.Series([10.0]), pd.Series([40.0], index=[5]), **SI), "different rows"),
        (lambda: child_pugh_points(**cirrhosis(), clotting_unit="s", **US), "unknown unit of clotting"),
        (lambda: child_pugh_points(**cirrhosis(ascites="large?"), clotting_unit="INR", **US), "ascites cannot be used"),
        (lambda: child_pugh_points(**cirrhosis(ascites="modrate"), clotting_unit="INR", **US), "did you mean MODERATE"),
        (lambda: child_pugh_points(**cirrhosis(encephalopathy=5), clotting_unit="INR", **US), "encephalopathy cannot"),
        (lambda: child_pugh_points(**cirrhosis(clotting=0), clotting_unit="INR", **US), "clotting cannot be used"),
        (
            lambda: child_pugh_points(**cirrhosis(), clotting_unit="INR", bilirubin_cuts=(3, 2), **US),
            "not two limits",
        ),
        (lambda: bclc_stage(**tumour(tumours=1.5), size_unit="cm"), "whole numbers"),
        (lambda: bclc_stage(**tumour(tumours=-1), size_unit="cm"), "tumours cannot be used"),
        (lambda: bclc_stage(**tumour(tumours=0), size_unit="cm"), "no tumour in the liver"),
        (lambda: bclc_stage(**tumour(tumours=0, largest=0), size_unit="cm"), "a tumour, invasion or spread"),
        (lambda: bclc_stage(**tumour(largest=0), size_unit="cm"), "a size above 0"),
        (lambda: cnlc_stage(**tumour(largest=50), size_unit="cm"), "largest cannot be used"),
        (lambda: cnlc_stage(**tumour(performance_status=5), size_unit="cm"), "performance_status cannot be used"),
        (lambda: cnlc_stage(**tumour(child_pugh="D"), size_unit="cm"), "child_pugh cannot be used"),
        (lambda: cnlc_stage(**tumour(vascular_invasion=2), size_unit="cm"), "vascular_invasion cannot be used"),
        (lambda: cnlc_stage(**tumour(), size_unit="in"), "unknown size_unit"),
    ],
)
def test_impossible_input_is_refused(call: Any, match: str) -> None:
    with pytest.raises(InvalidInput, match=match):
        call()
