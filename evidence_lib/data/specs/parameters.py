"""Data sets of one record per subject, parameter and time point: the Basic Data Structure (ADaM-IG v1.3, section 3.3).

ADTTE follows "The ADaM Basic Data Structure for Time-to-Event Analyses" v1.0.
"""

from __future__ import annotations

from dataclasses import replace

from evidence_lib.data.specs import terminology
from evidence_lib.data.specs.model import DatasetSpec, column

ADTTE = DatasetSpec(
    name="ADTTE",
    key=("USUBJID", "PARAMCD"),
    structure="parameters",
    columns=(
        column("USUBJID", "text", "Subject, as in ADSL", required=True),
        column("PARAMCD", "text", "Code of the endpoint", required=True),
        column("AVAL", "number", "Time to the event or to censoring, in AVALU", required=True),
        column("CNSR", "censoring", "0 = event; 1, 2, ... = censored, by reason", required=True),
        column("PARAM", "text", "Name of the endpoint"),
        column("AVALU", "text", "Unit of AVAL; days where absent"),
        column("STARTDT", "date", "Day the time counts from"),
        column("ADT", "date", "Day of the event or of censoring"),
        column("TRTP", "text", "Planned treatment"),
        column("EVNTDESC", "text", "What the event was (some sponsors: or the censoring)"),
        column("CNSDTDSC", "text", "What the censoring date is"),
    ),
)
BASIC = DatasetSpec(
    name="BDS",
    key=(),
    structure="parameters",
    one_of=(("AVAL", "AVALC"),),
    columns=(
        column("USUBJID", "text", "Subject, as in ADSL", required=True),
        column("PARAMCD", "text", "Code of what was measured", required=True),
        column("PARAM", "text", "What was measured, with its unit", expected=True),
        column("AVAL", "number", "The value"),
        column("AVALC", "text", "The value as text"),
        column("AVALU", "text", "Unit of AVAL"),
        column("BASE", "number", "The value at baseline"),
        column("BASETYPE", "text", "Which baseline BASE is, where there are several"),
        column("CHG", "number", "AVAL - BASE"),
        column("PCHG", "number", "100 * CHG / BASE"),
        column("AVISIT", "text", "Visit as analysed"),
        column("AVISITN", "number", "Number of the visit; puts visits in order"),
        column("VISIT", "text", "Visit as planned", severity="warning"),
        column("ATPT", "text", "Time point within the visit"),
        column("ADT", "date", "Day of the value"),
        column("ADY", "number", "Day of the value, counted from the start", severity="warning"),
        column("TRTP", "text", "Planned treatment"),
        column("TRTA", "text", "Actual treatment"),
        column("ABLFL", "flag", "This record is the baseline"),
        column("ANL01FL", "flag", "This record is analysed"),
        column("DTYPE", "text", "How the value was derived, where it was not observed"),
        column("TRTSDT", "date", "First day of treatment", severity="warning"),
        column("TRTEDT", "date", "Last day of treatment", severity="warning"),
    ),
)
ADVS = replace(BASIC, name="ADVS")
ADQS = replace(BASIC, name="ADQS")
ADLB = replace(
    BASIC,
    name="ADLB",
    columns=(
        *BASIC.columns,
        column("ANRIND", "text", "Place in the reference range", permitted=terminology.REFERENCE_RANGE),
        column("BNRIND", "text", "Place in the reference range at baseline", permitted=terminology.REFERENCE_RANGE),
        column("A1LO", "number", "Lower limit of normal", severity="warning"),
        column("A1HI", "number", "Upper limit of normal", severity="warning"),
        column("ANRLO", "number", "Lower limit of normal", severity="warning"),
        column("ANRHI", "number", "Upper limit of normal", severity="warning"),
        column("ATOXGR", "grade", "Toxicity grade"),
        column("BTOXGR", "grade", "Toxicity grade at baseline"),
    ),
)
ADRS = replace(
    BASIC,
    name="ADRS",
    columns=(*BASIC.columns, column("RSEVAL", "text", "Who assessed"), column("RSEVALID", "text", "Which assessor")),
)
ADTR = replace(
    BASIC,
    name="ADTR",
    columns=(*BASIC.columns, column("TRLNKID", "text", "Lesion"), column("NADIR", "number", "Smallest sum so far")),
)
