"""Definitions that come with the library, as data: ``presets/*.yml`` beside this package."""

from __future__ import annotations

from functools import cache
from pathlib import Path
from typing import Any

from evidence_lib.errors import StudyError
from evidence_lib.study.checking import described, suggestion
from evidence_lib.study.strict_yaml import read_document

FOLDER = Path(__file__).parents[1] / "presets"


def preset(name: str) -> dict[str, Any]:
    """A definition that comes with the library, as a study file would write it.

    Parameters
    ----------
    name : str
        File and name in it, such as ``lung.PDL1_TPS``.

    Returns
    -------
    dict
        The definition, for ``parse_definitions``.

    Raises
    ------
    StudyError
        There is no preset of this name; near ones are suggested.
    """
    known = _presets()
    if not isinstance(name, str) or name not in known:
        raise StudyError(
            "no such preset",
            expected=", ".join(known),
            found=described(name),
            mend=suggestion(str(name), known),
        )
    return dict(known[name])


def preset_names() -> tuple[str, ...]:
    """The names of all presets."""
    return tuple(_presets())


@cache
def _presets() -> dict[str, dict[str, Any]]:
    found = {}
    for path in sorted(FOLDER.glob("*.yml")):
        document, _ = read_document(path, name=path.name)
        found.update({f"{path.stem}.{name}": definition for name, definition in document.value.items()})
    return found
