"""``evidence new``: a proposed study from a spreadsheet (one row per patient) or from a folder of ADaM data."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from evidence_lib.conventions import DAYS_PER_UNIT
from evidence_lib.data.adam import AdamData, AnalysisFrame, analysis_frame, default_population_flag, load_adam
from evidence_lib.data.files import Table, read_table
from evidence_lib.data.fingerprint import fingerprint
from evidence_lib.data.spreadsheet import read_spreadsheet
from evidence_lib.data.study_text import ReportPlan, StudyPlan, slug, study_text
from evidence_lib.errors import DataError, PublishError, StudyError
from evidence_lib.language import Message, message

if TYPE_CHECKING:
    import pandas as pd

REFERENCE = re.compile(
    r"placebo|control|sham|\bno\b|\bnone\b|without|standard|usual|observation|conventional|comparator|对照|安慰剂|空白|标准|常规|单纯",
    re.I,
)
ADAM_BASELINE = ("AGE", "SEX", "AGEGR1")
RANDOMISATION = ("RANDDT", "RANDFL", "ITTFL")
SMALLEST_SUBGROUP, EVENTS_PER_COEFFICIENT, MOST_SUBGROUPS = 10, 10, 4


@dataclass(frozen=True)
class Proposal:
    """A proposed study file, the data sets to write beside it (by name; none for ADaM data), and the guesses made."""

    study_yaml: str
    tables: Mapping[str, pd.DataFrame]
    guesses: tuple[str, ...]


def propose(source: Path, *, directory: Path | None = None) -> Proposal:
    """A study for a spreadsheet or an ADaM folder, without writing anything.

    Parameters
    ----------
    source : Path
        A .csv, .csv.gz, .xlsx, ... file with one row per patient, or a folder that holds ADSL and ADTTE.
    directory : Path, optional
        Where the study file will stand: ``data.path`` of an ADaM study is then relative to it; else absolute.

    Raises
    ------
    DataError
        Where the data cannot be read, or do not hold what a time-to-event report needs.
    """
    return _from_adam(source, directory) if source.is_dir() else _from_file(source)


def write_proposal(directory: Path, proposal: Proposal) -> Path:
    """Write the data sets under ``directory/adam`` and then ``directory/study.yml``; returns its path.

    Raises StudyError where a study file or data are there already (nothing is overwritten), PublishError where the
    folder cannot be written.
    """
    target = directory / "study.yml"
    files = {directory / "adam" / f"{name}.csv": frame for name, frame in proposal.tables.items()}
    for path in (target, *files):
        if path.exists():
            raise StudyError("there is one already", where=str(path), mend="choose another folder, or move it away")
    try:
        directory.mkdir(parents=True, exist_ok=True)
        for path, frame in files.items():
            path.parent.mkdir(exist_ok=True)
            _write(path, frame.to_csv(index=False, lineterminator="\n"))
        _write(target, proposal.study_yaml)
    except OSError as error:
        raise PublishError("the study cannot be written", where=str(directory), found=error.strerror) from error
    return target


def _from_file(source: Path) -> Proposal:
    table = read_table(source)
    id = slug(source.name.split(".")[0], "my-study")
    made = read_spreadsheet(table, study=id.upper())
    data = AdamData.of_tables(ADSL=_as_table(made.adsl, "adsl.csv"), ADTTE=_as_table(made.adtte, "adtte.csv"))
    candidates = tuple(made.labels)
    reports = tuple(
        _plan_report(_frame(data, code, None, candidates), code, candidates, None)
        for code in made.adtte["PARAMCD"].unique()
    )
    guesses = (*table.notes, *made.guesses)
    plan = StudyPlan(
        id=id, source=source.name, path="adam", allocation=None, labels=made.labels, reports=reports, guesses=guesses
    )
    return Proposal(study_text(plan), {"adsl": made.adsl, "adtte": made.adtte}, _told(plan))


def _from_adam(source: Path, directory: Path | None) -> Proposal:
    data = load_adam(source)
    adsl = data.adsl.frame
    allocation = next((name for name in RANDOMISATION if name in adsl), None)
    flag = default_population_flag(data, design="randomised" if allocation else "observational")
    candidates = tuple(name for name in ADAM_BASELINE if name in adsl)
    if "PARAMCD" not in data.adtte.frame:
        raise DataError("ADTTE has no column PARAMCD", where=data.adtte.fingerprint.file)
    reports: list[ReportPlan] = []
    guesses: list[Message] = list(data.notes)
    refused: DataError | None = None
    for code in data.adtte.frame["PARAMCD"].dropna().map(str).unique():
        try:
            reports.append(_plan_report(_frame(data, code, flag, candidates), code, candidates, flag))
        except DataError as error:
            refused = refused or error
            guesses.append(message("data.guess.left_out", endpoint=code, reason=str(error).split("\n")[0]))
    if not reports:
        raise refused or DataError("ADTTE holds no endpoint", where=data.adtte.fingerprint.file)
    named = list(adsl["STUDYID"].dropna()) if "STUDYID" in adsl else []
    title = str(named[0]) if named else source.name
    used = {name for report in reports for name in (*report.covariates, *report.subgroups)}
    plan = StudyPlan(
        id=slug(title, "my-study"),
        source=title,
        path=_path(source, directory),
        allocation=allocation,
        labels={name: label for name, label in data.adsl.labels.items() if name in used},
        reports=tuple(reports),
        guesses=tuple(guesses),
    )
    return Proposal(study_text(plan), {}, _told(plan))


def _told(plan: StudyPlan) -> tuple[str, ...]:
    """The guesses as the command line prints them: those of the data first, then those of each report."""
    marked = [line.strip().removeprefix("# GUESS: ") for line in study_text(plan).splitlines() if "# GUESS: " in line]
    return tuple(dict.fromkeys(marked))


def _frame(data: AdamData, endpoint: str, flag: str | None, baseline: tuple[str, ...]) -> AnalysisFrame:
    return analysis_frame(data, endpoint=endpoint, population_flag=flag, baseline=baseline)


def _plan_report(made: AnalysisFrame, endpoint: str, candidates: tuple[str, ...], flag: str | None) -> ReportPlan:
    frame = made.frame
    if len(made.arms) < 2:
        raise DataError("a comparison needs two arms", where=f"endpoint {endpoint}", found=str(len(made.arms)))
    reference = _reference(frame)
    reach = float(frame.groupby("arm")["time"].max().min())
    if reach < 1:
        raise DataError("an arm has no follow-up of a day or more", where=f"endpoint {endpoint}")
    unit = _unit(float(frame["time"].max()), reach)
    tau = int(reach / DAYS_PER_UNIT[unit] + 1e-9)
    return ReportPlan(
        endpoint=endpoint,
        label=made.endpoint_label,
        treatments=tuple(arm for arm in made.arms if arm != reference),
        reference=reference,
        unit=unit,
        tau=tau,
        times=tuple(sorted({max(1, round(tau * part / 3)) for part in (1, 2, 3)})),
        covariates=_covariates(frame, candidates),
        subgroups=_subgroups(frame, candidates),
        population_flag=flag,
    )


def _reference(frame: pd.DataFrame) -> str:
    """The arm whose name says so; where none or several do, the largest of these (of all); the first at a tie."""
    arms = frame["arm"].value_counts(sort=False).sort_values(ascending=False, kind="stable")
    named = [arm for arm in arms.index if REFERENCE.search(arm)] or [arm for arm in arms.index if arm == "0"]
    return str((named or list(arms.index))[0])


def _unit(longest: float, reach: float) -> str:
    unit = "days" if longest <= 400 else "years" if longest > 10 * DAYS_PER_UNIT["years"] else "months"
    while reach < DAYS_PER_UNIT[unit]:
        unit = "months" if unit == "years" else "days"
    return unit


def _covariates(frame: pd.DataFrame, candidates: tuple[str, ...]) -> tuple[str, ...]:
    """AGE and SEX first, then the order of the data; complete and not constant; one coefficient per ten events."""
    left = int(frame["event"].sum()) // EVENTS_PER_COEFFICIENT
    chosen = []
    for name in sorted(candidates, key=lambda name: (name not in ("AGE", "SEX"), candidates.index(name))):
        column = frame[name]
        levels = column.nunique()
        cost = 1 if _numeric(column) else levels - 1
        grouped_age = name == "AGEGR1" and "AGE" in candidates
        if column.notna().all() and levels > 1 and cost <= min(left, 5) and not grouped_age:
            chosen.append(name)
            left -= cost
    return tuple(chosen)


def _subgroups(frame: pd.DataFrame, candidates: tuple[str, ...]) -> tuple[str, ...]:
    chosen = []
    for name in candidates:
        column = frame[name]
        sizes = column.value_counts()
        few = 2 <= len(sizes) <= 4 and sizes.min() >= SMALLEST_SUBGROUP
        in_every_arm = frame.groupby(column, dropna=True)["arm"].nunique().min() == frame["arm"].nunique()
        if few and in_every_arm:
            chosen.append(name)
    return tuple(chosen[:MOST_SUBGROUPS])


def _numeric(column: pd.Series) -> bool:
    import pandas as pd

    return bool(pd.api.types.is_numeric_dtype(column))


def _as_table(frame: pd.DataFrame, file: str) -> Table:
    content = frame.to_csv(index=False).encode("utf-8")
    identity = fingerprint(content, file=file, rows=len(frame), columns=len(frame.columns))
    values = frame.astype(object)
    rows = values.mask(values.isna() | (values == ""), None).set_axis(range(2, len(frame) + 2))
    return Table(rows, identity, "utf-8")


def _path(source: Path, directory: Path | None) -> str:
    absolute = source.resolve()
    if directory is None:
        return absolute.as_posix()
    try:
        return Path(os.path.relpath(absolute, directory.resolve())).as_posix()
    except ValueError:  # another drive on Windows
        return absolute.as_posix()


def _write(path: Path, text: str) -> None:
    unfinished = path.with_name(path.name + ".tmp")
    try:
        unfinished.write_bytes(text.encode("utf-8"))
        os.replace(unfinished, path)
    finally:
        unfinished.unlink(missing_ok=True)
