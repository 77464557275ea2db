"""ADaM data of a folder, read when they are needed, and the frame that a time-to-event analysis takes."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_lib.data.attrition import Steps, no_column, refuse_empty
from evidence_lib.data.checks import Checked, checked_adam, subject_column
from evidence_lib.data.define import Define, find_define, read_define
from evidence_lib.data.encodings import Encoding
from evidence_lib.data.files import SUFFIXES, Table, read_table, suffix_of
from evidence_lib.data.findings import Finding, refuse_errors
from evidence_lib.data.specs import conform, is_sas, spec_for, with_adam_headings
from evidence_lib.data.subjects import numbers_by_id
from evidence_lib.data.times import days_of, endpoint_label
from evidence_lib.errors import DataError
from evidence_lib.language import Message

if TYPE_CHECKING:
    import pandas as pd

POPULATION_FLAG = "ITTFL"
Change = Callable[[str, Table], Table]


@dataclass(frozen=True, eq=False)
class AdamData:
    """The data sets of a study. A data set is read when it is first asked for, and kept.

    ``files`` are those of the folder by upper-case data set name. ``changes`` are applied, in order, to each data set
    after it was read: derived variables, dummy arms. Tables and what was read are shared by no other study.
    """

    folder: str
    files: Mapping[str, tuple[Path, ...]] = field(default_factory=dict)
    encoding: Encoding = "auto"
    define_file: Path | None = None
    changes: tuple[Change, ...] = ()
    _raw: dict[str, Table] = field(default_factory=dict, repr=False)
    _tables: dict[str, Table] = field(default_factory=dict, repr=False)
    _findings: dict[str, tuple[Finding, ...]] = field(default_factory=dict, repr=False)
    _conformed: dict[str, tuple[pd.DataFrame, tuple[Finding, ...]]] = field(default_factory=dict, repr=False)

    @classmethod
    def of_tables(cls, **tables: Table) -> AdamData:
        """Data that are in memory already: ``of_tables(ADSL=..., ADTTE=...)``."""
        return cls("data", _raw={name.upper(): with_adam_headings(table) for name, table in tables.items()})

    @cached_property
    def define(self) -> Define:
        """What the define.xml of the folder states; nothing where there is none."""
        return read_define(self.define_file) if self.define_file else Define()

    @property
    def names(self) -> tuple[str, ...]:
        """The data sets that are there, in upper case: ADSL first, then by name."""
        return tuple(sorted({*self.files, *self._raw}, key=lambda name: (name != "ADSL", name)))

    def has(self, name: str) -> bool:
        """Whether the data set is there."""
        return name.upper() in self.names

    def table(self, name: str) -> Table:
        """A data set as read, headings in upper case. Raises DataError where it is missing, there twice or damaged."""
        name = name.upper()
        if name not in self._tables:
            table = self._read(name)
            table = replace(table, labels={**self.define.labels(name), **table.labels})
            for change in self.changes:
                table = change(name, table)
            self._tables[name] = table
        return self._tables[name]

    def typed(self, name: str) -> pd.DataFrame:
        """A data set with each column in the type of its specification; what could not be converted is missing."""
        return self.conformed(name)[0]

    def conformed(self, name: str) -> tuple[pd.DataFrame, tuple[Finding, ...]]:
        """``typed``, and what did not fit the specification."""
        name = name.upper()
        if name not in self._conformed:
            table = self.table(name)
            frame, found = conform(table.frame, spec_for(name, table.frame.columns), sas=is_sas(table))
            self._conformed[name] = frame, tuple(found)
        return self._conformed[name]

    def findings(self, name: str) -> tuple[Finding, ...]:
        """What one data set breaks, errors first: see ``conformance``."""
        from evidence_lib.data.conformance import dataset_findings

        name = name.upper()
        if name not in self._findings:
            self._findings[name] = dataset_findings(self, name)
        return self._findings[name]

    @property
    def adsl(self) -> Table:
        """The subjects."""
        return self.table("ADSL")

    @property
    def adtte(self) -> Table:
        """The times to events."""
        return self.table("ADTTE")

    @property
    def read(self) -> tuple[Table, ...]:
        """The data sets that were read so far, as they stand in their files, in the order of ``names``."""
        return tuple(self._raw[name] for name in self.names if name in self._raw)

    @property
    def notes(self) -> tuple[Message, ...]:
        """What was decided while reading the data sets that were read so far."""
        tables = (self._tables.get(name, self._raw[name]) for name in self.names if name in self._raw)
        return tuple(dict.fromkeys(note for table in tables for note in table.notes))

    def changed(self, change: Change) -> AdamData:
        """The same data with one more change to each data set; what was read is not read again."""
        return replace(self, changes=(*self.changes, change), _tables={}, _conformed={}, _findings={})

    def with_columns(self, name: str, columns: pd.DataFrame) -> AdamData:
        """The same data with columns added to one data set, or replaced in it; the rows are those of ``typed(name)``.

        Raises DataError where the rows differ.
        """
        name = name.upper()
        before = self.typed(name)
        if not before.index.equals(columns.index):
            raise DataError("columns of other rows", where=name, expected=f"{len(before)} rows, as in the file")
        new = [column for column in columns if column not in before or not columns[column].equals(before[column])]
        added = {str(column): columns[column] for column in new}
        return self.changed(
            lambda of, table: replace(table, frame=table.frame.assign(**added)) if of == name else table
        )

    def _read(self, name: str) -> Table:
        if name not in self._raw:
            found = self.files.get(name, ())
            if not found:
                raise DataError(
                    f"{name} is missing",
                    where=self.folder,
                    expected=f"{name.lower()} + {', '.join(SUFFIXES)}",
                    mend="for a demo study run `make data`; else put it there, or correct data.path",
                )
            if len(found) > 1:
                files = ", ".join(path.name for path in found)
                raise DataError(
                    f"{name} is there more than once", where=self.folder, found=files, mend="keep one of them"
                )
            self._raw[name] = with_adam_headings(read_table(found[0], encoding=self.encoding))
        return self._raw[name]


@dataclass(frozen=True)
class AnalysisFrame:
    """What is analysed, and how it was arrived at.

    ``frame``: index 0 to n-1 without identifiers; ``subject`` (the subject's number, as in ``subjects``), ``time`` in
    days (int64 where all are whole, else float64), ``event`` (1 = event, 0 = censored, int64), ``arm`` (text), and the
    variables that were asked for, as they are in the data (missing values stay missing, and do not remove a patient).
    Rows are in the order of ADTTE.
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
    """The ADaM data sets of a folder, in any format that ``read_table`` knows, whatever the case of their names.

    A define.xml beside them gives labels and codelists. Only ADSL is read here; it is the one that must be there.
    Raises DataError where the folder or ADSL is missing, or where ADSL or define.xml cannot be read or is there twice.
    """
    if not folder.is_dir():
        raise DataError(
            "there is no such data folder",
            where=folder.name,
            expected="a folder that holds ADSL and further ADaM data sets",
            mend="for a demo study run `make data`; else correct data.path in the study file",
        )
    files: dict[str, tuple[Path, ...]] = {}
    for path in sorted(folder.iterdir()):
        suffix = suffix_of(path)
        if path.is_file() and suffix and not path.name.startswith((".", "~")):
            name = path.name[: -len(suffix)].upper()
            files[name] = (*files.get(name, ()), path)
    data = AdamData(folder.name, files, encoding, find_define(folder))
    data.table("ADSL")
    return data


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
    days, notes = days_of(checked.adtte)
    columns = list(dict.fromkeys([*strata, *covariates, *subgroups, *baseline]))
    frame = pd.DataFrame(
        {
            "subject": numbers_by_id(checked.adsl).reindex(checked.adtte["USUBJID"]).to_numpy(),
            "time": days,
            "event": (checked.adtte["CNSR"] == 0).astype("int64"),
            "arm": checked.adtte["ARM_"],
        },
        index=checked.adtte.index,
    )
    for name in columns:
        frame[name] = _needed(checked, name).to_numpy()
    steps = Steps(_arm_by_subject(checked))
    kept = set(steps.select(checked.adsl, checked.adtte, population_flag, subset))
    inside = checked.adtte["USUBJID"].isin(kept)
    steps.add("data.attrition.record", checked.adtte.loc[inside, "USUBJID"])
    compared = frame["arm"].isin(arms) if arms is not None else frame["arm"].notna()
    chosen = frame[inside & compared]
    steps.add("data.attrition.arms", checked.adtte.loc[chosen.index, "USUBJID"])
    order = tuple(arms) if arms is not None else tuple(chosen["arm"].unique())
    refuse_empty(chosen, order, where)
    if covariates:
        complete = chosen.index[chosen[list(covariates)].notna().all(axis="columns")]
        steps.add("data.attrition.complete", checked.adtte.loc[complete, "USUBJID"])
    return AnalysisFrame(
        frame=_tidy(chosen),
        attrition=steps.frame(order),
        arms=order,
        endpoint_label=endpoint_label(checked.adtte, endpoint),
        findings=checked.findings,
        missing={name: int(chosen[name].isna().sum()) for name in columns if chosen[name].isna().any()},
        notes=(*data.notes, *notes),
        labels={name: label for name in columns for label in [_label(data, name)] if label},
    )


def _arm_by_subject(checked: Checked) -> pd.Series:
    """The arm of each subject: by its record of the endpoint, else by ADSL."""
    arms = checked.adtte.drop_duplicates("USUBJID").set_index("USUBJID")["ARM_"]
    planned = next((name for name in ("TRT01P", "ARM") if name in checked.adsl), None)
    source = checked.arm_variable if checked.arm_variable in checked.adsl else planned
    if source is None:
        return arms
    return arms.combine_first(checked.adsl.drop_duplicates("USUBJID").set_index("USUBJID")[source])


def _needed(checked: Checked, name: str) -> pd.Series:
    column = subject_column(checked.adsl, checked.adtte, name)
    if column is None:
        raise no_column(name, [*checked.adsl.columns, *checked.adtte.columns])
    return column


def _label(data: AdamData, name: str) -> str | None:
    return data.adsl.labels.get(name) or data.adtte.labels.get(name)


def _tidy(chosen: pd.DataFrame) -> pd.DataFrame:
    frame = chosen.reset_index(drop=True)
    if (frame["time"] == frame["time"].round()).all():
        frame["time"] = frame["time"].astype("int64")
    return frame
