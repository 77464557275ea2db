"""``open_report``: from a study file and parameters to a report whose data are read and checked."""

from __future__ import annotations

import os
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from evidence_lib import __version__
from evidence_lib.results import ResultSet
from evidence_lib.session.estimands import estimand_of
from evidence_lib.session.report import Report

if TYPE_CHECKING:
    from pydantic import BaseModel

    from evidence_lib.data.adam import AdamData, AnalysisFrame
    from evidence_lib.data.subjects import Subjects
    from evidence_lib.report.context import Context
    from evidence_lib.study import Report as ReportSection
    from evidence_lib.study import Study

LEAST_SHARE_FOR_MILESTONE = 0.10
INTERVALS_OF_AT_RISK_TABLE = 10
CONTINUOUS = "trial/continuous-endpoints"
OF_ADSL = ("strata", "covariates", "subgroups", "baseline")
ALWAYS_OF_ADSL = ("completed", "reason", "not_randomised_reason", "start_date", "progression_date")
NOT_TIME_TO_EVENT = frozenset(("trial/disposition-and-baseline", "trial/response", CONTINUOUS, "trial/safety"))


def open_report(study: str, report: str, *, language: str = "en", **given: Any) -> Report:
    """Open one report of a study file: check the parameters, read and check the data.

    Parameters
    ----------
    study : the study file; a relative path is looked for in the working directory, then in each parent.
    report : the id of a report of that file.
    language : the language of what the notebook displays; the page is made in each language of the study.
    given : report parameters of ``study.PARAMETERS``; None means "as the study file says".

    Raises StudyError, ParameterError (exit 2), DataError (exit 3), and DisclosureError (exit 9) for a split by
    treatment in a blinded study. Writes go to ``$EVIDENCE_OUT`` when a run sets it, else to ``out/interactive/`` beside
    the study file.
    """
    from evidence_lib import study as studies
    from evidence_lib.session import population

    loaded = studies.load_study(studies.find_study_file(study))
    studies.require_supported(loaded)
    section = loaded.report(report)
    parameters = studies.resolve(loaded, report, given)
    data = population.study_data(loaded, parameters)
    return _opened(loaded, section, parameters, data, language)


def _opened(
    loaded: Study, section: ReportSection, parameters: Mapping[str, Any], data: AdamData, language: str
) -> Report:
    from evidence_lib import study as studies
    from evidence_lib.session import population

    def sibling(id: str) -> Report:
        return _opened(loaded, loaded.report(id), studies.resolve(loaded, id, {}), data, language)

    people = population.people(loaded, section, parameters, data)
    analysis = None
    if parameters["endpoint"] is not None or section.notebook not in NOT_TIME_TO_EVENT:
        analysis = population.time_to_event(loaded, parameters, data, people)
    _require_columns(section, parameters, people, analysis)
    _require_records(section, parameters, data)
    context = _context(loaded, section, parameters, people, analysis)
    out = os.environ.get("EVIDENCE_OUT")
    return Report(
        context=context,
        results=ResultSet(context.study, context.report),
        asked=estimand_of(context),
        language=language,
        folder=Path(out) if out else loaded.folder / "out" / "interactive",
        data=data,
        people=people,
        sibling=sibling,
        parameters=parameters,
        analysis=analysis,
        at_risk_times=_at_risk_times(parameters, analysis) if analysis else [],
        baseline=parameters["baseline"] or _declared_variables(parameters),
        balance_limit=parameters["balance_limit"],
    )


def _require_records(section: ReportSection, parameters: Mapping[str, Any], data: AdamData) -> None:
    """Refuse a report whose records are not there before it starts: reading them says what is missing."""
    needed = {"trial/safety": "ADAE", "trial/continuous-endpoints": parameters["dataset"]}.get(section.notebook)
    if needed is not None and not data.has(needed):
        data.table(needed)


def _require_columns(
    section: ReportSection, parameters: Mapping[str, Any], people: Subjects, analysis: AnalysisFrame | None
) -> None:
    """Refuse a column of ADSL that is not there; those of a time to an event may be ADTTE's and were looked for."""
    from evidence_lib.data.attrition import no_column
    from evidence_lib.study import PARAMETERS

    for name in (*ALWAYS_OF_ADSL, *(OF_ADSL if analysis is None else ())):
        given = parameters[name] if section.notebook in PARAMETERS[name].notebooks else None
        for column in [given] if isinstance(given, str) else given or ():
            if column not in people.frame:
                raise no_column(column, people.frame.columns, where=f"ADSL, {name}")


def _context(
    study: Study,
    section: ReportSection,
    parameters: Mapping[str, Any],
    people: Subjects,
    analysis: AnalysisFrame | None,
) -> Context:
    from evidence_lib.report.context import Context
    from evidence_lib.session.population import population_name
    from evidence_lib.study import days_of

    unit = parameters["unit"]
    times = tuple(days_of(time, unit) for time in parameters["times"] or [])
    endpoint = _endpoint(section, parameters)
    label = study.labels.get(endpoint) or (analysis.endpoint_label if analysis else "") or endpoint
    arms = analysis.arms if analysis else people.arms
    return Context(
        study=study.study.id,
        report=section.id,
        notebook=section.notebook,
        study_title=study.study.title,
        question=section.title or label or section.id,
        design=study.study.design,
        convention=study.study.convention,
        endpoint=endpoint,
        endpoint_label=label,
        population=population_name(study, section, parameters, people),
        arms=arms,
        treatments=arms[:-1],
        reference=arms[-1],
        unit=unit,
        tau=days_of(parameters["tau"], unit) if parameters["tau"] is not None else None,
        times=tuple(sorted(times)),
        milestone=times[0] if times else _last_whole_year(analysis) if analysis else None,
        conf_level=parameters["conf_level"],
        ph_alpha=parameters["ph_alpha"],
        seed=parameters["seed"],
        primary_measure=section.primary_measure,
        strata=tuple(parameters["strata"] or ()),
        covariates=tuple(parameters["covariates"] or ()),
        subgroups=tuple(parameters["subgroups"] or ()),
        labels={**people.labels, **(analysis.labels if analysis else {}), **_derived_labels(study), **study.labels},
        cutoff=_record(study.data.cutoff),
        blinding=_record(study.data.blinding) if study.data.blinding else {},
        estimand=_record(section.estimand) if section.estimand else {},
        families=tuple(
            _record(family)
            for family in study.endpoint_families
            if any(hypothesis.report == section.id for hypothesis in family.hypotheses)
        ),
        tlf={name: _record(output) for name, output in section.tlf.items()},
        plain=_record(section.plain),
        page=_record(study.page),
        citations=tuple(study.citations),
        limitations=tuple(section.limitations),
        governance=dict(study.governance),
        disclosure=_record(study.disclosure),
        provenance={"study_sha256": study.sha256, "versions": versions()},
    )


def _endpoint(section: ReportSection, parameters: Mapping[str, Any]) -> str:
    """The endpoint of the results: that of the time to event, or the parameter of a continuous one."""
    named = parameters["endpoint"]
    if named is None and section.notebook == CONTINUOUS:
        named = parameters["parameter"]
    return named if isinstance(named, str) else ", ".join(named or ())


def _derived_labels(study: Study) -> dict[str, Any]:
    return {name: definition["label"] for name, definition in study.variables.items() if definition.get("label")}


def _record(part: BaseModel) -> dict[str, Any]:
    """A part of the study file in JSON types, without what it leaves out."""
    return part.model_dump(mode="json", exclude_none=True)


def versions() -> dict[str, str]:
    """The versions of Python and of the libraries that compute or check a number."""
    import platform
    from importlib.metadata import version

    names = ("numpy", "pandas", "scipy", "statsmodels", "lifelines", "matplotlib")
    return {"python": platform.python_version(), "evidence_lib": __version__, **{name: version(name) for name in names}}


def _declared_variables(parameters: Mapping[str, Any]) -> list[str]:
    names = [*(parameters["strata"] or []), *(parameters["covariates"] or []), *(parameters["subgroups"] or [])]
    return list(dict.fromkeys(names))


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
