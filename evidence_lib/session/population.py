"""Whom a report is about: the study's data as blinding allows, its population, and its arms."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from evidence_lib.errors import DataError, DisclosureError, ParameterError

if TYPE_CHECKING:
    from evidence_lib.data.adam import AdamData, AnalysisFrame
    from evidence_lib.data.subjects import Subjects
    from evidence_lib.study import Report as ReportSection
    from evidence_lib.study import Study

SAFETY = "trial/safety"
POOLED = "All patients"
FLAG_NAMES = {
    "ITTFL": "ITT",
    "FASFL": "full analysis set",
    "SAFFL": "safety population",
    "PPROTFL": "per-protocol population",
    "EFFFL": "efficacy population",
}


def study_data(study: Study, parameters: Mapping[str, Any]) -> AdamData:
    """The data of a study with its derived variables, and with the arms that its state of blinding allows.

    Blinded: no record says which arm it belongs to, and a report that names arms is refused (DisclosureError, exit 9).
    Dummy: the arms are permuted among the subjects, the same way in every run.
    """
    from evidence_lib.data import adam

    state = study.data.blinding.state if study.data.blinding else "unblinded"
    if state == "blinded" and (parameters["treatment"] is not None or parameters["reference"] is not None):
        raise DisclosureError(
            "the study is blinded: nothing may be split by treatment",
            where="treatment and reference",
            expected="neither of them while data.blinding is blinded",
            mend="take them out for a pooled report, or rehearse with blinding: dummy",
        )
    data = adam.load_adam(study.data_path, encoding=study.data.encoding)
    if state != "unblinded":
        from evidence_lib.data import blinding

        if state == "blinded":
            data = blinding.with_pooled_arms(data, arm=POOLED)
        else:
            data = blinding.with_dummy_arms(data, seed=_seed(study.study.id))
    if study.variables:
        data = _with_variables(data, study)
    return data


def people(study: Study, section: ReportSection, parameters: Mapping[str, Any], data: AdamData) -> Subjects:
    """The subjects of the report's population in its arms. Raises ParameterError where a comparison lacks an arm."""
    from evidence_lib.data.subjects import subjects

    variable = parameters["arm_variable"] or _usual_arm_variable(section, data)

    def of(treatments: list[str] | None, reference: str | None) -> Subjects:
        return subjects(
            data,
            treatments=treatments,
            reference=reference,
            arm_variable=variable,
            population_flag=_flag(study, section, parameters, data),
            subset=parameters["subset"],
        )

    treatment, reference = parameters["treatment"], parameters["reference"]
    treatments = [treatment] if isinstance(treatment, str) else treatment
    if treatments is None and reference is not None:
        treatments = [arm for arm in of(None, None).arms if arm != reference]
    if _compares(study, section) and (not treatments or reference is None):
        raise ParameterError(
            "a comparison needs its arms", where="treatment and reference", mend="name the reference in the study file"
        )
    found = of(treatments, reference)
    if study.study.design == "single-arm" and len(found.arms) > 1:
        raise DataError(
            "a single-arm study has more than one arm",
            where="ADSL",
            found=", ".join(found.arms),
            mend="correct the design in the study file, or choose one arm with subset",
        )
    return found


def time_to_event(study: Study, parameters: Mapping[str, Any], data: AdamData, people: Subjects) -> AnalysisFrame:
    """The time-to-event data of the report's endpoint, for the arms of its population."""
    from evidence_lib.data.adam import analysis_frame, default_population_flag

    if parameters["endpoint"] is None:
        raise ParameterError(
            "a parameter that has no default is not given", where="endpoint", mend="give it in the study file"
        )
    compared = parameters["reference"] is not None
    return analysis_frame(
        data,
        endpoint=parameters["endpoint"],
        treatments=people.arms[:-1] if compared else people.arms,
        reference=people.arms[-1] if compared else None,
        arm_variable=parameters["arm_variable"] or "auto",
        subset=parameters["subset"],
        population_flag=parameters["population_flag"] or default_population_flag(data, design=study.study.design),
        strata=parameters["strata"] or (),
        covariates=parameters["covariates"] or (),
        subgroups=parameters["subgroups"] or (),
        baseline=parameters["baseline"] or (),
    )


def population_name(study: Study, section: ReportSection, parameters: Mapping[str, Any], people: Subjects) -> str:
    """What the results call the population: that of the flag, or all patients, and the subset."""
    flag = people.population_flag
    name = "all patients" if flag is None else FLAG_NAMES.get(flag, f"patients with {flag} = Y")
    if not parameters["subset"]:
        return name
    chosen = ", ".join(f"{column} = {value}" for column, value in parameters["subset"].items())
    return f"{name} with {chosen}"


def _compares(study: Study, section: ReportSection) -> bool:
    blinded = study.data.blinding is not None and study.data.blinding.state == "blinded"
    return bool(section.measures) and study.study.design != "single-arm" and not blinded


def _usual_arm_variable(section: ReportSection, data: AdamData) -> str:
    """What was planned; for safety what was taken."""
    return "TRT01A" if section.notebook == SAFETY and "TRT01A" in data.adsl.frame else "auto"


def _flag(study: Study, section: ReportSection, parameters: Mapping[str, Any], data: AdamData) -> str | None:
    from evidence_lib.data.adam import default_population_flag

    if parameters["population_flag"] is not None:
        return str(parameters["population_flag"])
    if section.notebook == SAFETY and "SAFFL" in data.adsl.frame:
        return "SAFFL"
    return default_population_flag(data, design=study.study.design)


def _with_variables(data: AdamData, study: Study) -> AdamData:
    from evidence_lib.endpoints.classification import derive

    return data.with_columns("ADSL", derive(data.typed("ADSL"), study.variables))


def _seed(study: str) -> int:
    """A seed of the study's own, so that dummy arms are the same in every report and every run."""
    import hashlib

    return int.from_bytes(hashlib.sha256(study.encode()).digest()[:4], "big")
