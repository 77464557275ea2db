"""Everything that a study's data break: the findings of all rules on all data sets.

An error makes an analysis of these records wrong, and whoever asks for them is refused. A warning is said, and the
analysis goes on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from evidence_lib.data import rules
from evidence_lib.data.findings import Finding
from evidence_lib.data.specs import spec_for

if TYPE_CHECKING:
    from evidence_lib.data.adam import AdamData

SEVERITIES = ("error", "warning")


def conformance(data: AdamData) -> list[Finding]:
    """The findings of every data set of the study, ADSL first, in each the errors first.

    Raises DataError where a data set cannot be read.
    """
    return [found for name in data.names for found in data.findings(name)]


def dataset_findings(data: AdamData, name: str) -> tuple[Finding, ...]:
    """The findings of one data set: what does not fit its specification, then what its rules find.

    ``AdamData.findings`` keeps them.
    """
    frame, unfit = data.conformed(name)
    table = data.table(name)
    spec = spec_for(name, table.frame.columns)
    adsl = data.typed("ADSL")
    subjects = (
        adsl[adsl["USUBJID"].notna()].drop_duplicates("USUBJID").set_index("USUBJID")
        if "USUBJID" in adsl
        else adsl.iloc[:0]
    )
    in_hand = rules.DataSet(name, spec, table, frame, subjects, data.define.columns(name))
    found = [*unfit, *(one for rule in _rules(spec.structure, "CNSR" in spec.by_name) for one in rule(in_hand))]
    return tuple(sorted(dict.fromkeys(found), key=lambda one: SEVERITIES.index(one.severity)))


def _rules(structure: str, time_to_event: bool) -> tuple[rules.Rule, ...]:
    of_any = (*rules.RECORD_RULES, *rules.DEFINE_RULES)
    if time_to_event:
        return (*of_any, *rules.TIME_TO_EVENT_RULES)
    if structure == "parameters":
        return (*of_any, *rules.DATE_RULES, *rules.PARAMETER_RULES)
    if structure == "occurrences":
        return (*of_any, *rules.DATE_RULES, *rules.OCCURRENCE_RULES)
    return (*of_any, *rules.DATE_RULES)
