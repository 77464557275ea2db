"""Rules of adverse events: the treatment-emergent flag against dates, seriousness, coding."""

from __future__ import annotations

from collections.abc import Iterator

from evidence_lib.data.findings import Finding
from evidence_lib.data.rules.material import DataSet, Rule, is_date

SERIOUS = ("AESDTH", "AESHOSP", "AESLIFE", "AESDISAB", "AESCONG", "AESMIE", "AESCAN", "AESOD")


def emergent(data: DataSet) -> Iterator[Finding]:
    """TRTEMFL against the dates: Y before the first day of treatment, not Y while treatment was given."""
    start, end = data.own_or_of_subject("TRTSDT"), data.own_or_of_subject("TRTEDT")
    if not data.has("TRTEMFL", "ASTDT") or start is None or not is_date(start) or not is_date(data.frame["ASTDT"]):
        return
    flagged, began = data.frame["TRTEMFL"] == "Y", data.frame["ASTDT"]
    yield from data.broken("emergent_before_treatment", "warning", flagged & (began < start))
    yield from data.broken("emergent_untreated", "warning", flagged & start.isna())
    if end is not None and is_date(end):
        yield from data.broken("not_emergent", "warning", ~flagged & (began > start) & (began <= end))


def serious(data: DataSet) -> Iterator[Finding]:
    """AESER against the reasons for seriousness, and a fatal outcome that is not a serious death."""
    if not data.has("AESER"):
        return
    yes, reasons = data.frame["AESER"] == "Y", data.there(SERIOUS)
    if reasons:
        any_reason = (data.frame[reasons] == "Y").any(axis="columns")
        yield from data.broken("not_serious", "warning", ~yes & any_reason)
        yield from data.broken("serious_without_reason", "warning", yes & ~any_reason)
    if data.has("AEOUT"):
        fatal = data.frame["AEOUT"] == "FATAL"
        death = data.frame["AESDTH"] == "Y" if data.has("AESDTH") else yes
        yield from data.broken("fatal_not_serious", "warning", fatal & ~(yes & death))


def coded(data: DataSet) -> Iterator[Finding]:
    """Events without a preferred term, which no table of terms can hold."""
    if data.has("AEDECOD"):
        yield from data.broken("not_coded", "warning", data.frame["AEDECOD"].isna())


OCCURRENCE_RULES: tuple[Rule, ...] = (emergent, serious, coded)
