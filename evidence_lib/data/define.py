"""Define-XML 2.0 and 2.1: the labels, codelists, keys and origins that a sponsor states for its data sets.

Only what the checks use is read; value-level metadata are not. Source: CDISC Define-XML Specification 2.1, section 5.
"""

from __future__ import annotations

import xml.etree.ElementTree as ET
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

from evidence_lib.data.encodings import decode_text
from evidence_lib.errors import DataError

LARGEST = 64 * 2**20  # bytes; a define.xml of a large study has a few million
REFUSED = ("<!DOCTYPE", "<!ENTITY")


@dataclass(frozen=True, kw_only=True)
class DefinedColumn:
    """One column as define.xml states it; ``key`` is its place in the data set's key, from 1.

    ``codelist`` is empty where any value is allowed, or where the list is an external dictionary such as MedDRA.
    """

    name: str
    label: str = ""
    origin: str = ""
    codelist: tuple[str, ...] = ()
    key: int | None = None
    mandatory: bool = False


@dataclass(frozen=True)
class Define:
    """The columns of each data set, by upper-case names."""

    datasets: Mapping[str, Mapping[str, DefinedColumn]] = field(default_factory=dict)

    def columns(self, dataset: str) -> Mapping[str, DefinedColumn]:
        """The columns of a data set; none where define.xml does not describe it."""
        return self.datasets.get(dataset.upper(), {})

    def labels(self, dataset: str) -> dict[str, str]:
        """The labels of a data set's columns."""
        return {name: column.label for name, column in self.columns(dataset).items() if column.label}


def find_define(folder: Path) -> Path | None:
    """The define.xml of a folder (``define.xml``, ``define-2-1.xml`` ...). Raises DataError where there are several."""
    named = [
        path
        for path in sorted(folder.iterdir())
        if path.is_file() and path.name.lower().startswith("define") and path.suffix.lower() == ".xml"
    ]
    exact = [path for path in named if path.name.lower() == "define.xml"]
    found = exact or named
    if len(found) > 1:
        raise DataError(
            "there is more than one define.xml",
            where=folder.name,
            found=", ".join(path.name for path in found),
            mend="keep the one that belongs to these data",
        )
    return found[0] if found else None


def read_define(path: Path) -> Define:
    """What a define.xml states.

    Raises DataError for a file that cannot be read as Define-XML 2, that holds a document type or entities (they may
    pull in other files or grow without limit), or that is larger than 64 MB.
    """
    where = path.name
    try:
        size = path.stat().st_size
        content = path.read_bytes() if size <= LARGEST else b""
    except OSError as error:
        raise DataError("the file cannot be read", where=where, found=type(error).__name__) from error
    if size > LARGEST:
        raise DataError("the file is too large for a define.xml", where=where, expected="at most 64 MB")
    text, _ = decode_text(content, where=where)
    if any(mark in text.upper() for mark in REFUSED):
        raise DataError(
            "a document type or entity is not read", where=where, mend="remove the DOCTYPE; Define-XML needs none"
        )
    try:
        root = ET.fromstring(text)
    except (ET.ParseError, ValueError) as error:
        position = getattr(error, "position", None)
        found = f"line {position[0]}" if position else type(error).__name__
        raise DataError("the file is not well-formed XML", where=where, found=found, mend="export it again") from None
    metadata = next(_inside(root, "MetaDataVersion"), None)
    if metadata is None:
        raise DataError("this is not Define-XML", where=where, expected="ODM with a MetaDataVersion")
    return Define(_datasets(metadata))


def _datasets(metadata: ET.Element) -> dict[str, dict[str, DefinedColumn]]:
    codelists = {_value(entry, "OID"): _codes(entry) for entry in _children(metadata, "CodeList")}
    items = {_value(item, "OID"): item for item in _children(metadata, "ItemDef")}
    found: dict[str, dict[str, DefinedColumn]] = {}
    for group in _children(metadata, "ItemGroupDef"):
        columns: dict[str, DefinedColumn] = {}
        for reference in _children(group, "ItemRef"):
            item = items.get(_value(reference, "ItemOID"))
            if item is not None and _value(item, "Name"):
                column = _column(item, reference, codelists)
                columns[column.name] = column
        found[_value(group, "Name").upper()] = columns
    return found


def _column(item: ET.Element, reference: ET.Element, codelists: Mapping[str, tuple[str, ...]]) -> DefinedColumn:
    list_of = next(_children(item, "CodeListRef"), None)
    origin = next(_children(item, "Origin"), None)
    place = _value(reference, "KeySequence")
    return DefinedColumn(
        name=_value(item, "Name").upper(),
        label=_text(item),
        origin=_value(origin, "Type") if origin is not None else "",
        codelist=codelists.get(_value(list_of, "CodeListOID"), ()) if list_of is not None else (),
        key=int(place) if place.isascii() and place.isdigit() else None,
        mandatory=_value(reference, "Mandatory") == "Yes",
    )


def _codes(entry: ET.Element) -> tuple[str, ...]:
    items = [*_children(entry, "CodeListItem"), *_children(entry, "EnumeratedItem")]
    return tuple(dict.fromkeys(_value(item, "CodedValue") for item in items))


def _text(item: ET.Element) -> str:
    """The description in English, else in the first language."""
    texts = [
        text for description in _children(item, "Description") for text in _children(description, "TranslatedText")
    ]
    english = [text for text in texts if _value(text, "lang").lower().startswith("en")]
    chosen = next(iter(english or texts), None)
    return " ".join((chosen.text or "").split()) if chosen is not None else ""


def _local(name: str) -> str:
    """A name without its namespace: those of Define-XML 2.0 and 2.1 differ."""
    return name.rpartition("}")[2]


def _value(element: ET.Element, attribute: str) -> str:
    return next((value.strip() for name, value in element.attrib.items() if _local(name) == attribute), "")


def _children(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (child for child in element if _local(str(child.tag)) == name)


def _inside(element: ET.Element, name: str) -> Iterator[ET.Element]:
    return (child for child in element.iter() if _local(str(child.tag)) == name)
