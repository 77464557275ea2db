"""Definitions of derived columns as a study file writes them, checked before any data are read.

::

    PDL1GR: {label: "PD-L1", from: PDL1, cuts: [1, 50], names: ["<1%", "1-49%", ">=50%"]}
    EGFRGR: {from: EGFR, levels: {Mutant: ["L858R", "EXON19DEL"], "Wild type": ["WT"]}, other: "Other"}
    ALBIGR: {function: albi_grade, inputs: {bilirubin: BILI, albumin: ALB}, units: {bilirubin: umol/L, albumin: g/L}}
    ALKGR:  {preset: lung.ALK, from: ALKRES, missing: "Not tested"}
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Literal, NoReturn

from evidence_lib.data.values import plain_text
from evidence_lib.endpoints.classification.presets import preset
from evidence_lib.endpoints.classification.scales import SCALES, Scale, grades
from evidence_lib.errors import StudyError
from evidence_lib.language import LANGUAGES, Localized
from evidence_lib.study.checking import COLUMN, described, suggestion

_KEYS = {
    "cuts": ("from", "cuts", "names", "closed"),
    "levels": ("from", "levels", "other"),
    "function": ("function", "inputs", "units"),
}
_ANYWHERE = ("label", "missing", "preset")


@dataclass(frozen=True, kw_only=True)
class Derived:
    """One derived column.

    ``kind`` is ``cuts`` (intervals of the numbers of ``source``; closed on the left, a cut belongs to the interval that
    it begins, on the right to the one that it ends), ``levels`` (groups of the values of ``source``; any other is
    ``other``) or ``function`` (a scale of ``SCALES`` of the columns ``inputs``). ``missing`` is the name of missing
    values; without one they stay missing. ``categories`` are all groups in order.
    """

    name: str
    kind: Literal["cuts", "levels", "function"]
    categories: tuple[str, ...]
    label: Localized | None = None
    source: str | None = None
    cuts: tuple[float, ...] = ()
    closed: Literal["left", "right"] = "left"
    levels: tuple[tuple[str, tuple[str, ...]], ...] = ()
    other: str | None = None
    missing: str | None = None
    function: str | None = None
    inputs: tuple[tuple[str, str], ...] = ()
    options: tuple[tuple[str, Any], ...] = ()


def parse_definitions(definitions: Mapping[str, Any], *, where: str = "variables") -> tuple[Derived, ...]:
    """Check the definitions of derived columns.

    Parameters
    ----------
    definitions : mapping
        From the new column's name to its definition.
    where : str
        The key of the study file that holds them, for messages.

    Returns
    -------
    tuple of Derived
        In the order given.

    Raises
    ------
    StudyError
        A name is no column name; a key, preset, function, input, unit or option is unknown (near names are suggested)
        or missing; cuts do not rise or do not fit the names; a value stands in two levels.
    """
    if not isinstance(definitions, Mapping):
        _wrong(where, "not a mapping", expected="from the new column's name to its definition", found=definitions)
    return tuple(_definition(name, given, f"{where}.{name}") for name, given in definitions.items())


def _definition(name: Any, given: Any, where: str) -> Derived:
    if not isinstance(name, str) or not COLUMN.fullmatch(name):
        _wrong(where[:60], "not a column name", expected="letters, digits and _, at most 32", found=name)
    if not isinstance(given, Mapping):
        _wrong(where, "not a definition", expected="cuts, levels, function or preset", found=given)
    if "preset" in given:
        given = {**_preset(given["preset"], where), **{key: given[key] for key in given if key != "preset"}}
    kinds = [kind for kind in _KEYS if kind in given]
    if len(kinds) != 1:
        near = suggestion(next(iter(map(str, given)), ""), _KEYS) if not kinds else None
        _wrong(where, "not a definition", expected="one of cuts, levels and function", mend=near)
    kind = kinds[0]
    scale = _scale(given["function"], where) if kind == "function" else None
    known = (*_KEYS[kind], *_ANYWHERE[:2], *(scale.options if scale else ()))
    for key in given:
        if key not in known:
            near = suggestion(str(key), known)
            _wrong(f"{where}.{str(key)[:40]}", "unknown key", expected=", ".join(known), mend=near)
    common = {"name": name, "label": _label(given, where), "missing": _text(given, "missing", where)}
    if scale is not None:
        return _of_function(given, scale, where, common)
    common["source"] = _column(given.get("from"), f"{where}.from")
    return _of_cuts(given, where, common) if kind == "cuts" else _of_levels(given, where, common)


def _preset(name: Any, where: str) -> dict[str, Any]:
    try:
        return preset(name)
    except StudyError as error:
        raise StudyError(
            error.what, where=f"{where}.preset", expected=error.expected, found=error.found, mend=error.mend
        ) from None


def _of_cuts(given: Mapping[str, Any], where: str, common: dict[str, Any]) -> Derived:
    cuts = given["cuts"]
    if not isinstance(cuts, list | tuple) or not cuts or not all(map(_is_number, cuts)):
        _wrong(f"{where}.cuts", "not a list of cuts", expected="one number or more", found=cuts)
    if any(low >= high for low, high in zip(cuts, cuts[1:], strict=False)):
        _wrong(f"{where}.cuts", "the cuts do not rise", expected="each above the one before")
    names = given.get("names")
    if not isinstance(names, list | tuple) or len(names) != len(cuts) + 1:
        count = len(names) if isinstance(names, list | tuple) else names
        _wrong(f"{where}.names", "the names do not fit the cuts", expected=f"{len(cuts) + 1} names", found=count)
    closed = given.get("closed", "left")
    if closed not in ("left", "right"):
        _wrong(f"{where}.closed", "not a side", expected="left or right", found=closed)
    categories = _categories([_name(one, f"{where}.names") for one in names], (common["missing"],), f"{where}.names")
    return Derived(kind="cuts", categories=categories, cuts=tuple(map(float, cuts)), closed=closed, **common)


def _of_levels(given: Mapping[str, Any], where: str, common: dict[str, Any]) -> Derived:
    levels = given["levels"]
    if not isinstance(levels, Mapping) or not levels:
        _wrong(f"{where}.levels", "not levels", expected="from each name to a list of values", found=levels)
    seen: dict[str, str] = {}
    parsed = []
    for level, values in levels.items():
        name = _name(level, f"{where}.levels")
        if not isinstance(values, list | tuple) or not values or any(isinstance(v, list | dict) for v in values):
            _wrong(f"{where}.levels.{name[:40]}", "not a list of values", expected="one value or more", found=values)
        texts = tuple(plain_text(value) or "" for value in values)
        for text in texts:
            if not text:
                _wrong(f"{where}.levels.{name[:40]}", "an empty value", mend="use missing: to name missing values")
            if seen.setdefault(text, name) != name:
                _wrong(f"{where}.levels.{name[:40]}", f"{described(text)} stands in {seen[text][:40]} too")
        parsed.append((name, texts))
    other = _text(given, "other", where)
    categories = _categories([name for name, _ in parsed], (other, common["missing"]), f"{where}.levels")
    return Derived(kind="levels", categories=categories, levels=tuple(parsed), other=other, **common)


def _of_function(given: Mapping[str, Any], scale: Scale, where: str, common: dict[str, Any]) -> Derived:
    inputs = _mapping(given, "inputs", where, (*scale.inputs, *scale.optional_inputs), needed=scale.inputs)
    units = _mapping(given, "units", where, tuple(scale.units), needed=tuple(scale.units))
    options: dict[str, Any] = {}
    for name, unit in units.items():
        keyword, allowed = scale.units[name]
        if unit not in allowed:
            near = suggestion(str(unit), allowed)
            _wrong(f"{where}.units.{name}", "unknown unit", expected=" or ".join(allowed), found=unit, mend=near)
        options[keyword] = unit
    for name in scale.required:
        if name not in given:
            _wrong(where, f"the key {name} is missing", expected=_choices(scale, name))
    for name in scale.options:
        if name in given:
            options[name] = _option(given[name], scale, name, where)
    columns = tuple((name, _column(column, f"{where}.inputs.{name}")) for name, column in inputs.items())
    categories = _categories(list(grades(given["function"], options)), (common["missing"],), where)
    return Derived(
        kind="function",
        categories=categories,
        function=given["function"],
        inputs=columns,
        options=tuple(options.items()),
        **common,
    )


def _option(value: Any, scale: Scale, name: str, where: str) -> Any:
    allowed = scale.options[name]
    if allowed is None:
        return tuple(value) if isinstance(value, list) else value
    if not any(type(value) is type(one) and value == one for one in allowed):
        _wrong(f"{where}.{name}", "not one of the choices", expected=_choices(scale, name), found=value)
    return value


def _choices(scale: Scale, name: str) -> str:
    return " or ".join(str(one).lower() if isinstance(one, bool) else str(one) for one in scale.options[name] or ())


def _scale(name: Any, where: str) -> Scale:
    if not isinstance(name, str) or name not in SCALES:
        near = suggestion(str(name), SCALES)
        _wrong(f"{where}.function", "unknown function", expected=", ".join(SCALES), found=name, mend=near)
    return SCALES[name]


def _mapping(
    given: Mapping[str, Any], key: str, where: str, known: tuple[str, ...], *, needed: tuple[str, ...]
) -> dict[str, Any]:
    """The mapping under a key: of known names, with all that are needed."""
    value = given.get(key, {})
    if not isinstance(value, Mapping):
        _wrong(f"{where}.{key}", "not a mapping", expected=", ".join(known), found=value)
    for name in value:
        if name not in known:
            near = suggestion(str(name), known)
            _wrong(f"{where}.{key}", "unknown name", expected=", ".join(known) or "none", found=name, mend=near)
    for name in needed:
        if name not in value:
            _wrong(f"{where}.{key}", f"the key {name} is missing", expected=", ".join(needed))
    return dict(value)


def _categories(names: list[str], extra: tuple[str | None, ...], where: str) -> tuple[str, ...]:
    found = (*names, *(name for name in extra if name is not None))
    if len(set(found)) < len(found):
        _wrong(where, "a name stands twice", expected="each group once")
    return found


def _column(value: Any, where: str) -> str:
    if not isinstance(value, str) or not value.strip():
        _wrong(where, "not a column", expected="the name of a column", found=value)
    return value


def _name(value: Any, where: str) -> str:
    text = plain_text(value) if isinstance(value, str | int | float) and not isinstance(value, bool) else None
    if text is None:
        _wrong(where, "not a name", expected="a text", found=value)
    return text


def _text(given: Mapping[str, Any], key: str, where: str) -> str | None:
    return _name(given[key], f"{where}.{key}") if key in given else None


def _label(given: Mapping[str, Any], where: str) -> Localized | None:
    label = given.get("label")
    texts = label.values() if isinstance(label, Mapping) else [label]
    if label is not None and not all(isinstance(text, str) and text.strip() for text in texts):
        _wrong(f"{where}.label", "not a text", expected="a text, or a map from language to text", found=label)
    if isinstance(label, Mapping) and not set(label) & {*LANGUAGES}:
        _wrong(f"{where}.label", "no text in a known language", expected=" or ".join(LANGUAGES))
    return label


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def _wrong(
    where: str, what: str, *, expected: str | None = None, found: Any = ..., mend: str | None = None
) -> NoReturn:
    shown = None if found is ... else described(found)
    raise StudyError(what, where=where, expected=expected, found=shown, mend=mend)
