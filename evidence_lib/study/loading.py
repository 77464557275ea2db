"""From a path to a study: find the file, read it strictly, and say what is wrong with file, line and key."""

from __future__ import annotations

import hashlib
import types
import typing
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ValidationError

from evidence_lib.errors import DisclosureError, ParameterError, StudyError
from evidence_lib.language import LANGUAGES
from evidence_lib.study.checking import check_parameters, described, merged, suggestion
from evidence_lib.study.model import Study, StudyContent
from evidence_lib.study.parameters import REPORT_PARAMETERS
from evidence_lib.study.strict_yaml import Document, KeyPath, read_document


def find_study_file(path_text: str) -> Path:
    """The study file of this path: a relative one is looked for in the working directory, then in each parent.

    papermill runs a notebook in the caller's directory and JupyterLab in the notebook's, and both must find
    ``data/gbsg2/study.yml``. Raises StudyError where there is no such file.
    """
    here = Path.cwd()
    for folder in (here, *here.parents):
        candidate = folder / path_text
        try:
            if candidate.is_file():
                return candidate
            if candidate.is_dir() and (candidate / "study.yml").is_file():
                raise StudyError("a folder, not a study file", where=path_text, mend="name the study.yml in it")
        except OSError as error:
            raise StudyError(
                "the study file cannot be read", where=path_text[:80], found=error.strerror or "an error"
            ) from None
    raise StudyError(
        "no such study file", where=path_text[:200], expected="a file in the working directory or in one of its parents"
    )


def load_study(path: str | Path) -> Study:
    """Read and check a study file.

    Raises
    ------
    StudyError
        The file cannot be read, is not strict YAML (see ``strict_yaml.parse``), or does not fit the model: a key
        that is unknown, missing or of the wrong kind, a text that lacks a language of the study, two reports of one
        id. ``where`` is ``study.yml:12 (reports[0].timeout)``.
    ParameterError
        A report's parameter is unknown, of the wrong type or out of range.
    """
    file = Path(path).absolute()
    document, data = read_document(file, name=_shown(file))
    try:
        content = StudyContent.model_validate(document.value, context={"languages": _languages(document.value)})
    except ValidationError as error:
        raise _first(error, document) from None
    _check_reports(content, document)
    parts = {name: getattr(content, name) for name in StudyContent.model_fields}
    return Study.model_construct(**parts, path=file, sha256=hashlib.sha256(data).hexdigest())


def resolve(study: Study, report_id: str, given: Mapping[str, Any]) -> dict[str, Any]:
    """Every parameter of a report: the given value, else the study file's, else the default.

    ``study``, ``report`` and ``language`` are not among them. Raises StudyError for an unknown report, ParameterError
    for a value that its parameter does not take, or values that contradict each other.
    """
    return merged(study.report(report_id).parameters, given)


def require_supported(study: Study) -> None:
    """Refuse to run a study that asks for disclosure control, until there is one (DisclosureError, exit 9)."""
    if study.disclosure.preset != "none":
        raise DisclosureError(
            f"disclosure control {study.disclosure.preset} is not available in this version",
            where=f"{study.path.name} (disclosure.preset)",
            expected="preset none, with a reason: nothing is published without the control you ask for",
        )


def _languages(value: Mapping[str, Any]) -> list[str]:
    """The languages that texts must have; none where the list itself is wrong, which the model then says."""
    section = value.get("study")
    listed = section.get("languages", ["en"]) if isinstance(section, dict) else []
    return listed if isinstance(listed, list) and all(name in LANGUAGES for name in listed) else []


def _shown(path: Path) -> str:
    """The file as messages call it: from the working directory where it stands below that."""
    here = Path.cwd()
    return str(path.relative_to(here) if path.is_relative_to(here) else path)


def _check_reports(content: StudyContent, document: Document) -> None:
    seen: dict[str, int] = {}
    for position, report in enumerate(content.reports):
        at: KeyPath = ("reports", position)
        if report.id in seen:
            where = document.where((*at, "id"))
            raise StudyError("two reports have one id", where=where, found=f"it first in reports[{seen[report.id]}]")
        seen[report.id] = position
        try:
            check_parameters(report.parameters, allowed=REPORT_PARAMETERS)
            merged(report.parameters, {})
        except ParameterError as error:
            path = (*at, "parameters", error.where) if error.where in report.parameters else (*at, "parameters")
            where = document.where(path)
            raise ParameterError(
                error.what, where=where, expected=error.expected, found=error.found, mend=error.mend
            ) from None


def _first(error: ValidationError, document: Document) -> StudyError:
    """The problem to mend first: an unknown key (which explains a missing one), then the others from the top."""
    order = {"extra_forbidden": 0, "missing": 2}
    details = error.errors(include_url=False, include_input=True)
    detail = min(details, key=lambda one: (order.get(one["type"], 1), _line(document, one["loc"])))
    path, kind, context = detail["loc"], detail["type"], detail.get("ctx", {})
    if kind == "study":
        rest = {name: context[name] or None for name in ("expected", "found", "mend")}
        return StudyError(context["what"], where=document.where(path), **rest)
    if kind == "extra_forbidden":
        names = _fields_at(path[:-1])
        near = suggestion(str(path[-1]), names)
        return StudyError("unknown key", where=document.where(path), expected=", ".join(names), mend=near)
    if kind == "missing":
        return StudyError(f"the key {path[-1]} is missing", where=document.where(path[:-1]))
    found = described(detail["input"])
    if kind == "literal_error":
        near = suggestion(
            str(detail["input"]), str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        )
        return StudyError(
            "not one of the choices", where=document.where(path), expected=context["expected"], found=found, mend=near
        )
    if kind == "string_pattern_mismatch":
        return StudyError("not of the right form", where=document.where(path), expected=_form(path), found=found)
    return StudyError(
        "not of the right kind", where=document.where(path), expected=_expected(detail["msg"]), found=found
    )


def _line(document: Document, path: KeyPath) -> int:
    while path and path not in document.lines:
        path = path[:-1]
    return document.lines.get(path, 0)


def _form(path: KeyPath) -> str:
    if path[-1] == "notebook":
        return "a notebook such as trial/survival"
    return "1 to 64 of the characters a to z, 0 to 9 and -"


def _expected(text: str) -> str:
    """Pydantic's own sentence without its opening."""
    return text.removeprefix("Input should be ").removeprefix("Value should have ")


def _fields_at(path: KeyPath) -> list[str]:
    """The keys that the model knows at this place of the file."""
    model: type[BaseModel] = StudyContent
    for part in path:
        if isinstance(part, str):
            field = model.model_fields.get(part)  # none: a key of a mapping, whose values the model describes
            model = (_model_in(field.annotation) if field else None) or model
    return list(model.model_fields)


def _model_in(annotation: Any) -> type[BaseModel] | None:
    if (
        isinstance(annotation, type)
        and not isinstance(annotation, types.GenericAlias)
        and issubclass(annotation, BaseModel)
    ):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := _model_in(part))), None)
