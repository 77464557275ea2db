"""``open_report``: from a study file and parameters to a report whose data are read and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_lib import __version__
from evidence_lib.errors import DataError, ParameterError
from evidence_lib.results import ResultSet
from evidence_lib.session.report import Report

if TYPE_CHECKING:
    from pydantic import BaseModel

    from evidence_lib.data.adam import AdamData, AnalysisFrame
    from evidence_lib.report.context import Context
    from evidence_lib.study import Report as ReportSection
    from evidence_lib.study import Study

LEAST_SHARE_FOR_MILESTONE = 0.10
INTERVALS_OF_AT_RISK_TABLE = 10
POPULATION = {
    "randomised": "ITT",
    "partly-randomised": "all patients",
    "single-arm": "all patients",
    "observational": "all patients",
}


def open_report(study: str, report: str, *, language: str = "en", **given: Any) -> Report:
    """Open one report of a study file: check the parameters, read and check the data.

    Parameters
    ----------
    study : the study file; a relative path is looked for in the working directory, then in each parent.
    report : the id of a report of that file.
    language : the language of what the notebook displays; the page is made in each language of the study.
    given : report parameters of ``study.PARAMETERS``; None means "as the study file says".

    Raises StudyError, ParameterError (exit 2) and DataError (exit 3). Writes go to ``$EVIDENCE_OUT`` when a run sets
    it, else to ``out/interactive/`` beside the study file.
    """
    from evidence_lib import study as studies
    from evidence_lib.data import adam

    loaded = studies.load_study(studies.find_study_file(study))
    studies.require_supported(loaded)
    section = loaded.report(report)
    parameters = studies.resolve(loaded, report, given)
    data = adam.load_adam(loaded.data_path, encoding=loaded.data.encoding)
    analysis = _analysis(loaded, parameters, data)
    context = _context(loaded, section, parameters, analysis, data)
    out = os.environ.get("EVIDENCE_OUT")
    return Report(
        context=context,
        results=ResultSet(context.study, context.report),
        language=language,
        folder=Path(out) if out else loaded.folder / "out" / "interactive",
        analysis=analysis,
        at_risk_times=_at_risk_times(parameters, analysis),
        baseline=parameters["baseline"] or _declared_variables(parameters),
        balance_limit=parameters["balance_limit"],
    )


def _analysis(study: Study, parameters: Mapping[str, Any], data: AdamData) -> AnalysisFrame:
    from evidence_lib.data import adam

    def frame_of(treatments: list[str] | None, reference: str | None) -> AnalysisFrame:
        return adam.analysis_frame(
            data,
            endpoint=_required(parameters, "endpoint"),
            treatments=treatments,
            reference=reference,
            subset=parameters["subset"],
            population_flag=parameters["population_flag"]
            or adam.default_population_flag(data, design=study.study.design),
            strata=parameters["strata"] or (),
            covariates=parameters["covariates"] or (),
            subgroups=parameters["subgroups"] or (),
            baseline=parameters["baseline"] or (),
        )

    treatment, reference = parameters["treatment"], parameters["reference"]
    treatments = [treatment] if isinstance(treatment, str) else treatment
    if treatments is None and reference is not None:
        treatments = [arm for arm in frame_of(None, None).arms if arm != reference]
    if study.study.design != "single-arm" and (not treatments or reference is None):
        raise ParameterError(
            "a comparison needs its arms", where="treatment and reference", mend="name the reference in the study file"
        )
    analysis = frame_of(treatments, reference)
    if study.study.design == "single-arm" and len(analysis.arms) > 1:
        raise DataError(
            "a single-arm study has more than one arm",
            where="ADSL and ADTTE",
            found=", ".join(analysis.arms),
            mend="correct the design in the study file, or choose one arm with subset",
        )
    return analysis


def _context(
    study: Study, section: ReportSection, parameters: Mapping[str, Any], analysis: AnalysisFrame, data: AdamData
) -> Context:
    from evidence_lib.report.context import Context
    from evidence_lib.study import days_of

    unit = parameters["unit"]
    times = tuple(days_of(time, unit) for time in parameters["times"] or [])
    endpoint_label = study.labels.get(parameters["endpoint"]) or analysis.endpoint_label or parameters["endpoint"]
    return Context(
        study=study.study.id,
        report=section.id,
        study_title=study.study.title,
        question=section.title or endpoint_label,
        design=study.study.design,
        convention=study.study.convention,
        endpoint=parameters["endpoint"],
        endpoint_label=endpoint_label,
        population=POPULATION[study.study.design] if not parameters["subset"] else _subset_name(parameters["subset"]),
        arms=analysis.arms,
        treatments=analysis.arms[:-1],
        reference=analysis.arms[-1],
        unit=unit,
        tau=days_of(parameters["tau"], unit) if parameters["tau"] is not None else None,
        times=tuple(sorted(times)),
        milestone=times[0] if times else _last_whole_year(analysis),
        conf_level=parameters["conf_level"],
        ph_alpha=parameters["ph_alpha"],
        primary_measure=section.primary_measure,
        strata=tuple(parameters["strata"] or ()),
        covariates=tuple(parameters["covariates"] or ()),
        subgroups=tuple(parameters["subgroups"] or ()),
        labels={**analysis.labels, **study.labels},
        cutoff=_record(study.data.cutoff),
        estimand=_record(section.estimand),
        plain=_record(section.plain),
        page=_record(study.page),
        citations=tuple(study.citations),
        limitations=tuple(section.limitations),
        governance=dict(study.governance),
        disclosure=_record(study.disclosure),
        sources=tuple({"name": name, **fingerprint} for name, fingerprint in _sources(data)),
        notes=tuple(note.to_json() for note in analysis.notes),
        provenance={"study_sha256": study.sha256, "versions": versions()},
    )


def _sources(data: AdamData) -> list[tuple[str, dict[str, Any]]]:
    prints = [table.fingerprint.to_json() for table in (data.adsl, data.adtte)]
    return [(str(found.pop("file")), found) for found in prints]


def _record(part: BaseModel) -> dict[str, Any]:
    """A part of the study file in JSON types, without what it leaves out."""
    return part.model_dump(mode="json", exclude_none=True)


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that compute or check a number."""
    import platform
    from importlib.metadata import version

    names = ("numpy", "pandas", "scipy", "statsmodels", "lifelines", "matplotlib")
    return {"python": platform.python_version(), "evidence_lib": __version__, **{name: version(name) for name in names}}


def _required(parameters: Mapping[str, Any], name: str) -> Any:
    if parameters[name] is None:
        raise ParameterError(
            "a parameter that has no default is not given", where=name, mend="give it in the study file"
        )
    return parameters[name]


def _declared_variables(parameters: Mapping[str, Any]) -> list[str]:
    names = [*(parameters["strata"] or []), *(parameters["covariates"] or []), *(parameters["subgroups"] or [])]
    return list(dict.fromkeys(names))


def _subset_name(subset: Mapping[str, Any]) -> str:
    return "all patients with " + ", ".join(f"{column} = {value}" for column, value in subset.items())


def _at_risk_times(parameters: Mapping[str, Any], analysis: AnalysisFrame) -> list[int]:
    """The declared times, else about ten even steps of 1, 2 or 5 times a power of ten (months: 3, 6, 12, 24 ...)."""
    from evidence_lib.conventions import DAYS_PER_UNIT
    from evidence_lib.study import days_of

    unit = parameters["unit"]
    if parameters["at_risk_times"]:
        return [days_of(time, unit) for time in parameters["at_risk_times"]]
    longest = float(analysis.frame["time"].max()) / DAYS_PER_UNIT[unit] if len(analysis.frame) else 0.0
    steps = [1, 2, 3, 6, 12, 24, 36, 60, 120] if unit == "months" else [a * 10**b for b in range(6) for a in (1, 2, 5)]
    step = next((s for s in steps if longest / s <= INTERVALS_OF_AT_RISK_TABLE), steps[-1])
    count = int(-(-longest // step))
    return [days_of(step * i, unit) if i else 0 for i in range(count + 1)]


def _last_whole_year(analysis: AnalysisFrame) -> int | None:
    """The last whole year at which every arm still has a tenth of its patients at risk."""
    from evidence_lib.study import days_of

    frame = analysis.frame
    found = None
    for year in range(1, 101):
        day = days_of(year, "years")
        shares = [(frame.loc[frame["arm"] == arm, "time"] >= day).mean() for arm in frame["arm"].unique()]
        if not shares or min(shares) < LEAST_SHARE_FOR_MILESTONE:
            break
        found = day
    return found
