"""ADSL: one record per subject. ADaM Implementation Guide v1.3, section 3.2."""

from __future__ import annotations

from evidence_lib.data.specs import terminology
from evidence_lib.data.specs.model import DatasetSpec, column

ADSL = DatasetSpec(
    name="ADSL",
    key=("USUBJID",),
    structure="subjects",
    columns=(
        column("STUDYID", "text", "Study", required=True),
        column("USUBJID", "text", "Subject, unique across studies", required=True),
        column("SITEID", "text", "Site"),
        column("TRT01P", "text", "Planned treatment; ARM serves where it is absent"),
        column("ARM", "text", "Planned arm"),
        column("TRT01A", "text", "Actual treatment"),
        column("ACTARM", "text", "Actual arm"),
        column("AGE", "number", "Age, in AGEU", severity="warning"),
        column("AGEU", "text", "Unit of AGE", permitted=terminology.AGE_UNIT),
        column("SEX", "text", "Sex", permitted=terminology.SEX),
        column("RACE", "text", "Race", permitted=terminology.RACE),
        column("ETHNIC", "text", "Ethnicity", permitted=terminology.ETHNIC),
        column("ITTFL", "flag", "In the intention-to-treat population"),
        column("SAFFL", "flag", "In the safety population"),
        column("FASFL", "flag", "In the full analysis set"),
        column("PPROTFL", "flag", "In the per-protocol population"),
        column("RANDFL", "flag", "Randomised"),
        column("ENRLFL", "flag", "Enrolled"),
        column("DTHFL", "flag", "Died"),
        column("RANDDT", "date", "Date of randomisation"),
        column("TRTSDT", "date", "First day of treatment"),
        column("TRTEDT", "date", "Last day of treatment"),
        column("DTHDT", "date", "Date of death"),
        column("EOSDT", "date", "Date of the end of the study"),
        column("EOSSTT", "text", "Status at the end of the study", permitted=terminology.STATUS),
        column("EOTSTT", "text", "Status at the end of treatment", permitted=terminology.STATUS),
        column("DCSREAS", "text", "Reason for leaving the study"),
        column("DCTREAS", "text", "Reason for stopping treatment"),
    ),
)
