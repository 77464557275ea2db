"""The list of parameters, the checks of given values, and the order in which values are taken."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from evidence_lib.errors import NotebookError, ParameterError
from evidence_lib.study import PARAMETERS, check_parameters, days_of, declared_parameters, load_study, resolve

Write = Callable[..., Path]


@pytest.mark.parametrize(
    ("value", "unit", "days"),
    [
        (60, "months", 1826),  # 1826.25
        (30, "months", 913),  # 913.125
        (12, "months", 365),  # 365.25
        (2, "months", 61),  # 60.875
        (8, "months", 244),  # 243.5, half away from zero
        (24, "months", 731),  # 730.5
        (2, "years", 731),  # 730.5
        (5, "years", 1826),
        (4, "weeks", 28),
        (0.5, "days", 1),
        (1826, "days", 1826),
        (0, "months", 0),
    ],
)
def test_days_of(value: float, unit: str, days: int) -> None:
    assert days_of(value, unit) == days


@given(value=st.integers(0, 10**6), scale=st.integers(0, 3), unit=st.sampled_from(["days", "weeks", "months", "years"]))
def test_days_of_equals_exact_rational_rounding(value: int, scale: int, unit: str) -> None:
    per_unit = {"days": Fraction(1), "weeks": Fraction(7), "months": Fraction(487, 16), "years": Fraction(1461, 4)}[
        unit
    ]
    exact = Fraction(value, 10**scale) * per_unit
    assert days_of(value / 10**scale, unit) == int(exact + Fraction(1, 2))


def test_days_of_refuses_other_units_and_values() -> None:
    with pytest.raises(ParameterError, match="unit: not a unit of time; expected days, weeks, months, years"):
        days_of(1, "fortnights")
    with pytest.raises(ParameterError, match="time: not a finite number"):
        days_of(float("nan"), "days")


VALID: dict[str, Any] = {
    "endpoint": "OS",
    "treatment": ["A", "[177Lu]Lu-PSMA-617"],
    "reference": "B",
    "unit": "months",
    "tau": 60,
    "times": [12, 24.5],
    "at_risk_times": [0, 12],
    "strata": ["REGION1"],
    "covariates": ["AGE", "SEX"],
    "subgroups": [],
    "baseline": ["AGE"],
    "subset": {"SEX": "F", "GRADE": 2},
    "population_flag": "ITTFL",
    "conf_level": 0.9,
    "ph_alpha": 0.1,
    "balance_limit": 0.2,
    "competing": ["Death"],
    "weighted_tests": ["maxcombo", "mwlr"],
    "delay": 6,
    "cut_points": [6, 12],
    "sensitivity_endpoints": ["PFSEMA"],
    "rule_sets": ["FDA", "EMA"],
    "assessment_changes": [336, 63],
    "arm_variable": "TRT01A",
    "parameter": ["ACTOT"],
    "dataset": "ADQS",
    "completed": "EOSSTT",
    "reason": "DCSREAS",
    "not_randomised_reason": "SCRFREAS",
    "not_treated_reason": "NTRTREAS",
    "tests": True,
    "min_percent": 10,
    "window_days": 90,
    "term": ["RASH"],
    "special_interest": "CQ01NAM",
    "laboratory": ["ALT"],
    "outcome": "AVAL",
    "baseline_value": "BASE",
    "visits": ["Week 6", "Week 12"],
    "visit": "Week 12",
    "record_flag": "ANL01FL",
    "imputed_records": True,
    "analysis": "mmrm",
    "sensitivity": ["jump-to-reference", "tipping-point"],
    "supplementary": ["ancova"],
    "covariance": "toeph",
    "df": "satterthwaite",
    "imputations": 150,
    "deltas": [-10, -2.5, 0],
    "responder": -4,
    "higher_is": "worse",
    "important_difference": 10,
    "dose": "TRT01PN",
    "criteria": "mrecist",
    "sums": "SUMVIAB",
    "start_date": "TRTSDT",
    "progression_date": "PDDT",
    "confirmed": False,
    "confirmation_days": 35,
    "minimum_stable_days": 49,
    "other_stable_days": [28, 56],
    "censoring_rules": "EMA",
    "assessment_interval": 42,
    "assessment_allowance": 10,
    "proportion_interval": "clopper-pearson",
    "region": "REGION1",
    "focus": "China",
    "retained": 0.5,
    "consistency_method": 2,
    "power": 0.9,
    "planned_effect": 0.75,
    "smallest_region": 20,
    "seed": 7,
}


def test_valid_values_pass_unchanged() -> None:
    assert check_parameters(VALID, allowed=None) == VALID
    assert set(VALID) | {"study", "report", "language"} == set(PARAMETERS)


def test_none_passes_for_every_parameter() -> None:
    assert check_parameters(dict.fromkeys(PARAMETERS), allowed=None) == dict.fromkeys(PARAMETERS)


@pytest.mark.parametrize(
    ("name", "value", "match"),
    [
        ("tau", True, "not a number.*found true"),
        ("tau", "60", "not a number.*found a text of 2 characters"),
        ("tau", 0, "expected a number above 0; found 0"),
        ("tau", -1, "expected a number above 0"),
        ("times", [], "expected 1 to 20 values"),
        ("times", list(range(1, 22)), "expected 1 to 20 values; found 21 values"),
        ("times", [12, 12.0], "one of them twice"),
        ("times", [0], "expected a number above 0"),
        ("times", [True], "not a number"),
        ("times", 12, "expected a list"),
        ("times", "[1,2]", "papermill's -p gives a text: use -y"),
        ("treatment", '["A", "B"]', "expected a list.*use -y"),
        ("subset", '{"SEX": "F"}', "use -y"),
        ("at_risk_times", [-1], "expected a number at least 0"),
        ("unit", "month", "did you mean months"),
        ("unit", "", "expected days or weeks or months or years"),
        ("language", "xx", "expected .*en"),
        ("conf_level", 95, "expected a number at least 0.5 and at most 0.999; found 95"),
        ("conf_level", 0.49, "expected a number at least 0.5"),
        ("conf_level", 1.0, "at most 0.999"),
        ("ph_alpha", 0, "above 0 and below 1"),
        ("ph_alpha", 1, "above 0 and below 1"),
        ("balance_limit", 0, "above 0"),
        ("strata", "REGION", "expected a list"),
        ("strata", ["1A"], "a column name"),
        ("strata", ["A" * 33], "a column name"),
        ("strata", ["A B"], "a column name"),
        ("strata", ["AGE\n"], "a column name"),
        ("covariates", ["AGE", "AGE"], "one of them twice"),
        ("population_flag", "年龄", "a column name"),
        ("subset", {}, "a mapping from 1 to 20 columns"),
        ("subset", {"SEX": None}, "not a number"),
        ("subset", {"SEX": True}, "not a number"),
        ("subset", {"S X": "F"}, "a column name"),
        ("subset", {1: "F"}, "a column name"),
        ("endpoint", "", "1 to 200 printable characters"),
        ("endpoint", "OS\nimport os", "1 to 200 printable characters on one line"),
        ("endpoint", 5, "expected a text; found 5"),
        ("treatment", [], "1 to 20 values"),
        ("treatment", ["A", "A"], "one of them twice"),
        ("treatment", ["A", 1], "expected a text"),
    ],
)
def test_wrong_values_are_refused(name: str, value: Any, match: str) -> None:
    with pytest.raises(ParameterError, match=f"{name}: .*{match}"):
        check_parameters({name: value}, allowed=None)


@pytest.mark.parametrize(
    ("values", "match"),
    [
        ({"reference": "A", "treatment": "A"}, "reference: the reference is one of the treatments"),
        ({"reference": "A", "treatment": ["B", "A"]}, "reference: the reference is one of the treatments"),
        ({"tau": 101, "unit": "years"}, "tau: out of range; expected at most 100 years; found 101 years"),
        ({"tau": 36526, "unit": "days"}, "tau: out of range"),
        ({"times": [1, 1201], "unit": "months"}, "times: out of range.*found 1201 months"),
        ({"tau": 0.01, "unit": "months"}, "tau: out of range; expected at least a day"),
        ({"times": [1.0, 1.001], "unit": "months"}, "times: two times are the same day"),
        ({"at_risk_times": [0, 0.3], "unit": "days"}, "at_risk_times: two times are the same day"),
    ],
)
def test_values_that_contradict_each_other(values: dict[str, Any], match: str) -> None:
    with pytest.raises(ParameterError, match=match):
        check_parameters(values, allowed=None)


def test_limits_of_time_are_inclusive() -> None:
    assert check_parameters({"tau": 100, "unit": "years"}, allowed=None)["tau"] == 100
    assert check_parameters({"tau": 1200, "unit": "months"}, allowed=None)["tau"] == 1200


def test_given_goes_before_the_file_and_the_file_before_the_default(study_file: Write) -> None:
    study = load_study(study_file())
    found = resolve(study, "os", {"tau": 48, "times": None, "ph_alpha": 0.2})
    assert found["tau"] == 48
    assert found["times"] == [12, 24]
    assert found["ph_alpha"] == 0.2
    assert (found["conf_level"], found["unit"], found["strata"], found["balance_limit"]) == (0.95, "months", None, None)
    assert set(found) == set(PARAMETERS) - {"study", "report", "language"}


def test_the_unit_defaults_to_days(study_file: Write) -> None:
    assert resolve(load_study(study_file(("unit: months, ", ""))), "os", {})["unit"] == "days"


def test_a_given_value_is_held_against_the_file(study_file: Write) -> None:
    study = load_study(study_file())
    with pytest.raises(ParameterError, match="the reference is one of the treatments"):
        resolve(study, "os", {"reference": "A"})
    with pytest.raises(ParameterError, match="tau: out of range"):
        resolve(study, "os", {"unit": "years", "tau": 101})
    with pytest.raises(ParameterError, match="no such parameter here"):
        resolve(study, "os", {"language": "en"})


def test_resolving_changes_nothing_in_the_study(study_file: Write) -> None:
    study = load_study(study_file())
    resolve(study, "os", {"times": [6]})["times"].append(7)
    resolve(study, "os", {})["times"].append(8)
    assert study.report("os").parameters["times"] == [12, 24]


# The parameters cell of a notebook -----------------------------------------------------------------------------------

CELL = """\
study: str = "data/gbsg2/study.yml"  # the study file
report: str = "relapse-free-survival"  # its report

language: str = "en"
tau: float | None = None  # in the report's unit
times: list[float] | None = [12, 24]
unit = 'months'
"""


def notebook(
    *sources: str | list[str], tags: tuple[str, ...] = ("parameters",), cell_type: str = "code"
) -> dict[str, Any]:
    return {
        "cells": [
            {"cell_type": "markdown", "metadata": {}, "source": "# Title"},
            *({"cell_type": cell_type, "metadata": {"tags": list(tags)}, "source": source} for source in sources),
        ]
    }


def test_declared_parameters() -> None:
    expected = {
        "study": "data/gbsg2/study.yml",
        "report": "relapse-free-survival",
        "language": "en",
        "tau": None,
        "times": [12, 24],
        "unit": "months",
    }
    found = declared_parameters(notebook(CELL))
    assert found == expected
    assert list(found) == list(expected)
    assert declared_parameters(notebook(CELL.splitlines(keepends=True))) == expected


@pytest.mark.parametrize(
    "bad", [{}, {"cells": []}, notebook(CELL, tags=()), notebook(CELL, CELL), notebook(CELL, cell_type="raw")]
)
def test_33_no_or_two_parameters_cells(bad: dict[str, Any]) -> None:
    with pytest.raises(NotebookError, match="a notebook needs one code cell tagged parameters") as caught:
        declared_parameters(bad)
    assert caught.value.exit_code == 4


@pytest.mark.parametrize("default", ["tau * 2", "[tau]", "days()", "f'{tau}'", "1 + 1", "tau", "{**{}}"])
def test_34_derived_default(default: str) -> None:
    with pytest.raises(NotebookError, match=r"parameters cell, line 2 \(times\): a default that is computed"):
        declared_parameters(notebook(f"tau = None\ntimes: list[float] = {default}\n"))


@pytest.mark.parametrize(
    ("source", "match"),
    [
        ("tau = None; unit = None", "line 1: not one parameter per line"),
        ("times = [\n  1,\n]", "line 1: not one parameter per line"),
        ("tau = unit = None", "line 1: not a parameter"),
        ("tau, unit = None, None", "line 1: not a parameter"),
        ("tau: float", "line 1: not a parameter"),
        ("import os", "line 1: not a parameter"),
        ("unit = None\n%matplotlib inline", "line 2: the parameters cell is not plain Python"),
        ("tau = None\n\ntau = None", r"line 3 \(tau\): the parameter stands twice"),
        ("tauu = None", r"line 1 \(tauu\): a parameter that is not in the list.*did you mean tau\?"),
        ("tau = None  # a = b", r"line 1 \(tau\): a second = hides the parameter from papermill"),
        ("endpoint = 'a=b'", r"line 1 \(endpoint\): a second = hides"),
        ("tau = -1", r"line 1 \(tau\): a default that the parameter does not take; expected a number above 0"),
        ("times = '[1, 2]'", r"line 1 \(times\): a default that the parameter does not take"),
    ],
)
def test_parameters_cells_that_are_refused(source: str, match: str) -> None:
    with pytest.raises(NotebookError, match=match):
        declared_parameters(notebook(source))


def test_every_parameter_says_what_it_means() -> None:
    for name, parameter in PARAMETERS.items():
        assert name == parameter.name
        assert parameter.meaning
        assert parameter.notebooks
        if parameter.default is not None:
            assert check_parameters({name: parameter.default}, allowed=None) == {name: parameter.default}
