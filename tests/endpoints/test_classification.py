"""Subgroups as configuration: what definitions give, what comes with the library, and what is refused."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib.endpoints.classification import SCALES, Derived, derive, parse_definitions, preset, preset_names
from evidence_lib.endpoints.liver import albi_grade, bclc_stage, child_pugh_class, cnlc_stage
from evidence_lib.endpoints.lung import tnm_stage
from evidence_lib.errors import DataError, InvalidInput, StudyError
from evidence_lib.study.strict_yaml import parse

STUDY = b"""
PDL1GR: {label: "PD-L1", from: PDL1, cuts: [1, 50], names: ["<1%", "1-49%", ">=50%"]}
EGFRGR: {from: EGFR, levels: {Mutant: ["L858R", "EXON19DEL", "T790M"], "Wild type": ["WT"]}, other: "Other"}
ALBIGR: {function: albi_grade, inputs: {bilirubin: BILI, albumin: ALB}, units: {bilirubin: umol/L, albumin: g/L}}
STAGE: {function: tnm_stage, inputs: {tumour: TCAT, nodes: NCAT, metastasis: MCAT}, edition: 8}
ALKGR: {preset: lung.ALK, from: ALKRES, missing: "Not tested"}
"""
PATIENTS = pd.DataFrame(
    {
        "PDL1": [0, 0.99, 1, 49, 50, 100, None],
        "EGFR": ["L858R", "WT", "EXON19DEL", "G719X", None, " WT ", "T790M"],
        "BILI": [10, 20, 30, 40, 50, 60, 70],
        "ALB": [45, 38, 35, 30, None, 20, 40],
        "TCAT": ["T1a", "T2a", "T3", "T4", "T1c", "T1b", "T2b"],
        "NCAT": ["N0", "N1", "N2", "N3", "N0", "N0", "N1"],
        "MCAT": ["M0", "M0", "M0", "M0", "M1a", None, "M0"],
        "ALKRES": ["POSITIVE", "NEGATIVE", None, "NEG", "POS", None, "NEG"],
    },
    index=range(11, 18),
)


def definition(**given: Any) -> dict[str, Any]:
    return {"NEW": given}


def test_the_definitions_of_a_study_file() -> None:
    found = derive(PATIENTS, parse(STUDY, name="study.yml").value)
    assert found["PDL1GR"].tolist()[:6] == ["<1%", "<1%", "1-49%", "1-49%", ">=50%", ">=50%"]
    assert found["PDL1GR"].isna().tolist() == [False] * 6 + [True]
    assert found["EGFRGR"].tolist()[:4] == ["Mutant", "Wild type", "Mutant", "Other"]
    assert found["EGFRGR"].tolist()[5:] == ["Wild type", "Mutant"]
    assert found["ALBIGR"].tolist()[:4] == ["1", "2", "2", "2"]
    assert found["STAGE"].tolist()[:5] == ["IA1", "IIB", "IIIB", "IIIC", "IVA"]
    assert found["ALKGR"].tolist()[:4] == ["Positive", "Negative", "Not tested", "Negative"]
    assert found["PDL1GR"].cat.ordered
    assert found["PDL1GR"].cat.categories.tolist() == ["<1%", "1-49%", ">=50%"]
    assert found["EGFRGR"].cat.categories.tolist() == ["Mutant", "Wild type", "Other"]
    assert found.index.equals(PATIENTS.index)
    pd.testing.assert_frame_equal(found[PATIENTS.columns.tolist()], PATIENTS)
    assert "PDL1GR" not in PATIENTS


def test_a_cut_belongs_to_the_interval_it_begins_or_ends() -> None:
    frame = pd.DataFrame({"X": [0.5, 1.0, 1.5, 2.0, 2.5]})
    base = {"from": "X", "cuts": [1, 2], "names": ["low", "mid", "high"]}
    assert derive(frame, definition(**base))["NEW"].tolist() == ["low", "mid", "mid", "high", "high"]
    assert derive(frame, definition(**base, closed="right"))["NEW"].tolist() == ["low", "low", "mid", "mid", "high"]


@given(
    st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30),
    st.lists(st.integers(-1000, 1000), min_size=1, max_size=5, unique=True),
    st.sampled_from(["left", "right"]),
)
def test_cuts_are_those_of_pandas(values: list[float], cuts: list[int], closed: str) -> None:
    names = [f"g{number}" for number in range(len(cuts) + 1)]
    found = derive(
        pd.DataFrame({"X": values}), definition(**{"from": "X", "cuts": sorted(cuts), "names": names, "closed": closed})
    )
    edges = [-np.inf, *sorted(cuts), np.inf]
    expected = pd.cut(pd.Series(values), edges, right=closed == "right", labels=names)
    assert found["NEW"].tolist() == expected.tolist()


def test_numbers_as_text_are_cut_too() -> None:
    frame = pd.DataFrame({"X": ["1", " 50 ", None, ""]})
    found = derive(frame, definition(**{"from": "X", "cuts": [50], "names": ["no", "yes"], "missing": "Unknown"}))
    assert found["NEW"].tolist() == ["no", "yes", "Unknown", "Unknown"]
    assert found["NEW"].cat.categories.tolist() == ["no", "yes", "Unknown"]


def test_codes_that_are_numbers_are_levels_too() -> None:
    frame = pd.DataFrame({"X": [1.0, 2.0, None, 1.0]})
    found = derive(frame, definition(**{"from": "X", "levels": {"Yes": [1], "No": ["2"]}}))
    assert found["NEW"].tolist()[:2] == ["Yes", "No"]
    assert found["NEW"].isna().tolist() == [False, False, True, False]


def test_a_definition_may_use_one_before_it() -> None:
    frame = pd.DataFrame(
        {
            "BILI": [10.0, 60, None], "ALB": [40.0, 20, 40], "INR": [1.0, 3, 1], "ASCITES": ["none", "severe", "none"],
            "ENCEPH": [0, 3, 0], "NTUMOUR": [1, 1, 1], "TSIZE": [2.0, 2, 2], "MVI": ["N"] * 3, "EHS": ["N"] * 3,
            "ECOG": [0, 0, 0],
        }
    )  # fmt: skip
    presets = {"CPGR": "liver.CHILD_PUGH", "BCLC": "liver.BCLC", "CNLC": "liver.CNLC"}
    found = derive(frame, {name: {"preset": one} for name, one in presets.items()})
    for name, expected in (("CPGR", ["A", "C"]), ("BCLC", ["0", "D"]), ("CNLC", ["Ia", "IV"])):
        assert found[name].tolist()[:2] == expected
        assert found[name].isna().tolist() == [False, False, True]


def test_scales_give_what_the_functions_give() -> None:
    functions = {f.__name__: f for f in (albi_grade, child_pugh_class, bclc_stage, cnlc_stage, tnm_stage)}
    assert {name: scale.function for name, scale in SCALES.items()} == functions
    frame = pd.DataFrame({"B": [1.0, 2.5], "A": [3.6, 3.0], "I": [1.0, 2.0], "S": ["none", "mild"], "E": [0, 0]})
    given = {
        "function": "child_pugh_class",
        "inputs": {"bilirubin": "B", "albumin": "A", "clotting": "I", "ascites": "S", "encephalopathy": "E"},
        "units": {"bilirubin": "mg/dL", "albumin": "g/dL", "clotting": "INR"},
    }
    assert derive(frame, definition(**given))["NEW"].tolist() == ["A", "B"]
    assert derive(frame, definition(**given, bilirubin_cuts=[4, 10]))["NEW"].tolist() == ["A", "B"]
    modified = {
        "function": "albi_grade", "modified": True, "inputs": {"bilirubin": "B", "albumin": "A"},
        "units": {"bilirubin": "mg/dL", "albumin": "g/dL"},
    }  # fmt: skip
    found = derive(frame, definition(**modified))["NEW"]
    assert found.cat.categories.tolist() == ["1", "2a", "2b", "3"]
    assert found.tolist() == ["2b", "2b"]


def test_every_preset_is_a_definition_with_a_label() -> None:
    assert {name.split(".")[0] for name in preset_names()} == {"liver", "lung"}
    for name in preset_names():
        (parsed,) = parse_definitions({"NEW": {"preset": name}})
        assert parsed.label
        assert len(parsed.categories) > 1
        assert parse_definitions({"NEW": preset(name)}) == (parsed,)


def test_what_is_given_goes_before_the_preset() -> None:
    (parsed,) = parse_definitions({"NEW": {"preset": "lung.PDL1_TPS", "from": "TPS", "label": "Mine"}})
    assert (parsed.source, parsed.label, parsed.cuts) == ("TPS", "Mine", (1.0, 50.0))
    assert preset("lung.PDL1_TPS")["from"] == "PDL1TPS"


def test_parsed_definitions_can_be_used_again() -> None:
    parsed = parse_definitions(definition(**{"from": "PDL1", "cuts": [1], "names": ["<1%", ">=1%"]}))
    assert isinstance(parsed[0], Derived)
    pd.testing.assert_frame_equal(derive(PATIENTS, parsed), derive(PATIENTS, list(parsed)))
    assert len(derive(PATIENTS.iloc[:0], parsed)) == 0
    pd.testing.assert_frame_equal(derive(PATIENTS, {}), PATIENTS)
    with pytest.raises(InvalidInput, match="not a definition"):
        derive(PATIENTS, ["PDL1GR"])  # type: ignore[list-item]


CUTS = {"from": "PDL1", "cuts": [1, 50], "names": ["a", "b", "c"]}
LEVELS = {"from": "EGFR", "levels": {"Mutant": ["L858R"], "Wild": ["WT"]}}
ALBI = {
    "function": "albi_grade", "inputs": {"bilirubin": "BILI", "albumin": "ALB"},
    "units": {"bilirubin": "umol/L", "albumin": "g/L"},
}  # fmt: skip
TNM = {"function": "tnm_stage", "inputs": {"tumour": "TCAT", "nodes": "NCAT", "metastasis": "MCAT"}, "edition": 8}


@pytest.mark.parametrize(
    ("given", "match"),
    [
        ({**CUTS, "cuts": [50, 1]}, r"variables.NEW.cuts: the cuts do not rise"),
        ({**CUTS, "cuts": [1, 1]}, "the cuts do not rise"),
        ({**CUTS, "cuts": []}, "not a list of cuts"),
        ({**CUTS, "cuts": ["1", 50]}, "not a list of cuts"),
        ({**CUTS, "cuts": [True, 50]}, "not a list of cuts"),
        ({**CUTS, "cuts": [1, float("nan")]}, "not a list of cuts"),
        ({**CUTS, "names": ["a", "b"]}, "names do not fit the cuts; expected 3 names; found 2"),
        ({**CUTS, "names": ["a", "b", "a"]}, "a name stands twice"),
        ({**CUTS, "names": ["a", "b", ""]}, "not a name"),
        ({**CUTS, "missing": "a"}, "a name stands twice"),
        ({**CUTS, "closed": "both"}, "not a side"),
        ({**CUTS, "other": "x"}, "variables.NEW.other: unknown key"),
        ({**CUTS, "nmaes": []}, "did you mean names"),
        ({**CUTS, "from": 3}, "not a column"),
        ({**CUTS, "levels": {}}, "one of cuts, levels and function"),
        ({**CUTS, "label": 3}, "not a text"),
        ({**CUTS, "label": {"zz": "x"}}, "no text in a known language"),
        ({"from": "PDL1"}, "one of cuts, levels and function"),
        ({**LEVELS, "levels": {"A": ["x", "y"], "B": ["y"]}}, "levels.B: 'y' stands in A too"),
        ({**LEVELS, "levels": {"A": [1], "B": ["1"]}}, "stands in A too"),
        ({**LEVELS, "levels": {"A": "x"}}, "not a list of values"),
        ({**LEVELS, "levels": {"A": []}}, "not a list of values"),
        ({**LEVELS, "levels": {"A": [None]}}, "an empty value"),
        ({**LEVELS, "levels": []}, "not levels"),
        ({**LEVELS, "other": "Wild"}, "a name stands twice"),
        ({**ALBI, "function": "albi_grad"}, r"variables.NEW.function: unknown function.*did you mean albi_grade"),
        ({**ALBI, "function": None}, "unknown function"),
        ({**ALBI, "inputs": {"bilirubin": "BILI"}}, "the key albumin is missing"),
        ({**ALBI, "inputs": {"bilirubine": "BILI", "albumin": "ALB"}}, "did you mean bilirubin"),
        ({**ALBI, "units": {"bilirubin": "umol/L"}}, r"variables.NEW.units: the key albumin is missing"),
        ({**ALBI, "units": {"bilirubin": "umol/l", "albumin": "g/L"}}, "unknown unit.*did you mean umol/L"),
        ({**ALBI, "units": "SI"}, "not a mapping"),
        ({**ALBI, "edition": 8}, "unknown key"),
        ({**ALBI, "modified": "yes"}, "not one of the choices; expected true or false"),
        ({**TNM, "edition": 7}, "not one of the choices; expected 8 or 9; found 7"),
        ({key: value for key, value in TNM.items() if key != "edition"}, "the key edition is missing"),
        ({**TNM, "units": {"tumour": "cm"}}, "unknown name"),
        ({"preset": "lung.PDL1"}, r"variables.NEW.preset: no such preset.*did you mean lung.PDL1_TPS"),
        ({"preset": 3}, "no such preset"),
        ("PDL1", "not a definition"),
    ],
)
def test_wrong_definitions_are_refused_with_their_place(given: Any, match: str) -> None:
    with pytest.raises(StudyError, match=match):
        parse_definitions({"NEW": given})


def test_wrong_names_are_refused() -> None:
    for name in ("1A", "a b", "", 3):
        with pytest.raises(StudyError, match="not a column name"):
            parse_definitions({name: CUTS})  # type: ignore[dict-item]
    with pytest.raises(StudyError, match="not a mapping"):
        parse_definitions([CUTS])  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("given", "error", "match"),
    [
        ({**CUTS, "from": "PDL2"}, StudyError, "NEW: no column PDL2; did you mean PDL1"),
        ({**LEVELS, "from": "KRAS"}, StudyError, "no column KRAS"),
        (LEVELS, StudyError, r"a value is in no level; expected L858R, WT; found .* in row 3 and 2 more"),
        ({**CUTS, "from": "EGFR"}, DataError, r"NEW \(EGFR\): not a number"),
        (
            {**ALBI, "inputs": {"bilirubin": "BILI", "albumin": "PDL1"}},
            DataError,
            r"NEW \(albi_grade\): albumin cannot",
        ),
        ({**ALBI, "inputs": {"bilirubin": "BILL", "albumin": "ALB"}}, StudyError, "no column BILL; did you mean BILI"),
        ({**TNM, "edition": 9}, DataError, "no single stage group"),
    ],
)
def test_definitions_that_do_not_fit_the_data_are_refused(given: Any, error: type[Exception], match: str) -> None:
    with pytest.raises(error, match=match):
        derive(PATIENTS, {"NEW": given})


def test_a_near_value_is_suggested_and_a_limit_is_no_number() -> None:
    frame = pd.DataFrame({"ALK": ["POSITIV", "NEGATIVE"], "PDL1TPS": ["<1", "5"]})
    with pytest.raises(StudyError, match="did you mean POSITIVE"):
        derive(frame, definition(preset="lung.ALK"))
    with pytest.raises(DataError, match="a detection limit is no number; expected numbers; found row 1"):
        derive(frame, definition(preset="lung.PDL1_TPS"))


def test_an_existing_column_is_not_overwritten() -> None:
    with pytest.raises(StudyError, match="PDL1: the column exists already"):
        derive(PATIENTS, {"PDL1": CUTS})
    with pytest.raises(DataError, match="the column stands twice"):
        derive(pd.concat([PATIENTS, PATIENTS], axis=1), {"NEW": CUTS})
