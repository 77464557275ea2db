"""``check_study``: what a run of a study would refuse or warn about, found without executing anything."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal

from evidence_lib.errors import DataError, EvidenceError
from evidence_lib.runs.plan import data_path, plan_report
from evidence_lib.runs.run import combined_exit_code

if TYPE_CHECKING:
    from evidence_lib.data.adam import AdamData
    from evidence_lib.data.findings import Finding
    from evidence_lib.study import Report, Study


@dataclass(frozen=True, kw_only=True)
class Line:
    """One thing found: in which report (None: the whole study), where, what, and the exit code a run would end with.

    What a rule found in a data set says which data set and which rule, and how many records (0: no single ones) break
    it; ``where`` names some of their rows.
    """

    severity: Literal["error", "warning"]
    report: str | None
    where: str
    text: str
    exit_code: int
    dataset: str | None = None
    rule: str | None = None
    rows: int = 0


@dataclass(frozen=True)
class StudyCheck:
    """Everything found in a study, in the order in which it was looked for."""

    study: str
    lines: tuple[Line, ...]

    @property
    def exit_code(self) -> int:
        """0 without errors, else the code that the errors have in common, 10 where they differ."""
        return combined_exit_code(line.exit_code for line in self.lines if line.severity == "error")

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, errors and warnings apart."""
        apart = {
            f"{kind}s": [asdict(line) for line in self.lines if line.severity == kind] for kind in ("error", "warning")
        }
        return {"study": self.study, "exit_code": self.exit_code, **apart}


def check_study(path: str | Path) -> StudyCheck:
    """Check a study file, its notebooks, every data set of the study, and each report as a run opens it.

    Raises StudyError or ParameterError (exit 2) for a study file that cannot be read: there is nothing to check then.
    """
    from evidence_lib.study import find_study_file, load_study, require_supported

    study = load_study(find_study_file(str(path)))
    lines: list[Line] = []
    try:
        require_supported(study)
    except EvidenceError as error:
        lines.append(_line(error, None))
    for report in study.reports:
        try:
            plan_report(study, report)
        except EvidenceError as error:
            lines.append(_line(error, report.id))
    try:
        data = _load(study)
    except EvidenceError as error:
        lines.append(_line(error, None))
    else:
        lines += _conformance_lines(data)
        for report in study.reports:
            lines += _report_lines(study, report, data)
    return StudyCheck(study.study.id, tuple(dict.fromkeys(lines)))


def _load(study: Study) -> AdamData:
    from evidence_lib.data.adam import load_adam

    return load_adam(data_path(study), encoding=study.data.encoding)


def _conformance_lines(data: AdamData) -> list[Line]:
    """What each data set breaks, whether or not a report uses it."""
    lines: list[Line] = []
    for name in data.names:
        try:
            lines += [_of_finding(finding, None) for finding in data.findings(name)]
        except EvidenceError as error:
            lines.append(_line(error, None))
    return lines


def _report_lines(study: Study, report: Report, data: AdamData) -> list[Line]:
    """What the data break for one report; where that is nothing grave, whether the report opens as a run opens it."""
    from evidence_lib.session.opening import open_report

    try:
        found = _endpoint_findings(study, report, data)
        if not any(finding.severity == "error" for finding in found):
            opened = open_report(str(study.path), report.id)
            found += [finding for finding in opened.findings if finding not in found]
    except EvidenceError as error:
        return [_line(error, report.id)]
    told = set(data.findings("ADSL"))
    return [_of_finding(finding, report.id) for finding in found if finding not in told]


def _endpoint_findings(study: Study, report: Report, data: AdamData) -> list[Finding]:
    """Each fault of the report's endpoint on a line of its own; none for a report without endpoint."""
    from evidence_lib.data.checks import check_adam
    from evidence_lib.study import resolve

    given = resolve(study, report.id, {})
    if given["endpoint"] is None or not data.has("ADTTE"):
        return []
    treatment, reference = given["treatment"], given["reference"]
    treatments = [treatment] if isinstance(treatment, str) else list(treatment or [])
    return check_adam(
        data.adsl,
        data.adtte,
        endpoint=given["endpoint"],
        arms=[*treatments, reference] if treatments and reference else None,
        strata=given["strata"] or (),
    )


def _of_finding(finding: Finding, report: str | None) -> Line:
    return Line(
        severity=finding.severity,
        report=report,
        where=f"{finding.dataset}, {finding.example}" if finding.example else finding.dataset,
        text=f"{finding.message} {finding.mend}",
        exit_code=DataError.exit_code,
        dataset=finding.dataset,
        rule=finding.rule,
        rows=finding.rows,
    )


def _line(error: EvidenceError, report: str | None) -> Line:
    where = error.where or ""
    text = str(error).removeprefix(f"{where}: ")
    return Line(severity="error", report=report, where=where, text=text, exit_code=error.exit_code)
