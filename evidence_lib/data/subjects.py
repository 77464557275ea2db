"""The subjects of a report and the records that belong to them, without their identifiers."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from evidence_lib.data.attrition import Steps, no_column, refuse_empty
from evidence_lib.data.findings import Finding, finding, refuse_errors
from evidence_lib.errors import DataError, InvalidInput
from evidence_lib.language import Message

if TYPE_CHECKING:
    import pandas as pd

    from evidence_lib.data.adam import AdamData

PLANNED = ("TRT01P", "ARM")
IDENTIFIERS = ("USUBJID", "SUBJID")


@dataclass(frozen=True)
class Subjects:
    """Whom a report is about.

    ``frame``: index 0 to n-1, rows in the order of ADSL; ``subject`` (int64: the place in ADSL, from 0; it is the same
    in every frame of the study), ``arm`` (text), then the columns of ADSL in their types, without identifiers.
    ``attrition``: step (a catalogue key), n, and a count per arm. ``arms`` in display order, the reference last.
    ``labels`` are those of the columns.
    """

    frame: pd.DataFrame
    attrition: pd.DataFrame
    arms: tuple[str, ...]
    arm_variable: str
    population_flag: str | None
    findings: tuple[Finding, ...]
    notes: tuple[Message, ...]
    labels: Mapping[str, str]
    _numbers: pd.Series = field(repr=False, compare=False)  # subject by USUBJID, of the subjects in the frame


def subjects(
    data: AdamData,
    *,
    treatments: Sequence[str] | None = None,
    reference: str | None = None,
    arm_variable: str = "auto",
    population_flag: str | None = None,
    subset: Mapping[str, Any] | None = None,
) -> Subjects:
    """The subjects of a population in the arms that are compared.

    Parameters
    ----------
    data : AdamData
        ADSL, and ADTTE where ``subset`` names a column that only it has.
    treatments, reference : sequence of str, str, optional
        The arms, the reference last; without ``treatments`` all others that the population has. An arm's place is
        that of its number (TRT01PN beside TRT01P), else the order of ADSL.
    arm_variable : str
        The treatment column of ADSL, or ``auto``: TRT01P, else ARM.
    population_flag : str, optional
        A Y/N column; only Y is kept. None keeps everybody. Subjects without an arm are never kept.
    subset : mapping, optional
        Column to the value, or list of values, that is kept.

    Raises
    ------
    DataError
        Where a check of severity error fails (all are named), a column is missing, or an arm has nobody.
    """
    frame = data.typed("ADSL")
    where = data.adsl.fingerprint.file
    findings = list(data.findings("ADSL"))
    variable = _arm_variable(frame, arm_variable)
    if variable is None:
        findings.append(finding("ADSL", "no_arm_column", "error", column=arm_variable))
    refuse_errors(findings, where=where)
    arm = frame[str(variable)].map(lambda value: None if value is None or value != value else str(value))
    order = _order(frame, arm, str(variable), treatments, reference)
    findings += _arm_findings(arm, order, str(variable), declared=treatments is not None or reference is not None)
    refuse_errors(findings, where=where)

    steps = Steps(arm.set_axis(frame["USUBJID"]))
    others = data.typed("ADTTE") if set(subset or ()) - set(frame.columns) and data.has("ADTTE") else None
    inside = frame["USUBJID"].isin(steps.select(frame, others, population_flag, subset))
    findings += _without_arm(arm[inside], str(variable))
    numbers = numbers_by_id(frame)
    made = frame.drop(columns=identifying(frame))
    made.insert(0, "subject", numbers.to_numpy())
    made.insert(1, "arm", arm)
    if treatments is None:
        order = tuple(name for name in order if name == reference or (inside & (arm == name)).any())
    chosen = inside & arm.isin(order)
    steps.add("data.attrition.arms", frame.loc[chosen, "USUBJID"])
    refuse_empty(made[chosen], order, where)
    labels = data.adsl.labels
    return Subjects(
        frame=made[chosen].reset_index(drop=True),
        attrition=steps.frame(order),
        arms=order,
        arm_variable=str(variable),
        population_flag=population_flag,
        findings=tuple(findings),
        notes=data.adsl.notes,
        labels={name: labels[name] for name in made.columns if name in labels},
        _numbers=numbers[chosen.to_numpy()],
    )


def records(
    data: AdamData, name: str, subjects: Subjects, *, parameter: str | Sequence[str] | None = None
) -> pd.DataFrame:
    """The typed records of a data set that belong to these subjects, in the order of the file.

    Parameters
    ----------
    data : AdamData
        The study's data.
    name : str
        The data set, such as ADAE.
    subjects : Subjects
        Whose records are wanted.
    parameter : str or sequence of str, optional
        PARAMCD: one or several.

    Returns
    -------
    DataFrame
        Index 0 to m-1; ``subject`` and ``arm`` as in ``subjects.frame``, then the columns without identifiers. A
        subject without a record has no row: whoever counts subjects counts them in ``subjects.frame``.

    Raises
    ------
    DataError
        Where the data set is missing, a check of severity error fails in it (all are named), or no record has the
        parameter.
    """
    frame = data.typed(name)
    where = data.table(name).fingerprint.file
    refuse_errors(data.findings(name), where=where)
    if "USUBJID" not in frame:
        raise no_column("USUBJID", frame.columns, where=where)
    kept = frame[frame["USUBJID"].isin(subjects._numbers.index)]
    if parameter is not None:
        kept = _of_parameter(frame, kept, [parameter] if isinstance(parameter, str) else list(parameter), where)
    numbers = subjects._numbers.reindex(kept["USUBJID"]).to_numpy()
    arms = subjects.frame.set_index("subject")["arm"].reindex(numbers).to_numpy()
    made = kept.drop(columns=identifying(kept)).reset_index(drop=True)
    made.insert(0, "subject", numbers.astype("int64"))
    made.insert(1, "arm", arms)
    return made


def numbers_by_id(adsl: pd.DataFrame) -> pd.Series:
    """The number of each subject by USUBJID: its place in ADSL, from 0."""
    import pandas as pd

    return pd.Series(range(len(adsl)), index=adsl["USUBJID"], dtype="int64")


def identifying(frame: pd.DataFrame) -> list[str]:
    """The columns that name subjects: USUBJID, SUBJID, and any that ends in one of them."""
    return [str(column) for column in frame.columns if str(column).upper().endswith(IDENTIFIERS)]


def _of_parameter(frame: pd.DataFrame, kept: pd.DataFrame, wanted: list[str], where: str) -> pd.DataFrame:
    if not wanted:
        raise InvalidInput("no parameter", where="parameter", expected="one PARAMCD or several")
    if "PARAMCD" not in frame:
        raise no_column("PARAMCD", frame.columns, where=where)
    there = set(frame["PARAMCD"].dropna())
    missing = [code for code in wanted if code not in there]
    if missing:
        raise DataError(
            "no record has this parameter",
            where=f"{where}, PARAMCD",
            expected=f"one of {', '.join(sorted(there)[:20])}",
            found=", ".join(map(str, missing)),
        )
    return kept[kept["PARAMCD"].isin(wanted)]


def _arm_variable(adsl: pd.DataFrame, wanted: str) -> str | None:
    names = PLANNED if wanted == "auto" else (wanted,)
    return next((name for name in names if name in adsl), None)


def _order(
    adsl: pd.DataFrame, arm: pd.Series, variable: str, treatments: Sequence[str] | None, reference: str | None
) -> tuple[str, ...]:
    """The arms in display order, the reference last."""
    last = () if reference is None else (reference,)
    if treatments is not None:
        return (*treatments, *last)
    present = [str(name) for name in arm.dropna().unique()]
    number = f"{variable}N"
    if number in adsl:
        places = {str(name): sorted(set(numbers.dropna())) for name, numbers in adsl[number].groupby(arm)}
        if all(len(found) == 1 for found in places.values()):
            present.sort(key=lambda name: places[name])
    return (*(name for name in present if name != reference), *last)


def _arm_findings(arm: pd.Series, order: Sequence[str], variable: str, *, declared: bool) -> Iterator[Finding]:
    present = list(arm.dropna().unique())
    for wanted in order:
        if wanted not in present:
            yield finding("ADSL", "unknown_arm", "error", arm=wanted, arms=present[:20], column=variable)
    if len(present) == 1:
        yield finding("ADSL", "one_arm", "error" if declared and len(order) > 1 else "warning", arm=present[0])


def _without_arm(arm: pd.Series, variable: str) -> Iterator[Finding]:
    """A warning of subjects of the population who have no arm; one who was never randomised is not missed."""
    blank = arm.index[arm.isna()]
    if len(blank):
        yield finding("ADSL", "missing_arm", "warning", blank, column=variable)
