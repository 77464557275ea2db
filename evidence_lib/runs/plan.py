"""The plan of a run: everything that can be known to be wrong before a kernel starts is refused here."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_lib.errors import DataError, EvidenceError, NotebookError, ParameterError, StudyError
from evidence_lib.runs.jobs import fingerprint
from evidence_lib.runs.notebooks import notebook_path, read_notebook

if TYPE_CHECKING:
    from evidence_lib.study import Report, Study

BUILT_IN = ("study", "report", "language")


@dataclass(frozen=True)
class Planned:
    """A report that may run: its notebook, that file's hash, and every parameter the notebook will be given."""

    report: Report
    notebook: Path
    notebook_sha256: str
    parameters: dict[str, Any]


def chosen_reports(study: Study, only: Sequence[str]) -> list[Report]:
    """The reports with these ids, in the study file's order; all where none is named. Raises StudyError."""
    from difflib import get_close_matches

    known = [report.id for report in study.reports]
    for wanted in only:
        if wanted not in known:
            near = get_close_matches(wanted, known, n=1)
            raise StudyError(
                "the study has no such report",
                where="--only",
                expected=", ".join(known),
                found=repr(wanted),
                mend=f"did you mean {near[0]}?" if near else None,
            )
    return [report for report in study.reports if not only or report.id in only]


def plan_report(study: Study, report: Report) -> Planned:
    """Find a report's notebook and check it and the report's parameters.

    Raises NotebookError (exit 4) for a notebook that cannot run or declares wrong parameters, ParameterError (exit 2)
    for a parameter that the notebook does not declare or that has a wrong value.
    """
    from evidence_lib.study import check_parameters, declared_parameters

    path = notebook_path(study.folder, report.notebook)
    try:
        declared = declared_parameters(read_notebook(path))
    except NotebookError as error:
        raise _within(error, f"report {report.id}, notebook {report.notebook}") from error
    missing = [name for name in BUILT_IN if name not in declared]
    if missing:
        raise NotebookError(
            "the parameters cell lacks what every notebook starts with",
            where=f"report {report.id}, notebook {report.notebook}",
            expected=", ".join(BUILT_IN),
            found=f"no {', no '.join(missing)}",
        )
    try:
        given = check_parameters(report.parameters, allowed=declared)
    except ParameterError as error:
        raise _within(error, f"{study.path.name}, report {report.id}") from error
    built_in = {"study": study.path.name, "report": report.id, "language": study.study.languages[0]}
    return Planned(report, path, fingerprint(path).sha256, {**built_in, **given})


def data_path(study: Study) -> Path:
    """The study's data source. Raises DataError where there is none, naming the command that makes demo data."""
    path = study.data_path.resolve()
    if path.is_file() or (path.is_dir() and any(path.iterdir())):
        return path
    makes_its_own = (study.folder / "make_data.py").is_file()
    raise DataError(
        "the study's data are not there",
        where=f"{study.path.name}, data.path",
        expected=f"a file or folder {study.data.path}",
        found="nothing" if not path.exists() else "an empty folder",
        mend="type: make data" if makes_its_own else "put the data there, or change data.path",
    )


def _within(error: EvidenceError, where: str) -> EvidenceError:
    """The same error, saying also in which report it was found."""
    return type(error)(
        error.what,
        where=f"{where}, {error.where}" if error.where else where,
        expected=error.expected,
        found=error.found,
        mend=error.mend,
    )
