"""The public functions of the statistics room: the names that outside users call, their signatures and docstrings."""

from __future__ import annotations

import importlib
import inspect
import pkgutil
from collections.abc import Callable, Iterator
from typing import Any

import numpydoc.validate
import pytest

import evidence_lib.statistics

# Names are fixed: notebooks and outside users call them.
NAMES: dict[str, set[str]] = {
    "proportions": {
        "proportion", "risk_difference", "risk_ratio", "odds_ratio", "fisher_exact", "chi_square", "cmh_test",
        "number_needed_to_treat", "adjusted_risk_difference",
    },
    "rates": {"incidence_rate", "rate_ratio", "rate_difference", "exposure_adjusted_incidence"},
    "means": {"anova", "t_test", "wilcoxon", "ancova", "mmrm", "multiple_imputation"},
    "survival": {
        "kaplan_meier", "median_survival", "survival_at", "milestone_difference", "rmst", "rmst_difference",
        "rmst_ratio", "logrank", "weighted_logrank", "maxcombo", "follow_up", "parametric_models",
        "reconstruct_patients",
    },
    "cox": {"cox", "hazard_ratio", "proportional_hazards_test", "subgroup_effects", "piecewise_hazard_ratio"},
    "competing_risks": {"cumulative_incidence", "gray_test", "fine_gray", "cause_specific"},
    "recurrent_events": {"mean_cumulative_function", "andersen_gill", "wlw", "pwp", "negative_binomial"},
    "win_statistics": {"win_ratio", "win_odds", "net_benefit"},
    "multiplicity": {"adjust", "graphical"},
    "meta_analysis": {"pool", "meta_regression", "funnel"},
    "regional": {"retention", "consistency_probability", "regional_effects"},
}  # fmt: skip
# What numpydoc asks of a public function here; the others are matters of taste, or said by the type hints.
CHECKS = {
    "GL03", "GL05", "GL06", "GL07", "GL08", "GL10", "SS01", "SS04", "PR01", "PR02", "PR03", "PR04", "PR07", "PR10",
    "RT01", "RT03",
}  # fmt: skip


def statistics_modules() -> list[str]:
    """Every module of the room that hands on public names."""
    found = [module.name for module in pkgutil.iter_modules(evidence_lib.statistics.__path__)]
    return [name for name in found if hasattr(importlib.import_module(f"evidence_lib.statistics.{name}"), "__all__")]


def public() -> Iterator[tuple[str, Callable[..., Any]]]:
    for module in statistics_modules():
        held = importlib.import_module(f"evidence_lib.statistics.{module}")
        for name in held.__all__:
            if inspect.isfunction(getattr(held, name)):
                yield f"{module}.{name}", getattr(held, name)


FUNCTIONS = dict(public())


@pytest.mark.parametrize("module", NAMES)
def test_the_module_has_its_functions(module: str) -> None:
    held = importlib.import_module(f"evidence_lib.statistics.{module}")
    assert NAMES[module] <= set(held.__all__)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_choices_are_keywords_and_none_is_open(name: str) -> None:
    kinds = [parameter.kind for parameter in inspect.signature(FUNCTIONS[name]).parameters.values()]
    assert inspect.Parameter.VAR_KEYWORD not in kinds
    assert inspect.Parameter.VAR_POSITIONAL not in kinds
    defaults = [
        parameter.name
        for parameter in inspect.signature(FUNCTIONS[name]).parameters.values()
        if parameter.kind is inspect.Parameter.POSITIONAL_OR_KEYWORD and parameter.default is not parameter.empty
    ]
    assert defaults == [], "data come first, without defaults; choices are keywords"


@pytest.mark.parametrize("name", FUNCTIONS)
def test_the_docstring_is_complete(name: str) -> None:
    function = FUNCTIONS[name]
    found = numpydoc.validate.validate(f"{function.__module__}.{function.__name__}")
    assert [error for error in found["errors"] if error[0] in CHECKS] == []
    assert "Raises\n" in (function.__doc__ or ""), "what is raised is not said"
    assert "Misreading:" in (function.__doc__ or ""), "how a reader could misread the number is not said"


def test_an_incomplete_docstring_is_found() -> None:
    found = numpydoc.validate.validate("evidence_lib.statistics.inputs.numbers")
    assert {"PR01", "RT01"} <= {code for code, _ in found["errors"]} & CHECKS
