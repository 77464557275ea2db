"""Checks of ADSL and ADTTE before anything is computed from them.

Row numbers in findings are those of the files; subject identifiers never leave this module.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING

from evidence_lib.data.censoring import check_censoring_direction
from evidence_lib.data.files import Table
from evidence_lib.data.findings import Finding, finding
from evidence_lib.data.specs import DatasetSpec, conform, is_sas, spec_for

if TYPE_CHECKING:
    import pandas as pd

ADSL, ADTTE = spec_for("ADSL"), spec_for("ADTTE")
ARM_VARIABLES = ("TRTP", "TRT01P", "ARM")
LONGEST_DAYS = 200 * 365.25  # nobody is followed for longer: the unit or the value is wrong


@dataclass(frozen=True)
class Checked:
    """Typed ADSL, the typed ADTTE records of one endpoint with their ``ARM_`` (treatment), and all findings."""

    adsl: pd.DataFrame
    adtte: pd.DataFrame
    arm_variable: str | None
    findings: tuple[Finding, ...]


def check_adam(
    adsl: Table,
    adtte: Table,
    *,
    endpoint: str,
    arm_variable: str = "auto",
    arms: Sequence[str] | None = None,
    strata: Sequence[str] = (),
) -> list[Finding]:
    """Everything that the data break for one endpoint; an empty list is good news.

    Parameters
    ----------
    adsl, adtte : Table
        As read, with upper-case headings (``specs.with_adam_headings``).
    endpoint : str
        PARAMCD; records of other endpoints are not looked at.
    arm_variable : str
        The treatment column, or ``auto``: ADTTE's TRTP, else ADSL's TRT01P, else its ARM.
    arms : sequence of str, optional
        The arms that will be compared; None stands for all that occur.
    strata : sequence of str
        Stratification factors, columns of ADSL or ADTTE.

    Notes
    -----
    Zero time, all censored, no event in an arm and a stratum of one patient are warnings: the analysis can run.
    """
    return list(
        checked_adam(adsl, adtte, endpoint=endpoint, arm_variable=arm_variable, arms=arms, strata=strata).findings
    )


def checked_adam(
    adsl: Table,
    adtte: Table,
    *,
    endpoint: str,
    arm_variable: str = "auto",
    arms: Sequence[str] | None = None,
    strata: Sequence[str] = (),
) -> Checked:
    """``check_adam`` together with the typed frames it looked at."""
    subjects, found = _conformed(adsl, ADSL)
    records = adtte.frame
    if "PARAMCD" in records:
        codes = records["PARAMCD"].map(
            lambda value: str(value).strip() if value == value and value is not None else None
        )
        if not (codes == endpoint).any():
            codes_found = sorted(set(codes.dropna()))
            found.append(finding("ADTTE", "no_endpoint", "error", endpoint=endpoint, endpoints=codes_found[:20]))
        records = records[codes == endpoint]
    events, problems = _conformed(adtte, ADTTE, records)
    found += problems
    variable = _arm_variable(subjects, events, arm_variable)
    if variable is None:
        found.append(finding("ADTTE", "no_arm_column", "error", column=arm_variable))
    events = events.assign(ARM_=_arms(subjects, events, variable))
    for check in (_duplicates, _strangers):
        found += check(subjects, events)
    found += check_times(events)
    found += check_dates(subjects, events)
    found += check_censoring_direction(events, adtte.labels)
    if variable is not None and len(events):
        found += _check_arms(subjects, events, variable, arms)
    if strata and len(events):
        found += _check_strata(subjects, events, strata)
    return Checked(subjects, events, variable, tuple(found))


def subject_column(subjects: pd.DataFrame, events: pd.DataFrame, name: str) -> pd.Series | None:
    """A column for each record of ``events``: of ADSL (by USUBJID), else of ADTTE; None where neither has it."""
    if name in subjects and "USUBJID" in subjects and "USUBJID" in events:
        first = subjects.drop_duplicates("USUBJID").set_index("USUBJID")[name]
        # reindex, not map: mapping would turn whole numbers into floats even where every subject is found
        return first.reindex(events["USUBJID"]).set_axis(events.index)
    return events.get(name)


def _conformed(
    table: Table, spec: DatasetSpec, frame: pd.DataFrame | None = None
) -> tuple[pd.DataFrame, list[Finding]]:
    return conform(table.frame if frame is None else frame, spec, sas=is_sas(table))


def _arm_variable(subjects: pd.DataFrame, events: pd.DataFrame, wanted: str) -> str | None:
    if wanted != "auto":
        return wanted if wanted in events or wanted in subjects else None
    return next((name for name in ARM_VARIABLES if name in (events if name == "TRTP" else subjects)), None)


def _arms(subjects: pd.DataFrame, events: pd.DataFrame, variable: str | None) -> pd.Series:
    import pandas as pd

    if variable is None:
        return pd.Series(None, index=events.index, dtype=object)
    found = events[variable] if variable in events else subject_column(subjects, events, variable)
    if found is None:
        return pd.Series(None, index=events.index, dtype=object)
    return found.map(lambda value: None if value is None or value != value else str(value))


def _duplicates(subjects: pd.DataFrame, events: pd.DataFrame) -> Iterator[Finding]:
    for frame, spec in ((subjects, ADSL), (events, ADTTE)):
        if set(spec.key) <= set(frame.columns):
            named = frame[frame["USUBJID"].notna()]
            again = named.index[named.duplicated(list(spec.key), keep=False)]
            if len(again):
                yield finding(spec.name, "duplicate_subject", "error", again, columns=list(spec.key))


def _strangers(subjects: pd.DataFrame, events: pd.DataFrame) -> Iterator[Finding]:
    if "USUBJID" in subjects and "USUBJID" in events:
        unknown = events.index[events["USUBJID"].notna() & ~events["USUBJID"].isin(subjects["USUBJID"])]
        if len(unknown):
            yield finding("ADTTE", "not_in_adsl", "error", unknown)


def check_times(events: pd.DataFrame, *, dataset: str = "ADTTE") -> Iterator[Finding]:
    """Times that are negative, longer than 200 years (errors) or 0 (a warning)."""
    if "AVAL" not in events:
        return
    rules = {
        "negative_time": ("error", events["AVAL"] < 0),
        "endless_time": ("error", events["AVAL"] > LONGEST_DAYS),
        "zero_time": ("warning", events["AVAL"] == 0),
    }
    for rule, (severity, broken) in rules.items():
        if broken.any():
            yield finding(dataset, rule, severity, events.index[broken])  # type: ignore[arg-type]


def check_dates(subjects: pd.DataFrame, events: pd.DataFrame, *, dataset: str = "ADTTE") -> Iterator[Finding]:
    """Events and censorings before the day that time counts from, or before randomisation."""
    if "ADT" not in events:
        return
    randomised = subject_column(subjects, events, "RANDDT")
    for name, start in (("STARTDT", events.get("STARTDT")), ("RANDDT", randomised)):
        if start is not None:
            before = events["ADT"] < start
            if before.any():
                yield finding(dataset, "date_before_start", "error", events.index[before], column=name)


def _check_arms(
    subjects: pd.DataFrame, events: pd.DataFrame, variable: str, arms: Sequence[str] | None
) -> Iterator[Finding]:
    arm = events["ARM_"]
    planned = subjects[variable].dropna().map(str) if variable in subjects else subject_planned(subjects)
    present = list(arm.dropna().unique())
    known = list(dict.fromkeys([*present, *planned.unique()]))
    for wanted in arms or ():
        if wanted not in known:
            yield finding("ADTTE", "unknown_arm", "error", arm=wanted, arms=known[:20], column=variable)
        elif wanted not in present:
            yield finding("ADTTE", "empty_arm", "error", arm=wanted)
    if arms is None:
        # an arm that was planned and has no record: a screen failure is not one (its planned treatment is blank)
        for idle in [name for name in known if name not in present]:
            yield finding("ADTTE", "empty_arm", "warning", arm=idle)
    if len(present) == 1:
        yield finding("ADTTE", "one_arm", "error" if arms and len(arms) > 1 else "warning", arm=present[0])
    blank = list(arm.index[arm.isna()])
    if blank:
        yield finding("ADTTE", "missing_arm", "warning", blank, column=variable)
    if variable == "TRTP":
        yield from _differing_arms(subjects, events)
    compared = events[arm.isin(list(arms))] if arms else events[arm.notna()]
    yield from _events_per_arm(compared)


def subject_planned(subjects: pd.DataFrame) -> pd.Series:
    """The planned treatment of each subject of ADSL as text; empty where ADSL has none."""
    import pandas as pd

    name = next((name for name in ("TRT01P", "ARM") if name in subjects), None)
    return subjects[name].dropna().map(str) if name else pd.Series(dtype=object)


def _differing_arms(subjects: pd.DataFrame, events: pd.DataFrame) -> Iterator[Finding]:
    planned = subject_column(subjects, events, "TRT01P") if "TRT01P" in subjects else None
    if planned is not None:
        differ = planned.notna() & events["TRTP"].notna() & (planned != events["TRTP"])
        if differ.any():
            yield finding("ADTTE", "differing_arms", "warning", events.index[differ])


def _events_per_arm(compared: pd.DataFrame) -> Iterator[Finding]:
    if "CNSR" not in compared or compared.empty:
        return
    events = (compared["CNSR"] == 0).groupby(compared["ARM_"], sort=False).sum()
    if not events.any():
        yield finding("ADTTE", "no_events", "warning")
        return
    for arm in events.index[events == 0]:
        yield finding("ADTTE", "no_events_in_arm", "warning", arm=arm)


def _check_strata(subjects: pd.DataFrame, events: pd.DataFrame, strata: Sequence[str]) -> Iterator[Finding]:
    import pandas as pd

    columns = {name: subject_column(subjects, events, name) for name in strata}
    if any(column is None for column in columns.values()):
        return  # the missing column is named where the analysis frame is made
    factors = pd.DataFrame({name: column.to_numpy() for name, column in columns.items() if column is not None})
    sizes = factors.groupby(list(strata), dropna=True).size()
    alone = int((sizes == 1).sum())
    if alone:
        yield finding("ADTTE", "stratum_of_one", "warning", strata=list(strata), count=alone)
