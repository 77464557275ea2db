"""What every part of the study file's model is made of: strict parts, texts in languages, ids, and refusals."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Annotated, Any, NoReturn

from pydantic import BaseModel, ConfigDict, PlainValidator, StringConstraints, ValidationInfo
from pydantic_core import PydanticCustomError

from evidence_lib.study.checking import described

_TAG = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-[A-Z]{2})?")


def wrong(what: str, *, expected: str = "", found: str = "", mend: str = "") -> NoReturn:
    """Refuse a value with the parts of an EvidenceError; pydantic adds where it stands."""
    raise PydanticCustomError("study", "wrong", {"what": what, "expected": expected, "found": found, "mend": mend})


def _localized(value: Any, info: ValidationInfo) -> str | Mapping[str, str]:
    if isinstance(value, str):
        if not value.strip():
            wrong("the text is empty", expected="a text")
        return value
    if not isinstance(value, dict):
        wrong("not a text", expected="a text, or a map from language to text", found=described(value))
    for language, text in value.items():
        if not _TAG.fullmatch(language):
            wrong("not a language", expected="a map from language (en, zh-Hans) to text", found=described(language))
        if not isinstance(text, str) or not text.strip():
            wrong(f"no text for {language}", expected="a text", found=described(text))
    missing = [language for language in (info.context or {}).get("languages", ()) if language not in value]
    if missing:
        wrong(f"no text for {', '.join(missing)}", expected="a text in every language of study.languages")
    return value


Localized = Annotated[str | Mapping[str, str], PlainValidator(_localized)]
Slug = Annotated[str, StringConstraints(pattern=r"^[a-z0-9-]{1,64}$")]


class Part(BaseModel):
    """A part of the study file: frozen, and without keys of its own making."""

    model_config = ConfigDict(frozen=True, extra="forbid")
