"""The one list of report parameters: name, type, unit, range, default, meaning and notebooks, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evidence_lib.conventions import DAYS_PER_UNIT
from evidence_lib.language import LANGUAGES

Kind = Literal["text", "texts", "choice", "number", "time", "times", "column", "columns", "filter"]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One report parameter.

    ``kind`` is its type: a text, a text or a list of them (``texts``), one of ``choices``, a number from ``low`` to
    ``high`` (the limits themselves excluded where ``open_range``), a time or a list of times in the report's
    ``unit``, a column name or a list of them, or a ``filter`` (a mapping from column name to value). ``default`` is
    the value where neither the run nor the study file gives one; None means that there is none. ``notebooks`` names
    the project's notebooks that declare it; ``*`` stands for all.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = math.inf
    open_range: bool = False
    at_most: int = 1
    default: str | float | None = None
    notebooks: tuple[str, ...] = ("trial/survival",)


_LIST = (
    Parameter(name="study", kind="text", meaning="the study file", notebooks=("*",)),
    Parameter(name="report", kind="text", meaning="the id of the report in the study file", notebooks=("*",)),
    Parameter(
        name="language",
        kind="choice",
        choices=LANGUAGES,
        default="en",
        meaning="the language in which the notebook shows its results",
        notebooks=("*",),
    ),
    Parameter(name="endpoint", kind="text", meaning="the endpoint: PARAMCD of the time-to-event data"),
    Parameter(name="treatment", kind="texts", at_most=20, meaning="the arm, or the arms, compared with the reference"),
    Parameter(name="reference", kind="text", meaning="the arm that the treatments are compared with"),
    Parameter(
        name="unit",
        kind="choice",
        choices=tuple(DAYS_PER_UNIT),
        default="days",
        meaning="the unit in which times are given and printed; results stay in days",
    ),
    Parameter(
        name="tau",
        kind="time",
        unit="`unit`",
        open_range=True,
        meaning="the time up to which mean survival is restricted",
    ),
    Parameter(
        name="times",
        kind="times",
        unit="`unit`",
        open_range=True,
        at_most=20,
        meaning="the times at which survival is reported; the first is the headline milestone",
    ),
    Parameter(
        name="at_risk_times", kind="times", unit="`unit`", at_most=50, meaning="the times of the numbers at risk"
    ),
    Parameter(name="strata", kind="columns", at_most=50, meaning="the stratification factors"),
    Parameter(name="covariates", kind="columns", at_most=50, meaning="the covariates of the adjusted model"),
    Parameter(name="subgroups", kind="columns", at_most=50, meaning="the variables of the subgroup analysis"),
    Parameter(
        name="baseline",
        kind="columns",
        at_most=50,
        meaning="the variables of the baseline table; without it those of strata, covariates and subgroups",
    ),
    Parameter(
        name="baseline",
        kind="columns",
        at_most=50,
        meaning="the variables of the baseline table; none: the strata, covariates and subgroups",
    ),
    Parameter(
        name="subset", kind="filter", at_most=20, meaning="only subjects whose column has this value are analysed"
    ),
    Parameter(name="population_flag", kind="column", meaning='the flag ("Y") of the subjects who are analysed'),
    Parameter(
        name="conf_level",
        kind="number",
        unit="share",
        low=0.5,
        high=0.999,
        default=0.95,
        meaning="the confidence level",
    ),
    Parameter(
        name="ph_alpha",
        kind="number",
        unit="share",
        high=1.0,
        open_range=True,
        default=0.05,
        meaning="the p-value of the proportional-hazards check under which the wording names follow-up",
    ),
    Parameter(
        name="balance_limit",
        kind="number",
        unit="standard deviations",
        high=10.0,
        open_range=True,
        meaning="the largest absolute standardised difference allowed; none: the check only informs",
    ),
)
PARAMETERS: Mapping[str, Parameter] = {parameter.name: parameter for parameter in _LIST}
RUN_PARAMETERS = ("study", "report", "language")
REPORT_PARAMETERS = tuple(name for name in PARAMETERS if name not in RUN_PARAMETERS)
