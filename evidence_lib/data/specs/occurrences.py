"""Data sets of one record per event or administration: OCCDS v1.1 (ADAE), and exposure (ADEX)."""

from __future__ import annotations

from evidence_lib.data.specs import terminology
from evidence_lib.data.specs.model import DatasetSpec, column

ADAE = DatasetSpec(
    name="ADAE",
    key=("USUBJID", "AESEQ"),
    structure="occurrences",
    one_of=(("AEDECOD", "AETERM"),),
    columns=(
        column("USUBJID", "text", "Subject, as in ADSL", required=True),
        column("AESEQ", "number", "Number of the event within the subject", severity="warning"),
        column("AETERM", "text", "Event as reported"),
        column("AEDECOD", "text", "Event, MedDRA preferred term", expected=True),
        column("AEBODSYS", "text", "System organ class, as in the database", expected=True),
        column("AESOC", "text", "Primary system organ class"),
        column("ASTDT", "date", "First day", expected=True),
        column("AENDT", "date", "Last day"),
        column("ASTDY", "number", "First day, counted from the start of treatment", severity="warning"),
        column("AENDY", "number", "Last day, counted from the start of treatment", severity="warning"),
        column("TRTEMFL", "flag", "Treatment-emergent", expected=True),
        column("AESEV", "text", "Severity", permitted=terminology.SEVERITY),
        column("AESER", "flag", "Serious", expected=True),
        column("AESDTH", "flag", "Serious: death", severity="warning"),
        column("AESHOSP", "flag", "Serious: in hospital", severity="warning"),
        column("AESLIFE", "flag", "Serious: life-threatening", severity="warning"),
        column("AESDISAB", "flag", "Serious: disability", severity="warning"),
        column("AESCONG", "flag", "Serious: congenital", severity="warning"),
        column("AESMIE", "flag", "Serious: other important", severity="warning"),
        column("AEREL", "text", "Related, as the investigator judged"),
        column("AEOUT", "text", "Outcome", permitted=terminology.OUTCOME),
        column("AEACN", "text", "What was done with the treatment", permitted=terminology.ACTION),
        column("AETOXGR", "grade", "Toxicity grade"),
        column("ATOXGR", "grade", "Toxicity grade, as analysed"),
        column("TRTA", "text", "Actual treatment"),
        column("TRTP", "text", "Planned treatment"),
        column("TRTSDT", "date", "First day of treatment", severity="warning"),
        column("TRTEDT", "date", "Last day of treatment", severity="warning"),
    ),
)
ADEX = DatasetSpec(
    name="ADEX",
    key=("USUBJID", "EXSEQ"),
    structure="occurrences",
    columns=(
        column("USUBJID", "text", "Subject, as in ADSL", required=True),
        column("EXSEQ", "number", "Number of the record within the subject", severity="warning"),
        column("EXTRT", "text", "What was given"),
        column("EXDOSE", "number", "Dose, in EXDOSU"),
        column("EXDOSU", "text", "Unit of the dose"),
        column("ASTDT", "date", "First day"),
        column("AENDT", "date", "Last day"),
        column("PARAMCD", "text", "Code, where exposure is held as parameters"),
        column("PARAM", "text", "Name of the parameter"),
        column("AVAL", "number", "Value of the parameter"),
        column("TRTA", "text", "Actual treatment"),
        column("TRTP", "text", "Planned treatment"),
    ),
)
OCCURRENCES = DatasetSpec(
    name="OCCDS",
    key=(),
    structure="occurrences",
    columns=(
        column("USUBJID", "text", "Subject, as in ADSL", required=True),
        column("ASTDT", "date", "First day"),
        column("AENDT", "date", "Last day"),
    ),
)
OTHER = DatasetSpec(name="other", key=(), columns=(column("USUBJID", "text", "Subject, as in ADSL"),))
