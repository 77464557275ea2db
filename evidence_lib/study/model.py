"""The model of a study file: what may stand in it, and what each part must be."""

from __future__ import annotations

import datetime as dt
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any, Literal, NoReturn

from pydantic import (
    BaseModel,
    ConfigDict,
    PlainValidator,
    SerializerFunctionWrapHandler,
    StringConstraints,
    ValidationInfo,
    field_validator,
    model_serializer,
    model_validator,
)
from pydantic_core import PydanticCustomError

from evidence_lib.errors import StudyError
from evidence_lib.language import LANGUAGES
from evidence_lib.study.checking import described, suggestion

MAX_REPORTS = 500
MAX_TIMEOUT = 24 * 60 * 60
_SECONDS = {"s": 1, "m": 60, "h": 3600}
_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")


def _wrong(what: str, *, expected: str = "", found: str = "", mend: str = "") -> NoReturn:
    """Refuse a value with the parts of an EvidenceError; pydantic adds where it stands."""
    raise PydanticCustomError("study", "wrong", {"what": what, "expected": expected, "found": found, "mend": mend})


def _localized(value: Any, info: ValidationInfo) -> str | Mapping[str, str]:
    if isinstance(value, str):
        if not value.strip():
            _wrong("the text is empty", expected="a text")
        return value
    if not isinstance(value, dict):
        _wrong("not a text", expected="a text, or a map from language to text", found=described(value))
    for language, text in value.items():
        if not _TAG.fullmatch(language):
            _wrong("not a language", expected="a map from language (en, zh-Hans) to text", found=described(language))
        if not isinstance(text, str) or not text.strip():
            _wrong(f"no text for {language}", expected="a text", found=described(text))
    missing = [language for language in (info.context or {}).get("languages", ()) if language not in value]
    if missing:
        _wrong(f"no text for {', '.join(missing)}", expected="a text in every language of study.languages")
    return value


Localized = Annotated[str | Mapping[str, str], PlainValidator(_localized)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]


def _seconds(value: Any) -> int:
    match = re.fullmatch(r"([1-9][0-9]{0,4})([smh])", value) if isinstance(value, str) else None
    seconds = int(match[1]) * _SECONDS[match[2]] if match else 0
    if not 1 <= seconds <= MAX_TIMEOUT:
        _wrong("not a time limit", expected="90s, 20m or 2h; 1 second to 24 hours", found=described(value))
    return seconds


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")


class Info(_Part):
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
                _wrong("no catalogue yet for this language", expected=" or ".join(LANGUAGES), found=described(language))
        if not languages or len(set(languages)) < len(languages):
            _wrong("not a list of languages", expected="at least one, each once")
        return languages


class Cutoff(_Part):
    """The data cut-off: a ``date``, or why it is ``unknown``. In the file a date may stand alone."""

    date: dt.date | None = None
    unknown: Localized | None = None

    @model_validator(mode="before")
    @classmethod
    def _one(cls, value: Any) -> Any:
        given = {"date": value} if not isinstance(value, dict) else value
        if set(given) not in ({"date"}, {"unknown"}) or None in given.values():
            _wrong("not a data cut-off", expected='a date such as 2024-03-05, or unknown: "why"')
        return given

    @field_validator("date", mode="before")
    @classmethod
    def _iso(cls, value: Any) -> dt.date:
        try:
            if isinstance(value, str) and re.fullmatch(r"[0-9]{4}-[0-9]{2}-[0-9]{2}", value):
                return dt.date.fromisoformat(value)
        except ValueError:
            pass
        _wrong("not a date", expected="a day such as 2024-03-05", found=described(value))


class Data(_Part):
    """Where the patient data are: a folder with ADaM datasets, relative to the study file."""

    kind: Literal["adam"]
    path: Annotated[str, StringConstraints(min_length=1, max_length=1000)]
    cutoff: Cutoff
    encoding: Literal["auto", "utf-8", "gb18030"] = "auto"

    @model_validator(mode="before")
    @classmethod
    def _available(cls, value: Any) -> Any:
        kind = value.get("kind") if isinstance(value, dict) else None
        if kind in ("omop", "icsr", "registry", "ai-reads"):
            _wrong("this kind of data is not available in this version", expected="kind: adam", found=kind)
        return value

    @field_validator("path")
    @classmethod
    def _folder(cls, path: str) -> str:
        if "://" in path or not path.isprintable():
            _wrong("not a folder", expected="a folder on this machine, relative to the study file")
        return path


class Page(_Part):
    """What the page says of itself: whom to ask, its readers and its use, and where to report an adverse event."""

    contact: Localized | None = None
    audience: Localized | None = None
    use: Localized | None = None
    safety_contact: Localized | None = None


class IntercurrentEvent(_Part):
    """An intercurrent event of ICH E9(R1) and the strategy that addresses it, or one text that says both."""

    event: Localized | None = None
    strategy: Localized | None = None
    text: Localized | None = None

    @model_validator(mode="before")
    @classmethod
    def _stated(cls, value: Any) -> Any:
        if not isinstance(value, dict) or not set(value) & {"event", "strategy"}:
            return {"text": value}
        if value.get("event") is None or value.get("strategy") is None:
            _wrong("an intercurrent event needs its strategy", expected="event, strategy, and text where more is said")
        return value

    @model_serializer(mode="wrap")
    def _as_given(self, serialize: SerializerFunctionWrapHandler) -> Any:
        return self.text if self.event is None else serialize(self)


class Estimand(_Part):
    """The five attributes of ICH E9(R1); the fifth, the summary measure, in words."""

    treatment: Localized
    population: Localized
    variable: Localized
    intercurrent_events: tuple[IntercurrentEvent, ...]
    summary: Localized

    @field_validator("intercurrent_events")
    @classmethod
    def _some(cls, events: tuple[IntercurrentEvent, ...]) -> tuple[IntercurrentEvent, ...]:
        if not events:
            _wrong("no intercurrent event", expected="at least one text; say so where none was identified")
        return events


class Plain(_Part):
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


class Report(_Part):
    """One report: a notebook with its parameters. ``timeout`` is in seconds, ``title`` a question."""

    id: Slug
    title: Localized | None = None
    notebook: Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}(/[a-z0-9-]{1,64}){0,3}$")]
    parameters: dict[str, Any] = {}
    primary_measure: Literal["hazard_ratio", "rmst_difference", "survival_difference"]
    estimand: Estimand
    plain: Plain = Plain()
    limitations: tuple[Localized, ...] = ()
    timeout: Annotated[int, PlainValidator(_seconds)] = 20 * 60

    @field_validator("id")
    @classmethod
    def _free(cls, id: str) -> str:
        if id == "index":
            _wrong("this id is taken by the page that lists the reports", expected="another id")
        return id


class Disclosure(_Part):
    """The disclosure control that publishing needs; ``none`` needs a reason."""

    preset: Literal["none", "opensafely", "cms", "omop", "custom"]
    reason: Localized | None = None

    @model_validator(mode="after")
    def _reasoned(self) -> Disclosure:
        if self.preset == "none" and self.reason is None:
            _wrong("no disclosure control needs a reason", expected="reason, such as: public data")
        return self


class StudyContent(_Part):
    """What a study file holds."""

    version: Literal[1]
    study: Info
    data: Data
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
            _wrong("not a list of reports", expected=f"1 to {MAX_REPORTS} reports", found=found)
        return reports


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
