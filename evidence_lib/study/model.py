"""The model of a study file: what may stand in it, and what each part must be."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal

from pydantic import (
    PlainValidator,
    StringConstraints,
    field_validator,
    model_validator,
)

from evidence_lib.errors import StudyError
from evidence_lib.language import LANGUAGES
from evidence_lib.study.checking import described, suggestion
from evidence_lib.study.estimand import EndpointFamily, Estimand
from evidence_lib.study.parts import Localized, Part, Slug, wrong

MAX_REPORTS = 500
MAX_TIMEOUT = 24 * 60 * 60
_SECONDS = {"s": 1, "m": 60, "h": 3600}


def _seconds(value: Any) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,4})([smh])", value) if isinstance(value, str) else None
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 1 <= seconds <= MAX_TIMEOUT:
        wrong("not a time limit", expected="90s, 20m or 2h; 1 second to 24 hours", found=described(value))
    return seconds


class Info(Part):
    """What the study is. ``design`` decides the wording and the names of populations."""

    id: Slug
    title: Localized
    design: Literal["randomised", "partly-randomised", "single-arm", "observational"]
    convention: Literal["R", "SAS"] = "R"
    languages: tuple[str, ...] = ("en",)

    @field_validator("languages")
    @classmethod
    def _known(cls, languages: tuple[str, ...]) -> tuple[str, ...]:
        for language in languages:
            if language not in LANGUAGES:
                wrong("no catalogue yet for this language", expected=" or ".join(LANGUAGES), found=described(language))
        if not languages or len(set(languages)) < len(languages):
            wrong("not a list of languages", expected="at least one, each once")
        return languages


class Cutoff(Part):
    """The data cut-off: a ``date``, or why it is ``unknown``. In the file a date may stand alone."""

    date: dt.date | None = None
    unknown: Localized | None = None

    @model_validator(mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        given = {"date": value} if not isinstance(value, dict) else value
        if set(given) not in ({"date"}, {"unknown"}) or None in given.values():
            wrong("not a data cut-off", expected='a date such as 2024-03-05, or unknown: "why"')
        return given

    @field_validator("date", mode="before")
    @classmethod
    def _iso(cls, value: Any) -> dt.date:
        try:
            if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                return dt.date.fromisoformat(value)
        except ValueError:
            pass
        wrong("not a date", expected="a day such as 2024-03-05", found=described(value))


class Unblinded(Part):
    """That the treatments are known: since when (a date, or why it is unknown), to whom, and why."""

    date: Cutoff
    person: Localized
    reason: Localized


class Blinding(Part):
    """Whether results may be split by treatment.

    ``blinded``: no split by treatment. ``dummy``: the arms are permuted and every page says so. ``unblinded``: the real
    arms, with date, person and reason. In the file the first two stand alone.
    """

    state: Literal["blinded", "dummy", "unblinded"]
    unblinded: Unblinded | None = None

    @model_validator(mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        if value in ("blinded", "dummy"):
            return {"state": value}
        if isinstance(value, dict) and set(value) == {"unblinded"}:
            return {"state": "unblinded", "unblinded": value["unblinded"]}
        wrong(
            "not a state of blinding",
            expected="blinded, dummy, or unblinded: {date, person, reason}",
            found=described(value),
        )


class Data(Part):
    """Where the patient data are: a folder with ADaM datasets, relative to the study file; trials say ``blinding``."""

    kind: Literal["adam"]
    path: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    cutoff: Cutoff
    encoding: Literal["auto", "utf-8", "gb18030"] = "auto"
    blinding: Blinding | None = None

    @model_validator(mode="before")
    @classmethod
    def _available(cls, value: Any) -> Any:
        kind = value.get("kind") if isinstance(value, dict) else None
        if kind in ("omop", "icsr", "registry", "ai-reads"):
            wrong("this kind of data is not available in this version", expected="kind: adam", found=kind)
        return value

    @field_validator("path")
    @classmethod
    def _folder(cls, path: str) -> str:
        if "://" in path or not path.isprintable():
            wrong("not a folder", expected="a folder on this machine, relative to the study file")
        return path


class Page(Part):
    """What the page says of itself: whom to ask, its readers and its use, and where to report an adverse event."""

    contact: Localized | None = None
    audience: Localized | None = None
    use: Localized | None = None
    safety_contact: Localized | None = None


class Plain(Part):
    """The study's own phrases for the plain-language box, each as it stands in its sentence."""

    people: Localized | None = None
    condition: Localized | None = None
    treatment: Localized | None = None
    reference: Localized | None = None
    with_treatment: Localized | None = None
    with_reference: Localized | None = None
    event: Localized | None = None
    outcome: Localized | None = None
    not_known: tuple[Localized, ...] = ()


class Tlf(Part):
    """What a table, listing or figure is called in the clinical study report; what is not given stays the page's."""

    number: Annotated[str, StringConstraints(pattern=r"^[0-9A-Za-z][0-9A-Za-z.-]{0,31}$")] | None = None
    title: Localized | None = None
    footnotes: tuple[Localized, ...] = ()
    population: Localized | None = None


# The measures that a report may declare as its primary one, by notebook; the first three are those of any other
# notebook of time-to-event data. A notebook that compares nothing has none.
SURVIVAL_MEASURES = ("hazard_ratio", "rmst_difference", "survival_difference")
COMPETING_MEASURES = ("cumulative_incidence_difference", "subdistribution_hazard_ratio")
MEASURES: Mapping[str, tuple[str, ...]] = {
    "trial/disposition-and-baseline": (),
    "trial/response": ("risk_difference", "odds_ratio", "risk_ratio"),
    "trial/continuous-endpoints": ("mean_difference",),
    "trial/survival": (*SURVIVAL_MEASURES, *COMPETING_MEASURES),
    "trial/safety": ("risk_difference", "rate_ratio"),
    "trial/regional-consistency": ("hazard_ratio",),
}
ALL_MEASURES = tuple(dict.fromkeys(measure for of in MEASURES.values() for measure in of))


class Report(Part):
    """One report: a notebook with its parameters. ``timeout`` is in seconds, ``title`` a question.

    ``tlf`` names outputs as the clinical study report does, by the id of the output (``rep.show(..., id=)``, else the
    name of the display function).
    """

    id: Slug
    title: Localized | None = None
    notebook: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}(/[a-z0-9-]{1,64}){0,3}$")]
    parameters: dict[str, Any] = {}
    primary_measure: Literal[ALL_MEASURES] | None = None  # type: ignore[valid-type]
    estimand: Estimand | None = None
    plain: Plain = Plain()
    limitations: tuple[Localized, ...] = ()
    tlf: dict[Annotated[str, StringConstraints(pattern=r"^[a-z0-9_-]{1,64}$")], Tlf] = {}
    timeout: Annotated[int, PlainValidator(_seconds)] = 20 * 60

    @property
    def measures(self) -> tuple[str, ...]:
        """The primary measures that the notebook of this report can lead with."""
        return MEASURES.get(self.notebook, SURVIVAL_MEASURES)

    @model_validator(mode="after")
    def _complete(self) -> Report:
        # A report that compares states its question; one that only describes may do so.
        if self.measures and self.estimand is None:
            wrong("the key estimand is missing")
        if self.measures and self.primary_measure is None:
            wrong("the key primary_measure is missing", expected=" or ".join(self.measures))
        if self.primary_measure is not None and self.primary_measure not in self.measures:
            wrong(
                "a primary measure that this notebook does not estimate",
                expected=" or ".join(self.measures) or "none",
                found=self.primary_measure,
            )
        return self

    @field_validator("id")
    @classmethod
    def _free(cls, id: str) -> str:
        if id == "index":
            wrong("this id is taken by the page that lists the reports", expected="another id")
        return id


class Disclosure(Part):
    """The disclosure control that publishing needs; ``none`` needs a reason."""

    preset: Literal["none", "opensafely", "cms", "omop", "custom"]
    reason: Localized | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> Disclosure:
        if self.preset == "none" and self.reason is None:
            wrong("no disclosure control needs a reason", expected="reason, such as: public data")
        return self


TRIALS = ("randomised", "partly-randomised", "single-arm")


class StudyContent(Part):
    """What a study file holds.

    ``variables`` derives subgroups from columns of ADSL, by name: cut points, levels, or a staging function.
    """

    version: Literal[1]
    study: Info
    data: Data
    variables: dict[Annotated[str, StringConstraints(pattern=r"^[A-Z][A-Z0-9_]{0,31}$")], dict[str, Any]] = {}
    endpoint_families: tuple[EndpointFamily, ...] = ()
    labels: dict[str, Localized] = {}
    page: Page = Page()
    reports: tuple[Report, ...]
    disclosure: Disclosure
    governance: dict[str, Localized] = {}
    citations: tuple[Localized, ...] = ()

    @field_validator("version", mode="before")
    @classmethod
    def _number_one(cls, version: Any) -> Any:
        return version if type(version) is int else described(version)

    @field_validator("reports", mode="before")
    @classmethod
    def _some(cls, reports: Any) -> Any:
        if not isinstance(reports, list) or not 1 <= len(reports) <= MAX_REPORTS:
            found = f"{len(reports)} reports" if isinstance(reports, list) else described(reports)
            wrong("not a list of reports", expected=f"1 to {MAX_REPORTS} reports", found=found)
        return reports

    @model_validator(mode="after")
    def _consistent(self) -> StudyContent:
        if self.study.design in TRIALS and self.data.blinding is None:
            wrong(
                "a trial says whether it is blinded",
                expected="data.blinding: blinded, dummy, or unblinded: {date, person, reason}",
                found="nothing",
            )
        ids = {report.id for report in self.reports}
        for hypothesis in (h for family in self.endpoint_families for h in family.hypotheses):
            if hypothesis.report not in ids:
                wrong(
                    "a hypothesis of a report that is not there",
                    found=hypothesis.report,
                    expected=", ".join(sorted(ids)),
                )
        return self


class Study(StudyContent):
    """One study: its file's content, where the file stands, and its fingerprint."""

    path: Path
    sha256: str

    @property
    def folder(self) -> Path:
        """The folder of the study file."""
        return self.path.parent

    @property
    def data_path(self) -> Path:
        """The folder of the data, ``data.path``, seen from the study file."""
        return self.folder / self.data.path

    def report(self, id: str) -> Report:
        """The report of this id. Raises StudyError where the study has none."""
        for report in self.reports:
            if report.id == id:
                return report
        ids = [report.id for report in self.reports]
        shown = ", ".join(ids[:10]) + (", ..." if len(ids) > 10 else "")
        raise StudyError(
            "no such report", where=self.path.name, expected=shown, found=described(id), mend=suggestion(id, ids)
        )
