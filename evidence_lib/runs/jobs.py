"""What is asked of one report's execution, and what came of it: both plain JSON, to cross a process boundary."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, fields
from pathlib import Path
from typing import Any, Literal


@dataclass(frozen=True, kw_only=True)
class Job:
    """One report to execute.

    ``out`` is the folder that receives its files; ``folder`` the study's, in which the kernel works; ``timeout`` is in
    seconds, for the whole report with its pages; ``run`` holds what the page says about the run (id, start, inputs).
    """

    report: str
    notebook: Path
    parameters: Mapping[str, Any]
    languages: tuple[str, ...]
    folder: Path
    out: Path
    timeout: float
    run: Mapping[str, Any] = field(default_factory=dict)

    def to_json(self) -> str:
        """One line of JSON."""
        record = {name: str(value) if isinstance(value, Path) else value for name, value in asdict(self).items()}
        return json.dumps(record, ensure_ascii=True, allow_nan=False)

    @classmethod
    def from_json(cls, line: str) -> Job:
        """The inverse of ``to_json``."""
        record = json.loads(line)
        for name in ("notebook", "folder", "out"):
            record[name] = Path(record[name])
        return cls(**{**record, "languages": tuple(record["languages"])})


@dataclass(frozen=True)
class Output:
    """A file of a report: its name, the SHA-256 of its bytes, and their number."""

    name: str
    sha256: str
    bytes: int


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What came of one report: ``exit_code`` 0 with its outputs, or the code, class name and text of the cause."""

    report: str
    exit_code: int
    seconds: float = 0.0
    cause: str | None = None
    message: str | None = None
    outputs: tuple[Output, ...] = ()

    @property
    def status(self) -> Literal["ok", "failed"]:
        """``ok`` only for exit code 0."""
        return "ok" if self.exit_code == 0 else "failed"

    def to_json(self) -> dict[str, Any]:
        """Plain JSON types, the status among them."""
        values = {f.name: getattr(self, f.name) for f in fields(self)}
        return {**values, "status": self.status, "outputs": [asdict(output) for output in self.outputs]}


def fingerprint(path: Path, name: str | None = None) -> Output:
    """The hash and size of a file, under its own name or another."""
    digest, size = hashlib.sha256(), 0
    with path.open("rb") as stream:
        while block := stream.read(1 << 20):
            digest.update(block)
            size += len(block)
    return Output(name or path.name, digest.hexdigest(), size)


def page_name(report: str, language: str, languages: Sequence[str]) -> str:
    """The file of a report's page: the first language needs no mark."""
    return f"{report}.html" if language == languages[0] else f"{report}.{language}.html"
