"""The one list of report parameters: name, type, unit, range, default, meaning and notebooks, as data."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from evidence_lib.conventions import DAYS_PER_UNIT
from evidence_lib.language import LANGUAGES

Kind = Literal[
    "text",
    "texts",
    "choice",
    "choices",
    "number",
    "numbers",
    "switch",
    "time",
    "times",
    "column",
    "columns",
    "filter",
]


@dataclass(frozen=True, kw_only=True)
class Parameter:
    """One report parameter.

    ``kind`` is its type: a text, a text or a list of them (``texts``), one of ``choices`` or a list of them, a number
    from ``low`` to ``high`` (the limits themselves excluded where ``open_range``; ``whole``: no fractions) or a list of
    them, a time or a list of times in the report's ``unit``, a column name or a list of them, a ``filter`` (a mapping
    from column name to value), or a ``switch`` (true or false). ``default`` is the value where neither the run nor the
    study file gives one; None means that there is none. ``notebooks`` names the project's notebooks that declare it;
    ``*`` stands for all.
    """

    name: str
    kind: Kind
    meaning: str
    unit: str = ""
    choices: tuple[str, ...] = ()
    low: float = 0.0
    high: float = math.inf
    open_range: bool = False
    whole: bool = False
    at_most: int = 1
    default: str | float | bool | None = None
    notebooks: tuple[str, ...] = ("trial/survival",)


SURVIVAL, RESPONSE, CONTINUOUS = "trial/survival", "trial/response", "trial/continuous-endpoints"
SAFETY, REGIONAL, BASELINE = "trial/safety", "trial/regional-consistency", "trial/disposition-and-baseline"
COMPARING = (SURVIVAL, RESPONSE, CONTINUOUS, SAFETY, REGIONAL)
ALL = (*COMPARING, BASELINE)
# What a continuous outcome can be analysed by: the strategies are those of imputation after the intercurrent event.
ANALYSES = (
    *("ancova", "mmrm", "mar", "jump-to-reference", "copy-reference", "copy-increments", "last-mean-carried-forward"),
    *("retrieved-dropout", "tipping-point", "responders"),
)

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
    Parameter(
        name="endpoint",
        kind="text",
        meaning="the endpoint: PARAMCD of the time-to-event data",
        notebooks=(SURVIVAL, REGIONAL),
    ),
    Parameter(
        name="treatment",
        kind="texts",
        at_most=20,
        meaning="the arm, or the arms, compared with the reference",
        notebooks=ALL,
    ),
    Parameter(name="reference", kind="text", meaning="the arm that the treatments are compared with", notebooks=ALL),
    Parameter(
        name="unit",
        kind="choice",
        choices=tuple(DAYS_PER_UNIT),
        default="days",
        meaning="the unit in which times are given and printed; results stay in days",
        notebooks=(SURVIVAL, RESPONSE, SAFETY, REGIONAL),
    ),
    Parameter(
        name="tau",
        kind="time",
        unit="`unit`",
        open_range=True,
        meaning="the time up to which mean survival is restricted",
        notebooks=(SURVIVAL,),
    ),
    Parameter(
        name="times",
        kind="times",
        unit="`unit`",
        open_range=True,
        at_most=20,
        meaning="the times at which survival is reported; the first is the headline milestone",
        notebooks=(SURVIVAL, SAFETY, REGIONAL),
    ),
    Parameter(
        name="at_risk_times", kind="times", unit="`unit`", at_most=50, meaning="the times of the numbers at risk"
    ),
    Parameter(
        name="strata",
        kind="columns",
        at_most=50,
        meaning="the stratification factors",
        notebooks=(SURVIVAL, RESPONSE, CONTINUOUS, REGIONAL),
    ),
    Parameter(
        name="covariates",
        kind="columns",
        at_most=50,
        meaning="the covariates of the adjusted model",
        notebooks=(SURVIVAL, RESPONSE, CONTINUOUS),
    ),
    Parameter(
        name="subgroups",
        kind="columns",
        at_most=50,
        meaning="the variables of the subgroup analysis",
        notebooks=(SURVIVAL, RESPONSE),
    ),
    Parameter(
        name="baseline",
        kind="columns",
        at_most=50,
        meaning="the variables of the baseline table; none: the strata, covariates and subgroups",
        notebooks=(SURVIVAL, BASELINE, REGIONAL),
    ),
    Parameter(
        name="subset",
        kind="filter",
        at_most=20,
        meaning="only subjects whose column has this value are analysed",
        notebooks=ALL,
    ),
    Parameter(
        name="population_flag", kind="column", meaning='the flag ("Y") of the subjects who are analysed', notebooks=ALL
    ),
    Parameter(
        name="conf_level",
        kind="number",
        unit="share",
        low=0.5,
        high=0.999,
        default=0.95,
        meaning="the confidence level",
        notebooks=ALL,
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
    Parameter(
        name="competing",
        kind="texts",
        at_most=20,
        meaning="EVNTDESC or CNSDTDSC of the records that are competing events; none: the estimand dates them",
    ),
    Parameter(
        name="weighted_tests",
        kind="choices",
        choices=("maxcombo", "fh01", "fh10", "fh11", "mwlr", "gehan", "tarone-ware", "peto-peto"),
        at_most=8,
        meaning="the weighted log-rank tests beside the main one; mwlr: modestly weighted",
    ),
    Parameter(
        name="delay",
        kind="time",
        unit="`unit`",
        open_range=True,
        meaning="the time at which the modest weight stops growing; none: where half have had the event",
    ),
    Parameter(
        name="cut_points",
        kind="times",
        unit="`unit`",
        open_range=True,
        at_most=10,
        meaning="the times that divide the follow-up into periods with a hazard ratio each",
    ),
    Parameter(
        name="sensitivity_endpoints",
        kind="texts",
        at_most=20,
        meaning="PARAMCD of the same endpoint under other rules of censoring",
    ),
    Parameter(
        name="rule_sets",
        kind="choices",
        choices=("FDA", "EMA", "therapy_censored", "therapy_event", "missed_censored", "backdated", "scheduled"),
        at_most=7,
        meaning="rules of progression-free survival that are applied to the dates of ADSL and the responses of ADRS",
    ),
    Parameter(
        name="assessment_changes",
        kind="numbers",
        unit="days",
        at_most=20,
        notebooks=(RESPONSE, SURVIVAL),
        meaning="changes of the interval between assessments as pairs: from which day, days between from then on",
    ),
    Parameter(
        name="arm_variable",
        kind="column",
        notebooks=ALL,
        meaning="the column with the treatment; none: the planned one, for safety the actual one",
    ),
    Parameter(
        name="parameter", kind="texts", at_most=20, notebooks=(RESPONSE, CONTINUOUS), meaning="PARAMCD of the records"
    ),
    Parameter(name="dataset", kind="text", notebooks=(CONTINUOUS,), meaning="the data set with the records"),
    Parameter(
        name="completed",
        kind="column",
        notebooks=(BASELINE,),
        meaning="the column with Y or COMPLETED for who completed",
    ),
    Parameter(
        name="reason",
        kind="column",
        notebooks=(BASELINE, CONTINUOUS),
        meaning="the column that says why somebody stopped",
    ),
    Parameter(
        name="not_randomised_reason",
        kind="column",
        notebooks=(BASELINE,),
        meaning="the column that says why somebody was not randomised",
    ),
    Parameter(
        name="not_treated_reason",
        kind="column",
        notebooks=(BASELINE,),
        meaning="the column that says why somebody was randomised and not treated",
    ),
    Parameter(
        name="tests", kind="switch", notebooks=(BASELINE, SAFETY), meaning="whether tables of many rows show p-values"
    ),
    Parameter(
        name="min_percent",
        kind="number",
        unit="percent",
        high=100.0,
        default=5.0,
        notebooks=(SAFETY,),
        meaning="adverse events are shown if this share of an arm or more has them; the results hold all",
    ),
    Parameter(
        name="window_days",
        kind="number",
        unit="days",
        high=1000,
        whole=True,
        default=30,
        notebooks=(SAFETY,),
        meaning="the days after the last dose in which an adverse event still counts, as TRTEMFL has it",
    ),
    Parameter(
        name="term",
        kind="texts",
        at_most=50,
        notebooks=(SAFETY,),
        meaning="preferred terms or organ classes whose first event is followed; none: those of special interest",
    ),
    Parameter(
        name="special_interest",
        kind="column",
        notebooks=(SAFETY,),
        meaning="the column that marks adverse events of special interest",
    ),
    Parameter(
        name="laboratory",
        kind="texts",
        at_most=100,
        notebooks=(SAFETY,),
        meaning="PARAMCD of the laboratory values in the shift table; none: all",
    ),
    Parameter(
        name="outcome",
        kind="column",
        default="CHG",
        notebooks=(CONTINUOUS,),
        meaning="the column with the outcome of a visit",
    ),
    Parameter(
        name="baseline_value",
        kind="column",
        default="BASE",
        notebooks=(CONTINUOUS,),
        meaning="the column with the value at the start, a covariate of every model",
    ),
    Parameter(
        name="visits",
        kind="texts",
        at_most=50,
        notebooks=(CONTINUOUS,),
        meaning="the visits after the start in the order of time; none: all of them, by AVISITN",
    ),
    Parameter(name="visit", kind="text", notebooks=(CONTINUOUS,), meaning="the main visit; none: the last"),
    Parameter(
        name="record_flag",
        kind="column",
        notebooks=(RESPONSE, CONTINUOUS),
        meaning='the flag ("Y") of the records that are analysed; none: ANL01FL where there is one',
    ),
    Parameter(
        name="imputed_records",
        kind="switch",
        default=False,
        notebooks=(CONTINUOUS,),
        meaning="whether records with a DTYPE, such as LOCF, are analysed",
    ),
    Parameter(
        name="analysis",
        kind="choice",
        choices=("ancova", "mmrm", "imputation", "cmh"),
        default="ancova",
        notebooks=(CONTINUOUS,),
        meaning="the main analysis; imputation: as the estimand asks",
    ),
    *(
        Parameter(
            name=role, kind="choices", choices=ANALYSES, at_most=len(ANALYSES), notebooks=(CONTINUOUS,), meaning=m
        )
        for role, m in (
            ("sensitivity", "the analyses of the same estimand under other assumptions"),
            ("supplementary", "the analyses beside it, of other questions too"),
        )
    ),
    Parameter(
        name="covariance",
        kind="choice",
        choices=("un", "toep", "toeph", "ar1", "ar1h", "cs", "csh"),
        default="un",
        notebooks=(CONTINUOUS,),
        meaning="the covariance structure of the visits in the mixed model",
    ),
    Parameter(
        name="df",
        kind="choice",
        choices=("kenward-roger", "kenward-roger-linear", "satterthwaite", "normal"),
        default="kenward-roger",
        notebooks=(CONTINUOUS,),
        meaning="the degrees of freedom of the mixed model",
    ),
    Parameter(
        name="imputations",
        kind="number",
        low=100,
        high=5000,
        whole=True,
        default=200,
        notebooks=(CONTINUOUS,),
        meaning="how often missing values are imputed; with fewer the recalculation could not be compared",
    ),
    Parameter(
        name="deltas",
        kind="numbers",
        low=-math.inf,
        at_most=100,
        notebooks=(CONTINUOUS,),
        unit="of the outcome",
        meaning="what is added to imputed values of the treated in search of the tipping point",
    ),
    Parameter(
        name="responder",
        kind="number",
        low=-math.inf,
        notebooks=(CONTINUOUS,),
        unit="of the outcome",
        meaning="the outcome from which on somebody has responded",
    ),
    Parameter(
        name="higher_is",
        kind="choice",
        choices=("better", "worse"),
        notebooks=(CONTINUOUS,),
        meaning="what a higher value of the outcome means to the patient",
    ),
    Parameter(
        name="important_difference",
        kind="number",
        open_range=True,
        notebooks=(CONTINUOUS,),
        unit="of the outcome",
        meaning="the smallest difference that matters to patients",
    ),
    Parameter(
        name="dose", kind="column", notebooks=(CONTINUOUS,), meaning="the column of ADSL with the dose of the arm"
    ),
    Parameter(
        name="region", kind="column", default="REGION1", notebooks=(REGIONAL,), meaning="the column with the region"
    ),
    Parameter(name="focus", kind="text", notebooks=(REGIONAL,), meaning="the region of interest; none: all alike"),
    Parameter(
        name="retained",
        kind="number",
        unit="share",
        high=1.0,
        open_range=True,
        default=0.5,
        notebooks=(REGIONAL,),
        meaning="the share of the overall effect that a region is to keep",
    ),
    Parameter(
        name="consistency_method",
        kind="number",
        low=1,
        high=2,
        whole=True,
        default=1,
        notebooks=(REGIONAL,),
        meaning="MHLW method 1 (a region keeps the share) or 2 (all regions point to the same side)",
    ),
    Parameter(
        name="power",
        kind="number",
        unit="share",
        low=0.025,
        high=1.0,
        open_range=True,
        notebooks=(REGIONAL,),
        meaning="the planned power of the whole trial",
    ),
    Parameter(
        name="planned_effect",
        kind="number",
        open_range=True,
        unit="ratio",
        notebooks=(REGIONAL,),
        meaning="the hazard ratio that the trial was planned with",
    ),
    Parameter(
        name="smallest_region",
        kind="number",
        unit="patients",
        high=1e6,
        whole=True,
        default=0,
        notebooks=(REGIONAL,),
        meaning="a region with fewer patients is shown but not compared",
    ),
    Parameter(
        name="criteria",
        kind="choice",
        choices=("recist", "mrecist"),
        default="recist",
        notebooks=(RESPONSE,),
        meaning="the criteria of response; mrecist: visits are judged anew from the sums of viable tumour in ADTR",
    ),
    Parameter(
        name="sums",
        kind="text",
        default="SUMDIAM",
        notebooks=(RESPONSE,),
        meaning="PARAMCD of the sums of diameters in ADTR",
    ),
    Parameter(
        name="start_date",
        kind="column",
        notebooks=(RESPONSE,),
        meaning="the date of ADSL that time counts from; none: RANDDT, else TRTSDT",
    ),
    Parameter(
        name="progression_date",
        kind="column",
        notebooks=(RESPONSE,),
        meaning="the date of progression in ADSL; none: the first progression at a visit",
    ),
    Parameter(
        name="confirmed",
        kind="switch",
        default=True,
        notebooks=(RESPONSE,),
        meaning="whether a response counts only if a later assessment confirms it",
    ),
    Parameter(
        name="confirmation_days",
        kind="number",
        unit="days",
        low=1,
        high=365,
        whole=True,
        default=28,
        notebooks=(RESPONSE,),
        meaning="the days between a response and the assessment that confirms it",
    ),
    Parameter(
        name="minimum_stable_days",
        kind="number",
        unit="days",
        high=1000,
        whole=True,
        default=42,
        notebooks=(RESPONSE,),
        meaning="the days from the start until stable disease may be called so",
    ),
    Parameter(
        name="other_stable_days",
        kind="numbers",
        unit="days",
        high=1000,
        whole=True,
        at_most=5,
        notebooks=(RESPONSE,),
        meaning="other minimum days of stable disease, for sensitivity",
    ),
    Parameter(
        name="censoring_rules",
        kind="choice",
        choices=("FDA", "EMA"),
        default="FDA",
        notebooks=(RESPONSE,),
        meaning="the rules of censoring for the duration of response",
    ),
    Parameter(
        name="assessment_interval",
        kind="number",
        unit="days",
        low=1,
        high=365,
        whole=True,
        notebooks=(RESPONSE, SURVIVAL),
        meaning="the days between scheduled assessments; none: missed assessments do not censor",
    ),
    Parameter(
        name="assessment_allowance",
        kind="number",
        unit="days",
        high=100,
        whole=True,
        default=7,
        notebooks=(RESPONSE, SURVIVAL),
        meaning="the days by which an assessment may be late",
    ),
    Parameter(
        name="proportion_interval",
        kind="choice",
        choices=("wilson", "clopper-pearson"),
        default="wilson",
        notebooks=(RESPONSE,),
        meaning="the confidence interval of a share of patients",
    ),
    Parameter(
        name="seed",
        kind="number",
        high=2**32 - 1,
        whole=True,
        default=20260101,
        notebooks=(CONTINUOUS,),
        meaning="the seed of everything that is drawn at random",
    ),
)
PARAMETERS: Mapping[str, Parameter] = {parameter.name: parameter for parameter in _LIST}
RUN_PARAMETERS = ("study", "report", "language")
REPORT_PARAMETERS = tuple(name for name in PARAMETERS if name not in RUN_PARAMETERS)
