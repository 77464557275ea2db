"""ADaM data to the one frame that a time-to-event analysis takes: one row per patient."""

from __future__ import annotations

import difflib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evidence_lib.conventions import DAYS_PER_UNIT
from evidence_lib.data.checks import Checked, checked_adam, subject_column
from evidence_lib.data.encodings import Encoding
from evidence_lib.data.files import SUFFIXES, Table, read_table, suffix_of
from evidence_lib.data.findings import Finding, refuse_errors
from evidence_lib.data.specs import with_adam_headings
from evidence_lib.data.values import plain_text
from evidence_lib.errors import DataError
from evidence_lib.language import Message, message

if TYPE_CHECKING:
    import pandas as pd

UNIT_WORDS = {"D": "days", "DAY": "days", "DAYS": "days", "WEEK": "weeks", "WEEKS": "weeks", "WK": "weeks"}
UNIT_WORDS |= {"MONTH": "months", "MONTHS": "months", "MO": "months", "YEAR": "years", "YEARS": "years", "YR": "years"}
UNIT_WORDS |= {"天": "days", "日": "days", "周": "weeks", "月": "months", "个月": "months", "年": "years"}
POPULATION_FLAG = "ITTFL"


@dataclass(frozen=True)
class AdamData:
    """ADSL and ADTTE as read, headings in upper case."""

    adsl: Table
    adtte: Table

    @property
    def notes(self) -> tuple[Message, ...]:
        """What was decided while reading the two files."""
        return (*self.adsl.notes, *self.adtte.notes)


@dataclass(frozen=True)
class AnalysisFrame:
    """What is analysed, and how it was arrived at.

    ``frame``: index 0 to n-1 without identifiers; ``time`` in days (int64 where all are whole, else float64),
    ``event`` (1 = event, 0 = censored, int64), ``arm`` (text), and the variables that were asked for, as they are in
    the data (missing values stay missing, and do not remove a patient). Rows are in the order of ADTTE.
    ``attrition``: step (a catalogue key), n, and a count per arm. ``arms`` in display order, the reference last.
    ``missing``: how many patients lack each variable. ``notes``: what was decided, for the report.
    """

    frame: pd.DataFrame
    attrition: pd.DataFrame
    arms: tuple[str, ...]
    endpoint_label: str
    findings: tuple[Finding, ...]
    missing: Mapping[str, int]
    notes: tuple[Message, ...]
    labels: Mapping[str, str]


def load_adam(folder: Path, *, encoding: Encoding = "auto") -> AdamData:
    """ADSL and ADTTE of a folder, in any format that ``read_table`` knows, whatever the case of their names.

    Raises DataError where the folder or one of the two is missing, or where one data set is there in two formats.
    """
    if not folder.is_dir():
        raise DataError(
            "there is no such data folder",
            where=folder.name,
            expected="a folder that holds ADSL and ADTTE",
            mend="for a demo study run `make data`; else correct data.path in the study file",
        )
    adsl, adtte = (
        with_adam_headings(read_table(_dataset(folder, name), encoding=encoding)) for name in ("adsl", "adtte")
    )
    return AdamData(adsl, adtte)


def default_population_flag(data: AdamData, *, design: str) -> str | None:
    """ITTFL for a randomised design whose ADSL has it, else None: all patients."""
    return POPULATION_FLAG if design == "randomised" and POPULATION_FLAG in data.adsl.frame else None


def analysis_frame(
    data: AdamData,
    *,
    endpoint: str,
    treatments: Sequence[str] | None = None,
    reference: str | None = None,
    arm_variable: str = "auto",
    population_flag: str | None = None,
    subset: Mapping[str, Any] | None = None,
    strata: Sequence[str] = (),
    covariates: Sequence[str] = (),
    subgroups: Sequence[str] = (),
    baseline: Sequence[str] = (),
) -> AnalysisFrame:
    """The analysis frame of one endpoint; event = (CNSR == 0), time = AVAL in days.

    Parameters
    ----------
    data : AdamData
        ADSL and ADTTE.
    endpoint : str
        PARAMCD.
    treatments, reference : sequence of str, str, optional
        The arms compared; None stands for all arms, in the order of the data.
    arm_variable : str
        The treatment column, or ``auto``: ADTTE's TRTP, else ADSL's TRT01P, else its ARM.
    population_flag : str, optional
        A Y/N column; only Y is kept. None keeps everybody. See ``default_population_flag``.
    subset : mapping, optional
        Column to the value, or list of values, that is kept.
    strata, covariates, subgroups, baseline : sequence of str
        Columns of ADSL (else of ADTTE) that the frame carries along.

    Raises
    ------
    DataError
        Where a check of severity error fails (all are named), a column is missing, the unit is unknown, or nobody is
        left.

    Notes
    -----
    AVALU converts with 7, 30.4375 and 365.25 days. Times are rounded to 1e-6 days, so that times equal but for
    floating-point error are ties. Misreading: ``n`` at "has a record" is smaller than in ADSL where subjects have no
    ADTTE record; they are not censored at 0.
    """
    import pandas as pd

    arms = (
        None if reference is None and treatments is None else [*(treatments or ()), *([reference] if reference else ())]
    )
    if not len(data.adtte.frame) or not len(data.adsl.frame):
        raise DataError("a data set has no rows", where="ADSL or ADTTE")
    checked = checked_adam(
        data.adsl, data.adtte, endpoint=endpoint, arm_variable=arm_variable, arms=arms, strata=strata
    )
    where = f"{data.adsl.fingerprint.file} and {data.adtte.fingerprint.file}, endpoint {endpoint}"
    refuse_errors(checked.findings, where=where)
    days, notes = _days(checked.adtte)
    columns = list(dict.fromkeys([*strata, *covariates, *subgroups, *baseline]))
    frame = pd.DataFrame(
        {"time": days, "event": (checked.adtte["CNSR"] == 0).astype("int64"), "arm": checked.adtte["ARM_"]},
        index=checked.adtte.index,
    )
    for name in columns:
        frame[name] = _needed(checked, name).to_numpy()
    steps = _Steps(checked)
    kept = steps.select(checked, population_flag, subset)
    inside = checked.adtte["USUBJID"].isin(kept)
    steps.add("data.attrition.record", checked.adtte.loc[inside, "USUBJID"])
    compared = frame["arm"].isin(arms) if arms is not None else frame["arm"].notna()
    chosen = frame[inside & compared]
    steps.add("data.attrition.arms", checked.adtte.loc[chosen.index, "USUBJID"])
    if chosen.empty:
        raise DataError(
            "no patient is left to analyse", where=where, mend="look at the population, the subset and the arms"
        )
    order = tuple(arms) if arms is not None else tuple(chosen["arm"].unique())
    _refuse_empty(chosen, order, where)
    if covariates:
        complete = chosen.index[chosen[list(covariates)].notna().all(axis="columns")]
        steps.add("data.attrition.complete", checked.adtte.loc[complete, "USUBJID"])
    return AnalysisFrame(
        frame=_tidy(chosen),
        attrition=steps.frame(order),
        arms=order,
        endpoint_label=_endpoint_label(checked.adtte, endpoint),
        findings=checked.findings,
        missing={name: int(chosen[name].isna().sum()) for name in columns if chosen[name].isna().any()},
        notes=(*data.notes, *notes),
        labels={name: label for name in columns for label in [_label(data, name)] if label},
    )


class _Steps:
    """The attrition table while it is made: each step is a set of subjects, counted in all and by arm."""

    def __init__(self, checked: Checked) -> None:
        events = checked.adtte.drop_duplicates("USUBJID").set_index("USUBJID")["ARM_"]
        self.arm = events
        planned = next((name for name in ("TRT01P", "ARM") if name in checked.adsl), None)
        source = checked.arm_variable if checked.arm_variable in checked.adsl else planned
        if source is not None:
            subjects = checked.adsl.drop_duplicates("USUBJID").set_index("USUBJID")[source]
            self.arm = events.combine_first(subjects)
        self.rows: list[tuple[str, int, pd.Series]] = []

    def add(self, step: str, subjects: pd.Series) -> None:
        arms = self.arm.reindex(subjects.to_numpy())
        self.rows.append((step, len(subjects), arms.value_counts()))

    def select(self, checked: Checked, flag: str | None, subset: Mapping[str, Any] | None) -> set[str]:
        subjects = checked.adsl["USUBJID"]
        self.add("data.attrition.adsl", subjects)
        if flag is not None:
            subjects = subjects[_keeps(checked, flag, ["Y"])[subjects.index]]
            self.add("data.attrition.population", subjects)
        for name, wanted in (subset or {}).items():
            values = wanted if isinstance(wanted, list | tuple) else [wanted]
            subjects = subjects[_keeps(checked, name, values)[subjects.index]]
        if subset:
            self.add("data.attrition.subset", subjects)
        return set(subjects)

    def frame(self, arms: Sequence[str]) -> pd.DataFrame:
        import pandas as pd

        records = [
            {"step": step, "n": n, **{arm: int(counts.get(arm, 0)) for arm in arms}} for step, n, counts in self.rows
        ]
        return pd.DataFrame(records)


def _dataset(folder: Path, name: str) -> Path:
    found = [path for path in sorted(folder.iterdir()) if path.is_file() and suffix_of(path) and _stem(path) == name]
    if not found:
        mend = "for a demo study run `make data`; else put it there, or correct data.path"
        raise DataError(
            f"{name.upper()} is missing", where=folder.name, expected=f"{name} + {', '.join(SUFFIXES)}", mend=mend
        )
    if len(found) > 1:
        files = ", ".join(path.name for path in found)
        raise DataError(
            f"{name.upper()} is there more than once", where=folder.name, found=files, mend="keep one of them"
        )
    return found[0]


def _stem(path: Path) -> str:
    return path.name.lower().removesuffix(suffix_of(path) or "")


def _keeps(checked: Checked, name: str, wanted: Sequence[Any]) -> pd.Series:
    """For each subject of ADSL, whether the column (of ADSL, else of ADTTE) has one of the wanted values."""
    if name in checked.adsl:
        column = checked.adsl[name]
    elif name in checked.adtte:
        by_subject = checked.adtte.drop_duplicates("USUBJID").set_index("USUBJID")[name]
        column = by_subject.reindex(checked.adsl["USUBJID"]).set_axis(checked.adsl.index)
    else:
        raise _no_column(checked, name)
    texts = {plain_text(value) for value in wanted}
    present = column.map(plain_text)
    if not present.isin(texts).any():
        levels = (
            ", ".join(sorted(set(present.dropna()))[:8]) if present.nunique() <= 20 else f"{present.nunique()} values"
        )
        raise DataError(
            "no patient has this value",
            where=name,
            expected=f"one of {levels}",
            found=", ".join(sorted(map(str, texts))),
        )
    return present.isin(texts)


def _needed(checked: Checked, name: str) -> pd.Series:
    column = subject_column(checked.adsl, checked.adtte, name)
    if column is None:
        raise _no_column(checked, name)
    return column


def _no_column(checked: Checked, name: str) -> DataError:
    known = [str(column) for column in [*checked.adsl.columns, *checked.adtte.columns] if column != "ARM_"]
    near = difflib.get_close_matches(name.upper(), known, n=1)
    mend = f"did you mean {near[0]}?" if near else f"columns: {', '.join(dict.fromkeys(known))}"
    return DataError("no such column", where="ADSL and ADTTE", found=name, mend=mend)


def _days(events: pd.DataFrame) -> tuple[pd.Series, list[Message]]:
    stated = set(events["AVALU"].dropna()) if "AVALU" in events else set()
    units = {_unit(text) for text in stated}
    named = {_unit_in_name(text) for text in events["PARAM"].dropna().unique()} - {None} if "PARAM" in events else set()
    if len(units) > 1 or (units and named and units != named):
        both = sorted(stated | {f"{unit} in PARAM" for unit in named if unit})
        raise DataError("the times are in different units", where="ADTTE, AVALU", found=", ".join(both))
    unit: str = next(iter(units or named), None) or "days"
    notes = [] if units or named else [message("data.note.days_assumed")]
    if unit != "days":
        notes.append(message("data.note.converted", unit=message(f"data.unit.{unit}"), days=DAYS_PER_UNIT[unit]))
    return (events["AVAL"] * DAYS_PER_UNIT[unit]).round(6), notes


def _unit(text: str) -> Literal["days", "weeks", "months", "years"]:
    found = UNIT_WORDS.get(text.strip().upper())
    if found is None:
        raise DataError(
            "unknown unit of time", where="ADTTE, AVALU", expected="DAYS, WEEKS, MONTHS or YEARS", found=repr(text)
        )
    return found  # type: ignore[return-value]


def _unit_in_name(param: str) -> str | None:
    """The unit that a parameter's name ends with: ``Overall Survival (Months)``."""
    found = re.search(r"[(（]\s*(\w+)\s*[)）]\s*$", param)
    return UNIT_WORDS.get(found[1].upper()) if found else None


def _endpoint_label(events: pd.DataFrame, endpoint: str) -> str:
    names = list(events["PARAM"].dropna().unique()) if "PARAM" in events else []
    if not names:
        return endpoint
    return re.sub(r"\s*[(（]\s*(?i:days|weeks|months|years)\s*[)）]\s*$", "", str(names[0]))


def _label(data: AdamData, name: str) -> str | None:
    return data.adsl.labels.get(name) or data.adtte.labels.get(name)


def _refuse_empty(chosen: pd.DataFrame, arms: Sequence[str], where: str) -> None:
    empty = [arm for arm in arms if not (chosen["arm"] == arm).any()]
    if empty:
        raise DataError(
            "an arm has no patient left",
            where=where,
            found=", ".join(empty),
            mend="look at the population and the subset",
        )


def _tidy(chosen: pd.DataFrame) -> pd.DataFrame:
    frame = chosen.reset_index(drop=True)
    if (frame["time"] == frame["time"].round()).all():
        frame["time"] = frame["time"].astype("int64")
    return frame
